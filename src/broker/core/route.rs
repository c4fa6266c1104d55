//! The way of a message: from its publisher to everyone who gets it.

use std::hash::BuildHasher;
use std::sync::Arc;

use super::session::size;
use super::{Core, Timer};
use crate::broker::hooks::{Action, ClientInfo, DisconnectCause, Draft, DropCause};
use crate::broker::slots::Key;
use crate::broker::subscriptions::{Match, delivery_qos};
use crate::codec::{QoS, ReasonCode};
use crate::proto::{
    AckOutcome, IncomingMessage, Outgoing, Payload, Publication, Publish, Sent, Time, reason_string,
};

/// Messages of QoS 1 and 2 wait in the session's queue while this many bytes wait in the outgoing
/// buffer, so that a slow client's messages are held once and not as a packet each.
pub(super) const HIGH_WATER: usize = 256 * 1024;

/// A session that gets the message that is being routed.
#[derive(Debug)]
pub(super) struct Target {
    session: Key,
    qos: QoS,
    retain_as_published: bool,
    subscription_ids: Vec<u32>,
    share: u32,
}

/// Messages that a fault of the test kit holds back.
#[derive(Debug, Default)]
pub(super) struct Held {
    messages: Vec<(Time, Option<Key>, Arc<Publication>)>,
}

impl Core {
    /// Publishes a message in the program's own name. Says how many sessions it was for.
    ///
    /// # Errors
    /// [`EncodeError`](crate::codec::EncodeError) when the message is not valid.
    pub fn publish(
        &mut self,
        now: Time,
        request: &Publish<'_>,
    ) -> Result<usize, crate::codec::EncodeError> {
        self.now = now;
        let message = Arc::new(Publication::from_request(now, request)?);
        self.keep(&message, 0);
        Ok(self.route(None, &message))
    }

    /// As [`publish`](Self::publish), for a message that was made elsewhere.
    pub(crate) fn publish_shared(&mut self, now: Time, message: Arc<Publication>) {
        self.now = now;
        self.keep(&message, 0);
        self.route(None, &message);
    }

    /// A PUBLISH has come.
    pub(super) fn receive(&mut self, key: Key, message: &IncomingMessage, input: &[u8]) {
        let payload = message.payload(input);
        self.statistics.publish_received += 1;
        self.statistics.publish_bytes_received += u64::try_from(payload.len()).unwrap_or_default();
        let Some(session) = self.connections.get(key).and_then(|connection| connection.session)
        else {
            return;
        };
        let reason = match self.admit(session, message, input) {
            Ok(message) => {
                let publisher = match self.sessions.get(session) {
                    Some(session) if message.retain() => self.publisher(&session.client),
                    _ => 0,
                };
                self.publish_from(session, publisher, message)
            }
            Err(reason) => {
                self.statistics.drops.refused += 1;
                let v5 = self.connections.get(key).is_some_and(|c| c.protocol.version().is_v5());
                if !v5 && self.hooks.disconnect_on_refusal {
                    return self.close(key, reason, DisconnectCause::Closed(reason));
                }
                reason
            }
        };
        if let (Some(token), Some(connection)) = (message.ack(), self.connections.get_mut(key)) {
            let why = match reason {
                ReasonCode::TopicNameInvalid => {
                    "the topic is the server's own, or has too many levels"
                }
                ReasonCode::QuotaExceeded => "there is no room for another retained message",
                _ => "",
            };
            let outcome = AckOutcome { reason, properties: reason_string(why) };
            connection.protocol.acknowledge(token, outcome);
        }
    }

    /// The message, if its publisher may publish it.
    fn admit(
        &self,
        session: Key,
        message: &IncomingMessage,
        input: &[u8],
    ) -> Result<Arc<Publication>, ReasonCode> {
        let (topic, qos, retain) = (message.topic(input), message.qos(), message.retain());
        if self.is_reserved(topic) || self.has_too_many_levels(topic) {
            return Err(ReasonCode::TopicNameInvalid);
        }
        let Some(session) = self.sessions.get(session) else {
            return Err(ReasonCode::UnspecifiedError);
        };
        let properties = message.properties(input);
        let payload = message.payload(input);
        if !self.hooks.allows(&session.client, &Action::Publish { topic, qos, retain }) {
            return Err(ReasonCode::NotAuthorized);
        }
        if self.hooks.intercept.is_none() {
            let payload = Payload::Borrowed(payload);
            let message = Publication::new(self.now, topic, &properties, &payload, qos, retain);
            return Ok(Arc::new(message));
        }
        let draft = Draft {
            topic: topic.to_owned(),
            payload: bytes::Bytes::copy_from_slice(payload),
            qos,
            retain,
            properties: properties.into_owned(),
        };
        self.intercepted(&session.client, draft)
    }

