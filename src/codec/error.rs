//! What can be wrong with bytes that were received, and with a packet that should be sent.

use super::{PacketType, PropertyId, ReasonCode, Version};

/// Why bytes from the peer are not an MQTT packet.
///
/// Every variant maps to the reason code that MQTT 5.0 gives for it ([`DecodeError::reason`]) and,
/// where one exists, to the statement of the specification that it breaks
/// ([`DecodeError::statement`]).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The packet's length ends before the field does.
    #[error("the packet ends inside the {field}")]
    Truncated {
        /// The field that was being read.
        field: &'static str,
    },
    /// Bytes remain after the last field of the packet.
    #[error("{extra} bytes left over at the end of {packet}")]
    TrailingBytes {
        /// The kind of packet.
        packet: PacketType,
        /// How many bytes remain.
        extra: usize,
    },
    /// A variable byte integer has more than four bytes.
    #[error("the {field} is a variable byte integer of more than 4 bytes")]
    VarIntTooLong {
        /// The field that was being read.
        field: &'static str,
    },
    /// A variable byte integer does not use the fewest bytes.
    #[error("the {field} is a variable byte integer with needless bytes")]
    VarIntNotMinimal {
        /// The field that was being read.
        field: &'static str,
    },
    /// A string is not well-formed UTF-8.
    #[error("the {field} is not well-formed UTF-8")]
    InvalidUtf8 {
        /// The field that was being read.
        field: &'static str,
    },
    /// A string contains U+0000.
    #[error("the {field} contains the character U+0000")]
    NulCharacter {
        /// The field that was being read.
        field: &'static str,
    },
    /// The packet type is 0, or 15 in a version that has no AUTH.
    #[error("packet type {number} does not exist in MQTT {version}")]
    UnknownPacketType {
        /// The number in the upper four bits of the first byte.
        number: u8,
        /// The protocol version of the connection.
        version: Version,
    },
    /// The lower four bits of the first byte are not what the packet type requires.
    #[error("{packet} with the reserved header flags {flags:#06b}")]
    InvalidFlags {
        /// The kind of packet.
        packet: PacketType,
        /// The lower four bits of the first byte.
        flags: u8,
    },
    /// A PUBLISH with both QoS bits set.
    #[error("PUBLISH with both QoS bits set")]
    InvalidQoS,
    /// A PUBLISH of QoS 0 with DUP set.
    #[error("PUBLISH of QoS 0 with the DUP flag")]
    DupAtQoS0,
    /// The packet is larger than this side accepts.
    #[error("the packet has {size} bytes, the limit is {max}")]
    PacketTooLarge {
        /// The whole packet's size in bytes, fixed header included.
        size: usize,
        /// The largest size accepted, in bytes.
        max: usize,
    },
    /// The packet identifier is 0.
    #[error("{packet} with packet identifier 0")]
    ZeroPacketId {
        /// The kind of packet.
        packet: PacketType,
    },
    /// A property identifier that does not exist.
    #[error("{packet} with the unknown property {id:#04x}")]
    UnknownProperty {
        /// The kind of packet.
        packet: PacketType,
        /// The identifier found.
        id: u32,
    },
    /// A property that this packet may not carry.
    #[error("the property {property} does not belong in {packet}")]
    MisplacedProperty {
        /// The property.
        property: PropertyId,
        /// The kind of packet.
        packet: PacketType,
    },
    /// A property that may appear once appears again.
    #[error("the property {property} appears twice in {packet}")]
    RepeatedProperty {
        /// The property.
        property: PropertyId,
        /// The kind of packet.
        packet: PacketType,
    },
    /// A property's value is outside its range.
    #[error("the property {property} may not have the value {value}")]
    PropertyOutOfRange {
        /// The property.
        property: PropertyId,
        /// The value found.
        value: u32,
    },
    /// Authentication data without an authentication method.
    #[error("{packet} with authentication data but no authentication method")]
    AuthDataWithoutMethod {
        /// The kind of packet.
        packet: PacketType,
    },
    /// An AUTH packet without an authentication method.
    #[error("AUTH without an authentication method")]
    AuthWithoutMethod,
    /// A reason code that this packet may not carry.
    #[error("{packet} with the reason code {code:#04x}")]
    InvalidReasonCode {
        /// The kind of packet.
        packet: PacketType,
        /// The code found.
        code: u8,
    },
    /// The protocol name of a CONNECT is not one of MQTT's.
    #[error("CONNECT with a protocol name that is not MQTT's")]
    ProtocolName,
    /// The protocol level of a CONNECT is not 3, 4 or 5, or does not fit the name.
    #[error("CONNECT with protocol level {level}")]
    ProtocolLevel {
        /// The level found.
        level: u8,
    },
    /// The flags of a CONNECT contradict each other or use the reserved bit.
    #[error("CONNECT with the flags {flags:#010b}: {why}")]
    ConnectFlags {
        /// The flags byte.
        flags: u8,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The reserved bits of CONNACK's first byte are set.
    #[error("CONNACK with the acknowledge flags {flags:#010b}")]
    ConnAckFlags {
        /// The flags byte.
        flags: u8,
    },
    /// A topic name is empty and no topic alias stands for it.
    #[error("an empty {field}")]
    EmptyTopic {
        /// The field that was being read.
        field: &'static str,
    },
    /// A topic name contains a wildcard.
    #[error("the {field} contains a wildcard")]
    WildcardInTopic {
        /// The field that was being read.
        field: &'static str,
    },
    /// A topic filter breaks the rules for wildcards or shared subscriptions.
    #[error("invalid topic filter: {0}")]
    InvalidFilter(TopicError),
    /// SUBSCRIBE, SUBACK, UNSUBSCRIBE or UNSUBACK without an entry.
    #[error("{packet} without a single entry")]
    EmptyList {
        /// The kind of packet.
        packet: PacketType,
    },
    /// The subscription options of a SUBSCRIBE are not valid.
    #[error("SUBSCRIBE with the options {options:#010b}: {why}")]
    SubscribeOptions {
        /// The options byte.
        options: u8,
        /// What is wrong with it.
        why: &'static str,
        /// Whether the bits cannot be parsed at all, as opposed to being parsed and forbidden.
        malformed: bool,
    },
}

