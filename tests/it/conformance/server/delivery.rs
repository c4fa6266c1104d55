//! What clients are sent: the flows of QoS 1 and 2, limits, aliases, expiry, order.

use std::time::Duration;

use mqttlink::codec::{self, AckKind, Connect, Packet, Version};
use mqttlink::{Properties, PropertyId, QoS, ReasonCode, SubscribeOptions};

use crate::world::{Client, V4, V5, World, hello, lasting, message, number};

/// A subscriber whose session lives on, subscribed to `t`, and a publisher.
fn two(version: Version, qos: QoS) -> (World, Client, Client) {
    let mut world = World::new();
    let subscriber = world.connect_lasting(version, "subscriber");
    world.subscribe(subscriber, "t", qos);
    let publisher = world.connect(version, "publisher");
    (world, subscriber, publisher)
}

/// The subscriber with these CONNECT properties.
fn with_property(id: PropertyId, value: u32) -> (World, Client, Client) {
    let mut world = World::new();
    let mut connect = lasting(V5, "subscriber");
    connect.properties.set_u32(id, value).unwrap();
    let (subscriber, _) = world.accepted(&connect);
    world.subscribe(subscriber, "#", QoS::ExactlyOnce);
    let publisher = world.connect(V5, "publisher");
    (world, subscriber, publisher)
}

fn back(world: &mut World, client: Client, version: Version) -> Client {
    world.cut(client);
    world.connect_lasting(version, "subscriber")
}

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

fn qos_2_step_by_step(version: Version) {
    let (mut world, subscriber, publisher) = two(version, QoS::ExactlyOnce);
    world.publish(publisher, "t", QoS::ExactlyOnce);
    let line = world.expect(subscriber);
    assert!(line.contains("qos=2 id=1") && !line.contains("dup"), "{line}");
    let subscriber = back(&mut world, subscriber, version);
    assert!(world.expect(subscriber).contains("qos=2 id=1 dup"));
    world.ack(subscriber, AckKind::PubRec, 1);
    assert_eq!(world.expect(subscriber), "PUBREL id=1");
    world.ack(subscriber, AckKind::PubRec, 1);
    assert_eq!(world.expect(subscriber), "PUBREL id=1");
    for _ in 0..3 {
        let subscriber = back(&mut world, subscriber, version);
        assert_eq!(world.expect_all(subscriber), ["PUBREL id=1"], "never the PUBLISH again");
    }
    let subscriber = back(&mut world, subscriber, version);
    world.expect(subscriber);
    world.ack(subscriber, AckKind::PubComp, 1);
    let subscriber = back(&mut world, subscriber, version);
    world.expect_nothing(subscriber);
}

#[test]
fn v5_4_3_3_1_a_message_has_an_unused_identifier() {
    qos_2_step_by_step(V5);
}

#[test]
fn v5_4_3_3_2_a_message_of_qos_2_is_first_sent_without_dup() {
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
fn v5_3_3_2_5_a_message_that_has_expired_is_not_delivered() {
    let (mut world, subscriber, publisher) = two(V5, QoS::AtLeastOnce);
    world.cut(subscriber);
    for seconds in [1, 3] {
        let properties = number(PropertyId::MessageExpiryInterval, seconds);
        let packet = codec::Publish { qos: QoS::AtLeastOnce, properties, ..message() };
        world.publish_packet(publisher, packet);
    }
    world.advance_secs(2);
    let subscriber = world.connect_lasting(V5, "subscriber");
    let lines = world.expect_all(subscriber);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("message expiry interval=1"), "{lines:?}");
}

#[test]
fn v5_3_3_2_6_the_time_a_message_has_waited_is_taken_off() {
    let (mut world, subscriber, publisher) = two(V5, QoS::AtLeastOnce);
    world.cut(subscriber);
    let properties = number(PropertyId::MessageExpiryInterval, 60);
    let packet = codec::Publish { qos: QoS::AtLeastOnce, properties, ..message() };
    world.publish_packet(publisher, packet);
    world.advance(Duration::from_millis(5_500));
    let subscriber = world.connect_lasting(V5, "subscriber");
    assert!(world.expect(subscriber).contains("message expiry interval=55"));
}

/// Publishes with these properties and compares what arrives.
fn passed_on(properties: &Properties<'_>) {
    for qos in QoS::ALL {
        let (mut world, subscriber, publisher) = two(V5, qos);
        let packet = codec::Publish { qos, properties: properties.borrowed(), ..message() };
        world.publish_packet(publisher, packet);
        let line = world.expect(subscriber);
        let tail = format!("payload=(1 bytes){properties}");
        assert!(line.ends_with(&tail), "{line} / {tail}");
    }
}

#[test]
fn v5_3_3_2_4_the_payload_format_is_passed_on() {
    for value in [0, 1] {
        passed_on(&number(PropertyId::PayloadFormatIndicator, value));
    }
    passed_on(&Properties::new());
}

#[test]
fn v5_3_3_2_15_the_response_topic_is_passed_on() {
    let mut properties = Properties::new();
    properties.set_text(PropertyId::ResponseTopic, "answers/\u{e9}").unwrap();
    passed_on(&properties);
}

