//! What stands around every exported function: no panic leaves it, and what goes wrong is kept as the
//! thread's last error.

use std::borrow::Cow;
use std::cell::Cell;
#[cfg(unix)]
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
#[cfg(unix)]
use std::sync::OnceLock;

use super::error::mqttlink_error;
use super::pointer;
use super::status::mqttlink_status;
use crate::Error;

/// Why a call failed. As large as a pointer, so that a result is returned in registers.
pub(super) struct Failure(Box<mqttlink_error>);

impl Failure {
    pub(super) fn new(status: mqttlink_status, text: impl Into<Cow<'static, str>>) -> Self {
        Self::boxed(mqttlink_error::new(status, text.into()))
    }

    // Out of line, so that calls that succeed need no room for it.
    #[cold]
    #[inline(never)]
    fn boxed(error: mqttlink_error) -> Self {
        Self(Box::new(error))
    }

    /// A failure that needs no more words than its status.
    #[cold]
    #[inline(never)]
    pub(super) fn plain(status: mqttlink_status) -> Self {
        Self::new(status, status.text())
    }
}

impl From<Error> for Failure {
    #[cold]
    #[inline(never)]
    fn from(error: Error) -> Self {
        Self::boxed(error.into())
    }
}

thread_local! {
    /// Without a destructor, so that it is there as long as the thread runs the program's functions: those of C++
    /// that destroy static objects, for one, come after this library's.
    static LAST: Cell<*mut mqttlink_error> = const { Cell::new(ptr::null_mut()) };
    /// Forgets the last failure when the thread ends.
    static END: End = const { End };
}

struct End;

impl Drop for End {
    fn drop(&mut self) {
        forget();
    }
}

fn forget() {
    pointer::free(LAST.replace(ptr::null_mut()));
}

/// Has a failure forgotten that comes even later than this thread's [`END`]: a key's destructor runs after all
/// others, and again where it is set by another key's.
#[cfg(unix)]
fn forget_late() {
    static KEY: OnceLock<Option<libc::pthread_key_t>> = OnceLock::new();
    extern "C" fn end(_: *mut c_void) {
        forget();
    }
    let key = KEY.get_or_init(|| {
        let mut key = 0;
        // SAFETY: there is room for a key, and the function may be called on every thread.
        let status = unsafe { libc::pthread_key_create(&raw mut key, Some(end)) };
        (status == 0).then_some(key)
    });
    if let Some(key) = key {
        // SAFETY: the key is there for ever. What is set only has to be something.
        unsafe { libc::pthread_setspecific(*key, ptr::from_ref(key).cast()) };
    }
}

#[cfg(not(unix))]
fn forget_late() {}

/// Runs the body of an exported function that can fail.
pub(super) fn call(body: impl FnOnce() -> Result<(), Failure>) -> mqttlink_status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => mqttlink_status::MQTTLINK_OK,
        Ok(Err(failure)) => remember(failure),
        Err(_) => remember(Failure::plain(mqttlink_status::MQTTLINK_ERROR_PANIC)),
    }
}

/// Runs the body of an exported function that only looks; `otherwise` if it panics.
pub(super) fn or<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

/// Makes the failure this thread's last.
#[cold]
#[inline(never)]
fn remember(failure: Failure) -> mqttlink_status {
    let Failure(error) = failure;
    let status = error.status();
    if END.try_with(|_| ()).is_err() {
        forget_late();
    }
    pointer::free(LAST.replace(Box::into_raw(error)));
    status
}

/// This thread's last failure. It stays where it is until the next one.
pub(super) fn last() -> *const mqttlink_error {
    LAST.get()
}
