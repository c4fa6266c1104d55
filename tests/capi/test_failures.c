/* Whatever goes wrong has a status of its own and a message of its own, which says what failed and helps. */
#include "scripted.h"

#include <errno.h>
#include <unistd.h>

#define SHORT_MS 50

/* What a client is set up with beside the address. */
typedef void setup(mqttlink_options *options);
/* The call that fails. */
typedef mqttlink_status work(mqttlink_client *client);

typedef struct {
    const char *name;
    mqttlink_status status;
    mqttlink_stage stage;
    script script;
    setup *setup;
    /* NULL where it is the connecting that fails. */
    work *work;
} failure;

static void old_version(mqttlink_options *options) {
    OK(mqttlink_options_set_version(options, MQTTLINK_MQTT_3_1_1));
}
static void impatient(mqttlink_options *options) {
    OK(mqttlink_options_set_connect_timeout(options, 10 * SHORT_MS));
}
static void lively(mqttlink_options *options) {
    OK(mqttlink_options_set_keep_alive(options, 1));
    OK(mqttlink_options_set_ping_timeout(options, SHORT_MS));
}
static int32_t no_host(void *user, const char *host, uint16_t port, mqttlink_addresses *addresses) {
    (void)user, (void)host, (void)port, (void)addresses;
    return ENOENT;
}
static int32_t no_address(void *user, const char *host, uint16_t port,
                          mqttlink_addresses *addresses) {
    (void)user, (void)host, (void)port, (void)addresses;
    return 0;
}
static void unknown_host(mqttlink_options *options) {
    OK(mqttlink_options_set_resolver(options, no_host, NULL, NULL));
}
static void homeless_host(mqttlink_options *options) {
    OK(mqttlink_options_set_resolver(options, no_address, NULL, NULL));
}
static void tls_spoken(mqttlink_options *options) {
    mqttlink_tls *tls = mqttlink_tls_new();
    OK(mqttlink_options_set_tls(options, tls));
    mqttlink_tls_free(tls);
}
static int32_t give_up(void *user, mqttlink_reply *reply) {
    (void)user, (void)reply;
    return 7;
}
static int32_t never_asked(void *user, const void *data, size_t len, mqttlink_reply *reply) {
    (void)user, (void)data, (void)len, (void)reply;
    return 0;
}
static void gives_up(mqttlink_options *options) {
    OK(mqttlink_options_set_authenticator(options, "M", give_up, never_asked, NULL, NULL, NULL));
}

static mqttlink_status publish(mqttlink_client *client, const char *topic, size_t len, int qos,
                               bool retain) {
    static char payload[100];
    return mqttlink_client_publish(client, topic, payload, len, qos, retain, NULL, NULL);
}
static mqttlink_status answer_to_message(mqttlink_client *client, int64_t limit_ms) {
    mqttlink_delivery *delivery;
    OK(mqttlink_client_publish(client, "a", "x", 1, 1, false, NULL, &delivery));
    mqttlink_status status = mqttlink_delivery_wait(delivery, limit_ms);
    mqttlink_delivery_free(delivery);
    return status;
}
static mqttlink_status answered(mqttlink_client *c) { return answer_to_message(c, WATCHDOG_MS); }
static mqttlink_status unanswered(mqttlink_client *c) { return answer_to_message(c, SHORT_MS); }
static mqttlink_status with_property(mqttlink_client *client, const char *name) {
    mqttlink_properties *list = mqttlink_properties_new();
    mqttlink_status status = mqttlink_properties_add_user(list, name, "b");
    if (status == MQTTLINK_OK)
        status = mqttlink_client_publish(client, "a", "", 0, 0, false, list, NULL);
    mqttlink_properties_free(list);
    return status;
}
static mqttlink_status numbered(mqttlink_client *client) {
    mqttlink_subscription *subscription = mqttlink_subscription_new();
    mqttlink_properties *list = mqttlink_properties_new();
    OK(mqttlink_subscription_add(subscription, "a", 0));
    OK(mqttlink_properties_set_number(list, MQTTLINK_PROPERTY_SUBSCRIPTION_IDENTIFIER, 1));
    OK(mqttlink_subscription_set_properties(subscription, list));
    mqttlink_status status = mqttlink_client_subscribe(client, subscription, NULL);
    mqttlink_properties_free(list);
    mqttlink_subscription_free(subscription);
    return status;
}
static mqttlink_status received(mqttlink_client *client, int64_t limit_ms) {
    mqttlink_message *message = NULL;
    mqttlink_status status = mqttlink_client_receive(client, limit_ms, &message);
    mqttlink_message_free(message);
    return status;
}
static int64_t dry_source(void *user, void *data, size_t size) {
    (void)user, (void)data, (void)size;
    return 0;
}

