//! What the core reports to whoever drives it.

use std::time::Duration;

use super::{Limits, ProtocolError, PublishOutcome, Token};
use crate::codec::{Auth, ConnAck, Disconnect, Properties, PropertyId, QoS, ReasonCode, Version};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The server has accepted the connection.
    Connected(Box<Granted>),
    /// The server has refused the connection, which is to be closed.
    Refused(Box<Notice>),
    /// The server wants the next step of the authentication.
    AuthContinue(Box<AuthStep>),
    /// A re-authentication has succeeded.
    AuthDone(Box<AuthStep>),
    /// A message of QoS 1 or 2 has come to its end.
    Published {
        /// The caller's name for it.
        token: Token,
        /// What became of it.
        outcome: PublishOutcome,
    },
    /// A SUBSCRIBE or UNSUBSCRIBE has been answered.
    Answered {
        /// The caller's name for it.
        token: Token,
        /// The answer.
        outcome: Box<RequestOutcome>,
        /// How many of the [`Incoming`](super::Incoming)s of the same input came before it.
        place: usize,
    },
    /// The connection is gone, and with it a SUBSCRIBE or UNSUBSCRIBE that was not answered.
    Unanswered {
        /// The caller's name for it.
        token: Token,
    },
    /// A PINGREQ was answered.
    Pong {
        /// From the PINGREQ's arrival in the socket.
        round_trip: Duration,
    },
    /// The server has sent DISCONNECT; the connection is to be closed.
    Disconnected(Box<Notice>),
    /// This side ends the connection: the server broke the protocol or is silent.
    Failed(ProtocolError),
}

/// The answer to a SUBSCRIBE or UNSUBSCRIBE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestOutcome {
    /// One for each filter, in the order of the request. An UNSUBACK before MQTT 5.0 has none; it
    /// counts as success for each.
    pub results: Vec<FilterResult>,
    /// Reason string and user properties; empty before MQTT 5.0.
    pub properties: Properties<'static>,
}

/// The outcome for one filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterResult {
    /// The reason code.
    pub reason: ReasonCode,
}

impl FilterResult {
    /// The QoS granted to a subscription; `None` if it was refused, or for an unsubscription.
    #[must_use]
    pub const fn granted(self) -> Option<QoS> {
        QoS::from_u8(self.reason.code())
    }

    /// Whether the server refused.
    #[must_use]
    pub const fn is_refused(self) -> bool {
        self.reason.is_error()
    }
}

/// What the server says about the end of a connection, in CONNACK or DISCONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Why.
    pub reason: ReasonCode,
    /// Reason string, server reference and user properties; empty before MQTT 5.0.
    pub properties: Properties<'static>,
}

impl Notice {
    /// The server's explanation.
    #[must_use]
    pub fn reason_string(&self) -> Option<&str> {
        self.properties.reason_string()
    }

    /// Where else to connect, with "use another server" and "server moved".
    #[must_use]
    pub fn server_reference(&self) -> Option<&str> {
        self.properties.text(PropertyId::ServerReference)
    }
}

impl From<Disconnect<'_>> for Notice {
    fn from(packet: Disconnect<'_>) -> Self {
        Self { reason: packet.reason, properties: packet.properties.into_owned() }
    }
}

impl From<ConnAck<'_>> for Notice {
    fn from(packet: ConnAck<'_>) -> Self {
        Self { reason: packet.reason, properties: packet.properties.into_owned() }
    }
}

/// What the server sent in an AUTH packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthStep {
    /// All properties, the authentication data among them.
    pub properties: Properties<'static>,
}

impl AuthStep {
    /// The authentication data.
    #[must_use]
    pub fn data(&self) -> Option<&[u8]> {
        self.properties.binary(PropertyId::AuthenticationData)
    }
}

impl From<Auth<'_>> for AuthStep {
    fn from(packet: Auth<'_>) -> Self {
        Self { properties: packet.properties.into_owned() }
    }
}

/// What the server granted when it accepted the connection (CONNACK, section 3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Granted {
    /// The protocol version of the connection.
    pub version: Version,
    /// Whether the server goes on with an earlier session: its subscriptions are still there. Always
    /// false in MQTT 3.1, which cannot say.
    pub session_present: bool,
    /// The client identifier in use, which the server may have assigned.
    pub client_id: String,
    /// The keep alive in force, in seconds, which the server may have changed; 0 is off.
    pub keep_alive: u16,
    /// How many seconds the session outlives the connection; `u32::MAX` means for ever. Before MQTT
    /// 5.0: 0 with a clean session, else `u32::MAX`.
    pub session_expiry: u32,
    /// The server's limits.
    pub limits: Limits,
    /// All properties of the CONNACK; empty before MQTT 5.0.
    pub properties: Properties<'static>,
}

impl Granted {
    /// The basis for response topics, if it was asked for.
    #[must_use]
    pub fn response_information(&self) -> Option<&str> {
        self.properties.text(PropertyId::ResponseInformation)
    }

    /// The server's last data of the authentication exchange.
    #[must_use]
    pub fn authentication_data(&self) -> Option<&[u8]> {
        self.properties.binary(PropertyId::AuthenticationData)
    }

    /// The server's remark.
    #[must_use]
    pub fn reason_string(&self) -> Option<&str> {
        self.properties.reason_string()
    }
}
