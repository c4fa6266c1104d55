/* Prints the messages of a filter until it is interrupted with Ctrl-C, and reconnects by itself.
 *
 *     subscriber URL FILTER [COUNT]
 */
#include <mqttlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static mqttlink_client *client;
static volatile sig_atomic_t stopped;

static void stop(int number) {
    (void)number;
    stopped = 1;
    mqttlink_client_interrupt(client);
}

static int complain(void) {
    fprintf(stderr, "%s\n", mqttlink_last_error_message());
    return 1;
}

/* Connects again, however long that takes, and subscribes anew if the server has lost the session. */
static void come_back(const char *filter) {
    for (unsigned pause_s = 1; !stopped; pause_s = pause_s < 16 ? pause_s * 2 : 16) {
        mqttlink_granted *granted;
        if (mqttlink_client_reconnect(client, &granted) == MQTTLINK_OK) {
            bool kept = mqttlink_granted_session_present(granted);
            mqttlink_granted_free(granted);
            if (kept || mqttlink_client_subscribe_one(client, filter, MQTTLINK_AT_LEAST_ONCE, NULL) ==
                            MQTTLINK_OK) {
                fprintf(stderr, "here again\n");
                return;
            }
            mqttlink_client_abort(client);
        }
        complain();
        sleep(pause_s);
    }
}

int main(int argc, char **argv) {
    mqttlink_options *options;
    mqttlink_message *message;
    if (argc < 3) {
        fprintf(stderr, "usage: %s URL FILTER [COUNT]\n", argv[0]);
        return 2;
    }
    long left = argc > 3 ? atol(argv[3]) : -1;
    if (mqttlink_options_new(argv[1], &options) != MQTTLINK_OK)
        return complain();
    mqttlink_options_set_session_expiry(options, 3600);
    if (mqttlink_client_new(options, &client) != MQTTLINK_OK)
        return complain();
    mqttlink_options_free(options);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    if (mqttlink_client_connect(client, NULL) != MQTTLINK_OK ||
        mqttlink_client_subscribe_one(client, argv[2], MQTTLINK_AT_LEAST_ONCE, NULL) != MQTTLINK_OK)
        return complain();
    fprintf(stderr, "subscribed\n");

    while (!stopped && left != 0) {
        mqttlink_status status = mqttlink_client_receive(client, MQTTLINK_FOREVER, &message);
        if (status == MQTTLINK_OK) {
            size_t len;
            const char *payload = mqttlink_message_payload(message, &len);
            printf("%s %.*s\n", mqttlink_message_topic(message), (int)len, payload);
            fflush(stdout);
            mqttlink_message_free(message);
            left--;
        } else if (status != MQTTLINK_ERROR_INTERRUPTED) {
            complain();
            come_back(argv[2]);
        }
    }
    mqttlink_client_disconnect(client);
    mqttlink_client_free(client);
    return 0;
}
