/* The broker's callbacks: who may connect, who may do what, messages on their way, events, and freeing the
 * broker inside each of them. */
#include "broker.h"

typedef struct {
    counter calls, connected, gone, refused, subscribed, unsubscribed, dropped, ended;
    atomic_int freed, cause, reason, qos;
    atomic_bool frees, answer;
    int32_t action;
    char topic[32], text[256], client_id[32];
    mqttlink_broker *broker;
} world;

static void init(world *world) {
    memset(world, 0, sizeof *world);
    counter fresh = COUNTER;
    counter *all[] = {&world->calls,        &world->connected, &world->gone, &world->refused,
                      &world->subscribed,   &world->unsubscribed, &world->dropped, &world->ended};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        *all[i] = fresh;
}

static void count_free(void *user) { atomic_fetch_add(&((world *)user)->freed, 1); }

static int32_t authenticate(void *user, mqttlink_broker *broker, const mqttlink_peer *peer,
                            mqttlink_reply *reply) {
    world *world = user;
    size_t len;
    const char *name = mqttlink_peer_user(peer);
    const void *password = mqttlink_peer_password(peer, &len);
    mqttlink_broker_counters counters;
    /* It may ask anything that waits, also this broker. */
    OK(mqttlink_broker_statistics(broker, &counters, sizeof counters));
    CHECK(strncmp(mqttlink_peer_address(peer), "127.0.0.1:", 10) == 0);
    CHECK(mqttlink_peer_certificate_subject(peer) == NULL);
    CHECK(mqttlink_peer_properties(peer) != NULL);
    if (atomic_load(&world->frees)) {
        mqttlink_broker_free(broker);
        count_up(&world->calls);
        return 0;
    }
    count_up(&world->calls);
    if (name && strcmp(name, "weird") == 0)
        return 12345;
    if (!name || len != 3 || memcmp(password, "a\0b", 3) != 0)
        return MQTTLINK_REASON_BAD_USER_NAME_OR_PASSWORD;
    OK(mqttlink_reply_set_user(reply, "the attic"));
    FAILS(MQTTLINK_ERROR_UTF8, mqttlink_reply_set_user(reply, "\xff"));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_reply_set_user(NULL, "a"));
    return 0;
}

static void on_event(void *user, mqttlink_broker *broker, const mqttlink_broker_event *event) {
    world *world = user;
    mqttlink_broker_counters counters;
    (void)mqttlink_broker_statistics(broker, &counters, sizeof counters);
    snprintf(world->client_id, sizeof world->client_id, "%s", event->client_id);
    snprintf(world->topic, sizeof world->topic, "%s", event->topic ? event->topic : "");
    snprintf(world->text, sizeof world->text, "%s", event->text ? event->text : "");
    if (event->kind != MQTTLINK_EVENT_SESSION_ENDED) {
        atomic_store(&world->cause, event->cause);
        atomic_store(&world->reason, event->reason);
        atomic_store(&world->qos, event->qos);
    }
    CHECK((event->peer == NULL) == (event->kind == MQTTLINK_EVENT_REFUSED));
    if (event->peer)
        CHECK(strcmp(mqttlink_peer_client_id(event->peer), event->client_id) == 0);
    if (atomic_load(&world->frees)) {
        mqttlink_broker_free(broker);
        count_up(&world->calls);
        return;
    }
    counter *counters_of[] = {&world->connected,    &world->gone,    &world->refused, &world->subscribed,
                              &world->unsubscribed, &world->dropped, &world->ended};
    CHECK(event->kind >= 0 && event->kind <= MQTTLINK_EVENT_SESSION_ENDED);
    count_up(counters_of[event->kind]);
}

static void with_authenticate(mqttlink_broker_options *options, void *world) {
    OK(mqttlink_broker_options_on_authenticate(options, authenticate, world, count_free));
    OK(mqttlink_broker_options_on_event(options, on_event, world, count_free));
}

static mqttlink_client *client_with(mqttlink_broker *broker, const char *name, const char *password,
                                    size_t len) {
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_options_new_for("127.0.0.1", mqttlink_broker_port(broker), &options));
    OK(mqttlink_options_set_client_id(options, "somebody"));
    OK(mqttlink_options_set_credentials(options, name, NULL));
    OK(mqttlink_options_set_password(options, password, len));
    OK(mqttlink_client_new(options, &client));
    mqttlink_options_free(options);
    return client;
}

