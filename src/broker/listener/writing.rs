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
        self.delay(&mut link);
        let (core, recorder, now) = (&mut self.core, &self.recorder, self.now);
        let mut result = link.write(|out| {
            let taken = core.poll_transmit(id, out);
            if let (true, Some(recorder)) = (taken, recorder) {
                recorder.sent(core, now, id, out);
            }
            taken
        });
        self.core.unwritten(id, link.unwritten());
        if self.delay(&mut link) && self.core.waiting(id) == 0 && result.is_ok() {
            result = Ok(Written::All);
        }
        if let Some(place) = self.links.get_mut(id.0.index()) {
            *place = Some(link);
        }
        match result {
            Ok(written) if self.core.is_closing(id) => self.finish(id, written),
            Ok(_) => {}
            Err(_) => self.close(id),
        }
    }

    /// Notes what a fault makes wait, and says whether there is one that does.
    fn delay(&mut self, link: &mut Link) -> bool {
        let Some(faults) = link.faults.as_deref_mut().filter(|faults| faults.delays()) else {
            return false;
        };
        faults.note(self.now, self.core.waiting(link.id));
        if faults.next_late().is_some() && !self.held.contains(&link.id) {
            self.held.push(link.id);
        }
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
