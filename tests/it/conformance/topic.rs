//! Topic names and filters (sections 4.7 and 4.8).

use mqttlink::codec::{DecodeError, EncodeError, TopicError, Version, frame, topic};
use mqttlink::proto::{Config, Publish, RequestError, SubscribeRequest, Will};
use mqttlink::{QoS, ReasonCode};

use crate::hex::{field, packet};
use crate::peer::{Peer, options};
use crate::script::refuses;

/// Asks to subscribe and to unsubscribe; both are taken and sent, or both refused in the same way.
fn ask_for(version: Version, filter: &str) -> Result<(), TopicError> {
    let mut peer = Peer::connected(version);
    let results = [
        peer.subscribe(&SubscribeRequest::new(filter, QoS::AtMostOnce)),
        peer.unsubscribe(&filter.into()),
    ];
    match results {
        [Ok(_), Ok(_)] => {
            assert_eq!(peer.expect_all().len(), 2);
            Ok(())
        }
        [
            Err(RequestError::Encode(EncodeError::InvalidFilter { error, .. })),
            Err(RequestError::Encode(EncodeError::InvalidFilter { error: again, .. })),
        ] => {
            assert_eq!(error, again);
            peer.expect_nothing();
            Err(error)
        }
        other => panic!("{filter:?}: {other:?}"),
    }
}

/// What a receiver makes of a SUBSCRIBE with this filter.
fn read(version: Version, filter: &str) -> Result<(), DecodeError> {
    let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
    let bytes = packet(0x82, &[&[0, 1], properties, &field(filter.as_bytes()), &[0]].concat());
    let frame = frame::parse(&bytes, version, frame::MAX_PACKET_SIZE)?.unwrap();
    mqttlink::codec::Packet::decode(&frame, version).map(drop)
}

fn filters(version: Version, good: &[&str], bad: &[&str], error: TopicError) {
    for filter in good {
        assert_eq!(ask_for(version, filter), Ok(()), "{filter:?}");
        assert_eq!(read(version, filter), Ok(()), "{filter:?}");
    }
    for filter in bad {
        assert_eq!(ask_for(version, filter), Err(error), "{filter:?}");
        assert_eq!(read(version, filter), Err(DecodeError::InvalidFilter(error)), "{filter:?}");
    }
}

fn the_multi_level_wildcard_is_a_level_of_its_own_and_the_last(version: Version) {
    filters(
        version,
        &["#", "/#", "a/#", "+/#", "a/b/c/#"],
        &["a#", "#a", "a/#/b", "#/a", "##", "a/b#", "#/", "#/#", "a/+/#/b"],
        TopicError::MultiLevelWildcard,
    );
}

#[test]
fn v5_4_7_1_1_the_multi_level_wildcard_is_a_level_of_its_own_and_the_last() {
    the_multi_level_wildcard_is_a_level_of_its_own_and_the_last(Version::V5);
}

#[test]
fn v311_4_7_1_2_the_multi_level_wildcard_is_a_level_of_its_own_and_the_last() {
    the_multi_level_wildcard_is_a_level_of_its_own_and_the_last(Version::V3_1_1);
}

fn the_single_level_wildcard_is_a_level_of_its_own(version: Version) {
    filters(
        version,
        &["+", "/+", "+/", "+/a", "a/+", "a/+/b", "+/+", "+/+/#"],
        &["a+", "+a", "++", "a/b+/c", "a/+b", "+a/#"],
        TopicError::SingleLevelWildcard,
    );
}

#[test]
fn v5_4_7_1_2_the_single_level_wildcard_is_a_level_of_its_own() {
    the_single_level_wildcard_is_a_level_of_its_own(Version::V5);
}

#[test]
fn v311_4_7_1_3_the_single_level_wildcard_is_a_level_of_its_own() {
    the_single_level_wildcard_is_a_level_of_its_own(Version::V3_1_1);
}

/// The error for a message to this topic, of which nothing is sent.
fn publish_to(version: Version, topic: &str) -> Option<TopicError> {
    let mut peer = Peer::connected(version);
    match peer.publish(&Publish::new(topic, "m").qos(QoS::AtLeastOnce)) {
        Ok(_) => None,
        Err(RequestError::Encode(EncodeError::InvalidTopic { error, .. })) => {
            peer.expect_nothing();
            Some(error)
        }
        Err(other) => panic!("{other}"),
    }
}

/// Whether a will with this topic can be asked for.
fn is_will_topic(version: Version, topic: &str) -> bool {
    let mut options = options(version);
    options.will = Some(Will::new(topic, "m"));
    let mut peer = Peer::idle(Config::default());
    peer.client.connect(peer.now, &options).is_ok()
}

