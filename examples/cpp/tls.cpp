// Connects with TLS and a client certificate: tls URL CA.pem CERTIFICATE.pem KEY.pem
#include <iostream>
#include <mqttlink.hpp>

int main(int argc, char **argv) try {
    if (argc < 5) {
        std::cerr << "usage: " << argv[0] << " URL CA.pem CERTIFICATE.pem KEY.pem\n";
        return 2;
    }
    mqttlink::tls tls;
    tls.ca_file(argv[2]).certificate_file(argv[3]).key_file(argv[4]);
    mqttlink::options options(argv[1]);
    options.tls(tls);
    mqttlink::client client(options);
    client.connect();
    std::cout << "connected\n";
    client.disconnect();
} catch (const mqttlink::error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
