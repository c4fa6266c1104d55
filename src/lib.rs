//! MQTT for programs that block.
mod client;
mod clock;
pub mod codec;
mod error;
pub mod proto;
mod transport;

pub use bytes::Bytes;
pub use client::{
    Acknowledge, Acknowledgement, Acknowledger, AuthError, Authenticator, Builder, Client,
    ConnectionEvent, Delivery, Direction, DisconnectOptions, Drained, Inspected, Message,
    PayloadReader, Statistics, Status, Subscribe, Subscribed, Unsent, Unsubscribed,
};
pub use codec::{
    Properties, PropertyId, QoS, ReasonCode, RetainHandling, SubscribeOptions, Version,
};
pub use error::{Error, ErrorCode, Stage};
pub use proto::{Counters, Granted, Limits, Payload, Publish, Unsubscribe, Will};
pub use transport::{DialError, Phase, SocketOptions, UrlError};
#[cfg(feature = "tls")]
pub use transport::{TlsError, TlsItem, TlsOptions, TlsVersion};
