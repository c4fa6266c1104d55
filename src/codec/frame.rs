//! The fixed header: where one packet ends and the next begins.

use super::wire::{VAR_INT_MAX, VarInt, put_var_int, scan_var_int, var_int_len};
use super::{DecodeError, EncodeError, PacketType, Version};

/// The largest packet that the protocol can express, in bytes, fixed header included.
pub const MAX_PACKET_SIZE: usize = 268_435_460;

/// One whole packet, still as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The kind of packet.
    pub packet_type: PacketType,
    /// The lower four bits of the first byte; only PUBLISH gives them meaning.
    pub flags: u8,
    /// Variable header and payload.
    pub body: &'a [u8],
    /// The whole packet's length in bytes, fixed header included.
    pub len: usize,
}

/// A fixed header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The kind of packet.
    pub packet_type: PacketType,
    /// The lower four bits of the first byte.
    pub flags: u8,
    /// The header's own length: 2 to 5 bytes.
    pub header_len: usize,
    /// The whole packet's length in bytes, fixed header included.
    pub len: usize,
}

/// Reads the fixed header at the beginning of `bytes`; `None` while it is incomplete.
///
/// The size limit is checked here, before a byte of the body is needed.
///
/// # Errors
/// An unknown packet type, reserved flags that are set, a remaining length of more than four bytes
/// (in MQTT 5.0 also one with needless bytes), or a packet of more than `max_size` bytes.
pub fn parse_header(
    bytes: &[u8],
    version: Version,
    max_size: usize,
) -> Result<Option<Header>, DecodeError> {
    let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
    let number = first >> 4;
    let flags = first & 0x0f;
    let packet_type = PacketType::from_u8(number, version)
        .ok_or(DecodeError::UnknownPacketType { number, version })?;
    check_flags(packet_type, flags, version)?;
    let (remaining, length_len) = match scan_var_int(rest) {
        VarInt::Value { value, len } => (value, len),
        VarInt::Incomplete => return Ok(None),
        VarInt::TooLong => return Err(DecodeError::VarIntTooLong { field: "remaining length" }),
    };
    if version.is_v5() && length_len != var_int_len(remaining) {
        return Err(DecodeError::VarIntNotMinimal { field: "remaining length" });
    }
    let header_len = 1 + length_len;
    let len = header_len + usize::try_from(remaining).unwrap_or(usize::MAX - header_len);
    if len > max_size {
        return Err(DecodeError::PacketTooLarge { size: len, max: max_size });
    }
    Ok(Some(Header { packet_type, flags, header_len, len }))
}

impl Header {
    /// Checks what the version decides. CONNECT says its version only behind its header, which was
    /// read as that of the most tolerant one, MQTT 3.1.
    pub(crate) fn check(&self, version: Version) -> Result<(), DecodeError> {
        check_flags(self.packet_type, self.flags, version)?;
        let remaining = u32::try_from(self.len - self.header_len).unwrap_or(u32::MAX);
        if version.is_v5() && self.header_len != 1 + var_int_len(remaining) {
            return Err(DecodeError::VarIntNotMinimal { field: "remaining length" });
        }
        Ok(())
    }
}

fn check_flags(packet: PacketType, flags: u8, version: Version) -> Result<(), DecodeError> {
    match packet {
        PacketType::Publish if flags & 0b0110 == 0b0110 => Err(DecodeError::InvalidQoS),
        PacketType::Publish => Ok(()),
        // MQTT 3.1 defines DUP, QoS and RETAIN for every packet and has peers that set them.
        _ if version == Version::V3_1 || flags == packet.flags() => Ok(()),
        _ => Err(DecodeError::InvalidFlags { packet, flags }),
    }
}

/// Reads the packet at the beginning of `bytes`; `None` while it is incomplete.
///
/// # Errors
/// As [`parse_header`].
pub fn parse(
    bytes: &[u8],
    version: Version,
    max_size: usize,
) -> Result<Option<Frame<'_>>, DecodeError> {
    let Some(header) = parse_header(bytes, version, max_size)? else { return Ok(None) };
    Ok(bytes.get(header.header_len..header.len).map(|body| Frame {
        packet_type: header.packet_type,
        flags: header.flags,
        body,
        len: header.len,
    }))
}

/// Appends a packet whose body is written by `body`. On any error `out` is as it was.
pub(crate) fn write(
    out: &mut Vec<u8>,
    first_byte: u8,
    max_size: usize,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[first_byte, 0]);
    let result = body(out).and_then(|()| finish(out, start, max_size));
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// Puts the remaining length in its place, for which `write` has left one byte.
fn finish(out: &mut Vec<u8>, start: usize, max_size: usize) -> Result<(), EncodeError> {
    let body_len = out.len() - start - 2;
    let remaining = remaining_length(body_len, max_size)?;
    let mut length = Vec::new();
    if remaining < 128 {
        if let Some(byte) = out.get_mut(start + 1) {
            *byte = remaining.to_le_bytes()[0];
        }
    } else {
        put_var_int(&mut length, remaining);
        out.splice(start + 1..start + 2, length);
    }
    Ok(())
}

/// The remaining length for a body of `body_len` bytes, if the whole packet fits in `max_size`.
pub(crate) fn remaining_length(body_len: usize, max_size: usize) -> Result<u32, EncodeError> {
    let too_large = |size| EncodeError::PacketTooLarge { size, max: max_size.min(MAX_PACKET_SIZE) };
    let remaining = u32::try_from(body_len)
        .ok()
        .filter(|len| *len <= VAR_INT_MAX)
        .ok_or_else(|| too_large(body_len.saturating_add(5)))?;
    let size = 1 + var_int_len(remaining) + body_len;
    if size > max_size {
        return Err(too_large(size));
    }
    Ok(remaining)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_however_little_of_it_is_there() {
        let bytes = [0x30, 0x80, 0x80, 0x01];
        for cut in 0..bytes.len() {
            assert_eq!(parse_header(&bytes[..cut], Version::V5, MAX_PACKET_SIZE), Ok(None));
        }
        let header = parse_header(&bytes, Version::V5, MAX_PACKET_SIZE).unwrap().unwrap();
        assert_eq!((header.header_len, header.len), (4, 4 + 16_384));
    }

    #[test]
    fn the_size_limit_holds_before_the_body_has_arrived() {
        let error = parse_header(&[0x30, 0xff, 0xff, 0xff, 0x7f], Version::V3_1_1, 1000);
        assert_eq!(error, Err(DecodeError::PacketTooLarge { size: 268_435_460, max: 1000 }));
        let exact = parse_header(&[0x30, 98], Version::V5, 100).unwrap().unwrap();
        assert_eq!(exact.len, 100);
        assert!(parse_header(&[0x30, 99], Version::V5, 100).is_err());
    }

    #[test]
    fn needless_length_bytes_are_refused_in_version_5_only() {
        let padded = [0xd0, 0x80, 0x00];
        assert_eq!(
            parse(&padded, Version::V5, 100),
            Err(DecodeError::VarIntNotMinimal { field: "remaining length" })
        );
        for version in [Version::V3_1, Version::V3_1_1] {
            assert_eq!(parse(&padded, version, 100).unwrap().unwrap().len, 3);
        }
    }

    #[test]
    fn a_failed_write_leaves_the_buffer_as_it_was() {
        let mut out = vec![1, 2, 3];
        let error = write(&mut out, 0x30, 10, |out| {
            out.extend_from_slice(&[0; 9]);
            Ok(())
        });
        assert_eq!(error, Err(EncodeError::PacketTooLarge { size: 11, max: 10 }));
        assert_eq!(out, [1, 2, 3]);
    }
}
