//! Connecting, authenticating anew, disconnecting.

use std::ffi::{CString, c_char, c_void};
use std::ptr;
use std::sync::{Arc, OnceLock};

use super::granted::mqttlink_granted;
use super::guard::{self, Failure};
use super::handle::{client, mqttlink_client};
use super::numbers;
use super::pointer::{c_text, free, given, optional, out, put_if};
use super::properties::{list, mqttlink_properties};
use super::status::mqttlink_status;
use crate::codec::PropertyValue;
use crate::{Client, DisconnectOptions, Drained, Error, ErrorCode, Granted, PropertyId, Unsent};

/// The messages that were left when a connection was ended. Freed with `mqttlink_drained_free`.
pub struct mqttlink_drained {
    messages: Vec<Left>,
    unsent: usize,
}

struct Left {
    message: Unsent,
    topic: CString,
    properties: OnceLock<mqttlink_properties>,
}

/// One message that was left. The pointers live as long as the `mqttlink_drained`.
#[repr(C)]
pub struct mqttlink_left {
    /// The topic name.
    pub topic: *const c_char,
    /// The payload.
    pub payload: *const c_void,
    /// How many bytes the payload has.
    pub payload_len: usize,
    /// The quality of service.
    pub qos: i32,
    /// Whether the server was to keep the message.
    pub retain: bool,
    /// Whether the client keeps the message and sends it again when it reconnects; otherwise it is
    /// gone from the client.
    pub kept: bool,
    /// The properties; an empty list before MQTT 5.0.
    pub properties: *const mqttlink_properties,
}

impl From<Drained> for mqttlink_drained {
    fn from(drained: Drained) -> Self {
        let unsent = drained.unsent.len();
        let all = drained.unsent.into_iter().chain(drained.unacknowledged);
        let messages = all.map(|message| Left {
            topic: c_text(&message.topic),
            message,
            properties: OnceLock::new(),
        });
        Self { messages: messages.collect(), unsent }
    }
}

fn connected(
    granted: *mut *mut mqttlink_granted,
    handle: *mut mqttlink_client,
    connect: impl FnOnce(&Client) -> Result<Arc<Granted>, Error>,
) -> mqttlink_status {
    guard::call(|| {
        let client = client(handle)?;
        let result = connect(&client)?;
        put_if(granted, || super::pointer::new(mqttlink_granted::new(result)));
        Ok(())
    })
}

/// Connects, and blocks until the server has answered, at most the connect timeout;
/// `mqttlink_client_abort`, `mqttlink_client_disconnect` and `mqttlink_client_interrupt` from elsewhere
/// wake it. `granted` may be NULL; otherwise it is freed with `mqttlink_granted_free`.
///
/// Begins a new session unless `mqttlink_options_set_clean_start` says otherwise. After a failure nothing
/// is left behind: no thread, no socket. No authentication exchange is needed for a user name and
/// password.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_connect(
    client: *mut mqttlink_client,
    granted: *mut *mut mqttlink_granted,
) -> mqttlink_status {
    connected(granted, client, Client::connect)
}

/// Connects again, to go on with the session: in MQTT 5.0 without a clean start, and with the client
/// identifier that the server assigned. `mqttlink_granted_session_present` says whether the server has
/// kept it. Messages in flight are sent again as the protocol demands. Blocks as
/// `mqttlink_client_connect`, and may be called in every callback.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_reconnect(
    client: *mut mqttlink_client,
    granted: *mut *mut mqttlink_granted,
) -> mqttlink_status {
    connected(granted, client, Client::reconnect)
}

/// Authenticates anew on the live connection (MQTT 5.0, section 4.12.1), with the authenticator of the
/// options. Other traffic goes on. Blocks for at most the response timeout. If it fails, the connection
/// is ended.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_re_authenticate(client: *mut mqttlink_client) -> mqttlink_status {
    guard::call(|| Ok(self::client(client)?.re_authenticate()?))
}

/// Ends the connection: waits until everything is sent and acknowledged, at most the drain timeout,
/// sends DISCONNECT, and waits until both threads are gone. The server discards the will. If not
/// everything could be sent, the connection is cut without DISCONNECT. An attempt to connect is given up.
///
/// `MQTTLINK_ERROR_TIMEOUT_DRAIN` if a message was left: the connection has ended all the same.
/// `MQTTLINK_ERROR_NOT_CONNECTED` if there is neither a connection nor an attempt.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_disconnect(client: *mut mqttlink_client) -> mqttlink_status {
    guard::call(|| all_sent(&self::client(client)?.disconnect()?))
}

