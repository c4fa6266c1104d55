//! The primitive types of the wire format: integers, strings, binary data.

use super::{DecodeError, EncodeError, PacketId, PacketType};

/// The largest value of a variable byte integer, and so of a packet's remaining length.
pub(crate) const VAR_INT_MAX: u32 = 268_435_455;

/// A cursor over the fields of one packet. It borrows, copies nothing and never panics.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn len(&self) -> usize {
        self.rest.len()
    }

    /// Everything that has not been read.
    pub(crate) fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(crate) fn take(
        &mut self,
        len: usize,
        field: &'static str,
    ) -> Result<&'a [u8], DecodeError> {
        let (head, rest) =
            self.rest.split_at_checked(len).ok_or(DecodeError::Truncated { field })?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let (head, rest) =
            self.rest.split_first_chunk::<N>().ok_or(DecodeError::Truncated { field })?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        let [byte] = self.array(field)?;
        Ok(byte)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array(field)?))
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array(field)?))
    }

    /// A variable byte integer in its shortest form, as MQTT 5.0 requires [MQTT-1.5.5-1].
    pub(crate) fn var_int(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        match scan_var_int(self.rest) {
            VarInt::Value { value, len } => {
                if len != var_int_len(value) {
                    return Err(DecodeError::VarIntNotMinimal { field });
                }
                self.rest = self.rest.get(len..).unwrap_or_default();
                Ok(value)
            }
            VarInt::Incomplete => Err(DecodeError::Truncated { field }),
            VarInt::TooLong => Err(DecodeError::VarIntTooLong { field }),
        }
    }

    pub(crate) fn binary(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let len = self.u16(field)?;
        self.take(usize::from(len), field)
    }

    pub(crate) fn string(&mut self, field: &'static str) -> Result<&'a str, DecodeError> {
        let text = std::str::from_utf8(self.binary(field)?)
            .map_err(|_| DecodeError::InvalidUtf8 { field })?;
        if text.as_bytes().contains(&0) {
            return Err(DecodeError::NulCharacter { field });
        }
        Ok(text)
    }

    pub(crate) fn packet_id(&mut self, packet: PacketType) -> Result<PacketId, DecodeError> {
        PacketId::new(self.u16("packet identifier")?).ok_or(DecodeError::ZeroPacketId { packet })
    }

    /// Succeeds only when every byte has been read.
    pub(crate) fn finish(&self, packet: PacketType) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::TrailingBytes { packet, extra: self.rest.len() })
        }
    }
}

/// What stands at the beginning of a slice that should hold a variable byte integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VarInt {
    /// A value and the number of bytes it takes, which need not be the fewest.
    Value { value: u32, len: usize },
    /// Every byte so far has the continuation bit.
    Incomplete,
    /// The fourth byte has the continuation bit.
    TooLong,
}

pub(crate) fn scan_var_int(bytes: &[u8]) -> VarInt {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return VarInt::Value { value, len: index + 1 };
        }
    }
    if bytes.len() < 4 { VarInt::Incomplete } else { VarInt::TooLong }
}

/// How many bytes the variable byte integer `value` takes.
pub(crate) const fn var_int_len(value: u32) -> usize {
    match value {
        0..=127 => 1,
        128..=16_383 => 2,
        16_384..=2_097_151 => 3,
        _ => 4,
    }
}

/// Appends a variable byte integer; `value` is at most [`VAR_INT_MAX`].
pub(crate) fn put_var_int(out: &mut Vec<u8>, mut value: u32) {
    debug_assert!(value <= VAR_INT_MAX, "callers check the range");
    loop {
        let [low, ..] = (value & 0x7f).to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

pub(crate) fn put_binary(
    out: &mut Vec<u8>,
    bytes: &[u8],
    field: &'static str,
) -> Result<(), EncodeError> {
    let len = u16::try_from(bytes.len())
        .map_err(|_| EncodeError::FieldTooLong { field, len: bytes.len() })?;
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

pub(crate) fn put_string(
    out: &mut Vec<u8>,
    text: &str,
    field: &'static str,
) -> Result<(), EncodeError> {
    if text.as_bytes().contains(&0) {
        return Err(EncodeError::NulCharacter { field });
    }
    put_binary(out, text.as_bytes(), field)
}

pub(crate) fn put_packet_id(out: &mut Vec<u8>, id: PacketId) {
    out.extend_from_slice(&id.get().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDARIES: [(u32, &[u8]); 9] = [
        (0, &[0x00]),
        (127, &[0x7f]),
        (128, &[0x80, 0x01]),
        (321, &[0xc1, 0x02]),
        (16_383, &[0xff, 0x7f]),
        (16_384, &[0x80, 0x80, 0x01]),
        (2_097_151, &[0xff, 0xff, 0x7f]),
        (2_097_152, &[0x80, 0x80, 0x80, 0x01]),
        (VAR_INT_MAX, &[0xff, 0xff, 0xff, 0x7f]),
    ];

    #[test]
    fn variable_byte_integers_have_their_exact_bytes_at_every_boundary() {
        for (value, bytes) in BOUNDARIES {
            let mut out = Vec::new();
            put_var_int(&mut out, value);
            assert_eq!(out, bytes, "{value}");
            assert_eq!(var_int_len(value), bytes.len());
            assert_eq!(Reader::new(bytes).var_int("test"), Ok(value));
            for cut in 0..bytes.len() {
                assert_eq!(scan_var_int(&bytes[..cut]), VarInt::Incomplete);
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes minutes under Miri")]
    fn every_variable_byte_integer_of_three_bytes_or_fewer_reads_back() {
        for value in 0..=2_097_151 {
            let mut out = Vec::new();
            put_var_int(&mut out, value);
            assert_eq!(scan_var_int(&out), VarInt::Value { value, len: out.len() });
        }
    }

    #[test]
    fn long_and_padded_variable_byte_integers_are_errors() {
        assert_eq!(
            Reader::new(&[0x80, 0x00]).var_int("test"),
            Err(DecodeError::VarIntNotMinimal { field: "test" })
        );
        for fifth in 0..=255 {
            assert_eq!(
                Reader::new(&[0xff, 0xff, 0xff, 0xff, fifth]).var_int("test"),
                Err(DecodeError::VarIntTooLong { field: "test" })
            );
        }
    }

    #[test]
    fn strings_of_65535_bytes_fit_and_longer_ones_do_not() {
        let mut out = Vec::new();
        put_string(&mut out, &"a".repeat(65_535), "test").unwrap();
        assert_eq!(Reader::new(&out).string("test").unwrap().len(), 65_535);
        assert_eq!(
            put_string(&mut out, &"a".repeat(65_536), "test"),
            Err(EncodeError::FieldTooLong { field: "test", len: 65_536 })
        );
    }
}
