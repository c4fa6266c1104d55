//! mosquitto and the embedded broker: what the server announces is obeyed before anything is sent;
//! who may do what.

use std::time::Duration;

use mqttlink::{
    Acknowledge, Client, Error, ErrorCode, Publish, QoS, ReasonCode, Subscribe, Version, Will,
};

use crate::harness::{Server, Settings, User, Which, next, noise, on_each_server};

on_each_server! {
    maximum_packet_size
    maximum_qos
    retained_messages_not_available
    topic_aliases_are_used_as_far_as_the_server_has_them
    the_server_shortens_the_keep_alive
    the_servers_receive_maximum_is_the_window
    the_clients_receive_maximum_holds_the_server_back
    the_server_assigns_an_identifier_and_the_client_keeps_it
    user_name_and_password
    what_is_forbidden_is_told_where_the_version_can_tell
    what_is_forbidden_goes_nowhere_where_the_version_cannot_tell
}

/// Refused by this side, by name, and the connection goes on.
#[track_caller]
fn refused(client: &Client, message: Publish<'_>, code: ErrorCode) {
    assert_eq!(client.publish(message.clone()).unwrap_err().code(), code);
    assert_eq!(client.try_publish(message).unwrap_err().code(), code);
    client.subscribe(("on", QoS::AtMostOnce)).unwrap().all().unwrap();
    client.publish(Publish::new("on", "x")).unwrap();
    assert_eq!(next(client).text(), Some("x"));
}

fn maximum_packet_size(which: Which) {
    let settings = Settings { maximum_packet_size: Some(1000), ..Settings::default() };
    let broker = which.with(&settings);
    let client = broker.client("c");
    assert_eq!(client.granted().unwrap().limits.maximum_packet_size, 1000);
    let payload = noise(1000);
    for qos in crate::harness::QUALITIES {
        refused(&client, Publish::new("t", &payload).qos(qos), ErrorCode::MaximumPacketSize);
    }
    // A byte less than what is refused is taken.
    let head = 1 + 2 + 2 + 1 + 2 + 1;
    let largest = Publish::new("t", &payload[..1000 - head]).qos(QoS::AtLeastOnce);
    client.publish(largest).unwrap().wait().unwrap();
    let larger = Publish::new("t", &payload[..1001 - head]).qos(QoS::AtLeastOnce);
    assert_eq!(client.publish(larger).unwrap_err().code(), ErrorCode::MaximumPacketSize);
}

fn maximum_qos(which: Which) {
    use QoS::{AtLeastOnce, AtMostOnce, ExactlyOnce};
    for (maximum, refused_from) in [(AtLeastOnce, ExactlyOnce), (AtMostOnce, AtLeastOnce)] {
        let broker = which.with(&Settings { maximum_qos: Some(maximum), ..Settings::default() });
        let client = broker.client("c");
        refused(&client, Publish::new("t", "x").qos(refused_from), ErrorCode::MaximumQoS);
        let will = Will::new("w", "x").qos(refused_from);
        let error = broker.builder().will(will).connect().unwrap_err();
        assert_eq!(error.code(), ErrorCode::Refused);
        assert_eq!(error.reason(), Some(ReasonCode::QoSNotSupported), "{error}");
    }
}

fn retained_messages_not_available(which: Which) {
    let broker = which.with(&Settings { retain_unavailable: true, ..Settings::default() });
    let client = broker.client("c");
    assert!(!client.granted().unwrap().limits.retain_available);
    refused(&client, Publish::new("t", "x").retain(true), ErrorCode::RetainNotAvailable);
    let will = Will::new("w", "x").retain(true);
    let error = broker.builder().will(will).connect().unwrap_err();
    assert_eq!(error.reason(), Some(ReasonCode::RetainNotSupported), "{error}");
}

