//! Publishing.

use std::ffi::{c_char, c_void};
use std::io::{self, Read};

use super::callback::{Hook, mqttlink_free_fn, mqttlink_published_fn};
use super::delivery::mqttlink_delivery;
use super::guard::{self, Failure};
use super::handle::{client, mqttlink_client};
use super::numbers::{self, MQTTLINK_DEFAULT};
use super::pointer::{bytes, new, out, put_if, text};
use super::properties::{list, mqttlink_properties};
use super::status::mqttlink_status;
use crate::client::Room;
use crate::proto::Payload;
use crate::{Client, Properties, Publish};

/// Fills a buffer with the next bytes of a payload. Returns how many, 0 for the end, or a negative error
/// number of the operating system.
pub type mqttlink_source_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, data: *mut c_void, size: usize) -> i64>;

// Inlined, so that the message is made where it is used: moving it about cost an eighth of the time of a
// small message.
#[inline(always)]
pub(super) fn message<'a>(
    topic: *const c_char,
    payload: impl Into<Payload<'a>>,
    qos: i32,
    retain: bool,
    properties: *const mqttlink_properties,
) -> Result<Publish<'a>, Failure> {
    let (topic, qos) = (text(topic, "topic")?, numbers::qos(qos)?);
    let properties = if properties.is_null() { Properties::new() } else { list(properties) };
    Ok(Publish::new(topic, payload).qos(qos).retain(retain).properties(properties))
}

/// Publishes, and hands the delivery out if it is wanted.
#[inline(always)]
pub(super) fn publish(
    handle: *mut mqttlink_client,
    message: Publish<'_>,
    room: Room,
    delivery: *mut *mut mqttlink_delivery,
) -> Result<(), Failure> {
    let client = client(handle)?;
    if delivery.is_null() {
        return Ok(client.publish_unwatched(&message, room)?);
    }
    watched(&client, message, room, delivery)
}

#[inline(never)]
fn watched(
    client: &Client,
    message: Publish<'_>,
    room: Room,
    delivery: *mut *mut mqttlink_delivery,
) -> Result<(), Failure> {
    let done = match room {
        Room::Now => client.try_publish(message),
        Room::Wait => client.publish(message),
        Room::Within(limit) => client.publish_timeout(message, limit),
    }?;
    put_if(delivery, || new(mqttlink_delivery::new(done)));
    Ok(())
}

/// Publishes a message. If the outgoing buffer or the window of messages in flight is full, or the
/// connection is just being made, it waits for room, at most the publish timeout. It does not wait for
/// the outcome: `mqttlink_delivery_wait` does. Messages of one thread leave in the order of its calls.
///
/// `topic`: 1 to 65,535 bytes, no wildcard. `payload`: `len` bytes, which are copied (a large one need
/// not be, see `mqttlink_client_publish_payload`); NULL if there are none. `qos`: 0 to 2. `retain`: whether
/// the server keeps the message for later subscribers. `properties`: of MQTT 5.0, or NULL; they are copied.
/// `delivery`: tells the outcome, to be freed with `mqttlink_delivery_free`; NULL if nobody wants to know.
///
/// `MQTTLINK_ERROR_NOT_CONNECTED` without a connection: nothing is kept for later.
/// `MQTTLINK_ERROR_TIMEOUT_ROOM` if there is no room in time. `MQTTLINK_ERROR_PACKET_TOO_LARGE` if the packet
/// would be larger than 268,435,460 bytes, and the codes from 700 on for what this server does not take.
///
/// What cannot be sent, or what the server has said that it does not take, is an error to the caller and
/// does not touch the connection.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_publish(
    client: *mut mqttlink_client,
    topic: *const c_char,
    payload: *const c_void,
    len: usize,
    qos: i32,
    retain: bool,
    properties: *const mqttlink_properties,
    delivery: *mut *mut mqttlink_delivery,
) -> mqttlink_status {
    guard::call(|| {
        let message = message(topic, bytes(payload, len, "payload")?, qos, retain, properties)?;
        publish(client, message, Room::Wait, delivery)
    })
}

