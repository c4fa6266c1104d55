/* The C library, doing the benchmark's jobs: mqttlink-c PORT VERB QOS SIZE COUNT */
#include <mqttlink.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOPIC "bench/topic"
#define PATIENCE_MS 120000

static long count, received;
static size_t size;
static double first, last;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool finished;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(mqttlink_status status)
{
    if (status != MQTTLINK_OK) {
        fprintf(stderr, "mqttlink-c: %s\n", mqttlink_last_error_message());
        exit(1);
    }
}

static void check(const mqttlink_message *message)
{
    size_t len;
    mqttlink_message_payload(message, &len);
    if (len != size) exit(1);
}

static void on_message(void *user, mqttlink_client *client, const mqttlink_message *message)
{
    (void)user, (void)client;
    check(message);
    if (received == 0) first = now();
    if (++received < count) return;
    last = now();
    pthread_mutex_lock(&lock);
    finished = true;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

/* A small payload is copied, a large one shared: what a program would do, and what Rust's row does. */
static void publish_all(mqttlink_client *client, const char *payload, int qos)
{
    if (size < 4096) {
        for (long i = 0; i < count; i++)
            must(mqttlink_client_publish(client, TOPIC, payload, size, qos, false, NULL, NULL));
        return;
    }
    mqttlink_payload *shared;
    must(mqttlink_payload_new(payload, size, NULL, NULL, &shared));
    for (long i = 0; i < count; i++)
        must(mqttlink_client_publish_payload(client, TOPIC, shared, qos, false, NULL,
                                             MQTTLINK_DEFAULT, NULL));
    mqttlink_payload_free(shared);
}

static void acknowledged(mqttlink_client *client, const char *payload, size_t len)
{
    mqttlink_delivery *delivery;
    must(mqttlink_client_publish(client, TOPIC, payload, len, 1, false, NULL, &delivery));
    must(mqttlink_delivery_wait(delivery, PATIENCE_MS));
    mqttlink_delivery_free(delivery);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void subscribe(mqttlink_client *client, int qos, mqttlink_message_fn handler)
{
    mqttlink_subscription *subscription = mqttlink_subscription_new();
    must(mqttlink_subscription_add(subscription, TOPIC, qos));
    must(mqttlink_subscription_set_handler(subscription, handler, NULL, NULL));
    must(mqttlink_client_subscribe(client, subscription, NULL));
    mqttlink_subscription_free(subscription);
}

int main(int argc, char **argv)
{
    if (argc != 6) return 2;
    const char *verb = argv[2];
    int qos = atoi(argv[3]);
    size = (size_t)atol(argv[4]);
    count = atol(argv[5]);
    char *payload = malloc(size + 1);
    memset(payload, 'x', size);

    mqttlink_options *options;
    mqttlink_client *client;
    must(mqttlink_options_new_for("127.0.0.1", (unsigned short)atoi(argv[1]), &options));
    must(mqttlink_options_set_version(options, MQTTLINK_MQTT_3_1_1));
    must(mqttlink_options_set_window(options, 100));
    must(mqttlink_options_set_keep_alive(options, 0));
    must(mqttlink_options_set_publish_timeout(options, PATIENCE_MS));
    must(mqttlink_client_new(options, &client));
    must(mqttlink_client_connect(client, NULL));

    if (strcmp(verb, "publish") == 0) {
        double start = now();
        publish_all(client, payload, qos);
        acknowledged(client, "", 0);
        printf("%f\n", (double)count / (now() - start));
    } else if (strcmp(verb, "latency") == 0) {
        double *times = malloc((size_t)count * sizeof *times);
        for (long i = 0; i < count; i++) {
            double start = now();
            acknowledged(client, payload, size);
            times[i] = (now() - start) * 1e6;
        }
        qsort(times, (size_t)count, sizeof *times, by_value);
        printf("%f\n", times[count / 2]);
    } else if (strcmp(verb, "receive-handler") == 0) {
        subscribe(client, qos, on_message);
        pthread_mutex_lock(&lock);
        while (!finished) pthread_cond_wait(&changed, &lock);
        pthread_mutex_unlock(&lock);
        printf("%f\n", (double)count / (last - first));
    } else {
        must(mqttlink_client_subscribe_one(client, TOPIC, qos, NULL));
        for (long i = 0; i < count; i++) {
            mqttlink_message *message;
            must(mqttlink_client_receive(client, PATIENCE_MS, &message));
            check(message);
            mqttlink_message_free(message);
            if (i == 0) first = now();
        }
        printf("%f\n", (double)count / (now() - first));
    }
    fflush(stdout);
    _Exit(0);
}
