//! What a client takes: sizes, aliases, receive maximum; and how it is told to go.

use mqttlink::codec::{self, AckKind, Packet};
use mqttlink::{PropertyId, QoS, ReasonCode};

use super::{back, two, with_property};
use crate::world::{V4, V5, World, hello, lasting, message, number, packet_id};

#[test]
fn v5_3_1_2_24_no_packet_is_larger_than_the_client_takes() {
    let (mut world, subscriber, publisher) = with_property(PropertyId::MaximumPacketSize, 100);
    for qos in QoS::ALL {
        let overhead = if qos == QoS::AtMostOnce { 6 } else { 8 };
        for (len, fits) in [(100 - overhead, true), (101 - overhead, false)] {
            let payload = vec![b'x'; len];
            let packet = codec::Publish { qos, payload: &payload, ..message() };
            world.publish_packet(publisher, packet);
            if fits {
                assert_eq!(world.expect_bytes(subscriber).len(), 100, "{qos}");
            }
            world.expect_nothing(subscriber);
        }
    }
    assert_eq!(world.core.statistics(world.now).drops.too_large, 3);
}

#[test]
fn v5_3_1_2_25_a_message_that_is_too_large_counts_as_delivered() {
    let (mut world, subscriber, publisher) = with_property(PropertyId::MaximumPacketSize, 100);
    let payload = [b'x'; 200];
    for _ in 0..2_000 {
        let packet = codec::Publish { qos: QoS::AtLeastOnce, payload: &payload, ..message() };
        world.publish_packet(publisher, packet);
    }
    world.publish(publisher, "t", QoS::AtLeastOnce);
    assert!(world.expect(subscriber).contains("id=1 "), "no quota, no identifier is lost");
    let subscriber = back(&mut world, subscriber, V5);
    assert_eq!(world.expect_all(subscriber).len(), 1);
}

fn aliases_stay_within(maximum: u32) {
    let (mut world, subscriber, publisher) = with_property(PropertyId::TopicAliasMaximum, maximum);
    let mut known: Vec<Option<String>> = vec![None; 1 + maximum as usize];
    for round in 0..200 {
        let topic = format!("topic/{}", round % 7);
        world.publish_packet(publisher, codec::Publish { topic: &topic, ..message() });
        let line = world.expect(subscriber);
        let Some((_, alias)) = line.split_once("topic alias=") else {
            assert_eq!(maximum, 0, "{line}");
            continue;
        };
        let alias: usize = alias.parse().unwrap();
        assert!(alias >= 1 && alias <= maximum as usize, "{line}");
        if !line.contains("topic=\"\"") {
            known[alias] = Some(topic.clone());
        }
        assert_eq!(known[alias].as_deref(), Some(&*topic), "{line}");
    }
}

#[test]
fn v5_3_1_2_26_aliases_stay_within_the_clients_maximum() {
    aliases_stay_within(1);
    aliases_stay_within(2);
    aliases_stay_within(100);
}

#[test]
fn v5_3_3_2_11_aliases_stay_within_the_clients_maximum() {
    aliases_stay_within(3);
}

#[test]
fn v5_3_1_2_27_without_a_maximum_there_is_no_alias() {
    aliases_stay_within(0);
}

#[test]
fn v5_3_3_2_7_the_brokers_aliases_end_with_the_connection() {
    let (mut world, subscriber, publisher) = with_property(PropertyId::TopicAliasMaximum, 5);
    for _ in 0..2 {
        world.publish(publisher, "t", QoS::AtLeastOnce);
    }
    assert!(world.expect_all(subscriber)[1].contains("topic=\"\""));
    let subscriber = back(&mut world, subscriber, V5);
    for line in world.expect_all(subscriber) {
        assert!(line.contains("topic=\"t\""), "{line}");
    }
}

#[test]
fn v5_3_3_2_8_an_alias_is_never_0() {
    aliases_stay_within(1);
}

#[test]
fn v5_3_3_4_9_the_receive_maximum_is_kept() {
    let (mut world, subscriber, publisher) = with_property(PropertyId::ReceiveMaximum, 2);
    for _ in 0..5 {
        world.publish(publisher, "t", QoS::AtLeastOnce);
    }
    assert_eq!(world.expect_all(subscriber).len(), 2);
    for id in 1..=3 {
        world.ack(subscriber, AckKind::PubAck, id);
        assert!(world.expect(subscriber).contains(&format!("id={} ", id + 2)));
        world.expect_nothing(subscriber);
    }
}

#[test]
fn v5_4_9_0_2_the_quota_counts_what_is_sent_again() {
    let (mut world, subscriber, publisher) = with_property(PropertyId::ReceiveMaximum, 2);
    for _ in 0..5 {
        world.publish(publisher, "t", QoS::ExactlyOnce);
    }
    world.expect_all(subscriber);
    world.ack(subscriber, AckKind::PubRec, 1);
    world.expect_all(subscriber);
    world.cut(subscriber);
    let mut connect = lasting(V5, "subscriber");
    connect.properties.set_u32(PropertyId::ReceiveMaximum, 1).unwrap();
    let (subscriber, _) = world.accepted(&connect);
    // The released one is behind the client's limit of another connection; one is sent again.
    let lines = world.expect_all(subscriber);
    let publishes = lines.iter().filter(|line| line.starts_with("PUBLISH")).count();
    assert_eq!((lines.len(), publishes), (2, 1), "{lines:?}");
}

#[test]
fn v5_4_9_0_1_the_quota_is_65535_unless_the_client_says_less() {
    let mut world = World::with(|config| config.protocol.window = 65_535);
    let subscriber = world.connect(V5, "subscriber");
    world.subscribe(subscriber, "t", QoS::AtLeastOnce);
    let publisher = world.connect(V5, "publisher");
    for _ in 0..3_000 {
        world.publish(publisher, "t", QoS::AtLeastOnce);
    }
    assert_eq!(world.expect_all(subscriber).len(), 3_000);
}