    /// What the interception makes of a message.
    pub(super) fn intercepted(
        &self,
        client: &ClientInfo,
        mut draft: Draft,
    ) -> Result<Arc<Publication>, ReasonCode> {
        self.hooks.intercepted(client, &mut draft)?;
        let request = Publish::new(&draft.topic, draft.payload)
            .qos(draft.qos)
            .retain(draft.retain)
            .properties(draft.properties);
        Publication::from_request(self.now, &request)
            .map(Arc::new)
            .map_err(|_| ReasonCode::ImplementationSpecificError)
    }

    /// Topics that are the broker's own.
    pub(super) fn is_reserved(&self, topic: &str) -> bool {
        topic.starts_with('$')
            && (topic == "$SYS" || topic.starts_with("$SYS/") || topic.starts_with("$share/"))
    }

    pub(super) fn has_too_many_levels(&self, topic: &str) -> bool {
        topic.bytes().filter(|byte| *byte == b'/').count() >= self.limits.topic_levels
    }

    /// Keeps a message that was accepted, and routes it. Returns the reason for its acknowledgement.
    pub(super) fn publish_from(
        &mut self,
        from: Key,
        publisher: u64,
        message: Arc<Publication>,
    ) -> ReasonCode {
        if self.faults.drops(message.topic()) {
            self.statistics.drops.faults += 1;
            return ReasonCode::Success;
        }
        let kept = self.keep(&message, publisher);
        let accepted = if kept { ReasonCode::Success } else { ReasonCode::QuotaExceeded };
        if let Some(delay) = self.faults.delay(message.topic()) {
            let at = self.now + delay;
            self.held.messages.push((at, Some(from), message));
            self.timers.push(at, Timer::Held);
            return accepted;
        }
        match self.route(Some(from), &message) {
            0 if kept => ReasonCode::NoMatchingSubscribers,
            _ => accepted,
        }
    }

    /// What a client identifier is remembered by with a retained message: a long one would have to be
    /// paid for. Nobody can choose two that are the same here.
    pub(super) fn publisher(&self, client: &ClientInfo) -> u64 {
        self.by_client_id.hasher().hash_one(&*client.client_id).max(1)
    }

    pub(super) fn release_held(&mut self) {
        let now = self.now;
        let all = std::mem::take(&mut self.held.messages);
        let (due, rest) = all.into_iter().partition(|(at, ..)| *at <= now);
        self.held.messages = rest;
        let due: Vec<(Time, Option<Key>, Arc<Publication>)> = due;
        for (_, from, message) in due {
            self.route(from, &message);
        }
    }

    /// Keeps a message if it is a retained one. Says whether nothing was in the way of that: when
    /// there is no room, the subscribers of this moment get it all the same.
    fn keep(&mut self, message: &Arc<Publication>, publisher: u64) -> bool {
        if !message.retain() {
            return true;
        }
        let (count, bytes) = (self.limits.retained_messages, self.limits.retained_bytes);
        let moment = self.catching_up.next_moment();
        let kept = self.retained.store(message, moment, publisher, count, bytes).is_ok();
        if !kept {
            self.statistics.drops.retained_full += 1;
        }
        kept
    }

