//! SUBSCRIBE and SUBACK (sections 3.8 and 3.9).

use mqttlink::codec::{
    DecodeError, EncodeError, Packet, RetainHandling, Subscribe, SubscribeOptions, TopicError,
    Version, frame,
};
use mqttlink::proto::{RequestError, SubscribeRequest};
use mqttlink::{Properties, QoS, ReasonCode};

use crate::hex::{field, hex, packet};
use crate::peer::Peer;
use crate::script::{id, refuses};

/// Reads a SUBSCRIBE with this payload behind identifier 1.
fn read(version: Version, first: u8, payload: &[u8]) -> Result<(), DecodeError> {
    let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
    let bytes = packet(first, &[&[0, 1], properties, payload].concat());
    let frame = frame::parse(&bytes, version, frame::MAX_PACKET_SIZE)?.unwrap();
    Packet::decode(&frame, version).map(drop)
}

fn one_filter(filter: &[u8], options: u8) -> Vec<u8> {
    [field(filter), vec![options]].concat()
}

fn the_flags_of_subscribe_are_0010(version: Version) {
    let mut peer = Peer::connected(version);
    peer.subscribe_to("a");
    assert_eq!(peer.expect_bytes()[0], 0x82);
    for flags in 0..16 {
        let result = read(version, 0x80 | flags, &one_filter(b"a", 0));
        let expected =
            DecodeError::InvalidFlags { packet: mqttlink::codec::PacketType::Subscribe, flags };
        assert_eq!(result, if flags == 2 { Ok(()) } else { Err(expected) });
    }
}

#[test]
fn v5_3_8_1_1_the_flags_of_subscribe_are_0010() {
    the_flags_of_subscribe_are_0010(Version::V5);
}

#[test]
fn v311_3_8_1_1_the_flags_of_subscribe_are_0010() {
    the_flags_of_subscribe_are_0010(Version::V3_1_1);
}

fn a_filter_is_utf8(version: Version, expected: &str) {
    let mut peer = Peer::connected(version);
    let request = SubscribeRequest::new("é/+", QoS::AtLeastOnce).filter("#", QoS::ExactlyOnce);
    peer.subscribe(&request).unwrap();
    assert_eq!(peer.expect_hex(), expected);
    for bad in [&b"\xe9"[..], b"a\xff", b"\xed\xa0\x80"] {
        let error = read(version, 0x82, &one_filter(bad, 0)).unwrap_err();
        assert!(matches!(error, DecodeError::InvalidUtf8 { .. }), "{error}");
    }
}

#[test]
fn v5_3_8_3_1_a_filter_is_utf8() {
    a_filter_is_utf8(Version::V5, "82 0e 00 01 00 00 04 c3 a9 2f 2b 01 00 01 23 02");
}

#[test]
fn v311_3_8_3_1_a_filter_is_utf8() {
    a_filter_is_utf8(Version::V3_1_1, "82 0d 00 01 00 04 c3 a9 2f 2b 01 00 01 23 02");
}

/// The request's own type cannot be empty; the codec, which anyone may use, refuses it.
fn at_least_one_filter_is_subscribed_to(version: Version) {
    let empty = Subscribe { packet_id: id(1), properties: Properties::new(), filters: Vec::new() };
    let mut bytes = Vec::new();
    let error = empty.encode(version, frame::MAX_PACKET_SIZE, &mut bytes).unwrap_err();
    assert!(matches!(error, EncodeError::EmptyList { .. }), "{error}");
    assert_eq!(bytes, []);
    let error = read(version, 0x82, &[]).unwrap_err();
    assert!(matches!(error, DecodeError::EmptyList { .. }), "{error}");
    assert_eq!(error.reason(), ReasonCode::ProtocolError);
}

#[test]
fn v5_3_8_3_2_at_least_one_filter_is_subscribed_to() {
    at_least_one_filter_is_subscribed_to(Version::V5);
}

#[test]
fn v311_3_8_3_3_at_least_one_filter_is_subscribed_to() {
    at_least_one_filter_is_subscribed_to(Version::V3_1_1);
}

#[test]
fn v5_3_8_3_4_a_shared_subscription_is_never_no_local() {
    let no_local = SubscribeOptions { no_local: true, ..SubscribeOptions::default() };
    let mut peer = Peer::connected(Version::V5);
    // A filter that is in order does not save the request.
    let request = SubscribeRequest::new("a", QoS::AtMostOnce).filter("$share/g/a", no_local);
    let error = peer.subscribe(&request).unwrap_err();
    let RequestError::Encode(EncodeError::InvalidFilter { error, .. }) = error else {
        panic!("{error}")
    };
    assert_eq!(error, TopicError::NoLocalOnShared);
    peer.expect_nothing();
    peer.subscribe(&SubscribeRequest::new("$share", no_local)).unwrap();
    assert_eq!(peer.expect_hex(), "82 0c 00 01 00 00 06 24 73 68 61 72 65 04");
    let error = read(Version::V5, 0x82, &one_filter(b"$share/g/a", 0x04)).unwrap_err();
    assert_eq!(error.reason(), ReasonCode::ProtocolError);
}

