/* The embedded broker: starting, addresses, TLS, messages of the program itself, clients inside the process,
 * ending, and every misuse that has an answer. */
#include "broker.h"
#include "identity.h"

#include <sys/wait.h>
#include <unistd.h>

static void settings(void) {
    mqttlink_broker_options *options;
    uint64_t number = 7;
    OK(mqttlink_broker_options_new(&options));
    OK(mqttlink_broker_options_get(options, MQTTLINK_BROKER_CONNECTIONS, &number));
    CHECK(number == 10000);
    FAILS(MQTTLINK_ERROR_NOT_FOUND,
          mqttlink_broker_options_get(options, MQTTLINK_BROKER_SEED, &number));
    static const int32_t all[] = {
        MQTTLINK_BROKER_CONNECTIONS, MQTTLINK_BROKER_SESSIONS,
        MQTTLINK_BROKER_SUBSCRIPTIONS_PER_CLIENT, MQTTLINK_BROKER_SUBSCRIPTIONS,
        MQTTLINK_BROKER_TOPIC_LEVELS, MQTTLINK_BROKER_QUEUED_MESSAGES_PER_CLIENT,
        MQTTLINK_BROKER_QUEUED_BYTES_PER_CLIENT, MQTTLINK_BROKER_QUEUED_BYTES,
        MQTTLINK_BROKER_OVERFLOW, MQTTLINK_BROKER_RETAINED_MESSAGES, MQTTLINK_BROKER_RETAINED_BYTES,
        MQTTLINK_BROKER_AUTHENTICATION_MS, MQTTLINK_BROKER_AUTHENTICATIONS,
        MQTTLINK_BROKER_CLOSING_MS, MQTTLINK_BROKER_SESSION_OVERFLOW,
        MQTTLINK_BROKER_FILTERS_PER_SUBSCRIBE, MQTTLINK_BROKER_HELD_BYTES_PER_CLIENT,
        MQTTLINK_BROKER_HELD_BYTES, MQTTLINK_BROKER_CONNECT_TIMEOUT_MS,
        MQTTLINK_BROKER_MAXIMUM_PACKET_SIZE, MQTTLINK_BROKER_RECEIVE_MAXIMUM,
        MQTTLINK_BROKER_TOPIC_ALIAS_MAXIMUM, MQTTLINK_BROKER_TOPIC_ALIASES,
        MQTTLINK_BROKER_KEEP_ALIVE_MAX_S, MQTTLINK_BROKER_SESSION_EXPIRY_MAX_S,
        MQTTLINK_BROKER_MAXIMUM_QOS, MQTTLINK_BROKER_RETAIN_AVAILABLE,
        MQTTLINK_BROKER_WILDCARD_AVAILABLE, MQTTLINK_BROKER_SUBSCRIPTION_ID_AVAILABLE,
        MQTTLINK_BROKER_SHARED_AVAILABLE, MQTTLINK_BROKER_WINDOW, MQTTLINK_BROKER_ALLOW_ANONYMOUS,
        MQTTLINK_BROKER_AUTHENTICATION_THREADS, MQTTLINK_BROKER_DISCONNECT_ON_REFUSED_PUBLISH,
        MQTTLINK_BROKER_SYS_INTERVAL_MS, MQTTLINK_BROKER_SEED};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        OK(mqttlink_broker_options_set(options, all[i], 1));
        OK(mqttlink_broker_options_get(options, all[i], &number));
        CHECK(number == 1);
    }
    static const int32_t at_most_65535[] = {
        MQTTLINK_BROKER_RECEIVE_MAXIMUM, MQTTLINK_BROKER_TOPIC_ALIAS_MAXIMUM,
        MQTTLINK_BROKER_TOPIC_ALIASES, MQTTLINK_BROKER_KEEP_ALIVE_MAX_S, MQTTLINK_BROKER_WINDOW};
    for (size_t i = 0; i < sizeof at_most_65535 / sizeof *at_most_65535; i++)
        FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_broker_options_set(options, at_most_65535[i], 65536));
    static const int32_t not_zero[] = {MQTTLINK_BROKER_RECEIVE_MAXIMUM, MQTTLINK_BROKER_WINDOW,
                                       MQTTLINK_BROKER_AUTHENTICATION_THREADS};
    for (size_t i = 0; i < sizeof not_zero / sizeof *not_zero; i++)
        FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_broker_options_set(options, not_zero[i], 0));
    FAILS(MQTTLINK_ERROR_NUMBER,
          mqttlink_broker_options_set(options, MQTTLINK_BROKER_RETAIN_AVAILABLE, 2));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_broker_options_set(options, MQTTLINK_BROKER_OVERFLOW, 3));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_broker_options_set(options, MQTTLINK_BROKER_MAXIMUM_QOS, 3));
    FAILS(MQTTLINK_ERROR_NUMBER,
          mqttlink_broker_options_set(options, MQTTLINK_BROKER_SESSION_OVERFLOW, 2));
    FAILS(MQTTLINK_ERROR_NUMBER,
          mqttlink_broker_options_set(options, MQTTLINK_BROKER_SESSION_EXPIRY_MAX_S, UINT64_MAX));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_broker_options_set(options, 99, 0));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_broker_options_set(options, -1, 0));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_broker_options_get(options, 205, &number));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_broker_options_allow_version(options, 6, true));
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_broker_options_set_virtual_time(options, true));
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_broker_options_allow_version_there(options, 5, true));
    mqttlink_broker_options_free(options);
}

