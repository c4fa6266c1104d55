// Prints the messages of a filter until it is interrupted with Ctrl-C, and reconnects by itself:
// subscriber URL FILTER [COUNT]
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <mqttlink.hpp>
#include <thread>

static mqttlink::client *running;
static volatile std::sig_atomic_t stopped;

static void stop(int) {
    stopped = 1;
    running->interrupt();
}

// Connects again, however long that takes, and subscribes anew if the server has lost the session.
static void come_back(mqttlink::client &client, const std::string &filter) {
    for (mqttlink::milliseconds pause(1000); !stopped; pause = std::min(2 * pause, mqttlink::milliseconds(16000))) {
        try {
            if (!client.is_connected() && client.reconnect().session_present())
                return;
            client.subscribe(filter, mqttlink::qos::at_least_once);
            return;
        } catch (const mqttlink::error &error) {
            std::cerr << error.what() << '\n';
        }
        for (int i = 0; i < 10 && !stopped; i++)
            std::this_thread::sleep_for(pause / 10);
    }
}

int main(int argc, char **argv) try {
    if (argc < 3) {
        std::cerr << "usage: " << argv[0] << " URL FILTER [COUNT]\n";
        return 2;
    }
    long left = argc > 3 ? std::atol(argv[3]) : -1;
    mqttlink::options options(argv[1]);
    options.session_expiry(std::chrono::hours(1));
    mqttlink::client client(options);
    running = &client;
    std::signal(SIGINT, stop);
    std::signal(SIGTERM, stop);
    client.connect();
    client.subscribe(argv[2], mqttlink::qos::at_least_once);
    std::cerr << "subscribed\n";

    while (!stopped && left != 0) {
        auto message = client.try_receive(mqttlink::forever);
        if (message) {
            std::cout << message->topic() << ' ' << message->text() << std::endl;
            left--;
        } else if (message.failure().status() != MQTTLINK_ERROR_INTERRUPTED) {
            std::cerr << message.failure().what() << '\n';
            come_back(client, argv[2]);
        }
    }
    client.disconnect();
} catch (const mqttlink::error &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
