/* Everything that needs no connection: versions, texts, topics, properties, options, and every misuse that
 * has an answer. */
#include <errno.h>

#include "check.h"

static void versions_and_texts(void) {
    char expected[32];
    snprintf(expected, sizeof expected, "%d.%d.%d", MQTTLINK_VERSION_MAJOR, MQTTLINK_VERSION_MINOR,
             MQTTLINK_VERSION_PATCH);
    CHECK(strcmp(mqttlink_version(), expected) == 0);
    CHECK(strcmp(mqttlink_status_text(MQTTLINK_OK), "success") == 0);
    CHECK(strstr(mqttlink_status_text(MQTTLINK_ERROR_NOT_CONNECTED), "no connection"));
    CHECK(mqttlink_status_text(-7) == NULL && mqttlink_status_text(99999) == NULL);
    CHECK(strcmp(mqttlink_reason_text(0x87), "not authorized (0x87)") == 0);
    CHECK(mqttlink_reason_text(3) == NULL && mqttlink_reason_text(-1) == NULL);
}

static void *sees_no_error(void *unused) {
    (void)unused;
    CHECK(mqttlink_last_error() == NULL);
    CHECK(strcmp(mqttlink_last_error_message(), "") == 0);
    return NULL;
}

static void errors_belong_to_their_thread(void) {
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_topic_check_name(NULL));
    const mqttlink_error *error = mqttlink_last_error();
    CHECK(strcmp(mqttlink_error_message(error), "name is NULL") == 0);
    CHECK(mqttlink_error_stage(error) == MQTTLINK_STAGE_LOCAL);
    CHECK(mqttlink_error_os_code(error) == 0 && mqttlink_error_reason(error) == -1);
    CHECK(!mqttlink_error_reason_string(error) && !mqttlink_error_server_reference(error));
    CHECK(mqttlink_properties_count(mqttlink_error_properties(error)) == 0);
    CHECK(!mqttlink_error_is_timeout(error) && !mqttlink_error_is_refused(error));
    CHECK(!mqttlink_error_is_disconnected(error) && !mqttlink_error_is_full(error));
    CHECK(!mqttlink_error_is_retryable(error));
    OK(mqttlink_topic_check_name("a"));
    CHECK(mqttlink_last_error() == error);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, sees_no_error, NULL) == 0);
    pthread_join(thread, NULL);
    CHECK(mqttlink_error_status(NULL) == MQTTLINK_OK && *mqttlink_error_message(NULL) == 0);
    CHECK(mqttlink_error_properties(NULL) == NULL);
}

static void topics(void) {
    bool matches = false;
    OK(mqttlink_topic_matches("a/+/#", "a/b/c", &matches));
    CHECK(matches);
    OK(mqttlink_topic_matches("$share/g/a", "b", &matches));
    CHECK(!matches);
    OK(mqttlink_topic_check_filter("a/#"));
    FAILS(MQTTLINK_ERROR_INVALID_FILTER, mqttlink_topic_check_filter("a/#/b"));
    FAILS(MQTTLINK_ERROR_INVALID_TOPIC, mqttlink_topic_check_name("a/+"));
    FAILS(MQTTLINK_ERROR_INVALID_TOPIC, mqttlink_topic_matches("#", "+", &matches));
    FAILS(MQTTLINK_ERROR_UTF8, mqttlink_topic_check_name("a\xff"));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_topic_matches("a", "a", NULL));
}