    /// Gives a message to everyone whose subscription matches. Says how many sessions that were.
    pub(super) fn route(&mut self, from: Option<Key>, message: &Arc<Publication>) -> usize {
        self.routed += 1;
        let mut targets = std::mem::take(&mut self.targets);
        let (sessions, routed) = (&self.sessions, self.routed);
        let is_here = |key| sessions.get(key).is_some_and(super::Session::is_here);
        let catching_up = self.catching_up.open() > 0;
        let mut passed_over = None;
        self.subscriptions.each_match(message.topic(), is_here, |found| {
            let Match { subscription, share } = found;
            let options = subscription.options;
            if options.no_local && from == Some(subscription.session) {
                passed_over = from.filter(|_| catching_up);
                return;
            }
            let Some(session) = sessions.get(subscription.session) else { return };
            let before = (share == 0 && session.routed.get().0 == routed)
                .then(|| targets.get_mut(session.routed.get().1));
            if let Some(Some(target)) = before {
                // Overlapping subscriptions: one copy with the highest QoS and all identifiers
                // [MQTT-3.3.4-2] [MQTT-3.3.4-4].
                target.qos = target.qos.max(options.qos);
                target.retain_as_published |= options.retain_as_published;
                target.subscription_ids.extend((subscription.id > 0).then_some(subscription.id));
                return;
            }
            if share == 0 {
                session.routed.set((routed, targets.len()));
            }
            targets.push(Target {
                session: subscription.session,
                qos: options.qos,
                retain_as_published: options.retain_as_published,
                subscription_ids: (subscription.id > 0)
                    .then_some(subscription.id)
                    .into_iter()
                    .collect(),
                share,
            });
        });
        let count = targets.len();
        if let Some(key) = passed_over {
            self.overtake(key, message);
        }
        for target in targets.drain(..) {
            if catching_up {
                self.overtake(target.session, message);
            }
            self.deliver(target, message);
        }
        if catching_up {
            self.overtaken(message);
        }
        self.targets = targets;
        self.settle();
        count
    }

    fn deliver(&mut self, target: Target, message: &Arc<Publication>) {
        if self.sink(target.session, message) {
            return;
        }
        let qos = delivery_qos(message.qos(), target.qos);
        let retain = message.retain() && target.retain_as_published;
        let outgoing = Outgoing::new(Arc::clone(message), qos, retain)
            .subscription_ids(target.subscription_ids)
            .tagged(target.share);
        self.send(target.session, outgoing);
    }

    /// Gives a message to the program, if the session is one of its own; says whether it is.
    pub(super) fn sink(&mut self, key: Key, message: &Arc<Publication>) -> bool {
        let session = self.sessions.get_mut(key);
        let Some(sink) = session.and_then(|session| session.sink.as_mut()) else { return false };
        if !sink(message) {
            self.statistics.drops.local += 1;
        }
        true
    }

    /// Gives a message to a session: to its connection if it takes it now, else to its queue.
    pub(super) fn send(&mut self, key: Key, message: Outgoing) {
        let Some(session) = self.sessions.get(key) else { return };
        let qos = message.qos();
        let connection = session.connection.and_then(|key| self.connections.get(key));
        let Some(connection) = connection else {
            if qos != QoS::AtMostOnce {
                self.enqueue(key, message);
            }
            return;
        };
        let waiting = connection.protocol.queued_bytes();
        if qos == QoS::AtMostOnce {
            if waiting > 0 && waiting + size(&message) > self.limits.queued_bytes_per_client {
                return self.overflow(key, &message, DropCause::QueueFull);
            }
            if waiting > 0 && self.queued_bytes + size(&message) > self.limits.queued_bytes {
                return self.overflow(key, &message, DropCause::TotalFull);
            }
        } else if !session.queue.is_empty()
            || waiting >= HIGH_WATER
            || !self.has_window(session, size(&message))
            || (session.in_flight_bytes > 0
                && self.queued_bytes + size(&message) > self.limits.queued_bytes)
        {
            return self.enqueue(key, message);
        }
        if !self.transmit(key, &message) {
            self.enqueue(key, message);
        }
    }

    /// Hands a message to the connection of a session. `false`: it does not take it now.
    pub(super) fn transmit(&mut self, key: Key, message: &Outgoing) -> bool {
        let Some(session) = self.sessions.get(key) else { return true };
        let Some(connection_key) = session.connection else { return false };
        let Some(publication) = message.publication() else { return true };
        if !self.hooks.allows(&session.client, &Action::Deliver { message: publication }) {
            self.statistics.drops.not_delivered += 1;
            return true;
        }
        let Some(connection) = self.connections.get_mut(connection_key) else { return false };
        match connection.protocol.publish(self.now, message) {
            Sent::NotNow => return false,
            Sent::TooLarge => {
                self.statistics.drops.too_large += 1;
                self.tell_drop(key, message, DropCause::TooLarge);
            }
            Sent::Queued => {
                let waiting = connection.protocol.queued_bytes();
                self.queued_bytes += waiting - connection.counted.min(waiting);
                connection.counted = connection.counted.max(waiting);
                self.statistics.publish_sent += 1;
                let bytes = u64::try_from(publication.payload().len()).unwrap_or_default();
                self.statistics.publish_bytes_sent += bytes;
                self.count_in_flight(connection_key);
                self.mark_ready(connection_key);
            }
        }
        true
    }
}
