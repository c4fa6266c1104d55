//! mqttlink_status codes: what every function that can fail returns.

#![allow(dead_code, reason = "they are for C: only the header mentions all of them")]

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::OnceLock;

use super::guard;
use crate::ErrorCode;

/// What a call came to. Numbers never change their meaning and are never used again; later versions
/// may add some. 0 is success; 1 to 99 are mistakes in using the C interface; 100 to 199 are
/// arguments that cannot be used; 200 to 299 the client's state; 300 to 399 deadlines; 400 to 499 the
/// network; 500 to 599 refusals by the server; 600 to 699 ends of the connection; 700 to 799 limits
/// that the server announced; 800 to 899 messages that were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum mqttlink_status {
    /// Success.
    MQTTLINK_OK = 0,
    /// An argument is NULL that must not be. The message names it.
    MQTTLINK_ERROR_NULL = 1,
    /// A string is not UTF-8. The message names it.
    MQTTLINK_ERROR_UTF8 = 2,
    /// A number is not one of those that the argument can be. The message names it.
    MQTTLINK_ERROR_NUMBER = 3,
    /// The client or broker has been freed.
    MQTTLINK_ERROR_FREED = 4,
    /// A bug in mqttlink: it panicked. The state of the handle is unknown; free it.
    MQTTLINK_ERROR_PANIC = 5,
    /// The client or broker was made before fork(), and this is the child. Make another one here.
    MQTTLINK_ERROR_FORKED = 6,
    /// What was asked for is not there.
    MQTTLINK_ERROR_NOT_FOUND = 7,
    /// The URL cannot be used.
    MQTTLINK_ERROR_INVALID_URL = 100,
    /// A topic name breaks the rules.
    MQTTLINK_ERROR_INVALID_TOPIC = 101,
    /// A topic filter breaks the rules.
    MQTTLINK_ERROR_INVALID_FILTER = 102,
    /// A property has a value it cannot have, or stands where it does not belong.
    MQTTLINK_ERROR_INVALID_PROPERTY = 103,
    /// Another argument cannot be used.
    MQTTLINK_ERROR_INVALID_ARGUMENT = 104,
    /// The protocol version of the connection cannot express it.
    MQTTLINK_ERROR_NOT_IN_VERSION = 105,
    /// The packet would be larger than the protocol allows.
    MQTTLINK_ERROR_PACKET_TOO_LARGE = 106,
    /// A CA certificate cannot be used.
    MQTTLINK_ERROR_TLS_AUTHORITY = 110,
    /// The client certificate cannot be used.
    MQTTLINK_ERROR_TLS_CERTIFICATE = 111,
    /// The client key cannot be used.
    MQTTLINK_ERROR_TLS_KEY = 112,
    /// The TLS library does not take the settings.
    MQTTLINK_ERROR_TLS_SETUP = 113,
    /// There is no connection.
    MQTTLINK_ERROR_NOT_CONNECTED = 200,
    /// There is a connection already.
    MQTTLINK_ERROR_ALREADY_CONNECTED = 201,
    /// Another call is connecting.
    MQTTLINK_ERROR_ALREADY_CONNECTING = 202,
    /// As many messages are in flight as may be.
    MQTTLINK_ERROR_WINDOW_FULL = 203,
    /// The outgoing buffer is full.
    MQTTLINK_ERROR_BUFFER_FULL = 204,
    /// All 65,535 packet identifiers are in use.
    MQTTLINK_ERROR_NO_PACKET_ID = 205,
    /// The client was closed while the call waited.
    MQTTLINK_ERROR_CLOSED = 206,
    /// This build does not have it.
    MQTTLINK_ERROR_NOT_SUPPORTED = 207,
    /// The call makes no sense in this state.
    MQTTLINK_ERROR_INVALID_STATE = 208,
    /// The system gave no thread or socket.
    MQTTLINK_ERROR_RESOURCES = 209,
    /// The source of a streamed payload failed.
    MQTTLINK_ERROR_PAYLOAD_SOURCE = 210,
    /// What the call waits for waits for the callback it is made in, or is behind messages that do.
    MQTTLINK_ERROR_WOULD_DEADLOCK = 211,
    /// The broker has stopped.
    MQTTLINK_ERROR_BROKER_STOPPED = 212,
    /// `mqttlink_client_interrupt` woke the call. The connection is as it was.
    MQTTLINK_ERROR_INTERRUPTED = 213,
    /// The deadline came while the host name was looked up.
    MQTTLINK_ERROR_TIMEOUT_DNS = 300,
    /// The deadline came while the socket was connected.
    MQTTLINK_ERROR_TIMEOUT_TCP = 301,
    /// The deadline came while TLS was negotiated.
    MQTTLINK_ERROR_TIMEOUT_TLS = 302,
    /// The deadline came before CONNACK.
    MQTTLINK_ERROR_TIMEOUT_CONNACK = 303,
    /// The deadline came before there was room to publish.
    MQTTLINK_ERROR_TIMEOUT_ROOM = 304,
    /// The deadline came before the acknowledgement.
    MQTTLINK_ERROR_TIMEOUT_ACK = 305,
    /// The deadline came before everything was sent.
    MQTTLINK_ERROR_TIMEOUT_DRAIN = 306,
    /// The deadline came before a message.
    MQTTLINK_ERROR_TIMEOUT_RECEIVE = 307,
    /// The host name could not be looked up.
    MQTTLINK_ERROR_HOST_NOT_FOUND = 400,
    /// The host name has no address that could be used.
    MQTTLINK_ERROR_NO_ADDRESS = 401,
    /// No address could be connected.
    MQTTLINK_ERROR_CONNECT_FAILED = 402,
    /// TLS was not negotiated, or the server refused the client's certificate.
    MQTTLINK_ERROR_TLS_HANDSHAKE = 403,
    /// The system reported an error of the connection.
    MQTTLINK_ERROR_CONNECTION_LOST = 404,
    /// The server closed the connection without a word.
    MQTTLINK_ERROR_CONNECTION_CLOSED = 405,
    /// TLS ended with an alert, or with bytes that cannot be decrypted.
    MQTTLINK_ERROR_TLS_FAILED = 406,
    /// An address could not be listened on.
    MQTTLINK_ERROR_LISTEN_FAILED = 407,
    /// The server refused the connection.
    MQTTLINK_ERROR_REFUSED = 500,
    /// The server ended the connection with DISCONNECT.
    MQTTLINK_ERROR_SERVER_DISCONNECTED = 501,
    /// The server refused the message.
    MQTTLINK_ERROR_PUBLISH_REFUSED = 502,
    /// The server refused a subscription.
    MQTTLINK_ERROR_SUBSCRIBE_REFUSED = 503,
    /// The server refused to end a subscription.
    MQTTLINK_ERROR_UNSUBSCRIBE_REFUSED = 504,
    /// The authenticator gave up.
    MQTTLINK_ERROR_AUTHENTICATION_FAILED = 505,
    /// The server broke the protocol.
    MQTTLINK_ERROR_PROTOCOL_VIOLATION = 600,
    /// The server is silent.
    MQTTLINK_ERROR_KEEP_ALIVE_TIMEOUT = 601,
    /// The server takes no messages of this QoS.
    MQTTLINK_ERROR_MAXIMUM_QOS = 700,
    /// The server keeps no retained messages.
    MQTTLINK_ERROR_RETAIN_NOT_AVAILABLE = 701,
    /// The server takes no packets of this size.
    MQTTLINK_ERROR_MAXIMUM_PACKET_SIZE = 702,
    /// The server has no wildcard subscriptions.
    MQTTLINK_ERROR_WILDCARD_NOT_AVAILABLE = 703,
    /// The server has no shared subscriptions.
    MQTTLINK_ERROR_SHARED_NOT_AVAILABLE = 704,
    /// The server has no subscription identifiers.
    MQTTLINK_ERROR_SUBSCRIPTION_ID_NOT_AVAILABLE = 705,
    /// The message was given up because the server lost the session.
    MQTTLINK_ERROR_SESSION_LOST = 800,
    /// The message was given up because its payload came from a stream that was interrupted.
    MQTTLINK_ERROR_STREAM_INTERRUPTED = 801,
    /// The message was never sent: the connection ended first.
    MQTTLINK_ERROR_NOT_SENT = 802,
}

