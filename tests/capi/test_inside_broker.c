/* Every function of a broker inside every callback of a broker: those that run on the broker's own thread are told
 * that they cannot wait for it, the others may call everything; stopping and freeing the broker are calls like
 * others.
 *
 * INSIDE_LIMIT_MS: how long what is done in one callback may take, 5,000 unless it is given, and 20,000 in CI. */
#include "broker.h"

typedef struct world world;
typedef void act(world *world, mqttlink_broker *broker);

struct world {
    mqttlink_broker *broker;
    mqttlink_client *client;
    mqttlink_broker_subscription *waiting, *called;
    const char *place;
    int qos;
    act *act;
    /* Whether the next callback does it. */
    atomic_bool armed;
    counter done, inner, ended, freed;
    /* Which callback does it. */
    int kind;
};

static int64_t limit_ms = 5000;

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void inside(world *world) {
    if (!atomic_exchange(&world->armed, false))
        return;
    int64_t begun = now_ms();
    world->act(world, world->broker);
    int64_t taken = now_ms() - begun;
    if (taken > limit_ms) {
        fprintf(stderr, "%s, QoS %d: %lld ms\n", world->place, world->qos, (long long)taken);
        abort();
    }
    count_up(&world->done);
}

enum { AUTHENTICATE = 1, BEGIN, STEP, AUTHORIZE, INTERCEPT, EVENT, MESSAGE, OTHER };

static void inside_if(world *world, int kind) {
    if (world->kind == kind)
        inside(world);
}

static int32_t authenticate(void *user, mqttlink_broker *broker, const mqttlink_peer *peer,
                            mqttlink_reply *reply) {
    (void)broker, (void)peer, (void)reply;
    inside_if(user, AUTHENTICATE);
    return 0;
}
static int32_t begin(void *user, mqttlink_broker *broker, const mqttlink_peer *peer, void **exchange) {
    (void)broker, (void)peer;
    *exchange = user;
    inside_if(user, BEGIN);
    return 0;
}
static int32_t step(void *exchange, const void *data, size_t len, mqttlink_reply *reply) {
    (void)data, (void)len, (void)reply;
    inside_if(exchange, STEP);
    return 0;
}
static void end_exchange(void *exchange) {
    count_up(&((world *)exchange)->ended);
}
static bool authorize(void *user, mqttlink_broker *broker, const mqttlink_peer *peer, int32_t action,
                      const char *topic, int32_t qos, bool retain, const mqttlink_message *message) {
    (void)broker, (void)peer, (void)action, (void)topic, (void)qos, (void)retain, (void)message;
    inside_if(user, AUTHORIZE);
    return true;
}
static int32_t intercept(void *user, mqttlink_broker *broker, const mqttlink_peer *peer,
                         const mqttlink_message *message, mqttlink_draft *draft) {
    (void)broker, (void)peer, (void)message, (void)draft;
    inside_if(user, INTERCEPT);
    return 0;
}
static void on_event(void *user, mqttlink_broker *broker, const mqttlink_broker_event *event) {
    (void)broker, (void)event;
    inside_if(user, EVENT);
}
static void on_message(void *user, mqttlink_broker *broker, const mqttlink_message *message) {
    (void)broker, (void)message;
    inside_if(user, MESSAGE);
}
static void on_peer(void *user, mqttlink_broker *broker, const mqttlink_peer *peer) {
    world *world = user;
    (void)broker, (void)peer;
    count_up(&world->inner);
    inside(world);
}
static void on_session(void *user, mqttlink_broker *broker, const mqttlink_session *session) {
    world *world = user;
    (void)broker, (void)session;
    count_up(&world->inner);
    inside(world);
}
static void on_filter(void *user, mqttlink_broker *broker, const char *filter, int32_t qos, bool no_local,
                      bool retain_as_published, int32_t retain_handling) {
    world *world = user;
    (void)broker, (void)filter, (void)qos, (void)no_local, (void)retain_as_published, (void)retain_handling;
    count_up(&world->inner);
    inside(world);
}
static void on_free(void *user) { count_up(&((world *)user)->freed); }

/* What is done. */

