//! AUTH and enhanced authentication (sections 3.15 and 4.12).

use std::time::Duration;

use mqttlink::codec::{Auth, EncodeError, Version};
use mqttlink::proto::{
    ConnectOptions, Disconnect, Event, ProtocolError, RequestError, SubscribeRequest,
};
use mqttlink::{Properties, PropertyId, QoS, ReasonCode};

use crate::hex::{hex, unhex};
use crate::peer::{Peer, options};
use crate::script::refuses_hex;

/// The method `m` as a property.
const METHOD: &str = "15 00 01 6d";
const OTHER_METHOD: &str = "15 00 01 6e";
/// The server wants one more step of the method `m`.
const CHALLENGE: &str = "f0 06 18 04 15 00 01 6d";

fn with_method() -> ConnectOptions {
    let mut options = options(Version::V5);
    options.authentication_method = Some("m".into());
    options
}

/// A client that has sent CONNECT with the method `m`.
fn authenticating() -> Peer {
    let mut peer = Peer::connecting(&with_method());
    peer.expect();
    peer
}

/// A client that is connected with the method `m`.
fn authenticated() -> Peer {
    Peer::accepted(&with_method(), METHOD)
}

/// A client that has begun to re-authenticate.
fn re_authenticating() -> Peer {
    let mut peer = authenticated();
    peer.client.re_authenticate(None).unwrap();
    assert_eq!(peer.expect_hex(), "f0 06 19 04 15 00 01 6d");
    peer
}

/// The data of the one challenge since the events were last looked at.
fn challenge(peer: &mut Peer) -> Option<Vec<u8>> {
    match &peer.events()[..] {
        [Event::AuthContinue(step)] => step.data().map(<[u8]>::to_vec),
        other => panic!("{other:?}"),
    }
}

#[test]
fn v5_3_1_2_30_with_a_method_only_auth_and_disconnect_precede_connack() {
    let mut options = with_method();
    options.keep_alive = 1;
    let mut peer = Peer::connecting(&options);
    assert!(peer.expect().starts_with("CONNECT "));
    for qos in QoS::ALL {
        assert_eq!(peer.try_publish_to("a", qos), Err(RequestError::NotYet));
    }
    let request = SubscribeRequest::new("a", QoS::AtMostOnce);
    assert_eq!(peer.subscribe(&request), Err(RequestError::NotYet));
    assert_eq!(peer.unsubscribe(&"a".into()), Err(RequestError::NotYet));
    peer.advance(Duration::from_secs(60));
    peer.expect_nothing();
    peer.send(CHALLENGE);
    peer.client.authenticate(None).unwrap();
    assert_eq!(peer.expect_hex(), "f0 06 18 04 15 00 01 6d");
    peer.disconnect(&Disconnect::new()).unwrap();
    assert_eq!(peer.expect_hex(), "e0 00");
    peer.expect_nothing();
}

#[test]
fn v5_3_15_1_1_the_flags_of_auth_are_0000() {
    let mut peer = re_authenticating();
    peer.send(CHALLENGE);
    peer.client.authenticate(None).unwrap();
    assert_eq!(peer.expect_bytes()[0], 0xf0);
    for flags in 1..16 {
        let mut peer = re_authenticating();
        let mut bytes = unhex(CHALLENGE);
        bytes[0] |= flags;
        peer.send_bytes(&bytes);
        peer.expect_failure(ReasonCode::MalformedPacket);
    }
}

/// AUTH with a code and the method `m` from the server.
fn auth(code: u8) -> Vec<u8> {
    [&[0xf0, 6, code, 4][..], &unhex(METHOD)].concat()
}

#[test]
fn v5_3_15_2_1_auth_is_taken_with_a_servers_codes_only() {
    for code in 0..=255 {
        let mut peer = re_authenticating();
        peer.send_bytes(&auth(code));
        match (code, &peer.client.poll_event()) {
            (0x00, Some(Event::AuthDone(_))) | (0x18, Some(Event::AuthContinue(_))) => {
                assert!(peer.client.is_connected());
            }
            (_, Some(Event::Failed(_))) if code != 0 && code != 0x18 => {
                assert_eq!(peer.expect_hex(), "e0 01 82", "{code:#04x}");
                assert!(peer.client.is_closing());
            }
            other => panic!("{other:?}"),
        }
    }
}

