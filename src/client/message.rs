//! A message that was received, and its acknowledgement.

use std::fmt;
use std::io::{self, Read};
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::{Buf, Bytes};

use super::input::{Block, share};
use super::mailbox::Chunks;
use super::shared::Shared;
use super::{Acknowledge, Client};
use crate::codec::{Properties, PropertyId, PropertyIter, PropertyValue, QoS, ReasonCode};
use crate::proto::{AckOutcome, AckToken, IncomingMessage, Topic, part};

/// Messages up to this size are copied out of the read buffer when they are kept, so that a small
/// message that lives long does not hold a large buffer.
const COMPACT_MAX: usize = 4 * 1024;

/// A message from the server.
///
/// Unless the client [acknowledges](Acknowledge) by hand, a message of QoS 1 or 2 is acknowledged
/// when its handler returns, or when the value that [`Client::recv`] gave is dropped: whoever keeps
/// it has not finished with it. A clone is data only and has no part in that.
pub struct Message {
    bytes: Held,
    meta: IncomingMessage,
    origin: Option<Origin>,
    /// Whether the acknowledgement has been given away or sent.
    settled: AtomicBool,
    /// How many bytes of the payload are still to come in chunks.
    stream_left: AtomicUsize,
}

/// The bytes in which a message lies.
enum Held {
    /// Those of all messages that arrived together.
    Together(Block),
    /// Its own.
    Alone(Bytes),
}

impl Default for Held {
    fn default() -> Self {
        Self::Alone(Bytes::new())
    }
}

impl Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Together(block) => block,
            Self::Alone(bytes) => bytes,
        }
    }
}

impl Held {
    /// A part of them, without a copy.
    fn share(&self, range: Range<usize>) -> Bytes {
        match self {
            Self::Together(block) => share(block, range),
            Self::Alone(bytes) if bytes.get(range.clone()).is_some() => bytes.slice(range),
            Self::Alone(_) => Bytes::new(),
        }
    }
}

/// Where a message came from, so that it can be acknowledged and answered.
pub(super) struct Origin {
    pub(super) shared: Arc<Shared>,
    /// Where more of the payload comes from.
    pub(super) chunks: Option<Chunks>,
}

impl Message {
    pub(super) fn new(bytes: Block, meta: IncomingMessage, origin: Origin) -> Self {
        let stream_left = AtomicUsize::new(streamed_len(&meta));
        let (bytes, settled) = (Held::Together(bytes), AtomicBool::new(false));
        Self { bytes, meta, origin: Some(origin), settled, stream_left }
    }

    /// Puts the next message of the same batch in: the dispatcher makes one value for all of them.
    pub(super) fn replace(&mut self, meta: IncomingMessage, chunks: Option<Chunks>) {
        if let Some(origin) = &mut self.origin {
            origin.chunks = chunks;
        }
        self.stream_left = AtomicUsize::new(streamed_len(&meta));
        self.meta = meta;
        self.settled = AtomicBool::new(false);
    }

    /// Takes what acknowledges the message, unless somebody else has.
    pub(super) fn settle(&self) -> Option<AckToken> {
        let token = self.meta.ack()?;
        (!self.settled.swap(true, Ordering::SeqCst)).then_some(token)
    }

    /// Takes the message apart, to be put together again by somebody else.
    pub(super) fn into_parts(mut self) -> Option<(Block, IncomingMessage)> {
        self.origin.take()?;
        self.detach();
        let block = match std::mem::take(&mut self.bytes) {
            Held::Together(block) => block,
            Held::Alone(bytes) => Arc::new(bytes.into()),
        };
        Some((block, self.meta.clone()))
    }

    /// For keeping: small messages get memory of their own.
    fn detach(&mut self) {
        if let Some(own) = self.bytes_to_copy() {
            let own = Bytes::copy_from_slice(own);
            self.move_to(own);
        }
    }

    pub(super) fn detached(mut self) -> Self {
        self.detach();
        self
    }

