//! The main job, against the broker of this library: connect, subscribe, publish, receive, at every
//! QoS, in every version of the protocol, over TCP, over TLS and through memory; and a short report of
//! what happened. Nothing else is needed, and nothing leaves this process but over its own sockets.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a demonstration talks, measures time, and stops at the first thing that goes wrong"
)]

#[cfg(all(feature = "tls", target_os = "linux"))]
mod certificates;

use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use mqttlink::broker::{Broker, BrokerBuilder};
use mqttlink::{Builder, Client, Error, Granted, Publish, QoS, Subscribe, Version};

/// How many messages are sent at each QoS.
const COUNT: usize = 100;

/// A message that does not come back within this time is missing.
const PATIENCE: Duration = Duration::from_secs(10);

/// A way from a client to the broker: its name, and how a client for it is set up.
type Way = (&'static str, Box<dyn Fn() -> Builder>);

fn main() -> ExitCode {
    println!("mqttlink {}, client and broker in one process\n", env!("CARGO_PKG_VERSION"));
    let start = Instant::now();
    let (broker, ways) = start_broker();
    println!("broker started in {:.2} ms on {:?}\n", millis(start), broker.addresses());
    let mut failures = 0;
    for version in Version::ALL {
        for (name, builder) in &ways {
            failures += usize::from(!show(&format!("MQTT {version} {name}"), builder(), version));
        }
    }
    let start = Instant::now();
    broker.stop(Duration::from_secs(1));
    println!("broker stopped in {:.2} ms", millis(start));
    if failures == 0 {
        println!("Everything arrived, once and in order.");
        ExitCode::SUCCESS
    } else {
        println!("{failures} connections failed.");
        ExitCode::FAILURE
    }
}

fn start_broker() -> (Broker, Vec<Way>) {
    let builder = Broker::builder().listen("127.0.0.1:0");
    let (builder, over_tls) = with_tls(builder);
    let broker = builder.start().unwrap();
    let ports: Vec<u16> = broker.addresses().iter().map(|address| address.port()).collect();
    let plain = ports.first().copied().unwrap();
    let connector = broker.connector();
    let mut ways: Vec<Way> = vec![
        ("over TCP", Box::new(move || Client::builder_for("127.0.0.1", plain))),
        ("through memory", Box::new(move || Client::builder_in_process(&connector))),
    ];
    if let (Some(over_tls), Some(port)) = (over_tls, ports.get(1).copied()) {
        ways.push(("over TLS, with a client certificate", Box::new(move || over_tls(port))));
    }
    (broker, ways)
}

/// Makes a client's builder for a port with TLS.
type OverTls = Box<dyn Fn(u16) -> Builder>;

#[cfg(all(feature = "tls", target_os = "linux"))]
fn with_tls(builder: BrokerBuilder) -> (BrokerBuilder, Option<OverTls>) {
    use mqttlink::{TlsOptions, TlsServerOptions};

    let authority = certificates::authority();
    let server = certificates::signed("localhost", &authority);
    let client = certificates::signed("demo", &authority);
    let options = TlsServerOptions::from_memory(server.certificate(), server.key())
        .client_authority(authority.certificate())
        .require_client_certificate(true);
    let over_tls = move |port| {
        let tls = TlsOptions::new()
            .ca(authority.certificate())
            .certificate(client.certificate())
            .key(client.key());
        Client::builder_for("localhost", port).tls(tls)
    };
    (builder.listen_tls("127.0.0.1:0", options), Some(Box::new(over_tls)))
}

#[cfg(not(all(feature = "tls", target_os = "linux")))]
fn with_tls(builder: BrokerBuilder) -> (BrokerBuilder, Option<OverTls>) {
    (builder, None)
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
    for qos in QoS::ALL {
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
