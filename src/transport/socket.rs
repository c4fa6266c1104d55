//! TCP: all addresses of a host, raced, and the two halves of the socket that wins.

#![expect(clippy::disallowed_types, reason = "this is where sockets are made")]

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token, Waker};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::cancel::Cancel;
use super::error::Phase;
use super::link::{Closer, ReadHalf, STALL_TICK, Wait, WriteHalf};
use super::resolve::DialFailure;
use crate::clock::Deadline;

/// How long one address is given before the next one is tried beside it (RFC 8305, section 5).
const RACE_DELAY: Duration = Duration::from_millis(250);

/// The most that one write hands to the system.
const WRITE_MAX: usize = 1024 * 1024;

const WAKE: Token = Token(usize::MAX);

/// The longest silence that Linux takes before it probes the peer.
const TCP_KEEP_ALIVE_MAX: Duration = Duration::from_secs(32_767);

/// Options of the TCP socket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketOptions {
    /// Sends small packets at once (TCP_NODELAY). Default: yes; packets are gathered before they are
    /// written, so Nagle's algorithm only adds delay.
    pub no_delay: bool,
    /// After how much silence the system probes the peer (SO_KEEPALIVE), at least 1 s; more than 32,767 s
    /// count as that. Default: never; MQTT has a keep alive of its own.
    pub keep_alive: Option<Duration>,
    /// The socket's receive buffer in bytes (SO_RCVBUF). Default: the system's choice.
    pub receive_buffer: Option<usize>,
    /// The socket's send buffer in bytes (SO_SNDBUF). Default: the system's choice.
    pub send_buffer: Option<usize>,
    /// The local address to connect from. Server addresses of the other family are not tried.
    /// Default: the system's choice.
    pub bind_address: Option<IpAddr>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            no_delay: true,
            keep_alive: None,
            receive_buffer: None,
            send_buffer: None,
            bind_address: None,
        }
    }
}

/// Connects to the first address that answers. A further one is tried whenever the last has failed
/// or has not answered for a while.
pub(super) fn connect(
    addresses: Vec<SocketAddr>,
    options: &SocketOptions,
    deadline: Deadline,
    cancel: &Cancel,
) -> Result<TcpStream, DialFailure> {
    let local = |error| DialFailure::Local("the system gave no event queue", error);
    let race = Race {
        poll: Poll::new().map_err(local)?,
        waiting: addresses.into(),
        running: Vec::new(),
        failed: Vec::new(),
    };
    let waker = Waker::new(race.poll.registry(), WAKE).map_err(local)?;
    let _watch =
        cancel.watch(move || drop(waker.wake())).map_err(|_| DialFailure::Cancelled(Phase::Tcp))?;
    race.run(options, deadline, cancel)
}

struct Race {
    poll: Poll,
    waiting: VecDeque<SocketAddr>,
    running: Vec<Option<(SocketAddr, mio::net::TcpStream)>>,
    failed: Vec<(SocketAddr, io::Error)>,
}

impl Race {
    fn run(
        mut self,
        options: &SocketOptions,
        deadline: Deadline,
        cancel: &Cancel,
    ) -> Result<TcpStream, DialFailure> {
        let mut events = Events::with_capacity(16);
        let mut next_start = Deadline::after(Duration::ZERO);
        loop {
            if next_start.is_over() || self.running.iter().all(Option::is_none) {
                match self.start_one(options) {
                    true => next_start = Deadline::after(RACE_DELAY),
                    false => next_start = Deadline::NEVER,
                }
            }
            if self.running.iter().all(Option::is_none) && self.waiting.is_empty() {
                return Err(DialFailure::Connect(self.failed));
            }
            let wait = deadline.min(next_start).remaining();
            match self.poll.poll(&mut events, wait) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(DialFailure::Local("waiting for a socket", error)),
                Ok(()) => {}
            }
            if cancel.is_cancelled() {
                return Err(DialFailure::Cancelled(Phase::Tcp));
            }
            for event in &events {
                if let Some(stream) = self.check(event.token()) {
                    return Ok(stream);
                }
            }
            if deadline.is_over() {
                return Err(DialFailure::Timeout(Phase::Tcp));
            }
        }
    }

    /// Begins with the next address that can be begun with. `false` when none is left.
    fn start_one(&mut self, options: &SocketOptions) -> bool {
        while let Some(address) = self.waiting.pop_front() {
            match start(address, options).and_then(|mut stream| {
                let token = Token(self.running.len());
                self.poll.registry().register(&mut stream, token, Interest::WRITABLE)?;
                Ok(stream)
            }) {
                Ok(stream) => {
                    self.running.push(Some((address, stream)));
                    return true;
                }
                Err(error) => self.failed.push((address, error)),
            }
        }
        false
    }

    /// Something happened to a socket: it is connected, or it failed.
    fn check(&mut self, token: Token) -> Option<TcpStream> {
        let slot = self.running.get_mut(token.0)?;
        let (address, stream) = slot.take()?;
        let failure = match stream.take_error() {
            Ok(None) => match stream.peer_addr() {
                Ok(_) => return self.finish(address, stream),
                // The event came too early.
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                    *slot = Some((address, stream));
                    return None;
                }
                Err(error) => error,
            },
            Ok(Some(error)) | Err(error) => error,
        };
        self.failed.push((address, failure));
        None
    }

    fn finish(
        &mut self,
        address: SocketAddr,
        mut stream: mio::net::TcpStream,
    ) -> Option<TcpStream> {
        let blocking = self.poll.registry().deregister(&mut stream).and_then(|()| {
            let stream = TcpStream::from(stream);
            stream.set_nonblocking(false)?;
            Ok(stream)
        });
        blocking.map_err(|error| self.failed.push((address, error))).ok()
    }
}

