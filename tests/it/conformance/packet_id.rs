//! Packet identifiers (section 2.2.1 of MQTT 5.0, section 2.3.1 of MQTT 3.1.1).

use std::collections::HashSet;

use mqttlink::codec::{AckKind, EncodeError, Publish, Version, frame};
use mqttlink::proto::{Config, RequestError};
use mqttlink::{QoS, ReasonCode};

use crate::hex::hex;
use crate::peer::{Peer, options};
use crate::script::{id, refuses_hex};

#[test]
fn v5_2_2_1_2_qos_0_has_no_packet_identifier() {
    let mut peer = Peer::connected(Version::V5);
    assert_eq!(peer.publish_to("a", QoS::AtMostOnce), 0);
    assert_eq!(peer.expect_hex(), "30 05 00 01 61 00 6d");
    peer.send("30 06 00 01 61 00 00 01");
    assert_eq!(peer.message().payload, [0, 1], "what follows the properties is payload");
    an_identifier_goes_with_qos_1_and_2_only(Version::V5);
}

#[test]
fn v311_2_3_1_5_qos_0_has_no_packet_identifier() {
    let mut peer = Peer::connected(Version::V3_1_1);
    assert_eq!(peer.publish_to("a", QoS::AtMostOnce), 0);
    assert_eq!(peer.expect_hex(), "30 04 00 01 61 6d");
    peer.send("30 05 00 01 61 00 01");
    assert_eq!(peer.message().payload, [0, 1], "what follows the topic is payload");
    an_identifier_goes_with_qos_1_and_2_only(Version::V3_1_1);
}

fn an_identifier_goes_with_qos_1_and_2_only(version: Version) {
    for qos in QoS::ALL {
        for packet_id in [None, Some(id(1))] {
            let publish = Publish { topic: "a", qos, packet_id, ..Publish::default() };
            let mut bytes = Vec::new();
            let result = publish.encode(version, frame::MAX_PACKET_SIZE, &mut bytes);
            let fits = packet_id.is_some() == (qos != QoS::AtMostOnce);
            assert_eq!(result.is_ok(), fits, "{qos} {packet_id:?}");
            assert!(fits || matches!(result, Err(EncodeError::Contradiction { .. })));
        }
    }
}

/// A client that may have as many messages in flight as there are identifiers.
fn unlimited(version: Version) -> Peer {
    let mut config = Config::default();
    config.window = Some(u16::MAX);
    let mut peer = Peer::configured(config, &options(version));
    peer.accept(false, "");
    peer
}

fn identifiers_are_not_0_and_never_in_use_twice(version: Version) {
    let mut peer = unlimited(version);
    let mut in_use = HashSet::new();
    for _ in 0..100 {
        for number in [
            peer.publish_to("a", QoS::AtLeastOnce),
            peer.subscribe_to("a"),
            peer.publish_to("a", QoS::ExactlyOnce),
            peer.unsubscribe_from("a"),
        ] {
            assert_ne!(number, 0);
            assert!(in_use.insert(number), "{number} is in use");
        }
    }
}

#[test]
fn v5_2_2_1_3_identifiers_are_not_0_and_never_in_use_twice() {
    identifiers_are_not_0_and_never_in_use_twice(Version::V5);
}

#[test]
fn v311_2_3_1_2_identifiers_are_not_0_and_never_in_use_twice() {
    identifiers_are_not_0_and_never_in_use_twice(Version::V3_1_1);
}

fn after_65535_requests_identifiers_in_use_are_skipped(version: Version) {
    let mut peer = unlimited(version);
    assert_eq!(peer.subscribe_to("a"), 1);
    assert_eq!(peer.publish_to("a", QoS::ExactlyOnce), 2);
    for expected in 3..=u16::MAX {
        assert_eq!(peer.publish_to("a", QoS::AtLeastOnce), expected);
        peer.sent.clear();
    }
    assert!(peer.try_publish_to("a", QoS::AtLeastOnce).is_err(), "all are in use");
    let error = peer.client.unsubscribe(&"a".into(), mqttlink::proto::Token(0)).unwrap_err();
    assert_eq!(error, RequestError::NoPacketId);
    peer.send_ack(AckKind::PubAck, 4711);
    peer.send_ack(AckKind::PubAck, 3);
    assert_eq!(peer.publish_to("a", QoS::AtLeastOnce), 3, "1 and 2 are still in use");
    assert_eq!(peer.subscribe_to("a"), 4711);
}

#[test]
fn v5_2_2_1_3_after_65535_requests_identifiers_in_use_are_skipped() {
    after_65535_requests_identifiers_in_use_are_skipped(Version::V5);
}

