/*
 * mqttlink: MQTT for programs that block. A client for MQTT 3.1, 3.1.1 and 5.0, and a broker for the
 * inside of a process.
 * Licence: MIT or Apache-2.0.
 *
 * This file is made from the sources and is the manual. A tour with examples and tables for people who
 * come from libmosquitto and Paho C is in docs/c-api.md; for C++ there is mqttlink.hpp.
 *
 *     mqttlink_options *options;
 *     mqttlink_client *client;
 *     mqttlink_options_new("mqtt://localhost", &options);
 *     mqttlink_client_new(options, &client);
 *     mqttlink_options_free(options);
 *     if (mqttlink_client_connect(client, NULL) != MQTTLINK_OK)
 *         fprintf(stderr, "%s\n", mqttlink_last_error_message());
 *     mqttlink_client_publish(client, "greeting", "hello", 5, 1, false, NULL, NULL);
 *     mqttlink_client_disconnect(client);
 *     mqttlink_client_free(client);
 *
 * THE CONTRACT
 *
 * Errors. Every function that can fail returns a mqttlink_status; 0 is success. The detail of a failure is
 * kept for the thread it happened on: mqttlink_last_error and its message, stage, OS code, reason code and
 * reason string. A call that succeeds does not clear it. Functions that only look return a neutral value
 * for NULL. Results are written last, and only on success.
 *
 * What is checked. NULL, text that is not UTF-8, numbers out of range and lengths that cannot be, the use
 * of a client or broker that was freed or that belongs to the parent of a fork: each gives its status and
 * never undefined behaviour. A freed client or broker is known until 65,536 more of its kind have been freed
 * (some 60 bytes of each stay for that); then its pointer may belong to a new one.
 * What cannot be checked is the caller's part: a pointer that is
 * not NULL points at what the function asks for, a length is not longer than the memory, and nothing but a
 * client or a broker is used after it was freed. Functions that set an option check what can be known then;
 * mqttlink_client_new and mqttlink_broker_start check the rest.
 *
 * Ownership. What a function called ..._new, _start, _copy or _receive puts into your pointer is yours, and is
 * freed with the ..._free function of its type; so is what comes out of an argument whose description says
 * so. Pointers that functions return belong to the object they were asked of and live as long, unless
 * the description says otherwise. All ..._free functions take NULL. What you pass in is copied, but for the
 * bytes of mqttlink_payload_new.
 *
 * Strings are UTF-8 and end with NUL. Payloads and binary data are a pointer and a length; a pointer may
 * be NULL where the length is 0.
 *
 * Numbers. Enums are int32_t when they go in, so that a wrong one is an error. Times are milliseconds
 * (..._ms) or seconds (..._s).
 *
 * Threads. Every function may be called on every thread, also inside every callback, also those that
 * wait. A call that would wait for the very thread it is made on does not begin to: it fails with
 * MQTTLINK_ERROR_WOULD_DEADLOCK, or with MQTTLINK_ERROR_INVALID_STATE on a broker's own thread. These are the
 * callbacks where that happens: those of a transport and the source of a payload, for calls that use their
 * own client; an authenticator and a verifier while they are part of a connect, for calls that would wait
 * without a limit; and those of a broker whose descriptions say that they must not wait. In a signal handler
 * only mqttlink_client_interrupt may be called. A function that may block says so. Every wait has a deadline,
 * MQTTLINK_FOREVER if that is what you ask for, and is woken when the connection ends or the client is freed;
 * mqttlink_message_read has none of its own and ends with the connection.
 * An object that is not a client or a broker is freed when no other thread uses it.
 *
 * Callbacks are a function, a pointer of yours that is passed to it first, and a function that frees that
 * pointer, which may be NULL and is called once, also when the registration fails. They run on the client's
 * dispatcher thread, one at a time, in the order of what happened, unless the description says otherwise;
 * no lock is held. What they are given lives until they return. They must not be left by longjmp, an
 * exception or pthread_exit. Clients that were made with the same options call the same functions with the
 * same pointers, each on its own thread, at the same time. After mqttlink_client_free none runs any more.
 * A broker calls its callbacks on several threads:
 * each description says which, and whether it may wait. After mqttlink_broker_free none runs any more.
 *
 * The process is left alone: no signal's disposition is changed, no SIGPIPE is raised, nothing is written
 * to stdout, stderr or the disk, but for the report of a bug in mqttlink, which goes to stderr before a call
 * returns MQTTLINK_ERROR_PANIC. Threads are named mqttlink-...; a client has two while it is connected,
 * one more if there are callbacks, and one while the stream of a transport is opened or closed; all clients
 * together have one for interrupts, all payloads with a function that takes them back one for that, and the
 * log has one; a broker has one, those for authentication and events if there are such callbacks, and one for
 * each mqttlink_broker_subscription with a callback. They have the signal mask of the thread that started them,
 * so a program that takes its signals with sigwait blocks them before it makes anything; callbacks have 2 MiB
 * of stack. After fork() the child can make clients and brokers of its own, but not use or free the
 * parent's: MQTTLINK_ERROR_FORKED; nor what came out of them, a delivery for one, which cannot tell.
 *
 * The end. The library can be used as long as a thread runs, also by what destroys static objects, those of a
 * thread and what is kept under its keys, and after a callback has called exit(). What is not freed when the
 * process ends goes with it, without a goodbye. dlclose does not unload it.
 *
 * Versions. The SONAME holds the first number of the version. Within it, functions and numbers are only
 * added. Callers check mqttlink_version() against MQTTLINK_VERSION_MAJOR if they load the library by hand.
 * Some structs get more fields at their end: those that a function fills together with a `size`, which is
 * their size in the program, and those that only callbacks are shown. Whichever of program and library is
 * older, each such function fills the fields that both know, writes nothing behind `size`, and sets to 0 what
 * only the program knows. MQTTLINK_ERROR_NUMBER if `size` is less than the struct ever was. All other structs
 * stay as they are.
 *
 * Linking. pkg-config --cflags --libs mqttlink, or CMake: find_package(mqttlink) and mqttlink::mqttlink or
 * mqttlink::static. For libmqttlink.a without CMake: pkg-config --static, and the linker's -static, or
 * libmqttlink.a by its path in the place of -lmqttlink.
 */


#ifndef MQTTLINK_H
#define MQTTLINK_H


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(MQTTLINK_STATIC)
#define MQTTLINK_API
#elif defined(_WIN32)
#define MQTTLINK_API __declspec(dllimport)
#elif defined(__GNUC__)
#define MQTTLINK_API __attribute__((visibility("default")))
#else
#define MQTTLINK_API
#endif

/**
 * The first number of the version that this header belongs to: changes when programs have to.
 */
#define MQTTLINK_VERSION_MAJOR 0

/**
 * The second number of the version that this header belongs to: changes when functions are added.
 */
#define MQTTLINK_VERSION_MINOR 1

/**
 * The third number of the version that this header belongs to.
 */
#define MQTTLINK_VERSION_PATCH 0

/**
 * No deadline, where a function takes milliseconds.
 */
#define MQTTLINK_FOREVER -1

/**
 * The client's own deadline, where a function takes milliseconds.
 */
#define MQTTLINK_DEFAULT -2

/**
 * What a call came to. Numbers never change their meaning and are never used again; later versions
 * may add some. 0 is success; 1 to 99 are mistakes in using the C interface; 100 to 199 are
 * arguments that cannot be used; 200 to 299 the client's state; 300 to 399 deadlines; 400 to 499 the
 * network; 500 to 599 refusals by the server; 600 to 699 ends of the connection; 700 to 799 limits
 * that the server announced; 800 to 899 messages that were given up.
 */
enum mqttlink_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Success.
     */
    MQTTLINK_OK = 0,
    /**
     * An argument is NULL that must not be. The message names it.
     */
    MQTTLINK_ERROR_NULL = 1,
    /**
     * A string is not UTF-8. The message names it.
     */
    MQTTLINK_ERROR_UTF8 = 2,
    /**
     * A number is not one of those that the argument can be. The message names it.
     */
    MQTTLINK_ERROR_NUMBER = 3,
    /**
     * The client or broker has been freed.
     */
    MQTTLINK_ERROR_FREED = 4,
    /**
     * A bug in mqttlink: it panicked. The state of the handle is unknown; free it.
     */
    MQTTLINK_ERROR_PANIC = 5,
    /**
     * The client or broker was made before fork(), and this is the child. Make another one here.
     */
    MQTTLINK_ERROR_FORKED = 6,
    /**
     * What was asked for is not there.
     */
    MQTTLINK_ERROR_NOT_FOUND = 7,
    /**
     * The URL cannot be used.
     */
    MQTTLINK_ERROR_INVALID_URL = 100,
    /**
     * A topic name breaks the rules.
     */
    MQTTLINK_ERROR_INVALID_TOPIC = 101,
    /**
     * A topic filter breaks the rules.
     */
    MQTTLINK_ERROR_INVALID_FILTER = 102,
    /**
     * A property has a value it cannot have, or stands where it does not belong.
     */
    MQTTLINK_ERROR_INVALID_PROPERTY = 103,
    /**
     * Another argument cannot be used.
     */
    MQTTLINK_ERROR_INVALID_ARGUMENT = 104,
    /**
     * The protocol version of the connection cannot express it.
     */
    MQTTLINK_ERROR_NOT_IN_VERSION = 105,
    /**
     * The packet would be larger than the protocol allows.
     */
    MQTTLINK_ERROR_PACKET_TOO_LARGE = 106,
    /**
     * A CA certificate cannot be used.
     */
    MQTTLINK_ERROR_TLS_AUTHORITY = 110,
    /**
     * The client certificate cannot be used.
     */
    MQTTLINK_ERROR_TLS_CERTIFICATE = 111,
    /**
     * The client key cannot be used.
     */
    MQTTLINK_ERROR_TLS_KEY = 112,
    /**
     * The TLS library does not take the settings.
     */
    MQTTLINK_ERROR_TLS_SETUP = 113,
    /**
     * There is no connection.
     */
    MQTTLINK_ERROR_NOT_CONNECTED = 200,
    /**
     * There is a connection already.
     */
    MQTTLINK_ERROR_ALREADY_CONNECTED = 201,
    /**
     * Another call is connecting.
     */
    MQTTLINK_ERROR_ALREADY_CONNECTING = 202,
    /**
     * As many messages are in flight as may be.
     */
    MQTTLINK_ERROR_WINDOW_FULL = 203,
    /**
     * The outgoing buffer is full.
     */
    MQTTLINK_ERROR_BUFFER_FULL = 204,
    /**
     * All 65,535 packet identifiers are in use.
     */
    MQTTLINK_ERROR_NO_PACKET_ID = 205,
    /**
     * The client was closed while the call waited.
     */
    MQTTLINK_ERROR_CLOSED = 206,
    /**
     * This build does not have it.
     */
    MQTTLINK_ERROR_NOT_SUPPORTED = 207,
    /**
     * The call makes no sense in this state.
     */
    MQTTLINK_ERROR_INVALID_STATE = 208,
    /**
     * The system gave no thread or socket.
     */
    MQTTLINK_ERROR_RESOURCES = 209,
    /**
     * The source of a streamed payload failed.
     */
    MQTTLINK_ERROR_PAYLOAD_SOURCE = 210,
    /**
     * What the call waits for waits for the callback it is made in, or is behind messages that do.
     */
    MQTTLINK_ERROR_WOULD_DEADLOCK = 211,
    /**
     * The broker has stopped.
     */
    MQTTLINK_ERROR_BROKER_STOPPED = 212,
    /**
     * `mqttlink_client_interrupt` woke the call. The connection is as it was.
     */
    MQTTLINK_ERROR_INTERRUPTED = 213,
    /**
     * The deadline came while the host name was looked up.
     */
    MQTTLINK_ERROR_TIMEOUT_DNS = 300,
    /**
     * The deadline came while the socket was connected.
     */
    MQTTLINK_ERROR_TIMEOUT_TCP = 301,
    /**
     * The deadline came while TLS was negotiated.
     */
    MQTTLINK_ERROR_TIMEOUT_TLS = 302,
    /**
     * The deadline came before CONNACK.
     */
    MQTTLINK_ERROR_TIMEOUT_CONNACK = 303,
    /**
     * The deadline came before there was room to publish.
     */
    MQTTLINK_ERROR_TIMEOUT_ROOM = 304,
    /**
     * The deadline came before the acknowledgement.
     */
    MQTTLINK_ERROR_TIMEOUT_ACK = 305,
    /**
     * The deadline came before everything was sent.
     */
    MQTTLINK_ERROR_TIMEOUT_DRAIN = 306,
    /**
     * The deadline came before a message.
     */
    MQTTLINK_ERROR_TIMEOUT_RECEIVE = 307,
    /**
     * The host name could not be looked up.
     */
    MQTTLINK_ERROR_HOST_NOT_FOUND = 400,
    /**
     * The host name has no address that could be used.
     */
    MQTTLINK_ERROR_NO_ADDRESS = 401,
    /**
     * No address could be connected.
     */
    MQTTLINK_ERROR_CONNECT_FAILED = 402,
    /**
     * TLS was not negotiated, or the server refused the client's certificate.
     */
    MQTTLINK_ERROR_TLS_HANDSHAKE = 403,
    /**
     * The system reported an error of the connection.
     */
    MQTTLINK_ERROR_CONNECTION_LOST = 404,
    /**
     * The server closed the connection without a word.
     */
    MQTTLINK_ERROR_CONNECTION_CLOSED = 405,
    /**
     * TLS ended with an alert, or with bytes that cannot be decrypted.
     */
    MQTTLINK_ERROR_TLS_FAILED = 406,
    /**
     * An address could not be listened on.
     */
    MQTTLINK_ERROR_LISTEN_FAILED = 407,
    /**
     * The server refused the connection.
     */
    MQTTLINK_ERROR_REFUSED = 500,
    /**
     * The server ended the connection with DISCONNECT.
     */
    MQTTLINK_ERROR_SERVER_DISCONNECTED = 501,
    /**
     * The server refused the message.
     */
    MQTTLINK_ERROR_PUBLISH_REFUSED = 502,
    /**
     * The server refused a subscription.
     */
    MQTTLINK_ERROR_SUBSCRIBE_REFUSED = 503,
    /**
     * The server refused to end a subscription.
     */
    MQTTLINK_ERROR_UNSUBSCRIBE_REFUSED = 504,
    /**
     * The authenticator gave up.
     */
    MQTTLINK_ERROR_AUTHENTICATION_FAILED = 505,
    /**
     * The server broke the protocol.
     */
    MQTTLINK_ERROR_PROTOCOL_VIOLATION = 600,
    /**
     * The server is silent.
     */
    MQTTLINK_ERROR_KEEP_ALIVE_TIMEOUT = 601,
    /**
     * The server takes no messages of this QoS.
     */
    MQTTLINK_ERROR_MAXIMUM_QOS = 700,
    /**
     * The server keeps no retained messages.
     */
    MQTTLINK_ERROR_RETAIN_NOT_AVAILABLE = 701,
    /**
     * The server takes no packets of this size.
     */
    MQTTLINK_ERROR_MAXIMUM_PACKET_SIZE = 702,
    /**
     * The server has no wildcard subscriptions.
     */
    MQTTLINK_ERROR_WILDCARD_NOT_AVAILABLE = 703,
    /**
     * The server has no shared subscriptions.
     */
    MQTTLINK_ERROR_SHARED_NOT_AVAILABLE = 704,
    /**
     * The server has no subscription identifiers.
     */
    MQTTLINK_ERROR_SUBSCRIPTION_ID_NOT_AVAILABLE = 705,
    /**
     * The message was given up because the server lost the session.
     */
    MQTTLINK_ERROR_SESSION_LOST = 800,
    /**
     * The message was given up because its payload came from a stream that was interrupted.
     */
    MQTTLINK_ERROR_STREAM_INTERRUPTED = 801,
    /**
     * The message was never sent: the connection ended first.
     */
    MQTTLINK_ERROR_NOT_SENT = 802,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_status mqttlink_status;
#else
typedef int32_t mqttlink_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Where something failed.
 */
enum mqttlink_stage
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * In this process: an argument, the client's state, a limit of the system.
     */
    MQTTLINK_STAGE_LOCAL = 0,
    /**
     * Looking up the host name.
     */
    MQTTLINK_STAGE_DNS = 1,
    /**
     * On the socket.
     */
    MQTTLINK_STAGE_TCP = 2,
    /**
     * In TLS: its settings, its handshake, its alerts.
     */
    MQTTLINK_STAGE_TLS = 3,
    /**
     * In MQTT: the server refused, or broke the protocol.
     */
    MQTTLINK_STAGE_MQTT = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_stage mqttlink_stage;
#else
typedef int32_t mqttlink_stage;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Where a client stands.
 */
enum mqttlink_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * There is no connection.
     */
    MQTTLINK_DISCONNECTED = 0,
    /**
     * A connection is being made.
     */
    MQTTLINK_CONNECTING = 1,
    /**
     * The server has accepted the connection.
     */
    MQTTLINK_CONNECTED = 2,
    /**
     * The connection is being ended.
     */
    MQTTLINK_DISCONNECTING = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_state mqttlink_state;
#else
typedef int32_t mqttlink_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Which way a packet went.
 */
enum mqttlink_direction
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * From the server.
     */
    MQTTLINK_RECEIVED = 0,
    /**
     * To the server.
     */
    MQTTLINK_SENT = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_direction mqttlink_direction;
#else
typedef int32_t mqttlink_direction;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Quality of service.
 */
enum mqttlink_qos
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * QoS 0: sent once, lost if the connection breaks.
     */
    MQTTLINK_AT_MOST_ONCE = 0,
    /**
     * QoS 1: sent until acknowledged, may arrive more than once.
     */
    MQTTLINK_AT_LEAST_ONCE = 1,
    /**
     * QoS 2: arrives exactly once while the session lives.
     */
    MQTTLINK_EXACTLY_ONCE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_qos mqttlink_qos;
#else
typedef int32_t mqttlink_qos;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Protocol versions, by the level in CONNECT.
 */
enum mqttlink_protocol
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * MQTT 3.1.
     */
    MQTTLINK_MQTT_3_1 = 3,
    /**
     * MQTT 3.1.1.
     */
    MQTTLINK_MQTT_3_1_1 = 4,
    /**
     * MQTT 5.0.
     */
    MQTTLINK_MQTT_5 = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_protocol mqttlink_protocol;
#else
typedef int32_t mqttlink_protocol;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * When messages of QoS 1 and 2 are acknowledged.
 */
enum mqttlink_acknowledge
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * As soon as they are received. What has not been handled when the process dies is lost.
     */
    MQTTLINK_ON_RECEIPT = 0,
    /**
     * When the handler has returned, or the message from `mqttlink_client_receive` is freed.
     */
    MQTTLINK_WHEN_HANDLED = 1,
    /**
     * By `mqttlink_message_acknowledge` or a `mqttlink_acknowledger`.
     */
    MQTTLINK_MANUALLY = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_acknowledge mqttlink_acknowledge;
#else
typedef int32_t mqttlink_acknowledge;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Which retained messages a subscription brings at once.
 */
