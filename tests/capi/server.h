/* A server in the test's own process, on a loopback port of the system's choice.
 *
 * It accepts everyone, answers everything, and sends each message back to whoever published it. What it
 * does differently is asked for by topic:
 *
 *   silent   is not answered            kick     DISCONNECT 0x8b "maintenance" and close
 *   refuse   is refused with 0x87       cut      closes without a word
 *   quiet    is answered, not sent back
 *
 * A filter that begins with "no" is refused with 0x87. A client with the identifier "refused" is refused
 * with 0x87, "authentication data" are exchanged in one round if there is a method. */
#ifndef SERVER_H
#define SERVER_H

#include "check.h"

typedef struct server server;

server *server_start(void);
/* The URL to reach it. */
const char *server_url(const server *server);
unsigned short server_port(const server *server);
/* How many connections it has accepted, DISCONNECTs it got, and the reason of the last one. */
counter *server_connections(server *server);
counter *server_goodbyes(server *server);
int server_last_reason(const server *server);
/* Connections that ended. */
counter *server_ends(server *server);
/* Closes every connection. */
void server_cut(server *server);
void server_stop(server *server);

/* The parts of it, for suites with servers of their own. */

/* A socket with a loopback port of the system's choice, on which nobody listens while it is open, and which
 * nobody else gets. */
int deaf_on_loopback(unsigned short *port);
/* A socket that listens on a loopback port of the system's choice. */
int listen_on_loopback(int backlog, unsigned short *port);
/* Reads one packet; the caller frees the body, which has a spare byte behind it. NULL at the end. */
unsigned char *read_packet(int socket, unsigned char *first, size_t *len);

#endif
