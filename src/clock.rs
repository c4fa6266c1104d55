//! The one place where clocks are read.

use std::time::{Duration, Instant};

use crate::proto::Time;

/// The current moment, on a clock that counts the time a machine is asleep where the system has one.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn now() -> Time {
    // Unlike `Instant`, which stops while the machine is suspended.
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Time::from_origin(Duration::new(seconds, nanoseconds))
}

/// The current moment.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn now() -> Time {
    static ORIGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let origin = *ORIGIN.get_or_init(instant);
    Time::from_origin(instant().saturating_duration_since(origin))
}

#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
fn instant() -> Instant {
    Instant::now()
}

/// A moment up to which something may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline {
    /// `None` is never.
    at: Option<Instant>,
}

impl Deadline {
    /// No limit.
    pub(crate) const NEVER: Self = Self { at: None };

    /// This long from now.
    pub(crate) fn after(span: Duration) -> Self {
        Self { at: instant().checked_add(span) }
    }

    /// How long it is still; zero when it has come, `None` when it never comes.
    pub(crate) fn remaining(self) -> Option<Duration> {
        self.at.map(|at| at.saturating_duration_since(instant()))
    }

    /// Whether it has come.
    pub(crate) fn is_over(self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }

    /// The earlier of the two.
    pub(crate) fn min(self, other: Self) -> Self {
        match (self.at, other.at) {
            (Some(a), Some(b)) => Self { at: Some(a.min(b)) },
            (at, None) | (None, at) => Self { at },
        }
    }
}
