//! How a server is set up, in words that are nobody's own.

use mqttlink::QoS;

#[cfg(feature = "tls")]
use super::Pki;

/// Where nothing is said, the server does as it likes; everybody may do everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) maximum_packet_size: Option<usize>,
    pub(crate) maximum_qos: Option<QoS>,
    pub(crate) retain_unavailable: bool,
    pub(crate) topic_alias_maximum: Option<u16>,
    pub(crate) keep_alive_max: Option<u16>,
    pub(crate) receive_maximum: Option<u16>,
    /// How many messages may wait for one client.
    pub(crate) queued_messages: Option<usize>,
    /// The only one who is let in.
    pub(crate) user: Option<User>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Tls>,
}

/// A user and the filters of what it may do; whoever may write may read as well.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    pub(crate) name: &'static str,
    pub(crate) password: &'static str,
    pub(crate) writes: &'static str,
    pub(crate) reads: &'static str,
}

/// The files with which a server speaks TLS.
#[cfg(feature = "tls")]
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(crate) certificate: String,
    pub(crate) key: String,
    /// Who has signed the certificates of clients, which the server then wants, and takes the user
    /// name from.
    pub(crate) client_authority: Option<String>,
}

#[cfg(feature = "tls")]
impl Settings {
    /// TLS with one of the server certificates.
    pub(crate) fn secure(pki: &Pki, name: &str) -> Self {
        let file = |ending| pki.file(&format!("{name}.{ending}"));
        let tls = Tls { certificate: file("pem"), key: file("key"), client_authority: None };
        Self { tls: Some(tls), ..Self::default() }
    }

    /// TLS, and clients have to show a certificate.
    pub(crate) fn mutual(pki: &Pki) -> Self {
        let mut settings = Self::secure(pki, "right");
        if let Some(tls) = &mut settings.tls {
            tls.client_authority = Some(pki.file("ca.pem"));
        }
        settings
    }
}
