//! QoS 0 and 1, as sender and receiver (sections 4.3.1 and 4.3.2).

use mqttlink::codec::{AckKind, Version};
use mqttlink::proto::{AckOutcome, Publish, PublishOutcome};
use mqttlink::{Properties, QoS, ReasonCode};

use crate::peer::Peer;
use crate::script::id;

fn qos_0_is_sent_once_and_plainly(version: Version, expected: &str) {
    let mut peer = Peer::lasting(version);
    peer.publish_to("a", QoS::AtMostOnce);
    assert_eq!(peer.expect_hex(), expected);
    assert_eq!(peer.client.in_flight(), 0);
    peer.publish(&Publish::new("a", "m")).unwrap();
    peer.resume();
    peer.expect_nothing();
    assert_eq!(peer.outcomes(), []);
}

#[test]
fn v5_4_3_1_1_qos_0_is_sent_once_and_plainly() {
    qos_0_is_sent_once_and_plainly(Version::V5, "30 05 00 01 61 00 6d");
}

#[test]
fn v311_4_3_1_1_qos_0_is_sent_once_and_plainly() {
    qos_0_is_sent_once_and_plainly(Version::V3_1_1, "30 04 00 01 61 6d");
}

#[test]
fn v5_4_3_2_1_each_message_has_an_identifier_of_its_own() {
    let mut peer = Peer::connected(Version::V5);
    let taken: Vec<u16> = (0..100).map(|_| peer.publish_to("a", QoS::AtLeastOnce)).collect();
    let mut distinct = taken.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!((distinct.len(), distinct.contains(&0)), (100, false));
    peer.send_ack(AckKind::PubAck, taken[50]);
    for _ in 0..100 {
        let number = peer.publish_to("a", QoS::AtLeastOnce);
        assert!(number == taken[50] || !taken.contains(&number), "{number} is in use");
    }
}

#[test]
fn v5_4_3_2_2_the_first_publish_has_its_identifier_and_no_dup() {
    let mut peer = Peer::connected(Version::V5);
    peer.publish_to("a", QoS::AtLeastOnce);
    assert_eq!(peer.expect_hex(), "32 07 00 01 61 00 01 00 6d");
    peer.publish_to("a", QoS::AtLeastOnce);
    assert_eq!(peer.expect_hex(), "32 07 00 01 61 00 02 00 6d");
}

/// Until its PUBACK comes a message is sent again on each connection, after it never.
fn a_message_is_kept_until_puback(version: Version, again: &str, reason: ReasonCode) {
    let mut peer = Peer::lasting(version);
    let number = peer.publish_to("a", QoS::AtLeastOnce);
    peer.expect();
    for _ in 0..3 {
        assert_eq!(peer.client.in_flight(), 1);
        assert_eq!(peer.client.unacknowledged().len(), 1);
        peer.resume();
        assert_eq!(peer.expect_hex(), again);
        peer.expect_nothing();
    }
    assert_eq!(peer.outcomes(), []);
    peer.send_reason(AckKind::PubAck, number, reason);
    assert_eq!((peer.client.in_flight(), peer.outcomes().len()), (0, 1));
    peer.resume();
    peer.expect_nothing();
    // One that comes too late answers nothing.
    peer.send_ack(AckKind::PubAck, number);
    assert_eq!(peer.outcomes(), []);
    assert!(peer.client.is_connected());
}

#[test]
fn v5_4_3_2_3_a_message_is_kept_until_puback_whatever_its_code() {
    let codes = [ReasonCode::Success, ReasonCode::NoMatchingSubscribers, ReasonCode::QuotaExceeded];
    for reason in codes {
        a_message_is_kept_until_puback(Version::V5, "3a 07 00 01 61 00 01 00 6d", reason);
    }
}

