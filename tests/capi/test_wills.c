/* When a broker publishes the will, on each way to leave it: wills BROKER_URL, with a real broker. */
#include "check.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *url;

static mqttlink_client *made(int version, const char *topic, uint32_t expiry) {
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_options_new(url, &options));
    OK(mqttlink_options_set_version(options, version));
    if (topic)
        OK(mqttlink_options_set_will(options, topic, "gone", 4, 1, false, NULL));
    if (expiry > 0)
        OK(mqttlink_options_set_session_expiry(options, expiry));
    OK(mqttlink_client_new(options, &client));
    mqttlink_options_free(options);
    OK(mqttlink_client_connect(client, NULL));
    return client;
}

/* The ways to leave. */
static void goodbye(mqttlink_client *client) { OK(mqttlink_client_disconnect(client)); }
static void goodbye_with_will(mqttlink_client *client) {
    OK(mqttlink_client_disconnect_with(client, MQTTLINK_DEFAULT,
                                       MQTTLINK_REASON_DISCONNECT_WITH_WILL, NULL, NULL));
}
static void goodbye_with_expiry(mqttlink_client *client) {
    mqttlink_properties *list = mqttlink_properties_new();
    OK(mqttlink_properties_set_number(list, MQTTLINK_PROPERTY_SESSION_EXPIRY_INTERVAL, 10));
    OK(mqttlink_client_disconnect_with(client, MQTTLINK_DEFAULT, 0, list, NULL));
    mqttlink_properties_free(list);
}
static void abandoned(mqttlink_client *client) { OK(mqttlink_client_abort(client)); }
static void freed(mqttlink_client *client) { mqttlink_client_free(client); }
static void reconnected(mqttlink_client *client) {
    OK(mqttlink_client_disconnect(client));
    OK(mqttlink_client_reconnect(client, NULL));
    OK(mqttlink_client_abort(client));
}

static const struct {
    const char *name;
    void (*leave)(mqttlink_client *client);
    uint32_t expiry;
    bool published;
} WAYS[] = {
    {"goodbye", goodbye, 0, false},
    {"goodbye with will", goodbye_with_will, 0, true},
    {"goodbye with expiry", goodbye_with_expiry, 20, false},
    {"abort", abandoned, 0, true},
    {"free", freed, 0, true},
    {"goodbye, reconnect, abort", reconnected, 0, true},
};

/* A goodbye returns when the broker has closed the connection: what it makes of the will is on its way to
 * the watcher before the marker. */
static void expect(mqttlink_client *watcher, const char *name, const char *topic, bool published) {
    char marker[64], seen[64] = "";
    mqttlink_message *message;
    snprintf(marker, sizeof marker, "%s/marker", topic);
    if (published) {
        OK(mqttlink_client_receive(watcher, WATCHDOG_MS, &message));
        snprintf(seen, sizeof seen, "%s", mqttlink_message_topic(message));
        mqttlink_message_free(message);
    }
    OK(mqttlink_client_publish(watcher, marker, "", 0, 1, false, NULL, NULL));
    OK(mqttlink_client_receive(watcher, WATCHDOG_MS, &message));
    if (strcmp(seen, published ? topic : "") != 0 ||
        strcmp(mqttlink_message_topic(message), marker) != 0) {
        fprintf(stderr, "%s: saw %s, then %s\n", name, seen, mqttlink_message_topic(message));
        abort();
    }
    mqttlink_message_free(message);
}

/* A process that is killed says nothing: the system closes its socket. */
static void killed(mqttlink_client *watcher) {
    int ready[2];
    char byte;
    CHECK(pipe(ready) == 0);
    pid_t child = fork();
    if (child == 0) {
        made(MQTTLINK_MQTT_5, "will/killed", 0);
        CHECK(write(ready[1], "", 1) == 1);
        for (;;)
            pause();
    }
    /* A child that fails is seen, too. */
    close(ready[1]);
    CHECK(read(ready[0], &byte, 1) == 1);
    kill(child, SIGKILL);
    CHECK(waitpid(child, NULL, 0) == child);
    close(ready[0]);
    expect(watcher, "killed", "will/killed", true);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    url = argv[1];
    int versions[] = {MQTTLINK_MQTT_3_1, MQTTLINK_MQTT_3_1_1, MQTTLINK_MQTT_5};
    mqttlink_client *watcher = made(MQTTLINK_MQTT_5, NULL, 0);
    OK(mqttlink_client_subscribe_one(watcher, "will/#", 1, NULL));
    for (size_t i = 0; i < sizeof WAYS / sizeof *WAYS; i++)
        for (int j = 0; j < 3; j++) {
            char topic[32];
            if (WAYS[i].expiry > 0 && versions[j] != MQTTLINK_MQTT_5)
                continue;
            snprintf(topic, sizeof topic, "will/%zu/%d", i, versions[j]);
            mqttlink_client *client = made(versions[j], topic, WAYS[i].expiry);
            WAYS[i].leave(client);
            expect(watcher, WAYS[i].name, topic, WAYS[i].published);
            mqttlink_client_free(client);
        }
    killed(watcher);
    OK(mqttlink_client_disconnect(watcher));
    mqttlink_client_free(watcher);
    return 0;
}
