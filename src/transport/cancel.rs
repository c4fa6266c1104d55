//! Waking whoever waits while a connection is being made.

use std::sync::{Arc, Mutex, PoisonError};

type Hook = Box<dyn Fn() + Send>;

/// Shared by the thread that dials and the one that may want it to stop.
#[derive(Clone, Default)]
pub(crate) struct Cancel {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    cancelled: bool,
    hook: Option<Hook>,
}

/// The call was cancelled before or while it waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cancelled;

impl Cancel {
    /// Wakes the wait that goes on now, and makes every later one fail at once.
    pub(crate) fn cancel(&self) {
        let mut state = self.lock();
        state.cancelled = true;
        if let Some(hook) = &state.hook {
            hook();
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    /// Calls `hook` if somebody cancels before the guard is dropped. It must not block.
    pub(crate) fn watch(&self, hook: impl Fn() + Send + 'static) -> Result<Watch<'_>, Cancelled> {
        let mut state = self.lock();
        if state.cancelled {
            return Err(Cancelled);
        }
        state.hook = Some(Box::new(hook));
        Ok(Watch { cancel: self })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the watching when dropped.
pub(crate) struct Watch<'a> {
    cancel: &'a Cancel,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.cancel.lock().hook = None;
    }
}
