/* Connects with TLS and a client certificate.
 *
 *     tls URL CA.pem CERTIFICATE.pem KEY.pem
 */
#include <mqttlink.h>
#include <stdio.h>

int main(int argc, char **argv) {
    mqttlink_options *options = NULL;
    mqttlink_client *client = NULL;
    if (argc < 5) {
        fprintf(stderr, "usage: %s URL CA.pem CERTIFICATE.pem KEY.pem\n", argv[0]);
        return 2;
    }
    mqttlink_tls *tls = mqttlink_tls_new();
    mqttlink_tls_add_ca_file(tls, argv[2]);
    mqttlink_tls_set_certificate_file(tls, argv[3]);
    mqttlink_tls_set_key_file(tls, argv[4]);

    int failed = mqttlink_options_new(argv[1], &options) != MQTTLINK_OK ||
                 mqttlink_options_set_tls(options, tls) != MQTTLINK_OK ||
                 mqttlink_client_new(options, &client) != MQTTLINK_OK ||
                 mqttlink_client_connect(client, NULL) != MQTTLINK_OK;
    if (failed)
        fprintf(stderr, "%s\n", mqttlink_last_error_message());
    else
        printf("connected\n");
    mqttlink_client_disconnect(client);
    mqttlink_client_free(client);
    mqttlink_options_free(options);
    mqttlink_tls_free(tls);
    return failed;
}
