// A unit test with a broker inside the process: what a thermostat publishes, and what it does when its
// connection is refused. No server, no fixed port, no sleep: broker
#include <chrono>
#include <iostream>
#include <mqttlink.hpp>

using namespace std::chrono_literals;

// The thing under test: connects and reports its temperature.
static void thermostat(const mqttlink::options &where) {
    mqttlink::client client(where);
    client.connect();
    client.publish("attic/temperature", "21.5", {mqttlink::qos::at_least_once});
    client.disconnect();
}

static void check(bool holds, const char *what) {
    if (!holds)
        throw std::runtime_error(std::string("not so: ") + what);
    std::cout << what << ": as it should be\n";
}

int main() try {
    auto setup = mqttlink::broker_options::for_test();
    // Runs on a thread for authentications, and may take its time.
    setup.on_authenticate([](mqttlink::broker_ref, const mqttlink::peer_view &peer, mqttlink::reply_ref) {
        bool known = peer.user() == "attic" && peer.password() == "secret";
        return known ? 0 : MQTTLINK_REASON_BAD_USER_NAME_OR_PASSWORD;
    });
    mqttlink::broker broker(setup);
    mqttlink::options where("127.0.0.1", broker.port());
    where.client_id("thermostat").credentials("attic", "secret");

    auto readings = broker.subscribe("+/temperature");
    thermostat(where);
    check(readings.receive(5s).text() == "21.5", "the temperature");
    broker.wait_for_client_to_go("thermostat");

    broker.break_connection("thermostat", MQTTLINK_FAULT_REFUSE, MQTTLINK_REASON_SERVER_BUSY);
    try {
        thermostat(where);
        check(false, "it notices a server that is busy");
    } catch (const mqttlink::refused_error &error) {
        check(error.reason() == MQTTLINK_REASON_SERVER_BUSY, "it notices a server that is busy");
    }
    broker.repair();
    thermostat(where);
} catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
