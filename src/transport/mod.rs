//! Byte streams to a server, without a word of MQTT.
//!
//! [`dial`] resolves the host name, connects the socket and negotiates TLS under one deadline, and
//! gives a [`Link`]: two halves for two threads, and a handle that ends both.

mod cancel;
mod custom;
mod error;
#[cfg(feature = "tls")]
mod layer;
mod link;
mod mem;
mod polled;
mod resolve;
mod socket;
#[cfg(feature = "tls")]
mod tls;
mod url;

use std::time::Duration;

use crate::clock::Deadline;
pub(crate) use cancel::Cancel;
pub(crate) use custom::Opener;
pub use custom::Stream;
pub use error::{DialError, Phase};
pub(crate) use link::{Closer, Link, ReadHalf, Wait, WriteHalf};
pub use mem::Connector;
pub(crate) use mem::PolledEnd;
pub use polled::PeerCertificate;
pub(crate) use polled::{Listener, Polled};
use resolve::DialFailure;
pub(crate) use resolve::Resolver;
pub use socket::SocketOptions;
#[cfg(feature = "tls")]
pub(crate) use tls::{ServerTls, TlsClient};
#[cfg(feature = "tls")]
pub use tls::{TlsError, TlsItem, TlsOptions, TlsServerOptions, TlsVersion};
pub use url::UrlError;
pub(crate) use url::{Host, Scheme, Url};

/// Everything that is needed to reach a server.
pub(crate) struct Target {
    pub(crate) host: Host,
    pub(crate) resolver: Resolver,
    /// Instead of resolver, socket and TLS.
    pub(crate) opener: Option<Opener>,
    pub(crate) socket: SocketOptions,
    /// Inside the process: no host, no socket, no TLS.
    pub(crate) connector: Option<Connector>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<TlsClient>,
}

impl Target {
    /// Whether TLS is spoken.
    pub(crate) const fn is_secure(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }
}

/// Connects, within `limit`.
pub(crate) fn dial(target: &Target, limit: Duration, cancel: &Cancel) -> Result<Link, DialError> {
    let deadline = Deadline::after(limit);
    try_dial(target, deadline, cancel).map_err(|failure| failure.at(&target.host, limit))
}

fn try_dial(target: &Target, deadline: Deadline, cancel: &Cancel) -> Result<Link, DialFailure> {
    if let Some(connector) = &target.connector {
        return connector
            .connect()
            .map_err(|error| DialFailure::Local("the broker in this process", error));
    }
    if let Some(opener) = &target.opener {
        return opener.dial(&target.host, deadline, cancel);
    }
    let mut addresses = target.resolver.resolve(&target.host, deadline, cancel)?;
    if let Some(local) = target.socket.bind_address {
        addresses.retain(|address| address.is_ipv4() == local.is_ipv4());
    }
    let stream = socket::connect(addresses, &target.socket, deadline, cancel)?;
    #[cfg(feature = "tls")]
    if let Some(tls) = &target.tls {
        return tls.negotiate(stream, &target.host.name, deadline, cancel);
    }
    let description = socket::describe(&stream);
    let (read, write, closer) = socket::split(stream)
        .map_err(|error| DialFailure::Local("the socket could not be set up", error))?;
    Ok(Link { read: Box::new(read), write: Box::new(write), closer, description })
}
