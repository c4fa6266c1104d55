//! Strings and integers (section 1.5).

use mqttlink::codec::{EncodeError, Packet, Properties, Version, frame, topic};
use mqttlink::proto::{ConnectOptions, Publish, RequestError, SubscribeRequest, Unsubscribe, Will};
use mqttlink::{PropertyId, QoS, ReasonCode};

use crate::hex::{field, hex, packet, unhex};
use crate::peer::{Peer, options};
use crate::script::{refuses, refuses_hex};

/// A surrogate, overlong forms, a byte that never occurs, a value above U+10FFFF, a lone
/// continuation byte, and a character that is cut off.
const ILL_FORMED: [&str; 8] =
    ["ed a0 80", "ed bf bf", "c0 af", "e0 80 af", "ff", "f4 90 80 80", "80", "61 e2 82"];

/// A PUBLISH of QoS 0 from the server, with these bytes as topic.
fn publish_with_topic(version: Version, topic: &[u8]) -> Vec<u8> {
    let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
    packet(0x30, &[&field(topic), properties].concat())
}

/// A PUBLISH of QoS 0 to the topic `a`, with these bytes as properties.
fn publish_with_properties(properties: &[u8]) -> Vec<u8> {
    let len = u8::try_from(properties.len()).unwrap();
    packet(0x30, &[&[0, 1, b'a', len], properties].concat())
}

/// Every place in a PUBLISH where the server can put a string, with this one in it.
fn publishes_with(text: &[u8]) -> Vec<Vec<u8>> {
    let good = field(b"x");
    let text_field = field(text);
    let property = |id: u8, value: &[&[u8]]| {
        publish_with_properties(&[&[id], value.concat().as_slice()].concat())
    };
    vec![
        publish_with_topic(Version::V5, text),
        property(0x03, &[&text_field]),
        property(0x08, &[&text_field]),
        property(0x26, &[&text_field, &good]),
        property(0x26, &[&good, &text_field]),
    ]
}

#[test]
fn v5_1_5_4_1_ill_formed_utf8_from_the_server_is_malformed() {
    for text in ILL_FORMED {
        for bytes in publishes_with(&unhex(text)) {
            refuses(Version::V5, &bytes, ReasonCode::MalformedPacket);
        }
    }
}

#[test]
fn v311_1_5_3_1_ill_formed_utf8_from_the_server_closes_the_connection() {
    for text in ILL_FORMED {
        let bytes = publish_with_topic(Version::V3_1_1, &unhex(text));
        refuses(Version::V3_1_1, &bytes, ReasonCode::MalformedPacket);
    }
}

#[test]
fn v5_1_5_4_1_ill_formed_utf8_in_connack_is_malformed() {
    let mut peer = Peer::connecting(&options(Version::V5));
    peer.expect();
    peer.send("20 08 00 00 05 12 00 02 c0 af");
    peer.expect_failure(ReasonCode::MalformedPacket);
}

/// Options with the character U+0000 in each of the strings that CONNECT can hold.
fn connects_with_nul(version: Version) -> Vec<ConnectOptions> {
    let change = |change: fn(&mut ConnectOptions)| {
        let mut options = options(version);
        change(&mut options);
        options
    };
    let mut all = vec![
        change(|options| options.client_id = "a\0b".into()),
        change(|options| options.user_name = Some("a\0b".into())),
        change(|options| options.will = Some(Will::new("a\0b", "m"))),
    ];
    if version.is_v5() {
        all.extend([
            change(|options| options.user_properties = vec![("a\0b".into(), "x".into())]),
            change(|options| options.user_properties = vec![("x".into(), "a\0b".into())]),
            change(|options| options.authentication_method = Some("a\0b".into())),
            change(|options| options.will = Some(Will::new("w", "m").content_type("a\0b"))),
        ]);
    }
    all
}