fn topic_aliases_are_used_as_far_as_the_server_has_them(which: Which) {
    for maximum in [0, 2, 10] {
        let settings = Settings { topic_alias_maximum: Some(maximum), ..Settings::default() };
        let broker = which.with(&settings);
        let (client, granted) = broker.builder().topic_aliases(5).connect().unwrap();
        assert_eq!(granted.limits.topic_alias_maximum, maximum);
        client.subscribe(("long/#", QoS::AtMostOnce)).unwrap().all().unwrap();
        let topics = ["long/topic/name/1", "long/topic/name/2", "long/topic/name/3"];
        let before = client.statistics().wire.bytes_sent;
        for round in 0..50_u8 {
            for topic in topics {
                client.publish(Publish::new(topic, &[round])).unwrap();
            }
        }
        for round in 0..50 {
            for topic in topics {
                let message = next(&client);
                assert_eq!((message.topic(), message.payload()), (topic, &[round][..]));
            }
        }
        let sent = client.statistics().wire.bytes_sent - before;
        assert_eq!(sent < 3000, maximum == 10, "{maximum}: {sent} bytes");
    }
}

fn the_server_shortens_the_keep_alive(which: Which) {
    let broker = which.with(&Settings { keep_alive_max: Some(10), ..Settings::default() });
    for (wanted, granted) in [(60, 10), (5, 5)] {
        let builder = broker.builder().keep_alive(Duration::from_secs(wanted));
        assert_eq!(builder.connect().unwrap().1.keep_alive, granted);
    }
}

fn the_servers_receive_maximum_is_the_window(which: Which) {
    let mut broker = which.with(&Settings { receive_maximum: Some(3), ..Settings::default() });
    let client = broker.client("c");
    assert_eq!(client.granted().unwrap().limits.receive_maximum, 3);
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let publish = |_| client.publish(Publish::new("t", "x").qos(qos)).unwrap();
        let deliveries: Vec<_> = (0..200).map(publish).collect();
        deliveries.iter().for_each(|delivery| drop(delivery.wait().unwrap()));
    }
    broker.peer.stop();
    assert_eq!(broker.peer.complaints(), [""; 0]);
}

fn the_clients_receive_maximum_holds_the_server_back(which: Which) {
    let broker = which.start();
    let builder = broker.builder().receive_maximum(2).acknowledge(Acknowledge::Manually);
    let (client, _) = builder.connect().unwrap();
    client.subscribe(("t", QoS::AtLeastOnce)).unwrap().all().unwrap();
    client.subscribe(("mark", QoS::AtMostOnce)).unwrap().all().unwrap();
    let sender = broker.client("sender");
    for number in 0..5_u8 {
        let message = Publish::new("t", [number].to_vec()).qos(QoS::AtLeastOnce);
        sender.publish(message).unwrap().wait().unwrap();
    }
    // QoS 0 is not counted, and comes behind what was sent before it.
    sender.publish(Publish::new("mark", "")).unwrap();
    let [first, second] = [0, 1].map(|_| next(&client));
    assert_eq!([first.payload(), second.payload()], [[0], [1]]);
    assert_eq!(next(&client).topic(), "mark");
    // For each acknowledgement mosquitto 2.0.11 sends as many messages as may be in flight, so that
    // the third would come while the second is unacknowledged.
    if which == Which::Embedded {
        first.acknowledge();
        let third = next(&client);
        assert_eq!(third.payload(), [2]);
        sender.publish(Publish::new("mark", "")).unwrap();
        assert_eq!(next(&client).topic(), "mark", "two are not acknowledged");
        second.acknowledge();
        third.acknowledge();
        for number in [3, 4] {
            assert_eq!(next(&client).payload(), [number]);
        }
    }
    client.disconnect().unwrap();
}