static mqttlink_status bad_topic(mqttlink_client *c) { return publish(c, "a/#", 0, 0, false); }
static mqttlink_status bad_text(mqttlink_client *c) { return publish(c, "\xff", 0, 0, false); }
static mqttlink_status bad_qos(mqttlink_client *c) { return publish(c, "a", 0, 3, false); }
static mqttlink_status no_topic(mqttlink_client *c) { return publish(c, NULL, 0, 0, false); }
static mqttlink_status high_qos(mqttlink_client *c) { return publish(c, "a", 0, 1, false); }
static mqttlink_status retained(mqttlink_client *c) { return publish(c, "a", 0, 0, true); }
static mqttlink_status too_large(mqttlink_client *c) { return publish(c, "a", 100, 0, false); }
static mqttlink_status early(mqttlink_client *c) { return with_property(c, "a"); }
static mqttlink_status odd(mqttlink_client *c) {
    mqttlink_properties *list = mqttlink_properties_new();
    OK(mqttlink_properties_set_number(list, MQTTLINK_PROPERTY_RECEIVE_MAXIMUM, 5));
    mqttlink_status status = mqttlink_client_publish(c, "a", "", 0, 0, false, list, NULL);
    mqttlink_properties_free(list);
    return status;
}
static mqttlink_status bad_filter(mqttlink_client *c) {
    return mqttlink_client_subscribe_one(c, "a/#/b", 0, NULL);
}
static mqttlink_status wildcard(mqttlink_client *c) {
    return mqttlink_client_subscribe_one(c, "a/#", 0, NULL);
}
static mqttlink_status shared(mqttlink_client *c) {
    return mqttlink_client_subscribe_one(c, "$share/g/a", 0, NULL);
}
static mqttlink_status subscribed(mqttlink_client *c) {
    return mqttlink_client_subscribe_one(c, "a", 0, NULL);
}
static mqttlink_status unsubscribed(mqttlink_client *c) {
    const char *filter = "a";
    return mqttlink_client_unsubscribe(c, &filter, 1, NULL, NULL);
}
static mqttlink_status again(mqttlink_client *c) { return mqttlink_client_connect(c, NULL); }
static mqttlink_status after_goodbye(mqttlink_client *c) {
    OK(mqttlink_client_disconnect(c));
    return mqttlink_client_disconnect(c);
}
static mqttlink_status after_free(mqttlink_client *c) {
    mqttlink_client_free(c);
    return mqttlink_client_disconnect(c);
}
static mqttlink_status re_authenticated(mqttlink_client *c) {
    return mqttlink_client_re_authenticate(c);
}
static mqttlink_status full_window(mqttlink_client *c) {
    OK(publish(c, "a", 1, 1, false));
    return mqttlink_client_try_publish(c, "a", "x", 1, 1, false, NULL, NULL);
}
static mqttlink_status no_room(mqttlink_client *c) {
    OK(publish(c, "a", 1, 1, false));
    return mqttlink_client_publish_timeout(c, "a", "x", 1, 1, false, NULL, SHORT_MS, NULL);
}
static mqttlink_status dry(mqttlink_client *c) {
    return mqttlink_client_publish_source(c, "a", 9, 0, false, NULL, dry_source, NULL, NULL);
}
static mqttlink_status nothing_came(mqttlink_client *c) { return received(c, SHORT_MS); }
static mqttlink_status ended(mqttlink_client *c) { return received(c, WATCHDOG_MS); }
static mqttlink_status interrupted(mqttlink_client *c) {
    OK(mqttlink_client_interrupt(c));
    return received(c, WATCHDOG_MS);
}

#define LOCAL MQTTLINK_STAGE_LOCAL
#define REPLY(text, at) {.reads = 1, .says = text, .says_len = sizeof(text) - 1, .id_at = at}
#define SAYS(text) {.says = text, .says_len = sizeof(text) - 1}
#define GRANTS(text) {.properties = text, .properties_len = sizeof(text) - 1}

