//! mosquitto and the embedded broker: sessions that outlive links and brokers, wills, and clients
//! with the same identifier.

use std::time::Duration;

use mqttlink::{
    Acknowledge, Client, DisconnectOptions, Error, ErrorCode, Publish, QoS, ReasonCode, Version,
    Will,
};

use crate::harness::{
    Mosquitto, Server, VERSIONS, WATCHDOG, Way, Which, Wire, builder, next, on_each_server,
};

on_each_server! {
    a_session_outlives_the_link
    who_is_connected_is_told_that_the_server_stops
    messages_in_flight_outlive_a_broker_that_is_killed
    nothing_published_is_lost_or_doubled_wherever_the_link_is_cut
    nothing_received_is_lost_or_doubled_wherever_the_link_is_cut
    an_unacknowledged_message_comes_again
    the_will_is_published_unless_goodbye_is_said
    a_will_has_properties_and_may_be_retained
    who_takes_the_identifier_ends_the_other_connection
}

/// Keeps its sessions in a file when it is stopped.
const PERSISTENT: &str = "allow_anonymous true\npersistence true\npersistence_location DIR/";

/// A client whose session lasts.
fn lasting(port: u16, version: Version, id: &str) -> Client {
    let client = builder(port).version(version).client_id(id).clean_start(false);
    let client = match version {
        Version::V5 => client.session_expiry(Duration::MAX),
        _ => client,
    };
    client.build().unwrap()
}

/// Waits until the connection has ended and says why.
fn end(client: &Client) -> Error {
    let error = client.recv_timeout(WATCHDOG).unwrap_err();
    assert!(error.is_disconnected(), "{error}");
    error
}

/// The server has said why it ends the connection, where the version has a word for it. mosquitto
/// 2.0.11 hangs up without one even in MQTT 5.0, where later ones say it.
fn told(which: Which, version: Version, error: &Error, reason: ReasonCode) -> bool {
    let silent = error.code() == ErrorCode::ConnectionClosed;
    let said = error.reason() == Some(reason);
    if version == Version::V5 { said || (silent && which == Which::Mosquitto) } else { silent }
}

fn a_session_outlives_the_link(which: Which) {
    let broker = which.start();
    let sender = broker.client("sender");
    for version in VERSIONS {
        let wire = Wire::to(broker.port);
        let client = lasting(wire.port, version, "kept");
        client.connect().unwrap();
        client.subscribe(("kept", QoS::ExactlyOnce)).unwrap().all().unwrap();
        wire.cut();
        assert!(end(&client).is_retryable());
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            sender.publish(Publish::new("kept", "meanwhile").qos(qos)).unwrap().wait().unwrap();
        }
        let granted = client.reconnect().unwrap();
        // MQTT 3.1 has no word for it.
        assert_eq!(granted.session_present, version != Version::V3_1);
        for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let message = next(&client);
            assert_eq!((message.text(), message.qos()), (Some("meanwhile"), qos));
        }
        client.disconnect().unwrap();
        // It is ended by a connection that wants none.
        let granted = broker.client("kept").granted().unwrap();
        assert!(!granted.session_present);
    }
}

/// What our broker holds, it holds in memory.
#[test]
fn a_session_outlives_a_broker_that_is_restarted() {
    let mut broker = Server::of(Box::new(Mosquitto::with(PERSISTENT)));
    let clients = VERSIONS.map(|version| lasting(broker.port, version, &format!("{version}")));
    for client in &clients {
        client.connect().unwrap();
        client.subscribe(("kept", QoS::AtLeastOnce)).unwrap().all().unwrap();
    }
    broker.peer.stop();
    for client in &clients {
        end(client);
    }
    broker.peer.restart();
    let sender = broker.client("sender");
    sender.publish(Publish::new("kept", "x").qos(QoS::AtLeastOnce)).unwrap().wait().unwrap();
    for client in &clients {
        let granted = client.reconnect().unwrap();
        assert_eq!(granted.session_present, granted.version != Version::V3_1);
        assert_eq!(next(client).text(), Some("x"));
        client.disconnect().unwrap();
    }
}

