//! What waits for a busy dispatcher is bounded.

use std::sync::mpsc;

use mqttlink::{Bytes, Publish};

use crate::server::Server;
use crate::{alone, resident};

/// How much the process may grow, in KiB.
const GROWTH_MAX: usize = 24 * 1024;

fn swallowing() -> Server {
    Server::once(|link| {
        link.accept();
        link.drain();
    })
}

#[test]
fn completions_wait_for_a_busy_dispatcher_in_bounded_numbers() {
    let _alone = alone();
    let server = swallowing();
    let builder = server.builder().publish_timeout(std::time::Duration::ZERO);
    let (client, _) = builder.queue_max(1000, 100_000).connect().unwrap();
    let (go, wait) = mpsc::channel::<()>();
    let message = || Publish::new("x", "y");
    client
        .publish_then(message(), move |_| {
            let _ = wait.recv();
        })
        .unwrap();
    let mut full = 0;
    for _ in 0..20_000 {
        if let Err(error) = client.publish_then(message(), |_| {}) {
            assert!(error.is_full() || error.is_timeout(), "{error}");
            full += 1;
        }
    }
    assert!(full > 15_000, "{full} were told that there is no room");
    go.send(()).unwrap();
    client.disconnect().unwrap();
    server.join();
}

#[test]
fn packets_wait_to_be_shown_in_bounded_bytes() {
    let _alone = alone();
    let server = swallowing();
    let (go, wait) = mpsc::channel::<()>();
    let builder = server.builder().on_packet(move |_| {
        let _ = wait.recv();
    });
    let (client, _) = builder.connect().unwrap();
    let payload = Bytes::from(vec![7; 1_000_000]);
    let before = resident();
    for _ in 0..200 {
        client.publish(Publish::new("x", payload.clone())).unwrap().wait().unwrap();
    }
    let growth = resident().saturating_sub(before);
    assert!(growth < GROWTH_MAX, "the process has grown by {growth} KiB");
    assert!(client.statistics().missed_packets > 150, "what was not shown is counted");
    drop(go);
    client.disconnect().unwrap();
    server.join();
}
