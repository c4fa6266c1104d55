//! How a broker is set up.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::faults::Faults;
use super::hooks::{Action, BrokerEvent, ClientAuthenticator, ClientInfo, Draft, Hooks};
use super::limits::BrokerLimits;
use super::listener::Clock;
use super::recorder::Recorder;
use super::{Broker, CoreConfig};
use crate::codec::{QoS, ReasonCode, Version};
use crate::error::{Error, ErrorCode};
use crate::proto::{ServerConfig, Time};
use crate::transport::Listener;
#[cfg(feature = "tls")]
use crate::transport::{ServerTls, TlsServerOptions};

/// What the event handler is.
pub(super) type EventHandler = Box<dyn FnMut(&BrokerEvent) + Send>;

struct Address {
    resolved: Vec<SocketAddr>,
    #[cfg(feature = "tls")]
    tls: Option<Box<TlsServerOptions>>,
    /// The versions that are spoken, if not all that the broker speaks.
    versions: Option<Vec<Version>>,
}

impl Address {
    const fn new(resolved: Vec<SocketAddr>) -> Self {
        Self {
            resolved,
            #[cfg(feature = "tls")]
            tls: None,
            versions: None,
        }
    }
}

/// A listener, and the versions that it speaks if not all.
pub(super) struct Bound {
    pub(super) listener: Listener,
    pub(super) versions: Option<Vec<Version>>,
}

/// Sets up a [`Broker`]; made by [`Broker::builder`].
///
/// Without any `listen` the broker takes clients inside the process only.
///
/// ```
/// use mqttlink::broker::Broker;
/// use mqttlink::{Client, QoS, Subscribe};
///
/// let broker = Broker::builder().listen("127.0.0.1:0").start()?;
/// let address = broker.address().expect("it listens");
/// let (client, _) = Client::builder_for("127.0.0.1", address.port()).connect()?;
/// client.subscribe(Subscribe::new("greeting", QoS::AtLeastOnce))?;
/// # Ok::<(), mqttlink::Error>(())
/// ```
#[must_use = "nothing happens before `start`"]
pub struct BrokerBuilder {
    addresses: Vec<Address>,
    public_without_authentication: bool,
    pub(super) core: CoreConfig,
    pub(super) hooks: Hooks,
    pub(super) authenticator: Option<Arc<dyn ClientAuthenticator>>,
    pub(super) authentication_threads: usize,
    pub(super) on_event: Option<EventHandler>,
    pub(super) clock: Clock,
    pub(super) faults: Arc<Faults>,
    pub(super) recorder: Option<Arc<Recorder>>,
    error: Option<Error>,
}

impl BrokerBuilder {
    pub(super) fn new() -> Self {
        let core = CoreConfig { sys_interval: Duration::from_secs(10), ..CoreConfig::default() };
        Self {
            addresses: Vec::new(),
            public_without_authentication: false,
            core,
            hooks: Hooks::default(),
            authenticator: None,
            authentication_threads: 2,
            on_event: None,
            clock: Clock::default(),
            faults: Arc::default(),
            recorder: None,
            error: None,
        }
    }

    /// Listens on an address and port without TLS, in every MQTT version. Port 0 lets the system
    /// choose; [`Broker::addresses`] tells which. A host name stands for all its addresses that the
    /// machine has. May be called several times.
    ///
    /// Without an [authenticator](Self::authenticate) only addresses that cannot be reached from
    /// other machines are taken, unless [`allow_anonymous`](Self::allow_anonymous) says otherwise.
    pub fn listen(mut self, address: impl ToSocketAddrs) -> Self {
        if let Some(resolved) = self.resolve(&address) {
            self.addresses.push(Address::new(resolved));
        }
        self
    }

    /// As [`listen`](Self::listen), with TLS. Options that require a client certificate ask who
    /// connects, as an authenticator does. On Windows and Apple's systems a broker has no TLS.
    #[cfg(feature = "tls")]
    pub fn listen_tls(mut self, address: impl ToSocketAddrs, options: TlsServerOptions) -> Self {
        if let Some(resolved) = self.resolve(&address) {
            let tls = Some(Box::new(options));
            self.addresses.push(Address { tls, ..Address::new(resolved) });
        }
        self
    }

