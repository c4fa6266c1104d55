//! What the reader has read and not yet handed on.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::proto::Incoming;

/// How much is read at a time.
const READ_SIZE: usize = 128 * 1024;

/// Up to this many bytes are copied into an allocation of their own, so that the large buffer can be
/// read into again at once and a message that is kept does not hold all of it.
const COPY_MAX: usize = 8 * 1024;

/// Memory for a packet is set aside in full up to this size; beyond, it grows as bytes arrive, so
/// that a length alone cannot claim it.
const TRUSTED_SIZE: usize = 4 * 1024 * 1024;

/// Lists of this many messages are worth keeping; longer ones are too large to keep.
const LIST_MIN: usize = 64;
const LIST_MAX: usize = 16 * 1024;

/// How many emptied buffers are kept, and how large one may be.
const POOL_MAX: usize = 4;
const KEPT_SIZE: usize = 2 * 1024 * 1024;

/// Bytes that were read, shared by the messages in them. Unlike [`Bytes`], it gives the vector back
/// without moving a byte.
pub(super) type Block = Arc<Vec<u8>>;

/// A part of a block as [`Bytes`], without a copy.
pub(super) fn share(block: &Block, range: Range<usize>) -> Bytes {
    Bytes::from_owner(Part { block: Arc::clone(block), range })
}

struct Part {
    block: Block,
    range: Range<usize>,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        self.block.get(self.range.clone()).unwrap_or_default()
    }
}

/// Emptied read buffers, and lists of what was in them, on their way back to the reader. Memory that
/// is used again has its pages; new memory costs a page fault for every 4 KiB.
#[derive(Debug, Default)]
pub(super) struct Pool {
    buffers: Mutex<Vec<Vec<u8>>>,
    lists: Mutex<Vec<VecDeque<Incoming>>>,
}

impl Pool {
    /// Takes a buffer back, if nobody else holds a part of it.
    pub(super) fn give_back(&self, block: Block) {
        if let Ok(buffer) = Arc::try_unwrap(block) {
            self.keep(buffer);
        }
    }

    fn keep(&self, mut buffer: Vec<u8>) {
        if !(READ_SIZE..=KEPT_SIZE).contains(&buffer.capacity()) {
            return;
        }
        buffer.clear();
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        if buffers.len() < POOL_MAX {
            buffers.push(buffer);
        }
    }

    /// An empty buffer of at least this capacity.
    fn take(&self, capacity: usize) -> Vec<u8> {
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        match buffers.iter().position(|buffer| buffer.capacity() >= capacity) {
            Some(found) => buffers.swap_remove(found),
            None => {
                drop(buffers);
                Vec::with_capacity(capacity)
            }
        }
    }

    /// Takes an emptied list back.
    pub(super) fn give_back_list(&self, list: VecDeque<Incoming>) {
        if !(LIST_MIN..=LIST_MAX).contains(&list.capacity()) {
            return;
        }
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if lists.len() < POOL_MAX {
            lists.push(list);
        }
    }

    /// An empty list.
    pub(super) fn take_list(&self) -> Vec<Incoming> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.pop().unwrap_or_default().into()
    }
}

/// Bytes from the server that begin with a packet.
#[derive(Debug)]
pub(super) struct Input {
    bytes: Vec<u8>,
    pool: Arc<Pool>,
}

impl Input {
    pub(super) fn new(pool: Arc<Pool>) -> Self {
        Self { bytes: pool.take(READ_SIZE), pool }
    }

    /// The buffer to read into, with room for more; `wanted` is the length of the packet with which
    /// it begins, if that is known.
    pub(super) fn spare(&mut self, wanted: usize) -> &mut Vec<u8> {
        let len = self.bytes.len();
        let missing = wanted.saturating_sub(len).clamp(1, TRUSTED_SIZE);
        if self.bytes.capacity() - len < missing {
            if wanted > TRUSTED_SIZE {
                self.bytes.reserve(missing);
            } else {
                let mut larger = self.pool.take((len + missing).max(READ_SIZE));
                larger.extend_from_slice(&self.bytes);
                self.pool.keep(std::mem::replace(&mut self.bytes, larger));
            }
        }
        &mut self.bytes
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes the first `used` bytes out.
    pub(super) fn take(&mut self, used: usize) -> Block {
        if used <= COPY_MAX {
            let taken = self.bytes.get(..used).unwrap_or_default().to_vec();
            self.bytes.drain(..used.min(self.bytes.len()));
            return Arc::new(taken);
        }
        let mut next = self.pool.take(READ_SIZE);
        next.extend_from_slice(self.bytes.get(used..).unwrap_or_default());
        let mut taken = std::mem::replace(&mut self.bytes, next);
        taken.truncate(used);
        Arc::new(taken)
    }

    /// Throws the first `used` bytes away.
    pub(super) fn skip(&mut self, used: usize) {
        self.bytes.drain(..used.min(self.bytes.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(len: usize) -> Input {
        let mut input = Input::new(Arc::default());
        let bytes: Vec<u8> = (0..=250).cycle().take(len).collect();
        input.spare(len).extend_from_slice(&bytes);
        input
    }

    #[test]
    fn what_is_taken_and_what_stays_add_up() {
        for (len, used) in [(10, 0), (10, 4), (10, 10), (50_000, 20_000), (50_000, 50_000)] {
            let mut input = filled(len);
            let all = input.bytes().to_vec();
            let taken = input.take(used);
            assert_eq!([taken.as_slice(), input.bytes()].concat(), all);
            assert_eq!(taken.len(), used);
        }
    }

    #[test]
    fn there_is_always_room_to_read_into() {
        let mut input = filled(READ_SIZE);
        assert!(input.spare(0).capacity() > READ_SIZE);
        let mut input = filled(1000);
        assert!(input.spare(1_000_000).capacity() >= 1_000_000);
        let capacity = input.spare(250_000_000).capacity();
        assert!(capacity < 2 * TRUSTED_SIZE + READ_SIZE, "a length alone claimed {capacity} bytes");
    }

    #[test]
    fn a_buffer_comes_back_unless_a_message_holds_part_of_it() {
        let pool = Arc::new(Pool::default());
        let mut input = Input::new(Arc::clone(&pool));
        input.spare(0).resize(20_000, 1);
        let taken = input.take(20_000);
        let part = share(&taken, 0..10);
        pool.give_back(taken);
        assert_eq!(pool.buffers.lock().unwrap().len(), 0);
        drop(part);
        input.spare(0).resize(20_000, 1);
        let taken = input.take(20_000);
        pool.give_back(taken);
        assert_eq!(pool.buffers.lock().unwrap().len(), 1);
    }
}
