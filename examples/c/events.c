/* Everything by event: nothing waits, and the answers come to callbacks with the number of their request.
 *
 *     events [URL]
 */
#include <mqttlink.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int finished;

static void must(mqttlink_status status) {
    if (status != MQTTLINK_OK) {
        fprintf(stderr, "%s\n", mqttlink_last_error_message());
        exit(1);
    }
}

static void on_connected(void *user, mqttlink_client *client, const mqttlink_granted *granted) {
    (void)user;
    printf("connected as %s\n", mqttlink_granted_client_id(granted));
    mqttlink_subscription *subscription = mqttlink_subscription_new();
    uint64_t id;
    must(mqttlink_subscription_add(subscription, "events/#", MQTTLINK_EXACTLY_ONCE));
    must(mqttlink_client_subscribe_event(client, subscription, &id));
    mqttlink_subscription_free(subscription);
}

static void on_subscribed(void *user, mqttlink_client *client, uint64_t id, const mqttlink_error *error,
                          const mqttlink_results *results) {
    (void)user, (void)id;
    if (error)
        return;
    printf("subscribed, QoS %d\n", (int)mqttlink_results_at(results, 0));
    uint64_t number;
    must(mqttlink_client_publish_event(client, "events/1", "hello", 5, MQTTLINK_EXACTLY_ONCE, false,
                                       NULL, &number));
}

static void on_published(void *user, mqttlink_client *client, uint64_t id, const mqttlink_error *error,
                         int32_t reason) {
    (void)user, (void)client, (void)id;
    printf("published: %s (%d)\n", error ? mqttlink_error_message(error) : "the server has it",
           (int)reason);
}

static void on_message(void *user, mqttlink_client *client, const mqttlink_message *message) {
    (void)user;
    printf("message on %s\n", mqttlink_message_topic(message));
    const char *filter = "events/#";
    uint64_t id;
    must(mqttlink_client_unsubscribe_event(client, &filter, 1, NULL, &id));
}

static void on_unsubscribed(void *user, mqttlink_client *client, uint64_t id,
                            const mqttlink_error *error, const mqttlink_results *results) {
    (void)user, (void)id, (void)error, (void)results;
    printf("unsubscribed\n");
    mqttlink_client_disconnect(client);
}

static void on_disconnected(void *user, mqttlink_client *client, const mqttlink_error *error) {
    (void)user, (void)client;
    printf("disconnected%s%s\n", error ? ": " : "", error ? mqttlink_error_message(error) : "");
    pthread_mutex_lock(&lock);
    finished = 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

int main(int argc, char **argv) {
    mqttlink_options *options;
    mqttlink_client *client;
    must(mqttlink_options_new(argc > 1 ? argv[1] : "mqtt://localhost", &options));
    must(mqttlink_options_on_connected(options, on_connected, NULL, NULL));
    must(mqttlink_options_on_subscribed(options, on_subscribed, NULL, NULL));
    must(mqttlink_options_on_published(options, on_published, NULL, NULL));
    must(mqttlink_options_on_message(options, on_message, NULL, NULL));
    must(mqttlink_options_on_unsubscribed(options, on_unsubscribed, NULL, NULL));
    must(mqttlink_options_on_disconnected(options, on_disconnected, NULL, NULL));
    must(mqttlink_client_new(options, &client));
    mqttlink_options_free(options);
    must(mqttlink_client_connect(client, NULL));

    pthread_mutex_lock(&lock);
    while (!finished)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    mqttlink_client_free(client);
    return 0;
}
