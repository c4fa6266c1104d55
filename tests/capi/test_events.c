/* Callbacks of every kind, and what may be done inside them. */
#include "server.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    counter messages, connected, failed, disconnected, server_disconnects, published, subscribed,
        unsubscribed, packets;
    atomic_ullong id;
    atomic_int reason, status, freed;
} events;

static const events NO_EVENTS = {COUNTER, COUNTER, COUNTER, COUNTER, COUNTER, COUNTER,
                                 COUNTER, COUNTER, COUNTER, 0,       0,       0,
                                 0};

static void on_message(void *user, mqttlink_client *client, const mqttlink_message *message) {
    events *events = user;
    CHECK(mqttlink_client_is_connected(client) || count_now(&events->server_disconnects) > 0);
    CHECK(mqttlink_message_topic(message) != NULL);
    mqttlink_message_free((mqttlink_message *)message);
    count_up(&events->messages);
}
static void on_connected(void *user, mqttlink_client *client, const mqttlink_granted *granted) {
    events *events = user;
    (void)client;
    CHECK(strcmp(mqttlink_granted_client_id(granted), "assigned") == 0);
    count_up(&events->connected);
}
static void on_failed(void *user, mqttlink_client *client, const mqttlink_error *error) {
    events *events = user;
    (void)client;
    atomic_store(&events->status, mqttlink_error_status(error));
    count_up(&events->failed);
}
static void on_disconnected(void *user, mqttlink_client *client, const mqttlink_error *error) {
    events *events = user;
    CHECK(mqttlink_client_state(client) == MQTTLINK_DISCONNECTED);
    atomic_store(&events->status, mqttlink_error_status(error));
    count_up(&events->disconnected);
}
static void on_server_disconnect(void *user, mqttlink_client *client, const mqttlink_error *error) {
    events *events = user;
    (void)client;
    CHECK(strcmp(mqttlink_error_reason_string(error), "maintenance") == 0);
    atomic_store(&events->reason, mqttlink_error_reason(error));
    count_up(&events->server_disconnects);
}
static void on_published(void *user, mqttlink_client *client, uint64_t id,
                         const mqttlink_error *error, int32_t reason) {
    events *events = user;
    (void)client;
    atomic_store(&events->id, id);
    atomic_store(&events->status, mqttlink_error_status(error));
    atomic_store(&events->reason, reason);
    count_up(&events->published);
}
static void on_subscribed(void *user, mqttlink_client *client, uint64_t id,
                          const mqttlink_error *error, const mqttlink_results *results) {
    events *events = user;
    (void)client;
    atomic_store(&events->id, id);
    CHECK(error || mqttlink_results_at(results, 0) == 1);
    count_up(&events->subscribed);
}
static void on_unsubscribed(void *user, mqttlink_client *client, uint64_t id,
                            const mqttlink_error *error, const mqttlink_results *results) {
    events *events = user;
    (void)client;
    atomic_store(&events->id, id);
    CHECK(!error && mqttlink_results_count(results) == 1);
    count_up(&events->unsubscribed);
}
static void on_packet(void *user, mqttlink_client *client, const mqttlink_packet *packet) {
    events *events = user;
    (void)client;
    size_t len;
    const unsigned char *bytes = mqttlink_packet_bytes(packet, &len);
    CHECK(len >= 2 && mqttlink_packet_text(packet)[0] != 0);
    if (bytes[0] == 0x10)
        CHECK(mqttlink_packet_direction(packet) == MQTTLINK_SENT);
    if (bytes[0] == 0x20)
        CHECK(mqttlink_packet_direction(packet) == MQTTLINK_RECEIVED);
    count_up(&events->packets);
}
static void count_free(void *user) { atomic_fetch_add(&((events *)user)->freed, 1); }