/// `mqttlink_client_publish` that waits for room at most so many milliseconds.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_publish_timeout(
    client: *mut mqttlink_client,
    topic: *const c_char,
    payload: *const c_void,
    len: usize,
    qos: i32,
    retain: bool,
    properties: *const mqttlink_properties,
    timeout_ms: i64,
    delivery: *mut *mut mqttlink_delivery,
) -> mqttlink_status {
    guard::call(|| {
        let message = message(topic, bytes(payload, len, "payload")?, qos, retain, properties)?;
        let room = numbers::limit(timeout_ms)?.map_or(Room::Wait, Room::Within);
        publish(client, message, room, delivery)
    })
}

/// `mqttlink_client_publish` that never waits. `MQTTLINK_ERROR_WINDOW_FULL`,
/// `MQTTLINK_ERROR_BUFFER_FULL` or `MQTTLINK_ERROR_NO_PACKET_ID` if there is no room.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_try_publish(
    client: *mut mqttlink_client,
    topic: *const c_char,
    payload: *const c_void,
    len: usize,
    qos: i32,
    retain: bool,
    properties: *const mqttlink_properties,
    delivery: *mut *mut mqttlink_delivery,
) -> mqttlink_status {
    guard::call(|| {
        let message = message(topic, bytes(payload, len, "payload")?, qos, retain, properties)?;
        publish(client, message, Room::Now, delivery)
    })
}

/// `mqttlink_client_publish` that has `callback` called with the outcome, on the dispatcher thread:
/// exactly once if this returns `MQTTLINK_OK`, and not at all otherwise; unless the client is freed
/// first. `free_user`, which may be NULL, is called in each of these cases.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_publish_then(
    client: *mut mqttlink_client,
    topic: *const c_char,
    payload: *const c_void,
    len: usize,
    qos: i32,
    retain: bool,
    properties: *const mqttlink_properties,
    callback: mqttlink_published_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    mqttlink_client_publish_then_timeout(
        client,
        topic,
        payload,
        len,
        qos,
        retain,
        properties,
        MQTTLINK_DEFAULT,
        callback,
        user,
        free_user,
    )
}

/// `mqttlink_client_publish_then` that waits for room at most so many milliseconds. 0 never waits:
/// `MQTTLINK_ERROR_WINDOW_FULL`, `MQTTLINK_ERROR_BUFFER_FULL` or `MQTTLINK_ERROR_NO_PACKET_ID` if there is
/// no room.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_publish_then_timeout(
    client: *mut mqttlink_client,
    topic: *const c_char,
    payload: *const c_void,
    len: usize,
    qos: i32,
    retain: bool,
    properties: *const mqttlink_properties,
    timeout_ms: i64,
    callback: mqttlink_published_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    let hook = Hook::new(callback, user, free_user);
    guard::call(|| {
        let null = || Failure::new(mqttlink_status::MQTTLINK_ERROR_NULL, "callback is NULL");
        let hook = hook.ok_or_else(null)?;
        let client = self::client(client)?;
        let handle = client.handle();
        let message = message(topic, bytes(payload, len, "payload")?, qos, retain, properties)?;
        let done = move |outcome| hook.published(handle, 0, outcome);
        match numbers::limit(timeout_ms)? {
            Some(limit) => client.publish_then_timeout(message, limit, done),
            None => client.publish_then(message, done),
        }?;
        Ok(())
    })
}

/// `mqttlink_client_publish` whose outcome goes to the callback of `mqttlink_options_on_published`, with
/// the number that is put into `id`. The number is there before the message is queued, so that the
/// callback cannot come before it.
///
/// `MQTTLINK_ERROR_INVALID_STATE` if there is no such callback.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_publish_event(
    client: *mut mqttlink_client,
    topic: *const c_char,
    payload: *const c_void,
    len: usize,
    qos: i32,
    retain: bool,
    properties: *const mqttlink_properties,
    id: *mut u64,
) -> mqttlink_status {
    mqttlink_client_publish_event_timeout(
        client,
        topic,
        payload,
        len,
        qos,
        retain,
        properties,
        MQTTLINK_DEFAULT,
        id,
    )
}

