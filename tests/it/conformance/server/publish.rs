//! PUBLISH from clients: what is taken, what is kept, how it is acknowledged.

use mqttlink::codec::{self, Packet, Version};
use mqttlink::{PropertyId, QoS, ReasonCode};

use super::publisher_of_old;
use crate::hex::{field, packet, unhex};
use crate::world::{V4, V5, World, message, number, packet_id};

/// A connected client is disconnected for these bytes: in MQTT 5.0 with this reason.
fn refuses(version: Version, bytes: &[u8], reason: ReasonCode) {
    let mut world = World::new();
    let client = world.connect(version, "a");
    let other = world.connect(version, "b");
    world.subscribe(other, "#", QoS::AtMostOnce);
    world.send_bytes(client, bytes);
    world.expect_end(client, reason);
    world.expect_nothing(other);
}

fn refuses_hex(version: Version, hex: &str, reason: ReasonCode) {
    refuses(version, &unhex(hex), reason);
}

/// A PUBLISH of QoS 0 with these bytes as topic.
fn with_topic(version: Version, topic: &[u8]) -> Vec<u8> {
    let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
    packet(0x30, &[&field(topic), properties, b"m"].concat())
}

/// A PUBLISH of QoS 0 to `a` with these bytes as properties.
fn with_properties(properties: &[u8]) -> Vec<u8> {
    let len = u8::try_from(properties.len()).unwrap();
    packet(0x30, &[&[0, 1, b'a', len], properties, b"m"].concat())
}

fn ill_formed_topics(version: Version) {
    for bad in [&b"\xed\xa0\x80"[..], b"\xc0\xaf", b"\xf8\x88\x80\x80\x80", b"a\xe2\x82", b"a\0b"] {
        refuses(version, &with_topic(version, bad), ReasonCode::MalformedPacket);
    }
}

#[test]
fn v5_1_5_4_1_ill_formed_text_is_malformed() {
    ill_formed_topics(V5);
}

#[test]
fn v311_1_5_3_1_ill_formed_text_closes_the_connection() {
    ill_formed_topics(V4);
}

#[test]
fn v5_1_5_4_2_the_null_character_is_malformed() {
    refuses(V5, &with_topic(V5, b"a\0b"), ReasonCode::MalformedPacket);
}

#[test]
fn v311_1_5_3_2_the_null_character_closes_the_connection() {
    refuses(V4, &with_topic(V4, b"a\0b"), ReasonCode::MalformedPacket);
}

#[test]
fn v5_3_3_2_1_the_topic_is_text() {
    ill_formed_topics(V5);
}

#[test]
fn v311_3_3_2_1_the_topic_is_text() {
    ill_formed_topics(V4);
}

fn names_are_passed_on_letter_by_letter(version: Version) {
    let mut world = World::new();
    let client = world.connect(version, "a");
    world.subscribe(client, "#", QoS::AtMostOnce);
    let names = ["\u{feff}a", "/", "//", "a//b", "\u{e9}", "e\u{301}", "a b", "/a", "a/", "A"];
    for topic in names {
        world.publish(client, topic, QoS::AtMostOnce);
        assert!(world.expect(client).contains(&format!("topic={topic:?}")), "{topic:?}");
    }
    let nfc = world.connect(version, "nfc");
    world.subscribe(nfc, "\u{e9}", QoS::AtMostOnce);
    world.publish(client, "e\u{301}", QoS::AtMostOnce);
    world.expect_nothing(nfc);
}

#[test]
fn v5_1_5_4_3_a_byte_order_mark_is_a_character() {
    names_are_passed_on_letter_by_letter(V5);
}

#[test]
fn v311_1_5_3_3_a_byte_order_mark_is_a_character() {
    names_are_passed_on_letter_by_letter(V4);
}

#[test]
fn v5_4_7_3_4_names_are_not_normalised() {
    names_are_passed_on_letter_by_letter(V5);
}

#[test]
fn v311_4_7_3_4_names_are_not_normalised() {
    names_are_passed_on_letter_by_letter(V4);
}

#[test]
fn v5_1_5_5_1_needless_length_bytes_are_malformed() {
    refuses_hex(V5, "30 84 00 00 01 61 00", ReasonCode::MalformedPacket);
    refuses_hex(V5, "30 ff ff ff ff 01", ReasonCode::MalformedPacket);
    refuses_hex(V5, "30 05 00 01 61 80 00", ReasonCode::MalformedPacket);
}

#[test]
fn v5_1_5_7_1_both_halves_of_a_user_property_are_text() {
    for bad in [&b"\xff"[..], b"a\0"] {
        for pair in [[bad, b"v"], [b"k", bad]] {
            let property = [&[0x26][..], &field(pair[0]), &field(pair[1])].concat();
            refuses(V5, &with_properties(&property), ReasonCode::MalformedPacket);
        }
    }
}

