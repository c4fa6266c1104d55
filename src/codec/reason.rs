//! Reason codes: the one table of numbers, names and the packets that may carry them.

use std::fmt;

use super::PacketType;

/// Which side may send a reason code in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// A client.
    Client,
    /// A server.
    Server,
}

const CA: u16 = PacketType::ConnAck.bit();
const PA: u16 = PacketType::PubAck.bit();
const PR: u16 = PacketType::PubRec.bit();
const PL: u16 = PacketType::PubRel.bit();
const PC: u16 = PacketType::PubComp.bit();
const SA: u16 = PacketType::SubAck.bit();
const UA: u16 = PacketType::UnsubAck.bit();
const DI: u16 = PacketType::Disconnect.bit();
const AU: u16 = PacketType::Auth.bit();
const ACKS: u16 = PA | PR;
const NONE: u16 = 0;

/// Builds the enum and its table. Columns: packets a client may send the code in, packets a server
/// may send it in.
macro_rules! reason_codes {
    ($($name:ident = $code:literal, $text:literal, $client:expr, $server:expr;)*) => {
        /// The outcome of an operation, or why a connection ended (MQTT 5.0, section 2.4).
        ///
        /// Codes below 0x80 mean success, from 0x80 failure. The return codes of MQTT 3.1 and 3.1.1
        /// are reported as the code of the same meaning: for CONNACK 1 to 5 these are
        /// [`UnsupportedProtocolVersion`](Self::UnsupportedProtocolVersion),
        /// [`ClientIdNotValid`](Self::ClientIdNotValid),
        /// [`ServerUnavailable`](Self::ServerUnavailable),
        /// [`BadUserNameOrPassword`](Self::BadUserNameOrPassword) and
        /// [`NotAuthorized`](Self::NotAuthorized).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum ReasonCode {
            $(#[doc = concat!($text, " (", stringify!($code), ").")] $name = $code,)*
        }

        impl ReasonCode {
            /// Every reason code, in numerical order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The reason code with this number, if the specification has one.
            #[must_use]
            pub const fn from_u8(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)*
                    _ => None,
                }
            }

            const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            const fn packets(self, sender: Sender) -> u16 {
                match (self, sender) {
                    $((Self::$name, Sender::Client) => $client,
                      (Self::$name, Sender::Server) => $server,)*
                }
            }
        }
    };
}

reason_codes! {
    Success = 0x00, "success",
        ACKS | PL | PC | DI, CA | ACKS | PL | PC | SA | UA | DI | AU;
    GrantedQoS1 = 0x01, "granted QoS 1", NONE, SA;
    GrantedQoS2 = 0x02, "granted QoS 2", NONE, SA;
    DisconnectWithWill = 0x04, "disconnect with will message", DI, NONE;
    NoMatchingSubscribers = 0x10, "no matching subscribers", NONE, ACKS;
    NoSubscriptionExisted = 0x11, "no subscription existed", NONE, UA;
    ContinueAuthentication = 0x18, "continue authentication", AU, AU;
    ReAuthenticate = 0x19, "re-authenticate", AU, NONE;
    UnspecifiedError = 0x80, "unspecified error", ACKS | DI, CA | ACKS | SA | UA | DI;
    MalformedPacket = 0x81, "malformed packet", DI, CA | DI;
    ProtocolError = 0x82, "protocol error", DI, CA | DI;
    ImplementationSpecificError = 0x83, "implementation specific error",
        ACKS | DI, CA | ACKS | SA | UA | DI;
    UnsupportedProtocolVersion = 0x84, "unsupported protocol version", NONE, CA;
    ClientIdNotValid = 0x85, "client identifier not valid", NONE, CA;
    BadUserNameOrPassword = 0x86, "bad user name or password", NONE, CA;
    NotAuthorized = 0x87, "not authorized", ACKS, CA | ACKS | SA | UA | DI;
    ServerUnavailable = 0x88, "server unavailable", NONE, CA;
    ServerBusy = 0x89, "server busy", NONE, CA | DI;
    Banned = 0x8a, "banned", NONE, CA;
    ServerShuttingDown = 0x8b, "server shutting down", NONE, DI;
    // The common table lists 0x8C for DISCONNECT, section 3.14.2.1 does not. It is accepted, and
    // sent only when a re-authentication fails.
    BadAuthenticationMethod = 0x8c, "bad authentication method", DI, CA | DI;
    KeepAliveTimeout = 0x8d, "keep alive timeout", NONE, DI;
    SessionTakenOver = 0x8e, "session taken over", NONE, DI;
    TopicFilterInvalid = 0x8f, "topic filter invalid", NONE, SA | UA | DI;
    TopicNameInvalid = 0x90, "topic name invalid", ACKS | DI, CA | ACKS | DI;
    PacketIdInUse = 0x91, "packet identifier in use", ACKS, ACKS | SA | UA;
    PacketIdNotFound = 0x92, "packet identifier not found", PL | PC, PL | PC;
    ReceiveMaximumExceeded = 0x93, "receive maximum exceeded", DI, DI;
    TopicAliasInvalid = 0x94, "topic alias invalid", DI, DI;
    PacketTooLarge = 0x95, "packet too large", DI, CA | DI;
    MessageRateTooHigh = 0x96, "message rate too high", DI, DI;
    QuotaExceeded = 0x97, "quota exceeded", ACKS | DI, CA | ACKS | SA | DI;
    AdministrativeAction = 0x98, "administrative action", DI, DI;
    PayloadFormatInvalid = 0x99, "payload format invalid", ACKS | DI, CA | ACKS | DI;
    RetainNotSupported = 0x9a, "retain not supported", NONE, CA | DI;
    // Section 3.3.4 lets a client send 0x9B in DISCONNECT, section 3.14.2.1 lists it for servers
    // only; a receiver takes either.
    QoSNotSupported = 0x9b, "QoS not supported", DI, CA | DI;
    UseAnotherServer = 0x9c, "use another server", NONE, CA | DI;
    ServerMoved = 0x9d, "server moved", NONE, CA | DI;
    SharedSubscriptionsNotSupported = 0x9e, "shared subscriptions not supported",
        NONE, SA | DI;
    ConnectionRateExceeded = 0x9f, "connection rate exceeded", NONE, CA | DI;
    MaximumConnectTime = 0xa0, "maximum connect time", NONE, DI;
    SubscriptionIdsNotSupported = 0xa1, "subscription identifiers not supported",
        NONE, SA | DI;
    WildcardSubscriptionsNotSupported = 0xa2, "wildcard subscriptions not supported",
        NONE, SA | DI;
}