enum mqttlink_retain_handling
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * All that match.
     */
    MQTTLINK_RETAIN_SEND = 0,
    /**
     * All that match, unless there is such a subscription already.
     */
    MQTTLINK_RETAIN_SEND_IF_NEW = 1,
    /**
     * None.
     */
    MQTTLINK_RETAIN_DO_NOT_SEND = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_retain_handling mqttlink_retain_handling;
#else
typedef int32_t mqttlink_retain_handling;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Versions of TLS.
 */
enum mqttlink_tls_version
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * TLS 1.0, which is broken; for equipment that has nothing newer.
     */
    MQTTLINK_TLS_1_0 = 10,
    /**
     * TLS 1.1, which is broken; for equipment that has nothing newer.
     */
    MQTTLINK_TLS_1_1 = 11,
    /**
     * TLS 1.2.
     */
    MQTTLINK_TLS_1_2 = 12,
    /**
     * TLS 1.3.
     */
    MQTTLINK_TLS_1_3 = 13,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_tls_version mqttlink_tls_version;
#else
typedef int32_t mqttlink_tls_version;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How much the log says.
 */
enum mqttlink_log_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Nothing.
     */
    MQTTLINK_LOG_OFF = 0,
    /**
     * What makes no progress without somebody's help.
     */
    MQTTLINK_LOG_ERROR = 1,
    /**
     * Lost connections, failed attempts.
     */
    MQTTLINK_LOG_WARNING = 2,
    /**
     * Connections that come and go.
     */
    MQTTLINK_LOG_INFO = 3,
    /**
     * What the threads do.
     */
    MQTTLINK_LOG_DEBUG = 4,
    /**
     * Every packet, without payloads and passwords.
     */
    MQTTLINK_LOG_TRACE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_log_level mqttlink_log_level;
#else
typedef int32_t mqttlink_log_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Properties of MQTT 5.0 (section 2.2.2.2), and the type of each.
 */
enum mqttlink_property_id
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The payload format indicator: a number, one byte.
     */
    MQTTLINK_PROPERTY_PAYLOAD_FORMAT_INDICATOR = 1,
    /**
     * The message expiry interval: a number, four bytes.
     */
    MQTTLINK_PROPERTY_MESSAGE_EXPIRY_INTERVAL = 2,
    /**
     * The content type: a string.
     */
    MQTTLINK_PROPERTY_CONTENT_TYPE = 3,
    /**
     * The response topic: a string.
     */
    MQTTLINK_PROPERTY_RESPONSE_TOPIC = 8,
    /**
     * The correlation data: binary data.
     */
    MQTTLINK_PROPERTY_CORRELATION_DATA = 9,
    /**
     * The subscription identifier: a number up to 268,435,455.
     */
    MQTTLINK_PROPERTY_SUBSCRIPTION_IDENTIFIER = 11,
    /**
     * The session expiry interval: a number, four bytes.
     */
    MQTTLINK_PROPERTY_SESSION_EXPIRY_INTERVAL = 17,
    /**
     * The assigned client identifier: a string.
     */
    MQTTLINK_PROPERTY_ASSIGNED_CLIENT_IDENTIFIER = 18,
    /**
     * The server keep alive: a number, two bytes.
     */
    MQTTLINK_PROPERTY_SERVER_KEEP_ALIVE = 19,
    /**
     * The authentication method: a string.
     */
    MQTTLINK_PROPERTY_AUTHENTICATION_METHOD = 21,
    /**
     * The authentication data: binary data.
     */
    MQTTLINK_PROPERTY_AUTHENTICATION_DATA = 22,
    /**
     * The request problem information: a number, one byte.
     */
    MQTTLINK_PROPERTY_REQUEST_PROBLEM_INFORMATION = 23,
    /**
     * The will delay interval: a number, four bytes.
     */
    MQTTLINK_PROPERTY_WILL_DELAY_INTERVAL = 24,
    /**
     * The request response information: a number, one byte.
     */
    MQTTLINK_PROPERTY_REQUEST_RESPONSE_INFORMATION = 25,
    /**
     * The response information: a string.
     */
    MQTTLINK_PROPERTY_RESPONSE_INFORMATION = 26,
    /**
     * The server reference: a string.
     */
    MQTTLINK_PROPERTY_SERVER_REFERENCE = 28,
    /**
     * The reason string: a string.
     */
    MQTTLINK_PROPERTY_REASON_STRING = 31,
    /**
     * The receive maximum: a number, two bytes.
     */
    MQTTLINK_PROPERTY_RECEIVE_MAXIMUM = 33,
    /**
     * The topic alias maximum: a number, two bytes.
     */
    MQTTLINK_PROPERTY_TOPIC_ALIAS_MAXIMUM = 34,
    /**
     * The topic alias: a number, two bytes.
     */
    MQTTLINK_PROPERTY_TOPIC_ALIAS = 35,
    /**
     * The maximum QoS: a number, one byte.
     */
    MQTTLINK_PROPERTY_MAXIMUM_QOS = 36,
    /**
     * The retain available: a number, one byte.
     */
    MQTTLINK_PROPERTY_RETAIN_AVAILABLE = 37,
    /**
     * The user property: a name and a value; may repeat.
     */
    MQTTLINK_PROPERTY_USER_PROPERTY = 38,
    /**
     * The maximum packet size: a number, four bytes.
     */
    MQTTLINK_PROPERTY_MAXIMUM_PACKET_SIZE = 39,
    /**
     * The wildcard subscription available: a number, one byte.
     */
    MQTTLINK_PROPERTY_WILDCARD_SUBSCRIPTION_AVAILABLE = 40,
    /**
     * The subscription identifier available: a number, one byte.
     */
    MQTTLINK_PROPERTY_SUBSCRIPTION_IDENTIFIER_AVAILABLE = 41,
    /**
     * The shared subscription available: a number, one byte.
     */
    MQTTLINK_PROPERTY_SHARED_SUBSCRIPTION_AVAILABLE = 42,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_property_id mqttlink_property_id;
#else
typedef int32_t mqttlink_property_id;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Reason codes of MQTT 5.0 (section 2.4). From 0x80 they mean failure. The return codes of CONNACK in
 * MQTT 3.1 and 3.1.1 are reported as the code of the same meaning.
 */
enum mqttlink_reason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Success.
     */
    MQTTLINK_REASON_SUCCESS = 0,
    /**
     * Granted QoS 1.
     */
    MQTTLINK_REASON_GRANTED_QOS_1 = 1,
    /**
     * Granted QoS 2.
     */
    MQTTLINK_REASON_GRANTED_QOS_2 = 2,
    /**
     * Disconnect with will message.
     */
    MQTTLINK_REASON_DISCONNECT_WITH_WILL = 4,
    /**
     * No matching subscribers.
     */
    MQTTLINK_REASON_NO_MATCHING_SUBSCRIBERS = 16,
    /**
     * No subscription existed.
     */
    MQTTLINK_REASON_NO_SUBSCRIPTION_EXISTED = 17,
    /**
     * Continue authentication.
     */
    MQTTLINK_REASON_CONTINUE_AUTHENTICATION = 24,
    /**
     * Re-authenticate.
     */
    MQTTLINK_REASON_RE_AUTHENTICATE = 25,
    /**
     * Unspecified error.
     */
    MQTTLINK_REASON_UNSPECIFIED_ERROR = 128,
    /**
     * Malformed packet.
     */
    MQTTLINK_REASON_MALFORMED_PACKET = 129,
    /**
     * Protocol error.
     */
    MQTTLINK_REASON_PROTOCOL_ERROR = 130,
    /**
     * Implementation specific error.
     */
    MQTTLINK_REASON_IMPLEMENTATION_SPECIFIC_ERROR = 131,
    /**
     * Unsupported protocol version.
     */
    MQTTLINK_REASON_UNSUPPORTED_PROTOCOL_VERSION = 132,
    /**
     * Client identifier not valid.
     */
    MQTTLINK_REASON_CLIENT_ID_NOT_VALID = 133,
    /**
     * Bad user name or password.
     */
    MQTTLINK_REASON_BAD_USER_NAME_OR_PASSWORD = 134,
    /**
     * Not authorized.
     */
    MQTTLINK_REASON_NOT_AUTHORIZED = 135,
    /**
     * Server unavailable.
     */
    MQTTLINK_REASON_SERVER_UNAVAILABLE = 136,
    /**
     * Server busy.
     */
    MQTTLINK_REASON_SERVER_BUSY = 137,
    /**
     * Banned.
     */
    MQTTLINK_REASON_BANNED = 138,
    /**
     * Server shutting down.
     */
    MQTTLINK_REASON_SERVER_SHUTTING_DOWN = 139,
    /**
     * Bad authentication method.
     */
    MQTTLINK_REASON_BAD_AUTHENTICATION_METHOD = 140,
    /**
     * Keep alive timeout.
     */
    MQTTLINK_REASON_KEEP_ALIVE_TIMEOUT = 141,
    /**
     * Session taken over.
     */
    MQTTLINK_REASON_SESSION_TAKEN_OVER = 142,
    /**
     * Topic filter invalid.
     */
    MQTTLINK_REASON_TOPIC_FILTER_INVALID = 143,
    /**
     * Topic name invalid.
     */
    MQTTLINK_REASON_TOPIC_NAME_INVALID = 144,
    /**
     * Packet identifier in use.
     */
    MQTTLINK_REASON_PACKET_ID_IN_USE = 145,
    /**
     * Packet identifier not found.
     */
    MQTTLINK_REASON_PACKET_ID_NOT_FOUND = 146,
    /**
     * Receive maximum exceeded.
     */
    MQTTLINK_REASON_RECEIVE_MAXIMUM_EXCEEDED = 147,
    /**
     * Topic alias invalid.
     */
    MQTTLINK_REASON_TOPIC_ALIAS_INVALID = 148,
    /**
     * Packet too large.
     */
    MQTTLINK_REASON_PACKET_TOO_LARGE = 149,
    /**
     * Message rate too high.
     */
    MQTTLINK_REASON_MESSAGE_RATE_TOO_HIGH = 150,
    /**
     * Quota exceeded.
     */
    MQTTLINK_REASON_QUOTA_EXCEEDED = 151,
    /**
     * Administrative action.
     */
    MQTTLINK_REASON_ADMINISTRATIVE_ACTION = 152,
    /**
     * Payload format invalid.
     */
    MQTTLINK_REASON_PAYLOAD_FORMAT_INVALID = 153,
    /**
     * Retain not supported.
     */
    MQTTLINK_REASON_RETAIN_NOT_SUPPORTED = 154,
    /**
     * QoS not supported.
     */
    MQTTLINK_REASON_QOS_NOT_SUPPORTED = 155,
    /**
     * Use another server.
     */
    MQTTLINK_REASON_USE_ANOTHER_SERVER = 156,
    /**
     * Server moved.
     */
    MQTTLINK_REASON_SERVER_MOVED = 157,
    /**
     * Shared subscriptions not supported.
     */
    MQTTLINK_REASON_SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 158,
    /**
     * Connection rate exceeded.
     */
    MQTTLINK_REASON_CONNECTION_RATE_EXCEEDED = 159,
    /**
     * Maximum connect time.
     */
    MQTTLINK_REASON_MAXIMUM_CONNECT_TIME = 160,
    /**
     * Subscription identifiers not supported.
     */
    MQTTLINK_REASON_SUBSCRIPTION_IDS_NOT_SUPPORTED = 161,
    /**
     * Wildcard subscriptions not supported.
     */
    MQTTLINK_REASON_WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED = 162,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_reason mqttlink_reason;
#else
typedef int32_t mqttlink_reason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What about a broker is a number. Limits bound what clients can make it hold; whatever is refused or
 * dropped for one of them is counted in `mqttlink_broker_counters`.
 */
enum mqttlink_broker_setting
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Connections at the same time; a further one is closed at once. Default: 10,000.
     */
    MQTTLINK_BROKER_CONNECTIONS = 0,
    /**
     * Sessions, connected ones included. Default: 100,000.
     */
    MQTTLINK_BROKER_SESSIONS = 1,
    /**
     * Subscriptions of one session; a further one is refused with "quota exceeded". Default: 1,000.
     */
    MQTTLINK_BROKER_SUBSCRIPTIONS_PER_CLIENT = 2,
    /**
     * Subscriptions in all. Default: 1,000,000.
     */
    MQTTLINK_BROKER_SUBSCRIPTIONS = 3,
    /**
     * Levels of a topic name or filter. Default: 200.
     */
    MQTTLINK_BROKER_TOPIC_LEVELS = 4,
    /**
     * Messages that wait for one client, beside those in flight. Default: 10,000.
     */
    MQTTLINK_BROKER_QUEUED_MESSAGES_PER_CLIENT = 5,
    /**
     * Bytes of messages that wait for one client; as many may be in flight to it beside them. Default:
     * 16 MiB.
     */
    MQTTLINK_BROKER_QUEUED_BYTES_PER_CLIENT = 6,
    /**
     * Bytes of messages that wait for all clients or are in flight to them. Default: 256 MiB.
     */
    MQTTLINK_BROKER_QUEUED_BYTES = 7,
    /**
     * What happens when one of these queues is full: a `mqttlink_overflow`. Default:
     * `MQTTLINK_DROP_NEWEST`.
     */
    MQTTLINK_BROKER_OVERFLOW = 8,
    /**
     * Retained messages; a further one is not kept. Default: 100,000.
     */
    MQTTLINK_BROKER_RETAINED_MESSAGES = 9,
    /**
     * Bytes of retained messages, with their topics once more and 250 for each. Default: 128 MiB.
     */
    MQTTLINK_BROKER_RETAINED_BYTES = 10,
    /**
     * How many milliseconds a slow authentication may take before the client is refused with "server
     * busy". Default: 30,000 ms.
     */
    MQTTLINK_BROKER_AUTHENTICATION_MS = 11,
    /**
     * How many clients may wait for their authentication; a further one is refused with "server busy".
     * Default: 1,000.
     */
    MQTTLINK_BROKER_AUTHENTICATIONS = 12,
    /**
     * How many milliseconds a connection that is being closed is given to take what is left for it.
     * Default: 2,000 ms.
     */
    MQTTLINK_BROKER_CLOSING_MS = 13,
    /**
     * What happens when a client comes above `MQTTLINK_BROKER_SESSIONS`: a `mqttlink_session_overflow`.
     * Default: `MQTTLINK_EVICT_OLDEST_SESSION`.
     */
    MQTTLINK_BROKER_SESSION_OVERFLOW = 14,
    /**
     * Filters of one SUBSCRIBE or UNSUBSCRIBE; those behind are refused. A client of MQTT 3 is disconnected
     * if they are in an UNSUBSCRIBE. Default: 1,000.
     */
    MQTTLINK_BROKER_FILTERS_PER_SUBSCRIBE = 15,
    /**
     * Bytes of the filters and the will of one client, with about 250 for each level of a filter, and 150
     * for each message of QoS 2 that it has sent and not released. A further filter or will is refused with
     * "quota exceeded"; for a further message the client is disconnected and its session ends. Default: 8
     * MiB.
     */
    MQTTLINK_BROKER_HELD_BYTES_PER_CLIENT = 16,
    /**
     * The same of all clients, with the beginnings of packets whose rest has not come and what waits for an
     * authentication. A filter or will for which there is no room is refused with "quota exceeded", a
     * connection whose packet finds none is closed. Default: 256 MiB.
     */
    MQTTLINK_BROKER_HELD_BYTES = 17,
    /**
     * How many milliseconds CONNECT may take, and each answer in an authentication exchange. Default:
     * 10,000 ms.
     */
    MQTTLINK_BROKER_CONNECT_TIMEOUT_MS = 100,
    /**
     * The largest packet that is taken, in bytes, fixed header included. Default: 2,000,000.
     */
    MQTTLINK_BROKER_MAXIMUM_PACKET_SIZE = 101,
    /**
     * How many messages of QoS 1 and 2 a client may have in flight, 1 to 65,535. MQTT 5.0 only. Default:
     * 1,024.
     */
    MQTTLINK_BROKER_RECEIVE_MAXIMUM = 102,
    /**
     * How many topic aliases a client may use, at most 65,535. MQTT 5.0 only. Default: 64.
     */
    MQTTLINK_BROKER_TOPIC_ALIAS_MAXIMUM = 103,
    /**
     * How many topic aliases the broker uses, if the client takes that many. Default: 64.
     */
    MQTTLINK_BROKER_TOPIC_ALIASES = 104,
    /**
     * The longest keep alive in seconds, at most 65,535; a client that asks for more is told this one in
     * MQTT 5.0. 0: whatever the client asks for. Default: 0.
     */
    MQTTLINK_BROKER_KEEP_ALIVE_MAX_S = 105,
    /**
     * The longest session expiry in seconds; 4,294,967,295 is for ever. Default: for ever.
     */
    MQTTLINK_BROKER_SESSION_EXPIRY_MAX_S = 106,
    /**
     * The highest QoS at which messages are taken. Default: 2.
     */
    MQTTLINK_BROKER_MAXIMUM_QOS = 107,
    /**
     * Whether retained messages are kept, 0 or 1. Default: 1.
     */
    MQTTLINK_BROKER_RETAIN_AVAILABLE = 108,
    /**
     * Whether filters may contain wildcards, 0 or 1. Default: 1.
     */
    MQTTLINK_BROKER_WILDCARD_AVAILABLE = 109,
    /**
     * Whether subscriptions may have an identifier, 0 or 1. Default: 1.
     */
    MQTTLINK_BROKER_SUBSCRIPTION_ID_AVAILABLE = 110,
    /**
     * Whether shared subscriptions are offered, 0 or 1. Default: 1.
     */
    MQTTLINK_BROKER_SHARED_AVAILABLE = 111,
    /**
     * How many messages of QoS 1 and 2 are sent to a client that has not acknowledged them, 1 to 65,535,
     * if it takes that many. Default: 1,024.
     */
    MQTTLINK_BROKER_WINDOW = 112,
    /**
     * Whether every client from every machine is taken although nobody asks who it is, 0 or 1. Default:
     * 0.
     */
    MQTTLINK_BROKER_ALLOW_ANONYMOUS = 200,
    /**
     * How many authentications go on at the same time, each on a thread; 1 or more. Default: 2.
     */
    MQTTLINK_BROKER_AUTHENTICATION_THREADS = 201,
    /**
     * Whether a client of MQTT 3 that publishes what it may not is disconnected, 0 or 1; otherwise its
     * message is acknowledged and dropped. Default: 0.
     */
    MQTTLINK_BROKER_DISCONNECT_ON_REFUSED_PUBLISH = 202,
    /**
     * How often `$SYS` is published while somebody is subscribed to it, in milliseconds; 0 turns it off.
     * Default: 10,000 ms.
     */
    MQTTLINK_BROKER_SYS_INTERVAL_MS = 203,
    /**
     * From what the client identifiers are made that the broker chooses, so that a test has the same ones
     * every time, which others can guess. Default: none, and the system's random numbers are used; 1 for
     * tests.
     */
    MQTTLINK_BROKER_SEED = 204,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_broker_setting mqttlink_broker_setting;
