//! Packets that the specification allows, of every kind and version.

use mqttlink::codec::{
    Ack, AckKind, Auth, ConnAck, Connect, Disconnect, Packet, PacketId, PacketType, Properties,
    Property, PropertyId, PropertyValue, Publish, QoS, ReasonCode, RetainHandling, Sender, SubAck,
    Subscribe, SubscribeFilter, SubscribeOptions, UnsubAck, Unsubscribe, Version, Will,
    topic::Filter,
};

use super::source::Source;

const FILTERS: [&str; 12] = [
    "#",
    "+",
    "/",
    "a/#",
    "+/+",
    "a/+/b",
    "//#",
    "$SYS/#",
    "sport/tennis/+",
    "$share/g/a/#",
    "$share/g//a",
    "$share/group/$SYS/+",
];

/// The return codes of CONNACK before MQTT 5.0, in order.
const OLD_RETURN_CODES: [ReasonCode; 6] = [
    ReasonCode::Success,
    ReasonCode::UnsupportedProtocolVersion,
    ReasonCode::ClientIdNotValid,
    ReasonCode::ServerUnavailable,
    ReasonCode::BadUserNameOrPassword,
    ReasonCode::NotAuthorized,
];

const OLD_SUBACK_CODES: [ReasonCode; 4] = [
    ReasonCode::Success,
    ReasonCode::GrantedQoS1,
    ReasonCode::GrantedQoS2,
    ReasonCode::UnspecifiedError,
];

/// Any packet that either side may send.
pub fn packet<'a>(source: &mut Source<'a>, version: Version) -> Packet<'a> {
    let known = if version.is_v5() { 15 } else { 14 };
    let packet_type = PacketType::ALL[source.below(known)];
    packet_of(source, packet_type, version, &[Sender::Client, Sender::Server])
}

/// Any packet that a server may send.
pub fn from_server<'a>(source: &mut Source<'a>, version: Version) -> Packet<'a> {
    const KINDS: [PacketType; 10] = [
        PacketType::Publish,
        PacketType::ConnAck,
        PacketType::PubAck,
        PacketType::PubRec,
        PacketType::PubRel,
        PacketType::PubComp,
        PacketType::SubAck,
        PacketType::UnsubAck,
        PacketType::PingResp,
        PacketType::Disconnect,
    ];
    let packet_type = match source.below(11) {
        10 if version.is_v5() => PacketType::Auth,
        index => KINDS[index % if version.is_v5() { 10 } else { 9 }],
    };
    packet_of(source, packet_type, version, &[Sender::Server])
}

/// A packet of this kind, with a reason code that one of the senders may give.
pub fn packet_of<'a>(
    source: &mut Source<'a>,
    packet_type: PacketType,
    version: Version,
    senders: &[Sender],
) -> Packet<'a> {
    match packet_type {
        PacketType::Connect => Packet::Connect(connect(source, version)),
        PacketType::ConnAck => Packet::ConnAck(connack(source, version)),
        PacketType::Publish => Packet::Publish(publish(source, version)),
        PacketType::PubAck => ack(source, AckKind::PubAck, version, senders),
        PacketType::PubRec => ack(source, AckKind::PubRec, version, senders),
        PacketType::PubRel => ack(source, AckKind::PubRel, version, senders),
        PacketType::PubComp => ack(source, AckKind::PubComp, version, senders),
        PacketType::Subscribe => Packet::Subscribe(subscribe(source, version)),
        PacketType::SubAck => Packet::SubAck(suback(source, version)),
        PacketType::Unsubscribe => Packet::Unsubscribe(unsubscribe(source, version)),
        PacketType::UnsubAck => Packet::UnsubAck(unsuback(source, version)),
        PacketType::PingReq => Packet::PingReq,
        PacketType::PingResp => Packet::PingResp,
        PacketType::Disconnect => Packet::Disconnect(disconnect(source, version, senders)),
        PacketType::Auth => Packet::Auth(Auth {
            reason: reason(source, packet_type, senders),
            properties: properties(source, packet_type, version),
        }),
    }
}

fn connect<'a>(source: &mut Source<'a>, version: Version) -> Connect<'a> {
    let mut connect = Connect {
        version,
        clean_start: source.flag(),
        keep_alive: source.short(),
        client_id: source.text(),
        properties: properties(source, PacketType::Connect, version),
        will: source.flag().then(|| will(source, version)),
        user_name: source.flag().then(|| source.text()),
        password: source.flag().then(|| source.binary()),
    };
    if !version.is_v5() && connect.user_name.is_none() {
        connect.password = None;
    }
    if connect.client_id.is_empty() && version == Version::V3_1 {
        connect.client_id = "c";
    }
    connect.clean_start |= connect.client_id.is_empty() && version == Version::V3_1_1;
    connect
}

