//! What the broker counts.

use mqttlink::{Publish, QoS};

use mqttlink::codec::Connect;

use crate::world::{Client, V4, V5, World, hello, lasting};

#[test]
fn packets_to_a_client_that_says_nothing_are_counted() {
    let mut world = World::new();
    let client = world.connect(V4, "a");
    world.subscribe(client, "t", QoS::AtMostOnce);
    let before = world.core.statistics(world.now).packets_sent;
    for _ in 0..100 {
        world.core.publish(world.now, &Publish::new("t", "m")).unwrap();
    }
    world.pump();
    assert_eq!(world.core.statistics(world.now).packets_sent, before + 100);
    world.core.publish(world.now, &Publish::new("t", "m")).unwrap();
    world.cut(client);
    assert_eq!(world.core.statistics(world.now).packets_sent, before + 101);
}

fn sent(world: &World) -> u64 {
    world.core.statistics(world.now).packets_sent
}

/// What the broker has counted since there were `before` packets is what the client has got.
fn counted(world: &mut World, client: Client, before: u64) {
    let got = world.expect_all(client);
    assert_eq!(sent(world) - before, u64::try_from(got.len()).unwrap(), "{got:?}");
    assert!(!got.is_empty());
}

#[test]
fn every_packet_that_is_sent_is_counted() {
    for version in [V4, V5] {
        let mut world =
            World::with(|config| config.protocol.versions.retain(|v| v.is_v5() || *v == V4));
        let client = world.say(&lasting(version, "a"));
        counted(&mut world, client, 0);
        world.subscribe(client, "t", QoS::ExactlyOnce);
        for qos in [QoS::AtLeastOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            world.core.publish(world.now, &Publish::new("t", "m").qos(qos)).unwrap();
        }
        world.pump();
        world.ack(client, mqttlink::codec::AckKind::PubRec, 3);
        world.expect_all(client);
        world.cut(client);
        // CONNACK, PUBREL, and two messages again.
        let before = sent(&world);
        let client = world.say(&lasting(version, "a"));
        counted(&mut world, client, before);
        assert_eq!(sent(&world) - before, 4);
        if version == V5 {
            let before = sent(&world);
            world.core.disconnect(world.now, "a", mqttlink::ReasonCode::AdministrativeAction);
            world.pump();
            counted(&mut world, client, before);
        }
        let before = sent(&world);
        let refused = world.say(&Connect { clean_start: false, ..hello(crate::world::V3, "a") });
        counted(&mut world, refused, before);
    }
}
