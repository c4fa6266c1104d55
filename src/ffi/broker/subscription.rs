//! Subscriptions of the program itself.

use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::gate::Gate;
use super::handle::{Entry, Handle, broker, mqttlink_broker};
use crate::broker::LocalSubscription;
use crate::ffi::callback::{Hook, mqttlink_free_fn};
use crate::ffi::fork::forks;
use crate::ffi::guard::{self, Failure};
use crate::ffi::message::mqttlink_message;
use crate::ffi::numbers::limit;
use crate::ffi::owned::hand_out;
use crate::ffi::pointer::{free, given, optional, out, text};
use crate::ffi::source::Source;
use crate::ffi::status::mqttlink_status;
use crate::proto::Publication;
use crate::testing::Expectation;
use crate::threads::{Spawned, spawn};

/// Takes a message inside a broker. It belongs to the library and lives until the function returns. Runs on
/// a thread of the subscription's own, one message at a time, in order; it may call every function, also
/// those that wait, and `mqttlink_broker_subscription_free`.
pub type mqttlink_broker_message_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        broker: *mut mqttlink_broker,
        message: *const mqttlink_message,
    ),
>;

type MessageFn = unsafe extern "C" fn(*mut c_void, *mut mqttlink_broker, *const mqttlink_message);

/// Messages inside a broker that match a filter, for the program itself. Made by `mqttlink_broker_subscribe`,
/// freed by `mqttlink_broker_subscription_free`, also after the broker was. Any thread may use it.
pub struct mqttlink_broker_subscription {
    messages: Messages,
    /// How many forks there had been when it was made.
    forks: usize,
}

/// Who takes them.
enum Messages {
    Waiting(LocalSubscription),
    /// The same in a broker for tests.
    Expected(Expectation),
    /// A callback, on this thread.
    Called {
        _worker: Worker,
    },
}

/// The thread that calls a function with each message.
struct Worker {
    subscription: Arc<LocalSubscription>,
    leave: Arc<AtomicBool>,
    thread: Option<Spawned>,
}

impl Worker {
    fn start(
        entry: &Entry,
        handle: Handle,
        filter: &str,
        hook: Hook<MessageFn>,
    ) -> Result<Self, Failure> {
        let subscription = Arc::new(entry.subscribe(filter)?);
        let leave = Arc::<AtomicBool>::default();
        let (messages, gate, left) =
            (Arc::clone(&subscription), Arc::clone(&entry.gate), Arc::clone(&leave));
        let run = move || {
            for message in messages.iter() {
                if left.load(Ordering::SeqCst) || hook.call(&gate, handle, message).is_none() {
                    break;
                }
            }
        };
        let thread = spawn("mqttlink-subscription", run).map_err(|error| {
            let text = format!("the subscription's thread could not be started: {error}");
            Failure::new(mqttlink_status::MQTTLINK_ERROR_RESOURCES, text)
        })?;
        Ok(Self { subscription, leave, thread: Some(thread) })
    }
}

impl Hook<MessageFn> {
    /// `None` when the broker has been freed.
    fn call(&self, gate: &Gate, handle: Handle, message: Arc<Publication>) -> Option<()> {
        let _pass = gate.enter()?;
        let view = mqttlink_message::new(Source::LentPublication(&raw const *message));
        // SAFETY: by the contract the function takes what it was registered with; the message lives until
        // it returns.
        unsafe { (self.function)(self.pointer(), handle.pointer(), &raw const view) };
        Some(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.leave.store(true, Ordering::SeqCst);
        self.subscription.end();
        if let Some(thread) = self.thread.take()
            && !thread.is_this()
            // The callback may be waiting for the broker's thread.
            && !self.subscription.is_brokers_thread()
        {
            thread.join();
        }
    }
}

/// Subscribes the program itself to a filter. A callback gets the messages on a thread of its own; without
/// one, NULL, they wait for `mqttlink_broker_subscription_receive`. At most 65,536 wait; further ones are
/// dropped and counted in `mqttlink_broker_counters`. The retained messages that match wait for room. None
/// comes behind a newer message of its topic; where that one finds no room, it is dropped with it. No other
/// callback is asked about it.
///
/// Waits for the broker's thread, which takes no time.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_subscribe(
    broker: *mut mqttlink_broker,
    filter: *const c_char,
    callback: mqttlink_broker_message_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
    subscription: *mut *mut mqttlink_broker_subscription,
) -> mqttlink_status {
    let hook = Hook::new(callback, user, free_user);
    guard::call(|| {
        let entry = self::broker(broker)?;
        let (filter, place) = (text(filter, "filter")?, out(subscription, "subscription")?);
        let messages = match (hook, &entry.test, optional(broker)) {
            (Some(hook), _, Some(handle)) => {
                Messages::Called { _worker: Worker::start(&entry, handle, filter, hook)? }
            }
            (_, Some(test), _) => Messages::Expected(test.expect_publish(filter)?),
            _ => Messages::Waiting(entry.subscribe(filter)?),
        };
        place.put_new(mqttlink_broker_subscription { messages, forks: forks() });
        Ok(())
    })
}

/// Waits for the next message, for at most so many milliseconds; 0 does not wait. Several threads may wait;
/// each message goes to one of them. It is freed with `mqttlink_message_free`.
///
/// `MQTTLINK_ERROR_TIMEOUT_RECEIVE` if none came in time; in a broker for tests its text shows the last
/// packets. `MQTTLINK_ERROR_BROKER_STOPPED`; `MQTTLINK_ERROR_INVALID_STATE` if there is a callback, and
/// in a callback that must not wait if there is no message.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_subscription_receive(
    subscription: *mut mqttlink_broker_subscription,
    timeout_ms: i64,
    message: *mut *mut mqttlink_message,
) -> mqttlink_status {
    guard::call(|| {
        let subscription = given(subscription, "subscription")?;
        let place = out(message, "message")?;
        let limit = limit(timeout_ms)?.unwrap_or(Duration::MAX);
        if subscription.forks != forks() {
            return Err(Failure::plain(mqttlink_status::MQTTLINK_ERROR_FORKED));
        }
        let received = match &subscription.messages {
            Messages::Waiting(messages) => messages.recv(limit)?,
            Messages::Expected(messages) => messages.within(limit)?,
            Messages::Called { .. } => {
                let text = "the subscription's messages go to its callback";
                return Err(Failure::new(mqttlink_status::MQTTLINK_ERROR_INVALID_STATE, text));
            }
        };
        place.put(hand_out(Source::Publication(received)));
        Ok(())
    })
}

/// Ends a subscription, at any moment, also inside its own callback and after its broker was freed. When it
/// returns, the callback does not run any more; inside the callback, that one is the last, and inside a
/// callback that must not wait it may still run for a moment. No other thread may be waiting in it. NULL is
/// allowed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_subscription_free(
    subscription: *mut mqttlink_broker_subscription,
) {
    guard::or((), || {
        // The threads of one that was made before a fork exist only in the parent.
        if optional(subscription).is_some_and(|one| one.forks == forks()) {
            free(subscription);
        }
    });
}
