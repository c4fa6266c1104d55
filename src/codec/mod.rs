//! Packets to bytes and back, for MQTT 3.1, 3.1.1 and 5.0, in both directions.
//!
//! No state, no clock, no I/O. Decoding borrows from the input; encoding appends to the caller's
//! buffer and leaves it as it was when a packet cannot be expressed. A client and a server use the
//! same types.
//!
//! ```
//! use mqttlink::codec::{Packet, Publish, QoS, Version, frame};
//!
//! let publish = Publish { topic: "greeting", payload: b"hello", ..Publish::default() };
//! let mut bytes = Vec::new();
//! publish.encode(Version::V5, frame::MAX_PACKET_SIZE, &mut bytes)?;
//!
//! let frame = frame::parse(&bytes, Version::V5, frame::MAX_PACKET_SIZE)?.unwrap();
//! let Packet::Publish(read) = Packet::decode(&frame, Version::V5)? else { unreachable!() };
//! assert_eq!((read.topic, read.payload, read.qos), ("greeting", &b"hello"[..], QoS::AtMostOnce));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ack;
mod auth;
mod connack;
mod connect;
mod disconnect;
mod error;
pub mod frame;
mod property;
mod publish;
mod reason;
mod suback;
mod subscribe;
pub mod topic;
mod unsubscribe;
mod wire;

use std::fmt;
use std::num::NonZeroU16;

pub use ack::{Ack, AckKind};
pub use auth::Auth;
pub use connack::ConnAck;
pub use connect::{Connect, Will};
pub use disconnect::Disconnect;
pub use error::{DecodeError, EncodeError, TopicError};
pub use frame::Frame;
pub use property::{Properties, Property, PropertyId, PropertyIter, PropertyValue};
pub use publish::Publish;
pub use reason::{ReasonCode, Sender};
pub use suback::{SubAck, UnsubAck};
pub use subscribe::{RetainHandling, Subscribe, SubscribeFilter, SubscribeOptions};
pub use unsubscribe::Unsubscribe;

pub(crate) use property::Place;
pub(crate) use publish::PublishHead;
use wire::VAR_INT_MAX;
pub(crate) use wire::{put_var_int, var_int_len};

/// A packet identifier: 1 to 65,535.
pub type PacketId = NonZeroU16;

/// A version of the MQTT protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Version {
    /// MQTT 3.1 (protocol level 3, name `MQIsdp`).
    V3_1,
    /// MQTT 3.1.1 (protocol level 4).
    V3_1_1,
    /// MQTT 5.0 (protocol level 5).
    #[default]
    V5,
}

impl Version {
    /// Every version, oldest first.
    pub const ALL: [Self; 3] = [Self::V3_1, Self::V3_1_1, Self::V5];

    /// The protocol level, as in a CONNECT packet: 3, 4 or 5.
    #[must_use]
    pub const fn level(self) -> u8 {
        match self {
            Self::V3_1 => 3,
            Self::V3_1_1 => 4,
            Self::V5 => 5,
        }
    }

    /// Whether this is MQTT 5.0, with properties, reason codes and AUTH.
    #[must_use]
    pub const fn is_v5(self) -> bool {
        matches!(self, Self::V5)
    }

    pub(crate) const fn protocol_name(self) -> &'static str {
        match self {
            Self::V3_1 => "MQIsdp",
            Self::V3_1_1 | Self::V5 => "MQTT",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V3_1 => "3.1",
            Self::V3_1_1 => "3.1.1",
            Self::V5 => "5.0",
        })
    }
}

/// Quality of service: how hard sender and receiver try to deliver a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(u8)]
pub enum QoS {
    /// QoS 0: sent once, lost if the connection breaks.
    #[default]
    AtMostOnce = 0,
    /// QoS 1: sent until acknowledged, may arrive more than once.
    AtLeastOnce = 1,
    /// QoS 2: arrives exactly once while the session lives.
    ExactlyOnce = 2,
}

impl QoS {
    /// Every quality of service, lowest first.
    pub const ALL: [Self; 3] = [Self::AtMostOnce, Self::AtLeastOnce, Self::ExactlyOnce];

