//! What the broker's core does at its bounds, in memory.

mod authentications;
mod catch_up;
mod catch_up_random;
mod held;
mod identifiers;
mod in_flight;
mod local;
mod overflow;
mod reasons;
mod retained;
mod sessions;
mod statistics;
mod wills;
