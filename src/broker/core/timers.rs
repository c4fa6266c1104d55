//! When something is due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::broker::slots::Key;
use crate::proto::Time;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A connection's own timer, or the end of patience with an authentication.
    Connection(Key),
    /// A will, or the end of a session.
    Session(Key),
    /// `$SYS`.
    Sys,
    /// A message that a fault holds back.
    Held,
}

/// The queue. Entries are not taken out when their time changes: whoever is called looks whether
/// something is due and enters itself again. As times mostly move away, that is rare.
#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: BinaryHeap<Reverse<(Time, Timer)>>,
}

impl Timers {
    pub(super) fn push(&mut self, at: Time, timer: Timer) {
        self.queue.push(Reverse((at, timer)));
    }

    pub(super) fn next(&self) -> Option<Time> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    /// The next one that is due.
    pub(super) fn pop_due(&mut self, now: Time) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.queue.pop().map(|Reverse((_, timer))| timer)
    }

    /// Forgets entries that `is_live` does not know, if they may have become many.
    pub(super) fn tidy(&mut self, expected: usize, is_live: impl Fn(Timer) -> bool) {
        if self.queue.len() > 2 * expected + 1024 {
            self.queue.retain(|Reverse((_, timer))| is_live(*timer));
        }
    }
}

/// Notes that a timer has to fire at `at`, and says whether it must be entered for that.
pub(super) fn arm(armed: &mut Option<Time>, at: Option<Time>) -> Option<Time> {
    let at = at?;
    if armed.is_some_and(|armed| armed <= at) {
        return None;
    }
    *armed = Some(at);
    Some(at)
}