static void check_user(void *user, mqttlink_broker *broker, const mqttlink_peer *peer) {
    (void)broker;
    CHECK(strcmp(mqttlink_peer_user(peer), "the attic") == 0);
    count_up(user);
}

static void who_may_connect(void) {
    world world;
    init(&world);
    counter peers = COUNTER;
    mqttlink_broker *broker = start_with(with_authenticate, &world);
    mqttlink_client *client = client_with(broker, "attic", "a\0b", 3);
    OK(mqttlink_client_connect(client, NULL));
    wait_for(&world.connected, 1);
    OK(mqttlink_broker_each_client(broker, check_user, &peers));
    CHECK(count_now(&peers) == 1 && strcmp(world.client_id, "somebody") == 0);
    OK(mqttlink_client_disconnect(client));
    wait_for(&world.gone, 1);
    CHECK(atomic_load(&world.cause) == MQTTLINK_CAUSE_GOODBYE && atomic_load(&world.reason) == 0);
    mqttlink_client_free(client);

    client = client_with(broker, "attic", "wrong", 5);
    FAILS(MQTTLINK_ERROR_REFUSED, mqttlink_client_connect(client, NULL));
    CHECK(mqttlink_error_reason(mqttlink_last_error()) ==
          MQTTLINK_REASON_BAD_USER_NAME_OR_PASSWORD);
    wait_for(&world.refused, 1);
    CHECK(atomic_load(&world.reason) == MQTTLINK_REASON_BAD_USER_NAME_OR_PASSWORD);
    mqttlink_client_free(client);

    /* What is no reason is a refusal all the same. */
    client = client_with(broker, "weird", "x", 1);
    FAILS(MQTTLINK_ERROR_REFUSED, mqttlink_client_connect(client, NULL));
    CHECK(mqttlink_error_reason(mqttlink_last_error()) == MQTTLINK_REASON_NOT_AUTHORIZED);
    mqttlink_client_free(client);
    mqttlink_broker_free(broker);
    CHECK(count_now(&world.calls) == 3);
    WAIT_UNTIL(atomic_load(&world.freed) == 2);
}

static int32_t begin(void *user, mqttlink_broker *broker, const mqttlink_peer *peer, void **exchange) {
    (void)broker;
    const char *method = mqttlink_properties_value(mqttlink_peer_properties(peer),
                                                   MQTTLINK_PROPERTY_AUTHENTICATION_METHOD, NULL);
    count_up(&((world *)user)->calls);
    if (strcmp(method, "riddle") != 0)
        return 1;
    *exchange = user;
    return 0;
}

static int32_t step(void *exchange, const void *data, size_t len, mqttlink_reply *reply) {
    world *world = exchange;
    count_up(&world->connected);
    if (len == 5 && memcmp(data, "begin", 5) == 0) {
        OK(mqttlink_reply_set(reply, "what?", 5));
        return MQTTLINK_REASON_CONTINUE_AUTHENTICATION;
    }
    if (len == 2 && memcmp(data, "42", 2) == 0) {
        OK(mqttlink_reply_set(reply, "right", 5));
        OK(mqttlink_reply_set_user(reply, "the attic"));
        return 0;
    }
    return MQTTLINK_REASON_NOT_AUTHORIZED;
}

static void end_exchange(void *exchange) { count_up(&((world *)exchange)->ended); }

static int32_t start_answer(void *user, mqttlink_reply *reply) {
    (void)user;
    return mqttlink_reply_set(reply, "begin", 5);
}
static int32_t answer(void *user, const void *challenge, size_t len, mqttlink_reply *reply) {
    CHECK(len == 5 && memcmp(challenge, "what?", 5) == 0);
    return mqttlink_reply_set(reply, user, strlen(user));
}
static int32_t verify(void *user, const void *data, size_t len) {
    (void)user;
    return len == 5 && memcmp(data, "right", 5) == 0 ? 0 : 1;
}

