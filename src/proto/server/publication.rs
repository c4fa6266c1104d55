//! A message on its way through a server: kept once, however many clients get it.

use std::sync::Arc;

use bytes::Bytes;

use crate::codec::{PacketId, Properties, PropertyId, QoS, Version};
use crate::proto::alias::Assigned;
use crate::proto::kept::Kept;
use crate::proto::out_queue::OutBuffer;
use crate::proto::{LimitError, Payload, Publish, Time};

/// A payload from this length on is not copied between the packets of its receivers.
const SPLICE_MIN: usize = 4 * 1024;

/// How many bytes a message takes in a queue beside its own.
const ENTRY: usize = 64;

const PUBLISH: u8 = 0x30;
const DUP: u8 = 0b1000;
const RETAIN: u8 = 0b0001;

/// One application message inside a server.
///
/// It is shared: every session that gets it holds a handle, and every packet is written from the
/// same bytes.
#[derive(Debug)]
pub struct Publication {
    /// Topic, properties and a small payload, one behind the other.
    head: Box<[u8]>,
    topic_len: usize,
    properties_len: usize,
    /// A large payload.
    payload: Bytes,
    qos: QoS,
    retain: bool,
    expiry: Option<Expiry>,
}

/// When a message is no longer delivered.
#[derive(Debug, Clone, Copy)]
struct Expiry {
    /// Where in the properties the four bytes of the interval are.
    at: usize,
    seconds: u32,
    since: Time,
}

impl Publication {
    /// A message as it came in: `properties` are those of the PUBLISH, or of the will.
    pub(crate) fn new(
        now: Time,
        topic: &str,
        properties: &Properties<'_>,
        payload: &Payload<'_>,
        qos: QoS,
        retain: bool,
    ) -> Self {
        let kept;
        let properties = if properties.is_empty() || properties.iter().all(|p| is_passed_on(p.id)) {
            properties
        } else {
            let mut rest = properties.clone().into_owned();
            rest.retain(|property| is_passed_on(property.id));
            kept = rest;
            &kept
        };
        let inline: &[u8] = if payload.len() < SPLICE_MIN { payload.as_slice() } else { &[] };
        let mut head = Vec::with_capacity(topic.len() + properties.wire_len() + inline.len());
        head.extend_from_slice(topic.as_bytes());
        head.extend_from_slice(properties.wire());
        head.extend_from_slice(inline);
        Self {
            head: head.into_boxed_slice(),
            topic_len: topic.len(),
            properties_len: properties.wire_len(),
            payload: if inline.is_empty() { payload.to_shared() } else { Bytes::new() },
            qos,
            retain,
            expiry: expiry(properties, now),
        }
    }

    /// A message that the program itself publishes.
    ///
    /// # Errors
    /// [`EncodeError`](crate::codec::EncodeError) when a property or the topic is not valid.
    pub(crate) fn from_request(
        now: Time,
        request: &Publish<'_>,
    ) -> Result<Self, crate::codec::EncodeError> {
        request.check(Version::V5)?;
        request.properties.check(crate::codec::Place::Packet(crate::codec::PacketType::Publish))?;
        crate::codec::topic::check_name(request.topic).map_err(|error| {
            crate::codec::EncodeError::InvalidTopic { field: "topic name", error }
        })?;
        let (properties, payload) = (&request.properties, &request.payload);
        Ok(Self::new(now, request.topic, properties, payload, request.qos, request.retain))
    }

    /// Its expiry interval begins now.
    pub(crate) const fn restamp(&mut self, now: Time) {
        if let Some(expiry) = &mut self.expiry {
            expiry.since = now;
        }
    }

    /// The topic name.
    #[must_use]
    pub fn topic(&self) -> &str {
        // It was text when it was put in.
        std::str::from_utf8(self.part(0, self.topic_len)).unwrap_or_default()
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        if self.payload.is_empty() {
            self.head.get(self.topic_len + self.properties_len..).unwrap_or_default()
        } else {
            &self.payload
        }
    }

