//! AUTH (section 3.15), which exists in MQTT 5.0 only.

use std::fmt;

use super::ack::{decode_reason, write_sized};
use super::property::Place;
use super::wire::Reader;
use super::{DecodeError, EncodeError, PacketType, Properties, PropertyId, ReasonCode, Version};

const PACKET: PacketType = PacketType::Auth;

/// An AUTH packet: one step of an authentication exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth<'a> {
    /// [`ReasonCode::Success`], [`ReasonCode::ContinueAuthentication`] or
    /// [`ReasonCode::ReAuthenticate`].
    pub reason: ReasonCode,
    /// Properties; the authentication method is always among them.
    pub properties: Properties<'a>,
}

impl<'a> Auth<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        // Section 3.15.2.1 allows a packet without reason code and properties, which contradicts
        // the method that every AUTH must carry; it fails here for want of the method.
        if reader.is_empty() {
            return Err(DecodeError::AuthWithoutMethod);
        }
        let reason = decode_reason(&mut reader, PACKET)?;
        let properties = Properties::decode_optional(&mut reader, Place::Packet(PACKET))?;
        reader.finish(PACKET)?;
        if properties.get(PropertyId::AuthenticationMethod).is_none() {
            return Err(DecodeError::AuthWithoutMethod);
        }
        Ok(Self { reason, properties })
    }

    /// Appends the packet to `out`, which is left as it was when an error is returned.
    ///
    /// Reason string and user properties are left out when the packet would otherwise have more
    /// than `max_size` bytes.
    ///
    /// # Errors
    /// [`EncodeError`] before MQTT 5.0, without an authentication method, for a reason or properties
    /// that do not belong here, and for packets of more than `max_size` bytes.
    pub fn encode(
        &self,
        version: Version,
        max_size: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if !version.is_v5() {
            return Err(EncodeError::NotInVersion { what: "AUTH", version });
        }
        if !self.reason.exists_in(PACKET) {
            return Err(EncodeError::InvalidReasonCode { packet: PACKET, reason: self.reason });
        }
        if self.properties.get(PropertyId::AuthenticationMethod).is_none() {
            let why = "it needs an authentication method [MQTT-4.12.0-5]";
            return Err(EncodeError::Contradiction { packet: PACKET, why });
        }
        write_sized(out, PACKET, max_size, &self.properties, |out, properties| {
            out.push(self.reason.code());
            properties.encode(out, Place::Packet(PACKET))
        })
    }
}

impl fmt::Display for Auth<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PACKET} reason={}{}", self.reason, self.properties)
    }
}
