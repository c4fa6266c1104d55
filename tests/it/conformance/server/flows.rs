//! How messages from clients are acknowledged.

use mqttlink::broker::{Action, CoreConfig};
use mqttlink::codec::{self, Ack, AckKind, Connect, Packet, Version};
use mqttlink::{Properties, PropertyId, QoS, ReasonCode};

use super::publisher_of_old;
use crate::world::{Client, V3, V4, V5, World, hello, lasting, message, number, packet_id};

fn all_flows(version: Version) {
    let mut world = World::new();
    let client = world.connect(version, "a");
    let publish =
        |qos, number| codec::Publish { qos, packet_id: codec::PacketId::new(number), ..message() };
    world.send(client, &Packet::Publish(publish(QoS::AtMostOnce, 0)));
    world.expect_nothing(client);
    for number in [1, 7, 65_535] {
        world.send(client, &Packet::Publish(publish(QoS::AtLeastOnce, number)));
        assert!(world.expect(client).starts_with(&format!("PUBACK id={number}")));
    }
    // Interleaved.
    world.send(client, &Packet::Publish(publish(QoS::ExactlyOnce, 3)));
    world.send(client, &Packet::Publish(publish(QoS::ExactlyOnce, 4)));
    assert!(world.expect(client).starts_with("PUBREC id=3"));
    assert!(world.expect(client).starts_with("PUBREC id=4"));
    world.ack(client, AckKind::PubRel, 4);
    world.ack(client, AckKind::PubRel, 3);
    assert_eq!(world.expect(client), "PUBCOMP id=4");
    assert_eq!(world.expect(client), "PUBCOMP id=3");
    world.expect_nothing(client);
}

#[test]
fn v5_3_3_4_1_every_qos_has_its_answer() {
    all_flows(V5);
}

#[test]
fn v311_3_3_4_1_every_qos_has_its_answer() {
    all_flows(V4);
}

#[test]
fn v5_2_2_1_5_acknowledgements_repeat_the_identifier() {
    all_flows(V5);
}

#[test]
fn v311_2_3_1_6_acknowledgements_repeat_the_identifier() {
    all_flows(V4);
}

#[test]
fn v5_4_3_3_11_pubrel_is_answered_with_pubcomp() {
    all_flows(V5);
    let mut world = World::new();
    let client = world.connect(V5, "a");
    world.ack(client, AckKind::PubRel, 9);
    assert_eq!(world.expect(client), "PUBCOMP id=9 reason=packet identifier not found (0x92)");
}

#[test]
fn v5_3_7_2_1_pubcomp_has_one_of_two_reasons() {
    let mut world = World::new();
    let client = world.connect(V5, "a");
    world.ack(client, AckKind::PubRel, 9);
    assert_eq!(world.expect_hex(client), "70 03 00 09 92");
}

#[test]
fn v31_the_flows_are_the_same() {
    all_flows(V3);
}

fn repeated(world: &mut World, client: Client, qos: QoS, dup: bool) -> String {
    let packet = codec::Publish { qos, dup, packet_id: Some(packet_id(5)), ..message() };
    world.send(client, &Packet::Publish(packet));
    world.expect(client)
}

fn qos_1_is_new_after_puback(version: Version) {
    let (mut world, subscriber, publisher) = publisher_of_old(version);
    assert_eq!(repeated(&mut world, publisher, QoS::AtLeastOnce, false), "PUBACK id=5");
    assert_eq!(repeated(&mut world, publisher, QoS::AtLeastOnce, true), "PUBACK id=5");
    let lines = world.expect_all(subscriber);
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| !line.contains("dup")), "DUP is not passed on: {lines:?}");
}

#[test]
fn v5_4_3_2_4_qos_1_is_acknowledged_when_it_is_taken() {
    qos_1_is_new_after_puback(V5);
}

#[test]
fn v5_4_3_2_5_after_puback_the_identifier_is_new() {
    qos_1_is_new_after_puback(V5);
}

#[test]
fn v311_4_3_2_2_after_puback_the_identifier_is_new() {
    qos_1_is_new_after_puback(V4);
}

#[test]
fn v5_3_3_1_3_dup_is_not_passed_on() {
    qos_1_is_new_after_puback(V5);
}

#[test]
fn v311_3_3_1_3_dup_is_not_passed_on() {
    qos_1_is_new_after_puback(V4);
}

