/* The broker's C++ classes: hooks, messages of the program itself, the test kit. */
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "mqttlink.hpp"

extern "C" {
#include "check.h"
}

using namespace std::chrono_literals;
using mqttlink::qos;

namespace {

static_assert(!std::is_copy_constructible_v<mqttlink::broker>);
static_assert(std::is_nothrow_move_constructible_v<mqttlink::broker>);
static_assert(!std::is_copy_constructible_v<mqttlink::broker_subscription>);
static_assert(std::is_move_constructible_v<mqttlink::broker_options>);

/* Waits for a number of calls. */
class gate {
public:
    void open() {
        std::lock_guard<std::mutex> lock(mutex_);
        count_++;
        changed_.notify_all();
    }
    void wait(int count) {
        std::unique_lock<std::mutex> lock(mutex_);
        CHECK(changed_.wait_for(lock, 60s, [&] { return count_ >= count; }));
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int count_ = 0;
};

template <class E, class F> void throws(mqttlink_status status, F call) {
    try {
        call();
    } catch (const E &error) {
        CHECK(error.status() == status && *error.what() != 0);
        return;
    }
    CHECK(!"no exception");
}

mqttlink::client connected(const mqttlink::broker &broker, const std::string &id) {
    mqttlink::options options(broker);
    /* The broker's time may be moved on by hours. */
    options.client_id(id).keep_alive(0s);
    mqttlink::client client(options);
    client.connect();
    return client;
}

void settings() {
    mqttlink::broker_options options;
    options.set(MQTTLINK_BROKER_CONNECTIONS, 7)
        .overflow(mqttlink::overflow::drop_oldest)
        .maximum_qos(qos::at_least_once)
        .keep_alive_max(60s)
        .session_expiry_max(120s)
        .connect_timeout(3s)
        .authentication_timeout(4s)
        .closing_timeout(500ms)
        .sys_interval(0ms)
        .allow_anonymous()
        .response_information("answers/")
        .allow_version(mqttlink::protocol::mqtt_3_1, false);
    CHECK(options.number(MQTTLINK_BROKER_CONNECTIONS) == 7);
    CHECK(options.number(MQTTLINK_BROKER_OVERFLOW) == 1);
    CHECK(options.number(MQTTLINK_BROKER_CONNECT_TIMEOUT_MS) == 3000);
    CHECK(options.number(MQTTLINK_BROKER_CLOSING_MS) == 500);
    CHECK(options.number(MQTTLINK_BROKER_SESSION_EXPIRY_MAX_S) == 120);
    CHECK(options.number(MQTTLINK_BROKER_ALLOW_ANONYMOUS) == 1);
    options.connect_timeout(mqttlink::forever).closing_timeout(mqttlink::by_default);
    options.authentication_timeout(-5s).session_expiry_max(mqttlink::seconds::max());
    CHECK(options.number(MQTTLINK_BROKER_CONNECT_TIMEOUT_MS) == UINT32_MAX);
    CHECK(options.number(MQTTLINK_BROKER_CLOSING_MS) == 500);
    CHECK(options.number(MQTTLINK_BROKER_AUTHENTICATION_MS) == 0);
    CHECK(options.number(MQTTLINK_BROKER_SESSION_EXPIRY_MAX_S) == UINT32_MAX);
    throws<mqttlink::usage_error>(MQTTLINK_ERROR_NUMBER,
                                  [&] { options.set(MQTTLINK_BROKER_WINDOW, 0); });
    throws<mqttlink::error>(MQTTLINK_ERROR_INVALID_STATE, [&] { options.virtual_time(); });
    options.listen("no port").allow_version_there(mqttlink::protocol::mqtt_5, false);
    CHECK(!mqttlink::broker::try_start(options));
    throws<mqttlink::connection_error>(MQTTLINK_ERROR_LISTEN_FAILED, [&] { mqttlink::broker broker(options); });
    /* A client finds a broker that waits for its CONNECT for ever. */
    mqttlink::broker patient(mqttlink::broker_options().connect_timeout(mqttlink::forever));
    connected(patient, "slow").disconnect();
    mqttlink::server_tls tls("/nowhere.pem", "/nowhere.key");
    tls.require_client_certificate(true).client_authority("x").client_authority_file("y").min_version(
        mqttlink::tls_version::tls_1_3);
    mqttlink::broker_options secret;
    secret.listen("127.0.0.1:0", tls)
        .listen("127.0.0.1:0", mqttlink::server_tls::from_memory("no", "key"));
    CHECK(mqttlink::broker::try_start(secret).failure().status() == MQTTLINK_ERROR_TLS_CERTIFICATE);
}

void messages() {
    auto started = mqttlink::broker::try_start(mqttlink::broker_options().listen("127.0.0.1:0"));
    mqttlink::broker broker = std::move(started.value());
    CHECK(broker.port() != 0 && broker.addresses().size() == 1);
    CHECK(broker.addresses()[0] == "127.0.0.1:" + std::to_string(broker.port()));
    gate heard;
    auto waiting = broker.subscribe("a/#");
    auto called = broker.subscribe("a/+", [&](mqttlink::broker_ref self,
                                              const mqttlink::message_view &message) {
        CHECK(message.text() == "hello" && self.statistics().clients_connected == 0);
        heard.open();
    });
    mqttlink::properties list;
    list.add_user("unit", "kelvin");
    broker.publish("a/b", "hello", {qos::at_least_once, true, &list});
    mqttlink::message message = waiting.receive(60s);
    CHECK(message.topic() == "a/b" && message.retain() && message.properties().user("unit") == "kelvin");
    heard.wait(1);
    CHECK(waiting.try_receive().failure().is_timeout());
    CHECK(!broker.try_publish("a/#", "x") && broker.try_publish("other", "x"));
    throws<mqttlink::usage_error>(MQTTLINK_ERROR_INVALID_FILTER, [&] { broker.subscribe("#/a"); });

    mqttlink::client client = connected(broker, "inside");
    CHECK(broker.clients().size() == 1 && broker.clients()[0].client_id == "inside");
    CHECK(!broker.clients()[0].address && broker.try_statistics()->clients_connected == 1);
    client.subscribe("b/#", qos::at_least_once);
    CHECK(broker.sessions().size() == 1 && broker.sessions()[0].connected);
    CHECK(broker.session("inside")->client.client_id == "inside" && !broker.session("nobody"));
    CHECK(broker.session("inside")->expiry == 0s && !broker.session("inside")->ends_in);
    CHECK(broker.subscriptions("inside").size() == 1 && broker.subscriptions("nobody").empty());
    CHECK(broker.subscriptions("inside")[0].filter == "b/#" && !broker.delete_session("nobody"));
    CHECK(!broker.disconnect("nobody") && broker.disconnect("inside"));
    throws<mqttlink::refused_error>(MQTTLINK_ERROR_SERVER_DISCONNECTED,
                                    [&] { client.receive(60s); });
    broker.stop();
    CHECK(broker.statistics().connections_total == 1);
    CHECK(broker.try_publish("a", "x").failure().status() == MQTTLINK_ERROR_BROKER_STOPPED);
}

/* Asks how much six times seven is. */
struct riddle : mqttlink::exchange {
    explicit riddle(std::atomic<int> &alive) : alive_(alive) { ++alive_; }
    ~riddle() override { --alive_; }
    int step(std::optional<std::string_view> data, mqttlink::reply_ref reply) override {
        if (data == "begin") {
            reply.data("6*7");
            return MQTTLINK_REASON_CONTINUE_AUTHENTICATION;
        }
        if (data != "42")
            throw 1;
        reply.user("clever");
        return 0;
    }
    std::atomic<int> &alive_;
};

struct guess : mqttlink::authenticator {
    explicit guess(std::string answer) : answer_(std::move(answer)) {}
    std::string start() override { return "begin"; }
    std::string respond(std::string_view) override { return answer_; }
    std::string answer_;
};

void hooks() {
    std::atomic<int> exchanges{0}, refused{0};
    gate connected_gate, gone;
    mqttlink::broker_options setup = mqttlink::broker_options::for_test();
    setup
        .on_authenticate([](mqttlink::broker_ref, const mqttlink::peer_view &peer,
                            mqttlink::reply_ref reply) -> int {
            CHECK(peer.version() == mqttlink::protocol::mqtt_5 && !peer.certificate());
            CHECK(peer.address() && !peer.certificate_subject() && !peer.certificate_common_name());
            if (peer.user() == "thrower")
                throw 1;
            if (peer.user() != "attic" || peer.password() != std::string_view("a\0b", 3))
                return MQTTLINK_REASON_BAD_USER_NAME_OR_PASSWORD;
            reply.user("the attic");
            return 0;
        })
        .on_exchange([&](mqttlink::broker_ref, const mqttlink::peer_view &peer)
                         -> std::unique_ptr<mqttlink::exchange> {
            if (peer.properties().value(MQTTLINK_PROPERTY_AUTHENTICATION_METHOD) != "riddle")
                return nullptr;
            return std::make_unique<riddle>(exchanges);
        })
        .on_authorize([](mqttlink::broker_ref, const mqttlink::peer_view &peer,
                         const mqttlink::request &wanted) {
            CHECK(peer.user() == "the attic" || peer.user() == "clever");
            CHECK((wanted.message != nullptr) == (wanted.action == mqttlink::action::deliver));
            if (wanted.topic == "throw")
                throw 1;
            return wanted.action != mqttlink::action::publish || wanted.topic != "secret";
        })
        .on_intercept([](mqttlink::broker_ref, const mqttlink::peer_view &,
                         const mqttlink::message_view &message, mqttlink::draft_ref draft) {
            if (message.topic() == "bad")
                throw 1;
            if (message.topic() == "change")
                draft.topic("changed").payload("after").qos(qos::exactly_once).retain(true).properties(
                    mqttlink::properties().add_user("by", "hook"));
            return 0;
        })
        .on_event([&](mqttlink::broker_ref, const mqttlink::broker_event_view &event) {
            if (event.kind() == MQTTLINK_EVENT_CONNECTED) {
                CHECK(event.peer()->client_id() == event.client_id() && !event.session_present());
                connected_gate.open();
            } else if (event.kind() == MQTTLINK_EVENT_DISCONNECTED) {
                CHECK(event.cause() == MQTTLINK_CAUSE_GOODBYE && event.reason() == 0);
                gone.open();
            } else if (event.kind() == MQTTLINK_EVENT_REFUSED) {
                CHECK(!event.peer() && event.topic().empty() && event.text().empty());
                refused++;
            }
        });
    mqttlink::broker broker(setup);
    mqttlink::options options("127.0.0.1", broker.port());
    auto attempt = [&](const std::string &user, std::string_view password) {
        options.credentials(user, password);
        mqttlink::client client(options);
        return client.try_connect().failure().reason();
    };
    CHECK(attempt("nobody", "x") == MQTTLINK_REASON_BAD_USER_NAME_OR_PASSWORD);
    CHECK(attempt("thrower", "x") == MQTTLINK_REASON_UNSPECIFIED_ERROR);

    options.credentials("attic", std::string_view("a\0b", 3));
    mqttlink::client client(options);
    client.connect();
    connected_gate.wait(1);
    auto reason = [&](const std::string &topic) {
        auto delivery = client.publish(topic, "before", {qos::at_least_once});
        (void)delivery.try_wait();
        return delivery.reason();
    };
    auto seen = broker.subscribe("changed");
    CHECK(reason("secret") == MQTTLINK_REASON_NOT_AUTHORIZED);
    CHECK(reason("throw") == MQTTLINK_REASON_NOT_AUTHORIZED);
    CHECK(reason("bad") == MQTTLINK_REASON_IMPLEMENTATION_SPECIFIC_ERROR);
    CHECK(reason("change") == 0);
    mqttlink::message changed = seen.receive(60s);
    CHECK(changed.text() == "after" && changed.qos() == qos::exactly_once && changed.retain());
    CHECK(changed.properties().user("by") == "hook");
    client.disconnect();
    gone.wait(1);

    auto riddles = [&](const std::string &method, const std::string &answer) {
        mqttlink::options asked("127.0.0.1", broker.port());
        asked.authenticator(method, std::make_shared<guess>(answer));
        mqttlink::client who(asked);
        auto outcome = who.try_connect();
        if (outcome)
            who.disconnect();
        return outcome ? 0 : outcome.failure().reason();
    };
    CHECK(riddles("riddle", "42") == 0);
    CHECK(riddles("riddle", "41") == MQTTLINK_REASON_UNSPECIFIED_ERROR);
    CHECK(riddles("other", "42") == MQTTLINK_REASON_BAD_AUTHENTICATION_METHOD);
    gone.wait(2);
    broker.stop();
    WAIT_UNTIL(exchanges == 0 && refused == 4);
}

void test_kit() {
    mqttlink::broker broker(mqttlink::broker_options::for_test().virtual_time());
    CHECK(!broker.try_wait_for_client("c", 0ms));
    mqttlink::client client = connected(broker, "c");
    broker.wait_for_client("c");
    client.subscribe("a", qos::at_least_once);
    broker.wait_for_subscription("c", "a");
    CHECK(!broker.try_wait_for_subscription("c", "b", 0ms) && !broker.try_wait_for_client_to_go("c", 0ms));
    auto lost = broker.subscribe("#");
    broker.break_messages("late", MQTTLINK_FAULT_DELAY_MESSAGES_MS, 3600000);
    client.publish("late", "x", {qos::at_least_once}).wait();
    CHECK(!lost.try_receive());
    broker.advance(1h);
    CHECK(lost.receive(60s).topic() == "late");
    client.disconnect();
    broker.wait_for_client_to_go("c");
    broker.break_connection("c", MQTTLINK_FAULT_REFUSE, MQTTLINK_REASON_BANNED);
    CHECK(client.try_connect().failure().reason() == MQTTLINK_REASON_BANNED);
    broker.repair();
    client.connect();
    auto packets = broker.transcript();
    CHECK(packets.size() > 6 && packets[0].from_client && packets[1].client_id == "c");
    CHECK(packets[0].version == mqttlink::protocol::mqtt_5 && packets[0].bytes[0] == 0x10);
    CHECK(packets[1].text.find("CONNACK") != std::string::npos && packets[0].at.count() >= 0);
    mqttlink::broker plain{mqttlink::broker_options()};
    throws<mqttlink::error>(MQTTLINK_ERROR_INVALID_STATE, [&] { plain.repair(); });
}

void scripts() {
    mqttlink::scripted_server server;
    CHECK(!server.try_accept(mqttlink::protocol::mqtt_5, 0ms));
    mqttlink::options options("127.0.0.1", server.port());
    options.version(mqttlink::protocol::mqtt_3_1_1).client_id("c");
    mqttlink::client client(options);
    std::thread script([&] {
        auto connection = server.accept(mqttlink::protocol::mqtt_3_1_1);
        CHECK(connection.expect_packet().rfind("CONNECT", 0) == 0);
        connection.send(std::string_view("\x20\x02\x00\x00", 4));
        connection.expect(std::string_view("\xe0\x00", 2));
        connection.expect_end();
    });
    client.connect();
    client.disconnect();
    script.join();
}

} // namespace

int main() {
    settings();
    messages();
    hooks();
    test_kit();
    scripts();
    return 0;
}
