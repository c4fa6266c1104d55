/* A session that goes on: its messages may come before the program has subscribed again, and what was left is told.
 * And outcomes by a callback of each message, without waiting for room. */
#include "broker.h"

typedef struct {
    counter count;
    char topics[4][32];
} seen;

static void on_message(void *user, mqttlink_client *client, const mqttlink_message *message) {
    (void)client;
    seen *seen = user;
    int place = count_now(&seen->count);
    CHECK(place < 4);
    snprintf(seen->topics[place], sizeof seen->topics[0], "%s", mqttlink_message_topic(message));
    count_up(&seen->count);
}

static int freed;
static void count_free(void *user) {
    (void)user;
    freed++;
}

static void filters_of_the_options(void) {
    mqttlink_broker *broker = start_with(NULL, NULL);
    mqttlink_options *options;
    mqttlink_client *client;
    mqttlink_granted *granted;
    seen filtered = {.count = COUNTER}, others = {.count = COUNTER};
    OK(mqttlink_options_new_for("127.0.0.1", mqttlink_broker_port(broker), &options));
    OK(mqttlink_options_set_client_id(options, "keeper"));
    OK(mqttlink_options_set_clean_start(options, false));
    OK(mqttlink_options_set_session_expiry(options, 600));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    OK(mqttlink_client_subscribe_one(client, "#", 1, NULL));
    OK(mqttlink_client_disconnect(client));
    mqttlink_client_free(client);
    OK(mqttlink_broker_publish(broker, "house/attic", "1", 1, 1, false, NULL));
    OK(mqttlink_broker_publish(broker, "garden", "2", 1, 1, false, NULL));

    /* Another program goes on with the session; the second call for a filter takes the first one's place. */
    OK(mqttlink_options_on_filter(options, "house/+", on_message, &others, count_free));
    OK(mqttlink_options_on_filter(options, "house/+", on_message, &filtered, NULL));
    CHECK(freed == 1);
    OK(mqttlink_options_on_filter(options, "garden", on_message, &filtered, count_free));
    OK(mqttlink_options_on_filter(options, "garden", NULL, NULL, NULL));
    CHECK(freed == 2);
    OK(mqttlink_options_on_message(options, on_message, &others, NULL));
    FAILS(MQTTLINK_ERROR_INVALID_FILTER,
          mqttlink_options_on_filter(options, "a/#/b", on_message, &others, count_free));
    CHECK(freed == 3);
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, &granted));
    CHECK(mqttlink_granted_session_present(granted));
    mqttlink_granted_free(granted);
    wait_for(&filtered.count, 1);
    wait_for(&others.count, 1);
    CHECK(strcmp(filtered.topics[0], "house/attic") == 0 && strcmp(others.topics[0], "garden") == 0);
    /* To subscribe again without a callback leaves it where it is. */
    OK(mqttlink_client_subscribe_one(client, "house/+", 1, NULL));
    OK(mqttlink_broker_publish(broker, "house/cellar", "3", 1, 0, false, NULL));
    wait_for(&filtered.count, 2);
    CHECK(strcmp(filtered.topics[1], "house/cellar") == 0);
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    mqttlink_broker_free(broker);
}

typedef struct {
    counter count;
    int sent;
} outcomes;

static void on_outcome(void *user, mqttlink_client *client, uint64_t id, const mqttlink_error *error, int32_t reason) {
    (void)client, (void)reason;
    CHECK(id == 0 && error == NULL);
    count_up(&((outcomes *)user)->count);
}

