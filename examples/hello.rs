//! Subscribes, publishes, receives: `cargo run --example hello -- mqtt://localhost`.

#![allow(clippy::print_stdout, reason = "it talks")]

use std::time::Duration;

use mqttlink::{Client, Publish, QoS};

fn main() -> Result<(), mqttlink::Error> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "mqtt://localhost".into());
    let (client, granted) = Client::builder(&url).connect()?;
    println!("connected as {}", granted.client_id);
    client.subscribe(("hello/#", QoS::AtLeastOnce))?.all()?;
    client.publish(Publish::new("hello/world", "Hello!").qos(QoS::AtLeastOnce))?.wait()?;
    let message = client.recv_timeout(Duration::from_secs(5))?;
    println!("{}: {}", message.topic(), message.text().unwrap_or("(not text)"));
    drop(message);
    client.disconnect()?;
    Ok(())
}
