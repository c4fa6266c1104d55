//! DISCONNECT (section 3.14).

use std::fmt;

use super::ack::{decode_reason, put_reason_and_properties, write_sized};
use super::property::Place;
use super::wire::Reader;
use super::{DecodeError, EncodeError, PacketType, Properties, ReasonCode, Version};

const PACKET: PacketType = PacketType::Disconnect;

/// A DISCONNECT packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Why the connection ends; [`ReasonCode::Success`] means normal disconnection.
    pub reason: ReasonCode,
    /// Properties; empty before MQTT 5.0.
    pub properties: Properties<'a>,
}

impl Disconnect<'_> {
    /// A DISCONNECT with a reason and no properties.
    #[must_use]
    pub const fn new(reason: ReasonCode) -> Self {
        Self { reason, properties: Properties::new() }
    }
}

impl<'a> Disconnect<'a> {
    pub(crate) fn decode(body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let mut packet = Self::new(ReasonCode::Success);
        if version.is_v5() && !reader.is_empty() {
            packet.reason = decode_reason(&mut reader, PACKET)?;
            packet.properties = Properties::decode_optional(&mut reader, Place::Packet(PACKET))?;
        }
        reader.finish(PACKET)?;
        Ok(packet)
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
        if version.is_v5() && !self.reason.exists_in(PACKET) {
            return Err(EncodeError::InvalidReasonCode { packet: PACKET, reason: self.reason });
        }
        write_sized(out, PACKET, max_size, &self.properties, |out, properties| {
            if version.is_v5() {
                put_reason_and_properties(out, PACKET, self.reason, properties)?;
            }
            Ok(())
        })
    }
}

impl fmt::Display for Disconnect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            ReasonCode::Success => write!(f, "{PACKET} reason=normal disconnection (0x00)")?,
            reason => write!(f, "{PACKET} reason={reason}")?,
        }
        write!(f, "{}", self.properties)
    }
}