static void properties(void) {
    mqttlink_properties *list = mqttlink_properties_new();
    uint32_t number = 0;
    size_t len = 9;
    OK(mqttlink_properties_set_number(list, MQTTLINK_PROPERTY_MESSAGE_EXPIRY_INTERVAL, 60));
    OK(mqttlink_properties_set_text(list, MQTTLINK_PROPERTY_CONTENT_TYPE, "text/plain"));
    OK(mqttlink_properties_set_data(list, MQTTLINK_PROPERTY_CORRELATION_DATA, "a\0b", 3));
    OK(mqttlink_properties_add_user(list, "unit", "kelvin"));
    OK(mqttlink_properties_add_user(list, "unit", "celsius"));
    CHECK(mqttlink_properties_count(list) == 5);
    OK(mqttlink_properties_number(list, MQTTLINK_PROPERTY_MESSAGE_EXPIRY_INTERVAL, &number));
    CHECK(number == 60);
    CHECK(strcmp(mqttlink_properties_value(list, MQTTLINK_PROPERTY_CONTENT_TYPE, NULL),
                 "text/plain") == 0);
    const char *data = mqttlink_properties_value(list, MQTTLINK_PROPERTY_CORRELATION_DATA, &len);
    CHECK(len == 3 && memcmp(data, "a\0b", 4) == 0);
    CHECK(strcmp(mqttlink_properties_user(list, "unit"), "kelvin") == 0);
    CHECK(mqttlink_properties_user(list, "other") == NULL);
    mqttlink_property property;
    OK(mqttlink_properties_at(list, 4, &property));
    CHECK(property.id == MQTTLINK_PROPERTY_USER_PROPERTY && strcmp(property.name, "unit") == 0);
    CHECK(strcmp(property.value, "celsius") == 0 && property.value_len == 7);
    FAILS(MQTTLINK_ERROR_NOT_FOUND, mqttlink_properties_at(list, 5, &property));

    mqttlink_properties *copy = mqttlink_properties_copy(list);
    OK(mqttlink_properties_remove(list, MQTTLINK_PROPERTY_USER_PROPERTY));
    CHECK(mqttlink_properties_count(list) == 3 && mqttlink_properties_count(copy) == 5);
    FAILS(MQTTLINK_ERROR_NOT_FOUND,
          mqttlink_properties_number(list, MQTTLINK_PROPERTY_TOPIC_ALIAS, &number));
    FAILS(MQTTLINK_ERROR_INVALID_PROPERTY,
          mqttlink_properties_set_number(list, MQTTLINK_PROPERTY_CONTENT_TYPE, 1));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_properties_set_number(list, 99, 1));
    FAILS(MQTTLINK_ERROR_NUMBER,
          mqttlink_properties_set_data(list, MQTTLINK_PROPERTY_CORRELATION_DATA, "", (size_t)-1));
    FAILS(MQTTLINK_ERROR_NULL,
          mqttlink_properties_set_data(list, MQTTLINK_PROPERTY_CORRELATION_DATA, NULL, 1));
    static char large[70000];
    FAILS(MQTTLINK_ERROR_INVALID_PROPERTY,
          mqttlink_properties_set_data(list, MQTTLINK_PROPERTY_CORRELATION_DATA, large,
                                       sizeof large));
    mqttlink_properties_free(copy);
    mqttlink_properties_free(list);
    mqttlink_properties_free(NULL);
    CHECK(mqttlink_properties_count(NULL) == 0 && mqttlink_properties_user(NULL, "a") == NULL);
}

/* What a list shows may be what it is changed with. */
static void a_list_takes_what_it_shows(void) {
    char large[1000];
    memset(large, 'a', sizeof large - 1);
    large[sizeof large - 1] = 0;
    mqttlink_properties *list = mqttlink_properties_new();
    OK(mqttlink_properties_set_text(list, MQTTLINK_PROPERTY_CONTENT_TYPE, large));
    const char *shown = mqttlink_properties_value(list, MQTTLINK_PROPERTY_CONTENT_TYPE, NULL);
    OK(mqttlink_properties_set_text(list, MQTTLINK_PROPERTY_RESPONSE_TOPIC, shown));
    size_t len;
    shown = mqttlink_properties_value(list, MQTTLINK_PROPERTY_RESPONSE_TOPIC, &len);
    CHECK(len == sizeof large - 1 && strcmp(shown, large) == 0);
    OK(mqttlink_properties_set_data(list, MQTTLINK_PROPERTY_CORRELATION_DATA, shown, len));
    shown = mqttlink_properties_value(list, MQTTLINK_PROPERTY_CORRELATION_DATA, &len);
    CHECK(len == sizeof large - 1 && strcmp(shown, large) == 0);
    OK(mqttlink_properties_add_user(list, shown, shown));
    shown = mqttlink_properties_user(list, large);
    CHECK(shown && strcmp(shown, large) == 0);
    /* Also where nothing comes of it. */
    FAILS(MQTTLINK_ERROR_INVALID_PROPERTY,
          mqttlink_properties_set_text(list, MQTTLINK_PROPERTY_MESSAGE_EXPIRY_INTERVAL, shown));
    CHECK(mqttlink_properties_count(list) == 4);
    mqttlink_properties_free(list);
}

