//! DISCONNECT (section 3.14).

use std::time::Duration;

use mqttlink::codec::{AckKind, EncodeError, Version};
use mqttlink::proto::{AckOutcome, Disconnect, Event, RequestError, SubscribeRequest};
use mqttlink::{QoS, ReasonCode};

use crate::peer::{Peer, options};
use crate::script::{refuses, resumable};

#[test]
fn v5_3_14_1_1_the_flags_of_disconnect_are_0000() {
    let mut peer = Peer::connected(Version::V5);
    peer.disconnect(&Disconnect::new()).unwrap();
    assert_eq!(peer.expect_hex(), "e0 00");
    for flags in 1..16 {
        refuses(Version::V5, &[0xe0 | flags, 0], ReasonCode::MalformedPacket);
    }
}

/// A server has no DISCONNECT to send before MQTT 5.0, whatever its flags.
#[test]
fn v311_3_14_1_1_the_flags_of_disconnect_are_0000() {
    let mut peer = Peer::connected(Version::V3_1_1);
    peer.disconnect(&Disconnect::new()).unwrap();
    assert_eq!(peer.expect_hex(), "e0 00");
    for flags in 0..16 {
        refuses(Version::V3_1_1, &[0xe0 | flags, 0], ReasonCode::MalformedPacket);
    }
}

/// The codes of section 3.14.2.1 for clients, and two that other sections of the text give them.
const SENT: [u8; 16] = [
    0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x8c, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9b,
];

#[test]
fn v5_3_14_2_1_disconnect_is_sent_with_a_clients_codes_only() {
    for reason in ReasonCode::ALL.iter().copied() {
        let mut peer = Peer::connected(Version::V5);
        let result = peer.disconnect(&Disconnect::new().reason(reason));
        if !SENT.contains(&reason.code()) {
            let error = result.unwrap_err();
            assert!(
                matches!(error, RequestError::Encode(EncodeError::InvalidReasonCode { .. })),
                "{error}"
            );
            peer.expect_nothing();
            assert!(peer.client.is_connected(), "nothing has happened");
        } else if reason == ReasonCode::Success {
            assert_eq!(peer.expect_hex(), "e0 00");
        } else {
            assert_eq!(peer.expect_hex(), format!("e0 01 {:02x}", reason.code()));
        }
    }
}

#[test]
fn v5_3_14_2_1_disconnect_is_taken_with_a_servers_codes_only() {
    let listed = [
        0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94,
        0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
    ];
    for code in 0..=255 {
        if !listed.contains(&code) {
            refuses(Version::V5, &[0xe0, 1, code], ReasonCode::ProtocolError);
            continue;
        }
        let mut peer = Peer::connected(Version::V5);
        peer.send_bytes(&[0xe0, 1, code]);
        let Some(Event::Disconnected(notice)) = peer.event() else { panic!("{code:#04x}") };
        assert_eq!(notice.reason.code(), code);
    }
}

#[test]
fn v5_3_14_2_2_a_server_sends_no_session_expiry() {
    refuses(Version::V5, &[0xe0, 7, 0, 5, 0x11, 0, 0, 0, 1], ReasonCode::ProtocolError);
    // The client may, unless it began without.
    let mut peer = Peer::lasting(Version::V5);
    peer.disconnect(&Disconnect::new().session_expiry(5)).unwrap();
    assert_eq!(peer.expect_hex(), "e0 07 00 05 11 00 00 00 05");
    let mut peer = Peer::connected(Version::V5);
    assert!(matches!(
        peer.disconnect(&Disconnect::new().session_expiry(5)),
        Err(RequestError::State(_))
    ));
    peer.disconnect(&Disconnect::new().session_expiry(0)).unwrap();
    assert_eq!(peer.expect_hex(), "e0 07 00 05 11 00 00 00 00");
}

/// The DISCONNECT that a client sends to a server that takes packets of this size.
fn disconnected(maximum: usize, request: &Disconnect) -> String {
    let mut peer = Peer::accepted(&resumable(Version::V5), &format!("27 {maximum:08x}"));
    peer.disconnect(request).unwrap();
    peer.expect_hex()
}

#[test]
fn v5_3_14_2_3_a_reason_string_is_left_out_where_it_would_not_fit() {
    let request = Disconnect::new().reason(ReasonCode::UnspecifiedError).reason_string("why");
    assert_eq!(disconnected(10, &request), "e0 08 80 06 1f 00 03 77 68 79");
    assert_eq!(disconnected(9, &request), "e0 01 80");
    assert_eq!(disconnected(9, &request.session_expiry(1)), "e0 07 80 05 11 00 00 00 01");
}

#[test]
fn v5_3_14_2_4_user_properties_are_left_out_where_they_would_not_fit() {
    let request = Disconnect::new().with_will().user_property("a", "b");
    assert_eq!(disconnected(11, &request), "e0 09 04 07 26 00 01 61 00 01 62");
    assert_eq!(disconnected(10, &request), "e0 01 04");
    assert_eq!(disconnected(10, &request.session_expiry(1)), "e0 07 04 05 11 00 00 00 01");
}

