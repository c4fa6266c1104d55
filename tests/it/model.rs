//! Random operations of many clients in virtual time, checked against a simple model of what must
//! be delivered.
//!
//! `MODEL_OPERATIONS=1000000 cargo test --release --test it model` goes on for longer,
//! `MODEL_SEED=n` repeats a run.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mqttlink::codec::{
    self, Ack, AckKind, Connect, Packet, Subscribe, SubscribeFilter, Unsubscribe, topic,
};
use mqttlink::proto::Time;
use mqttlink::{Properties, PropertyId, QoS};

use crate::world::{Client, V4, V5, World, hello, packet_id};

const NAMES: [&str; 6] = ["c0", "c1", "c2", "c3", "c4", "c5"];
const TOPICS: [&str; 5] = ["a", "b", "a/x", "a/y", "$d/x"];
const FILTERS: [&str; 8] = ["a", "b", "a/x", "a/+", "a/#", "+", "#", "$d/#"];
/// Published at QoS 0 only, and subscribed to by a share only.
const SHARED_TOPIC: &str = "s";
const SHARE: &str = "$share/g/s";
/// Filters that match the topic of the share do not take part in it.
const WATCHES_ALL: [&str; 2] = ["+", "#"];

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    fn qos(&mut self) -> QoS {
        QoS::ALL[self.below(3)]
    }
}

/// A message of QoS 1 or 2 that a session must be given.
struct Expected {
    number: u32,
    qos: QoS,
    expires_at: Option<Time>,
}

/// What the model knows of a session.
#[derive(Default)]
struct Session {
    expiry: u32,
    ends_at: Option<Time>,
    filters: BTreeMap<&'static str, QoS>,
    /// Not received yet, in order.
    expected: VecDeque<Expected>,
    /// Received and not acknowledged: these come again on the next connection.
    seen: BTreeMap<u16, (u32, QoS)>,
    /// Those of them that have come on this connection, and may be acknowledged.
    fresh: BTreeSet<u16>,
    /// QoS 2: the identifiers that PUBREL has not freed.
    held: BTreeSet<u16>,
}

#[derive(Default)]
struct Peer {
    client: Option<Client>,
    session: Option<Session>,
    /// Messages of QoS 0 that must have come when the operation is over.
    now: Vec<u32>,
    next_id: u16,
}

struct Model {
    world: World,
    random: Random,
    peers: Vec<Peer>,
    retained: BTreeMap<&'static str, u32>,
    /// Copies that members of the share have got of the message that was published last.
    share_copies: usize,
    last_number: u32,
}

fn number_of(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload.try_into().expect("a number"))
}

impl Model {
    fn new(seed: u64) -> Self {
        Self {
            world: World::new(),
            random: Random(seed),
            peers: NAMES.iter().map(|_| Peer::default()).collect(),
            retained: BTreeMap::new(),
            share_copies: 0,
            last_number: 0,
        }
    }

    fn step(&mut self) {
        let who = self.random.below(NAMES.len());
        match self.random.below(20) {
            0 => self.connect(who),
            1 => self.drop_connection(who),
            2 => self.say_goodbye(who),
            3..=4 => self.subscribe(who),
            5 => self.unsubscribe(who),
            6..=10 => self.publish(who),
            11 => self.publish_retained(who),
            12 => self.publish_shared(who),
            13 => self.pass_time(),
            _ => self.acknowledge(who),
        }
        self.settle();
        for (name, peer) in NAMES.iter().zip(&self.peers) {
            assert_eq!(peer.now, [], "{name} was not given messages of QoS 0");
        }
    }

