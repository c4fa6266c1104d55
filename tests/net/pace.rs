//! How long something takes, on a machine that has other work as well.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(5);

/// How many threads, one after the other, take part in what is measured, generously.
const TURNS: u32 = 20;

/// How long something took, and how much longer than on an idle machine it may have taken.
#[derive(Debug)]
pub(crate) struct Pace {
    pub(crate) took: Duration,
    leeway: Duration,
}

impl Pace {
    /// Whether it was over when `limit` was, as far as the machine let it.
    pub(crate) fn is_within(&self, limit: Duration) -> bool {
        self.took < limit + self.leeway
    }
}

/// Measures `work`, and meanwhile how late this machine wakes a thread that has slept.
pub(crate) fn pace<T>(work: impl FnOnce() -> T) -> (T, Pace) {
    let (end, ended) = mpsc::channel::<()>();
    let metronome = thread::spawn(move || {
        let mut late = Duration::ZERO;
        loop {
            let start = Instant::now();
            let next = ended.recv_timeout(TICK);
            late = late.max(start.elapsed().saturating_sub(TICK));
            if next == Err(RecvTimeoutError::Disconnected) {
                return late;
            }
        }
    });
    let start = Instant::now();
    let result = work();
    let took = start.elapsed();
    drop(end);
    let late = metronome.join().unwrap();
    (result, Pace { took, leeway: slack() + TURNS * late })
}

/// What is granted where threads run as soon as they can: `MQTTLINK_SLACK_MS`; in CI nobody knows
/// what else the machine does.
fn slack() -> Duration {
    let given = std::env::var("MQTTLINK_SLACK_MS").ok().and_then(|text| text.parse().ok());
    let usual = if std::env::var_os("CI").is_some() { 5000 } else { 500 };
    Duration::from_millis(given.unwrap_or(usual))
}
