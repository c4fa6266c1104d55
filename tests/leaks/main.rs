//! Nothing is left behind. Alone in a process, because it counts what the process has.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    dead_code,
    reason = "a test stops at the first thing that goes wrong, and uses part of the server"
)]

#[path = "../net/server.rs"]
mod server;

mod bounds;
mod half_open;
mod idle;
mod streams;

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mqttlink::{Client, Publish, QoS, Subscribe};

use server::Server;

/// What a process has that a leak would add to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Holdings {
    files: usize,
    threads: usize,
}

fn holdings() -> Holdings {
    let count = |folder: &str| std::fs::read_dir(folder).unwrap().count();
    Holdings { files: count("/proc/self/fd"), threads: count("/proc/self/task") }
}

/// A figure from the process's status, in KiB.
fn status(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The memory that the process has in use, in KiB.
fn resident() -> usize {
    status("VmRSS:")
}

/// The right to run: each test measures the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does `work` many times, and finds that the process has grown by nothing.
fn check(what: &str, rounds: usize, mut work: impl FnMut()) {
    for _ in 0..rounds / 10 {
        work();
    }
    let (before, memory_before) = (holdings(), resident());
    for _ in 0..rounds {
        work();
    }
    // A thread that looked a name up may be on its way out.
    let over = Instant::now() + server::WATCHDOG;
    let more = |now: Holdings| now.files > before.files || now.threads > before.threads;
    while more(holdings()) && Instant::now() < over {
        std::thread::park_timeout(Duration::from_millis(10));
    }
    let after = holdings();
    assert!(!more(after), "{what}: {after:?}, before {before:?}");
    let growth = resident().saturating_sub(memory_before);
    assert!(growth < 1024, "{what}: the process has grown by {growth} KiB");
}

fn no_lookup(_: &str, _: u16) -> std::io::Result<Vec<SocketAddr>> {
    Err(std::io::Error::other("no such host"))
}

fn no_address(_: &str, _: u16) -> std::io::Result<Vec<SocketAddr>> {
    Ok(Vec::new())
}

/// Serves any number of connections in the way of `serve`, until the process ends.
fn endless(serve: impl Fn(&mut server::Link) + Send + 'static) -> Server {
    Server::many(move |links| {
        loop {
            serve(&mut links.accept());
        }
    })
}

fn failed_connects() {
    let (refused, _deaf) = server::deaf();
    let silent = endless(|link| drop(link.next()));
    let refusing = endless(|link| {
        link.next().unwrap();
        link.send(&[0x20, 3, 0, 0x88, 0]);
        link.drain();
    });
    let at = |port| Client::builder_for("127.0.0.1", port).build().unwrap();
    let named = || Client::builder("mqtt://nowhere.invalid");
    let clients = [
        named().resolver(no_lookup).build().unwrap(),
        named().resolver(no_address).build().unwrap(),
        at(refused),
        at(silent.address.port()),
        at(refusing.address.port()),
    ];
    for (index, client) in clients.iter().enumerate() {
        check(&format!("failed connect {index}"), 200, || {
            client.connect().unwrap_err();
        });
    }
}

fn reconnects() {
    let server = endless(|link| {
        link.accept();
        link.serve();
    });
    let client = server.client();
    check("reconnect", 300, || {
        let publish = Publish::new("a", "x").qos(QoS::ExactlyOnce);
        client.publish(publish).unwrap().wait().unwrap();
        client.disconnect().unwrap();
        client.reconnect().unwrap();
    });
    client.disconnect().unwrap();
}

fn whole_lives() {
    let server = endless(|link| {
        link.accept();
        link.serve();
    });
    check("a client's life", 300, || {
        let client = server.builder().on_event(|_| {}).build().unwrap();
        client.connect().unwrap();
        let subscribe = Subscribe::new("a", QoS::AtMostOnce).handler(|_| {});
        client.subscribe(subscribe).unwrap().all().unwrap();
        client.publish(Publish::new("a", "x").qos(QoS::AtLeastOnce)).unwrap();
        drop(client);
    });
}

fn broken_connections() {
    let server = endless(|link| {
        link.accept();
        link.expect_start("PUBLISH");
        link.close();
    });
    let client = server.builder().build().unwrap();
    check("a broken connection", 300, || {
        client.connect().unwrap();
        client.publish(Publish::new("a", "x")).unwrap();
        client.recv_timeout(server::WATCHDOG).unwrap_err();
        // Waits for the threads, which are on their way out.
        client.abort();
    });
}

#[test]
fn nothing_is_left_of_thousands_of_connections() {
    let _alone = alone();
    failed_connects();
    reconnects();
    whole_lives();
    broken_connections();
}
