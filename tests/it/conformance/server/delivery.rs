//! What clients are sent: the flows of QoS 1 and 2, limits, aliases, expiry, order.

use mqttlink::codec::{self, AckKind, Packet, Version};
use mqttlink::{PropertyId, QoS, ReasonCode};

use super::{back, qos_2_step_by_step, two};
use crate::world::{V4, V5, World, message, number};

fn qos_0_is_sent_plainly(version: Version, hex: &str) {
    let (mut world, subscriber, publisher) = two(version, QoS::ExactlyOnce);
    world.publish(publisher, "t", QoS::AtMostOnce);
    assert_eq!(world.expect_hex(subscriber), hex);
}

#[test]
fn v5_4_3_1_1_qos_0_has_neither_dup_nor_identifier() {
    qos_0_is_sent_plainly(V5, "30 05 00 01 74 00 6d");
}

#[test]
fn v5_2_2_1_2_qos_0_has_no_packet_identifier() {
    qos_0_is_sent_plainly(V5, "30 05 00 01 74 00 6d");
}

#[test]
fn v311_4_3_1_1_qos_0_has_neither_dup_nor_identifier() {
    qos_0_is_sent_plainly(V4, "30 04 00 01 74 6d");
}

#[test]
fn v311_2_3_1_5_qos_0_has_no_packet_identifier() {
    qos_0_is_sent_plainly(V4, "30 04 00 01 74 6d");
}

fn identifiers_are_the_servers_own(version: Version) {
    let (mut world, subscriber, publisher) = two(version, QoS::AtLeastOnce);
    for _ in 0..300 {
        world.publish(publisher, "t", QoS::AtLeastOnce);
    }
    let lines = world.expect_all(subscriber);
    for (at, line) in lines.iter().enumerate() {
        assert!(line.contains(&format!(" id={} ", at + 1)) && !line.contains("dup"), "{line}");
    }
    // The client uses the same numbers for its own messages meanwhile.
    let own = codec::Publish { topic: "own", qos: QoS::AtLeastOnce, ..message() };
    world.publish_packet(subscriber, own);
}

#[test]
fn v5_2_2_1_4_identifiers_are_not_0_and_differ() {
    identifiers_are_the_servers_own(V5);
}

#[test]
fn v311_2_3_1_4_identifiers_are_not_0_and_differ() {
    identifiers_are_the_servers_own(V4);
}

#[test]
fn v5_4_3_2_1_a_message_has_an_unused_identifier() {
    identifiers_are_the_servers_own(V5);
}

#[test]
fn v5_4_3_2_2_a_message_of_qos_1_is_first_sent_without_dup() {
    identifiers_are_the_servers_own(V5);
}

fn qos_1_until_puback(version: Version) {
    let (mut world, subscriber, publisher) = two(version, QoS::AtLeastOnce);
    world.publish(publisher, "t", QoS::AtLeastOnce);
    world.publish(publisher, "t", QoS::AtLeastOnce);
    let first = world.expect(subscriber);
    world.expect(subscriber);
    world.ack(subscriber, AckKind::PubAck, 2);
    // On a live connection nothing is repeated.
    world.advance_secs(100_000);
    world.expect_nothing(subscriber);
    for _ in 0..3 {
        let subscriber = back(&mut world, subscriber, version);
        let line = world.expect(subscriber);
        assert_eq!(line.replace(" dup", ""), first);
        assert!(line.contains(" dup"), "{line}");
        world.expect_nothing(subscriber);
    }
    let subscriber = back(&mut world, subscriber, version);
    world.expect(subscriber);
    world.ack(subscriber, AckKind::PubAck, 1);
    let subscriber = back(&mut world, subscriber, version);
    world.expect_nothing(subscriber);
}

#[test]
fn v5_4_3_2_3_a_message_is_kept_until_puback() {
    qos_1_until_puback(V5);
}

#[test]
fn v5_3_3_1_1_a_message_sent_again_has_the_dup_flag() {
    qos_1_until_puback(V5);
}

#[test]
fn v5_4_4_0_1_messages_are_sent_again_when_a_session_goes_on_and_only_then() {
    qos_1_until_puback(V5);
}

#[test]
fn v311_4_3_2_1_a_message_is_kept_until_puback() {
    qos_1_until_puback(V4);
}