fn the_null_character_is_never_sent(version: Version) {
    for options in connects_with_nul(version) {
        let mut peer = Peer::idle(mqttlink::proto::Config::default());
        assert!(peer.client.connect(peer.now, &options).is_err(), "{options:?}");
        peer.expect_nothing();
    }
    let mut peer = Peer::connected(version);
    assert!(peer.publish(&Publish::new("a\0b", "m")).is_err());
    assert!(peer.subscribe(&SubscribeRequest::new("a\0b", QoS::AtMostOnce)).is_err());
    assert!(peer.unsubscribe(&Unsubscribe::new("a\0b")).is_err());
    peer.expect_nothing();
    peer.publish(&Publish::new("a", "a\0b")).expect("a payload is not a string");
}

#[test]
fn v5_1_5_4_2_the_null_character_is_never_sent() {
    the_null_character_is_never_sent(Version::V5);
    let mut peer = Peer::connected(Version::V5);
    for request in [
        Publish::new("a", "m").content_type("a\0b"),
        Publish::new("a", "m").response_topic("a\0b"),
        Publish::new("a", "m").user_property("a\0b", "x"),
        Publish::new("a", "m").user_property("x", "a\0b"),
    ] {
        let error = peer.publish(&request).unwrap_err();
        let RequestError::Encode(error) = error else { panic!("{error}") };
        assert!(error.to_string().contains("U+0000"), "{error}");
    }
    peer.expect_nothing();
}

#[test]
fn v311_1_5_3_2_the_null_character_is_never_sent() {
    the_null_character_is_never_sent(Version::V3_1_1);
}

#[test]
fn v5_1_5_4_2_a_received_null_character_is_malformed() {
    for bytes in publishes_with(b"a\0b") {
        refuses(Version::V5, &bytes, ReasonCode::MalformedPacket);
    }
}

#[test]
fn v311_1_5_3_2_a_received_null_character_closes_the_connection() {
    let bytes = publish_with_topic(Version::V3_1_1, b"a\0b");
    refuses(Version::V3_1_1, &bytes, ReasonCode::MalformedPacket);
}

fn a_byte_order_mark_is_a_character(version: Version) {
    let mut peer = Peer::connected(version);
    peer.publish_to("\u{feff}a", QoS::AtMostOnce);
    let sent = peer.expect_hex();
    assert!(sent.contains("00 04 ef bb bf 61"), "{sent}");
    peer.send_bytes(&publish_with_topic(version, "\u{feff}a".as_bytes()));
    assert_eq!(peer.message().topic.as_bytes(), b"\xef\xbb\xbfa");
}

#[test]
fn v5_1_5_4_3_a_byte_order_mark_is_a_character() {
    a_byte_order_mark_is_a_character(Version::V5);
    let mut peer = Peer::connected(Version::V5);
    let pair = [field("\u{feff}n".as_bytes()), field("\u{feff}".as_bytes())].concat();
    peer.send_bytes(&publish_with_properties(&[&[0x26], pair.as_slice()].concat()));
    let message = peer.message();
    let found: Vec<_> = message.properties.user_properties().collect();
    assert_eq!(found, [("\u{feff}n", "\u{feff}")]);
}

#[test]
fn v311_1_5_3_3_a_byte_order_mark_is_a_character() {
    a_byte_order_mark_is_a_character(Version::V3_1_1);
}

#[test]
fn v5_1_5_5_1_integers_are_sent_with_the_fewest_bytes() {
    let boundaries = [
        (1, "01"),
        (127, "7f"),
        (128, "80 01"),
        (16_383, "ff 7f"),
        (16_384, "80 80 01"),
        (2_097_151, "ff ff 7f"),
        (2_097_152, "80 80 80 01"),
        (268_435_455, "ff ff ff 7f"),
    ];
    for (number, bytes) in boundaries {
        let mut peer = Peer::connected(Version::V5);
        let request = SubscribeRequest::new("a", QoS::AtMostOnce).subscription_id(number);
        peer.subscribe(&request).unwrap();
        let sent = peer.expect_hex();
        assert!(sent.ends_with(&format!("0b {bytes} 00 01 61 00")), "{number}: {sent}");
    }
    for number in [0, 268_435_456] {
        let mut peer = Peer::connected(Version::V5);
        let request = SubscribeRequest::new("a", QoS::AtMostOnce).subscription_id(number);
        assert!(peer.subscribe(&request).is_err(), "{number}");
    }
}

