//! What the broker's core does at its bounds, in memory.

mod overflow;
mod reasons;
