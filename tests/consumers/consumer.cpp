/* A program of somebody else, against an installed copy. */
#include <mqttlink.hpp>

int main() {
    mqttlink::client client(mqttlink::options("mqtts://localhost"));
    return mqttlink::topic_matches("a/#", "a/b") && !client.is_connected() ? 0 : 1;
}
