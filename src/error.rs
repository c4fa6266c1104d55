//! The one public error type.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::codec::{EncodeError, PropertyId, ReasonCode, Version};
use crate::proto::{DropReason, LimitError, Notice, ProtocolError, RequestError};
use crate::transport::{DialError, Phase, UrlError};
#[cfg(feature = "tls")]
use crate::transport::{TlsError, TlsItem};

/// Where something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// In this process: an argument, the client's state, a limit of the system.
    Local,
    /// Looking up the host name.
    Dns,
    /// On the socket.
    Tcp,
    /// In TLS: its settings, its handshake, its alerts.
    Tls,
    /// In MQTT: the server refused, or broke the protocol.
    Mqtt,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Dns => "DNS",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Mqtt => "MQTT",
        })
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// Builds the enum, its texts and its stages. Numbers are never reused.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $stage:ident, $text:literal;)*) => {
        /// What went wrong, as a number that never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i32)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* $name = $number,)*
        }

        impl ErrorCode {
            /// Every code, in numerical order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number.
            #[must_use]
            pub const fn number(self) -> i32 {
                self as i32
            }

            /// The code with this number.
            #[must_use]
            pub const fn from_number(number: i32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Where such a thing fails.
            #[must_use]
            pub const fn stage(self) -> Stage {
                match self {
                    $(Self::$name => Stage::$stage,)*
                }
            }

            pub(crate) const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    /// The URL cannot be used.
    InvalidUrl = 100, Local, "the URL cannot be used";
    /// A topic name breaks the rules.
    InvalidTopic = 101, Local, "the topic name is not valid";
    /// A topic filter breaks the rules.
    InvalidFilter = 102, Local, "the topic filter is not valid";
    /// A property has a value it cannot have, or stands where it does not belong.
    InvalidProperty = 103, Local, "a property is not valid";
    /// Another argument cannot be used.
    InvalidArgument = 104, Local, "an argument is not valid";
    /// The protocol version of the connection cannot express it.
    NotInVersion = 105, Local, "the protocol version cannot express it";
    /// The packet would be larger than the protocol allows.
    PacketTooLarge = 106, Local, "the packet would be too large";
    /// A CA certificate cannot be used.
    TlsAuthority = 110, Tls, "a CA certificate cannot be used";
    /// The client certificate cannot be used.
    TlsCertificate = 111, Tls, "the client certificate cannot be used";
    /// The client key cannot be used.
    TlsKey = 112, Tls, "the client key cannot be used";
    /// The TLS library does not take the settings.
    TlsSetup = 113, Tls, "TLS cannot be set up";
    /// There is no connection.
    NotConnected = 200, Local, "there is no connection: connect or reconnect first";
    /// There is a connection already.
    AlreadyConnected = 201, Local, "connected already: disconnect first";
    /// Another call is connecting.
    AlreadyConnecting = 202, Local, "another call is connecting";
    /// As many messages are in flight as may be.
    WindowFull = 203, Local, "as many messages as may be await their acknowledgement";
    /// The outgoing buffer is full.
    BufferFull = 204, Local, "the outgoing buffer is full";
    /// All 65,535 packet identifiers are in use.
    NoPacketId = 205, Local, "all packet identifiers are in use";
    /// The client was closed while the call waited.
    Closed = 206, Local, "the client was closed meanwhile";
    /// This build does not have it.
    NotSupported = 207, Local, "not built in";
    /// The call makes no sense in this state.
    InvalidState = 208, Local, "not possible in this state";
    /// The system gave no thread or socket.
    Resources = 209, Local, "the system did not give what was needed";
    /// The source of a streamed payload failed.
    PayloadSource = 210, Local, "the payload could not be read";
    /// What the call waits for waits for the handler it is made in, or is behind messages that do.
    WouldDeadlock = 211, Local, "what the call waits for waits for this function to return: let it, or wait on another thread";
    /// The broker has stopped.
    BrokerStopped = 212, Local, "the broker has stopped";
    /// [`Client::interrupt`](crate::Client::interrupt) woke the call.
    Interrupted = 213, Local, "the call was interrupted; the connection is as it was";
    /// The deadline came while the host name was looked up.
    TimeoutDns = 300, Dns, "no answer in time while looking up the host name";
    /// The deadline came while the socket was connected.
    TimeoutTcp = 301, Tcp, "no answer in time while connecting the socket";
    /// The deadline came while TLS was negotiated.
    TimeoutTls = 302, Tls, "no answer in time while negotiating TLS";
    /// The deadline came before CONNACK.
    TimeoutConnAck = 303, Mqtt, "no CONNACK in time";
    /// The deadline came before there was room to publish.
    TimeoutRoom = 304, Local, "no room to publish in time";
    /// The deadline came before the acknowledgement.
    TimeoutAck = 305, Mqtt, "no acknowledgement in time";
    /// The deadline came before everything was sent.
    TimeoutDrain = 306, Local, "not everything was sent in time";
    /// The deadline came before a message.
    TimeoutReceive = 307, Local, "no message in time";
    /// The host name could not be looked up.
    HostNotFound = 400, Dns, "the host name could not be looked up";
    /// The host name has no address that could be used.
    NoAddress = 401, Dns, "the host name has no address";
    /// No address could be connected.
    ConnectFailed = 402, Tcp, "no address could be connected";
    /// TLS was not negotiated, or the server refused the client's certificate.
    TlsHandshake = 403, Tls, "TLS was not negotiated";
    /// The system reported an error of the connection.
    ConnectionLost = 404, Tcp, "the connection was lost";
    /// The server closed the connection without a word.
    ConnectionClosed = 405, Tcp, "the server closed the connection";
    /// TLS ended with an alert, or with bytes that cannot be decrypted.
    TlsFailed = 406, Tls, "TLS failed";
    /// An address could not be listened on.
    ListenFailed = 407, Tcp, "the address could not be listened on";
    /// The server refused the connection.
    Refused = 500, Mqtt, "the server refused the connection";
    /// The server ended the connection with DISCONNECT.
    ServerDisconnected = 501, Mqtt, "the server ended the connection";
    /// The server refused the message.
    PublishRefused = 502, Mqtt, "the server refused the message";
    /// The server refused a subscription.
    SubscribeRefused = 503, Mqtt, "the server refused the subscription";
    /// The server refused to end a subscription.
    UnsubscribeRefused = 504, Mqtt, "the server refused to end the subscription";
    /// The authenticator gave up.
    AuthenticationFailed = 505, Mqtt, "the authentication failed";
    /// The server broke the protocol.
    ProtocolViolation = 600, Mqtt, "the server broke the protocol";
    /// The server is silent.
    KeepAliveTimeout = 601, Mqtt, "the server is silent";
    /// The server takes no messages of this QoS.
    MaximumQoS = 700, Mqtt, "the server takes no messages of this QoS";
    /// The server keeps no retained messages.
    RetainNotAvailable = 701, Mqtt, "the server keeps no retained messages";
    /// The server takes no packets of this size.
    MaximumPacketSize = 702, Mqtt, "the server takes no packets of this size";
    /// The server has no wildcard subscriptions.
    WildcardNotAvailable = 703, Mqtt, "the server has no wildcard subscriptions";
    /// The server has no shared subscriptions.
    SharedNotAvailable = 704, Mqtt, "the server has no shared subscriptions";
    /// The server has no subscription identifiers.
    SubscriptionIdNotAvailable = 705, Mqtt, "the server has no subscription identifiers";
    /// The message was given up because the server lost the session.
    SessionLost = 800, Mqtt, "the server lost the session";
    /// The message was given up because its payload came from a stream that was interrupted.
    StreamInterrupted = 801, Mqtt, "the connection was lost while the payload was streamed";
    /// The message was never sent: the connection ended first.
    NotSent = 802, Local, "the connection ended before the message was sent";
}

/// What failed, where, why, and what the server said.
///
/// Cheap to clone. Its text is one line; [`source`](StdError::source) is the layer below's error.
#[derive(Clone)]
pub struct Error {
    code: ErrorCode,
    detail: Option<Arc<Detail>>,
}

#[derive(Debug, Default)]
struct Detail {
    text: String,
    os_code: Option<i32>,
    notice: Option<Notice>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) const fn new(code: ErrorCode) -> Self {
        Self { code, detail: None }
    }

    pub(crate) fn with_text(code: ErrorCode, text: impl Into<String>) -> Self {
        Self::detailed(code, Detail { text: text.into(), ..Detail::default() })
    }

    fn detailed(code: ErrorCode, detail: Detail) -> Self {
        Self { code, detail: Some(Arc::new(detail)) }
    }

    fn from_source(code: ErrorCode, source: impl StdError + Send + Sync + 'static) -> Self {
        let detail = Detail {
            text: source.to_string(),
            source: Some(Box::new(source)),
            ..Detail::default()
        };
        Self::detailed(code, detail)
    }

    pub(crate) fn from_io(code: ErrorCode, what: &str, error: std::io::Error) -> Self {
        let detail = Detail {
            text: format!("{what}: {error}"),
            os_code: error.raw_os_error(),
            source: Some(Box::new(error)),
            ..Detail::default()
        };
        Self::detailed(code, detail)
    }

    /// The same error under a code that says more.
    #[cfg(feature = "tls")]
    pub(crate) fn with_code(self, code: ErrorCode) -> Self {
        Self { code, ..self }
    }

    /// The same error with advice behind its text.
    pub(crate) fn advise(self, advice: &str) -> Self {
        let detail = Detail {
            text: format!("{self} ({advice})"),
            os_code: self.os_code(),
            notice: self.notice().cloned(),
            source: Some(Box::new(self.clone())),
        };
        Self::detailed(self.code, detail)
    }

    /// The server said no, or goodbye.
    pub(crate) fn from_notice(code: ErrorCode, notice: Notice) -> Self {
        let mut text = format!("{}: {}", code.text(), notice.reason);
        if let Some(explanation) = notice.reason_string() {
            text.push_str(&format!(" - {explanation}"));
        }
        if let Some(elsewhere) = notice.server_reference() {
            text.push_str(&format!(" (try {elsewhere})"));
        }
        Self::detailed(code, Detail { text, notice: Some(notice), ..Detail::default() })
    }

    pub(crate) fn timeout(phase: Phase, after: Duration) -> Self {
        let when = if after.is_zero() { "at once".to_owned() } else { format!("after {after:?}") };
        Self::with_text(timeout_code(phase), format!("no success {when}, while {phase}"))
    }

    pub(crate) fn from_protocol(error: ProtocolError, version: Version) -> Self {
        let code = match error {
            ProtocolError::KeepAlive { .. } => ErrorCode::KeepAliveTimeout,
            _ => ErrorCode::ProtocolViolation,
        };
        let mut text = error.to_string();
        if let Some(statement) = error.statement(version).filter(|id| !text.contains(id)) {
            text.push_str(&format!(" [{statement}]"));
        }
        let notice = Notice { reason: error.reason(), properties: Default::default() };
        let detail =
            Detail { text, notice: Some(notice), source: Some(Box::new(error)), os_code: None };
        Self::detailed(code, detail)
    }

    /// What went wrong, as a number that never changes.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// Where it went wrong.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.code.stage()
    }

    /// The operating system's error number, if it comes from there.
    #[must_use]
    pub fn os_code(&self) -> Option<i32> {
        self.detail.as_ref()?.os_code
    }

    /// The MQTT reason code: what the server said, or for a protocol violation what it was told.
    #[must_use]
    pub fn reason(&self) -> Option<ReasonCode> {
        Some(self.notice()?.reason)
    }

    /// The server's explanation, in MQTT 5.0.
    #[must_use]
    pub fn reason_string(&self) -> Option<&str> {
        self.notice()?.reason_string()
    }

    /// Where else to connect, if the server said so, in MQTT 5.0.
    #[must_use]
    pub fn server_reference(&self) -> Option<&str> {
        self.notice()?.server_reference()
    }

    /// The user properties that came with the server's refusal, in order, in MQTT 5.0.
    pub fn user_properties(&self) -> impl Iterator<Item = (&str, &str)> {
        self.notice().into_iter().flat_map(|notice| notice.properties.user_properties())
    }

    pub(crate) fn notice(&self) -> Option<&Notice> {
        self.detail.as_ref()?.notice.as_ref()
    }

    /// Whether a deadline came.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self.code.number(), 300..=399)
    }

    /// Whether the server said no.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(self.code.number(), 500..=599)
    }

    /// Whether there is no connection, or it ended.
    #[must_use]
    pub const fn is_disconnected(&self) -> bool {
        matches!(
            self.code,
            ErrorCode::NotConnected
                | ErrorCode::Closed
                | ErrorCode::ConnectionLost
                | ErrorCode::ConnectionClosed
                | ErrorCode::TlsFailed
                | ErrorCode::ServerDisconnected
                | ErrorCode::ProtocolViolation
                | ErrorCode::KeepAliveTimeout
                | ErrorCode::NotSent
        )
    }

    /// Whether there is no room at the moment: what `try_publish` says instead of waiting.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        matches!(self.code, ErrorCode::WindowFull | ErrorCode::BufferFull | ErrorCode::NoPacketId)
    }

    /// Whether the same call can succeed later without anything being changed: the network, the
    /// server or the load was the cause, not the arguments.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        if let Some(reason) = self.reason().filter(|_| self.is_refused()) {
            return matches!(
                reason,
                ReasonCode::ServerUnavailable
                    | ReasonCode::ServerBusy
                    | ReasonCode::ServerShuttingDown
                    | ReasonCode::ConnectionRateExceeded
                    | ReasonCode::QuotaExceeded
                    | ReasonCode::MessageRateTooHigh
                    | ReasonCode::MaximumConnectTime
                    | ReasonCode::KeepAliveTimeout
                    | ReasonCode::UseAnotherServer
            );
        }
        let network =
            matches!(self.code.number(), 400..=499) && self.code != ErrorCode::TlsHandshake;
        network || self.is_timeout() || self.is_full() || self.code == ErrorCode::KeepAliveTimeout
    }
}

