//! What the caller asks for.

use bytes::Bytes;

use super::{ClientConnection, Phase, qos_index};
use crate::codec::{
    self, PacketId, PropertyId, QoS, Sender, SubscribeFilter, frame, topic::Filter,
};
use crate::proto::alias::Assigned;
use crate::proto::outbound::NewFlight;
use crate::proto::{
    AckOutcome, AckToken, Disconnect, LimitError, Publish, RequestError, Stored, SubscribeRequest,
    Time, Token, Unsubscribe,
};

/// A shared payload from this length on is not copied between the packets.
const SPLICE_MIN: usize = 4 * 1024;

/// A request has been queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// Where its last byte is, counted from the beginning of the connection: it has been written
    /// when that many bytes have.
    pub end: u64,
    /// The packet identifier; `None` for a message of QoS 0.
    pub packet_id: Option<PacketId>,
}

/// Names a payload that the caller supplies in pieces, from
/// [`publish_stream`](ClientConnection::publish_stream). No other payload of any connection has the
/// same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamId(u64);

/// The payload that the caller is still supplying.
#[derive(Debug)]
pub(super) struct OpenStream {
    id: StreamId,
    pub(super) packet_id: Option<PacketId>,
}

impl ClientConnection {
    /// Whether requests are taken.
    pub(super) const fn ready(&self) -> Result<(), RequestError> {
        match self.phase {
            Phase::Connected => Ok(()),
            Phase::Connecting => Err(RequestError::NotYet),
            Phase::Idle | Phase::Closing => Err(RequestError::NotConnected),
        }
    }

    /// Queues a message. The outcome of QoS 1 and 2 comes as
    /// [`Event::Published`](crate::proto::Event::Published) with `token`.
    ///
    /// # Errors
    /// [`RequestError`]: nothing was queued. [`is_temporary`](RequestError::is_temporary) tells
    /// whether trying again can help.
    pub fn publish(
        &mut self,
        now: Time,
        request: &Publish<'_>,
        token: Token,
    ) -> Result<Queued, RequestError> {
        self.put_publish(now, request, request.payload.len(), token, false)
    }

    /// Queues a message whose payload of `len` bytes follows through
    /// [`publish_chunk`](Self::publish_chunk). Until it is complete, other packets wait behind it.
    /// The payload of `request` is not used. The returned number goes with every piece.
    ///
    /// # Errors
    /// As [`publish`](Self::publish), and when another payload is not complete.
    pub fn publish_stream(
        &mut self,
        now: Time,
        request: &Publish<'_>,
        len: usize,
        token: Token,
    ) -> Result<(Queued, StreamId), RequestError> {
        if self.out.open_len() > 0 {
            // It ends by itself, when the other caller has supplied its payload.
            return Err(RequestError::NoRoom { bytes: self.out.open_len() });
        }
        let queued = self.put_publish(now, request, len, token, true)?;
        self.out.open(len);
        self.streams_out += 1;
        let id = StreamId(self.streams_out);
        self.stream_out = (len > 0).then_some(OpenStream { id, packet_id: queued.packet_id });
        Ok((Queued { end: self.out.end(), ..queued }, id))
    }

    /// Supplies more of the payload announced with [`publish_stream`](Self::publish_stream).
    ///
    /// # Errors
    /// [`RequestError::StreamClosed`] when the payload is complete, or its connection is gone, even
    /// if there is another one. Otherwise when the connection is ending, when more is given than was
    /// announced, or when the outgoing buffer is full.
    pub fn publish_chunk(&mut self, stream: StreamId, bytes: Bytes) -> Result<(), RequestError> {
        if self.stream_out.as_ref().is_none_or(|open| open.id != stream) {
            return Err(RequestError::StreamClosed);
        }
        self.ready()?;
        // What waits behind the payload cannot leave before it, so it does not count.
        self.check_room(self.out.ready_len(), self.config.out_buffer_max)?;
        if bytes.len() > self.out.open_len() {
            return Err(RequestError::State("more payload than was announced"));
        }
        if !bytes.is_empty() {
            self.out.push_open(bytes);
        }
        if self.out.open_len() == 0 {
            self.stream_out = None;
        }
        Ok(())
    }