    /// The properties that are passed on to receivers. The message expiry interval is the one with
    /// which the message came.
    #[must_use]
    pub fn properties(&self) -> Properties<'_> {
        Properties::from_checked(self.part(self.topic_len, self.properties_len))
    }

    /// The quality of service with which it was published.
    #[must_use]
    pub const fn qos(&self) -> QoS {
        self.qos
    }

    /// Whether it was published with RETAIN.
    #[must_use]
    pub const fn retain(&self) -> bool {
        self.retain
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn size(&self) -> usize {
        self.head.len() + self.payload.len()
    }

    /// When it expires, if it does.
    #[must_use]
    pub fn expires_at(&self) -> Option<Time> {
        let expiry = self.expiry?;
        Some(expiry.since + std::time::Duration::from_secs(expiry.seconds.into()))
    }

    /// Whether it is not to be delivered any more.
    #[must_use]
    pub fn is_expired(&self, now: Time) -> bool {
        self.expires_at().is_some_and(|at| at <= now)
    }

    fn part(&self, at: usize, len: usize) -> &[u8] {
        self.head.get(at..at + len).unwrap_or_default()
    }
}

/// What of the properties of a PUBLISH or a will belongs to the message.
const fn is_passed_on(id: PropertyId) -> bool {
    matches!(
        id,
        PropertyId::PayloadFormatIndicator
            | PropertyId::MessageExpiryInterval
            | PropertyId::ContentType
            | PropertyId::ResponseTopic
            | PropertyId::CorrelationData
            | PropertyId::UserProperty
    )
}

fn expiry(properties: &Properties<'_>, since: Time) -> Option<Expiry> {
    if properties.is_empty() {
        return None;
    }
    let seconds = properties.number(PropertyId::MessageExpiryInterval)?;
    let at = properties.value_offset(PropertyId::MessageExpiryInterval)?;
    Some(Expiry { at, seconds, since })
}

/// One message for one client.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    /// Always there, but in memory that waits for its next use.
    publication: Option<Arc<Publication>>,
    qos: QoS,
    retain: bool,
    subscription_ids: Vec<u32>,
    tag: u32,
    sent: bool,
}

impl Outgoing {
    /// A message to be delivered at `qos`, with the RETAIN flag `retain`.
    #[must_use]
    pub const fn new(publication: Arc<Publication>, qos: QoS, retain: bool) -> Self {
        let publication = Some(publication);
        Self { publication, qos, retain, subscription_ids: Vec::new(), tag: 0, sent: false }
    }

    /// With the identifiers of the subscriptions that it matches.
    #[must_use]
    pub fn subscription_ids(mut self, ids: Vec<u32>) -> Self {
        self.subscription_ids = ids;
        self
    }

    /// With a number of the caller's, which nobody else looks at; 0 is none.
    #[must_use]
    pub const fn tagged(mut self, tag: u32) -> Self {
        self.tag = tag;
        self
    }

    /// The message itself.
    pub(crate) const fn publication(&self) -> Option<&Arc<Publication>> {
        self.publication.as_ref()
    }

    /// About how many bytes it takes while it waits.
    pub(crate) fn cost(&self) -> usize {
        let Some(publication) = &self.publication else { return 0 };
        ENTRY + publication.size() + size_of::<u32>() * self.subscription_ids.len()
    }

    pub(crate) const fn qos(&self) -> QoS {
        self.qos
    }

    pub(crate) const fn retain(&self) -> bool {
        self.retain
    }

    pub(crate) const fn tag(&self) -> u32 {
        self.tag
    }

    pub(crate) fn is_expired(&self, now: Time) -> bool {
        self.publication.as_ref().is_none_or(|publication| publication.is_expired(now))
    }

    /// The size of the packet without an alias, in bytes; at most five too many.
    fn packet_len(&self, version: Version) -> usize {
        let Some(publication) = &self.publication else { return 0 };
        let payload = publication.payload().len();
        let ids = 5 * self.subscription_ids.len();
        let body = 2 + publication.topic_len + 2 + payload;
        let properties = if version.is_v5() { 4 + publication.properties_len + ids } else { 0 };
        5 + body + properties
    }

    /// Whether the receiver takes a packet of this size [MQTT-3.1.2-24].
    pub(super) fn fits(&self, receiver: &Receiver) -> bool {
        // The exact size is looked at only where the rough one does not settle it.
        self.packet_len(receiver.version) <= receiver.packet_max
            || self.exact_len(receiver.version, None) <= receiver.packet_max
    }

