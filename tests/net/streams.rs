//! Payloads in pieces, when something happens in the middle of them.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mqttlink::codec::{self, Version};
use mqttlink::{Client, DisconnectOptions, Error, ErrorCode, Message, Publish, QoS, Status};

use crate::server::{Link, Links, Server, WATCHDOG, show};

/// A source of one byte, over and over, that does something before one of its reads.
struct Source<F> {
    byte: u8,
    /// How many bytes it gives before `work` is done.
    before: usize,
    work: Option<F>,
}

impl<F: FnOnce()> Source<F> {
    const fn new(byte: u8, before: usize, work: F) -> Self {
        Self { byte, before, work: Some(work) }
    }
}

impl<F: FnOnce()> Read for Source<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.before == 0
            && let Some(work) = self.work.take()
        {
            work();
        }
        let count = if self.work.is_some() { buffer.len().min(self.before) } else { buffer.len() };
        self.before -= count.min(self.before);
        buffer[..count].fill(self.byte);
        Ok(count)
    }
}

/// The first connection ends in the middle of a payload; what the second one brings is passed on.
fn breaks_once(second: impl FnOnce(&mut Links) + Send + 'static) -> Server {
    Server::many(|links| {
        let mut link = links.accept();
        link.accept();
        link.stream.read_exact(&mut [0; 1000]).unwrap();
        link.close();
        second(links);
    })
}

/// Waits for the end of a connection, and makes another.
fn reconnect(client: &Client) {
    while client.recv_timeout(WATCHDOG).is_ok() {}
    assert_eq!(client.status(), Status::Disconnected);
    client.reconnect().unwrap();
}

#[test]
fn a_payload_does_not_go_on_in_that_of_another_message() {
    let (tell, told) = mpsc::channel();
    let server = breaks_once(move |links| {
        let mut link = links.accept();
        link.accept();
        tell.send(link.next().unwrap()).unwrap();
        link.drain();
    });
    let client = server.client();
    let (resume, resumed) = mpsc::channel::<()>();
    let mut second = None;
    // On the new connection another payload is begun before the next piece of the old one.
    let source = Source::new(1, 100_000, || {
        reconnect(&client);
        let (begun, is_begun) = mpsc::channel();
        let other = client.clone();
        second = Some(thread::spawn(move || {
            let source = Source::new(2, 0, || {
                begun.send(()).unwrap();
                resumed.recv_timeout(WATCHDOG).unwrap();
            });
            other.publish_reader(Publish::new("b", ""), 200_000, source).map(drop)
        }));
        is_begun.recv_timeout(WATCHDOG).unwrap();
    });
    let error = client.publish_reader(Publish::new("a", ""), 200_000, source).unwrap_err();
    assert_eq!(error.code(), ErrorCode::StreamInterrupted);
    resume.send(()).unwrap();
    second.unwrap().join().unwrap().unwrap();
    let packet = told.recv_timeout(WATCHDOG).unwrap();
    assert!(packet.len() > 200_000 && packet.ends_with(&vec![2; 200_000]), "only its own bytes");
    assert!(client.is_connected());
}

#[test]
fn a_source_that_goes_on_after_a_reconnect_leaves_the_new_connection_alone() {
    let server = breaks_once(|links| {
        let mut link = links.accept();
        link.accept();
        assert_eq!(link.expect(), "PUBLISH topic=\"after\" qos=0 payload=(0 bytes)");
        link.expect_start("DISCONNECT reason=normal");
    });
    let client = server.client();
    let source = Source::new(1, 100_000, || reconnect(&client));
    let error = client.publish_reader(Publish::new("a", ""), 200_000, source).unwrap_err();
    assert_eq!(error.code(), ErrorCode::StreamInterrupted);
    client.publish(Publish::new("after", "")).unwrap();
    client.disconnect().unwrap();
    server.join();
}

