//! Retained messages for new subscriptions. They are not sent at once: each session walks through
//! the store as far as its client takes them, a bounded number of steps in each round.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Core;
use super::route::HIGH_WATER;
use super::session::{Session, size};
use crate::broker::retained::{Kept, Place, Step, Walk};
use crate::broker::slots::Key;
use crate::broker::subscriptions::delivery_qos;
use crate::codec::topic::Filter;
use crate::codec::{QoS, SubscribeOptions};
use crate::proto::{Outgoing, Publication};

/// How many topics are looked at in one round, for all sessions together.
const ROUND_STEPS: usize = 4096;

/// How many topics are looked at for one session before it is another one's turn.
const SESSION_STEPS: usize = 512;

/// How many absences of a client are told apart. What was published between those behind them counts
/// as missed, and may come twice.
const ABSENCES: usize = 32;

/// How many requests of a session for the same are answered one behind the other.
const SAME_MAX: usize = 3;

/// About how many bytes a cursor takes beside its filter.
const CURSOR: usize = 100;

/// Where one subscription is in the store.
#[derive(Debug)]
struct Cursor {
    qos: QoS,
    id: u32,
    /// Whose messages it is not given, with No Local.
    except: Option<u64>,
    walk: Walk,
    /// When it was made. A message that was published later has gone its own way to the client.
    since: u64,
}

/// All subscriptions of one session that have not been given all their retained messages.
#[derive(Debug, Default)]
pub(super) struct CatchUp {
    cursors: VecDeque<Cursor>,
    /// From when to when the client was away. Messages of QoS 0 of these times have not reached it.
    away: Vec<(u64, u64)>,
    /// The number of the routed message that has last overtaken a retained one.
    overtaken: u64,
    /// It stands in the queue of those that go on.
    queued: bool,
}

/// The sessions that go on with the next round.
#[derive(Debug, Default)]
pub(super) struct CatchingUp {
    queue: VecDeque<Key>,
    /// Cursors of all sessions.
    open: usize,
    /// Counts what happens to topics and cursors, in order.
    moment: u64,
}

impl CatchUp {
    pub(super) fn len(&self) -> usize {
        self.cursors.len()
    }
}

impl CatchingUp {
    pub(super) fn is_due(&self) -> bool {
        !self.queue.is_empty()
    }

    pub(super) const fn open(&self) -> usize {
        self.open
    }

    pub(super) const fn next_moment(&mut self) -> u64 {
        self.moment += 1;
        self.moment
    }
}

impl Cursor {
    fn message(&self, publication: &Arc<Publication>) -> Outgoing {
        let qos = delivery_qos(publication.qos(), self.qos);
        let ids = (self.id > 0).then_some(self.id).into_iter().collect();
        Outgoing::new(Arc::clone(publication), qos, true).subscription_ids(ids)
    }

    /// Whether the client has not been given this message in another way.
    fn owes(&self, kept: &Kept, away: &[(u64, u64)]) -> bool {
        let missed = || {
            let qos = delivery_qos(kept.message.qos(), self.qos);
            let at = kept.stored;
            qos == QoS::AtMostOnce
                && kept.touched == at
                && away.iter().any(|(from, to)| *from < at && at <= *to)
        };
        // [MQTT-3.8.3-3]
        self.except != Some(kept.publisher) && (kept.touched <= self.since || missed())
    }

    fn bytes(&self) -> usize {
        cursor_bytes(self.walk.filter_len())
    }
}

impl Core {
    /// A subscription gets the retained messages that match, beside those that an earlier request for
    /// the same still owe it [MQTT-3.8.4-3]. Whoever asks too often has one answer to several requests,
    /// and begins anew where there is no room for another cursor.
    pub(super) fn open_cursor(
        &mut self,
        key: Key,
        filter: &Filter<'_>,
        options: SubscribeOptions,
        id: u32,
    ) {
        let pattern = filter.pattern();
        let bytes = cursor_bytes(pattern.len());
        let has_room = self.has_room_for(key, bytes);
        let since = self.catching_up.next_moment();
        let except = self.except(key, options);
        let Some(session) = self.sessions.get_mut(key) else { return };
        let cursors = &mut session.catch_up.get_or_insert_default().cursors;
        let one = Cursor { qos: options.qos, id, except, walk: Walk::new(pattern), since };
        let is_same = |other: &&mut Cursor| other.walk.is_for(pattern);
        let count = cursors.iter_mut().filter(is_same).count();
        let mut same = cursors.iter_mut().filter(is_same);
        match same.find(|other| !has_room || (count >= SAME_MAX && other.walk.is_new())) {
            Some(other) => *other = one,
            None => {
                cursors.push_back(one);
                self.catching_up.open += 1;
                self.hold(key, bytes);
            }
        }
        self.catch_up_soon(key);
    }