/* A host and a port that cannot be, as in a URL; a transport of the program's own takes what it is given. */
static int32_t open_nothing(void *user, const char *host, uint16_t port, int64_t timeout_ms, void **stream) {
    (void)host, (void)timeout_ms, (void)stream;
    *(int *)user = port;
    return EHOSTUNREACH;
}
static int64_t read_nothing(void *stream, void *data, size_t size) {
    (void)stream, (void)data, (void)size;
    return 0;
}
static int64_t write_nothing(void *stream, const void *data, size_t size) {
    (void)stream, (void)data, (void)size;
    return -EIO;
}
static void close_nothing(void *stream) { (void)stream; }

static void hosts(void) {
    static const struct { const char *host; uint16_t port; mqttlink_status status; } cases[] = {
        {"localhost", 1, MQTTLINK_OK},  {"::1", 65535, MQTTLINK_OK},
        {"", 1883, MQTTLINK_ERROR_INVALID_URL}, {"a b", 1883, MQTTLINK_ERROR_INVALID_URL},
        {"a\nb", 1883, MQTTLINK_ERROR_INVALID_URL}, {"localhost", 0, MQTTLINK_ERROR_INVALID_URL},
    };
    mqttlink_options *options;
    mqttlink_client *client;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int asked = -1;
        OK(mqttlink_options_new_for(cases[i].host, cases[i].port, &options));
        client = NULL;
        CHECK(mqttlink_client_new(options, &client) == cases[i].status);
        mqttlink_client_free(client);
        OK(mqttlink_options_set_transport(options, open_nothing, read_nothing, write_nothing, close_nothing,
                                          NULL, &asked, NULL));
        OK(mqttlink_client_new(options, &client));
        FAILS(MQTTLINK_ERROR_CONNECT_FAILED, mqttlink_client_connect(client, NULL));
        CHECK(asked == cases[i].port);
        mqttlink_client_free(client);
        mqttlink_options_free(options);
    }
}

/* A length that comes with a pointer is 0 where there is nothing. */
static void nothing_is_of_no_length(void) {
    mqttlink_properties *list = mqttlink_properties_new();
    size_t len = 7;
    CHECK(mqttlink_message_payload(NULL, &len) == NULL && len == 0);
    len = 7;
    CHECK(mqttlink_packet_bytes(NULL, &len) == NULL && len == 0);
    len = 7;
    CHECK(mqttlink_properties_value(NULL, MQTTLINK_PROPERTY_CONTENT_TYPE, &len) == NULL && len == 0);
    len = 7;
    CHECK(mqttlink_properties_value(list, MQTTLINK_PROPERTY_CONTENT_TYPE, &len) == NULL && len == 0);
    len = 7;
    CHECK(mqttlink_peer_password(NULL, &len) == NULL && len == 0);
    len = 7;
    CHECK(mqttlink_peer_certificate(NULL, &len) == NULL && len == 0);
    mqttlink_properties_free(list);
}

