//! Brokers in Python and Node.js, which tell their port themselves.

use std::process::Command;

use mqttlink::{Builder, Client};

use super::process::Process;
use super::{builder, tools};

/// Which broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// MQTT 3.1.1, in Python.
    Amqtt,
    /// MQTT 5.0 with QoS 0, in Python.
    Mqttools,
    /// MQTT 3.1 and 3.1.1, in JavaScript.
    Aedes,
}

/// A running broker; it ends when its standard input does.
pub(crate) struct Broker {
    _process: Process,
    pub(crate) port: u16,
}

impl Broker {
    pub(crate) fn start(kind: Kind) -> Self {
        let process = Process::start(&mut command(kind));
        process.out.wait_for("listening on port ");
        let port = process.out.wait("the port", |said, _| {
            let said = String::from_utf8_lossy(said);
            let (_, rest) = said.split_once("listening on port ")?;
            rest.split_once('\n')?.0.trim().parse().ok()
        });
        Self { _process: process, port }
    }

    pub(crate) fn builder(&self) -> Builder {
        builder(self.port)
    }

    pub(crate) fn connect(&self, builder: Builder) -> Client {
        builder.connect().unwrap().0
    }
}

fn command(kind: Kind) -> Command {
    if kind == Kind::Aedes {
        let modules = tools::installed("node/node_modules");
        let mut command = Command::new(tools::program("node"));
        command.env("NODE_PATH", modules).arg(tools::source("brokers/aedes_broker.js"));
        return command;
    }
    let name = if kind == Kind::Amqtt { "amqtt" } else { "mqttools" };
    let mut command = Command::new(tools::installed("venv/bin/python"));
    command.arg(tools::source("brokers/python_brokers.py")).arg(name);
    command
}
