//! The one table of properties: it drives reading, writing, checking and display.

use std::fmt;

use crate::codec::{DecodeError, EncodeError, PacketType};

/// Where a block of properties stands: in a packet, or in the will of a CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Packet(PacketType),
    Will,
}

impl Place {
    const fn bit(self) -> u16 {
        match self {
            Self::Packet(packet) => packet.bit(),
            // Packet type 0 does not exist, so its bit is free.
            Self::Will => 1,
        }
    }

    pub(crate) const fn packet(self) -> PacketType {
        match self {
            Self::Packet(packet) => packet,
            Self::Will => PacketType::Connect,
        }
    }
}

/// The type of a property's value on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Byte,
    TwoByte,
    FourByte,
    VarInt,
    Text,
    Binary,
    Pair,
}

/// One row of the table.
pub(crate) struct Info {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    places: u16,
    repeatable_in: u16,
    range: (u32, u32),
    /// What an absent property means, where that is a number.
    default: Option<u32>,
}

const ANY: (u32, u32) = (0, u32::MAX);
const FLAG: (u32, u32) = (0, 1);
const POSITIVE: (u32, u32) = (1, u32::MAX);

const WILL: u16 = Place::Will.bit();
const CO: u16 = PacketType::Connect.bit();
const CA: u16 = PacketType::ConnAck.bit();
const PU: u16 = PacketType::Publish.bit();
const SU: u16 = PacketType::Subscribe.bit();
const US: u16 = PacketType::Unsubscribe.bit();
const DI: u16 = PacketType::Disconnect.bit();
const AU: u16 = PacketType::Auth.bit();
const ACKS: u16 = PacketType::PubAck.bit()
    | PacketType::PubRec.bit()
    | PacketType::PubRel.bit()
    | PacketType::PubComp.bit()
    | PacketType::SubAck.bit()
    | PacketType::UnsubAck.bit();
const EVERYWHERE: u16 = WILL | CO | CA | PU | SU | US | DI | AU | ACKS;

/// Builds the enum and its table. Columns: id, display name, type, places, places where it may be
/// repeated, range, default.
macro_rules! properties {
    ($($name:ident = $id:literal, $text:literal, $kind:ident, $places:expr, $repeat:expr,
       $range:expr, $default:expr;)*) => {
        /// A property of MQTT 5.0 (section 2.2.2.2).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum PropertyId {
            $(#[doc = concat!("The ", $text, " (", stringify!($id), ").")] $name = $id,)*
        }

        impl PropertyId {
            /// Every property, in numerical order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The property with this identifier, if the specification has one.
            #[must_use]
            pub const fn from_u8(id: u8) -> Option<Self> {
                match id {
                    $($id => Some(Self::$name),)*
                    _ => None,
                }
            }

            pub(crate) const fn info(self) -> &'static Info {
                match self {
                    $(Self::$name => &Info {
                        name: $text,
                        kind: Kind::$kind,
                        places: $places,
                        repeatable_in: $repeat,
                        range: $range,
                        default: $default,
                    },)*
                }
            }
        }
    };
}

