//! Where the program has a say: who may connect, who may do what, and what it is told.

use std::net::SocketAddr;
use std::sync::Arc;

use super::threads::in_hook;
use crate::codec::topic::Filter;
use crate::codec::{Properties, PropertyId, QoS, ReasonCode, Version};
use crate::proto::{ConnectRequest, Publication};
use crate::transport::PeerCertificate;

/// Where a connection comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Peer {
    /// The client's address; `None` inside the process.
    pub address: Option<SocketAddr>,
    /// The certificate with which the client proved who it is.
    pub certificate: Option<PeerCertificate>,
}

/// A client that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientInfo {
    /// The client identifier, which the broker may have chosen.
    pub client_id: Arc<str>,
    /// Who the client is: what the authenticator said, else the user name.
    pub user: Option<String>,
    /// The protocol version.
    pub version: Version,
    /// Where it comes from.
    pub peer: Peer,
}

/// What a client says about itself when it connects.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The client identifier, which the broker may have chosen.
    pub client_id: String,
    /// The user name.
    pub user_name: Option<String>,
    /// The password.
    pub password: Option<Vec<u8>>,
    /// The protocol version.
    pub version: Version,
    /// Where it comes from, with its certificate if it has one.
    pub peer: Peer,
    /// The properties of CONNECT; none before MQTT 5.0.
    pub properties: Properties<'static>,
}

impl Credentials {
    pub(crate) fn new(request: &ConnectRequest, client_id: &str, peer: Peer) -> Self {
        Self {
            client_id: client_id.to_owned(),
            user_name: request.user_name.clone(),
            password: request.password.clone(),
            version: request.version,
            peer,
            properties: request.properties.clone(),
        }
    }

    /// About how many bytes they hold.
    pub(crate) fn size(&self) -> usize {
        self.client_id.len()
            + self.user_name.as_ref().map_or(0, String::len)
            + self.password.as_ref().map_or(0, Vec::len)
            + self.properties.wire_len()
    }

    /// The name of the authentication method, for an exchange with AUTH packets.
    #[must_use]
    pub fn authentication_method(&self) -> Option<&str> {
        self.properties.text(PropertyId::AuthenticationMethod)
    }
}

/// Without the password.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("client_id", &self.client_id)
            .field("user_name", &self.user_name)
            .field("version", &self.version)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// The answer to a client that wants to connect, or to go on with its authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// The client is accepted.
    Accept {
        /// Who it is, for the other hooks; `None` leaves the user name.
        user: Option<String>,
        /// The last data of an authentication exchange.
        data: Option<Vec<u8>>,
    },
    /// The client is asked for the next step of an authentication exchange.
    Challenge(Vec<u8>),
    /// The client is refused. What CONNACK cannot say becomes "unspecified error", and what is no
    /// error "not authorized".
    Refuse(ReasonCode),
}

impl Decision {
    /// The client is who it says it is.
    #[must_use]
    pub const fn accept() -> Self {
        Self::Accept { user: None, data: None }
    }

    /// Yes or "not authorized".
    #[must_use]
    pub const fn from_bool(accept: bool) -> Self {
        if accept { Self::accept() } else { Self::Refuse(ReasonCode::NotAuthorized) }
    }
}

impl From<bool> for Decision {
    fn from(accept: bool) -> Self {
        Self::from_bool(accept)
    }
}

/// Decides who may connect. It runs on a thread of its own, so it may ask a database or another
/// server; other clients are served meanwhile.
///
/// ```
/// use mqttlink::broker::{Broker, Credentials};
///
/// let known = |who: &Credentials| {
///     who.user_name.as_deref() == Some("attic") && who.password.as_deref() == Some(b"secret")
/// };
/// let broker = Broker::builder().authenticate(move |who: &Credentials| known(who).into()).start()?;
/// # Ok::<(), mqttlink::Error>(())
/// ```
pub trait ClientAuthenticator: Send + Sync {
    /// A client without an authentication method.
    fn authenticate(&self, who: &Credentials) -> Decision;

    /// A client with an authentication method (section 4.12): the exchange that carries it through,
    /// or `None` for a method that is not known, which is refused with "bad authentication method".
    fn exchange(&self, who: &Credentials) -> Option<Box<dyn AuthExchange>> {
        let _ = who;
        None
    }
}

impl<F: Fn(&Credentials) -> Decision + Send + Sync> ClientAuthenticator for F {
    fn authenticate(&self, who: &Credentials) -> Decision {
        self(who)
    }
}

/// The server's side of an authentication exchange, or of a re-authentication.
pub trait AuthExchange: Send {
    /// The client's next data: that of CONNECT first, then that of each AUTH.
    fn step(&mut self, data: Option<&[u8]>) -> Decision;
}

