/* Connecting, publishing, subscribing, receiving, and saying goodbye. */
#include "server.h"

static mqttlink_client *client_with(server *server, mqttlink_options **kept) {
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_options_new_for("127.0.0.1", server_port(server), &options));
    OK(mqttlink_client_new(options, &client));
    if (kept)
        *kept = options;
    else
        mqttlink_options_free(options);
    return client;
}

static mqttlink_client *connected(server *server) {
    mqttlink_client *client = client_with(server, NULL);
    OK(mqttlink_client_connect(client, NULL));
    return client;
}

static void granted(server *server) {
    mqttlink_client *client = client_with(server, NULL);
    mqttlink_granted *granted;
    OK(mqttlink_client_connect(client, &granted));
    CHECK(mqttlink_client_is_connected(client));
    CHECK(mqttlink_granted_version(granted) == MQTTLINK_MQTT_5);
    CHECK(!mqttlink_granted_session_present(granted));
    CHECK(strcmp(mqttlink_granted_client_id(granted), "assigned") == 0);
    CHECK(mqttlink_granted_keep_alive(granted) == 60);
    CHECK(mqttlink_granted_session_expiry(granted) == 0);
    CHECK(mqttlink_granted_receive_maximum(granted) == 40);
    CHECK(mqttlink_granted_maximum_qos(granted) == MQTTLINK_EXACTLY_ONCE);
    CHECK(mqttlink_granted_retain_available(granted));
    CHECK(mqttlink_granted_maximum_packet_size(granted) > 1000000);
    CHECK(mqttlink_granted_topic_alias_maximum(granted) == 0);
    CHECK(mqttlink_granted_wildcard_available(granted));
    CHECK(mqttlink_granted_subscription_id_available(granted));
    CHECK(mqttlink_granted_shared_available(granted));
    CHECK(strcmp(mqttlink_properties_user(mqttlink_granted_properties(granted), "old"), "news") == 0);
    mqttlink_granted_free(granted);
    OK(mqttlink_client_granted(client, &granted));
    mqttlink_granted_free(granted);
    FAILS(MQTTLINK_ERROR_ALREADY_CONNECTED, mqttlink_client_connect(client, NULL));

    OK(mqttlink_client_disconnect(client));
    wait_for(server_goodbyes(server), 1);
    CHECK(server_last_reason(server) == 0);
    OK(mqttlink_client_reconnect(client, NULL));
    mqttlink_properties *why = mqttlink_properties_new();
    OK(mqttlink_properties_set_text(why, MQTTLINK_PROPERTY_REASON_STRING, "tired"));
    OK(mqttlink_properties_add_user(why, "a", "b"));
    OK(mqttlink_client_disconnect_with(client, MQTTLINK_DEFAULT,
                                       MQTTLINK_REASON_DISCONNECT_WITH_WILL, why, NULL));
    wait_for(server_goodbyes(server), 2);
    CHECK(server_last_reason(server) == 4);
    OK(mqttlink_client_reconnect(client, NULL));
    OK(mqttlink_properties_set_number(why, MQTTLINK_PROPERTY_TOPIC_ALIAS, 1));
    FAILS(MQTTLINK_ERROR_INVALID_PROPERTY,
          mqttlink_client_disconnect_with(client, 0, 0, why, NULL));
    mqttlink_properties_free(why);
    mqttlink_client_free(client);
    wait_for(server_ends(server), count_now(server_connections(server)));
    CHECK(count_now(server_goodbyes(server)) == 2);
}

