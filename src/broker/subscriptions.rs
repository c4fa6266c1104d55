//! Who gets which messages: plain and shared subscriptions of all sessions.

use super::slots::Key;
use super::trie::Trie;
use crate::codec::topic::Filter;
use crate::codec::{QoS, SubscribeOptions};

/// One subscription of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) session: Key,
    pub(crate) options: SubscribeOptions,
    /// The subscription identifier; 0 is none.
    pub(crate) id: u32,
}

/// A session that is to get a message, by one subscription of its own or by one that it shares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Match {
    pub(crate) subscription: Subscription,
    /// The shared subscription; 0 for a plain one.
    pub(crate) share: u32,
}

/// All subscriptions that have the same filter.
#[derive(Debug, Default)]
struct Subscribers {
    plain: Vec<Subscription>,
    shares: Vec<Share>,
}

/// A shared subscription (section 4.8.2).
#[derive(Debug)]
struct Share {
    number: u32,
    name: Box<str>,
    members: Vec<Subscription>,
    /// Whose turn it is.
    next: usize,
}

/// What a subscription was when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    New,
    Replaced,
}

/// The table of all subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    filters: Trie<Subscribers>,
    count: usize,
    shared_count: usize,
    last_share: u32,
}

impl Subscriptions {
    /// How many there are, shared ones among them.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// How many levels the filters have, common ones counted once.
    pub(crate) const fn levels(&self) -> usize {
        self.filters.len()
    }

    /// How many shared ones there are, each membership counted.
    pub(crate) const fn shared_count(&self) -> usize {
        self.shared_count
    }

    /// Makes a subscription, in the place of one that the session has to the same filter.
    pub(crate) fn insert(&mut self, filter: &Filter<'_>, subscription: Subscription) -> Change {
        let Some(entry) = self.filters.entry(filter.pattern()) else { return Change::Replaced };
        let subscribers = entry.get_or_insert_default();
        let list = match filter.share_name() {
            None => &mut subscribers.plain,
            Some(name) => {
                let shares = &mut subscribers.shares;
                let place = shares.iter().position(|share| &*share.name == name);
                let place = place.unwrap_or_else(|| {
                    self.last_share = self.last_share.wrapping_add(1).max(1);
                    let number = self.last_share;
                    shares.push(Share { number, name: name.into(), members: Vec::new(), next: 0 });
                    shares.len() - 1
                });
                let Some(share) = shares.get_mut(place) else { return Change::Replaced };
                &mut share.members
            }
        };
        match list.iter_mut().find(|other| other.session == subscription.session) {
            Some(other) => {
                *other = subscription;
                Change::Replaced
            }
            None => {
                list.push(subscription);
                self.count += 1;
                self.shared_count += usize::from(filter.share_name().is_some());
                Change::New
            }
        }
    }

    /// Ends a session's subscription to exactly this filter. Says whether there was one.
    pub(crate) fn remove(&mut self, filter: &Filter<'_>, session: Key) -> bool {
        let Some(subscribers) = self.filters.get_mut(filter.pattern()) else { return false };
        let removed = match filter.share_name() {
            None => remove_from(&mut subscribers.plain, session),
            Some(name) => {
                let share = subscribers.shares.iter_mut().find(|share| &*share.name == name);
                share.is_some_and(|share| remove_from(&mut share.members, session))
            }
        };
        subscribers.shares.retain(|share| !share.members.is_empty());
        let empty = subscribers.plain.is_empty() && subscribers.shares.is_empty();
        if empty {
            self.filters.remove(filter.pattern());
        }
        if removed {
            self.count -= 1;
            self.shared_count -= usize::from(filter.share_name().is_some());
        }
        removed
    }

    /// Calls `each` for every plain subscription that matches, and for one member of every shared
    /// one: the next in turn for which `is_better` says so, else the next in turn.
    pub(crate) fn each_match(
        &mut self,
        topic: &str,
        is_better: impl Fn(Key) -> bool,
        mut each: impl FnMut(Match),
    ) {
        self.filters.each_filter_matching(topic, |subscribers| {
            for subscription in &subscribers.plain {
                each(Match { subscription: *subscription, share: 0 });
            }
            for share in &mut subscribers.shares {
                if let Some(subscription) = share.take_turn(&is_better) {
                    each(Match { subscription, share: share.number });
                }
            }
        });
    }

