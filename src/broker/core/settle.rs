//! What routing a message brings with it: clients whose queue is full are disconnected, and their
//! wills are messages again. Each waits its turn here, so that no chain of them is too long.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Core;
use super::session::Will;
use crate::broker::hooks::DisconnectCause;
use crate::broker::slots::Key;
use crate::codec::ReasonCode;
use crate::proto::Publication;

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    /// Wills, with the session each belonged to.
    wills: VecDeque<(Key, Publication)>,
    /// Connections of clients whose queue is full.
    doomed: VecDeque<Key>,
    /// Somebody further up is about to take what waits.
    settling: bool,
}

impl Core {
    /// The will of a session is to be published now.
    pub(super) fn publish_will(&mut self, key: Key) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(Will { message, .. }) = session.will.take() else { return };
        self.unsettled.wills.push_back((key, message));
        self.settle();
    }

    /// A connection is to be closed because its client's queue is full.
    pub(super) fn doom(&mut self, key: Key) {
        if let Some(connection) = self.connections.get_mut(key)
            && !std::mem::replace(&mut connection.is_doomed, true)
        {
            self.unsettled.doomed.push_back(key);
        }
    }

    /// Publishes wills and closes connections until none is left.
    pub(super) fn settle(&mut self) {
        if std::mem::replace(&mut self.unsettled.settling, true) {
            return;
        }
        loop {
            if let Some((from, mut message)) = self.unsettled.wills.pop_front() {
                message.restamp(self.now);
                self.publish_from(Some(from), Arc::new(message));
            } else if let Some(key) = self.unsettled.doomed.pop_front() {
                let reason = ReasonCode::QuotaExceeded;
                self.close(key, reason, DisconnectCause::Closed(reason));
            } else {
                break;
            }
        }
        self.unsettled.settling = false;
    }
}