static mqttlink_options *listening(server *server, events *events) {
    mqttlink_options *options;
    OK(mqttlink_options_new(server_url(server), &options));
    OK(mqttlink_options_on_message(options, on_message, events, NULL));
    OK(mqttlink_options_on_connected(options, on_connected, events, NULL));
    OK(mqttlink_options_on_connect_failed(options, on_failed, events, NULL));
    OK(mqttlink_options_on_disconnected(options, on_disconnected, events, NULL));
    OK(mqttlink_options_on_server_disconnect(options, on_server_disconnect, events, NULL));
    OK(mqttlink_options_on_published(options, on_published, events, NULL));
    OK(mqttlink_options_on_subscribed(options, on_subscribed, events, NULL));
    OK(mqttlink_options_on_unsubscribed(options, on_unsubscribed, events, NULL));
    OK(mqttlink_options_on_packet(options, on_packet, events, NULL));
    return options;
}

static void every_event(server *server) {
    events events = NO_EVENTS;
    mqttlink_options *options = listening(server, &events);
    mqttlink_client *client;
    uint64_t id = 0;
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    wait_for(&events.connected, 1);

    mqttlink_subscription *subscription = mqttlink_subscription_new();
    OK(mqttlink_subscription_add(subscription, "a", 1));
    OK(mqttlink_client_subscribe_event(client, subscription, &id));
    wait_for(&events.subscribed, 1);
    CHECK(id != 0 && atomic_load(&events.id) == id);
    for (int qos = 0; qos < 3; qos++) {
        OK(mqttlink_client_publish_event(client, "a", "x", 1, qos, false, NULL, &id));
        wait_for(&events.published, qos + 1);
        CHECK(atomic_load(&events.id) == id && atomic_load(&events.status) == 0);
        wait_for(&events.messages, qos + 1);
    }
    OK(mqttlink_client_publish_event(client, "refuse", "x", 1, 1, false, NULL, &id));
    wait_for(&events.published, 4);
    CHECK(atomic_load(&events.status) == MQTTLINK_ERROR_PUBLISH_REFUSED);
    CHECK(atomic_load(&events.reason) == 0x87);
    const char *filter = "a";
    OK(mqttlink_client_unsubscribe_event(client, &filter, 1, NULL, &id));
    wait_for(&events.unsubscribed, 1);
    CHECK(atomic_load(&events.id) == id);
    OK(mqttlink_client_publish(client, "kick", "x", 1, 0, false, NULL, NULL));
    wait_for(&events.disconnected, 1);
    CHECK(count_now(&events.server_disconnects) == 1 && atomic_load(&events.reason) == 0x8b);
    CHECK(atomic_load(&events.status) == MQTTLINK_ERROR_SERVER_DISCONNECTED);
    CHECK(count_now(&events.packets) > 10);

    OK(mqttlink_options_set_client_id(options, "refused"));
    mqttlink_client *other;
    OK(mqttlink_client_new(options, &other));
    RETURNS(MQTTLINK_ERROR_REFUSED, mqttlink_client_connect(other, NULL));
    wait_for(&events.failed, 1);
    mqttlink_client_free(other);
    mqttlink_subscription_free(subscription);
    mqttlink_options_free(options);
    mqttlink_client_free(client);
}

/* Each subscription's messages go to its own callback; the others are left to receive. */
static void handlers(server *server) {
    events events = NO_EVENTS;
    mqttlink_options *options;
    mqttlink_client *client;
    mqttlink_message *message;
    mqttlink_subscription *subscription = mqttlink_subscription_new();
    OK(mqttlink_options_new(server_url(server), &options));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    OK(mqttlink_subscription_add(subscription, "a/+", 1));
    OK(mqttlink_subscription_set_handler(subscription, on_message, &events, count_free));
    OK(mqttlink_client_subscribe(client, subscription, NULL));
    OK(mqttlink_client_publish(client, "a/1", "x", 1, 1, false, NULL, NULL));
    OK(mqttlink_client_publish(client, "b", "x", 1, 1, false, NULL, NULL));
    wait_for(&events.messages, 1);
    OK(mqttlink_client_receive(client, WATCHDOG_MS, &message));
    CHECK(strcmp(mqttlink_message_topic(message), "b") == 0);
    mqttlink_message_free(message);
    OK(mqttlink_client_publish_then(client, "quiet", "x", 1, 2, false, NULL, on_published, &events,
                                    count_free));
    wait_for(&events.published, 1);
    CHECK(atomic_load(&events.id) == 0 && atomic_load(&events.status) == 0);
    mqttlink_subscription_free(subscription);
    mqttlink_client_free(client);
    CHECK(atomic_load(&events.freed) == 2);
    mqttlink_options_free(options);
}

