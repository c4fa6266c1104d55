//! What CONNACK says the server does not take (section 3.2.2.3), and what CONNECT says the client
//! does not take.

use mqttlink::codec::{AckKind, Version};
use mqttlink::proto::{
    Config, DropReason, LimitError, Publish, PublishOutcome, RequestError, SubscribeRequest,
    Unsubscribe,
};
use mqttlink::{QoS, ReasonCode};

use crate::hex::packet;
use crate::peer::{Peer, options};
use crate::script::resumable;

/// A connected client of a server that accepts with these properties.
fn limited(properties: &str) -> Peer {
    Peer::accepted(&resumable(Version::V5), properties)
}

/// The link breaks, and the server resumes the session with these properties.
fn resume_limited(peer: &mut Peer, properties: &str) {
    peer.cut();
    peer.begin(&resumable(Version::V5));
    peer.accept(true, properties);
}

const MAXIMUM_QOS_0: &str = "24 00";
const MAXIMUM_QOS_1: &str = "24 01";
const NO_RETAIN: &str = "25 00";
const AT_MOST_50_BYTES: &str = "27 00 00 00 32";

#[test]
fn v5_3_2_2_11_nothing_is_published_above_the_maximum_qos() {
    for (properties, maximum) in [
        (MAXIMUM_QOS_0, QoS::AtMostOnce),
        (MAXIMUM_QOS_1, QoS::AtLeastOnce),
        ("", QoS::ExactlyOnce),
    ] {
        let mut peer = limited(properties);
        for qos in QoS::ALL {
            let result = peer.try_publish_to("a", qos);
            if qos <= maximum {
                assert!(result.is_ok());
                assert!(peer.expect().contains(&format!(" qos={qos} ")));
            } else {
                let error = LimitError::MaximumQoS { qos, maximum };
                assert_eq!(result, Err(RequestError::Limit(error)));
                peer.expect_nothing();
            }
        }
    }
}

#[test]
fn v5_3_2_2_11_subscriptions_may_ask_for_any_qos() {
    let mut peer = limited(MAXIMUM_QOS_0);
    peer.subscribe(&SubscribeRequest::new("a", QoS::ExactlyOnce)).unwrap();
    assert_eq!(peer.expect(), "SUBSCRIBE id=1 \"a\" qos=2");
}

#[test]
fn v5_3_2_2_11_messages_above_a_new_maximum_are_not_sent_again() {
    let mut peer = limited("");
    peer.publish_to("a", QoS::ExactlyOnce);
    peer.publish_to("b", QoS::AtLeastOnce);
    resume_limited(&mut peer, MAXIMUM_QOS_1);
    let sent = peer.expect_all();
    assert!(sent.contains(&"PUBLISH topic=\"b\" qos=1 id=2 dup payload=(1 bytes)".to_owned()));
    assert!(!sent.iter().any(|line| line.contains("qos=2")), "{sent:?}");
    assert!(matches!(
        peer.outcomes()[..],
        [PublishOutcome::Dropped(DropReason::Limit(LimitError::MaximumQoS { .. }))]
    ));
    // The server may hold its identifier, which only a release frees.
    assert!(sent.contains(&"PUBREL id=1".to_owned()), "{sent:?}");
    assert_eq!(peer.client.in_flight(), 2);
    peer.send_reason(AckKind::PubComp, 1, ReasonCode::PacketIdNotFound);
    assert_eq!((peer.client.in_flight(), peer.outcomes().len()), (1, 0));
}

#[test]
fn v5_3_2_2_14_nothing_is_retained_where_that_is_not_available() {
    let retained = Publish::new("a", "m").retain(true);
    for (properties, available) in [(NO_RETAIN, false), ("25 01", true), ("", true)] {
        let mut peer = limited(properties);
        let result = peer.publish(&retained);
        if available {
            assert!(result.is_ok());
            assert_eq!(peer.expect_hex(), "31 05 00 01 61 00 6d");
        } else {
            assert_eq!(result, Err(RequestError::Limit(LimitError::RetainNotAvailable)));
            peer.expect_nothing();
            peer.publish_to("a", QoS::AtMostOnce);
            assert_eq!(peer.expect_hex(), "30 05 00 01 61 00 6d");
        }
    }
}

#[test]
fn v5_3_2_2_14_a_retained_message_is_not_sent_again_where_that_is_not_available() {
    let mut peer = limited("");
    peer.publish(&Publish::new("a", "m").qos(QoS::AtLeastOnce).retain(true)).unwrap();
    resume_limited(&mut peer, NO_RETAIN);
    peer.expect_nothing();
    let dropped = PublishOutcome::Dropped(DropReason::Limit(LimitError::RetainNotAvailable));
    assert_eq!(peer.outcomes(), [dropped]);
    assert_eq!(peer.client.in_flight(), 0);
}

/// Whether this many bytes were sent as one packet, or nothing.
fn expect_packet_of(peer: &mut Peer, taken: bool, len: usize) {
    peer.pump();
    if taken {
        assert_eq!(peer.expect_bytes().len(), len);
    }
    peer.expect_nothing();
}

