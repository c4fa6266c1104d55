//! Retained messages on their way to a new subscription, while other things happen.

use mqttlink::codec::AckKind;
use mqttlink::{Properties, PropertyId, Publish, QoS, RetainHandling, SubscribeOptions};

use crate::world::{Client, V4, V5, World, lasting, number};

/// A broker that sends two messages and waits for their acknowledgement, and retains `t/0` to `t/9`
/// at this QoS.
fn world(qos: QoS) -> World {
    let mut world = World::with(|config| {
        config.protocol.window = 2;
        config.limits.queued_messages_per_client = 3;
    });
    for number in 0..10 {
        retain(&mut world, number, "old", qos);
    }
    world
}

fn topic(number: usize) -> String {
    format!("t/{number}")
}

fn retain(world: &mut World, number: usize, payload: &str, qos: QoS) {
    let topic = topic(number);
    let message = Publish::new(&topic, payload).retain(true).qos(qos);
    world.core.publish(world.now, &message).unwrap();
    world.pump();
}

fn publish(world: &mut World, number: usize, payload: &str, qos: QoS) {
    let topic = topic(number);
    world.core.publish(world.now, &Publish::new(&topic, payload).qos(qos)).unwrap();
    world.pump();
}

fn open(world: &World) -> usize {
    world.core.statistics(world.now).retained_unsent
}

/// What the client has got, as topic, payload and whether RETAIN was set.
fn got(world: &mut World, client: Client) -> Vec<(String, String, bool)> {
    let mut all = Vec::new();
    while let Some(bytes) = world.next_bytes(client) {
        let version = world.version(client);
        let frame = mqttlink::codec::frame::parse(&bytes, version, usize::MAX).unwrap().unwrap();
        let packet = mqttlink::codec::Packet::decode(&frame, version).unwrap();
        let mqttlink::codec::Packet::Publish(publish) = packet else { continue };
        let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
        all.push((publish.topic.to_owned(), payload, publish.retain));
        if let Some(id) = publish.packet_id {
            world.ack(client, AckKind::PubAck, id.get());
        }
    }
    all
}

/// Only the topics' numbers and payloads.
fn short(world: &mut World, client: Client) -> Vec<String> {
    let all = got(world, client);
    all.iter().map(|(topic, payload, _)| format!("{} {payload}", &topic[2..])).collect()
}

fn old(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("{number} old")).collect()
}

/// A subscriber that has been sent `t/0` and `t/1` and has not acknowledged them.
fn halfway(world: &mut World) -> Client {
    let client = world.connect_lasting(V5, "a");
    world.subscribe(client, "t/#", QoS::AtLeastOnce);
    assert_eq!(open(world), 1);
    client
}

#[test]
fn all_come_although_the_queue_is_shorter() {
    let mut world = world(QoS::AtLeastOnce);
    let client = halfway(&mut world);
    assert_eq!(short(&mut world, client), old(0..10));
    assert_eq!((open(&world), world.core.statistics(world.now).drops.messages()), (0, 0));
}

#[test]
fn those_of_qos_0_do_not_wait_for_acknowledgements() {
    let mut world = world(QoS::AtMostOnce);
    for number in 0..2 {
        retain(&mut world, number, "old", QoS::AtLeastOnce);
    }
    retain(&mut world, 9, "old", QoS::AtLeastOnce);
    let client = halfway(&mut world);
    // Nothing is acknowledged before the ninth has come.
    let waiting = world.core.statistics(world.now).publish_sent;
    assert_eq!(waiting, 9);
    assert_eq!(short(&mut world, client), old(0..10));
}

#[test]
fn they_go_on_where_they_stopped_when_the_client_comes_back() {
    for takes_over in [false, true] {
        let mut world = world(QoS::AtLeastOnce);
        let client = halfway(&mut world);
        if !takes_over {
            world.cut(client);
        }
        assert_eq!(open(&world), 1);
        let (client, present) = world.accepted(&lasting(V5, "a"));
        assert!(present);
        // The first two come again, with DUP.
        assert_eq!(short(&mut world, client), old(0..10));
        assert_eq!(open(&world), 0);
    }
}

#[test]
fn they_end_with_their_session() {
    let mut world = world(QoS::AtLeastOnce);
    let client = halfway(&mut world);
    world.cut(client);
    world.advance_secs(3_600);
    assert_eq!(open(&world), 0);
    let client = world.connect(V4, "b");
    world.subscribe(client, "t/#", QoS::AtLeastOnce);
    let _ = world.connect(V4, "b");
    assert_eq!(open(&world), 0, "a clean session takes the place");
}

