/* Which certificates are believed, for which name; and proving who one is with a key from memory.
 *
 * Identities are made here, and no file is written or read: the largest file that the process may write
 * has no byte. CERTIFICATES_STEP=N looks at each Nth line of the tables only. */
#include "server.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    X509 *certificate;
    EVP_PKEY *key;
} identity;

/* What a certificate says. */
typedef struct {
    const char *common_name;
    /* As OpenSSL's configuration has it; NULL for none. */
    const char *alternatives;
    /* From and until when it is valid, in seconds from now. */
    long from, until;
    /* NULL signs it with its own key. */
    const identity *issuer;
    bool authority;
} claims;

static void extend(X509 *certificate, int kind, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    CHECK(extension && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static identity make_identity(const claims *claims) {
    static long serial = 0;
    identity made = {X509_new(), EVP_EC_gen("P-256")};
    X509 *certificate = made.certificate;
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), claims->from);
    X509_gmtime_adj(X509_getm_notAfter(certificate), claims->until);
    X509_set_pubkey(certificate, made.key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)claims->common_name,
                               -1, -1, 0);
    const identity *issuer = claims->issuer ? claims->issuer : &made;
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer->certificate));
    extend(certificate, NID_basic_constraints, claims->authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (claims->alternatives)
        extend(certificate, NID_subject_alt_name, claims->alternatives);
    CHECK(X509_sign(certificate, issuer->key, EVP_sha256()) > 0);
    return made;
}

static void forget(identity *identity) {
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

/* The bytes of something in PEM; the caller frees them. */
static char *pem(size_t *len, const X509 *certificate, EVP_PKEY *key, const char *password) {
    BIO *memory = BIO_new(BIO_s_mem());
    char *data;
    if (certificate)
        CHECK(PEM_write_bio_X509(memory, certificate) == 1);
    else if (password)
        CHECK(PEM_write_bio_PKCS8PrivateKey(memory, key, EVP_aes_256_cbc(), password,
                                            (int)strlen(password), NULL, NULL) == 1);
    else
        CHECK(PEM_write_bio_PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL) == 1);
    *len = (size_t)BIO_get_mem_data(memory, &data);
    char *copy = malloc(*len);
    memcpy(copy, data, *len);
    BIO_free(memory);
    return copy;
}

/* A TLS server for one connection, which accepts every MQTT client. */
typedef struct {
    const identity *identity;
    /* Who may sign the client's certificate; NULL asks for none. */
    const identity *clients;
    int listener;
    unsigned short port;
    pthread_t thread;
    char client[32], asked_for[64];
} guard;

static void *stand(void *argument) {
    guard *guard = argument;
    static const unsigned char connack[] = {0x20, 3, 0, 0, 0};
    unsigned char data[512];
    int link = accept(guard->listener, NULL, NULL);
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    CHECK(SSL_CTX_use_certificate(context, guard->identity->certificate) == 1);
    CHECK(SSL_CTX_use_PrivateKey(context, guard->identity->key) == 1);
    if (guard->clients) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), guard->clients->certificate);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, link);
    if (SSL_accept(ssl) == 1 && SSL_read(ssl, data, sizeof data) > 0) {
        const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        snprintf(guard->asked_for, sizeof guard->asked_for, "%s", name ? name : "");
        X509 *client = SSL_get0_peer_certificate(ssl);
        if (client)
            X509_NAME_get_text_by_NID(X509_get_subject_name(client), NID_commonName, guard->client,
                                      sizeof guard->client);
        SSL_write(ssl, connack, sizeof connack);
        while (SSL_read(ssl, data, sizeof data) > 0) {}
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(link);
    return NULL;
}

static void post(guard *guard) {
    guard->listener = listen_on_loopback(1, &guard->port);
    CHECK(pthread_create(&guard->thread, NULL, stand, guard) == 0);
}

static void relieve(guard *guard) {
    pthread_join(guard->thread, NULL);
    close(guard->listener);
}

static int32_t here(void *user, const char *host, uint16_t port, mqttlink_addresses *addresses) {
    (void)user, (void)host;
    return mqttlink_addresses_add(addresses, "127.0.0.1", port) == MQTTLINK_OK ? 0 : 1;
}

/* One attempt to connect by a name; what is wrong is the thread's last error. */
static mqttlink_status attempt(const guard *guard, const char *host, mqttlink_tls *tls) {
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_options_new_for(host, guard->port, &options));
    OK(mqttlink_options_set_resolver(options, here, NULL, NULL));
    OK(mqttlink_options_set_tls(options, tls));
    OK(mqttlink_client_new(options, &client));
    mqttlink_options_free(options);
    mqttlink_status status = mqttlink_client_connect(client, NULL);
    mqttlink_client_free(client);
    return status;
}

