#include "scripted.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

struct scripted {
    const script *script;
    int listener;
    unsigned short port;
    pthread_t thread;
    pthread_mutex_t lock;
    int link;
    bool stopping;
};

static void say(int socket, const void *data, size_t len) {
    if (len > 0)
        CHECK(send(socket, data, len, MSG_NOSIGNAL) == (ssize_t)len);
}

/* Where the identifier of a PUBLISH with a topic of one byte, or of a request, is. */
static const unsigned char *identifier(unsigned char first, const unsigned char *body) {
    return first >> 4 == 3 ? body + 3 : body;
}

static void follow(int socket, const script *script) {
    unsigned char first, *body, said[64];
    size_t len;
    body = read_packet(socket, &first, &len);
    if (!body)
        return;
    free(body);
    if (script->connack) {
        say(socket, script->connack, script->connack_len);
    } else {
        size_t count = script->properties_len;
        unsigned char head[5] = {0x20, (unsigned char)(count + 3), 0, 0, (unsigned char)count};
        say(socket, head, sizeof head);
        say(socket, script->properties, count);
    }
    CHECK(script->says_len <= sizeof said);
    if (script->says)
        memcpy(said, script->says, script->says_len);
    for (int i = 0; i < script->reads; i++) {
        body = read_packet(socket, &first, &len);
        if (!body)
            return;
        if (script->id_at > 0)
            memcpy(said + script->id_at, identifier(first, body), 2);
        free(body);
    }
    say(socket, said, script->says_len);
    if (script->ending == HOLD)
        while ((body = read_packet(socket, &first, &len)) != NULL)
            free(body);
    if (script->ending == RESET) {
        struct linger at_once = {1, 0};
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
}

static void *serve(void *argument) {
    scripted *scripted = argument;
    for (;;) {
        int link = accept(scripted->listener, NULL, NULL);
        pthread_mutex_lock(&scripted->lock);
        bool stopping = scripted->stopping;
        scripted->link = link;
        pthread_mutex_unlock(&scripted->lock);
        if (link < 0)
            return NULL;
        if (!stopping)
            follow(link, scripted->script);
        pthread_mutex_lock(&scripted->lock);
        scripted->link = -1;
        pthread_mutex_unlock(&scripted->lock);
        close(link);
    }
}

scripted *scripted_start(const script *script) {
    scripted *scripted = calloc(1, sizeof *scripted);
    scripted->script = script;
    scripted->link = -1;
    pthread_mutex_init(&scripted->lock, NULL);
    scripted->listener = listen_on_loopback(128, &scripted->port);
    if (script)
        CHECK(pthread_create(&scripted->thread, NULL, serve, scripted) == 0);
    return scripted;
}

unsigned short scripted_port(const scripted *scripted) { return scripted->port; }

void scripted_stop(scripted *scripted) {
    pthread_mutex_lock(&scripted->lock);
    scripted->stopping = true;
    if (scripted->link >= 0)
        shutdown(scripted->link, SHUT_RDWR);
    pthread_mutex_unlock(&scripted->lock);
    shutdown(scripted->listener, SHUT_RDWR);
    if (scripted->script)
        pthread_join(scripted->thread, NULL);
    close(scripted->listener);
    free(scripted);
}
