/* mqttlink for C++17: a header over mqttlink.h, whose descriptions hold here too.
 *
 *     mqttlink::options options("mqtt://localhost");
 *     options.on_message([](mqttlink::client_ref, const mqttlink::message_view &message) {
 *         std::cout << message.topic() << ": " << message.text() << '\n';
 *     });
 *     mqttlink::client client(options);
 *     client.connect();
 *     client.subscribe("house/#", mqttlink::qos::at_least_once);
 *     client.publish("house/attic", "21.5").wait();
 *     client.disconnect();
 *
 * Classes own what they hold, can be moved and not copied; one that was moved from holds nothing, and its calls
 * fail as those of C do with NULL. Names that end in _view or _ref own nothing and
 * live as long as what they were taken from: in a handler, until it returns. Failures are exceptions
 * derived from mqttlink::error; the try_ forms return a mqttlink::result instead and throw nothing but
 * std::bad_alloc. A client's handlers run on its dispatcher thread, a broker's where mqttlink.h says; one that
 * lets an exception out ends the program with std::terminate, as in std::thread, except those that decide: an
 * exception of theirs is a no.
 *
 *     mqttlink::broker broker(mqttlink::broker_options::for_test());
 *     mqttlink::client client(mqttlink::options(broker).client_id("sensor"));
 *     client.connect();
 *     broker.wait_for_client("sensor"); */
#ifndef MQTTLINK_HPP
#define MQTTLINK_HPP

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "mqttlink.h"

namespace mqttlink {

using milliseconds = std::chrono::milliseconds;
using seconds = std::chrono::seconds;

/* No deadline, and the client's own deadline. They are no spans that a program computes: one that comes out below
 * zero, because its moment has passed, is as good as zero. */
inline constexpr milliseconds forever = milliseconds::max();
inline constexpr milliseconds by_default = milliseconds::min();

enum class qos : std::int32_t { at_most_once = 0, at_least_once = 1, exactly_once = 2 };
enum class protocol : std::int32_t { mqtt_3_1 = 3, mqtt_3_1_1 = 4, mqtt_5 = 5 };
enum class acknowledge : std::int32_t { on_receipt = 0, when_handled = 1, manually = 2 };
enum class retain_handling : std::int32_t { send = 0, send_if_new = 1, do_not_send = 2 };
enum class tls_version : std::int32_t { tls_1_0 = 10, tls_1_1 = 11, tls_1_2 = 12, tls_1_3 = 13 };

class granted;
class results;
class message;
class client;
class broker;
class options;

inline const char *version() noexcept { return mqttlink_version(); }

namespace detail {

inline std::string text(const char *text) { return text ? std::string(text) : std::string(); }
inline std::string_view view(const char *text) noexcept {
    return text ? std::string_view(text) : std::string_view();
}

template <auto Free> struct deleter {
    template <class T> void operator()(T *pointer) const noexcept { Free(pointer); }
};
template <class T, auto Free> using handle = std::unique_ptr<T, deleter<Free>>;

template <class F> void free_function(void *user) noexcept { delete static_cast<F *>(user); }

template <class F> void *keep(F function) { return new F(std::move(function)); }

/* Registers a handler; an empty one is no callback. */
template <class Set, class Owner, class Call, class F>
mqttlink_status place(Set set, Owner *owner, Call call, F handler) {
    if (!handler)
        return set(owner, nullptr, nullptr, nullptr);
    return set(owner, call, keep(std::move(handler)), free_function<F>);
}

/* A deadline, as C takes it. */
inline std::int64_t limit(milliseconds span) noexcept {
    if (span == forever || span == by_default)
        return span == forever ? MQTTLINK_FOREVER : MQTTLINK_DEFAULT;
    return span.count() < 0 ? 0 : span.count();
}

/* The nearest number that C takes for a span of time. */
inline std::uint32_t clamped(std::int64_t count) noexcept {
    return count < 0 ? 0 : count > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(count);
}

} // namespace detail

/* A string that goes in: const char *, std::string, std::string_view and what converts to one of them. Only
 * what has no NUL behind it is copied. One that holds a NUL, which MQTT forbids, is not cut there but fails as
 * bytes do that are no UTF-8. */
class c_string {
public:
    c_string(const char *text) noexcept : at_(text) {}
    c_string(const std::string &text) : at_(text.c_str()) {
        if (text.find('\0') != std::string::npos)
            hold(text);
    }
    c_string(std::string_view text) { hold(text); }
    template <class T, std::enable_if_t<std::is_convertible_v<const T &, std::string> &&
                                            !std::is_convertible_v<const T &, const char *> &&
                                            !std::is_convertible_v<const T &, std::string_view>,
                                        int> = 0>
    c_string(const T &text) {
        const std::string &made = text;
        hold(made);
    }
    c_string(const c_string &) = delete;
    c_string &operator=(const c_string &) = delete;
    operator const char *() const noexcept { return at_; }

private:
    void hold(std::string_view text) {
        auto nul = text.find('\0');
        held_ = text.substr(0, nul);
        if (nul != std::string_view::npos)
            held_ += '\xff';
        at_ = held_.c_str();
    }
    std::string held_;
    const char *at_ = nullptr;
};

/* Bytes that go in and stay somebody else's: text up to its NUL, a pointer and a size, or anything with data()
 * and size() whose elements are one byte each, such as std::string_view, std::vector<std::uint8_t> and
 * std::span<const std::byte>. */
class bytes {
public:
    bytes() noexcept = default;
    bytes(const void *data, std::size_t size) noexcept : data_(data), size_(size) {}
    bytes(const char *text) noexcept : data_(text), size_(detail::view(text).size()) {}
    template <class C, class E = decltype(*std::data(std::declval<const C &>())),
              std::enable_if_t<sizeof(E) == 1 && std::is_trivially_copyable_v<std::remove_reference_t<E>> &&
                                   !std::is_convertible_v<const C &, const char *>,
                               int> = 0>
    bytes(const C &from) noexcept : data_(std::data(from)), size_(std::size(from)) {}
    const void *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }

private:
    const void *data_ = nullptr;
    std::size_t size_ = 0;
};

/* What is known about a failure: it lives as long as wanted, and copying it throws nothing. */
class error : public std::runtime_error {
public:
    explicit error(const mqttlink_error *from)
        : std::runtime_error(mqttlink_error_message(from)), known_(std::make_shared<const known>(from)) {}
    error(const error &) noexcept = default;
    error &operator=(const error &) noexcept = default;

    mqttlink_status status() const noexcept { return known_->status; }
    mqttlink_stage stage() const noexcept { return known_->stage; }
    /* errno; 0 if it does not come from the operating system. */
    int os_code() const noexcept { return known_->os_code; }
    /* The MQTT reason code; -1 if there is none. */
    int reason() const noexcept { return known_->reason; }
    const std::string &reason_string() const noexcept { return known_->reason_string; }
    const std::string &server_reference() const noexcept { return known_->server_reference; }
    /* Those of the packet with which the server refused, in order. */
    const std::vector<std::pair<std::string, std::string>> &user_properties() const noexcept {
        return known_->user_properties;
    }
    bool is_timeout() const noexcept { return known_->timeout; }
    bool is_refused() const noexcept { return known_->refused; }
    bool is_disconnected() const noexcept { return known_->disconnected; }
    bool is_full() const noexcept { return known_->full; }
    bool is_retryable() const noexcept { return known_->retryable; }

    /* Throws the exception of this failure's kind. */
    [[noreturn]] void raise() const;

private:
    struct known {
        explicit known(const mqttlink_error *from)
            : status(mqttlink_error_status(from)), stage(mqttlink_error_stage(from)),
              os_code(mqttlink_error_os_code(from)), reason(mqttlink_error_reason(from)),
              reason_string(detail::text(mqttlink_error_reason_string(from))),
              server_reference(detail::text(mqttlink_error_server_reference(from))),
              timeout(mqttlink_error_is_timeout(from)), refused(mqttlink_error_is_refused(from)),
              disconnected(mqttlink_error_is_disconnected(from)), full(mqttlink_error_is_full(from)),
              retryable(mqttlink_error_is_retryable(from)) {
            mqttlink_property shown{};
            const mqttlink_properties *list = mqttlink_error_properties(from);
            for (std::size_t i = 0; i < mqttlink_properties_count(list); i++)
                if (mqttlink_properties_at(list, i, &shown) == MQTTLINK_OK && shown.name)
                    user_properties.emplace_back(shown.name, std::string(shown.value, shown.value_len));
        }

        mqttlink_status status;
        mqttlink_stage stage;
        int os_code, reason;
        std::string reason_string, server_reference;
        bool timeout, refused, disconnected, full, retryable;
        std::vector<std::pair<std::string, std::string>> user_properties;
    };
    std::shared_ptr<const known> known_;
};

/* A deadline came. */
struct timeout_error : error { using error::error; explicit timeout_error(const error &e) : error(e) {} };
/* The server said no. */
struct refused_error : error { using error::error; explicit refused_error(const error &e) : error(e) {} };
/* There is no connection, or it ended. */
struct disconnected_error : error {
    using error::error;
    explicit disconnected_error(const error &e) : error(e) {}
};
/* No connection could be made, for the name, the network or TLS; or an address could not be listened on. */
struct connection_error : error {
    using error::error;
    explicit connection_error(const error &e) : error(e) {}
};
/* An argument, an option or the use of the library is wrong. */
struct usage_error : error { using error::error; explicit usage_error(const error &e) : error(e) {} };

inline void error::raise() const {
    if (is_timeout())
        throw timeout_error(*this);
    if (is_refused())
        throw refused_error(*this);
    if (is_disconnected())
        throw disconnected_error(*this);
    if (status() >= 400 && status() < 500)
        throw connection_error(*this);
    if (status() < 200 && status() != MQTTLINK_ERROR_PANIC)
        throw usage_error(*this);
    throw *this;
}

namespace detail {

inline error last_error() { return error(mqttlink_last_error()); }
inline void check(mqttlink_status status) {
    if (status != MQTTLINK_OK)
        last_error().raise();
}

} // namespace detail

/* A value or a failure, which is not to be overlooked. */
template <class T> class [[nodiscard]] result {
public:
    result(T value) : content_(std::move(value)) {}
    result(error failure) : content_(std::move(failure)) {}

    bool has_value() const noexcept { return content_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }
    /* The value; throws the failure if there is none. */
    T &value() & {
        require();
        return std::get<0>(content_);
    }
    const T &value() const & {
        require();
        return std::get<0>(content_);
    }
    T value() && {
        require();
        return std::get<0>(std::move(content_));
    }
    T &operator*() & { return value(); }
    const T &operator*() const & { return value(); }
    T operator*() && { return std::move(*this).value(); }
    T *operator->() { return &value(); }
    const T *operator->() const { return &value(); }
    const error &failure() const { return std::get<1>(content_); }

private:
    void require() const {
        if (!has_value())
            failure().raise();
    }
    std::variant<T, error> content_;
};

struct nothing {};

namespace detail {

inline result<nothing> outcome(mqttlink_status status) {
    if (status == MQTTLINK_OK)
        return nothing{};
    return last_error();
}

} // namespace detail

/* One property of MQTT 5.0. */
struct property {
    std::int32_t id;
    std::uint32_t number;
    std::string_view name;
    std::string_view value;
};

/* A list of properties that belongs to something else. */
class properties_view {
public:
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = property;
        using difference_type = std::ptrdiff_t;
        class pointer {
        public:
            explicit pointer(property shown) noexcept : shown_(shown) {}
            const property *operator->() const noexcept { return &shown_; }

        private:
            property shown_;
        };
        using reference = property;

