//! Packet identifiers: none is used twice while it is in flight.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::codec::PacketId;

/// How many packet identifiers there are.
pub(crate) const COUNT: usize = 65_535;

/// A table by packet identifier. There are only 65,535 keys, so nobody gains by choosing them to
/// collide, and a hash that costs next to nothing will do.
pub(crate) type IdMap<T> = HashMap<PacketId, T, BuildHasherDefault<IdHasher>>;

/// Spreads 16 bits over the upper and lower end of 64, where the table looks.
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u16((*byte).into()));
    }

    fn write_u16(&mut self, id: u16) {
        let mixed = (self.0 ^ u64::from(id)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ mixed >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Requests in flight by packet identifier: one pool for all kinds [MQTT-2.2.1-3].
#[derive(Debug)]
pub(crate) struct InFlight<T> {
    requests: IdMap<T>,
    /// The identifier that was given last.
    last: u16,
}

impl<T> Default for InFlight<T> {
    fn default() -> Self {
        Self { requests: IdMap::default(), last: 0 }
    }
}

impl<T> InFlight<T> {
    /// An identifier that is not in flight: the next free one in the circle 1 to 65,535.
    pub(crate) fn next_id(&self) -> Option<PacketId> {
        if self.requests.len() >= COUNT {
            return None;
        }
        let mut id = self.last;
        loop {
            id = id.checked_add(1).unwrap_or(1);
            if let Some(id) = PacketId::new(id).filter(|id| !self.requests.contains_key(id)) {
                return Some(id);
            }
        }
    }

    pub(crate) fn insert(&mut self, id: PacketId, request: T) {
        self.last = id.get();
        self.requests.insert(id, request);
    }

    pub(crate) fn get(&self, id: PacketId) -> Option<&T> {
        self.requests.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: PacketId) -> Option<&mut T> {
        self.requests.get_mut(&id)
    }

    pub(crate) fn remove(&mut self, id: PacketId) -> Option<T> {
        self.requests.remove(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (PacketId, &T)> {
        self.requests.iter().map(|(id, request)| (*id, request))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (PacketId, &mut T)> {
        self.requests.iter_mut().map(|(id, request)| (*id, request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u16) -> PacketId {
        PacketId::new(number).unwrap()
    }

    #[test]
    fn identifiers_go_round_and_skip_what_is_in_flight() {
        let mut pool = InFlight::default();
        pool.insert(id(65_534), ());
        assert_eq!(pool.next_id(), Some(id(65_535)));
        pool.insert(id(1), ());
        pool.insert(id(2), ());
        pool.insert(id(65_535), ());
        assert_eq!(pool.next_id(), Some(id(3)));
        pool.remove(id(1));
        assert_eq!(pool.next_id(), Some(id(1)), "0 is never given, 65534 was the last");
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes minutes under Miri")]
    fn all_65535_can_be_in_flight_and_then_none_is_given() {
        let mut pool = InFlight::default();
        for _ in 0..COUNT {
            let next = pool.next_id().unwrap();
            assert!(pool.get(next).is_none());
            pool.insert(next, ());
        }
        assert_eq!(pool.next_id(), None);
        pool.remove(id(4711));
        assert_eq!(pool.next_id(), Some(id(4711)));
    }
}
