//! The handle of a client.
//!
//! Where a handle points is never given back to the system: a freed one waits in a queue and is used
//! again only behind [`QUARANTINE`] others. Until then every call finds out that its client is gone,
//! whatever the threads of the program do.

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::guard::Failure;
use super::interrupt::{self, Interrupt};
use super::options::Hooks;
use super::pointer::given;
use super::status::mqttlink_status;
use crate::Client;

/// An MQTT client. Made by `mqttlink_client_new`, freed by `mqttlink_client_free`. Every function may be
/// called from every thread, also inside every callback.
pub struct mqttlink_client {
    /// [`LIVE`], [`FULL`], and [`ONE`] for every call that goes on.
    uses: AtomicUsize,
    /// Written only while `uses` has no `FULL`, and by one thread; looked at only by calls that have
    /// found `LIVE` after they were counted.
    entry: UnsafeCell<Option<Entry>>,
    /// Counts the requests that want an answer by event.
    requests: AtomicU64,
    pub(super) interrupt: Interrupt,
}

// SAFETY: everything but `entry` is shared as it is; `uses` decides who touches that, and an `Entry` may
// be used and dropped on every thread.
unsafe impl Sync for mqttlink_client {}

const _: () = {
    const fn any_thread<T: Send + Sync>() {}
    any_thread::<Entry>();
};

/// The client has not been freed: calls may begin.
const LIVE: usize = 1;

/// There is an entry.
const FULL: usize = 2;

/// One call that goes on.
const ONE: usize = 4;

/// What is behind a handle that lives.
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
            uses: AtomicUsize::new(0),
            entry: UnsafeCell::new(None),
            requests: AtomicU64::new(0),
            interrupt: Interrupt::new(),
        }))
    })
}

impl mqttlink_client {
    /// Puts the client behind the handle, which `reserve` gave.
    pub(super) fn fill(&'static self, client: Client, hooks: Hooks) -> Result<(), Failure> {
        watch_forks();
        interrupt::register(self, client.clone())?;
        let entry = Entry { client, hooks, forks: forks() };
        // SAFETY: a reserved handle is empty, and nobody else fills it.
        unsafe { *self.entry.get() = Some(entry) };
        self.uses.fetch_or(FULL | LIVE, Ordering::Release);
        Ok(())
    }

    /// Takes the handle back that is empty.
    pub(super) fn give_back(&'static self) {
        freed().push_back(self);
    }

    /// From now on every call fails. The client goes when the last call is over that had begun before,
    /// this one included.
    pub(super) fn condemn(&'static self) -> Result<Used, Failure> {
        let used = self.begin()?;
        if self.uses.fetch_and(!LIVE, Ordering::Relaxed) & LIVE == 0 {
            return Err(Failure::plain(mqttlink_status::MQTTLINK_ERROR_FREED));
        }
        interrupt::forget(self);
        Ok(used)
    }

    /// Whether the client has been freed: then none of its callbacks may run any more, also those that
    /// follow the one that freed it.
    pub(super) fn is_freed(&self) -> bool {
        self.uses.load(Ordering::Acquire) & LIVE == 0
    }

    /// Begins a call.
    #[inline(always)]
    pub(super) fn begin(&'static self) -> Result<Used, Failure> {
        let live = self.uses.fetch_add(ONE, Ordering::Acquire) & LIVE != 0;
        // SAFETY: what is live is full, and stays so until this call, which is counted, is over.
        let entry = live.then(|| unsafe { (*self.entry.get()).as_ref() }).flatten();
        match entry {
            Some(entry) if entry.forks == FORKS.load(Ordering::Relaxed) => {
                Ok(Used { handle: self, entry: NonNull::from(entry) })
            }
            other => Err(self.refuse(other.is_some())),
        }
    }

    /// Ends a call that cannot begin.
    #[cold]
    #[inline(never)]
    fn refuse(&'static self, forked: bool) -> Failure {
        self.end();
        Failure::plain(if forked {
            mqttlink_status::MQTTLINK_ERROR_FORKED
        } else {
            mqttlink_status::MQTTLINK_ERROR_FREED
        })
    }

    /// Ends a call.
    fn end(&'static self) {
        if self.uses.fetch_sub(ONE, Ordering::Release) == (ONE | FULL) {
            self.empty();
        }
    }

    /// Empties a handle that has been freed and is not used any more.
    #[cold]
    #[inline(never)]
    fn empty(&'static self) {
        // A late call may begin and end at the same time, and finds the same: one of the two does it.
        if self.uses.compare_exchange(FULL, 0, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return;
        }
        fence(Ordering::Acquire);
        // SAFETY: no call goes on that could look at it, none can begin, and nobody else was told to
        // empty it.
        let entry = unsafe { (*self.entry.get()).take() };
        drop(entry);
        self.give_back();
    }

    /// A name for a request that wants an answer by event; never 0.
    pub(super) fn next_id(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// A client in use by a call: it stays alive until the call is over, even if it is freed meanwhile.
pub(super) struct Used {
    handle: &'static mqttlink_client,
    entry: NonNull<Entry>,
}

impl Used {
    pub(super) const fn handle(&self) -> &'static mqttlink_client {
        self.handle
    }

    pub(super) const fn hooks(&self) -> &Hooks {
        &self.entry().hooks
    }

    const fn entry(&self) -> &Entry {
        // SAFETY: the entry is not touched before the call is over that `begin` has counted.
        unsafe { self.entry.as_ref() }
    }
}

impl Deref for Used {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.entry().client
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        self.handle.end();
    }
}

/// The client behind a handle, for the time of a call.
#[inline(always)]
pub(super) fn client(handle: *const mqttlink_client) -> Result<Used, Failure> {
    given(handle, "client")?.begin()
}

/// The child of a fork has no threads but the one that forked: its clients are of no use to it.
#[cfg(unix)]
pub(super) fn watch_forks() {
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
pub(super) fn watch_forks() {}

/// Forks of this process so far.
pub(super) fn forks() -> usize {
    FORKS.load(Ordering::SeqCst)
}
