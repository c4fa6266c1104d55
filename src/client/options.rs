//! How a client is set up.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::auth::Authenticator;
use super::event::{ConnectionEvent, Inspected};
use super::handlers::HandlerTable;
use super::mailbox::Bounds;
use super::message::Message;
use super::plan::{Plan, Planned};
use super::{Client, Granted};
use crate::codec::Version;
use crate::error::{Error, ErrorCode};
use crate::proto::{Config, ConnectOptions, Will};
use crate::transport::{
    Connector, Host, Opener, Resolver, Scheme, SocketOptions, Stream, Target, Url,
};
#[cfg(feature = "tls")]
use crate::transport::{TlsClient, TlsOptions};

/// When a message of QoS 1 or 2 is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Acknowledge {
    /// As soon as it is received. What has not been handled when the process dies is lost.
    OnReceipt,
    /// When its handler has returned, or the value that [`Client::recv`] gave is dropped.
    #[default]
    WhenHandled,
    /// By [`Message::acknowledge`] or an [`Acknowledger`](super::Acknowledger).
    Manually,
}

/// Everything that is fixed for the life of a client, and the plan, which may change between two
/// connections.
pub(super) struct Options {
    pub(super) plan: Planned,
    pub(super) config: Config,
    pub(super) acknowledge: Acknowledge,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
    pub(super) publish_timeout: Duration,
    pub(super) drain_timeout: Duration,
    pub(super) bounds: Bounds,
    /// Whether packets are shown to a handler.
    pub(super) inspects: bool,
}

/// Sets up a [`Client`]; made by [`Client::builder`].
///
/// ```no_run
/// use mqttlink::{Client, QoS, Version, Will};
/// use std::time::Duration;
///
/// let client = Client::builder("mqtt://localhost")
///     .client_id("attic")
///     .version(Version::V3_1_1)
///     .keep_alive(Duration::from_secs(30))
///     .will(Will::new("attic/status", "offline").retain(true))
///     .on_message(|message| println!("{}: {} bytes", message.topic(), message.payload().len()))
///     .build()?;
/// client.connect()?;
/// # Ok::<(), mqttlink::Error>(())
/// ```
#[must_use = "nothing happens before `build` or `connect`"]
pub struct Builder {
    host: Host,
    secure: bool,
    resolver: Resolver,
    opener: Option<Opener>,
    socket: SocketOptions,
    connector: Option<Connector>,
    #[cfg(feature = "tls")]
    tls: TlsOptions,
    connect: ConnectOptions,
    config: Config,
    acknowledge: Acknowledge,
    connect_timeout: Duration,
    response_timeout: Duration,
    publish_timeout: Duration,
    drain_timeout: Duration,
    bounds: Bounds,
    authenticator: Option<Box<dyn Authenticator>>,
    handlers: HandlerTable,
    /// The first thing that was wrong.
    error: Option<Error>,
}

/// A part of a second counts as one: it is not zero, which has a meaning of its own.
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0))
}

impl Builder {
    pub(super) fn from_url(url: &str) -> Self {
        match Url::parse(url) {
            Ok(url) => {
                let mut builder = Self::new(url.host, url.scheme == Scheme::Mqtts);
                builder.connect.user_name = url.user_name;
                builder.connect.password = url.password.map(String::into_bytes);
                builder
            }
            Err(error) => Self { error: Some(error.into()), ..Self::from_host("", 0) },
        }
    }

    pub(super) fn from_host(host: &str, port: u16) -> Self {
        Self::new(Host { name: host.to_owned(), port }, false)
    }

    pub(super) fn from_connector(connector: Connector) -> Self {
        Self { connector: Some(connector), ..Self::from_host("this process", 0) }
    }

    fn new(host: Host, secure: bool) -> Self {
        Self {
            host,
            secure,
            resolver: Resolver::default(),
            opener: None,
            socket: SocketOptions::default(),
            connector: None,
            #[cfg(feature = "tls")]
            tls: TlsOptions::default(),
            connect: ConnectOptions::default(),
            config: Config::default(),
            acknowledge: Acknowledge::default(),
            connect_timeout: Duration::from_secs(30),
            response_timeout: Duration::from_secs(30),
            publish_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(5),
            bounds: Bounds { messages: 65_536, bytes: 4 * 1024 * 1024 },
            authenticator: None,
            handlers: HandlerTable::default(),
            error: None,
        }
    }

    /// The protocol version. Default: 5.0.
    pub const fn version(mut self, version: Version) -> Self {
        self.connect.version = version;
        self
    }