fn assert_too_large(result: &Result<impl Sized, RequestError>, size: usize) {
    match result {
        Ok(_) => assert!(size <= 50, "{size} bytes were taken"),
        Err(RequestError::Limit(error)) => {
            assert_eq!(*error, LimitError::MaximumPacketSize { size, maximum: 50 });
        }
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn v5_3_2_2_15_no_packet_is_larger_than_the_server_takes() {
    for size in [49, 50, 51] {
        let taken = size <= 50;
        // What a packet of each kind has beside the payload or the filter.
        let mut peer = limited(AT_MOST_50_BYTES);
        let result = peer.publish(&Publish::new("a", vec![0; size - 6]));
        assert_too_large(&result, size);
        expect_packet_of(&mut peer, taken, size);

        let result = peer.publish(&Publish::new("a", vec![0; size - 8]).qos(QoS::AtLeastOnce));
        assert_too_large(&result, size);
        expect_packet_of(&mut peer, taken, size);

        let filter = "f".repeat(size - 8);
        let result = peer.subscribe(&SubscribeRequest::new(filter, QoS::AtMostOnce));
        assert_too_large(&result, size);
        expect_packet_of(&mut peer, taken, size);

        let filter = "f".repeat(size - 7);
        let result = peer.unsubscribe(&Unsubscribe::new(filter));
        assert_too_large(&result, size);
        expect_packet_of(&mut peer, taken, size);

        let token = peer.token();
        let message = Publish::new("a", "").qos(QoS::ExactlyOnce);
        let result = peer.client.publish_stream(peer.now, &message, size - 8, token);
        assert_too_large(&result, size);
        if let Ok((_, stream)) = result {
            peer.client.publish_chunk(stream, vec![0; size - 8].into()).unwrap();
        }
        expect_packet_of(&mut peer, taken, size);
    }
}

#[test]
fn v5_3_2_2_15_no_auth_is_larger_than_the_server_takes() {
    for size in [50, 51] {
        let mut options = options(Version::V5);
        options.authentication_method = Some("m".into());
        let mut peer = Peer::accepted(&options, &format!("15 00 01 6d {AT_MOST_50_BYTES}"));
        let result = peer.client.re_authenticate(Some(&vec![0; size - 11]));
        assert_eq!(result.is_ok(), size <= 50, "{result:?}");
        expect_packet_of(&mut peer, size <= 50, size);
    }
}

#[test]
fn v5_3_2_2_15_a_refused_message_costs_neither_quota_nor_identifier() {
    let mut peer = limited(&format!("21 00 01 {AT_MOST_50_BYTES}"));
    for _ in 0..3 {
        assert!(peer.publish(&Publish::new("a", vec![0; 50]).qos(QoS::AtLeastOnce)).is_err());
    }
    assert_eq!(peer.publish_to("a", QoS::AtLeastOnce), 1);
}

#[test]
fn v5_3_2_2_15_a_message_that_is_too_large_now_is_not_sent_again() {
    for (size, sent) in [(50, true), (51, false)] {
        let mut peer = limited("");
        peer.publish(&Publish::new("a", vec![0; size - 8]).qos(QoS::AtLeastOnce)).unwrap();
        resume_limited(&mut peer, AT_MOST_50_BYTES);
        expect_packet_of(&mut peer, sent, size);
        assert_eq!(peer.outcomes().len(), usize::from(!sent));
    }
}

#[test]
fn v5_3_2_2_15_an_alias_is_not_used_where_it_would_make_the_packet_too_large() {
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let mut config = Config::default();
        config.topic_aliases = 1;
        let mut peer = Peer::configured(config, &options(Version::V5));
        peer.accept(false, &format!("22 00 01 {AT_MOST_50_BYTES}"));
        let overhead = if qos == QoS::AtMostOnce { 6 } else { 8 };
        // With an alias for the first time, a packet is three bytes longer.
        for size in [47, 50] {
            let topic = if size == 47 { "a" } else { "b" };
            peer.publish(&Publish::new(topic, vec![0; size - overhead]).qos(qos)).unwrap();
            let bytes = peer.expect_bytes();
            assert_eq!(bytes.len(), 50);
        }
        peer.publish_to("a", qos);
        assert!(peer.expect().starts_with("PUBLISH topic=\"\" "), "its alias is still known");
    }
}

/// A message from the server with `size` bytes in all.
fn message_of(version: Version, size: usize) -> Vec<u8> {
    let overhead = if version.is_v5() { 6 } else { 5 };
    let mut body = vec![0, 1, b'a'];
    if version.is_v5() {
        body.push(0);
    }
    body.extend(vec![0; size - overhead]);
    let bytes = packet(0x30, &body);
    assert_eq!(bytes.len(), size);
    bytes
}

fn a_packet_over_the_clients_maximum_is_refused(version: Version) {
    let mut options = options(version);
    options.maximum_packet_size = 50;
    let mut peer = Peer::accepted(&options, "");
    peer.send_bytes(&message_of(version, 50));
    assert_eq!(peer.message().topic, "a");
    peer.send_bytes(&message_of(version, 51));
    assert_eq!(peer.messages(), []);
    peer.expect_failure(ReasonCode::PacketTooLarge);

    // Its fixed header is enough.
    let mut peer = Peer::accepted(&options, "");
    peer.send_bytes(&message_of(version, 51)[..2]);
    peer.expect_failure(ReasonCode::PacketTooLarge);
}

#[test]
fn v5_3_1_2_24_a_packet_over_the_clients_maximum_is_refused() {
    let mut options = options(Version::V5);
    options.maximum_packet_size = 50;
    assert!(Peer::connecting(&options).expect_hex().contains("27 00 00 00 32"));
    a_packet_over_the_clients_maximum_is_refused(Version::V5);
}

/// The client cannot buffer such a message, which is its own trouble and no error of the server's.
#[test]
fn v311_4_8_0_2_a_packet_over_the_clients_maximum_closes_the_connection() {
    a_packet_over_the_clients_maximum_is_refused(Version::V3_1_1);
}
