//! Why a connection could not be made.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

#[cfg(feature = "tls")]
use super::TlsError;
use super::url::UrlError;

/// What was being done when a deadline came or a call was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Looking the host name up.
    Dns,
    /// Connecting the socket.
    Tcp,
    /// Negotiating TLS.
    Tls,
    /// Waiting for the server's answer to CONNECT.
    ConnAck,
    /// Waiting for room in the outgoing buffer or in the window of messages in flight.
    Room,
    /// Waiting for an acknowledgement.
    Ack,
    /// Waiting for the outgoing buffer to be written.
    Drain,
    /// Waiting for a message.
    Receive,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Dns => "looking up the host name",
            Self::Tcp => "connecting the socket",
            Self::Tls => "negotiating TLS",
            Self::ConnAck => "waiting for CONNACK",
            Self::Room => "waiting for room to publish",
            Self::Ack => "waiting for the acknowledgement",
            Self::Drain => "waiting for everything to be sent",
            Self::Receive => "waiting for a message",
        })
    }
}

/// Why no connection to the server came about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The URL cannot be used.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The deadline came.
    #[error("{host}: no connection after {after:?}, while {phase}")]
    Timeout {
        /// The server.
        host: String,
        /// What was being done.
        phase: Phase,
        /// How long was allowed for all phases together.
        after: Duration,
    },
    /// Somebody closed the client meanwhile.
    #[error("{host}: cancelled while {phase}")]
    Cancelled {
        /// The server.
        host: String,
        /// What was being done.
        phase: Phase,
    },
    /// The host name could not be looked up.
    #[error("{host}: the host name could not be looked up: {source}")]
    Resolve {
        /// The server.
        host: String,
        /// The system's error.
        source: io::Error,
    },
    /// The host name has no address.
    #[error("{host}: the host name has no address")]
    NoAddress {
        /// The server.
        host: String,
    },
    /// A local resource could not be had.
    #[error("{what}: {source}")]
    Local {
        /// What was asked of the system.
        what: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// No address could be connected.
    #[error("{host}: {}", list(.attempts))]
    Connect {
        /// The server.
        host: String,
        /// Each address that was tried, with the system's error.
        attempts: Vec<(SocketAddr, io::Error)>,
    },
    /// The program's own [transport](crate::Builder::transport) failed.
    #[error("{host}: the program's own transport did not connect: {source}")]
    Custom {
        /// The server.
        host: String,
        /// Its error.
        source: io::Error,
    },
    /// TLS could not be set up or negotiated.
    #[cfg(feature = "tls")]
    #[error("{host}: {source}")]
    Tls {
        /// The server.
        host: String,
        /// What failed.
        source: TlsError,
    },
}

impl DialError {
    /// The operating system's error, if there is one.
    pub(crate) fn io(&self) -> Option<&io::Error> {
        match self {
            Self::Resolve { source, .. }
            | Self::Local { source, .. }
            | Self::Custom { source, .. } => Some(source),
            Self::Connect { attempts, .. } => attempts.last().map(|(_, error)| error),
            _ => None,
        }
    }
}

fn list(attempts: &[(SocketAddr, io::Error)]) -> String {
    let each = attempts.iter().map(|(address, error)| format!("{address}: {error}"));
    format!("no address could be connected ({})", each.collect::<Vec<_>>().join("; "))
}