static void only_mqtt_5(mqttlink_broker_options *options, void *unused) {
    (void)unused;
    OK(mqttlink_broker_options_allow_version(options, MQTTLINK_MQTT_3_1, false));
    OK(mqttlink_broker_options_allow_version(options, MQTTLINK_MQTT_3_1_1, false));
    OK(mqttlink_broker_options_set_response_information(options, "answers/"));
    OK(mqttlink_broker_options_set(options, MQTTLINK_BROKER_MAXIMUM_QOS, 1));
}

/* What is set arrives at clients. */
static void what_is_offered(void) {
    mqttlink_broker *broker = start_with(only_mqtt_5, NULL);
    mqttlink_options *options;
    mqttlink_client *client;
    mqttlink_granted *granted;
    OK(mqttlink_options_new_for("127.0.0.1", mqttlink_broker_port(broker), &options));
    OK(mqttlink_options_set_request_response_information(options, true));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, &granted));
    CHECK(mqttlink_granted_maximum_qos(granted) == 1);
    CHECK(strcmp(mqttlink_properties_value(mqttlink_granted_properties(granted),
                                           MQTTLINK_PROPERTY_RESPONSE_INFORMATION, NULL),
                 "answers/") == 0);
    mqttlink_granted_free(granted);
    mqttlink_client_free(client);
    OK(mqttlink_options_set_version(options, MQTTLINK_MQTT_3_1_1));
    OK(mqttlink_client_new(options, &client));
    FAILS(MQTTLINK_ERROR_REFUSED, mqttlink_client_connect(client, NULL));
    CHECK(mqttlink_error_reason(mqttlink_last_error()) ==
          MQTTLINK_REASON_UNSUPPORTED_PROTOCOL_VERSION);
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    mqttlink_broker_free(broker);
}

/* One address for old devices, one for all. */
static void versions_for_each_address(void) {
    mqttlink_broker_options *broker_options;
    mqttlink_broker *broker;
    OK(mqttlink_broker_options_new(&broker_options));
    OK(mqttlink_broker_options_listen(broker_options, "127.0.0.1:0", NULL));
    OK(mqttlink_broker_options_listen(broker_options, "127.0.0.1:0", NULL));
    OK(mqttlink_broker_options_allow_version_there(broker_options, MQTTLINK_MQTT_5, false));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_broker_options_allow_version_there(broker_options, 6, true));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_options_allow_version_there(NULL, 5, true));
    OK(mqttlink_broker_start(broker_options, &broker));
    for (size_t i = 0; i < 2; i++)
        for (int version = 4; version <= 5; version++) {
            mqttlink_options *options;
            mqttlink_client *client;
            char url[64];
            snprintf(url, sizeof url, "mqtt://%s", mqttlink_broker_address(broker, i));
            OK(mqttlink_options_new(url, &options));
            OK(mqttlink_options_set_version(options, version));
            OK(mqttlink_client_new(options, &client));
            CHECK(mqttlink_client_connect(client, NULL) ==
                  (i == 1 && version == 5 ? MQTTLINK_ERROR_REFUSED : MQTTLINK_OK));
            mqttlink_client_free(client);
            mqttlink_options_free(options);
        }
    mqttlink_broker_free(broker);
    mqttlink_broker_options_free(broker_options);
}