fn will<'a>(source: &mut Source<'a>, version: Version) -> Will<'a> {
    let allowed = allowed(PropertyId::is_allowed_in_will);
    Will {
        topic: source.topic(),
        payload: source.binary(),
        qos: source.pick(&QoS::ALL),
        retain: source.flag(),
        properties: if version.is_v5() { some_of(source, &allowed) } else { Properties::new() },
    }
}

fn connack<'a>(source: &mut Source<'a>, version: Version) -> ConnAck<'a> {
    ConnAck {
        session_present: source.flag() && version != Version::V3_1,
        reason: if version.is_v5() {
            reason(source, PacketType::ConnAck, &[Sender::Server])
        } else {
            source.pick(&OLD_RETURN_CODES)
        },
        properties: properties(source, PacketType::ConnAck, version),
    }
}

pub fn publish<'a>(source: &mut Source<'a>, version: Version) -> Publish<'a> {
    let qos = source.pick(&QoS::ALL);
    let acknowledged = qos != QoS::AtMostOnce;
    let properties = properties(source, PacketType::Publish, version);
    let nameless = properties.get(PropertyId::TopicAlias).is_some() && source.flag();
    Publish {
        dup: source.flag() && acknowledged,
        qos,
        retain: source.flag(),
        topic: if nameless { "" } else { source.topic() },
        packet_id: acknowledged.then(|| packet_id(source)),
        properties,
        payload: source.payload(),
    }
}

fn ack<'a>(
    source: &mut Source<'a>,
    kind: AckKind,
    version: Version,
    senders: &[Sender],
) -> Packet<'a> {
    let mut ack = Ack::new(kind, packet_id(source));
    if version.is_v5() {
        ack.reason = reason(source, kind.packet_type(), senders);
        ack.properties = properties(source, kind.packet_type(), version);
    }
    Packet::Ack(ack)
}

fn subscribe<'a>(source: &mut Source<'a>, version: Version) -> Subscribe<'a> {
    let filter = |source: &mut Source<'a>| {
        let text = filter(source, version);
        SubscribeFilter { filter: text, options: options(source, text, version) }
    };
    Subscribe {
        packet_id: packet_id(source),
        properties: properties(source, PacketType::Subscribe, version),
        filters: (0..=source.below(4)).map(|_| filter(source)).collect(),
    }
}

fn options(source: &mut Source<'_>, filter: &str, version: Version) -> SubscribeOptions {
    const HANDLING: [RetainHandling; 3] =
        [RetainHandling::Send, RetainHandling::SendIfNew, RetainHandling::DoNotSend];
    let qos = source.pick(&QoS::ALL);
    if !version.is_v5() {
        return qos.into();
    }
    SubscribeOptions {
        qos,
        no_local: source.flag() && !filter.starts_with("$share/"),
        retain_as_published: source.flag(),
        retain_handling: source.pick(&HANDLING),
    }
}

fn suback<'a>(source: &mut Source<'a>, version: Version) -> SubAck<'a> {
    let one = |source: &mut Source<'_>| {
        if version.is_v5() {
            reason(source, PacketType::SubAck, &[Sender::Server])
        } else {
            source.pick(&OLD_SUBACK_CODES)
        }
    };
    SubAck {
        packet_id: packet_id(source),
        properties: properties(source, PacketType::SubAck, version),
        reasons: (0..=source.below(4)).map(|_| one(source)).collect(),
    }
}

fn unsubscribe<'a>(source: &mut Source<'a>, version: Version) -> Unsubscribe<'a> {
    Unsubscribe {
        packet_id: packet_id(source),
        properties: properties(source, PacketType::Unsubscribe, version),
        filters: (0..=source.below(4)).map(|_| filter(source, version)).collect(),
    }
}

fn unsuback<'a>(source: &mut Source<'a>, version: Version) -> UnsubAck<'a> {
    let packet = PacketType::UnsubAck;
    let count = if version.is_v5() { 1 + source.below(4) } else { 0 };
    UnsubAck {
        packet_id: packet_id(source),
        properties: properties(source, packet, version),
        reasons: (0..count).map(|_| reason(source, packet, &[Sender::Server])).collect(),
    }
}

