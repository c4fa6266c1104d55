//! Session state: when it is kept, resumed and thrown away (sections 3.1.2.4, 3.2.2.1, 4.1 and 4.4).

use std::time::Duration;

use mqttlink::codec::{AckKind, Version};
use mqttlink::proto::{
    AckDetail, ConnectOptions, DropReason, Event, ProtocolError, PublishOutcome,
};
use mqttlink::{Properties, QoS, ReasonCode};

use crate::peer::{Peer, options};
use crate::script::resumable;

const HOUR: Duration = Duration::from_secs(3600);

/// A client that has, in both directions, a flow in each state that belongs to a session.
///
/// Out: 1 awaits PUBACK, 2 awaits PUBREC, 3 awaits PUBCOMP. In: 9 awaits PUBREL.
fn with_open_flows(version: Version) -> Peer {
    let mut peer = Peer::lasting(version);
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::ExactlyOnce] {
        peer.publish_to("a", qos);
    }
    peer.send_ack(AckKind::PubRec, 3);
    peer.deliver("in", QoS::ExactlyOnce, 9);
    let sent = peer.expect_all();
    assert_eq!(sent[3..], ["PUBREL id=3", "PUBREC id=9"]);
    peer
}

const RESUMED: [&str; 3] = [
    "PUBREL id=3",
    "PUBLISH topic=\"a\" qos=1 id=1 dup payload=(1 bytes)",
    "PUBLISH topic=\"a\" qos=2 id=2 dup payload=(1 bytes)",
];
const ANEW: &str = "PUBLISH topic=\"a\" qos=1 id=1 payload=(1 bytes)";

fn expect_resumed(peer: &mut Peer) {
    assert_eq!(peer.expect_all(), RESUMED);
    peer.send_repeated("in", QoS::ExactlyOnce, 9);
    assert_eq!(peer.messages(), [], "it was delivered before");
    assert_eq!(peer.expect(), "PUBREC id=9");
    assert_eq!(peer.outcomes(), [], "nothing has come to its end");
}

/// Of the old session nothing is continued: QoS 1 is published anew, QoS 2 ends with an outcome.
fn expect_anew(peer: &mut Peer) {
    assert_eq!(peer.expect_all(), [ANEW]);
    let success = AckDetail { reason: ReasonCode::Success, properties: Properties::new() };
    let mut outcomes = peer.outcomes();
    outcomes.sort_by_key(|outcome| matches!(outcome, PublishOutcome::Dropped(_)));
    assert_eq!(
        outcomes,
        [PublishOutcome::Acknowledged(success), PublishOutcome::Dropped(DropReason::SessionLost)]
    );
    peer.send_message("in", QoS::ExactlyOnce, 9);
    assert_eq!(peer.message().topic, "in", "the identifier means a new message");
    assert_eq!(peer.publish_to("b", QoS::AtLeastOnce), 4);
    peer.expect();
    // The identifiers of the flows that were given up are free.
    assert_eq!(peer.client.in_flight(), 2);
}

fn a_clean_start_begins_anew(version: Version) {
    let mut peer = with_open_flows(version);
    peer.reconnect(&options(version), false);
    expect_anew(&mut peer);
}

#[test]
fn v5_3_1_2_4_a_clean_start_begins_anew() {
    a_clean_start_begins_anew(Version::V5);
}

#[test]
fn v311_3_1_2_6_a_clean_session_begins_anew() {
    a_clean_start_begins_anew(Version::V3_1_1);
}

#[test]
fn v311_3_1_2_6_a_clean_session_leaves_nothing_behind() {
    let mut peer = Peer::connected(Version::V3_1_1);
    peer.deliver("in", QoS::ExactlyOnce, 9);
    peer.publish_to("a", QoS::ExactlyOnce);
    peer.lose_session();
    peer.expect_nothing();
    peer.send_message("in", QoS::ExactlyOnce, 9);
    assert_eq!(peer.message().topic, "in");
    assert_eq!(peer.outcomes(), [PublishOutcome::Dropped(DropReason::SessionLost)]);
}

fn a_session_outlives_its_connection(version: Version) {
    let mut peer = with_open_flows(version);
    peer.cut();
    peer.advance(HOUR / 2);
    assert_eq!(peer.client.in_flight(), 3);
    peer.begin(&resumable(version));
    peer.accept(true, "");
    expect_resumed(&mut peer);
}

#[test]
fn v5_3_1_2_23_a_session_outlives_its_connection() {
    a_session_outlives_its_connection(Version::V5);
}

#[test]
fn v311_3_1_2_4_a_session_outlives_its_connection() {
    a_session_outlives_its_connection(Version::V3_1_1);
}

