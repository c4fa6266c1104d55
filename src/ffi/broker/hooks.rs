//! Where the program has a say in what a broker does.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::{Arc, PoisonError};

use super::draft::mqttlink_draft;
use super::events::mqttlink_broker_event_fn;
use super::exchange::Exchanges;
use super::gate::{Gate, through};
use super::handle::{Handle, mqttlink_broker};
use super::options::{mqttlink_broker_options, place};
use super::peer::mqttlink_peer;
use crate::ReasonCode;
use crate::broker::{
    Action, AuthExchange, BrokerBuilder, ClientAuthenticator, ClientInfo, Credentials, Decision,
    Draft,
};
use crate::ffi::authenticator::mqttlink_reply;
use crate::ffi::callback::{Hook, mqttlink_free_fn};
use crate::ffi::guard;
use crate::ffi::message::mqttlink_message;
use crate::ffi::numbers;
use crate::ffi::options::Slot;
use crate::ffi::pointer::{c_text, given, text};
use crate::ffi::source::Source;
use crate::ffi::status::mqttlink_status;

/// What a client wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum mqttlink_action {
    /// To publish, also as its will: topic, QoS and retain are those of the message.
    MQTTLINK_ACTION_PUBLISH = 0,
    /// To subscribe: the topic is the filter, the QoS the one asked for.
    MQTTLINK_ACTION_SUBSCRIBE = 1,
    /// To be given a message that matches one of its subscriptions.
    MQTTLINK_ACTION_DELIVER = 2,
}

/// Decides whether a client may connect. Returns 0 if it may, or the `mqttlink_reason` with which it is
/// refused; what is no reason for CONNACK becomes "not authorized". `mqttlink_reply_set_user` says who it
/// is, for the other callbacks.
///
/// Runs on one of the threads for authentication, several at the same time, so it may ask a database or
/// another server; other clients are served meanwhile. It may call every function of this broker and of
/// others.
pub type mqttlink_authenticate_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        broker: *mut mqttlink_broker,
        peer: *const mqttlink_peer,
        reply: *mut mqttlink_reply,
    ) -> i32,
>;

/// Decides whether a client may do something: `action` is a `mqttlink_action`. `message` is NULL but for
/// `MQTTLINK_ACTION_DELIVER`, and lives until the function returns.
///
/// Runs on the broker's thread: nothing else happens in the broker until it returns, and it must not wait.
/// Of the broker's functions those that wait for this thread fail with `MQTTLINK_ERROR_INVALID_STATE`;
/// `mqttlink_broker_publish` and `mqttlink_broker_free` may be called.
pub type mqttlink_authorize_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        broker: *mut mqttlink_broker,
        peer: *const mqttlink_peer,
        action: i32,
        topic: *const c_char,
        qos: i32,
        retain: bool,
        message: *const mqttlink_message,
    ) -> bool,
>;

/// Sees a message that a client publishes, also as its will, before anybody else does. It may change it
/// through `draft`. Returns 0 if it goes on, or the `mqttlink_reason` with which it is refused, which
/// PUBACK carries in MQTT 5.0; a number that is none counts as "implementation specific error".
///
/// Runs on the broker's thread, as `mqttlink_authorize_fn` does.
pub type mqttlink_intercept_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        broker: *mut mqttlink_broker,
        peer: *const mqttlink_peer,
        message: *const mqttlink_message,
        draft: *mut mqttlink_draft,
    ) -> i32,
>;

type Authorize = unsafe extern "C" fn(
    *mut c_void,
    *mut mqttlink_broker,
    *const mqttlink_peer,
    i32,
    *const c_char,
    i32,
    bool,
    *const mqttlink_message,
) -> bool;
type Intercept = unsafe extern "C" fn(
    *mut c_void,
    *mut mqttlink_broker,
    *const mqttlink_peer,
    *const mqttlink_message,
    *mut mqttlink_draft,
) -> i32;

/// The program's functions.
#[derive(Clone, Default)]
pub(super) struct Hooks {
    authenticate: Slot<mqttlink_authenticate_fn>,
    pub(super) exchange: Option<Exchanges>,
    authorize: Slot<mqttlink_authorize_fn>,
    intercept: Slot<mqttlink_intercept_fn>,
    pub(super) event: Slot<mqttlink_broker_event_fn>,
}

impl Hooks {
    /// Has the builder's hooks call the program's functions, those that there are.
    pub(super) fn install(
        self,
        mut builder: BrokerBuilder,
        handle: Handle,
        gate: &Arc<Gate>,
    ) -> BrokerBuilder {
        if self.authenticate.is_some() || self.exchange.is_some() {
            let gate = Arc::clone(gate);
            let (authenticate, exchange) = (self.authenticate, self.exchange);
            builder = builder.authenticate(Doorkeeper { handle, gate, authenticate, exchange });
        }
        if let Some(hook) = self.authorize {
            let gate = Arc::clone(gate);
            builder = builder.authorize(move |client, action| {
                through(&gate, false, || hook.allows(handle, client, action))
            });
        }
        if let Some(hook) = self.intercept {
            let gate = Arc::clone(gate);
            builder = builder.intercept(move |client, draft| {
                let closed = Err(ReasonCode::ImplementationSpecificError);
                through(&gate, closed, || hook.intercept(handle, client, draft))
            });
        }
        if let Some(hook) = self.event {
            let gate = Arc::clone(gate);
            builder =
                builder.on_event(move |event| through(&gate, (), || hook.event(handle, event)));
        }
        builder
    }
}

/// Asks the program's functions who may come in.
struct Doorkeeper {
    handle: Handle,
    gate: Arc<Gate>,
    authenticate: Slot<mqttlink_authenticate_fn>,
    exchange: Option<Exchanges>,
}

