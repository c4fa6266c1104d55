/* The C++ class against the server in the test's own process. */
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mqttlink.hpp"

extern "C" {
#include "server.h"
}

using namespace std::chrono_literals;
using mqttlink::qos;

namespace {

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

static_assert(!std::is_copy_constructible_v<mqttlink::client>);
static_assert(std::is_move_constructible_v<mqttlink::client>);
static_assert(!std::is_copy_constructible_v<mqttlink::message>);
static_assert(std::is_nothrow_move_constructible_v<mqttlink::message>);
/* A view of what is about to go is not made by accident. */
static_assert(!std::is_constructible_v<mqttlink::message_view, mqttlink::message>);
static_assert(!std::is_constructible_v<mqttlink::granted_view, mqttlink::granted>);
static_assert(!std::is_constructible_v<mqttlink::results_view, mqttlink::results>);
static_assert(!std::is_constructible_v<mqttlink::client_ref, mqttlink::client>);
static_assert(!std::is_constructible_v<mqttlink::broker_ref, mqttlink::broker>);
static_assert(std::is_constructible_v<mqttlink::message_view, const mqttlink::message &>);
/* An exception that is thrown is copied. */
static_assert(std::is_nothrow_copy_constructible_v<mqttlink::error>);
static_assert(std::is_nothrow_copy_constructible_v<mqttlink::refused_error>);
static_assert(std::is_nothrow_copy_assignable_v<mqttlink::error>);

template <class E, class F> void throws(mqttlink_status status, F call) {
    try {
        call();
    } catch (const E &error) {
        CHECK(error.status() == status && *error.what() != 0);
        return;
    }
    CHECK(!"no exception");
}

void properties() {
    mqttlink::properties list;
    list.set(MQTTLINK_PROPERTY_MESSAGE_EXPIRY_INTERVAL, 60u)
        .set(MQTTLINK_PROPERTY_CONTENT_TYPE, "text/plain")
        .set_data(MQTTLINK_PROPERTY_CORRELATION_DATA, std::string_view("a\0b", 3))
        .add_user("unit", "kelvin");
    int count = 0;
    for (const mqttlink::property &property : list.view())
        count += property.id == MQTTLINK_PROPERTY_USER_PROPERTY ? 10 : 1;
    CHECK(count == 13 && list.view().size() == 4);
    CHECK(list.view().number(MQTTLINK_PROPERTY_MESSAGE_EXPIRY_INTERVAL) == 60u);
    CHECK(list.view().value(MQTTLINK_PROPERTY_CORRELATION_DATA)->size() == 3);
    CHECK(list.view().user("unit") == "kelvin" && !list.view().user("other"));
    mqttlink::properties copy(list.view());
    copy.remove(MQTTLINK_PROPERTY_USER_PROPERTY);
    mqttlink::properties moved = std::move(copy);
    CHECK(moved.view().size() == 3);
    throws<mqttlink::usage_error>(MQTTLINK_ERROR_NUMBER, [&] { list.set(99, 1u); });
    CHECK(mqttlink::topic_matches("a/#", "a/b") && mqttlink::version() != nullptr);
}

void failures(server *server) {
    throws<mqttlink::usage_error>(MQTTLINK_ERROR_INVALID_URL, [] { mqttlink::options("http://x"); });
    mqttlink::options options(server_url(server));
    options.client_id("refused").connect_timeout(5s).keep_alive(10s);
    mqttlink::client client(options);
    throws<mqttlink::refused_error>(MQTTLINK_ERROR_REFUSED, [&] { client.connect(); });
    auto refused = client.try_connect();
    CHECK(!refused && refused.failure().reason() == 0x87);
    CHECK(refused.failure().reason_string() == "not on Sunday" && client.last_error());
    throws<mqttlink::disconnected_error>(MQTTLINK_ERROR_NOT_CONNECTED,
                                         [&] { client.publish("a", "b"); });
    mqttlink::client next(mqttlink::options("127.0.0.1", server_port(server)));
    next.connect();
    throws<mqttlink::timeout_error>(MQTTLINK_ERROR_TIMEOUT_RECEIVE, [&] { next.receive(1ms); });
    CHECK(!next.try_receive());
    std::thread other([&] { next.interrupt(); });
    throws<mqttlink::error>(MQTTLINK_ERROR_INTERRUPTED, [&] { next.receive(); });
    other.join();
}

void messages(server *server) {
    mqttlink::options options(server_url(server));
    options.version(mqttlink::protocol::mqtt_5)
        .credentials("user", "secret")
        .will("status", "gone", qos::at_least_once, true)
        .session_expiry(60s)
        .user_property("a", "b");
    mqttlink::client made(options);
    mqttlink::client client = std::move(made);
    mqttlink::granted granted = client.connect();
    CHECK(granted.receive_maximum() == 40 && granted.client_id() == "assigned");
    CHECK(granted.version() == mqttlink::protocol::mqtt_5 && granted.properties().user("old") == "news");
    CHECK(client.subscribe("a", qos::exactly_once) == qos::exactly_once);
    throws<mqttlink::refused_error>(MQTTLINK_ERROR_SUBSCRIBE_REFUSED,
                                    [&] { client.subscribe("no", qos::at_most_once); });
    mqttlink::properties list;
    list.add_user("unit", "kelvin");
    for (qos level : {qos::at_most_once, qos::at_least_once, qos::exactly_once}) {
        client.publish("a", "hello", {level, false, &list}).wait();
        mqttlink::message message = client.receive(60s);
        CHECK(message.topic() == "a" && message.text() == "hello" && message.qos() == level);
        CHECK(message.properties().user("unit") == "kelvin");
        mqttlink::message copy = message.copy();
        CHECK(copy.text() == "hello");
    }
    auto refused = client.publish("refuse", "x", {qos::at_least_once}).try_wait(60s);
    CHECK(!refused && refused.failure().is_refused());
    CHECK(client.try_publish("quiet", "x").has_value());
    int left = 1000;
    client.publish_source("quiet", 1000, [&](void *data, std::size_t size) {
        std::size_t count = std::min<std::size_t>(size, static_cast<std::size_t>(left));
        std::memset(data, 'x', count);
        left -= static_cast<int>(count);
        return count;
    }).wait();
    mqttlink::payload taken(std::string(5000, 'x'));
    static const char lent[5000] = "y";
    int released = 0;
    {
        mqttlink::payload payload(lent, sizeof lent, [&] { released++; });
        client.publish("a", payload).wait();
        client.publish("quiet", taken, {qos::at_least_once}).wait();
    }
    CHECK(client.receive(60s).text() == std::string_view(lent, sizeof lent));
    CHECK(left == 0 && client.statistics().connects == 1);
    CHECK(client.disconnect(1s, MQTTLINK_REASON_DISCONNECT_WITH_WILL) == 0);
    CHECK(released == 1);
    CHECK(client.reconnect().keep_alive() == 60s);
    client.disconnect();
}

class secret : public mqttlink::authenticator {
public:
    std::string start() override { return "first"; }
    std::string respond(std::string_view challenge) override {
        CHECK(challenge == "next");
        return "answer";
    }
};

void events(server *server) {
    gate connected, message, own, published, subscribed, unsubscribed, gone, packet, completion;
    std::atomic<std::uint64_t> last{0};
    mqttlink::options options(server_url(server));
    options.on_connected([&](mqttlink::client_ref, const mqttlink::granted_view &) { connected.open(); })
        .on_message([&](mqttlink::client_ref client, const mqttlink::message_view &got) {
            CHECK(got.topic() == "b");
            client.publish("quiet", "from inside", {qos::at_least_once}).wait();
            message.open();
        })
        .on_published([&](mqttlink::client_ref, std::uint64_t id, const mqttlink::error *error, int) {
            CHECK(!error);
            last = id;
            published.open();
        })
        .on_subscribed([&](mqttlink::client_ref, std::uint64_t, const mqttlink::error *,
                           const mqttlink::results_view *results) {
            CHECK(results->all_granted() && (*results)[0] == 1);
            subscribed.open();
        })
        .on_unsubscribed([&](mqttlink::client_ref, std::uint64_t, const mqttlink::error *,
                             const mqttlink::results_view *) { unsubscribed.open(); })
        .on_server_disconnect([&](mqttlink::client_ref, const mqttlink::error *error) {
            CHECK(error->reason_string() == "maintenance");
        })
        .on_disconnected([&](mqttlink::client_ref client, const mqttlink::error *error) {
            if (error)
                client.reconnect();
            gone.open();
        })
        .on_packet([&](mqttlink::client_ref, const mqttlink::packet_view &shown) {
            CHECK(!shown.line().empty() && !shown.bytes().empty());
            packet.open();
        })
        .authenticator("TEST", std::make_shared<secret>());
    mqttlink::client client(options);
    client.connect();
    connected.wait(1);
    client.re_authenticate();
    client.subscribe_event(mqttlink::subscription("b", qos::at_least_once));
    subscribed.wait(1);
    client.subscribe("own/+", qos::at_least_once,
                     [&](mqttlink::client_ref, const mqttlink::message_view &) { own.open(); });
    client.publish("own/1", "x", {qos::exactly_once}).wait();
    own.wait(1);
    client.publish("b", "x", {qos::exactly_once}).wait();
    message.wait(1);
    std::uint64_t id = client.publish_event("quiet", "x", {qos::at_least_once});
    published.wait(1);
    CHECK(last == id);
    client.publish_then("quiet", "x", {}, [&](mqttlink::client_ref, std::uint64_t,
                                              const mqttlink::error *, int) { completion.open(); });
    completion.wait(1);
    client.unsubscribe({"own/+"});
    client.unsubscribe_event({"b"});
    unsubscribed.wait(1);
    client.publish("kick", "x");
    gone.wait(1);
    connected.wait(2);
    packet.wait(10);
}

/* Each way not to get a connection is one exception: no name, nobody there, no TLS. */
void no_connection() {
    unsigned short deaf;
    int held = deaf_on_loopback(&deaf);
    mqttlink::client nobody{mqttlink::options("127.0.0.1", deaf)};
    throws<mqttlink::connection_error>(MQTTLINK_ERROR_CONNECT_FAILED, [&] { nobody.connect(); });
    auto failure = nobody.try_connect().failure();
    auto copy = failure;
    CHECK(copy.os_code() == ECONNREFUSED && copy.stage() == MQTTLINK_STAGE_TCP && copy.is_retryable());
    CHECK(!copy.is_disconnected() && !copy.is_full() && copy.reason() == -1 && copy.reason_string().empty());
    close(held);
    auto none = [](std::string_view, std::uint16_t) {
        return std::vector<std::pair<std::string, std::uint16_t>>();
    };
    mqttlink::client lost(mqttlink::options("mqtt://nowhere.invalid").resolver(none));
    throws<mqttlink::connection_error>(MQTTLINK_ERROR_NO_ADDRESS, [&] { lost.connect(); });
    mqttlink::scripted_server script;
    mqttlink::client plain{mqttlink::options("mqtts://127.0.0.1:" + std::to_string(script.port()))};
    std::thread answer([&] { script.accept(mqttlink::protocol::mqtt_5).send("HTTP/1.1 400 Bad Request\r\n"); });
    throws<mqttlink::connection_error>(MQTTLINK_ERROR_TLS_HANDSHAKE, [&] { plain.connect(); });
    answer.join();
}

/* What a string cannot say is an error, not half of it. */
void strings_with_nul(server *server) {
    using namespace std::string_literals;
    mqttlink::client client(mqttlink::options(server_url(server)).client_id("whole"));
    client.connect();
    auto cut = "a\0b"s;
    throws<mqttlink::usage_error>(MQTTLINK_ERROR_UTF8, [&] { client.publish(cut, "x"); });
    throws<mqttlink::usage_error>(MQTTLINK_ERROR_UTF8, [&] { client.subscribe(cut, qos::at_most_once); });
    CHECK(client.try_publish(cut, "x").failure().status() == MQTTLINK_ERROR_UTF8);
    CHECK(client.try_subscribe(cut, qos::at_most_once).failure().status() == MQTTLINK_ERROR_UTF8);
    CHECK(!client.try_unsubscribe({cut}));
    throws<mqttlink::usage_error>(MQTTLINK_ERROR_UTF8, [&] { mqttlink::options("mqtt://a\0b"s); });
}

/* An empty handler takes the one before away, as NULL does in C. */
void no_handlers(server *server) {
    mqttlink::options options(server_url(server));
    auto kept = std::make_shared<int>(0);
    options.on_message([kept](mqttlink::client_ref, const mqttlink::message_view &) { ++*kept; });
    CHECK(kept.use_count() == 2);
    options.on_message({}).on_disconnected(nullptr);
    CHECK(kept.use_count() == 1);
    mqttlink::client client(options);
    client.connect();
    mqttlink::subscription what("none", qos::at_least_once);
    client.subscribe(what.handler(nullptr));
    client.publish("none", "x", {qos::at_least_once}).wait();
    CHECK(client.receive(60s).text() == "x" && *kept == 0);
    throws<mqttlink::usage_error>(MQTTLINK_ERROR_NULL,
                                  [&] { client.publish_then("none", "x", {}, nullptr); });
    std::vector<std::string> filters{"none", "other"};
    CHECK(client.unsubscribe(filters).size() == 2);
    client.disconnect();
}

/* What the source of a payload throws comes out of the call. */
void sources_that_throw(server *server) {
    mqttlink::client client{mqttlink::options(server_url(server))};
    client.connect();
    try {
        client.publish_source("a", 10, [](void *, std::size_t) -> std::size_t {
            throw std::out_of_range("no more");
        });
        CHECK(!"no exception");
    } catch (const std::out_of_range &error) {
        CHECK(std::strcmp(error.what(), "no more") == 0);
    }
}

/* How long a publish waits for room is what its options say, also where the outcome is an event. */
void events_that_do_not_wait(server *server) {
    mqttlink::options options(server_url(server));
    options.window(1).publish_timeout(600s).on_published(
        [](mqttlink::client_ref, std::uint64_t, const mqttlink::error *, int) {});
    mqttlink::client client(options);
    client.connect();
    mqttlink::publish_options how;
    how.qos = qos::at_least_once;
    how.timeout = 0ms;
    CHECK(client.publish_event("silent", "x", how) > 0);
    throws<mqttlink::error>(MQTTLINK_ERROR_WINDOW_FULL, [&] { client.publish_event("silent", "x", how); });
    auto refused = client.try_publish_event("silent", "x", how);
    CHECK(!refused && refused.failure().is_full());
    auto left = client.drain(0ms);
    CHECK(left.size() == 1 && left[0].topic == "silent" && left[0].payload == "x" && left[0].kept);
    CHECK(left[0].qos == qos::at_least_once && left[0].properties.view().empty());
}

/* A value can be taken out of a result that is const or passing by. */
void results(server *server) {
    const auto made = mqttlink::client::try_make(mqttlink::options(server_url(server)));
    CHECK(made && made->state() == MQTTLINK_DISCONNECTED);
    mqttlink::granted granted = (*made).try_connect().value();
    CHECK(!granted.client_id().empty());
    auto none = mqttlink::client::try_make(mqttlink::options("mqtt://a").will("a/#", "x"));
    CHECK(!none && none.failure().status() == MQTTLINK_ERROR_INVALID_TOPIC);
    auto resolver = [](std::string_view, std::uint16_t) -> std::vector<std::pair<std::string, std::uint16_t>> {
        throw std::runtime_error("no");
    };
    auto lost = mqttlink::client(mqttlink::options("mqtt://nowhere.invalid").resolver(resolver)).try_connect();
    CHECK(!lost && lost.failure().status() == MQTTLINK_ERROR_HOST_NOT_FOUND);
    int seen = 0;
    mqttlink::properties list;
    for (const auto &property : list.add_user("a", "b").add_user("a", "c"))
        seen += property.name == "a";
    CHECK(seen == 2);
}

/* What was moved from holds nothing, whatever becomes of what it held. */
void moved_from(server *server) {
    mqttlink::client first{mqttlink::options(server_url(server))};
    mqttlink::client second = std::move(first);
    mqttlink::granted granted = second.connect();
    throws<mqttlink::usage_error>(MQTTLINK_ERROR_NULL, [&] { first.publish("a", "x"); });
    mqttlink::results results = second.subscribe(mqttlink::subscription("a", qos::at_most_once));
    second.publish("a", "x").wait();
    mqttlink::message message = second.receive(60s);
    {
        mqttlink::granted taken = std::move(granted);
        mqttlink::results answer = std::move(results);
        mqttlink::message kept = std::move(message);
        CHECK(taken.client_id() == "assigned" && answer.size() == 1 && kept.text() == "x");
        kept = std::move(message);
    }
    CHECK(message.topic().empty() && message.text().empty() && message.properties().empty());
    CHECK(granted.client_id().empty() && results.size() == 0);
    first = std::move(second);
    CHECK(first.is_connected() && !second.is_connected());
}

/* Numbers and pointers that C++ allows and C does not know. */
void odd_settings(server *server) {
    mqttlink::options options(server_url(server));
    options.keep_alive(-5s).connect_timeout(mqttlink::forever).response_timeout(mqttlink::by_default);
    mqttlink::client client(options);
    CHECK(client.connect().keep_alive() == 0s);
    throws<mqttlink::usage_error>(MQTTLINK_ERROR_NULL, [&] { options.authenticator("M", nullptr); });
    throws<mqttlink::error>(MQTTLINK_ERROR_INVALID_STATE, [&] { client.reconfigure(options); });
    client.disconnect();
    client.reconfigure(options.client_id("another"));
    client.connect();
    mqttlink::properties list;
    CHECK(list.add_user("a", "b").begin()->name == "a");
}

/* A socket of the program's own, as a stream for the client. */
class own_socket : public mqttlink::stream {
public:
    own_socket(std::uint16_t port, std::atomic<int> &alive) : socket_(::socket(AF_INET, SOCK_STREAM, 0)), alive_(alive) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ++alive_;
        CHECK(::connect(socket_, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
        timeval patience{0, 200000};
        CHECK(::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0);
    }
    ~own_socket() override {
        ::close(socket_);
        --alive_;
    }
    std::size_t read(void *data, std::size_t size) override { return done(::recv(socket_, data, size, 0)); }
    std::size_t write(const void *data, std::size_t size) override {
        return done(::send(socket_, data, size, MSG_NOSIGNAL));
    }
    void close() noexcept override { ::shutdown(socket_, SHUT_RDWR); }

private:
    static std::size_t done(ssize_t count) {
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return 0;
        if (count < 0)
            throw std::system_error(errno, std::generic_category());
        return static_cast<std::size_t>(count);
    }
    int socket_;
    std::atomic<int> &alive_;
};

void transports(server *server) {
    std::atomic<int> alive{0}, opened{0};
    {
        mqttlink::options options("mqtt://device");
        options.transport([&](std::string_view host, std::uint16_t port, mqttlink::milliseconds limit) {
            CHECK(host == "device" && port == 1883 && limit.count() != 0);
            opened++;
            return std::make_unique<own_socket>(server_port(server), alive);
        });
        mqttlink::client client(options);
        std::string large(200000, 'x');
        for (int i = 0; i < 2; i++) {
            client.connect();
            client.publish("a", large, {qos::exactly_once}).wait();
            CHECK(client.receive(60s).text() == large);
            client.disconnect();
        }
        client.connect();
        client.publish("cut", "x");
        throws<mqttlink::disconnected_error>(MQTTLINK_ERROR_CONNECTION_CLOSED, [&] { client.receive(60s); });
    }
    CHECK(opened == 3);
    WAIT_UNTIL(alive == 0);
    /* What opening throws is the failure. */
    auto attempt = [](mqttlink::open_handler open) {
        return mqttlink::client(mqttlink::options("mqtt://device").transport(std::move(open))).try_connect();
    };
    auto number = attempt([](std::string_view, std::uint16_t, mqttlink::milliseconds) -> std::unique_ptr<mqttlink::stream> {
        throw std::system_error(ENETDOWN, std::generic_category());
    });
    CHECK(!number && number.failure().os_code() == ENETDOWN);
    auto other = attempt([](std::string_view, std::uint16_t, mqttlink::milliseconds) -> std::unique_ptr<mqttlink::stream> {
        throw 1;
    });
    CHECK(!other && other.failure().os_code() == EIO);
    auto none = attempt([](std::string_view, std::uint16_t, mqttlink::milliseconds) {
        return std::unique_ptr<mqttlink::stream>();
    });
    CHECK(!none && none.failure().os_code() == EHOSTUNREACH);
    throws<mqttlink::usage_error>(MQTTLINK_ERROR_NULL, [] { mqttlink::options("mqtt://a").transport(nullptr); });
}

/* Topics and payloads of every kind that C++ has, also where nobody wants to know the outcome. */
void kinds(server *server) {
    mqttlink::client client(mqttlink::options(server_url(server)));
    client.connect();
    std::string_view path = "rooms/attic";
    std::vector<std::uint8_t> vector{0, 1, 255};
    const std::byte array[] = {std::byte{0}, std::byte{1}, std::byte{255}};
    const std::string_view expected("\0\1\xff", 3);
    auto received = [&] {
        mqttlink::message message = client.receive(60s);
        CHECK(message.data() == message.text().data() && message.topic() == "rooms");
        return message.text() == expected;
    };
    client.publish(path.substr(0, 5), vector).wait();
    CHECK(received());
    client.publish_and_forget(std::string("rooms"), array);
    CHECK(received());
    client.publish_and_forget("rooms", {vector.data(), vector.size()}, {qos::at_least_once});
    CHECK(received());
    CHECK(client.try_publish_and_forget("rooms", expected));
    CHECK(received());
    client.publish_and_forget("rooms", mqttlink::payload(vector));
    CHECK(received());
    CHECK(client.try_publish_and_forget("rooms", mqttlink::payload(std::vector<std::byte>(array, array + 3))));
    CHECK(received());
    CHECK(client.try_publish_and_forget("a/#", "x").failure().status() == MQTTLINK_ERROR_INVALID_TOPIC);
    const char *nothing = nullptr;
    throws<mqttlink::usage_error>(MQTTLINK_ERROR_NULL, [&] { client.publish_and_forget(nothing, "x"); });
    client.publish("rooms", nothing).wait();
    CHECK(client.receive(60s).text().empty());
    mqttlink::properties list;
    list.add_user("why", "done");
    CHECK(client.subscribe(path, qos::at_least_once) == qos::at_least_once);
    CHECK(client.unsubscribe({path, "b", std::string("c")}, &list).size() == 3);
    CHECK(client.try_unsubscribe({"a"}, &list)->size() == 1);
    CHECK(mqttlink::check_topic_name(path) && !mqttlink::check_topic_name("a/#"));
    CHECK(mqttlink::check_topic_filter("a/#"));
    CHECK(mqttlink::check_topic_filter("a#").failure().status() == MQTTLINK_ERROR_INVALID_FILTER);
    CHECK(!mqttlink::status_text(MQTTLINK_ERROR_NULL).empty() && mqttlink::status_text(12345).empty());
    CHECK(mqttlink::reason_text(0x87) == "not authorized (0x87)" && mqttlink::reason_text(-5).empty());
}

} // namespace

int main() {
    server *server = server_start();
    gate lines;
    mqttlink::log_to([&](int, std::string_view) { lines.open(); }, MQTTLINK_LOG_DEBUG);
    properties();
    failures(server);
    no_connection();
    messages(server);
    events(server);
    strings_with_nul(server);
    no_handlers(server);
    sources_that_throw(server);
    events_that_do_not_wait(server);
    results(server);
    moved_from(server);
    odd_settings(server);
    transports(server);
    kinds(server);
    lines.wait(1);
    mqttlink::log_to({});
    server_stop(server);
    return 0;
}
