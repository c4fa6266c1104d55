//! The numbers that C passes in and gets out, by name.
//!
//! They go in as `int32_t` and are checked, because C may pass any number; they come out as the enum.

#![allow(dead_code, reason = "they are for C: only the header mentions all of them")]

use std::ffi::c_char;
use std::ptr;
use std::sync::OnceLock;
use std::time::Duration;

use super::guard::{self, Failure};
use super::status::mqttlink_status;
use crate::{
    Acknowledge, Direction, PropertyId, QoS, ReasonCode, RetainHandling, Stage, Version,
    client::Status as State,
};

/// No deadline, where a function takes milliseconds.
pub const MQTTLINK_FOREVER: i64 = -1;

/// The client's own deadline, where a function takes milliseconds.
pub const MQTTLINK_DEFAULT: i64 = -2;

/// Where something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum mqttlink_stage {
    /// In this process: an argument, the client's state, a limit of the system.
    MQTTLINK_STAGE_LOCAL = 0,
    /// Looking up the host name.
    MQTTLINK_STAGE_DNS = 1,
    /// On the socket.
    MQTTLINK_STAGE_TCP = 2,
    /// In TLS: its settings, its handshake, its alerts.
    MQTTLINK_STAGE_TLS = 3,
    /// In MQTT: the server refused, or broke the protocol.
    MQTTLINK_STAGE_MQTT = 4,
}

impl From<Stage> for mqttlink_stage {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Local => Self::MQTTLINK_STAGE_LOCAL,
            Stage::Dns => Self::MQTTLINK_STAGE_DNS,
            Stage::Tcp => Self::MQTTLINK_STAGE_TCP,
            Stage::Tls => Self::MQTTLINK_STAGE_TLS,
            Stage::Mqtt => Self::MQTTLINK_STAGE_MQTT,
        }
    }
}

/// Where a client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum mqttlink_state {
    /// There is no connection.
    MQTTLINK_DISCONNECTED = 0,
    /// A connection is being made.
    MQTTLINK_CONNECTING = 1,
    /// The server has accepted the connection.
    MQTTLINK_CONNECTED = 2,
    /// The connection is being ended.
    MQTTLINK_DISCONNECTING = 3,
}

impl From<State> for mqttlink_state {
    fn from(state: State) -> Self {
        match state {
            State::Disconnected => Self::MQTTLINK_DISCONNECTED,
            State::Connecting => Self::MQTTLINK_CONNECTING,
            State::Connected => Self::MQTTLINK_CONNECTED,
            State::Disconnecting => Self::MQTTLINK_DISCONNECTING,
        }
    }
}

/// Quality of service.
#[repr(i32)]
pub enum mqttlink_qos {
    /// QoS 0: sent once, lost if the connection breaks.
    MQTTLINK_AT_MOST_ONCE = 0,
    /// QoS 1: sent until acknowledged, may arrive more than once.
    MQTTLINK_AT_LEAST_ONCE = 1,
    /// QoS 2: arrives exactly once while the session lives.
    MQTTLINK_EXACTLY_ONCE = 2,
}

/// Protocol versions, by the level in CONNECT.
#[repr(i32)]
pub enum mqttlink_protocol {
    /// MQTT 3.1.
    MQTTLINK_MQTT_3_1 = 3,
    /// MQTT 3.1.1.
    MQTTLINK_MQTT_3_1_1 = 4,
    /// MQTT 5.0.
    MQTTLINK_MQTT_5 = 5,
}

/// When messages of QoS 1 and 2 are acknowledged.
#[repr(i32)]
pub enum mqttlink_acknowledge {
    /// As soon as they are received. What has not been handled when the process dies is lost.
    MQTTLINK_ON_RECEIPT = 0,
    /// When the handler has returned, or the message from `mqttlink_client_receive` is freed.
    MQTTLINK_WHEN_HANDLED = 1,
    /// By `mqttlink_message_acknowledge` or a `mqttlink_acknowledger`.
    MQTTLINK_MANUALLY = 2,
}

