//! PUBLISH (section 3.3), but for aliases and flow control.

use mqttlink::codec::{self, AckKind, EncodeError, TopicError, Version, frame};
use mqttlink::proto::{Publish, RequestError};
use mqttlink::{Properties, PropertyId, QoS, ReasonCode};

use crate::hex::{field, packet, unhex};
use crate::peer::Peer;
use crate::script::{id, refuses, refuses_hex};

/// A PUBLISH of QoS 0 from the server, with these bytes as topic.
fn with_topic(version: Version, topic: &[u8]) -> Vec<u8> {
    let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
    packet(0x30, &[&field(topic), properties, b"m"].concat())
}

/// A PUBLISH of QoS 0 from the server, to topic `a`, with one property that is a string.
fn with_text(property: PropertyId, text: &[u8]) -> Vec<u8> {
    let value = field(text);
    let len = u8::try_from(value.len() + 1).unwrap();
    packet(0x30, &[&[0, 1, b'a', len, property.number()], value.as_slice()].concat())
}

fn a_message_sent_again_has_the_dup_flag(version: Version) {
    let mut peer = Peer::lasting(version);
    peer.publish_to("a", QoS::AtLeastOnce);
    peer.publish_to("a", QoS::ExactlyOnce);
    assert_eq!([peer.expect_bytes()[0], peer.expect_bytes()[0]], [0x32, 0x34]);
    for _ in 0..3 {
        peer.resume();
        assert_eq!([peer.expect_bytes()[0], peer.expect_bytes()[0]], [0x3a, 0x3c]);
    }
}

#[test]
fn v5_3_3_1_1_a_message_sent_again_has_the_dup_flag() {
    a_message_sent_again_has_the_dup_flag(Version::V5);
}

#[test]
fn v311_3_3_1_1_a_message_sent_again_has_the_dup_flag() {
    a_message_sent_again_has_the_dup_flag(Version::V3_1_1);
}

fn qos_0_has_no_dup_flag(version: Version) {
    let publish = codec::Publish { topic: "a", dup: true, ..codec::Publish::default() };
    let error = publish.encode(version, frame::MAX_PACKET_SIZE, &mut Vec::new());
    assert!(matches!(error, Err(EncodeError::Contradiction { .. })), "{error:?}");
    let mut bytes = with_topic(version, b"a");
    for flags in [0b1000, 0b1001] {
        bytes[0] = 0x30 | flags;
        refuses(version, &bytes, ReasonCode::MalformedPacket);
    }
}

#[test]
fn v5_3_3_1_2_qos_0_has_no_dup_flag() {
    qos_0_has_no_dup_flag(Version::V5);
}

#[test]
fn v311_3_3_1_2_qos_0_has_no_dup_flag() {
    qos_0_has_no_dup_flag(Version::V3_1_1);
}

fn qos_3_is_refused(version: Version) {
    for first in [0x36, 0x37, 0x3e, 0x3f] {
        let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
        let bytes = packet(first, &[&[0, 1, b'a', 0, 1], properties, b"m"].concat());
        refuses(version, &bytes, ReasonCode::MalformedPacket);
    }
}

#[test]
fn v5_3_3_1_4_qos_3_is_malformed() {
    qos_3_is_refused(Version::V5);
}

#[test]
fn v311_3_3_1_4_qos_3_closes_the_connection() {
    qos_3_is_refused(Version::V3_1_1);
}

fn the_topic_name_comes_first_and_is_utf8(version: Version) {
    let mut peer = Peer::connected(version);
    peer.publish_to("é/b", QoS::AtLeastOnce);
    let sent = peer.expect_bytes();
    assert_eq!(sent[2..8], [0, 4, 0xc3, 0xa9, b'/', b'b']);
    peer.send_bytes(&with_topic(version, "é/b".as_bytes()));
    assert_eq!(peer.message().topic, "é/b");
    for bad in [&b"\xe9"[..], b"a\xff", b"\xed\xa0\x80"] {
        refuses(version, &with_topic(version, bad), ReasonCode::MalformedPacket);
    }
    // Its length says more than there is.
    refuses_hex(version, "30 04 00 09 61 62", ReasonCode::MalformedPacket);
}

#[test]
fn v5_3_3_2_1_the_topic_name_comes_first_and_is_utf8() {
    the_topic_name_comes_first_and_is_utf8(Version::V5);
}