properties! {
    PayloadFormatIndicator = 0x01, "payload format indicator", Byte, PU | WILL, 0, FLAG, Some(0);
    MessageExpiryInterval = 0x02, "message expiry interval", FourByte, PU | WILL, 0, ANY, None;
    ContentType = 0x03, "content type", Text, PU | WILL, 0, ANY, None;
    ResponseTopic = 0x08, "response topic", Text, PU | WILL, 0, ANY, None;
    CorrelationData = 0x09, "correlation data", Binary, PU | WILL, 0, ANY, None;
    SubscriptionIdentifier = 0x0b, "subscription identifier", VarInt, PU | SU, PU, POSITIVE, None;
    SessionExpiryInterval = 0x11, "session expiry interval", FourByte, CO | CA | DI, 0, ANY, Some(0);
    AssignedClientIdentifier = 0x12, "assigned client identifier", Text, CA, 0, ANY, None;
    ServerKeepAlive = 0x13, "server keep alive", TwoByte, CA, 0, ANY, None;
    AuthenticationMethod = 0x15, "authentication method", Text, CO | CA | AU, 0, ANY, None;
    AuthenticationData = 0x16, "authentication data", Binary, CO | CA | AU, 0, ANY, None;
    RequestProblemInformation = 0x17, "request problem information", Byte, CO, 0, FLAG, Some(1);
    WillDelayInterval = 0x18, "will delay interval", FourByte, WILL, 0, ANY, Some(0);
    RequestResponseInformation = 0x19, "request response information", Byte, CO, 0, FLAG, Some(0);
    ResponseInformation = 0x1a, "response information", Text, CA, 0, ANY, None;
    ServerReference = 0x1c, "server reference", Text, CA | DI, 0, ANY, None;
    ReasonString = 0x1f, "reason string", Text, CA | DI | AU | ACKS, 0, ANY, None;
    ReceiveMaximum = 0x21, "receive maximum", TwoByte, CO | CA, 0, POSITIVE, Some(65_535);
    TopicAliasMaximum = 0x22, "topic alias maximum", TwoByte, CO | CA, 0, ANY, Some(0);
    TopicAlias = 0x23, "topic alias", TwoByte, PU, 0, POSITIVE, None;
    MaximumQoS = 0x24, "maximum QoS", Byte, CA, 0, FLAG, Some(2);
    RetainAvailable = 0x25, "retain available", Byte, CA, 0, FLAG, Some(1);
    UserProperty = 0x26, "user property", Pair, EVERYWHERE, EVERYWHERE, ANY, None;
    MaximumPacketSize = 0x27, "maximum packet size", FourByte, CO | CA, 0, POSITIVE, None;
    WildcardSubscriptionAvailable = 0x28, "wildcard subscription available",
        Byte, CA, 0, FLAG, Some(1);
    SubscriptionIdentifierAvailable = 0x29, "subscription identifier available",
        Byte, CA, 0, FLAG, Some(1);
    SharedSubscriptionAvailable = 0x2a, "shared subscription available",
        Byte, CA, 0, FLAG, Some(1);
}

impl PropertyId {
    /// The identifier on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// What an absent property means, where that is a number: 65,535 for the receive maximum, 1 for
    /// retain available. `None` where absence has a meaning of its own.
    #[must_use]
    pub const fn default_value(self) -> Option<u32> {
        self.info().default
    }

    /// Whether the property may stand in this kind of packet.
    #[must_use]
    pub const fn is_allowed(self, packet: PacketType) -> bool {
        self.info().places & packet.bit() != 0
    }

    /// Whether the property may stand among the properties of a will.
    #[must_use]
    pub const fn is_allowed_in_will(self) -> bool {
        self.info().places & WILL != 0
    }

    /// Whether a second one replaces the first, as opposed to standing beside it.
    pub(crate) const fn is_single(self, place: Place) -> bool {
        self.info().repeatable_in & place.bit() == 0
    }

    /// Whether the property can appear more than once anywhere.
    pub(crate) const fn may_repeat(self) -> bool {
        self.info().repeatable_in != 0
    }

    pub(crate) const fn in_range(self, value: u32) -> bool {
        let (low, high) = self.info().range;
        low <= value && value <= high
    }
}

impl fmt::Display for PropertyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.info().name)
    }
}

/// Which properties of a block have been seen, so that a second one is noticed.
#[derive(Default)]
pub(crate) struct Seen {
    bits: u64,
}

/// What is wrong with a property where it stands.
pub(crate) enum Misuse {
    Misplaced,
    Repeated,
}

