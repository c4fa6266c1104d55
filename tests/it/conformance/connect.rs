//! CONNECT: header and flags (sections 3.1.1 and 3.1.2). The payload is in `connect_payload`.

use mqttlink::codec::{DecodeError, EncodeError, Packet, Version, frame};
use mqttlink::proto::{ConnectOptions, Will};
use mqttlink::{QoS, ReasonCode};

use crate::hex::{hex, packet, unhex};
use crate::peer::{Peer, options};

/// The bytes of the CONNECT that these options make.
fn connect(options: &ConnectOptions) -> Vec<u8> {
    Peer::connecting(options).expect_bytes()
}

/// The connect flags of the CONNECT that these options make.
fn flags(options: &ConnectOptions) -> u8 {
    // Two bytes of fixed header, six of protocol name, one of level.
    connect(options)[9]
}

/// Reads a CONNECT with these flags and this payload.
fn read(version: Version, flags: u8, payload: &str) -> Result<(), DecodeError> {
    let mut body = unhex("00 04 4d 51 54 54");
    body.extend([version.level(), flags, 0, 0]);
    if version.is_v5() {
        body.push(0);
    }
    body.extend(unhex(payload));
    let bytes = packet(0x10, &body);
    let frame = frame::parse(&bytes, version, frame::MAX_PACKET_SIZE)?.unwrap();
    Packet::decode(&frame, version).map(drop)
}

/// A payload with client identifier and will, user name and password as asked for.
fn payload(version: Version, fields: u8) -> String {
    let will = if version.is_v5() { "00 0001 77 0001 6d" } else { "0001 77 0001 6d" };
    let part = |bit: u8, text: &'static str| if fields & bit != 0 { text } else { "" };
    ["0001 63", part(4, will), part(0x80, "0001 75"), part(0x40, "0001 70")].concat()
}

/// Options with every combination of will, user name, password and clean start.
fn combinations(version: Version) -> Vec<ConnectOptions> {
    let mut all = Vec::new();
    for bits in 0..16_u8 {
        let mut options = options(version);
        options.clean_start = bits & 1 != 0;
        options.will = (bits & 2 != 0).then(|| Will::new("w", "m"));
        options.user_name = (bits & 4 != 0).then(|| "u".into());
        options.password = (bits & 8 != 0).then(|| b"p".to_vec());
        // Before MQTT 5.0 a password needs a user name.
        if version.is_v5() || options.password.is_none() || options.user_name.is_some() {
            all.push(options);
        }
    }
    all
}

#[test]
fn v5_3_1_0_1_the_first_packet_is_connect() {
    let mut peer = Peer::connecting(&options(Version::V5));
    assert_eq!(peer.expect_hex(), "10 13 00 04 4d 51 54 54 05 02 00 00 05 27 01 00 00 00 00 01 63");
    peer.expect_nothing();
    nothing_leaves_before_connect(Version::V5);
}

#[test]
fn v311_3_1_0_1_the_first_packet_is_connect() {
    let mut peer = Peer::connecting(&options(Version::V3_1_1));
    assert_eq!(peer.expect_hex(), "10 0d 00 04 4d 51 54 54 04 02 00 00 00 01 63");
    peer.expect_nothing();
    nothing_leaves_before_connect(Version::V3_1_1);
}

fn nothing_leaves_before_connect(version: Version) {
    let mut peer = Peer::idle(mqttlink::proto::Config::default());
    assert!(peer.try_publish_to("a", QoS::AtMostOnce).is_err());
    assert!(peer.subscribe(&mqttlink::proto::SubscribeRequest::new("a", QoS::AtMostOnce)).is_err());
    assert!(peer.disconnect(&mqttlink::proto::Disconnect::new()).is_err());
    peer.expect_nothing();
    peer.begin(&options(version));
    assert!(peer.expect().starts_with("CONNECT "));
    peer.expect_nothing();
}

#[test]
fn v5_3_1_2_1_the_protocol_name_is_mqtt() {
    let bytes = connect(&options(Version::V5));
    assert_eq!(hex(&bytes[2..9]), "00 04 4d 51 54 54 05");
    for (name, level) in [("mqtt", 5), ("MQTTX", 5), ("MQIsdp", 5), ("MQIsdp", 4), ("", 5)] {
        assert_refused_name(name, level, Version::V5);
    }
}

#[test]
fn v311_3_1_2_1_the_protocol_name_is_mqtt() {
    let bytes = connect(&options(Version::V3_1_1));
    assert_eq!(hex(&bytes[2..9]), "00 04 4d 51 54 54 04");
    for (name, level) in [("mqtt", 4), ("MQTX", 4), ("MQIsdp", 4), ("MQTT", 3)] {
        assert_refused_name(name, level, Version::V3_1_1);
    }
}

