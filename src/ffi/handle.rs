//! The handle of a client.
//!
//! Where a handle points is never given back to the system: a freed one waits in a queue and is used
//! again only behind [`QUARANTINE`] others. Until then every call finds out that its client is gone,
//! whatever the threads of the program do.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use super::guard::Failure;
use super::interrupt::{self, Interrupt};
use super::options::Hooks;
use super::pointer::given;
use super::status::mqttlink_status;
use crate::Client;

/// An MQTT client. Made by `mqttlink_client_new`, freed by `mqttlink_client_free`. Every function may be
/// called from every thread, also inside every callback.
pub struct mqttlink_client {
    entry: RwLock<Option<Entry>>,
    /// Counts the requests that want an answer by event.
    requests: AtomicU64,
    pub(super) interrupt: Interrupt,
}

/// What is behind a handle that lives.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) client: Client,
    pub(super) hooks: Hooks,
    /// How many forks there had been when it was made.
    forks: usize,
}

/// How many freed handles wait before one of them is used again.
const QUARANTINE: usize = 256;

static FREED: Mutex<VecDeque<&'static mqttlink_client>> = Mutex::new(VecDeque::new());

/// Forks of this process, counted in the child.
static FORKS: AtomicUsize = AtomicUsize::new(0);

fn freed() -> MutexGuard<'static, VecDeque<&'static mqttlink_client>> {
    FREED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A handle that is still empty, so that callbacks can know it before the client exists.
pub(super) fn reserve() -> &'static mqttlink_client {
    let mut freed = freed();
    let used = if freed.len() > QUARANTINE { freed.pop_front() } else { None };
    used.unwrap_or_else(|| {
        Box::leak(Box::new(mqttlink_client {
            entry: RwLock::new(None),
            requests: AtomicU64::new(0),
            interrupt: Interrupt::new(),
        }))
    })
}

impl mqttlink_client {
    /// Puts the client behind the handle.
    pub(super) fn fill(&'static self, client: Client, hooks: Hooks) -> Result<(), Failure> {
        watch_forks();
        interrupt::register(self, client.clone())?;
        let entry = Entry { client, hooks, forks: FORKS.load(Ordering::SeqCst) };
        *self.entry.write().unwrap_or_else(PoisonError::into_inner) = Some(entry);
        Ok(())
    }

    /// Takes the handle back that was not filled.
    pub(super) fn give_back(&'static self) {
        freed().push_back(self);
    }

    /// Empties the handle.
    pub(super) fn take(&'static self) -> Result<Client, Failure> {
        let taken = self.entry.write().unwrap_or_else(PoisonError::into_inner).take();
        let entry = taken.ok_or_else(|| Failure::plain(mqttlink_status::MQTTLINK_ERROR_FREED))?;
        if entry.forks != FORKS.load(Ordering::SeqCst) {
            // Its threads exist only in the parent, where the client lives on.
            std::mem::forget(entry);
            return Err(Failure::plain(mqttlink_status::MQTTLINK_ERROR_FORKED));
        }
        interrupt::forget(self);
        Ok(entry.client)
    }

    pub(super) fn entry(&self) -> Result<Entry, Failure> {
        self.with(Entry::clone)
    }

    fn with<T>(&self, get: impl FnOnce(&Entry) -> T) -> Result<T, Failure> {
        let guard = self.entry.read().unwrap_or_else(PoisonError::into_inner);
        let entry =
            guard.as_ref().ok_or_else(|| Failure::plain(mqttlink_status::MQTTLINK_ERROR_FREED))?;
        if entry.forks != FORKS.load(Ordering::Relaxed) {
            return Err(Failure::plain(mqttlink_status::MQTTLINK_ERROR_FORKED));
        }
        Ok(get(entry))
    }

    /// A name for a request that wants an answer by event; never 0.
    pub(super) fn next_id(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// The client behind a handle. It stays alive until the call is over, even if it is freed meanwhile.
pub(super) fn client(handle: *const mqttlink_client) -> Result<Client, Failure> {
    given(handle, "client")?.with(|entry| entry.client.clone())
}

/// The child of a fork has no threads but the one that forked: its clients are of no use to it.
#[cfg(unix)]
fn watch_forks() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    extern "C" fn in_child() {
        FORKS.fetch_add(1, Ordering::SeqCst);
    }
    ONCE.call_once(|| {
        // SAFETY: the function touches an atomic only.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

#[cfg(not(unix))]
fn watch_forks() {}

/// Forks of this process so far.
pub(super) fn forks() -> usize {
    FORKS.load(Ordering::SeqCst)
}
