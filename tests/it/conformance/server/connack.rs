//! CONNACK, and what a broker does before it.

use mqttlink::broker::Decision;
use mqttlink::codec::{Connect, Packet, Version};
use mqttlink::{Properties, PropertyId, QoS, ReasonCode};

use crate::world::{V3, V4, V5, World, hello, lasting, message, number, will};

/// A broker that asks somebody about every client.
fn strict() -> World {
    World::with(|config| *config = config.clone().asking())
}

fn a_valid_connect_is_answered(version: Version, answer: &str) {
    let mut world = World::new();
    let client = world.say(&hello(version, "a"));
    assert_eq!(world.expect_hex(client), answer);
    world.expect_nothing(client);
}

#[test]
fn v5_3_1_4_5_a_valid_connect_is_answered_with_success() {
    // Receive maximum 1024, maximum packet size 2,000,000, topic alias maximum 64.
    let answer = "20 0e 00 00 0b 21 04 00 27 00 1e 84 80 22 00 40";
    a_valid_connect_is_answered(V5, answer);
}

#[test]
fn v311_3_1_4_4_a_valid_connect_is_answered_with_0() {
    a_valid_connect_is_answered(V4, "20 02 00 00");
    a_valid_connect_is_answered(V3, "20 02 00 00");
}

fn a_refusal_closes(version: Version, answers: &[(ReasonCode, &str)]) {
    for (reason, answer) in answers {
        let mut world = strict();
        let client = world.say(&hello(version, "a"));
        world.expect_nothing(client);
        let question = world.question();
        world.decide(&question, Decision::Refuse(*reason));
        let answers = world.expect_all(client);
        assert_eq!(answers.join(""), *answer);
        world.expect_closed(client);
    }
}

const V5_REFUSALS: &[(ReasonCode, &str)] = &[
    (ReasonCode::BadUserNameOrPassword, "CONNACK reason=bad user name or password (0x86)"),
    (ReasonCode::NotAuthorized, "CONNACK reason=not authorized (0x87)"),
    (ReasonCode::ServerBusy, "CONNACK reason=server busy (0x89)"),
    (ReasonCode::Banned, "CONNACK reason=banned (0x8a)"),
    (ReasonCode::UseAnotherServer, "CONNACK reason=use another server (0x9c)"),
    // Not a reason for CONNACK.
    (ReasonCode::SessionTakenOver, "CONNACK reason=unspecified error (0x80)"),
];

const V4_REFUSALS: &[(ReasonCode, &str)] = &[
    (ReasonCode::BadUserNameOrPassword, "CONNACK reason=bad user name or password (0x86)"),
    (ReasonCode::NotAuthorized, "CONNACK reason=not authorized (0x87)"),
    (ReasonCode::ServerBusy, "CONNACK reason=server unavailable (0x88)"),
    (ReasonCode::ClientIdNotValid, "CONNACK reason=client identifier not valid (0x85)"),
    // MQTT 3 has no word for it.
    (ReasonCode::PayloadFormatInvalid, ""),
];

#[test]
fn v5_3_1_4_2_a_client_that_is_not_let_in_is_disconnected() {
    a_refusal_closes(V5, V5_REFUSALS);
}

#[test]
fn v5_3_2_2_6_a_refusal_says_that_there_is_no_session() {
    a_refusal_closes(V5, V5_REFUSALS);
}

#[test]
fn v5_3_2_2_7_a_refusal_closes_the_connection() {
    a_refusal_closes(V5, V5_REFUSALS);
}

#[test]
fn v5_3_2_2_8_only_listed_reasons_are_sent() {
    a_refusal_closes(V5, V5_REFUSALS);
}

#[test]
fn v5_3_14_0_1_before_connack_there_is_no_disconnect() {
    a_refusal_closes(V5, V5_REFUSALS);
}

#[test]
fn v311_3_2_2_4_a_refusal_says_that_there_is_no_session() {
    a_refusal_closes(V4, V4_REFUSALS);
}

#[test]
fn v311_3_2_2_5_a_refusal_closes_the_connection() {
    a_refusal_closes(V4, V4_REFUSALS);
}

#[test]
fn v311_3_2_2_6_what_no_return_code_says_is_not_said() {
    a_refusal_closes(V4, V4_REFUSALS);
}

fn a_refused_client_is_not_served(version: Version) {
    let mut world = strict();
    let watcher = world.say(&hello(version, "watcher"));
    let question = world.question();
    world.decide(&question, Decision::accept());
    world.expect(watcher);
    world.subscribe(watcher, "t", QoS::AtMostOnce);
    let refused = world.say(&hello(version, "a"));
    let question = world.question();
    world.send(refused, &Packet::Publish(message()));
    world.decide(&question, Decision::Refuse(ReasonCode::NotAuthorized));
    world.expect(refused);
    world.expect_closed(refused);
    world.expect_nothing(watcher);
}

#[test]
fn v5_3_1_4_6_what_follows_a_refused_connect_is_not_done() {
    a_refused_client_is_not_served(V5);
}

#[test]
fn v311_3_1_4_5_what_follows_a_refused_connect_is_not_done() {
    a_refused_client_is_not_served(V4);
}

fn what_follows_waits(version: Version) {
    let mut world = strict();
    let client = world.say(&hello(version, "a"));
    world.send_hex(client, "c0 00");
    world.expect_nothing(client);
    let question = world.question();
    world.decide(&question, Decision::accept());
    assert!(world.expect(client).starts_with("CONNACK"));
    assert_eq!(world.expect(client), "PINGRESP");
}

#[test]
fn v5_3_2_0_1_connack_comes_before_everything_else() {
    what_follows_waits(V5);
}

