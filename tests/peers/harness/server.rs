//! A server of which the tests know only what every server must do, and the two that they run
//! against.

use std::process::Command;
use std::time::Duration;

use mqttlink::{Builder, Client};

use super::process::Process;
#[cfg(feature = "tls")]
use super::with_limits;
use super::{Embedded, Mosquitto, Settings, builder, program};

/// Makes of each function named a module with a test for each server.
macro_rules! on_each_server {
    ($($body:ident)*) => {$(
        mod $body {
            use crate::harness::Which;

            #[test]
            fn mosquitto() {
                super::$body(Which::Mosquitto);
            }

            #[test]
            fn embedded() {
                super::$body(Which::Embedded);
            }
        }
    )*};
}
pub(crate) use on_each_server;

/// Which server a test runs against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Debian's mosquitto, in a process of its own.
    Mosquitto,
    /// This library's broker, in the process of the tests.
    Embedded,
}

impl Which {
    /// Everybody may do everything.
    pub(crate) fn start(self) -> Server {
        self.with(&Settings::default())
    }

    pub(crate) fn with(self, settings: &Settings) -> Server {
        let peer: Box<dyn Peer> = match self {
            Self::Mosquitto => Box::new(Mosquitto::with_settings(settings)),
            Self::Embedded => Box::new(Embedded::start(settings)),
        };
        Server::of(peer)
    }
}

/// What each server does in its own way.
pub(crate) trait Peer {
    fn port(&self) -> u16;

    /// Waits until the server has taken a subscription of this client.
    fn wait_for_subscription(&self, id: &str);

    /// Ends the server as gently as it can be done.
    fn stop(&mut self);

    /// Ends the server without giving it the time for anything.
    fn kill(&mut self);

    /// Starts it again after its end, on the same port; what it held in memory is gone.
    fn restart(&mut self);

    /// As `restart`, with other settings.
    #[cfg(feature = "tls")]
    fn reconfigure(&mut self, settings: &Settings);

    /// How many clients have said goodbye; known when the server has been stopped.
    fn goodbyes(&self) -> usize;

    /// What the server did not like; known when it has been stopped.
    fn complaints(&self) -> Vec<String>;

    /// As whom the server knows a client that is connected.
    #[cfg(feature = "tls")]
    fn user_of(&self, id: &str) -> String;
}

/// A running server.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) peer: Box<dyn Peer>,
}

impl Server {
    /// A server that was started in a way of its own.
    pub(crate) fn of(peer: Box<dyn Peer>) -> Self {
        Self { port: peer.port(), peer }
    }

    /// A client without TLS.
    pub(crate) fn builder(&self) -> Builder {
        builder(self.port).keep_alive(Duration::from_secs(60))
    }

    /// A connected client with a clean session.
    pub(crate) fn client(&self, id: &str) -> Client {
        let client = self.builder().client_id(id).build().unwrap();
        client.connect().unwrap();
        client
    }

    /// A client with TLS, by the name that the server's certificate is for.
    #[cfg(feature = "tls")]
    pub(crate) fn secure_builder(&self) -> Builder {
        with_limits(Client::builder(&format!("mqtts://localhost:{}", self.port)))
    }

    /// `mosquitto_pub` or `mosquitto_sub`, told where the server is.
    pub(crate) fn tool(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program(name));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]).args(arguments);
        command
    }

    /// `mosquitto_sub` that has its subscription, under this client identifier.
    pub(crate) fn subscriber(&self, id: &str, arguments: &[&str]) -> Process {
        let process = Process::start(self.tool("mosquitto_sub", &["-i", id]).args(arguments));
        self.peer.wait_for_subscription(id);
        process
    }
}
