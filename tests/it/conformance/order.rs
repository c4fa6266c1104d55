//! Receipt and order (sections 4.5 and 4.6).

use mqttlink::codec::{AckKind, Version};
use mqttlink::proto::Publish;
use mqttlink::{QoS, ReasonCode};

use crate::peer::{Peer, Received};
use crate::script::resumable;

const EXACTLY: QoS = QoS::ExactlyOnce;
const AT_LEAST: QoS = QoS::AtLeastOnce;

/// The client has subscribed to nothing; a session of long ago may have.
fn every_message_is_acknowledged(version: Version) {
    let mut peer = Peer::connected(version);
    peer.deliver("never/asked/for", QoS::AtMostOnce, 0);
    peer.expect_nothing();
    peer.deliver("never/asked/for", AT_LEAST, 1);
    peer.deliver("$SYS/nor/for/this", EXACTLY, 2);
    assert_eq!(peer.expect_all(), ["PUBACK id=1", "PUBREC id=2"]);
    peer.send_ack(AckKind::PubRel, 2);
    assert_eq!(peer.expect(), "PUBCOMP id=2");
}

#[test]
fn v5_4_5_0_2_every_message_is_acknowledged() {
    every_message_is_acknowledged(Version::V5);
}

#[test]
fn v311_4_5_0_2_every_message_is_acknowledged() {
    every_message_is_acknowledged(Version::V3_1_1);
}

/// A client whose next packet identifiers are 65,533 and on, and then 1 and on.
fn before_the_wrap(version: Version) -> Peer {
    let mut peer = Peer::lasting(version);
    for expected in 1..=65_532 {
        assert_eq!(peer.publish_to("a", AT_LEAST), expected);
        peer.send_ack(AckKind::PubAck, expected);
        peer.sent.clear();
    }
    assert_eq!(peer.outcomes().len(), 65_532);
    peer
}

fn topics(lines: &[String]) -> Vec<&str> {
    lines.iter().map(|line| line.split('"').nth(1).expect("a topic")).collect()
}

/// The order is that of sending, neither that of identifiers nor that of acknowledgements.
fn messages_are_sent_again_in_their_order(version: Version) {
    let mut peer = before_the_wrap(version);
    let qos = [AT_LEAST, EXACTLY, AT_LEAST, EXACTLY, EXACTLY, AT_LEAST];
    for (number, qos) in qos.into_iter().enumerate() {
        peer.publish(&Publish::new(&number.to_string(), "m").qos(qos)).unwrap();
    }
    let sent = peer.expect_all();
    assert!(sent[2].contains(" id=65535 ") && sent[3].contains(" id=1 "), "{sent:?}");
    peer.send_ack(AckKind::PubAck, 65_535);
    assert_eq!(peer.outcomes().len(), 1);
    for _ in 0..3 {
        peer.resume();
        assert_eq!(topics(&peer.expect_all()), ["0", "1", "3", "4", "5"]);
    }
    peer.publish_to("6", AT_LEAST);
    peer.expect();
    peer.send_ack(AckKind::PubAck, 65_533);
    assert_eq!(peer.outcomes().len(), 1);
    peer.resume();
    assert_eq!(topics(&peer.expect_all()), ["1", "3", "4", "5", "6"]);
}

#[test]
fn v5_4_6_0_1_messages_are_sent_again_in_their_order() {
    messages_are_sent_again_in_their_order(Version::V5);
}

#[test]
fn v311_4_6_0_1_messages_are_sent_again_in_their_order() {
    messages_are_sent_again_in_their_order(Version::V3_1_1);
}

#[test]
fn v5_4_6_0_1_a_smaller_receive_maximum_does_not_change_the_order() {
    let mut peer = Peer::lasting(Version::V5);
    for topic in ["1", "2", "3", "4"] {
        peer.publish_to(topic, AT_LEAST);
    }
    peer.cut();
    peer.begin(&resumable(Version::V5));
    peer.accept(true, "21 00 01");
    for number in 1..=4 {
        let sent = peer.expect_all();
        assert_eq!(topics(&sent), [number.to_string()]);
        assert!(peer.try_publish_to("5", AT_LEAST).is_err(), "new ones wait behind them");
        peer.send_ack(AckKind::PubAck, number);
    }
    peer.publish_to("5", AT_LEAST);
    assert_eq!(topics(&peer.expect_all()), ["5"]);
}

