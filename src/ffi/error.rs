//! What is known about a failure.

use std::borrow::Cow;
use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::OnceLock;

use super::guard;
use super::numbers::mqttlink_stage;
use super::pointer::{c_text, optional};
use super::properties::mqttlink_properties;
use super::status::mqttlink_status;
use crate::Error;

/// What failed, where, why, and what the server said. Never freed by the caller: the one from
/// `mqttlink_last_error` lives until the next call of the same thread that fails, one in a callback
/// until the callback returns, one of a delivery as long as the delivery.
pub struct mqttlink_error {
    status: mqttlink_status,
    /// What is to be said where there is no cause that says it.
    text: Cow<'static, str>,
    cause: Option<Error>,
    message: OnceLock<CString>,
    reason_string: OnceLock<CString>,
    server_reference: OnceLock<CString>,
    properties: OnceLock<mqttlink_properties>,
}

impl mqttlink_error {
    pub(super) const fn new(status: mqttlink_status, text: Cow<'static, str>) -> Self {
        Self {
            status,
            text,
            cause: None,
            message: OnceLock::new(),
            reason_string: OnceLock::new(),
            server_reference: OnceLock::new(),
            properties: OnceLock::new(),
        }
    }

    const fn cause(&self) -> Option<&Error> {
        self.cause.as_ref()
    }

    pub(super) const fn status(&self) -> mqttlink_status {
        self.status
    }

    fn message(&self) -> CString {
        self.cause().map_or_else(|| c_text(&self.text), |cause| c_text(&cause.to_string()))
    }
}

impl From<Error> for mqttlink_error {
    fn from(error: Error) -> Self {
        let status = mqttlink_status::of(error.code());
        Self { cause: Some(error), ..Self::new(status, Cow::Borrowed("")) }
    }
}

fn look<T>(error: *const mqttlink_error, none: T, get: impl FnOnce(&mqttlink_error) -> T) -> T
where
    T: Copy,
{
    guard::or(none, || optional(error).map_or(none, get))
}

/// The last failure of this thread; NULL if nothing has failed on it. A call that succeeds leaves it
/// as it is. Other threads do not change it.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_last_error() -> *const mqttlink_error {
    guard::last()
}

/// The message of this thread's last failure; "" if nothing has failed on it. Never NULL. Lives until
/// the next call of this thread that fails.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_last_error_message() -> *const c_char {
    mqttlink_error_message(guard::last())
}

/// The status. `MQTTLINK_OK` for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_error_status(error: *const mqttlink_error) -> mqttlink_status {
    look(error, mqttlink_status::MQTTLINK_OK, |error| error.status)
}

/// One line: what failed, at which host, why, and what to try. Never NULL; "" for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_error_message(error: *const mqttlink_error) -> *const c_char {
    look(error, c"".as_ptr(), |error| error.message.get_or_init(|| error.message()).as_ptr())
}

/// Where it failed. `MQTTLINK_STAGE_LOCAL` for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_error_stage(error: *const mqttlink_error) -> mqttlink_stage {
    look(error, mqttlink_stage::MQTTLINK_STAGE_LOCAL, |error| {
        error.cause().map_or(mqttlink_stage::MQTTLINK_STAGE_LOCAL, |cause| cause.stage().into())
    })
}

/// The operating system's error number (errno); 0 if it does not come from there.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_error_os_code(error: *const mqttlink_error) -> i32 {
    look(error, 0, |error| error.cause().and_then(Error::os_code).unwrap_or_default())
}

/// The MQTT reason code: what the server said, or for a violation of the protocol what it was told.
/// -1 if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_error_reason(error: *const mqttlink_error) -> i32 {
    look(error, -1, |error| {
        error.cause().and_then(Error::reason).map_or(-1, |reason| reason.code().into())
    })
}

/// The server's explanation, in MQTT 5.0; NULL if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_error_reason_string(error: *const mqttlink_error) -> *const c_char {
    look(error, ptr::null(), |error| {
        let text = error.cause().and_then(Error::reason_string);
        text.map_or(ptr::null(), |text| error.reason_string.get_or_init(|| c_text(text)).as_ptr())
    })
}

/// Where else to connect, if the server said so, in MQTT 5.0; NULL otherwise.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_error_server_reference(error: *const mqttlink_error) -> *const c_char {
    look(error, ptr::null(), |error| {
        let text = error.cause().and_then(Error::server_reference);
        text.map_or(ptr::null(), |text| {
            error.server_reference.get_or_init(|| c_text(text)).as_ptr()
        })
    })
}

/// The properties of the packet with which the server refused; an empty list if there are none. NULL
/// only for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_error_properties(
    error: *const mqttlink_error,
) -> *const mqttlink_properties {
    look(error, ptr::null(), |error| {
        let properties = || {
            let notice = error.cause().and_then(Error::notice);
            notice.map(|notice| notice.properties.clone()).unwrap_or_default()
        };
        ptr::from_ref(error.properties.get_or_init(|| properties().into()))
    })
}

/// Whether a deadline came.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_error_is_timeout(error: *const mqttlink_error) -> bool {
    look(error, false, |error| error.cause().is_some_and(Error::is_timeout))
}

/// Whether the server said no.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_error_is_refused(error: *const mqttlink_error) -> bool {
    look(error, false, |error| error.cause().is_some_and(Error::is_refused))
}

/// Whether there is no connection, or it ended.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_error_is_disconnected(error: *const mqttlink_error) -> bool {
    look(error, false, |error| error.cause().is_some_and(Error::is_disconnected))
}

/// Whether there is no room at the moment: what `mqttlink_client_try_publish` says instead of waiting.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_error_is_full(error: *const mqttlink_error) -> bool {
    look(error, false, |error| error.cause().is_some_and(Error::is_full))
}

/// Whether the same call can succeed later without anything being changed: the network, the server or
/// the load was the cause, not the arguments.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_error_is_retryable(error: *const mqttlink_error) -> bool {
    look(error, false, |error| error.cause().is_some_and(Error::is_retryable))
}
