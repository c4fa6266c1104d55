//! Bytes on their way out: packets in one buffer, large payloads beside it, uncopied.

use std::sync::Arc;

use bytes::Bytes;

use crate::codec::{Packet, Publish, Version, frame};

/// How many slices one vectored write carries at the most.
const MAX_SLICES: usize = 64;

/// A run of packets to be written, in order.
///
/// Small packets lie one after the other in one vector. A large payload is kept as a handle and
/// takes its place between them only when it is written.
#[derive(Debug, Default)]
pub struct OutBuffer {
    inline: Vec<u8>,
    splices: Vec<Splice>,
    spliced_len: usize,
    /// How far [`advance`](Self::advance) has come.
    inline_at: usize,
    splice_at: usize,
    splice_offset: usize,
    /// How many bytes in front belong to a packet whose beginning was in an earlier buffer.
    carried: usize,
    /// Topics of the packets that carry an alias instead, in order.
    elided: Vec<Arc<str>>,
}

#[derive(Debug)]
struct Splice {
    /// The payload stands before this byte of the vector.
    at: usize,
    bytes: Bytes,
}

impl OutBuffer {
    /// An empty buffer, which has allocated nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            inline: Vec::new(),
            splices: Vec::new(),
            spliced_len: 0,
            inline_at: 0,
            splice_at: 0,
            splice_offset: 0,
            carried: 0,
            elided: Vec::new(),
        }
    }

    /// How many bytes have not been taken by [`advance`](Self::advance).
    #[must_use]
    pub fn len(&self) -> usize {
        self.inline.len() - self.inline_at + self.spliced_len
    }

    /// Whether nothing is left to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The vector to which packets are appended.
    pub(crate) const fn inline_mut(&mut self) -> &mut Vec<u8> {
        &mut self.inline
    }

    /// Notes the topic of the packet that is appended with an alias in its place.
    pub(crate) fn note_elided(&mut self, topic: Arc<str>) {
        self.elided.push(topic);
    }

    /// Appends bytes without copying them.
    pub(crate) fn push_shared(&mut self, bytes: Bytes) {
        self.spliced_len += bytes.len();
        self.splices.push(Splice { at: self.inline.len(), bytes });
    }

    /// The bytes to write next, as slices for one vectored write.
    #[must_use]
    pub fn slices(&self) -> Vec<&[u8]> {
        let mut slices = Vec::with_capacity((2 * self.splices.len() + 1).min(MAX_SLICES));
        let mut inline_at = self.inline_at;
        let mut offset = self.splice_offset;
        for splice in self.splices.iter().skip(self.splice_at) {
            if slices.len() + 2 > MAX_SLICES {
                return slices;
            }
            push_slice(&mut slices, self.inline.get(inline_at..splice.at));
            push_slice(&mut slices, splice.bytes.get(offset..));
            (inline_at, offset) = (splice.at, 0);
        }
        push_slice(&mut slices, self.inline.get(inline_at..));
        slices
    }

    /// Notes that the next `count` bytes have been written.
    pub fn advance(&mut self, mut count: usize) {
        while let Some(splice) = self.splices.get(self.splice_at) {
            let before = (splice.at - self.inline_at).min(count);
            self.inline_at += before;
            count -= before;
            let left = splice.bytes.len() - self.splice_offset;
            let taken = left.min(count);
            self.spliced_len -= taken;
            count -= taken;
            if self.inline_at < splice.at || taken < left {
                self.splice_offset += taken;
                return;
            }
            self.splice_at += 1;
            self.splice_offset = 0;
        }
        self.inline_at = self.inline.len().min(self.inline_at + count);
    }

    /// Makes the buffer empty. Memory beyond `keep` bytes is given back.
    pub fn clear(&mut self, keep: usize) {
        self.inline.clear();
        self.inline.shrink_to(keep);
        self.splices.clear();
        self.spliced_len = 0;
        self.inline_at = 0;
        self.splice_at = 0;
        self.splice_offset = 0;
        self.carried = 0;
        self.elided.clear();
    }

    /// Everything not yet written, in one piece.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut all = self.whole();
        all.split_off(all.len() - self.len())
    }

    /// Everything that was ever in it, written or not.
    fn whole(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.inline.len());
        let mut at = 0;
        for splice in &self.splices {
            bytes.extend_from_slice(self.inline.get(at..splice.at).unwrap_or_default());
            bytes.extend_from_slice(&splice.bytes);
            at = splice.at;
        }
        bytes.extend_from_slice(self.inline.get(at..).unwrap_or_default());
        bytes
    }

    /// Calls `each` with every packet that is in it from beginning to end, and says whether all of
    /// it has been written. Of what was written, the last `held` bytes are on their way all the same.
    pub fn each_packet(&self, version: Version, held: usize, mut each: impl FnMut(&[u8], bool)) {
        let all = self.whole();
        let written = (all.len() - self.len()).saturating_sub(held);
        let mut at = self.carried.min(all.len());
        while let Some(rest) = all.get(at..).filter(|rest| !rest.is_empty()) {
            let header = frame::parse_header(rest, version, usize::MAX).ok().flatten();
            let Some(packet) = header.and_then(|header| rest.get(..header.len)) else { return };
            at += packet.len();
            each(packet, at <= written);
        }
    }

    /// Calls `each` with every message that has not been written, aliases resolved; `held` as in
    /// [`each_packet`](Self::each_packet).
    pub fn each_unwritten(&self, version: Version, held: usize, mut each: impl FnMut(Publish<'_>)) {
        let mut elided = self.elided.iter();
        self.each_packet(version, held, |bytes, written| {
            let Some(publish) = read_publish(bytes, version) else { return };
            let topic = if publish.topic.is_empty() { elided.next() } else { None };
            if !written {
                let topic = topic.map_or(publish.topic, |topic| topic);
                each(Publish { topic, ..publish });
            }
        });
    }

    /// Appends all of `other`, which is empty afterwards.
    fn append(&mut self, other: &mut Self) {
        let shift = self.inline.len();
        self.inline.append(&mut other.inline);
        self.splices.extend(
            other.splices.drain(..).map(|splice| Splice { at: splice.at + shift, ..splice }),
        );
        self.spliced_len += other.spliced_len;
        self.elided.append(&mut other.elided);
        other.clear(0);
    }
}