static void addresses(void) {
    mqttlink_broker_options *options;
    mqttlink_broker *broker, *second = NULL;
    char expected[32];
    OK(mqttlink_broker_options_new(&options));
    OK(mqttlink_broker_options_listen(options, "127.0.0.1:0", NULL));
    OK(mqttlink_broker_options_listen(options, "127.0.0.1:0", NULL));
    OK(mqttlink_broker_start(options, &broker));
    CHECK(mqttlink_broker_address_count(broker) == 2);
    CHECK(mqttlink_broker_port(broker) != 0);
    snprintf(expected, sizeof expected, "127.0.0.1:%d", mqttlink_broker_port(broker));
    CHECK(strcmp(mqttlink_broker_address(broker, 0), expected) == 0);
    CHECK(strcmp(mqttlink_broker_address(broker, 1), expected) != 0);
    CHECK(mqttlink_broker_address(broker, 2) == NULL);

    /* The first one's port is taken. */
    OK(mqttlink_broker_options_listen(options, mqttlink_broker_address(broker, 0), NULL));
    FAILS(MQTTLINK_ERROR_LISTEN_FAILED, mqttlink_broker_start(options, &second));
    CHECK(strstr(mqttlink_last_error_message(), expected) && second == NULL);
    CHECK(mqttlink_error_os_code(mqttlink_last_error()) != 0);
    mqttlink_broker_options_free(options);
    mqttlink_broker_free(broker);

    OK(mqttlink_broker_options_new(&options));
    OK(mqttlink_broker_options_listen(options, "0.0.0.0:0", NULL));
    FAILS(MQTTLINK_ERROR_INVALID_ARGUMENT, mqttlink_broker_start(options, &broker));
    OK(mqttlink_broker_options_set(options, MQTTLINK_BROKER_ALLOW_ANONYMOUS, 1));
    OK(mqttlink_broker_start(options, &broker));
    mqttlink_broker_free(broker);
    mqttlink_broker_options_free(options);

    OK(mqttlink_broker_options_new(&options));
    OK(mqttlink_broker_options_listen(options, "no port", NULL));
    FAILS(MQTTLINK_ERROR_LISTEN_FAILED, mqttlink_broker_start(options, &broker));
    mqttlink_broker_options_free(options);

    /* Without an address there are clients inside the process only. */
    OK(mqttlink_broker_options_new(&options));
    OK(mqttlink_broker_start(options, &broker));
    CHECK(mqttlink_broker_port(broker) == 0 && mqttlink_broker_address_count(broker) == 0);
    mqttlink_broker_free(broker);
    mqttlink_broker_options_free(options);
}

typedef struct {
    counter messages;
    char topics[4][32];
    mqttlink_broker_subscription *subscription;
    atomic_int freed;
    bool ends_itself;
} heard;

static void on_message(void *user, mqttlink_broker *broker, const mqttlink_message *message) {
    heard *heard = user;
    int count = count_now(&heard->messages);
    if (count < 4)
        snprintf(heard->topics[count], sizeof heard->topics[0], "%s", mqttlink_message_topic(message));
    /* All of the broker's functions may be called here. */
    mqttlink_broker_counters counters;
    OK(mqttlink_broker_statistics(broker, &counters, sizeof counters));
    if (heard->ends_itself)
        mqttlink_broker_subscription_free(heard->subscription);
    count_up(&heard->messages);
}

static void count_free(void *user) { atomic_fetch_add(&((heard *)user)->freed, 1); }

static void a_message(const mqttlink_message *message) {
    char part[4];
    size_t count;
    mqttlink_message *copy;
    mqttlink_acknowledger *acknowledger;
    CHECK(strcmp(mqttlink_message_topic(message), "a/b") == 0 && payload_is(message, "hello"));
    CHECK(mqttlink_message_qos(message) == 1 && mqttlink_message_retain(message));
    CHECK(!mqttlink_message_dup(message) && !mqttlink_message_is_streamed(message));
    CHECK(mqttlink_message_payload_len(message) == 5);
    mqttlink_view view;
    OK(mqttlink_message_view(message, &view, sizeof view));
    CHECK(view.topic_len == 3 && memcmp(view.topic, "a/b", 3) == 0 && view.payload_len == 5);
    CHECK(memcmp(view.payload, "hello", 5) == 0 && view.total_len == 5 && !view.is_streamed);
    CHECK(view.qos == 1 && view.retain && !view.dup && view.has_properties);
    CHECK(strcmp(mqttlink_properties_user(mqttlink_message_properties(message), "unit"), "kelvin") == 0);
    OK(mqttlink_message_read(message, part, sizeof part, &count));
    CHECK(count == 4 && memcmp(part, "hell", 4) == 0);
    OK(mqttlink_message_read(message, part, sizeof part, &count));
    CHECK(count == 1 && part[0] == 'o');
    OK(mqttlink_message_read(message, part, sizeof part, &count));
    CHECK(count == 0);
    OK(mqttlink_message_acknowledge(message));
    FAILS(MQTTLINK_ERROR_NOT_FOUND, mqttlink_message_acknowledger(message, &acknowledger));
    OK(mqttlink_message_copy(message, &copy));
    CHECK(strcmp(mqttlink_message_topic(copy), "a/b") == 0 && payload_is(copy, "hello"));
    mqttlink_message_free(copy);
}

