//! The TLS engine: the handshake on the socket itself, everything after it in memory.

#![expect(clippy::disallowed_types, reason = "the handshake runs on the socket")]

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use native_tls::{HandshakeError, Protocol, TlsConnector, TlsStream};

use super::identity;
use super::options::{TlsError, TlsItem, TlsOptions, TlsVersion, Verifier};
use crate::clock::Deadline;
use crate::transport::cancel::Cancel;
use crate::transport::error::Phase;
use crate::transport::layer::{Layer, stack};
use crate::transport::link::Link;
use crate::transport::resolve::DialFailure;
use crate::transport::socket;

/// How many decoded bytes are taken from the library at a time: one record.
const RECORD: usize = 16 * 1024;

/// TLS made ready, which takes the library tens of milliseconds: done once for all connections.
#[derive(Clone)]
pub(crate) struct TlsClient {
    connector: TlsConnector,
    server_name: Option<String>,
    verifier: Option<Verifier>,
}

impl TlsClient {
    pub(crate) fn new(options: &TlsOptions) -> Result<Self, TlsError> {
        check_versions(options)?;
        let mut builder = TlsConnector::builder();
        for source in &options.authorities {
            for certificate in identity::certificates(source, TlsItem::Authority)? {
                builder.add_root_certificate(certificate);
            }
        }
        if let Some(identity) = identity::identity(&options.identity)? {
            builder.identity(identity);
        }
        let alpn: Vec<&str> = options.alpn.iter().map(String::as_str).collect();
        let own_verifier = options.verifier.is_some();
        let connector = builder
            .disable_built_in_roots(!options.system_roots)
            .min_protocol_version(Some(protocol(options.min_version)))
            .max_protocol_version(options.max_version.map(protocol))
            .use_sni(options.sni)
            .danger_accept_invalid_certs(options.danger_any_certificate || own_verifier)
            .danger_accept_invalid_hostnames(options.danger_any_host_name || own_verifier)
            .request_alpns(&alpn)
            .build()
            .map_err(|error| setup_error(options, &error))?;
        let (server_name, verifier) = (options.server_name.clone(), options.verifier.clone());
        Ok(Self { connector, server_name, verifier })
    }

    /// Negotiates TLS on a connected socket.
    pub(crate) fn negotiate(
        &self,
        stream: TcpStream,
        host_name: &str,
        deadline: Deadline,
        cancel: &Cancel,
    ) -> Result<Link, DialFailure> {
        let local = |error| DialFailure::Local("the socket could not be set up for TLS", error);
        let closing = stream.try_clone().map_err(local)?;
        let _watch = cancel
            .watch(move || drop(closing.shutdown(Shutdown::Both)))
            .map_err(|_| DialFailure::Cancelled(Phase::Tls))?;
        let description = socket::describe(&stream);
        let direct = stream.try_clone().map_err(local)?;
        let trouble = Arc::new(Mutex::new(None));
        let pipe = Pipe {
            direct: Some(Direct { stream: direct, deadline, trouble: Arc::clone(&trouble) }),
            ..Pipe::default()
        };
        let name = self.server_name.as_deref().unwrap_or(host_name);
        let mut tls = self.connector.connect(name, pipe).map_err(|error| {
            if cancel.is_cancelled() {
                return DialFailure::Cancelled(Phase::Tls);
            }
            match trouble.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(Trouble::TimedOut) => DialFailure::Timeout(Phase::Tls),
                Some(Trouble::Ended(why)) => DialFailure::Tls(TlsError::Interrupted { why }),
                None => DialFailure::Tls(handshake_error(&error)),
            }
        })?;
        if let Some(verifier) = &self.verifier {
            ask(verifier, name, &tls).map_err(DialFailure::Tls)?;
        }
        tls.get_mut().direct = None;
        socket::set_timeouts(&stream, None).map_err(local)?;
        let (read, write, closer) = socket::split(stream).map_err(local)?;
        let engine = TlsEngine { tls };
        Ok(stack(engine, Box::new(read), Box::new(write), closer, format!("{description}, TLS")))
    }
}

/// Has the program decide about the server's certificate.
fn ask(verifier: &Verifier, name: &str, tls: &TlsStream<Pipe>) -> Result<(), TlsError> {
    let failed = |why: String| TlsError::Handshake { why };
    let certificate = tls.peer_certificate().map_err(|error| failed(error.to_string()))?;
    let certificate = certificate.ok_or_else(|| failed("the server has no certificate".into()))?;
    let der = certificate.to_der().map_err(|error| failed(error.to_string()))?;
    if verifier.accepts(name, &der) {
        return Ok(());
    }
    Err(failed(format!("this program's verifier does not accept the certificate of {name}")))
}

const fn protocol(version: TlsVersion) -> Protocol {
    match version {
        TlsVersion::V1_0 => Protocol::Tlsv10,
        TlsVersion::V1_1 => Protocol::Tlsv11,
        TlsVersion::V1_2 => Protocol::Tlsv12,
        TlsVersion::V1_3 => Protocol::Tlsv13,
    }
}