fn the_server_assigns_an_identifier_and_the_client_keeps_it(which: Which) {
    let broker = which.start();
    let builder = broker.builder().session_expiry(Duration::from_secs(60));
    let (client, granted) = builder.connect().unwrap();
    assert!(!granted.client_id.is_empty());
    client.disconnect().unwrap();
    let again = client.reconnect().unwrap();
    assert!(again.session_present);
    assert_eq!(again.client_id, granted.client_id);
}

/// A server with a user "ann", who may do everything below "ann/" and read what is below "all/".
struct Guarded {
    broker: Server,
}

impl Guarded {
    fn start(which: Which) -> Self {
        let user = User { name: "ann", password: "pä:ss@word", writes: "ann/#", reads: "all/#" };
        Self { broker: which.with(&Settings { user: Some(user), ..Settings::default() }) }
    }

    fn connect(&self, version: Version, user: &str, password: &str) -> Result<Client, Error> {
        let builder = self.broker.builder().version(version).client_id("c");
        let builder = builder.user_name(user).password(password);
        builder.connect().map(|(client, _)| client)
    }
}

fn user_name_and_password(which: Which) {
    let guarded = Guarded::start(which);
    for version in crate::harness::VERSIONS {
        guarded.connect(version, "ann", "pä:ss@word").unwrap().disconnect().unwrap();
        for (user, password) in [("ann", "no"), ("bob", "pä:ss@word"), ("", "")] {
            let error = guarded.connect(version, user, password).unwrap_err();
            assert_eq!(error.code(), ErrorCode::Refused, "{error}");
            assert_eq!(error.reason(), Some(ReasonCode::NotAuthorized));
            assert!(error.is_refused() && !error.is_retryable());
            assert!(!error.to_string().contains("ss@word"));
        }
        let error = guarded.broker.builder().version(version).connect().unwrap_err();
        assert_eq!(error.reason(), Some(ReasonCode::NotAuthorized), "{error}");
    }
    let url = format!("mqtt://ann:p%C3%A4%3Ass%40word@127.0.0.1:{}", guarded.broker.port);
    Client::builder(&url).connect().unwrap().0.disconnect().unwrap();
}

fn what_is_forbidden_is_told_where_the_version_can_tell(which: Which) {
    let guarded = Guarded::start(which);
    let client = guarded.connect(Version::V5, "ann", "pä:ss@word").unwrap();
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce] {
        let message = |topic| Publish::new(topic, "x").qos(qos);
        client.publish(message("ann/x")).unwrap().wait().unwrap();
        let error = client.publish(message("all/x")).unwrap().wait().unwrap_err();
        assert_eq!(error.code(), ErrorCode::PublishRefused);
        assert_eq!(error.reason(), Some(ReasonCode::NotAuthorized));
    }
    // Each message costs its place in the window only once.
    let publish = |_| client.publish(Publish::new("no", "x").qos(QoS::ExactlyOnce)).unwrap();
    let deliveries: Vec<_> = (0..100).map(publish).collect();
    assert!(deliveries.iter().all(|delivery| delivery.wait().unwrap_err().is_refused()));
    client.publish(Publish::new("ann/x", "x").qos(QoS::AtLeastOnce)).unwrap().wait().unwrap();
}

fn what_is_forbidden_goes_nowhere_where_the_version_cannot_tell(which: Which) {
    let guarded = Guarded::start(which);
    for version in [Version::V3_1, Version::V3_1_1] {
        let client = guarded.connect(version, "ann", "pä:ss@word").unwrap();
        let subscribe = Subscribe::new("all/#", QoS::ExactlyOnce).filter("ann/#", QoS::ExactlyOnce);
        client.subscribe(subscribe).unwrap().all().unwrap();
        for qos in crate::harness::QUALITIES {
            for topic in ["all/x", "ann/x"] {
                client.publish(Publish::new(topic, "x").qos(qos)).unwrap().wait().unwrap();
            }
            let message = next(&client);
            assert_eq!((message.topic(), message.qos()), ("ann/x", qos), "{version}");
        }
        client.disconnect().unwrap();
    }
}
