//! Functions of the program that the library calls.

use std::ffi::c_void;
use std::sync::Arc;

use super::error::mqttlink_error;
use super::granted::mqttlink_granted;
use super::handle::mqttlink_client;
use super::message::mqttlink_message;
use super::packet::mqttlink_packet;
use super::subscribe::mqttlink_results;

/// Frees what a user pointer points at. Called once, on any thread, when nothing that was registered
/// with the pointer will be called any more; never while one of them runs.
pub type mqttlink_free_fn = Option<unsafe extern "C" fn(user: *mut c_void)>;

/// Takes a message. It belongs to the library and lives until the function returns.
pub type mqttlink_message_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        client: *mut mqttlink_client,
        message: *const mqttlink_message,
    ),
>;

/// The server has accepted a connection; `granted` holds everything that CONNACK carried and lives
/// until the function returns.
pub type mqttlink_connected_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        client: *mut mqttlink_client,
        granted: *const mqttlink_granted,
    ),
>;

/// Something ended or failed; `error` says why, lives until the function returns, and is NULL where
/// nothing went wrong.
pub type mqttlink_error_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        client: *mut mqttlink_client,
        error: *const mqttlink_error,
    ),
>;

/// The outcome of one message: `error` is NULL if the server has it (QoS 0: if it is in the socket).
/// `reason` is the server's reason code, 0 where it said nothing else, -1 where it said nothing at
/// all. `id` is what the publishing function gave out; 0 for `mqttlink_client_publish_then`.
pub type mqttlink_published_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        client: *mut mqttlink_client,
        id: u64,
        error: *const mqttlink_error,
        reason: i32,
    ),
>;

/// The server's answer to a subscription or to the end of one: either `results`, with one for each
/// filter, or `error`; the other is NULL. Both live until the function returns. `id` is what the
/// requesting function gave out.
pub type mqttlink_results_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        client: *mut mqttlink_client,
        id: u64,
        error: *const mqttlink_error,
        results: *const mqttlink_results,
    ),
>;

/// Is shown a packet, which lives until the function returns.
pub type mqttlink_packet_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        client: *mut mqttlink_client,
        packet: *const mqttlink_packet,
    ),
>;

/// A user pointer and what frees it.
pub(super) struct User {
    pub(super) pointer: *mut c_void,
    free: mqttlink_free_fn,
}

impl User {
    pub(super) const fn new(pointer: *mut c_void, free: mqttlink_free_fn) -> Self {
        Self { pointer, free }
    }
}

// SAFETY: by the contract whoever registers a callback lets the library pass its user pointer on any
// thread.
unsafe impl Send for User {}
// SAFETY: as above; the library itself does not look behind the pointer.
unsafe impl Sync for User {}

impl Drop for User {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: by the contract the function takes this pointer; it is called here alone.
            unsafe { free(self.pointer) };
        }
    }
}

/// A function to call and its user pointer.
pub(super) struct Hook<F> {
    pub(super) function: F,
    pub(super) user: Arc<User>,
}

impl<F: Clone> Clone for Hook<F> {
    fn clone(&self) -> Self {
        Self { function: self.function.clone(), user: Arc::clone(&self.user) }
    }
}

impl<F> Hook<F> {
    /// `None` if there is no function; then the user pointer is freed at once.
    pub(super) fn new(
        function: Option<F>,
        pointer: *mut c_void,
        free: mqttlink_free_fn,
    ) -> Option<Self> {
        let user = Arc::new(User::new(pointer, free));
        function.map(|function| Self { function, user })
    }

    pub(super) fn pointer(&self) -> *mut c_void {
        self.user.pointer
    }
}
