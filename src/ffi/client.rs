//! Making clients, freeing them, and looking at them.

use std::mem::offset_of;

use super::counted;
use super::granted::mqttlink_granted;
use super::guard::{self, Failure};
use super::handle::{self, client, mqttlink_client};
use super::numbers::mqttlink_state;
use super::options::mqttlink_options;
use super::pointer::{Growing, given, optional, out, out_part};
use super::status::mqttlink_status;
use crate::Statistics;

/// Counts since the client was made, and how much waits at the moment. Later versions may append
/// fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct mqttlink_statistics {
    /// Packets received.
    pub packets_received: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Messages received, by QoS, repetitions included.
    pub messages_received: [u64; 3],
    /// Messages accepted for sending, by QoS.
    pub messages_sent: [u64; 3],
    /// Messages sent again after a reconnect.
    pub messages_resent: u64,
    /// Bytes given to the connection.
    pub bytes_sent: u64,
    /// Connections that the server accepted.
    pub connects: u64,
    /// Messages of QoS 1 and 2 that await the server's acknowledgement.
    pub in_flight: u64,
    /// Bytes in the outgoing buffer.
    pub queued_bytes: u64,
    /// Received messages that wait for a handler or for `mqttlink_client_receive`.
    pub waiting_messages: u64,
    /// Packets that the callback of `mqttlink_options_on_packet` was not shown.
    pub missed_packets: u64,
}

impl Growing for mqttlink_statistics {
    const NAME: &'static str = "mqttlink_statistics";
    const FIRST: usize = offset_of!(Self, missed_packets) + size_of::<u64>();
}

impl From<Statistics> for mqttlink_statistics {
    fn from(statistics: Statistics) -> Self {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let wire = statistics.wire;
        Self {
            packets_received: wire.packets_received,
            bytes_received: wire.bytes_received,
            messages_received: wire.messages_received,
            messages_sent: wire.messages_sent,
            messages_resent: wire.messages_resent,
            bytes_sent: wire.bytes_sent,
            connects: wire.connects,
            in_flight: count(statistics.in_flight),
            queued_bytes: count(statistics.queued_bytes),
            waiting_messages: count(statistics.waiting_messages),
            missed_packets: statistics.missed_packets,
        }
    }
}

/// Makes a client. Nothing is sent; files named in the TLS settings are read. The options may be freed
/// or used again.
///
/// The client is freed with `mqttlink_client_free`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_new(
    options: *const mqttlink_options,
    client: *mut *mut mqttlink_client,
) -> mqttlink_status {
    guard::call(|| {
        let options = given(options, "options")?;
        let place = out(client, "client")?;
        let recipe = options.lock().clone();
        let reserved = counted::reserve();
        let builder = recipe.hooks.install(recipe.builder(), reserved);
        let made = builder.build().map_err(Failure::from);
        made.and_then(|client| reserved.fill(client, recipe.hooks))
            .inspect_err(|_| counted::give_back(reserved))?;
        place.put(std::ptr::from_ref(reserved).cast_mut());
        Ok(())
    })
}

/// Has the next connection of a client made with other options: server, transport and TLS, client
/// identifier, credentials, will and everything else that CONNECT carries, and the authenticator.
/// Callbacks, bounds and timeouts stay as they are. The session stays too, so that a message in flight
/// survives a new password. Does not block, but reads the files that the TLS settings name.
///
/// `MQTTLINK_ERROR_INVALID_STATE` while there is a connection or one is being made.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_reconfigure(
    client: *mut mqttlink_client,
    options: *const mqttlink_options,
) -> mqttlink_status {
    guard::call(|| {
        let client = self::client(client)?;
        let recipe = given(options, "options")?.lock().clone();
        Ok(client.reconfigure(recipe.builder())?)
    })
}

