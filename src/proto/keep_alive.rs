//! Keep alive: when to send PINGREQ, and when the peer is dead.

use std::time::Duration;

use super::Time;

/// What the timer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Send a PINGREQ.
    Ping,
    /// Nothing came back: the peer is dead.
    Dead,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ping {
    None,
    /// In the outgoing buffer since this moment.
    Queued {
        since: Time,
    },
    /// On the wire since this moment.
    Sent {
        at: Time,
    },
}

/// The timers of one connection.
///
/// A ping is due when nothing was sent for the interval, as the specification demands, and also
/// when nothing was received for the interval, so that a dead peer is noticed by a client that only
/// publishes. Any byte received counts as life, and so does the peer taking bytes that had to wait
/// for room in the socket. The answer is awaited from the moment the PINGREQ has reached the socket;
/// one that waits behind a long payload waits as long as the socket takes bytes.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    interval: Option<Duration>,
    timeout: Duration,
    last_sent: Time,
    last_alive: Time,
    /// The oldest PINGREQ that was not answered: later ones do not give the peer more time.
    ping: Ping,
    /// Where in the stream the last byte is of a PINGREQ that has not reached the socket.
    unsent: Option<u64>,
    paused: bool,
}

impl KeepAlive {
    /// No timer runs between [`begin`](Self::begin) and [`start`](Self::start).
    pub(crate) const fn new(timeout: Duration) -> Self {
        Self {
            interval: None,
            timeout,
            last_sent: Time::ORIGIN,
            last_alive: Time::ORIGIN,
            ping: Ping::None,
            unsent: None,
            paused: false,
        }
    }

    /// A connection begins with CONNECT.
    pub(crate) const fn begin(&mut self, now: Time) {
        self.stop();
        self.last_sent = now;
    }

    /// The connection is up. `seconds` is the interval that server and client agreed on; 0 is none.
    /// It runs since the last packet that was sent, which is CONNECT: a server may count from there
    /// too, however long it took to answer.
    pub(crate) fn start(&mut self, now: Time, seconds: u16) {
        self.interval = (seconds > 0).then(|| ping_interval(seconds));
        self.last_alive = now;
        self.ping = Ping::None;
        self.unsent = None;
        self.paused = false;
    }

    /// The connection is down.
    pub(crate) const fn stop(&mut self) {
        self.interval = None;
        self.ping = Ping::None;
        self.unsent = None;
    }

    /// Something was received.
    pub(crate) const fn received(&mut self, now: Time) {
        self.last_alive = now;
    }

    /// The outgoing bytes up to `position` have reached the socket. With `drained` the socket was
    /// full before, so that the peer must have taken some.
    pub(crate) fn transmitted(&mut self, now: Time, position: u64, drained: bool) {
        self.last_sent = now;
        if drained {
            self.last_alive = now;
        }
        if self.unsent.is_some_and(|end| end <= position) {
            self.unsent = None;
            if let Ping::Queued { .. } = self.ping {
                self.ping = Ping::Sent { at: now };
            }
        }
    }

    /// A PINGREQ was queued; its last byte is at `end`.
    pub(crate) fn ping_queued(&mut self, now: Time, end: u64) {
        self.unsent = Some(end);
        if self.ping == Ping::None {
            self.ping = Ping::Queued { since: now };
        }
    }

    /// A PINGRESP has come. Says how long it took, if one was awaited.
    pub(crate) fn answered(&mut self, now: Time) -> Option<Duration> {
        let asked = match self.ping {
            Ping::None => return None,
            Ping::Queued { since } => since,
            Ping::Sent { at } => at,
        };
        self.ping = Ping::None;
        Some(now.since(asked))
    }

    /// While input is paused nothing can be heard, so silence means nothing.
    pub(crate) const fn pause(&mut self, now: Time, paused: bool) {
        self.paused = paused;
        self.last_alive = now;
    }

    /// Whether an answer is awaited.
    pub(crate) fn awaits_answer(&self) -> bool {
        self.ping != Ping::None
    }

    /// When [`due`](Self::due) has something to say.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let interval = self.interval?;
        let send = self.unsent.is_none().then(|| self.last_sent + interval);
        let listen = match (self.paused, self.ping) {
            (true, _) => None,
            (false, Ping::None) => Some(self.last_alive + interval),
            (false, _) => self.awaited_until(),
        };
        send.into_iter().chain(listen).min()
    }

    /// When a peer that is silent until then is dead.
    fn awaited_until(&self) -> Option<Time> {
        let asked = match self.ping {
            Ping::None => return None,
            Ping::Queued { since } => since.max(self.last_sent),
            Ping::Sent { at } => at,
        };
        Some(asked.max(self.last_alive) + self.timeout)
    }

    pub(crate) fn due(&self, now: Time) -> Option<Due> {
        if self.deadline()? > now {
            return None;
        }
        let interval = self.interval?;
        if !self.paused && self.awaited_until().is_some_and(|until| until <= now) {
            return Some(Due::Dead);
        }
        let silent = !self.paused && self.ping == Ping::None && self.last_alive + interval <= now;
        let quiet = self.unsent.is_none() && self.last_sent + interval <= now;
        (silent || quiet).then_some(Due::Ping)
    }
}

