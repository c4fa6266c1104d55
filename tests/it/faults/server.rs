//! A correct server in memory, with session state of its own.

use std::collections::{BTreeSet, VecDeque};

use mqttlink::codec::{
    self, Ack, AckKind, ConnAck, Connect, Packet, PacketId, Publish, Version, frame,
};
use mqttlink::{Properties, PropertyId, QoS, ReasonCode};

use crate::script::id;

/// How many messages are in flight at a time, in each direction.
pub(super) const WINDOW: usize = 3;

/// A numbered message on its way to the client.
#[derive(Debug, Clone, Copy)]
struct Outgoing {
    id: PacketId,
    qos: QoS,
    number: u8,
    /// PUBREC has come, PUBREL has been sent.
    released: bool,
}

/// The one topic.
pub(super) const TOPIC: &str = "t";

/// The server, with at most one client. Messages are numbers, with which the
/// payload begins.
///
/// It checks what it receives: a client that acknowledges what was not sent, uses an identifier
/// twice, or leaves out a DUP flag makes it panic.
pub(super) struct Server {
    version: Version,
    /// Whether a session survives the loss of its connection.
    keeps_sessions: bool,
    /// How often a message to the client repeats its number.
    payload_len: usize,
    has_session: bool,
    connected: bool,
    /// Whether the session began with this connection.
    is_new: bool,
    /// Whether the one topic alias means the one topic: as the client sends, and as it receives.
    alias_known: [bool; 2],
    input: Vec<u8>,
    output: Vec<u8>,
    /// QoS 2 identifiers of the client that await PUBREL.
    awaiting_release: BTreeSet<PacketId>,
    in_flight: Vec<Outgoing>,
    waiting: VecDeque<(QoS, u8)>,
    next_id: u16,
    /// What the client has published, by connection.
    pub(super) accepted: Vec<Vec<u8>>,
}

impl Server {
    pub(super) fn new(version: Version, keeps_sessions: bool, payload_len: usize) -> Self {
        Self {
            version,
            keeps_sessions,
            payload_len,
            has_session: false,
            connected: false,
            is_new: true,
            alias_known: [false; 2],
            input: Vec::new(),
            output: Vec::new(),
            awaiting_release: BTreeSet::new(),
            in_flight: Vec::new(),
            waiting: VecDeque::new(),
            next_id: 0,
            accepted: Vec::new(),
        }
    }

    /// Someone publishes a message that the client is to get.
    pub(super) fn publish(&mut self, qos: QoS, number: u8) {
        self.waiting.push_back((qos, number));
    }

    /// Whether every message for the client has come to its end.
    pub(super) fn is_done(&self) -> bool {
        self.in_flight.is_empty() && self.waiting.is_empty() && self.awaiting_release.is_empty()
    }

    /// A new link to the client is up.
    pub(super) fn handle_link(&mut self) {
        self.connected = false;
        self.alias_known = [false; 2];
        self.input.clear();
        self.output.clear();
        self.accepted.push(Vec::new());
        if !self.keeps_sessions {
            self.lose_session();
        }
    }

    /// What the client has not got for certain is published to it anew, under identifiers that had
    /// other meanings before.
    fn lose_session(&mut self) {
        self.has_session = false;
        self.awaiting_release.clear();
        self.next_id = 0;
        for lost in self.in_flight.drain(..).rev().filter(|lost| !lost.released) {
            self.waiting.push_front((lost.qos, lost.number));
        }
    }

    /// The server's answer to what the client has sent.
    pub(super) fn handle_input(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.input.extend_from_slice(bytes);
        let input = std::mem::take(&mut self.input);
        let mut at = 0;
        while let Some(frame) =
            frame::parse(&input[at..], self.version, frame::MAX_PACKET_SIZE).expect("a packet")
        {
            at += frame.len;
            let packet = Packet::decode(&frame, self.version).expect("a valid packet");
            self.handle_packet(packet);
        }
        self.input = input[at..].to_vec();
        if self.connected {
            self.send_waiting();
        }
        std::mem::take(&mut self.output)
    }

    fn handle_packet(&mut self, packet: Packet<'_>) {
        match packet {
            Packet::Connect(connect) => self.handle_connect(&connect),
            Packet::Publish(publish) => self.handle_publish(&publish),
            Packet::Ack(ack) => self.handle_ack(&ack),
            other => panic!("nothing else is part of the exchange: {other}"),
        }
    }

