//! Transport and errors (sections 4.2 and 4.13, before MQTT 5.0 4.2 and 4.8).

use std::time::Duration;

use mqttlink::codec::Version;
use mqttlink::proto::Event;
use mqttlink::{QoS, ReasonCode};

use crate::hex::unhex;
use crate::peer::{Peer, options};
use crate::script::refuses_hex;

/// What the server sends to [`listening`] clients: one packet of every kind, and a long one.
fn stream(version: Version) -> Vec<u8> {
    let mut bytes = unhex(if version.is_v5() {
        "40 02 00 01  50 02 00 02  30 05 00 01 61 00 6d  32 07 00 01 61 00 01 00 6d
         34 07 00 01 61 00 02 00 6e  62 02 00 02  70 02 00 02  90 04 00 03 00 01
         b0 04 00 04 00 11  d0 00"
    } else {
        "40 02 00 01  50 02 00 02  30 04 00 01 61 6d  32 06 00 01 61 00 01 6d
         34 06 00 01 61 00 02 6e  62 02 00 02  70 02 00 02  90 03 00 03 01
         b0 02 00 04  d0 00"
    });
    // A remaining length of two bytes.
    let payload = [b'x'; 200];
    let head: &[u8] = if version.is_v5() { &[0, 1, b'a', 0] } else { &[0, 1, b'a'] };
    bytes.extend(crate::hex::packet(0x30, &[head, &payload].concat()));
    bytes
}

/// A client with one request of each kind under way.
fn listening(version: Version) -> Peer {
    let mut options = options(version);
    options.keep_alive = 10;
    let mut peer = Peer::accepted(&options, "");
    peer.publish_to("a", QoS::AtLeastOnce);
    peer.publish_to("a", QoS::ExactlyOnce);
    peer.subscribe_to("a");
    peer.unsubscribe_from("a");
    peer.advance(Duration::from_secs(10));
    assert_eq!(peer.expect_all().len(), 5);
    peer
}

/// Everything that a client did with the stream.
fn outcome(mut peer: Peer) -> (Vec<String>, String, String) {
    let messages = peer.messages();
    for message in messages.iter().filter(|message| message.ack.is_some()) {
        peer.acknowledge(message);
    }
    let (sent, mut events) = (peer.expect_all(), peer.events());
    for event in &mut events {
        // It is told for each input, so it depends on where the stream is split.
        if let Event::Answered { place, .. } = event {
            *place = 0;
        }
    }
    assert!(peer.client.is_connected());
    assert_eq!((messages.len(), events.len()), (4, 5), "{events:?}");
    (sent, format!("{messages:?}"), format!("{events:?}"))
}

fn packets_may_be_split_and_joined_anywhere(version: Version) {
    let stream = stream(version);
    let mut peer = listening(version);
    peer.send_bytes(&stream);
    let expected = outcome(peer);
    let mut peer = listening(version);
    stream.chunks(1).for_each(|byte| peer.send_bytes(byte));
    assert_eq!(outcome(peer), expected);
    for at in 1..stream.len() {
        let mut peer = listening(version);
        peer.send_bytes(&stream[..at]);
        peer.send_bytes(&stream[at..]);
        assert_eq!(outcome(peer), expected, "split at {at}");
    }
}

#[test]
fn v5_4_2_0_1_packets_may_be_split_and_joined_anywhere() {
    packets_may_be_split_and_joined_anywhere(Version::V5);
}

#[test]
fn v311_7_1_2_1_packets_may_be_split_and_joined_anywhere() {
    packets_may_be_split_and_joined_anywhere(Version::V3_1_1);
}

#[test]
fn v5_4_13_2_1_a_refusal_closes_the_connection() {
    for code in (0x80..=0xff).filter(|code| ReasonCode::from_u8(*code).is_some()) {
        let mut peer = Peer::connecting(&options(Version::V5));
        peer.expect();
        peer.send_bytes(&[0x20, 3, 0, code, 0]);
        assert!(peer.client.is_closing(), "{code:#04x}");
        assert!(peer.event().is_some());
    }
}

