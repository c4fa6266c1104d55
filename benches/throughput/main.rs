//! Messages per second and round trips, side by side with other libraries and with the bare socket.
//!
//! `cargo bench --bench throughput -- [--runs N] [--rows TEXT] [--scale X] [--pairs]`. Every figure is the
//! median of several runs that are interleaved with the others'; every run is a process of its own
//! against a server that only counts and acknowledges. Other libraries take part if their programs
//! are found, see `benches/peers`. What the C library costs beside Rust is measured closer, in one
//! process, see `pairs`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark stops at the first thing that goes wrong, and measures time"
)]

mod dotnet;
mod ours;
mod pairs;
mod raw;
mod sink;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ours::Ours;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Publish,
    Receive,
    ReceiveHandler,
    Latency,
}

impl Verb {
    const fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Receive => "receive",
            Self::ReceiveHandler => "receive-handler",
            Self::Latency => "latency",
        }
    }

    fn parse(text: &str) -> Self {
        let all = [Self::Publish, Self::Receive, Self::ReceiveHandler, Self::Latency];
        all.into_iter().find(|verb| verb.name() == text).expect("a verb")
    }
}

/// One row's work.
#[derive(Debug, Clone)]
struct Job {
    verb: Verb,
    qos: u8,
    size: usize,
    count: usize,
}

impl Job {
    fn rate(&self, elapsed: Duration) -> f64 {
        self.count as f64 / elapsed.as_secs_f64()
    }

    fn arguments(&self) -> [String; 4] {
        [
            self.verb.name().into(),
            self.qos.to_string(),
            self.size.to_string(),
            self.count.to_string(),
        ]
    }

    fn from_arguments(arguments: &[String]) -> Self {
        let number = |index: usize| arguments[index].parse().expect("a number");
        Self {
            verb: Verb::parse(&arguments[0]),
            qos: arguments[1].parse().expect("a QoS"),
            size: number(2),
            count: number(3),
        }
    }
}

/// A program that does jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contender {
    Mqttlink,
    /// libmosquitto, driven by hand in one thread, or by its own thread: whichever is faster.
    Mosquitto,
    MosquittoThread,
    Rumqttc,
    Raw,
    /// mqttlink through its C library.
    C,
    /// mqttlink through its .NET assembly: in a table of its own.
    DotNet,
}

impl Contender {
    const ALL: [Self; 6] =
        [Self::Mqttlink, Self::Mosquitto, Self::MosquittoThread, Self::Rumqttc, Self::Raw, Self::C];

    /// How many messages it moves in about half a second, at the least, so that a run takes long
    /// enough to measure and not longer.
    fn count(self, verb: Verb, qos: u8, size: usize) -> usize {
        let (ours, theirs) = match (verb, qos) {
            (Verb::Latency, _) => return 20_000,
            (Verb::Publish, 0) => (5_000_000, 150_000),
            (_, 0) => (12_000_000, 1_000_000),
            (_, 1) => (1_000_000, 80_000),
            _ => (600_000, 40_000),
        };
        let count = match self {
            Self::Mqttlink | Self::C | Self::DotNet | Self::Raw => ours,
            _ => theirs,
        };
        // A large payload takes its time whoever sends it.
        let by_size = 1_500_000_000 / size.max(1);
        count.min(by_size).max(200)
    }

    fn command(self, job: &Job, port: u16) -> Option<Command> {
        let mut command = match self {
            Self::Mqttlink | Self::Raw => {
                let mut command = Command::new(std::env::current_exe().expect("this program"));
                command.arg(if self == Self::Raw { "raw" } else { "ours" });
                command
            }
            Self::Mosquitto | Self::MosquittoThread => {
                let mut command = Command::new(peer("mosquitto")?);
                command.arg(if self == Self::Mosquitto { "single" } else { "thread" });
                command
            }
            Self::Rumqttc => Command::new(peer("rumqttc")?),
            Self::C => Command::new(peer("mqttlink-c")?),
            Self::DotNet => {
                let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
                let mut command = Command::new(root.join("tools/dotnet"));
                command.env("MQTTLINK_LIBRARY_PATH", root.join("target/install/release"));
                command.arg(found("target/dotnet/bin/Bench/netcoreapp3.1/Bench.dll")?);
                command
            }
        };
        command.arg(port.to_string()).args(job.arguments());
        Some(command)
    }
}

/// The program of another library, if it has been built.
fn peer(name: &str) -> Option<PathBuf> {
    found(&format!("target/bench-peers/{name}"))
}

fn found(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    path.exists().then_some(path)
}

fn start_sink(job: &Job) -> (Child, u16) {
    let mut sink = Command::new(std::env::current_exe().expect("this program"))
        .arg("sink")
        .args(job.arguments())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the sink starts");
    let mut line = String::new();
    let output = sink.stdout.take().expect("its output");
    BufReader::new(output).read_line(&mut line).expect("its port");
    (sink, line.trim().parse().expect("a port"))
}

