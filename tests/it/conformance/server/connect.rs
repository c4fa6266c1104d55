//! CONNECT: versions, identifiers, sessions, keep alive.

use std::time::Duration;

use mqttlink::codec::{Connect, Version};
use mqttlink::{QoS, ReasonCode};

use crate::hex::{field, packet};
use crate::world::{V3, V4, V5, World, hello, lasting, will};

fn another_packet_comes_first(version: Version) {
    // PUBLISH, SUBSCRIBE, PINGREQ, DISCONNECT, AUTH.
    for hex in ["30 03 00 01 61", "82 06 00 01 00 01 61 00", "c0 00", "e0 00", "f0 00"] {
        let mut world = World::new();
        let client = world.open(version);
        world.send_hex(client, hex);
        world.expect_closed(client);
    }
}

#[test]
fn v5_3_1_0_1_another_first_packet_closes_the_connection() {
    another_packet_comes_first(V5);
}

#[test]
fn v311_3_1_0_1_another_first_packet_closes_the_connection() {
    another_packet_comes_first(V4);
}

fn connect_comes_twice(version: Version) {
    let mut world = World::new();
    let client = world.connect(version, "a");
    let mut bytes = Vec::new();
    hello(version, "a").encode(1000, &mut bytes).unwrap();
    world.send_bytes(client, &bytes);
    world.expect_end(client, ReasonCode::ProtocolError);
}

#[test]
fn v5_3_1_0_2_a_second_connect_is_an_error() {
    connect_comes_twice(V5);
}

#[test]
fn v311_3_1_0_2_a_second_connect_is_an_error() {
    connect_comes_twice(V4);
}

/// A CONNECT with this protocol name and level, otherwise a valid one of this version.
fn with_protocol(name: &str, level: u8, form: Version) -> Vec<u8> {
    let properties: &[u8] = if form.is_v5() { &[0] } else { &[] };
    let rest = [&[level, 2, 0, 0], properties, &[0, 1, b'a']].concat();
    packet(0x10, &[field(name.as_bytes()), rest].concat())
}

fn a_wrong_name_is_not_accepted(version: Version) {
    for name in ["mqtt", "MQTTX", "MQT", "", "MQIsdp"] {
        let mut world = World::new();
        let client = world.open(version);
        world.send_bytes(client, &with_protocol(name, version.level(), version));
        assert!(world.is_closed(client), "{name}");
        // The name of MQTT 3.1 with another level is a known protocol in an unknown version.
        let answers = world.expect_all(client);
        assert!(answers.is_empty() || name == "MQIsdp", "{name}: {answers:?}");
    }
}

#[test]
fn v5_3_1_2_1_a_wrong_protocol_name_is_not_accepted() {
    a_wrong_name_is_not_accepted(V5);
}

#[test]
fn v311_3_1_2_1_a_wrong_protocol_name_is_not_accepted() {
    a_wrong_name_is_not_accepted(V4);
}

/// Nobody knows what a client of another version understands. Most likely it is the answer of the
/// version whose form its CONNECT has.
fn unknown_versions_are_refused(form: Version, answer: &str) {
    for level in [0, 2, 3, 6, 9, 99, 255] {
        let mut world = World::new();
        let client = world.open(form);
        world.send_bytes(client, &with_protocol("MQTT", level, form));
        assert_eq!(world.expect_hex(client), answer, "level {level}");
        world.expect_closed(client);
    }
}

#[test]
fn v5_3_1_2_2_an_unknown_version_is_refused() {
    unknown_versions_are_refused(V5, "20 03 00 84 00");
}

#[test]
fn v311_3_1_2_2_an_unknown_version_is_refused_with_1() {
    unknown_versions_are_refused(V4, "20 02 00 01");
    let mut world = World::new();
    let client = world.open(V4);
    world.send_hex(client, "10 09 00 04 4d 51 54 54 06 ff ff");
    assert_eq!(world.expect_hex(client), "20 02 00 01", "it has no form that is known");
    world.expect_closed(client);
}

#[test]
fn v5_3_1_2_2_a_version_that_is_not_wanted_is_refused_in_its_own_words() {
    for (version, answer) in [
        (V5, "CONNACK reason=unsupported protocol version (0x84)"),
        (V3, "CONNACK reason=unsupported protocol version (0x84)"),
    ] {
        let mut world = World::with(|config| config.protocol.versions = vec![V4]);
        let client = world.say(&hello(version, "a"));
        assert_eq!(world.expect(client), answer);
        world.expect_closed(client);
        world.connect(V4, "b");
    }
}