#else
typedef int32_t mqttlink_broker_setting;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What happens to a message for a client whose queue is full.
 */
enum mqttlink_overflow
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The new message is dropped.
     */
    MQTTLINK_DROP_NEWEST = 0,
    /**
     * The message that has waited longest is dropped.
     */
    MQTTLINK_DROP_OLDEST = 1,
    /**
     * The client is disconnected with "quota exceeded", and the new message is dropped.
     */
    MQTTLINK_DISCONNECT_CLIENT = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_overflow mqttlink_overflow;
#else
typedef int32_t mqttlink_overflow;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What happens to a new client when there are as many sessions as may be.
 */
enum mqttlink_session_overflow
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The session whose client has been away for longest ends, as if it had expired. While all clients
     * are connected, the new one is refused.
     */
    MQTTLINK_EVICT_OLDEST_SESSION = 0,
    /**
     * The new client is refused with "quota exceeded".
     */
    MQTTLINK_REFUSE_SESSION = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_session_overflow mqttlink_session_overflow;
#else
typedef int32_t mqttlink_session_overflow;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a client wants to do.
 */
enum mqttlink_action
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * To publish, also as its will: topic, QoS and retain are those of the message.
     */
    MQTTLINK_ACTION_PUBLISH = 0,
    /**
     * To subscribe: the topic is the filter, the QoS the one asked for.
     */
    MQTTLINK_ACTION_SUBSCRIBE = 1,
    /**
     * To be given a message that matches one of its subscriptions.
     */
    MQTTLINK_ACTION_DELIVER = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_action mqttlink_action;
#else
typedef int32_t mqttlink_action;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What happened in a broker.
 */
enum mqttlink_broker_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A client was accepted.
     */
    MQTTLINK_EVENT_CONNECTED = 0,
    /**
     * A client is gone: `cause` is a `mqttlink_disconnect_cause`.
     */
    MQTTLINK_EVENT_DISCONNECTED = 1,
    /**
     * A client wanted to connect and was refused, with `reason`.
     */
    MQTTLINK_EVENT_REFUSED = 2,
    /**
     * A client has subscribed to the filter `topic`, and was granted `qos`.
     */
    MQTTLINK_EVENT_SUBSCRIBED = 3,
    /**
     * A client has unsubscribed from the filter `topic`.
     */
    MQTTLINK_EVENT_UNSUBSCRIBED = 4,
    /**
     * A message to `topic` did not reach a client: `cause` is a `mqttlink_drop_cause`.
     */
    MQTTLINK_EVENT_DROPPED = 5,
    /**
     * A session has ended: it expired, or a clean start replaced it.
     */
    MQTTLINK_EVENT_SESSION_ENDED = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_broker_event_kind mqttlink_broker_event_kind;
#else
typedef int32_t mqttlink_broker_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why a client is gone.
 */
enum mqttlink_disconnect_cause
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It said goodbye, with `reason`.
     */
    MQTTLINK_CAUSE_GOODBYE = 0,
    /**
     * The connection was closed or lost without a goodbye.
     */
    MQTTLINK_CAUSE_LOST = 1,
    /**
     * It broke the protocol, or was silent for too long: `text` says how, `reason` what it was told.
     */
    MQTTLINK_CAUSE_FAILED = 2,
    /**
     * Another connection with its client identifier took its place.
     */
    MQTTLINK_CAUSE_TAKEN_OVER = 3,
    /**
     * The broker closed the connection, with `reason`.
     */
    MQTTLINK_CAUSE_CLOSED = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_disconnect_cause mqttlink_disconnect_cause;
#else
typedef int32_t mqttlink_disconnect_cause;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Why a message did not reach a client.
 */
enum mqttlink_drop_cause
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The client's queue was full.
     */
    MQTTLINK_DROPPED_QUEUE_FULL = 0,
    /**
     * All queues together were full.
     */
    MQTTLINK_DROPPED_TOTAL_FULL = 1,
    /**
     * It is larger than the client takes.
     */
    MQTTLINK_DROPPED_TOO_LARGE = 2,
    /**
     * It expired while it waited.
     */
    MQTTLINK_DROPPED_EXPIRED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_drop_cause mqttlink_drop_cause;
#else
typedef int32_t mqttlink_drop_cause;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What goes wrong on the connections of a client, counted from the moment its CONNECT has come.
 */
enum mqttlink_connection_fault
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * CONNECT is answered with this reason: the number is a `mqttlink_reason` of 0x80 or more.
     */
    MQTTLINK_FAULT_REFUSE = 0,
    /**
     * Everything that the broker sends waits so many milliseconds.
     */
    MQTTLINK_FAULT_DELAY_MS = 1,
    /**
     * The connection is cut when the broker has sent so many bytes.
     */
    MQTTLINK_FAULT_CUT_AFTER_SENDING = 2,
    /**
     * The connection is cut when the broker has received so many bytes.
     */
    MQTTLINK_FAULT_CUT_AFTER_RECEIVING = 3,
    /**
     * Nothing is sent or received any more, but the connection stays open. The number has no meaning.
     */
    MQTTLINK_FAULT_HALF_OPEN = 4,
    /**
     * Every PINGREQ is left without an answer. The number has no meaning.
     */
    MQTTLINK_FAULT_IGNORE_PINGS = 5,
    /**
     * No write carries more than so many bytes; 1 or more.
     */
    MQTTLINK_FAULT_SHORT_WRITES = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_connection_fault mqttlink_connection_fault;
#else
typedef int32_t mqttlink_connection_fault;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What goes wrong with messages.
 */
enum mqttlink_message_fault
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * They are accepted and then lost. The number has no meaning.
     */
    MQTTLINK_FAULT_DROP_MESSAGES = 0,
    /**
     * They are routed so many milliseconds later.
     */
    MQTTLINK_FAULT_DELAY_MESSAGES_MS = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum mqttlink_message_fault mqttlink_message_fault;
#else
typedef int32_t mqttlink_message_fault;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The acknowledgement of one message. Freed without a decision, the message stays unacknowledged: the
 * server sends it again when the session is resumed, and counts it against the receive maximum until
 * then.
 */
typedef struct mqttlink_acknowledger mqttlink_acknowledger;

/**
 * Where a resolver puts the addresses it has found. Lives until the resolver returns.
 */
typedef struct mqttlink_addresses mqttlink_addresses;

/**
 * An MQTT broker inside the process. Made by `mqttlink_broker_start`, freed by `mqttlink_broker_free`.
 * Every function may be called from every thread; which ones may be called inside a hook, the hook says.
 */
typedef struct mqttlink_broker mqttlink_broker;

/**
 * Everything about a broker that is fixed before it starts. Made by `mqttlink_broker_options_new` or
 * `mqttlink_broker_options_new_for_test`, freed by `mqttlink_broker_options_free`, used by
 * `mqttlink_broker_start` as often as wanted. Any thread may use it.
 */
typedef struct mqttlink_broker_options mqttlink_broker_options;

/**
 * Messages inside a broker that match a filter, for the program itself. Made by `mqttlink_broker_subscribe`,
 * freed by `mqttlink_broker_subscription_free`, also after the broker was. Any thread may use it.
 */
typedef struct mqttlink_broker_subscription mqttlink_broker_subscription;

/**
 * An MQTT client. Made by `mqttlink_client_new`, freed by `mqttlink_client_free`. Every function may be
 * called from every thread, also inside every callback.
 */
typedef struct mqttlink_client mqttlink_client;

/**
 * The way of one message. QoS 0 is done when the message is in the socket, QoS 1 and 2 when the server
 * has acknowledged it. Freed with `mqttlink_delivery_free`, which changes nothing for the message. Any
 * thread may use it.
 */
typedef struct mqttlink_delivery mqttlink_delivery;

/**
 * Takes changes to a message that is being published. Lives until the `mqttlink_intercept_fn` returns; if
 * that refuses the message, nothing is changed.
 */
typedef struct mqttlink_draft mqttlink_draft;

/**
 * The messages that were left when a connection was ended. Freed with `mqttlink_drained_free`.
 */
typedef struct mqttlink_drained mqttlink_drained;

/**
 * What failed, where, why, and what the server said. Never freed by the caller: the one from
 * `mqttlink_last_error` lives until the next call of the same thread that fails, one in a callback
 * until the callback returns, one of a delivery as long as the delivery.
 */
typedef struct mqttlink_error mqttlink_error;

/**
 * What the server granted when it accepted a connection: everything that CONNACK carried (section
 * 3.2). From a callback it lives until the callback returns; from a function it is freed with
 * `mqttlink_granted_free`.
 */
typedef struct mqttlink_granted mqttlink_granted;

/**
 * A message from the server, or inside a broker. In a callback it belongs to the library and lives until
 * the callback returns; from `mqttlink_client_receive`, `mqttlink_broker_subscription_receive` and
 * `mqttlink_message_copy` it is freed with `mqttlink_message_free`.
 *
 * Unless the client acknowledges by hand, a message of QoS 1 or 2 is acknowledged when its callback
 * returns, or when the one from `mqttlink_client_receive` is freed.
 */
typedef struct mqttlink_message mqttlink_message;

/**
 * Everything about a client that is fixed before it is made. Made by `mqttlink_options_new` or
 * `mqttlink_options_new_for`, freed by `mqttlink_options_free`, used by `mqttlink_client_new` as often
 * as wanted: a client keeps a copy. Any thread may use it.
 */
typedef struct mqttlink_options mqttlink_options;

/**
 * A packet that went over the wire. Lives until the callback that got it returns.
 */
typedef struct mqttlink_packet mqttlink_packet;

/**
 * Bytes of the program that messages refer to instead of copying them, from 4 KiB on; shorter ones are
 * copied, which takes less time. Made by `mqttlink_payload_new`, freed with `mqttlink_payload_free`, sent
 * with `mqttlink_client_publish_payload` as often as wanted, by any client. Any thread may use it.
 */
typedef struct mqttlink_payload mqttlink_payload;

/**
 * A client, as the broker sees it. Lives, with all that its functions return, until the callback that got
 * it returns.
 */
typedef struct mqttlink_peer mqttlink_peer;

/**
 * A list of MQTT 5.0 properties, in order. One that was made with `mqttlink_properties_new` is freed
 * with `mqttlink_properties_free`; those that other functions and callbacks give belong to what they
 * come from, and cannot be changed. Any thread may use it.
 */
typedef struct mqttlink_properties mqttlink_properties;

/**
 * Where an authenticator puts the data it answers with. Lives until the authenticator returns.
 */
typedef struct mqttlink_reply mqttlink_reply;

/**
 * The server's answer to a request: one result for each filter, in order. From a function it is freed
 * with `mqttlink_results_free`; in a callback it lives until the callback returns.
 */
typedef struct mqttlink_results mqttlink_results;

/**
 * A listener on a free port of 127.0.0.1 whose connections say what a test says, byte by byte: for tests
 * of what a client does with exactly these bytes. Made by `mqttlink_script_start`, freed by
 * `mqttlink_script_free`.
 */
typedef struct mqttlink_script mqttlink_script;

/**
 * One connection of a `mqttlink_script`. Made by `mqttlink_script_accept`, freed by
 * `mqttlink_script_connection_free`. Every call that waits ends after 5 s with
 * `MQTTLINK_ERROR_TIMEOUT_RECEIVE`. What came instead of what was expected is `MQTTLINK_ERROR_NOT_FOUND`;
 * what is no packet `MQTTLINK_ERROR_PROTOCOL_VIOLATION`; the end of the connection
 * `MQTTLINK_ERROR_CONNECTION_LOST`. The text says both what was expected and what came.
 */
typedef struct mqttlink_script_connection mqttlink_script_connection;

/**
 * Who a broker is, and which clients it wants to see proof from. Made by `mqttlink_server_tls_new`, freed
 * by `mqttlink_server_tls_free`, used by `mqttlink_broker_options_listen`, which keeps a copy. In a library
 * built without TLS there is none: `MQTTLINK_ERROR_NOT_SUPPORTED`. On Windows and Apple's systems a broker
 * has no TLS.
 */
typedef struct mqttlink_server_tls mqttlink_server_tls;

/**
 * What to subscribe to, and who takes the messages. Made by `mqttlink_subscription_new`, freed by
 * `mqttlink_subscription_free`, used as often as wanted, by any client. Any thread may use it.
 */
typedef struct mqttlink_subscription mqttlink_subscription;

/**
 * What to trust and who to be. By default the server's certificate is verified against the system's
 * authorities and its name against the host. Made by `mqttlink_tls_new`, freed by
 * `mqttlink_tls_free`, used by `mqttlink_options_set_tls`, which keeps a copy. In a library built
 * without TLS its functions return `MQTTLINK_ERROR_NOT_SUPPORTED`.
 */
typedef struct mqttlink_tls mqttlink_tls;

/**
 * The last packets of all connections of a broker. Made by `mqttlink_broker_transcript`, freed by
 * `mqttlink_transcript_free`.
 */
typedef struct mqttlink_transcript mqttlink_transcript;

/**
 * One property, as `mqttlink_properties_at` shows it. The pointers live until the list is changed or
 * freed.
 */
typedef struct mqttlink_property {
    /**
     * Which property: a `mqttlink_property_id`.
     */
    int32_t id;
    /**
     * The value of a property that is a number; otherwise 0.
     */
    uint32_t number;
    /**
     * The name of a user property; otherwise NULL.
     */
    const char *name;
    /**
     * The value of a property that is a string, binary data or a user property; otherwise NULL. A NUL
     * follows the last byte.
     */
    const char *value;
    /**
     * How many bytes the value has, without that NUL.
     */
    size_t value_len;
} mqttlink_property;

/**
 * Takes a message. It belongs to the library and lives until the function returns.
 */
typedef void (*mqttlink_message_fn)(void *user,
                                    struct mqttlink_client *client,
                                    const struct mqttlink_message *message);

/**
 * Frees what a user pointer points at. Called once, on any thread, when nothing that was registered
 * with the pointer will be called any more; never while one of them runs.
 */
typedef void (*mqttlink_free_fn)(void *user);

/**
 * The server has accepted a connection; `granted` holds everything that CONNACK carried and lives
 * until the function returns.
 */
typedef void (*mqttlink_connected_fn)(void *user,
                                      struct mqttlink_client *client,
                                      const struct mqttlink_granted *granted);

/**
 * Something ended or failed; `error` says why, lives until the function returns, and is NULL where
 * nothing went wrong.
 */
typedef void (*mqttlink_error_fn)(void *user,
                                  struct mqttlink_client *client,
                                  const struct mqttlink_error *error);

/**
 * The outcome of one message: `error` is NULL if the server has it (QoS 0: if it is in the socket).
 * `reason` is the server's reason code, 0 where it said nothing else, -1 where it said nothing at
 * all. `id` is what the publishing function gave out; 0 for `mqttlink_client_publish_then`.
 */
typedef void (*mqttlink_published_fn)(void *user,
                                      struct mqttlink_client *client,
                                      uint64_t id,
                                      const struct mqttlink_error *error,
                                      int32_t reason);

/**
 * The server's answer to a subscription or to the end of one: either `results`, with one for each
 * filter, or `error`; the other is NULL. Both live until the function returns. `id` is what the
 * requesting function gave out.
 */
typedef void (*mqttlink_results_fn)(void *user,
                                    struct mqttlink_client *client,
                                    uint64_t id,
                                    const struct mqttlink_error *error,
                                    const struct mqttlink_results *results);

/**
 * Is shown a packet, which lives until the function returns.
 */
typedef void (*mqttlink_packet_fn)(void *user,
                                   struct mqttlink_client *client,
                                   const struct mqttlink_packet *packet);

/**
 * Looks a host name up and adds its addresses with `mqttlink_addresses_add`. Returns 0, or the
 * operating system's error number. Called on a thread of its own, for every connection.
 */
typedef int32_t (*mqttlink_resolver_fn)(void *user,
                                        const char *host,
                                        uint16_t port,
                                        struct mqttlink_addresses *addresses);

/**
 * Decides about the certificate of a server: `host` is the name that was asked for, `certificate` its
 * certificate as DER. Returns 0 to go on, any other number to end the connection. Runs on the thread
 * that connects, for every connection, after the handshake and before a byte of MQTT.
 */
typedef int32_t (*mqttlink_verify_fn)(void *user,
                                      const char *host,
                                      const void *certificate,
                                      size_t len);

/**
 * A new exchange begins: give the data of CONNECT, or of the AUTH that begins a re-authentication, with
 * `mqttlink_reply_set`; none if it is not called. Returns 0, or any other number to give up, which ends
 * the connection. Runs on the thread that connects or re-authenticates.
 */
typedef int32_t (*mqttlink_auth_start_fn)(void *user, struct mqttlink_reply *reply);

/**
 * The server has sent a challenge, NULL if it is empty: give the data of the answer with
 * `mqttlink_reply_set`. Returns as `mqttlink_auth_start_fn`.
 */
typedef int32_t (*mqttlink_auth_respond_fn)(void *user,
                                            const void *challenge,
                                            size_t len,
                                            struct mqttlink_reply *reply);

/**
 * The server is satisfied, and has sent this with its last packet, NULL if it is nothing. A method that
 * authenticates the server too verifies it here. Returns as `mqttlink_auth_start_fn`.
 */
typedef int32_t (*mqttlink_auth_finish_fn)(void *user, const void *data, size_t len);

/**
 * Opens a stream to the server within so many milliseconds and puts it into `stream`. Returns 0 or the
 * operating system's error number. Called on a thread of its own; a stream that comes too late is
 * closed and freed.
 */
typedef int32_t (*mqttlink_open_fn)(void *user,
                                    const char *host,
                                    uint16_t port,
                                    int64_t timeout_ms,
                                    void **stream);

/**
 * Waits for bytes and puts at most `size` of them into `data`. Returns how many, 0 at the end of the
 * stream, or a negative error number. Called on one thread.
 */
typedef int64_t (*mqttlink_read_fn)(void *stream, void *data, size_t size);

/**
 * Sends some of the bytes. Returns how many, or a negative error number; `-EAGAIN` if it could send
 * none for a quarter of a second, so that the timers of the connection can run. Called on one thread at
 * a time, while another one reads.
 */
typedef int64_t (*mqttlink_write_fn)(void *stream, const void *data, size_t size);

/**
 * Ends both directions; whoever reads or writes returns soon, and so does this function: it should not wait for
 * the peer. Called exactly once for each stream, while others may be in read and write; on the thread that reads
 * if the stream ended by itself, otherwise on a thread of its own.
 *
 * A connection has ended when read, write, close and then `free_stream` have returned. Functions that end the
 * connection, fail to make one or free the client wait at most 5 seconds for that. Then the threads in them are
 * left behind, which the log says as an error: until they return the client stays in
 * `MQTTLINK_DISCONNECTING`, every `mqttlink_client_connect` of it fails with `MQTTLINK_ERROR_TIMEOUT_TCP`, and
 * everything that the functions use must live on.
 */
typedef void (*mqttlink_close_fn)(void *stream);

/**
 * Counts since the client was made, and how much waits at the moment. Later versions may append
 * fields.
 */
