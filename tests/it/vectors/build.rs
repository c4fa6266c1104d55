//! Packets out of the fields that a vector lists.

use mqttlink::codec::{
    Ack, AckKind, Auth, ConnAck, Connect, Disconnect, Packet, PacketId, PacketType, Properties,
    Property, PropertyId, PropertyValue, Publish, QoS, ReasonCode, RetainHandling, SubAck,
    Subscribe, SubscribeFilter, SubscribeOptions, UnsubAck, Unsubscribe, Version, Will,
};

use super::file::Fields;
use super::token::Token;

/// The packet with these fields. Properties are whatever is not a field of its own.
pub(super) fn packet(fields: &Fields, version: Version) -> Packet<'_> {
    let reader = Reader(fields);
    match fields.packet_type {
        PacketType::Connect => Packet::Connect(reader.connect(version)),
        PacketType::ConnAck => Packet::ConnAck(ConnAck {
            session_present: reader.flag("session_present"),
            reason: reader.reason(),
            properties: reader.properties(&["session_present", "reason"]),
        }),
        PacketType::Publish => Packet::Publish(reader.publish()),
        PacketType::PubAck => reader.ack(AckKind::PubAck),
        PacketType::PubRec => reader.ack(AckKind::PubRec),
        PacketType::PubRel => reader.ack(AckKind::PubRel),
        PacketType::PubComp => reader.ack(AckKind::PubComp),
        PacketType::Subscribe => Packet::Subscribe(Subscribe {
            packet_id: reader.id(),
            filters: reader.all("filter").map(subscription).collect(),
            properties: reader.properties(&["id", "filter"]),
        }),
        PacketType::SubAck => Packet::SubAck(SubAck {
            packet_id: reader.id(),
            reasons: reader.reasons(),
            properties: reader.properties(&["id", "reason"]),
        }),
        PacketType::Unsubscribe => Packet::Unsubscribe(Unsubscribe {
            packet_id: reader.id(),
            filters: reader.all("filter").map(|tokens| text(&tokens[0])).collect(),
            properties: reader.properties(&["id", "filter"]),
        }),
        PacketType::UnsubAck => Packet::UnsubAck(UnsubAck {
            packet_id: reader.id(),
            reasons: reader.reasons(),
            properties: reader.properties(&["id", "reason"]),
        }),
        PacketType::PingReq => Packet::PingReq,
        PacketType::PingResp => Packet::PingResp,
        PacketType::Disconnect => Packet::Disconnect(Disconnect {
            reason: reader.reason(),
            properties: reader.properties(&["reason"]),
        }),
        PacketType::Auth => Packet::Auth(Auth {
            reason: reader.reason(),
            properties: reader.properties(&["reason"]),
        }),
    }
}

struct Reader<'a>(&'a Fields);

