//! What stands around every exported function: no panic leaves it, and what goes wrong is kept as the
//! thread's last error.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::mqttlink_error;
use super::status::mqttlink_status;
use crate::Error;

/// Why a call failed.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) status: mqttlink_status,
    pub(super) text: String,
    pub(super) cause: Option<Error>,
}

impl Failure {
    pub(super) fn new(status: mqttlink_status, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), cause: None }
    }

    /// A failure that needs no more words than its status.
    pub(super) fn plain(status: mqttlink_status) -> Self {
        Self::new(status, status.text())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = mqttlink_status::of(error.code());
        Self { status, text: error.to_string(), cause: Some(error) }
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
fn remember(failure: Failure) -> mqttlink_status {
    let status = failure.status;
    // When the thread ends nobody asks any more.
    let _ = LAST.try_with(|last| {
        let earlier = last.replace(Some(Box::new(mqttlink_error::new(failure))));
        drop(earlier);
    });
    status
}

/// This thread's last failure. It stays where it is until the next one.
pub(super) fn last() -> *const mqttlink_error {
    let found =
        LAST.try_with(|last| last.borrow().as_deref().map_or(std::ptr::null(), std::ptr::from_ref));
    found.unwrap_or(std::ptr::null())
}
