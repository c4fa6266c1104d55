//! What the broker's core does at its bounds, in memory.

mod in_flight;
mod overflow;
mod reasons;
mod wills;
