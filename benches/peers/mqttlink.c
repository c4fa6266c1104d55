/* The C library, doing the benchmark's jobs: mqttlink-c PORT VERB QOS SIZE COUNT; and the same as a library
   that the benchmark loads, `bench_connect` and `bench_run`. */
#include <mqttlink.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOPIC "bench/topic"
#define PATIENCE_MS 120000

static mqttlink_client *client;
static const char *verb, *payload;
static int qos;
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

static void on_message(void *user, mqttlink_client *receiver, const mqttlink_message *message)
{
    (void)user, (void)receiver;
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
static void publish_all(void)
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

static void acknowledged(size_t len)
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

static double latency(void)
{
    double *times = malloc((size_t)count * sizeof *times);
    for (long i = 0; i < count; i++) {
        double start = now();
        acknowledged(size);
        times[i] = (now() - start) * 1e6;
    }
    qsort(times, (size_t)count, sizeof *times, by_value);
    double median = times[count / 2];
    free(times);
    return median;
}

static void receive_by_handler(void)
{
    received = 0;
    finished = false;
    mqttlink_subscription *subscription = mqttlink_subscription_new();
    must(mqttlink_subscription_add(subscription, TOPIC, qos));
    must(mqttlink_subscription_set_handler(subscription, on_message, NULL, NULL));
    must(mqttlink_client_subscribe(client, subscription, NULL));
    mqttlink_subscription_free(subscription);
    pthread_mutex_lock(&lock);
    while (!finished) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void receive_all(void)
{
    must(mqttlink_client_subscribe_one(client, TOPIC, qos, NULL));
    for (long i = 0; i < count; i++) {
        mqttlink_message *message;
        must(mqttlink_client_receive(client, PATIENCE_MS, &message));
        check(message);
        mqttlink_message_free(message);
        if (i == 0) first = now();
    }
    last = now();
}

void bench_connect(int port, const char *what, int quality, size_t bytes, long messages)
{
    verb = what;
    qos = quality;
    size = bytes;
    count = messages;
    char *filled = malloc(size + 1);
    memset(filled, 'x', size);
    payload = filled;

    mqttlink_options *options;
    must(mqttlink_options_new_for("127.0.0.1", (unsigned short)port, &options));
    must(mqttlink_options_set_version(options, MQTTLINK_MQTT_3_1_1));
    must(mqttlink_options_set_window(options, 100));
    must(mqttlink_options_set_keep_alive(options, 0));
    must(mqttlink_options_set_publish_timeout(options, PATIENCE_MS));
    must(mqttlink_options_set_response_timeout(options, PATIENCE_MS));
    must(mqttlink_client_new(options, &client));
    mqttlink_options_free(options);
    must(mqttlink_client_connect(client, NULL));
}

/* Messages per second, or for latency the median in microseconds. */
double bench_run(void)
{
    if (strcmp(verb, "latency") == 0) return latency();
    if (strcmp(verb, "publish") == 0) {
        first = now();
        publish_all();
        acknowledged(0);
        last = now();
    } else if (strcmp(verb, "receive-handler") == 0) {
        receive_by_handler();
    } else {
        receive_all();
    }
    return (double)count / (last - first);
}

int main(int argc, char **argv)
{
    if (argc != 6) return 2;
    bench_connect(atoi(argv[1]), argv[2], atoi(argv[3]), (size_t)atol(argv[4]), atol(argv[5]));
    printf("%f\n", bench_run());
    fflush(stdout);
    _Exit(0);
}
