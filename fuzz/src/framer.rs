//! A stream from the server, cut at arbitrary places: events, messages and answers are those of the
//! same stream in one piece.
//!
//! Acknowledgements that were due and messages that are sent again leave at the end of an input.
//! With more inputs they may come earlier in relation to other packets; they do not come at all when
//! the connection fails first, and neither does a message that is acknowledged before it was sent
//! again, nor a PUBREC whose PUBREL is there before it.

use mqttlink::codec::{
    ConnAck, Packet, PacketId, PacketType, Properties, PropertyId, Publish as PublishPacket, QoS,
    ReasonCode, Version, frame,
};
use mqttlink::proto::{
    AckOutcome, AckToken, ClientConnection, Config, ConnectOptions, Counters, Event, Incoming,
    OutBuffer, Publish, SubscribeRequest, Time, Token, Unsubscribe,
};

use super::generate;
use super::source::Source;

/// After so many pieces the rest of the stream comes at once.
const PIECES_MAX: usize = 2000;

pub fn run(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let setup = Setup::choose(&mut source);
    let cuts: Vec<usize> = (0..=source.below(8)).map(|_| 1 + source.below(40)).collect();
    let stream = stream(&mut source, setup.version);
    compare(&setup, &stream, &cuts);
}

/// What the client has been through before the stream begins.
#[derive(Debug, Clone)]
pub struct Setup {
    version: Version,
    stage: Stage,
    stream_above: Option<usize>,
    receive_maximum: u16,
    topic_alias_maximum: u16,
    maximum_packet_size: u32,
    problem_information: bool,
    method: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// CONNACK is awaited.
    Connecting,
    /// Messages and requests are in flight in both directions.
    Connected,
    /// As before, but on a second connection, where most messages wait to be sent again.
    Resumed,
}

impl Setup {
    pub fn choose(source: &mut Source<'_>) -> Self {
        const STAGES: [Stage; 4] =
            [Stage::Connected, Stage::Resumed, Stage::Connecting, Stage::Connected];
        let version = source.pick(&[Version::V5, Version::V3_1_1, Version::V3_1, Version::V5]);
        Self {
            version,
            stage: source.pick(&STAGES),
            stream_above: source.pick(&[None, Some(0), Some(5), Some(100)]),
            receive_maximum: source.pick(&[u16::MAX, 5]),
            topic_alias_maximum: source.pick(&[3, 0, u16::MAX]),
            maximum_packet_size: source.pick(&[1 << 20, 64]),
            problem_information: !source.rarely(4),
            method: source.rarely(4) && version.is_v5(),
        }
    }

    fn options(&self) -> ConnectOptions {
        let mut options = ConnectOptions::default();
        options.version = self.version;
        options.client_id = "c".to_owned();
        options.clean_start = self.stage != Stage::Resumed;
        options.receive_maximum = self.receive_maximum;
        options.topic_alias_maximum = self.topic_alias_maximum;
        options.maximum_packet_size = self.maximum_packet_size;
        options.request_problem_information = self.problem_information;
        options.authentication_method = self.method.then(|| "m".to_owned());
        options
    }

    /// The client at the beginning of the stream, the same each time.
    fn client(&self) -> ClientConnection {
        let mut config = Config::default();
        config.stream_above = self.stream_above;
        config.record_frames = true;
        let mut client = ClientConnection::new(config);
        client.connect(Time::ORIGIN, &self.options()).expect("options that can be expressed");
        if self.stage == Stage::Connecting {
            return client;
        }
        self.accept(&mut client, false, None);
        self.fill(&mut client);
        if self.stage == Stage::Resumed {
            client.handle_disconnected(Time::ORIGIN);
            client.connect(Time::ORIGIN, &self.options()).expect("as before");
            self.accept(&mut client, true, Some(1));
        }
        while client.poll_event().is_some() {}
        client
    }

