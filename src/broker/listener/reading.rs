//! From the streams to the core.

use std::io;

use super::faulty::LinkFaults;
use super::link::{SMALL_REST, remove_used};
use super::{ConnectionId, End, Poller, READ_SIZE};
use crate::transport::Polled;

impl Poller {
    /// One read from every connection that may have something.
    pub(super) fn read_round(&mut self) {
        for _ in 0..self.to_read.len() {
            let Some(id) = self.to_read.pop_front() else { return };
            if let Some(link) = self.link_mut(id) {
                link.queued = false;
                if self.read(id) == Err(End) {
                    self.close(id);
                }
                self.enqueue(id);
            }
        }
    }

    /// One read; `Err` when the connection is at its end.
    fn read(&mut self, id: ConnectionId) -> Result<(), End> {
        if !self.core.takes_input(id) {
            return self.look_whether_it_left(id);
        }
        let Some(link) = self.link_mut(id) else { return Ok(()) };
        if std::mem::take(&mut link.resumed) && !link.rest.is_empty() {
            self.feed_rest(id);
            return Ok(());
        }
        // The beginning of a large packet has memory of its own, which is read into directly.
        let large = link.rest.len() > SMALL_REST;
        let mut buffer = if large {
            let mut rest = std::mem::take(&mut link.rest);
            rest.reserve(READ_SIZE);
            rest
        } else {
            let mut scratch = std::mem::take(&mut self.scratch);
            scratch.clear();
            if let Some(link) = self.link_mut(id) {
                scratch.extend_from_slice(&link.rest);
            }
            scratch
        };
        let result = self.read_into(id, &mut buffer);
        let used = result.as_ref().copied().unwrap_or_default();
        if large {
            if let Some(link) = self.link_mut(id) {
                link.rest = remove_used(buffer, used);
            }
        } else {
            if let Some(link) = self.link_mut(id) {
                link.keep_rest(buffer.get(used..).unwrap_or_default());
            }
            self.scratch = buffer;
        }
        result.map(drop)
    }

    /// A connection that takes no input now; it is named when it takes it again. A client that has
    /// left without another word need not be decided about.
    fn look_whether_it_left(&mut self, id: ConnectionId) -> Result<(), End> {
        let undecided = self.core.is_undecided(id);
        let Some(link) = self.link_mut(id) else { return Ok(()) };
        link.readable = false;
        let may_have_left = link.ended || matches!(link.stream, Polled::Memory(_));
        if !undecided || !may_have_left || !link.rest.is_empty() {
            return Ok(());
        }
        let mut buffer = Vec::with_capacity(SMALL_REST);
        match link.stream.read(&mut buffer) {
            Ok(0) => return Err(End),
            Ok(_) => link.rest = buffer,
            Err(error) if is_temporary(&error) => {}
            Err(_) => return Err(End),
        }
        Ok(())
    }

    /// Says how many bytes of the buffer were used.
    fn read_into(&mut self, id: ConnectionId, buffer: &mut Vec<u8>) -> Result<usize, End> {
        let Some(link) = self.link_mut(id) else { return Ok(0) };
        let before = buffer.len();
        let mut count = match link.stream.read(buffer) {
            Ok(0) => return Err(End),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                link.readable = false;
                return Ok(0);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(0),
            Err(_) => return Err(End),
        };
        if link.finished {
            return Ok(buffer.len());
        }
        if buffer.len() < buffer.capacity() && matches!(link.stream, Polled::Tcp(_)) {
            // Less came than there was room for, so the next read would find nothing; the system
            // tells when there is more. The end is told once only.
            link.readable = link.ended;
        }
        if let Some(faults) = &mut link.faults {
            let (allowed, cut) = faults.receive(count);
            if faults.half_open {
                return Ok(buffer.len());
            }
            if cut {
                buffer.truncate(before + allowed);
                self.feed(id, buffer);
                return Err(End);
            }
            count = allowed;
        }
        Ok(if count > 0 { self.feed(id, buffer) } else { 0 })
    }

    /// Input is handled that waited until the core takes it again.
    fn feed_rest(&mut self, id: ConnectionId) {
        let Some(link) = self.link_mut(id) else { return };
        let rest = std::mem::take(&mut link.rest);
        let used = self.feed(id, &rest);
        if let Some(link) = self.link_mut(id) {
            link.rest = remove_used(rest, used);
        }
    }

    /// Gives input to the core and says how much it used.
    fn feed(&mut self, id: ConnectionId, input: &[u8]) -> usize {
        if let Some(link) = self.link_mut(id)
            && !std::mem::replace(&mut link.introduced, true)
            && let Some(certificate) = link.stream.certificate()
        {
            self.core.set_certificate(id, certificate);
        }
        let used = self.core.handle_input(self.now, id, input);
        if let Some(recorder) = &self.recorder {
            recorder.received(&mut self.core, self.now, id, input);
        }
        if !self.faults.is_empty() {
            self.put_faults_in(id);
        }
        used
    }

    fn put_faults_in(&mut self, id: ConnectionId) {
        let Some(client) = self.core.client_id(id) else { return };
        let faults = self.faults.connection(client);
        if let Some(link) = self.link_mut(id)
            && link.faults.is_none()
            && !faults.is_empty()
        {
            link.faults = Some(Box::new(LinkFaults::new(&faults)));
        }
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
