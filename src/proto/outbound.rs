//! Requests to the peer that await an acknowledgement, and the rules for sending them again.

use std::collections::VecDeque;

use super::error::ProtocolError;
use super::kept::Kept;
use super::out_queue::OutBuffer;
use super::packet_id::InFlight;
use super::{LimitError, Stored, Time};
use crate::codec::{Ack, AckKind, PacketId, PacketType, Properties, QoS, ReasonCode};

/// How many acknowledged messages' memory is kept.
const SPARE_MAX: usize = 256;

/// Names a request of the caller's; comes back with the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub u64);

/// What became of a message of QoS 1 or 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishOutcome {
    /// The server has taken responsibility.
    Acknowledged(AckDetail),
    /// The server has refused it, with a reason code of 0x80 or more.
    Refused(AckDetail),
    /// It will not be sent again, and no acknowledgement was seen.
    Dropped(DropReason),
}

/// What an acknowledgement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckDetail {
    /// The reason code; success before MQTT 5.0.
    pub reason: ReasonCode,
    /// Reason string and user properties; empty before MQTT 5.0.
    pub properties: Properties<'static>,
}

impl AckDetail {
    pub(crate) fn from_ack(ack: Ack<'_>) -> Self {
        Self { reason: ack.reason, properties: ack.properties.into_owned() }
    }
}

/// Why a message was given up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DropReason {
    /// The server lost the session while a QoS 2 message was on its way: sending it again could
    /// deliver it twice.
    #[error("the server lost the session, and sending the message again could deliver it twice")]
    SessionLost,
    /// The connection was lost while the payload was read from a stream, which cannot be read again.
    #[error(
        "the connection was lost, and the payload came from a stream that cannot be read again"
    )]
    StreamInterrupted,
    /// After reconnecting, the server no longer takes such a message.
    #[error("after reconnecting, {0}")]
    Limit(LimitError),
}

/// What the core has to do after a PUBREC.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PubRecAction {
    /// Answer with PUBREL.
    Release,
    /// The flow is over.
    Finished(Token, PublishOutcome),
    /// Nobody waits for it any more.
    Nothing,
    /// There is no such message.
    Unknown,
}

#[derive(Debug)]
enum Request<M> {
    Publish(Flight<M>),
    Subscribe { token: Token, filters: usize },
    Unsubscribe { token: Token, filters: usize },
}

/// A message on its way.
#[derive(Debug)]
struct Flight<M> {
    /// `None` when the outcome has been reported and only the identifier has to be freed.
    token: Option<Token>,
    /// Place in the order in which messages were first sent.
    order: u64,
    awaits: Awaits,
    /// The packet, for sending it again; `None` when the payload was a stream, or is not needed.
    message: Option<Box<M>>,
    /// Whether it counts against the send quota of this connection.
    counted: bool,
}

impl<M> Flight<M> {
    fn is_exactly_once(&self) -> bool {
        self.awaits != Awaits::Acknowledgement
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    /// PUBACK.
    Acknowledgement,
    /// PUBREC.
    Receipt,
    /// PUBCOMP. With the place in the order in which PUBRECs came.
    Completion {
        released: u64,
        /// The PUBREC was never seen: PUBCOMP tells whether the message had arrived, if it can.
        probe: bool,
        /// What the PUBREC said.
        reason: ReasonCode,
    },
}

impl Awaits {
    const fn receipt_seen(released: u64, reason: ReasonCode) -> Self {
        Self::Completion { released, probe: false, reason }
    }

    const fn packet_type(self) -> PacketType {
        match self {
            Self::Acknowledgement => PacketType::PubAck,
            Self::Receipt => PacketType::PubRec,
            Self::Completion { .. } => PacketType::PubComp,
        }
    }
}

/// How many messages may be in flight on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quota {
    /// Of QoS 1 and 2 together.
    pub(crate) messages: usize,
    /// Of QoS 2.
    pub(crate) exactly_once: usize,
}

/// A new message, to be entered.
pub(crate) struct NewFlight<M> {
    pub(crate) packet_id: PacketId,
    pub(crate) token: Token,
    pub(crate) qos: QoS,
    pub(crate) message: Option<Box<M>>,
}

