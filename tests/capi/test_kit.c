/* The test kit: waiting for clients, expecting messages, virtual time, faults, transcripts. */
#include "broker.h"

static void waiting(void) {
    mqttlink_broker *broker = start_with(NULL, NULL);
    mqttlink_client *client = client_of(broker, "c");
    FAILS(MQTTLINK_ERROR_TIMEOUT_RECEIVE, mqttlink_broker_wait_for_client(broker, "c", 0));
    CHECK(strstr(mqttlink_last_error_message(), "\"c\""));
    OK(mqttlink_client_connect(client, NULL));
    OK(mqttlink_broker_wait_for_client(broker, "c", MQTTLINK_DEFAULT));
    FAILS(MQTTLINK_ERROR_TIMEOUT_RECEIVE,
          mqttlink_broker_wait_for_subscription(broker, "c", "a/#", 0));
    /* The message shows what went over the wire. */
    CHECK(strstr(mqttlink_last_error_message(), "CONNACK"));
    OK(mqttlink_client_subscribe_one(client, "a/#", 1, NULL));
    OK(mqttlink_broker_wait_for_subscription(broker, "c", "a/#", MQTTLINK_FOREVER));
    FAILS(MQTTLINK_ERROR_TIMEOUT_RECEIVE, mqttlink_broker_wait_for_client_to_go(broker, "c", 0));
    mqttlink_client_free(client);
    OK(mqttlink_broker_wait_for_client_to_go(broker, "c", WATCHDOG_MS));
    mqttlink_broker_free(broker);
}

static void expecting(void) {
    mqttlink_broker *broker = start_with(NULL, NULL);
    mqttlink_client *client = connected_to(broker, "sensor");
    mqttlink_broker_subscription *alarm;
    mqttlink_message *message;
    OK(mqttlink_broker_subscribe(broker, "alarm/#", NULL, NULL, NULL, &alarm));
    FAILS(MQTTLINK_ERROR_TIMEOUT_RECEIVE, mqttlink_broker_subscription_receive(alarm, 0, &message));
    CHECK(strstr(mqttlink_last_error_message(), "alarm/#") &&
          strstr(mqttlink_last_error_message(), "CONNECT"));
    OK(mqttlink_client_publish(client, "alarm/fire", "attic", 5, 1, false, NULL, NULL));
    OK(mqttlink_broker_subscription_receive(alarm, WATCHDOG_MS, &message));
    CHECK(payload_is(message, "attic"));
    mqttlink_message_free(message);
    mqttlink_broker_subscription_free(alarm);
    mqttlink_client_free(client);
    mqttlink_broker_free(broker);
}

static void with_virtual_time(mqttlink_broker_options *options, void *unused) {
    (void)unused;
    OK(mqttlink_broker_options_set_virtual_time(options, true));
}

/* An hour of the broker takes no time: the will comes after its delay. */
static void virtual_time(void) {
    mqttlink_broker *broker = start_with(with_virtual_time, NULL);
    mqttlink_broker_subscription *wills;
    mqttlink_options *options;
    mqttlink_client *client;
    mqttlink_message *message;
    mqttlink_properties *list = mqttlink_properties_new();
    OK(mqttlink_properties_set_number(list, MQTTLINK_PROPERTY_WILL_DELAY_INTERVAL, 3600));
    OK(mqttlink_options_new_in_process(broker, &options));
    OK(mqttlink_options_set_client_id(options, "c"));
    OK(mqttlink_options_set_session_expiry(options, 7200));
    OK(mqttlink_options_set_will(options, "gone", "c", 1, 1, false, list));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    OK(mqttlink_broker_subscribe(broker, "gone", NULL, NULL, NULL, &wills));
    mqttlink_client_abort(client);
    OK(mqttlink_broker_wait_for_client_to_go(broker, "c", WATCHDOG_MS));
    OK(mqttlink_broker_advance(broker, 3599999));
    FAILS(MQTTLINK_ERROR_TIMEOUT_RECEIVE, mqttlink_broker_subscription_receive(wills, 0, &message));
    OK(mqttlink_broker_advance(broker, 1));
    OK(mqttlink_broker_subscription_receive(wills, WATCHDOG_MS, &message));
    CHECK(payload_is(message, "c"));
    mqttlink_message_free(message);
    mqttlink_broker_subscription_free(wills);
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    mqttlink_properties_free(list);
    mqttlink_broker_free(broker);
    broker = start_with(NULL, NULL);
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_broker_advance(broker, 1));
    mqttlink_broker_free(broker);
}