fn assert_refused_name(name: &str, level: u8, version: Version) {
    let mut body = crate::hex::field(name.as_bytes());
    body.extend([level, 2, 0, 0, 0, 0, 0]);
    let bytes = packet(0x10, &body);
    let frame = frame::parse(&bytes, version, frame::MAX_PACKET_SIZE).unwrap().unwrap();
    let error = Packet::decode(&frame, version).unwrap_err();
    assert_eq!(error.reason(), ReasonCode::UnsupportedProtocolVersion, "{name} {level}");
}

#[test]
fn v311_3_1_2_3_the_reserved_flag_is_never_set() {
    for options in combinations(Version::V3_1_1) {
        assert_eq!(flags(&options) & 1, 0, "{options:?}");
    }
    assert!(read(Version::V3_1_1, 0x02, "0001 63").is_ok());
    assert!(matches!(
        read(Version::V3_1_1, 0x03, "0001 63"),
        Err(DecodeError::ConnectFlags { flags: 3, .. })
    ));
}

fn the_will_is_in_the_payload_when_its_flag_is_set(version: Version, expected: &str) {
    let mut options = options(version);
    options.will = Some(Will::new("w", [1, 2]).qos(QoS::AtLeastOnce).retain(true));
    assert_eq!(flags(&options), 0b0010_1110);
    let sent = hex(&connect(&options));
    assert!(sent.ends_with(&format!("00 01 63 {expected}")), "{sent}");
    assert!(read(version, 0x04, &payload(version, 0x04)).is_ok());
    assert!(matches!(
        read(version, 0x04, &payload(version, 0)),
        Err(DecodeError::Truncated { .. })
    ));
}

#[test]
fn v5_3_1_2_9_the_will_is_in_the_payload_when_its_flag_is_set() {
    the_will_is_in_the_payload_when_its_flag_is_set(Version::V5, "00 00 01 77 00 02 01 02");
    let mut options = options(Version::V5);
    options.will = Some(Will::new("w", "m").delay(5));
    let sent = hex(&connect(&options));
    assert!(sent.ends_with("00 01 63 05 18 00 00 00 05 00 01 77 00 01 6d"), "{sent}");
}

#[test]
fn v311_3_1_2_9_the_will_is_in_the_payload_when_its_flag_is_set() {
    the_will_is_in_the_payload_when_its_flag_is_set(Version::V3_1_1, "00 01 77 00 02 01 02");
}

/// Without a will, no bit of `mask` is sent, and each one that is received is an error.
fn without_a_will_these_flags_are_clear(version: Version, mask: u8) {
    for options in combinations(version) {
        if options.will.is_none() {
            assert_eq!(flags(&options) & (mask | 0b100), 0, "{options:?}");
        }
    }
    for bit in (3..6).map(|bit| 1 << bit).filter(|bit| mask & bit != 0) {
        let error = read(version, 0x02 | bit, &payload(version, 0)).unwrap_err();
        assert_eq!(error.reason(), ReasonCode::MalformedPacket, "{bit:#010b}");
    }
}

#[test]
fn v5_3_1_2_11_without_a_will_the_will_qos_is_0() {
    without_a_will_these_flags_are_clear(Version::V5, 0b0001_1000);
}

#[test]
fn v5_3_1_2_13_without_a_will_the_will_retain_flag_is_0() {
    without_a_will_these_flags_are_clear(Version::V5, 0b0010_0000);
}

#[test]
fn v311_3_1_2_11_without_a_will_there_are_neither_flags_nor_fields() {
    without_a_will_these_flags_are_clear(Version::V3_1_1, 0b0011_1000);
    assert!(hex(&connect(&options(Version::V3_1_1))).ends_with("00 00 00 01 63"));
    let stray = format!("{} 0001 77 0001 6d", payload(Version::V3_1_1, 0));
    assert!(matches!(
        read(Version::V3_1_1, 0x02, &stray),
        Err(DecodeError::TrailingBytes { extra: 6, .. })
    ));
}

#[test]
fn v311_3_1_2_13_without_a_will_the_will_qos_is_0() {
    without_a_will_these_flags_are_clear(Version::V3_1_1, 0b0001_1000);
}

#[test]
fn v311_3_1_2_15_without_a_will_the_will_retain_flag_is_0() {
    without_a_will_these_flags_are_clear(Version::V3_1_1, 0b0010_0000);
}

