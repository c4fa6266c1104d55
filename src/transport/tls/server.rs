//! The server's side of TLS: OpenSSL as an engine in memory, beside a socket that never waits.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use openssl::ssl::{
    ErrorCode, Ssl, SslAcceptor, SslContext, SslMethod, SslOptions, SslStream, SslVerifyMode,
    SslVersion,
};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;

use super::options::{Source, TlsError, TlsItem, TlsVersion};
use super::server_options::TlsServerOptions;
use crate::transport::polled::{PeerCertificate, receive, send};

/// How many encoded bytes are read from the socket at a time.
const READ_SIZE: usize = 16 * 1024;

/// How many decoded bytes are taken from the library at a time: one record.
const RECORD: usize = 16 * 1024;

/// How many plain bytes are encoded for one write to the socket.
const WRITE_SIZE: usize = 64 * 1024;

/// TLS made ready, once for all connections of a listener.
#[derive(Clone)]
pub(crate) struct ServerTls {
    context: SslContext,
}

impl ServerTls {
    pub(crate) fn new(options: &TlsServerOptions) -> Result<Self, TlsError> {
        let setup = |error: openssl::error::ErrorStack| TlsError::Setup { why: error.to_string() };
        let mut builder =
            SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).map_err(setup)?;
        builder.set_min_proto_version(Some(version(options.min_version))).map_err(setup)?;
        let item = TlsItem::ServerCertificate;
        let mut chain = certificates(&options.certificate, item)?.into_iter();
        let own = chain.next().ok_or_else(|| options.certificate.wrong(item, "it is empty"))?;
        builder.set_certificate(&own).map_err(setup)?;
        for other in chain {
            builder.add_extra_chain_cert(other).map_err(setup)?;
        }
        let mismatch = |error: openssl::error::ErrorStack| {
            let why = error.to_string();
            let why = match why.contains("key values mismatch") {
                true => "it does not belong to the certificate",
                false => &why,
            };
            options.key.wrong(TlsItem::ServerKey, why)
        };
        let key = options.key.read(TlsItem::ServerKey)?;
        let key = openssl::pkey::PKey::private_key_from_pem(&key)
            .map_err(|error| options.key.wrong(TlsItem::ServerKey, error))?;
        builder.set_private_key(&key).map_err(mismatch)?;
        builder.check_private_key().map_err(mismatch)?;
        let mut verify = SslVerifyMode::NONE;
        if !options.client_authorities.is_empty() {
            verify = SslVerifyMode::PEER;
            let mut store = X509StoreBuilder::new().map_err(setup)?;
            for source in &options.client_authorities {
                for authority in certificates(source, TlsItem::Authority)? {
                    builder.add_client_ca(&authority).map_err(setup)?;
                    store.add_cert(authority).map_err(setup)?;
                }
            }
            builder.set_verify_cert_store(store.build()).map_err(setup)?;
        }
        if options.require_client_certificate {
            verify = SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT;
        }
        builder.set_verify(verify);
        // Sessions are resumed by tickets, which the clients keep, with the certificates that were
        // verified. Their key is this context's own: they are worth nothing to another listener, or
        // after a restart. Without a name of its own a context with client certificates would
        // refuse its tickets.
        builder.set_session_cache_mode(openssl::ssl::SslSessionCacheMode::OFF);
        builder.set_session_id_context(b"mqttlink").map_err(setup)?;
        if options.session_resumption {
            builder.clear_options(SslOptions::NO_TICKET);
            builder.set_num_tickets(1).map_err(setup)?;
        } else {
            builder.set_options(SslOptions::NO_TICKET);
            builder.set_num_tickets(0).map_err(setup)?;
        }
        Ok(Self { context: builder.build().into_context() })
    }

    /// Begins TLS on a socket; it is negotiated by the reads that follow.
    pub(crate) fn accept(&self, socket: TcpStream) -> io::Result<TlsStream> {
        let ssl = Ssl::new(&self.context)?;
        let tls = SslStream::new(ssl, Wire::default())?;
        Ok(TlsStream { socket, tls, negotiated: false, written: 0, farewell: false })
    }
}

const fn version(version: TlsVersion) -> SslVersion {
    match version {
        TlsVersion::V1_0 => SslVersion::TLS1,
        TlsVersion::V1_1 => SslVersion::TLS1_1,
        TlsVersion::V1_2 => SslVersion::TLS1_2,
        TlsVersion::V1_3 => SslVersion::TLS1_3,
    }
}

