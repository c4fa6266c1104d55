//! The embedded broker over sockets and pipes: its life, its hooks, TLS, hostile clients, the
//! client library and mosquitto's programs against it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::disallowed_types,
    reason = "a test that panics has failed, in a helper function as in the test itself"
)]

mod bounds;
mod clients;
mod hooks;
mod hostile;
mod kit;
mod life;
mod mosquitto;
mod programs;
#[cfg(all(feature = "tls", target_os = "linux"))]
mod tls;
