/* Every call inside every callback of a client, at every QoS and with blocking waits: where the connection waits
 * for the callback, a call that would wait for the connection says so, and nothing hangs. Ending the connection
 * and freeing the client are calls like others.
 *
 * INSIDE_LIMIT_MS: how long what is done in one callback may take, 5,000 unless it is given, and 20,000 in CI. */
#include "server.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct world world;

/* What is done in a callback. */
typedef void act(world *world, mqttlink_client *client);

struct world {
    server *server;
    mqttlink_client *client;
    const char *place;
    int qos;
    act *act;
    /* Whether the next callback does it. */
    atomic_bool armed;
    counter done, completions, released, freed, streams_freed;
    /* How many completions, payloads given back and freed pointers there will be. */
    int expected, lent, kept;
    /* Streams of the program's own that were opened: each knows this world until it is freed. */
    counter streams;
    /* Whether the callback runs on the dispatcher. */
    bool dispatched;
    /* Whose callback does it, of those of a stream. */
    enum part { NONE, OPEN, READ, WRITE, CLOSE, FREE } part;
    /* The thread that connects, but for what the callbacks do. */
    pthread_t connecting;
    /* Whether the server ends the connection. */
    bool lost;
};

static int64_t limit_ms = 5000;

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Every callback comes here. */
static void inside(world *world, mqttlink_client *client) {
    if (!atomic_exchange(&world->armed, false))
        return;
    int64_t begun = now_ms();
    world->act(world, client);
    int64_t taken = now_ms() - begun;
    if (taken > limit_ms) {
        fprintf(stderr, "%s, QoS %d: %lld ms\n", world->place, world->qos, (long long)taken);
        abort();
    }
    count_up(&world->done);
}

static void on_message(void *user, mqttlink_client *client, const mqttlink_message *message) {
    (void)message;
    inside(user, client);
}
static void on_granted(void *user, mqttlink_client *client, const mqttlink_granted *granted) {
    (void)granted;
    inside(user, client);
}
static void on_error(void *user, mqttlink_client *client, const mqttlink_error *error) {
    (void)error;
    inside(user, client);
}
static void on_published(void *user, mqttlink_client *client, uint64_t id, const mqttlink_error *error,
                         int32_t reason) {
    world *world = user;
    (void)id, (void)error, (void)reason;
    count_up(&world->completions);
    inside(world, client);
}
static void on_results(void *user, mqttlink_client *client, uint64_t id, const mqttlink_error *error,
                       const mqttlink_results *results) {
    world *world = user;
    (void)id, (void)error, (void)results;
    count_up(&world->completions);
    inside(world, client);
}
static void on_packet(void *user, mqttlink_client *client, const mqttlink_packet *packet) {
    (void)packet;
    inside(user, client);
}
static void on_log(void *user, int32_t level, const char *text) {
    world *world = user;
    (void)level, (void)text;
    inside(world, world->client);
}
static void on_release(void *user) {
    world *world = user;
    count_up(&world->released);
    inside(world, world->client);
}
static void on_free(void *user) {
    world *world = user;
    inside(world, world->client);
    count_up(&world->freed);
}
static int64_t five(void *user, void *data, size_t size) {
    (void)user;
    CHECK(size >= 5);
    memcpy(data, "hello", 5);
    return 5;
}
static int64_t five_inside(void *user, void *data, size_t size) {
    world *world = user;
    inside(world, world->client);
    return five(user, data, size);
}

/* What is done. */

static char large[20000];

static void publish_and_wait(mqttlink_client *client, int qos) {
    mqttlink_delivery *delivery;
    OK(mqttlink_client_publish(client, "quiet", "x", 1, qos, false, NULL, &delivery));
    OK(mqttlink_delivery_wait(delivery, WATCHDOG_MS));
    mqttlink_delivery_free(delivery);
}

static void publish_in_every_way(world *world, mqttlink_client *client) {
    mqttlink_delivery *delivery;
    mqttlink_payload *payload;
    uint64_t id;
    int qos = world->qos;
    publish_and_wait(client, qos);
    OK(mqttlink_client_publish_timeout(client, "quiet", "x", 1, qos, false, NULL, 1000, NULL));
    OK(mqttlink_client_try_publish(client, "quiet", "x", 1, qos, false, NULL, NULL));
    OK(mqttlink_client_publish_then(client, "quiet", "x", 1, qos, false, NULL, on_published, world, NULL));
    OK(mqttlink_client_publish_event(client, "quiet", "x", 1, qos, false, NULL, &id));
    OK(mqttlink_client_publish_event_timeout(client, "quiet", "x", 1, qos, false, NULL, 0, &id));
    world->expected += 3;
    OK(mqttlink_payload_new(large, sizeof large, on_release, world, &payload));
    world->lent++;
    OK(mqttlink_client_publish_payload(client, "quiet", payload, qos, false, NULL, 1000, &delivery));
    mqttlink_payload_free(payload);
    OK(mqttlink_delivery_wait(delivery, WATCHDOG_MS));
    mqttlink_delivery_free(delivery);
    OK(mqttlink_client_publish_source(client, "quiet", 5, qos, false, NULL, five, NULL, &delivery));
    OK(mqttlink_delivery_wait(delivery, WATCHDOG_MS));
    mqttlink_delivery_free(delivery);
}

