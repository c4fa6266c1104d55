//! Whether the vectors leave anything out.

use std::collections::BTreeSet;

use mqttlink::codec::{Packet, PacketType, Properties, PropertyId, Version};

use super::{Case, build, cases, vectors};

/// The variants of the decoder's error, as its source lists them.
fn kinds() -> BTreeSet<String> {
    let source = include_str!("../../../src/codec/error.rs");
    let (_, list) = source.split_once("pub enum DecodeError {\n").expect("the enum");
    let (list, _) = list.split_once("\n}\n").expect("its end");
    let name = |line: &str| {
        let name = line.strip_prefix("    ")?;
        let end = name.find([' ', ',', '(']).unwrap_or(name.len());
        name.starts_with(|first: char| first.is_ascii_uppercase()).then(|| name[..end].to_owned())
    };
    list.lines().filter_map(name).collect()
}

fn kind(case: &Case<'_>) -> Option<String> {
    case.vector.error.as_ref()?;
    let text = format!("{:?}", case.read().err()?);
    let end = text.find([' ', '(']).unwrap_or(text.len());
    Some(text[..end].to_owned())
}

#[test]
fn every_kind_of_malformed_packet_has_a_vector() {
    let vectors = vectors();
    let found: BTreeSet<String> =
        vectors.iter().flat_map(cases).filter_map(|case| kind(&case)).collect();
    assert_eq!(found, kinds());
}

#[test]
fn every_packet_type_has_a_vector_in_every_version() {
    let mut found = BTreeSet::new();
    for vector in vectors() {
        if let (Some(fields), None) = (&vector.packet, &vector.refuses) {
            let versions = vector.versions.iter();
            found.extend(versions.map(|version| (*version, fields.packet_type)));
        }
    }
    let exists = |version: Version, packet: PacketType| {
        PacketType::from_u8(packet.number(), version).is_some().then_some((version, packet))
    };
    let all = Version::ALL.into_iter();
    let expected: BTreeSet<_> = all
        .flat_map(|version| PacketType::ALL.into_iter().filter_map(move |p| exists(version, p)))
        .collect();
    assert_eq!(found, expected);
}

/// A property and where it stands; `None` for a will.
type Place = (PropertyId, Option<PacketType>);

fn places(packet: &Packet<'_>) -> BTreeSet<Place> {
    let none = Properties::new();
    let properties = match packet {
        Packet::Connect(packet) => &packet.properties,
        Packet::ConnAck(packet) => &packet.properties,
        Packet::Publish(packet) => &packet.properties,
        Packet::Ack(packet) => &packet.properties,
        Packet::Subscribe(packet) => &packet.properties,
        Packet::SubAck(packet) => &packet.properties,
        Packet::Unsubscribe(packet) => &packet.properties,
        Packet::UnsubAck(packet) => &packet.properties,
        Packet::PingReq | Packet::PingResp => &none,
        Packet::Disconnect(packet) => &packet.properties,
        Packet::Auth(packet) => &packet.properties,
    };
    let mut found: BTreeSet<Place> =
        properties.iter().map(|property| (property.id, Some(packet.packet_type()))).collect();
    if let Packet::Connect(connect) = packet
        && let Some(will) = &connect.will
    {
        found.extend(will.properties.iter().map(|property| (property.id, None)));
    }
    found
}

#[test]
fn every_property_has_a_vector_wherever_it_may_stand() {
    let mut found = BTreeSet::new();
    for vector in vectors().iter().filter(|vector| vector.refuses.is_none()) {
        for version in vector.versions.iter().copied() {
            if let Some(fields) = &vector.packet {
                found.extend(places(&build::packet(fields, version)));
            }
        }
    }
    let mut expected = BTreeSet::new();
    for id in PropertyId::ALL.iter().copied() {
        let packets = PacketType::ALL.into_iter().filter(|packet| id.is_allowed(*packet));
        expected.extend(packets.map(|packet| (id, Some(packet))));
        expected.extend(id.is_allowed_in_will().then_some((id, None)));
    }
    assert_eq!(found, expected);
}