static mqttlink_status connect_now(mqttlink_broker *broker, const char *id) {
    mqttlink_client *client = client_of(broker, id);
    mqttlink_status status = mqttlink_client_connect(client, NULL);
    mqttlink_client_free(client);
    return status;
}

/* The broker's time stands still: otherwise it could be the first to miss the other. */
static void ignored_pings(void) {
    mqttlink_broker *broker = start_with(with_virtual_time, NULL);
    mqttlink_options *options;
    mqttlink_client *client;
    mqttlink_message *message;
    OK(mqttlink_broker_break_connection(broker, "c", MQTTLINK_FAULT_IGNORE_PINGS, 0));
    OK(mqttlink_options_new_in_process(broker, &options));
    OK(mqttlink_options_set_client_id(options, "c"));
    OK(mqttlink_options_set_keep_alive(options, 1));
    OK(mqttlink_options_set_ping_timeout(options, 1));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    FAILS(MQTTLINK_ERROR_KEEP_ALIVE_TIMEOUT,
          mqttlink_client_receive(client, WATCHDOG_MS, &message));
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    mqttlink_broker_free(broker);
}

static void faults(void) {
    mqttlink_broker *broker = start_with(NULL, NULL);
    mqttlink_broker_subscription *all;
    mqttlink_message *message;
    mqttlink_client *client;
    mqttlink_options *options;
    mqttlink_broker_counters counters;
    OK(mqttlink_broker_subscribe(broker, "#", NULL, NULL, NULL, &all));

    OK(mqttlink_broker_break_connection(broker, "c", MQTTLINK_FAULT_REFUSE, MQTTLINK_REASON_BANNED));
    FAILS(MQTTLINK_ERROR_REFUSED, connect_now(broker, "c"));
    CHECK(mqttlink_error_reason(mqttlink_last_error()) == MQTTLINK_REASON_BANNED);
    OK(connect_now(broker, "other"));
    OK(mqttlink_broker_repair(broker));
    OK(connect_now(broker, "c"));

    /* CONNACK does not get through in three bytes. */
    OK(mqttlink_broker_break_connection(broker, "*", MQTTLINK_FAULT_CUT_AFTER_SENDING, 3));
    NOT_OK(connect_now(broker, "c"));
    OK(mqttlink_broker_repair(broker));

    OK(mqttlink_broker_break_connection(broker, "c", MQTTLINK_FAULT_SHORT_WRITES, 1));
    OK(mqttlink_broker_break_connection(broker, "c", MQTTLINK_FAULT_DELAY_MS, 1));
    OK(mqttlink_options_new_in_process(broker, &options));
    OK(mqttlink_options_set_client_id(options, "c"));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    OK(mqttlink_client_disconnect(client));
    OK(mqttlink_broker_repair(broker));

    OK(mqttlink_broker_break_connection(broker, "c", MQTTLINK_FAULT_CUT_AFTER_RECEIVING, 5));
    OK(mqttlink_client_connect(client, NULL));
    (void)mqttlink_client_publish(client, "cut", "x", 1, 0, false, NULL, NULL);
    NOT_OK(mqttlink_client_receive(client, WATCHDOG_MS, &message));
    OK(mqttlink_broker_repair(broker));

    OK(mqttlink_broker_break_connection(broker, "c", MQTTLINK_FAULT_HALF_OPEN, 0));
    mqttlink_client_free(client);
    OK(mqttlink_options_set_connect_timeout(options, 50));
    OK(mqttlink_client_new(options, &client));
    FAILS(MQTTLINK_ERROR_TIMEOUT_CONNACK, mqttlink_client_connect(client, NULL));
    OK(mqttlink_broker_repair(broker));
    mqttlink_client_free(client);
    mqttlink_options_free(options);

    client = connected_to(broker, "c");
    OK(mqttlink_broker_break_messages(broker, "lost/#", MQTTLINK_FAULT_DROP_MESSAGES, 0));
    OK(mqttlink_broker_break_messages(broker, "late", MQTTLINK_FAULT_DELAY_MESSAGES_MS, 20));
    OK(mqttlink_client_publish(client, "lost/1", NULL, 0, 1, false, NULL, NULL));
    OK(mqttlink_client_publish(client, "late", NULL, 0, 1, false, NULL, NULL));
    OK(mqttlink_client_publish(client, "soon", NULL, 0, 1, false, NULL, NULL));
    static const char *const expected[] = {"soon", "late"};
    for (int i = 0; i < 2; i++) {
        OK(mqttlink_broker_subscription_receive(all, WATCHDOG_MS, &message));
        CHECK(strcmp(mqttlink_message_topic(message), expected[i]) == 0);
        mqttlink_message_free(message);
    }
    OK(mqttlink_broker_statistics(broker, &counters, sizeof counters));
    /* The client that was refused, and the message. */
    CHECK(counters.dropped_faults == 2);

    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_broker_break_connection(broker, "c", 7, 0));
    FAILS(MQTTLINK_ERROR_NUMBER,
          mqttlink_broker_break_connection(broker, "c", MQTTLINK_FAULT_REFUSE, 0));
    FAILS(MQTTLINK_ERROR_NUMBER,
          mqttlink_broker_break_connection(broker, "c", MQTTLINK_FAULT_REFUSE, UINT64_MAX));
    FAILS(MQTTLINK_ERROR_NUMBER,
          mqttlink_broker_break_connection(broker, "c", MQTTLINK_FAULT_SHORT_WRITES, 0));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_broker_break_messages(broker, "c", -1, 0));
    FAILS(MQTTLINK_ERROR_UTF8, mqttlink_broker_break_messages(broker, "\xff", 0, 0));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_break_connection(broker, NULL, 0, 0x87));
    mqttlink_broker_subscription_free(all);
    mqttlink_client_free(client);
    mqttlink_broker_free(broker);
}