    fn connect(&mut self, who: usize) {
        let clean_start = self.random.below(4) == 0;
        let v5 = self.random.below(4) > 0;
        let expiry = [0, 5, 100][self.random.below(3)];
        let version = if v5 { V5 } else { V4 };
        let mut connect = Connect { clean_start, ..hello(version, NAMES[who]) };
        if v5 {
            connect.properties.set_u32(PropertyId::SessionExpiryInterval, expiry).unwrap();
            connect.properties.set_u32(PropertyId::ReceiveMaximum, 4).unwrap();
            if self.random.below(2) == 0 {
                connect.properties.set_u32(PropertyId::TopicAliasMaximum, 2).unwrap();
            }
        }
        // A session that was to end with its connection ends when it is taken over.
        if self.peers[who].client.take().is_some() {
            self.absent(who);
        }
        let present = !clean_start && self.peers[who].session.is_some();
        if !present {
            self.peers[who].session = Some(Session::default());
        }
        let lives_on = if clean_start { 0 } else { u32::MAX };
        let session = self.peers[who].session.as_mut().expect("a session");
        session.expiry = if v5 { expiry } else { lives_on };
        session.ends_at = None;
        session.fresh.clear();
        // The answer is read here, what follows it by `settle`.
        let client = self.world.say(&connect);
        let bytes = self.world.expect_bytes(client);
        assert_eq!(bytes[2] == 1, present, "{} has a session", NAMES[who]);
        self.peers[who].client = Some(client);
    }

    /// The connection is gone.
    fn absent(&mut self, who: usize) {
        let now = self.world.now;
        let peer = &mut self.peers[who];
        let Some(session) = &mut peer.session else { return };
        match session.expiry {
            0 => peer.session = None,
            u32::MAX => {}
            seconds => session.ends_at = Some(now + std::time::Duration::from_secs(seconds.into())),
        }
    }

    fn drop_connection(&mut self, who: usize) {
        if let Some(client) = self.peers[who].client.take() {
            self.world.cut(client);
            self.absent(who);
        }
    }

    fn say_goodbye(&mut self, who: usize) {
        if let Some(client) = self.peers[who].client.take() {
            self.world.goodbye(client);
            self.absent(who);
        }
    }

    fn take_id(&mut self, who: usize) -> codec::PacketId {
        let next = &mut self.peers[who].next_id;
        *next = next.checked_add(1).unwrap_or(1);
        packet_id(*next)
    }

    fn subscribe(&mut self, who: usize) {
        let Some(client) = self.peers[who].client else { return };
        let shared = self.random.below(6) == 0;
        let filter = if shared { SHARE } else { self.random.one_of(&FILTERS) };
        let qos = self.random.qos();
        let packet_id = self.take_id(who);
        let filters = vec![SubscribeFilter { filter, options: qos.into() }];
        let properties = Properties::new();
        let packet = Packet::Subscribe(Subscribe { packet_id, properties, filters });
        let peer = &mut self.peers[who];
        peer.session.as_mut().expect("a session").filters.insert(filter, qos);
        let retained = self.retained.iter().filter(|(name, _)| topic::matches(filter, name));
        peer.now.extend(retained.map(|(_, number)| *number));
        self.world.send(client, &packet);
    }

    fn unsubscribe(&mut self, who: usize) {
        let Some(client) = self.peers[who].client else { return };
        let filter = if self.random.below(4) == 0 { SHARE } else { self.random.one_of(&FILTERS) };
        let packet_id = self.take_id(who);
        let (properties, filters) = (Properties::new(), vec![filter]);
        let packet = Packet::Unsubscribe(Unsubscribe { packet_id, properties, filters });
        self.peers[who].session.as_mut().expect("a session").filters.remove(filter);
        self.world.send(client, &packet);
    }

    fn publish(&mut self, who: usize) {
        let topic = self.random.one_of(&TOPICS);
        let (qos, expires) = (self.random.qos(), self.random.below(8) == 0);
        self.publish_message(who, topic, qos, false, expires);
    }

    fn publish_retained(&mut self, who: usize) {
        let topic = self.random.one_of(&TOPICS);
        if self.peers[who].client.is_some() {
            self.retained.insert(topic, self.last_number + 1);
        }
        self.publish_message(who, topic, QoS::AtMostOnce, true, false);
    }