#[test]
fn v311_3_2_0_1_connack_comes_before_everything_else() {
    what_follows_waits(V4);
}

#[test]
fn v5_3_2_0_2_connack_comes_once() {
    let mut world = strict();
    let client = world.say(&hello(V5, "a"));
    let question = world.question();
    for _ in 0..3 {
        world.decide(&question, Decision::accept());
    }
    assert_eq!(world.expect_all(client).len(), 1);
}

fn session_present(version: Version) {
    let mut world = World::new();
    let flags = |world: &mut World, connect: &Connect<'_>| {
        let client = world.say(connect);
        let bytes = world.expect_bytes(client);
        world.cut(client);
        (bytes[2], bytes[3])
    };
    let clean = Connect { clean_start: true, ..lasting(version, "a") };
    assert_eq!(flags(&mut world, &lasting(version, "a")), (0, 0), "there is none");
    assert_eq!(flags(&mut world, &lasting(version, "a")), (1, 0), "there is one");
    assert_eq!(flags(&mut world, &clean), (0, 0), "there was one");
}

#[test]
fn v5_3_2_2_1_reserved_acknowledge_flags_are_0() {
    session_present(V5);
}

#[test]
fn v5_3_2_2_2_after_a_clean_start_there_is_no_session() {
    session_present(V5);
}

#[test]
fn v5_3_2_2_3_session_present_says_whether_there_is_one() {
    session_present(V5);
}

#[test]
fn v311_3_2_2_1_after_a_clean_session_there_is_none() {
    session_present(V4);
}

#[test]
fn v311_3_2_2_2_a_stored_session_is_present() {
    session_present(V4);
}

#[test]
fn v311_3_2_2_3_without_a_stored_session_none_is_present() {
    session_present(V4);
}

#[test]
fn v5_3_1_2_28_response_information_is_not_sent_unasked() {
    let text = "response information=\"answers/\"";
    let mut world = World::with(|config| {
        config.protocol.response_information = Some("answers/".to_owned());
    });
    for (asked, sent) in [(None, false), (Some(0), false), (Some(1), true)] {
        let mut connect = hello(V5, "a");
        if let Some(asked) = asked {
            connect.properties = number(PropertyId::RequestResponseInformation, asked);
        }
        let client = world.say(&connect);
        assert_eq!(world.expect(client).contains(text), sent, "{asked:?}");
    }
}

#[test]
fn v5_3_2_2_9_a_lower_maximum_qos_is_said() {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let mut world = World::with(|config| config.protocol.maximum_qos = qos);
        let client = world.say(&hello(V5, "a"));
        assert!(world.expect(client).contains(&format!("maximum QoS={qos}")));
    }
}

#[test]
fn v5_3_2_2_10_every_qos_may_be_asked_for() {
    let mut world = World::with(|config| config.protocol.maximum_qos = QoS::AtMostOnce);
    let client = world.connect(V5, "a");
    let options = QoS::ExactlyOnce.into();
    let line = world.subscribe_with(client, &[("t", options)], Properties::new());
    assert_eq!(line, "SUBACK id=1 granted QoS 0 (0x00)");
}

fn a_will_that_is_not_offered(connect: &Connect<'_>, answer: &str) {
    let mut world = World::with(|config| {
        config.protocol.maximum_qos = QoS::AtLeastOnce;
        config.protocol.retain_available = false;
    });
    let client = world.say(connect);
    assert_eq!(world.expect(client), answer);
    world.expect_closed(client);
}

#[test]
fn v5_3_2_2_12_a_will_above_the_maximum_qos_is_refused() {
    let mut above = will("t");
    above.qos = QoS::ExactlyOnce;
    let connect = Connect { will: Some(above), ..hello(V5, "a") };
    a_will_that_is_not_offered(&connect, "CONNACK reason=QoS not supported (0x9b)");
}

#[test]
fn v5_3_2_2_13_a_retained_will_is_refused_where_nothing_is_retained() {
    let mut retained = will("t");
    retained.retain = true;
    let connect = Connect { will: Some(retained), ..hello(V5, "a") };
    a_will_that_is_not_offered(&connect, "CONNACK reason=retain not supported (0x9a)");
}

#[test]
fn v5_3_2_2_19_connack_fits_into_what_the_client_takes() {
    for max in 1..40 {
        let mut world = World::new();
        let mut connect = hello(V5, "a");
        connect.properties = number(PropertyId::MaximumPacketSize, max);
        let client = world.say(&connect);
        let len = world.expect_all(client).len();
        // Without its 16 bytes there is nothing that could be said.
        assert_eq!(len, usize::from(max >= 16), "{max}");
        assert_eq!(world.is_closed(client), max < 16);
    }
}

#[test]
fn v5_3_2_2_20_connack_has_no_user_property_that_does_not_fit() {
    let mut world = World::new();
    let mut connect = hello(V5, "a");
    connect.properties = number(PropertyId::MaximumPacketSize, 16);
    let client = world.say(&connect);
    assert!(!world.expect(client).contains("user property"));
}

#[test]
fn v5_what_is_not_offered_is_said() {
    let mut world = World::with(|config| {
        config.protocol.retain_available = false;
        config.protocol.wildcard_subscription_available = false;
        config.protocol.subscription_id_available = false;
        config.protocol.shared_subscription_available = false;
        config.protocol.session_expiry_max = 60;
    });
    let client = world.say(&lasting(V5, "a"));
    let line = world.expect(client);
    for text in [
        "retain available=0",
        "wildcard subscription available=0",
        "subscription identifier available=0",
        "shared subscription available=0",
        "session expiry interval=60",
    ] {
        assert!(line.contains(text), "{text}: {line}");
    }
}
