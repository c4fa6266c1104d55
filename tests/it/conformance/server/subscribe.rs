//! Subscriptions: answers, replacement, retained messages, wildcards, shares.

use mqttlink::broker::{Action, CoreConfig};
use mqttlink::codec::{Connect, Version, Will};
use mqttlink::{Properties, PropertyId, QoS, ReasonCode, SubscribeOptions};

use super::{filters_are_text, options, refuses, with_filter, without_filter};
use crate::hex::{packet, unhex};
use crate::world::{V3, V4, V5, World, hello, number, will};

fn each_filter_has_its_answer(version: Version, answer: &str) {
    let mut world = guarded();
    let client = world.connect(version, "a");
    let filters = ["a", "secret", "b", "c", "d"];
    let qos = [QoS::AtMostOnce, QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
    let asked: Vec<_> =
        filters.iter().zip(qos.into_iter().cycle()).map(|(f, q)| (*f, options(q))).collect();
    assert_eq!(world.subscribe_with(client, &asked, Properties::new()), answer);
    world.expect_nothing(client);
    let line =
        world.subscribe_with(client, &[("secret", options(QoS::AtMostOnce))], Properties::new());
    assert!(line.starts_with("SUBACK id=2 "), "also when nothing is granted: {line}");
}

fn a_second_subscription_replaces_the_first(version: Version) {
    let mut world = World::new();
    let client = world.connect(version, "a");
    let publisher = world.connect(version, "b");
    world.retain(publisher, "t", "kept", QoS::ExactlyOnce);
    for qos in [QoS::AtMostOnce, QoS::ExactlyOnce, QoS::AtLeastOnce] {
        world.subscribe(client, "t", qos);
        let line = world.expect(client);
        assert!(line.contains(&format!("qos={qos}")) && line.contains("retain"), "{line}");
        world.publish(publisher, "t", QoS::ExactlyOnce);
        let lines = world.expect_all(client);
        assert_eq!(lines.len(), 1, "one subscription, one copy");
        assert!(lines[0].contains(&format!("qos={qos}")), "{lines:?}");
    }
    assert_eq!(world.core.statistics(world.now).subscriptions, 1);
}

fn one_after_the_other(version: Version) {
    let mut world = World::new();
    let publisher = world.connect(version, "b");
    world.retain(publisher, "t", "kept", QoS::ExactlyOnce);
    world.retain(publisher, "u", "kept", QoS::ExactlyOnce);
    let client = world.connect(version, "a");
    let filters = [
        ("t", options(QoS::AtMostOnce)),
        ("u", options(QoS::AtMostOnce)),
        ("t", options(QoS::AtLeastOnce)),
    ];
    let line = world.subscribe_with(client, &filters, Properties::new());
    assert!(line.ends_with("granted QoS 1 (0x01)"), "{line}");
    assert_eq!(world.expect_all(client).len(), 3, "retained messages for each");
    world.publish(publisher, "t", QoS::ExactlyOnce);
    let lines = world.expect_all(client);
    assert!(lines.len() == 1 && lines[0].contains("qos=1"), "the last one counts: {lines:?}");
}

fn qos_is_the_lower_of_two(version: Version) {
    let mut world = World::new();
    let client = world.connect(version, "a");
    let publisher = world.connect(version, "b");
    for granted in QoS::ALL {
        world.subscribe(client, "t", granted);
        for published in QoS::ALL {
            world.publish(publisher, "t", published);
            let line = world.expect(client);
            assert!(line.contains(&format!("qos={}", granted.min(published))), "{line}");
        }
    }
}

fn overlapping(version: Version) {
    let mut world = World::new();
    let client = world.connect(version, "a");
    for (filter, qos) in
        [("a/#", QoS::AtMostOnce), ("a/b", QoS::ExactlyOnce), ("+/b", QoS::AtLeastOnce)]
    {
        world.subscribe(client, filter, qos);
    }
    let publisher = world.connect(version, "b");
    world.publish(publisher, "a/b", QoS::ExactlyOnce);
    let lines = world.expect_all(client);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("qos=2"), "{lines:?}");
}

