//! Ending a connection: in time in every state, with nothing left behind.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mqttlink::codec::AckKind;
use mqttlink::{Client, DisconnectOptions, ErrorCode, Publish, QoS, Status, Version};
use socket2::{Domain, Socket, Type};

use crate::pace::{Pace, pace};
use crate::server::{Server, WATCHDOG, within};

const SECOND: Duration = Duration::from_secs(1);

/// Ends the connection from here with a deadline of one second, and checks that it is kept.
fn close_in_time(client: &Client) {
    close_within_a_second(client);
    assert_eq!(client.status(), Status::Disconnected);
}

fn close_within_a_second(client: &Client) -> Pace {
    let closing = client.clone();
    let ((), pace) = within(WATCHDOG, move || {
        let options = DisconnectOptions::new().drain(SECOND);
        pace(|| drop(closing.disconnect_with(&options).expect("there is something to end")))
    });
    assert!(pace.is_within(SECOND), "{pace:?}");
    pace
}

/// Connects on a thread of its own, waits for `reached`, and closes.
fn close_while_connecting(client: &Client, reached: impl FnOnce()) {
    let connecting = client.clone();
    let worker = thread::spawn(move || connecting.connect());
    reached();
    let pace = close_within_a_second(client);
    // Beyond its deadline it does not wait for a thread that connects and is not let run.
    assert!(client.status() == Status::Disconnected || pace.took >= SECOND, "{pace:?}");
    let error = within(WATCHDOG, move || worker.join().unwrap()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Closed, "{error}");
    assert_eq!(client.status(), Status::Disconnected);
}

/// An address where a connection is neither accepted nor refused, as long as the rest lives: the
/// queue of the listener is full.
fn black_hole() -> (SocketAddr, Socket, Vec<TcpStream>) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let short = Duration::from_millis(50);
    let fill = std::iter::from_fn(|| TcpStream::connect_timeout(&address, short).ok());
    let queue = fill.take(16).collect();
    (address, socket, queue)
}

/// A listener that accepts and says nothing, and what tells that it has accepted.
fn silent() -> (SocketAddr, mpsc::Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (accepted, stream) = mpsc::channel();
    thread::spawn(move || accepted.send(listener.accept().unwrap().0));
    (address, stream)
}

#[test]
fn a_hanging_lookup_does_not_hold_up_the_close() {
    let (asked, was_asked) = mpsc::channel();
    let (hold, hang) = crossbeam_channel::bounded::<()>(0);
    let client = Client::builder("mqtt://nowhere.invalid")
        .resolver(move |_, _| {
            let _ = asked.send(());
            let _ = hang.recv_timeout(WATCHDOG);
            Ok(Vec::new())
        })
        .build()
        .unwrap();
    close_while_connecting(&client, || was_asked.recv_timeout(WATCHDOG).unwrap());
    drop(hold);
}

#[test]
fn an_address_that_does_not_answer_does_not_hold_up_the_close() {
    let (address, _listener, _queue) = black_hole();
    let (asked, was_asked) = mpsc::channel();
    let client = Client::builder("mqtt://blackhole.invalid")
        .resolver(move |_, _| {
            let _ = asked.send(());
            Ok(vec![address])
        })
        .build()
        .unwrap();
    close_while_connecting(&client, || was_asked.recv_timeout(WATCHDOG).unwrap());
}

#[cfg(feature = "tls")]
#[test]
fn a_stalled_tls_handshake_does_not_hold_up_the_close() {
    let (address, accepted) = silent();
    let client = Client::builder_for("127.0.0.1", address.port())
        .tls(mqttlink::TlsOptions::new())
        .build()
        .unwrap();
    let mut stream = None;
    close_while_connecting(&client, || {
        stream = Some(accepted.recv_timeout(WATCHDOG).unwrap());
    });
}

#[test]
fn a_missing_connack_does_not_hold_up_the_close() {
    let (address, accepted) = silent();
    let client = Client::builder_for("127.0.0.1", address.port()).build().unwrap();
    let mut stream = None;
    close_while_connecting(&client, || {
        stream = Some(accepted.recv_timeout(WATCHDOG).unwrap());
    });
}

#[test]
fn the_deadline_of_connect_covers_every_phase() {
    let limit = SECOND;
    let check = |client: Client, code| {
        let (error, pace) = within(WATCHDOG, move || {
            let (result, pace) = pace(|| client.connect());
            // Looking at the state does not wait for anything.
            assert!(!client.is_connected());
            (result.unwrap_err(), pace)
        });
        assert_eq!(error.code(), code, "{error}");
        assert!(error.is_timeout() && error.is_retryable());
        assert!(pace.took >= limit && pace.is_within(limit), "{pace:?}");
    };

    let (hold, hang) = crossbeam_channel::bounded::<()>(0);
    let builder = Client::builder("mqtt://nowhere.invalid").connect_timeout(limit);
    let lookup = move |_: &str, _| {
        let _ = hang.recv_timeout(WATCHDOG);
        Ok(Vec::new())
    };
    check(builder.resolver(lookup).build().unwrap(), ErrorCode::TimeoutDns);
    drop(hold);

    let (address, _listener, _queue) = black_hole();
    let builder = Client::builder_for("127.0.0.1", address.port()).connect_timeout(limit);
    check(builder.build().unwrap(), ErrorCode::TimeoutTcp);

    #[cfg(feature = "tls")]
    {
        let (address, _accepted) = silent();
        let builder = Client::builder_for("127.0.0.1", address.port()).connect_timeout(limit);
        check(builder.tls(mqttlink::TlsOptions::new()).build().unwrap(), ErrorCode::TimeoutTls);
    }

    let (address, _accepted) = silent();
    let builder = Client::builder_for("127.0.0.1", address.port()).connect_timeout(limit);
    check(builder.build().unwrap(), ErrorCode::TimeoutConnAck);
}