typedef struct {
    mqttlink_client *client;
    counter done;
    atomic_int calls;
} inside;

/* Everything that waits, inside a callback, at every QoS. */
static void call_everything(void *user, mqttlink_client *client, const mqttlink_message *message) {
    inside *inside = user;
    if (strcmp(mqttlink_message_topic(message), "go") != 0)
        return;
    for (int qos = 0; qos < 3; qos++) {
        mqttlink_delivery *delivery;
        OK(mqttlink_client_publish(client, "quiet", "x", 1, qos, false, NULL, &delivery));
        OK(mqttlink_delivery_wait(delivery, WATCHDOG_MS));
        mqttlink_delivery_free(delivery);
        OK(mqttlink_client_subscribe_one(client, "b", qos, NULL));
        const char *filter = "b";
        OK(mqttlink_client_unsubscribe(client, &filter, 1, NULL, NULL));
    }
    mqttlink_statistics statistics;
    OK(mqttlink_client_statistics(client, &statistics, sizeof statistics));
    mqttlink_message *other;
    CHECK(mqttlink_client_receive(client, 1, &other) == MQTTLINK_ERROR_TIMEOUT_RECEIVE);
    OK(mqttlink_client_disconnect(client));
    OK(mqttlink_client_reconnect(client, NULL));
    OK(mqttlink_client_abort(client));
    OK(mqttlink_client_connect(client, NULL));
    mqttlink_client_free(client);
    RETURNS(MQTTLINK_ERROR_FREED, mqttlink_client_connect(client, NULL));
    count_up(&inside->done);
}

static void every_call_inside_a_callback(server *server) {
    for (int i = 0; i < 5; i++) {
        inside inside = {NULL, COUNTER, 0};
        mqttlink_options *options;
        OK(mqttlink_options_new(server_url(server), &options));
        OK(mqttlink_options_on_message(options, call_everything, &inside, NULL));
        OK(mqttlink_client_new(options, &inside.client));
        mqttlink_options_free(options);
        OK(mqttlink_client_connect(inside.client, NULL));
        OK(mqttlink_client_publish(inside.client, "go", "x", 1, i % 3, false, NULL, NULL));
        wait_for(&inside.done, 1);
    }
}

static void reconnect_at_once(void *user, mqttlink_client *client, const mqttlink_error *error) {
    inside *inside = user;
    if (error) {
        OK(mqttlink_client_reconnect(client, NULL));
        count_up(&inside->done);
    }
}

static void reconnecting_inside_disconnected(server *server) {
    inside inside = {NULL, COUNTER, 0};
    mqttlink_options *options;
    OK(mqttlink_options_new(server_url(server), &options));
    OK(mqttlink_options_on_disconnected(options, reconnect_at_once, &inside, NULL));
    OK(mqttlink_client_new(options, &inside.client));
    mqttlink_options_free(options);
    OK(mqttlink_client_connect(inside.client, NULL));
    for (int i = 1; i <= 100; i++) {
        server_cut(server);
        wait_for(&inside.done, i);
    }
    OK(mqttlink_client_disconnect(inside.client));
    mqttlink_client_free(inside.client);
}

