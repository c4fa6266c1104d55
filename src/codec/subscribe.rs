//! SUBSCRIBE (section 3.8).

use std::fmt;

use super::property::Place;
use super::topic::Filter;
use super::wire::{Reader, put_packet_id, put_string};
use super::{
    DecodeError, EncodeError, PacketId, PacketType, Properties, QoS, TopicError, Version, frame,
};

const PACKET: PacketType = PacketType::Subscribe;
const NO_LOCAL: u8 = 0b0000_0100;
const RETAIN_AS_PUBLISHED: u8 = 0b0000_1000;
const RESERVED: u8 = 0b1100_0000;

/// Which retained messages the server sends when a subscription is made (section 3.8.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum RetainHandling {
    /// All that match.
    #[default]
    Send = 0,
    /// All that match, if the subscription did not exist before.
    SendIfNew = 1,
    /// None.
    DoNotSend = 2,
}

/// The options of one subscription. MQTT 3.1 and 3.1.1 know only the QoS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SubscribeOptions {
    /// The highest QoS at which messages are delivered.
    pub qos: QoS,
    /// Whether messages that this client publishes are left out.
    pub no_local: bool,
    /// Whether messages keep the RETAIN flag with which they were published.
    pub retain_as_published: bool,
    /// Which retained messages are sent at once.
    pub retain_handling: RetainHandling,
}

impl SubscribeOptions {
    fn decode(byte: u8, version: Version) -> Result<Self, DecodeError> {
        let error =
            |why, malformed| DecodeError::SubscribeOptions { options: byte, why, malformed };
        if version == Version::V3_1_1 && byte & 0b1111_1100 != 0
            || byte & RESERVED != 0 && version.is_v5()
        {
            return Err(error("reserved bits are set", true));
        }
        // Section 3.8.3.1 calls QoS 3 a protocol error; MQTT 3.1.1 calls it malformed.
        let qos = QoS::from_u8(byte & 0b11).ok_or(error("the QoS is 3", !version.is_v5()))?;
        if !version.is_v5() {
            return Ok(Self { qos, ..Self::default() });
        }
        let retain_handling = match (byte >> 4) & 0b11 {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::DoNotSend,
            _ => return Err(error("the retain handling is 3", false)),
        };
        Ok(Self {
            qos,
            no_local: byte & NO_LOCAL != 0,
            retain_as_published: byte & RETAIN_AS_PUBLISHED != 0,
            retain_handling,
        })
    }

    fn encode(self) -> u8 {
        let mut byte = self.qos.number() | (self.retain_handling as u8) << 4;
        if self.no_local {
            byte |= NO_LOCAL;
        }
        if self.retain_as_published {
            byte |= RETAIN_AS_PUBLISHED;
        }
        byte
    }

    fn is_plain(self) -> bool {
        self == Self { qos: self.qos, ..Self::default() }
    }
}

impl From<QoS> for SubscribeOptions {
    fn from(qos: QoS) -> Self {
        Self { qos, ..Self::default() }
    }
}

/// One entry of a SUBSCRIBE packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscribeFilter<'a> {
    /// The topic filter, as text.
    pub filter: &'a str,
    /// Its options.
    pub options: SubscribeOptions,
}

/// A SUBSCRIBE packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// The packet identifier.
    pub packet_id: PacketId,
    /// Properties; empty before MQTT 5.0.
    pub properties: Properties<'a>,
    /// What is subscribed to; at least one.
    pub filters: Vec<SubscribeFilter<'a>>,
}

impl<'a> Subscribe<'a> {
    pub(crate) fn decode(body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let packet_id = reader.packet_id(PACKET)?;
        let properties = if version.is_v5() {
            Properties::decode(&mut reader, Place::Packet(PACKET))?
        } else {
            Properties::new()
        };
        let mut filters = Vec::new();
        while !reader.is_empty() {
            let filter = reader.string("topic filter")?;
            let parsed = parse_filter(filter, version).map_err(DecodeError::InvalidFilter)?;
            let options = SubscribeOptions::decode(reader.u8("subscription options")?, version)?;
            if options.no_local && parsed.share_name().is_some() {
                return Err(DecodeError::InvalidFilter(TopicError::NoLocalOnShared));
            }
            filters.push(SubscribeFilter { filter, options });
        }
        if filters.is_empty() {
            return Err(DecodeError::EmptyList { packet: PACKET });
        }
        Ok(Self { packet_id, properties, filters })
    }

    /// Appends the packet to `out`, which is left as it was when an error is returned.
    ///
    /// # Errors
    /// [`EncodeError`] for invalid filters, for options and properties that the version does not
    /// have, and for packets of more than `max_size` bytes.
    pub fn encode(
        &self,
        version: Version,
        max_size: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if self.filters.is_empty() {
            return Err(EncodeError::EmptyList { packet: PACKET });
        }
        if !version.is_v5() && !self.properties.is_empty() {
            return Err(EncodeError::NotInVersion { what: "a property of SUBSCRIBE", version });
        }
        frame::write(out, PACKET.first_byte(), max_size, |out| {
            put_packet_id(out, self.packet_id);
            if version.is_v5() {
                self.properties.encode(out, Place::Packet(PACKET))?;
            }
            self.filters.iter().try_for_each(|entry| entry.encode(version, out))
        })
    }
}

impl SubscribeFilter<'_> {
    fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let invalid = |error| EncodeError::InvalidFilter { filter: self.filter.to_owned(), error };
        let parsed = parse_filter(self.filter, version).map_err(invalid)?;
        if self.options.no_local && parsed.share_name().is_some() {
            return Err(invalid(TopicError::NoLocalOnShared));
        }
        if !version.is_v5() && !self.options.is_plain() {
            let what = "a subscription option other than the QoS";
            return Err(EncodeError::NotInVersion { what, version });
        }
        put_string(out, self.filter, "topic filter")?;
        out.push(self.options.encode());
        Ok(())
    }
}

/// By the rules of the version: before MQTT 5.0, `$share` is a level like any other.
pub(crate) fn parse_filter(text: &str, version: Version) -> Result<Filter<'_>, TopicError> {
    if version.is_v5() { Filter::parse(text) } else { Filter::parse_plain(text) }
}

impl fmt::Display for Subscribe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PACKET} id={}", self.packet_id)?;
        for entry in &self.filters {
            write!(f, " {:?} qos={}", entry.filter, entry.options.qos)?;
            if entry.options.no_local {
                f.write_str(" no_local")?;
            }
            if entry.options.retain_as_published {
                f.write_str(" retain_as_published")?;
            }
            if entry.options.retain_handling != RetainHandling::Send {
                write!(f, " retain_handling={}", entry.options.retain_handling as u8)?;
            }
        }
        write!(f, "{}", self.properties)
    }
}
