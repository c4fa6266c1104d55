//! What other threads want from the broker's thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mio::Waker;

use super::Poller;
use crate::broker::ConnectionId;
use crate::broker::hooks::{AuthExchange, Decision};
use crate::proto::{Publication, Time};
use crate::threads::ThreadNumber;
use crate::transport::PolledEnd;

/// How many messages of the program itself may wait to be routed.
const PUBLISH_MAX: usize = 65_536;

/// Runs on the broker's thread.
pub(in crate::broker) type Call = Box<dyn FnOnce(&mut Poller) + Send>;

pub(in crate::broker) enum Command {
    Publish(Arc<Publication>),
    Attach(PolledEnd),
    Decide { connection: ConnectionId, decision: Decision, exchange: Option<Box<dyn AuthExchange>> },
    Call(Call),
}

/// The way to the broker's thread.
pub(in crate::broker) struct Mailbox {
    state: Mutex<State>,
    /// Woken when there is room again for messages.
    room: std::sync::Condvar,
    waker: Waker,
    /// Whether the thread sleeps, so that it has to be woken.
    asleep: AtomicBool,
    pub(in crate::broker) thread: std::sync::OnceLock<ThreadNumber>,
}

#[derive(Default)]
struct State {
    commands: Vec<Command>,
    publishes: usize,
    /// Streams inside the process for which there is something to do.
    notices: Vec<ConnectionId>,
    stopped: bool,
}

/// The broker has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::broker) struct Stopped;

impl Mailbox {
    pub(in crate::broker) fn new(waker: Waker) -> Self {
        Self {
            state: Mutex::default(),
            room: std::sync::Condvar::new(),
            waker,
            asleep: AtomicBool::new(false),
            thread: std::sync::OnceLock::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::broker) fn wake(&self) {
        if self.asleep.swap(false, Ordering::SeqCst) {
            // A poll that cannot be woken has been closed.
            let _ = self.waker.wake();
        }
    }

    pub(in crate::broker) fn is_own_thread(&self) -> bool {
        self.thread.get() == Some(&ThreadNumber::this())
    }

    pub(in crate::broker) fn send(&self, command: Command) -> Result<(), Stopped> {
        let mut state = self.lock();
        let is_publish = matches!(command, Command::Publish(_));
        while is_publish
            && !state.stopped
            && state.publishes >= PUBLISH_MAX
            && !self.is_own_thread()
        {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.stopped {
            return Err(Stopped);
        }
        state.publishes += usize::from(is_publish);
        state.commands.push(command);
        drop(state);
        self.wake();
        Ok(())
    }

    pub(in crate::broker) fn notice(&self, connection: ConnectionId) {
        self.lock().notices.push(connection);
        self.wake();
    }

    /// Moves everything that waits into the two lists, which are empty.
    pub(in crate::broker) fn take(
        &self,
        commands: &mut Vec<Command>,
        notices: &mut Vec<ConnectionId>,
    ) {
        let mut state = self.lock();
        std::mem::swap(&mut state.commands, commands);
        std::mem::swap(&mut state.notices, notices);
        if std::mem::take(&mut state.publishes) >= PUBLISH_MAX {
            self.room.notify_all();
        }
    }

    /// The thread is about to sleep; says whether it may.
    pub(in crate::broker) fn fall_asleep(&self) -> bool {
        self.asleep.store(true, Ordering::SeqCst);
        let state = self.lock();
        state.commands.is_empty() && state.notices.is_empty()
    }

    pub(in crate::broker) fn wake_up(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    /// Nothing is taken any more. Commands that wait are dropped, and with them whoever waits for
    /// their answer is told.
    pub(in crate::broker) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        let left = std::mem::take(&mut state.commands);
        drop(state);
        drop(left);
        self.room.notify_all();
    }
}

/// What the broker's clock says: the system's time, or a test's.
#[derive(Clone, Default)]
pub(crate) enum Clock {
    #[default]
    System,
    Virtual(Arc<Mutex<Time>>),
}

impl Clock {
    pub(crate) fn now(&self) -> Time {
        match self {
            Self::System => crate::clock::now(),
            Self::Virtual(time) => *time.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Sets a virtual clock.
    pub(crate) fn set(&self, now: Time) {
        if let Self::Virtual(time) = self {
            *time.lock().unwrap_or_else(PoisonError::into_inner) = now;
        }
    }

    pub(crate) const fn is_virtual(&self) -> bool {
        matches!(self, Self::Virtual(_))
    }
}
