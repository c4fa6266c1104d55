//! The other end: a server that only counts and acknowledges, as fast as it can.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::Job;

const READ: usize = 256 * 1024;

/// How many messages of QoS 1 and 2, and how many bytes of them, are on their way to a receiver at a
/// time.
const WINDOW: usize = 1000;
const WINDOW_BYTES: usize = 8 * 1024 * 1024;

/// Listens on a port of the system's choice, tells it on standard output, and serves one client.
pub(crate) fn run(job: &Job) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("an address").port());
    let (stream, _) = listener.accept().expect("a client");
    stream.set_nodelay(true).expect("no delay");
    let (input, output, message) = (Vec::new(), Vec::new(), publish(job, 1));
    Sink { stream, job: job.clone(), input, output, message, due: 0, sent: 0, done: 0 }.serve();
}

struct Sink {
    stream: TcpStream,
    job: Job,
    input: Vec<u8>,
    output: Vec<u8>,
    /// The packet that a receiver gets, but for its identifier.
    message: Vec<u8>,
    /// Messages that a receiver has subscribed for, as many each time; those sent, and those that it has
    /// acknowledged for good.
    due: usize,
    sent: usize,
    done: usize,
}

impl Sink {
    fn serve(mut self) {
        let mut buffer = vec![0; READ];
        loop {
            let count = match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(count) => count,
            };
            if self.input.is_empty() {
                let used = self.take(&buffer[..count]);
                self.input.extend_from_slice(&buffer[used..count]);
            } else {
                self.input.extend_from_slice(&buffer[..count]);
                let input = std::mem::take(&mut self.input);
                let used = self.take(&input);
                self.input = input;
                self.input.drain(..used);
            }
            if !self.output.is_empty() {
                if self.stream.write_all(&self.output).is_err() {
                    return;
                }
                self.output.clear();
            }
        }
    }

    /// Answers all whole packets and says how many bytes they have.
    fn take(&mut self, input: &[u8]) -> usize {
        let mut at = 0;
        while let Some((header, len)) = frame(&input[at..]) {
            let packet = &input[at..at + len];
            self.answer(packet, header);
            at += len;
        }
        at
    }

    fn answer(&mut self, packet: &[u8], header: usize) {
        match packet[0] >> 4 {
            1 => self.output.extend_from_slice(&[0x20, 2, 0, 0]),
            3 => {
                let qos = (packet[0] >> 1) & 3;
                if qos > 0 {
                    let topic =
                        usize::from(u16::from_be_bytes([packet[header], packet[header + 1]]));
                    let id = &packet[header + 2 + topic..header + 4 + topic];
                    self.output.extend_from_slice(&[
                        if qos == 1 { 0x40 } else { 0x50 },
                        2,
                        id[0],
                        id[1],
                    ]);
                }
            }
            4 | 7 => {
                self.done += 1;
                self.feed();
            }
            5 => self.output.extend_from_slice(&[0x62, 2, packet[2], packet[3]]),
            6 => self.output.extend_from_slice(&[0x70, 2, packet[2], packet[3]]),
            8 => {
                let id = &packet[header..header + 2];
                self.output.extend_from_slice(&[0x90, 3, id[0], id[1], self.job.qos]);
                if self.job.qos == 0 {
                    self.flood();
                } else {
                    self.due += self.job.count;
                    self.feed();
                }
            }
            12 => self.output.extend_from_slice(&[0xd0, 0]),
            _ => {}
        }
    }

    /// Sends all messages of QoS 0.
    fn flood(&mut self) {
        self.stream.write_all(&self.output).expect("the client reads");
        self.output.clear();
        let one = &self.message;
        let per_write = (128 * 1024 / one.len()).max(1);
        let many = one.repeat(per_write);
        let mut left = self.job.count;
        while left > 0 {
            let now = left.min(per_write);
            self.stream.write_all(&many[..now * one.len()]).expect("the client reads");
            left -= now;
        }
    }

    /// Sends as many messages of QoS 1 or 2 as the window allows.
    fn feed(&mut self) {
        let window = (WINDOW_BYTES / self.message.len()).clamp(4, WINDOW);
        while self.sent < self.due && self.sent - self.done < window {
            let id = u16::try_from(self.sent % 65_535 + 1).expect("an identifier");
            let start = self.output.len();
            self.output.extend_from_slice(&self.message);
            let at = start + self.message.len() - self.job.size - 2;
            self.output[at..at + 2].copy_from_slice(&id.to_be_bytes());
            self.sent += 1;
        }
    }
}

/// The header's and the whole packet's length, if all of it is there.
fn frame(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut remaining = 0;
    for index in 0..4 {
        let byte = *bytes.get(index + 1)?;
        remaining |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let len = index + 2 + remaining;
            return (bytes.len() >= len).then_some((index + 2, len));
        }
    }
    panic!("a remaining length of more than four bytes");
}

/// The topic of every message.
pub(crate) const TOPIC: &str = "bench/topic";

/// A whole PUBLISH packet of MQTT 3.1.1.
pub(crate) fn publish(job: &Job, id: u16) -> Vec<u8> {
    let mut body = Vec::with_capacity(job.size + 20);
    body.extend_from_slice(&u16::try_from(TOPIC.len()).expect("short").to_be_bytes());
    body.extend_from_slice(TOPIC.as_bytes());
    if job.qos > 0 {
        body.extend_from_slice(&id.to_be_bytes());
    }
    body.resize(body.len() + job.size, b'x');
    let mut packet = vec![0x30 | (job.qos << 1)];
    let mut remaining = body.len();
    loop {
        let byte = u8::try_from(remaining & 0x7f).expect("seven bits");
        remaining >>= 7;
        if remaining == 0 {
            packet.push(byte);
            break;
        }
        packet.push(byte | 0x80);
    }
    packet.extend_from_slice(&body);
    packet
}