fn read_publish(bytes: &[u8], version: Version) -> Option<Publish<'_>> {
    let frame = frame::parse(bytes, version, usize::MAX).ok()??;
    match Packet::decode(&frame, version).ok()? {
        Packet::Publish(publish) => Some(publish),
        _ => None,
    }
}

fn push_slice<'a>(slices: &mut Vec<&'a [u8]>, bytes: Option<&'a [u8]>) {
    slices.extend(bytes.filter(|bytes| !bytes.is_empty()));
}

/// The packets of one connection that have not been handed to the writer.
///
/// While the payload of one packet is still being supplied piece by piece, later packets wait
/// behind it: MQTT cannot interleave them.
#[derive(Debug, Default)]
pub(crate) struct OutQueue {
    ready: OutBuffer,
    /// What waits behind an open packet.
    held: Option<Box<OutBuffer>>,
    /// Payload bytes that the open packet still needs.
    open: usize,
    /// Whether the beginning of the open packet has been handed to the writer.
    open_begun: bool,
    /// Bytes handed to the writer since the connection began.
    taken: u64,
}

impl OutQueue {
    /// Where the next packet goes.
    pub(crate) fn buffer(&mut self) -> &mut OutBuffer {
        if self.open > 0 { self.held.get_or_insert_default() } else { &mut self.ready }
    }

    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.ready.len() + self.held.as_ref().map_or(0, |held| held.len())
    }

    /// How many bytes can be handed to the writer.
    pub(crate) fn ready_len(&self) -> usize {
        self.ready.len()
    }

    /// Whether something can be handed to the writer.
    pub(crate) fn has_output(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The place in the connection's outgoing bytes behind everything queued so far.
    pub(crate) fn end(&self) -> u64 {
        let open = u64::try_from(self.open).unwrap_or(u64::MAX);
        self.taken + u64::try_from(self.len()).unwrap_or(u64::MAX) + open
    }

    /// Declares that the packet just begun still needs `len` bytes of payload.
    pub(crate) const fn open(&mut self, len: usize) {
        self.open = len;
        self.open_begun = false;
    }

    /// How many payload bytes the open packet still needs.
    pub(crate) const fn open_len(&self) -> usize {
        self.open
    }

    /// Appends payload to the open packet; at its end, what waited behind it follows.
    pub(crate) fn push_open(&mut self, bytes: Bytes) {
        self.open = self.open.saturating_sub(bytes.len());
        if self.open_begun {
            self.ready.carried += bytes.len();
        }
        self.ready.push_shared(bytes);
        if self.open == 0
            && let Some(mut held) = self.held.take()
        {
            self.ready.append(&mut held);
        }
    }

    /// Swaps the waiting bytes into `out`, which must be empty. Says whether there were any.
    pub(crate) fn take(&mut self, out: &mut OutBuffer) -> bool {
        if self.ready.is_empty() {
            return false;
        }
        self.taken += u64::try_from(self.ready.len()).unwrap_or(u64::MAX);
        std::mem::swap(&mut self.ready, out);
        self.open_begun = self.open > 0;
        true
    }

    /// Calls `each` with every message that waits.
    pub(crate) fn each_message(&self, version: Version, mut each: impl FnMut(Publish<'_>)) {
        self.ready.each_unwritten(version, 0, &mut each);
        if let Some(held) = &self.held {
            held.each_unwritten(version, 0, &mut each);
        }
    }

    /// Forgets everything: a new connection begins.
    pub(crate) fn reset(&mut self, keep: usize) {
        self.ready.clear(keep);
        self.held = None;
        self.open = 0;
        self.open_begun = false;
        self.taken = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (OutBuffer, Vec<u8>) {
        let mut buffer = OutBuffer::new();
        buffer.inline_mut().extend_from_slice(b"head1");
        buffer.push_shared(Bytes::from_static(b"PAYLOAD1"));
        buffer.push_shared(Bytes::from_static(b"P2"));
        buffer.inline_mut().extend_from_slice(b"head2");
        (buffer, b"head1PAYLOAD1P2head2".to_vec())
    }

    #[test]
    fn bytes_come_out_in_order_whatever_the_size_of_each_write() {
        for step in 1..=21 {
            let (mut buffer, expected) = sample();
            let mut written = Vec::new();
            while !buffer.is_empty() {
                let bytes = buffer.slices().concat();
                let count = step.min(bytes.len());
                written.extend_from_slice(&bytes[..count]);
                buffer.advance(count);
            }
            assert_eq!(written, expected, "{step} bytes at a time");
        }
    }

    #[test]
    fn many_payloads_are_written_in_several_batches_of_slices() {
        let mut buffer = OutBuffer::new();
        let mut expected = Vec::new();
        for index in 0..200_u8 {
            buffer.inline_mut().push(index);
            buffer.push_shared(Bytes::from(vec![index; 3]));
            expected.extend_from_slice(&[index; 4]);
        }
        assert!(buffer.slices().len() <= MAX_SLICES);
        assert_eq!(buffer.len(), expected.len());
        assert_eq!(buffer.to_vec(), expected);
    }

    #[test]
    fn packets_wait_behind_an_open_one() {
        let mut queue = OutQueue::default();
        queue.buffer().inline_mut().extend_from_slice(b"open");
        queue.open(4);
        queue.buffer().inline_mut().extend_from_slice(b"later");
        assert_eq!(queue.end(), 13);
        let mut out = OutBuffer::new();
        assert!(queue.take(&mut out));
        assert_eq!(out.to_vec(), b"open");
        out.clear(0);
        assert!(!queue.take(&mut out));
        queue.push_open(Bytes::from_static(b"ab"));
        queue.push_open(Bytes::from_static(b"cd"));
        assert_eq!(queue.end(), 13);
        assert!(queue.take(&mut out));
        assert_eq!(out.to_vec(), b"abcdlater");
    }
}
