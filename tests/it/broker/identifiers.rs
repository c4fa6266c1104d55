//! Client identifiers that the broker chooses.

use crate::world::{V4, World, hello};

fn assigned(seed: Option<u64>) -> String {
    let mut world = World::with(|config| config.seed = seed);
    let _ = world.accepted(&hello(V4, ""));
    let id = world.core.clients().next().unwrap().client_id.to_string();
    assert!(id.starts_with("auto-") && id.len() == 37, "{id}");
    id
}

#[test]
fn identifiers_can_be_guessed_only_with_a_seed() {
    assert_eq!(assigned(Some(0)), assigned(Some(0)));
    assert_ne!(assigned(None), assigned(None));
}