    /// The quality of service with this number, 0 to 2.
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }

    /// The number on the wire, 0 to 2.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for QoS {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}

/// A kind of control packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum PacketType {
    Connect = 1,
    ConnAck = 2,
    Publish = 3,
    PubAck = 4,
    PubRec = 5,
    PubRel = 6,
    PubComp = 7,
    Subscribe = 8,
    SubAck = 9,
    Unsubscribe = 10,
    UnsubAck = 11,
    PingReq = 12,
    PingResp = 13,
    Disconnect = 14,
    Auth = 15,
}

impl PacketType {
    /// All fifteen packet types, in numerical order.
    pub const ALL: [Self; 15] = [
        Self::Connect,
        Self::ConnAck,
        Self::Publish,
        Self::PubAck,
        Self::PubRec,
        Self::PubRel,
        Self::PubComp,
        Self::Subscribe,
        Self::SubAck,
        Self::Unsubscribe,
        Self::UnsubAck,
        Self::PingReq,
        Self::PingResp,
        Self::Disconnect,
        Self::Auth,
    ];

    /// The packet type with this number in this version. AUTH exists in MQTT 5.0 only.
    #[must_use]
    pub fn from_u8(number: u8, version: Version) -> Option<Self> {
        let found = *Self::ALL.get(usize::from(number).checked_sub(1)?)?;
        (found != Self::Auth || version.is_v5()).then_some(found)
    }

    /// The number in the upper four bits of a packet's first byte.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The lower four bits of the first byte, for every type but PUBLISH.
    pub(crate) const fn flags(self) -> u8 {
        match self {
            Self::PubRel | Self::Subscribe | Self::Unsubscribe => 0b0010,
            _ => 0,
        }
    }

    /// The whole first byte, for every type but PUBLISH.
    pub(crate) const fn first_byte(self) -> u8 {
        (self.number() << 4) | self.flags()
    }

    pub(crate) const fn bit(self) -> u16 {
        1 << self.number()
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "CONNECT",
            Self::ConnAck => "CONNACK",
            Self::Publish => "PUBLISH",
            Self::PubAck => "PUBACK",
            Self::PubRec => "PUBREC",
            Self::PubRel => "PUBREL",
            Self::PubComp => "PUBCOMP",
            Self::Subscribe => "SUBSCRIBE",
            Self::SubAck => "SUBACK",
            Self::Unsubscribe => "UNSUBSCRIBE",
            Self::UnsubAck => "UNSUBACK",
            Self::PingReq => "PINGREQ",
            Self::PingResp => "PINGRESP",
            Self::Disconnect => "DISCONNECT",
            Self::Auth => "AUTH",
        })
    }
}

