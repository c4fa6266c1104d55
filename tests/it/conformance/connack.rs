//! CONNACK (section 3.2). What it says about sessions is in `session`, about limits in `limits`.

use mqttlink::codec::Version;
use mqttlink::proto::{Event, ProtocolError};
use mqttlink::{QoS, ReasonCode};

use crate::hex::{packet, unhex};
use crate::peer::{Peer, options};

/// A client whose CONNECT was looked at.
fn waiting(version: Version) -> Peer {
    let mut peer = Peer::connecting(&options(version));
    peer.expect();
    peer
}

fn nothing_comes_before_connack(version: Version, packets: &[&str]) {
    for bytes in packets {
        let mut peer = waiting(version);
        peer.send(bytes);
        assert_eq!(peer.messages(), [], "{bytes}");
        peer.expect_failure(ReasonCode::ProtocolError);
    }
}

#[test]
fn v5_3_2_0_1_nothing_comes_before_connack() {
    nothing_comes_before_connack(
        Version::V5,
        &[
            "30 05 00 01 61 00 6d",
            "32 07 00 01 61 00 01 00 6d",
            "40 02 00 01",
            "50 02 00 01",
            "62 02 00 01",
            "70 02 00 01",
            "90 04 00 01 00 00",
            "b0 04 00 01 00 00",
            "d0 00",
            "e0 00",
            "f0 06 18 04 15 00 01 6d",
        ],
    );
}

#[test]
fn v311_3_2_0_1_nothing_comes_before_connack() {
    nothing_comes_before_connack(
        Version::V3_1_1,
        &[
            "30 04 00 01 61 6d",
            "32 06 00 01 61 00 01 6d",
            "40 02 00 01",
            "50 02 00 01",
            "62 02 00 01",
            "70 02 00 01",
            "90 03 00 01 00",
            "b0 02 00 01",
            "d0 00",
        ],
    );
}

#[test]
fn v5_3_2_0_1_the_client_waits_for_connack() {
    let mut peer = waiting(Version::V5);
    assert!(peer.try_publish_to("a", QoS::AtMostOnce).is_err());
    peer.expect_nothing();
    peer.send("20 03 00 00 00");
    peer.publish_to("a", QoS::AtMostOnce);
    assert_eq!(peer.expect_hex(), "30 05 00 01 61 00 6d");
}

#[test]
fn v5_3_2_0_2_a_second_connack_is_an_error() {
    for second in ["20 03 00 00 00", "20 03 00 87 00"] {
        let mut peer = Peer::connected(Version::V5);
        peer.send(second);
        peer.expect_failure(ReasonCode::ProtocolError);
    }
}

#[test]
fn v311_3_2_0_1_a_second_connack_is_an_error() {
    for second in ["20 02 00 00", "20 02 00 05"] {
        let mut peer = Peer::connected(Version::V3_1_1);
        peer.send(second);
        peer.expect_failure(ReasonCode::ProtocolError);
    }
}

#[test]
fn v5_3_2_2_1_reserved_acknowledge_flags_are_malformed() {
    for bit in 1..8 {
        let mut peer = waiting(Version::V5);
        peer.send_bytes(&[0x20, 3, 1 << bit, 0, 0]);
        peer.expect_failure(ReasonCode::MalformedPacket);
        let mut peer = waiting(Version::V3_1_1);
        peer.send_bytes(&[0x20, 2, 1 << bit, 0]);
        peer.expect_failure(ReasonCode::MalformedPacket);
    }
}

/// The client reports the reason and closes without another word.
fn assert_refused(version: Version, bytes: &[u8], reason: ReasonCode) {
    let mut peer = waiting(version);
    peer.send_bytes(bytes);
    let Some(Event::Refused(notice)) = peer.event() else { panic!("refused: {bytes:?}") };
    assert_eq!(notice.reason, reason);
    assert!(peer.client.is_closing());
    assert!(peer.try_publish_to("a", QoS::AtMostOnce).is_err());
    peer.expect_nothing();
}

/// The codes with which a server can answer CONNECT, but for success.
const REFUSALS: [u8; 21] = [
    0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99,
    0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
];

#[test]
fn v5_3_2_2_7_a_refusal_closes_the_connection() {
    for code in REFUSALS {
        let reason = ReasonCode::from_u8(code).unwrap();
        assert_refused(Version::V5, &[0x20, 3, 0, code, 0], reason);
    }
}

