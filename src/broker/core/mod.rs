//! The broker without I/O and without a clock.

mod catch_up;
mod connect;
mod held;
mod inspect;
mod local;
mod queue;
mod route;
mod session;
mod settle;
mod share;
mod subscribe;
mod sys;
mod timers;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::faults::Faults;
use super::hooks::{
    Action, BrokerEvent, ClientInfo, Credentials, DisconnectCause, Draft, Hooks, Peer,
};
use super::limits::BrokerLimits;
use super::retained::Retained;
use super::slots::{Key, Slots};
use super::statistics::{BrokerStatistics, Drops};
use super::subscriptions::Subscriptions;
use crate::codec::{ReasonCode, Version};
use crate::proto::{
    ConnectRequest, OutBuffer, ServerConfig, ServerConnection, ServerEvent, Time, reason_string,
};
use crate::transport::PeerCertificate;
pub use inspect::SessionInfo;
pub use local::LocalId;
use route::Target;
use session::Session;
use timers::{Timer, Timers, arm, disarm};

/// Names a connection of a [`Core`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(crate) Key);

/// How a [`Core`] works.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct CoreConfig {
    /// What is offered to clients.
    pub protocol: ServerConfig,
    /// What clients can make it hold.
    pub limits: BrokerLimits,
    /// How often `$SYS` is published while somebody is subscribed to it; zero turns `$SYS` off.
    /// Default: zero.
    pub sys_interval: Duration,
    /// From what the client identifiers are made that the broker chooses: the same seed gives the
    /// same ones, which others can guess. Default: `None`, random ones from the system.
    pub seed: Option<u64>,
    pub(crate) hooks: Hooks,
}

impl CoreConfig {
    /// Asks about every client that wants to connect; see [`Core::poll_question`]. Without, everybody
    /// is accepted.
    #[must_use]
    pub fn asking(mut self) -> Self {
        self.hooks.authenticates = true;
        self
    }

    /// Keeps events for [`Core::poll_event`].
    #[must_use]
    pub fn with_events(mut self) -> Self {
        self.hooks.events = true;
        self
    }

    /// Decides who may publish, subscribe and be given what.
    #[must_use]
    pub fn authorize(
        mut self,
        authorize: impl Fn(&ClientInfo, &Action<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.hooks.authorize = Some(Arc::new(authorize));
        self
    }

    /// Sees every message that a client publishes, also as its will; may change it, or refuse it.
    #[must_use]
    pub fn intercept(
        mut self,
        intercept: impl Fn(&ClientInfo, &mut Draft) -> Result<(), ReasonCode> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.intercept = Some(Arc::new(intercept));
        self
    }
}

/// Somebody has to decide about a client; the answer goes to [`Core::decide`].
#[derive(Debug)]
pub struct Question {
    /// The connection on which the client waits.
    pub connection: ConnectionId,
    /// What the client said when it connected; `None` if this question goes on with an exchange.
    pub credentials: Option<Credentials>,
    /// The authentication data.
    pub data: Option<Vec<u8>>,
}

/// A broker: sessions, subscriptions, retained messages and wills, without clock, socket or thread.
///
/// A connection begins with [`open`](Self::open) and ends with
/// [`handle_closed`](Self::handle_closed). Between them bytes go in through
/// [`handle_input`](Self::handle_input) and come out of [`poll_transmit`](Self::poll_transmit);
/// [`poll_ready`](Self::poll_ready) tells for which connections there is something to do.
pub struct Core {
    protocol: Arc<ServerConfig>,
    limits: BrokerLimits,
    hooks: Hooks,
    connections: Slots<Connection>,
    sessions: Slots<Session>,
    by_client_id: HashMap<Arc<str>, Key>,
    /// Sessions whose client is away, in the order in which they left.
    absent: BTreeSet<(u64, Key)>,
    departures: u64,
    subscriptions: Subscriptions,
    retained: Retained,
    timers: Timers,
    /// Connections that have output, or are to be closed, or take input again.
    ready: VecDeque<Key>,
    questions: VecDeque<Question>,
    events: VecDeque<BrokerEvent>,
    statistics: BrokerStatistics,
    sys: sys::Sys,
    faults: Arc<Faults>,
    held: route::Held,
    unsettled: settle::Unsettled,
    catching_up: catch_up::CatchingUp,
    /// Receivers of the message that is being routed.
    targets: Vec<Target>,
    routed: u64,
    connected: usize,
    /// Clients whose authentication is going on.
    undecided: usize,
    /// Sessions inside the process, which are not clients.
    local: usize,
    queued_messages: usize,
    queued_bytes: usize,
    /// Bytes held beside messages, without the levels of filters.
    held_bytes: usize,
    /// No message in any queue expires before.
    next_expiry: Option<Time>,
    started: Time,
    now: Time,
    seed: Option<u64>,
}

/// A connection, from its first byte to its last.
struct Connection {
    protocol: ServerConnection,
    /// Where it comes from, until its client is accepted.
    peer: Option<Box<Peer>>,
    /// CONNECT, while somebody decides about it.
    request: Option<Box<ConnectRequest>>,
    assigned_client_id: Option<String>,
    session: Option<Key>,
    /// It counts among those about which somebody is asked.
    asking: bool,
    /// Until when the authentication has to be decided.
    decide_by: Option<Time>,
    armed: Option<Time>,
    is_ready: bool,
    /// It is to be closed because its client's queue is full.
    is_doomed: bool,
    /// It took no input, and takes it again.
    resumed: bool,
    /// Bytes of its output that are counted as queued.
    counted: usize,
    /// Bytes of its input that wait for the rest of their packet.
    unused: usize,
    /// Bytes of what somebody is asked about its client.
    asked: usize,
}

impl Core {
    /// A broker with nothing in it.
    #[must_use]
    pub fn new(now: Time, config: CoreConfig) -> Self {
        Self::with_faults(now, config, Arc::default())
    }

