//! What a peer can do wrong, and what a request can ask for that the server does not offer.

use std::time::Duration;

use crate::codec::{DecodeError, EncodeError, PacketId, PacketType, QoS, ReasonCode, Version};

/// Why this side ends a connection: the peer broke the protocol, or is gone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The bytes are not a packet.
    #[error("the peer sent a packet that cannot be accepted: {0}")]
    Decode(#[from] DecodeError),
    /// A packet that the peer may not send, or not in this state.
    #[error("the peer sent {packet} {when}")]
    Unexpected {
        /// The kind of packet.
        packet: PacketType,
        /// In which state.
        when: &'static str,
    },
    /// CONNACK says that a session is resumed although the client asked for a new one.
    #[error("the server resumed a session although a new one was asked for [MQTT-3.2.2-2]")]
    SessionPresent,
    /// An acknowledgement of the wrong kind for the request with its identifier.
    #[error("the peer sent {packet} for packet identifier {packet_id}, which awaits {expected}")]
    WrongAck {
        /// The kind of packet that came.
        packet: PacketType,
        /// Its packet identifier.
        packet_id: PacketId,
        /// What the request awaits.
        expected: PacketType,
    },
    /// SUBACK or UNSUBACK with another number of reason codes than the request has filters.
    #[error("the peer sent {packet} with {received} reason codes for {expected} filters")]
    AckCount {
        /// SUBACK or UNSUBACK.
        packet: PacketType,
        /// How many filters the request has.
        expected: usize,
        /// How many reason codes came.
        received: usize,
    },
    /// More unacknowledged messages than this side's receive maximum.
    #[error("the peer sent more than {maximum} messages without waiting for an acknowledgement")]
    ReceiveMaximum {
        /// The receive maximum that was announced.
        maximum: u16,
    },
    /// A topic alias of 0 or above this side's maximum.
    #[error("the peer used topic alias {alias}, the maximum is {maximum}")]
    TopicAlias {
        /// The alias.
        alias: u16,
        /// The topic alias maximum that was announced.
        maximum: u16,
    },
    /// A topic alias that was never given a topic on this connection.
    #[error("the peer used topic alias {alias} before giving it a topic")]
    UnknownAlias {
        /// The alias.
        alias: u16,
    },
    /// A property that the peer may not send in this packet or situation.
    #[error("the peer sent {packet} with {what}")]
    Forbidden {
        /// The kind of packet.
        packet: PacketType,
        /// What was in it.
        what: &'static str,
    },
    /// A reason code that only clients send, or that means nothing here.
    #[error("the peer sent {packet} with the reason code {reason}")]
    Reason {
        /// The kind of packet.
        packet: PacketType,
        /// The code.
        reason: ReasonCode,
    },
    /// The authentication method is missing or is not the one of CONNECT.
    #[error("the peer sent {packet} with another authentication method than CONNECT had")]
    AuthMethod {
        /// AUTH or CONNACK.
        packet: PacketType,
    },
    /// Something that this side has not offered, with the reason code for it.
    #[error("the peer sent {packet} with {what}, which is not offered")]
    NotOffered {
        /// The kind of packet.
        packet: PacketType,
        /// What was in it.
        what: &'static str,
        /// The reason code with which MQTT 5.0 answers.
        reason: ReasonCode,
    },
    /// A connection on which no CONNECT came.
    #[error("no CONNECT came within {limit:?}")]
    ConnectTimeout {
        /// How long it was awaited.
        limit: Duration,
    },
    /// Nothing was heard from a client for one and a half times its keep alive [MQTT-3.1.2-22].
    #[error("nothing was received from the client for {silence:?}, 1.5 times its keep alive")]
    ClientSilent {
        /// How long the silence lasted.
        silence: Duration,
    },
    /// Nothing was heard from the peer.
    #[error("nothing was received for {silence:?}, although a PINGREQ was sent")]
    KeepAlive {
        /// How long an answer was awaited.
        silence: Duration,
    },
}

impl ProtocolError {
    /// The reason code with which MQTT 5.0 answers this error.
    #[must_use]
    pub fn reason(&self) -> ReasonCode {
        match self {
            Self::Decode(error) => error.reason(),
            Self::ReceiveMaximum { .. } => ReasonCode::ReceiveMaximumExceeded,
            Self::TopicAlias { .. } => ReasonCode::TopicAliasInvalid,
            Self::NotOffered { reason, .. } => *reason,
            Self::ClientSilent { .. } => ReasonCode::KeepAliveTimeout,
            // A client may not send 0x8D.
            Self::KeepAlive { .. } => ReasonCode::UnspecifiedError,
            _ => ReasonCode::ProtocolError,
        }
    }