    fn check_room(&self, used: usize, max: usize) -> Result<(), RequestError> {
        // One message may exceed the bound, whatever it is.
        if used == 0 || used < max { Ok(()) } else { Err(RequestError::NoRoom { bytes: used }) }
    }

    fn put_publish(
        &mut self,
        now: Time,
        request: &Publish<'_>,
        payload_len: usize,
        token: Token,
        streamed: bool,
    ) -> Result<Queued, RequestError> {
        request.check(self.version)?;
        self.limits.check_publish(request.qos, request.retain)?;
        self.ready()?;
        self.check_room(self.out.len(), self.config.out_buffer_max)?;
        let packet_id = self.take_quota(request.qos)?;
        let packet = codec::Publish {
            dup: false,
            qos: request.qos,
            retain: request.retain,
            topic: request.topic,
            packet_id,
            properties: request.properties.borrowed(),
            payload: &[],
        };
        let Some(packet_id) = packet_id else {
            self.put_head(&packet, payload_len)?;
            if !streamed {
                self.put_payload(request);
            }
            return Ok(self.queued(request.qos, None));
        };
        let message = if streamed {
            self.put_head(&packet, payload_len)?;
            None
        } else {
            Some(self.put_stored(now, request, &packet)?)
        };
        let qos = request.qos;
        self.outbound.insert_publish(NewFlight { packet_id, token, qos, message });
        Ok(self.queued(qos, Some(packet_id)))
    }

    fn queued(&mut self, qos: QoS, packet_id: Option<PacketId>) -> Queued {
        if let Some(count) = self.counters.messages_sent.get_mut(qos_index(qos)) {
            *count += 1;
        }
        Queued { end: self.out.end(), packet_id }
    }

    /// A packet identifier, if one is needed and one more message may be in flight.
    fn take_quota(&self, qos: QoS) -> Result<Option<PacketId>, RequestError> {
        if qos == QoS::AtMostOnce {
            return Ok(None);
        }
        if !self.outbound.has_quota(qos) {
            return Err(RequestError::NoQuota { in_flight: self.outbound.messages() });
        }
        self.check_room(self.outbound.stored_bytes(), self.config.in_flight_bytes_max)?;
        self.outbound.next_id().map(Some).ok_or(RequestError::NoPacketId)
    }

    /// Appends everything but the payload, with a topic alias if there is one for the topic. An
    /// alias that is given a topic takes three bytes more, which a packet at the server's limit
    /// does not have; it goes without.
    fn put_head(
        &mut self,
        packet: &codec::Publish<'_>,
        payload_len: usize,
    ) -> Result<(), RequestError> {
        if let Some(assigned) = self.aliases_out.assign(packet.topic)
            && self.put_aliased(packet, payload_len, assigned).is_ok()
        {
            return Ok(());
        }
        let out = self.out.buffer().inline_mut();
        let max_size = self.limits.maximum_packet_size;
        packet.encode_head(self.version, max_size, payload_len, None, out).map_err(too_large)
    }

    fn put_aliased(
        &mut self,
        packet: &codec::Publish<'_>,
        payload_len: usize,
        assigned: Assigned,
    ) -> Result<(), codec::EncodeError> {
        let topic = if assigned.known { "" } else { packet.topic };
        let head = codec::Publish { topic, ..packet.clone() };
        let out = self.out.buffer().inline_mut();
        let max_size = self.limits.maximum_packet_size;
        head.encode_head(self.version, max_size, payload_len, Some(assigned.alias), out)?;
        let topic = self.aliases_out.commit(packet.topic, assigned);
        if assigned.known {
            self.out.buffer().note_elided(topic);
        }
        Ok(())
    }

