//! The program's side of an authentication exchange.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use super::callback::{Hook, mqttlink_free_fn};
use super::guard::{self, Failure};
use super::options::{mqttlink_options, set};
use super::pointer::{bytes, given, text};
use super::status::mqttlink_status;
use crate::{AuthError, Authenticator, Builder};

/// Where an authenticator puts the data it answers with. Lives until the authenticator returns.
#[derive(Default)]
pub struct mqttlink_reply {
    pub(super) data: Mutex<Option<Vec<u8>>>,
    /// Who a broker's client is.
    pub(super) user: Mutex<Option<String>>,
}

/// A new exchange begins: give the data of CONNECT, or of the AUTH that begins a re-authentication, with
/// `mqttlink_reply_set`; none if it is not called. Returns 0, or any other number to give up, which ends
/// the connection. Runs on the thread that connects or re-authenticates.
pub type mqttlink_auth_start_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, reply: *mut mqttlink_reply) -> i32>;

/// The server has sent a challenge, NULL if it is empty: give the data of the answer with
/// `mqttlink_reply_set`. Returns as `mqttlink_auth_start_fn`.
pub type mqttlink_auth_respond_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        challenge: *const c_void,
        len: usize,
        reply: *mut mqttlink_reply,
    ) -> i32,
>;

/// The server is satisfied, and has sent this with its last packet, NULL if it is nothing. A method that
/// authenticates the server too verifies it here. Returns as `mqttlink_auth_start_fn`.
pub type mqttlink_auth_finish_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, data: *const c_void, len: usize) -> i32>;

type Start = unsafe extern "C" fn(*mut c_void, *mut mqttlink_reply) -> i32;
type Respond = unsafe extern "C" fn(*mut c_void, *const c_void, usize, *mut mqttlink_reply) -> i32;
type Finish = unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> i32;

#[derive(Clone, Copy)]
struct Functions {
    start: Start,
    respond: Respond,
    finish: Option<Finish>,
}

/// Carries the client's side of an authentication exchange: SCRAM, Kerberos, or a scheme of one's own
/// (section 4.12). MQTT 5.0 only. `method` is its name, such as "SCRAM-SHA-256". `finish` may be NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_authenticator(
    options: *mut mqttlink_options,
    method: *const c_char,
    start: mqttlink_auth_start_fn,
    respond: mqttlink_auth_respond_fn,
    finish: mqttlink_auth_finish_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    let hook = Hook::new(Some(()), user, free_user);
    set(options, || {
        let null = |name| {
            move || Failure::new(mqttlink_status::MQTTLINK_ERROR_NULL, format!("{name} is NULL"))
        };
        let user = hook.ok_or_else(null("user"))?.user;
        let function = Functions {
            start: start.ok_or_else(null("start"))?,
            respond: respond.ok_or_else(null("respond"))?,
            finish,
        };
        let method = text(method, "method")?.to_owned();
        Ok(move |builder: Builder| {
            let hook = Hook { function, user: Arc::clone(&user) };
            builder.authenticator(Adapter { method: method.clone(), hook })
        })
    })
}

/// Gives the data of an answer, which is copied.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_reply_set(
    reply: *mut mqttlink_reply,
    data: *const c_void,
    len: usize,
) -> mqttlink_status {
    guard::call(|| {
        let reply = given(reply, "reply")?;
        let data = bytes(data, len, "data")?.to_vec();
        *reply.data.lock().unwrap_or_else(PoisonError::into_inner) = Some(data);
        Ok(())
    })
}

struct Adapter {
    method: String,
    hook: Hook<Functions>,
}

fn decided(code: i32) -> Result<(), AuthError> {
    if code == 0 { Ok(()) } else { Err(format!("the authenticator gave up with {code}").into()) }
}

fn reply(call: impl FnOnce(*mut mqttlink_reply) -> i32) -> Result<Option<Vec<u8>>, AuthError> {
    let mut reply = mqttlink_reply::default();
    decided(call(&raw mut reply))?;
    Ok(reply.data.into_inner().unwrap_or_else(PoisonError::into_inner))
}

pub(super) fn parts(data: Option<&[u8]>) -> (*const c_void, usize) {
    data.map_or((ptr::null(), 0), |data| (data.as_ptr().cast(), data.len()))
}

impl Authenticator for Adapter {
    fn method(&self) -> &str {
        &self.method
    }

    fn start(&mut self) -> Result<Option<Vec<u8>>, AuthError> {
        // SAFETY: by the contract the function takes what it was registered with.
        reply(|reply| unsafe { (self.hook.function.start)(self.hook.pointer(), reply) })
    }

    fn respond(&mut self, challenge: Option<&[u8]>) -> Result<Option<Vec<u8>>, AuthError> {
        let (data, len) = parts(challenge);
        // SAFETY: by the contract the function takes what it was registered with; the data live here.
        reply(|reply| unsafe {
            (self.hook.function.respond)(self.hook.pointer(), data, len, reply)
        })
    }

    fn finish(&mut self, data: Option<&[u8]>) -> Result<(), AuthError> {
        let Some(finish) = self.hook.function.finish else { return Ok(()) };
        let (data, len) = parts(data);
        // SAFETY: by the contract the function takes what it was registered with; the data live here.
        decided(unsafe { finish(self.hook.pointer(), data, len) })
    }
}
