//! MQTT for programs that block.
pub mod codec;