        iterator(const mqttlink_properties *list, std::size_t at) noexcept : list_(list), at_(at) {}
        property operator*() const noexcept {
            mqttlink_property shown{};
            mqttlink_properties_at(list_, at_, &shown);
            return {shown.id, shown.number, detail::view(shown.name),
                    shown.value ? std::string_view(shown.value, shown.value_len)
                                : std::string_view()};
        }
        pointer operator->() const noexcept { return pointer(**this); }
        iterator &operator++() noexcept {
            ++at_;
            return *this;
        }
        iterator operator++(int) noexcept {
            iterator before = *this;
            ++at_;
            return before;
        }
        bool operator==(const iterator &other) const noexcept { return at_ == other.at_; }
        bool operator!=(const iterator &other) const noexcept { return at_ != other.at_; }

    private:
        const mqttlink_properties *list_;
        std::size_t at_;
    };

    explicit properties_view(const mqttlink_properties *list) noexcept : list_(list) {}

    iterator begin() const noexcept { return {list_, 0}; }
    iterator end() const noexcept { return {list_, size()}; }
    std::size_t size() const noexcept { return mqttlink_properties_count(list_); }
    bool empty() const noexcept { return size() == 0; }
    std::optional<std::uint32_t> number(std::int32_t id) const noexcept {
        std::uint32_t found = 0;
        if (mqttlink_properties_number(list_, id, &found) != MQTTLINK_OK)
            return std::nullopt;
        return found;
    }
    /* The string or data of the first property with this identifier. */
    std::optional<std::string_view> value(std::int32_t id) const noexcept {
        std::size_t len = 0;
        const char *found = mqttlink_properties_value(list_, id, &len);
        if (!found)
            return std::nullopt;
        return std::string_view(found, len);
    }
    /* The value of the first user property with this name. */
    std::optional<std::string_view> user(const c_string &name) const {
        const char *found = mqttlink_properties_user(list_, name);
        if (!found)
            return std::nullopt;
        return std::string_view(found);
    }
    const mqttlink_properties *get() const noexcept { return list_; }

private:
    const mqttlink_properties *list_;
};

/* A list of properties to be sent. */
class properties {
public:
    properties() : list_(mqttlink_properties_new()) {}
    explicit properties(properties_view from) : list_(mqttlink_properties_copy(from.get())) {}

    properties &set(std::int32_t id, std::uint32_t number) {
        detail::check(mqttlink_properties_set_number(list_.get(), id, number));
        return *this;
    }
    properties &set(std::int32_t id, const c_string &text) {
        detail::check(mqttlink_properties_set_text(list_.get(), id, text));
        return *this;
    }
    properties &set_data(std::int32_t id, const bytes &data) {
        detail::check(mqttlink_properties_set_data(list_.get(), id, data.data(), data.size()));
        return *this;
    }
    properties &add_user(const c_string &name, const c_string &value) {
        detail::check(mqttlink_properties_add_user(list_.get(), name, value));
        return *this;
    }
    properties &remove(std::int32_t id) {
        detail::check(mqttlink_properties_remove(list_.get(), id));
        return *this;
    }
    properties_view view() const noexcept { return properties_view(list_.get()); }
    properties_view::iterator begin() const noexcept { return view().begin(); }
    properties_view::iterator end() const noexcept { return view().end(); }
    const mqttlink_properties *get() const noexcept { return list_.get(); }

private:
    detail::handle<mqttlink_properties, mqttlink_properties_free> list_;
};

/* What the server granted with CONNACK. */
class granted_view {
public:
    explicit granted_view(const mqttlink_granted *from) noexcept : from_(from) {}
    /* Of one that passes by, which it would outlive. */
    granted_view(const granted &&) = delete;

    mqttlink::protocol version() const noexcept {
        return static_cast<mqttlink::protocol>(mqttlink_granted_version(from_));
    }
    bool session_present() const noexcept { return mqttlink_granted_session_present(from_); }
    std::string_view client_id() const noexcept {
        return detail::view(mqttlink_granted_client_id(from_));
    }
    seconds keep_alive() const noexcept { return seconds(mqttlink_granted_keep_alive(from_)); }
    seconds session_expiry() const noexcept {
        return seconds(mqttlink_granted_session_expiry(from_));
    }
    std::uint16_t receive_maximum() const noexcept { return mqttlink_granted_receive_maximum(from_); }
    mqttlink::qos maximum_qos() const noexcept {
        return static_cast<mqttlink::qos>(mqttlink_granted_maximum_qos(from_));
    }
    bool retain_available() const noexcept { return mqttlink_granted_retain_available(from_); }
    std::size_t maximum_packet_size() const noexcept {
        return mqttlink_granted_maximum_packet_size(from_);
    }
    std::uint16_t topic_alias_maximum() const noexcept {
        return mqttlink_granted_topic_alias_maximum(from_);
    }
    bool wildcard_available() const noexcept { return mqttlink_granted_wildcard_available(from_); }
    bool subscription_id_available() const noexcept {
        return mqttlink_granted_subscription_id_available(from_);
    }
    bool shared_available() const noexcept { return mqttlink_granted_shared_available(from_); }
    properties_view properties() const noexcept {
        return properties_view(mqttlink_granted_properties(from_));
    }

protected:
    const mqttlink_granted *from_;
};

class granted : public granted_view {
public:
    explicit granted(mqttlink_granted *from) noexcept : granted_view(from), own_(from) {}
    granted(granted &&other) noexcept
        : granted_view(std::exchange(other.from_, nullptr)), own_(std::move(other.own_)) {}
    granted &operator=(granted &&other) noexcept {
        from_ = std::exchange(other.from_, nullptr);
        own_ = std::move(other.own_);
        return *this;
    }

private:
    detail::handle<mqttlink_granted, mqttlink_granted_free> own_;
};

/* The server's answer to a subscription or its end: one reason code for each filter. */
class results_view {
public:
    explicit results_view(const mqttlink_results *from) noexcept : from_(from) {}
    /* Of one that passes by, which it would outlive. */
    results_view(const results &&) = delete;

    std::size_t size() const noexcept { return mqttlink_results_count(from_); }
    int operator[](std::size_t index) const noexcept { return mqttlink_results_at(from_, index); }
    bool all_granted() const noexcept {
        for (std::size_t i = 0; i < size(); i++)
            if ((*this)[i] >= 0x80)
                return false;
        return true;
    }
    properties_view properties() const noexcept {
        return properties_view(mqttlink_results_properties(from_));
    }

protected:
    const mqttlink_results *from_;
};

class results : public results_view {
public:
    explicit results(mqttlink_results *from) noexcept : results_view(from), own_(from) {}
    results(results &&other) noexcept
        : results_view(std::exchange(other.from_, nullptr)), own_(std::move(other.own_)) {}
    results &operator=(results &&other) noexcept {
        from_ = std::exchange(other.from_, nullptr);
        own_ = std::move(other.own_);
        return *this;
    }

private:
    detail::handle<mqttlink_results, mqttlink_results_free> own_;
};

/* The acknowledgement of one message, to be sent later. */
class acknowledger {
public:
    explicit acknowledger(mqttlink_acknowledger *from) noexcept : own_(from) {}
    void accept() { detail::check(mqttlink_acknowledger_accept(own_.get())); }
    void reject(int reason) { detail::check(mqttlink_acknowledger_reject(own_.get(), reason)); }

private:
    detail::handle<mqttlink_acknowledger, mqttlink_acknowledger_free> own_;
};

/* A message from the server. */
class message_view {
public:
    explicit message_view(const mqttlink_message *from) noexcept : from_(from) {}
    /* Of one that passes by, which it would outlive. */
    message_view(const message &&) = delete;

    std::string_view topic() const noexcept { return detail::view(mqttlink_message_topic(from_)); }
    /* The payload as bytes; empty if it comes as a stream. */
    std::string_view text() const noexcept {
        std::size_t len = 0;
        const void *data = mqttlink_message_payload(from_, &len);
        return {static_cast<const char *>(data), len};
    }
    /* The same by its address, for payload_size() bytes unless it comes as a stream. */
    const void *data() const noexcept { return mqttlink_message_payload(from_, nullptr); }
    std::size_t payload_size() const noexcept { return mqttlink_message_payload_len(from_); }
    mqttlink::qos qos() const noexcept {
        return static_cast<mqttlink::qos>(mqttlink_message_qos(from_));
    }
    bool retain() const noexcept { return mqttlink_message_retain(from_); }
    bool dup() const noexcept { return mqttlink_message_dup(from_); }
    bool is_streamed() const noexcept { return mqttlink_message_is_streamed(from_); }
    properties_view properties() const noexcept {
        return properties_view(mqttlink_message_properties(from_));
    }
    /* The next bytes of the payload; 0 at its end. */
    std::size_t read(void *data, std::size_t size) const {
        std::size_t count = 0;
        detail::check(mqttlink_message_read(from_, data, size, &count));
        return count;
    }
    void acknowledge() const { detail::check(mqttlink_message_acknowledge(from_)); }
    mqttlink::acknowledger take_acknowledger() const {
        mqttlink_acknowledger *taken = nullptr;
        detail::check(mqttlink_message_acknowledger(from_, &taken));
        return mqttlink::acknowledger(taken);
    }
    message copy() const;

protected:
    const mqttlink_message *from_;
};

/* A message of one's own: acknowledged when it is destroyed, unless that is done by hand. */
class message : public message_view {
public:
    explicit message(mqttlink_message *from) noexcept : message_view(from), own_(from) {}
    message(message &&other) noexcept
        : message_view(std::exchange(other.from_, nullptr)), own_(std::move(other.own_)) {}
    message &operator=(message &&other) noexcept {
        from_ = std::exchange(other.from_, nullptr);
        own_ = std::move(other.own_);
        return *this;
    }

private:
    detail::handle<mqttlink_message, mqttlink_message_free> own_;
};

inline message message_view::copy() const {
    mqttlink_message *made = nullptr;
    detail::check(mqttlink_message_copy(from_, &made));
    return message(made);
}

/* What became of a message that was published. */
class delivery {
public:
    explicit delivery(mqttlink_delivery *from) noexcept : own_(from) {}

    void wait(milliseconds limit = by_default) const {
        detail::check(mqttlink_delivery_wait(own_.get(), detail::limit(limit)));
    }
    result<nothing> try_wait(milliseconds limit = by_default) const {
        return detail::outcome(mqttlink_delivery_wait(own_.get(), detail::limit(limit)));
    }
    bool is_done() const noexcept { return mqttlink_delivery_is_done(own_.get()); }
    int reason() const noexcept { return mqttlink_delivery_reason(own_.get()); }
    std::string_view reason_string() const noexcept {
        return detail::view(mqttlink_delivery_reason_string(own_.get()));
    }
    properties_view properties() const noexcept {
        return properties_view(mqttlink_delivery_properties(own_.get()));
    }

private:
    detail::handle<mqttlink_delivery, mqttlink_delivery_free> own_;
};

/* A packet that went over the wire. */
class packet_view {
public:
    explicit packet_view(const mqttlink_packet *from) noexcept : from_(from) {}
    bool is_sent() const noexcept { return mqttlink_packet_direction(from_) == MQTTLINK_SENT; }
    std::string_view bytes() const noexcept {
        std::size_t len = 0;
        const void *data = mqttlink_packet_bytes(from_, &len);
        return {static_cast<const char *>(data), len};
    }
    std::string_view line() const noexcept { return mqttlink_packet_text(from_); }

private:
    const mqttlink_packet *from_;
};