impl DecodeError {
    /// The reason code with which MQTT 5.0 answers this error.
    #[must_use]
    pub fn reason(&self) -> ReasonCode {
        match self {
            Self::PacketTooLarge { .. } => ReasonCode::PacketTooLarge,
            Self::ProtocolName | Self::ProtocolLevel { .. } => {
                ReasonCode::UnsupportedProtocolVersion
            }
            Self::PropertyOutOfRange { property: PropertyId::TopicAlias, .. } => {
                ReasonCode::TopicAliasInvalid
            }
            Self::InvalidFilter(TopicError::NoLocalOnShared)
            | Self::RepeatedProperty { .. }
            | Self::PropertyOutOfRange { .. }
            | Self::AuthDataWithoutMethod { .. }
            | Self::AuthWithoutMethod
            | Self::EmptyTopic { .. }
            | Self::EmptyList { .. }
            | Self::ZeroPacketId { .. }
            | Self::InvalidReasonCode { .. }
            | Self::SubscribeOptions { malformed: false, .. } => ReasonCode::ProtocolError,
            Self::WildcardInTopic { .. } => ReasonCode::TopicNameInvalid,
            Self::InvalidFilter(_) => ReasonCode::TopicFilterInvalid,
            _ => ReasonCode::MalformedPacket,
        }
    }

