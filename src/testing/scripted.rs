//! A server that follows a script: for tests of what a client does with exactly these bytes.

#![expect(clippy::disallowed_types, reason = "a scripted server has a socket of its own")]

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::clock::Deadline;
use crate::codec::{DecodeError, Packet, Version, frame};

/// How long a script waits for the client.
const PATIENCE: Duration = Duration::from_secs(5);

const WAITS: &str = "waits for a client";

/// Why a script did not go as it was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// The socket failed, or nothing came within five seconds.
    #[error("the scripted server {doing}: {source}")]
    Io {
        /// What the script was doing.
        doing: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The client sent something else.
    #[error("the script expects {expected}, but the client sent {found}")]
    Unexpected {
        /// What the script says.
        expected: String,
        /// What came.
        found: String,
    },
    /// The client sent something that is no packet.
    #[error("the client sent something that is no packet: {0}")]
    Decode(#[from] DecodeError),
}

/// A listener on a free port of the loopback interface whose connections say what a test says.
///
/// ```
/// use mqttlink::testing::ScriptedServer;
/// use mqttlink::{Client, Version};
/// use std::thread;
///
/// let server = ScriptedServer::start()?;
/// let port = server.port();
/// let client = thread::spawn(move || {
///     Client::builder_for("127.0.0.1", port).version(Version::V3_1_1).connect().map(drop)
/// });
/// let mut connection = server.accept(Version::V3_1_1)?;
/// let connect = connection.expect_packet()?;
/// assert!(connect.starts_with("CONNECT version=3.1.1"), "{connect}");
/// connection.send(&[0x20, 0x02, 0x00, 0x05])?;
/// assert!(client.join().unwrap().is_err(), "the server refuses");
/// # Ok::<(), mqttlink::testing::ScriptError>(())
/// ```
#[derive(Debug)]
pub struct ScriptedServer {
    listener: TcpListener,
    address: SocketAddr,
}

/// One connection of a [`ScriptedServer`]. Every call that waits ends after five seconds.
#[derive(Debug)]
pub struct ScriptedConnection {
    stream: TcpStream,
    version: Version,
    input: Vec<u8>,
}

fn doing<T>(doing: &'static str, result: io::Result<T>) -> Result<T, ScriptError> {
    result.map_err(|source| ScriptError::Io { doing, source })
}

impl ScriptedServer {
    /// Listens.
    ///
    /// # Errors
    /// The system gives no port.
    pub fn start() -> Result<Self, ScriptError> {
        let listener = doing("listens", TcpListener::bind(("127.0.0.1", 0)))?;
        let address = doing("listens", listener.local_addr())?;
        Ok(Self { listener, address })
    }

    /// The port on which it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Waits for a client, without a limit. `version` is what the client speaks.
    ///
    /// # Errors
    /// The system reports one.
    pub fn accept(&self, version: Version) -> Result<ScriptedConnection, ScriptError> {
        let (stream, _) = doing(WAITS, self.listener.accept())?;
        ScriptedConnection::new(stream, version)
    }

    /// As [`accept`](Self::accept), but waits at most this long.
    ///
    /// # Errors
    /// The system reports one, or no client came in time.
    pub fn accept_within(
        &self,
        version: Version,
        limit: Duration,
    ) -> Result<ScriptedConnection, ScriptError> {
        doing(WAITS, self.listener.set_nonblocking(true))?;
        let accepted = doing(WAITS, self.wait(limit));
        doing(WAITS, self.listener.set_nonblocking(false))?;
        let stream = accepted?;
        doing("sets the socket up", stream.set_nonblocking(false))?;
        ScriptedConnection::new(stream, version)
    }

    /// Waits for a client on a listener that does not block.
    fn wait(&self, limit: Duration) -> io::Result<TcpStream> {
        let mut poll = mio::Poll::new()?;
        let mut listener = mio::net::TcpListener::from_std(self.listener.try_clone()?);
        poll.registry().register(&mut listener, mio::Token(0), mio::Interest::READABLE)?;
        let deadline = Deadline::after(limit);
        loop {
            match self.listener.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                accepted => return accepted.map(|(stream, _)| stream),
            }
            if deadline.is_over() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let mut events = mio::Events::with_capacity(1);
            match poll.poll(&mut events, deadline.remaining()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                polled => polled?,
            }
        }
    }
}

impl ScriptedConnection {
    fn new(stream: TcpStream, version: Version) -> Result<Self, ScriptError> {
        doing("sets the socket up", stream.set_read_timeout(Some(PATIENCE)))?;
        doing("sets the socket up", stream.set_write_timeout(Some(PATIENCE)))?;
        doing("sets the socket up", stream.set_nodelay(true))?;
        Ok(Self { stream, version, input: Vec::new() })
    }

    /// Sends exactly these bytes.
    ///
    /// # Errors
    /// The client is gone, or takes nothing.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), ScriptError> {
        doing("sends", self.stream.write_all(bytes))
    }

    /// Waits for as many bytes as these, which they must be.
    ///
    /// # Errors
    /// Others came, or too few in time.
    pub fn expect(&mut self, expected: &[u8]) -> Result<(), ScriptError> {
        while self.input.len() < expected.len() {
            self.fill("waits for bytes")?;
        }
        let rest = self.input.split_off(expected.len());
        let found = std::mem::replace(&mut self.input, rest);
        if found == expected {
            return Ok(());
        }
        let (expected, found) = (format!("{expected:02x?}"), format!("{found:02x?}"));
        Err(ScriptError::Unexpected { expected, found })
    }

    /// Waits for a packet, and returns it as one line of text.
    ///
    /// # Errors
    /// Something else came, or nothing in time.
    pub fn expect_packet(&mut self) -> Result<String, ScriptError> {
        loop {
            if let Some(frame) = frame::parse(&self.input, self.version, usize::MAX)? {
                let line = Packet::decode(&frame, self.version)?.to_string();
                let len = frame.len;
                self.input.drain(..len);
                return Ok(line);
            }
            self.fill("waits for a packet")?;
        }
    }

    /// Waits until the client has closed the connection, without another byte.
    ///
    /// # Errors
    /// Something came, or the connection stays open.
    pub fn expect_end(&mut self) -> Result<(), ScriptError> {
        let mut byte = [0];
        let count = match self.stream.read(&mut byte) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
            result => doing("waits for the end", result)?,
        };
        if self.input.is_empty() && count == 0 {
            return Ok(());
        }
        let found =
            format!("{:02x?}", [self.input.as_slice(), byte.get(..count).unwrap_or(&[])].concat());
        Err(ScriptError::Unexpected { expected: "the end of the connection".to_owned(), found })
    }

    /// Closes the connection.
    ///
    /// # Errors
    /// The client has closed it before.
    pub fn close(self) -> Result<(), ScriptError> {
        doing("closes the connection", self.stream.shutdown(Shutdown::Both))
    }

    fn fill(&mut self, what: &'static str) -> Result<(), ScriptError> {
        let mut buffer = [0; 4096];
        let count = doing(what, self.stream.read(&mut buffer))?;
        if count == 0 {
            return doing(what, Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.input.extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(())
    }
}
