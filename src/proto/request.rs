//! What a caller asks for: to connect, to publish, to subscribe, to disconnect.

use std::fmt;

use bytes::Bytes;

use crate::codec::topic::Filter;
use crate::codec::{
    EncodeError, Properties, Property, PropertyId, PropertyValue, QoS, ReasonCode,
    SubscribeOptions, Version,
};

/// The bytes of a message: borrowed, or shared without being copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload<'a> {
    /// Borrowed from the caller; copied when the message is queued.
    Borrowed(&'a [u8]),
    /// Shared; a large one is never copied.
    Shared(Bytes),
}

impl Payload<'_> {
    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A handle to the bytes that can be kept, without a copy if they are shared already.
    #[must_use]
    pub fn to_shared(&self) -> Bytes {
        match self {
            Self::Borrowed(bytes) => Bytes::copy_from_slice(bytes),
            Self::Shared(bytes) => bytes.clone(),
        }
    }
}

macro_rules! payload_from {
    ($($source:ty => |$value:ident| $payload:expr;)*) => {
        $(impl<'a> From<$source> for Payload<'a> {
            fn from($value: $source) -> Self {
                $payload
            }
        })*
    };
}

payload_from! {
    &'a [u8] => |bytes| Self::Borrowed(bytes);
    &'a Vec<u8> => |bytes| Self::Borrowed(bytes);
    &'a str => |text| Self::Borrowed(text.as_bytes());
    &'a String => |text| Self::Borrowed(text.as_bytes());
    Vec<u8> => |bytes| Self::Shared(bytes.into());
    String => |text| Self::Shared(text.into());
    Bytes => |bytes| Self::Shared(bytes);
}

impl<'a, const N: usize> From<&'a [u8; N]> for Payload<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Borrowed(bytes)
    }
}

/// A message to publish.
///
/// ```
/// use mqttlink::{Publish, QoS};
///
/// let reading = Publish::new("house/attic/temperature", "21.5")
///     .qos(QoS::AtLeastOnce)
///     .retain(true)
///     .message_expiry(600)
///     .user_property("unit", "celsius");
/// assert_eq!(reading.topic(), "house/attic/temperature");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a message does nothing until it is published"]
pub struct Publish<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: Payload<'a>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) properties: Properties<'a>,
    /// The first thing that was wrong, reported when the message is published.
    pub(crate) error: Option<Box<EncodeError>>,
}

impl<'a> Publish<'a> {
    /// A message of QoS 0, not retained, without properties.
    ///
    /// The topic name has 1 to 65,535 bytes and no wildcard; it is checked when the message is
    /// published. A payload given as `Vec<u8>`, `String` or [`Bytes`] is not copied if it is large.
    pub fn new(topic: &'a str, payload: impl Into<Payload<'a>>) -> Self {
        Self {
            topic,
            payload: payload.into(),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: Properties::new(),
            error: None,
        }
    }

    /// The quality of service. Default: [`QoS::AtMostOnce`].
    pub const fn qos(mut self, qos: QoS) -> Self {
        self.qos = qos;
        self
    }

    /// Whether the server keeps the message for later subscribers. Default: no.
    pub const fn retain(mut self, retain: bool) -> Self {
        self.retain = retain;
        self
    }

    /// The time in seconds after which the message is no longer delivered. MQTT 5.0 only. It runs
    /// while the message waits to be sent again. Default: never.
    pub fn message_expiry(self, seconds: u32) -> Self {
        self.with(PropertyId::MessageExpiryInterval, PropertyValue::FourByte(seconds))
    }

    /// Says that the payload is UTF-8 text. MQTT 5.0 only.
    pub fn payload_is_text(self) -> Self {
        self.with(PropertyId::PayloadFormatIndicator, PropertyValue::Byte(1))
    }

    /// A description of the content, commonly a MIME type. MQTT 5.0 only.
    pub fn content_type(self, content_type: &str) -> Self {
        self.with(PropertyId::ContentType, PropertyValue::Text(content_type))
    }

    /// The topic to which an answer is published, which makes this message a request. MQTT 5.0 only.
    pub fn response_topic(self, topic: &str) -> Self {
        self.with(PropertyId::ResponseTopic, PropertyValue::Text(topic))
    }

    /// What tells the requester which request an answer belongs to. MQTT 5.0 only.
    pub fn correlation_data(self, data: &[u8]) -> Self {
        self.with(PropertyId::CorrelationData, PropertyValue::Binary(data))
    }

    /// Adds a user property. Names may repeat, the order is kept. MQTT 5.0 only.
    pub fn user_property(self, name: &str, value: &str) -> Self {
        self.with(PropertyId::UserProperty, PropertyValue::Pair(name, value))
    }

