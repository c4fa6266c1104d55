//! What is held beside messages: filters, wills, beginnings of packets.

use mqttlink::broker::Decision;
use mqttlink::codec::{AckKind, Connect, Packet, Unsubscribe, Will};
use mqttlink::{Properties, QoS, ReasonCode, SubscribeOptions};

use crate::world::{V4, V5, World, hello, lasting, packet_id, will};

fn held(world: &World) -> usize {
    world.core.statistics(world.now).held_bytes
}

#[test]
fn filters_count_in_bytes_for_each_client_and_for_all() {
    let mut world = World::with(|config| {
        config.limits.held_bytes_per_client = 5_000;
        config.limits.held_bytes = 12_000;
    });
    let options = SubscribeOptions::from(QoS::AtMostOnce);
    let mut granted = Vec::new();
    for id in ["a", "b", "c", "d"] {
        let client = world.connect_lasting(V5, id);
        let mut count = 0;
        for number in 0..20 {
            let filter = format!("{id}{number}/{}", "x".repeat(100));
            let line = world.subscribe_with(client, &[(&filter, options)], Properties::new());
            assert_eq!(line.contains("granted"), !line.contains("(0x97)"), "{line}");
            count += usize::from(line.contains("granted"));
            // What is there already takes no more room.
            if number > 0 && line.contains("granted") {
                let before = held(&world);
                world.subscribe_with(client, &[(&filter, options)], Properties::new());
                assert_eq!(held(&world), before);
            }
        }
        granted.push(count);
        assert!(held(&world) <= 12_000);
    }
    assert!(granted[0] == granted[1] && granted[0] > granted[2] && granted[3] == 0, "{granted:?}");
    let drops = world.core.statistics(world.now).drops.subscriptions;
    assert_eq!(usize::try_from(drops).unwrap(), 80 - granted.iter().sum::<usize>());
    for id in ["a", "b", "c", "d"] {
        world.core.delete_session(world.now, id);
    }
    assert_eq!(held(&world), 0);
}

#[test]
fn one_filter_of_many_levels_counts_as_many() {
    let mut world = World::with(|config| config.limits.held_bytes_per_client = 10_000);
    let client = world.connect(V5, "a");
    let options = SubscribeOptions::from(QoS::AtMostOnce);
    let deep = "a/".repeat(50);
    let line = world.subscribe_with(client, &[(&deep, options)], Properties::new());
    assert!(line.contains("(0x97)"), "{line}");
    world.subscribe(client, &"a/".repeat(20), options);
    assert!(held(&world) > 20 * 200);
    world.unsubscribe(client, &[&"a/".repeat(20)]);
    assert_eq!(held(&world), 0);
}

#[test]
fn wills_count_as_long_as_they_may_be_published() {
    let mut world = World::with(|config| {
        config.limits.held_bytes_per_client = 2_000;
        config.limits.held_bytes = 4_000;
    });
    let payload = vec![7; 1_500];
    let large =
        |id| Connect { will: Some(Will { payload: &payload, ..will("w") }), ..lasting(V5, id) };
    let first = world.accepted(&large("a")).0;
    let second = world.accepted(&large("b")).0;
    assert!(held(&world) > 3_000);
    let third = world.say(&large("c"));
    assert!(world.expect_whole(third).contains("no room for another will"));
    world.goodbye(first);
    let third = world.accepted(&large("c")).0;
    // It is replaced, published, or thrown away.
    let _ = world.accepted(&lasting(V5, "b"));
    world.expect_end(second, ReasonCode::SessionTakenOver);
    world.cut(third);
    assert_eq!(held(&world), 0);
    let _ = world.accepted(&large("d"));
    world.core.shut_down(world.now);
    assert_eq!(held(&world), 0);
    let payload = vec![7; 2_500];
    let mut world = World::with(|config| config.limits.held_bytes_per_client = 2_000);
    let connect = Connect { will: Some(Will { payload: &payload, ..will("w") }), ..hello(V4, "a") };
    let client = world.say(&connect);
    assert_eq!(world.expect_hex(client), "20 02 00 03");
}

#[test]
fn a_will_and_filters_share_the_room_of_a_client() {
    let mut world = World::with(|config| config.limits.held_bytes_per_client = 2_000);
    let client = world.connect_lasting(V5, "a");
    world.subscribe(client, &"x".repeat(500), QoS::AtMostOnce);
    let payload = vec![7; 1_000];
    let connect =
        Connect { will: Some(Will { payload: &payload, ..will("w") }), ..lasting(V5, "a") };
    let refused = world.say(&connect);
    assert!(world.expect(refused).starts_with("CONNACK reason=quota exceeded"));
    let clean = world.accepted(&Connect { clean_start: true, ..connect }).0;
    world.cut(clean);
    assert!(world.core.session(world.now, "a").is_some());
}

