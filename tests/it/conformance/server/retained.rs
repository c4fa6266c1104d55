//! Retained messages: kept, replaced, removed, sent to new subscriptions.

use mqttlink::codec::{self, RetainHandling, Version};
use mqttlink::{PropertyId, QoS, SubscribeOptions};

use super::options;
use crate::world::{V4, V5, World, message, number};

/// Publishes retained messages and returns how a new subscriber gets them.
fn late(version: Version, messages: &[(&str, &str)], filter: &str) -> Vec<String> {
    let mut world = World::new();
    let publisher = world.connect(version, "p");
    for (topic, payload) in messages {
        world.retain(publisher, topic, payload, QoS::AtLeastOnce);
    }
    let client = world.connect(version, "late");
    world.subscribe(client, filter, QoS::ExactlyOnce);
    let mut lines = world.expect_all(client);
    lines.sort();
    lines
}

fn the_last_message_is_retained(version: Version) {
    let lines = late(version, &[("t", "1"), ("t", "22"), ("a/b", "333")], "#");
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains("a/b") && lines[1].contains("payload=(2 bytes)"), "{lines:?}");
    assert!(lines.iter().all(|line| line.contains("qos=1") && line.contains(" retain")));
}

#[test]
fn v5_3_3_1_5_a_retained_message_replaces_the_one_before() {
    the_last_message_is_retained(V5);
}

#[test]
fn v311_3_3_1_5_a_retained_message_is_kept_with_its_qos() {
    the_last_message_is_retained(V4);
}

#[test]
fn v311_3_3_1_6_a_new_subscription_gets_the_last_message_of_each_topic() {
    the_last_message_is_retained(V4);
}

#[test]
fn v311_3_3_1_8_what_a_new_subscription_gets_is_marked() {
    the_last_message_is_retained(V4);
}

#[test]
fn v311_3_3_1_7_a_retained_message_of_qos_0_replaces_the_one_before() {
    let mut world = World::new();
    let publisher = world.connect(V4, "p");
    world.retain(publisher, "t", "1", QoS::AtLeastOnce);
    world.retain(publisher, "t", "22", QoS::AtMostOnce);
    let client = world.connect(V4, "late");
    world.subscribe(client, "t", QoS::ExactlyOnce);
    let lines = world.expect_all(client);
    assert!(lines.len() == 1 && lines[0].contains("qos=0 retain payload=(2"), "{lines:?}");
}

fn an_empty_message_removes(version: Version) {
    assert!(late(version, &[("t", "1"), ("t", "")], "t").is_empty());
    assert!(late(version, &[("t", "")], "t").is_empty());
    let mut world = World::new();
    let client = world.connect(version, "a");
    world.subscribe(client, "t", QoS::AtMostOnce);
    let publisher = world.connect(version, "p");
    world.retain(publisher, "t", "", QoS::AtMostOnce);
    assert!(world.expect(client).contains("payload=(0 bytes)"));
}

#[test]
fn v5_3_3_1_6_an_empty_message_removes_and_is_delivered() {
    an_empty_message_removes(V5);
}

#[test]
fn v5_3_3_1_7_an_empty_message_is_not_kept() {
    an_empty_message_removes(V5);
}

#[test]
fn v311_3_3_1_10_an_empty_message_removes_and_is_delivered() {
    an_empty_message_removes(V4);
}

#[test]
fn v311_3_3_1_11_an_empty_message_is_not_kept() {
    an_empty_message_removes(V4);
}

fn without_the_flag_nothing_is_kept(version: Version) {
    let mut world = World::new();
    let publisher = world.connect(version, "p");
    world.retain(publisher, "t", "kept", QoS::AtMostOnce);
    world.publish(publisher, "t", QoS::AtMostOnce);
    world.publish_packet(publisher, codec::Publish { payload: b"", ..message() });
    let client = world.connect(version, "late");
    world.subscribe(client, "t", QoS::AtMostOnce);
    assert!(world.expect(client).contains("payload=(4 bytes)"));
}

#[test]
fn v5_3_3_1_8_without_retain_what_is_kept_stays() {
    without_the_flag_nothing_is_kept(V5);
}

#[test]
fn v311_3_3_1_12_without_retain_what_is_kept_stays() {
    without_the_flag_nothing_is_kept(V4);
}

/// How many retained messages a first and a second SUBSCRIBE bring.
fn handling(retain_handling: RetainHandling) -> [usize; 2] {
    let mut world = World::new();
    let publisher = world.connect(V5, "p");
    world.retain(publisher, "t", "kept", QoS::AtMostOnce);
    let client = world.connect(V5, "late");
    let options = SubscribeOptions { retain_handling, ..options(QoS::AtMostOnce) };
    [(); 2].map(|()| {
        world.subscribe(client, "t", options);
        world.expect_all(client).len()
    })
}

#[test]
fn v5_3_3_1_9_retain_handling_0_sends_each_time() {
    assert_eq!(handling(RetainHandling::Send), [1, 1]);
}

#[test]
fn v5_3_3_1_10_retain_handling_1_sends_to_new_subscriptions() {
    assert_eq!(handling(RetainHandling::SendIfNew), [1, 0]);
}

#[test]
fn v5_3_3_1_11_retain_handling_2_sends_none() {
    assert_eq!(handling(RetainHandling::DoNotSend), [0, 0]);
}

fn flag_of_live_messages(version: Version, retain_as_published: bool) -> [bool; 2] {
    let mut world = World::new();
    let client = world.connect(version, "a");
    let options = SubscribeOptions { retain_as_published, ..options(QoS::AtMostOnce) };
    world.subscribe(client, "t", options);
    let publisher = world.connect(version, "p");
    [false, true].map(|retain| {
        world.publish_packet(publisher, codec::Publish { retain, ..message() });
        world.expect(client).contains(" retain")
    })
}

#[test]
fn v5_3_3_1_12_live_messages_are_not_marked() {
    assert_eq!(flag_of_live_messages(V5, false), [false, false]);
}

#[test]
fn v5_3_3_1_13_live_messages_keep_their_mark_where_that_is_wanted() {
    assert_eq!(flag_of_live_messages(V5, true), [false, true]);
}

#[test]
fn v311_3_3_1_9_live_messages_are_not_marked() {
    assert_eq!(flag_of_live_messages(V4, false), [false, false]);
}

#[test]
fn v5_a_share_gets_no_retained_messages() {
    let mut world = World::new();
    let publisher = world.connect(V5, "p");
    world.retain(publisher, "t", "kept", QoS::AtMostOnce);
    let member = world.connect(V5, "m");
    world.subscribe(member, "$share/g/t", QoS::AtMostOnce);
    world.expect_nothing(member);
}

#[test]
fn v5_a_retained_message_expires() {
    let mut world = World::new();
    let publisher = world.connect(V5, "p");
    let properties = number(PropertyId::MessageExpiryInterval, 10);
    world.publish_packet(publisher, codec::Publish { retain: true, properties, ..message() });
    world.advance_secs(4);
    let early = world.connect(V5, "early");
    world.subscribe(early, "t", QoS::AtMostOnce);
    assert!(world.expect(early).contains("message expiry interval=6"));
    world.advance_secs(6);
    assert_eq!(world.core.statistics(world.now).retained_messages, 0);
    let late = world.connect(V5, "late");
    world.subscribe(late, "t", QoS::AtMostOnce);
    world.expect_nothing(late);
}