static void options(void) {
    mqttlink_options *options = NULL;
    mqttlink_client *client = NULL;
    FAILS(MQTTLINK_ERROR_INVALID_URL, mqttlink_options_new("http://x", &options));
    FAILS(MQTTLINK_ERROR_UTF8, mqttlink_options_new("mqtt://\xc3\x28", &options));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_options_new(NULL, &options));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_options_new("mqtt://x", NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_options_new_for(NULL, 1883, &options));
    CHECK(options == NULL);
    OK(mqttlink_options_new_for("localhost", 1883, &options));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_options_set_version(options, 6));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_options_set_acknowledge(options, 3));
    FAILS(MQTTLINK_ERROR_INVALID_ARGUMENT, mqttlink_options_set_bind_address(options, "here"));
    FAILS(MQTTLINK_ERROR_NUMBER,
          mqttlink_options_set_will(options, "a", "b", 1, 3, false, NULL));
    OK(mqttlink_options_set_version(options, MQTTLINK_MQTT_5));
    OK(mqttlink_options_set_client_id(options, "id"));
    OK(mqttlink_options_set_credentials(options, "name", NULL));
    OK(mqttlink_options_set_password(options, "\0\1", 2));
    OK(mqttlink_options_set_clean_start(options, false));
    OK(mqttlink_options_set_session_expiry(options, UINT32_MAX));
    OK(mqttlink_options_set_keep_alive(options, 10));
    OK(mqttlink_options_set_ping_timeout(options, 5000));
    OK(mqttlink_options_set_receive_maximum(options, 10));
    OK(mqttlink_options_set_maximum_packet_size(options, 1 << 20));
    OK(mqttlink_options_set_topic_alias_maximum(options, 5));
    OK(mqttlink_options_set_topic_aliases(options, 5));
    OK(mqttlink_options_set_request_response_information(options, true));
    OK(mqttlink_options_set_request_problem_information(options, false));
    OK(mqttlink_options_add_user_property(options, "a", "b"));
    OK(mqttlink_options_set_connect_timeout(options, 100));
    OK(mqttlink_options_set_response_timeout(options, 100));
    OK(mqttlink_options_set_publish_timeout(options, 100));
    OK(mqttlink_options_set_drain_timeout(options, 100));
    OK(mqttlink_options_set_window(options, 5));
    OK(mqttlink_options_set_out_buffer_max(options, 1000));
    OK(mqttlink_options_set_in_flight_bytes_max(options, 1000));
    OK(mqttlink_options_set_queue_max(options, 10, 1000));
    OK(mqttlink_options_set_stream_above(options, 1000));
    OK(mqttlink_options_set_acknowledge(options, MQTTLINK_MANUALLY));
    OK(mqttlink_options_set_no_delay(options, false));
    OK(mqttlink_options_set_tcp_keep_alive(options, 60));
    OK(mqttlink_options_set_socket_buffers(options, 65536, 65536));
    OK(mqttlink_options_set_bind_address(options, "127.0.0.1"));
    OK(mqttlink_options_set_will(options, "a/#", NULL, 0, 0, false, NULL));
    FAILS(MQTTLINK_ERROR_INVALID_TOPIC, mqttlink_client_new(options, &client));
    OK(mqttlink_options_set_will(options, "a", "b", 1, 1, true, NULL));
    OK(mqttlink_client_new(options, &client));
    mqttlink_options_free(options);
    mqttlink_options_free(NULL);
    CHECK(mqttlink_client_state(client) == MQTTLINK_DISCONNECTED);
    CHECK(!mqttlink_client_is_connected(client));
    OK(mqttlink_client_last_error(client));
    mqttlink_granted *granted = NULL;
    FAILS(MQTTLINK_ERROR_NOT_FOUND, mqttlink_client_granted(client, &granted));
    FAILS(MQTTLINK_ERROR_NOT_CONNECTED, mqttlink_client_disconnect(client));
    FAILS(MQTTLINK_ERROR_NOT_CONNECTED,
          mqttlink_client_publish(client, "a", NULL, 0, 0, false, NULL, NULL));
    OK(mqttlink_client_abort(client));
    mqttlink_client_free(client);
}

static void count_free(void *user) { ++*(int *)user; }
static int32_t accept_none(void *user, const char *host, const void *certificate, size_t len) {
    (void)user, (void)host, (void)certificate, (void)len;
    return 1;
}

