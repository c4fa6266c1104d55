//! A server's side of one connection.

mod event;
mod handshake;
mod publication;
mod receive;
mod send;
mod unwritten;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

pub use event::{
    AuthRequest, ConnectRequest, Goodbye, ServerEvent, SubscribeReceived, UnsubscribeReceived,
    WillReceived,
};
pub use handshake::Accept;
pub use publication::{Outgoing, Publication, Receiver};
pub use send::Sent;
use unwritten::Unwritten;

use super::alias::{InboundAliases, OutboundAliases};
use super::inbound::Inbound;
use super::out_queue::{OutBuffer, OutQueue};
use super::outbound::Outbound;
use super::{ProtocolError, Time};
use crate::codec::{
    ConnAck, Disconnect, PacketType, Properties, PropertyId, QoS, ReasonCode, Sender, Version,
    frame,
};

/// What a server offers; the same for all its connections.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerConfig {
    /// The versions that are spoken. Default: 3.1, 3.1.1 and 5.0.
    pub versions: Vec<Version>,
    /// How long CONNECT may take, and each answer in an authentication exchange. Default: 10 s.
    pub connect_timeout: Duration,
    /// The largest packet that is taken, in bytes, fixed header included. Default: 2 MB.
    pub maximum_packet_size: usize,
    /// How many messages of QoS 1 and 2 a client may have in flight, 1 to 65,535. MQTT 5.0 only.
    /// Default: 1,024.
    pub receive_maximum: u16,
    /// How many topic aliases a client may use. MQTT 5.0 only. Default: 64.
    pub topic_alias_maximum: u16,
    /// How many topic aliases the server uses, if the client takes that many. Default: 64.
    pub topic_aliases: u16,
    /// The longest keep alive in seconds. A client that asks for more, or for none, is told this
    /// one in MQTT 5.0. Default: `None`, what the client asks for.
    pub keep_alive_max: Option<u16>,
    /// The longest session expiry in seconds. Default: `u32::MAX`, for ever.
    pub session_expiry_max: u32,
    /// The highest QoS at which messages are taken. Default: 2.
    pub maximum_qos: QoS,
    /// Whether retained messages are kept. Default: yes.
    pub retain_available: bool,
    /// Whether filters may contain wildcards. Default: yes.
    pub wildcard_subscription_available: bool,
    /// Whether subscriptions may have an identifier. Default: yes.
    pub subscription_id_available: bool,
    /// Whether shared subscriptions are offered. Default: yes.
    pub shared_subscription_available: bool,
    /// What a client is told that asks for response information: commonly the beginning of topics
    /// for answers. MQTT 5.0 only. Default: `None`, nothing.
    pub response_information: Option<String>,
    /// How many messages of QoS 1 and 2 are sent to a client that has not acknowledged them, if it
    /// takes that many. Default: 1,024.
    pub window: u16,
    /// How many filters of one SUBSCRIBE or UNSUBSCRIBE are handed on, 1 at least; those behind are
    /// only counted. Default: no limit.
    pub filters_max: usize,
    /// Whether the places of the packets in the input are kept for
    /// [`ServerConnection::poll_frames`]. Default: no.
    pub record_frames: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            versions: Version::ALL.to_vec(),
            connect_timeout: Duration::from_secs(10),
            maximum_packet_size: 2_000_000,
            receive_maximum: 1_024,
            topic_alias_maximum: 64,
            topic_aliases: 64,
            keep_alive_max: None,
            session_expiry_max: u32::MAX,
            maximum_qos: QoS::ExactlyOnce,
            retain_available: true,
            wildcard_subscription_available: true,
            subscription_id_available: true,
            shared_subscription_available: true,
            response_information: None,
            window: 1_024,
            filters_max: usize::MAX,
            record_frames: false,
        }
    }
}

/// The part of a session that concerns messages in flight; it outlives the connection.
#[derive(Debug, Default)]
pub struct SessionState {
    outbound: Outbound<Outgoing>,
    inbound: Inbound,
}

impl SessionState {
    /// How many messages await the client's acknowledgement.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.outbound.messages()
    }

    /// Messages that await the client's acknowledgement and have not been confirmed with PUBREC, in
    /// order.
    pub(crate) fn unacknowledged(&self) -> impl Iterator<Item = &Outgoing> {
        self.outbound.unacknowledged().into_iter().filter_map(|(_, message)| message)
    }
}

