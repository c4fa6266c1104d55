//! Statements that bind a server, tested with the embedded broker.

mod auth;
mod client_id;
mod connack;
mod connect;
mod delivery;
mod flows;
mod keep_alive;
mod limits;
mod passing_on;
mod publish;
mod retained;
mod session;
mod shares;
mod subscribe;
mod unsubscribe;
mod wills;

use mqttlink::codec::{AckKind, Version};
use mqttlink::{PropertyId, QoS, ReasonCode, SubscribeOptions};

use crate::hex::{field, packet};
use crate::world::{Client, V5, World, lasting};

fn refuses(version: Version, bytes: &[u8], reason: ReasonCode) {
    let mut world = World::new();
    let client = world.connect(version, "a");
    world.send_bytes(client, bytes);
    world.expect_end(client, reason);
    assert_eq!(world.core.statistics(world.now).subscriptions, 0);
}

fn options(qos: QoS) -> SubscribeOptions {
    qos.into()
}

/// A SUBSCRIBE with these bytes as filter and as options.
fn with_filter(version: Version, filter: &[u8], options: u8) -> Vec<u8> {
    let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
    packet(0x82, &[&[0, 1], properties, &field(filter), &[options]].concat())
}

/// An UNSUBSCRIBE with these bytes as filter.
fn without_filter(version: Version, filter: &[u8]) -> Vec<u8> {
    let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
    packet(0xa2, &[&[0, 1], properties, &field(filter)].concat())
}

fn filters_are_text(version: Version, bytes: fn(Version, &[u8]) -> Vec<u8>) {
    for bad in [&b"\xed\xa0\x80"[..], b"\xff", b"a\0"] {
        refuses(version, &bytes(version, bad), ReasonCode::MalformedPacket);
    }
}

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

/// A subscriber and a publisher whose session lives on.
fn publisher_of_old(version: Version) -> (World, Client, Client) {
    let mut world = World::new();
    let subscriber = world.connect(version, "subscriber");
    world.subscribe(subscriber, "t", QoS::AtMostOnce);
    let publisher = world.connect_lasting(version, "publisher");
    (world, subscriber, publisher)
}