#[test]
fn a_full_send_buffer_does_not_hold_up_the_close() {
    let (close, closed) = mpsc::channel::<()>();
    let server = Server::once(move |link| {
        link.accept();
        // Nothing is read any more.
        let _ = closed.recv_timeout(WATCHDOG);
    });
    let client = server.client();
    let publisher = client.clone();
    let (full, was_full) = mpsc::channel();
    let worker = thread::spawn(move || {
        let payload = vec![0; 256 * 1024];
        loop {
            match publisher.try_publish(Publish::new("a", &payload)) {
                Ok(_) => {}
                Err(error) if error.is_full() => break,
                Err(error) => panic!("{error}"),
            }
        }
        full.send(()).unwrap();
        // The system may make its buffers larger for a while.
        let publish = || publisher.publish_timeout(Publish::new("a", &payload), WATCHDOG).err();
        std::iter::repeat_with(publish).find_map(|error| error).unwrap()
    });
    was_full.recv_timeout(WATCHDOG).unwrap();
    close_in_time(&client);
    let error = within(WATCHDOG, move || worker.join().unwrap());
    assert!(error.is_disconnected(), "{error}");
    close.send(()).unwrap();
    server.join();
}

#[test]
fn a_missing_acknowledgement_does_not_hold_up_the_close() {
    let server = Server::once(|link| {
        link.accept();
        link.expect_start("PUBLISH");
        link.drain();
    });
    let client = server.client();
    let delivery = client.publish(Publish::new("a", "1").qos(QoS::AtLeastOnce)).unwrap();
    let waiting = thread::spawn(move || delivery.wait_timeout(WATCHDOG).unwrap_err());
    let options = DisconnectOptions::new().drain(SECOND);
    let closing = client.clone();
    let (left, pace) =
        within(WATCHDOG, move || pace(|| closing.disconnect_with(&options).unwrap()));
    assert!(pace.took >= SECOND && pace.is_within(SECOND), "it waited for the drain: {pace:?}");
    assert_eq!(left.unacknowledged.len(), 1);
    let error = within(WATCHDOG, move || waiting.join().unwrap());
    assert!(error.is_disconnected(), "{error}");
    server.join();
}

#[test]
fn messages_that_nobody_takes_do_not_hold_up_the_close() {
    let server = Server::once(|link| {
        link.accept();
        // Until the client stops reading, and then until it closes.
        let payload = [0; 1000];
        for _ in 0..20_000 {
            link.publish("a", &payload, QoS::AtMostOnce, 0);
        }
        link.drain();
    });
    let client = server.builder().queue_max(100, 100_000).build().unwrap();
    client.connect().unwrap();
    let waiter = client.clone();
    let message = within(WATCHDOG, move || waiter.recv().unwrap());
    assert_eq!(message.topic(), "a");
    close_in_time(&client);
    server.join();
}

#[test]
fn a_waiting_receiver_is_woken_by_the_end() {
    let server = Server::once(|link| {
        link.accept();
        link.drain();
    });
    let client = server.client();
    let waiter = client.clone();
    let worker = thread::spawn(move || waiter.recv().unwrap_err());
    close_in_time(&client);
    let error = within(WATCHDOG, move || worker.join().unwrap());
    assert_eq!(error.code(), ErrorCode::NotConnected);
    server.join();
}

#[test]
fn everything_published_before_the_disconnect_arrives() {
    let (tell, told) = mpsc::channel();
    let server = Server::once(move |link| {
        link.accept();
        let mut seen = 0;
        while let Some(bytes) = link.next() {
            if bytes[0] >> 4 == 14 {
                break;
            }
            seen += 1;
            link.answer(&bytes);
        }
        tell.send(seen).unwrap();
        link.expect_end();
    });
    let client = server.builder().drain_timeout(WATCHDOG).build().unwrap();
    client.connect().unwrap();
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        for _ in 0..1000 {
            client.publish(Publish::new("a", "x").qos(qos)).unwrap();
        }
    }
    let left = client.disconnect().unwrap();
    assert!(left.is_complete(), "{left:?}");
    assert_eq!(told.recv_timeout(WATCHDOG).unwrap(), 2000);
    server.join();
}

