/* Many threads do everything at random with shared brokers and clients, which are freed under their hands,
 * while links are cut, callbacks run and brokers stop. STORM_SECONDS says for how long (2). */
#include "broker.h"

#define THREADS 6
#define BROKERS 2
#define CLIENTS 4

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static mqttlink_broker *brokers[BROKERS];
static mqttlink_client *clients[CLIENTS];
static atomic_bool over;
static atomic_long calls, messages, events, decisions;

static int32_t on_authenticate(void *user, mqttlink_broker *broker, const mqttlink_peer *peer,
                               mqttlink_reply *reply) {
    (void)user;
    mqttlink_broker_counters counters;
    atomic_fetch_add(&decisions, 1);
    mqttlink_broker_statistics(broker, &counters, sizeof counters);
    mqttlink_reply_set_user(reply, mqttlink_peer_client_id(peer));
    return 0;
}

static bool on_authorize(void *user, mqttlink_broker *broker, const mqttlink_peer *peer, int32_t action,
                         const char *topic, int32_t qos, bool retain, const mqttlink_message *message) {
    (void)user, (void)action, (void)qos, (void)retain;
    atomic_fetch_add(&decisions, 1);
    if (message)
        CHECK(strcmp(mqttlink_message_topic(message), topic) == 0);
    if (atomic_load(&decisions) % 64 == 0)
        mqttlink_broker_publish(broker, "e/own", "x", 1, 0, false, NULL);
    return mqttlink_peer_user(peer) != NULL;
}

static int32_t on_intercept(void *user, mqttlink_broker *broker, const mqttlink_peer *peer,
                            const mqttlink_message *message, mqttlink_draft *draft) {
    (void)user, (void)broker, (void)peer;
    return mqttlink_message_qos(message) == 2 ? mqttlink_draft_set_payload(draft, "changed", 7) : 0;
}

static void on_event(void *user, mqttlink_broker *broker, const mqttlink_broker_event *event) {
    (void)user;
    atomic_fetch_add(&events, 1);
    CHECK(event->client_id != NULL);
    mqttlink_broker_publish(broker, "e/event", event->client_id, 1, 0, false, NULL);
}

static void on_message(void *user, mqttlink_broker *broker, const mqttlink_message *message) {
    (void)user;
    mqttlink_broker_counters counters;
    CHECK(mqttlink_message_topic(message)[0] == 'e');
    if (atomic_fetch_add(&messages, 1) % 16 == 0)
        mqttlink_broker_statistics(broker, &counters, sizeof counters);
}

static void on_client_message(void *user, mqttlink_client *client, const mqttlink_message *message) {
    (void)user, (void)client, (void)message;
    atomic_fetch_add(&messages, 1);
}

static void on_peer(void *user, mqttlink_broker *broker, const mqttlink_peer *peer) {
    (void)user, (void)broker;
    CHECK(mqttlink_peer_client_id(peer) != NULL);
}

static void prepare(mqttlink_broker_options *options, void *unused) {
    (void)unused;
    OK(mqttlink_broker_options_on_authenticate(options, on_authenticate, NULL, NULL));
    OK(mqttlink_broker_options_on_authorize(options, on_authorize, NULL, NULL));
    OK(mqttlink_broker_options_on_intercept(options, on_intercept, NULL, NULL));
    OK(mqttlink_broker_options_on_event(options, on_event, NULL, NULL));
    OK(mqttlink_broker_options_set(options, MQTTLINK_BROKER_QUEUED_MESSAGES_PER_CLIENT, 100));
    OK(mqttlink_broker_options_set(options, MQTTLINK_BROKER_CLOSING_MS, 20));
}

