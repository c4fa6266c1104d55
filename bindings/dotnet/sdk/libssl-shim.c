/*
 * .NET Core 3.1 looks for OpenSSL 1.1. All that it misses in OpenSSL 3 are three functions that have become
 * macros there; this library has them, and brings OpenSSL 3 along. It is called libssl.so.1.1, and only
 * what tools/dotnet starts sees it.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#undef ERR_put_error
#undef EVP_MD_size
#undef SSL_get_peer_certificate

void ERR_put_error(int library, int function, int reason, const char *file, int line)
{
    (void)function;
    ERR_new();
    ERR_set_debug(file, line, "");
    ERR_set_error(library, reason, NULL);
}

int EVP_MD_size(const EVP_MD *digest)
{
    return EVP_MD_get_size(digest);
}

X509 *SSL_get_peer_certificate(const SSL *connection)
{
    return SSL_get1_peer_certificate(connection);
}
