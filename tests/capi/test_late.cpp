/* What is used when everything else has ended: by static objects after main, by those of a thread after its last
 * line, by what POSIX calls for a thread's keys. The library's own part of the thread has gone by then. */
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mqttlink.hpp"

extern "C" {
#include "check.h"
}

using namespace std::chrono_literals;
using mqttlink::qos;

namespace {

/* Made first and destroyed last: the process has said nothing to stderr. */
struct silence {
    silence() {
        before = dup(2);
        said = fileno(std::tmpfile());
        dup2(said, 2);
        std::signal(SIGABRT, [](int) { show(); });
    }
    ~silence() {
        if (lseek(said, 0, SEEK_END) == 0 && ends == expected)
            return;
        std::fprintf(stderr, "%d of %d ends, and what stands above is too much\n", ends.load(), expected);
        show();
        std::_Exit(1);
    }
    static void show() {
        char piece[4096];
        lseek(said, 0, SEEK_SET);
        for (ssize_t count; (count = read(said, piece, sizeof piece)) > 0;)
            if (write(before, piece, static_cast<std::size_t>(count)) != count)
                return;
    }
    static inline int said, before;
    std::atomic<int> ends{0};
    int expected = 2;
};
silence quiet;

/* A program's objects, which are used once more when they go. */
struct world {
    ~world() {
        if (!client)
            return;
        client->publish("late/text", "a", {qos::at_least_once}).wait();
        client->publish("late/bytes", *bytes, {qos::at_least_once}).wait();
        CHECK(other->receive(5s).topic() == "late/text" && other->receive(5s).text().size() == 10000);
        /* A failure is known there as anywhere. */
        try {
            client->publish("no/#", "");
            CHECK(!"published");
        } catch (const mqttlink::usage_error &error) {
            CHECK(error.status() == MQTTLINK_ERROR_INVALID_TOPIC && std::string_view(error.what()).size() > 10);
        }
        auto topic = mqttlink::check_topic_name("");
        CHECK(!topic && topic.failure().status() == MQTTLINK_ERROR_INVALID_TOPIC);
        /* And new things can be made, also those that look a name up. */
        mqttlink::client third(mqttlink::options("localhost", broker->port()).client_id("third"));
        third.connect();
        third.subscribe("third/#", qos::at_most_once, [](mqttlink::client_ref, const mqttlink::message_view &) {});
        third.disconnect();
        broker->wait_for_client_to_go("third");
        auto inside = broker->subscribe("inside");
        CHECK(inside.try_receive(20ms).failure().is_timeout());
        bytes.reset();
        quiet.ends++;
    }
    void begin() {
        broker.emplace(mqttlink::broker_options::for_test());
        /* What waits for an answer really waits. */
        broker->break_connection("*", MQTTLINK_FAULT_DELAY_MS, 20);
        mqttlink::options options("127.0.0.1", broker->port());
        client.emplace(options.client_id("client").on_message([](mqttlink::client_ref, const mqttlink::message_view &) {}));
        client->connect();
        other.emplace(mqttlink::options("127.0.0.1", broker->port()).client_id("other"));
        other->connect();
        other->subscribe("late/#", qos::at_least_once);
        /* The thread has freed a payload and has a last failure. */
        mqttlink::payload(std::string(10000, 'x'));
        CHECK(!mqttlink::check_topic_filter("a/#/b"));
        bytes.emplace(std::string(10000, 'y'));
    }
    std::optional<mqttlink::broker> broker;
    std::optional<mqttlink::client> client, other;
    std::optional<mqttlink::payload> bytes;
};

world of_the_process;
thread_local world of_the_thread;
pthread_key_t key;

void of_the_key(void *kept) { delete static_cast<world *>(kept); }

/* A handler ends the process, and with it the client that it is called for. */
void end_in_a_handler() {
    of_the_process.begin();
    quiet.expected = 1;
    mqttlink::options options("127.0.0.1", of_the_process.broker->port());
    options.client_id("last").on_message([](mqttlink::client_ref, const mqttlink::message_view &) { std::exit(0); });
    static mqttlink::client last(options);
    last.connect();
    last.subscribe("end", qos::at_most_once);
    last.publish("end", "");
    for (;;)
        pause();
}

} // namespace

int main(int count, char **arguments) {
    if (count > 1)
        end_in_a_handler();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        execl(arguments[0], arguments[0], "inside", nullptr);
        _exit(2);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    std::thread([] {
        (void)&of_the_thread;
        of_the_thread.begin();
    }).join();
    /* glibc leaks what waits for a thread's end when its keys' turn has come, which valgrind reports. */
    if (!std::getenv("LATE_WITHOUT_KEYS")) {
        CHECK(pthread_key_create(&key, of_the_key) == 0);
        std::thread([] {
            auto *kept = new world;
            kept->begin();
            CHECK(pthread_setspecific(key, kept) == 0);
        }).join();
        quiet.expected++;
    }
    of_the_process.begin();
    return 0;
}
