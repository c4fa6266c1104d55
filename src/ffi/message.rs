//! Messages that were received, and their acknowledgement.

use std::ffi::{CString, c_char, c_void};
use std::io::Read;
use std::mem::{ManuallyDrop, offset_of};
use std::ptr;
use std::sync::{Mutex, OnceLock, PoisonError};

use bytes::Bytes;

use super::guard::{self, Failure};
use super::numbers;
use super::owned::{self, hand_out};
use super::pointer::{Growing, buffer, c_text, free, given, optional, out, out_part, show_bytes};
use super::properties::mqttlink_properties;
use super::source::{Source, View};
use super::status::mqttlink_status;
use crate::{Acknowledger, Message};

/// A message from the server, or inside a broker. In a callback it belongs to the library and lives until
/// the callback returns; from `mqttlink_client_receive`, `mqttlink_broker_subscription_receive` and
/// `mqttlink_message_copy` it is freed with `mqttlink_message_free`.
///
/// Unless the client acknowledges by hand, a message of QoS 1 or 2 is acknowledged when its callback
/// returns, or when the one from `mqttlink_client_receive` is freed.
pub struct mqttlink_message {
    source: Source,
    made: OnceLock<Box<Made>>,
    /// How many bytes of its own lie behind it.
    behind: usize,
}

/// What is made of a message when it is asked for.
#[derive(Default)]
struct Made {
    topic: OnceLock<CString>,
    properties: OnceLock<mqttlink_properties>,
    /// What of a streamed payload has come but was not read.
    unread: Mutex<Option<Bytes>>,
}

impl mqttlink_message {
    pub(super) const fn new(source: Source) -> Self {
        Self { source, made: OnceLock::new(), behind: 0 }
    }

    /// Has a small message that a client received lie in these bytes.
    pub(super) fn keep(&mut self, own: Bytes) {
        if let Source::Owned(message) = &mut self.source {
            self.behind = own.len();
            message.move_to(own);
        }
    }

    pub(super) const fn behind(&self) -> usize {
        self.behind
    }

    fn made(&self) -> &Made {
        self.made.get_or_init(Box::default)
    }

    /// Shows a message for the time of a call.
    pub(super) fn lend(message: &Message, call: impl FnOnce(*const Self)) {
        let view = ManuallyDrop::new(Self::new(Source::Lent(message)));
        call(&raw const *view);
        // Mostly nothing was made, and then there is nothing to drop.
        if view.made.get().is_some() {
            drop(ManuallyDrop::into_inner(view));
        }
    }

    fn view(&self) -> View<'_> {
        self.source.view()
    }
}

/// A message at a glance: what the functions that look at one thing say, without a copy of anything. The
/// pointers live as long as the message.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct mqttlink_view {
    /// The topic name. No NUL follows it: print it with `"%.*s"`.
    pub topic: *const c_char,
    /// How many bytes the topic name has.
    pub topic_len: usize,
    /// The payload. Not NULL, even if it is empty. No NUL follows it.
    pub payload: *const c_void,
    /// How many bytes of payload are in memory; 0 if it comes as a stream.
    pub payload_len: usize,
    /// How many bytes the payload has, whether it is in memory or comes as a stream.
    pub total_len: usize,
    /// The quality of service at which the message was delivered, 0 to 2.
    pub qos: i32,
    /// Whether the server had kept the message from before the subscription.
    pub retain: bool,
    /// Whether the server says that it may have sent the message before.
    pub dup: bool,
    /// Whether the payload comes as a stream.
    pub is_streamed: bool,
    /// Whether there is anything in `mqttlink_message_properties`.
    pub has_properties: bool,
}

impl Growing for mqttlink_view {
    const NAME: &'static str = "mqttlink_view";
    const FIRST: usize = offset_of!(Self, has_properties) + size_of::<bool>();
}

impl From<View<'_>> for mqttlink_view {
    fn from(message: View<'_>) -> Self {
        let (topic, payload) = (message.topic(), message.payload());
        let client = message.client();
        let streamed = client.and_then(Message::streamed_len);
        Self {
            topic: topic.as_ptr().cast(),
            topic_len: topic.len(),
            payload: payload.as_ptr().cast(),
            payload_len: payload.len(),
            total_len: streamed.unwrap_or(payload.len()),
            qos: message.qos().number().into(),
            retain: message.retain(),
            dup: client.is_some_and(Message::dup),
            is_streamed: streamed.is_some(),
            has_properties: message.has_properties(),
        }
    }
}