static void with_exchange(mqttlink_broker_options *options, void *world) {
    FAILS(MQTTLINK_ERROR_NULL,
          mqttlink_broker_options_on_exchange(options, begin, NULL, end_exchange, world, count_free));
    OK(mqttlink_broker_options_on_exchange(options, begin, step, end_exchange, world, count_free));
}

static mqttlink_status try_method(mqttlink_broker *broker, const char *method, const char *said) {
    mqttlink_options *options;
    mqttlink_client *client;
    counter peers = COUNTER;
    OK(mqttlink_options_new_for("127.0.0.1", mqttlink_broker_port(broker), &options));
    if (method)
        OK(mqttlink_options_set_authenticator(options, method, start_answer, answer, verify,
                                              (void *)said, NULL));
    OK(mqttlink_client_new(options, &client));
    mqttlink_status status = mqttlink_client_connect(client, NULL);
    if (status == MQTTLINK_OK) {
        OK(mqttlink_broker_each_client(broker, check_user, &peers));
        CHECK(count_now(&peers) == 1);
        OK(mqttlink_client_re_authenticate(client));
    }
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    return status;
}

static void exchanges(void) {
    world world;
    init(&world);
    mqttlink_broker *broker = start_with(with_exchange, &world);
    OK(try_method(broker, "riddle", "42"));
    wait_for(&world.ended, 2);
    FAILS(MQTTLINK_ERROR_REFUSED, try_method(broker, "riddle", "41"));
    FAILS(MQTTLINK_ERROR_REFUSED, try_method(broker, "unknown", "42"));
    CHECK(mqttlink_error_reason(mqttlink_last_error()) == MQTTLINK_REASON_BAD_AUTHENTICATION_METHOD);
    /* Who asks by an exchange does not let those in who come without. */
    FAILS(MQTTLINK_ERROR_REFUSED, try_method(broker, NULL, NULL));
    mqttlink_broker_free(broker);
    wait_for(&world.ended, 3);
    WAIT_UNTIL(atomic_load(&world.freed) == 2);
    CHECK(count_now(&world.ended) == 3);
}

static bool authorize(void *user, mqttlink_broker *broker, const mqttlink_peer *peer, int32_t action,
                      const char *topic, int32_t qos, bool retain, const mqttlink_message *message) {
    world *world = user;
    mqttlink_broker_counters counters;
    mqttlink_message *copy;
    CHECK(mqttlink_peer_client_id(peer) != NULL && qos >= 0 && qos <= 2);
    /* This thread cannot wait for itself. */
    if (!atomic_load(&world->frees))
        FAILS(MQTTLINK_ERROR_INVALID_STATE,
              mqttlink_broker_statistics(broker, &counters, sizeof counters));
    CHECK((message != NULL) == (action == MQTTLINK_ACTION_DELIVER));
    if (message) {
        CHECK(strcmp(mqttlink_message_topic(message), topic) == 0);
        OK(mqttlink_message_copy(message, &copy));
        CHECK(strcmp(mqttlink_message_topic(copy), topic) == 0);
        CHECK(mqttlink_message_retain(copy) == retain);
        mqttlink_message_free(copy);
    }
    if (atomic_load(&world->frees))
        mqttlink_broker_free(broker);
    count_up(&world->calls);
    if (action == MQTTLINK_ACTION_PUBLISH && strcmp(topic, "go") == 0)
        OK(mqttlink_broker_publish(broker, "went", NULL, 0, 0, false, NULL));
    return action != world->action || strcmp(topic, world->topic) != 0;
}

static void with_authorize(mqttlink_broker_options *options, void *world) {
    OK(mqttlink_broker_options_on_authorize(options, authorize, world, count_free));
}

