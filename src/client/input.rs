//! What the reader has read and not yet handed on.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// How much is read at a time.
const READ_SIZE: usize = 128 * 1024;

/// Up to this many bytes are copied into an allocation of their own, so that the large buffer can be
/// read into again at once and a message that is kept does not hold all of it.
const COPY_MAX: usize = 8 * 1024;

/// Memory for a packet is set aside in full up to this size; beyond, it grows as bytes arrive, so
/// that a length alone cannot claim it.
const TRUSTED_SIZE: usize = 4 * 1024 * 1024;

/// How many emptied buffers are kept.
const POOL_MAX: usize = 4;

/// Emptied read buffers on their way back to the reader.
#[derive(Debug, Default)]
pub(super) struct Pool {
    buffers: Mutex<Vec<Vec<u8>>>,
}

impl Pool {
    /// Takes a buffer back, if nobody else holds a part of it.
    pub(super) fn give_back(&self, bytes: Bytes) {
        if bytes.len() <= COPY_MAX || !bytes.is_unique() {
            return;
        }
        let mut buffer = Vec::from(bytes);
        if buffer.capacity() != READ_SIZE {
            return;
        }
        buffer.clear();
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        if buffers.len() < POOL_MAX {
            buffers.push(buffer);
        }
    }

    fn take(&self) -> Vec<u8> {
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        buffers.pop().unwrap_or_else(|| Vec::with_capacity(READ_SIZE))
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
        Self { bytes: pool.take(), pool }
    }

    /// The buffer to read into, with room for more; `wanted` is the length of the packet with which
    /// it begins, if that is known.
    pub(super) fn spare(&mut self, wanted: usize) -> &mut Vec<u8> {
        let missing = wanted.saturating_sub(self.bytes.len()).min(TRUSTED_SIZE);
        if self.bytes.capacity() - self.bytes.len() < missing.max(1) {
            if wanted > TRUSTED_SIZE {
                self.bytes.reserve(missing.max(1));
            } else {
                self.bytes
                    .reserve_exact(missing.max(READ_SIZE - self.bytes.len().min(READ_SIZE)).max(1));
            }
        }
        &mut self.bytes
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes the first `used` bytes out.
    pub(super) fn take(&mut self, used: usize) -> Bytes {
        if used <= COPY_MAX {
            let taken = Bytes::copy_from_slice(self.bytes.get(..used).unwrap_or_default());
            self.bytes.drain(..used.min(self.bytes.len()));
            return taken;
        }
        let mut next = self.pool.take();
        next.extend_from_slice(self.bytes.get(used..).unwrap_or_default());
        let mut taken = std::mem::replace(&mut self.bytes, next);
        taken.truncate(used);
        taken.into()
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
            assert_eq!([&taken, input.bytes()].concat(), all);
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
        let part = taken.slice(0..10);
        pool.give_back(taken);
        assert_eq!(pool.buffers.lock().unwrap().len(), 0);
        drop(part);
        input.spare(0).resize(20_000, 1);
        let taken = input.take(20_000);
        pool.give_back(taken);
        assert_eq!(pool.buffers.lock().unwrap().len(), 1);
    }
}
