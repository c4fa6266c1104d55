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
    /// # Errors
    /// [`EncodeError`] when the filter is not valid.
    pub fn subscribe_local(
        &mut self,
        now: Time,
        filter: &str,
        mut sink: impl FnMut(&Arc<Publication>) -> bool + Send + 'static,
    ) -> Result<LocalId, EncodeError> {
        self.now = now;
        let parsed = parse(filter)
            .map_err(|error| EncodeError::InvalidFilter { filter: filter.to_owned(), error })?;
        if parsed.share_name().is_none() {
            self.refresh_sys(parsed.pattern());
            let mut lost = 0;
            self.retained.each_matching(parsed.pattern(), |message| {
                lost += u64::from(!message.is_expired(now) && !sink(message));
            });
            self.statistics.drops.local += lost;
        }
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
        Ok(LocalId(key))
    }

    /// Ends a subscription of the program itself.
    pub fn unsubscribe_local(&mut self, id: LocalId) {
        if self.sessions.get(id.0).is_some_and(|session| session.sink.is_some())
            && let Some(session) = self.sessions.remove(id.0)
        {
            self.local -= 1;
            self.queued_messages -= session.queue.len();
            self.queued_bytes -= session.queued_bytes;
            for filter in session.subscriptions.keys() {
                self.remove_subscription(id.0, filter);
            }
        }
    }
}