/* What never waits. */
static void call_what_never_waits(world *world, mqttlink_broker *broker) {
    mqttlink_transcript *transcript;
    mqttlink_options *options;
    mqttlink_client *client;
    CHECK(mqttlink_broker_port(broker) != 0 && mqttlink_broker_address_count(broker) == 1);
    CHECK(mqttlink_broker_address(broker, 0) != NULL);
    for (int qos = 0; qos < 3; qos++)
        OK(mqttlink_broker_publish(broker, "inside", "x", 1, qos, false, NULL));
    OK(mqttlink_broker_transcript(broker, &transcript));
    mqttlink_transcript_free(transcript);
    OK(mqttlink_broker_break_connection(broker, "nobody", MQTTLINK_FAULT_IGNORE_PINGS, 0));
    OK(mqttlink_broker_break_messages(broker, "nothing", MQTTLINK_FAULT_DROP_MESSAGES, 0));
    OK(mqttlink_broker_repair(broker));
    OK(mqttlink_options_new_in_process(broker, &options));
    OK(mqttlink_client_new(options, &client));
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    /* A client of this broker takes a message and sends it when it can. */
    if (world->client && mqttlink_client_is_connected(world->client))
        OK(mqttlink_client_publish(world->client, "from inside", "x", 1, world->qos, false, NULL, NULL));
    mqttlink_message *message = NULL;
    mqttlink_status status = mqttlink_broker_subscription_receive(world->waiting, 0, &message);
    CHECK(status == MQTTLINK_OK || status == MQTTLINK_ERROR_TIMEOUT_RECEIVE);
    mqttlink_message_free(message);
}

/* On a thread that may wait. */
static void call_all(world *world, mqttlink_broker *broker) {
    mqttlink_broker_counters counters;
    mqttlink_broker_subscription *subscription;
    mqttlink_message *message;
    mqttlink_options *options;
    mqttlink_client *client;
    bool found = true;
    call_what_never_waits(world, broker);
    OK(mqttlink_broker_statistics(broker, &counters, sizeof counters));
    OK(mqttlink_broker_each_client(broker, on_peer, world));
    OK(mqttlink_broker_each_session(broker, on_session, world));
    OK(mqttlink_broker_each_subscription(broker, "c", on_filter, world));
    FAILS(MQTTLINK_ERROR_NOT_FOUND, mqttlink_broker_session(broker, "nobody", on_session, world));
    OK(mqttlink_broker_disconnect(broker, "nobody", MQTTLINK_REASON_BANNED, &found));
    CHECK(!found);
    OK(mqttlink_broker_delete_session(broker, "nobody", &found));
    CHECK(!found);
    FAILS(MQTTLINK_ERROR_TIMEOUT_RECEIVE, mqttlink_broker_wait_for_client(broker, "nobody", 1));
    OK(mqttlink_broker_wait_for_client_to_go(broker, "nobody", MQTTLINK_DEFAULT));
    FAILS(MQTTLINK_ERROR_TIMEOUT_RECEIVE, mqttlink_broker_wait_for_subscription(broker, "nobody", "a", 1));
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_broker_advance(broker, 1));
    OK(mqttlink_broker_subscribe(broker, "own/#", NULL, NULL, NULL, &subscription));
    OK(mqttlink_options_new_in_process(broker, &options));
    OK(mqttlink_options_set_client_id(options, "inner"));
    OK(mqttlink_client_new(options, &client));
    mqttlink_options_free(options);
    if (world->kind != BEGIN && world->kind != STEP) {
        OK(mqttlink_client_connect(client, NULL));
        OK(mqttlink_client_subscribe_one(client, "own/#", world->qos, NULL));
        mqttlink_delivery *delivery;
        OK(mqttlink_client_publish(client, "own/a", "x", 1, world->qos, false, NULL, &delivery));
        OK(mqttlink_delivery_wait(delivery, WATCHDOG_MS));
        mqttlink_delivery_free(delivery);
        OK(mqttlink_client_receive(client, WATCHDOG_MS, &message));
        mqttlink_message_free(message);
        OK(mqttlink_broker_subscription_receive(subscription, WATCHDOG_MS, &message));
        mqttlink_message_free(message);
        OK(mqttlink_client_disconnect(client));
        OK(mqttlink_broker_wait_for_client_to_go(broker, "inner", WATCHDOG_MS));
    }
    mqttlink_client_free(client);
    mqttlink_broker_subscription_free(subscription);
}

