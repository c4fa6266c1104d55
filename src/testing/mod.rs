//! For tests of programs that use MQTT: a broker that can be waited for, broken on purpose and moved
//! through time, and a server that follows a script.
//!
//! ```
//! use mqttlink::testing::TestBroker;
//! use mqttlink::{Publish, QoS};
//! use std::time::Duration;
//!
//! let broker = TestBroker::start()?;
//! let alarm = broker.expect_publish("alarm/#")?;
//! let (client, _) = broker.client("sensor").connect()?;
//! broker.wait_for_client("sensor")?;
//! client.publish(Publish::new("alarm/fire", "attic").qos(QoS::AtLeastOnce))?.wait()?;
//! assert_eq!(alarm.within(Duration::from_secs(10))?.payload(), b"attic");
//! # Ok::<(), mqttlink::Error>(())
//! ```

mod broker;
mod scripted;

pub use broker::{Expectation, TestBroker, TestBrokerBuilder};
pub use scripted::{ScriptError, ScriptedConnection, ScriptedServer};

pub use crate::broker::{ConnectionFault, MessageFault, Recorded};
