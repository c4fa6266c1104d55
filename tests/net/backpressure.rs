//! What happens when messages are not taken.

use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use mqttlink::codec::AckKind;
use mqttlink::{Client, ErrorCode, Publish, QoS};

use crate::server::{Server, WATCHDOG};

#[test]
fn recv_ends_when_the_handlers_are_done_with_what_came_before_the_end() {
    let (go, wait) = mpsc::channel::<()>();
    let (inside, is_inside) = mpsc::channel();
    let server = Server::once(move |link| {
        link.accept();
        link.publish("a", b"1", QoS::AtMostOnce, 0);
        is_inside.recv_timeout(WATCHDOG).unwrap();
        // In another batch, behind the one whose handler is at work.
        link.publish("a", b"2", QoS::AtMostOnce, 0);
        link.close();
    });
    let (gone, is_gone) = mpsc::channel();
    let client = server
        .builder()
        .on_message(move |message| {
            if message.payload() == b"1" {
                inside.send(()).unwrap();
                wait.recv_timeout(WATCHDOG).unwrap();
            }
        })
        .build()
        .unwrap();
    client.connect().unwrap();
    let receiver = client.clone();
    thread::spawn(move || gone.send(receiver.recv().is_err()));
    while client.status() != mqttlink::Status::Disconnected {
        thread::yield_now();
    }
    assert!(is_gone.try_recv().is_err(), "a handler may still hand something on");
    go.send(()).unwrap();
    assert!(is_gone.recv_timeout(WATCHDOG).expect("recv hangs"));
    server.join();
}

/// A handler publishes and waits while `count` messages of 1 MB come before the acknowledgement.
fn flood(count: usize) -> Result<(), ErrorCode> {
    let server = Server::once(move |link| {
        link.accept();
        link.publish("a", b"go", QoS::AtMostOnce, 0);
        link.expect_start("PUBLISH");
        for _ in 0..count {
            link.publish("a", &vec![7; 1_000_000], QoS::AtMostOnce, 0);
        }
        link.ack(AckKind::PubAck, 1);
        link.drain();
    });
    let slot: Arc<OnceLock<Client>> = Arc::default();
    let inside = Arc::clone(&slot);
    let (done, is_done) = mpsc::channel();
    let builder = server.builder().response_timeout(WATCHDOG).on_message(move |message| {
        if message.text() == Some("go") {
            let client = inside.get().unwrap();
            let delivery = client.publish(Publish::new("r", "x").qos(QoS::AtLeastOnce)).unwrap();
            let first = delivery.wait().map(drop).map_err(|error| error.code());
            done.send((first, Some(delivery))).unwrap();
        }
    });
    let client = builder.build().unwrap();
    slot.set(client.clone()).unwrap();
    client.connect().unwrap();
    let (first, delivery) = is_done.recv_timeout(2 * WATCHDOG).unwrap();
    // Whatever the handler was told, the acknowledgement comes.
    delivery.unwrap().wait_timeout(WATCHDOG).unwrap();
    client.disconnect().unwrap();
    server.join();
    first
}

#[test]
fn a_handler_that_waits_behind_a_flood_gets_its_answer_or_is_told() {
    assert_eq!(flood(30), Ok(()));
    assert_eq!(flood(150), Err(ErrorCode::WouldDeadlock));
}

#[test]
fn a_lost_connection_is_noticed_while_nobody_takes_messages() {
    let server = Server::once(move |link| {
        link.accept();
        for _ in 0..20 {
            link.publish("a", b"1", QoS::AtMostOnce, 0);
        }
        link.expect_start("PUBLISH");
        link.close();
    });
    let builder = server.builder().queue_max(2, 1000).response_timeout(2 * WATCHDOG);
    let (client, _) = builder.connect().unwrap();
    let (message, limit) = (|| Publish::new("a", "b").qos(QoS::AtLeastOnce), Duration::ZERO);
    // Each write after the end tells more about it.
    let error = loop {
        match client.publish(message()).and_then(|delivery| delivery.wait_timeout(limit)) {
            Err(error) if !error.is_timeout() => break error,
            _ => thread::yield_now(),
        }
    };
    assert!(error.is_disconnected(), "{error}");
    server.join();
}
