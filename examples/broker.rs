//! A broker and two clients in one process: `cargo run --example broker`.
//!
//! With an address it goes on listening there until its input ends, for other programs to connect:
//! `cargo run --example broker -- 127.0.0.1:1883`.

use std::io::{self, Read};
use std::time::Duration;

use mqttlink::broker::{Broker, BrokerEvent};
use mqttlink::{Client, Error, QoS, Subscribe};

fn main() -> Result<(), Error> {
    match std::env::args().nth(1) {
        Some(address) => serve(&address),
        None => demonstrate(),
    }
}

fn serve(address: &str) -> Result<(), Error> {
    let broker = Broker::builder()
        .listen(address)
        .on_event(|event| match event {
            BrokerEvent::Connected { client, .. } => println!("{} has come", client.client_id),
            BrokerEvent::Disconnected { client, cause } => {
                println!("{} is gone: {cause:?}", client.client_id);
            }
            _ => {}
        })
        .start()?;
    for address in broker.addresses() {
        println!("listening on {address}; end the input (Ctrl-D) to stop");
    }
    // Whatever is typed means nothing; the end of it ends the broker.
    let _ = io::stdin().read_to_end(&mut Vec::new());
    let statistics = broker.statistics()?;
    println!("{} messages came, {} went out", statistics.publish_received, statistics.publish_sent);
    broker.stop(Duration::from_secs(1));
    Ok(())
}

fn demonstrate() -> Result<(), Error> {
    let broker = Broker::builder().listen("127.0.0.1:0").start()?;
    let port = broker.address().map_or(0, |address| address.port());

    // One client comes over the network, the other through memory.
    let (listener, _) = Client::builder_for("127.0.0.1", port).client_id("listener").connect()?;
    let granted = listener.subscribe(Subscribe::new("house/+/temperature", QoS::AtLeastOnce))?;
    println!("granted: {granted:?}");
    let (sensor, _) =
        Client::builder_in_process(&broker.connector()).client_id("sensor").connect()?;
    let reading = mqttlink::Publish::new("house/attic/temperature", "21.5");
    sensor.publish(reading.qos(QoS::AtLeastOnce))?.wait()?;

    let message = listener.recv_timeout(Duration::from_secs(5))?;
    println!("{}: {}", message.topic(), String::from_utf8_lossy(message.payload()));
    println!("clients: {:?}", broker.clients()?.iter().map(|c| &c.client_id).collect::<Vec<_>>());
    Ok(())
}
