//! What a broker counts.

use std::time::Duration;

/// Messages and requests that were not served, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Drops {
    /// Messages for a client whose own queue was full.
    pub queue_full: u64,
    /// Messages because the queues of all clients together were full.
    pub total_full: u64,
    /// Messages larger than the client takes.
    pub too_large: u64,
    /// Messages that expired while they waited, retained ones included.
    pub expired: u64,
    /// Messages that their publisher was not allowed to publish, or that were refused on the way.
    pub refused: u64,
    /// Messages that the receiver was not allowed to get.
    pub not_delivered: u64,
    /// Messages that waited for a session that ended.
    pub session_ended: u64,
    /// Messages for a subscription inside the process that did not keep up.
    pub local: u64,
    /// Retained messages for which there was no room.
    pub retained_full: u64,
    /// Subscriptions for which there was no room.
    pub subscriptions: u64,
    /// Connections above the limit.
    pub connections: u64,
    /// Clients refused because there were too many sessions or authentications.
    pub sessions: u64,
    /// Sessions given up for a new client because there were too many.
    pub sessions_evicted: u64,
    /// Events that the handler did not take in time.
    pub events: u64,
    /// Messages that a fault of the test kit took.
    pub faults: u64,
}

impl Drops {
    /// Messages that did not reach a receiver.
    #[must_use]
    pub const fn messages(&self) -> u64 {
        self.queue_full
            + self.total_full
            + self.too_large
            + self.expired
            + self.not_delivered
            + self.session_ended
            + self.local
            + self.faults
    }
}

/// A snapshot of a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BrokerStatistics {
    /// How long it has been running.
    pub uptime: Duration,
    /// Clients that are connected.
    pub clients_connected: usize,
    /// Sessions whose client is not connected.
    pub clients_disconnected: usize,
    /// The most clients that were ever connected at the same time.
    pub clients_maximum: usize,
    /// Sessions that have expired.
    pub clients_expired: u64,
    /// Connections, those included whose CONNECT has not come.
    pub connections: usize,
    /// Connections accepted since the start.
    pub connections_total: u64,
    /// Subscriptions, shared ones included.
    pub subscriptions: usize,
    /// Memberships of shared subscriptions.
    pub shared_subscriptions: usize,
    /// Retained messages.
    pub retained_messages: usize,
    /// Bytes of retained messages.
    pub retained_bytes: usize,
    /// Subscriptions that have not been given all their retained messages yet.
    pub retained_unsent: usize,
    /// Messages that wait for clients.
    pub queued_messages: usize,
    /// Bytes of messages that wait for clients, in their queues and outgoing buffers, or are in
    /// flight.
    pub queued_bytes: usize,
    /// Bytes of filters, wills, beginnings of packets, unreleased messages of QoS 2 and waiting
    /// authentications, with what it takes to keep them.
    pub held_bytes: usize,
    /// Packets received.
    pub packets_received: u64,
    /// Packets sent.
    pub packets_sent: u64,
    /// Bytes received.
    pub bytes_received: u64,
    /// Bytes given to connections.
    pub bytes_sent: u64,
    /// Messages received from clients.
    pub publish_received: u64,
    /// Messages sent to clients.
    pub publish_sent: u64,
    /// Bytes of payload received from clients.
    pub publish_bytes_received: u64,
    /// Bytes of payload sent to clients.
    pub publish_bytes_sent: u64,
    /// What was dropped, by cause.
    pub drops: Drops,
}