    fn exact_len(&self, version: Version, alias: Option<Assigned>) -> usize {
        let body = self.layout(version, alias).body_len;
        1 + var_int_len(body) + body
    }

    fn layout(&self, version: Version, alias: Option<Assigned>) -> Layout {
        let Some(publication) = &self.publication else { return Layout::default() };
        let topic_len =
            if alias.is_some_and(|alias| alias.known) { 0 } else { publication.topic_len };
        let id_len = if self.qos == QoS::AtMostOnce { 0 } else { 2 };
        let mut properties_len = 0;
        let mut body_len = 2 + topic_len + id_len + publication.payload().len();
        if version.is_v5() {
            let ids = self.subscription_ids.iter().map(|id| 1 + var_int_len(to_usize(*id)));
            properties_len = publication.properties_len + ids.sum::<usize>();
            properties_len += if alias.is_some() { 3 } else { 0 };
            body_len += var_int_len(properties_len) + properties_len;
        }
        Layout { topic_len, properties_len, body_len }
    }

    /// Appends the packet and says which alias it carries. `id` belongs to QoS 1 and 2. An alias
    /// for which a packet at the client's limit has no room is left out.
    pub(super) fn put(
        &self,
        id: Option<PacketId>,
        receiver: &Receiver,
        alias: Option<Assigned>,
        now: Time,
        out: &mut OutBuffer,
    ) -> Option<Assigned> {
        let publication = self.publication.as_ref()?;
        let alias = alias.filter(|_| {
            self.packet_len(receiver.version) + 3 <= receiver.packet_max
                || self.exact_len(receiver.version, alias) <= receiver.packet_max
        });
        let layout = self.layout(receiver.version, alias);
        let bytes = out.inline_mut();
        bytes.reserve(layout.body_len.min(2 * SPLICE_MIN) + 5);
        bytes.push(self.first_byte());
        put_var_int(bytes, layout.body_len);
        // A topic name has at most 65,535 bytes.
        bytes.extend_from_slice(&u16::try_from(layout.topic_len).unwrap_or_default().to_be_bytes());
        bytes.extend_from_slice(publication.part(0, layout.topic_len));
        if let Some(id) = id {
            bytes.extend_from_slice(&id.get().to_be_bytes());
        }
        if receiver.version.is_v5() {
            put_var_int(bytes, layout.properties_len);
            self.put_properties(publication, alias, now, bytes);
        }
        if publication.payload.is_empty() {
            bytes.extend_from_slice(publication.payload());
        } else {
            out.push_shared(publication.payload.clone());
        }
        alias
    }

    fn put_properties(
        &self,
        publication: &Publication,
        alias: Option<Assigned>,
        now: Time,
        bytes: &mut Vec<u8>,
    ) {
        let start = bytes.len();
        bytes
            .extend_from_slice(publication.part(publication.topic_len, publication.properties_len));
        if let Some(expiry) = publication.expiry {
            let waited = u32::try_from(now.since(expiry.since).as_secs()).unwrap_or(u32::MAX);
            // A message that was sent once is sent again even if it has expired [MQTT-4.3.3-7].
            let left = expiry.seconds.saturating_sub(waited).max(1.min(expiry.seconds));
            if let Some(field) = bytes.get_mut(start + expiry.at..start + expiry.at + 4) {
                field.copy_from_slice(&left.to_be_bytes());
            }
        }
        for id in &self.subscription_ids {
            bytes.push(PropertyId::SubscriptionIdentifier.number());
            put_var_int(bytes, to_usize(*id));
        }
        if let Some(assigned) = alias {
            bytes.push(PropertyId::TopicAlias.number());
            bytes.extend_from_slice(&assigned.alias.get().to_be_bytes());
        }
    }

    fn first_byte(&self) -> u8 {
        let dup = if self.sent { DUP } else { 0 };
        let retain = if self.retain { RETAIN } else { 0 };
        PUBLISH | dup | self.qos.number() << 1 | retain
    }

    /// From now on it counts as sent.
    pub(super) const fn mark_sent(&mut self) {
        self.sent = true;
    }
}