fn qos_2_is_delivered_once(version: Version) {
    let (mut world, subscriber, mut publisher) = publisher_of_old(version);
    assert_eq!(repeated(&mut world, publisher, QoS::ExactlyOnce, false), "PUBREC id=5");
    assert_eq!(repeated(&mut world, publisher, QoS::ExactlyOnce, true), "PUBREC id=5");
    world.cut(publisher);
    publisher = world.connect_lasting(version, "publisher");
    assert_eq!(repeated(&mut world, publisher, QoS::ExactlyOnce, true), "PUBREC id=5");
    world.ack(publisher, AckKind::PubRel, 5);
    assert_eq!(world.expect(publisher), "PUBCOMP id=5");
    assert_eq!(world.expect_all(subscriber).len(), 1);
    // After PUBCOMP the identifier means a new message.
    assert_eq!(repeated(&mut world, publisher, QoS::ExactlyOnce, false), "PUBREC id=5");
    assert_eq!(world.expect_all(subscriber).len(), 1);
}

#[test]
fn v5_4_3_3_8_qos_2_is_answered_when_it_is_taken() {
    qos_2_is_delivered_once(V5);
}

#[test]
fn v5_4_3_3_10_until_pubrel_a_repetition_is_not_delivered() {
    qos_2_is_delivered_once(V5);
}

#[test]
fn v5_4_3_3_12_after_pubcomp_the_identifier_is_new() {
    qos_2_is_delivered_once(V5);
}

#[test]
fn v311_4_3_3_2_until_pubrel_a_repetition_is_not_delivered() {
    qos_2_is_delivered_once(V4);
}

/// A broker where nobody may publish to `secret`.
fn guarded() -> World {
    World::with(|config| *config = guard(config.clone()))
}

fn guard(config: CoreConfig) -> CoreConfig {
    config.authorize(|_, action| match action {
        Action::Publish { topic, .. } => *topic != "secret",
        Action::Subscribe { filter, .. } => filter.as_str() != "secret",
        _ => true,
    })
}

#[test]
fn v5_4_3_3_9_after_a_refusal_the_identifier_is_new() {
    let mut world = guarded();
    let client = world.connect(V5, "a");
    let packet = |topic| codec::Publish {
        qos: QoS::ExactlyOnce,
        packet_id: Some(packet_id(5)),
        topic,
        ..message()
    };
    world.send(client, &Packet::Publish(packet("secret")));
    assert_eq!(world.expect(client), "PUBREC id=5 reason=not authorized (0x87)");
    world.subscribe(client, "t", QoS::AtMostOnce);
    world.send(client, &Packet::Publish(packet("t")));
    let lines = world.expect_all(client);
    assert!(lines.contains(&"PUBREC id=5".to_owned()), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("PUBLISH")), "{lines:?}");
}

#[test]
fn v5_4_3_3_13_an_expired_message_is_acknowledged_all_the_same() {
    let (mut world, _, publisher) = publisher_of_old(V5);
    let properties = number(PropertyId::MessageExpiryInterval, 1);
    let packet = codec::Publish { properties, qos: QoS::ExactlyOnce, ..message() };
    assert_eq!(world.offer(publisher, packet), "PUBREC id=1");
    world.advance_secs(10);
    world.ack(publisher, AckKind::PubRel, 1);
    assert_eq!(world.expect(publisher), "PUBCOMP id=1");
}

fn only_these_reasons(kind: AckKind, qos: QoS) {
    let listed = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
    let mut world = World::with(|config| {
        *config = guard(config.clone());
        config.limits.retained_messages = 0;
        config.limits.topic_levels = 3;
    });
    let client = world.connect(V5, "a");
    for (topic, retain, reason) in [
        ("t", false, "no matching subscribers (0x10)"),
        ("secret", false, "not authorized (0x87)"),
        ("a/b/c/d", false, "topic name invalid (0x90)"),
        ("$SYS/x", false, "topic name invalid (0x90)"),
        ("t", true, "quota exceeded (0x97)"),
    ] {
        let packet = codec::Publish { topic, qos, retain, ..message() };
        let line = world.offer(client, packet);
        assert!(line.contains(reason), "{line}");
        let code = ReasonCode::ALL.iter().find(|code| line.contains(&code.to_string())).unwrap();
        assert!(listed.contains(&code.code()), "{kind:?}");
    }
}

