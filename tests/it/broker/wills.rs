//! Wills are messages like others.

use mqttlink::codec::Connect;
use mqttlink::{QoS, ReasonCode};

use crate::world::{V4, V5, World, hello, will};

#[test]
fn a_will_is_intercepted_when_it_is_published() {
    let mut world = World::with(|config| {
        *config = config.clone().intercept(|client, draft| {
            draft.topic.push_str("/seen");
            if &*client.client_id == "bad" { Err(ReasonCode::NotAuthorized) } else { Ok(()) }
        });
    });
    let watcher = world.connect(V5, "watcher");
    world.subscribe(watcher, "#", QoS::AtMostOnce);
    for id in ["bad", "good"] {
        let client = world.accepted(&Connect { will: Some(will("w")), ..hello(V5, id) }).0;
        world.cut(client);
    }
    let lines = world.expect_all(watcher);
    assert!(lines.len() == 1 && lines[0].contains("topic=\"w/seen\""), "{lines:?}");
    assert_eq!(world.core.statistics(world.now).drops.refused, 1);
}

#[test]
fn a_will_with_too_many_levels_is_refused_with_its_client() {
    for (version, code) in [(V5, "(0x90)"), (V4, "(0x87)")] {
        let mut world = World::with(|config| config.limits.topic_levels = 3);
        let client = world.say(&Connect { will: Some(will("a/b/c/d")), ..hello(version, "a") });
        let line = world.expect(client);
        assert!(line.contains(code), "{line}");
        world.accepted(&Connect { will: Some(will("a/b/c")), ..hello(version, "b") });
    }
}
