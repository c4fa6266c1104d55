//! Starting and stopping.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use mqttlink::broker::{Broker, BrokerLimits};
use mqttlink::{Client, Error, ErrorCode, Publish, QoS, ReasonCode, Subscribe, Version};

use crate::pace::pace;

const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(60);

fn started() -> (Broker, u16) {
    let broker = Broker::builder().listen("127.0.0.1:0").start().unwrap();
    let port = broker.address().unwrap().port();
    (broker, port)
}

/// The broker's own threads in this process.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("mqttlink-broker")).count()
}

#[test]
fn it_starts_and_stops_at_once_and_its_port_is_free_again() {
    let (broker, port) = started();
    let client = Client::builder_for("127.0.0.1", port).connect().unwrap().0;
    let ((), pace) = pace(|| broker.stop(PATIENCE));
    assert!(pace.is_within(Duration::ZERO), "{pace:?}");
    let again = Broker::builder().listen(("127.0.0.1", port)).start();
    assert_eq!(again.unwrap().address().unwrap().port(), port);
    assert_eq!(broker.statistics().unwrap_err().code(), ErrorCode::BrokerStopped);
    drop(client);
}

#[test]
fn a_broker_that_was_dropped_has_stopped() {
    let (broker, port) = started();
    let other = broker.clone();
    drop(broker);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok(), "one handle is left");
    drop(other);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn clients_are_told_that_it_stops() {
    let (broker, port) = started();
    let (client, _) = Client::builder_for("127.0.0.1", port).connect().unwrap();
    broker.stop(SECOND);
    let error = client.recv_timeout(PATIENCE).unwrap_err();
    assert_eq!(error.reason(), Some(ReasonCode::ServerShuttingDown), "{error}");
    let (broker, port) = started();
    let mut old = TcpStream::connect(("127.0.0.1", port)).unwrap();
    std::io::Write::write_all(&mut old, b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01a").unwrap();
    old.read_exact(&mut [0; 4]).unwrap();
    broker.stop(SECOND);
    assert_eq!(old.read(&mut [0; 8]).unwrap(), 0, "before MQTT 5.0 there is nothing to say");
}

#[test]
fn a_client_that_takes_nothing_delays_the_stop_only_so_far() {
    let (broker, port) = started();
    let mut stuck = TcpStream::connect(("127.0.0.1", port)).unwrap();
    std::io::Write::write_all(
        &mut stuck,
        b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01s\x82\x06\0\x01\0\x01t\0",
    )
    .unwrap();
    stuck.read_exact(&mut [0; 9]).unwrap();
    let payload = vec![0; 1_000_000];
    for _ in 0..12 {
        broker.publish(&mqttlink::Publish::new("t", &payload)).unwrap();
    }
    broker.statistics().unwrap();
    let limit = Duration::from_millis(200);
    let ((), pace) = pace(|| broker.stop(limit));
    assert!(pace.took >= limit * 3 / 4 && pace.is_within(2 * SECOND), "{pace:?}");
}

#[test]
fn many_brokers_share_nothing() {
    let brokers: Vec<_> = (0..20).map(|_| started()).collect();
    let clients: Vec<_> = brokers
        .iter()
        .map(|(_, port)| {
            Client::builder_for("127.0.0.1", *port).client_id("a").connect().unwrap().0
        })
        .collect();
    for client in &clients {
        let _ = client.subscribe(Subscribe::new("t", QoS::AtLeastOnce)).unwrap();
    }
    let message = mqttlink::Publish::new("t", "m").qos(QoS::AtLeastOnce);
    clients[7].publish(message).unwrap().wait().unwrap();
    assert_eq!(clients[7].recv_timeout(PATIENCE).unwrap().payload(), b"m");
    assert!(clients.iter().all(|client| client.try_recv().is_none()));
}

#[test]
#[cfg(target_os = "linux")]
fn one_broker_has_one_thread_however_many_clients() {
    let before = threads();
    let (broker, port) = started();
    let clients: Vec<_> =
        (0..100).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    broker
        .wait_until(PATIENCE, |core| core.statistics(Default::default()).connections == 100)
        .unwrap();
    // Other tests have brokers too; a hundred clients do not make a hundred threads.
    assert!(threads() < before + 50);
    drop(clients);
}

#[test]
fn it_listens_on_several_addresses_of_both_families() {
    let builder = Broker::builder().listen("127.0.0.1:0").listen("127.0.0.1:0");
    let has_v6 = TcpListener::bind("[::1]:0").is_ok();
    let builder = if has_v6 { builder.listen("[::1]:0") } else { builder };
    let broker = builder.start().unwrap();
    for address in broker.addresses() {
        let host = address.ip().to_string();
        Client::builder_for(&host, address.port()).connect().unwrap();
    }
    assert_eq!(broker.addresses().len(), if has_v6 { 3 } else { 2 });
}

#[test]
fn what_cannot_be_listened_on_is_an_error_that_says_why() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = Broker::builder().listen(address).start().unwrap_err();
    assert_eq!(error.code(), ErrorCode::ListenFailed);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    assert!(error.os_code().is_some());
}