static void subscribe_in_every_way(world *world, mqttlink_client *client) {
    mqttlink_subscription *subscription = mqttlink_subscription_new();
    const char *filter = "b";
    int32_t granted;
    uint64_t id;
    OK(mqttlink_client_subscribe_one(client, "b", world->qos, &granted));
    CHECK(granted == world->qos);
    OK(mqttlink_subscription_add(subscription, "b", world->qos));
    OK(mqttlink_subscription_set_handler(subscription, on_message, world, on_free));
    world->kept++;
    OK(mqttlink_client_subscribe(client, subscription, NULL));
    OK(mqttlink_client_subscribe_event(client, subscription, &id));
    OK(mqttlink_client_unsubscribe(client, &filter, 1, NULL, NULL));
    OK(mqttlink_client_unsubscribe_event(client, &filter, 1, NULL, &id));
    world->expected += 2;
    mqttlink_subscription_free(subscription);
}

static void look_and_receive(world *world, mqttlink_client *client) {
    mqttlink_statistics statistics;
    mqttlink_granted *granted;
    mqttlink_message *message;
    mqttlink_options *others;
    OK(mqttlink_client_statistics(client, &statistics, sizeof statistics));
    OK(mqttlink_client_granted(client, &granted));
    mqttlink_granted_free(granted);
    CHECK(mqttlink_client_state(client) == MQTTLINK_CONNECTED && mqttlink_client_is_connected(client));
    OK(mqttlink_client_last_error(client));
    FAILS(MQTTLINK_ERROR_TIMEOUT_RECEIVE, mqttlink_client_receive(client, 0, &message));
    FAILS(MQTTLINK_ERROR_TIMEOUT_RECEIVE, mqttlink_client_receive(client, 1, &message));
    if (world->dispatched)
        FAILS(MQTTLINK_ERROR_WOULD_DEADLOCK, mqttlink_client_receive(client, MQTTLINK_FOREVER, &message));
    OK(mqttlink_client_interrupt(client));
    FAILS(MQTTLINK_ERROR_INTERRUPTED, mqttlink_client_receive(client, WATCHDOG_MS, &message));
    OK(mqttlink_options_new(server_url(world->server), &others));
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_client_reconfigure(client, others));
    mqttlink_options_free(others);
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_client_re_authenticate(client));
    OK(mqttlink_log_set(on_log, MQTTLINK_LOG_WARNING, world, NULL));
    OK(mqttlink_log_set(NULL, MQTTLINK_LOG_OFF, NULL, NULL));
}

/* A callback that comes without a connection makes one first. */
static void be_connected(mqttlink_client *client) {
    if (!mqttlink_client_is_connected(client))
        OK(mqttlink_client_connect(client, NULL));
}

static void call_all(world *world, mqttlink_client *client) {
    mqttlink_drained *drained;
    be_connected(client);
    publish_in_every_way(world, client);
    subscribe_in_every_way(world, client);
    look_and_receive(world, client);
    FAILS(MQTTLINK_ERROR_ALREADY_CONNECTED, mqttlink_client_connect(client, NULL));
    OK(mqttlink_client_disconnect(client));
    FAILS(MQTTLINK_ERROR_NOT_CONNECTED, mqttlink_client_disconnect(client));
    FAILS(MQTTLINK_ERROR_NOT_CONNECTED,
          mqttlink_client_publish(client, "quiet", "x", 1, world->qos, false, NULL, NULL));
    OK(mqttlink_client_reconnect(client, NULL));
    publish_and_wait(client, world->qos);
    OK(mqttlink_client_abort(client));
    OK(mqttlink_client_connect(client, NULL));
    OK(mqttlink_client_publish(client, "silent", "x", 1, world->qos, false, NULL, NULL));
    /* At QoS 0 it is written, and otherwise waits in vain for an answer. */
    OK(mqttlink_client_disconnect_with(client, world->qos > 0 ? 10 : WATCHDOG_MS, 0, NULL, &drained));
    CHECK(mqttlink_drained_count(drained) == (world->qos > 0));
    mqttlink_drained_free(drained);
    OK(mqttlink_client_connect(client, NULL));
    publish_and_wait(client, world->qos);
}

static void end(world *world, mqttlink_client *client) {
    be_connected(client);
    OK(mqttlink_client_publish(client, "quiet", "x", 1, world->qos, false, NULL, NULL));
    OK(mqttlink_client_disconnect(client));
}

static void cut(world *world, mqttlink_client *client) {
    be_connected(client);
    OK(mqttlink_client_publish(client, "quiet", "x", 1, world->qos, false, NULL, NULL));
    OK(mqttlink_client_abort(client));
}

static void destroy(world *world, mqttlink_client *client) {
    mqttlink_message *message;
    if (mqttlink_client_is_connected(client))
        OK(mqttlink_client_publish_then(client, "quiet", "x", 1, world->qos, false, NULL, on_published,
                                        world, NULL));
    mqttlink_client_free(client);
    FAILS(MQTTLINK_ERROR_FREED, mqttlink_client_connect(client, NULL));
    FAILS(MQTTLINK_ERROR_FREED,
          mqttlink_client_publish(client, "quiet", "x", 1, world->qos, false, NULL, NULL));
    FAILS(MQTTLINK_ERROR_FREED, mqttlink_client_receive(client, MQTTLINK_FOREVER, &message));
    FAILS(MQTTLINK_ERROR_FREED, mqttlink_client_disconnect(client));
    mqttlink_client_free(client);
}

