//! A scripted server in memory and in virtual time.

use std::time::Duration;

use mqttlink::codec::{Packet, Version, frame};
use mqttlink::proto::{
    AckOutcome, AckToken, ClientConnection, Config, ConnectOptions, Event, Incoming, OutBuffer,
    Publish, Queued, RequestError, Time, Token,
};
use mqttlink::{Properties, QoS, ReasonCode};

use crate::hex::{hex, show, unhex};

/// A message that the client handed to the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) dup: bool,
    pub(crate) properties: Properties<'static>,
    pub(crate) ack: Option<AckToken>,
}

/// The client under test and, on the other side of a link without delay, the script.
///
/// What the client sends is looked at with `expect*`, what the server says is given with `send*`.
/// Time stands still unless [`advance`](Self::advance) moves it.
pub(crate) struct Peer {
    pub(crate) client: ClientConnection,
    pub(crate) now: Time,
    pub(crate) version: Version,
    /// Bytes from the client that the script has not looked at.
    pub(crate) sent: Vec<u8>,
    /// How many bytes the client has sent on this connection.
    pub(crate) position: u64,
    /// Bytes for the client that end in the middle of a packet.
    partial: Vec<u8>,
    received: Vec<Received>,
    /// A message whose payload comes in pieces and has not come whole.
    streaming: Option<Received>,
    next_token: u64,
}

/// What the default client says, without anything that a test is not about.
pub(crate) fn options(version: Version) -> ConnectOptions {
    let mut options = ConnectOptions::default();
    options.version = version;
    options.client_id = "c".into();
    options.keep_alive = 0;
    options
}

impl Peer {
    /// A client that has not connected.
    pub(crate) fn idle(config: Config) -> Self {
        Self {
            client: ClientConnection::new(config),
            now: Time::ORIGIN,
            version: Version::V5,
            sent: Vec::new(),
            position: 0,
            partial: Vec::new(),
            received: Vec::new(),
            streaming: None,
            next_token: 0,
        }
    }

    /// A client that has sent CONNECT, which the script has not looked at.
    pub(crate) fn connecting(options: &ConnectOptions) -> Self {
        Self::configured(Config::default(), options)
    }

    /// As [`connecting`](Self::connecting), with another configuration.
    pub(crate) fn configured(config: Config, options: &ConnectOptions) -> Self {
        let mut peer = Self::idle(config);
        peer.begin(options);
        peer
    }

    /// A client that is connected with [`options`], accepted without any property.
    pub(crate) fn connected(version: Version) -> Self {
        Self::accepted(&options(version), "")
    }

    /// A client that is connected with these options; `properties` is the CONNACK's property block
    /// in hexadecimal, without its length.
    pub(crate) fn accepted(options: &ConnectOptions, properties: &str) -> Self {
        let mut peer = Self::connecting(options);
        peer.accept(false, properties);
        peer
    }

    /// Begins a connection.
    pub(crate) fn begin(&mut self, options: &ConnectOptions) {
        self.version = options.version;
        self.position = 0;
        self.sent.clear();
        self.partial.clear();
        self.client.connect(self.now, options).expect("the options can be expressed");
        self.pump();
    }

    /// Looks at CONNECT and accepts it.
    pub(crate) fn accept(&mut self, session_present: bool, properties: &str) {
        let connect = self.expect();
        assert!(connect.starts_with("CONNECT "), "{connect}");
        let flags = u8::from(session_present);
        if self.version.is_v5() {
            let properties = unhex(properties);
            let mut packet = vec![0x20, 0, flags, 0x00];
            packet.push(u8::try_from(properties.len()).expect("short properties"));
            packet.extend(properties);
            packet[1] = u8::try_from(packet.len() - 2).expect("a short packet");
            self.send_bytes(&packet);
        } else {
            self.send_bytes(&[0x20, 2, flags, 0]);
        }
        assert!(matches!(self.event(), Some(Event::Connected(_))), "the client is connected");
    }

    /// The link breaks; what was on its way is lost.
    pub(crate) fn cut(&mut self) {
        self.pump();
        self.client.handle_disconnected(self.now);
        self.sent.clear();
        self.partial.clear();
        self.streaming = None;
    }

    /// The link breaks and a new one comes up, accepted without any property.
    pub(crate) fn reconnect(&mut self, options: &ConnectOptions, session_present: bool) {
        self.cut();
        self.begin(options);
        self.accept(session_present, "");
    }

    /// Takes what the client has to send.
    pub(crate) fn pump(&mut self) {
        let mut out = OutBuffer::new();
        while self.client.poll_transmit(&mut out) {
            self.position += u64::try_from(out.len()).expect("a small number");
            self.sent.extend(out.to_vec());
            out.clear(0);
            self.client.handle_transmitted(self.now, self.position, false);
        }
    }

