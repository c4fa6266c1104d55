//! PUBACK, PUBREC, PUBREL and PUBCOMP (sections 3.4 to 3.7).

use mqttlink::codec::{Ack, AckKind, Version, frame};
use mqttlink::proto::{AckOutcome, Event, PublishOutcome};
use mqttlink::{Properties, QoS, ReasonCode};

use crate::hex::hex;
use crate::peer::{Peer, options};
use crate::script::{id, refuses};

/// The codes that a client may put into PUBACK and PUBREC.
const SENT: [u8; 8] = [0x00, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
/// The codes that it may find there.
const RECEIVED: [u8; 9] = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];

fn with_reason(reason: ReasonCode) -> AckOutcome {
    AckOutcome { reason, properties: Properties::new() }
}

/// Whatever the application says, what is sent is an acknowledgement with a code from the list.
fn only_listed_codes_are_sent(qos: QoS, first_byte: u8) {
    for reason in ReasonCode::ALL.iter().copied() {
        let mut peer = Peer::connected(Version::V5);
        peer.send_message("a", qos, 5);
        let message = peer.message();
        peer.acknowledge_with(&message, with_reason(reason));
        let bytes = peer.expect_bytes();
        assert_eq!((bytes[0], &bytes[2..4]), (first_byte, &[0, 5][..]), "{reason}");
        let code = bytes.get(4).copied().unwrap_or_default();
        let expected = match reason.code() {
            code if SENT.contains(&code) => code,
            code if code < 0x80 => 0x00,
            _ => 0x80,
        };
        assert_eq!(code, expected, "{reason}");
        peer.expect_nothing();
    }
}

fn only_listed_codes_are_taken(kind: AckKind, qos: QoS, listed: &[u8]) {
    for code in 0..=255 {
        let mut peer = Peer::connected(Version::V5);
        let number = peer.publish_to("a", qos);
        if kind == AckKind::PubComp {
            peer.send_ack(AckKind::PubRec, number);
        }
        peer.expect_all();
        let first = kind.packet_type().number() << 4;
        peer.send_bytes(&[first, 3, 0, 1, code]);
        if listed.contains(&code) {
            assert!(peer.client.is_connected(), "{code:#04x}");
        } else {
            peer.expect_failure(ReasonCode::ProtocolError);
        }
    }
}

#[test]
fn v5_3_4_2_1_puback_is_sent_with_listed_codes_only() {
    only_listed_codes_are_sent(QoS::AtLeastOnce, 0x40);
}

#[test]
fn v5_3_4_2_1_puback_is_taken_with_listed_codes_only() {
    only_listed_codes_are_taken(AckKind::PubAck, QoS::AtLeastOnce, &RECEIVED);
}