static void refused(server *server) {
    int versions[] = {MQTTLINK_MQTT_3_1_1, MQTTLINK_MQTT_5};
    for (int i = 0; i < 2; i++) {
        mqttlink_options *options;
        mqttlink_client *client;
        OK(mqttlink_options_new(server_url(server), &options));
        OK(mqttlink_options_set_version(options, versions[i]));
        OK(mqttlink_options_set_client_id(options, "refused"));
        OK(mqttlink_client_new(options, &client));
        FAILS(MQTTLINK_ERROR_REFUSED, mqttlink_client_connect(client, NULL));
        const mqttlink_error *error = mqttlink_last_error();
        CHECK(mqttlink_error_is_refused(error) && !mqttlink_error_is_timeout(error));
        CHECK(mqttlink_error_stage(error) == MQTTLINK_STAGE_MQTT);
        CHECK(mqttlink_error_reason(error) == MQTTLINK_REASON_NOT_AUTHORIZED);
        if (versions[i] == MQTTLINK_MQTT_5) {
            CHECK(strcmp(mqttlink_error_reason_string(error), "not on Sunday") == 0);
            CHECK(mqttlink_properties_count(mqttlink_error_properties(error)) == 1);
        }
        FAILS(MQTTLINK_ERROR_REFUSED, mqttlink_client_last_error(client));
        mqttlink_client_free(client);
        mqttlink_options_free(options);
    }
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_options_new_for("127.0.0.1", 1, &options));
    OK(mqttlink_client_new(options, &client));
    FAILS(MQTTLINK_ERROR_CONNECT_FAILED, mqttlink_client_connect(client, NULL));
    const mqttlink_error *error = mqttlink_last_error();
    CHECK(mqttlink_error_stage(error) == MQTTLINK_STAGE_TCP && mqttlink_error_os_code(error) != 0);
    CHECK(mqttlink_error_is_retryable(error));
    mqttlink_client_free(client);
    mqttlink_options_free(options);
}

/* All at once says the same as one thing at a time. */
static void view_agrees(const mqttlink_message *message) {
    mqttlink_view view;
    size_t len;
    OK(mqttlink_message_view(message, &view, sizeof view));
    const char *topic = mqttlink_message_topic(message);
    CHECK(view.topic_len == strlen(topic) && memcmp(view.topic, topic, view.topic_len) == 0);
    CHECK(view.payload == mqttlink_message_payload(message, &len) && view.payload_len == len);
    CHECK(view.total_len == mqttlink_message_payload_len(message));
    CHECK(view.is_streamed == mqttlink_message_is_streamed(message));
    CHECK(view.qos == mqttlink_message_qos(message) && view.retain == mqttlink_message_retain(message));
    CHECK(view.dup == mqttlink_message_dup(message));
    len = mqttlink_properties_count(mqttlink_message_properties(message));
    CHECK(view.has_properties == (len > 0));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_message_view(message, NULL, sizeof view));
}

