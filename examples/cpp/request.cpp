// Request and response in MQTT 5.0: request [URL]
#include <iostream>
#include <mqttlink.hpp>

using mqttlink::qos;

int main(int argc, char **argv) try {
    const char *url = argc > 1 ? argv[1] : "mqtt://localhost";
    mqttlink::client server{mqttlink::options(url)}, client{mqttlink::options(url)};
    server.connect();
    client.connect();
    server.subscribe("clock/ask", qos::at_least_once,
                     [](mqttlink::client_ref self, const mqttlink::message_view &request) {
                         auto where = request.properties().value(MQTTLINK_PROPERTY_RESPONSE_TOPIC);
                         if (where)
                             self.publish(std::string(*where), "noon", {qos::at_least_once});
                     });

    client.subscribe("clock/answer", qos::at_least_once);
    mqttlink::properties list;
    list.set(MQTTLINK_PROPERTY_RESPONSE_TOPIC, "clock/answer");
    client.publish("clock/ask", "", {qos::at_least_once, false, &list}).wait();
    std::cout << "it is " << client.receive(std::chrono::seconds(5)).text() << '\n';
    client.disconnect();
    server.disconnect();
} catch (const mqttlink::error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
