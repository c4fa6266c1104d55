//! SUBACK and UNSUBACK (sections 3.9 and 3.11): one reason code for each filter of the request.

use std::fmt;

use super::ack::write_sized;
use super::property::Place;
use super::wire::{Reader, put_packet_id};
use super::{DecodeError, EncodeError, PacketId, PacketType, Properties, ReasonCode, Version};

/// A SUBACK packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubAck<'a> {
    /// The identifier of the SUBSCRIBE.
    pub packet_id: PacketId,
    /// Properties; empty before MQTT 5.0.
    pub properties: Properties<'a>,
    /// The outcome for each filter, in the order of the request.
    pub reasons: Vec<ReasonCode>,
}

/// An UNSUBACK packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsubAck<'a> {
    /// The identifier of the UNSUBSCRIBE.
    pub packet_id: PacketId,
    /// Properties; empty before MQTT 5.0.
    pub properties: Properties<'a>,
    /// The outcome for each filter, in the order of the request. Empty before MQTT 5.0, where
    /// UNSUBACK has none.
    pub reasons: Vec<ReasonCode>,
}

impl<'a> SubAck<'a> {
    pub(crate) fn decode(body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let (packet_id, properties, codes) = decode_head(PacketType::SubAck, body, version)?;
        let reasons = decode_reasons(PacketType::SubAck, codes, version)?;
        Ok(Self { packet_id, properties, reasons })
    }

    /// Appends the packet to `out`, which is left as it was when an error is returned.
    ///
    /// # Errors
    /// [`EncodeError`] for reasons that the version does not have in a SUBACK, properties that do
    /// not belong here, and packets of more than `max_size` bytes.
    pub fn encode(
        &self,
        version: Version,
        max_size: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let packet = PacketType::SubAck;
        if self.reasons.is_empty() {
            return Err(EncodeError::EmptyList { packet });
        }
        encode(packet, self.packet_id, &self.properties, &self.reasons, version, max_size, out)
    }
}

impl<'a> UnsubAck<'a> {
    pub(crate) fn decode(body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let packet = PacketType::UnsubAck;
        let (packet_id, properties, codes) = decode_head(packet, body, version)?;
        let reasons = match (version.is_v5(), codes.len()) {
            (true, _) => decode_reasons(packet, codes, version)?,
            (false, 0) => Vec::new(),
            (false, extra) => return Err(DecodeError::TrailingBytes { packet, extra }),
        };
        Ok(Self { packet_id, properties, reasons })
    }

    /// Appends the packet to `out`, which is left as it was when an error is returned.
    ///
    /// # Errors
    /// As [`SubAck::encode`]. Before MQTT 5.0 the reasons are not written.
    pub fn encode(
        &self,
        version: Version,
        max_size: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let packet = PacketType::UnsubAck;
        let reasons: &[ReasonCode] = if version.is_v5() { &self.reasons } else { &[] };
        if version.is_v5() && reasons.is_empty() {
            return Err(EncodeError::EmptyList { packet });
        }
        encode(packet, self.packet_id, &self.properties, reasons, version, max_size, out)
    }
}

fn decode_head(
    packet: PacketType,
    body: &[u8],
    version: Version,
) -> Result<(PacketId, Properties<'_>, &[u8]), DecodeError> {
    let mut reader = Reader::new(body);
    let packet_id = reader.packet_id(packet)?;
    let properties = if version.is_v5() {
        Properties::decode(&mut reader, Place::Packet(packet))?
    } else {
        Properties::new()
    };
    Ok((packet_id, properties, reader.take_rest()))
}

fn decode_reasons(
    packet: PacketType,
    codes: &[u8],
    version: Version,
) -> Result<Vec<ReasonCode>, DecodeError> {
    if codes.is_empty() {
        return Err(DecodeError::EmptyList { packet });
    }
    codes
        .iter()
        .map(|&code| {
            ReasonCode::from_u8(code)
                .filter(|reason| is_listed(packet, *reason, version))
                .ok_or(DecodeError::InvalidReasonCode { packet, code })
        })
        .collect()
}

/// MQTT 3.1.1 has the codes 0, 1, 2 and 0x80. MQTT 3.1 has no code for failure, but brokers that
/// also speak 3.1.1 send 0x80 there too, and it cannot mean anything else.
fn is_listed(packet: PacketType, reason: ReasonCode, version: Version) -> bool {
    let failure = reason == ReasonCode::UnspecifiedError;
    reason.exists_in(packet) && (version.is_v5() || failure || !reason.is_error())
}

fn encode(
    packet: PacketType,
    packet_id: PacketId,
    properties: &Properties<'_>,
    reasons: &[ReasonCode],
    version: Version,
    max_size: usize,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    if let Some(&reason) = reasons.iter().find(|reason| !is_listed(packet, **reason, version)) {
        return Err(EncodeError::InvalidReasonCode { packet, reason });
    }
    write_sized(out, packet, max_size, properties, |out, properties| {
        put_packet_id(out, packet_id);
        if version.is_v5() {
            properties.encode(out, Place::Packet(packet))?;
        }
        out.extend(reasons.iter().map(|reason| reason.code()));
        Ok(())
    })
}

fn write_line(
    f: &mut fmt::Formatter<'_>,
    packet: PacketType,
    packet_id: PacketId,
    properties: &Properties<'_>,
    reasons: &[ReasonCode],
) -> fmt::Result {
    write!(f, "{packet} id={packet_id}")?;
    for reason in reasons {
        match (packet, reason) {
            (PacketType::SubAck, ReasonCode::Success) => f.write_str(" granted QoS 0 (0x00)")?,
            _ => write!(f, " {reason}")?,
        }
    }
    write!(f, "{properties}")
}

impl fmt::Display for SubAck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_line(f, PacketType::SubAck, self.packet_id, &self.properties, &self.reasons)
    }
}

impl fmt::Display for UnsubAck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_line(f, PacketType::UnsubAck, self.packet_id, &self.properties, &self.reasons)
    }
}
