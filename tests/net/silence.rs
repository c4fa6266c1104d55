//! Peers that fall silent, and peers that are only slow.

use std::sync::mpsc;
use std::time::Duration;

use mqttlink::{Client, ErrorCode, Publish, QoS};

use crate::pace::pace;
use crate::server::{Link, Server, WATCHDOG};

const KEEP_ALIVE: Duration = Duration::from_secs(1);
const PING_TIMEOUT: Duration = Duration::from_millis(500);

/// Where the server is alive: it may be kept from running for a while.
const PATIENT: Duration = Duration::from_secs(3);

fn connect_with(server: &Server, ping_timeout: Duration) -> Client {
    let builder = server.builder().keep_alive(KEEP_ALIVE).ping_timeout(ping_timeout);
    let client = builder.build().unwrap();
    client.connect().unwrap();
    client
}

fn connect(server: &Server) -> Client {
    connect_with(server, PING_TIMEOUT)
}

/// Waits until the client has noticed that the server is dead, and checks that it did so in time.
fn notices(client: &Client) {
    let (error, pace) = pace(|| {
        loop {
            if let Err(error) = client.recv_timeout(WATCHDOG) {
                return error;
            }
        }
    });
    assert_eq!(error.code(), ErrorCode::KeepAliveTimeout, "{error}");
    assert!(pace.is_within(KEEP_ALIVE + PING_TIMEOUT), "noticed after {pace:?}");
}

#[test]
fn a_dead_peer_is_noticed_while_idle() {
    let (close, closed) = mpsc::channel::<()>();
    let server = Server::once(move |link| {
        link.accept();
        let _ = closed.recv_timeout(WATCHDOG);
    });
    let client = connect(&server);
    notices(&client);
    close.send(()).unwrap();
    server.join();
}

#[test]
fn a_dead_peer_is_noticed_while_only_publishing() {
    let (close, closed) = mpsc::channel::<()>();
    let server = Server::once(move |link| {
        link.accept();
        let _ = closed.recv_timeout(WATCHDOG);
    });
    let client = connect(&server);
    let publisher = client.clone();
    let worker = std::thread::spawn(move || {
        let (_never, timer) = mpsc::channel::<()>();
        while publisher.publish(Publish::new("a", "x")).is_ok() {
            let _ = timer.recv_timeout(Duration::from_millis(20));
        }
    });
    notices(&client);
    worker.join().unwrap();
    close.send(()).unwrap();
    server.join();
}

#[test]
fn a_peer_that_stops_reading_is_noticed_while_the_buffers_are_full() {
    let (close, closed) = mpsc::channel::<()>();
    let server = Server::once(move |link| {
        link.accept();
        let _ = closed.recv_timeout(WATCHDOG);
    });
    let client = connect(&server);
    let payload = vec![0; 100_000];
    while client.try_publish(Publish::new("a", &payload)).is_ok() {}
    notices(&client);
    close.send(()).unwrap();
    server.join();
}

#[test]
fn a_dead_peer_is_noticed_after_it_only_sent() {
    let (close, closed) = mpsc::channel::<()>();
    let server = Server::once(move |link| {
        link.accept();
        link.publish("a", b"last words", QoS::AtMostOnce, 0);
        let _ = closed.recv_timeout(WATCHDOG);
    });
    let client = connect(&server);
    notices(&client);
    close.send(()).unwrap();
    server.join();
}

#[test]
fn any_byte_counts_as_life_also_half_a_packet() {
    let server = Server::once(|link| {
        link.accept();
        // A message that takes longer than a dead peer would be given.
        let payload = [0; 50];
        let mut bytes = Vec::new();
        let publish =
            mqttlink::codec::Publish { topic: "slow", payload: &payload, ..Default::default() };
        publish.encode(link.version, usize::MAX, &mut bytes).unwrap();
        let (_never, timer) = mpsc::channel::<()>();
        for byte in bytes {
            link.send(&[byte]);
            let _ = timer.recv_timeout(Duration::from_millis(120));
        }
        link.drain();
    });
    let client = connect_with(&server, PATIENT);
    let message = client.recv_timeout(WATCHDOG).unwrap();
    assert_eq!(message.topic(), "slow");
    client.disconnect().unwrap();
    server.join();
}

/// Reads at a fixed rate, as a slow link does, and answers nothing but pings.
fn read_slowly(link: &mut Link, total: usize, chunk: usize, pause: Duration) {
    use std::io::Read;
    socket2::SockRef::from(&link.stream).set_recv_buffer_size(4096).unwrap();
    let (_never, timer) = mpsc::channel::<()>();
    let mut buffer = vec![0; chunk];
    let mut read = 0;
    while read < total {
        match link.stream.read(&mut buffer) {
            Ok(0) | Err(_) => panic!("the client gave up after {read} bytes"),
            Ok(count) => read += count,
        }
        let _ = timer.recv_timeout(pause);
    }
}

#[test]
fn a_long_upload_over_a_slow_link_is_not_a_dead_peer() {
    // About seven seconds for one message, with a second of keep alive and three of patience.
    const SIZE: usize = 400_000;
    let server = Server::once(|link| {
        link.accept();
        read_slowly(link, SIZE, 8 * 1024, Duration::from_millis(40));
        link.drain();
    });
    let mut socket = mqttlink::SocketOptions::default();
    socket.send_buffer = Some(4096);
    let builder = server.builder().keep_alive(KEEP_ALIVE).ping_timeout(PATIENT);
    let client = builder.socket(socket).build().unwrap();
    client.connect().unwrap();
    let delivery = client.publish(Publish::new("a", vec![0; SIZE])).unwrap();
    delivery.wait_timeout(WATCHDOG).unwrap();
    assert!(client.is_connected());
    client.abort();
    server.join();
}

#[test]
fn an_idle_client_pings_and_does_nothing_else() {
    let (tell, told) = mpsc::channel();
    let server = Server::once(move |link| {
        link.accept();
        for _ in 0..3 {
            assert_eq!(link.expect(), "PINGREQ");
            link.send(&[0xd0, 0]);
            tell.send(()).unwrap();
        }
        link.drain();
    });
    let client = connect_with(&server, PATIENT);
    for _ in 0..3 {
        told.recv_timeout(WATCHDOG).unwrap();
    }
    // The third ping was sent when the second had been answered.
    let received = client.statistics().wire.packets_received;
    assert!((3..=4).contains(&received), "CONNACK and a PINGRESP for each ping: {received}");
    assert!(client.is_connected());
    client.disconnect().unwrap();
    server.join();
}