/// The answer to a valid CONNECT of this version whose header has these flags.
fn with_header_flags(version: Version, flags: u8) -> String {
    let mut world = World::new();
    let client = world.open(version);
    let mut bytes = Vec::new();
    hello(version, "a").encode(1000, &mut bytes).unwrap();
    bytes[0] |= flags;
    world.send_bytes(client, &bytes);
    if world.is_closed(client) {
        return world.expect_all(client).join("") + ", closed";
    }
    world.expect_hex(client)
}

#[test]
fn v5_2_1_3_1_connect_with_a_reserved_header_flag_is_malformed() {
    for flags in 1..16 {
        let answer = with_header_flags(V5, flags);
        assert_eq!(answer, "CONNACK reason=malformed packet (0x81), closed", "{flags:#06b}");
    }
}

#[test]
fn v311_2_2_2_2_connect_with_a_reserved_header_flag_closes_the_connection() {
    for flags in 1..16 {
        assert_eq!(with_header_flags(V4, flags), ", closed", "{flags:#06b}");
    }
}

/// There the header of every packet has DUP, QoS and RETAIN, which mean nothing in CONNECT.
#[test]
fn v31_connect_may_have_any_header_flag() {
    for flags in 0..16 {
        assert_eq!(with_header_flags(V3, flags), "20 02 00 00", "{flags:#06b}");
    }
}

#[test]
fn v5_1_5_5_1_connect_with_a_padded_length_is_malformed() {
    for (version, answer) in
        [(V5, "CONNACK reason=malformed packet (0x81)"), (V4, "CONNACK"), (V3, "CONNACK")]
    {
        let mut world = World::new();
        let client = world.open(version);
        let mut bytes = Vec::new();
        hello(version, "a").encode(1000, &mut bytes).unwrap();
        bytes[1] |= 0x80;
        bytes.insert(2, 0);
        world.send_bytes(client, &bytes);
        assert_eq!(world.expect(client), answer);
        assert_eq!(world.is_closed(client), version.is_v5());
    }
}

/// A CONNECT with these flags; user name, password and will are there if they say so.
fn with_flags(version: Version, flags: u8) -> Vec<u8> {
    let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
    let mut body = [&field(b"MQTT"), &[version.level(), flags, 0, 0][..], properties].concat();
    body.extend(field(b"a"));
    if flags & 0x04 != 0 {
        body.extend([properties, &field(b"w"), &field(b"m")].concat());
    }
    for flag in [0x80, 0x40] {
        if flags & flag != 0 {
            body.extend(field(b"x"));
        }
    }
    packet(0x10, &body)
}

fn these_flags_are_malformed(version: Version, flags: &[u8]) {
    for flags in flags {
        let mut world = World::new();
        let client = world.open(version);
        world.send_bytes(client, &with_flags(version, *flags));
        if version.is_v5() {
            assert_eq!(world.expect(client), "CONNACK reason=malformed packet (0x81)");
        }
        world.expect_closed(client);
    }
}

fn these_flags_are_accepted(version: Version, flags: &[u8]) {
    for flags in flags {
        let mut world = World::new();
        let client = world.open(version);
        world.send_bytes(client, &with_flags(version, *flags));
        let line = world.expect(client);
        assert!(!line.contains("reason"), "{flags:#x}: {line}");
    }
}

#[test]
fn v5_3_1_2_3_the_reserved_flag_is_checked() {
    these_flags_are_malformed(V5, &[0x01, 0x03, 0xc3]);
}

#[test]
fn v311_3_1_2_3_the_reserved_flag_is_checked() {
    these_flags_are_malformed(V4, &[0x01, 0x03, 0xc3]);
}

#[test]
fn v5_3_1_2_11_without_a_will_its_qos_is_0() {
    these_flags_are_malformed(V5, &[0x0a, 0x12, 0x1a]);
}

#[test]
fn v311_3_1_2_11_without_a_will_its_bits_are_0() {
    these_flags_are_malformed(V4, &[0x0a, 0x12, 0x22]);
}

#[test]
fn v311_3_1_2_13_without_a_will_its_qos_is_0() {
    these_flags_are_malformed(V4, &[0x0a, 0x12]);
}

