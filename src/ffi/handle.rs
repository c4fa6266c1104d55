//! The handle of a client.

use std::any::Any;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};

use super::counted::{self, Counted, Handle, Quarantine};
use super::guard::Failure;
use super::interrupt::{self, Interrupt};
use super::options::Hooks;
use super::pointer::given;
use crate::Client;

/// An MQTT client. Made by `mqttlink_client_new`, freed by `mqttlink_client_free`. Every function may be
/// called from every thread, also inside every callback.
pub struct mqttlink_client {
    counted: Counted<Entry>,
    /// Counts the requests that want an answer by event.
    requests: AtomicU64,
    pub(super) interrupt: Interrupt,
}

/// What is behind a handle that lives.
pub(super) struct Entry {
    client: Client,
    pub(super) hooks: Hooks,
}

impl Deref for Entry {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// A client in use by a call.
pub(super) type Used = counted::Used<mqttlink_client>;

static FREED: Quarantine<mqttlink_client> = Quarantine::new();

impl Handle for mqttlink_client {
    type Entry = Entry;
    const FREED: &'static str = "the client has been freed";
    const FORKED: &'static str = "the client belongs to the parent process; make another one here";

    fn empty() -> Self {
        Self { counted: Counted::new(), requests: AtomicU64::new(0), interrupt: Interrupt::new() }
    }

    fn counted(&self) -> &Counted<Entry> {
        &self.counted
    }

    fn quarantine() -> &'static Quarantine<Self> {
        &FREED
    }
}

/// Keeps other threads from making and freeing clients, until it is dropped.
pub(super) fn held() -> Box<dyn Any> {
    Box::new(FREED.lock())
}

impl mqttlink_client {
    /// Puts the client behind the handle, which `reserve` gave.
    pub(super) fn fill(&'static self, client: Client, hooks: Hooks) -> Result<(), Failure> {
        interrupt::register(self, client.clone())?;
        counted::fill(self, Entry { client, hooks });
        Ok(())
    }

    /// From now on every call fails.
    pub(super) fn condemn(&'static self) -> Result<Used, Failure> {
        let used = counted::condemn(self)?;
        interrupt::forget(self);
        Ok(used)
    }

    /// Whether the client has been freed: then none of its callbacks may run any more, also those that
    /// follow the one that freed it.
    pub(super) fn is_freed(&self) -> bool {
        self.counted.is_condemned()
    }

    /// A name for a request that wants an answer by event; never 0.
    pub(super) fn next_id(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// The client behind a handle, for the time of a call.
#[inline(always)]
pub(super) fn client(handle: *const mqttlink_client) -> Result<Used, Failure> {
    counted::begin(given(handle, "client")?)
}
