//! Reasons that the program gives and a packet cannot carry.

use mqttlink::broker::Decision;
use mqttlink::codec;
use mqttlink::{QoS, ReasonCode};

use crate::world::{Client, V4, V5, World, hello, message};

fn refused(version: mqttlink::Version, reason: ReasonCode) -> (World, Client) {
    let mut world = World::with(|config| *config = config.clone().asking());
    let client = world.say(&hello(version, "a"));
    let question = world.core.poll_question().unwrap();
    world.core.decide(world.now, question.connection, Decision::Refuse(reason));
    world.pump();
    (world, client)
}

#[test]
fn a_refusal_is_never_success() {
    for (reason, code) in [
        (ReasonCode::Success, "(0x87)"),
        (ReasonCode::GrantedQoS1, "(0x87)"),
        (ReasonCode::PacketIdInUse, "(0x80)"),
        (ReasonCode::Banned, "(0x8a)"),
    ] {
        let (mut world, client) = refused(V5, reason);
        let line = world.expect(client);
        assert!(line.starts_with("CONNACK") && line.contains(code), "{reason:?}: {line}");
        world.expect_closed(client);
    }
    let (mut world, client) = refused(V4, ReasonCode::Success);
    assert_eq!(world.expect(client), "CONNACK reason=not authorized (0x87)");
    world.expect_closed(client);
}

#[test]
fn a_message_that_is_refused_is_acknowledged_whatever_the_reason() {
    for (reason, code) in [
        (ReasonCode::ServerBusy, "(0x80)"),
        (ReasonCode::TopicFilterInvalid, "(0x80)"),
        (ReasonCode::QuotaExceeded, "(0x97)"),
    ] {
        let mut world =
            World::with(|config| *config = config.clone().intercept(move |_, _| Err(reason)));
        let client = world.connect(V5, "a");
        for (qos, packet) in [(QoS::AtLeastOnce, "PUBACK"), (QoS::ExactlyOnce, "PUBREC")] {
            let line = world.offer(client, codec::Publish { topic: "t", qos, ..message() });
            assert!(line.starts_with(packet) && line.contains(code), "{reason:?}: {line}");
        }
    }
}

#[test]
fn a_message_for_nobody_is_acknowledged_with_that_reason() {
    let mut world = World::new();
    let client = world.connect(V5, "a");
    for (qos, packet) in [(QoS::AtLeastOnce, "PUBACK"), (QoS::ExactlyOnce, "PUBREC")] {
        let line = world.offer(client, codec::Publish { topic: "t", qos, ..message() });
        assert!(line.starts_with(packet) && line.contains("(0x10)"), "{line}");
    }
}

#[test]
fn a_disconnection_has_a_reason_that_its_packet_has() {
    for (reason, code) in [
        (ReasonCode::NoSubscriptionExisted, "(0x98)"),
        (ReasonCode::PacketIdInUse, "(0x80)"),
        (ReasonCode::SessionTakenOver, "(0x8e)"),
    ] {
        let mut world = World::new();
        let client = world.connect(V5, "a");
        assert!(world.core.disconnect(world.now, "a", reason));
        world.pump();
        let line = world.expect(client);
        assert!(line.starts_with("DISCONNECT") && line.contains(code), "{reason:?}: {line}");
        world.expect_closed(client);
    }
}

fn wants(wanted: u32, id: &str) -> mqttlink::codec::Connect<'_> {
    let mut connect = crate::world::hello(V5, id);
    connect.properties =
        crate::world::number(mqttlink::PropertyId::RequestProblemInformation, wanted);
    connect
}

#[test]
fn who_is_refused_is_told_why_if_it_wants_to_know_and_the_packet_is_not_too_large() {
    for (wanted, packet_max) in [(1, 0), (0, 0), (1, 25)] {
        let mut world = World::with(|config| {
            config.limits.sessions = 1;
            config.limits.retained_messages = 0;
            config.limits.filters_per_subscribe = 1;
        });
        let connect = |id| {
            let mut connect = wants(wanted, id);
            if packet_max > 0 {
                let id = mqttlink::PropertyId::MaximumPacketSize;
                connect.properties.set_u32(id, packet_max).unwrap();
            }
            connect
        };
        let told = wanted == 1 && packet_max == 0;
        let has = |line: &str, text: &str| assert_eq!(line.contains(text), told, "{line}");
        let (client, _) = world.accepted(&connect("a"));
        let other = world.say(&connect("b"));
        has(&world.expect_whole(other), "reason string=\"there are too many sessions\"");
        world.send_hex(client, "33 07 0001 74 0001 00 6d");
        has(&world.expect_whole(client), "no room for another retained message");
        world.send_hex(client, "82 0b 0002 00 0001 61 00 0001 62 00");
        has(&world.expect_whole(client), "too many in one packet");
        let mut taken = world.accepted(&connect("a")).0;
        has(&world.expect_whole(client), "another connection has the same client identifier");
        // Only servers send PINGRESP.
        world.send_bytes(taken, &[0xd0, 0]);
        let line = world.expect_whole(taken);
        assert!(line.starts_with("DISCONNECT reason=protocol error"), "{line}");
        has(&line, "the client sent PINGRESP which only servers send");
        taken = world.open(V5);
        world.send_bytes(taken, &[0x10, 3, 0, 4, b'M']);
        world.expect_closed(taken);
    }
}

#[test]
fn a_connect_that_cannot_be_read_is_answered_with_the_reason_in_words() {
    let mut world = World::new();
    let client = world.open(V5);
    // The reserved connect flag is set [MQTT-3.1.2-3].
    world.send_hex(client, "10 0e 0004 4d515454 05 01 0000 00 0001 61");
    let line = world.expect_whole(client);
    assert!(line.starts_with("CONNACK reason=malformed packet"), "{line}");
    let why = "the client sent a packet that cannot be accepted: CONNECT with the flags 0b00000001";
    assert!(line.contains(why), "{line}");
    world.expect_closed(client);
}
