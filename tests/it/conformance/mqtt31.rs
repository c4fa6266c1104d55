//! Where MQTT 3.1, which has no numbered statements, differs from MQTT 3.1.1.

use mqttlink::codec::{AckKind, EncodeError, Version};
use mqttlink::proto::{Config, ConnectOptions, Event, Publish, RequestError, Will};
use mqttlink::{QoS, ReasonCode};

use crate::peer::{Peer, options};
use crate::script::{refuses_hex, resumable};

const V31: Version = Version::V3_1;

fn try_connect(options: &ConnectOptions) -> Result<(), EncodeError> {
    let mut peer = Peer::idle(Config::default());
    peer.client.connect(peer.now, options)
}

#[test]
fn v31_connect_has_the_old_name_and_level_3() {
    let mut options = options(V31);
    options.keep_alive = 10;
    let mut peer = Peer::connecting(&options);
    assert_eq!(peer.expect_hex(), "10 0f 00 06 4d 51 49 73 64 70 03 02 00 0a 00 01 63");
    options.will = Some(Will::new("w", "x").qos(QoS::AtLeastOnce).retain(true));
    options.user_name = Some("u".into());
    options.password = Some(b"p".to_vec());
    let expected = "10 1b 00 06 4d 51 49 73 64 70 03 ee 00 0a 00 01 63 00 01 77 00 01 78 \
                    00 01 75 00 01 70";
    assert_eq!(Peer::connecting(&options).expect_hex(), expected);
}

#[test]
fn v31_a_client_identifier_is_never_empty() {
    for clean_start in [false, true] {
        let mut options = options(V31);
        options.client_id.clear();
        options.clean_start = clean_start;
        let error = try_connect(&options).unwrap_err();
        assert!(matches!(error, EncodeError::Contradiction { .. }), "{error}");
    }
}

/// Its text allows 23 characters, but few servers insist; one that does says so.
#[test]
fn v31_a_long_client_identifier_is_left_to_the_server() {
    for len in [1, 23, 24, 100] {
        let mut options = options(V31);
        options.client_id = "x".repeat(len);
        let mut peer = Peer::connecting(&options);
        assert_eq!(peer.expect_bytes().len(), 16 + len);
        peer.send("20 02 00 02");
        let Some(Event::Refused(notice)) = peer.event() else { panic!("refused") };
        assert_eq!(notice.reason, ReasonCode::ClientIdNotValid);
        assert!(peer.client.is_closing());
    }
}

#[test]
fn v31_connack_has_return_codes_0_to_5() {
    let reasons = [
        ReasonCode::UnsupportedProtocolVersion,
        ReasonCode::ClientIdNotValid,
        ReasonCode::ServerUnavailable,
        ReasonCode::BadUserNameOrPassword,
        ReasonCode::NotAuthorized,
    ];
    for code in 0..=255_u8 {
        let mut peer = Peer::connecting(&options(V31));
        peer.expect();
        peer.send_bytes(&[0x20, 2, 0, code]);
        match (code, peer.event()) {
            (0, Some(Event::Connected(granted))) => assert_eq!(granted.version, V31),
            (1..=5, Some(Event::Refused(notice))) => {
                assert_eq!(notice.reason, reasons[usize::from(code) - 1]);
            }
            (6.., Some(Event::Failed(_))) => {}
            other => panic!("{other:?}"),
        }
        peer.expect_nothing();
    }
}

#[test]
fn v31_the_first_byte_of_connack_means_nothing() {
    for byte in [0, 1, 0xff] {
        let mut peer = Peer::connecting(&options(V31));
        peer.expect();
        peer.send_bytes(&[0x20, 2, byte, 0]);
        let Some(Event::Connected(granted)) = peer.event() else { panic!("{byte:#04x}") };
        assert!(!granted.session_present, "it cannot say so");
    }
}

