//! Sessions that are looked at, ended from outside, or given up for others.

use std::time::Duration;

use mqttlink::broker::SessionOverflow;
use mqttlink::codec::Connect;
use mqttlink::{Publish, QoS, ReasonCode};

use crate::world::{V4, V5, World, lasting, will};

#[test]
fn a_session_shows_what_it_holds() {
    let mut world = World::with(|config| config.protocol.window = 1);
    let connect = Connect { will: Some(will("w")), ..lasting(V5, "a") };
    let (client, _) = world.accepted(&connect);
    world.subscribe(client, "t", QoS::AtLeastOnce);
    world.subscribe(client, "u/#", QoS::AtMostOnce);
    for _ in 0..3 {
        world.core.publish(world.now, &Publish::new("t", "123").qos(QoS::AtLeastOnce)).unwrap();
    }
    let info = world.core.session(world.now, "a").unwrap();
    assert_eq!((info.connected, info.subscriptions, info.has_will), (true, 2, true));
    assert_eq!((info.in_flight, info.queued_messages, info.queued_bytes), (1, 2, 2 * (64 + 4)));
    assert_eq!((info.expiry, info.ends_in), (Some(Duration::from_secs(3_600)), None));
    world.cut(client);
    world.advance_secs(600);
    let info = world.core.session(world.now, "a").unwrap();
    assert_eq!((info.connected, info.in_flight, info.queued_messages), (false, 1, 2));
    assert_eq!(info.ends_in, Some(Duration::from_secs(3_000)));
    let forever = world.connect_lasting(V4, "b");
    world.cut(forever);
    let info = world.core.session(world.now, "b").unwrap();
    assert_eq!((info.expiry, info.ends_in), (None, None));
    world.core.subscribe_local(world.now, "#", |_| true).unwrap();
    assert_eq!(world.core.sessions(world.now).count(), 2, "the program itself is no client");
    assert_eq!(world.core.session(world.now, "c"), None);
}

#[test]
fn a_session_is_deleted_with_its_connection_and_its_will_is_published() {
    for connected in [true, false] {
        let mut world = World::new();
        let watcher = world.connect(V4, "watcher");
        world.subscribe(watcher, "w", QoS::AtMostOnce);
        let connect = Connect { will: Some(will("w")), ..lasting(V5, "a") };
        let (client, _) = world.accepted(&connect);
        world.subscribe(client, "t", QoS::AtLeastOnce);
        if !connected {
            world.cut(client);
            assert_eq!(world.expect_all(watcher).len(), 1, "the will was published then");
        }
        assert!(world.core.delete_session(world.now, "a"));
        world.pump();
        if connected {
            world.expect_end(client, ReasonCode::AdministrativeAction);
            assert_eq!(world.expect_all(watcher).len(), 1);
        }
        world.expect_nothing(watcher);
        let statistics = world.core.statistics(world.now);
        assert_eq!((statistics.subscriptions, statistics.clients_disconnected), (1, 0));
        assert!(!world.core.delete_session(world.now, "a"));
        let (_, present) = world.accepted(&lasting(V5, "a"));
        assert!(!present);
    }
}

#[test]
fn sessions_that_never_expire_do_not_lock_others_out() {
    let mut world = World::with(|config| config.limits.sessions = 3);
    for id in ["a", "b", "c"] {
        let client = world.connect_lasting(V4, id);
        world.cut(client);
    }
    // The oldest one is in use again; the next in turn goes.
    let back = world.connect_lasting(V4, "a");
    world.cut(back);
    let honest = world.connect_lasting(V4, "honest");
    assert!(
        world.core.session(world.now, "b").is_none()
            && world.core.session(world.now, "a").is_some()
    );
    let second = world.connect(V5, "second");
    assert!(world.core.session(world.now, "c").is_none());
    let _third = world.connect(V5, "third");
    assert_eq!(world.core.statistics(world.now).drops.sessions_evicted, 3);
    // Nobody is away any more.
    let fourth = world.say(&lasting(V5, "fourth"));
    assert!(world.expect(fourth).contains("(0x97)"));
    let drops = world.core.statistics(world.now).drops;
    assert_eq!((drops.sessions_evicted, drops.sessions), (3, 1));
    world.expect_nothing(honest);
    world.expect_nothing(second);
}

#[test]
fn nobody_is_evicted_where_that_is_not_wanted_or_for_who_is_not_let_in() {
    let mut world = World::with(|config| {
        config.limits.sessions = 1;
        config.limits.session_overflow = SessionOverflow::Refuse;
    });
    let client = world.connect_lasting(V4, "a");
    world.cut(client);
    let other = world.say(&lasting(V5, "b"));
    assert!(world.expect(other).contains("(0x97)"));
    assert_eq!(world.core.statistics(world.now).drops.sessions_evicted, 0);
    let mut world = World::with(|config| config.limits.sessions = 1);
    let client = world.connect_lasting(V4, "a");
    world.cut(client);
    let other = world.say(&Connect { will: Some(will("$SYS/x")), ..lasting(V5, "b") });
    assert!(world.expect(other).contains("(0x90)"));
    assert!(world.core.session(world.now, "a").is_some());
}
