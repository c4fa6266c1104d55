//! Giving payloads back to the program.
//!
//! The last message that refers to the program's bytes goes where the library has done with it: on the
//! reader, on the writer, under the lock of a client. Functions of the program run on none of them, so a
//! thread of their own, which begins with the first payload and lives as long as the process, calls those
//! that take bytes back.

use std::any::Any;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use crossbeam_channel::{Sender, unbounded};

use super::callback::User;
use super::fork::{forks, watch_forks};
use super::guard::Failure;
use super::status::mqttlink_status;

/// The way to the thread.
#[derive(Clone)]
pub(super) struct Releases {
    // Each payload is in it once, so that it is bounded by what the program has lent.
    queue: Sender<User>,
    /// How many forks there had been when it was started: it is in that process.
    forks: usize,
}

static STARTED: Mutex<Option<Releases>> = Mutex::new(None);

fn started() -> MutexGuard<'static, Option<Releases>> {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps other threads from starting the thread, until it is dropped.
pub(super) fn held() -> Box<dyn Any> {
    Box::new(started())
}

/// The way to the thread, which is started if there is none.
pub(super) fn begin() -> Result<Releases, Failure> {
    watch_forks();
    let mut started = started();
    if let Some(releases) = started.as_ref().filter(|releases| releases.forks == forks()) {
        return Ok(releases.clone());
    }
    let (queue, given_back) = unbounded::<User>();
    thread::Builder::new()
        .name("mqttlink-release".into())
        .spawn(move || given_back.into_iter().for_each(drop))
        .map_err(|error| {
            let text = format!("the thread that gives payloads back could not be started: {error}");
            Failure::new(mqttlink_status::MQTTLINK_ERROR_RESOURCES, text)
        })?;
    let releases = Releases { queue, forks: forks() };
    // In the child of a fork the other end of the earlier one is not here, and its locks may be held.
    std::mem::forget(started.replace(releases.clone()));
    Ok(releases)
}

impl Releases {
    /// Has the function called that takes the bytes back.
    pub(super) fn release(&self, user: User) {
        if self.forks == forks() {
            // There is always somebody at the other end.
            let _ = self.queue.send(user);
        }
    }
}
