/* Closing keeps its deadline in every state, and leaves no thread behind. */
#include "scripted.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEADLINE_MS 1000
/* What closing may take beyond its deadline where threads run as soon as they can; CLOSING_SLACK_MS says
 * something else, and in CI nobody knows what else the machine does. */
static int slack_ms = 100;

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The longest time by which a thread that slept was woken too late since it was last asked for. Closing
 * takes the turns of several threads, each of which may be late. */
#define TICK_MS 5
#define TURNS 20
static atomic_int late_ms;
static void *be_late(void *unused) {
    for (;;) {
        int64_t start = now_ms();
        usleep(TICK_MS * 1000);
        int late = (int)(now_ms() - start) - TICK_MS;
        if (late > atomic_load(&late_ms))
            atomic_store(&late_ms, late);
    }
    return unused;
}

static int slack(void) {
    /* A thread that is late this very moment tells when it runs again. */
    usleep(2 * TICK_MS * 1000);
    return slack_ms + TURNS * atomic_exchange(&late_ms, 0);
}

static int threads(void) {
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    while (readdir(tasks))
        count++;
    closedir(tasks);
    return count - 2;
}

/* The ways to close. */
typedef void closing(mqttlink_client *client);
static void by_abort(mqttlink_client *client) { OK(mqttlink_client_abort(client)); }
static void by_disconnect(mqttlink_client *client) {
    mqttlink_client_disconnect_with(client, DEADLINE_MS - 100, 0, NULL, NULL);
}
static void by_free(mqttlink_client *client) { mqttlink_client_free(client); }

static closing *const CLOSINGS[] = {by_abort, by_disconnect, by_free};
static const char *const NAMES[] = {"abort", "disconnect", "free"};

/* A client in some state, and the thread that brought it there, if it takes one. */
typedef struct {
    mqttlink_client *client;
    mqttlink_options *options;
    scripted *peer;
    server *server;
    pthread_t thread;
    bool has_thread;
    counter reached;
    int sockets[8];
    int socket_count;
} scene;

static const script PROPER = {0};
static const script NO_CONNACK = {.connack = "", .connack_len = 0};

static void client_for(scene *scene, unsigned short port) {
    OK(mqttlink_options_new_for("127.0.0.1", port, &scene->options));
}

static void made(scene *scene) { OK(mqttlink_client_new(scene->options, &scene->client)); }

static void *connect_in_vain(void *argument) {
    scene *scene = argument;
    count_up(&scene->reached);
    NOT_OK(mqttlink_client_connect(scene->client, NULL));
    return NULL;
}

static void in_a_thread(scene *scene, void *(*run)(void *)) {
    CHECK(pthread_create(&scene->thread, NULL, run, scene) == 0);
    scene->has_thread = true;
}

/* Waits until the client says so. */
static void until(scene *scene, mqttlink_state state) {
    WAIT_UNTIL(mqttlink_client_state(scene->client) == state);
}

static void connecting(scene *scene) {
    made(scene);
    in_a_thread(scene, connect_in_vain);
    until(scene, MQTTLINK_CONNECTING);
}

static void connected_to(scene *scene, const script *script) {
    scene->peer = scripted_start(script);
    client_for(scene, scripted_port(scene->peer));
    made(scene);
    OK(mqttlink_client_connect(scene->client, NULL));
}

/* The states. */

static void before_connect(scene *scene) {
    client_for(scene, 1);
    made(scene);
}

static atomic_int lookups;
static atomic_bool look_on;
static int32_t hanging_lookup(void *user, const char *host, uint16_t port,
                              mqttlink_addresses *addresses) {
    (void)host, (void)port, (void)addresses;
    count_up(&((scene *)user)->reached);
    while (atomic_load(&look_on))
        usleep(1000);
    atomic_fetch_sub(&lookups, 1);
    return 2;
}
static void looking_up(scene *scene) {
    atomic_store(&look_on, true);
    atomic_fetch_add(&lookups, 1);
    OK(mqttlink_options_new("mqtt://device.invalid", &scene->options));
    OK(mqttlink_options_set_resolver(scene->options, hanging_lookup, scene, NULL));
    connecting(scene);
    wait_for(&scene->reached, 2);
}

/* With its backlog full the system drops what else wants to connect. */
static void no_answer_to_syn(scene *scene) {
    unsigned short port;
    scene->sockets[scene->socket_count++] = listen_on_loopback(0, &port);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 4; i++) {
        int filler = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(filler, (struct sockaddr *)&address, sizeof address);
        scene->sockets[scene->socket_count++] = filler;
    }
    client_for(scene, port);
    connecting(scene);
}

static void handshaking(scene *scene) {
    scene->peer = scripted_start(NULL);
    client_for(scene, scripted_port(scene->peer));
    mqttlink_tls *tls = mqttlink_tls_new();
    OK(mqttlink_options_set_tls(scene->options, tls));
    mqttlink_tls_free(tls);
    connecting(scene);
}

