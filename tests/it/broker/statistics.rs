//! What the broker counts.

use mqttlink::{Publish, QoS};

use crate::world::{V4, World};

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
