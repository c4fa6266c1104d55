//! What to trust, who to be, and what can be wrong with either.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A version of the TLS protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.0, which is broken; for equipment that has nothing newer.
    V1_0,
    /// TLS 1.1, which is broken; for equipment that has nothing newer.
    V1_1,
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_0 => "TLS 1.0",
            Self::V1_1 => "TLS 1.1",
            Self::V1_2 => "TLS 1.2",
            Self::V1_3 => "TLS 1.3",
        })
    }
}

/// Something that TLS needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsItem {
    /// A certificate authority's certificate.
    Authority,
    /// The client's certificate.
    Certificate,
    /// The client's private key.
    Key,
    /// A server's certificate.
    ServerCertificate,
    /// A server's private key.
    ServerKey,
    /// The client's certificate and key in one PKCS#12 container.
    Pkcs12,
}

impl fmt::Display for TlsItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authority => "CA certificate",
            Self::Certificate => "client certificate",
            Self::Key => "client key",
            Self::ServerCertificate => "server certificate",
            Self::ServerKey => "server key",
            Self::Pkcs12 => "PKCS#12 container",
        })
    }
}

/// Why TLS cannot be set up or was not negotiated. Says which item, from where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("the {item} cannot be read from {path}: {why}")]
    Read {
        /// Which item.
        item: TlsItem,
        /// The file.
        path: String,
        /// The system's error.
        why: String,
    },
    /// The content is not what it should be.
    #[error("the {item} {origin} cannot be used: {why}")]
    Item {
        /// Which item.
        item: TlsItem,
        /// "from FILE" or "from memory".
        origin: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A certificate without a key, or the reverse.
    #[error("the client certificate and the client key go together, but there is only the {have}")]
    HalfIdentity {
        /// What there is.
        have: TlsItem,
    },
    /// The TLS library does not accept the settings.
    #[error("TLS cannot be set up: {why}")]
    Setup {
        /// The library's error.
        why: String,
    },
    /// The peers did not agree.
    #[error("TLS was not negotiated: {why}{}", hint(.why))]
    Handshake {
        /// The library's error.
        why: String,
    },
    /// The connection ended during the handshake, without a word of TLS about it.
    #[error("{why}, while TLS was negotiated (is this port a plain MQTT port, without TLS?)")]
    Interrupted {
        /// How it ended.
        why: String,
    },
    /// The peer sent an alert, or what it sent cannot be read, after the handshake. A server that
    /// speaks TLS 1.3 refuses the client's certificate in this way.
    #[error("TLS failed: {why}{}", hint(.why))]
    Broken {
        /// The library's error.
        why: String,
    },
}

/// What to try, for the failures that people meet.
fn hint(why: &str) -> &'static str {
    let why = why.to_ascii_lowercase();
    if why.contains("hostname mismatch") || why.contains("ip address mismatch") {
        " (the certificate is for another name: connect by that name, or set the server name)"
    } else if why.contains("certificate has expired") {
        " (renew the server's certificate, or set this machine's clock)"
    } else if why.contains("not yet valid") {
        " (is this machine's clock right?)"
    } else if why.contains("self-signed")
        || why.contains("self signed")
        || why.contains("unable to get local issuer")
    {
        " (the server's CA is not trusted: add its certificate with TlsOptions::ca_file)"
    } else if why.contains("wrong version number") || why.contains("packet length too long") {
        " (is this port a plain MQTT port, without TLS?)"
    } else if why.contains("no application protocol") {
        " (the server knows none of the protocols given with TlsOptions::alpn)"
    } else if why.contains("protocol version") || why.contains("unsupported protocol") {
        " (the server speaks no version between TlsOptions::min_version and max_version)"
    } else if why.contains("certificate required") || why.contains("handshake failure") {
        " (the server may want a client certificate)"
    } else if why.contains("unknown ca") || why.contains("bad certificate") {
        " (the server does not accept the client certificate)"
    } else {
        ""
    }
}

