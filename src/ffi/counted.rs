//! What is behind a handle, and the calls that use it.
//!
//! Where a handle points is never given back to the system: a freed one waits in a queue and is used
//! again only behind [`QUARANTINE`] others. Until then every call finds out that what it wants is gone,
//! whatever the threads of the program do.

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::fork::{forks, watch_forks};
use super::guard::Failure;
use super::status::mqttlink_status;

/// Something of the library that is freed at any moment, whoever uses it.
pub(super) trait Handle: Sized + Sync + 'static {
    /// What is behind it.
    type Entry: Send + Sync;

    /// What a call says that comes too late, and one that comes in the child of a fork.
    const FREED: &'static str;
    const FORKED: &'static str;

    /// A new one, with nothing behind it.
    fn empty() -> Self;

    fn counted(&self) -> &Counted<Self::Entry>;

    /// Where the freed ones wait.
    fn quarantine() -> &'static Quarantine<Self>;
}

/// A place for what is behind a handle.
pub(super) struct Counted<T> {
    /// [`LIVE`], [`FULL`], and [`ONE`] for every call that goes on.
    uses: AtomicUsize,
    /// Written only while `uses` has no `FULL`, and by one thread; looked at only by calls that have
    /// found `LIVE` when they were counted.
    ///
    /// Boxed, because the place stays when what is there has gone.
    kept: UnsafeCell<Option<Box<Kept<T>>>>,
}

struct Kept<T> {
    entry: T,
    /// How many forks there had been when it was made.
    forks: usize,
}

// SAFETY: `uses` is shared as it is, and decides who touches `kept`, which may be used and dropped on
// every thread.
unsafe impl<T: Send + Sync> Sync for Counted<T> {}

/// It has not been freed: calls may begin.
const LIVE: usize = 1;

/// There is something.
const FULL: usize = 2;

/// One call that goes on.
const ONE: usize = 4;

impl<T> Counted<T> {
    pub(super) const fn new() -> Self {
        Self { uses: AtomicUsize::new(0), kept: UnsafeCell::new(None) }
    }

    /// Puts something there. There must be nothing, and one thread that does it.
    fn fill(&self, entry: T) {
        watch_forks();
        let kept = Box::new(Kept { entry, forks: forks() });
        // SAFETY: there is nothing, and nobody else fills it.
        unsafe { *self.kept.get() = Some(kept) };
        self.uses.fetch_or(FULL | LIVE, Ordering::Release);
    }

    /// Begins a call: what is there, and whether it is of this process. `None` if it has been freed. The
    /// call is counted in each case.
    #[inline(always)]
    fn enter(&self) -> Option<(NonNull<T>, bool)> {
        let live = self.uses.fetch_add(ONE, Ordering::Acquire) & LIVE != 0;
        // SAFETY: what is live is full, and stays so until this call, which is counted, is over.
        let kept = live.then(|| unsafe { (*self.kept.get()).as_deref() }).flatten()?;
        Some((NonNull::from(&kept.entry), kept.forks == forks()))
    }

    /// Lets no call begin any more. Whether this one did it.
    fn condemn(&self) -> bool {
        self.uses.fetch_and(!LIVE, Ordering::Relaxed) & LIVE != 0
    }

    /// Whether no call can begin.
    pub(super) fn is_condemned(&self) -> bool {
        self.uses.load(Ordering::Acquire) & LIVE == 0
    }

    /// Ends a call. Whether it was the last one after the end.
    fn leave(&self) -> bool {
        self.uses.fetch_sub(ONE, Ordering::Release) == (ONE | FULL)
    }

    /// What was there, when it has been condemned and is not used any more.
    fn take(&self) -> Option<T> {
        // A late call may begin and end at the same time, and finds the same: one of the two does it.
        // Acquire: what the calls did that are over has been done.
        self.uses.compare_exchange(FULL, 0, Ordering::Acquire, Ordering::Relaxed).ok()?;
        // SAFETY: no call goes on that could look at it, none can begin, and nobody else was told to
        // take it.
        unsafe { (*self.kept.get()).take() }.map(|kept| kept.entry)
    }
}

/// How many freed handles wait before one of them is used again. They take a few dozen bytes each.
const QUARANTINE: usize = if cfg!(miri) { 256 } else { 65_536 };

/// Freed handles.
pub(super) struct Quarantine<H: 'static> {
    waiting: Mutex<VecDeque<&'static H>>,
}

