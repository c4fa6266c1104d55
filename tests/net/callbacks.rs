//! Every call of the client, inside every callback, at every QoS, with blocking waits.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use mqttlink::{Client, ConnectionEvent, ErrorCode, Publish, QoS, Subscribe, Unsubscribe, Version};

use crate::server::{Server, WATCHDOG};

/// What a handler can do with the client it belongs to.
type Call = fn(&Client, QoS);

const CALLS: [(&str, Call); 11] = [
    ("publish and wait", |client, qos| {
        client.publish(Publish::new("x", "1").qos(qos)).unwrap().wait().unwrap();
    }),
    ("try_publish", |client, qos| {
        client.try_publish(Publish::new("x", "1").qos(qos)).unwrap().wait().unwrap();
    }),
    ("publish_then", |client, qos| {
        client.publish_then(Publish::new("x", "1").qos(qos), |_| {}).unwrap();
    }),
    ("publish_reader", |client, qos| {
        let source = std::io::repeat(7);
        client.publish_reader(Publish::new("x", "").qos(qos), 100_000, source).unwrap();
    }),
    ("subscribe", |client, qos| {
        client.subscribe(("y", qos)).unwrap().all().unwrap();
    }),
    ("subscribe with a handler, unsubscribe", |client, qos| {
        client.subscribe(Subscribe::new("z", qos).handler(|_| {})).unwrap().all().unwrap();
        client.unsubscribe(Unsubscribe::new("z")).unwrap().all().unwrap();
    }),
    ("look", |client, _| {
        assert!(client.is_connected() && client.granted().is_some());
        let _ = (client.statistics(), client.last_error(), format!("{client:?}"));
        let _ = client.try_recv();
        let _ = client.recv_timeout(Duration::from_millis(1));
    }),
    ("receive without a limit", |client, _| {
        // While a handler runs nobody hands messages on.
        let _ = client.messages().count();
        assert_eq!(client.recv().unwrap_err().code(), ErrorCode::WouldDeadlock);
    }),
    ("connect while connected", |client, _| {
        assert_eq!(client.connect().unwrap_err().code(), ErrorCode::AlreadyConnected);
    }),
    ("disconnect and reconnect", |client, _| {
        client.disconnect().unwrap();
        client.reconnect().unwrap();
    }),
    ("abort and connect", |client, _| {
        client.abort();
        client.connect().unwrap();
    }),
];

/// Accepts connections until told to stop; echoes messages on `echo` and answers everything else.
fn echo_server() -> Server {
    Server::many(|links| {
        loop {
            let mut link = links.accept();
            link.accept();
            while let Some(bytes) = link.next() {
                let line = crate::server::show(&bytes, link.version);
                link.answer(&bytes);
                if line.contains("topic=\"stop\"") {
                    return;
                }
                if line.contains("topic=\"echo\"") {
                    let qos = QoS::from_u8((bytes[0] >> 1) & 3).unwrap();
                    let id = if qos == QoS::AtMostOnce { 0 } else { 77 };
                    link.publish("echoed", b"1", qos, id);
                }
            }
        }
    })
}

/// Runs `call` inside one kind of callback and waits until it has come back.
fn run_inside(
    callback: &str,
    qos: QoS,
    version: Version,
    call: impl FnMut(&Client) + Send + 'static,
) {
    let server = echo_server();
    let (done, finished) = mpsc::channel();
    let slot: Arc<Mutex<Option<Client>>> = Arc::default();
    let call = Arc::new(Mutex::new(call));
    let once = {
        let slot = Arc::clone(&slot);
        let fired = std::sync::atomic::AtomicBool::new(false);
        move || {
            if !fired.swap(true, std::sync::atomic::Ordering::SeqCst) {
                let client = slot.lock().unwrap().clone().unwrap();
                (call.lock().unwrap())(&client);
                drop(client);
                done.send(()).unwrap();
            }
        }
    };
    let once = Arc::new(once);
    let mut builder = server.builder().version(version);
    let inside = Arc::clone(&once);
    builder = match callback {
        "message" => builder.on_message(move |_| inside()),
        "event" => builder.on_event(move |event| {
            if matches!(event, ConnectionEvent::Connected(_)) {
                inside();
            }
        }),
        "packet" => builder.on_packet(move |packet| {
            if packet.to_string().contains("topic=\"echo\"") {
                inside();
            }
        }),
        _ => builder,
    };
    let client = builder.build().unwrap();
    *slot.lock().unwrap() = Some(client.clone());
    client.connect().unwrap();
    let echo = Publish::new("echo", "1").qos(qos);
    match callback {
        "subscription" => {
            let inside = Arc::clone(&once);
            let subscribe = Subscribe::new("echoed", qos).handler(move |_| inside());
            client.subscribe(subscribe).unwrap().all().unwrap();
            client.publish(echo).unwrap();
        }
        "completion" => {
            let inside = Arc::clone(&once);
            client
                .publish_then(echo, move |outcome| {
                    outcome.unwrap();
                    inside();
                })
                .unwrap();
        }
        _ => drop(client.publish(echo)),
    }
    finished.recv_timeout(WATCHDOG).unwrap_or_else(|_| panic!("a call inside {callback} hangs"));
    slot.lock().unwrap().take();
    // A callback that has disconnected has reconnected too.
    let stopped = client.publish(Publish::new("stop", "")).and_then(|delivery| delivery.wait());
    stopped.unwrap_or_else(|error| panic!("{error}: {client:?} {:?}", client.last_error()));
    drop(client);
    server.join();
}

