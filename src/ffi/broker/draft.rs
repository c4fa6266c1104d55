//! A message on its way into a broker, for the function that may change it.

use std::ffi::{c_char, c_void};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::broker::Draft;
use crate::codec::topic;
use crate::ffi::guard::{self, Failure};
use crate::ffi::numbers;
use crate::ffi::pointer::{bytes, given, text};
use crate::ffi::properties::{list, mqttlink_properties};
use crate::ffi::status::mqttlink_status;
use crate::{Properties, QoS};

/// Takes changes to a message that is being published. Lives until the `mqttlink_intercept_fn` returns; if
/// that refuses the message, nothing is changed.
#[derive(Default)]
pub struct mqttlink_draft {
    changes: Mutex<Changes>,
}

#[derive(Default)]
struct Changes {
    topic: Option<String>,
    payload: Option<Vec<u8>>,
    qos: Option<QoS>,
    retain: Option<bool>,
    properties: Option<Properties<'static>>,
}

fn change(
    draft: *mut mqttlink_draft,
    change: impl FnOnce(&mut Changes) -> Result<(), Failure>,
) -> mqttlink_status {
    guard::call(|| change(&mut given(draft, "draft")?.lock()))
}

impl mqttlink_draft {
    fn lock(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn apply(self, draft: &mut Draft) {
        let changes = self.changes.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(topic) = changes.topic {
            draft.topic = topic;
        }
        if let Some(payload) = changes.payload {
            draft.payload = payload.into();
        }
        if let Some(properties) = changes.properties {
            draft.properties = properties;
        }
        draft.qos = changes.qos.unwrap_or(draft.qos);
        draft.retain = changes.retain.unwrap_or(draft.retain);
    }
}

/// Changes the topic name. `MQTTLINK_ERROR_INVALID_TOPIC` if it breaks the rules.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_draft_set_topic(
    draft: *mut mqttlink_draft,
    topic: *const c_char,
) -> mqttlink_status {
    change(draft, |changes| {
        let name = text(topic, "topic")?;
        topic::check_name(name).map_err(|error| {
            let text = format!("{name:?}: {error}");
            Failure::new(mqttlink_status::MQTTLINK_ERROR_INVALID_TOPIC, text)
        })?;
        changes.topic = Some(name.to_owned());
        Ok(())
    })
}

/// Changes the payload, which is copied.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_draft_set_payload(
    draft: *mut mqttlink_draft,
    payload: *const c_void,
    len: usize,
) -> mqttlink_status {
    change(draft, |changes| {
        changes.payload = Some(bytes(payload, len, "payload")?.to_vec());
        Ok(())
    })
}

/// Changes the quality of service at which the message goes on, 0 to 2. The exchange with its publisher is
/// the one it began.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_draft_set_qos(draft: *mut mqttlink_draft, qos: i32) -> mqttlink_status {
    change(draft, |changes| {
        changes.qos = Some(numbers::qos(qos)?);
        Ok(())
    })
}

/// Changes whether the message is kept for later subscribers.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_draft_set_retain(
    draft: *mut mqttlink_draft,
    retain: bool,
) -> mqttlink_status {
    change(draft, |changes| {
        changes.retain = Some(retain);
        Ok(())
    })
}

/// Puts other properties in the place of all that there are; NULL takes all away. Those that do not belong
/// to a message are left out on the way.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_draft_set_properties(
    draft: *mut mqttlink_draft,
    properties: *const mqttlink_properties,
) -> mqttlink_status {
    change(draft, |changes| {
        changes.properties = Some(list(properties));
        Ok(())
    })
}