/// Every combination of options, each with the byte that it makes.
fn all_options() -> Vec<(SubscribeOptions, u8)> {
    let mut all = Vec::new();
    for bits in 0..0b11_0000_u8 {
        let Some(qos) = QoS::from_u8(bits & 0b11) else { continue };
        let retain_handling = match bits >> 4 {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            _ => RetainHandling::DoNotSend,
        };
        let options = SubscribeOptions {
            qos,
            no_local: bits & 0b0100 != 0,
            retain_as_published: bits & 0b1000 != 0,
            retain_handling,
        };
        all.push((options, bits));
    }
    all
}

#[test]
fn v5_3_8_3_5_reserved_option_bits_are_never_set() {
    for (options, byte) in all_options() {
        let mut peer = Peer::connected(Version::V5);
        peer.subscribe(&SubscribeRequest::new("a", options)).unwrap();
        assert_eq!(hex(&peer.expect_bytes()), format!("82 07 00 01 00 00 01 61 {byte:02x}"));
        assert_eq!(read(Version::V5, 0x82, &one_filter(b"a", byte)), Ok(()));
    }
    for byte in [0x40, 0x80, 0xc1] {
        let error = read(Version::V5, 0x82, &one_filter(b"a", byte)).unwrap_err();
        assert_eq!(error.reason(), ReasonCode::MalformedPacket, "{byte:#04x}");
    }
    for byte in [0x03, 0x30] {
        let error = read(Version::V5, 0x82, &one_filter(b"a", byte)).unwrap_err();
        assert_eq!(error.reason(), ReasonCode::ProtocolError, "{byte:#04x}");
    }
}

#[test]
fn v311_3_8_3_4_only_the_qos_is_asked_for() {
    for (options, byte) in all_options() {
        let mut peer = Peer::connected(Version::V3_1_1);
        let result = peer.subscribe(&SubscribeRequest::new("a", options));
        if byte > 2 {
            let error = result.unwrap_err();
            assert!(
                matches!(error, RequestError::Encode(EncodeError::NotInVersion { .. })),
                "{error}"
            );
            peer.expect_nothing();
        } else {
            assert_eq!(peer.expect_hex(), format!("82 06 00 01 00 01 61 {byte:02x}"));
        }
    }
    for byte in [0x03, 0x04, 0x80] {
        let error = read(Version::V3_1_1, 0x82, &one_filter(b"a", byte)).unwrap_err();
        assert_eq!(error.reason(), ReasonCode::MalformedPacket, "{byte:#04x}");
    }
}

/// A connected client that has asked for three filters.
fn asking(version: Version) -> Peer {
    let mut peer = Peer::connected(version);
    let request = SubscribeRequest::new("a", QoS::AtMostOnce)
        .filter("b", QoS::AtLeastOnce)
        .filter("c", QoS::ExactlyOnce);
    peer.subscribe(&request).unwrap();
    peer.expect();
    peer
}

/// A SUBACK with these codes behind identifier 1.
fn suback(version: Version, codes: &[u8]) -> Vec<u8> {
    let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
    packet(0x90, &[&[0, 1], properties, codes].concat())
}

fn one_code_for_each_filter(version: Version) {
    for count in 0..=5 {
        let mut peer = asking(version);
        peer.send_bytes(&suback(version, &vec![0; count]));
        if count == 3 {
            assert_eq!(peer.answer().len(), 3);
            assert!(peer.client.is_connected());
        } else {
            peer.expect_failure(ReasonCode::ProtocolError);
        }
    }
}

#[test]
fn v5_3_8_4_6_suback_has_one_code_for_each_filter() {
    one_code_for_each_filter(Version::V5);
}

#[test]
fn v311_3_8_4_5_suback_has_one_code_for_each_filter() {
    one_code_for_each_filter(Version::V3_1_1);
}

#[test]
fn v5_3_9_3_1_codes_belong_to_filters_in_their_order() {
    let mut peer = asking(Version::V5);
    peer.send_bytes(&suback(Version::V5, &[0x87, 0x01, 0x00]));
    let expected = [ReasonCode::NotAuthorized, ReasonCode::GrantedQoS1, ReasonCode::Success];
    assert_eq!(peer.answer(), expected);
}

#[test]
fn v311_3_9_3_1_codes_belong_to_filters_in_their_order() {
    let mut peer = asking(Version::V3_1_1);
    peer.send_bytes(&suback(Version::V3_1_1, &[0x80, 0x01, 0x02]));
    let expected = [ReasonCode::UnspecifiedError, ReasonCode::GrantedQoS1, ReasonCode::GrantedQoS2];
    assert_eq!(peer.answer(), expected);
}

fn only_listed_codes_are_taken(version: Version, listed: &[u8]) {
    for code in 0..=255 {
        let mut peer = Peer::connected(version);
        peer.subscribe_to("a");
        peer.expect();
        let bytes = suback(version, &[code]);
        peer.send_bytes(&bytes);
        if listed.contains(&code) {
            assert_eq!(peer.answer(), [ReasonCode::from_u8(code).unwrap()]);
        } else {
            peer.expect_failure(ReasonCode::ProtocolError);
            // Also where nobody asked.
            refuses(version, &bytes, ReasonCode::ProtocolError);
        }
    }
}

#[test]
fn v5_3_9_3_2_suback_is_taken_with_listed_codes_only() {
    let listed = [0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2];
    only_listed_codes_are_taken(Version::V5, &listed);
}

#[test]
fn v311_3_9_3_2_suback_is_taken_with_listed_codes_only() {
    only_listed_codes_are_taken(Version::V3_1_1, &[0, 1, 2, 0x80]);
}