static void publish_and_receive(server *server) {
    mqttlink_client *client = connected(server);
    int32_t qos = -1;
    OK(mqttlink_client_subscribe_one(client, "a", 2, &qos));
    CHECK(qos == 2);
    FAILS(MQTTLINK_ERROR_SUBSCRIBE_REFUSED, mqttlink_client_subscribe_one(client, "no", 0, NULL));
    CHECK(mqttlink_error_reason(mqttlink_last_error()) == 0x87);
    mqttlink_properties *list = mqttlink_properties_new();
    OK(mqttlink_properties_set_text(list, MQTTLINK_PROPERTY_RESPONSE_TOPIC, "answer"));
    OK(mqttlink_properties_add_user(list, "unit", "kelvin"));
    for (int i = 0; i < 3; i++) {
        mqttlink_delivery *delivery;
        mqttlink_message *message, *copy;
        size_t len;
        OK(mqttlink_client_publish(client, "a", "hello", 5, i, i == 1, list, &delivery));
        OK(mqttlink_delivery_wait(delivery, WATCHDOG_MS));
        OK(mqttlink_delivery_wait(delivery, MQTTLINK_DEFAULT));
        CHECK(mqttlink_delivery_is_done(delivery) && mqttlink_delivery_reason(delivery) == 0);
        CHECK(mqttlink_delivery_reason_string(delivery) == NULL);
        CHECK(mqttlink_properties_count(mqttlink_delivery_properties(delivery)) == 0);
        mqttlink_delivery_free(delivery);
        OK(mqttlink_client_receive(client, MQTTLINK_FOREVER, &message));
        CHECK(strcmp(mqttlink_message_topic(message), "a") == 0);
        CHECK(memcmp(mqttlink_message_payload(message, &len), "hello", 5) == 0 && len == 5);
        CHECK(mqttlink_message_payload_len(message) == 5 && !mqttlink_message_is_streamed(message));
        CHECK(mqttlink_message_qos(message) == i && mqttlink_message_retain(message) == (i == 1));
        CHECK(!mqttlink_message_dup(message));
        view_agrees(message);
        const mqttlink_properties *got = mqttlink_message_properties(message);
        CHECK(strcmp(mqttlink_properties_user(got, "unit"), "kelvin") == 0);
        CHECK(strcmp(mqttlink_properties_value(got, MQTTLINK_PROPERTY_RESPONSE_TOPIC, &len),
                     "answer") == 0);
        char piece[3];
        OK(mqttlink_message_read(message, piece, 3, &len));
        CHECK(len == 3 && memcmp(piece, "hel", 3) == 0);
        OK(mqttlink_message_read(message, piece, 3, &len));
        CHECK(len == 2 && memcmp(piece, "lo", 2) == 0);
        OK(mqttlink_message_read(message, piece, 3, &len));
        CHECK(len == 0);
        OK(mqttlink_message_copy(message, &copy));
        mqttlink_message_free(message);
        CHECK(strcmp(mqttlink_message_topic(copy), "a") == 0);
        view_agrees(copy);
        mqttlink_message_free(copy);
    }
    mqttlink_properties_free(list);

    mqttlink_delivery *delivery;
    OK(mqttlink_client_try_publish(client, "refuse", "x", 1, 1, false, NULL, &delivery));
    FAILS(MQTTLINK_ERROR_PUBLISH_REFUSED, mqttlink_delivery_wait(delivery, WATCHDOG_MS));
    CHECK(mqttlink_delivery_reason(delivery) == 0x87);
    CHECK(strcmp(mqttlink_delivery_reason_string(delivery), "not for you") == 0);
    CHECK(mqttlink_properties_count(mqttlink_delivery_properties(delivery)) == 1);
    mqttlink_delivery_free(delivery);
    OK(mqttlink_client_publish_timeout(client, "silent", "x", 1, 1, false, NULL, 100, &delivery));
    FAILS(MQTTLINK_ERROR_TIMEOUT_ACK, mqttlink_delivery_wait(delivery, 1));
    CHECK(mqttlink_error_is_timeout(mqttlink_last_error()));
    CHECK(!mqttlink_delivery_is_done(delivery) && mqttlink_delivery_reason(delivery) == -1);
    CHECK(mqttlink_delivery_properties(delivery) == NULL);
    mqttlink_delivery_free(delivery);
    mqttlink_message *message;
    FAILS(MQTTLINK_ERROR_TIMEOUT_RECEIVE, mqttlink_client_receive(client, 0, &message));
    CHECK(strstr(mqttlink_last_error_message(), "at once"));
    FAILS(MQTTLINK_ERROR_INVALID_TOPIC,
          mqttlink_client_publish(client, "a/#", "", 0, 0, false, NULL, NULL));

    mqttlink_drained *drained;
    OK(mqttlink_client_disconnect_with(client, 0, 0, NULL, &drained));
    CHECK(mqttlink_drained_count(drained) == 1);
    mqttlink_left left;
    OK(mqttlink_drained_at(drained, 0, &left));
    CHECK(strcmp(left.topic, "silent") == 0 && left.payload_len == 1 && left.qos == 1 && left.kept);
    CHECK(!left.retain && mqttlink_properties_count(left.properties) == 0);
    FAILS(MQTTLINK_ERROR_NOT_FOUND, mqttlink_drained_at(drained, 1, &left));
    mqttlink_drained_free(drained);
    mqttlink_client_free(client);
}

static void full_window(server *server) {
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_options_new(server_url(server), &options));
    OK(mqttlink_options_set_window(options, 1));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    OK(mqttlink_client_publish(client, "silent", "x", 1, 1, false, NULL, NULL));
    FAILS(MQTTLINK_ERROR_WINDOW_FULL,
          mqttlink_client_try_publish(client, "a", "x", 1, 1, false, NULL, NULL));
    CHECK(mqttlink_error_is_full(mqttlink_last_error()));
    FAILS(MQTTLINK_ERROR_TIMEOUT_ROOM,
          mqttlink_client_publish_timeout(client, "a", "x", 1, 1, false, NULL, 1, NULL));
    mqttlink_client_free(client);
    mqttlink_options_free(options);
}

