//! All clients of a case, played by one thread.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream as Blocking;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use mqttlink::codec::{Connect, Subscribe, SubscribeFilter, Version, frame};
use mqttlink::{Properties, QoS};

/// How many messages are on their way at the most, over all publishers.
const WINDOW: u64 = 2_000;

const TOPIC: &[u8] = b"bench/topic";
const PAYLOAD: &[u8] = &[b'x'; 64];

/// How many clients publish and subscribe.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) publishers: usize,
    pub(crate) subscribers: usize,
}

/// A client that the broker has accepted.
pub(crate) fn connect(port: u16) -> Blocking {
    let mut stream = Blocking::connect(("127.0.0.1", port)).unwrap();
    stream.set_nodelay(true).unwrap();
    let connect = Connect { version: Version::V3_1_1, clean_start: true, ..Connect::default() };
    let mut bytes = Vec::new();
    connect.encode(frame::MAX_PACKET_SIZE, &mut bytes).unwrap();
    stream.write_all(&bytes).unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [0x20, 2, 0, 0]);
    stream
}

struct Peer {
    stream: TcpStream,
    publishes: bool,
    input: Vec<u8>,
    output: Vec<u8>,
    written: usize,
    /// Messages without their last acknowledgement.
    in_flight: u64,
    sent: u64,
    received: u64,
    next_id: u16,
}

/// One case.
pub(crate) struct Load {
    poll: Poll,
    peers: Vec<Peer>,
    shape: Shape,
    qos: u8,
}

impl Load {
    pub(crate) fn new(port: u16, shape: Shape, qos: u8) -> Self {
        let poll = Poll::new().unwrap();
        let mut peers = Vec::new();
        for index in 0..shape.subscribers + shape.publishers {
            let mut stream = connect(port);
            let publishes = index >= shape.subscribers;
            if !publishes {
                subscribe(&mut stream, QoS::from_u8(qos).unwrap());
            }
            stream.set_nonblocking(true).unwrap();
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(index), Interest::READABLE).unwrap();
            peers.push(Peer {
                stream,
                publishes,
                input: Vec::new(),
                output: Vec::new(),
                written: 0,
                in_flight: 0,
                sent: 0,
                received: 0,
                next_id: 0,
            });
        }
        Self { poll, peers, shape, qos }
    }

    /// Publishes as fast as everything is delivered. Returns how many messages were delivered and
    /// how long that took.
    pub(crate) fn run(mut self, span: Duration) -> (u64, Duration) {
        let begin = Instant::now();
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; 256 * 1024];
        while begin.elapsed() < span {
            self.publish();
            self.peers.iter_mut().for_each(Peer::write);
            self.poll.poll(&mut events, Some(Duration::from_millis(1))).unwrap();
            for event in &events {
                self.peers[event.token().0].read(&mut buffer);
            }
        }
        let delivered = self.peers.iter().map(|peer| peer.received).sum();
        (delivered, begin.elapsed())
    }

    /// Fills the window, which the slowest subscriber moves.
    fn publish(&mut self) {
        let subscribers = self.peers.iter().filter(|peer| !peer.publishes);
        let slowest = subscribers.map(|peer| peer.received).min().unwrap_or(0);
        let sent: u64 = self.peers.iter().map(|peer| peer.sent).sum();
        let window = if self.shape.subscribers > 1 { WINDOW / 10 } else { WINDOW };
        let room = window.saturating_sub(sent - slowest);
        let each = room / self.shape.publishers as u64;
        let in_flight_max = if self.qos == 0 { u64::MAX } else { 500 };
        let qos = self.qos;
        for peer in self.peers.iter_mut().filter(|peer| peer.publishes) {
            let count = each.min(in_flight_max.saturating_sub(peer.in_flight));
            (0..count).for_each(|_| peer.put_message(qos));
        }
    }
}

fn subscribe(stream: &mut Blocking, qos: QoS) {
    let filters = vec![SubscribeFilter { filter: "bench/topic", options: qos.into() }];
    let packet_id = std::num::NonZeroU16::MIN;
    let packet = Subscribe { packet_id, properties: Properties::new(), filters };
    let mut bytes = Vec::new();
    packet.encode(Version::V3_1_1, frame::MAX_PACKET_SIZE, &mut bytes).unwrap();
    stream.write_all(&bytes).unwrap();
    stream.read_exact(&mut [0; 5]).unwrap();
}

impl Peer {
    fn put_message(&mut self, qos: u8) {
        let id_len = if qos == 0 { 0 } else { 2 };
        let len = 2 + TOPIC.len() + id_len + PAYLOAD.len();
        self.output.extend([0x30 | qos << 1, len as u8, 0, TOPIC.len() as u8]);
        self.output.extend(TOPIC);
        if qos > 0 {
            self.next_id = self.next_id.checked_add(1).unwrap_or(1).max(1);
            self.output.extend(self.next_id.to_be_bytes());
            self.in_flight += 1;
        }
        self.output.extend(PAYLOAD);
        self.sent += 1;
    }

    fn write(&mut self) {
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            }
        }
        self.output.clear();
        self.written = 0;
    }

    fn read(&mut self, buffer: &mut [u8]) {
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => panic!("the broker has closed the connection"),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            };
            if self.input.is_empty() {
                let used = self.handle(&buffer[..count]);
                self.input.extend_from_slice(&buffer[used..count]);
            } else {
                let mut input = std::mem::take(&mut self.input);
                input.extend_from_slice(&buffer[..count]);
                let used = self.handle(&input);
                input.drain(..used);
                self.input = input;
            }
        }
        self.write();
    }

    /// Every packet here has less than 128 bytes behind its first two.
    fn handle(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while let Some(len) = bytes.get(at + 1).map(|len| usize::from(*len) + 2) {
            let Some(packet) = bytes.get(at..at + len) else { break };
            match packet[0] >> 4 {
                3 => {
                    self.received += 1;
                    let id = &packet[4 + TOPIC.len()..];
                    match (packet[0] >> 1) & 3 {
                        1 => self.output.extend([0x40, 2, id[0], id[1]]),
                        2 => self.output.extend([0x50, 2, id[0], id[1]]),
                        _ => {}
                    }
                }
                5 => self.output.extend([0x62, 2, packet[2], packet[3]]),
                6 => self.output.extend([0x70, 2, packet[2], packet[3]]),
                4 | 7 => self.in_flight -= 1,
                other => panic!("packet type {other}"),
            }
            at += len;
        }
        at
    }
}