/* While a connection is being made, by a call that waits for this callback. */
static void call_while_connecting(world *world, mqttlink_client *client) {
    mqttlink_statistics statistics;
    mqttlink_message *message;
    mqttlink_options *others;
    const char *filter = "b";
    uint64_t id;
    int qos = world->qos;
    CHECK(mqttlink_client_state(client) == MQTTLINK_CONNECTING);
    OK(mqttlink_client_statistics(client, &statistics, sizeof statistics));
    FAILS(MQTTLINK_ERROR_TIMEOUT_ROOM,
          mqttlink_client_publish_timeout(client, "quiet", "x", 1, qos, false, NULL, 1, NULL));
    FAILS(MQTTLINK_ERROR_TIMEOUT_ROOM,
          mqttlink_client_publish(client, "quiet", "x", 1, qos, false, NULL, NULL));
    FAILS(MQTTLINK_ERROR_NOT_CONNECTED,
          mqttlink_client_try_publish(client, "quiet", "x", 1, qos, false, NULL, NULL));
    FAILS(MQTTLINK_ERROR_NOT_CONNECTED,
          mqttlink_client_publish_event_timeout(client, "quiet", "x", 1, qos, false, NULL, 0, &id));
    FAILS(MQTTLINK_ERROR_NOT_CONNECTED, mqttlink_client_subscribe_one(client, "b", qos, NULL));
    FAILS(MQTTLINK_ERROR_NOT_CONNECTED, mqttlink_client_unsubscribe(client, &filter, 1, NULL, NULL));
    FAILS(MQTTLINK_ERROR_ALREADY_CONNECTING, mqttlink_client_connect(client, NULL));
    FAILS(MQTTLINK_ERROR_ALREADY_CONNECTING, mqttlink_client_reconnect(client, NULL));
    FAILS(MQTTLINK_ERROR_TIMEOUT_RECEIVE, mqttlink_client_receive(client, 1, &message));
    if (pthread_equal(pthread_self(), world->connecting)) {
        FAILS(MQTTLINK_ERROR_WOULD_DEADLOCK, mqttlink_client_receive(client, MQTTLINK_FOREVER, &message));
        FAILS(MQTTLINK_ERROR_WOULD_DEADLOCK,
              mqttlink_client_publish_timeout(client, "quiet", "x", 1, qos, false, NULL, MQTTLINK_FOREVER, NULL));
    }
    NOT_OK(mqttlink_client_re_authenticate(client));
    OK(mqttlink_options_new(server_url(world->server), &others));
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_client_reconfigure(client, others));
    mqttlink_options_free(others);
}

static void end_attempt(world *world, mqttlink_client *client) {
    (void)world;
    OK(mqttlink_client_disconnect(client));
}

static void cut_attempt(world *world, mqttlink_client *client) {
    (void)world;
    OK(mqttlink_client_abort(client));
}

/* In an exchange on a connection that stands: everything but another exchange. */
static void call_in_an_exchange(world *world, mqttlink_client *client) {
    CHECK(mqttlink_client_is_connected(client));
    publish_in_every_way(world, client);
    subscribe_in_every_way(world, client);
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_client_re_authenticate(client));
    FAILS(MQTTLINK_ERROR_ALREADY_CONNECTED, mqttlink_client_connect(client, NULL));
    OK(mqttlink_client_disconnect(client));
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_client_connect(client, NULL));
}

/* The connection waits for this callback, and so would every call that waits for the connection. */
static void call_while_it_waits(world *world, mqttlink_client *client) {
    mqttlink_delivery *delivery;
    mqttlink_message *message;
    mqttlink_statistics statistics;
    uint64_t id;
    const char *filter = "b";
    int qos = world->qos;
    OK(mqttlink_client_publish(client, "quiet", "x", 1, qos, false, NULL, &delivery));
    /* At QoS 0 it may be in the socket by then, where it is the other direction that waits. */
    mqttlink_status status = mqttlink_delivery_wait(delivery, MQTTLINK_FOREVER);
    STATUS(status, status == MQTTLINK_ERROR_WOULD_DEADLOCK || (status == MQTTLINK_OK && qos == 0));
    mqttlink_delivery_free(delivery);
    OK(mqttlink_client_publish_timeout(client, "quiet", "x", 1, qos, false, NULL, 1000, NULL));
    OK(mqttlink_client_try_publish(client, "quiet", "x", 1, qos, false, NULL, NULL));
    OK(mqttlink_client_publish_then(client, "quiet", "x", 1, qos, false, NULL, on_published, world, NULL));
    OK(mqttlink_client_publish_event(client, "quiet", "x", 1, qos, false, NULL, &id));
    world->expected += 2;
    FAILS(MQTTLINK_ERROR_WOULD_DEADLOCK, mqttlink_client_subscribe_one(client, "b", qos, NULL));
    FAILS(MQTTLINK_ERROR_WOULD_DEADLOCK, mqttlink_client_unsubscribe(client, &filter, 1, NULL, NULL));
    OK(mqttlink_client_unsubscribe_event(client, &filter, 1, NULL, &id));
    world->expected++;
    FAILS(MQTTLINK_ERROR_TIMEOUT_RECEIVE, mqttlink_client_receive(client, 1, &message));
    FAILS(MQTTLINK_ERROR_WOULD_DEADLOCK, mqttlink_client_receive(client, MQTTLINK_FOREVER, &message));
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_client_re_authenticate(client));
    FAILS(MQTTLINK_ERROR_ALREADY_CONNECTED, mqttlink_client_connect(client, NULL));
    OK(mqttlink_client_statistics(client, &statistics, sizeof statistics));
    CHECK(statistics.messages_sent[qos] >= 4 && mqttlink_client_is_connected(client));
}