#[test]
fn what_could_not_be_sent_is_handed_back_exactly() {
    let (close, closed) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let server = Server::once(move |link| {
        link.accept();
        let _ = closed.recv_timeout(WATCHDOG);
        let mut whole = Vec::new();
        while let Some(bytes) = link.next() {
            whole.push(bytes);
        }
        tell.send(whole).unwrap();
    });
    let builder = server.builder().topic_aliases(0).out_buffer_max(8 * 1024 * 1024);
    let client = builder.build().unwrap();
    client.connect().unwrap();
    let mut accepted = 0_u32;
    let mut payload = vec![0; 50_000];
    loop {
        payload[..4].copy_from_slice(&accepted.to_be_bytes());
        match client.try_publish(Publish::new("a/b", &payload)) {
            Ok(_) => accepted += 1,
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::BufferFull);
                break;
            }
        }
    }
    let options = DisconnectOptions::new().drain(Duration::ZERO);
    let left = client.disconnect_with(&options).unwrap();
    close.send(()).unwrap();
    let arrived = told.recv_timeout(WATCHDOG).unwrap();
    assert!(left.unacknowledged.is_empty() && !left.unsent.is_empty());
    let numbers = left.unsent.iter().map(|message| {
        assert_eq!((message.topic.as_str(), message.qos), ("a/b", QoS::AtMostOnce));
        u32::from_be_bytes(message.payload[..4].try_into().unwrap())
    });
    let first = arrived.len() as u32;
    // One message can have been cut in the middle: it counts as not sent.
    let expected: Vec<u32> = (accepted - left.unsent.len() as u32..accepted).collect();
    assert_eq!(numbers.collect::<Vec<_>>(), expected);
    assert_eq!(first + left.unsent.len() as u32, accepted, "nothing is lost, nothing twice");
    server.join();
}

#[test]
fn the_will_fires_exactly_when_no_goodbye_was_said() {
    // What the server sees decides about the will: DISCONNECT 0x00, another reason, or nothing.
    type End = fn(Client);
    let cases: [(Version, End, Option<&str>); 6] = [
        (
            Version::V5,
            |c| drop(c.disconnect()),
            Some("DISCONNECT reason=normal disconnection (0x00)"),
        ),
        (
            Version::V5,
            |c| drop(c.disconnect_with(&DisconnectOptions::new().with_will())),
            Some("DISCONNECT reason=disconnect with will message (0x04)"),
        ),
        (Version::V5, |c| c.abort(), None),
        (Version::V5, drop, None),
        (
            Version::V3_1_1,
            |c| drop(c.disconnect()),
            Some("DISCONNECT reason=normal disconnection (0x00)"),
        ),
        (Version::V3_1_1, |c| drop(c.disconnect_with(&DisconnectOptions::new().with_will())), None),
    ];
    for (version, end, expected) in cases {
        let server = Server::once(move |link| {
            link.accept();
            link.expect_start("PUBLISH");
            if let Some(line) = expected {
                assert_eq!(link.expect(), line);
            }
            link.expect_end();
        });
        let client = server.builder().version(version).build().unwrap();
        client.connect().unwrap();
        client.publish(Publish::new("last", "words")).unwrap().wait().unwrap();
        end(client);
        server.join();
    }
}

#[test]
fn a_client_can_connect_again_after_every_kind_of_end() {
    let server = Server::many(|links| {
        for round in 0..4 {
            let mut link = links.accept();
            link.accept();
            // The client has come back from `connect` when it publishes.
            link.expect_start("PUBLISH");
            match round {
                1 => link.close(),
                2 => link.send(&[0xe0, 2, 0x8b, 0]),
                _ => {}
            }
            link.drain();
        }
    });
    let client = server.client();
    let publish = || client.publish(Publish::new("a", "")).unwrap().wait();
    publish().unwrap();
    client.disconnect().unwrap();
    for code in [Some(ErrorCode::ConnectionClosed), Some(ErrorCode::ServerDisconnected), None] {
        client.reconnect().unwrap();
        publish().unwrap();
        match code {
            Some(code) => assert_eq!(client.recv().unwrap_err().code(), code),
            None => client.abort(),
        }
    }
    server.join();
}

#[test]
fn a_message_is_acknowledged_while_the_connection_drains() {
    let server = Server::once(|link| {
        link.accept();
        let bytes = link.next().unwrap();
        link.ack(AckKind::PubRec, u16::from_be_bytes([bytes[5], bytes[6]]));
        link.expect_start("PUBREL");
        link.ack(AckKind::PubComp, u16::from_be_bytes([bytes[5], bytes[6]]));
        link.expect_start("DISCONNECT");
        link.expect_end();
    });
    let client = server.builder().drain_timeout(WATCHDOG).build().unwrap();
    client.connect().unwrap();
    let delivery = client.publish(Publish::new("a", "1").qos(QoS::ExactlyOnce)).unwrap();
    assert!(client.disconnect().unwrap().is_complete());
    delivery.outcome().expect("an outcome").expect("an acknowledgement");
    server.join();
}
