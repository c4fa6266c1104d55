//! Everything that is tested without a socket, in one binary: the statements of the specification,
//! scenarios with faults in virtual time, and the repository's own rules.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test that panics has failed, in a helper function as in the test itself"
)]

mod broker;
mod conformance;
mod faults;
mod hex;
mod model;
mod peer;
mod properties;
mod regress;
mod script;
mod smoke;
mod streams;
mod tidy;
mod vectors;
mod world;
