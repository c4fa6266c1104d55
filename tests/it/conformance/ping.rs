//! Keep alive, PINGREQ and PINGRESP (sections 3.1.2.10, 3.12 and 3.13).

use std::time::Duration;

use mqttlink::codec::Version;
use mqttlink::proto::{Event, ProtocolError};
use mqttlink::{QoS, ReasonCode};

use crate::peer::{Peer, options};

const MILLISECOND: Duration = Duration::from_millis(1);

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn with_keep_alive(version: Version, keep_alive: u16) -> Peer {
    let mut options = options(version);
    options.keep_alive = keep_alive;
    Peer::accepted(&options, "")
}

fn an_idle_client_pings_within_the_keep_alive(version: Version) {
    for keep_alive in [1, 2, 10, 60, 65_535] {
        let mut peer = with_keep_alive(version, keep_alive);
        let whole = seconds(keep_alive.into());
        for _ in 0..3 {
            peer.advance(whole / 2);
            peer.expect_nothing();
            peer.advance(whole / 2);
            assert_eq!(peer.expect_hex(), "c0 00");
            peer.send("d0 00");
            peer.expect_nothing();
        }
        assert!(peer.client.is_connected());
    }
}

#[test]
fn v5_3_1_2_20_an_idle_client_pings_within_the_keep_alive() {
    an_idle_client_pings_within_the_keep_alive(Version::V5);
}

#[test]
fn v311_3_1_2_23_an_idle_client_pings_within_the_keep_alive() {
    an_idle_client_pings_within_the_keep_alive(Version::V3_1_1);
}

fn any_packet_postpones_the_ping(version: Version) {
    let mut peer = with_keep_alive(version, 10);
    for _ in 0..5 {
        peer.advance(seconds(8));
        peer.deliver("a", QoS::AtLeastOnce, 1);
        assert_eq!(peer.expect(), "PUBACK id=1");
        peer.expect_nothing();
    }
    peer.advance(seconds(10));
    assert_eq!(peer.expect(), "PINGREQ");
    peer.expect_nothing();
}

#[test]
fn v5_3_1_2_20_any_packet_postpones_the_ping() {
    any_packet_postpones_the_ping(Version::V5);
}

#[test]
fn v311_3_1_2_23_any_packet_postpones_the_ping() {
    any_packet_postpones_the_ping(Version::V3_1_1);
}

fn without_a_keep_alive_there_is_no_ping(version: Version) {
    let mut peer = with_keep_alive(version, 0);
    assert_eq!(peer.client.poll_timeout(), None);
    peer.advance(seconds(1_000_000));
    peer.expect_nothing();
    assert!(peer.client.is_connected());
}

#[test]
fn v5_3_1_2_20_without_a_keep_alive_there_is_no_ping() {
    without_a_keep_alive_there_is_no_ping(Version::V5);
}

#[test]
fn v311_3_1_2_23_without_a_keep_alive_there_is_no_ping() {
    without_a_keep_alive_there_is_no_ping(Version::V3_1_1);
}

/// The interval begins with CONNECT, the last packet that was sent.
fn a_slow_connack_does_not_stretch_the_interval(version: Version) {
    let mut options = options(version);
    options.keep_alive = 10;
    let mut peer = Peer::connecting(&options);
    peer.advance(seconds(7));
    peer.accept(false, "");
    peer.advance(seconds(3));
    assert_eq!(peer.expect(), "PINGREQ");
}

#[test]
fn v5_3_1_2_20_a_slow_connack_does_not_stretch_the_interval() {
    a_slow_connack_does_not_stretch_the_interval(Version::V5);
}

#[test]
fn v311_3_1_2_23_a_slow_connack_does_not_stretch_the_interval() {
    a_slow_connack_does_not_stretch_the_interval(Version::V3_1_1);
}

#[test]
fn v5_3_1_2_20_the_interval_of_the_last_connection_means_nothing_on_the_next() {
    let mut options = options(Version::V5);
    options.keep_alive = 10;
    let mut peer = Peer::accepted(&options, "");
    peer.advance(seconds(8));
    peer.cut();
    peer.advance(seconds(60));
    peer.begin(&options);
    peer.accept(false, "");
    peer.advance(seconds(8));
    peer.expect_nothing();
    peer.advance(seconds(2));
    assert_eq!(peer.expect(), "PINGREQ");
}

#[test]
fn v5_3_1_2_21_the_servers_shorter_keep_alive_is_used() {
    let mut options = options(Version::V5);
    options.keep_alive = 60;
    let mut peer = Peer::connecting(&options);
    assert!(peer.expect().contains(" keep_alive=60s"));
    peer.send("20 06 00 00 03 13 00 02");
    let Some(Event::Connected(granted)) = peer.event() else { panic!("accepted") };
    assert_eq!(granted.keep_alive, 2);
    for _ in 0..10 {
        peer.advance(seconds(2));
        assert_eq!(peer.expect(), "PINGREQ");
        peer.send("d0 00");
    }
}

#[test]
fn v5_3_2_2_21_the_servers_longer_keep_alive_replaces_the_clients() {
    let mut options = options(Version::V5);
    options.keep_alive = 10;
    let mut peer = Peer::accepted(&options, "13 00 64");
    peer.advance(seconds(90));
    peer.expect_nothing();
    peer.advance(seconds(10));
    assert_eq!(peer.expect(), "PINGREQ");
}

#[test]
fn v5_3_2_2_21_the_server_can_turn_keep_alive_on_and_off() {
    let mut options = options(Version::V5);
    options.keep_alive = 10;
    let mut peer = Peer::accepted(&options, "13 00 00");
    peer.advance(seconds(1_000_000));
    peer.expect_nothing();
    options.keep_alive = 0;
    let mut peer = Peer::accepted(&options, "13 00 05");
    peer.advance(seconds(5));
    assert_eq!(peer.expect(), "PINGREQ");
}

#[test]
fn v5_3_2_2_21_the_servers_keep_alive_ends_with_the_connection() {
    let mut options = options(Version::V5);
    options.keep_alive = 60;
    let mut peer = Peer::accepted(&options, "13 00 02");
    peer.reconnect(&options, false);
    peer.advance(seconds(50));
    peer.expect_nothing();
}

/// The default time for the answer is ten seconds.
fn a_server_that_answers_no_ping_is_given_up(version: Version) {
    let mut peer = with_keep_alive(version, 60);
    peer.advance(seconds(60));
    assert_eq!(peer.expect(), "PINGREQ");
    peer.send("d0 00");
    assert!(matches!(peer.event(), Some(Event::Pong { .. })));
    peer.advance(seconds(60));
    assert_eq!(peer.expect(), "PINGREQ");
    let deadline = peer.client.poll_timeout().unwrap();
    let left = deadline.since(peer.now);
    peer.advance(left - MILLISECOND);
    assert!(peer.client.is_connected());
    peer.advance(MILLISECOND);
    assert!(matches!(peer.event(), Some(Event::Failed(ProtocolError::KeepAlive { .. }))));
    assert!(peer.client.is_closing());
    if version.is_v5() {
        let reason = ReasonCode::UnspecifiedError;
        assert_eq!(peer.expect(), format!("DISCONNECT reason={reason}"));
    }
    peer.expect_nothing();
}

#[test]
fn v5_3_12_4_1_a_server_that_answers_no_ping_is_given_up() {
    a_server_that_answers_no_ping_is_given_up(Version::V5);
}

#[test]
fn v311_3_12_4_1_a_server_that_answers_no_ping_is_given_up() {
    a_server_that_answers_no_ping_is_given_up(Version::V3_1_1);
}
