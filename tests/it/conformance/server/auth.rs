//! AUTH: exchanges before CONNACK and after it.

use mqttlink::broker::{Decision, Question};
use mqttlink::codec::{Auth, Connect, Packet};
use mqttlink::{Properties, PropertyId, ReasonCode};

use crate::world::{Client, V5, World, hello};

fn world() -> World {
    World::with(|config| *config = config.clone().asking())
}

fn method(name: &str, data: &[u8]) -> Properties<'static> {
    let mut properties = Properties::new();
    properties.set_text(PropertyId::AuthenticationMethod, name).unwrap();
    properties.set_binary(PropertyId::AuthenticationData, data).unwrap();
    properties
}

/// A client whose CONNECT has the method `m`, and the question about it.
fn begun(world: &mut World) -> (Client, Question) {
    let connect = Connect { properties: method("m", b"1"), ..hello(V5, "a") };
    let client = world.say(&connect);
    let question = world.question();
    assert_eq!(question.data.as_deref(), Some(&b"1"[..]));
    (client, question)
}

fn answer(world: &mut World, client: Client, reason: ReasonCode, name: &str) {
    let properties = method(name, b"2");
    world.send(client, &Packet::Auth(Auth { reason, properties }));
}

#[test]
fn v5_4_12_0_1_an_unknown_method_is_refused() {
    let mut world = World::new();
    let client = world.say(&Connect { properties: method("m", b""), ..hello(V5, "a") });
    assert_eq!(world.expect(client), "CONNACK reason=bad authentication method (0x8c)");
    world.expect_closed(client);
}

const CHALLENGE: &str = "AUTH reason=continue authentication (0x18) authentication method=\"m\" \
                         authentication data=(1 bytes)";

#[test]
fn v5_4_12_0_2_the_broker_asks_for_more_with_auth() {
    let mut world = world();
    let (client, question) = begun(&mut world);
    world.decide(&question, Decision::Challenge(vec![7]));
    assert_eq!(world.expect(client), CHALLENGE);
    answer(&mut world, client, ReasonCode::ContinueAuthentication, "m");
    let question = world.question();
    assert_eq!(question.data.as_deref(), Some(&b"2"[..]));
    world.decide(&question, Decision::Accept { user: None, data: Some(vec![8]) });
    let line = world.expect(client);
    assert!(line.starts_with("CONNACK") && !line.contains("reason"), "{line}");
    assert!(line.contains("authentication method=\"m\""), "{line}");
    assert!(line.contains("authentication data=(1 bytes)"), "{line}");
}

#[test]
fn v5_4_12_0_4_the_broker_may_refuse_at_any_step() {
    for steps in 0..3 {
        let mut world = world();
        let (client, mut question) = begun(&mut world);
        for _ in 0..steps {
            world.decide(&question, Decision::Challenge(vec![7]));
            world.expect(client);
            answer(&mut world, client, ReasonCode::ContinueAuthentication, "m");
            question = world.question();
        }
        world.decide(&question, Decision::Refuse(ReasonCode::NotAuthorized));
        assert_eq!(world.expect(client), "CONNACK reason=not authorized (0x87)");
        world.expect_closed(client);
    }
}

#[test]
fn v5_4_12_0_5_another_method_is_an_error() {
    let mut world = world();
    let (client, question) = begun(&mut world);
    world.decide(&question, Decision::Challenge(vec![7]));
    world.expect(client);
    answer(&mut world, client, ReasonCode::ContinueAuthentication, "other");
    assert_eq!(world.expect(client), "CONNACK reason=protocol error (0x82)");
    world.expect_closed(client);
}

#[test]
fn v5_4_12_0_6_without_a_method_the_broker_says_nothing_of_it() {
    let mut world = world();
    let client = world.say(&hello(V5, "a"));
    let question = world.question();
    world.decide(&question, Decision::accept());
    assert!(!world.expect(client).contains("authentication"));
}

#[test]
fn v5_4_12_0_7_without_a_method_auth_is_an_error() {
    let mut world = World::new();
    let client = world.connect(V5, "a");
    answer(&mut world, client, ReasonCode::ReAuthenticate, "m");
    world.expect_end(client, ReasonCode::ProtocolError);
}

#[test]
fn v5_3_1_2_30_before_connack_there_is_only_auth_and_disconnect() {
    let mut world = world();
    let (client, question) = begun(&mut world);
    world.decide(&question, Decision::Challenge(vec![7]));
    world.expect(client);
    world.send(client, &Packet::PingReq);
    assert_eq!(world.expect(client), "CONNACK reason=protocol error (0x82)");
    world.expect_closed(client);
}

#[test]
fn v5_3_15_2_1_auth_has_a_reason_for_its_sender() {
    for reason in [ReasonCode::Success, ReasonCode::ReAuthenticate] {
        let mut world = world();
        let (client, question) = begun(&mut world);
        world.decide(&question, Decision::Challenge(vec![7]));
        world.expect(client);
        answer(&mut world, client, reason, "m");
        assert_eq!(world.expect(client), "CONNACK reason=protocol error (0x82)");
        world.expect_closed(client);
    }
}

/// A client that was let in with the method `m`.
fn let_in(world: &mut World) -> Client {
    let (client, question) = begun(world);
    world.decide(&question, Decision::accept());
    world.expect(client);
    client
}

#[test]
fn v5_4_12_1_1_a_re_authentication_goes_on_beside_everything_else() {
    let mut world = world();
    let client = let_in(&mut world);
    answer(&mut world, client, ReasonCode::ReAuthenticate, "m");
    let question = world.question();
    assert!(question.credentials.is_some(), "a new exchange");
    world.send(client, &Packet::PingReq);
    assert_eq!(world.expect(client), "PINGRESP");
    world.decide(&question, Decision::Challenge(vec![7]));
    assert_eq!(world.expect(client), CHALLENGE);
    answer(&mut world, client, ReasonCode::ContinueAuthentication, "m");
    let question = world.question();
    world.decide(&question, Decision::accept());
    assert_eq!(world.expect(client), "AUTH reason=success (0x00) authentication method=\"m\"");
    world.expect_nothing(client);
}

#[test]
fn v5_4_12_1_2_a_failed_re_authentication_closes_the_connection() {
    let mut world = world();
    let client = let_in(&mut world);
    answer(&mut world, client, ReasonCode::ReAuthenticate, "m");
    let question = world.question();
    world.decide(&question, Decision::Refuse(ReasonCode::NotAuthorized));
    world.expect_end(client, ReasonCode::NotAuthorized);
}

#[test]
fn v5_an_authentication_that_takes_too_long_is_refused() {
    let mut world = world();
    let (client, question) = begun(&mut world);
    world.advance_secs(30);
    assert_eq!(world.expect(client), "CONNACK reason=server busy (0x89)");
    world.expect_closed(client);
    world.decide(&question, Decision::accept());
    // So is a client that does not answer.
    let (client, question) = begun(&mut world);
    world.decide(&question, Decision::Challenge(vec![7]));
    world.expect(client);
    world.advance_secs(10);
    assert!(world.is_closed(client));
}
