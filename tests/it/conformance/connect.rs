//! CONNECT (section 3.1).

use std::time::Duration;

use mqttlink::Version;

use crate::peer::{Peer, options};

#[test]
fn v5_3_1_0_1_the_first_packet_is_connect() {
    let mut peer = Peer::connecting(&options(Version::V5));
    assert_eq!(peer.expect_hex(), "10 13 00 04 4d 51 54 54 05 02 00 00 05 27 01 00 00 00 00 01 63");
    peer.expect_nothing();
}

#[test]
fn v5_3_1_2_20_an_idle_client_pings_within_the_keep_alive() {
    let mut options = options(Version::V5);
    options.keep_alive = 10;
    let mut peer = Peer::accepted(&options, "");
    peer.advance(Duration::from_secs(8));
    peer.expect_nothing();
    peer.advance(Duration::from_secs(2));
    assert_eq!(peer.expect_hex(), "c0 00");
    peer.send("d0 00");
    peer.expect_nothing();
}
