//! Wills: when they are published, and when not.

use mqttlink::codec::{self, Connect, Packet, Version, Will};
use mqttlink::{Properties, PropertyId, QoS, ReasonCode};

use crate::world::{Client, V4, V5, World, hello, lasting, number, will};

/// A world with somebody who is subscribed to everything.
fn watched(version: Version) -> (World, Client) {
    let mut world = World::new();
    let watcher = world.connect(version, "watcher");
    world.subscribe(watcher, "#", QoS::ExactlyOnce);
    (world, watcher)
}

fn with_will(version: Version, id: &str) -> Connect<'_> {
    Connect { will: Some(will("will")), ..hello(version, id) }
}

/// A CONNECT with a will after `delay` and a session for `expiry` seconds.
fn delayed(delay: u32, expiry: u32, clean_start: bool) -> Connect<'static> {
    let mut will = will("will");
    will.properties = number(PropertyId::WillDelayInterval, delay);
    let properties = number(PropertyId::SessionExpiryInterval, expiry);
    Connect { will: Some(will), properties, clean_start, ..hello(V5, "a") }
}

const PUBLISHED: &str = "PUBLISH topic=\"will\" qos=0 payload=(1 bytes)";

fn it_appears(version: Version) {
    let (mut world, watcher) = watched(version);
    let (client, _) = world.accepted(&with_will(version, "a"));
    world.expect_nothing(watcher);
    world.cut(client);
    assert_eq!(world.expect(watcher), PUBLISHED);
    world.expect_nothing(watcher);
}

#[test]
fn v5_3_1_2_7_a_will_is_kept_and_published_when_the_connection_breaks() {
    it_appears(V5);
}

#[test]
fn v311_3_1_2_8_a_will_is_kept_and_published_when_the_connection_breaks() {
    it_appears(V4);
}

fn it_appears_after_an_error(version: Version) {
    let (mut world, watcher) = watched(version);
    let (client, _) = world.accepted(&with_will(version, "a"));
    world.send_hex(client, "00 00");
    assert_eq!(world.expect(watcher), PUBLISHED);
    let (client, _) = world.accepted(&with_will(version, "a"));
    // Reserved flags make it no DISCONNECT [MQTT-3.14.1-1].
    world.send_hex(client, "e1 00");
    assert!(world.is_closed(client));
    assert_eq!(world.expect(watcher), PUBLISHED);
}

#[test]
fn v5_3_14_1_1_a_disconnect_with_reserved_flags_is_malformed() {
    it_appears_after_an_error(V5);
}

#[test]
fn v311_3_14_1_1_a_disconnect_with_reserved_flags_is_none() {
    it_appears_after_an_error(V4);
}

#[test]
fn v5_3_1_2_8_a_will_appears_when_delay_or_session_are_over() {
    let cases = [(0, 100, 0), (10, 100, 10), (100, 10, 10), (10, 0, 0), (5, 5, 5)];
    for (delay, expiry, seconds) in cases {
        let (mut world, watcher) = watched(V5);
        let (client, _) = world.accepted(&delayed(delay, expiry, true));
        world.cut(client);
        if seconds > 0 {
            world.advance_secs(seconds - 1);
            world.expect_nothing(watcher);
            world.advance_secs(1);
        }
        assert_eq!(world.expect(watcher), PUBLISHED, "{delay} {expiry}");
        world.advance_secs(1000);
        world.expect_nothing(watcher);
    }
}

#[test]
fn v5_3_1_3_9_a_reconnect_inside_the_delay_cancels_the_will() {
    let (mut world, watcher) = watched(V5);
    let (client, _) = world.accepted(&delayed(10, 100, true));
    world.cut(client);
    world.advance_secs(9);
    let (client, session_present) = world.accepted(&lasting(V5, "a"));
    assert!(session_present);
    world.advance_secs(100);
    world.expect_nothing(watcher);
    world.cut(client);
    world.advance_secs(10_000);
    world.expect_nothing(watcher);
}

#[test]
fn v5_3_1_2_8_a_clean_start_ends_the_session_and_the_delay() {
    let (mut world, watcher) = watched(V5);
    let (client, _) = world.accepted(&delayed(10, 100, true));
    world.cut(client);
    world.connect(V5, "a");
    assert_eq!(world.expect(watcher), PUBLISHED);
}

#[test]
fn v5_3_1_2_8_a_takeover_follows_the_same_rules() {
    for (delay, clean_start, appears) in [(0, false, true), (10, false, false), (10, true, true)] {
        let (mut world, watcher) = watched(V5);
        world.accepted(&delayed(delay, 100, true));
        let plain = Connect { clean_start, ..lasting(V5, "a") };
        world.accepted(&plain);
        assert_eq!(world.expect_all(watcher).len(), usize::from(appears), "{delay} {clean_start}");
    }
}

