/* The header alone, and a second time. */
#include "mqttlink.hpp"
#include "mqttlink.hpp"

/* What only a use shows: templates, and handlers of each kind. */
int main() {
    mqttlink::options setup("mqtt://localhost");
    setup.on_message([](mqttlink::client_ref, const mqttlink::message_view &) {})
        .on_published([](mqttlink::client_ref, std::uint64_t, const mqttlink::error *, int) {})
        .transport(nullptr);
    mqttlink::client client(setup);
    auto sent = client.try_publish("a", std::vector<unsigned char>(3));
    return sent && client.try_receive() ? 0 : 1;
}
