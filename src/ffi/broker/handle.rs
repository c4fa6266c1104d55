//! The handle of a broker. As with clients, where it points is never given back to the system, so that
//! every call finds out that its broker is gone.

use std::collections::VecDeque;
use std::ffi::CString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::gate::Gate;
use crate::broker::Broker;
use crate::ffi::guard::Failure;
use crate::ffi::handle::{forks, watch_forks};
use crate::ffi::pointer::{c_text, given};
use crate::ffi::status::mqttlink_status;
use crate::testing::TestBroker;

/// An MQTT broker inside the process. Made by `mqttlink_broker_start`, freed by `mqttlink_broker_free`.
/// Every function may be called from every thread; which ones may be called inside a hook, the hook says.
pub struct mqttlink_broker {
    entry: RwLock<Option<Entry>>,
}

/// What is behind a handle that lives.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) broker: Broker,
    /// The same broker, if it was set up for tests.
    pub(super) test: Option<TestBroker>,
    pub(super) addresses: Arc<[CString]>,
    pub(super) gate: Arc<Gate>,
    forks: usize,
}

/// A handle that callbacks are given.
pub(super) type Handle = &'static mqttlink_broker;

/// How many freed handles wait before one of them is used again.
const QUARANTINE: usize = 256;

static FREED: Mutex<VecDeque<Handle>> = Mutex::new(VecDeque::new());

fn freed() -> MutexGuard<'static, VecDeque<Handle>> {
    FREED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn gone() -> Failure {
    Failure::new(mqttlink_status::MQTTLINK_ERROR_FREED, "the broker has been freed")
}

fn forked() -> Failure {
    let text = "the broker belongs to the parent process; start another one here";
    Failure::new(mqttlink_status::MQTTLINK_ERROR_FORKED, text)
}

impl Entry {
    fn new(broker: Broker, test: Option<TestBroker>, gate: Arc<Gate>) -> Self {
        let addresses = broker.addresses().iter().map(|address| c_text(&address.to_string()));
        Self { addresses: addresses.collect(), broker, test, gate, forks: forks() }
    }
}

/// Starts a broker behind a new handle. Callbacks that come before it is there wait for it.
pub(super) fn start(
    start: impl FnOnce(Handle, &Arc<Gate>) -> Result<(Broker, Option<TestBroker>), Failure>,
) -> Result<Handle, Failure> {
    watch_forks();
    let mut waiting = freed();
    let used = if waiting.len() > QUARANTINE { waiting.pop_front() } else { None };
    drop(waiting);
    let handle =
        used.unwrap_or_else(|| Box::leak(Box::new(mqttlink_broker { entry: RwLock::new(None) })));
    let mut entry = handle.entry.write().unwrap_or_else(PoisonError::into_inner);
    let gate = Arc::<Gate>::default();
    match start(handle, &gate) {
        Ok((broker, test)) => {
            *entry = Some(Entry::new(broker, test, gate));
            Ok(handle)
        }
        Err(failure) => {
            freed().push_back(handle);
            Err(failure)
        }
    }
}

impl mqttlink_broker {
    /// Empties the handle.
    pub(super) fn take(&'static self) -> Result<Entry, Failure> {
        let taken = self.entry.write().unwrap_or_else(PoisonError::into_inner).take();
        let entry = taken.ok_or_else(gone)?;
        if entry.forks != forks() {
            // Its threads exist only in the parent, where the broker lives on.
            std::mem::forget(entry);
            return Err(forked());
        }
        Ok(entry)
    }

    /// Lets the handle be used again, some time.
    pub(super) fn give_back(&'static self) {
        freed().push_back(self);
    }

    pub(super) const fn pointer(&'static self) -> *mut Self {
        std::ptr::from_ref(self).cast_mut()
    }
}

/// What is behind a handle. It stays alive until the call is over, even if it is freed meanwhile.
pub(super) fn entry(handle: *const mqttlink_broker) -> Result<Entry, Failure> {
    let handle = given(handle, "broker")?;
    let guard = handle.entry.read().unwrap_or_else(PoisonError::into_inner);
    let entry = guard.as_ref().ok_or_else(gone)?;
    if entry.forks == forks() { Ok(entry.clone()) } else { Err(forked()) }
}

/// The broker behind a handle.
pub(super) fn broker(handle: *const mqttlink_broker) -> Result<Broker, Failure> {
    Ok(entry(handle)?.broker)
}

/// The broker behind a handle, which was set up for tests.
pub(super) fn for_test(handle: *const mqttlink_broker) -> Result<TestBroker, Failure> {
    entry(handle)?.test.ok_or_else(|| {
        let text = "the broker is not for tests: make its options with \
                    mqttlink_broker_options_new_for_test";
        Failure::new(mqttlink_status::MQTTLINK_ERROR_INVALID_STATE, text)
    })
}
