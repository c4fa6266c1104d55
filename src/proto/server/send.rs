//! What the server sends.

use super::{Outgoing, Phase, ServerConnection};
use crate::codec::{
    Ack, AckKind, Packet, PacketId, Properties, PropertyId, QoS, ReasonCode, Sender, SubAck,
    UnsubAck, Version,
};
use crate::proto::outbound::NewFlight;
use crate::proto::{AckOutcome, AckToken, Time, Token};

/// What became of a message that was to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It is in the outgoing buffer.
    Queued,
    /// The client does not take a packet of that size; the message counts as delivered
    /// [MQTT-3.1.2-25].
    TooLarge,
    /// As many messages are in flight as the client takes, or it is not connected.
    NotNow,
}

impl ServerConnection {
    /// Queues a message.
    pub fn publish(&mut self, now: Time, message: &Outgoing) -> Sent {
        if self.phase != Phase::Connected || !self.has_quota(message.qos()) {
            return Sent::NotNow;
        }
        let receiver = self.receiver();
        if !message.fits(&receiver) {
            return Sent::TooLarge;
        }
        let id = match message.qos() {
            QoS::AtMostOnce => None,
            _ => match self.session.outbound.next_id() {
                None => return Sent::NotNow,
                id => id,
            },
        };
        let alias = message
            .publication()
            .and_then(|publication| self.aliases_out.assign(publication.topic()));
        self.packets_sent += 1;
        let used = message.put(id, &receiver, alias, now, self.out.buffer());
        if let (Some(used), Some(publication)) = (used, message.publication()) {
            self.aliases_out.commit(publication.topic(), used);
        }
        if let Some(packet_id) = id {
            let mut kept = self.session.outbound.take_spare();
            (*kept).clone_from(message);
            kept.mark_sent();
            let (token, qos, message) = (Token(0), message.qos(), Some(kept));
            self.session.outbound.insert_publish(NewFlight { packet_id, token, qos, message });
        }
        Sent::Queued
    }

    /// The server is done with a message: PUBACK or PUBREC is sent when its turn has come. Before
    /// MQTT 5.0 every outcome is success; in it, a reason that these packets do not have becomes
    /// "unspecified error", or success if it is none.
    pub fn acknowledge(&mut self, token: AckToken, outcome: AckOutcome) {
        let mut outcome = outcome.expressible(self.version, Sender::Server);
        if !self.client.problem_information {
            outcome.properties = Properties::new();
        }
        if self.session.inbound.acknowledge(token, outcome) {
            self.send_acks();
        }
    }

    /// Answers a SUBSCRIBE: one reason for each filter, in order. In MQTT 3.1.1 every failure is 0x80;
    /// MQTT 3.1 has none, and its client is granted QoS 0. The properties are reason string and user
    /// properties.
    pub fn suback(
        &mut self,
        packet_id: PacketId,
        mut reasons: Vec<ReasonCode>,
        properties: Properties<'_>,
    ) {
        let failure = match self.version {
            Version::V3_1 => Some(ReasonCode::Success),
            Version::V3_1_1 => Some(ReasonCode::UnspecifiedError),
            Version::V5 => None,
        };
        if let Some(failure) = failure {
            reasons.iter_mut().filter(|reason| reason.is_error()).for_each(|one| *one = failure);
        }
        let properties = self.diagnostics(properties);
        self.put(&Packet::SubAck(SubAck { packet_id, properties, reasons }));
    }

    /// Answers an UNSUBSCRIBE: one reason for each filter, in order.
    pub fn unsuback(&mut self, packet_id: PacketId, reasons: Vec<ReasonCode>) {
        let properties = Properties::new();
        self.put(&Packet::UnsubAck(UnsubAck { packet_id, properties, reasons }));
    }

    /// Ends the connection once what is queued has been written. In MQTT 5.0 the client is told
    /// why: with DISCONNECT or, if it is not accepted yet, with CONNACK. A reason that DISCONNECT
    /// does not have becomes "unspecified error", or "administrative action" if it is no error.
    pub fn disconnect(&mut self, reason: ReasonCode, properties: Properties<'_>) {
        match self.phase {
            Phase::Closing => return,
            Phase::Connected => self.put_disconnect(reason, properties),
            Phase::Connecting { .. } => self.refuse(reason, properties),
            Phase::Waiting => {}
        }
        self.phase = Phase::Closing;
    }

    /// Acknowledgements whose turn has come.
    pub(super) fn send_acks(&mut self) {
        while let Some(ack) = self.session.inbound.poll_ack() {
            self.put(&Packet::Ack(ack));
        }
    }

    /// Messages that are to be sent again, as far as the quota allows.
    pub(super) fn resend(&mut self) {
        if self.session.outbound.may_resend() {
            let receiver = self.receiver();
            // What no longer fits counts as delivered.
            let (sent, _) = self.session.outbound.resend(self.now, &receiver, self.out.buffer());
            self.packets_sent += sent;
        }
    }

    pub(super) fn put_ack(&mut self, kind: AckKind, packet_id: PacketId, reason: ReasonCode) {
        self.put(&Packet::Ack(Ack { reason, ..Ack::new(kind, packet_id) }));
    }

    pub(super) fn put(&mut self, packet: &Packet<'_>) {
        if matches!(self.phase, Phase::Closing) {
            return;
        }
        self.packets_sent += 1;
        let before = self.queued_bytes();
        let out = self.out.buffer().inline_mut();
        // What the client does not take for its size cannot be said.
        let _ = packet.encode(self.version, self.client.packet_max, out);
        self.owe_since(before);
    }

    /// Reason string and user properties, unless the client has asked to leave them out
    /// [MQTT-3.1.2-29], or its version has none.
    pub(super) fn diagnostics<'a>(&self, properties: Properties<'a>) -> Properties<'a> {
        if !self.version.is_v5() {
            return Properties::new();
        }
        if self.client.problem_information {
            return properties;
        }
        let mut rest = properties;
        rest.remove(PropertyId::ReasonString);
        rest.remove(PropertyId::UserProperty);
        rest
    }
}