fn look<T: Copy>(
    message: *const mqttlink_message,
    none: T,
    get: impl FnOnce(&mqttlink_message) -> T,
) -> T {
    guard::or(none, || optional(message).map_or(none, get))
}

/// All of a message that takes no work to tell, in one call, for bindings to other languages: where calls
/// into C cost something, and strings are copied with their length. `size` is `sizeof(mqttlink_view)` of the
/// program, which may be older or newer than the library: see "Versions" in the contract. Does not block.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_message_view(
    message: *const mqttlink_message,
    view: *mut mqttlink_view,
    size: usize,
) -> mqttlink_status {
    guard::call(|| {
        let (message, place) = (given(message, "message")?, out_part(view, "view", size)?);
        place.put(message.view().into());
        Ok(())
    })
}

/// The topic name; never NULL but for NULL. Lives as long as the message.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_message_topic(message: *const mqttlink_message) -> *const c_char {
    look(message, ptr::null(), |view| {
        view.made().topic.get_or_init(|| c_text(view.view().topic())).as_ptr()
    })
}

/// The payload, and in `len`, which may be NULL, how many bytes it has. Not NULL, even if it is empty,
/// but for NULL. No NUL follows it: print text with `"%.*s"`. Empty if it comes as a stream. Lives as
/// long as the message.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_message_payload(
    message: *const mqttlink_message,
    len: *mut usize,
) -> *const c_void {
    guard::or(ptr::null(), || {
        show_bytes(optional(message).map(|message| message.view().payload()), len)
    })
}

/// The quality of service at which the message was delivered, 0 to 2.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_message_qos(message: *const mqttlink_message) -> i32 {
    look(message, 0, |view| view.view().qos().number().into())
}

/// Whether the server had kept the message from before the subscription.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_message_retain(message: *const mqttlink_message) -> bool {
    look(message, false, |view| view.view().retain())
}

/// Whether the server says that it may have sent the message before. It does not mean that this client
/// has seen it.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_message_dup(message: *const mqttlink_message) -> bool {
    look(message, false, |view| view.view().client().is_some_and(Message::dup))
}

/// All properties, in order; an empty list before MQTT 5.0. NULL for NULL. Lives as long as the message.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_message_properties(
    message: *const mqttlink_message,
) -> *const mqttlink_properties {
    look(message, ptr::null(), |view| {
        let properties = view.made().properties.get_or_init(|| view.view().properties().into());
        ptr::from_ref(properties)
    })
}

/// How long the payload is, in bytes, whether it is in memory or comes as a stream.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_message_payload_len(message: *const mqttlink_message) -> usize {
    look(message, 0, |view| {
        let streamed = view.view().client().and_then(Message::streamed_len);
        streamed.unwrap_or_else(|| view.view().payload().len())
    })
}

/// Whether the payload comes as a stream: if it is longer than `mqttlink_options_set_stream_above` says.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_message_is_streamed(message: *const mqttlink_message) -> bool {
    look(message, false, |view| view.view().client().and_then(Message::streamed_len).is_some())
}

/// Reads the next bytes of the payload, whether it is in memory or comes as a stream; `count` is 0 at
/// its end. Blocks until bytes arrive. Later messages wait until a stream has been read, or the message
/// is freed or its callback returns.
///
/// `MQTTLINK_ERROR_STREAM_INTERRUPTED` if the connection is lost first; at QoS 1 and 2 the server sends
/// the message again.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_message_read(
    message: *const mqttlink_message,
    data: *mut c_void,
    size: usize,
    count: *mut usize,
) -> mqttlink_status {
    guard::call(|| {
        let view = given(message, "message")?;
        let (data, place) = (buffer(data, size, "data")?, out(count, "count")?);
        let mut unread = view.made().unread.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(message) = view.view().client() else {
            let payload = || Bytes::copy_from_slice(view.view().payload());
            let chunk = unread.get_or_insert_with(payload);
            // From memory, where reading cannot fail.
            let read = chunk.as_ref().read(data).unwrap_or_default();
            place.put(chunk.split_to(read).len());
            return Ok(());
        };
        let mut reader = match unread.take() {
            Some(chunk) => message.reader_with(chunk),
            None => message.reader(),
        };
        let result = reader.read(data);
        *unread = Some(reader.into_chunk());
        place.put(result.map_err(|error| {
            Failure::new(mqttlink_status::MQTTLINK_ERROR_STREAM_INTERRUPTED, error.to_string())
        })?);
        Ok(())
    })
}

