//! The C library beside Rust, closer than two processes can be compared.
//!
//! One process holds a client of each, which do the same piece of work in turns, a few dozen times, each
//! first as often as the other. What slows the machine down slows both, and the median of the ratios of
//! neighbours says what is left. Where things lie in memory differs from process to process and makes one of
//! the two faster for as long as it lives; therefore there are several. The C half is a C program that was
//! made a library.

#![allow(unsafe_code, reason = "it calls a library")]

use std::ffi::{CString, c_char, c_double, c_int, c_long};
use std::process::Command;

use libloading::{Library, Symbol};
use rustix::time::ClockId;

use crate::{Contender, Job, Ours, Row, Verb, finish, found, output, rows, start_sink};

/// How often each does its piece of work in a process, and how many of the first are thrown away.
const ROUNDS: usize = 60;
const WARM_UP: usize = 6;

/// A piece of work is this part of what a run of its own would do.
const PART: f64 = 0.008;

/// What one piece of work took.
struct Piece {
    /// Messages per second, or round trips.
    rate: f64,
    /// Seconds of the processor, of all threads.
    cpu: f64,
}

impl Piece {
    fn of(job: &Job, run: impl Fn() -> f64) -> Self {
        let start = cpu();
        let figure = run();
        let rate = if job.verb == Verb::Latency { 1.0 / figure } else { figure };
        Self { rate, cpu: cpu() - start }
    }
}

fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64
}

/// The work of a row in a process of its own, which prints for every round the rate and the seconds of
/// Rust, and then of C.
pub(super) fn run(job: &Job) {
    let (mut sink, port) = start_sink(job);
    let (mut other, other_port) = start_sink(job);
    let ours = Ours::connect(job, port);
    let c = C::connect(job, other_port);
    let rust = || Piece::of(job, || ours.run());
    let c = || Piece::of(job, || c.run());
    for round in 0..WARM_UP + ROUNDS {
        let (rust, c) = if round % 2 == 0 {
            (rust(), c())
        } else {
            let c = c();
            (rust(), c)
        };
        if round >= WARM_UP {
            println!("{} {} {} {}", rust.rate, rust.cpu, c.rate, c.cpu);
        }
    }
    finish(&mut sink);
    finish(&mut other);
}

/// Measures all rows and prints a table, if the C half has been built: above 1 C is faster, or takes less
/// time of the processor.
pub(super) fn compare(runs: usize, scale: f64, wanted: &str) {
    if library().is_none() {
        return;
    }
    println!(
        "\n{:28}{:>12}{:>16}{:>12}{:>16}",
        "C to Rust, in turns", "rate", "quarters", "processor", "quarters"
    );
    let mut logarithms = Vec::new();
    for row in rows(scale * PART).iter().filter(|row| row.name().contains(wanted)) {
        let Some([rate, cpu]) = measure(row, runs) else { continue };
        println!("{:28}{}{}", row.name(), rate.show(), cpu.show());
        logarithms.push([rate.median.ln(), cpu.median.ln()]);
    }
    let mean = |index: usize| {
        let sum: f64 = logarithms.iter().map(|row| row[index]).sum();
        (sum / logarithms.len().max(1) as f64).exp()
    };
    println!("{:28}{:>12.3}{:>28.3}", "geometric mean", mean(0), mean(1));
}

struct Quartiles {
    low: f64,
    median: f64,
    high: f64,
}

impl Quartiles {
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let at = |part: usize| values.get(values.len() * part / 4).copied();
        Some(Self { low: at(1)?, median: at(2)?, high: at(3)? })
    }

    fn show(&self) -> String {
        format!("{:>12.3}{:>16}", self.median, format!("{:.2} to {:.2}", self.low, self.high))
    }
}

/// The rates of C to Rust, and the processor time of Rust to C, of all rounds in so many processes.
fn measure(row: &Row, runs: usize) -> Option<[Quartiles; 2]> {
    let (mut rates, mut seconds) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.arg("pairs").args(row.job(Contender::C, row.verb).arguments());
        for round in output(command)?.chunks_exact(4) {
            rates.push(round[2] / round[0]);
            seconds.push(round[1] / round[3]);
        }
    }
    Some([Quartiles::of(rates)?, Quartiles::of(seconds)?])
}

fn library() -> Option<std::path::PathBuf> {
    found("target/bench-peers/libmqttlink-c.so")
}

struct C(Library);

type Connect = unsafe extern "C" fn(c_int, *const c_char, c_int, usize, c_long);
type Run = unsafe extern "C" fn() -> c_double;

impl C {
    fn connect(job: &Job, port: u16) -> Self {
        let path = library().expect("the C half");
        // SAFETY: it has no initialisers but those of the C library.
        let library = unsafe { Library::new(path) }.expect("a library");
        // SAFETY: the type is that of the function in benches/peers/mqttlink.c.
        let connect: Symbol<'_, Connect> =
            unsafe { library.get(b"bench_connect\0") }.expect("a function");
        // The name is used in every run.
        let verb = CString::new(job.verb.name()).expect("a name").into_raw();
        let count = c_long::try_from(job.count).expect("a count");
        // SAFETY: the name is a string that stays.
        unsafe { connect(port.into(), verb, job.qos.into(), job.size, count) };
        Self(library)
    }

    fn run(&self) -> f64 {
        // SAFETY: the type is that of the function in benches/peers/mqttlink.c.
        let run: Symbol<'_, Run> = unsafe { self.0.get(b"bench_run\0") }.expect("a function");
        // SAFETY: it is connected.
        unsafe { run() }
    }
}
