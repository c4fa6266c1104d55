//! Subscriptions of the program itself.

use std::sync::Arc;

use super::Core;
use super::session::Session;
use super::subscribe::parse;
use crate::broker::hooks::{ClientInfo, Peer};
use crate::broker::slots::Key;
use crate::codec::{EncodeError, QoS, SubscribeOptions, Version};
use crate::proto::{Publication, Time};

/// Names a subscription inside the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LocalId(Key);

impl Core {
    /// Subscribes the program itself: `sink` is called with every message that matches, also the
    /// retained ones, and says whether it took it. It must not wait.
    ///
    /// A new message that it does not take is dropped, and counted. With a retained one it is asked
    /// again, once [`resume_local`](Self::resume_local) says that there is room; none is given behind a
    /// newer message of its topic.
    ///
    /// # Errors
    /// [`EncodeError`] when the filter is not valid.
    pub fn subscribe_local(
        &mut self,
        now: Time,
        filter: &str,
        sink: impl FnMut(&Arc<Publication>) -> bool + Send + 'static,
    ) -> Result<LocalId, EncodeError> {
        self.now = now;
        let parsed = parse(filter)
            .map_err(|error| EncodeError::InvalidFilter { filter: filter.to_owned(), error })?;
        let mut session = Session::new(Arc::new(ClientInfo {
            client_id: "".into(),
            user: None,
            version: Version::V5,
            peer: Peer::default(),
        }));
        session.sink = Some(Box::new(sink));
        let key = self.sessions.insert(session);
        self.local += 1;
        let options = SubscribeOptions::from(QoS::ExactlyOnce);
        self.add_subscription(key, &parsed, options, 0);
        if parsed.share_name().is_none() {
            self.open_cursor(key, &parsed, options, 0);
            self.catch_up_at_once(key);
        }
        Ok(LocalId(key))
    }

    /// A subscription of the program itself takes messages again.
    pub fn resume_local(&mut self, now: Time, id: LocalId) {
        self.now = now;
        self.catch_up_soon(id.0);
    }

    /// Ends a subscription of the program itself.
    pub fn unsubscribe_local(&mut self, id: LocalId) {
        if self.sessions.get(id.0).is_none_or(|session| session.sink.is_none()) {
            return;
        }
        self.close_cursors(id.0);
        if let Some(session) = self.sessions.remove(id.0) {
            self.local -= 1;
            self.queued_messages -= session.queue.len();
            self.queued_bytes -= session.queued_bytes;
            for filter in session.subscriptions.keys() {
                self.remove_subscription(id.0, filter);
            }
        }
    }
}
