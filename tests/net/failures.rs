//! Each thing that can go wrong has a code of its own, and a text that helps.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use mqttlink::{
    Builder, Client, DisconnectOptions, Error, ErrorCode, Publish, QoS, Stage, Subscribe,
    Unsubscribe, Version,
};

use crate::server::{Link, Server, WATCHDOG, deaf};

const SHORT: Duration = Duration::from_millis(50);

/// One failure: its name, the code that it must have, and what brings it about.
type Failure = (&'static str, ErrorCode, fn() -> Error);

fn named(lookup: fn(&str, u16) -> std::io::Result<Vec<SocketAddr>>) -> Builder {
    Client::builder("mqtt://device.invalid").resolver(lookup)
}

fn error_of_connect(builder: Builder) -> Error {
    builder.build().unwrap().connect().unwrap_err()
}

/// What a connected client gets from `work` while the server follows the script.
fn connected(
    properties: &'static [u8],
    script: fn(&mut Link),
    work: impl FnOnce(&Client) -> Error,
) -> Error {
    connected_for(WATCHDOG, properties, script, work)
}

/// The same, with a limit for the server's answers.
fn connected_for(
    response_timeout: Duration,
    properties: &'static [u8],
    script: fn(&mut Link),
    work: impl FnOnce(&Client) -> Error,
) -> Error {
    let server = Server::once(move |link| {
        link.accept_with(false, properties);
        script(link);
    });
    let client = server.builder().response_timeout(response_timeout).build().unwrap();
    client.connect().unwrap();
    let error = work(&client);
    client.abort();
    server.join();
    error
}

fn silent(link: &mut Link) {
    link.drain();
}

fn publish(client: &Client, qos: QoS) -> Error {
    let message = Publish::new("a", "x").qos(qos);
    client.publish(message).and_then(|delivery| delivery.wait()).unwrap_err()
}

fn subscribe(client: &Client, filter: &str) -> Error {
    let subscribe = Subscribe::new(filter, QoS::AtMostOnce);
    client.subscribe(subscribe).and_then(|answer| answer.all()).unwrap_err()
}

/// Answers the next request with this packet type and reason code.
fn refuse(link: &mut Link, first: u8, reason: u8) {
    let bytes = link.next().unwrap();
    let at = if bytes[0] >> 4 == 3 { 5 } else { 2 };
    if first == 0x40 {
        link.send(&[first, 4, bytes[at], bytes[at + 1], reason, 0]);
    } else {
        link.send(&[first, 4, bytes[at], bytes[at + 1], 0, reason]);
    }
    link.drain();
}

const LOCAL: [Failure; 9] = [
    ("URL", ErrorCode::InvalidUrl, || Client::builder("http://host").build().unwrap_err()),
    ("topic", ErrorCode::InvalidTopic, || {
        connected(&[], silent, |client| client.publish(Publish::new("a/#", "")).unwrap_err())
    }),
    ("filter", ErrorCode::InvalidFilter, || {
        connected(&[], silent, |client| subscribe(client, "a/#/b"))
    }),
    ("property", ErrorCode::InvalidProperty, || {
        connected(&[], silent, |client| {
            let message = Publish::new("a", "").user_property("nul", "\0");
            client.publish(message).unwrap_err()
        })
    }),
    ("not connected", ErrorCode::NotConnected, || {
        let client = Client::builder("mqtt://localhost").build().unwrap();
        client.disconnect().unwrap_err()
    }),
    ("connected already", ErrorCode::AlreadyConnected, || {
        connected(&[], silent, |client| client.connect().unwrap_err())
    }),
    ("version", ErrorCode::NotInVersion, || {
        let server = Server::once(|link| {
            link.accept();
            link.drain();
        });
        let client = server.builder().version(Version::V3_1_1).build().unwrap();
        client.connect().unwrap();
        let error = client.publish(Publish::new("a", "").user_property("a", "b")).unwrap_err();
        drop(client);
        server.join();
        error
    }),
    ("source of a payload", ErrorCode::PayloadSource, || {
        connected(&[], silent, |client| {
            client.publish_reader(Publish::new("a", ""), 100, &b"too short"[..]).unwrap_err()
        })
    }),
    ("state", ErrorCode::InvalidState, || {
        connected(&[], silent, |client| client.re_authenticate().unwrap_err())
    }),
];

const LIMITS: [Failure; 7] = [
    ("QoS", ErrorCode::MaximumQoS, || {
        connected(&[0x24, 0], silent, |client| publish(client, QoS::AtLeastOnce))
    }),
    ("retain", ErrorCode::RetainNotAvailable, || {
        connected(&[0x25, 0], silent, |client| {
            client.publish(Publish::new("a", "").retain(true)).unwrap_err()
        })
    }),
    ("packet size", ErrorCode::MaximumPacketSize, || {
        connected(&[0x27, 0, 0, 0, 20], silent, |client| {
            client.publish(Publish::new("a", vec![0; 20])).unwrap_err()
        })
    }),
    ("wildcard", ErrorCode::WildcardNotAvailable, || {
        connected(&[0x28, 0], silent, |client| subscribe(client, "a/#"))
    }),
    ("shared", ErrorCode::SharedNotAvailable, || {
        connected(&[0x2a, 0], silent, |client| subscribe(client, "$share/g/a"))
    }),
    ("subscription identifier", ErrorCode::SubscriptionIdNotAvailable, || {
        connected(&[0x29, 0], silent, |client| {
            let subscribe = Subscribe::new("a", QoS::AtMostOnce).subscription_id(1);
            client.subscribe(subscribe).unwrap_err()
        })
    }),
    ("window", ErrorCode::WindowFull, || {
        connected(&[0x21, 0, 1], silent, |client| {
            client.publish(Publish::new("a", "").qos(QoS::AtLeastOnce)).unwrap();
            client.try_publish(Publish::new("a", "").qos(QoS::AtLeastOnce)).unwrap_err()
        })
    }),
];

const NETWORK: [Failure; 11] = [
    ("host name", ErrorCode::HostNotFound, || {
        error_of_connect(named(|_, _| Err(std::io::Error::other("no such host"))))
    }),
    ("no address", ErrorCode::NoAddress, || error_of_connect(named(|_, _| Ok(Vec::new())))),
    ("lookup hangs", ErrorCode::TimeoutDns, || {
        let (_keep, hang) = std::sync::mpsc::channel::<()>();
        let hang = std::sync::Mutex::new(hang);
        let builder = Client::builder("mqtt://device.invalid").resolver(move |_, _| {
            let _ = hang.lock().unwrap().recv_timeout(WATCHDOG);
            Ok(Vec::new())
        });
        error_of_connect(builder.connect_timeout(SHORT))
    }),
    ("nobody listens", ErrorCode::ConnectFailed, || {
        let (port, _deaf) = deaf();
        error_of_connect(Client::builder_for("127.0.0.1", port))
    }),
    ("no CONNACK", ErrorCode::TimeoutConnAck, || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        error_of_connect(Client::builder_for("127.0.0.1", port).connect_timeout(10 * SHORT))
    }),
    ("refused", ErrorCode::Refused, || {
        let server = Server::once(|link| {
            link.next().unwrap();
            link.send(&[0x20, 3, 0, 0x86, 0]);
            link.drain();
        });
        error_of_connect(server.builder())
    }),
    ("server ends it", ErrorCode::ServerDisconnected, || {
        connected(&[], |link| link.send(&[0xe0, 2, 0x8b, 0]), |client| client.recv().unwrap_err())
    }),
    ("server closes", ErrorCode::ConnectionClosed, || {
        connected(&[], |link| link.close(), |client| client.recv().unwrap_err())
    }),
    ("connection reset", ErrorCode::ConnectionLost, || {
        // The socket is closed at the end of the script, at once.
        let script = |link: &mut Link| {
            socket2::SockRef::from(&link.stream).set_linger(Some(Duration::ZERO)).unwrap();
        };
        connected(&[], script, |client| client.recv().unwrap_err())
    }),
    ("protocol", ErrorCode::ProtocolViolation, || {
        connected(&[], |link| link.send(&[0xf7, 0]), |client| client.recv().unwrap_err())
    }),
    ("silent server", ErrorCode::KeepAliveTimeout, || {
        let server = Server::once(|link| {
            link.accept();
            link.drain();
        });
        let builder = server.builder().keep_alive(Duration::from_secs(1)).ping_timeout(SHORT);
        let client = builder.build().unwrap();
        client.connect().unwrap();
        client.recv().unwrap_err()
    }),
];

