//! What is kept of a message that awaits its acknowledgement.

use super::out_queue::OutBuffer;
use super::{LimitError, Limits, Stored, Time};
use crate::codec::PacketId;

/// A message that is kept until it is acknowledged, so that it can be sent again.
///
/// A client keeps the packet; a server keeps a handle to a message that many clients share.
pub(crate) trait Kept: Default {
    /// What has to be known about the receiver to write a packet for it.
    type Receiver;

    /// How many bytes are kept.
    fn len(&self) -> usize;

    /// From now on it counts as never sent.
    fn forget_sent(&mut self);

    /// Lets go of what it keeps, and says whether its memory is worth keeping for the next message.
    fn empty(&mut self) -> bool;

    /// Whether the receiver takes it.
    fn check(&self, receiver: &Self::Receiver) -> Result<(), LimitError>;

    /// Appends the packet, with DUP unless it is sent for the first time.
    fn write(&mut self, id: PacketId, receiver: &Self::Receiver, now: Time, out: &mut OutBuffer);
}

impl Kept for Stored {
    type Receiver = Limits;

    fn len(&self) -> usize {
        Self::len(self)
    }

    fn forget_sent(&mut self) {
        Self::forget_sent(self);
    }

    fn empty(&mut self) -> bool {
        Self::empty(self)
    }

    fn check(&self, limits: &Limits) -> Result<(), LimitError> {
        Self::check(self, limits)
    }

    fn write(&mut self, _: PacketId, _: &Limits, now: Time, out: &mut OutBuffer) {
        Self::write(self, now, out);
    }
}
