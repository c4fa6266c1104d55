//! How a client is set up.

use std::any::TypeId;
use std::ffi::{c_char, c_void};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::callback::{
    Hook, mqttlink_connected_fn, mqttlink_error_fn, mqttlink_message_fn, mqttlink_packet_fn,
    mqttlink_published_fn, mqttlink_results_fn,
};
use super::guard::{self, Failure};
use super::numbers;
use super::pointer::{bytes, free, given, optional_text, out, text};
use super::properties::{list, mqttlink_properties};
use super::status::mqttlink_status;
use crate::{Builder, Client, SocketOptions, Will};

/// Everything about a client that is fixed before it is made. Made by `mqttlink_options_new` or
/// `mqttlink_options_new_for`, freed by `mqttlink_options_free`, used by `mqttlink_client_new` as often
/// as wanted: a client keeps a copy. Any thread may use it.
pub struct mqttlink_options {
    recipe: Mutex<Recipe>,
}

type Step = Arc<dyn Fn(Builder) -> Builder + Send + Sync>;

/// How to make a builder, as often as one is wanted.
#[derive(Clone)]
pub(super) struct Recipe {
    start: Arc<dyn Fn() -> Builder + Send + Sync>,
    /// With the type of each, of which each setter has its own.
    steps: Vec<(TypeId, Step)>,
    pub(super) socket: SocketOptions,
    pub(super) hooks: Hooks,
}

/// The program's functions for events.
#[derive(Clone, Default)]
pub(super) struct Hooks {
    pub(super) message: Slot<mqttlink_message_fn>,
    pub(super) connected: Slot<mqttlink_connected_fn>,
    pub(super) connect_failed: Slot<mqttlink_error_fn>,
    pub(super) disconnected: Slot<mqttlink_error_fn>,
    pub(super) server_disconnect: Slot<mqttlink_error_fn>,
    pub(super) published: Slot<mqttlink_published_fn>,
    pub(super) subscribed: Slot<mqttlink_results_fn>,
    pub(super) unsubscribed: Slot<mqttlink_results_fn>,
    pub(super) packet: Slot<mqttlink_packet_fn>,
    pub(super) filters: Vec<(String, Hook<<mqttlink_message_fn as Function>::Bare>)>,
}

/// A place for a function and its user pointer.
pub(super) type Slot<F> = Option<Hook<<F as Function>::Bare>>;

/// The function behind an `Option`.
pub(super) trait Function {
    type Bare;
}

impl<F> Function for Option<F> {
    type Bare = F;
}

impl Recipe {
    fn add<S: Fn(Builder) -> Builder + Send + Sync + 'static>(&mut self, step: S) {
        self.steps.push((TypeId::of::<S>(), Arc::new(step)));
    }

    /// Adds a step in the place of an earlier one by the same setter, which is to be dropped without the lock:
    /// with it may go something of the program's.
    #[must_use = "dropping it may call a function of the program"]
    fn replace<S: Fn(Builder) -> Builder + Send + Sync + 'static>(
        &mut self,
        step: S,
    ) -> Option<Step> {
        let setter = TypeId::of::<S>();
        let earlier = self.steps.iter().position(|(earlier, _)| *earlier == setter);
        let earlier = earlier.map(|place| self.steps.remove(place).1);
        self.add(step);
        earlier
    }

    pub(super) fn builder(&self) -> Builder {
        let start = (self.start)().socket(self.socket.clone());
        self.steps.iter().fold(start, |builder, (_, step)| step(builder))
    }
}

impl mqttlink_options {
    pub(super) fn lock(&self) -> MutexGuard<'_, Recipe> {
        self.recipe.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of a setter: what it is called with last counts, and its earlier step goes.
pub(super) fn set<S>(
    options: *mut mqttlink_options,
    step: impl FnOnce() -> Result<S, Failure>,
) -> mqttlink_status
where
    S: Fn(Builder) -> Builder + Send + Sync + 'static,
{
    guard::call(|| {
        let options = given(options, "options")?;
        let step = step()?;
        let earlier = options.lock().replace(step);
        drop(earlier);
        Ok(())
    })
}

fn seconds(seconds: u32) -> Duration {
    // The protocol's "for ever".
    if seconds == u32::MAX { Duration::MAX } else { Duration::from_secs(seconds.into()) }
}

pub(super) fn begin(
    place: *mut *mut mqttlink_options,
    start: impl Fn() -> Builder + Send + Sync + 'static,
) -> Result<(), Failure> {
    let place = out(place, "options")?;
    // What is wrong with the address is wrong now.
    start().check()?;
    place.put_new(mqttlink_options {
        recipe: Mutex::new(Recipe {
            start: Arc::new(start),
            steps: Vec::new(),
            socket: SocketOptions::default(),
            hooks: Hooks::default(),
        }),
    });
    Ok(())
}

/// Begins to set up clients for a server: `mqtt://host`, `mqtts://host:port`,
/// `mqtt://user:password@host`. The ports are 1883 and with TLS 8883; `tcp` and `ssl` are other names
/// for the schemes. Does not block.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_new(
    url: *const c_char,
    options: *mut *mut mqttlink_options,
) -> mqttlink_status {
    guard::call(|| {
        let url = text(url, "url")?.to_owned();
        begin(options, move || Client::builder(&url))
    })
}

