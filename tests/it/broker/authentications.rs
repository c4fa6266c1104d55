//! How many authentications go on at the same time.

use mqttlink::broker::Decision;
use mqttlink::codec::{Auth, Connect, Packet};
use mqttlink::{Properties, PropertyId, ReasonCode};

use crate::world::{V5, World, hello};

fn method() -> Properties<'static> {
    let mut properties = Properties::new();
    properties.set_text(PropertyId::AuthenticationMethod, "m").unwrap();
    properties
}

#[test]
fn authentications_of_connected_clients_count_too() {
    let mut world = World::with(|config| {
        *config = config.clone().asking();
        config.limits.authentications = 1;
    });
    let connect = |id| Connect { properties: method(), ..hello(V5, id) };
    let again = Auth { reason: ReasonCode::ReAuthenticate, properties: method() };
    let mut clients = ["a", "b"].map(|id| {
        let client = world.say(&connect(id));
        let question = world.question();
        world.decide(&question, Decision::accept());
        world.expect(client);
        client
    });
    // One at a time.
    world.send(clients[0], &Packet::Auth(again.clone()));
    let question = world.question();
    world.send(clients[1], &Packet::Auth(again.clone()));
    let line = world.expect_whole(clients[1]);
    assert!(line.starts_with("DISCONNECT reason=server busy (0x89)"), "{line}");
    assert!(line.contains("try again later"), "{line}");
    world.expect_closed(clients[1]);
    assert!(world.core.poll_question().is_none());
    assert_eq!(world.core.statistics(world.now).drops.sessions, 1);
    world.decide(&question, Decision::accept());
    assert!(world.expect(clients[0]).starts_with("AUTH"));
    // There is room again, for a new client and then for the other one.
    clients[1] = world.say(&connect("b"));
    world.send(clients[0], &Packet::Auth(again.clone()));
    assert!(world.expect(clients[0]).starts_with("DISCONNECT reason=server busy"));
    let question = world.question();
    world.decide(&question, Decision::accept());
    world.expect(clients[1]);
    world.send(clients[1], &Packet::Auth(again));
    let question = world.question();
    world.decide(&question, Decision::accept());
    assert!(world.expect(clients[1]).starts_with("AUTH"));
}
