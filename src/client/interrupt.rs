//! Waking whoever waits, without touching the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::shared::Shared;
use crate::error::{Error, ErrorCode};

/// How often somebody asked, and up to which of these times a call has answered.
#[derive(Default)]
pub(super) struct Interrupts {
    asked: AtomicU64,
    answered: AtomicU64,
}

impl Shared {
    /// Wakes every call that waits. If none does, the next one that would wait returns at once.
    pub(super) fn interrupt(&self) {
        self.interrupts.asked.fetch_add(1, Ordering::SeqCst);
        let state = self.lock();
        state.pending.stir();
        let attempt = state.attempt.clone();
        let progress = state.connection.as_ref().map(|connection| Arc::clone(&connection.progress));
        drop(state);
        if let Some(attempt) = attempt {
            attempt.cancel.cancel();
        }
        if let Some(progress) = progress {
            progress.stir();
        }
        self.wake_all();
    }

    /// What a call remembers before it waits, for [`is_interrupted`](Self::is_interrupted).
    pub(super) fn begin_wait(&self) -> u64 {
        self.interrupts.answered.load(Ordering::SeqCst)
    }

    /// Whether a call that began to wait at `begun` is to return. Takes no lock.
    pub(super) fn is_interrupted(&self, begun: u64) -> bool {
        self.interrupts.asked.load(Ordering::SeqCst) != begun
    }

    /// The error of a call that returns because it was interrupted.
    pub(super) fn interrupted(&self) -> Error {
        let count = self.interrupts.asked.load(Ordering::SeqCst);
        self.interrupts.answered.fetch_max(count, Ordering::SeqCst);
        Error::new(ErrorCode::Interrupted)
    }
}
