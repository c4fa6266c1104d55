//! What has not been written yet, and how much of it the client has asked for itself.

use super::{OutBuffer, Phase, ServerConnection};

/// No input is handled while this many bytes of answers wait: a client that asks and never reads
/// would have them pile up without limit.
const OWED_MAX: usize = 256 * 1024;

#[derive(Debug, Default)]
pub(super) struct Unwritten {
    /// Bytes that the writer has and has not written.
    handed: usize,
    /// Bytes of answers in the outgoing buffer.
    owed: usize,
    /// Bytes of answers that the writer has.
    owed_handed: usize,
}

impl ServerConnection {
    /// Swaps the bytes to be written into `out`, which must be empty. Says whether there are any.
    /// They count as written at the next call, unless [`unwritten`](Self::unwritten) says more.
    pub fn poll_transmit(&mut self, out: &mut OutBuffer) -> bool {
        let taken = self.out.take(out);
        let owed = std::mem::take(&mut self.unwritten.owed);
        self.unwritten.handed = if taken { out.len() } else { 0 };
        self.unwritten.owed_handed = owed.min(self.unwritten.handed);
        taken
    }

    /// So many of the bytes that were handed over have not been written.
    pub fn unwritten(&mut self, left: usize) {
        self.unwritten.handed = self.unwritten.handed.min(left);
        self.unwritten.owed_handed = self.unwritten.owed_handed.min(left);
    }

    /// How many bytes wait to be written, those included that were handed over.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.out.len() + self.unwritten.handed
    }

    /// Whether input is handled: not while it waits for this side's answer to CONNECT, and not
    /// while too many answers to earlier input have not been written.
    #[must_use]
    pub fn takes_input(&self) -> bool {
        match self.phase {
            Phase::Closing => true,
            Phase::Connecting { ours: true } => false,
            _ => self.unwritten.owed + self.unwritten.owed_handed < OWED_MAX,
        }
    }

    /// What was queued since there were `before` bytes is there because the client has asked.
    pub(super) fn owe_since(&mut self, before: usize) {
        self.unwritten.owed += self.queued_bytes().saturating_sub(before);
    }
}
