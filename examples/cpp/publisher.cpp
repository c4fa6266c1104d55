// Publishes each line of the standard input, and waits until the server has all of them:
// publisher URL TOPIC < FILE
#include <iostream>
#include <mqttlink.hpp>

int main(int argc, char **argv) try {
    if (argc < 3) {
        std::cerr << "usage: " << argv[0] << " URL TOPIC < FILE\n";
        return 2;
    }
    mqttlink::client client{mqttlink::options(argv[1])};
    client.connect();
    for (std::string line; std::getline(std::cin, line);)
        client.publish(argv[2], line, {mqttlink::qos::at_least_once});
    // Waits until everything is acknowledged, at most five seconds, and says how much was not.
    std::size_t left = client.disconnect(std::chrono::seconds(5));
    if (left > 0)
        std::cerr << left << " messages were not acknowledged\n";
    return left > 0;
} catch (const mqttlink::error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