/// Begins to set up clients for a server by name or address and port, without TLS unless
/// `mqttlink_options_set_tls` is called. `mqttlink_client_new` checks them, but for clients with a transport of
/// the program's own, to which they are given as they are. Does not block.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_new_for(
    host: *const c_char,
    port: u16,
    options: *mut *mut mqttlink_options,
) -> mqttlink_status {
    guard::call(|| {
        let host = text(host, "host")?.to_owned();
        begin(options, move || Client::builder_for(&host, port))
    })
}

/// Frees options. Clients that were made with them stay as they are. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_free(options: *mut mqttlink_options) {
    guard::or((), || free(options));
}

/// The protocol version: a `mqttlink_protocol`. Default: MQTT 5.0.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_version(
    options: *mut mqttlink_options,
    version: i32,
) -> mqttlink_status {
    set(options, || {
        let version = numbers::version(version)?;
        Ok(move |builder: Builder| builder.version(version))
    })
}

/// The client identifier, at most 65,535 bytes. Default: empty, and the server assigns one; for MQTT
/// 3.1 one is made up. A session that outlives the connection needs one.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_client_id(
    options: *mut mqttlink_options,
    id: *const c_char,
) -> mqttlink_status {
    set(options, || {
        let id = text(id, "id")?.to_owned();
        Ok(move |builder: Builder| builder.client_id(id.as_str()))
    })
}

/// User name and password; NULL leaves either as the URL has it. For a password that is not text see
/// `mqttlink_options_set_password`. Default: the URL's.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_credentials(
    options: *mut mqttlink_options,
    user_name: *const c_char,
    password: *const c_char,
) -> mqttlink_status {
    set(options, || {
        let name = optional_text(user_name, "user_name")?.map(str::to_owned);
        let password = optional_text(password, "password")?.map(str::to_owned);
        Ok(move |mut builder: Builder| {
            if let Some(name) = &name {
                builder = builder.user_name(name.as_str());
            }
            match &password {
                Some(password) => builder.password(password.as_str()),
                None => builder,
            }
        })
    })
}

/// The password, any bytes, at most 65,535. Before MQTT 5.0 it needs a user name.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_password(
    options: *mut mqttlink_options,
    password: *const c_void,
    len: usize,
) -> mqttlink_status {
    set(options, || {
        let password = bytes(password, len, "password")?.to_vec();
        Ok(move |builder: Builder| builder.password(password.clone()))
    })
}

/// Whether `mqttlink_client_connect` begins a new session (Clean Start; Clean Session before MQTT 5.0).
/// `mqttlink_client_reconnect` always tries to go on. Default: true.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_clean_start(
    options: *mut mqttlink_options,
    clean: bool,
) -> mqttlink_status {
    set(options, || Ok(move |builder: Builder| builder.clean_start(clean)))
}

/// How many seconds the session outlives the connection; 4,294,967,295 means for ever. MQTT 5.0 only;
/// before, a session without a clean start lasts for ever. Default: 0.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_session_expiry(
    options: *mut mqttlink_options,
    expiry_s: u32,
) -> mqttlink_status {
    set(options, || Ok(move |builder: Builder| builder.session_expiry(seconds(expiry_s))))
}

/// The longest silence on the connection, in seconds; 0 turns keep alive off. The server may change it
/// in MQTT 5.0. Default: 60 s.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_keep_alive(
    options: *mut mqttlink_options,
    keep_alive_s: u16,
) -> mqttlink_status {
    set(options, || Ok(move |builder: Builder| builder.keep_alive(seconds(keep_alive_s.into()))))
}