static void free_at_once(void *user, mqttlink_client *client, const mqttlink_error *error) {
    inside *inside = user;
    (void)error;
    mqttlink_client_free(client);
    count_up(&inside->done);
}
static void count_calls(void *user, mqttlink_client *client, const mqttlink_error *error) {
    inside *inside = user;
    (void)client, (void)error;
    atomic_fetch_add(&inside->calls, 1);
}
static void count_freed(void *user) {
    inside *inside = user;
    count_up(&inside->done);
}

/* The callback that frees the client is its last one, also where another one would follow at once. */
static void freed_between_two_callbacks(server *server) {
    inside inside = {NULL, COUNTER, 0};
    mqttlink_options *options;
    OK(mqttlink_options_new(server_url(server), &options));
    OK(mqttlink_options_on_server_disconnect(options, free_at_once, &inside, NULL));
    OK(mqttlink_options_on_disconnected(options, count_calls, &inside, count_freed));
    OK(mqttlink_client_new(options, &inside.client));
    mqttlink_options_free(options);
    OK(mqttlink_client_connect(inside.client, NULL));
    OK(mqttlink_client_publish(inside.client, "kick", "x", 1, 0, false, NULL, NULL));
    wait_for(&inside.done, 2);
    CHECK(atomic_load(&inside.calls) == 0);
}

/* The context is known when the callback comes, however early that is. */
static void completion_never_precedes_its_context(server *server) {
    events events = NO_EVENTS;
    mqttlink_options *options = listening(server, &events);
    mqttlink_client *client;
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    uint64_t last = 0;
    for (int i = 0; i < 500; i++) {
        uint64_t id = 0;
        OK(mqttlink_client_publish_event(client, "quiet", "x", 1, i % 3, false, NULL, &id));
        CHECK(id > last);
        last = id;
    }
    wait_for(&events.published, 500);
    mqttlink_client_free(client);
    mqttlink_options_free(options);
}

/* Without a wait each message is taken or refused at once, and those that are taken have their outcome. */
static void publishing_without_waiting(server *server) {
    events events = NO_EVENTS;
    mqttlink_options *options = listening(server, &events);
    mqttlink_client *client;
    OK(mqttlink_options_set_window(options, 1));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    int taken = 0;
    for (int i = 0; i < 500; i++) {
        uint64_t id = 0;
        mqttlink_status status = mqttlink_client_publish_event_timeout(client, "quiet", "x", 1, 1, false,
                                                                       NULL, 0, &id);
        STATUS(status, status == MQTTLINK_OK || status == MQTTLINK_ERROR_WINDOW_FULL);
        taken += status == MQTTLINK_OK;
    }
    CHECK(taken > 0);
    wait_for(&events.published, taken);
    uint64_t id = 0;
    FAILS(MQTTLINK_ERROR_NUMBER, mqttlink_client_publish_event_timeout(client, "quiet", "x", 1, 1, false,
                                                                       NULL, -3, &id));
    mqttlink_client_free(client);
    mqttlink_options_free(options);
}

/* What is asked for in vain leaves no number behind. */
static void numbers_only_on_success(server *server) {
    events events = NO_EVENTS;
    mqttlink_options *options = listening(server, &events);
    mqttlink_subscription *subscription = mqttlink_subscription_new();
    mqttlink_client *client;
    const char *filter = "a";
    uint64_t id = 77;
    OK(mqttlink_subscription_add(subscription, filter, 0));
    OK(mqttlink_client_new(options, &client));
    FAILS(MQTTLINK_ERROR_NOT_CONNECTED, mqttlink_client_publish_event(client, "a", "x", 1, 1, false, NULL, &id));
    CHECK(id == 77);
    FAILS(MQTTLINK_ERROR_NOT_CONNECTED, mqttlink_client_subscribe_event(client, subscription, &id));
    CHECK(id == 77);
    FAILS(MQTTLINK_ERROR_NOT_CONNECTED, mqttlink_client_unsubscribe_event(client, &filter, 1, NULL, &id));
    CHECK(id == 77);
    FAILS(MQTTLINK_ERROR_NOT_CONNECTED, mqttlink_client_disconnect(client));
    mqttlink_client_free(client);
    mqttlink_subscription_free(subscription);
    mqttlink_options_free(options);
}

