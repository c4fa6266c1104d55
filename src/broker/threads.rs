//! The broker's threads, and how their end is awaited.

use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, ThreadId};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use crate::clock::Deadline;

/// How long a thread may take to end once it has nothing to do any more.
const GRACE: Duration = Duration::from_millis(200);

/// A thread whose end can be awaited with a limit.
pub(super) struct Thread {
    handle: JoinHandle<()>,
    /// Breaks off when the thread ends.
    ended: Receiver<Infallible>,
}

impl Thread {
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (alive, ended) = bounded(0);
        let run = move || {
            let _alive = alive;
            run();
        };
        let handle = std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { handle, ended })
    }

    fn end_by(self, deadline: Deadline) {
        let limit = deadline.remaining().unwrap_or_default();
        if self.ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            let name = self.handle.thread().name().unwrap_or_default().to_owned();
            log::warn!("broker: the thread {name} is still in a hook, and is left to itself");
            return;
        }
        // A panic of the thread has been reported by then.
        let _ = self.handle.join();
    }
}

/// All threads of a broker.
pub(super) struct Threads {
    ids: Vec<ThreadId>,
    all: Mutex<Vec<Thread>>,
    /// Tells the thread of events to leave out what waits.
    leave: Arc<AtomicBool>,
}

impl Threads {
    /// In the order in which they depend on each other: the last one ends first.
    pub(super) fn new(all: Vec<Thread>, leave: Arc<AtomicBool>) -> Self {
        let ids = all.iter().map(|thread| thread.handle.thread().id()).collect();
        Self { ids, all: Mutex::new(all), leave }
    }

    /// Waits until all have ended, at the most this long and a little; who comes meanwhile waits
    /// too. A thread that is still in a hook then is left to itself. Does not wait on one of them.
    pub(super) fn end(&self, limit: Duration) {
        if self.ids.contains(&std::thread::current().id()) {
            return;
        }
        let deadline = Deadline::after(limit.saturating_add(GRACE));
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in all.drain(..).rev() {
            thread.end_by(deadline);
        }
        self.leave.store(true, Ordering::SeqCst);
    }
}