    /// Another member of a shared subscription that matches the topic, in turn.
    pub(crate) fn other_member(
        &mut self,
        topic: &str,
        number: u32,
        is_fit: impl Fn(Key) -> bool,
    ) -> Option<Subscription> {
        let mut found = None;
        self.filters.each_filter_matching(topic, |subscribers| {
            let shares = subscribers.shares.iter_mut().filter(|share| share.number == number);
            for share in shares {
                found = found.or(share.take_turn(&is_fit).filter(|member| is_fit(member.session)));
            }
        });
        found
    }
}

impl Share {
    fn take_turn(&mut self, is_better: &impl Fn(Key) -> bool) -> Option<Subscription> {
        let count = self.members.len();
        let in_turn = (0..count).map(|offset| (self.next + offset) % count);
        let member = |place: usize| self.members.get(place);
        let better = in_turn
            .clone()
            .find(|place| member(*place).is_some_and(|member| is_better(member.session)));
        let place = better.or_else(|| in_turn.clone().next())?;
        let chosen = member(place).copied();
        self.next = (place + 1) % count;
        chosen
    }
}

fn remove_from(list: &mut Vec<Subscription>, session: Key) -> bool {
    let place = list.iter().position(|subscription| subscription.session == session);
    place.map(|place| list.remove(place)).is_some()
}

/// The lower of what the publisher used and what the subscriber was granted [MQTT-3.8.4-8].
pub(crate) fn delivery_qos(published: QoS, granted: QoS) -> QoS {
    published.min(granted)
}

#[cfg(test)]
mod tests {
    use super::super::slots::Slots;
    use super::*;

    fn keys(count: usize) -> Vec<Key> {
        let mut slots = Slots::default();
        (0..count).map(|_| slots.insert(())).collect()
    }

    fn subscribe(table: &mut Subscriptions, filter: &str, session: Key) -> Change {
        let options = SubscribeOptions::default();
        table.insert(&Filter::parse(filter).unwrap(), Subscription { session, options, id: 0 })
    }

    fn matches(table: &mut Subscriptions, topic: &str) -> Vec<Key> {
        let mut found = Vec::new();
        table.each_match(topic, |_| true, |one| found.push(one.subscription.session));
        found
    }

    #[test]
    fn members_of_a_share_take_turns_and_other_shares_are_others() {
        let keys = keys(3);
        let mut table = Subscriptions::default();
        for key in &keys {
            subscribe(&mut table, "$share/g/a/+", *key);
        }
        subscribe(&mut table, "$share/h/a/+", keys[0]);
        let turns: Vec<_> = (0..4).map(|_| matches(&mut table, "a/x")[0]).collect();
        assert_eq!(turns, [keys[0], keys[1], keys[2], keys[0]]);
        assert_eq!(matches(&mut table, "a/x").len(), 2);
        assert_eq!((table.count(), table.shared_count()), (4, 4));
    }

    #[test]
    fn a_member_that_cannot_take_it_is_passed_over() {
        let keys = keys(2);
        let mut table = Subscriptions::default();
        for key in &keys {
            subscribe(&mut table, "$share/g/a", *key);
        }
        let mut found = Vec::new();
        for _ in 0..3 {
            table.each_match("a", |key| key == keys[1], |one| found.push(one.subscription.session));
        }
        assert_eq!(found, [keys[1]; 3]);
    }

    #[test]
    fn filters_are_compared_letter_by_letter() {
        let keys = keys(1);
        let mut table = Subscriptions::default();
        assert_eq!(subscribe(&mut table, "a/+", keys[0]), Change::New);
        assert_eq!(subscribe(&mut table, "a/+", keys[0]), Change::Replaced);
        for other in ["a/b", "A/+", "a/#", "$share/g/a/+"] {
            assert!(!table.remove(&Filter::parse(other).unwrap(), keys[0]), "{other}");
        }
        assert!(table.remove(&Filter::parse("a/+").unwrap(), keys[0]));
        assert_eq!((table.count(), matches(&mut table, "a/b").len()), (0, 0));
    }
}
