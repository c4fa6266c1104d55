//! The client's side of a session.

mod commands;
mod handshake;
mod receive;

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use super::alias::{InboundAliases, OutboundAliases};
use super::inbound::Inbound;
use super::keep_alive::{Due, KeepAlive};
use super::out_queue::{OutBuffer, OutQueue};
use super::outbound::{Outbound, Quota, put_release};
use super::{AckToken, Event, Incoming, Limits, ProtocolError, PublishOutcome, Time, Token};
use crate::codec::{Disconnect, Packet, QoS, Version, frame};
use commands::OpenStream;
pub use commands::{Queued, StreamId};
use handshake::Handshake;

/// How many messages are in flight before MQTT 5.0, where the server does not say what it takes.
const SILENT_WINDOW: u16 = 100;

/// How many of them have QoS 2. As many as mosquitto takes: it answers a message beyond that with a
/// PUBREC that cannot say so before MQTT 5.0, and throws it away.
const SILENT_WINDOW_EXACTLY_ONCE: u16 = 20;

/// How much memory of an emptied buffer is kept for the next packets, in bytes.
const KEPT_CAPACITY: usize = 64 * 1024;

/// How a client uses the protocol; the same for all connections of its session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How many messages of QoS 1 and 2 may be in flight, if the server allows that many. Default
    /// `None`: in MQTT 5.0 what the server allows; before it 100, and 20 of QoS 2, which is what
    /// mosquitto takes without losing messages.
    pub window: Option<u16>,
    /// How many bytes may wait in the outgoing buffer before a publish has to wait. One message may
    /// exceed it. Default: 1 MiB.
    pub out_buffer_max: usize,
    /// How many bytes of messages in flight are kept before a publish has to wait. One message may
    /// exceed it. Default: 64 MiB.
    pub in_flight_bytes_max: usize,
    /// How many topic aliases are assigned automatically, if the server takes that many. Default: 0,
    /// which is none.
    pub topic_aliases: u16,
    /// How long the answer to a PINGREQ may take. Default: 10 s.
    pub ping_timeout: Duration,
    /// Whether the places of the packets in the input are kept for
    /// [`ClientConnection::poll_frames`]. Default: no.
    pub record_frames: bool,
    /// A message whose payload is longer than this many bytes is handed over in chunks. Default:
    /// `None`, always whole.
    pub stream_above: Option<usize>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            window: None,
            out_buffer_max: 1024 * 1024,
            in_flight_bytes_max: 64 * 1024 * 1024,
            topic_aliases: 0,
            ping_timeout: Duration::from_secs(10),
            record_frames: false,
            stream_above: None,
        }
    }
}

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No connection.
    Idle,
    /// CONNECT has been queued, CONNACK is awaited.
    Connecting,
    Connected,
    /// What is queued may still be written; then the connection is closed.
    Closing,
}

/// Counts of what went over the wire, since the client was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// Packets received.
    pub packets_received: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Messages received, by QoS, repetitions included.
    pub messages_received: [u64; 3],
    /// Messages accepted for sending, by QoS.
    pub messages_sent: [u64; 3],
    /// Messages sent again after a reconnect.
    pub messages_resent: u64,
    /// Bytes given to the connection.
    pub bytes_sent: u64,
    /// Connections that the server accepted.
    pub connects: u64,
}

/// The payload of a large message that is being received in chunks.
#[derive(Debug)]
struct StreamIn {
    left: usize,
    /// A repetition, whose payload is thrown away.
    discard: bool,
    ack: Option<AckToken>,
}

/// One client's side of a session: the protocol, without clock, socket or thread.
///
/// One value lives through many connections: [`connect`](Self::connect) begins one, and
/// [`handle_disconnected`](Self::handle_disconnected) ends it. Between them bytes go in through
/// [`handle_input`](Self::handle_input) and come out of [`poll_transmit`](Self::poll_transmit).
/// Messages of QoS 1 and 2 that are in flight stay with it.
#[derive(Debug)]
pub struct ClientConnection {
    config: Config,
    phase: Phase,
    version: Version,
    handshake: Handshake,
    /// The client identifier of the session whose messages are kept; `None` before the first one.
    session_of: Option<String>,
    limits: Limits,
    out: OutQueue,
    outbound: Outbound,
    inbound: Inbound,
    aliases_in: InboundAliases,
    aliases_out: OutboundAliases,
    keep_alive: KeepAlive,
    /// The largest packet this side takes.
    packet_max: usize,
    stream_in: Option<StreamIn>,
    stream_out: Option<OpenStream>,
    /// How many payloads were ever supplied in pieces.
    streams_out: u64,
    incoming: Vec<Incoming>,
    frames: Vec<Range<usize>>,
    events: VecDeque<Event>,
    /// The whole length of the packet whose beginning ended the last input.
    wanted: usize,
    counters: Counters,
    now: Time,
}

