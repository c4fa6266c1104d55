// Subscribes with a handler, publishes, and waits for the message: hello [URL]
#include <future>
#include <iostream>
#include <mqttlink.hpp>

int main(int argc, char **argv) try {
    mqttlink::client client(mqttlink::options(argc > 1 ? argv[1] : "mqtt://localhost"));
    client.connect();

    std::promise<std::string> received;
    client.subscribe("greeting", mqttlink::qos::at_least_once,
                     [&](mqttlink::client_ref, const mqttlink::message_view &message) {
                         received.set_value(std::string(message.text()));
                     });
    client.publish("greeting", "hello", {mqttlink::qos::at_least_once}).wait();
    std::cout << "greeting: " << received.get_future().get() << '\n';
    client.disconnect();
} catch (const mqttlink::error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