/// Room for so few events is given back when it is empty.
const EVENTS_FREED: usize = 8;

/// No reason string is longer, in bytes.
const REASON_MAX: usize = 200;

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// CONNECT has not come.
    Waiting,
    /// CONNECT has come and is not answered. `ours`: the next word is this side's.
    Connecting {
        ours: bool,
    },
    Connected,
    /// What is queued may still be written; then the connection is closed.
    Closing,
}

/// A server's side of one connection: the protocol, without clock, socket or thread.
///
/// Bytes go in through [`handle_input`](Self::handle_input) and come out of
/// [`poll_transmit`](Self::poll_transmit); what the client wants comes out of
/// [`poll_event`](Self::poll_event), in order. What of it outlives the connection is put in with
/// [`accept`](Self::accept) and taken out with [`handle_disconnected`](Self::handle_disconnected).
#[derive(Debug)]
pub struct ServerConnection {
    config: Arc<ServerConfig>,
    phase: Phase,
    version: Version,
    client: Client,
    out: OutQueue,
    unwritten: Unwritten,
    session: SessionState,
    aliases_in: InboundAliases,
    aliases_out: OutboundAliases,
    events: VecDeque<ServerEvent>,
    frames: Vec<Range<usize>>,
    /// Until when CONNECT, or an answer of the authentication exchange, must have come.
    patience: Option<Time>,
    /// The longest silence, once connected.
    silence: Option<Duration>,
    /// PINGREQ is left without an answer, for a test of what the client makes of that.
    ignores_pings: bool,
    last_received: Time,
    /// How many bytes of the last input were not used, and come again.
    unused: usize,
    packets_received: u64,
    packets_sent: u64,
    now: Time,
}

/// What CONNECT said that matters later.
#[derive(Debug, Default)]
struct Client {
    keep_alive: u16,
    session_expiry_asked: u32,
    /// The one in force.
    session_expiry: u32,
    receive_maximum: u16,
    topic_alias_maximum: u16,
    /// The largest packet that the client takes.
    packet_max: usize,
    problem_information: bool,
    response_information: bool,
    authentication_method: Option<String>,
    /// A re-authentication is going on; `true` when the next word is this side's.
    re_authenticating: Option<bool>,
}

impl ServerConnection {
    /// A connection on which nothing has come.
    #[must_use]
    pub fn new(now: Time, config: Arc<ServerConfig>) -> Self {
        let patience = Some(now + config.connect_timeout);
        Self {
            config,
            phase: Phase::Waiting,
            version: Version::V3_1_1,
            client: Client {
                packet_max: frame::MAX_PACKET_SIZE,
                problem_information: true,
                ..Client::default()
            },
            out: OutQueue::default(),
            unwritten: Unwritten::default(),
            session: SessionState::default(),
            aliases_in: InboundAliases::default(),
            aliases_out: OutboundAliases::default(),
            events: VecDeque::new(),
            frames: Vec::new(),
            patience,
            silence: None,
            ignores_pings: false,
            last_received: now,
            unused: 0,
            packets_received: 0,
            packets_sent: 0,
            now,
        }
    }

