/* The client over an OpenSSL stream of the program's own, where a key could be in a security module: the
 * library knows nothing of this TLS. A TLS server in front of the test's server decrypts. */
#include "server.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <fcntl.h>
#include <unistd.h>

static X509 *certificate;
static EVP_PKEY *key;
static server *broker;
static atomic_int opened, closed, freed;

static void make_identity(void) {
    key = EVP_EC_gen("P-256");
    certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"device", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
}

/* The server's end: decrypts and hands on, until one side closes. */
static void *terminate(void *argument) {
    int secret = (int)(size_t)argument;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    CHECK(SSL_CTX_use_certificate(context, certificate) == 1);
    CHECK(SSL_CTX_use_PrivateKey(context, key) == 1);
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, secret);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(server_port(broker))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int plain = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(plain, (struct sockaddr *)&address, sizeof address) == 0);
    char data[4096];
    if (SSL_accept(ssl) == 1)
        for (;;) {
            struct pollfd both[] = {{secret, POLLIN, 0}, {plain, POLLIN, 0}};
            if (!SSL_pending(ssl) && poll(both, 2, -1) < 0)
                break;
            if (SSL_pending(ssl) || both[0].revents) {
                int count = SSL_read(ssl, data, sizeof data);
                if (count <= 0 || send(plain, data, (size_t)count, MSG_NOSIGNAL) != count)
                    break;
            }
            if (both[1].revents) {
                ssize_t count = recv(plain, data, sizeof data, 0);
                if (count <= 0 || SSL_write(ssl, data, (int)count) != count)
                    break;
            }
        }
    close(plain);
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(secret);
    return NULL;
}

/* The client's end. One thread reads while another writes, which an SSL does not bear: its calls are
 * short, under a lock, on a socket that does not block; waiting is done outside. */
typedef struct {
    pthread_mutex_t lock;
    pthread_t peer;
    SSL_CTX *context;
    SSL *ssl;
    int socket;
    atomic_bool closed;
} stream;

static int64_t attempt(stream *stream, int (*call)(SSL *, void *, int), void *data, size_t size,
                       int patience_ms) {
    while (!atomic_load(&stream->closed)) {
        pthread_mutex_lock(&stream->lock);
        int count = call(stream->ssl, data, size > 16384 ? 16384 : (int)size);
        int error = SSL_get_error(stream->ssl, count);
        pthread_mutex_unlock(&stream->lock);
        if (count > 0)
            return count;
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
            return error == SSL_ERROR_ZERO_RETURN ? 0 : -ECONNRESET;
        struct pollfd ready = {stream->socket, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, 0};
        if (poll(&ready, 1, patience_ms) == 0)
            return -EAGAIN;
    }
    return -ECONNABORTED;
}

static int do_write(SSL *ssl, void *data, int size) { return SSL_write(ssl, data, size); }

static int64_t stream_read(void *user, void *data, size_t size) {
    return attempt(user, SSL_read, data, size, -1);
}
static int64_t stream_write(void *user, const void *data, size_t size) {
    return attempt(user, do_write, (void *)data, size, 200);
}
static void stream_close(void *user) {
    stream *stream = user;
    atomic_fetch_add(&closed, 1);
    atomic_store(&stream->closed, true);
    shutdown(stream->socket, SHUT_RDWR);
}
static void stream_free(void *user) {
    stream *stream = user;
    pthread_join(stream->peer, NULL);
    SSL_free(stream->ssl);
    SSL_CTX_free(stream->context);
    close(stream->socket);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
    atomic_fetch_add(&freed, 1);
}

static int32_t stream_open(void *user, const char *host, uint16_t port, int64_t timeout_ms,
                           void **made) {
    (void)port, (void)timeout_ms;
    CHECK(strcmp(user, "context") == 0 && strcmp(host, "device") == 0);
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    stream *stream = calloc(1, sizeof *stream);
    pthread_mutex_init(&stream->lock, NULL);
    stream->socket = pair[0];
    stream->context = SSL_CTX_new(TLS_client_method());
    CHECK(X509_STORE_add_cert(SSL_CTX_get_cert_store(stream->context), certificate) == 1);
    SSL_CTX_set_verify(stream->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(stream->context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    stream->ssl = SSL_new(stream->context);
    SSL_set_fd(stream->ssl, pair[0]);
    CHECK(SSL_set1_host(stream->ssl, host) == 1);
    CHECK(pthread_create(&stream->peer, NULL, terminate, (void *)(size_t)pair[1]) == 0);
    CHECK(SSL_connect(stream->ssl) == 1);
    CHECK(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
    atomic_fetch_add(&opened, 1);
    *made = stream;
    return 0;
}

int main(void) {
    mqttlink_options *options;
    mqttlink_client *client;
    static char large[200000];
    /* OpenSSL writes to sockets in the plain way. */
    signal(SIGPIPE, SIG_IGN);
    make_identity();
    broker = server_start();
    OK(mqttlink_options_new("mqtt://device", &options));
    OK(mqttlink_options_set_transport(options, stream_open, stream_read, stream_write, stream_close,
                                      stream_free, "context", NULL));
    OK(mqttlink_client_new(options, &client));
    for (int i = 0; i < 3; i++) {
        mqttlink_message *message;
        size_t len;
        OK(mqttlink_client_connect(client, NULL));
        OK(mqttlink_client_publish(client, "a", large, sizeof large, i, false, NULL, NULL));
        OK(mqttlink_client_receive(client, WATCHDOG_MS, &message));
        mqttlink_message_payload(message, &len);
        CHECK(len == sizeof large);
        mqttlink_message_free(message);
        if (i < 2)
            OK(mqttlink_client_disconnect(client));
    }
    mqttlink_client_free(client);
    CHECK(atomic_load(&opened) == 3 && atomic_load(&closed) == 3 && atomic_load(&freed) == 3);
    mqttlink_options_free(options);
    server_stop(broker);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return 0;
}