/// State of the sending side. Messages belong to the session; quota and subscribe requests to the
/// connection.
#[derive(Debug)]
pub(crate) struct Outbound<M = Stored> {
    requests: InFlight<Request<M>>,
    messages: usize,
    stored_bytes: usize,
    /// Memory of acknowledged messages, for the next ones: allocating on one thread what another
    /// frees is the costliest part of keeping a small message.
    #[allow(clippy::vec_box, reason = "the boxes go back into the table as they are")]
    spare: Vec<Box<M>>,
    next_order: u64,
    quota: usize,
    quota_max: usize,
    /// Messages of QoS 2 in flight that count against the quota, and how many may.
    exactly_once: usize,
    exactly_once_max: usize,
    /// Messages to be sent again as soon as the quota allows, in order.
    resend: VecDeque<PacketId>,
}

impl<M> Default for Outbound<M> {
    fn default() -> Self {
        Self {
            requests: InFlight::default(),
            messages: 0,
            stored_bytes: 0,
            spare: Vec::new(),
            next_order: 0,
            quota: 0,
            quota_max: 0,
            exactly_once: 0,
            exactly_once_max: 0,
            resend: VecDeque::new(),
        }
    }
}

impl<M: Kept> Outbound<M> {
    /// A connection begins; until the server has answered nothing may be sent.
    pub(crate) fn begin(&mut self) {
        self.quota = 0;
        self.quota_max = 0;
        self.exactly_once = 0;
        self.exactly_once_max = 0;
        self.resend.clear();
        for (_, request) in self.requests.iter_mut() {
            if let Request::Publish(flight) = request {
                flight.counted = false;
            }
        }
    }

    /// The server has answered: this many messages may be in flight.
    pub(crate) const fn set_quota(&mut self, quota: Quota) {
        self.quota = quota.messages;
        self.quota_max = quota.messages;
        self.exactly_once_max = quota.exactly_once;
    }

    /// Messages that await their acknowledgement.
    pub(crate) const fn messages(&self) -> usize {
        self.messages
    }

    /// Bytes kept for sending messages again.
    pub(crate) const fn stored_bytes(&self) -> usize {
        self.stored_bytes
    }

    /// Whether a new message may be sent: there is quota that no older message waits for.
    pub(crate) fn has_quota(&self, qos: QoS) -> bool {
        self.resend.is_empty() && self.has_quota_for(qos == QoS::ExactlyOnce)
    }

    fn has_quota_for(&self, exactly_once: bool) -> bool {
        self.quota > 0 && (!exactly_once || self.exactly_once < self.exactly_once_max)
    }

    /// Whether messages wait to be sent again and the first of them may be.
    pub(crate) fn may_resend(&self) -> bool {
        self.resend.front().is_some_and(|&id| match self.requests.get(id) {
            Some(Request::Publish(flight)) => self.has_quota_for(flight.is_exactly_once()),
            _ => true,
        })
    }

    fn take_quota(&mut self, exactly_once: bool) {
        self.quota = self.quota.saturating_sub(1);
        self.exactly_once += usize::from(exactly_once);
    }

    fn give_quota(&mut self, exactly_once: bool) {
        self.quota = (self.quota + 1).min(self.quota_max);
        self.exactly_once = self.exactly_once.saturating_sub(usize::from(exactly_once));
    }

    pub(crate) fn next_id(&self) -> Option<PacketId> {
        self.requests.next_id()
    }

    pub(crate) fn insert_publish(&mut self, new: NewFlight<M>) {
        let awaits =
            if new.qos == QoS::ExactlyOnce { Awaits::Receipt } else { Awaits::Acknowledgement };
        self.take_quota(new.qos == QoS::ExactlyOnce);
        self.messages += 1;
        self.stored_bytes += new.message.as_ref().map_or(0, |message| message.len());
        self.next_order += 1;
        let flight = Flight {
            token: Some(new.token),
            order: self.next_order,
            awaits,
            message: new.message,
            counted: true,
        };
        self.requests.insert(new.packet_id, Request::Publish(flight));
    }

