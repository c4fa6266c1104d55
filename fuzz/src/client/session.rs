//! What should be in flight, by the rules of sections 4.3 and 4.4, kept beside the client.

use std::collections::{BTreeMap, BTreeSet};

use mqttlink::codec::{Ack, AckKind, PacketId, QoS, ReasonCode};
use mqttlink::proto::{DropReason, PublishOutcome, Token};

/// A message of QoS 1 or 2 that the client has accepted.
#[derive(Debug, Clone)]
pub struct Flight {
    /// `None` once its outcome has been reported.
    pub token: Option<Token>,
    pub qos: QoS,
    pub retain: bool,
    pub topic: String,
    pub payload: Vec<u8>,
    /// Place in the order in which messages were accepted.
    pub order: u64,
    /// On which connection it was accepted.
    pub connection: u32,
    /// Whether the next copy on another connection carries DUP; `None` where that cannot be known.
    pub sent: Option<bool>,
    /// Whether the payload was a stream, which cannot be sent again.
    pub streamed: bool,
    pub stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// PUBACK or PUBREC is awaited.
    Publish,
    /// PUBCOMP is awaited. A probe has seen no PUBREC: PUBCOMP will tell.
    Release { probe: bool },
}

#[derive(Debug, Clone)]
pub enum Use {
    Message(Flight),
    Subscribe { token: Token, filters: usize },
    Unsubscribe { token: Token, filters: usize },
}

/// The outcome that a message must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Acknowledged,
    Refused,
    SessionLost,
    StreamInterrupted,
}

/// What an acknowledgement from the server means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Fits,
    /// Nothing with this identifier is in flight.
    Unknown,
    /// It does not fit what is in flight: the client has to end the connection.
    Wrong,
}

#[derive(Debug, Default)]
pub struct Session {
    pub ids: BTreeMap<u16, Use>,
    /// QoS 2 identifiers of the server that were delivered and not released.
    pub received: BTreeSet<u16>,
    /// Those among them that the application has refused: they are free as soon as PUBREC is sent.
    pub refused: BTreeSet<u16>,
    /// Those among them that the application may have let go of: it is given them again, but not on
    /// the same connection.
    pub left: BTreeSet<u16>,
    /// Outcomes that must be reported before the next step.
    pub due: BTreeMap<Token, Expected>,
    /// SUBSCRIBE and UNSUBSCRIBE requests that must be reported, answered or not.
    pub requests_due: BTreeSet<Token>,
    /// Whose session it is.
    client_id: Option<String>,
    orders: u64,
}

impl Session {
    pub fn next_order(&mut self) -> u64 {
        self.orders += 1;
        self.orders
    }

    /// Enters a request. No identifier is given twice while it is in flight.
    pub fn insert(&mut self, id: PacketId, new: Use) {
        let before = self.ids.insert(id.get(), new);
        assert!(before.is_none(), "packet identifier {id} is in flight: {before:?}");
    }

    pub fn flight(&self, id: PacketId) -> Option<&Flight> {
        match self.ids.get(&id.get())? {
            Use::Message(flight) => Some(flight),
            _ => None,
        }
    }

    pub fn flight_mut(&mut self, id: PacketId) -> Option<&mut Flight> {
        match self.ids.get_mut(&id.get())? {
            Use::Message(flight) => Some(flight),
            _ => None,
        }
    }

    pub fn flights(&self) -> impl Iterator<Item = &Flight> {
        self.ids.values().filter_map(|found| match found {
            Use::Message(flight) => Some(flight),
            _ => None,
        })
    }

    pub fn flight_of(&mut self, token: Token) -> Option<(PacketId, &mut Flight)> {
        self.ids.iter_mut().find_map(|(id, found)| match found {
            Use::Message(flight) if flight.token == Some(token) => {
                Some((PacketId::new(*id)?, flight))
            }
            _ => None,
        })
    }

    /// What a PUBACK, PUBREC or PUBCOMP means now.
    pub fn judge(&self, ack: &Ack<'_>) -> Verdict {
        let flight = match self.ids.get(&ack.packet_id.get()) {
            None => return Verdict::Unknown,
            Some(Use::Message(flight)) => flight,
            Some(_) => return Verdict::Wrong,
        };
        let fits = match (ack.kind, flight.stage) {
            (AckKind::PubAck, Stage::Publish) => flight.qos == QoS::AtLeastOnce,
            (AckKind::PubRec, Stage::Publish) => flight.qos == QoS::ExactlyOnce,
            (AckKind::PubRec, Stage::Release { .. }) => !ack.reason.is_error(),
            (AckKind::PubComp, Stage::Release { .. }) => true,
            _ => false,
        };
        if fits { Verdict::Fits } else { Verdict::Wrong }
    }

