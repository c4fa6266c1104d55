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
/// something is due and enters itself again. As times mostly move away, that is rare. An entry at
/// another time than the one that was noted for it is outdated.
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

    /// The next one that is due, and for when it was entered.
    pub(super) fn pop_due(&mut self, now: Time) -> Option<(Time, Timer)> {
        if self.next()? > now {
            return None;
        }
        self.queue.pop().map(|Reverse(entry)| entry)
    }

    /// Forgets entries that `is_live` does not know, if they may have become many.
    pub(super) fn tidy(&mut self, expected: usize, is_live: impl Fn(Time, Timer) -> bool) {
        if self.queue.len() > 2 * expected + 1024 {
            self.queue.retain(|Reverse((at, timer))| is_live(*at, *timer));
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

/// A timer has fired; says whether it is the one that was noted.
pub(super) fn disarm(armed: &mut Option<Time>, at: Time) -> bool {
    let is_noted = *armed == Some(at);
    if is_noted {
        *armed = None;
    }
    is_noted
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::broker::hooks::Peer;
    use crate::broker::{Core, CoreConfig};
    use crate::codec::{Connect, Properties, PropertyId, Version, frame};
    use crate::proto::Time;

    #[test]
    fn a_client_that_comes_and_goes_leaves_one_timer() {
        let mut now = Time::ORIGIN;
        let mut core = Core::new(now, CoreConfig::default());
        let mut properties = Properties::new();
        properties.set_u32(PropertyId::SessionExpiryInterval, 1_000_000).unwrap();
        let client_id = "a";
        let connect = Connect { version: Version::V5, client_id, properties, ..Connect::default() };
        let mut bytes = Vec::new();
        connect.encode(frame::MAX_PACKET_SIZE, &mut bytes).unwrap();
        for _ in 0..5_000 {
            now = now + Duration::from_secs(1);
            let id = core.open(now, Peer::default()).unwrap();
            assert_eq!(core.handle_input(now, id, &bytes), bytes.len());
            core.handle_closed(now, id);
        }
        assert!(core.timers.queue.len() < 1_100, "{} timers", core.timers.queue.len());
        assert!(core.session(now, "a").is_some());
        core.handle_timeout(now + Duration::from_secs(999_999));
        assert!(core.session(now, "a").is_some());
        core.handle_timeout(now + Duration::from_secs(1_000_000));
        assert!(core.session(now, "a").is_none(), "it ends at its time");
    }
}
