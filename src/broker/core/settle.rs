//! What routing a message brings with it: clients whose queue is full are disconnected, and their
//! wills are messages again. Each waits its turn here, so that no chain of them is too long.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Core;
use super::session::Will;
use crate::broker::hooks::{ClientInfo, Draft};
use crate::broker::slots::Key;
use crate::codec::ReasonCode;
use crate::proto::Publication;

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    /// Wills, with the session and the client each belonged to.
    wills: VecDeque<(Key, Arc<ClientInfo>, Publication)>,
    /// Connections of clients whose queue is full.
    doomed: VecDeque<Key>,
    /// Somebody further up is about to take what waits.
    settling: bool,
}

impl Core {
    /// The will of a session is to be published now.
    pub(super) fn publish_will(&mut self, key: Key) {
        let Some(Will { message, .. }) = self.set_will(key, None) else { return };
        let Some(session) = self.sessions.get(key) else { return };
        self.unsettled.wills.push_back((key, Arc::clone(&session.client), message));
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
            if let Some((from, client, message)) = self.unsettled.wills.pop_front() {
                self.publish_will_now(from, &client, message);
            } else if let Some(key) = self.unsettled.doomed.pop_front() {
                let why = "the client is too slow: as many messages wait for it as may";
                self.close_with(key, ReasonCode::QuotaExceeded, why);
            } else {
                break;
            }
        }
        self.unsettled.settling = false;
    }

    fn publish_will_now(&mut self, from: Key, client: &ClientInfo, mut message: Publication) {
        let message = if self.hooks.intercept.is_some() {
            self.intercepted(client, draft(&message))
        } else {
            message.restamp(self.now);
            Ok(Arc::new(message))
        };
        match message {
            Ok(message) => {
                self.publish_from(from, self.publisher(client), message);
            }
            Err(_) => self.statistics.drops.refused += 1,
        }
    }
}

fn draft(message: &Publication) -> Draft {
    Draft {
        topic: message.topic().to_owned(),
        payload: bytes::Bytes::copy_from_slice(message.payload()),
        qos: message.qos(),
        retain: message.retain(),
        properties: message.properties().into_owned(),
    }
}