/// Acknowledges the message now, whatever the client's mode. Acknowledgements leave in the order in
/// which the messages came, so it may wait for those before it. Does nothing at QoS 0 or a second time.
/// Does not block.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_message_acknowledge(
    message: *const mqttlink_message,
) -> mqttlink_status {
    guard::call(|| {
        if let Some(message) = given(message, "message")?.view().client() {
            message.acknowledge();
        }
        Ok(())
    })
}

/// Takes over the acknowledgement, to be sent later from anywhere; to be freed with
/// `mqttlink_acknowledger_free`. `MQTTLINK_ERROR_NOT_FOUND` at QoS 0, for a copy, and when it has been
/// taken or sent.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_message_acknowledger(
    message: *const mqttlink_message,
    acknowledger: *mut *mut mqttlink_acknowledger,
) -> mqttlink_status {
    guard::call(|| {
        let view = given(message, "message")?;
        let place = out(acknowledger, "acknowledger")?;
        let none = || {
            let text =
                "there is no acknowledgement to take: QoS 0, a copy, of a broker, or taken already";
            Failure::new(mqttlink_status::MQTTLINK_ERROR_NOT_FOUND, text)
        };
        let taken = view.view().client().and_then(Message::acknowledger).ok_or_else(none)?;
        place.put_new(mqttlink_acknowledger { inner: Mutex::new(Some(taken)) });
        Ok(())
    })
}

/// A copy of a message, to be kept. It is data only: it has no part in the acknowledgement, and nothing
/// of a payload that comes as a stream.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_message_copy(
    message: *const mqttlink_message,
    copy: *mut *mut mqttlink_message,
) -> mqttlink_status {
    guard::call(|| {
        let view = given(message, "message")?;
        let place = out(copy, "copy")?;
        place.put(hand_out(view.source.copied()));
        Ok(())
    })
}

/// Frees a message from `mqttlink_client_receive` or `mqttlink_message_copy`, and acknowledges it unless
/// that is done by hand. NULL is allowed; for the message of a callback it does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_message_free(message: *mut mqttlink_message) {
    guard::or((), || {
        if optional(message).is_some_and(|view| view.source.is_owned()) {
            owned::free(message);
        }
    });
}

/// The acknowledgement of one message. Freed without a decision, the message stays unacknowledged: the
/// server sends it again when the session is resumed, and counts it against the receive maximum until
/// then.
pub struct mqttlink_acknowledger {
    inner: Mutex<Option<Acknowledger>>,
}

fn decide(
    acknowledger: *mut mqttlink_acknowledger,
    decide: impl FnOnce(Acknowledger),
) -> Result<(), Failure> {
    let acknowledger = given(acknowledger, "acknowledger")?;
    let taken = acknowledger.inner.lock().unwrap_or_else(PoisonError::into_inner).take();
    let decided = || Failure::new(mqttlink_status::MQTTLINK_ERROR_INVALID_STATE, "decided already");
    decide(taken.ok_or_else(decided)?);
    Ok(())
}

/// The message has been dealt with. Does not block. `MQTTLINK_ERROR_INVALID_STATE` a second time.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_acknowledger_accept(
    acknowledger: *mut mqttlink_acknowledger,
) -> mqttlink_status {
    guard::call(|| decide(acknowledger, Acknowledger::accept))
}

/// The message is refused, with a `mqttlink_reason` of 0x80 or more that a client may send in PUBACK and
/// PUBREC. Before MQTT 5.0, which cannot say so, it is acknowledged. Does not block.
/// `MQTTLINK_ERROR_INVALID_STATE` a second time.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_acknowledger_reject(
    acknowledger: *mut mqttlink_acknowledger,
    reason: i32,
) -> mqttlink_status {
    guard::call(|| {
        let reason = numbers::reason(reason)?;
        decide(acknowledger, |taken| taken.reject(reason))
    })
}

/// Frees an acknowledger, decided or not. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_acknowledger_free(acknowledger: *mut mqttlink_acknowledger) {
    guard::or((), || free(acknowledger));
}
