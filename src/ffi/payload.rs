//! Payloads that are shared instead of copied.

use std::cell::Cell;
use std::ffi::{c_char, c_void};
use std::ptr;

use bytes::Bytes;

use super::callback::{User, mqttlink_free_fn};
use super::delivery::mqttlink_delivery;
use super::guard;
use super::handle::mqttlink_client;
use super::numbers;
use super::pointer::{bytes, free, given, out};
use super::properties::mqttlink_properties;
use super::publish::{message, publish};
use super::release::{self, Releases};
use super::status::mqttlink_status;
use crate::client::Room;

/// Bytes of the program that messages refer to instead of copying them, from 4 KiB on; shorter ones are
/// copied, which takes less time. Made by `mqttlink_payload_new`, freed with `mqttlink_payload_free`, sent
/// with `mqttlink_client_publish_payload` as often as wanted, by any client. Any thread may use it.
pub struct mqttlink_payload {
    bytes: Bytes,
}

/// The program's bytes, and the function that takes them back.
struct Lent {
    bytes: &'static [u8],
    user: Option<User>,
    /// Who calls it; nobody where there is no function.
    releases: Option<Releases>,
}

thread_local! {
    /// Where `mqttlink_payload_free`, while this thread is in it, takes what comes back. Without a destructor, so
    /// that it is there also for payloads that are freed while the thread ends.
    static FREEING: Cell<*mut Option<User>> = const { Cell::new(ptr::null_mut()) };
}

// The last message with the bytes goes wherever the library has done with it, also under the lock of a
// client, where no function of the program may run.
impl Drop for Lent {
    fn drop(&mut self) {
        let Some(user) = self.user.take() else { return };
        // SAFETY: it is NULL, or a place in the call of `mqttlink_payload_free` that this is in.
        if let Some(place) = unsafe { FREEING.replace(ptr::null_mut()).as_mut() } {
            *place = Some(user);
        } else if let Some(releases) = &self.releases {
            releases.release(user);
        }
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.bytes
    }
}

/// Lends the library `len` bytes at `data`, which must neither change nor go away until `release`, which
/// may be NULL, is called with `user`: once, when the payload is freed and every message with it has left
/// or was given up, by `mqttlink_payload_free` or on a thread that all payloads share, `mqttlink-release`;
/// at once if this call fails. It may call every function. NULL for `data` is allowed where `len` is 0.
///
/// `MQTTLINK_ERROR_RESOURCES` if that thread cannot be started.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_payload_new(
    data: *const c_void,
    len: usize,
    release: mqttlink_free_fn,
    user: *mut c_void,
    payload: *mut *mut mqttlink_payload,
) -> mqttlink_status {
    let user = User::new(user, release);
    guard::call(|| {
        let (place, bytes) = (out(payload, "payload")?, bytes(data, len, "data")?);
        let releases = release.map(|_| release::begin()).transpose()?;
        let lent = Lent { bytes, user: Some(user), releases };
        place.put_new(mqttlink_payload { bytes: Bytes::from_owner(lent) });
        Ok(())
    })
}

/// `mqttlink_client_publish` with a payload that is not copied. Waits for room at most so many
/// milliseconds; `MQTTLINK_DEFAULT` is the publish timeout, and 0 does not wait, as
/// `mqttlink_client_try_publish`. The payload may be freed as soon as this returns.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_publish_payload(
    client: *mut mqttlink_client,
    topic: *const c_char,
    payload: *const mqttlink_payload,
    qos: i32,
    retain: bool,
    properties: *const mqttlink_properties,
    timeout_ms: i64,
    delivery: *mut *mut mqttlink_delivery,
) -> mqttlink_status {
    guard::call(|| {
        let bytes = given(payload, "payload")?.bytes.clone();
        let room = match numbers::limit(timeout_ms)? {
            None => Room::Wait,
            Some(limit) if limit.is_zero() => Room::Now,
            Some(limit) => Room::Within(limit),
        };
        let message = message(topic, bytes, qos, retain, properties)?;
        publish(client, message, room, delivery)
    })
}

/// Frees a payload; messages that are on their way keep the bytes. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_payload_free(payload: *mut mqttlink_payload) {
    guard::or((), || {
        let mut came_back = None;
        FREEING.set(&raw mut came_back);
        free(payload);
        FREEING.set(ptr::null_mut());
        // The function runs when nothing of this is left: it may free another payload.
        drop(came_back);
    });
}