/// How many milliseconds the answer to a PINGREQ may take. A dead peer is noticed after at most keep
/// alive plus this time. Default: 10,000 ms.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_ping_timeout(
    options: *mut mqttlink_options,
    timeout_ms: u32,
) -> mqttlink_status {
    set(options, || {
        let limit = Duration::from_millis(timeout_ms.into());
        Ok(move |builder: Builder| builder.ping_timeout(limit))
    })
}

/// The message that the server publishes when the connection is lost. The payload has at most 65,535
/// bytes. `properties` may be NULL; those of a will are the payload format indicator, message expiry
/// interval, content type, response topic, correlation data, will delay interval and user properties.
/// Default: none.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_will(
    options: *mut mqttlink_options,
    topic: *const c_char,
    payload: *const c_void,
    len: usize,
    qos: i32,
    retain: bool,
    properties: *const mqttlink_properties,
) -> mqttlink_status {
    set(options, || {
        let payload = bytes(payload, len, "payload")?;
        let will = Will::new(text(topic, "topic")?, payload)
            .qos(numbers::qos(qos)?)
            .retain(retain)
            .properties(list(properties));
        Ok(move |builder: Builder| builder.will(will.clone()))
    })
}

/// How many messages of QoS 1 and 2 may await this client's acknowledgement, 1 to 65,535. MQTT 5.0
/// only. Default: 65,535.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_receive_maximum(
    options: *mut mqttlink_options,
    maximum: u16,
) -> mqttlink_status {
    set(options, || Ok(move |builder: Builder| builder.receive_maximum(maximum)))
}

/// The largest packet this client takes, in bytes. In MQTT 5.0 the server is told and leaves larger
/// messages out; before, a larger packet ends the connection. Default: 16 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_maximum_packet_size(
    options: *mut mqttlink_options,
    bytes: u32,
) -> mqttlink_status {
    set(options, || Ok(move |builder: Builder| builder.maximum_packet_size(bytes)))
}

/// How many topic aliases the server may use. MQTT 5.0 only. Default: 0.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_topic_alias_maximum(
    options: *mut mqttlink_options,
    maximum: u16,
) -> mqttlink_status {
    set(options, || Ok(move |builder: Builder| builder.topic_alias_maximum(maximum)))
}

/// How many topic aliases this client assigns by itself, if the server takes that many. MQTT 5.0 only.
/// Default: 0.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_topic_aliases(
    options: *mut mqttlink_options,
    count: u16,
) -> mqttlink_status {
    set(options, || Ok(move |builder: Builder| builder.topic_aliases(count)))
}

/// Asks the server for the basis of response topics. MQTT 5.0 only. Default: false.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_request_response_information(
    options: *mut mqttlink_options,
    wanted: bool,
) -> mqttlink_status {
    set(options, || Ok(move |builder: Builder| builder.request_response_information(wanted)))
}

/// Whether the server may explain failures with reason strings and user properties. MQTT 5.0 only.
/// Default: true.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_request_problem_information(
    options: *mut mqttlink_options,
    wanted: bool,
) -> mqttlink_status {
    set(options, || Ok(move |builder: Builder| builder.request_problem_information(wanted)))
}

/// Adds a user property to CONNECT. MQTT 5.0 only.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_add_user_property(
    options: *mut mqttlink_options,
    name: *const c_char,
    value: *const c_char,
) -> mqttlink_status {
    guard::call(|| {
        let options = given(options, "options")?;
        let (name, value) = (text(name, "name")?.to_owned(), text(value, "value")?.to_owned());
        options.lock().add(move |builder| builder.user_property(name.as_str(), value.as_str()));
        Ok(())
    })
}

/// How many milliseconds `mqttlink_client_connect` may take in all: name, socket, TLS and CONNACK.
/// Default: 30,000 ms.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_connect_timeout(
    options: *mut mqttlink_options,
    timeout_ms: u32,
) -> mqttlink_status {
    let limit = Duration::from_millis(timeout_ms.into());
    set(options, || Ok(move |builder: Builder| builder.connect_timeout(limit)))
}

/// How many milliseconds calls wait for the server's answer: subscribe, unsubscribe, re-authenticate
/// and `mqttlink_delivery_wait` with `MQTTLINK_DEFAULT`. Default: 30,000 ms.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_response_timeout(
    options: *mut mqttlink_options,
    timeout_ms: u32,
) -> mqttlink_status {
    let limit = Duration::from_millis(timeout_ms.into());
    set(options, || Ok(move |builder: Builder| builder.response_timeout(limit)))
}

