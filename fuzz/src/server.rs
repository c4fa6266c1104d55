//! A broker and a few clients that send packets, parts of packets and garbage, while time goes on and
//! somebody decides about them: no panic, only whole packets come back, and what it holds stays within
//! its limits.

use std::time::Duration;

use mqttlink::broker::{ConnectionId, Core, CoreConfig, Decision, Overflow, Peer};
use mqttlink::codec::{Connect, Packet, PacketType, Properties, PropertyId, Version, Will, frame};
use mqttlink::proto::{OutBuffer, Time};
use mqttlink::{QoS, ReasonCode};

use super::generate;
use super::source::Source;

const CLIENTS: usize = 4;
const QUEUED_MAX: usize = 20_000;
const RETAINED_MAX: usize = 5_000;
const HELD_MAX: usize = 10_000;

/// The beginning of a small packet costs no client its connection.
const UNUSED_MAX: usize = 4 * 1024;

/// The broker's own retained messages.
const SYS_MAX: usize = 10_000;

/// Steps until the input is used up.
const STEPS_MAX: usize = 400;

struct Link {
    id: ConnectionId,
    version: Version,
    /// Bytes that the broker has not used.
    rest: Vec<u8>,
    /// Bytes that have come back and are not a whole packet yet.
    answers: Vec<u8>,
}

struct Run {
    core: Core,
    now: Time,
    links: Vec<Option<Link>>,
}

pub fn run(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let mut run = Run::new(&mut source);
    for _ in 0..STEPS_MAX {
        if source.is_empty() {
            break;
        }
        run.step(&mut source);
        run.check();
    }
    run.end();
}

impl Run {
    fn new(source: &mut Source<'_>) -> Self {
        let mut config = CoreConfig::default();
        config.seed = Some(1);
        if source.rarely(3) {
            config = config.asking();
        }
        config.protocol.receive_maximum = source.pick(&[1_024, 1, 3]);
        config.protocol.topic_alias_maximum = source.pick(&[64, 0, 2]);
        config.protocol.maximum_packet_size = source.pick(&[2_000_000, 100]);
        config.protocol.maximum_qos = source.pick(&[QoS::ExactlyOnce, QoS::AtMostOnce]);
        config.protocol.window = source.pick(&[1_024, 1]);
        config.limits.queued_bytes = QUEUED_MAX;
        config.limits.queued_messages_per_client = 20;
        config.limits.held_bytes = HELD_MAX;
        config.limits.held_bytes_per_client = HELD_MAX / 2;
        config.limits.filters_per_subscribe = 3;
        config.limits.retained_bytes = RETAINED_MAX;
        config.limits.subscriptions_per_client = 5;
        config.limits.sessions = 3;
        config.limits.overflow =
            source.pick(&[Overflow::DropNewest, Overflow::DropOldest, Overflow::Disconnect]);
        // Rare enough that a long time is not mostly this.
        config.sys_interval = Duration::from_secs(1_000);
        let now = Time::ORIGIN;
        let links = (0..CLIENTS).map(|_| None).collect();
        Self { core: Core::new(now, config), now, links }
    }

    fn step(&mut self, source: &mut Source<'_>) {
        let which = source.below(CLIENTS);
        match source.below(12) {
            0..=1 => self.connect(which, source),
            2 => self.cut(which),
            3 => self.pass_time(source),
            4 => self.decide(source),
            5 => {
                let garbage = source.binary().to_vec();
                self.feed(which, &garbage);
            }
            _ => self.send(which, source),
        }
        self.pump();
    }

    fn connect(&mut self, which: usize, source: &mut Source<'_>) {
        self.cut(which);
        let version = source.pick(&[Version::V5, Version::V3_1_1, Version::V3_1, Version::V5]);
        let Some(id) = self.core.open(self.now, Peer::default()) else { return };
        self.links[which] = Some(Link { id, version, rest: Vec::new(), answers: Vec::new() });
        let mut connect = Connect {
            version,
            clean_start: source.flag(),
            keep_alive: source.pick(&[0, 1, 60]),
            client_id: source.pick(&["a", "b", "c", ""]),
            ..Connect::default()
        };
        if source.rarely(3) {
            connect.will = Some(Will { topic: source.pick(&["a", "a/b"]), ..Will::default() });
        }
        if version.is_v5() {
            let mut properties = Properties::new();
            for (id, values) in [
                (PropertyId::SessionExpiryInterval, [0, 5, u32::MAX]),
                (PropertyId::ReceiveMaximum, [65_535, 1, 3]),
                (PropertyId::MaximumPacketSize, [u32::MAX, 20, 60]),
                (PropertyId::TopicAliasMaximum, [0, 1, 10]),
                (PropertyId::RequestProblemInformation, [1, 0, 1]),
            ] {
                properties.set_u32(id, source.pick(&values)).expect("a valid value");
            }
            if source.rarely(4) {
                properties.set_text(PropertyId::AuthenticationMethod, "m").expect("a short text");
            }
            connect.properties = properties;
        }
        let mut bytes = Vec::new();
        // An empty identifier is not for every version.
        if connect.encode(frame::MAX_PACKET_SIZE, &mut bytes).is_ok() {
            self.feed(which, &bytes);
        }
    }