    /// A subscription was replaced, and gets no retained messages again; those that it has not been
    /// given come as it is now.
    pub(super) fn change_cursor(
        &mut self,
        key: Key,
        filter: &str,
        options: SubscribeOptions,
        id: u32,
    ) {
        let except = self.except(key, options);
        let session = self.sessions.get_mut(key);
        let Some(all) = session.and_then(|session| session.catch_up.as_mut()) else { return };
        for cursor in all.cursors.iter_mut().filter(|cursor| cursor.walk.is_for(filter)) {
            (cursor.qos, cursor.id, cursor.except) = (options.qos, id, except);
        }
    }

    fn except(&self, key: Key, options: SubscribeOptions) -> Option<u64> {
        let session = self.sessions.get(key).filter(|_| options.no_local)?;
        Some(self.publisher(&session.client))
    }

    /// A subscription has ended.
    pub(super) fn close_cursor(&mut self, key: Key, filter: &str) {
        let session = self.sessions.get_mut(key);
        let Some(all) = session.and_then(|session| session.catch_up.as_mut()) else { return };
        let before = all.cursors.len();
        all.cursors.retain(|cursor| !cursor.walk.is_for(filter));
        let closed = before - all.cursors.len();
        self.catching_up.open -= closed;
        self.release(key, closed * cursor_bytes(filter.len()));
    }

    /// The session is about to be removed.
    pub(super) fn close_cursors(&mut self, key: Key) {
        let session = self.sessions.get_mut(key);
        let Some(all) = session.and_then(|session| session.catch_up.take()) else { return };
        self.catching_up.open -= all.cursors.len();
        self.release(key, all.cursors.iter().map(Cursor::bytes).sum());
    }

    /// The client of a session that is not given everything leaves or comes back.
    pub(super) fn note_presence(&mut self, key: Key, is_here: bool) {
        let moment = self.catching_up.next_moment();
        let session = self.sessions.get_mut(key);
        let Some(all) = session.and_then(|session| session.catch_up.as_mut()) else { return };
        let full = all.away.len() >= ABSENCES;
        match all.away.last_mut() {
            Some((_, to)) if is_here || full => *to = if is_here { moment } else { u64::MAX },
            _ if is_here => {}
            _ => all.away.push((moment, u64::MAX)),
        }
    }

    /// A session may go on: its client takes messages, or takes more.
    pub(super) fn catch_up_soon(&mut self, key: Key) {
        let session = self.sessions.get_mut(key);
        let Some(all) = session.and_then(|session| session.catch_up.as_mut()) else { return };
        if !std::mem::replace(&mut all.queued, true) {
            self.catching_up.queue.push_back(key);
        }
    }

    /// The first retained messages of a subscription of the program itself.
    pub(super) fn catch_up_at_once(&mut self, key: Key) {
        let mut steps = SESSION_STEPS;
        self.catch_up_one(key, &mut steps);
    }

    /// One round.
    pub(super) fn catch_up(&mut self) {
        let mut left = ROUND_STEPS;
        for _ in 0..self.catching_up.queue.len() {
            if left == 0 {
                return;
            }
            let Some(key) = self.catching_up.queue.pop_front() else { return };
            let session = self.sessions.get_mut(key);
            let Some(all) = session.and_then(|session| session.catch_up.as_mut()) else { continue };
            all.queued = false;
            let mut steps = SESSION_STEPS.min(left);
            left -= steps;
            if self.catch_up_one(key, &mut steps) {
                self.catch_up_soon(key);
            }
            left += steps;
        }
    }

