//! The broker's threads, and how their end is awaited.

use std::cell::OnceCell;
use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Deadline;
use crate::threads::{Missing, Receiver, Spawned, ThreadNumber, queue, spawn};

/// How long a thread may take to end once it has nothing to do any more.
const GRACE: Duration = Duration::from_millis(200);

/// How much longer a thread may take that is in no hook: then the machine has not let it run.
const LATE_MAX: Duration = Duration::from_secs(10);

thread_local! {
    /// Whether this thread of a broker is in a hook.
    static IN_HOOK: OnceCell<Arc<AtomicBool>> = const { OnceCell::new() };
}

/// Runs code of the program on a thread of a broker.
pub(super) fn in_hook<T>(call: impl FnOnce() -> T) -> T {
    let _left = Left;
    mark(true);
    call()
}

/// Marks that the hook is over, also when it panics.
struct Left;

impl Drop for Left {
    fn drop(&mut self) {
        mark(false);
    }
}

fn mark(inside: bool) {
    // A core may be driven by any thread.
    let _ = IN_HOOK.try_with(|flag| flag.get().map(|flag| flag.store(inside, Ordering::SeqCst)));
}

/// A thread whose end can be awaited with a limit.
pub(super) struct Thread {
    thread: Spawned,
    /// Breaks off when the thread ends.
    ended: Receiver<Infallible>,
    in_hook: Arc<AtomicBool>,
}

impl Thread {
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (alive, ended) = queue();
        let in_hook = Arc::<AtomicBool>::default();
        let flag = Arc::clone(&in_hook);
        let run = move || {
            let _alive = alive;
            let _ = IN_HOOK.with(|own| own.set(flag));
            run();
        };
        let thread = spawn(name, run)?;
        Ok(Self { thread, ended, in_hook })
    }

    fn end_by(self, deadline: Deadline, leave: &AtomicBool) {
        if !self.ends_by(deadline) {
            // From now on the thread of events is in its hook no more than once.
            leave.store(true, Ordering::SeqCst);
            if self.in_hook.load(Ordering::SeqCst) || !self.ends_by(Deadline::after(LATE_MAX)) {
                let name = self.thread.name();
                log::warn!("broker: the thread {name} is still in a hook, and is left to itself");
                return;
            }
        }
        self.thread.join();
    }

    fn ends_by(&self, deadline: Deadline) -> bool {
        self.ended.receive(deadline) != Err(Missing::Late)
    }
}

/// All threads of a broker.
pub(super) struct Threads {
    numbers: Vec<ThreadNumber>,
    all: Mutex<Vec<Thread>>,
    /// Tells the thread of events to leave out what waits.
    leave: Arc<AtomicBool>,
}

impl Threads {
    /// In the order in which they depend on each other: the last one ends first.
    pub(super) fn new(all: Vec<Thread>, leave: Arc<AtomicBool>) -> Self {
        let numbers = all.iter().map(|thread| thread.thread.number()).collect();
        Self { numbers, all: Mutex::new(all), leave }
    }

    /// Waits until all have ended, at the most this long and a little; who comes meanwhile waits
    /// too. A thread that is still in a hook then is left to itself. Does not wait on one of them.
    pub(super) fn end(&self, limit: Duration) {
        if self.numbers.contains(&ThreadNumber::this()) {
            return;
        }
        let deadline = Deadline::after(limit.saturating_add(GRACE));
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in all.drain(..).rev() {
            thread.end_by(deadline, &self.leave);
        }
        self.leave.store(true, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn threads(run: impl FnOnce() + Send + 'static) -> Threads {
        Threads::new(vec![Thread::start("test", run).unwrap()], Arc::default())
    }

    #[test]
    fn a_thread_that_is_only_late_is_waited_for() {
        let (_never, timer) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let threads = threads(move || {
            let _ = timer.recv_timeout(2 * GRACE);
            tell.send(()).unwrap();
        });
        threads.end(Duration::ZERO);
        assert_eq!(told.try_recv(), Ok(()));
    }

    #[test]
    fn a_thread_in_a_hook_is_left_to_itself() {
        let (go, wait) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let threads = threads(move || {
            in_hook(|| {
                tell.send(()).unwrap();
                let _ = wait.recv();
            });
            tell.send(()).unwrap();
        });
        told.recv().unwrap();
        threads.end(Duration::ZERO);
        assert!(told.try_recv().is_err());
        drop(go);
        told.recv().unwrap();
    }
}
