/* Subscribes, publishes one message, receives it, and says goodbye.
 *
 *     hello [URL]
 */
#include <mqttlink.h>
#include <stdio.h>
#include <stdlib.h>

static void must(mqttlink_status status) {
    if (status != MQTTLINK_OK) {
        fprintf(stderr, "%s\n", mqttlink_last_error_message());
        exit(1);
    }
}

int main(int argc, char **argv) {
    mqttlink_options *options;
    mqttlink_client *client;
    mqttlink_message *message;

    must(mqttlink_options_new(argc > 1 ? argv[1] : "mqtt://localhost", &options));
    must(mqttlink_client_new(options, &client));
    mqttlink_options_free(options);

    must(mqttlink_client_connect(client, NULL));
    must(mqttlink_client_subscribe_one(client, "greeting", MQTTLINK_AT_LEAST_ONCE, NULL));
    must(mqttlink_client_publish(client, "greeting", "hello", 5, MQTTLINK_AT_LEAST_ONCE, false, NULL,
                                 NULL));
    must(mqttlink_client_receive(client, 5000, &message));

    size_t len;
    const char *payload = mqttlink_message_payload(message, &len);
    printf("%s: %.*s\n", mqttlink_message_topic(message), (int)len, payload);
    mqttlink_message_free(message);

    must(mqttlink_client_disconnect(client));
    mqttlink_client_free(client);
    return 0;
}
