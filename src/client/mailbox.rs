//! From the reader to whoever takes messages: a bounded queue of batches.

mod chunks;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::delivery::wait;
use super::event::Notification;
use super::input::{Block, share};
use crate::clock::Deadline;
use crate::proto::Incoming;
pub(super) use chunks::Chunks;
use chunks::{Stream, TAKEOVER};

/// While somebody waits for an acknowledgement, the queue may grow to this multiple of its bound:
/// the acknowledgement comes behind the messages, and the one who waits may be the one who would
/// take them.
const RELAXED: usize = 4;

/// In bytes at least this much, which is some messages of the largest size that is taken.
const RELAXED_BYTES: usize = 64 * 1024 * 1024;

/// What lies in a mailbox.
pub(super) enum Entry {
    /// What one read brought.
    Batch(Batch),
    /// Something for a handler, in its place between the messages.
    Notification(Notification),
    /// The connection was lost in the middle of a payload that came in chunks.
    Broken,
}

impl Entry {
    /// How many bytes of packets it shows.
    fn shown(&self) -> usize {
        match self {
            Self::Notification(Notification::Packets(packets)) => packets.bytes.len(),
            _ => 0,
        }
    }
}

/// Messages and the bytes they lie in.
pub(super) struct Batch {
    pub(super) bytes: Block,
    pub(super) incoming: VecDeque<Incoming>,
}

/// How much a mailbox may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// The queue. One thread puts in, any number take out.
pub(super) struct Mailbox {
    bounds: Bounds,
    /// Threads that wait for an acknowledgement, in the whole client.
    ack_waiters: Arc<AtomicUsize>,
    inner: Mutex<Inner>,
    filled: Condvar,
    drained: Condvar,
}

#[derive(Default)]
struct Inner {
    entries: VecDeque<Entry>,
    messages: usize,
    bytes: usize,
    takers: usize,
    putter_waits: bool,
    /// The dispatcher is at work on what it has taken.
    busy: bool,
    /// Notifications, and bytes of packets that wait to be shown.
    notifications: usize,
    shown: usize,
    /// Nobody will take anything any more.
    abandoned: bool,
    /// The latest payload that came in chunks, until its last one is taken.
    stream: Option<Stream>,
    /// How many there were.
    streams: u64,
}

/// Whether there was room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    Done,
    /// The caller waits with [`Mailbox::wait_for_room`] and then goes on.
    Full,
}

/// One message, or part of one.
pub(super) struct Taken {
    pub(super) bytes: Block,
    pub(super) incoming: Incoming,
    /// The number of the payload that follows in chunks.
    pub(super) stream: Option<u64>,
}

impl Taken {
    fn is_streamed(&self) -> bool {
        matches!(&self.incoming, Incoming::Message(message) if message.streamed_len().is_some())
    }
}

/// Why nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nothing {
    /// The deadline came.
    Timeout,
    /// The caller's condition says that nothing will come.
    Over,
    /// The messages wait behind a payload that the calling thread has, and nobody reads.
    Unfinished,
}

