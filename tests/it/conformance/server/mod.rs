//! Statements that bind a server, tested with the embedded broker.

mod connack;
mod connect;
mod publish;
mod wills;