static void who_may_do_what(void) {
    world world;
    init(&world);
    mqttlink_broker *broker = start_with(with_authorize, &world);
    mqttlink_client *client = connected_to(broker, "c");
    mqttlink_delivery *delivery;
    mqttlink_message *message;
    world.action = MQTTLINK_ACTION_PUBLISH;
    strcpy(world.topic, "secret");
    OK(mqttlink_client_publish(client, "secret", NULL, 0, 1, false, NULL, &delivery));
    FAILS(MQTTLINK_ERROR_PUBLISH_REFUSED, mqttlink_delivery_wait(delivery, WATCHDOG_MS));
    CHECK(mqttlink_delivery_reason(delivery) == MQTTLINK_REASON_NOT_AUTHORIZED);
    mqttlink_delivery_free(delivery);
    world.action = MQTTLINK_ACTION_SUBSCRIBE;
    FAILS(MQTTLINK_ERROR_SUBSCRIBE_REFUSED, mqttlink_client_subscribe_one(client, "secret", 0, NULL));
    OK(mqttlink_client_subscribe_one(client, "+", 0, NULL));
    world.action = MQTTLINK_ACTION_DELIVER;
    OK(mqttlink_client_publish(client, "secret", NULL, 0, 1, false, NULL, NULL));
    OK(mqttlink_client_publish(client, "go", NULL, 0, 1, false, NULL, NULL));
    OK(mqttlink_client_receive(client, WATCHDOG_MS, &message));
    CHECK(strcmp(mqttlink_message_topic(message), "go") == 0);
    mqttlink_message_free(message);
    OK(mqttlink_client_receive(client, WATCHDOG_MS, &message));
    CHECK(strcmp(mqttlink_message_topic(message), "went") == 0);
    mqttlink_message_free(message);
    mqttlink_broker_counters counters;
    OK(mqttlink_broker_statistics(broker, &counters, sizeof counters));
    CHECK(counters.dropped_refused == 1 && counters.dropped_not_delivered == 1);
    mqttlink_client_free(client);
    mqttlink_broker_free(broker);
    WAIT_UNTIL(atomic_load(&world.freed) == 1);
}

static int32_t intercept(void *user, mqttlink_broker *broker, const mqttlink_peer *peer,
                         const mqttlink_message *message, mqttlink_draft *draft) {
    world *world = user;
    const char *topic = mqttlink_message_topic(message);
    mqttlink_message *copy;
    (void)broker;
    CHECK(strcmp(mqttlink_peer_client_id(peer), "c") == 0);
    if (atomic_load(&world->frees)) {
        mqttlink_broker_free(broker);
        count_up(&world->calls);
        return 0;
    }
    count_up(&world->calls);
    if (strcmp(topic, "refuse") == 0)
        return MQTTLINK_REASON_PAYLOAD_FORMAT_INVALID;
    if (strcmp(topic, "nonsense") == 0)
        return -1;
    if (strcmp(topic, "change") != 0)
        return 0;
    OK(mqttlink_message_copy(message, &copy));
    CHECK(payload_is(copy, "before") && mqttlink_message_qos(copy) == 1);
    mqttlink_message_free(copy);
    mqttlink_properties *list = mqttlink_properties_new();
    OK(mqttlink_properties_add_user(list, "by", "hook"));
    OK(mqttlink_draft_set_topic(draft, "changed"));
    FAILS(MQTTLINK_ERROR_INVALID_TOPIC, mqttlink_draft_set_topic(draft, "a/#"));
    FAILS(MQTTLINK_ERROR_UTF8, mqttlink_draft_set_topic(draft, "\xff"));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_draft_set_topic(draft, NULL));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_draft_set_topic(NULL, "a"));
    OK(mqttlink_draft_set_payload(draft, "after", 5));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_draft_set_payload(draft, NULL, 1));
    OK(mqttlink_draft_set_qos(draft, 2));
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_draft_set_qos(draft, 3));
    OK(mqttlink_draft_set_retain(draft, true));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_draft_set_retain(NULL, true));
    OK(mqttlink_draft_set_properties(draft, list));
    mqttlink_properties_free(list);
    return 0;
}

static void with_intercept(mqttlink_broker_options *options, void *world) {
    OK(mqttlink_broker_options_on_intercept(options, intercept, world, count_free));
}

static int32_t reason_of(mqttlink_client *client, const char *topic) {
    mqttlink_delivery *delivery;
    OK(mqttlink_client_publish(client, topic, "before", 6, 1, false, NULL, &delivery));
    (void)mqttlink_delivery_wait(delivery, WATCHDOG_MS);
    int32_t reason = mqttlink_delivery_reason(delivery);
    mqttlink_delivery_free(delivery);
    return reason;
}

