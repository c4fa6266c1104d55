/* The methods of the C++ class that the other suites do not need: each setting, and what comes of it. */
#include <atomic>
#include <thread>

#include "mqttlink.hpp"

extern "C" {
#include "check.h"
}

using namespace std::chrono_literals;
using mqttlink::qos;

namespace {

/* What the settings of a client say in its CONNECT. */
void options() {
    mqttlink::scripted_server server;
    mqttlink::options setup("127.0.0.1", server.port());
    setup.client_id("c").clean_start(false).keep_alive(0s).ping_timeout(5s).drain_timeout(1s);
    setup.maximum_packet_size(5000).topic_alias_maximum(3).topic_aliases(2).receive_maximum(7);
    setup.request_problem_information(false).request_response_information(true);
    setup.queue_max(10, 1000).out_buffer_max(100000).in_flight_bytes_max(100000);
    setup.no_delay(true).tcp_keep_alive(60s).socket_buffers(8192, 8192).bind_address("127.0.0.1");
    setup.stream_above(1000000).acknowledge(mqttlink::acknowledge::when_handled);
    mqttlink::client client(setup);
    std::thread script([&] {
        auto connection = server.accept(mqttlink::protocol::mqtt_5);
        auto line = connection.expect_packet();
        CHECK(line.rfind("CONNECT", 0) == 0);
        /* CONNACK: the session is there, QoS 1 at most. */
        connection.send(std::string_view("\x20\x05\x01\x00\x02\x24\x01", 7));
        connection.expect_packet();
    });
    mqttlink::granted granted = client.connect();
    CHECK(granted.maximum_qos() == qos::at_least_once && granted.keep_alive() == 0s);
    client.disconnect();
    script.join();
}

/* What the server grants, and ends of a connection. */
void connections() {
    mqttlink::broker broker(mqttlink::broker_options::for_test());
    std::atomic<int> failed{0}, sent{0};
    mqttlink::options setup("127.0.0.1", broker.port());
    setup.client_id("c").drain_timeout(1s).on_connect_failed([&](mqttlink::client_ref, const mqttlink::error *error) {
        CHECK(error && error->server_reference().empty() && error->user_properties().empty());
        failed++;
    });
    setup.on_packet([&](mqttlink::client_ref, const mqttlink::packet_view &shown) { sent += shown.is_sent(); });
    mqttlink::client client(setup);
    mqttlink::granted granted = client.connect();
    CHECK(granted.maximum_packet_size() == 2000000 && granted.topic_alias_maximum() == 64);
    CHECK(granted.retain_available() && granted.wildcard_available() && granted.shared_available());
    CHECK(granted.subscription_id_available() && client.last_granted().client_id() == granted.client_id());
    CHECK(!client.try_re_authenticate() && !client.try_reconfigure(setup));
    client.abort();
    broker.wait_for_client_to_go("c");
    CHECK(client.try_reconnect() && client.try_disconnect() && !client.try_disconnect());
    broker.break_connection("c", MQTTLINK_FAULT_REFUSE, MQTTLINK_REASON_BANNED);
    CHECK(!client.try_connect());
    WAIT_UNTIL(failed == 1 && sent > 3);
}

/* Messages by hand: acknowledged, refused, later. */
void messages() {
    mqttlink::broker broker(mqttlink::broker_options::for_test());
    mqttlink::options setup("127.0.0.1", broker.port());
    mqttlink::client client(setup.acknowledge(mqttlink::acknowledge::manually));
    client.connect();
    mqttlink::subscription both;
    both.add("a", qos::at_least_once).add("b", qos::at_least_once, false, true, mqttlink::retain_handling::send);
    CHECK(client.subscribe(both).all_granted());
    auto next = [&](const char *topic) {
        auto delivery = client.publish(topic, "1234", {qos::at_least_once});
        delivery.wait();
        CHECK(delivery.is_done());
        return client.receive(60s);
    };
    mqttlink::message first = next("a");
    CHECK(!first.dup() && !first.is_streamed() && first.payload_size() == 4);
    first.acknowledge();
    next("b").take_acknowledger().accept();
    mqttlink::message refused = next("a");
    refused.take_acknowledger().reject(MQTTLINK_REASON_NOT_AUTHORIZED);
    client.disconnect();
}

/* A verifier decides, and what cannot be read says so when a client is made. */
void secrets() {
    auto fails = [](mqttlink::tls &tls, mqttlink_status status) {
        auto made = mqttlink::client::try_make(mqttlink::options("mqtts://127.0.0.1").tls(tls));
        CHECK(!made && made.failure().status() == status);
    };
    mqttlink::tls authority, authority_file, identity, memory, pkcs, pkcs_file;
    fails(authority.ca("no certificate"), MQTTLINK_ERROR_TLS_AUTHORITY);
    fails(authority_file.ca_file("/nowhere.pem"), MQTTLINK_ERROR_TLS_AUTHORITY);
    fails(identity.certificate_file("/nowhere.pem").key_file("/nowhere.key"), MQTTLINK_ERROR_TLS_CERTIFICATE);
    fails(memory.certificate("no").key("no").key_password("no"), MQTTLINK_ERROR_TLS_CERTIFICATE);
    fails(pkcs.pkcs12("no", "secret"), MQTTLINK_ERROR_TLS_KEY);
    fails(pkcs_file.pkcs12_file("/nowhere.p12", "secret"), MQTTLINK_ERROR_TLS_KEY);
    mqttlink::tls settings;
    settings.system_roots(false).alpn("mqtt").server_name("localhost").sni(true).max_version(mqttlink::tls_version::tls_1_3);
    settings.min_version(mqttlink::tls_version::tls_1_2).danger_accept_invalid_certificates(true);
    settings.danger_accept_invalid_host_names(true);
    settings.verifier([](std::string_view, std::string_view) { return false; });
    CHECK(mqttlink::client::try_make(mqttlink::options("mqtts://127.0.0.1").tls(settings)));
}

/* The server's last data of an exchange goes to the client. */
struct closing : mqttlink::exchange {
    int step(std::optional<std::string_view>, mqttlink::reply_ref reply) override {
        reply.data("proof");
        return 0;
    }
};
struct checking : mqttlink::authenticator {
    explicit checking(std::string &seen) : seen_(seen) {}
    std::string start() override { return "begin"; }
    std::string respond(std::string_view) override { return ""; }
    void finish(std::string_view data) override { seen_ = data; }
    std::string &seen_;
};

void last_data() {
    std::string seen;
    auto setup = mqttlink::broker_options::for_test();
    setup.on_exchange([](mqttlink::broker_ref, const mqttlink::peer_view &) -> std::unique_ptr<mqttlink::exchange> {
        return std::make_unique<closing>();
    });
    mqttlink::broker broker(setup);
    mqttlink::options options("127.0.0.1", broker.port());
    options.authenticator("PROOF", std::make_shared<checking>(seen));
    mqttlink::client client(options);
    client.connect();
    CHECK(seen == "proof");
    client.disconnect();
}

/* What is under the classes is C's, and can be used beside them. */
void handles() {
    mqttlink::properties list;
    list.add_user("a", "b");
    CHECK(std::distance(list.begin(), list.end()) == 1);
    mqttlink::publish_options how;
    CHECK(how.list() == nullptr);
    how.properties = &list;
    CHECK(how.list() == list.get() && mqttlink_properties_count(list.get()) == 1);
}

} // namespace

int main() {
    last_data();
    handles();
    options();
    connections();
    messages();
    secrets();
    return 0;
}