#[test]
fn v311_2_3_1_2_after_65535_requests_identifiers_in_use_are_skipped() {
    after_65535_requests_identifiers_in_use_are_skipped(Version::V3_1_1);
}

#[test]
fn v5_2_2_1_3_identifier_0_from_the_server_is_an_error() {
    for bytes in [
        "32 06 00 01 61 00 00 00",
        "34 06 00 01 61 00 00 00",
        "40 02 00 00",
        "50 02 00 00",
        "62 02 00 00",
        "70 02 00 00",
        "90 04 00 00 00 00",
        "b0 04 00 00 00 00",
    ] {
        refuses_hex(Version::V5, bytes, ReasonCode::ProtocolError);
    }
}

#[test]
fn v311_2_3_1_1_identifier_0_is_neither_sent_nor_taken() {
    let mut peer = Peer::connected(Version::V3_1_1);
    peer.publish_to("a", QoS::AtLeastOnce);
    assert_eq!(peer.expect_hex(), "32 06 00 01 61 00 01 6d");
    for bytes in [
        "32 05 00 01 61 00 00",
        "34 05 00 01 61 00 00",
        "40 02 00 00",
        "50 02 00 00",
        "62 02 00 00",
        "70 02 00 00",
        "90 03 00 00 00",
        "b0 02 00 00",
    ] {
        refuses_hex(Version::V3_1_1, bytes, ReasonCode::ProtocolError);
    }
}

fn the_servers_identifiers_are_another_pool(version: Version) {
    let mut peer = Peer::connected(version);
    assert_eq!(peer.publish_to("out", QoS::ExactlyOnce), 1);
    peer.expect();
    peer.deliver("in", QoS::ExactlyOnce, 1);
    assert_eq!(peer.expect(), "PUBREC id=1");
    peer.send_ack(AckKind::PubRec, 1);
    assert_eq!(peer.expect(), "PUBREL id=1");
    peer.send_ack(AckKind::PubRel, 1);
    assert_eq!(peer.expect(), "PUBCOMP id=1");
    assert_eq!(peer.client.in_flight(), 1, "the server's PUBREL ends the server's message only");
    peer.send_ack(AckKind::PubComp, 1);
    assert_eq!(peer.client.in_flight(), 0);
}

#[test]
fn v5_2_2_1_4_the_servers_identifiers_are_another_pool() {
    the_servers_identifiers_are_another_pool(Version::V5);
}

#[test]
fn v311_2_3_1_4_the_servers_identifiers_are_another_pool() {
    the_servers_identifiers_are_another_pool(Version::V3_1_1);
}

fn acknowledgements_carry_the_identifier_of_their_message(version: Version) {
    let mut peer = Peer::connected(version);
    for (qos, number) in [
        (QoS::ExactlyOnce, 65_535),
        (QoS::AtLeastOnce, 7),
        (QoS::ExactlyOnce, 300),
        (QoS::AtLeastOnce, 1),
    ] {
        peer.deliver("in", qos, number);
    }
    let sent = [peer.expect_hex(), peer.expect_hex(), peer.expect_hex(), peer.expect_hex()];
    assert_eq!(sent, ["50 02 ff ff", "40 02 00 07", "50 02 01 2c", "40 02 00 01"]);
    peer.send_ack(AckKind::PubRel, 300);
    peer.send_ack(AckKind::PubRel, 65_535);
    assert_eq!([peer.expect_hex(), peer.expect_hex()], ["70 02 01 2c", "70 02 ff ff"]);

    let first = peer.publish_to("out", QoS::ExactlyOnce);
    let second = peer.publish_to("out", QoS::ExactlyOnce);
    peer.expect_all();
    peer.send_ack(AckKind::PubRec, second);
    peer.send_ack(AckKind::PubRec, first);
    assert_eq!([peer.expect_hex(), peer.expect_hex()], ["62 02 00 02", "62 02 00 01"]);
}

#[test]
fn v5_2_2_1_5_acknowledgements_carry_the_identifier_of_their_message() {
    acknowledgements_carry_the_identifier_of_their_message(Version::V5);
}

#[test]
fn v311_2_3_1_6_acknowledgements_carry_the_identifier_of_their_message() {
    acknowledgements_carry_the_identifier_of_their_message(Version::V3_1_1);
}

fn an_acknowledgement_of_the_wrong_kind_is_an_error(version: Version) {
    for (qos, wrong) in [
        (QoS::AtLeastOnce, AckKind::PubRec),
        (QoS::AtLeastOnce, AckKind::PubComp),
        (QoS::ExactlyOnce, AckKind::PubAck),
        (QoS::ExactlyOnce, AckKind::PubComp),
    ] {
        let mut peer = Peer::connected(version);
        let number = peer.publish_to("a", qos);
        peer.expect();
        peer.send_ack(wrong, number);
        peer.expect_failure(ReasonCode::ProtocolError);
    }
    for kind in [AckKind::PubAck, AckKind::PubRec, AckKind::PubComp] {
        let mut peer = Peer::connected(version);
        let number = peer.subscribe_to("a");
        peer.expect();
        peer.send_ack(kind, number);
        peer.expect_failure(ReasonCode::ProtocolError);
    }
}

