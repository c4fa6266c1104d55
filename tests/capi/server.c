#include "server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINKS_MAX 512

struct server {
    int listener;
    unsigned short port;
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int links[LINKS_MAX];
    int running;
    atomic_bool stopping;
    counter connections, goodbyes, ends;
    atomic_int last_reason;
};

typedef struct {
    server *server;
    int socket;
    bool v5;
} peer;

static void send_all(peer *peer, const void *data, size_t len) {
    const char *at = data;
    while (len > 0) {
        ssize_t sent = send(peer->socket, at, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        at += sent;
        len -= (size_t)sent;
    }
}

static bool read_all(int socket, void *data, size_t len) {
    char *at = data;
    while (len > 0) {
        ssize_t got = recv(socket, at, len, 0);
        if (got <= 0)
            return false;
        at += got;
        len -= (size_t)got;
    }
    return true;
}

unsigned char *read_packet(int socket, unsigned char *first, size_t *len) {
    unsigned char byte;
    size_t shift = 0;
    *len = 0;
    if (!read_all(socket, first, 1))
        return NULL;
    do {
        if (!read_all(socket, &byte, 1))
            return NULL;
        *len |= (size_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    unsigned char *body = malloc(*len + 1);
    if (!read_all(socket, body, *len)) {
        free(body);
        return NULL;
    }
    return body;
}

static bool is_topic(const unsigned char *body, const char *name) {
    size_t len = (size_t)body[0] << 8 | body[1];
    return len == strlen(name) && memcmp(body + 2, name, len) == 0;
}

static void send_packet(peer *peer, unsigned char first, const unsigned char *body, size_t len) {
    unsigned char head[5] = {first};
    size_t at = 1, left = len;
    do {
        head[at++] = (unsigned char)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
        left >>= 7;
    } while (left > 0);
    send_all(peer, head, at);
    send_all(peer, body, len);
}

static const char REFUSED[] = "\x87\x0e\x1f\x00\x0bnot for you";

static bool answer_publish(peer *peer, unsigned char first, unsigned char *body, size_t len) {
    int qos = first >> 1 & 3;
    size_t topic = (size_t)body[0] << 8 | body[1];
    if (is_topic(body, "silent"))
        return true;
    if (is_topic(body, "cut"))
        return false;
    if (is_topic(body, "kick")) {
        static const char packet[] = "\xe0\x10\x8b\x0e\x1f\x00\x0bmaintenance";
        send_all(peer, packet, sizeof packet - 1);
        return false;
    }
    const unsigned char *id = body + 2 + topic;
    if (is_topic(body, "refuse") && qos > 0 && peer->v5) {
        unsigned char ack[2 + sizeof REFUSED - 1];
        memcpy(ack, id, 2);
        memcpy(ack + 2, REFUSED, sizeof REFUSED - 1);
        send_packet(peer, qos == 1 ? 0x40 : 0x50, ack, sizeof ack);
        return true;
    }
    if (qos > 0)
        send_packet(peer, qos == 1 ? 0x40 : 0x50, id, 2);
    if (!is_topic(body, "quiet"))
        send_packet(peer, first & 0x37, body, len);
    return true;
}

/* One reason code for each filter; `plain` says whether filters are followed by options. */
static void answer_request(peer *peer, unsigned char type, unsigned char *body, size_t len) {
    unsigned char answer[1024];
    size_t at = 2, out = 2;
    memcpy(answer, body, 2);
    if (peer->v5) {
        at += 1 + (size_t)body[2];
        answer[out++] = 0;
    }
    while (at < len) {
        size_t filter = (size_t)body[at] << 8 | body[at + 1];
        bool refused = filter >= 2 && memcmp(body + at + 2, "no", 2) == 0;
        at += 2 + filter;
        unsigned char qos = type == 8 ? body[at++] & 3 : 0;
        if (peer->v5 || type == 8)
            answer[out++] = !refused ? qos : peer->v5 ? 0x87 : 0x80;
    }
    send_packet(peer, type == 8 ? 0x90 : 0xb0, answer, out);
}

static const char AUTH[] = "\x15\x00\x04TEST\x16\x00\x04next";

static bool answer_auth(peer *peer, unsigned char reason) {
    unsigned char body[2 + sizeof AUTH - 1] = {reason == 0x19 ? 0x18 : 0, sizeof AUTH - 1};
    memcpy(body + 2, AUTH, sizeof AUTH - 1);
    send_packet(peer, 0xf0, body, sizeof body);
    return true;
}

static bool answer_connect(peer *peer, unsigned char *body, size_t len) {
    peer->v5 = body[1] == 4 && body[6] == 5;
    bool has_method = memmem(body, len, "\x15\x00\x04TEST", 7) != NULL;
    bool refused = memmem(body, len, "\x00\x07refused", 9) != NULL;
    if (refused) {
        static const char v5[] = "\x20\x13\x00\x87\x10\x1f\x00\x0dnot on Sunday";
        static const char v4[] = "\x20\x02\x00\x05";
        if (peer->v5)
            send_all(peer, v5, sizeof v5 - 1);
        else
            send_all(peer, v4, sizeof v4 - 1);
        return false;
    }
    if (has_method) {
        unsigned char first;
        size_t size;
        answer_auth(peer, 0x19);
        unsigned char *reply = read_packet(peer->socket, &first, &size);
        bool good = reply && first == 0xf0 && memmem(reply, size, "answer", 6);
        free(reply);
        if (!good)
            return false;
        unsigned char connack[3 + sizeof AUTH - 1] = {0, 0, sizeof AUTH - 1};
        memcpy(connack + 3, AUTH, sizeof AUTH - 1);
        send_packet(peer, 0x20, connack, sizeof connack);
        return true;
    }
    /* Receive maximum 40, assigned client identifier, a user property. */
    static const char v5[] =
        "\x20\x1d\x00\x00\x1a\x21\x00\x28\x12\x00\x08" "assigned\x26\x00\x03old\x00\x04news";
    static const char v4[] = "\x20\x02\x00\x00";
    if (peer->v5)
        send_all(peer, v5, sizeof v5 - 1);
    else
        send_all(peer, v4, sizeof v4 - 1);
    return true;
}

static bool answer(peer *peer, unsigned char first, unsigned char *body, size_t len) {
    switch (first >> 4) {
    case 1:
        return answer_connect(peer, body, len);
    case 3:
        return answer_publish(peer, first, body, len);
    case 5:
        send_packet(peer, 0x62, body, 2);
        return true;
    case 6:
        send_packet(peer, 0x70, body, 2);
        return true;
    case 8:
    case 10:
        answer_request(peer, first >> 4, body, len);
        return true;
    case 12:
        send_all(peer, "\xd0\x00", 2);
        return true;
    case 14:
        atomic_store(&peer->server->last_reason, len > 0 ? body[0] : 0);
        count_up(&peer->server->goodbyes);
        return false;
    case 15:
        return answer_auth(peer, len > 0 ? body[0] : 0);
    default:
        return true;
    }
}

static void *serve(void *argument) {
    peer *peer = argument;
    server *server = peer->server;
    unsigned char first, *body;
    size_t len;
    while ((body = read_packet(peer->socket, &first, &len)) != NULL) {
        bool on = answer(peer, first, body, len);
        free(body);
        if (!on)
            break;
    }
    shutdown(peer->socket, SHUT_RDWR);
    pthread_mutex_lock(&server->lock);
    for (int i = 0; i < LINKS_MAX; i++)
        if (server->links[i] == peer->socket)
            server->links[i] = -1;
    close(peer->socket);
    server->running--;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
    free(peer);
    count_up(&server->ends);
    return NULL;
}

static void *accept_all(void *argument) {
    server *server = argument;
    for (;;) {
        int socket = accept(server->listener, NULL, NULL);
        if (socket < 0 || atomic_load(&server->stopping)) {
            if (socket >= 0)
                close(socket);
            return NULL;
        }
        int one = 1;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        peer *peer = calloc(1, sizeof *peer);
        peer->server = server;
        peer->socket = socket;
        pthread_mutex_lock(&server->lock);
        server->running++;
        for (int i = 0; i < LINKS_MAX; i++)
            if (server->links[i] < 0) {
                server->links[i] = socket;
                break;
            }
        pthread_mutex_unlock(&server->lock);
        count_up(&server->connections);
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, serve, peer) == 0);
        pthread_detach(thread);
    }
}

int deaf_on_loopback(unsigned short *port) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t len = sizeof address;
    int bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(bound, (struct sockaddr *)&address, sizeof address) == 0);
    getsockname(bound, (struct sockaddr *)&address, &len);
    *port = ntohs(address.sin_port);
    return bound;
}