    fn accept(&self, client: &mut ClientConnection, present: bool, receive_maximum: Option<u32>) {
        let mut properties = Properties::new();
        if self.method {
            properties.set_text(PropertyId::AuthenticationMethod, "m").expect("a short text");
        }
        if let (Some(maximum), true) = (receive_maximum, self.version.is_v5()) {
            properties.set_u32(PropertyId::ReceiveMaximum, maximum).expect("not 0");
        }
        let session_present = present && self.version != Version::V3_1;
        let connack = ConnAck { session_present, reason: ReasonCode::Success, properties };
        self.feed(client, &Packet::ConnAck(connack));
        assert!(client.is_connected(), "the server has accepted");
    }

    /// Puts identifiers 1 to 6 of the client and 1 to 3 of the server into flight.
    fn fill(&self, client: &mut ClientConnection) {
        for (token, qos) in [1, 1, 2, 2].into_iter().zip(1..).map(|(qos, token)| (token, qos)) {
            let qos = QoS::from_u8(qos).expect("1 or 2");
            let publish = Publish::new("a", b"payload").qos(qos);
            client.publish(Time::ORIGIN, &publish, Token(token)).expect("there is room");
        }
        let subscribe = SubscribeRequest::new("a", QoS::AtLeastOnce).filter("b/#", QoS::AtMostOnce);
        client.subscribe(&subscribe, Token(5)).expect("connected");
        client.unsubscribe(&Unsubscribe::new("a"), Token(6)).expect("connected");
        for (id, qos) in [(1, QoS::ExactlyOnce), (2, QoS::ExactlyOnce), (3, QoS::AtLeastOnce)] {
            let publish = PublishPacket {
                topic: "a",
                qos,
                packet_id: PacketId::new(id),
                ..Default::default()
            };
            let ack = self.feed(client, &Packet::Publish(publish));
            if id == 1 {
                client.acknowledge(ack.expect("a token"), AckOutcome::default());
            }
        }
        client.poll_transmit(&mut OutBuffer::new());
    }

    /// The packets in order of type, those of one type in their own order, without those that leave
    /// at the end of an input if there may be fewer of them.
    fn by_type(&self, mut bytes: &[u8], failed: bool) -> Vec<Vec<u8>> {
        let left_out = |packet| match packet {
            PacketType::Publish => failed || self.stage == Stage::Resumed,
            PacketType::PubAck => failed,
            PacketType::PubRec => failed || self.stage != Stage::Connecting,
            _ => false,
        };
        let mut packets = Vec::new();
        while let Ok(Some(found)) = frame::parse(bytes, self.version, frame::MAX_PACKET_SIZE) {
            let (packet, rest) = bytes.split_at(found.len);
            if !left_out(found.packet_type) {
                packets.push((found.packet_type, packet.to_vec()));
            }
            bytes = rest;
        }
        assert!(bytes.is_empty(), "only whole packets are sent");
        packets.sort_by_key(|(packet_type, _)| *packet_type);
        packets.into_iter().map(|(_, packet)| packet).collect()
    }

    /// The server sends a packet. Returns what acknowledges it, if it is a message.
    fn feed(&self, client: &mut ClientConnection, packet: &Packet<'_>) -> Option<AckToken> {
        let mut bytes = Vec::new();
        packet.encode(self.version, frame::MAX_PACKET_SIZE, &mut bytes).expect("a valid packet");
        let used = client.handle_input(Time::ORIGIN, &bytes);
        assert_eq!(used, bytes.len());
        let mut incoming = Vec::new();
        client.poll_incoming(&mut incoming);
        client.poll_frames();
        match incoming.first() {
            Some(Incoming::Message(message)) => message.ack(),
            _ => None,
        }
    }
}

/// Packets as a server may send them, and now and then something else.
pub fn stream(source: &mut Source<'_>, version: Version) -> Vec<u8> {
    let mut stream = Vec::new();
    while !source.is_empty() {
        let start = stream.len();
        let packet = match source.below(8) {
            0 => {
                let raw = source.byte();
                stream.extend_from_slice(source.bytes(usize::from(raw) % 32));
                continue;
            }
            1 => generate::packet(source, version),
            _ => generate::from_server(source, version),
        };
        packet.encode(version, frame::MAX_PACKET_SIZE, &mut stream).expect("a valid packet");
        if source.rarely(16) {
            let at = source.below((stream.len() - start).min(65_536));
            stream[start + at] = source.byte();
        }
    }
    stream
}