/// Four messages that the application holds.
fn holding(version: Version, qos: QoS) -> (Peer, Vec<Received>) {
    let mut peer = Peer::connected(version);
    for number in [7, 3, 9, 1] {
        peer.send_message("a", qos, number);
    }
    let held = peer.messages();
    assert_eq!(held.len(), 4);
    (peer, held)
}

/// The application finishes the messages in another order than they came in.
fn acknowledgements_leave_in_the_order_of_the_messages(version: Version, qos: QoS, name: &str) {
    let (mut peer, held) = holding(version, qos);
    peer.acknowledge(&held[2]);
    peer.acknowledge(&held[1]);
    peer.expect_nothing();
    peer.acknowledge(&held[0]);
    assert_eq!(peer.expect_all(), [7, 3, 9].map(|id| format!("{name} id={id}")));
    peer.acknowledge(&held[3]);
    assert_eq!(peer.expect_all(), [format!("{name} id=1")]);
}

#[test]
fn v5_4_6_0_2_pubacks_leave_in_the_order_of_the_messages() {
    acknowledgements_leave_in_the_order_of_the_messages(Version::V5, AT_LEAST, "PUBACK");
}

#[test]
fn v311_4_6_0_2_pubacks_leave_in_the_order_of_the_messages() {
    acknowledgements_leave_in_the_order_of_the_messages(Version::V3_1_1, AT_LEAST, "PUBACK");
}

#[test]
fn v5_4_6_0_3_pubrecs_leave_in_the_order_of_the_messages() {
    acknowledgements_leave_in_the_order_of_the_messages(Version::V5, EXACTLY, "PUBREC");
}

#[test]
fn v311_4_6_0_3_pubrecs_leave_in_the_order_of_the_messages() {
    acknowledgements_leave_in_the_order_of_the_messages(Version::V3_1_1, EXACTLY, "PUBREC");
}

/// A repetition stands in the order at its own place; a released message holds nobody up.
#[test]
fn v5_4_6_0_3_repetitions_and_releases_keep_the_order() {
    let (mut peer, held) = holding(Version::V5, EXACTLY);
    peer.acknowledge(&held[1]);
    peer.send_repeated("a", EXACTLY, 3);
    peer.expect_nothing();
    peer.send_ack(AckKind::PubRel, 7);
    let sent = peer.expect_all();
    assert_eq!(sent[0], "PUBCOMP id=7");
    assert_eq!(sent[1..], ["PUBREC id=3", "PUBREC id=3"]);
    peer.acknowledge(&held[0]);
    peer.expect_nothing();
    peer.acknowledge(&held[3]);
    peer.acknowledge(&held[2]);
    assert_eq!(peer.expect_all(), ["PUBREC id=9", "PUBREC id=1"]);
}

fn pubrels_leave_in_the_order_of_the_pubrecs(version: Version) {
    let mut peer = Peer::lasting(version);
    for _ in 0..4 {
        peer.publish_to("a", EXACTLY);
    }
    peer.expect_all();
    for number in [3, 1, 4, 2] {
        peer.send_ack(AckKind::PubRec, number);
    }
    let expected = [3, 1, 4, 2].map(|id| format!("PUBREL id={id}"));
    assert_eq!(peer.expect_all(), expected);
    // A PUBREC that comes once more does not change its place.
    peer.send_ack(AckKind::PubRec, 3);
    peer.expect();
    peer.resume();
    assert_eq!(peer.expect_all(), expected);
    peer.send_ack(AckKind::PubComp, 1);
    assert_eq!(peer.outcomes().len(), 1);
    peer.resume();
    assert_eq!(peer.expect_all(), [3, 4, 2].map(|id| format!("PUBREL id={id}")));
}

#[test]
fn v5_4_6_0_4_pubrels_leave_in_the_order_of_the_pubrecs() {
    pubrels_leave_in_the_order_of_the_pubrecs(Version::V5);
    let mut peer = Peer::lasting(Version::V5);
    for _ in 0..3 {
        peer.publish_to("a", EXACTLY);
    }
    peer.expect_all();
    peer.send_ack(AckKind::PubRec, 2);
    peer.send_reason(AckKind::PubRec, 3, ReasonCode::QuotaExceeded);
    peer.send_ack(AckKind::PubRec, 1);
    assert_eq!(peer.expect_all(), ["PUBREL id=2", "PUBREL id=1"]);
}

#[test]
fn v311_4_6_0_4_pubrels_leave_in_the_order_of_the_pubrecs() {
    pubrels_leave_in_the_order_of_the_pubrecs(Version::V3_1_1);
}