static void end_while_it_waits(world *world, mqttlink_client *client) {
    OK(mqttlink_client_publish(client, "quiet", "x", 1, world->qos, false, NULL, NULL));
    /* It does not wait here, so that the message may be left. */
    mqttlink_status ended = mqttlink_client_disconnect(client);
    STATUS(ended, ended == MQTTLINK_OK || ended == MQTTLINK_ERROR_TIMEOUT_DRAIN);
    CHECK(!mqttlink_client_is_connected(client));
    /* Whether the connection is gone by then depends on where this is. */
    if (world->part != NONE)
        RETURNS(MQTTLINK_ERROR_WOULD_DEADLOCK, mqttlink_client_connect(client, NULL));
}

static void cut_while_it_waits(world *world, mqttlink_client *client) {
    OK(mqttlink_client_publish(client, "quiet", "x", 1, world->qos, false, NULL, NULL));
    OK(mqttlink_client_abort(client));
    CHECK(!mqttlink_client_is_connected(client));
}

/* The connection is at its end: each call returns. */
static void call_at_the_end(world *world, mqttlink_client *client) {
    mqttlink_message *message;
    mqttlink_delivery *delivery;
    /* Whether a message is still taken for the session depends on how it ends; it is not sent by then. */
    if (mqttlink_client_publish(client, "quiet", "x", 1, world->qos, false, NULL, &delivery) == MQTTLINK_OK) {
        NOT_OK(mqttlink_delivery_wait(delivery, MQTTLINK_FOREVER));
        mqttlink_delivery_free(delivery);
    }
    NOT_OK(mqttlink_client_subscribe_one(client, "b", world->qos, NULL));
    while (mqttlink_client_receive(client, MQTTLINK_FOREVER, &message) == MQTTLINK_OK)
        mqttlink_message_free(message);
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_client_re_authenticate(client));
    /* A loss is told when the stream is closed and freed: until then the client counts as connected. */
    mqttlink_status status = mqttlink_client_connect(client, NULL);
    STATUS(status, status == MQTTLINK_ERROR_WOULD_DEADLOCK ||
                       (status == MQTTLINK_ERROR_ALREADY_CONNECTED && world->lost));
    /* What was taken for the session is left there. */
    status = mqttlink_client_disconnect(client);
    STATUS(status, status == MQTTLINK_OK || status == MQTTLINK_ERROR_NOT_CONNECTED ||
                       status == MQTTLINK_ERROR_TIMEOUT_DRAIN);
    OK(mqttlink_client_abort(client));
}

/* Where it is done. */

static mqttlink_options *listening(world *world) {
    mqttlink_options *options;
    OK(mqttlink_options_new(server_url(world->server), &options));
    OK(mqttlink_options_set_publish_timeout(options, 50));
    OK(mqttlink_options_on_published(options, on_published, world, NULL));
    OK(mqttlink_options_on_subscribed(options, on_results, world, NULL));
    OK(mqttlink_options_on_unsubscribed(options, on_results, world, NULL));
    return options;
}

static void make(world *world, mqttlink_options *options) {
    OK(mqttlink_client_new(options, &world->client));
    mqttlink_options_free(options);
}

static void connect_and_arm(world *world, mqttlink_options *options) {
    make(world, options);
    OK(mqttlink_client_connect(world->client, NULL));
    atomic_store(&world->armed, true);
}

static void in_message(world *world) {
    mqttlink_options *options = listening(world);
    OK(mqttlink_options_on_message(options, on_message, world, NULL));
    connect_and_arm(world, options);
    OK(mqttlink_client_publish(world->client, "a", "x", 1, world->qos, false, NULL, NULL));
}

static void in_handler(world *world) {
    mqttlink_subscription *subscription = mqttlink_subscription_new();
    connect_and_arm(world, listening(world));
    OK(mqttlink_subscription_add(subscription, "a", world->qos));
    OK(mqttlink_subscription_set_handler(subscription, on_message, world, NULL));
    OK(mqttlink_client_subscribe(world->client, subscription, NULL));
    mqttlink_subscription_free(subscription);
    OK(mqttlink_client_publish(world->client, "a", "x", 1, world->qos, false, NULL, NULL));
}

static void in_published(world *world) {
    uint64_t id;
    connect_and_arm(world, listening(world));
    world->expected++;
    OK(mqttlink_client_publish_event(world->client, "quiet", "x", 1, world->qos, false, NULL, &id));
}

