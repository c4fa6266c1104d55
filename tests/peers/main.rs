//! The client against implementations that others have written: brokers, command-line tools, TLS.
//! What is expected of every correct server is tested against mosquitto and our own broker alike.
//!
//! Each test starts its own peers on loopback ports of its own, and stops them. A missing tool is a
//! failure that says what to run, never a test that is left out.

#![cfg(unix)]
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

mod brokers;
mod harness;
mod limits;
mod messages;
mod sessions;
mod subscriptions;
#[cfg(feature = "tls")]
mod tls_identity;
#[cfg(feature = "tls")]
mod tls_negotiation;
#[cfg(feature = "tls")]
mod tls_trust;
