//! The protocol without I/O: state machines that take bytes and time, and give bytes and events.
//!
//! [`ClientConnection`] is one client's side of a session, over as many connections as it lasts;
//! [`ServerConnection`] is a server's side of one connection, with the same verbs.
//! Nothing here reads a clock, owns a socket, a thread or a lock. Methods come in four kinds:
//! `handle_*` is input, `poll_*` is output, plain verbs are commands, and the rest looks.
//!
//! ```
//! use mqttlink::proto::{ClientConnection, Config, ConnectOptions, Event, OutBuffer, Time};
//!
//! let mut connection = ClientConnection::new(Config::default());
//! connection.connect(Time::ORIGIN, &ConnectOptions::default())?;
//!
//! let mut out = OutBuffer::new();
//! assert!(connection.poll_transmit(&mut out));
//! assert_eq!(out.to_vec()[0], 0x10, "a CONNECT packet");
//!
//! let connack = [0x20, 0x03, 0x00, 0x00, 0x00];
//! assert_eq!(connection.handle_input(Time::ORIGIN, &connack), connack.len());
//! assert!(matches!(connection.poll_event(), Some(Event::Connected(_))));
//! # Ok::<(), mqttlink::codec::EncodeError>(())
//! ```

mod alias;
mod client;
mod error;
mod event;
mod inbound;
mod incoming;
mod keep_alive;
mod kept;
mod limits;
mod out_queue;
mod outbound;
mod packet_id;
mod request;
mod server;
mod stored;
mod time;

pub use client::{ClientConnection, Config, Counters, Queued, StreamId};
pub use error::{LimitError, ProtocolError, RequestError};
pub use event::{AuthStep, Event, FilterResult, Granted, Notice, RequestOutcome};
pub use inbound::{AckOutcome, AckToken};
pub use incoming::{Incoming, IncomingMessage};
pub use limits::Limits;
pub use out_queue::OutBuffer;
pub use outbound::{AckDetail, DropReason, PublishOutcome, Token};
pub use request::{
    ConnectOptions, Disconnect, Payload, Publish, SubscribeRequest, Unsubscribe, Will,
};
pub use server::{
    Accept, AuthRequest, ConnectRequest, Goodbye, Outgoing, Publication, Receiver, Sent,
    ServerConfig, ServerConnection, ServerEvent, SessionState, SubscribeReceived,
    UnsubscribeReceived, WillReceived,
};
pub use stored::Stored;
pub use time::Time;

pub(crate) use incoming::{Topic, part};
pub(crate) use request::pattern_of;
pub(crate) use server::reason_string;