#[test]
fn v5_3_1_2_12_a_will_has_qos_0_to_2() {
    these_flags_are_accepted(V5, &[0x06, 0x0e, 0x16]);
    these_flags_are_malformed(V5, &[0x1e]);
}

#[test]
fn v311_3_1_2_14_a_will_has_qos_0_to_2() {
    these_flags_are_accepted(V4, &[0x06, 0x0e, 0x16]);
    these_flags_are_malformed(V4, &[0x1e]);
}

#[test]
fn v5_3_1_2_13_without_a_will_it_is_not_retained() {
    these_flags_are_malformed(V5, &[0x22]);
    these_flags_are_accepted(V5, &[0x26]);
}

#[test]
fn v311_3_1_2_15_without_a_will_it_is_not_retained() {
    these_flags_are_malformed(V4, &[0x22]);
    these_flags_are_accepted(V4, &[0x26]);
}

fn flags_and_fields_disagree(version: Version, flag: u8) {
    // A field that no flag announces, and a flag without its field.
    let mut extra = with_flags(version, 0x02);
    extra.extend(field(b"x"));
    extra[1] += 3;
    let mut missing = with_flags(version, 0x02);
    let flags_at = 9;
    missing[flags_at] |= flag;
    for bytes in [extra, missing] {
        let mut world = World::new();
        let client = world.open(version);
        world.send_bytes(client, &bytes);
        if version.is_v5() {
            assert_eq!(world.expect(client), "CONNACK reason=malformed packet (0x81)");
        }
        world.expect_closed(client);
    }
    let both = if flag == 0x40 && !version.is_v5() { 0xc2 } else { flag | 0x02 };
    these_flags_are_accepted(version, &[both]);
}

#[test]
fn v5_3_1_2_9_a_will_without_its_fields_is_malformed() {
    flags_and_fields_disagree(V5, 0x04);
}

#[test]
fn v311_3_1_2_9_a_will_without_its_fields_is_malformed() {
    flags_and_fields_disagree(V4, 0x04);
}

#[test]
fn v5_3_1_2_16_a_user_name_without_its_flag_is_malformed() {
    flags_and_fields_disagree(V5, 0x80);
}

#[test]
fn v5_3_1_2_17_a_flag_without_its_user_name_is_malformed() {
    flags_and_fields_disagree(V5, 0x80);
}

#[test]
fn v5_3_1_2_18_a_password_without_its_flag_is_malformed() {
    flags_and_fields_disagree(V5, 0x40);
}

#[test]
fn v5_3_1_2_19_a_flag_without_its_password_is_malformed() {
    flags_and_fields_disagree(V5, 0x40);
}

#[test]
fn v311_3_1_2_18_a_user_name_without_its_flag_is_malformed() {
    flags_and_fields_disagree(V4, 0x80);
}

#[test]
fn v311_3_1_2_19_a_flag_without_its_user_name_is_malformed() {
    flags_and_fields_disagree(V4, 0x80);
}

#[test]
fn v311_3_1_2_20_a_password_without_its_flag_is_malformed() {
    flags_and_fields_disagree(V4, 0x80);
}

#[test]
fn v311_3_1_2_21_a_flag_without_its_password_is_malformed() {
    flags_and_fields_disagree(V4, 0xc0);
}

#[test]
fn v311_3_1_2_22_a_password_needs_a_user_name() {
    these_flags_are_malformed(V4, &[0x42]);
    these_flags_are_accepted(V4, &[0xc2]);
}

fn every_field_is_in_its_place(version: Version) {
    let mut world = World::with(|config| config.limits.closing = Duration::ZERO);
    let watcher = world.connect(version, "watcher");
    world.subscribe(watcher, "will/topic", QoS::AtMostOnce);
    let connect = Connect {
        will: Some(will("will/topic")),
        user_name: Some("user"),
        password: Some(b"password"),
        ..hello(version, "client")
    };
    let (client, _) = world.accepted(&connect);
    let names: Vec<_> = world.core.clients().map(|info| info.user.clone()).collect();
    assert!(names.contains(&Some("user".to_owned())), "{names:?}");
    world.cut(client);
    assert!(world.expect(watcher).contains("will/topic"));
}

#[test]
fn v5_3_1_3_1_fields_come_in_their_order() {
    every_field_is_in_its_place(V5);
}

#[test]
fn v311_3_1_3_1_fields_come_in_their_order() {
    every_field_is_in_its_place(V4);
}

