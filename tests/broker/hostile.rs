//! Clients that mean harm, or are broken: the broker stays up, stays within its bounds, and serves
//! the others.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use mqttlink::broker::{Broker, BrokerLimits, Overflow};
use mqttlink::proto::ServerConfig;
use mqttlink::{Client, Publish, QoS, Subscribe};

const PATIENCE: Duration = Duration::from_secs(60);

/// CONNECT of MQTT 3.1.1 with the client identifier `h`, and SUBSCRIBE to `t` at QoS 0.
const CONNECT: &[u8] = b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01h";
const SUBSCRIBE: &[u8] = b"\x82\x06\0\x01\0\x01t\0";

fn broker(change: impl FnOnce(&mut BrokerLimits, &mut ServerConfig)) -> (Broker, u16) {
    let (mut limits, mut protocol) = (BrokerLimits::default(), ServerConfig::default());
    change(&mut limits, &mut protocol);
    let builder = Broker::builder().listen("127.0.0.1:0").limits(limits).protocol(protocol);
    let broker = builder.start().unwrap();
    let port = broker.address().unwrap().port();
    (broker, port)
}

fn raw(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The broker serves an honest client.
fn it_still_serves(port: u16) {
    let (client, _) = Client::builder_for("127.0.0.1", port).connect().unwrap();
    let _ = client.subscribe(Subscribe::new("honest", QoS::AtLeastOnce)).unwrap();
    client.publish(Publish::new("honest", "m").qos(QoS::AtLeastOnce)).unwrap().wait().unwrap();
    client.recv_timeout(PATIENCE).unwrap();
}

/// The broker closes the connection; whatever it says before is thrown away.
fn is_closed(stream: &mut TcpStream) {
    let mut buffer = vec![0; 65_536];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn connections_that_say_nothing_are_closed_in_time() {
    let (broker, port) = broker(|_, protocol| protocol.connect_timeout = Duration::from_secs(3));
    let mut streams: Vec<TcpStream> = (0..200).map(|_| raw(port)).collect();
    for (index, stream) in streams.iter_mut().enumerate() {
        // Some begin, and never go on.
        stream.write_all(&CONNECT[..index % CONNECT.len()]).unwrap();
    }
    it_still_serves(port);
    streams.iter_mut().for_each(is_closed);
    broker
        .wait_until(PATIENCE, |core| core.statistics(Default::default()).connections == 0)
        .unwrap();
}

#[test]
fn a_reader_that_does_not_read_loses_messages_and_memory_stays_bounded() {
    for (overflow, qos) in [
        (Overflow::DropNewest, 0),
        (Overflow::DropNewest, 1),
        (Overflow::DropOldest, 1),
        (Overflow::Disconnect, 1),
    ] {
        let (broker, port) = broker(|limits, _| {
            limits.queued_bytes_per_client = 1_000_000;
            limits.queued_bytes = 3_000_000;
            limits.overflow = overflow;
        });
        let mut slow = raw(port);
        slow.write_all(CONNECT).unwrap();
        let mut subscribe = SUBSCRIBE.to_vec();
        subscribe[7] = qos;
        slow.write_all(&subscribe).unwrap();
        slow.read_exact(&mut [0; 9]).unwrap();
        let payload = vec![0; 100_000];
        let message = Publish::new("t", &payload).qos(QoS::AtLeastOnce);
        for _ in 0..300 {
            broker.publish(&message).unwrap();
            let statistics = broker.statistics().unwrap();
            assert!(statistics.queued_bytes <= 3_000_000, "{statistics:?}");
        }
        let drops = broker.statistics().unwrap().drops;
        assert!(drops.queue_full > 0 || overflow == Overflow::Disconnect, "{overflow:?} {drops:?}");
        let connected = broker.statistics().unwrap().clients_connected;
        assert_eq!(connected, usize::from(overflow != Overflow::Disconnect), "{overflow:?}");
        it_still_serves(port);
    }
}

#[test]
fn a_flood_of_subscriptions_ends_at_the_limit() {
    let (broker, port) = broker(|limits, _| limits.subscriptions_per_client = 100);
    let mut client = raw(port);
    client.write_all(CONNECT).unwrap();
    for number in 0..2_000_u16 {
        let [high, low] = number.to_be_bytes();
        client.write_all(&[0x82, 8, 0, 1, 0, 3, high, b'/', low % 0x30 + 1, 0]).unwrap_or(());
    }
    it_still_serves(port);
    assert!(broker.statistics().unwrap().subscriptions <= 101);
}

#[test]
fn a_topic_with_ten_thousand_levels_grows_no_tree() {
    let (broker, port) = broker(|_, _| {});
    let (client, _) = Client::builder_for("127.0.0.1", port).connect().unwrap();
    let deep = "a/".repeat(10_000);
    let answer = client.subscribe(Subscribe::new(deep.clone(), QoS::AtMostOnce)).unwrap();
    assert!(format!("{answer:?}").contains("TopicFilterInvalid"), "{answer:?}");
    let retained = Publish::new(&deep, "m").retain(true).qos(QoS::AtLeastOnce);
    assert!(client.publish(retained).unwrap().wait().is_err());
    assert_eq!(broker.statistics().unwrap().retained_messages, 0);
}

#[test]
fn a_flood_of_user_properties_is_one_packet_like_others() {
    let (broker, port) = broker(|_, protocol| protocol.maximum_packet_size = 100_000);
    let (client, _) = Client::builder_for("127.0.0.1", port).connect().unwrap();
    let all = broker.subscribe("#").unwrap();
    let mut message = Publish::new("t", "m").qos(QoS::AtLeastOnce);
    for _ in 0..9_000 {
        message = message.user_property("k", "v");
    }
    client.publish(message).unwrap().wait().unwrap();
    let got = all.recv(PATIENCE).unwrap();
    assert_eq!(got.properties().user_properties().count(), 9_000);
    // A CONNECT full of them, above the limit, is refused by its header alone.
    let mut stream = raw(port);
    stream.write_all(&[0x10, 0xff, 0xff, 0xff, 0x7f]).unwrap();
    is_closed(&mut stream);
    it_still_serves(port);
}

#[test]
fn garbage_is_answered_with_the_end() {
    let (broker, port) = broker(|_, _| {});
    let mut seed = 1_u64;
    for round in 0..300 {
        let mut stream = raw(port);
        if round % 2 == 0 {
            stream.write_all(CONNECT).unwrap();
        }
        let bytes: Vec<u8> = (0..200)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 56) as u8
            })
            .collect();
        // The broker may have closed it already.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        is_closed(&mut stream);
    }
    it_still_serves(port);
    broker
        .wait_until(PATIENCE, |core| core.statistics(Default::default()).connections == 0)
        .unwrap();
}