/// The library would notice only during the handshake, and would not say what is wrong.
fn check_versions(options: &TlsOptions) -> Result<(), TlsError> {
    match options.max_version {
        Some(newest) if newest < options.min_version => {
            let oldest = options.min_version;
            let why = format!("the newest version, {newest}, is older than the oldest, {oldest}");
            Err(TlsError::Setup { why })
        }
        _ => Ok(()),
    }
}

/// The library notices only here that certificate and key do not belong together.
fn setup_error(options: &TlsOptions, error: &native_tls::Error) -> TlsError {
    let why = error.to_string();
    match &options.identity.key {
        Some((source, _)) if why.contains("key values mismatch") => {
            source.wrong(TlsItem::Key, identity::NOT_A_PAIR)
        }
        _ => TlsError::Setup { why },
    }
}

fn handshake_error(error: &HandshakeError<Pipe>) -> TlsError {
    let why = match error {
        HandshakeError::Failure(error) => error.to_string(),
        HandshakeError::WouldBlock(_) => "the connection was interrupted".to_owned(),
    };
    TlsError::Handshake { why }
}

/// What the TLS library reads from and writes to: the socket during the handshake, memory after it.
#[derive(Default)]
struct Pipe {
    direct: Option<Direct>,
    input: Vec<u8>,
    input_at: usize,
    input_ended: bool,
    output: Vec<u8>,
}

struct Direct {
    stream: TcpStream,
    deadline: Deadline,
    trouble: Arc<Mutex<Option<Trouble>>>,
}

/// What was wrong with the socket, as opposed to TLS.
enum Trouble {
    TimedOut,
    /// The connection ended while something was to be read.
    Ended(String),
}

impl Direct {
    fn run<T>(&mut self, mut io: impl FnMut(&mut TcpStream) -> io::Result<T>) -> io::Result<T> {
        loop {
            let left = self.deadline.remaining();
            let result = match left {
                Some(std::time::Duration::ZERO) => Err(io::ErrorKind::TimedOut.into()),
                left => {
                    socket::set_timeouts(&self.stream, left).and_then(|()| io(&mut self.stream))
                }
            };
            let Err(error) = result else { return result };
            match error.kind() {
                // A signal. A socket with a timeout is not gone on with by the system itself.
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                    self.note(Trouble::TimedOut);
                    return Err(io::ErrorKind::TimedOut.into());
                }
                _ => return Err(error),
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.run(|stream| stream.read(buffer));
        match &result {
            Ok(0) => self.note(Trouble::Ended("the server closed the connection".to_owned())),
            Ok(_) => {}
            Err(error) => self.note(Trouble::Ended(error.to_string())),
        }
        result
    }

    /// The first trouble counts.
    fn note(&self, trouble: Trouble) {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(trouble);
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(direct) = &mut self.direct {
            return direct.read(buffer);
        }
        let mut rest = self.input.get(self.input_at..).unwrap_or_default();
        if rest.is_empty() {
            let end = if self.input_ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
            return end;
        }
        let count = rest.read(buffer)?;
        self.input_at += count;
        if self.input_at == self.input.len() {
            self.input.clear();
            self.input_at = 0;
        }
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.direct {
            Some(direct) => direct.run(|stream| stream.write(bytes)),
            None => self.output.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whatever fails here is TLS: the engine itself does no I/O.
fn broken(error: &io::Error) -> io::Error {
    io::Error::other(TlsError::Broken { why: error.to_string() })
}

struct TlsEngine {
    tls: TlsStream<Pipe>,
}

impl Layer for TlsEngine {
    fn feed(&mut self, encoded: &[u8]) {
        self.tls.get_mut().input.extend_from_slice(encoded);
    }

    fn feed_end(&mut self) {
        self.tls.get_mut().input_ended = true;
    }

    fn read(&mut self, plain: &mut Vec<u8>) -> io::Result<Option<usize>> {
        let start = plain.len();
        let mut total = 0;
        loop {
            let room = (plain.capacity() - start - total).min(RECORD);
            if room == 0 {
                return Ok(Some(total));
            }
            plain.resize(start + total + room, 0);
            let result = self.tls.read(plain.get_mut(start + total..).unwrap_or_default());
            plain.truncate(start + total + result.as_ref().copied().unwrap_or(0));
            match result {
                Ok(0) => return Ok(Some(total)),
                Ok(count) => total += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok((total > 0).then_some(total));
                }
                // What was decoded before the error counts; the error comes again.
                Err(_) if total > 0 => return Ok(Some(total)),
                Err(error) => return Err(broken(&error)),
            }
        }
    }

    fn write(&mut self, plain: &[u8]) -> io::Result<()> {
        self.tls.write_all(plain).map_err(|error| broken(&error))
    }

    fn finish(&mut self) -> io::Result<()> {
        self.tls.shutdown().map_err(|error| broken(&error))
    }

    fn has_output(&self) -> bool {
        !self.tls.get_ref().output.is_empty()
    }

    fn take_output(&mut self, encoded: &mut Vec<u8>) {
        std::mem::swap(&mut self.tls.get_mut().output, encoded);
    }
}