impl ClientAuthenticator for Doorkeeper {
    fn authenticate(&self, who: &Credentials) -> Decision {
        // Who set an exchange up wants to know who connects.
        let Some(hook) = &self.authenticate else {
            return Decision::Refuse(ReasonCode::NotAuthorized);
        };
        let closed = Decision::Refuse(ReasonCode::ServerUnavailable);
        through(&self.gate, closed, || {
            mqttlink_peer::lend_credentials(who, |peer| {
                let broker = self.handle.pointer();
                // SAFETY: by the contract the function takes what it was registered with; the rest lives
                // until it returns.
                decided(|reply| unsafe { (hook.function)(hook.pointer(), broker, peer, reply) })
            })
        })
    }

    fn exchange(&self, who: &Credentials) -> Option<Box<dyn AuthExchange>> {
        let exchanges = self.exchange.as_ref()?;
        through(&self.gate, None, || exchanges.begin(self.handle, &self.gate, who))
    }
}

/// What a function that returns a reason and fills a reply has decided.
pub(super) fn decided(call: impl FnOnce(*mut mqttlink_reply) -> i32) -> Decision {
    let mut reply = mqttlink_reply::default();
    let code = call(&raw mut reply);
    let data = reply.data.into_inner().unwrap_or_else(PoisonError::into_inner);
    let user = reply.user.into_inner().unwrap_or_else(PoisonError::into_inner);
    match numbers::reason(code) {
        Ok(ReasonCode::Success) => Decision::Accept { user, data },
        Ok(ReasonCode::ContinueAuthentication) => Decision::Challenge(data.unwrap_or_default()),
        Ok(reason) => Decision::Refuse(reason),
        Err(_) => Decision::Refuse(ReasonCode::NotAuthorized),
    }
}

impl Hook<Authorize> {
    fn allows(&self, handle: Handle, client: &ClientInfo, action: &Action<'_>) -> bool {
        let lent;
        let (code, topic, qos, retain, message) = match *action {
            Action::Publish { topic, qos, retain } => {
                (mqttlink_action::MQTTLINK_ACTION_PUBLISH, topic, qos, retain, ptr::null())
            }
            Action::Subscribe { filter, qos } => {
                let code = mqttlink_action::MQTTLINK_ACTION_SUBSCRIBE;
                (code, filter.as_str(), qos, false, ptr::null())
            }
            Action::Deliver { message } => {
                lent = mqttlink_message::new(Source::LentPublication(message));
                let code = mqttlink_action::MQTTLINK_ACTION_DELIVER;
                (code, message.topic(), message.qos(), message.retain(), &raw const lent)
            }
        };
        let (code, qos, topic) = (code as i32, qos.number().into(), c_text(topic));
        mqttlink_peer::lend(client, |peer| {
            let (user, broker, topic) = (self.pointer(), handle.pointer(), topic.as_ptr());
            // SAFETY: by the contract the function takes what it was registered with; the rest lives
            // until it returns.
            unsafe { (self.function)(user, broker, peer, code, topic, qos, retain, message) }
        })
    }
}

impl Hook<Intercept> {
    fn intercept(
        &self,
        handle: Handle,
        client: &ClientInfo,
        draft: &mut Draft,
    ) -> Result<(), ReasonCode> {
        let mut changes = mqttlink_draft::default();
        let code = mqttlink_peer::lend(client, |peer| {
            let view = mqttlink_message::new(Source::LentDraft(draft));
            let (user, broker) = (self.pointer(), handle.pointer());
            // SAFETY: by the contract the function takes what it was registered with; the rest lives
            // until it returns.
            unsafe { (self.function)(user, broker, peer, &raw const view, &raw mut changes) }
        });
        match numbers::reason(code) {
            Ok(ReasonCode::Success) => {
                changes.apply(draft);
                Ok(())
            }
            Ok(reason) => Err(reason),
            Err(_) => Err(ReasonCode::ImplementationSpecificError),
        }
    }
}

/// Asks a function who may connect. NULL takes it away again. Default: everybody may.
///
/// A client with an authentication method is carried through by the functions of
/// `mqttlink_broker_options_on_exchange`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_options_on_authenticate(
    options: *mut mqttlink_broker_options,
    callback: mqttlink_authenticate_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    let hook = Hook::new(callback, user, free_user);
    place(options, || Ok(hook), |hooks| &mut hooks.authenticate)
}

/// Asks a function who may publish, subscribe and be given what. NULL takes it away again. Default:
/// everybody may everything.
///
/// In MQTT 5.0 a client is told "not authorized". Before, a message that may not be published is
/// acknowledged and dropped; see `MQTTLINK_BROKER_DISCONNECT_ON_REFUSED_PUBLISH`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_options_on_authorize(
    options: *mut mqttlink_broker_options,
    callback: mqttlink_authorize_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    let hook = Hook::new(callback, user, free_user);
    place(options, || Ok(hook), |hooks| &mut hooks.authorize)
}

/// Shows a function every message that a client publishes. NULL takes it away again.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_options_on_intercept(
    options: *mut mqttlink_broker_options,
    callback: mqttlink_intercept_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    let hook = Hook::new(callback, user, free_user);
    place(options, || Ok(hook), |hooks| &mut hooks.intercept)
}

/// In a broker's authentication: says who the client is, for the other callbacks and the events. Default:
/// its user name. It has no meaning in a client's.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_reply_set_user(
    reply: *mut mqttlink_reply,
    user: *const c_char,
) -> mqttlink_status {
    guard::call(|| {
        let reply = given(reply, "reply")?;
        let user = text(user, "user")?.to_owned();
        *reply.user.lock().unwrap_or_else(PoisonError::into_inner) = Some(user);
        Ok(())
    })
}
