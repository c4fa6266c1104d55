//! Payloads that the caller supplies in pieces.

use mqttlink::proto::{Publish, RequestError};
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
