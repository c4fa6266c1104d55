//! Peers as child processes, certificates, and a link that can be cut.

mod broker;
mod embedded;
mod mosquitto;
#[cfg(feature = "tls")]
mod pki;
mod process;
#[cfg(feature = "tls")]
mod s_server;
mod server;
mod settings;
mod tools;
mod wire;

use std::time::Duration;

use mqttlink::{Builder, Client, Message, QoS, Version};

pub(crate) use broker::{Broker, Kind};
pub(crate) use embedded::Embedded;
pub(crate) use mosquitto::Mosquitto;
use mosquitto::free_port;
#[cfg(feature = "tls")]
pub(crate) use pki::{PASSWORD, Pki};
pub(crate) use process::{Process, TempDir};
#[cfg(feature = "tls")]
pub(crate) use s_server::SServer;
pub(crate) use server::{Peer, Server, Which, on_each_server};
pub(crate) use settings::{Settings, User};
pub(crate) use tools::program;
pub(crate) use wire::{Way, Wire};

/// After this long, a test that waits has failed.
pub(crate) const WATCHDOG: Duration = Duration::from_secs(60);

pub(crate) const VERSIONS: [Version; 3] = [Version::V3_1, Version::V3_1_1, Version::V5];

pub(crate) const QUALITIES: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

/// A client for a server on a loopback port, that gives up before the watchdog does.
pub(crate) fn builder(port: u16) -> Builder {
    with_limits(Client::builder_for("127.0.0.1", port))
}

/// Bounds every wait of the client, so that a test that hangs ends with the client's own error.
pub(crate) fn with_limits(builder: Builder) -> Builder {
    let limit = Duration::from_secs(40);
    builder
        .connect_timeout(limit)
        .response_timeout(limit)
        .publish_timeout(limit)
        .drain_timeout(limit)
}

/// The next message, which must come.
pub(crate) fn next(client: &Client) -> Message {
    client.recv_timeout(WATCHDOG).unwrap()
}

/// Bytes of every value, in a pattern that a shifted or repeated block would break.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut bytes = Vec::with_capacity(len + 4);
    while bytes.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.extend_from_slice(&state.to_be_bytes());
    }
    bytes.truncate(len);
    bytes
}