    /// The bytes of a message that is too small to hold those of the others in memory.
    pub(crate) fn bytes_to_copy(&self) -> Option<&[u8]> {
        let Held::Together(block) = &self.bytes else { return None };
        let own = self.start()..self.meta.bytes_len();
        block.get(own).filter(|own| own.len() <= COMPACT_MAX && own.len() < block.len())
    }

    /// Lies in a copy of [`bytes_to_copy`](Self::bytes_to_copy) from now on.
    pub(crate) fn move_to(&mut self, own: Bytes) {
        self.shift(u32::try_from(self.start()).unwrap_or_default());
        self.bytes = Held::Alone(own);
    }

    /// A message of no client, with others in the same bytes.
    #[cfg(all(test, feature = "capi"))]
    pub(crate) fn loose(bytes: Vec<u8>, meta: IncomingMessage) -> Self {
        let bytes = Held::Together(Arc::new(bytes));
        let (settled, stream_left) = (AtomicBool::new(true), AtomicUsize::new(0));
        Self { bytes, meta, origin: None, settled, stream_left }
    }

    /// A clone that shares no memory of a small message.
    #[cfg(feature = "capi")]
    pub(crate) fn apart(&self) -> Self {
        let mut copy = self.clone();
        if let Held::Alone(bytes) = &self.bytes {
            copy.bytes = Held::Alone(Bytes::copy_from_slice(bytes));
        }
        copy
    }

    fn start(&self) -> usize {
        let start = match &self.meta.topic {
            Topic::Here(range) => range.start.min(self.meta.properties.start),
            Topic::Alias(_) if self.meta.properties.is_empty() => self.meta.payload.start,
            Topic::Alias(_) => self.meta.properties.start,
        };
        usize::try_from(start).unwrap_or_default()
    }

    fn shift(&mut self, by: u32) {
        let shift = |range: &mut Range<u32>| {
            *range = range.start.saturating_sub(by)..range.end.saturating_sub(by);
        };
        if let Topic::Here(range) = &mut self.meta.topic {
            shift(range);
        }
        shift(&mut self.meta.properties);
        shift(&mut self.meta.payload);
    }

