//! What a broker counts.

use std::mem::offset_of;

use super::handle::{broker, mqttlink_broker};
use crate::broker::BrokerStatistics;
use crate::ffi::guard;
use crate::ffi::pointer::{Growing, out_part};
use crate::ffi::status::mqttlink_status;

/// What a broker has counted and what it holds. Later versions may append fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct mqttlink_broker_counters {
    /// How many milliseconds it has been running.
    pub uptime_ms: u64,
    /// Clients that are connected.
    pub clients_connected: u64,
    /// Sessions whose client is not connected.
    pub clients_disconnected: u64,
    /// The most clients that were ever connected at the same time.
    pub clients_maximum: u64,
    /// Sessions that have expired.
    pub clients_expired: u64,
    /// Connections, those included whose CONNECT has not come.
    pub connections: u64,
    /// Connections accepted since the start.
    pub connections_total: u64,
    /// Subscriptions, shared ones included.
    pub subscriptions: u64,
    /// Memberships of shared subscriptions.
    pub shared_subscriptions: u64,
    /// Retained messages.
    pub retained_messages: u64,
    /// Bytes of retained messages.
    pub retained_bytes: u64,
    /// Messages that wait for clients.
    pub queued_messages: u64,
    /// Bytes of messages that wait for clients or are in flight.
    pub queued_bytes: u64,
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
    /// Messages dropped for a client whose own queue was full.
    pub dropped_queue_full: u64,
    /// Messages dropped because the queues of all clients together were full.
    pub dropped_total_full: u64,
    /// Messages dropped because they are larger than the client takes.
    pub dropped_too_large: u64,
    /// Messages that expired while they waited, retained ones included.
    pub dropped_expired: u64,
    /// Messages that their publisher was not allowed to publish, or that were refused on the way.
    pub dropped_refused: u64,
    /// Messages that the receiver was not allowed to get.
    pub dropped_not_delivered: u64,
    /// Messages that waited for a session that ended.
    pub dropped_session_ended: u64,
    /// Messages for a `mqttlink_broker_subscription` that did not keep up.
    pub dropped_local: u64,
    /// Retained messages for which there was no room.
    pub dropped_retained_full: u64,
    /// Subscriptions for which there was no room.
    pub dropped_subscriptions: u64,
    /// Connections above the limit.
    pub dropped_connections: u64,
    /// Clients refused because there were too many sessions or authentications.
    pub dropped_sessions: u64,
    /// Events that the callback did not take in time.
    pub dropped_events: u64,
    /// Messages that a fault of the test kit took, and clients that it refused.
    pub dropped_faults: u64,
    /// Sessions given up for a new client because there were too many.
    pub dropped_sessions_evicted: u64,
    /// Subscriptions that have not been given all their retained messages yet.
    pub retained_unsent: u64,
    /// Bytes of filters, wills, beginnings of packets, unreleased messages of QoS 2 and waiting
    /// authentications, with what it takes to keep them.
    pub held_bytes: u64,
}

impl Growing for mqttlink_broker_counters {
    const NAME: &'static str = "mqttlink_broker_counters";
    const FIRST: usize = offset_of!(Self, dropped_sessions_evicted);
}

impl From<BrokerStatistics> for mqttlink_broker_counters {
    fn from(counted: BrokerStatistics) -> Self {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let drops = counted.drops;
        Self {
            uptime_ms: u64::try_from(counted.uptime.as_millis()).unwrap_or(u64::MAX),
            clients_connected: count(counted.clients_connected),
            clients_disconnected: count(counted.clients_disconnected),
            clients_maximum: count(counted.clients_maximum),
            clients_expired: counted.clients_expired,
            connections: count(counted.connections),
            connections_total: counted.connections_total,
            subscriptions: count(counted.subscriptions),
            shared_subscriptions: count(counted.shared_subscriptions),
            retained_messages: count(counted.retained_messages),
            retained_bytes: count(counted.retained_bytes),
            queued_messages: count(counted.queued_messages),
            queued_bytes: count(counted.queued_bytes),
            packets_received: counted.packets_received,
            packets_sent: counted.packets_sent,
            bytes_received: counted.bytes_received,
            bytes_sent: counted.bytes_sent,
            publish_received: counted.publish_received,
            publish_sent: counted.publish_sent,
            publish_bytes_received: counted.publish_bytes_received,
            publish_bytes_sent: counted.publish_bytes_sent,
            dropped_queue_full: drops.queue_full,
            dropped_total_full: drops.total_full,
            dropped_too_large: drops.too_large,
            dropped_expired: drops.expired,
            dropped_refused: drops.refused,
            dropped_not_delivered: drops.not_delivered,
            dropped_session_ended: drops.session_ended,
            dropped_local: drops.local,
            dropped_retained_full: drops.retained_full,
            dropped_subscriptions: drops.subscriptions,
            dropped_connections: drops.connections,
            dropped_sessions: drops.sessions,
            dropped_events: drops.events,
            dropped_faults: drops.faults,
            dropped_sessions_evicted: drops.sessions_evicted,
            retained_unsent: count(counted.retained_unsent),
            held_bytes: count(counted.held_bytes),
        }
    }
}

/// What the broker has counted and what it holds; when it has stopped, what it had counted and held then.
/// `size` is `sizeof(mqttlink_broker_counters)` of the program, which may be older or newer than the library:
/// see "Versions" in the contract.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_statistics(
    broker: *const mqttlink_broker,
    counters: *mut mqttlink_broker_counters,
    size: usize,
) -> mqttlink_status {
    guard::call(|| {
        let broker = self::broker(broker)?;
        let place = out_part(counters, "counters", size)?;
        let counted = broker.statistics().or_else(|error| {
            // Once it has stopped, it is what it had counted.
            broker.final_statistics().ok_or(error)
        })?;
        place.put(counted.into());
        Ok(())
    })
}