#[test]
fn v311_4_3_2_1_a_message_is_new_once_and_kept_until_puback() {
    let mut peer = Peer::connected(Version::V3_1_1);
    peer.publish_to("a", QoS::AtLeastOnce);
    assert_eq!(peer.expect_hex(), "32 06 00 01 61 00 01 6d");
    peer.publish_to("a", QoS::AtLeastOnce);
    assert_eq!(peer.expect_hex(), "32 06 00 01 61 00 02 6d");
    let again = "3a 06 00 01 61 00 01 6d";
    a_message_is_kept_until_puback(Version::V3_1_1, again, ReasonCode::Success);
}

fn puback_follows_the_application(version: Version) {
    let mut peer = Peer::connected(version);
    peer.send_message("a", QoS::AtLeastOnce, 0x1234);
    let message = peer.message();
    assert_eq!(message.ack.map(|ack| ack.packet_id()), Some(id(0x1234)));
    peer.expect_nothing();
    assert_eq!(peer.client.unacknowledged_received(), 1);
    peer.acknowledge(&message);
    assert_eq!(peer.expect_hex(), "40 02 12 34");
    assert_eq!(peer.client.unacknowledged_received(), 0);
    peer.acknowledge(&message);
    peer.expect_nothing();
}

#[test]
fn v5_4_3_2_4_puback_follows_the_application() {
    puback_follows_the_application(Version::V5);
    let mut peer = Peer::connected(Version::V5);
    peer.send_message("a", QoS::AtLeastOnce, 1);
    let message = peer.message();
    let reason = ReasonCode::ImplementationSpecificError;
    peer.acknowledge_with(&message, AckOutcome { reason, properties: Properties::new() });
    assert_eq!(peer.expect_hex(), "40 03 00 01 83");
}

/// A message that was not acknowledged is the server's to send again; one that was, is not.
fn after_puback_an_identifier_means_a_new_message(version: Version) {
    let mut peer = Peer::connected(version);
    for dup in [false, true, true, false] {
        if dup {
            peer.send_repeated("a", QoS::AtLeastOnce, 7);
        } else {
            peer.send_message("a", QoS::AtLeastOnce, 7);
        }
        let message = peer.message();
        assert_eq!(message.dup, dup, "the application is told");
        peer.acknowledge(&message);
        assert_eq!(peer.expect(), "PUBACK id=7");
    }
}

#[test]
fn v5_4_3_2_5_after_puback_an_identifier_means_a_new_message() {
    after_puback_an_identifier_means_a_new_message(Version::V5);
}

#[test]
fn v311_4_3_2_2_puback_follows_the_application_and_frees_the_identifier() {
    puback_follows_the_application(Version::V3_1_1);
    after_puback_an_identifier_means_a_new_message(Version::V3_1_1);
}

/// What the application still held when the link broke is delivered, and acknowledged, again.
fn a_message_of_the_last_connection_is_acknowledged_on_this_one_only(version: Version) {
    let mut peer = Peer::lasting(version);
    peer.send_message("a", QoS::AtLeastOnce, 7);
    let before = peer.message();
    peer.resume();
    peer.acknowledge(&before);
    peer.expect_nothing();
    peer.send_repeated("a", QoS::AtLeastOnce, 7);
    let again = peer.message();
    peer.acknowledge(&before);
    peer.expect_nothing();
    peer.acknowledge(&again);
    assert_eq!(peer.expect_all(), ["PUBACK id=7"]);
}

#[test]
fn v5_4_3_2_4_puback_never_answers_for_an_earlier_connection() {
    a_message_of_the_last_connection_is_acknowledged_on_this_one_only(Version::V5);
}

#[test]
fn v311_4_3_2_2_puback_never_answers_for_an_earlier_connection() {
    a_message_of_the_last_connection_is_acknowledged_on_this_one_only(Version::V3_1_1);
}

#[test]
fn v5_4_3_2_3_a_code_below_0x80_is_a_success() {
    let mut peer = Peer::connected(Version::V5);
    peer.publish_to("a", QoS::AtLeastOnce);
    peer.send_reason(AckKind::PubAck, 1, ReasonCode::NoMatchingSubscribers);
    let [PublishOutcome::Acknowledged(detail)] = &peer.outcomes()[..] else { panic!("success") };
    assert_eq!(detail.reason, ReasonCode::NoMatchingSubscribers);
}
