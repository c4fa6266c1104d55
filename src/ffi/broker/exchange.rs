//! The broker's side of authentication exchanges.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use super::gate::{Gate, through};
use super::handle::{Handle, mqttlink_broker};
use super::hooks::decided;
use super::options::{mqttlink_broker_options, place};
use super::peer::mqttlink_peer;
use crate::ReasonCode;
use crate::broker::{AuthExchange, Credentials, Decision};
use crate::ffi::authenticator::{mqttlink_reply, parts};
use crate::ffi::callback::{Hook, mqttlink_free_fn};
use crate::ffi::guard::Failure;
use crate::ffi::status::mqttlink_status;

/// A client begins an authentication exchange, or one anew: the method is the
/// `MQTTLINK_PROPERTY_AUTHENTICATION_METHOD` of `mqttlink_peer_properties`. Returns 0 if the method is known,
/// and then may put a pointer of its own into `exchange`; any other number refuses the client with "bad
/// authentication method". Runs on one of the threads for authentication.
pub type mqttlink_exchange_begin_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        broker: *mut mqttlink_broker,
        peer: *const mqttlink_peer,
        exchange: *mut *mut c_void,
    ) -> i32,
>;

/// The client's next data, NULL if there are none: those of CONNECT first, then those of each AUTH. Returns
/// `MQTTLINK_REASON_CONTINUE_AUTHENTICATION` to ask for the next step with the data of
/// `mqttlink_reply_set`; 0 to accept, with the data that the client is to verify, if there are any, and with
/// `mqttlink_reply_set_user`; or the `mqttlink_reason` with which the client is refused. Runs on one of the
/// threads for authentication; the steps of one exchange one after the other.
pub type mqttlink_exchange_step_fn = Option<
    unsafe extern "C" fn(
        exchange: *mut c_void,
        data: *const c_void,
        len: usize,
        reply: *mut mqttlink_reply,
    ) -> i32,
>;

type Begin = unsafe extern "C" fn(
    *mut c_void,
    *mut mqttlink_broker,
    *const mqttlink_peer,
    *mut *mut c_void,
) -> i32;
type Step = unsafe extern "C" fn(*mut c_void, *const c_void, usize, *mut mqttlink_reply) -> i32;

/// The program's functions for exchanges.
#[derive(Clone)]
pub(super) struct Exchanges {
    begin: Hook<Begin>,
    step: Step,
    free_exchange: mqttlink_free_fn,
}

impl Exchanges {
    pub(super) fn begin(
        &self,
        handle: Handle,
        gate: &Arc<Gate>,
        who: &Credentials,
    ) -> Option<Box<dyn AuthExchange>> {
        let mut exchange = ptr::null_mut();
        let place = &raw mut exchange;
        let code = mqttlink_peer::lend_credentials(who, |peer| {
            let (user, broker) = (self.begin.pointer(), handle.pointer());
            // SAFETY: by the contract the function takes what it was registered with; the rest lives
            // until it returns.
            unsafe { (self.begin.function)(user, broker, peer, place) }
        });
        if code != 0 {
            return None;
        }
        let hook = Hook::new(Some(self.step), exchange, self.free_exchange)?;
        Some(Box::new(Exchange { hook, gate: Arc::clone(gate), _user: self.begin.clone() }))
    }
}

/// One exchange.
struct Exchange {
    hook: Hook<Step>,
    gate: Arc<Gate>,
    /// What the exchange may point at lives as long.
    _user: Hook<Begin>,
}

impl AuthExchange for Exchange {
    fn step(&mut self, data: Option<&[u8]>) -> Decision {
        let (data, len) = parts(data);
        let closed = Decision::Refuse(ReasonCode::ServerUnavailable);
        through(&self.gate, closed, || {
            // SAFETY: by the contract the function takes what the exchange was begun with; the rest lives
            // until it returns.
            decided(|reply| unsafe { (self.hook.function)(self.hook.pointer(), data, len, reply) })
        })
    }
}

/// Carries clients with an authentication method through their exchange: SCRAM, Kerberos, or a scheme of
/// one's own (section 4.12). MQTT 5.0 only. `begin` is called with `user`, `step` with the pointer that
/// `begin` gave; `free_exchange`, which may be NULL, frees that pointer when the exchange is over. `begin`
/// NULL takes all of them away again.
///
/// If there is no function for `mqttlink_broker_options_on_authenticate`, clients without a method are
/// refused.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_options_on_exchange(
    options: *mut mqttlink_broker_options,
    begin: mqttlink_exchange_begin_fn,
    step: mqttlink_exchange_step_fn,
    free_exchange: mqttlink_free_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    let hook = Hook::new(begin, user, free_user);
    let exchange = || {
        let Some(begin) = hook else { return Ok(None) };
        let null = || Failure::new(mqttlink_status::MQTTLINK_ERROR_NULL, "step is NULL");
        Ok(Some(Exchanges { begin, step: step.ok_or_else(null)?, free_exchange }))
    };
    place(options, exchange, |hooks| &mut hooks.exchange)
}
