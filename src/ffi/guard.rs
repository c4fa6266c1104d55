//! What stands around every exported function: no panic leaves it, and what goes wrong is kept as the
//! thread's last error.

use std::borrow::Cow;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::mqttlink_error;
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
    static LAST: RefCell<Option<Box<mqttlink_error>>> = const { RefCell::new(None) };
}

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
    // When the thread ends nobody asks any more.
    let _ = LAST.try_with(|last| drop(last.replace(Some(error))));
    status
}

/// This thread's last failure. It stays where it is until the next one.
pub(super) fn last() -> *const mqttlink_error {
    let found =
        LAST.try_with(|last| last.borrow().as_deref().map_or(std::ptr::null(), std::ptr::from_ref));
    found.unwrap_or(std::ptr::null())
}
