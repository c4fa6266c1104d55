//! A broker that runs.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::time::Duration;

use super::handle::{self, Handle, broker, mqttlink_broker};
use super::options::mqttlink_broker_options;
use super::peer::mqttlink_peer;
use crate::ffi::counted;
use crate::ffi::guard::{self, Failure};
use crate::ffi::numbers;
use crate::ffi::options::{begin, mqttlink_options};
use crate::ffi::pointer::{bytes, given, optional, out, put_if, text};
use crate::ffi::properties::{list, mqttlink_properties};
use crate::ffi::status::mqttlink_status;
use crate::{Client, Publish};

/// How long freeing a broker waits until every client has been told.
const FREE_LIMIT: Duration = Duration::from_secs(1);

/// Is shown a client that is connected, which lives until the function returns.
pub type mqttlink_peer_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        broker: *mut mqttlink_broker,
        peer: *const mqttlink_peer,
    ),
>;

/// Starts a broker. Host names are looked up, addresses listened on and certificates read; it does not wait
/// for anything else. The options may be freed or used again. It is freed with `mqttlink_broker_free`.
///
/// `MQTTLINK_ERROR_LISTEN_FAILED` if an address cannot be listened on; `MQTTLINK_ERROR_TLS_CERTIFICATE` and
/// its like if a file cannot be used; `MQTTLINK_ERROR_INVALID_ARGUMENT` if an address could be reached from
/// other machines although nobody asks who connects; `MQTTLINK_ERROR_RESOURCES`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_start(
    options: *const mqttlink_broker_options,
    broker: *mut *mut mqttlink_broker,
) -> mqttlink_status {
    guard::call(|| {
        let options = given(options, "options")?;
        let place = out(broker, "broker")?;
        let settings = options.lock().clone();
        let handle = handle::start(|handle, gate| settings.start(handle, gate))?;
        place.put(handle.pointer());
        Ok(())
    })
}

/// Stops a broker if it runs, and frees it, at any moment, on any thread, also inside its own callbacks.
/// NULL is allowed; a second time does nothing.
///
/// As `mqttlink_broker_stop` with a second. When it returns, none of the broker's callbacks runs any more or
/// will: it waits for those that run on other threads, except inside one of them.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_free(broker: *mut mqttlink_broker) {
    guard::or((), || {
        let Some(handle) = handle_of(broker) else { return };
        if let Ok(broker) = counted::condemn(handle) {
            broker.stop(FREE_LIMIT);
            broker.gate.close();
        }
    });
}

/// Handles live for ever.
fn handle_of(broker: *mut mqttlink_broker) -> Option<Handle> {
    optional(broker)
}

/// Stops a broker: its addresses are free, clients are told ("server shutting down" in MQTT 5.0) and
/// disconnected, wills are not published. Clients that do not take what is left for them are given so many
/// milliseconds, and so are callbacks; one that still runs a moment later is left to itself.
/// `MQTTLINK_DEFAULT` is a second. Succeeds at once if the broker has stopped already, and inside one of its
/// own callbacks without waiting.
///
/// What needs a broker that runs then fails with `MQTTLINK_ERROR_BROKER_STOPPED`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_stop(
    broker: *mut mqttlink_broker,
    timeout_ms: i64,
) -> mqttlink_status {
    guard::call(|| {
        let broker = self::broker(broker)?;
        broker.stop(numbers::limit(timeout_ms)?.unwrap_or(FREE_LIMIT));
        Ok(())
    })
}

/// The port of the first address on which the broker listens; 0 if there is none, for NULL and for a freed
/// broker.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_port(broker: *const mqttlink_broker) -> u16 {
    guard::or(0, || {
        let broker = self::broker(broker).ok();
        broker.and_then(|broker| broker.address()).map_or(0, |address| address.port())
    })
}

/// On how many addresses the broker listens. 0 for NULL and for a freed broker.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_address_count(broker: *const mqttlink_broker) -> usize {
    guard::or(0, || self::broker(broker).map_or(0, |broker| broker.addresses.len()))
}

/// The address at a place, from 0, with the port that the system chose: "127.0.0.1:40123", in the order of
/// `mqttlink_broker_options_listen`; a broker for tests has its own first. NULL behind the last one. Lives
/// until the broker is freed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_address(
    broker: *const mqttlink_broker,
    index: usize,
) -> *const c_char {
    guard::or(ptr::null(), || {
        let Ok(broker) = self::broker(broker) else { return ptr::null() };
        broker.addresses.get(index).map_or(ptr::null(), |address| address.as_ptr())
    })
}

/// Begins to set up clients that reach a broker in this process without a socket; otherwise as
/// `mqttlink_options_new`. Once the broker has stopped, connecting fails.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_new_in_process(
    broker: *const mqttlink_broker,
    options: *mut *mut mqttlink_options,
) -> mqttlink_status {
    guard::call(|| {
        let connector = self::broker(broker)?.connector();
        begin(options, move || Client::builder_in_process(&connector))
    })
}

/// Publishes a message in the program's own name, to clients and to `mqttlink_broker_subscribe`. No callback
/// is asked about it. Waits only while 65,536 such messages wait to be routed.
///
/// The arguments are those of `mqttlink_client_publish`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_publish(
    broker: *mut mqttlink_broker,
    topic: *const c_char,
    payload: *const c_void,
    len: usize,
    qos: i32,
    retain: bool,
    properties: *const mqttlink_properties,
) -> mqttlink_status {
    guard::call(|| {
        let broker = self::broker(broker)?;
        let payload = bytes(payload, len, "payload")?;
        let message = Publish::new(text(topic, "topic")?, payload)
            .qos(numbers::qos(qos)?)
            .retain(retain)
            .properties(list(properties));
        Ok(broker.publish(&message)?)
    })
}

/// Calls a function once for each client that is connected, on this thread, before it returns. It may call
/// everything.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_each_client(
    broker: *mut mqttlink_broker,
    callback: mqttlink_peer_fn,
    user: *mut c_void,
) -> mqttlink_status {
    guard::call(|| {
        let null = || Failure::new(mqttlink_status::MQTTLINK_ERROR_NULL, "callback is NULL");
        let clients = self::broker(broker)?.clients()?;
        let callback = callback.ok_or_else(null)?;
        for client in clients {
            // SAFETY: by the contract the function takes the pointer that came with it; the peer lives
            // until it returns.
            mqttlink_peer::lend(&client, |peer| unsafe { callback(user, broker, peer) });
        }
        Ok(())
    })
}

/// Ends the connection of a client, in MQTT 5.0 with this `mqttlink_reason`. `found`, which may be NULL, is
/// whether it was connected.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_disconnect(
    broker: *mut mqttlink_broker,
    client_id: *const c_char,
    reason: i32,
    found: *mut bool,
) -> mqttlink_status {
    guard::call(|| {
        let broker = self::broker(broker)?;
        let (client_id, reason) = (text(client_id, "client_id")?, numbers::reason(reason)?);
        let was_connected = broker.disconnect(client_id, reason)?;
        put_if(found, || was_connected);
        Ok(())
    })
}
