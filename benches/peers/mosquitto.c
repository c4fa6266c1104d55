/* libmosquitto, doing the benchmark's jobs: mosquitto single|thread PORT VERB QOS SIZE COUNT */
#include <mosquitto.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOPIC "bench/topic"
#define WINDOW 100

static long count, acknowledged, received;
static bool connected, subscribed, threaded;
static double first, last;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void stir(void)
{
    if (threaded) {
        pthread_mutex_lock(&lock);
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
}

static void on_connect(struct mosquitto *m, void *p, int code)
{
    (void)m, (void)p;
    connected = code == 0;
    stir();
}

static void on_publish(struct mosquitto *m, void *p, int id)
{
    (void)m, (void)p, (void)id;
    __atomic_add_fetch(&acknowledged, 1, __ATOMIC_SEQ_CST);
    stir();
}

static void on_subscribe(struct mosquitto *m, void *p, int id, int n, const int *q)
{
    (void)m, (void)p, (void)id, (void)n, (void)q;
    subscribed = true;
    stir();
}

static void on_message(struct mosquitto *m, void *p, const struct mosquitto_message *message)
{
    (void)m, (void)p, (void)message;
    if (received == 0) first = now();
    received++;
    if (received == count) {
        last = now();
        stir();
    }
}

/* Waits until `*value` is at least `goal`. */
static void until(struct mosquitto *m, volatile long *value, long goal)
{
    if (!threaded) {
        while (*value < goal && mosquitto_loop(m, 1000, 1) == MOSQ_ERR_SUCCESS) {}
        return;
    }
    pthread_mutex_lock(&lock);
    while (__atomic_load_n(value, __ATOMIC_SEQ_CST) < goal) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void until_true(struct mosquitto *m, volatile bool *value)
{
    while (!*value) {
        if (!threaded) {
            if (mosquitto_loop(m, 1000, 1) != MOSQ_ERR_SUCCESS) exit(1);
        } else {
            struct timespec t = {0, 1000000};
            nanosleep(&t, NULL);
        }
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc != 7) return 2;
    threaded = strcmp(argv[1], "thread") == 0;
    int port = atoi(argv[2]), qos = atoi(argv[4]);
    const char *verb = argv[3];
    size_t size = (size_t)atol(argv[5]);
    count = atol(argv[6]);
    char *payload = malloc(size + 1);
    memset(payload, 'x', size);

    mosquitto_lib_init();
    struct mosquitto *m = mosquitto_new("bench", true, NULL);
    mosquitto_connect_callback_set(m, on_connect);
    mosquitto_publish_callback_set(m, on_publish);
    mosquitto_subscribe_callback_set(m, on_subscribe);
    mosquitto_message_callback_set(m, on_message);
    mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_max_inflight_messages_set(m, WINDOW);
    if (mosquitto_connect(m, "127.0.0.1", port, 60) != MOSQ_ERR_SUCCESS) return 1;
    if (threaded) mosquitto_loop_start(m);
    until_true(m, &connected);

    if (strcmp(verb, "publish") == 0) {
        double start = now();
        long window = qos == 0 ? 10000 : 1000;
        for (long i = 0; i < count; i++) {
            if (mosquitto_publish(m, NULL, TOPIC, (int)size, payload, qos, false) != 0) return 1;
            if (qos > 0 && i >= window) until(m, &acknowledged, i - window);
        }
        long before = qos == 0 && threaded ? count : acknowledged;
        if (qos > 0 || threaded) until(m, &acknowledged, count);
        before = acknowledged;
        mosquitto_publish(m, NULL, TOPIC, 0, NULL, 1, false);
        until(m, &acknowledged, before + 1);
        printf("%f\n", (double)count / (now() - start));
    } else if (strcmp(verb, "latency") == 0) {
        double *times = malloc((size_t)count * sizeof *times);
        for (long i = 0; i < count; i++) {
            double start = now();
            mosquitto_publish(m, NULL, TOPIC, (int)size, payload, 1, false);
            until(m, &acknowledged, i + 1);
            times[i] = (now() - start) * 1e6;
        }
        qsort(times, (size_t)count, sizeof *times, by_value);
        printf("%f\n", times[count / 2]);
    } else {
        mosquitto_subscribe(m, NULL, TOPIC, qos);
        until(m, &received, count);
        printf("%f\n", (double)count / (last - first));
    }
    fflush(stdout);
    _Exit(0);
}