#[test]
fn v5_3_4_2_1_the_caller_learns_the_code_of_puback() {
    for code in RECEIVED {
        let reason = ReasonCode::from_u8(code).unwrap();
        let mut peer = Peer::connected(Version::V5);
        let number = peer.publish_to("a", QoS::AtLeastOnce);
        peer.send_reason(AckKind::PubAck, number, reason);
        match &peer.outcomes()[..] {
            [PublishOutcome::Acknowledged(detail)] => {
                assert!(!reason.is_error() && detail.reason == reason)
            }
            [PublishOutcome::Refused(detail)] => {
                assert!(reason.is_error() && detail.reason == reason)
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn v5_3_5_2_1_pubrec_is_sent_with_listed_codes_only() {
    only_listed_codes_are_sent(QoS::ExactlyOnce, 0x50);
}

#[test]
fn v5_3_5_2_1_pubrec_is_taken_with_listed_codes_only() {
    only_listed_codes_are_taken(AckKind::PubRec, QoS::ExactlyOnce, &RECEIVED);
}

/// Before MQTT 5.0 a message cannot be refused.
fn a_refusal_that_cannot_be_said_is_a_success(version: Version) {
    let mut peer = Peer::connected(version);
    for (qos, expected) in [(QoS::AtLeastOnce, "40 02 00 05"), (QoS::ExactlyOnce, "50 02 00 05")] {
        peer.send_message("a", qos, 5);
        let message = peer.message();
        peer.acknowledge_with(&message, with_reason(ReasonCode::QuotaExceeded));
        assert_eq!(peer.expect_hex(), expected);
    }
    peer.send_repeated("a", QoS::ExactlyOnce, 5);
    assert_eq!(peer.messages(), [], "the server holds it for delivered");
    assert_eq!(peer.expect_hex(), "50 02 00 05");
    peer.send_ack(AckKind::PubRel, 5);
    assert_eq!(peer.expect_hex(), "70 02 00 05");
}

#[test]
fn v311_4_3_3_2_a_message_cannot_be_refused() {
    a_refusal_that_cannot_be_said_is_a_success(Version::V3_1_1);
    a_refusal_that_cannot_be_said_is_a_success(Version::V3_1);
}

/// `why` as reason string takes six bytes, `a` and `b` as user property seven.
fn diagnostics(reason_string: bool, user_property: bool) -> Properties<'static> {
    let mut properties = Properties::new();
    if reason_string {
        properties.set_text(mqttlink::PropertyId::ReasonString, "why").unwrap();
    }
    if user_property {
        properties.add_user_property("a", "b").unwrap();
    }
    properties
}

/// The acknowledgement that a client sends to a server that takes packets of this size.
fn acknowledged(qos: QoS, maximum: usize, outcome: AckOutcome) -> String {
    let mut peer = Peer::accepted(&options(Version::V5), &format!("27 {maximum:08x}"));
    peer.send_message("a", qos, 1);
    let message = peer.message();
    peer.acknowledge_with(&message, outcome);
    peer.expect_hex()
}

fn diagnostics_are_left_out_where_they_would_not_fit(qos: QoS, first: &str, user_property: bool) {
    let properties = diagnostics(!user_property, user_property);
    let (body, size) =
        if user_property { ("07 26 00 01 61 00 01 62", 13) } else { ("06 1f 00 03 77 68 79", 12) };
    let refused = |properties| AckOutcome { reason: ReasonCode::NotAuthorized, properties };
    let full = format!("{first} {:02x} 00 01 87 {body}", size - 2);
    let short = format!("{first} 03 00 01 87");
    assert_eq!(acknowledged(qos, size, refused(properties.clone())), full);
    assert_eq!(acknowledged(qos, size - 1, refused(properties.clone())), short);
    assert_eq!(acknowledged(qos, 5, refused(properties.clone())), short);
    let success = AckOutcome { reason: ReasonCode::Success, properties };
    assert_eq!(acknowledged(qos, size - 1, success), format!("{first} 02 00 01"));
}

#[test]
fn v5_3_4_2_2_a_reason_string_is_left_out_of_puback_where_it_would_not_fit() {
    diagnostics_are_left_out_where_they_would_not_fit(QoS::AtLeastOnce, "40", false);
}

#[test]
fn v5_3_4_2_3_user_properties_are_left_out_of_puback_where_they_would_not_fit() {
    diagnostics_are_left_out_where_they_would_not_fit(QoS::AtLeastOnce, "40", true);
}

#[test]
fn v5_3_5_2_2_a_reason_string_is_left_out_of_pubrec_where_it_would_not_fit() {
    diagnostics_are_left_out_where_they_would_not_fit(QoS::ExactlyOnce, "50", false);
}

#[test]
fn v5_3_5_2_3_user_properties_are_left_out_of_pubrec_where_they_would_not_fit() {
    diagnostics_are_left_out_where_they_would_not_fit(QoS::ExactlyOnce, "50", true);
}

#[test]
fn v5_3_4_2_2_properties_that_do_not_belong_in_puback_are_left_out() {
    let mut properties = diagnostics(true, false);
    properties.set_text(mqttlink::PropertyId::ContentType, "text").unwrap();
    let outcome = AckOutcome { reason: ReasonCode::NotAuthorized, properties };
    assert_eq!(acknowledged(QoS::AtLeastOnce, 100, outcome), "40 0a 00 01 87 06 1f 00 03 77 68 79");
}

/// The client puts no diagnostics into PUBREL and PUBCOMP; this is what the encoder does with them.
fn the_encoder_leaves_diagnostics_out(kind: AckKind, first: &str, user_property: bool) {
    let properties = diagnostics(!user_property, user_property);
    let size = if user_property { 13 } else { 12 };
    let ack = Ack { kind, packet_id: id(1), reason: ReasonCode::PacketIdNotFound, properties };
    let encoded = |maximum| {
        let mut bytes = Vec::new();
        ack.encode(Version::V5, maximum, &mut bytes).map(|()| hex(&bytes))
    };
    let full = encoded(size).unwrap();
    assert!(full.starts_with(&format!("{first} {:02x} 00 01 92 ", size - 2)), "{full}");
    assert_eq!(encoded(frame::MAX_PACKET_SIZE).unwrap(), full);
    for maximum in [size - 1, 5] {
        assert_eq!(encoded(maximum).unwrap(), format!("{first} 03 00 01 92"));
    }
    assert!(encoded(4).is_err());
}

#[test]
fn v5_3_6_2_2_a_reason_string_is_left_out_of_pubrel_where_it_would_not_fit() {
    the_encoder_leaves_diagnostics_out(AckKind::PubRel, "62", false);
}

#[test]
fn v5_3_6_2_3_user_properties_are_left_out_of_pubrel_where_they_would_not_fit() {
    the_encoder_leaves_diagnostics_out(AckKind::PubRel, "62", true);
}

#[test]
fn v5_3_7_2_2_a_reason_string_is_left_out_of_pubcomp_where_it_would_not_fit() {
    the_encoder_leaves_diagnostics_out(AckKind::PubComp, "70", false);
}

#[test]
fn v5_3_7_2_3_user_properties_are_left_out_of_pubcomp_where_they_would_not_fit() {
    the_encoder_leaves_diagnostics_out(AckKind::PubComp, "70", true);
}

fn the_flags_of_pubrel_are_0010(version: Version) {
    let mut peer = Peer::connected(version);
    let number = peer.publish_to("a", QoS::ExactlyOnce);
    peer.expect();
    peer.send_ack(AckKind::PubRec, number);
    assert_eq!(peer.expect_hex(), "62 02 00 01");
    for flags in (0..16).filter(|flags| *flags != 2) {
        refuses(version, &[0x60 | flags, 2, 0, 1], ReasonCode::MalformedPacket);
    }
}

#[test]
fn v5_3_6_1_1_the_flags_of_pubrel_are_0010() {
    the_flags_of_pubrel_are_0010(Version::V5);
}

#[test]
fn v311_3_6_1_1_the_flags_of_pubrel_are_0010() {
    the_flags_of_pubrel_are_0010(Version::V3_1_1);
}

#[test]
fn v5_3_6_2_1_pubrel_has_one_of_two_codes() {
    let mut peer = Peer::connected(Version::V5);
    peer.publish_to("a", QoS::ExactlyOnce);
    peer.expect();
    peer.send_ack(AckKind::PubRec, 1);
    assert_eq!(peer.expect_hex(), "62 02 00 01");
    peer.send_ack(AckKind::PubRec, 2);
    assert_eq!(peer.expect_hex(), "62 03 00 02 92", "there is no such message");
    for code in 0..=255 {
        let mut peer = Peer::connected(Version::V5);
        peer.deliver("a", QoS::ExactlyOnce, 1);
        peer.expect();
        peer.send_bytes(&[0x62, 3, 0, 1, code]);
        if code == 0x00 || code == 0x92 {
            assert_eq!(peer.expect_hex(), "70 02 00 01");
        } else {
            peer.expect_failure(ReasonCode::ProtocolError);
        }
    }
}

#[test]
fn v5_3_7_2_1_pubcomp_has_one_of_two_codes() {
    let mut peer = Peer::connected(Version::V5);
    peer.deliver("a", QoS::ExactlyOnce, 1);
    peer.expect();
    peer.send_ack(AckKind::PubRel, 1);
    assert_eq!(peer.expect_hex(), "70 02 00 01");
    peer.send_ack(AckKind::PubRel, 1);
    assert_eq!(peer.expect_hex(), "70 03 00 01 92", "it has been released");
    only_listed_codes_are_taken(AckKind::PubComp, QoS::ExactlyOnce, &[0x00, 0x92]);
}

#[test]
fn v5_3_7_2_1_a_server_that_had_finished_completes_the_flow() {
    let mut peer = Peer::connected(Version::V5);
    peer.publish_to("a", QoS::ExactlyOnce);
    peer.send_ack(AckKind::PubRec, 1);
    peer.send_reason(AckKind::PubComp, 1, ReasonCode::PacketIdNotFound);
    let Some(Event::Published { outcome, .. }) = peer.event() else { panic!("an outcome") };
    assert!(matches!(outcome, PublishOutcome::Acknowledged(_)), "{outcome:?}");
}

#[test]
fn v5_3_1_2_29_diagnostics_that_were_not_asked_for_are_an_error() {
    let mut options = options(Version::V5);
    options.request_problem_information = false;
    assert!(Peer::connecting(&options).expect_hex().contains("17 00"));
    for property in ["1f 00 01 77", "26 00 01 6e 00 01 76"] {
        let len = property.replace(' ', "").len() / 2;
        let (acks, lists) = (len + 4, len + 4);
        for packet in [
            format!("40 {acks:02x} 00 01 00 {len:02x} {property}"),
            format!("50 {acks:02x} 00 01 00 {len:02x} {property}"),
            format!("62 {acks:02x} 00 01 00 {len:02x} {property}"),
            format!("70 {acks:02x} 00 01 00 {len:02x} {property}"),
            format!("90 {lists:02x} 00 01 {len:02x} {property} 00"),
            format!("b0 {lists:02x} 00 01 {len:02x} {property} 00"),
        ] {
            let mut peer = Peer::accepted(&options, "");
            peer.send(&packet);
            peer.expect_failure(ReasonCode::ProtocolError);
            let mut peer = Peer::connected(Version::V5);
            peer.send(&packet);
            assert!(peer.client.is_connected(), "{packet}");
        }
    }
}

#[test]
fn v5_3_1_2_29_publish_connack_and_disconnect_may_have_diagnostics() {
    let mut options = options(Version::V5);
    options.request_problem_information = false;
    let mut peer = Peer::accepted(&options, "1f 00 01 77 26 00 01 6e 00 01 76");
    peer.send("30 0c 00 01 61 07 26 00 01 6e 00 01 76 6d");
    assert_eq!(peer.message().properties.user_properties().count(), 1);
    peer.send("e0 06 00 04 1f 00 01 77");
    let Some(Event::Disconnected(notice)) = peer.event() else { panic!("a reason") };
    assert_eq!(notice.reason_string(), Some("w"));
    peer.expect_nothing();
}
