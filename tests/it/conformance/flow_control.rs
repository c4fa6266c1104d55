//! Receive Maximum and send quota (MQTT 5.0, sections 3.3.4 and 4.9).

use std::time::Duration;

use mqttlink::codec::{AckKind, Version};
use mqttlink::proto::{Config, Disconnect, RequestError};
use mqttlink::{QoS, ReasonCode};

use crate::peer::{Peer, options};
use crate::script::resumable;

/// A client at a server with this Receive Maximum.
fn limited(receive_maximum: u16) -> Peer {
    Peer::accepted(&resumable(Version::V5), &format!("21 {receive_maximum:04x}"))
}

fn is_out_of_quota(peer: &mut Peer) -> bool {
    let results = [QoS::AtLeastOnce, QoS::ExactlyOnce].map(|qos| peer.try_publish_to("a", qos));
    match results {
        [Err(RequestError::NoQuota { .. }), Err(RequestError::NoQuota { .. })] => true,
        [Ok(_), _] => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn v5_3_3_4_7_at_most_the_receive_maximum_is_unacknowledged() {
    let mut peer = limited(2);
    let one = peer.publish_to("a", QoS::AtLeastOnce);
    let two = peer.publish_to("a", QoS::ExactlyOnce);
    peer.expect_all();
    assert!(is_out_of_quota(&mut peer));
    peer.expect_nothing();
    peer.send_ack(AckKind::PubRec, two);
    assert_eq!(peer.expect(), "PUBREL id=2");
    assert!(is_out_of_quota(&mut peer), "PUBREC is not the end");
    peer.send_ack(AckKind::PubComp, two);
    let three = peer.publish_to("a", QoS::ExactlyOnce);
    assert!(is_out_of_quota(&mut peer));
    peer.send_ack(AckKind::PubAck, one);
    peer.publish_to("a", QoS::AtLeastOnce);
    assert!(is_out_of_quota(&mut peer));
    peer.send_reason(AckKind::PubRec, three, ReasonCode::QuotaExceeded);
    peer.publish_to("a", QoS::AtLeastOnce);
    assert!(is_out_of_quota(&mut peer));
}

#[test]
fn v5_3_3_4_7_a_refused_message_frees_its_place() {
    let mut peer = limited(1);
    for _ in 0..3 {
        let number = peer.publish_to("a", QoS::AtLeastOnce);
        peer.send_reason(AckKind::PubAck, number, ReasonCode::NotAuthorized);
        let number = peer.publish_to("a", QoS::ExactlyOnce);
        peer.send_reason(AckKind::PubRec, number, ReasonCode::NotAuthorized);
    }
}

#[test]
fn v5_3_3_4_8_everything_else_goes_on_without_quota() {
    let mut options = options(Version::V5);
    options.keep_alive = 10;
    options.authentication_method = Some("m".into());
    let mut peer = Peer::accepted(&options, "15 00 01 6d 21 00 01");
    peer.publish_to("a", QoS::ExactlyOnce);
    assert!(is_out_of_quota(&mut peer));
    peer.expect_all();

    peer.publish_to("a", QoS::AtMostOnce);
    peer.subscribe_to("a");
    peer.unsubscribe_from("a");
    peer.client.re_authenticate(None).unwrap();
    peer.deliver("a", QoS::AtLeastOnce, 7);
    peer.deliver("a", QoS::ExactlyOnce, 8);
    peer.send_ack(AckKind::PubRel, 8);
    peer.send_ack(AckKind::PubRec, 1);
    assert!(is_out_of_quota(&mut peer));
    peer.advance(Duration::from_secs(10));
    peer.disconnect(&Disconnect::new()).unwrap();
    let kinds: Vec<_> = peer
        .expect_all()
        .into_iter()
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        kinds,
        [
            "PUBLISH",
            "SUBSCRIBE",
            "UNSUBSCRIBE",
            "AUTH",
            "PUBACK",
            "PUBREC",
            "PUBCOMP",
            "PUBREL",
            "PINGREQ",
            "DISCONNECT"
        ]
    );
}

#[test]
fn v5_3_3_4_9_more_than_the_clients_receive_maximum_is_refused() {
    for maximum in [1, 2, 20] {
        let mut options = options(Version::V5);
        options.receive_maximum = maximum;
        let mut peer = Peer::accepted(&options, "");
        for number in 1..=maximum {
            peer.send_message("a", QoS::ALL[1 + usize::from(number % 2)], number);
        }
        peer.send_message("a", QoS::AtMostOnce, 0);
        assert_eq!(peer.messages().len(), usize::from(maximum) + 1);
        peer.expect_nothing();
        peer.send_message("a", QoS::AtLeastOnce, 1000);
        assert_eq!(peer.messages(), []);
        peer.expect_failure(ReasonCode::ReceiveMaximumExceeded);
    }
}

#[test]
fn v5_3_3_4_9_an_acknowledged_message_no_longer_counts() {
    let mut options = options(Version::V5);
    options.receive_maximum = 1;
    assert!(Peer::connecting(&options).expect().contains(" receive maximum=1"));
    let mut peer = Peer::accepted(&options, "");
    for number in 1..10 {
        peer.deliver("a", QoS::AtLeastOnce, number);
        assert_eq!(peer.expect(), format!("PUBACK id={number}"));
        peer.deliver("a", QoS::ExactlyOnce, number);
        assert_eq!(peer.expect(), format!("PUBREC id={number}"));
        peer.send_repeated("a", QoS::ExactlyOnce, number);
        assert_eq!(peer.expect(), format!("PUBREC id={number}"), "a repetition does not count");
        peer.send_ack(AckKind::PubRel, number);
        assert_eq!(peer.expect(), format!("PUBCOMP id={number}"));
    }
    peer.deliver("a", QoS::ExactlyOnce, 1);
    peer.expect();
    peer.send_message("a", QoS::AtLeastOnce, 2);
    peer.expect_failure(ReasonCode::ReceiveMaximumExceeded);
}

/// How many messages go out before the quota is used up.
fn quota(peer: &mut Peer) -> usize {
    let mut count = 0;
    while peer.try_publish_to("a", QoS::AtLeastOnce).is_ok() {
        count += 1;
        peer.sent.clear();
    }
    count
}

#[test]
fn v5_4_9_0_1_the_send_quota_starts_at_the_receive_maximum() {
    for receive_maximum in [1, 2, 1000] {
        assert_eq!(quota(&mut limited(receive_maximum)), usize::from(receive_maximum));
    }
    assert_eq!(quota(&mut Peer::connected(Version::V5)), 65_535);
}

#[test]
fn v5_4_9_0_1_the_clients_own_window_may_be_smaller() {
    for (window, receive_maximum, expected) in [(5, 10, 5), (10, 5, 5), (0, 5, 1)] {
        let mut config = Config::default();
        config.window = Some(window);
        let mut peer = Peer::configured(config, &options(Version::V5));
        peer.accept(false, &format!("21 {receive_maximum:04x}"));
        assert_eq!(quota(&mut peer), expected);
    }
}

#[test]
fn v5_4_9_0_1_each_connection_begins_with_its_own_quota() {
    let mut peer = limited(3);
    assert_eq!(quota(&mut peer), 3);
    for number in 1..=3 {
        peer.send_ack(AckKind::PubAck, number);
    }
    assert_eq!(peer.outcomes().len(), 3);
    peer.resume();
    assert_eq!(quota(&mut peer), 65_535);
}

#[test]
fn v5_4_9_0_2_each_message_takes_one_and_its_end_gives_one_back() {
    let mut peer = limited(3);
    for number in 1..=100 {
        assert_eq!(peer.publish_to("a", QoS::AtLeastOnce), number);
        peer.send_ack(AckKind::PubAck, number);
    }
    // Acknowledgements that nobody awaits give nothing.
    for number in 1..=100 {
        peer.send_ack(AckKind::PubAck, number);
        peer.send_ack(AckKind::PubComp, number);
    }
    assert_eq!(quota(&mut peer), 3);
}

#[test]
fn v5_4_9_0_2_messages_sent_again_take_quota_too() {
    let mut peer = limited(10);
    for _ in 0..3 {
        peer.publish_to("a", QoS::AtLeastOnce);
    }
    peer.cut();
    peer.begin(&resumable(Version::V5));
    peer.accept(true, "21 00 02");
    let again = |id: u16| format!("PUBLISH topic=\"a\" qos=1 id={id} dup payload=(1 bytes)");
    assert_eq!(peer.expect_all(), [again(1), again(2)]);
    assert!(is_out_of_quota(&mut peer));
    peer.send_ack(AckKind::PubAck, 2);
    assert_eq!(peer.expect_all(), [again(3)], "what waits longest goes first");
    assert!(is_out_of_quota(&mut peer));
    peer.send_ack(AckKind::PubAck, 1);
    peer.publish_to("b", QoS::AtLeastOnce);
}

#[test]
fn v5_4_9_0_2_a_pubrel_sent_again_takes_and_gives_no_quota() {
    let mut peer = limited(3);
    for _ in 0..3 {
        let number = peer.publish_to("a", QoS::ExactlyOnce);
        peer.send_ack(AckKind::PubRec, number);
    }
    peer.cut();
    peer.begin(&resumable(Version::V5));
    peer.accept(true, "21 00 02");
    assert_eq!(peer.expect_all(), ["PUBREL id=1", "PUBREL id=2", "PUBREL id=3"]);
    peer.send_ack(AckKind::PubComp, 1);
    assert_eq!(quota(&mut peer), 2);
    // The two that follow were not sent on this connection, so they make no room on it.
    peer.send_ack(AckKind::PubComp, 2);
    peer.send_ack(AckKind::PubComp, 3);
    assert!(is_out_of_quota(&mut peer));
}

#[test]
fn v5_4_9_0_3_flows_that_have_begun_are_finished_without_quota() {
    let mut peer = limited(2);
    peer.publish_to("a", QoS::ExactlyOnce);
    peer.publish_to("a", QoS::ExactlyOnce);
    peer.expect_all();
    assert!(is_out_of_quota(&mut peer));
    peer.send_ack(AckKind::PubRec, 2);
    peer.send_ack(AckKind::PubRec, 1);
    assert_eq!(peer.expect_all(), ["PUBREL id=2", "PUBREL id=1"]);
    peer.send_message("a", QoS::AtLeastOnce, 9);
    let message = peer.message();
    peer.acknowledge(&message);
    assert_eq!(peer.expect_all(), ["PUBACK id=9"]);
}
