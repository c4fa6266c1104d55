//! Messages from the peer, as places in the bytes that were read.

use std::ops::Range;
use std::sync::Arc;

use super::AckToken;
use crate::codec::{Properties, QoS};

/// Part of the input: a message, or more of the payload of a large one.
#[derive(Debug, Clone)]
pub enum Incoming {
    /// A message.
    Message(IncomingMessage),
    /// More payload of the last message that had [`streamed_len`](IncomingMessage::streamed_len).
    Chunk {
        /// Where in the input it is.
        range: Range<u32>,
        /// Whether the payload is complete.
        last: bool,
    },
}

/// A PUBLISH as places in the input that was given to
/// [`handle_input`](super::ClientConnection::handle_input).
#[derive(Debug, Clone)]
pub struct IncomingMessage {
    pub(crate) topic: Topic,
    pub(crate) properties: Range<u32>,
    pub(crate) payload: Range<u32>,
    /// The payload's length when it follows as [`Incoming::Chunk`]s.
    pub(crate) streamed_len: Option<u32>,
    pub(crate) dup: bool,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) ack: Option<AckToken>,
}

#[derive(Debug, Clone)]
pub(crate) enum Topic {
    Here(Range<u32>),
    Alias(Arc<str>),
}

impl IncomingMessage {
    /// The topic name; `input` is what was given to `handle_input`.
    #[must_use]
    pub fn topic<'a>(&'a self, input: &'a [u8]) -> &'a str {
        // The text was checked when it was read.
        std::str::from_utf8(self.topic_bytes(input)).unwrap_or_default()
    }

    /// The topic name's bytes.
    pub(crate) fn topic_bytes<'a>(&'a self, input: &'a [u8]) -> &'a [u8] {
        match &self.topic {
            Topic::Here(range) => part(input, range),
            Topic::Alias(topic) => topic.as_bytes(),
        }
    }

    /// The payload. Empty if it [comes in chunks](Self::streamed_len).
    #[must_use]
    pub fn payload<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        part(input, &self.payload)
    }

    /// The properties.
    #[must_use]
    pub fn properties<'a>(&self, input: &'a [u8]) -> Properties<'a> {
        Properties::from_checked(part(input, &self.properties))
    }

    /// How long the payload is, in bytes, when it follows as [`Incoming::Chunk`]s.
    #[must_use]
    pub const fn streamed_len(&self) -> Option<u32> {
        self.streamed_len
    }

    /// The quality of service of this delivery.
    #[must_use]
    pub const fn qos(&self) -> QoS {
        self.qos
    }

    /// Whether the message was kept by the server.
    #[must_use]
    pub const fn retain(&self) -> bool {
        self.retain
    }

    /// Whether the packet may be a repetition of one sent before.
    #[must_use]
    pub const fn dup(&self) -> bool {
        self.dup
    }

    /// What acknowledges the message; `None` at QoS 0.
    #[must_use]
    pub const fn ack(&self) -> Option<AckToken> {
        self.ack
    }

    pub(crate) fn bytes_len(&self) -> usize {
        usize::try_from(self.payload.end).unwrap_or(usize::MAX)
    }
}

pub(crate) fn part<'a>(input: &'a [u8], range: &Range<u32>) -> &'a [u8] {
    let start = usize::try_from(range.start).unwrap_or(usize::MAX);
    let end = usize::try_from(range.end).unwrap_or(usize::MAX);
    input.get(start..end).unwrap_or_default()
}