static int32_t auth_start(void *user, mqttlink_reply *reply) {
    count_up(user);
    OK(mqttlink_reply_set(reply, "first", 5));
    return 0;
}
static int32_t auth_respond(void *user, const void *challenge, size_t len, mqttlink_reply *reply) {
    CHECK(len == 4 && memcmp(challenge, "next", 4) == 0);
    count_up(user);
    OK(mqttlink_reply_set(reply, "answer", 6));
    return 0;
}
static int32_t auth_finish(void *user, const void *data, size_t len) {
    CHECK(len == 4 && memcmp(data, "next", 4) == 0);
    count_up(user);
    return 0;
}
static int32_t auth_refuse(void *user, mqttlink_reply *reply) {
    (void)user, (void)reply;
    return 42;
}

static void authentication(server *server) {
    counter steps = COUNTER;
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_options_new(server_url(server), &options));
    OK(mqttlink_options_set_authenticator(options, "TEST", auth_start, auth_respond, auth_finish,
                                          &steps, NULL));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    CHECK(count_now(&steps) == 3);
    OK(mqttlink_client_re_authenticate(client));
    CHECK(count_now(&steps) == 6);
    mqttlink_client_free(client);
    OK(mqttlink_options_set_authenticator(options, "TEST", auth_refuse, auth_respond, NULL, &steps,
                                          NULL));
    OK(mqttlink_client_new(options, &client));
    FAILS(MQTTLINK_ERROR_AUTHENTICATION_FAILED, mqttlink_client_connect(client, NULL));
    CHECK(strstr(mqttlink_last_error_message(), "42"));
    mqttlink_options *others;
    OK(mqttlink_options_new(server_url(server), &others));
    OK(mqttlink_options_set_authenticator(others, "TEST", auth_start, auth_respond, auth_finish,
                                          &steps, NULL));
    OK(mqttlink_client_reconfigure(client, others));
    OK(mqttlink_client_connect(client, NULL));
    CHECK(count_now(&steps) == 9);
    FAILS(MQTTLINK_ERROR_INVALID_STATE, mqttlink_client_reconfigure(client, options));
    mqttlink_client_free(client);
    mqttlink_options_free(others);
    mqttlink_options_free(options);
}

static void on_log(void *user, int32_t level, const char *text) {
    CHECK(level >= MQTTLINK_LOG_ERROR && level <= MQTTLINK_LOG_TRACE && *text != 0);
    CHECK(strstr(text, "secret") == NULL);
    OK(mqttlink_topic_check_name("calls are allowed"));
    count_up(user);
}

static void logging(server *server) {
    counter lines = COUNTER;
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_log_set(on_log, MQTTLINK_LOG_TRACE, &lines, NULL));
    OK(mqttlink_options_new(server_url(server), &options));
    OK(mqttlink_options_set_credentials(options, "user", "secret"));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    wait_for(&lines, 2);
    OK(mqttlink_log_set(NULL, MQTTLINK_LOG_OFF, NULL, NULL));
    int before = count_now(&lines);
    OK(mqttlink_client_disconnect(client));
    CHECK(count_now(&lines) == before);
    mqttlink_client_free(client);
    mqttlink_options_free(options);
}

/* The function waits in its first line until both threads that take it away have had time to return. */
typedef struct {
    counter called, started, over;
    atomic_bool open, inside;
} gate;
static void on_log_wait(void *user, int32_t level, const char *text) {
    gate *gate = user;
    (void)level, (void)text;
    atomic_store(&gate->inside, true);
    count_up(&gate->called);
    while (!atomic_load(&gate->open))
        sched_yield();
    atomic_store(&gate->inside, false);
}
static void *take_away(void *user) {
    gate *gate = user;
    count_up(&gate->started);
    OK(mqttlink_log_set(NULL, MQTTLINK_LOG_OFF, NULL, NULL));
    CHECK(!atomic_load(&gate->inside));
    count_up(&gate->over);
    return NULL;
}