/* Bytes that messages refer to instead of copying them, from 4 KiB on. Sent as often as wanted. */
class payload {
public:
    /* Takes the bytes over. */
    explicit payload(std::string bytes) { take(std::move(bytes)); }
    explicit payload(std::vector<unsigned char> bytes) { take(std::move(bytes)); }
    explicit payload(std::vector<std::byte> bytes) { take(std::move(bytes)); }
    /* Bytes that neither change nor go away until `release` is called: once, on any thread. */
    payload(const void *data, std::size_t size, std::function<void()> release) {
        using function = std::function<void()>;
        make(data, size,
             [](void *user) noexcept {
                 std::unique_ptr<function> kept(static_cast<function *>(user));
                 if (*kept)
                     (*kept)();
             },
             new function(std::move(release)));
    }
    const mqttlink_payload *get() const noexcept { return own_.get(); }

private:
    template <class C> void take(C bytes) {
        auto *kept = new C(std::move(bytes));
        make(kept->data(), kept->size(), detail::free_function<C>, kept);
    }
    void make(const void *data, std::size_t size, mqttlink_free_fn release, void *user) {
        mqttlink_payload *made = nullptr;
        detail::check(mqttlink_payload_new(data, size, release, user, &made));
        own_.reset(made);
    }
    detail::handle<mqttlink_payload, mqttlink_payload_free> own_;
};

/* How a message is sent. */
struct publish_options {
    mqttlink::qos qos = mqttlink::qos::at_most_once;
    bool retain = false;
    const mqttlink::properties *properties = nullptr;
    /* How long to wait for room. */
    milliseconds timeout = by_default;

    const mqttlink_properties *list() const noexcept { return properties ? properties->get() : nullptr; }
};

/* A message that was left when a connection was ended. */
struct left_message {
    std::string topic, payload;
    mqttlink::qos qos;
    bool retain;
    /* Whether the client keeps it, and sends it again when it reconnects. */
    bool kept;
    mqttlink::properties properties;
};

class client_ref;
class broker_ref;
class subscription;

using message_handler = std::function<void(client_ref, const message_view &)>;
using connected_handler = std::function<void(client_ref, const granted_view &)>;
/* The failure is NULL where nothing went wrong. */
using error_handler = std::function<void(client_ref, const error *)>;
using published_handler = std::function<void(client_ref, std::uint64_t id, const error *, int reason)>;
using results_handler =
    std::function<void(client_ref, std::uint64_t id, const error *, const results_view *)>;
using packet_handler = std::function<void(client_ref, const packet_view &)>;
using resolver_handler = std::function<std::vector<std::pair<std::string, std::uint16_t>>(
    std::string_view host, std::uint16_t port)>;
/* Whether a server's certificate, in DER, is taken. */
using verify_handler = std::function<bool(std::string_view host, std::string_view certificate)>;

/* A client that somebody else owns: what handlers get. */
class client_ref {
public:
    explicit client_ref(mqttlink_client *from) noexcept : from_(from) {}
    /* Of one that passes by, which it would outlive. */
    client_ref(const client &&) = delete;

    mqttlink_state state() const noexcept { return mqttlink_client_state(from_); }
    bool is_connected() const noexcept { return mqttlink_client_is_connected(from_); }

    granted connect() const {
        mqttlink_granted *made = nullptr;
        detail::check(mqttlink_client_connect(from_, &made));
        return granted(made);
    }
    granted reconnect() const {
        mqttlink_granted *made = nullptr;
        detail::check(mqttlink_client_reconnect(from_, &made));
        return granted(made);
    }
    result<granted> try_connect() const {
        mqttlink_granted *made = nullptr;
        if (mqttlink_client_connect(from_, &made) != MQTTLINK_OK)
            return detail::last_error();
        return granted(made);
    }
    result<granted> try_reconnect() const {
        mqttlink_granted *made = nullptr;
        if (mqttlink_client_reconnect(from_, &made) != MQTTLINK_OK)
            return detail::last_error();
        return granted(made);
    }
    /* Has the next connection made with other options; handlers stay as they are. */
    void reconfigure(const options &setup) const;
    result<nothing> try_reconfigure(const options &setup) const;
    granted last_granted() const {
        mqttlink_granted *made = nullptr;
        detail::check(mqttlink_client_granted(from_, &made));
        return granted(made);
    }
    void disconnect() const { detail::check(mqttlink_client_disconnect(from_)); }
    result<nothing> try_disconnect() const {
        return detail::outcome(mqttlink_client_disconnect(from_));
    }
    /* How many messages were left. */
    std::size_t disconnect(milliseconds limit, int reason = 0,
                           const mqttlink::properties *list = nullptr) const {
        return drain(limit, reason, list).size();
    }
    /* The same; which messages were left. */
    std::vector<left_message> drain(milliseconds limit, int reason = 0,
                                    const mqttlink::properties *list = nullptr) const {
        mqttlink_drained *drained = nullptr;
        detail::check(mqttlink_client_disconnect_with(from_, detail::limit(limit), reason,
                                                      list ? list->get() : nullptr, &drained));
        detail::handle<mqttlink_drained, mqttlink_drained_free> own(drained);
        std::vector<left_message> all;
        mqttlink_left one{};
        for (std::size_t i = 0; i < mqttlink_drained_count(drained); i++) {
            detail::check(mqttlink_drained_at(drained, i, &one));
            all.push_back({one.topic,
                           std::string(static_cast<const char *>(one.payload), one.payload_len),
                           static_cast<mqttlink::qos>(one.qos), one.retain, one.kept,
                           mqttlink::properties(properties_view(one.properties))});
        }
        return all;
    }
    void abort() const { detail::check(mqttlink_client_abort(from_)); }
    /* Async-signal-safe. */
    void interrupt() const noexcept { mqttlink_client_interrupt(from_); }
    void re_authenticate() const { detail::check(mqttlink_client_re_authenticate(from_)); }
    result<nothing> try_re_authenticate() const {
        return detail::outcome(mqttlink_client_re_authenticate(from_));
    }

    delivery publish(const c_string &topic, const bytes &payload, const publish_options &how = {}) const {
        mqttlink_delivery *made = nullptr;
        detail::check(send(topic, payload, how, &made));
        return delivery(made);
    }
    /* The payload is not copied. */
    delivery publish(const c_string &topic, const payload &shared, const publish_options &how = {}) const {
        mqttlink_delivery *made = nullptr;
        detail::check(lend(topic, shared, how, how.timeout, &made));
        return delivery(made);
    }
    /* Never waits and never throws. */
    result<delivery> try_publish(const c_string &topic, const bytes &payload,
                                 const publish_options &how = {}) const {
        mqttlink_delivery *made = nullptr;
        if (try_send(topic, payload, how, &made) != MQTTLINK_OK)
            return detail::last_error();
        return delivery(made);
    }
    result<delivery> try_publish(const c_string &topic, const payload &shared,
                                 const publish_options &how = {}) const {
        mqttlink_delivery *made = nullptr;
        if (lend(topic, shared, how, milliseconds(0), &made) != MQTTLINK_OK)
            return detail::last_error();
        return delivery(made);
    }
    /* The same where nobody wants to know the outcome, which costs less. */
    void publish_and_forget(const c_string &topic, const bytes &payload,
                            const publish_options &how = {}) const {
        detail::check(send(topic, payload, how, nullptr));
    }
    void publish_and_forget(const c_string &topic, const payload &shared,
                            const publish_options &how = {}) const {
        detail::check(lend(topic, shared, how, how.timeout, nullptr));
    }
    result<nothing> try_publish_and_forget(const c_string &topic, const bytes &payload,
                                           const publish_options &how = {}) const {
        return detail::outcome(try_send(topic, payload, how, nullptr));
    }
    result<nothing> try_publish_and_forget(const c_string &topic, const payload &shared,
                                           const publish_options &how = {}) const {
        return detail::outcome(lend(topic, shared, how, milliseconds(0), nullptr));
    }
    /* The outcome goes to `done`. */
    void publish_then(const c_string &topic, const bytes &payload,
                      const publish_options &how, published_handler done) const {
        detail::check(then(topic, payload, how, how.timeout, std::move(done)));
    }
    /* Never waits and never throws; without success `done` is not called. */
    result<nothing> try_publish_then(const c_string &topic, const bytes &payload,
                                     const publish_options &how, published_handler done) const {
        return detail::outcome(then(topic, payload, how, milliseconds(0), std::move(done)));
    }
    /* The outcome goes to the handler of options::on_published, with the number that is returned. */
    std::uint64_t publish_event(const c_string &topic, const bytes &payload,
                                const publish_options &how = {}) const {
        std::uint64_t id = 0;
        detail::check(event(topic, payload, how, how.timeout, id));
        return id;
    }
    /* Never waits and never throws. */
    result<std::uint64_t> try_publish_event(const c_string &topic, const bytes &payload,
                                            const publish_options &how = {}) const {
        std::uint64_t id = 0;
        if (event(topic, payload, how, milliseconds(0), id) != MQTTLINK_OK)
            return detail::last_error();
        return id;
    }
    /* Reads the payload of exactly `size` bytes from `source`, which returns how many it has put in. What
     * `source` throws ends the connection, and comes out here. */
    delivery publish_source(const c_string &topic, std::size_t size,
                            std::function<std::size_t(void *, std::size_t)> source,
                            const publish_options &how = {}) const;

    /* The QoS that the server granted. */
    mqttlink::qos subscribe(const c_string &filter, mqttlink::qos qos) const {
        std::int32_t granted = 0;
        detail::check(mqttlink_client_subscribe_one(from_, filter, static_cast<int>(qos),
                                                    &granted));
        return static_cast<mqttlink::qos>(granted);
    }
    result<mqttlink::qos> try_subscribe(const c_string &filter, mqttlink::qos qos) const {
        std::int32_t granted = 0;
        if (mqttlink_client_subscribe_one(from_, filter, static_cast<int>(qos),
                                          &granted) != MQTTLINK_OK)
            return detail::last_error();
        return static_cast<mqttlink::qos>(granted);
    }
    void subscribe(const c_string &filter, mqttlink::qos qos, message_handler handler) const;
    result<nothing> try_subscribe(const c_string &filter, mqttlink::qos qos, message_handler handler) const;
    results subscribe(const subscription &what) const;
    result<results> try_subscribe(const subscription &what) const;
    /* The answer goes to the handler of options::on_subscribed, with the number that is returned. */
    std::uint64_t subscribe_event(const subscription &what) const;
    result<std::uint64_t> try_subscribe_event(const subscription &what) const;
    /* With user properties, if there is a list. */
    results unsubscribe(std::initializer_list<c_string> filters,
                        const mqttlink::properties *list = nullptr) const {
        return ended(each(filters), list).value();
    }
    /* The same for filters that are not known when the program is compiled. */
    results unsubscribe(const std::vector<std::string> &filters,
                        const mqttlink::properties *list = nullptr) const {
        return ended(each(filters), list).value();
    }
    result<results> try_unsubscribe(std::initializer_list<c_string> filters,
                                    const mqttlink::properties *list = nullptr) const {
        return ended(each(filters), list);
    }
    result<results> try_unsubscribe(const std::vector<std::string> &filters,
                                    const mqttlink::properties *list = nullptr) const {
        return ended(each(filters), list);
    }
    /* The answer goes to the handler of options::on_unsubscribed, with the number that is returned. */
    std::uint64_t unsubscribe_event(std::initializer_list<c_string> filters,
                                    const mqttlink::properties *list = nullptr) const {
        return end_by_event(each(filters), list).value();
    }
    std::uint64_t unsubscribe_event(const std::vector<std::string> &filters,
                                    const mqttlink::properties *list = nullptr) const {
        return end_by_event(each(filters), list).value();
    }
    result<std::uint64_t> try_unsubscribe_event(std::initializer_list<c_string> filters,
                                                const mqttlink::properties *list = nullptr) const {
        return end_by_event(each(filters), list);
    }
    result<std::uint64_t> try_unsubscribe_event(const std::vector<std::string> &filters,
                                                const mqttlink::properties *list = nullptr) const {
        return end_by_event(each(filters), list);
    }

