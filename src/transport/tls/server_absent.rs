//! Where the platform's TLS library cannot ask clients for certificates, there is no server.

use std::io;

use mio::net::TcpStream;

use super::options::TlsError;
use super::server_options::TlsServerOptions;
use crate::transport::polled::PeerCertificate;

#[derive(Clone)]
pub(crate) struct ServerTls {
    never: std::convert::Infallible,
}

pub(crate) struct TlsStream {
    never: std::convert::Infallible,
}

impl ServerTls {
    pub(crate) fn new(_: &TlsServerOptions) -> Result<Self, TlsError> {
        let why = "a broker with TLS needs OpenSSL, which this platform's build does not have; \
                   put a TLS proxy in front of it";
        Err(TlsError::Setup { why: why.to_owned() })
    }

    pub(crate) fn accept(&self, _: TcpStream) -> io::Result<TlsStream> {
        match self.never {}
    }
}

impl TlsStream {
    pub(crate) fn socket(&mut self) -> &mut TcpStream {
        match self.never {}
    }

    pub(crate) fn read(&mut self, _: &mut Vec<u8>) -> io::Result<usize> {
        match self.never {}
    }

    pub(crate) fn write(&mut self, _: &[&[u8]]) -> io::Result<usize> {
        match self.never {}
    }

    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        match self.never {}
    }

    pub(crate) fn finish(&mut self) -> io::Result<bool> {
        match self.never {}
    }

    pub(crate) fn certificate(&self) -> Option<PeerCertificate> {
        match self.never {}
    }
}
