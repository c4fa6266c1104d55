//! Payloads that are taken in chunks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Entry, First, Inner, Mailbox, take_from};
use crate::clock::Deadline;
use crate::proto::Incoming;
use crate::threads::ThreadNumber;

/// How long a thread that was given a payload, and asks for the next message, waits for another
/// thread to begin with the payload. If none does, it would wait for itself.
pub(super) const TAKEOVER: Duration = Duration::from_secs(1);

/// The payload that is being taken; other messages wait behind it.
pub(super) struct Stream {
    id: u64,
    /// Who was given the message, or has read from it since.
    reader: ThreadNumber,
    /// The rest is thrown away.
    skipping: bool,
}

impl Inner {
    /// A message was taken whose payload follows in chunks. Returns its number.
    pub(super) fn begin_stream(&mut self) -> u64 {
        self.streams += 1;
        let (id, reader) = (self.streams, ThreadNumber::this());
        self.stream = Some(Stream { id, reader, skipping: false });
        id
    }

    /// Whether messages wait behind a payload.
    pub(super) fn is_blocked(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| !stream.skipping)
    }

    /// Whether it is this thread that they wait for.
    pub(super) fn is_blocked_here(&self) -> bool {
        let here = |stream: &Stream| stream.reader == ThreadNumber::this();
        self.is_blocked() && self.stream.as_ref().is_some_and(here)
    }
}

/// The way to the payload of one message.
pub(in crate::client) struct Chunks {
    mailbox: Arc<Mailbox>,
    id: u64,
}

impl Chunks {
    /// The payload with this number, of a message that was taken from this mailbox.
    pub(in crate::client) const fn new(mailbox: Arc<Mailbox>, id: u64) -> Self {
        Self { mailbox, id }
    }

    /// The payload that follows in this mailbox, of a message that the dispatcher has taken.
    pub(in crate::client) fn begin(mailbox: &Arc<Mailbox>) -> Self {
        let id = mailbox.lock().begin_stream();
        Self::new(Arc::clone(mailbox), id)
    }

    /// Takes the next chunk. `None`: there is none any more.
    pub(in crate::client) fn next(&self, over: impl Fn() -> bool) -> Option<Bytes> {
        let mut inner = self.mailbox.lock();
        loop {
            let stream = inner.stream.as_mut().filter(|stream| stream.id == self.id)?;
            stream.reader = ThreadNumber::this();
            // Notifications stay for the dispatcher.
            let passed = |entry: &Entry| matches!(entry, Entry::Notification(_));
            let at = inner.entries.iter().take_while(|entry| passed(entry)).count();
            match inner.entries.get(at) {
                Some(Entry::Batch(batch))
                    if matches!(batch.incoming.front(), Some(Incoming::Chunk { .. })) =>
                {
                    let First::Chunk(chunk, last, bytes) = take_from(&mut inner, at) else {
                        return None;
                    };
                    if last {
                        inner.stream = None;
                    }
                    self.mailbox.release(inner, 1, bytes);
                    if last {
                        self.mailbox.wake_takers();
                    }
                    return Some(chunk);
                }
                Some(_) => {
                    inner.stream = None;
                    drop(inner);
                    self.mailbox.wake_takers();
                    return None;
                }
                None if over() || inner.abandoned => return None,
                None => inner = self.mailbox.wait_for_entry(inner, Deadline::NEVER),
            }
        }
    }

    /// What is left of the payload does not matter.
    pub(in crate::client) fn skip(&self) {
        let mut inner = self.mailbox.lock();
        let Some(stream) = inner.stream.as_mut().filter(|stream| stream.id == self.id) else {
            return;
        };
        stream.skipping = true;
        drop(inner);
        self.mailbox.wake_takers();
    }
}