static void transcripts(void) {
    mqttlink_broker *broker = start_with(NULL, NULL);
    mqttlink_transcript *transcript;
    mqttlink_recorded packet;
    OK(connect_now(broker, "c"));
    OK(mqttlink_broker_wait_for_client_to_go(broker, "c", WATCHDOG_MS));
    OK(mqttlink_broker_transcript(broker, &transcript));
    CHECK(mqttlink_transcript_count(transcript) >= 2);
    OK(mqttlink_transcript_at(transcript, 0, &packet));
    CHECK(packet.from_client && packet.version == MQTTLINK_MQTT_5 && packet.len > 10);
    CHECK(((const unsigned char *)packet.bytes)[0] == 0x10 && strstr(packet.text, "CONNECT"));
    OK(mqttlink_transcript_at(transcript, 1, &packet));
    CHECK(!packet.from_client && strcmp(packet.client_id, "c") == 0 && strstr(packet.text, "CONNACK"));
    FAILS(MQTTLINK_ERROR_NOT_FOUND,
          mqttlink_transcript_at(transcript, mqttlink_transcript_count(transcript), &packet));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_transcript_at(transcript, 0, NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_transcript_at(NULL, 0, &packet));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_transcript(broker, NULL));
    mqttlink_broker_free(broker);
    /* It lives on by itself. */
    OK(mqttlink_transcript_at(transcript, 1, &packet));
    CHECK(strcmp(packet.client_id, "c") == 0);
    mqttlink_transcript_free(transcript);
    mqttlink_transcript_free(NULL);
    CHECK(mqttlink_transcript_count(NULL) == 0);
}

static void *connect_to(void *client) { return (void *)(size_t)mqttlink_client_connect(client, NULL); }

