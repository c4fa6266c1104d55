//! Threads that run the program's code while their connection waits for it: what they waited for would wait
//! for them.

use std::cell::RefCell;
use std::ptr;

use super::shared::{Shared, State, Status};
use crate::threads::ThreadNumber;

/// What a connection gets from the program's code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Its bytes, from a stream of the program's own: nothing comes, leaves or ends without it.
    Stream,
    /// A payload, behind which everything waits that is to leave.
    Payload,
}

type Parts = Vec<(*const Shared, Part)>;

thread_local! {
    /// For which clients this thread does what.
    static HERE: RefCell<Parts> = const { RefCell::new(Vec::new()) };
}

/// Looks at what this thread does. A thread that is ending may have forgotten it, and then does nothing.
fn here<T: Default>(look: impl FnOnce(&mut Parts) -> T) -> T {
    HERE.try_with(|parts| look(&mut parts.borrow_mut())).unwrap_or_default()
}

/// While it lives, this thread does its part for a connection.
pub(super) struct Does(());

impl Drop for Does {
    fn drop(&mut self) {
        here(|parts| parts.truncate(parts.len().saturating_sub(1)));
    }
}

impl Shared {
    /// Says that this thread is about to run the program's code for a connection of this client.
    #[must_use = "it is over when the answer is dropped"]
    pub(super) fn does(&self, part: Part) -> Does {
        here(|parts| parts.push((self, part)));
        Does(())
    }

    /// Whether this thread does anything for this client.
    pub(super) fn is_inside(&self) -> bool {
        here(|parts| parts.iter().any(|(who, _)| ptr::eq(*who, self)))
    }

    /// Whether this thread does this for this client.
    pub(super) fn is_doing(&self, part: Part) -> bool {
        here(|parts| parts.iter().any(|(who, what)| ptr::eq(*who, self) && *what == part))
    }

    /// Whether this thread makes a connection, and runs the program's code meanwhile: its authenticator, or
    /// its verifier. What it waited for without a limit would wait for it.
    pub(super) fn is_connecting_here(&self) -> bool {
        self.status() == Status::Connecting && self.lock().is_attempted_here()
    }
}

impl State {
    /// Whether the attempt to connect that is going on is this thread's.
    pub(super) fn is_attempted_here(&self) -> bool {
        self.attempt.as_ref().is_some_and(|attempt| attempt.owner == ThreadNumber::this())
    }
}