static void messages_of_the_program(void) {
    mqttlink_broker_options *options;
    mqttlink_broker *broker;
    mqttlink_broker_subscription *waiting, *called, *own;
    mqttlink_message *message;
    heard heard = {.messages = COUNTER}, once = {.messages = COUNTER, .ends_itself = true};
    mqttlink_properties *list = mqttlink_properties_new();
    OK(mqttlink_properties_add_user(list, "unit", "kelvin"));
    OK(mqttlink_broker_options_new(&options));
    OK(mqttlink_broker_start(options, &broker));
    mqttlink_broker_options_free(options);

    OK(mqttlink_broker_subscribe(broker, "a/#", NULL, NULL, NULL, &waiting));
    OK(mqttlink_broker_subscribe(broker, "a/+", on_message, &heard, count_free, &called));
    OK(mqttlink_broker_publish(broker, "a/b", "hello", 5, 1, true, list));
    OK(mqttlink_broker_publish(broker, "other", NULL, 0, 0, false, NULL));
    OK(mqttlink_broker_subscription_receive(waiting, WATCHDOG_MS, &message));
    a_message(message);
    mqttlink_message_free(message);
    FAILS(MQTTLINK_ERROR_TIMEOUT_RECEIVE, mqttlink_broker_subscription_receive(waiting, 0, &message));
    wait_for(&heard.messages, 1);
    CHECK(strcmp(heard.topics[0], "a/b") == 0);
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_broker_subscription_receive(called, 0, &message));
    mqttlink_broker_subscription_free(called);
    CHECK(atomic_load(&heard.freed) == 1);

    /* The retained message comes first, and a callback may end its own subscription. */
    OK(mqttlink_broker_subscribe(broker, "+/b", NULL, NULL, NULL, &own));
    OK(mqttlink_broker_subscription_receive(own, WATCHDOG_MS, &message));
    CHECK(mqttlink_message_retain(message));
    mqttlink_message_free(message);
    mqttlink_broker_subscription_free(own);
    OK(mqttlink_broker_subscribe(broker, "once", on_message, &once, NULL, &once.subscription));
    for (int i = 0; i < 10; i++)
        OK(mqttlink_broker_publish(broker, "once", "x", 1, 0, false, NULL));
    wait_for(&once.messages, 1);

    FAILS(MQTTLINK_ERROR_INVALID_FILTER,
          mqttlink_broker_subscribe(broker, "a/#/b", on_message, &heard, count_free, &own));
    CHECK(atomic_load(&heard.freed) == 2);
    FAILS(MQTTLINK_ERROR_INVALID_TOPIC,
          mqttlink_broker_publish(broker, "a/+", NULL, 0, 0, false, NULL));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_broker_publish(broker, "a", NULL, 0, 3, false, NULL));

    /* A subscription outlives its broker. */
    mqttlink_broker_free(broker);
    CHECK(count_now(&once.messages) == 1);
    FAILS(MQTTLINK_ERROR_BROKER_STOPPED,
          mqttlink_broker_subscription_receive(waiting, WATCHDOG_MS, &message));
    mqttlink_broker_subscription_free(waiting);
    mqttlink_properties_free(list);
}

static void count_peer(void *user, mqttlink_broker *broker, const mqttlink_peer *peer) {
    (void)broker;
    count_up(user);
    CHECK(strcmp(mqttlink_peer_client_id(peer), "inside") == 0);
    CHECK(mqttlink_peer_address(peer) == NULL && mqttlink_peer_user(peer) == NULL);
    CHECK(mqttlink_peer_version(peer) == MQTTLINK_MQTT_5);
    CHECK(mqttlink_peer_password(peer, NULL) == NULL);
    CHECK(mqttlink_peer_certificate(peer, NULL) == NULL);
    CHECK(mqttlink_properties_count(mqttlink_peer_properties(peer)) == 0);
}