    /// The topic name.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.meta.topic(&self.bytes)
    }

    pub(super) fn topic_bytes(&self) -> &[u8] {
        self.meta.topic_bytes(&self.bytes)
    }

    /// The payload. Empty if it comes [as a stream](Self::reader).
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.meta.payload(&self.bytes)
    }

    /// The payload as text, if it is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.payload()).ok()
    }

    /// The payload, to be kept or published again without a copy. It may share memory with other
    /// messages that arrived together with it.
    #[must_use]
    pub fn payload_bytes(&self) -> Bytes {
        let Range { start, end } = self.meta.payload;
        let at = |place| usize::try_from(place).unwrap_or(usize::MAX);
        self.bytes.share(at(start)..at(end))
    }

    /// The quality of service at which the message was delivered.
    #[must_use]
    pub const fn qos(&self) -> QoS {
        self.meta.qos()
    }

    /// Whether the server had kept the message from before the subscription.
    #[must_use]
    pub const fn retain(&self) -> bool {
        self.meta.retain()
    }

    /// Whether the server says that it may have sent the message before. It does not mean that this
    /// client has seen it.
    #[must_use]
    pub const fn dup(&self) -> bool {
        self.meta.dup()
    }

    /// All properties; none before MQTT 5.0.
    #[must_use]
    pub fn properties(&self) -> Properties<'_> {
        self.meta.properties(&self.bytes)
    }

    fn each_property(&self) -> PropertyIter<'_> {
        Properties::iter_wire(part(&self.bytes, &self.meta.properties))
    }

    fn property(&self, id: PropertyId) -> Option<PropertyValue<'_>> {
        self.each_property().find(|property| property.id == id).map(|property| property.value)
    }

    fn text_property(&self, id: PropertyId) -> Option<&str> {
        match self.property(id)? {
            PropertyValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The topic to which an answer is to be published, in MQTT 5.0.
    #[must_use]
    pub fn response_topic(&self) -> Option<&str> {
        self.text_property(PropertyId::ResponseTopic)
    }

    /// What an answer carries so that the requester knows it, in MQTT 5.0.
    #[must_use]
    pub fn correlation_data(&self) -> Option<&[u8]> {
        match self.property(PropertyId::CorrelationData)? {
            PropertyValue::Binary(data) => Some(data),
            _ => None,
        }
    }

    /// The description of the content, in MQTT 5.0.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.text_property(PropertyId::ContentType)
    }

    /// How many seconds the message is still of use, in MQTT 5.0.
    #[must_use]
    pub fn message_expiry(&self) -> Option<u32> {
        self.property(PropertyId::MessageExpiryInterval)?.number()
    }

    /// Names and values of the user properties, in order, in MQTT 5.0.
    pub fn user_properties(&self) -> impl Iterator<Item = (&str, &str)> {
        self.each_property().filter_map(|property| match property.value {
            PropertyValue::Pair(name, value) => Some((name, value)),
            _ => None,
        })
    }

    /// The identifiers of the subscriptions that match, in MQTT 5.0.
    pub fn subscription_ids(&self) -> impl Iterator<Item = u32> {
        let id = PropertyId::SubscriptionIdentifier;
        let each = self.each_property().filter(move |property| property.id == id);
        each.filter_map(|property| property.value.number())
    }

    /// Acknowledges the message now, whatever the client's mode. Acknowledgements leave in the order
    /// in which the messages came, so it may wait for those before it. Does nothing at QoS 0 or a
    /// second time. Does not block.
    pub fn acknowledge(&self) {
        if let Some(acknowledger) = self.acknowledger() {
            acknowledger.accept();
        }
    }

    /// Takes over the acknowledgement, to be sent later from anywhere. `None` at QoS 0, and when it
    /// has been taken or sent.
    #[must_use]
    pub fn acknowledger(&self) -> Option<Acknowledger> {
        let shared = Arc::clone(&self.origin.as_ref()?.shared);
        let token = self.settle()?;
        Some(Acknowledger { shared, token: Some(token) })
    }

    /// The client that received the message; `None` if all handles to it are gone, or for a clone.
    #[must_use]
    pub fn client(&self) -> Option<Client> {
        self.origin.as_ref()?.shared.client()
    }

    /// How long the payload is, in bytes, if it comes as a stream: if it is longer than
    /// [`stream_above`](super::Builder::stream_above).
    #[must_use]
    pub fn streamed_len(&self) -> Option<usize> {
        self.meta.streamed_len().map(|_| streamed_len(&self.meta))
    }

    /// Reads a payload that comes as a stream; any other is read from memory. Later messages wait
    /// until it has been read, by whichever thread, or the message is dropped or its handler
    /// returns.
    ///
    /// Reading blocks until bytes arrive. If the connection is lost first, it fails with
    /// [`io::ErrorKind::ConnectionAborted`]; at QoS 1 and 2 the server sends the message again.
    #[must_use]
    pub fn reader(&self) -> PayloadReader<'_> {
        self.reader_with(self.payload_bytes())
    }

    /// Goes on reading where a reader left off that had this chunk.
    pub(crate) const fn reader_with(&self, chunk: Bytes) -> PayloadReader<'_> {
        PayloadReader { message: self, chunk }
    }
}

impl Shared {
    /// Nobody will acknowledge a received message: what the server sends again is delivered again.
    pub(super) fn leave(&self, token: AckToken) {
        // Of QoS 1 nothing is kept.
        if token.qos() == QoS::ExactlyOnce {
            self.lock().core.leave(token);
        }
    }
}

fn streamed_len(meta: &IncomingMessage) -> usize {
    meta.streamed_len().and_then(|len| usize::try_from(len).ok()).unwrap_or(0)
}

