//! A connection's stream, and what is on its way through it.

use std::io;
use std::sync::Arc;

use super::faulty::LinkFaults;
use crate::broker::ConnectionId;
use crate::broker::hooks::AuthExchange;
use crate::proto::{OutBuffer, Time};
use crate::transport::Polled;

/// A buffer that carried more than this at once keeps memory for the next time.
const BUSY: usize = 4 * 1024;

/// How much memory of a busy connection's buffer is kept, in bytes.
const KEPT_CAPACITY: usize = 64 * 1024;

/// How many bytes of input may wait behind a client's authentication, or as the beginning of a
/// packet, before they get memory that grows with the packet.
pub(super) const SMALL_REST: usize = 32 * 1024;

pub(super) struct Link {
    pub(super) id: ConnectionId,
    pub(super) stream: Polled,
    /// Input that has not been used.
    pub(super) rest: Vec<u8>,
    output: OutBuffer,
    /// Whether the stream may have something to read.
    pub(super) readable: bool,
    /// The core takes input again: the rest is given to it without another read.
    pub(super) resumed: bool,
    writable: bool,
    /// The client has said that nothing follows.
    pub(super) ended: bool,
    /// The core knows the client's certificate, if it has one.
    pub(super) introduced: bool,
    /// Whether it stands in the queue of those that are read from.
    pub(super) queued: bool,
    /// Until when it takes what is left, once it is being closed.
    pub(super) close_by: Option<Time>,
    /// The client has been told that nothing follows; what it still sends is thrown away.
    pub(super) finished: bool,
    /// While somebody is asked about its client; dropped, the question is void.
    pub(super) asking: Option<Arc<()>>,
    /// The exchange that carries its authentication.
    pub(super) exchange: Option<Box<dyn AuthExchange>>,
    pub(super) faults: Option<Box<LinkFaults>>,
}

/// How a write went.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Everything that was there.
    All,
    /// The stream takes no more now.
    Blocked,
}

impl Link {
    pub(super) fn new(id: ConnectionId, stream: Polled) -> Self {
        Self {
            id,
            stream,
            rest: Vec::new(),
            output: OutBuffer::new(),
            readable: true,
            resumed: false,
            writable: true,
            ended: false,
            introduced: false,
            queued: false,
            close_by: None,
            finished: false,
            asking: None,
            exchange: None,
            faults: None,
        }
    }

    /// How many bytes wait to be written.
    pub(super) fn unwritten(&self) -> usize {
        self.output.len()
    }

    /// The stream may take bytes again.
    pub(super) const fn unblock(&mut self) {
        self.writable = true;
    }

    /// Writes what `more` supplies until it has no more or the stream takes no more.
    pub(super) fn write(
        &mut self,
        mut more: impl FnMut(&mut OutBuffer) -> bool,
    ) -> io::Result<Written> {
        if self.faults.as_ref().is_some_and(|faults| faults.half_open) {
            self.discard(more);
            return Ok(Written::All);
        }
        if !self.writable {
            return Ok(Written::Blocked);
        }
        if !self.stream.flush()? {
            self.writable = false;
            return Ok(Written::Blocked);
        }
        loop {
            if let Some(end) = self.ends() {
                return end;
            }
            if self.output.is_empty() && !more(&mut self.output) {
                return Ok(Written::All);
            }
            let len = self.output.len();
            while !self.output.is_empty() {
                if let Some(end) = self.ends() {
                    return end;
                }
                match self.write_once() {
                    Ok(count) => self.output.advance(count),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        self.writable = false;
                        return Ok(Written::Blocked);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            self.output.clear(if len > BUSY { KEPT_CAPACITY } else { 0 });
        }
    }

    /// Tells the client that nothing follows; says whether that is on its way.
    pub(super) fn finish(&mut self) -> io::Result<bool> {
        self.finished = self.stream.finish()?;
        self.writable = self.finished;
        Ok(self.finished)
    }

    fn write_once(&mut self) -> io::Result<usize> {
        let slices = self.output.slices();
        let Some(faults) = &mut self.faults else { return self.stream.write(&slices) };
        let first = slices.first().copied().unwrap_or_default();
        let part = first.get(..faults.write_max()).unwrap_or(first);
        if part.is_empty() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let count = self.stream.write(&[part])?;
        faults.written(count);
        Ok(count)
    }

    /// How a fault ends this write before the stream does.
    fn ends(&self) -> Option<io::Result<Written>> {
        let faults = self.faults.as_deref()?;
        if faults.is_cut() {
            return Some(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        faults.holds_back().then_some(Ok(Written::Blocked))
    }

    fn discard(&mut self, mut more: impl FnMut(&mut OutBuffer) -> bool) {
        while more(&mut self.output) {
            self.output.clear(0);
        }
    }

    /// Keeps input that was not used, in as little memory as possible.
    pub(super) fn keep_rest(&mut self, rest: &[u8]) {
        self.rest.clear();
        if rest.is_empty() {
            self.rest = Vec::new();
        } else {
            self.rest.extend_from_slice(rest);
        }
    }
}

/// What is left of a buffer of which the beginning was used. The memory of a large packet is not kept
/// for a small rest.
pub(super) fn remove_used(mut buffer: Vec<u8>, used: usize) -> Vec<u8> {
    if buffer.len() - used > SMALL_REST {
        buffer.drain(..used);
        buffer
    } else {
        buffer.get(used..).unwrap_or_default().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_packet_that_was_used_leaves_no_memory_behind() {
        for rest in [0, 1, SMALL_REST, SMALL_REST + 1] {
            let mut buffer = vec![1; 1_000_000];
            buffer.extend(vec![2; rest]);
            let left = remove_used(buffer, 1_000_000);
            assert_eq!(left, vec![2; rest]);
            assert!(rest > SMALL_REST || left.capacity() <= SMALL_REST, "{}", left.capacity());
        }
    }
}
