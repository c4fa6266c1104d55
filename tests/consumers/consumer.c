/* A program of somebody else, against an installed copy. */
#include <mqttlink.h>
#include <string.h>

int main(void) {
    mqttlink_options *options;
    mqttlink_client *client;
    bool matches = false;
    if (mqttlink_options_new("mqtts://localhost", &options) != MQTTLINK_OK ||
        mqttlink_client_new(options, &client) != MQTTLINK_OK ||
        mqttlink_topic_matches("a/#", "a/b", &matches) != MQTTLINK_OK)
        return 1;
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    return matches && strchr(mqttlink_version(), '.') ? 0 : 2;
}
