//! Statements that bind a server, tested with the embedded broker.

mod auth;
mod connack;
mod connect;
mod delivery;
mod publish;
mod subscribe;
mod wills;
