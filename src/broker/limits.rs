//! What a broker is willing to hold.

use std::time::Duration;

/// What happens to a message for a client whose queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Overflow {
    /// The new message is dropped.
    #[default]
    DropNewest,
    /// The message that has waited longest is dropped; the new one, if there would be no room for it
    /// even then.
    DropOldest,
    /// The client is disconnected with "quota exceeded", and the new message is dropped. A client
    /// that is not connected loses the message.
    Disconnect,
}

/// What happens to a new client when there are as many sessions as may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SessionOverflow {
    /// The session whose client has been away for longest ends, as if it had expired: its will is
    /// published, its subscriptions and messages are gone. While all clients are connected, the new
    /// one is refused. Clients that come once and leave a session that never expires cannot lock the
    /// others out.
    #[default]
    EvictOldest,
    /// The new client is refused with "quota exceeded". No session is lost, and nobody new gets in.
    Refuse,
}

/// Bounds of everything that clients can make a broker hold. Whatever is refused or dropped for
/// one of them is counted in [`Drops`](super::Drops).
///
/// ```
/// use mqttlink::broker::{Broker, BrokerLimits, Overflow};
///
/// let mut limits = BrokerLimits::default();
/// limits.connections = 100;
/// limits.overflow = Overflow::DropOldest;
/// let broker = Broker::builder().limits(limits).start()?;
/// # Ok::<(), mqttlink::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokerLimits {
    /// Connections at the same time. A further one is closed at once. Default: 10,000.
    pub connections: usize,
    /// Sessions, connected ones included. Default: 100,000.
    pub sessions: usize,
    /// What happens when a further client comes. Default: the session whose client has been away for
    /// longest is given up.
    pub session_overflow: SessionOverflow,
    /// Subscriptions of one session. A further one is refused with "quota exceeded". Default: 1,000.
    pub subscriptions_per_client: usize,
    /// Filters of one SUBSCRIBE or UNSUBSCRIBE; 0 is the same as 1. Those behind are refused, in a
    /// SUBSCRIBE with "quota exceeded" and in an UNSUBSCRIBE with "implementation specific error". A
    /// client of MQTT 3, whose UNSUBACK says nothing, is disconnected instead. Default: 1,000.
    pub filters_per_subscribe: usize,
    /// Subscriptions in all. Default: 1,000,000.
    pub subscriptions: usize,
    /// Levels of a topic name or filter. A name with more is refused with "topic name invalid", a
    /// filter with "topic filter invalid". Default: 200.
    pub topic_levels: usize,
    /// Messages that wait for one client, beside those in flight. Default: 10,000.
    pub queued_messages_per_client: usize,
    /// Bytes of messages that wait for one client, with 64 for each, those in its outgoing buffer
    /// included. As many may be in flight to it beside them; what is more waits. Default: 16 MiB.
    pub queued_bytes_per_client: usize,
    /// Bytes of messages that wait for all clients or are in flight to them. Default: 256 MiB.
    pub queued_bytes: usize,
    /// What happens when one of these queues is full. Default: the new message is dropped.
    pub overflow: Overflow,
    /// Bytes of the filters and the will of one client, with about 250 for each level of a filter and
    /// 150 for each message of QoS 2 that the client has sent and not released. A further filter or will
    /// is refused with "quota exceeded"; for a further message the client is disconnected with it, and
    /// its session ends. Default: 8 MiB.
    pub held_bytes_per_client: usize,
    /// The same of all clients, with the beginnings of packets whose rest has not come and with what
    /// waits for an authentication. A filter or will for which there is no room is refused with "quota
    /// exceeded", a client to be authenticated with "server busy"; a connection whose packet finds none
    /// is closed. Connections that are not accepted yet may take half of it. Default: 256 MiB.
    pub held_bytes: usize,
    /// Retained messages. A further one is not kept, and acknowledged with "quota exceeded"; who is
    /// subscribed gets it all the same. Default: 100,000.
    pub retained_messages: usize,
    /// Bytes of retained messages, with their topics once more and 250 for each. Default: 128 MiB.
    pub retained_bytes: usize,
    /// How long the answer of a slow authentication is awaited before the client is refused with
    /// "server busy". Default: 30 s.
    pub authentication: Duration,
    /// How many clients may wait for their authentication at the same time; a further one is
    /// refused with "server busy". Default: 1,000.
    pub authentications: usize,
    /// How long a connection that is being closed is given to take what is left for it. Default:
    /// 2 s.
    pub closing: Duration,
}

impl Default for BrokerLimits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            connections: 10_000,
            sessions: 100_000,
            session_overflow: SessionOverflow::EvictOldest,
            subscriptions_per_client: 1_000,
            filters_per_subscribe: 1_000,
            subscriptions: 1_000_000,
            topic_levels: 200,
            queued_messages_per_client: 10_000,
            queued_bytes_per_client: 16 * MIB,
            queued_bytes: 256 * MIB,
            held_bytes_per_client: 8 * MIB,
            held_bytes: 256 * MIB,
            overflow: Overflow::DropNewest,
            retained_messages: 100_000,
            retained_bytes: 128 * MIB,
            authentication: Duration::from_secs(30),
            authentications: 1_000,
            closing: Duration::from_secs(2),
        }
    }
}
