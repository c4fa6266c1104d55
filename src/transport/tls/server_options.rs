//! Who a server is, and which clients it wants to see proof from.

use std::fmt;
use std::path::Path;

use super::options::{Source, TlsVersion};

/// How a broker speaks TLS.
///
/// ```no_run
/// use mqttlink::TlsServerOptions;
/// use mqttlink::broker::Broker;
///
/// let tls = TlsServerOptions::new("server.pem", "server.key")
///     .client_authority_file("clients-ca.pem")
///     .require_client_certificate(true);
/// let broker = Broker::builder().listen_tls("127.0.0.1:8883", tls).start()?;
/// # Ok::<(), mqttlink::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TlsServerOptions {
    pub(super) certificate: Source,
    pub(super) key: Source,
    pub(super) client_authorities: Vec<Source>,
    pub(super) require_client_certificate: bool,
    pub(super) min_version: TlsVersion,
    pub(super) session_resumption: bool,
}

impl TlsServerOptions {
    /// With the server's certificate, followed by those that lead to its authority, and its private
    /// key; both in PEM files.
    pub fn new(certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        let file = |path: &Path| Source::File(path.to_owned());
        Self::from_sources(file(certificate.as_ref()), file(key.as_ref()))
    }

    /// As [`new`](Self::new), with PEM from memory.
    pub fn from_memory(certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self::from_sources(Source::Memory(certificate.into()), Source::Memory(key.into()))
    }

    const fn from_sources(certificate: Source, key: Source) -> Self {
        Self {
            certificate,
            key,
            client_authorities: Vec::new(),
            require_client_certificate: false,
            min_version: TlsVersion::V1_2,
            session_resumption: true,
        }
    }

    /// Asks clients for a certificate and takes those that this authority has signed; PEM.
    #[must_use]
    pub fn client_authority_file(mut self, path: impl AsRef<Path>) -> Self {
        self.client_authorities.push(Source::File(path.as_ref().to_owned()));
        self
    }

    /// As [`client_authority_file`](Self::client_authority_file), from memory.
    #[must_use]
    pub fn client_authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.client_authorities.push(Source::Memory(pem.into()));
        self
    }

    /// Whether a client without a certificate is refused. Default: no; the authenticator sees
    /// whether there is one.
    #[must_use]
    pub const fn require_client_certificate(mut self, required: bool) -> Self {
        self.require_client_certificate = required;
        self
    }

    /// Whether only those get in whom an authority has signed.
    pub(crate) const fn asks_who_connects(&self) -> bool {
        self.require_client_certificate && !self.client_authorities.is_empty()
    }

    /// Whether a client that comes back may resume its TLS session, which saves both sides the costly
    /// part of the handshake. The client's certificate is then not sent again but the one of the
    /// first connection counts, for up to two hours; whoever must notice sooner that it was revoked
    /// or has expired turns this off. Default: yes.
    #[must_use]
    pub const fn session_resumption(mut self, allowed: bool) -> Self {
        self.session_resumption = allowed;
        self
    }

    /// The oldest version that is spoken. Default: TLS 1.2.
    #[must_use]
    pub const fn min_version(mut self, version: TlsVersion) -> Self {
        self.min_version = version;
        self
    }
}

/// Without the key.
impl fmt::Debug for TlsServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServerOptions")
            .field("client_authorities", &self.client_authorities.len())
            .field("require_client_certificate", &self.require_client_certificate)
            .field("min_version", &self.min_version)
            .field("session_resumption", &self.session_resumption)
            .finish_non_exhaustive()
    }
}
