//! The main job, against a real broker: connect, subscribe, publish, receive, at every QoS, in every
//! version of the protocol, over TCP and over TLS; and a short report of what happened.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a demonstration talks, and starts a broker with what the tests use"
)]

#[allow(
    dead_code,
    unused_imports,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the tests use more of it, and stop at the first thing that goes wrong"
)]
#[path = "../../tests/peers/harness/mod.rs"]
mod harness;

use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use mqttlink::{Builder, Client, Error, Granted, Publish, QoS, Subscribe, TlsOptions, Version};

use harness::{Mosquitto, Pki, QUALITIES, VERSIONS};

/// How many messages are sent at each QoS.
const COUNT: usize = 100;

/// A message that does not come back within this time is missing.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    println!("mqttlink {}, talking to Debian's mosquitto\n", env!("CARGO_PKG_VERSION"));
    let pki = Pki::shared();
    let secure = format!(
        "allow_anonymous true\nrequire_certificate true\ncafile {}\ncertfile {}\nkeyfile {}",
        pki.file("ca.pem"),
        pki.file("right.pem"),
        pki.file("right.key"),
    );
    let plain = Mosquitto::start();
    let encrypted = Mosquitto::with(&secure);
    let mut failures = 0;
    for version in VERSIONS {
        let tcp = plain.builder();
        failures += usize::from(!show(&format!("MQTT {version} over TCP"), tcp, version));
        let tls = TlsOptions::new()
            .ca_file(pki.file("ca.pem"))
            .certificate_file(pki.file("ec.pem"))
            .key_file(pki.file("ec.key"));
        let tls = encrypted.secure_builder().tls(tls);
        let title = format!("MQTT {version} over TLS, with a client certificate");
        failures += usize::from(!show(&title, tls, version));
    }
    if failures == 0 {
        println!("Everything arrived, once and in order.");
        ExitCode::SUCCESS
    } else {
        println!("{failures} of the six connections failed.");
        ExitCode::FAILURE
    }
}

/// One connection's part of the report.
fn show(title: &str, builder: Builder, version: Version) -> bool {
    println!("{title}");
    let result = talk(builder.version(version).client_id("demo"));
    if let Err(error) = &result {
        println!("  FAILED      {error}");
    }
    println!();
    result.is_ok()
}

fn talk(builder: Builder) -> Result<(), Error> {
    let start = Instant::now();
    let (client, granted) = builder.connect()?;
    println!("  connected   in {:.1} ms{}", millis(start), terms(&granted));
    let (arrived, arrivals) = mpsc::channel();
    let subscribe = Subscribe::new("demo/#", QoS::ExactlyOnce).handler(move |message| {
        let _ = arrived.send((message.qos(), message.text().map(str::to_owned)));
    });
    for qos in client.subscribe(subscribe)?.all()? {
        println!("  subscribed  to demo/#, granted QoS {}", qos.number());
    }
    for qos in QUALITIES {
        exchange(&client, qos, &arrivals)?;
    }
    let drained = client.disconnect()?;
    let left = if drained.is_complete() { "with nothing left to send" } else { "in a hurry" };
    println!("  said bye    {left}");
    Ok(())
}

/// Publishes, and waits until everything has come back.
fn exchange(
    client: &Client,
    qos: QoS,
    arrivals: &mpsc::Receiver<(QoS, Option<String>)>,
) -> Result<(), Error> {
    let start = Instant::now();
    let mut deliveries = Vec::new();
    for number in 0..COUNT {
        let message = Publish::new("demo/numbers", number.to_string()).qos(qos);
        deliveries.push(client.publish(message)?);
    }
    for delivery in &deliveries {
        delivery.wait()?;
    }
    for number in 0..COUNT {
        let Ok(arrival) = arrivals.recv_timeout(PATIENCE) else {
            panic!("message {number} of {COUNT} at {qos} is missing");
        };
        assert_eq!(arrival, (qos, Some(number.to_string())), "the order of the messages");
    }
    let done = match qos {
        QoS::AtMostOnce => "written",
        QoS::AtLeastOnce => "acknowledged",
        QoS::ExactlyOnce => "completed",
    };
    println!(
        "  QoS {}       {COUNT} published and {done}, {COUNT} received in order, {:.1} ms",
        qos.number(),
        millis(start)
    );
    Ok(())
}

/// What the server granted, where the version lets it say so.
fn terms(granted: &Granted) -> String {
    if !granted.version.is_v5() {
        return String::new();
    }
    let limits = &granted.limits;
    format!(
        "; the server takes {} messages at a time and {} topic aliases",
        limits.receive_maximum, limits.topic_alias_maximum
    )
}

fn millis(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}
