//! Payloads that are larger than what a process may hold.

use std::io::{Read, Write};

use mqttlink::codec::AckKind;
use mqttlink::{Publish, QoS};

use crate::server::{Link, Server, WATCHDOG};
use crate::{alone, resident};

const SIZE: usize = 200 * 1000 * 1000;
const CHUNK: usize = 64 * 1024;

/// How much the process may have grown at any moment, in KiB.
const GROWTH_MAX: usize = 10 * 1024;

/// What the process had in memory at most since `reset_peak`, in KiB.
fn peak() -> usize {
    crate::status("VmHWM:")
}

fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// The fixed and variable header of a message with a payload of [`SIZE`] bytes: topic `a`, QoS 1,
/// packet identifier 1, no properties.
fn header() -> Vec<u8> {
    let mut bytes = vec![0x32];
    let mut rest = 6 + SIZE;
    while rest > 0 {
        let more = if rest > 0x7f { 0x80 } else { 0 };
        bytes.push((rest & 0x7f) as u8 | more);
        rest >>= 7;
    }
    bytes.extend([0, 1, b'a', 0, 1, 0]);
    bytes
}

fn take_upload(link: &mut Link) {
    let mut head = header();
    link.stream.read_exact(&mut head).unwrap();
    assert_eq!(head, header());
    let mut buffer = vec![0; CHUNK];
    let mut left = SIZE;
    while left > 0 {
        let room = buffer.len().min(left);
        let count = link.stream.read(&mut buffer[..room]).unwrap();
        assert!(count > 0 && buffer[..count].iter().all(|byte| *byte == 7));
        left -= count;
    }
    link.ack(AckKind::PubAck, 1);
}

fn send_download(link: &mut Link) {
    link.stream.write_all(&header()).unwrap();
    let chunk = vec![9; CHUNK];
    let mut left = SIZE;
    while left > 0 {
        let count = chunk.len().min(left);
        link.stream.write_all(&chunk[..count]).unwrap();
        left -= count;
    }
    assert_eq!(link.expect(), "PUBACK id=1");
}

#[test]
fn two_hundred_megabytes_pass_each_way_in_less_than_ten() {
    let _alone = alone();
    let server = Server::once(|link| {
        link.accept();
        take_upload(link);
        send_download(link);
    });
    let builder = server.builder().response_timeout(WATCHDOG).maximum_packet_size(u32::MAX);
    let client = builder.stream_above(CHUNK).build().unwrap();
    client.connect().unwrap();
    let before = resident();
    reset_peak();
    let message = Publish::new("a", "").qos(QoS::AtLeastOnce);
    let upload = client.publish_reader(message, SIZE, std::io::repeat(7)).unwrap();
    upload.wait().unwrap();
    let message = client.recv_timeout(WATCHDOG).unwrap();
    let mut reader = message.reader();
    let mut buffer = vec![0; CHUNK];
    let mut total = 0;
    while let count @ 1.. = reader.read(&mut buffer).unwrap() {
        assert!(buffer[..count].iter().all(|byte| *byte == 9));
        total += count;
    }
    assert_eq!(total, SIZE);
    drop(message);
    server.join();
    let growth = peak().saturating_sub(before);
    assert!(growth < GROWTH_MAX, "the process has grown by {growth} KiB");
}
