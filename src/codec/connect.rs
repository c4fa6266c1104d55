//! CONNECT (section 3.1), the one packet that names its own version.

use std::fmt;

use super::property::Place;
use super::wire::{Reader, put_binary, put_string};
use super::{DecodeError, EncodeError, PacketType, Properties, QoS, Version, frame, topic};

const PACKET: PacketType = PacketType::Connect;
const RESERVED: u8 = 0b0000_0001;
const CLEAN_START: u8 = 0b0000_0010;
const WILL: u8 = 0b0000_0100;
const WILL_QOS_SHIFT: u32 = 3;
const WILL_RETAIN: u8 = 0b0010_0000;
const PASSWORD: u8 = 0b0100_0000;
const USER_NAME: u8 = 0b1000_0000;

/// A CONNECT packet.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Connect<'a> {
    /// The protocol version that the client speaks.
    pub version: Version,
    /// Clean Start in MQTT 5.0, Clean Session before.
    pub clean_start: bool,
    /// The keep alive interval in seconds; 0 turns keep alive off.
    pub keep_alive: u16,
    /// The client identifier; may be empty.
    pub client_id: &'a str,
    /// Properties; empty before MQTT 5.0.
    pub properties: Properties<'a>,
    /// The message that the server publishes when the connection is lost.
    pub will: Option<Will<'a>>,
    /// The user name.
    pub user_name: Option<&'a str>,
    /// The password.
    pub password: Option<&'a [u8]>,
}

/// The will of a CONNECT packet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Will<'a> {
    /// The topic name.
    pub topic: &'a str,
    /// The application message.
    pub payload: &'a [u8],
    /// The quality of service.
    pub qos: QoS,
    /// Whether the server keeps the message as a retained message.
    pub retain: bool,
    /// Properties; empty before MQTT 5.0.
    pub properties: Properties<'a>,
}

impl<'a> Connect<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let version = decode_version(&mut reader)?;
        Self::decode_rest(reader, version)
    }

    /// The version whose form a CONNECT of an unknown version has behind the protocol level: 5.0, or
    /// 3.1.1 if it is not that of 5.0 alone.
    pub(crate) fn nearest_version(body: &'a [u8]) -> Version {
        let reads_as = |version| {
            let mut reader = Reader::new(body);
            let head = reader.binary("protocol name").and_then(|_| reader.u8("protocol level"));
            head.and_then(|_| Self::decode_rest(reader, version)).is_ok()
        };
        if reads_as(Version::V5) && !reads_as(Version::V3_1_1) {
            Version::V5
        } else {
            Version::V3_1_1
        }
    }

    fn decode_rest(mut reader: Reader<'a>, version: Version) -> Result<Self, DecodeError> {
        let flags = reader.u8("connect flags")?;
        check_flags(flags, version)?;
        let keep_alive = reader.u16("keep alive")?;
        let properties = if version.is_v5() {
            Properties::decode(&mut reader, Place::Packet(PACKET))?
        } else {
            Properties::new()
        };
        let client_id = reader.string("client identifier")?;
        let will = match flags & WILL {
            0 => None,
            _ => Some(Will::decode(&mut reader, flags, version)?),
        };
        // MQTT 3.1 lets a packet end before the fields that its flags announce.
        let ends_early = |reader: &Reader<'_>| version == Version::V3_1 && reader.is_empty();
        let user_name = if flags & USER_NAME != 0 && !ends_early(&reader) {
            Some(reader.string("user name")?)
        } else {
            None
        };
        let password = if flags & PASSWORD != 0 && !ends_early(&reader) {
            Some(reader.binary("password")?)
        } else {
            None
        };
        reader.finish(PACKET)?;
        let clean_start = flags & CLEAN_START != 0;
        Ok(Self {
            version,
            clean_start,
            keep_alive,
            client_id,
            properties,
            will,
            user_name,
            password,
        })
    }

    /// Appends the packet, in its own version, to `out`, which is left as it was when an error is
    /// returned.
    ///
    /// # Errors
    /// [`EncodeError`] for what the version cannot express, for an invalid will topic, and for
    /// packets of more than `max_size` bytes.
    pub fn encode(&self, max_size: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.check()?;
        frame::write(out, PACKET.first_byte(), max_size, |out| {
            put_string(out, self.version.protocol_name(), "protocol name")?;
            out.extend_from_slice(&[self.version.level(), self.flags()]);
            out.extend_from_slice(&self.keep_alive.to_be_bytes());
            if self.version.is_v5() {
                self.properties.encode(out, Place::Packet(PACKET))?;
            }
            put_string(out, self.client_id, "client identifier")?;
            if let Some(will) = &self.will {
                will.encode(self.version, out)?;
            }
            if let Some(user_name) = self.user_name {
                put_string(out, user_name, "user name")?;
            }
            if let Some(password) = self.password {
                put_binary(out, password, "password")?;
            }
            Ok(())
        })
    }

    fn check(&self) -> Result<(), EncodeError> {
        let version = self.version;
        if version.is_v5() {
            return Ok(());
        }
        let will_properties = self.will.as_ref().is_some_and(|will| !will.properties.is_empty());
        if !self.properties.is_empty() || will_properties {
            return Err(EncodeError::NotInVersion { what: "a property of CONNECT", version });
        }
        if self.password.is_some() && self.user_name.is_none() {
            let why = "a password needs a user name before MQTT 5.0 [MQTT-3.1.2-22]";
            return Err(EncodeError::Contradiction { packet: PACKET, why });
        }
        if self.client_id.is_empty() && (!self.clean_start || version == Version::V3_1) {
            let why = "an empty client identifier needs MQTT 3.1.1 with a clean session \
                       [MQTT-3.1.3-7], or MQTT 5.0";
            return Err(EncodeError::Contradiction { packet: PACKET, why });
        }
        Ok(())
    }

    fn flags(&self) -> u8 {
        let mut flags = 0;
        let mut set = |bit, condition| flags |= if condition { bit } else { 0 };
        set(CLEAN_START, self.clean_start);
        set(USER_NAME, self.user_name.is_some());
        set(PASSWORD, self.password.is_some());
        if let Some(will) = &self.will {
            set(WILL, true);
            set(WILL_RETAIN, will.retain);
            set(will.qos.number() << WILL_QOS_SHIFT, true);
        }
        flags
    }
}