    /// The versions that are spoken on the address of the last call of [`listen`](Self::listen) or
    /// `listen_tls`; a client of another one is refused, in MQTT 5.0 with "unsupported protocol
    /// version" and before with return code 1. Default: those of [`versions`](Self::versions).
    ///
    /// ```
    /// use mqttlink::Version;
    /// use mqttlink::broker::Broker;
    ///
    /// let old_devices = [Version::V3_1, Version::V3_1_1];
    /// let broker = Broker::builder()
    ///     .listen("127.0.0.1:0")
    ///     .listen("127.0.0.1:0")
    ///     .accept_versions(&old_devices)
    ///     .start()?;
    /// # Ok::<(), mqttlink::Error>(())
    /// ```
    pub fn accept_versions(mut self, versions: &[Version]) -> Self {
        match self.addresses.last_mut() {
            Some(address) => address.versions = Some(versions.to_vec()),
            None => {
                let text = "accept_versions is about the address that was named before it, and \
                            there is none: call listen first, or use versions for all";
                let error = Error::with_text(ErrorCode::InvalidArgument, text);
                self.error.get_or_insert(error);
            }
        }
        self
    }

    fn resolve(&mut self, address: &impl ToSocketAddrs) -> Option<Vec<SocketAddr>> {
        match address.to_socket_addrs() {
            Ok(addresses) => Some(addresses.collect()),
            Err(error) => {
                let what = "the address to listen on cannot be used";
                let error = Error::from_io(ErrorCode::ListenFailed, what, error);
                self.error.get_or_insert(error);
                None
            }
        }
    }

    /// Takes every client from every machine, although nobody asks who it is. Default: no.
    pub const fn allow_anonymous(mut self, allowed: bool) -> Self {
        self.public_without_authentication = allowed;
        self
    }

    /// Decides who may connect, on threads of its own. Default: everybody may.
    pub fn authenticate(mut self, authenticator: impl ClientAuthenticator + 'static) -> Self {
        self.authenticator = Some(Arc::new(authenticator));
        self
    }

    /// How many authentications go on at the same time, each on a thread. Default: 2.
    pub const fn authentication_threads(mut self, count: usize) -> Self {
        self.authentication_threads = count;
        self
    }

    /// Decides who may publish, subscribe and be given what. Called on the broker's thread, so it
    /// must not wait; a panic means no. Default: everybody may everything.
    ///
    /// In MQTT 5.0 a client is told "not authorized". Before, a message that may not be published is
    /// acknowledged and dropped; see
    /// [`disconnect_on_refused_publish`](Self::disconnect_on_refused_publish).
    pub fn authorize(
        mut self,
        authorize: impl Fn(&ClientInfo, &Action<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.hooks.authorize = Some(Arc::new(authorize));
        self
    }

    /// Whether a client of MQTT 3 that publishes what it may not is disconnected. Default: no.
    pub const fn disconnect_on_refused_publish(mut self, disconnect: bool) -> Self {
        self.hooks.disconnect_on_refusal = disconnect;
        self
    }

    /// Sees every message that a client publishes, also as its will, before anybody else does; may
    /// change it, or refuse it with a reason that PUBACK may carry. Called on the broker's thread, so it must not wait; a
    /// panic refuses the message.
    pub fn intercept(
        mut self,
        intercept: impl Fn(&ClientInfo, &mut Draft) -> Result<(), ReasonCode> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.intercept = Some(Arc::new(intercept));
        self
    }

    /// Is told what happens, in order, on a thread of its own. When 65,536 events wait for it,
    /// further ones are counted and left out.
    pub fn on_event(mut self, handler: impl FnMut(&BrokerEvent) + Send + 'static) -> Self {
        self.on_event = Some(Box::new(handler));
        self
    }

    /// What clients can make the broker hold.
    pub fn limits(mut self, limits: BrokerLimits) -> Self {
        self.core.limits = limits;
        self
    }

    /// What is offered to clients.
    pub fn protocol(mut self, config: ServerConfig) -> Self {
        self.core.protocol = config;
        self
    }

    /// The versions that are spoken. Default: all.
    pub fn versions(mut self, versions: &[Version]) -> Self {
        self.core.protocol.versions = versions.to_vec();
        self
    }

    /// The largest packet that is taken, in bytes. Default: 2 MB.
    pub const fn maximum_packet_size(mut self, bytes: usize) -> Self {
        self.core.protocol.maximum_packet_size = bytes;
        self
    }

    /// The highest QoS at which messages are taken. Default: 2.
    pub const fn maximum_qos(mut self, qos: QoS) -> Self {
        self.core.protocol.maximum_qos = qos;
        self
    }

    /// How often `$SYS` is published while somebody is subscribed to it; zero turns it off. Default:
    /// 10 s.
    pub const fn sys_interval(mut self, interval: Duration) -> Self {
        self.core.sys_interval = interval;
        self
    }

    /// From what the client identifiers are made that the broker chooses, for a test that wants the
    /// same ones every time. Others can guess them. Default: random ones from the system.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.core.seed = Some(seed);
        self
    }

