//! A broker's sessions: looking at them and ending them.

use std::ffi::{c_char, c_void};

use super::handle::{broker, mqttlink_broker};
use super::peer::mqttlink_peer;
use crate::broker::SessionInfo;
use crate::ffi::guard::{self, Failure};
use crate::ffi::pointer::{c_text, put_if, text};
use crate::ffi::status::mqttlink_status;

/// A session, as it is at a moment. Later versions may append fields.
#[repr(C)]
pub struct mqttlink_session {
    /// The client it belongs to, as it connected last; lives until the callback returns.
    pub peer: *const mqttlink_peer,
    /// Whether the client is connected.
    pub connected: bool,
    /// Whether a will waits for its moment.
    pub has_will: bool,
    /// How many seconds it outlives its connection; 4,294,967,295 is for ever.
    pub expiry_s: u32,
    /// In how many milliseconds it ends if the client stays away; -1 while it is connected, and for ever.
    pub ends_in_ms: i64,
    /// How many subscriptions it has.
    pub subscriptions: u64,
    /// Messages that wait for the client and have not been sent.
    pub queued_messages: u64,
    /// Bytes of these messages.
    pub queued_bytes: u64,
    /// Messages of QoS 1 and 2 that the client has been sent and has not acknowledged.
    pub in_flight: u64,
    /// Subscriptions that have not been given all their retained messages yet.
    pub retained_unsent: u64,
}

/// Is shown a session, which lives until the function returns.
pub type mqttlink_session_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        broker: *mut mqttlink_broker,
        session: *const mqttlink_session,
    ),
>;

/// Is shown a subscription of a client: filter, QoS and the options of MQTT 5.0, where `retain_handling` is
/// a `mqttlink_retain_handling`. The filter lives until the function returns.
pub type mqttlink_subscribed_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        broker: *mut mqttlink_broker,
        filter: *const c_char,
        qos: i32,
        no_local: bool,
        retain_as_published: bool,
        retain_handling: i32,
    ),
>;

type Show = unsafe extern "C" fn(*mut c_void, *mut mqttlink_broker, *const mqttlink_session);

fn show(session: &SessionInfo, show: Show, user: *mut c_void, broker: *mut mqttlink_broker) {
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let expiry = session.expiry.map(|expiry| u32::try_from(expiry.as_secs()));
    let ends_in = session.ends_in.map(|left| i64::try_from(left.as_millis()));
    mqttlink_peer::lend(&session.client, |peer| {
        let session = mqttlink_session {
            peer,
            connected: session.connected,
            has_will: session.has_will,
            expiry_s: expiry.and_then(Result::ok).unwrap_or(u32::MAX),
            ends_in_ms: ends_in.map_or(-1, |left| left.unwrap_or(i64::MAX)),
            subscriptions: count(session.subscriptions),
            queued_messages: count(session.queued_messages),
            queued_bytes: count(session.queued_bytes),
            in_flight: count(session.in_flight),
            retained_unsent: count(session.retained_unsent),
        };
        // SAFETY: by the contract the function takes the pointer that came with it; the session lives
        // until it returns.
        unsafe { show(user, broker, &raw const session) };
    });
}

fn no_callback() -> Failure {
    Failure::new(mqttlink_status::MQTTLINK_ERROR_NULL, "callback is NULL")
}

/// Calls a function once for each session of a client, connected or not, on this thread, before it returns.
/// It may call everything. Looking at 100,000 takes the broker's thread some tens of milliseconds.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_each_session(
    broker: *mut mqttlink_broker,
    callback: mqttlink_session_fn,
    user: *mut c_void,
) -> mqttlink_status {
    guard::call(|| {
        let sessions = self::broker(broker)?.sessions()?;
        let callback = callback.ok_or_else(no_callback)?;
        for session in &sessions {
            show(session, callback, user, broker);
        }
        Ok(())
    })
}

/// Calls a function once with the session of a client, as `mqttlink_broker_each_session`.
/// `MQTTLINK_ERROR_NOT_FOUND` if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_session(
    broker: *mut mqttlink_broker,
    client_id: *const c_char,
    callback: mqttlink_session_fn,
    user: *mut c_void,
) -> mqttlink_status {
    guard::call(|| {
        let client_id = text(client_id, "client_id")?;
        let found = self::broker(broker)?.session(client_id)?;
        let callback = callback.ok_or_else(no_callback)?;
        let none = || {
            let text = format!("the client {client_id:?} has no session");
            Failure::new(mqttlink_status::MQTTLINK_ERROR_NOT_FOUND, text)
        };
        show(&found.ok_or_else(none)?, callback, user, broker);
        Ok(())
    })
}

/// Calls a function once for each subscription of a client, in no order, on this thread, before it returns.
/// It may call everything. A client that is not known has none.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_each_subscription(
    broker: *mut mqttlink_broker,
    client_id: *const c_char,
    callback: mqttlink_subscribed_fn,
    user: *mut c_void,
) -> mqttlink_status {
    guard::call(|| {
        let subscriptions = self::broker(broker)?.subscriptions(text(client_id, "client_id")?)?;
        let callback = callback.ok_or_else(no_callback)?;
        for (filter, options) in subscriptions {
            let filter = c_text(&filter);
            let (qos, handling) = (options.qos.number().into(), options.retain_handling as i32);
            let (no_local, published) = (options.no_local, options.retain_as_published);
            // SAFETY: by the contract the function takes the pointer that came with it; the filter lives
            // until it returns.
            unsafe { callback(user, broker, filter.as_ptr(), qos, no_local, published, handling) };
        }
        Ok(())
    })
}

/// Ends the session of a client: if it is connected, its connection is closed, in MQTT 5.0 with
/// "administrative action"; its will is published (section 3.1.2.5); its subscriptions and what waits for it
/// are gone. It may connect again, and gets a new session. `found`, which may be NULL, is whether there was
/// one.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_delete_session(
    broker: *mut mqttlink_broker,
    client_id: *const c_char,
    found: *mut bool,
) -> mqttlink_status {
    guard::call(|| {
        let was_there = self::broker(broker)?.delete_session(text(client_id, "client_id")?)?;
        put_if(found, || was_there);
        Ok(())
    })
}
