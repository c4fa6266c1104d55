//! Subscribing and unsubscribing.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::callback::{Hook, mqttlink_free_fn, mqttlink_message_fn};
use super::guard::{self, Failure};
use super::handle::{client, mqttlink_client};
use super::numbers;
use super::options::Slot;
use super::pointer::{free, given, new, optional, out, put_if, text, texts};
use super::properties::{list, mqttlink_properties};
use super::publish::no_event;
use super::status::mqttlink_status;
use crate::codec::{EncodeError, PropertyValue};
use crate::{
    Error, Properties, PropertyId, ReasonCode, Subscribe, SubscribeOptions, Subscribed,
    Unsubscribe, Unsubscribed,
};

/// What to subscribe to, and who takes the messages. Made by `mqttlink_subscription_new`, freed by
/// `mqttlink_subscription_free`, used as often as wanted, by any client. Any thread may use it.
pub struct mqttlink_subscription {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    filters: Vec<(String, SubscribeOptions)>,
    handler: Slot<mqttlink_message_fn>,
    properties: Properties<'static>,
}

impl mqttlink_subscription {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request(&self, handle: &'static mqttlink_client) -> Result<Subscribe, Failure> {
        let inner = self.lock();
        let mut filters = inner.filters.iter().cloned();
        let none = || {
            let text = "the subscription has no filter: call mqttlink_subscription_add";
            Failure::new(mqttlink_status::MQTTLINK_ERROR_INVALID_ARGUMENT, text)
        };
        let (filter, options) = filters.next().ok_or_else(none)?;
        let mut request = Subscribe::new(filter, options);
        for (filter, options) in filters {
            request = request.filter(filter, options);
        }
        for property in inner.properties.iter() {
            request = match (property.id, property.value) {
                (PropertyId::SubscriptionIdentifier, value) => {
                    request.subscription_id(value.number().unwrap_or_default())
                }
                (_, PropertyValue::Pair(name, value)) => request.user_property(name, value),
                (id, _) => return Err(misplaced(id, "SUBSCRIBE")),
            };
        }
        Ok(match inner.handler.clone() {
            Some(hook) => request.handler(move |message| hook.message(handle, message)),
            None => request,
        })
    }
}

fn misplaced(id: PropertyId, packet: &str) -> Failure {
    let text = format!("{packet} has no {id}");
    Failure::new(mqttlink_status::MQTTLINK_ERROR_INVALID_PROPERTY, text)
}

/// The server's answer to a request: one result for each filter, in order. From a function it is freed
/// with `mqttlink_results_free`; in a callback it lives until the callback returns.
pub struct mqttlink_results {
    codes: Vec<u8>,
    properties: mqttlink_properties,
}

fn results<'a>(
    codes: impl Iterator<Item = u8>,
    reason_string: Option<&str>,
    user_properties: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<mqttlink_results, EncodeError> {
    let mut properties = Properties::new();
    if let Some(text) = reason_string {
        properties.set_text(PropertyId::ReasonString, text)?;
    }
    for (name, value) in user_properties {
        properties.add_user_property(name, value)?;
    }
    Ok(mqttlink_results { codes: codes.collect(), properties: properties.into() })
}

fn subscribed(answer: &Subscribed) -> Result<mqttlink_results, Error> {
    let code = |result: Result<crate::QoS, ReasonCode>| {
        result.map_or_else(ReasonCode::code, crate::QoS::number)
    };
    let codes = answer.results().map(code);
    Ok(results(codes, answer.reason_string(), answer.user_properties())?)
}

fn unsubscribed(answer: &Unsubscribed) -> Result<mqttlink_results, Error> {
    let codes = answer.results().map(ReasonCode::code);
    Ok(results(codes, answer.reason_string(), answer.user_properties())?)
}

/// A subscription without filters. NULL only after a bug in mqttlink.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_subscription_new() -> *mut mqttlink_subscription {
    guard::or(ptr::null_mut(), || new(mqttlink_subscription { inner: Mutex::default() }))
}

/// Frees a subscription. What was subscribed to with it stays. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_subscription_free(subscription: *mut mqttlink_subscription) {
    guard::or((), || free(subscription));
}