static void log_taken_away_twice(server *server) {
    static gate gate = {COUNTER, COUNTER, COUNTER, false, false};
    pthread_t threads[2];
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_log_set(on_log_wait, MQTTLINK_LOG_TRACE, &gate, NULL));
    OK(mqttlink_options_new(server_url(server), &options));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    wait_for(&gate.called, 1);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, take_away, &gate) == 0);
    wait_for(&gate.started, 2);
    for (int i = 0; i < 1000 && count_now(&gate.over) == 0; i++)
        sched_yield();
    atomic_store(&gate.open, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    mqttlink_client_free(client);
    mqttlink_options_free(options);
}

static int32_t resolve(void *user, const char *host, uint16_t port, mqttlink_addresses *addresses) {
    count_up(user);
    CHECK(port == 7);
    if (strcmp(host, "unknown.invalid") == 0)
        return ENOENT;
    OK(mqttlink_addresses_add(addresses, "127.0.0.1", 1));
    return 0;
}

static void resolvers(void) {
    counter calls = COUNTER;
    const char *urls[] = {"mqtt://unknown.invalid:7", "mqtt://known.invalid:7"};
    mqttlink_status expected[] = {MQTTLINK_ERROR_HOST_NOT_FOUND, MQTTLINK_ERROR_CONNECT_FAILED};
    for (int i = 0; i < 2; i++) {
        mqttlink_options *options;
        mqttlink_client *client;
        OK(mqttlink_options_new(urls[i], &options));
        OK(mqttlink_options_set_resolver(options, resolve, &calls, NULL));
        OK(mqttlink_client_new(options, &client));
        FAILS(expected[i], mqttlink_client_connect(client, NULL));
        CHECK(i > 0 || mqttlink_error_os_code(mqttlink_last_error()) == ENOENT);
        mqttlink_client_free(client);
        mqttlink_options_free(options);
    }
    CHECK(count_now(&calls) == 2);
}

static mqttlink_client *signalled;
static void on_signal(int number) {
    (void)number;
    mqttlink_client_interrupt(signalled);
}

static void *raise_it(void *thread) {
    pthread_kill(*(pthread_t *)thread, SIGUSR1);
    return NULL;
}

/* A signal handler gets its program out of a call that waits, and the connection stays. */
static void interrupting(server *server) {
    mqttlink_options *options;
    mqttlink_message *message;
    pthread_t self = pthread_self(), other;
    signal(SIGUSR1, on_signal);
    OK(mqttlink_options_new(server_url(server), &options));
    OK(mqttlink_client_new(options, &signalled));
    OK(mqttlink_client_connect(signalled, NULL));
    for (int i = 0; i < 20; i++) {
        CHECK(pthread_create(&other, NULL, raise_it, &self) == 0);
        FAILS(MQTTLINK_ERROR_INTERRUPTED, mqttlink_client_receive(signalled, WATCHDOG_MS, &message));
        pthread_join(other, NULL);
    }
    CHECK(mqttlink_client_is_connected(signalled));
    OK(mqttlink_client_disconnect(signalled));
    mqttlink_client_free(signalled);
    mqttlink_options_free(options);
    signal(SIGUSR1, SIG_DFL);
}