fn who_is_connected_is_told_that_the_server_stops(which: Which) {
    let mut broker = which.start();
    let clients = VERSIONS.map(|version| lasting(broker.port, version, &format!("{version}")));
    for client in &clients {
        client.connect().unwrap();
    }
    broker.peer.stop();
    for (version, client) in VERSIONS.into_iter().zip(&clients) {
        let error = end(client);
        assert!(told(which, version, &error, ReasonCode::ServerShuttingDown), "{error}");
        assert!(error.is_retryable(), "{error}");
    }
}

fn messages_in_flight_outlive_a_broker_that_is_killed(which: Which) {
    const COUNT: usize = 500;
    for version in VERSIONS {
        let mut broker = which.start();
        let client = lasting(broker.port, version, "flight");
        client.connect().unwrap();
        let publish = |number: usize| {
            let payload = number.to_string();
            client.publish(Publish::new("x", payload).qos(QoS::AtLeastOnce))
        };
        let mut deliveries: Vec<_> = (0..COUNT).filter_map(|number| publish(number).ok()).collect();
        broker.peer.kill();
        deliveries.extend((0..COUNT).filter_map(|number| publish(number).ok()));
        end(&client);
        broker.peer.restart();
        // The broker has forgotten everything: what it did not acknowledge is published anew.
        assert!(!client.reconnect().unwrap().session_present);
        for delivery in &deliveries {
            delivery.wait().unwrap();
        }
        assert!(deliveries.len() >= COUNT);
        client.disconnect().unwrap();
    }
}

/// Publishes numbers through a link that is cut after each byte of the exchange in turn.
fn publish_through_cuts(which: Which, version: Version, qos: QoS) {
    let broker = which.start();
    let witness = broker.client("witness");
    witness.subscribe(("cut", QoS::ExactlyOnce)).unwrap().all().unwrap();
    let wire = Wire::to(broker.port);
    let client = lasting(wire.port, version, "cut");
    client.connect().unwrap();
    let cuts = (0..18).map(|n| (Way::Up, n)).chain((0..14).map(|n| (Way::Down, n)));
    for (number, (way, bytes)) in cuts.enumerate() {
        wire.cut_after(way, bytes);
        let payload = format!("{number:02}");
        let delivery = client.publish(Publish::new("cut", payload.as_bytes()).qos(qos)).unwrap();
        if let Err(error) = delivery.wait() {
            assert!(error.is_disconnected(), "{error}");
            client.reconnect().unwrap();
            delivery.wait().unwrap();
        }
        if !client.is_connected() {
            client.reconnect().unwrap();
        }
        let message = next(&witness);
        assert_eq!(message.text(), Some(payload.as_str()), "{way:?} {bytes}");
        // At QoS 1 it may come twice.
        if qos == QoS::AtLeastOnce {
            let end = Publish::new("cut", "end").qos(qos);
            broker.client("other").publish(end).unwrap().wait().unwrap();
            while next(&witness).text() != Some("end") {}
        }
    }
    assert!(witness.try_recv().is_none());
}

fn nothing_published_is_lost_or_doubled_wherever_the_link_is_cut(which: Which) {
    for version in VERSIONS {
        publish_through_cuts(which, version, QoS::ExactlyOnce);
    }
    publish_through_cuts(which, Version::V5, QoS::AtLeastOnce);
}

/// Receives numbers through a link that is cut after each byte of the exchange in turn.
fn receive_through_cuts(which: Which, version: Version) {
    let broker = which.start();
    let sender = broker.client("sender");
    let wire = Wire::to(broker.port);
    let client = lasting(wire.port, version, "cut");
    client.connect().unwrap();
    client.subscribe(("cut", QoS::ExactlyOnce)).unwrap().all().unwrap();
    let cuts = (0..18).map(|n| (Way::Down, n)).chain((0..12).map(|n| (Way::Up, n)));
    for (number, (way, bytes)) in cuts.enumerate() {
        wire.cut_after(way, bytes);
        let payload = format!("{number:02}");
        let message = Publish::new("cut", payload.as_bytes()).qos(QoS::ExactlyOnce);
        sender.publish(message).unwrap().wait().unwrap();
        loop {
            match client.recv_timeout(WATCHDOG) {
                Ok(message) => {
                    assert_eq!(message.text(), Some(payload.as_str()), "{way:?} {bytes}");
                    break;
                }
                Err(error) => {
                    assert!(error.is_disconnected(), "{error}");
                    client.reconnect().unwrap();
                }
            }
        }
        // The link may break while the message is acknowledged.
        wire.cut();
        assert!(client.recv_timeout(WATCHDOG).unwrap_err().is_disconnected(), "{way:?} {bytes}");
        client.reconnect().unwrap();
    }
}

