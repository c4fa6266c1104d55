//! What the program can look at, and what it can end.

use std::sync::Arc;
use std::time::Duration;

use super::session::Session;
use super::{ConnectionId, Core};
use crate::broker::hooks::{ClientInfo, DisconnectCause};
use crate::broker::slots::Key;
use crate::broker::statistics::BrokerStatistics;
use crate::codec::{ReasonCode, SubscribeOptions};
use crate::proto::Time;

/// A session, as it is at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The client it belongs to, as it connected last.
    pub client: Arc<ClientInfo>,
    /// Whether the client is connected.
    pub connected: bool,
    /// How many subscriptions it has.
    pub subscriptions: usize,
    /// Messages that wait for the client and have not been sent.
    pub queued_messages: usize,
    /// Bytes of these messages.
    pub queued_bytes: usize,
    /// Messages of QoS 1 and 2 that the client has been sent and has not acknowledged.
    pub in_flight: usize,
    /// Subscriptions that have not been given all their retained messages yet.
    pub retained_unsent: usize,
    /// How long it outlives its connection; `None` is for ever.
    pub expiry: Option<Duration>,
    /// When it ends if the client stays away; `None` while it is connected, and for ever.
    pub ends_in: Option<Duration>,
    /// Whether a will waits for its moment.
    pub has_will: bool,
}

impl Core {
    /// The clients that are connected.
    pub fn clients(&self) -> impl Iterator<Item = &Arc<ClientInfo>> {
        let connected = self.sessions.iter().filter(|(_, session)| session.connection.is_some());
        connected.map(|(_, session)| &session.client)
    }

    /// All sessions of clients, connected or not.
    pub fn sessions(&self, now: Time) -> impl Iterator<Item = SessionInfo> + '_ {
        let of_clients = self.sessions.iter().filter(|(_, session)| session.sink.is_none());
        of_clients.map(move |(_, session)| self.info(now, session))
    }

    /// The session of a client.
    #[must_use]
    pub fn session(&self, now: Time, client_id: &str) -> Option<SessionInfo> {
        self.session_of(client_id).map(|(_, session)| self.info(now, session))
    }

    fn session_of(&self, client_id: &str) -> Option<(Key, &Session)> {
        let key = *self.by_client_id.get(client_id)?;
        self.sessions.get(key).map(|session| (key, session))
    }

    fn info(&self, now: Time, session: &Session) -> SessionInfo {
        let connection = session.connection.and_then(|key| self.connections.get(key));
        let expiry = connection.map_or(session.expiry, |one| one.protocol.session_expiry());
        let kept = session.state.as_ref().map_or(0, |state| state.in_flight());
        SessionInfo {
            client: Arc::clone(&session.client),
            connected: session.connection.is_some(),
            subscriptions: session.subscriptions.len(),
            queued_messages: session.queue.len(),
            queued_bytes: session.queued_bytes,
            in_flight: connection.map_or(kept, |one| one.protocol.in_flight()),
            retained_unsent: session.catch_up.as_ref().map_or(0, |all| all.len()),
            expiry: (expiry != u32::MAX).then(|| Duration::from_secs(expiry.into())),
            ends_in: session.ends_at.map(|at| at.since(now)),
            has_will: session.will.is_some(),
        }
    }

    /// The filters to which a client is subscribed.
    pub fn subscriptions_of(&self, client_id: &str) -> impl Iterator<Item = &str> {
        self.subscription_options_of(client_id).map(|(filter, _)| filter)
    }

    /// The filters to which a client is subscribed, with their options.
    pub fn subscription_options_of(
        &self,
        client_id: &str,
    ) -> impl Iterator<Item = (&str, SubscribeOptions)> {
        let session = self.session_of(client_id).map(|(_, session)| session);
        let all = session.into_iter().flat_map(|session| session.subscriptions.iter());
        all.map(|(filter, options)| (&**filter, *options))
    }

    /// Closes the connection of a client with this reason. Says whether there was one.
    pub fn disconnect(&mut self, now: Time, client_id: &str, reason: ReasonCode) -> bool {
        self.now = now;
        let connection = self.session_of(client_id).and_then(|(_, session)| session.connection);
        let Some(key) = connection else { return false };
        self.close(key, reason, DisconnectCause::Closed(reason));
        true
    }

    /// Ends the session of a client: its connection is closed with "administrative action", its will
    /// is published, its subscriptions and messages are gone. Says whether there was one.
    pub fn delete_session(&mut self, now: Time, client_id: &str) -> bool {
        self.now = now;
        let found = self.session_of(client_id).map(|(key, session)| (key, session.connection));
        let Some((key, connection)) = found else { return false };
        if let Some(connection) = connection {
            let reason = ReasonCode::AdministrativeAction;
            self.close(connection, reason, DisconnectCause::Closed(reason));
        }
        self.end_session(key);
        true
    }

    /// What has been counted, and what there is at the moment.
    #[must_use]
    pub fn statistics(&self, now: Time) -> BrokerStatistics {
        BrokerStatistics {
            uptime: now.since(self.started),
            clients_connected: self.connected,
            clients_disconnected: self.sessions.len() - self.connected - self.local,
            connections: self.connections.len(),
            subscriptions: self.subscriptions.count(),
            shared_subscriptions: self.subscriptions.shared_count(),
            retained_messages: self.retained.count(),
            retained_bytes: self.retained.bytes(),
            retained_unsent: self.catching_up.open(),
            queued_messages: self.queued_messages,
            queued_bytes: self.queued_bytes,
            held_bytes: self.held(),
            ..self.statistics
        }
    }

    /// The client of a connection, once it is accepted.
    #[must_use]
    pub fn client(&self, id: ConnectionId) -> Option<&Arc<ClientInfo>> {
        let session = self.connections.get(id.0)?.session?;
        self.sessions.get(session).map(|session| &session.client)
    }
}