static mqttlink_tls *trusting(const identity *authority) {
    mqttlink_tls *tls = mqttlink_tls_new();
    size_t len;
    if (authority) {
        char *data = pem(&len, authority->certificate, NULL, NULL);
        OK(mqttlink_tls_add_ca(tls, data, len));
        OK(mqttlink_tls_set_system_roots(tls, false));
        free(data);
    }
    return tls;
}

#define DAY 86400
#define VALID .from = -DAY, .until = DAY

static identity authority, stranger;
static size_t step = 1;

/* A certificate, the name by which the server is reached, and whether that is believed. */
static const struct {
    const char *common_name, *alternatives, *host, *server_name;
    bool good;
} NAMES[] = {
    {"x", "DNS:device.test", "device.test", NULL, true},
    {"x", "DNS:device.test", "DEVICE.test", NULL, true},
    {"x", "DNS:other.test,DNS:device.test", "device.test", NULL, true},
    {"x", "DNS:other.test", "device.test", NULL, false},
    {"x", "DNS:device.test", "device.test.evil", NULL, false},
    {"x", "DNS:device.test", "a.device.test", NULL, false},
    /* A common name counts where there is nothing else, and only there. */
    {"device.test", NULL, "device.test", NULL, true},
    {"other.test", NULL, "device.test", NULL, false},
    {"device.test", "DNS:other.test", "device.test", NULL, false},
    /* A wildcard is one whole label, the leftmost. */
    {"x", "DNS:*.device.test", "a.device.test", NULL, true},
    {"x", "DNS:*.device.test", "device.test", NULL, false},
    {"x", "DNS:*.device.test", "a.b.device.test", NULL, false},
    {"x", "DNS:a.*.test", "a.device.test", NULL, false},
    {"x", "DNS:*", "localhost", NULL, false},
    /* An address is no name. */
    {"x", "IP:127.0.0.1", "127.0.0.1", NULL, true},
    {"x", "IP:127.0.0.2", "127.0.0.1", NULL, false},
    {"x", "DNS:127.0.0.1", "127.0.0.1", NULL, false},
    {"x", "DNS:*.0.0.1", "127.0.0.1", NULL, false},
    /* The name that is checked can be another than that of the address. */
    {"x", "DNS:device.test", "127.0.0.1", "device.test", true},
    {"x", "DNS:device.test", "gateway.test", "device.test", true},
    {"x", "IP:127.0.0.1", "127.0.0.1", "device.test", false},
    {"x", "DNS:gateway.test", "gateway.test", "device.test", false},
};

static void names(void) {
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i += step) {
        claims claims = {NAMES[i].common_name, NAMES[i].alternatives, VALID, &authority, false};
        identity identity = make_identity(&claims);
        guard guard = {.identity = &identity};
        mqttlink_tls *tls = trusting(&authority);
        post(&guard);
        if (NAMES[i].server_name)
            OK(mqttlink_tls_set_server_name(tls, NAMES[i].server_name));
        mqttlink_status status = attempt(&guard, NAMES[i].host, tls);
        relieve(&guard);
        if (status != (NAMES[i].good ? MQTTLINK_OK : MQTTLINK_ERROR_TLS_HANDSHAKE)) {
            fprintf(stderr, "CN=%s, %s, as %s (%s): status %d: %s\n", NAMES[i].common_name,
                    NAMES[i].alternatives ? NAMES[i].alternatives : "-", NAMES[i].host,
                    NAMES[i].server_name ? NAMES[i].server_name : "-", status,
                    mqttlink_last_error_message());
            abort();
        }
        const char *name = NAMES[i].server_name ? NAMES[i].server_name : NAMES[i].host;
        if (NAMES[i].good && name[0] != '1')
            CHECK(strcasecmp(guard.asked_for, name) == 0);
        if (!NAMES[i].good)
            CHECK(mqttlink_error_stage(mqttlink_last_error()) == MQTTLINK_STAGE_TLS);
        mqttlink_tls_free(tls);
        forget(&identity);
    }
}