/* On the broker's own thread. */
static void call_what_waits_in_vain(world *world, mqttlink_broker *broker) {
    mqttlink_broker_counters counters;
    mqttlink_broker_subscription *subscription;
    mqttlink_message *message;
    mqttlink_status status;
    call_what_never_waits(world, broker);
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_broker_statistics(broker, &counters, sizeof counters));
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_broker_each_client(broker, on_peer, world));
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_broker_each_session(broker, on_session, world));
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_broker_session(broker, "c", on_session, world));
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_broker_each_subscription(broker, "c", on_filter, world));
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_broker_disconnect(broker, "c", MQTTLINK_REASON_BANNED, NULL));
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_broker_delete_session(broker, "c", NULL));
    FAILS(MQTTLINK_ERROR_INVALID_STATE,
          mqttlink_broker_subscribe(broker, "a", NULL, NULL, NULL, &subscription));
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_broker_wait_for_client(broker, "c", MQTTLINK_FOREVER));
    FAILS(MQTTLINK_ERROR_INVALID_STATE,
          mqttlink_broker_wait_for_client_to_go(broker, "c", MQTTLINK_FOREVER));
    FAILS(MQTTLINK_ERROR_INVALID_STATE,
          mqttlink_broker_wait_for_subscription(broker, "c", "b", MQTTLINK_FOREVER));
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_broker_advance(broker, 1));
    while ((status = mqttlink_broker_subscription_receive(world->waiting, MQTTLINK_FOREVER, &message)) ==
           MQTTLINK_OK)
        mqttlink_message_free(message);
    CHECK(status == MQTTLINK_ERROR_INVALID_STATE);
    /* Also while its callback waits for this thread. */
    mqttlink_broker_subscription_free(world->called);
    world->called = NULL;
    CHECK(count_now(&world->inner) == 0);
}

static void stop(world *world, mqttlink_broker *broker) {
    (void)world;
    OK(mqttlink_broker_stop(broker, MQTTLINK_DEFAULT));
    OK(mqttlink_broker_stop(broker, MQTTLINK_FOREVER));
}

static void destroy(world *world, mqttlink_broker *broker) {
    mqttlink_broker_counters counters;
    (void)world;
    mqttlink_broker_free(broker);
    FAILS(MQTTLINK_ERROR_FREED, mqttlink_broker_statistics(broker, &counters, sizeof counters));
    FAILS(MQTTLINK_ERROR_FREED, mqttlink_broker_publish(broker, "a", "x", 1, 0, false, NULL));
    CHECK(mqttlink_broker_port(broker) == 0);
    mqttlink_broker_free(broker);
}

/* Where it is done. */

static void with_hooks(mqttlink_broker_options *options, void *user) {
    world *world = user;
    switch (world->kind) {
    case AUTHENTICATE:
        OK(mqttlink_broker_options_on_authenticate(options, authenticate, world, on_free));
        break;
    case BEGIN:
    case STEP:
        OK(mqttlink_broker_options_on_exchange(options, begin, step, end_exchange, world, on_free));
        break;
    case AUTHORIZE:
        OK(mqttlink_broker_options_on_authorize(options, authorize, world, on_free));
        break;
    case INTERCEPT:
        OK(mqttlink_broker_options_on_intercept(options, intercept, world, on_free));
        break;
    case EVENT:
        OK(mqttlink_broker_options_on_event(options, on_event, world, on_free));
        break;
    default:
        break;
    }
}

static int32_t auth_start(void *user, mqttlink_reply *reply) {
    (void)user;
    return mqttlink_reply_set(reply, "x", 1);
}
static int32_t auth_respond(void *user, const void *data, size_t len, mqttlink_reply *reply) {
    (void)user, (void)data, (void)len, (void)reply;
    return 0;
}

static void start(world *world) {
    mqttlink_options *options;
    world->broker = start_with(with_hooks, world);
    OK(mqttlink_broker_subscribe(world->broker, "#", NULL, NULL, NULL, &world->waiting));
    OK(mqttlink_broker_subscribe(world->broker, "#", on_message, world, NULL, &world->called));
    OK(mqttlink_options_new_for("127.0.0.1", mqttlink_broker_port(world->broker), &options));
    OK(mqttlink_options_set_client_id(options, "c"));
    if (world->kind == BEGIN || world->kind == STEP)
        OK(mqttlink_options_set_authenticator(options, "riddle", auth_start, auth_respond, NULL, NULL, NULL));
    OK(mqttlink_client_new(options, &world->client));
    mqttlink_options_free(options);
}

static void in_connecting(world *world) {
    atomic_store(&world->armed, true);
    (void)mqttlink_client_connect(world->client, NULL);
}

static void connect_and_arm(world *world) {
    OK(mqttlink_client_connect(world->client, NULL));
    OK(mqttlink_client_subscribe_one(world->client, "b", world->qos, NULL));
    atomic_store(&world->armed, true);
}

static void in_publishing(world *world) {
    connect_and_arm(world);
    (void)mqttlink_client_publish(world->client, "a", "x", 1, world->qos, false, NULL, NULL);
}

static void in_each_client(world *world) {
    connect_and_arm(world);
    (void)mqttlink_broker_each_client(world->broker, on_peer, world);
}
static void in_each_session(world *world) {
    connect_and_arm(world);
    (void)mqttlink_broker_each_session(world->broker, on_session, world);
}
static void in_session(world *world) {
    connect_and_arm(world);
    (void)mqttlink_broker_session(world->broker, "c", on_session, world);
}
static void in_each_subscription(world *world) {
    connect_and_arm(world);
    (void)mqttlink_broker_each_subscription(world->broker, "c", on_filter, world);
}

