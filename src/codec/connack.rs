//! CONNACK (section 3.2).

use std::fmt;

use super::ack::{decode_reason, write_outcome, write_sized};
use super::property::Place;
use super::wire::Reader;
use super::{DecodeError, EncodeError, PacketType, Properties, ReasonCode, Version};

const PACKET: PacketType = PacketType::ConnAck;

/// A CONNACK packet: the server's answer to CONNECT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnAck<'a> {
    /// Whether the server resumes a session. Always false in MQTT 3.1, which cannot say.
    pub session_present: bool,
    /// Success, or why the connection is refused.
    pub reason: ReasonCode,
    /// Properties; empty before MQTT 5.0.
    pub properties: Properties<'a>,
}

impl<'a> ConnAck<'a> {
    pub(crate) fn decode(body: &'a [u8], version: Version) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let flags = reader.u8("acknowledge flags")?;
        if flags > 1 && version != Version::V3_1 {
            return Err(DecodeError::ConnAckFlags { flags });
        }
        let session_present = flags & 1 != 0 && version != Version::V3_1;
        // A server that does not know MQTT 5.0 refuses it with a CONNACK of its own version, which
        // has two bytes.
        let old_form = !version.is_v5() || (body.len() == 2 && body.last() == Some(&1));
        if old_form {
            let code = reader.u8("return code")?;
            reader.finish(PACKET)?;
            let reason = ReasonCode::from_return_code(code)
                .ok_or(DecodeError::InvalidReasonCode { packet: PACKET, code })?;
            return Ok(Self { session_present, reason, properties: Properties::new() });
        }
        let reason = decode_reason(&mut reader, PACKET)?;
        let properties = Properties::decode(&mut reader, Place::Packet(PACKET))?;
        reader.finish(PACKET)?;
        Ok(Self { session_present, reason, properties })
    }

    /// Appends the packet to `out`, which is left as it was when an error is returned.
    ///
    /// In MQTT 5.0, reason string and user properties are left out when the packet would otherwise
    /// have more than `max_size` bytes [MQTT-3.2.2-19].
    ///
    /// # Errors
    /// [`EncodeError`] for a reason that the version cannot express, properties that do not belong
    /// here, and packets of more than `max_size` bytes.
    pub fn encode(
        &self,
        version: Version,
        max_size: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let flags = u8::from(self.session_present && version != Version::V3_1);
        let invalid = EncodeError::InvalidReasonCode { packet: PACKET, reason: self.reason };
        let code = if version.is_v5() {
            self.reason.exists_in(PACKET).then_some(self.reason.code())
        } else {
            self.reason.return_code()
        }
        .ok_or(invalid)?;
        write_sized(out, PACKET, max_size, &self.properties, |out, properties| {
            out.extend_from_slice(&[flags, code]);
            if version.is_v5() {
                properties.encode(out, Place::Packet(PACKET))?;
            }
            Ok(())
        })
    }
}

impl fmt::Display for ConnAck<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PACKET}")?;
        if self.session_present {
            f.write_str(" session_present")?;
        }
        write_outcome(f, self.reason, &self.properties)
    }
}
