/* The end of a stream of the program's own: who runs its last functions, and that nobody waits for ever for those
 * that do not return. */
#include "check.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdbool.h>

/* What closing may take where the stream does not do its part, what connecting may, and what a loaded machine adds. */
#define LEFT_BEHIND_MS 5000
#define CONNECT_MS 3000
#define SLACK_MS 15000

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum part { NOWHERE, READ, CLOSE, FREE };

/* A server and a stream in one: it accepts the client, and says nothing more until it is closed. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* CONNECT has come, CONNACK has gone, the stream is closed. */
    bool asked, answered, closed;
    /* The reason in the DISCONNECT that came, and whether the server had ended the stream before it was closed. */
    int goodbye;
    bool ended;
    /* Whether it answers CONNECT at all. */
    bool mute;
    /* Which function does not return, until it may. */
    enum part stuck;
    mqttlink_client *client;
    /* What is done in `close` and `free` of the stream. */
    void (*in_close)(void);
    void (*in_free)(mqttlink_client *client);
    counter closes, frees;
} wire;

static void hang(wire *wire, enum part part) {
    while (wire->stuck == part)
        pthread_cond_wait(&wire->changed, &wire->lock);
}

static void release(wire *wire) {
    pthread_mutex_lock(&wire->lock);
    wire->stuck = NOWHERE;
    pthread_cond_broadcast(&wire->changed);
    pthread_mutex_unlock(&wire->lock);
}

static int32_t wire_open(void *user, const char *host, uint16_t port, int64_t timeout_ms, void **stream) {
    wire *wire = user;
    (void)host, (void)port, (void)timeout_ms;
    wire->asked = wire->answered = wire->closed = wire->ended = false;
    wire->goodbye = -1;
    *stream = wire;
    return 0;
}
static int64_t wire_read(void *stream, void *data, size_t size) {
    wire *wire = stream;
    int64_t count = 0;
    pthread_mutex_lock(&wire->lock);
    while (!wire->closed && wire->goodbye < 0 && (!wire->asked || wire->answered || wire->mute))
        pthread_cond_wait(&wire->changed, &wire->lock);
    hang(wire, READ);
    if (!wire->closed && wire->goodbye < 0) {
        wire->answered = true;
        CHECK(size >= 5);
        memcpy(data, "\x20\3\0\0\0", 5);
        count = 5;
    }
    pthread_mutex_unlock(&wire->lock);
    return count;
}
static int64_t wire_write(void *stream, const void *data, size_t size) {
    wire *wire = stream;
    const unsigned char *bytes = data;
    pthread_mutex_lock(&wire->lock);
    wire->asked = true;
    if (bytes[0] == 0xe0)
        wire->goodbye = bytes[1] > 0 ? bytes[2] : 0;
    pthread_cond_broadcast(&wire->changed);
    pthread_mutex_unlock(&wire->lock);
    return (int64_t)size;
}
static void wire_close(void *stream) {
    wire *wire = stream;
    pthread_mutex_lock(&wire->lock);
    wire->closed = true;
    wire->ended = wire->goodbye >= 0;
    pthread_cond_broadcast(&wire->changed);
    hang(wire, CLOSE);
    pthread_mutex_unlock(&wire->lock);
    if (wire->in_close)
        wire->in_close();
    count_up(&wire->closes);
}
static void wire_free(void *stream) {
    wire *wire = stream;
    pthread_mutex_lock(&wire->lock);
    hang(wire, FREE);
    pthread_mutex_unlock(&wire->lock);
    if (wire->in_free)
        wire->in_free(wire->client);
    count_up(&wire->frees);
}

#define WIRE {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .closes = COUNTER, .frees = COUNTER}

static void make(wire *wire, int connect_timeout_ms) {
    mqttlink_options *options;
    OK(mqttlink_options_new("mqtt://device", &options));
    OK(mqttlink_options_set_connect_timeout(options, connect_timeout_ms));
    OK(mqttlink_options_set_transport(options, wire_open, wire_read, wire_write, wire_close, wire_free, wire, NULL));
    OK(mqttlink_client_new(options, &wire->client));
    mqttlink_options_free(options);
}

static bool is_there(const char *thread) {
    char path[300], name[32] = "";
    bool found = false;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *task; !found && (task = readdir(tasks));) {
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        FILE *comm = fopen(path, "r");
        found = comm && fgets(name, sizeof name, comm) && strncmp(name, thread, strlen(thread)) == 0;
        if (comm)
            fclose(comm);
    }
    closedir(tasks);
    return found;
}

/* The reader gets every chance to be done with the connection before the stream is closed. */
static void let_the_reader_end(void) {
    int64_t until = now_ms() + 500;
    /* Where it waits for this function it does not end. */
    while (is_there("mqttlink-reader") && now_ms() < until)
        sched_yield();
}