    /// Any packet, whole or cut off.
    fn send(&mut self, which: usize, source: &mut Source<'_>) {
        let Some(link) = &self.links[which] else { return };
        let version = link.version;
        let packet: Packet<'_> = generate::packet(source, version);
        let mut bytes = Vec::new();
        if packet.encode(version, frame::MAX_PACKET_SIZE, &mut bytes).is_err() {
            return;
        }
        if source.rarely(16) {
            bytes.truncate(source.below(bytes.len()));
        }
        self.feed(which, &bytes);
    }

    fn feed(&mut self, which: usize, bytes: &[u8]) {
        let Some(link) = &mut self.links[which] else { return };
        link.rest.extend_from_slice(bytes);
        let used = self.core.handle_input(self.now, link.id, &link.rest);
        assert!(used <= link.rest.len(), "not more is used than there is");
        link.rest.drain(..used);
    }

    fn cut(&mut self, which: usize) {
        if let Some(link) = self.links[which].take() {
            self.core.handle_closed(self.now, link.id);
        }
    }

    fn pass_time(&mut self, source: &mut Source<'_>) {
        let end = self.now + Duration::from_secs(source.pick(&[1, 5, 100, 100_000]));
        let mut fired = 0;
        while let Some(at) = self.core.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.core.handle_timeout(self.now);
            self.pump();
            fired += 1;
            assert!(fired < 100_000, "a timer that has fired moves on");
        }
        self.now = end;
    }

    fn decide(&mut self, source: &mut Source<'_>) {
        while let Some(question) = self.core.poll_question() {
            let decision = match source.below(4) {
                0 => Decision::Refuse(source.pick(ReasonCode::ALL)),
                1 => Decision::Challenge(source.binary().to_vec()),
                _ => Decision::accept(),
            };
            self.core.decide(self.now, question.connection, decision);
        }
    }

    fn pump(&mut self) {
        self.write();
        while self.core.poll_timeout().is_some_and(|at| at <= self.now) {
            self.core.handle_timeout(self.now);
            self.write();
        }
    }

    fn write(&mut self) {
        let mut out = OutBuffer::new();
        while let Some(id) = self.core.poll_ready() {
            let place =
                self.links.iter().position(|link| link.as_ref().is_some_and(|link| link.id == id));
            let which = place.expect("a connection that is open");
            while self.core.poll_transmit(id, &mut out) {
                let Some(link) = &mut self.links[which] else { return };
                link.answers.extend(out.to_vec());
                out.clear(0);
                link.read_answers();
            }
            if self.core.is_closing(id) {
                self.cut(which);
            } else if self.core.take_resumed(id) {
                self.feed(which, &[]);
            }
        }
    }

    fn check(&self) {
        let statistics = self.core.statistics(self.now);
        // The outgoing buffers have been emptied; what is left waits in sessions.
        assert!(statistics.queued_bytes <= QUEUED_MAX, "{statistics:?}");
        assert!(statistics.held_bytes <= HELD_MAX + CLIENTS * UNUSED_MAX, "{statistics:?}");
        assert!(statistics.retained_bytes <= RETAINED_MAX + SYS_MAX, "{statistics:?}");
        assert!(statistics.clients_connected + statistics.clients_disconnected <= 3);
        assert!(statistics.subscriptions <= 15, "{statistics:?}");
    }

    /// Everyone leaves, and in the end nothing is left but what lives for ever.
    fn end(mut self) {
        (0..CLIENTS).for_each(|which| self.cut(which));
        let statistics = self.core.statistics(self.now);
        assert_eq!((statistics.connections, statistics.clients_connected), (0, 0));
        // Nothing is counted that is not there.
        let ids: Vec<_> =
            self.core.sessions(self.now).map(|session| session.client.client_id.clone()).collect();
        for id in ids {
            self.core.delete_session(self.now, &id);
        }
        let statistics = self.core.statistics(self.now);
        let left = (statistics.queued_messages, statistics.queued_bytes, statistics.held_bytes);
        assert_eq!(left, (0, 0, 0), "{statistics:?}");
        assert_eq!((statistics.subscriptions, statistics.retained_unsent), (0, 0));
    }
}

impl Link {
    /// What the broker sends are packets of the client's version, which a server may send.
    fn read_answers(&mut self) {
        loop {
            // A version that is not spoken is refused in the words of MQTT 3.1.1.
            let found = frame::parse(&self.answers, self.version, frame::MAX_PACKET_SIZE);
            let Some(frame) = found.expect("a packet") else { break };
            let packet = Packet::decode(&frame, self.version).expect("a valid packet");
            let from_clients = [
                PacketType::Connect,
                PacketType::Subscribe,
                PacketType::Unsubscribe,
                PacketType::PingReq,
            ];
            assert!(!from_clients.contains(&packet.packet_type()), "{packet}");
            let len = frame.len;
            self.answers.drain(..len);
        }
        assert!(self.answers.is_empty(), "only whole packets");
    }
}
