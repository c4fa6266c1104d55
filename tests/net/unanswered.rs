//! Messages whose value is dropped without an acknowledgement.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mqttlink::{Acknowledge, Message, Publish};

use crate::server::{Server, WATCHDOG};

/// A server that sends a message of QoS 2 on each of two connections of a session, and goes on with
/// the second when the first one is done with.
fn repeats_exactly_once() -> Server {
    Server::many(|links| {
        for dup in [false, true] {
            let mut link = links.accept();
            link.accept_with(dup, &[]);
            let first = if dup { 0x3c } else { 0x34 };
            link.send(&[first, 7, 0, 1, b'a', 0, 9, 0, b'x']);
            if dup {
                assert_eq!(link.expect(), "PUBREC id=9");
            }
            link.expect_start("PUBLISH topic=\"end\"");
            link.close();
        }
    })
}

#[test]
fn what_is_dropped_without_an_answer_is_delivered_again_at_qos_2_too() {
    let ways: [(Acknowledge, fn(Message)); 3] = [
        (Acknowledge::Manually, drop),
        (Acknowledge::Manually, |message| drop(message.acknowledger().unwrap())),
        (Acknowledge::WhenHandled, |message| {
            let dropped_by_a_panic = thread::spawn(move || {
                let _message = message;
                panic!("user code");
            });
            assert!(dropped_by_a_panic.join().is_err());
        }),
    ];
    for (mode, drop_it) in ways {
        let server = repeats_exactly_once();
        let builder = server.builder().acknowledge(mode).clean_start(false);
        let client = builder.session_expiry(Duration::MAX).build().unwrap();
        client.connect().unwrap();
        drop_it(client.recv_timeout(WATCHDOG).unwrap());
        client.publish(Publish::new("end", "")).unwrap();
        assert!(client.recv_timeout(WATCHDOG).unwrap_err().is_disconnected());
        client.reconnect().unwrap();
        let again = client.recv_timeout(WATCHDOG).unwrap();
        assert!(again.dup());
        again.acknowledge();
        client.publish(Publish::new("end", "")).unwrap();
        server.join();
        client.abort();
    }
}

#[test]
fn what_a_handler_does_not_answer_by_hand_comes_to_it_again_at_qos_2_too() {
    let server = repeats_exactly_once();
    let (tell, told) = mpsc::channel();
    let builder = server.builder().acknowledge(Acknowledge::Manually).clean_start(false);
    let builder = builder.session_expiry(Duration::MAX).on_message(move |message| {
        if message.dup() {
            message.acknowledge();
        }
        tell.send(message.dup()).unwrap();
    });
    let client = builder.build().unwrap();
    client.connect().unwrap();
    assert!(!told.recv_timeout(WATCHDOG).unwrap());
    client.publish(Publish::new("end", "")).unwrap();
    assert!(client.recv_timeout(WATCHDOG).unwrap_err().is_disconnected());
    client.reconnect().unwrap();
    assert!(told.recv_timeout(WATCHDOG).unwrap());
    client.publish(Publish::new("end", "")).unwrap();
    server.join();
    client.abort();
}
