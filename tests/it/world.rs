//! A broker in memory and in virtual time, and clients that send it what a script says.

use std::time::Duration;

use mqttlink::broker::{ConnectionId, Core, CoreConfig, Decision, Peer, Question};
use mqttlink::codec::{
    self, Ack, AckKind, Connect, Packet, PacketId, Subscribe, SubscribeFilter, Unsubscribe,
    Version, Will, frame,
};
use mqttlink::proto::{OutBuffer, Time};
use mqttlink::{Properties, PropertyId, QoS, ReasonCode, SubscribeOptions};

use crate::hex::{hex, show, unhex};

pub(crate) const V3: Version = Version::V3_1;
pub(crate) const V4: Version = Version::V3_1_1;
pub(crate) const V5: Version = Version::V5;

/// A client of the world, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Client(usize);

struct Raw {
    connection: Option<ConnectionId>,
    version: Version,
    /// Bytes from the broker that the script has not looked at.
    inbox: Vec<u8>,
    /// Bytes for the broker that it has not used.
    rest: Vec<u8>,
    closed: bool,
    next_id: u16,
}

/// The broker under test and its clients.
pub(crate) struct World {
    pub(crate) core: Core,
    pub(crate) now: Time,
    clients: Vec<Raw>,
}

/// A CONNECT of MQTT 5.0 with a clean start, or of an older version with a clean session.
pub(crate) fn hello(version: Version, client_id: &str) -> Connect<'_> {
    Connect { version, client_id, clean_start: true, ..Connect::default() }
}

/// A CONNECT whose session lives on for an hour, before MQTT 5.0 for ever.
pub(crate) fn lasting(version: Version, client_id: &str) -> Connect<'_> {
    let mut connect = Connect { version, client_id, ..Connect::default() };
    if version.is_v5() {
        connect.properties = number(PropertyId::SessionExpiryInterval, 3600);
    }
    connect
}

/// The will `w` with this topic.
pub(crate) fn will(topic: &str) -> Will<'_> {
    Will { topic, payload: b"w", ..Will::default() }
}

/// One property that is a number.
pub(crate) fn number(id: PropertyId, value: u32) -> Properties<'static> {
    let mut properties = Properties::new();
    properties.set_u32(id, value).expect("a valid property");
    properties
}