static const failure FAILURES[] = {
    {"argument", MQTTLINK_ERROR_NULL, LOCAL, {0}, NULL, no_topic},
    {"text", MQTTLINK_ERROR_UTF8, LOCAL, {0}, NULL, bad_text},
    {"number", MQTTLINK_ERROR_NUMBER, LOCAL, {0}, NULL, bad_qos},
    {"freed", MQTTLINK_ERROR_FREED, LOCAL, {0}, NULL, after_free},
    {"topic", MQTTLINK_ERROR_INVALID_TOPIC, LOCAL, {0}, NULL, bad_topic},
    {"filter", MQTTLINK_ERROR_INVALID_FILTER, LOCAL, {0}, NULL, bad_filter},
    {"property", MQTTLINK_ERROR_INVALID_PROPERTY, LOCAL, {0}, NULL, odd},
    {"version", MQTTLINK_ERROR_NOT_IN_VERSION, LOCAL, {.connack = "\x20\2\0\0", .connack_len = 4},
     old_version, early},
    {"no connection", MQTTLINK_ERROR_NOT_CONNECTED, LOCAL, {0}, NULL, after_goodbye},
    {"connected already", MQTTLINK_ERROR_ALREADY_CONNECTED, LOCAL, {0}, NULL, again},
    {"state", MQTTLINK_ERROR_INVALID_STATE, LOCAL, {0}, NULL, re_authenticated},
    {"window", MQTTLINK_ERROR_WINDOW_FULL, LOCAL, GRANTS("\x21\0\1"), NULL, full_window},
    {"source", MQTTLINK_ERROR_PAYLOAD_SOURCE, LOCAL, {0}, NULL, dry},
    {"interrupt", MQTTLINK_ERROR_INTERRUPTED, LOCAL, {0}, NULL, interrupted},
    {"QoS", MQTTLINK_ERROR_MAXIMUM_QOS, LOCAL, GRANTS("\x24\0"), NULL, high_qos},
    {"retain", MQTTLINK_ERROR_RETAIN_NOT_AVAILABLE, LOCAL, GRANTS("\x25\0"), NULL, retained},
    {"size", MQTTLINK_ERROR_MAXIMUM_PACKET_SIZE, LOCAL, GRANTS("\x27\0\0\0\x14"), NULL, too_large},
    {"wildcard", MQTTLINK_ERROR_WILDCARD_NOT_AVAILABLE, LOCAL, GRANTS("\x28\0"), NULL, wildcard},
    {"shared", MQTTLINK_ERROR_SHARED_NOT_AVAILABLE, LOCAL, GRANTS("\x2a\0"), NULL, shared},
    {"identifier", MQTTLINK_ERROR_SUBSCRIPTION_ID_NOT_AVAILABLE, LOCAL, GRANTS("\x29\0"), NULL,
     numbered},
    {"host", MQTTLINK_ERROR_HOST_NOT_FOUND, MQTTLINK_STAGE_DNS, {0}, unknown_host, NULL},
    {"address", MQTTLINK_ERROR_NO_ADDRESS, MQTTLINK_STAGE_DNS, {0}, homeless_host, NULL},
    {"TLS", MQTTLINK_ERROR_TLS_HANDSHAKE, MQTTLINK_STAGE_TLS, {.connack = "HTTP/1.1 400", .connack_len = 12},
     tls_spoken, NULL},
    {"authenticator", MQTTLINK_ERROR_AUTHENTICATION_FAILED, LOCAL, {0}, gives_up, NULL},
    {"CONNACK", MQTTLINK_ERROR_TIMEOUT_CONNACK, MQTTLINK_STAGE_MQTT, {.connack = "", .connack_len = 0}, impatient, NULL},
    {"refusal", MQTTLINK_ERROR_REFUSED, MQTTLINK_STAGE_MQTT,
     {.connack = "\x20\3\0\x86\0", .connack_len = 5}, NULL, NULL},
    {"DISCONNECT", MQTTLINK_ERROR_SERVER_DISCONNECTED, MQTTLINK_STAGE_MQTT, SAYS("\xe0\2\x8b\0"), NULL,
     ended},
    {"close", MQTTLINK_ERROR_CONNECTION_CLOSED, MQTTLINK_STAGE_TCP, {.ending = CLOSE}, NULL, ended},
    {"reset", MQTTLINK_ERROR_CONNECTION_LOST, MQTTLINK_STAGE_TCP, {.ending = RESET}, NULL, ended},
    {"nonsense", MQTTLINK_ERROR_PROTOCOL_VIOLATION, MQTTLINK_STAGE_MQTT, SAYS("\xf7\0"), NULL, ended},
    {"silence", MQTTLINK_ERROR_KEEP_ALIVE_TIMEOUT, MQTTLINK_STAGE_MQTT, {0}, lively, ended},
    {"message refused", MQTTLINK_ERROR_PUBLISH_REFUSED, MQTTLINK_STAGE_MQTT,
     REPLY("\x40\4\0\0\x97\0", 2), NULL, answered},
    {"subscription refused", MQTTLINK_ERROR_SUBSCRIBE_REFUSED, MQTTLINK_STAGE_MQTT,
     REPLY("\x90\4\0\0\0\x87", 2), NULL, subscribed},
    {"end refused", MQTTLINK_ERROR_UNSUBSCRIBE_REFUSED, MQTTLINK_STAGE_MQTT,
     REPLY("\xb0\4\0\0\0\x87", 2), NULL, unsubscribed},
    {"acknowledgement", MQTTLINK_ERROR_TIMEOUT_ACK, MQTTLINK_STAGE_MQTT, {0}, NULL, unanswered},
    {"message", MQTTLINK_ERROR_TIMEOUT_RECEIVE, LOCAL, {0}, NULL, nothing_came},
    {"room", MQTTLINK_ERROR_TIMEOUT_ROOM, LOCAL, GRANTS("\x21\0\1"), NULL, no_room},
};

