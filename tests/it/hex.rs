//! Bytes as text and back.

use mqttlink::codec::{Packet, Version, frame};

/// Bytes as hexadecimal with blanks.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// Hexadecimal, with or without blanks, as bytes.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    assert!(digits.len().is_multiple_of(2), "an even number of digits: {text}");
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("ASCII");
        u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("not hexadecimal: {pair}"))
    };
    digits.chunks(2).map(byte).collect()
}

/// A packet as its one line of text.
pub(crate) fn show(bytes: &[u8], version: Version) -> String {
    let frame = frame::parse(bytes, version, frame::MAX_PACKET_SIZE)
        .unwrap_or_else(|error| panic!("{error}: {}", hex(bytes)))
        .expect("a whole packet");
    match Packet::decode(&frame, version) {
        Ok(packet) => packet.to_string(),
        Err(error) => panic!("{error}: {}", hex(bytes)),
    }
}

/// A first byte and a body with the remaining length between them, whatever is in them.
pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut rest = body.len();
    while rest > 127 {
        bytes.push((rest % 128) as u8 | 0x80);
        rest /= 128;
    }
    bytes.push(rest as u8);
    bytes.extend_from_slice(body);
    bytes
}

/// A string or binary data with its length before it.
pub(crate) fn field(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).expect("a short field");
    [&len.to_be_bytes(), bytes].concat()
}
