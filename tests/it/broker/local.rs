//! Subscriptions of the program itself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use mqttlink::proto::Publication;
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

#[test]
fn retained_messages_wait_until_the_program_takes_them() {
    let mut world = World::new();
    let retain = |world: &mut World, topic: &str, payload: &str| {
        world.core.publish(world.now, &Publish::new(topic, payload).retain(true)).unwrap();
        world.pump();
    };
    for number in 0..2_000 {
        retain(&mut world, &format!("t/{number:04}"), "old");
    }
    let room = Arc::new(AtomicUsize::new(1_000));
    let got = Arc::new(Mutex::new(Vec::new()));
    let (left, taken) = (Arc::clone(&room), Arc::clone(&got));
    let sink = move |message: &Arc<Publication>| {
        let has_room = left.load(Ordering::SeqCst) > 0;
        if has_room {
            left.fetch_sub(1, Ordering::SeqCst);
            let payload = String::from_utf8(message.payload().to_vec()).unwrap();
            taken.lock().unwrap().push(format!("{} {payload}", message.topic()));
        }
        has_room
    };
    let local = world.core.subscribe_local(world.now, "t/#", sink).unwrap();
    assert_eq!(got.lock().unwrap().len(), 512, "no round is too long");
    world.pump();
    assert_eq!(got.lock().unwrap().len(), 1_000);
    let unsent = |world: &World| world.core.statistics(world.now).retained_unsent;
    assert_eq!((unsent(&world), world.core.statistics(world.now).drops.local), (1, 0));
    room.store(2, Ordering::SeqCst);
    // Not kept, so the retained one goes first.
    world.core.publish(world.now, &Publish::new("t/1500", "live")).unwrap();
    room.store(5_000, Ordering::SeqCst);
    world.core.resume_local(world.now, local);
    world.pump();
    let got = got.lock().unwrap();
    assert_eq!((got.len(), unsent(&world)), (2_001, 0));
    assert_eq!(got[1_000..1_002], ["t/1500 old", "t/1500 live"]);
    world.core.unsubscribe_local(local);
    assert_eq!(world.core.statistics(world.now).held_bytes, 0);
}

#[test]
fn a_local_subscription_may_end_before_it_has_everything() {
    let mut world = World::new();
    world.core.publish(world.now, &Publish::new("t", "m").retain(true)).unwrap();
    let local = world.core.subscribe_local(world.now, "#", |_| false).unwrap();
    assert_eq!(world.core.statistics(world.now).retained_unsent, 1);
    world.core.unsubscribe_local(local);
    world.core.resume_local(world.now, local);
    world.pump();
    let statistics = world.core.statistics(world.now);
    assert_eq!((statistics.retained_unsent, statistics.held_bytes), (0, 0));
}

#[test]
fn a_retained_message_that_a_newer_one_overtakes_without_room_is_counted_with_it() {
    let mut world = World::new();
    world.core.publish(world.now, &Publish::new("t", "old").retain(true)).unwrap();
    let local = world.core.subscribe_local(world.now, "#", |_| false).unwrap();
    world.core.publish(world.now, &Publish::new("t", "live")).unwrap();
    world.core.resume_local(world.now, local);
    world.pump();
    let statistics = world.core.statistics(world.now);
    assert_eq!((statistics.drops.local, statistics.retained_unsent), (2, 0));
}