    /// The client identifier. Default: empty, and the server assigns one; for MQTT 3.1, and for a
    /// session that outlives the connection in 3.1.1, an identifier is made up or required.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.connect.client_id = id.into();
        self
    }

    /// The user name. Default: the URL's.
    pub fn user_name(mut self, name: impl Into<String>) -> Self {
        self.connect.user_name = Some(name.into());
        self
    }

    /// The password, any bytes. Before MQTT 5.0 it needs a user name. Default: the URL's.
    pub fn password(mut self, password: impl Into<Vec<u8>>) -> Self {
        self.connect.password = Some(password.into());
        self
    }

    /// Whether [`connect`](Client::connect) begins a new session (Clean Start; Clean Session before
    /// MQTT 5.0). Default: yes. With `false`, what the server kept for this client identifier goes
    /// on. [`reconnect`](Client::reconnect) always tries to go on.
    pub const fn clean_start(mut self, clean: bool) -> Self {
        self.connect.clean_start = clean;
        self
    }

    /// How long the session outlives the connection, in whole seconds, rounded up; [`Duration::MAX`] means for
    /// ever. MQTT 5.0 only; before, a session without a clean start lasts for ever. Default: 0.
    pub fn session_expiry(mut self, expiry: Duration) -> Self {
        self.connect.session_expiry = u32::try_from(whole_seconds(expiry)).unwrap_or(u32::MAX);
        self
    }

    /// The longest silence on the connection, in whole seconds, rounded up, at most 65,535; zero turns keep
    /// alive off. The server may change it in MQTT 5.0. Default: 60 s.
    pub fn keep_alive(mut self, interval: Duration) -> Self {
        self.connect.keep_alive = u16::try_from(whole_seconds(interval)).unwrap_or(u16::MAX);
        self
    }

    /// How long the answer to a PINGREQ may take. A dead peer is noticed after at most keep alive
    /// plus this time. Default: 10 s.
    pub const fn ping_timeout(mut self, limit: Duration) -> Self {
        self.config.ping_timeout = limit;
        self
    }

    /// The message that the server publishes when the connection is lost. Default: none.
    pub fn will(mut self, will: Will) -> Self {
        self.connect.will = Some(will);
        self
    }

    /// How many messages of QoS 1 and 2 may await this client's acknowledgement, 1 to 65,535. MQTT
    /// 5.0 only. Default: 65,535, the protocol's. A server that sends more has broken the protocol,
    /// and the connection ends: mosquitto 2.0.11 does when messages wait for the client.
    pub const fn receive_maximum(mut self, maximum: u16) -> Self {
        self.connect.receive_maximum = maximum;
        self
    }

    /// The largest packet this client takes, in bytes. In MQTT 5.0 the server is told and leaves
    /// larger messages out; before, a larger packet ends the connection. Default: 16 MiB.
    pub const fn maximum_packet_size(mut self, bytes: u32) -> Self {
        self.connect.maximum_packet_size = bytes;
        self
    }

    /// How many topic aliases the server may use. MQTT 5.0 only. Default: 0.
    pub const fn topic_alias_maximum(mut self, maximum: u16) -> Self {
        self.connect.topic_alias_maximum = maximum;
        self
    }

    /// How many topic aliases this client assigns by itself, if the server takes that many: the
    /// topics used last are sent as a number. MQTT 5.0 only. Default: 0.
    pub const fn topic_aliases(mut self, count: u16) -> Self {
        self.config.topic_aliases = count;
        self
    }

    /// Asks the server for the basis of response topics. MQTT 5.0 only. Default: no.
    pub const fn request_response_information(mut self, wanted: bool) -> Self {
        self.connect.request_response_information = wanted;
        self
    }

    /// Whether the server may explain failures with reason strings and user properties. MQTT 5.0
    /// only. Default: yes.
    pub const fn request_problem_information(mut self, wanted: bool) -> Self {
        self.connect.request_problem_information = wanted;
        self
    }

    /// Adds a user property to CONNECT. MQTT 5.0 only.
    pub fn user_property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.connect.user_properties.push((name.into(), value.into()));
        self
    }

    /// Carries the client's side of an authentication exchange (section 4.12). MQTT 5.0 only.
    pub fn authenticator(mut self, authenticator: impl Authenticator + 'static) -> Self {
        self.authenticator = Some(Box::new(authenticator));
        self
    }

    /// How TLS is spoken. The URL says whether: with `mqtts://`, always; with
    /// [`host and port`](Client::builder_for), these options turn it on.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, options: TlsOptions) -> Self {
        self.tls = options;
        self.secure = true;
        self
    }

    /// Options of the TCP socket.
    pub fn socket(mut self, options: SocketOptions) -> Self {
        self.socket = options;
        self
    }

    /// The local address to connect from.
    pub const fn bind_address(mut self, address: IpAddr) -> Self {
        self.socket.bind_address = Some(address);
        self
    }

    /// Looks host names up in another way than the operating system's. Called on a thread of its
    /// own, for every connection.
    pub fn resolver(
        mut self,
        lookup: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        self.resolver = Resolver::new(lookup);
        self
    }

    /// Carries the packets over streams of the program's own, instead of TCP and TLS: another TLS
    /// library with its keys in a security module, a tunnel, a serial line.
    ///
    /// `connect` is called for every connection with host and port and how long it may take, on a
    /// thread of its own; one that comes too late is closed. The URL must not ask for TLS, which is
    /// the stream's own affair. Resolver and socket options are not used.
    ///
    /// Everything that the client sends and receives waits for the stream's functions. They may call the
    /// same client, but what would wait for the connection fails with [`ErrorCode::WouldDeadlock`], and what
    /// ends it does not wait for the end. A connection has ended when all functions of its stream have returned
    /// and the stream is dropped; who ends it waits for that at most 5 s.
    ///
    /// [`ErrorCode::WouldDeadlock`]: crate::ErrorCode::WouldDeadlock
    pub fn transport(
        mut self,
        connect: impl Fn(&str, u16, Duration) -> io::Result<Stream> + Send + Sync + 'static,
    ) -> Self {
        self.opener = Some(Opener::new(connect));
        self
    }

    /// How long [`connect`](Client::connect) may take in all: name, socket, TLS and CONNACK.
    /// Default: 30 s.
    pub const fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How long calls wait for the server's answer: subscribe, unsubscribe, re-authenticate and
    /// [`Delivery::wait`](super::Delivery::wait). Default: 30 s.
    pub const fn response_timeout(mut self, limit: Duration) -> Self {
        self.response_timeout = limit;
        self
    }

    /// How long [`publish`](Client::publish) waits for room. Default: 30 s.
    pub const fn publish_timeout(mut self, limit: Duration) -> Self {
        self.publish_timeout = limit;
        self
    }

    /// How long [`disconnect`](Client::disconnect) waits until everything is sent and acknowledged.
    /// Default: 5 s.
    pub const fn drain_timeout(mut self, limit: Duration) -> Self {
        self.drain_timeout = limit;
        self
    }

    /// How many messages of QoS 1 and 2 this client sends without waiting for an acknowledgement, if
    /// the server allows that many. Default: in MQTT 5.0 the server's receive maximum; before it 100,
    /// of which 20 may have QoS 2: mosquitto takes no more, and throws the others away unsaid.
    pub const fn window(mut self, messages: u16) -> Self {
        self.config.window = Some(messages);
        self
    }

    /// How many bytes may wait to be written before a publish waits. One message may exceed it.
    /// Default: 1 MiB.
    pub const fn out_buffer_max(mut self, bytes: usize) -> Self {
        self.config.out_buffer_max = bytes;
        self
    }

    /// How many bytes of messages in flight are kept before a publish waits. One message may exceed
    /// it. Default: 64 MiB.
    pub const fn in_flight_bytes_max(mut self, bytes: usize) -> Self {
        self.config.in_flight_bytes_max = bytes;
        self
    }

    /// How many received messages, and how many bytes of them, wait to be taken before the client
    /// stops reading, so that the server has to wait. Default: 65,536 and 4 MiB.
    ///
    /// While a call waits for an acknowledgement, which comes behind those messages, four times as
    /// many are let in.
    pub const fn queue_max(mut self, messages: usize, bytes: usize) -> Self {
        self.bounds = Bounds { messages, bytes };
        self
    }

    /// Hands over payloads longer than this many bytes in pieces, through
    /// [`Message::reader`], instead of holding them in memory. Default: never. A message may not
    /// exceed [`maximum_packet_size`](Self::maximum_packet_size) all the same.
    pub const fn stream_above(mut self, bytes: usize) -> Self {
        self.config.stream_above = Some(bytes);
        self
    }

    /// When messages of QoS 1 and 2 are acknowledged. Default: when they have been handled.
    pub const fn acknowledge(mut self, mode: Acknowledge) -> Self {
        self.acknowledge = mode;
        self
    }

    /// Takes every message that no subscription's own handler takes. Without it, they wait for
    /// [`recv`](Client::recv).
    ///
    /// Runs on the client's dispatcher thread, one message at a time, in order. Every call of the
    /// client may be made inside, also those that wait. If it panics, the panic is logged and the
    /// message is refused, in MQTT 5.0 with "implementation specific error".
    pub fn on_message(self, handler: impl FnMut(&Message) + Send + 'static) -> Self {
        self.handlers.set_default(Box::new(handler));
        self
    }

    /// Takes the messages that match this filter, as the handler of a
    /// [`Subscribe`](super::Subscribe) does, but without subscribing: for a session that goes on, whose
    /// messages may come before this program has subscribed again.
    pub fn on_filter(
        mut self,
        filter: &str,
        handler: impl FnMut(&Message) + Send + 'static,
    ) -> Self {
        if let Err(error) = self.handlers.set_filter(filter, Box::new(handler)) {
            self.error.get_or_insert(error);
        }
        self
    }

    /// Is told when the connection comes and goes, on the dispatcher thread, in order with the
    /// messages.
    pub fn on_event(self, handler: impl FnMut(&ConnectionEvent) + Send + 'static) -> Self {
        self.handlers.set_event(Box::new(handler));
        self
    }

    /// Is shown every packet in both directions, on the dispatcher thread. When it does not keep up,
    /// packets are left out and counted in [`Statistics`](super::Statistics).
    pub fn on_packet(self, handler: impl FnMut(&Inspected<'_>) + Send + 'static) -> Self {
        self.handlers.set_packet(Box::new(handler));
        self
    }

    /// Makes the client. Nothing is sent, no thread is started. Files named in the TLS options are
    /// read.
    ///
    /// # Errors
    /// The URL, an option or a TLS item cannot be used.
    pub fn build(self) -> Result<Client, Error> {
        let (options, handlers) = self.into_parts()?;
        Ok(Client::new(options, Arc::new(handlers)))
    }

    /// What is wrong with the URL or an option so far. No file is read.
    #[cfg(feature = "capi")]
    pub(crate) fn check(mut self) -> Result<(), Error> {
        self.complete()
    }

    fn complete(&mut self) -> Result<(), Error> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        if let Some(authenticator) = &self.authenticator {
            self.connect.authentication_method = Some(authenticator.method().to_owned());
        }
        fill_client_id(&mut self.connect)?;
        check(&self.connect)
    }

    pub(super) fn into_parts(mut self) -> Result<(Options, HandlerTable), Error> {
        self.complete()?;
        // A transport of the program's own knows by itself where it leads.
        if self.opener.is_none() && self.connector.is_none() {
            self.host.check()?;
        }
        if self.secure && self.opener.is_some() {
            let text = "a transport of one's own brings its own TLS: give it a mqtt:// URL";
            return Err(Error::with_text(ErrorCode::InvalidArgument, text));
        }
        #[cfg(not(feature = "tls"))]
        if self.secure {
            let text = "mqtts:// needs TLS: build mqttlink with the feature `tls`";
            return Err(Error::with_text(ErrorCode::NotSupported, text));
        }
        #[cfg(feature = "tls")]
        let tls = if self.secure { Some(TlsClient::new(&self.tls)?) } else { None };
        let inspects = self.handlers.has_packet();
        let plan = Plan {
            target: Target {
                host: self.host,
                resolver: self.resolver,
                opener: self.opener,
                socket: self.socket,
                connector: self.connector,
                #[cfg(feature = "tls")]
                tls,
            },
            connect: self.connect,
            authenticator: self.authenticator.map(Mutex::new),
        };
        let options = Options {
            plan: Planned::new(plan),
            config: self.config,
            acknowledge: self.acknowledge,
            connect_timeout: self.connect_timeout,
            response_timeout: self.response_timeout,
            publish_timeout: self.publish_timeout,
            drain_timeout: self.drain_timeout,
            bounds: self.bounds,
            inspects,
        };
        Ok((options, self.handlers))
    }

    /// [`build`](Self::build) and [`Client::connect`] in one.
    ///
    /// # Errors
    /// As those two.
    pub fn connect(self) -> Result<(Client, Arc<Granted>), Error> {
        let client = self.build()?;
        let granted = client.connect()?;
        Ok((client, granted))
    }
}

