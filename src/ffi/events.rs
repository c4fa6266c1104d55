//! The program's functions for events, and how they are called.

use std::ffi::{c_char, c_void};
use std::ptr;

use super::callback::{
    Hook, mqttlink_connected_fn, mqttlink_error_fn, mqttlink_free_fn, mqttlink_message_fn,
    mqttlink_packet_fn, mqttlink_published_fn, mqttlink_results_fn,
};
use super::error::mqttlink_error;
use super::granted::mqttlink_granted;
use super::guard;
use super::handle::mqttlink_client;
use super::message::mqttlink_message;
use super::options::{Hooks, mqttlink_options};
use super::packet::mqttlink_packet;
use super::pointer::{given, text};
use super::status::mqttlink_status;
use super::subscribe::mqttlink_results;
use super::topic;
use crate::{Acknowledgement, Builder, ConnectionEvent, Error, ErrorCode, Inspected, Message};

/// Which handle the events belong to.
pub(super) type Handle = &'static mqttlink_client;

fn pointer(handle: Handle) -> *mut mqttlink_client {
    ptr::from_ref(handle).cast_mut()
}

impl Hooks {
    /// Has the builder's handlers call the program's functions, those that there are.
    pub(super) fn install(&self, mut builder: Builder, handle: Handle) -> Builder {
        if let Some(hook) = self.message.clone() {
            builder = builder.on_message(move |message| hook.message(handle, message));
        }
        for (filter, hook) in self.filters.clone() {
            builder = builder.on_filter(&filter, move |message| hook.message(handle, message));
        }
        if let Some(hook) = self.packet.clone() {
            builder = builder.on_packet(move |packet| hook.packet(handle, packet));
        }
        let wanted = self.connected.is_some()
            || self.connect_failed.is_some()
            || self.disconnected.is_some()
            || self.server_disconnect.is_some();
        if wanted {
            let hooks = self.clone();
            builder = builder.on_event(move |event| hooks.event(handle, event));
        }
        builder
    }

    fn event(&self, handle: Handle, event: &ConnectionEvent) {
        match event {
            ConnectionEvent::Connected(granted) => {
                if let Some(hook) = &self.connected {
                    hook.connected(handle, &mqttlink_granted::new(granted.clone()));
                }
            }
            ConnectionEvent::ConnectFailed(error) => {
                if let Some(hook) = &self.connect_failed {
                    hook.error(handle, Some(error.clone()));
                }
            }
            ConnectionEvent::Disconnected(error) => {
                let by_server =
                    error.as_ref().filter(|e| e.code() == ErrorCode::ServerDisconnected);
                if let (Some(hook), Some(error)) = (&self.server_disconnect, by_server) {
                    hook.error(handle, Some(error.clone()));
                }
                if let Some(hook) = &self.disconnected {
                    hook.error(handle, error.clone());
                }
            }
        }
    }
}

type MessageFn = unsafe extern "C" fn(*mut c_void, *mut mqttlink_client, *const mqttlink_message);
type ConnectedFn = unsafe extern "C" fn(*mut c_void, *mut mqttlink_client, *const mqttlink_granted);
type ErrorFn = unsafe extern "C" fn(*mut c_void, *mut mqttlink_client, *const mqttlink_error);
type PacketFn = unsafe extern "C" fn(*mut c_void, *mut mqttlink_client, *const mqttlink_packet);
type PublishedFn =
    unsafe extern "C" fn(*mut c_void, *mut mqttlink_client, u64, *const mqttlink_error, i32);
type ResultsFn = unsafe extern "C" fn(
    *mut c_void,
    *mut mqttlink_client,
    u64,
    *const mqttlink_error,
    *const mqttlink_results,
);

fn or_null<T>(value: &Option<T>) -> *const T {
    value.as_ref().map_or(ptr::null(), ptr::from_ref)
}

