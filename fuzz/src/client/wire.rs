//! What the client sends on one connection, packet by packet, and whether it may.

use std::collections::{BTreeMap, VecDeque};

use mqttlink::codec::{
    Ack, AckKind, Packet, PacketId, PropertyId, Publish, QoS, ReasonCode, Version, frame,
};
use mqttlink::proto::Limits;

use super::session::{Session, Stage, Use};

#[derive(Debug, Default)]
pub struct Wire {
    version: Version,
    number: u32,
    /// How many messages may be in flight, and how many of them of QoS 2.
    window: (usize, usize),
    bytes: Vec<u8>,
    /// How many packets have been sent.
    packets: usize,
    /// DISCONNECT was sent.
    over: bool,
    /// The limits that CONNACK gave; `None` before it.
    limits: Option<Limits>,
    /// Identifiers of requests that have been sent, and whether PUBREL was.
    asked: BTreeMap<u16, bool>,
    /// Messages sent on this connection that count against the window.
    counted: BTreeMap<u16, QoS>,
    last_order: u64,
    aliases: BTreeMap<u16, String>,
    /// Messages of QoS 0 that were accepted, in order: topic and payload.
    pub at_most_once: VecDeque<(String, Vec<u8>)>,
    /// QoS 1 messages of the server that have no PUBACK, in order.
    pub pubacks_due: VecDeque<u16>,
    /// How many PUBRECs each QoS 2 message of the server has not got.
    pub pubrecs_due: BTreeMap<u16, usize>,
    /// PUBRECs that the client has to answer.
    pub pubrels_due: Vec<u16>,
    /// PUBRELs that the client has to answer.
    pub pubcomps_due: VecDeque<u16>,
}

impl Wire {
    pub fn new(version: Version, number: u32) -> Self {
        Self { version, number, ..Self::default() }
    }

    pub fn accept(&mut self, limits: &Limits, window: (u16, u16)) {
        let least = |window: u16| usize::from(window.min(limits.receive_maximum));
        self.window = (least(window.0), least(window.1));
        self.limits = Some(limits.clone());
    }

    /// Whether a request with this identifier, or its PUBREL, has been sent, so that the server can
    /// answer it.
    pub fn has_asked(&self, id: PacketId, release: bool) -> bool {
        self.asked.get(&id.get()).is_some_and(|released| *released || !release)
    }

    /// The identifier is in use for a new request.
    pub fn begin(&mut self, id: PacketId) {
        self.asked.remove(&id.get());
    }

    /// Whether every answer fits into what the server takes.
    fn answers_fit(&self) -> bool {
        self.limits.as_ref().is_none_or(|limits| limits.maximum_packet_size >= 5)
    }

    /// The server has acknowledged what counts against the window.
    pub fn uncount(&mut self, id: PacketId) {
        self.counted.remove(&id.get());
    }

    /// Looks at more outgoing bytes.
    pub fn sent(&mut self, bytes: &[u8], session: &mut Session) {
        self.bytes.extend_from_slice(bytes);
        let bytes = std::mem::take(&mut self.bytes);
        let mut rest = bytes.as_slice();
        while let Some(found) =
            frame::parse(rest, self.version, frame::MAX_PACKET_SIZE).expect("the client's packet")
        {
            let packet = Packet::decode(&found, self.version).expect("a valid packet");
            let mut canonical = Vec::new();
            packet.encode(self.version, frame::MAX_PACKET_SIZE, &mut canonical).expect("as before");
            assert_eq!(canonical, rest[..found.len], "{packet} is not in its shortest form");
            self.packet(&packet, found.len, session);
            rest = &rest[found.len..];
        }
        self.bytes = rest.to_vec();
    }

    /// The immediate answers to what the server sent have all been seen.
    pub fn settled(&self) {
        if self.bytes.is_empty() && self.answers_fit() && !self.over {
            assert_eq!(self.pubrels_due, [], "PUBREC without PUBREL");
            assert_eq!(self.pubcomps_due, [], "PUBREL without PUBCOMP");
        }
    }