static void in_completion(world *world) {
    connect_and_arm(world, listening(world));
    world->expected++;
    OK(mqttlink_client_publish_then(world->client, "quiet", "x", 1, world->qos, false, NULL, on_published,
                                    world, NULL));
}

static void in_subscribed(world *world) {
    mqttlink_subscription *subscription = mqttlink_subscription_new();
    uint64_t id;
    connect_and_arm(world, listening(world));
    OK(mqttlink_subscription_add(subscription, "a", world->qos));
    world->expected++;
    OK(mqttlink_client_subscribe_event(world->client, subscription, &id));
    mqttlink_subscription_free(subscription);
}

static void in_unsubscribed(world *world) {
    const char *filter = "a";
    uint64_t id;
    connect_and_arm(world, listening(world));
    world->expected++;
    OK(mqttlink_client_unsubscribe_event(world->client, &filter, 1, NULL, &id));
}

static void in_connected(world *world) {
    mqttlink_options *options = listening(world);
    OK(mqttlink_options_on_connected(options, on_granted, world, NULL));
    make(world, options);
    atomic_store(&world->armed, true);
    (void)mqttlink_client_connect(world->client, NULL);
}

static void connect_elsewhere(void *user, mqttlink_client *client, const mqttlink_error *error) {
    world *world = user;
    mqttlink_options *options;
    if (atomic_load(&world->armed)) {
        OK(mqttlink_options_new(server_url(world->server), &options));
        OK(mqttlink_client_reconfigure(client, options));
        mqttlink_options_free(options);
    }
    on_error(user, client, error);
}

static void in_connect_failed(world *world) {
    mqttlink_options *options = listening(world);
    OK(mqttlink_options_set_client_id(options, "refused"));
    OK(mqttlink_options_on_connect_failed(options, connect_elsewhere, world, NULL));
    make(world, options);
    atomic_store(&world->armed, true);
    RETURNS(MQTTLINK_ERROR_REFUSED, mqttlink_client_connect(world->client, NULL));
}

static void in_disconnected(world *world) {
    mqttlink_options *options = listening(world);
    OK(mqttlink_options_on_disconnected(options, on_error, world, NULL));
    connect_and_arm(world, options);
    OK(mqttlink_client_publish(world->client, "cut", "x", 1, 0, false, NULL, NULL));
}

static void in_server_disconnect(world *world) {
    mqttlink_options *options = listening(world);
    OK(mqttlink_options_on_server_disconnect(options, on_error, world, NULL));
    connect_and_arm(world, options);
    OK(mqttlink_client_publish(world->client, "kick", "x", 1, 0, false, NULL, NULL));
}

static void in_packet(world *world) {
    mqttlink_options *options = listening(world);
    OK(mqttlink_options_on_packet(options, on_packet, world, NULL));
    connect_and_arm(world, options);
    OK(mqttlink_client_publish(world->client, "quiet", "x", 1, world->qos, false, NULL, NULL));
}

static void in_log(world *world) {
    make(world, listening(world));
    OK(mqttlink_client_connect(world->client, NULL));
    OK(mqttlink_log_set(on_log, MQTTLINK_LOG_TRACE, world, NULL));
    atomic_store(&world->armed, true);
    OK(mqttlink_client_publish(world->client, "quiet", "x", 1, world->qos, false, NULL, NULL));
}

/* The client whose message has the bytes is freed before the server acknowledges it. */
static void in_release(world *world) {
    mqttlink_payload *payload;
    mqttlink_client *other;
    make(world, listening(world));
    OK(mqttlink_client_connect(world->client, NULL));
    other = world->client;
    make(world, listening(world));
    OK(mqttlink_client_connect(world->client, NULL));
    OK(mqttlink_payload_new(large, sizeof large, on_release, world, &payload));
    world->lent++;
    atomic_store(&world->armed, true);
    OK(mqttlink_client_publish_payload(other, "silent", payload, world->qos, false, NULL, 1000, NULL));
    mqttlink_payload_free(payload);
    mqttlink_client_free(other);
}

/* A message that is acknowledged: the last one that has the bytes is dropped where the answer is read. */
static void in_release_when_acknowledged(world *world) {
    mqttlink_payload *payload;
    make(world, listening(world));
    OK(mqttlink_client_connect(world->client, NULL));
    OK(mqttlink_payload_new(large, sizeof large, on_release, world, &payload));
    world->lent++;
    atomic_store(&world->armed, true);
    OK(mqttlink_client_publish_payload(world->client, "quiet", payload, world->qos, false, NULL, 1000, NULL));
    mqttlink_payload_free(payload);
}

static void in_release_at_once(world *world) {
    mqttlink_payload *payload;
    make(world, listening(world));
    OK(mqttlink_client_connect(world->client, NULL));
    OK(mqttlink_payload_new(large, sizeof large, on_release, world, &payload));
    world->lent++;
    atomic_store(&world->armed, true);
    mqttlink_payload_free(payload);
    CHECK(count_now(&world->done) == 1);
}