impl<H: Handle> Quarantine<H> {
    pub(super) const fn new() -> Self {
        Self { waiting: Mutex::new(VecDeque::new()) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, VecDeque<&'static H>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handle with nothing behind it yet, so that callbacks can know it before.
pub(super) fn reserve<H: Handle>() -> &'static H {
    let mut waiting = H::quarantine().lock();
    let used = if waiting.len() > QUARANTINE { waiting.pop_front() } else { None };
    drop(waiting);
    used.unwrap_or_else(|| Box::leak(Box::new(H::empty())))
}

/// Takes back a handle that is empty.
pub(super) fn give_back<H: Handle>(handle: &'static H) {
    H::quarantine().lock().push_back(handle);
}

/// Puts something behind a handle that `reserve` gave.
pub(super) fn fill<H: Handle>(handle: &'static H, entry: H::Entry) {
    handle.counted().fill(entry);
}

/// Begins a call.
#[inline(always)]
pub(super) fn begin<H: Handle>(handle: &'static H) -> Result<Used<H>, Failure> {
    match handle.counted().enter() {
        Some((entry, true)) => Ok(Used { handle, entry }),
        other => Err(refuse(handle, other.is_some())),
    }
}

/// From now on every call fails. What is behind the handle goes when the last call is over that had begun
/// before, this one included.
pub(super) fn condemn<H: Handle>(handle: &'static H) -> Result<Used<H>, Failure> {
    let used = begin(handle)?;
    if handle.counted().condemn() {
        return Ok(used);
    }
    Err(Failure::new(mqttlink_status::MQTTLINK_ERROR_FREED, H::FREED))
}

/// Ends a call that cannot begin.
#[cold]
#[inline(never)]
fn refuse<H: Handle>(handle: &'static H, forked: bool) -> Failure {
    end(handle);
    if forked {
        Failure::new(mqttlink_status::MQTTLINK_ERROR_FORKED, H::FORKED)
    } else {
        Failure::new(mqttlink_status::MQTTLINK_ERROR_FREED, H::FREED)
    }
}

/// Ends a call.
fn end<H: Handle>(handle: &'static H) {
    if handle.counted().leave() {
        empty(handle);
    }
}

#[cold]
#[inline(never)]
fn empty<H: Handle>(handle: &'static H) {
    if let Some(entry) = handle.counted().take() {
        drop(entry);
        give_back(handle);
    }
}

/// What is behind a handle, in use by a call: it stays until the call is over, even if it is freed
/// meanwhile.
pub(super) struct Used<H: Handle> {
    handle: &'static H,
    entry: NonNull<H::Entry>,
}

impl<H: Handle> Used<H> {
    pub(super) const fn handle(&self) -> &'static H {
        self.handle
    }
}

impl<H: Handle> Deref for Used<H> {
    type Target = H::Entry;

    fn deref(&self) -> &H::Entry {
        // SAFETY: the entry is not touched before the call is over that `begin` has counted.
        unsafe { self.entry.as_ref() }
    }
}

impl<H: Handle> Drop for Used<H> {
    fn drop(&mut self) {
        end(self.handle);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;
    use std::thread;

    use super::*;

    /// Something behind a handle that says when it goes.
    struct Guest {
        number: u64,
        gone: Arc<AtomicU64>,
    }

    impl Drop for Guest {
        fn drop(&mut self) {
            self.gone.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct Room {
        counted: Counted<Guest>,
    }

    static QUARANTINED: Quarantine<Room> = Quarantine::new();

    impl Handle for Room {
        type Entry = Guest;
        const FREED: &'static str = "freed";
        const FORKED: &'static str = "forked";

        fn empty() -> Self {
            Self { counted: Counted::new() }
        }

        fn counted(&self) -> &Counted<Guest> {
            &self.counted
        }

        fn quarantine() -> &'static Quarantine<Self> {
            &QUARANTINED
        }
    }

    fn made(number: u64, gone: &Arc<AtomicU64>) -> &'static Room {
        let room = reserve::<Room>();
        fill(room, Guest { number, gone: Arc::clone(gone) });
        room
    }

    #[test]
    fn what_is_in_use_stays_until_the_last_call_is_over() {
        let gone = Arc::default();
        let room = made(7, &gone);
        let first = begin(room).ok();
        let last = condemn(room).ok();
        assert!(begin(room).is_err() && condemn(room).is_err());
        drop(last);
        assert_eq!(
            (first.as_ref().map(|used| used.number), gone.load(Ordering::Relaxed)),
            (Some(7), 0)
        );
        drop(first);
        assert_eq!(gone.load(Ordering::Relaxed), 1);
        assert!(begin(room).is_err() && condemn(room).is_err());
    }

    /// Threads use and free the same handles: each guest goes once, and none is seen after it went. With
    /// Miri, which sees races: `cargo +nightly miri test --features capi --lib ffi::counted`.
    #[test]
    fn calls_and_ends_at_the_same_time() {
        let rounds: u64 = if cfg!(miri) { 40 } else { 4_000 };
        let gone: Arc<AtomicU64> = Arc::default();
        for number in 0..rounds {
            let room = made(number, &gone);
            let call = move || match begin(room) {
                Ok(used) => assert_eq!(used.number, number),
                Err(_) => drop(begin(room)),
            };
            let end = move || drop(condemn(room));
            thread::scope(|scope| {
                scope.spawn(call);
                scope.spawn(end);
                scope.spawn(end);
                call();
            });
            assert_eq!(gone.load(Ordering::Relaxed), number + 1);
        }
    }

    /// What stays of each that was freed, as the contract in the header has it.
    #[test]
    fn a_freed_handle_takes_little_room() {
        assert!(size_of::<super::super::handle::mqttlink_client>() <= 56);
    }

    /// Handles go round, after so long that a second free hits nobody else: calls that come even later find
    /// another guest or none, but never a torn one.
    #[test]
    fn handles_are_used_again() {
        let rounds = 2 * QUARANTINE as u64 + 20;
        let gone: Arc<AtomicU64> = Arc::default();
        let first = made(0, &gone);
        thread::scope(|scope| {
            let late = scope.spawn(|| {
                while gone.load(Ordering::Relaxed) < rounds {
                    if let Ok(used) = begin(first) {
                        assert!(used.number <= rounds);
                    }
                    thread::yield_now();
                }
            });
            drop(condemn(first));
            for number in 1..=rounds {
                // The other tests use the same ones.
                assert!(number > QUARANTINE as u64 / 2 || condemn(first).is_err());
                drop(condemn(made(number, &gone)));
            }
            assert!(late.join().is_ok());
        });
        assert_eq!(gone.load(Ordering::Relaxed), rounds + 1);
    }
}