/// The beginning of a message, with `sent` of `len` bytes of payload: QoS 0, topic "a".
fn begin_payload(link: &mut Link, sent: usize, len: usize) {
    let payload = vec![7; len];
    let message = codec::Publish { topic: "a", payload: &payload, ..Default::default() };
    let mut bytes = Vec::new();
    message.encode(link.version, usize::MAX, &mut bytes).unwrap();
    bytes.truncate(bytes.len() - (len - sent));
    link.send(&bytes);
}

/// How much of a payload there is to read, and what comes then.
fn read_all(message: &Message) -> (usize, Result<(), io::ErrorKind>) {
    let mut payload = Vec::new();
    let result = message.reader().read_to_end(&mut payload);
    (payload.len(), result.map(drop).map_err(|error| error.kind()))
}

/// A message whose payload stops after its first part until the returned channel is used, and the
/// thread that publishes it.
fn stopped_payload(
    client: &Client,
    len: usize,
) -> (mpsc::Sender<()>, JoinHandle<Result<(), Error>>) {
    let (go, wait) = mpsc::channel::<()>();
    let (begun, is_begun) = mpsc::channel();
    let other = client.clone();
    let publisher = thread::spawn(move || {
        let source = Source::new(1, len / 2, || {
            begun.send(()).unwrap();
            let _ = wait.recv_timeout(WATCHDOG);
        });
        other.publish_reader(Publish::new("a", ""), len, source).map(drop)
    });
    is_begun.recv_timeout(WATCHDOG).unwrap();
    (go, publisher)
}

#[test]
fn a_disconnect_waits_for_the_rest_of_a_payload() {
    let server = Server::once(|link| {
        link.accept();
        link.expect_start("PUBLISH topic=\"a\"");
        let after = std::iter::from_fn(|| link.next().map(|bytes| show(&bytes, Version::V5)));
        assert!(after.last().is_some_and(|last| last.starts_with("DISCONNECT reason=normal")));
    });
    let client = server.client();
    let (go, publisher) = stopped_payload(&client, 200_000);
    let closer = client.clone();
    let closer = thread::spawn(move || closer.disconnect());
    // Nothing new is accepted as soon as the disconnect has begun.
    while client.try_publish(Publish::new("b", "")).is_ok() {
        thread::yield_now();
    }
    go.send(()).unwrap();
    publisher.join().unwrap().unwrap();
    closer.join().unwrap().unwrap();
    server.join();
}

#[test]
fn a_disconnect_cuts_a_payload_that_does_not_become_complete_in_time() {
    let server = Server::once(|link| {
        link.accept();
        link.drain();
    });
    let client = server.client();
    let (go, publisher) = stopped_payload(&client, 200_000);
    let options = DisconnectOptions::new().drain(Duration::from_millis(100));
    client.disconnect_with(&options).unwrap();
    assert_eq!(client.status(), Status::Disconnected);
    go.send(()).unwrap();
    assert!(publisher.join().unwrap().unwrap_err().is_disconnected());
    server.join();
}

#[test]
fn a_source_that_panics_ends_the_connection() {
    let server = Server::once(|link| {
        link.accept();
        link.drain();
    });
    let client = server.client();
    let source = Source::new(1, 100, || panic!("user code"));
    let publish = AssertUnwindSafe(|| client.publish_reader(Publish::new("a", ""), 200, source));
    assert!(catch_unwind(publish).is_err());
    assert_eq!(client.status(), Status::Disconnected);
    server.join();
}

#[test]
fn a_handler_that_is_set_in_mid_payload_leaves_the_rest_to_the_one_who_reads() {
    let (go, wait) = mpsc::channel::<()>();
    let server = Server::once(move |link| {
        link.accept();
        begin_payload(link, 1000, 2000);
        wait.recv_timeout(WATCHDOG).unwrap();
        link.send(&[7; 1000]);
        link.publish("after", b"", QoS::AtMostOnce, 0);
        link.drain();
    });
    let client = server.builder().stream_above(500).build().unwrap();
    client.connect().unwrap();
    let whole = client.recv_timeout(WATCHDOG).unwrap();
    client.publish_then(Publish::new("x", ""), drop).unwrap();
    go.send(()).unwrap();
    assert_eq!(read_all(&whole), (2000, Ok(())));
    drop(whole);
    assert_eq!(client.recv_timeout(WATCHDOG).unwrap().topic(), "after");
    drop(client);
    server.join();
}

