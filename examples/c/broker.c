/* A unit test with a broker inside the process: what a thermostat publishes, and what it does when its
 * connection is refused. No server, no fixed port, no sleep.
 *
 *     broker
 */
#include <mqttlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(mqttlink_status status) {
    if (status != MQTTLINK_OK) {
        fprintf(stderr, "%s\n", mqttlink_last_error_message());
        exit(1);
    }
}

static void check(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "not so: %s\n", what);
        exit(1);
    }
    printf("%s: as it should be\n", what);
}

/* The thing under test: connects and reports its temperature. Says whether it could. */
static bool thermostat(const char *host, unsigned short port) {
    mqttlink_options *options;
    mqttlink_client *client;
    must(mqttlink_options_new_for(host, port, &options));
    must(mqttlink_options_set_client_id(options, "thermostat"));
    must(mqttlink_options_set_credentials(options, "attic", "secret"));
    must(mqttlink_client_new(options, &client));
    mqttlink_options_free(options);
    bool done = mqttlink_client_connect(client, NULL) == MQTTLINK_OK &&
                mqttlink_client_publish(client, "attic/temperature", "21.5", 4, MQTTLINK_AT_LEAST_ONCE,
                                        false, NULL, NULL) == MQTTLINK_OK &&
                mqttlink_client_disconnect(client) == MQTTLINK_OK;
    mqttlink_client_free(client);
    return done;
}

/* Runs on a thread for authentications, and may take its time. */
static int32_t who_is_it(void *user, mqttlink_broker *broker, const mqttlink_peer *peer,
                         mqttlink_reply *reply) {
    (void)user, (void)broker, (void)reply;
    size_t len;
    const char *name = mqttlink_peer_user(peer), *password = mqttlink_peer_password(peer, &len);
    bool known = name && password && strcmp(name, "attic") == 0 && len == 6 &&
                 memcmp(password, "secret", 6) == 0;
    return known ? 0 : MQTTLINK_REASON_BAD_USER_NAME_OR_PASSWORD;
}

int main(void) {
    mqttlink_broker_options *options;
    mqttlink_broker *broker;
    mqttlink_broker_subscription *readings;
    mqttlink_message *message;
    must(mqttlink_broker_options_new_for_test(&options));
    must(mqttlink_broker_options_on_authenticate(options, who_is_it, NULL, NULL));
    must(mqttlink_broker_start(options, &broker));
    mqttlink_broker_options_free(options);
    unsigned short port = mqttlink_broker_port(broker);

    must(mqttlink_broker_subscribe(broker, "+/temperature", NULL, NULL, NULL, &readings));
    check(thermostat("127.0.0.1", port), "it connects and publishes");
    must(mqttlink_broker_subscription_receive(readings, 5000, &message));
    size_t len;
    const char *payload = mqttlink_message_payload(message, &len);
    check(len == 4 && memcmp(payload, "21.5", 4) == 0, "the temperature");
    mqttlink_message_free(message);
    must(mqttlink_broker_wait_for_client_to_go(broker, "thermostat", 5000));

    must(mqttlink_broker_break_connection(broker, "thermostat", MQTTLINK_FAULT_REFUSE,
                                          MQTTLINK_REASON_SERVER_BUSY));
    check(!thermostat("127.0.0.1", port), "it notices a server that is busy");
    must(mqttlink_broker_repair(broker));
    check(thermostat("127.0.0.1", port), "it comes back");

    mqttlink_broker_subscription_free(readings);
    mqttlink_broker_free(broker);
    return 0;
}
