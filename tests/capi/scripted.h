/* A server that answers every connection with the same few bytes, for what no proper server does. */
#ifndef SCRIPTED_H
#define SCRIPTED_H

#include "server.h"

typedef enum { HOLD, CLOSE, RESET } ending;

/* A string and its length, NULs included. */
#define BYTES(text) text, sizeof(text) - 1

/* What happens on a connection, in this order. */
typedef struct {
    /* The properties of CONNACK (MQTT 5.0), or the whole packet instead. */
    const char *properties;
    size_t properties_len;
    const char *connack;
    size_t connack_len;
    /* How many packets are read before it says more, and where in that the identifier of the last one is
     * put; 0 is nowhere. */
    int reads;
    size_t id_at;
    const char *says;
    size_t says_len;
    /* HOLD reads on until the client ends it. */
    ending ending;
} script;

typedef struct scripted scripted;

/* NULL is a server that accepts no connection, though the system does for it. */
scripted *scripted_start(const script *script);
unsigned short scripted_port(const scripted *scripted);
void scripted_stop(scripted *scripted);

#endif
