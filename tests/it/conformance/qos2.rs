//! QoS 2, as sender and receiver (section 4.3.3).

use std::time::Duration;

use mqttlink::codec::{AckKind, Version};
use mqttlink::proto::{AckOutcome, Publish, PublishOutcome};
use mqttlink::{Properties, QoS, ReasonCode};

use crate::peer::Peer;

fn is_success(outcomes: &[PublishOutcome]) -> bool {
    matches!(outcomes, [PublishOutcome::Acknowledged(detail)] if !detail.reason.is_error())
}

#[test]
fn v5_4_3_3_1_each_message_has_an_identifier_of_its_own() {
    let mut peer = Peer::connected(Version::V5);
    let taken: Vec<u16> = (0..50).map(|_| peer.publish_to("a", QoS::ExactlyOnce)).collect();
    // PUBREC does not free an identifier.
    taken.iter().for_each(|number| peer.send_ack(AckKind::PubRec, *number));
    for _ in 0..50 {
        let number = peer.publish_to("a", QoS::ExactlyOnce);
        assert!(number != 0 && !taken.contains(&number), "{number} is in use");
    }
}

#[test]
fn v5_4_3_3_2_the_first_publish_has_its_identifier_and_no_dup() {
    let mut peer = Peer::connected(Version::V5);
    peer.publish_to("a", QoS::ExactlyOnce);
    assert_eq!(peer.expect_hex(), "34 07 00 01 61 00 01 00 6d");
    peer.publish_to("a", QoS::ExactlyOnce);
    assert_eq!(peer.expect_hex(), "34 07 00 01 61 00 02 00 6d");
}

fn a_message_is_kept_until_pubrec(version: Version, again: &str) {
    let mut peer = Peer::lasting(version);
    let number = peer.publish_to("a", QoS::ExactlyOnce);
    peer.expect();
    for _ in 0..3 {
        peer.resume();
        assert_eq!(peer.expect_hex(), again);
        peer.expect_nothing();
    }
    peer.send_ack(AckKind::PubRec, number);
    assert_eq!(peer.outcomes(), [], "it is not complete");
}

#[test]
fn v5_4_3_3_3_a_message_is_kept_until_pubrec() {
    a_message_is_kept_until_pubrec(Version::V5, "3c 07 00 01 61 00 01 00 6d");
}

fn pubrec_is_answered_with_pubrel(version: Version) {
    let mut peer = Peer::connected(version);
    for _ in 0..3 {
        peer.publish_to("a", QoS::ExactlyOnce);
        peer.expect();
    }
    // As often as it comes, and in any order.
    for number in [2, 1, 2, 3, 1] {
        peer.send_ack(AckKind::PubRec, number);
        assert_eq!(peer.expect_hex(), format!("62 02 00 0{number}"));
    }
    peer.expect_nothing();
}

#[test]
fn v5_4_3_3_4_pubrec_is_answered_with_pubrel() {
    pubrec_is_answered_with_pubrel(Version::V5);
    let mut peer = Peer::connected(Version::V5);
    peer.publish_to("a", QoS::ExactlyOnce);
    peer.expect();
    peer.send_reason(AckKind::PubRec, 1, ReasonCode::NoMatchingSubscribers);
    assert_eq!(peer.expect_hex(), "62 02 00 01");
}

#[test]
fn v5_4_3_3_4_a_pubrec_that_refuses_ends_the_flow() {
    let mut peer = Peer::connected(Version::V5);
    peer.publish_to("a", QoS::ExactlyOnce);
    peer.expect();
    peer.send_reason(AckKind::PubRec, 1, ReasonCode::QuotaExceeded);
    peer.expect_nothing();
    assert!(matches!(&peer.outcomes()[..], [PublishOutcome::Refused(_)]));
    assert_eq!(peer.client.in_flight(), 0);
}

fn pubrel_is_kept_until_pubcomp(version: Version) {
    let mut peer = Peer::lasting(version);
    peer.publish_to("a", QoS::ExactlyOnce);
    peer.send_ack(AckKind::PubRec, 1);
    peer.expect_all();
    for _ in 0..3 {
        peer.resume();
        assert_eq!(peer.expect_hex(), "62 02 00 01");
        peer.expect_nothing();
        assert_eq!(peer.outcomes(), []);
    }
    peer.send_ack(AckKind::PubComp, 1);
    assert!(is_success(&peer.outcomes()));
    peer.resume();
    peer.expect_nothing();
}

