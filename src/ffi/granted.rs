//! What the server granted with CONNACK.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::{Arc, OnceLock};

use super::guard;
use super::pointer::{c_text, free, optional};
use super::properties::mqttlink_properties;
use crate::Granted;

/// What the server granted when it accepted a connection: everything that CONNACK carried (section
/// 3.2). From a callback it lives until the callback returns; from a function it is freed with
/// `mqttlink_granted_free`.
pub struct mqttlink_granted {
    granted: Arc<Granted>,
    client_id: OnceLock<CString>,
    properties: OnceLock<mqttlink_properties>,
}

impl mqttlink_granted {
    pub(super) const fn new(granted: Arc<Granted>) -> Self {
        Self { granted, client_id: OnceLock::new(), properties: OnceLock::new() }
    }
}

fn look<T: Copy>(granted: *const mqttlink_granted, none: T, get: impl FnOnce(&Granted) -> T) -> T {
    guard::or(none, || optional(granted).map_or(none, |granted| get(&granted.granted)))
}

/// Frees what `mqttlink_client_connect`, `mqttlink_client_reconnect` or `mqttlink_client_granted` gave.
/// NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_granted_free(granted: *mut mqttlink_granted) {
    guard::or((), || free(granted));
}

/// The protocol version of the connection: a `mqttlink_protocol`. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_granted_version(granted: *const mqttlink_granted) -> i32 {
    look(granted, 0, |granted| granted.version.level().into())
}

/// Whether the server goes on with an earlier session: its subscriptions are still there. Always false
/// in MQTT 3.1, which cannot say.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_granted_session_present(granted: *const mqttlink_granted) -> bool {
    look(granted, false, |granted| granted.session_present)
}

/// The client identifier in use, which the server may have assigned. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_granted_client_id(granted: *const mqttlink_granted) -> *const c_char {
    guard::or(ptr::null(), || {
        optional(granted).map_or(ptr::null(), |granted| {
            granted.client_id.get_or_init(|| c_text(&granted.granted.client_id)).as_ptr()
        })
    })
}

/// The keep alive in force, in seconds, which the server may have changed; 0 is off.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_granted_keep_alive(granted: *const mqttlink_granted) -> u16 {
    look(granted, 0, |granted| granted.keep_alive)
}

/// How many seconds the session outlives the connection; 4,294,967,295 means for ever.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_granted_session_expiry(granted: *const mqttlink_granted) -> u32 {
    look(granted, 0, |granted| granted.session_expiry)
}

/// How many messages of QoS 1 and 2 may await their acknowledgement; 1 to 65,535.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_granted_receive_maximum(granted: *const mqttlink_granted) -> u16 {
    look(granted, 0, |granted| granted.limits.receive_maximum)
}

/// The highest QoS the server takes, 0 to 2.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_granted_maximum_qos(granted: *const mqttlink_granted) -> i32 {
    look(granted, 0, |granted| granted.limits.maximum_qos.number().into())
}

/// Whether the server keeps retained messages.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_granted_retain_available(granted: *const mqttlink_granted) -> bool {
    look(granted, false, |granted| granted.limits.retain_available)
}

/// The largest packet the server takes, in bytes, fixed header included.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_granted_maximum_packet_size(granted: *const mqttlink_granted) -> usize {
    look(granted, 0, |granted| granted.limits.maximum_packet_size)
}

/// How many topic aliases the server takes; 0 means none.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_granted_topic_alias_maximum(granted: *const mqttlink_granted) -> u16 {
    look(granted, 0, |granted| granted.limits.topic_alias_maximum)
}

/// Whether filters may contain wildcards.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_granted_wildcard_available(granted: *const mqttlink_granted) -> bool {
    look(granted, false, |granted| granted.limits.wildcard_subscription_available)
}

/// Whether subscriptions may have an identifier.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_granted_subscription_id_available(
    granted: *const mqttlink_granted,
) -> bool {
    look(granted, false, |granted| granted.limits.subscription_id_available)
}

/// Whether shared subscriptions are offered.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_granted_shared_available(granted: *const mqttlink_granted) -> bool {
    look(granted, false, |granted| granted.limits.shared_subscription_available)
}

/// All properties of the CONNACK, the reason string, response information and user properties among
/// them; an empty list before MQTT 5.0. Lives as long as `granted`. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_granted_properties(
    granted: *const mqttlink_granted,
) -> *const mqttlink_properties {
    guard::or(ptr::null(), || {
        optional(granted).map_or(ptr::null(), |granted| {
            let all = || granted.granted.properties.borrowed().into();
            ptr::from_ref(granted.properties.get_or_init(all))
        })
    })
}