    fn put_payload(&mut self, request: &Publish<'_>) {
        let out = self.out.buffer();
        match &request.payload {
            crate::proto::Payload::Shared(bytes) if bytes.len() >= SPLICE_MIN => {
                out.push_shared(bytes.clone());
            }
            payload => out.inline_mut().extend_from_slice(payload.as_slice()),
        }
    }

    /// Appends a message of QoS 1 or 2 and keeps it for sending it again.
    fn put_stored(
        &mut self,
        now: Time,
        request: &Publish<'_>,
        packet: &codec::Publish<'_>,
    ) -> Result<Box<Stored>, RequestError> {
        let (version, payload_len) = (self.version, request.payload.len());
        let max_size = self.limits.maximum_packet_size;
        let splice = payload_len >= SPLICE_MIN;
        let aliased = self.aliases_out.assign(packet.topic).is_some();
        let mut apart = Vec::new();
        let out = self.out.buffer().inline_mut();
        // What is kept has the full topic. Without an alias, that is what is sent.
        let buffer = if aliased { &mut apart } else { out };
        let start = buffer.len();
        packet.encode_head(version, max_size, payload_len, None, buffer).map_err(too_large)?;
        let payload = if splice {
            request.payload.to_shared()
        } else {
            buffer.extend_from_slice(request.payload.as_slice());
            Bytes::new()
        };
        let expires = (!request.properties.is_empty()).then_some(now);
        let mut stored = self.outbound.take_spare();
        stored.refill(version, buffer.get(start..).unwrap_or_default(), payload.clone(), expires);
        if aliased {
            self.put_head(packet, payload_len)?;
            if !splice {
                let out = self.out.buffer().inline_mut();
                out.extend_from_slice(request.payload.as_slice());
            }
        }
        if splice {
            self.out.buffer().push_shared(payload);
        }
        Ok(stored)
    }

    /// Queues a SUBSCRIBE. The answer comes as [`Event::Answered`](crate::proto::Event::Answered).
    ///
    /// # Errors
    /// [`RequestError`]: nothing was queued.
    pub fn subscribe(
        &mut self,
        request: &SubscribeRequest,
        token: Token,
    ) -> Result<Queued, RequestError> {
        if let Some(error) = &request.error {
            return Err(RequestError::Encode(codec::EncodeError::clone(error)));
        }
        for (filter, _) in &request.filters {
            if let (true, Ok(filter)) = (self.version.is_v5(), Filter::parse(filter)) {
                self.limits.check_filter(&filter)?;
            }
        }
        let has_id = request.properties.get(PropertyId::SubscriptionIdentifier).is_some();
        self.limits.check_subscription_id(has_id)?;
        self.ready()?;
        let packet_id = self.outbound.next_id().ok_or(RequestError::NoPacketId)?;
        let filters = request
            .filters
            .iter()
            .map(|(filter, options)| SubscribeFilter { filter, options: *options });
        let packet = codec::Subscribe {
            packet_id,
            properties: request.properties.borrowed(),
            filters: filters.collect(),
        };
        let max_size = self.limits.maximum_packet_size;
        packet.encode(self.version, max_size, self.out.buffer().inline_mut()).map_err(too_large)?;
        self.outbound.insert_subscribe(packet_id, token, request.filters.len());
        Ok(Queued { end: self.out.end(), packet_id: Some(packet_id) })
    }