fn decode_version(reader: &mut Reader<'_>) -> Result<Version, DecodeError> {
    let name = reader.binary("protocol name")?;
    let level = reader.u8("protocol level")?;
    match (name, level) {
        (b"MQTT", 5) => Ok(Version::V5),
        (b"MQTT", 4) => Ok(Version::V3_1_1),
        (b"MQIsdp", 3) => Ok(Version::V3_1),
        (b"MQTT" | b"MQIsdp", _) => Err(DecodeError::ProtocolLevel { level }),
        _ => Err(DecodeError::ProtocolName),
    }
}

fn check_flags(flags: u8, version: Version) -> Result<(), DecodeError> {
    if version == Version::V3_1 {
        return Ok(());
    }
    let error = |why| Err(DecodeError::ConnectFlags { flags, why });
    if flags & RESERVED != 0 {
        return error("the reserved bit is set");
    }
    if flags & WILL == 0 && flags & (WILL_RETAIN | 0b11 << WILL_QOS_SHIFT) != 0 {
        return error("will QoS or will retain without a will");
    }
    if flags & PASSWORD != 0 && flags & USER_NAME == 0 && !version.is_v5() {
        return error("a password without a user name");
    }
    Ok(())
}

impl<'a> Will<'a> {
    fn decode(reader: &mut Reader<'a>, flags: u8, version: Version) -> Result<Self, DecodeError> {
        let qos = QoS::from_u8((flags >> WILL_QOS_SHIFT) & 0b11)
            .ok_or(DecodeError::ConnectFlags { flags, why: "the will QoS is 3" })?;
        let properties = if version.is_v5() {
            Properties::decode(reader, Place::Will)?
        } else {
            Properties::new()
        };
        let name = reader.string("will topic")?;
        topic::check_received_name(name, "will topic")?;
        let payload = reader.binary("will payload")?;
        Ok(Self { topic: name, payload, qos, retain: flags & WILL_RETAIN != 0, properties })
    }

    fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        topic::check_name(self.topic)
            .map_err(|error| EncodeError::InvalidTopic { field: "will topic", error })?;
        if version.is_v5() {
            self.properties.encode(out, Place::Will)?;
        }
        put_string(out, self.topic, "will topic")?;
        put_binary(out, self.payload, "will payload")
    }
}

/// Without the password.
impl fmt::Display for Connect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PACKET} version={} client_id={:?}", self.version, self.client_id)?;
        write!(f, " keep_alive={}s", self.keep_alive)?;
        if self.clean_start {
            f.write_str(if self.version.is_v5() { " clean_start" } else { " clean_session" })?;
        }
        if let Some(name) = self.user_name {
            write!(f, " user_name={name:?}")?;
        }
        if self.password.is_some() {
            f.write_str(" password=(hidden)")?;
        }
        write!(f, "{}", self.properties)?;
        if let Some(will) = &self.will {
            write!(f, " will[topic={:?} qos={}", will.topic, will.qos)?;
            if will.retain {
                f.write_str(" retain")?;
            }
            write!(f, " payload=({} bytes){}]", will.payload.len(), will.properties)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Connect<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
