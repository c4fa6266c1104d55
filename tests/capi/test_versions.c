/* Programs that were built with an older or a newer header: structs that grow are filled as far as both sides
 * know them, nothing behind them is written, and what only the program knows is 0. */
#include "broker.h"

#include <stddef.h>

/* A struct with what lies behind it in memory. */
typedef struct {
    unsigned char bytes[1024];
} room;

enum { UNTOUCHED = 0xA5, NEWER = 64 };

typedef mqttlink_status filler(const void *of, room *room, size_t size);

static mqttlink_status client_statistics(const void *of, room *room, size_t size) {
    return mqttlink_client_statistics(of, (mqttlink_statistics *)room, size);
}
static mqttlink_status broker_statistics(const void *of, room *room, size_t size) {
    mqttlink_status status =
        mqttlink_broker_statistics(of, (mqttlink_broker_counters *)room, size);
    /* Time goes on between two calls. */
    if (status == MQTTLINK_OK)
        memset(room, 0, sizeof(uint64_t));
    return status;
}
static mqttlink_status message_view(const void *of, room *room, size_t size) {
    return mqttlink_message_view(of, (mqttlink_view *)room, size);
}

static bool all(const unsigned char *bytes, size_t count, unsigned char what) {
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != what)
            return false;
    return true;
}

static void fresh(room *room) { memset(room, UNTOUCHED, sizeof *room); }

/* `first`: how large the struct was in its first version; `used`: where its last field ends today. */
static void every_size(filler *fill, const void *of, size_t first, size_t used, size_t today) {
    room whole, part;
    fresh(&whole);
    OK(fill(of, &whole, today));
    CHECK(all(whole.bytes + today, sizeof whole - today, UNTOUCHED));
    for (size_t size = 0; size <= today + NEWER; size++) {
        fresh(&part);
        if (size < first) {
            FAILS(MQTTLINK_ERROR_NUMBER, fill(of, &part, size));
            CHECK(strncmp(mqttlink_last_error_message(), "size", 4) == 0);
            CHECK(all(part.bytes, sizeof part, UNTOUCHED));
            continue;
        }
        OK(fill(of, &part, size));
        CHECK(memcmp(part.bytes, whole.bytes, size < used ? size : used) == 0);
        if (size > today)
            CHECK(all(part.bytes + today, size - today, 0));
        CHECK(all(part.bytes + size, sizeof part - size, UNTOUCHED));
    }
    fresh(&part);
    FAILS(MQTTLINK_ERROR_NUMBER, fill(of, &part, SIZE_MAX));
    FAILS(MQTTLINK_ERROR_NULL, fill(of, NULL, today));
    FAILS(MQTTLINK_ERROR_NULL, fill(NULL, &part, today));
    CHECK(all(part.bytes, sizeof part, UNTOUCHED));
}

int main(void) {
    mqttlink_broker *broker = start_with(NULL, NULL);
    mqttlink_client *client = connected_to(broker, "c");
    mqttlink_message *message;
    OK(mqttlink_client_subscribe_one(client, "a", 1, NULL));
    OK(mqttlink_client_publish(client, "a", "hello", 5, 1, true, NULL, NULL));
    OK(mqttlink_client_receive(client, WATCHDOG_MS, &message));

    size_t used = offsetof(mqttlink_view, has_properties) + sizeof(bool);
    every_size(message_view, message, used, used, sizeof(mqttlink_view));
    mqttlink_message_free(message);
    OK(mqttlink_client_disconnect(client));

    used = sizeof(mqttlink_statistics);
    every_size(client_statistics, client, used, used, used);
    used = sizeof(mqttlink_broker_counters);
    OK(mqttlink_broker_stop(broker, WATCHDOG_MS));
    every_size(broker_statistics, broker, offsetof(mqttlink_broker_counters, dropped_sessions_evicted),
               used, used);

    mqttlink_client_free(client);
    mqttlink_broker_free(broker);
    return 0;
}
