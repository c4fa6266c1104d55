//! PUBACK, PUBREC, PUBREL and PUBCOMP (sections 3.4 to 3.7): one layout, four meanings.

use std::fmt;

use super::property::Place;
use super::wire::{Reader, put_packet_id};
use super::{
    DecodeError, EncodeError, PacketId, PacketType, Properties, ReasonCode, Version, frame,
};

/// Which acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum AckKind {
    PubAck,
    PubRec,
    PubRel,
    PubComp,
}

impl AckKind {
    /// All four, in numerical order.
    pub const ALL: [Self; 4] = [Self::PubAck, Self::PubRec, Self::PubRel, Self::PubComp];

    pub(crate) const fn from_packet_type(packet: PacketType) -> Option<Self> {
        match packet {
            PacketType::PubAck => Some(Self::PubAck),
            PacketType::PubRec => Some(Self::PubRec),
            PacketType::PubRel => Some(Self::PubRel),
            PacketType::PubComp => Some(Self::PubComp),
            _ => None,
        }
    }

    /// The packet type.
    #[must_use]
    pub const fn packet_type(self) -> PacketType {
        match self {
            Self::PubAck => PacketType::PubAck,
            Self::PubRec => PacketType::PubRec,
            Self::PubRel => PacketType::PubRel,
            Self::PubComp => PacketType::PubComp,
        }
    }
}

/// A PUBACK, PUBREC, PUBREL or PUBCOMP packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack<'a> {
    /// Which acknowledgement.
    pub kind: AckKind,
    /// The identifier of the PUBLISH.
    pub packet_id: PacketId,
    /// The outcome; [`ReasonCode::Success`] before MQTT 5.0.
    pub reason: ReasonCode,
    /// Properties; empty before MQTT 5.0.
    pub properties: Properties<'a>,
}

impl<'a> Ack<'a> {
    /// A successful acknowledgement without properties.
    #[must_use]
    pub const fn new(kind: AckKind, packet_id: PacketId) -> Self {
        Self { kind, packet_id, reason: ReasonCode::Success, properties: Properties::new() }
    }

    pub(crate) fn decode(
        kind: AckKind,
        body: &'a [u8],
        version: Version,
    ) -> Result<Self, DecodeError> {
        let packet = kind.packet_type();
        let mut reader = Reader::new(body);
        let mut ack = Self::new(kind, reader.packet_id(packet)?);
        // MQTT 5.0 may leave out the properties, and the reason code with them.
        if version.is_v5() && !reader.is_empty() {
            ack.reason = decode_reason(&mut reader, packet)?;
            ack.properties = Properties::decode_optional(&mut reader, Place::Packet(packet))?;
        }
        reader.finish(packet)?;
        Ok(ack)
    }

    /// Appends the packet to `out`, which is left as it was when an error is returned.
    ///
    /// In MQTT 5.0, reason string and user properties are left out when the packet would otherwise
    /// have more than `max_size` bytes. Before MQTT 5.0 reason and properties are not written.
    ///
    /// # Errors
    /// [`EncodeError`] for a reason or properties that do not belong here, and for packets of more
    /// than `max_size` bytes.
    pub fn encode(
        &self,
        version: Version,
        max_size: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let packet = self.kind.packet_type();
        if !version.is_v5() || (self.reason == ReasonCode::Success && self.properties.is_empty()) {
            let [high, low] = self.packet_id.get().to_be_bytes();
            if max_size < 4 {
                return Err(EncodeError::PacketTooLarge { size: 4, max: max_size });
            }
            out.extend_from_slice(&[packet.first_byte(), 2, high, low]);
            return Ok(());
        }
        if !self.reason.exists_in(packet) {
            return Err(EncodeError::InvalidReasonCode { packet, reason: self.reason });
        }
        write_sized(out, packet, max_size, &self.properties, |out, properties| {
            put_packet_id(out, self.packet_id);
            put_reason_and_properties(out, packet, self.reason, properties)
        })
    }
}

/// Writes a packet and, if it is too large, writes it again without reason string and user
/// properties [MQTT-3.4.2-2].
pub(crate) fn write_sized(
    out: &mut Vec<u8>,
    packet: PacketType,
    max_size: usize,
    properties: &Properties<'_>,
    body: impl Fn(&mut Vec<u8>, &Properties<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    match frame::write(out, packet.first_byte(), max_size, |out| body(out, properties)) {
        Err(EncodeError::PacketTooLarge { .. }) if !properties.is_empty() => {
            let rest = properties.without_diagnostics();
            frame::write(out, packet.first_byte(), max_size, |out| body(out, &rest))
        }
        result => result,
    }
}

/// The tail that acknowledgements and DISCONNECT share: both fields may be left out.
pub(crate) fn put_reason_and_properties(
    out: &mut Vec<u8>,
    packet: PacketType,
    reason: ReasonCode,
    properties: &Properties<'_>,
) -> Result<(), EncodeError> {
    if reason == ReasonCode::Success && properties.is_empty() {
        return Ok(());
    }
    out.push(reason.code());
    if properties.is_empty() {
        return Ok(());
    }
    properties.encode(out, Place::Packet(packet))
}

pub(crate) fn decode_reason(
    reader: &mut Reader<'_>,
    packet: PacketType,
) -> Result<ReasonCode, DecodeError> {
    let code = reader.u8("reason code")?;
    ReasonCode::from_u8(code)
        .filter(|reason| reason.exists_in(packet))
        .ok_or(DecodeError::InvalidReasonCode { packet, code })
}

impl fmt::Display for Ack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} id={}", self.kind.packet_type(), self.packet_id)?;
        write_outcome(f, self.reason, &self.properties)
    }
}

/// Reason, unless it is success, and properties.
pub(crate) fn write_outcome(
    f: &mut fmt::Formatter<'_>,
    reason: ReasonCode,
    properties: &Properties<'_>,
) -> fmt::Result {
    if reason != ReasonCode::Success {
        write!(f, " reason={reason}")?;
    }
    write!(f, "{properties}")
}
