//! What went over the connections, packet by packet.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{ConnectionId, Core};
use crate::codec::{Packet, Version, frame};
use crate::proto::{OutBuffer, Time};

/// One packet of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// When, on the broker's clock.
    pub at: Time,
    /// The client identifier; empty before CONNECT has come.
    pub client_id: String,
    /// Whether the client sent it; otherwise the broker did.
    pub from_client: bool,
    /// The protocol version of the connection.
    pub version: Version,
    /// The packet.
    pub bytes: Vec<u8>,
}

impl std::fmt::Display for Recorded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let arrow = if self.from_client { "->" } else { "<-" };
        write!(
            f,
            "{:>9.3} {:?} {arrow} ",
            self.at.since(Time::ORIGIN).as_secs_f64(),
            self.client_id
        )?;
        let frame = frame::parse(&self.bytes, self.version, usize::MAX).ok().flatten();
        match frame.map(|frame| Packet::decode(&frame, self.version)) {
            Some(Ok(packet)) => write!(f, "{packet}"),
            _ => write!(f, "{:02x?}", self.bytes),
        }
    }
}

/// Keeps the last packets.
#[derive(Debug)]
pub(crate) struct Recorder {
    packets: Mutex<VecDeque<Recorded>>,
    count_max: usize,
}

impl Recorder {
    pub(crate) const fn new(count_max: usize) -> Self {
        Self { packets: Mutex::new(VecDeque::new()), count_max }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Recorded>> {
        self.packets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn snapshot(&self) -> Vec<Recorded> {
        self.lock().iter().cloned().collect()
    }

    pub(crate) fn received(&self, core: &mut Core, at: Time, id: ConnectionId, input: &[u8]) {
        for range in core.poll_frames(id) {
            self.push(core, at, id, true, input.get(range).unwrap_or_default());
        }
    }

    pub(crate) fn sent(&self, core: &Core, at: Time, id: ConnectionId, out: &OutBuffer) {
        out.each_packet(core.version(id), 0, |packet, _| self.push(core, at, id, false, packet));
    }

    fn push(&self, core: &Core, at: Time, id: ConnectionId, from_client: bool, bytes: &[u8]) {
        let recorded = Recorded {
            at,
            client_id: core.client_id(id).unwrap_or_default().to_owned(),
            from_client,
            version: core.version(id),
            bytes: bytes.to_vec(),
        };
        let mut packets = self.lock();
        if packets.len() >= self.count_max {
            packets.pop_front();
        }
        packets.push_back(recorded);
    }
}