typedef struct mqttlink_statistics {
    /**
     * Packets received.
     */
    uint64_t packets_received;
    /**
     * Bytes received.
     */
    uint64_t bytes_received;
    /**
     * Messages received, by QoS, repetitions included.
     */
    uint64_t messages_received[3];
    /**
     * Messages accepted for sending, by QoS.
     */
    uint64_t messages_sent[3];
    /**
     * Messages sent again after a reconnect.
     */
    uint64_t messages_resent;
    /**
     * Bytes given to the connection.
     */
    uint64_t bytes_sent;
    /**
     * Connections that the server accepted.
     */
    uint64_t connects;
    /**
     * Messages of QoS 1 and 2 that await the server's acknowledgement.
     */
    uint64_t in_flight;
    /**
     * Bytes in the outgoing buffer.
     */
    uint64_t queued_bytes;
    /**
     * Received messages that wait for a handler or for `mqttlink_client_receive`.
     */
    uint64_t waiting_messages;
    /**
     * Packets that the callback of `mqttlink_options_on_packet` was not shown.
     */
    uint64_t missed_packets;
} mqttlink_statistics;

/**
 * One message that was left. The pointers live as long as the `mqttlink_drained`.
 */
typedef struct mqttlink_left {
    /**
     * The topic name.
     */
    const char *topic;
    /**
     * The payload.
     */
    const void *payload;
    /**
     * How many bytes the payload has.
     */
    size_t payload_len;
    /**
     * The quality of service.
     */
    int32_t qos;
    /**
     * Whether the server was to keep the message.
     */
    bool retain;
    /**
     * Whether the client keeps the message and sends it again when it reconnects; otherwise it is
     * gone from the client.
     */
    bool kept;
    /**
     * The properties; an empty list before MQTT 5.0.
     */
    const struct mqttlink_properties *properties;
} mqttlink_left;

/**
 * Fills a buffer with the next bytes of a payload. Returns how many, 0 for the end, or a negative error
 * number of the operating system.
 */
typedef int64_t (*mqttlink_source_fn)(void *user, void *data, size_t size);

/**
 * A message at a glance: what the functions that look at one thing say, without a copy of anything. The
 * pointers live as long as the message.
 */
typedef struct mqttlink_view {
    /**
     * The topic name. No NUL follows it: print it with `"%.*s"`.
     */
    const char *topic;
    /**
     * How many bytes the topic name has.
     */
    size_t topic_len;
    /**
     * The payload. Not NULL, even if it is empty. No NUL follows it.
     */
    const void *payload;
    /**
     * How many bytes of payload are in memory; 0 if it comes as a stream.
     */
    size_t payload_len;
    /**
     * How many bytes the payload has, whether it is in memory or comes as a stream.
     */
    size_t total_len;
    /**
     * The quality of service at which the message was delivered, 0 to 2.
     */
    int32_t qos;
    /**
     * Whether the server had kept the message from before the subscription.
     */
    bool retain;
    /**
     * Whether the server says that it may have sent the message before.
     */
    bool dup;
    /**
     * Whether the payload comes as a stream.
     */
    bool is_streamed;
    /**
     * Whether there is anything in `mqttlink_message_properties`.
     */
    bool has_properties;
} mqttlink_view;

/**
 * Takes one line of the log: its `mqttlink_log_level` and its text, which lives until the function
 * returns.
 */
typedef void (*mqttlink_log_fn)(void *user, int32_t level, const char *text);

/**
 * Decides whether a client may connect. Returns 0 if it may, or the `mqttlink_reason` with which it is
 * refused; what is no reason for CONNACK becomes "not authorized". `mqttlink_reply_set_user` says who it
 * is, for the other callbacks.
 *
 * Runs on one of the threads for authentication, several at the same time, so it may ask a database or
 * another server; other clients are served meanwhile. It may call every function of this broker and of
 * others.
 */
typedef int32_t (*mqttlink_authenticate_fn)(void *user,
                                            struct mqttlink_broker *broker,
                                            const struct mqttlink_peer *peer,
                                            struct mqttlink_reply *reply);

/**
 * Decides whether a client may do something: `action` is a `mqttlink_action`. `message` is NULL but for
 * `MQTTLINK_ACTION_DELIVER`, and lives until the function returns.
 *
 * Runs on the broker's thread: nothing else happens in the broker until it returns, and it must not wait.
 * Of the broker's functions those that wait for this thread fail with `MQTTLINK_ERROR_INVALID_STATE`;
 * `mqttlink_broker_publish` and `mqttlink_broker_free` may be called.
 */
typedef bool (*mqttlink_authorize_fn)(void *user,
                                      struct mqttlink_broker *broker,
                                      const struct mqttlink_peer *peer,
                                      int32_t action,
                                      const char *topic,
                                      int32_t qos,
                                      bool retain,
                                      const struct mqttlink_message *message);

/**
 * Sees a message that a client publishes, also as its will, before anybody else does. It may change it
 * through `draft`. Returns 0 if it goes on, or the `mqttlink_reason` with which it is refused, which
 * PUBACK carries in MQTT 5.0; a number that is none counts as "implementation specific error".
 *
 * Runs on the broker's thread, as `mqttlink_authorize_fn` does.
 */
typedef int32_t (*mqttlink_intercept_fn)(void *user,
                                         struct mqttlink_broker *broker,
                                         const struct mqttlink_peer *peer,
                                         const struct mqttlink_message *message,
                                         struct mqttlink_draft *draft);

/**
 * A client begins an authentication exchange, or one anew: the method is the
 * `MQTTLINK_PROPERTY_AUTHENTICATION_METHOD` of `mqttlink_peer_properties`. Returns 0 if the method is known,
 * and then may put a pointer of its own into `exchange`; any other number refuses the client with "bad
 * authentication method". Runs on one of the threads for authentication.
 */
typedef int32_t (*mqttlink_exchange_begin_fn)(void *user,
                                              struct mqttlink_broker *broker,
                                              const struct mqttlink_peer *peer,
                                              void **exchange);

/**
 * The client's next data, NULL if there are none: those of CONNECT first, then those of each AUTH. Returns
 * `MQTTLINK_REASON_CONTINUE_AUTHENTICATION` to ask for the next step with the data of
 * `mqttlink_reply_set`; 0 to accept, with the data that the client is to verify, if there are any, and with
 * `mqttlink_reply_set_user`; or the `mqttlink_reason` with which the client is refused. Runs on one of the
 * threads for authentication; the steps of one exchange one after the other.
 */
typedef int32_t (*mqttlink_exchange_step_fn)(void *exchange,
                                             const void *data,
                                             size_t len,
                                             struct mqttlink_reply *reply);

/**
 * Something that happened in a broker. The pointers live until the callback returns. Later versions may
 * append fields.
 */
typedef struct mqttlink_broker_event {
    /**
     * What happened: a `mqttlink_broker_event_kind`.
     */
    int32_t kind;
    /**
     * Why, if the kind says so; otherwise -1.
     */
    int32_t cause;
    /**
     * The reason code, a `mqttlink_reason`; -1 if there is none.
     */
    int32_t reason;
    /**
     * The QoS that was granted; -1 if the kind has none.
     */
    int32_t qos;
    /**
     * For a client that was accepted: whether an earlier session goes on.
     */
    bool session_present;
    /**
     * Which client; NULL if it was refused.
     */
    const struct mqttlink_peer *peer;
    /**
     * Its client identifier.
     */
    const char *client_id;
    /**
     * A topic or filter; NULL if the kind has none.
     */
    const char *topic;
    /**
     * An explanation for people; NULL if there is none.
     */
    const char *text;
} mqttlink_broker_event;

/**
 * Is told what happens in a broker, in order. Runs on a thread of its own, `mqttlink-events`, one call at
 * a time; it may call every function, also those that wait.
 */
typedef void (*mqttlink_broker_event_fn)(void *user,
                                         struct mqttlink_broker *broker,
                                         const struct mqttlink_broker_event *event);

/**
 * Is shown a client that is connected, which lives until the function returns.
 */
typedef void (*mqttlink_peer_fn)(void *user,
                                 struct mqttlink_broker *broker,
                                 const struct mqttlink_peer *peer);

/**
 * A session, as it is at a moment. Later versions may append fields.
 */
typedef struct mqttlink_session {
    /**
     * The client it belongs to, as it connected last; lives until the callback returns.
     */
    const struct mqttlink_peer *peer;
    /**
     * Whether the client is connected.
     */
    bool connected;
    /**
     * Whether a will waits for its moment.
     */
    bool has_will;
    /**
     * How many seconds it outlives its connection; 4,294,967,295 is for ever.
     */
    uint32_t expiry_s;
    /**
     * In how many milliseconds it ends if the client stays away; -1 while it is connected, and for ever.
     */
    int64_t ends_in_ms;
    /**
     * How many subscriptions it has.
     */
    uint64_t subscriptions;
    /**
     * Messages that wait for the client and have not been sent.
     */
    uint64_t queued_messages;
    /**
     * Bytes of these messages.
     */
    uint64_t queued_bytes;
    /**
     * Messages of QoS 1 and 2 that the client has been sent and has not acknowledged.
     */
    uint64_t in_flight;
    /**
     * Subscriptions that have not been given all their retained messages yet.
     */
    uint64_t retained_unsent;
} mqttlink_session;

/**
 * Is shown a session, which lives until the function returns.
 */
typedef void (*mqttlink_session_fn)(void *user,
                                    struct mqttlink_broker *broker,
                                    const struct mqttlink_session *session);

/**
 * Is shown a subscription of a client: filter, QoS and the options of MQTT 5.0, where `retain_handling` is
 * a `mqttlink_retain_handling`. The filter lives until the function returns.
 */
typedef void (*mqttlink_subscribed_fn)(void *user,
                                       struct mqttlink_broker *broker,
                                       const char *filter,
                                       int32_t qos,
                                       bool no_local,
                                       bool retain_as_published,
                                       int32_t retain_handling);

/**
 * What a broker has counted and what it holds. Later versions may append fields.
 */
typedef struct mqttlink_broker_counters {
    /**
     * How many milliseconds it has been running.
     */
    uint64_t uptime_ms;
    /**
     * Clients that are connected.
     */
    uint64_t clients_connected;
    /**
     * Sessions whose client is not connected.
     */
    uint64_t clients_disconnected;
    /**
     * The most clients that were ever connected at the same time.
     */
    uint64_t clients_maximum;
    /**
     * Sessions that have expired.
     */
    uint64_t clients_expired;
    /**
     * Connections, those included whose CONNECT has not come.
     */
    uint64_t connections;
    /**
     * Connections accepted since the start.
     */
    uint64_t connections_total;
    /**
     * Subscriptions, shared ones included.
     */
    uint64_t subscriptions;
    /**
     * Memberships of shared subscriptions.
     */
    uint64_t shared_subscriptions;
    /**
     * Retained messages.
     */
    uint64_t retained_messages;
    /**
     * Bytes of retained messages.
     */
    uint64_t retained_bytes;
    /**
     * Messages that wait for clients.
     */
    uint64_t queued_messages;
    /**
     * Bytes of messages that wait for clients or are in flight.
     */
    uint64_t queued_bytes;
    /**
     * Packets received.
     */
    uint64_t packets_received;
    /**
     * Packets sent.
     */
    uint64_t packets_sent;
    /**
     * Bytes received.
     */
    uint64_t bytes_received;
    /**
     * Bytes given to connections.
     */
    uint64_t bytes_sent;
    /**
     * Messages received from clients.
     */
    uint64_t publish_received;
    /**
     * Messages sent to clients.
     */
    uint64_t publish_sent;
    /**
     * Bytes of payload received from clients.
     */
    uint64_t publish_bytes_received;
    /**
     * Bytes of payload sent to clients.
     */
    uint64_t publish_bytes_sent;
    /**
     * Messages dropped for a client whose own queue was full.
     */
    uint64_t dropped_queue_full;
    /**
     * Messages dropped because the queues of all clients together were full.
     */
    uint64_t dropped_total_full;
    /**
     * Messages dropped because they are larger than the client takes.
     */
    uint64_t dropped_too_large;
    /**
     * Messages that expired while they waited, retained ones included.
     */
    uint64_t dropped_expired;
    /**
     * Messages that their publisher was not allowed to publish, or that were refused on the way.
     */
    uint64_t dropped_refused;
    /**
     * Messages that the receiver was not allowed to get.
     */
    uint64_t dropped_not_delivered;
    /**
     * Messages that waited for a session that ended.
     */
    uint64_t dropped_session_ended;
    /**
     * Messages for a `mqttlink_broker_subscription` that did not keep up.
     */
    uint64_t dropped_local;
    /**
     * Retained messages for which there was no room.
     */
    uint64_t dropped_retained_full;
    /**
     * Subscriptions for which there was no room.
     */
    uint64_t dropped_subscriptions;
    /**
     * Connections above the limit.
     */
    uint64_t dropped_connections;
    /**
     * Clients refused because there were too many sessions or authentications.
     */
    uint64_t dropped_sessions;
    /**
     * Events that the callback did not take in time.
     */
    uint64_t dropped_events;
    /**
     * Messages that a fault of the test kit took, and clients that it refused.
     */
    uint64_t dropped_faults;
    /**
     * Sessions given up for a new client because there were too many.
     */
    uint64_t dropped_sessions_evicted;
    /**
     * Subscriptions that have not been given all their retained messages yet.
     */
    uint64_t retained_unsent;
    /**
     * Bytes of filters, wills, beginnings of packets, unreleased messages of QoS 2 and waiting
     * authentications, with what it takes to keep them.
     */
    uint64_t held_bytes;
} mqttlink_broker_counters;

/**
 * Takes a message inside a broker. It belongs to the library and lives until the function returns. Runs on
 * a thread of the subscription's own, one message at a time, in order; it may call every function, also
 * those that wait, and `mqttlink_broker_subscription_free`.
 */
typedef void (*mqttlink_broker_message_fn)(void *user,
                                           struct mqttlink_broker *broker,
                                           const struct mqttlink_message *message);

/**
 * One packet of a transcript. The pointers live as long as the transcript.
 */
typedef struct mqttlink_recorded {
    /**
     * When, in microseconds on the broker's clock.
     */
    uint64_t at_us;
    /**
     * The client identifier; "" before CONNECT has come.
     */
    const char *client_id;
    /**
     * Whether the client sent it; otherwise the broker did.
     */
    bool from_client;
    /**
     * The protocol version of the connection: a `mqttlink_protocol`.
     */
    int32_t version;
    /**
     * The packet, fixed header included. It may hold a password.
     */
    const void *bytes;
    /**
     * How many bytes it has.
     */
    size_t len;
    /**
     * The same in one line, without payload, password and authentication data.
     */
    const char *text;
} mqttlink_recorded;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library that is running, such as "0.1.0". Lives as long as the library.
 */
MQTTLINK_API const char *mqttlink_version(void);

/**
 * A short English text for a status: one line, without a full stop. NULL for a number that is none.
 * Lives as long as the library.
 */
MQTTLINK_API const char *mqttlink_status_text(int32_t status);

/**
 * The last failure of this thread; NULL if nothing has failed on it. A call that succeeds leaves it
 * as it is. Other threads do not change it.
 */
MQTTLINK_API const struct mqttlink_error *mqttlink_last_error(void);

/**
 * The message of this thread's last failure; "" if nothing has failed on it. Never NULL. Lives until
 * the next call of this thread that fails.
 */
MQTTLINK_API
const char *mqttlink_last_error_message(void);

/**
 * The status. `MQTTLINK_OK` for NULL.
 */
MQTTLINK_API mqttlink_status mqttlink_error_status(const struct mqttlink_error *error);

/**
 * One line: what failed, at which host, why, and what to try. Never NULL; "" for NULL.
 */
MQTTLINK_API const char *mqttlink_error_message(const struct mqttlink_error *error);

/**
 * Where it failed. `MQTTLINK_STAGE_LOCAL` for NULL.
 */
MQTTLINK_API mqttlink_stage mqttlink_error_stage(const struct mqttlink_error *error);

/**
 * The operating system's error number (errno); 0 if it does not come from there.
 */
MQTTLINK_API int32_t mqttlink_error_os_code(const struct mqttlink_error *error);

/**
 * The MQTT reason code: what the server said, or for a violation of the protocol what it was told.
 * -1 if there is none.
 */
MQTTLINK_API int32_t mqttlink_error_reason(const struct mqttlink_error *error);

/**
 * The server's explanation, in MQTT 5.0; NULL if there is none.
 */
MQTTLINK_API const char *mqttlink_error_reason_string(const struct mqttlink_error *error);

/**
 * Where else to connect, if the server said so, in MQTT 5.0; NULL otherwise.
 */
MQTTLINK_API const char *mqttlink_error_server_reference(const struct mqttlink_error *error);

/**
 * The properties of the packet with which the server refused; an empty list if there are none. NULL
 * only for NULL.
 */
MQTTLINK_API
const struct mqttlink_properties *mqttlink_error_properties(const struct mqttlink_error *error);

/**
 * Whether a deadline came.
 */
MQTTLINK_API bool mqttlink_error_is_timeout(const struct mqttlink_error *error);

/**
 * Whether the server said no.
 */
MQTTLINK_API bool mqttlink_error_is_refused(const struct mqttlink_error *error);

/**
 * Whether there is no connection, or it ended.
 */
MQTTLINK_API bool mqttlink_error_is_disconnected(const struct mqttlink_error *error);

/**
 * Whether there is no room at the moment: what `mqttlink_client_try_publish` says instead of waiting.
 */
MQTTLINK_API
bool mqttlink_error_is_full(const struct mqttlink_error *error);

/**
 * Whether the same call can succeed later without anything being changed: the network, the server or
 * the load was the cause, not the arguments.
 */
MQTTLINK_API
bool mqttlink_error_is_retryable(const struct mqttlink_error *error);

/**
 * The name of a reason code: "not authorized (0x87)". NULL for a number that is none. Lives as long
 * as the library.
 */
MQTTLINK_API const char *mqttlink_reason_text(int32_t reason);

/**
 * A new, empty list. NULL only after a bug in mqttlink.
 */
MQTTLINK_API struct mqttlink_properties *mqttlink_properties_new(void);

/**
 * Frees a list from `mqttlink_properties_new` or `mqttlink_properties_copy`. NULL is allowed.
 */
MQTTLINK_API void mqttlink_properties_free(struct mqttlink_properties *properties);

/**
 * A copy of a list, to be kept or changed. An empty one for NULL.
 */
MQTTLINK_API
struct mqttlink_properties *mqttlink_properties_copy(const struct mqttlink_properties *properties);

/**
 * Sets a property that is a number of any width, in the place of an earlier one; only a subscription
 * identifier may repeat.
 */
MQTTLINK_API
mqttlink_status mqttlink_properties_set_number(struct mqttlink_properties *properties,
                                               int32_t id,
                                               uint32_t number);

/**
 * Sets a property that is a string, at most 65,535 bytes of UTF-8, in the place of an earlier one.
 */
MQTTLINK_API
mqttlink_status mqttlink_properties_set_text(struct mqttlink_properties *properties,
                                             int32_t id,
                                             const char *value);