#[test]
fn a_payload_breaks_off_where_it_began_although_a_handler_was_set_since() {
    let server = Server::once(move |link| {
        link.accept();
        begin_payload(link, 1000, 2000);
        link.expect_start("PUBLISH");
        link.close();
    });
    let client = server.builder().stream_above(500).build().unwrap();
    client.connect().unwrap();
    let half = client.recv_timeout(WATCHDOG).unwrap();
    client.publish_then(Publish::new("x", ""), drop).unwrap();
    assert_eq!(read_all(&half), (1000, Err(io::ErrorKind::ConnectionAborted)));
    drop(half);
    assert!(client.recv_timeout(WATCHDOG).unwrap_err().is_disconnected());
    server.join();
}

#[test]
fn a_message_that_was_read_takes_nothing_with_it_when_it_is_dropped() {
    let server = Server::once(move |link| {
        link.accept();
        begin_payload(link, 2000, 2000);
        begin_payload(link, 200_000, 200_000);
        link.drain();
    });
    let client = server.builder().stream_above(1000).build().unwrap();
    client.connect().unwrap();
    let first = client.recv_timeout(WATCHDOG).unwrap();
    assert_eq!(read_all(&first), (2000, Ok(())));
    let second = client.recv_timeout(WATCHDOG).unwrap();
    drop(first);
    let error = client.recv_timeout(Duration::ZERO).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidState, "the second is still to be read");
    assert_eq!(read_all(&second), (200_000, Ok(())));
    drop((client, second));
    server.join();
}

#[test]
fn a_payload_may_be_read_by_another_thread_than_receives_messages() {
    let server = Server::once(|link| {
        link.accept();
        begin_payload(link, 1000, 200_000);
        link.expect_start("PUBLISH topic=\"read on\"");
        link.send(&[7; 199_000]);
        link.publish("after", b"", QoS::AtMostOnce, 0);
        link.expect_start("PUBLISH topic=\"enough\"");
        link.close();
    });
    let client = server.builder().stream_above(500).build().unwrap();
    client.connect().unwrap();
    let mut reader = None;
    let mut topics = Vec::new();
    for message in client.messages() {
        topics.push(message.topic().to_owned());
        if message.streamed_len().is_none() {
            client.publish(Publish::new("enough", "")).unwrap();
            continue;
        }
        let client = client.clone();
        reader = Some(thread::spawn(move || {
            message.reader().read_exact(&mut [0; 1000]).unwrap();
            client.publish(Publish::new("read on", "")).unwrap();
            read_all(&message)
        }));
    }
    assert_eq!(topics, ["a", "after"]);
    assert_eq!(reader.unwrap().join().unwrap(), (199_000, Ok(())));
    server.join();
}

#[test]
fn a_payload_that_broke_off_does_not_go_on_in_a_later_one() {
    let server = Server::many(|links| {
        let mut link = links.accept();
        link.accept();
        begin_payload(&mut link, 1000, 2000);
        link.close();
        let mut link = links.accept();
        link.accept();
        begin_payload(&mut link, 2000, 2000);
        link.drain();
    });
    let client = server.builder().stream_above(500).build().unwrap();
    client.connect().unwrap();
    let half = client.recv_timeout(WATCHDOG).unwrap();
    let broken = Err(io::ErrorKind::ConnectionAborted);
    assert_eq!(read_all(&half), (1000, broken));
    reconnect(&client);
    let whole = client.recv_timeout(WATCHDOG).unwrap();
    assert_eq!(read_all(&half), (0, broken));
    assert_eq!(read_all(&whole), (2000, Ok(())));
    drop((client, half, whole));
    server.join();
}
