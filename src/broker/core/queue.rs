//! Messages that wait: for a client that is away, or that is slow.

use std::sync::Arc;

use super::Core;
use super::route::HIGH_WATER;
use super::session::{Session, earlier, size};
use crate::broker::hooks::{BrokerEvent, DropCause};
use crate::broker::limits::Overflow;
use crate::broker::slots::Key;
use crate::codec::QoS;
use crate::proto::Outgoing;

impl Core {
    pub(super) fn enqueue(&mut self, key: Key, message: Outgoing) {
        let bytes = size(&message);
        if let Some(cause) = self.lacks_room(key, bytes) {
            self.make_room(key, cause);
        }
        while let Some(cause) = self.lacks_room(key, bytes) {
            let helps =
                self.limits.overflow == Overflow::DropOldest && self.can_make_room(key, bytes);
            let session = self.sessions.get_mut(key).filter(|_| helps);
            let Some(oldest) = session.and_then(Session::dequeue) else {
                return self.overflow(key, &message, cause);
            };
            self.queued_messages -= 1;
            self.queued_bytes -= size(&oldest);
            self.count_drop(key, &oldest, cause);
        }
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.enqueue(message);
        self.next_expiry = earlier(self.next_expiry, session.next_expiry);
        self.queued_messages += 1;
        self.queued_bytes += bytes;
    }

    /// What has expired does not keep the place of what has not.
    fn make_room(&mut self, key: Key, cause: DropCause) {
        self.drop_expired(key);
        if cause == DropCause::TotalFull && self.next_expiry.is_some_and(|at| at <= self.now) {
            let keys: Vec<Key> = self.sessions.iter().map(|(key, _)| key).collect();
            keys.into_iter().for_each(|key| self.drop_expired(key));
            let next = self.sessions.iter().filter_map(|(_, session)| session.next_expiry).min();
            self.next_expiry = next;
        }
    }

    fn drop_expired(&mut self, key: Key) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        for message in session.take_expired(self.now) {
            self.queued_messages -= 1;
            self.queued_bytes -= size(&message);
            self.count_drop(key, &message, DropCause::Expired);
        }
    }

    /// Why a message of this size cannot wait for this session.
    fn lacks_room(&self, key: Key, bytes: usize) -> Option<DropCause> {
        let (session, limits) = (self.sessions.get(key)?, &self.limits);
        let own = session.queue.len() >= limits.queued_messages_per_client
            || session.queued_bytes + bytes > limits.queued_bytes_per_client;
        let all = self.queued_bytes + bytes > limits.queued_bytes;
        own.then_some(DropCause::QueueFull).or(all.then_some(DropCause::TotalFull))
    }

    /// Whether a message of this size would fit if nothing else waited for this session.
    fn can_make_room(&self, key: Key, bytes: usize) -> bool {
        let own = self.sessions.get(key).map_or(0, |session| session.queued_bytes);
        bytes <= self.limits.queued_bytes_per_client
            && self.queued_bytes - own + bytes <= self.limits.queued_bytes
    }

    /// Whether another message of this size may be in flight to a session. One always may.
    pub(super) fn has_window(&self, session: &Session, bytes: usize) -> bool {
        let in_flight = session.in_flight_bytes;
        in_flight == 0 || in_flight + bytes <= self.limits.queued_bytes_per_client
    }

    /// Counts the bytes in flight of a connection's session again.
    pub(super) fn count_in_flight(&mut self, connection: Key) {
        let Some(connection) = self.connections.get(connection) else { return };
        let session = connection.session.and_then(|key| self.sessions.get_mut(key));
        let Some(session) = session else { return };
        let now = connection.protocol.in_flight_bytes();
        let before = std::mem::replace(&mut session.in_flight_bytes, now);
        self.queued_bytes = self.queued_bytes + now - before;
    }

    /// A message finds no room. The client is not disconnected here: that can publish a will, which
    /// may find no room somewhere else.
    pub(super) fn overflow(&mut self, key: Key, message: &Outgoing, cause: DropCause) {
        self.count_drop(key, message, cause);
        let connection = self.sessions.get(key).and_then(|session| session.connection);
        if let (Overflow::Disconnect, Some(connection)) = (self.limits.overflow, connection) {
            self.doom(connection);
        }
    }

    fn count_drop(&mut self, key: Key, message: &Outgoing, cause: DropCause) {
        let drops = &mut self.statistics.drops;
        match cause {
            DropCause::QueueFull => drops.queue_full += 1,
            DropCause::TotalFull => drops.total_full += 1,
            DropCause::TooLarge => drops.too_large += 1,
            DropCause::Expired => drops.expired += 1,
        }
        self.tell_drop(key, message, cause);
    }

    pub(super) fn tell_drop(&mut self, key: Key, message: &Outgoing, cause: DropCause) {
        let client = self.sessions.get(key).map(|session| Arc::clone(&session.client));
        if let (Some(client), Some(publication)) = (client, message.publication()) {
            let topic = publication.topic().to_owned();
            self.tell(|| BrokerEvent::Dropped { client, topic, cause });
        }
    }

    /// Sends what waits in the session's queue, as far as the client takes it; what of the retained
    /// messages it may take follows in the next round.
    pub(super) fn pump(&mut self, connection_key: Key) {
        if let Some(key) = self.connections.get(connection_key).and_then(|one| one.session) {
            self.pump_queue(connection_key, key);
            self.catch_up_soon(key);
        }
    }

    fn pump_queue(&mut self, connection_key: Key, key: Key) {
        loop {
            let Some(connection) = self.connections.get(connection_key) else { return };
            let protocol = &connection.protocol;
            if protocol.queued_bytes() >= HIGH_WATER || !protocol.has_quota(QoS::AtLeastOnce) {
                return;
            }
            let Some(session) = self.sessions.get(key) else { return };
            let next = session.queue.front().map_or(0, size);
            if !self.has_window(session, next) {
                return;
            }
            let message = self.sessions.get_mut(key).and_then(Session::dequeue);
            let Some(message) = message else { return };
            self.queued_messages -= 1;
            self.queued_bytes -= size(&message);
            if message.is_expired(self.now) {
                // [MQTT-3.3.2-5]
                self.count_drop(key, &message, DropCause::Expired);
            } else if !self.transmit(key, &message) {
                self.queued_messages += 1;
                self.queued_bytes += size(&message);
                if let Some(session) = self.sessions.get_mut(key) {
                    session.put_back(message);
                }
                return;
            }
        }
    }
}