/* TLS settings, from memory and from files; what is wrong with them is named when the client is made. */
static void tls(void) {
    mqttlink_options *options;
    mqttlink_client *client = NULL;
    mqttlink_tls *tls = mqttlink_tls_new();
    OK(mqttlink_options_new("mqtts://localhost", &options));
    OK(mqttlink_tls_set_system_roots(tls, false));
    OK(mqttlink_tls_add_alpn(tls, "mqtt"));
    OK(mqttlink_tls_set_server_name(tls, "broker"));
    OK(mqttlink_tls_set_min_version(tls, MQTTLINK_TLS_1_2));
    OK(mqttlink_tls_set_max_version(tls, MQTTLINK_TLS_1_3));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_tls_set_min_version(tls, 3));
    OK(mqttlink_tls_set_sni(tls, true));
    OK(mqttlink_tls_danger_accept_invalid_certificates(tls, false));
    OK(mqttlink_tls_danger_accept_invalid_host_names(tls, false));
    int freed = 0;
    OK(mqttlink_tls_set_verifier(tls, accept_none, &freed, count_free));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_tls_set_verifier(tls, NULL, &freed, count_free));
    CHECK(freed == 1);
    OK(mqttlink_options_set_tls(options, tls));
    mqttlink_tls_free(tls);
    mqttlink_tls_free(NULL);

    struct {
        mqttlink_status (*set)(mqttlink_tls *, const char *);
        mqttlink_status expected;
    } files[] = {
        {mqttlink_tls_add_ca_file, MQTTLINK_ERROR_TLS_AUTHORITY},
        {mqttlink_tls_set_certificate_file, MQTTLINK_ERROR_TLS_KEY},
        {mqttlink_tls_set_key_file, MQTTLINK_ERROR_TLS_CERTIFICATE},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        tls = mqttlink_tls_new();
        OK(files[i].set(tls, "/nowhere.pem"));
        OK(mqttlink_options_set_tls(options, tls));
        for (int again = 0; again < 2; again++)
            CHECK(mqttlink_client_new(options, &client) == files[i].expected);
        mqttlink_tls_free(tls);
    }
    tls = mqttlink_tls_new();
    OK(mqttlink_tls_add_ca(tls, "not a certificate", 17));
    OK(mqttlink_options_set_tls(options, tls));
    FAILS(MQTTLINK_ERROR_TLS_AUTHORITY, mqttlink_client_new(options, &client));
    CHECK(mqttlink_error_stage(mqttlink_last_error()) == MQTTLINK_STAGE_TLS);
    mqttlink_tls_free(tls);
    tls = mqttlink_tls_new();
    OK(mqttlink_tls_set_certificate(tls, "x", 1));
    OK(mqttlink_tls_set_key(tls, "x", 1));
    OK(mqttlink_tls_set_key_password(tls, "secret"));
    OK(mqttlink_options_set_tls(options, tls));
    NOT_OK(mqttlink_client_new(options, &client));
    OK(mqttlink_tls_set_pkcs12_file(tls, "/nowhere.p12", "secret"));
    OK(mqttlink_tls_set_pkcs12(tls, "x", 1, "secret"));
    OK(mqttlink_options_set_tls(options, tls));
    FAILS(MQTTLINK_ERROR_TLS_KEY, mqttlink_client_new(options, &client));
    CHECK(client == NULL);
    mqttlink_tls_free(tls);
    mqttlink_options_free(options);
}

