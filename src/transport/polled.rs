//! Streams for a server: no call waits, readiness is told by a poll.

use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

use super::PolledEnd;
#[cfg(feature = "tls")]
use super::tls::{ServerTls, TlsStream};

/// How many connections the system keeps until they are accepted; it may keep fewer. When it can
/// keep no more, a client tries again after a second.
const BACKLOG: i32 = 4096;

/// A client's certificate, which the listener's authorities have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerCertificate {
    /// The subject, as `CN=name,O=organisation`.
    pub subject: String,
    /// The common name of the subject.
    pub common_name: Option<String>,
    /// The certificate itself, in DER.
    pub der: Vec<u8>,
}

/// A stream from a client.
pub(crate) enum Polled {
    Tcp(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream>),
    Memory(PolledEnd),
}

/// Where clients come in.
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    #[cfg(feature = "tls")]
    tls: Option<ServerTls>,
}

impl Listener {
    /// Listens on an address; port 0 lets the system choose one.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // Elsewhere the option lets two programs listen on one port.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            // IPv4 has a listener of its own, if it is wanted.
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let socket = TcpListener::from_std(socket.into());
        let address = socket.local_addr()?;
        Ok(Self {
            socket,
            address,
            #[cfg(feature = "tls")]
            tls: None,
        })
    }

    /// Speaks TLS with every client.
    #[cfg(feature = "tls")]
    pub(crate) fn with_tls(self, tls: ServerTls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// The address on which it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.socket, token, Interest::READABLE)
    }

    /// The next client, with its address.
    pub(crate) fn accept(&self) -> io::Result<(Polled, SocketAddr)> {
        let (socket, address) = self.socket.accept()?;
        socket.set_nodelay(true)?;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return Ok((Polled::Tls(Box::new(tls.accept(socket)?)), address));
        }
        Ok((Polled::Tcp(socket), address))
    }
}

impl Polled {
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Tcp(socket) => registry.register(socket, token, interest),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => registry.register(stream.socket(), token, interest),
            // It tells by itself.
            Self::Memory(_) => Ok(()),
        }
    }

    /// Appends what has come to `buffer`, within its capacity. 0 is the end;
    /// [`io::ErrorKind::WouldBlock`] says that there is nothing.
    pub(crate) fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => receive(socket, buffer),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.read(buffer),
            Self::Memory(end) => end.read(buffer),
        }
    }

    /// Takes some of the bytes and says how many; [`io::ErrorKind::WouldBlock`] for none.
    pub(crate) fn write(&mut self, slices: &[&[u8]]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => send(socket, &io_slices(slices)),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.write(slices),
            Self::Memory(end) => end.write(&io_slices(slices)),
        }
    }

    /// Sends what was taken and held back; says whether nothing is held back any more.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        match self {
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.flush(),
            _ => Ok(true),
        }
    }

    /// Tells the client that nothing follows. `false`: it could not all be sent; the call is to be
    /// made again.
    pub(crate) fn finish(&mut self) -> io::Result<bool> {
        match self {
            Self::Tcp(socket) => socket.shutdown(Shutdown::Write).map(|()| true),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.finish(),
            Self::Memory(end) => {
                end.finish();
                Ok(true)
            }
        }
    }

    /// The certificate that the client has shown, once TLS is negotiated.
    pub(crate) fn certificate(&self) -> Option<PeerCertificate> {
        match self {
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.certificate(),
            _ => None,
        }
    }
}

fn io_slices<'a>(slices: &[&'a [u8]]) -> Vec<IoSlice<'a>> {
    slices.iter().map(|slice| IoSlice::new(slice)).collect()
}

/// Reads into the spare capacity.
#[cfg(unix)]
pub(super) fn receive(socket: &TcpStream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let spare = rustix::buffer::spare_capacity(buffer);
    let (_, count) = rustix::net::recv(socket, spare, rustix::net::RecvFlags::empty())?;
    Ok(count)
}

/// Reads into the spare capacity.
#[cfg(not(unix))]
pub(super) fn receive(mut socket: &TcpStream, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let start = buffer.len();
    buffer.resize(buffer.capacity(), 0);
    let result = io::Read::read(&mut socket, buffer.get_mut(start..).unwrap_or_default());
    buffer.truncate(start + result.as_ref().copied().unwrap_or(0));
    result
}

/// Sends without ever raising SIGPIPE.
#[cfg(unix)]
pub(super) fn send(socket: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
    #[cfg(not(target_vendor = "apple"))]
    let flags = SendFlags::NOSIGNAL;
    // The standard library has set SO_NOSIGPIPE there.
    #[cfg(target_vendor = "apple")]
    let flags = SendFlags::empty();
    Ok(sendmsg(socket, slices, &mut SendAncillaryBuffer::default(), flags)?)
}

/// Sends.
#[cfg(not(unix))]
pub(super) fn send(mut socket: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    io::Write::write_vectored(&mut socket, slices)
}