#[test]
fn v5_1_5_5_1_the_remaining_length_has_the_fewest_bytes() {
    for (remaining, length) in [
        (127, "7f"),
        (128, "80 01"),
        (16_383, "ff 7f"),
        (16_384, "80 80 01"),
        (2_097_151, "ff ff 7f"),
        (2_097_152, "80 80 80 01"),
    ] {
        let mut peer = Peer::connected(Version::V5);
        // Topic, its length and the empty properties take four bytes.
        let payload = vec![0; remaining - 4];
        peer.publish(&Publish::new("a", payload)).unwrap();
        let sent = peer.expect_bytes();
        let header = sent.len() - remaining;
        assert_eq!(hex(&sent[..header]), format!("30 {length}"));
    }
}

#[test]
fn v5_1_5_5_1_needless_and_excess_bytes_are_malformed() {
    for bytes in [
        // The remaining length, with a needless byte and with five bytes.
        "30 85 00 00 01 61 00 6d",
        "30 ff ff ff ff 7f",
        // The property length.
        "30 06 00 01 61 80 00 6d",
        "30 09 00 01 61 80 80 80 80 00 6d",
        // A subscription identifier.
        "30 08 00 01 61 03 0b 81 00 6d",
        "30 0b 00 01 61 06 0b ff ff ff ff 7f 6d",
        // A property identifier.
        "30 08 00 01 61 03 81 00 01 6d",
    ] {
        refuses_hex(Version::V5, bytes, ReasonCode::MalformedPacket);
    }
}

#[test]
fn v5_1_5_7_1_both_halves_of_a_user_property_are_strings() {
    for (name, value) in [("a\0b", "x"), ("x", "a\0b")] {
        let mut properties = Properties::new();
        let error = properties.add_user_property(name, value).unwrap_err();
        assert!(matches!(error, EncodeError::NulCharacter { .. }), "{error}");
        assert!(properties.is_empty());
    }
    let longest = "a".repeat(topic::MAX_LEN);
    let too_long = "a".repeat(topic::MAX_LEN + 1);
    Properties::new().add_user_property(&longest, &longest).expect("65,535 bytes fit");
    for (name, value) in [(too_long.as_str(), "x"), ("x", too_long.as_str())] {
        let error = Properties::new().add_user_property(name, value).unwrap_err();
        assert!(matches!(error, EncodeError::FieldTooLong { .. }), "{error}");
    }
    for (name, value) in [("c0 af", "78"), ("78", "c0 af"), ("00", "78"), ("78", "00")] {
        let pair = [field(&unhex(name)), field(&unhex(value))].concat();
        let bytes = publish_with_properties(&[&[0x26], pair.as_slice()].concat());
        refuses(Version::V5, &bytes, ReasonCode::MalformedPacket);
    }
}

#[test]
fn v5_1_5_7_1_a_user_property_may_be_empty_and_repeat() {
    let mut properties = Properties::new();
    for (name, value) in [("", ""), ("a", "1"), ("a", "1")] {
        properties.add_user_property(name, value).unwrap();
    }
    let mut bytes = Vec::new();
    let publish = mqttlink::codec::Publish { topic: "a", properties, ..Default::default() };
    publish.encode(Version::V5, frame::MAX_PACKET_SIZE, &mut bytes).unwrap();
    let frame = frame::parse(&bytes, Version::V5, frame::MAX_PACKET_SIZE).unwrap().unwrap();
    let Packet::Publish(read) = Packet::decode(&frame, Version::V5).unwrap() else { panic!() };
    let found: Vec<_> = read.properties.user_properties().collect();
    assert_eq!(found, [("", ""), ("a", "1"), ("a", "1")]);
    assert!(read.properties.get(PropertyId::UserProperty).is_some());
}
