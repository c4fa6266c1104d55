/* Every wrong argument of every function, from a table that is made from the header: tests/header/misuse.rs. */
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* What a row needs that is not wrong in it. */
static int32_t a_auth_start_fn(void *u, mqttlink_reply *r) { return (void)u, (void)r, 0; }
static int32_t a_auth_respond_fn(void *u, const void *d, size_t l, mqttlink_reply *r) {
    return (void)u, (void)d, (void)l, (void)r, 0;
}
static int32_t a_auth_finish_fn(void *u, const void *d, size_t l) { return (void)u, (void)d, (void)l, 0; }
static int32_t a_open_fn(void *u, const char *h, uint16_t p, int64_t t, void **s) {
    return (void)u, (void)h, (void)p, (void)t, (void)s, 1;
}
static int64_t a_read_fn(void *s, void *d, size_t l) { return (void)s, (void)d, (void)l, -1; }
static int64_t a_write_fn(void *s, const void *d, size_t l) { return (void)s, (void)d, (void)l, -1; }
static void a_close_fn(void *s) { (void)s; }
static int64_t a_source_fn(void *u, void *d, size_t l) { return (void)u, (void)d, (void)l, -1; }
static void a_message_fn(void *u, mqttlink_client *c, const mqttlink_message *m) {
    (void)u, (void)c, (void)m;
}
static void a_connected_fn(void *u, mqttlink_client *c, const mqttlink_granted *g) {
    (void)u, (void)c, (void)g;
}
static void a_error_fn(void *u, mqttlink_client *c, const mqttlink_error *e) { (void)u, (void)c, (void)e; }
static void a_packet_fn(void *u, mqttlink_client *c, const mqttlink_packet *p) {
    (void)u, (void)c, (void)p;
}
static void a_published_fn(void *u, mqttlink_client *c, uint64_t i, const mqttlink_error *e, int32_t r) {
    (void)u, (void)c, (void)i, (void)e, (void)r;
}
static void a_results_fn(void *u, mqttlink_client *c, uint64_t i, const mqttlink_error *e,
                         const mqttlink_results *r) {
    (void)u, (void)c, (void)i, (void)e, (void)r;
}
static int32_t a_resolver_fn(void *u, const char *h, uint16_t p, mqttlink_addresses *a) {
    return (void)u, (void)h, (void)p, (void)a, 1;
}
static int32_t a_verify_fn(void *u, const char *h, const void *c, size_t l) {
    return (void)u, (void)h, (void)c, (void)l, 1;
}
static void a_log_fn(void *u, int32_t l, const char *t) { (void)u, (void)l, (void)t; }
static bool a_authorize_fn(void *u, mqttlink_broker *b, const mqttlink_peer *p, int32_t a, const char *t,
                           int32_t q, bool r, const mqttlink_message *m) {
    return (void)u, (void)b, (void)p, (void)a, (void)t, (void)q, (void)r, (void)m, true;
}
static int32_t a_exchange_begin_fn(void *u, mqttlink_broker *b, const mqttlink_peer *p, void **e) {
    return (void)u, (void)b, (void)p, (void)e, 1;
}
static int32_t a_exchange_step_fn(void *e, const void *d, size_t l, mqttlink_reply *r) {
    return (void)e, (void)d, (void)l, (void)r, 1;
}
static void a_broker_event_fn(void *u, mqttlink_broker *b, const mqttlink_broker_event *e) {
    (void)u, (void)b, (void)e;
}
static void a_peer_fn(void *u, mqttlink_broker *b, const mqttlink_peer *p) { (void)u, (void)b, (void)p; }
static void a_session_fn(void *u, mqttlink_broker *b, const mqttlink_session *s) {
    (void)u, (void)b, (void)s;
}
static void a_subscribed_fn(void *u, mqttlink_broker *b, const char *f, int32_t q, bool n, bool r,
                            int32_t h) {
    (void)u, (void)b, (void)f, (void)q, (void)n, (void)r, (void)h;
}
static void a_broker_message_fn(void *u, mqttlink_broker *b, const mqttlink_message *m) {
    (void)u, (void)b, (void)m;
}

static mqttlink_properties *a_properties;
static counter rows = COUNTER, wrong = COUNTER;