static void messages_on_their_way(void) {
    world world;
    init(&world);
    mqttlink_broker *broker = start_with(with_intercept, &world);
    mqttlink_client *client = connected_to(broker, "c");
    mqttlink_broker_subscription *subscription;
    mqttlink_message *message;
    OK(mqttlink_broker_subscribe(broker, "#", NULL, NULL, NULL, &subscription));
    CHECK(reason_of(client, "refuse") == MQTTLINK_REASON_PAYLOAD_FORMAT_INVALID);
    CHECK(reason_of(client, "nonsense") == MQTTLINK_REASON_IMPLEMENTATION_SPECIFIC_ERROR);
    CHECK(reason_of(client, "change") == 0);
    OK(mqttlink_broker_subscription_receive(subscription, WATCHDOG_MS, &message));
    CHECK(strcmp(mqttlink_message_topic(message), "changed") == 0 && payload_is(message, "after"));
    CHECK(mqttlink_message_qos(message) == 2 && mqttlink_message_retain(message));
    CHECK(strcmp(mqttlink_properties_user(mqttlink_message_properties(message), "by"), "hook") == 0);
    mqttlink_message_free(message);
    mqttlink_broker_subscription_free(subscription);
    mqttlink_client_free(client);
    mqttlink_broker_free(broker);
    WAIT_UNTIL(atomic_load(&world.freed) == 1);
}

static void with_events(mqttlink_broker_options *options, void *world) {
    OK(mqttlink_broker_options_on_event(options, on_event, world, count_free));
    OK(mqttlink_broker_options_set(options, MQTTLINK_BROKER_QUEUED_MESSAGES_PER_CLIENT, 1));
}

static void events(void) {
    world world;
    init(&world);
    mqttlink_broker *broker = start_with(with_events, &world);
    mqttlink_options *options;
    mqttlink_client *client;
    const char *filter = "f/#";
    OK(mqttlink_options_new_in_process(broker, &options));
    OK(mqttlink_options_set_client_id(options, "c"));
    OK(mqttlink_options_set_session_expiry(options, 60));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    OK(mqttlink_client_subscribe_one(client, filter, 1, NULL));
    wait_for(&world.subscribed, 1);
    CHECK(strcmp(world.topic, filter) == 0 && atomic_load(&world.qos) == 1);
    mqttlink_client_abort(client);
    wait_for(&world.gone, 1);
    CHECK(atomic_load(&world.cause) == MQTTLINK_CAUSE_LOST && atomic_load(&world.reason) == -1);
    for (int i = 0; i < 2; i++)
        OK(mqttlink_broker_publish(broker, "f/1", NULL, 0, 1, false, NULL));
    wait_for(&world.dropped, 1);
    CHECK(atomic_load(&world.cause) == MQTTLINK_DROPPED_QUEUE_FULL && strcmp(world.topic, "f/1") == 0);
    OK(mqttlink_client_reconnect(client, NULL));
    OK(mqttlink_client_unsubscribe(client, &filter, 1, NULL, NULL));
    wait_for(&world.unsubscribed, 1);
    OK(mqttlink_broker_disconnect(broker, "c", MQTTLINK_REASON_BANNED, NULL));
    wait_for(&world.gone, 2);
    CHECK(atomic_load(&world.cause) == MQTTLINK_CAUSE_CLOSED);
    CHECK(atomic_load(&world.reason) == MQTTLINK_REASON_BANNED);
    wait_disconnected(client);
    OK(mqttlink_client_connect(client, NULL));
    wait_for(&world.ended, 1);

    mqttlink_client *other;
    OK(mqttlink_client_new(options, &other));
    OK(mqttlink_client_connect(other, NULL));
    wait_for(&world.gone, 3);
    mqttlink_client_free(other);
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    mqttlink_broker_free(broker);
    WAIT_UNTIL(atomic_load(&world.freed) == 1);
}