static void clients_inside_the_process(void) {
    mqttlink_broker_options *broker_options;
    mqttlink_broker *broker;
    mqttlink_options *options;
    mqttlink_client *client;
    mqttlink_message *message;
    mqttlink_broker_counters counters;
    bool found = true;
    counter peers = COUNTER;
    OK(mqttlink_broker_options_new(&broker_options));
    OK(mqttlink_broker_start(broker_options, &broker));
    OK(mqttlink_options_new_in_process(broker, &options));
    OK(mqttlink_options_set_client_id(options, "inside"));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    OK(mqttlink_client_subscribe_one(client, "a", 2, NULL));
    OK(mqttlink_client_publish(client, "a", "hello", 5, 2, false, NULL, NULL));
    OK(mqttlink_client_receive(client, WATCHDOG_MS, &message));
    CHECK(payload_is(message, "hello"));
    mqttlink_message_free(message);
    OK(mqttlink_broker_each_client(broker, count_peer, &peers));
    CHECK(count_now(&peers) == 1);
    OK(mqttlink_broker_statistics(broker, &counters, sizeof counters));
    CHECK(counters.clients_connected == 1 && counters.connections_total == 1);
    CHECK(counters.publish_received == 1 && counters.publish_bytes_sent == 5);
    CHECK(counters.subscriptions == 1 && counters.dropped_queue_full == 0);
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_broker_statistics(broker, &counters, 8));

    OK(mqttlink_broker_disconnect(broker, "nobody", MQTTLINK_REASON_BANNED, &found));
    CHECK(!found);
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_broker_disconnect(broker, "inside", 3, NULL));
    OK(mqttlink_broker_disconnect(broker, "inside", MQTTLINK_REASON_ADMINISTRATIVE_ACTION, &found));
    CHECK(found);
    FAILS(MQTTLINK_ERROR_SERVER_DISCONNECTED,
          mqttlink_client_receive(client, WATCHDOG_MS, &message));
    CHECK(mqttlink_error_reason(mqttlink_last_error()) == MQTTLINK_REASON_ADMINISTRATIVE_ACTION);

    /* Stopping tells the clients; what needs a broker that runs says that it does not. */
    OK(mqttlink_client_connect(client, NULL));
    OK(mqttlink_broker_stop(broker, MQTTLINK_DEFAULT));
    OK(mqttlink_broker_stop(broker, 0));
    FAILS(MQTTLINK_ERROR_SERVER_DISCONNECTED,
          mqttlink_client_receive(client, WATCHDOG_MS, &message));
    CHECK(mqttlink_error_reason(mqttlink_last_error()) == MQTTLINK_REASON_SERVER_SHUTTING_DOWN);
    NOT_OK(mqttlink_client_connect(client, NULL));
    FAILS(MQTTLINK_ERROR_BROKER_STOPPED, mqttlink_broker_publish(broker, "a", NULL, 0, 0, false, NULL));
    FAILS(MQTTLINK_ERROR_BROKER_STOPPED, mqttlink_broker_each_client(broker, count_peer, &peers));
    OK(mqttlink_broker_statistics(broker, &counters, sizeof counters));
    CHECK(counters.connections_total == 2 && counters.publish_received == 1);
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_broker_stop(broker, -3));
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    mqttlink_broker_free(broker);
    mqttlink_broker_options_free(broker_options);
}

typedef struct {
    mqttlink_session last;
    char client_id[32], filter[32];
    int sessions, subscriptions;
} looked;

static void on_session(void *user, mqttlink_broker *broker, const mqttlink_session *session) {
    looked *looked = user;
    (void)broker;
    looked->last = *session;
    snprintf(looked->client_id, sizeof looked->client_id, "%s", mqttlink_peer_client_id(session->peer));
    looked->sessions++;
}

static void on_subscription(void *user, mqttlink_broker *broker, const char *filter, int32_t qos,
                            bool no_local, bool retain_as_published, int32_t retain_handling) {
    looked *looked = user;
    (void)broker;
    CHECK(qos == 1 && no_local && retain_as_published && retain_handling == MQTTLINK_RETAIN_SEND_IF_NEW);
    snprintf(looked->filter, sizeof looked->filter, "%s", filter);
    looked->subscriptions++;
}