#[test]
fn what_pubrec_says_is_the_outcome() {
    for lost in [false, true] {
        let mut peer = Peer::lasting(Version::V5);
        let number = peer.publish_to("a", QoS::ExactlyOnce);
        peer.send_reason(AckKind::PubRec, number, ReasonCode::NoMatchingSubscribers);
        if lost {
            peer.lose_session();
        } else {
            peer.send_ack(AckKind::PubComp, number);
        }
        let outcomes = peer.outcomes();
        let [PublishOutcome::Acknowledged(detail)] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert_eq!(detail.reason, ReasonCode::NoMatchingSubscribers, "{lost}");
    }
}

#[test]
fn v5_4_3_3_5_pubrel_is_kept_until_pubcomp() {
    pubrel_is_kept_until_pubcomp(Version::V5);
}

fn after_pubrel_the_message_is_never_sent_again(version: Version) {
    let mut peer = Peer::lasting(version);
    peer.publish_to("a", QoS::ExactlyOnce);
    peer.expect();
    peer.send_ack(AckKind::PubRec, 1);
    assert_eq!(peer.expect(), "PUBREL id=1");
    for _ in 0..3 {
        peer.resume();
        peer.send_ack(AckKind::PubRec, 1);
        peer.advance(Duration::from_secs(3600));
        assert_eq!(peer.expect_all(), ["PUBREL id=1"; 2]);
    }
    // Nor when the PUBREL did not get out before the link broke.
    peer.publish_to("b", QoS::ExactlyOnce);
    peer.expect();
    peer.client.handle_input(peer.now, &[0x50, 2, 0, 2]);
    peer.client.handle_disconnected(peer.now);
    peer.resume();
    assert_eq!(peer.expect_all(), ["PUBREL id=1", "PUBREL id=2"]);
}

#[test]
fn v5_4_3_3_6_after_pubrel_the_message_is_never_sent_again() {
    after_pubrel_the_message_is_never_sent_again(Version::V5);
}

#[test]
fn v311_4_3_3_1_the_sender_goes_through_all_states() {
    let mut peer = Peer::lasting(Version::V3_1_1);
    peer.publish_to("a", QoS::ExactlyOnce);
    assert_eq!(peer.expect_hex(), "34 06 00 01 61 00 01 6d");
    a_message_is_kept_until_pubrec(Version::V3_1_1, "3c 06 00 01 61 00 01 6d");
    pubrec_is_answered_with_pubrel(Version::V3_1_1);
    pubrel_is_kept_until_pubcomp(Version::V3_1_1);
    after_pubrel_the_message_is_never_sent_again(Version::V3_1_1);
}

#[test]
fn v5_4_3_3_7_a_message_that_was_sent_does_not_expire() {
    let mut peer = Peer::lasting(Version::V5);
    for topic in ["a", "b"] {
        let message = Publish::new(topic, "m").qos(QoS::ExactlyOnce).message_expiry(10);
        peer.publish(&message).unwrap();
        assert!(peer.expect().contains("message expiry interval=10"));
    }
    peer.advance(Duration::from_secs(3600));
    peer.send_ack(AckKind::PubRec, 1);
    assert_eq!(peer.expect(), "PUBREL id=1");
    peer.resume();
    // The server is to go through with it, so what is left of its time is not 0.
    let sent = peer.expect_all();
    assert_eq!(sent[0], "PUBREL id=1");
    assert!(sent[1].contains("topic=\"b\" qos=2 id=2 dup"), "{sent:?}");
    assert!(sent[1].contains("message expiry interval=1"), "{sent:?}");
    peer.send_ack(AckKind::PubRec, 2);
    peer.send_ack(AckKind::PubComp, 1);
    peer.send_ack(AckKind::PubComp, 2);
    assert_eq!(peer.outcomes().len(), 2);
}

fn pubrec_follows_the_application(version: Version) {
    let mut peer = Peer::connected(version);
    peer.send_message("a", QoS::ExactlyOnce, 0x1234);
    let message = peer.message();
    peer.send_repeated("a", QoS::ExactlyOnce, 0x1234);
    assert_eq!(peer.messages(), []);
    peer.expect_nothing();
    peer.acknowledge(&message);
    assert_eq!(peer.expect_hex(), "50 02 12 34");
    assert_eq!(peer.expect_hex(), "50 02 12 34", "the repetition has its own");
    peer.expect_nothing();
}

#[test]
fn v5_4_3_3_8_pubrec_follows_the_application() {
    pubrec_follows_the_application(Version::V5);
}

