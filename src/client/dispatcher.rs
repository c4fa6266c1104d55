//! The thread on which handlers run.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Acknowledge;
use super::event::Notification;
use super::handlers::{Route, Snapshot, contain};
use super::input::Block;
use super::mailbox::{Batch, Chunks, Entry, Put};
use super::message::{Message, Origin};
use super::shared::Shared;
use crate::codec::{Properties, ReasonCode};
use crate::error::{Error, ErrorCode};
use crate::proto::{AckOutcome, Incoming};
use crate::threads::{self, ThreadNumber};

/// Starts the dispatcher, unless it runs.
pub(super) fn ensure(shared: &Arc<Shared>) -> Result<(), Error> {
    if shared.dispatching.load(Ordering::SeqCst) {
        return Ok(());
    }
    let mut handle = shared.dispatcher.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if handle.is_none() {
        let own = Arc::clone(shared);
        let run = move || Dispatcher::new(&own).run();
        let started = threads::spawn("mqttlink-dispatch", run).map_err(|error| {
            Error::from_io(ErrorCode::Resources, "a thread could not be started", error)
        })?;
        *handle = Some(started);
        shared.dispatching.store(true, Ordering::SeqCst);
    }
    Ok(())
}

/// How many acknowledgements are gathered while a batch of messages is handled. One that takes long
/// holds back no more than these.
const GATHER_MAX: usize = 128;

struct Dispatcher<'a> {
    shared: &'a Arc<Shared>,
    snapshot: Snapshot,
    /// The chunks that follow belong to a message that went to the inbox.
    forwarding: bool,
    /// Acknowledgements that wait for others before they are written.
    gathered: Cell<usize>,
}

impl<'a> Dispatcher<'a> {
    fn new(shared: &'a Arc<Shared>) -> Self {
        Self { shared, snapshot: Snapshot::default(), forwarding: false, gathered: Cell::new(0) }
    }

    fn run(mut self) {
        let over = || self.shared.abandoned.load(Ordering::SeqCst);
        let _ = self.shared.dispatcher_thread.set(ThreadNumber::this());
        while let Some(entry) = self.shared.work.take_entry(over) {
            self.shared.handlers.refresh(&mut self.snapshot);
            match entry {
                Entry::Batch(batch) => self.batch(batch),
                Entry::Notification(Notification::Connection(event)) => self.snapshot.event(&event),
                Entry::Notification(Notification::Packets(packets)) => {
                    packets.each(|packet| self.snapshot.packet(packet));
                }
                Entry::Notification(Notification::Call(call)) => {
                    contain("completion", call);
                    self.shared.completion_done();
                }
                Entry::Notification(Notification::Handlers(change)) => {
                    self.shared.handlers.apply(&change);
                    self.shared.handlers.refresh(&mut self.snapshot);
                }
                Entry::Broken if self.forwarding => {
                    self.forwarding = false;
                    self.shared.inbox.put(Entry::Broken);
                }
                Entry::Broken => {}
            }
            self.shared.work.rest();
            if self.shared.is_over() {
                // Whoever waits in `recv` learns that nothing will be handed on to it.
                self.shared.inbox.stir();
            }
        }
    }

    /// Hands every message of a batch to its handlers. One value is made for all of them.
    fn batch(&mut self, Batch { bytes, mut incoming }: Batch) {
        let mut slot: Option<Message> = None;
        while let Some(next) = incoming.pop_front() {
            if self.shared.abandoned.load(Ordering::Relaxed) {
                return;
            }
            self.shared.handlers.refresh(&mut self.snapshot);
            let meta = match next {
                Incoming::Message(meta) => meta,
                Incoming::Chunk { range, last } => {
                    if self.forwarding {
                        self.forwarding = !last;
                        self.forward(Arc::clone(&bytes), Incoming::Chunk { range, last });
                    }
                    continue;
                }
            };
            let streamed = meta.streamed_len().is_some();
            let chunks = streamed.then(|| Chunks::begin(&self.shared.work));
            let message = match &mut slot {
                Some(message) => {
                    message.replace(meta, chunks);
                    message
                }
                empty => {
                    let shared = Arc::clone(self.shared);
                    let origin = Origin { shared, chunks };
                    empty.insert(Message::new(Arc::clone(&bytes), meta, origin))
                }
            };
            let route = self.snapshot.route(message);
            if matches!(route, Route::Nowhere) {
                self.forwarding = streamed;
                if let Some((bytes, meta)) = slot.take().and_then(Message::into_parts) {
                    self.forward(bytes, Incoming::Message(meta));
                }
                continue;
            }
            if streamed {
                self.write_gathered();
                // The handler reads on from the mailbox.
                let rest = std::mem::take(&mut incoming);
                if !rest.is_empty() {
                    self.shared.work.put_back(Batch { bytes: Arc::clone(&bytes), incoming: rest });
                }
            }
            let well = route.run(message);
            self.acknowledge(message, well);
        }
        drop(slot);
        self.write_gathered();
        self.shared.pool.give_back(bytes);
        self.shared.pool.give_back_list(incoming);
    }

    fn acknowledge(&self, message: &Message, well: bool) {
        let Some(token) = message.settle() else { return };
        if self.shared.options.acknowledge == Acknowledge::Manually && well {
            self.shared.leave(token);
            return;
        }
        let outcome = if well {
            AckOutcome::default()
        } else {
            let reason = ReasonCode::ImplementationSpecificError;
            AckOutcome { reason, properties: Properties::new() }
        };
        self.shared.acknowledge_later(token, outcome);
        self.gathered.set(self.gathered.get() + 1);
        if self.gathered.get() >= GATHER_MAX {
            self.write_gathered();
        }
    }

    fn write_gathered(&self) {
        if self.gathered.take() > 0 {
            self.shared.write_now();
        }
    }

    /// No handler is there for it: it waits for `recv`.
    fn forward(&self, bytes: Block, incoming: Incoming) {
        let batch = Batch { bytes, incoming: VecDeque::from([incoming]) };
        if self.shared.inbox.put(Entry::Batch(batch)) == Put::Full {
            log::warn!(
                "messages without a handler fill the queue: call recv, or set a handler for them"
            );
            let over = || self.shared.is_over();
            self.shared.inbox.wait_for_room(over);
        }
    }
}
