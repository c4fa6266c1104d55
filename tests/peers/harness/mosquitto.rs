//! The mosquitto broker, with a configuration of its own.

use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::process::{Process, TempDir};
use super::settings::User;
use super::{Peer, Settings, program};

/// A running broker.
pub(crate) struct Mosquitto {
    process: Process,
    pub(crate) port: u16,
    options: String,
    directory: TempDir,
}

impl Mosquitto {
    /// With lines of its configuration file; `DIR` stands for the broker's own directory.
    pub(crate) fn with(options: &str) -> Self {
        let directory = TempDir::new();
        let options = options.replace("DIR", directory.path().to_str().unwrap());
        Self::in_directory(directory, options)
    }

    pub(crate) fn with_settings(settings: &Settings) -> Self {
        let directory = TempDir::new();
        let options = options(settings, &directory);
        Self::in_directory(directory, options)
    }

    fn in_directory(directory: TempDir, options: String) -> Self {
        // A port can be taken between the look and the start.
        for _ in 0..20 {
            let port = free_port();
            if let Some(process) = launch(&directory, port, &options) {
                return Self { process, port, options, directory };
            }
        }
        panic!("mosquitto finds no port");
    }

    /// Waits until the broker's log has this text.
    pub(crate) fn wait_for_log(&self, text: &str) {
        self.process.err.wait_for(text);
    }

    /// What the broker has logged.
    pub(crate) fn log(&self) -> String {
        self.process.err.text()
    }
}

impl Peer for Mosquitto {
    fn port(&self) -> u16 {
        self.port
    }

    fn wait_for_subscription(&self, id: &str) {
        self.wait_for_log(&format!("Sending SUBACK to {id}\n"));
    }

    /// As a service manager does; it saves its sessions if it is to.
    fn stop(&mut self) {
        self.process.terminate();
    }

    fn kill(&mut self) {
        self.process.kill();
    }

    fn restart(&mut self) {
        self.process = launch(&self.directory, self.port, &self.options).expect("the same port");
    }

    #[cfg(feature = "tls")]
    fn reconfigure(&mut self, settings: &Settings) {
        self.options = options(settings, &self.directory);
        self.restart();
    }

    fn goodbyes(&self) -> usize {
        self.log().matches("Received DISCONNECT from").count()
    }

    fn complaints(&self) -> Vec<String> {
        // It answers in PUBREC who sends more than it takes.
        let is_complaint = |line: &&str| line.contains("rror") || line.contains("rc147");
        self.log().lines().filter(is_complaint).map(str::to_owned).collect()
    }

    #[cfg(feature = "tls")]
    fn user_of(&self, id: &str) -> String {
        let connected = format!(" as {id} (");
        self.process.err.wait("mosquitto", |log, _| {
            let log = String::from_utf8_lossy(log);
            let (line, _) = log.split_once(&connected)?.1.split_once('\n')?;
            let (_, user) = line.split_once(" u'")?;
            Some(user.split_once('\'')?.0.to_owned())
        })
    }
}

/// The lines of the configuration file.
fn options(settings: &Settings, directory: &TempDir) -> String {
    let mut options = Vec::new();
    let mut option = |name: &str, value: Option<String>| {
        options.extend(value.map(|value| format!("{name} {value}")));
    };
    let number = |value: Option<u16>| value.map(|value| value.to_string());
    let size = |value: Option<usize>| value.map(|value| value.to_string());
    option("max_packet_size", size(settings.maximum_packet_size));
    option("max_qos", settings.maximum_qos.map(|qos| qos.number().to_string()));
    option("retain_available", settings.retain_unavailable.then(|| "false".into()));
    option("max_topic_alias", number(settings.topic_alias_maximum));
    option("max_keepalive", number(settings.keep_alive_max));
    option("max_inflight_messages", number(settings.receive_maximum));
    option("max_queued_messages", size(settings.queued_messages));
    if let Some(user) = settings.user {
        let (passwords, rules) = guard(directory, user);
        option("password_file", Some(passwords));
        option("acl_file", Some(rules));
    } else {
        option("allow_anonymous", Some("true".into()));
    }
    #[cfg(feature = "tls")]
    if let Some(tls) = settings.tls.clone() {
        let mutual = tls.client_authority.is_some().then(|| "true".to_owned());
        option("certfile", Some(tls.certificate));
        option("keyfile", Some(tls.key));
        option("cafile", tls.client_authority);
        option("require_certificate", mutual.clone());
        option("use_identity_as_username", mutual);
    }
    options.join("\n")
}

/// Writes the files that say who may do what.
fn guard(directory: &TempDir, user: User) -> (String, String) {
    let (passwords, rules) = (directory.file("passwords"), directory.file("rules"));
    let mut command = Command::new(program("mosquitto_passwd"));
    Process::run(command.args(["-b", "-c", &passwords, user.name, user.password]));
    let User { name, writes, reads, .. } = user;
    let text = format!("user {name}\ntopic readwrite {writes}\ntopic read {reads}\n");
    std::fs::write(&rules, text).unwrap();
    (passwords, rules)
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
pub(super) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id() * 61 + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 12_000 + u16::try_from(number % 20_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