/* Whom the client trusts, and what it is shown. */
static void trust(void) {
    claims right = {"x", "DNS:device.test", VALID, &authority, false};
    claims expired = {"x", "DNS:device.test", -2 * DAY, -DAY, &authority, false};
    claims early = {"x", "DNS:device.test", DAY, 2 * DAY, &authority, false};
    claims own = {"x", "DNS:device.test", VALID, NULL, false};
    claims by_stranger = {"x", "DNS:device.test", VALID, &stranger, false};
    identity leaf = make_identity(&right);
    claims by_leaf = {"x", "DNS:device.test", VALID, &leaf, false};
    struct {
        const claims *claims;
        const identity *trusted;
        bool good;
        const char *says;
    } cases[] = {
        {&right, &authority, true, ""},
        {&right, &stranger, false, "certificate"},
        {&right, NULL, false, "certificate"},
        {&expired, &authority, false, "expired"},
        {&early, &authority, false, "not yet valid"},
        {&own, &authority, false, "self-signed"},
        {&by_stranger, &authority, false, "certificate"},
        {&by_leaf, &authority, false, "certificate"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i += step) {
        identity identity = make_identity(cases[i].claims);
        mqttlink_tls *tls = trusting(cases[i].trusted);
        /* The second time is no different from the first. */
        for (int turn = 0; turn < 2; turn++) {
            guard guard = {.identity = &identity};
            post(&guard);
            mqttlink_status status = attempt(&guard, "device.test", tls);
            relieve(&guard);
            const char *text = mqttlink_last_error_message();
            if (status != (cases[i].good ? MQTTLINK_OK : MQTTLINK_ERROR_TLS_HANDSHAKE) ||
                (!cases[i].good && !strstr(text, cases[i].says))) {
                fprintf(stderr, "case %zu: status %d: %s\n", i, status, text);
                abort();
            }
        }
        mqttlink_tls_free(tls);
        forget(&identity);
    }
    /* An authority that says nothing is an error each time, and not one that trusts everybody. */
    mqttlink_tls *tls = mqttlink_tls_new();
    mqttlink_options *options;
    mqttlink_client *client;
    OK(mqttlink_tls_add_ca(tls, "", 0));
    OK(mqttlink_options_new("mqtts://device.test", &options));
    OK(mqttlink_options_set_tls(options, tls));
    for (int turn = 0; turn < 2; turn++)
        FAILS(MQTTLINK_ERROR_TLS_AUTHORITY, mqttlink_client_new(options, &client));
    mqttlink_options_free(options);
    mqttlink_tls_free(tls);
    forget(&leaf);
}

/* How the client gets its key. */
typedef enum { PLAIN, ENCRYPTED, BUNDLE, NONE, OF_A_STRANGER, KINDS } kind_of;

static void prove(mqttlink_tls *tls, const identity *identity, kind_of kind) {
    size_t len, key_len;
    if (kind == BUNDLE) {
        PKCS12 *bundle = PKCS12_create("secret", "name", identity->key, identity->certificate, NULL,
                                       0, 0, 0, 0, 0);
        unsigned char *data = NULL;
        int size = i2d_PKCS12(bundle, &data);
        CHECK(size > 0);
        OK(mqttlink_tls_set_pkcs12(tls, data, (size_t)size, "secret"));
        OPENSSL_free(data);
        PKCS12_free(bundle);
        return;
    }
    char *certificate = pem(&len, identity->certificate, NULL, NULL);
    char *key = pem(&key_len, NULL, identity->key, kind == ENCRYPTED ? "secret" : NULL);
    OK(mqttlink_tls_set_certificate(tls, certificate, len));
    OK(mqttlink_tls_set_key(tls, key, key_len));
    if (kind == ENCRYPTED)
        OK(mqttlink_tls_set_key_password(tls, "secret"));
    /* The library keeps copies. */
    memset(certificate, 0, len);
    memset(key, 0, key_len);
    free(certificate);
    free(key);
}

static void clients(void) {
    claims server_claims = {"x", "DNS:device.test", VALID, &authority, false};
    claims client_claims = {"client-7", NULL, VALID, &authority, false};
    claims strange_claims = {"client-7", NULL, VALID, &stranger, false};
    identity device = make_identity(&server_claims);
    identity client = make_identity(&client_claims), strange = make_identity(&strange_claims);
    for (int kind = 0; kind < KINDS; kind += (int)step) {
        guard guard = {.identity = &device, .clients = &authority};
        mqttlink_tls *tls = trusting(&authority);
        if (kind == OF_A_STRANGER)
            prove(tls, &strange, PLAIN);
        else if (kind != NONE)
            prove(tls, &client, (kind_of)kind);
        post(&guard);
        mqttlink_status status = attempt(&guard, "device.test", tls);
        relieve(&guard);
        bool good = kind != NONE && kind != OF_A_STRANGER;
        if (good) {
            CHECK(status == MQTTLINK_OK && strcmp(guard.client, "client-7") == 0);
        } else {
            /* TLS 1.3 says so when the client has already begun to speak. */
            CHECK(status == MQTTLINK_ERROR_TLS_HANDSHAKE || status == MQTTLINK_ERROR_TLS_FAILED);
            CHECK(mqttlink_error_stage(mqttlink_last_error()) == MQTTLINK_STAGE_TLS);
        }
        mqttlink_tls_free(tls);
    }
    forget(&device);
    forget(&client);
    forget(&strange);
}

int main(void) {
    struct rlimit no_bytes = {0, 0};
    const char *wanted = getenv("CERTIFICATES_STEP");
    step = wanted ? (size_t)atol(wanted) : step;
    signal(SIGPIPE, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &no_bytes) == 0);
    claims by_us = {"authority", NULL, VALID, NULL, true};
    claims by_others = {"stranger", NULL, VALID, NULL, true};
    authority = make_identity(&by_us);
    stranger = make_identity(&by_others);
    names();
    trust();
    clients();
    forget(&authority);
    forget(&stranger);
    return 0;
}
