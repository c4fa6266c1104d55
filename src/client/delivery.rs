//! What became of a message: the handle that `publish` returns.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::shared::Shared;
use crate::clock::Deadline;
use crate::codec::{Properties, ReasonCode};
use crate::error::{Error, ErrorCode};
use crate::proto::{AckDetail, Notice, PublishOutcome};
use crate::transport::Phase;

/// The server has a message; for QoS 0, the connection has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    detail: AckDetail,
}

impl Acknowledgement {
    fn sent() -> Self {
        Self { detail: AckDetail { reason: ReasonCode::Success, properties: Properties::new() } }
    }

    /// The reason code: success, or "no matching subscribers", which only MQTT 5.0 can say.
    #[must_use]
    pub const fn reason(&self) -> ReasonCode {
        self.detail.reason
    }

    #[cfg(feature = "capi")]
    pub(crate) const fn properties(&self) -> &Properties<'static> {
        &self.detail.properties
    }

    /// The server's remark, in MQTT 5.0.
    #[must_use]
    pub fn reason_string(&self) -> Option<&str> {
        self.detail.properties.reason_string()
    }

    /// The user properties of the acknowledgement, in order, in MQTT 5.0.
    pub fn user_properties(&self) -> impl Iterator<Item = (&str, &str)> {
        self.detail.properties.user_properties()
    }
}

/// The end of a message's way: acknowledged, or why not.
pub(super) type Outcome = Result<Acknowledgement, Error>;

pub(super) fn outcome(outcome: PublishOutcome) -> Outcome {
    match outcome {
        PublishOutcome::Acknowledged(detail) => Ok(Acknowledgement { detail }),
        PublishOutcome::Refused(AckDetail { reason, properties }) => {
            Err(Error::from_notice(ErrorCode::PublishRefused, Notice { reason, properties }))
        }
        PublishOutcome::Dropped(reason) => Err(reason.into()),
    }
}

/// A place where one answer is put and awaited.
#[derive(Debug)]
pub(super) struct Ticket<T> {
    slot: Mutex<Slot<T>>,
    filled: Condvar,
}

#[derive(Debug)]
struct Slot<T> {
    answer: Option<T>,
    waiters: usize,
}

impl<T: Clone> Ticket<T> {
    pub(super) fn new() -> Arc<Self> {
        let slot = Mutex::new(Slot { answer: None, waiters: 0 });
        Arc::new(Self { slot, filled: Condvar::new() })
    }

    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the answer in, for good.
    pub(super) fn fill(&self, answer: T) {
        let mut slot = self.lock();
        slot.answer.get_or_insert(answer);
        let wake = slot.waiters > 0;
        drop(slot);
        if wake {
            self.filled.notify_all();
        }
    }

    /// Lets everybody who waits look whether it still makes sense.
    pub(super) fn stir(&self) {
        let slot = self.lock();
        let wake = slot.waiters > 0;
        drop(slot);
        if wake {
            self.filled.notify_all();
        }
    }

    pub(super) fn peek(&self) -> Option<T> {
        self.lock().answer.clone()
    }

    /// Waits for the answer until `over` says that it makes no sense any more; then `why` is the
    /// error. `None` when the deadline comes first. `over` takes no lock but a mailbox's:
    /// whoever stirs has the client's.
    pub(super) fn wait(
        &self,
        deadline: Deadline,
        over: impl Fn() -> bool,
        why: impl FnOnce() -> Error,
    ) -> Result<Option<T>, Error> {
        let mut slot = self.lock();
        loop {
            if let Some(answer) = &slot.answer {
                return Ok(Some(answer.clone()));
            }
            if over() {
                drop(slot);
                return Err(why());
            }
            if deadline.is_over() {
                return Ok(None);
            }
            slot.waiters += 1;
            slot = wait(&self.filled, slot, deadline);
            slot.waiters -= 1;
        }
    }
}

/// Waits on a condition variable until it is notified or the deadline comes.
pub(super) fn wait<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Deadline,
) -> MutexGuard<'a, T> {
    match deadline.remaining() {
        None => condvar.wait(guard).unwrap_or_else(PoisonError::into_inner),
        Some(left) => condvar.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0,
    }
}

/// How far the outgoing bytes of one connection have been written, for messages of QoS 0.
pub(super) struct Progress {
    pub(super) shared: Weak<Shared>,
    written: AtomicU64,
    closed: AtomicBool,
    waiters: AtomicUsize,
    lock: Mutex<Vec<Watcher>>,
    changed: Condvar,
}

/// Called when a place in the outgoing bytes has been reached, or never will be.
struct Watcher {
    end: u64,
    call: Box<dyn FnOnce(Outcome) + Send>,
}

