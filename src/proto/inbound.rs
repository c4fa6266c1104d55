//! Messages from the peer: acknowledged in order, and at QoS 2 delivered once.

use std::collections::VecDeque;

use super::packet_id::IdMap;
use crate::codec::{
    Ack, AckKind, PacketId, PacketType, Properties, QoS, ReasonCode, Sender, Version,
};

/// For how many messages of QoS 2 a table keeps memory when few of them are left.
const KEPT_CAPACITY: usize = 256;

/// Names one delivered message, so that it can be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AckToken {
    packet_id: PacketId,
    qos: QoS,
    /// QoS 1: the connection. QoS 2: the message.
    serial: u32,
    /// QoS 1: the place in the order of that connection.
    index: u64,
}

impl AckToken {
    /// The packet identifier of the message.
    #[must_use]
    pub const fn packet_id(&self) -> PacketId {
        self.packet_id
    }

    /// The QoS of the message: 1 or 2.
    #[must_use]
    pub const fn qos(&self) -> QoS {
        self.qos
    }
}

/// How a message is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckOutcome {
    /// Success, or in MQTT 5.0 why the message is refused.
    pub reason: ReasonCode,
    /// Reason string and user properties, in MQTT 5.0.
    pub properties: Properties<'static>,
}

impl Default for AckOutcome {
    fn default() -> Self {
        Self { reason: ReasonCode::Success, properties: Properties::new() }
    }
}

impl AckOutcome {
    /// What this side can say of it in this version. A packet that cannot be expressed would not be
    /// sent, and the peer would wait for it for ever.
    pub(crate) fn expressible(mut self, version: Version, sender: Sender) -> Self {
        if !version.is_v5() {
            return Self::default();
        }
        // PUBREC has the same codes and properties.
        let packet = PacketType::PubAck;
        if !self.reason.is_allowed(packet, sender) {
            let refused = self.reason.is_error();
            self.reason = if refused { ReasonCode::UnspecifiedError } else { ReasonCode::Success };
        }
        self.properties.retain(|property| property.id.is_allowed(packet));
        self
    }
}

/// What to do with a PUBLISH that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// Hand it to the application, which acknowledges it with the token.
    Deliver(Option<AckToken>),
    /// The application has had it.
    Duplicate,
    /// The peer has sent more than it may.
    TooMany,
}

/// State of the receiving side. Part of it belongs to the session and outlives a connection.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    connection: u32,
    receive_maximum: u16,
    /// Messages of this connection that count against the receive maximum.
    outstanding: usize,
    at_least_once: AckOrder,
    exactly_once: IdMap<Exact>,
    /// QoS 2 messages of this connection that await their PUBREC, in the order received.
    exact_order: VecDeque<PacketId>,
    next_serial: u32,
}

/// QoS 1 messages of this connection that await their PUBACK, in the order received.
#[derive(Debug, Default)]
struct AckOrder {
    first: u64,
    waiting: VecDeque<(PacketId, Option<AckOutcome>)>,
}

#[derive(Debug)]
struct Exact {
    serial: u32,
    state: ExactState,
    /// The connection whose receive maximum it counts against.
    counted_in: u32,
    /// Whether it stands in the order of PUBRECs, and how many more PUBRECs it gets there because
    /// its PUBLISH was repeated.
    queued: bool,
    repeats: u32,
}

#[derive(Debug, PartialEq)]
enum ExactState {
    /// With the application.
    Delivered,
    /// The application has let go of it without an answer: on the next connection a repetition is a
    /// new message.
    Left,
    /// The application is done; PUBREC has not been sent.
    Done(AckOutcome),
    /// PUBREC has been sent, PUBREL is awaited.
    Received,
}

impl Inbound {
    /// A connection begins. The session's QoS 2 identifiers stay; see [`forget`](Self::forget).
    pub(crate) fn begin(&mut self, receive_maximum: u16) {
        self.connection = self.connection.wrapping_add(1);
        self.receive_maximum = receive_maximum;
        self.outstanding = 0;
        self.at_least_once = AckOrder::default();
        self.exact_order.clear();
        for exact in self.exactly_once.values_mut() {
            (exact.queued, exact.repeats) = (false, 0);
        }
    }

    /// Messages of QoS 2 that the peer has not released.
    pub(crate) fn unreleased(&self) -> usize {
        self.exactly_once.len()
    }

    /// The session is over.
    pub(crate) fn forget(&mut self) {
        self.exactly_once.clear();
        self.exact_order.clear();
    }

    /// How many messages await their acknowledgement by this side.
    pub(crate) const fn outstanding(&self) -> usize {
        self.outstanding
    }

    pub(crate) const fn receive_maximum(&self) -> u16 {
        self.receive_maximum
    }