#[test]
fn unsubscribing_stops_them() {
    let mut world = world(QoS::AtLeastOnce);
    let client = halfway(&mut world);
    let before = world.core.statistics(world.now).publish_sent;
    let lines = {
        world.expect(client);
        world.expect(client);
        world.unsubscribe(client, &["t/#"])
    };
    assert!(lines.starts_with("UNSUBACK"), "{lines}");
    assert_eq!(open(&world), 0);
    for id in 1..3 {
        world.ack(client, AckKind::PubAck, id);
    }
    assert_eq!(world.core.statistics(world.now).publish_sent, before);
}

#[test]
fn the_store_may_change_meanwhile() {
    let mut world = world(QoS::AtLeastOnce);
    let client = halfway(&mut world);
    // Passed, and ahead of it: removed, replaced, new, removed and set again.
    retain(&mut world, 0, "new", QoS::AtMostOnce);
    retain(&mut world, 3, "", QoS::AtMostOnce);
    retain(&mut world, 4, "new", QoS::AtMostOnce);
    retain(&mut world, 5, "", QoS::AtMostOnce);
    retain(&mut world, 5, "again", QoS::AtMostOnce);
    world.core.publish(world.now, &Publish::new("t/50", "new").retain(true)).unwrap();
    world.pump();
    let all = got(&mut world, client);
    let live: Vec<_> = all.iter().filter(|(.., retain)| !retain).collect();
    let lines: Vec<_> =
        live.iter().map(|(topic, payload, _)| format!("{topic} {payload}")).collect();
    assert_eq!(lines, ["t/0 new", "t/3 ", "t/4 new", "t/5 ", "t/5 again", "t/50 new"]);
    let retained: Vec<_> = all.iter().filter(|(.., retain)| *retain).collect();
    let numbers: Vec<_> = retained.iter().map(|(topic, ..)| &topic[2..]).collect();
    assert_eq!(numbers, ["0", "1", "2", "6", "7", "8", "9"], "nobody is given one twice");
}

#[test]
fn a_message_that_is_not_kept_does_not_overtake_the_retained_one() {
    let mut world = world(QoS::AtLeastOnce);
    let client = halfway(&mut world);
    for payload in ["x", "y"] {
        publish(&mut world, 7, payload, QoS::AtLeastOnce);
    }
    let lines = short(&mut world, client);
    let of_seven: Vec<_> = lines.iter().filter(|line| line.starts_with('7')).collect();
    assert_eq!(of_seven, ["7 old", "7 x", "7 y"]);
    assert_eq!(lines.len(), 12);
}

#[test]
fn a_message_of_ones_own_that_is_not_wanted_takes_no_retained_one_away() {
    let mut world = world(QoS::AtLeastOnce);
    let client = world.connect_lasting(V5, "a");
    let mut options = SubscribeOptions::from(QoS::AtLeastOnce);
    options.no_local = true;
    world.subscribe(client, "t/#", options);
    let packet = mqttlink::codec::Publish { topic: "t/8", payload: b"own", ..Default::default() };
    world.send(client, &mqttlink::codec::Packet::Publish(packet));
    let mut lines = short(&mut world, client);
    lines.sort();
    assert_eq!(lines, old(0..10));
}

#[test]
fn what_an_absent_client_has_missed_is_given_from_the_store() {
    let mut world = world(QoS::AtLeastOnce);
    let client = halfway(&mut world);
    world.cut(client);
    // Of QoS 0, so it does not wait for the client; the other one does.
    retain(&mut world, 8, "away", QoS::AtMostOnce);
    retain(&mut world, 9, "queued", QoS::AtLeastOnce);
    // Behind a retained one that the client has not been given.
    publish(&mut world, 5, "x", QoS::AtLeastOnce);
    let client = world.connect_lasting(V5, "a");
    let lines = short(&mut world, client);
    let mut sorted = lines.clone();
    sorted.sort();
    let mut expected = old(0..8);
    expected.extend(["5 x", "8 away", "9 queued"].map(str::to_owned));
    expected.sort();
    assert_eq!(sorted, expected, "each once");
    let place = |line: &str| lines.iter().position(|other| other == line).unwrap();
    assert!(place("5 old") < place("5 x"), "{lines:?}");
}

