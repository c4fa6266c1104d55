//! Retained messages: the last one of each topic, in an order in which a walk can stop and go on.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Bound;
use std::sync::Arc;

use crate::proto::{Publication, Time};

/// About how many bytes a message takes beside its own and its topic.
const OVERHEAD: usize = 250;

/// How many entries are looked at in one round of expiry.
const EXPIRE_MAX: usize = 4096;

/// Stands between the levels in the keys. It is less than every byte of a level, so that a level is
/// followed by all that is below it.
const LEVEL_END: u8 = 0;

/// The store.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    topics: BTreeMap<Box<[u8]>, Kept>,
    bytes: usize,
    /// When messages expire; an entry may be outdated.
    expiries: BinaryHeap<Reverse<(Time, Box<str>)>>,
}

/// A retained message, and since when what is known of it.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) message: Arc<Publication>,
    /// When it was published.
    pub(crate) stored: u64,
    /// When a message with its topic was last published.
    pub(crate) touched: u64,
    /// Who has published it; 0 is nobody who could have a subscription.
    pub(crate) publisher: u64,
}

/// The place of a topic in the order of walks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place(Box<[u8]>);

/// There is no room for another retained message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// A walk through the messages that match a filter. It outlives changes of the store: what was
/// passed is not found again, and what has come or gone ahead of it counts.
#[derive(Debug, Clone)]
pub(crate) struct Walk {
    filter: Box<[u8]>,
    /// Nothing before this key is looked at any more.
    from: Vec<u8>,
}

/// What a walk has come to.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// A message that matches. It is found again until it is passed.
    At(&'a Kept),
    /// It has gone as far as it may for now.
    Rest,
    /// There is no other.
    End,
}

impl Place {
    pub(crate) fn of(topic: &str) -> Self {
        Self(key(topic))
    }
}

impl Walk {
    pub(crate) fn new(pattern: &str) -> Self {
        Self { filter: key(pattern), from: Vec::new() }
    }

    /// Whether nothing has been looked at.
    pub(crate) const fn is_new(&self) -> bool {
        self.from.is_empty()
    }

    /// Whether it looks for what matches this filter.
    pub(crate) fn is_for(&self, pattern: &str) -> bool {
        self.filter.len() == pattern.len()
            && self.filter.iter().copied().eq(pattern.bytes().map(key_byte))
    }

    pub(crate) const fn filter_len(&self) -> usize {
        self.filter.len()
    }

    /// The filter.
    pub(crate) fn pattern(&self) -> String {
        let text = String::from_utf8_lossy(&self.filter);
        text.replace(char::from(LEVEL_END), "/")
    }

    /// Whether it is still to come to this topic, if the store has it.
    pub(crate) fn is_before(&self, Place(key): &Place) -> bool {
        *self.from <= **key && matches!(compare(&self.filter, key), Way::Here)
    }

    /// Leaves the message behind at which it is.
    pub(crate) fn pass(&mut self) {
        self.from.push(LEVEL_END);
    }
}

impl Retained {
    pub(crate) fn count(&self) -> usize {
        self.topics.len()
    }

    /// About how many bytes the messages take.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps the message in the place of an earlier one with its topic. One without payload only
    /// removes that [MQTT-3.3.1-6] [MQTT-3.3.1-7].
    pub(crate) fn store(
        &mut self,
        message: &Arc<Publication>,
        at: u64,
        publisher: u64,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<(), Full> {
        let topic = message.topic();
        if message.payload().is_empty() {
            self.remove(topic);
            return Ok(());
        }
        let old = self.get(topic).map(cost);
        let count = self.count() + usize::from(old.is_none());
        let bytes = self.bytes - old.unwrap_or_default() + cost(message);
        if count > count_max || bytes > bytes_max {
            return Err(Full);
        }
        let kept = Kept { message: Arc::clone(message), stored: at, touched: at, publisher };
        self.topics.insert(key(topic), kept);
        self.bytes = bytes;
        if let Some(at) = message.expires_at() {
            self.expiries.push(Reverse((at, topic.into())));
            self.forget_outdated();
        }
        Ok(())
    }

    /// Keeps a message that nobody is told about, as if it had always been there.
    pub(crate) fn replace(&mut self, message: &Arc<Publication>) {
        let (stored, touched) =
            self.find(message.topic()).map_or((0, 0), |kept| (kept.stored, kept.touched));
        // There is always room for these few.
        let _ = self.store(message, 0, 0, usize::MAX, usize::MAX);
        if let Some(kept) = self.topics.get_mut(&key(message.topic())) {
            (kept.stored, kept.touched) = (stored, touched);
        }
    }

    pub(crate) fn remove(&mut self, topic: &str) {
        if let Some(old) = self.topics.remove(&key(topic)) {
            self.bytes -= cost(&old.message);
        }
    }

    pub(crate) fn get(&self, topic: &str) -> Option<&Arc<Publication>> {
        self.find(topic).map(|kept| &kept.message)
    }

    pub(crate) fn find(&self, topic: &str) -> Option<&Kept> {
        self.topics.get(&key(topic))
    }

    /// Another message with this topic has been published.
    pub(crate) fn touch(&mut self, topic: &str, at: u64) {
        if let Some(kept) = self.topics.get_mut(&key(topic)) {
            kept.touched = at;
        }
    }

    /// Where a walk comes to, in at most this many steps, which are counted down.
    pub(crate) fn look(&self, walk: &mut Walk, steps: &mut usize) -> Step<'_> {
        while *steps > 0 {
            *steps -= 1;
            let rest = (Bound::Included(walk.from.as_slice()), Bound::Unbounded);
            let Some((key, kept)) = self.topics.range::<[u8], _>(rest).next() else {
                return Step::End;
            };
            walk.from.clear();
            match compare(&walk.filter, key) {
                Way::Here => {
                    walk.from.extend_from_slice(key);
                    return Step::At(kept);
                }
                Way::Below(level) => {
                    walk.from.extend_from_slice(key);
                    walk.from.push(LEVEL_END);
                    walk.from.extend_from_slice(level);
                }
                Way::Later { same, then } => {
                    walk.from.extend_from_slice(key.get(..same).unwrap_or_default());
                    walk.from.extend_from_slice(then);
                }
                Way::Beyond => return Step::End,
            }
        }
        Step::Rest
    }