const ANSWERS: [Failure; 7] = [
    ("publish refused", ErrorCode::PublishRefused, || {
        connected(&[], |link| refuse(link, 0x40, 0x97), |c| publish(c, QoS::AtLeastOnce))
    }),
    ("subscription refused", ErrorCode::SubscribeRefused, || {
        connected(&[], |link| refuse(link, 0x90, 0x87), |c| subscribe(c, "a"))
    }),
    ("unsubscription refused", ErrorCode::UnsubscribeRefused, || {
        connected(
            &[],
            |link| refuse(link, 0xb0, 0x87),
            |client| {
                client
                    .unsubscribe(Unsubscribe::new("a"))
                    .and_then(|answer| answer.all())
                    .unwrap_err()
            },
        )
    }),
    ("no acknowledgement", ErrorCode::TimeoutAck, || {
        connected_for(SHORT, &[], silent, |client| publish(client, QoS::AtLeastOnce))
    }),
    ("no message", ErrorCode::TimeoutReceive, || {
        connected(&[], silent, |client| client.recv_timeout(SHORT).unwrap_err())
    }),
    ("no room", ErrorCode::TimeoutRoom, || {
        connected(&[0x21, 0, 1], silent, |client| {
            let message = || Publish::new("a", "").qos(QoS::AtLeastOnce);
            client.publish(message()).unwrap();
            client.publish_timeout(message(), SHORT).unwrap_err()
        })
    }),
    ("session lost", ErrorCode::SessionLost, || {
        let server = Server::many(|links| {
            let mut link = links.accept();
            link.accept();
            link.expect_start("PUBLISH");
            link.close();
            let mut link = links.accept();
            link.accept();
            link.drain();
        });
        let client = server.builder().session_expiry(Duration::from_secs(60)).build().unwrap();
        client.connect().unwrap();
        let message = Publish::new("a", "").qos(QoS::ExactlyOnce);
        let delivery = client.publish(message).unwrap();
        client.recv().unwrap_err();
        client.reconnect().unwrap();
        let error = delivery.wait().unwrap_err();
        client.disconnect_with(&DisconnectOptions::new()).unwrap();
        server.join();
        error
    }),
];

#[test]
fn thirty_failures_have_thirty_codes_and_texts_that_help() {
    let mut seen = BTreeMap::new();
    let failures = LOCAL.iter().chain(&LIMITS).chain(&NETWORK).chain(&ANSWERS);
    for (name, code, fail) in failures {
        let error = fail();
        assert_eq!(error.code(), *code, "{name}: {error}");
        let text = error.to_string();
        assert!(text.len() > 15 && !text.contains("os error -"), "{name}: {text}");
        let stage = error.stage();
        assert!(stage != Stage::Local || error.os_code().is_none(), "{name}: {error:?}");
        let earlier = seen.insert(error.code() as i32, (*name, text));
        assert!(earlier.is_none(), "{name} cannot be told from {earlier:?}");
    }
    assert!(seen.len() >= 30, "{} failures", seen.len());
}