static void connect_in_vain(mqttlink_client *client) {
    RETURNS(MQTTLINK_ERROR_WOULD_DEADLOCK, mqttlink_client_connect(client, NULL));
}

/* Whoever frees the stream does it for the connection, whose end waits for that. */
static void the_last_function_is_waited_for(void) {
    wire wire = WIRE;
    make(&wire, WATCHDOG_MS);
    OK(mqttlink_client_connect(wire.client, NULL));
    wire.in_close = let_the_reader_end;
    wire.in_free = connect_in_vain;
    OK(mqttlink_client_abort(wire.client));
    CHECK(count_now(&wire.closes) == 1 && count_now(&wire.frees) == 1);
    CHECK(mqttlink_client_state(wire.client) == MQTTLINK_DISCONNECTED);
    mqttlink_client_free(wire.client);
}

/* A stream cannot be closed by half: in MQTT 5.0 the server is asked to close it, and to publish the will. */
static void the_server_is_asked_to_end(void) {
    wire wire = WIRE;
    make(&wire, WATCHDOG_MS);
    OK(mqttlink_client_connect(wire.client, NULL));
    mqttlink_client_free(wire.client);
    CHECK(wire.goodbye == 4 && wire.ended);
    CHECK(count_now(&wire.closes) == 1 && count_now(&wire.frees) == 1);
}

typedef mqttlink_status ending(mqttlink_client *client);

static mqttlink_status by_free(mqttlink_client *client) {
    mqttlink_client_free(client);
    return MQTTLINK_OK;
}
static mqttlink_status by_connect(mqttlink_client *client) {
    return mqttlink_client_connect(client, NULL);
}

/* One function of a stream that does not return, and a call that ends the connection meanwhile. */
typedef struct {
    enum part stuck;
    ending *end;
    const char *text;
    pthread_t thread;
} scene;

static scene SCENES[] = {
    {READ, mqttlink_client_abort, "abort, stuck in read", 0},
    {READ, by_connect, "connect in vain, stuck in read", 0},
    {CLOSE, mqttlink_client_abort, "abort, stuck in close", 0},
    {CLOSE, mqttlink_client_disconnect, "disconnect, stuck in close", 0},
    {CLOSE, by_free, "free, stuck in close", 0},
    {CLOSE, by_connect, "connect in vain, stuck in close", 0},
    {FREE, mqttlink_client_abort, "abort, stuck in free", 0},
    {FREE, mqttlink_client_disconnect, "disconnect, stuck in free", 0},
    {FREE, by_free, "free, stuck in free", 0},
    {FREE, by_connect, "connect in vain, stuck in free", 0},
};

static void *nobody_waits_for_ever(void *argument) {
    const scene *scene = argument;
    wire wire = WIRE;
    wire.mute = scene->end == by_connect;
    make(&wire, CONNECT_MS);
    if (!wire.mute)
        OK(mqttlink_client_connect(wire.client, NULL));
    pthread_mutex_lock(&wire.lock);
    wire.stuck = scene->stuck;
    pthread_mutex_unlock(&wire.lock);
    int64_t begun = now_ms();
    mqttlink_status status = scene->end(wire.client);
    int64_t took = now_ms() - begun;
    if (took > CONNECT_MS + LEFT_BEHIND_MS + SLACK_MS) {
        fprintf(stderr, "%s: %lld ms\n", scene->text, (long long)took);
        abort();
    }
    STATUS(status, status == (wire.mute ? MQTTLINK_ERROR_TIMEOUT_CONNACK : MQTTLINK_OK));
    CHECK(count_now(&wire.frees) == 0);
    if (scene->end != by_free) {
        /* What is left behind keeps the client from another connection, and from nothing else. */
        CHECK(mqttlink_client_state(wire.client) == MQTTLINK_DISCONNECTING);
        RETURNS(MQTTLINK_ERROR_TIMEOUT_TCP, mqttlink_client_connect(wire.client, NULL));
        OK(mqttlink_client_abort(wire.client));
    }
    release(&wire);
    wait_for(&wire.frees, 1);
    CHECK(count_now(&wire.closes) == 1);
    if (scene->end != by_free) {
        wait_disconnected(wire.client);
        wire.mute = false;
        OK(mqttlink_client_connect(wire.client, NULL));
        OK(mqttlink_client_abort(wire.client));
        CHECK(count_now(&wire.closes) == 2 && count_now(&wire.frees) == 2);
        mqttlink_client_free(wire.client);
    }
    return NULL;
}

int main(void) {
    the_last_function_is_waited_for();
    the_server_is_asked_to_end();
    for (size_t i = 0; i < sizeof SCENES / sizeof *SCENES; i++)
        CHECK(pthread_create(&SCENES[i].thread, NULL, nobody_waits_for_ever, &SCENES[i]) == 0);
    for (size_t i = 0; i < sizeof SCENES / sizeof *SCENES; i++)
        CHECK(pthread_join(SCENES[i].thread, NULL) == 0);
    return 0;
}