/* A broker may be freed inside each of its callbacks; `pointers` of them are registered. */
static void freed_inside(void (*prepare)(mqttlink_broker_options *, void *), int pointers) {
    world world;
    init(&world);
    strcpy(world.topic, "none");
    atomic_store(&world.frees, true);
    mqttlink_broker *broker = start_with(prepare, &world);
    mqttlink_client *client = client_of(broker, "c");
    if (mqttlink_client_connect(client, NULL) == MQTTLINK_OK)
        (void)mqttlink_client_publish(client, "a", "x", 1, 1, false, NULL, NULL);
    wait_for(&world.calls, 1);
    mqttlink_client_free(client);
    RETURNS(MQTTLINK_ERROR_FREED, mqttlink_broker_stop(broker, 0));
    mqttlink_broker_free(broker);
    /* The callback that has freed it may still run, until its pointer is given back. */
    WAIT_UNTIL(atomic_load(&world.freed) == pointers);
}

typedef struct {
    counter entered, leave;
    atomic_bool left;
} slow;

static int32_t slow_answer(void *user, mqttlink_broker *broker, const mqttlink_peer *peer,
                           mqttlink_reply *reply) {
    (void)broker, (void)peer, (void)reply;
    slow *slow = user;
    count_up(&slow->entered);
    wait_for(&slow->leave, 1);
    atomic_store(&slow->left, true);
    return 0;
}

static void with_slow(mqttlink_broker_options *options, void *user) {
    OK(mqttlink_broker_options_on_authenticate(options, slow_answer, user, NULL));
}

static void *release(void *user) {
    slow *slow = user;
    /* Freeing has begun when the port is gone. */
    WAIT_UNTIL(mqttlink_broker_port(*(mqttlink_broker **)(slow + 1)) == 0);
    count_up(&slow->leave);
    return NULL;
}

static void *connect_in_vain(void *client) {
    NOT_OK(mqttlink_client_connect(client, NULL));
    return NULL;
}

/* Freeing waits for a callback that runs on another thread. */
static void freeing_waits(void) {
    struct {
        slow slow;
        mqttlink_broker *broker;
    } both = {{COUNTER, COUNTER, false}, NULL};
    pthread_t connecting, releasing;
    both.broker = start_with(with_slow, &both.slow);
    mqttlink_client *client = client_of(both.broker, "c");
    CHECK(pthread_create(&connecting, NULL, connect_in_vain, client) == 0);
    wait_for(&both.slow.entered, 1);
    CHECK(pthread_create(&releasing, NULL, release, &both) == 0);
    mqttlink_broker_free(both.broker);
    CHECK(atomic_load(&both.slow.left));
    pthread_join(connecting, NULL);
    pthread_join(releasing, NULL);
    mqttlink_client_free(client);
}

/* NULL for each of them. */
static void misuse(void) {
    world world;
    init(&world);
    FAILS(MQTTLINK_ERROR_NULL,
          mqttlink_broker_options_on_authenticate(NULL, authenticate, &world, count_free));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_options_on_authorize(NULL, authorize, &world, count_free));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_options_on_intercept(NULL, intercept, &world, count_free));
    FAILS(MQTTLINK_ERROR_NULL, mqttlink_broker_options_on_event(NULL, on_event, &world, count_free));
    FAILS(MQTTLINK_ERROR_NULL,
          mqttlink_broker_options_on_exchange(NULL, begin, step, NULL, &world, count_free));
    CHECK(atomic_load(&world.freed) == 5);
    mqttlink_broker_options *options;
    OK(mqttlink_broker_options_new(&options));
    OK(mqttlink_broker_options_on_event(options, on_event, &world, count_free));
    OK(mqttlink_broker_options_on_event(options, NULL, NULL, NULL));
    CHECK(atomic_load(&world.freed) == 6);
    OK(mqttlink_broker_options_on_exchange(options, NULL, NULL, NULL, &world, count_free));
    CHECK(atomic_load(&world.freed) == 7);
    mqttlink_broker_options_free(options);
}

int main(void) {
    who_may_connect();
    exchanges();
    who_may_do_what();
    messages_on_their_way();
    events();
    freed_inside(with_authenticate, 2);
    freed_inside(with_authorize, 1);
    freed_inside(with_intercept, 1);
    freed_inside(with_events, 1);
    freeing_waits();
    misuse();
    return 0;
}
