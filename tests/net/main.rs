//! Everything that needs a socket: the engine against a scripted server, TLS, and real brokers.

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

mod authentication;
mod backpressure;
mod callbacks;
mod closing;
mod deliveries;
mod failures;
mod inspection;
mod interrupting;
mod pace;
mod receiving;
mod reconfiguring;
mod reentry;
mod server;
mod silence;
mod streams;
mod threads;
mod transports;
mod unanswered;