    /// Replaces all properties. MQTT 5.0 only.
    pub fn properties(mut self, properties: Properties<'a>) -> Self {
        self.properties = properties;
        self
    }

    /// The topic name.
    #[must_use]
    pub const fn topic(&self) -> &str {
        self.topic
    }

    pub(crate) fn has_properties(&self) -> bool {
        !self.properties.is_empty()
    }

    pub(crate) const fn quality(&self) -> QoS {
        self.qos
    }

    fn with(mut self, id: PropertyId, value: PropertyValue<'_>) -> Self {
        set(&mut self.properties, &mut self.error, id, value);
        self
    }

    /// What no server would take, and what only this library may set.
    pub(crate) fn check(&self, version: Version) -> Result<(), EncodeError> {
        if let Some(error) = &self.error {
            return Err(EncodeError::clone(error));
        }
        if self.properties.is_empty() {
            return Ok(());
        }
        if !version.is_v5() {
            return Err(EncodeError::NotInVersion { what: "a message property", version });
        }
        let packet = crate::codec::PacketType::Publish;
        for property in [PropertyId::TopicAlias, PropertyId::SubscriptionIdentifier] {
            if self.properties.get(property).is_some() {
                return Err(EncodeError::MisplacedProperty { property, packet });
            }
        }
        Ok(())
    }
}

/// Sets a property, or keeps the first thing that was wrong.
fn set(
    properties: &mut Properties<'_>,
    error: &mut Option<Box<EncodeError>>,
    id: PropertyId,
    value: PropertyValue<'_>,
) {
    if let Err(wrong) = properties.set(Property { id, value }) {
        error.get_or_insert_with(|| Box::new(wrong));
    }
}

/// Topic filters to subscribe to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a subscription does nothing until it is requested"]
pub struct SubscribeRequest {
    pub(crate) filters: Vec<(String, SubscribeOptions)>,
    pub(crate) properties: Properties<'static>,
    pub(crate) error: Option<Box<EncodeError>>,
}

impl SubscribeRequest {
    /// One filter with its options, which can be a mere [`QoS`].
    pub fn new(filter: impl Into<String>, options: impl Into<SubscribeOptions>) -> Self {
        Self {
            filters: vec![(filter.into(), options.into())],
            properties: Properties::new(),
            error: None,
        }
    }

    /// One more filter.
    pub fn filter(
        mut self,
        filter: impl Into<String>,
        options: impl Into<SubscribeOptions>,
    ) -> Self {
        self.filters.push((filter.into(), options.into()));
        self
    }

    /// A number, 1 to 268,435,455, that the server adds to the messages that match. MQTT 5.0 only.
    pub fn subscription_id(mut self, id: u32) -> Self {
        let value = PropertyValue::VarInt(id);
        set(&mut self.properties, &mut self.error, PropertyId::SubscriptionIdentifier, value);
        self
    }

    /// Adds a user property. MQTT 5.0 only.
    pub fn user_property(mut self, name: &str, value: &str) -> Self {
        let value = PropertyValue::Pair(name, value);
        set(&mut self.properties, &mut self.error, PropertyId::UserProperty, value);
        self
    }
}

/// Topic filters to unsubscribe from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an unsubscription does nothing until it is requested"]
pub struct Unsubscribe {
    pub(crate) filters: Vec<String>,
    pub(crate) properties: Properties<'static>,
    pub(crate) error: Option<Box<EncodeError>>,
}

impl Unsubscribe {
    /// One filter, letter by letter as it was subscribed to.
    pub fn new(filter: impl Into<String>) -> Self {
        Self { filters: vec![filter.into()], properties: Properties::new(), error: None }
    }

    /// One more filter.
    pub fn filter(mut self, filter: impl Into<String>) -> Self {
        self.filters.push(filter.into());
        self
    }

    /// Adds a user property. MQTT 5.0 only.
    pub fn user_property(mut self, name: &str, value: &str) -> Self {
        let value = PropertyValue::Pair(name, value);
        set(&mut self.properties, &mut self.error, PropertyId::UserProperty, value);
        self
    }
}

impl<T: Into<String>> From<T> for Unsubscribe {
    fn from(filter: T) -> Self {
        Self::new(filter)
    }
}

/// How to say goodbye.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "the options do nothing until they are used to disconnect"]
pub struct Disconnect {
    pub(crate) reason: ReasonCode,
    pub(crate) properties: Properties<'static>,
    pub(crate) error: Option<Box<EncodeError>>,
}