int listen_on_loopback(int backlog, unsigned short *port) {
    int listener = deaf_on_loopback(port);
    CHECK(listen(listener, backlog) == 0);
    return listener;
}

server *server_start(void) {
    server *server = calloc(1, sizeof *server);
    server->listener = listen_on_loopback(128, &server->port);
    snprintf(server->url, sizeof server->url, "mqtt://127.0.0.1:%d", server->port);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    counter fresh = COUNTER;
    server->connections = server->goodbyes = server->ends = fresh;
    for (int i = 0; i < LINKS_MAX; i++)
        server->links[i] = -1;
    CHECK(pthread_create(&server->thread, NULL, accept_all, server) == 0);
    return server;
}

const char *server_url(const server *server) { return server->url; }
unsigned short server_port(const server *server) { return server->port; }
counter *server_connections(server *server) { return &server->connections; }
counter *server_goodbyes(server *server) { return &server->goodbyes; }
counter *server_ends(server *server) { return &server->ends; }
int server_last_reason(const server *server) { return atomic_load(&server->last_reason); }

void server_cut(server *server) {
    pthread_mutex_lock(&server->lock);
    for (int i = 0; i < LINKS_MAX; i++)
        if (server->links[i] >= 0)
            shutdown(server->links[i], SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
}

void server_stop(server *server) {
    atomic_store(&server->stopping, true);
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
    server_cut(server);
    pthread_mutex_lock(&server->lock);
    while (server->running > 0)
        pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
    /* The last of them counts its end outside the lock. */
    wait_for(&server->ends, count_now(&server->connections));
    free(server);
}
