/* Clients come and go in numbers, with and without success, and threads, descriptors and memory are
 * afterwards what they were.
 *
 * CYCLES is how many are made and destroyed, 10,000 if it is not set; a tenth of that connect, and a tenth
 * fails to. Memory is compared from 10,000 on: fewer say nothing. */
#include "scripted.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

/* What may come on top: caches of the allocator and of the system, and of each client the place that knows
 * that it has been freed. */
#define GROWTH_MAX_KIB 1024
#define PLACE_BYTES 64
static long clients;

typedef struct {
    int threads, descriptors;
    long resident_kib;
} usage;

static int entries(const char *path) {
    int count = 0;
    DIR *directory = opendir(path);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static usage used(void) {
    long size, pages;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(fscanf(file, "%ld %ld", &size, &pages) == 2);
    fclose(file);
    usage now = {entries("/proc/self/task"), entries("/proc/self/fd"),
                 pages * (sysconf(_SC_PAGESIZE) / 1024)};
    return now;
}

static bool settled(const usage *before) {
    usage now = used();
    return now.threads <= before->threads && now.descriptors <= before->descriptors;
}

/* A thread that has ended may still be listed for a moment. */
static void same_as(const usage *before, const char *what, bool memory) {
    time_t limit = time(NULL) + WATCHDOG_MS / 1000;
    while (!settled(before) && time(NULL) < limit)
        sched_yield();
    usage now = used();
    long growth_max_kib = GROWTH_MAX_KIB + clients * PLACE_BYTES / 1024;
    if (!settled(before) || (memory && now.resident_kib > before->resident_kib + growth_max_kib)) {
        fprintf(stderr, "%s: %d threads, %d descriptors, %ld KiB; before %d, %d, %ld\n", what,
                now.threads, now.descriptors, now.resident_kib, before->threads,
                before->descriptors, before->resident_kib);
        abort();
    }
}

static void on_message(void *user, mqttlink_client *client, const mqttlink_message *message) {
    (void)user, (void)client, (void)message;
}

static void made_and_destroyed(long count) {
    for (long i = 0; i < count; i++) {
        mqttlink_options *options;
        mqttlink_client *client;
        OK(mqttlink_options_new("mqtt://user:password@127.0.0.1:1", &options));
        OK(mqttlink_options_set_will(options, "a", "b", 1, 1, false, NULL));
        OK(mqttlink_options_on_message(options, on_message, NULL, NULL));
        OK(mqttlink_client_new(options, &client));
        mqttlink_options_free(options);
        mqttlink_client_free(client);
        clients++;
    }
}

/* Everything that is left behind at the end of a connection: messages in flight, a callback's threads,
 * deliveries. */
static void connected(server *server, long count) {
    for (long i = 0; i < count; i++) {
        mqttlink_options *options;
        mqttlink_client *client;
        mqttlink_delivery *delivery;
        OK(mqttlink_options_new(server_url(server), &options));
        OK(mqttlink_options_on_message(options, on_message, NULL, NULL));
        OK(mqttlink_client_new(options, &client));
        mqttlink_options_free(options);
        OK(mqttlink_client_connect(client, NULL));
        OK(mqttlink_client_publish(client, "a", "x", 1, 2, false, NULL, &delivery));
        OK(mqttlink_delivery_wait(delivery, WATCHDOG_MS));
        if (i % 2)
            OK(mqttlink_client_publish(client, "silent", "x", 1, 1, false, NULL, NULL));
        if (i % 3 == 0)
            OK(mqttlink_client_disconnect_with(client, 0, 0, NULL, NULL));
        if (i % 3 == 1)
            OK(mqttlink_client_abort(client));
        mqttlink_client_free(client);
        clients++;
        mqttlink_delivery_free(delivery);
    }
}

static int32_t unknown(void *user, const char *host, uint16_t port, mqttlink_addresses *addresses) {
    (void)user, (void)host, (void)port, (void)addresses;
    return ENOENT;
}

#define KINDS 5
static const mqttlink_status FAILURES[KINDS] = {
    MQTTLINK_ERROR_HOST_NOT_FOUND, MQTTLINK_ERROR_CONNECT_FAILED, MQTTLINK_ERROR_REFUSED,
    MQTTLINK_ERROR_CONNECTION_CLOSED, MQTTLINK_ERROR_TIMEOUT_CONNACK,
};
static const script REFUSES = {.connack = "\x20\3\0\x87\0", .connack_len = 5};
static const script CLOSES = {.connack = "", .connack_len = 0, .ending = CLOSE};
static const script WAITS = {.connack = "", .connack_len = 0};

/* Where the time is short, a machine with much else to do may not even have made the connection. */
static bool late(int kind) {
    return FAILURES[kind] == MQTTLINK_ERROR_TIMEOUT_CONNACK &&
           mqttlink_error_status(mqttlink_last_error()) == MQTTLINK_ERROR_TIMEOUT_TCP;
}

/* Five kinds in turn; a client fails ten times before it is destroyed. */
static void failed(long count) {
    const script *scripts[KINDS] = {NULL, NULL, &REFUSES, &CLOSES, &WAITS};
    for (int kind = 0; kind < KINDS; kind++) {
        scripted *peer = NULL;
        unsigned short port;
        int deaf = deaf_on_loopback(&port);
        if (scripts[kind]) {
            peer = scripted_start(scripts[kind]);
            port = scripted_port(peer);
        }
        for (long i = 0; i < count / KINDS; i += 10) {
            mqttlink_options *options;
            mqttlink_client *client;
            OK(mqttlink_options_new_for(kind == 0 ? "device.invalid" : "127.0.0.1", port, &options));
            if (kind == 0)
                OK(mqttlink_options_set_resolver(options, unknown, NULL, NULL));
            if (kind == 4)
                OK(mqttlink_options_set_connect_timeout(options, 20));
            OK(mqttlink_client_new(options, &client));
            mqttlink_options_free(options);
            for (int j = 0; j < 10; j++)
                CHECK(mqttlink_client_connect(client, NULL) == FAILURES[kind] || late(kind));
            mqttlink_client_free(client);
            clients++;
        }
        if (peer)
            scripted_stop(peer);
        close(deaf);
    }
}

int main(void) {
    const char *wanted = getenv("CYCLES");
    long count = wanted ? atol(wanted) : 10000;
    bool memory = count >= 10000;
    server *server = server_start();
    /* The first ones fill what is kept: freed handles that wait, and the allocator's lists. */
    made_and_destroyed(memory ? 1000 : 10);
    connected(server, memory ? 200 : 10);
    failed(50);
    wait_for(server_ends(server), count_now(server_connections(server)));
    usage before = used();
    made_and_destroyed(count);
    same_as(&before, "made and destroyed", memory);
    connected(server, count / 10);
    wait_for(server_ends(server), count_now(server_connections(server)));
    same_as(&before, "connected and destroyed", memory);
    failed(count / 10);
    same_as(&before, "failed to connect", memory);
    server_stop(server);
    return 0;
}