    /// A PUBLISH was received.
    pub(crate) fn receive(&mut self, qos: QoS, packet_id: Option<PacketId>) -> Receipt {
        match (qos, packet_id) {
            (QoS::AtLeastOnce, Some(id)) => self.receive_at_least_once(id),
            (QoS::ExactlyOnce, Some(id)) => self.receive_exactly_once(id),
            _ => Receipt::Deliver(None),
        }
    }

    fn receive_at_least_once(&mut self, packet_id: PacketId) -> Receipt {
        if !self.count() {
            return Receipt::TooMany;
        }
        let order = &mut self.at_least_once;
        let index = order.first + u64::try_from(order.waiting.len()).unwrap_or(u64::MAX);
        order.waiting.push_back((packet_id, None));
        let serial = self.connection;
        Receipt::Deliver(Some(AckToken { packet_id, qos: QoS::AtLeastOnce, serial, index }))
    }

    fn receive_exactly_once(&mut self, packet_id: PacketId) -> Receipt {
        let connection = self.connection;
        let known = self.exactly_once.get(&packet_id);
        let counts = known.is_none_or(|exact| exact.counted_in != connection);
        let left = known.is_some_and(|exact| exact.state == ExactState::Left);
        if counts && !self.count() {
            return Receipt::TooMany;
        }
        let known = self.exactly_once.get_mut(&packet_id).filter(|_| !(left && counts));
        if let Some(exact) = known {
            exact.counted_in = connection;
            if exact.queued {
                exact.repeats = exact.repeats.saturating_add(1);
            } else {
                exact.queued = true;
                self.exact_order.push_back(packet_id);
            }
            return Receipt::Duplicate;
        }
        self.exact_order.push_back(packet_id);
        self.next_serial = self.next_serial.wrapping_add(1);
        let serial = self.next_serial;
        let exact = Exact {
            serial,
            state: ExactState::Delivered,
            counted_in: connection,
            queued: true,
            repeats: 0,
        };
        self.exactly_once.insert(packet_id, exact);
        Receipt::Deliver(Some(AckToken { packet_id, qos: QoS::ExactlyOnce, serial, index: 0 }))
    }

    fn count(&mut self) -> bool {
        if self.outstanding >= usize::from(self.receive_maximum) {
            return false;
        }
        self.outstanding += 1;
        true
    }

    /// A message whose payload did not arrive whole: the peer will send it again.
    pub(crate) fn withdraw(&mut self, token: AckToken) {
        if self.is_current(&token) {
            self.exactly_once.remove(&token.packet_id);
        }
    }

    /// The application has let go of a message without an answer: the peer will send it again on the
    /// next connection.
    pub(crate) fn leave(&mut self, token: AckToken) {
        if self.is_current(&token)
            && let Some(exact) = self.exactly_once.get_mut(&token.packet_id)
            && token.qos == QoS::ExactlyOnce
            && exact.state == ExactState::Delivered
        {
            exact.state = ExactState::Left;
        }
    }

    fn is_current(&self, token: &AckToken) -> bool {
        match token.qos {
            QoS::ExactlyOnce => self
                .exactly_once
                .get(&token.packet_id)
                .is_some_and(|exact| exact.serial == token.serial),
            _ => token.serial == self.connection,
        }
    }

    /// The application is done with a message. Says whether that still matters: a message of a
    /// connection or session that is gone needs no acknowledgement.
    pub(crate) fn acknowledge(&mut self, token: AckToken, outcome: AckOutcome) -> bool {
        if !self.is_current(&token) {
            return false;
        }
        if token.qos == QoS::ExactlyOnce {
            let Some(exact) = self.exactly_once.get_mut(&token.packet_id) else { return false };
            if exact.state != ExactState::Delivered {
                return false;
            }
            exact.state = ExactState::Done(outcome);
            return true;
        }
        let order = &mut self.at_least_once;
        let place = token.index.checked_sub(order.first).and_then(|at| usize::try_from(at).ok());
        match place.and_then(|at| order.waiting.get_mut(at)) {
            Some((_, waiting @ None)) => {
                *waiting = Some(outcome);
                true
            }
            _ => false,
        }
    }

