//! Runs for months: comes back whenever the connection is lost, and goes on with its session.
//! `cargo run --example unattended -- mqtt://localhost`; an empty line ends it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks")]

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mqttlink::{Client, ConnectionEvent, Error, Publish, QoS};

/// How long it waits before the next attempt, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

fn main() -> Result<(), Error> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "mqtt://localhost".into());
    let (lost, losses) = mpsc::channel();
    let client = Client::builder(&url)
        // Commands that waited in the session come before this program has subscribed again.
        .on_filter("commands/#", |message| println!("command {}", message.topic()))
        .client_id("unattended")
        .clean_start(false)
        .session_expiry(Duration::from_secs(24 * 3600))
        .on_event(move |event| {
            if let ConnectionEvent::Disconnected(Some(error)) = event {
                eprintln!("lost: {error}");
                // Whoever listens is gone when the program ends.
                let _ = lost.send(());
            }
        })
        .build()?;
    client.connect()?;
    client.subscribe(("commands/#", QoS::AtLeastOnce))?.all()?;
    let keeper = client.clone();
    thread::spawn(move || losses.iter().for_each(|()| come_back(&keeper)));
    for line in std::io::stdin().lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
        let reading = Publish::new("readings", line).qos(QoS::AtLeastOnce);
        // Without a connection nothing is accepted; what was accepted before is sent again.
        if let Err(error) = client.publish(reading) {
            eprintln!("not accepted: {error}");
        }
    }
    let left = client.disconnect()?;
    println!("{}", if left.is_complete() { "all sent" } else { "something was not sent" });
    Ok(())
}

fn come_back(client: &Client) {
    let (mut pause, longest) = PAUSES;
    loop {
        match client.reconnect() {
            // A server that has lost the session has lost the subscriptions too.
            Ok(granted) if granted.session_present || renew(client) => return,
            Ok(_) => {}
            Err(error) => eprintln!("no connection: {error}; again in {pause:?}"),
        }
        thread::park_timeout(pause);
        pause = (pause * 2).min(longest);
    }
}

fn renew(client: &Client) -> bool {
    let renewed = client.subscribe(("commands/#", QoS::AtLeastOnce));
    if let Err(error) = renewed.and_then(|answer| answer.all()) {
        eprintln!("not subscribed: {error}");
        // Whatever the server holds against it, a new connection is a new try.
        client.abort();
        return false;
    }
    true
}
