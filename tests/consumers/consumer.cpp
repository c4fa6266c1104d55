/* A program of somebody else, against an installed copy: a broker and a client that speak to each other. */
#include <mqttlink.hpp>

int main() {
    using namespace std::chrono_literals;
    mqttlink::broker broker(mqttlink::broker_options::for_test());
    mqttlink::client client(mqttlink::options("127.0.0.1", broker.port()));
    auto readings = broker.subscribe("a/#");
    client.connect();
    client.publish("a/b", "hello");
    return readings.receive(5s).text() == "hello" ? 0 : 1;
}
