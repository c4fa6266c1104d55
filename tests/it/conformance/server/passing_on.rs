//! What is passed on: properties, expiry, order.

use std::time::Duration;

use mqttlink::codec::{self, AckKind, Connect, Version};
use mqttlink::{Properties, PropertyId, QoS, SubscribeOptions};

use super::{qos_2_step_by_step, two, with_property};
use crate::world::{V4, V5, World, lasting, message, number};

#[test]
fn v5_4_3_3_2_a_message_of_qos_2_is_first_sent_without_dup() {
    qos_2_step_by_step(V5);
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