#[test]
fn v5_3_2_2_7_a_refusal_tells_why() {
    let mut peer = waiting(Version::V5);
    peer.send("20 0b 00 9c 08 1f 00 01 77 1c 00 01 68");
    let Some(Event::Refused(notice)) = peer.event() else { panic!("refused") };
    assert_eq!(notice.reason, ReasonCode::UseAnotherServer);
    assert_eq!(notice.reason_string(), Some("w"));
    assert_eq!(notice.server_reference(), Some("h"));
}

#[test]
fn v5_3_2_2_7_a_server_of_an_older_version_refuses_in_its_own_form() {
    let reason = ReasonCode::UnsupportedProtocolVersion;
    assert_refused(Version::V5, &unhex("20 02 00 01"), reason);
}

#[test]
fn v311_3_2_2_5_a_refusal_closes_the_connection() {
    for (code, reason) in [
        (1, ReasonCode::UnsupportedProtocolVersion),
        (2, ReasonCode::ClientIdNotValid),
        (3, ReasonCode::ServerUnavailable),
        (4, ReasonCode::BadUserNameOrPassword),
        (5, ReasonCode::NotAuthorized),
    ] {
        assert_refused(Version::V3_1_1, &[0x20, 2, 0, code], reason);
    }
}

#[test]
fn v5_3_2_2_8_other_reason_codes_are_an_error() {
    for code in 1..=255 {
        if REFUSALS.contains(&code) {
            continue;
        }
        let mut peer = waiting(Version::V5);
        peer.send_bytes(&[0x20, 3, 0, code, 0]);
        peer.expect_failure(ReasonCode::ProtocolError);
    }
}

#[test]
fn v311_3_2_2_6_reserved_return_codes_are_an_error() {
    for code in 6..=255 {
        let mut peer = waiting(Version::V3_1_1);
        peer.send_bytes(&[0x20, 2, 0, code]);
        peer.expect_failure(ReasonCode::ProtocolError);
    }
}

/// Properties of an accepting CONNACK and the reason with which the client ends the connection.
const BAD_PROPERTIES: [(&str, ReasonCode); 14] = [
    ("21 00 00", ReasonCode::ProtocolError),
    ("27 00 00 00 00", ReasonCode::ProtocolError),
    ("24 02", ReasonCode::ProtocolError),
    ("25 02", ReasonCode::ProtocolError),
    ("28 02", ReasonCode::ProtocolError),
    ("29 02", ReasonCode::ProtocolError),
    ("2a 02", ReasonCode::ProtocolError),
    ("13 00 01 13 00 01", ReasonCode::ProtocolError),
    ("1f 00 00 1f 00 00", ReasonCode::ProtocolError),
    ("16 00 00", ReasonCode::ProtocolError),
    ("15 00 01 6d", ReasonCode::ProtocolError),
    ("17 01", ReasonCode::MalformedPacket),
    ("23 00 01", ReasonCode::MalformedPacket),
    ("00", ReasonCode::MalformedPacket),
];

#[test]
fn v5_bad_properties_of_connack_end_the_connection() {
    for (properties, reason) in BAD_PROPERTIES {
        let properties = unhex(properties);
        let len = u8::try_from(properties.len()).unwrap();
        let mut peer = waiting(Version::V5);
        peer.send_bytes(&packet(0x20, &[&[0, 0, len], properties.as_slice()].concat()));
        peer.expect_failure(reason);
    }
}

#[test]
fn a_connack_of_the_wrong_length_is_malformed() {
    for (version, bytes) in [
        (Version::V5, "20 00"),
        (Version::V5, "20 01 00"),
        (Version::V5, "20 02 00 00"),
        (Version::V5, "20 04 00 00 00 00"),
        (Version::V5, "20 04 00 00 02 21"),
        (Version::V3_1_1, "20 00"),
        (Version::V3_1_1, "20 01 00"),
        (Version::V3_1_1, "20 03 00 00 00"),
    ] {
        let mut peer = waiting(version);
        peer.send(bytes);
        let Some(Event::Failed(ProtocolError::Decode(_))) = peer.event() else { panic!("{bytes}") };
        assert!(peer.client.is_closing());
    }
}