/* A server that says exactly these bytes. */
static void scripts(void) {
    mqttlink_script *script;
    mqttlink_script_connection *connection;
    mqttlink_options *options;
    mqttlink_client *client;
    const char *line;
    void *status;
    pthread_t thread;
    OK(mqttlink_script_start(&script));
    FAILS(MQTTLINK_ERROR_TIMEOUT_RECEIVE,
          mqttlink_script_accept(script, MQTTLINK_MQTT_3_1_1, 0, &connection));
    OK(mqttlink_options_new_for("127.0.0.1", mqttlink_script_port(script), &options));
    OK(mqttlink_options_set_client_id(options, "c"));
    OK(mqttlink_options_set_version(options, MQTTLINK_MQTT_3_1_1));
    OK(mqttlink_client_new(options, &client));

    CHECK(pthread_create(&thread, NULL, connect_to, client) == 0);
    OK(mqttlink_script_accept(script, MQTTLINK_MQTT_3_1_1, MQTTLINK_DEFAULT, &connection));
    OK(mqttlink_script_connection_expect_packet(connection, &line));
    CHECK(strncmp(line, "CONNECT version=3.1.1", 21) == 0);
    OK(mqttlink_script_connection_send(connection, "\x20\x02\x00\x05", 4));
    pthread_join(thread, &status);
    CHECK((size_t)status == MQTTLINK_ERROR_REFUSED);
    OK(mqttlink_script_connection_expect_end(connection));
    mqttlink_script_connection_free(connection);

    CHECK(pthread_create(&thread, NULL, connect_to, client) == 0);
    OK(mqttlink_script_accept(script, MQTTLINK_MQTT_3_1_1, WATCHDOG_MS, &connection));
    FAILS(MQTTLINK_ERROR_NOT_FOUND, mqttlink_script_connection_expect(connection, "\x20", 1));
    CHECK(strstr(mqttlink_last_error_message(), "expects [20]"));
    mqttlink_script_connection_free(connection);
    pthread_join(thread, &status);
    CHECK((size_t)status != MQTTLINK_OK);

    CHECK(pthread_create(&thread, NULL, connect_to, client) == 0);
    OK(mqttlink_script_accept(script, MQTTLINK_MQTT_3_1_1, WATCHDOG_MS, &connection));
    OK(mqttlink_script_connection_expect(connection, "\x10", 1));
    FAILS(MQTTLINK_ERROR_PROTOCOL_VIOLATION,
          mqttlink_script_connection_expect_packet(connection, &line));
    mqttlink_script_connection_free(connection);
    pthread_join(thread, &status);

    FAILS(MQTTLINK_ERROR_NULL, mqttlink_script_start(NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_script_accept(NULL, 5, 0, &connection));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_script_accept(script, 5, 0, NULL));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_script_accept(script, 7, 0, &connection));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_script_connection_send(NULL, "", 0));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_script_connection_expect(NULL, "", 0));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_script_connection_expect_packet(NULL, &line));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_script_connection_expect_end(NULL));
    CHECK(mqttlink_script_port(NULL) == 0);
    mqttlink_script_connection_free(NULL);
    mqttlink_script_free(NULL);
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    mqttlink_script_free(script);
}

/* A broker that is not for tests, NULL, and one that was freed. */
static void not_for_tests(void) {
    mqttlink_broker_options *options;
    mqttlink_broker *broker;
    mqttlink_transcript *transcript;
    OK(mqttlink_broker_options_new(&options));
    OK(mqttlink_broker_start(options, &broker));
    mqttlink_broker_options_free(options);
    for (int i = 0; i < 3; i++) {
        mqttlink_status expected = i == 0   ? MQTTLINK_ERROR_INVALID_STATE
                                   : i == 1 ? MQTTLINK_ERROR_NULL
                                            : MQTTLINK_ERROR_FREED;
        mqttlink_broker *given = i == 1 ? NULL : broker;
        if (i == 2)
            mqttlink_broker_free(broker);
        FAILS(expected, mqttlink_broker_wait_for_client(given, "c", 0));
        FAILS(expected, mqttlink_broker_wait_for_client_to_go(given, "c", 0));
        FAILS(expected, mqttlink_broker_wait_for_subscription(given, "c", "a", 0));
        FAILS(expected, mqttlink_broker_advance(given, 1));
        FAILS(expected, mqttlink_broker_break_connection(given, "c", 4, 0));
        FAILS(expected, mqttlink_broker_break_messages(given, "c", 0, 0));
        FAILS(expected, mqttlink_broker_repair(given));
        FAILS(expected, mqttlink_broker_transcript(given, &transcript));
    }
    broker = start_with(NULL, NULL);
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_wait_for_client(broker, NULL, 0));
    FAILS(MQTTLINK_ERROR_UTF8, mqttlink_broker_wait_for_client_to_go(broker, "\xff", 0));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_wait_for_subscription(broker, "c", NULL, 0));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_broker_wait_for_client(broker, "c", -9));
    mqttlink_broker_free(broker);
}

int main(void) {
    waiting();
    expecting();
    virtual_time();
    ignored_pings();
    faults();
    transcripts();
    scripts();
    not_for_tests();
    return 0;
}
