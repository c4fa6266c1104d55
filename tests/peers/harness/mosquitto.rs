//! The mosquitto broker, with a configuration of its own.

use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mqttlink::{Builder, Client};

use super::process::{Process, TempDir};
#[cfg(feature = "tls")]
use super::with_limits;
use super::{builder, program};

/// A running broker.
pub(crate) struct Mosquitto {
    process: Process,
    pub(crate) port: u16,
    options: String,
    directory: TempDir,
}

impl Mosquitto {
    /// Everybody may do everything.
    pub(crate) fn start() -> Self {
        Self::with("allow_anonymous true")
    }

    /// With lines of its configuration file; `DIR` stands for the broker's own directory.
    pub(crate) fn with(options: &str) -> Self {
        let directory = TempDir::new();
        let options = options.replace("DIR", directory.path().to_str().unwrap());
        // A port can be taken between the look and the start.
        for _ in 0..20 {
            let port = free_port();
            if let Some(process) = launch(&directory, port, &options) {
                return Self { process, port, options, directory };
            }
        }
        panic!("mosquitto finds no port");
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

    /// Waits until the broker's log has this text.
    pub(crate) fn wait_for_log(&self, text: &str) {
        self.process.err.wait_for(text);
    }

    /// What the broker has logged.
    pub(crate) fn log(&self) -> String {
        self.process.err.text()
    }

    /// Ends the broker as a service manager does; it saves its sessions if it is to.
    pub(crate) fn stop(&mut self) {
        self.process.terminate();
    }

    /// Ends the broker without giving it the time for a word.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, on the same port and with the same directory.
    pub(crate) fn restart(&mut self) {
        self.process = launch(&self.directory, self.port, &self.options).expect("the same port");
    }

    /// Starts it again after its end, with other options.
    #[cfg(feature = "tls")]
    pub(crate) fn reconfigure(&mut self, options: &str) {
        options.clone_into(&mut self.options);
        self.restart();
    }

    /// `mosquitto_pub` or `mosquitto_sub`, told where the broker is.
    pub(crate) fn tool(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program(name));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]).args(arguments);
        command
    }

    /// `mosquitto_sub` that has its subscription, under this client identifier.
    pub(crate) fn subscriber(&self, id: &str, arguments: &[&str]) -> Process {
        let process = Process::start(self.tool("mosquitto_sub", &["-i", id]).args(arguments));
        self.wait_for_log(&format!("Sending SUBACK to {id}\n"));
        process
    }
}

/// Starts the broker and waits until it listens. `None`: the port is taken.
fn launch(directory: &TempDir, port: u16, options: &str) -> Option<Process> {
    let file = directory.file("mosquitto.conf");
    // Started by root, the broker would become a user who cannot read the directory.
    let text = format!(
        "user root\nlog_dest stderr\nlog_type all\nset_tcp_nodelay true\n\
         listener {port} 127.0.0.1\n{options}\n"
    );
    std::fs::write(&file, text).unwrap();
    let process = Process::start(Command::new(program("mosquitto")).args(["-c", &file]));
    let running = process.err.wait("mosquitto", |log, ended| {
        let log = String::from_utf8_lossy(log);
        let running = log.contains(" running");
        (running || ended).then_some(running)
    });
    if !running {
        let taken = process.err.text().contains("in use");
        assert!(taken, "mosquitto does not start: {}", process.text());
    }
    running.then_some(process)
}

/// A port that nobody listens on, below the range from which systems take the ports of outgoing
/// connections: those of the other tests could take it while the broker restarts.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id() * 61 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 12_000 + u16::try_from(number % 20_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