    /// When the next message may expire.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        self.expiries.peek().map(|Reverse((at, _))| *at)
    }

    /// Removes what has expired, a bounded part of it at a time, and says how many messages that were.
    pub(crate) fn expire(&mut self, now: Time) -> u64 {
        let before = self.count();
        for _ in 0..EXPIRE_MAX {
            if self.expiries.peek().is_none_or(|Reverse((at, _))| *at > now) {
                break;
            }
            let Some(Reverse((_, topic))) = self.expiries.pop() else { break };
            if self.get(&topic).is_some_and(|message| message.is_expired(now)) {
                self.remove(&topic);
            }
        }
        u64::try_from(before - self.count()).unwrap_or_default()
    }

    /// Messages that are replaced again and again leave an entry each time.
    fn forget_outdated(&mut self) {
        if self.expiries.len() <= 2 * self.count() + 64 {
            return;
        }
        let mut entries = std::mem::take(&mut self.expiries).into_vec();
        entries.sort_unstable();
        entries.dedup();
        entries.retain(|Reverse((at, topic))| {
            let message = self.get(topic);
            message.is_some_and(|message| message.expires_at() == Some(*at))
        });
        self.expiries = entries.into();
    }
}

fn cost(message: &Arc<Publication>) -> usize {
    OVERHEAD + message.topic().len() + message.size()
}

fn key(topic: &str) -> Box<[u8]> {
    topic.bytes().map(key_byte).collect()
}

const fn key_byte(byte: u8) -> u8 {
    if byte == b'/' { LEVEL_END } else { byte }
}