static unsigned next(unsigned *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static mqttlink_broker *some_broker(unsigned *seed) {
    pthread_mutex_lock(&lock);
    mqttlink_broker *found = brokers[next(seed) % BROKERS];
    pthread_mutex_unlock(&lock);
    return found;
}

/* A client over a socket or inside the process; NULL if its broker has just been freed. */
static mqttlink_client *fresh_client(unsigned *seed) {
    mqttlink_broker *broker = some_broker(seed);
    mqttlink_options *options;
    mqttlink_client *client = NULL;
    char id[16];
    mqttlink_status status = next(seed) % 2
                                 ? mqttlink_options_new_in_process(broker, &options)
                                 : mqttlink_options_new_for("127.0.0.1", mqttlink_broker_port(broker),
                                                            &options);
    if (status != MQTTLINK_OK)
        return NULL;
    snprintf(id, sizeof id, "c%u", next(seed) % 6);
    OK(mqttlink_options_set_client_id(options, id));
    OK(mqttlink_options_on_message(options, on_client_message, NULL, NULL));
    OK(mqttlink_options_set_connect_timeout(options, 200));
    OK(mqttlink_options_set_response_timeout(options, 200));
    OK(mqttlink_options_set_publish_timeout(options, 200));
    OK(mqttlink_options_set_drain_timeout(options, 50));
    /* Before the first connection port 0 is an address like any other. */
    if (mqttlink_client_new(options, &client) != MQTTLINK_OK)
        client = NULL;
    mqttlink_options_free(options);
    return client;
}

static void replace_client(unsigned *seed) {
    mqttlink_client *made = fresh_client(seed);
    if (!made)
        return;
    unsigned place = next(seed) % CLIENTS;
    pthread_mutex_lock(&lock);
    mqttlink_client *old = clients[place];
    clients[place] = made;
    pthread_mutex_unlock(&lock);
    mqttlink_client_free(old);
}

static void replace_broker(unsigned *seed) {
    mqttlink_broker *made = start_with(prepare, NULL);
    unsigned place = next(seed) % BROKERS;
    pthread_mutex_lock(&lock);
    mqttlink_broker *old = brokers[place];
    brokers[place] = made;
    pthread_mutex_unlock(&lock);
    mqttlink_broker_free(old);
}

static void use_client(unsigned *seed) {
    pthread_mutex_lock(&lock);
    mqttlink_client *client = clients[next(seed) % CLIENTS];
    pthread_mutex_unlock(&lock);
    int qos = (int)(next(seed) % 3);
    switch (next(seed) % 8) {
    case 0:
        mqttlink_client_connect(client, NULL);
        break;
    case 1:
        mqttlink_client_reconnect(client, NULL);
        break;
    case 2:
        mqttlink_client_subscribe_one(client, "e/#", qos, NULL);
        break;
    case 3:
        if (next(seed) % 4 == 0)
            mqttlink_client_disconnect(client);
        break;
    default:
        mqttlink_client_publish(client, "e/1", "payload", 7, qos, next(seed) % 8 == 0, NULL, NULL);
    }
}

static void use_kit(mqttlink_broker *broker, unsigned *seed) {
    static const int32_t faults[] = {MQTTLINK_FAULT_CUT_AFTER_SENDING,
                                     MQTTLINK_FAULT_CUT_AFTER_RECEIVING, MQTTLINK_FAULT_SHORT_WRITES};
    mqttlink_transcript *transcript;
    mqttlink_recorded packet;
    char id[16];
    snprintf(id, sizeof id, "c%u", next(seed) % 6);
    switch (next(seed) % 6) {
    case 0:
        mqttlink_broker_break_connection(broker, id, faults[next(seed) % 3], next(seed) % 100 + 1);
        break;
    case 1:
        mqttlink_broker_wait_for_client(broker, id, next(seed) % 5);
        break;
    case 2:
        mqttlink_broker_wait_for_client_to_go(broker, id, next(seed) % 5);
        break;
    case 3:
        if (mqttlink_broker_transcript(broker, &transcript) == MQTTLINK_OK) {
            if (mqttlink_transcript_at(transcript, 0, &packet) == MQTTLINK_OK)
                CHECK(packet.text != NULL);
            mqttlink_transcript_free(transcript);
        }
        break;
    default:
        mqttlink_broker_repair(broker);
    }
}

static void use_broker(mqttlink_broker *broker, mqttlink_broker_subscription **own, unsigned *seed) {
    mqttlink_broker_counters counters;
    mqttlink_message *message;
    char id[16];
    snprintf(id, sizeof id, "c%u", next(seed) % 6);
    switch (next(seed) % 10) {
    case 0:
        mqttlink_broker_subscription_free(*own);
        *own = NULL;
        if (next(seed) % 2)
            (void)mqttlink_broker_subscribe(broker, "e/#", on_message, NULL, NULL, own);
        else
            (void)mqttlink_broker_subscribe(broker, "e/#", NULL, NULL, NULL, own);
        break;
    case 1:
        if (*own && mqttlink_broker_subscription_receive(*own, next(seed) % 5, &message) == MQTTLINK_OK) {
            atomic_fetch_add(&messages, 1);
            mqttlink_message_free(message);
        }
        break;
    case 2:
        mqttlink_broker_disconnect(broker, id, MQTTLINK_REASON_ADMINISTRATIVE_ACTION, NULL);
        break;
    case 3:
        mqttlink_broker_delete_session(broker, id, NULL);
        break;
    case 4:
        mqttlink_broker_each_client(broker, on_peer, NULL);
        break;
    case 5:
        mqttlink_broker_statistics(broker, &counters, sizeof counters);
        break;
    case 6:
        if (next(seed) % 64 == 0)
            mqttlink_broker_stop(broker, next(seed) % 10);
        break;
    case 7:
        use_kit(broker, seed);
        break;
    default:
        mqttlink_broker_publish(broker, "e/2", "hello", 5, (int)(next(seed) % 3), false, NULL);
    }
}

static void one_call(mqttlink_broker_subscription **own, unsigned *seed) {
    atomic_fetch_add(&calls, 1);
    unsigned choice = next(seed) % 256;
    if (choice == 0)
        replace_broker(seed);
    else if (choice < 8)
        replace_client(seed);
    else if (choice < 128)
        use_client(seed);
    else
        use_broker(some_broker(seed), own, seed);
}

static void *storm(void *argument) {
    unsigned seed = (unsigned)(size_t)argument * 2654435761u + 1;
    mqttlink_broker_subscription *own = NULL;
    while (!atomic_load(&over))
        one_call(&own, &seed);
    mqttlink_broker_subscription_free(own);
    return NULL;
}

static bool seen_all(void) {
    return atomic_load(&messages) > 0 && atomic_load(&events) > 0 && atomic_load(&decisions) > 0;
}

int main(void) {
    const char *given = getenv("STORM_SECONDS");
    time_t seconds = given ? atol(given) : 2;
    struct timespec begin, now;
    pthread_t threads[THREADS];
    unsigned seed = 99;
    mqttlink_broker_subscription *own = NULL;
    for (int i = 0; i < BROKERS; i++)
        brokers[i] = start_with(prepare, NULL);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = fresh_client(&seed);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, storm, (void *)i) == 0);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        one_call(&own, &seed);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - begin.tv_sec < (seen_all() ? seconds : seconds + WATCHDOG_MS / 1000));
    atomic_store(&over, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    mqttlink_broker_subscription_free(own);
    for (int i = 0; i < BROKERS; i++)
        mqttlink_broker_free(brokers[i]);
    for (int i = 0; i < CLIENTS; i++)
        mqttlink_client_free(clients[i]);
    printf("%ld calls, %ld messages, %ld events, %ld decisions\n", atomic_load(&calls),
           atomic_load(&messages), atomic_load(&events), atomic_load(&decisions));
    CHECK(seen_all());
    return 0;
}
