//! A subscription of the program itself.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::LocalId;
use super::handle::{own_thread, stopped};
use super::listener::{Command, Mailbox, Poller};
use crate::clock::Deadline;
use crate::error::Error;
use crate::proto::Publication;
use crate::threads::{self, Missing, Receiver, Sender};
use crate::transport::Phase;

/// How many messages may wait in one subscription.
const QUEUE_MAX: usize = 65_536;

/// The broker is told that there is room again when no more than this wait.
const LOW_WATER: usize = QUEUE_MAX / 2;

/// The end of a subscription's queue into which the broker puts messages.
pub(super) struct Queue {
    sender: Sender<Arc<Publication>>,
    refused: Arc<AtomicBool>,
}

/// The end out of which the program takes them.
pub(super) struct Messages {
    received: Receiver<Arc<Publication>>,
    /// The broker had a message for which there was no room.
    refused: Arc<AtomicBool>,
}

pub(super) fn queue() -> (Queue, Messages) {
    let (sender, received) = threads::queue();
    let refused = Arc::<AtomicBool>::default();
    (Queue { sender, refused: Arc::clone(&refused) }, Messages { received, refused })
}

impl Queue {
    /// Says whether there was room.
    pub(super) fn put(&self, message: &Arc<Publication>) -> bool {
        if self.sender.len() >= QUEUE_MAX {
            self.refused.store(true, Ordering::SeqCst);
            // Whoever emptied it just now has not seen that.
            if self.sender.len() >= QUEUE_MAX {
                return false;
            }
        }
        self.sender.send(Arc::clone(message))
    }
}

impl Messages {
    /// A message was taken; says whether there is room again for one that was refused.
    fn has_room_again(&self) -> bool {
        self.refused.load(Ordering::SeqCst)
            && self.received.len() <= LOW_WATER
            && self.refused.swap(false, Ordering::SeqCst)
    }
}

/// Messages that match a filter, for the program itself; made by
/// [`Broker::subscribe`](super::Broker::subscribe). Dropping it ends the subscription.
pub struct LocalSubscription {
    messages: Messages,
    id: LocalId,
    mailbox: Arc<Mailbox>,
}

impl LocalSubscription {
    pub(super) const fn new(messages: Messages, id: LocalId, mailbox: Arc<Mailbox>) -> Self {
        Self { messages, id, mailbox }
    }

    fn taken(&self, message: Arc<Publication>) -> Arc<Publication> {
        if self.messages.has_room_again() {
            let id = self.id;
            let resume = move |poller: &mut Poller| poller.core.resume_local(poller.now, id);
            // A broker that has stopped has no further messages.
            let _ = self.mailbox.send(Command::Call(Box::new(resume)));
        }
        message
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// None came within `limit`, or the broker has stopped. There is none, and this is a hook that runs on
    /// the broker's thread, so that none could come.
    pub fn recv(&self, limit: Duration) -> Result<Arc<Publication>, Error> {
        if self.is_brokers_thread() && !limit.is_zero() && self.messages.received.len() == 0 {
            return Err(own_thread());
        }
        let result = self.messages.received.receive(Deadline::after(limit));
        result.map(|message| self.taken(message)).map_err(|missing| match missing {
            Missing::Late => Error::timeout(Phase::Receive, limit),
            Missing::Over => stopped(),
        })
    }

    /// Whether this is the thread that brings the messages.
    pub(crate) fn is_brokers_thread(&self) -> bool {
        self.mailbox.is_own_thread()
    }

    /// The next message, if there is one.
    #[must_use]
    pub fn try_recv(&self) -> Option<Arc<Publication>> {
        self.messages.received.next().map(|message| self.taken(message))
    }

    /// Ends the subscription for all who wait in it: no message comes any more, and when those that
    /// wait have been taken, [`recv`](Self::recv) fails and [`iter`](Self::iter) ends.
    pub fn end(&self) {
        let id = self.id;
        let end = Command::Call(Box::new(move |poller| poller.core.unsubscribe_local(id)));
        // A broker that has stopped has no subscriptions.
        let _ = self.mailbox.send(end);
    }

    /// All messages from now on; waits for each, and ends when the broker stops.
    pub fn iter(&self) -> impl Iterator<Item = Arc<Publication>> + '_ {
        let received = || self.messages.received.receive(Deadline::NEVER).ok();
        std::iter::from_fn(received).map(|message| self.taken(message))
    }
}

impl Drop for LocalSubscription {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for LocalSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSubscription")
            .field("waiting", &self.messages.received.len())
            .finish_non_exhaustive()
    }
}
