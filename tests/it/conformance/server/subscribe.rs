//! Subscriptions: answers, replacement, retained messages, wildcards, shares.

use mqttlink::broker::{Action, CoreConfig};
use mqttlink::codec::{self, AckKind, RetainHandling, Version};
use mqttlink::{Properties, PropertyId, QoS, ReasonCode, SubscribeOptions};

use crate::hex::{field, packet, unhex};
use crate::world::{Client, V4, V5, World, hello, lasting, message, number};

fn refuses(version: Version, bytes: &[u8], reason: ReasonCode) {
    let mut world = World::new();
    let client = world.connect(version, "a");
    world.send_bytes(client, bytes);
    world.expect_end(client, reason);
    assert_eq!(world.core.statistics(world.now).subscriptions, 0);
}

fn options(qos: QoS) -> SubscribeOptions {
    qos.into()
}

/// A SUBSCRIBE with these bytes as filter and as options.
fn with_filter(version: Version, filter: &[u8], options: u8) -> Vec<u8> {
    let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
    packet(0x82, &[&[0, 1], properties, &field(filter), &[options]].concat())
}

/// An UNSUBSCRIBE with these bytes as filter.
fn without_filter(version: Version, filter: &[u8]) -> Vec<u8> {
    let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
    packet(0xa2, &[&[0, 1], properties, &field(filter)].concat())
}

#[test]
fn v5_3_8_1_1_subscribe_has_the_flags_0010() {
    let mut bytes = with_filter(V5, b"t", 0);
    bytes[0] = 0x80;
    refuses(V5, &bytes, ReasonCode::MalformedPacket);
}

#[test]
fn v311_3_8_1_1_subscribe_has_the_flags_0010() {
    let mut bytes = with_filter(V4, b"t", 0);
    bytes[0] = 0x80;
    refuses(V4, &bytes, ReasonCode::MalformedPacket);
}

#[test]
fn v5_3_10_1_1_unsubscribe_has_the_flags_0010() {
    let mut bytes = without_filter(V5, b"t");
    bytes[0] = 0xa0;
    refuses(V5, &bytes, ReasonCode::MalformedPacket);
}

#[test]
fn v311_3_10_1_1_unsubscribe_has_the_flags_0010() {
    let mut bytes = without_filter(V4, b"t");
    bytes[0] = 0xa0;
    refuses(V4, &bytes, ReasonCode::MalformedPacket);
}

fn filters_are_text(version: Version, bytes: fn(Version, &[u8]) -> Vec<u8>) {
    for bad in [&b"\xed\xa0\x80"[..], b"\xff", b"a\0"] {
        refuses(version, &bytes(version, bad), ReasonCode::MalformedPacket);
    }
}

#[test]
fn v5_3_8_3_1_filters_are_text() {
    filters_are_text(V5, |version, filter| with_filter(version, filter, 0));
}

#[test]
fn v311_3_8_3_1_filters_are_text() {
    filters_are_text(V4, |version, filter| with_filter(version, filter, 0));
}

#[test]
fn v5_3_10_3_1_filters_are_text() {
    filters_are_text(V5, without_filter);
}

#[test]
fn v311_3_10_3_1_filters_are_text() {
    filters_are_text(V4, without_filter);
}

#[test]
fn v5_3_8_3_2_a_subscribe_without_a_filter_is_an_error() {
    refuses(V5, &unhex("82 03 00 01 00"), ReasonCode::ProtocolError);
}

#[test]
fn v311_3_8_3_3_a_subscribe_without_a_filter_is_an_error() {
    refuses(V4, &unhex("82 02 00 01"), ReasonCode::ProtocolError);
}

#[test]
fn v5_3_10_3_2_an_unsubscribe_without_a_filter_is_an_error() {
    refuses(V5, &unhex("a2 03 00 01 00"), ReasonCode::ProtocolError);
}