    /// Time has passed: call it when [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = now;
        if self.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        let error = match self.silence {
            Some(_) if self.patience.is_none() => {
                ProtocolError::ClientSilent { silence: now.since(self.last_received) }
            }
            _ => ProtocolError::ConnectTimeout { limit: self.config.connect_timeout },
        };
        self.fail(error);
    }

    /// The connection is gone. Returns what of the session outlives it.
    #[must_use]
    pub fn handle_disconnected(&mut self) -> SessionState {
        self.phase = Phase::Closing;
        self.patience = None;
        self.silence = None;
        std::mem::take(&mut self.session)
    }

    /// Takes the next event.
    pub fn poll_event(&mut self) -> Option<ServerEvent> {
        let event = self.events.pop_front();
        if event.is_none() && self.events.capacity() <= EVENTS_FREED {
            // A connection that says little keeps no memory for what it says.
            self.events = VecDeque::new();
        }
        event
    }

    /// Takes the places of the packets of the last input, if they are
    /// [kept](ServerConfig::record_frames).
    pub fn poll_frames(&mut self) -> Vec<Range<usize>> {
        std::mem::take(&mut self.frames)
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        match (self.phase, self.patience) {
            (Phase::Closing, _) => None,
            (_, Some(patience)) => Some(patience),
            (_, None) => self.silence.map(|silence| self.last_received + silence),
        }
    }

    /// From now on PINGREQ is left without an answer.
    pub(crate) const fn ignore_pings(&mut self) {
        self.ignores_pings = true;
    }

    /// How many packets have come and gone since the last call.
    pub(crate) const fn take_packets(&mut self) -> (u64, u64) {
        let counted = (self.packets_received, self.packets_sent);
        (self.packets_received, self.packets_sent) = (0, 0);
        counted
    }

    /// Whether bytes wait for [`poll_transmit`](Self::poll_transmit).
    #[must_use]
    pub fn has_output(&self) -> bool {
        self.out.has_output()
    }

    /// Whether the connection is to be closed once the queued bytes are written.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.phase == Phase::Closing
    }

    /// Whether the client has been accepted and is not gone.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.phase == Phase::Connected
    }

    /// Whether input waits for this side's answer to CONNECT.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.phase == Phase::Connecting { ours: true }
    }

    /// The protocol version, once CONNECT has come.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The session expiry in force, in seconds.
    #[must_use]
    pub const fn session_expiry(&self) -> u32 {
        self.client.session_expiry
    }

    /// How many messages await the client's acknowledgement.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.session.outbound.messages()
    }

    /// How many bytes these messages hold.
    #[must_use]
    pub const fn in_flight_bytes(&self) -> usize {
        self.session.outbound.stored_bytes()
    }

    /// How many messages of QoS 2 have come that the client has not released.
    pub(crate) fn received_exactly_once(&self) -> usize {
        self.session.inbound.unreleased()
    }

    fn receiver(&self) -> Receiver {
        Receiver { version: self.version, packet_max: self.client.packet_max }
    }

    /// Ends the connection because of something the client did. In MQTT 5.0 it is told why: before
    /// it is accepted by CONNACK, after that by DISCONNECT [MQTT-3.14.0-1].
    fn fail(&mut self, error: ProtocolError) {
        let reason = error.reason();
        match self.phase {
            Phase::Closing => return,
            Phase::Waiting => {}
            Phase::Connecting { .. } if !self.version.is_v5() => {}
            Phase::Connecting { .. } => self.put_refusal(reason, explain(&error)),
            Phase::Connected => self.put_disconnect(reason, explain(&error)),
        }
        self.phase = Phase::Closing;
        self.events.push_back(ServerEvent::Failed(error));
    }

    fn put_disconnect(&mut self, reason: ReasonCode, properties: Properties<'_>) {
        if self.version.is_v5() {
            let reason = match reason {
                reason if reason.is_allowed(PacketType::Disconnect, Sender::Server) => reason,
                reason if reason.is_error() => ReasonCode::UnspecifiedError,
                _ => ReasonCode::AdministrativeAction,
            };
            let packet = Disconnect { reason, properties: self.diagnostics(properties) };
            let out = self.out.buffer().inline_mut();
            let written = packet.encode(self.version, self.client.packet_max, out);
            self.packets_sent += u64::from(written.is_ok());
        }
    }

    fn put_refusal(&mut self, reason: ReasonCode, properties: Properties<'_>) {
        // A reason that the version cannot express is not sent [MQTT-3.2.2-6].
        let properties = self.diagnostics(properties);
        let packet = ConnAck { session_present: false, reason, properties };
        let out = self.out.buffer().inline_mut();
        let written = packet.encode(self.version, self.client.packet_max, out);
        self.packets_sent += u64::from(written.is_ok());
    }
}

/// The reason string for a client that has broken the protocol, in words for its own log.
fn explain(error: &ProtocolError) -> Properties<'static> {
    let text = error.to_string().replacen("the peer", "the client", 1);
    if text.len() <= REASON_MAX { reason_string(&text) } else { Properties::new() }
}

/// A reason string; none if the text is empty.
pub(crate) fn reason_string(text: &str) -> Properties<'static> {
    let mut properties = Properties::new();
    if !text.is_empty() {
        // Text of this side's own is valid.
        let _ = properties.set_text(PropertyId::ReasonString, text);
    }
    properties
}
