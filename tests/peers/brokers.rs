//! Brokers in Python and Node.js: what each of them can do, with its quirks.

use std::time::Duration;

use mqttlink::{Builder, Client, ErrorCode, Publish, QoS, ReasonCode, Unsubscribe, Version};

use crate::harness::{Broker, Kind, QUALITIES, next, noise};

/// Large enough for many reads and writes, and for the largest packet that each broker takes.
const LARGE: usize = 3_000_000;

/// Subscribes, publishes to itself at each QoS, unsubscribes and leaves.
fn round_trip(client: &Client, qualities: &[QoS], payload: &[u8]) {
    for &qos in qualities {
        let topic = format!("round/{}", qos.number());
        let granted = client.subscribe((topic.as_str(), qos)).unwrap().all().unwrap();
        assert_eq!(granted, [qos]);
        let delivery = client.publish(Publish::new(&topic, payload).qos(qos)).unwrap();
        let message = next(client);
        assert_eq!((message.topic(), message.qos()), (topic.as_str(), qos));
        assert!(message.payload() == payload, "{} bytes came", message.payload().len());
        drop(message);
        delivery.wait().unwrap();
        client.unsubscribe(Unsubscribe::new(topic.as_str())).unwrap().all().unwrap();
    }
    // What comes back after the end of a subscription would come before this.
    client.subscribe(("end", QoS::AtMostOnce)).unwrap().all().unwrap();
    for topic in ["round/0", "round/1", "end"] {
        client.publish(Publish::new(topic, "x")).unwrap();
    }
    assert_eq!(next(client).topic(), "end");
}

fn complete(broker: &Broker, builder: Builder, qualities: &[QoS]) {
    let client = broker.connect(builder);
    round_trip(&client, qualities, b"\0\xff small");
    round_trip(&client, qualities, b"");
    assert!(client.disconnect().unwrap().is_complete());
}

fn large(broker: &Broker, builder: Builder, qualities: &[QoS]) {
    let client = broker.connect(builder);
    round_trip(&client, qualities, &noise(LARGE));
    assert!(client.disconnect().unwrap().is_complete());
}

#[test]
fn amqtt_delivers_at_each_qos() {
    let broker = Broker::start(Kind::Amqtt);
    let builder = || broker.builder().version(Version::V3_1_1).client_id("amqtt");
    complete(&broker, builder(), &QUALITIES);
    large(&broker, builder(), &QUALITIES);
}

#[test]
fn amqtt_refuses_the_versions_it_does_not_know() {
    let broker = Broker::start(Kind::Amqtt);
    // It has no word for MQTT 3.1 and closes the connection; MQTT 5.0 it does not even answer.
    let client = broker.builder().version(Version::V3_1).build().unwrap();
    assert_eq!(client.connect().unwrap_err().code(), ErrorCode::ConnectionClosed);
    let limit = Duration::from_secs(1);
    let client = broker.builder().connect_timeout(limit).build().unwrap();
    let error = client.connect().unwrap_err();
    assert_eq!(error.code(), ErrorCode::TimeoutConnAck);
}

#[test]
fn mqttools_delivers_at_qos_0_and_its_limits_are_obeyed() {
    let broker = Broker::start(Kind::Mqttools);
    let builder = || broker.builder().client_id("mqttools");
    complete(&broker, builder(), &[QoS::AtMostOnce]);
    large(&broker, builder(), &[QoS::AtMostOnce]);
    let client = broker.connect(builder());
    let message = Publish::new("a", "b").qos(QoS::AtLeastOnce);
    assert_eq!(client.publish(message).unwrap_err().code(), ErrorCode::MaximumQoS);
    let subscribe = client.subscribe(("a/#", QoS::AtMostOnce));
    assert_eq!(subscribe.unwrap_err().code(), ErrorCode::WildcardNotAvailable);
    let subscribe = client.subscribe(("$share/g/a", QoS::AtMostOnce));
    assert_eq!(subscribe.unwrap_err().code(), ErrorCode::SharedNotAvailable);
    client.disconnect().unwrap();
}

#[test]
fn mqttools_refuses_a_user_name() {
    let broker = Broker::start(Kind::Mqttools);
    let client = broker.builder().client_id("c").user_name("ann").build().unwrap();
    let error = client.connect().unwrap_err();
    assert_eq!(error.code(), ErrorCode::Refused);
    assert_eq!(error.reason(), Some(ReasonCode::BadUserNameOrPassword));
}

#[test]
fn aedes_delivers_at_each_qos() {
    let broker = Broker::start(Kind::Aedes);
    for version in [Version::V3_1, Version::V3_1_1] {
        let builder = || broker.builder().version(version).client_id("aedes");
        complete(&broker, builder(), &QUALITIES);
        large(&broker, builder(), &QUALITIES);
    }
}

#[test]
fn aedes_refuses_mqtt_5() {
    let broker = Broker::start(Kind::Aedes);
    let client = broker.builder().client_id("new").build().unwrap();
    let error = client.connect().unwrap_err();
    assert_eq!(error.code(), ErrorCode::Refused);
    assert_eq!(error.reason(), Some(ReasonCode::UnsupportedProtocolVersion));
}