/// Adds a filter with the highest QoS at which messages are to be delivered, 0 to 2.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_subscription_add(
    subscription: *mut mqttlink_subscription,
    filter: *const c_char,
    qos: i32,
) -> mqttlink_status {
    guard::call(|| {
        let subscription = given(subscription, "subscription")?;
        let filter = text(filter, "filter")?.to_owned();
        subscription.lock().filters.push((filter, numbers::qos(qos)?.into()));
        Ok(())
    })
}

/// Adds a filter with all that MQTT 5.0 knows. `no_local`: leave out what this client publishes.
/// `retain_as_published`: keep the RETAIN flag of the publisher. `retain_handling`: a
/// `mqttlink_retain_handling`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_subscription_add_with(
    subscription: *mut mqttlink_subscription,
    filter: *const c_char,
    qos: i32,
    no_local: bool,
    retain_as_published: bool,
    retain_handling: i32,
) -> mqttlink_status {
    guard::call(|| {
        let subscription = given(subscription, "subscription")?;
        let filter = text(filter, "filter")?.to_owned();
        let options = SubscribeOptions {
            qos: numbers::qos(qos)?,
            no_local,
            retain_as_published,
            retain_handling: numbers::retain_handling(retain_handling)?,
        };
        subscription.lock().filters.push((filter, options));
        Ok(())
    })
}

/// Gives the subscription its own callback for the messages that match one of its filters; the callback
/// of `mqttlink_options_on_message` and `mqttlink_client_receive` do not get them then. A message that
/// matches several subscriptions goes to the callback of each. Runs on the dispatcher thread. NULL takes it
/// away again.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_subscription_set_handler(
    subscription: *mut mqttlink_subscription,
    callback: mqttlink_message_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    let hook = Hook::new(callback, user, free_user);
    guard::call(|| {
        let earlier =
            std::mem::replace(&mut given(subscription, "subscription")?.lock().handler, hook);
        drop(earlier);
        Ok(())
    })
}

/// Sets the properties, which are copied: subscription identifier, user properties. MQTT 5.0 only. NULL
/// takes them away.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_subscription_set_properties(
    subscription: *mut mqttlink_subscription,
    properties: *const mqttlink_properties,
) -> mqttlink_status {
    guard::call(|| {
        given(subscription, "subscription")?.lock().properties = list(properties);
        Ok(())
    })
}

/// Subscribes, and waits for the server's answer, at most the response timeout. The answer has one
/// result for each filter: the server may grant less than was asked for, or refuse.
///
/// `results`, to be freed with `mqttlink_results_free`, may be NULL; then a refusal of any filter is
/// `MQTTLINK_ERROR_SUBSCRIBE_REFUSED`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_subscribe(
    client: *mut mqttlink_client,
    subscription: *const mqttlink_subscription,
    results: *mut *mut mqttlink_results,
) -> mqttlink_status {
    guard::call(|| {
        let client = self::client(client)?;
        let handle = client.handle();
        let request = given(subscription, "subscription")?.request(handle)?;
        let answer = client.subscribe(request)?;
        if results.is_null() {
            answer.all()?;
        }
        let shown = subscribed(&answer)?;
        put_if(results, || new(shown));
        Ok(())
    })
}

/// Subscribes to one filter without a callback of its own, and waits as `mqttlink_client_subscribe`.
/// `granted`, which may be NULL, is the QoS that the server granted. A refusal is
/// `MQTTLINK_ERROR_SUBSCRIBE_REFUSED`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_subscribe_one(
    client: *mut mqttlink_client,
    filter: *const c_char,
    qos: i32,
    granted: *mut i32,
) -> mqttlink_status {
    guard::call(|| {
        let client = self::client(client)?;
        let request = Subscribe::new(text(filter, "filter")?, numbers::qos(qos)?);
        let answer = client.subscribe(request)?.all()?;
        put_if(granted, || answer.first().map_or(0, |qos| qos.number().into()));
        Ok(())
    })
}

/// Subscribes without waiting; the answer goes to the callback of `mqttlink_options_on_subscribed`, with
/// the number that is put into `id` before the request is queued. Without an answer it is called when
/// the connection ends.
///
/// `MQTTLINK_ERROR_INVALID_STATE` if there is no such callback.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_subscribe_event(
    client: *mut mqttlink_client,
    subscription: *const mqttlink_subscription,
    id: *mut u64,
) -> mqttlink_status {
    guard::call(|| {
        let client = self::client(client)?;
        let (handle, number) = (client.handle(), client.handle().next_id());
        let request = given(subscription, "subscription")?.request(handle)?;
        let hook = client.hooks.subscribed.clone();
        let hook = hook.ok_or_else(|| no_event("mqttlink_options_on_subscribed"))?;
        let done = move |answer: Result<_, _>| {
            hook.answered(handle, number, answer.and_then(|answer| subscribed(&answer)));
        };
        Ok(out(id, "id")?.put_while(number, || client.subscribe_then(request, done))?)
    })
}