    pub(crate) fn with_faults(now: Time, config: CoreConfig, faults: Arc<Faults>) -> Self {
        let filters_max = config.limits.filters_per_subscribe.min(config.protocol.filters_max);
        Self {
            protocol: Arc::new(ServerConfig { filters_max, ..config.protocol }),
            limits: config.limits,
            hooks: config.hooks,
            connections: Slots::default(),
            sessions: Slots::default(),
            by_client_id: HashMap::new(),
            absent: BTreeSet::new(),
            departures: 0,
            subscriptions: Subscriptions::default(),
            retained: Retained::default(),
            timers: Timers::default(),
            ready: VecDeque::new(),
            questions: VecDeque::new(),
            events: VecDeque::new(),
            statistics: BrokerStatistics::default(),
            sys: sys::Sys::new(config.sys_interval),
            faults,
            held: route::Held::default(),
            unsettled: settle::Unsettled::default(),
            catching_up: catch_up::CatchingUp::default(),
            targets: Vec::new(),
            routed: 0,
            connected: 0,
            undecided: 0,
            local: 0,
            queued_messages: 0,
            queued_bytes: 0,
            held_bytes: 0,
            next_expiry: None,
            started: now,
            now,
            seed: config.seed,
        }
    }

    /// A connection has come. `None`: there are too many; it is to be closed.
    pub fn open(&mut self, now: Time, peer: Peer) -> Option<ConnectionId> {
        let protocol = Arc::clone(&self.protocol);
        self.open_speaking(now, peer, protocol)
    }

    /// What is offered to clients, in these versions only.
    pub(crate) fn speaking(&self, versions: &[Version]) -> Arc<ServerConfig> {
        Arc::new(ServerConfig { versions: versions.to_vec(), ..(*self.protocol).clone() })
    }

