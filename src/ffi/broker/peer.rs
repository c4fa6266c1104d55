//! A client, as the broker sees it.

use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::OnceLock;

use crate::Properties;
use crate::broker::{ClientInfo, Credentials, Peer};
use crate::ffi::guard;
use crate::ffi::pointer::{c_text, optional, show_bytes};
use crate::ffi::properties::mqttlink_properties;

/// A client, as the broker sees it. Lives, with all that its functions return, until the callback that got
/// it returns.
pub struct mqttlink_peer {
    who: Who,
    client_id: OnceLock<CString>,
    user: OnceLock<CString>,
    address: OnceLock<CString>,
    subject: OnceLock<CString>,
    common_name: OnceLock<CString>,
    properties: OnceLock<mqttlink_properties>,
}

enum Who {
    Asking(*const Credentials),
    Accepted(*const ClientInfo),
}

#[derive(Clone, Copy)]
enum View<'a> {
    Asking(&'a Credentials),
    Accepted(&'a ClientInfo),
}

impl<'a> View<'a> {
    fn client_id(self) -> &'a str {
        match self {
            Self::Asking(who) => &who.client_id,
            Self::Accepted(who) => &who.client_id,
        }
    }

    fn user(self) -> Option<&'a str> {
        match self {
            Self::Asking(who) => who.user_name.as_deref(),
            Self::Accepted(who) => who.user.as_deref(),
        }
    }

    const fn peer(self) -> &'a Peer {
        match self {
            Self::Asking(who) => &who.peer,
            Self::Accepted(who) => &who.peer,
        }
    }

    const fn credentials(self) -> Option<&'a Credentials> {
        match self {
            Self::Asking(who) => Some(who),
            Self::Accepted(_) => None,
        }
    }
}

impl mqttlink_peer {
    const fn new(who: Who) -> Self {
        Self {
            who,
            client_id: OnceLock::new(),
            user: OnceLock::new(),
            address: OnceLock::new(),
            subject: OnceLock::new(),
            common_name: OnceLock::new(),
            properties: OnceLock::new(),
        }
    }

    /// Shows a client that wants to connect, for the time of a call.
    pub(super) fn lend_credentials<T>(who: &Credentials, call: impl FnOnce(*const Self) -> T) -> T {
        let view = Self::new(Who::Asking(who));
        call(&raw const view)
    }

    /// Shows a client for the time of a call.
    pub(super) fn lend<T>(who: &ClientInfo, call: impl FnOnce(*const Self) -> T) -> T {
        let view = Self::new(Who::Accepted(who));
        call(&raw const view)
    }

    fn view(&self) -> View<'_> {
        match self.who {
            // SAFETY: it points at what was lent for a call that goes on.
            Who::Asking(who) => View::Asking(unsafe { &*who }),
            // SAFETY: as above.
            Who::Accepted(who) => View::Accepted(unsafe { &*who }),
        }
    }
}

fn look<T: Copy>(peer: *const mqttlink_peer, none: T, get: impl FnOnce(&mqttlink_peer) -> T) -> T {
    guard::or(none, || optional(peer).map_or(none, get))
}

fn shown(place: &OnceLock<CString>, text: Option<&str>) -> *const c_char {
    text.map_or(ptr::null(), |text| place.get_or_init(|| c_text(text)).as_ptr())
}

/// The client identifier, which the broker may have chosen. NULL only for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_peer_client_id(peer: *const mqttlink_peer) -> *const c_char {
    look(peer, ptr::null(), |peer| shown(&peer.client_id, Some(peer.view().client_id())))
}

/// Who the client is: what `mqttlink_reply_set_user` said, else the user name; NULL if there is neither.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_peer_user(peer: *const mqttlink_peer) -> *const c_char {
    look(peer, ptr::null(), |peer| shown(&peer.user, peer.view().user()))
}

/// The password, and in `len`, which may be NULL, how many bytes it has. It may hold any byte, and no NUL
/// follows it. NULL if there is none, and in every callback but those that authenticate.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_peer_password(
    peer: *const mqttlink_peer,
    len: *mut usize,
) -> *const c_void {
    guard::or(ptr::null(), || {
        let who = optional(peer).and_then(|peer| peer.view().credentials());
        show_bytes(who.and_then(|who| who.password.as_deref()), len)
    })
}

/// The protocol version: a `mqttlink_protocol`. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_peer_version(peer: *const mqttlink_peer) -> i32 {
    look(peer, 0, |peer| {
        let version = match peer.view() {
            View::Asking(who) => who.version,
            View::Accepted(who) => who.version,
        };
        version.level().into()
    })
}

/// The client's address and port: "127.0.0.1:50000". NULL for a client inside the process.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_peer_address(peer: *const mqttlink_peer) -> *const c_char {
    look(peer, ptr::null(), |peer| {
        let address = peer.view().peer().address.map(|address| address.to_string());
        shown(&peer.address, address.as_deref())
    })
}

/// The subject of the certificate with which the client proved who it is: "CN=name,O=organisation". NULL
/// if it has none.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_peer_certificate_subject(peer: *const mqttlink_peer) -> *const c_char {
    look(peer, ptr::null(), |peer| {
        let certificate = peer.view().peer().certificate.as_ref();
        shown(&peer.subject, certificate.map(|certificate| certificate.subject.as_str()))
    })
}

/// The common name of that subject; NULL if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_peer_certificate_common_name(
    peer: *const mqttlink_peer,
) -> *const c_char {
    look(peer, ptr::null(), |peer| {
        let certificate = peer.view().peer().certificate.as_ref();
        let name = certificate.and_then(|certificate| certificate.common_name.as_deref());
        shown(&peer.common_name, name)
    })
}

/// The certificate itself, in DER, and in `len`, which may be NULL, how many bytes it has. NULL if there is
/// none.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_peer_certificate(
    peer: *const mqttlink_peer,
    len: *mut usize,
) -> *const c_void {
    guard::or(ptr::null(), || {
        let certificate = optional(peer).and_then(|peer| peer.view().peer().certificate.as_ref());
        show_bytes(certificate.map(|certificate| certificate.der.as_slice()), len)
    })
}

/// The properties of CONNECT, the authentication method among them; an empty list before MQTT 5.0, and in
/// every callback but those that authenticate. NULL only for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_peer_properties(
    peer: *const mqttlink_peer,
) -> *const mqttlink_properties {
    look(peer, ptr::null(), |peer| {
        let none = Properties::new;
        let properties =
            || peer.view().credentials().map_or_else(none, |who| who.properties.clone());
        ptr::from_ref(peer.properties.get_or_init(|| properties().into()))
    })
}
