//! Topic aliases (MQTT 5.0, section 3.3.2.3.4).

use std::collections::HashMap;

use mqttlink::codec::{Packet, Version, frame};
use mqttlink::proto::{Config, Publish, RequestError};
use mqttlink::{Properties, PropertyId, QoS, ReasonCode};

use crate::hex::{field, packet};
use crate::peer::{Peer, options};
use crate::script::resumable;

/// A client that uses up to `own` aliases, at a server that accepts with these properties.
fn sender(own: u16, properties: &str) -> Peer {
    let mut config = Config::default();
    config.topic_aliases = own;
    let mut peer = Peer::configured(config, &resumable(Version::V5));
    peer.accept(false, properties);
    peer
}

/// What a server makes of the client's messages: their topics. An alias above `maximum` fails.
#[derive(Default)]
struct Receiver {
    topics: HashMap<u32, String>,
    largest: u32,
}

impl Receiver {
    fn topic(&mut self, bytes: &[u8]) -> String {
        let frame = frame::parse(bytes, Version::V5, frame::MAX_PACKET_SIZE).unwrap().unwrap();
        let Packet::Publish(publish) = Packet::decode(&frame, Version::V5).unwrap() else {
            panic!("a PUBLISH")
        };
        let Some(alias) = publish.properties.number(PropertyId::TopicAlias) else {
            assert_ne!(publish.topic, "", "a topic or an alias");
            return publish.topic.to_owned();
        };
        assert_ne!(alias, 0);
        self.largest = self.largest.max(alias);
        if publish.topic.is_empty() {
            return self.topics[&alias].clone();
        }
        self.topics.insert(alias, publish.topic.to_owned());
        publish.topic.to_owned()
    }
}

/// Publishes to many topics again and again; returns the largest alias that was used.
fn largest_alias(peer: &mut Peer) -> u32 {
    let mut receiver = Receiver::default();
    for round in 0..4 {
        for index in 0..10 {
            let topic = format!("topic/{}", (index * round) % 7);
            let qos = QoS::ALL[index % 3];
            peer.publish_to(&topic, qos);
            let bytes = peer.expect_bytes();
            assert_eq!(receiver.topic(&bytes), topic);
        }
    }
    receiver.largest
}

#[test]
fn v5_3_2_2_17_aliases_stay_within_the_servers_maximum() {
    assert_eq!(largest_alias(&mut sender(100, "22 00 03")), 3);
}

#[test]
fn v5_3_3_2_9_aliases_stay_within_the_servers_maximum() {
    for (own, properties, expected) in
        [(1, "22 ff ff", 1), (2, "22 00 02", 2), (2, "22 00 01", 1), (100, "22 ff ff", 7)]
    {
        assert_eq!(largest_alias(&mut sender(own, properties)), expected);
    }
}

#[test]
fn v5_3_2_2_18_without_a_maximum_there_is_no_alias() {
    for properties in ["", "22 00 00"] {
        assert_eq!(largest_alias(&mut sender(100, properties)), 0);
    }
}

#[test]
fn v5_3_2_2_18_the_maximum_of_the_last_connection_means_nothing_on_the_next() {
    let mut peer = sender(100, "22 00 03");
    assert_eq!(largest_alias(&mut peer), 3);
    peer.lose_session();
    peer.expect_all();
    peer.sent.clear();
    assert_eq!(largest_alias(&mut peer), 0);
}

#[test]
fn v5_3_3_2_7_the_clients_aliases_end_with_the_connection() {
    let mut peer = sender(1, "22 00 01");
    peer.publish_to("a", QoS::AtMostOnce);
    peer.publish_to("a", QoS::AtLeastOnce);
    assert_eq!(peer.expect(), "PUBLISH topic=\"a\" qos=0 payload=(1 bytes) topic alias=1");
    assert_eq!(peer.expect(), "PUBLISH topic=\"\" qos=1 id=1 payload=(1 bytes) topic alias=1");
    peer.cut();
    peer.begin(&resumable(Version::V5));
    peer.accept(true, "22 00 01");
    assert_eq!(peer.expect(), "PUBLISH topic=\"a\" qos=1 id=1 dup payload=(1 bytes)");
    peer.publish_to("a", QoS::AtMostOnce);
    assert_eq!(peer.expect(), "PUBLISH topic=\"a\" qos=0 payload=(1 bytes) topic alias=1");
}