typedef struct {
    size_t left;
    int fails;
} payload;

static int64_t next_bytes(void *user, void *data, size_t size) {
    payload *payload = user;
    if (payload->fails)
        return -5;
    size_t count = size < payload->left ? size : payload->left;
    memset(data, 'x', count);
    payload->left -= count;
    return (int64_t)count;
}

static void released_one(void *user) {
    count_up(user);
}

static void streams(server *server) {
    mqttlink_options *options;
    mqttlink_client *client;
    mqttlink_message *message;
    payload source = {300000, 0};
    OK(mqttlink_options_new(server_url(server), &options));
    OK(mqttlink_options_set_stream_above(options, 1000));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    OK(mqttlink_client_publish_source(client, "a", 300000, 1, false, NULL, next_bytes, &source, NULL));
    OK(mqttlink_client_receive(client, WATCHDOG_MS, &message));
    CHECK(mqttlink_message_is_streamed(message) && mqttlink_message_payload_len(message) == 300000);
    view_agrees(message);
    static char data[7777];
    size_t total = 0, count;
    do {
        OK(mqttlink_message_read(message, data, sizeof data, &count));
        total += count;
    } while (count > 0);
    CHECK(total == 300000);
    mqttlink_message_free(message);
    payload broken = {5, 1};
    FAILS(MQTTLINK_ERROR_PAYLOAD_SOURCE,
          mqttlink_client_publish_source(client, "a", 5, 0, false, NULL, next_bytes, &broken, NULL));
    CHECK(mqttlink_error_os_code(mqttlink_last_error()) == 5);
    CHECK(!mqttlink_client_is_connected(client));
    mqttlink_client_free(client);
    mqttlink_options_free(options);
}

/* The library refers to a large payload as long as a message with it is on its way, and copies a small
 * one. */
static void shared_payloads(server *server) {
    static char bytes[100000];
    counter released = COUNTER;
    mqttlink_payload *large, *small, *none = NULL;
    mqttlink_delivery *delivery, *silent;
    memset(bytes, 'z', sizeof bytes);
    mqttlink_client *client = connected(server);
    OK(mqttlink_payload_new(bytes, sizeof bytes, released_one, &released, &large));
    OK(mqttlink_client_subscribe_one(client, "a", 2, NULL));
    for (int qos = 0; qos < 3; qos++) {
        mqttlink_message *message;
        size_t len;
        OK(mqttlink_client_publish_payload(client, "a", large, qos, false, NULL, MQTTLINK_DEFAULT,
                                           NULL));
        OK(mqttlink_client_receive(client, WATCHDOG_MS, &message));
        const char *got = mqttlink_message_payload(message, &len);
        CHECK(len == sizeof bytes && got[0] == 'z' && got[len - 1] == 'z');
        mqttlink_message_free(message);
    }
    CHECK(count_now(&released) == 0);
    OK(mqttlink_client_publish_payload(client, "quiet", large, 2, false, NULL, 0, &delivery));
    OK(mqttlink_client_publish_payload(client, "silent", large, 1, false, NULL, 1000, &silent));
    mqttlink_payload_free(large);
    OK(mqttlink_delivery_wait(delivery, WATCHDOG_MS));
    CHECK(count_now(&released) == 0);
    mqttlink_delivery_free(delivery);
    mqttlink_delivery_free(silent);
    mqttlink_client_free(client);
    wait_for(&released, 1);

    client = connected(server);
    OK(mqttlink_payload_new("short", 5, released_one, &released, &small));
    OK(mqttlink_client_publish_payload(client, "silent", small, 1, false, NULL, 0, NULL));
    mqttlink_payload_free(small);
    CHECK(count_now(&released) == 2);
    OK(mqttlink_payload_new(NULL, 0, NULL, NULL, &small));
    FAILS(MQTTLINK_ERROR_INVALID_TOPIC,
          mqttlink_client_publish_payload(client, "+", small, 0, false, NULL, 0, NULL));
    FAILS(MQTTLINK_ERROR_NULL,
          mqttlink_client_publish_payload(NULL, "a", small, 0, false, NULL, 0, NULL));
    FAILS(MQTTLINK_ERROR_NUMBER,
          mqttlink_client_publish_payload(client, "a", small, 0, false, NULL, -3, NULL));
    FAILS(MQTTLINK_ERROR_NULL,
          mqttlink_client_publish_payload(client, "a", NULL, 0, false, NULL, 0, NULL));
    mqttlink_payload_free(small);
    mqttlink_payload_free(NULL);
    /* What cannot be taken is given back at once. */
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_payload_new(NULL, 1, released_one, &released, &none));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_payload_new("x", 1, released_one, &released, NULL));
    FAILS(MQTTLINK_ERROR_NUMBER,
          mqttlink_payload_new("x", (size_t)-1, released_one, &released, &none));
    CHECK(none == NULL && count_now(&released) == 5);
    mqttlink_client_free(client);
}