impl Default for Disconnect {
    fn default() -> Self {
        Self { reason: ReasonCode::Success, properties: Properties::new(), error: None }
    }
}

impl Disconnect {
    /// Normal disconnection: the server discards the will.
    pub fn new() -> Self {
        Self::default()
    }

    /// The server publishes the will. MQTT 5.0 only; before, a will is published exactly when no
    /// DISCONNECT is sent.
    pub const fn with_will(mut self) -> Self {
        self.reason = ReasonCode::DisconnectWithWill;
        self
    }

    /// Another reason code that a client may send. MQTT 5.0 only.
    pub const fn reason(mut self, reason: ReasonCode) -> Self {
        self.reason = reason;
        self
    }

    /// A text for the server's log. MQTT 5.0 only.
    pub fn reason_string(mut self, text: &str) -> Self {
        let value = PropertyValue::Text(text);
        set(&mut self.properties, &mut self.error, PropertyId::ReasonString, value);
        self
    }

    /// Replaces the session expiry interval, in seconds; `u32::MAX` means never. MQTT 5.0 only. An
    /// interval that was 0 so far cannot be changed.
    pub fn session_expiry(mut self, seconds: u32) -> Self {
        let value = PropertyValue::FourByte(seconds);
        set(&mut self.properties, &mut self.error, PropertyId::SessionExpiryInterval, value);
        self
    }

    /// Adds a user property. MQTT 5.0 only.
    pub fn user_property(mut self, name: &str, value: &str) -> Self {
        let value = PropertyValue::Pair(name, value);
        set(&mut self.properties, &mut self.error, PropertyId::UserProperty, value);
        self
    }
}

/// The message that the server publishes when the connection is lost.
///
/// ```
/// use mqttlink::{QoS, Will};
///
/// let will = Will::new("house/attic/status", "offline").qos(QoS::AtLeastOnce).delay(30);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) properties: Properties<'static>,
    pub(crate) error: Option<Box<EncodeError>>,
}

impl Will {
    /// A will of QoS 0, not retained, published at once. The payload has at most 65,535 bytes.
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: Properties::new(),
            error: None,
        }
    }

    /// The quality of service. Default: [`QoS::AtMostOnce`].
    #[must_use]
    pub const fn qos(mut self, qos: QoS) -> Self {
        self.qos = qos;
        self
    }

    /// Whether the server keeps the message for later subscribers. Default: no.
    #[must_use]
    pub const fn retain(mut self, retain: bool) -> Self {
        self.retain = retain;
        self
    }

    /// How many seconds the server waits before it publishes the will; a reconnect in between
    /// cancels it. MQTT 5.0 only. Default: 0.
    #[must_use]
    pub fn delay(self, seconds: u32) -> Self {
        self.with(PropertyId::WillDelayInterval, PropertyValue::FourByte(seconds))
    }

    /// The message's lifetime in seconds. MQTT 5.0 only. Default: never expires.
    #[must_use]
    pub fn message_expiry(self, seconds: u32) -> Self {
        self.with(PropertyId::MessageExpiryInterval, PropertyValue::FourByte(seconds))
    }

    /// Says that the payload is UTF-8 text. MQTT 5.0 only.
    #[must_use]
    pub fn payload_is_text(self) -> Self {
        self.with(PropertyId::PayloadFormatIndicator, PropertyValue::Byte(1))
    }

    /// A description of the content, commonly a MIME type. MQTT 5.0 only.
    #[must_use]
    pub fn content_type(self, content_type: &str) -> Self {
        self.with(PropertyId::ContentType, PropertyValue::Text(content_type))
    }

    /// The topic to which an answer is published. MQTT 5.0 only.
    #[must_use]
    pub fn response_topic(self, topic: &str) -> Self {
        self.with(PropertyId::ResponseTopic, PropertyValue::Text(topic))
    }

    /// What tells the requester which request an answer belongs to. MQTT 5.0 only.
    #[must_use]
    pub fn correlation_data(self, data: &[u8]) -> Self {
        self.with(PropertyId::CorrelationData, PropertyValue::Binary(data))
    }

    /// Adds a user property. MQTT 5.0 only.
    #[must_use]
    pub fn user_property(self, name: &str, value: &str) -> Self {
        self.with(PropertyId::UserProperty, PropertyValue::Pair(name, value))
    }

    /// Replaces all properties. MQTT 5.0 only.
    #[must_use]
    pub fn properties(mut self, properties: Properties<'static>) -> Self {
        self.properties = properties;
        self
    }

    fn with(mut self, id: PropertyId, value: PropertyValue<'_>) -> Self {
        set(&mut self.properties, &mut self.error, id, value);
        self
    }
}