    /// The client has taken an acknowledgement that fits. `has_reasons` says whether the version
    /// lets it tell that there was no such message.
    pub fn acknowledged(&mut self, ack: &Ack<'_>, has_reasons: bool) {
        let Some(flight) = self.flight_mut(ack.packet_id) else { return };
        let refused = ack.reason.is_error();
        let expected = match (ack.kind, flight.stage) {
            (AckKind::PubRec, _) if !refused => {
                flight.stage = Stage::Release { probe: false };
                return;
            }
            (AckKind::PubComp, Stage::Release { probe: true })
                if ack.reason != ReasonCode::Success || !has_reasons =>
            {
                Expected::StreamInterrupted
            }
            (AckKind::PubComp, _) => Expected::Acknowledged,
            _ if refused => Expected::Refused,
            _ => Expected::Acknowledged,
        };
        self.end(ack.packet_id.get(), expected);
    }

    fn end(&mut self, id: u16, expected: Expected) {
        if let Some(Use::Message(Flight { token: Some(token), .. })) = self.ids.remove(&id) {
            self.due.insert(token, expected);
        }
    }

    /// The connection is gone. `behind_stream` says that packets waited behind an open payload,
    /// `open` is the message whose payload it was, if that has an identifier.
    pub fn disconnected(&mut self, behind_stream: bool, open: Option<PacketId>) {
        let ids: Vec<u16> = self.ids.keys().copied().collect();
        for id in ids {
            match &self.ids[&id] {
                Use::Subscribe { token, .. } | Use::Unsubscribe { token, .. } => {
                    self.requests_due.insert(*token);
                    self.ids.remove(&id);
                }
                Use::Message(flight) if flight.streamed => {
                    let unconfirmed = flight.stage == Stage::Publish;
                    let once = unconfirmed && flight.qos == QoS::AtLeastOnce;
                    // Even if the server has confirmed what it cannot have.
                    if once || open.is_some_and(|open| open.get() == id) {
                        self.end(id, Expected::StreamInterrupted);
                    }
                }
                Use::Message(_) => {}
            }
        }
        for found in self.ids.values_mut() {
            // It may have been written behind the open payload, where nobody has seen it.
            if let Use::Message(flight) = found
                && behind_stream
                && flight.sent == Some(false)
            {
                flight.sent = None;
            }
        }
    }

    /// A connection with this client identifier is up. Says whether the session is the same.
    pub fn enter(&mut self, client_id: &str) -> bool {
        let before = self.client_id.replace(client_id.to_owned());
        before.is_none_or(|before| before == client_id)
    }

    /// The server goes on with the session.
    pub fn resumed(&mut self) {
        for found in self.ids.values_mut() {
            if let Use::Message(flight) = found
                && flight.streamed
                && flight.stage == Stage::Publish
            {
                flight.stage = Stage::Release { probe: true };
            }
        }
    }

    /// The server has no session.
    pub fn lost(&mut self) {
        self.received.clear();
        self.refused.clear();
        self.left.clear();
        let ids: Vec<u16> = self.ids.keys().copied().collect();
        for id in ids {
            let Some(Use::Message(flight)) = self.ids.get_mut(&id) else { continue };
            let expected = match flight.stage {
                Stage::Release { probe: false } => Expected::Acknowledged,
                Stage::Release { probe: true } => Expected::StreamInterrupted,
                Stage::Publish if flight.streamed => Expected::StreamInterrupted,
                Stage::Publish if flight.qos == QoS::ExactlyOnce => Expected::SessionLost,
                Stage::Publish => {
                    flight.sent = Some(false);
                    continue;
                }
            };
            self.end(id, expected);
        }
    }

    /// The client has reported what became of a message: once, and as it must be.
    pub fn reported(&mut self, token: Token, outcome: &PublishOutcome) {
        if matches!(outcome, PublishOutcome::Dropped(DropReason::Limit(_))) {
            return self.given_up(token);
        }
        let expected = self.due.remove(&token);
        let found = match outcome {
            PublishOutcome::Acknowledged(detail) if !detail.reason.is_error() => {
                Some(Expected::Acknowledged)
            }
            PublishOutcome::Refused(detail) if detail.reason.is_error() => Some(Expected::Refused),
            PublishOutcome::Dropped(DropReason::SessionLost) => Some(Expected::SessionLost),
            PublishOutcome::Dropped(DropReason::StreamInterrupted) => {
                Some(Expected::StreamInterrupted)
            }
            _ => None,
        };
        assert_eq!(found, expected, "{token:?} came to {outcome:?}");
    }

    /// A message that was to be sent again exceeds what the server takes now.
    fn given_up(&mut self, token: Token) {
        let (id, flight) = self.flight_of(token).expect("a message in flight");
        assert_eq!(flight.stage, Stage::Publish);
        flight.token = None;
        flight.stage = Stage::Release { probe: false };
        if flight.qos == QoS::AtLeastOnce {
            self.ids.remove(&id.get());
        }
    }
}