    /// The next acknowledgement that may be sent: PUBACKs and PUBRECs leave in the order in which
    /// the messages came [MQTT-4.6.0-2] [MQTT-4.6.0-3].
    pub(crate) fn poll_ack(&mut self) -> Option<Ack<'static>> {
        self.poll_puback().or_else(|| self.poll_pubrec())
    }

    fn poll_puback(&mut self) -> Option<Ack<'static>> {
        let order = &mut self.at_least_once;
        order.waiting.front()?.1.as_ref()?;
        let (packet_id, outcome) = order.waiting.pop_front()?;
        order.first += 1;
        self.outstanding = self.outstanding.saturating_sub(1);
        let AckOutcome { reason, properties } = outcome.unwrap_or_default();
        Some(Ack { kind: AckKind::PubAck, packet_id, reason, properties })
    }

    fn poll_pubrec(&mut self) -> Option<Ack<'static>> {
        loop {
            let packet_id = *self.exact_order.front()?;
            // The peer may have released it, or the message was withdrawn.
            let Some(exact) = self.exactly_once.get_mut(&packet_id).filter(|exact| exact.queued)
            else {
                self.exact_order.pop_front();
                continue;
            };
            if matches!(exact.state, ExactState::Delivered | ExactState::Left) {
                return None;
            }
            let outcome = match std::mem::replace(&mut exact.state, ExactState::Received) {
                ExactState::Done(outcome) => outcome,
                // A repetition, whose first PUBREC was sent.
                _ => AckOutcome::default(),
            };
            let refused = outcome.reason.is_error();
            if exact.repeats > 0 && !refused {
                exact.repeats -= 1;
            } else {
                exact.queued = false;
                self.exact_order.pop_front();
            }
            if refused {
                self.exactly_once.remove(&packet_id);
                self.outstanding = self.outstanding.saturating_sub(1);
            }
            let AckOutcome { reason, properties } = outcome;
            return Some(Ack { kind: AckKind::PubRec, packet_id, reason, properties });
        }
    }

    /// A PUBREL was received: the identifier is free again. Says whether it was in use.
    pub(crate) fn release(&mut self, packet_id: PacketId) -> bool {
        let Some(exact) = self.exactly_once.remove(&packet_id) else { return false };
        let (count, room) = (self.exactly_once.len(), self.exactly_once.capacity());
        if room > KEPT_CAPACITY && count < room / 8 {
            // A table that was large once does not keep its memory.
            self.exactly_once.shrink_to(2 * count);
        }
        if exact.counted_in == self.connection {
            self.outstanding = self.outstanding.saturating_sub(1);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u16) -> PacketId {
        PacketId::new(number).unwrap()
    }

    fn begun(receive_maximum: u16) -> Inbound {
        let mut inbound = Inbound::default();
        inbound.begin(receive_maximum);
        inbound
    }

    fn deliver(inbound: &mut Inbound, qos: QoS, number: u16) -> AckToken {
        match inbound.receive(qos, Some(id(number))) {
            Receipt::Deliver(Some(token)) => token,
            other => panic!("{other:?}"),
        }
    }

    fn acks(inbound: &mut Inbound) -> Vec<(AckKind, u16)> {
        std::iter::from_fn(|| inbound.poll_ack())
            .map(|ack| (ack.kind, ack.packet_id.get()))
            .collect()
    }

    #[test]
    fn acknowledgements_wait_for_the_ones_before_them() {
        let mut inbound = begun(10);
        let first = deliver(&mut inbound, QoS::AtLeastOnce, 1);
        let second = deliver(&mut inbound, QoS::AtLeastOnce, 2);
        let exact = deliver(&mut inbound, QoS::ExactlyOnce, 3);
        assert!(inbound.acknowledge(second, AckOutcome::default()));
        assert_eq!(acks(&mut inbound), []);
        assert!(inbound.acknowledge(exact, AckOutcome::default()));
        assert_eq!(acks(&mut inbound), [(AckKind::PubRec, 3)], "QoS 2 has an order of its own");
        assert!(inbound.acknowledge(first, AckOutcome::default()));
        assert!(!inbound.acknowledge(first, AckOutcome::default()), "once is enough");
        assert_eq!(acks(&mut inbound), [(AckKind::PubAck, 1), (AckKind::PubAck, 2)]);
    }

    #[test]
    fn a_message_of_an_earlier_connection_is_not_acknowledged_at_qos_1() {
        let mut inbound = begun(10);
        let old = deliver(&mut inbound, QoS::AtLeastOnce, 1);
        inbound.begin(10);
        let again = deliver(&mut inbound, QoS::AtLeastOnce, 1);
        assert!(!inbound.acknowledge(old, AckOutcome::default()));
        assert!(inbound.acknowledge(again, AckOutcome::default()));
        assert_eq!(acks(&mut inbound), [(AckKind::PubAck, 1)]);
    }

    #[test]
    fn a_qos_2_message_that_the_application_still_holds_is_not_delivered_again() {
        let mut inbound = begun(10);
        let token = deliver(&mut inbound, QoS::ExactlyOnce, 7);
        inbound.begin(10);
        assert_eq!(inbound.receive(QoS::ExactlyOnce, Some(id(7))), Receipt::Duplicate);
        assert_eq!(acks(&mut inbound), [], "the application is not done");
        assert!(inbound.acknowledge(token, AckOutcome::default()));
        assert_eq!(acks(&mut inbound), [(AckKind::PubRec, 7)]);
        assert!(inbound.release(id(7)));
        assert!(!inbound.release(id(7)));
    }

    #[test]
    fn a_qos_2_message_acknowledged_while_offline_gets_its_pubrec_when_it_comes_again() {
        let mut inbound = begun(10);
        let token = deliver(&mut inbound, QoS::ExactlyOnce, 7);
        inbound.begin(10);
        assert!(inbound.acknowledge(token, AckOutcome::default()));
        assert_eq!(acks(&mut inbound), []);
        assert_eq!(inbound.receive(QoS::ExactlyOnce, Some(id(7))), Receipt::Duplicate);
        assert_eq!(acks(&mut inbound), [(AckKind::PubRec, 7)]);
    }

    #[test]
    fn a_qos_2_message_left_without_an_answer_is_delivered_again_on_the_next_connection() {
        for early in [true, false] {
            let mut inbound = begun(1);
            let token = deliver(&mut inbound, QoS::ExactlyOnce, 7);
            let leave = |inbound: &mut Inbound| {
                inbound.leave(token);
                assert!(!inbound.acknowledge(token, AckOutcome::default()), "it is too late");
            };
            if early {
                leave(&mut inbound);
                assert_eq!(inbound.receive(QoS::ExactlyOnce, Some(id(7))), Receipt::Duplicate);
                assert_eq!(acks(&mut inbound), []);
            }
            inbound.begin(1);
            if !early {
                leave(&mut inbound);
            }
            let again = deliver(&mut inbound, QoS::ExactlyOnce, 7);
            assert_eq!(inbound.receive(QoS::ExactlyOnce, Some(id(7))), Receipt::Duplicate);
            assert_eq!(inbound.outstanding(), 1);
            inbound.leave(token);
            assert!(inbound.acknowledge(again, AckOutcome::default()));
            assert_eq!(acks(&mut inbound), [(AckKind::PubRec, 7), (AckKind::PubRec, 7)]);
            inbound.leave(again);
            inbound.begin(1);
            assert_eq!(inbound.receive(QoS::ExactlyOnce, Some(id(7))), Receipt::Duplicate);
        }
    }

    #[test]
    fn the_receive_maximum_counts_until_puback_and_pubcomp() {
        let mut inbound = begun(2);
        let first = deliver(&mut inbound, QoS::AtLeastOnce, 1);
        let second = deliver(&mut inbound, QoS::ExactlyOnce, 2);
        assert_eq!(inbound.receive(QoS::AtLeastOnce, Some(id(3))), Receipt::TooMany);
        assert_eq!(inbound.receive(QoS::AtMostOnce, None), Receipt::Deliver(None));
        inbound.acknowledge(second, AckOutcome::default());
        acks(&mut inbound);
        assert_eq!(inbound.receive(QoS::AtLeastOnce, Some(id(3))), Receipt::TooMany);
        inbound.release(id(2));
        deliver(&mut inbound, QoS::AtLeastOnce, 3);
        inbound.acknowledge(first, AckOutcome::default());
        acks(&mut inbound);
        deliver(&mut inbound, QoS::AtLeastOnce, 4);
        assert_eq!(inbound.outstanding(), 2);
    }

    #[test]
    fn repetitions_each_get_a_pubrec_and_hold_no_memory() {
        let mut inbound = begun(10);
        let first = deliver(&mut inbound, QoS::ExactlyOnce, 1);
        let second = deliver(&mut inbound, QoS::ExactlyOnce, 2);
        for _ in 0..1000 {
            assert_eq!(inbound.receive(QoS::ExactlyOnce, Some(id(2))), Receipt::Duplicate);
        }
        assert_eq!(inbound.exact_order.len(), 2);
        inbound.acknowledge(second, AckOutcome::default());
        assert_eq!(acks(&mut inbound), []);
        inbound.acknowledge(first, AckOutcome::default());
        assert_eq!(acks(&mut inbound).len(), 1002);
        assert_eq!(inbound.receive(QoS::ExactlyOnce, Some(id(2))), Receipt::Duplicate);
        assert_eq!(acks(&mut inbound), [(AckKind::PubRec, 2)]);
    }

    #[test]
    fn a_refused_qos_2_message_frees_its_identifier_at_once() {
        let mut inbound = begun(1);
        let token = deliver(&mut inbound, QoS::ExactlyOnce, 5);
        let outcome = AckOutcome { reason: ReasonCode::QuotaExceeded, ..AckOutcome::default() };
        inbound.acknowledge(token, outcome);
        let ack = inbound.poll_ack().unwrap();
        assert_eq!((ack.kind, ack.reason), (AckKind::PubRec, ReasonCode::QuotaExceeded));
        deliver(&mut inbound, QoS::ExactlyOnce, 5);
    }
}