impl<F: Copy> Hook<F> {
    /// Calls the function, unless the client has been freed: then none of its callbacks runs any more.
    fn run(&self, handle: Handle, call: impl FnOnce(F, *mut c_void, *mut mqttlink_client)) {
        if !handle.is_freed() {
            call(self.function, self.pointer(), pointer(handle));
        }
    }
}

impl Hook<MessageFn> {
    pub(super) fn message(&self, handle: Handle, message: &Message) {
        self.run(handle, |call, user, client| {
            // SAFETY: by the contract the function takes what it was registered with; the message lives
            // until it returns.
            mqttlink_message::lend(message, |view| unsafe { call(user, client, view) });
        });
    }
}

impl Hook<ConnectedFn> {
    fn connected(&self, handle: Handle, granted: &mqttlink_granted) {
        // SAFETY: by the contract the function takes what it was registered with; `granted` lives until
        // it returns.
        self.run(handle, |call, user, client| unsafe { call(user, client, granted) });
    }
}

impl Hook<ErrorFn> {
    fn error(&self, handle: Handle, error: Option<Error>) {
        let error = error.map(mqttlink_error::from);
        // SAFETY: by the contract the function takes what it was registered with; the error lives until
        // it returns.
        self.run(handle, |call, user, client| unsafe { call(user, client, or_null(&error)) });
    }
}

impl Hook<PacketFn> {
    fn packet(&self, handle: Handle, packet: &Inspected<'_>) {
        self.run(handle, |call, user, client| {
            // SAFETY: by the contract the function takes what it was registered with; the packet lives
            // until it returns.
            mqttlink_packet::lend(packet, |view| unsafe { call(user, client, view) });
        });
    }
}

impl Hook<PublishedFn> {
    pub(super) fn published(
        &self,
        handle: Handle,
        id: u64,
        outcome: Result<Acknowledgement, Error>,
    ) {
        let reason = match &outcome {
            Ok(acknowledgement) => i32::from(acknowledgement.reason().code()),
            Err(error) => error.reason().map_or(-1, |reason| reason.code().into()),
        };
        let failed = outcome.err().map(mqttlink_error::from);
        let error = or_null(&failed);
        // SAFETY: by the contract the function takes what it was registered with; the error lives until
        // it returns.
        self.run(handle, |call, user, client| unsafe { call(user, client, id, error, reason) });
    }
}

impl Hook<ResultsFn> {
    pub(super) fn answered(
        &self,
        handle: Handle,
        id: u64,
        answer: Result<mqttlink_results, Error>,
    ) {
        let (results, error) = match answer {
            Ok(results) => (Some(results), None),
            Err(error) => (None, Some(mqttlink_error::from(error))),
        };
        let (error, results) = (or_null(&error), or_null(&results));
        // SAFETY: by the contract the function takes what it was registered with; error and results
        // live until it returns.
        self.run(handle, |call, user, client| unsafe { call(user, client, id, error, results) });
    }
}

/// Puts a function in its place, with its user pointer and what frees that.
fn place<F>(
    options: *mut mqttlink_options,
    (callback, user, free_user): (Option<F>, *mut c_void, mqttlink_free_fn),
    place: impl FnOnce(&mut Hooks) -> &mut Option<Hook<F>>,
) -> mqttlink_status {
    let hook = Hook::new(callback, user, free_user);
    guard::call(|| {
        let mut recipe = given(options, "options")?.lock();
        let earlier = std::mem::replace(place(&mut recipe.hooks), hook);
        // Its user pointer is freed by the program, under no lock.
        drop(recipe);
        drop(earlier);
        Ok(())
    })
}

/// Takes every message that no subscription's own handler takes. Without it, they wait for
/// `mqttlink_client_receive`. NULL takes it away again.
///
/// Runs on the client's dispatcher thread, one message at a time, in order. Every call may be made
/// inside, also those that wait, and `mqttlink_client_free`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_on_message(
    options: *mut mqttlink_options,
    callback: mqttlink_message_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    place(options, (callback, user, free_user), |hooks| &mut hooks.message)
}