#[test]
fn v311_3_3_2_1_the_topic_name_comes_first_and_is_utf8() {
    the_topic_name_comes_first_and_is_utf8(Version::V3_1_1);
}

fn a_topic_name_has_no_wildcard(version: Version) {
    for topic in ["#", "+", "a/#", "a/+/b", "a+", "#b"] {
        let mut peer = Peer::connected(version);
        let error = peer.try_publish_to(topic, QoS::AtLeastOnce).unwrap_err();
        let error_in_topic =
            EncodeError::InvalidTopic { field: "topic name", error: TopicError::Wildcard };
        assert_eq!(error, RequestError::Encode(error_in_topic));
        peer.expect_nothing();
        refuses(version, &with_topic(version, topic.as_bytes()), ReasonCode::TopicNameInvalid);
    }
}

#[test]
fn v5_3_3_2_2_a_topic_name_has_no_wildcard() {
    a_topic_name_has_no_wildcard(Version::V5);
}

#[test]
fn v311_3_3_2_2_a_topic_name_has_no_wildcard() {
    a_topic_name_has_no_wildcard(Version::V3_1_1);
}

fn the_property_is_utf8(property: PropertyId, ask: fn(&str) -> Publish<'static>) {
    let mut peer = Peer::connected(Version::V5);
    peer.publish(&ask("é")).unwrap();
    let id = property.number();
    let sent = peer.expect_hex();
    assert!(sent.contains(&format!("05 {id:02x} 00 02 c3 a9")), "{sent}");
    peer.send_bytes(&with_text(property, "é".as_bytes()));
    assert_eq!(peer.message().properties.text(property), Some("é"));
    assert!(peer.publish(&ask("a\0")).is_err());
    assert!(peer.publish(&ask(&"a".repeat(65_536))).is_err());
    for bad in [&b"\xe9"[..], b"a\xff", b"\xed\xa0\x80", b"a\0"] {
        refuses(Version::V5, &with_text(property, bad), ReasonCode::MalformedPacket);
    }
}

#[test]
fn v5_3_3_2_13_the_response_topic_is_utf8() {
    the_property_is_utf8(PropertyId::ResponseTopic, |text| {
        Publish::new("a", "m").response_topic(text)
    });
}

#[test]
fn v5_3_3_2_19_the_content_type_is_utf8() {
    the_property_is_utf8(PropertyId::ContentType, |text| Publish::new("a", "m").content_type(text));
}

#[test]
fn v5_3_3_2_14_the_response_topic_has_no_wildcard() {
    for topic in ["#", "a/+", "a#"] {
        let mut peer = Peer::connected(Version::V5);
        let error = peer.publish(&Publish::new("a", "m").response_topic(topic)).unwrap_err();
        assert!(
            matches!(
                error,
                RequestError::Encode(EncodeError::InvalidTopic { error: TopicError::Wildcard, .. })
            ),
            "{error}"
        );
        peer.expect_nothing();
        let bytes = with_text(PropertyId::ResponseTopic, topic.as_bytes());
        refuses(Version::V5, &bytes, ReasonCode::TopicNameInvalid);
    }
}

fn the_answer_depends_on_the_qos(version: Version) {
    let mut peer = Peer::connected(version);
    peer.deliver("a", QoS::AtMostOnce, 0);
    peer.expect_nothing();
    peer.deliver("a", QoS::AtLeastOnce, 5);
    assert_eq!(peer.expect_hex(), "40 02 00 05");
    peer.deliver("a", QoS::ExactlyOnce, 6);
    assert_eq!(peer.expect_hex(), "50 02 00 06");
    peer.send_ack(AckKind::PubRel, 6);
    assert_eq!(peer.expect_hex(), "70 02 00 06");
    peer.expect_nothing();

    peer.publish_to("a", QoS::AtMostOnce);
    assert_eq!(peer.client.in_flight(), 0, "nothing is awaited");
    let one = peer.publish_to("a", QoS::AtLeastOnce);
    let two = peer.publish_to("a", QoS::ExactlyOnce);
    peer.send_ack(AckKind::PubAck, one);
    peer.send_ack(AckKind::PubRec, two);
    peer.send_ack(AckKind::PubComp, two);
    assert_eq!(peer.outcomes().len(), 2);
    assert_eq!(peer.client.in_flight(), 0);
}

#[test]
fn v5_3_3_4_1_the_answer_depends_on_the_qos() {
    the_answer_depends_on_the_qos(Version::V5);
}

