//! What fork() does to a library that has threads: the child has the one that forked and no other.
//!
//! Whatever was made before belongs to the parent, so it remembers how many forks there had been. The
//! library's own few locks are held across a fork, so that the child does not inherit one that is locked by
//! a thread it does not have.

#[cfg(unix)]
use std::any::Any;
#[cfg(unix)]
use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Forks of this process, counted in the child.
static FORKS: AtomicUsize = AtomicUsize::new(0);

/// Forks of this process so far.
#[inline(always)]
pub(super) fn forks() -> usize {
    FORKS.load(Ordering::Relaxed)
}

/// Counts forks from now on.
#[cfg(unix)]
pub(super) fn watch_forks() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // SAFETY: the functions take locks of this library that are never held across a call of the
        // program's or a wait, and count.
        unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    });
}

#[cfg(not(unix))]
pub(super) fn watch_forks() {}

#[cfg(unix)]
thread_local! {
    /// The locks, on the thread that forks.
    static HELD: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

#[cfg(unix)]
extern "C" fn before() {
    let held: [Box<dyn Any>; 5] = [
        super::log::held(),
        super::interrupt::held(),
        super::handle::held(),
        super::broker::held(),
        super::release::held(),
    ];
    let _ = HELD.try_with(|place| place.borrow_mut().extend(held));
}

#[cfg(unix)]
extern "C" fn in_parent() {
    let _ = HELD.try_with(|place| place.borrow_mut().clear());
}

#[cfg(unix)]
extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::SeqCst);
    in_parent();
}