/* The handler of a filter is dropped when the filter is not subscribed to any more. */
static void in_free_of_a_handler(world *world) {
    mqttlink_subscription *subscription = mqttlink_subscription_new();
    const char *filter = "a";
    make(world, listening(world));
    OK(mqttlink_client_connect(world->client, NULL));
    OK(mqttlink_subscription_add(subscription, "a", world->qos));
    OK(mqttlink_subscription_set_handler(subscription, on_message, world, on_free));
    world->kept++;
    OK(mqttlink_client_subscribe(world->client, subscription, NULL));
    mqttlink_subscription_free(subscription);
    atomic_store(&world->armed, true);
    OK(mqttlink_client_unsubscribe(world->client, &filter, 1, NULL, NULL));
}

static void nothing(void *user, mqttlink_client *client, uint64_t id, const mqttlink_error *error,
                    int32_t reason) {
    (void)user, (void)client, (void)id, (void)error, (void)reason;
}

static void in_free_of_a_completion(world *world) {
    connect_and_arm(world, listening(world));
    world->kept++;
    OK(mqttlink_client_publish_then(world->client, "quiet", "x", 1, world->qos, false, NULL, nothing, world,
                                    on_free));
}

static void in_free_of_a_registration(world *world) {
    mqttlink_options *options;
    connect_and_arm(world, listening(world));
    OK(mqttlink_options_new("mqtt://localhost", &options));
    world->kept++;
    OK(mqttlink_options_on_message(options, on_message, world, on_free));
    OK(mqttlink_options_on_message(options, NULL, NULL, NULL));
    mqttlink_options_free(options);
    CHECK(count_now(&world->done) == 1);
}

static void in_free_of_the_log(world *world) {
    connect_and_arm(world, listening(world));
    world->kept++;
    OK(mqttlink_log_set(on_log, MQTTLINK_LOG_OFF, world, on_free));
    CHECK(count_now(&world->done) == 1);
}

/* In an authentication exchange: at connect, whose thread it is, and later. */
static int auth_step;

static int32_t auth_start(void *user, mqttlink_reply *reply) {
    world *world = user;
    OK(mqttlink_reply_set(reply, "first", 5));
    if (auth_step == 0)
        inside(world, world->client);
    return 0;
}
static int32_t auth_respond(void *user, const void *challenge, size_t len, mqttlink_reply *reply) {
    world *world = user;
    (void)challenge, (void)len;
    OK(mqttlink_reply_set(reply, "answer", 6));
    if (auth_step == 1)
        inside(world, world->client);
    return 0;
}
static int32_t auth_finish(void *user, const void *data, size_t len) {
    world *world = user;
    (void)data, (void)len;
    if (auth_step == 2)
        inside(world, world->client);
    return 0;
}

static void authenticating(world *world) {
    mqttlink_options *options = listening(world);
    OK(mqttlink_options_set_authenticator(options, "TEST", auth_start, auth_respond, auth_finish, world, NULL));
    make(world, options);
}

static void in_authentication(world *world) {
    authenticating(world);
    atomic_store(&world->armed, true);
    (void)mqttlink_client_connect(world->client, NULL);
}

static void in_re_authentication(world *world) {
    authenticating(world);
    OK(mqttlink_client_connect(world->client, NULL));
    atomic_store(&world->armed, true);
    (void)mqttlink_client_re_authenticate(world->client);
}

static int32_t resolve(void *user, const char *host, uint16_t port, mqttlink_addresses *addresses) {
    world *world = user;
    (void)host, (void)port;
    OK(mqttlink_addresses_add(addresses, "127.0.0.1", server_port(world->server)));
    inside(world, world->client);
    return 0;
}

static void in_resolver(world *world) {
    mqttlink_options *options;
    OK(mqttlink_options_new("mqtt://device", &options));
    OK(mqttlink_options_set_publish_timeout(options, 50));
    OK(mqttlink_options_on_published(options, on_published, world, NULL));
    OK(mqttlink_options_set_resolver(options, resolve, world, NULL));
    make(world, options);
    atomic_store(&world->armed, true);
    (void)mqttlink_client_connect(world->client, NULL);
}

static void in_source(world *world) {
    mqttlink_delivery *delivery = NULL;
    connect_and_arm(world, listening(world));
    (void)mqttlink_client_publish_source(world->client, "quiet", 5, world->qos, false, NULL, five_inside,
                                         world, &delivery);
    if (delivery) {
        OK(mqttlink_delivery_wait(delivery, WATCHDOG_MS));
        mqttlink_delivery_free(delivery);
    }
}

/* A stream of the program's own. */
typedef struct {
    world *world;
    int socket;
} stream;

static void inside_part(stream *stream, enum part part) {
    if (stream->world->part == part)
        inside(stream->world, stream->world->client);
}