/* Each row is looked at; what is wrong is counted, so that all of it is seen at once. */
static void row(mqttlink_status expected, const char *argument, const char *call,
                mqttlink_status status) {
    const mqttlink_error *error = mqttlink_last_error();
    count_up(&rows);
    if (status == expected && mqttlink_error_status(error) == expected &&
        (!argument || strncmp(mqttlink_error_message(error), argument, strlen(argument)) == 0))
        return;
    count_up(&wrong);
    fprintf(stderr, "%s\n    is %d and not %d: %s\n", call, status, expected,
            status ? mqttlink_error_message(error) : "");
}
#define FAILS_AT(expected, argument, call) row(expected, argument, #call, call)
#define LOOKS(call) ((void)(call), count_up(&rows))

#define ADDRESSES_ROWS
static int32_t resolve(void *u, const char *h, uint16_t p, mqttlink_addresses *a_addresses) {
    (void)u, (void)h, (void)p;
#include "misuse.inc"
    return 1;
}
#undef ADDRESSES_ROWS

#define REPLY_ROWS
static int32_t a_authenticate_fn(void *u, mqttlink_broker *b, const mqttlink_peer *p,
                                 mqttlink_reply *a_reply) {
    (void)u, (void)b, (void)p;
#include "misuse.inc"
    return 0;
}
#undef REPLY_ROWS

#define DRAFT_ROWS
static int32_t a_intercept_fn(void *u, mqttlink_broker *b, const mqttlink_peer *p,
                              const mqttlink_message *m, mqttlink_draft *a_draft) {
    (void)u, (void)b, (void)p, (void)m;
#include "misuse.inc"
    return 0;
}
#undef DRAFT_ROWS

typedef struct {
    mqttlink_broker_options *setup;
    mqttlink_broker *broker;
    mqttlink_options *options;
    mqttlink_client *client;
} both;

static both begin(void) {
    both it;
    OK(mqttlink_broker_options_new_for_test(&it.setup));
    OK(mqttlink_broker_options_on_authenticate(it.setup, a_authenticate_fn, NULL, NULL));
    OK(mqttlink_broker_options_on_intercept(it.setup, a_intercept_fn, NULL, NULL));
    OK(mqttlink_broker_start(it.setup, &it.broker));
    OK(mqttlink_options_new_in_process(it.broker, &it.options));
    OK(mqttlink_options_on_published(it.options, a_published_fn, NULL, NULL));
    OK(mqttlink_options_on_subscribed(it.options, a_results_fn, NULL, NULL));
    OK(mqttlink_options_on_unsubscribed(it.options, a_results_fn, NULL, NULL));
    OK(mqttlink_client_new(it.options, &it.client));
    OK(mqttlink_client_connect(it.client, NULL));
    return it;
}

static void end(both *it) {
    mqttlink_client_free(it->client);
    mqttlink_options_free(it->options);
    mqttlink_broker_free(it->broker);
    mqttlink_broker_options_free(it->setup);
}

/* Rows that need no callback, with objects of every type. */
#define PLAIN_ROWS
static void plain_rows(void) {
    both it = begin(), writer = begin();
    mqttlink_client *a_client = it.client;
    mqttlink_broker *a_broker = it.broker;
    mqttlink_options *a_options = it.options;
    mqttlink_broker_options *a_broker_options = it.setup;
    mqttlink_subscription *a_subscription = mqttlink_subscription_new();
    mqttlink_tls *a_tls = mqttlink_tls_new();
    mqttlink_server_tls *a_server_tls;
    mqttlink_broker_subscription *a_broker_subscription;
    mqttlink_message *a_message;
    mqttlink_delivery *a_delivery;
    mqttlink_acknowledger *a_acknowledger;
    mqttlink_drained *a_drained;
    mqttlink_payload *a_payload;
    mqttlink_transcript *a_transcript;
    mqttlink_script *a_script;
    mqttlink_script_connection *a_script_connection;

    OK(mqttlink_subscription_add(a_subscription, "a", 0));
    OK(mqttlink_server_tls_new("certificate.pem", "key.pem", &a_server_tls));
    OK(mqttlink_payload_new("x", 1, NULL, NULL, &a_payload));
    OK(mqttlink_broker_subscribe(a_broker, "a", NULL, NULL, NULL, &a_broker_subscription));
    OK(mqttlink_client_subscribe_one(a_client, "a", 1, NULL));
    OK(mqttlink_client_publish(a_client, "a", "x", 1, 1, false, NULL, &a_delivery));
    OK(mqttlink_client_receive(a_client, WATCHDOG_MS, &a_message));
    OK(mqttlink_message_acknowledger(a_message, &a_acknowledger));
    OK(mqttlink_broker_transcript(a_broker, &a_transcript));
    OK(mqttlink_client_disconnect_with(writer.client, 0, 0, NULL, &a_drained));
    mqttlink_client *scripted;
    mqttlink_options *options;
    OK(mqttlink_script_start(&a_script));
    OK(mqttlink_options_new_for("127.0.0.1", mqttlink_script_port(a_script), &options));
    OK(mqttlink_options_set_connect_timeout(options, 1));
    OK(mqttlink_client_new(options, &scripted));
    mqttlink_status connected = mqttlink_client_connect(scripted, NULL);
    STATUS(connected, connected == MQTTLINK_ERROR_TIMEOUT_CONNACK || connected == MQTTLINK_ERROR_TIMEOUT_TCP);
    OK(mqttlink_script_accept(a_script, MQTTLINK_MQTT_5, WATCHDOG_MS, &a_script_connection));
    mqttlink_options_free(options);

#include "misuse.inc"

    mqttlink_script_connection_free(a_script_connection);
    mqttlink_script_free(a_script);
    mqttlink_client_free(scripted);
    mqttlink_drained_free(a_drained);
    mqttlink_transcript_free(a_transcript);
    mqttlink_acknowledger_free(a_acknowledger);
    mqttlink_message_free(a_message);
    mqttlink_delivery_free(a_delivery);
    mqttlink_broker_subscription_free(a_broker_subscription);
    mqttlink_payload_free(a_payload);
    mqttlink_server_tls_free(a_server_tls);
    mqttlink_tls_free(a_tls);
    mqttlink_subscription_free(a_subscription);
    end(&writer);
    end(&it);
}
#undef PLAIN_ROWS