/// Everything that a CONNECT packet says.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// The protocol version. Default: 5.0.
    pub version: Version,
    /// The client identifier. Default: empty, so that the server assigns one. In MQTT 3.1 it must
    /// not be empty, and a server may refuse more than 23 characters.
    pub client_id: String,
    /// Clean Start, or Clean Session before MQTT 5.0: whether an old session is thrown away.
    /// Default: yes.
    pub clean_start: bool,
    /// Keep alive in seconds; 0 turns it off. Default: 60.
    pub keep_alive: u16,
    /// The user name.
    pub user_name: Option<String>,
    /// The password. Before MQTT 5.0 it needs a user name.
    pub password: Option<Vec<u8>>,
    /// The will.
    pub will: Option<Will>,
    /// How many seconds the session outlives the connection; `u32::MAX` means for ever. MQTT 5.0
    /// only. Default: 0.
    pub session_expiry: u32,
    /// How many QoS 1 and 2 messages may await this side's acknowledgement. MQTT 5.0 only, where it
    /// must not be 0. Default: 65,535.
    pub receive_maximum: u16,
    /// The largest packet this side takes, in bytes, fixed header included. The server is told in
    /// MQTT 5.0; the limit holds in every version. Default: 16 MiB.
    pub maximum_packet_size: u32,
    /// How many topic aliases the server may use. MQTT 5.0 only. Default: 0.
    pub topic_alias_maximum: u16,
    /// Whether the server should send response information. MQTT 5.0 only. Default: no.
    pub request_response_information: bool,
    /// Whether the server may send reason strings and user properties with every packet. MQTT 5.0
    /// only. Default: yes.
    pub request_problem_information: bool,
    /// The name of the authentication method. MQTT 5.0 only.
    pub authentication_method: Option<String>,
    /// The first data of the authentication exchange. MQTT 5.0 only.
    pub authentication_data: Option<Vec<u8>>,
    /// User properties. MQTT 5.0 only.
    pub user_properties: Vec<(String, String)>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            version: Version::V5,
            client_id: String::new(),
            clean_start: true,
            keep_alive: 60,
            user_name: None,
            password: None,
            will: None,
            session_expiry: 0,
            receive_maximum: 65_535,
            maximum_packet_size: 16 * 1024 * 1024,
            topic_alias_maximum: 0,
            request_response_information: false,
            request_problem_information: true,
            authentication_method: None,
            authentication_data: None,
            user_properties: Vec::new(),
        }
    }
}

impl ConnectOptions {
    /// The properties of the CONNECT packet. Values that are the protocol's default are left out.
    pub(crate) fn properties(&self) -> Result<Properties<'static>, EncodeError> {
        let mut properties = Properties::new();
        if !self.version.is_v5() {
            return Ok(properties);
        }
        let mut number = |id: PropertyId, value: u32| {
            if id.default_value() == Some(value) { Ok(()) } else { properties.set_u32(id, value) }
        };
        number(PropertyId::SessionExpiryInterval, self.session_expiry)?;
        number(PropertyId::ReceiveMaximum, self.receive_maximum.into())?;
        number(PropertyId::MaximumPacketSize, self.maximum_packet_size)?;
        number(PropertyId::TopicAliasMaximum, self.topic_alias_maximum.into())?;
        number(PropertyId::RequestResponseInformation, self.request_response_information.into())?;
        number(PropertyId::RequestProblemInformation, self.request_problem_information.into())?;
        for (name, value) in &self.user_properties {
            properties.add_user_property(name, value)?;
        }
        if let Some(method) = &self.authentication_method {
            properties.set_text(PropertyId::AuthenticationMethod, method)?;
        }
        if let Some(data) = &self.authentication_data {
            properties.set_binary(PropertyId::AuthenticationData, data)?;
        }
        Ok(properties)
    }
}

/// Without password and authentication data.
impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("version", &self.version)
            .field("client_id", &self.client_id)
            .field("clean_start", &self.clean_start)
            .field("keep_alive", &self.keep_alive)
            .field("user_name", &self.user_name)
            .field("session_expiry", &self.session_expiry)
            .field("authentication_method", &self.authentication_method)
            .finish_non_exhaustive()
    }
}

/// Whether a filter can be matched with messages: by the rules of MQTT 5.0 if it is a valid shared
/// subscription there, which brokers of older versions often offer too, else as plain text.
pub(crate) fn pattern_of(filter: &str) -> &str {
    Filter::parse(filter).map_or(filter, |parsed| parsed.pattern())
}