fn certificates(source: &Source, item: TlsItem) -> Result<Vec<X509>, TlsError> {
    let pem = source.read(item)?;
    let found = X509::stack_from_pem(&pem).map_err(|error| source.wrong(item, error))?;
    if found.is_empty() {
        return Err(source.wrong(item, "it has no CERTIFICATE block in PEM"));
    }
    Ok(found)
}

/// What OpenSSL reads from and writes to.
#[derive(Debug, Default)]
struct Wire {
    input: Vec<u8>,
    input_at: usize,
    ended: bool,
    output: Vec<u8>,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut rest = self.input.get(self.input_at..).unwrap_or_default();
        if rest.is_empty() {
            self.input.clear();
            self.input_at = 0;
            return if self.ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        let count = rest.read(buffer)?;
        self.input_at += count;
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection that speaks TLS.
pub(crate) struct TlsStream {
    socket: TcpStream,
    tls: SslStream<Wire>,
    negotiated: bool,
    /// How much of the encoded output is in the socket.
    written: usize,
    /// The farewell has been encoded.
    farewell: bool,
}

impl TlsStream {
    pub(crate) const fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// Appends decoded bytes to `buffer`, within its capacity. 0 is the end.
    pub(crate) fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        loop {
            let result = self.decode(buffer);
            // The engine may have something to say, also when it has failed: an alert.
            let _ = self.flush();
            match result? {
                Some(count) => return Ok(count),
                None => self.fill()?,
            }
        }
    }

    /// `None`: more must come from the socket first.
    fn decode(&mut self, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
        if !self.negotiated {
            match self.tls.accept() {
                Ok(()) => self.negotiated = true,
                Err(error) if error.code() == ErrorCode::WANT_READ => return Ok(None),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        let start = buffer.len();
        loop {
            let filled = buffer.len();
            let room = (buffer.capacity() - filled).min(RECORD);
            if room == 0 {
                return Ok(Some(filled - start));
            }
            buffer.resize(filled + room, 0);
            let result = self.tls.ssl_read(buffer.get_mut(filled..).unwrap_or_default());
            buffer.truncate(filled + result.as_ref().copied().unwrap_or_default());
            let Err(error) = result else { continue };
            // What was decoded before the error counts; the error comes again.
            if filled > start {
                return Ok(Some(filled - start));
            }
            return match error.code() {
                ErrorCode::WANT_READ => Ok(None),
                ErrorCode::ZERO_RETURN => Ok(Some(0)),
                _ => Err(io::Error::other(error)),
            };
        }
    }

    /// Takes encoded bytes from the socket.
    fn fill(&mut self) -> io::Result<()> {
        let wire = self.tls.get_mut();
        if wire.ended {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        wire.input.reserve(READ_SIZE);
        wire.ended = receive(&self.socket, &mut wire.input)? == 0;
        Ok(())
    }

    pub(crate) fn write(&mut self, slices: &[&[u8]]) -> io::Result<usize> {
        if !self.negotiated || !self.flush()? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut count = 0;
        for slice in slices {
            let part = slice.get(..WRITE_SIZE - count).unwrap_or(slice);
            self.tls.write_all(part)?;
            count += part.len();
            if count == WRITE_SIZE {
                break;
            }
        }
        self.flush()?;
        Ok(count)
    }

    /// Sends what is encoded; says whether that was all.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        let wire = self.tls.get_mut();
        while let Some(rest) = wire.output.get(self.written..).filter(|rest| !rest.is_empty()) {
            match send(&self.socket, &[io::IoSlice::new(rest)]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        wire.output = Vec::new();
        self.written = 0;
        Ok(true)
    }

    /// Says farewell; `false`: some of it is still to be sent, and the call to be made again.
    pub(crate) fn finish(&mut self) -> io::Result<bool> {
        if self.negotiated {
            if !std::mem::replace(&mut self.farewell, true) {
                // The peer's own farewell is not awaited.
                let _ = self.tls.shutdown();
            }
            if !self.flush()? {
                return Ok(false);
            }
        }
        self.socket.shutdown(Shutdown::Write).map(|()| true)
    }

    pub(crate) fn certificate(&self) -> Option<PeerCertificate> {
        let certificate = self.tls.ssl().peer_certificate()?;
        let entries = certificate.subject_name().entries();
        let parts = entries.map(|entry| {
            let name = entry.object().nid().short_name().unwrap_or("?").to_owned();
            let value = entry.data().to_string();
            (name, value.unwrap_or_default())
        });
        let parts: Vec<(String, String)> = parts.collect();
        let common_name = parts.iter().find(|(name, _)| name == "CN");
        Some(PeerCertificate {
            common_name: common_name.map(|(_, value)| value.clone()),
            subject: parts
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(","),
            der: certificate.to_der().unwrap_or_default(),
        })
    }
}