    fn publish_shared(&mut self, who: usize) {
        if self.peers[who].client.is_none() {
            return;
        }
        let here = self.peers.iter().filter(|peer| peer.client.is_some());
        let sessions = here.filter_map(|peer| peer.session.as_ref());
        let member = sessions.clone().any(|session| session.filters.contains_key(SHARE));
        self.share_copies = 0;
        self.publish_message(who, SHARED_TOPIC, QoS::AtMostOnce, false, false);
        self.settle();
        assert_eq!(self.share_copies, usize::from(member), "one member gets it");
    }

    fn publish_message(
        &mut self,
        who: usize,
        topic: &'static str,
        qos: QoS,
        retain: bool,
        expires: bool,
    ) {
        let Some(client) = self.peers[who].client else { return };
        self.last_number += 1;
        let number = self.last_number;
        let version_5 = self.world.version(client) == V5;
        let mut properties = Properties::new();
        let mut expires_at = None;
        if expires && version_5 {
            properties.set_u32(PropertyId::MessageExpiryInterval, 3).unwrap();
            expires_at = Some(self.world.now + std::time::Duration::from_secs(3));
        }
        for peer in &mut self.peers {
            let Some(session) = &mut peer.session else { continue };
            let plain = session.filters.iter().filter(|(filter, _)| **filter != SHARE);
            let matching = plain.filter(|(filter, _)| topic::matches(filter, topic));
            let Some(granted) = matching.map(|(_, qos)| *qos).max() else { continue };
            match granted.min(qos) {
                QoS::AtMostOnce if peer.client.is_some() => peer.now.push(number),
                QoS::AtMostOnce => {}
                qos => session.expected.push_back(Expected { number, qos, expires_at }),
            }
        }
        let packet_id = (qos != QoS::AtMostOnce).then(|| self.take_id(who));
        let payload = number.to_be_bytes();
        let packet = codec::Publish {
            dup: false,
            qos,
            retain,
            topic,
            packet_id,
            properties,
            payload: &payload,
        };
        self.world.send(client, &Packet::Publish(packet));
    }

    fn pass_time(&mut self) {
        let seconds = 1 + self.random.below(6);
        self.world.advance_secs(u64::try_from(seconds).unwrap());
        let now = self.world.now;
        for peer in &mut self.peers {
            if peer.session.as_ref().is_some_and(|s| s.ends_at.is_some_and(|at| at <= now)) {
                peer.session = None;
            }
        }
    }

    /// The client is done with one of the messages that it has, or with all of them.
    fn acknowledge(&mut self, who: usize) {
        let Some(client) = self.peers[who].client else { return };
        let Some(session) = &mut self.peers[who].session else { return };
        let all = self.random.below(2) == 0;
        let count = if all { session.fresh.len() } else { 1 };
        for _ in 0..count {
            let Some(id) = session.fresh.pop_first() else { return };
            let (_, qos) = session.seen.remove(&id).expect("it was received");
            let kind = if qos == QoS::ExactlyOnce { AckKind::PubRec } else { AckKind::PubAck };
            self.world.send(client, &Packet::Ack(Ack::new(kind, packet_id(id))));
        }
    }

    /// Everyone reads what has come and answers what the protocol answers by itself.
    fn settle(&mut self) {
        let mut quiet = false;
        while !quiet {
            quiet = true;
            for (who, name) in NAMES.iter().enumerate() {
                let Some(client) = self.peers[who].client else { continue };
                while let Some(bytes) = self.world.next_bytes(client) {
                    quiet = false;
                    self.read(who, client, &bytes);
                }
                assert!(!self.world.is_closed(client), "{name} was disconnected");
            }
        }
    }

