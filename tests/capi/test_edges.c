/* What a program seldom does and may do: calls inside the functions that free its pointers, forks while other
 * threads are in the library, signals while it connects, numbers that no function should return. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server.h"

static void on_message(void *user, mqttlink_client *client, const mqttlink_message *message) {
    (void)user, (void)client, (void)message;
}
static void on_event(void *user, mqttlink_broker *broker, const mqttlink_broker_event *event) {
    (void)user, (void)broker, (void)event;
}
static int32_t begin(void *user, mqttlink_broker *broker, const mqttlink_peer *peer, void **exchange) {
    (void)user, (void)broker, (void)peer, (void)exchange;
    return 0;
}
static int32_t step(void *exchange, const void *data, size_t len, mqttlink_reply *reply) {
    (void)exchange, (void)data, (void)len, (void)reply;
    return 0;
}
static int32_t verify(void *user, const char *host, const void *certificate, size_t len) {
    (void)user, (void)host, (void)certificate, (void)len;
    return 1;
}

static int freed;
static void use_options(void *options) {
    OK(mqttlink_options_set_keep_alive(options, 1));
    freed++;
}
static void use_broker_options(void *options) {
    OK(mqttlink_broker_options_set(options, MQTTLINK_BROKER_CONNECTIONS, 7));
    freed++;
}
static void use_subscription(void *subscription) {
    OK(mqttlink_subscription_add(subscription, "a", 0));
    freed++;
}
static void use_tls(void *tls) {
    OK(mqttlink_tls_set_sni(tls, true));
    freed++;
}

/* The function that frees a pointer runs under no lock: it may use what the pointer was registered with. */
static void calls_while_a_pointer_is_freed(void) {
    mqttlink_options *options;
    mqttlink_broker_options *broker;
    mqttlink_subscription *subscription = mqttlink_subscription_new();
    mqttlink_tls *tls = mqttlink_tls_new();
    OK(mqttlink_options_new("mqtt://localhost", &options));
    OK(mqttlink_broker_options_new(&broker));
    for (int i = 0; i < 2; i++) {
        OK(mqttlink_options_on_message(options, on_message, options, use_options));
        OK(mqttlink_broker_options_on_event(broker, on_event, broker, use_broker_options));
        OK(mqttlink_broker_options_on_exchange(broker, begin, step, NULL, broker, use_broker_options));
        OK(mqttlink_subscription_set_handler(subscription, on_message, subscription,
                                             use_subscription));
        OK(mqttlink_tls_set_verifier(tls, verify, tls, use_tls));
    }
    CHECK(freed == 5);
    FAILS(MQTTLINK_ERROR_NULL,
          mqttlink_broker_options_on_exchange(broker, begin, NULL, NULL, broker, use_broker_options));
    CHECK(freed == 6);
    OK(mqttlink_options_on_message(options, NULL, NULL, NULL));
    OK(mqttlink_broker_options_on_event(broker, NULL, NULL, NULL));
    OK(mqttlink_broker_options_on_exchange(broker, NULL, NULL, NULL, NULL, NULL));
    OK(mqttlink_subscription_set_handler(subscription, NULL, NULL, NULL));
    CHECK(freed == 10);
    OK(mqttlink_tls_set_verifier(tls, verify, NULL, NULL));
    CHECK(freed == 11);
    mqttlink_tls_free(tls);
    mqttlink_subscription_free(subscription);
    mqttlink_broker_options_free(broker);
    mqttlink_options_free(options);
}

static void count_freed(void *user) { ++*(int *)user; }
static int32_t find_nothing(void *user, const char *host, uint16_t port, mqttlink_addresses *addresses) {
    (void)user, (void)host, (void)port, (void)addresses;
    return 1;
}
static int32_t open_none(void *user, const char *host, uint16_t port, int64_t timeout_ms, void **stream) {
    (void)user, (void)host, (void)port, (void)timeout_ms, (void)stream;
    return 1;
}
static int64_t read_none(void *stream, void *data, size_t size) {
    (void)stream, (void)data, (void)size;
    return 0;
}
static int64_t write_none(void *stream, const void *data, size_t size) {
    (void)stream, (void)data, (void)size;
    return -1;
}
static void close_none(void *stream) { (void)stream; }
static int32_t start_nothing(void *user, mqttlink_reply *reply) {
    (void)user, (void)reply;
    return 1;
}
static int32_t respond_nothing(void *user, const void *challenge, size_t len, mqttlink_reply *reply) {
    (void)user, (void)challenge, (void)len, (void)reply;
    return 1;
}

/* What a later call replaces goes at once, not with the options. */
static void what_is_replaced_goes(void) {
    mqttlink_options *options;
    int resolvers = 0, transports = 0, authenticators = 0;
    OK(mqttlink_options_new("mqtt://localhost", &options));
    for (int i = 0; i < 10; i++) {
        OK(mqttlink_options_set_resolver(options, find_nothing, &resolvers, count_freed));
        OK(mqttlink_options_set_transport(options, open_none, read_none, write_none, close_none, NULL,
                                          &transports, count_freed));
        OK(mqttlink_options_set_authenticator(options, "X", start_nothing, respond_nothing, NULL,
                                              &authenticators, count_freed));
        CHECK(resolvers == i && transports == i && authenticators == i);
    }
    mqttlink_options_free(options);
    CHECK(resolvers == 10 && transports == 10 && authenticators == 10);
}

