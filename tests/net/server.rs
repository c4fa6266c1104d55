//! A server that does what a script says, on a loopback port of the system's choice.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mqttlink::codec::{Ack, AckKind, Packet, PacketId, Publish, Version, frame};
use mqttlink::{Builder, Client, QoS};

/// After this long, a test that waits has failed.
pub(crate) const WATCHDOG: Duration = Duration::from_secs(60);

/// Runs one script, connection by connection, on a thread of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Accepts one connection and runs the script with it.
    pub(crate) fn once(script: impl FnOnce(&mut Link) + Send + 'static) -> Self {
        Self::many(move |links| script(&mut links.accept()))
    }

    /// Runs the script, which accepts as many connections as it likes.
    pub(crate) fn many(script: impl FnOnce(&mut Links) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || script(&mut Links { listener }));
        Self { address, thread: Some(thread) }
    }

    /// A client for this server: MQTT 5.0, no keep alive.
    pub(crate) fn builder(&self) -> Builder {
        Client::builder_for("127.0.0.1", self.address.port())
            .client_id("c")
            .keep_alive(Duration::ZERO)
    }

    /// A connected client.
    pub(crate) fn client(&self) -> Client {
        let client = self.builder().build().unwrap();
        client.connect().unwrap();
        client
    }

    /// Waits for the end of the script, and fails if it failed.
    pub(crate) fn join(mut self) {
        let thread = self.thread.take().unwrap();
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

/// The connections that come in.
pub(crate) struct Links {
    listener: TcpListener,
}

impl Links {
    pub(crate) fn accept(&mut self) -> Link {
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        Link { stream, version: Version::V5, input: Vec::new() }
    }
}

/// One connection, as the server sees it.
pub(crate) struct Link {
    pub(crate) stream: TcpStream,
    pub(crate) version: Version,
    input: Vec<u8>,
}

impl Link {
    /// The bytes of the next packet; `None` at the end of the connection.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(len) = self.whole_packet() {
                return Some(self.input.drain(..len).collect());
            }
            let mut buffer = [0; 64 * 1024];
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(count) => self.input.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("the client says nothing: {error}"),
            }
        }
    }

    fn whole_packet(&self) -> Option<usize> {
        let parsed = frame::parse(&self.input, self.version, frame::MAX_PACKET_SIZE);
        parsed.expect("a packet").map(|frame| frame.len)
    }

    /// The next packet, as its one line of text.
    pub(crate) fn expect(&mut self) -> String {
        let bytes = self.next().expect("the client sends a packet");
        show(&bytes, self.version)
    }

    /// The next packet, which begins with this text.
    pub(crate) fn expect_start(&mut self, text: &str) -> String {
        let line = self.expect();
        assert!(line.starts_with(text), "{line}");
        line
    }

    /// The client closes the connection without another byte.
    pub(crate) fn expect_end(&mut self) {
        assert_eq!(self.next().map(|bytes| show(&bytes, self.version)), None);
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // The client may have gone; what it does then is looked at elsewhere.
        let _ = self.stream.write_all(bytes);
    }

    pub(crate) fn send_packet(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.encode(self.version, frame::MAX_PACKET_SIZE, &mut bytes).unwrap();
        self.send(&bytes);
    }

    /// Looks at CONNECT and accepts it, without a session and without any property.
    pub(crate) fn accept(&mut self) {
        self.accept_with(false, &[]);
    }

    /// Accepts, with the property block of CONNACK without its length.
    pub(crate) fn accept_with(&mut self, session_present: bool, properties: &[u8]) {
        let connect = self.next().expect("CONNECT");
        self.version = match connect.get(7..9) {
            Some([_, 3]) => Version::V3_1,
            _ if connect[8] == 4 => Version::V3_1_1,
            _ if connect[8] == 3 => Version::V3_1,
            _ => Version::V5,
        };
        if connect[3] == 6 {
            self.version = Version::V3_1;
        }
        let flags = u8::from(session_present);
        if self.version.is_v5() {
            let mut packet =
                vec![0x20, 3 + properties.len() as u8, flags, 0, properties.len() as u8];
            packet.extend_from_slice(properties);
            self.send(&packet);
        } else {
            self.send(&[0x20, 2, flags, 0]);
        }
    }

    /// Sends a message; `id` 0 stands for none.
    pub(crate) fn publish(&mut self, topic: &str, payload: &[u8], qos: QoS, id: u16) {
        let packet_id = PacketId::new(id);
        self.send_packet(&Packet::Publish(Publish {
            topic,
            payload,
            qos,
            packet_id,
            ..Publish::default()
        }));
    }

    pub(crate) fn ack(&mut self, kind: AckKind, id: u16) {
        self.send_packet(&Packet::Ack(Ack::new(kind, PacketId::new(id).unwrap())));
    }

    /// Answers everything as a server does that knows no other client: requests are granted,
    /// messages acknowledged and forgotten. Ends with the connection.
    pub(crate) fn serve(&mut self) {
        while let Some(bytes) = self.next() {
            self.answer(&bytes);
        }
    }

    /// [`serve`](Self::serve) for one packet.
    pub(crate) fn answer(&mut self, bytes: &[u8]) {
        let version = self.version;
        let frame = frame::parse(bytes, version, frame::MAX_PACKET_SIZE).unwrap().unwrap();
        match Packet::decode(&frame, version).unwrap() {
            Packet::Publish(publish) => match (publish.qos, publish.packet_id) {
                (QoS::AtLeastOnce, Some(id)) => self.ack(AckKind::PubAck, id.get()),
                (QoS::ExactlyOnce, Some(id)) => self.ack(AckKind::PubRec, id.get()),
                _ => {}
            },
            Packet::Ack(ack) if ack.kind == AckKind::PubRel => {
                self.ack(AckKind::PubComp, ack.packet_id.get());
            }
            Packet::Ack(ack) if ack.kind == AckKind::PubRec => {
                self.ack(AckKind::PubRel, ack.packet_id.get());
            }
            Packet::Subscribe(subscribe) => {
                let reasons = subscribe.filters.iter().map(|entry| {
                    mqttlink::ReasonCode::from_u8(entry.options.qos.number()).unwrap()
                });
                let suback = mqttlink::codec::SubAck {
                    packet_id: subscribe.packet_id,
                    properties: mqttlink::Properties::new(),
                    reasons: reasons.collect(),
                };
                self.send_packet(&Packet::SubAck(suback));
            }
            Packet::Unsubscribe(unsubscribe) => {
                let unsuback = mqttlink::codec::UnsubAck {
                    packet_id: unsubscribe.packet_id,
                    properties: mqttlink::Properties::new(),
                    reasons: vec![mqttlink::ReasonCode::Success; unsubscribe.filters.len()],
                };
                self.send_packet(&Packet::UnsubAck(unsuback));
            }
            Packet::PingReq => self.send(&[0xd0, 0]),
            _ => {}
        }
    }

    /// Closes the connection.
    pub(crate) fn close(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Waits until the client has closed the connection, whatever it sends before.
    pub(crate) fn drain(&mut self) {
        let mut buffer = [0; 64 * 1024];
        while matches!(self.stream.read(&mut buffer), Ok(count) if count > 0) {}
    }
}

/// A packet as its one line of text.
pub(crate) fn show(bytes: &[u8], version: Version) -> String {
    let frame = frame::parse(bytes, version, frame::MAX_PACKET_SIZE).unwrap().unwrap();
    Packet::decode(&frame, version).map_or_else(|error| error.to_string(), |p| p.to_string())
}

/// A loopback port on which nobody listens, and which nobody else gets while the socket lives.
pub(crate) fn deaf() -> (u16, socket2::Socket) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (port, socket)
}

/// Runs `work` on another thread and fails if it takes longer than `limit`.
pub(crate) fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (done, result) = mpsc::channel();
    let worker = thread::spawn(move || drop(done.send(work())));
    match result.recv_timeout(limit) {
        Ok(value) => {
            worker.join().unwrap();
            value
        }
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("not done after {limit:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match worker.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("a worker that ends well has sent its result"),
        },
    }
}

/// How many threads of this process have a name that begins like this.
#[allow(dead_code, reason = "the test of leaks counts")]
pub(crate) fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|found| found.starts_with(name)).count()
}