fn unsubscribe(
    filters: *const *const c_char,
    count: usize,
    properties: *const mqttlink_properties,
) -> Result<Unsubscribe, Failure> {
    let mut filters = texts(filters, count, "filters")?.into_iter();
    let none =
        || Failure::new(mqttlink_status::MQTTLINK_ERROR_INVALID_ARGUMENT, "there is no filter");
    let mut request = Unsubscribe::new(filters.next().ok_or_else(none)?);
    for filter in filters {
        request = request.filter(filter);
    }
    for property in list(properties).iter() {
        request = match property.value {
            PropertyValue::Pair(name, value) => request.user_property(name, value),
            _ => return Err(misplaced(property.id, "UNSUBSCRIBE")),
        };
    }
    Ok(request)
}

/// Ends subscriptions, and waits for the server's answer, at most the response timeout. `filters` are
/// `count` strings, letter by letter as they were subscribed to; `properties`, which may be NULL, are
/// user properties. Their callbacks are dropped in the place of the server's answer.
///
/// `results`, to be freed with `mqttlink_results_free`, may be NULL; then a refusal of any filter is
/// `MQTTLINK_ERROR_UNSUBSCRIBE_REFUSED`. That there was no such subscription is not a refusal.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_unsubscribe(
    client: *mut mqttlink_client,
    filters: *const *const c_char,
    count: usize,
    properties: *const mqttlink_properties,
    results: *mut *mut mqttlink_results,
) -> mqttlink_status {
    guard::call(|| {
        let client = self::client(client)?;
        let answer = client.unsubscribe(unsubscribe(filters, count, properties)?)?;
        if results.is_null() {
            answer.all()?;
        }
        let shown = unsubscribed(&answer)?;
        put_if(results, || new(shown));
        Ok(())
    })
}

/// Ends subscriptions without waiting; the answer goes to the callback of
/// `mqttlink_options_on_unsubscribed`, with the number that is put into `id` before the request is
/// queued. The other arguments are those of `mqttlink_client_unsubscribe`.
///
/// `MQTTLINK_ERROR_INVALID_STATE` if there is no such callback.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_unsubscribe_event(
    client: *mut mqttlink_client,
    filters: *const *const c_char,
    count: usize,
    properties: *const mqttlink_properties,
    id: *mut u64,
) -> mqttlink_status {
    guard::call(|| {
        let client = self::client(client)?;
        let request = unsubscribe(filters, count, properties)?;
        let hook = client.hooks.unsubscribed.clone();
        let hook = hook.ok_or_else(|| no_event("mqttlink_options_on_unsubscribed"))?;
        let (handle, number) = (client.handle(), client.handle().next_id());
        let done = move |answer: Result<_, _>| {
            hook.answered(handle, number, answer.and_then(|answer| unsubscribed(&answer)));
        };
        Ok(out(id, "id")?.put_while(number, || client.unsubscribe_then(request, done))?)
    })
}

/// How many results there are: one for each filter. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_results_count(results: *const mqttlink_results) -> usize {
    guard::or(0, || optional(results).map_or(0, |results| results.codes.len()))
}

/// The result at a place, from 0: a `mqttlink_reason`. For a subscription 0 to 2 is the QoS granted; from
/// 0x80 the filter was refused. -1 behind the last one.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_results_at(results: *const mqttlink_results, index: usize) -> i32 {
    guard::or(-1, || {
        let found = optional(results).and_then(|results| results.codes.get(index));
        found.map_or(-1, |code| i32::from(*code))
    })
}

/// Reason string and user properties of the answer; an empty list before MQTT 5.0. Lives as long as the
/// results. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_results_properties(
    results: *const mqttlink_results,
) -> *const mqttlink_properties {
    optional(results).map_or(ptr::null(), |results| &raw const results.properties)
}

/// Frees results that a function gave. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_results_free(results: *mut mqttlink_results) {
    guard::or((), || free(results));
}
