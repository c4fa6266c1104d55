//! The embedded broker over sockets and pipes: its life, its hooks, TLS, hostile clients, the
//! client library and mosquitto's programs against it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test stops at the first thing that goes wrong, measures time and opens sockets"
)]

mod bounds;
mod clients;
mod hooks;
mod hostile;
mod kit;
mod life;
mod mosquitto;
#[path = "../net/pace.rs"]
mod pace;
mod programs;
#[cfg(all(feature = "tls", target_os = "linux"))]
mod tls;
