//! Peers that fall silent, and peers that are only slow.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use mqttlink::{Client, ErrorCode, Publish, QoS};

use crate::server::{Link, Server, WATCHDOG};

const KEEP_ALIVE: Duration = Duration::from_secs(1);
const PING_TIMEOUT: Duration = Duration::from_millis(500);

fn connect(server: &Server) -> Client {
    let builder = server.builder().keep_alive(KEEP_ALIVE).ping_timeout(PING_TIMEOUT);
    let client = builder.build().unwrap();
    client.connect().unwrap();
    client
}

/// Waits until the client has noticed that the server is dead, and checks that it did so in time.
fn notices(client: &Client, since: Instant) {
    let error = loop {
        match client.recv_timeout(WATCHDOG) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    let took = since.elapsed();
    assert_eq!(error.code(), ErrorCode::KeepAliveTimeout, "{error}");
    let limit = KEEP_ALIVE + PING_TIMEOUT + Duration::from_millis(800);
    assert!(took < limit, "noticed after {took:?}");
}

#[test]
fn a_dead_peer_is_noticed_while_idle() {
    let (close, closed) = mpsc::channel::<()>();
    let server = Server::once(move |link| {
        link.accept();
        let _ = closed.recv_timeout(WATCHDOG);
    });
    let start = Instant::now();
    let client = connect(&server);
    notices(&client, start);
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
    let start = Instant::now();
    let client = connect(&server);
    let publisher = client.clone();
    let worker = std::thread::spawn(move || {
        let (_never, timer) = mpsc::channel::<()>();
        while publisher.publish(Publish::new("a", "x")).is_ok() {
            let _ = timer.recv_timeout(Duration::from_millis(20));
        }
    });
    notices(&client, start);
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
    notices(&client, Instant::now());
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
    let start = Instant::now();
    let client = connect(&server);
    notices(&client, start);
    close.send(()).unwrap();
    server.join();
}

#[test]
fn any_byte_counts_as_life_also_half_a_packet() {
    let server = Server::once(|link| {
        link.accept();
        // A message that takes three times as long as a dead peer would be given.
        let payload = [0; 30];
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
    let client = connect(&server);
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
    // About five seconds for one message, with a second of keep alive and half of patience.
    const SIZE: usize = 300_000;
    let server = Server::once(|link| {
        link.accept();
        read_slowly(link, SIZE, 8 * 1024, Duration::from_millis(40));
        link.drain();
    });
    let mut socket = mqttlink::SocketOptions::default();
    socket.send_buffer = Some(4096);
    let builder = server.builder().keep_alive(KEEP_ALIVE).ping_timeout(PING_TIMEOUT);
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
        assert_eq!(link.expect(), "PINGREQ");
        link.send(&[0xd0, 0]);
        tell.send(()).unwrap();
        assert_eq!(link.expect(), "PINGREQ");
        link.send(&[0xd0, 0]);
        link.drain();
    });
    let client = connect(&server);
    told.recv_timeout(WATCHDOG).unwrap();
    client.recv_timeout(Duration::from_millis(1500)).unwrap_err();
    assert!(client.is_connected());
    assert_eq!(client.statistics().wire.packets_received, 3, "CONNACK and two PINGRESP");
    client.disconnect().unwrap();
    server.join();
}