fn reserved_flags_are_malformed(version: Version) {
    let own =
        [(0x40, 0), (0x50, 0), (0x60, 2), (0x70, 0), (0x80, 2), (0xa0, 2), (0xc0, 0), (0xe0, 0)];
    for (packet_type, right) in own {
        for flags in (0..16).filter(|flags| *flags != right) {
            let bytes = packet(packet_type | flags, &[0, 1, 0, 0, 1, b'a', 0]);
            refuses(version, &bytes, ReasonCode::MalformedPacket);
        }
    }
}

#[test]
fn v5_2_1_3_1_reserved_flags_are_malformed() {
    reserved_flags_are_malformed(V5);
}

#[test]
fn v311_2_2_2_2_reserved_flags_close_the_connection() {
    reserved_flags_are_malformed(V4);
}

#[test]
fn v5_3_6_1_1_pubrel_has_the_flags_0010() {
    refuses_hex(V5, "60 02 00 01", ReasonCode::MalformedPacket);
}

#[test]
fn v311_3_6_1_1_pubrel_has_the_flags_0010() {
    refuses_hex(V4, "60 02 00 01", ReasonCode::MalformedPacket);
}

#[test]
fn v5_3_15_1_1_auth_has_the_flags_0000() {
    refuses_hex(V5, "f1 00", ReasonCode::MalformedPacket);
}

fn qos_3(version: Version) {
    for first in [0x36, 0x37, 0x3e, 0x3f] {
        refuses(version, &packet(first, &[0, 1, b'a', 0, 1, 0]), ReasonCode::MalformedPacket);
    }
}

#[test]
fn v5_3_3_1_4_qos_3_is_malformed() {
    qos_3(V5);
}

#[test]
fn v311_3_3_1_4_qos_3_closes_the_connection() {
    qos_3(V4);
}

#[test]
fn v5_3_3_1_2_dup_at_qos_0_is_malformed() {
    refuses_hex(V5, "38 05 00 01 61 00 6d", ReasonCode::MalformedPacket);
}

#[test]
fn v311_3_3_1_2_dup_at_qos_0_closes_the_connection() {
    refuses_hex(V4, "38 04 00 01 61 6d", ReasonCode::MalformedPacket);
}

#[test]
fn v311_2_3_1_1_packet_identifier_0_closes_the_connection() {
    refuses_hex(V4, "32 05 00 01 61 00 00", ReasonCode::ProtocolError);
    refuses_hex(V4, "82 06 00 00 00 01 61 00", ReasonCode::ProtocolError);
}

fn wildcards_in_names(version: Version) {
    for topic in [&b"a/+"[..], b"#", b"+", b"a#"] {
        refuses(version, &with_topic(version, topic), ReasonCode::TopicNameInvalid);
    }
}

#[test]
fn v5_3_3_2_2_a_topic_name_has_no_wildcards() {
    wildcards_in_names(V5);
}

#[test]
fn v5_4_7_0_1_wildcards_belong_in_filters() {
    wildcards_in_names(V5);
}

#[test]
fn v311_3_3_2_2_a_topic_name_has_no_wildcards() {
    wildcards_in_names(V4);
}

#[test]
fn v311_4_7_1_1_wildcards_belong_in_filters() {
    wildcards_in_names(V4);
}

#[test]
fn v5_4_7_3_1_an_empty_topic_is_an_error() {
    refuses(V5, &with_topic(V5, b""), ReasonCode::ProtocolError);
}

#[test]
fn v311_4_7_3_1_an_empty_topic_closes_the_connection() {
    refuses(V4, &with_topic(V4, b""), ReasonCode::ProtocolError);
}

#[test]
fn v5_4_7_3_2_names_and_filters_hold_no_null_character() {
    refuses(V5, &with_topic(V5, b"\0"), ReasonCode::MalformedPacket);
    refuses_hex(V5, "82 07 00 01 00 00 01 00 00", ReasonCode::MalformedPacket);
}

#[test]
fn v311_4_7_3_2_names_and_filters_hold_no_null_character() {
    refuses(V4, &with_topic(V4, b"\0"), ReasonCode::MalformedPacket);
    refuses_hex(V4, "82 06 00 01 00 01 00 00", ReasonCode::MalformedPacket);
}

fn long_names(version: Version) {
    let mut world = World::new();
    let client = world.connect(version, "a");
    let topic = "x".repeat(65_535);
    world.subscribe(client, &topic, QoS::AtMostOnce);
    world.publish(client, &topic, QoS::AtMostOnce);
    assert!(world.expect(client).contains(&topic));
}

#[test]
fn v5_4_7_3_3_names_have_up_to_65535_bytes() {
    long_names(V5);
}

#[test]
fn v311_4_7_3_3_names_have_up_to_65535_bytes() {
    long_names(V4);
}

#[test]
fn v5_3_3_2_7_a_clients_aliases_end_with_its_connection() {
    let (mut world, subscriber, publisher) = publisher_of_old(V5);
    let with_alias = |topic| codec::Publish {
        topic,
        properties: number(PropertyId::TopicAlias, 1),
        ..message()
    };
    world.send(publisher, &Packet::Publish(with_alias("t")));
    world.send(publisher, &Packet::Publish(with_alias("")));
    assert_eq!(world.expect_all(subscriber).len(), 2);
    world.cut(publisher);
    let publisher = world.connect_lasting(V5, "publisher");
    world.send(publisher, &Packet::Publish(with_alias("")));
    world.expect_end(publisher, ReasonCode::ProtocolError);
}

