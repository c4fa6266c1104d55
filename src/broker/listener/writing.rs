//! From the core to the streams.

use super::link::{Link, Written};
use super::{ConnectionId, Poller};

impl Poller {
    /// Writes to every connection that the core names.
    pub(super) fn write_round(&mut self) {
        while let Some(id) = self.core.poll_ready() {
            if self.core.take_resumed(id)
                && let Some(link) = self.link_mut(id)
            {
                link.readable = true;
                link.resumed = true;
                self.enqueue(id);
            }
            self.write(id);
        }
    }

    pub(super) fn write(&mut self, id: ConnectionId) {
        let Some(mut link) = self.links.get_mut(id.0.index()).and_then(Option::take) else {
            return;
        };
        if link.id != id {
            if let Some(place) = self.links.get_mut(id.0.index()) {
                *place = Some(link);
            }
            return;
        }
        let result = if self.holds_back(&mut link) {
            Ok(Written::Blocked)
        } else {
            let (core, recorder, now) = (&mut self.core, &self.recorder, self.now);
            link.write(|out| {
                let taken = core.poll_transmit(id, out);
                if let (true, Some(recorder)) = (taken, recorder) {
                    recorder.sent(core, now, id, out);
                }
                taken
            })
        };
        self.core.unwritten(id, link.unwritten());
        if let Some(place) = self.links.get_mut(id.0.index()) {
            *place = Some(link);
        }
        match result {
            Ok(written) if self.core.is_closing(id) => self.finish(id, written),
            Ok(_) => {}
            Err(_) => self.close(id),
        }
    }

    /// Whether a fault makes the output wait.
    fn holds_back(&mut self, link: &mut Link) -> bool {
        let Some(faults) = link.faults.as_deref_mut().filter(|faults| !faults.delay.is_zero())
        else {
            return false;
        };
        match faults.held_until {
            Some(until) if until <= self.now => {
                faults.held_until = None;
                return false;
            }
            Some(_) => {}
            None => faults.held_until = Some(self.now + faults.delay),
        }
        self.held.push(link.id);
        true
    }

    /// The core is done with a connection: what is left is written, then the client is told that
    /// nothing follows, and has a little time to hang up itself. Closing with its input unread would
    /// make the system throw away what it has not received yet.
    fn finish(&mut self, id: ConnectionId, written: Written) {
        let (now, limit, stopping) = (self.now, self.closing_time, self.stop_by.is_some());
        let Some(link) = self.link_mut(id) else { return };
        link.asking = None;
        if link.close_by.is_none() {
            link.close_by = Some(now + limit);
            self.closing.push_back((now + limit, id));
        }
        let Some(link) = self.link_mut(id) else { return };
        if written == Written::All && !link.finished {
            match link.finish() {
                Ok(false) => {}
                Ok(true) if !stopping => {}
                _ => self.close(id),
            }
        }
    }

    /// The end of a connection.
    pub(super) fn close(&mut self, id: ConnectionId) {
        if self.link(id).is_some()
            && let Some(place) = self.links.get_mut(id.0.index())
        {
            *place = None;
        }
        self.core.handle_closed(self.now, id);
    }
}