#[test]
fn v5_4_13_2_1_the_connection_is_closed_even_where_the_reason_cannot_be_sent() {
    // DISCONNECT with a reason takes three bytes.
    for (maximum, expected) in [(3, "e0 01 82"), (2, "")] {
        let mut peer = Peer::accepted(&options(Version::V5), &format!("27 {maximum:08x}"));
        peer.send("c0 00");
        assert!(matches!(peer.event(), Some(Event::Failed(_))));
        assert!(peer.client.is_closing());
        peer.pump();
        assert_eq!(crate::hex::hex(&peer.sent), expected);
    }
    // The socket takes nothing any more.
    let mut peer = Peer::connected(Version::V5);
    peer.client.handle_input(peer.now, &unhex("c0 00"));
    assert!(peer.client.is_closing() && peer.client.has_output());
}

/// Packets that no server may send to a client that is connected and has asked for nothing.
const VIOLATIONS: [(&str, &str); 12] = [
    ("10 0c 00 04 4d 51 54 54 04 02 00 00 00 00", "CONNECT"),
    ("82 06 00 01 00 01 61 00", "SUBSCRIBE"),
    ("a2 05 00 01 00 01 61", "UNSUBSCRIBE"),
    ("c0 00", "PINGREQ"),
    ("00 00", "a type that does not exist"),
    ("32 06 00 01 61 00 00 6d", "identifier 0 in PUBLISH"),
    ("40 02 00 00", "identifier 0 in PUBACK"),
    ("40 01 00", "PUBACK that ends early"),
    ("d0 01 00", "PINGRESP that goes on"),
    ("90 02 00 01", "SUBACK without a code"),
    ("30 02 00 05", "PUBLISH that ends inside its topic"),
    ("30 ff ff ff ff 01", "a length of five bytes"),
];

fn a_violation_closes_the_connection(version: Version) {
    for (bytes, what) in VIOLATIONS {
        let mut peer = Peer::connected(version);
        peer.send(bytes);
        assert!(matches!(peer.event(), Some(Event::Failed(_))), "{what}");
        assert!(peer.client.is_closing(), "{what}");
        assert_eq!(peer.messages(), [], "{what}");
        peer.pump();
        assert_eq!(peer.sent.is_empty(), !version.is_v5(), "{what}");
    }
}

#[test]
fn v311_4_8_0_1_a_violation_closes_the_connection() {
    a_violation_closes_the_connection(Version::V3_1_1);
    for bytes in ["e0 00", "f0 00", "20 02 00 00", "40 03 00 01 00", "b0 03 00 01 00"] {
        refuses_hex(Version::V3_1_1, bytes, ReasonCode::MalformedPacket);
    }
}

#[test]
fn v5_4_13_2_1_a_violation_closes_the_connection() {
    a_violation_closes_the_connection(Version::V5);
}

/// What came before the violation counts, what comes behind it does not.
fn nothing_behind_a_violation_is_read(version: Version) {
    let message = if version.is_v5() { "30 05 00 01 61 00 6d" } else { "30 04 00 01 61 6d" };
    let mut peer = Peer::connected(version);
    peer.publish_to("a", QoS::AtLeastOnce);
    peer.expect();
    peer.send(&format!("{message} c0 00 {message} 40 02 00 01"));
    assert_eq!(peer.messages().len(), 1);
    peer.send(message);
    assert_eq!(peer.messages(), []);
    assert_eq!(peer.outcomes(), [], "the PUBACK was not read");
    assert_eq!(peer.client.in_flight(), 1);
}

#[test]
fn v5_4_13_2_1_nothing_behind_a_violation_is_read() {
    nothing_behind_a_violation_is_read(Version::V5);
}

#[test]
fn v311_4_8_0_1_nothing_behind_a_violation_is_read() {
    nothing_behind_a_violation_is_read(Version::V3_1_1);
}
