// Everything by event: nothing waits, and the answers come to handlers with the number of their request:
// events [URL]
#include <future>
#include <iostream>
#include <mqttlink.hpp>

using mqttlink::client_ref;
using mqttlink::error;
using mqttlink::qos;
using mqttlink::results_view;

int main(int argc, char **argv) try {
    std::promise<void> finished;
    mqttlink::options options(argc > 1 ? argv[1] : "mqtt://localhost");
    options
        .on_connected([](client_ref self, const mqttlink::granted_view &granted) {
            std::cout << "connected as " << granted.client_id() << '\n';
            self.subscribe_event(mqttlink::subscription("events/#", qos::exactly_once));
        })
        .on_subscribed([](client_ref self, std::uint64_t, const error *failure, const results_view *results) {
            if (failure)
                return;
            std::cout << "subscribed, QoS " << (*results)[0] << '\n';
            self.publish_event("events/1", "hello", {qos::exactly_once});
        })
        .on_published([](client_ref, std::uint64_t, const error *failure, int reason) {
            std::cout << "published: " << (failure ? failure->what() : "the server has it") << " ("
                      << reason << ")\n";
        })
        .on_message([](client_ref self, const mqttlink::message_view &message) {
            std::cout << "message on " << message.topic() << '\n';
            self.unsubscribe_event({"events/#"});
        })
        .on_unsubscribed([](client_ref self, std::uint64_t, const error *, const results_view *) {
            std::cout << "unsubscribed\n";
            (void)self.try_disconnect();
        })
        .on_disconnected([&](client_ref, const error *failure) {
            std::cout << "disconnected" << (failure ? failure->what() : "") << '\n';
            finished.set_value();
        });
    mqttlink::client client(options);
    client.connect();
    finished.get_future().wait();
} catch (const mqttlink::error &failure) {
    std::cerr << failure.what() << '\n';
    return 1;
}
