//! Threads by number, and queues to wait at.
//!
//! The standard library's handle of the current thread is gone when a thread ends, and so are its channels and
//! those of crossbeam, which need it. C and C++ run much of a program there: what destroys static objects, those of a
//! thread, and what is kept under a key. These here work as long as the thread runs.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::clock::Deadline;

thread_local! {
    /// Without a destructor. 0 is none yet.
    static NUMBER: Cell<u64> = const { Cell::new(0) };
}

/// Which thread it is. No two have the same, not even one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ThreadNumber(u64);

impl ThreadNumber {
    fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// That of the thread it is asked on.
    pub(crate) fn this() -> Self {
        if NUMBER.get() == 0 {
            NUMBER.set(Self::next().0);
        }
        Self(NUMBER.get())
    }
}

/// A thread that was started.
pub(crate) struct Spawned {
    number: ThreadNumber,
    handle: JoinHandle<()>,
}

/// Starts a thread.
///
/// # Errors
/// The system gives none.
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<Spawned> {
    let number = ThreadNumber::next();
    let run = move || {
        NUMBER.set(number.0);
        run();
    };
    let handle = std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
    Ok(Spawned { number, handle })
}

impl Spawned {
    pub(crate) const fn number(&self) -> ThreadNumber {
        self.number
    }

    /// Whether it is the thread on which this is asked.
    pub(crate) fn is_this(&self) -> bool {
        self.number == ThreadNumber::this()
    }

    pub(crate) fn name(&self) -> &str {
        self.handle.thread().name().unwrap_or_default()
    }

    /// Waits for its end, also if that is a panic, which has been reported then.
    pub(crate) fn join(self) {
        let _ = self.handle.join();
    }
}

/// The end of a queue at which values go in.
pub(crate) struct Sender<T>(Arc<Shared<T>>);

/// The end at which they come out, to whichever of the threads that wait.
pub(crate) struct Receiver<T>(Arc<Shared<T>>);

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    values: VecDeque<T>,
    senders: usize,
    has_receiver: bool,
}

/// Why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// None came in time.
    Late,
    /// There is nobody any more who could send one.
    Over,
}

/// A queue without a limit; whoever puts things in sees to that.
pub(crate) fn queue<T>() -> (Sender<T>, Receiver<T>) {
    let state = State { values: VecDeque::new(), senders: 1, has_receiver: true };
    let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Sender<T> {
    /// Puts a value in, and says whether there is somebody who could take it.
    pub(crate) fn send(&self, value: T) -> bool {
        let mut state = self.0.lock();
        if !state.has_receiver {
            return false;
        }
        state.values.push_back(value);
        drop(state);
        self.0.changed.notify_one();
        true
    }

    /// How many values wait.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().values.len()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.lock().senders += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.senders -= 1;
        let is_last = state.senders == 0;
        drop(state);
        if is_last {
            self.0.changed.notify_all();
        }
    }
}

impl<T> Receiver<T> {
    /// Waits for a value.
    pub(crate) fn receive(&self, deadline: Deadline) -> Result<T, Missing> {
        let mut state = self.0.lock();
        loop {
            if let Some(value) = state.values.pop_front() {
                return Ok(value);
            }
            if state.senders == 0 {
                return Err(Missing::Over);
            }
            state = match deadline.remaining() {
                Some(std::time::Duration::ZERO) => return Err(Missing::Late),
                Some(left) => {
                    let woken = self.0.changed.wait_timeout(state, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// The next value, if one waits.
    pub(crate) fn next(&self) -> Option<T> {
        self.0.lock().values.pop_front()
    }

    /// How many values wait.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().values.len()
    }

    /// Takes what waits, and nothing after that.
    pub(crate) fn leave(&self) -> VecDeque<T> {
        let mut state = self.0.lock();
        state.has_receiver = false;
        std::mem::take(&mut state.values)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // With them may go whatever they hold, without the lock.
        drop(self.leave());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn each_thread_has_a_number_of_its_own() {
        let (numbers, found) = queue();
        let again = numbers.clone();
        let first = spawn("first", move || assert!(numbers.send(ThreadNumber::this()))).unwrap();
        let second = spawn("second", move || assert!(again.send(ThreadNumber::this()))).unwrap();
        assert!(!first.is_this() && first.name() == "first" && first.number() != second.number());
        let expected = [first.number(), second.number()];
        first.join();
        second.join();
        for _ in expected {
            assert!(expected.contains(&found.receive(Deadline::after(PATIENCE)).unwrap()));
        }
        assert!(!expected.contains(&ThreadNumber::this()));
        assert_eq!(ThreadNumber::this(), ThreadNumber::this());
    }

    #[test]
    fn what_is_sent_comes_in_order_and_then_the_end() {
        let (sender, receiver) = queue();
        assert_eq!(receiver.receive(Deadline::after(Duration::ZERO)), Err(Missing::Late));
        assert_eq!(receiver.receive(Deadline::after(Duration::from_millis(1))), Err(Missing::Late));
        assert!(sender.send(1) && sender.clone().send(2));
        assert_eq!((sender.len(), receiver.len()), (2, 2));
        assert_eq!(receiver.next(), Some(1));
        let waiting = spawn("sender", move || assert!(sender.send(3))).unwrap();
        let all = std::iter::from_fn(|| receiver.receive(Deadline::NEVER).ok());
        assert_eq!(all.collect::<Vec<i32>>(), [2, 3]);
        waiting.join();
        assert_eq!(receiver.receive(Deadline::NEVER), Err(Missing::Over));
        assert_eq!(receiver.next(), None);
    }

    #[test]
    fn nothing_is_kept_for_a_receiver_that_is_gone() {
        let (sender, receiver) = queue();
        let value = Arc::new(());
        assert!(sender.send(Arc::clone(&value)));
        drop(receiver);
        assert_eq!(Arc::strong_count(&value), 1);
        assert!(!sender.send(Arc::clone(&value)));
        assert_eq!(Arc::strong_count(&value), 1);
    }
}
