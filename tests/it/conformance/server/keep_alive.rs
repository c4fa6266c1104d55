//! Keep alive.

use std::time::Duration;

use mqttlink::codec::{Connect, Version};
use mqttlink::{QoS, ReasonCode};

use crate::world::{V4, V5, World, hello, will};

fn silence_ends_the_connection(version: Version) {
    let mut world = World::new();
    let watcher = world.connect(version, "watcher");
    world.subscribe(watcher, "w", QoS::AtMostOnce);
    let connect = Connect { keep_alive: 10, will: Some(will("w")), ..hello(version, "a") };
    let (client, _) = world.accepted(&connect);
    world.advance_secs(14);
    world.expect_nothing(client);
    world.send_hex(client, "c0 00");
    assert_eq!(world.expect_hex(client), "d0 00");
    world.advance(Duration::from_millis(14_999));
    world.expect_nothing(client);
    world.advance(Duration::from_millis(1));
    world.expect_end(client, ReasonCode::KeepAliveTimeout);
    assert!(world.expect(watcher).starts_with("PUBLISH"));
}

#[test]
fn v5_3_1_2_22_a_client_that_is_silent_for_too_long_is_lost() {
    silence_ends_the_connection(V5);
}

#[test]
fn v5_3_2_2_22_without_a_server_keep_alive_the_clients_counts() {
    silence_ends_the_connection(V5);
}

#[test]
fn v311_3_1_2_24_a_client_that_is_silent_for_too_long_is_lost() {
    silence_ends_the_connection(V4);
}

#[test]
fn v5_3_1_2_22_a_keep_alive_of_0_is_none() {
    let mut world = World::new();
    let client = world.connect(V5, "a");
    world.advance_secs(10_000_000);
    world.expect_nothing(client);
}

#[test]
fn v5_3_1_2_21_a_server_keep_alive_is_said_and_kept() {
    for asked in [0, 600] {
        let mut world = World::with(|config| config.protocol.keep_alive_max = Some(10));
        let client = world.say(&Connect { keep_alive: asked, ..hello(V5, "a") });
        assert!(world.expect(client).contains("server keep alive=10"));
        world.advance_secs(15);
        world.expect_end(client, ReasonCode::KeepAliveTimeout);
    }
    let mut world = World::with(|config| config.protocol.keep_alive_max = Some(10));
    let client = world.say(&Connect { keep_alive: 5, ..hello(V5, "a") });
    assert!(!world.expect(client).contains("server keep alive"));
}