#[test]
fn a_large_packet_in_small_pieces_arrives() {
    let (broker, port) = broker(|_, _| {});
    let all = broker.subscribe("#").unwrap();
    let mut stream = raw(port);
    stream.set_nodelay(true).unwrap();
    stream.write_all(CONNECT).unwrap();
    let payload = vec![7; 1_500_000];
    let mut packet = vec![0x30];
    let mut rest = payload.len() + 3;
    while rest > 127 {
        packet.push((rest % 128) as u8 | 0x80);
        rest /= 128;
    }
    packet.extend([rest as u8, 0, 1, b't']);
    packet.extend(&payload);
    for chunk in packet.chunks(10_007) {
        stream.write_all(chunk).unwrap();
    }
    assert_eq!(all.recv(PATIENCE).unwrap().payload(), payload);
}

#[test]
fn who_asks_and_never_reads_is_not_heard_any_more() {
    let (broker, port) = broker(|_, _| {});
    let mut client = raw(port);
    client.write_all(CONNECT).unwrap();
    client.read_exact(&mut [0; 4]).unwrap();
    client.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let pings = [0xc0, 0].repeat(32_768);
    let mut sent = 0;
    // What the system's own buffers hold is in doubt, but not that they end.
    while sent < 100_000_000 {
        match client.write(&pings[sent % 2..]) {
            Ok(count) => sent += count,
            Err(_) => break,
        }
    }
    assert!(sent < 100_000_000, "everything was taken");
    it_still_serves(port);
    // It is heard again when it reads.
    let mut answers = vec![0; sent / 2 * 2];
    client.read_exact(&mut answers).unwrap();
    assert_eq!(broker.statistics().unwrap().clients_connected, 1);
}

#[test]
fn deliveries_and_the_beginning_of_a_packet_do_not_keep_a_silent_client() {
    let (broker, port) = broker(|_, _| {});
    let mut client = raw(port);
    client.write_all(b"\x10\x0d\0\x04MQTT\x04\x02\0\x01\0\x01h").unwrap();
    client.write_all(SUBSCRIBE).unwrap();
    client.write_all(&[0x30, 0x80, 0x89, 0x60]).unwrap();
    client.write_all(&[0; 500_000]).unwrap();
    client.read_exact(&mut [0; 9]).unwrap();
    let reader = std::thread::spawn(move || is_closed(&mut client));
    // Keep alive has one second.
    let gone = (0..600).any(|_| {
        broker.publish(&Publish::new("t", "m")).unwrap();
        let limit = Duration::from_millis(100);
        let nobody = |core: &mqttlink::broker::Core| core.clients().count() == 0;
        broker.wait_until(limit, nobody).is_ok()
    });
    assert!(gone, "a minute is more than a second");
    reader.join().unwrap();
}

#[test]
fn a_subscription_to_a_hundred_thousand_retained_messages_loses_none_and_delays_nobody() {
    const COUNT: usize = 100_000;
    let (broker, port) = broker(|_, _| {});
    for number in 0..COUNT {
        let (topic, payload) = (format!("r/{}/{number}", number % 7), number.to_string());
        let message = Publish::new(&topic, payload).retain(true).qos(QoS::AtLeastOnce);
        broker.publish(&message).unwrap();
    }
    let (greedy, _) = Client::builder_for("127.0.0.1", port).connect().unwrap();
    let _ = greedy.subscribe(Subscribe::new("r/#", QoS::AtLeastOnce)).unwrap();
    it_still_serves(port);
    assert!(broker.statistics().unwrap().retained_unsent == 1, "it is served meanwhile");
    let mut seen = vec![false; COUNT];
    for _ in 0..COUNT {
        let message = greedy.recv_timeout(PATIENCE).unwrap();
        let number: usize = String::from_utf8_lossy(message.payload()).parse().unwrap();
        assert!(message.retain() && !std::mem::replace(&mut seen[number], true), "{number}");
    }
    let statistics = broker.statistics().unwrap();
    assert_eq!((statistics.retained_unsent, statistics.drops.messages()), (0, 0));
}
