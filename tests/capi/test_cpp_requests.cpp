/* The C++ class: requests whose answer comes as an event, without exceptions, and spans of time that are over. */
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "mqttlink.hpp"

extern "C" {
#include "check.h"
}

using namespace std::chrono_literals;
using mqttlink::qos;

namespace {

/* What was answered, by the number of its request. */
class answers {
public:
    void add(std::uint64_t id, int reason) {
        std::lock_guard<std::mutex> lock(mutex_);
        all_.emplace_back(id, reason);
        changed_.notify_all();
    }
    int of(std::uint64_t id) {
        std::unique_lock<std::mutex> lock(mutex_);
        int reason = -2;
        CHECK(changed_.wait_for(lock, 60s, [&] {
            for (const auto &one : all_)
                if (one.first == id)
                    reason = one.second;
            return reason != -2;
        }));
        return reason;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::pair<std::uint64_t, int>> all_;
};

void events_without_exceptions() {
    mqttlink::broker broker(mqttlink::broker_options::for_test());
    answers subscribed, unsubscribed, published;
    mqttlink::options options("127.0.0.1", broker.port());
    mqttlink::client silent(options);
    options.on_subscribed([&](mqttlink::client_ref, std::uint64_t id, const mqttlink::error *,
                              const mqttlink::results_view *results) { subscribed.add(id, (*results)[0]); });
    options.on_unsubscribed([&](mqttlink::client_ref, std::uint64_t id, const mqttlink::error *,
                                const mqttlink::results_view *results) { unsubscribed.add(id, (*results)[0]); });
    mqttlink::client client(options.client_id("c"));
    /* Without a connection, without a handler. */
    auto early = client.try_subscribe_event(mqttlink::subscription("a", qos::at_least_once));
    CHECK(!early && early.failure().status() == MQTTLINK_ERROR_NOT_CONNECTED);
    CHECK(client.try_unsubscribe_event({"a"}).failure().status() == MQTTLINK_ERROR_NOT_CONNECTED);
    silent.connect();
    auto deaf = silent.try_subscribe_event(mqttlink::subscription("a", qos::at_least_once));
    CHECK(!deaf && deaf.failure().status() == MQTTLINK_ERROR_INVALID_STATE);
    CHECK(silent.try_unsubscribe_event({"a"}).failure().status() == MQTTLINK_ERROR_INVALID_STATE);

    client.connect();
    CHECK(subscribed.of(client.try_subscribe_event(mqttlink::subscription("a", qos::at_least_once)).value()) == 1);
    CHECK(unsubscribed.of(client.try_unsubscribe_event({"a", std::string("b")}).value()) == 0);
    CHECK(unsubscribed.of(*client.try_unsubscribe_event(std::vector<std::string>{"a"})) ==
          MQTTLINK_REASON_NO_SUBSCRIPTION_EXISTED);
    CHECK(client.try_unsubscribe_event({}).failure().status() == MQTTLINK_ERROR_INVALID_ARGUMENT);

    /* A subscription with a handler of its own, and an outcome by handler. */
    std::atomic<int> taken{0};
    auto take = [&](mqttlink::client_ref, const mqttlink::message_view &) { taken++; };
    auto wrong = client.try_subscribe("a/#/b", qos::at_least_once, take);
    CHECK(!wrong && wrong.failure().status() == MQTTLINK_ERROR_INVALID_FILTER);
    CHECK(client.try_subscribe("own/#", qos::at_least_once, take));
    auto done = [&](mqttlink::client_ref, std::uint64_t, const mqttlink::error *error, int reason) {
        CHECK(!error);
        published.add(1, reason);
    };
    CHECK(client.try_publish_then("own/1", "x", {qos::at_least_once}, done));
    CHECK(published.of(1) == 0);
    WAIT_UNTIL(taken == 1);
    auto refused = client.try_publish_then("own/#", "x", {}, done);
    CHECK(!refused && refused.failure().status() == MQTTLINK_ERROR_INVALID_TOPIC);
    CHECK(!client.try_publish_then("own/1", "x", {}, nullptr));
    client.disconnect();
}

/* A deadline that is computed may have passed: that is no "for ever". */
void spans_that_are_over() {
    mqttlink::broker broker(mqttlink::broker_options::for_test());
    mqttlink::client client(mqttlink::options("127.0.0.1", broker.port()).client_id("c").window(1));
    broker.break_connection("c", MQTTLINK_FAULT_DELAY_MS, 500);
    client.connect();
    auto inside = broker.subscribe("#");
    for (auto over : {-1ms, -2ms, -3ms, 0ms}) {
        CHECK(client.try_receive(over).failure().status() == MQTTLINK_ERROR_TIMEOUT_RECEIVE);
        CHECK(inside.try_receive(over).failure().status() == MQTTLINK_ERROR_TIMEOUT_RECEIVE);
        CHECK(broker.try_wait_for_client("nobody", over).failure().is_timeout());
    }
    mqttlink::publish_options soon{qos::at_least_once};
    soon.timeout = -1ms;
    auto first = client.publish("a", "x", soon);
    CHECK(first.try_wait(-1ms).failure().is_timeout() && first.try_wait(-2ms).failure().is_timeout());
    /* The window is full, and there is no time to wait for room. */
    try {
        client.publish_then("a", "x", soon, [](mqttlink::client_ref, std::uint64_t, const mqttlink::error *, int) {});
        CHECK(!"published");
    } catch (const mqttlink::error &error) {
        CHECK(error.is_full());
    }
    first.wait(mqttlink::forever);
    CHECK(first.try_wait(mqttlink::by_default));
    CHECK(client.disconnect(-1ms) == 0);
}

/* The messages of a session that goes on come to the handler of their filter. */
void resumed() {
    mqttlink::broker broker(mqttlink::broker_options::for_test());
    mqttlink::options options("127.0.0.1", broker.port());
    options.client_id("keeper").clean_start(false).session_expiry(600s);
    {
        mqttlink::client client(options);
        client.connect();
        client.subscribe("house/#", qos::at_least_once);
        client.disconnect();
    }
    broker.publish("house/attic", "x", {qos::at_least_once});
    std::atomic<int> taken{0};
    options.on_filter("house/+", [&](mqttlink::client_ref, const mqttlink::message_view &message) {
        CHECK(message.topic() == "house/attic");
        taken++;
    });
    options.on_filter("house/attic", [](mqttlink::client_ref, const mqttlink::message_view &) { CHECK(!"called"); });
    options.on_filter("house/attic", nullptr);
    mqttlink::client client(options);
    client.connect();
    WAIT_UNTIL(taken == 1);
    client.disconnect();
}

} // namespace

int main() {
    events_without_exceptions();
    spans_that_are_over();
    resumed();
    return 0;
}