    pub(crate) fn insert_subscribe(&mut self, id: PacketId, token: Token, filters: usize) {
        self.requests.insert(id, Request::Subscribe { token, filters });
    }

    pub(crate) fn insert_unsubscribe(&mut self, id: PacketId, token: Token, filters: usize) {
        self.requests.insert(id, Request::Unsubscribe { token, filters });
    }

    /// Memory to keep a message in.
    pub(crate) fn take_spare(&mut self) -> Box<M> {
        self.spare.pop().unwrap_or_default()
    }

    fn release(&mut self, message: Option<Box<M>>) {
        let Some(mut message) = message else { return };
        self.stored_bytes -= message.len();
        if self.spare.len() < SPARE_MAX && message.empty() {
            self.spare.push(message);
        }
    }

    fn remove_flight(&mut self, id: PacketId) -> Option<Flight<M>> {
        let Some(Request::Publish(_)) = self.requests.get(id) else { return None };
        let Some(Request::Publish(mut flight)) = self.requests.remove(id) else { return None };
        self.messages -= 1;
        self.release(flight.message.take());
        if flight.counted {
            self.give_quota(flight.is_exactly_once());
        }
        Some(flight)
    }

    /// Finds the message that an acknowledgement is for. `Ok(None)`: there is none.
    fn flight_for(&mut self, ack: &Ack<'_>) -> Result<Option<&mut Flight<M>>, ProtocolError> {
        let packet = ack.kind.packet_type();
        let packet_id = ack.packet_id;
        let wrong = |expected| Err(ProtocolError::WrongAck { packet, packet_id, expected });
        match self.requests.get_mut(packet_id) {
            None => Ok(None),
            Some(Request::Subscribe { .. }) => wrong(PacketType::SubAck),
            Some(Request::Unsubscribe { .. }) => wrong(PacketType::UnsubAck),
            Some(Request::Publish(flight)) => {
                let expected = flight.awaits.packet_type();
                // A repeated PUBREC is answered with PUBREL again, unless it refuses what was
                // accepted.
                let repeated = packet == PacketType::PubRec
                    && expected == PacketType::PubComp
                    && !ack.reason.is_error();
                if packet == expected || repeated { Ok(Some(flight)) } else { wrong(expected) }
            }
        }
    }

    pub(crate) fn puback(
        &mut self,
        ack: Ack<'_>,
    ) -> Result<Option<(Token, PublishOutcome)>, ProtocolError> {
        if self.flight_for(&ack)?.is_none() {
            return Ok(None);
        }
        let flight = self.remove_flight(ack.packet_id);
        Ok(flight.and_then(|flight| flight.token).map(|token| (token, outcome(ack))))
    }

    pub(crate) fn pubrec(&mut self, ack: Ack<'_>) -> Result<PubRecAction, ProtocolError> {
        let released = self.next_order + 1;
        let Some(flight) = self.flight_for(&ack)? else { return Ok(PubRecAction::Unknown) };
        if ack.reason.is_error() {
            let flight = self.remove_flight(ack.packet_id);
            return Ok(match flight.and_then(|flight| flight.token) {
                Some(token) => PubRecAction::Finished(token, outcome(ack)),
                None => PubRecAction::Nothing,
            });
        }
        match &mut flight.awaits {
            Awaits::Completion { probe, .. } => *probe = false,
            awaits => *awaits = Awaits::receipt_seen(released, ack.reason),
        }
        // The server has the message; only the identifier is needed from here on.
        let message = flight.message.take();
        self.release(message);
        self.next_order = released;
        Ok(PubRecAction::Release)
    }

