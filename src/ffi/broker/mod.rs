//! The embedded broker and the test kit, for C.

// In the order of the header.
mod options;

mod settings;

mod tls;

mod peer;

mod hooks;

mod exchange;

mod draft;

mod events;

mod running;

mod sessions;

mod counters;

mod subscription;

mod testing;

mod transcript;

mod script;

mod gate;
mod handle;

pub(super) use handle::held;

use super::guard::Failure;
use super::status::mqttlink_status;

/// A number that the argument cannot be.
fn wrong(name: &str, number: impl std::fmt::Display, possible: &str) -> Failure {
    let text = format!("{name} is {number}; it can be {possible}");
    Failure::new(mqttlink_status::MQTTLINK_ERROR_NUMBER, text)
}
