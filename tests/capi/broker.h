/* What the suites of the broker share. */
#ifndef BROKER_H
#define BROKER_H

#include "check.h"

#include <stdatomic.h>

/* Makes options for tests, lets `prepare` change them if it is not NULL, and starts a broker. */
static inline mqttlink_broker *start_with(void (*prepare)(mqttlink_broker_options *, void *),
                                          void *user) {
    mqttlink_broker_options *options;
    mqttlink_broker *broker;
    OK(mqttlink_broker_options_new_for_test(&options));
    if (prepare)
        prepare(options, user);
    OK(mqttlink_broker_start(options, &broker));
    mqttlink_broker_options_free(options);
    return broker;
}

/* A client over a socket that is not connected. */
static inline mqttlink_client *client_of(mqttlink_broker *broker, const char *id) {
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_options_new_for("127.0.0.1", mqttlink_broker_port(broker), &options));
    OK(mqttlink_options_set_client_id(options, id));
    OK(mqttlink_client_new(options, &client));
    mqttlink_options_free(options);
    return client;
}

static inline mqttlink_client *connected_to(mqttlink_broker *broker, const char *id) {
    mqttlink_client *client = client_of(broker, id);
    OK(mqttlink_client_connect(client, NULL));
    return client;
}

static inline bool payload_is(const mqttlink_message *message, const char *text) {
    size_t len;
    const void *payload = mqttlink_message_payload(message, &len);
    return len == strlen(text) && memcmp(payload, text, len) == 0;
}

#endif