    /// The statement of the specification that the bytes break, in that version's numbering.
    ///
    /// `None` where the text has the rule but gives it no number. MQTT 3.1 has no numbers.
    #[must_use]
    pub fn statement(&self, version: Version) -> Option<&'static str> {
        let (v5, v4) = self.statements();
        match version {
            Version::V5 => v5,
            Version::V3_1_1 => v4,
            Version::V3_1 => None,
        }
    }

    fn statements(&self) -> (Option<&'static str>, Option<&'static str>) {
        match self {
            Self::InvalidUtf8 { .. } => (Some("MQTT-1.5.4-1"), Some("MQTT-1.5.3-1")),
            Self::NulCharacter { .. } => (Some("MQTT-1.5.4-2"), Some("MQTT-1.5.3-2")),
            Self::VarIntNotMinimal { .. } => (Some("MQTT-1.5.5-1"), None),
            Self::InvalidFlags { packet, .. } => flag_statements(*packet),
            Self::InvalidQoS => (Some("MQTT-3.3.1-4"), Some("MQTT-3.3.1-4")),
            Self::DupAtQoS0 => (Some("MQTT-3.3.1-2"), Some("MQTT-3.3.1-2")),
            Self::ZeroPacketId { .. } => (Some("MQTT-2.2.1-3"), Some("MQTT-2.3.1-1")),
            Self::ProtocolName => (Some("MQTT-3.1.2-1"), Some("MQTT-3.1.2-1")),
            Self::ProtocolLevel { .. } => (Some("MQTT-3.1.2-2"), Some("MQTT-3.1.2-2")),
            Self::ConnectFlags { flags, .. } => connect_flag_statements(*flags),
            Self::ConnAckFlags { .. } => (Some("MQTT-3.2.2-1"), None),
            Self::WildcardInTopic { field: "topic name" } => {
                (Some("MQTT-3.3.2-2"), Some("MQTT-3.3.2-2"))
            }
            Self::WildcardInTopic { field: "response topic" } => (Some("MQTT-3.3.2-14"), None),
            Self::WildcardInTopic { .. } => TopicError::Wildcard.statements(),
            Self::EmptyTopic { .. } => (Some("MQTT-4.7.3-1"), Some("MQTT-4.7.3-1")),
            Self::InvalidFilter(error) => error.statements(),
            Self::EmptyList { packet: PacketType::Subscribe } => {
                (Some("MQTT-3.8.3-2"), Some("MQTT-3.8.3-3"))
            }
            Self::EmptyList { packet: PacketType::Unsubscribe } => {
                (Some("MQTT-3.10.3-2"), Some("MQTT-3.10.3-2"))
            }
            Self::SubscribeOptions { malformed: true, .. } => {
                (Some("MQTT-3.8.3-5"), Some("MQTT-3.8.3-4"))
            }
            Self::AuthWithoutMethod => (Some("MQTT-4.12.0-5"), None),
            Self::InvalidReasonCode { packet, .. } => reason_statements(*packet),
            Self::PropertyOutOfRange { property: PropertyId::TopicAlias, .. } => {
                (Some("MQTT-3.3.2-8"), None)
            }
            _ => (None, None),
        }
    }
}

/// The first statement that these flags of a CONNECT break, in the order in which they are checked.
fn connect_flag_statements(flags: u8) -> (Option<&'static str>, Option<&'static str>) {
    let (reserved, will, will_qos) = (flags & 1 != 0, flags & 0b100 != 0, (flags >> 3) & 0b11);
    let (v5, v4) = match (reserved, will, will_qos) {
        (true, ..) => ("MQTT-3.1.2-3", "MQTT-3.1.2-3"),
        (_, false, 1..) => ("MQTT-3.1.2-11", "MQTT-3.1.2-13"),
        (_, false, _) if flags & 0b10_0000 != 0 => ("MQTT-3.1.2-13", "MQTT-3.1.2-15"),
        (_, true, 3) => ("MQTT-3.1.2-12", "MQTT-3.1.2-14"),
        // A password without a user name, which MQTT 5.0 allows.
        _ => return (None, Some("MQTT-3.1.2-22")),
    };
    (Some(v5), Some(v4))
}

