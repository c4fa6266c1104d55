//! The brokers under load, each in a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mqttlink::broker::Broker;

/// The argument that makes this program a broker.
pub(crate) const SERVE: &str = "--serve";

pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    process: Child,
}

/// Listens until the input ends.
pub(crate) fn serve() {
    let broker = Broker::builder().listen("127.0.0.1:0").start().unwrap();
    println!("{}", broker.address().unwrap().port());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

impl Server {
    pub(crate) fn ours() -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .arg(SERVE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { name: "mqttlink", port: line.trim().parse().unwrap(), process }
    }

    /// With limits that do not get in the way.
    pub(crate) fn mosquitto() -> Option<Self> {
        // mosquitto cannot be asked which port the system chose.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("mqttlink-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let config = folder.join("mosquitto.conf");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 1000\n\
             max_queued_messages 0\nset_tcp_nodelay true\nlog_type none\nsys_interval 0\n"
        );
        std::fs::write(&config, text).unwrap();
        let process = ["mosquitto", "/usr/sbin/mosquitto"].into_iter().find_map(|program| {
            let mut command = Command::new(program);
            command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().ok()
        })?;
        let server = Self { name: "mosquitto", port, process };
        let (_never, tick) = std::sync::mpsc::channel::<()>();
        for _ in 0..500 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(server);
            }
            let _ = tick.recv_timeout(Duration::from_millis(10));
        }
        None
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.process.id())).unwrap_or_default()
    }

    /// The memory that it holds.
    pub(crate) fn resident_kib(&self) -> i64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
        line.trim().trim_end_matches("kB").trim().parse().unwrap_or_default()
    }

    /// The processor time that it has used, in user and system mode.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let stat = self.proc("stat");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0);
        // The 14th and 15th field of the line, in hundredths of a second.
        (ticks(11) + ticks(12)) / 100.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