fn matrix(callback: &'static str) {
    for version in [Version::V5, Version::V3_1_1] {
        for qos in QoS::ALL {
            for (name, call) in CALLS {
                let started = std::time::Instant::now();
                run_inside(callback, qos, version, move |client| call(client, qos));
                let took = started.elapsed();
                assert!(took < WATCHDOG, "{name} inside {callback}: {took:?}");
            }
        }
    }
}

#[test]
fn every_call_works_inside_the_message_handler() {
    matrix("message");
}

#[test]
fn every_call_works_inside_a_subscription_handler() {
    matrix("subscription");
}

#[test]
fn every_call_works_inside_the_event_handler() {
    matrix("event");
}

#[test]
fn every_call_works_inside_the_packet_handler() {
    matrix("packet");
}

#[test]
fn every_call_works_inside_a_completion() {
    matrix("completion");
}

#[test]
fn the_last_handle_may_be_dropped_inside_a_handler() {
    let server = echo_server();
    let slot: Arc<Mutex<Option<Client>>> = Arc::default();
    let (done, finished) = mpsc::channel();
    let inside = Arc::clone(&slot);
    let builder = server.builder().on_message(move |message| {
        let last = inside.lock().unwrap().take();
        drop(last);
        assert!(message.client().is_none());
        done.send(()).unwrap();
    });
    let client = builder.build().unwrap();
    client.connect().unwrap();
    let mut last = slot.lock().unwrap();
    client.publish(Publish::new("echo", "1")).unwrap();
    *last = Some(client);
    drop(last);
    finished.recv_timeout(WATCHDOG).unwrap();
    let client = server.client();
    client.publish(Publish::new("stop", "")).unwrap();
    server.join();
}

#[test]
fn a_handler_that_reconnects_whenever_the_connection_is_lost_goes_on_for_a_hundred_times() {
    const ROUNDS: usize = 100;
    let server = Server::many(|links| {
        for _ in 0..ROUNDS {
            let mut link = links.accept();
            link.accept();
            link.close();
        }
        let mut link = links.accept();
        link.accept();
        link.publish("at last", b"", QoS::AtMostOnce, 0);
        link.drain();
    });
    let (done, finished) = mpsc::channel();
    let slot: Arc<Mutex<Option<Client>>> = Arc::default();
    let inside = Arc::clone(&slot);
    let builder = server.builder().on_message(move |_| done.send(()).unwrap());
    let builder = builder.on_event(move |event| {
        if matches!(event, ConnectionEvent::Disconnected(_)) {
            let client = inside.lock().unwrap().clone().unwrap();
            // The server closes as soon as it has accepted; connecting may come too late to see.
            while client.connect().is_err_and(|error| error.is_disconnected()) {}
        }
    });
    let client = builder.build().unwrap();
    *slot.lock().unwrap() = Some(client.clone());
    while client.connect().is_err_and(|error| error.is_disconnected()) {}
    finished.recv_timeout(WATCHDOG).unwrap();
    slot.lock().unwrap().take();
    drop(client);
    server.join();
}

#[test]
fn a_panic_in_a_handler_is_contained_and_the_message_refused() {
    let server = Server::once(|link| {
        link.accept();
        link.publish("a", b"bad", QoS::AtLeastOnce, 1);
        link.publish("a", b"good", QoS::AtLeastOnce, 2);
        assert_eq!(link.expect(), "PUBACK id=1 reason=implementation specific error (0x83)");
        assert_eq!(link.expect(), "PUBACK id=2");
    });
    let (seen, was_seen) = mpsc::channel();
    let builder = server.builder().on_message(move |message| {
        assert_eq!(message.payload(), b"good", "this panic is part of the test");
        seen.send(()).unwrap();
    });
    let client = builder.build().unwrap();
    client.connect().unwrap();
    was_seen.recv_timeout(WATCHDOG).unwrap();
    server.join();
}