fn the_will_qos_is_0_1_or_2(version: Version) {
    for (qos, expected) in [
        (QoS::AtMostOnce, 0b0000_0110),
        (QoS::AtLeastOnce, 0b0000_1110),
        (QoS::ExactlyOnce, 0b0001_0110),
    ] {
        let mut options = options(version);
        options.will = Some(Will::new("w", "m").qos(qos));
        assert_eq!(flags(&options), expected);
        assert!(read(version, expected, &payload(version, 4)).is_ok());
    }
    let error = read(version, 0b0001_1110, &payload(version, 4)).unwrap_err();
    assert_eq!(error.reason(), ReasonCode::MalformedPacket);
}

#[test]
fn v5_3_1_2_12_the_will_qos_is_0_1_or_2() {
    the_will_qos_is_0_1_or_2(Version::V5);
}

#[test]
fn v311_3_1_2_14_the_will_qos_is_0_1_or_2() {
    the_will_qos_is_0_1_or_2(Version::V3_1_1);
}

/// The flag, and the field's bytes at the end of the payload, are there exactly when asked for.
fn a_flag_announces_its_field(version: Version, flag: u8, wanted: bool) {
    let mut tried = 0;
    for options in combinations(version) {
        let has = match flag {
            0x80 => options.user_name.is_some(),
            _ => options.password.is_some(),
        };
        if has != wanted {
            continue;
        }
        tried += 1;
        assert_eq!(flags(&options) & flag != 0, wanted, "{options:?}");
        let sent = hex(&connect(&options));
        let field = if flag == 0x80 { "00 01 75" } else { "00 01 70" };
        assert_eq!(sent.contains(field), wanted, "{sent}");
    }
    assert!(tried > 0);
    // A user name goes with the password, because before MQTT 5.0 it has to.
    let others = if flag == 0x40 { 0x80 } else { 0 };
    let (announced, present) = if wanted { (flag, 0) } else { (0, flag) };
    let error = read(version, 0x02 | others | announced, &payload(version, others | present));
    assert_eq!(error.unwrap_err().reason(), ReasonCode::MalformedPacket);
    assert!(read(version, 0x02 | others | flag, &payload(version, others | flag)).is_ok());
}

#[test]
fn v5_3_1_2_16_without_the_flag_there_is_no_user_name() {
    a_flag_announces_its_field(Version::V5, 0x80, false);
}

#[test]
fn v5_3_1_2_17_with_the_flag_there_is_a_user_name() {
    a_flag_announces_its_field(Version::V5, 0x80, true);
}

#[test]
fn v5_3_1_2_18_without_the_flag_there_is_no_password() {
    a_flag_announces_its_field(Version::V5, 0x40, false);
}

#[test]
fn v5_3_1_2_19_with_the_flag_there_is_a_password_with_or_without_user_name() {
    a_flag_announces_its_field(Version::V5, 0x40, true);
    let mut options = options(Version::V5);
    options.password = Some(b"p".to_vec());
    assert_eq!(flags(&options), 0b0100_0010);
    assert!(hex(&connect(&options)).ends_with("00 01 63 00 01 70"));
}

#[test]
fn v311_3_1_2_18_without_the_flag_there_is_no_user_name() {
    a_flag_announces_its_field(Version::V3_1_1, 0x80, false);
}

#[test]
fn v311_3_1_2_19_with_the_flag_there_is_a_user_name() {
    a_flag_announces_its_field(Version::V3_1_1, 0x80, true);
}

#[test]
fn v311_3_1_2_20_without_the_flag_there_is_no_password() {
    a_flag_announces_its_field(Version::V3_1_1, 0x40, false);
}

#[test]
fn v311_3_1_2_21_with_the_flag_there_is_a_password() {
    a_flag_announces_its_field(Version::V3_1_1, 0x40, true);
}

#[test]
fn v311_3_1_2_22_a_password_needs_a_user_name() {
    let mut options = options(Version::V3_1_1);
    options.password = Some(b"p".to_vec());
    let mut peer = Peer::idle(mqttlink::proto::Config::default());
    let error = peer.client.connect(peer.now, &options).unwrap_err();
    assert!(matches!(error, EncodeError::Contradiction { .. }), "{error}");
    peer.expect_nothing();
    options.user_name = Some("u".into());
    assert_eq!(flags(&options), 0b1100_0010);
    let error = read(Version::V3_1_1, 0x42, &payload(Version::V3_1_1, 0x40)).unwrap_err();
    assert!(matches!(error, DecodeError::ConnectFlags { flags: 0x42, .. }), "{error}");
}
