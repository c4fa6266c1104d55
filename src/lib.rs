//! MQTT for programs that block.
pub mod codec;
pub mod proto;

pub use codec::{QoS, Version};
pub use proto::{Publish, Will};