/// Where the messages that match a filter are, seen from a key.
#[derive(Debug, PartialEq, Eq)]
enum Way<'a> {
    /// Here.
    Here,
    /// Below it, not before this level.
    Below(&'a [u8]),
    /// Not before the first `same` bytes of the key with these behind them.
    Later { same: usize, then: &'a [u8] },
    /// Nowhere behind it.
    Beyond,
}

fn compare<'a>(filter: &'a [u8], key: &[u8]) -> Way<'a> {
    let is_special = key.first() == Some(&b'$');
    let mut levels = key.split(|byte| *byte == LEVEL_END);
    // Where the level of the key begins that is compared.
    let mut at = 0;
    // What follows when the filter wants less than the key has: another level in the place of the
    // last one that any may stand in.
    let mut passed = Way::Beyond;
    for wanted in filter.split(|byte| *byte == LEVEL_END) {
        let is_wild = matches!(wanted, b"#" | b"+");
        if at == 0 && is_wild && is_special {
            // [MQTT-4.7.2-1]
            return Way::Later { same: 0, then: &[b'$' + 1] };
        }
        if wanted == b"#" {
            return Way::Here;
        }
        let Some(level) = levels.next() else {
            return Way::Below(if is_wild { &[] } else { wanted });
        };
        let end = at + level.len();
        if is_wild {
            passed = Way::Later { same: end, then: &[LEVEL_END + 1] };
        } else if level < wanted {
            return Way::Later { same: at, then: wanted };
        } else if level > wanted {
            return passed;
        }
        at = end + 1;
    }
    if levels.next().is_none() { Way::Here } else { passed }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::codec::topic;
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
        let bytes_max = 2 * OVERHEAD + 12;
        let mut keep = |topic, payload| {
            let kept = store.store(&message(topic, payload, None), 1, 0, 2, bytes_max).is_ok();
            (kept, store.count(), store.bytes())
        };
        assert_eq!(keep("a", "xx"), (true, 1, OVERHEAD + 4));
        assert_eq!(keep("b", "xx"), (true, 2, 2 * OVERHEAD + 8));
        assert_eq!(keep("c", "x"), (false, 2, 2 * OVERHEAD + 8));
        assert_eq!(keep("b", "xxxxxxx"), (false, 2, 2 * OVERHEAD + 8));
        assert_eq!(keep("b", "xxxxxx"), (true, 2, 2 * OVERHEAD + 12));
        assert_eq!(keep("b", ""), (true, 1, OVERHEAD + 4));
        assert_eq!(keep("a", ""), (true, 0, 0));
    }

    #[test]
    fn what_replaces_an_expiring_message_does_not_expire_with_it() {
        let mut store = Retained::default();
        store.store(&message("a", "1", Some(5)), 1, 0, 9, 9_999).unwrap();
        store.store(&message("b", "1", Some(5)), 1, 0, 9, 9_999).unwrap();
        store.store(&message("a", "2", Some(50)), 1, 0, 9, 9_999).unwrap();
        let now = Time::from_origin(Duration::from_secs(5));
        assert_eq!(store.poll_timeout(), Some(now));
        assert_eq!(store.expire(now), 1);
        assert!(store.get("a").is_some() && store.get("b").is_none());
        for _ in 0..1000 {
            store.store(&message("a", "3", Some(60)), 1, 0, 9, 9_999).unwrap();
        }
        assert!(store.expiries.len() < 100);
    }

    #[test]
    fn many_that_expire_at_the_same_moment_go_in_rounds() {
        let mut store = Retained::default();
        for number in 0..EXPIRE_MAX + 10 {
            let one = message(&number.to_string(), "1", Some(5));
            store.store(&one, 1, 0, 9_999, 9_999_999).unwrap();
        }
        let now = Time::from_origin(Duration::from_secs(5));
        let most = u64::try_from(EXPIRE_MAX).unwrap();
        assert_eq!((store.expire(now), store.poll_timeout()), (most, Some(now)));
        assert_eq!((store.expire(now), store.poll_timeout(), store.count()), (10, None, 0));
    }

    #[test]
    fn a_filter_that_matches_little_does_not_look_at_everything() {
        let mut store = Retained::default();
        for number in 0..1_000 {
            for leaf in ["a", "b", "c/d"] {
                let topic = format!("x{}/{number}/{leaf}", number % 10);
                store.store(&message(&topic, "1", None), 1, 0, 9_999, 9_999_999).unwrap();
            }
        }
        let steps_for = |filter: &str, count: usize| {
            let (mut walk, mut steps, mut found) = (Walk::new(filter), usize::MAX, 0);
            while let Step::At(_) = store.look(&mut walk, &mut steps) {
                found += 1;
                walk.pass();
            }
            assert_eq!(found, count, "{filter}");
            usize::MAX - steps
        };
        assert!(steps_for("x3/333/a", 1) < 5);
        assert!(steps_for("x3/+/a", 100) < 310);
        assert!(steps_for("nowhere/#", 0) < 3);
        assert!(steps_for("+/7/#", 3) < 40);
    }

    fn path() -> impl Strategy<Value = String> {
        let level =
            prop_oneof![Just(""), Just("a"), Just("b"), Just("a!"), Just("$x"), Just("\u{1}")];
        prop::collection::vec(level, 1..5)
            .prop_map(|levels| levels.join("/"))
            .prop_filter("not empty", |path| !path.is_empty())
    }

    fn filter() -> impl Strategy<Value = String> {
        let level = prop_oneof![Just(""), Just("a"), Just("b"), Just("a!"), Just("$x"), Just("+")];
        let end = prop_oneof![Just(""), Just("/#")];
        (prop::collection::vec(level, 1..4), end, 0..8)
            .prop_map(|(levels, end, all)| match all {
                0 => "#".to_owned(),
                _ => levels.join("/") + end,
            })
            .prop_filter("not empty", |filter| !filter.is_empty())
    }

    proptest! {
        #[test]
        fn a_walk_agrees_with_the_matching_rules_however_it_is_interrupted(
            filters in prop::collection::vec(filter(), 1..12),
            names in prop::collection::btree_set(path(), 1..16),
            pace in 1..4_usize,
        ) {
            let mut store = Retained::default();
            for name in &names {
                store.store(&message(name, "1", None), 1, 0, 99, 99_999).unwrap();
            }
            for filter in &filters {
                let mut expected: Vec<_> =
                    names.iter().filter(|name| topic::matches(filter, name)).cloned().collect();
                expected.sort();
                let mut found = Vec::new();
                let mut walk = Walk::new(filter);
                prop_assert!(walk.is_for(filter) && walk.pattern() == *filter);
                loop {
                    let mut steps = pace;
                    match store.look(&mut walk, &mut steps) {
                        Step::At(kept) => {
                            let topic = kept.message.topic();
                            let place = Place::of(topic);
                            prop_assert!(walk.is_before(&place));
                            walk.pass();
                            prop_assert!(!walk.is_before(&place));
                            found.push(topic.to_owned());
                        }
                        Step::Rest => {}
                        Step::End => break,
                    }
                }
                found.sort();
                prop_assert_eq!(found, expected, "names for {}", filter);
            }
        }
    }
}