#[test]
fn v5_3_8_1_1_subscribe_has_the_flags_0010() {
    let mut bytes = with_filter(V5, b"t", 0);
    bytes[0] = 0x80;
    refuses(V5, &bytes, ReasonCode::MalformedPacket);
}

#[test]
fn v5_3_8_3_1_filters_are_text() {
    filters_are_text(V5, |version, filter| with_filter(version, filter, 0));
}

#[test]
fn v5_3_10_3_1_filters_are_text() {
    filters_are_text(V5, without_filter);
}

#[test]
fn v5_3_8_3_2_a_subscribe_without_a_filter_is_an_error() {
    refuses(V5, &unhex("82 03 00 01 00"), ReasonCode::ProtocolError);
}

#[test]
fn v5_3_8_3_3_no_local_keeps_a_clients_own_messages_from_it() {
    let mut world = World::new();
    let client = world.connect(V5, "a");
    let other = world.connect(V5, "b");
    let no_local = SubscribeOptions { no_local: true, ..options(QoS::AtMostOnce) };
    for one in [client, other] {
        world.subscribe(one, "t", no_local);
    }
    world.publish(client, "t", QoS::AtMostOnce);
    world.expect_nothing(client);
    assert!(world.expect(other).starts_with("PUBLISH"));
}

