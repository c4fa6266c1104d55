//! Sessions: begun, resumed, taken over, expired.

use std::time::Duration;

use mqttlink::codec::{self, Connect, Packet, Version};
use mqttlink::{PropertyId, QoS, ReasonCode};

use crate::world::{V3, V4, V5, World, lasting, number};

fn a_clean_start_begins_anew(version: Version) {
    let mut world = World::new();
    let client = world.connect_lasting(version, "a");
    world.subscribe(client, "t", QoS::AtLeastOnce);
    world.cut(client);
    let publisher = world.connect(version, "p");
    world.publish(publisher, "t", QoS::AtLeastOnce);
    let connect = Connect { clean_start: true, ..lasting(version, "a") };
    let (client, session_present) = world.accepted(&connect);
    assert!(!session_present);
    world.publish(publisher, "t", QoS::AtLeastOnce);
    world.expect_nothing(client);
}

#[test]
fn v5_3_1_2_4_a_clean_start_begins_anew() {
    a_clean_start_begins_anew(V5);
}

#[test]
fn v5_3_1_4_4_clean_start_is_carried_out() {
    a_clean_start_begins_anew(V5);
}

#[test]
fn v311_3_1_4_3_clean_session_is_carried_out() {
    a_clean_start_begins_anew(V4);
}

#[test]
fn v311_3_1_2_6_a_clean_session_is_never_used_again() {
    a_clean_start_begins_anew(V4);
    let mut world = World::new();
    let client = world.connect(V4, "a");
    world.subscribe(client, "t", QoS::AtLeastOnce);
    world.cut(client);
    assert!(!world.accepted(&lasting(V4, "a")).1);
}

fn a_session_is_resumed(version: Version) {
    let mut world = World::new();
    let client = world.connect_lasting(version, "a");
    world.subscribe(client, "t", QoS::ExactlyOnce);
    world.cut(client);
    let publisher = world.connect(version, "p");
    for qos in QoS::ALL {
        world.publish(publisher, "t", qos);
    }
    let (client, session_present) = world.accepted(&lasting(version, "a"));
    assert!(session_present);
    let lines = world.expect_all(client);
    assert_eq!(lines.len(), 2, "QoS 0 is not kept: {lines:?}");
    assert!(lines[0].contains("qos=1") && lines[1].contains("qos=2"), "{lines:?}");
    world.publish(publisher, "t", QoS::AtMostOnce);
    assert!(world.expect(client).starts_with("PUBLISH"), "the subscription lives on");
}

#[test]
fn v5_3_1_2_5_a_known_session_goes_on() {
    a_session_is_resumed(V5);
}

#[test]
fn v5_4_5_0_1_messages_are_kept_for_sessions_without_a_client() {
    a_session_is_resumed(V5);
}

#[test]
fn v311_3_1_2_4_a_known_session_goes_on() {
    a_session_is_resumed(V4);
}

#[test]
fn v311_3_1_2_5_messages_of_qos_1_and_2_are_kept() {
    a_session_is_resumed(V4);
}

#[test]
fn v311_4_5_0_1_messages_are_kept_for_sessions_without_a_client() {
    a_session_is_resumed(V4);
}

#[test]
fn v31_a_session_goes_on_although_connack_cannot_say_so() {
    let mut world = World::new();
    let client = world.connect_lasting(V3, "a");
    world.subscribe(client, "t", QoS::AtLeastOnce);
    world.cut(client);
    let publisher = world.connect(V3, "p");
    world.publish(publisher, "t", QoS::AtLeastOnce);
    let client = world.say(&lasting(V3, "a"));
    assert_eq!(world.expect_hex(client), "20 02 00 00");
    assert!(world.expect(client).starts_with("PUBLISH"));
}

#[test]
fn v5_3_1_2_6_an_unknown_client_gets_a_session() {
    assert!(!World::new().accepted(&lasting(V5, "a")).1);
}

#[test]
fn v5_3_1_2_23_a_session_outlives_the_connection_for_its_interval() {
    let mut world = World::new();
    let client = world.connect_lasting(V5, "a");
    world.cut(client);
    world.advance(Duration::from_millis(3_599_999));
    assert!(world.accepted(&lasting(V5, "a")).1);
}

