//! How a connection is ended, and what is left then.

use std::time::Duration;

use crate::codec::Properties;

/// How to end the connection, for [`Client::disconnect_with`](super::Client::disconnect_with).
///
/// ```
/// use mqttlink::DisconnectOptions;
/// use std::time::Duration;
///
/// let now = DisconnectOptions::new().drain(Duration::ZERO);
/// let with_will = DisconnectOptions::new().with_will();
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use = "the options do nothing until they are used to disconnect"]
pub struct DisconnectOptions {
    pub(super) drain: Option<Duration>,
    pub(super) packet: crate::proto::Disconnect,
}

impl DisconnectOptions {
    /// Drains as long as the client's [`drain_timeout`](super::Builder::drain_timeout), then says a normal
    /// goodbye.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long to wait until everything is sent and acknowledged. Zero does not wait.
    pub const fn drain(mut self, limit: Duration) -> Self {
        self.drain = Some(limit);
        self
    }

    /// Lets the server publish the will. In MQTT 5.0 it is told so; before, the connection is closed
    /// without a DISCONNECT.
    pub fn with_will(mut self) -> Self {
        self.packet = self.packet.with_will();
        self
    }

    /// A reason code that a client may send. MQTT 5.0 only.
    pub fn reason(mut self, reason: crate::codec::ReasonCode) -> Self {
        self.packet = self.packet.reason(reason);
        self
    }

    /// A text for the server's log. MQTT 5.0 only.
    pub fn reason_string(mut self, text: &str) -> Self {
        self.packet = self.packet.reason_string(text);
        self
    }

    /// How long the session outlives this connection, in whole seconds; [`Duration::MAX`] means for
    /// ever. MQTT 5.0 only. A session that was to end with the connection cannot be prolonged.
    pub fn session_expiry(mut self, expiry: Duration) -> Self {
        let seconds = u32::try_from(expiry.as_secs()).unwrap_or(u32::MAX);
        self.packet = self.packet.session_expiry(seconds);
        self
    }

    /// Adds a user property. MQTT 5.0 only.
    pub fn user_property(mut self, name: &str, value: &str) -> Self {
        self.packet = self.packet.user_property(name, value);
        self
    }
}

/// A message that had not been sent, or not been acknowledged, when the connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsent {
    /// The topic name.
    pub topic: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// The quality of service.
    pub qos: crate::codec::QoS,
    /// Whether the server was to keep the message.
    pub retain: bool,
    /// Properties; none before MQTT 5.0.
    pub properties: Properties<'static>,
}

impl From<crate::codec::Publish<'_>> for Unsent {
    fn from(packet: crate::codec::Publish<'_>) -> Self {
        Self {
            topic: packet.topic.to_owned(),
            payload: packet.payload.to_vec(),
            qos: packet.qos,
            retain: packet.retain,
            properties: packet.properties.into_owned(),
        }
    }
}

/// What was left when the connection was ended, from [`Client::disconnect`](super::Client::disconnect).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Drained {
    /// Messages of QoS 0 that were not sent. They are gone from the client.
    pub unsent: Vec<Unsent>,
    /// Messages of QoS 1 and 2 that were not acknowledged, in order. They stay with the client and
    /// are sent again if it reconnects.
    pub unacknowledged: Vec<Unsent>,
}

impl Drained {
    /// Whether nothing was left.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unsent.is_empty() && self.unacknowledged.is_empty()
    }
}