#[test]
fn v311_3_10_3_2_an_unsubscribe_without_a_filter_is_an_error() {
    refuses(V4, &unhex("a2 02 00 01"), ReasonCode::ProtocolError);
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

#[test]
fn v311_3_8_3_4_reserved_bits_and_qos_3_close_the_connection() {
    for byte in [0x03, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80] {
        refuses(V4, &with_filter(V4, b"t", byte), ReasonCode::MalformedPacket);
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

const V5_ANSWER: &str = "SUBACK id=1 granted QoS 0 (0x00) not authorized (0x87) \
                         granted QoS 1 (0x01) granted QoS 2 (0x02) quota exceeded (0x97)";
const V4_ANSWER: &str = "SUBACK id=1 granted QoS 0 (0x00) unspecified error (0x80) \
                         granted QoS 1 (0x01) granted QoS 2 (0x02) unspecified error (0x80)";

#[test]
fn v5_3_8_4_1_every_subscribe_is_answered() {
    each_filter_has_its_answer(V5, V5_ANSWER);
}

#[test]
fn v311_3_8_4_1_every_subscribe_is_answered() {
    each_filter_has_its_answer(V4, V4_ANSWER);
}

#[test]
fn v5_3_8_4_2_the_answer_has_the_identifier_of_the_request() {
    each_filter_has_its_answer(V5, V5_ANSWER);
}

#[test]
fn v311_3_8_4_2_the_answer_has_the_identifier_of_the_request() {
    each_filter_has_its_answer(V4, V4_ANSWER);
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
fn v311_3_8_4_5_every_filter_has_a_return_code() {
    each_filter_has_its_answer(V4, V4_ANSWER);
}

#[test]
fn v5_3_9_3_1_reason_codes_have_the_order_of_the_filters() {
    each_filter_has_its_answer(V5, V5_ANSWER);
}

#[test]
fn v311_3_9_3_1_return_codes_have_the_order_of_the_filters() {
    each_filter_has_its_answer(V4, V4_ANSWER);
}

#[test]
fn v5_3_9_3_2_reason_codes_are_listed() {
    each_filter_has_its_answer(V5, V5_ANSWER);
}

#[test]
fn v311_3_9_3_2_return_codes_are_0_1_2_and_0x80() {
    each_filter_has_its_answer(V4, V4_ANSWER);
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

#[test]
fn v5_3_8_4_3_a_second_subscription_replaces_the_first() {
    a_second_subscription_replaces_the_first(V5);
}

#[test]
fn v5_3_8_4_4_retained_messages_are_sent_again() {
    a_second_subscription_replaces_the_first(V5);
}

#[test]
fn v311_3_8_4_3_a_second_subscription_replaces_the_first() {
    a_second_subscription_replaces_the_first(V4);
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

#[test]
fn v5_3_8_4_5_several_filters_are_like_several_packets() {
    one_after_the_other(V5);
}

#[test]
fn v311_3_8_4_4_several_filters_are_like_several_packets() {
    one_after_the_other(V4);
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

#[test]
fn v5_3_8_4_8_the_lower_qos_counts() {
    qos_is_the_lower_of_two(V5);
}

#[test]
fn v311_3_8_4_6_the_lower_qos_counts() {
    qos_is_the_lower_of_two(V4);
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
fn v5_3_3_4_2_overlapping_subscriptions_deliver_at_the_highest_qos() {
    overlapping(V5);
}

#[test]
fn v311_3_3_5_1_overlapping_subscriptions_deliver_at_the_highest_qos() {
    overlapping(V4);
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

/// Publishes retained messages and returns how a new subscriber gets them.
fn late(version: Version, messages: &[(&str, &str)], filter: &str) -> Vec<String> {
    let mut world = World::new();
    let publisher = world.connect(version, "p");
    for (topic, payload) in messages {
        world.retain(publisher, topic, payload, QoS::AtLeastOnce);
    }
    let client = world.connect(version, "late");
    world.subscribe(client, filter, QoS::ExactlyOnce);
    let mut lines = world.expect_all(client);
    lines.sort();
    lines
}

fn the_last_message_is_retained(version: Version) {
    let lines = late(version, &[("t", "1"), ("t", "22"), ("a/b", "333")], "#");
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains("a/b") && lines[1].contains("payload=(2 bytes)"), "{lines:?}");
    assert!(lines.iter().all(|line| line.contains("qos=1") && line.contains(" retain")));
}

#[test]
fn v5_3_3_1_5_a_retained_message_replaces_the_one_before() {
    the_last_message_is_retained(V5);
}

#[test]
fn v311_3_3_1_5_a_retained_message_is_kept_with_its_qos() {
    the_last_message_is_retained(V4);
}

#[test]
fn v311_3_3_1_6_a_new_subscription_gets_the_last_message_of_each_topic() {
    the_last_message_is_retained(V4);
}

#[test]
fn v311_3_3_1_8_what_a_new_subscription_gets_is_marked() {
    the_last_message_is_retained(V4);
}

#[test]
fn v311_3_3_1_7_a_retained_message_of_qos_0_replaces_the_one_before() {
    let mut world = World::new();
    let publisher = world.connect(V4, "p");
    world.retain(publisher, "t", "1", QoS::AtLeastOnce);
    world.retain(publisher, "t", "22", QoS::AtMostOnce);
    let client = world.connect(V4, "late");
    world.subscribe(client, "t", QoS::ExactlyOnce);
    let lines = world.expect_all(client);
    assert!(lines.len() == 1 && lines[0].contains("qos=0 retain payload=(2"), "{lines:?}");
}

fn an_empty_message_removes(version: Version) {
    assert!(late(version, &[("t", "1"), ("t", "")], "t").is_empty());
    assert!(late(version, &[("t", "")], "t").is_empty());
    let mut world = World::new();
    let client = world.connect(version, "a");
    world.subscribe(client, "t", QoS::AtMostOnce);
    let publisher = world.connect(version, "p");
    world.retain(publisher, "t", "", QoS::AtMostOnce);
    assert!(world.expect(client).contains("payload=(0 bytes)"));
}

#[test]
fn v5_3_3_1_6_an_empty_message_removes_and_is_delivered() {
    an_empty_message_removes(V5);
}

#[test]
fn v5_3_3_1_7_an_empty_message_is_not_kept() {
    an_empty_message_removes(V5);
}

#[test]
fn v311_3_3_1_10_an_empty_message_removes_and_is_delivered() {
    an_empty_message_removes(V4);
}

#[test]
fn v311_3_3_1_11_an_empty_message_is_not_kept() {
    an_empty_message_removes(V4);
}

fn without_the_flag_nothing_is_kept(version: Version) {
    let mut world = World::new();
    let publisher = world.connect(version, "p");
    world.retain(publisher, "t", "kept", QoS::AtMostOnce);
    world.publish(publisher, "t", QoS::AtMostOnce);
    world.publish_packet(publisher, codec::Publish { payload: b"", ..message() });
    let client = world.connect(version, "late");
    world.subscribe(client, "t", QoS::AtMostOnce);
    assert!(world.expect(client).contains("payload=(4 bytes)"));
}

#[test]
fn v5_3_3_1_8_without_retain_what_is_kept_stays() {
    without_the_flag_nothing_is_kept(V5);
}

#[test]
fn v311_3_3_1_12_without_retain_what_is_kept_stays() {
    without_the_flag_nothing_is_kept(V4);
}

/// How many retained messages a first and a second SUBSCRIBE bring.
fn handling(retain_handling: RetainHandling) -> [usize; 2] {
    let mut world = World::new();
    let publisher = world.connect(V5, "p");
    world.retain(publisher, "t", "kept", QoS::AtMostOnce);
    let client = world.connect(V5, "late");
    let options = SubscribeOptions { retain_handling, ..options(QoS::AtMostOnce) };
    [(); 2].map(|()| {
        world.subscribe(client, "t", options);
        world.expect_all(client).len()
    })
}

#[test]
fn v5_3_3_1_9_retain_handling_0_sends_each_time() {
    assert_eq!(handling(RetainHandling::Send), [1, 1]);
}

#[test]
fn v5_3_3_1_10_retain_handling_1_sends_to_new_subscriptions() {
    assert_eq!(handling(RetainHandling::SendIfNew), [1, 0]);
}

#[test]
fn v5_3_3_1_11_retain_handling_2_sends_none() {
    assert_eq!(handling(RetainHandling::DoNotSend), [0, 0]);
}

fn flag_of_live_messages(version: Version, retain_as_published: bool) -> [bool; 2] {
    let mut world = World::new();
    let client = world.connect(version, "a");
    let options = SubscribeOptions { retain_as_published, ..options(QoS::AtMostOnce) };
    world.subscribe(client, "t", options);
    let publisher = world.connect(version, "p");
    [false, true].map(|retain| {
        world.publish_packet(publisher, codec::Publish { retain, ..message() });
        world.expect(client).contains(" retain")
    })
}

#[test]
fn v5_3_3_1_12_live_messages_are_not_marked() {
    assert_eq!(flag_of_live_messages(V5, false), [false, false]);
}

#[test]
fn v5_3_3_1_13_live_messages_keep_their_mark_where_that_is_wanted() {
    assert_eq!(flag_of_live_messages(V5, true), [false, true]);
}

#[test]
fn v311_3_3_1_9_live_messages_are_not_marked() {
    assert_eq!(flag_of_live_messages(V4, false), [false, false]);
}

fn unsubscribing(version: Version) {
    let mut world = World::new();
    let client = world.connect(version, "a");
    world.subscribe(client, "a/+", QoS::AtMostOnce);
    for (filter, removes) in [("a/b", false), ("A/+", false), ("a/#", false), ("a/+", true)] {
        let line = world.unsubscribe(client, &[filter]);
        if version.is_v5() {
            let reason = if removes { "success (0x00)" } else { "no subscription existed (0x11)" };
            assert!(line.ends_with(reason), "{filter}: {line}");
        }
        world.publish(client, "a/b", QoS::AtMostOnce);
        assert_eq!(world.expect_all(client).len(), usize::from(!removes), "{filter}");
    }
}

#[test]
fn v5_3_10_4_1_filters_are_compared_letter_by_letter() {
    unsubscribing(V5);
}

#[test]
fn v5_3_10_4_2_after_unsuback_nothing_new_comes() {
    unsubscribing(V5);
}

#[test]
fn v5_3_10_4_5_also_an_unknown_filter_is_answered() {
    unsubscribing(V5);
}

#[test]
fn v311_3_10_4_1_filters_are_compared_letter_by_letter() {
    unsubscribing(V4);
}

#[test]
fn v311_3_10_4_2_after_unsuback_nothing_new_comes() {
    unsubscribing(V4);
}

#[test]
fn v311_3_10_4_5_also_an_unknown_filter_is_answered() {
    unsubscribing(V4);
}

fn what_was_begun_is_finished(version: Version) {
    let mut world = World::new();
    let client = world.connect(version, "a");
    world.subscribe(client, "t", QoS::ExactlyOnce);
    let publisher = world.connect(version, "p");
    world.publish(publisher, "t", QoS::ExactlyOnce);
    world.expect(client);
    world.unsubscribe(client, &["t"]);
    world.ack(client, AckKind::PubRec, 1);
    assert_eq!(world.expect(client), "PUBREL id=1");
    world.ack(client, AckKind::PubComp, 1);
    world.expect_nothing(client);
}

#[test]
fn v5_3_10_4_3_what_was_begun_is_finished() {
    what_was_begun_is_finished(V5);
}

#[test]
fn v311_3_10_4_3_what_was_begun_is_finished() {
    what_was_begun_is_finished(V4);
}

fn several_at_once(version: Version, answer: &str) {
    let mut world = World::new();
    let client = world.connect(version, "a");
    for filter in ["a", "b"] {
        world.subscribe(client, filter, QoS::AtMostOnce);
    }
    assert_eq!(world.unsubscribe(client, &["a", "x", "b", "a"]), answer);
    assert_eq!(world.core.statistics(world.now).subscriptions, 0);
}

const V5_UNSUBACK: &str = "UNSUBACK id=3 success (0x00) no subscription existed (0x11) \
                           success (0x00) no subscription existed (0x11)";

#[test]
fn v5_3_10_4_4_every_unsubscribe_is_answered() {
    several_at_once(V5, V5_UNSUBACK);
}

#[test]
fn v5_3_10_4_6_several_filters_are_like_several_packets() {
    several_at_once(V5, V5_UNSUBACK);
}

#[test]
fn v5_3_11_3_1_reason_codes_have_the_order_of_the_filters() {
    several_at_once(V5, V5_UNSUBACK);
}

#[test]
fn v5_3_11_3_2_reason_codes_are_listed() {
    several_at_once(V5, V5_UNSUBACK);
}

#[test]
fn v311_3_10_4_4_the_answer_has_the_identifier_of_the_request() {
    several_at_once(V4, "UNSUBACK id=3");
}

#[test]
fn v311_3_10_4_6_several_filters_are_like_several_packets() {
    several_at_once(V4, "UNSUBACK id=3");
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

/// Members of the share `g` of `t`, each with its own QoS; the sessions live on.
fn members(world: &mut World, qos: &[QoS]) -> Vec<Client> {
    let names = ["m0", "m1", "m2"];
    let each = qos.iter().zip(names);
    each.map(|(qos, name)| {
        let member = world.connect_lasting(V5, name);
        world.subscribe(member, "$share/g/t", *qos);
        member
    })
    .collect()
}

#[test]
fn v5_4_8_2_3_each_member_gets_its_own_qos() {
    let mut world = World::new();
    let members = members(&mut world, &QoS::ALL);
    let publisher = world.connect(V5, "p");
    for _ in 0..3 {
        world.publish(publisher, "t", QoS::ExactlyOnce);
    }
    for (member, qos) in members.iter().zip(QoS::ALL) {
        let lines = world.expect_all(*member);
        assert!(lines.len() == 1 && lines[0].contains(&format!("qos={qos}")), "{lines:?}");
    }
}

#[test]
fn v5_4_8_2_4_a_message_of_qos_2_is_finished_by_the_same_member() {
    let mut world = World::new();
    let members = members(&mut world, &[QoS::ExactlyOnce; 2]);
    let publisher = world.connect(V5, "p");
    world.publish(publisher, "t", QoS::ExactlyOnce);
    world.expect(members[0]);
    world.ack(members[0], AckKind::PubRec, 1);
    world.expect(members[0]);
    world.cut(members[0]);
    world.expect_nothing(members[1]);
    let again = world.connect_lasting(V5, "m0");
    assert_eq!(world.expect(again), "PUBREL id=1");
}

#[test]
fn v5_4_8_2_5_a_message_of_qos_2_is_not_given_to_another_member() {
    let mut world = World::new();
    let members = members(&mut world, &[QoS::ExactlyOnce; 2]);
    let publisher = world.connect(V5, "p");
    world.publish(publisher, "t", QoS::ExactlyOnce);
    world.expect(members[0]);
    world.cut(members[0]);
    world.advance_secs(3600);
    world.expect_nothing(members[1]);
}

#[test]
fn v5_4_8_2_6_a_refused_message_is_not_tried_elsewhere() {
    let mut world = World::new();
    let members = members(&mut world, &[QoS::AtLeastOnce; 2]);
    let publisher = world.connect(V5, "p");
    world.publish(publisher, "t", QoS::AtLeastOnce);
    world.expect(members[0]);
    world.ack_with(members[0], AckKind::PubAck, 1, ReasonCode::UnspecifiedError);
    world.cut(members[0]);
    world.advance_secs(3600);
    world.expect_nothing(members[1]);
}

#[test]
fn v5_a_message_of_qos_1_goes_to_another_member_when_the_session_ends() {
    let mut world = World::new();
    let members = members(&mut world, &[QoS::AtLeastOnce; 2]);
    let publisher = world.connect(V5, "p");
    world.publish(publisher, "t", QoS::AtLeastOnce);
    world.expect(members[0]);
    world.cut(members[0]);
    world.expect_nothing(members[1]);
    world.advance_secs(3600);
    assert!(world.expect(members[1]).starts_with("PUBLISH"));
}

#[test]
fn v5_what_a_member_was_not_sent_goes_to_another_one_at_once() {
    let mut world = World::new();
    let mut connect = lasting(V5, "slow");
    connect.properties.set_u32(PropertyId::ReceiveMaximum, 1).unwrap();
    let (slow, _) = world.accepted(&connect);
    world.subscribe(slow, "$share/g/t", QoS::AtLeastOnce);
    let publisher = world.connect(V5, "p");
    for _ in 0..5 {
        world.publish(publisher, "t", QoS::AtLeastOnce);
    }
    assert_eq!(world.expect_all(slow).len(), 1);
    let other = world.connect(V5, "other");
    world.subscribe(other, "$share/g/t", QoS::AtLeastOnce);
    world.cut(slow);
    assert_eq!(world.expect_all(other).len(), 4);
}

#[test]
fn v5_members_that_are_not_connected_are_passed_over() {
    let mut world = World::new();
    let members = members(&mut world, &[QoS::AtLeastOnce; 3]);
    let publisher = world.connect(V5, "p");
    world.cut(members[1]);
    for _ in 0..4 {
        world.publish(publisher, "t", QoS::AtLeastOnce);
    }
    let counts = [members[0], members[2]].map(|member| world.expect_all(member).len());
    assert_eq!(counts.iter().sum::<usize>(), 4);
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

#[test]
fn v5_a_share_gets_no_retained_messages() {
    let mut world = World::new();
    let publisher = world.connect(V5, "p");
    world.retain(publisher, "t", "kept", QoS::AtMostOnce);
    let member = world.connect(V5, "m");
    world.subscribe(member, "$share/g/t", QoS::AtMostOnce);
    world.expect_nothing(member);
}

#[test]
fn v5_a_retained_message_expires() {
    let mut world = World::new();
    let publisher = world.connect(V5, "p");
    let properties = number(PropertyId::MessageExpiryInterval, 10);
    world.publish_packet(publisher, codec::Publish { retain: true, properties, ..message() });
    world.advance_secs(4);
    let early = world.connect(V5, "early");
    world.subscribe(early, "t", QoS::AtMostOnce);
    assert!(world.expect(early).contains("message expiry interval=6"));
    world.advance_secs(6);
    assert_eq!(world.core.statistics(world.now).retained_messages, 0);
    let late = world.connect(V5, "late");
    world.subscribe(late, "t", QoS::AtMostOnce);
    world.expect_nothing(late);
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