    /// Starts the broker: its thread, and those for authentication and events if there is such a
    /// hook. Does not wait for anything.
    ///
    /// # Errors
    /// An address cannot be listened on, a TLS item cannot be used, an address could be reached from
    /// other machines although nobody asks who connects, or the system gives no thread.
    pub fn start(mut self) -> Result<Broker, Error> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.check_versions()?;
        let listeners = self.bind()?;
        self.core.protocol.record_frames = self.recorder.is_some();
        self.hooks.authenticates = self.authenticator.is_some();
        self.hooks.events = self.on_event.is_some();
        self.core.hooks = self.hooks.clone();
        Broker::start(self, listeners)
    }

    /// Keeps the last packets.
    pub(crate) fn recording(mut self, count_max: usize) -> Self {
        self.recorder = Some(Arc::new(Recorder::new(count_max)));
        self
    }

    /// Lets time stand still, but for [`Broker::advance`].
    pub(crate) fn at_virtual_time(mut self, now: Time) -> Self {
        self.clock = Clock::Virtual(Arc::new(Mutex::new(now)));
        self
    }

    fn check_versions(&self) -> Result<(), Error> {
        let of_addresses = self.addresses.iter().filter_map(|address| address.versions.as_ref());
        if of_addresses.chain([&self.core.protocol.versions]).any(Vec::is_empty) {
            let text = "no version of MQTT is to be spoken: name one in versions or accept_versions, \
                        or leave the call out for all";
            return Err(Error::with_text(ErrorCode::InvalidArgument, text));
        }
        Ok(())
    }

    fn bind(&mut self) -> Result<Vec<Bound>, Error> {
        let mut listeners = Vec::new();
        for address in std::mem::take(&mut self.addresses) {
            let asks = self.authenticator.is_some();
            #[cfg(feature = "tls")]
            let asks = asks || address.tls.as_ref().is_some_and(|tls| tls.asks_who_connects());
            #[cfg(feature = "tls")]
            let tls = address.tls.map(|options| ServerTls::new(&options)).transpose()?;
            for listener in self.bind_all(&address.resolved, asks)? {
                #[cfg(feature = "tls")]
                let listener = match &tls {
                    Some(tls) => listener.with_tls(tls.clone()),
                    None => listener,
                };
                listeners.push(Bound { listener, versions: address.versions.clone() });
            }
        }
        Ok(listeners)
    }

    /// Listens on all addresses of a host; those of a family that the machine does not have are
    /// left out if there are others.
    fn bind_all(&self, addresses: &[SocketAddr], asks: bool) -> Result<Vec<Listener>, Error> {
        let mut bound = Vec::new();
        let mut unavailable = None;
        for address in addresses {
            match self.bind_one(*address, asks)? {
                Ok(listener) => bound.push(listener),
                Err(error) if is_unavailable(&error) => unavailable = Some((*address, error)),
                Err(error) => return Err(not_listening(*address, error)),
            }
        }
        match unavailable {
            Some((address, error)) if bound.is_empty() => Err(not_listening(address, error)),
            _ => Ok(bound),
        }
    }

    fn bind_one(&self, address: SocketAddr, asks: bool) -> Result<io::Result<Listener>, Error> {
        let open = !asks && !self.public_without_authentication;
        if open && !address.ip().is_loopback() {
            let text = format!(
                "{address} can be reached from other machines, and nobody asks who connects: set \
                 an authenticator, or call allow_anonymous(true)"
            );
            return Err(Error::with_text(ErrorCode::InvalidArgument, text));
        }
        Ok(Listener::bind(address))
    }
}

fn not_listening(address: SocketAddr, error: io::Error) -> Error {
    let what = format!("{address} cannot be listened on");
    Error::from_io(ErrorCode::ListenFailed, &what, error)
}

/// The machine does not have the address, or nothing of its family.
fn is_unavailable(error: &io::Error) -> bool {
    #[cfg(unix)]
    let no_family = Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
    #[cfg(not(unix))]
    let no_family = Some(10_047);
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == no_family
}

impl fmt::Debug for BrokerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerBuilder")
            .field("listeners", &self.addresses.len())
            .field("core", &self.core)
            .finish_non_exhaustive()
    }
}