    fn read(&mut self, who: usize, client: Client, bytes: &[u8]) {
        let version = self.world.version(client);
        let frame = codec::frame::parse(bytes, version, usize::MAX).unwrap().unwrap();
        match Packet::decode(&frame, version).unwrap() {
            Packet::Publish(publish) => self.receive(who, &publish),
            Packet::Ack(ack) if ack.kind == AckKind::PubRec => {
                let release = Ack::new(AckKind::PubRel, ack.packet_id);
                self.world.send(client, &Packet::Ack(release));
            }
            Packet::Ack(ack) if ack.kind == AckKind::PubRel => {
                let session = self.peers[who].session.as_mut().expect("a session");
                session.held.remove(&ack.packet_id.get());
                let complete = Ack::new(AckKind::PubComp, ack.packet_id);
                self.world.send(client, &Packet::Ack(complete));
            }
            Packet::Disconnect(disconnect) => panic!("{}: {disconnect}", NAMES[who]),
            _ => {}
        }
    }

    fn receive(&mut self, who: usize, publish: &codec::Publish<'_>) {
        let number = number_of(publish.payload);
        let (now, name) = (self.world.now, NAMES[who]);
        let peer = &mut self.peers[who];
        let Some(id) = publish.packet_id.map(codec::PacketId::get) else {
            let place = peer.now.iter().position(|expected| *expected == number);
            let shared = place.is_none() && self.last_number == number;
            match place {
                Some(place) => drop(peer.now.remove(place)),
                None if shared => self.share_copies += 1,
                None => panic!("{name} was given {number}, which is not for it"),
            }
            return;
        };
        let session = peer.session.as_mut().expect("a session");
        if session.seen.get(&id).is_some_and(|(seen, _)| *seen == number) {
            assert!(publish.dup, "{name}: {number} comes again without DUP");
            assert!(session.fresh.insert(id), "{name}: {number} comes again on its connection");
            return;
        }
        assert!(!publish.dup, "{name}: {number} has DUP, but did not come before");
        if publish.qos == QoS::ExactlyOnce {
            assert!(session.held.insert(id), "{name}: identifier {id} is in use");
        }
        // Messages of the same QoS come in order; those that have expired are left out.
        loop {
            let place = session.expected.iter().position(|one| one.qos == publish.qos);
            let place = place.unwrap_or_else(|| panic!("{name}: {number} is not for it"));
            let expected = session.expected.remove(place).expect("it is there");
            let expired = expected.expires_at.is_some_and(|at| at <= now);
            if expected.number == number {
                assert!(!expired, "{name}: {number} has expired");
                break;
            }
            assert!(expired, "{name}: {number} came instead of {}", expected.number);
        }
        session.seen.insert(id, (number, publish.qos));
        session.fresh.insert(id);
    }

    /// Everyone comes back and takes everything.
    fn finish(&mut self) {
        for (who, client_id) in NAMES.iter().enumerate() {
            if self.peers[who].client.is_none() && self.peers[who].session.is_some() {
                let client =
                    self.world.say(&Connect { clean_start: false, ..hello(V4, client_id) });
                assert_eq!(self.world.expect_bytes(client)[2], 1);
                self.peers[who].client = Some(client);
                let session = self.peers[who].session.as_mut().expect("a session");
                session.ends_at = None;
                session.fresh.clear();
            }
            for _ in 0..100_000 {
                self.settle();
                if self.peers[who].session.as_ref().is_none_or(|session| session.seen.is_empty()) {
                    break;
                }
                self.acknowledge(who);
            }
        }
        let now = self.world.now;
        for (name, peer) in NAMES.iter().zip(&self.peers) {
            let Some(session) = &peer.session else { continue };
            let left = session.expected.iter();
            let left = left.filter(|one| one.expires_at.is_none_or(|at| at > now));
            assert_eq!(left.count(), 0, "{name} was not given everything");
        }
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn random_operations_deliver_what_the_model_says() {
    let operations = setting("MODEL_OPERATIONS").unwrap_or(250_000);
    let first = setting("MODEL_SEED").unwrap_or(1);
    assert!(WATCHES_ALL.iter().all(|filter| FILTERS.contains(filter)));
    let per_run = 4_000;
    for seed in first..first + operations.div_ceil(per_run) {
        // Shown when the test fails.
        println!("MODEL_SEED={seed}");
        let mut model = Model::new(seed);
        for _ in 0..per_run {
            model.step();
        }
        model.finish();
    }
}
