//! Messages of a shared subscription whose member is gone.

use std::sync::Arc;

use super::Core;
use super::session::{Session, size};
use crate::broker::slots::Key;
use crate::broker::subscriptions::delivery_qos;
use crate::codec::QoS;
use crate::proto::Outgoing;

impl Core {
    /// A member of shared subscriptions is gone: what it has not been sent goes to another member
    /// that is connected. When its session has ended, to any other, with the messages of QoS 1 that
    /// it has not acknowledged; those of QoS 2 are lost with it [MQTT-4.8.2-5].
    pub(super) fn move_shared(&mut self, key: Key, ended: bool) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let is_shared = |message: &Outgoing| message.tag() != 0;
        let in_flight: Vec<Outgoing> = if ended {
            let kept = session.state.iter().flat_map(|state| state.unacknowledged());
            kept.filter(|m| is_shared(m) && m.qos() == QoS::AtLeastOnce).cloned().collect()
        } else {
            Vec::new()
        };
        if in_flight.is_empty() && !session.queue.iter().any(is_shared) {
            return;
        }
        let mut queued = Vec::new();
        for _ in 0..session.queue.len() {
            let Some(message) = session.dequeue() else { break };
            if is_shared(&message) {
                queued.push(message);
            } else {
                session.enqueue(message);
            }
        }
        self.queued_messages -= queued.len();
        self.queued_bytes -= queued.iter().map(size).sum::<usize>();
        for message in in_flight.into_iter().chain(queued) {
            self.move_message(key, message, ended);
        }
        self.settle();
    }

    fn move_message(&mut self, from: Key, message: Outgoing, ended: bool) {
        let Some(publication) = message.publication().map(Arc::clone) else { return };
        let sessions = &self.sessions;
        let is_here = |key: Key| key != from && sessions.get(key).is_some_and(Session::is_here);
        let topic = publication.topic();
        let mut other = self.subscriptions.other_member(topic, message.tag(), is_here);
        if other.is_none() && ended {
            other = self.subscriptions.other_member(topic, message.tag(), |key| key != from);
        }
        match other {
            Some(member) if self.sink(member.session, &publication) => {}
            Some(member) => {
                let qos = delivery_qos(publication.qos(), member.options.qos);
                let ids = (member.id > 0).then_some(member.id).into_iter().collect();
                let outgoing = Outgoing::new(Arc::clone(&publication), qos, message.retain())
                    .subscription_ids(ids)
                    .tagged(message.tag());
                self.send(member.session, outgoing);
            }
            None if ended => self.statistics.drops.session_ended += 1,
            None => self.enqueue(from, message),
        }
    }
}