impl Seen {
    pub(crate) fn note(&mut self, id: PropertyId, place: Place) -> Result<(), Misuse> {
        if id.info().places & place.bit() == 0 {
            return Err(Misuse::Misplaced);
        }
        let bit = 1_u64 << id.number();
        if self.bits & bit != 0 && id.is_single(place) {
            return Err(Misuse::Repeated);
        }
        self.bits |= bit;
        Ok(())
    }

    pub(crate) const fn has(&self, id: PropertyId) -> bool {
        self.bits & (1 << id.number()) != 0
    }
}

impl Misuse {
    pub(crate) const fn decoding(&self, property: PropertyId, place: Place) -> DecodeError {
        let packet = place.packet();
        match self {
            Self::Misplaced => DecodeError::MisplacedProperty { property, packet },
            Self::Repeated => DecodeError::RepeatedProperty { property, packet },
        }
    }

    pub(crate) const fn encoding(&self, property: PropertyId, place: Place) -> EncodeError {
        match self {
            Self::Misplaced => EncodeError::MisplacedProperty { property, packet: place.packet() },
            Self::Repeated => EncodeError::RepeatedProperty { property },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 2.2.2.2 by packet, as hexadecimal identifiers.
    const BY_PLACE: [(Place, &[u8]); 15] = [
        (
            Place::Packet(PacketType::Connect),
            &[0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27],
        ),
        (Place::Will, &[0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26]),
        (
            Place::Packet(PacketType::ConnAck),
            &[
                0x11, 0x12, 0x13, 0x15, 0x16, 0x1a, 0x1c, 0x1f, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27,
                0x28, 0x29, 0x2a,
            ],
        ),
        (Place::Packet(PacketType::Publish), &[0x01, 0x02, 0x03, 0x08, 0x09, 0x0b, 0x23, 0x26]),
        (Place::Packet(PacketType::PubAck), &[0x1f, 0x26]),
        (Place::Packet(PacketType::PubRec), &[0x1f, 0x26]),
        (Place::Packet(PacketType::PubRel), &[0x1f, 0x26]),
        (Place::Packet(PacketType::PubComp), &[0x1f, 0x26]),
        (Place::Packet(PacketType::Subscribe), &[0x0b, 0x26]),
        (Place::Packet(PacketType::SubAck), &[0x1f, 0x26]),
        (Place::Packet(PacketType::Unsubscribe), &[0x26]),
        (Place::Packet(PacketType::UnsubAck), &[0x1f, 0x26]),
        (Place::Packet(PacketType::Disconnect), &[0x11, 0x1c, 0x1f, 0x26]),
        (Place::Packet(PacketType::Auth), &[0x15, 0x16, 0x1f, 0x26]),
        (Place::Packet(PacketType::PingReq), &[]),
    ];

    #[test]
    fn each_packet_takes_exactly_the_properties_of_its_section() {
        for (place, expected) in BY_PLACE {
            let allowed = PropertyId::ALL
                .iter()
                .filter(|id| Seen::default().note(**id, place).is_ok())
                .map(|id| id.number());
            assert_eq!(allowed.collect::<Vec<_>>(), expected, "{place:?}");
        }
    }

    #[test]
    fn only_user_properties_and_received_subscription_identifiers_repeat() {
        for (place, allowed) in BY_PLACE {
            for id in allowed.iter().filter_map(|id| PropertyId::from_u8(*id)) {
                let mut seen = Seen::default();
                assert!(seen.note(id, place).is_ok());
                let repeats = id == PropertyId::UserProperty
                    || (id == PropertyId::SubscriptionIdentifier
                        && place == Place::Packet(PacketType::Publish));
                assert_eq!(seen.note(id, place).is_ok(), repeats, "{id} in {place:?}");
            }
        }
    }

    #[test]
    fn there_are_27_properties() {
        assert_eq!(PropertyId::ALL.len(), 27);
        let found = (0..=255).filter(|id| PropertyId::from_u8(*id).is_some()).count();
        assert_eq!(found, 27);
    }
}