static int64_t wrong_count;
static int32_t open_nothing(void *user, const char *host, uint16_t port, int64_t timeout_ms,
                            void **stream) {
    (void)user, (void)host, (void)port, (void)timeout_ms;
    *stream = NULL;
    return 0;
}
static int64_t read_nonsense(void *stream, void *data, size_t size) {
    (void)stream, (void)data, (void)size;
    return wrong_count;
}
static int64_t write_all(void *stream, const void *data, size_t size) {
    (void)stream, (void)data;
    return (int64_t)size;
}
static void close_nothing(void *stream) { (void)stream; }

/* What a stream says that it has read, whatever it is, ends the attempt and nothing else. */
static void streams_that_lie(void) {
    const int64_t counts[] = {INT64_MIN, INT64_MAX, INT64_MIN + 1, -(int64_t)UINT32_MAX, -ECONNRESET};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        mqttlink_options *options;
        mqttlink_client *client;
        wrong_count = counts[i];
        OK(mqttlink_options_new("mqtt://nowhere", &options));
        OK(mqttlink_options_set_transport(options, open_nothing, read_nonsense, write_all,
                                          close_nothing, NULL, NULL, NULL));
        OK(mqttlink_client_new(options, &client));
        FAILS(MQTTLINK_ERROR_CONNECTION_LOST, mqttlink_client_connect(client, NULL));
        mqttlink_client_free(client);
        mqttlink_options_free(options);
    }
}

static void on_log(void *user, int32_t level, const char *text) {
    (void)user, (void)level, (void)text;
}

static void in_child(void (*run)(void)) {
    pid_t child = fork();
    if (child == 0) {
        alarm(WATCHDOG_MS / 1000);
        run();
        /* What belongs to the parent's threads is lost here: not a matter for a leak check. */
        execlp("true", "true", (char *)NULL);
    }
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void make_one_of_each(void) {
    mqttlink_broker_options *setup;
    mqttlink_broker *broker;
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_broker_options_new(&setup));
    OK(mqttlink_broker_start(setup, &broker));
    OK(mqttlink_options_new_in_process(broker, &options));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    mqttlink_broker_free(broker);
    mqttlink_broker_options_free(setup);
}

static void new_log(void) {
    OK(mqttlink_log_set(on_log, MQTTLINK_LOG_TRACE, NULL, NULL));
    make_one_of_each();
    OK(mqttlink_log_set(NULL, MQTTLINK_LOG_OFF, NULL, NULL));
}

/* The thread of the parent's log is not there, and nobody waits for it. */
static void the_log_of_a_parent(void) {
    OK(mqttlink_log_set(on_log, MQTTLINK_LOG_TRACE, NULL, NULL));
    in_child(make_one_of_each);
    in_child(new_log);
    OK(mqttlink_log_set(NULL, MQTTLINK_LOG_OFF, NULL, NULL));
}

static atomic_bool stop;
static void *make_and_free(void *unused) {
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_options_new("mqtt://localhost", &options));
    while (!atomic_load(&stop)) {
        OK(mqttlink_client_new(options, &client));
        OK(mqttlink_client_interrupt(client));
        mqttlink_client_free(client);
    }
    mqttlink_options_free(options);
    return unused;
}

/* A fork while other threads make and free clients leaves the child a library that works. */
static void forks_at_any_moment(void) {
    pthread_t threads[3];
    const char *set = getenv("FORKS");
    int forks = set ? atoi(set) : 300;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, make_and_free, NULL) == 0);
    for (int i = 0; i < forks; i++)
        in_child(make_one_of_each);
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

static atomic_int signals;
static void count_signal(int number) {
    (void)number;
    atomic_fetch_add(&signals, 1);
}

static void *connect_in_vain(void *client) {
    NOT_OK(mqttlink_client_connect(client, NULL));
    return NULL;
}

/* A signal that comes while TLS is negotiated does not end the attempt. */
static void signals_while_negotiating(void) {
    unsigned short port;
    unsigned char first;
    mqttlink_options *options;
    mqttlink_client *client;
    pthread_t thread;
    int listener = listen_on_loopback(1, &port);
    signal(SIGUSR1, count_signal);
    OK(mqttlink_options_new_for("127.0.0.1", port, &options));
    mqttlink_tls *tls = mqttlink_tls_new();
    OK(mqttlink_options_set_tls(options, tls));
    OK(mqttlink_client_new(options, &client));
    CHECK(pthread_create(&thread, NULL, connect_in_vain, client) == 0);
    int link = accept(listener, NULL, NULL);
    /* The client waits for the answer to this, or is about to. */
    CHECK(recv(link, &first, 1, 0) == 1 && first == 0x16);
    for (int i = 1; i <= 100; i++) {
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        while (atomic_load(&signals) < i) {
            CHECK(mqttlink_client_state(client) == MQTTLINK_CONNECTING);
            sched_yield();
        }
    }
    CHECK(mqttlink_client_state(client) == MQTTLINK_CONNECTING);
    OK(mqttlink_client_abort(client));
    pthread_join(thread, NULL);
    signal(SIGUSR1, SIG_DFL);
    close(link);
    close(listener);
    mqttlink_client_free(client);
    mqttlink_tls_free(tls);
    mqttlink_options_free(options);
}

int main(void) {
    calls_while_a_pointer_is_freed();
    what_is_replaced_goes();
    streams_that_lie();
    the_log_of_a_parent();
    forks_at_any_moment();
    signals_while_negotiating();
    puts("edges: ok");
    return 0;
}
