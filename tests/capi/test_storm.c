/* Many threads do everything at random with shared clients, which are freed under their hands, while the
 * links are cut. STORM_SECONDS says for how long (2). */
#include "server.h"

#include <stdatomic.h>

#define THREADS 8
#define SHARED 4

static server *broker;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static mqttlink_client *shared[SHARED];
static atomic_bool over;
static atomic_long calls, messages;

static void on_message(void *user, mqttlink_client *client, const mqttlink_message *message) {
    (void)user;
    atomic_fetch_add(&messages, 1);
    if (mqttlink_message_topic(message)[0] == 'e')
        mqttlink_client_publish(client, "quiet", "again", 5, 1, false, NULL, NULL);
}

static void on_published(void *user, mqttlink_client *client, uint64_t id,
                         const mqttlink_error *error, int32_t reason) {
    (void)user, (void)client, (void)id, (void)error, (void)reason;
}

static atomic_long lent, given_back, asked, told;

static void on_outcome(void *user, mqttlink_client *client, uint64_t id, const mqttlink_error *error,
                       int32_t reason) {
    on_published(user, client, id, error, reason);
    atomic_fetch_add(&told, 1);
}

static void give_back(void *bytes) {
    free(bytes);
    atomic_fetch_add(&given_back, 1);
}

/* Bytes that are the library's until it gives them back, whatever becomes of the client. */
static void publish_lent(mqttlink_client *client, int qos) {
    mqttlink_payload *payload;
    void *bytes = calloc(1, 5000);
    CHECK(bytes);
    OK(mqttlink_payload_new(bytes, 5000, give_back, bytes, &payload));
    atomic_fetch_add(&lent, 1);
    mqttlink_client_publish_payload(client, "e/3", payload, qos, false, NULL, MQTTLINK_DEFAULT, NULL);
    mqttlink_payload_free(payload);
}

static int64_t fill(void *user, void *data, size_t size) {
    (void)user;
    memset(data, 'x', size);
    return (int64_t)size;
}

/* With a handler of its own for the filter. */
static void subscribe(mqttlink_client *client, int qos) {
    mqttlink_subscription *subscription = mqttlink_subscription_new();
    OK(mqttlink_subscription_add(subscription, "e/3", qos));
    OK(mqttlink_subscription_set_handler(subscription, on_message, malloc(1), free));
    mqttlink_client_subscribe(client, subscription, NULL);
    mqttlink_subscription_free(subscription);
}

static void reconfigure(mqttlink_client *client) {
    mqttlink_options *options;
    OK(mqttlink_options_new(server_url(broker), &options));
    OK(mqttlink_options_set_credentials(options, "user", "another password"));
    mqttlink_client_reconfigure(client, options);
    mqttlink_options_free(options);
}

static mqttlink_client *fresh(void) {
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_options_new(server_url(broker), &options));
    OK(mqttlink_options_on_message(options, on_message, NULL, NULL));
    OK(mqttlink_options_on_published(options, on_published, NULL, NULL));
    OK(mqttlink_options_set_response_timeout(options, 200));
    OK(mqttlink_options_set_publish_timeout(options, 200));
    OK(mqttlink_options_set_drain_timeout(options, 50));
    OK(mqttlink_client_new(options, &client));
    mqttlink_options_free(options);
    return client;
}

static unsigned next(unsigned *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void one_call(unsigned *seed) {
    unsigned place = next(seed) % SHARED;
    int qos = (int)(next(seed) % 3);
    pthread_mutex_lock(&lock);
    mqttlink_client *client = shared[place];
    pthread_mutex_unlock(&lock);
    mqttlink_delivery *delivery = NULL;
    mqttlink_message *message = NULL;
    mqttlink_statistics statistics;
    const char *filter = "e/#";
    uint64_t id;
    atomic_fetch_add(&calls, 1);
    switch (next(seed) % 25) {
    case 0:
    case 1:
        mqttlink_client_connect(client, NULL);
        break;
    case 2:
        mqttlink_client_reconnect(client, NULL);
        break;
    case 3:
        mqttlink_client_disconnect(client);
        break;
    case 4:
        mqttlink_client_abort(client);
        break;
    case 5:
        mqttlink_client_interrupt(client);
        break;
    case 6:
        mqttlink_client_subscribe_one(client, "e/#", qos, NULL);
        break;
    case 7:
        mqttlink_client_unsubscribe(client, &filter, 1, NULL, NULL);
        break;
    case 8:
        if (mqttlink_client_receive(client, next(seed) % 20, &message) == MQTTLINK_OK)
            mqttlink_message_free(message);
        break;
    case 9:
        mqttlink_client_statistics(client, &statistics, sizeof statistics);
        mqttlink_client_last_error(client);
        CHECK(mqttlink_last_error_message() != NULL);
        break;
    case 10:
        mqttlink_client_publish_event(client, "e/2", "x", 1, qos, false, NULL, &id);
        break;
    case 11:
        if (next(seed) % 8 == 0)
            server_cut(broker);
        break;
    case 12:
        if (next(seed) % 8 == 0) {
            mqttlink_client *made = fresh();
            pthread_mutex_lock(&lock);
            mqttlink_client *old = shared[place];
            shared[place] = made;
            pthread_mutex_unlock(&lock);
            mqttlink_client_free(old);
        }
        break;
    case 13:
        publish_lent(client, qos);
        break;
    case 14:
        if (mqttlink_client_publish_then(client, "e/4", "x", 1, qos, false, NULL, on_outcome, NULL, NULL) ==
            MQTTLINK_OK)
            atomic_fetch_add(&asked, 1);
        break;
    case 15:
        mqttlink_client_publish_source(client, "e/5", 3000, qos, false, NULL, fill, NULL, NULL);
        break;
    case 16:
        subscribe(client, qos);
        break;
    case 17:
        reconfigure(client);
        break;
    default:
        if (mqttlink_client_publish(client, "e/1", "payload", 7, qos, false, NULL, &delivery) ==
            MQTTLINK_OK) {
            if (next(seed) % 4 == 0)
                mqttlink_delivery_wait(delivery, next(seed) % 50);
            mqttlink_delivery_free(delivery);
        }
    }
}

static void *storm(void *argument) {
    unsigned seed = (unsigned)(size_t)argument * 2654435761u + 1;
    while (!atomic_load(&over))
        one_call(&seed);
    return NULL;
}

int main(void) {
    const char *given = getenv("STORM_SECONDS");
    time_t seconds = given ? atol(given) : 2;
    struct timespec begin, now;
    pthread_t threads[THREADS];
    broker = server_start();
    for (int i = 0; i < SHARED; i++)
        shared[i] = fresh();
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, storm, (void *)i) == 0);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    unsigned seed = 99;
    do {
        one_call(&seed);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - begin.tv_sec < (atomic_load(&messages) > 0 && atomic_load(&told) > 0 ? seconds : seconds + WATCHDOG_MS / 1000));
    atomic_store(&over, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < SHARED; i++)
        mqttlink_client_free(shared[i]);
    server_stop(broker);
    /* Another thread gives payloads back. */
    WAIT_UNTIL(atomic_load(&given_back) == atomic_load(&lent));
    CHECK(atomic_load(&told) > 0 && atomic_load(&told) <= atomic_load(&asked));
    printf("%ld calls, %ld messages\n", atomic_load(&calls), atomic_load(&messages));
    CHECK(atomic_load(&messages) > 0);
    return 0;
}
