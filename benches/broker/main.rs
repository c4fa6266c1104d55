//! The embedded broker beside mosquitto, in one run: `cargo bench --bench broker`.
//!
//! Each broker is a process of its own on this machine; one thread of this process plays all
//! clients over the loopback interface. mosquitto must be in the path; without it there are only
//! our numbers. `--seconds N` says how long each case is measured. At the end comes a bare relay in
//! three shapes: what the choice of threads costs by itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark that panics has failed, and it measures time"
)]

mod load;
mod relay;
mod server;

use std::time::{Duration, Instant};

use load::{Load, Shape};
use mqttlink::broker::Broker;
use server::Server;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == server::SERVE) {
        return server::serve();
    }
    let seconds = arguments.iter().position(|argument| argument == "--seconds");
    let seconds = seconds.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(2.0);
    life_cycle();
    let mut servers = vec![Server::ours()];
    servers.extend(Server::mosquitto());
    idle_memory(&servers);
    fan_out(&servers, Duration::from_secs_f64(seconds));
    drop(servers);
    relay::compare(Duration::from_secs_f64(seconds / 2.0));
}

fn life_cycle() {
    let mut starts = Vec::new();
    let mut stops = Vec::new();
    for _ in 0..50 {
        let begin = Instant::now();
        let broker = Broker::builder().listen("127.0.0.1:0").start().unwrap();
        starts.push(begin.elapsed());
        let port = broker.address().unwrap().port();
        let clients: Vec<_> = (0..20).map(|_| load::connect(port)).collect();
        let begin = Instant::now();
        broker.stop(Duration::from_secs(1));
        stops.push(begin.elapsed());
        drop(clients);
    }
    starts.sort();
    stops.sort();
    println!("start: median {:?}, worst {:?}", starts[25], starts[49]);
    println!("stop with 20 clients: median {:?}, worst {:?}", stops[25], stops[49]);
}

fn idle_memory(servers: &[Server]) {
    println!("\nmemory (KiB)          empty   1,000 idle   each");
    for server in servers {
        let before = server.resident_kib();
        let clients: Vec<_> = (0..1000).map(|_| load::connect(server.port)).collect();
        let after = server.resident_kib();
        let each = (after - before) as f64 / 1000.0;
        println!("{:<18} {before:>8} {after:>12} {each:>6.2}", server.name);
        drop(clients);
    }
}

fn fan_out(servers: &[Server], span: Duration) {
    println!("\nmessages delivered per second, and the broker's CPU time for each; 64 bytes");
    print!("{:<18}", "");
    servers.iter().for_each(|server| print!("{:>32}", server.name));
    println!();
    for (name, shape) in [
        ("1 to 1", Shape { publishers: 1, subscribers: 1 }),
        ("1 to 100", Shape { publishers: 1, subscribers: 100 }),
        ("100 to 1", Shape { publishers: 100, subscribers: 1 }),
    ] {
        for qos in 0..3 {
            print!("{:<18}", format!("{name}, QoS {qos}"));
            // Turns, so that both see the same state of the machine.
            let mut best = vec![(0.0_f64, f64::INFINITY); servers.len()];
            for _ in 0..2 {
                for (server, best) in servers.iter().zip(&mut best) {
                    let cpu = server.cpu_seconds();
                    let (count, took) = Load::new(server.port, shape, qos).run(span / 2);
                    let cpu = server.cpu_seconds() - cpu;
                    best.0 = best.0.max(count as f64 / took.as_secs_f64());
                    best.1 = best.1.min(cpu * 1e6 / count as f64);
                }
            }
            for (rate, cpu) in best {
                print!("{:>22}", format!("{rate:.0}/s"));
                print!("{:>10}", format!("{cpu:.2} µs"));
            }
            println!();
        }
    }
}