    /// As [`open`](Self::open), where something else is offered.
    pub(crate) fn open_speaking(
        &mut self,
        now: Time,
        peer: Peer,
        protocol: Arc<ServerConfig>,
    ) -> Option<ConnectionId> {
        self.now = now;
        if self.connections.len() >= self.limits.connections {
            self.statistics.drops.connections += 1;
            return None;
        }
        self.statistics.connections_total += 1;
        let key = self.connections.insert(Connection {
            protocol: ServerConnection::new(now, protocol),
            peer: Some(Box::new(peer)),
            request: None,
            assigned_client_id: None,
            session: None,
            asking: false,
            decide_by: None,
            armed: None,
            is_ready: false,
            is_doomed: false,
            resumed: false,
            counted: 0,
            unused: 0,
            asked: 0,
        });
        self.arm_connection(key);
        Some(ConnectionId(key))
    }

    /// Bytes have come; says how many were used. The rest is to be given again, with more behind
    /// it, or when [`take_resumed`](Self::take_resumed) says so.
    pub fn handle_input(&mut self, now: Time, id: ConnectionId, input: &[u8]) -> usize {
        self.now = now;
        let mut used = 0;
        loop {
            let Some(connection) = self.connections.get_mut(id.0) else { return input.len() };
            let count = connection.protocol.handle_some(now, input, used);
            self.handle_events(id.0, input);
            let Some(count) = count else { break };
            used += count;
        }
        self.statistics.bytes_received += u64::try_from(used).unwrap_or_default();
        self.hold_input(id.0, input.len() - used);
        self.count_in_flight(id.0);
        self.hold_received(id.0);
        self.count_packets(id.0);
        self.mark_ready(id.0);
        used
    }

    /// The connection is closed, or lost.
    pub fn handle_closed(&mut self, now: Time, id: ConnectionId) {
        self.now = now;
        self.detach(id.0, DisconnectCause::Lost);
        self.count_packets(id.0);
        if let Some(connection) = self.connections.remove(id.0) {
            self.queued_bytes -= connection.counted;
            self.release_input(&connection);
        }
        self.tidy_timers();
    }

    /// Time has passed, or there is work that was put off: call it when
    /// [`poll_timeout`](Self::poll_timeout) has come.
    pub fn handle_timeout(&mut self, now: Time) {
        self.now = now;
        while let Some((at, timer)) = self.timers.pop_due(now) {
            match timer {
                Timer::Connection(key) => self.connection_due(key, at),
                Timer::Session(key) => {
                    let session = self.sessions.get_mut(key);
                    if session.is_some_and(|session| disarm(&mut session.armed, at)) {
                        self.session_due(key);
                    }
                }
                Timer::Sys => self.sys_due(),
                Timer::Held => self.release_held(),
            }
        }
        self.statistics.drops.expired += self.retained.expire(now);
        self.catch_up();
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called. While retained messages are
    /// on their way to new subscriptions that is at once: each call does a bounded part of it.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        if self.catching_up.is_due() {
            return Some(self.now);
        }
        self.timers.next().into_iter().chain(self.retained.poll_timeout()).min()
    }

    /// Takes the next connection that has output, is to be closed, or takes the rest of its input.
    pub fn poll_ready(&mut self) -> Option<ConnectionId> {
        loop {
            let key = self.ready.pop_front()?;
            if let Some(connection) = self.connections.get_mut(key) {
                connection.is_ready = false;
                return Some(ConnectionId(key));
            }
        }
    }

    /// Swaps the bytes to be written into `out`, which must be empty. Says whether there are any.
    /// They count as written at the next call, unless [`unwritten`](Self::unwritten) says more.
    pub fn poll_transmit(&mut self, id: ConnectionId, out: &mut OutBuffer) -> bool {
        // There is room again for what waits in the session's queue.
        self.unwritten(id, 0);
        self.pump(id.0);
        let Some(connection) = self.connections.get_mut(id.0) else { return false };
        let taken = connection.protocol.poll_transmit(out);
        self.count_waiting(id.0);
        if taken {
            self.statistics.bytes_sent += u64::try_from(out.len()).unwrap_or_default();
            self.count_packets(id.0);
        }
        taken
    }

