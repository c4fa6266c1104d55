/* Publishes each line of the standard input, and waits until the server has all of them.
 *
 *     publisher URL TOPIC < FILE
 */
#include <mqttlink.h>
#include <stdio.h>
#include <string.h>

static int complain(void) {
    fprintf(stderr, "%s\n", mqttlink_last_error_message());
    return 1;
}

int main(int argc, char **argv) {
    mqttlink_options *options;
    mqttlink_client *client;
    char line[4096];
    if (argc < 3) {
        fprintf(stderr, "usage: %s URL TOPIC < FILE\n", argv[0]);
        return 2;
    }
    if (mqttlink_options_new(argv[1], &options) != MQTTLINK_OK ||
        mqttlink_client_new(options, &client) != MQTTLINK_OK)
        return complain();
    mqttlink_options_free(options);
    if (mqttlink_client_connect(client, NULL) != MQTTLINK_OK)
        return complain();

    while (fgets(line, sizeof line, stdin)) {
        size_t len = strcspn(line, "\n");
        if (mqttlink_client_publish(client, argv[2], line, len, MQTTLINK_AT_LEAST_ONCE, false, NULL,
                                    NULL) != MQTTLINK_OK)
            return complain();
    }
    /* Waits until everything is acknowledged, at most five seconds, and says what was not. */
    mqttlink_drained *left;
    if (mqttlink_client_disconnect_with(client, 5000, MQTTLINK_REASON_SUCCESS, NULL, &left) !=
        MQTTLINK_OK)
        return complain();
    size_t count = mqttlink_drained_count(left);
    if (count > 0)
        fprintf(stderr, "%zu messages were not acknowledged\n", count);
    mqttlink_drained_free(left);
    mqttlink_client_free(client);
    return count > 0;
}
