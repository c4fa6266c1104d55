//! A PUBLISH kept for being sent again.

use bytes::Bytes;

use super::out_queue::OutBuffer;
use super::{LimitError, Limits, Time};
use crate::codec::{Packet, Properties, PropertyId, Publish, PublishHead, QoS, Version, frame};

const DUP: u8 = 0b1000;
const RETAIN: u8 = 0b0001;

/// Memory for more than this many bytes is given back when its message is acknowledged.
const REUSED_MAX: usize = 1024;

/// The packet as it was sent, but with the full topic and never an alias.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    version: Version,
    /// The packet's bytes, payload included if that was small.
    head: Vec<u8>,
    /// The rest of the payload, shared with whoever gave it.
    payload: Bytes,
    expiry: Option<Expiry>,
    sent: bool,
}

/// A message expiry interval that runs while the message waits.
#[derive(Debug, Clone, Copy)]
struct Expiry {
    /// Where the interval's four bytes are.
    at: usize,
    seconds: u32,
    since: Time,
}

impl Stored {
    /// Keeps an encoded PUBLISH in place of what was kept; `payload` is the part of it that is not in
    /// `head`. `now` is given if it has properties, among which the expiry interval may be.
    pub(crate) fn refill(
        &mut self,
        version: Version,
        head: &[u8],
        payload: Bytes,
        now: Option<Time>,
    ) {
        self.version = version;
        self.head.clear();
        self.head.extend_from_slice(head);
        self.payload = payload;
        self.expiry = now.and_then(|now| find_expiry(head, now));
        self.sent = true;
    }

    /// Lets go of the payload, and says whether the rest is worth keeping for the next message.
    pub(crate) fn empty(&mut self) -> bool {
        self.payload = Bytes::new();
        self.head.capacity() <= REUSED_MAX
    }

    /// The whole packet's size in bytes.
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.payload.len()
    }

    /// From now on it counts as never sent.
    pub(crate) const fn forget_sent(&mut self) {
        self.sent = false;
    }

    /// Whether a server with these limits takes it.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), LimitError> {
        let first = self.head.first().copied().unwrap_or_default();
        let qos = QoS::from_u8((first >> 1) & 0b11).unwrap_or_default();
        limits.check_publish(qos, first & RETAIN != 0)?;
        limits.check_size(self.len())
    }

    /// Appends the packet, with DUP unless it is sent for the first time [MQTT-3.3.1-1], and with
    /// the expiry interval reduced by the time it has waited.
    pub(crate) fn write(&mut self, now: Time, out: &mut OutBuffer) {
        let bytes = out.inline_mut();
        let start = bytes.len();
        bytes.extend_from_slice(&self.head);
        if let Some(first) = bytes.get_mut(start) {
            *first = if self.sent { *first | DUP } else { *first & !DUP };
        }
        if let Some(expiry) = self.expiry {
            let waited = u32::try_from(now.since(expiry.since).as_secs()).unwrap_or(u32::MAX);
            // Some brokers take 0 for "never expires".
            let left = expiry.seconds.saturating_sub(waited).max(1.min(expiry.seconds));
            let at = start + expiry.at;
            if let Some(field) = bytes.get_mut(at..at + 4) {
                field.copy_from_slice(&left.to_be_bytes());
            }
        }
        if !self.payload.is_empty() {
            out.push_shared(self.payload.clone());
        }
        self.sent = true;
    }

    /// The packet in one piece, as it was first sent.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.head.as_slice(), self.payload.as_ref()].concat()
    }

    /// Calls `read` with the packet's fields; `None` if the bytes cannot be read, which they can.
    pub fn with_packet<T>(&self, read: impl FnOnce(Publish<'_>) -> T) -> Option<T> {
        let bytes = self.to_bytes();
        let frame = frame::parse(&bytes, self.version, usize::MAX).ok()??;
        match Packet::decode(&frame, self.version).ok()? {
            Packet::Publish(publish) => Some(read(publish)),
            _ => None,
        }
    }
}

fn find_expiry(packet: &[u8], now: Time) -> Option<Expiry> {
    // The packet may go on behind `packet`, so the header's length is not checked.
    let header = frame::parse_header(packet, Version::V5, usize::MAX).ok()??;
    let body = packet.get(header.header_len..)?;
    let head = PublishHead::decode(header.flags, body, Version::V5).ok()?;
    if head.properties.is_empty() {
        return None;
    }
    let properties = Properties::from_checked(body.get(head.properties.clone())?);
    let seconds = properties.number(PropertyId::MessageExpiryInterval)?;
    let offset = properties.value_offset(PropertyId::MessageExpiryInterval)?;
    Some(Expiry { at: header.header_len + head.properties.start + offset, seconds, since: now })
}
