//! Subscriptions of the program itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mqttlink::{Publish, QoS};

use crate::world::{V4, World};

#[test]
fn the_program_gets_what_another_member_leaves_behind() {
    let mut world = World::new();
    let client = world.connect_lasting(V4, "a");
    world.subscribe(client, "$share/g/t", QoS::AtLeastOnce);
    world.cut(client);
    for _ in 0..3 {
        world.core.publish(world.now, &Publish::new("t", "m").qos(QoS::AtLeastOnce)).unwrap();
    }
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let sink = move |_: &_| counted.fetch_add(1, Ordering::SeqCst) < 2;
    let local = world.core.subscribe_local(world.now, "$share/g/t", sink).unwrap();
    let _ = world.connect(V4, "a");
    let statistics = world.core.statistics(world.now);
    assert_eq!((count.load(Ordering::SeqCst), statistics.drops.local), (3, 1));
    assert_eq!((statistics.queued_messages, statistics.drops.session_ended), (0, 0));
    world.core.unsubscribe_local(local);
    let statistics = world.core.statistics(world.now);
    assert_eq!((statistics.queued_messages, statistics.queued_bytes), (0, 0));
}