#[test]
fn v5_3_3_2_16_the_correlation_data_are_passed_on() {
    for data in [&b""[..], b"\0\xff\0"] {
        let mut properties = Properties::new();
        properties.set_binary(PropertyId::CorrelationData, data).unwrap();
        passed_on(&properties);
    }
}

fn user_properties() -> Properties<'static> {
    let mut properties = Properties::new();
    for (name, value) in [("a", "1"), ("b", ""), ("a", "1"), ("", "x"), ("a", "0")] {
        properties.add_user_property(name, value).unwrap();
    }
    properties
}

#[test]
fn v5_3_3_2_17_user_properties_are_all_passed_on() {
    passed_on(&user_properties());
}

#[test]
fn v5_3_3_2_18_user_properties_keep_their_order() {
    passed_on(&user_properties());
}

#[test]
fn v5_3_3_2_20_the_content_type_is_passed_on() {
    let mut properties = Properties::new();
    properties.set_text(PropertyId::ContentType, "text/plain").unwrap();
    passed_on(&properties);
}

fn order_is_kept(version: Version) {
    for qos in QoS::ALL {
        let (mut world, subscriber, publisher) = two(version, qos);
        for number in 0..1_000_u32 {
            let payload = vec![b'x'; number as usize];
            world.publish_packet(publisher, codec::Publish { qos, payload: &payload, ..message() });
        }
        let mut number = 0;
        while number < 1_000 {
            for line in world.expect_all(subscriber) {
                assert!(line.contains(&format!("payload=({number} bytes)")), "{line}");
                number += 1;
            }
            if number < 1_000 {
                world.ack(subscriber, AckKind::PubAck, 1);
            }
        }
    }
}

#[test]
fn v5_4_6_0_5_messages_of_a_topic_keep_their_order() {
    order_is_kept(V5);
}

#[test]
fn v5_4_6_0_6_every_topic_is_ordered() {
    order_is_kept(V5);
}

#[test]
fn v311_4_6_0_5_every_topic_is_ordered() {
    order_is_kept(V4);
}

#[test]
fn v311_4_6_0_6_messages_of_a_topic_keep_their_order() {
    order_is_kept(V4);
}

#[test]
fn v5_what_waits_keeps_its_order_over_connections() {
    let (mut world, mut subscriber, publisher) = with_property(PropertyId::ReceiveMaximum, 3);
    for number in 1..=20 {
        let payload = vec![b'x'; number];
        let qos = if number % 2 == 0 { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
        world.publish_packet(publisher, codec::Publish { qos, payload: &payload, ..message() });
    }
    let mut seen = Vec::new();
    for _ in 0..3 {
        world.expect_all(subscriber);
        world.cut(subscriber);
        subscriber = world.connect_lasting(V5, "subscriber");
        seen.clear();
        for line in world.expect_all(subscriber) {
            seen.push(line.split('(').nth(1).unwrap().split(' ').next().unwrap().to_owned());
        }
    }
    let expected: Vec<String> = (1..=20).map(|number: u32| number.to_string()).collect();
    assert_eq!(seen, expected);
}

fn an_earlier_clients_filter(version: Version) {
    // What a broker delivers matches the filter.
    let mut world = World::new();
    let client = world.connect(version, "a");
    let table = [
        ("a/+/c", "a/b/c", true),
        ("a/+/c", "a/b/d", false),
        ("a/#", "a", true),
        ("a/#", "ab", false),
        ("+/+", "/x", true),
        ("/+", "/x", true),
        ("+", "/x", false),
        ("#", "any/thing", true),
    ];
    for (filter, topic, matches) in table {
        world.subscribe(client, filter, QoS::AtMostOnce);
        world.publish(client, topic, QoS::AtMostOnce);
        assert_eq!(world.expect_all(client).len(), usize::from(matches), "{filter} {topic}");
        world.unsubscribe(client, &[filter]);
    }
}

#[test]
fn v5_3_3_2_3_what_is_delivered_matches() {
    an_earlier_clients_filter(V5);
}

#[test]
fn v311_3_3_2_3_what_is_delivered_matches() {
    an_earlier_clients_filter(V4);
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
fn v5_a_receiver_of_an_old_version_gets_no_properties() {
    let mut world = World::new();
    let old = world.connect(V4, "old");
    let options = SubscribeOptions::from(QoS::AtLeastOnce);
    world.subscribe(old, "t", options);
    let publisher = world.connect(V5, "new");
    let packet = codec::Publish { properties: user_properties(), ..message() };
    world.publish_packet(publisher, packet);
    assert_eq!(world.expect_hex(old), "30 04 00 01 74 6d");
}

#[test]
fn v5_a_session_goes_on_in_another_version() {
    let (mut world, subscriber, publisher) = two(V5, QoS::AtLeastOnce);
    let packet =
        codec::Publish { qos: QoS::AtLeastOnce, properties: user_properties(), ..message() };
    world.publish_packet(publisher, packet);
    world.expect(subscriber);
    world.cut(subscriber);
    let (old, session_present) =
        world.accepted(&Connect { version: V4, ..lasting(V4, "subscriber") });
    assert!(session_present);
    assert_eq!(world.expect_hex(old), "3a 06 00 01 74 00 01 6d");
}