/* What takes bytes back runs under no lock, and on no thread that its own calls wait for. */
typedef struct {
    mqttlink_client *client;
    counter released;
} lender;
static void use_the_client(void *user) {
    lender *lender = user;
    mqttlink_statistics statistics;
    mqttlink_delivery *delivery;
    if (mqttlink_client_statistics(lender->client, &statistics, sizeof statistics) == MQTTLINK_OK &&
        mqttlink_client_publish(lender->client, "quiet", "x", 1, 1, false, NULL, &delivery) == MQTTLINK_OK) {
        OK(mqttlink_delivery_wait(delivery, WATCHDOG_MS));
        mqttlink_delivery_free(delivery);
    }
    mqttlink_client_free(lender->client);
    count_up(&lender->released);
}
static void payloads_given_back(server *server) {
    static const char bytes[100000];
    for (int qos = 0; qos < 3; qos++) {
        lender lender = {connected(server), COUNTER};
        mqttlink_payload *payload;
        OK(mqttlink_payload_new(bytes, sizeof bytes, use_the_client, &lender, &payload));
        OK(mqttlink_client_publish_payload(lender.client, "quiet", payload, qos, false, NULL,
                                           MQTTLINK_DEFAULT, NULL));
        mqttlink_payload_free(payload);
        wait_for(&lender.released, 1);
        FAILS(MQTTLINK_ERROR_FREED, mqttlink_client_connect(lender.client, NULL));
    }
}

/* One message may exceed a bound, also one of 0. */
static void bounds_of_nothing(server *server) {
    mqttlink_options *options;
    mqttlink_client *client;
    mqttlink_delivery *delivery;
    OK(mqttlink_options_new(server_url(server), &options));
    OK(mqttlink_options_set_out_buffer_max(options, 0));
    OK(mqttlink_options_set_in_flight_bytes_max(options, 0));
    OK(mqttlink_client_new(options, &client));
    mqttlink_options_free(options);
    OK(mqttlink_client_connect(client, NULL));
    for (int qos = 0; qos < 3; qos++) {
        OK(mqttlink_client_publish_timeout(client, "quiet", "x", 1, qos, false, NULL, WATCHDOG_MS,
                                           &delivery));
        OK(mqttlink_delivery_wait(delivery, WATCHDOG_MS));
        mqttlink_delivery_free(delivery);
    }
    mqttlink_client_free(client);
}

static void requests(server *server) {
    mqttlink_client *client = connected(server);
    mqttlink_subscription *subscription = mqttlink_subscription_new();
    mqttlink_properties *list = mqttlink_properties_new();
    mqttlink_results *results;
    OK(mqttlink_subscription_add(subscription, "a", 1));
    OK(mqttlink_subscription_add(subscription, "no/b", 1));
    OK(mqttlink_subscription_add_with(subscription, "c", 2, true, true, MQTTLINK_RETAIN_SEND_IF_NEW));
    OK(mqttlink_properties_set_number(list, MQTTLINK_PROPERTY_SUBSCRIPTION_IDENTIFIER, 7));
    OK(mqttlink_properties_add_user(list, "a", "b"));
    OK(mqttlink_subscription_set_properties(subscription, list));
    OK(mqttlink_client_subscribe(client, subscription, &results));
    CHECK(mqttlink_results_count(results) == 3);
    CHECK(mqttlink_results_at(results, 0) == 1 && mqttlink_results_at(results, 1) == 0x87);
    CHECK(mqttlink_results_at(results, 2) == 2 && mqttlink_results_at(results, 3) == -1);
    CHECK(mqttlink_properties_count(mqttlink_results_properties(results)) == 0);
    mqttlink_results_free(results);
    FAILS(MQTTLINK_ERROR_SUBSCRIBE_REFUSED, mqttlink_client_subscribe(client, subscription, NULL));
    const char *filters[] = {"a", "no/b"};
    OK(mqttlink_client_unsubscribe(client, filters, 2, NULL, &results));
    CHECK(mqttlink_results_at(results, 0) == 0 && mqttlink_results_at(results, 1) == 0x87);
    mqttlink_results_free(results);
    FAILS(MQTTLINK_ERROR_UNSUBSCRIBE_REFUSED,
          mqttlink_client_unsubscribe(client, filters, 2, NULL, NULL));
    FAILS(MQTTLINK_ERROR_INVALID_PROPERTY,
          mqttlink_client_unsubscribe(client, filters, 2, list, NULL));
    mqttlink_properties_free(list);
    mqttlink_subscription_free(subscription);
    mqttlink_client_free(client);
}