static void outcomes_without_waiting(void) {
    mqttlink_broker *broker = start_with(NULL, NULL);
    mqttlink_options *options;
    mqttlink_client *client;
    outcomes outcomes = {.count = COUNTER};
    freed = 0;
    OK(mqttlink_options_new_for("127.0.0.1", mqttlink_broker_port(broker), &options));
    OK(mqttlink_options_set_client_id(options, "one"));
    OK(mqttlink_options_set_window(options, 1));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_broker_break_connection(broker, "one", MQTTLINK_FAULT_DELAY_MS, 200));
    OK(mqttlink_client_connect(client, NULL));
    OK(mqttlink_client_publish_then_timeout(client, "a", "x", 1, 1, false, NULL, 0, on_outcome, &outcomes, NULL));
    /* The window is full until the broker's answer comes. */
    FAILS(MQTTLINK_ERROR_WINDOW_FULL,
          mqttlink_client_publish_then_timeout(client, "a", "x", 1, 1, false, NULL, 0, on_outcome, &outcomes, count_free));
    FAILS(MQTTLINK_ERROR_TIMEOUT_ROOM,
          mqttlink_client_publish_then_timeout(client, "a", "x", 1, 1, false, NULL, 1, on_outcome, &outcomes, count_free));
    FAILS(MQTTLINK_ERROR_NUMBER,
          mqttlink_client_publish_then_timeout(client, "a", "x", 1, 1, false, NULL, -3, on_outcome, &outcomes, count_free));
    FAILS(MQTTLINK_ERROR_NULL,
          mqttlink_client_publish_then_timeout(client, "a", "x", 1, 1, false, NULL, 0, NULL, &outcomes, count_free));
    CHECK(freed == 4);
    OK(mqttlink_client_publish_then_timeout(client, "a", "x", 1, 1, false, NULL, MQTTLINK_FOREVER, on_outcome,
                                            &outcomes, NULL));
    wait_for(&outcomes.count, 2);
    mqttlink_client_free(client);
    CHECK(count_now(&outcomes.count) == 2);
    mqttlink_options_free(options);
    mqttlink_broker_free(broker);
}

/* Whoever cannot look at what was left is told that something was; the connection has ended in each case. */
static void left_behind(void) {
    mqttlink_broker *broker = start_with(NULL, NULL);
    mqttlink_options *options;
    mqttlink_client *client;
    mqttlink_drained *drained;
    mqttlink_left left;
    OK(mqttlink_options_new_for("127.0.0.1", mqttlink_broker_port(broker), &options));
    OK(mqttlink_options_set_client_id(options, "slow"));
    OK(mqttlink_options_set_drain_timeout(options, 1));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_broker_break_connection(broker, "slow", MQTTLINK_FAULT_DELAY_MS, 300));
    for (int how = 0; how < 3; how++) {
        OK(mqttlink_client_connect(client, NULL));
        OK(mqttlink_client_publish(client, "kept", "x", 1, 1, false, NULL, NULL));
        if (how == 0) {
            FAILS(MQTTLINK_ERROR_TIMEOUT_DRAIN, mqttlink_client_disconnect(client));
            CHECK(mqttlink_error_is_timeout(mqttlink_last_error()));
            CHECK(strstr(mqttlink_last_error_message(), "1 of QoS 1 and 2"));
        } else if (how == 1) {
            OK(mqttlink_client_disconnect_with(client, 0, 0, NULL, NULL));
        } else {
            OK(mqttlink_client_disconnect_with(client, 1, 0, NULL, &drained));
            CHECK(mqttlink_drained_count(drained) >= 1);
            OK(mqttlink_drained_at(drained, 0, &left));
            CHECK(left.kept && strcmp(left.topic, "kept") == 0);
            mqttlink_drained_free(drained);
        }
        CHECK(mqttlink_client_state(client) == MQTTLINK_DISCONNECTED);
    }
    /* With time enough nothing is left. */
    OK(mqttlink_client_connect(client, NULL));
    OK(mqttlink_client_publish(client, "sent", "x", 1, 1, false, NULL, NULL));
    OK(mqttlink_client_disconnect_with(client, WATCHDOG_MS, 0, NULL, NULL));
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    mqttlink_broker_free(broker);
}

int main(void) {
    left_behind();
    filters_of_the_options();
    outcomes_without_waiting();
    return 0;
}