impl Mailbox {
    pub(super) fn new(bounds: Bounds, ack_waiters: Arc<AtomicUsize>) -> Self {
        Self {
            bounds,
            ack_waiters,
            inner: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an entry in, whatever the bounds: the caller looks at the answer and waits before it
    /// reads more.
    pub(super) fn put(&self, entry: Entry) -> Put {
        let mut inner = self.lock();
        if inner.abandoned {
            return Put::Done;
        }
        if let Entry::Batch(batch) = &entry {
            inner.messages += batch.incoming.len();
            inner.bytes += batch.bytes.len();
        }
        inner.notifications += usize::from(matches!(entry, Entry::Notification(_)));
        inner.shown += entry.shown();
        inner.entries.push_back(entry);
        let full = self.is_full(&inner);
        let wake = inner.takers > 0;
        drop(inner);
        if wake {
            self.filled.notify_all();
        }
        if full { Put::Full } else { Put::Done }
    }

    fn is_full(&self, inner: &Inner) -> bool {
        let Bounds { mut messages, mut bytes } = self.bounds;
        if self.ack_waiters.load(Ordering::SeqCst) > 0 {
            messages = messages.saturating_mul(RELAXED);
            bytes = bytes.saturating_mul(RELAXED).max(RELAXED_BYTES);
        }
        (inner.messages >= messages || inner.bytes >= bytes) && !inner.abandoned
    }

    /// Whether whoever puts in has to wait.
    pub(super) fn has_no_room(&self) -> bool {
        self.is_full(&self.lock())
    }

    /// Waits until more may be put in, or `over` says that it does not matter any more.
    pub(super) fn wait_for_room(&self, over: impl Fn() -> bool) {
        let mut inner = self.lock();
        while self.is_full(&inner) && !over() {
            inner.putter_waits = true;
            inner = wait(&self.drained, inner, Deadline::NEVER);
        }
        inner.putter_waits = false;
    }

    /// Lets the one who waits for room, and those who wait for messages, look again.
    pub(super) fn stir(&self) {
        let inner = self.lock();
        let (putter, takers) = (inner.putter_waits, inner.takers > 0);
        drop(inner);
        if putter {
            self.drained.notify_all();
        }
        if takers {
            self.filled.notify_all();
        }
    }

    /// Nobody will take anything any more: what is here is dropped, and so is what comes.
    pub(super) fn abandon(&self) {
        let mut inner = self.lock();
        inner.abandoned = true;
        let entries = std::mem::take(&mut inner.entries);
        (inner.messages, inner.bytes) = (0, 0);
        drop(inner);
        drop(entries);
        self.stir();
    }

    /// Whether as much as may be waits already.
    pub(super) fn is_crowded(&self) -> bool {
        let inner = self.lock();
        self.is_full(&inner)
            || inner.entries.len() >= self.bounds.messages
            || inner.shown >= self.bounds.bytes
    }

    /// How many notifications wait.
    pub(super) fn notifications(&self) -> usize {
        self.lock().notifications
    }

    /// How many messages wait.
    pub(super) fn len(&self) -> usize {
        self.lock().messages
    }

    /// Lets those who wait for messages look again.
    fn wake_takers(&self) {
        let wake = self.lock().takers > 0;
        if wake {
            self.filled.notify_all();
        }
    }

    fn wait_for_entry<'a>(
        &'a self,
        mut inner: MutexGuard<'a, Inner>,
        deadline: Deadline,
    ) -> MutexGuard<'a, Inner> {
        inner.takers += 1;
        let mut inner = wait(&self.filled, inner, deadline);
        inner.takers -= 1;
        inner
    }

    fn release(&self, mut inner: MutexGuard<'_, Inner>, messages: usize, bytes: usize) {
        inner.messages = inner.messages.saturating_sub(messages);
        inner.bytes = inner.bytes.saturating_sub(bytes);
        let wake = inner.putter_waits && !self.is_full(&inner);
        drop(inner);
        if wake {
            self.drained.notify_all();
        }
    }

    /// The dispatcher is done with what it has taken.
    pub(super) fn rest(&self) {
        self.lock().busy = false;
    }

    /// Whether all that was put in has been taken, and dealt with.
    pub(super) fn is_done(&self) -> bool {
        let inner = self.lock();
        !inner.busy && inner.entries.is_empty()
    }