/// Where an item comes from.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Source {
    File(PathBuf),
    Memory(Vec<u8>),
}

impl Source {
    pub(super) fn read(&self, item: TlsItem) -> Result<Vec<u8>, TlsError> {
        match self {
            Self::Memory(bytes) => Ok(bytes.clone()),
            Self::File(path) => std::fs::read(path).map_err(|error: io::Error| TlsError::Read {
                item,
                path: path.display().to_string(),
                why: error.to_string(),
            }),
        }
    }

    pub(super) fn wrong(&self, item: TlsItem, why: impl fmt::Display) -> TlsError {
        let origin = match self {
            Self::File(path) => format!("from {}", path.display()),
            Self::Memory(_) => "from memory".to_owned(),
        };
        TlsError::Item { item, origin, why: why.to_string() }
    }
}

/// The client's certificate and key, in either form.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct IdentitySource {
    pub(super) certificate: Option<Source>,
    pub(super) key: Option<(Source, Option<String>)>,
    pub(super) pkcs12: Option<(Source, String)>,
}

/// How TLS is spoken: what to trust, who to be.
///
/// By default the server's certificate is verified against the system's roots and the host name, as
/// TLS 1.2 or newer. Every item is given by path or from memory; files are read when the client is
/// built, and a wrong one is an error then.
///
/// ```no_run
/// use mqttlink::{Client, TlsOptions};
///
/// let tls = TlsOptions::new()
///     .ca_file("ca.pem")
///     .certificate_file("device.pem")
///     .key_file("device.key");
/// let client = Client::builder("mqtts://broker.example.org").tls(tls).build()?;
/// # Ok::<(), mqttlink::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use = "the options do nothing until a client is built with them"]
pub struct TlsOptions {
    pub(super) authorities: Vec<Source>,
    pub(super) system_roots: bool,
    pub(super) identity: IdentitySource,
    pub(super) alpn: Vec<String>,
    pub(super) server_name: Option<String>,
    pub(super) min_version: TlsVersion,
    pub(super) max_version: Option<TlsVersion>,
    pub(super) sni: bool,
    pub(super) danger_any_certificate: bool,
    pub(super) danger_any_host_name: bool,
    pub(super) verifier: Option<Verifier>,
}

type Verify = dyn Fn(&str, &[u8]) -> bool + Send + Sync;

/// Decides about servers' certificates in the place of the TLS library.
#[derive(Clone)]
pub(super) struct Verifier(Arc<Verify>);

impl Verifier {
    pub(super) fn accepts(&self, host: &str, certificate: &[u8]) -> bool {
        (self.0)(host, certificate)
    }
}

impl PartialEq for Verifier {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Verifier {}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            authorities: Vec::new(),
            system_roots: true,
            identity: IdentitySource::default(),
            alpn: Vec::new(),
            server_name: None,
            min_version: TlsVersion::V1_2,
            max_version: None,
            sni: true,
            danger_any_certificate: false,
            danger_any_host_name: false,
            verifier: None,
        }
    }
}

impl TlsOptions {
    /// Verified against the system's roots, without a client certificate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the certificate authorities in this file, PEM (one or more) or DER (one), besides the
    /// system's.
    pub fn ca_file(mut self, path: impl AsRef<Path>) -> Self {
        self.authorities.push(Source::File(path.as_ref().to_owned()));
        self
    }

    /// Trusts these certificate authorities, PEM (one or more) or DER (one), besides the system's.
    pub fn ca(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(Source::Memory(bytes.into()));
        self
    }

    /// Whether the system's certificate authorities are trusted. Default: yes.
    pub const fn system_roots(mut self, trusted: bool) -> Self {
        self.system_roots = trusted;
        self
    }

    /// The client's certificate, from a file: PEM with its chain behind it, or DER.
    pub fn certificate_file(mut self, path: impl AsRef<Path>) -> Self {
        self.identity.certificate = Some(Source::File(path.as_ref().to_owned()));
        self
    }