fn a_resumed_session_goes_on(version: Version) {
    let mut peer = with_open_flows(version);
    peer.resume();
    expect_resumed(&mut peer);
    peer.send_ack(AckKind::PubComp, 3);
    peer.send_ack(AckKind::PubAck, 1);
    peer.send_ack(AckKind::PubRec, 2);
    assert_eq!(peer.expect(), "PUBREL id=2");
    peer.send_ack(AckKind::PubComp, 2);
    assert_eq!(peer.outcomes().len(), 3);
    peer.send_ack(AckKind::PubRel, 9);
    assert_eq!(peer.expect(), "PUBCOMP id=9");
}

#[test]
fn v5_3_2_2_3_a_resumed_session_goes_on() {
    a_resumed_session_goes_on(Version::V5);
}

#[test]
fn v311_3_2_2_2_a_resumed_session_goes_on() {
    a_resumed_session_goes_on(Version::V3_1_1);
}

fn a_lost_session_is_dropped(version: Version) {
    let mut peer = with_open_flows(version);
    peer.lose_session();
    expect_anew(&mut peer);
    assert!(peer.client.is_connected(), "the client goes on");
}

#[test]
fn v5_3_2_2_5_a_lost_session_is_dropped() {
    a_lost_session_is_dropped(Version::V5);
}

#[test]
fn v311_3_2_2_3_a_lost_session_is_dropped() {
    a_lost_session_is_dropped(Version::V3_1_1);
}

/// The client asked for a new session, so it has no state that the server could mean.
fn a_session_that_nobody_asked_for_closes(version: Version) {
    let mut peer = Peer::connecting(&options(version));
    peer.expect();
    peer.send(if version.is_v5() { "20 03 01 00 00" } else { "20 02 01 00" });
    assert_eq!(peer.event(), Some(Event::Failed(ProtocolError::SessionPresent)));
    assert!(peer.client.is_closing());
    if version.is_v5() {
        assert_eq!(peer.expect_hex(), "e0 01 82");
    }
    peer.expect_nothing();
}

#[test]
fn v5_3_2_2_4_a_session_that_nobody_asked_for_closes() {
    a_session_that_nobody_asked_for_closes(Version::V5);
}

#[test]
fn v311_3_2_2_1_a_session_that_nobody_asked_for_closes() {
    a_session_that_nobody_asked_for_closes(Version::V3_1_1);
}

/// A program that starts again wants its subscriptions and what was queued for it: its state is
/// empty, not missing. One that wants nothing of the past asks for a clean start.
fn a_client_that_starts_again_takes_its_session_up(version: Version) {
    let mut peer = Peer::connecting(&resumable(version));
    peer.accept(true, "");
    peer.expect_nothing();
    peer.send_repeated("in", QoS::ExactlyOnce, 9);
    assert_eq!(peer.message().topic, "in");
    // It knows nothing of a release that it is asked for, and answers it all the same.
    peer.send_ack(AckKind::PubRel, 7);
    assert!(peer.expect().starts_with("PUBCOMP id=7"));
    assert!(peer.client.is_connected());
}

#[test]
fn v5_3_2_2_4_a_client_that_starts_again_takes_its_session_up() {
    a_client_that_starts_again_takes_its_session_up(Version::V5);
}

#[test]
fn v311_3_2_2_2_a_client_that_starts_again_takes_its_session_up() {
    a_client_that_starts_again_takes_its_session_up(Version::V3_1_1);
}

fn named(name: &str, version: Version) -> ConnectOptions {
    let mut options = resumable(version);
    options.client_id = name.into();
    options
}

fn state_belongs_to_its_client_identifier(version: Version) {
    let mut peer = with_open_flows(version);
    let mut other = with_open_flows(version);
    peer.resume();
    expect_resumed(&mut peer);
    // The server has a session for that identifier, but it is not the one of these flows.
    other.reconnect(&named("other", version), true);
    expect_anew(&mut other);
}

#[test]
fn v5_3_1_3_2_state_belongs_to_its_client_identifier() {
    state_belongs_to_its_client_identifier(Version::V5);
}

#[test]
fn v311_3_1_3_2_state_belongs_to_its_client_identifier() {
    state_belongs_to_its_client_identifier(Version::V3_1_1);
}

#[test]
fn v5_3_1_3_2_an_assigned_client_identifier_names_the_session() {
    let anonymous = named("", Version::V5);
    let mut peer = Peer::accepted(&anonymous, "12 00 02 69 64");
    peer.publish_to("a", QoS::AtLeastOnce);
    peer.expect();
    peer.reconnect(&named("id", Version::V5), true);
    assert_eq!(peer.expect(), "PUBLISH topic=\"a\" qos=1 id=1 dup payload=(1 bytes)");
}

