//! UNSUBSCRIBE (section 3.10).

use std::fmt;

use super::property::Place;
use super::subscribe::parse_filter;
use super::wire::{Reader, put_packet_id, put_string};
use super::{DecodeError, EncodeError, PacketId, PacketType, Properties, Version, frame};

const PACKET: PacketType = PacketType::Unsubscribe;

/// An UNSUBSCRIBE packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe<'a> {
    /// The packet identifier.
    pub packet_id: PacketId,
    /// Properties; empty before MQTT 5.0.
    pub properties: Properties<'a>,
    /// The topic filters, letter by letter as they were subscribed to; at least one.
    pub filters: Vec<&'a str>,
}

impl<'a> Unsubscribe<'a> {
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
            parse_filter(filter, version).map_err(DecodeError::InvalidFilter)?;
            filters.push(filter);
        }
        if filters.is_empty() {
            return Err(DecodeError::EmptyList { packet: PACKET });
        }
        Ok(Self { packet_id, properties, filters })
    }

    /// Appends the packet to `out`, which is left as it was when an error is returned.
    ///
    /// # Errors
    /// [`EncodeError`] for invalid filters, for properties before MQTT 5.0, and for packets of more
    /// than `max_size` bytes.
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
            return Err(EncodeError::NotInVersion { what: "a property of UNSUBSCRIBE", version });
        }
        frame::write(out, PACKET.first_byte(), max_size, |out| {
            put_packet_id(out, self.packet_id);
            if version.is_v5() {
                self.properties.encode(out, Place::Packet(PACKET))?;
            }
            for filter in &self.filters {
                parse_filter(filter, version).map_err(|error| EncodeError::InvalidFilter {
                    filter: (*filter).to_owned(),
                    error,
                })?;
                put_string(out, filter, "topic filter")?;
            }
            Ok(())
        })
    }
}

impl fmt::Display for Unsubscribe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PACKET} id={}", self.packet_id)?;
        self.filters.iter().try_for_each(|filter| write!(f, " {filter:?}"))?;
        write!(f, "{}", self.properties)
    }
}
