/* The C++ class over TLS, with each way to decide about a server's certificate: taken and refused. */
#include <atomic>
#include <stdexcept>
#include <string>

#include "mqttlink.hpp"

extern "C" {
#include "identity.h"
}

using namespace std::chrono_literals;
using mqttlink::qos;

namespace {

struct certificates {
    certificates()
        : authority(make_identity("authority", nullptr, "critical,CA:TRUE")),
          server(make_identity("localhost", &authority, "DNS:localhost")) {}
    ~certificates() {
        free_identity(&server);
        free_identity(&authority);
    }
    static mqttlink::bytes pem(const identity &of) {
        return {of.certificate_pem, static_cast<std::size_t>(of.certificate_len)};
    }
    mqttlink::server_tls secret() const {
        return mqttlink::server_tls::from_memory(
            pem(server), mqttlink::bytes(server.key_pem, static_cast<std::size_t>(server.key_len)));
    }
    /* The server's certificate as a verifier is shown it. */
    std::string der() const {
        unsigned char *made = nullptr;
        int len = i2d_X509(server.certificate, &made);
        CHECK(len > 0);
        std::string all(reinterpret_cast<char *>(made), static_cast<std::size_t>(len));
        OPENSSL_free(made);
        return all;
    }
    identity authority, server;
};

/* What is under test: a broker that speaks TLS, and who can be reached by which name. */
class world {
public:
    world() : broker_(mqttlink::broker_options().listen("127.0.0.1:0", made.secret())) {}
    mqttlink::result<mqttlink::granted> connect(const std::string &host, const mqttlink::tls &trust) {
        mqttlink::options options("mqtts://" + host + ":" + std::to_string(broker_.port()));
        mqttlink::client client(options.tls(trust));
        auto granted = client.try_connect();
        if (granted) {
            client.publish("a", "x", {qos::at_least_once}).wait();
            client.disconnect();
        }
        return granted;
    }
    void takes(const std::string &host, const mqttlink::tls &trust) { CHECK(connect(host, trust)); }
    void refuses(const std::string &host, const mqttlink::tls &trust) {
        auto granted = connect(host, trust);
        CHECK(!granted && granted.failure().status() == MQTTLINK_ERROR_TLS_HANDSHAKE);
        CHECK(granted.failure().stage() == MQTTLINK_STAGE_TLS);
        try {
            granted.failure().raise();
        } catch (const mqttlink::connection_error &) {
            return;
        }
        CHECK(!"a connection_error");
    }
    certificates made;

private:
    mqttlink::broker broker_;
};

/* Settings in which nothing is trusted but what is added. */
mqttlink::tls nobody() {
    mqttlink::tls trust;
    trust.system_roots(false);
    return trust;
}

void authorities(world &world) {
    world.refuses("localhost", mqttlink::tls());
    world.refuses("localhost", nobody());
    auto trust = nobody();
    trust.ca(certificates::pem(world.made.authority));
    world.takes("localhost", trust);
    world.refuses("127.0.0.1", trust);
    trust.server_name("localhost");
    world.takes("127.0.0.1", trust);
    trust.server_name("elsewhere");
    world.refuses("localhost", trust);
}

void dangers(world &world) {
    auto trust = nobody();
    trust.danger_accept_invalid_certificates(true);
    world.takes("localhost", trust);
    trust.danger_accept_invalid_certificates(false);
    world.refuses("localhost", trust);
    /* A name that does not fit is one thing, an authority that is not known another. */
    trust.danger_accept_invalid_host_names(true);
    world.refuses("127.0.0.1", trust);
    trust.ca(certificates::pem(world.made.authority));
    world.takes("127.0.0.1", trust);
    trust.danger_accept_invalid_host_names(false);
    world.refuses("127.0.0.1", trust);
    world.takes("localhost", trust);
}

void verifiers(world &world) {
    std::atomic<int> asked{0};
    const std::string expected = world.made.der();
    auto trust = nobody();
    trust.verifier([&](std::string_view host, std::string_view certificate) {
        asked++;
        CHECK(host == "127.0.0.1" || host == "localhost");
        return certificate == expected && host == "127.0.0.1";
    });
    /* It decides in the place of the authorities and the name. */
    world.takes("127.0.0.1", trust);
    world.refuses("localhost", trust);
    CHECK(asked == 2);
    trust.verifier([&](std::string_view, std::string_view) -> bool {
        asked++;
        throw std::runtime_error("cannot say");
    });
    world.refuses("127.0.0.1", trust);
    CHECK(asked == 3);
}

} // namespace

int main() {
    world world;
    authorities(world);
    dangers(world);
    verifiers(world);
    return 0;
}
