//! CONNECT: versions, identifiers, sessions, keep alive.

use std::time::Duration;

use mqttlink::codec::{self, Connect, Packet, Version};
use mqttlink::{PropertyId, QoS, ReasonCode};

use crate::hex::{field, packet};
use crate::world::{V3, V4, V5, World, hello, lasting, number, will};

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

/// A CONNECT with this protocol name and level, otherwise valid in MQTT 3.1.1 or 5.0.
fn with_protocol(name: &str, level: u8) -> Vec<u8> {
    let properties: &[u8] = if level == 5 { &[0] } else { &[] };
    let rest = [&[level, 2, 0, 0], properties, &[0, 1, b'a']].concat();
    packet(0x10, &[field(name.as_bytes()), rest].concat())
}

fn a_wrong_name_is_not_accepted(level: u8) {
    for name in ["mqtt", "MQTTX", "MQT", "", "MQIsdp"] {
        let mut world = World::new();
        let client = world.open(V4);
        world.send_bytes(client, &with_protocol(name, level));
        assert!(world.is_closed(client), "{name}");
        // The name of MQTT 3.1 with another level is a known protocol in an unknown version.
        let answers = world.expect_all(client);
        assert!(answers.is_empty() || name == "MQIsdp", "{name}: {answers:?}");
    }
}

#[test]
fn v5_3_1_2_1_a_wrong_protocol_name_is_not_accepted() {
    a_wrong_name_is_not_accepted(5);
}

#[test]
fn v311_3_1_2_1_a_wrong_protocol_name_is_not_accepted() {
    a_wrong_name_is_not_accepted(4);
}

fn unknown_versions_are_refused() {
    for level in [0, 2, 3, 6, 9, 255] {
        let mut world = World::new();
        let client = world.open(V4);
        world.send_bytes(client, &with_protocol("MQTT", level));
        assert_eq!(world.expect_hex(client), "20 02 00 01", "level {level}");
        world.expect_closed(client);
    }
}

#[test]
fn v5_3_1_2_2_an_unknown_version_is_refused() {
    unknown_versions_are_refused();
}

