//! Packets that the specification allows, to bytes and back.

use mqttlink::codec::{EncodeError, Frame, Packet, Version, frame};

use super::source::Source;
use super::{decode, generate};

/// How many places of a long packet are tried.
const PLACES_MAX: usize = 64;

pub fn run(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let version = source.pick(&Version::ALL);
    let packet = generate::packet(&mut source, version);
    let encoded = check(&packet, version);
    cut(&packet, &encoded, version);
    change(&encoded, source.rest(), version);
}

/// What is written is read back, written again to the same bytes, and keeps to the size limit.
/// Returns the bytes.
pub fn check(packet: &Packet<'_>, version: Version) -> Vec<u8> {
    let mut out = vec![0xaa];
    packet.encode(version, frame::MAX_PACKET_SIZE, &mut out).expect("a valid packet");
    assert_eq!(out.remove(0), 0xaa, "what was in the buffer stays");
    let found = frame::parse(&out, version, out.len()).expect("a packet").expect("all of it");
    assert_eq!(found.len, out.len());
    let read = Packet::decode(&found, version).expect("what was written can be read");
    assert_eq!(read, *packet);
    assert_eq!(read.to_string(), packet.to_string());
    let mut again = Vec::new();
    read.encode(version, out.len(), &mut again).expect("it fits exactly");
    assert_eq!(again, out);
    let too_large = frame::parse(&out, version, out.len() - 1);
    assert!(too_large.is_err(), "one byte over the reader's limit");
    let mut small = vec![0xaa];
    match packet.encode(version, out.len() - 1, &mut small) {
        // Diagnostics were left out.
        Ok(()) => assert!(small.len() - 1 < out.len()),
        Err(error) => {
            assert!(matches!(error, EncodeError::PacketTooLarge { .. }), "{error}");
            assert_eq!(small, [0xaa], "a failed write leaves the buffer as it was");
        }
    }
    out
}

/// A packet that ends early is incomplete, and a body that ends early is never the same packet.
pub fn cut(packet: &Packet<'_>, bytes: &[u8], version: Version) {
    for at in places(bytes.len()) {
        let early = frame::parse(&bytes[..at], version, frame::MAX_PACKET_SIZE);
        assert_eq!(early, Ok(None), "{at} bytes of {packet}");
    }
    let whole = frame::parse(bytes, version, bytes.len()).expect("a packet").expect("all of it");
    for at in places(whole.body.len()) {
        let body = &whole.body[..at];
        let early = Frame { body, len: at + 2, ..whole };
        if let Ok(found) = Packet::decode(&early, version) {
            assert_ne!(found, *packet, "{at} bytes of the body");
        }
    }
}

/// Replaces single bytes; `changes` says which and by what.
pub fn change(bytes: &[u8], changes: &[u8], version: Version) {
    let mut changed = bytes.to_vec();
    for change in changes.chunks_exact(3).take(PLACES_MAX) {
        let at = usize::from(u16::from_be_bytes([change[0], change[1]])) % changed.len();
        let before = std::mem::replace(&mut changed[at], change[2]);
        decode::stream(&changed, version);
        changed[at] = before;
    }
}

/// Every place in a short packet; in a long one some at both ends and some between.
fn places(len: usize) -> impl Iterator<Item = usize> {
    let step = (len / PLACES_MAX).max(1);
    let edge = PLACES_MAX.min(len);
    (0..len).filter(move |at| *at < edge || *at + edge >= len || at % step == 0)
}
