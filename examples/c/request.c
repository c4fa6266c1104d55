/* Request and response in MQTT 5.0: one client answers, the other asks.
 *
 *     request [URL]
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

/* Answers where the request says, with what marks the request. */
static void answer(void *user, mqttlink_client *client, const mqttlink_message *request) {
    const mqttlink_properties *asked = mqttlink_message_properties(request);
    const char *where = mqttlink_properties_value(asked, MQTTLINK_PROPERTY_RESPONSE_TOPIC, NULL);
    size_t len;
    const char *mark = mqttlink_properties_value(asked, MQTTLINK_PROPERTY_CORRELATION_DATA, &len);
    (void)user;
    if (!where)
        return;
    mqttlink_properties *list = mqttlink_properties_new();
    if (mark)
        must(mqttlink_properties_set_data(list, MQTTLINK_PROPERTY_CORRELATION_DATA, mark, len));
    must(mqttlink_client_publish(client, where, "21.5", 4, MQTTLINK_AT_LEAST_ONCE, false, list, NULL));
    mqttlink_properties_free(list);
}

static mqttlink_client *connected(const char *url) {
    mqttlink_options *options;
    mqttlink_client *client;
    must(mqttlink_options_new(url, &options));
    must(mqttlink_client_new(options, &client));
    mqttlink_options_free(options);
    must(mqttlink_client_connect(client, NULL));
    return client;
}

int main(int argc, char **argv) {
    const char *url = argc > 1 ? argv[1] : "mqtt://localhost";
    mqttlink_client *server = connected(url), *client = connected(url);
    mqttlink_subscription *requests = mqttlink_subscription_new();
    must(mqttlink_subscription_add(requests, "thermometer/ask", MQTTLINK_AT_LEAST_ONCE));
    must(mqttlink_subscription_set_handler(requests, answer, NULL, NULL));
    must(mqttlink_client_subscribe(server, requests, NULL));
    mqttlink_subscription_free(requests);

    must(mqttlink_client_subscribe_one(client, "thermometer/answer/7", MQTTLINK_AT_LEAST_ONCE, NULL));
    mqttlink_properties *list = mqttlink_properties_new();
    must(mqttlink_properties_set_text(list, MQTTLINK_PROPERTY_RESPONSE_TOPIC, "thermometer/answer/7"));
    must(mqttlink_properties_set_data(list, MQTTLINK_PROPERTY_CORRELATION_DATA, "42", 2));
    must(mqttlink_client_publish(client, "thermometer/ask", "", 0, MQTTLINK_AT_LEAST_ONCE, false, list,
                                 NULL));
    mqttlink_properties_free(list);

    mqttlink_message *message;
    size_t len, mark_len;
    must(mqttlink_client_receive(client, 5000, &message));
    const char *payload = mqttlink_message_payload(message, &len);
    const char *mark = mqttlink_properties_value(mqttlink_message_properties(message),
                                                 MQTTLINK_PROPERTY_CORRELATION_DATA, &mark_len);
    printf("request %.*s: %.*s degrees\n", (int)mark_len, mark ? mark : "", (int)len, payload);
    mqttlink_message_free(message);
    mqttlink_client_disconnect(client);
    mqttlink_client_disconnect(server);
    mqttlink_client_free(client);
    mqttlink_client_free(server);
    return 0;
}