#[test]
fn an_open_door_to_the_world_must_be_asked_for() {
    let error = Broker::builder().listen("0.0.0.0:0").start().unwrap_err();
    assert!(error.to_string().contains("allow_anonymous"), "{error}");
    Broker::builder().listen("0.0.0.0:0").allow_anonymous(true).start().unwrap();
}

#[test]
fn calls_that_wait_are_woken_when_it_stops() {
    let (broker, _) = started();
    let waiting = broker.clone();
    let messages = broker.subscribe("#").unwrap();
    let thread = std::thread::spawn(move || waiting.wait_until(PATIENCE, |_| false));
    broker.wait_until(PATIENCE, |_| true).unwrap();
    broker.stop(SECOND);
    assert_eq!(thread.join().unwrap().unwrap_err().code(), ErrorCode::BrokerStopped);
    assert_eq!(messages.recv(PATIENCE).unwrap_err().code(), ErrorCode::BrokerStopped);
    let error: Error = broker.publish(&mqttlink::Publish::new("t", "m")).unwrap_err();
    assert_eq!(error.code(), ErrorCode::BrokerStopped);
}

#[test]
fn v311_7_1_1_1_every_version_is_spoken_on_one_port_of_tcp() {
    let (_broker, port) = started();
    let clients: Vec<_> = Version::ALL
        .iter()
        .map(|version| {
            let (client, granted) =
                Client::builder_for("127.0.0.1", port).version(*version).connect().unwrap();
            assert_eq!(granted.version, *version);
            let _ = client.subscribe(Subscribe::new("t", QoS::ExactlyOnce)).unwrap();
            client
        })
        .collect();
    for client in &clients {
        let message = mqttlink::Publish::new("t", "m").qos(QoS::ExactlyOnce);
        client.publish(message).unwrap().wait().unwrap();
        for receiver in &clients {
            let message = receiver.recv_timeout(PATIENCE).unwrap();
            assert_eq!((message.topic(), message.qos()), ("t", QoS::ExactlyOnce));
        }
    }
}