#[test]
fn a_subscription_that_is_made_again_gets_all_again_if_it_wants_to() {
    for (handling, expected) in [
        (RetainHandling::Send, 20),
        (RetainHandling::SendIfNew, 10),
        (RetainHandling::DoNotSend, 10),
    ] {
        let mut world = world(QoS::AtLeastOnce);
        let client = halfway(&mut world);
        let first: Vec<_> = (0..2).map(|_| world.expect(client)).collect();
        assert!(first.iter().all(|line| !line.contains("subscription identifier")));
        let mut options = SubscribeOptions::from(QoS::AtLeastOnce);
        options.retain_handling = handling;
        let id: Properties<'_> = number(PropertyId::SubscriptionIdentifier, 7);
        world.subscribe_with(client, &[("t/#", options)], id);
        assert_eq!(open(&world), if handling == RetainHandling::Send { 2 } else { 1 });
        for id in 1..3 {
            world.ack(client, AckKind::PubAck, id);
        }
        let lines = 2 + got(&mut world, client).len();
        assert_eq!(lines, expected, "{handling:?}");
    }
}

#[test]
fn every_subscription_gets_its_own() {
    let mut world = world(QoS::AtLeastOnce);
    let client = world.connect_lasting(V5, "a");
    let one = SubscribeOptions::from(QoS::AtLeastOnce);
    let filters = [("t/#", one), ("t/+", one), ("+/3", one), ("$share/g/t/#", one)];
    world.subscribe_with(client, &filters, Properties::new());
    assert_eq!(open(&world), 3);
    assert_eq!(got(&mut world, client).len(), 21);
}

#[test]
fn what_has_expired_is_not_sent() {
    let mut world = world(QoS::AtLeastOnce);
    let message = Publish::new("t/7", "short").retain(true).message_expiry(5);
    world.core.publish(world.now, &message).unwrap();
    let client = halfway(&mut world);
    world.advance_secs(6);
    let lines = short(&mut world, client);
    assert!(lines.len() == 9 && !lines.contains(&"7 short".to_owned()), "{lines:?}");
}

#[test]
fn a_retained_message_is_overtaken_once_however_many_subscriptions_match() {
    let mut world = world(QoS::AtLeastOnce);
    let client = world.connect_lasting(V5, "a");
    let one = SubscribeOptions::from(QoS::AtLeastOnce);
    let filters = [("t/#", one), ("$share/g/t/#", one)];
    world.subscribe_with(client, &filters, Properties::new());
    publish(&mut world, 7, "x", QoS::AtLeastOnce);
    let lines = short(&mut world, client);
    let of_seven: Vec<_> = lines.iter().filter(|line| line.starts_with('7')).collect();
    assert_eq!(of_seven, ["7 old", "7 x", "7 x"], "by a share and by a subscription of its own");
}

#[test]
fn what_came_between_two_absences_does_not_come_again() {
    let mut world = world(QoS::AtLeastOnce);
    let client = halfway(&mut world);
    world.cut(client);
    retain(&mut world, 7, "missed", QoS::AtMostOnce);
    let client = world.connect_lasting(V5, "a");
    retain(&mut world, 8, "live", QoS::AtMostOnce);
    world.cut(client);
    retain(&mut world, 9, "missed", QoS::AtMostOnce);
    let again = world.connect_lasting(V5, "a");
    let mut lines = short(&mut world, client);
    lines.extend(short(&mut world, again));
    let late: Vec<_> = lines.iter().filter(|line| !line.ends_with("old")).collect();
    assert_eq!(late, ["8 live", "7 missed", "9 missed"]);
}

#[test]
fn asking_again_and_again_does_not_pile_up() {
    let mut world = world(QoS::AtLeastOnce);
    let client = halfway(&mut world);
    let first: Vec<_> = (0..2).map(|_| world.expect(client)).collect();
    assert!(first.iter().all(|line| line.starts_with("PUBLISH")), "{first:?}");
    for _ in 0..100 {
        world.subscribe(client, "t/#", QoS::AtLeastOnce);
    }
    assert_eq!(open(&world), 3, "one is on its way, and two are to come");
    for id in 1..3 {
        world.ack(client, AckKind::PubAck, id);
    }
    assert_eq!(got(&mut world, client).len(), 28, "all of them twice more");
}