impl ReasonCode {
    /// The number on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Whether the code means failure, that is, 0x80 or more.
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.code() >= 0x80
    }

    /// Whether `sender` may put this code into this kind of packet.
    #[must_use]
    pub const fn is_allowed(self, packet: PacketType, sender: Sender) -> bool {
        self.packets(sender) & packet.bit() != 0
    }

    /// Whether either side may put this code into this kind of packet.
    pub(crate) const fn exists_in(self, packet: PacketType) -> bool {
        self.is_allowed(packet, Sender::Client) || self.is_allowed(packet, Sender::Server)
    }

    /// The reason that an MQTT 3.1 or 3.1.1 CONNACK return code stands for.
    pub(crate) const fn from_return_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Success,
            1 => Self::UnsupportedProtocolVersion,
            2 => Self::ClientIdNotValid,
            3 => Self::ServerUnavailable,
            4 => Self::BadUserNameOrPassword,
            5 => Self::NotAuthorized,
            _ => return None,
        })
    }

    /// The MQTT 3.1 or 3.1.1 CONNACK return code for this reason, if there is one.
    pub(crate) const fn return_code(self) -> Option<u8> {
        Some(match self {
            Self::Success => 0,
            Self::UnsupportedProtocolVersion => 1,
            Self::ClientIdNotValid => 2,
            Self::ServerUnavailable => 3,
            Self::BadUserNameOrPassword => 4,
            Self::NotAuthorized => 5,
            _ => return None,
        })
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:#04x})", self.name(), self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_and_are_in_order() {
        let listed: Vec<u8> = ReasonCode::ALL.iter().map(|reason| reason.code()).collect();
        assert!(listed.is_sorted());
        let found: Vec<u8> = (0..=255).filter(|c| ReasonCode::from_u8(*c).is_some()).collect();
        assert_eq!(listed, found);
        assert_eq!(listed.len(), 43);
    }

    #[test]
    fn acks_carry_exactly_the_codes_of_their_sections() {
        let codes = |packet, sender| -> Vec<u8> {
            let allowed = ReasonCode::ALL.iter().filter(|r| r.is_allowed(packet, sender));
            allowed.map(|r| r.code()).collect()
        };
        assert_eq!(
            codes(PacketType::PubAck, Sender::Server),
            [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]
        );
        assert_eq!(
            codes(PacketType::PubRec, Sender::Client),
            [0x00, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]
        );
        for packet in [PacketType::PubRel, PacketType::PubComp] {
            assert_eq!(codes(packet, Sender::Server), [0x00, 0x92]);
            assert_eq!(codes(packet, Sender::Client), [0x00, 0x92]);
        }
        assert_eq!(
            codes(PacketType::SubAck, Sender::Server),
            [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]
        );
        assert_eq!(
            codes(PacketType::UnsubAck, Sender::Server),
            [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91]
        );
        assert_eq!(codes(PacketType::Auth, Sender::Server), [0x00, 0x18]);
        assert_eq!(codes(PacketType::Auth, Sender::Client), [0x18, 0x19]);
        assert!(!ReasonCode::DisconnectWithWill.is_allowed(PacketType::Disconnect, Sender::Server));
    }
}