    /// Queues an UNSUBSCRIBE. The answer comes as
    /// [`Event::Answered`](crate::proto::Event::Answered).
    ///
    /// # Errors
    /// [`RequestError`]: nothing was queued.
    pub fn unsubscribe(
        &mut self,
        request: &Unsubscribe,
        token: Token,
    ) -> Result<Queued, RequestError> {
        if let Some(error) = &request.error {
            return Err(RequestError::Encode(codec::EncodeError::clone(error)));
        }
        self.ready()?;
        let packet_id = self.outbound.next_id().ok_or(RequestError::NoPacketId)?;
        let packet = codec::Unsubscribe {
            packet_id,
            properties: request.properties.borrowed(),
            filters: request.filters.iter().map(String::as_str).collect(),
        };
        let max_size = self.limits.maximum_packet_size;
        packet.encode(self.version, max_size, self.out.buffer().inline_mut()).map_err(too_large)?;
        self.outbound.insert_unsubscribe(packet_id, token, request.filters.len());
        Ok(Queued { end: self.out.end(), packet_id: Some(packet_id) })
    }

    /// The application is done with a message. The acknowledgement leaves when those of all earlier
    /// messages of the same QoS have. Nothing happens for a message of an earlier connection that
    /// the server will send again.
    ///
    /// A reason that a client may not send becomes success or an unspecified error; before MQTT 5.0
    /// a message cannot be refused, and every outcome is success.
    pub fn acknowledge(&mut self, token: AckToken, outcome: AckOutcome) {
        if self.inbound.acknowledge(token, outcome.expressible(self.version, Sender::Client)) {
            self.pump();
        }
    }

    /// The application will not say how a message went. It stays unacknowledged on this connection;
    /// a message of QoS 2 that the server sends again on the next one is delivered again, as one of
    /// QoS 1 is anyway.
    pub fn leave(&mut self, token: AckToken) {
        self.inbound.leave(token);
    }

    /// Queues DISCONNECT; the connection is to be closed when it is written. Before MQTT 5.0 reason
    /// and properties are not sent.
    ///
    /// # Errors
    /// [`RequestError`] when there is no connection, when a client may not send this, or when the
    /// session expiry would change from 0.
    pub fn disconnect(&mut self, request: &Disconnect) -> Result<Queued, RequestError> {
        if matches!(self.phase, Phase::Idle | Phase::Closing) {
            return Err(RequestError::NotConnected);
        }
        if let Some(error) = &request.error {
            return Err(RequestError::Encode(codec::EncodeError::clone(error)));
        }
        if self.out.open_len() > 0 {
            return Err(RequestError::NoRoom { bytes: self.out.open_len() });
        }
        let expiry = request.properties.number(PropertyId::SessionExpiryInterval);
        if expiry.is_some_and(|seconds| seconds > 0) && self.handshake.session_expiry() == 0 {
            return Err(RequestError::State(
                "the session expiry interval was 0 and cannot be changed when disconnecting",
            ));
        }
        let packet_type = codec::PacketType::Disconnect;
        if self.version.is_v5() && !request.reason.is_allowed(packet_type, codec::Sender::Client) {
            let reason = request.reason;
            let error = codec::EncodeError::InvalidReasonCode { packet: packet_type, reason };
            return Err(RequestError::Encode(error));
        }
        let properties = request.properties.borrowed();
        let packet = codec::Disconnect { reason: request.reason, properties };
        let max_size = self.limits.maximum_packet_size;
        packet.encode(self.version, max_size, self.out.buffer().inline_mut())?;
        self.close();
        Ok(Queued { end: self.out.end(), packet_id: None })
    }

    /// Ends the connection without DISCONNECT, so that the server publishes the will: it is to be
    /// closed when what was queued is written.
    pub fn close(&mut self) {
        if self.phase != Phase::Idle {
            self.phase = Phase::Closing;
            self.keep_alive.stop();
        }
    }
}

/// A packet over the server's limit is the server's doing, one over the protocol's is not.
fn too_large(error: codec::EncodeError) -> RequestError {
    match error {
        codec::EncodeError::PacketTooLarge { size, max } if max < frame::MAX_PACKET_SIZE => {
            LimitError::MaximumPacketSize { size, maximum: max }.into()
        }
        error => error.into(),
    }
}
