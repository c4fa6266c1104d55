//! What goes wrong on a connection on purpose.

use std::collections::VecDeque;
use std::time::Duration;

use crate::broker::faults::ConnectionFault;
use crate::proto::Time;

#[derive(Debug, Default)]
pub(super) struct LinkFaults {
    delay: Duration,
    /// Bytes of the output that wait, in order, with the time at which they may go.
    late: VecDeque<(Time, usize)>,
    /// Bytes of the output that have waited long enough.
    due: usize,
    /// How many more bytes are sent and received before the connection is cut.
    cut_sending: Option<u64>,
    cut_receiving: Option<u64>,
    pub(super) half_open: bool,
    write_max: Option<usize>,
}

impl LinkFaults {
    pub(super) fn new(faults: &[ConnectionFault]) -> Self {
        let mut all = Self::default();
        for fault in faults {
            match *fault {
                ConnectionFault::Delay(delay) => all.delay = delay,
                ConnectionFault::CutAfterSending(bytes) => all.cut_sending = Some(bytes),
                ConnectionFault::CutAfterReceiving(bytes) => all.cut_receiving = Some(bytes),
                ConnectionFault::HalfOpen => all.half_open = true,
                ConnectionFault::ShortWrites(bytes) => all.write_max = Some(bytes.max(1)),
                ConnectionFault::Refuse(_) | ConnectionFault::IgnorePings => {}
            }
        }
        all
    }

    /// How many of these received bytes are let through, and whether the connection is cut behind
    /// them.
    pub(super) fn receive(&mut self, count: usize) -> (usize, bool) {
        let Some(left) = &mut self.cut_receiving else { return (count, false) };
        let allowed = usize::try_from(*left).unwrap_or(usize::MAX).min(count);
        *left -= u64::try_from(allowed).unwrap_or_default();
        (allowed, *left == 0)
    }

    /// How many bytes the next write may carry.
    pub(super) fn write_max(&self) -> usize {
        let cut = self.cut_sending.map(|left| usize::try_from(left).unwrap_or(usize::MAX));
        let due = (!self.delay.is_zero()).then_some(self.due);
        self.write_max.into_iter().chain(cut).chain(due).min().unwrap_or(usize::MAX)
    }

    /// So many bytes have been written.
    pub(super) fn written(&mut self, count: usize) {
        if let Some(left) = &mut self.cut_sending {
            *left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        }
        self.due = self.due.saturating_sub(count);
    }

    /// Whether as much has been sent as is to be.
    pub(super) fn is_cut(&self) -> bool {
        self.cut_sending == Some(0)
    }

    /// Whether what there is has to wait.
    pub(super) const fn holds_back(&self) -> bool {
        !self.delay.is_zero() && self.due == 0
    }

    pub(super) const fn delays(&self) -> bool {
        !self.delay.is_zero()
    }

    /// There are `waiting` bytes of output; those that are new wait from now on.
    pub(super) fn note(&mut self, now: Time, waiting: usize) {
        let known = self.due + self.late.iter().map(|(_, bytes)| bytes).sum::<usize>();
        if waiting > known {
            self.late.push_back((now + self.delay, waiting - known));
        }
        while let Some((at, bytes)) = self.late.front().copied()
            && at <= now
        {
            self.late.pop_front();
            self.due += bytes;
        }
    }

    /// When the next bytes may go.
    pub(super) fn next_late(&self) -> Option<Time> {
        self.late.front().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_waits_its_own_time() {
        let mut faults = LinkFaults::new(&[ConnectionFault::Delay(Duration::from_secs(10))]);
        let at = |seconds| Time::from_origin(Duration::from_secs(seconds));
        faults.note(at(0), 100);
        faults.note(at(5), 130);
        assert!(faults.holds_back() && faults.next_late() == Some(at(10)));
        faults.note(at(10), 130);
        assert_eq!((faults.write_max(), faults.next_late()), (100, Some(at(15))));
        faults.written(60);
        assert_eq!(faults.write_max(), 40);
        faults.note(at(15), 70);
        assert_eq!((faults.write_max(), faults.next_late()), (70, None));
    }

    #[test]
    fn only_what_went_is_charged_and_the_cut_comes_at_once() {
        let mut faults = LinkFaults::new(&[
            ConnectionFault::CutAfterSending(10),
            ConnectionFault::CutAfterReceiving(4),
        ]);
        assert_eq!(faults.write_max(), 10);
        faults.written(9);
        assert!(!faults.is_cut() && faults.write_max() == 1);
        faults.written(1);
        assert!(faults.is_cut());
        assert_eq!(faults.receive(3), (3, false));
        assert_eq!(faults.receive(1), (1, true));
        assert_eq!(faults.receive(5), (0, true));
    }
}