const OWN: [(mqttlink_status, &str); 8] = [
    (mqttlink_status::MQTTLINK_OK, "success"),
    (mqttlink_status::MQTTLINK_ERROR_NULL, "an argument is NULL"),
    (mqttlink_status::MQTTLINK_ERROR_UTF8, "a string is not UTF-8"),
    (mqttlink_status::MQTTLINK_ERROR_NUMBER, "a number is out of range"),
    (mqttlink_status::MQTTLINK_ERROR_FREED, "the client or broker has been freed"),
    (mqttlink_status::MQTTLINK_ERROR_PANIC, "a bug in mqttlink: it panicked"),
    (mqttlink_status::MQTTLINK_ERROR_FORKED, "the client or broker belongs to the parent process"),
    (mqttlink_status::MQTTLINK_ERROR_NOT_FOUND, "there is no such thing"),
];

impl mqttlink_status {
    /// The status of an error that comes from the Rust interface.
    pub(super) const fn of(code: ErrorCode) -> Self {
        // SAFETY: both are `repr(i32)`, and a test holds that each code is a status.
        unsafe { std::mem::transmute::<ErrorCode, Self>(code) }
    }

    pub(super) fn text(self) -> &'static str {
        let own = OWN.iter().find(|(status, _)| *status == self).map(|(_, text)| *text);
        own.or_else(|| code(self as i32).map(ErrorCode::text)).unwrap_or_default()
    }
}

