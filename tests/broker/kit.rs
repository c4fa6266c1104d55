//! The test kit: waiting, faults, virtual time, transcripts, scripts.

use std::time::Duration;

use mqttlink::testing::{ConnectionFault, MessageFault, ScriptedServer, TestBroker};
use mqttlink::{Client, ErrorCode, Publish, QoS, ReasonCode, Subscribe, Version, Will};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn what_a_test_waits_for_is_there_when_the_call_returns() {
    let broker = TestBroker::start().unwrap().patience(PATIENCE);
    let message = broker.expect_publish("a/+").unwrap();
    let waiting = broker.clone();
    let thread = std::thread::spawn(move || waiting.wait_for_subscription("c", "a/b"));
    let (client, _) = broker.client("c").connect().unwrap();
    broker.wait_for_client("c").unwrap();
    let _ = client.subscribe(Subscribe::new("a/b", QoS::AtMostOnce)).unwrap();
    thread.join().unwrap().unwrap();
    client.publish(Publish::new("a/b", "m")).unwrap();
    assert_eq!(message.within(PATIENCE).unwrap().payload(), b"m");
    client.disconnect().unwrap();
    broker.wait_for_client_to_go("c").unwrap();
}

#[test]
fn what_did_not_happen_is_told_with_what_did() {
    let broker = TestBroker::start().unwrap();
    let message = broker.expect_publish("never").unwrap();
    let (client, _) = broker.client("c").connect().unwrap();
    client.publish(Publish::new("other", "m").qos(QoS::AtLeastOnce)).unwrap().wait().unwrap();
    let error = message.within(Duration::from_millis(10)).unwrap_err();
    assert!(error.is_timeout());
    let text = error.to_string();
    assert!(text.contains("never") && text.contains("PUBLISH topic=\"other\""), "{text}");
    let lines: Vec<String> = broker.transcript().iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    assert!(lines[1].contains("\"c\" <- CONNACK"), "{lines:#?}");
}

/// Also the last packets of a connection say whose they are: goodbyes of both sides, and refusals.
#[test]
fn every_packet_of_a_transcript_says_whose_it_is() {
    let broker = TestBroker::start().unwrap();
    for name in ["first", "second"] {
        let (client, _) = broker.client(name).connect().unwrap();
        client.disconnect().unwrap();
        broker.wait_for_client_to_go(name).unwrap();
    }
    let (client, _) = broker.client("third").connect().unwrap();
    let (again, _) = broker.client("third").connect().unwrap();
    while client.is_connected() {
        std::thread::yield_now();
    }
    let fault = ConnectionFault::Refuse(ReasonCode::Banned);
    broker.break_connection("refused", fault);
    assert!(broker.client("refused").connect().is_err());
    let (assigned, granted) = broker.client("").connect().unwrap();
    let name = granted.client_id.to_string();
    assigned.disconnect().unwrap();
    broker.wait_for_client_to_go(&name).unwrap();
    let lines: Vec<String> = broker.transcript().iter().map(ToString::to_string).collect();
    let goodbye = format!("{name:?} -> DISCONNECT");
    let answer = format!("{name:?} <- CONNACK");
    for (part, count) in [
        ("\"first\" -> DISCONNECT", 1),
        ("\"second\" -> DISCONNECT", 1),
        ("\"third\" <- DISCONNECT", 1),
        ("\"refused\" -> CONNECT", 1),
        ("\"refused\" <- CONNACK", 1),
        (goodbye.as_str(), 1),
        (answer.as_str(), 1),
        ("\"\"", 0),
    ] {
        // The identifier is empty in a CONNECT that asks for one.
        let found = lines
            .iter()
            .filter(|line| line.contains(part) && !line.contains("client_id=\"\""))
            .count();
        assert_eq!(found, count, "{part}: {lines:#?}");
    }
    again.disconnect().unwrap();
}