#[test]
fn beginnings_of_packets_find_no_room_before_they_take_all() {
    let mut world = World::with(|config| config.limits.held_bytes = 100_000);
    let honest = world.connect(V5, "honest");
    // The header of a CONNECT of 60,000 bytes, and a part of it.
    let header = [0x10, 0xe0, 0xd4, 0x03];
    let mut strangers = Vec::new();
    for _ in 0..10 {
        let client = world.open(V5);
        world.send_bytes(client, &header);
        world.send_bytes(client, &[0; 20_000]);
        strangers.push(client);
    }
    let open = strangers.iter().filter(|client| !world.is_closed(**client)).count();
    assert_eq!((open, world.core.statistics(world.now).drops.connections), (2, 8));
    assert!(held(&world) <= 50_000);
    // A client that was accepted has the other half.
    let part = [&[0x30, 0xe0, 0xd4, 0x03][..], &[0; 30_000]].concat();
    world.send_bytes(honest, &part);
    world.expect_nothing(honest);
    let second = world.connect(V5, "second");
    world.send_bytes(second, &part);
    world.expect_end(second, ReasonCode::QuotaExceeded);
    // The beginning of a small packet costs nobody its connection.
    let third = world.connect(V5, "third");
    world.send_bytes(third, &[0xc0]);
    world.send_bytes(third, &[0]);
    assert_eq!(world.expect(third), "PINGRESP");
    strangers.into_iter().for_each(|client| world.cut(client));
    world.cut(honest);
    assert_eq!(held(&world), 0);
}

#[test]
fn messages_that_are_not_released_find_no_room_before_they_take_all() {
    let mut world = World::with(|config| {
        config.limits.held_bytes_per_client = 20_000;
        config.limits.held_bytes = 50_000;
    });
    // As a client does that counts on its server to remember them for ever.
    let flood = |count: u16| {
        let messages = (1..=count).flat_map(|id| {
            let [high, low] = id.to_be_bytes();
            [0x34, 6, 0, 1, b't', high, low, b'm']
        });
        messages.collect::<Vec<_>>()
    };
    let greedy = world.connect_lasting(V4, "greedy");
    world.send_bytes(greedy, &flood(1_000));
    assert!(world.is_closed(greedy) && world.core.session(world.now, "greedy").is_none());
    assert_eq!((held(&world), world.core.statistics(world.now).drops.connections), (0, 1));
    // Up to the limit, on two connections, and with a goodbye in the same breath.
    for round in 1..=2_u16 {
        let client = world.connect_lasting(V4, "a");
        world.send_bytes(client, &flood(50 * round));
        assert!(!world.is_closed(client) && held(&world) >= 50 * usize::from(round) * 100);
        world.cut(client);
    }
    let before = held(&world);
    for id in ["b", "c", "d", "e", "f"] {
        let client = world.connect_lasting(V4, id);
        world.send_bytes(client, &[flood(100), vec![0xe0, 0]].concat());
        assert!(held(&world) <= 50_000);
    }
    assert!(world.core.session(world.now, "b").is_some());
    assert!(world.core.session(world.now, "f").is_none());
    assert!(before > 0);
    let client = world.connect_lasting(V4, "a");
    for id in 1..=100 {
        world.ack(client, AckKind::PubRel, id);
    }
    for id in ["a", "b", "c", "d", "e", "f"] {
        world.core.delete_session(world.now, id);
    }
    assert_eq!(held(&world), 0);
}

#[test]
fn what_waits_for_an_authentication_is_bounded_in_bytes() {
    let mut world = World::with(|config| {
        *config = config.clone().asking();
        config.limits.held_bytes = 100_000;
    });
    let payload = vec![7; 30_000];
    let large =
        |id| Connect { will: Some(Will { payload: &payload, ..will("w") }), ..lasting(V5, id) };
    let first = world.say(&large("a"));
    assert!(held(&world) > 30_000);
    let second = world.say(&large("b"));
    assert!(world.expect(second).starts_with("CONNACK reason=server busy"));
    assert_eq!(world.core.statistics(world.now).drops.sessions, 1);
    // A small one costs nobody its connection.
    let third = world.say(&lasting(V5, "c"));
    for client in [first, third] {
        let question = world.question();
        world.decide(&question, Decision::accept());
        assert!(world.expect(client).starts_with("CONNACK"));
    }
    for id in ["a", "c"] {
        world.core.delete_session(world.now, id);
    }
    assert_eq!(held(&world), 0);
}

#[test]
fn what_is_too_much_for_one_unsubscribe_is_not_looked_at() {
    let mut world = World::with(|config| config.limits.filters_per_subscribe = 2);
    for version in [V5, V4] {
        let client = world.connect(version, "a");
        for filter in ["a", "b", "c"] {
            world.subscribe(client, filter, QoS::AtMostOnce);
        }
        if version == V5 {
            let line = world.unsubscribe(client, &["a", "x", "c", "b"]);
            let codes: Vec<_> = line.matches("(0x").collect();
            assert!(codes.len() >= 3 && line.matches("(0x83)").count() == 2, "{line}");
            assert_eq!(world.core.session(world.now, "a").unwrap().subscriptions, 2);
            world.unsubscribe(client, &["b", "c"]);
        } else {
            let packet_id = packet_id(9);
            let (properties, filters) = (Properties::new(), vec!["a", "b", "c"]);
            world
                .send(client, &Packet::Unsubscribe(Unsubscribe { packet_id, properties, filters }));
            world.expect_closed(client);
        }
        assert!(world.core.statistics(world.now).subscriptions == 0);
    }
}
