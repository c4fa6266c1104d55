//! How a broker speaks TLS.

use std::ffi::{c_char, c_void};
use std::sync::{Mutex, PoisonError};

#[cfg(feature = "tls")]
pub(super) use crate::TlsServerOptions as Options;
use crate::ffi::guard::{self, Failure};
use crate::ffi::pointer::{bytes, free, given, optional, out, text};
use crate::ffi::status::mqttlink_status;
use crate::ffi::tls::tls_version;

/// Who a broker is, and which clients it wants to see proof from. Made by `mqttlink_server_tls_new`, freed
/// by `mqttlink_server_tls_free`, used by `mqttlink_broker_options_listen`, which keeps a copy. In a library
/// built without TLS there is none: `MQTTLINK_ERROR_NOT_SUPPORTED`. On Windows and Apple's systems a broker
/// has no TLS.
pub struct mqttlink_server_tls {
    options: Mutex<Options>,
}

/// Nobody has these.
#[cfg(not(feature = "tls"))]
#[derive(Clone)]
pub(super) enum Options {}

#[cfg(not(feature = "tls"))]
impl Options {
    fn client_authority_file(self, _: &str) -> Self {
        self
    }
    fn client_authority(self, _: &[u8]) -> Self {
        self
    }
    fn require_client_certificate(self, _: bool) -> Self {
        self
    }
    fn min_version(self, (): ()) -> Self {
        self
    }
}

#[cfg(feature = "tls")]
fn from_files(certificate: &str, key: &str) -> Result<Options, Failure> {
    Ok(Options::new(certificate, key))
}

#[cfg(not(feature = "tls"))]
fn from_files(_: &str, _: &str) -> Result<Options, Failure> {
    Err(crate::ffi::tls::not_supported())
}

#[cfg(feature = "tls")]
fn from_memory(certificate: &[u8], key: &[u8]) -> Result<Options, Failure> {
    Ok(Options::from_memory(certificate, key))
}

#[cfg(not(feature = "tls"))]
fn from_memory(_: &[u8], _: &[u8]) -> Result<Options, Failure> {
    Err(crate::ffi::tls::not_supported())
}

impl mqttlink_server_tls {
    /// A copy of settings that may be NULL.
    pub(super) fn copied(tls: *const Self) -> Result<Option<Options>, Failure> {
        Ok(optional(tls)
            .map(|tls| tls.options.lock().unwrap_or_else(PoisonError::into_inner).clone()))
    }
}

fn change(
    tls: *mut mqttlink_server_tls,
    change: impl FnOnce(Options) -> Result<Options, Failure>,
) -> mqttlink_status {
    guard::call(|| {
        let tls = given(tls, "tls")?;
        #[cfg_attr(not(feature = "tls"), allow(unused_mut, reason = "there are no such settings"))]
        let mut options = tls.options.lock().unwrap_or_else(PoisonError::into_inner);
        *options = change(options.clone())?;
        Ok(())
    })
}

/// TLS with the broker's certificate, followed by those that lead to its authority, and its private key,
/// both in PEM files. They are read by `mqttlink_broker_start`, which reports errors in them.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_server_tls_new(
    certificate_path: *const c_char,
    key_path: *const c_char,
    tls: *mut *mut mqttlink_server_tls,
) -> mqttlink_status {
    guard::call(|| {
        let place = out(tls, "tls")?;
        let certificate = text(certificate_path, "certificate_path")?;
        let options = from_files(certificate, text(key_path, "key_path")?)?;
        place.put_new(mqttlink_server_tls { options: Mutex::new(options) });
        Ok(())
    })
}

/// As `mqttlink_server_tls_new`, with PEM from memory.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_server_tls_new_from_memory(
    certificate: *const c_void,
    certificate_len: usize,
    key: *const c_void,
    key_len: usize,
    tls: *mut *mut mqttlink_server_tls,
) -> mqttlink_status {
    guard::call(|| {
        let place = out(tls, "tls")?;
        let certificate = bytes(certificate, certificate_len, "certificate")?;
        let options = from_memory(certificate, bytes(key, key_len, "key")?)?;
        place.put_new(mqttlink_server_tls { options: Mutex::new(options) });
        Ok(())
    })
}

/// Frees TLS settings. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_server_tls_free(tls: *mut mqttlink_server_tls) {
    guard::or((), || free(tls));
}

/// Asks clients for a certificate and takes those that this authority has signed; a PEM file.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_server_tls_add_client_authority_file(
    tls: *mut mqttlink_server_tls,
    path: *const c_char,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.client_authority_file(text(path, "path")?)))
}

/// Asks clients for a certificate and takes those that this authority has signed; PEM.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_server_tls_add_client_authority(
    tls: *mut mqttlink_server_tls,
    data: *const c_void,
    len: usize,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.client_authority(bytes(data, len, "data")?)))
}

/// Whether a client without a certificate is refused. Default: false; the function that authenticates
/// sees whether there is one.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_server_tls_require_client_certificate(
    tls: *mut mqttlink_server_tls,
    required: bool,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.require_client_certificate(required)))
}

/// The oldest version that is spoken: a `mqttlink_tls_version`. Default: `MQTTLINK_TLS_1_2`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_server_tls_set_min_version(
    tls: *mut mqttlink_server_tls,
    version: i32,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.min_version(tls_version(version)?)))
}
