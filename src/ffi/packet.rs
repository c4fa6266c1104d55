//! Packets, for inspection.

use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::OnceLock;

use super::guard;
use super::numbers::mqttlink_direction;
use super::pointer::{c_text, optional, put_if};
use crate::Inspected;

/// A packet that went over the wire. Lives until the callback that got it returns.
pub struct mqttlink_packet {
    direction: mqttlink_direction,
    bytes: *const u8,
    len: usize,
    /// One line, made when it is asked for.
    line: OnceLock<CString>,
    packet: *const Inspected<'static>,
}

impl mqttlink_packet {
    /// Shows a packet for the time of a call.
    pub(super) fn lend(packet: &Inspected<'_>, call: impl FnOnce(*const Self)) {
        let view = Self {
            direction: packet.direction.into(),
            bytes: packet.bytes.as_ptr(),
            len: packet.bytes.len(),
            line: OnceLock::new(),
            packet: ptr::from_ref(packet).cast(),
        };
        call(&raw const view);
    }

    fn line(&self) -> &CString {
        // SAFETY: the view lives no longer than what `lend` was given, which stays where it is.
        self.line.get_or_init(|| c_text(&unsafe { &*self.packet }.to_string()))
    }
}

/// Which way the packet went.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_packet_direction(packet: *const mqttlink_packet) -> mqttlink_direction {
    let none = mqttlink_direction::MQTTLINK_RECEIVED;
    guard::or(none, || optional(packet).map_or(none, |packet| packet.direction))
}

/// The packet's bytes, fixed header included, and how many there are. They may hold a password. NULL
/// for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_packet_bytes(
    packet: *const mqttlink_packet,
    len: *mut usize,
) -> *const c_void {
    guard::or(ptr::null(), || {
        let found = optional(packet);
        put_if(len, || found.map_or(0, |packet| packet.len));
        found.map_or(ptr::null(), |packet| packet.bytes.cast())
    })
}

/// The packet in one line, without payload, password and authentication data. "" for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_packet_text(packet: *const mqttlink_packet) -> *const c_char {
    let none = c"".as_ptr();
    guard::or(none, || optional(packet).map_or(none, |packet| packet.line().as_ptr()))
}