static void awaiting_connack(scene *scene) {
    scene->peer = scripted_start(&NO_CONNACK);
    client_for(scene, scripted_port(scene->peer));
    connecting(scene);
}

static void at_rest(scene *scene) { connected_to(scene, &PROPER); }

static void unacknowledged(scene *scene) {
    connected_to(scene, &PROPER);
    OK(mqttlink_client_publish(scene->client, "a", "x", 1, 1, false, NULL, NULL));
}

static void cut(scene *scene) {
    scene->server = server_start();
    client_for(scene, server_port(scene->server));
    made(scene);
    OK(mqttlink_client_connect(scene->client, NULL));
    server_cut(scene->server);
}

/* The peer reads nothing after CONNECT, and both buffers are full. */
static void *accept_and_rest(void *argument) {
    scene *scene = argument;
    unsigned char first;
    size_t len;
    int link = accept(scene->sockets[0], NULL, NULL);
    scene->sockets[scene->socket_count++] = link;
    free(read_packet(link, &first, &len));
    CHECK(send(link, "\x20\3\0\0\0", 5, MSG_NOSIGNAL) == 5);
    return NULL;
}
static void unread(scene *scene) {
    static char block[1 << 16];
    unsigned short port;
    pthread_t peer;
    scene->sockets[scene->socket_count++] = listen_on_loopback(1, &port);
    CHECK(pthread_create(&peer, NULL, accept_and_rest, scene) == 0);
    client_for(scene, port);
    OK(mqttlink_options_set_out_buffer_max(scene->options, 1 << 20));
    made(scene);
    OK(mqttlink_client_connect(scene->client, NULL));
    pthread_join(peer, NULL);
    while (mqttlink_client_publish_timeout(scene->client, "a", block, sizeof block, 0, false, NULL,
                                           50, NULL) == MQTTLINK_OK) {}
    CHECK(mqttlink_error_status(mqttlink_last_error()) == MQTTLINK_ERROR_TIMEOUT_ROOM);
}

static void *receive_in_vain(void *argument) {
    scene *scene = argument;
    mqttlink_message *message;
    count_up(&scene->reached);
    NOT_OK(mqttlink_client_receive(scene->client, MQTTLINK_FOREVER, &message));
    return NULL;
}
static void receiving(scene *scene) {
    connected_to(scene, &PROPER);
    in_a_thread(scene, receive_in_vain);
    wait_for(&scene->reached, 1);
}

/* A stream of the program's own whose read takes CONNACK and then heeds nothing, not even its end. */
static counter written = COUNTER;
static atomic_bool stuck;
static atomic_int ends;
static int32_t stuck_open(void *user, const char *host, uint16_t port, int64_t timeout_ms, void **stream) {
    (void)host, (void)port, (void)timeout_ms;
    *stream = user;
    return 0;
}
static int64_t stuck_read(void *stream, void *data, size_t size) {
    (void)size;
    wait_for(&written, 1);
    if (atomic_exchange((atomic_bool *)stream, true)) {
        while (atomic_load(&stuck))
            usleep(1000);
        return 0;
    }
    memcpy(data, "\x20\3\0\0\0", 5);
    return 5;
}
static int64_t stuck_write(void *stream, const void *data, size_t size) {
    (void)stream, (void)data;
    count_up(&written);
    return (int64_t)size;
}
static void stuck_close(void *stream) {
    (void)stream;
    atomic_fetch_add(&ends, 1);
}
static void stuck_in_read(scene *scene) {
    static atomic_bool answered;
    atomic_store(&answered, false);
    atomic_store(&stuck, true);
    atomic_store(&ends, 0);
    written.count = 0;
    client_for(scene, 1);
    OK(mqttlink_options_set_transport(scene->options, stuck_open, stuck_read, stuck_write, stuck_close, NULL,
                                      &answered, NULL));
    made(scene);
    OK(mqttlink_client_connect(scene->client, NULL));
}

/* The connection is lost, and the callback that is told connects again, to one who does not answer. */

static void connect_again(void *user, mqttlink_client *client, const mqttlink_error *error) {
    (void)user, (void)error;
    while (mqttlink_client_reconnect(client, NULL) == MQTTLINK_OK) {}
}
static void reconnecting(scene *scene) {
    unsigned short port;
    pthread_t peer;
    scene->sockets[scene->socket_count++] = listen_on_loopback(1, &port);
    CHECK(pthread_create(&peer, NULL, accept_and_rest, scene) == 0);
    client_for(scene, port);
    OK(mqttlink_options_on_disconnected(scene->options, connect_again, NULL, NULL));
    made(scene);
    OK(mqttlink_client_connect(scene->client, NULL));
    pthread_join(peer, NULL);
    shutdown(scene->sockets[1], SHUT_RDWR);
    until(scene, MQTTLINK_CONNECTING);
}