/// What would fail at every connection fails here.
fn check(options: &ConnectOptions) -> Result<(), Error> {
    if options.version.is_v5() {
        let zero = |what| Error::with_text(ErrorCode::InvalidProperty, format!("{what} is 0"));
        if options.receive_maximum == 0 {
            return Err(zero("the receive maximum"));
        }
        if options.maximum_packet_size == 0 {
            return Err(zero("the maximum packet size"));
        }
    }
    let mut core = crate::proto::ClientConnection::new(Config::default());
    core.connect(crate::proto::Time::ORIGIN, options)?;
    Ok(())
}

/// MQTT 3.1 has no empty client identifier.
fn fill_client_id(options: &mut ConnectOptions) -> Result<(), Error> {
    if options.version != Version::V3_1 || !options.client_id.is_empty() || !options.clean_start {
        return Ok(());
    }
    let mut random = [0; 6];
    getrandom::fill(&mut random)
        .map_err(|error| Error::with_text(ErrorCode::Resources, error.to_string()))?;
    let digits = random.iter().map(|byte| format!("{byte:02x}"));
    options.client_id = format!("mqttlink-{}", digits.collect::<String>());
    Ok(())
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("host", &self.host.to_string())
            .field("secure", &self.secure)
            .field("connect", &self.connect)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