#[test]
fn v311_3_1_2_2_an_unknown_version_is_refused_with_1() {
    unknown_versions_are_refused();
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

fn a_clean_start_begins_anew(version: Version) {
    let mut world = World::new();
    let client = world.connect_lasting(version, "a");
    world.subscribe(client, "t", QoS::AtLeastOnce);
    world.cut(client);
    let publisher = world.connect(version, "p");
    world.publish(publisher, "t", QoS::AtLeastOnce);
    let connect = Connect { clean_start: true, ..lasting(version, "a") };
    let (client, session_present) = world.accepted(&connect);
    assert!(!session_present);
    world.publish(publisher, "t", QoS::AtLeastOnce);
    world.expect_nothing(client);
}

#[test]
fn v5_3_1_2_4_a_clean_start_begins_anew() {
    a_clean_start_begins_anew(V5);
}

#[test]
fn v5_3_1_4_4_clean_start_is_carried_out() {
    a_clean_start_begins_anew(V5);
}

#[test]
fn v311_3_1_4_3_clean_session_is_carried_out() {
    a_clean_start_begins_anew(V4);
}

#[test]
fn v311_3_1_2_6_a_clean_session_is_never_used_again() {
    a_clean_start_begins_anew(V4);
    let mut world = World::new();
    let client = world.connect(V4, "a");
    world.subscribe(client, "t", QoS::AtLeastOnce);
    world.cut(client);
    assert!(!world.accepted(&lasting(V4, "a")).1);
}

fn a_session_is_resumed(version: Version) {
    let mut world = World::new();
    let client = world.connect_lasting(version, "a");
    world.subscribe(client, "t", QoS::ExactlyOnce);
    world.cut(client);
    let publisher = world.connect(version, "p");
    for qos in QoS::ALL {
        world.publish(publisher, "t", qos);
    }
    let (client, session_present) = world.accepted(&lasting(version, "a"));
    assert!(session_present);
    let lines = world.expect_all(client);
    assert_eq!(lines.len(), 2, "QoS 0 is not kept: {lines:?}");
    assert!(lines[0].contains("qos=1") && lines[1].contains("qos=2"), "{lines:?}");
    world.publish(publisher, "t", QoS::AtMostOnce);
    assert!(world.expect(client).starts_with("PUBLISH"), "the subscription lives on");
}

#[test]
fn v5_3_1_2_5_a_known_session_goes_on() {
    a_session_is_resumed(V5);
}

#[test]
fn v5_4_5_0_1_messages_are_kept_for_sessions_without_a_client() {
    a_session_is_resumed(V5);
}

#[test]
fn v311_3_1_2_4_a_known_session_goes_on() {
    a_session_is_resumed(V4);
}

#[test]
fn v311_3_1_2_5_messages_of_qos_1_and_2_are_kept() {
    a_session_is_resumed(V4);
}

#[test]
fn v311_4_5_0_1_messages_are_kept_for_sessions_without_a_client() {
    a_session_is_resumed(V4);
}

#[test]
fn v31_a_session_goes_on_although_connack_cannot_say_so() {
    let mut world = World::new();
    let client = world.connect_lasting(V3, "a");
    world.subscribe(client, "t", QoS::AtLeastOnce);
    world.cut(client);
    let publisher = world.connect(V3, "p");
    world.publish(publisher, "t", QoS::AtLeastOnce);
    let client = world.say(&lasting(V3, "a"));
    assert_eq!(world.expect_hex(client), "20 02 00 00");
    assert!(world.expect(client).starts_with("PUBLISH"));
}

#[test]
fn v5_3_1_2_6_an_unknown_client_gets_a_session() {
    assert!(!World::new().accepted(&lasting(V5, "a")).1);
}

#[test]
fn v5_3_1_2_23_a_session_outlives_the_connection_for_its_interval() {
    let mut world = World::new();
    let client = world.connect_lasting(V5, "a");
    world.cut(client);
    world.advance(Duration::from_millis(3_599_999));
    assert!(world.accepted(&lasting(V5, "a")).1);
}

#[test]
fn v5_4_1_0_1_a_session_does_not_expire_while_connected() {
    let mut world = World::new();
    let mut connect = lasting(V5, "a");
    connect.properties = number(PropertyId::SessionExpiryInterval, 1);
    let (client, _) = world.accepted(&connect);
    world.subscribe(client, "t", QoS::AtMostOnce);
    world.advance_secs(100_000);
    world.cut(client);
    assert!(world.accepted(&connect).1);
}

#[test]
fn v5_4_1_0_2_a_session_ends_when_its_interval_has_passed() {
    let mut world = World::new();
    let client = world.connect_lasting(V5, "a");
    world.subscribe(client, "t", QoS::AtLeastOnce);
    world.cut(client);
    world.advance_secs(3600);
    let statistics = world.core.statistics(world.now);
    assert_eq!((statistics.clients_disconnected, statistics.subscriptions), (0, 0));
    assert_eq!(statistics.clients_expired, 1);
    assert!(!world.accepted(&lasting(V5, "a")).1);
}

#[test]
fn v311_4_1_0_1_state_is_kept_as_long_as_the_session() {
    let mut world = World::new();
    let client = world.connect_lasting(V4, "a");
    world.subscribe(client, "t", QoS::AtLeastOnce);
    world.cut(client);
    world.advance_secs(1_000_000_000);
    assert!(world.accepted(&lasting(V4, "a")).1);
}

#[test]
fn v311_4_1_0_2_a_session_lasts_as_long_as_the_connection() {
    let mut world = World::new();
    let client = world.connect(V4, "a");
    world.subscribe(client, "t", QoS::AtLeastOnce);
    world.advance_secs(1_000_000_000);
    let publisher = world.connect(V4, "p");
    world.publish(publisher, "t", QoS::AtMostOnce);
    assert!(world.expect(client).starts_with("PUBLISH"));
}

#[test]
fn v5_3_14_2_2_a_client_changes_its_expiry_when_it_says_goodbye() {
    let mut world = World::new();
    let client = world.connect_lasting(V5, "a");
    let properties = number(PropertyId::SessionExpiryInterval, 5);
    let packet = codec::Disconnect { reason: ReasonCode::Success, properties };
    world.send(client, &Packet::Disconnect(packet));
    world.expect_closed(client);
    world.advance_secs(5);
    assert!(!world.accepted(&lasting(V5, "a")).1);
}

#[test]
fn v5_a_session_that_was_to_end_with_its_connection_cannot_be_prolonged() {
    let mut world = World::new();
    let client = world.connect(V5, "a");
    let properties = number(PropertyId::SessionExpiryInterval, 5);
    let packet = codec::Disconnect { reason: ReasonCode::Success, properties };
    world.send(client, &Packet::Disconnect(packet));
    world.expect_end(client, ReasonCode::ProtocolError);
}

fn sessions_do_not_mix(version: Version) {
    let mut world = World::new();
    let first = world.connect_lasting(version, "a");
    world.subscribe(first, "t", QoS::AtLeastOnce);
    world.cut(first);
    let (other, session_present) = world.accepted(&lasting(version, "b"));
    assert!(!session_present);
    world.publish(other, "t", QoS::AtLeastOnce);
    world.expect_nothing(other);
    let (first, session_present) = world.accepted(&lasting(version, "a"));
    assert!(session_present && world.expect(first).starts_with("PUBLISH"));
}

#[test]
fn v5_3_1_3_2_the_identifier_names_the_session() {
    sessions_do_not_mix(V5);
}

#[test]
fn v311_3_1_3_2_the_identifier_names_the_session() {
    sessions_do_not_mix(V4);
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

fn short_identifiers_are_accepted(version: Version) {
    let all = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut world = World::new();
    for at in 0..all.len() {
        world.connect(version, &all[at..=at]);
    }
    for start in 0..all.len() - 23 {
        world.connect(version, &all[start..start + 23]);
    }
    world.connect(version, &"x/+#$ é".repeat(1000));
}

#[test]
fn v5_3_1_3_5_identifiers_of_1_to_23_characters_are_accepted() {
    short_identifiers_are_accepted(V5);
}

#[test]
fn v311_3_1_3_5_identifiers_of_1_to_23_characters_are_accepted() {
    short_identifiers_are_accepted(V4);
}

#[test]
fn v5_3_1_3_6_clients_without_an_identifier_each_get_one() {
    let mut world = World::new();
    let lines: Vec<String> = (0..3)
        .map(|_| {
            let client = world.say(&hello(V5, ""));
            world.expect(client)
        })
        .collect();
    assert!(lines.iter().all(|line| line.contains("assigned client identifier=")), "{lines:?}");
    assert!(lines[0] != lines[1] && lines[1] != lines[2]);
    assert_eq!(world.core.clients().count(), 3);
}

#[test]
fn v311_3_1_3_6_clients_without_an_identifier_are_kept_apart() {
    let mut world = World::new();
    for _ in 0..3 {
        world.connect(V4, "");
    }
    assert_eq!(world.core.clients().count(), 3);
}

/// The identifier in a CONNACK.
fn assigned(line: &str) -> String {
    line.split('"').nth(1).expect("an identifier").to_owned()
}

#[test]
fn v5_3_1_3_7_an_assigned_identifier_is_as_good_as_a_given_one() {
    let mut world = World::new();
    let client = world.say(&lasting(V5, ""));
    let id = assigned(&world.expect(client));
    world.cut(client);
    assert!(world.accepted(&lasting(V5, &id)).1);
}

#[test]
fn v5_3_2_2_16_an_assigned_identifier_is_used_by_nobody_else() {
    let mut ids = Vec::new();
    let mut world = World::new();
    for _ in 0..100 {
        let client = world.say(&lasting(V5, ""));
        ids.push(assigned(&world.expect(client)));
        world.cut(client);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 100);
}

#[test]
fn v5_3_1_3_8_a_refused_identifier_is_refused_with_0x85() {
    let mut world = World::new();
    let body = [&field(b"MQIsdp"), &[3, 2, 0, 0][..], &field(b"")].concat();
    let client = world.open(V3);
    world.send_bytes(client, &packet(0x10, &body));
    assert_eq!(world.expect_hex(client), "20 02 00 02");
    world.expect_closed(client);
}

fn an_empty_identifier_needs_a_clean_session() {
    let body = [&field(b"MQTT"), &[4, 0, 0, 0][..], &field(b"")].concat();
    let mut world = World::new();
    let client = world.open(V4);
    world.send_bytes(client, &packet(0x10, &body));
    assert_eq!(world.expect_hex(client), "20 02 00 02");
    world.expect_closed(client);
}

#[test]
fn v311_3_1_3_8_an_empty_identifier_needs_a_clean_session() {
    an_empty_identifier_needs_a_clean_session();
}

#[test]
fn v311_3_1_3_9_a_refused_identifier_is_refused_with_2() {
    an_empty_identifier_needs_a_clean_session();
}

fn silence_ends_the_connection(version: Version) {
    let mut world = World::new();
    let watcher = world.connect(version, "watcher");
    world.subscribe(watcher, "w", QoS::AtMostOnce);
    let connect = Connect { keep_alive: 10, will: Some(will("w")), ..hello(version, "a") };
    let (client, _) = world.accepted(&connect);
    world.advance_secs(14);
    world.expect_nothing(client);
    world.send_hex(client, "c0 00");
    assert_eq!(world.expect_hex(client), "d0 00");
    world.advance(Duration::from_millis(14_999));
    world.expect_nothing(client);
    world.advance(Duration::from_millis(1));
    world.expect_end(client, ReasonCode::KeepAliveTimeout);
    assert!(world.expect(watcher).starts_with("PUBLISH"));
}

#[test]
fn v5_3_1_2_22_a_client_that_is_silent_for_too_long_is_lost() {
    silence_ends_the_connection(V5);
}

#[test]
fn v5_3_2_2_22_without_a_server_keep_alive_the_clients_counts() {
    silence_ends_the_connection(V5);
}

#[test]
fn v311_3_1_2_24_a_client_that_is_silent_for_too_long_is_lost() {
    silence_ends_the_connection(V4);
}

#[test]
fn v5_3_1_2_22_a_keep_alive_of_0_is_none() {
    let mut world = World::new();
    let client = world.connect(V5, "a");
    world.advance_secs(10_000_000);
    world.expect_nothing(client);
}

#[test]
fn v5_3_1_2_21_a_server_keep_alive_is_said_and_kept() {
    for asked in [0, 600] {
        let mut world = World::with(|config| config.protocol.keep_alive_max = Some(10));
        let client = world.say(&Connect { keep_alive: asked, ..hello(V5, "a") });
        assert!(world.expect(client).contains("server keep alive=10"));
        world.advance_secs(15);
        world.expect_end(client, ReasonCode::KeepAliveTimeout);
    }
    let mut world = World::with(|config| config.protocol.keep_alive_max = Some(10));
    let client = world.say(&Connect { keep_alive: 5, ..hello(V5, "a") });
    assert!(!world.expect(client).contains("server keep alive"));
}

fn a_second_connection_takes_over(version: Version) {
    let mut world = World::new();
    let first = world.connect_lasting(version, "a");
    world.subscribe(first, "t", QoS::AtLeastOnce);
    let (second, session_present) = world.accepted(&lasting(version, "a"));
    assert!(session_present);
    world.expect_end(first, ReasonCode::SessionTakenOver);
    world.publish(second, "t", QoS::AtMostOnce);
    assert!(world.expect(second).starts_with("PUBLISH"));
}

#[test]
fn v5_3_1_4_3_a_second_connection_takes_over() {
    a_second_connection_takes_over(V5);
}

#[test]
fn v311_3_1_4_2_a_second_connection_takes_over() {
    a_second_connection_takes_over(V4);
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