fn flag_statements(packet: PacketType) -> (Option<&'static str>, Option<&'static str>) {
    let v5 = match packet {
        PacketType::PubRel => "MQTT-3.6.1-1",
        PacketType::Subscribe => "MQTT-3.8.1-1",
        PacketType::Unsubscribe => "MQTT-3.10.1-1",
        PacketType::Disconnect => "MQTT-3.14.1-1",
        PacketType::Auth => "MQTT-3.15.1-1",
        _ => "MQTT-2.1.3-1",
    };
    (Some(v5), Some("MQTT-2.2.2-2"))
}

fn reason_statements(packet: PacketType) -> (Option<&'static str>, Option<&'static str>) {
    match packet {
        PacketType::ConnAck => (Some("MQTT-3.2.2-8"), None),
        PacketType::PubAck => (Some("MQTT-3.4.2-1"), None),
        PacketType::PubRec => (Some("MQTT-3.5.2-1"), None),
        PacketType::PubRel => (Some("MQTT-3.6.2-1"), None),
        PacketType::PubComp => (Some("MQTT-3.7.2-1"), None),
        PacketType::SubAck => (Some("MQTT-3.9.3-2"), Some("MQTT-3.9.3-2")),
        PacketType::UnsubAck => (Some("MQTT-3.11.3-2"), None),
        PacketType::Disconnect => (Some("MQTT-3.14.2-1"), None),
        PacketType::Auth => (Some("MQTT-3.15.2-1"), None),
        _ => (None, None),
    }
}

/// Why a packet cannot be put on the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A string or binary field is longer than its two-byte length can say.
    #[error("the {field} has {len} bytes, MQTT allows 65535")]
    FieldTooLong {
        /// The field.
        field: &'static str,
        /// Its length in bytes.
        len: usize,
    },
    /// A string contains U+0000.
    #[error("the {field} contains the character U+0000")]
    NulCharacter {
        /// The field.
        field: &'static str,
    },
    /// The packet would be larger than the receiver accepts or the protocol can express.
    #[error("the packet would have {size} bytes, the limit is {max}")]
    PacketTooLarge {
        /// The whole packet's size in bytes, fixed header included.
        size: usize,
        /// The largest size allowed, in bytes.
        max: usize,
    },
    /// A topic name breaks the rules.
    #[error("invalid {field}: {error}")]
    InvalidTopic {
        /// The field.
        field: &'static str,
        /// What is wrong.
        error: TopicError,
    },
    /// A topic filter breaks the rules.
    #[error("invalid topic filter {filter:?}: {error}")]
    InvalidFilter {
        /// The filter.
        filter: String,
        /// What is wrong.
        error: TopicError,
    },
    /// A property that this packet may not carry.
    #[error("the property {property} does not belong in {packet}")]
    MisplacedProperty {
        /// The property.
        property: PropertyId,
        /// The kind of packet.
        packet: PacketType,
    },
    /// A property that may appear once was given twice.
    #[error("the property {property} was given twice")]
    RepeatedProperty {
        /// The property.
        property: PropertyId,
    },
    /// A property's value is outside its range, or of another type than the property's.
    #[error("the property {property} may not have this value")]
    PropertyOutOfRange {
        /// The property.
        property: PropertyId,
    },
    /// A reason code that this packet may not carry.
    #[error("{packet} may not carry the reason code {reason}")]
    InvalidReasonCode {
        /// The kind of packet.
        packet: PacketType,
        /// The code.
        reason: ReasonCode,
    },
    /// Something that this protocol version cannot express.
    #[error("{what} cannot be expressed in MQTT {version}")]
    NotInVersion {
        /// What was asked for.
        what: &'static str,
        /// The protocol version of the connection.
        version: Version,
    },
    /// SUBSCRIBE, SUBACK, UNSUBSCRIBE or UNSUBACK without an entry.
    #[error("{packet} needs at least one entry")]
    EmptyList {
        /// The kind of packet.
        packet: PacketType,
    },
    /// Fields that contradict each other.
    #[error("{packet}: {why}")]
    Contradiction {
        /// The kind of packet.
        packet: PacketType,
        /// What contradicts what, with the statement of the specification.
        why: &'static str,
    },
}

