//! The user's handlers, and which message goes to which.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::event::{ConnectionEvent, Inspected};
use super::message::Message;
use crate::codec::topic;
use crate::error::{Error, ErrorCode};
use crate::proto::{RequestOutcome, pattern_of};

pub(super) type MessageHandler = Box<dyn FnMut(&Message) + Send>;
type EventHandler = Box<dyn FnMut(&ConnectionEvent) + Send>;
type PacketHandler = Box<dyn FnMut(&Inspected<'_>) + Send>;

/// All handlers of a client. Only the dispatcher runs them; any thread may change them, also from
/// within a handler.
#[derive(Default)]
pub(super) struct HandlerTable {
    /// Counts the changes, so that the dispatcher notices them without a lock.
    version: AtomicU64,
    current: Mutex<Snapshot>,
}

/// The handlers at one moment.
#[derive(Clone, Default)]
pub(super) struct Snapshot {
    version: u64,
    default: Option<Arc<Handler<MessageHandler>>>,
    event: Option<Arc<Handler<EventHandler>>>,
    packet: Option<Arc<Handler<PacketHandler>>>,
    subscriptions: Arc<Vec<Arc<Subscription>>>,
}

pub(super) struct Handler<F> {
    call: Mutex<F>,
}

/// What the answer to a request decides about: its handler and those that its filters had before.
pub(super) struct Settlement {
    /// Names the request's own handler.
    pub(super) key: Option<u64>,
    pub(super) filters: Vec<String>,
    /// Whether a request without a handler leaves the filters theirs.
    pub(super) keeps: bool,
}

/// A decision about handlers.
pub(super) struct HandlerChange {
    key: Option<u64>,
    /// For each filter, whether the server has refused it.
    refused: Vec<(String, bool)>,
    keeps: bool,
}

impl Settlement {
    pub(super) fn with(self, outcome: &RequestOutcome) -> HandlerChange {
        let refused = outcome.results.iter().map(|result| result.is_refused());
        let refused = self.filters.into_iter().zip(refused).collect();
        HandlerChange { key: self.key, refused, keeps: self.keeps }
    }
}

/// The handler of one filter.
pub(super) struct Subscription {
    /// Names the request it came with.
    key: u64,
    filter: String,
    /// What topic names are compared with.
    pattern: Box<[u8]>,
    has_wildcard: bool,
    subscription_id: Option<u32>,
    handler: Arc<Handler<MessageHandler>>,
}

impl<F> Handler<F> {
    fn new(call: F) -> Arc<Self> {
        Arc::new(Self { call: Mutex::new(call) })
    }

    /// Runs it. `false` says that it panicked.
    fn run(&self, what: &str, run: impl FnOnce(&mut F)) -> bool {
        let mut call = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        contain(what, || run(&mut call))
    }
}

/// Runs the user's code. A panic ends here; `false` says that there was one.
pub(super) fn contain(what: &str, run: impl FnOnce()) -> bool {
    let result = catch_unwind(AssertUnwindSafe(run));
    if let Err(panic) = &result {
        let text = panic_text(&**panic);
        log::error!("a {what} handler panicked: {text}");
    }
    result.is_ok()
}

/// What a panic says.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

/// Drops handlers, with whatever they own.
fn discard(handlers: Snapshot) {
    contain("dropped", || drop(handlers));
}

impl HandlerTable {
    /// Changes the handlers. What is replaced is dropped without the lock: a handler may own what
    /// comes back here when it is dropped.
    fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut current = self.lock();
        let before = current.clone();
        change(&mut current);
        current.version += 1;
        self.version.store(current.version, Ordering::SeqCst);
        drop(current);
        discard(before);
    }

    fn lock(&self) -> MutexGuard<'_, Snapshot> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_default(&self, handler: MessageHandler) {
        self.change(|now| now.default = Some(Handler::new(handler)));
    }

    pub(super) fn set_event(&self, handler: EventHandler) {
        self.change(|now| now.event = Some(Handler::new(handler)));
    }

    pub(super) fn set_packet(&self, handler: PacketHandler) {
        self.change(|now| now.packet = Some(Handler::new(handler)));
    }

    pub(super) fn has_packet(&self) -> bool {
        self.lock().packet.is_some()
    }

    /// Whether there is any handler, so that a dispatcher is needed.
    pub(super) fn is_empty(&self) -> bool {
        let now = self.lock();
        now.default.is_none()
            && now.event.is_none()
            && now.packet.is_none()
            && now.subscriptions.is_empty()
    }

    /// Adds one handler for all the filters of a request.
    pub(super) fn subscribe<'a>(
        &self,
        key: u64,
        filters: impl Iterator<Item = &'a str>,
        subscription_id: Option<u32>,
        handler: MessageHandler,
    ) {
        let handler = Handler::new(handler);
        let added = filters.map(|filter| {
            let pattern = pattern_of(filter);
            Arc::new(Subscription {
                key,
                filter: filter.to_owned(),
                pattern: pattern.as_bytes().into(),
                has_wildcard: pattern.contains(['+', '#']),
                subscription_id,
                handler: Arc::clone(&handler),
            })
        });
        self.change(|now| {
            now.subscriptions = Arc::new(now.subscriptions.iter().cloned().chain(added).collect());
        });
    }

    /// Adds the handler of a filter that is not requested.
    pub(super) fn set_filter(&self, filter: &str, handler: MessageHandler) -> Result<(), Error> {
        topic::Filter::parse(filter).map_err(|source| {
            let text = format!("the topic filter {filter:?} is not valid: {source}");
            Error::with_text(ErrorCode::InvalidFilter, text)
        })?;
        // Requests count up from 0.
        let count = u64::try_from(self.lock().subscriptions.len()).unwrap_or_default();
        self.subscribe(u64::MAX - count, std::iter::once(filter), None, handler);
        Ok(())
    }

    fn retain(&self, keep: impl Fn(&Subscription) -> bool) {
        self.change(|now| {
            let kept = now.subscriptions.iter().filter(|entry| keep(entry)).cloned().collect();
            now.subscriptions = Arc::new(kept);
        });
    }

    /// Takes the handlers of a request away that was not answered.
    pub(super) fn withdraw(&self, key: u64) {
        self.retain(|entry| entry.key != key);
    }

    /// A filter that was granted, or is not subscribed to any more, keeps only the handler of the
    /// request; one that was refused loses just that.
    pub(super) fn apply(&self, change: &HandlerChange) {
        self.retain(|entry| {
            let mut decided = change.refused.iter();
            let Some(refused) =
                decided.find_map(|(filter, refused)| (*filter == entry.filter).then_some(*refused))
            else {
                return true;
            };
            match change.key {
                Some(key) => (entry.key == key) != refused,
                None => refused || change.keeps,
            }
        });
    }

    /// Drops every handler: the client is gone.
    pub(super) fn clear(&self) {
        let dropped = {
            let mut current = self.lock();
            let version = current.version + 1;
            self.version.store(version, Ordering::SeqCst);
            std::mem::replace(&mut *current, Snapshot { version, ..Snapshot::default() })
        };
        discard(dropped);
    }

    /// Brings `snapshot` up to date.
    pub(super) fn refresh(&self, snapshot: &mut Snapshot) {
        if self.version.load(Ordering::SeqCst) != snapshot.version {
            let current = self.lock().clone();
            discard(std::mem::replace(snapshot, current));
        }
    }
}

