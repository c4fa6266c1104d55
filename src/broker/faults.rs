//! Faults that the test kit puts in: what a broker does wrong on purpose.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::codec::ReasonCode;
use crate::codec::topic;

/// What goes wrong on the connection of a client, counted from the moment its CONNECT has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionFault {
    /// CONNECT is answered with this reason.
    Refuse(ReasonCode),
    /// Everything that the broker sends waits this long.
    Delay(Duration),
    /// The connection is cut when the broker has sent this many bytes.
    CutAfterSending(u64),
    /// The connection is cut when the broker has received this many bytes.
    CutAfterReceiving(u64),
    /// Nothing is sent or received any more, but the connection stays open.
    HalfOpen,
    /// Every PINGREQ is left without an answer.
    IgnorePings,
    /// No write carries more than this many bytes.
    ShortWrites(usize),
}

/// What goes wrong with messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageFault {
    /// They are accepted and then lost.
    Drop,
    /// They are routed this much later.
    Delay(Duration),
}

/// All faults of a broker.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Whether there are any: nobody pays for faults that there are not.
    any: AtomicBool,
    rules: Mutex<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    connections: Vec<(String, ConnectionFault)>,
    messages: Vec<(String, MessageFault)>,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add_connection(&self, client_id: &str, fault: ConnectionFault) {
        self.lock().connections.push((client_id.to_owned(), fault));
        self.any.store(true, Ordering::SeqCst);
    }

    pub(crate) fn add_message(&self, filter: &str, fault: MessageFault) {
        self.lock().messages.push((filter.to_owned(), fault));
        self.any.store(true, Ordering::SeqCst);
    }

    pub(crate) fn clear(&self) {
        *self.lock() = Rules::default();
        self.any.store(false, Ordering::SeqCst);
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::SeqCst)
    }

    fn message(&self, name: &str) -> Option<MessageFault> {
        if self.is_empty() {
            return None;
        }
        let rules = self.lock();
        let rule = rules.messages.iter().find(|(filter, _)| topic::matches(filter, name));
        rule.map(|(_, fault)| *fault)
    }

    pub(crate) fn drops(&self, name: &str) -> bool {
        self.message(name) == Some(MessageFault::Drop)
    }

    pub(crate) fn delay(&self, name: &str) -> Option<Duration> {
        match self.message(name) {
            Some(MessageFault::Delay(delay)) => Some(delay),
            _ => None,
        }
    }

    pub(crate) fn refusal(&self, client_id: &str) -> Option<ReasonCode> {
        self.connection(client_id).into_iter().find_map(|fault| match fault {
            ConnectionFault::Refuse(reason) => Some(reason),
            _ => None,
        })
    }

    pub(crate) fn ignores_pings(&self, client_id: &str) -> bool {
        self.connection(client_id).contains(&ConnectionFault::IgnorePings)
    }

    /// The faults of a client's connections; those for `*` concern every client.
    pub(crate) fn connection(&self, client_id: &str) -> Vec<ConnectionFault> {
        if self.is_empty() {
            return Vec::new();
        }
        let rules = self.lock();
        let mine = rules.connections.iter().filter(|(id, _)| id == client_id || id == "*");
        mine.map(|(_, fault)| *fault).collect()
    }
}