static act *const EVERYTHING[] = {call_all, stop, destroy, NULL};
static act *const OWN_THREAD[] = {call_what_waits_in_vain, stop, destroy, NULL};

static const struct {
    const char *name;
    void (*begin)(world *);
    act *const *acts;
    int kind;
} PLACES[] = {
    {"authenticate", in_connecting, EVERYTHING, AUTHENTICATE},
    {"exchange, begin", in_connecting, EVERYTHING, BEGIN},
    {"exchange, step", in_connecting, EVERYTHING, STEP},
    {"authorize", in_publishing, OWN_THREAD, AUTHORIZE},
    {"intercept", in_publishing, OWN_THREAD, INTERCEPT},
    {"event", in_connecting, EVERYTHING, EVENT},
    {"message", in_publishing, EVERYTHING, MESSAGE},
    {"each client", in_each_client, EVERYTHING, OTHER},
    {"each session", in_each_session, EVERYTHING, OTHER},
    {"session", in_session, EVERYTHING, OTHER},
    {"each subscription", in_each_subscription, EVERYTHING, OTHER},
};

static void once(size_t place, act *act, int qos) {
    world world = {.place = PLACES[place].name, .qos = qos, .act = act, .kind = PLACES[place].kind};
    counter fresh = COUNTER;
    world.done = world.inner = world.ended = world.freed = fresh;
    start(&world);
    PLACES[place].begin(&world);
    wait_for(&world.done, 1);
    mqttlink_client_free(world.client);
    mqttlink_broker_free(world.broker);
    mqttlink_broker_subscription_free(world.waiting);
    mqttlink_broker_subscription_free(world.called);
    /* The hooks are done with, the exchange is over. */
    if (world.kind <= EVENT)
        wait_for(&world.freed, 1);
    if (world.kind == BEGIN || world.kind == STEP)
        wait_for(&world.ended, 1);
}

/* A subscription is freed on the broker's thread while its callback waits for that thread. */
typedef struct {
    mqttlink_broker_subscription *subscription;
    counter entered, freed, left;
    atomic_bool armed;
} crossing;

static void wait_for_the_broker(void *user, mqttlink_broker *broker, const mqttlink_message *message) {
    crossing *crossing = user;
    mqttlink_broker_counters counters;
    (void)message;
    count_up(&crossing->entered);
    (void)mqttlink_broker_statistics(broker, &counters, sizeof counters);
    wait_for(&crossing->freed, 1);
    count_up(&crossing->left);
}
static int32_t free_it(void *user, mqttlink_broker *broker, const mqttlink_peer *peer,
                       const mqttlink_message *message, mqttlink_draft *draft) {
    crossing *crossing = user;
    (void)peer, (void)message, (void)draft;
    if (atomic_exchange(&crossing->armed, false)) {
        OK(mqttlink_broker_publish(broker, "other", NULL, 0, 0, false, NULL));
        mqttlink_broker_subscription_free(crossing->subscription);
        count_up(&crossing->freed);
    }
    return 0;
}
static void with_crossing(mqttlink_broker_options *options, void *user) {
    OK(mqttlink_broker_options_on_intercept(options, free_it, user, NULL));
}

static void freed_while_it_waits(void) {
    crossing crossing = {NULL, COUNTER, COUNTER, COUNTER, true};
    mqttlink_broker *broker = start_with(with_crossing, &crossing);
    mqttlink_client *client = connected_to(broker, "c");
    OK(mqttlink_broker_subscribe(broker, "first", wait_for_the_broker, &crossing, NULL,
                                 &crossing.subscription));
    OK(mqttlink_broker_publish(broker, "first", NULL, 0, 0, false, NULL));
    wait_for(&crossing.entered, 1);
    OK(mqttlink_client_publish(client, "a", "x", 1, 1, false, NULL, NULL));
    wait_for(&crossing.left, 1);
    mqttlink_client_free(client);
    mqttlink_broker_free(broker);
}

int main(int argc, char **argv) {
    const char *limit = getenv("INSIDE_LIMIT_MS");
    limit_ms = limit ? atoi(limit) : getenv("CI") ? 20000 : limit_ms;
    for (size_t place = 0; place < sizeof PLACES / sizeof *PLACES; place++) {
        /* With an argument only the places whose names begin with it. */
        if (argc > 1 && strncmp(PLACES[place].name, argv[1], strlen(argv[1])) != 0)
            continue;
        for (act *const *act = PLACES[place].acts; *act; act++)
            for (int qos = 0; qos < 3; qos++)
                once(place, *act, qos);
    }
    freed_while_it_waits();
    return 0;
}