/// Which retained messages a subscription brings at once.
#[repr(i32)]
pub enum mqttlink_retain_handling {
    /// All that match.
    MQTTLINK_RETAIN_SEND = 0,
    /// All that match, unless there is such a subscription already.
    MQTTLINK_RETAIN_SEND_IF_NEW = 1,
    /// None.
    MQTTLINK_RETAIN_DO_NOT_SEND = 2,
}

/// Which way a packet went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum mqttlink_direction {
    /// From the server.
    MQTTLINK_RECEIVED = 0,
    /// To the server.
    MQTTLINK_SENT = 1,
}

impl From<Direction> for mqttlink_direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Received => Self::MQTTLINK_RECEIVED,
            Direction::Sent => Self::MQTTLINK_SENT,
        }
    }
}

/// Versions of TLS.
#[repr(i32)]
pub enum mqttlink_tls_version {
    /// TLS 1.0, which is broken; for equipment that has nothing newer.
    MQTTLINK_TLS_1_0 = 10,
    /// TLS 1.1, which is broken; for equipment that has nothing newer.
    MQTTLINK_TLS_1_1 = 11,
    /// TLS 1.2.
    MQTTLINK_TLS_1_2 = 12,
    /// TLS 1.3.
    MQTTLINK_TLS_1_3 = 13,
}

/// How much the log says.
#[repr(i32)]
pub enum mqttlink_log_level {
    /// Nothing.
    MQTTLINK_LOG_OFF = 0,
    /// What makes no progress without somebody's help.
    MQTTLINK_LOG_ERROR = 1,
    /// Lost connections, failed attempts.
    MQTTLINK_LOG_WARNING = 2,
    /// Connections that come and go.
    MQTTLINK_LOG_INFO = 3,
    /// What the threads do.
    MQTTLINK_LOG_DEBUG = 4,
    /// Every packet, without payloads and passwords.
    MQTTLINK_LOG_TRACE = 5,
}