/* The child of a fork cannot use the parent's client, but one of its own. */
static void forking(server *server) {
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_options_new(server_url(server), &options));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    pid_t child = fork();
    if (child == 0) {
        alarm(WATCHDOG_MS / 1000);
        mqttlink_client *own;
        FAILS(MQTTLINK_ERROR_FORKED,
              mqttlink_client_publish(client, "a", "x", 1, 0, false, NULL, NULL));
        mqttlink_client_free(client);
        OK(mqttlink_client_new(options, &own));
        OK(mqttlink_client_connect(own, NULL));
        mqttlink_message *message;
        OK(mqttlink_client_interrupt(own));
        FAILS(MQTTLINK_ERROR_INTERRUPTED, mqttlink_client_receive(own, WATCHDOG_MS, &message));
        mqttlink_client_free(own);
        /* What belongs to the parent's threads is lost here: not a matter for a leak check. */
        execlp("true", "true", (char *)NULL);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(mqttlink_client_is_connected(client));
    mqttlink_client_free(client);
    mqttlink_options_free(options);
}

/* The peer closes while much is being written: with the default disposition a SIGPIPE would kill. */
static void no_sigpipe(server *server) {
    static char payload[100000];
    mqttlink_options *options;
    mqttlink_client *client;
    signal(SIGPIPE, SIG_DFL);
    OK(mqttlink_options_new(server_url(server), &options));
    OK(mqttlink_client_new(options, &client));
    for (int i = 0; i < 10; i++) {
        OK(mqttlink_client_connect(client, NULL));
        OK(mqttlink_client_publish(client, "cut", "x", 1, 0, false, NULL, NULL));
        while (mqttlink_client_publish(client, "quiet", payload, sizeof payload, 0, false, NULL,
                                       NULL) == MQTTLINK_OK) {
        }
        mqttlink_client_abort(client);
    }
    mqttlink_client_free(client);
    mqttlink_options_free(options);
}

static int32_t open_socket(void *user, const char *host, uint16_t port, int64_t timeout_ms,
                           void **stream) {
    server *server = user;
    CHECK(strcmp(host, "device") == 0 && port == 1883 && timeout_ms > 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(server_port(server))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int *made = malloc(sizeof *made);
    *made = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(*made, (struct sockaddr *)&address, sizeof address) != 0)
        return errno;
    *stream = made;
    return 0;
}
static int64_t read_socket(void *stream, void *data, size_t size) {
    ssize_t count = recv(*(int *)stream, data, size, 0);
    return count < 0 ? -errno : count;
}
static int64_t write_socket(void *stream, const void *data, size_t size) {
    ssize_t count = send(*(int *)stream, data, size, MSG_NOSIGNAL);
    return count < 0 ? -errno : count;
}
static void close_socket(void *stream) { shutdown(*(int *)stream, SHUT_RDWR); }
static void free_socket(void *stream) {
    close(*(int *)stream);
    free(stream);
}

static void transports(server *server) {
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_options_new("mqtt://device", &options));
    OK(mqttlink_options_set_transport(options, open_socket, read_socket, write_socket, close_socket,
                                      free_socket, server, NULL));
    OK(mqttlink_client_new(options, &client));
    for (int i = 0; i < 3; i++) {
        mqttlink_message *message;
        OK(mqttlink_client_connect(client, NULL));
        OK(mqttlink_client_publish(client, "a", "x", 1, 2, false, NULL, NULL));
        OK(mqttlink_client_receive(client, WATCHDOG_MS, &message));
        mqttlink_message_free(message);
        OK(mqttlink_client_disconnect(client));
    }
    mqttlink_client_free(client);
    mqttlink_options_free(options);
}

int main(void) {
    server *server = server_start();
    every_event(server);
    handlers(server);
    every_call_inside_a_callback(server);
    reconnecting_inside_disconnected(server);
    freed_between_two_callbacks(server);
    publishing_without_waiting(server);
    numbers_only_on_success(server);
    completion_never_precedes_its_context(server);
    authentication(server);
    logging(server);
    log_taken_away_twice(server);
    resolvers();
    interrupting(server);
    forking(server);
    no_sigpipe(server);
    transports(server);
    server_stop(server);
    return 0;
}