/// Everything that can be seen of a client after the stream.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<Event>,
    messages: Vec<Message>,
    sent: Vec<Vec<u8>>,
    left: Vec<u8>,
    packets_at: Vec<usize>,
    counters: Counters,
    closing: bool,
    in_flight: usize,
    unacknowledged_received: usize,
}

#[derive(Debug, PartialEq)]
struct Message {
    topic: String,
    properties: String,
    payload: Vec<u8>,
    head: (QoS, bool, bool),
    ack: Option<AckToken>,
    complete: bool,
}

/// Feeds the stream in one piece and in pieces of the given lengths, which repeat.
pub fn compare(setup: &Setup, stream: &[u8], cuts: &[usize]) {
    let whole = drive(setup, stream, &[stream.len().max(1)]);
    let pieces = drive(setup, stream, cuts);
    assert_eq!(pieces, whole, "{setup:?}, pieces of {cuts:?}");
}

fn drive(setup: &Setup, stream: &[u8], cuts: &[usize]) -> Outcome {
    let mut client = setup.client();
    let mut messages: Vec<Message> = Vec::new();
    let (mut events, mut packets_at) = (Vec::new(), Vec::new());
    let (mut begun, mut end) = (0, 0);
    for index in 0.. {
        if end == stream.len() {
            break;
        }
        let piece = if index < PIECES_MAX { cuts[index % cuts.len()] } else { stream.len() };
        end = stream.len().min(end + piece);
        let input = &stream[begun..end];
        let used = client.handle_input(Time::ORIGIN, input);
        collect(&mut client, &input[..used], &mut messages, &mut events);
        packets_at.extend(client.poll_frames().into_iter().map(|place| begun + place.start));
        begun += used;
    }
    for ack in messages.iter().filter_map(|message| message.ack) {
        client.acknowledge(ack, AckOutcome::default());
    }
    let mut out = OutBuffer::new();
    client.poll_transmit(&mut out);
    let closing = client.is_closing();
    let mut counters = client.counters();
    if closing || setup.stage == Stage::Resumed {
        (counters.bytes_sent, counters.messages_resent) = (0, 0);
    }
    Outcome {
        events,
        messages,
        sent: setup.by_type(&out.to_vec(), closing),
        left: stream[begun..].to_vec(),
        packets_at,
        counters,
        closing,
        in_flight: client.in_flight(),
        unacknowledged_received: client.unacknowledged_received(),
    }
}

/// Takes the messages of one input, where chunks join the message they belong to, and the events,
/// which are told their place among the messages of all inputs.
fn collect(
    client: &mut ClientConnection,
    input: &[u8],
    messages: &mut Vec<Message>,
    events: &mut Vec<Event>,
) {
    let mut incoming = Vec::new();
    client.poll_incoming(&mut incoming);
    while let Some(mut event) = client.poll_event() {
        if let Event::Answered { place, .. } = &mut event {
            let is_message = |one: &&Incoming| matches!(one, Incoming::Message(_));
            *place = messages.len() + incoming[..*place].iter().filter(is_message).count();
        }
        events.push(event);
    }
    for one in incoming {
        match one {
            Incoming::Message(message) => messages.push(Message {
                topic: message.topic(input).to_owned(),
                properties: message.properties(input).to_string(),
                payload: message.payload(input).to_vec(),
                head: (message.qos(), message.retain(), message.dup()),
                ack: message.ack(),
                complete: message.streamed_len().is_none(),
            }),
            Incoming::Chunk { range, last } => {
                let message = messages.last_mut().expect("a chunk follows its message");
                assert!(!message.complete, "nothing follows the last chunk");
                message.payload.extend_from_slice(&input[range.start as usize..range.end as usize]);
                message.complete = last;
            }
        }
    }
}
