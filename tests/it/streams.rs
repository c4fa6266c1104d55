//! Payloads that the caller supplies in pieces.

use std::time::Duration;

use mqttlink::proto::{Config, Publish, RequestError};
use mqttlink::{Bytes, Version};

use crate::peer::{Peer, options};

#[test]
fn a_piece_finds_its_own_payload_or_none() {
    let mut peer = Peer::connected(Version::V5);
    let (old, new) = (peer.token(), peer.token());
    let request = Publish::new("a", "");
    let (_, first) = peer.client.publish_stream(peer.now, &request, 4, old).unwrap();
    peer.client.publish_chunk(first, Bytes::from_static(b"11")).unwrap();
    peer.reconnect(&options(Version::V5), false);
    let closed = Err(RequestError::StreamClosed);
    assert_eq!(peer.client.publish_chunk(first, Bytes::from_static(b"11")), closed);
    let (_, second) = peer.client.publish_stream(peer.now, &request, 4, new).unwrap();
    assert_eq!(peer.client.publish_chunk(first, Bytes::from_static(b"11")), closed);
    peer.client.publish_chunk(second, Bytes::from_static(b"2222")).unwrap();
    assert_eq!(peer.client.publish_chunk(second, Bytes::new()), closed, "it is complete");
    assert!(peer.expect_bytes().ends_with(b"2222"));
    peer.expect_nothing();
}

#[test]
fn a_ping_that_waits_behind_a_slow_payload_does_not_end_the_connection() {
    let mut config = Config::default();
    config.ping_timeout = Duration::from_secs(5);
    let mut options = options(Version::V3_1_1);
    options.keep_alive = 10;
    let mut peer = Peer::configured(config, &options);
    peer.accept(false, "");
    let token = peer.token();
    let (_, stream) =
        peer.client.publish_stream(peer.now, &Publish::new("a", ""), 21, token).unwrap();
    for _ in 0..20 {
        peer.client.publish_chunk(stream, Bytes::from_static(b"1")).unwrap();
        peer.pump();
        peer.advance(Duration::from_secs(4));
    }
    assert!(peer.client.is_connected() && peer.client.awaits_pong());
    peer.client.publish_chunk(stream, Bytes::from_static(b"1")).unwrap();
    assert_eq!(peer.expect(), "PUBLISH topic=\"a\" qos=0 payload=(21 bytes)");
    assert_eq!(peer.expect(), "PINGREQ");
    peer.advance(Duration::from_millis(4999));
    assert!(peer.client.is_connected());
    peer.advance(Duration::from_millis(1));
    assert!(!peer.client.is_connected(), "the answer is awaited from now on");
}