static void sessions(void) {
    mqttlink_broker *broker = start_with(NULL, NULL);
    mqttlink_options *options;
    mqttlink_client *client;
    mqttlink_granted *granted;
    mqttlink_subscription *what = mqttlink_subscription_new();
    looked looked = {0};
    bool found = false;
    OK(mqttlink_options_new_in_process(broker, &options));
    OK(mqttlink_options_set_client_id(options, "keeper"));
    OK(mqttlink_options_set_session_expiry(options, 60));
    OK(mqttlink_options_set_clean_start(options, false));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    OK(mqttlink_subscription_add_with(what, "a/#", 1, true, true, MQTTLINK_RETAIN_SEND_IF_NEW));
    OK(mqttlink_client_subscribe(client, what, NULL));
    OK(mqttlink_broker_each_session(broker, on_session, &looked));
    CHECK(looked.sessions == 1 && strcmp(looked.client_id, "keeper") == 0);
    CHECK(looked.last.connected && looked.last.expiry_s == 60 && looked.last.ends_in_ms == -1);
    OK(mqttlink_broker_each_subscription(broker, "keeper", on_subscription, &looked));
    OK(mqttlink_broker_each_subscription(broker, "nobody", on_subscription, &looked));
    CHECK(looked.subscriptions == 1 && strcmp(looked.filter, "a/#") == 0);
    OK(mqttlink_client_disconnect(client));
    OK(mqttlink_broker_wait_for_client_to_go(broker, "keeper", MQTTLINK_DEFAULT));
    OK(mqttlink_broker_publish(broker, "a/1", "hello", 5, 1, false, NULL));
    OK(mqttlink_broker_session(broker, "keeper", on_session, &looked));
    CHECK(!looked.last.connected && looked.last.subscriptions == 1 && !looked.last.has_will);
    CHECK(looked.last.queued_messages == 1 && looked.last.queued_bytes > 5);
    CHECK(looked.last.ends_in_ms > 0 && looked.last.ends_in_ms <= 60000);
    FAILS(MQTTLINK_ERROR_NOT_FOUND, mqttlink_broker_session(broker, "nobody", on_session, &looked));
    OK(mqttlink_broker_delete_session(broker, "nobody", &found));
    CHECK(!found);
    OK(mqttlink_broker_delete_session(broker, "keeper", &found));
    CHECK(found);
    OK(mqttlink_client_connect(client, &granted));
    CHECK(!mqttlink_granted_session_present(granted));
    mqttlink_granted_free(granted);
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_each_session(broker, NULL, NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_session(broker, NULL, on_session, &looked));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_session(broker, "keeper", NULL, NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_each_subscription(broker, "keeper", NULL, NULL));
    FAILS(MQTTLINK_ERROR_UTF8, mqttlink_broker_each_subscription(broker, "\xff", on_subscription, NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_delete_session(broker, NULL, NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_each_session(NULL, on_session, &looked));
    mqttlink_subscription_free(what);
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    mqttlink_broker_free(broker);
    FAILS(MQTTLINK_ERROR_FREED, mqttlink_broker_each_session(broker, on_session, &looked));
    FAILS(MQTTLINK_ERROR_FREED, mqttlink_broker_session(broker, "a", on_session, &looked));
    FAILS(MQTTLINK_ERROR_FREED,
          mqttlink_broker_each_subscription(broker, "a", on_subscription, &looked));
    FAILS(MQTTLINK_ERROR_FREED, mqttlink_broker_delete_session(broker, "a", NULL));
}

static char *write_file(const char *folder, const char *name, const char *data, long len) {
    static char paths[8][128];
    static int used;
    char *path = paths[used++];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    CHECK(file && fwrite(data, 1, (size_t)len, file) == (size_t)len && fclose(file) == 0);
    return path;
}

static void check_certificate(void *user, mqttlink_broker *broker, const mqttlink_peer *peer) {
    (void)broker;
    size_t len;
    CHECK(strcmp(mqttlink_peer_certificate_common_name(peer), "device 7") == 0);
    CHECK(strcmp(mqttlink_peer_certificate_subject(peer), "CN=device 7") == 0);
    CHECK(mqttlink_peer_certificate(peer, &len) != NULL && len > 100);
    CHECK(strncmp(mqttlink_peer_address(peer), "127.0.0.1:", 10) == 0);
    count_up(user);
}

static void tls(void) {
    char folder[] = "/tmp/mqttlink-XXXXXX", url[64];
    identity authority = make_identity("authority", NULL, "critical,CA:TRUE");
    identity server = make_identity("localhost", &authority, "DNS:localhost");
    identity device = make_identity("device 7", &authority, "DNS:device");
    mqttlink_server_tls *secret = NULL, *from_files;
    mqttlink_broker_options *broker_options;
    mqttlink_broker *broker;
    mqttlink_options *options;
    mqttlink_client *client;
    mqttlink_tls *trust = mqttlink_tls_new();
    counter peers = COUNTER;
    CHECK(mkdtemp(folder));
    char *certificate = write_file(folder, "server.pem", server.certificate_pem, server.certificate_len);
    char *key = write_file(folder, "server.key", server.key_pem, server.key_len);
    char *own = write_file(folder, "device.pem", device.certificate_pem, device.certificate_len);
    char *own_key = write_file(folder, "device.key", device.key_pem, device.key_len);
    char *ca = write_file(folder, "ca.pem", authority.certificate_pem, authority.certificate_len);

    OK(mqttlink_server_tls_new(certificate, key, &from_files));
    OK(mqttlink_server_tls_add_client_authority_file(from_files, ca));
    OK(mqttlink_server_tls_set_min_version(from_files, MQTTLINK_TLS_1_3));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_server_tls_set_min_version(from_files, 9));
    OK(mqttlink_server_tls_require_client_certificate(from_files, true));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_server_tls_new(NULL, key, &secret));
    OK(mqttlink_server_tls_new_from_memory(server.certificate_pem, (size_t)server.certificate_len,
                                           server.key_pem, (size_t)server.key_len, &secret));
    OK(mqttlink_server_tls_add_client_authority(secret, authority.certificate_pem,
                                                (size_t)authority.certificate_len));
    OK(mqttlink_server_tls_require_client_certificate(secret, true));
    OK(mqttlink_broker_options_new(&broker_options));
    OK(mqttlink_broker_options_listen(broker_options, "127.0.0.1:0", from_files));
    OK(mqttlink_broker_options_listen(broker_options, "127.0.0.1:0", secret));
    mqttlink_server_tls_free(from_files);
    mqttlink_server_tls_free(secret);
    OK(mqttlink_broker_start(broker_options, &broker));

    OK(mqttlink_tls_add_ca(trust, authority.certificate_pem, (size_t)authority.certificate_len));
    for (size_t i = 0; i < 2; i++) {
        const char *address = mqttlink_broker_address(broker, i);
        snprintf(url, sizeof url, "mqtts://localhost%s", strchr(address, ':'));
        OK(mqttlink_options_new(url, &options));
        if (i == 0) {
            OK(mqttlink_options_set_tls(options, trust));
            OK(mqttlink_client_new(options, &client));
            NOT_OK(mqttlink_client_connect(client, NULL));
            mqttlink_client_free(client);
        }
        if (i == 0) {
            OK(mqttlink_tls_set_certificate(trust, device.certificate_pem, (size_t)device.certificate_len));
            OK(mqttlink_tls_set_key(trust, device.key_pem, (size_t)device.key_len));
        } else {
            OK(mqttlink_tls_set_certificate_file(trust, own));
            OK(mqttlink_tls_set_key_file(trust, own_key));
        }
        OK(mqttlink_options_set_tls(options, trust));
        OK(mqttlink_client_new(options, &client));
        OK(mqttlink_client_connect(client, NULL));
        OK(mqttlink_broker_each_client(broker, check_certificate, &peers));
        OK(mqttlink_client_disconnect(client));
        mqttlink_client_free(client);
        mqttlink_options_free(options);
    }
    CHECK(count_now(&peers) >= 2);
    mqttlink_broker_free(broker);
    mqttlink_broker_options_free(broker_options);

    OK(mqttlink_server_tls_new("/nowhere/server.pem", key, &secret));
    OK(mqttlink_broker_options_new(&broker_options));
    OK(mqttlink_broker_options_listen(broker_options, "127.0.0.1:0", secret));
    FAILS(MQTTLINK_ERROR_TLS_CERTIFICATE, mqttlink_broker_start(broker_options, &broker));
    mqttlink_server_tls_free(secret);
    mqttlink_broker_options_free(broker_options);
    mqttlink_tls_free(trust);
    unlink(certificate), unlink(key), unlink(own), unlink(own_key), unlink(ca), rmdir(folder);
    free_identity(&device);
    free_identity(&server);
    free_identity(&authority);
}