    fn handle_connect(&mut self, connect: &Connect<'_>) {
        assert!(!self.connected && !connect.clean_start);
        self.connected = true;
        let session_present = std::mem::replace(&mut self.has_session, true);
        self.is_new = !session_present;
        let mut properties = Properties::new();
        if self.version.is_v5() {
            properties.set_u32(PropertyId::TopicAliasMaximum, 1).expect("a number");
        }
        let reason = ReasonCode::Success;
        self.send(&Packet::ConnAck(ConnAck { session_present, reason, properties }));
        for outgoing in self.in_flight.clone() {
            if outgoing.released {
                self.send(&Packet::Ack(Ack::new(AckKind::PubRel, outgoing.id)));
            } else {
                self.send_publish(outgoing, true);
            }
        }
    }

    fn handle_publish(&mut self, publish: &Publish<'_>) {
        let [known, _] = &mut self.alias_known;
        *known |=
            publish.topic == TOPIC && publish.properties.number(PropertyId::TopicAlias).is_some();
        assert!(publish.topic == TOPIC || *known, "an alias of this connection: {publish}");
        let id = publish.packet_id.expect("no message has QoS 0");
        assert!(!publish.dup || !self.is_new, "nothing was sent in this session before");
        let repeated = publish.qos == QoS::ExactlyOnce && !self.awaiting_release.insert(id);
        if repeated {
            assert!(publish.dup, "identifier {id} is in use");
        } else {
            self.accepted.last_mut().expect("a connection").push(publish.payload[0]);
        }
        let kind = if publish.qos == QoS::ExactlyOnce { AckKind::PubRec } else { AckKind::PubAck };
        self.send(&Packet::Ack(Ack::new(kind, id)));
    }

    fn handle_ack(&mut self, ack: &Ack<'_>) {
        if ack.kind == AckKind::PubRel {
            let known = self.awaiting_release.remove(&ack.packet_id);
            let reason = if known || !self.version.is_v5() {
                ReasonCode::Success
            } else {
                ReasonCode::PacketIdNotFound
            };
            let answer = Ack { reason, ..Ack::new(AckKind::PubComp, ack.packet_id) };
            return self.send(&Packet::Ack(answer));
        }
        let place = self.in_flight.iter().position(|outgoing| outgoing.id == ack.packet_id);
        let place = place.unwrap_or_else(|| panic!("{ack}: there is no such message"));
        let outgoing = &mut self.in_flight[place];
        match (ack.kind, outgoing.qos, outgoing.released) {
            (AckKind::PubRec, QoS::ExactlyOnce, _) => {
                outgoing.released = true;
                self.send(&Packet::Ack(Ack::new(AckKind::PubRel, ack.packet_id)));
            }
            (AckKind::PubAck, QoS::AtLeastOnce, _) | (AckKind::PubComp, QoS::ExactlyOnce, true) => {
                self.in_flight.remove(place);
            }
            _ => panic!("{ack}: not what this message awaits"),
        }
    }

    fn send_waiting(&mut self) {
        while self.in_flight.len() < WINDOW
            && let Some((qos, number)) = self.waiting.pop_front()
        {
            self.next_id += 1;
            let outgoing = Outgoing { id: id(self.next_id), qos, number, released: false };
            self.in_flight.push(outgoing);
            self.send_publish(outgoing, false);
        }
    }

    fn send_publish(&mut self, outgoing: Outgoing, dup: bool) {
        let mut properties = Properties::new();
        let mut topic = TOPIC;
        if self.version.is_v5() {
            properties.set_u32(PropertyId::TopicAlias, 1).expect("a number");
            let [_, known] = &mut self.alias_known;
            topic = if std::mem::replace(known, true) { "" } else { TOPIC };
        }
        self.send(&Packet::Publish(codec::Publish {
            dup,
            qos: outgoing.qos,
            topic,
            packet_id: Some(outgoing.id),
            properties,
            payload: &vec![outgoing.number; self.payload_len],
            ..codec::Publish::default()
        }));
    }

    fn send(&mut self, packet: &Packet<'_>) {
        packet
            .encode(self.version, frame::MAX_PACKET_SIZE, &mut self.output)
            .expect("a valid packet");
    }
}
