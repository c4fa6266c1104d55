//! What the fuzz targets do with their input.
//!
//! Each target is a function over bytes that panics when something is wrong. The targets proper
//! call them under libFuzzer; `tests/it` takes this file in by its path, so that the same functions
//! also run on a stable toolchain, on a few thousand inputs and under proptest.

pub mod client;
pub mod decode;
pub mod framer;
pub mod generate;
pub mod round_trip;
pub mod server;
pub mod source;
pub mod topic_match;