/// Frees a client at any moment, on any thread, also inside its own callbacks. NULL is allowed; a
/// second time does nothing.
///
/// What was accepted for sending is written, for at most a second; then the server is told that nothing
/// follows, and has another second to close the connection, which has no DISCONNECT, so that the server
/// publishes the will: call `mqttlink_client_disconnect` before to say goodbye. A transport of the program's
/// own has no half to close: in MQTT 5.0 the server gets DISCONNECT 0x04 (with will) instead, before 5.0 the
/// second passes unless it closes by itself.
///
/// Calls that wait on other threads return. When it returns, no callback of the client runs any more or will;
/// inside one of its own callbacks, that one is the last, but for the close and `free_stream` of a transport.
/// Only functions of a transport that do not return within 5 seconds may still run: see
/// `mqttlink_close_fn`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_free(client: *mut mqttlink_client) {
    guard::or((), || {
        let Some(handle) = handle_of(client) else { return };
        if let Ok(client) = handle.condemn() {
            client.abandon();
        }
    });
}

/// Handles live for ever.
fn handle_of(client: *mut mqttlink_client) -> Option<&'static mqttlink_client> {
    optional(client)
}

/// Where the client stands. Never blocks. `MQTTLINK_DISCONNECTED` for NULL and for a freed client.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_state(client: *const mqttlink_client) -> mqttlink_state {
    guard::or(mqttlink_state::MQTTLINK_DISCONNECTED, || {
        let found = handle::client(client).map(|client| client.status().into());
        found.unwrap_or(mqttlink_state::MQTTLINK_DISCONNECTED)
    })
}

/// Whether the server has accepted the connection and it is not being ended. Never blocks. A connection
/// can be dead without anybody having noticed yet: see `mqttlink_options_set_ping_timeout`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_is_connected(client: *const mqttlink_client) -> bool {
    mqttlink_client_state(client) == mqttlink_state::MQTTLINK_CONNECTED
}

/// What the server granted when it last accepted a connection; to be freed with
/// `mqttlink_granted_free`. `MQTTLINK_ERROR_NOT_FOUND` if it never has.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_granted(
    client: *const mqttlink_client,
    granted: *mut *mut mqttlink_granted,
) -> mqttlink_status {
    guard::call(|| {
        let client = handle::client(client)?;
        let place = out(granted, "granted")?;
        let none =
            || Failure::new(mqttlink_status::MQTTLINK_ERROR_NOT_FOUND, "never connected so far");
        place.put_new(mqttlink_granted::new(client.granted().ok_or_else(none)?));
        Ok(())
    })
}

/// Why the last connection ended, or the last attempt failed: returns its status, and makes it this
/// thread's last error. `MQTTLINK_OK` if this side ended it or there was none.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_last_error(client: *const mqttlink_client) -> mqttlink_status {
    guard::call(|| match handle::client(client)?.last_error() {
        Some(error) => Err(error.into()),
        None => Ok(()),
    })
}

/// Counts, and how much waits. Does not wait for the network. `size` is `sizeof(mqttlink_statistics)` of
/// the program, which may be older or newer than the library: see "Versions" in the contract.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_statistics(
    client: *const mqttlink_client,
    statistics: *mut mqttlink_statistics,
    size: usize,
) -> mqttlink_status {
    guard::call(|| {
        let client = handle::client(client)?;
        let place = out_part(statistics, "statistics", size)?;
        place.put(client.statistics().into());
        Ok(())
    })
}

/// Wakes every call that waits in this client, on whatever thread: they fail with
/// `MQTTLINK_ERROR_INTERRUPTED`. An attempt to connect is given up, a connection stays as it is. If no
/// call waits, the next one that would wait fails instead, so that a flag that is looked at before
/// waiting is never missed.
///
/// Async-signal-safe: this is the one function that may be called in a signal handler. Does not block,
/// and does not set the thread's last error.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_interrupt(client: *const mqttlink_client) -> mqttlink_status {
    match optional(client) {
        None => mqttlink_status::MQTTLINK_ERROR_NULL,
        Some(handle) => handle.interrupt.ring(),
    }
}

/// Ends the connection at once, without DISCONNECT, so that the server publishes the will; or ends the
/// attempt to make one. Waits until both threads are gone, which takes no time. Does nothing without a
/// connection.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_abort(client: *mut mqttlink_client) -> mqttlink_status {
    guard::call(|| {
        self::client(client)?.abort();
        Ok(())
    })
}