fn the_identifier_is_missing(version: Version) {
    let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
    let body = [&field(b"MQTT"), &[version.level(), 2, 0, 0][..], properties].concat();
    let mut world = World::new();
    let client = world.open(version);
    world.send_bytes(client, &packet(0x10, &body));
    if version.is_v5() {
        assert_eq!(world.expect(client), "CONNACK reason=malformed packet (0x81)");
    }
    world.expect_closed(client);
}

#[test]
fn v5_3_1_3_3_the_identifier_is_always_there() {
    the_identifier_is_missing(V5);
}

#[test]
fn v311_3_1_3_3_the_identifier_is_always_there() {
    the_identifier_is_missing(V4);
}

/// A CONNECT with will and user name, one of whose strings is replaced by bytes that are no text.
fn ill_formed(version: Version, which: usize) {
    for bad in [&b"\xed\xa0\x80"[..], b"\xc0\xaf", b"\xf8\x88", b"a\0b"] {
        let texts: Vec<&[u8]> = (0..3).map(|at| if at == which { bad } else { b"x" }).collect();
        let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
        let body = [
            &field(b"MQTT"),
            &[version.level(), 0x86, 0, 0][..],
            properties,
            &field(texts[0]),
            properties,
            &field(texts[1]),
            &field(b"payload"),
            &field(texts[2]),
        ];
        let mut world = World::new();
        let client = world.open(version);
        world.send_bytes(client, &packet(0x10, &body.concat()));
        if version.is_v5() {
            assert_eq!(world.expect(client), "CONNACK reason=malformed packet (0x81)");
        }
        world.expect_closed(client);
    }
}

#[test]
fn v5_3_1_3_4_the_identifier_is_text() {
    ill_formed(V5, 0);
}

#[test]
fn v311_3_1_3_4_the_identifier_is_text() {
    ill_formed(V4, 0);
}

#[test]
fn v5_3_1_3_11_the_will_topic_is_text() {
    ill_formed(V5, 1);
}

#[test]
fn v311_3_1_3_10_the_will_topic_is_text() {
    ill_formed(V4, 1);
}

#[test]
fn v5_3_1_3_12_the_user_name_is_text() {
    ill_formed(V5, 2);
}

#[test]
fn v311_3_1_3_11_the_user_name_is_text() {
    ill_formed(V4, 2);
}

#[test]
fn v311_3_1_4_1_a_malformed_connect_gets_no_answer() {
    ill_formed(V4, 0);
}

#[test]
fn v5_3_1_4_1_a_malformed_connect_closes_the_connection() {
    let mut whole = Vec::new();
    let connect = Connect { will: Some(will("t")), user_name: Some("u"), ..hello(V5, "a") };
    connect.encode(1000, &mut whole).unwrap();
    // Every packet that ends too early, with a length that says so.
    for len in 2..whole.len() {
        let mut world = World::new();
        let client = world.open(V5);
        world.send_bytes(client, &packet(0x10, &whole[2..len]));
        assert!(world.is_closed(client), "{len}");
    }
}

#[test]
fn v5_a_connection_without_connect_is_closed_in_time() {
    let mut world = World::new();
    let client = world.open(V5);
    world.send_hex(client, "10");
    world.advance(Duration::from_millis(9_999));
    world.expect_nothing(client);
    world.advance(Duration::from_millis(1));
    world.expect_closed(client);
}

#[test]
fn v5_4_2_0_1_packets_may_be_split_anywhere() {
    let mut bytes = Vec::new();
    lasting(V5, "a").encode(1000, &mut bytes).unwrap();
    bytes.extend([0x82, 7, 0, 1, 0, 0, 1, b't', 2, 0x30, 5, 0, 1, b't', 0, b'm', 0xc0, 0]);
    // The order of answers to different requests is left to the broker.
    let answers = |parts: &[&[u8]]| {
        let mut world = World::new();
        let client = world.open(V5);
        parts.iter().for_each(|part| world.send_bytes(client, part));
        let mut lines = world.expect_all(client);
        lines.sort();
        lines
    };
    let whole = answers(&[&bytes]);
    assert_eq!(whole.len(), 4, "{whole:?}");
    for cut in 1..bytes.len() {
        assert_eq!(answers(&[&bytes[..cut], &bytes[cut..]]), whole, "cut at {cut}");
    }
}