/// How many milliseconds `mqttlink_client_publish` waits for room. Default: 30,000 ms.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_publish_timeout(
    options: *mut mqttlink_options,
    timeout_ms: u32,
) -> mqttlink_status {
    let limit = Duration::from_millis(timeout_ms.into());
    set(options, || Ok(move |builder: Builder| builder.publish_timeout(limit)))
}

/// How many milliseconds `mqttlink_client_disconnect` waits until everything is sent and acknowledged.
/// Default: 5,000 ms.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_drain_timeout(
    options: *mut mqttlink_options,
    timeout_ms: u32,
) -> mqttlink_status {
    let limit = Duration::from_millis(timeout_ms.into());
    set(options, || Ok(move |builder: Builder| builder.drain_timeout(limit)))
}

/// How many messages of QoS 1 and 2 this client sends without waiting for an acknowledgement, if the
/// server allows that many. Default: in MQTT 5.0 the server's receive maximum; before it 100, of which
/// 20 may have QoS 2.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_window(
    options: *mut mqttlink_options,
    messages: u16,
) -> mqttlink_status {
    set(options, || Ok(move |builder: Builder| builder.window(messages)))
}

/// How many bytes may wait to be written before a publish waits. One message may exceed it. Default: 1
/// MiB.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_out_buffer_max(
    options: *mut mqttlink_options,
    bytes: usize,
) -> mqttlink_status {
    set(options, || Ok(move |builder: Builder| builder.out_buffer_max(bytes)))
}

/// How many bytes of messages in flight are kept before a publish waits. One message may exceed it.
/// Default: 64 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_in_flight_bytes_max(
    options: *mut mqttlink_options,
    bytes: usize,
) -> mqttlink_status {
    set(options, || Ok(move |builder: Builder| builder.in_flight_bytes_max(bytes)))
}

/// How many received messages, and how many bytes of them, wait to be taken before the client stops
/// reading, so that the server has to wait. Default: 65,536 and 4 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_queue_max(
    options: *mut mqttlink_options,
    messages: usize,
    bytes: usize,
) -> mqttlink_status {
    set(options, || Ok(move |builder: Builder| builder.queue_max(messages, bytes)))
}

/// Hands over payloads longer than this many bytes in pieces, through `mqttlink_message_read`, instead
/// of holding them in memory. Default: never.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_stream_above(
    options: *mut mqttlink_options,
    bytes: usize,
) -> mqttlink_status {
    set(options, || Ok(move |builder: Builder| builder.stream_above(bytes)))
}

/// When messages of QoS 1 and 2 are acknowledged: a `mqttlink_acknowledge`. Default:
/// `MQTTLINK_WHEN_HANDLED`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_acknowledge(
    options: *mut mqttlink_options,
    mode: i32,
) -> mqttlink_status {
    set(options, || {
        let mode = numbers::acknowledge(mode)?;
        Ok(move |builder: Builder| builder.acknowledge(mode))
    })
}

/// An address in text form.
pub(super) fn address(address: *const c_char, name: &str) -> Result<IpAddr, Failure> {
    let given = text(address, name)?;
    given.parse().map_err(|_| {
        let text = format!("{name} is {given:?}, which is neither an IPv4 nor an IPv6 address");
        Failure::new(mqttlink_status::MQTTLINK_ERROR_INVALID_ARGUMENT, text)
    })
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    #[test]
    fn each_setter_keeps_its_last_call_and_nothing_else() {
        let mut options = ptr::null_mut();
        let ok = mqttlink_status::MQTTLINK_OK;
        assert_eq!(mqttlink_options_new(c"mqtt://localhost".as_ptr(), &raw mut options), ok);
        for length in 1..100 {
            let password = [0; 100];
            let of = password.as_ptr().cast();
            assert_eq!(mqttlink_options_set_password(options, of, length), ok);
            assert_eq!(mqttlink_options_set_window(options, 7), ok);
        }
        let steps = || given(options, "options").map_or(0, |options| options.lock().steps.len());
        assert_eq!(steps(), 2);
        for _ in 0..3 {
            let (name, value) = (c"name".as_ptr(), c"value".as_ptr());
            assert_eq!(mqttlink_options_add_user_property(options, name, value), ok);
        }
        assert_eq!(steps(), 5);
        mqttlink_options_free(options);
    }
}
