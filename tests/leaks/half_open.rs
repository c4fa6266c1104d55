//! Ten thousand clients that connect and never finish their CONNECT.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use mqttlink::testing::TestBroker;
use mqttlink::{Client, Publish, QoS, Subscribe};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;

const COUNT: usize = 10_000;
const CONNECT: &[u8] = b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01h";

/// How much the process may grow for one of them, in bytes.
const EACH_MAX: usize = 3 * 1024;

/// Tells the other process, which holds the clients' ends, where the broker is.
const PORT: &str = "MQTTLINK_TEST_PORT";

/// Both processes need a descriptor for each connection.
fn allow_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let needed = COUNT as u64 + 200;
    assert!(allowed >= needed, "this test needs {needed} file descriptors: ulimit -Hn {needed}");
}

fn serves(client: &Client) {
    let message = Publish::new("honest", "m").qos(QoS::AtLeastOnce);
    client.publish(message).unwrap().wait().unwrap();
    assert_eq!(client.recv_timeout(server::WATCHDOG).unwrap().payload(), b"m");
}

#[test]
fn ten_thousand_half_open_connections_cost_little_and_end_in_time() {
    if let Ok(port) = std::env::var(PORT) {
        return be_the_clients(port.parse().unwrap());
    }
    let _alone = alone();
    allow_descriptors();
    let mut limits = mqttlink::broker::BrokerLimits::default();
    limits.connections = COUNT + 1;
    let broker = TestBroker::builder()
        .virtual_time()
        .with(|builder| builder.limits(limits))
        .start()
        .unwrap();
    let connections = |count: usize| {
        let there = move |core: &mqttlink::broker::Core| {
            core.statistics(Default::default()).connections == count
        };
        broker.broker().wait_until(server::WATCHDOG, there).unwrap();
    };
    let (honest, _) = broker.client("honest").connect().unwrap();
    let _ = honest.subscribe(Subscribe::new("honest", QoS::AtLeastOnce)).unwrap();
    serves(&honest);
    let before = resident();
    let mut clients = Command::new(std::env::current_exe().unwrap())
        .args(["ten_thousand_half_open", "--nocapture"])
        .env(PORT, broker.port().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    connections(COUNT + 1);
    let growth = resident().saturating_sub(before);
    assert!(growth * 1024 < COUNT * EACH_MAX, "{growth} KiB for {COUNT} connections");

    // One more is above the limit, and the honest client waits for nobody: the time of the others does
    // not pass.
    let mut refused = TcpStream::connect(("127.0.0.1", broker.port())).unwrap();
    assert_eq!(refused.read(&mut [0; 1]).unwrap(), 0);
    serves(&honest);

    let almost = broker.broker().statistics().unwrap();
    broker.advance(Duration::from_millis(9_999)).unwrap();
    assert_eq!(broker.broker().statistics().unwrap().connections, almost.connections);
    broker.advance(Duration::from_millis(1)).unwrap();
    let told = BufReader::new(clients.stdout.take().unwrap()).lines();
    let told: Vec<String> = told.map(Result::unwrap).collect();
    assert!(told.iter().any(|line| line.contains("all were closed")), "{told:?}");
    assert!(clients.wait().unwrap().success());
    connections(1);
    serves(&honest);
    let growth = resident().saturating_sub(before);
    assert!(growth * 1024 < COUNT * EACH_MAX, "{growth} KiB are left");
}

/// The other process: opens connections, some of which begin a packet, and waits for their end.
fn be_the_clients(port: u16) {
    allow_descriptors();
    let open = |index: usize| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(server::WATCHDOG)).unwrap();
        stream.write_all(&CONNECT[..index % CONNECT.len()]).unwrap();
        stream
    };
    let streams: Vec<TcpStream> = (0..COUNT).map(open).collect();
    for mut stream in streams {
        match stream.read(&mut [0; 16]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("{other:?}"),
        }
    }
    println!("all were closed");
}
