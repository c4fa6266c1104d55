//! PUBLISH (section 3.3).

use std::fmt;
use std::num::NonZeroU16;
use std::ops::Range;

use super::property::Place;
use super::wire::{Reader, put_packet_id, put_var_int, var_int_len};
use super::{
    DecodeError, EncodeError, PacketId, PacketType, Properties, PropertyId, QoS, Version, frame,
    topic,
};

const PLACE: Place = Place::Packet(PacketType::Publish);
const RETAIN: u8 = 0b0001;
const DUP: u8 = 0b1000;

/// A PUBLISH packet: one application message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Whether this packet may be a repetition of one sent before. Always false at QoS 0.
    pub dup: bool,
    /// The quality of service of this delivery.
    pub qos: QoS,
    /// Whether the server should keep the message, or has kept it.
    pub retain: bool,
    /// The topic name. Empty only in MQTT 5.0, where a topic alias stands for it.
    pub topic: &'a str,
    /// The packet identifier; present exactly when the QoS is 1 or 2.
    pub packet_id: Option<PacketId>,
    /// Properties; empty before MQTT 5.0.
    pub properties: Properties<'a>,
    /// The application message; any bytes, may be empty.
    pub payload: &'a [u8],
}

impl<'a> Publish<'a> {
    pub(crate) fn decode(flags: u8, body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let head = PublishHead::decode(flags, body, version)?;
        let part = |range: Range<usize>| body.get(range).unwrap_or_default();
        Ok(Self {
            dup: head.dup,
            qos: head.qos,
            retain: head.retain,
            topic: std::str::from_utf8(part(head.topic)).unwrap_or_default(),
            packet_id: head.packet_id,
            properties: Properties::from_checked(part(head.properties)),
            payload: body.get(head.payload..).unwrap_or_default(),
        })
    }

    /// Appends the packet to `out`, which is left as it was when an error is returned.
    ///
    /// # Errors
    /// [`EncodeError`] for an invalid topic, properties that do not belong here, a packet identifier
    /// that does not fit the QoS, and packets of more than `max_size` bytes.
    pub fn encode(
        &self,
        version: Version,
        max_size: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.encode_head(version, max_size, self.payload.len(), None, out)?;
        out.extend_from_slice(self.payload);
        Ok(())
    }

    /// Everything but the payload, which has `payload_len` bytes and must follow.
    ///
    /// With an alias the property is added. The topic may be empty then.
    pub(crate) fn encode_head(
        &self,
        version: Version,
        max_size: usize,
        payload_len: usize,
        alias: Option<NonZeroU16>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.check(version, alias.is_some())?;
        let mut body_len = 2 + self.topic.len();
        body_len += if self.packet_id.is_some() { 2 } else { 0 };
        let properties_len = self.properties.wire_len() + if alias.is_some() { 3 } else { 0 };
        let properties_field = u32::try_from(properties_len).unwrap_or(u32::MAX);
        if version.is_v5() {
            body_len += var_int_len(properties_field) + properties_len;
        }
        let remaining = frame::remaining_length(body_len.saturating_add(payload_len), max_size)?;
        // `check` has made sure that it fits.
        let topic_len = u16::try_from(self.topic.len()).unwrap_or(u16::MAX);
        out.reserve(body_len + 5);
        out.push(self.first_byte());
        put_var_int(out, remaining);
        out.extend_from_slice(&topic_len.to_be_bytes());
        out.extend_from_slice(self.topic.as_bytes());
        if let Some(id) = self.packet_id {
            put_packet_id(out, id);
        }
        if version.is_v5() {
            put_var_int(out, properties_field);
            out.extend_from_slice(self.properties.wire());
            if let Some(alias) = alias {
                out.push(PropertyId::TopicAlias.number());
                out.extend_from_slice(&alias.get().to_be_bytes());
            }
        }
        Ok(())
    }

