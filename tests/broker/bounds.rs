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
    let mut core = Core::new(now(), CoreConfig::default());
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
fn subscriptions_wait_until_the_retained_messages_of_earlier_ones_are_written() {
    let (mut core, id) = connected();
    for number in 0..20_000 {
        let topic = format!("retained/{number}");
        core.publish(now(), &Publish::new(&topic, "m").retain(true)).unwrap();
    }
    let one = b"\x82\x06\0\x01\0\x01#\0";
    let mut input = one.repeat(10);
    let mut rounds = 0;
    while !input.is_empty() {
        let used = core.handle_input(now(), id, &input);
        assert_eq!(used, one.len(), "one of them is enough");
        assert!(!core.takes_input(id) && !core.take_resumed(id));
        input.drain(..used);
        assert_eq!(core.handle_input(now(), id, &input), 0);
        let mut out = OutBuffer::new();
        assert!(core.poll_transmit(id, &mut out));
        assert!(!core.takes_input(id), "it is not written yet");
        core.unwritten(id, 1_000);
        assert!(core.takes_input(id) && core.take_resumed(id));
        rounds += 1;
    }
    assert_eq!(rounds, 10);
}

#[test]
fn bytes_count_until_they_are_written() {
    let (mut core, id) = connected();
    core.handle_input(now(), id, b"\x82\x06\0\x01\0\x01t\0");
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