fn disconnect<'a>(source: &mut Source<'a>, version: Version, senders: &[Sender]) -> Disconnect<'a> {
    let packet = PacketType::Disconnect;
    let mut disconnect = Disconnect::new(ReasonCode::Success);
    if version.is_v5() {
        disconnect.reason = reason(source, packet, senders);
        disconnect.properties = properties(source, packet, version);
        if senders == [Sender::Server] {
            disconnect.properties.remove(PropertyId::SessionExpiryInterval);
        }
    }
    disconnect
}

fn filter<'a>(source: &mut Source<'a>, version: Version) -> &'a str {
    let text = if source.flag() { source.pick(&FILTERS) } else { source.topic() };
    let valid = if version.is_v5() { Filter::parse(text) } else { Filter::parse_plain(text) };
    if valid.is_ok() { text } else { "a/+" }
}

/// A packet identifier, mostly a small one, so that packets meet requests in flight.
pub fn packet_id(source: &mut Source<'_>) -> PacketId {
    let number = match source.byte() {
        0xff => u16::MAX,
        0xf0..=0xfe => source.short(),
        small => u16::from(small) % 8 + 1,
    };
    PacketId::new(number).unwrap_or(PacketId::MIN)
}

fn reason(source: &mut Source<'_>, packet: PacketType, senders: &[Sender]) -> ReasonCode {
    let allowed: Vec<ReasonCode> = ReasonCode::ALL
        .iter()
        .copied()
        .filter(|reason| senders.iter().any(|sender| reason.is_allowed(packet, *sender)))
        .collect();
    source.pick(&allowed)
}

fn allowed(test: impl Fn(PropertyId) -> bool) -> Vec<PropertyId> {
    PropertyId::ALL.iter().copied().filter(|id| test(*id)).collect()
}

/// Properties that may stand in this kind of packet; none before MQTT 5.0.
pub fn properties(
    source: &mut Source<'_>,
    packet: PacketType,
    version: Version,
) -> Properties<'static> {
    if !version.is_v5() {
        return Properties::new();
    }
    let mut found = some_of(source, &allowed(|id| id.is_allowed(packet)));
    let method = PropertyId::AuthenticationMethod;
    let needs_method =
        packet == PacketType::Auth || found.get(PropertyId::AuthenticationData).is_some();
    if needs_method && found.get(method).is_none() {
        found.set_text(method, "m").expect("a short text");
    }
    if packet == PacketType::Subscribe {
        keep_one(&mut found, PropertyId::SubscriptionIdentifier);
    }
    found
}

fn some_of(source: &mut Source<'_>, allowed: &[PropertyId]) -> Properties<'static> {
    let mut found = Properties::new();
    for _ in 0..source.below(7) {
        let id = source.pick(allowed);
        let value = value(source, id);
        found.set(Property { id, value }).expect("a value of its type and range");
    }
    found
}

fn keep_one(properties: &mut Properties<'_>, id: PropertyId) {
    if let Some(value) = properties.number(id) {
        properties.remove(id);
        properties.set_u32(id, value).expect("a value that it had");
    }
}

fn value<'a>(source: &mut Source<'a>, id: PropertyId) -> PropertyValue<'a> {
    match id {
        PropertyId::PayloadFormatIndicator
        | PropertyId::RequestProblemInformation
        | PropertyId::RequestResponseInformation
        | PropertyId::MaximumQoS
        | PropertyId::RetainAvailable
        | PropertyId::WildcardSubscriptionAvailable
        | PropertyId::SubscriptionIdentifierAvailable
        | PropertyId::SharedSubscriptionAvailable => PropertyValue::Byte(source.flag().into()),
        PropertyId::MessageExpiryInterval
        | PropertyId::SessionExpiryInterval
        | PropertyId::WillDelayInterval => PropertyValue::FourByte(source.number()),
        PropertyId::MaximumPacketSize => PropertyValue::FourByte(source.number().max(1)),
        PropertyId::ServerKeepAlive | PropertyId::TopicAliasMaximum => {
            PropertyValue::TwoByte(source.short())
        }
        PropertyId::ReceiveMaximum => PropertyValue::TwoByte(source.short().max(1)),
        PropertyId::TopicAlias => PropertyValue::TwoByte(packet_id(source).get()),
        PropertyId::SubscriptionIdentifier => {
            PropertyValue::VarInt(source.number().clamp(1, 268_435_455))
        }
        PropertyId::ResponseTopic => PropertyValue::Text(source.topic()),
        PropertyId::CorrelationData | PropertyId::AuthenticationData => {
            PropertyValue::Binary(source.binary())
        }
        PropertyId::UserProperty => PropertyValue::Pair(source.text(), source.text()),
        _ => PropertyValue::Text(source.text()),
    }
}