    /// The statement of the specification that the peer broke, in that version's numbering.
    #[must_use]
    pub fn statement(&self, version: Version) -> Option<&'static str> {
        if let Self::Decode(error) = self {
            return error.statement(version);
        }
        let (v5, v4) = match self {
            Self::Unexpected { packet: PacketType::ConnAck, .. } => (Some("MQTT-3.2.0-2"), None),
            Self::Unexpected { .. } => (Some("MQTT-3.2.0-1"), Some("MQTT-3.2.0-1")),
            Self::SessionPresent => (Some("MQTT-3.2.2-2"), Some("MQTT-3.2.2-1")),
            Self::AckCount { packet: PacketType::SubAck, .. } => {
                (Some("MQTT-3.8.4-6"), Some("MQTT-3.8.4-5"))
            }
            Self::AckCount { .. } => (Some("MQTT-3.11.3-2"), None),
            Self::WrongAck { .. } => (Some("MQTT-2.2.1-5"), Some("MQTT-2.3.1-6")),
            Self::ReceiveMaximum { .. } => (Some("MQTT-3.3.4-9"), None),
            Self::TopicAlias { .. } => (Some("MQTT-3.3.2-11"), None),
            Self::UnknownAlias { .. } => (Some("MQTT-3.3.2-7"), None),
            Self::AuthMethod { .. } => (Some("MQTT-4.12.0-5"), None),
            Self::Reason { packet: PacketType::Disconnect, .. } => (Some("MQTT-3.14.2-1"), None),
            Self::Reason { packet: PacketType::Auth, .. } => (Some("MQTT-3.15.2-1"), None),
            _ => (None, None),
        };
        match version {
            Version::V5 => v5,
            Version::V3_1_1 => v4,
            Version::V3_1 => None,
        }
    }
}

/// A request that the server has said it does not take. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// The QoS is above the server's maximum.
    #[error(
        "the server takes messages up to QoS {maximum}, this one has QoS {qos} [MQTT-3.2.2-11]"
    )]
    MaximumQoS {
        /// The QoS asked for.
        qos: QoS,
        /// The server's maximum.
        maximum: QoS,
    },
    /// The server keeps no retained messages.
    #[error("the server does not keep retained messages [MQTT-3.2.2-14]")]
    RetainNotAvailable,
    /// The packet is larger than the server accepts.
    #[error("the packet would have {size} bytes, the server takes {maximum} [MQTT-3.2.2-15]")]
    MaximumPacketSize {
        /// The whole packet's size in bytes.
        size: usize,
        /// The server's maximum in bytes.
        maximum: usize,
    },
    /// The server has no wildcard subscriptions.
    #[error("the server does not offer wildcard subscriptions (filter {filter:?})")]
    WildcardNotAvailable {
        /// The filter with the wildcard.
        filter: String,
    },
    /// The server has no shared subscriptions.
    #[error("the server does not offer shared subscriptions (filter {filter:?})")]
    SharedNotAvailable {
        /// The filter of the shared subscription.
        filter: String,
    },
    /// The server has no subscription identifiers.
    #[error("the server does not offer subscription identifiers")]
    SubscriptionIdNotAvailable,
}

/// Why a request was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// There is no connection.
    #[error("there is no connection")]
    NotConnected,
    /// The connection is being set up.
    #[error("the server has not accepted the connection yet")]
    NotYet,
    /// The server's receive maximum, or the client's own window, is used up.
    #[error("{in_flight} messages await their acknowledgement, no more may be sent")]
    NoQuota {
        /// How many messages are in flight.
        in_flight: usize,
    },
    /// The outgoing buffer, or the space for messages in flight, is full.
    #[error("{bytes} bytes wait to be sent or acknowledged, the buffer is full")]
    NoRoom {
        /// How many bytes wait.
        bytes: usize,
    },
    /// All 65,535 packet identifiers are in use.
    #[error("all 65535 packet identifiers are in use")]
    NoPacketId,
    /// The server does not take it.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// It cannot be expressed.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The payload is complete, or the connection that it belongs to is gone.
    #[error("the payload is complete, or its connection was lost")]
    StreamClosed,
    /// The request makes no sense in this state.
    #[error("{0}")]
    State(&'static str),
}

impl RequestError {
    /// Whether the same request can succeed later without anything else changing.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::NotYet | Self::NoQuota { .. } | Self::NoRoom { .. } | Self::NoPacketId)
    }
}