    message receive(milliseconds limit = forever) const {
        mqttlink_message *made = nullptr;
        detail::check(mqttlink_client_receive(from_, detail::limit(limit), &made));
        return message(made);
    }
    result<message> try_receive(milliseconds limit = milliseconds(0)) const {
        mqttlink_message *made = nullptr;
        if (mqttlink_client_receive(from_, detail::limit(limit), &made) != MQTTLINK_OK)
            return detail::last_error();
        return message(made);
    }

    mqttlink_statistics statistics() const {
        mqttlink_statistics counts{};
        detail::check(mqttlink_client_statistics(from_, &counts, sizeof counts));
        return counts;
    }
    /* Why the last connection ended or the last attempt failed, if it was not this side. */
    std::optional<error> last_error() const {
        if (mqttlink_client_last_error(from_) == MQTTLINK_OK)
            return std::nullopt;
        return detail::last_error();
    }
    mqttlink_client *get() const noexcept { return from_; }

protected:
    mqttlink_client *from_;

private:
    mqttlink_status send(const c_string &topic, const bytes &payload, const publish_options &how,
                         mqttlink_delivery **made) const {
        return mqttlink_client_publish_timeout(from_, topic, payload.data(), payload.size(),
                                               static_cast<int>(how.qos), how.retain, how.list(),
                                               detail::limit(how.timeout), made);
    }
    mqttlink_status try_send(const c_string &topic, const bytes &payload, const publish_options &how,
                             mqttlink_delivery **made) const {
        return mqttlink_client_try_publish(from_, topic, payload.data(), payload.size(),
                                           static_cast<int>(how.qos), how.retain, how.list(), made);
    }
    mqttlink_status lend(const c_string &topic, const payload &shared, const publish_options &how,
                         milliseconds limit, mqttlink_delivery **made) const {
        return mqttlink_client_publish_payload(from_, topic, shared.get(), static_cast<int>(how.qos),
                                               how.retain, how.list(), detail::limit(limit), made);
    }
    result<results> ended(const std::vector<const char *> &filters, const mqttlink::properties *list) const {
        mqttlink_results *made = nullptr;
        if (mqttlink_client_unsubscribe(from_, filters.data(), filters.size(), list ? list->get() : nullptr,
                                        &made) != MQTTLINK_OK)
            return detail::last_error();
        return results(made);
    }
    result<std::uint64_t> end_by_event(const std::vector<const char *> &filters,
                                       const mqttlink::properties *list) const {
        std::uint64_t id = 0;
        if (mqttlink_client_unsubscribe_event(from_, filters.data(), filters.size(),
                                              list ? list->get() : nullptr, &id) != MQTTLINK_OK)
            return detail::last_error();
        return id;
    }
    static std::vector<const char *> each(std::initializer_list<c_string> filters) {
        return {filters.begin(), filters.end()};
    }
    static std::vector<const char *> each(const std::vector<std::string> &filters) {
        std::vector<const char *> all;
        for (const auto &filter : filters)
            /* As in c_string. */
            all.push_back(filter.find('\0') == std::string::npos ? filter.c_str() : "\xff");
        return all;
    }
    mqttlink_status then(const c_string &topic, const bytes &payload, const publish_options &how,
                         milliseconds limit, published_handler done) const;
    mqttlink_status event(const c_string &topic, const bytes &payload,
                          const publish_options &how, milliseconds limit, std::uint64_t &id) const {
        return mqttlink_client_publish_event_timeout(
            from_, topic, payload.data(), payload.size(),
            static_cast<int>(how.qos), how.retain, how.list(), detail::limit(limit), &id);
    }
};

namespace detail {

inline void call_message(void *user, mqttlink_client *client, const mqttlink_message *got) noexcept {
    (*static_cast<message_handler *>(user))(client_ref(client), message_view(got));
}
inline void call_connected(void *user, mqttlink_client *client, const mqttlink_granted *got) noexcept {
    (*static_cast<connected_handler *>(user))(client_ref(client), granted_view(got));
}
inline void call_error(void *user, mqttlink_client *client, const mqttlink_error *got) noexcept {
    auto &handler = *static_cast<error_handler *>(user);
    if (!got)
        return handler(client_ref(client), nullptr);
    error failure(got);
    handler(client_ref(client), &failure);
}
inline void call_published(void *user, mqttlink_client *client, std::uint64_t id,
                           const mqttlink_error *got, std::int32_t reason) noexcept {
    auto &handler = *static_cast<published_handler *>(user);
    if (!got)
        return handler(client_ref(client), id, nullptr, reason);
    error failure(got);
    handler(client_ref(client), id, &failure, reason);
}
inline void call_results(void *user, mqttlink_client *client, std::uint64_t id,
                         const mqttlink_error *got, const mqttlink_results *from) noexcept {
    auto &handler = *static_cast<results_handler *>(user);
    if (got) {
        error failure(got);
        return handler(client_ref(client), id, &failure, nullptr);
    }
    results_view answer(from);
    handler(client_ref(client), id, nullptr, &answer);
}
inline void call_packet(void *user, mqttlink_client *client, const mqttlink_packet *got) noexcept {
    (*static_cast<packet_handler *>(user))(client_ref(client), packet_view(got));
}
inline std::int32_t call_resolver(void *user, const char *host, std::uint16_t port,
                                  mqttlink_addresses *found) noexcept {
    try {
        for (const auto &one : (*static_cast<resolver_handler *>(user))(host, port))
            check(mqttlink_addresses_add(found, c_string(one.first), one.second));
        return 0;
    } catch (...) {
        return ENOENT;
    }
}
inline std::int32_t call_verify(void *user, const char *host, const void *data,
                                std::size_t len) noexcept {
    try {
        std::string_view certificate(static_cast<const char *>(data), len);
        return (*static_cast<verify_handler *>(user))(host, certificate) ? 0 : 1;
    } catch (...) {
        return 1;
    }
}
inline void call_log(void *user, std::int32_t level, const char *text) noexcept {
    (*static_cast<std::function<void(int, std::string_view)> *>(user))(level, text);
}

struct source {
    std::function<std::size_t(void *, std::size_t)> next;
    std::exception_ptr thrown;
};
inline std::int64_t call_source(void *user, void *data, std::size_t size) noexcept {
    auto *from = static_cast<source *>(user);
    try {
        return static_cast<std::int64_t>(from->next(data, size));
    } catch (...) {
        from->thrown = std::current_exception();
        return -1;
    }
}

} // namespace detail

/* What to subscribe to, and who takes the messages. */
class subscription {
public:
    subscription() : own_(mqttlink_subscription_new()) {}
    subscription(const c_string &filter, mqttlink::qos qos) : subscription() { add(filter, qos); }

    subscription &add(const c_string &filter, mqttlink::qos qos) {
        detail::check(mqttlink_subscription_add(own_.get(), filter, static_cast<int>(qos)));
        return *this;
    }
    subscription &add(const c_string &filter, mqttlink::qos qos, bool no_local,
                      bool retain_as_published, retain_handling handling) {
        detail::check(mqttlink_subscription_add_with(own_.get(), filter,
                                                     static_cast<int>(qos), no_local,
                                                     retain_as_published, static_cast<int>(handling)));
        return *this;
    }
    subscription &handler(message_handler handler) {
        detail::check(detail::place(mqttlink_subscription_set_handler, own_.get(),
                                    detail::call_message, std::move(handler)));
        return *this;
    }
    subscription &set(const mqttlink::properties &list) {
        detail::check(mqttlink_subscription_set_properties(own_.get(), list.get()));
        return *this;
    }
    mqttlink_subscription *get() const noexcept { return own_.get(); }

private:
    detail::handle<mqttlink_subscription, mqttlink_subscription_free> own_;
};

inline mqttlink_status client_ref::then(const c_string &topic, const bytes &payload,
                                        const publish_options &how, milliseconds limit,
                                        published_handler done) const {
    auto publish = [&](mqttlink_client *client, mqttlink_published_fn call, void *user,
                       mqttlink_free_fn free) {
        return mqttlink_client_publish_then_timeout(client, topic, payload.data(), payload.size(),
                                                    static_cast<int>(how.qos), how.retain, how.list(),
                                                    detail::limit(limit), call, user, free);
    };
    return detail::place(publish, from_, detail::call_published, std::move(done));
}
inline delivery client_ref::publish_source(const c_string &topic, std::size_t size,
                                           std::function<std::size_t(void *, std::size_t)> next,
                                           const publish_options &how) const {
    detail::source source{std::move(next), nullptr};
    mqttlink_delivery *made = nullptr;
    auto status = mqttlink_client_publish_source(from_, topic, size,
                                                 static_cast<int>(how.qos), how.retain, how.list(),
                                                 detail::call_source, &source, &made);
    if (source.thrown)
        std::rethrow_exception(source.thrown);
    detail::check(status);
    return delivery(made);
}
inline void client_ref::subscribe(const c_string &filter, mqttlink::qos qos,
                                  message_handler handler) const {
    try_subscribe(filter, qos, std::move(handler)).value();
}
inline result<nothing> client_ref::try_subscribe(const c_string &filter, mqttlink::qos qos,
                                                 message_handler handler) const {
    subscription what;
    if (mqttlink_subscription_add(what.get(), filter, static_cast<int>(qos)) != MQTTLINK_OK)
        return detail::last_error();
    what.handler(std::move(handler));
    return detail::outcome(mqttlink_client_subscribe(from_, what.get(), nullptr));
}
inline results client_ref::subscribe(const subscription &what) const {
    return try_subscribe(what).value();
}
inline result<results> client_ref::try_subscribe(const subscription &what) const {
    mqttlink_results *made = nullptr;
    if (mqttlink_client_subscribe(from_, what.get(), &made) != MQTTLINK_OK)
        return detail::last_error();
    return results(made);
}
inline std::uint64_t client_ref::subscribe_event(const subscription &what) const {
    return try_subscribe_event(what).value();
}
inline result<std::uint64_t> client_ref::try_subscribe_event(const subscription &what) const {
    std::uint64_t id = 0;
    if (mqttlink_client_subscribe_event(from_, what.get(), &id) != MQTTLINK_OK)
        return detail::last_error();
    return id;
}

/* What to trust and who to be. `bytes` may be PEM or DER. */
class tls {
public:
    tls() : own_(mqttlink_tls_new()) {}

