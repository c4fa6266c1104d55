//! What a server connection reports to whoever drives it.

use super::Publication;
use crate::codec::{PacketId, Properties, PropertyId, ReasonCode, SubscribeOptions, Version};
use crate::proto::{IncomingMessage, ProtocolError};

/// Something that happened on a connection, in the order of the packets that caused it.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A client wants to connect: answer with [`accept`](super::ServerConnection::accept),
    /// [`refuse`](super::ServerConnection::refuse) or
    /// [`challenge`](super::ServerConnection::challenge). No further input is handled before.
    Connect(Box<ConnectRequest>),
    /// The client has sent AUTH: the next step of an exchange, or the first of a re-authentication.
    Auth(Box<AuthRequest>),
    /// A message, as places in the input.
    Publish(IncomingMessage),
    /// A SUBSCRIBE, to be answered with [`suback`](super::ServerConnection::suback).
    Subscribe(Box<SubscribeReceived>),
    /// An UNSUBSCRIBE, to be answered with [`unsuback`](super::ServerConnection::unsuback).
    Unsubscribe(Box<UnsubscribeReceived>),
    /// An acknowledgement came: another message of QoS 1 or 2 may be sent.
    Released,
    /// The client has said goodbye; the connection is to be closed.
    Disconnected(Box<Goodbye>),
    /// The client broke the protocol, or is silent; the connection is to be closed once what is
    /// queued has been written.
    Failed(ProtocolError),
}

/// What a CONNECT says.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConnectRequest {
    /// The version that the client speaks.
    pub version: Version,
    /// The client identifier; may be empty.
    pub client_id: String,
    /// Clean Start; Clean Session before MQTT 5.0.
    pub clean_start: bool,
    /// The keep alive that the client asks for, in seconds; 0 is none.
    pub keep_alive: u16,
    /// How many seconds the session is to outlive the connection; `u32::MAX` is for ever. Before
    /// MQTT 5.0: 0 with a clean session, else for ever.
    pub session_expiry: u32,
    /// The user name.
    pub user_name: Option<String>,
    /// The password.
    pub password: Option<Vec<u8>>,
    /// The will.
    pub will: Option<WillReceived>,
    /// All properties; empty before MQTT 5.0.
    pub properties: Properties<'static>,
}

impl ConnectRequest {
    /// About how many bytes it holds.
    pub(crate) fn size(&self) -> usize {
        self.client_id.len()
            + self.user_name.as_ref().map_or(0, String::len)
            + self.password.as_ref().map_or(0, Vec::len)
            + self.will.as_ref().map_or(0, |will| will.message.size())
            + self.properties.wire_len()
    }

    /// The name of the authentication method, for an exchange with AUTH packets.
    #[must_use]
    pub fn authentication_method(&self) -> Option<&str> {
        self.properties.text(PropertyId::AuthenticationMethod)
    }

    /// The first data of the exchange.
    #[must_use]
    pub fn authentication_data(&self) -> Option<&[u8]> {
        self.properties.binary(PropertyId::AuthenticationData)
    }
}

/// The will of a CONNECT.
#[derive(Debug)]
pub struct WillReceived {
    /// The message. Its expiry begins when it is published.
    pub message: Publication,
    /// How many seconds after the end of the connection it is published.
    pub delay: u32,
}

/// What an AUTH packet says.
#[derive(Debug)]
pub struct AuthRequest {
    /// Whether it belongs to a connection that was accepted before.
    pub re_authentication: bool,
    /// Whether it begins a re-authentication.
    pub first: bool,
    /// All properties, the authentication method and data among them.
    pub properties: Properties<'static>,
}

impl AuthRequest {
    /// The authentication data.
    #[must_use]
    pub fn data(&self) -> Option<&[u8]> {
        self.properties.binary(PropertyId::AuthenticationData)
    }
}

/// What a SUBSCRIBE says.
#[derive(Debug)]
pub struct SubscribeReceived {
    /// The packet identifier, for the answer.
    pub packet_id: PacketId,
    /// The filters and their options; at least one.
    pub filters: Vec<(String, SubscribeOptions)>,
    /// How many filters are behind these, which were
    /// [too many](super::ServerConfig::filters_max): each wants a reason of its own in the answer.
    pub excess: usize,
    /// Subscription identifier and user properties.
    pub properties: Properties<'static>,
}

/// What an UNSUBSCRIBE says.
#[derive(Debug)]
pub struct UnsubscribeReceived {
    /// The packet identifier, for the answer.
    pub packet_id: PacketId,
    /// The filters; at least one.
    pub filters: Vec<String>,
    /// How many filters are behind these, which were
    /// [too many](super::ServerConfig::filters_max): each wants a reason of its own in the answer.
    pub excess: usize,
}

/// What a DISCONNECT from a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goodbye {
    /// Why. [`ReasonCode::Success`] discards the will.
    pub reason: ReasonCode,
    /// The session expiry from now on, if the client changes it, in seconds.
    pub session_expiry: Option<u32>,
    /// All properties; empty before MQTT 5.0.
    pub properties: Properties<'static>,
}