impl<'a> Reader<'a> {
    fn all(&self, name: &'static str) -> impl Iterator<Item = &'a [Token]> {
        let lines = self.0.lines.iter().filter(move |(found, _)| found == name);
        lines.map(|(_, tokens)| tokens.as_slice())
    }

    fn one(&self, name: &'static str) -> Option<&'a Token> {
        self.all(name).next().and_then(<[Token]>::first)
    }

    fn flag(&self, name: &'static str) -> bool {
        self.all(name).next().is_some()
    }

    fn number(&self, name: &'static str) -> Option<u32> {
        self.one(name).map(number)
    }

    fn text(&self, name: &'static str) -> Option<&'a str> {
        self.one(name).map(text)
    }

    fn binary(&self, name: &'static str) -> Option<&'a [u8]> {
        self.one(name).map(binary)
    }

    fn id(&self) -> PacketId {
        packet_id(self.number("id").expect("a packet identifier"))
    }

    fn reason(&self) -> ReasonCode {
        self.one("reason").map_or(ReasonCode::Success, reason)
    }

    fn reasons(&self) -> Vec<ReasonCode> {
        self.all("reason").flatten().map(reason).collect()
    }

    fn qos(&self, name: &'static str) -> QoS {
        qos(self.number(name).unwrap_or_default())
    }

    fn ack(&self, kind: AckKind) -> Packet<'a> {
        let properties = self.properties(&["id", "reason"]);
        Packet::Ack(Ack { kind, packet_id: self.id(), reason: self.reason(), properties })
    }

    fn publish(&self) -> Publish<'a> {
        Publish {
            dup: self.flag("dup"),
            qos: self.qos("qos"),
            retain: self.flag("retain"),
            topic: self.text("topic").unwrap_or_default(),
            packet_id: self.number("id").map(packet_id),
            properties: self.properties(&["dup", "qos", "retain", "topic", "id", "payload"]),
            payload: self.binary("payload").unwrap_or_default(),
        }
    }

    fn connect(&self, version: Version) -> Connect<'a> {
        const FIELDS: [&str; 5] =
            ["clean_start", "keep_alive", "client_id", "user_name", "password"];
        Connect {
            version,
            clean_start: self.flag("clean_start"),
            keep_alive: self.number("keep_alive").and_then(|n| n.try_into().ok()).unwrap_or(0),
            client_id: self.text("client_id").unwrap_or_default(),
            properties: self.properties(&FIELDS),
            will: self.text("will topic").map(|topic| self.will(topic)),
            user_name: self.text("user_name"),
            password: self.binary("password"),
        }
    }

    fn will(&self, topic: &'a str) -> Will<'a> {
        const FIELDS: [&str; 4] = ["will topic", "will payload", "will qos", "will retain"];
        let mut properties = Properties::new();
        for (name, tokens) in self.0.lines.iter().filter(|(name, _)| name.starts_with("will ")) {
            if !FIELDS.contains(&name.as_str()) {
                let id = property_id(&name["will ".len()..]).or_else(|| property_id(name));
                add(&mut properties, id, name, tokens);
            }
        }
        Will {
            topic,
            payload: self.binary("will payload").unwrap_or_default(),
            qos: self.qos("will qos"),
            retain: self.flag("will retain"),
            properties,
        }
    }

    fn properties(&self, fields: &[&str]) -> Properties<'static> {
        let mut properties = Properties::new();
        for (name, tokens) in &self.0.lines {
            if !fields.contains(&name.as_str()) && !name.starts_with("will ") {
                add(&mut properties, property_id(name), name, tokens);
            }
        }
        properties
    }
}

fn property_id(name: &str) -> Option<PropertyId> {
    PropertyId::ALL.iter().copied().find(|id| id.to_string() == name)
}

fn add(properties: &mut Properties<'_>, id: Option<PropertyId>, name: &str, tokens: &[Token]) {
    let id = id.unwrap_or_else(|| panic!("neither a field nor a property: {name:?}"));
    let value = match tokens {
        [Token::Number(value)] => return properties.set_u32(id, *value).expect("in its range"),
        [Token::Text(text)] => PropertyValue::Text(text),
        [Token::Bytes(bytes)] => PropertyValue::Binary(bytes),
        [Token::Text(name), Token::Text(value)] => PropertyValue::Pair(name, value),
        _ => panic!("not a value of {name}: {tokens:?}"),
    };
    properties.set(Property { id, value }).expect("a value of its type");
}

fn subscription(tokens: &[Token]) -> SubscribeFilter<'_> {
    let mut options = SubscribeOptions::default();
    let mut rest = tokens[1..].iter();
    while let Some(Token::Word(name)) = rest.next() {
        match name.as_str() {
            "qos" => options.qos = qos(number(rest.next().expect("a QoS"))),
            "no_local" => options.no_local = true,
            "retain_as_published" => options.retain_as_published = true,
            "send_if_new" => options.retain_handling = RetainHandling::SendIfNew,
            "do_not_send" => options.retain_handling = RetainHandling::DoNotSend,
            other => panic!("not a subscription option: {other:?}"),
        }
    }
    SubscribeFilter { filter: text(&tokens[0]), options }
}

fn number(token: &Token) -> u32 {
    match token {
        Token::Number(number) => *number,
        other => panic!("not a number: {other:?}"),
    }
}

fn text(token: &Token) -> &str {
    match token {
        Token::Text(text) => text,
        other => panic!("not a text: {other:?}"),
    }
}

fn binary(token: &Token) -> &[u8] {
    match token {
        Token::Text(text) => text.as_bytes(),
        Token::Bytes(bytes) => bytes,
        other => panic!("not bytes: {other:?}"),
    }
}

fn reason(token: &Token) -> ReasonCode {
    let code = u8::try_from(number(token)).expect("a byte");
    ReasonCode::from_u8(code).expect("a reason code")
}

fn packet_id(number: u32) -> PacketId {
    u16::try_from(number).ok().and_then(PacketId::new).expect("1 to 65535")
}

fn qos(number: u32) -> QoS {
    u8::try_from(number).ok().and_then(QoS::from_u8).expect("0 to 2")
}