static int32_t open_stream(void *user, const char *host, uint16_t port, int64_t timeout_ms, void **made) {
    world *world = user;
    (void)host, (void)port, (void)timeout_ms;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(server_port(world->server))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    stream *stream = malloc(sizeof *stream);
    stream->world = world;
    stream->socket = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(stream->socket, (struct sockaddr *)&address, sizeof address) == 0);
    *made = stream;
    count_up(&world->streams);
    inside_part(stream, OPEN);
    return 0;
}
static int64_t read_stream(void *user, void *data, size_t size) {
    stream *stream = user;
    ssize_t count = recv(stream->socket, data, size, 0);
    inside_part(stream, READ);
    return count < 0 ? -errno : count;
}
static int64_t write_stream(void *user, const void *data, size_t size) {
    stream *stream = user;
    inside_part(stream, WRITE);
    ssize_t count = send(stream->socket, data, size, MSG_NOSIGNAL);
    return count < 0 ? -errno : count;
}
static void close_stream(void *user) {
    stream *stream = user;
    inside_part(stream, CLOSE);
    shutdown(stream->socket, SHUT_RDWR);
}
static void free_stream(void *user) {
    stream *stream = user;
    inside_part(stream, FREE);
    close(stream->socket);
    count_up(&stream->world->streams_freed);
    free(stream);
}

static void over_a_stream(world *world) {
    mqttlink_options *options;
    OK(mqttlink_options_new("mqtt://device", &options));
    OK(mqttlink_options_set_publish_timeout(options, 50));
    OK(mqttlink_options_on_published(options, on_published, world, NULL));
    OK(mqttlink_options_on_subscribed(options, on_results, world, NULL));
    OK(mqttlink_options_on_unsubscribed(options, on_results, world, NULL));
    OK(mqttlink_options_set_transport(options, open_stream, read_stream, write_stream, close_stream,
                                      free_stream, world, NULL));
    make(world, options);
}

static void in_open(world *world) {
    over_a_stream(world);
    atomic_store(&world->armed, true);
    (void)mqttlink_client_connect(world->client, NULL);
}

/* Bytes come and go. */
static void in_transfer(world *world) {
    over_a_stream(world);
    OK(mqttlink_client_connect(world->client, NULL));
    atomic_store(&world->armed, true);
    OK(mqttlink_client_publish(world->client, "a", "x", 1, world->qos, false, NULL, NULL));
}

/* The client ends the connection, or the server does. */
static void in_close(world *world) {
    in_transfer(world);
    mqttlink_client_abort(world->client);
}
static void in_loss(world *world) {
    world->lost = true;
    in_transfer(world);
    (void)mqttlink_client_publish(world->client, "cut", "x", 1, 0, false, NULL, NULL);
}

/* A server with TLS, whose certificate the program decides about. */
static mqttlink_broker *secure;

static char *in_memory(BIO *memory, size_t *len) {
    char *data;
    *len = (size_t)BIO_get_mem_data(memory, &data);
    char *copy = malloc(*len);
    memcpy(copy, data, *len);
    BIO_free(memory);
    return copy;
}

static void start_secure(void) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"device", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
    BIO *texts[] = {BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem())};
    CHECK(PEM_write_bio_X509(texts[0], certificate) == 1);
    CHECK(PEM_write_bio_PrivateKey(texts[1], key, NULL, NULL, 0, NULL, NULL) == 1);
    size_t certificate_len, key_len;
    char *certificate_text = in_memory(texts[0], &certificate_len);
    char *key_text = in_memory(texts[1], &key_len);
    mqttlink_server_tls *tls;
    mqttlink_broker_options *options;
    OK(mqttlink_server_tls_new_from_memory(certificate_text, certificate_len, key_text, key_len, &tls));
    OK(mqttlink_broker_options_new(&options));
    OK(mqttlink_broker_options_listen(options, "127.0.0.1:0", tls));
    OK(mqttlink_broker_start(options, &secure));
    mqttlink_broker_options_free(options);
    mqttlink_server_tls_free(tls);
    free(certificate_text);
    free(key_text);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static int32_t verify(void *user, const char *host, const void *certificate, size_t len) {
    world *world = user;
    (void)host, (void)certificate, (void)len;
    inside(world, world->client);
    return 0;
}

static void in_verifier(world *world) {
    char url[64];
    mqttlink_options *options;
    mqttlink_tls *tls;
    snprintf(url, sizeof url, "mqtts://127.0.0.1:%d", mqttlink_broker_port(secure));
    tls = mqttlink_tls_new();
    OK(mqttlink_tls_set_verifier(tls, verify, world, NULL));
    OK(mqttlink_options_new(url, &options));
    OK(mqttlink_options_set_tls(options, tls));
    OK(mqttlink_options_set_publish_timeout(options, 50));
    OK(mqttlink_options_on_published(options, on_published, world, NULL));
    mqttlink_tls_free(tls);
    make(world, options);
    atomic_store(&world->armed, true);
    (void)mqttlink_client_connect(world->client, NULL);
}

enum { DISPATCHED = 1 };

static act *const EVERYTHING[] = {call_all, end, cut, destroy, NULL};
static act *const CONNECTING[] = {call_while_connecting, end_attempt, cut_attempt, destroy, NULL};
static act *const EXCHANGING[] = {call_in_an_exchange, end, cut, destroy, NULL};
static act *const WAITED_FOR[] = {call_while_it_waits, end_while_it_waits, cut_while_it_waits, destroy, NULL};
static act *const AT_THE_END[] = {call_at_the_end, cut_attempt, destroy, NULL};

