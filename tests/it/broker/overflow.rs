//! Clients whose queue is full.

use mqttlink::broker::Overflow;
use mqttlink::codec::Connect;
use mqttlink::{Publish, QoS};

use crate::world::{V4, V5, World, hello, will};

#[test]
fn wills_of_clients_that_are_too_slow_do_not_pile_up_on_the_stack() {
    let mut world = World::with(|config| {
        config.limits.overflow = Overflow::Disconnect;
        config.limits.queued_bytes_per_client = 10;
    });
    for number in 0..1_000 {
        let id = format!("c{number}");
        let client = world.accepted(&Connect { will: Some(will("w")), ..hello(V4, &id) }).0;
        world.subscribe(client, "w", QoS::AtMostOnce);
    }
    // Nobody reads: each client that is disconnected has a will for all the others.
    for _ in 0..2 {
        world.core.publish(world.now, &Publish::new("w", "12345678")).unwrap();
    }
    assert_eq!(world.core.statistics(world.now).clients_connected, 0);
}

#[test]
fn messages_that_move_from_one_full_member_to_the_next_end_somewhere() {
    let mut world = World::with(|config| {
        config.limits.overflow = Overflow::Disconnect;
        config.limits.queued_messages_per_client = 2;
        config.protocol.window = 1;
    });
    for number in 0..500 {
        let client = world.connect(V5, &format!("c{number}"));
        world.subscribe(client, "$share/g/t", QoS::AtLeastOnce);
    }
    for _ in 0..500 * 3 + 1 {
        world.core.publish(world.now, &Publish::new("t", "m").qos(QoS::AtLeastOnce)).unwrap();
    }
    let statistics = world.core.statistics(world.now);
    assert_eq!((statistics.clients_connected, statistics.queued_messages), (0, 0));
}

fn offline(world: &mut World, id: &str) {
    let client = world.connect_lasting(V4, id);
    world.subscribe(client, id, QoS::AtLeastOnce);
    world.cut(client);
}

#[test]
fn what_has_expired_keeps_no_room() {
    let mut world = World::with(|config| config.limits.queued_messages_per_client = 10);
    offline(&mut world, "a");
    let message = || Publish::new("a", "m").qos(QoS::AtLeastOnce);
    world.core.publish(world.now, &message()).unwrap();
    for _ in 0..9 {
        world.core.publish(world.now, &message().message_expiry(1)).unwrap();
    }
    world.advance_secs(2);
    for _ in 0..10 {
        world.core.publish(world.now, &message()).unwrap();
    }
    let statistics = world.core.statistics(world.now);
    assert_eq!((statistics.queued_messages, statistics.queued_bytes), (10, 10 * (64 + 2)));
    assert_eq!((statistics.drops.expired, statistics.drops.queue_full), (9, 1));
}

#[test]
fn what_has_expired_for_one_client_keeps_no_room_from_another() {
    let mut world = World::with(|config| config.limits.queued_bytes = 5 * (64 + 7));
    offline(&mut world, "a");
    offline(&mut world, "b");
    let message = |topic| Publish::new(topic, "m").qos(QoS::AtLeastOnce);
    for _ in 0..5 {
        world.core.publish(world.now, &message("a").message_expiry(1)).unwrap();
    }
    world.advance_secs(2);
    world.core.publish(world.now, &message("b")).unwrap();
    let statistics = world.core.statistics(world.now);
    assert_eq!((statistics.queued_messages, statistics.queued_bytes), (1, 64 + 2));
    assert_eq!((statistics.drops.total_full, statistics.drops.expired), (0, 5));
}

#[test]
fn a_message_that_can_never_fit_takes_no_other_ones_place() {
    for total in [false, true] {
        let mut world = World::with(|config| {
            config.limits.overflow = Overflow::DropOldest;
            let bytes = if total {
                &mut config.limits.queued_bytes
            } else {
                &mut config.limits.queued_bytes_per_client
            };
            *bytes = 1_000;
        });
        offline(&mut world, "a");
        let message = |payload| Publish::new("a", payload).qos(QoS::AtLeastOnce);
        for _ in 0..3 {
            world.core.publish(world.now, &message(vec![7; 100])).unwrap();
        }
        world.core.publish(world.now, &message(vec![7; 2_000])).unwrap();
        let statistics = world.core.statistics(world.now);
        assert_eq!((statistics.queued_messages, statistics.drops.messages()), (3, 1));
        // One that fits does.
        world.core.publish(world.now, &message(vec![7; 900])).unwrap();
        let statistics = world.core.statistics(world.now);
        assert_eq!((statistics.queued_messages, statistics.drops.messages()), (1, 4));
    }
}
