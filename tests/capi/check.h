/* What every suite uses: a check that says where and why, and a way to wait for other threads. */
#ifndef CHECK_H
#define CHECK_H

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mqttlink.h"

/* After this long a test that waits has failed, also on a machine that has much else to do. */
#define WATCHDOG_MS 60000

/* What a suite that does the same in many places is at; a check that fails says it. */
static char check_context[128];

#define CHECK(condition)                                                                     \
    do {                                                                                     \
        if (!(condition)) {                                                                  \
            fprintf(stderr, "%s:%d: %s%s (last error: %s)\n", __FILE__, __LINE__, #condition, \
                    check_context, mqttlink_last_error_message());                           \
            abort();                                                                         \
        }                                                                                    \
    } while (0)

/* A check of a status says which one it was. The last error is an earlier one if the call succeeded. */
static inline void check_status(mqttlink_status status, bool as_expected, const char *file, int line,
                                const char *text) {
    if (!as_expected) {
        fprintf(stderr, "%s:%d: %s: it was %d, %s%s (last error: %s)\n", file, line, text, (int)status,
                mqttlink_status_text(status), check_context, mqttlink_last_error_message());
        abort();
    }
}

/* Checks a status that was kept with a condition that may ask for more. */
#define STATUS(status, condition) check_status((status), (condition), __FILE__, __LINE__, #condition)

#define OK(call)                                                                            \
    do {                                                                                    \
        mqttlink_status ok_ = (call);                                                       \
        check_status(ok_, ok_ == MQTTLINK_OK, __FILE__, __LINE__, #call " == MQTTLINK_OK"); \
    } while (0)

/* Fails, whatever with. */
#define NOT_OK(call)                                                                        \
    do {                                                                                    \
        mqttlink_status not_ok_ = (call);                                                   \
        check_status(not_ok_, not_ok_ != MQTTLINK_OK, __FILE__, __LINE__, #call " != MQTTLINK_OK"); \
    } while (0)

#define RETURNS(status, call)                                                                        \
    do {                                                                                             \
        mqttlink_status returned_ = (call);                                                          \
        check_status(returned_, returned_ == (status), __FILE__, __LINE__, #call " == " #status);    \
    } while (0)

/* Fails with this status, and leaves it as the last error. */
#define FAILS(status, call)                                             \
    do {                                                                \
        RETURNS(status, call);                                          \
        RETURNS(status, mqttlink_error_status(mqttlink_last_error()));  \
    } while (0)

/* Counts what happened on other threads. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int count;
} counter;

#define COUNTER {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0}

static inline void count_up(counter *counter) {
    pthread_mutex_lock(&counter->lock);
    counter->count++;
    pthread_cond_broadcast(&counter->changed);
    pthread_mutex_unlock(&counter->lock);
}

static inline int count_now(counter *counter) {
    pthread_mutex_lock(&counter->lock);
    int count = counter->count;
    pthread_mutex_unlock(&counter->lock);
    return count;
}

static inline void wait_for(counter *counter, int count) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WATCHDOG_MS / 1000;
    pthread_mutex_lock(&counter->lock);
    while (counter->count < count)
        CHECK(pthread_cond_timedwait(&counter->changed, &counter->lock, &until) == 0);
    pthread_mutex_unlock(&counter->lock);
}

/* Waits for what no thread tells, and leaves the processor to the others meanwhile. */
#define WAIT_UNTIL(condition)                                   \
    do {                                                        \
        time_t limit_ = time(NULL) + WATCHDOG_MS / 1000;        \
        while (!(condition)) {                                  \
            if (time(NULL) > limit_) {                          \
                fprintf(stderr, "%s:%d: in vain until %s%s\n", __FILE__, __LINE__, #condition, check_context); \
                abort();                                        \
            }                                                   \
            sched_yield();                                      \
        }                                                       \
    } while (0)

/* Waits until the client itself has seen the end of its connection. */
static inline void wait_disconnected(const mqttlink_client *client) {
    WAIT_UNTIL(mqttlink_client_state(client) == MQTTLINK_DISCONNECTED);
}

#endif