fn a_goodbye_discards_it(version: Version) {
    let (mut world, watcher) = watched(version);
    let (client, _) = world.accepted(&with_will(version, "a"));
    world.goodbye(client);
    world.advance_secs(10_000);
    world.expect_nothing(watcher);
}

#[test]
fn v5_3_14_4_3_a_normal_goodbye_discards_the_will() {
    a_goodbye_discards_it(V5);
}

#[test]
fn v311_3_14_4_3_a_goodbye_discards_the_will() {
    a_goodbye_discards_it(V4);
}

#[test]
fn v5_3_14_4_3_other_reasons_keep_the_will() {
    let codes = [0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x97, 0x99];
    for reason in codes.map(|code| ReasonCode::from_u8(code).unwrap()) {
        let (mut world, watcher) = watched(V5);
        let (client, _) = world.accepted(&with_will(V5, "a"));
        world.send(client, &Packet::Disconnect(codec::Disconnect::new(reason)));
        world.expect_closed(client);
        assert_eq!(world.expect(watcher), PUBLISHED, "{reason}");
    }
}

fn it_appears_once(version: Version) {
    let (mut world, watcher) = watched(version);
    let connect = Connect { will: Some(will("will")), ..lasting(version, "a") };
    let (client, _) = world.accepted(&connect);
    world.cut(client);
    assert_eq!(world.expect(watcher), PUBLISHED);
    let (client, _) = world.accepted(&lasting(version, "a"));
    world.cut(client);
    world.advance_secs(10_000);
    world.expect_nothing(watcher);
}

#[test]
fn v5_3_1_2_10_a_will_is_gone_when_it_was_published() {
    it_appears_once(V5);
}

#[test]
fn v311_3_1_2_10_a_will_is_gone_when_it_was_published() {
    it_appears_once(V4);
}

#[test]
fn v311_3_1_2_12_without_a_will_none_is_published() {
    let (mut world, watcher) = watched(V4);
    let client = world.connect(V4, "a");
    world.cut(client);
    world.expect_nothing(watcher);
}

fn it_is_retained(version: Version, retain: bool) {
    let mut world = World::new();
    let will = Will { retain, qos: QoS::AtLeastOnce, ..will("will") };
    let (client, _) = world.accepted(&Connect { will: Some(will), ..hello(version, "a") });
    world.cut(client);
    let late = world.connect(version, "late");
    world.subscribe(late, "will", QoS::AtLeastOnce);
    let lines = world.expect_all(late);
    assert_eq!(lines.len(), usize::from(retain), "{lines:?}");
    assert!(lines.iter().all(|line| line.contains(" retain") && line.contains("qos=1")));
}

#[test]
fn v5_3_1_2_14_a_will_that_is_not_retained_is_gone() {
    it_is_retained(V5, false);
}

#[test]
fn v5_3_1_2_15_a_will_that_is_retained_stays() {
    it_is_retained(V5, true);
}

#[test]
fn v311_3_1_2_16_a_will_that_is_not_retained_is_gone() {
    it_is_retained(V4, false);
}

#[test]
fn v311_3_1_2_17_a_will_that_is_retained_stays() {
    it_is_retained(V4, true);
}

#[test]
fn v5_3_1_3_10_a_will_keeps_its_properties_and_their_order() {
    let (mut world, watcher) = watched(V5);
    let mut properties = Properties::new();
    for (name, value) in [("a", "1"), ("b", "2"), ("a", "3")] {
        properties.add_user_property(name, value).unwrap();
    }
    properties.set_text(PropertyId::ContentType, "text").unwrap();
    properties.set_u32(PropertyId::WillDelayInterval, 5).unwrap();
    properties.set_u32(PropertyId::MessageExpiryInterval, 9).unwrap();
    let will = Will { properties, ..will("will") };
    let connect = Connect { will: Some(will), ..lasting(V5, "a") };
    let (client, _) = world.accepted(&connect);
    world.advance_secs(100);
    world.cut(client);
    world.advance_secs(5);
    assert_eq!(
        world.expect(watcher),
        "PUBLISH topic=\"will\" qos=0 payload=(1 bytes) user property=\"a\":\"1\" \
         user property=\"b\":\"2\" user property=\"a\":\"3\" content type=\"text\" \
         message expiry interval=9",
        "the delay is no part of it, and its life begins when it is published"
    );
}