#[test]
fn v5_3_3_2_8_alias_0_is_invalid() {
    refuses(V5, &with_properties(&[0x23, 0, 0]), ReasonCode::TopicAliasInvalid);
}

#[test]
fn v5_3_3_2_12_every_alias_up_to_the_maximum_is_taken() {
    let (mut world, subscriber, publisher) = publisher_of_old(V5);
    for alias in 1..=64 {
        for topic in ["t", "", "t"] {
            let properties = number(PropertyId::TopicAlias, alias);
            world.send(
                publisher,
                &Packet::Publish(codec::Publish { topic, properties, ..message() }),
            );
            assert_eq!(
                world.expect(subscriber),
                "PUBLISH topic=\"t\" qos=0 payload=(1 bytes)",
                "an alias of the publisher's is not passed on"
            );
        }
    }
    let properties = number(PropertyId::TopicAlias, 65);
    world.send(publisher, &Packet::Publish(codec::Publish { properties, ..message() }));
    world.expect_end(publisher, ReasonCode::TopicAliasInvalid);
}

#[test]
fn v5_3_3_4_6_a_client_sends_no_subscription_identifier() {
    refuses(V5, &with_properties(&[0x0b, 1]), ReasonCode::ProtocolError);
}

#[test]
fn v5_3_3_2_13_the_response_topic_is_text() {
    for bad in [&b"\xff"[..], b"\0"] {
        let property = [&[0x08][..], &field(bad)].concat();
        refuses(V5, &with_properties(&property), ReasonCode::MalformedPacket);
    }
}

#[test]
fn v5_3_3_2_14_the_response_topic_has_no_wildcards() {
    for bad in [&b"a/#"[..], b"+"] {
        let property = [&[0x08][..], &field(bad)].concat();
        refuses(V5, &with_properties(&property), ReasonCode::TopicNameInvalid);
    }
}

#[test]
fn v5_3_3_2_19_the_content_type_is_text() {
    let property = [&[0x03][..], &field(b"\xc0\xaf")].concat();
    refuses(V5, &with_properties(&property), ReasonCode::MalformedPacket);
}

fn the_errors_of_the_catalogue(version: Version) {
    // A catalogue of packets that are no packets, or not from a client.
    let all = [
        "00 00",
        "20 02 00 00",
        "90 03 00 01 00",
        "b0 02 00 01",
        "d0 00",
        "40 00",
        "40 01 00",
        "c0 01 00",
        "82 02 00 01",
        "a2 02 00 01",
        "82 05 00 01 00 01 61",
    ];
    for hex in all {
        let mut world = World::new();
        let client = world.connect(version, "a");
        let other = world.connect(version, "b");
        world.send_hex(client, hex);
        assert!(world.is_closed(client), "{hex}");
        let lines = world.expect_all(client);
        assert_eq!(lines.len(), usize::from(version.is_v5()), "{hex}: {lines:?}");
        world.send_hex(other, "c0 00");
        assert_eq!(world.expect(other), "PINGRESP");
    }
}

#[test]
fn v5_4_13_1_1_malformed_packets_and_protocol_errors_close_the_connection() {
    the_errors_of_the_catalogue(V5);
}

#[test]
fn v311_4_8_0_1_errors_close_the_connection() {
    the_errors_of_the_catalogue(V4);
}

#[test]
fn v5_what_is_not_offered_ends_the_connection() {
    let cases = [
        (codec::Publish { qos: QoS::ExactlyOnce, ..message() }, ReasonCode::QoSNotSupported),
        (codec::Publish { retain: true, ..message() }, ReasonCode::RetainNotSupported),
    ];
    for (packet, reason) in cases {
        let mut world = World::with(|config| {
            config.protocol.maximum_qos = QoS::AtLeastOnce;
            config.protocol.retain_available = false;
        });
        let client = world.connect(V5, "a");
        let packet_id = (packet.qos != QoS::AtMostOnce).then(|| packet_id(1));
        world.send(client, &Packet::Publish(codec::Publish { packet_id, ..packet }));
        world.expect_end(client, reason);
    }
}

#[test]
fn v5_a_packet_above_the_maximum_size_is_refused_before_it_has_come() {
    let mut world = World::with(|config| config.protocol.maximum_packet_size = 100);
    let client = world.connect(V5, "a");
    world.send_hex(client, "30 63");
    world.expect_end(client, ReasonCode::PacketTooLarge);
    let client = world.connect(V5, "a");
    let exact = packet(0x30, &[&[0, 1, b't', 0], &[b'x'; 94][..]].concat());
    assert_eq!(exact.len(), 100);
    world.send_bytes(client, &exact);
    world.expect_nothing(client);
}
