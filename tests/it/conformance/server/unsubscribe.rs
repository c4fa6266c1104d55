//! UNSUBSCRIBE.

use mqttlink::codec::{AckKind, Version};
use mqttlink::{QoS, ReasonCode};

use super::{filters_are_text, refuses, without_filter};
use crate::hex::unhex;
use crate::world::{V4, V5, World};

const V5_UNSUBACK: &str = "UNSUBACK id=3 success (0x00) no subscription existed (0x11) \
                           success (0x00) no subscription existed (0x11)";

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

#[test]
fn v311_3_10_3_1_filters_are_text() {
    filters_are_text(V4, without_filter);
}

#[test]
fn v5_3_10_3_2_an_unsubscribe_without_a_filter_is_an_error() {
    refuses(V5, &unhex("a2 03 00 01 00"), ReasonCode::ProtocolError);
}

#[test]
fn v311_3_10_3_2_an_unsubscribe_without_a_filter_is_an_error() {
    refuses(V4, &unhex("a2 02 00 01"), ReasonCode::ProtocolError);
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