    fn packet(&mut self, packet: &Packet<'_>, len: usize, session: &mut Session) {
        assert!(!self.over, "{packet} after DISCONNECT");
        let first = self.packets == 0;
        self.packets += 1;
        assert_eq!(first, matches!(packet, Packet::Connect(_)), "CONNECT comes first, and once");
        let early = matches!(packet, Packet::Connect(_) | Packet::Auth(_) | Packet::Disconnect(_));
        assert!(early || self.limits.is_some(), "{packet} before CONNACK");
        if let Some(limits) = &self.limits {
            // No packet is smaller than 4 bytes, and a server that takes fewer takes none.
            assert!(len <= limits.maximum_packet_size.max(4), "{packet} is too large");
        }
        match packet {
            Packet::Connect(_) | Packet::PingReq | Packet::Auth(_) => {}
            Packet::Publish(publish) => self.publish(publish, session),
            Packet::Ack(ack) => self.ack(ack, session),
            Packet::Subscribe(subscribe) => {
                self.asked.insert(subscribe.packet_id.get(), false);
                let found = &session.ids[&subscribe.packet_id.get()];
                let count = subscribe.filters.len();
                assert!(matches!(found, Use::Subscribe { filters, .. } if *filters == count));
            }
            Packet::Unsubscribe(unsubscribe) => {
                self.asked.insert(unsubscribe.packet_id.get(), false);
                let found = &session.ids[&unsubscribe.packet_id.get()];
                let count = unsubscribe.filters.len();
                assert!(matches!(found, Use::Unsubscribe { filters, .. } if *filters == count));
            }
            Packet::Disconnect(_) => self.over = true,
            _ => panic!("{packet} is not a client's"),
        }
    }

    fn publish(&mut self, publish: &Publish<'_>, session: &mut Session) {
        let limits = self.limits.as_ref().expect("CONNACK was there");
        assert!(publish.qos <= limits.maximum_qos, "{publish}");
        assert!(!publish.retain || limits.retain_available, "{publish}");
        let topic = self.resolve(publish);
        let Some(id) = publish.packet_id else {
            let (name, payload) = self.at_most_once.pop_front().expect("it was accepted");
            assert_eq!((topic, publish.payload), (name, payload.as_slice()));
            return;
        };
        self.asked.insert(id.get(), false);
        let flight = session.flight_mut(id).expect("it is in flight");
        assert_eq!(flight.stage, Stage::Publish, "{publish} after its PUBREC");
        assert_eq!((flight.qos, flight.retain), (publish.qos, publish.retain));
        assert_eq!((&*flight.topic, &*flight.payload), (&*topic, publish.payload));
        let again = flight.connection != self.number;
        let dup = if again { flight.sent } else { Some(false) };
        assert!(dup.is_none_or(|dup| dup == publish.dup), "{publish}");
        assert!(!again || !flight.streamed, "a stream cannot be sent again");
        flight.sent = Some(true);
        assert!(flight.order > self.last_order, "{publish} is out of order or was sent twice");
        self.last_order = flight.order;
        self.counted.insert(id.get(), publish.qos);
        let exactly_once = self.counted.values().filter(|qos| **qos == QoS::ExactlyOnce).count();
        let fits = self.counted.len() <= self.window.0 && exactly_once <= self.window.1;
        assert!(fits, "{publish} exceeds {:?}", self.window);
    }

    fn resolve(&mut self, publish: &Publish<'_>) -> String {
        let Some(alias) = publish.properties.number(PropertyId::TopicAlias) else {
            return publish.topic.to_owned();
        };
        let alias = u16::try_from(alias).expect("16 bits");
        let maximum = self.limits.as_ref().map_or(0, |limits| limits.topic_alias_maximum);
        assert!((1..=maximum).contains(&alias), "alias {alias} of {maximum}");
        if !publish.topic.is_empty() {
            self.aliases.insert(alias, publish.topic.to_owned());
        }
        self.aliases.get(&alias).expect("the alias was given a topic").clone()
    }

    fn ack(&mut self, ack: &Ack<'_>, session: &mut Session) {
        let id = ack.packet_id.get();
        match ack.kind {
            AckKind::PubAck => {
                assert_eq!(self.pubacks_due.pop_front(), Some(id), "PUBACKs keep the order");
            }
            AckKind::PubRec => {
                let due = self.pubrecs_due.get_mut(&id).filter(|due| **due > 0);
                *due.expect("a message of QoS 2 came") -= 1;
                if ack.reason.is_error() {
                    session.received.remove(&id);
                    session.refused.remove(&id);
                    self.pubrecs_due.remove(&id);
                }
            }
            AckKind::PubRel => {
                self.asked.insert(id, true);
                let asked = self.pubrels_due.iter().position(|due| *due == id);
                asked.map(|at| self.pubrels_due.swap_remove(at));
                let stage = session.flight(ack.packet_id).map(|flight| flight.stage);
                let released = matches!(stage, Some(Stage::Release { .. }));
                let unknown = ack.reason == ReasonCode::PacketIdNotFound || !self.version.is_v5();
                assert!(released || (asked.is_some() && unknown), "{ack} for {stage:?}");
            }
            AckKind::PubComp => {
                assert_eq!(self.pubcomps_due.pop_front(), Some(id), "PUBCOMP answers PUBREL");
            }
        }
    }

    /// A message that the client has handed to the application, or thrown away as a repetition.
    pub fn received(&mut self, publish: &Publish<'_>) {
        let Some(id) = publish.packet_id else { return };
        match publish.qos {
            QoS::AtLeastOnce => self.pubacks_due.push_back(id.get()),
            _ => *self.pubrecs_due.entry(id.get()).or_default() += 1,
        }
    }
}