#[test]
fn hours_pass_in_no_time() {
    let broker = TestBroker::builder().virtual_time().start().unwrap();
    let wills = broker.expect_publish("will").unwrap();
    let will = Will::new("will", "gone").delay(3600);
    let builder = broker.client("c").will(will).session_expiry(Duration::from_secs(7200));
    let (client, _) = builder.keep_alive(Duration::ZERO).connect().unwrap();
    drop(client);
    broker.wait_for_client_to_go("c").unwrap();
    broker.advance(Duration::from_secs(3599)).unwrap();
    assert!(wills.now().is_none());
    broker.advance(Duration::from_secs(1)).unwrap();
    assert_eq!(wills.now().unwrap().payload(), b"gone");
    broker.advance(Duration::from_secs(3600)).unwrap();
    assert_eq!(broker.broker().statistics().unwrap().clients_disconnected, 0);
    let real = TestBroker::start().unwrap();
    assert_eq!(real.advance(PATIENCE).unwrap_err().code(), ErrorCode::InvalidState);
}

#[test]
fn a_connection_breaks_as_it_is_told_to() {
    let broker = TestBroker::start().unwrap();
    broker.break_connection("refused", ConnectionFault::Refuse(ReasonCode::Banned));
    let error = broker.client("refused").connect().unwrap_err();
    assert_eq!(error.reason(), Some(ReasonCode::Banned));

    broker.break_connection("deaf", ConnectionFault::HalfOpen);
    let deaf = broker.client("deaf").connect_timeout(Duration::from_millis(100));
    assert!(deaf.connect().unwrap_err().is_timeout());

    // CONNACK has 16 bytes here.
    broker.break_connection("cut", ConnectionFault::CutAfterSending(15));
    assert!(broker.client("cut").connect().unwrap_err().is_disconnected());

    broker.break_connection("exact", ConnectionFault::CutAfterSending(16));
    let (exact, _) = broker.client("exact").connect().unwrap();
    assert!(exact.recv_timeout(PATIENCE).unwrap_err().is_disconnected());

    broker.break_connection("half", ConnectionFault::CutAfterReceiving(4));
    let (half, _) = broker.client("half").connect().unwrap();
    let publish = Publish::new("some/topic", "payload").qos(QoS::AtLeastOnce);
    assert!(half.publish(publish).unwrap().wait().is_err());

    broker.break_connection("short", ConnectionFault::ShortWrites(1));
    let (short, _) = broker.client("short").connect().unwrap();
    let _ = short.subscribe(Subscribe::new("t", QoS::AtLeastOnce)).unwrap();
    short.publish(Publish::new("t", "in pieces").qos(QoS::AtLeastOnce)).unwrap().wait().unwrap();
    assert_eq!(short.recv_timeout(PATIENCE).unwrap().payload(), b"in pieces");

    broker.repair();
    broker.client("refused").connect().unwrap();
}

#[test]
fn a_broker_that_ignores_pings_is_left() {
    // Its time stands still: otherwise it could be the first to miss the other.
    let broker = TestBroker::builder().virtual_time().start().unwrap();
    broker.break_connection("mute", ConnectionFault::IgnorePings);
    let mute = broker.client("mute").keep_alive(Duration::from_secs(1));
    let (mute, _) = mute.ping_timeout(Duration::from_millis(100)).connect().unwrap();
    let error = mute.recv_timeout(PATIENCE).unwrap_err();
    assert_eq!(error.code(), ErrorCode::KeepAliveTimeout);
}

#[test]
fn messages_are_lost_and_late_as_they_are_told_to() {
    let broker = TestBroker::builder().virtual_time().start().unwrap();
    broker.break_messages("lost/#", MessageFault::Drop);
    broker.break_messages("late/#", MessageFault::Delay(Duration::from_secs(60)));
    let all = broker.expect_publish("#").unwrap();
    let (client, _) = broker.client("c").connect().unwrap();
    for topic in ["lost/a", "late/a", "kept/a"] {
        client.publish(Publish::new(topic, "m").qos(QoS::AtLeastOnce)).unwrap().wait().unwrap();
    }
    assert_eq!(all.within(PATIENCE).unwrap().topic(), "kept/a");
    assert!(all.now().is_none());
    broker.advance(Duration::from_secs(60)).unwrap();
    assert_eq!(all.now().unwrap().topic(), "late/a");
    assert_eq!(broker.broker().statistics().unwrap().drops.faults, 1);
}

