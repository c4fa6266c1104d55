//! Clients come and go: CONNECT, authentication, takeover, wills, the end of sessions.

use std::sync::Arc;

use super::session::{Session, Will};
use super::{ConnectionId, Core, Question};
use crate::broker::hooks::{
    Action, BrokerEvent, ClientInfo, Credentials, Decision, DisconnectCause,
};
use crate::broker::limits::SessionOverflow;
use crate::broker::slots::Key;
use crate::codec::{Properties, PropertyId, ReasonCode};
use crate::proto::{Accept, AuthRequest, ConnectRequest, Time, reason_string};

/// Why a client is not authenticated now.
const AUTHENTICATIONS_FULL: &str =
    "too many clients wait for their authentication; try again later";

impl Core {
    /// CONNECT has come.
    pub(super) fn begin_connect(&mut self, key: Key, mut request: Box<ConnectRequest>) {
        let mut assigned = None;
        if request.client_id.is_empty() {
            let Some(id) = self.new_client_id() else {
                return self.refuse(
                    key,
                    ReasonCode::ServerUnavailable,
                    "no client identifier could be made",
                );
            };
            request.client_id.clone_from(&id);
            assigned = Some(id);
        }
        if let Some(reason) = self.faults.refusal(&request.client_id) {
            self.statistics.drops.faults += 1;
            return self.refuse(key, reason, "");
        }
        let exchange = request.authentication_method().is_some();
        let asks = self.hooks.authenticates;
        if exchange && !asks {
            return self.refuse(
                key,
                ReasonCode::BadAuthenticationMethod,
                "this server has no authentication methods",
            );
        }
        if asks && self.undecided >= self.limits.authentications {
            self.statistics.drops.sessions += 1;
            return self.refuse(key, ReasonCode::ServerBusy, AUTHENTICATIONS_FULL);
        }
        let Some(connection) = self.connections.get_mut(key) else { return };
        if self.faults.ignores_pings(&request.client_id) {
            connection.protocol.ignore_pings();
        }
        connection.assigned_client_id = assigned;
        if !asks {
            connection.request = Some(request);
            return self.finish_connect(key, None, None);
        }
        let peer = connection.peer.as_deref().cloned().unwrap_or_default();
        let credentials = Credentials::new(&request, &request.client_id, peer);
        let data = request.authentication_data().map(<[u8]>::to_vec);
        connection.request = Some(request);
        self.ask(key, Some(credentials), data);
    }

    fn ask(&mut self, key: Key, credentials: Option<Credentials>, data: Option<Vec<u8>>) {
        let request = self.connections.get(key).and_then(|one| one.request.as_ref());
        let bytes = request.map_or(0, |request| request.size())
            + credentials.as_ref().map_or(0, Credentials::size)
            + data.as_ref().map_or(0, Vec::len);
        let is_new = request.is_some();
        if !self.hold_asked(key, bytes) {
            self.statistics.drops.sessions += 1;
            let reason = ReasonCode::ServerBusy;
            return match is_new {
                true => self.refuse(key, reason, AUTHENTICATIONS_FULL),
                false => self.close_with(key, reason, AUTHENTICATIONS_FULL),
            };
        }
        if let Some(connection) = self.connections.get_mut(key) {
            connection.decide_by = Some(self.now + self.limits.authentication);
            self.undecided += usize::from(!std::mem::replace(&mut connection.asking, true));
        }
        self.arm_connection(key);
        self.questions.push_back(Question { connection: ConnectionId(key), credentials, data });
    }

    /// Nobody is asked about the client any more.
    fn end_asking(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.decide_by = None;
        self.held_bytes -= std::mem::take(&mut connection.asked);
        self.undecided -= usize::from(std::mem::take(&mut connection.asking));
    }

    /// AUTH has come.
    pub(super) fn go_on_with_auth(&mut self, key: Key, request: &AuthRequest) {
        if request.re_authentication && self.undecided >= self.limits.authentications {
            self.statistics.drops.sessions += 1;
            let reason = ReasonCode::ServerBusy;
            return self.close_with(key, reason, AUTHENTICATIONS_FULL);
        }
        let data = request.data().map(<[u8]>::to_vec);
        let client = self.client(ConnectionId(key)).cloned();
        // A re-authentication is a new exchange with what is known of the client.
        let credentials = client.filter(|_| request.first).map(|client| Credentials {
            client_id: client.client_id.as_ref().to_owned(),
            user_name: client.user.clone(),
            password: None,
            version: client.version,
            peer: client.peer.clone(),
            properties: request.properties.clone(),
        });
        self.ask(key, credentials, data);
    }

