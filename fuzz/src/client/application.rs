//! What the application asks for.

use bytes::Bytes;

use mqttlink::codec::{PacketId, PacketType, QoS, ReasonCode, Sender};
use mqttlink::proto::{
    AckOutcome, Disconnect, Publish, RequestError, SubscribeRequest, Unsubscribe,
};

use super::super::generate;
use super::session::{Flight, Stage, Use};
use super::{OpenStream, World};

const TOPICS: [&str; 4] = ["a", "b", "c/d", "a/long/topic/name/that/an/alias/would/shorten"];

impl World<'_> {
    pub(super) fn application(&mut self) {
        let before = (self.client.queued_bytes(), self.client.in_flight());
        let result = match self.source.below(12) {
            0..=4 => self.publish(),
            5 => self.subscribe(),
            6 => self.unsubscribe(),
            7 if self.source.flag() => self.chunk(),
            7 => {
                self.complete_stream();
                Ok(())
            }
            8 | 9 => {
                self.acknowledge();
                Ok(())
            }
            10 => self.authenticate(),
            _ => self.say_goodbye(),
        };
        if let Err(error) = result {
            assert!(!error.to_string().is_empty());
            let after = (self.client.queued_bytes(), self.client.in_flight());
            assert_eq!(after, before, "what was refused leaves nothing behind: {error}");
        }
        if !self.source.rarely(4) {
            self.transmit();
        }
    }

    fn publish(&mut self) -> Result<(), RequestError> {
        let token = self.token();
        let qos = self.source.pick(&QoS::ALL);
        let retain = self.source.rarely(4);
        let topic =
            if self.source.rarely(8) { self.source.topic() } else { self.source.pick(&TOPICS) };
        let mut payload = token.0.to_be_bytes().to_vec();
        payload.extend_from_slice(self.source.payload());
        let mut request = Publish::new(topic, payload.clone()).qos(qos).retain(retain);
        if self.source.rarely(4) {
            request = request.user_property("name", self.source.text());
        }
        if self.source.rarely(8) {
            request = request.message_expiry(self.source.number());
        }
        let streamed = self.source.rarely(4);
        let queued = if streamed {
            let (queued, id) =
                self.client.publish_stream(self.now, &request, payload.len(), token)?;
            let (packet_id, rest) = (queued.packet_id, payload.clone());
            self.stream = Some(OpenStream { id, packet_id, rest });
            self.last_stream = Some(id);
            queued
        } else {
            self.client.publish(self.now, &request, token)?
        };
        let order = self.session.next_order();
        match queued.packet_id {
            None => self.wire.at_most_once.push_back((topic.to_owned(), payload)),
            Some(id) => self.enter(
                id,
                Use::Message(Flight {
                    token: Some(token),
                    qos,
                    retain,
                    topic: topic.to_owned(),
                    payload,
                    order,
                    connection: self.number,
                    sent: Some(true),
                    streamed,
                    stage: Stage::Publish,
                }),
            ),
        }
        Ok(())
    }

    /// Supplies some of the open payload, or more than there should be.
    fn chunk(&mut self) -> Result<(), RequestError> {
        let len = self.source.below(40);
        let Some(stream) = &mut self.stream else {
            let Some(closed) = self.last_stream else { return Ok(()) };
            let result = self.client.publish_chunk(closed, Bytes::from(vec![0; len]));
            assert_eq!(result, Err(RequestError::StreamClosed));
            return result;
        };
        if len == 39 {
            let more = vec![0; stream.rest.len() + 1];
            let result = self.client.publish_chunk(stream.id, more.into());
            assert!(result.is_err(), "more than was announced");
            return result;
        }
        let piece: Vec<u8> = stream.rest.iter().copied().take(len).collect();
        self.client.publish_chunk(stream.id, piece.into())?;
        stream.rest.drain(..len.min(stream.rest.len()));
        if stream.rest.is_empty() {
            self.stream = None;
        }
        Ok(())
    }

    /// Supplies all that is left of the open payload.
    pub(super) fn complete_stream(&mut self) {
        let Some(stream) = self.stream.take() else { return };
        self.transmit();
        let rest = Bytes::from(stream.rest.clone());
        if let Err(error) = self.client.publish_chunk(stream.id, rest) {
            assert!(!self.client.is_connected(), "{error}");
            self.stream = Some(stream);
        }
        self.transmit();
    }

    fn filters(&mut self) -> Vec<&'static str> {
        const FILTERS: [&str; 6] = ["a", "a/#", "+/b", "$share/g/a", "a#", ""];
        (0..=self.source.below(3)).map(|_| self.source.pick(&FILTERS)).collect()
    }

    fn subscribe(&mut self) -> Result<(), RequestError> {
        let filters = self.filters();
        let mut request = SubscribeRequest::new(filters[0], self.source.pick(&QoS::ALL));
        for filter in &filters[1..] {
            request = request.filter(*filter, self.source.pick(&QoS::ALL));
        }
        if self.source.rarely(4) {
            request = request.subscription_id(self.source.number());
        }
        let token = self.token();
        let queued = self.client.subscribe(&request, token)?;
        let filters = filters.len();
        let id = queued.packet_id.expect("requests have an identifier");
        self.enter(id, Use::Subscribe { token, filters });
        Ok(())
    }

    fn unsubscribe(&mut self) -> Result<(), RequestError> {
        let filters = self.filters();
        let mut request = Unsubscribe::new(filters[0]);
        for filter in &filters[1..] {
            request = request.filter(*filter);
        }
        let token = self.token();
        let queued = self.client.unsubscribe(&request, token)?;
        let filters = filters.len();
        let id = queued.packet_id.expect("requests have an identifier");
        self.enter(id, Use::Unsubscribe { token, filters });
        Ok(())
    }

    fn enter(&mut self, id: PacketId, new: Use) {
        self.wire.begin(id);
        self.session.insert(id, new);
    }

    /// Acknowledges a message, mostly one that was not acknowledged before.
    fn acknowledge(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let index = self.source.below(self.held.len().min(256));
        let token = self.held[index];
        if !self.source.rarely(8) {
            self.held.remove(index);
        }
        if self.source.rarely(16) {
            if token.qos() == QoS::ExactlyOnce {
                self.session.left.insert(token.packet_id().get());
            }
            return self.client.leave(token);
        }
        let mut outcome = AckOutcome::default();
        if self.version.is_v5() && self.source.rarely(4) {
            let packet = if token.qos() == QoS::ExactlyOnce {
                PacketType::PubRec
            } else {
                PacketType::PubAck
            };
            let codes = ReasonCode::ALL.iter().copied();
            let allowed: Vec<_> =
                codes.filter(|reason| reason.is_allowed(packet, Sender::Client)).collect();
            outcome.reason = self.source.pick(&allowed);
            outcome.properties = generate::properties(&mut self.source, packet, self.version);
        }
        if token.qos() == QoS::ExactlyOnce && outcome.reason.is_error() {
            self.session.refused.insert(token.packet_id().get());
        }
        self.client.acknowledge(token, outcome);
    }

    fn authenticate(&mut self) -> Result<(), RequestError> {
        let data = self.source.flag().then(|| self.source.binary());
        if self.source.flag() {
            self.client.authenticate(data)
        } else {
            self.client.re_authenticate(data)
        }
    }

    fn say_goodbye(&mut self) -> Result<(), RequestError> {
        if !self.source.rarely(8) {
            return Ok(());
        }
        let mut request = Disconnect::new();
        if self.source.flag() {
            request = request.reason(self.source.pick(ReasonCode::ALL));
        }
        if self.source.flag() {
            request = request.session_expiry(self.source.number());
        }
        if self.source.flag() {
            request = request.reason_string(self.source.text());
        }
        self.client.disconnect(&request)?;
        assert!(self.client.is_closing());
        let again = self.client.publish(self.now, &Publish::new("a", ""), super::Token(0));
        assert!(again.is_err(), "nothing follows DISCONNECT");
        Ok(())
    }
}
