//! What became of each message: handles, callbacks, refusals, and the order on the wire.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use mqttlink::codec::{Ack, AckKind, Packet, PacketId, Properties, PropertyId};
use mqttlink::{Client, ErrorCode, Publish, QoS, ReasonCode};

use crate::server::{Server, WATCHDOG};

/// A server that keeps the payloads it gets, in order, and gives them back at the end.
fn collecting() -> (Server, mpsc::Receiver<Vec<Vec<u8>>>) {
    let (tell, told) = mpsc::channel();
    let server = Server::once(move |link| {
        link.accept();
        let mut seen = Vec::new();
        while let Some(bytes) = link.next() {
            if bytes[0] >> 4 == 3 {
                seen.push(bytes.clone());
            }
            link.answer(&bytes);
        }
        tell.send(seen).unwrap();
    });
    (server, told)
}

#[test]
fn each_of_eighty_thousand_handles_resolves_and_each_threads_order_is_kept() {
    const THREADS: u32 = 8;
    const EACH: u32 = 10_000;
    let (server, told) = collecting();
    let client = server.client();
    thread::scope(|scope| {
        for number in 0..THREADS {
            let client = client.clone();
            scope.spawn(move || publish_numbered(&client, number, EACH));
        }
    });
    client.disconnect().unwrap();
    let mut next: HashMap<u32, u32> = HashMap::new();
    let seen = told.recv_timeout(WATCHDOG).unwrap();
    assert_eq!(seen.len() as u32, THREADS * EACH);
    for bytes in seen {
        let payload = &bytes[bytes.len() - 8..];
        let thread = u32::from_be_bytes(payload[..4].try_into().unwrap());
        let index = u32::from_be_bytes(payload[4..].try_into().unwrap());
        let expected = next.entry(thread).or_default();
        assert_eq!(index, *expected, "thread {thread}");
        *expected += 1;
    }
    server.join();
}

fn publish_numbered(client: &Client, thread: u32, count: u32) {
    let qos = QoS::from_u8((thread % 3) as u8).unwrap();
    let deliveries: Vec<_> = (0..count)
        .map(|index| {
            let payload = [thread.to_be_bytes(), index.to_be_bytes()].concat();
            client.publish(Publish::new("n", &payload).qos(qos)).unwrap()
        })
        .collect();
    for delivery in deliveries {
        let first = delivery.wait_timeout(WATCHDOG).unwrap();
        assert_eq!(Ok(first), delivery.outcome().unwrap().map_err(|_| ()), "it stays the same");
    }
}

#[test]
fn every_completion_is_called_once_with_its_own_context_and_off_the_callers_thread() {
    const COUNT: usize = 20_000;
    let (server, _told) = collecting();
    let client = server.client();
    let caller = thread::current().id();
    let known: Arc<Mutex<HashMap<usize, u32>>> = Arc::default();
    let (done, finished) = mpsc::channel();
    for index in 0..COUNT {
        let (known, done) = (Arc::clone(&known), done.clone());
        let qos = QoS::from_u8((index % 3) as u8).unwrap();
        // The context exists before the message is queued: the callback may run before the call
        // returns.
        client
            .publish_then(Publish::new("a", "x").qos(qos), move |outcome| {
                outcome.unwrap();
                assert_ne!(thread::current().id(), caller);
                *known.lock().unwrap().entry(index).or_default() += 1;
                done.send(()).unwrap();
            })
            .unwrap();
    }
    for _ in 0..COUNT {
        finished.recv_timeout(WATCHDOG).unwrap();
    }
    let known = known.lock().unwrap();
    assert!(known.len() == COUNT && known.values().all(|times| *times == 1));
    client.disconnect().unwrap();
    drop(client);
    server.join();
}