/* A client that was freed is known as such, also by functions that only look. */
static void freed_clients(void) {
    mqttlink_options *options;
    mqttlink_client *client;
    mqttlink_statistics statistics;
    OK(mqttlink_options_new("mqtt://localhost", &options));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_statistics(client, &statistics, sizeof statistics));
    CHECK(statistics.packets_received == 0 && statistics.connects == 0);
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_client_statistics(client, &statistics, 4));
    OK(mqttlink_client_interrupt(client));
    mqttlink_client_free(client);
    mqttlink_client_free(client);
    mqttlink_client_free(NULL);
    FAILS(MQTTLINK_ERROR_FREED, mqttlink_client_connect(client, NULL));
    FAILS(MQTTLINK_ERROR_FREED, mqttlink_client_reconnect(client, NULL));
    FAILS(MQTTLINK_ERROR_FREED, mqttlink_client_re_authenticate(client));
    FAILS(MQTTLINK_ERROR_FREED, mqttlink_client_abort(client));
    FAILS(MQTTLINK_ERROR_FREED,
          mqttlink_client_publish(client, "a", NULL, 0, 0, false, NULL, NULL));
    FAILS(MQTTLINK_ERROR_FREED, mqttlink_client_subscribe_one(client, "a", 0, NULL));
    RETURNS(MQTTLINK_ERROR_FREED, mqttlink_client_interrupt(client));
    RETURNS(MQTTLINK_ERROR_NULL, mqttlink_client_interrupt(NULL));
    CHECK(mqttlink_client_state(client) == MQTTLINK_DISCONNECTED);
    mqttlink_options_free(options);
}

static void on_message(void *user, mqttlink_client *client, const mqttlink_message *message) {
    (void)user, (void)client, (void)message;
}

/* A user pointer is freed once, whatever becomes of the registration. */
static void user_pointers(void) {
    int freed = 0;
    mqttlink_options *options;
    mqttlink_client *client;
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_options_on_message(NULL, on_message, &freed, count_free));
    CHECK(freed == 1);
    OK(mqttlink_options_new("mqtt://localhost", &options));
    OK(mqttlink_options_on_message(options, on_message, &freed, count_free));
    OK(mqttlink_options_on_message(options, on_message, &freed, count_free));
    CHECK(freed == 2);
    OK(mqttlink_client_new(options, &client));
    mqttlink_options_free(options);
    CHECK(freed == 2);
    mqttlink_client_free(client);
    CHECK(freed == 3);
}

/* NULL for each pointer that must not be. */
static void null_pointers(void) {
    mqttlink_subscription *subscription = mqttlink_subscription_new();
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_options_new("mqtt://localhost", &options));
    OK(mqttlink_client_new(options, &client));