#[test]
fn v311_3_3_4_1_the_answer_depends_on_the_qos() {
    the_answer_depends_on_the_qos(Version::V3_1_1);
}

#[test]
fn v5_3_3_4_4_a_message_may_name_several_subscriptions() {
    let mut peer = Peer::connected(Version::V5);
    peer.send("30 0c 00 01 61 07 0b 02 0b 80 01 0b 02 6d");
    let message = peer.message();
    let found: Vec<_> =
        message.properties.iter().filter_map(|property| property.value.number()).collect();
    assert_eq!(found, [2, 128, 2]);
    refuses_hex(Version::V5, "30 07 00 01 61 02 0b 00 6d", ReasonCode::ProtocolError);
}

#[test]
fn v5_3_3_4_6_the_client_sends_no_subscription_identifier() {
    let mut properties = Properties::new();
    properties.set_u32(PropertyId::SubscriptionIdentifier, 1).unwrap();
    let mut peer = Peer::connected(Version::V5);
    let error = peer.publish(&Publish::new("a", "m").properties(properties)).unwrap_err();
    assert!(
        matches!(error, RequestError::Encode(EncodeError::MisplacedProperty { .. })),
        "{error}"
    );
    peer.expect_nothing();
}

#[test]
fn v5_3_3_4_6_a_message_that_is_passed_on_loses_its_subscription_identifiers_or_is_refused() {
    let mut peer = Peer::connected(Version::V5);
    peer.send("30 09 00 01 61 04 0b 01 01 01 6d");
    let mut properties = peer.message().properties;
    let request = Publish::new("b", "m").properties(properties.clone());
    assert!(peer.publish(&request).is_err());
    properties.remove(PropertyId::SubscriptionIdentifier);
    peer.publish(&Publish::new("b", "m").properties(properties)).unwrap();
    assert_eq!(peer.expect_hex(), "30 07 00 01 62 02 01 01 6d");
}

/// Property blocks of a PUBLISH from the server and what is wrong with them.
const BAD_PROPERTIES: [(&str, ReasonCode); 13] = [
    ("01 02", ReasonCode::ProtocolError),
    ("01 00 01 00", ReasonCode::ProtocolError),
    ("02 00 00 00 01 02 00 00 00 01", ReasonCode::ProtocolError),
    ("03 00 01 61 03 00 01 61", ReasonCode::ProtocolError),
    ("08 00 01 61 08 00 01 61", ReasonCode::ProtocolError),
    ("08 00 00", ReasonCode::ProtocolError),
    ("09 00 00 09 00 00", ReasonCode::ProtocolError),
    ("23 00 01 23 00 01", ReasonCode::ProtocolError),
    ("1f 00 00", ReasonCode::MalformedPacket),
    ("11 00 00 00 00", ReasonCode::MalformedPacket),
    ("7e", ReasonCode::MalformedPacket),
    ("01", ReasonCode::MalformedPacket),
    ("02 00 00", ReasonCode::MalformedPacket),
];

#[test]
fn v5_bad_properties_of_publish_end_the_connection() {
    for (properties, reason) in BAD_PROPERTIES {
        let properties = unhex(properties);
        let len = u8::try_from(properties.len()).unwrap();
        let body = [&[0, 1, b'a', len], properties.as_slice()].concat();
        refuses(Version::V5, &packet(0x30, &body), reason);
    }
    // The block is longer than the packet.
    refuses_hex(Version::V5, "30 05 00 01 61 09 00", ReasonCode::MalformedPacket);
}

fn an_empty_payload_is_a_message(version: Version) {
    let mut peer = Peer::connected(version);
    peer.publish(&Publish::new("a", "").retain(true)).unwrap();
    assert_eq!(peer.expect_bytes().len(), if version.is_v5() { 6 } else { 5 });
    peer.send(if version.is_v5() { "30 04 00 01 61 00" } else { "30 03 00 01 61" });
    assert_eq!(peer.message().payload, b"");
    let publish = codec::Publish {
        topic: "a",
        qos: QoS::AtLeastOnce,
        packet_id: Some(id(1)),
        ..codec::Publish::default()
    };
    peer.send_packet(&codec::Packet::Publish(publish));
    assert_eq!(peer.message().payload, b"");
}

#[test]
fn an_empty_payload_is_a_message_in_every_version() {
    for version in Version::ALL {
        an_empty_payload_is_a_message(version);
    }
}
