//! What is shown of packets, to a handler and to the log, and what is not.

use std::sync::{Mutex, OnceLock, mpsc};

use mqttlink::{AuthError, Authenticator, Client, Direction, Publish, QoS, Version, Will};

use crate::server::{Server, WATCHDOG};

const SECRETS: [&str; 4] = ["pass-phrase", "key-material", "reading-4711", "last-words"];

/// Keeps the log of this process.
struct Log {
    lines: Mutex<Vec<String>>,
    /// Where the lines are published too.
    client: OnceLock<Client>,
}

static LOG: Log = Log { lines: Mutex::new(Vec::new()), client: OnceLock::new() };

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.lines.lock().unwrap().push(format!("{} {}", record.level(), record.args()));
        if let Some(client) = self.client.get() {
            let _ = client.try_publish(Publish::new("log", record.level().as_str()));
        }
    }

    fn flush(&self) {}
}

struct Key;

impl Authenticator for Key {
    fn method(&self) -> &str {
        "KEY"
    }

    fn start(&mut self) -> Result<Option<Vec<u8>>, AuthError> {
        Ok(Some(SECRETS[1].into()))
    }

    fn respond(&mut self, _: Option<&[u8]>) -> Result<Option<Vec<u8>>, AuthError> {
        Err("the server asks for nothing".into())
    }
}

/// The packets of one connection with a secret in every place that can hold one.
fn talk(version: Version) -> Vec<String> {
    let (inspect, inspected) = mpsc::channel();
    let server = Server::once(|link| {
        // The authentication method.
        link.accept_with(false, &[0x15, 0, 3, b'K', b'E', b'Y']);
        let bytes = link.next().unwrap();
        link.answer(&bytes);
        link.publish("down", SECRETS[2].as_bytes(), QoS::AtMostOnce, 0);
        link.drain();
    });
    let url = format!("mqtt://user:{}@127.0.0.1:{}", SECRETS[0], server.address.port());
    let mut builder = Client::builder(&url)
        .version(version)
        .client_id("shown")
        .will(Will::new("status", SECRETS[3]))
        .on_packet(move |packet| {
            let arrow = if packet.direction == Direction::Sent { '>' } else { '<' };
            inspect.send(format!("{arrow} {packet}")).unwrap();
        });
    if version.is_v5() {
        builder = builder.authenticator(Key);
    }
    assert!(!hides_nothing(&format!("{builder:?}")), "{builder:?}");
    let client = builder.build().unwrap();
    client.connect().unwrap();
    assert!(!hides_nothing(&format!("{client:?}")));
    client.publish(Publish::new("up", SECRETS[2]).qos(QoS::AtLeastOnce)).unwrap().wait().unwrap();
    client.recv_timeout(WATCHDOG).unwrap();
    client.disconnect().unwrap();
    server.join();
    // What is left to be shown goes with the client.
    let mut packets = Vec::new();
    while packets.last().is_none_or(|last: &String| !last.contains(" DISCONNECT")) {
        packets.push(inspected.recv_timeout(WATCHDOG).unwrap());
    }
    packets
}

fn hides_nothing(text: &str) -> bool {
    SECRETS.iter().any(|secret| text.contains(secret))
}

#[test]
fn packets_are_shown_in_order_and_secrets_never() {
    log::set_logger(&LOG).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    for version in [Version::V3_1_1, Version::V5] {
        let packets = talk(version);
        let kinds = |arrow: &str| -> Vec<String> {
            let own = packets.iter().filter(|line| line.starts_with(arrow));
            own.map(|line| line.split(' ').nth(2).unwrap().to_owned()).collect()
        };
        // Two threads show what is sent and what is received.
        assert_eq!(kinds(">"), ["CONNECT", "PUBLISH", "DISCONNECT"], "{packets:#?}");
        assert_eq!(kinds("<"), ["CONNACK", "PUBACK", "PUBLISH"], "{packets:#?}");
        assert!(packets[0].contains("client_id=\"shown\""), "{}", packets[0]);
        assert!(packets.iter().all(|line| !hides_nothing(line)), "{packets:#?}");
    }
    log::set_max_level(log::LevelFilter::Debug);
    a_log_may_be_published();
    log::set_max_level(log::LevelFilter::Off);
    let lines = std::mem::take(&mut *LOG.lines.lock().unwrap());
    assert!(lines.iter().any(|line| line.starts_with("TRACE") && line.contains("CONNECT")));
    assert!(lines.iter().any(|line| line.starts_with("INFO disconnected")), "{lines:#?}");
    assert!(lines.iter().all(|line| !hides_nothing(line)), "{lines:#?}");
}

/// PINGRESP is a line in the log, which goes out over the client that has received it.
fn a_log_may_be_published() {
    let server = Server::once(|link| {
        link.accept();
        loop {
            let bytes = link.next().unwrap();
            link.answer(&bytes);
            if bytes[0] == 0xc0 {
                link.expect_start("PUBLISH topic=\"log\"");
                return;
            }
        }
    });
    let builder = server.builder().keep_alive(std::time::Duration::from_secs(1));
    let (client, _) = builder.connect().unwrap();
    LOG.client.set(client).unwrap();
    server.join();
}