/**
 * Sets a property that is binary data, at most 65,535 bytes, in the place of an earlier one.
 */
MQTTLINK_API
mqttlink_status mqttlink_properties_set_data(struct mqttlink_properties *properties,
                                             int32_t id,
                                             const void *data,
                                             size_t len);

/**
 * Appends a user property. Names may repeat, the order is kept. Each string has at most 65,535 bytes.
 */
MQTTLINK_API
mqttlink_status mqttlink_properties_add_user(struct mqttlink_properties *properties,
                                             const char *name,
                                             const char *value);

/**
 * Takes every property with this identifier out. Succeeds if there is none.
 */
MQTTLINK_API
mqttlink_status mqttlink_properties_remove(struct mqttlink_properties *properties,
                                           int32_t id);

/**
 * How many properties the list has. 0 for NULL.
 */
MQTTLINK_API size_t mqttlink_properties_count(const struct mqttlink_properties *properties);

/**
 * Shows the property at a place, from 0. `MQTTLINK_ERROR_NOT_FOUND` behind the last one.
 */
MQTTLINK_API
mqttlink_status mqttlink_properties_at(const struct mqttlink_properties *properties,
                                       size_t index,
                                       struct mqttlink_property *property);

/**
 * The number of the first property with this identifier. `MQTTLINK_ERROR_NOT_FOUND` if there is none.
 */
MQTTLINK_API
mqttlink_status mqttlink_properties_number(const struct mqttlink_properties *properties,
                                           int32_t id,
                                           uint32_t *number);

/**
 * The string or data of the first property with this identifier; for a user property, the value.
 * NULL if there is none. A NUL follows its last byte; `len`, which may be NULL, does not count it, and is 0 if
 * there is none. Lives until the list is changed or freed, and may be what it is changed with.
 */
MQTTLINK_API
const char *mqttlink_properties_value(const struct mqttlink_properties *properties,
                                      int32_t id,
                                      size_t *len);

/**
 * The value of the first user property with this name; NULL if there is none. Lives until the list is
 * changed or freed.
 */
MQTTLINK_API
const char *mqttlink_properties_user(const struct mqttlink_properties *properties,
                                     const char *name);

/**
 * Begins to set up clients for a server: `mqtt://host`, `mqtts://host:port`,
 * `mqtt://user:password@host`. The ports are 1883 and with TLS 8883; `tcp` and `ssl` are other names
 * for the schemes. Does not block.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_new(const char *url,
                                     struct mqttlink_options **options);

/**
 * Begins to set up clients for a server by name or address and port, without TLS unless
 * `mqttlink_options_set_tls` is called. `mqttlink_client_new` checks them, but for clients with a transport of
 * the program's own, to which they are given as they are. Does not block.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_new_for(const char *host,
                                         uint16_t port,
                                         struct mqttlink_options **options);

/**
 * Frees options. Clients that were made with them stay as they are. NULL is allowed.
 */
MQTTLINK_API void mqttlink_options_free(struct mqttlink_options *options);

/**
 * The protocol version: a `mqttlink_protocol`. Default: MQTT 5.0.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_version(struct mqttlink_options *options,
                                             int32_t version);

/**
 * The client identifier, at most 65,535 bytes. Default: empty, and the server assigns one; for MQTT
 * 3.1 one is made up. A session that outlives the connection needs one.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_client_id(struct mqttlink_options *options,
                                               const char *id);

/**
 * User name and password; NULL leaves either as the URL has it. For a password that is not text see
 * `mqttlink_options_set_password`. Default: the URL's.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_credentials(struct mqttlink_options *options,
                                                 const char *user_name,
                                                 const char *password);

/**
 * The password, any bytes, at most 65,535. Before MQTT 5.0 it needs a user name.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_password(struct mqttlink_options *options,
                                              const void *password,
                                              size_t len);

/**
 * Whether `mqttlink_client_connect` begins a new session (Clean Start; Clean Session before MQTT 5.0).
 * `mqttlink_client_reconnect` always tries to go on. Default: true.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_clean_start(struct mqttlink_options *options,
                                                 bool clean);

/**
 * How many seconds the session outlives the connection; 4,294,967,295 means for ever. MQTT 5.0 only;
 * before, a session without a clean start lasts for ever. Default: 0.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_session_expiry(struct mqttlink_options *options,
                                                    uint32_t expiry_s);

/**
 * The longest silence on the connection, in seconds; 0 turns keep alive off. The server may change it
 * in MQTT 5.0. Default: 60 s.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_keep_alive(struct mqttlink_options *options,
                                                uint16_t keep_alive_s);

/**
 * How many milliseconds the answer to a PINGREQ may take. A dead peer is noticed after at most keep
 * alive plus this time. Default: 10,000 ms.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_ping_timeout(struct mqttlink_options *options,
                                                  uint32_t timeout_ms);

/**
 * The message that the server publishes when the connection is lost. The payload has at most 65,535
 * bytes. `properties` may be NULL; those of a will are the payload format indicator, message expiry
 * interval, content type, response topic, correlation data, will delay interval and user properties.
 * Default: none.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_will(struct mqttlink_options *options,
                                          const char *topic,
                                          const void *payload,
                                          size_t len,
                                          int32_t qos,
                                          bool retain,
                                          const struct mqttlink_properties *properties);

/**
 * How many messages of QoS 1 and 2 may await this client's acknowledgement, 1 to 65,535. MQTT 5.0
 * only. Default: 65,535.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_receive_maximum(struct mqttlink_options *options,
                                                     uint16_t maximum);

/**
 * The largest packet this client takes, in bytes. In MQTT 5.0 the server is told and leaves larger
 * messages out; before, a larger packet ends the connection. Default: 16 MiB.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_maximum_packet_size(struct mqttlink_options *options,
                                                         uint32_t bytes);

/**
 * How many topic aliases the server may use. MQTT 5.0 only. Default: 0.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_topic_alias_maximum(struct mqttlink_options *options,
                                                         uint16_t maximum);

/**
 * How many topic aliases this client assigns by itself, if the server takes that many. MQTT 5.0 only.
 * Default: 0.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_topic_aliases(struct mqttlink_options *options,
                                                   uint16_t count);

/**
 * Asks the server for the basis of response topics. MQTT 5.0 only. Default: false.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_request_response_information(struct mqttlink_options *options,
                                                                  bool wanted);

/**
 * Whether the server may explain failures with reason strings and user properties. MQTT 5.0 only.
 * Default: true.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_request_problem_information(struct mqttlink_options *options,
                                                                 bool wanted);

/**
 * Adds a user property to CONNECT. MQTT 5.0 only.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_add_user_property(struct mqttlink_options *options,
                                                   const char *name,
                                                   const char *value);

/**
 * How many milliseconds `mqttlink_client_connect` may take in all: name, socket, TLS and CONNACK.
 * Default: 30,000 ms.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_connect_timeout(struct mqttlink_options *options,
                                                     uint32_t timeout_ms);

/**
 * How many milliseconds calls wait for the server's answer: subscribe, unsubscribe, re-authenticate
 * and `mqttlink_delivery_wait` with `MQTTLINK_DEFAULT`. Default: 30,000 ms.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_response_timeout(struct mqttlink_options *options,
                                                      uint32_t timeout_ms);

/**
 * How many milliseconds `mqttlink_client_publish` waits for room. Default: 30,000 ms.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_publish_timeout(struct mqttlink_options *options,
                                                     uint32_t timeout_ms);

/**
 * How many milliseconds `mqttlink_client_disconnect` waits until everything is sent and acknowledged.
 * Default: 5,000 ms.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_drain_timeout(struct mqttlink_options *options,
                                                   uint32_t timeout_ms);

/**
 * How many messages of QoS 1 and 2 this client sends without waiting for an acknowledgement, if the
 * server allows that many. Default: in MQTT 5.0 the server's receive maximum; before it 100, of which
 * 20 may have QoS 2.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_window(struct mqttlink_options *options,
                                            uint16_t messages);

/**
 * How many bytes may wait to be written before a publish waits. One message may exceed it. Default: 1
 * MiB.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_out_buffer_max(struct mqttlink_options *options,
                                                    size_t bytes);

/**
 * How many bytes of messages in flight are kept before a publish waits. One message may exceed it.
 * Default: 64 MiB.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_in_flight_bytes_max(struct mqttlink_options *options,
                                                         size_t bytes);

/**
 * How many received messages, and how many bytes of them, wait to be taken before the client stops
 * reading, so that the server has to wait. Default: 65,536 and 4 MiB.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_queue_max(struct mqttlink_options *options,
                                               size_t messages,
                                               size_t bytes);

/**
 * Hands over payloads longer than this many bytes in pieces, through `mqttlink_message_read`, instead
 * of holding them in memory. Default: never.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_stream_above(struct mqttlink_options *options,
                                                  size_t bytes);

/**
 * When messages of QoS 1 and 2 are acknowledged: a `mqttlink_acknowledge`. Default:
 * `MQTTLINK_WHEN_HANDLED`.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_acknowledge(struct mqttlink_options *options,
                                                 int32_t mode);

/**
 * Takes every message that no subscription's own handler takes. Without it, they wait for
 * `mqttlink_client_receive`. NULL takes it away again.
 *
 * Runs on the client's dispatcher thread, one message at a time, in order. Every call may be made
 * inside, also those that wait, and `mqttlink_client_free`.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_on_message(struct mqttlink_options *options,
                                            mqttlink_message_fn callback,
                                            void *user,
                                            mqttlink_free_fn free_user);

/**
 * Takes the messages that match a filter, as the callback of a subscription does, but without subscribing:
 * for a session that goes on, whose messages may come before this program has subscribed again. A subscription
 * to the same filter with a callback of its own takes its place. May be called for several filters. NULL takes
 * the one for this filter away again.
 *
 * Runs on the client's dispatcher thread, as the callback of `mqttlink_options_on_message`.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_on_filter(struct mqttlink_options *options,
                                           const char *filter,
                                           mqttlink_message_fn callback,
                                           void *user,
                                           mqttlink_free_fn free_user);

/**
 * Is told when the server has accepted a connection, on the dispatcher thread, in order with the
 * messages.
 *
 * A callback that is NULL takes it away again.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_on_connected(struct mqttlink_options *options,
                                              mqttlink_connected_fn callback,
                                              void *user,
                                              mqttlink_free_fn free_user);

/**
 * Is told when no connection came about: the network or the server refused. On the dispatcher thread.
 *
 * A callback that is NULL takes it away again.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_on_connect_failed(struct mqttlink_options *options,
                                                   mqttlink_error_fn callback,
                                                   void *user,
                                                   mqttlink_free_fn free_user);

/**
 * Is told when a connection is gone, and everything that belonged to it; the error is NULL if this
 * side ended it. `mqttlink_client_connect` and `mqttlink_client_reconnect` may be called inside. On the
 * dispatcher thread, in order with the messages.
 *
 * A callback that is NULL takes it away again.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_on_disconnected(struct mqttlink_options *options,
                                                 mqttlink_error_fn callback,
                                                 void *user,
                                                 mqttlink_free_fn free_user);

/**
 * Is told when the server has ended a connection with DISCONNECT, and why, in MQTT 5.0; just before
 * the callback of `mqttlink_options_on_disconnected`.
 *
 * A callback that is NULL takes it away again.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_on_server_disconnect(struct mqttlink_options *options,
                                                      mqttlink_error_fn callback,
                                                      void *user,
                                                      mqttlink_free_fn free_user);

/**
 * Is told the outcome of each message of `mqttlink_client_publish_event`, exactly once, on the
 * dispatcher thread.
 *
 * A callback that is NULL takes it away again.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_on_published(struct mqttlink_options *options,
                                              mqttlink_published_fn callback,
                                              void *user,
                                              mqttlink_free_fn free_user);

/**
 * Is told the answer to each `mqttlink_client_subscribe_event`: the QoS that was granted to each
 * filter. Exactly once, on the dispatcher thread.
 *
 * A callback that is NULL takes it away again.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_on_subscribed(struct mqttlink_options *options,
                                               mqttlink_results_fn callback,
                                               void *user,
                                               mqttlink_free_fn free_user);

/**
 * Is told the answer to each `mqttlink_client_unsubscribe_event`, exactly once, on the dispatcher
 * thread.
 *
 * A callback that is NULL takes it away again.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_on_unsubscribed(struct mqttlink_options *options,
                                                 mqttlink_results_fn callback,
                                                 void *user,
                                                 mqttlink_free_fn free_user);

/**
 * Is shown every packet in both directions, on the dispatcher thread. When it does not keep up,
 * packets are left out and counted in `mqttlink_statistics`.
 *
 * A callback that is NULL takes it away again.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_on_packet(struct mqttlink_options *options,
                                           mqttlink_packet_fn callback,
                                           void *user,
                                           mqttlink_free_fn free_user);

/**
 * Whether small packets are sent at once (TCP_NODELAY). Default: true.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_no_delay(struct mqttlink_options *options,
                                              bool no_delay);

/**
 * After how many seconds of silence the system probes the peer (SO_KEEPALIVE); 0 means never, and more than
 * 32,767 count as that. Default: never, since MQTT has a keep alive of its own.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_tcp_keep_alive(struct mqttlink_options *options,
                                                    uint32_t idle_s);

/**
 * The socket's buffers in bytes (SO_RCVBUF, SO_SNDBUF); 0 leaves one to the system. Default: 0 and 0.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_socket_buffers(struct mqttlink_options *options,
                                                    size_t receive,
                                                    size_t send);

/**
 * The local address to connect from, as text: "192.0.2.7" or "2001:db8::7". Server addresses of the
 * other family are not tried. Default: the system's choice.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_bind_address(struct mqttlink_options *options,
                                                  const char *local);

/**
 * Looks host names up in another way than the operating system's.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_resolver(struct mqttlink_options *options,
                                              mqttlink_resolver_fn resolver,
                                              void *user,
                                              mqttlink_free_fn free_user);

/**
 * Adds an address that a resolver has found: "192.0.2.7" or "2001:db8::7".
 */
MQTTLINK_API
mqttlink_status mqttlink_addresses_add(struct mqttlink_addresses *addresses,
                                       const char *found,
                                       uint16_t port);

/**
 * New TLS settings: verified against the system's authorities, without a client certificate. NULL
 * only after a bug in mqttlink.
 */
MQTTLINK_API struct mqttlink_tls *mqttlink_tls_new(void);

/**
 * Frees TLS settings. NULL is allowed.
 */
MQTTLINK_API void mqttlink_tls_free(struct mqttlink_tls *tls);

/**
 * Speaks TLS with these settings, which are copied. A `mqtts` URL speaks TLS also without. Files are
 * read and errors in them are reported by `mqttlink_client_new`.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_tls(struct mqttlink_options *options,
                                         const struct mqttlink_tls *tls);

/**
 * Trusts the certificate authorities in this file, PEM (one or more) or DER (one), besides the
 * system's.
 */
MQTTLINK_API mqttlink_status mqttlink_tls_add_ca_file(struct mqttlink_tls *tls, const char *path);

/**
 * Trusts these certificate authorities, PEM (one or more) or DER (one), besides the system's.
 */
MQTTLINK_API
mqttlink_status mqttlink_tls_add_ca(struct mqttlink_tls *tls,
                                    const void *data,
                                    size_t len);

/**
 * Whether the system's certificate authorities are trusted. Default: true.
 */
MQTTLINK_API mqttlink_status mqttlink_tls_set_system_roots(struct mqttlink_tls *tls, bool trusted);

/**
 * The client's certificate, from a file: PEM with its chain behind it, or DER.
 */
MQTTLINK_API
mqttlink_status mqttlink_tls_set_certificate_file(struct mqttlink_tls *tls,
                                                  const char *path);

/**
 * The client's certificate: PEM with its chain behind it, or DER.
 */
MQTTLINK_API
mqttlink_status mqttlink_tls_set_certificate(struct mqttlink_tls *tls,
                                             const void *data,
                                             size_t len);

/**
 * The client's private key, from a file: PKCS#8, PKCS#1 or SEC1, as PEM or DER.
 */
MQTTLINK_API mqttlink_status mqttlink_tls_set_key_file(struct mqttlink_tls *tls, const char *path);

/**
 * The client's private key: PKCS#8, PKCS#1 or SEC1, as PEM or DER.
 */
MQTTLINK_API
mqttlink_status mqttlink_tls_set_key(struct mqttlink_tls *tls,
                                     const void *data,
                                     size_t len);

/**
 * The password of the key that was set before, which is encrypted PKCS#8.
 */
MQTTLINK_API
mqttlink_status mqttlink_tls_set_key_password(struct mqttlink_tls *tls,
                                              const char *password);

/**
 * The client's certificate, chain and key in one PKCS#12 container, from a file.
 */
MQTTLINK_API
mqttlink_status mqttlink_tls_set_pkcs12_file(struct mqttlink_tls *tls,
                                             const char *path,
                                             const char *password);

/**
 * The client's certificate, chain and key in one PKCS#12 container.
 */
MQTTLINK_API
mqttlink_status mqttlink_tls_set_pkcs12(struct mqttlink_tls *tls,
                                        const void *data,
                                        size_t len,
                                        const char *password);

/**
 * Offers an application protocol (ALPN), in order of preference: `mqtt`, or `x-amzn-mqtt-ca` for AWS
 * IoT Core on port 443.
 */
MQTTLINK_API
mqttlink_status mqttlink_tls_add_alpn(struct mqttlink_tls *tls,
                                      const char *protocol);

/**
 * The name that the server's certificate is for, where it is not the host of the URL.
 */
MQTTLINK_API
mqttlink_status mqttlink_tls_set_server_name(struct mqttlink_tls *tls,
                                             const char *name);

/**
 * The oldest version accepted: a `mqttlink_tls_version`. Default: TLS 1.2.
 */
MQTTLINK_API
mqttlink_status mqttlink_tls_set_min_version(struct mqttlink_tls *tls,
                                             int32_t version);

/**
 * The newest version offered: a `mqttlink_tls_version`. Default: the newest there is.
 */
MQTTLINK_API
mqttlink_status mqttlink_tls_set_max_version(struct mqttlink_tls *tls,
                                             int32_t version);

/**
 * Whether the server is told the name that is expected (SNI). Default: true.
 */
MQTTLINK_API mqttlink_status mqttlink_tls_set_sni(struct mqttlink_tls *tls, bool sent);

/**
 * Accepts any certificate. Whoever is on the way can read and change everything.
 */
MQTTLINK_API
mqttlink_status mqttlink_tls_danger_accept_invalid_certificates(struct mqttlink_tls *tls,
                                                                bool accepted);

/**
 * Accepts a certificate that is for another name. Whoever has any certificate of a trusted authority
 * can read and change everything.
 */
MQTTLINK_API
mqttlink_status mqttlink_tls_danger_accept_invalid_host_names(struct mqttlink_tls *tls,
                                                              bool accepted);

/**
 * Has the program decide about servers' certificates, in the place of the TLS library: this checks
 * neither authority nor name then, only that the server has the key of the certificate.
 */
MQTTLINK_API
mqttlink_status mqttlink_tls_set_verifier(struct mqttlink_tls *tls,
                                          mqttlink_verify_fn verify,
                                          void *user,
                                          mqttlink_free_fn free_user);