    /// The client's certificate: PEM with its chain behind it, or DER.
    pub fn certificate(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.identity.certificate = Some(Source::Memory(bytes.into()));
        self
    }

    /// The client's private key, from a file: PKCS#8, PKCS#1 or SEC1, as PEM or DER.
    pub fn key_file(mut self, path: impl AsRef<Path>) -> Self {
        self.identity.key = Some((Source::File(path.as_ref().to_owned()), None));
        self
    }

    /// The client's private key: PKCS#8, PKCS#1 or SEC1, as PEM or DER.
    pub fn key(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.identity.key = Some((Source::Memory(bytes.into()), None));
        self
    }

    /// The password of the key that was given before, which is encrypted PKCS#8.
    pub fn key_password(mut self, password: impl Into<String>) -> Self {
        if let Some((_, stored)) = &mut self.identity.key {
            *stored = Some(password.into());
        }
        self
    }

    /// The client's certificate, chain and key in one PKCS#12 container, from a file.
    pub fn pkcs12_file(mut self, path: impl AsRef<Path>, password: impl Into<String>) -> Self {
        self.identity.pkcs12 = Some((Source::File(path.as_ref().to_owned()), password.into()));
        self
    }

    /// The client's certificate, chain and key in one PKCS#12 container.
    pub fn pkcs12(mut self, bytes: impl Into<Vec<u8>>, password: impl Into<String>) -> Self {
        self.identity.pkcs12 = Some((Source::Memory(bytes.into()), password.into()));
        self
    }

    /// Offers an application protocol (ALPN), in order of preference, as some services on port 443
    /// want: `mqtt`, or `x-amzn-mqtt-ca` for AWS IoT Core.
    pub fn alpn(mut self, protocol: impl Into<String>) -> Self {
        self.alpn.push(protocol.into());
        self
    }

    /// The name that the server's certificate is for, where it is not the host name of the URL.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// The oldest version accepted. Default: TLS 1.2.
    pub const fn min_version(mut self, version: TlsVersion) -> Self {
        self.min_version = version;
        self
    }

    /// The newest version offered. Default: the newest there is.
    pub const fn max_version(mut self, version: TlsVersion) -> Self {
        self.max_version = Some(version);
        self
    }

    /// Whether the server is told the name that is expected (SNI). Default: yes.
    pub const fn sni(mut self, sent: bool) -> Self {
        self.sni = sent;
        self
    }

    /// Accepts any certificate. Whoever is on the way can read and change everything.
    pub const fn danger_accept_invalid_certificates(mut self, accepted: bool) -> Self {
        self.danger_any_certificate = accepted;
        self
    }

    /// Accepts a certificate that is for another name. Whoever has any certificate of a trusted
    /// authority can read and change everything.
    pub const fn danger_accept_invalid_host_names(mut self, accepted: bool) -> Self {
        self.danger_any_host_name = accepted;
        self
    }

    /// Decides about the server's certificate in the place of the TLS library: it is given the name that
    /// was asked for and the certificate as DER, and says whether to go on. It is called for every
    /// connection, after the handshake and before a byte of MQTT, on the thread that connects; no lock
    /// is held. The library itself checks neither authority nor name then, only that the server has the
    /// key of the certificate.
    pub fn verifier(
        mut self,
        verify: impl Fn(&str, &[u8]) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.verifier = Some(Verifier(Arc::new(verify)));
        self
    }
}

/// Without keys and passwords.
impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let identity = &self.identity;
        f.debug_struct("TlsOptions")
            .field("authorities", &self.authorities.len())
            .field("system_roots", &self.system_roots)
            .field("has_identity", &(identity.key.is_some() || identity.pkcs12.is_some()))
            .field("alpn", &self.alpn)
            .field("server_name", &self.server_name)
            .field("min_version", &self.min_version)
            .field("max_version", &self.max_version)
            .field("danger_any_certificate", &self.danger_any_certificate)
            .field("danger_any_host_name", &self.danger_any_host_name)
            .field("has_verifier", &self.verifier.is_some())
            .finish_non_exhaustive()
    }
}
