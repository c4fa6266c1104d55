//! What a broker tells the program.

use std::ffi::{CString, c_char, c_void};
use std::ptr;

use super::handle::{Handle, mqttlink_broker};
use super::options::{mqttlink_broker_options, place};
use super::peer::mqttlink_peer;
use crate::broker::{BrokerEvent, ClientInfo, DisconnectCause, DropCause};
use crate::ffi::callback::{Hook, mqttlink_free_fn};
use crate::ffi::pointer::c_text;
use crate::ffi::status::mqttlink_status;

/// What happened in a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum mqttlink_broker_event_kind {
    /// A client was accepted.
    MQTTLINK_EVENT_CONNECTED = 0,
    /// A client is gone: `cause` is a `mqttlink_disconnect_cause`.
    MQTTLINK_EVENT_DISCONNECTED = 1,
    /// A client wanted to connect and was refused, with `reason`.
    MQTTLINK_EVENT_REFUSED = 2,
    /// A client has subscribed to the filter `topic`, and was granted `qos`.
    MQTTLINK_EVENT_SUBSCRIBED = 3,
    /// A client has unsubscribed from the filter `topic`.
    MQTTLINK_EVENT_UNSUBSCRIBED = 4,
    /// A message to `topic` did not reach a client: `cause` is a `mqttlink_drop_cause`.
    MQTTLINK_EVENT_DROPPED = 5,
    /// A session has ended: it expired, or a clean start replaced it.
    MQTTLINK_EVENT_SESSION_ENDED = 6,
}

/// Why a client is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum mqttlink_disconnect_cause {
    /// It said goodbye, with `reason`.
    MQTTLINK_CAUSE_GOODBYE = 0,
    /// The connection was closed or lost without a goodbye.
    MQTTLINK_CAUSE_LOST = 1,
    /// It broke the protocol, or was silent for too long: `text` says how, `reason` what it was told.
    MQTTLINK_CAUSE_FAILED = 2,
    /// Another connection with its client identifier took its place.
    MQTTLINK_CAUSE_TAKEN_OVER = 3,
    /// The broker closed the connection, with `reason`.
    MQTTLINK_CAUSE_CLOSED = 4,
}

/// Why a message did not reach a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum mqttlink_drop_cause {
    /// The client's queue was full.
    MQTTLINK_DROPPED_QUEUE_FULL = 0,
    /// All queues together were full.
    MQTTLINK_DROPPED_TOTAL_FULL = 1,
    /// It is larger than the client takes.
    MQTTLINK_DROPPED_TOO_LARGE = 2,
    /// It expired while it waited.
    MQTTLINK_DROPPED_EXPIRED = 3,
}

/// Something that happened in a broker. The pointers live until the callback returns. Later versions may
/// append fields.
#[repr(C)]
pub struct mqttlink_broker_event {
    /// What happened: a `mqttlink_broker_event_kind`.
    pub kind: i32,
    /// Why, if the kind says so; otherwise -1.
    pub cause: i32,
    /// The reason code, a `mqttlink_reason`; -1 if there is none.
    pub reason: i32,
    /// The QoS that was granted; -1 if the kind has none.
    pub qos: i32,
    /// For a client that was accepted: whether an earlier session goes on.
    pub session_present: bool,
    /// Which client; NULL if it was refused.
    pub peer: *const mqttlink_peer,
    /// Its client identifier.
    pub client_id: *const c_char,
    /// A topic or filter; NULL if the kind has none.
    pub topic: *const c_char,
    /// An explanation for people; NULL if there is none.
    pub text: *const c_char,
}

/// Is told what happens in a broker, in order. Runs on a thread of its own, `mqttlink-events`, one call at
/// a time; it may call every function, also those that wait.
pub type mqttlink_broker_event_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        broker: *mut mqttlink_broker,
        event: *const mqttlink_broker_event,
    ),
>;

type EventFn =
    unsafe extern "C" fn(*mut c_void, *mut mqttlink_broker, *const mqttlink_broker_event);

/// An event's parts that are not pointers.
struct Told<'a> {
    kind: mqttlink_broker_event_kind,
    client: Result<&'a ClientInfo, &'a str>,
    cause: i32,
    reason: i32,
    qos: i32,
    session_present: bool,
    topic: Option<&'a str>,
    text: Option<String>,
}

impl<'a> Told<'a> {
    const fn new(
        kind: mqttlink_broker_event_kind,
        client: Result<&'a ClientInfo, &'a str>,
    ) -> Self {
        let session_present = false;
        let (cause, reason, qos) = (-1, -1, -1);
        Self { kind, client, cause, reason, qos, session_present, topic: None, text: None }
    }

