/* The memory of a process with so many idle clients: footprint CLIENTS. With -DMOSQUITTO they are
 * libmosquitto's, each with its own thread, otherwise mqttlink's.
 *
 * Prints resident KiB, how many of them are the process's own, and threads. The server is another process
 * that accepts everybody. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <signal.h>
#include <poll.h>
#include <unistd.h>

#define CLIENTS_MAX 1000

/* Answers every CONNECT, and keeps silent otherwise. */
static void serve(int listener)
{
    static struct pollfd links[CLIENTS_MAX + 1];
    static char input[4096];
    int count = 1;
    links[0] = (struct pollfd){listener, POLLIN, 0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        poll(links, (nfds_t)count, -1);
        for (int i = count - 1; i > 0; i--)
            if (links[i].revents && (read(links[i].fd, input, sizeof input) <= 0 ||
                                     (input[0] == 0x10 && write(links[i].fd, "\x20\2\0\0", 4) != 4)))
                links[i].events = 0, links[i].fd = -1;
        if (links[0].revents && count <= CLIENTS_MAX)
            links[count++] = (struct pollfd){accept(listener, NULL, NULL), POLLIN, 0};
    }
}

#ifdef MOSQUITTO
#include <mosquitto.h>

static volatile int connected;

static void on_connect(struct mosquitto *client, void *user, int code)
{
    (void)client, (void)user, (void)code;
    __atomic_add_fetch(&connected, 1, __ATOMIC_SEQ_CST);
}

static void make(int port, int number)
{
    if (number == 0) mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new(NULL, true, NULL);
    mosquitto_connect_callback_set(client, on_connect);
    if (mosquitto_connect(client, "127.0.0.1", port, 60) != MOSQ_ERR_SUCCESS) exit(1);
    if (mosquitto_loop_start(client) != MOSQ_ERR_SUCCESS) exit(1);
    while (connected <= number) usleep(100);
}
#else
#include <mqttlink.h>

static void make(int port, int number)
{
    mqttlink_options *options;
    mqttlink_client *client;
    (void)number;
    if (mqttlink_options_new_for("127.0.0.1", (unsigned short)port, &options) != MQTTLINK_OK ||
        mqttlink_options_set_version(options, MQTTLINK_MQTT_3_1_1) != MQTTLINK_OK ||
        mqttlink_client_new(options, &client) != MQTTLINK_OK ||
        mqttlink_client_connect(client, NULL) != MQTTLINK_OK)
        exit(1);
    mqttlink_options_free(options);
}
#endif

static long figure(const char *name)
{
    char line[256];
    long value = -1;
    FILE *file = fopen("/proc/self/status", "r");
    while (value < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0) value = atol(line + strlen(name));
    fclose(file);
    return value;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int clients = argc == 2 ? atoi(argv[1]) : 0, listener = socket(AF_INET, SOCK_STREAM, 0);
    if (clients < 1 || clients > CLIENTS_MAX) return 2;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) return 1;
    if (listen(listener, CLIENTS_MAX) != 0) return 1;
    getsockname(listener, (struct sockaddr *)&address, &len);
    if (fork() == 0) serve(listener);
    close(listener);
    for (int i = 0; i < clients; i++) make(ntohs(address.sin_port), i);
    sleep(1);
    printf("%ld %ld %ld\n", figure("VmRSS:"), figure("RssAnon:"), figure("Threads:"));
    fflush(stdout);
    _Exit(0);
}