fn measure(contender: Contender, row: &Row) -> Option<f64> {
    let verb = match contender {
        Contender::Mqttlink | Contender::C => row.verb,
        _ if row.verb == Verb::ReceiveHandler => Verb::Receive,
        _ => row.verb,
    };
    let job = row.job(contender, verb);
    if contender == Contender::Raw {
        return output(contender.command(&job, 0)?)?.first().copied();
    }
    let (mut sink, port) = start_sink(&job);
    let result = contender.command(&job, port).and_then(output);
    finish(&mut sink);
    result?.first().copied()
}

fn finish(sink: &mut Child) {
    let _ = sink.kill();
    let _ = sink.wait();
}

/// The numbers that a program prints.
fn output(mut command: Command) -> Option<Vec<f64>> {
    let output = command.stderr(Stdio::inherit()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().map(|number| number.parse().ok()).collect()
}

struct Row {
    verb: Verb,
    qos: u8,
    size: usize,
    scale: f64,
}

impl Row {
    fn job(&self, contender: Contender, verb: Verb) -> Job {
        let count = contender.count(self.verb, self.qos, self.size);
        let count = ((count as f64 * self.scale) as usize).max(50);
        Job { verb, qos: self.qos, size: self.size, count }
    }

    fn name(&self) -> String {
        let size = match self.size {
            1_048_576 => "1 MiB".into(),
            size if size >= 1024 => format!("{} KiB", size / 1024),
            size => format!("{size} B"),
        };
        format!("{} QoS {} {size}", self.verb.name(), self.qos)
    }
}

fn rows(scale: f64) -> Vec<Row> {
    let mut rows = Vec::new();
    for verb in [Verb::Publish, Verb::ReceiveHandler, Verb::Receive] {
        for qos in 0..3 {
            for size in [16, 256, 4096, 1_048_576] {
                rows.push(Row { verb, qos, size, scale });
            }
        }
    }
    rows.push(Row { verb: Verb::Latency, qos: 1, size: 16, scale });
    rows
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn show(value: Option<f64>, latency: bool) -> String {
    match value {
        None => "-".into(),
        Some(value) if latency => format!("{value:.1} us"),
        Some(value) if value >= 1e6 => format!("{:.2} M/s", value / 1e6),
        Some(value) if value >= 1e3 => format!("{:.1} k/s", value / 1e3),
        Some(value) => format!("{value:.0} /s"),
    }
}

fn compare(row: &Row, runs: usize) {
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); Contender::ALL.len()];
    for _ in 0..runs {
        for (contender, values) in Contender::ALL.iter().zip(&mut values) {
            values.extend(measure(*contender, row));
        }
    }
    let medians: Vec<Option<f64>> = values.into_iter().map(median).collect();
    let latency = row.verb == Verb::Latency;
    let better = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => Some(if latency { a.min(b) } else { a.max(b) }),
        (a, b) => a.or(b),
    };
    let (ours, rumqttc, raw, c) = (medians[0], medians[3], medians[4], medians[5]);
    let mosquitto = better(medians[1], medians[2]);
    let ratio = |other: Option<f64>| match (ours, other) {
        (Some(ours), Some(other)) if latency => format!("{:.2}", other / ours),
        (Some(ours), Some(other)) => format!("{:.2}", ours / other),
        _ => "-".into(),
    };
    println!(
        "{:28}{:>12}{:>12}{:>9}{:>14}{:>9}{:>14}{:>9}{:>14}{:>9}",
        row.name(),
        show(ours, latency),
        show(c, latency),
        ratio(c),
        show(mosquitto, latency),
        ratio(mosquitto),
        show(rumqttc, latency),
        ratio(rumqttc),
        show(raw, latency),
        ratio(raw),
    );
}

fn option(arguments: &[String], name: &str) -> Option<String> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).cloned()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("sink") => return sink::run(&Job::from_arguments(&arguments[1..])),
        Some("ours") => {
            let port = arguments[1].parse().expect("a port");
            return println!(
                "{}",
                Ours::connect(&Job::from_arguments(&arguments[2..]), port).run()
            );
        }
        Some("pairs") => return pairs::run(&Job::from_arguments(&arguments[1..])),
        Some("raw") => return println!("{}", raw::run(&Job::from_arguments(&arguments[2..]))),
        _ => {}
    }
    let runs = option(&arguments, "--runs").map_or(5, |runs| runs.parse().expect("a number"));
    let scale = option(&arguments, "--scale").map_or(1.0, |scale| scale.parse().expect("a number"));
    let wanted = option(&arguments, "--rows").unwrap_or_default();
    if arguments.iter().any(|argument| argument == "--pairs") {
        return pairs::compare(runs, scale, &wanted);
    }
    println!(
        "{:28}{:>12}{:>12}{:>9}{:>14}{:>9}{:>14}{:>9}{:>14}{:>9}",
        "",
        "mqttlink",
        "from C",
        "ratio",
        "libmosquitto",
        "ratio",
        "rumqttc",
        "ratio",
        "bare socket",
        "ratio"
    );
    for row in rows(scale).iter().filter(|row| row.name().contains(&wanted)) {
        compare(row, runs);
    }
    pairs::compare(runs, scale, &wanted);
    dotnet::compare(runs, scale, &wanted);
}
