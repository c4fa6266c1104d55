//! Time as an argument.

use std::ops::Add;
use std::time::Duration;

/// A moment, as the time since an origin that the caller chooses.
///
/// The protocol core never reads a clock: whoever drives it passes the moment in. A program uses a
/// monotonic clock, a test counts up by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(Duration);

impl Time {
    /// The origin.
    pub const ORIGIN: Self = Self(Duration::ZERO);

    /// The moment this long after the origin.
    #[must_use]
    pub const fn from_origin(since: Duration) -> Self {
        Self(since)
    }

    /// The time that has passed since `earlier`; zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}