/// An AUTH as large as the receiver allows, and with one byte less.
fn the_encoder_leaves_diagnostics_out(properties: Properties<'static>, size: usize) {
    let auth = Auth { reason: ReasonCode::ContinueAuthentication, properties };
    let encoded = |maximum| {
        let mut bytes = Vec::new();
        auth.encode(Version::V5, maximum, &mut bytes).map(|()| bytes)
    };
    assert_eq!(encoded(size).unwrap().len(), size);
    assert_eq!(hex(&encoded(size - 1).unwrap()), "f0 06 18 04 15 00 01 6d");
    assert_eq!(hex(&encoded(8).unwrap()), "f0 06 18 04 15 00 01 6d");
    assert!(matches!(encoded(7), Err(EncodeError::PacketTooLarge { .. })));
}

fn method_property() -> Properties<'static> {
    let mut properties = Properties::new();
    properties.set_text(PropertyId::AuthenticationMethod, "m").unwrap();
    properties
}

#[test]
fn v5_3_15_2_2_a_reason_string_is_left_out_where_it_would_not_fit() {
    let mut properties = method_property();
    properties.set_text(PropertyId::ReasonString, "why").unwrap();
    the_encoder_leaves_diagnostics_out(properties, 14);
}

#[test]
fn v5_3_15_2_3_user_properties_are_left_out_where_they_would_not_fit() {
    let mut properties = method_property();
    properties.add_user_property("a", "b").unwrap();
    the_encoder_leaves_diagnostics_out(properties, 15);
}

#[test]
fn v5_4_12_0_2_before_connack_the_server_can_only_ask_for_more() {
    for code in [0x00, 0x19] {
        let mut peer = authenticating();
        peer.send_bytes(&auth(code));
        peer.expect_failure(ReasonCode::ProtocolError);
    }
}

#[test]
fn v5_4_12_0_3_each_challenge_is_answered_with_auth() {
    let mut options = with_method();
    options.authentication_data = Some(vec![0]);
    let mut peer = Peer::connecting(&options);
    let connect = peer.expect_hex();
    assert!(connect.contains("15 00 01 6d 16 00 01 00"), "{connect}");
    for step in 1..=3_u8 {
        peer.send_bytes(
            &[&[0xf0, 10, 0x18, 8, 0x15, 0, 1, b'm', 0x16, 0, 1][..], &[step]].concat(),
        );
        assert_eq!(challenge(&mut peer), Some(vec![step]));
        peer.expect_nothing();
        peer.client.authenticate(Some(&[step + 0x10])).unwrap();
        let answer = format!("f0 0a 18 08 15 00 01 6d 16 00 01 {:02x}", step + 0x10);
        assert_eq!(peer.expect_hex(), answer);
    }
    peer.send("20 0b 00 00 08 15 00 01 6d 16 00 01 ff");
    let Some(Event::Connected(granted)) = peer.event() else { panic!("connected") };
    assert_eq!(granted.authentication_data(), Some(&[0xff][..]));
}

#[test]
fn v5_4_12_0_3_what_was_not_asked_is_not_answered() {
    let mut peer = authenticating();
    let refused = |peer: &mut Peer| {
        let error = peer.client.authenticate(None).unwrap_err();
        assert!(matches!(error, RequestError::State(_)), "{error}");
        peer.expect_nothing();
    };
    refused(&mut peer);
    peer.send(CHALLENGE);
    peer.client.authenticate(None).unwrap();
    peer.expect();
    refused(&mut peer);
    peer.send("20 07 00 00 04 15 00 01 6d");
    refused(&mut peer);
    peer.client.re_authenticate(None).unwrap();
    peer.expect();
    refused(&mut peer);
    peer.send(CHALLENGE);
    peer.client.authenticate(None).unwrap();
    peer.expect();
    peer.send_bytes(&auth(0));
    refused(&mut peer);
}

#[test]
fn v5_4_12_0_5_the_method_is_the_same_in_every_packet() {
    for properties in ["", OTHER_METHOD, "15 00 00"] {
        let len = unhex(properties).len();
        let bytes = format!("20 {:02x} 00 00 {len:02x} {properties}", len + 3);
        let mut peer = authenticating();
        peer.send(&bytes);
        peer.expect_failure(ReasonCode::ProtocolError);
        for mut peer in [authenticating(), re_authenticating()] {
            peer.send(&format!("f0 {:02x} 18 {len:02x} {properties}", len + 2));
            peer.expect_failure(ReasonCode::ProtocolError);
        }
    }
    let error = ProtocolError::AuthMethod { packet: mqttlink::codec::PacketType::Auth };
    assert_eq!(error.statement(Version::V5), Some("MQTT-4.12.0-5"));
    let mut peer = re_authenticating();
    peer.send("f0 00");
    peer.expect_failure(ReasonCode::ProtocolError);
}