/// The server cannot say whether there is a session; without a clean session there should be.
#[test]
fn v31_a_session_is_resumed_unless_it_is_clean() {
    for clean in [false, true] {
        let mut peer = Peer::accepted(&resumable(V31), "");
        peer.publish_to("a", QoS::AtLeastOnce);
        peer.publish_to("b", QoS::ExactlyOnce);
        peer.publish_to("c", QoS::ExactlyOnce);
        peer.send_ack(AckKind::PubRec, 3);
        peer.expect_all();
        let mut options = resumable(V31);
        options.clean_start = clean;
        peer.reconnect(&options, false);
        let sent = peer.expect_all();
        if clean {
            assert_eq!(sent, ["PUBLISH topic=\"a\" qos=1 id=1 payload=(1 bytes)"]);
            assert_eq!(peer.outcomes().len(), 2, "QoS 2 has come to its end");
        } else {
            let expected = [
                "PUBREL id=3",
                "PUBLISH topic=\"a\" qos=1 id=1 dup payload=(1 bytes)",
                "PUBLISH topic=\"b\" qos=2 id=2 dup payload=(1 bytes)",
            ];
            assert_eq!(sent, expected);
            assert_eq!(peer.outcomes(), []);
        }
    }
}

/// Every packet has the flags of PUBLISH, of which only PUBLISH makes something.
#[test]
fn v31_flags_are_taken_as_they_come() {
    for flags in 0..16 {
        let mut peer = Peer::connected(V31);
        peer.publish_to("a", QoS::AtLeastOnce);
        peer.subscribe_to("a");
        peer.expect_all();
        peer.deliver("a", QoS::ExactlyOnce, 7);
        assert_eq!(peer.expect_hex(), "50 02 00 07");
        peer.send_bytes(&[0x60 | flags, 2, 0, 7, 0x40 | flags, 2, 0, 1]);
        peer.send_bytes(&[0x90 | flags, 3, 0, 2, 0, 0xd0 | flags, 0]);
        assert_eq!(peer.expect_hex(), "70 02 00 07");
        assert_eq!(peer.events().len(), 2, "{flags:#06b}");
        assert!(peer.client.is_connected());
    }
    let mut peer = Peer::connected(V31);
    peer.send("38 04 00 01 61 6d");
    assert_eq!(peer.message().payload, b"m", "DUP at QoS 0 means nothing");
    for first in ["36", "3e"] {
        refuses_hex(V31, &format!("{first} 06 00 01 61 00 01 6d"), ReasonCode::MalformedPacket);
    }
}

#[test]
fn v31_packets_are_sent_with_the_same_flags_as_later() {
    let mut peer = Peer::connected(V31);
    peer.publish_to("a", QoS::ExactlyOnce);
    peer.send_ack(AckKind::PubRec, 1);
    peer.subscribe_to("a");
    peer.unsubscribe_from("a");
    peer.pump();
    let expected =
        "34 06 00 01 61 00 01 6d 62 02 00 01 82 06 00 02 00 01 61 00 a2 05 00 03 00 01 61";
    assert_eq!(crate::hex::hex(&peer.sent), expected);
}

/// It has no code for a failure, but servers of later versions send theirs.
#[test]
fn v31_suback_may_have_the_failure_code_of_later_versions() {
    for (code, taken) in [(0, true), (1, true), (2, true), (0x80, true), (3, false), (0x87, false)]
    {
        let mut peer = Peer::connected(V31);
        peer.subscribe_to("a");
        peer.expect();
        peer.send_bytes(&[0x90, 3, 0, 1, code]);
        if taken {
            assert_eq!(peer.answer().len(), 1);
        } else {
            peer.expect_failure(ReasonCode::ProtocolError);
        }
    }
}

#[test]
fn v31_there_is_neither_auth_nor_a_servers_disconnect_nor_a_property() {
    refuses_hex(V31, "e0 00", ReasonCode::ProtocolError);
    refuses_hex(V31, "f0 00", ReasonCode::MalformedPacket);
    let mut peer = Peer::connected(V31);
    let error = peer.publish(&Publish::new("a", "m").content_type("x")).unwrap_err();
    assert!(matches!(error, RequestError::Encode(EncodeError::NotInVersion { .. })), "{error}");
    assert!(peer.client.re_authenticate(None).is_err());
    peer.expect_nothing();
}

#[test]
fn v31_a_password_needs_a_user_name() {
    let mut options = options(V31);
    options.password = Some(b"p".to_vec());
    assert!(try_connect(&options).is_err());
    options.user_name = Some("u".into());
    assert!(try_connect(&options).is_ok());
}