/* Every function with a client or a broker that is gone. */
#define GONE_ROWS
static void gone_rows(both *it, mqttlink_status GONE) {
    mqttlink_client *a_client = it->client;
    mqttlink_broker *a_broker = it->broker;
    mqttlink_options *a_options = it->options;
    mqttlink_subscription *a_subscription = mqttlink_subscription_new();
    mqttlink_payload *a_payload;
    OK(mqttlink_subscription_add(a_subscription, "a", 0));
    OK(mqttlink_payload_new("x", 1, NULL, NULL, &a_payload));
#undef FAILS
#define FAILS(expected, call) row(expected, NULL, #call, call)
#include "misuse.inc"
    mqttlink_payload_free(a_payload);
    mqttlink_subscription_free(a_subscription);
    CHECK(mqttlink_client_interrupt(a_client) == GONE);
    CHECK(mqttlink_client_state(a_client) == MQTTLINK_DISCONNECTED);
    CHECK(mqttlink_broker_port(a_broker) == 0 && !mqttlink_broker_address(a_broker, 0));
}
#undef GONE_ROWS

static void *free_again(void *argument) {
    both *it = argument;
    mqttlink_client_free(it->client);
    mqttlink_broker_free(it->broker);
    return NULL;
}

int main(void) {
    mqttlink_options *options;
    mqttlink_client *client;
    a_properties = mqttlink_properties_new();
    plain_rows();
    OK(mqttlink_options_new("mqtt://somewhere.invalid", &options));
    OK(mqttlink_options_set_resolver(options, resolve, NULL, NULL));
    OK(mqttlink_client_new(options, &client));
    RETURNS(MQTTLINK_ERROR_HOST_NOT_FOUND, mqttlink_client_connect(client, NULL));
    mqttlink_client_free(client);
    mqttlink_options_free(options);

    CHECK(count_now(&wrong) == 0);
    both it = begin();
    pid_t child = fork();
    if (child == 0) {
        alarm(WATCHDOG_MS / 1000);
        gone_rows(&it, MQTTLINK_ERROR_FORKED);
        free_again(&it);
        /* What belongs to the parent's threads is lost here: not a matter for a leak check. */
        CHECK(count_now(&wrong) == 0);
        execlp("true", "true", (char *)NULL);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(mqttlink_client_is_connected(it.client) && mqttlink_broker_port(it.broker) != 0);
    free_again(&it);
    gone_rows(&it, MQTTLINK_ERROR_FREED);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, free_again, &it) == 0);
    free_again(&it);
    pthread_join(thread, NULL);
    mqttlink_options_free(it.options);
    mqttlink_broker_options_free(it.setup);
    mqttlink_properties_free(a_properties);
    printf("misuse: %d rows, %d wrong\n", count_now(&rows), count_now(&wrong));
    return count_now(&wrong) != 0;
}