impl Clone for Message {
    fn clone(&self) -> Self {
        let bytes = match &self.bytes {
            Held::Together(block) => Held::Together(Arc::clone(block)),
            Held::Alone(bytes) => Held::Alone(bytes.clone()),
        };
        let mut copy = Self {
            bytes,
            meta: self.meta.clone(),
            origin: None,
            settled: AtomicBool::new(true),
            stream_left: AtomicUsize::new(0),
        };
        copy.detach();
        copy
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        let Some(origin) = self.origin.take() else { return };
        if let Some(chunks) = &origin.chunks {
            chunks.skip();
        }
        if let Some(token) = self.settle() {
            // A panic on the way means that the message was not dealt with.
            let by_hand = origin.shared.options.acknowledge == Acknowledge::Manually;
            if by_hand || std::thread::panicking() {
                origin.shared.leave(token);
            } else {
                origin.shared.acknowledge(token, AckOutcome::default());
            }
        }
        if let Held::Together(block) = std::mem::take(&mut self.bytes) {
            origin.shared.pool.give_back(block);
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.topic())
            .field("payload_len", &self.streamed_len().unwrap_or(self.payload().len()))
            .field("qos", &self.qos())
            .field("retain", &self.retain())
            .finish_non_exhaustive()
    }
}

/// The acknowledgement of one message, from [`Message::acknowledger`].
///
/// Dropped without a call, the message stays unacknowledged: the server sends it again when the
/// session is resumed, and it is delivered again; until then it counts against the receive maximum.
#[must_use = "the message stays unacknowledged until one of the methods is called"]
pub struct Acknowledger {
    shared: Arc<Shared>,
    token: Option<AckToken>,
}

impl Acknowledger {
    /// The message has been dealt with. Does not block.
    pub fn accept(self) {
        self.answer(AckOutcome::default());
    }

    /// The message is refused, with a reason code of 0x80 or more that a client may send in PUBACK
    /// and PUBREC. Before MQTT 5.0, which cannot say so, it is acknowledged. Does not block.
    pub fn reject(self, reason: ReasonCode) {
        self.answer(AckOutcome { reason, properties: Properties::new() });
    }

    fn answer(mut self, outcome: AckOutcome) {
        if let Some(token) = self.token.take() {
            self.shared.acknowledge(token, outcome);
        }
    }
}

impl Drop for Acknowledger {
    fn drop(&mut self) {
        if let Some(token) = self.token.take() {
            self.shared.leave(token);
        }
    }
}

impl fmt::Debug for Acknowledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.token {
            Some(token) => {
                write!(f, "Acknowledger(id {}, QoS {})", token.packet_id(), token.qos())
            }
            None => f.write_str("Acknowledger"),
        }
    }
}

/// Reads a payload, from [`Message::reader`].
#[derive(Debug)]
pub struct PayloadReader<'a> {
    message: &'a Message,
    chunk: Bytes,
}

impl PayloadReader<'_> {
    /// What has come but was not read, to be given to [`Message::reader_with`].
    #[cfg(feature = "capi")]
    pub(crate) fn into_chunk(self) -> Bytes {
        self.chunk
    }
}

impl Read for PayloadReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let left = &self.message.stream_left;
        while self.chunk.is_empty() && left.load(Ordering::SeqCst) > 0 {
            let aborted = || io::Error::from(io::ErrorKind::ConnectionAborted);
            let origin = self.message.origin.as_ref().ok_or_else(aborted)?;
            let chunks = origin.chunks.as_ref().ok_or_else(aborted)?;
            let chunk = chunks.next(|| origin.shared.is_dry()).ok_or_else(aborted)?;
            left.fetch_sub(chunk.len().min(left.load(Ordering::SeqCst)), Ordering::SeqCst);
            self.chunk = chunk;
        }
        let count = self.chunk.len().min(buffer.len());
        let (part, _) = buffer.split_at_mut(count);
        self.chunk.copy_to_slice(part);
        Ok(count)
    }
}
