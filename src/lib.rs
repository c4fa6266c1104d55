//! MQTT for programs that block: a client for MQTT 3.1, 3.1.1 and 5.0 over TCP and TLS, with two
//! threads around a blocking socket and no async runtime.
//!
//! # Connecting
//!
//! A [`Builder`] comes from a URL or from host and port, and makes a [`Client`]: a handle that can be
//! cloned, sent and shared, and whose calls may be made from any thread, also inside handlers.
//! [`Client::connect`] blocks until the server has answered, at most
//! [`connect_timeout`](Builder::connect_timeout), and returns what it has [`Granted`].
//!
//! ```no_run
//! # fn main() -> Result<(), mqttlink::Error> {
//! use mqttlink::Client;
//!
//! let client = Client::builder("mqtt://localhost").client_id("gateway-7").build()?;
//! let granted = client.connect()?;
//! println!("receive maximum: {}", granted.limits.receive_maximum);
//! # Ok(()) }
//! ```
//!
//! # Publishing
//!
//! [`Client::publish`] takes a message as soon as there is room for it, and returns a [`Delivery`]:
//! whoever wants to know what became of the message waits on that. [`Client::try_publish`] does not
//! wait for room, [`Client::publish_then`] calls back, [`Client::publish_reader`] streams.
//!
//! ```no_run
//! # fn main() -> Result<(), mqttlink::Error> {
//! # let client = mqttlink::Client::builder("mqtt://localhost").build()?;
//! use mqttlink::{Publish, QoS};
//!
//! let delivery = client.publish(Publish::new("valve/3", "open").qos(QoS::ExactlyOnce))?;
//! delivery.wait()?;
//! # Ok(()) }
//! ```
//!
//! # Receiving
//!
//! Messages go to the handler of their subscription, if it has one; otherwise to the handler of
//! [`Builder::on_message`]; otherwise they wait for [`Client::recv`]. A message of QoS 1 or 2 is
//! acknowledged when its handler has returned or when it is dropped, unless [`Acknowledge`] says
//! otherwise. What is not taken makes the client stop reading, so that the server has to wait.
//!
//! ```no_run
//! # fn main() -> Result<(), mqttlink::Error> {
//! # let client = mqttlink::Client::builder("mqtt://localhost").build()?;
//! use mqttlink::QoS;
//!
//! client.subscribe(("house/#", QoS::AtLeastOnce))?.all()?;
//! for message in client.messages() {
//!     println!("{}: {:?}", message.topic(), message.text());
//! }
//! # Ok(()) }
//! ```
//!
//! # When something goes wrong
//!
//! An [`Error`] has a [code](ErrorCode) that never changes, the [stage](Stage) at which it happened, and
//! what the system, TLS or the server said. A lost connection is told to whoever waits, and to the
//! handler of [`Builder::on_event`], which may call [`Client::reconnect`]: it goes on with the session,
//! and messages of QoS 1 and 2 that were in flight are sent again.
//!
//! # Ending
//!
//! [`Client::disconnect`] waits until everything is sent and acknowledged, and says goodbye.
//! [`Client::abort`] does not, so that the server publishes the will. Dropping the last handle writes
//! what was accepted and ends without a goodbye.
//!
//! # A broker
//!
//! [`broker::Broker`] is a complete MQTT server inside the process: for a test, a gateway or a
//! demonstration. [`testing`] has what tests need beside it.
//!
//! # Features
//!
//! `tls`, on by default: TLS through the platform's own library. `capi`: the C library, whose manual is
//! `include/mqttlink.h`; see `docs/c-api.md`.
pub mod broker;
mod client;
mod clock;
pub mod codec;
mod error;
#[cfg(feature = "capi")]
#[expect(unsafe_code, reason = "C's pointers cannot be followed otherwise")]
mod ffi;
pub mod proto;
pub mod testing;
mod threads;
mod transport;

pub use bytes::Bytes;
pub use client::{
    Acknowledge, Acknowledgement, Acknowledger, AuthError, Authenticator, Builder, Client,
    ConnectionEvent, Delivery, Direction, DisconnectOptions, Drained, Inspected, Message,
    PayloadReader, Statistics, Status, Subscribe, Subscribed, Unsent, Unsubscribed, WeakClient,
};
pub use codec::{
    Properties, PropertyId, QoS, ReasonCode, RetainHandling, SubscribeOptions, Version,
};
pub use error::{Error, ErrorCode, Stage};
pub use proto::{Counters, Granted, Limits, Payload, Publish, Unsubscribe, Will};
pub use transport::{Connector, DialError, Phase, SocketOptions, Stream, UrlError};
#[cfg(feature = "tls")]
pub use transport::{TlsError, TlsItem, TlsOptions, TlsServerOptions, TlsVersion};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
