//! The handle of a broker.

use std::any::Any;
use std::ffi::CString;
use std::ops::Deref;
use std::sync::Arc;

use super::gate::Gate;
use crate::broker::Broker;
use crate::ffi::counted::{self, Counted, Quarantine};
use crate::ffi::guard::Failure;
use crate::ffi::pointer::{c_text, given};
use crate::ffi::status::mqttlink_status;
use crate::testing::TestBroker;

/// An MQTT broker inside the process. Made by `mqttlink_broker_start`, freed by `mqttlink_broker_free`.
/// Every function may be called from every thread; which ones may be called inside a hook, the hook says.
pub struct mqttlink_broker {
    counted: Counted<Entry>,
}

/// What is behind a handle that lives.
pub(in crate::ffi) struct Entry {
    broker: Broker,
    /// The same broker, if it was set up for tests.
    pub(super) test: Option<TestBroker>,
    pub(super) addresses: Vec<CString>,
    pub(super) gate: Arc<Gate>,
}

impl Deref for Entry {
    type Target = Broker;

    fn deref(&self) -> &Broker {
        &self.broker
    }
}

/// A broker in use by a call.
pub(super) type Used = counted::Used<mqttlink_broker>;

/// A handle that callbacks are given.
pub(super) type Handle = &'static mqttlink_broker;

static FREED: Quarantine<mqttlink_broker> = Quarantine::new();

impl counted::Handle for mqttlink_broker {
    type Entry = Entry;
    const FREED: &'static str = "the broker has been freed";
    const FORKED: &'static str = "the broker belongs to the parent process; start another one here";

    fn empty() -> Self {
        Self { counted: Counted::new() }
    }

    fn counted(&self) -> &Counted<Entry> {
        &self.counted
    }

    fn quarantine() -> &'static Quarantine<Self> {
        &FREED
    }
}

/// Keeps other threads from starting and freeing brokers, until it is dropped.
pub(in crate::ffi) fn held() -> Box<dyn Any> {
    Box::new(FREED.lock())
}

/// Starts a broker behind a new handle. Callbacks that come before it is there wait at the gate.
pub(super) fn start(
    start: impl FnOnce(Handle, &Arc<Gate>) -> Result<(Broker, Option<TestBroker>), Failure>,
) -> Result<Handle, Failure> {
    let handle = counted::reserve::<mqttlink_broker>();
    let gate = Arc::<Gate>::default();
    let (broker, test) = start(handle, &gate).inspect_err(|_| {
        gate.close();
        counted::give_back(handle);
    })?;
    let addresses = broker.addresses().iter().map(|address| c_text(&address.to_string()));
    let addresses = addresses.collect();
    counted::fill(handle, Entry { broker, test, addresses, gate: Arc::clone(&gate) });
    gate.open();
    Ok(handle)
}

impl mqttlink_broker {
    pub(super) const fn pointer(&'static self) -> *mut Self {
        std::ptr::from_ref(self).cast_mut()
    }
}

/// The broker behind a handle, for the time of a call.
#[inline(always)]
pub(super) fn broker(handle: *const mqttlink_broker) -> Result<Used, Failure> {
    counted::begin(given(handle, "broker")?)
}

/// The broker behind a handle, which was set up for tests.
pub(super) fn for_test(handle: *const mqttlink_broker) -> Result<TestBroker, Failure> {
    broker(handle)?.test.clone().ok_or_else(|| {
        let text = "the broker is not for tests: make its options with \
                    mqttlink_broker_options_new_for_test";
        Failure::new(mqttlink_status::MQTTLINK_ERROR_INVALID_STATE, text)
    })
}