/**
 * Carries the client's side of an authentication exchange: SCRAM, Kerberos, or a scheme of one's own
 * (section 4.12). MQTT 5.0 only. `method` is its name, such as "SCRAM-SHA-256". `finish` may be NULL.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_authenticator(struct mqttlink_options *options,
                                                   const char *method,
                                                   mqttlink_auth_start_fn start,
                                                   mqttlink_auth_respond_fn respond,
                                                   mqttlink_auth_finish_fn finish,
                                                   void *user,
                                                   mqttlink_free_fn free_user);

/**
 * Gives the data of an answer, which is copied.
 */
MQTTLINK_API
mqttlink_status mqttlink_reply_set(struct mqttlink_reply *reply,
                                   const void *data,
                                   size_t len);

/**
 * Carries the packets over streams of the program's own, instead of TCP and TLS: another TLS library
 * with its keys in a security module, a tunnel, a serial line. The URL must not ask for TLS, which is
 * the stream's own affair; resolver and socket options are not used.
 *
 * `open` is called for every connection with `user`; the other functions with the stream it made.
 * `free_stream`, which may be NULL, is called exactly once, after close, when nothing will use the stream any more.
 *
 * Everything that the client sends and receives waits for these functions. They may call every function; of
 * those of the same client, calls that would wait for the connection fail with
 * `MQTTLINK_ERROR_WOULD_DEADLOCK`. `mqttlink_client_connect` fails in them, unless the stream came too late: with
 * `MQTTLINK_ERROR_WOULD_DEADLOCK` while the connection ends, with `MQTTLINK_ERROR_ALREADY_CONNECTED` before, which
 * after a loss is until the stream is freed, and with `MQTTLINK_ERROR_ALREADY_CONNECTING` while a connection is
 * being made. `mqttlink_client_disconnect`,
 * `mqttlink_client_abort` and `mqttlink_client_free` begin the end of the connection and do not wait for it,
 * nor for other callbacks that run.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_set_transport(struct mqttlink_options *options,
                                               mqttlink_open_fn open,
                                               mqttlink_read_fn read,
                                               mqttlink_write_fn write,
                                               mqttlink_close_fn close,
                                               mqttlink_free_fn free_stream,
                                               void *user,
                                               mqttlink_free_fn free_user);

/**
 * Makes a client. Nothing is sent; files named in the TLS settings are read. The options may be freed
 * or used again.
 *
 * The client is freed with `mqttlink_client_free`.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_new(const struct mqttlink_options *options,
                                    struct mqttlink_client **client);

/**
 * Has the next connection of a client made with other options: server, transport and TLS, client
 * identifier, credentials, will and everything else that CONNECT carries, and the authenticator.
 * Callbacks, bounds and timeouts stay as they are. The session stays too, so that a message in flight
 * survives a new password. Does not block, but reads the files that the TLS settings name.
 *
 * `MQTTLINK_ERROR_INVALID_STATE` while there is a connection or one is being made.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_reconfigure(struct mqttlink_client *client,
                                            const struct mqttlink_options *options);

/**
 * Frees a client at any moment, on any thread, also inside its own callbacks. NULL is allowed; a
 * second time does nothing.
 *
 * What was accepted for sending is written, for at most a second; then the server is told that nothing
 * follows, and has another second to close the connection, which has no DISCONNECT, so that the server
 * publishes the will: call `mqttlink_client_disconnect` before to say goodbye. A transport of the program's
 * own has no half to close: in MQTT 5.0 the server gets DISCONNECT 0x04 (with will) instead, before 5.0 the
 * second passes unless it closes by itself.
 *
 * Calls that wait on other threads return. When it returns, no callback of the client runs any more or will;
 * inside one of its own callbacks, that one is the last, but for the close and `free_stream` of a transport.
 * Only functions of a transport that do not return within 5 seconds may still run: see
 * `mqttlink_close_fn`.
 */
MQTTLINK_API
void mqttlink_client_free(struct mqttlink_client *client);

/**
 * Where the client stands. Never blocks. `MQTTLINK_DISCONNECTED` for NULL and for a freed client.
 */
MQTTLINK_API mqttlink_state mqttlink_client_state(const struct mqttlink_client *client);

/**
 * Whether the server has accepted the connection and it is not being ended. Never blocks. A connection
 * can be dead without anybody having noticed yet: see `mqttlink_options_set_ping_timeout`.
 */
MQTTLINK_API
bool mqttlink_client_is_connected(const struct mqttlink_client *client);

/**
 * What the server granted when it last accepted a connection; to be freed with
 * `mqttlink_granted_free`. `MQTTLINK_ERROR_NOT_FOUND` if it never has.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_granted(const struct mqttlink_client *client,
                                        struct mqttlink_granted **granted);

/**
 * Why the last connection ended, or the last attempt failed: returns its status, and makes it this
 * thread's last error. `MQTTLINK_OK` if this side ended it or there was none.
 */
MQTTLINK_API mqttlink_status mqttlink_client_last_error(const struct mqttlink_client *client);

/**
 * Counts, and how much waits. Does not wait for the network. `size` is `sizeof(mqttlink_statistics)` of
 * the program, which may be older or newer than the library: see "Versions" in the contract.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_statistics(const struct mqttlink_client *client,
                                           struct mqttlink_statistics *statistics,
                                           size_t size);

/**
 * Wakes every call that waits in this client, on whatever thread: they fail with
 * `MQTTLINK_ERROR_INTERRUPTED`. An attempt to connect is given up, a connection stays as it is. If no
 * call waits, the next one that would wait fails instead, so that a flag that is looked at before
 * waiting is never missed.
 *
 * Async-signal-safe: this is the one function that may be called in a signal handler. Does not block,
 * and does not set the thread's last error.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_interrupt(const struct mqttlink_client *client);

/**
 * Ends the connection at once, without DISCONNECT, so that the server publishes the will; or ends the
 * attempt to make one. Waits until both threads are gone, which takes no time. Does nothing without a
 * connection.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_abort(struct mqttlink_client *client);

/**
 * Connects, and blocks until the server has answered, at most the connect timeout;
 * `mqttlink_client_abort`, `mqttlink_client_disconnect` and `mqttlink_client_interrupt` from elsewhere
 * wake it. `granted` may be NULL; otherwise it is freed with `mqttlink_granted_free`.
 *
 * Begins a new session unless `mqttlink_options_set_clean_start` says otherwise. After a failure nothing
 * is left behind: no thread, no socket. No authentication exchange is needed for a user name and
 * password.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_connect(struct mqttlink_client *client,
                                        struct mqttlink_granted **granted);

/**
 * Connects again, to go on with the session: in MQTT 5.0 without a clean start, and with the client
 * identifier that the server assigned. `mqttlink_granted_session_present` says whether the server has
 * kept it. Messages in flight are sent again as the protocol demands. Blocks as
 * `mqttlink_client_connect`, and may be called in every callback.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_reconnect(struct mqttlink_client *client,
                                          struct mqttlink_granted **granted);

/**
 * Authenticates anew on the live connection (MQTT 5.0, section 4.12.1), with the authenticator of the
 * options. Other traffic goes on. Blocks for at most the response timeout. If it fails, the connection
 * is ended.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_re_authenticate(struct mqttlink_client *client);

/**
 * Ends the connection: waits until everything is sent and acknowledged, at most the drain timeout,
 * sends DISCONNECT, and waits until both threads are gone. The server discards the will. If not
 * everything could be sent, the connection is cut without DISCONNECT. An attempt to connect is given up.
 *
 * `MQTTLINK_ERROR_TIMEOUT_DRAIN` if a message was left: the connection has ended all the same.
 * `MQTTLINK_ERROR_NOT_CONNECTED` if there is neither a connection nor an attempt.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_disconnect(struct mqttlink_client *client);

/**
 * `mqttlink_client_disconnect` with everything that can be said.
 *
 * `drain_ms`: how long to wait until everything is sent and acknowledged, in milliseconds; 0 does not
 * wait. `reason`: a `mqttlink_reason` that a client may send; 0x04 has the server publish the will,
 * before MQTT 5.0 by leaving DISCONNECT out. `properties`, which may be NULL: reason string, session
 * expiry interval, user properties. `drained`: what was left, to be freed with `mqttlink_drained_free`; NULL
 * if nobody wants to know. That something was left is no failure here.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_disconnect_with(struct mqttlink_client *client,
                                                int64_t drain_ms,
                                                int32_t reason,
                                                const struct mqttlink_properties *properties,
                                                struct mqttlink_drained **drained);

/**
 * How many messages were left: first those of QoS 0 that were not sent, then those of QoS 1 and 2 that
 * were not acknowledged. 0 for NULL.
 */
MQTTLINK_API
size_t mqttlink_drained_count(const struct mqttlink_drained *drained);

/**
 * Shows the message at a place, from 0. `MQTTLINK_ERROR_NOT_FOUND` behind the last one.
 */
MQTTLINK_API
mqttlink_status mqttlink_drained_at(const struct mqttlink_drained *drained,
                                    size_t index,
                                    struct mqttlink_left *message);

/**
 * Frees what `mqttlink_client_disconnect_with` gave. NULL is allowed.
 */
MQTTLINK_API void mqttlink_drained_free(struct mqttlink_drained *drained);

/**
 * Frees what `mqttlink_client_connect`, `mqttlink_client_reconnect` or `mqttlink_client_granted` gave.
 * NULL is allowed.
 */
MQTTLINK_API
void mqttlink_granted_free(struct mqttlink_granted *granted);

/**
 * The protocol version of the connection: a `mqttlink_protocol`. 0 for NULL.
 */
MQTTLINK_API int32_t mqttlink_granted_version(const struct mqttlink_granted *granted);

/**
 * Whether the server goes on with an earlier session: its subscriptions are still there. Always false
 * in MQTT 3.1, which cannot say.
 */
MQTTLINK_API
bool mqttlink_granted_session_present(const struct mqttlink_granted *granted);

/**
 * The client identifier in use, which the server may have assigned. NULL for NULL.
 */
MQTTLINK_API const char *mqttlink_granted_client_id(const struct mqttlink_granted *granted);

/**
 * The keep alive in force, in seconds, which the server may have changed; 0 is off.
 */
MQTTLINK_API uint16_t mqttlink_granted_keep_alive(const struct mqttlink_granted *granted);

/**
 * How many seconds the session outlives the connection; 4,294,967,295 means for ever.
 */
MQTTLINK_API uint32_t mqttlink_granted_session_expiry(const struct mqttlink_granted *granted);

/**
 * How many messages of QoS 1 and 2 may await their acknowledgement; 1 to 65,535.
 */
MQTTLINK_API uint16_t mqttlink_granted_receive_maximum(const struct mqttlink_granted *granted);

/**
 * The highest QoS the server takes, 0 to 2.
 */
MQTTLINK_API int32_t mqttlink_granted_maximum_qos(const struct mqttlink_granted *granted);

/**
 * Whether the server keeps retained messages.
 */
MQTTLINK_API bool mqttlink_granted_retain_available(const struct mqttlink_granted *granted);

/**
 * The largest packet the server takes, in bytes, fixed header included.
 */
MQTTLINK_API size_t mqttlink_granted_maximum_packet_size(const struct mqttlink_granted *granted);

/**
 * How many topic aliases the server takes; 0 means none.
 */
MQTTLINK_API uint16_t mqttlink_granted_topic_alias_maximum(const struct mqttlink_granted *granted);

/**
 * Whether filters may contain wildcards.
 */
MQTTLINK_API bool mqttlink_granted_wildcard_available(const struct mqttlink_granted *granted);

/**
 * Whether subscriptions may have an identifier.
 */
MQTTLINK_API
bool mqttlink_granted_subscription_id_available(const struct mqttlink_granted *granted);

/**
 * Whether shared subscriptions are offered.
 */
MQTTLINK_API bool mqttlink_granted_shared_available(const struct mqttlink_granted *granted);

/**
 * All properties of the CONNACK, the reason string, response information and user properties among
 * them; an empty list before MQTT 5.0. Lives as long as `granted`. NULL for NULL.
 */
MQTTLINK_API
const struct mqttlink_properties *mqttlink_granted_properties(const struct mqttlink_granted *granted);

/**
 * Publishes a message. If the outgoing buffer or the window of messages in flight is full, or the
 * connection is just being made, it waits for room, at most the publish timeout. It does not wait for
 * the outcome: `mqttlink_delivery_wait` does. Messages of one thread leave in the order of its calls.
 *
 * `topic`: 1 to 65,535 bytes, no wildcard. `payload`: `len` bytes, which are copied (a large one need
 * not be, see `mqttlink_client_publish_payload`); NULL if there are none. `qos`: 0 to 2. `retain`: whether
 * the server keeps the message for later subscribers. `properties`: of MQTT 5.0, or NULL; they are copied.
 * `delivery`: tells the outcome, to be freed with `mqttlink_delivery_free`; NULL if nobody wants to know.
 *
 * `MQTTLINK_ERROR_NOT_CONNECTED` without a connection: nothing is kept for later.
 * `MQTTLINK_ERROR_TIMEOUT_ROOM` if there is no room in time. `MQTTLINK_ERROR_PACKET_TOO_LARGE` if the packet
 * would be larger than 268,435,460 bytes, and the codes from 700 on for what this server does not take.
 *
 * What cannot be sent, or what the server has said that it does not take, is an error to the caller and
 * does not touch the connection.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_publish(struct mqttlink_client *client,
                                        const char *topic,
                                        const void *payload,
                                        size_t len,
                                        int32_t qos,
                                        bool retain,
                                        const struct mqttlink_properties *properties,
                                        struct mqttlink_delivery **delivery);

/**
 * `mqttlink_client_publish` that waits for room at most so many milliseconds.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_publish_timeout(struct mqttlink_client *client,
                                                const char *topic,
                                                const void *payload,
                                                size_t len,
                                                int32_t qos,
                                                bool retain,
                                                const struct mqttlink_properties *properties,
                                                int64_t timeout_ms,
                                                struct mqttlink_delivery **delivery);

/**
 * `mqttlink_client_publish` that never waits. `MQTTLINK_ERROR_WINDOW_FULL`,
 * `MQTTLINK_ERROR_BUFFER_FULL` or `MQTTLINK_ERROR_NO_PACKET_ID` if there is no room.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_try_publish(struct mqttlink_client *client,
                                            const char *topic,
                                            const void *payload,
                                            size_t len,
                                            int32_t qos,
                                            bool retain,
                                            const struct mqttlink_properties *properties,
                                            struct mqttlink_delivery **delivery);

/**
 * `mqttlink_client_publish` that has `callback` called with the outcome, on the dispatcher thread:
 * exactly once if this returns `MQTTLINK_OK`, and not at all otherwise; unless the client is freed
 * first. `free_user`, which may be NULL, is called in each of these cases.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_publish_then(struct mqttlink_client *client,
                                             const char *topic,
                                             const void *payload,
                                             size_t len,
                                             int32_t qos,
                                             bool retain,
                                             const struct mqttlink_properties *properties,
                                             mqttlink_published_fn callback,
                                             void *user,
                                             mqttlink_free_fn free_user);

/**
 * `mqttlink_client_publish_then` that waits for room at most so many milliseconds. 0 never waits:
 * `MQTTLINK_ERROR_WINDOW_FULL`, `MQTTLINK_ERROR_BUFFER_FULL` or `MQTTLINK_ERROR_NO_PACKET_ID` if there is
 * no room.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_publish_then_timeout(struct mqttlink_client *client,
                                                     const char *topic,
                                                     const void *payload,
                                                     size_t len,
                                                     int32_t qos,
                                                     bool retain,
                                                     const struct mqttlink_properties *properties,
                                                     int64_t timeout_ms,
                                                     mqttlink_published_fn callback,
                                                     void *user,
                                                     mqttlink_free_fn free_user);

/**
 * `mqttlink_client_publish` whose outcome goes to the callback of `mqttlink_options_on_published`, with
 * the number that is put into `id`. The number is there before the message is queued, so that the
 * callback cannot come before it.
 *
 * `MQTTLINK_ERROR_INVALID_STATE` if there is no such callback.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_publish_event(struct mqttlink_client *client,
                                              const char *topic,
                                              const void *payload,
                                              size_t len,
                                              int32_t qos,
                                              bool retain,
                                              const struct mqttlink_properties *properties,
                                              uint64_t *id);

/**
 * `mqttlink_client_publish_event` that waits for room at most so many milliseconds. 0 never waits:
 * `MQTTLINK_ERROR_WINDOW_FULL`, `MQTTLINK_ERROR_BUFFER_FULL` or `MQTTLINK_ERROR_NO_PACKET_ID` if there is
 * no room.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_publish_event_timeout(struct mqttlink_client *client,
                                                      const char *topic,
                                                      const void *payload,
                                                      size_t len,
                                                      int32_t qos,
                                                      bool retain,
                                                      const struct mqttlink_properties *properties,
                                                      int64_t timeout_ms,
                                                      uint64_t *id);

/**
 * Publishes a message whose payload of exactly `len` bytes comes from `source`, which is called on this
 * thread, a piece at a time; the other arguments are those of `mqttlink_client_publish`. Blocks until all
 * of it has been handed to the connection, waiting for room as `mqttlink_client_publish` for each piece.
 * Meanwhile everything else that this client sends waits behind it, PINGREQ included, so the source must
 * keep pace with the keep alive.
 *
 * The payload is not kept: if the connection is lost before the acknowledgement, a message of QoS 1 or
 * 2 cannot be sent again, and its delivery says so. If the source fails or ends early, the message
 * cannot be completed and the connection is ended: `MQTTLINK_ERROR_PAYLOAD_SOURCE`.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_publish_source(struct mqttlink_client *client,
                                               const char *topic,
                                               size_t len,
                                               int32_t qos,
                                               bool retain,
                                               const struct mqttlink_properties *properties,
                                               mqttlink_source_fn source,
                                               void *user,
                                               struct mqttlink_delivery **delivery);

/**
 * Lends the library `len` bytes at `data`, which must neither change nor go away until `release`, which
 * may be NULL, is called with `user`: once, when the payload is freed and every message with it has left
 * or was given up, by `mqttlink_payload_free` or on a thread that all payloads share, `mqttlink-release`;
 * at once if this call fails. It may call every function. NULL for `data` is allowed where `len` is 0.
 *
 * `MQTTLINK_ERROR_RESOURCES` if that thread cannot be started.
 */
MQTTLINK_API
mqttlink_status mqttlink_payload_new(const void *data,
                                     size_t len,
                                     mqttlink_free_fn release,
                                     void *user,
                                     struct mqttlink_payload **payload);

/**
 * `mqttlink_client_publish` with a payload that is not copied. Waits for room at most so many
 * milliseconds; `MQTTLINK_DEFAULT` is the publish timeout, and 0 does not wait, as
 * `mqttlink_client_try_publish`. The payload may be freed as soon as this returns.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_publish_payload(struct mqttlink_client *client,
                                                const char *topic,
                                                const struct mqttlink_payload *payload,
                                                int32_t qos,
                                                bool retain,
                                                const struct mqttlink_properties *properties,
                                                int64_t timeout_ms,
                                                struct mqttlink_delivery **delivery);

/**
 * Frees a payload; messages that are on their way keep the bytes. NULL is allowed.
 */