#[test]
fn every_refusal_is_an_error_with_what_the_server_said() {
    let codes: Vec<ReasonCode> = [AckKind::PubAck, AckKind::PubRec]
        .iter()
        .flat_map(|kind| {
            ReasonCode::ALL.iter().filter(move |reason| {
                let packet = kind.packet_type();
                reason.is_error() && reason.is_allowed(packet, mqttlink::codec::Sender::Server)
            })
        })
        .copied()
        .collect();
    let half = codes.len() / 2;
    let script = codes.clone();
    let server = Server::once(move |link| {
        link.accept();
        for (index, reason) in script.into_iter().enumerate() {
            let bytes = link.next().unwrap();
            let packet_id = PacketId::new(u16::from_be_bytes([bytes[5], bytes[6]])).unwrap();
            let kind = if index < half { AckKind::PubAck } else { AckKind::PubRec };
            let mut properties = Properties::new();
            properties.set_text(PropertyId::ReasonString, "because").unwrap();
            properties.add_user_property("k", "v").unwrap();
            link.send_packet(&Packet::Ack(Ack { kind, packet_id, reason, properties }));
        }
        // A refused QoS 2 message is over: no PUBREL comes.
        link.expect_start("DISCONNECT");
    });
    let client = server.client();
    for (index, reason) in codes.into_iter().enumerate() {
        let qos = if index < half { QoS::AtLeastOnce } else { QoS::ExactlyOnce };
        let error = client.publish(Publish::new("a", "x").qos(qos)).unwrap().wait().unwrap_err();
        assert_eq!((error.code(), error.reason()), (ErrorCode::PublishRefused, Some(reason)));
        assert_eq!(error.reason_string(), Some("because"));
        assert_eq!(error.user_properties().collect::<Vec<_>>(), [("k", "v")]);
        assert!(error.to_string().contains("because"), "{error}");
    }
    client.disconnect().unwrap();
    server.join();
}

#[test]
fn a_long_link_is_filled_to_the_window() {
    // A client that waited for any acknowledgement sooner would wait here for ever.
    const WINDOW: u16 = 50;
    const COUNT: usize = 500;
    let server = Server::once(|link| {
        let [window_high, window_low] = WINDOW.to_be_bytes();
        link.accept_with(false, &[0x21, window_high, window_low]);
        let mut ids = std::collections::VecDeque::new();
        for _ in 0..COUNT {
            let bytes = link.next().unwrap();
            ids.push_back(u16::from_be_bytes([bytes[5], bytes[6]]));
            if ids.len() == usize::from(WINDOW) {
                link.ack(AckKind::PubAck, ids.pop_front().unwrap());
            }
        }
        for id in ids {
            link.ack(AckKind::PubAck, id);
        }
        link.drain();
    });
    let client = server.client();
    let mut last = None;
    for _ in 0..COUNT {
        last = Some(client.publish(Publish::new("a", "x").qos(QoS::AtLeastOnce)).unwrap());
    }
    last.unwrap().wait().unwrap();
    client.disconnect().unwrap();
    server.join();
}

#[test]
fn a_full_window_fails_fast_waits_in_time_and_never_stops_reading() {
    let (release, released) = mpsc::channel::<()>();
    let server = Server::once(move |link| {
        link.accept_with(false, &[0x21, 0, 1]);
        let bytes = link.next().unwrap();
        link.publish("still", b"here", QoS::AtMostOnce, 0);
        released.recv_timeout(WATCHDOG).unwrap();
        link.ack(AckKind::PubAck, u16::from_be_bytes([bytes[5], bytes[6]]));
        link.serve();
    });
    let client = server.client();
    let message = || Publish::new("a", "x").qos(QoS::AtLeastOnce);
    client.publish(message()).unwrap();
    assert_eq!(client.try_publish(message()).unwrap_err().code(), ErrorCode::WindowFull);
    let limit = Duration::from_millis(100);
    let start = Instant::now();
    let error = client.publish_timeout(message(), limit).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TimeoutRoom);
    assert!(start.elapsed() >= limit);
    assert_eq!(client.recv_timeout(WATCHDOG).unwrap().topic(), "still");
    // QoS 0 needs no window.
    client.publish(Publish::new("a", "x")).unwrap().wait().unwrap();
    release.send(()).unwrap();
    client.publish(message()).unwrap().wait().unwrap();
    client.disconnect().unwrap();
    server.join();
}