pub(crate) fn packet_id(number: u16) -> PacketId {
    PacketId::new(number).expect("not 0")
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A broker that is set up in another way.
    pub(crate) fn with(change: impl FnOnce(&mut CoreConfig)) -> Self {
        let mut config = CoreConfig::default();
        change(&mut config);
        let now = Time::from_origin(Duration::from_secs(1_000));
        Self { core: Core::new(now, config), now, clients: Vec::new() }
    }

    /// A connection on which nothing has been sent.
    pub(crate) fn open(&mut self, version: Version) -> Client {
        let connection = self.core.open(self.now, Peer::default());
        self.clients.push(Raw {
            closed: connection.is_none(),
            connection,
            version,
            inbox: Vec::new(),
            rest: Vec::new(),
            next_id: 1,
        });
        Client(self.clients.len() - 1)
    }

    /// Sends CONNECT on a new connection.
    pub(crate) fn say(&mut self, connect: &Connect<'_>) -> Client {
        let client = self.open(connect.version);
        let mut bytes = Vec::new();
        connect.encode(frame::MAX_PACKET_SIZE, &mut bytes).expect("a valid CONNECT");
        self.send_bytes(client, &bytes);
        client
    }

    /// Connects and looks at CONNACK, which accepts; says whether a session goes on.
    pub(crate) fn accepted(&mut self, connect: &Connect<'_>) -> (Client, bool) {
        let client = self.say(connect);
        let line = self.expect(client);
        assert!(line.starts_with("CONNACK") && !line.contains("reason="), "{line}");
        (client, line.contains("session_present"))
    }

    /// A client with a clean start.
    pub(crate) fn connect(&mut self, version: Version, client_id: &str) -> Client {
        self.accepted(&hello(version, client_id)).0
    }

    /// A client whose session lives on.
    pub(crate) fn connect_lasting(&mut self, version: Version, client_id: &str) -> Client {
        self.accepted(&lasting(version, client_id)).0
    }

    /// The client sends bytes, as one read.
    pub(crate) fn send_bytes(&mut self, client: Client, bytes: &[u8]) {
        self.raw(client).rest.extend_from_slice(bytes);
        self.feed(client);
        self.pump();
    }

    fn feed(&mut self, client: Client) {
        let (now, raw) = (self.now, &mut self.clients[client.0]);
        let Some(connection) = raw.connection else { return };
        let rest = std::mem::take(&mut raw.rest);
        let used = self.core.handle_input(now, connection, &rest);
        self.raw(client).rest.extend_from_slice(&rest[used..]);
    }

    /// The client sends bytes given in hexadecimal.
    pub(crate) fn send_hex(&mut self, client: Client, hex: &str) {
        self.send_bytes(client, &unhex(hex));
    }

    pub(crate) fn send(&mut self, client: Client, packet: &Packet<'_>) {
        let version = self.raw(client).version;
        let mut bytes = Vec::new();
        packet.encode(version, frame::MAX_PACKET_SIZE, &mut bytes).expect("a valid packet");
        self.send_bytes(client, &bytes);
    }

    pub(crate) fn ack(&mut self, client: Client, kind: AckKind, number: u16) {
        self.send(client, &Packet::Ack(Ack::new(kind, packet_id(number))));
    }

    pub(crate) fn ack_with(&mut self, client: Client, kind: AckKind, id: u16, reason: ReasonCode) {
        self.send(client, &Packet::Ack(Ack { reason, ..Ack::new(kind, packet_id(id)) }));
    }

    /// Sends SUBSCRIBE and looks at SUBACK, which grants what was asked for.
    pub(crate) fn subscribe(
        &mut self,
        client: Client,
        filter: &str,
        options: impl Into<SubscribeOptions>,
    ) {
        let options = options.into();
        let line = self.subscribe_with(client, &[(filter, options)], Properties::new());
        let granted = ["granted QoS 0", "granted QoS 1", "granted QoS 2"];
        assert!(line.contains(granted[usize::from(options.qos.number())]), "{line}");
    }

    /// Sends SUBSCRIBE and returns the answer.
    pub(crate) fn subscribe_with(
        &mut self,
        client: Client,
        filters: &[(&str, SubscribeOptions)],
        properties: Properties<'_>,
    ) -> String {
        let packet_id = self.take_id(client);
        let filters =
            filters.iter().map(|(filter, options)| SubscribeFilter { filter, options: *options });
        let filters = filters.collect();
        self.send(client, &Packet::Subscribe(Subscribe { packet_id, properties, filters }));
        let line = self.expect(client);
        assert!(line.starts_with(&format!("SUBACK id={packet_id}")), "{line}");
        line
    }

    /// Sends UNSUBSCRIBE and returns the answer.
    pub(crate) fn unsubscribe(&mut self, client: Client, filters: &[&str]) -> String {
        let packet_id = self.take_id(client);
        let (properties, filters) = (Properties::new(), filters.to_vec());
        self.send(client, &Packet::Unsubscribe(Unsubscribe { packet_id, properties, filters }));
        self.expect(client)
    }

    /// Publishes the message `m` and looks at all acknowledgements.
    pub(crate) fn publish(&mut self, client: Client, topic: &str, qos: QoS) {
        self.publish_packet(client, codec::Publish { topic, qos, ..message() });
    }

    /// Publishes a retained message.
    pub(crate) fn retain(&mut self, client: Client, topic: &str, payload: &str, qos: QoS) {
        let payload = payload.as_bytes();
        let packet = codec::Publish { topic, qos, payload, retain: true, ..message() };
        self.publish_packet(client, packet);
    }

    /// Publishes a message, whose packet identifier is chosen here, and looks at all
    /// acknowledgements, which are successes.
    pub(crate) fn publish_packet(&mut self, client: Client, packet: codec::Publish<'_>) {
        let qos = packet.qos;
        let line = self.offer(client, packet);
        match qos {
            QoS::AtMostOnce => assert_eq!(line, ""),
            QoS::AtLeastOnce => assert!(is_success(&line, "PUBACK"), "{line}"),
            QoS::ExactlyOnce => {
                assert!(is_success(&line, "PUBREC"), "{line}");
                let id = self.raw(client).next_id - 1;
                self.ack(client, AckKind::PubRel, id);
                let line = self.expect(client);
                assert!(is_success(&line, "PUBCOMP"), "{line}");
            }
        }
    }

    /// Publishes a message, whose packet identifier is chosen here, and returns the first answer.
    pub(crate) fn offer(&mut self, client: Client, packet: codec::Publish<'_>) -> String {
        let packet_id = (packet.qos != QoS::AtMostOnce).then(|| self.take_id(client));
        self.send(client, &Packet::Publish(codec::Publish { packet_id, ..packet }));
        // The client may be a subscriber too: its own message is not the answer.
        match packet_id {
            None => String::new(),
            Some(_) => {
                let lines = self.expect_all(client);
                let place = lines.iter().position(|line| !line.starts_with("PUBLISH"));
                let place = place.unwrap_or_else(|| panic!("an answer: {lines:?}"));
                let answer = lines[place].clone();
                for (at, line) in lines.iter().enumerate() {
                    assert!(at == place || line.starts_with("PUBLISH"), "{line}");
                }
                answer
            }
        }
    }

    fn take_id(&mut self, client: Client) -> PacketId {
        let raw = self.raw(client);
        raw.next_id += 1;
        packet_id(raw.next_id - 1)
    }

    fn raw(&mut self, client: Client) -> &mut Raw {
        &mut self.clients[client.0]
    }

    /// Lets the broker say what it has to say.
    pub(crate) fn pump(&mut self) {
        self.write();
        while self.core.poll_timeout().is_some_and(|at| at <= self.now) {
            self.core.handle_timeout(self.now);
            self.write();
        }
    }

    /// Everything that waits is written.
    pub(crate) fn write(&mut self) {
        let mut out = OutBuffer::new();
        while let Some(connection) = self.core.poll_ready() {
            let place = self.clients.iter().position(|raw| raw.connection == Some(connection));
            let client = Client(place.expect("a connection of this world"));
            while self.core.poll_transmit(connection, &mut out) {
                self.raw(client).inbox.extend(out.to_vec());
                out.clear(0);
            }
            if self.core.is_closing(connection) {
                self.core.handle_closed(self.now, connection);
                let raw = self.raw(client);
                raw.connection = None;
                raw.closed = true;
            } else if self.core.take_resumed(connection) {
                self.feed(client);
            }
        }
    }

    /// The version that a client speaks.
    pub(crate) fn version(&self, client: Client) -> Version {
        self.clients[client.0].version
    }

    /// The bytes of the next packet that the client has got, if there is one.
    pub(crate) fn next_bytes(&mut self, client: Client) -> Option<Vec<u8>> {
        let is_empty = self.raw(client).inbox.is_empty();
        (!is_empty).then(|| self.expect_bytes(client))
    }

    /// The bytes of the next packet that the client has got.
    pub(crate) fn expect_bytes(&mut self, client: Client) -> Vec<u8> {
        let raw = self.raw(client);
        let found = frame::parse(&raw.inbox, raw.version, frame::MAX_PACKET_SIZE);
        let len = found.expect("a packet").expect("the client has got a packet").len;
        raw.inbox.drain(..len).collect()
    }

    /// The next packet that the client has got, as its one line of text, without the reason string
    /// that explains it.
    pub(crate) fn expect(&mut self, client: Client) -> String {
        let line = self.expect_whole(client);
        match line.split_once(" reason string=\"") {
            Some((before, behind)) => {
                let (_, after) = behind.split_once('"').expect("the end of a text");
                format!("{before}{after}")
            }
            None => line,
        }
    }

    /// The next packet that the client has got, as its one line of text.
    pub(crate) fn expect_whole(&mut self, client: Client) -> String {
        let bytes = self.expect_bytes(client);
        show(&bytes, self.raw(client).version)
    }

    pub(crate) fn expect_hex(&mut self, client: Client) -> String {
        hex(&self.expect_bytes(client))
    }

    /// All packets that the client has got.
    pub(crate) fn expect_all(&mut self, client: Client) -> Vec<String> {
        let mut lines = Vec::new();
        while !self.raw(client).inbox.is_empty() {
            lines.push(self.expect(client));
        }
        lines
    }

    /// The client has got nothing that was not looked at, and is still connected.
    pub(crate) fn expect_nothing(&mut self, client: Client) {
        let raw = self.raw(client);
        assert_eq!(hex(&raw.inbox), "");
        assert!(!raw.closed, "the connection is open");
    }

    /// The broker has closed the connection without a word.
    pub(crate) fn expect_closed(&mut self, client: Client) {
        let raw = self.raw(client);
        assert_eq!(hex(&raw.inbox), "");
        assert!(raw.closed, "the connection is closed");
    }

    /// The broker has ended the connection: in MQTT 5.0 with DISCONNECT and this reason.
    pub(crate) fn expect_end(&mut self, client: Client, reason: ReasonCode) {
        if self.raw(client).version.is_v5() {
            assert_eq!(self.expect(client), format!("DISCONNECT reason={reason}"));
        }
        self.expect_closed(client);
    }

    pub(crate) fn is_closed(&mut self, client: Client) -> bool {
        self.raw(client).closed
    }

    /// The link breaks.
    pub(crate) fn cut(&mut self, client: Client) {
        let now = self.now;
        let raw = self.raw(client);
        raw.closed = true;
        raw.rest.clear();
        if let Some(connection) = raw.connection.take() {
            self.core.handle_closed(now, connection);
        }
        self.pump();
    }

    /// The client says goodbye.
    pub(crate) fn goodbye(&mut self, client: Client) {
        self.send(client, &Packet::Disconnect(codec::Disconnect::new(ReasonCode::Success)));
        assert!(self.is_closed(client));
    }

    /// Time passes, with every timer at its moment.
    pub(crate) fn advance(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.core.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.core.handle_timeout(self.now);
            self.pump();
        }
        self.now = end;
    }

    pub(crate) fn advance_secs(&mut self, seconds: u64) {
        self.advance(Duration::from_secs(seconds));
    }

    /// What the broker asks about a client.
    pub(crate) fn question(&mut self) -> Question {
        self.core.poll_question().expect("the broker asks")
    }

    pub(crate) fn decide(&mut self, question: &Question, decision: Decision) {
        self.core.decide(self.now, question.connection, decision);
        self.pump();
    }
}

fn is_success(line: &str, packet: &str) -> bool {
    let nobody = ReasonCode::NoMatchingSubscribers.to_string();
    line.starts_with(packet) && (!line.contains("reason=") || line.contains(&nobody))
}

/// The message `m`.
pub(crate) fn message() -> codec::Publish<'static> {
    codec::Publish { topic: "t", payload: b"m", ..codec::Publish::default() }
}