static void by_hand(server *server) {
    mqttlink_options *options;
    mqttlink_client *client;
    mqttlink_message *message;
    mqttlink_acknowledger *acknowledger;
    OK(mqttlink_options_new(server_url(server), &options));
    OK(mqttlink_options_set_acknowledge(options, MQTTLINK_MANUALLY));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    OK(mqttlink_client_publish(client, "a", "1", 1, 1, false, NULL, NULL));
    OK(mqttlink_client_receive(client, WATCHDOG_MS, &message));
    OK(mqttlink_message_acknowledger(message, &acknowledger));
    FAILS(MQTTLINK_ERROR_NOT_FOUND, mqttlink_message_acknowledger(message, &acknowledger));
    mqttlink_message_free(message);
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_acknowledger_reject(acknowledger, 3));
    OK(mqttlink_acknowledger_reject(acknowledger, MQTTLINK_REASON_QUOTA_EXCEEDED));
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_acknowledger_accept(acknowledger));
    mqttlink_acknowledger_free(acknowledger);
    OK(mqttlink_client_publish(client, "a", "2", 1, 2, false, NULL, NULL));
    OK(mqttlink_client_receive(client, WATCHDOG_MS, &message));
    OK(mqttlink_message_acknowledge(message));
    mqttlink_message_free(message);
    OK(mqttlink_client_publish(client, "a", "3", 1, 1, false, NULL, NULL));
    OK(mqttlink_client_receive(client, WATCHDOG_MS, &message));
    OK(mqttlink_message_acknowledger(message, &acknowledger));
    OK(mqttlink_acknowledger_accept(acknowledger));
    mqttlink_acknowledger_free(acknowledger);
    mqttlink_message_free(message);
    mqttlink_client_free(client);
    mqttlink_options_free(options);
}

static void counts(server *server) {
    mqttlink_client *client = connected(server);
    mqttlink_delivery *delivery;
    mqttlink_statistics statistics;
    OK(mqttlink_client_publish(client, "quiet", "x", 1, 1, false, NULL, &delivery));
    OK(mqttlink_delivery_wait(delivery, WATCHDOG_MS));
    mqttlink_delivery_free(delivery);
    OK(mqttlink_client_statistics(client, &statistics, sizeof statistics));
    CHECK(statistics.connects == 1 && statistics.messages_sent[1] == 1);
    CHECK(statistics.packets_received == 2 && statistics.in_flight == 0);
    mqttlink_client_free(client);
}

/* More than the system takes counts as the most that it takes. */
static void longest_tcp_keep_alive(server *server) {
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_options_new(server_url(server), &options));
    OK(mqttlink_options_set_tcp_keep_alive(options, UINT32_MAX));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    mqttlink_client_free(client);
    mqttlink_options_free(options);
}

int main(void) {
    server *server = server_start();
    granted(server);
    refused(server);
    publish_and_receive(server);
    full_window(server);
    streams(server);
    shared_payloads(server);
    payloads_given_back(server);
    bounds_of_nothing(server);
    requests(server);
    by_hand(server);
    counts(server);
    longest_tcp_keep_alive(server);
    server_stop(server);
    return 0;
}