    /// Sends what one client takes; says whether it may take more.
    fn catch_up_one(&mut self, key: Key, steps: &mut usize) -> bool {
        while *steps > 0 {
            let Some(session) = self.sessions.get_mut(key) else { return false };
            let is_here = session.is_here();
            let Some(all) = session.catch_up.as_mut() else { return false };
            let Some(cursor) = all.cursors.front_mut() else {
                session.catch_up = None;
                return false;
            };
            if !is_here {
                return false;
            }
            if cursor.walk.is_new() {
                // The values are those of this moment.
                let pattern = cursor.walk.pattern();
                self.refresh_sys(&pattern);
            }
            let Some(session) = self.sessions.get_mut(key) else { return false };
            let Some(all) = session.catch_up.as_mut() else { return false };
            let Some(cursor) = all.cursors.front_mut() else { return false };
            match self.retained.look(&mut cursor.walk, steps) {
                Step::Rest => return true,
                Step::End => {
                    let bytes = cursor.bytes();
                    all.cursors.pop_front();
                    self.catching_up.open -= 1;
                    self.release(key, bytes);
                }
                Step::At(kept) if kept.message.is_expired(self.now) => cursor.walk.pass(),
                Step::At(kept) if !cursor.owes(kept, &all.away) => cursor.walk.pass(),
                Step::At(kept) => {
                    let message = cursor.message(&kept.message);
                    if !self.give(key, &message) {
                        return false;
                    }
                    self.pass(key);
                }
            }
        }
        true
    }

    /// Gives a session a retained message, if it takes it now.
    fn give(&mut self, key: Key, message: &Outgoing) -> bool {
        let session = self.sessions.get_mut(key);
        match (session.and_then(|session| session.sink.as_mut()), message.publication()) {
            (Some(sink), Some(publication)) => sink(publication),
            _ => self.takes(key, message) && self.transmit(key, message),
        }
    }

    fn pass(&mut self, key: Key) {
        let session = self.sessions.get_mut(key);
        let all = session.and_then(|session| session.catch_up.as_mut());
        if let Some(cursor) = all.and_then(|all| all.cursors.front_mut()) {
            cursor.walk.pass();
        }
    }

    /// Whether a client takes a message now. If not, something of its own is on the way to it whose
    /// arrival is told.
    fn takes(&self, key: Key, message: &Outgoing) -> bool {
        let Some(session) = self.sessions.get(key) else { return false };
        let connection = session.connection.and_then(|key| self.connections.get(key));
        let Some(connection) = connection else { return false };
        let (waiting, bytes) = (connection.protocol.queued_bytes(), size(message));
        let fits = waiting == 0
            || (waiting + bytes <= self.limits.queued_bytes_per_client
                && self.queued_bytes + bytes <= self.limits.queued_bytes);
        if waiting >= HIGH_WATER || !fits {
            return false;
        }
        message.qos() == QoS::AtMostOnce
            || (session.queue.is_empty()
                && connection.protocol.has_quota(message.qos())
                && self.has_window(session, bytes)
                && (session.in_flight_bytes == 0
                    || self.queued_bytes + bytes <= self.limits.queued_bytes))
    }

    /// A message that is not kept is about to overtake the retained one of its topic on the way to
    /// this session. That one goes first: nobody is given a topic's messages out of order.
    pub(super) fn overtake(&mut self, key: Key, message: &Arc<Publication>) {
        let session = self.sessions.get_mut(key);
        let Some(all) = session.and_then(|session| session.catch_up.as_mut()) else { return };
        if std::mem::replace(&mut all.overtaken, self.routed) == self.routed {
            // Another subscription of the session has the same message.
            return;
        }
        let topic = message.topic();
        let Some(kept) = self.retained.find(topic) else { return };
        if Arc::ptr_eq(&kept.message, message) || kept.message.is_expired(self.now) {
            return;
        }
        let place = Place::of(topic);
        let owed: Vec<Outgoing> = all
            .cursors
            .iter()
            .filter(|cursor| cursor.owes(kept, &all.away) && cursor.walk.is_before(&place))
            .map(|cursor| cursor.message(&kept.message))
            .collect();
        for message in owed {
            let is_local = message.publication().is_some_and(|one| self.sink(key, one));
            match self.sessions.get(key).map(Session::is_here) {
                _ if is_local => {}
                Some(true) => self.send(key, message),
                _ => self.enqueue(key, message),
            }
        }
    }

    /// A message with this topic has gone to everyone; see [`overtake`](Self::overtake).
    pub(super) fn overtaken(&mut self, message: &Arc<Publication>) {
        let moment = self.catching_up.next_moment();
        let kept = self.retained.find(message.topic());
        if kept.is_some_and(|kept| !Arc::ptr_eq(&kept.message, message)) {
            self.retained.touch(message.topic(), moment);
        }
    }
}

const fn cursor_bytes(filter_len: usize) -> usize {
    CURSOR + filter_len
}