MQTTLINK_API void mqttlink_payload_free(struct mqttlink_payload *payload);

/**
 * Waits for the outcome, at most so many milliseconds; `MQTTLINK_DEFAULT` is the client's response
 * timeout. May be called from any thread, also inside callbacks, and again after a timeout or a lost
 * connection.
 *
 * Returns the outcome, if it is one: `MQTTLINK_OK`, `MQTTLINK_ERROR_PUBLISH_REFUSED`, or why the message
 * was given up. Otherwise why there is none yet: `MQTTLINK_ERROR_TIMEOUT_ACK`, or that there is no
 * connection; a message of QoS 1 or 2 is then sent again when the client reconnects.
 */
MQTTLINK_API
mqttlink_status mqttlink_delivery_wait(const struct mqttlink_delivery *delivery,
                                       int64_t timeout_ms);

/**
 * Whether there is an outcome. Does not wait.
 */
MQTTLINK_API bool mqttlink_delivery_is_done(const struct mqttlink_delivery *delivery);

/**
 * The server's reason code: a `mqttlink_reason`. -1 as long as there is none.
 */
MQTTLINK_API int32_t mqttlink_delivery_reason(const struct mqttlink_delivery *delivery);

/**
 * The server's remark, in MQTT 5.0; NULL if there is none. Lives as long as the delivery.
 */
MQTTLINK_API const char *mqttlink_delivery_reason_string(const struct mqttlink_delivery *delivery);

/**
 * The properties of the acknowledgement; NULL as long as there is no outcome. Lives as long as the
 * delivery.
 */
MQTTLINK_API
const struct mqttlink_properties *mqttlink_delivery_properties(const struct mqttlink_delivery *delivery);

/**
 * Frees a delivery. NULL is allowed.
 */
MQTTLINK_API void mqttlink_delivery_free(struct mqttlink_delivery *delivery);

/**
 * A subscription without filters. NULL only after a bug in mqttlink.
 */
MQTTLINK_API struct mqttlink_subscription *mqttlink_subscription_new(void);

/**
 * Frees a subscription. What was subscribed to with it stays. NULL is allowed.
 */
MQTTLINK_API void mqttlink_subscription_free(struct mqttlink_subscription *subscription);

/**
 * Adds a filter with the highest QoS at which messages are to be delivered, 0 to 2.
 */
MQTTLINK_API
mqttlink_status mqttlink_subscription_add(struct mqttlink_subscription *subscription,
                                          const char *filter,
                                          int32_t qos);

/**
 * Adds a filter with all that MQTT 5.0 knows. `no_local`: leave out what this client publishes.
 * `retain_as_published`: keep the RETAIN flag of the publisher. `retain_handling`: a
 * `mqttlink_retain_handling`.
 */
MQTTLINK_API
mqttlink_status mqttlink_subscription_add_with(struct mqttlink_subscription *subscription,
                                               const char *filter,
                                               int32_t qos,
                                               bool no_local,
                                               bool retain_as_published,
                                               int32_t retain_handling);

/**
 * Gives the subscription its own callback for the messages that match one of its filters; the callback
 * of `mqttlink_options_on_message` and `mqttlink_client_receive` do not get them then. A message that
 * matches several subscriptions goes to the callback of each. Runs on the dispatcher thread. NULL takes it
 * away again.
 */
MQTTLINK_API
mqttlink_status mqttlink_subscription_set_handler(struct mqttlink_subscription *subscription,
                                                  mqttlink_message_fn callback,
                                                  void *user,
                                                  mqttlink_free_fn free_user);

/**
 * Sets the properties, which are copied: subscription identifier, user properties. MQTT 5.0 only. NULL
 * takes them away.
 */
MQTTLINK_API
mqttlink_status mqttlink_subscription_set_properties(struct mqttlink_subscription *subscription,
                                                     const struct mqttlink_properties *properties);

/**
 * Subscribes, and waits for the server's answer, at most the response timeout. The answer has one
 * result for each filter: the server may grant less than was asked for, or refuse.
 *
 * `results`, to be freed with `mqttlink_results_free`, may be NULL; then a refusal of any filter is
 * `MQTTLINK_ERROR_SUBSCRIBE_REFUSED`.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_subscribe(struct mqttlink_client *client,
                                          const struct mqttlink_subscription *subscription,
                                          struct mqttlink_results **results);

/**
 * Subscribes to one filter without a callback of its own, and waits as `mqttlink_client_subscribe`.
 * `granted`, which may be NULL, is the QoS that the server granted. A refusal is
 * `MQTTLINK_ERROR_SUBSCRIBE_REFUSED`.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_subscribe_one(struct mqttlink_client *client,
                                              const char *filter,
                                              int32_t qos,
                                              int32_t *granted);

/**
 * Subscribes without waiting; the answer goes to the callback of `mqttlink_options_on_subscribed`, with
 * the number that is put into `id` before the request is queued. Without an answer it is called when
 * the connection ends.
 *
 * `MQTTLINK_ERROR_INVALID_STATE` if there is no such callback.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_subscribe_event(struct mqttlink_client *client,
                                                const struct mqttlink_subscription *subscription,
                                                uint64_t *id);

/**
 * Ends subscriptions, and waits for the server's answer, at most the response timeout. `filters` are
 * `count` strings, letter by letter as they were subscribed to; `properties`, which may be NULL, are
 * user properties. Their callbacks are dropped in the place of the server's answer.
 *
 * `results`, to be freed with `mqttlink_results_free`, may be NULL; then a refusal of any filter is
 * `MQTTLINK_ERROR_UNSUBSCRIBE_REFUSED`. That there was no such subscription is not a refusal.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_unsubscribe(struct mqttlink_client *client,
                                            const char *const *filters,
                                            size_t count,
                                            const struct mqttlink_properties *properties,
                                            struct mqttlink_results **results);

/**
 * Ends subscriptions without waiting; the answer goes to the callback of
 * `mqttlink_options_on_unsubscribed`, with the number that is put into `id` before the request is
 * queued. The other arguments are those of `mqttlink_client_unsubscribe`.
 *
 * `MQTTLINK_ERROR_INVALID_STATE` if there is no such callback.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_unsubscribe_event(struct mqttlink_client *client,
                                                  const char *const *filters,
                                                  size_t count,
                                                  const struct mqttlink_properties *properties,
                                                  uint64_t *id);

/**
 * How many results there are: one for each filter. 0 for NULL.
 */
MQTTLINK_API size_t mqttlink_results_count(const struct mqttlink_results *results);

/**
 * The result at a place, from 0: a `mqttlink_reason`. For a subscription 0 to 2 is the QoS granted; from
 * 0x80 the filter was refused. -1 behind the last one.
 */
MQTTLINK_API
int32_t mqttlink_results_at(const struct mqttlink_results *results,
                            size_t index);

/**
 * Reason string and user properties of the answer; an empty list before MQTT 5.0. Lives as long as the
 * results. NULL for NULL.
 */
MQTTLINK_API
const struct mqttlink_properties *mqttlink_results_properties(const struct mqttlink_results *results);

/**
 * Frees results that a function gave. NULL is allowed.
 */
MQTTLINK_API void mqttlink_results_free(struct mqttlink_results *results);

/**
 * Waits for the next message that no handler takes, for at most so many milliseconds; 0 does not wait,
 * `MQTTLINK_FOREVER` and `MQTTLINK_DEFAULT` wait until there is one or there is no connection any more.
 * Several threads may wait; each message goes to one of them. It is freed with
 * `mqttlink_message_free`, which acknowledges it. Inside a callback of the same client no message comes
 * before the callback returns: there, without a limit, `MQTTLINK_ERROR_WOULD_DEADLOCK`.
 *
 * `MQTTLINK_ERROR_TIMEOUT_RECEIVE` if none came in time; why the connection ended if it has and no
 * message is left from it; `MQTTLINK_ERROR_INTERRUPTED`.
 */
MQTTLINK_API
mqttlink_status mqttlink_client_receive(struct mqttlink_client *client,
                                        int64_t timeout_ms,
                                        struct mqttlink_message **message);

/**
 * All of a message that takes no work to tell, in one call, for bindings to other languages: where calls
 * into C cost something, and strings are copied with their length. `size` is `sizeof(mqttlink_view)` of the
 * program, which may be older or newer than the library: see "Versions" in the contract. Does not block.
 */
MQTTLINK_API
mqttlink_status mqttlink_message_view(const struct mqttlink_message *message,
                                      struct mqttlink_view *view,
                                      size_t size);

/**
 * The topic name; never NULL but for NULL. Lives as long as the message.
 */
MQTTLINK_API const char *mqttlink_message_topic(const struct mqttlink_message *message);

/**
 * The payload, and in `len`, which may be NULL, how many bytes it has. Not NULL, even if it is empty,
 * but for NULL. No NUL follows it: print text with `"%.*s"`. Empty if it comes as a stream. Lives as
 * long as the message.
 */
MQTTLINK_API
const void *mqttlink_message_payload(const struct mqttlink_message *message,
                                     size_t *len);

/**
 * The quality of service at which the message was delivered, 0 to 2.
 */
MQTTLINK_API int32_t mqttlink_message_qos(const struct mqttlink_message *message);

/**
 * Whether the server had kept the message from before the subscription.
 */
MQTTLINK_API bool mqttlink_message_retain(const struct mqttlink_message *message);

/**
 * Whether the server says that it may have sent the message before. It does not mean that this client
 * has seen it.
 */
MQTTLINK_API
bool mqttlink_message_dup(const struct mqttlink_message *message);

/**
 * All properties, in order; an empty list before MQTT 5.0. NULL for NULL. Lives as long as the message.
 */
MQTTLINK_API
const struct mqttlink_properties *mqttlink_message_properties(const struct mqttlink_message *message);

/**
 * How long the payload is, in bytes, whether it is in memory or comes as a stream.
 */
MQTTLINK_API size_t mqttlink_message_payload_len(const struct mqttlink_message *message);

/**
 * Whether the payload comes as a stream: if it is longer than `mqttlink_options_set_stream_above` says.
 */
MQTTLINK_API
bool mqttlink_message_is_streamed(const struct mqttlink_message *message);

/**
 * Reads the next bytes of the payload, whether it is in memory or comes as a stream; `count` is 0 at
 * its end. Blocks until bytes arrive. Later messages wait until a stream has been read, or the message
 * is freed or its callback returns.
 *
 * `MQTTLINK_ERROR_STREAM_INTERRUPTED` if the connection is lost first; at QoS 1 and 2 the server sends
 * the message again.
 */
MQTTLINK_API
mqttlink_status mqttlink_message_read(const struct mqttlink_message *message,
                                      void *data,
                                      size_t size,
                                      size_t *count);

/**
 * Acknowledges the message now, whatever the client's mode. Acknowledgements leave in the order in
 * which the messages came, so it may wait for those before it. Does nothing at QoS 0 or a second time.
 * Does not block.
 */
MQTTLINK_API
mqttlink_status mqttlink_message_acknowledge(const struct mqttlink_message *message);

/**
 * Takes over the acknowledgement, to be sent later from anywhere; to be freed with
 * `mqttlink_acknowledger_free`. `MQTTLINK_ERROR_NOT_FOUND` at QoS 0, for a copy, and when it has been
 * taken or sent.
 */
MQTTLINK_API
mqttlink_status mqttlink_message_acknowledger(const struct mqttlink_message *message,
                                              struct mqttlink_acknowledger **acknowledger);

/**
 * A copy of a message, to be kept. It is data only: it has no part in the acknowledgement, and nothing
 * of a payload that comes as a stream.
 */
MQTTLINK_API
mqttlink_status mqttlink_message_copy(const struct mqttlink_message *message,
                                      struct mqttlink_message **copy);

/**
 * Frees a message from `mqttlink_client_receive` or `mqttlink_message_copy`, and acknowledges it unless
 * that is done by hand. NULL is allowed; for the message of a callback it does nothing.
 */
MQTTLINK_API
void mqttlink_message_free(struct mqttlink_message *message);

/**
 * The message has been dealt with. Does not block. `MQTTLINK_ERROR_INVALID_STATE` a second time.
 */
MQTTLINK_API
mqttlink_status mqttlink_acknowledger_accept(struct mqttlink_acknowledger *acknowledger);

/**
 * The message is refused, with a `mqttlink_reason` of 0x80 or more that a client may send in PUBACK and
 * PUBREC. Before MQTT 5.0, which cannot say so, it is acknowledged. Does not block.
 * `MQTTLINK_ERROR_INVALID_STATE` a second time.
 */
MQTTLINK_API
mqttlink_status mqttlink_acknowledger_reject(struct mqttlink_acknowledger *acknowledger,
                                             int32_t reason);

/**
 * Frees an acknowledger, decided or not. NULL is allowed.
 */
MQTTLINK_API void mqttlink_acknowledger_free(struct mqttlink_acknowledger *acknowledger);

/**
 * Which way the packet went.
 */
MQTTLINK_API mqttlink_direction mqttlink_packet_direction(const struct mqttlink_packet *packet);

/**
 * The packet's bytes, fixed header included, and how many there are. They may hold a password. NULL
 * for NULL.
 */
MQTTLINK_API const void *mqttlink_packet_bytes(const struct mqttlink_packet *packet, size_t *len);

/**
 * The packet in one line, without payload, password and authentication data. "" for NULL.
 */
MQTTLINK_API const char *mqttlink_packet_text(const struct mqttlink_packet *packet);

/**
 * Has the library's log given to a function, for all clients of the process: lines up to `level`, a
 * `mqttlink_log_level`. Payloads, passwords and authentication data are never in it. Without this call
 * nothing is logged anywhere.
 *
 * The function runs on a thread of its own and may call everything. If it does not keep up, lines are
 * left out. NULL ends it; earlier functions are not called any more when this returns, whichever thread
 * has replaced them, except where it is called from within one.
 *
 * `MQTTLINK_ERROR_INVALID_STATE` in a Rust program that has a logger already.
 */
MQTTLINK_API
mqttlink_status mqttlink_log_set(mqttlink_log_fn callback,
                                 int32_t level,
                                 void *user,
                                 mqttlink_free_fn free_user);

/**
 * Whether a topic name is valid: 1 to 65,535 bytes, no wildcard (section 4.7). Needs no client.
 */
MQTTLINK_API mqttlink_status mqttlink_topic_check_name(const char *name);

/**
 * Whether a topic filter is valid by the rules of MQTT 5.0, shared subscriptions included.
 */
MQTTLINK_API mqttlink_status mqttlink_topic_check_filter(const char *filter);

/**
 * Whether messages with this topic name go to a subscription with this filter. Checks both. For a
 * shared subscription `$share/NAME/FILTER` the filter behind the name counts.
 */
MQTTLINK_API
mqttlink_status mqttlink_topic_matches(const char *filter,
                                       const char *name,
                                       bool *matches);

/**
 * Begins to set up brokers. Without `mqttlink_broker_options_listen` a broker takes clients inside the
 * process only: see `mqttlink_options_new_in_process`.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_options_new(struct mqttlink_broker_options **options);

/**
 * Begins to set up brokers for tests: they listen on a free port of 127.0.0.1 beside other addresses,
 * keep their last 10,000 packets, choose the same client identifiers every time, and have the functions
 * that say so: waiting for clients, faults, virtual time, transcripts.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_options_new_for_test(struct mqttlink_broker_options **options);

/**
 * Frees options. Brokers that were started with them stay as they are. NULL is allowed.
 */
MQTTLINK_API void mqttlink_broker_options_free(struct mqttlink_broker_options *options);

/**
 * Lets time stand still in brokers for tests, but for `mqttlink_broker_advance`, so that what takes hours
 * in a broker (keep alive, expiry, will delay) takes no time in a test. Default: real time.
 *
 * `MQTTLINK_ERROR_INVALID_STATE` if the options are not for tests.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_options_set_virtual_time(struct mqttlink_broker_options *options,
                                                         bool wanted);

/**
 * Listens on an address and port: "127.0.0.1:1883", "[::1]:0", "localhost:0", which stands for all
 * addresses that the machine has for the name. Port 0 lets the system choose; `mqttlink_broker_port` tells
 * which. May be called several times. The address is looked up by `mqttlink_broker_start`.
 *
 * `tls` is NULL for a listener without TLS; it is copied.
 *
 * Without a function that authenticates, and without client certificates that are required, only
 * addresses that cannot be reached from other machines are taken, unless
 * `MQTTLINK_BROKER_ALLOW_ANONYMOUS` says otherwise.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_options_listen(struct mqttlink_broker_options *options,
                                               const char *address,
                                               const struct mqttlink_server_tls *tls);

/**
 * Whether a protocol version, a `mqttlink_protocol`, is spoken. Default: all are.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_options_allow_version(struct mqttlink_broker_options *options,
                                                      int32_t version,
                                                      bool allowed);

/**
 * Whether a protocol version, a `mqttlink_protocol`, is spoken on the address of the last call of
 * `mqttlink_broker_options_listen`; a client of another one is refused, in MQTT 5.0 with "unsupported protocol
 * version" and before with return code 1. Default: those of `mqttlink_broker_options_allow_version`.
 *
 * `MQTTLINK_ERROR_INVALID_STATE` if there was no such call.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_options_allow_version_there(struct mqttlink_broker_options *options,
                                                            int32_t version,
                                                            bool allowed);

/**
 * What a client is told that asks for response information: commonly the beginning of topics for answers;
 * NULL is nothing. MQTT 5.0 only. Default: nothing.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_options_set_response_information(struct mqttlink_broker_options *options,
                                                                 const char *information);

/**
 * Sets one of the numbers, a `mqttlink_broker_setting`. `MQTTLINK_ERROR_NUMBER` if there is no such
 * setting, or if it cannot be this number.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_options_set(struct mqttlink_broker_options *options,
                                            int32_t setting,
                                            uint64_t number);

/**
 * What one of the numbers is. `MQTTLINK_ERROR_NOT_FOUND` for a seed that was not set.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_options_get(const struct mqttlink_broker_options *options,
                                            int32_t setting,
                                            uint64_t *number);

/**
 * TLS with the broker's certificate, followed by those that lead to its authority, and its private key,
 * both in PEM files. They are read by `mqttlink_broker_start`, which reports errors in them.
 */
MQTTLINK_API
mqttlink_status mqttlink_server_tls_new(const char *certificate_path,
                                        const char *key_path,
                                        struct mqttlink_server_tls **tls);

/**
 * As `mqttlink_server_tls_new`, with PEM from memory.
 */
MQTTLINK_API
mqttlink_status mqttlink_server_tls_new_from_memory(const void *certificate,
                                                    size_t certificate_len,
                                                    const void *key,
                                                    size_t key_len,
                                                    struct mqttlink_server_tls **tls);

/**
 * Frees TLS settings. NULL is allowed.
 */
MQTTLINK_API void mqttlink_server_tls_free(struct mqttlink_server_tls *tls);

/**
 * Asks clients for a certificate and takes those that this authority has signed; a PEM file.
 */
