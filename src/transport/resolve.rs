//! Host names to addresses, on a thread of their own: the system's resolver cannot be interrupted.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread;

use super::cancel::Cancel;
use super::error::{DialError, Phase};
use super::url::Host;
use crate::clock::Deadline;
use crate::threads::{Missing, queue};

type Lookup = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// How host names become addresses. The default asks the operating system.
#[derive(Clone)]
pub(crate) struct Resolver {
    lookup: Arc<Lookup>,
}

impl Resolver {
    pub(crate) fn new(
        lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self { lookup: Arc::new(lookup) }
    }

    /// The host's addresses, families alternating, so that one that does not work costs little.
    ///
    /// If the deadline comes first, the thread stays behind until the lookup returns; it holds
    /// nothing but the name.
    pub(crate) fn resolve(
        &self,
        host: &Host,
        deadline: Deadline,
        cancel: &Cancel,
    ) -> Result<Vec<SocketAddr>, DialFailure> {
        if let Ok(address) = host.name.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, host.port)]);
        }
        let (answer, answers) = queue();
        let cancelled = answer.clone();
        let _watch = cancel
            .watch(move || {
                cancelled.send(None);
            })
            .map_err(|_| DialFailure::Cancelled(Phase::Dns))?;
        let (lookup, name, port) = (Arc::clone(&self.lookup), host.name.clone(), host.port);
        thread::Builder::new()
            .name("mqttlink-dns".into())
            .spawn(move || {
                let look = std::panic::AssertUnwindSafe(|| lookup(&name, port));
                let found = std::panic::catch_unwind(look)
                    .unwrap_or_else(|_| Err(io::Error::other("the resolver panicked")));
                answer.send(Some(found));
            })
            .map_err(|source| DialFailure::Local("a thread could not be started", source))?;
        match answers.receive(deadline) {
            Ok(Some(Ok(addresses))) => Ok(interleave(addresses)),
            Ok(Some(Err(error))) => Err(DialFailure::Resolve(error)),
            Ok(None) => Err(DialFailure::Cancelled(Phase::Dns)),
            Err(Missing::Late) => Err(DialFailure::Timeout(Phase::Dns)),
            Err(Missing::Over) => {
                Err(DialFailure::Resolve(io::Error::other("the lookup ended without an answer")))
            }
        }
    }
}

impl Default for Resolver {
    fn default() -> Self {
        Self::new(|name, port| Ok((name, port).to_socket_addrs()?.collect()))
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

/// A [`DialError`] that does not know the host yet.
#[derive(Debug)]
pub(crate) enum DialFailure {
    Timeout(Phase),
    Cancelled(Phase),
    Resolve(io::Error),
    Local(&'static str, io::Error),
    Connect(Vec<(SocketAddr, io::Error)>),
    Custom(io::Error),
    #[cfg(feature = "tls")]
    Tls(super::TlsError),
}

impl DialFailure {
    pub(crate) fn at(self, host: &Host, after: std::time::Duration) -> DialError {
        let host = host.to_string();
        match self {
            Self::Timeout(phase) => DialError::Timeout { host, phase, after },
            Self::Cancelled(phase) => DialError::Cancelled { host, phase },
            Self::Resolve(source) => DialError::Resolve { host, source },
            Self::Local(what, source) => DialError::Local { what, source },
            Self::Connect(attempts) if attempts.is_empty() => DialError::NoAddress { host },
            Self::Connect(attempts) => DialError::Connect { host, attempts },
            Self::Custom(source) => DialError::Custom { host, source },
            #[cfg(feature = "tls")]
            Self::Tls(source) => DialError::Tls { host, source },
        }
    }
}

/// Alternates between the families, beginning with the one the system put first (RFC 8305,
/// section 4).
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let total = addresses.len();
    let (preferred, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    let mut mixed = Vec::with_capacity(total);
    while mixed.len() < total {
        mixed.extend(preferred.next());
        mixed.extend(other.next());
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn host(name: &str) -> Host {
        Host { name: name.into(), port: 1883 }
    }

    #[test]
    fn an_address_needs_no_lookup() {
        let resolver = Resolver::new(|_, _| panic!("not needed"));
        let found = resolver.resolve(&host("::1"), Deadline::NEVER, &Cancel::default());
        assert_eq!(found.unwrap(), ["[::1]:1883".parse().unwrap()]);
    }

    #[test]
    fn families_alternate_and_nothing_is_lost() {
        let parse = |text: &str| -> Vec<SocketAddr> {
            text.split(' ').map(|address| address.parse().unwrap()).collect()
        };
        let mixed = interleave(parse("[::1]:1 [::2]:1 [::3]:1 1.1.1.1:1"));
        assert_eq!(mixed, parse("[::1]:1 1.1.1.1:1 [::2]:1 [::3]:1"));
        assert_eq!(interleave(Vec::new()), []);
    }

    #[test]
    fn a_lookup_that_hangs_ends_with_the_deadline_or_the_cancel() {
        let (release, hang) = queue::<()>();
        let resolver = Resolver::new(move |_, _| {
            let _ = hang.receive(Deadline::NEVER);
            Ok(Vec::new())
        });
        let deadline = Deadline::after(Duration::from_millis(20));
        let error = resolver.resolve(&host("x"), deadline, &Cancel::default()).unwrap_err();
        assert!(matches!(error, DialFailure::Timeout(Phase::Dns)));

        let cancel = Cancel::default();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| resolver.resolve(&host("x"), Deadline::NEVER, &cancel));
            cancel.cancel();
            let error = waiting.join().unwrap().unwrap_err();
            assert!(matches!(error, DialFailure::Cancelled(Phase::Dns)));
        });
        drop(release);
    }
}
