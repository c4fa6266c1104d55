//! What the client sends.

use super::{
    Goodbye, Phase, ServerConnection, ServerEvent, SubscribeReceived, UnsubscribeReceived,
};
use crate::codec::topic::Filter;
use crate::codec::{
    Ack, AckKind, Disconnect, Frame, Packet, PacketType, PropertyId, PublishHead, QoS, ReasonCode,
    Sender, Subscribe, Version, frame,
};
use crate::proto::inbound::Receipt;
use crate::proto::outbound::PubRecAction;
use crate::proto::{IncomingMessage, ProtocolError, Time, Topic};

impl ServerConnection {
    /// Takes bytes from the client, however they are split, and says how many were used. The rest
    /// is the beginning of a packet, or is not handled [now](Self::takes_input): the next input
    /// starts with it.
    ///
    /// What the packets say is then to be had from [`poll_event`](Self::poll_event), messages as
    /// places in `input`. After an error of the client's the rest of the input is thrown away.
    pub fn handle_input(&mut self, now: Time, input: &[u8]) -> usize {
        let mut at = 0;
        while let Some(used) = self.handle_some(now, input, at) {
            at += used;
        }
        at
    }

    /// Takes input from `at` on, up to a packet whose answer may be large, and says how many bytes
    /// were used; `None` for none.
    pub(crate) fn handle_some(&mut self, now: Time, input: &[u8], start: usize) -> Option<usize> {
        self.now = now;
        let waiting = input.len() - start;
        if waiting > std::mem::replace(&mut self.unused, waiting) {
            // What only comes again is no sign of life [MQTT-3.1.2-22].
            self.last_received = now;
        }
        let mut at = start;
        while let Some(rest) = input.get(at..).filter(|rest| !rest.is_empty()) {
            if self.phase == Phase::Closing {
                at = input.len();
                break;
            }
            if !self.takes_input() {
                break;
            }
            match self.handle_packet(rest, at) {
                Ok(0) => break,
                Ok(used) => at += used,
                Err(error) => self.fail(error),
            }
            if matches!(self.events.back(), Some(ServerEvent::Subscribe(_))) {
                break;
            }
        }
        self.unused = input.len() - at;
        (at > start).then(|| at - start)
    }

    /// Handles what `rest` begins with and says how long it is; 0 if it is not all there.
    fn handle_packet(&mut self, rest: &[u8], at: usize) -> Result<usize, ProtocolError> {
        let packet_max = self.config.maximum_packet_size;
        // The version is not known before CONNECT; MQTT 3.1 has the fewest rules for its header.
        let waiting = self.phase == Phase::Waiting;
        let version = if waiting { Version::V3_1 } else { self.version };
        let Some(header) = frame::parse_header(rest, version, packet_max)? else {
            return Ok(0);
        };
        self.expect(header.packet_type)?;
        let Some(body) = rest.get(header.header_len..header.len) else { return Ok(0) };
        self.packets_received += 1;
        if self.config.record_frames {
            self.frames.push(at..at + header.len);
        }
        match header.packet_type {
            PacketType::Connect => self.receive_connect(&header, body)?,
            PacketType::Publish => {
                let head = PublishHead::decode(header.flags, body, self.version)?;
                self.receive_publish(&head, body, at + header.header_len)?;
            }
            packet_type => {
                let (flags, len) = (header.flags, header.len);
                self.receive_control(&Frame { packet_type, flags, body, len })?;
            }
        }
        Ok(header.len)
    }

    /// Whether such a packet may come now; looked at before its body is awaited.
    fn expect(&self, packet: PacketType) -> Result<(), ProtocolError> {
        let when = match (self.phase, packet) {
            (Phase::Waiting, PacketType::Connect) => return Ok(()),
            (Phase::Waiting, _) => "before CONNECT [MQTT-3.1.0-1]",
            (
                _,
                PacketType::ConnAck
                | PacketType::SubAck
                | PacketType::UnsubAck
                | PacketType::PingResp,
            ) => "which only servers send",
            (
                Phase::Connecting { .. },
                PacketType::Auth | PacketType::Disconnect | PacketType::Connect,
            ) => {
                return Ok(());
            }
            (Phase::Connecting { .. }, _) => "before its authentication was over [MQTT-3.1.2-30]",
            _ => return Ok(()),
        };
        Err(ProtocolError::Unexpected { packet, when })
    }