    /// So many of the bytes that [`poll_transmit`](Self::poll_transmit) handed over have not been
    /// written.
    pub fn unwritten(&mut self, id: ConnectionId, left: usize) {
        let Some(connection) = self.connections.get_mut(id.0) else { return };
        let protocol = &mut connection.protocol;
        let paused = !protocol.takes_input();
        protocol.unwritten(left);
        if paused && protocol.takes_input() {
            self.mark_resumed(id.0);
        }
        self.count_waiting(id.0);
    }

    /// What waits in the outgoing buffer of a connection, or with its writer, counts as queued.
    fn count_waiting(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let waiting = connection.protocol.queued_bytes();
        let before = std::mem::replace(&mut connection.counted, waiting);
        self.queued_bytes = self.queued_bytes + waiting - before;
    }

    /// Takes the next client about which somebody has to decide.
    pub fn poll_question(&mut self) -> Option<Question> {
        self.questions.pop_front()
    }

    /// Takes the next event, if events are wanted.
    pub fn poll_event(&mut self) -> Option<BrokerEvent> {
        self.events.pop_front()
    }

    /// Whether a connection is to be closed once its output is written.
    #[must_use]
    pub fn is_closing(&self, id: ConnectionId) -> bool {
        self.connections.get(id.0).is_none_or(|connection| connection.protocol.is_closing())
    }

    /// Whether a connection takes input now: not before somebody has decided about its client, and
    /// not while too many answers to its earlier input have not been written.
    #[must_use]
    pub fn takes_input(&self, id: ConnectionId) -> bool {
        self.connections.get(id.0).is_none_or(|connection| connection.protocol.takes_input())
    }

    /// Whether a connection that took no input takes it again; said once. The rest of its earlier
    /// input is to be given to [`handle_input`](Self::handle_input).
    pub fn take_resumed(&mut self, id: ConnectionId) -> bool {
        let connection = self.connections.get_mut(id.0);
        connection.is_some_and(|connection| std::mem::take(&mut connection.resumed))
    }

    /// Whether a connection takes no input before somebody has decided about its client.
    #[must_use]
    pub fn is_undecided(&self, id: ConnectionId) -> bool {
        self.connections.get(id.0).is_some_and(|connection| connection.protocol.is_undecided())
    }

    /// The client identifier of a connection as soon as CONNECT has come.
    pub(crate) fn client_id(&self, id: ConnectionId) -> Option<&str> {
        let connection = self.connections.get(id.0)?;
        match &connection.request {
            Some(request) => Some(&request.client_id),
            None => self.client(id).map(|client| &*client.client_id),
        }
    }

    /// The client has proved who it is, before its first packet.
    pub(crate) fn set_certificate(&mut self, id: ConnectionId, certificate: PeerCertificate) {
        let connection = self.connections.get_mut(id.0);
        if let Some(peer) = connection.and_then(|connection| connection.peer.as_mut()) {
            peer.certificate = Some(certificate);
        }
    }

    /// How many bytes wait to be written, those included that the writer has.
    pub(crate) fn waiting(&self, id: ConnectionId) -> usize {
        self.connections.get(id.0).map_or(0, |connection| connection.protocol.queued_bytes())
    }

    /// The version of a connection.
    pub(crate) fn version(&self, id: ConnectionId) -> Version {
        self.connections.get(id.0).map(|one| one.protocol.version()).unwrap_or_default()
    }

    /// The places of the packets in the last input, if they are kept.
    pub(crate) fn poll_frames(&mut self, id: ConnectionId) -> Vec<std::ops::Range<usize>> {
        self.connections.get_mut(id.0).map(|one| one.protocol.poll_frames()).unwrap_or_default()
    }

    /// Closes every connection with "server shutting down", without any will.
    pub fn shut_down(&mut self, now: Time) {
        self.now = now;
        let keys: Vec<Key> = self.connections.iter().map(|(key, _)| key).collect();
        for key in keys {
            let session = self.connections.get(key).and_then(|connection| connection.session);
            if let Some(session) = session {
                self.set_will(session, None);
            }
            let reason = ReasonCode::ServerShuttingDown;
            self.close(key, reason, DisconnectCause::Closed(reason));
        }
    }