    tls &ca_file(const c_string &path) { return done(mqttlink_tls_add_ca_file(get(), path)); }
    tls &ca(const mqttlink::bytes &bytes) {
        return done(mqttlink_tls_add_ca(get(), bytes.data(), bytes.size()));
    }
    tls &system_roots(bool trusted) { return done(mqttlink_tls_set_system_roots(get(), trusted)); }
    tls &certificate_file(const c_string &path) {
        return done(mqttlink_tls_set_certificate_file(get(), path));
    }
    tls &certificate(const mqttlink::bytes &bytes) {
        return done(mqttlink_tls_set_certificate(get(), bytes.data(), bytes.size()));
    }
    tls &key_file(const c_string &path) {
        return done(mqttlink_tls_set_key_file(get(), path));
    }
    tls &key(const mqttlink::bytes &bytes) {
        return done(mqttlink_tls_set_key(get(), bytes.data(), bytes.size()));
    }
    tls &key_password(const c_string &password) {
        return done(mqttlink_tls_set_key_password(get(), password));
    }
    tls &pkcs12_file(const c_string &path, const c_string &password) {
        return done(mqttlink_tls_set_pkcs12_file(get(), path, password));
    }
    tls &pkcs12(const mqttlink::bytes &bytes, const c_string &password) {
        return done(
            mqttlink_tls_set_pkcs12(get(), bytes.data(), bytes.size(), password));
    }
    tls &alpn(const c_string &protocol) {
        return done(mqttlink_tls_add_alpn(get(), protocol));
    }
    tls &server_name(const c_string &name) {
        return done(mqttlink_tls_set_server_name(get(), name));
    }
    tls &min_version(tls_version version) {
        return done(mqttlink_tls_set_min_version(get(), static_cast<int>(version)));
    }
    tls &max_version(tls_version version) {
        return done(mqttlink_tls_set_max_version(get(), static_cast<int>(version)));
    }
    /* Decides about servers' certificates in the place of the TLS library; an exception is a no. */
    tls &verifier(verify_handler handler) {
        return done(detail::place(mqttlink_tls_set_verifier, get(), detail::call_verify,
                                  std::move(handler)));
    }
    tls &sni(bool sent) { return done(mqttlink_tls_set_sni(get(), sent)); }
    tls &danger_accept_invalid_certificates(bool accepted) {
        return done(mqttlink_tls_danger_accept_invalid_certificates(get(), accepted));
    }
    tls &danger_accept_invalid_host_names(bool accepted) {
        return done(mqttlink_tls_danger_accept_invalid_host_names(get(), accepted));
    }
    mqttlink_tls *get() const noexcept { return own_.get(); }

private:
    tls &done(mqttlink_status status) {
        detail::check(status);
        return *this;
    }
    detail::handle<mqttlink_tls, mqttlink_tls_free> own_;
};

/* The client's side of an authentication exchange. What its methods throw ends the connection. */
class authenticator {
public:
    virtual ~authenticator() = default;
    /* The data of CONNECT, or of the AUTH that begins a re-authentication. */
    virtual std::string start() = 0;
    /* The answer to a challenge. */
    virtual std::string respond(std::string_view challenge) = 0;
    /* The server's last data. */
    virtual void finish(std::string_view) {}
};

namespace detail {

using authenticator_ptr = std::shared_ptr<authenticator>;

template <class F> std::int32_t guarded(F call) noexcept {
    try {
        call();
        return 0;
    } catch (...) {
        return 1;
    }
}
inline std::int32_t auth_start(void *user, mqttlink_reply *reply) noexcept {
    return guarded([&] {
        std::string data = (*static_cast<authenticator_ptr *>(user))->start();
        check(mqttlink_reply_set(reply, data.data(), data.size()));
    });
}
inline std::int32_t auth_respond(void *user, const void *data, std::size_t len,
                                 mqttlink_reply *reply) noexcept {
    return guarded([&] {
        std::string_view challenge(static_cast<const char *>(data), len);
        std::string answer = (*static_cast<authenticator_ptr *>(user))->respond(challenge);
        check(mqttlink_reply_set(reply, answer.data(), answer.size()));
    });
}
inline std::int32_t auth_finish(void *user, const void *data, std::size_t len) noexcept {
    return guarded([&] {
        (*static_cast<authenticator_ptr *>(user))->finish({static_cast<const char *>(data), len});
    });
}

} // namespace detail

/* A connection of the program's own: another TLS library, a tunnel, a serial line. What its methods throw ends
 * the connection; the number of a std::system_error becomes the failure's os_code, anything else is EIO. */
class stream {
public:
    virtual ~stream() = default;
    /* Waits for bytes and puts at most `size` of them into `data`. How many, 0 at the end. On one thread. */
    virtual std::size_t read(void *data, std::size_t size) = 0;
    /* Sends some of the bytes. How many; 0 if it could send none for a quarter of a second, so that the timers of
     * the connection can run. On one thread at a time, while another one reads. */
    virtual std::size_t write(const void *data, std::size_t size) = 0;
    /* Ends both directions, so that whoever reads or writes returns soon, as this has to. Called once, on any thread;
     * the destructor follows. Who ends the connection waits for all of them, 5 seconds at most. */
    virtual void close() noexcept = 0;
};

/* Opens a stream within the limit, on a thread of its own. Fails by throwing. */
using open_handler =
    std::function<std::unique_ptr<stream>(std::string_view host, std::uint16_t port, milliseconds limit)>;

namespace detail {

/* The operating system's number for the exception that is being handled. */
inline std::int32_t os_code() noexcept {
    try {
        throw;
    } catch (const std::system_error &error) {
        return error.code().value() > 0 ? error.code().value() : EIO;
    } catch (const std::bad_alloc &) {
        return ENOMEM;
    } catch (...) {
        return EIO;
    }
}
inline std::int32_t call_open(void *user, const char *host, std::uint16_t port, std::int64_t limit,
                              void **made) noexcept {
    try {
        auto opened = (*static_cast<open_handler *>(user))(host, port, milliseconds(limit));
        *made = opened.release();
        return *made ? 0 : EHOSTUNREACH;
    } catch (...) {
        return os_code();
    }
}
inline std::int64_t call_read(void *from, void *data, std::size_t size) noexcept {
    try {
        return static_cast<std::int64_t>(static_cast<stream *>(from)->read(data, size));
    } catch (...) {
        return -os_code();
    }
}
inline std::int64_t call_write(void *to, const void *data, std::size_t size) noexcept {
    try {
        std::size_t count = static_cast<stream *>(to)->write(data, size);
        return count > 0 ? static_cast<std::int64_t>(count) : -EAGAIN;
    } catch (...) {
        return -os_code();
    }
}
inline void call_close(void *what) noexcept { static_cast<stream *>(what)->close(); }
inline void free_stream(void *what) noexcept { delete static_cast<stream *>(what); }

} // namespace detail

/* Everything about a client that is fixed before it is made. */
class options {
public:
    explicit options(const c_string &url) {
        mqttlink_options *made = nullptr;
        detail::check(mqttlink_options_new(url, &made));
        own_.reset(made);
    }
    options(const c_string &host, std::uint16_t port) {
        mqttlink_options *made = nullptr;
        detail::check(mqttlink_options_new_for(host, port, &made));
        own_.reset(made);
    }
    /* For clients that reach a broker in this process without a socket. */
    explicit options(const broker_ref &broker);

    options &version(protocol version) {
        return done(mqttlink_options_set_version(get(), static_cast<int>(version)));
    }
    options &client_id(const c_string &id) {
        return done(mqttlink_options_set_client_id(get(), id));
    }
    options &credentials(const c_string &user_name, const bytes &password) {
        done(mqttlink_options_set_credentials(get(), user_name, nullptr));
        return done(mqttlink_options_set_password(get(), password.data(), password.size()));
    }
    options &clean_start(bool clean) { return done(mqttlink_options_set_clean_start(get(), clean)); }
    options &session_expiry(seconds expiry) {
        return done(mqttlink_options_set_session_expiry(get(), detail::clamped(expiry.count())));
    }
    options &keep_alive(seconds interval) {
        auto most = detail::clamped(interval.count());
        return done(mqttlink_options_set_keep_alive(
            get(), static_cast<std::uint16_t>(most > UINT16_MAX ? UINT16_MAX : most)));
    }
    options &ping_timeout(milliseconds limit) {
        return within(mqttlink_options_set_ping_timeout, limit);
    }
    options &will(const c_string &topic, const bytes &payload,
                  mqttlink::qos qos = mqttlink::qos::at_most_once, bool retain = false,
                  const mqttlink::properties *list = nullptr) {
        return done(mqttlink_options_set_will(get(), topic, payload.data(), payload.size(),
                                              static_cast<int>(qos), retain,
                                              list ? list->get() : nullptr));
    }
    options &receive_maximum(std::uint16_t maximum) {
        return done(mqttlink_options_set_receive_maximum(get(), maximum));
    }
    options &maximum_packet_size(std::uint32_t bytes) {
        return done(mqttlink_options_set_maximum_packet_size(get(), bytes));
    }
    options &topic_alias_maximum(std::uint16_t maximum) {
        return done(mqttlink_options_set_topic_alias_maximum(get(), maximum));
    }
    options &topic_aliases(std::uint16_t count) {
        return done(mqttlink_options_set_topic_aliases(get(), count));
    }
    options &request_response_information(bool wanted) {
        return done(mqttlink_options_set_request_response_information(get(), wanted));
    }
    options &request_problem_information(bool wanted) {
        return done(mqttlink_options_set_request_problem_information(get(), wanted));
    }
    options &user_property(const c_string &name, const c_string &value) {
        return done(mqttlink_options_add_user_property(get(), name, value));
    }
    options &tls(const mqttlink::tls &settings) {
        return done(mqttlink_options_set_tls(get(), settings.get()));
    }
    options &connect_timeout(milliseconds limit) {
        return within(mqttlink_options_set_connect_timeout, limit);
    }
    options &response_timeout(milliseconds limit) {
        return within(mqttlink_options_set_response_timeout, limit);
    }
    options &publish_timeout(milliseconds limit) {
        return within(mqttlink_options_set_publish_timeout, limit);
    }
    options &drain_timeout(milliseconds limit) {
        return within(mqttlink_options_set_drain_timeout, limit);
    }
    options &window(std::uint16_t messages) { return done(mqttlink_options_set_window(get(), messages)); }
    options &queue_max(std::size_t messages, std::size_t bytes) {
        return done(mqttlink_options_set_queue_max(get(), messages, bytes));
    }
    options &out_buffer_max(std::size_t bytes) {
        return done(mqttlink_options_set_out_buffer_max(get(), bytes));
    }
    options &in_flight_bytes_max(std::size_t bytes) {
        return done(mqttlink_options_set_in_flight_bytes_max(get(), bytes));
    }
    options &no_delay(bool wanted) { return done(mqttlink_options_set_no_delay(get(), wanted)); }
    options &tcp_keep_alive(seconds idle) {
        return done(mqttlink_options_set_tcp_keep_alive(get(), detail::clamped(idle.count())));
    }
    options &socket_buffers(std::size_t receive, std::size_t send) {
        return done(mqttlink_options_set_socket_buffers(get(), receive, send));
    }
    options &bind_address(const c_string &local) {
        return done(mqttlink_options_set_bind_address(get(), local));
    }
    /* Looks names up: the addresses as text, each with its port; none, or an exception, is a failure. */
    options &resolver(resolver_handler handler) {
        return done(detail::place(mqttlink_options_set_resolver, get(), detail::call_resolver,
                                  std::move(handler)));
    }
    /* Carries the packets over streams of the program's own instead of TCP and TLS; the URL must not ask for TLS. */
    options &transport(open_handler open) {
        if (!open)
            return done(mqttlink_options_set_transport(get(), nullptr, nullptr, nullptr, nullptr, nullptr,
                                                       nullptr, nullptr));
        return done(mqttlink_options_set_transport(
            get(), detail::call_open, detail::call_read, detail::call_write, detail::call_close,
            detail::free_stream, detail::keep(std::move(open)), detail::free_function<open_handler>));
    }
    options &stream_above(std::size_t bytes) {
        return done(mqttlink_options_set_stream_above(get(), bytes));
    }
    options &acknowledge(mqttlink::acknowledge mode) {
        return done(mqttlink_options_set_acknowledge(get(), static_cast<int>(mode)));
    }
    options &authenticator(const c_string &method, std::shared_ptr<mqttlink::authenticator> who) {
        if (!who)
            return done(mqttlink_options_set_authenticator(get(), method, nullptr,
                                                           nullptr, nullptr, nullptr, nullptr));
        return done(mqttlink_options_set_authenticator(
            get(), method, detail::auth_start, detail::auth_respond, detail::auth_finish,
            detail::keep(std::move(who)), detail::free_function<detail::authenticator_ptr>));
    }

