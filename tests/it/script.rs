//! Short forms for what scripts say often.

use std::num::NonZeroU16;

use mqttlink::codec::{self, Ack, AckKind, Packet, PacketId, Version};
use mqttlink::proto::{
    ConnectOptions, Disconnect, Event, Publish, PublishOutcome, RequestError, SubscribeRequest,
    Unsubscribe,
};
use mqttlink::{QoS, ReasonCode};

use crate::hex::unhex;
use crate::peer::{Peer, options};

/// The default client with a session that outlives the connection.
pub(crate) fn resumable(version: Version) -> ConnectOptions {
    let mut options = options(version);
    options.clean_start = false;
    if version.is_v5() {
        options.session_expiry = 3600;
    }
    options
}

/// A packet identifier.
pub(crate) fn id(number: u16) -> PacketId {
    NonZeroU16::new(number).expect("not 0")
}

/// A connected client takes these bytes for an error: in MQTT 5.0 it sends DISCONNECT with
/// `reason`, before it nothing, and then it closes.
pub(crate) fn refuses(version: Version, bytes: &[u8], reason: ReasonCode) {
    let mut peer = Peer::connected(version);
    peer.send_bytes(bytes);
    assert_eq!(peer.messages(), [], "nothing is delivered");
    peer.expect_failure(reason);
}

/// [`refuses`] with the bytes in hexadecimal.
pub(crate) fn refuses_hex(version: Version, hex: &str, reason: ReasonCode) {
    refuses(version, &unhex(hex), reason);
}

impl Peer {
    /// A client whose session the server keeps.
    pub(crate) fn lasting(version: Version) -> Self {
        Self::accepted(&resumable(version), "")
    }

    /// The link breaks and the server goes on with the session on the next one.
    pub(crate) fn resume(&mut self) {
        let options = resumable(self.version);
        self.reconnect(&options, true);
    }

    /// The link breaks and the server has forgotten the session.
    pub(crate) fn lose_session(&mut self) {
        let options = resumable(self.version);
        self.reconnect(&options, false);
    }

    /// The server sends the message `m`; `number` is 0 at QoS 0.
    pub(crate) fn send_message(&mut self, topic: &str, qos: QoS, number: u16) {
        self.send_publish(topic, qos, number, false);
    }

    /// The server sends the message `m` once more.
    pub(crate) fn send_repeated(&mut self, topic: &str, qos: QoS, number: u16) {
        self.send_publish(topic, qos, number, true);
    }

    fn send_publish(&mut self, topic: &str, qos: QoS, number: u16, dup: bool) {
        self.send_packet(&Packet::Publish(codec::Publish {
            dup,
            qos,
            topic,
            packet_id: NonZeroU16::new(number),
            payload: b"m",
            ..codec::Publish::default()
        }));
    }

    /// The server acknowledges with success.
    pub(crate) fn send_ack(&mut self, kind: AckKind, number: u16) {
        self.send_packet(&Packet::Ack(Ack::new(kind, id(number))));
    }

    /// The server acknowledges with a reason code.
    pub(crate) fn send_reason(&mut self, kind: AckKind, number: u16, reason: ReasonCode) {
        self.send_packet(&Packet::Ack(Ack { reason, ..Ack::new(kind, id(number)) }));
    }

    /// The server sends a message, and the application is done with it at once.
    pub(crate) fn deliver(&mut self, topic: &str, qos: QoS, number: u16) {
        self.send_message(topic, qos, number);
        let message = self.message();
        if message.ack.is_some() {
            self.acknowledge(&message);
        }
    }

    /// The application publishes the message `m`. Returns the packet identifier, 0 at QoS 0.
    pub(crate) fn publish_to(&mut self, topic: &str, qos: QoS) -> u16 {
        let queued = self.try_publish_to(topic, qos).expect("the message is taken");
        queued.map_or(0, PacketId::get)
    }

    /// The application tries to publish the message `m`.
    pub(crate) fn try_publish_to(
        &mut self,
        topic: &str,
        qos: QoS,
    ) -> Result<Option<PacketId>, RequestError> {
        let queued = self.publish(&Publish::new(topic, "m").qos(qos))?;
        self.pump();
        Ok(queued.packet_id)
    }

    /// The application subscribes.
    pub(crate) fn subscribe(&mut self, request: &SubscribeRequest) -> Result<u16, RequestError> {
        let token = self.token();
        let queued = self.client.subscribe(request, token)?;
        Ok(queued.packet_id.map_or(0, PacketId::get))
    }

    /// The application subscribes to one filter at QoS 0. Returns the packet identifier.
    pub(crate) fn subscribe_to(&mut self, filter: &str) -> u16 {
        let request = SubscribeRequest::new(filter, QoS::AtMostOnce);
        self.subscribe(&request).expect("the request is taken")
    }

    /// The application unsubscribes.
    pub(crate) fn unsubscribe(&mut self, request: &Unsubscribe) -> Result<u16, RequestError> {
        let token = self.token();
        let queued = self.client.unsubscribe(request, token)?;
        Ok(queued.packet_id.map_or(0, PacketId::get))
    }

    /// The application unsubscribes from one filter. Returns the packet identifier.
    pub(crate) fn unsubscribe_from(&mut self, filter: &str) -> u16 {
        self.unsubscribe(&Unsubscribe::new(filter)).expect("the request is taken")
    }

    /// The application says goodbye.
    pub(crate) fn disconnect(&mut self, request: &Disconnect) -> Result<(), RequestError> {
        self.client.disconnect(request).map(drop)
    }

    /// All events that have not been looked at.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.event()).collect()
    }

    /// What became of published messages, since the events were last looked at.
    pub(crate) fn outcomes(&mut self) -> Vec<PublishOutcome> {
        let outcome = |event| match event {
            Event::Published { outcome, .. } => Some(outcome),
            _ => None,
        };
        self.events().into_iter().filter_map(outcome).collect()
    }

    /// The reason codes of the one SUBACK or UNSUBACK since the events were last looked at.
    pub(crate) fn answer(&mut self) -> Vec<ReasonCode> {
        let events = self.events();
        match events.as_slice() {
            [Event::Answered { outcome, .. }] => {
                outcome.results.iter().map(|result| result.reason).collect()
            }
            other => panic!("one answer: {other:?}"),
        }
    }
}
