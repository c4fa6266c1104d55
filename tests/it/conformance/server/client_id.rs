//! Client identifiers: given, assigned, refused.

use mqttlink::codec::Version;

use crate::hex::{field, packet};
use crate::world::{V3, V4, V5, World, hello, lasting};

fn an_empty_identifier_needs_a_clean_session() {
    let body = [&field(b"MQTT"), &[4, 0, 0, 0][..], &field(b"")].concat();
    let mut world = World::new();
    let client = world.open(V4);
    world.send_bytes(client, &packet(0x10, &body));
    assert_eq!(world.expect_hex(client), "20 02 00 02");
    world.expect_closed(client);
}

fn short_identifiers_are_accepted(version: Version) {
    let all = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut world = World::new();
    for at in 0..all.len() {
        world.connect(version, &all[at..=at]);
    }
    for start in 0..all.len() - 23 {
        world.connect(version, &all[start..start + 23]);
    }
    world.connect(version, &"x/+#$ é".repeat(1000));
}

#[test]
fn v5_3_1_3_5_identifiers_of_1_to_23_characters_are_accepted() {
    short_identifiers_are_accepted(V5);
}

#[test]
fn v311_3_1_3_5_identifiers_of_1_to_23_characters_are_accepted() {
    short_identifiers_are_accepted(V4);
}

#[test]
fn v5_3_1_3_6_clients_without_an_identifier_each_get_one() {
    let mut world = World::new();
    let lines: Vec<String> = (0..3)
        .map(|_| {
            let client = world.say(&hello(V5, ""));
            world.expect(client)
        })
        .collect();
    assert!(lines.iter().all(|line| line.contains("assigned client identifier=")), "{lines:?}");
    assert!(lines[0] != lines[1] && lines[1] != lines[2]);
    assert_eq!(world.core.clients().count(), 3);
}

#[test]
fn v311_3_1_3_6_clients_without_an_identifier_are_kept_apart() {
    let mut world = World::new();
    for _ in 0..3 {
        world.connect(V4, "");
    }
    assert_eq!(world.core.clients().count(), 3);
}

/// The identifier in a CONNACK.
fn assigned(line: &str) -> String {
    line.split('"').nth(1).expect("an identifier").to_owned()
}

#[test]
fn v5_3_1_3_7_an_assigned_identifier_is_as_good_as_a_given_one() {
    let mut world = World::new();
    let client = world.say(&lasting(V5, ""));
    let id = assigned(&world.expect(client));
    world.cut(client);
    assert!(world.accepted(&lasting(V5, &id)).1);
}

#[test]
fn v5_3_2_2_16_an_assigned_identifier_is_used_by_nobody_else() {
    let mut ids = Vec::new();
    let mut world = World::new();
    for _ in 0..100 {
        let client = world.say(&lasting(V5, ""));
        ids.push(assigned(&world.expect(client)));
        world.cut(client);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 100);
}

#[test]
fn v5_3_1_3_8_a_refused_identifier_is_refused_with_0x85() {
    let mut world = World::new();
    let body = [&field(b"MQIsdp"), &[3, 2, 0, 0][..], &field(b"")].concat();
    let client = world.open(V3);
    world.send_bytes(client, &packet(0x10, &body));
    assert_eq!(world.expect_hex(client), "20 02 00 02");
    world.expect_closed(client);
}

#[test]
fn v311_3_1_3_9_a_refused_identifier_is_refused_with_2() {
    an_empty_identifier_needs_a_clean_session();
}

#[test]
fn v311_3_1_3_8_an_empty_identifier_needs_a_clean_session() {
    an_empty_identifier_needs_a_clean_session();
}
