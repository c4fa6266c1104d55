//! What holds for all packets, all streams and all topics.

use mqttlink::codec::topic::matches;
use mqttlink::codec::{Frame, Packet, PacketType, Publish, Sender, Version, frame};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::smoke::targets::{decode, framer, generate, round_trip, source::Source, topic_match};

const BOTH: [Sender; 2] = [Sender::Client, Sender::Server];

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { cases: count, failure_persistence: None, ..ProptestConfig::default() }
}

/// The bytes out of which a packet is made: a shorter input is a simpler packet.
fn input(max: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..max)
}

fn version() -> impl Strategy<Value = Version> {
    select(&Version::ALL[..])
}

/// A valid packet of every type that the version has.
fn every_type(bytes: &[u8], version: Version) -> Vec<Packet<'_>> {
    let types = (1..=15).filter_map(|number| PacketType::from_u8(number, version));
    types
        .map(|packet| generate::packet_of(&mut Source::new(bytes), packet, version, &BOTH))
        .collect()
}

/// Takes all whole packets out of `buffer`, which are the `expected` ones. Says how many.
fn take_packets(buffer: &mut Vec<u8>, version: Version, expected: &[Packet<'_>]) -> usize {
    let mut count = 0;
    while let Some(frame) = frame::parse(buffer, version, frame::MAX_PACKET_SIZE).unwrap() {
        assert_eq!(Packet::decode(&frame, version).as_ref(), Ok(&expected[count]));
        count += 1;
        let len = frame.len;
        buffer.drain(..len);
    }
    count
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn what_is_written_is_read_back(bytes in input(100), version in version()) {
        for packet in every_type(&bytes, version) {
            round_trip::check(&packet, version);
        }
    }

    #[test]
    fn a_packet_that_ends_early_is_incomplete_or_an_error(
        bytes in input(60),
        version in version(),
    ) {
        for packet in every_type(&bytes, version) {
            let encoded = round_trip::check(&packet, version);
            round_trip::cut(&packet, &encoded, version);
        }
    }

    #[test]
    fn a_body_that_ends_early_keeps_its_beginning(bytes in input(60), version in version()) {
        let publish = generate::publish(&mut Source::new(&bytes), version);
        let encoded = round_trip::check(&Packet::Publish(publish.clone()), version);
        let whole = frame::parse(&encoded, version, encoded.len()).unwrap().unwrap();
        for end in (0..whole.body.len()).take(300) {
            let early = Frame { body: &whole.body[..end], ..whole };
            if let Ok(Packet::Publish(found)) = Packet::decode(&early, version) {
                // Only the payload has no end of its own.
                prop_assert!(publish.payload.starts_with(found.payload));
                let same = Publish { payload: publish.payload, ..found };
                prop_assert_eq!(&same, &publish);
            }
        }
    }

    #[test]
    fn a_stream_gives_the_same_packets_wherever_it_is_cut(
        inputs in vec(input(40), 1..6),
        cuts in vec(1_usize..50, 1..20),
        version in version(),
    ) {
        let packets: Vec<Packet<'_>> =
            inputs.iter().map(|bytes| generate::packet(&mut Source::new(bytes), version)).collect();
        let mut stream = Vec::new();
        for packet in &packets {
            packet.encode(version, frame::MAX_PACKET_SIZE, &mut stream).unwrap();
        }
        let (mut buffer, mut found, mut rest) = (Vec::new(), 0, stream.as_slice());
        for cut in cuts {
            let (piece, later) = rest.split_at(cut.min(rest.len()));
            buffer.extend_from_slice(piece);
            found += take_packets(&mut buffer, version, &packets[found..]);
            rest = later;
        }
        buffer.extend_from_slice(rest);
        found += take_packets(&mut buffer, version, &packets[found..]);
        prop_assert_eq!((found, buffer.len()), (packets.len(), 0));
    }

    #[test]
    fn a_client_sees_the_same_session_wherever_its_input_is_cut(bytes in input(300)) {
        framer::run(&bytes);
    }

    #[test]
    fn a_changed_byte_gives_a_packet_or_an_error(
        bytes in input(60),
        changes in input(90),
        version in version(),
    ) {
        for packet in every_type(&bytes, version) {
            let encoded = round_trip::check(&packet, version);
            round_trip::change(&encoded, &changes, version);
        }
    }
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in input(100), version in version()) {
        decode::stream(&bytes, version);
    }

    #[test]
    fn any_body_of_any_packet_is_read_without_a_panic(
        choice in 0x80..=0x82_u8,
        first in any::<u8>(),
        body in input(60),
    ) {
        let mut bytes = vec![choice, first];
        bytes.extend_from_slice(&body);
        decode::run(&bytes);
    }

    #[test]
    fn topics_match_as_the_text_of_the_specification_says(
        filter in vec(select(&["", "a", "b", "é", "+", "#", "$SYS", "$share", "a+", "#a"][..]), 1..6),
        name in vec(select(&["", "a", "b", "é", "$SYS", "$share", "+"][..]), 1..6),
    ) {
        topic_match::compare(&filter.join("/"), &name.join("/"));
    }

    #[test]
    fn a_filter_made_from_a_name_matches_it(
        levels in vec(select(&["", "a", "b", "$x"][..]), 1..8),
        wildcards in vec(any::<bool>(), 8),
        rest in any::<prop::sample::Index>(),
    ) {
        let name = levels.join("/");
        prop_assume!(!name.is_empty());
        let level = |(level, wild): (&&'static str, &bool)| if *wild { "+" } else { *level };
        let mut filter: Vec<&str> = levels.iter().zip(&wildcards).map(level).collect();
        let hidden = |filter: &str| name.starts_with('$') && filter.starts_with(['+', '#']);
        let whole = filter.join("/");
        prop_assert_eq!(matches(&whole, &name), !hidden(&whole));
        filter.truncate(rest.index(levels.len() + 1));
        filter.push("#");
        let open = filter.join("/");
        prop_assert_eq!(matches(&open, &name), !hidden(&open));
    }
}
