//! Shared subscriptions.

use mqttlink::codec::AckKind;
use mqttlink::{PropertyId, QoS, ReasonCode};

use crate::world::{Client, V5, World, lasting};

/// Members of the share `g` of `t`, each with its own QoS; the sessions live on.
fn members(world: &mut World, qos: &[QoS]) -> Vec<Client> {
    let names = ["m0", "m1", "m2"];
    let each = qos.iter().zip(names);
    each.map(|(qos, name)| {
        let member = world.connect_lasting(V5, name);
        world.subscribe(member, "$share/g/t", *qos);
        member
    })
    .collect()
}

#[test]
fn v5_4_8_2_3_each_member_gets_its_own_qos() {
    let mut world = World::new();
    let members = members(&mut world, &QoS::ALL);
    let publisher = world.connect(V5, "p");
    for _ in 0..3 {
        world.publish(publisher, "t", QoS::ExactlyOnce);
    }
    for (member, qos) in members.iter().zip(QoS::ALL) {
        let lines = world.expect_all(*member);
        assert!(lines.len() == 1 && lines[0].contains(&format!("qos={qos}")), "{lines:?}");
    }
}

#[test]
fn v5_4_8_2_4_a_message_of_qos_2_is_finished_by_the_same_member() {
    let mut world = World::new();
    let members = members(&mut world, &[QoS::ExactlyOnce; 2]);
    let publisher = world.connect(V5, "p");
    world.publish(publisher, "t", QoS::ExactlyOnce);
    world.expect(members[0]);
    world.ack(members[0], AckKind::PubRec, 1);
    world.expect(members[0]);
    world.cut(members[0]);
    world.expect_nothing(members[1]);
    let again = world.connect_lasting(V5, "m0");
    assert_eq!(world.expect(again), "PUBREL id=1");
}

#[test]
fn v5_4_8_2_5_a_message_of_qos_2_is_not_given_to_another_member() {
    let mut world = World::new();
    let members = members(&mut world, &[QoS::ExactlyOnce; 2]);
    let publisher = world.connect(V5, "p");
    world.publish(publisher, "t", QoS::ExactlyOnce);
    world.expect(members[0]);
    world.cut(members[0]);
    world.advance_secs(3600);
    world.expect_nothing(members[1]);
}

#[test]
fn v5_4_8_2_6_a_refused_message_is_not_tried_elsewhere() {
    let mut world = World::new();
    let members = members(&mut world, &[QoS::AtLeastOnce; 2]);
    let publisher = world.connect(V5, "p");
    world.publish(publisher, "t", QoS::AtLeastOnce);
    world.expect(members[0]);
    world.ack_with(members[0], AckKind::PubAck, 1, ReasonCode::UnspecifiedError);
    world.cut(members[0]);
    world.advance_secs(3600);
    world.expect_nothing(members[1]);
}

#[test]
fn v5_a_message_of_qos_1_goes_to_another_member_when_the_session_ends() {
    let mut world = World::new();
    let members = members(&mut world, &[QoS::AtLeastOnce; 2]);
    let publisher = world.connect(V5, "p");
    world.publish(publisher, "t", QoS::AtLeastOnce);
    world.expect(members[0]);
    world.cut(members[0]);
    world.expect_nothing(members[1]);
    world.advance_secs(3600);
    assert!(world.expect(members[1]).starts_with("PUBLISH"));
}

#[test]
fn v5_what_a_member_was_not_sent_goes_to_another_one_at_once() {
    let mut world = World::new();
    let mut connect = lasting(V5, "slow");
    connect.properties.set_u32(PropertyId::ReceiveMaximum, 1).unwrap();
    let (slow, _) = world.accepted(&connect);
    world.subscribe(slow, "$share/g/t", QoS::AtLeastOnce);
    let publisher = world.connect(V5, "p");
    for _ in 0..5 {
        world.publish(publisher, "t", QoS::AtLeastOnce);
    }
    assert_eq!(world.expect_all(slow).len(), 1);
    let other = world.connect(V5, "other");
    world.subscribe(other, "$share/g/t", QoS::AtLeastOnce);
    world.cut(slow);
    assert_eq!(world.expect_all(other).len(), 4);
}

#[test]
fn v5_members_that_are_not_connected_are_passed_over() {
    let mut world = World::new();
    let members = members(&mut world, &[QoS::AtLeastOnce; 3]);
    let publisher = world.connect(V5, "p");
    world.cut(members[1]);
    for _ in 0..4 {
        world.publish(publisher, "t", QoS::AtLeastOnce);
    }
    let counts = [members[0], members[2]].map(|member| world.expect_all(member).len());
    assert_eq!(counts.iter().sum::<usize>(), 4);
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}
