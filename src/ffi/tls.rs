//! How TLS is spoken.

use std::ffi::{CString, c_char, c_void};
#[cfg(feature = "tls")]
use std::sync::{Mutex, PoisonError};

use super::callback::{Hook, mqttlink_free_fn};
use super::guard::{self, Failure};
#[cfg(feature = "tls")]
pub(super) use super::numbers::tls_version;
use super::options::mqttlink_options;
#[cfg(feature = "tls")]
use super::options::set;
use super::pointer::{bytes, free, given, new, text};
use super::status::mqttlink_status;
#[cfg(feature = "tls")]
use crate::{Builder, TlsOptions};

/// What to trust and who to be. By default the server's certificate is verified against the system's
/// authorities and its name against the host. Made by `mqttlink_tls_new`, freed by
/// `mqttlink_tls_free`, used by `mqttlink_options_set_tls`, which keeps a copy. In a library built
/// without TLS its functions return `MQTTLINK_ERROR_NOT_SUPPORTED`.
pub struct mqttlink_tls {
    #[cfg(feature = "tls")]
    options: Mutex<TlsOptions>,
}

#[cfg(feature = "tls")]
type Options = TlsOptions;
#[cfg(not(feature = "tls"))]
struct Options;

/// Settings of a library that has no TLS.
#[cfg(not(feature = "tls"))]
macro_rules! without_tls {
    ($($name:ident($($argument:ty),*);)*) => {
        impl Options {
            $(fn $name(self, $(_: $argument),*) -> Self { self })*
        }
    };
}

#[cfg(not(feature = "tls"))]
without_tls! {
    ca_file(&str); ca(&[u8]); system_roots(bool); certificate_file(&str); certificate(&[u8]);
    key_file(&str); key(&[u8]); key_password(&str); pkcs12_file(&str, &str); pkcs12(&[u8], &str);
    alpn(&str); server_name(&str); min_version(()); max_version(()); sni(bool);
    danger_accept_invalid_certificates(bool); danger_accept_invalid_host_names(bool);
}

#[cfg(not(feature = "tls"))]
impl Options {
    fn verifier(self, _: impl Fn(&str, &[u8]) -> bool + Send + Sync + 'static) -> Self {
        self
    }
}

#[cfg(not(feature = "tls"))]
pub(super) fn tls_version(_: i32) -> Result<(), Failure> {
    Ok(())
}

#[cfg(not(feature = "tls"))]
pub(super) fn not_supported() -> Failure {
    let text = "this library was built without TLS: build it with the feature `tls`";
    Failure::new(mqttlink_status::MQTTLINK_ERROR_NOT_SUPPORTED, text)
}

fn change(
    tls: *mut mqttlink_tls,
    change: impl FnOnce(Options) -> Result<Options, Failure>,
) -> mqttlink_status {
    guard::call(|| {
        let tls = given(tls, "tls")?;
        #[cfg(feature = "tls")]
        {
            let mut options = tls.options.lock().unwrap_or_else(PoisonError::into_inner);
            let changed = change(options.clone())?;
            let earlier = std::mem::replace(&mut *options, changed);
            // Its user pointer is freed by the program, under no lock.
            drop(options);
            drop(earlier);
            Ok(())
        }
        #[cfg(not(feature = "tls"))]
        {
            let _ = tls;
            change(Options)?;
            Err(not_supported())
        }
    })
}

/// New TLS settings: verified against the system's authorities, without a client certificate. NULL
/// only after a bug in mqttlink.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_new() -> *mut mqttlink_tls {
    guard::or(std::ptr::null_mut(), || {
        new(mqttlink_tls {
            #[cfg(feature = "tls")]
            options: Mutex::new(TlsOptions::new()),
        })
    })
}

/// Frees TLS settings. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_free(tls: *mut mqttlink_tls) {
    guard::or((), || free(tls));
}

/// Speaks TLS with these settings, which are copied. A `mqtts` URL speaks TLS also without. Files are
/// read and errors in them are reported by `mqttlink_client_new`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_tls(
    options: *mut mqttlink_options,
    tls: *const mqttlink_tls,
) -> mqttlink_status {
    #[cfg(feature = "tls")]
    return set(options, || {
        let tls = given(tls, "tls")?;
        let tls = tls.options.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(move |builder: Builder| builder.tls(tls.clone()))
    });
    #[cfg(not(feature = "tls"))]
    guard::call(|| {
        given(options, "options")?;
        given(tls, "tls")?;
        Err(not_supported())
    })
}

/// Trusts the certificate authorities in this file, PEM (one or more) or DER (one), besides the
/// system's.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_add_ca_file(
    tls: *mut mqttlink_tls,
    path: *const c_char,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.ca_file(text(path, "path")?)))
}

/// Trusts these certificate authorities, PEM (one or more) or DER (one), besides the system's.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_add_ca(
    tls: *mut mqttlink_tls,
    data: *const c_void,
    len: usize,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.ca(bytes(data, len, "data")?)))
}