/// `mqttlink_client_publish_event` that waits for room at most so many milliseconds. 0 never waits:
/// `MQTTLINK_ERROR_WINDOW_FULL`, `MQTTLINK_ERROR_BUFFER_FULL` or `MQTTLINK_ERROR_NO_PACKET_ID` if there is
/// no room.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_publish_event_timeout(
    client: *mut mqttlink_client,
    topic: *const c_char,
    payload: *const c_void,
    len: usize,
    qos: i32,
    retain: bool,
    properties: *const mqttlink_properties,
    timeout_ms: i64,
    id: *mut u64,
) -> mqttlink_status {
    guard::call(|| {
        let client = self::client(client)?;
        let message = message(topic, bytes(payload, len, "payload")?, qos, retain, properties)?;
        let limit = numbers::limit(timeout_ms)?;
        let hook = client
            .hooks
            .published
            .clone()
            .ok_or_else(|| no_event("mqttlink_options_on_published"))?;
        let (handle, number) = (client.handle(), client.handle().next_id());
        let done = move |outcome| hook.published(handle, number, outcome);
        Ok(out(id, "id")?.put_while(number, || match limit {
            Some(limit) => client.publish_then_timeout(message, limit, done),
            None => client.publish_then(message, done),
        })?)
    })
}

/// Publishes a message whose payload of exactly `len` bytes comes from `source`, which is called on this
/// thread, a piece at a time; the other arguments are those of `mqttlink_client_publish`. Blocks until all
/// of it has been handed to the connection, waiting for room as `mqttlink_client_publish` for each piece.
/// Meanwhile everything else that this client sends waits behind it, PINGREQ included, so the source must
/// keep pace with the keep alive.
///
/// The payload is not kept: if the connection is lost before the acknowledgement, a message of QoS 1 or
/// 2 cannot be sent again, and its delivery says so. If the source fails or ends early, the message
/// cannot be completed and the connection is ended: `MQTTLINK_ERROR_PAYLOAD_SOURCE`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_publish_source(
    client: *mut mqttlink_client,
    topic: *const c_char,
    len: usize,
    qos: i32,
    retain: bool,
    properties: *const mqttlink_properties,
    source: mqttlink_source_fn,
    user: *mut c_void,
    delivery: *mut *mut mqttlink_delivery,
) -> mqttlink_status {
    guard::call(|| {
        let null = || Failure::new(mqttlink_status::MQTTLINK_ERROR_NULL, "source is NULL");
        let function = source.ok_or_else(null)?;
        let (client, message) =
            (self::client(client)?, message(topic, &[], qos, retain, properties)?);
        let done = client.publish_reader(message, len, Source { function, user })?;
        put_if(delivery, || new(mqttlink_delivery::new(done)));
        Ok(())
    })
}

struct Source {
    function: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> i64,
    user: *mut c_void,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // SAFETY: by the contract the function takes its user pointer and fills at most the buffer.
        let count = unsafe { (self.function)(self.user, buffer.as_mut_ptr().cast(), buffer.len()) };
        io_count(count, buffer.len())
    }
}

/// What a function of the program says that it has read or written.
pub(super) fn io_count(count: i64, max: usize) -> io::Result<usize> {
    match usize::try_from(count) {
        Ok(count) if count <= max => Ok(count),
        Ok(count) => {
            let text =
                format!("the program's function says {count} bytes, there was room for {max}");
            Err(io::Error::other(text))
        }
        Err(_) => {
            let number = i32::try_from(count.unsigned_abs()).unwrap_or(i32::MAX);
            Err(io::Error::from_raw_os_error(number))
        }
    }
}

pub(super) fn no_event(setter: &str) -> Failure {
    let text = format!("there is no callback for the answer: call {setter} first");
    Failure::new(mqttlink_status::MQTTLINK_ERROR_INVALID_STATE, text)
}