    fn receive_control(&mut self, frame: &Frame<'_>) -> Result<(), ProtocolError> {
        if let Some(kind) = AckKind::from_packet_type(frame.packet_type) {
            return self.receive_ack(Ack::decode(kind, frame.body, self.version)?);
        }
        match Packet::decode(frame, self.version)? {
            Packet::Subscribe(subscribe) => self.receive_subscribe(&subscribe),
            Packet::Unsubscribe(unsubscribe) => {
                let filters = unsubscribe.filters.iter().take(self.filters_max());
                self.events.push_back(ServerEvent::Unsubscribe(Box::new(UnsubscribeReceived {
                    packet_id: unsubscribe.packet_id,
                    filters: filters.map(|filter| (*filter).to_owned()).collect(),
                    excess: unsubscribe.filters.len().saturating_sub(self.filters_max()),
                })));
                Ok(())
            }
            Packet::PingReq => {
                if !self.ignores_pings {
                    self.put(&Packet::PingResp);
                }
                Ok(())
            }
            Packet::Disconnect(disconnect) => self.receive_disconnect(disconnect),
            Packet::Auth(auth) => self.receive_auth(auth),
            Packet::Connect(_)
            | Packet::ConnAck(_)
            | Packet::Publish(_)
            | Packet::Ack(_)
            | Packet::SubAck(_)
            | Packet::UnsubAck(_)
            | Packet::PingResp => {
                let packet = frame.packet_type;
                Err(ProtocolError::Unexpected { packet, when: "out of place" })
            }
        }
    }

    fn receive_publish(
        &mut self,
        head: &PublishHead,
        body: &[u8],
        body_at: usize,
    ) -> Result<(), ProtocolError> {
        self.check_offered(head, body)?;
        let topic = match head.topic_alias {
            None => Topic::Here(place(body_at, head.topic.start, head.topic.end)),
            Some(alias) => {
                let name = body.get(head.topic.clone()).unwrap_or_default();
                Topic::Alias(self.aliases_in.resolve(alias, name)?)
            }
        };
        let ack = match self.session.inbound.receive(head.qos, head.packet_id) {
            Receipt::TooMany => {
                let maximum = self.session.inbound.receive_maximum();
                return Err(ProtocolError::ReceiveMaximum { maximum });
            }
            Receipt::Duplicate => {
                self.send_acks();
                return Ok(());
            }
            Receipt::Deliver(ack) => ack,
        };
        self.events.push_back(ServerEvent::Publish(IncomingMessage {
            topic,
            properties: place(body_at, head.properties.start, head.properties.end),
            payload: place(body_at, head.payload, body.len()),
            streamed_len: None,
            dup: head.dup,
            qos: head.qos,
            retain: head.retain,
            ack,
        }));
        Ok(())
    }

    fn check_offered(&self, head: &PublishHead, body: &[u8]) -> Result<(), ProtocolError> {
        let not_offered = |what, reason| {
            Err(ProtocolError::NotOffered { packet: PacketType::Publish, what, reason })
        };
        if head.qos > self.config.maximum_qos {
            return not_offered("a QoS above the maximum", ReasonCode::QoSNotSupported);
        }
        if head.retain && !self.config.retain_available {
            return not_offered("RETAIN", ReasonCode::RetainNotSupported);
        }
        if head.properties.is_empty() {
            return Ok(());
        }
        let wire = body.get(head.properties.clone()).unwrap_or_default();
        let properties = crate::codec::Properties::from_checked(wire);
        if properties.get(PropertyId::SubscriptionIdentifier).is_some() {
            let what = "a subscription identifier [MQTT-3.3.4-6]";
            return Err(ProtocolError::Forbidden { packet: PacketType::Publish, what });
        }
        Ok(())
    }

