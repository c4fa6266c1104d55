//! Arbitrary bytes as packets: whatever can be read can be shown, written and read again.

use mqttlink::codec::{DecodeError, EncodeError, Frame, Packet, PacketType, Version, frame};

use super::source::Source;

/// The first byte chooses version and form, the rest is a stream of packets or the body of one.
pub fn run(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let choice = source.byte();
    let version = Version::ALL[usize::from(choice) % Version::ALL.len()];
    if choice < 0x80 {
        stream(source.rest(), version);
        return;
    }
    let first = source.byte();
    if let Some(packet_type) = PacketType::from_u8(first >> 4, version) {
        let body = source.rest();
        // As if its remaining length had been written with the most bytes.
        let len = body.len() + 5;
        one(&Frame { packet_type, flags: first & 0x0f, body, len }, version);
    }
}

/// Reads packet after packet, until one is incomplete or wrong.
pub fn stream(mut bytes: &[u8], version: Version) {
    loop {
        match frame::parse(bytes, version, 1 << 20) {
            Ok(Some(found)) => {
                assert!((2..=bytes.len()).contains(&found.len), "a packet is part of its input");
                one(&found, version);
                bytes = &bytes[found.len..];
            }
            Ok(None) => return,
            Err(error) => return refuse(&error),
        }
    }
}

fn one(found: &Frame<'_>, version: Version) {
    match Packet::decode(found, version) {
        Ok(packet) => accept(&packet, found, version),
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &DecodeError) {
    assert!(error.reason().is_error(), "{error}");
    assert!(!error.to_string().contains('\n'), "an error is one line");
    for version in Version::ALL {
        assert!(error.statement(version).is_none_or(|id| id.starts_with("MQTT-")));
    }
}

fn accept(packet: &Packet<'_>, found: &Frame<'_>, version: Version) {
    assert_eq!(packet.packet_type(), found.packet_type);
    assert!(!packet.to_string().contains('\n'), "a packet is shown on one line");
    let mut bytes = Vec::new();
    match packet.encode(version, frame::MAX_PACKET_SIZE, &mut bytes) {
        Ok(()) => {}
        // A reader is more patient with old versions than a writer.
        Err(EncodeError::Contradiction { .. }) if is_old(packet, version) => return,
        Err(error) => panic!("{packet} was read but cannot be written: {error}"),
    }
    let shorter = bytes.len() <= found.len || is_old_refusal(found, version);
    assert!(shorter, "{packet} takes {} bytes, it came in {}", bytes.len(), found.len);
    let again = frame::parse(&bytes, version, frame::MAX_PACKET_SIZE);
    let again = again.expect("a packet").expect("all of it");
    assert_eq!(Packet::decode(&again, version).as_ref(), Ok(packet));
}

fn is_old(packet: &Packet<'_>, version: Version) -> bool {
    match packet {
        Packet::Connect(connect) => !connect.version.is_v5(),
        _ => version == Version::V3_1,
    }
}

/// The CONNACK with which a server of an older version refuses MQTT 5.0 has no property length,
/// which it gets when it is written again.
fn is_old_refusal(found: &Frame<'_>, version: Version) -> bool {
    version.is_v5() && found.packet_type == PacketType::ConnAck && found.body.len() == 2
}