impl ClientConnection {
    /// A session without a connection.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let keep_alive = KeepAlive::new(config.ping_timeout);
        Self {
            config,
            phase: Phase::Idle,
            version: Version::V5,
            handshake: Handshake::default(),
            session_of: None,
            limits: Limits::default(),
            out: OutQueue::default(),
            outbound: Outbound::default(),
            inbound: Inbound::default(),
            aliases_in: InboundAliases::default(),
            aliases_out: OutboundAliases::default(),
            keep_alive,
            packet_max: frame::MAX_PACKET_SIZE,
            stream_in: None,
            stream_out: None,
            streams_out: 0,
            incoming: Vec::new(),
            frames: Vec::new(),
            events: VecDeque::new(),
            wanted: 0,
            counters: Counters::default(),
            now: Time::ORIGIN,
        }
    }

    /// The connection is gone, for whatever reason. Messages in flight wait for the next one;
    /// subscribe and unsubscribe requests that were not answered are reported as such.
    pub fn handle_disconnected(&mut self, now: Time) {
        self.now = now;
        self.phase = Phase::Idle;
        self.keep_alive.stop();
        if let Some(StreamIn { ack: Some(ack), discard: false, .. }) = self.stream_in.take() {
            self.inbound.withdraw(ack);
        }
        let open = self.stream_out.take().and_then(|open| open.packet_id);
        let (requests, streams) = self.outbound.end_connection(open);
        self.events.extend(requests.into_iter().map(|token| Event::Unanswered { token }));
        let outcome = PublishOutcome::Dropped(super::DropReason::StreamInterrupted);
        self.finish(streams.into_iter().map(|token| (token, outcome.clone())));
        self.out.reset(KEPT_CAPACITY);
        self.wanted = 0;
    }

    /// Time has passed: call it when [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = now;
        match self.keep_alive.due(now) {
            None => {}
            Some(Due::Ping) => {
                let out = self.out.buffer().inline_mut();
                let _ = Packet::PingReq.encode(self.version, usize::MAX, out);
                self.keep_alive.ping_queued(now, self.out.end());
            }
            Some(Due::Dead) => {
                let silence = self.config.ping_timeout;
                self.fail(ProtocolError::KeepAlive { silence });
            }
        }
    }

    /// Outgoing bytes have reached the socket: all up to `position`, counted from the beginning of
    /// the connection. `drained` says that they had to wait for room in the socket, which proves
    /// that the peer has taken some.
    pub fn handle_transmitted(&mut self, now: Time, position: u64, drained: bool) {
        self.now = now;
        self.keep_alive.transmitted(now, position, drained);
    }

    /// Input is not being read, or is read again: silence means nothing meanwhile.
    pub fn handle_input_paused(&mut self, now: Time, paused: bool) {
        self.now = now;
        self.keep_alive.pause(now, paused);
    }

    /// Swaps the bytes to be written into `out`, which must be empty. Says whether there are any.
    pub fn poll_transmit(&mut self, out: &mut OutBuffer) -> bool {
        let taken = self.out.take(out);
        if taken {
            self.counters.bytes_sent += u64::try_from(out.len()).unwrap_or_default();
        }
        taken
    }

    /// Takes the next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Swaps the messages of the last input into `incoming`, which must be empty. Says whether there
    /// are any.
    pub fn poll_incoming(&mut self, incoming: &mut Vec<Incoming>) -> bool {
        std::mem::swap(&mut self.incoming, incoming);
        !incoming.is_empty()
    }

    /// Whether the places of the packets of the following inputs are kept, as
    /// [`Config::record_frames`] says at first.
    pub const fn record_frames(&mut self, keep: bool) {
        self.config.record_frames = keep;
    }

    /// Takes the places of the packets of the last input, if they are
    /// [kept](Self::record_frames). Of a message that is handed over in chunks, the place of
    /// everything before the payload.
    pub fn poll_frames(&mut self) -> Vec<Range<usize>> {
        std::mem::take(&mut self.frames)
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        self.keep_alive.deadline()
    }

    /// Whether bytes wait for [`poll_transmit`](Self::poll_transmit).
    #[must_use]
    pub fn has_output(&self) -> bool {
        self.out.has_output()
    }

    /// How many bytes wait in the outgoing buffer.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.out.len()
    }

    /// Whether a payload that the caller [supplies in pieces](Self::publish_stream) is not complete.
    #[must_use]
    pub const fn awaits_payload(&self) -> bool {
        self.out.open_len() > 0
    }

    /// Whether the connection is to be closed once the queued bytes are written.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.phase == Phase::Closing
    }

    /// Whether the server has accepted the connection and it is still up.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.phase == Phase::Connected
    }

    /// Whether a payload is being handed over in chunks.
    #[must_use]
    pub const fn is_streaming(&self) -> bool {
        self.stream_in.is_some()
    }

    /// Whether a PINGREQ waits for its answer.
    #[must_use]
    pub fn awaits_pong(&self) -> bool {
        self.keep_alive.awaits_answer()
    }

    /// The whole length, in bytes, of the packet with whose beginning the last input ended; 0 if it
    /// ended between packets or the length is not known yet.
    #[must_use]
    pub const fn wanted(&self) -> usize {
        self.wanted
    }

    /// How many messages of QoS 1 and 2 await the server's acknowledgement.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.outbound.messages()
    }

    /// How many received messages of QoS 1 and 2 await this side's acknowledgement.
    #[must_use]
    pub const fn unacknowledged_received(&self) -> usize {
        self.inbound.outstanding()
    }

    /// The messages in flight, in the order in which they were first sent. `None` stands for one
    /// whose payload is not kept.
    #[must_use]
    pub fn unacknowledged(&self) -> Vec<(Token, Option<&super::Stored>)> {
        self.outbound.unacknowledged()
    }

    /// Calls `each` with every message that waits in the outgoing buffer, aliases resolved.
    pub fn each_queued(&self, each: impl FnMut(crate::codec::Publish<'_>)) {
        self.out.each_message(self.version, each);
    }

    /// The protocol version of the last connection.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The server's limits, as of the last CONNACK.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What went over the wire so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    fn finish(&mut self, outcomes: impl IntoIterator<Item = (Token, PublishOutcome)>) {
        let events =
            outcomes.into_iter().map(|(token, outcome)| Event::Published { token, outcome });
        self.events.extend(events);
    }

    /// Ends the connection because of something the server did: in MQTT 5.0 it is told why.
    fn fail(&mut self, error: ProtocolError) {
        if matches!(self.phase, Phase::Idle | Phase::Closing) {
            return;
        }
        if self.version.is_v5() {
            let packet = Disconnect::new(error.reason());
            let out = self.out.buffer().inline_mut();
            let _ = packet.encode(self.version, self.limits.maximum_packet_size, out);
        }
        self.phase = Phase::Closing;
        self.keep_alive.stop();
        self.events.push_back(Event::Failed(error));
    }

    /// Sends what may be sent now: acknowledgements whose turn has come, and messages again.
    fn pump(&mut self) {
        if self.phase != Phase::Connected {
            return;
        }
        let max_size = self.limits.maximum_packet_size;
        while let Some(ack) = self.inbound.poll_ack() {
            let _ = ack.encode(self.version, max_size, self.out.buffer().inline_mut());
        }
        if self.outbound.may_resend() {
            let (now, limits) = (self.now, &self.limits);
            let (sent, outcomes) = self.outbound.resend(now, limits, self.out.buffer());
            self.counters.messages_resent += sent;
            self.finish(outcomes);
        }
    }

    /// Goes on with the session after CONNACK: first the PUBRELs, then the messages.
    fn resume(&mut self) {
        for id in self.outbound.resume() {
            put_release(id, self.out.buffer());
        }
        self.pump();
    }

    /// How many messages may be in flight: the server says so in MQTT 5.0 only.
    fn quota(&self) -> Quota {
        let (messages, exactly_once) = match self.config.window {
            Some(window) => (window.max(1), window.max(1)),
            None if self.version.is_v5() => (u16::MAX, u16::MAX),
            None => (SILENT_WINDOW, SILENT_WINDOW_EXACTLY_ONCE),
        };
        let most = self.limits.receive_maximum;
        Quota {
            messages: usize::from(messages.min(most)),
            exactly_once: usize::from(exactly_once.min(most)),
        }
    }
}

/// Index into the per-QoS counters.
const fn qos_index(qos: QoS) -> usize {
    match qos {
        QoS::AtMostOnce => 0,
        QoS::AtLeastOnce => 1,
        QoS::ExactlyOnce => 2,
    }
}
