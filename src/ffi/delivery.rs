//! What became of a message that was published.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::OnceLock;

use super::guard;
use super::numbers::limit;
use super::pointer::{c_text, free, given, optional};
use super::properties::mqttlink_properties;
use super::status::mqttlink_status;
use crate::{Acknowledgement, Delivery, Error};

/// The way of one message. QoS 0 is done when the message is in the socket, QoS 1 and 2 when the server
/// has acknowledged it. Freed with `mqttlink_delivery_free`, which changes nothing for the message. Any
/// thread may use it.
pub struct mqttlink_delivery {
    delivery: Delivery,
    reason_string: OnceLock<CString>,
    properties: OnceLock<mqttlink_properties>,
}

impl mqttlink_delivery {
    pub(super) const fn new(delivery: Delivery) -> Self {
        Self { delivery, reason_string: OnceLock::new(), properties: OnceLock::new() }
    }
}

/// Waits for the outcome, at most so many milliseconds; `MQTTLINK_DEFAULT` is the client's response
/// timeout. May be called from any thread, also inside callbacks, and again after a timeout or a lost
/// connection.
///
/// Returns the outcome, if it is one: `MQTTLINK_OK`, `MQTTLINK_ERROR_PUBLISH_REFUSED`, or why the message
/// was given up. Otherwise why there is none yet: `MQTTLINK_ERROR_TIMEOUT_ACK`, or that there is no
/// connection; a message of QoS 1 or 2 is then sent again when the client reconnects.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_delivery_wait(
    delivery: *const mqttlink_delivery,
    timeout_ms: i64,
) -> mqttlink_status {
    guard::call(|| {
        let delivery = &given(delivery, "delivery")?.delivery;
        match limit(timeout_ms)? {
            None => delivery.wait(),
            Some(limit) => delivery.wait_timeout(limit),
        }?;
        Ok(())
    })
}

fn look<T: Copy>(
    delivery: *const mqttlink_delivery,
    none: T,
    get: impl FnOnce(&mqttlink_delivery, Result<Acknowledgement, Error>) -> T,
) -> T {
    guard::or(none, || {
        let Some(delivery) = optional(delivery) else { return none };
        delivery.delivery.outcome().map_or(none, |outcome| get(delivery, outcome))
    })
}

/// Whether there is an outcome. Does not wait.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_delivery_is_done(delivery: *const mqttlink_delivery) -> bool {
    look(delivery, false, |_, _| true)
}

/// The server's reason code: a `mqttlink_reason`. -1 as long as there is none.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_delivery_reason(delivery: *const mqttlink_delivery) -> i32 {
    look(delivery, -1, |_, outcome| {
        let reason = match outcome {
            Ok(acknowledgement) => Some(acknowledgement.reason()),
            Err(error) => error.reason(),
        };
        reason.map_or(-1, |reason| reason.code().into())
    })
}

/// The server's remark, in MQTT 5.0; NULL if there is none. Lives as long as the delivery.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_delivery_reason_string(
    delivery: *const mqttlink_delivery,
) -> *const c_char {
    look(delivery, ptr::null(), |delivery, outcome| {
        let text = match &outcome {
            Ok(acknowledgement) => acknowledgement.reason_string(),
            Err(error) => error.reason_string(),
        };
        text.map_or(ptr::null(), |text| {
            delivery.reason_string.get_or_init(|| c_text(text)).as_ptr()
        })
    })
}

/// The properties of the acknowledgement; NULL as long as there is no outcome. Lives as long as the
/// delivery.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_delivery_properties(
    delivery: *const mqttlink_delivery,
) -> *const mqttlink_properties {
    look(delivery, ptr::null(), |delivery, outcome| {
        let properties = || match &outcome {
            Ok(acknowledgement) => acknowledgement.properties().clone(),
            Err(error) => {
                error.notice().map(|notice| notice.properties.clone()).unwrap_or_default()
            }
        };
        ptr::from_ref(delivery.properties.get_or_init(|| properties().into()))
    })
}

/// Frees a delivery. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_delivery_free(delivery: *mut mqttlink_delivery) {
    guard::or((), || free(delivery));
}