#[test]
fn v5_4_3_3_9_after_a_refusal_the_identifier_means_a_new_message() {
    let mut peer = Peer::lasting(Version::V5);
    peer.send_message("a", QoS::ExactlyOnce, 7);
    let message = peer.message();
    let refusal = AckOutcome { reason: ReasonCode::QuotaExceeded, properties: Properties::new() };
    peer.acknowledge_with(&message, refusal);
    assert_eq!(peer.expect_hex(), "50 03 00 07 97");
    peer.send_message("b", QoS::ExactlyOnce, 7);
    let message = peer.message();
    assert_eq!(message.topic, "b");
    peer.acknowledge(&message);
    assert_eq!(peer.expect_hex(), "50 02 00 07");
}

fn until_pubrel_a_repetition_is_not_delivered(version: Version) {
    let mut peer = Peer::lasting(version);
    peer.deliver("a", QoS::ExactlyOnce, 7);
    assert_eq!(peer.expect(), "PUBREC id=7");
    for _ in 0..3 {
        peer.send_repeated("a", QoS::ExactlyOnce, 7);
        assert_eq!(peer.expect(), "PUBREC id=7");
        peer.send_message("a", QoS::ExactlyOnce, 7);
        assert_eq!(peer.expect(), "PUBREC id=7");
        peer.resume();
    }
    assert_eq!(peer.messages(), []);
}

#[test]
fn v5_4_3_3_10_until_pubrel_a_repetition_is_not_delivered() {
    until_pubrel_a_repetition_is_not_delivered(Version::V5);
}

fn pubrel_is_answered_with_pubcomp(version: Version, unknown: &str) {
    let mut peer = Peer::lasting(version);
    peer.deliver("a", QoS::ExactlyOnce, 7);
    assert_eq!(peer.expect(), "PUBREC id=7");
    peer.send_ack(AckKind::PubRel, 7);
    assert_eq!(peer.expect_hex(), "70 02 00 07");
    peer.send_ack(AckKind::PubRel, 7);
    assert_eq!(peer.expect_hex(), unknown);
    // Also on the next connection.
    peer.deliver("a", QoS::ExactlyOnce, 8);
    peer.resume();
    peer.send_ack(AckKind::PubRel, 8);
    assert_eq!(peer.expect_hex(), "70 02 00 08");
}

#[test]
fn v5_4_3_3_11_pubrel_is_answered_with_pubcomp() {
    pubrel_is_answered_with_pubcomp(Version::V5, "70 03 00 07 92");
}

fn after_pubcomp_the_identifier_means_a_new_message(version: Version) {
    let mut peer = Peer::lasting(version);
    for topic in ["a", "b", "c"] {
        peer.send_message(topic, QoS::ExactlyOnce, 7);
        let message = peer.message();
        assert_eq!(message.topic, topic);
        peer.acknowledge(&message);
        peer.send_ack(AckKind::PubRel, 7);
        assert_eq!(peer.expect_all(), ["PUBREC id=7", "PUBCOMP id=7"]);
    }
    // Whatever its DUP flag says.
    peer.send_repeated("d", QoS::ExactlyOnce, 7);
    assert_eq!(peer.message().topic, "d");
}

#[test]
fn v5_4_3_3_12_after_pubcomp_the_identifier_means_a_new_message() {
    after_pubcomp_the_identifier_means_a_new_message(Version::V5);
}

#[test]
fn v5_4_3_3_13_expiry_does_not_stop_the_receiver() {
    let mut peer = Peer::lasting(Version::V5);
    peer.send("34 0c 00 01 61 00 07 05 02 00 00 00 01 6d");
    let message = peer.message();
    peer.advance(Duration::from_secs(3600));
    peer.acknowledge(&message);
    assert_eq!(peer.expect(), "PUBREC id=7");
    peer.advance(Duration::from_secs(3600));
    peer.send_ack(AckKind::PubRel, 7);
    assert_eq!(peer.expect(), "PUBCOMP id=7");
}

#[test]
fn v311_4_3_3_2_the_receiver_goes_through_all_states() {
    pubrec_follows_the_application(Version::V3_1_1);
    until_pubrel_a_repetition_is_not_delivered(Version::V3_1_1);
    pubrel_is_answered_with_pubcomp(Version::V3_1_1, "70 02 00 07");
    after_pubcomp_the_identifier_means_a_new_message(Version::V3_1_1);
}