/// Properties of MQTT 5.0 (section 2.2.2.2), and the type of each.
#[repr(i32)]
pub enum mqttlink_property_id {
    /// The payload format indicator: a number, one byte.
    MQTTLINK_PROPERTY_PAYLOAD_FORMAT_INDICATOR = 0x01,
    /// The message expiry interval: a number, four bytes.
    MQTTLINK_PROPERTY_MESSAGE_EXPIRY_INTERVAL = 0x02,
    /// The content type: a string.
    MQTTLINK_PROPERTY_CONTENT_TYPE = 0x03,
    /// The response topic: a string.
    MQTTLINK_PROPERTY_RESPONSE_TOPIC = 0x08,
    /// The correlation data: binary data.
    MQTTLINK_PROPERTY_CORRELATION_DATA = 0x09,
    /// The subscription identifier: a number up to 268,435,455.
    MQTTLINK_PROPERTY_SUBSCRIPTION_IDENTIFIER = 0x0b,
    /// The session expiry interval: a number, four bytes.
    MQTTLINK_PROPERTY_SESSION_EXPIRY_INTERVAL = 0x11,
    /// The assigned client identifier: a string.
    MQTTLINK_PROPERTY_ASSIGNED_CLIENT_IDENTIFIER = 0x12,
    /// The server keep alive: a number, two bytes.
    MQTTLINK_PROPERTY_SERVER_KEEP_ALIVE = 0x13,
    /// The authentication method: a string.
    MQTTLINK_PROPERTY_AUTHENTICATION_METHOD = 0x15,
    /// The authentication data: binary data.
    MQTTLINK_PROPERTY_AUTHENTICATION_DATA = 0x16,
    /// The request problem information: a number, one byte.
    MQTTLINK_PROPERTY_REQUEST_PROBLEM_INFORMATION = 0x17,
    /// The will delay interval: a number, four bytes.
    MQTTLINK_PROPERTY_WILL_DELAY_INTERVAL = 0x18,
    /// The request response information: a number, one byte.
    MQTTLINK_PROPERTY_REQUEST_RESPONSE_INFORMATION = 0x19,
    /// The response information: a string.
    MQTTLINK_PROPERTY_RESPONSE_INFORMATION = 0x1a,
    /// The server reference: a string.
    MQTTLINK_PROPERTY_SERVER_REFERENCE = 0x1c,
    /// The reason string: a string.
    MQTTLINK_PROPERTY_REASON_STRING = 0x1f,
    /// The receive maximum: a number, two bytes.
    MQTTLINK_PROPERTY_RECEIVE_MAXIMUM = 0x21,
    /// The topic alias maximum: a number, two bytes.
    MQTTLINK_PROPERTY_TOPIC_ALIAS_MAXIMUM = 0x22,
    /// The topic alias: a number, two bytes.
    MQTTLINK_PROPERTY_TOPIC_ALIAS = 0x23,
    /// The maximum QoS: a number, one byte.
    MQTTLINK_PROPERTY_MAXIMUM_QOS = 0x24,
    /// The retain available: a number, one byte.
    MQTTLINK_PROPERTY_RETAIN_AVAILABLE = 0x25,
    /// The user property: a name and a value; may repeat.
    MQTTLINK_PROPERTY_USER_PROPERTY = 0x26,
    /// The maximum packet size: a number, four bytes.
    MQTTLINK_PROPERTY_MAXIMUM_PACKET_SIZE = 0x27,
    /// The wildcard subscription available: a number, one byte.
    MQTTLINK_PROPERTY_WILDCARD_SUBSCRIPTION_AVAILABLE = 0x28,
    /// The subscription identifier available: a number, one byte.
    MQTTLINK_PROPERTY_SUBSCRIPTION_IDENTIFIER_AVAILABLE = 0x29,
    /// The shared subscription available: a number, one byte.
    MQTTLINK_PROPERTY_SHARED_SUBSCRIPTION_AVAILABLE = 0x2a,
}