#[test]
fn v5_3_4_2_1_puback_has_listed_reasons() {
    only_these_reasons(AckKind::PubAck, QoS::AtLeastOnce);
}

#[test]
fn v5_3_5_2_1_pubrec_has_listed_reasons() {
    only_these_reasons(AckKind::PubRec, QoS::ExactlyOnce);
}

#[test]
fn v311_3_3_5_2_what_may_not_be_published_is_acknowledged_and_dropped() {
    let mut world = guarded();
    let client = world.connect(V4, "a");
    world.subscribe(client, "#", QoS::AtMostOnce);
    for qos in QoS::ALL {
        world.publish_packet(client, codec::Publish { topic: "secret", qos, ..message() });
        world.expect_nothing(client);
    }
}

#[test]
fn v5_too_many_unacknowledged_messages_are_an_error() {
    let mut world = World::with(|config| config.protocol.receive_maximum = 3);
    let client = world.connect(V5, "a");
    for _ in 0..3 {
        world.offer(client, codec::Publish { qos: QoS::ExactlyOnce, ..message() });
    }
    world.publish(client, "t", QoS::AtMostOnce);
    let packet =
        codec::Publish { qos: QoS::ExactlyOnce, packet_id: Some(packet_id(9)), ..message() };
    world.send(client, &Packet::Publish(packet));
    world.expect_end(client, ReasonCode::ReceiveMaximumExceeded);
}

#[test]
fn v5_3_1_2_29_without_problem_information_acknowledgements_say_no_more_than_they_must() {
    let mut world = World::new();
    let mut connect = hello(V5, "a");
    connect.properties = number(PropertyId::RequestProblemInformation, 0);
    let (client, _) = world.accepted(&connect);
    let line = world.offer(client, codec::Publish { qos: QoS::AtLeastOnce, ..message() });
    assert_eq!(line, "PUBACK id=1 reason=no matching subscribers (0x10)");
    // Others are told why such a topic is refused.
    world.send_hex(client, "32 0c 00 06 24 53 59 53 2f 78 00 07 00 6d");
    let line = world.expect_whole(client);
    assert_eq!(line, "PUBACK id=7 reason=topic name invalid (0x90)");
}

#[test]
fn v5_2_2_2_1_a_length_of_0_stands_for_no_properties() {
    let mut world = World::new();
    let client = world.connect(V5, "a");
    let line = world.subscribe_with(client, &[("t", QoS::AtMostOnce.into())], Properties::new());
    assert_eq!(line, "SUBACK id=1 granted QoS 0 (0x00)");
    world.send_hex(client, "82 07 00 09 00 00 01 74 00");
    assert_eq!(world.expect_hex(client), "90 04 00 09 00 00");
    world.send_hex(client, "a2 06 00 08 00 00 01 74");
    assert_eq!(world.expect_hex(client), "b0 04 00 08 00 00");
    world.send_hex(client, "82 07 00 09 00 00 01 74 00");
    world.expect(client);
    world.publish(client, "t", QoS::AtMostOnce);
    assert_eq!(world.expect_hex(client), "30 05 00 01 74 00 6d");
}

#[test]
fn v5_an_unknown_acknowledgement_is_ignored_or_answered() {
    let mut world = World::new();
    let client = world.connect(V5, "a");
    world.ack(client, AckKind::PubAck, 7);
    world.ack(client, AckKind::PubComp, 7);
    world.expect_nothing(client);
    world.send(client, &Packet::Ack(Ack::new(AckKind::PubRec, packet_id(7))));
    assert_eq!(world.expect(client), "PUBREL id=7 reason=packet identifier not found (0x92)");
}

#[test]
fn v5_3_12_4_1_pingreq_is_answered() {
    let mut world = World::new();
    let client = world.connect(V5, "a");
    world.send_hex(client, "c0 00 c0 00");
    assert_eq!(world.expect_hex(client), "d0 00");
    assert_eq!(world.expect_hex(client), "d0 00");
}

#[test]
fn v311_3_12_4_1_pingreq_is_answered() {
    let mut world = World::new();
    let (client, _) = world.accepted(&Connect { keep_alive: 1, ..lasting(V4, "a") });
    world.send_hex(client, "c0 00");
    assert_eq!(world.expect_hex(client), "d0 00");
}