/// Where a message goes.
pub(super) enum Route<'a> {
    /// To one handler.
    One(&'a Handler<MessageHandler>),
    /// To the handlers of these subscriptions.
    Many(Vec<&'a Subscription>),
    /// There is no handler for it.
    Nowhere,
}

impl Route<'_> {
    /// Runs the handlers. `false` if one of them panicked.
    pub(super) fn run(&self, message: &Message) -> bool {
        let run = |handler: &Handler<MessageHandler>| handler.run("message", |call| call(message));
        match self {
            Self::One(handler) => run(handler),
            Self::Many(entries) => entries.iter().filter(|entry| !run(&entry.handler)).count() == 0,
            Self::Nowhere => true,
        }
    }
}

impl Snapshot {
    /// Finds the handlers that a message is for: by the subscription identifiers that the server
    /// sent, where it sent any that are known, otherwise by the topic.
    pub(super) fn route(&self, message: &Message) -> Route<'_> {
        let mut ids = message.subscription_ids().peekable();
        let found = if ids.peek().is_none() {
            let name = message.topic_bytes();
            self.collect(|entry| entry.matches(name))
        } else {
            self.by_ids(message, &ids.collect::<Vec<_>>())
        };
        match (found, &self.default) {
            (Route::Nowhere, Some(handler)) => Route::One(handler),
            (found, _) => found,
        }
    }

    fn by_ids(&self, message: &Message, ids: &[u32]) -> Route<'_> {
        let named =
            |entry: &Subscription| entry.subscription_id.is_some_and(|id| ids.contains(&id));
        match self.collect(named) {
            Route::Nowhere => {
                // A subscription with an identifier would have been named.
                let name = message.topic_bytes();
                self.collect(|entry| entry.subscription_id.is_none() && entry.matches(name))
            }
            found => found,
        }
    }

    /// The handlers of the subscriptions that match. One that has several filters is called once.
    fn collect(&self, matches: impl Fn(&Subscription) -> bool) -> Route<'_> {
        let mut matching = self.subscriptions.iter().filter(|entry| matches(entry));
        let Some(first) = matching.next() else { return Route::Nowhere };
        let Some(second) = matching.find(|entry| entry.key != first.key) else {
            return Route::One(&first.handler);
        };
        let mut found: Vec<&Subscription> = vec![first, second];
        for entry in matching {
            if found.iter().all(|other| other.key != entry.key) {
                found.push(entry);
            }
        }
        Route::Many(found)
    }

    pub(super) fn event(&self, event: &ConnectionEvent) {
        if let Some(handler) = &self.event {
            handler.run("connection", |call| call(event));
        }
    }

    pub(super) fn packet(&self, packet: &Inspected<'_>) {
        if let Some(handler) = &self.packet {
            handler.run("packet", |call| call(packet));
        }
    }
}

impl Subscription {
    fn matches(&self, name: &[u8]) -> bool {
        if self.has_wildcard {
            topic::matches_bytes(&self.pattern, name)
        } else {
            *self.pattern == *name
        }
    }
}