/// Takes the messages that match a filter, as the callback of a subscription does, but without subscribing:
/// for a session that goes on, whose messages may come before this program has subscribed again. A subscription
/// to the same filter with a callback of its own takes its place. May be called for several filters. NULL takes
/// the one for this filter away again.
///
/// Runs on the client's dispatcher thread, as the callback of `mqttlink_options_on_message`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_on_filter(
    options: *mut mqttlink_options,
    filter: *const c_char,
    callback: mqttlink_message_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    let hook = Hook::new(callback, user, free_user);
    guard::call(|| {
        let options = given(options, "options")?;
        let filter = text(filter, "filter")?;
        topic::parse(filter)?;
        let mut recipe = options.lock();
        let filters = &mut recipe.hooks.filters;
        let earlier = filters.iter().position(|(other, _)| other == filter);
        let earlier = earlier.map(|place| filters.remove(place));
        filters.extend(hook.map(|hook| (filter.to_owned(), hook)));
        // As in `place`.
        drop(recipe);
        drop(earlier);
        Ok(())
    })
}

/// Is told when the server has accepted a connection, on the dispatcher thread, in order with the
/// messages.
///
/// A callback that is NULL takes it away again.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_on_connected(
    options: *mut mqttlink_options,
    callback: mqttlink_connected_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    place(options, (callback, user, free_user), |hooks| &mut hooks.connected)
}

/// Is told when no connection came about: the network or the server refused. On the dispatcher thread.
///
/// A callback that is NULL takes it away again.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_on_connect_failed(
    options: *mut mqttlink_options,
    callback: mqttlink_error_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    place(options, (callback, user, free_user), |hooks| &mut hooks.connect_failed)
}

/// Is told when a connection is gone, and everything that belonged to it; the error is NULL if this
/// side ended it. `mqttlink_client_connect` and `mqttlink_client_reconnect` may be called inside. On the
/// dispatcher thread, in order with the messages.
///
/// A callback that is NULL takes it away again.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_on_disconnected(
    options: *mut mqttlink_options,
    callback: mqttlink_error_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    place(options, (callback, user, free_user), |hooks| &mut hooks.disconnected)
}

/// Is told when the server has ended a connection with DISCONNECT, and why, in MQTT 5.0; just before
/// the callback of `mqttlink_options_on_disconnected`.
///
/// A callback that is NULL takes it away again.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_on_server_disconnect(
    options: *mut mqttlink_options,
    callback: mqttlink_error_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    place(options, (callback, user, free_user), |hooks| &mut hooks.server_disconnect)
}

/// Is told the outcome of each message of `mqttlink_client_publish_event`, exactly once, on the
/// dispatcher thread.
///
/// A callback that is NULL takes it away again.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_on_published(
    options: *mut mqttlink_options,
    callback: mqttlink_published_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    place(options, (callback, user, free_user), |hooks| &mut hooks.published)
}

/// Is told the answer to each `mqttlink_client_subscribe_event`: the QoS that was granted to each
/// filter. Exactly once, on the dispatcher thread.
///
/// A callback that is NULL takes it away again.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_on_subscribed(
    options: *mut mqttlink_options,
    callback: mqttlink_results_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    place(options, (callback, user, free_user), |hooks| &mut hooks.subscribed)
}

/// Is told the answer to each `mqttlink_client_unsubscribe_event`, exactly once, on the dispatcher
/// thread.
///
/// A callback that is NULL takes it away again.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_on_unsubscribed(
    options: *mut mqttlink_options,
    callback: mqttlink_results_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    place(options, (callback, user, free_user), |hooks| &mut hooks.unsubscribed)
}

/// Is shown every packet in both directions, on the dispatcher thread. When it does not keep up,
/// packets are left out and counted in `mqttlink_statistics`.
///
/// A callback that is NULL takes it away again.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_on_packet(
    options: *mut mqttlink_options,
    callback: mqttlink_packet_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    place(options, (callback, user, free_user), |hooks| &mut hooks.packet)
}
