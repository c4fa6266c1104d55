//! What a core holds for a connection, and when it stops listening to it.

use std::time::Duration;

use mqttlink::Publish;
use mqttlink::broker::{ConnectionId, Core, CoreConfig, Peer};
use mqttlink::proto::{OutBuffer, Time};

const CONNECT: &[u8] = b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01h";

fn now() -> Time {
    Time::from_origin(Duration::from_secs(1))
}

fn connected() -> (Core, ConnectionId) {
    connected_to(CoreConfig::default())
}

fn connected_to(config: CoreConfig) -> (Core, ConnectionId) {
    let mut core = Core::new(now(), config);
    let id = core.open(now(), Peer::default()).unwrap();
    assert_eq!(core.handle_input(now(), id, CONNECT), CONNECT.len());
    while core.poll_ready().is_some() {}
    while core.poll_transmit(id, &mut OutBuffer::new()) {}
    (core, id)
}

fn queued(core: &Core) -> usize {
    core.statistics(now()).queued_bytes
}

#[test]
fn a_subscription_to_everything_holds_neither_the_thread_nor_memory() {
    let (mut core, id) = connected();
    let payload = "m".repeat(100);
    for number in 0..20_000 {
        let topic = format!("retained/{number}");
        core.publish(now(), &Publish::new(&topic, &payload).retain(true)).unwrap();
    }
    let input = b"\x82\x06\0\x01\0\x01#\0".repeat(2);
    assert_eq!(core.handle_input(now(), id, &input), input.len());
    let (mut sent, mut rounds) = (0, 0);
    let mut out = OutBuffer::new();
    while core.statistics(now()).retained_unsent > 0 {
        let before = core.statistics(now()).publish_sent;
        core.handle_timeout(now());
        let step = core.statistics(now()).publish_sent - before;
        assert!(step <= 512, "{step} in one round");
        assert!(queued(&core) < 300_000, "{}", queued(&core));
        sent += step;
        rounds += 1;
        // The client is slow: it reads in every eighth round only.
        if rounds % 8 == 0 {
            while core.poll_transmit(id, &mut out) {
                out.clear(0);
            }
        }
        assert!(rounds < 1_000);
    }
    assert_eq!((sent, core.statistics(now()).retained_unsent), (40_000, 0));
    assert!(rounds >= 40_000 / 512);
}

#[test]
fn who_asks_for_everything_again_and_again_is_not_owed_more_and_more() {
    let mut config = CoreConfig::default();
    config.limits.subscriptions_per_client = 3;
    let (mut core, id) = connected_to(config);
    for _ in 0..1_000 {
        core.handle_input(now(), id, b"\x82\x06\0\x01\0\x01#\0");
        core.handle_input(now(), id, b"\x82\x06\0\x01\0\x01+\0");
        assert!(core.statistics(now()).retained_unsent <= 6);
    }
}

#[test]
fn many_sessions_share_the_work_of_a_round() {
    let (mut core, _) = connected();
    for number in 0..2_000 {
        let topic = format!("{number}");
        core.publish(now(), &Publish::new(&topic, "m").retain(true)).unwrap();
    }
    let mut clients = Vec::new();
    for number in b'0'..b'0' + 40 {
        let id = core.open(now(), Peer::default()).unwrap();
        let mut connect = CONNECT.to_vec();
        connect[14] = number;
        core.handle_input(now(), id, &connect);
        core.handle_input(now(), id, b"\x82\x06\0\x01\0\x01#\0");
        clients.push(id);
    }
    let mut total = 0;
    while core.statistics(now()).retained_unsent > 0 {
        let before = core.statistics(now()).publish_sent;
        core.handle_timeout(now());
        let step = core.statistics(now()).publish_sent - before;
        assert!(step <= 4_096 && step > 0, "{step} in one round");
        total += step;
    }
    assert_eq!(total, 40 * 2_000);
    drop(clients);
}

#[test]
fn one_subscribe_makes_no_more_subscriptions_than_it_may() {
    let (mut core, id) = connected();
    let mut body = vec![0, 1];
    for number in 0..50_000_u16 {
        let [high, low] = number.to_be_bytes();
        let name = [b'a' + (high >> 4), b'a' + (high & 15), b'a' + (low >> 4), b'a' + (low & 15)];
        body.extend([0, 4]);
        body.extend(name);
        body.push(0);
    }
    let mut packet = vec![0x82];
    let mut rest = body.len();
    while rest > 127 {
        packet.push((rest % 128) as u8 | 0x80);
        rest /= 128;
    }
    packet.push(rest as u8);
    packet.extend(body);
    assert_eq!(core.handle_input(now(), id, &packet), packet.len());
    let statistics = core.statistics(now());
    assert_eq!((statistics.subscriptions, statistics.drops.subscriptions), (1_000, 49_000));
    let mut out = OutBuffer::new();
    assert!(core.poll_transmit(id, &mut out));
    let answer = out.to_vec();
    assert_eq!(answer.iter().filter(|byte| **byte == 0x80).count(), 49_000);
}

#[test]
fn bytes_count_until_they_are_written() {
    let (mut core, id) = connected();
    core.handle_input(now(), id, b"\x82\x06\0\x01\0\x01t\0");
    core.handle_timeout(now());
    while core.poll_transmit(id, &mut OutBuffer::new()) {}
    assert_eq!(queued(&core), 0);
    core.publish(now(), &Publish::new("t", vec![0; 1_000_000])).unwrap();
    let waiting = queued(&core);
    assert!(waiting > 1_000_000);
    let mut out = OutBuffer::new();
    assert!(core.poll_transmit(id, &mut out));
    assert_eq!(queued(&core), waiting);
    core.unwritten(id, 400_000);
    assert_eq!(queued(&core), 400_000);
    out.clear(0);
    assert!(!core.poll_transmit(id, &mut out));
    assert_eq!(queued(&core), 0);
    core.publish(now(), &Publish::new("t", "m")).unwrap();
    core.poll_transmit(id, &mut out);
    core.handle_closed(now(), id);
    assert_eq!(queued(&core), 0);
}