    /// `has_reasons` says whether PUBCOMP can tell that the server did not know the message: before
    /// MQTT 5.0 it cannot.
    pub(crate) fn pubcomp(
        &mut self,
        ack: Ack<'_>,
        has_reasons: bool,
    ) -> Result<Option<(Token, PublishOutcome)>, ProtocolError> {
        let Some(flight) = self.flight_for(&ack)? else { return Ok(None) };
        let Awaits::Completion { probe, reason, .. } = flight.awaits else { return Ok(None) };
        let Some(flight) = self.remove_flight(ack.packet_id) else { return Ok(None) };
        let Some(token) = flight.token else { return Ok(None) };
        let arrived = has_reasons && ack.reason == ReasonCode::Success;
        let outcome = if probe && !arrived {
            PublishOutcome::Dropped(DropReason::StreamInterrupted)
        } else {
            // 0x92 after a resend means that the server had finished before the link broke; what
            // became of the message is told by PUBREC.
            let properties = ack.properties.into_owned();
            PublishOutcome::Acknowledged(AckDetail { reason, properties })
        };
        Ok(Some((token, outcome)))
    }

    /// Finds the SUBSCRIBE or UNSUBSCRIBE that an acknowledgement is for.
    pub(crate) fn complete_request(
        &mut self,
        packet: PacketType,
        packet_id: PacketId,
        reasons: Option<usize>,
    ) -> Result<Option<(Token, usize)>, ProtocolError> {
        let (token, expected) = match (self.requests.get(packet_id), packet) {
            (None, _) => return Ok(None),
            (Some(Request::Subscribe { token, filters }), PacketType::SubAck)
            | (Some(Request::Unsubscribe { token, filters }), PacketType::UnsubAck) => {
                (*token, *filters)
            }
            (Some(request), _) => {
                let expected = match request {
                    Request::Publish(flight) => flight.awaits.packet_type(),
                    Request::Subscribe { .. } => PacketType::SubAck,
                    Request::Unsubscribe { .. } => PacketType::UnsubAck,
                };
                return Err(ProtocolError::WrongAck { packet, packet_id, expected });
            }
        };
        if let Some(received) = reasons.filter(|received| *received != expected) {
            return Err(ProtocolError::AckCount { packet, expected, received });
        }
        self.requests.remove(packet_id);
        Ok(Some((token, expected)))
    }

    /// The connection is gone. Subscribe and unsubscribe requests are not part of the session:
    /// their tokens are returned. So are messages whose stream did not get through.
    pub(crate) fn end_connection(
        &mut self,
        open_stream: Option<PacketId>,
    ) -> (Vec<Token>, Vec<Token>) {
        let mut requests = Vec::new();
        let mut streams = Vec::new();
        let ids: Vec<PacketId> = self.requests.iter().map(|(id, _)| id).collect();
        for id in ids {
            match self.requests.get(id) {
                Some(Request::Subscribe { token, .. } | Request::Unsubscribe { token, .. }) => {
                    requests.push(*token);
                    self.requests.remove(id);
                }
                Some(Request::Publish(Flight { awaits, message: None, .. }))
                    if *awaits == Awaits::Acknowledgement || open_stream == Some(id) =>
                {
                    let flight = self.remove_flight(id);
                    streams.extend(flight.and_then(|flight| flight.token));
                }
                _ => {}
            }
        }
        (requests, streams)
    }

    /// The session goes on: every message is to be sent again in its original order, and what the
    /// server has confirmed with PUBREC is released again, in the order of those PUBRECs.
    /// Returns the identifiers to release at once.
    pub(crate) fn resume(&mut self) -> Vec<PacketId> {
        let mut releases = Vec::new();
        let mut messages = Vec::new();
        for (id, request) in self.requests.iter_mut() {
            let Request::Publish(flight) = request else { continue };
            if flight.awaits == Awaits::Receipt && flight.message.is_none() {
                let (released, reason) = (flight.order, ReasonCode::Success);
                flight.awaits = Awaits::Completion { released, probe: true, reason };
            }
            match flight.awaits {
                Awaits::Completion { released, .. } => releases.push((released, id)),
                Awaits::Acknowledgement | Awaits::Receipt => messages.push((flight.order, id)),
            }
        }
        releases.sort_unstable();
        messages.sort_unstable();
        self.resend = messages.into_iter().map(|(_, id)| id).collect();
        releases.into_iter().map(|(_, id)| id).collect()
    }

