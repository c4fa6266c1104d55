//! Enhanced authentication: challenge and response at connect and later, through the user's
//! authenticator.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mqttlink::codec::{Auth, ConnAck, Packet};
use mqttlink::{AuthError, Authenticator, ErrorCode, Properties, PropertyId, ReasonCode};

use crate::server::{Link, Server, WATCHDOG};

/// Answers each challenge with its reverse, and wants `ok` at the end.
struct Reverse {
    steps: mpsc::Sender<String>,
}

impl Authenticator for Reverse {
    fn method(&self) -> &str {
        "REVERSE"
    }

    fn start(&mut self) -> Result<Option<Vec<u8>>, AuthError> {
        self.steps.send("start".into())?;
        Ok(Some(b"hello".to_vec()))
    }

    fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Option<Vec<u8>>, AuthError> {
        let challenge = challenge.ok_or("a challenge without data")?;
        self.steps.send(format!("respond to {}", String::from_utf8_lossy(challenge)))?;
        if challenge == b"impossible" {
            return Err("this cannot be answered".into());
        }
        Ok(Some(challenge.iter().rev().copied().collect()))
    }

    fn finish(&mut self, data: Option<&[u8]>) -> Result<(), AuthError> {
        self.steps.send("finish".into())?;
        if data == Some(b"ok") { Ok(()) } else { Err("the server has not proved itself".into()) }
    }
}

fn properties(data: &[u8]) -> Properties<'static> {
    let mut properties = Properties::new();
    properties.set_text(PropertyId::AuthenticationMethod, "REVERSE").unwrap();
    properties.set_binary(PropertyId::AuthenticationData, data).unwrap();
    properties
}

fn challenge(link: &mut Link, data: &[u8]) {
    let (reason, properties) = (ReasonCode::ContinueAuthentication, properties(data));
    link.send_packet(&Packet::Auth(Auth { reason, properties }));
}

fn accept(link: &mut Link, data: &[u8]) {
    let (reason, properties) = (ReasonCode::Success, properties(data));
    link.send_packet(&Packet::ConnAck(ConnAck { session_present: false, reason, properties }));
}

/// The authentication data of the next packet.
fn expect_data(link: &mut Link) -> Vec<u8> {
    let bytes = link.next().expect("a packet");
    let frame = mqttlink::codec::frame::parse(&bytes, link.version, 1000).unwrap().unwrap();
    let data = |properties: &Properties<'_>| {
        properties.binary(PropertyId::AuthenticationData).unwrap_or_default().to_vec()
    };
    match Packet::decode(&frame, link.version).unwrap() {
        Packet::Connect(connect) => data(&connect.properties),
        Packet::Auth(auth) => data(&auth.properties),
        other => panic!("{other}"),
    }
}

