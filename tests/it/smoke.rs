//! The fuzz targets on a stable toolchain: each runs on a fixed number of random inputs.
//!
//! The seed is another one each time and is printed with a failure; `MQTTLINK_SEED` repeats it, and
//! `MQTTLINK_RUNS` multiplies the number of inputs.

use std::hash::{BuildHasher, RandomState};

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "it is a library of its own, which the targets link")]
pub(crate) mod targets;

use crate::hex::hex;

/// A stream of numbers that its seed determines.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Up to `max` bytes, more often few than many.
    fn bytes(&mut self, max: u64) -> Vec<u8> {
        let len = self.next() % (self.next() % max + 1) + 1;
        (0..len).map(|_| self.next().to_be_bytes()[0]).collect()
    }
}

/// Says what the target was doing when it panicked.
struct Running<'a> {
    seed: u64,
    input: &'a [u8],
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("MQTTLINK_SEED={}, input {}", self.seed, hex(self.input));
        }
    }
}

fn run(target: fn(&[u8]), count: u64, len_max: u64) {
    let seed = setting("MQTTLINK_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    let mut random = Random(seed);
    for _ in 0..count * setting("MQTTLINK_RUNS").unwrap_or(1) {
        let input = random.bytes(len_max);
        let _running = Running { seed, input: &input };
        target(&input);
    }
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

#[test]
fn whatever_is_read_can_be_shown_and_written() {
    run(targets::decode::run, 20_000, 200);
}

#[test]
fn packets_survive_the_way_to_bytes_and_back() {
    run(targets::round_trip::run, 3_000, 400);
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    run(targets::framer::run, 1_000, 400);
}

#[test]
fn the_client_keeps_its_promises_to_any_server() {
    run(targets::client::run, 1_000, 1_000);
}

#[test]
fn the_broker_stands_whatever_its_clients_do() {
    run(targets::server::run, 2_000, 2_000);
}

#[test]
fn topics_match_as_the_specification_says() {
    run(targets::topic_match::run, 20_000, 40);
}