static const struct {
    const char *name;
    void (*reach)(scene *scene);
    int longer_ms;
} STATES[] = {
    {"before connect", before_connect, 0},
    {"looking up", looking_up, 0},
    {"connecting the socket", no_answer_to_syn, 0},
    {"negotiating TLS", handshaking, 0},
    {"awaiting CONNACK", awaiting_connack, 0},
    {"at rest", at_rest, 0},
    {"with a message unacknowledged", unacknowledged, 0},
    {"with the link cut", cut, 0},
    {"with a peer that reads nothing", unread, 0},
    {"while another thread receives", receiving, 0},
    {"while it reconnects", reconnecting, 0},
    {"with a stream that is stuck in read", stuck_in_read, 5000},
};

static void leave(scene *scene) {
    mqttlink_client_free(scene->client);
    atomic_store(&look_on, false);
    if (scene->has_thread)
        pthread_join(scene->thread, NULL);
    if (scene->peer)
        scripted_stop(scene->peer);
    if (scene->server)
        server_stop(scene->server);
    for (int i = 0; i < scene->socket_count; i++)
        close(scene->sockets[i]);
    mqttlink_options_free(scene->options);
}

/* Threads that have been joined may still be listed for a moment, and a lookup cannot be interrupted. */
static void only_these_threads(int expected, const char *state, const char *closing) {
    int64_t limit = now_ms() + WATCHDOG_MS;
    while (threads() > expected || atomic_load(&lookups) > 0) {
        if (now_ms() > limit) {
            fprintf(stderr, "%s, %s: %d threads instead of %d\n", state, closing, threads(), expected);
            abort();
        }
        sched_yield();
    }
}

static void close_in(size_t state, size_t how, int before) {
    scene scene = {.reached = COUNTER};
    STATES[state].reach(&scene);
    atomic_store(&late_ms, 0);
    int64_t start = now_ms();
    CLOSINGS[how](scene.client);
    int64_t took = now_ms() - start;
    /* To free writes what was accepted for up to a second, and gives the server another. */
    int limit = (CLOSINGS[how] == by_free ? 2 : 1) * DEADLINE_MS + STATES[state].longer_ms + slack();
    if (took > limit) {
        fprintf(stderr, "%s %s took %d ms, at most %d\n", NAMES[how], STATES[state].name, (int)took,
                limit);
        abort();
    }
    /* Beyond its deadline it waits for nobody, also not for a thread that connects and does not get to run. */
    if (took < DEADLINE_MS && mqttlink_client_state(scene.client) != MQTTLINK_DISCONNECTED) {
        fprintf(stderr, "%s %s: not disconnected after %d ms\n", NAMES[how], STATES[state].name, (int)took);
        abort();
    }
    CHECK(!atomic_exchange(&stuck, false) || atomic_load(&ends) == 1);
    wait_disconnected(scene.client);
    leave(&scene);
    only_these_threads(before, STATES[state].name, NAMES[how]);
}

/* Inside the client's own callback. */
static closing *inside;
static int64_t took_inside;
static void close_inside(void *user, mqttlink_client *client, const mqttlink_message *message) {
    (void)message;
    int64_t start = now_ms();
    inside(client);
    took_inside = now_ms() - start;
    count_up(user);
}

static void close_in_callback(size_t how, int before) {
    counter called = COUNTER;
    server *server = server_start();
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_options_new(server_url(server), &options));
    OK(mqttlink_options_on_message(options, close_inside, &called, NULL));
    OK(mqttlink_client_new(options, &client));
    OK(mqttlink_client_connect(client, NULL));
    inside = CLOSINGS[how];
    atomic_store(&late_ms, 0);
    OK(mqttlink_client_publish(client, "a", "x", 1, 1, false, NULL, NULL));
    wait_for(&called, 1);
    CHECK(took_inside <= 2 * DEADLINE_MS + slack());
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    server_stop(server);
    only_these_threads(before, "in a callback", NAMES[how]);
}

int main(void) {
    const char *given = getenv("CLOSING_SLACK_MS");
    slack_ms = given ? atoi(given) : getenv("CI") ? 5000 : slack_ms;
    pthread_t metronome;
    CHECK(pthread_create(&metronome, NULL, be_late, NULL) == 0);
    pthread_detach(metronome);
    /* The thread for signals begins with the first client and stays. */
    scene first = {.reached = COUNTER};
    before_connect(&first);
    leave(&first);
    int before = threads();
    for (size_t how = 0; how < sizeof CLOSINGS / sizeof *CLOSINGS; how++) {
        for (size_t state = 0; state < sizeof STATES / sizeof *STATES; state++)
            close_in(state, how, before);
        close_in_callback(how, before);
    }
    return 0;
}