#[test]
fn challenges_are_answered_at_connect_and_later() {
    let server = Server::once(|link| {
        assert_eq!(expect_data(link), b"hello");
        challenge(link, b"abc");
        assert_eq!(expect_data(link), b"cba");
        challenge(link, b"123");
        assert_eq!(expect_data(link), b"321");
        accept(link, b"ok");
        assert_eq!(expect_data(link), b"hello");
        challenge(link, b"again");
        assert_eq!(expect_data(link), b"niaga");
        let (reason, properties) = (ReasonCode::Success, properties(b"ok"));
        link.send_packet(&Packet::Auth(Auth { reason, properties }));
        link.expect_start("DISCONNECT");
    });
    let (steps, seen) = mpsc::channel();
    let client = server.builder().authenticator(Reverse { steps }).build().unwrap();
    client.connect().unwrap();
    client.re_authenticate().unwrap();
    client.disconnect().unwrap();
    server.join();
    let expected = [
        "start",
        "respond to abc",
        "respond to 123",
        "finish",
        "start",
        "respond to again",
        "finish",
    ];
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn an_authenticator_that_gives_up_ends_the_attempt_with_its_own_words() {
    let server = Server::once(|link| {
        link.next().unwrap();
        challenge(link, b"impossible");
        link.drain();
    });
    let (steps, _seen) = mpsc::channel();
    let client = server.builder().authenticator(Reverse { steps }).build().unwrap();
    let error = client.connect().unwrap_err();
    assert_eq!(error.code(), ErrorCode::AuthenticationFailed);
    assert!(error.to_string().contains("this cannot be answered"), "{error}");
    assert!(!client.is_connected());
    server.join();
}

#[test]
fn a_server_that_does_not_prove_itself_is_left() {
    let server = Server::once(|link| {
        link.next().unwrap();
        accept(link, b"not ok");
        link.drain();
    });
    let (steps, _seen) = mpsc::channel();
    let client = server.builder().authenticator(Reverse { steps }).build().unwrap();
    let error = client.connect().unwrap_err();
    assert_eq!(error.code(), ErrorCode::AuthenticationFailed);
    assert!(error.to_string().contains("has not proved itself"), "{error}");
    assert!(!client.is_connected());
    server.join();
}

#[test]
fn a_refused_re_authentication_ends_the_connection_with_what_the_server_said() {
    let server = Server::once(|link| {
        link.next().unwrap();
        accept(link, b"ok");
        assert_eq!(expect_data(link), b"hello");
        link.send(&[0xe0, 2, 0x87, 0]);
    });
    let (steps, _seen) = mpsc::channel();
    let builder = server.builder().response_timeout(WATCHDOG).authenticator(Reverse { steps });
    let client = builder.build().unwrap();
    client.connect().unwrap();
    let error = client.re_authenticate().unwrap_err();
    assert_eq!(error.reason(), Some(ReasonCode::NotAuthorized), "{error}");
    server.join();
}

#[test]
fn a_server_that_stops_answering_in_the_middle_is_left_in_time() {
    let server = Server::once(|link| {
        link.next().unwrap();
        challenge(link, b"abc");
        link.drain();
    });
    let (steps, _seen) = mpsc::channel();
    let limit = Duration::from_secs(2);
    let builder = server.builder().connect_timeout(limit).authenticator(Reverse { steps });
    let error = builder.build().unwrap().connect().unwrap_err();
    assert_eq!(error.code(), ErrorCode::TimeoutConnAck);
    server.join();
}

#[test]
fn a_re_authentication_that_is_not_answered_ends_the_connection() {
    let server = Server::many(|links| {
        let mut link = links.accept();
        link.next().unwrap();
        accept(&mut link, b"ok");
        assert_eq!(expect_data(&mut link), b"hello");
        link.expect_start("DISCONNECT reason=bad authentication method");
        link.expect_end();
        let mut link = links.accept();
        link.next().unwrap();
        accept(&mut link, b"ok");
        assert_eq!(expect_data(&mut link), b"hello");
        let (reason, properties) = (ReasonCode::Success, properties(b"ok"));
        link.send_packet(&Packet::Auth(Auth { reason, properties }));
        link.drain();
    });
    let (steps, _seen) = mpsc::channel();
    let limit = Duration::from_secs(2);
    let builder = server.builder().response_timeout(limit).authenticator(Reverse { steps });
    let client = builder.build().unwrap();
    client.connect().unwrap();
    assert_eq!(client.re_authenticate().unwrap_err().code(), ErrorCode::TimeoutAck);
    assert!(!client.is_connected());
    client.reconnect().unwrap();
    client.re_authenticate().unwrap();
    drop(client);
    server.join();
}

#[test]
fn one_re_authentication_at_a_time_and_each_on_its_own_connection() {
    let (go, wait) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    let server = Server::many(move |links| {
        let mut link = links.accept();
        link.next().unwrap();
        accept(&mut link, b"ok");
        assert_eq!(expect_data(&mut link), b"hello");
        begun.send(()).unwrap();
        wait.recv_timeout(WATCHDOG).unwrap();
        link.close();
        let mut link = links.accept();
        link.next().unwrap();
        accept(&mut link, b"ok");
        link.expect_start("DISCONNECT reason=normal");
    });
    let (steps, seen) = mpsc::channel();
    let builder = server.builder().response_timeout(WATCHDOG).authenticator(Reverse { steps });
    let client = builder.build().unwrap();
    client.connect().unwrap();
    let first = client.clone();
    let first = thread::spawn(move || first.re_authenticate());
    has_begun.recv_timeout(WATCHDOG).unwrap();
    let error = client.re_authenticate().unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidState, "the first goes on");
    assert!(client.is_connected());
    go.send(()).unwrap();
    while client.recv_timeout(WATCHDOG).is_ok() {}
    client.reconnect().unwrap();
    first.join().unwrap().unwrap_err();
    assert_eq!(
        seen.try_iter().collect::<Vec<_>>(),
        ["start", "finish", "start", "start", "finish"]
    );
    client.disconnect().unwrap();
    server.join();
}
