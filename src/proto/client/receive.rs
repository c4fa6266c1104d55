//! What the server sends.

use super::{ClientConnection, Phase, StreamIn, qos_index};
use crate::codec::{
    Ack, AckKind, DecodeError, Disconnect, Frame, Packet, PacketId, PacketType, Properties,
    PropertyId, PublishHead, ReasonCode, Sender, SubAck, UnsubAck, frame,
};
use crate::proto::inbound::Receipt;
use crate::proto::outbound::PubRecAction;
use crate::proto::{
    Event, FilterResult, Incoming, IncomingMessage, ProtocolError, RequestOutcome, Time, Topic,
};

impl ClientConnection {
    /// Takes bytes from the server, however they are split, and says how many were used. The rest
    /// is the beginning of a packet: the next input starts with it and goes on with more.
    ///
    /// Messages are then to be had from [`poll_incoming`](Self::poll_incoming), as places in
    /// `input`, everything else from [`poll_event`](Self::poll_event). After a protocol error the
    /// rest of the input is thrown away.
    pub fn handle_input(&mut self, now: Time, input: &[u8]) -> usize {
        self.now = now;
        self.wanted = 0;
        self.keep_alive.received(now);
        let mut at = 0;
        while let Some(rest) = input.get(at..).filter(|rest| !rest.is_empty()) {
            if matches!(self.phase, Phase::Idle | Phase::Closing) {
                at = input.len();
                break;
            }
            match self.handle_packet(rest, at) {
                Ok(0) => break,
                Ok(used) => at += used,
                Err(error) => self.fail(error),
            }
        }
        self.counters.bytes_received += u64::try_from(at).unwrap_or_default();
        self.pump();
        at
    }

    /// Handles what `rest` begins with and says how long it is; 0 if it is not all there. `at` is
    /// where in the input `rest` begins.
    fn handle_packet(&mut self, rest: &[u8], at: usize) -> Result<usize, ProtocolError> {
        if self.stream_in.is_some() {
            return Ok(self.handle_chunk(rest, at));
        }
        let Some(header) = frame::parse_header(rest, self.version, self.packet_max)? else {
            return Ok(0);
        };
        let Some(body) = rest.get(header.header_len..header.len) else {
            self.wanted = header.len;
            return self.begin_stream(&header, rest, at);
        };
        self.note_frame(at, header.len);
        if header.packet_type == PacketType::Publish {
            let head = self.decode_head(header.flags, body)?;
            self.handle_publish(&head, body, at + header.header_len, None)?;
        } else {
            let frame = Frame {
                packet_type: header.packet_type,
                flags: header.flags,
                body,
                len: header.len,
            };
            self.handle_control(&frame)?;
        }
        Ok(header.len)
    }