/* NULL for each pointer, text that is not UTF-8, and a broker that was freed. */
static void misuse(void) {
    mqttlink_broker_options *options = NULL, *no_options = NULL;
    mqttlink_broker *broker, *no_broker = NULL;
    mqttlink_broker_subscription *subscription = NULL;
    mqttlink_server_tls *no_tls = NULL;
    mqttlink_options *client_options = NULL;
    mqttlink_broker_counters counters;
    mqttlink_message *message;
    uint64_t number;
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_options_new(NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_options_new_for_test(NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_options_listen(no_options, "127.0.0.1:0", NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_options_set(no_options, 0, 0));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_options_get(no_options, 0, &number));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_options_allow_version(no_options, 5, true));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_options_set_response_information(no_options, "a"));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_options_set_virtual_time(no_options, true));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_start(no_options, &broker));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_server_tls_new("a", "b", NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_server_tls_new("a", NULL, &no_tls));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_server_tls_new_from_memory(NULL, 1, "b", 1, &no_tls));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_server_tls_new_from_memory("a", 1, NULL, 1, &no_tls));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_server_tls_add_client_authority_file(no_tls, "a"));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_server_tls_add_client_authority(no_tls, "a", 1));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_server_tls_require_client_certificate(no_tls, true));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_server_tls_set_min_version(no_tls, 12));
    OK(mqttlink_broker_options_new(&options));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_start(options, NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_options_get(options, 0, NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_options_listen(options, NULL, NULL));
    FAILS(MQTTLINK_ERROR_UTF8, mqttlink_broker_options_listen(options, "\xff", NULL));
    FAILS(MQTTLINK_ERROR_UTF8, mqttlink_broker_options_set_response_information(options, "\xff"));

    OK(mqttlink_broker_start(options, &broker));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_options_new_in_process(broker, NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_publish(broker, NULL, NULL, 0, 0, false, NULL));
    FAILS(MQTTLINK_ERROR_UTF8, mqttlink_broker_publish(broker, "\xff", NULL, 0, 0, false, NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_publish(broker, "a", NULL, 1, 0, false, NULL));
    FAILS(MQTTLINK_ERROR_NUMBER,
          mqttlink_broker_publish(broker, "a", "", (size_t)-1, 0, false, NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_subscribe(broker, NULL, NULL, NULL, NULL, &subscription));
    FAILS(MQTTLINK_ERROR_UTF8,
          mqttlink_broker_subscribe(broker, "\xff", NULL, NULL, NULL, &subscription));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_subscribe(broker, "a", NULL, NULL, NULL, NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_each_client(broker, NULL, NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_statistics(broker, NULL, sizeof counters));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_disconnect(broker, NULL, 0x8b, NULL));
    FAILS(MQTTLINK_ERROR_UTF8, mqttlink_broker_disconnect(broker, "\xff", 0x8b, NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_subscription_receive(NULL, 0, &message));
    OK(mqttlink_broker_subscribe(broker, "a", NULL, NULL, NULL, &subscription));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_subscription_receive(subscription, 0, NULL));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_broker_subscription_receive(subscription, -7, &message));
    mqttlink_broker_subscription_free(subscription);
    mqttlink_broker_free(broker);

    for (int i = 0; i < 2; i++) {
        mqttlink_broker *given = i ? broker : no_broker;
        mqttlink_status expected = i ? MQTTLINK_ERROR_FREED : MQTTLINK_ERROR_NULL;
        FAILS(expected, mqttlink_broker_stop(given, 0));
        FAILS(expected, mqttlink_options_new_in_process(given, &client_options));
        FAILS(expected, mqttlink_broker_publish(given, "a", NULL, 0, 0, false, NULL));
        FAILS(expected, mqttlink_broker_subscribe(given, "a", NULL, NULL, NULL, &subscription));
        FAILS(expected, mqttlink_broker_each_client(given, count_peer, NULL));
        FAILS(expected, mqttlink_broker_statistics(given, &counters, sizeof counters));
        FAILS(expected, mqttlink_broker_disconnect(given, "a", 0x8b, NULL));
        CHECK(mqttlink_broker_port(given) == 0 && mqttlink_broker_address_count(given) == 0);
        CHECK(mqttlink_broker_address(given, 0) == NULL);
        mqttlink_broker_free(given);
    }
    CHECK(strstr(mqttlink_status_text(MQTTLINK_ERROR_FREED), "freed"));
    CHECK(mqttlink_peer_client_id(NULL) == NULL && mqttlink_peer_version(NULL) == 0);
    CHECK(mqttlink_peer_properties(NULL) == NULL && mqttlink_peer_user(NULL) == NULL);
    CHECK(!mqttlink_peer_certificate_subject(NULL) && !mqttlink_peer_certificate_common_name(NULL));
    mqttlink_broker_options_free(options);
    mqttlink_broker_options_free(NULL);
    mqttlink_server_tls_free(NULL);
    mqttlink_broker_subscription_free(NULL);
}

/* The child of a fork cannot use its parent's broker, and the parent still can. */
static void forks(void) {
    mqttlink_broker *broker = start_with(NULL, NULL);
    mqttlink_broker_subscription *waiting, *called;
    mqttlink_message *message;
    heard heard = {.messages = COUNTER};
    int status = 0;
    OK(mqttlink_broker_subscribe(broker, "a", NULL, NULL, NULL, &waiting));
    OK(mqttlink_broker_subscribe(broker, "a", on_message, &heard, NULL, &called));
    pid_t child = fork();
    if (child == 0) {
        alarm(WATCHDOG_MS / 1000);
        FAILS(MQTTLINK_ERROR_FORKED, mqttlink_broker_stop(broker, 0));
        FAILS(MQTTLINK_ERROR_FORKED, mqttlink_broker_subscription_receive(waiting, 0, &message));
        mqttlink_broker_subscription_free(waiting);
        mqttlink_broker_subscription_free(called);
        CHECK(mqttlink_broker_port(broker) == 0);
        mqttlink_broker_free(broker);
        mqttlink_broker *own = start_with(NULL, NULL);
        CHECK(mqttlink_broker_port(own) != 0);
        mqttlink_broker_free(own);
        /* What belongs to the parent's threads is lost here: not a matter for a leak check. */
        execlp("true", "true", (char *)NULL);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    mqttlink_client *client = connected_to(broker, "still");
    OK(mqttlink_client_publish(client, "a", "x", 1, 0, false, NULL, NULL));
    OK(mqttlink_broker_subscription_receive(waiting, WATCHDOG_MS, &message));
    mqttlink_message_free(message);
    wait_for(&heard.messages, 1);
    mqttlink_broker_subscription_free(called);
    mqttlink_broker_subscription_free(waiting);
    mqttlink_client_free(client);
    mqttlink_broker_free(broker);
}

int main(void) {
    settings();
    what_is_offered();
    addresses();
    versions_for_each_address();
    messages_of_the_program();
    clients_inside_the_process();
    sessions();
    tls();
    misuse();
    forks();
    return 0;
}
