/* Certificates for tests, made anew every time. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "check.h"

/* A key and a certificate, signed by `issuer` or by itself, as PEM in one BIO each. */
typedef struct {
    EVP_PKEY *key;
    X509 *certificate;
    char *key_pem, *certificate_pem;
    long key_len, certificate_len;
    BIO *bios[2];
} identity;

static inline identity make_identity(const char *name, const identity *issuer, const char *extension) {
    identity made = {EVP_EC_gen("P-256"), X509_new(), NULL, NULL, 0, 0, {NULL, NULL}};
    static long serial;
    X509_set_version(made.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), 3600);
    X509_set_pubkey(made.certificate, made.key);
    X509_NAME *subject = X509_get_subject_name(made.certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(made.certificate,
                         X509_get_subject_name(issuer ? issuer->certificate : made.certificate));
    X509_EXTENSION *added = X509V3_EXT_conf(NULL, NULL, issuer ? "subjectAltName" : "basicConstraints",
                                            extension);
    X509_add_ext(made.certificate, added, -1);
    X509_EXTENSION_free(added);
    CHECK(X509_sign(made.certificate, issuer ? issuer->key : made.key, EVP_sha256()) > 0);
    made.bios[0] = BIO_new(BIO_s_mem());
    made.bios[1] = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(made.bios[0], made.key, NULL, NULL, 0, NULL, NULL);
    PEM_write_bio_X509(made.bios[1], made.certificate);
    made.key_len = BIO_get_mem_data(made.bios[0], &made.key_pem);
    made.certificate_len = BIO_get_mem_data(made.bios[1], &made.certificate_pem);
    return made;
}

static inline void free_identity(identity *identity) {
    BIO_free(identity->bios[0]);
    BIO_free(identity->bios[1]);
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
}

#endif