    fn handle_control(&mut self, frame: &Frame<'_>) -> Result<(), ProtocolError> {
        let packet_type = frame.packet_type;
        if !matches!(packet_type, PacketType::ConnAck | PacketType::Auth) {
            self.expect_connected(packet_type)?;
        }
        if let Some(kind) = AckKind::from_packet_type(packet_type) {
            return self.handle_ack(Ack::decode(kind, frame.body, self.version)?);
        }
        match Packet::decode(frame, self.version)? {
            Packet::ConnAck(connack) => self.receive_connack(connack),
            Packet::SubAck(suback) => self.handle_suback(suback),
            Packet::UnsubAck(unsuback) => self.handle_unsuback(unsuback),
            Packet::PingResp => {
                if let Some(round_trip) = self.keep_alive.answered(self.now) {
                    self.events.push_back(Event::Pong { round_trip });
                }
                Ok(())
            }
            Packet::Disconnect(disconnect) => self.handle_disconnect(disconnect),
            Packet::Auth(auth) => {
                self.check_diagnostics(PacketType::Auth, &auth.properties)?;
                self.receive_auth(auth)
            }
            Packet::Connect(_)
            | Packet::Publish(_)
            | Packet::Ack(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::PingReq => Err(from_a_client(packet_type)),
        }
    }

    /// CONNACK comes first [MQTT-3.2.0-1], and some packets only clients send.
    fn expect_connected(&self, packet: PacketType) -> Result<(), ProtocolError> {
        match packet {
            PacketType::Connect
            | PacketType::Subscribe
            | PacketType::Unsubscribe
            | PacketType::PingReq => Err(from_a_client(packet)),
            PacketType::Disconnect if !self.version.is_v5() => Err(from_a_client(packet)),
            // In MQTT 5.0 a server may not send it either [MQTT-3.14.0-1].
            _ if self.phase == Phase::Connecting => {
                let when = "before CONNACK";
                Err(ProtocolError::Unexpected { packet, when })
            }
            _ => Ok(()),
        }
    }

    fn handle_publish(
        &mut self,
        head: &PublishHead,
        body: &[u8],
        body_at: usize,
        streamed_len: Option<usize>,
    ) -> Result<(), ProtocolError> {
        if let Some(count) = self.counters.messages_received.get_mut(qos_index(head.qos)) {
            *count += 1;
        }
        let topic = match head.topic_alias {
            None => Topic::Here(place(body_at, head.topic.start, head.topic.end)),
            Some(alias) => {
                let name = body.get(head.topic.clone()).unwrap_or_default();
                Topic::Alias(self.aliases_in.resolve(alias, name)?)
            }
        };
        let receipt = self.inbound.receive(head.qos, head.packet_id);
        let ack = match receipt {
            Receipt::TooMany => {
                let maximum = self.inbound.receive_maximum();
                return Err(ProtocolError::ReceiveMaximum { maximum });
            }
            Receipt::Duplicate => None,
            Receipt::Deliver(ack) => ack,
        };
        let discard = receipt == Receipt::Duplicate;
        if let Some(left) = streamed_len {
            self.stream_in = Some(StreamIn { left, discard, ack });
        }
        if !discard {
            let payload_end = if streamed_len.is_some() { head.payload } else { body.len() };
            self.incoming.push(Incoming::Message(IncomingMessage {
                topic,
                properties: place(body_at, head.properties.start, head.properties.end),
                payload: place(body_at, head.payload, payload_end),
                streamed_len: streamed_len.and_then(|len| u32::try_from(len).ok()),
                dup: head.dup,
                qos: head.qos,
                retain: head.retain,
                ack,
            }));
        }
        Ok(())
    }

    /// Begins to hand a large message over in chunks as soon as everything before its payload has
    /// come. Says how many bytes were used.
    fn begin_stream(
        &mut self,
        header: &frame::Header,
        rest: &[u8],
        at: usize,
    ) -> Result<usize, ProtocolError> {
        let limit = self.config.stream_above.unwrap_or(usize::MAX);
        if header.packet_type != PacketType::Publish || header.len <= limit {
            return Ok(0);
        }
        let body = rest.get(header.header_len..).unwrap_or_default();
        let head = match self.decode_head(header.flags, body) {
            Ok(head) => head,
            Err(ProtocolError::Decode(DecodeError::Truncated { .. })) => return Ok(0),
            Err(error) => {
                self.note_frame(at, rest.len());
                return Err(error);
            }
        };
        let payload_len = (header.len - header.header_len).checked_sub(head.payload);
        // A head that is longer than its packet is found out when all of it has come.
        let Some(payload_len) = payload_len.filter(|len| *len > limit) else { return Ok(0) };
        self.note_frame(at, header.header_len + head.payload);
        self.handle_publish(&head, body, at + header.header_len, Some(payload_len))?;
        self.wanted = 0;
        Ok(header.header_len + head.payload)
    }

    fn decode_head(&self, flags: u8, body: &[u8]) -> Result<PublishHead, ProtocolError> {
        self.expect_connected(PacketType::Publish)?;
        Ok(PublishHead::decode(flags, body, self.version)?)
    }

    fn note_frame(&mut self, at: usize, len: usize) {
        self.counters.packets_received += 1;
        if self.config.record_frames {
            self.frames.push(at..at + len);
        }
    }

    fn handle_chunk(&mut self, rest: &[u8], at: usize) -> usize {
        let Some(stream) = &mut self.stream_in else { return 0 };
        let len = stream.left.min(rest.len());
        stream.left -= len;
        let (last, discard) = (stream.left == 0, stream.discard);
        if !discard {
            self.incoming.push(Incoming::Chunk { range: place(at, 0, len), last });
        }
        if last {
            self.stream_in = None;
        }
        len
    }

    fn handle_ack(&mut self, ack: Ack<'_>) -> Result<(), ProtocolError> {
        self.check_diagnostics(ack.kind.packet_type(), &ack.properties)?;
        match ack.kind {
            AckKind::PubAck => {
                let done = self.outbound.puback(ack)?;
                self.finish(done);
            }
            AckKind::PubRec => {
                let packet_id = ack.packet_id;
                match self.outbound.pubrec(ack)? {
                    PubRecAction::Release => {
                        self.send_ack(AckKind::PubRel, packet_id, ReasonCode::Success);
                    }
                    PubRecAction::Unknown => {
                        self.send_ack(AckKind::PubRel, packet_id, ReasonCode::PacketIdNotFound);
                    }
                    PubRecAction::Finished(token, outcome) => self.finish([(token, outcome)]),
                    PubRecAction::Nothing => {}
                }
            }
            AckKind::PubRel => {
                let known = self.inbound.release(ack.packet_id);
                let reason = if known { ReasonCode::Success } else { ReasonCode::PacketIdNotFound };
                self.send_ack(AckKind::PubComp, ack.packet_id, reason);
            }
            AckKind::PubComp => {
                let done = self.outbound.pubcomp(ack, self.version.is_v5())?;
                self.finish(done);
            }
        }
        Ok(())
    }

    /// Before MQTT 5.0 the reason is not written.
    fn send_ack(&mut self, kind: AckKind, packet_id: PacketId, reason: ReasonCode) {
        let ack = Ack { reason, ..Ack::new(kind, packet_id) };
        let max_size = self.limits.maximum_packet_size;
        let _ = ack.encode(self.version, max_size, self.out.buffer().inline_mut());
    }

    fn handle_suback(&mut self, suback: SubAck<'_>) -> Result<(), ProtocolError> {
        let packet = PacketType::SubAck;
        self.check_diagnostics(packet, &suback.properties)?;
        let count = Some(suback.reasons.len());
        let answered = self.outbound.complete_request(packet, suback.packet_id, count)?;
        if let Some((token, _)) = answered {
            self.answer(token, suback.reasons, suback.properties);
        }
        Ok(())
    }

    fn handle_unsuback(&mut self, unsuback: UnsubAck<'_>) -> Result<(), ProtocolError> {
        let packet = PacketType::UnsubAck;
        self.check_diagnostics(packet, &unsuback.properties)?;
        let count = self.version.is_v5().then_some(unsuback.reasons.len());
        let answered = self.outbound.complete_request(packet, unsuback.packet_id, count)?;
        if let Some((token, filters)) = answered {
            let mut reasons = unsuback.reasons;
            reasons.resize(filters, ReasonCode::Success);
            self.answer(token, reasons, unsuback.properties);
        }
        Ok(())
    }

    fn answer(
        &mut self,
        token: crate::proto::Token,
        reasons: Vec<ReasonCode>,
        properties: Properties<'_>,
    ) {
        let results = reasons.into_iter().map(|reason| FilterResult { reason }).collect();
        let outcome = Box::new(RequestOutcome { results, properties: properties.into_owned() });
        let place = self.incoming.len();
        self.events.push_back(Event::Answered { token, outcome, place });
    }

    fn handle_disconnect(&mut self, packet: Disconnect<'_>) -> Result<(), ProtocolError> {
        let packet_type = PacketType::Disconnect;
        if packet.properties.get(PropertyId::SessionExpiryInterval).is_some() {
            let what = "a session expiry interval [MQTT-3.14.2-2]";
            return Err(ProtocolError::Forbidden { packet: packet_type, what });
        }
        // 0x8C and 0x9B are accepted from a server, see the table.
        if !packet.reason.is_allowed(packet_type, Sender::Server) {
            let reason = packet.reason;
            return Err(ProtocolError::Reason { packet: packet_type, reason });
        }
        self.phase = Phase::Closing;
        self.keep_alive.stop();
        // The server has stopped listening.
        self.out.reset(super::KEPT_CAPACITY);
        self.events.push_back(Event::Disconnected(Box::new(packet.into())));
        Ok(())
    }

    /// Without problem information, only PUBLISH, CONNACK and DISCONNECT may carry a reason string
    /// or user properties [MQTT-3.1.2-29].
    fn check_diagnostics(
        &self,
        packet: PacketType,
        properties: &Properties<'_>,
    ) -> Result<(), ProtocolError> {
        if self.handshake.problem_information || properties.is_empty() {
            return Ok(());
        }
        let unwanted = [PropertyId::ReasonString, PropertyId::UserProperty];
        if unwanted.iter().any(|id| properties.get(*id).is_some()) {
            let what = "diagnostics that CONNECT asked to leave out [MQTT-3.1.2-29]";
            return Err(ProtocolError::Forbidden { packet, what });
        }
        Ok(())
    }
}

const fn from_a_client(packet: PacketType) -> ProtocolError {
    ProtocolError::Unexpected { packet, when: "which only clients send" }
}

/// A part of a body that begins at `base`, as a place in the input.
fn place(base: usize, start: usize, end: usize) -> std::ops::Range<u32> {
    let at = |offset: usize| u32::try_from(base + offset).unwrap_or(u32::MAX);
    at(start)..at(end)
}