    /// Takes a whole entry: the dispatcher's way. Waits until there is one or `over` says that none
    /// will come.
    pub(super) fn take_entry(&self, over: impl Fn() -> bool) -> Option<Entry> {
        let mut inner = self.lock();
        loop {
            if let Some(entry) = inner.entries.pop_front() {
                inner.busy = true;
                inner.shown = inner.shown.saturating_sub(entry.shown());
                let notification = usize::from(matches!(entry, Entry::Notification(_)));
                inner.notifications = inner.notifications.saturating_sub(notification);
                if let Entry::Batch(batch) = &entry {
                    self.release(inner, batch.incoming.len(), batch.bytes.len());
                }
                return Some(entry);
            }
            if over() || inner.abandoned {
                return None;
            }
            inner = self.wait_for_entry(inner, Deadline::NEVER);
        }
    }

    /// Puts back what was taken last.
    pub(super) fn put_back(&self, batch: Batch) {
        let mut inner = self.lock();
        inner.messages += batch.incoming.len();
        inner.bytes += batch.bytes.len();
        inner.entries.push_front(Entry::Batch(batch));
    }

    /// Takes one message. While another one's payload is being read in chunks, it waits, for its own
    /// thread only as long as another one may take over. The time begins to run when there is
    /// something to wait for.
    pub(super) fn take_message(
        &self,
        limit: Option<Duration>,
        over: impl Fn() -> bool,
    ) -> Result<Taken, Nothing> {
        let (mut deadline, mut takeover) = (None, None);
        let mut inner = self.lock();
        loop {
            if !inner.is_blocked() {
                match take_first(&mut inner) {
                    First::Message(mut taken, bytes) => {
                        taken.stream = taken.is_streamed().then(|| inner.begin_stream());
                        self.release(inner, 1, bytes);
                        return Ok(taken);
                    }
                    First::Chunk(_, last, bytes) => {
                        if last {
                            inner.stream = None;
                        }
                        self.release(inner, 1, bytes);
                        inner = self.lock();
                        continue;
                    }
                    First::Broken => {
                        inner.stream = None;
                        continue;
                    }
                    First::Nothing => {}
                }
            }
            if over() || inner.abandoned {
                return Err(Nothing::Over);
            }
            let mut until =
                *deadline.get_or_insert_with(|| limit.map_or(Deadline::NEVER, Deadline::after));
            let own = inner.is_blocked_here();
            if own {
                until = until.min(*takeover.get_or_insert_with(|| Deadline::after(TAKEOVER)));
            }
            if until.is_over() {
                return Err(if own { Nothing::Unfinished } else { Nothing::Timeout });
            }
            inner = self.wait_for_entry(inner, until);
        }
    }
}

enum First {
    /// A message, and how many bytes leave the mailbox with it.
    Message(Taken, usize),
    Chunk(Bytes, bool, usize),
    Broken,
    Nothing,
}

/// Takes the first message or chunk.
fn take_first(inner: &mut Inner) -> First {
    take_from(inner, 0)
}

/// Takes the first message or chunk out of the batch at this place in the queue.
fn take_from(inner: &mut Inner, at: usize) -> First {
    loop {
        let Some(Entry::Batch(batch)) = inner.entries.get_mut(at) else {
            return match inner.entries.remove(at) {
                Some(Entry::Broken) => First::Broken,
                // Only a dispatcher's mailbox gets notifications.
                Some(_) => continue,
                None => First::Nothing,
            };
        };
        let Some(incoming) = batch.incoming.pop_front() else {
            inner.entries.remove(at);
            continue;
        };
        let bytes = batch.bytes.clone();
        let last_of_batch = batch.incoming.is_empty();
        if last_of_batch {
            inner.entries.remove(at);
        }
        // The batch's bytes stay in memory until its last message is taken.
        let freed = if last_of_batch { bytes.len() } else { 0 };
        return match incoming {
            Incoming::Chunk { range, last } => {
                let start = usize::try_from(range.start).unwrap_or(usize::MAX);
                let end = usize::try_from(range.end).unwrap_or(usize::MAX);
                First::Chunk(share(&bytes, start..end), last, freed)
            }
            incoming @ Incoming::Message(_) => {
                First::Message(Taken { bytes, incoming, stream: None }, freed)
            }
        };
    }
}