/// Reason codes of MQTT 5.0 (section 2.4). From 0x80 they mean failure. The return codes of CONNACK in
/// MQTT 3.1 and 3.1.1 are reported as the code of the same meaning.
#[repr(i32)]
pub enum mqttlink_reason {
    /// Success.
    MQTTLINK_REASON_SUCCESS = 0x00,
    /// Granted QoS 1.
    MQTTLINK_REASON_GRANTED_QOS_1 = 0x01,
    /// Granted QoS 2.
    MQTTLINK_REASON_GRANTED_QOS_2 = 0x02,
    /// Disconnect with will message.
    MQTTLINK_REASON_DISCONNECT_WITH_WILL = 0x04,
    /// No matching subscribers.
    MQTTLINK_REASON_NO_MATCHING_SUBSCRIBERS = 0x10,
    /// No subscription existed.
    MQTTLINK_REASON_NO_SUBSCRIPTION_EXISTED = 0x11,
    /// Continue authentication.
    MQTTLINK_REASON_CONTINUE_AUTHENTICATION = 0x18,
    /// Re-authenticate.
    MQTTLINK_REASON_RE_AUTHENTICATE = 0x19,
    /// Unspecified error.
    MQTTLINK_REASON_UNSPECIFIED_ERROR = 0x80,
    /// Malformed packet.
    MQTTLINK_REASON_MALFORMED_PACKET = 0x81,
    /// Protocol error.
    MQTTLINK_REASON_PROTOCOL_ERROR = 0x82,
    /// Implementation specific error.
    MQTTLINK_REASON_IMPLEMENTATION_SPECIFIC_ERROR = 0x83,
    /// Unsupported protocol version.
    MQTTLINK_REASON_UNSUPPORTED_PROTOCOL_VERSION = 0x84,
    /// Client identifier not valid.
    MQTTLINK_REASON_CLIENT_ID_NOT_VALID = 0x85,
    /// Bad user name or password.
    MQTTLINK_REASON_BAD_USER_NAME_OR_PASSWORD = 0x86,
    /// Not authorized.
    MQTTLINK_REASON_NOT_AUTHORIZED = 0x87,
    /// Server unavailable.
    MQTTLINK_REASON_SERVER_UNAVAILABLE = 0x88,
    /// Server busy.
    MQTTLINK_REASON_SERVER_BUSY = 0x89,
    /// Banned.
    MQTTLINK_REASON_BANNED = 0x8a,
    /// Server shutting down.
    MQTTLINK_REASON_SERVER_SHUTTING_DOWN = 0x8b,
    /// Bad authentication method.
    MQTTLINK_REASON_BAD_AUTHENTICATION_METHOD = 0x8c,
    /// Keep alive timeout.
    MQTTLINK_REASON_KEEP_ALIVE_TIMEOUT = 0x8d,
    /// Session taken over.
    MQTTLINK_REASON_SESSION_TAKEN_OVER = 0x8e,
    /// Topic filter invalid.
    MQTTLINK_REASON_TOPIC_FILTER_INVALID = 0x8f,
    /// Topic name invalid.
    MQTTLINK_REASON_TOPIC_NAME_INVALID = 0x90,
    /// Packet identifier in use.
    MQTTLINK_REASON_PACKET_ID_IN_USE = 0x91,
    /// Packet identifier not found.
    MQTTLINK_REASON_PACKET_ID_NOT_FOUND = 0x92,
    /// Receive maximum exceeded.
    MQTTLINK_REASON_RECEIVE_MAXIMUM_EXCEEDED = 0x93,
    /// Topic alias invalid.
    MQTTLINK_REASON_TOPIC_ALIAS_INVALID = 0x94,
    /// Packet too large.
    MQTTLINK_REASON_PACKET_TOO_LARGE = 0x95,
    /// Message rate too high.
    MQTTLINK_REASON_MESSAGE_RATE_TOO_HIGH = 0x96,
    /// Quota exceeded.
    MQTTLINK_REASON_QUOTA_EXCEEDED = 0x97,
    /// Administrative action.
    MQTTLINK_REASON_ADMINISTRATIVE_ACTION = 0x98,
    /// Payload format invalid.
    MQTTLINK_REASON_PAYLOAD_FORMAT_INVALID = 0x99,
    /// Retain not supported.
    MQTTLINK_REASON_RETAIN_NOT_SUPPORTED = 0x9a,
    /// QoS not supported.
    MQTTLINK_REASON_QOS_NOT_SUPPORTED = 0x9b,
    /// Use another server.
    MQTTLINK_REASON_USE_ANOTHER_SERVER = 0x9c,
    /// Server moved.
    MQTTLINK_REASON_SERVER_MOVED = 0x9d,
    /// Shared subscriptions not supported.
    MQTTLINK_REASON_SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 0x9e,
    /// Connection rate exceeded.
    MQTTLINK_REASON_CONNECTION_RATE_EXCEEDED = 0x9f,
    /// Maximum connect time.
    MQTTLINK_REASON_MAXIMUM_CONNECT_TIME = 0xa0,
    /// Subscription identifiers not supported.
    MQTTLINK_REASON_SUBSCRIPTION_IDS_NOT_SUPPORTED = 0xa1,
    /// Wildcard subscriptions not supported.
    MQTTLINK_REASON_WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED = 0xa2,
}

/// A number that the argument cannot be.
#[cold]
#[inline(never)]
fn wrong(name: &str, number: i64, possible: &str) -> Failure {
    Failure::new(
        mqttlink_status::MQTTLINK_ERROR_NUMBER,
        format!("{name} is {number}; it can be {possible}"),
    )
}

pub(super) fn qos(number: i32) -> Result<QoS, Failure> {
    let found = u8::try_from(number).ok().and_then(QoS::from_u8);
    found.ok_or_else(|| wrong("qos", number.into(), "0, 1 or 2"))
}