fn nothing_received_is_lost_or_doubled_wherever_the_link_is_cut(which: Which) {
    for version in VERSIONS {
        receive_through_cuts(which, version);
    }
}

fn an_unacknowledged_message_comes_again(which: Which) {
    let broker = which.start();
    for version in VERSIONS {
        let wire = Wire::to(broker.port);
        let builder = builder(wire.port).version(version).client_id("again").clean_start(false);
        let builder = builder.acknowledge(Acknowledge::Manually);
        let builder =
            if version == Version::V5 { builder.session_expiry(Duration::MAX) } else { builder };
        let (client, _) = builder.connect().unwrap();
        client.subscribe(("again", QoS::AtLeastOnce)).unwrap().all().unwrap();
        client.publish(Publish::new("again", "x").qos(QoS::AtLeastOnce)).unwrap().wait().unwrap();
        assert!(!next(&client).dup());
        wire.cut();
        end(&client);
        client.reconnect().unwrap();
        let message = next(&client);
        assert!(message.dup());
        message.acknowledge();
        client.disconnect().unwrap();
        client.reconnect().unwrap();
        client.publish(Publish::new("again", "y").qos(QoS::AtLeastOnce)).unwrap().wait().unwrap();
        let message = next(&client);
        assert_eq!(message.text(), Some("y"));
        message.acknowledge();
        client.disconnect().unwrap();
    }
}

fn the_will_is_published_unless_goodbye_is_said(which: Which) {
    let broker = which.start();
    let witness = broker.client("witness");
    witness.subscribe(("will/#", QoS::AtLeastOnce)).unwrap().all().unwrap();
    for version in VERSIONS {
        let connect = |how: &str| {
            let will = Will::new(format!("will/{how}"), "gone").qos(QoS::AtLeastOnce);
            let builder = broker.builder().version(version).will(will);
            builder.connect().unwrap().0
        };
        connect("disconnect").disconnect().unwrap();
        connect("abort").abort();
        assert_eq!(next(&witness).topic(), "will/abort");
        let options = DisconnectOptions::new().with_will();
        connect("with").disconnect_with(&options).unwrap();
        assert_eq!(next(&witness).topic(), "will/with");
        drop(connect("drop"));
        assert_eq!(next(&witness).topic(), "will/drop");
    }
}

fn a_will_has_properties_and_may_be_retained(which: Which) {
    let broker = which.start();
    let will = Will::new("will", "gone").retain(true).content_type("text/plain");
    let will = will.user_property("a", "b").response_topic("r").correlation_data(b"\x01");
    broker.builder().will(will).connect().unwrap().0.abort();
    let witness = broker.client("witness");
    witness.subscribe(("will", QoS::AtMostOnce)).unwrap().all().unwrap();
    let message = next(&witness);
    assert!(message.retain());
    assert_eq!((message.content_type(), message.text()), (Some("text/plain"), Some("gone")));
    assert_eq!((message.response_topic(), message.correlation_data()), (Some("r"), Some(&[1][..])));
    assert_eq!(message.user_properties().collect::<Vec<_>>(), [("a", "b")]);
}

fn who_takes_the_identifier_ends_the_other_connection(which: Which) {
    let broker = which.start();
    for version in VERSIONS {
        let connect = || broker.builder().version(version).client_id("one").connect().unwrap().0;
        let first = connect();
        let second = connect();
        let error = end(&first);
        assert!(told(which, version, &error, ReasonCode::SessionTakenOver), "{error}");
        assert!(second.is_connected());
        second.disconnect().unwrap();
    }
}