static const struct {
    const char *name;
    void (*begin)(world *);
    act *const *acts;
    int flags;
    enum part part;
    int step;
} PLACES[] = {
    {"message", in_message, EVERYTHING, DISPATCHED, NONE, -1},
    {"handler of a subscription", in_handler, EVERYTHING, DISPATCHED, NONE, -1},
    {"published", in_published, EVERYTHING, DISPATCHED, NONE, -1},
    {"completion", in_completion, EVERYTHING, DISPATCHED, NONE, -1},
    {"subscribed", in_subscribed, EVERYTHING, DISPATCHED, NONE, -1},
    {"unsubscribed", in_unsubscribed, EVERYTHING, DISPATCHED, NONE, -1},
    {"connected", in_connected, EVERYTHING, DISPATCHED, NONE, -1},
    {"connect failed", in_connect_failed, EVERYTHING, DISPATCHED, NONE, -1},
    {"disconnected", in_disconnected, EVERYTHING, DISPATCHED, NONE, -1},
    {"server disconnect", in_server_disconnect, EVERYTHING, DISPATCHED, NONE, -1},
    {"packet", in_packet, EVERYTHING, DISPATCHED, NONE, -1},
    {"log", in_log, EVERYTHING, 0, NONE, -1},
    {"release", in_release, EVERYTHING, 0, NONE, -1},
    {"release when acknowledged", in_release_when_acknowledged, EVERYTHING, 0, NONE, -1},
    {"release at once", in_release_at_once, EVERYTHING, 0, NONE, -1},
    {"free of a handler", in_free_of_a_handler, EVERYTHING, DISPATCHED, NONE, -1},
    {"free of a completion", in_free_of_a_completion, EVERYTHING, DISPATCHED, NONE, -1},
    {"free of a registration", in_free_of_a_registration, EVERYTHING, 0, NONE, -1},
    {"free of the log", in_free_of_the_log, EVERYTHING, 0, NONE, -1},
    {"authenticator, start", in_authentication, CONNECTING, 0, NONE, 0},
    {"authenticator, respond", in_authentication, CONNECTING, 0, NONE, 1},
    {"authenticator, finish", in_authentication, EXCHANGING, 0, NONE, 2},
    {"authenticator, start again", in_re_authentication, EXCHANGING, 0, NONE, 0},
    {"authenticator, respond again", in_re_authentication, EXCHANGING, 0, NONE, 1},
    {"authenticator, finish again", in_re_authentication, EXCHANGING, 0, NONE, 2},
    {"resolver", in_resolver, CONNECTING, 0, NONE, -1},
    {"verifier", in_verifier, CONNECTING, 0, NONE, -1},
    {"open", in_open, CONNECTING, 0, OPEN, -1},
    {"source", in_source, WAITED_FOR, 0, NONE, -1},
    {"read", in_transfer, WAITED_FOR, 0, READ, -1},
    {"write", in_transfer, WAITED_FOR, 0, WRITE, -1},
    {"close", in_close, AT_THE_END, 0, CLOSE, -1},
    {"close after a loss", in_loss, AT_THE_END, 0, CLOSE, -1},
    {"free of a stream", in_close, AT_THE_END, 0, FREE, -1},
    {"free of a stream after a loss", in_loss, AT_THE_END, 0, FREE, -1},
};

static void once(server *server, size_t place, act *act, int qos) {
    world world = {.server = server, .place = PLACES[place].name, .qos = qos, .act = act};
    counter fresh = COUNTER;
    world.done = world.completions = world.released = world.freed = world.streams = world.streams_freed = fresh;
    snprintf(check_context, sizeof check_context, ", in \"%s\" at QoS %d", world.place, qos);
    world.connecting = pthread_self();
    world.dispatched = PLACES[place].flags & DISPATCHED;
    world.part = PLACES[place].part;
    auth_step = PLACES[place].step;
    PLACES[place].begin(&world);
    wait_for(&world.done, 1);
    if (act != destroy) {
        /* The client works as before, over whatever it has now. */
        wait_for(&world.completions, world.expected);
        if (mqttlink_client_state(world.client) != MQTTLINK_CONNECTED) {
            wait_disconnected(world.client);
            OK(mqttlink_client_connect(world.client, NULL));
        }
        publish_and_wait(world.client, qos);
    }
    mqttlink_client_free(world.client);
    OK(mqttlink_log_set(NULL, MQTTLINK_LOG_OFF, NULL, NULL));
    wait_for(&world.released, world.lent);
    wait_for(&world.freed, world.kept);
    CHECK(count_now(&world.released) == world.lent && count_now(&world.freed) == world.kept);
    /* The client may have been freed inside a function of its stream, which is closed and freed after it. */
    wait_for(&world.streams_freed, count_now(&world.streams));
}

int main(int argc, char **argv) {
    const char *limit = getenv("INSIDE_LIMIT_MS");
    limit_ms = limit ? atoi(limit) : getenv("CI") ? 20000 : limit_ms;
    server *server = server_start();
    start_secure();
    for (size_t place = 0; place < sizeof PLACES / sizeof *PLACES; place++) {
        /* With an argument only the places whose names begin with it. */
        if (argc > 1 && strncmp(PLACES[place].name, argv[1], strlen(argv[1])) != 0)
            continue;
        for (act *const *act = PLACES[place].acts; *act; act++)
            for (int qos = 0; qos < 3; qos++)
                once(server, place, *act, qos);
    }
    mqttlink_broker_free(secure);
    server_stop(server);
    return 0;
}