/// A little less than the keep alive, so that the PINGREQ leaves before the interval is over.
fn ping_interval(seconds: u16) -> Duration {
    let whole = Duration::from_secs(seconds.into());
    whole - (whole / 10).min(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(5);

    fn at(seconds: f64) -> Time {
        Time::from_origin(Duration::from_secs_f64(seconds))
    }

    fn started(seconds: u16) -> KeepAlive {
        let mut timers = KeepAlive::new(TIMEOUT);
        timers.begin(at(0.0));
        timers.start(at(0.0), seconds);
        timers
    }

    #[test]
    fn the_ping_leaves_before_the_interval_is_over() {
        let timers = started(60);
        assert_eq!(timers.deadline(), Some(at(59.0)));
        assert_eq!(timers.due(at(58.9)), None);
        assert_eq!(timers.due(at(59.0)), Some(Due::Ping));
        assert_eq!(started(2).deadline(), Some(at(1.8)));
        assert_eq!(started(0).deadline(), None);
    }

    #[test]
    fn traffic_in_both_directions_postpones_the_ping() {
        let mut timers = started(10);
        timers.transmitted(at(5.0), 100, false);
        assert_eq!(timers.deadline(), Some(at(9.0)), "nothing was heard for the interval");
        timers.received(at(6.0));
        assert_eq!(timers.deadline(), Some(at(14.0)));
    }

    #[test]
    fn the_answer_is_awaited_from_the_moment_the_ping_is_on_the_wire() {
        let mut timers = started(10);
        timers.ping_queued(at(9.0), 50);
        assert_eq!(timers.deadline(), Some(at(14.0)), "a ping that cannot be written is a stall");
        timers.transmitted(at(12.0), 49, false);
        assert_eq!(timers.deadline(), Some(at(17.0)), "what is before it moves on");
        timers.transmitted(at(13.0), 50, false);
        assert_eq!(timers.deadline(), Some(at(18.0)));
        assert_eq!(timers.due(at(18.0)), Some(Due::Dead));
    }

    #[test]
    fn pings_that_leave_before_the_first_is_answered_give_the_peer_no_more_time() {
        let mut timers = started(2);
        for end in 1..=3_u32 {
            let now = at(1.8 * f64::from(end));
            assert_eq!(timers.due(now), Some(Due::Ping));
            timers.ping_queued(now, end.into());
            assert!(timers.deadline().unwrap() > now, "one PINGREQ at a time");
            timers.transmitted(now, end.into(), false);
        }
        assert_eq!(timers.deadline(), Some(at(1.8) + TIMEOUT));
        assert_eq!(timers.due(at(1.8) + TIMEOUT), Some(Due::Dead));
    }

    #[test]
    fn any_byte_and_any_progress_count_as_life() {
        let mut timers = started(10);
        timers.ping_queued(at(9.0), 50);
        timers.transmitted(at(9.0), 50, false);
        timers.received(at(13.0));
        assert_eq!(timers.deadline(), Some(at(18.0)));
        timers.transmitted(at(17.0), 90, true);
        assert_eq!(timers.deadline(), Some(at(22.0)));
        assert_eq!(timers.answered(at(21.0)), Some(Duration::from_secs(12)));
        assert_eq!(timers.answered(at(21.0)), None);
    }

    #[test]
    fn while_input_is_paused_pings_go_on_and_silence_means_nothing() {
        let mut timers = started(10);
        timers.pause(at(1.0), true);
        assert_eq!(timers.due(at(9.0)), Some(Due::Ping));
        timers.ping_queued(at(9.0), 2);
        timers.transmitted(at(9.0), 2, false);
        assert_eq!(timers.due(at(17.9)), None);
        assert_eq!(timers.due(at(18.0)), Some(Due::Ping), "the server must still hear us");
        timers.ping_queued(at(18.0), 4);
        timers.transmitted(at(18.0), 4, false);
        timers.pause(at(20.0), false);
        assert_eq!(timers.deadline(), Some(at(25.0)));
        assert_eq!(timers.due(at(25.0)), Some(Due::Dead));
    }
}