#[test]
fn v5_2_2_1_5_an_acknowledgement_of_the_wrong_kind_is_an_error() {
    an_acknowledgement_of_the_wrong_kind_is_an_error(Version::V5);
}

#[test]
fn v311_2_3_1_6_an_acknowledgement_of_the_wrong_kind_is_an_error() {
    an_acknowledgement_of_the_wrong_kind_is_an_error(Version::V3_1_1);
}

/// Answers to requests 1 and 2, the second one first.
fn answers_find_their_request(version: Version, answers: [&str; 2]) {
    let mut peer = Peer::connected(version);
    assert_eq!(peer.subscribe_to("first"), 1);
    assert_eq!(peer.unsubscribe_from("second"), 2);
    peer.send(answers[0]);
    let [mqttlink::proto::Event::Answered { token, .. }] = peer.events()[..] else {
        panic!("one answer")
    };
    assert_eq!(token.0, 2);
    peer.send(answers[1]);
    let [mqttlink::proto::Event::Answered { token, .. }] = peer.events()[..] else {
        panic!("one answer")
    };
    assert_eq!(token.0, 1);
    // Nobody asked, so nobody is answered.
    peer.send(answers[1]);
    assert_eq!(peer.events(), []);
    assert!(peer.client.is_connected());
}

#[test]
fn v5_2_2_1_6_answers_find_their_request_in_any_order() {
    answers_find_their_request(Version::V5, ["b0 04 00 02 00 00", "90 04 00 01 00 00"]);
}

#[test]
fn v311_2_3_1_7_answers_find_their_request_in_any_order() {
    answers_find_their_request(Version::V3_1_1, ["b0 02 00 02", "90 03 00 01 00"]);
}

#[test]
fn v311_2_3_1_3_a_message_sent_again_keeps_its_identifier() {
    let mut peer = Peer::lasting(Version::V3_1_1);
    let (one, two) =
        (peer.publish_to("a", QoS::AtLeastOnce), peer.publish_to("a", QoS::ExactlyOnce));
    assert_eq!((one, two), (1, 2));
    peer.resume();
    assert_eq!(hex(&peer.expect_bytes()), "3a 06 00 01 61 00 01 6d");
    assert_eq!(hex(&peer.expect_bytes()), "3c 06 00 01 61 00 02 6d");
    peer.send_ack(AckKind::PubRec, 2);
    assert_eq!(peer.expect(), "PUBREL id=2");
    peer.resume();
    assert_eq!(
        peer.expect_all(),
        ["PUBREL id=2", "PUBLISH topic=\"a\" qos=1 id=1 dup payload=(1 bytes)"]
    );
}

#[test]
fn v311_2_3_1_3_an_identifier_is_free_when_its_flow_is_over() {
    let mut peer = unlimited(Version::V3_1_1);
    for expected in 1..=u16::MAX - 4 {
        assert_eq!(peer.publish_to("a", QoS::AtLeastOnce), expected);
        peer.sent.clear();
    }
    let [ack, exact] = [QoS::AtLeastOnce, QoS::ExactlyOnce].map(|qos| peer.publish_to("a", qos));
    let (subscribe, unsubscribe) = (peer.subscribe_to("a"), peer.unsubscribe_from("a"));
    peer.sent.clear();
    let next = |peer: &mut Peer| {
        let token = peer.token();
        peer.client.subscribe(&mqttlink::proto::SubscribeRequest::new("a", QoS::AtMostOnce), token)
    };
    assert_eq!(next(&mut peer), Err(RequestError::NoPacketId));
    peer.send_ack(AckKind::PubRec, exact);
    assert_eq!(next(&mut peer), Err(RequestError::NoPacketId), "PUBREC frees nothing");
    let answers = [
        (format!("40 02 {ack:04x}"), ack),
        (format!("70 02 {exact:04x}"), exact),
        (format!("90 03 {subscribe:04x} 00"), subscribe),
        (format!("b0 02 {unsubscribe:04x}"), unsubscribe),
    ];
    for (answer, number) in answers {
        peer.send(&answer);
        assert_eq!(next(&mut peer).unwrap().packet_id, Some(id(number)));
        assert_eq!(next(&mut peer), Err(RequestError::NoPacketId));
    }
}