/// A control packet of any kind.
///
/// Its [`Display`](fmt::Display) form is one line without payload, password or authentication data.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant is the packet it names")]
pub enum Packet<'a> {
    Connect(Connect<'a>),
    ConnAck(ConnAck<'a>),
    Publish(Publish<'a>),
    /// PUBACK, PUBREC, PUBREL or PUBCOMP.
    Ack(Ack<'a>),
    Subscribe(Subscribe<'a>),
    SubAck(SubAck<'a>),
    Unsubscribe(Unsubscribe<'a>),
    UnsubAck(UnsubAck<'a>),
    PingReq,
    PingResp,
    Disconnect(Disconnect<'a>),
    Auth(Auth<'a>),
}

impl<'a> Packet<'a> {
    /// Reads the packet in `frame`. A CONNECT says its own version and ignores `version`.
    ///
    /// # Errors
    /// [`DecodeError`] for anything that the specification does not allow in such a packet.
    pub fn decode(frame: &Frame<'a>, version: Version) -> Result<Self, DecodeError> {
        let body = frame.body;
        Ok(match frame.packet_type {
            PacketType::Connect => Self::Connect(Connect::decode(body)?),
            PacketType::ConnAck => Self::ConnAck(ConnAck::decode(body, version)?),
            PacketType::Publish => Self::Publish(Publish::decode(frame.flags, body, version)?),
            PacketType::PubAck => Self::Ack(Ack::decode(AckKind::PubAck, body, version)?),
            PacketType::PubRec => Self::Ack(Ack::decode(AckKind::PubRec, body, version)?),
            PacketType::PubRel => Self::Ack(Ack::decode(AckKind::PubRel, body, version)?),
            PacketType::PubComp => Self::Ack(Ack::decode(AckKind::PubComp, body, version)?),
            PacketType::Subscribe => Self::Subscribe(Subscribe::decode(body, version)?),
            PacketType::SubAck => Self::SubAck(SubAck::decode(body, version)?),
            PacketType::Unsubscribe => Self::Unsubscribe(Unsubscribe::decode(body, version)?),
            PacketType::UnsubAck => Self::UnsubAck(UnsubAck::decode(body, version)?),
            PacketType::PingReq => decode_ping(Self::PingReq, frame)?,
            PacketType::PingResp => decode_ping(Self::PingResp, frame)?,
            PacketType::Disconnect => Self::Disconnect(Disconnect::decode(body, version)?),
            PacketType::Auth => Self::Auth(Auth::decode(body)?),
        })
    }

    /// Appends the packet to `out`, which is left as it was when an error is returned.
    ///
    /// `max_size` is the largest packet allowed, in bytes, fixed header included. A CONNECT is
    /// written in its own version and ignores `version`.
    ///
    /// # Errors
    /// [`EncodeError`] for what the version cannot express and for packets over `max_size`.
    pub fn encode(
        &self,
        version: Version,
        max_size: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        match self {
            Self::Connect(packet) => packet.encode(max_size, out),
            Self::ConnAck(packet) => packet.encode(version, max_size, out),
            Self::Publish(packet) => packet.encode(version, max_size, out),
            Self::Ack(packet) => packet.encode(version, max_size, out),
            Self::Subscribe(packet) => packet.encode(version, max_size, out),
            Self::SubAck(packet) => packet.encode(version, max_size, out),
            Self::Unsubscribe(packet) => packet.encode(version, max_size, out),
            Self::UnsubAck(packet) => packet.encode(version, max_size, out),
            Self::PingReq => {
                frame::write(out, PacketType::PingReq.first_byte(), max_size, |_| Ok(()))
            }
            Self::PingResp => {
                frame::write(out, PacketType::PingResp.first_byte(), max_size, |_| Ok(()))
            }
            Self::Disconnect(packet) => packet.encode(version, max_size, out),
            Self::Auth(packet) => packet.encode(version, max_size, out),
        }
    }

    /// The kind of packet.
    #[must_use]
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Self::Connect(_) => PacketType::Connect,
            Self::ConnAck(_) => PacketType::ConnAck,
            Self::Publish(_) => PacketType::Publish,
            Self::Ack(ack) => ack.kind.packet_type(),
            Self::Subscribe(_) => PacketType::Subscribe,
            Self::SubAck(_) => PacketType::SubAck,
            Self::Unsubscribe(_) => PacketType::Unsubscribe,
            Self::UnsubAck(_) => PacketType::UnsubAck,
            Self::PingReq => PacketType::PingReq,
            Self::PingResp => PacketType::PingResp,
            Self::Disconnect(_) => PacketType::Disconnect,
            Self::Auth(_) => PacketType::Auth,
        }
    }
}

fn decode_ping<'a>(packet: Packet<'a>, frame: &Frame<'_>) -> Result<Packet<'a>, DecodeError> {
    wire::Reader::new(frame.body).finish(frame.packet_type)?;
    Ok(packet)
}

impl fmt::Display for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(packet) => packet.fmt(f),
            Self::ConnAck(packet) => packet.fmt(f),
            Self::Publish(packet) => packet.fmt(f),
            Self::Ack(packet) => packet.fmt(f),
            Self::Subscribe(packet) => packet.fmt(f),
            Self::SubAck(packet) => packet.fmt(f),
            Self::Unsubscribe(packet) => packet.fmt(f),
            Self::UnsubAck(packet) => packet.fmt(f),
            Self::PingReq | Self::PingResp => self.packet_type().fmt(f),
            Self::Disconnect(packet) => packet.fmt(f),
            Self::Auth(packet) => packet.fmt(f),
        }
    }
}