/// What a client wants to do, for the authorisation.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Action<'a> {
    /// To publish to a topic, also as its will.
    Publish {
        /// The topic name.
        topic: &'a str,
        /// The quality of service.
        qos: QoS,
        /// Whether the message is to be kept.
        retain: bool,
    },
    /// To subscribe.
    Subscribe {
        /// The filter.
        filter: Filter<'a>,
        /// The quality of service asked for.
        qos: QoS,
    },
    /// To be given a message that matches one of its subscriptions.
    Deliver {
        /// The message.
        message: &'a Publication,
    },
}

/// A message on its way in, for the interception.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Draft {
    /// The topic name.
    pub topic: String,
    /// The payload.
    pub payload: bytes::Bytes,
    /// The quality of service.
    pub qos: QoS,
    /// Whether it is to be kept.
    pub retain: bool,
    /// Its properties.
    pub properties: Properties<'static>,
}

/// Why a client is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectCause {
    /// It said goodbye, with this reason.
    Goodbye(ReasonCode),
    /// The connection was closed or lost without a goodbye.
    Lost,
    /// It broke the protocol, or was silent for too long.
    Failed(crate::proto::ProtocolError),
    /// Another connection with its client identifier took its place.
    TakenOver,
    /// The broker closed the connection, with this reason.
    Closed(ReasonCode),
}

/// Why a message did not reach a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropCause {
    /// The client's queue was full.
    QueueFull,
    /// All queues together were full.
    TotalFull,
    /// It is larger than the client takes.
    TooLarge,
    /// It expired while it waited.
    Expired,
}

/// Something that the broker tells the program.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokerEvent {
    /// A client was accepted.
    Connected {
        /// Which.
        client: Arc<ClientInfo>,
        /// Whether an earlier session goes on.
        session_present: bool,
    },
    /// A client is gone.
    Disconnected {
        /// Which.
        client: Arc<ClientInfo>,
        /// Why.
        cause: DisconnectCause,
    },
    /// A client wanted to connect and was refused.
    Refused {
        /// Its client identifier.
        client_id: String,
        /// Why.
        reason: ReasonCode,
    },
    /// A client has subscribed.
    Subscribed {
        /// Which.
        client: Arc<ClientInfo>,
        /// To what.
        filter: String,
        /// The QoS that was granted.
        qos: QoS,
    },
    /// A client has unsubscribed.
    Unsubscribed {
        /// Which.
        client: Arc<ClientInfo>,
        /// From what.
        filter: String,
    },
    /// A message did not reach a client.
    Dropped {
        /// Which client.
        client: Arc<ClientInfo>,
        /// The topic of the message.
        topic: String,
        /// Why.
        cause: DropCause,
    },
    /// A session has ended: it expired, or a clean start replaced it.
    SessionEnded {
        /// The client it belonged to.
        client: Arc<ClientInfo>,
    },
}

pub(crate) type Authorize = Arc<dyn Fn(&ClientInfo, &Action<'_>) -> bool + Send + Sync>;
pub(crate) type Intercept =
    Arc<dyn Fn(&ClientInfo, &mut Draft) -> Result<(), ReasonCode> + Send + Sync>;

/// What the core asks while it works.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    /// Somebody decides about clients; without, everybody is accepted.
    pub(crate) authenticates: bool,
    pub(crate) authorize: Option<Authorize>,
    pub(crate) intercept: Option<Intercept>,
    /// Somebody listens to events.
    pub(crate) events: bool,
    /// A client of MQTT 3 that publishes what it may not is disconnected; its message would
    /// otherwise be acknowledged and dropped [MQTT-3.3.5-2].
    pub(crate) disconnect_on_refusal: bool,
}

impl Hooks {
    pub(crate) fn intercepted(
        &self,
        client: &ClientInfo,
        draft: &mut Draft,
    ) -> Result<(), ReasonCode> {
        let Some(intercept) = &self.intercept else { return Ok(()) };
        guarded("interception", || intercept(client, draft))
            .unwrap_or(Err(ReasonCode::ImplementationSpecificError))
    }

    pub(crate) fn allows(&self, client: &ClientInfo, action: &Action<'_>) -> bool {
        self.authorize.as_ref().is_none_or(|authorize| {
            guarded("authorisation", || authorize(client, action)).unwrap_or(false)
        })
    }
}

/// Calls a hook of the program, whose panic must not take the broker with it.
fn guarded<T>(name: &str, call: impl FnOnce() -> T) -> Option<T> {
    let result = in_hook(|| std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)));
    if result.is_err() {
        log::error!("broker: the {name} hook panicked; what it was asked about is refused");
    }
    result.ok()
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hooks")
            .field("authenticates", &self.authenticates)
            .field("authorizes", &self.authorize.is_some())
            .field("intercepts", &self.intercept.is_some())
            .finish_non_exhaustive()
    }
}