#[test]
fn a_hook_that_does_not_return_delays_the_stop_only_so_far() {
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let (told, events) = std::sync::mpsc::channel();
    let broker = Broker::builder()
        .listen("127.0.0.1:0")
        .on_event(move |_| {
            told.send(()).unwrap();
            let _ = gate.recv();
        })
        .start()
        .unwrap();
    let port = broker.address().unwrap().port();
    for _ in 0..20 {
        drop(Client::builder_for("127.0.0.1", port).connect().unwrap());
    }
    events.recv().unwrap();
    let ((), took) = pace(|| broker.stop(Duration::from_millis(50)));
    assert!(took.is_within(SECOND), "{took:?}");
    // The handler returns at last; what waited is left out and counted.
    assert_eq!(broker.final_statistics().unwrap().drops.events, 0);
    drop(open);
    assert_eq!(events.iter().count(), 0);
    let left_out = broker.final_statistics().unwrap();
    // Each of the twenty came and went; at least their coming had been noticed.
    assert!((19..=59).contains(&left_out.drops.events), "{left_out:?}");
    assert_eq!(left_out.connections_total, 20);

    let (open, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let (asked, questions) = std::sync::mpsc::channel();
    let broker = Broker::builder()
        .listen("127.0.0.1:0")
        .authenticate(move |_: &mqttlink::broker::Credentials| {
            asked.send(()).unwrap();
            let _ = gate.lock().unwrap().recv();
            mqttlink::broker::Decision::accept()
        })
        .start()
        .unwrap();
    let mut client = TcpStream::connect(broker.address().unwrap()).unwrap();
    std::io::Write::write_all(&mut client, b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01a").unwrap();
    questions.recv().unwrap();
    let ((), took) = pace(|| broker.stop(Duration::from_millis(50)));
    assert!(took.is_within(SECOND), "{took:?}");
    drop(open);
}

#[test]
fn whoever_stops_it_a_second_time_waits_for_the_first() {
    let (broker, port) = started();
    let mut stuck = TcpStream::connect(("127.0.0.1", port)).unwrap();
    std::io::Write::write_all(
        &mut stuck,
        b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01s\x82\x06\0\x01\0\x01t\0",
    )
    .unwrap();
    stuck.read_exact(&mut [0; 9]).unwrap();
    let payload = vec![0; 1_000_000];
    for _ in 0..12 {
        broker.publish(&mqttlink::Publish::new("t", &payload)).unwrap();
    }
    let both = [(); 2].map(|()| (broker.clone(), broker.subscribe("#").unwrap()));
    let stopping = both.map(|(broker, messages)| {
        std::thread::spawn(move || {
            broker.stop(Duration::from_millis(300));
            messages.recv(Duration::ZERO).unwrap_err().code()
        })
    });
    for stopped in stopping {
        assert_eq!(stopped.join().unwrap(), ErrorCode::BrokerStopped);
    }
}

#[test]
fn conditions_are_forgotten_with_their_time_and_may_panic() {
    let (broker, _) = started();
    let (called, calls) = std::sync::mpsc::channel();
    let never = move |_: &mqttlink::broker::Core| called.send(()).is_err();
    assert!(broker.wait_until(Duration::from_millis(1), never).unwrap_err().is_timeout());
    broker.statistics().unwrap();
    // The condition is gone, and its end of the channel with it.
    assert!(calls.iter().count() > 0);
    let error = broker.wait_until(SECOND, |_| panic!("on purpose")).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidState);
    broker.statistics().unwrap();
}

#[test]
fn a_host_whose_addresses_are_not_all_here_is_listened_on_with_the_others() {
    let addresses: [std::net::SocketAddr; 2] =
        ["127.0.0.1:0".parse().unwrap(), "203.0.113.1:0".parse().unwrap()];
    let all = Broker::builder().listen(&addresses[..]).allow_anonymous(true).start().unwrap();
    assert_eq!(all.addresses().len(), 1);
    let none = Broker::builder().listen(addresses[1]).allow_anonymous(true).start();
    assert_eq!(none.unwrap_err().code(), ErrorCode::ListenFailed);
}

#[test]
fn an_address_may_be_for_some_versions_only() {
    let broker = Broker::builder()
        .listen("127.0.0.1:0")
        .listen("127.0.0.1:0")
        .accept_versions(&[Version::V3_1_1])
        .listen("127.0.0.1:0")
        .accept_versions(&[Version::V5])
        .start()
        .unwrap();
    let spoken = [&Version::ALL[..], &[Version::V3_1_1], &[Version::V5]];
    for (address, spoken) in broker.addresses().iter().zip(spoken) {
        for version in Version::ALL {
            let client = Client::builder_for("127.0.0.1", address.port()).version(version);
            let result = client.connect();
            if spoken.contains(&version) {
                assert!(result.is_ok(), "{version:?}: {result:?}");
            } else {
                let reason = result.unwrap_err().reason();
                assert_eq!(reason, Some(ReasonCode::UnsupportedProtocolVersion), "{version:?}");
            }
        }
    }
    // The very bytes: return code 1, and 0x84 in MQTT 5.0.
    for (index, connect, answer) in [
        (2, &b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01a"[..], &[0x20, 2, 0, 1][..]),
        (1, b"\x10\x10\0\x04MQTT\x05\x02\0\0\x02\x17\0\0\x01a", &[0x20, 3, 0, 0x84, 0]),
    ] {
        let mut stream = TcpStream::connect(broker.addresses()[index]).unwrap();
        std::io::Write::write_all(&mut stream, connect).unwrap();
        let mut got = Vec::new();
        stream.read_to_end(&mut got).unwrap();
        assert_eq!(got, answer);
    }
    let error = Broker::builder().accept_versions(&[Version::V5]).start().unwrap_err();
    assert!(error.to_string().contains("call listen first"), "{error}");
}

#[test]
fn an_address_for_no_version_is_refused() {
    for builder in [
        Broker::builder().listen("127.0.0.1:0").accept_versions(&[]),
        Broker::builder().listen("127.0.0.1:0").versions(&[]),
    ] {
        let error = builder.start().unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        assert!(error.to_string().contains("no version of MQTT"), "{error}");
    }
}

#[test]
fn a_burst_of_the_programs_own_messages_does_not_overflow_who_reads() {
    const COUNT: usize = 5_000;
    let mut limits = BrokerLimits::default();
    limits.queued_bytes_per_client = 100_000;
    let broker = Broker::builder().listen("127.0.0.1:0").limits(limits).start().unwrap();
    let (client, _) =
        Client::builder_for("127.0.0.1", broker.address().unwrap().port()).connect().unwrap();
    let _ = client.subscribe(Subscribe::new("t", QoS::AtMostOnce)).unwrap();
    let (enter, entered) = mpsc::channel();
    let (leave, left) = mpsc::channel::<()>();
    let blocked = broker.clone();
    // Holds the broker's thread until all messages wait.
    let holder = std::thread::spawn(move || {
        blocked.wait_until(PATIENCE, move |_| {
            enter.send(()).unwrap();
            left.recv().unwrap();
            true
        })
    });
    entered.recv().unwrap();
    for _ in 0..COUNT {
        broker.publish(&Publish::new("t", vec![7; 40])).unwrap();
    }
    leave.send(()).unwrap();
    holder.join().unwrap().unwrap();
    for _ in 0..COUNT {
        client.recv_timeout(PATIENCE).unwrap();
    }
    assert_eq!(broker.statistics().unwrap().drops.messages(), 0);
}