    options &on_message(message_handler handler) {
        return done(
            detail::place(mqttlink_options_on_message, get(), detail::call_message, std::move(handler)));
    }
    /* Takes the messages that match a filter without subscribing: for a session that goes on. */
    options &on_filter(const c_string &filter, message_handler handler) {
        auto set = [&](mqttlink_options *setup, mqttlink_message_fn call, void *user, mqttlink_free_fn free) {
            return mqttlink_options_on_filter(setup, filter, call, user, free);
        };
        return done(detail::place(set, get(), detail::call_message, std::move(handler)));
    }
    options &on_connected(connected_handler handler) {
        return done(
            detail::place(mqttlink_options_on_connected, get(), detail::call_connected, std::move(handler)));
    }
    options &on_connect_failed(error_handler handler) {
        return done(
            detail::place(mqttlink_options_on_connect_failed, get(), detail::call_error, std::move(handler)));
    }
    options &on_disconnected(error_handler handler) {
        return done(
            detail::place(mqttlink_options_on_disconnected, get(), detail::call_error, std::move(handler)));
    }
    options &on_server_disconnect(error_handler handler) {
        return done(
            detail::place(mqttlink_options_on_server_disconnect, get(), detail::call_error, std::move(handler)));
    }
    options &on_published(published_handler handler) {
        return done(
            detail::place(mqttlink_options_on_published, get(), detail::call_published, std::move(handler)));
    }
    options &on_subscribed(results_handler handler) {
        return done(
            detail::place(mqttlink_options_on_subscribed, get(), detail::call_results, std::move(handler)));
    }
    options &on_unsubscribed(results_handler handler) {
        return done(
            detail::place(mqttlink_options_on_unsubscribed, get(), detail::call_results, std::move(handler)));
    }
    options &on_packet(packet_handler handler) {
        return done(
            detail::place(mqttlink_options_on_packet, get(), detail::call_packet, std::move(handler)));
    }
    /* For what has no method here: the functions of mqttlink.h. */
    mqttlink_options *get() const noexcept { return own_.get(); }

private:
    options &done(mqttlink_status status) {
        detail::check(status);
        return *this;
    }
    /* `forever` is the longest there is, `by_default` leaves it as it is. */
    options &within(mqttlink_status (*set)(mqttlink_options *, std::uint32_t), milliseconds limit) {
        if (limit == by_default)
            return *this;
        return done(set(get(), limit == forever ? UINT32_MAX : detail::clamped(limit.count())));
    }
    detail::handle<mqttlink_options, mqttlink_options_free> own_;
};

inline void client_ref::reconfigure(const options &setup) const {
    detail::check(mqttlink_client_reconfigure(from_, setup.get()));
}
inline result<nothing> client_ref::try_reconfigure(const options &setup) const {
    return detail::outcome(mqttlink_client_reconfigure(from_, setup.get()));
}

/* An MQTT client. Destroying it ends the connection without a goodbye, so that the will is published. */
class client : public client_ref {
public:
    explicit client(const options &setup) : client_ref(make(setup)), own_(from_) {}
    client(client &&other) noexcept
        : client_ref(std::exchange(other.from_, nullptr)), own_(std::move(other.own_)) {}
    client &operator=(client &&other) noexcept {
        from_ = std::exchange(other.from_, nullptr);
        own_ = std::move(other.own_);
        return *this;
    }

    static result<client> try_make(const options &setup) {
        mqttlink_client *made = nullptr;
        if (mqttlink_client_new(setup.get(), &made) != MQTTLINK_OK)
            return detail::last_error();
        return client(made);
    }

private:
    explicit client(mqttlink_client *from) noexcept : client_ref(from), own_(from) {}
    static mqttlink_client *make(const options &setup) {
        mqttlink_client *made = nullptr;
        detail::check(mqttlink_client_new(setup.get(), &made));
        return made;
    }
    detail::handle<mqttlink_client, mqttlink_client_free> own_;
};

enum class action : std::int32_t { publish = 0, subscribe = 1, deliver = 2 };
enum class overflow : std::int32_t { drop_newest = 0, drop_oldest = 1, disconnect_client = 2 };

/* A client, as the broker sees it. */
class peer_view {
public:
    explicit peer_view(const mqttlink_peer *from) noexcept : from_(from) {}

    std::string_view client_id() const noexcept {
        return detail::view(mqttlink_peer_client_id(from_));
    }
    /* What reply_ref::user said, else the user name. */
    std::optional<std::string_view> user() const noexcept { return maybe(mqttlink_peer_user(from_)); }
    /* Only for those who authenticate. */
    std::optional<std::string_view> password() const noexcept {
        std::size_t len = 0;
        const void *found = mqttlink_peer_password(from_, &len);
        if (!found)
            return std::nullopt;
        return std::string_view(static_cast<const char *>(found), len);
    }
    protocol version() const noexcept { return static_cast<protocol>(mqttlink_peer_version(from_)); }
    /* None for a client inside the process. */
    std::optional<std::string_view> address() const noexcept {
        return maybe(mqttlink_peer_address(from_));
    }
    std::optional<std::string_view> certificate_subject() const noexcept {
        return maybe(mqttlink_peer_certificate_subject(from_));
    }
    std::optional<std::string_view> certificate_common_name() const noexcept {
        return maybe(mqttlink_peer_certificate_common_name(from_));
    }
    /* The certificate in DER. */
    std::optional<std::string_view> certificate() const noexcept {
        std::size_t len = 0;
        const void *found = mqttlink_peer_certificate(from_, &len);
        if (!found)
            return std::nullopt;
        return std::string_view(static_cast<const char *>(found), len);
    }
    /* Those of CONNECT, for those who authenticate. */
    properties_view properties() const noexcept {
        return properties_view(mqttlink_peer_properties(from_));
    }

private:
    static std::optional<std::string_view> maybe(const char *text) noexcept {
        if (!text)
            return std::nullopt;
        return std::string_view(text);
    }
    const mqttlink_peer *from_;
};

/* A client that is or was connected, to be kept. */
struct peer_info {
    explicit peer_info(const peer_view &peer)
        : client_id(peer.client_id()), user(peer.user()), address(peer.address()),
          certificate_subject(peer.certificate_subject()), version(peer.version()) {}

    std::string client_id;
    std::optional<std::string> user, address, certificate_subject;
    protocol version;
};

/* A session, as it was at a moment. */
struct session_info {
    explicit session_info(const mqttlink_session &from)
        : client(peer_view(from.peer)), connected(from.connected), has_will(from.has_will),
          subscriptions(from.subscriptions), queued_messages(from.queued_messages),
          queued_bytes(from.queued_bytes), in_flight(from.in_flight),
          retained_unsent(from.retained_unsent) {
        if (from.expiry_s != UINT32_MAX)
            expiry = seconds(from.expiry_s);
        if (from.ends_in_ms >= 0)
            ends_in = milliseconds(from.ends_in_ms);
    }

    peer_info client;
    bool connected, has_will;
    /* How long it outlives its connection; none is for ever. */
    std::optional<seconds> expiry;
    /* When it ends if the client stays away; none while it is connected, and for ever. */
    std::optional<milliseconds> ends_in;
    std::uint64_t subscriptions, queued_messages, queued_bytes, in_flight, retained_unsent;
};

/* A subscription of a client. */
struct subscribed_filter {
    std::string filter;
    mqttlink::qos qos;
    bool no_local, retain_as_published;
    mqttlink::retain_handling retain_handling;
};

/* Takes what an authentication has to say beside yes or no. */
class reply_ref {
public:
    explicit reply_ref(mqttlink_reply *from) noexcept : from_(from) {}
    void data(const bytes &data) const {
        detail::check(mqttlink_reply_set(from_, data.data(), data.size()));
    }
    /* Who the client is, for the other handlers. */
    void user(const c_string &name) const {
        detail::check(mqttlink_reply_set_user(from_, name));
    }

private:
    mqttlink_reply *from_;
};

/* What a client wants to do. */
struct request {
    mqttlink::action action;
    /* A topic name, or the filter of a subscription. */
    std::string_view topic;
    mqttlink::qos qos;
    bool retain;
    /* NULL but for action::deliver. */
    const message_view *message;
};

/* Takes changes to a message on its way in. */
class draft_ref {
public:
    explicit draft_ref(mqttlink_draft *from) noexcept : from_(from) {}
    const draft_ref &topic(const c_string &name) const {
        return done(mqttlink_draft_set_topic(from_, name));
    }
    const draft_ref &payload(const bytes &payload) const {
        return done(mqttlink_draft_set_payload(from_, payload.data(), payload.size()));
    }
    const draft_ref &qos(mqttlink::qos qos) const {
        return done(mqttlink_draft_set_qos(from_, static_cast<int>(qos)));
    }
    const draft_ref &retain(bool retain) const {
        return done(mqttlink_draft_set_retain(from_, retain));
    }
    const draft_ref &properties(const mqttlink::properties &list) const {
        return done(mqttlink_draft_set_properties(from_, list.get()));
    }

private:
    const draft_ref &done(mqttlink_status status) const {
        detail::check(status);
        return *this;
    }
    mqttlink_draft *from_;
};

/* Something that happened in a broker. */
class broker_event_view {
public:
    explicit broker_event_view(const mqttlink_broker_event *from) noexcept : from_(from) {}

    mqttlink_broker_event_kind kind() const noexcept {
        return static_cast<mqttlink_broker_event_kind>(from_->kind);
    }
    /* A mqttlink_disconnect_cause or mqttlink_drop_cause; -1 if the kind has none. */
    int cause() const noexcept { return from_->cause; }
    /* -1 if there is none. */
    int reason() const noexcept { return from_->reason; }
    /* What was granted. */
    mqttlink::qos qos() const noexcept { return static_cast<mqttlink::qos>(from_->qos); }
    bool session_present() const noexcept { return from_->session_present; }
    /* None if the client was refused. */
    std::optional<peer_view> peer() const noexcept {
        if (!from_->peer)
            return std::nullopt;
        return peer_view(from_->peer);
    }
    std::string_view client_id() const noexcept { return detail::view(from_->client_id); }
    /* A topic name or filter; empty if the kind has none. */
    std::string_view topic() const noexcept { return detail::view(from_->topic); }
    std::string_view text() const noexcept { return detail::view(from_->text); }

private:
    const mqttlink_broker_event *from_;
};

/* One packet of a transcript. */
struct recorded {
    std::chrono::microseconds at;
    std::string client_id;
    bool from_client;
    protocol version;
    std::string bytes, text;
};

/* One authentication exchange, the broker's side. */
class exchange {
public:
    virtual ~exchange() = default;
    /* The client's next data. Returns MQTTLINK_REASON_CONTINUE_AUTHENTICATION to ask for the next step, 0 to
     * accept, or the reason to refuse; to throw refuses with "unspecified error". */
    virtual int step(std::optional<std::string_view> data, reply_ref reply) = 0;
};

/* Handlers that decide say no by throwing. 0 accepts, any other reason refuses. */
using authenticate_handler = std::function<int(broker_ref, const peer_view &, reply_ref)>;
/* NULL for a method that is not known. */
using exchange_handler = std::function<std::unique_ptr<exchange>(broker_ref, const peer_view &)>;
using authorize_handler = std::function<bool(broker_ref, const peer_view &, const request &)>;
using intercept_handler =
    std::function<int(broker_ref, const peer_view &, const message_view &, draft_ref)>;
using broker_event_handler = std::function<void(broker_ref, const broker_event_view &)>;
using broker_message_handler = std::function<void(broker_ref, const message_view &)>;

/* Messages inside a broker that match a filter. Destroying it ends the subscription. */
class broker_subscription {
public:
    explicit broker_subscription(mqttlink_broker_subscription *from) noexcept : own_(from) {}