/// A PUBLISH of QoS 0 from the server.
fn message(topic: &str, alias: u16) -> Vec<u8> {
    let [high, low] = alias.to_be_bytes();
    packet(0x30, &[field(topic.as_bytes()), vec![3, 0x23, high, low, b'm']].concat())
}

/// A client that takes this many aliases.
fn receiver(maximum: u16) -> Peer {
    let mut options = options(Version::V5);
    options.topic_alias_maximum = maximum;
    Peer::accepted(&options, "")
}

#[test]
fn v5_3_3_2_7_the_servers_aliases_end_with_the_connection() {
    let mut options = resumable(Version::V5);
    options.topic_alias_maximum = 2;
    let mut peer = Peer::accepted(&options, "");
    peer.send_bytes(&message("a", 1));
    peer.send_bytes(&message("", 1));
    assert_eq!(peer.messages().len(), 2);
    peer.reconnect(&options, true);
    peer.send_bytes(&message("", 1));
    assert_eq!(peer.messages(), []);
    peer.expect_failure(ReasonCode::ProtocolError);
}

#[test]
fn v5_3_3_2_8_alias_0_is_neither_sent_nor_taken() {
    assert!(Properties::new().set_u32(PropertyId::TopicAlias, 0).is_err());
    assert!(Properties::new().set_u32(PropertyId::TopicAlias, 65_536).is_err());
    let mut peer = receiver(10);
    peer.send_bytes(&message("a", 0));
    assert_eq!(peer.messages(), []);
    peer.expect_failure(ReasonCode::TopicAliasInvalid);
}

#[test]
fn v5_3_3_2_8_a_caller_cannot_choose_an_alias() {
    let mut properties = Properties::new();
    properties.set_u32(PropertyId::TopicAlias, 1).unwrap();
    let mut peer = sender(10, "22 00 0a");
    let error = peer.publish(&Publish::new("a", "m").properties(properties)).unwrap_err();
    assert!(matches!(error, RequestError::Encode(_)), "{error}");
    peer.expect_nothing();
}

#[test]
fn v5_3_3_2_10_every_alias_up_to_the_clients_maximum_is_taken() {
    for maximum in [1, 2, 300, 65_535] {
        let mut peer = receiver(maximum);
        for alias in [1, maximum] {
            peer.send_bytes(&message("a", alias));
            peer.send_bytes(&message("b", alias));
            peer.send_bytes(&message("", alias));
            let topics: Vec<_> = peer.messages().into_iter().map(|found| found.topic).collect();
            assert_eq!(topics, ["a", "b", "b"]);
        }
    }
}

fn an_alias_above_the_maximum_is_refused(maximum: u16) {
    let mut peer = receiver(maximum);
    peer.send_bytes(&message("a", maximum + 1));
    assert_eq!(peer.messages(), []);
    peer.expect_failure(ReasonCode::TopicAliasInvalid);
}

#[test]
fn v5_3_1_2_26_an_alias_above_the_clients_maximum_is_refused() {
    for maximum in [1, 2, 65_534] {
        an_alias_above_the_maximum_is_refused(maximum);
    }
}

#[test]
fn v5_3_1_2_27_without_a_maximum_every_alias_is_refused() {
    an_alias_above_the_maximum_is_refused(0);
    assert!(!Peer::connecting(&options(Version::V5)).expect().contains("topic alias maximum"));
}

#[test]
fn v5_3_3_2_11_the_maximum_of_the_last_connection_means_nothing_on_the_next() {
    let mut peer = receiver(10);
    peer.reconnect(&options(Version::V5), false);
    peer.send_bytes(&message("a", 1));
    peer.expect_failure(ReasonCode::TopicAliasInvalid);
}

#[test]
fn v5_an_alias_without_a_topic_must_be_known() {
    let mut peer = receiver(10);
    peer.send_bytes(&message("a", 1));
    peer.send_bytes(&message("", 2));
    assert_eq!(peer.message().topic, "a");
    peer.expect_failure(ReasonCode::ProtocolError);
}

#[test]
fn v5_an_alias_stands_for_its_topic_at_every_qos() {
    let mut peer = receiver(1);
    peer.send("34 0a 00 01 61 00 05 03 23 00 01 6d");
    peer.send("34 09 00 00 00 05 03 23 00 01 6d");
    peer.send("32 09 00 00 00 06 03 23 00 01 6d");
    let messages = peer.messages();
    let found: Vec<_> = messages.iter().map(|message| (&*message.topic, message.qos)).collect();
    assert_eq!(found, [("a", QoS::ExactlyOnce), ("a", QoS::AtLeastOnce)], "one is a repetition");
}