/// A CONNACK that refuses need not have it.
#[test]
fn v5_4_12_0_5_a_refusal_needs_no_method() {
    let mut peer = authenticating();
    peer.send("20 03 00 8c 00");
    let Some(Event::Refused(notice)) = peer.event() else { panic!("refused") };
    assert_eq!(notice.reason, ReasonCode::BadAuthenticationMethod);
    assert!(peer.client.is_closing());
    peer.expect_nothing();
}

#[test]
fn v5_4_12_0_6_without_a_method_the_server_authenticates_nothing() {
    refuses_hex(Version::V5, CHALLENGE, ReasonCode::ProtocolError);
    for packet in [CHALLENGE, "20 07 00 00 04 15 00 01 6d"] {
        let mut peer = Peer::connecting(&options(Version::V5));
        peer.expect();
        peer.send(packet);
        peer.expect_failure(ReasonCode::ProtocolError);
    }
}

#[test]
fn v5_4_12_0_7_without_a_method_the_client_sends_no_auth() {
    let mut connecting = Peer::connecting(&options(Version::V5));
    connecting.expect();
    for mut peer in [connecting, Peer::connected(Version::V5), Peer::connected(Version::V3_1_1)] {
        assert!(peer.client.authenticate(None).is_err());
        assert!(peer.client.re_authenticate(None).is_err());
        peer.expect_nothing();
    }
}

#[test]
fn v5_4_12_0_7_data_needs_a_method() {
    let mut options = options(Version::V5);
    options.authentication_data = Some(vec![1]);
    let mut peer = Peer::idle(mqttlink::proto::Config::default());
    assert!(peer.client.connect(peer.now, &options).is_err());
    peer.expect_nothing();
}

#[test]
fn v5_4_12_1_1_re_authentication_keeps_the_method_and_the_traffic() {
    let mut peer = authenticating();
    assert_eq!(peer.client.re_authenticate(None), Err(RequestError::NotYet));
    peer.expect_nothing();
    let mut peer = authenticated();
    peer.client.re_authenticate(Some(&[1])).unwrap();
    assert_eq!(peer.expect_hex(), "f0 0a 19 08 15 00 01 6d 16 00 01 01");
    assert!(peer.client.re_authenticate(None).is_err(), "one at a time");
    peer.deliver("in", QoS::AtLeastOnce, 3);
    assert_eq!(peer.expect(), "PUBACK id=3");
    peer.publish_to("a", QoS::AtMostOnce);
    peer.expect();
    peer.send(CHALLENGE);
    assert_eq!(challenge(&mut peer), None);
    peer.client.authenticate(None).unwrap();
    assert_eq!(peer.expect_hex(), "f0 06 18 04 15 00 01 6d");
    peer.send_bytes(&auth(0));
    assert!(matches!(peer.event(), Some(Event::AuthDone(_))));
    peer.client.re_authenticate(None).expect("the next one");
}

#[test]
fn v5_4_12_1_1_a_server_cannot_begin_a_re_authentication() {
    let mut peer = authenticated();
    peer.send(CHALLENGE);
    peer.expect_failure(ReasonCode::ProtocolError);
}

#[test]
fn v5_4_12_1_1_re_authentication_ends_with_the_connection() {
    let mut peer = re_authenticating();
    peer.cut();
    peer.begin(&with_method());
    peer.accept(false, METHOD);
    assert!(peer.client.authenticate(None).is_err());
    peer.client.re_authenticate(None).expect("a new one");
}

#[test]
fn v5_4_12_1_2_a_failed_re_authentication_closes_the_connection() {
    let mut peer = re_authenticating();
    peer.send("e0 01 87");
    let Some(Event::Disconnected(notice)) = peer.event() else { panic!("the server's reason") };
    assert_eq!(notice.reason, ReasonCode::NotAuthorized);
    assert!(peer.client.is_closing());
    peer.expect_nothing();

    let mut peer = re_authenticating();
    peer.send(CHALLENGE);
    peer.disconnect(&Disconnect::new().reason(ReasonCode::BadAuthenticationMethod)).unwrap();
    assert_eq!(peer.expect_hex(), "e0 01 8c");
    assert!(peer.client.is_closing());
}
