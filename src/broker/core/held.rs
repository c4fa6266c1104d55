//! What clients make the broker hold beside messages: filters, wills, beginnings of packets, identifiers
//! of messages of QoS 2, what waits for an authentication. It is bounded in bytes, for itself: neither
//! it nor messages take the other's room.

use super::session::Will;
use super::{Connection, Core};
use crate::broker::slots::Key;
use crate::codec::ReasonCode;

/// About how many bytes a subscription takes beside its filter, which is there twice.
const SUBSCRIPTION: usize = 100;

/// About how many bytes a level of a filter takes that no other filter has.
const LEVEL: usize = 250;

/// About how many bytes a will takes beside its message.
const WILL: usize = 100;

/// About how many bytes it takes to remember that a message of QoS 2 has come.
const RECEIVED: usize = 150;

/// So many of them cost no client its connection.
const FEW: usize = 32;

/// The beginning of a packet up to this size costs no client its connection.
const SMALL: usize = 4 * 1024;

/// What a filter takes, apart from its levels.
const fn filter_bytes(filter: &str) -> usize {
    SUBSCRIPTION + 2 * filter.len()
}

fn level_bytes(filter: &str) -> usize {
    LEVEL * filter.split('/').count()
}

pub(super) fn will_bytes(will: &Will) -> usize {
    WILL + will.message.size()
}

impl Core {
    /// Bytes of all that is held beside messages.
    pub(super) const fn held(&self) -> usize {
        self.held_bytes + LEVEL * self.subscriptions.levels()
    }

    /// Whether a session may have another filter.
    pub(super) fn has_room_for_filter(&self, key: Key, filter: &str) -> bool {
        self.has_room_for(key, filter_bytes(filter) + level_bytes(filter))
    }

    /// Whether so many bytes more may be held for a session.
    pub(super) fn has_room_for(&self, key: Key, bytes: usize) -> bool {
        let own = self.sessions.get(key).map_or(0, |session| session.held_bytes);
        own + bytes <= self.limits.held_bytes_per_client
            && self.held() + bytes <= self.limits.held_bytes
    }

    /// Whether a client may leave a will of this size, beside what its session holds if it goes on.
    pub(super) fn has_room_for_will(&self, bytes: usize, resumed: Option<Key>) -> bool {
        let session = resumed.and_then(|key| self.sessions.get(key));
        let own = session.map_or(0, |session| {
            session.held_bytes - session.will.as_deref().map_or(0, will_bytes)
        });
        own + WILL + bytes <= self.limits.held_bytes_per_client
            && self.held() + WILL + bytes <= self.limits.held_bytes
    }

    /// So many bytes more are held for a session.
    pub(super) fn hold(&mut self, key: Key, bytes: usize) {
        self.held_bytes += bytes;
        if let Some(session) = self.sessions.get_mut(key) {
            session.held_bytes += bytes;
        }
    }

    pub(super) fn release(&mut self, key: Key, bytes: usize) {
        self.held_bytes -= bytes;
        if let Some(session) = self.sessions.get_mut(key) {
            session.held_bytes -= bytes;
        }
    }

    pub(super) fn hold_filter(&mut self, key: Key, filter: &str) {
        self.held_bytes += filter_bytes(filter);
        if let Some(session) = self.sessions.get_mut(key) {
            session.held_bytes += filter_bytes(filter) + level_bytes(filter);
        }
    }

    pub(super) fn release_filter(&mut self, key: Key, filter: &str) {
        self.held_bytes -= filter_bytes(filter);
        if let Some(session) = self.sessions.get_mut(key) {
            session.held_bytes -= filter_bytes(filter) + level_bytes(filter);
        }
    }

    /// Gives a session another will, or none; returns the one that it had.
    pub(super) fn set_will(&mut self, key: Key, will: Option<Will>) -> Option<Will> {
        let session = self.sessions.get_mut(key)?;
        let bytes = will.as_ref().map_or(0, will_bytes);
        let old = std::mem::replace(&mut session.will, will.map(Box::new)).map(|old| *old);
        let before = old.as_ref().map_or(0, will_bytes);
        session.held_bytes = session.held_bytes + bytes - before;
        self.held_bytes = self.held_bytes + bytes - before;
        old
    }

    /// So many bytes of a connection's input were not used. A connection for which there is no room
    /// is closed; those that nobody has accepted share half of it.
    pub(super) fn hold_input(&mut self, key: Key, bytes: usize) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let before = std::mem::replace(&mut connection.unused, bytes);
        let accepted = connection.session.is_some();
        self.held_bytes = self.held_bytes + bytes - before;
        let max = self.limits.held_bytes;
        let (max, free) = if accepted { (max, SMALL) } else { (max / 2, 0) };
        if bytes > before && bytes > free && self.held() > max {
            self.statistics.drops.connections += 1;
            let why = "the server has no room for the rest of the packet; try again later";
            self.close_with(key, ReasonCode::QuotaExceeded, why);
        }
    }

    /// Counts what a connection's session remembers of messages of QoS 2 until the client releases
    /// them, of which it may have 65,535. Says whether there is room for it.
    pub(super) fn count_received(&mut self, connection: Key) -> bool {
        let Some(one) = self.connections.get(connection) else { return true };
        let (Some(key), count) = (one.session, one.protocol.received_exactly_once()) else {
            return true;
        };
        let Some(session) = self.sessions.get_mut(key) else { return true };
        let now = RECEIVED * count;
        let before = std::mem::replace(&mut session.received_bytes, now);
        session.held_bytes = session.held_bytes + now - before;
        let own = session.held_bytes;
        self.held_bytes = self.held_bytes + now - before;
        let limits = &self.limits;
        let fits = own <= limits.held_bytes_per_client && self.held() <= limits.held_bytes;
        fits || now <= before || count <= FEW
    }

    /// A client for whose messages of QoS 2 there is no room is disconnected, and its session ends:
    /// without what it remembers of them it cannot go on.
    pub(super) fn hold_received(&mut self, connection: Key) {
        let session = self.connections.get(connection).and_then(|one| one.session);
        if let Some(session) = session
            && !self.count_received(connection)
        {
            self.statistics.drops.connections += 1;
            let why = "too many messages of QoS 2 have not been released with PUBREL";
            self.close_with(connection, ReasonCode::QuotaExceeded, why);
            self.end_session(session);
        }
    }

    /// Somebody is about to be asked about a connection's client; so many bytes wait for the answer.
    /// Says whether there is room for them.
    pub(super) fn hold_asked(&mut self, connection: Key, bytes: usize) -> bool {
        let Some(one) = self.connections.get_mut(connection) else { return false };
        let before = std::mem::replace(&mut one.asked, bytes);
        self.held_bytes = self.held_bytes + bytes - before;
        // As with beginnings of packets, those that nobody has accepted share half of it.
        bytes <= SMALL || self.held() <= self.limits.held_bytes / 2
    }

    /// A connection is gone, and with it what waited of its input.
    pub(super) const fn release_input(&mut self, connection: &Connection) {
        self.held_bytes -= connection.unused;
    }
}