/// A connected client with something of everything going on, so that there is a lot it could send.
fn busy(version: Version) -> (Peer, Vec<crate::peer::Received>) {
    let mut options = options(version);
    options.keep_alive = 10;
    let method = if version.is_v5() {
        options.authentication_method = Some("m".into());
        "15 00 01 6d"
    } else {
        ""
    };
    let mut peer = Peer::accepted(&options, method);
    peer.publish_to("a", QoS::AtLeastOnce);
    peer.publish_to("a", QoS::ExactlyOnce);
    peer.subscribe_to("a");
    peer.send_message("in", QoS::AtLeastOnce, 1);
    peer.send_message("in", QoS::ExactlyOnce, 2);
    peer.expect_all();
    let held = peer.messages();
    (peer, held)
}

/// Whatever the application, the server and the clock do, the client is silent.
fn nothing_more_is_sent((mut peer, held): (Peer, Vec<crate::peer::Received>)) {
    for message in &held {
        peer.acknowledge_with(message, AckOutcome::default());
    }
    for qos in QoS::ALL {
        assert_eq!(peer.try_publish_to("a", qos), Err(RequestError::NotConnected));
    }
    let request = SubscribeRequest::new("a", QoS::AtMostOnce);
    assert_eq!(peer.subscribe(&request), Err(RequestError::NotConnected));
    assert_eq!(peer.unsubscribe(&"a".into()), Err(RequestError::NotConnected));
    assert_eq!(peer.disconnect(&Disconnect::new()), Err(RequestError::NotConnected));
    assert!(peer.client.re_authenticate(None).is_err());
    assert!(peer.client.authenticate(None).is_err());
    peer.send_ack(AckKind::PubRec, 2);
    peer.send_ack(AckKind::PubRel, 2);
    peer.send_message("in", QoS::AtLeastOnce, 3);
    peer.send_bytes(b"\xff\xff\xff\xff\xff");
    peer.advance(Duration::from_secs(100));
    assert_eq!(peer.messages(), [], "nothing is listened to either");
    peer.expect_nothing();
}

fn nothing_is_sent_after_disconnect(version: Version) {
    let (mut peer, held) = busy(version);
    peer.disconnect(&Disconnect::new()).unwrap();
    assert_eq!(peer.expect_hex(), "e0 00");
    nothing_more_is_sent((peer, held));
}

#[test]
fn v5_3_14_4_1_nothing_is_sent_after_disconnect() {
    nothing_is_sent_after_disconnect(Version::V5);
}

#[test]
fn v311_3_14_4_2_nothing_is_sent_after_disconnect() {
    nothing_is_sent_after_disconnect(Version::V3_1_1);
}

#[test]
fn v5_3_14_4_1_nothing_is_sent_after_a_disconnect_that_names_an_error() {
    let (mut peer, held) = busy(Version::V5);
    peer.send("c0 00");
    peer.expect_failure(ReasonCode::ProtocolError);
    nothing_more_is_sent((peer, held));
}

/// The server has stopped listening: what was waiting to be sent is not sent either.
#[test]
fn v5_3_14_4_1_nothing_is_sent_after_the_servers_disconnect() {
    let (mut peer, held) = busy(Version::V5);
    let token = peer.token();
    peer.client
        .publish(peer.now, &mqttlink::proto::Publish::new("a", "m"), token)
        .expect("it is queued");
    peer.send("e0 01 8b");
    assert!(peer.client.is_closing());
    peer.expect_nothing();
    nothing_more_is_sent((peer, held));
}

fn the_connection_is_closed_after_disconnect(version: Version) {
    let mut peer = Peer::connected(version);
    peer.publish_to("a", QoS::AtMostOnce);
    assert!(!peer.client.is_closing());
    peer.disconnect(&Disconnect::new()).unwrap();
    assert!(peer.client.is_closing() && !peer.client.is_connected());
    let sent = peer.expect_all();
    assert!(sent[1].starts_with("DISCONNECT"), "what was queued goes first: {sent:?}");
    // Not even an error of the server's leads to anything else.
    peer.send("00 00");
    assert_eq!(peer.events(), []);
    assert!(peer.client.is_closing());
    assert_eq!(peer.client.poll_timeout(), None, "there is nothing to wait for");
}

#[test]
fn v5_3_14_4_2_the_connection_is_closed_after_disconnect() {
    the_connection_is_closed_after_disconnect(Version::V5);
}

#[test]
fn v311_3_14_4_1_the_connection_is_closed_after_disconnect() {
    the_connection_is_closed_after_disconnect(Version::V3_1_1);
}

#[test]
fn v5_3_14_0_1_a_disconnect_before_connack_is_an_error() {
    let mut peer = Peer::connecting(&options(Version::V5));
    peer.expect();
    peer.send("e0 01 8b");
    peer.expect_failure(ReasonCode::ProtocolError);
}
