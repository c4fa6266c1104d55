//! `openssl s_server`: one TLS connection whose plain bytes the test writes and reads itself.

use std::process::Command;

use mqttlink::{Builder, Client};

use super::pki::Pki;
use super::process::Process;
use super::{program, with_limits};

/// A CONNACK of MQTT 5.0 that accepts, without properties.
pub(crate) const CONNACK: &[u8] = &[0x20, 3, 0, 0, 0];

/// A running server.
pub(crate) struct SServer {
    pub(crate) process: Process,
    pub(crate) port: u16,
}

impl SServer {
    /// With the certificate for `localhost`, and more arguments.
    pub(crate) fn start(pki: &Pki, arguments: &[&str]) -> Self {
        let (certificate, key) = (pki.file("right.pem"), pki.file("right.key"));
        let mut command = Command::new(program("openssl"));
        command.args(["s_server", "-accept", "127.0.0.1:0", "-naccept", "1"]);
        command.args(["-cert", &certificate, "-key", &key]).args(arguments);
        let process = Process::start(&mut command);
        let port = process.out.wait("s_server", |said, ended| {
            assert!(!ended, "s_server ends: {}", String::from_utf8_lossy(said));
            let said = String::from_utf8_lossy(said);
            let (_, rest) = said.split_once("ACCEPT 127.0.0.1:")?;
            rest.split_once('\n')?.0.trim().parse().ok()
        });
        Self { process, port }
    }

    /// A client for the name that the certificate is for.
    pub(crate) fn builder(&self) -> Builder {
        with_limits(Client::builder(&format!("mqtts://localhost:{}", self.port))).client_id("c")
    }

    /// Waits for a CONNECT of MQTT 5.0 and accepts it.
    pub(crate) fn accept(&mut self) {
        self.process.out.wait_for("MQTT\u{5}");
        self.process.feed(CONNACK);
    }

    /// Everything that the server has said of the connection when it has come to its end.
    pub(crate) fn report(&mut self) -> String {
        self.process.wait();
        format!("{}{}", self.process.out.text(), self.process.err.text())
    }
}