    message receive(milliseconds limit = forever) const {
        mqttlink_message *made = nullptr;
        detail::check(mqttlink_broker_subscription_receive(own_.get(), detail::limit(limit), &made));
        return message(made);
    }
    result<message> try_receive(milliseconds limit = milliseconds(0)) const {
        mqttlink_message *made = nullptr;
        if (mqttlink_broker_subscription_receive(own_.get(), detail::limit(limit), &made) != MQTTLINK_OK)
            return detail::last_error();
        return message(made);
    }

private:
    detail::handle<mqttlink_broker_subscription, mqttlink_broker_subscription_free> own_;
};

/* A broker that somebody else owns: what handlers get. */
class broker_ref {
public:
    explicit broker_ref(mqttlink_broker *from) noexcept : from_(from) {}
    /* Of one that passes by, which it would outlive. */
    broker_ref(const broker &&) = delete;

    /* 0 if it does not listen. */
    std::uint16_t port() const noexcept { return mqttlink_broker_port(from_); }
    std::vector<std::string> addresses() const {
        std::vector<std::string> all;
        for (std::size_t i = 0; i < mqttlink_broker_address_count(from_); i++)
            all.push_back(detail::text(mqttlink_broker_address(from_, i)));
        return all;
    }
    void stop(milliseconds limit = by_default) const {
        detail::check(mqttlink_broker_stop(from_, detail::limit(limit)));
    }

    /* Of the options, the timeout has no meaning here. */
    void publish(const c_string &topic, const bytes &payload,
                 const publish_options &how = {}) const {
        detail::check(send(topic, payload, how));
    }
    result<nothing> try_publish(const c_string &topic, const bytes &payload,
                                const publish_options &how = {}) const {
        return detail::outcome(send(topic, payload, how));
    }
    broker_subscription subscribe(const c_string &filter) const {
        mqttlink_broker_subscription *made = nullptr;
        detail::check(
            mqttlink_broker_subscribe(from_, filter, nullptr, nullptr, nullptr, &made));
        return broker_subscription(made);
    }
    broker_subscription subscribe(const c_string &filter, broker_message_handler handler) const;

    mqttlink_broker_counters statistics() const {
        mqttlink_broker_counters counters{};
        detail::check(mqttlink_broker_statistics(from_, &counters, sizeof counters));
        return counters;
    }
    result<mqttlink_broker_counters> try_statistics() const {
        mqttlink_broker_counters counters{};
        if (mqttlink_broker_statistics(from_, &counters, sizeof counters) != MQTTLINK_OK)
            return detail::last_error();
        return counters;
    }
    /* The clients that are connected. */
    std::vector<peer_info> clients() const;
    /* All sessions of clients, connected or not. */
    std::vector<session_info> sessions() const;
    std::optional<session_info> session(const c_string &client_id) const;
    std::vector<subscribed_filter> subscriptions(const c_string &client_id) const;
    /* Whether there was one. */
    bool delete_session(const c_string &client_id) const {
        bool found = false;
        detail::check(mqttlink_broker_delete_session(from_, client_id, &found));
        return found;
    }
    /* Whether it was connected. */
    bool disconnect(const c_string &client_id,
                    int reason = MQTTLINK_REASON_ADMINISTRATIVE_ACTION) const {
        bool found = false;
        detail::check(mqttlink_broker_disconnect(from_, client_id, reason, &found));
        return found;
    }

    /* From here on only in a broker for tests. By default they wait for 5 s. */
    void wait_for_client(const c_string &id, milliseconds limit = by_default) const {
        detail::check(mqttlink_broker_wait_for_client(from_, id, detail::limit(limit)));
    }
    result<nothing> try_wait_for_client(const c_string &id,
                                        milliseconds limit = by_default) const {
        return detail::outcome(mqttlink_broker_wait_for_client(from_, id, detail::limit(limit)));
    }
    void wait_for_client_to_go(const c_string &id, milliseconds limit = by_default) const {
        detail::check(mqttlink_broker_wait_for_client_to_go(from_, id, detail::limit(limit)));
    }
    result<nothing> try_wait_for_client_to_go(const c_string &id,
                                              milliseconds limit = by_default) const {
        return detail::outcome(
            mqttlink_broker_wait_for_client_to_go(from_, id, detail::limit(limit)));
    }
    void wait_for_subscription(const c_string &id, const c_string &filter,
                               milliseconds limit = by_default) const {
        detail::check(mqttlink_broker_wait_for_subscription(from_, id, filter,
                                                            detail::limit(limit)));
    }
    result<nothing> try_wait_for_subscription(const c_string &id, const c_string &filter,
                                              milliseconds limit = by_default) const {
        return detail::outcome(mqttlink_broker_wait_for_subscription(
            from_, id, filter, detail::limit(limit)));
    }
    /* Moves a broker with virtual time on. */
    void advance(milliseconds span) const {
        auto count = span.count() < 0 ? 0 : span.count();
        detail::check(mqttlink_broker_advance(from_, static_cast<std::uint64_t>(count)));
    }
    /* From the client's next CONNECT on; "*" stands for every client. */
    void break_connection(const c_string &client_id, mqttlink_connection_fault fault,
                          std::uint64_t number = 0) const {
        detail::check(mqttlink_broker_break_connection(from_, client_id, fault, number));
    }
    void break_messages(const c_string &filter, mqttlink_message_fault fault,
                        std::uint64_t number = 0) const {
        detail::check(mqttlink_broker_break_messages(from_, filter, fault, number));
    }
    void repair() const { detail::check(mqttlink_broker_repair(from_)); }
    /* The last packets of all connections, oldest first. */
    std::vector<recorded> transcript() const {
        mqttlink_transcript *made = nullptr;
        detail::check(mqttlink_broker_transcript(from_, &made));
        detail::handle<mqttlink_transcript, mqttlink_transcript_free> own(made);
        std::vector<recorded> all;
        mqttlink_recorded one{};
        for (std::size_t i = 0; mqttlink_transcript_at(made, i, &one) == MQTTLINK_OK; i++)
            all.push_back({std::chrono::microseconds(one.at_us), one.client_id, one.from_client,
                           static_cast<protocol>(one.version),
                           std::string(static_cast<const char *>(one.bytes), one.len), one.text});
        return all;
    }
    mqttlink_broker *get() const noexcept { return from_; }

protected:
    mqttlink_broker *from_;

private:
    mqttlink_status send(const c_string &topic, const bytes &payload,
                         const publish_options &how) const {
        return mqttlink_broker_publish(from_, topic, payload.data(), payload.size(),
                                       static_cast<int>(how.qos), how.retain, how.list());
    }
};

inline options::options(const broker_ref &broker) {
    mqttlink_options *made = nullptr;
    detail::check(mqttlink_options_new_in_process(broker.get(), &made));
    own_.reset(made);
}

namespace detail {

/* What a decision is, and what it is when the handler throws. */
template <class T, class F> T decide(T no, F call) noexcept {
    try {
        return call();
    } catch (...) {
        return no;
    }
}
inline std::int32_t call_authenticate(void *user, mqttlink_broker *broker, const mqttlink_peer *peer,
                                      mqttlink_reply *reply) noexcept {
    return decide<std::int32_t>(MQTTLINK_REASON_UNSPECIFIED_ERROR, [&] {
        return (*static_cast<authenticate_handler *>(user))(broker_ref(broker), peer_view(peer),
                                                            reply_ref(reply));
    });
}
inline std::int32_t call_exchange(void *user, mqttlink_broker *broker, const mqttlink_peer *peer,
                                  void **place) noexcept {
    return decide<std::int32_t>(1, [&] {
        auto made = (*static_cast<exchange_handler *>(user))(broker_ref(broker), peer_view(peer));
        *place = made.release();
        return *place ? 0 : 1;
    });
}
inline std::int32_t call_step(void *user, const void *data, std::size_t len,
                              mqttlink_reply *reply) noexcept {
    return decide<std::int32_t>(MQTTLINK_REASON_UNSPECIFIED_ERROR, [&] {
        std::optional<std::string_view> given;
        if (data)
            given = std::string_view(static_cast<const char *>(data), len);
        return static_cast<exchange *>(user)->step(given, reply_ref(reply));
    });
}
inline void free_exchange(void *user) noexcept { delete static_cast<exchange *>(user); }
inline bool call_authorize(void *user, mqttlink_broker *broker, const mqttlink_peer *peer,
                           std::int32_t what, const char *topic, std::int32_t qos, bool retain,
                           const mqttlink_message *message) noexcept {
    return decide(false, [&] {
        message_view delivered(message);
        request wanted{static_cast<action>(what), topic, static_cast<mqttlink::qos>(qos), retain,
                       message ? &delivered : nullptr};
        return (*static_cast<authorize_handler *>(user))(broker_ref(broker), peer_view(peer), wanted);
    });
}
inline std::int32_t call_intercept(void *user, mqttlink_broker *broker, const mqttlink_peer *peer,
                                   const mqttlink_message *message, mqttlink_draft *draft) noexcept {
    return decide<std::int32_t>(MQTTLINK_REASON_IMPLEMENTATION_SPECIFIC_ERROR, [&] {
        return (*static_cast<intercept_handler *>(user))(broker_ref(broker), peer_view(peer),
                                                         message_view(message), draft_ref(draft));
    });
}
inline void call_event(void *user, mqttlink_broker *broker,
                       const mqttlink_broker_event *event) noexcept {
    (*static_cast<broker_event_handler *>(user))(broker_ref(broker), broker_event_view(event));
}
inline void call_broker_message(void *user, mqttlink_broker *broker,
                                const mqttlink_message *message) noexcept {
    (*static_cast<broker_message_handler *>(user))(broker_ref(broker), message_view(message));
}
inline void collect_peer(void *user, mqttlink_broker *, const mqttlink_peer *peer) noexcept {
    static_cast<std::vector<peer_info> *>(user)->emplace_back(peer_view(peer));
}
inline void collect_session(void *user, mqttlink_broker *, const mqttlink_session *from) noexcept {
    static_cast<std::vector<session_info> *>(user)->emplace_back(*from);
}
inline void collect_filter(void *user, mqttlink_broker *, const char *filter, std::int32_t qos,
                           bool no_local, bool retain_as_published, std::int32_t handling) noexcept {
    static_cast<std::vector<subscribed_filter> *>(user)->push_back(
        {filter, static_cast<mqttlink::qos>(qos), no_local, retain_as_published,
         static_cast<retain_handling>(handling)});
}

} // namespace detail

inline broker_subscription broker_ref::subscribe(const c_string &filter,
                                                 broker_message_handler handler) const {
    mqttlink_broker_subscription *made = nullptr;
    if (!handler)
        return subscribe(filter);
    detail::check(mqttlink_broker_subscribe(
        from_, filter, detail::call_broker_message, detail::keep(std::move(handler)),
        detail::free_function<broker_message_handler>, &made));
    return broker_subscription(made);
}
inline std::vector<peer_info> broker_ref::clients() const {
    std::vector<peer_info> all;
    detail::check(mqttlink_broker_each_client(from_, detail::collect_peer, &all));
    return all;
}
inline std::vector<session_info> broker_ref::sessions() const {
    std::vector<session_info> all;
    detail::check(mqttlink_broker_each_session(from_, detail::collect_session, &all));
    return all;
}
inline std::optional<session_info> broker_ref::session(const c_string &client_id) const {
    std::vector<session_info> one;
    auto status = mqttlink_broker_session(from_, client_id, detail::collect_session, &one);
    if (status == MQTTLINK_ERROR_NOT_FOUND)
        return std::nullopt;
    detail::check(status);
    return one.front();
}
inline std::vector<subscribed_filter> broker_ref::subscriptions(const c_string &client_id) const {
    std::vector<subscribed_filter> all;
    detail::check(mqttlink_broker_each_subscription(from_, client_id, detail::collect_filter,
                                                    &all));
    return all;
}

