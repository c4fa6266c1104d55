//! The store of retained messages.

use mqttlink::codec;
use mqttlink::{Publish, QoS};

use crate::world::{V4, V5, World, message};

#[test]
fn a_full_store_keeps_no_message_from_its_subscribers() {
    let mut world = World::with(|config| config.limits.retained_messages = 1);
    let watcher = world.connect(V4, "watcher");
    world.subscribe(watcher, "#", QoS::AtMostOnce);
    let client = world.connect(V5, "a");
    world.retain(client, "a", "kept", QoS::AtLeastOnce);
    let packet = codec::Publish { topic: "b", qos: QoS::AtLeastOnce, retain: true, ..message() };
    let line = world.offer(client, packet);
    assert!(line.contains("(0x97)"), "{line}");
    let count = world.core.publish(world.now, &Publish::new("c", "m").retain(true)).unwrap();
    world.pump();
    assert_eq!((count, world.expect_all(watcher).len()), (1, 3));
    let statistics = world.core.statistics(world.now);
    assert_eq!((statistics.retained_messages, statistics.drops.retained_full), (1, 2));
}