const fn timeout_code(phase: Phase) -> ErrorCode {
    match phase {
        Phase::Dns => ErrorCode::TimeoutDns,
        Phase::Tcp => ErrorCode::TimeoutTcp,
        Phase::Tls => ErrorCode::TimeoutTls,
        Phase::ConnAck => ErrorCode::TimeoutConnAck,
        Phase::Room => ErrorCode::TimeoutRoom,
        Phase::Ack => ErrorCode::TimeoutAck,
        Phase::Drain => ErrorCode::TimeoutDrain,
        Phase::Receive => ErrorCode::TimeoutReceive,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some(detail) => f.write_str(&detail.text),
            None => f.write_str(self.code.text()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({self})", self.code)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.detail.as_ref()?.source.as_deref().map(|source| source as _)
    }
}

impl From<UrlError> for Error {
    fn from(error: UrlError) -> Self {
        Self::from_source(ErrorCode::InvalidUrl, error)
    }
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Self {
        let code = match &error {
            EncodeError::InvalidTopic { .. } => ErrorCode::InvalidTopic,
            EncodeError::InvalidFilter { .. } => ErrorCode::InvalidFilter,
            EncodeError::MisplacedProperty { .. }
            | EncodeError::RepeatedProperty { .. }
            | EncodeError::PropertyOutOfRange { .. } => ErrorCode::InvalidProperty,
            EncodeError::FieldTooLong { field, .. } | EncodeError::NulCharacter { field }
                if is_property(field) =>
            {
                ErrorCode::InvalidProperty
            }
            EncodeError::NotInVersion { .. } => ErrorCode::NotInVersion,
            EncodeError::PacketTooLarge { .. } => ErrorCode::PacketTooLarge,
            _ => ErrorCode::InvalidArgument,
        };
        Self::from_source(code, error)
    }
}

fn is_property(field: &str) -> bool {
    PropertyId::ALL.iter().any(|id| id.to_string() == field)
}

impl From<LimitError> for Error {
    fn from(error: LimitError) -> Self {
        let code = match error {
            LimitError::MaximumQoS { .. } => ErrorCode::MaximumQoS,
            LimitError::RetainNotAvailable => ErrorCode::RetainNotAvailable,
            LimitError::MaximumPacketSize { .. } => ErrorCode::MaximumPacketSize,
            LimitError::WildcardNotAvailable { .. } => ErrorCode::WildcardNotAvailable,
            LimitError::SharedNotAvailable { .. } => ErrorCode::SharedNotAvailable,
            LimitError::SubscriptionIdNotAvailable => ErrorCode::SubscriptionIdNotAvailable,
        };
        Self::from_source(code, error)
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        match error {
            // Told often by `try_publish`: without a text of its own, nothing is allocated.
            RequestError::NoQuota { .. } => Self::new(ErrorCode::WindowFull),
            RequestError::NoRoom { .. } => Self::new(ErrorCode::BufferFull),
            RequestError::NoPacketId => Self::new(ErrorCode::NoPacketId),
            RequestError::NotConnected => Self::new(ErrorCode::NotConnected),
            RequestError::NotYet => Self::with_text(ErrorCode::NotConnected, error.to_string()),
            RequestError::Limit(limit) => limit.into(),
            RequestError::Encode(error) => error.into(),
            RequestError::StreamClosed => Self::from_source(ErrorCode::StreamInterrupted, error),
            RequestError::State(_) => Self::from_source(ErrorCode::InvalidState, error),
        }
    }
}

impl From<DropReason> for Error {
    fn from(reason: DropReason) -> Self {
        match reason {
            DropReason::SessionLost => Self::from_source(ErrorCode::SessionLost, reason),
            DropReason::StreamInterrupted => {
                Self::from_source(ErrorCode::StreamInterrupted, reason)
            }
            DropReason::Limit(limit) => limit.into(),
        }
    }
}

impl From<DialError> for Error {
    fn from(error: DialError) -> Self {
        let code = match &error {
            DialError::Url(_) => ErrorCode::InvalidUrl,
            DialError::Timeout { phase, .. } => timeout_code(*phase),
            DialError::Cancelled { .. } => ErrorCode::Closed,
            DialError::Resolve { .. } => ErrorCode::HostNotFound,
            DialError::NoAddress { .. } => ErrorCode::NoAddress,
            DialError::Local { .. } => ErrorCode::Resources,
            DialError::Connect { .. } | DialError::Custom { .. } => ErrorCode::ConnectFailed,
            #[cfg(feature = "tls")]
            DialError::Tls { source, .. } => tls_code(source),
        };
        let os_code = error.io().and_then(std::io::Error::raw_os_error);
        let text = error.to_string();
        Self::detailed(code, Detail { text, os_code, notice: None, source: Some(Box::new(error)) })
    }
}

#[cfg(feature = "tls")]
const fn tls_code(error: &TlsError) -> ErrorCode {
    match error {
        TlsError::Read { item, .. } | TlsError::Item { item, .. } => match item {
            TlsItem::Authority => ErrorCode::TlsAuthority,
            TlsItem::Certificate | TlsItem::ServerCertificate => ErrorCode::TlsCertificate,
            TlsItem::Key | TlsItem::ServerKey | TlsItem::Pkcs12 => ErrorCode::TlsKey,
        },
        TlsError::HalfIdentity { have } => match have {
            TlsItem::Key => ErrorCode::TlsCertificate,
            _ => ErrorCode::TlsKey,
        },
        TlsError::Setup { .. } => ErrorCode::TlsSetup,
        TlsError::Handshake { .. } => ErrorCode::TlsHandshake,
        TlsError::Interrupted { .. } => ErrorCode::ConnectionLost,
        TlsError::Broken { .. } => ErrorCode::TlsFailed,
    }
}

#[cfg(feature = "tls")]
impl From<TlsError> for Error {
    fn from(error: TlsError) -> Self {
        Self::from_source(tls_code(&error), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_distinct_and_grouped() {
        let numbers: Vec<i32> = ErrorCode::ALL.iter().map(|code| code.number()).collect();
        assert!(numbers.is_sorted());
        let mut distinct = numbers.clone();
        distinct.dedup();
        assert_eq!(numbers, distinct);
    }

    #[test]
    fn what_the_server_said_is_in_the_text_and_in_the_fields() {
        let mut properties = crate::codec::Properties::new();
        properties.set_text(PropertyId::ReasonString, "try later").unwrap();
        properties.set_text(PropertyId::ServerReference, "other:1883").unwrap();
        properties.add_user_property("a", "b").unwrap();
        let notice = Notice { reason: ReasonCode::ServerBusy, properties };
        let error = Error::from_notice(ErrorCode::Refused, notice);
        assert_eq!(
            error.to_string(),
            "the server refused the connection: server busy (0x89) - try later (try other:1883)"
        );
        assert_eq!(error.reason(), Some(ReasonCode::ServerBusy));
        assert_eq!(error.reason_string(), Some("try later"));
        assert_eq!(error.server_reference(), Some("other:1883"));
        assert_eq!(error.user_properties().collect::<Vec<_>>(), [("a", "b")]);
        assert!(error.is_refused() && error.is_retryable() && !error.is_timeout());
    }
}