/// Whether the system's certificate authorities are trusted. Default: true.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_set_system_roots(
    tls: *mut mqttlink_tls,
    trusted: bool,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.system_roots(trusted)))
}

/// The client's certificate, from a file: PEM with its chain behind it, or DER.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_set_certificate_file(
    tls: *mut mqttlink_tls,
    path: *const c_char,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.certificate_file(text(path, "path")?)))
}

/// The client's certificate: PEM with its chain behind it, or DER.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_set_certificate(
    tls: *mut mqttlink_tls,
    data: *const c_void,
    len: usize,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.certificate(bytes(data, len, "data")?)))
}

/// The client's private key, from a file: PKCS#8, PKCS#1 or SEC1, as PEM or DER.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_set_key_file(
    tls: *mut mqttlink_tls,
    path: *const c_char,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.key_file(text(path, "path")?)))
}

/// The client's private key: PKCS#8, PKCS#1 or SEC1, as PEM or DER.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_set_key(
    tls: *mut mqttlink_tls,
    data: *const c_void,
    len: usize,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.key(bytes(data, len, "data")?)))
}

/// The password of the key that was set before, which is encrypted PKCS#8.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_set_key_password(
    tls: *mut mqttlink_tls,
    password: *const c_char,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.key_password(text(password, "password")?)))
}

/// The client's certificate, chain and key in one PKCS#12 container, from a file.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_set_pkcs12_file(
    tls: *mut mqttlink_tls,
    path: *const c_char,
    password: *const c_char,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.pkcs12_file(text(path, "path")?, text(password, "password")?)))
}

/// The client's certificate, chain and key in one PKCS#12 container.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_set_pkcs12(
    tls: *mut mqttlink_tls,
    data: *const c_void,
    len: usize,
    password: *const c_char,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.pkcs12(bytes(data, len, "data")?, text(password, "password")?)))
}

/// Offers an application protocol (ALPN), in order of preference: `mqtt`, or `x-amzn-mqtt-ca` for AWS
/// IoT Core on port 443.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_add_alpn(
    tls: *mut mqttlink_tls,
    protocol: *const c_char,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.alpn(text(protocol, "protocol")?)))
}

/// The name that the server's certificate is for, where it is not the host of the URL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_set_server_name(
    tls: *mut mqttlink_tls,
    name: *const c_char,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.server_name(text(name, "name")?)))
}

/// The oldest version accepted: a `mqttlink_tls_version`. Default: TLS 1.2.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_set_min_version(
    tls: *mut mqttlink_tls,
    version: i32,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.min_version(tls_version(version)?)))
}

/// The newest version offered: a `mqttlink_tls_version`. Default: the newest there is.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_set_max_version(
    tls: *mut mqttlink_tls,
    version: i32,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.max_version(tls_version(version)?)))
}

/// Whether the server is told the name that is expected (SNI). Default: true.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_set_sni(tls: *mut mqttlink_tls, sent: bool) -> mqttlink_status {
    change(tls, |tls| Ok(tls.sni(sent)))
}

/// Accepts any certificate. Whoever is on the way can read and change everything.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_danger_accept_invalid_certificates(
    tls: *mut mqttlink_tls,
    accepted: bool,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.danger_accept_invalid_certificates(accepted)))
}

/// Accepts a certificate that is for another name. Whoever has any certificate of a trusted authority
/// can read and change everything.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_danger_accept_invalid_host_names(
    tls: *mut mqttlink_tls,
    accepted: bool,
) -> mqttlink_status {
    change(tls, |tls| Ok(tls.danger_accept_invalid_host_names(accepted)))
}

/// Decides about the certificate of a server: `host` is the name that was asked for, `certificate` its
/// certificate as DER. Returns 0 to go on, any other number to end the connection. Runs on the thread
/// that connects, for every connection, after the handshake and before a byte of MQTT.
pub type mqttlink_verify_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        host: *const c_char,
        certificate: *const c_void,
        len: usize,
    ) -> i32,
>;

/// Has the program decide about servers' certificates, in the place of the TLS library: this checks
/// neither authority nor name then, only that the server has the key of the certificate.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_tls_set_verifier(
    tls: *mut mqttlink_tls,
    verify: mqttlink_verify_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    let hook = Hook::new(verify, user, free_user);
    change(tls, |tls| {
        let null = Failure::new(mqttlink_status::MQTTLINK_ERROR_NULL, "verify is NULL");
        let hook = hook.ok_or(null)?;
        Ok(tls.verifier(move |host: &str, certificate: &[u8]| {
            let Ok(host) = CString::new(host) else { return false };
            let (data, len) = (certificate.as_ptr().cast(), certificate.len());
            // SAFETY: by the contract the function takes what it was registered with; the others live here.
            let code = unsafe { (hook.function)(hook.pointer(), host.as_ptr(), data, len) };
            code == 0
        }))
    })
}
