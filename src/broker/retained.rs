//! Retained messages: the last one of each topic.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::trie::Trie;
use crate::proto::{Publication, Time};

/// About how many bytes a level of a topic takes.
const LEVEL: usize = 250;

/// The store.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    topics: Trie<Arc<Publication>>,
    count: usize,
    /// Bytes of the messages alone.
    bytes: usize,
    /// When messages expire; an entry may be outdated.
    expiries: BinaryHeap<Reverse<(Time, Box<str>)>>,
}

/// There is no room for another retained message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl Retained {
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// About how many bytes the messages take, and the levels of their topics.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes + LEVEL * self.topics.len()
    }

    /// Keeps the message in the place of an earlier one with its topic. One without payload only
    /// removes that [MQTT-3.3.1-6] [MQTT-3.3.1-7].
    pub(crate) fn store(
        &mut self,
        message: &Arc<Publication>,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<(), Full> {
        let topic = message.topic();
        if message.payload().is_empty() {
            self.remove(topic);
            return Ok(());
        }
        let old = self.topics.get(topic).map(|old| old.size());
        let count = self.count + usize::from(old.is_none());
        let bytes = self.bytes - old.unwrap_or_default() + message.size();
        let levels = self.topics.len() + self.topics.missing(topic);
        if count > count_max || bytes + LEVEL * levels > bytes_max {
            return Err(Full);
        }
        if let Some(entry) = self.topics.entry(topic) {
            *entry = Some(Arc::clone(message));
        }
        (self.count, self.bytes) = (count, bytes);
        if let Some(at) = message.expires_at() {
            self.expiries.push(Reverse((at, topic.into())));
            self.forget_outdated();
        }
        Ok(())
    }

    pub(crate) fn remove(&mut self, topic: &str) {
        if let Some(old) = self.topics.remove(topic) {
            self.count -= 1;
            self.bytes -= old.size();
        }
    }

    pub(crate) fn get(&self, topic: &str) -> Option<&Arc<Publication>> {
        self.topics.get(topic)
    }

    /// Calls `each` with every message that matches the filter.
    pub(crate) fn each_matching<'a>(
        &'a self,
        filter: &'a str,
        each: impl FnMut(&'a Arc<Publication>),
    ) {
        self.topics.each_name_matching(filter, each);
    }

    /// When the next message may expire.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        self.expiries.peek().map(|Reverse((at, _))| *at)
    }

    /// Removes what has expired, and says how many messages that were.
    pub(crate) fn expire(&mut self, now: Time) -> u64 {
        let before = self.count;
        while let Some(Reverse((at, _))) = self.expiries.peek()
            && *at <= now
        {
            let Some(Reverse((_, topic))) = self.expiries.pop() else { break };
            if self.topics.get(&topic).is_some_and(|message| message.is_expired(now)) {
                self.remove(&topic);
            }
        }
        u64::try_from(before - self.count).unwrap_or_default()
    }

    /// Messages that are replaced again and again leave an entry each time.
    fn forget_outdated(&mut self) {
        if self.expiries.len() <= 2 * self.count + 64 {
            return;
        }
        let mut entries = std::mem::take(&mut self.expiries).into_vec();
        entries.sort_unstable();
        entries.dedup();
        entries.retain(|Reverse((at, topic))| {
            let message = self.topics.get(topic);
            message.is_some_and(|message| message.expires_at() == Some(*at))
        });
        self.expiries = entries.into();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::proto::Publish;

    fn message(topic: &str, payload: &str, expiry: Option<u32>) -> Arc<Publication> {
        let mut request = Publish::new(topic, payload);
        if let Some(seconds) = expiry {
            request = request.message_expiry(seconds);
        }
        Arc::new(Publication::from_request(Time::ORIGIN, &request).unwrap())
    }

    #[test]
    fn the_store_is_bounded_in_messages_and_bytes() {
        let mut store = Retained::default();
        let bytes_max = 2 * LEVEL + 10;
        let mut keep = |topic, payload| {
            let kept = store.store(&message(topic, payload, None), 2, bytes_max).is_ok();
            (kept, store.count(), store.bytes())
        };
        assert_eq!(keep("a", "xx"), (true, 1, LEVEL + 3));
        assert_eq!(keep("b", "xx"), (true, 2, 2 * LEVEL + 6));
        assert_eq!(keep("c", "x"), (false, 2, 2 * LEVEL + 6));
        assert_eq!(keep("b", "xxxxxxx"), (false, 2, 2 * LEVEL + 6));
        assert_eq!(keep("b", "xxxxxx"), (true, 2, 2 * LEVEL + 10));
        assert_eq!(keep("b", ""), (true, 1, LEVEL + 3));
    }

    #[test]
    fn each_level_of_a_topic_counts_once() {
        let mut store = Retained::default();
        store.store(&message("a/b/c", "1", None), 9, 9_999).unwrap();
        store.store(&message("a/b/d", "1", None), 9, 9_999).unwrap();
        assert_eq!(store.bytes(), 4 * LEVEL + 12);
        assert_eq!(store.store(&message("a/b/e/f", "", None), 9, 9_999), Ok(()));
        assert_eq!(store.store(&message("a/b/e/f", "1", None), 9, 5 * LEVEL), Err(Full));
        store.remove("a/b/c");
        store.remove("a/b/d");
        assert_eq!(store.bytes(), 0);
    }

    #[test]
    fn what_replaces_an_expiring_message_does_not_expire_with_it() {
        let mut store = Retained::default();
        store.store(&message("a", "1", Some(5)), 9, 9_999).unwrap();
        store.store(&message("b", "1", Some(5)), 9, 9_999).unwrap();
        store.store(&message("a", "2", Some(50)), 9, 9_999).unwrap();
        let now = Time::from_origin(Duration::from_secs(5));
        assert_eq!(store.poll_timeout(), Some(now));
        assert_eq!(store.expire(now), 1);
        assert!(store.get("a").is_some() && store.get("b").is_none());
        for _ in 0..1000 {
            store.store(&message("a", "3", Some(60)), 9, 9_999).unwrap();
        }
        assert!(store.expiries.len() < 100);
    }
}
