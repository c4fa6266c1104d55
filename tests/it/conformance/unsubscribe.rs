//! UNSUBSCRIBE and UNSUBACK (sections 3.10 and 3.11).

use mqttlink::codec::{
    DecodeError, EncodeError, Packet, PacketType, TopicError, Unsubscribe as Packed, Version, frame,
};
use mqttlink::proto::{RequestError, Unsubscribe};
use mqttlink::{Properties, ReasonCode};

use crate::hex::{field, packet, unhex};
use crate::peer::Peer;
use crate::script::id;

/// Reads an UNSUBSCRIBE with these filters, given as bytes, behind identifier 1.
fn read(version: Version, first: u8, filters: &[&[u8]]) -> Result<(), DecodeError> {
    let mut body = unhex(if version.is_v5() { "0001 00" } else { "0001" });
    filters.iter().for_each(|filter| body.extend(field(filter)));
    let bytes = packet(first, &body);
    let frame = frame::parse(&bytes, version, frame::MAX_PACKET_SIZE)?.unwrap();
    Packet::decode(&frame, version).map(drop)
}

fn the_flags_of_unsubscribe_are_0010(version: Version) {
    let mut peer = Peer::connected(version);
    peer.unsubscribe_from("a");
    assert_eq!(peer.expect_bytes()[0], 0xa2);
    for flags in 0..16 {
        let result = read(version, 0xa0 | flags, &[b"a"]);
        let expected = DecodeError::InvalidFlags { packet: PacketType::Unsubscribe, flags };
        assert_eq!(result, if flags == 2 { Ok(()) } else { Err(expected) });
    }
}

#[test]
fn v5_3_10_1_1_the_flags_of_unsubscribe_are_0010() {
    the_flags_of_unsubscribe_are_0010(Version::V5);
}

#[test]
fn v311_3_10_1_1_the_flags_of_unsubscribe_are_0010() {
    the_flags_of_unsubscribe_are_0010(Version::V3_1_1);
}

fn filters_are_utf8_one_after_the_other(version: Version, expected: &str) {
    let mut peer = Peer::connected(version);
    peer.unsubscribe(&Unsubscribe::new("é/+").filter("#")).unwrap();
    assert_eq!(peer.expect_hex(), expected);
    assert_eq!(read(version, 0xa2, &["é/+".as_bytes(), b"#"]), Ok(()));
    for bad in [&b"\xe9"[..], b"a\xff", b"\xed\xa0\x80"] {
        let error = read(version, 0xa2, &[b"a", bad]).unwrap_err();
        assert!(matches!(error, DecodeError::InvalidUtf8 { .. }), "{error}");
    }
}

#[test]
fn v5_3_10_3_1_filters_are_utf8_one_after_the_other() {
    filters_are_utf8_one_after_the_other(Version::V5, "a2 0c 00 01 00 00 04 c3 a9 2f 2b 00 01 23");
}

#[test]
fn v311_3_10_3_1_filters_are_utf8_one_after_the_other() {
    filters_are_utf8_one_after_the_other(Version::V3_1_1, "a2 0b 00 01 00 04 c3 a9 2f 2b 00 01 23");
}

/// The request's own type cannot be empty; the codec, which anyone may use, refuses it.
fn at_least_one_filter_is_unsubscribed_from(version: Version) {
    let empty = Packed { packet_id: id(1), properties: Properties::new(), filters: Vec::new() };
    let mut bytes = Vec::new();
    let error = empty.encode(version, frame::MAX_PACKET_SIZE, &mut bytes).unwrap_err();
    assert!(matches!(error, EncodeError::EmptyList { .. }), "{error}");
    assert_eq!(bytes, []);
    let error = read(version, 0xa2, &[]).unwrap_err();
    assert!(matches!(error, DecodeError::EmptyList { .. }), "{error}");
}

#[test]
fn v5_3_10_3_2_at_least_one_filter_is_unsubscribed_from() {
    at_least_one_filter_is_unsubscribed_from(Version::V5);
}

#[test]
fn v311_3_10_3_2_at_least_one_filter_is_unsubscribed_from() {
    at_least_one_filter_is_unsubscribed_from(Version::V3_1_1);
}

#[test]
fn v5_3_11_3_1_codes_belong_to_filters_in_their_order() {
    let mut peer = Peer::connected(Version::V5);
    peer.unsubscribe(&Unsubscribe::new("a").filter("b").filter("c")).unwrap();
    peer.send("b0 06 00 01 00 11 00 87");
    let expected =
        [ReasonCode::NoSubscriptionExisted, ReasonCode::Success, ReasonCode::NotAuthorized];
    assert_eq!(peer.answer(), expected);
}

#[test]
fn v5_3_11_3_2_unsuback_is_taken_with_listed_codes_only() {
    for code in 0..=255 {
        let mut peer = Peer::connected(Version::V5);
        peer.unsubscribe_from("a");
        peer.expect();
        peer.send_bytes(&[0xb0, 4, 0, 1, 0, code]);
        if [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91].contains(&code) {
            assert_eq!(peer.answer(), [ReasonCode::from_u8(code).unwrap()]);
        } else {
            peer.expect_failure(ReasonCode::ProtocolError);
        }
    }
}

#[test]
fn v5_3_11_3_2_unsuback_has_one_code_for_each_filter() {
    for count in [0, 1, 3] {
        let mut peer = Peer::connected(Version::V5);
        peer.unsubscribe(&Unsubscribe::new("a").filter("b")).unwrap();
        peer.expect();
        peer.send_bytes(&packet(0xb0, &[&[0, 1, 0], vec![0; count].as_slice()].concat()));
        peer.expect_failure(ReasonCode::ProtocolError);
    }
}

/// Before MQTT 5.0 an UNSUBACK has no codes; it counts as success for each filter.
#[test]
fn v311_3_10_4_4_unsuback_answers_the_request_with_its_identifier() {
    let mut peer = Peer::connected(Version::V3_1_1);
    let number = peer.unsubscribe(&Unsubscribe::new("a").filter("b")).unwrap();
    peer.expect();
    peer.send(&format!("b0 02 {number:04x}"));
    assert_eq!(peer.answer(), [ReasonCode::Success; 2]);
    peer.send("b0 03 00 01 00");
    peer.expect_failure(ReasonCode::MalformedPacket);
}

fn a_filter_that_is_not_valid_is_not_sent(version: Version) {
    let mut peer = Peer::connected(version);
    let error = peer.unsubscribe(&Unsubscribe::new("a").filter("b/#/c")).unwrap_err();
    let RequestError::Encode(EncodeError::InvalidFilter { error, .. }) = error else {
        panic!("{error}")
    };
    assert_eq!(error, TopicError::MultiLevelWildcard);
    peer.expect_nothing();
    assert_eq!(peer.unsubscribe_from("a"), 1, "no identifier was taken");
}

#[test]
fn v5_4_7_1_1_an_unsubscribe_with_a_bad_filter_is_not_sent() {
    a_filter_that_is_not_valid_is_not_sent(Version::V5);
}

#[test]
fn v311_4_7_1_2_an_unsubscribe_with_a_bad_filter_is_not_sent() {
    a_filter_that_is_not_valid_is_not_sent(Version::V3_1_1);
}