    fn receive_subscribe(&mut self, subscribe: &Subscribe<'_>) -> Result<(), ProtocolError> {
        let not_offered = |what, reason| {
            Err(ProtocolError::NotOffered { packet: PacketType::Subscribe, what, reason })
        };
        let config = &self.config;
        let has_id = subscribe.properties.get(PropertyId::SubscriptionIdentifier).is_some();
        if has_id && !config.subscription_id_available {
            let reason = ReasonCode::SubscriptionIdsNotSupported;
            return not_offered("a subscription identifier", reason);
        }
        if self.version.is_v5() {
            let filters = || subscribe.filters.iter().filter_map(|f| Filter::parse(f.filter).ok());
            if !config.shared_subscription_available && filters().any(|f| f.share_name().is_some())
            {
                let reason = ReasonCode::SharedSubscriptionsNotSupported;
                return not_offered("a shared subscription", reason);
            }
            if !config.wildcard_subscription_available && filters().any(|f| f.has_wildcard()) {
                let reason = ReasonCode::WildcardSubscriptionsNotSupported;
                return not_offered("a wildcard", reason);
            }
        }
        let filters = subscribe.filters.iter().take(self.filters_max());
        self.events.push_back(ServerEvent::Subscribe(Box::new(SubscribeReceived {
            packet_id: subscribe.packet_id,
            filters: filters.map(|one| (one.filter.to_owned(), one.options)).collect(),
            excess: subscribe.filters.len().saturating_sub(self.filters_max()),
            properties: subscribe.properties.clone().into_owned(),
        })));
        Ok(())
    }

    fn filters_max(&self) -> usize {
        self.config.filters_max.max(1)
    }

    fn receive_ack(&mut self, ack: Ack<'_>) -> Result<(), ProtocolError> {
        let packet_id = ack.packet_id;
        match ack.kind {
            AckKind::PubAck => {
                self.session.outbound.puback(ack)?;
            }
            AckKind::PubComp => {
                let has_reasons = self.version.is_v5();
                self.session.outbound.pubcomp(ack, has_reasons)?;
            }
            AckKind::PubRec => match self.session.outbound.pubrec(ack)? {
                PubRecAction::Release => {
                    self.put_ack(AckKind::PubRel, packet_id, ReasonCode::Success);
                    return Ok(());
                }
                PubRecAction::Unknown => {
                    self.put_ack(AckKind::PubRel, packet_id, ReasonCode::PacketIdNotFound);
                    return Ok(());
                }
                PubRecAction::Finished(..) | PubRecAction::Nothing => {}
            },
            AckKind::PubRel => {
                let known = self.session.inbound.release(packet_id);
                let reason = if known { ReasonCode::Success } else { ReasonCode::PacketIdNotFound };
                self.put_ack(AckKind::PubComp, packet_id, reason);
                return Ok(());
            }
        }
        self.resend();
        if !matches!(self.events.back(), Some(ServerEvent::Released)) {
            self.events.push_back(ServerEvent::Released);
        }
        Ok(())
    }

    fn receive_disconnect(&mut self, packet: Disconnect<'_>) -> Result<(), ProtocolError> {
        let packet_type = PacketType::Disconnect;
        let session_expiry = packet.properties.number(PropertyId::SessionExpiryInterval);
        if session_expiry.is_some_and(|seconds| seconds > 0)
            && self.client.session_expiry_asked == 0
        {
            let what = "a session expiry interval, which was 0 before";
            return Err(ProtocolError::Forbidden { packet: packet_type, what });
        }
        if !packet.reason.is_allowed(packet_type, Sender::Client) {
            let reason = packet.reason;
            return Err(ProtocolError::Reason { packet: packet_type, reason });
        }
        let session_expiry = session_expiry.map(|s| s.min(self.config.session_expiry_max));
        if let Some(seconds) = session_expiry {
            self.client.session_expiry = seconds;
        }
        self.phase = Phase::Closing;
        // The client has stopped listening.
        self.out.reset(0);
        self.events.push_back(ServerEvent::Disconnected(Box::new(Goodbye {
            reason: packet.reason,
            session_expiry,
            properties: packet.properties.into_owned(),
        })));
        Ok(())
    }

    /// Whether such a message could be sent now: QoS 0 always, QoS 1 and 2 within the quota.
    #[must_use]
    pub fn has_quota(&self, qos: QoS) -> bool {
        qos == QoS::AtMostOnce || self.session.outbound.has_quota(qos)
    }
}

/// A part of a body that begins at `base`, as a place in the input.
fn place(base: usize, start: usize, end: usize) -> std::ops::Range<u32> {
    let at = |offset: usize| u32::try_from(base + offset).unwrap_or(u32::MAX);
    at(start)..at(end)
}