impl Progress {
    pub(super) fn new(shared: Weak<Shared>) -> Self {
        Self {
            shared,
            written: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            waiters: AtomicUsize::new(0),
            lock: Mutex::new(Vec::new()),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Watcher>> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All bytes up to `position` are in the socket.
    pub(super) fn advance(&self, position: u64) {
        // With the order of `SeqCst`, either this sees the waiter or the waiter sees the position.
        self.written.store(position, Ordering::SeqCst);
        self.wake();
    }

    /// The connection is gone.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.wake();
    }

    fn wake(&self) {
        if self.waiters.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut watchers = self.lock();
        let mut reached = Vec::new();
        if !watchers.is_empty() {
            let (done, left) = std::mem::take(&mut *watchers)
                .into_iter()
                .partition(|watcher| self.outcome(watcher.end).is_some());
            (reached, *watchers) = (done, left);
            self.waiters.fetch_sub(reached.len(), Ordering::SeqCst);
        }
        drop(watchers);
        self.changed.notify_all();
        for watcher in reached {
            let outcome = self.outcome(watcher.end).unwrap_or_else(not_sent);
            (watcher.call)(outcome);
        }
    }

    fn outcome(&self, end: u64) -> Option<Outcome> {
        // The order matters: once closed, the position does not change.
        let closed = self.closed.load(Ordering::SeqCst);
        if self.written.load(Ordering::SeqCst) >= end {
            Some(Ok(Acknowledgement::sent()))
        } else if closed {
            Some(not_sent())
        } else {
            None
        }
    }

    /// Lets everybody who waits look whether it still makes sense.
    pub(super) fn stir(&self) {
        drop(self.lock());
        self.changed.notify_all();
    }

    /// Calls `call` when the bytes up to `end` are written or never will be.
    pub(super) fn watch(&self, end: u64, call: Box<dyn FnOnce(Outcome) + Send>) {
        self.waiters.fetch_add(1, Ordering::SeqCst);
        self.lock().push(Watcher { end, call });
        self.wake();
    }

    fn wait(&self, end: u64, deadline: Deadline, over: impl Fn() -> bool) -> Option<Outcome> {
        if let Some(outcome) = self.outcome(end) {
            return Some(outcome);
        }
        self.waiters.fetch_add(1, Ordering::SeqCst);
        let mut guard = self.lock();
        let outcome = loop {
            let outcome = self.outcome(end);
            if outcome.is_some() || deadline.is_over() || over() {
                break outcome;
            }
            guard = wait(&self.changed, guard, deadline);
        };
        drop(guard);
        self.waiters.fetch_sub(1, Ordering::SeqCst);
        outcome
    }
}

fn not_sent() -> Outcome {
    Err(Error::new(ErrorCode::NotSent))
}

/// The way of one message, from [`Client::publish`](super::Client::publish).
///
/// QoS 0 is done when the message is in the socket, QoS 1 and 2 when the server has acknowledged it.
/// Dropping the handle changes nothing for the message.
pub struct Delivery {
    progress: Arc<Progress>,
    goal: Goal,
}

enum Goal {
    /// The bytes up to here are written.
    Written(u64),
    /// The server has answered.
    Acknowledged(Arc<Ticket<Outcome>>),
}

impl Delivery {
    pub(super) const fn written(progress: Arc<Progress>, end: u64) -> Self {
        Self { progress, goal: Goal::Written(end) }
    }

    pub(super) const fn acknowledged(
        progress: Arc<Progress>,
        ticket: Arc<Ticket<Outcome>>,
    ) -> Self {
        Self { progress, goal: Goal::Acknowledged(ticket) }
    }

    /// Waits for the outcome, as long as the client's
    /// [`response_timeout`](super::Builder::response_timeout).
    ///
    /// # Errors
    /// As [`wait_timeout`](Self::wait_timeout).
    pub fn wait(&self) -> Result<Acknowledgement, Error> {
        let limit = self.progress.shared.upgrade().map(|shared| shared.response_timeout());
        self.wait_timeout(limit.unwrap_or_default())
    }

    /// Waits for the outcome, at most for `limit`. May be called from any thread, also inside
    /// handlers, and again after a timeout or a lost connection.
    ///
    /// # Errors
    /// The outcome, if it is one: the server refused the message, or it was given up. Otherwise why
    /// there is none yet: the time was too short, or there is no connection; a message of QoS 1 or 2
    /// is then sent again when the client reconnects.
    pub fn wait_timeout(&self, limit: Duration) -> Result<Acknowledgement, Error> {
        if let Some(outcome) = self.outcome() {
            return outcome;
        }
        let deadline = Deadline::after(limit);
        let shared = self.progress.shared.upgrade();
        let begun = shared.as_ref().map_or(0, |shared| shared.begin_wait());
        let interrupted = || shared.as_ref().is_some_and(|shared| shared.is_interrupted(begun));
        let stuck = limit == Duration::MAX
            && shared.as_ref().is_some_and(|shared| shared.is_connecting_here());
        let is_inside = || stuck || shared.as_ref().is_some_and(|shared| shared.is_inside());
        // This thread is about to sleep: it can just as well do the writing.
        let _waiting = shared.as_ref().map(|shared| {
            shared.write_now();
            shared.expect_ack()
        });
        let outcome = match &self.goal {
            Goal::Written(end) => {
                self.progress.wait(*end, deadline, || interrupted() || is_inside())
            }
            Goal::Acknowledged(ticket) => ticket.wait(
                deadline,
                || {
                    interrupted()
                        || stuck
                        || shared
                            .as_ref()
                            .is_none_or(|shared| shared.is_over() || shared.is_wedged())
                },
                || match &shared {
                    Some(shared) if interrupted() => shared.interrupted(),
                    Some(_) if stuck => Error::new(ErrorCode::WouldDeadlock),
                    Some(shared) => shared.why_not_wait(),
                    None => Error::new(ErrorCode::Closed),
                },
            )?,
        };
        outcome.unwrap_or_else(|| match &shared {
            Some(shared) if interrupted() => Err(shared.interrupted()),
            _ if is_inside() => Err(Error::new(ErrorCode::WouldDeadlock)),
            _ => Err(Error::timeout(Phase::Ack, limit)),
        })
    }

    /// The outcome, if there is one yet. Does not wait.
    #[must_use]
    pub fn outcome(&self) -> Option<Result<Acknowledgement, Error>> {
        match &self.goal {
            Goal::Written(end) => self.progress.outcome(*end),
            Goal::Acknowledged(ticket) => ticket.peek(),
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("outcome", &self.outcome()).finish_non_exhaustive()
    }
}
