//! Topic aliases (MQTT 5.0, section 3.3.2.3.4): one table for each direction, gone with the connection.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU16;
use std::sync::Arc;

use super::ProtocolError;

/// What the peer's aliases stand for.
#[derive(Debug, Default)]
pub(crate) struct InboundAliases {
    maximum: u16,
    /// Not there before the first one: most connections have none.
    known: Option<Box<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    topics: HashMap<u16, Arc<str>>,
}

impl InboundAliases {
    /// Forgets all of them; a connection with this maximum begins.
    pub(crate) fn reset(&mut self, maximum: u16) {
        *self = Self { maximum, known: None };
    }

    /// The topic of a message that carries `alias` and, unless it is empty, `topic`, whose text has been
    /// checked.
    pub(crate) fn resolve(&mut self, alias: u16, topic: &[u8]) -> Result<Arc<str>, ProtocolError> {
        if alias == 0 || alias > self.maximum {
            return Err(ProtocolError::TopicAlias { alias, maximum: self.maximum });
        }
        if topic.is_empty() {
            let known = self.known.as_ref().and_then(|known| known.topics.get(&alias));
            return known.cloned().ok_or(ProtocolError::UnknownAlias { alias });
        }
        let topic: Arc<str> = std::str::from_utf8(topic).unwrap_or_default().into();
        self.known.get_or_insert_default().topics.insert(alias, Arc::clone(&topic));
        Ok(topic)
    }
}

/// Aliases for what this side sends; the least recently used topic loses its alias first.
#[derive(Debug, Default)]
pub(crate) struct OutboundAliases {
    maximum: u16,
    /// Not there before the first one.
    table: Option<Box<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    by_topic: HashMap<Arc<str>, Entry>,
    by_age: BTreeMap<u64, Arc<str>>,
    uses: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    alias: NonZeroU16,
    used: u64,
}

/// An alias for one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Assigned {
    pub(crate) alias: NonZeroU16,
    /// Whether the receiver knows the topic, so that it can be left out.
    pub(crate) known: bool,
}

impl OutboundAliases {
    /// Forgets all of them; a connection with this maximum begins.
    pub(crate) fn reset(&mut self, maximum: u16) {
        *self = Self { maximum, table: None };
    }

    /// The alias that a packet with this topic would use. [`commit`](Self::commit) follows when the
    /// packet has been queued.
    pub(crate) fn assign(&self, topic: &str) -> Option<Assigned> {
        if self.maximum == 0 {
            return None;
        }
        match &self.table {
            Some(table) => table.assign(self.maximum, topic),
            None => Some(Assigned { alias: NonZeroU16::MIN, known: false }),
        }
    }

    /// The packet has been queued. Returns the topic, which the packet may have left out.
    pub(crate) fn commit(&mut self, topic: &str, assigned: Assigned) -> Arc<str> {
        self.table.get_or_insert_default().commit(topic, assigned)
    }
}

impl Table {
    fn assign(&self, maximum: u16, topic: &str) -> Option<Assigned> {
        if let Some(entry) = self.by_topic.get(topic) {
            return Some(Assigned { alias: entry.alias, known: true });
        }
        let unused = u16::try_from(self.by_topic.len() + 1).ok().and_then(NonZeroU16::new);
        let fresh = unused.filter(|alias| alias.get() <= maximum);
        let alias = fresh.or_else(|| {
            let (_, oldest) = self.by_age.first_key_value()?;
            self.by_topic.get(oldest).map(|entry| entry.alias)
        })?;
        Some(Assigned { alias, known: false })
    }

    fn commit(&mut self, topic: &str, assigned: Assigned) -> Arc<str> {
        self.uses += 1;
        let name = if assigned.known {
            self.by_topic.get(topic).and_then(|entry| self.by_age.remove(&entry.used))
        } else {
            self.evict(assigned.alias);
            None
        };
        let name = name.unwrap_or_else(|| topic.into());
        self.by_age.insert(self.uses, Arc::clone(&name));
        let entry = Entry { alias: assigned.alias, used: self.uses };
        self.by_topic.insert(Arc::clone(&name), entry);
        name
    }

    fn evict(&mut self, alias: NonZeroU16) {
        let oldest = self.by_age.first_entry();
        if let Some(oldest) = oldest
            && self.by_topic.get(oldest.get()).is_some_and(|entry| entry.alias == alias)
        {
            self.by_topic.remove(&oldest.remove());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(aliases: &mut OutboundAliases, topic: &str) -> Option<(u16, bool)> {
        let assigned = aliases.assign(topic)?;
        aliases.commit(topic, assigned);
        Some((assigned.alias.get(), assigned.known))
    }

    #[test]
    fn the_least_recently_used_topic_loses_its_alias() {
        let mut aliases = OutboundAliases::default();
        aliases.reset(2);
        assert_eq!(send(&mut aliases, "a"), Some((1, false)));
        assert_eq!(send(&mut aliases, "b"), Some((2, false)));
        assert_eq!(send(&mut aliases, "a"), Some((1, true)));
        assert_eq!(send(&mut aliases, "c"), Some((2, false)), "b was used longest ago");
        assert_eq!(send(&mut aliases, "a"), Some((1, true)));
        assert_eq!(send(&mut aliases, "b"), Some((2, false)));
    }

    #[test]
    fn a_maximum_of_zero_means_no_alias() {
        let mut aliases = OutboundAliases::default();
        aliases.reset(0);
        assert_eq!(send(&mut aliases, "a"), None);
    }

    #[test]
    fn what_was_not_committed_was_never_assigned() {
        let mut aliases = OutboundAliases::default();
        aliases.reset(1);
        assert!(!aliases.assign("a").unwrap().known);
        assert!(!aliases.assign("a").unwrap().known);
    }

    #[test]
    fn received_aliases_are_set_reused_replaced_and_bounded() {
        let mut aliases = InboundAliases::default();
        aliases.reset(2);
        assert_eq!(aliases.resolve(1, b""), Err(ProtocolError::UnknownAlias { alias: 1 }));
        assert_eq!(&*aliases.resolve(1, b"a").unwrap(), "a");
        assert_eq!(&*aliases.resolve(1, b"").unwrap(), "a");
        assert_eq!(&*aliases.resolve(1, b"b").unwrap(), "b");
        assert_eq!(&*aliases.resolve(1, b"").unwrap(), "b");
        assert_eq!(
            aliases.resolve(0, b"a"),
            Err(ProtocolError::TopicAlias { alias: 0, maximum: 2 })
        );
        assert_eq!(
            aliases.resolve(3, b"a"),
            Err(ProtocolError::TopicAlias { alias: 3, maximum: 2 })
        );
        aliases.reset(2);
        assert_eq!(aliases.resolve(1, b""), Err(ProtocolError::UnknownAlias { alias: 1 }));
    }
}