    pub(crate) const fn drops(&mut self) -> &mut Drops {
        &mut self.statistics.drops
    }

    /// What the packets of a connection ask for.
    fn handle_events(&mut self, key: Key, input: &[u8]) {
        loop {
            let Some(connection) = self.connections.get_mut(key) else { return };
            let Some(event) = connection.protocol.poll_event() else { return };
            match event {
                ServerEvent::Publish(message) => self.receive(key, &message, input),
                ServerEvent::Released => {
                    self.count_in_flight(key);
                    self.pump(key);
                }
                ServerEvent::Connect(request) => self.begin_connect(key, request),
                ServerEvent::Auth(request) => self.go_on_with_auth(key, &request),
                ServerEvent::Subscribe(request) => self.subscribe(key, &request),
                ServerEvent::Unsubscribe(request) => self.unsubscribe(key, &request),
                ServerEvent::Disconnected(goodbye) => {
                    self.detach(key, DisconnectCause::Goodbye(goodbye.reason));
                }
                ServerEvent::Failed(error) => {
                    self.detach(key, DisconnectCause::Failed(error));
                }
            }
        }
    }

    fn count_packets(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let (received, sent) = connection.protocol.take_packets();
        self.statistics.packets_received += received;
        self.statistics.packets_sent += sent;
    }

    /// Ends a connection from this side.
    fn close(&mut self, key: Key, reason: ReasonCode, cause: DisconnectCause) {
        self.close_explained(key, reason, "", cause);
    }

    fn close_with(&mut self, key: Key, reason: ReasonCode, why: &str) {
        self.close_explained(key, reason, why, DisconnectCause::Closed(reason));
    }

    fn close_explained(&mut self, key: Key, reason: ReasonCode, why: &str, cause: DisconnectCause) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.protocol.disconnect(reason, reason_string(why));
        self.detach(key, cause);
        self.mark_ready(key);
    }

    fn mark_ready(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let protocol = &connection.protocol;
        if !connection.is_ready && (protocol.has_output() || protocol.is_closing()) {
            connection.is_ready = true;
            self.ready.push_back(key);
        }
    }

    /// Names a connection although it has no output: it takes input again.
    fn mark_resumed(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.resumed = true;
        if !std::mem::replace(&mut connection.is_ready, true) {
            self.ready.push_back(key);
        }
    }

    fn connection_due(&mut self, key: Key, at: Time) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(key) else { return };
        if !disarm(&mut connection.armed, at) {
            return;
        }
        if connection.decide_by.is_some_and(|by| by <= now) {
            let why = "the authentication took too long; try again later";
            match connection.request {
                Some(_) => self.refuse(key, ReasonCode::ServerBusy, why),
                None => self.close_with(key, ReasonCode::ServerBusy, why),
            }
        } else {
            connection.protocol.handle_timeout(now);
            self.handle_events(key, &[]);
        }
        self.mark_ready(key);
        self.arm_connection(key);
    }

    fn arm_connection(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let next = connection.decide_by.or_else(|| connection.protocol.poll_timeout());
        if let Some(at) = arm(&mut connection.armed, next) {
            self.timers.push(at, Timer::Connection(key));
        }
    }

    fn arm_session(&mut self, key: Key) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let next = session.next_timer();
        if let Some(at) = arm(&mut session.armed, next) {
            self.timers.push(at, Timer::Session(key));
        }
    }

    fn tidy_timers(&mut self) {
        let (connections, sessions) = (&self.connections, &self.sessions);
        self.timers.tidy(connections.len() + sessions.len(), |at, timer| match timer {
            Timer::Connection(key) => connections.get(key).is_some_and(|c| c.armed == Some(at)),
            Timer::Session(key) => sessions.get(key).is_some_and(|s| s.armed == Some(at)),
            Timer::Sys | Timer::Held => true,
        });
    }

    fn tell(&mut self, event: impl FnOnce() -> BrokerEvent) {
        if self.hooks.events {
            self.events.push_back(event());
        }
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("statistics", &self.statistics(self.now))
            .finish_non_exhaustive()
    }
}