#define COUNT (sizeof FAILURES / sizeof *FAILURES)

static char *messages[COUNT + 2];
static mqttlink_status statuses[COUNT + 2];

/* Keeps what the last error says, and compares it with all others. */
static void keep(size_t at, const char *name, mqttlink_status expected, mqttlink_stage stage,
                 mqttlink_status status) {
    const mqttlink_error *error = mqttlink_last_error();
    const char *text = mqttlink_last_error_message();
    if (status != expected || mqttlink_error_status(error) != expected ||
        (stage != LOCAL && mqttlink_error_stage(error) != stage)) {
        fprintf(stderr, "%s: status %d, stage %d: %s\n", name, status, mqttlink_error_stage(error),
                text);
        abort();
    }
    /* Long enough to say something, and no name of the library's inside. */
    CHECK(strlen(text) > 12 && !strstr(text, "os error -") && !strstr(text, "Error"));
    for (size_t i = 0; i < at; i++)
        if (strcmp(messages[i], text) == 0 || statuses[i] == status) {
            fprintf(stderr, "%s cannot be told from number %zu: %s\n", name, i, text);
            abort();
        }
    messages[at] = strdup(text);
    statuses[at] = status;
}

static void fail(size_t at, const failure *failure) {
    scripted *peer = scripted_start(&failure->script);
    mqttlink_options *options;
    mqttlink_client *client;
    bool named = failure->setup == unknown_host || failure->setup == homeless_host;
    OK(mqttlink_options_new_for(named ? "device.invalid" : "127.0.0.1", scripted_port(peer),
                                &options));
    if (failure->setup)
        failure->setup(options);
    OK(mqttlink_client_new(options, &client));
    mqttlink_status status = mqttlink_client_connect(client, NULL);
    if (failure->work) {
        STATUS(status, status == MQTTLINK_OK);
        status = failure->work(client);
    }
    keep(at, failure->name, failure->status, failure->stage, status);
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    scripted_stop(peer);
}

static void fail_to_connect(size_t at) {
    unsigned short port;
    int deaf = deaf_on_loopback(&port);
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_options_new_for("127.0.0.1", port, &options));
    OK(mqttlink_client_new(options, &client));
    keep(at, "nobody listens", MQTTLINK_ERROR_CONNECT_FAILED, MQTTLINK_STAGE_TCP,
         mqttlink_client_connect(client, NULL));
    CHECK(mqttlink_error_os_code(mqttlink_last_error()) == ECONNREFUSED);
    CHECK(strstr(messages[at], "127.0.0.1"));
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    close(deaf);
}

int main(void) {
    for (size_t i = 0; i < COUNT; i++)
        fail(i, &FAILURES[i]);
    fail_to_connect(COUNT);
    mqttlink_options *options;
    keep(COUNT + 1, "URL", MQTTLINK_ERROR_INVALID_URL, LOCAL,
         mqttlink_options_new("http://host", &options));
    CHECK(COUNT + 2 >= 30);
    for (size_t i = 0; i < COUNT + 2; i++)
        free(messages[i]);
    return 0;
}