fn code(number: i32) -> Option<ErrorCode> {
    ErrorCode::ALL.iter().copied().find(|code| code.number() == number)
}

/// A short English text for a status: one line, without a full stop. NULL for a number that is none.
/// Lives as long as the library.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_status_text(status: i32) -> *const c_char {
    static TEXTS: OnceLock<Vec<(i32, CString)>> = OnceLock::new();
    guard::or(ptr::null(), || {
        let texts = TEXTS.get_or_init(|| {
            let own = OWN.iter().map(|(status, text)| (*status as i32, *text));
            let codes = ErrorCode::ALL.iter().map(|code| (code.number(), code.text()));
            own.chain(codes).map(|(number, text)| (number, super::pointer::c_text(text))).collect()
        });
        let found = texts.iter().find(|(number, _)| *number == status);
        found.map_or(ptr::null(), |(_, text)| text.as_ptr())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `NotInVersion` is `MQTTLINK_ERROR_NOT_IN_VERSION`.
    fn c_name(code: ErrorCode) -> String {
        let name = format!("{code:?}").replace("QoS", "Qos").replace("ConnAck", "Connack");
        let words = name.chars().flat_map(|letter| {
            let gap = letter.is_uppercase().then_some('_');
            gap.into_iter().chain(letter.to_uppercase())
        });
        format!("MQTTLINK_ERROR{}", words.collect::<String>())
    }

    #[test]
    fn each_code_is_a_status_of_the_same_number_and_name() {
        let source = include_str!("status.rs");
        for code in ErrorCode::ALL {
            let line = format!("    {} = {},\n", c_name(*code), code.number());
            assert!(source.contains(&line), "{line}");
            assert_eq!(mqttlink_status::of(*code) as i32, code.number());
            assert!(!mqttlink_status::of(*code).text().is_empty());
        }
    }
}
