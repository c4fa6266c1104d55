//! Fixed header and property block (sections 2.1 and 2.2).

use std::time::Duration;

use mqttlink::codec::{AckKind, ConnAck, Connect, Packet, SubAck, UnsubAck, Version, frame};
use mqttlink::proto::{Disconnect, Publish};
use mqttlink::{Properties, QoS, ReasonCode};

use crate::hex::{hex, unhex};
use crate::peer::{Peer, options};
use crate::script::{id, refuses, refuses_hex};

/// The first byte of one packet of every kind that the client sends.
fn first_bytes_of_everything(version: Version) -> Vec<u8> {
    let mut options = options(version);
    options.keep_alive = 10;
    if version.is_v5() {
        options.authentication_method = Some("m".into());
    }
    let mut peer = Peer::connecting(&options);
    let mut first = vec![peer.expect_bytes()[0]];
    peer.send(if version.is_v5() { "20 07 00 00 04 15 00 01 6d" } else { "20 02 00 00" });
    peer.publish_to("a", QoS::AtMostOnce);
    peer.publish_to("a", QoS::AtLeastOnce);
    let exactly = peer.publish_to("a", QoS::ExactlyOnce);
    peer.publish(&Publish::new("a", "m").qos(QoS::ExactlyOnce).retain(true)).unwrap();
    peer.deliver("a", QoS::AtLeastOnce, 1);
    peer.deliver("a", QoS::ExactlyOnce, 2);
    peer.send_ack(AckKind::PubRec, exactly);
    peer.send_ack(AckKind::PubRel, 2);
    peer.subscribe_to("a");
    peer.unsubscribe_from("a");
    if version.is_v5() {
        peer.client.re_authenticate(None).unwrap();
    }
    peer.pump();
    peer.advance(Duration::from_secs(9));
    peer.disconnect(&Disconnect::new()).unwrap();
    peer.pump();
    while !peer.sent.is_empty() {
        first.push(peer.expect_bytes()[0]);
    }
    first
}

#[test]
fn v5_2_1_3_1_every_packet_is_sent_with_its_own_flags() {
    assert_eq!(
        hex(&first_bytes_of_everything(Version::V5)),
        "10 30 32 34 35 40 50 62 70 82 a2 f0 c0 e0"
    );
}

#[test]
fn v311_2_2_2_1_every_packet_is_sent_with_its_own_flags() {
    assert_eq!(
        hex(&first_bytes_of_everything(Version::V3_1_1)),
        "10 30 32 34 35 40 50 62 70 82 a2 c0 e0"
    );
}

/// Each packet is one that the client would take, or refuse for another reason than its flags.
fn a_reserved_flag_is_refused(version: Version, packets: &[&str]) {
    for hex in packets {
        for bit in 0..4 {
            let mut bytes = unhex(hex);
            bytes[0] ^= 1 << bit;
            refuses(version, &bytes, ReasonCode::MalformedPacket);
        }
    }
}

#[test]
fn v5_2_1_3_1_a_reserved_flag_from_the_server_is_malformed() {
    a_reserved_flag_is_refused(
        Version::V5,
        &[
            "20 03 00 00 00",
            "40 02 00 01",
            "50 02 00 01",
            "62 02 00 01",
            "70 02 00 01",
            "90 04 00 01 00 00",
            "b0 04 00 01 00 00",
            "d0 00",
            "e0 00",
            "f0 06 18 04 15 00 01 6d",
        ],
    );
}

#[test]
fn v311_2_2_2_2_a_reserved_flag_from_the_server_closes_the_connection() {
    a_reserved_flag_is_refused(
        Version::V3_1_1,
        &[
            "20 02 00 00",
            "40 02 00 01",
            "50 02 00 01",
            "62 02 00 01",
            "70 02 00 01",
            "90 03 00 01 00",
            "b0 02 00 01",
            "d0 00",
        ],
    );
}

#[test]
fn packet_types_that_do_not_exist_are_refused() {
    refuses_hex(Version::V5, "00 00", ReasonCode::MalformedPacket);
    refuses_hex(Version::V3_1_1, "00 00", ReasonCode::MalformedPacket);
    refuses_hex(Version::V3_1_1, "f0 00", ReasonCode::MalformedPacket);
}

fn encoded(packet: &Packet<'_>) -> String {
    let mut bytes = Vec::new();
    packet.encode(Version::V5, frame::MAX_PACKET_SIZE, &mut bytes).unwrap();
    hex(&bytes)
}

#[test]
fn v5_2_2_2_1_no_properties_are_sent_as_a_length_of_0() {
    let connect = Connect { client_id: "c", clean_start: true, ..Connect::default() };
    assert_eq!(
        encoded(&Packet::Connect(connect)),
        "10 0e 00 04 4d 51 54 54 05 02 00 00 00 00 01 63"
    );
    let connack = ConnAck {
        session_present: false,
        reason: ReasonCode::Success,
        properties: Properties::new(),
    };
    assert_eq!(encoded(&Packet::ConnAck(connack)), "20 03 00 00 00");
    let reasons = vec![ReasonCode::Success];
    let suback =
        SubAck { packet_id: id(1), properties: Properties::new(), reasons: reasons.clone() };
    assert_eq!(encoded(&Packet::SubAck(suback)), "90 04 00 01 00 00");
    let unsuback = UnsubAck { packet_id: id(1), properties: Properties::new(), reasons };
    assert_eq!(encoded(&Packet::UnsubAck(unsuback)), "b0 04 00 01 00 00");

    let mut peer = Peer::connected(Version::V5);
    peer.publish_to("a", QoS::AtMostOnce);
    assert_eq!(peer.expect_hex(), "30 05 00 01 61 00 6d");
    peer.publish_to("a", QoS::AtLeastOnce);
    assert_eq!(peer.expect_hex(), "32 07 00 01 61 00 01 00 6d");
    peer.subscribe_to("a");
    assert_eq!(peer.expect_hex(), "82 07 00 02 00 00 01 61 00");
    peer.unsubscribe_from("a");
    assert_eq!(peer.expect_hex(), "a2 06 00 03 00 00 01 61");
}

#[test]
fn v5_2_2_2_1_only_short_forms_may_leave_the_length_out() {
    for bytes in ["30 03 00 01 61", "90 02 00 01", "b0 02 00 01"] {
        refuses_hex(Version::V5, bytes, ReasonCode::MalformedPacket);
    }
    let mut peer = Peer::connecting(&options(Version::V5));
    peer.expect();
    peer.send("20 02 00 00");
    peer.expect_failure(ReasonCode::MalformedPacket);
    for short in ["40 02 00 01", "40 03 00 01 00", "40 04 00 01 00 00", "62 03 00 01 92"] {
        let mut peer = Peer::connected(Version::V5);
        peer.send(short);
        assert!(peer.client.is_connected(), "{short}");
    }
}
