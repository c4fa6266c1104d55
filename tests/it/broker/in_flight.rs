//! Messages that a client has been sent and does not acknowledge.

use mqttlink::codec::AckKind;
use mqttlink::{Publish, QoS};

use crate::world::{Client, V4, V5, World};

fn world() -> (World, Client) {
    let mut world = World::with(|config| config.limits.queued_bytes_per_client = 10_000);
    let client = world.connect_lasting(V4, "a");
    world.subscribe(client, "t", QoS::ExactlyOnce);
    (world, client)
}

/// A message that counts as 1,000 bytes, 64 of them for its place in the queue.
fn publish(world: &mut World, qos: QoS) {
    world.core.publish(world.now, &Publish::new("t", vec![7; 935]).qos(qos)).unwrap();
    world.pump();
}

#[test]
fn bytes_in_flight_are_bounded_and_the_rest_waits() {
    let (mut world, client) = world();
    for _ in 0..100 {
        publish(&mut world, QoS::AtLeastOnce);
    }
    let statistics = world.core.statistics(world.now);
    assert_eq!(world.expect_all(client).len(), 10);
    assert_eq!((statistics.queued_messages, statistics.queued_bytes), (10, 20_000));
    assert_eq!(statistics.drops.queue_full, 80);
    // Each acknowledgement makes room for the next message.
    world.ack(client, AckKind::PubAck, 1);
    assert_eq!(world.expect_all(client).len(), 1);
    assert_eq!(world.core.statistics(world.now).queued_bytes, 19_000);
}

#[test]
fn what_is_in_flight_is_counted_as_long_as_it_is_kept() {
    let (mut world, client) = world();
    publish(&mut world, QoS::AtLeastOnce);
    publish(&mut world, QoS::ExactlyOnce);
    assert_eq!(world.core.statistics(world.now).queued_bytes, 2_000);
    world.cut(client);
    assert_eq!(world.core.statistics(world.now).queued_bytes, 2_000);
    let client = world.connect_lasting(V4, "a");
    assert_eq!(world.expect_all(client).len(), 2);
    world.ack(client, AckKind::PubRec, 2);
    assert_eq!(world.core.statistics(world.now).queued_bytes, 1_000, "only its identifier is kept");
    let _ = world.connect(V5, "a");
    assert_eq!(world.core.statistics(world.now).queued_bytes, 0, "the session has ended");
}

#[test]
fn a_message_above_the_limit_is_sent_when_nothing_else_is_in_flight() {
    let (mut world, client) = world();
    let large = Publish::new("t", vec![7; 50_000]).qos(QoS::AtLeastOnce);
    world.core.publish(world.now, &large).unwrap();
    world.pump();
    assert_eq!(world.expect_all(client).len(), 1);
    publish(&mut world, QoS::AtLeastOnce);
    world.expect_nothing(client);
    world.ack(client, AckKind::PubAck, 1);
    assert_eq!(world.expect_all(client).len(), 1);
}