fn start(address: SocketAddr, options: &SocketOptions) -> io::Result<mio::net::TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(options.no_delay)?;
    if let Some(idle) = options.keep_alive {
        // Systems count whole seconds, and take no 0.
        let idle = idle.clamp(Duration::from_secs(1), TCP_KEEP_ALIVE_MAX);
        let interval = (idle / 4).max(Duration::from_secs(1));
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle).with_interval(interval))?;
    }
    if let Some(bytes) = options.receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(bytes) = options.send_buffer {
        socket.set_send_buffer_size(bytes)?;
    }
    #[cfg(target_vendor = "apple")]
    socket.set_nosigpipe(true)?;
    if let Some(local) = options.bind_address {
        socket.bind(&SocketAddr::new(local, 0).into())?;
    }
    match socket.connect(&address.into()) {
        Ok(()) => {}
        Err(error) if is_in_progress(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(mio::net::TcpStream::from_std(socket.into()))
}

fn is_in_progress(error: &io::Error) -> bool {
    #[cfg(unix)]
    let in_progress = error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error());
    #[cfg(not(unix))]
    let in_progress = false;
    in_progress || error.kind() == io::ErrorKind::WouldBlock
}

/// The halves of a connected socket.
pub(super) fn split(stream: TcpStream) -> io::Result<(TcpRead, TcpWrite, Arc<TcpCloser>)> {
    stream.set_write_timeout(Some(STALL_TICK))?;
    let stream = Arc::new(stream);
    Ok((
        TcpRead { stream: Arc::clone(&stream) },
        TcpWrite { stream: Arc::clone(&stream) },
        Arc::new(TcpCloser { stream }),
    ))
}

pub(super) struct TcpRead {
    stream: Arc<TcpStream>,
}

impl ReadHalf for TcpRead {
    fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        loop {
            match receive(&self.stream, buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

/// Reads into the spare capacity.
#[cfg(unix)]
fn receive(stream: &TcpStream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let spare = rustix::buffer::spare_capacity(buffer);
    let (_, count) = rustix::net::recv(stream, spare, rustix::net::RecvFlags::empty())?;
    Ok(count)
}

/// Reads into the spare capacity.
#[cfg(not(unix))]
fn receive(mut stream: &TcpStream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let start = buffer.len();
    buffer.resize(buffer.capacity(), 0);
    let result = io::Read::read(&mut stream, buffer.get_mut(start..).unwrap_or_default());
    buffer.truncate(start + result.as_ref().copied().unwrap_or(0));
    result
}

pub(super) struct TcpWrite {
    stream: Arc<TcpStream>,
}

impl WriteHalf for TcpWrite {
    fn write(&mut self, slices: &[&[u8]], wait: Wait) -> io::Result<usize> {
        loop {
            match send(&self.stream, &first_bytes(slices), wait) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }
}

/// The first [`WRITE_MAX`] bytes of the slices.
fn first_bytes<'a>(slices: &[&'a [u8]]) -> Vec<IoSlice<'a>> {
    let mut left = WRITE_MAX;
    let mut first = Vec::with_capacity(slices.len());
    for slice in slices {
        let part = slice.get(..left).unwrap_or(slice);
        left -= part.len();
        first.push(IoSlice::new(part));
        if left == 0 {
            break;
        }
    }
    first
}

/// Sends without ever raising SIGPIPE, whatever the host program does with that signal.
#[cfg(unix)]
fn send(stream: &TcpStream, slices: &[IoSlice<'_>], wait: Wait) -> io::Result<usize> {
    use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
    #[cfg(not(target_vendor = "apple"))]
    let mut flags = SendFlags::NOSIGNAL;
    #[cfg(target_vendor = "apple")]
    let mut flags = SendFlags::empty();
    if wait == Wait::Never {
        flags |= SendFlags::DONTWAIT;
    }
    Ok(sendmsg(stream, slices, &mut SendAncillaryBuffer::default(), flags)?)
}

/// Writes, if it may wait: this system has no other way to try.
#[cfg(not(unix))]
fn send(mut stream: &TcpStream, slices: &[IoSlice<'_>], wait: Wait) -> io::Result<usize> {
    if wait == Wait::Never {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    io::Write::write_vectored(&mut stream, slices)
}

pub(super) struct TcpCloser {
    stream: Arc<TcpStream>,
}

impl Closer for TcpCloser {
    fn close(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// What the log calls the socket.
pub(super) fn describe(stream: &TcpStream) -> String {
    let name = |address: io::Result<SocketAddr>| {
        address.map_or_else(|_| "?".to_owned(), |address| address.to_string())
    };
    format!("{} from {}", name(stream.peer_addr()), name(stream.local_addr()))
}

/// Sets how long a read or a write may take; used while TLS is negotiated on the socket itself.
#[cfg(feature = "tls")]
pub(super) fn set_timeouts(stream: &TcpStream, left: Option<Duration>) -> io::Result<()> {
    // Zero would mean no limit.
    let left = left.map(|left| left.max(Duration::from_millis(1)));
    let socket = socket2::SockRef::from(stream);
    socket.set_read_timeout(left)?;
    socket.set_write_timeout(left)
}