/// What is wrong with a topic name or a topic filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// No character at all.
    #[error("it is empty")]
    Empty,
    /// More than 65,535 bytes.
    #[error("it is longer than 65535 bytes")]
    TooLong,
    /// The character U+0000.
    #[error("it contains the character U+0000")]
    NulCharacter,
    /// `+` or `#` in a topic name.
    #[error("it contains a wildcard, which only a topic filter may")]
    Wildcard,
    /// `#` that is not the last level, or shares its level.
    #[error("'#' must be the whole last level")]
    MultiLevelWildcard,
    /// `+` that shares its level.
    #[error("'+' must be a whole level")]
    SingleLevelWildcard,
    /// `$share/` without a valid share name or without a filter behind it.
    #[error("a shared subscription is '$share/NAME/FILTER' with no '/', '+' or '#' in NAME")]
    Share,
    /// No Local on a shared subscription.
    #[error("a shared subscription cannot have No Local")]
    NoLocalOnShared,
}

impl TopicError {
    fn statements(self) -> (Option<&'static str>, Option<&'static str>) {
        match self {
            Self::Empty => (Some("MQTT-4.7.3-1"), Some("MQTT-4.7.3-1")),
            Self::NulCharacter => (Some("MQTT-4.7.3-2"), Some("MQTT-4.7.3-2")),
            Self::TooLong => (Some("MQTT-4.7.3-3"), Some("MQTT-4.7.3-3")),
            Self::Wildcard => (Some("MQTT-4.7.0-1"), Some("MQTT-4.7.1-1")),
            Self::MultiLevelWildcard => (Some("MQTT-4.7.1-1"), Some("MQTT-4.7.1-2")),
            Self::SingleLevelWildcard => (Some("MQTT-4.7.1-2"), Some("MQTT-4.7.1-3")),
            Self::Share => (Some("MQTT-4.8.2-2"), None),
            Self::NoLocalOnShared => (Some("MQTT-3.8.3-4"), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_connect_break_a_statement_each() {
        let expected = [
            (0b0000_0001, Some("MQTT-3.1.2-3"), Some("MQTT-3.1.2-3")),
            (0b0000_1000, Some("MQTT-3.1.2-11"), Some("MQTT-3.1.2-13")),
            (0b0010_0000, Some("MQTT-3.1.2-13"), Some("MQTT-3.1.2-15")),
            (0b0001_1100, Some("MQTT-3.1.2-12"), Some("MQTT-3.1.2-14")),
            (0b0100_0000, None, Some("MQTT-3.1.2-22")),
        ];
        for (flags, v5, v4) in expected {
            let error = DecodeError::ConnectFlags { flags, why: "" };
            assert_eq!(error.statement(Version::V5), v5, "{flags:#010b}");
            assert_eq!(error.statement(Version::V3_1_1), v4, "{flags:#010b}");
            assert_eq!(error.statement(Version::V3_1), None);
        }
    }

    #[test]
    fn topics_and_options_break_the_statement_of_their_place() {
        let v5 = |error: DecodeError| error.statement(Version::V5);
        let wildcard = |field| v5(DecodeError::WildcardInTopic { field });
        assert_eq!(wildcard("topic name"), Some("MQTT-3.3.2-2"));
        assert_eq!(wildcard("response topic"), Some("MQTT-3.3.2-14"));
        assert_eq!(wildcard("will topic"), Some("MQTT-4.7.0-1"));
        let options =
            |malformed| v5(DecodeError::SubscribeOptions { options: 0, why: "", malformed });
        assert_eq!(options(true), Some("MQTT-3.8.3-5"));
        assert_eq!(options(false), None, "QoS 3 is a protocol error without a number");
        assert_eq!(v5(DecodeError::AuthWithoutMethod), Some("MQTT-4.12.0-5"));
    }
}