#[test]
fn v5_4_1_0_1_a_session_does_not_expire_while_connected() {
    let mut world = World::new();
    let mut connect = lasting(V5, "a");
    connect.properties = number(PropertyId::SessionExpiryInterval, 1);
    let (client, _) = world.accepted(&connect);
    world.subscribe(client, "t", QoS::AtMostOnce);
    world.advance_secs(100_000);
    world.cut(client);
    assert!(world.accepted(&connect).1);
}

#[test]
fn v5_4_1_0_2_a_session_ends_when_its_interval_has_passed() {
    let mut world = World::new();
    let client = world.connect_lasting(V5, "a");
    world.subscribe(client, "t", QoS::AtLeastOnce);
    world.cut(client);
    world.advance_secs(3600);
    let statistics = world.core.statistics(world.now);
    assert_eq!((statistics.clients_disconnected, statistics.subscriptions), (0, 0));
    assert_eq!(statistics.clients_expired, 1);
    assert!(!world.accepted(&lasting(V5, "a")).1);
}

#[test]
fn v311_4_1_0_1_state_is_kept_as_long_as_the_session() {
    let mut world = World::new();
    let client = world.connect_lasting(V4, "a");
    world.subscribe(client, "t", QoS::AtLeastOnce);
    world.cut(client);
    world.advance_secs(1_000_000_000);
    assert!(world.accepted(&lasting(V4, "a")).1);
}

#[test]
fn v311_4_1_0_2_a_session_lasts_as_long_as_the_connection() {
    let mut world = World::new();
    let client = world.connect(V4, "a");
    world.subscribe(client, "t", QoS::AtLeastOnce);
    world.advance_secs(1_000_000_000);
    let publisher = world.connect(V4, "p");
    world.publish(publisher, "t", QoS::AtMostOnce);
    assert!(world.expect(client).starts_with("PUBLISH"));
}

#[test]
fn v5_3_14_2_2_a_client_changes_its_expiry_when_it_says_goodbye() {
    let mut world = World::new();
    let client = world.connect_lasting(V5, "a");
    let properties = number(PropertyId::SessionExpiryInterval, 5);
    let packet = codec::Disconnect { reason: ReasonCode::Success, properties };
    world.send(client, &Packet::Disconnect(packet));
    world.expect_closed(client);
    world.advance_secs(5);
    assert!(!world.accepted(&lasting(V5, "a")).1);
}

#[test]
fn v5_a_session_that_was_to_end_with_its_connection_cannot_be_prolonged() {
    let mut world = World::new();
    let client = world.connect(V5, "a");
    let properties = number(PropertyId::SessionExpiryInterval, 5);
    let packet = codec::Disconnect { reason: ReasonCode::Success, properties };
    world.send(client, &Packet::Disconnect(packet));
    world.expect_end(client, ReasonCode::ProtocolError);
}

fn sessions_do_not_mix(version: Version) {
    let mut world = World::new();
    let first = world.connect_lasting(version, "a");
    world.subscribe(first, "t", QoS::AtLeastOnce);
    world.cut(first);
    let (other, session_present) = world.accepted(&lasting(version, "b"));
    assert!(!session_present);
    world.publish(other, "t", QoS::AtLeastOnce);
    world.expect_nothing(other);
    let (first, session_present) = world.accepted(&lasting(version, "a"));
    assert!(session_present && world.expect(first).starts_with("PUBLISH"));
}

#[test]
fn v5_3_1_3_2_the_identifier_names_the_session() {
    sessions_do_not_mix(V5);
}

#[test]
fn v311_3_1_3_2_the_identifier_names_the_session() {
    sessions_do_not_mix(V4);
}

fn a_second_connection_takes_over(version: Version) {
    let mut world = World::new();
    let first = world.connect_lasting(version, "a");
    world.subscribe(first, "t", QoS::AtLeastOnce);
    let (second, session_present) = world.accepted(&lasting(version, "a"));
    assert!(session_present);
    world.expect_end(first, ReasonCode::SessionTakenOver);
    world.publish(second, "t", QoS::AtMostOnce);
    assert!(world.expect(second).starts_with("PUBLISH"));
}

#[test]
fn v5_3_1_4_3_a_second_connection_takes_over() {
    a_second_connection_takes_over(V5);
}

#[test]
fn v311_3_1_4_2_a_second_connection_takes_over() {
    a_second_connection_takes_over(V4);
}
