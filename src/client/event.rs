//! What handlers are told besides messages.

use super::handlers::HandlerChange;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::codec::{Packet, Version, frame};
use crate::error::Error;
use crate::proto::Granted;

/// Something happened to the connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// The server has accepted the connection.
    Connected(Arc<Granted>),
    /// No connection came about: the network or the server refused.
    ConnectFailed(Error),
    /// The connection is gone, and everything that belonged to it. `None`: this side ended it.
    Disconnected(Option<Error>),
}

/// Which way a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the server.
    Received,
    /// To the server.
    Sent,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Received => "received",
            Self::Sent => "sent",
        })
    }
}

/// A packet that went over the wire, for inspection.
#[derive(Debug, Clone, Copy)]
pub struct Inspected<'a> {
    /// Which way it went.
    pub direction: Direction,
    /// The packet's bytes, fixed header included. They may hold a password.
    pub bytes: &'a [u8],
    /// The protocol version of the connection.
    pub version: Version,
}

impl<'a> Inspected<'a> {
    /// The packet's fields. `None` for what the server sent against the protocol, and for a message
    /// whose payload is handed over in chunks.
    #[must_use]
    pub fn packet(&self) -> Option<Packet<'a>> {
        let frame = frame::parse(self.bytes, self.version, frame::MAX_PACKET_SIZE).ok()??;
        Packet::decode(&frame, self.version).ok()
    }
}

/// One line without payload, password and authentication data.
impl fmt::Display for Inspected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.direction)?;
        match self.packet() {
            Some(packet) => packet.fmt(f),
            None => write!(f, "({} bytes)", self.bytes.len()),
        }
    }
}

/// Whole packets, one after the other.
pub(super) struct Packets {
    pub(super) direction: Direction,
    pub(super) bytes: Bytes,
    pub(super) version: Version,
}

impl Packets {
    pub(super) fn each(&self, mut call: impl FnMut(&Inspected<'_>)) {
        let (direction, version) = (self.direction, self.version);
        let mut rest: &[u8] = &self.bytes;
        while !rest.is_empty() {
            let header = frame::parse_header(rest, version, usize::MAX).ok().flatten();
            let len = header.map_or(rest.len(), |header| header.len.min(rest.len()));
            let (bytes, tail) = rest.split_at(len);
            call(&Inspected { direction, bytes, version });
            rest = tail;
        }
    }
}

/// Work for the dispatcher besides messages.
pub(super) enum Notification {
    Connection(ConnectionEvent),
    Packets(Packets),
    /// A completion callback, with what it is told.
    Call(Box<dyn FnOnce() + Send>),
    /// The handlers change here: messages before it know nothing of it.
    Handlers(HandlerChange),
}