/* Who a broker is, and which clients it wants to see proof from; all in PEM. */
class server_tls {
public:
    server_tls(const c_string &certificate_path, const c_string &key_path) {
        mqttlink_server_tls *made = nullptr;
        detail::check(mqttlink_server_tls_new(certificate_path, key_path, &made));
        own_.reset(made);
    }
    static server_tls from_memory(const bytes &certificate, const bytes &key) {
        mqttlink_server_tls *made = nullptr;
        detail::check(mqttlink_server_tls_new_from_memory(certificate.data(), certificate.size(),
                                                          key.data(), key.size(), &made));
        return server_tls(made);
    }
    server_tls &client_authority_file(const c_string &path) {
        return done(mqttlink_server_tls_add_client_authority_file(get(), path));
    }
    server_tls &client_authority(const bytes &pem) {
        return done(mqttlink_server_tls_add_client_authority(get(), pem.data(), pem.size()));
    }
    server_tls &require_client_certificate(bool required) {
        return done(mqttlink_server_tls_require_client_certificate(get(), required));
    }
    server_tls &min_version(tls_version version) {
        return done(mqttlink_server_tls_set_min_version(get(), static_cast<int>(version)));
    }
    mqttlink_server_tls *get() const noexcept { return own_.get(); }

private:
    explicit server_tls(mqttlink_server_tls *from) noexcept : own_(from) {}
    server_tls &done(mqttlink_status status) {
        detail::check(status);
        return *this;
    }
    detail::handle<mqttlink_server_tls, mqttlink_server_tls_free> own_;
};

/* Everything about a broker that is fixed before it starts. */
class broker_options {
public:
    broker_options() : broker_options(mqttlink_broker_options_new) {}
    /* Brokers for tests: they listen on a free port of 127.0.0.1 and have the functions for tests. */
    static broker_options for_test() { return broker_options(mqttlink_broker_options_new_for_test); }

    broker_options &virtual_time(bool wanted = true) {
        return done(mqttlink_broker_options_set_virtual_time(get(), wanted));
    }
    /* "127.0.0.1:1883", "[::1]:0", "localhost:0"; port 0 lets the system choose. */
    broker_options &listen(const c_string &address) {
        return done(mqttlink_broker_options_listen(get(), address, nullptr));
    }
    broker_options &listen(const c_string &address, const server_tls &tls) {
        return done(mqttlink_broker_options_listen(get(), address, tls.get()));
    }
    broker_options &set(mqttlink_broker_setting setting, std::uint64_t number) {
        return done(mqttlink_broker_options_set(get(), setting, number));
    }
    std::uint64_t number(mqttlink_broker_setting setting) const {
        std::uint64_t number = 0;
        detail::check(mqttlink_broker_options_get(get(), setting, &number));
        return number;
    }
    broker_options &allow_anonymous(bool allowed = true) {
        return set(MQTTLINK_BROKER_ALLOW_ANONYMOUS, allowed);
    }
    broker_options &overflow(mqttlink::overflow policy) {
        return set(MQTTLINK_BROKER_OVERFLOW, static_cast<std::uint64_t>(policy));
    }
    broker_options &maximum_qos(mqttlink::qos qos) {
        return set(MQTTLINK_BROKER_MAXIMUM_QOS, static_cast<std::uint64_t>(qos));
    }
    /* 0 s: whatever the client asks for. */
    broker_options &keep_alive_max(seconds longest) {
        return set(MQTTLINK_BROKER_KEEP_ALIVE_MAX_S, detail::clamped(longest.count()));
    }
    /* 4,294,967,295 s and more: for ever. */
    broker_options &session_expiry_max(seconds longest) {
        return set(MQTTLINK_BROKER_SESSION_EXPIRY_MAX_S, detail::clamped(longest.count()));
    }
    broker_options &connect_timeout(milliseconds limit) {
        return within(MQTTLINK_BROKER_CONNECT_TIMEOUT_MS, limit);
    }
    broker_options &authentication_timeout(milliseconds limit) {
        return within(MQTTLINK_BROKER_AUTHENTICATION_MS, limit);
    }
    broker_options &closing_timeout(milliseconds limit) {
        return within(MQTTLINK_BROKER_CLOSING_MS, limit);
    }
    /* 0 ms: none. */
    broker_options &sys_interval(milliseconds interval) {
        return within(MQTTLINK_BROKER_SYS_INTERVAL_MS, interval);
    }
    broker_options &allow_version(protocol version, bool allowed) {
        return done(
            mqttlink_broker_options_allow_version(get(), static_cast<int>(version), allowed));
    }
    /* About the address of the last call of listen. */
    broker_options &allow_version_there(protocol version, bool allowed) {
        return done(
            mqttlink_broker_options_allow_version_there(get(), static_cast<int>(version), allowed));
    }
    broker_options &response_information(const c_string &information) {
        return done(mqttlink_broker_options_set_response_information(get(), information));
    }

    broker_options &on_authenticate(authenticate_handler handler) {
        return done(
            detail::place(mqttlink_broker_options_on_authenticate, get(), detail::call_authenticate, std::move(handler)));
    }
    broker_options &on_exchange(exchange_handler handler) {
        if (!handler)
            return done(mqttlink_broker_options_on_exchange(get(), nullptr, nullptr, nullptr,
                                                            nullptr, nullptr));
        return done(mqttlink_broker_options_on_exchange(
            get(), detail::call_exchange, detail::call_step, detail::free_exchange,
            detail::keep(std::move(handler)), detail::free_function<exchange_handler>));
    }
    broker_options &on_authorize(authorize_handler handler) {
        return done(
            detail::place(mqttlink_broker_options_on_authorize, get(), detail::call_authorize, std::move(handler)));
    }
    broker_options &on_intercept(intercept_handler handler) {
        return done(
            detail::place(mqttlink_broker_options_on_intercept, get(), detail::call_intercept, std::move(handler)));
    }
    broker_options &on_event(broker_event_handler handler) {
        return done(
            detail::place(mqttlink_broker_options_on_event, get(), detail::call_event, std::move(handler)));
    }
    mqttlink_broker_options *get() const noexcept { return own_.get(); }

private:
    explicit broker_options(mqttlink_status (*make)(mqttlink_broker_options **)) {
        mqttlink_broker_options *made = nullptr;
        detail::check(make(&made));
        own_.reset(made);
    }
    broker_options &done(mqttlink_status status) {
        detail::check(status);
        return *this;
    }
    /* `forever` is the longest there is, `by_default` leaves it as it is. */
    broker_options &within(mqttlink_broker_setting setting, milliseconds limit) {
        if (limit == by_default)
            return *this;
        return set(setting, limit == forever ? UINT32_MAX : detail::clamped(limit.count()));
    }
    detail::handle<mqttlink_broker_options, mqttlink_broker_options_free> own_;
};

/* A broker that runs. Destroying it stops it, and waits for handlers that run on other threads. */
class broker : public broker_ref {
public:
    explicit broker(const broker_options &setup) : broker_ref(start(setup)), own_(from_) {}
    broker(broker &&other) noexcept
        : broker_ref(std::exchange(other.from_, nullptr)), own_(std::move(other.own_)) {}
    broker &operator=(broker &&other) noexcept {
        from_ = std::exchange(other.from_, nullptr);
        own_ = std::move(other.own_);
        return *this;
    }

    static result<broker> try_start(const broker_options &setup) {
        mqttlink_broker *made = nullptr;
        if (mqttlink_broker_start(setup.get(), &made) != MQTTLINK_OK)
            return detail::last_error();
        return broker(made);
    }

private:
    explicit broker(mqttlink_broker *from) noexcept : broker_ref(from), own_(from) {}
    static mqttlink_broker *start(const broker_options &setup) {
        mqttlink_broker *made = nullptr;
        detail::check(mqttlink_broker_start(setup.get(), &made));
        return made;
    }
    detail::handle<mqttlink_broker, mqttlink_broker_free> own_;
};

/* One connection of a scripted_server. What does not go as it was written throws. */
class scripted_connection {
public:
    explicit scripted_connection(mqttlink_script_connection *from) noexcept : own_(from) {}

    /* Sends exactly these bytes. */
    void send(const mqttlink::bytes &bytes) const {
        detail::check(mqttlink_script_connection_send(own_.get(), bytes.data(), bytes.size()));
    }
    /* Waits for as many bytes as these, which they must be. */
    void expect(const mqttlink::bytes &bytes) const {
        detail::check(mqttlink_script_connection_expect(own_.get(), bytes.data(), bytes.size()));
    }
    /* Waits for a packet: one line, which begins with its name. */
    std::string expect_packet() const {
        const char *line = nullptr;
        detail::check(mqttlink_script_connection_expect_packet(own_.get(), &line));
        return line;
    }
    /* Waits until the client has closed the connection. */
    void expect_end() const { detail::check(mqttlink_script_connection_expect_end(own_.get())); }

private:
    detail::handle<mqttlink_script_connection, mqttlink_script_connection_free> own_;
};

/* A server on a free port of 127.0.0.1 that says what a test says, byte by byte. */
class scripted_server {
public:
    scripted_server() {
        mqttlink_script *made = nullptr;
        detail::check(mqttlink_script_start(&made));
        own_.reset(made);
    }
    std::uint16_t port() const noexcept { return mqttlink_script_port(own_.get()); }
    scripted_connection accept(protocol version, milliseconds limit = by_default) const {
        mqttlink_script_connection *made = nullptr;
        detail::check(mqttlink_script_accept(own_.get(), static_cast<int>(version), detail::limit(limit), &made));
        return scripted_connection(made);
    }
    result<scripted_connection> try_accept(protocol version, milliseconds limit = by_default) const {
        mqttlink_script_connection *made = nullptr;
        if (mqttlink_script_accept(own_.get(), static_cast<int>(version), detail::limit(limit), &made) !=
            MQTTLINK_OK)
            return detail::last_error();
        return scripted_connection(made);
    }

private:
    detail::handle<mqttlink_script, mqttlink_script_free> own_;
};

/* Has the library's log given to a handler; an empty one ends it. */
inline void log_to(std::function<void(int, std::string_view)> handler,
                   int level = MQTTLINK_LOG_INFO) {
    using function = std::function<void(int, std::string_view)>;
    if (!handler)
        return detail::check(mqttlink_log_set(nullptr, MQTTLINK_LOG_OFF, nullptr, nullptr));
    detail::check(mqttlink_log_set(detail::call_log, level, detail::keep(std::move(handler)),
                                   detail::free_function<function>));
}

/* Whether messages with this topic name go to a subscription with this filter. */
inline bool topic_matches(const c_string &filter, const c_string &name) {
    bool matches = false;
    detail::check(mqttlink_topic_matches(filter, name, &matches));
    return matches;
}
/* Whether a topic name or filter keeps the rules of section 4.7: the failure says which one it breaks, and nothing is
 * thrown. */
inline result<nothing> check_topic_name(const c_string &name) {
    return detail::outcome(mqttlink_topic_check_name(name));
}
inline result<nothing> check_topic_filter(const c_string &filter) {
    return detail::outcome(mqttlink_topic_check_filter(filter));
}

/* A short English text for a status, and the name of a reason code; empty for a number that is none. */
inline std::string_view status_text(std::int32_t status) noexcept {
    return detail::view(mqttlink_status_text(status));
}
inline std::string_view reason_text(std::int32_t reason) noexcept {
    return detail::view(mqttlink_reason_text(reason));
}

} // namespace mqttlink

#endif
