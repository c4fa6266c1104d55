//! What went over the connections, packet by packet.

use std::collections::{HashMap, VecDeque};
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
    state: Mutex<State>,
    count_max: usize,
}

#[derive(Debug, Default)]
struct State {
    packets: VecDeque<Recorded>,
    /// Who each connection belongs to, by its place in the core's table: the core does not know any more when the
    /// last packets of a connection come here.
    names: HashMap<usize, (ConnectionId, String)>,
}

impl State {
    fn name(&mut self, core: &Core, id: ConnectionId, packet: &[u8]) -> String {
        let known = core.client_id(id).filter(|name| !name.is_empty());
        let known = known.map(str::to_owned).or_else(|| connecting(packet, core.version(id)));
        let place = id.0.index();
        if let Some(name) = known {
            self.names.insert(place, (id, name));
        }
        let kept = self.names.get(&place).filter(|(whose, _)| *whose == id);
        kept.map(|(_, name)| name.clone()).unwrap_or_default()
    }
}

/// The client identifier in a CONNECT, also where the core has refused it.
fn connecting(packet: &[u8], version: Version) -> Option<String> {
    let frame = frame::parse(packet, version, usize::MAX).ok().flatten()?;
    match Packet::decode(&frame, version) {
        Ok(Packet::Connect(connect)) => Some(connect.client_id.to_owned()),
        _ => None,
    }
}

impl Recorder {
    pub(crate) fn new(count_max: usize) -> Self {
        Self { state: Mutex::default(), count_max }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn snapshot(&self) -> Vec<Recorded> {
        self.lock().packets.iter().cloned().collect()
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
        let mut state = self.lock();
        let client_id = state.name(core, id, bytes);
        let (version, bytes) = (core.version(id), bytes.to_vec());
        if state.packets.len() >= self.count_max {
            state.packets.pop_front();
        }
        state.packets.push_back(Recorded { at, client_id, from_client, version, bytes });
    }
}
