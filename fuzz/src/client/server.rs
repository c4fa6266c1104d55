//! What the server sends: mostly what it may, often what it may not.

use mqttlink::codec::{
    Ack, AckKind, ConnAck, Packet, PacketId, PacketType, PropertyId, Publish, QoS, ReasonCode,
    Sender, SubAck, UnsubAck, Version, frame,
};
use mqttlink::proto::Incoming;

use super::super::generate;
use super::World;
use super::session::{Stage, Use, Verdict};

impl World<'_> {
    pub(super) fn server(&mut self) {
        let choice = self.source.below(20);
        let packet = match choice {
            0..=1 => Packet::ConnAck(self.connack()),
            2..=8 => match self.next_answer() {
                Some(packet) => packet,
                None => Packet::ConnAck(self.connack()),
            },
            9..=13 => Packet::Publish(generate::publish(&mut self.source, self.version)),
            14 => generate::packet_of(
                &mut self.source,
                PacketType::PubRel,
                self.version,
                &[Sender::Server],
            ),
            15..=16 => generate::from_server(&mut self.source, self.version),
            17 => Packet::PingResp,
            _ => return self.noise(),
        };
        let mut bytes = Vec::new();
        packet.encode(self.version, frame::MAX_PACKET_SIZE, &mut bytes).expect("a valid packet");
        if self.source.rarely(32) {
            let at = self.source.below(bytes.len().min(65_536));
            bytes[at] = self.source.byte();
        }
        self.feed_all(&bytes);
    }

    /// Bytes that are hardly ever a packet.
    fn noise(&mut self) {
        if self.source.rarely(8) {
            let len = self.source.below(24);
            let bytes = self.source.bytes(len).to_vec();
            self.feed_all(&bytes);
        }
    }

    fn connack(&mut self) -> ConnAck<'static> {
        let refused = self.source.rarely(16);
        let success = ReasonCode::Success;
        let reason = if refused { ReasonCode::NotAuthorized } else { success };
        let mut properties =
            generate::properties(&mut self.source, PacketType::ConnAck, self.version);
        if !self.source.rarely(16) {
            properties.remove(PropertyId::AuthenticationMethod);
            properties.remove(PropertyId::AuthenticationData);
            if let Some(method) = &self.options.authentication_method {
                properties.set_text(PropertyId::AuthenticationMethod, method).expect("short");
            }
        }
        let present = self.source.flag() && self.version != Version::V3_1;
        let session_present = present && (!self.options.clean_start || self.source.rarely(16));
        ConnAck { session_present, reason, properties }
    }

    /// The answer that one of the requests in flight is waiting for.
    fn next_answer(&mut self) -> Option<Packet<'static>> {
        let ids: Vec<u16> = self.session.ids.keys().copied().collect();
        if ids.is_empty() {
            return None;
        }
        let id = self.source.pick(&ids[..ids.len().min(256)]);
        let packet_id = PacketId::new(id)?;
        let properties = mqttlink::codec::Properties::new();
        let (packet_type, count) = match &self.session.ids[&id] {
            Use::Message(flight) => match (flight.stage, flight.qos) {
                (Stage::Release { .. }, _) => (PacketType::PubComp, 0),
                (_, QoS::ExactlyOnce) => (PacketType::PubRec, 0),
                _ => (PacketType::PubAck, 0),
            },
            Use::Subscribe { filters, .. } => (PacketType::SubAck, *filters),
            Use::Unsubscribe { filters, .. } => (PacketType::UnsubAck, *filters),
        };
        let senders = [Sender::Server];
        let packet = generate::packet_of(&mut self.source, packet_type, self.version, &senders);
        let v5 = self.version.is_v5();
        let reasons = vec![
            ReasonCode::Success;
            if v5 || packet_type == PacketType::SubAck { count } else { 0 }
        ];
        Some(match packet {
            Packet::Ack(Ack { kind, reason, .. }) => {
                // Most are accepted, or the flows would hardly ever come to their end.
                let refuse = kind != AckKind::PubComp && !self.source.rarely(4);
                let reason = if refuse { ReasonCode::Success } else { reason };
                Packet::Ack(Ack { kind, packet_id, reason, properties })
            }
            Packet::SubAck(_) => Packet::SubAck(SubAck { packet_id, properties, reasons }),
            _ => Packet::UnsubAck(UnsubAck { packet_id, properties, reasons }),
        })
    }

    /// Feeds bytes one packet at a time, so that the model can follow.
    fn feed_all(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let whole = frame::parse(rest, self.version, frame::MAX_PACKET_SIZE).ok().flatten();
            let len = whole.map_or(rest.len(), |whole| whole.len);
            self.feed(&rest[..len]);
            rest = &rest[len..];
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        if !self.open {
            assert_eq!(self.client.handle_input(self.now, bytes), bytes.len(), "nobody reads it");
            return;
        }
        let packet = frame::parse(bytes, self.version, frame::MAX_PACKET_SIZE)
            .ok()
            .flatten()
            .and_then(|found| Packet::decode(&found, self.version).ok());
        let packet = packet.as_ref();
        let cut = if self.source.rarely(4) { self.source.below(bytes.len().min(256)) } else { 0 };
        let (mut used, mut noted) = (0, false);
        if cut > 0 {
            used = self.input(&bytes[..cut], packet, &mut noted);
            if self.source.flag() {
                self.application();
            }
            if self.source.rarely(16) {
                return self.disconnect();
            }
        }
        let overtaken = self.catch_up(packet);
        let verdict = self.verdict(packet);
        used += self.input(&bytes[used..], packet, &mut noted);
        assert!(packet.is_none() || used == bytes.len(), "{packet:?} is taken at once");
        if verdict == Some(Verdict::Wrong) {
            assert!(self.client.is_closing(), "{packet:?} fits nothing that is in flight");
        }
        if packet.is_none() && (used < bytes.len() || self.client.is_streaming()) {
            // A beginning without an end: the link breaks.
            return self.disconnect();
        }
        self.settle(packet, verdict, overtaken);
    }

    /// What the server has to know before it can send such a packet reaches it. Says whether the
    /// packet crosses on the way with what the client sends.
    fn catch_up(&mut self, packet: Option<&Packet<'_>>) -> bool {
        let overtaken = matches!(packet, Some(Packet::Disconnect(_))) && self.source.flag();
        if !overtaken {
            self.transmit();
        }
        let asked = |(id, release)| self.wire.has_asked(id, release);
        if packet.and_then(answered).is_some_and(|request| !asked(request)) {
            self.complete_stream();
        }
        overtaken
    }

    fn verdict(&self, packet: Option<&Packet<'_>>) -> Option<Verdict> {
        match packet {
            Some(Packet::Ack(ack)) if self.client.is_connected() && ack.kind != AckKind::PubRel => {
                Some(self.session.judge(ack))
            }
            _ => None,
        }
    }

    /// The model takes the packet too, and what the client makes of it is looked at.
    fn settle(&mut self, packet: Option<&Packet<'_>>, verdict: Option<Verdict>, overtaken: bool) {
        if let Some(packet) = packet
            && !self.client.is_closing()
        {
            self.taken(packet, verdict);
        }
        self.take_events();
        let silent = self.client.is_closing() && overtaken;
        self.transmit();
        if self.stream.is_none() && !silent {
            self.wire.settled();
        }
    }

    /// Gives bytes to the client and takes the messages. Says how many bytes were used.
    fn input(&mut self, bytes: &[u8], packet: Option<&Packet<'_>>, noted: &mut bool) -> usize {
        let closing = self.client.is_closing();
        let queued = self.client.queued_bytes();
        let used = self.client.handle_input(self.now, bytes);
        self.heard = self.now;
        assert!(used <= bytes.len());
        assert!(!closing || used == bytes.len(), "after the end input is thrown away");
        let stored: usize =
            self.session.flights().map(|flight| flight.payload.len() + flight.topic.len()).sum();
        // Aliases, properties and headers of what is sent again.
        let resent = 2 * stored + 66_000 * self.session.ids.len();
        let growth = self.client.queued_bytes().saturating_sub(queued);
        assert!(growth <= 2 * bytes.len() + 16 + resent, "{growth} bytes for {}", bytes.len());
        let mut incoming = Vec::new();
        self.client.poll_incoming(&mut incoming);
        self.client.poll_frames();
        if let (Some(Packet::Publish(publish)), false, true) = (packet, *noted, used > 0)
            && !self.client.is_closing()
        {
            *noted = true;
            self.wire.received(publish);
            self.delivered(publish, &incoming, &bytes[..used]);
        }
        for one in incoming {
            match one {
                Incoming::Message(message) => {
                    assert!(!closing, "no message after the end");
                    self.held.extend(message.ack());
                    self.incoming_left = message.streamed_len().unwrap_or(0) as usize;
                }
                Incoming::Chunk { range, last } => {
                    self.incoming_left -= (range.end - range.start) as usize;
                    assert_eq!(last, self.incoming_left == 0);
                }
            }
        }
        used
    }

    /// QoS 2 is delivered once, until the server has released the identifier.
    fn delivered(&mut self, publish: &Publish<'_>, incoming: &[Incoming], input: &[u8]) {
        let message = match incoming.first() {
            Some(Incoming::Message(message)) => Some(message),
            _ => None,
        };
        if let Some(message) = message {
            assert!(publish.topic.is_empty() || message.topic(input) == publish.topic);
            assert_eq!(message.qos(), publish.qos);
            if message.streamed_len().is_none() {
                assert_eq!(message.payload(input), publish.payload);
            }
        }
        let (Some(id), QoS::ExactlyOnce) = (publish.packet_id, publish.qos) else {
            assert!(message.is_some(), "{publish} is delivered");
            return;
        };
        let id = id.get();
        if !self.session.refused.contains(&id) && !self.session.left.contains(&id) {
            let new = !self.session.received.contains(&id);
            assert_eq!(message.is_some(), new, "{publish}");
        }
        if message.is_some() {
            self.session.received.insert(id);
            self.session.refused.remove(&id);
            self.session.left.remove(&id);
        }
    }

    /// The client has taken a packet, and the connection goes on.
    fn taken(&mut self, packet: &Packet<'_>, verdict: Option<Verdict>) {
        match packet {
            Packet::ConnAck(connack) if self.client.is_connected() => {
                let window = match self.config.window {
                    Some(window) => (window, window),
                    None if self.version.is_v5() => (u16::MAX, u16::MAX),
                    None => (100, 20),
                };
                self.wire.accept(self.client.limits(), window);
                let blind = self.version == Version::V3_1 && !self.options.clean_start;
                let assigned = connack.properties.text(PropertyId::AssignedClientIdentifier);
                let same = self.session.enter(assigned.unwrap_or(&self.options.client_id));
                if same && (connack.session_present || blind) {
                    self.session.resumed();
                } else {
                    self.session.lost();
                }
            }
            Packet::Ack(ack) if ack.kind == AckKind::PubRel => {
                self.session.received.remove(&ack.packet_id.get());
                self.session.refused.remove(&ack.packet_id.get());
                self.session.left.remove(&ack.packet_id.get());
                self.wire.pubcomps_due.push_back(ack.packet_id.get());
            }
            Packet::Ack(ack) => {
                let accepted = ack.kind == AckKind::PubRec && !ack.reason.is_error();
                let unknown = verdict == Some(Verdict::Unknown);
                if accepted || (unknown && ack.kind == AckKind::PubRec) {
                    self.wire.pubrels_due.push(ack.packet_id.get());
                }
                if verdict == Some(Verdict::Fits) {
                    if !accepted {
                        self.wire.uncount(ack.packet_id);
                    }
                    self.session.acknowledged(ack, self.version.is_v5());
                }
            }
            Packet::SubAck(suback) => self.answered(suback.packet_id),
            Packet::UnsubAck(unsuback) => self.answered(unsuback.packet_id),
            _ => {}
        }
    }

    fn answered(&mut self, id: PacketId) {
        let token = match self.session.ids.get(&id.get()) {
            Some(Use::Subscribe { token, .. } | Use::Unsubscribe { token, .. }) => *token,
            _ => return,
        };
        self.session.ids.remove(&id.get());
        self.session.requests_due.insert(token);
    }
}

/// The identifier of the request that a packet answers, and whether that is a PUBREL.
fn answered(packet: &Packet<'_>) -> Option<(PacketId, bool)> {
    match packet {
        Packet::Ack(ack) if ack.kind != AckKind::PubRel => {
            Some((ack.packet_id, ack.kind == AckKind::PubComp))
        }
        Packet::SubAck(suback) => Some((suback.packet_id, false)),
        Packet::UnsubAck(unsuback) => Some((unsuback.packet_id, false)),
        _ => None,
    }
}
