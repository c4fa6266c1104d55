//! A subscription of the program itself.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::LocalId;
use super::handle::stopped;
use super::listener::{Command, Mailbox};
use crate::error::Error;
use crate::proto::Publication;
use crate::transport::Phase;

/// How many messages may wait in one subscription.
pub(super) const QUEUE_MAX: usize = 65_536;

/// Messages that match a filter, for the program itself; made by
/// [`Broker::subscribe`](super::Broker::subscribe). Dropping it ends the subscription.
pub struct LocalSubscription {
    received: Receiver<Arc<Publication>>,
    id: LocalId,
    mailbox: Arc<Mailbox>,
}

impl LocalSubscription {
    pub(super) const fn new(
        received: Receiver<Arc<Publication>>,
        id: LocalId,
        mailbox: Arc<Mailbox>,
    ) -> Self {
        Self { received, id, mailbox }
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// None came within `limit`, or the broker has stopped.
    pub fn recv(&self, limit: Duration) -> Result<Arc<Publication>, Error> {
        self.received.recv_timeout(limit).map_err(|error| match error {
            RecvTimeoutError::Timeout => Error::timeout(Phase::Receive, limit),
            RecvTimeoutError::Disconnected => stopped(),
        })
    }

    /// The next message, if there is one.
    #[must_use]
    pub fn try_recv(&self) -> Option<Arc<Publication>> {
        self.received.try_recv().ok()
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
        self.received.iter()
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
            .field("waiting", &self.received.len())
            .finish_non_exhaustive()
    }
}
