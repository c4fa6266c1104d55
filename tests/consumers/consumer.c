/* A program of somebody else, against an installed copy: a broker and a client that speak to each other. */
#include <mqttlink.h>
#include <string.h>

static int try_it(mqttlink_broker *broker, mqttlink_client *client) {
    mqttlink_broker_subscription *readings;
    mqttlink_message *message;
    if (mqttlink_broker_subscribe(broker, "a/#", NULL, NULL, NULL, &readings) != MQTTLINK_OK ||
        mqttlink_client_connect(client, NULL) != MQTTLINK_OK ||
        mqttlink_client_publish(client, "a/b", "hello", 5, 1, false, NULL, NULL) != MQTTLINK_OK ||
        mqttlink_broker_subscription_receive(readings, 60000, &message) != MQTTLINK_OK)
        return 1;
    size_t len;
    const void *payload = mqttlink_message_payload(message, &len);
    int wrong = len != 5 || memcmp(payload, "hello", 5) != 0;
    mqttlink_message_free(message);
    mqttlink_broker_subscription_free(readings);
    return wrong;
}

int main(void) {
    mqttlink_broker_options *setup;
    mqttlink_broker *broker;
    mqttlink_options *options;
    mqttlink_client *client;
    /* TLS is there, too. */
    if (mqttlink_options_new("mqtts://localhost", &options) != MQTTLINK_OK ||
        mqttlink_client_new(options, &client) != MQTTLINK_OK)
        return 1;
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    if (mqttlink_broker_options_new_for_test(&setup) != MQTTLINK_OK ||
        mqttlink_broker_start(setup, &broker) != MQTTLINK_OK ||
        mqttlink_options_new_for("127.0.0.1", mqttlink_broker_port(broker), &options) != MQTTLINK_OK ||
        mqttlink_client_new(options, &client) != MQTTLINK_OK)
        return 1;
    int failed = try_it(broker, client);
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    mqttlink_broker_free(broker);
    mqttlink_broker_options_free(setup);
    return failed || !strchr(mqttlink_version(), '.');
}