    fn check(&self, version: Version, has_alias: bool) -> Result<(), EncodeError> {
        let contradiction = |why| EncodeError::Contradiction { packet: PacketType::Publish, why };
        if self.packet_id.is_some() != (self.qos != QoS::AtMostOnce) {
            return Err(contradiction("QoS 1 and 2 have a packet identifier, QoS 0 has none"));
        }
        if self.dup && self.qos == QoS::AtMostOnce {
            return Err(contradiction("QoS 0 has no DUP flag [MQTT-3.3.1-2]"));
        }
        if !self.properties.is_empty() {
            if !version.is_v5() {
                return Err(EncodeError::NotInVersion { what: "a message property", version });
            }
            self.properties.check(PLACE)?;
        }
        let named = version.is_v5()
            && self.topic.is_empty()
            && (has_alias || self.properties.get(PropertyId::TopicAlias).is_some());
        if named {
            return Ok(());
        }
        topic::check_name(self.topic)
            .map_err(|error| EncodeError::InvalidTopic { field: "topic name", error })
    }

    fn first_byte(&self) -> u8 {
        let mut byte = (PacketType::Publish.number() << 4) | (self.qos.number() << 1);
        if self.dup {
            byte |= DUP;
        }
        if self.retain {
            byte |= RETAIN;
        }
        byte
    }
}

impl fmt::Display for Publish<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PUBLISH topic={:?} qos={}", self.topic, self.qos)?;
        if let Some(id) = self.packet_id {
            write!(f, " id={id}")?;
        }
        if self.retain {
            f.write_str(" retain")?;
        }
        if self.dup {
            f.write_str(" dup")?;
        }
        write!(f, " payload=({} bytes){}", self.payload.len(), self.properties)
    }
}

/// The parts of a PUBLISH as ranges of its body, for a reader that keeps the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublishHead {
    pub(crate) dup: bool,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) topic: Range<usize>,
    pub(crate) packet_id: Option<PacketId>,
    pub(crate) properties: Range<usize>,
    pub(crate) topic_alias: Option<u16>,
    /// Where the payload begins.
    pub(crate) payload: usize,
}

impl PublishHead {
    /// Reads everything before the payload. `body` may end anywhere behind it.
    pub(crate) fn decode(flags: u8, body: &[u8], version: Version) -> Result<Self, DecodeError> {
        let qos = QoS::from_u8((flags >> 1) & 0b11).ok_or(DecodeError::InvalidQoS)?;
        let dup = flags & DUP != 0;
        // MQTT 3.1 has no such rule.
        if dup && qos == QoS::AtMostOnce && version != Version::V3_1 {
            return Err(DecodeError::DupAtQoS0);
        }
        let mut reader = Reader::new(body);
        let topic = 2..2 + decode_topic(&mut reader)?;
        let packet_id = match qos {
            QoS::AtMostOnce => None,
            _ => Some(reader.packet_id(PacketType::Publish)?),
        };
        let (mut properties, mut topic_alias) = (0..0, None);
        if version.is_v5() {
            let block = Properties::decode(&mut reader, PLACE)?;
            let end = body.len() - reader.len();
            properties = end - block.wire_len()..end;
            topic_alias =
                block.number(PropertyId::TopicAlias).and_then(|alias| u16::try_from(alias).ok());
        }
        if topic.is_empty() && topic_alias.is_none() {
            return Err(DecodeError::EmptyTopic { field: "topic name" });
        }
        let payload = body.len() - reader.len();
        Ok(Self {
            dup,
            qos,
            retain: flags & RETAIN != 0,
            topic,
            packet_id,
            properties,
            topic_alias,
            payload,
        })
    }
}

/// Reads the topic name, which may be empty here, and says how long it is.
fn decode_topic(reader: &mut Reader<'_>) -> Result<usize, DecodeError> {
    let field = "topic name";
    let bytes = reader.binary(field)?;
    // One pass without an early exit settles nearly every topic: ASCII without anything special.
    let odd = bytes
        .iter()
        .fold(0, |odd, byte| odd | u8::from(!byte.is_ascii() || matches!(byte, b'+' | b'#' | 0)));
    if odd != 0 {
        let name = std::str::from_utf8(bytes).map_err(|_| DecodeError::InvalidUtf8 { field })?;
        topic::check_received_name(name, field)?;
    }
    Ok(bytes.len())
}