/// Also where it waited in between: what is retained, a will among it, and whoever has the identifier
/// now.
#[test]
fn v5_3_8_3_3_no_local_keeps_a_clients_own_retained_messages_from_it() {
    let mut world = World::new();
    let other = world.connect(V5, "b");
    world.retain(other, "t/b", "1", QoS::AtLeastOnce);
    let retained = Will { retain: true, ..will("t/will") };
    let (client, _) = world.accepted(&Connect { will: Some(retained), ..hello(V5, "a") });
    world.retain(client, "t/a", "1", QoS::AtLeastOnce);
    world.cut(client);
    let client = world.connect(V5, "a");
    for no_local in [true, false] {
        let wanted = SubscribeOptions { no_local, ..options(QoS::AtMostOnce) };
        world.subscribe(client, "t/+", wanted);
        let lines = world.expect_all(client);
        assert_eq!(lines.len(), if no_local { 1 } else { 3 }, "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("t/b")), "{lines:?}");
    }
    world.retain(other, "t/a", "2", QoS::AtLeastOnce);
    let again = world.connect(V5, "a");
    let wanted = SubscribeOptions { no_local: true, ..options(QoS::AtMostOnce) };
    world.subscribe(again, "t/a", wanted);
    assert!(world.expect(again).contains("t/a"), "it is another client's now");
}

#[test]
fn v5_3_8_3_4_no_local_on_a_share_is_an_error() {
    refuses(V5, &with_filter(V5, b"$share/g/t", 0x04), ReasonCode::ProtocolError);
}

#[test]
fn v5_3_8_3_5_reserved_options_are_malformed() {
    for byte in [0x40, 0x80, 0xc0] {
        refuses(V5, &with_filter(V5, b"t", byte), ReasonCode::MalformedPacket);
    }
    for byte in [0x03, 0x30] {
        refuses(V5, &with_filter(V5, b"t", byte), ReasonCode::ProtocolError);
    }
}

fn bad_filters(version: Version, filters: &[&[u8]], reason: ReasonCode) {
    for filter in filters {
        refuses(version, &with_filter(version, filter, 0), reason);
        refuses(version, &without_filter(version, filter), reason);
    }
}

#[test]
fn v5_4_7_1_1_the_multi_level_wildcard_is_the_whole_last_level() {
    bad_filters(V5, &[b"a#", b"a/#/b", b"#/a", b"##"], ReasonCode::TopicFilterInvalid);
}

#[test]
fn v311_4_7_1_2_the_multi_level_wildcard_is_the_whole_last_level() {
    bad_filters(V4, &[b"a#", b"a/#/b", b"#/a", b"##"], ReasonCode::TopicFilterInvalid);
}

#[test]
fn v5_4_7_1_2_the_single_level_wildcard_is_a_whole_level() {
    bad_filters(V5, &[b"a+", b"+a", b"a/b+/c", b"++"], ReasonCode::TopicFilterInvalid);
}

#[test]
fn v311_4_7_1_3_the_single_level_wildcard_is_a_whole_level() {
    bad_filters(V4, &[b"a+", b"+a", b"a/b+/c", b"++"], ReasonCode::TopicFilterInvalid);
}

#[test]
fn v5_4_7_3_1_an_empty_filter_is_an_error() {
    bad_filters(V5, &[b""], ReasonCode::TopicFilterInvalid);
}

#[test]
fn v5_4_8_2_1_a_share_has_a_name() {
    bad_filters(V5, &[b"$share//a", b"$share/"], ReasonCode::TopicFilterInvalid);
}

#[test]
fn v5_4_8_2_2_a_share_name_has_no_wildcards_and_a_filter_behind_it() {
    let filters: &[&[u8]] = &[b"$share/g", b"$share/g/", b"$share/+/a", b"$share/g#/a"];
    bad_filters(V5, filters, ReasonCode::TopicFilterInvalid);
}

fn dollar_topics_are_apart(version: Version) {
    let mut world = World::new();
    let client = world.connect(version, "a");
    for filter in ["#", "+/x", "+/#"] {
        world.subscribe(client, filter, QoS::AtMostOnce);
    }
    let publisher = world.connect(version, "b");
    world.publish(publisher, "$own/x", QoS::AtMostOnce);
    world.retain(publisher, "$own/y", "kept", QoS::AtMostOnce);
    world.expect_nothing(client);
    world.subscribe(client, "#", QoS::AtMostOnce);
    world.expect_nothing(client);
    world.subscribe(client, "$own/#", QoS::AtMostOnce);
    assert!(world.expect(client).contains("$own/y"));
    world.publish(publisher, "$own/x", QoS::AtMostOnce);
    assert!(world.expect(client).contains("$own/x"));
}

#[test]
fn v5_4_7_2_1_a_leading_wildcard_matches_no_dollar_topic() {
    dollar_topics_are_apart(V5);
}

#[test]
fn v311_4_7_2_1_a_leading_wildcard_matches_no_dollar_topic() {
    dollar_topics_are_apart(V4);
}

/// Nobody may subscribe to `secret`.
fn guarded() -> World {
    World::with(|config| {
        let config_before: CoreConfig = config.clone();
        *config = config_before.authorize(|_, action| match action {
            Action::Subscribe { filter, .. } => filter.as_str() != "secret",
            _ => true,
        });
        config.limits.subscriptions_per_client = 3;
    })
}

const V5_ANSWER: &str = "SUBACK id=1 granted QoS 0 (0x00) not authorized (0x87) \
                         granted QoS 1 (0x01) granted QoS 2 (0x02) quota exceeded (0x97)";
const V4_ANSWER: &str = "SUBACK id=1 granted QoS 0 (0x00) unspecified error (0x80) \
                         granted QoS 1 (0x01) granted QoS 2 (0x02) unspecified error (0x80)";

#[test]
fn v5_3_8_4_1_every_subscribe_is_answered() {
    each_filter_has_its_answer(V5, V5_ANSWER);
}

#[test]
fn v5_3_8_4_2_the_answer_has_the_identifier_of_the_request() {
    each_filter_has_its_answer(V5, V5_ANSWER);
}

#[test]
fn v5_2_2_1_6_answers_repeat_the_identifier_of_their_request() {
    each_filter_has_its_answer(V5, V5_ANSWER);
}

#[test]
fn v311_2_3_1_7_answers_repeat_the_identifier_of_their_request() {
    each_filter_has_its_answer(V4, V4_ANSWER);
}

#[test]
fn v5_3_8_4_6_every_filter_has_a_reason_code() {
    each_filter_has_its_answer(V5, V5_ANSWER);
}

#[test]
fn v5_3_8_4_7_the_reason_code_says_what_is_granted() {
    each_filter_has_its_answer(V5, V5_ANSWER);
}

#[test]
fn v5_3_9_3_1_reason_codes_have_the_order_of_the_filters() {
    each_filter_has_its_answer(V5, V5_ANSWER);
}

#[test]
fn v5_3_9_3_2_reason_codes_are_listed() {
    each_filter_has_its_answer(V5, V5_ANSWER);
}

#[test]
fn v5_3_8_4_3_a_second_subscription_replaces_the_first() {
    a_second_subscription_replaces_the_first(V5);
}

#[test]
fn v5_3_8_4_5_several_filters_are_like_several_packets() {
    one_after_the_other(V5);
}

#[test]
fn v5_3_8_4_8_the_lower_qos_counts() {
    qos_is_the_lower_of_two(V5);
}

#[test]
fn v5_3_3_4_2_overlapping_subscriptions_deliver_at_the_highest_qos() {
    overlapping(V5);
}

fn identifiers(filters: &[(&str, u32)]) -> String {
    let mut world = World::new();
    let client = world.connect(V5, "a");
    for (filter, id) in filters {
        let asked = [(*filter, options(QoS::AtMostOnce))];
        world.subscribe_with(client, &asked, number(PropertyId::SubscriptionIdentifier, *id));
    }
    let publisher = world.connect(V5, "b");
    world.publish(publisher, "a/b", QoS::AtMostOnce);
    let lines = world.expect_all(client);
    assert_eq!(lines.len(), 1);
    let mut ids: Vec<&str> = lines[0].split("subscription identifier=").skip(1).collect();
    ids.iter_mut().for_each(|id| *id = id.trim());
    ids.sort_unstable();
    ids.join(",")
}

#[test]
fn v5_3_3_4_3_the_identifier_of_the_subscription_is_sent() {
    assert_eq!(identifiers(&[("a/b", 7)]), "7");
    assert_eq!(identifiers(&[("a/b", 7), ("a/b", 8)]), "8", "a new one replaces it");
}

#[test]
fn v5_3_3_4_4_one_copy_has_all_identifiers() {
    assert_eq!(identifiers(&[("a/b", 1), ("a/+", 268_435_455), ("x", 3)]), "1,268435455");
}

#[test]
fn v5_3_3_4_5_every_copy_has_its_own_identifier() {
    let mut world = World::new();
    let client = world.connect(V5, "a");
    for (filter, id) in [("t", 1), ("$share/g/t", 2)] {
        let asked = [(filter, options(QoS::AtMostOnce))];
        world.subscribe_with(client, &asked, number(PropertyId::SubscriptionIdentifier, id));
    }
    world.publish(client, "t", QoS::AtMostOnce);
    let mut lines = world.expect_all(client);
    lines.sort();
    assert!(lines[0].ends_with("identifier=1") && lines[1].ends_with("identifier=2"), "{lines:?}");
}

#[test]
fn v5_what_is_not_offered_ends_the_connection() {
    let cases: [(&[u8], ReasonCode); 3] = [
        (b"\0\0\x01#", ReasonCode::WildcardSubscriptionsNotSupported),
        (b"\0\0\x0a$share/g/a", ReasonCode::SharedSubscriptionsNotSupported),
        (b"\x02\x0b\x01\0\x01a", ReasonCode::SubscriptionIdsNotSupported),
    ];
    for (body, reason) in cases {
        let mut world = World::with(|config| {
            config.protocol.wildcard_subscription_available = false;
            config.protocol.subscription_id_available = false;
            config.protocol.shared_subscription_available = false;
        });
        let client = world.connect(V5, "a");
        world.send_bytes(client, &packet(0x82, &[&[0, 1], body, &[0]].concat()));
        world.expect_end(client, reason);
    }
}

#[test]
fn v5_3_9_2_1_suback_fits_into_what_the_client_takes() {
    let mut world = World::new();
    let mut connect = hello(V5, "a");
    connect.properties = number(PropertyId::MaximumPacketSize, 20);
    let (client, _) = world.accepted(&connect);
    let line = world.subscribe_with(client, &[("t", options(QoS::AtMostOnce))], Properties::new());
    assert_eq!(line, "SUBACK id=1 granted QoS 0 (0x00)");
}

#[test]
fn v311_3_8_1_1_subscribe_has_the_flags_0010() {
    let mut bytes = with_filter(V4, b"t", 0);
    bytes[0] = 0x80;
    refuses(V4, &bytes, ReasonCode::MalformedPacket);
}

#[test]
fn v311_3_8_3_1_filters_are_text() {
    filters_are_text(V4, |version, filter| with_filter(version, filter, 0));
}

#[test]
fn v311_3_8_3_3_a_subscribe_without_a_filter_is_an_error() {
    refuses(V4, &unhex("82 02 00 01"), ReasonCode::ProtocolError);
}

#[test]
fn v311_3_8_3_4_reserved_bits_and_qos_3_close_the_connection() {
    for byte in [0x03, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80] {
        refuses(V4, &with_filter(V4, b"t", byte), ReasonCode::MalformedPacket);
    }
}

#[test]
fn v311_3_8_4_1_every_subscribe_is_answered() {
    each_filter_has_its_answer(V4, V4_ANSWER);
}

#[test]
fn v311_3_8_4_2_the_answer_has_the_identifier_of_the_request() {
    each_filter_has_its_answer(V4, V4_ANSWER);
}

#[test]
fn v311_3_8_4_5_every_filter_has_a_return_code() {
    each_filter_has_its_answer(V4, V4_ANSWER);
}

#[test]
fn v311_3_9_3_1_return_codes_have_the_order_of_the_filters() {
    each_filter_has_its_answer(V4, V4_ANSWER);
}

#[test]
fn v311_3_9_3_2_return_codes_are_0_1_2_and_0x80() {
    each_filter_has_its_answer(V4, V4_ANSWER);
}

/// MQTT 3.1 has no code for it: the subscription is granted, and nothing comes.
#[test]
fn v31_a_refused_subscription_cannot_be_told_from_another() {
    let mut world = guarded();
    let client = world.connect(V3, "a");
    let asked = ["a", "secret", "b", "c", "d"].map(|filter| (filter, options(QoS::AtLeastOnce)));
    world.subscribe_with(client, &asked, Properties::new());
    world.send_hex(client, "82 0f 00 09 00 06 73 65 63 72 65 74 02 00 01 65 00");
    assert_eq!(world.expect_hex(client), "90 04 00 09 02 00");
    for topic in ["secret", "e"] {
        world.publish(client, topic, QoS::AtLeastOnce);
        world.expect_nothing(client);
    }
    world.publish(client, "c", QoS::AtMostOnce);
    assert!(world.expect(client).starts_with("PUBLISH"));
}

#[test]
fn v311_3_8_4_3_a_second_subscription_replaces_the_first() {
    a_second_subscription_replaces_the_first(V4);
}

#[test]
fn v311_3_8_4_4_several_filters_are_like_several_packets() {
    one_after_the_other(V4);
}

#[test]
fn v311_3_8_4_6_the_lower_qos_counts() {
    qos_is_the_lower_of_two(V4);
}

#[test]
fn v311_3_3_5_1_overlapping_subscriptions_deliver_at_the_highest_qos() {
    overlapping(V4);
}

#[test]
fn v311_3_8_3_2_wildcards_that_are_not_offered_are_refused() {
    let mut world = World::with(|config| config.protocol.wildcard_subscription_available = false);
    let client = world.connect(V4, "a");
    let asked = [("a/#", options(QoS::AtMostOnce)), ("a", options(QoS::AtMostOnce))];
    let line = world.subscribe_with(client, &asked, Properties::new());
    assert_eq!(line, "SUBACK id=1 unspecified error (0x80) granted QoS 0 (0x00)");
}

#[test]
fn v5_3_8_4_4_retained_messages_are_sent_again() {
    a_second_subscription_replaces_the_first(V5);
}