    /// The server sends bytes, as one read.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        let mut input = std::mem::take(&mut self.partial);
        input.extend_from_slice(bytes);
        let used = self.client.handle_input(self.now, &input);
        self.collect(&input[..used]);
        self.partial = input.split_off(used);
        self.pump();
    }

    /// The server sends bytes given in hexadecimal; blanks do not count.
    pub(crate) fn send(&mut self, hex: &str) {
        self.send_bytes(&unhex(hex));
    }

    /// The server sends a packet.
    pub(crate) fn send_packet(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.encode(self.version, frame::MAX_PACKET_SIZE, &mut bytes).expect("a valid packet");
        self.send_bytes(&bytes);
    }

    fn collect(&mut self, input: &[u8]) {
        let mut incoming = Vec::new();
        self.client.poll_incoming(&mut incoming);
        for one in incoming {
            let message = match one {
                Incoming::Message(message) => message,
                Incoming::Chunk { range, last } => {
                    let [start, end] = [range.start, range.end].map(|at| at as usize);
                    self.collect_chunk(&input[start..end], last);
                    continue;
                }
            };
            let received = Received {
                topic: message.topic(input).to_owned(),
                payload: message.payload(input).to_vec(),
                qos: message.qos(),
                retain: message.retain(),
                dup: message.dup(),
                properties: message.properties(input).into_owned(),
                ack: message.ack(),
            };
            if message.streamed_len().is_some() {
                self.streaming = Some(received);
            } else {
                self.received.push(received);
            }
        }
    }

    fn collect_chunk(&mut self, payload: &[u8], last: bool) {
        let message = self.streaming.as_mut().expect("the message has begun");
        message.payload.extend_from_slice(payload);
        if last {
            self.received.extend(self.streaming.take());
        }
    }

    /// The bytes of the next packet that the client has sent.
    pub(crate) fn expect_bytes(&mut self) -> Vec<u8> {
        self.pump();
        let frame = frame::parse(&self.sent, self.version, frame::MAX_PACKET_SIZE);
        let len = frame.expect("a packet").expect("the client has sent a packet").len;
        self.sent.drain(..len).collect()
    }

    /// The bytes of the next packet that the client has sent, in hexadecimal with blanks.
    pub(crate) fn expect_hex(&mut self) -> String {
        hex(&self.expect_bytes())
    }

    /// The next packet that the client has sent, as its one line of text.
    pub(crate) fn expect(&mut self) -> String {
        let bytes = self.expect_bytes();
        show(&bytes, self.version)
    }

    /// All packets that the client has sent, as lines of text.
    pub(crate) fn expect_all(&mut self) -> Vec<String> {
        self.pump();
        let mut lines = Vec::new();
        while !self.sent.is_empty() {
            lines.push(self.expect());
        }
        lines
    }

    /// The client has sent nothing that was not looked at.
    pub(crate) fn expect_nothing(&mut self) {
        self.pump();
        assert_eq!(hex(&self.sent), "");
    }

    /// The client ends the connection, in MQTT 5.0 with DISCONNECT and this reason, before it
    /// without a byte.
    pub(crate) fn expect_failure(&mut self, reason: ReasonCode) {
        let mut failed = false;
        while let Some(event) = self.event() {
            failed |= matches!(event, Event::Failed(_));
        }
        assert!(failed, "the client calls it an error");
        assert!(self.client.is_closing(), "the client closes the connection");
        if self.version.is_v5() {
            assert_eq!(self.expect(), format!("DISCONNECT reason={reason}"));
        }
        self.expect_nothing();
    }

    /// The next event.
    pub(crate) fn event(&mut self) -> Option<Event> {
        self.client.poll_event()
    }

    /// Messages that were handed to the application since the last call.
    pub(crate) fn messages(&mut self) -> Vec<Received> {
        std::mem::take(&mut self.received)
    }

    /// The one message that was handed to the application since the last call.
    pub(crate) fn message(&mut self) -> Received {
        let mut messages = self.messages();
        assert_eq!(messages.len(), 1, "one message: {messages:?}");
        messages.remove(0)
    }

    /// The application is done with a message.
    pub(crate) fn acknowledge(&mut self, message: &Received) {
        self.acknowledge_with(message, AckOutcome::default());
    }

    /// The application is done with a message and says how it went.
    pub(crate) fn acknowledge_with(&mut self, message: &Received, outcome: AckOutcome) {
        let token = message.ack.expect("QoS 1 or 2");
        self.client.acknowledge(token, outcome);
        self.pump();
    }

    /// Time passes, with every timer at its moment.
    pub(crate) fn advance(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.client.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.client.handle_timeout(self.now);
            self.pump();
            assert!(
                self.client.poll_timeout().is_none_or(|next| next > self.now),
                "a timer that has fired moves on"
            );
        }
        self.now = end;
    }

    /// A token that was not used before.
    pub(crate) fn token(&mut self) -> Token {
        self.next_token += 1;
        Token(self.next_token)
    }

    /// The application publishes.
    pub(crate) fn publish(&mut self, request: &Publish<'_>) -> Result<Queued, RequestError> {
        let token = self.token();
        self.client.publish(self.now, request, token)
    }
}