    fn of(event: &'a BrokerEvent) -> Self {
        use mqttlink_broker_event_kind as Kind;
        match event {
            BrokerEvent::Connected { client, session_present } => {
                let told = Self::new(Kind::MQTTLINK_EVENT_CONNECTED, Ok(client));
                Self { session_present: *session_present, ..told }
            }
            BrokerEvent::Disconnected { client, cause } => {
                Self::new(Kind::MQTTLINK_EVENT_DISCONNECTED, Ok(client)).because(cause)
            }
            BrokerEvent::Refused { client_id, reason } => {
                let told = Self::new(Kind::MQTTLINK_EVENT_REFUSED, Err(client_id));
                Self { reason: reason.code().into(), ..told }
            }
            BrokerEvent::Subscribed { client, filter, qos } => {
                let told = Self::new(Kind::MQTTLINK_EVENT_SUBSCRIBED, Ok(client));
                Self { topic: Some(filter), qos: qos.number().into(), ..told }
            }
            BrokerEvent::Unsubscribed { client, filter } => {
                let told = Self::new(Kind::MQTTLINK_EVENT_UNSUBSCRIBED, Ok(client));
                Self { topic: Some(filter), ..told }
            }
            BrokerEvent::Dropped { client, topic, cause } => {
                let told = Self::new(Kind::MQTTLINK_EVENT_DROPPED, Ok(client));
                Self { topic: Some(topic), cause: drop_cause(*cause) as i32, ..told }
            }
            BrokerEvent::SessionEnded { client } => {
                Self::new(Kind::MQTTLINK_EVENT_SESSION_ENDED, Ok(client))
            }
        }
    }

    fn because(self, cause: &DisconnectCause) -> Self {
        use mqttlink_disconnect_cause as Cause;
        let (code, reason, text) = match cause {
            DisconnectCause::Goodbye(reason) => {
                (Cause::MQTTLINK_CAUSE_GOODBYE, Some(*reason), None)
            }
            DisconnectCause::Lost => (Cause::MQTTLINK_CAUSE_LOST, None, None),
            DisconnectCause::Failed(error) => {
                (Cause::MQTTLINK_CAUSE_FAILED, Some(error.reason()), Some(error.to_string()))
            }
            DisconnectCause::TakenOver => (Cause::MQTTLINK_CAUSE_TAKEN_OVER, None, None),
            DisconnectCause::Closed(reason) => (Cause::MQTTLINK_CAUSE_CLOSED, Some(*reason), None),
        };
        let reason = reason.map_or(-1, |reason| reason.code().into());
        Self { cause: code as i32, reason, text, ..self }
    }
}

const fn drop_cause(cause: DropCause) -> mqttlink_drop_cause {
    match cause {
        DropCause::QueueFull => mqttlink_drop_cause::MQTTLINK_DROPPED_QUEUE_FULL,
        DropCause::TotalFull => mqttlink_drop_cause::MQTTLINK_DROPPED_TOTAL_FULL,
        DropCause::TooLarge => mqttlink_drop_cause::MQTTLINK_DROPPED_TOO_LARGE,
        DropCause::Expired => mqttlink_drop_cause::MQTTLINK_DROPPED_EXPIRED,
    }
}

fn or_null(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(ptr::null(), |text| text.as_ptr())
}

impl Hook<EventFn> {
    pub(super) fn event(&self, handle: Handle, event: &BrokerEvent) {
        let told = Told::of(event);
        match told.client {
            Ok(client) => {
                mqttlink_peer::lend(client, |peer| {
                    self.tell(handle, &told, peer, &client.client_id)
                });
            }
            Err(client_id) => self.tell(handle, &told, ptr::null(), client_id),
        }
    }

    fn tell(&self, handle: Handle, told: &Told<'_>, peer: *const mqttlink_peer, client_id: &str) {
        let client_id = c_text(client_id);
        let (topic, text) = (told.topic.map(c_text), told.text.as_deref().map(c_text));
        let event = mqttlink_broker_event {
            kind: told.kind as i32,
            cause: told.cause,
            reason: told.reason,
            qos: told.qos,
            session_present: told.session_present,
            peer,
            client_id: client_id.as_ptr(),
            topic: or_null(&topic),
            text: or_null(&text),
        };
        // SAFETY: by the contract the function takes what it was registered with; the event lives until
        // it returns.
        unsafe { (self.function)(self.pointer(), handle.pointer(), &raw const event) };
    }
}

/// Has a function told what happens. When 65,536 events wait for it, further ones are left out and counted
/// in `mqttlink_broker_counters`. NULL takes it away again.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_options_on_event(
    options: *mut mqttlink_broker_options,
    callback: mqttlink_broker_event_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    let hook = Hook::new(callback, user, free_user);
    place(options, || Ok(hook), |hooks| &mut hooks.event)
}