#[test]
fn what_is_sent_late_arrives_late() {
    let broker = TestBroker::start().unwrap();
    broker.break_connection("slow", ConnectionFault::Delay(Duration::from_millis(50)));
    let (client, _) = broker.client("slow").connect().unwrap();
    let _ = client.subscribe(Subscribe::new("t", QoS::AtMostOnce)).unwrap();
    client.publish(Publish::new("t", "m").qos(QoS::AtLeastOnce)).unwrap().wait().unwrap();
    assert_eq!(client.recv_timeout(PATIENCE).unwrap().payload(), b"m");
}

#[test]
fn a_script_is_followed_byte_by_byte() {
    let server = ScriptedServer::start().unwrap();
    let port = server.port();
    let thread = std::thread::spawn(move || {
        let builder = Client::builder_for("127.0.0.1", port).version(Version::V3_1_1);
        let (client, _) = builder.client_id("a").keep_alive(Duration::ZERO).connect()?;
        client.publish(Publish::new("t", "m").qos(QoS::AtLeastOnce))?.wait()?;
        client.disconnect()
    });
    let mut connection = server.accept(Version::V3_1_1).unwrap();
    connection.expect(b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01a").unwrap();
    connection.send(&[0x20, 2, 0, 0]).unwrap();
    assert_eq!(
        connection.expect_packet().unwrap(),
        "PUBLISH topic=\"t\" qos=1 id=1 payload=(1 bytes)"
    );
    connection.send(&[0x40, 2]).unwrap();
    connection.send(&[0, 1]).unwrap();
    connection.expect(&[0xe0, 0]).unwrap();
    connection.expect_end().unwrap();
    thread.join().unwrap().unwrap();
}

#[test]
fn a_script_that_is_not_followed_says_so() {
    let server = ScriptedServer::start().unwrap();
    let port = server.port();
    let thread = std::thread::spawn(move || Client::builder_for("127.0.0.1", port).connect());
    let mut connection = server.accept(Version::V5).unwrap();
    let error = connection.expect(&[0x20, 0]).unwrap_err();
    assert!(error.to_string().contains("[20, 00]"), "{error}");
    connection.close().unwrap();
    assert!(thread.join().unwrap().is_err());
}

#[test]
fn a_wait_ends_when_its_patience_does() {
    let broker = TestBroker::start().unwrap();
    let error = broker.patience(Duration::ZERO).wait_for_client("c").unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("\"c\""), "{error}");
    // What is there already is found without patience.
    let (_client, _) = broker.client("c").connect().unwrap();
    broker.wait_for_client("c").unwrap();
    for _ in 0..100 {
        broker.patience(Duration::ZERO).wait_for_client("c").unwrap();
    }
}

#[test]
fn a_script_does_not_wait_for_ever_for_its_client() {
    let server = ScriptedServer::start().unwrap();
    let late = server.accept_within(Version::V5, Duration::from_millis(10)).unwrap_err();
    assert!(late.to_string().starts_with("the scripted server waits for a client"), "{late}");
    let port = server.port();
    let client = std::thread::spawn(move || Client::builder_for("127.0.0.1", port).connect());
    let mut connection = server.accept_within(Version::V5, PATIENCE).unwrap();
    assert!(connection.expect_packet().unwrap().starts_with("CONNECT"));
    connection.close().unwrap();
    assert!(client.join().unwrap().is_err());
}

#[test]
fn a_subscription_of_the_program_ends_for_who_waits_in_it() {
    let broker = TestBroker::start().unwrap();
    let messages = broker.broker().subscribe("a").unwrap();
    broker.broker().publish(&Publish::new("a", "m")).unwrap();
    let taken = std::thread::scope(|scope| {
        let taking = scope.spawn(|| messages.iter().count());
        messages.end();
        taking.join().unwrap()
    });
    assert_eq!(taken, 1);
    assert_eq!(messages.recv(PATIENCE).unwrap_err().code(), ErrorCode::BrokerStopped);
}
