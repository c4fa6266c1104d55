//! What is shown of packets, to a handler and to the log, and what is not.

use std::sync::{Mutex, mpsc};

use mqttlink::{AuthError, Authenticator, Client, Direction, Publish, QoS, Version, Will};

use crate::server::{Server, WATCHDOG};

const SECRETS: [&str; 4] = ["pass-phrase", "key-material", "reading-4711", "last-words"];

/// Keeps the log of this process.
struct Log {
    lines: Mutex<Vec<String>>,
}

static LOG: Log = Log { lines: Mutex::new(Vec::new()) };

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.lines.lock().unwrap().push(format!("{} {}", record.level(), record.args()));
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

/// One connection with a secret in every place that can hold one.
fn talk(version: Version, inspect: mpsc::Sender<String>) {
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
}

fn hides_nothing(text: &str) -> bool {
    SECRETS.iter().any(|secret| text.contains(secret))
}

#[test]
fn packets_are_shown_in_order_and_secrets_never() {
    log::set_logger(&LOG).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    for version in [Version::V3_1_1, Version::V5] {
        let (inspect, inspected) = mpsc::channel();
        talk(version, inspect);
        let packets: Vec<String> = inspected.iter().collect();
        let kinds: Vec<_> = packets.iter().map(|line| line.split(' ').nth(2).unwrap()).collect();
        let expected = ["CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBLISH", "DISCONNECT"];
        assert_eq!(kinds, expected, "{packets:#?}");
        assert!(packets[0].contains("client_id=\"shown\""), "{}", packets[0]);
        assert!(packets.iter().all(|line| !hides_nothing(line)), "{packets:#?}");
    }
    log::set_max_level(log::LevelFilter::Off);
    let lines = std::mem::take(&mut *LOG.lines.lock().unwrap());
    assert!(lines.iter().any(|line| line.starts_with("TRACE") && line.contains("CONNECT")));
    assert!(lines.iter().any(|line| line.starts_with("INFO disconnected")), "{lines:#?}");
    assert!(lines.iter().all(|line| !hides_nothing(line)), "{lines:#?}");
}