    /// The server has no session. What it confirmed with PUBREC has arrived; QoS 1 messages are
    /// published anew; a QoS 2 message may or may not have arrived and is given up.
    pub(crate) fn lose_session(&mut self) -> Vec<(Token, PublishOutcome)> {
        let mut outcomes = Vec::new();
        let mut again = Vec::new();
        let mut gone = Vec::new();
        for (id, request) in self.requests.iter_mut() {
            let Request::Publish(flight) = request else { continue };
            let outcome = match (flight.awaits, &mut flight.message) {
                (Awaits::Acknowledgement, Some(message)) => {
                    message.forget_sent();
                    again.push((flight.order, id));
                    continue;
                }
                (Awaits::Completion { probe: false, reason, .. }, _) => {
                    let properties = Properties::new();
                    PublishOutcome::Acknowledged(AckDetail { reason, properties })
                }
                (_, Some(_)) => PublishOutcome::Dropped(DropReason::SessionLost),
                (_, None) => PublishOutcome::Dropped(DropReason::StreamInterrupted),
            };
            outcomes.extend(flight.token.map(|token| (token, outcome)));
            gone.push(id);
        }
        for id in gone {
            self.remove_flight(id);
        }
        again.sort_unstable();
        self.resend = again.into_iter().map(|(_, id)| id).collect();
        outcomes
    }

    /// Appends as many messages as the quota allows, and says how many. What the server no longer
    /// takes is given up.
    pub(crate) fn resend(
        &mut self,
        now: Time,
        receiver: &M::Receiver,
        out: &mut OutBuffer,
    ) -> (u64, Vec<(Token, PublishOutcome)>) {
        let (mut sent, mut outcomes) = (0, Vec::new());
        while self.may_resend()
            && let Some(id) = self.resend.pop_front()
        {
            let Some(Request::Publish(flight)) = self.requests.get_mut(id) else { continue };
            let Some(message) = &mut flight.message else { continue };
            if let Err(limit) = message.check(receiver) {
                let dropped = PublishOutcome::Dropped(DropReason::Limit(limit));
                outcomes.extend(flight.token.take().map(|token| (token, dropped)));
                self.give_up(id, out);
                continue;
            }
            message.write(id, receiver, now, out);
            flight.counted = true;
            let exactly_once = flight.is_exactly_once();
            self.take_quota(exactly_once);
            sent += 1;
        }
        (sent, outcomes)
    }

    /// Stops trying. At QoS 2 the server may hold the identifier, which only PUBREL frees: a new
    /// message with it would be taken for a repetition.
    fn give_up(&mut self, id: PacketId, out: &mut OutBuffer) {
        let next = self.next_order + 1;
        let Some(Request::Publish(flight)) = self.requests.get_mut(id) else { return };
        if flight.awaits == Awaits::Acknowledgement {
            self.remove_flight(id);
            return;
        }
        flight.awaits = Awaits::receipt_seen(next, ReasonCode::Success);
        self.next_order = next;
        let message = flight.message.take();
        self.release(message);
        put_release(id, out);
    }

    /// Every message in flight, in order: what a caller gets back who gives up on the session.
    pub(crate) fn unacknowledged(&self) -> Vec<(Token, Option<&M>)> {
        let mut flights: Vec<_> = self
            .requests
            .iter()
            .filter_map(|(_, request)| match request {
                Request::Publish(flight) => {
                    flight.token.map(|token| (flight.order, token, flight.message.as_deref()))
                }
                _ => None,
            })
            .collect();
        flights.sort_unstable_by_key(|(order, ..)| *order);
        flights.into_iter().map(|(_, token, message)| (token, message)).collect()
    }
}

fn outcome(ack: Ack<'_>) -> PublishOutcome {
    let refused = ack.reason.is_error();
    let detail = AckDetail::from_ack(ack);
    if refused { PublishOutcome::Refused(detail) } else { PublishOutcome::Acknowledged(detail) }
}

/// Appends a PUBREL, which always fits: nobody can announce a maximum below four bytes and connect.
pub(crate) fn put_release(id: PacketId, out: &mut OutBuffer) {
    let ack = Ack::new(AckKind::PubRel, id);
    let _ = ack.encode(crate::codec::Version::V5, usize::MAX, out.inline_mut());
}