#define NULL_IS_NAMED(call) FAILS(MQTTLINK_ERROR_NULL, call)
    NULL_IS_NAMED(mqttlink_client_new(NULL, &client));
    NULL_IS_NAMED(mqttlink_client_new(options, NULL));
    NULL_IS_NAMED(mqttlink_client_connect(NULL, NULL));
    NULL_IS_NAMED(mqttlink_client_granted(client, NULL));
    NULL_IS_NAMED(mqttlink_client_statistics(client, NULL, 8));
    NULL_IS_NAMED(mqttlink_client_publish(NULL, "a", NULL, 0, 0, false, NULL, NULL));
    NULL_IS_NAMED(mqttlink_client_publish(client, NULL, NULL, 0, 0, false, NULL, NULL));
    NULL_IS_NAMED(mqttlink_client_publish(client, "a", NULL, 1, 0, false, NULL, NULL));
    NULL_IS_NAMED(mqttlink_client_publish_then(client, "a", NULL, 0, 0, false, NULL, NULL, NULL, NULL));
    NULL_IS_NAMED(mqttlink_client_publish_source(client, "a", 1, 0, false, NULL, NULL, NULL, NULL));
    NULL_IS_NAMED(mqttlink_client_subscribe(client, NULL, NULL));
    NULL_IS_NAMED(mqttlink_client_subscribe_one(client, NULL, 0, NULL));
    NULL_IS_NAMED(mqttlink_client_unsubscribe(client, NULL, 1, NULL, NULL));
    NULL_IS_NAMED(mqttlink_client_receive(client, 0, NULL));
    NULL_IS_NAMED(mqttlink_delivery_wait(NULL, 0));
    NULL_IS_NAMED(mqttlink_subscription_add(subscription, NULL, 0));
    NULL_IS_NAMED(mqttlink_subscription_add(NULL, "a", 0));
    NULL_IS_NAMED(mqttlink_subscription_set_properties(NULL, NULL));
    NULL_IS_NAMED(mqttlink_message_acknowledge(NULL));
    NULL_IS_NAMED(mqttlink_message_read(NULL, NULL, 0, NULL));
    mqttlink_view view;
    NULL_IS_NAMED(mqttlink_message_view(NULL, &view, sizeof view));
    NULL_IS_NAMED(mqttlink_acknowledger_accept(NULL));
    NULL_IS_NAMED(mqttlink_reply_set(NULL, "", 0));
    NULL_IS_NAMED(mqttlink_addresses_add(NULL, "::1", 1));
    NULL_IS_NAMED(mqttlink_options_set_tls(options, NULL));
    NULL_IS_NAMED(mqttlink_options_set_resolver(options, NULL, NULL, NULL));
    NULL_IS_NAMED(mqttlink_options_set_transport(options, NULL, NULL, NULL, NULL, NULL, NULL, NULL));
    NULL_IS_NAMED(mqttlink_options_set_authenticator(options, "x", NULL, NULL, NULL, NULL, NULL));
    NULL_IS_NAMED(mqttlink_tls_add_ca_file(NULL, "x"));
    NULL_IS_NAMED(mqttlink_properties_add_user(NULL, "a", "b"));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_client_publish(client, "a", "", 0, 3, false, NULL, NULL));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_subscription_add(subscription, "a", -1));
    FAILS(MQTTLINK_ERROR_NUMBER,
          mqttlink_subscription_add_with(subscription, "a", 0, false, false, 3));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_log_set(NULL, 6, NULL, NULL));
    mqttlink_message *message;
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_client_receive(client, -3, &message));
    FAILS(MQTTLINK_ERROR_NUMBER,
          mqttlink_client_disconnect_with(client, 0, 3, NULL, NULL));
    FAILS(MQTTLINK_ERROR_INVALID_ARGUMENT, mqttlink_client_subscribe(client, subscription, NULL));
    FAILS(MQTTLINK_ERROR_INVALID_ARGUMENT, mqttlink_client_unsubscribe(client, NULL, 0, NULL, NULL));
    uint64_t id;
    OK(mqttlink_subscription_add(subscription, "a", 0));
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_client_subscribe_event(client, subscription, &id));
    FAILS(MQTTLINK_ERROR_INVALID_STATE,
          mqttlink_client_publish_event(client, "a", "", 0, 0, false, NULL, &id));

    /* What only looks says nothing, and what frees does nothing. */
    CHECK(mqttlink_message_topic(NULL) == NULL && mqttlink_message_payload(NULL, NULL) == NULL);
    CHECK(mqttlink_message_qos(NULL) == 0 && !mqttlink_message_retain(NULL));
    CHECK(mqttlink_granted_client_id(NULL) == NULL && mqttlink_results_at(NULL, 0) == -1);
    CHECK(mqttlink_results_properties(NULL) == NULL && mqttlink_delivery_reason(NULL) == -1);
    CHECK(mqttlink_packet_bytes(NULL, NULL) == NULL && *mqttlink_packet_text(NULL) == 0);
    mqttlink_message_free(NULL);
    mqttlink_delivery_free(NULL);
    mqttlink_results_free(NULL);
    mqttlink_granted_free(NULL);
    mqttlink_drained_free(NULL);
    mqttlink_acknowledger_free(NULL);
    mqttlink_subscription_free(NULL);
    mqttlink_subscription_free(subscription);
    mqttlink_client_free(client);
    mqttlink_options_free(options);
}

int main(void) {
    versions_and_texts();
    errors_belong_to_their_thread();
    topics();
    properties();
    a_list_takes_what_it_shows();
    nothing_is_of_no_length();
    hosts();
    options();
    tls();
    freed_clients();
    user_pointers();
    null_pointers();
    return 0;
}