    /// Somebody has decided about a client. Nothing happens if it does not wait for that any more.
    pub fn decide(&mut self, now: Time, id: ConnectionId, decision: Decision) {
        self.now = now;
        let key = id.0;
        let Some(connection) = self.connections.get_mut(key) else { return };
        if connection.decide_by.take().is_none() {
            return;
        }
        let re_authentication = connection.request.is_none();
        if re_authentication {
            self.end_asking(key);
        }
        let Some(connection) = self.connections.get_mut(key) else { return };
        match decision {
            Decision::Challenge(data) => connection.protocol.challenge(now, Some(&data)),
            Decision::Accept { data, .. } if re_authentication => {
                connection.protocol.re_authenticated(data.as_deref());
            }
            Decision::Accept { user, data } => self.finish_connect(key, user, data),
            Decision::Refuse(reason) if re_authentication => {
                self.close(key, reason, DisconnectCause::Closed(reason));
            }
            Decision::Refuse(reason) => {
                let busy = reason == ReasonCode::ServerBusy;
                self.refuse(key, reason, if busy { AUTHENTICATIONS_FULL } else { "" });
            }
        }
        self.arm_connection(key);
        self.mark_resumed(key);
    }

    pub(super) fn refuse(&mut self, key: Key, reason: ReasonCode, why: &str) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.protocol.refuse(reason, reason_string(why));
        let request = connection.request.take();
        self.end_asking(key);
        let client_id = request.map(|request| request.client_id).unwrap_or_default();
        self.tell(|| BrokerEvent::Refused { client_id, reason });
        self.mark_ready(key);
    }

    /// The client is who it says it is.
    fn finish_connect(&mut self, key: Key, user: Option<String>, data: Option<Vec<u8>>) {
        let Some(connection) = self.connections.get_mut(key) else { return };
        let Some(mut request) = connection.request.take() else { return };
        self.end_asking(key);
        let Some(connection) = self.connections.get_mut(key) else { return };
        let client = Arc::new(ClientInfo {
            client_id: request.client_id.as_str().into(),
            user: user.or_else(|| request.user_name.take()),
            version: request.version,
            peer: connection.peer.take().map(|peer| *peer).unwrap_or_default(),
        });
        let assigned_client_id = connection.assigned_client_id.take();
        if let Some((reason, why)) = self.refusal(&client, &request) {
            if let Some(connection) = self.connections.get_mut(key) {
                connection.protocol.refuse(reason, reason_string(why));
            }
            let client_id = request.client_id;
            self.tell(|| BrokerEvent::Refused { client_id, reason });
            return self.mark_ready(key);
        }
        let (session, state) = self.enter_session(key, &client, &mut request);
        let mut properties = Properties::new();
        if let Some(data) = data {
            // It came from the program; what is too long for the protocol is left out.
            let _ = properties.set_binary(PropertyId::AuthenticationData, &data);
        }
        let session_present = state.is_some();
        self.note_presence(session, true);
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.session = Some(session);
        let accept = Accept { session: state, assigned_client_id, properties };
        connection.protocol.accept(self.now, accept);
        self.connected += 1;
        self.statistics.clients_maximum = self.statistics.clients_maximum.max(self.connected);
        self.tell(|| BrokerEvent::Connected { client, session_present });
        self.count_in_flight(key);
        if self.is_closing(ConnectionId(key)) {
            // Not even CONNACK fits into what the client takes.
            self.detach(key, DisconnectCause::Closed(ReasonCode::PacketTooLarge));
        }
        self.pump(key);
        self.mark_ready(key);
        self.arm_connection(key);
    }

    /// Why the client is not accepted although it is who it says it is.
    fn refusal(
        &mut self,
        client: &ClientInfo,
        request: &ConnectRequest,
    ) -> Option<(ReasonCode, &'static str)> {
        if let Some(will) = &request.will {
            let message = &will.message;
            let (topic, qos, retain) = (message.topic(), message.qos(), message.retain());
            if self.is_reserved(topic) || self.has_too_many_levels(topic) {
                let why = "the will's topic is the server's own, or has too many levels";
                return Some((ReasonCode::TopicNameInvalid, why));
            }
            let action = Action::Publish { topic, qos, retain };
            if !self.hooks.allows(client, &action) {
                let why = "this client may not publish its will";
                return Some((ReasonCode::NotAuthorized, why));
            }
            let known = self.by_client_id.get(client.client_id.as_ref()).copied();
            let resumed = known.filter(|_| !request.clean_start);
            if !self.has_room_for_will(message.size(), resumed) {
                self.statistics.drops.sessions += 1;
                return Some((ReasonCode::QuotaExceeded, "there is no room for another will"));
            }
        }
        let known = self.by_client_id.contains_key(client.client_id.as_ref());
        if !known && !self.has_room_for_a_session() {
            self.statistics.drops.sessions += 1;
            return Some((ReasonCode::QuotaExceeded, "there are too many sessions"));
        }
        None
    }

    /// Whether there may be another session, once one was given up for it if that is the policy.
    fn has_room_for_a_session(&mut self) -> bool {
        let is_full = |core: &Self| core.sessions.len() - core.local >= core.limits.sessions;
        if is_full(self)
            && self.limits.session_overflow == SessionOverflow::EvictOldest
            && let Some((_, oldest)) = self.absent.first().copied()
        {
            self.statistics.drops.sessions_evicted += 1;
            self.end_session(oldest);
        }
        !is_full(self)
    }

    /// The session of the client: the one it had, unless it wants a new one. Returns the messages in
    /// flight of a session that goes on.
    fn enter_session(
        &mut self,
        key: Key,
        client: &Arc<ClientInfo>,
        request: &mut ConnectRequest,
    ) -> (Key, Option<crate::proto::SessionState>) {
        if let Some(old) = self.by_client_id.get(client.client_id.as_ref()).copied() {
            let other = self.sessions.get(old).and_then(|session| session.connection);
            if let Some(other) = other {
                // [MQTT-3.1.4-3]
                let reason = ReasonCode::SessionTakenOver;
                let why = "another connection has the same client identifier";
                self.close_explained(other, reason, why, DisconnectCause::TakenOver);
            }
            if request.clean_start {
                self.end_session(old);
            }
        }
        let known = self.by_client_id.get(client.client_id.as_ref()).copied();
        let session_key = known.unwrap_or_else(|| {
            let session = self.sessions.insert(Session::new(Arc::clone(client)));
            self.by_client_id.insert(Arc::clone(&client.client_id), session);
            session
        });
        let mut state = None;
        if let Some(session) = self.sessions.get_mut(session_key) {
            state = known.map(|_| session.state.take().map(|state| *state).unwrap_or_default());
            session.client = Arc::clone(client);
            session.connection = Some(key);
            session.expiry = request.session_expiry;
            session.end_absence();
            self.absent.remove(&(std::mem::take(&mut session.left), session_key));
        }
        let will = request.will.take();
        self.set_will(session_key, will.map(Will::from));
        (session_key, state)
    }

    /// The connection and its session part. What is in the outgoing buffer may still be written.
    pub(super) fn detach(&mut self, key: Key, cause: DisconnectCause) {
        self.count_in_flight(key);
        self.end_asking(key);
        let fits = self.count_received(key);
        let Some(connection) = self.connections.get_mut(key) else { return };
        connection.request = None;
        let Some(session_key) = connection.session.take() else { return };
        let expiry = connection.protocol.session_expiry();
        let state = connection.protocol.handle_disconnected();
        self.connected -= 1;
        let now = self.now;
        let Some(session) = self.sessions.get_mut(session_key) else { return };
        session.connection = None;
        session.state = Some(Box::new(state));
        // Without what it remembers it cannot go on.
        session.expiry = if fits { expiry } else { 0 };
        // [MQTT-3.14.4-3]; before MQTT 5.0 a DISCONNECT has no other reason.
        if cause == DisconnectCause::Goodbye(ReasonCode::Success) {
            self.set_will(session_key, None);
        }
        let Some(session) = self.sessions.get_mut(session_key) else { return };
        session.begin_absence(now);
        self.departures += 1;
        session.left = self.departures;
        self.absent.insert((session.left, session_key));
        let client = Arc::clone(&session.client);
        self.tell(|| BrokerEvent::Disconnected { client, cause });
        self.note_presence(session_key, false);
        self.move_shared(session_key, false);
        self.session_due(session_key);
    }

    /// A will is published, or a session ends, if it is time for that.
    pub(super) fn session_due(&mut self, key: Key) {
        let now = self.now;
        let Some(session) = self.sessions.get_mut(key) else { return };
        if session.ends_at.is_some_and(|at| at <= now) {
            if session.expiry > 0 {
                self.statistics.clients_expired += 1;
            }
            return self.end_session(key);
        }
        if session.will_at.is_some_and(|at| at <= now) {
            session.will_at = None;
            self.publish_will(key);
        }
        self.arm_session(key);
    }

    /// Ends a session: its will is published, its subscriptions and messages are gone.
    pub(super) fn end_session(&mut self, key: Key) {
        self.publish_will(key);
        self.close_cursors(key);
        let Some(session) = self.sessions.get_mut(key) else { return };
        let filters = std::mem::take(&mut session.subscriptions);
        for filter in filters.keys() {
            self.remove_subscription(key, filter);
        }
        self.move_shared(key, true);
        let Some(session) = self.sessions.remove(key) else { return };
        self.absent.remove(&(session.left, key));
        self.by_client_id.remove(&session.client.client_id);
        self.queued_messages -= session.queue.len();
        self.queued_bytes -= session.queued_bytes + session.in_flight_bytes;
        self.held_bytes -= session.received_bytes;
        let in_flight = session.state.as_ref().map_or(0, |state| state.in_flight());
        let lost = session.queue.len() + in_flight;
        self.statistics.drops.session_ended += u64::try_from(lost).unwrap_or_default();
        self.tell(|| BrokerEvent::SessionEnded { client: session.client });
    }

    /// A client identifier that nobody has, and without a seed nobody can guess. `None`: the system
    /// has no random numbers.
    fn new_client_id(&mut self) -> Option<String> {
        loop {
            let id = format!("auto-{:016x}{:016x}", self.random()?, self.random()?);
            if !self.by_client_id.contains_key(id.as_str()) {
                return Some(id);
            }
        }
    }

    fn random(&mut self) -> Option<u64> {
        match &mut self.seed {
            Some(seed) => Some(next_number(seed)),
            None => getrandom::u64().ok(),
        }
    }
}

/// The next number of a sequence that the seed determines (SplitMix64).
const fn next_number(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *seed;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