fn state_is_kept_while_the_connection_is_open(version: Version) {
    let mut options = resumable(version);
    if version.is_v5() {
        options.session_expiry = 1;
    }
    let mut peer = Peer::accepted(&options, "");
    assert_eq!(peer.publish_to("a", QoS::ExactlyOnce), 1);
    peer.deliver("in", QoS::ExactlyOnce, 9);
    peer.expect_all();
    peer.advance(HOUR * 24);
    peer.send_repeated("in", QoS::ExactlyOnce, 9);
    assert_eq!(peer.messages(), [], "it was delivered a day before");
    assert_eq!(peer.expect(), "PUBREC id=9");
    peer.send_ack(AckKind::PubRec, 1);
    assert_eq!(peer.expect(), "PUBREL id=1");
    peer.advance(HOUR * 24);
    peer.send_ack(AckKind::PubComp, 1);
    assert!(matches!(peer.outcomes()[..], [PublishOutcome::Acknowledged(_)]));
}

#[test]
fn v5_4_1_0_1_state_is_kept_while_the_connection_is_open() {
    state_is_kept_while_the_connection_is_open(Version::V5);
}

#[test]
fn v311_4_1_0_2_state_is_kept_while_the_connection_is_open() {
    state_is_kept_while_the_connection_is_open(Version::V3_1_1);
}

#[test]
fn v311_4_1_0_1_state_is_kept_over_many_connections() {
    let mut peer = with_open_flows(Version::V3_1_1);
    for _ in 0..5 {
        peer.resume();
        expect_resumed(&mut peer);
    }
    // Connections that never come about change nothing.
    for _ in 0..5 {
        peer.cut();
        peer.begin(&resumable(Version::V3_1_1));
    }
    peer.accept(true, "");
    expect_resumed(&mut peer);
}

fn open_flows_are_sent_again_on_resuming_and_only_once(version: Version) {
    let mut peer = with_open_flows(version);
    peer.subscribe_to("b");
    peer.cut();
    assert!(matches!(peer.event(), Some(Event::Unanswered { .. })));
    peer.begin(&resumable(version));
    peer.accept(true, "");
    assert_eq!(peer.expect_all(), RESUMED, "a SUBSCRIBE is not part of the session");
    peer.advance(HOUR);
    peer.send_message("x", QoS::AtMostOnce, 0);
    peer.expect_nothing();
}

#[test]
fn v5_4_4_0_1_open_flows_are_sent_again_on_resuming_and_only_once() {
    open_flows_are_sent_again_on_resuming_and_only_once(Version::V5);
}

#[test]
fn v311_4_4_0_1_open_flows_are_sent_again_on_resuming_and_only_once() {
    open_flows_are_sent_again_on_resuming_and_only_once(Version::V3_1_1);
}

#[test]
fn v5_4_4_0_1_on_a_live_connection_nothing_is_sent_again() {
    let mut options = resumable(Version::V5);
    options.keep_alive = 60;
    let mut peer = Peer::accepted(&options, "");
    peer.publish_to("a", QoS::AtLeastOnce);
    peer.publish_to("a", QoS::ExactlyOnce);
    peer.publish_to("a", QoS::ExactlyOnce);
    peer.send_ack(AckKind::PubRec, 3);
    peer.expect_all();
    for _ in 0..60 {
        peer.advance(Duration::from_secs(59));
        peer.send("d0 00");
        assert_eq!(peer.expect_all(), ["PINGREQ"]);
    }
}

#[test]
fn v5_4_4_0_2_a_refused_message_is_not_sent_again() {
    let mut peer = Peer::lasting(Version::V5);
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::AtLeastOnce] {
        peer.publish_to("a", qos);
    }
    peer.expect_all();
    peer.send_reason(AckKind::PubAck, 1, ReasonCode::QuotaExceeded);
    peer.send_reason(AckKind::PubRec, 2, ReasonCode::NotAuthorized);
    peer.expect_nothing();
    let reasons: Vec<_> = peer
        .outcomes()
        .into_iter()
        .map(|outcome| match outcome {
            PublishOutcome::Refused(detail) => detail.reason,
            other => panic!("refused: {other:?}"),
        })
        .collect();
    assert_eq!(reasons, [ReasonCode::QuotaExceeded, ReasonCode::NotAuthorized]);
    peer.resume();
    assert_eq!(
        peer.expect_all(),
        ["PUBLISH topic=\"a\" qos=1 id=3 dup payload=(1 bytes)"],
        "only what was not answered"
    );
}