/// Nobody looks at what was left.
fn all_sent(drained: &Drained) -> Result<(), Failure> {
    if drained.is_complete() {
        return Ok(());
    }
    let (unsent, unacknowledged) = (drained.unsent.len(), drained.unacknowledged.len());
    let text = format!(
        "{unsent} messages of QoS 0 were not sent, and {unacknowledged} of QoS 1 and 2 were not acknowledged, which \
         the client keeps for the next connection; mqttlink_client_disconnect_with says which"
    );
    Err(Error::with_text(ErrorCode::TimeoutDrain, text).into())
}

/// `mqttlink_client_disconnect` with everything that can be said.
///
/// `drain_ms`: how long to wait until everything is sent and acknowledged, in milliseconds; 0 does not
/// wait. `reason`: a `mqttlink_reason` that a client may send; 0x04 has the server publish the will,
/// before MQTT 5.0 by leaving DISCONNECT out. `properties`, which may be NULL: reason string, session
/// expiry interval, user properties. `drained`: what was left, to be freed with `mqttlink_drained_free`; NULL
/// if nobody wants to know. That something was left is no failure here.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_disconnect_with(
    client: *mut mqttlink_client,
    drain_ms: i64,
    reason: i32,
    properties: *const mqttlink_properties,
    drained: *mut *mut mqttlink_drained,
) -> mqttlink_status {
    guard::call(|| {
        let client = self::client(client)?;
        let mut options = DisconnectOptions::new().reason(numbers::reason(reason)?);
        if let Some(limit) = numbers::span(drain_ms, "drain_ms")? {
            options = options.drain(limit);
        }
        let properties = list(properties);
        for property in properties.iter() {
            options = match (property.id, property.value) {
                (PropertyId::ReasonString, PropertyValue::Text(text)) => {
                    options.reason_string(text)
                }
                (PropertyId::SessionExpiryInterval, PropertyValue::FourByte(seconds)) => {
                    options.session_expiry(std::time::Duration::from_secs(seconds.into()))
                }
                (PropertyId::UserProperty, PropertyValue::Pair(name, value)) => {
                    options.user_property(name, value)
                }
                (id, _) => {
                    let text = format!("a DISCONNECT has no {id}");
                    return Err(Failure::new(
                        mqttlink_status::MQTTLINK_ERROR_INVALID_PROPERTY,
                        text,
                    ));
                }
            };
        }
        let left = client.disconnect_with(&options)?;
        put_if(drained, || super::pointer::new(left.into()));
        Ok(())
    })
}

/// How many messages were left: first those of QoS 0 that were not sent, then those of QoS 1 and 2 that
/// were not acknowledged. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_drained_count(drained: *const mqttlink_drained) -> usize {
    guard::or(0, || optional(drained).map_or(0, |drained| drained.messages.len()))
}

/// Shows the message at a place, from 0. `MQTTLINK_ERROR_NOT_FOUND` behind the last one.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_drained_at(
    drained: *const mqttlink_drained,
    index: usize,
    message: *mut mqttlink_left,
) -> mqttlink_status {
    guard::call(|| {
        let (drained, place) = (given(drained, "drained")?, out(message, "message")?);
        let found = drained.messages.get(index);
        let left =
            found.ok_or_else(|| Failure::plain(mqttlink_status::MQTTLINK_ERROR_NOT_FOUND))?;
        let all = || left.message.properties.borrowed().into();
        place.put(mqttlink_left {
            topic: left.topic.as_ptr(),
            payload: left.message.payload.as_ptr().cast(),
            payload_len: left.message.payload.len(),
            qos: left.message.qos.number().into(),
            retain: left.message.retain,
            kept: index >= drained.unsent,
            properties: ptr::from_ref(left.properties.get_or_init(all)),
        });
        Ok(())
    })
}

/// Frees what `mqttlink_client_disconnect_with` gave. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_drained_free(drained: *mut mqttlink_drained) {
    guard::or((), || free(drained));
}