fn everything_else_goes_on() {
    let (mut world, subscriber, publisher) = with_property(PropertyId::ReceiveMaximum, 1);
    world.publish(publisher, "t", QoS::ExactlyOnce);
    world.publish(publisher, "t", QoS::ExactlyOnce);
    assert_eq!(world.expect_all(subscriber).len(), 1);
    world.send_hex(subscriber, "c0 00");
    assert_eq!(world.expect(subscriber), "PINGRESP");
    world.subscribe(subscriber, "u", QoS::AtMostOnce);
    world.publish(publisher, "u", QoS::AtMostOnce);
    assert!(world.expect(subscriber).contains("topic=\"u\""));
    let own = codec::Publish { topic: "t2", qos: QoS::AtLeastOnce, ..message() };
    world.publish_packet(subscriber, own);
    world.ack(subscriber, AckKind::PubRec, 1);
    assert_eq!(world.expect(subscriber), "PUBREL id=1");
}

#[test]
fn v5_3_3_4_10_a_used_up_quota_delays_nothing_else() {
    everything_else_goes_on();
}

#[test]
fn v5_4_9_0_3_a_used_up_quota_delays_nothing_else() {
    everything_else_goes_on();
}

#[test]
fn v5_3_14_4_1_nothing_follows_disconnect() {
    let (mut world, subscriber, publisher) = two(V5, QoS::AtMostOnce);
    world.core.disconnect(world.now, "subscriber", ReasonCode::AdministrativeAction);
    world.publish(publisher, "t", QoS::AtMostOnce);
    world.expect_end(subscriber, ReasonCode::AdministrativeAction);
}

#[test]
fn v5_3_14_4_2_the_sender_of_disconnect_closes() {
    let (mut world, subscriber, _) = two(V5, QoS::AtMostOnce);
    world.core.disconnect(world.now, "subscriber", ReasonCode::AdministrativeAction);
    world.pump();
    world.expect_end(subscriber, ReasonCode::AdministrativeAction);
}

#[test]
fn v5_3_14_2_1_disconnect_has_a_reason_for_its_sender() {
    let mut world = World::new();
    let client = world.connect(V5, "a");
    // "Server shutting down" is for servers.
    world.send_hex(client, "e0 01 8b");
    world.expect_end(client, ReasonCode::ProtocolError);
    let client = world.connect(V5, "a");
    world.core.shut_down(world.now);
    world.pump();
    world.expect_end(client, ReasonCode::ServerShuttingDown);
}

#[test]
fn v5_3_14_2_3_disconnect_fits_into_what_the_client_takes() {
    let mut world = World::new();
    let mut connect = hello(V5, "a");
    connect.properties = number(PropertyId::MaximumPacketSize, 16);
    let (client, _) = world.accepted(&connect);
    world.core.disconnect(world.now, "a", ReasonCode::AdministrativeAction);
    world.pump();
    assert_eq!(world.expect_hex(client), "e0 01 98");
}

/// What a client hears that publishes where it must not: with all that there is to say, then,
/// where it takes no more than 16 bytes, the bare packet.
fn refusal_fits(qos: QoS, bare: &str) {
    let mut world = World::new();
    for limit in [None, Some(16)] {
        let mut connect = hello(V5, "a");
        if let Some(limit) = limit {
            connect.properties = number(PropertyId::MaximumPacketSize, limit);
        }
        let (client, _) = world.accepted(&connect);
        let packet_id = Some(packet_id(1));
        let packet = codec::Publish { topic: "$SYS/x", qos, packet_id, ..message() };
        world.send(client, &Packet::Publish(packet));
        match limit {
            None => assert!(world.expect_bytes(client).len() > 16),
            Some(_) => assert_eq!(world.expect_hex(client), bare),
        }
    }
}

#[test]
fn v5_3_4_2_2_puback_fits_into_what_the_client_takes() {
    refusal_fits(QoS::AtLeastOnce, "40 03 00 01 90");
}

#[test]
fn v5_3_5_2_2_pubrec_fits_into_what_the_client_takes() {
    refusal_fits(QoS::ExactlyOnce, "50 03 00 01 90");
}

#[test]
fn v5_3_14_2_2_the_broker_sends_no_session_expiry() {
    let (mut world, subscriber, _) = two(V5, QoS::AtMostOnce);
    world.core.disconnect(world.now, "subscriber", ReasonCode::AdministrativeAction);
    world.pump();
    assert_eq!(world.expect_hex(subscriber), "e0 01 98");
}

#[test]
fn v5_4_13_2_1_an_error_closes_whether_or_not_it_could_be_said() {
    let mut world = World::new();
    let client = world.connect(V5, "a");
    world.send(client, &Packet::PingReq);
    world.send_hex(client, "00 00");
    assert!(world.is_closed(client));
}

#[test]
fn v311_4_8_0_2_a_client_for_which_there_is_no_room_can_be_disconnected() {
    let mut world = World::with(|config| {
        config.limits.queued_messages_per_client = 3;
        config.limits.overflow = mqttlink::broker::Overflow::Disconnect;
        config.protocol.window = 1;
    });
    let slow = world.connect(V4, "slow");
    world.subscribe(slow, "t", QoS::AtLeastOnce);
    let publisher = world.connect(V4, "publisher");
    for _ in 0..4 {
        world.publish(publisher, "t", QoS::AtLeastOnce);
    }
    assert!(!world.is_closed(slow));
    world.publish(publisher, "t", QoS::AtLeastOnce);
    assert!(world.is_closed(slow));
    world.expect_nothing(publisher);
}
