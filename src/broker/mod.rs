//! An MQTT server inside the process.

mod builder;
mod core;
mod faults;
mod handle;
mod hooks;
mod limits;
mod listener;
mod local;
mod recorder;
mod retained;
mod slots;
mod statistics;
mod subscriptions;
mod threads;
mod trie;

pub use crate::transport::PeerCertificate;
pub use builder::BrokerBuilder;
pub use core::{ConnectionId, Core, CoreConfig, LocalId, Question, SessionInfo};
pub use faults::{ConnectionFault, MessageFault};
pub use handle::Broker;
pub use hooks::{
    Action, AuthExchange, BrokerEvent, ClientAuthenticator, ClientInfo, Credentials, Decision,
    DisconnectCause, Draft, DropCause, Peer,
};
pub use limits::{BrokerLimits, Overflow, SessionOverflow};
pub use local::LocalSubscription;
pub use recorder::Recorded;
pub use statistics::{BrokerStatistics, Drops};
