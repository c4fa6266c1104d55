//! What a fuzz target has found, so that it does not come back.

use mqttlink::proto::{
    ClientConnection, Config, ConnectOptions, Counters, OutBuffer, Publish, Time, Token,
};
use mqttlink::{Bytes, QoS, Version};

use crate::peer::{Peer, options};

/// A client that awaits CONNACK and is given `input`, in pieces of `len` bytes.
fn fed(config: Config, input: &[u8], len: usize) -> (Counters, Vec<usize>) {
    let mut client = ClientConnection::new(config);
    client.connect(Time::ORIGIN, &ConnectOptions::default()).unwrap();
    client.poll_transmit(&mut OutBuffer::new());
    let (mut begun, mut end, mut packets_at) = (0, 0, Vec::new());
    while end < input.len() {
        end = input.len().min(end + len);
        let used = client.handle_input(Time::ORIGIN, &input[begun..end]);
        packets_at.extend(client.poll_frames().into_iter().map(|place| begun + place.start));
        begun += used;
    }
    (client.counters(), packets_at)
}

#[test]
fn a_packet_that_ends_the_connection_is_counted_and_shown_however_it_arrives() {
    let early = [0x30, 4, 0, 1, b'a', 0];
    let connack_then_wildcard = [0x20, 3, 0, 0, 0, 0x30, 5, 0, 1, b'+', 0, b'x'];
    for (input, last) in [(early.as_slice(), 0), (&connack_then_wildcard, 5)] {
        for stream_above in [None, Some(0)] {
            let mut config = Config::default();
            config.record_frames = true;
            config.stream_above = stream_above;
            let whole = fed(config.clone(), input, input.len());
            assert_eq!(whole.1.last(), Some(&last));
            for len in 1..input.len() {
                assert_eq!(fed(config.clone(), input, len), whole, "pieces of {len} bytes");
            }
        }
    }
}

#[test]
fn messages_that_are_sent_again_are_counted() {
    let mut options = options(Version::V3_1_1);
    options.clean_start = false;
    let mut peer = Peer::accepted(&options, "");
    for qos in [QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::AtMostOnce] {
        peer.publish(&Publish::new("a", "x").qos(qos)).unwrap();
    }
    assert_eq!(peer.client.counters().messages_resent, 0);
    peer.reconnect(&options, true);
    assert_eq!(peer.expect_all().len(), 2);
    assert_eq!(peer.client.counters().messages_resent, 2);
    assert_eq!(peer.client.counters().messages_sent, [1, 1, 1]);
}

#[test]
fn a_stream_goes_on_while_packets_that_wait_behind_it_fill_the_buffer() {
    let mut config = Config::default();
    config.out_buffer_max = 100;
    let mut peer = Peer::idle(config);
    peer.begin(&options(Version::V3_1_1));
    peer.accept(false, "");
    let request = Publish::new("stream", "");
    let (_, stream) = peer.client.publish_stream(Time::ORIGIN, &request, 4, Token(1)).unwrap();
    peer.pump();
    peer.publish(&Publish::new("behind", vec![0; 200])).unwrap();
    assert!(peer.publish(&Publish::new("full", "")).is_err(), "the buffer is full");
    peer.client.publish_chunk(stream, Bytes::from_static(b"load")).unwrap();
    assert_eq!(peer.expect(), "PUBLISH topic=\"stream\" qos=0 payload=(4 bytes)");
    assert_eq!(peer.expect(), "PUBLISH topic=\"behind\" qos=0 payload=(200 bytes)");
}

#[test]
fn the_payload_of_a_stream_waits_for_room_of_its_own() {
    let mut config = Config::default();
    config.out_buffer_max = 100;
    let mut peer = Peer::idle(config);
    peer.begin(&options(Version::V3_1_1));
    peer.accept(false, "");
    let request = Publish::new("stream", "");
    let (_, stream) = peer.client.publish_stream(Time::ORIGIN, &request, 1000, Token(1)).unwrap();
    peer.client.publish_chunk(stream, vec![0; 200].into()).unwrap();
    let refused = peer.client.publish_chunk(stream, vec![0; 200].into()).unwrap_err();
    assert!(refused.is_temporary(), "{refused}");
    peer.pump();
    peer.client.publish_chunk(stream, vec![0; 200].into()).unwrap();
}
