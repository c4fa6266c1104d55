//! The broker about itself: retained messages under `$SYS`, with mosquitto's names.

use std::sync::Arc;
use std::time::Duration;

use super::{Core, Timer};
use crate::broker::statistics::BrokerStatistics;
use crate::codec::{Properties, QoS};
use crate::proto::{Payload, Publication};

/// A topic behind `$SYS/broker/` and what it says.
type Entry = (&'static str, fn(&BrokerStatistics) -> String);

const ENTRIES: &[Entry] = &[
    ("version", |_| concat!("mqttlink version ", env!("CARGO_PKG_VERSION")).to_owned()),
    ("uptime", |s| format!("{} seconds", s.uptime.as_secs())),
    ("clients/connected", |s| s.clients_connected.to_string()),
    ("clients/disconnected", |s| s.clients_disconnected.to_string()),
    ("clients/expired", |s| s.clients_expired.to_string()),
    ("clients/maximum", |s| s.clients_maximum.to_string()),
    ("clients/total", |s| (s.clients_connected + s.clients_disconnected).to_string()),
    ("messages/received", |s| s.packets_received.to_string()),
    ("messages/sent", |s| s.packets_sent.to_string()),
    ("messages/stored", |s| (s.queued_messages + s.retained_messages).to_string()),
    ("store/messages/count", |s| (s.queued_messages + s.retained_messages).to_string()),
    ("store/messages/bytes", |s| (s.queued_bytes + s.retained_bytes).to_string()),
    ("publish/messages/received", |s| s.publish_received.to_string()),
    ("publish/messages/sent", |s| s.publish_sent.to_string()),
    ("publish/messages/dropped", |s| s.drops.messages().to_string()),
    ("publish/bytes/received", |s| s.publish_bytes_received.to_string()),
    ("publish/bytes/sent", |s| s.publish_bytes_sent.to_string()),
    ("bytes/received", |s| s.bytes_received.to_string()),
    ("bytes/sent", |s| s.bytes_sent.to_string()),
    ("subscriptions/count", |s| s.subscriptions.to_string()),
    ("shared_subscriptions/count", |s| s.shared_subscriptions.to_string()),
    ("retained messages/count", |s| s.retained_messages.to_string()),
];

/// When `$SYS` is published. While nobody is subscribed to it, nothing is counted up and no timer
/// runs; whoever subscribes gets values of that moment.
#[derive(Debug)]
pub(super) struct Sys {
    interval: Duration,
    subscriptions: usize,
    armed: bool,
}

impl Sys {
    pub(super) const fn new(interval: Duration) -> Self {
        Self { interval, subscriptions: 0, armed: false }
    }

    fn concerns(&self, pattern: &str) -> bool {
        !self.interval.is_zero() && (pattern == "$SYS" || pattern.starts_with("$SYS/"))
    }
}

impl Core {
    pub(super) fn sys_subscribed(&mut self, pattern: &str) {
        if self.sys.concerns(pattern) {
            self.sys.subscriptions += 1;
            self.arm_sys();
        }
    }

    pub(super) fn sys_unsubscribed(&mut self, pattern: &str) {
        if self.sys.concerns(pattern) {
            self.sys.subscriptions = self.sys.subscriptions.saturating_sub(1);
        }
    }

    fn arm_sys(&mut self) {
        if !std::mem::replace(&mut self.sys.armed, true) {
            self.timers.push(self.now + self.sys.interval, Timer::Sys);
        }
    }

    pub(super) fn sys_due(&mut self) {
        self.sys.armed = false;
        if self.sys.subscriptions > 0 {
            for message in self.changed_sys() {
                let moment = self.catching_up.next_moment();
                // There is always room for these few.
                let _ = self.retained.store(&message, moment, 0, usize::MAX, usize::MAX);
                self.route(None, &message);
            }
            self.arm_sys();
        }
    }

    /// Somebody is about to look at retained messages that match this pattern.
    pub(super) fn refresh_sys(&mut self, pattern: &str) {
        if self.sys.concerns(pattern) {
            for message in self.changed_sys() {
                self.retained.replace(&message);
            }
        }
    }

    fn changed_sys(&self) -> Vec<Arc<Publication>> {
        let mut statistics = self.statistics(self.now);
        let version = self.retained.get("$SYS/broker/version");
        // Its own topics count as retained messages from the first time on.
        statistics.retained_messages += if version.is_none() { ENTRIES.len() } else { 0 };
        let values = ENTRIES.iter().map(|(name, value)| (format!("$SYS/broker/{name}"), value));
        values
            .filter_map(|(topic, value)| {
                let text = value(&statistics);
                let old = self.retained.get(&topic);
                if old.is_some_and(|old| old.payload() == text.as_bytes()) {
                    return None;
                }
                let payload = Payload::from(&text);
                let none = Properties::new();
                let qos = QoS::AtMostOnce;
                Some(Arc::new(Publication::new(self.now, &topic, &none, &payload, qos, true)))
            })
            .collect()
    }
}