MQTTLINK_API
mqttlink_status mqttlink_server_tls_add_client_authority_file(struct mqttlink_server_tls *tls,
                                                              const char *path);

/**
 * Asks clients for a certificate and takes those that this authority has signed; PEM.
 */
MQTTLINK_API
mqttlink_status mqttlink_server_tls_add_client_authority(struct mqttlink_server_tls *tls,
                                                         const void *data,
                                                         size_t len);

/**
 * Whether a client without a certificate is refused. Default: false; the function that authenticates
 * sees whether there is one.
 */
MQTTLINK_API
mqttlink_status mqttlink_server_tls_require_client_certificate(struct mqttlink_server_tls *tls,
                                                               bool required);

/**
 * The oldest version that is spoken: a `mqttlink_tls_version`. Default: `MQTTLINK_TLS_1_2`.
 */
MQTTLINK_API
mqttlink_status mqttlink_server_tls_set_min_version(struct mqttlink_server_tls *tls,
                                                    int32_t version);

/**
 * The client identifier, which the broker may have chosen. NULL only for NULL.
 */
MQTTLINK_API const char *mqttlink_peer_client_id(const struct mqttlink_peer *peer);

/**
 * Who the client is: what `mqttlink_reply_set_user` said, else the user name; NULL if there is neither.
 */
MQTTLINK_API
const char *mqttlink_peer_user(const struct mqttlink_peer *peer);

/**
 * The password, and in `len`, which may be NULL, how many bytes it has. It may hold any byte, and no NUL
 * follows it. NULL if there is none, and in every callback but those that authenticate.
 */
MQTTLINK_API
const void *mqttlink_peer_password(const struct mqttlink_peer *peer,
                                   size_t *len);

/**
 * The protocol version: a `mqttlink_protocol`. 0 for NULL.
 */
MQTTLINK_API int32_t mqttlink_peer_version(const struct mqttlink_peer *peer);

/**
 * The client's address and port: "127.0.0.1:50000". NULL for a client inside the process.
 */
MQTTLINK_API const char *mqttlink_peer_address(const struct mqttlink_peer *peer);

/**
 * The subject of the certificate with which the client proved who it is: "CN=name,O=organisation". NULL
 * if it has none.
 */
MQTTLINK_API
const char *mqttlink_peer_certificate_subject(const struct mqttlink_peer *peer);

/**
 * The common name of that subject; NULL if there is none.
 */
MQTTLINK_API const char *mqttlink_peer_certificate_common_name(const struct mqttlink_peer *peer);

/**
 * The certificate itself, in DER, and in `len`, which may be NULL, how many bytes it has. NULL if there is
 * none.
 */
MQTTLINK_API
const void *mqttlink_peer_certificate(const struct mqttlink_peer *peer,
                                      size_t *len);

/**
 * The properties of CONNECT, the authentication method among them; an empty list before MQTT 5.0, and in
 * every callback but those that authenticate. NULL only for NULL.
 */
MQTTLINK_API
const struct mqttlink_properties *mqttlink_peer_properties(const struct mqttlink_peer *peer);

/**
 * Asks a function who may connect. NULL takes it away again. Default: everybody may.
 *
 * A client with an authentication method is carried through by the functions of
 * `mqttlink_broker_options_on_exchange`.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_options_on_authenticate(struct mqttlink_broker_options *options,
                                                        mqttlink_authenticate_fn callback,
                                                        void *user,
                                                        mqttlink_free_fn free_user);

/**
 * Asks a function who may publish, subscribe and be given what. NULL takes it away again. Default:
 * everybody may everything.
 *
 * In MQTT 5.0 a client is told "not authorized". Before, a message that may not be published is
 * acknowledged and dropped; see `MQTTLINK_BROKER_DISCONNECT_ON_REFUSED_PUBLISH`.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_options_on_authorize(struct mqttlink_broker_options *options,
                                                     mqttlink_authorize_fn callback,
                                                     void *user,
                                                     mqttlink_free_fn free_user);

/**
 * Shows a function every message that a client publishes. NULL takes it away again.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_options_on_intercept(struct mqttlink_broker_options *options,
                                                     mqttlink_intercept_fn callback,
                                                     void *user,
                                                     mqttlink_free_fn free_user);

/**
 * In a broker's authentication: says who the client is, for the other callbacks and the events. Default:
 * its user name. It has no meaning in a client's.
 */
MQTTLINK_API
mqttlink_status mqttlink_reply_set_user(struct mqttlink_reply *reply,
                                        const char *user);

/**
 * Carries clients with an authentication method through their exchange: SCRAM, Kerberos, or a scheme of
 * one's own (section 4.12). MQTT 5.0 only. `begin` is called with `user`, `step` with the pointer that
 * `begin` gave; `free_exchange`, which may be NULL, frees that pointer when the exchange is over. `begin`
 * NULL takes all of them away again.
 *
 * If there is no function for `mqttlink_broker_options_on_authenticate`, clients without a method are
 * refused.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_options_on_exchange(struct mqttlink_broker_options *options,
                                                    mqttlink_exchange_begin_fn begin,
                                                    mqttlink_exchange_step_fn step,
                                                    mqttlink_free_fn free_exchange,
                                                    void *user,
                                                    mqttlink_free_fn free_user);

/**
 * Changes the topic name. `MQTTLINK_ERROR_INVALID_TOPIC` if it breaks the rules.
 */
MQTTLINK_API
mqttlink_status mqttlink_draft_set_topic(struct mqttlink_draft *draft,
                                         const char *topic);

/**
 * Changes the payload, which is copied.
 */
MQTTLINK_API
mqttlink_status mqttlink_draft_set_payload(struct mqttlink_draft *draft,
                                           const void *payload,
                                           size_t len);

/**
 * Changes the quality of service at which the message goes on, 0 to 2. The exchange with its publisher is
 * the one it began.
 */
MQTTLINK_API
mqttlink_status mqttlink_draft_set_qos(struct mqttlink_draft *draft,
                                       int32_t qos);

/**
 * Changes whether the message is kept for later subscribers.
 */
MQTTLINK_API mqttlink_status mqttlink_draft_set_retain(struct mqttlink_draft *draft, bool retain);

/**
 * Puts other properties in the place of all that there are; NULL takes all away. Those that do not belong
 * to a message are left out on the way.
 */
MQTTLINK_API
mqttlink_status mqttlink_draft_set_properties(struct mqttlink_draft *draft,
                                              const struct mqttlink_properties *properties);

/**
 * Has a function told what happens. When 65,536 events wait for it, further ones are left out and counted
 * in `mqttlink_broker_counters`. NULL takes it away again.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_options_on_event(struct mqttlink_broker_options *options,
                                                 mqttlink_broker_event_fn callback,
                                                 void *user,
                                                 mqttlink_free_fn free_user);

/**
 * Starts a broker. Host names are looked up, addresses listened on and certificates read; it does not wait
 * for anything else. The options may be freed or used again. It is freed with `mqttlink_broker_free`.
 *
 * `MQTTLINK_ERROR_LISTEN_FAILED` if an address cannot be listened on; `MQTTLINK_ERROR_TLS_CERTIFICATE` and
 * its like if a file cannot be used; `MQTTLINK_ERROR_INVALID_ARGUMENT` if an address could be reached from
 * other machines although nobody asks who connects; `MQTTLINK_ERROR_RESOURCES`.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_start(const struct mqttlink_broker_options *options,
                                      struct mqttlink_broker **broker);

/**
 * Stops a broker if it runs, and frees it, at any moment, on any thread, also inside its own callbacks.
 * NULL is allowed; a second time does nothing.
 *
 * As `mqttlink_broker_stop` with a second. When it returns, none of the broker's callbacks runs any more or
 * will: it waits for those that run on other threads, except inside one of them.
 */
MQTTLINK_API
void mqttlink_broker_free(struct mqttlink_broker *broker);

/**
 * Stops a broker: its addresses are free, clients are told ("server shutting down" in MQTT 5.0) and
 * disconnected, wills are not published. Clients that do not take what is left for them are given so many
 * milliseconds, and so are callbacks; one that still runs a moment later is left to itself.
 * `MQTTLINK_DEFAULT` is a second. Succeeds at once if the broker has stopped already, and inside one of its
 * own callbacks without waiting.
 *
 * What needs a broker that runs then fails with `MQTTLINK_ERROR_BROKER_STOPPED`.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_stop(struct mqttlink_broker *broker,
                                     int64_t timeout_ms);

/**
 * The port of the first address on which the broker listens; 0 if there is none, for NULL and for a freed
 * broker.
 */
MQTTLINK_API
uint16_t mqttlink_broker_port(const struct mqttlink_broker *broker);

/**
 * On how many addresses the broker listens. 0 for NULL and for a freed broker.
 */
MQTTLINK_API size_t mqttlink_broker_address_count(const struct mqttlink_broker *broker);

/**
 * The address at a place, from 0, with the port that the system chose: "127.0.0.1:40123", in the order of
 * `mqttlink_broker_options_listen`; a broker for tests has its own first. NULL behind the last one. Lives
 * until the broker is freed.
 */
MQTTLINK_API
const char *mqttlink_broker_address(const struct mqttlink_broker *broker,
                                    size_t index);

/**
 * Begins to set up clients that reach a broker in this process without a socket; otherwise as
 * `mqttlink_options_new`. Once the broker has stopped, connecting fails.
 */
MQTTLINK_API
mqttlink_status mqttlink_options_new_in_process(const struct mqttlink_broker *broker,
                                                struct mqttlink_options **options);

/**
 * Publishes a message in the program's own name, to clients and to `mqttlink_broker_subscribe`. No callback
 * is asked about it. Waits only while 65,536 such messages wait to be routed.
 *
 * The arguments are those of `mqttlink_client_publish`.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_publish(struct mqttlink_broker *broker,
                                        const char *topic,
                                        const void *payload,
                                        size_t len,
                                        int32_t qos,
                                        bool retain,
                                        const struct mqttlink_properties *properties);

/**
 * Calls a function once for each client that is connected, on this thread, before it returns. It may call
 * everything.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_each_client(struct mqttlink_broker *broker,
                                            mqttlink_peer_fn callback,
                                            void *user);

/**
 * Ends the connection of a client, in MQTT 5.0 with this `mqttlink_reason`. `found`, which may be NULL, is
 * whether it was connected.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_disconnect(struct mqttlink_broker *broker,
                                           const char *client_id,
                                           int32_t reason,
                                           bool *found);

/**
 * Calls a function once for each session of a client, connected or not, on this thread, before it returns.
 * It may call everything. Looking at 100,000 takes the broker's thread some tens of milliseconds.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_each_session(struct mqttlink_broker *broker,
                                             mqttlink_session_fn callback,
                                             void *user);

/**
 * Calls a function once with the session of a client, as `mqttlink_broker_each_session`.
 * `MQTTLINK_ERROR_NOT_FOUND` if there is none.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_session(struct mqttlink_broker *broker,
                                        const char *client_id,
                                        mqttlink_session_fn callback,
                                        void *user);

/**
 * Calls a function once for each subscription of a client, in no order, on this thread, before it returns.
 * It may call everything. A client that is not known has none.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_each_subscription(struct mqttlink_broker *broker,
                                                  const char *client_id,
                                                  mqttlink_subscribed_fn callback,
                                                  void *user);

/**
 * Ends the session of a client: if it is connected, its connection is closed, in MQTT 5.0 with
 * "administrative action"; its will is published (section 3.1.2.5); its subscriptions and what waits for it
 * are gone. It may connect again, and gets a new session. `found`, which may be NULL, is whether there was
 * one.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_delete_session(struct mqttlink_broker *broker,
                                               const char *client_id,
                                               bool *found);

/**
 * What the broker has counted and what it holds; when it has stopped, what it had counted and held then.
 * `size` is `sizeof(mqttlink_broker_counters)` of the program, which may be older or newer than the library:
 * see "Versions" in the contract.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_statistics(const struct mqttlink_broker *broker,
                                           struct mqttlink_broker_counters *counters,
                                           size_t size);

/**
 * Subscribes the program itself to a filter. A callback gets the messages on a thread of its own; without
 * one, NULL, they wait for `mqttlink_broker_subscription_receive`. At most 65,536 wait; further ones are
 * dropped and counted in `mqttlink_broker_counters`. The retained messages that match wait for room. None
 * comes behind a newer message of its topic; where that one finds no room, it is dropped with it. No other
 * callback is asked about it.
 *
 * Waits for the broker's thread, which takes no time.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_subscribe(struct mqttlink_broker *broker,
                                          const char *filter,
                                          mqttlink_broker_message_fn callback,
                                          void *user,
                                          mqttlink_free_fn free_user,
                                          struct mqttlink_broker_subscription **subscription);

/**
 * Waits for the next message, for at most so many milliseconds; 0 does not wait. Several threads may wait;
 * each message goes to one of them. It is freed with `mqttlink_message_free`.
 *
 * `MQTTLINK_ERROR_TIMEOUT_RECEIVE` if none came in time; in a broker for tests its text shows the last
 * packets. `MQTTLINK_ERROR_BROKER_STOPPED`; `MQTTLINK_ERROR_INVALID_STATE` if there is a callback, and
 * in a callback that must not wait if there is no message.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_subscription_receive(struct mqttlink_broker_subscription *subscription,
                                                     int64_t timeout_ms,
                                                     struct mqttlink_message **message);

/**
 * Ends a subscription, at any moment, also inside its own callback and after its broker was freed. When it
 * returns, the callback does not run any more; inside the callback, that one is the last, and inside a
 * callback that must not wait it may still run for a moment. No other thread may be waiting in it. NULL is
 * allowed.
 */
MQTTLINK_API
void mqttlink_broker_subscription_free(struct mqttlink_broker_subscription *subscription);

/**
 * Waits until a client with this identifier is connected, at most so many milliseconds;
 * `MQTTLINK_DEFAULT` is 5 s. It succeeds at once if it is connected already. Only in a broker for tests:
 * see `mqttlink_broker_options_new_for_test`; in others `MQTTLINK_ERROR_INVALID_STATE`.
 *
 * `MQTTLINK_ERROR_TIMEOUT_RECEIVE` if it did not come in time; the text shows the last packets.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_wait_for_client(struct mqttlink_broker *broker,
                                                const char *client_id,
                                                int64_t timeout_ms);

/**
 * Waits until no client with this identifier is connected; otherwise as
 * `mqttlink_broker_wait_for_client`.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_wait_for_client_to_go(struct mqttlink_broker *broker,
                                                      const char *client_id,
                                                      int64_t timeout_ms);

/**
 * Waits until a client is subscribed to exactly this filter; otherwise as
 * `mqttlink_broker_wait_for_client`.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_wait_for_subscription(struct mqttlink_broker *broker,
                                                      const char *client_id,
                                                      const char *filter,
                                                      int64_t timeout_ms);

/**
 * Moves the time of a broker with virtual time on by so many milliseconds; every timer that falls into
 * them fires at its moment, in order. Only in a broker for tests.
 *
 * `MQTTLINK_ERROR_INVALID_STATE` if the broker runs in real time: see
 * `mqttlink_broker_options_set_virtual_time`.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_advance(struct mqttlink_broker *broker,
                                        uint64_t milliseconds);

/**
 * Makes something go wrong on the connections of a client, from its next CONNECT on; "*" stands for every
 * client. `fault` is a `mqttlink_connection_fault`, which says what `number` means. Several faults add up.
 * Only in a broker for tests.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_break_connection(struct mqttlink_broker *broker,
                                                 const char *client_id,
                                                 int32_t fault,
                                                 uint64_t number);

/**
 * Makes something go wrong with messages whose topic matches a filter. `fault` is a
 * `mqttlink_message_fault`, which says what `number` means. Only in a broker for tests.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_break_messages(struct mqttlink_broker *broker,
                                               const char *filter,
                                               int32_t fault,
                                               uint64_t number);

/**
 * Takes back all faults. Connections that have one keep it. Only in a broker for tests.
 */
MQTTLINK_API mqttlink_status mqttlink_broker_repair(struct mqttlink_broker *broker);

/**
 * The last 10,000 packets of all connections, oldest first. Only in a broker for tests.
 */
MQTTLINK_API
mqttlink_status mqttlink_broker_transcript(const struct mqttlink_broker *broker,
                                           struct mqttlink_transcript **transcript);

/**
 * How many packets the transcript has. 0 for NULL.
 */
MQTTLINK_API size_t mqttlink_transcript_count(const struct mqttlink_transcript *transcript);

/**
 * Shows the packet at a place, from 0. `MQTTLINK_ERROR_NOT_FOUND` behind the last one.
 */
MQTTLINK_API
mqttlink_status mqttlink_transcript_at(const struct mqttlink_transcript *transcript,
                                       size_t index,
                                       struct mqttlink_recorded *packet);

/**
 * Frees a transcript. NULL is allowed.
 */
MQTTLINK_API void mqttlink_transcript_free(struct mqttlink_transcript *transcript);

/**
 * Begins to listen. `MQTTLINK_ERROR_CONNECTION_LOST` if the system gives no port.
 */
MQTTLINK_API mqttlink_status mqttlink_script_start(struct mqttlink_script **script);

/**
 * The port on which it listens. 0 for NULL.
 */
MQTTLINK_API uint16_t mqttlink_script_port(const struct mqttlink_script *script);

/**
 * Waits for a client, at most so many milliseconds; `MQTTLINK_DEFAULT` is 5 s. `version`, a
 * `mqttlink_protocol`, is what the client speaks. `MQTTLINK_ERROR_TIMEOUT_RECEIVE` if none came.
 */
MQTTLINK_API
mqttlink_status mqttlink_script_accept(struct mqttlink_script *script,
                                       int32_t version,
                                       int64_t timeout_ms,
                                       struct mqttlink_script_connection **connection);

/**
 * Sends exactly these bytes.
 */
MQTTLINK_API
mqttlink_status mqttlink_script_connection_send(struct mqttlink_script_connection *connection,
                                                const void *data,
                                                size_t len);

/**
 * Waits for as many bytes as these, which they must be.
 */
MQTTLINK_API
mqttlink_status mqttlink_script_connection_expect(struct mqttlink_script_connection *connection,
                                                  const void *data,
                                                  size_t len);

/**
 * Waits for a packet, and shows it as one line of text that begins with its name, without payload, password
 * and authentication data. The line lives until the next call of this function with this connection.
 */
MQTTLINK_API
mqttlink_status mqttlink_script_connection_expect_packet(struct mqttlink_script_connection *connection,
                                                         const char **line);

/**
 * Waits until the client has closed the connection, without another byte.
 */
MQTTLINK_API
mqttlink_status mqttlink_script_connection_expect_end(struct mqttlink_script_connection *connection);

/**
 * Closes a connection. NULL is allowed.
 */
MQTTLINK_API void mqttlink_script_connection_free(struct mqttlink_script_connection *connection);

/**
 * Ends the listener; its connections stay. No other thread may be in `mqttlink_script_accept`. NULL is
 * allowed.
 */
MQTTLINK_API
void mqttlink_script_free(struct mqttlink_script *script);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MQTTLINK_H */
