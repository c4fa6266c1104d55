//! How the program's functions wait until their broker's handle can be used, and how freeing a broker waits
//! for those that run.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::threads::ThreadNumber;

/// Where every call of one of a broker's callbacks passes through.
#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    phase: Phase,
    inside: Vec<ThreadNumber>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The broker is being started: its handle is still empty.
    #[default]
    Starting,
    Open,
    Closed,
}

/// A callback that runs.
pub(super) struct Pass<'a>(&'a Gate);

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets callbacks in.
    pub(super) fn open(&self) {
        self.lock().phase = Phase::Open;
        self.changed.notify_all();
    }

    /// `None` when callbacks are not called any more.
    pub(super) fn enter(&self) -> Option<Pass<'_>> {
        let mut state = self.lock();
        while state.phase == Phase::Starting {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.phase == Phase::Closed {
            return None;
        }
        state.inside.push(ThreadNumber::this());
        Some(Pass(self))
    }

    /// Lets no callback in any more, and waits for those that run; inside one of them it does not wait.
    pub(super) fn close(&self) {
        let me = ThreadNumber::this();
        let mut state = self.lock();
        state.phase = Phase::Closed;
        self.changed.notify_all();
        while !state.inside.is_empty() && !state.inside.contains(&me) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let me = ThreadNumber::this();
        let mut state = self.0.lock();
        if let Some(place) = state.inside.iter().position(|id| *id == me) {
            state.inside.swap_remove(place);
        }
        drop(state);
        self.0.changed.notify_all();
    }
}

/// Calls one of the program's functions, or says `otherwise` when the broker has been freed.
pub(super) fn through<T>(gate: &Arc<Gate>, otherwise: T, call: impl FnOnce() -> T) -> T {
    match gate.enter() {
        Some(_pass) => call(),
        None => otherwise,
    }
}