/// The lengths of a packet's parts.
#[derive(Default)]
struct Layout {
    topic_len: usize,
    properties_len: usize,
    body_len: usize,
}

/// What a client can take.
#[derive(Debug, Clone, Copy)]
pub struct Receiver {
    pub(super) version: Version,
    pub(super) packet_max: usize,
}

impl Kept for Outgoing {
    type Receiver = Receiver;

    fn len(&self) -> usize {
        self.cost()
    }

    fn forget_sent(&mut self) {
        self.sent = false;
    }

    fn empty(&mut self) -> bool {
        self.publication = None;
        self.subscription_ids = Vec::new();
        true
    }

    fn check(&self, receiver: &Receiver) -> Result<(), LimitError> {
        if self.fits(receiver) {
            return Ok(());
        }
        let size = self.exact_len(receiver.version, None);
        Err(LimitError::MaximumPacketSize { size, maximum: receiver.packet_max })
    }

    fn write(&mut self, id: PacketId, receiver: &Receiver, now: Time, out: &mut OutBuffer) {
        self.put(Some(id), receiver, None, now, out);
        self.sent = true;
    }
}

fn var_int_len(value: usize) -> usize {
    crate::codec::var_int_len(u32::try_from(value).unwrap_or(u32::MAX))
}

fn put_var_int(out: &mut Vec<u8>, value: usize) {
    // The size limits keep every length below the protocol's own.
    crate::codec::put_var_int(out, u32::try_from(value).unwrap_or_default());
}

fn to_usize(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::codec::{Packet, frame};

    fn packet(outgoing: &Outgoing, version: Version, now: Time) -> String {
        let mut out = OutBuffer::new();
        let receiver = Receiver { version, packet_max: frame::MAX_PACKET_SIZE };
        let id = PacketId::new(7).filter(|_| outgoing.qos != QoS::AtMostOnce);
        outgoing.put(id, &receiver, None, now, &mut out);
        let bytes = out.to_vec();
        assert_eq!(bytes.len(), outgoing.exact_len(version, None));
        assert!(bytes.len() <= outgoing.packet_len(version));
        let frame = frame::parse(&bytes, version, bytes.len()).unwrap().unwrap();
        Packet::decode(&frame, version).unwrap().to_string()
    }

    fn sample(payload: Vec<u8>) -> Arc<Publication> {
        let request = Publish::new("a/b", payload)
            .qos(QoS::ExactlyOnce)
            .message_expiry(60)
            .user_property("k", "v");
        Arc::new(Publication::from_request(Time::ORIGIN, &request).unwrap())
    }

    #[test]
    fn a_packet_is_what_the_codec_reads_in_every_version() {
        let outgoing = Outgoing::new(sample(b"hello".to_vec()), QoS::AtLeastOnce, true)
            .subscription_ids(vec![3, 300]);
        let later = Time::from_origin(Duration::from_millis(5_500));
        assert_eq!(
            packet(&outgoing, Version::V5, later),
            "PUBLISH topic=\"a/b\" qos=1 id=7 retain payload=(5 bytes) message expiry interval=55 \
             user property=\"k\":\"v\" subscription identifier=3 subscription identifier=300"
        );
        assert_eq!(
            packet(&outgoing, Version::V3_1_1, later),
            "PUBLISH topic=\"a/b\" qos=1 id=7 retain payload=(5 bytes)"
        );
    }

    #[test]
    fn a_large_payload_is_shared_and_an_empty_one_is_nothing() {
        for len in [0, 1, SPLICE_MIN - 1, SPLICE_MIN, 3 * SPLICE_MIN, 20_000] {
            let outgoing = Outgoing::new(sample(vec![b'x'; len]), QoS::AtMostOnce, false);
            for version in Version::ALL {
                let line = packet(&outgoing, version, Time::ORIGIN);
                assert!(line.contains(&format!("payload=({len} bytes)")), "{line}");
            }
        }
    }

    #[test]
    fn an_expired_message_is_known_at_its_moment() {
        let publication = sample(Vec::new());
        assert!(!publication.is_expired(Time::from_origin(Duration::from_millis(59_999))));
        assert!(publication.is_expired(Time::from_origin(Duration::from_secs(60))));
    }
}