pub(super) fn version(number: i32) -> Result<Version, Failure> {
    let found = Version::ALL.into_iter().find(|version| i32::from(version.level()) == number);
    found.ok_or_else(|| wrong("version", number.into(), "3 (MQTT 3.1), 4 (3.1.1) or 5"))
}

pub(super) fn acknowledge(number: i32) -> Result<Acknowledge, Failure> {
    match number {
        0 => Ok(Acknowledge::OnReceipt),
        1 => Ok(Acknowledge::WhenHandled),
        2 => Ok(Acknowledge::Manually),
        _ => Err(wrong("mode", number.into(), "a mqttlink_acknowledge, 0 to 2")),
    }
}

pub(super) fn retain_handling(number: i32) -> Result<RetainHandling, Failure> {
    match number {
        0 => Ok(RetainHandling::Send),
        1 => Ok(RetainHandling::SendIfNew),
        2 => Ok(RetainHandling::DoNotSend),
        _ => Err(wrong("retain_handling", number.into(), "0, 1 or 2")),
    }
}

pub(super) fn reason(number: i32) -> Result<ReasonCode, Failure> {
    let found = u8::try_from(number).ok().and_then(ReasonCode::from_u8);
    found.ok_or_else(|| wrong("reason", number.into(), "a mqttlink_reason"))
}

pub(super) fn property_id(number: i32) -> Result<PropertyId, Failure> {
    let found = u8::try_from(number).ok().and_then(PropertyId::from_u8);
    found.ok_or_else(|| wrong("id", number.into(), "a mqttlink_property_id"))
}

#[cfg(feature = "tls")]
pub(super) fn tls_version(number: i32) -> Result<crate::TlsVersion, Failure> {
    use crate::TlsVersion;
    match number {
        10 => Ok(TlsVersion::V1_0),
        11 => Ok(TlsVersion::V1_1),
        12 => Ok(TlsVersion::V1_2),
        13 => Ok(TlsVersion::V1_3),
        _ => Err(wrong("version", number.into(), "a mqttlink_tls_version, 10 to 13")),
    }
}

pub(super) fn log_level(number: i32) -> Result<log::LevelFilter, Failure> {
    let found = usize::try_from(number).ok();
    let found = found.and_then(|number| log::LevelFilter::iter().nth(number));
    found.ok_or_else(|| wrong("level", number.into(), "a mqttlink_log_level, 0 to 5"))
}

/// Milliseconds with the two special values; `None` is the client's own deadline.
pub(super) fn limit(timeout_ms: i64) -> Result<Option<Duration>, Failure> {
    span(timeout_ms, "timeout_ms")
}

/// The same for an argument of another name.
pub(super) fn span(milliseconds: i64, name: &str) -> Result<Option<Duration>, Failure> {
    match (milliseconds, u64::try_from(milliseconds)) {
        (MQTTLINK_FOREVER, _) => Ok(Some(Duration::MAX)),
        (MQTTLINK_DEFAULT, _) => Ok(None),
        (_, Ok(milliseconds)) => Ok(Some(Duration::from_millis(milliseconds))),
        (_, Err(_)) => Err(wrong(
            name,
            milliseconds,
            "0 or more, MQTTLINK_FOREVER (-1) or MQTTLINK_DEFAULT (-2)",
        )),
    }
}

/// The name of a reason code: "not authorized (0x87)". NULL for a number that is none. Lives as long
/// as the library.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_reason_text(reason: i32) -> *const c_char {
    static TEXTS: OnceLock<Vec<(u8, std::ffi::CString)>> = OnceLock::new();
    guard::or(ptr::null(), || {
        let texts = TEXTS.get_or_init(|| {
            let each = ReasonCode::ALL.iter();
            each.map(|code| (code.code(), super::pointer::c_text(&code.to_string()))).collect()
        });
        let found = texts.iter().find(|(number, _)| i32::from(*number) == reason);
        found.map_or(ptr::null(), |(_, text)| text.as_ptr())
    })
}