#[test]
fn v311_3_3_1_1_a_message_sent_again_has_the_dup_flag() {
    qos_1_until_puback(V4);
}

#[test]
fn v311_4_4_0_1_messages_are_sent_again_when_a_session_goes_on() {
    qos_1_until_puback(V4);
}

#[test]
fn v5_4_3_3_1_a_message_has_an_unused_identifier() {
    qos_2_step_by_step(V5);
}

#[test]
fn v5_4_3_3_3_a_message_is_kept_until_pubrec() {
    qos_2_step_by_step(V5);
}

#[test]
fn v5_4_3_3_4_pubrec_is_answered_with_pubrel() {
    qos_2_step_by_step(V5);
}

#[test]
fn v5_4_3_3_5_pubrel_is_repeated_until_pubcomp() {
    qos_2_step_by_step(V5);
}

#[test]
fn v5_4_3_3_6_after_pubrel_the_message_is_not_sent_again() {
    qos_2_step_by_step(V5);
}

#[test]
fn v311_4_3_3_1_a_message_of_qos_2_goes_step_by_step() {
    qos_2_step_by_step(V4);
}

#[test]
fn v5_3_6_2_1_pubrel_has_one_of_two_reasons() {
    let (mut world, subscriber, _) = two(V5, QoS::ExactlyOnce);
    world.ack(subscriber, AckKind::PubRec, 99);
    assert_eq!(world.expect_hex(subscriber), "62 03 00 63 92");
}

#[test]
fn v5_4_3_3_7_a_message_on_its_way_does_not_expire() {
    let (mut world, subscriber, publisher) = two(V5, QoS::ExactlyOnce);
    let properties = number(PropertyId::MessageExpiryInterval, 5);
    let packet = codec::Publish { qos: QoS::ExactlyOnce, properties, ..message() };
    world.publish_packet(publisher, packet);
    world.expect(subscriber);
    world.cut(subscriber);
    world.advance_secs(100);
    let subscriber = world.connect_lasting(V5, "subscriber");
    assert!(world.expect(subscriber).contains("qos=2 id=1 dup"));
    world.ack(subscriber, AckKind::PubRec, 1);
    assert_eq!(world.expect(subscriber), "PUBREL id=1");
}

#[test]
fn v5_4_4_0_2_a_refused_message_is_not_sent_again() {
    for (qos, kind) in [(QoS::AtLeastOnce, AckKind::PubAck), (QoS::ExactlyOnce, AckKind::PubRec)] {
        let (mut world, subscriber, publisher) = two(V5, qos);
        world.publish(publisher, "t", qos);
        world.expect(subscriber);
        world.ack_with(subscriber, kind, 1, ReasonCode::QuotaExceeded);
        world.expect_nothing(subscriber);
        let subscriber = back(&mut world, subscriber, V5);
        world.expect_nothing(subscriber);
    }
}

#[test]
fn v311_3_1_2_7_retained_messages_are_no_part_of_a_session() {
    let mut world = World::new();
    let publisher = world.connect(V4, "a");
    world.retain(publisher, "t", "kept", QoS::AtLeastOnce);
    world.goodbye(publisher);
    let late = world.connect(V4, "b");
    world.subscribe(late, "t", QoS::AtLeastOnce);
    assert!(world.expect(late).contains(" retain"));
}

#[test]
fn v311_2_2_2_1_reserved_flags_have_their_values() {
    let (mut world, subscriber, publisher) = two(V4, QoS::ExactlyOnce);
    world.send_hex(subscriber, "c0 00");
    world.publish(publisher, "t", QoS::ExactlyOnce);
    world.ack(subscriber, AckKind::PubRec, 1);
    world.send_hex(subscriber, "82 06 00 07 00 01 75 00");
    world.send_hex(subscriber, "a2 05 00 08 00 01 75");
    let packet = codec::Publish { qos: QoS::AtLeastOnce, topic: "u", ..message() };
    world.send(
        subscriber,
        &Packet::Publish(codec::Publish { packet_id: Some(crate::world::packet_id(9)), ..packet }),
    );
    let mut firsts = Vec::new();
    for _ in 0..6 {
        firsts.push(world.expect_bytes(subscriber)[0]);
    }
    assert_eq!(firsts, [0xd0, 0x34, 0x62, 0x90, 0xb0, 0x40]);
}