/// A message from the server to this topic.
fn message(version: Version, topic: &str) -> Vec<u8> {
    let properties: &[u8] = if version.is_v5() { &[0] } else { &[] };
    packet(0x30, &[&field(topic.as_bytes()), properties].concat())
}

fn a_topic_has_at_least_one_character(version: Version) {
    assert_eq!(publish_to(version, ""), Some(TopicError::Empty));
    assert_eq!(ask_for(version, ""), Err(TopicError::Empty));
    assert!(!is_will_topic(version, ""));
    refuses(version, &message(version, ""), ReasonCode::ProtocolError);
    for topic in ["/", "//", " ", "a"] {
        assert_eq!(publish_to(version, topic), None);
        assert_eq!(ask_for(version, topic), Ok(()));
        assert!(is_will_topic(version, topic));
        let mut peer = Peer::connected(version);
        peer.send_bytes(&message(version, topic));
        assert_eq!(peer.message().topic, topic);
    }
}

#[test]
fn v5_4_7_3_1_a_topic_has_at_least_one_character() {
    a_topic_has_at_least_one_character(Version::V5);
}

#[test]
fn v311_4_7_3_1_a_topic_has_at_least_one_character() {
    a_topic_has_at_least_one_character(Version::V3_1_1);
}

fn a_topic_has_no_null_character(version: Version) {
    for topic in ["\0", "a\0", "\0a", "a/\0/b"] {
        assert_eq!(publish_to(version, topic), Some(TopicError::NulCharacter));
        assert_eq!(ask_for(version, topic), Err(TopicError::NulCharacter));
        assert!(!is_will_topic(version, topic));
        refuses(version, &message(version, topic), ReasonCode::MalformedPacket);
        assert!(read(version, topic).is_err());
    }
}

#[test]
fn v5_4_7_3_2_a_topic_has_no_null_character() {
    a_topic_has_no_null_character(Version::V5);
}

#[test]
fn v311_4_7_3_2_a_topic_has_no_null_character() {
    a_topic_has_no_null_character(Version::V3_1_1);
}

fn a_topic_has_at_most_65535_bytes(version: Version) {
    // Two bytes for each character.
    let longest = format!("a{}", "é".repeat(topic::MAX_LEN / 2));
    assert_eq!(longest.len(), 65_535);
    assert_eq!(publish_to(version, &longest), None);
    assert_eq!(ask_for(version, &longest), Ok(()));
    assert!(is_will_topic(version, &longest));
    let mut peer = Peer::connected(version);
    peer.send_bytes(&message(version, &longest));
    assert_eq!(peer.message().topic, longest);

    let too_long = "é".repeat(topic::MAX_LEN / 2 + 1);
    assert_eq!(publish_to(version, &too_long), Some(TopicError::TooLong));
    assert_eq!(ask_for(version, &too_long), Err(TopicError::TooLong));
    assert!(!is_will_topic(version, &too_long));
}

#[test]
fn v5_4_7_3_3_a_topic_has_at_most_65535_bytes() {
    a_topic_has_at_most_65535_bytes(Version::V5);
}

#[test]
fn v311_4_7_3_3_a_topic_has_at_most_65535_bytes() {
    a_topic_has_at_most_65535_bytes(Version::V3_1_1);
}

#[test]
fn v5_4_8_2_1_a_share_has_a_name() {
    filters(
        Version::V5,
        &["$share/g/a", "$share/é/a", "$share/$g/a", "$shared", "$share", "$SHARE//a"],
        &["$share/", "$share//", "$share//a"],
        TopicError::Share,
    );
}

#[test]
fn v5_4_8_2_2_a_share_name_has_no_wildcard_and_a_filter_follows() {
    filters(
        Version::V5,
        &["$share/g//", "$share/g/#", "$share/g/+/a", "$share/g/$SYS/#"],
        &["$share/g", "$share/g/", "$share/+/a", "$share/#/a", "$share/g#/a", "$share/g+/a"],
        TopicError::Share,
    );
    // The filter behind the name obeys its own rules.
    for (filter, error) in [
        ("$share/g/a#", TopicError::MultiLevelWildcard),
        ("$share/g/a+", TopicError::SingleLevelWildcard),
    ] {
        assert_eq!(ask_for(Version::V5, filter), Err(error));
    }
}

/// Before MQTT 5.0 there are no shared subscriptions, and the level is like any other.
#[test]
fn a_share_is_nothing_special_before_mqtt_5() {
    for version in [Version::V3_1, Version::V3_1_1] {
        for filter in ["$share", "$share/g", "$share//a", "$share/+/a", "$share/g/a"] {
            assert_eq!(ask_for(version, filter), Ok(()));
        }
    }
}
