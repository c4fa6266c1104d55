//! What a broker knows about one client, connected or not.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::catch_up::CatchUp;
use crate::broker::hooks::ClientInfo;
use crate::broker::slots::Key;
use crate::codec::SubscribeOptions;
use crate::proto::{Outgoing, Publication, SessionState, Time, WillReceived};

/// For how many messages an emptied queue keeps memory.
const KEPT_CAPACITY: usize = 64;

/// Takes the messages of a subscription inside the process; says whether it could.
pub(super) type Sink = Box<dyn FnMut(&Arc<Publication>) -> bool + Send>;

/// A session.
pub(super) struct Session {
    pub(super) client: Arc<ClientInfo>,
    pub(super) connection: Option<Key>,
    /// Messages in flight, while there is no connection to hold them.
    pub(super) state: Option<Box<SessionState>>,
    /// The filters as they were given.
    pub(super) subscriptions: HashMap<Box<str>, SubscribeOptions>,
    /// Messages of QoS 1 and 2 that have not been sent.
    pub(super) queue: VecDeque<Outgoing>,
    pub(super) queued_bytes: usize,
    /// Bytes of its filters, its will and what it remembers of messages from its client.
    pub(super) held_bytes: usize,
    /// Those of them for messages from its client.
    pub(super) received_bytes: usize,
    /// No message in the queue expires before.
    pub(super) next_expiry: Option<Time>,
    /// Bytes of messages in flight.
    pub(super) in_flight_bytes: usize,
    /// How many seconds it outlives its connection.
    pub(super) expiry: u32,
    pub(super) will: Option<Box<Will>>,
    /// Subscriptions that have not been given all their retained messages.
    pub(super) catch_up: Option<Box<CatchUp>>,
    /// When the will is published, and when the session ends, while there is no connection.
    pub(super) will_at: Option<Time>,
    pub(super) ends_at: Option<Time>,
    /// Its place in the order in which clients have left; 0 while its client is here.
    pub(super) left: u64,
    /// The earliest timer that is set for it.
    pub(super) armed: Option<Time>,
    /// The last message that was routed to it, and its place among the receivers of that message.
    pub(super) routed: Cell<(u64, usize)>,
    /// For a subscription inside the process.
    pub(super) sink: Option<Sink>,
}

/// A message that is published when the client is lost.
#[derive(Debug)]
pub(super) struct Will {
    pub(super) message: Publication,
    pub(super) delay: u32,
}

impl From<WillReceived> for Will {
    fn from(will: WillReceived) -> Self {
        Self { message: will.message, delay: will.delay }
    }
}

impl Session {
    pub(super) fn new(client: Arc<ClientInfo>) -> Self {
        Self {
            client,
            connection: None,
            state: None,
            subscriptions: HashMap::new(),
            queue: VecDeque::new(),
            queued_bytes: 0,
            held_bytes: 0,
            received_bytes: 0,
            next_expiry: None,
            in_flight_bytes: 0,
            expiry: 0,
            will: None,
            catch_up: None,
            will_at: None,
            ends_at: None,
            left: 0,
            armed: None,
            routed: Cell::new((0, 0)),
            sink: None,
        }
    }

    /// Whether somebody takes its messages now.
    pub(super) fn is_here(&self) -> bool {
        self.connection.is_some() || self.sink.is_some()
    }

    /// The connection is gone: from now on will and expiry run.
    pub(super) fn begin_absence(&mut self, now: Time) {
        let after = |seconds: u32| now + Duration::from_secs(seconds.into());
        self.ends_at = (self.expiry != u32::MAX).then(|| after(self.expiry));
        self.will_at = self.will.as_ref().map(|will| after(will.delay));
    }

    /// The client is back.
    pub(super) fn end_absence(&mut self) {
        self.ends_at = None;
        self.will_at = None;
    }

    pub(super) fn next_timer(&self) -> Option<Time> {
        self.ends_at.into_iter().chain(self.will_at).min()
    }

    pub(super) fn enqueue(&mut self, message: Outgoing) {
        self.queued_bytes += size(&message);
        self.next_expiry = earlier(self.next_expiry, expires_at(&message));
        self.queue.push_back(message);
    }

    pub(super) fn dequeue(&mut self) -> Option<Outgoing> {
        let message = self.queue.pop_front()?;
        self.queued_bytes -= size(&message);
        if self.queue.is_empty() && self.queue.capacity() > KEPT_CAPACITY {
            // A queue that was long once does not keep its memory.
            self.queue = VecDeque::new();
        }
        Some(message)
    }

    /// Puts a message back that was taken and could not be sent.
    pub(super) fn put_back(&mut self, message: Outgoing) {
        self.queued_bytes += size(&message);
        self.next_expiry = earlier(self.next_expiry, expires_at(&message));
        self.queue.push_front(message);
    }

    /// Takes what has expired out of the queue, without a look at every message if nothing can have.
    pub(super) fn take_expired(&mut self, now: Time) -> Vec<Outgoing> {
        let mut expired = Vec::new();
        if self.next_expiry.is_none_or(|at| at > now) {
            return expired;
        }
        self.next_expiry = None;
        for _ in 0..self.queue.len() {
            match self.dequeue() {
                Some(message) if message.is_expired(now) => expired.push(message),
                Some(message) => self.enqueue(message),
                None => break,
            }
        }
        expired
    }
}

/// How many bytes a message counts in a queue.
pub(super) fn size(message: &Outgoing) -> usize {
    message.cost()
}

fn expires_at(message: &Outgoing) -> Option<Time> {
    message.publication().and_then(|publication| publication.expires_at())
}

/// The earlier of two moments that there may not be.
pub(super) fn earlier(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    one.into_iter().chain(other).min()
}
