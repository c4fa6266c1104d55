//! The blocking client: two threads around a socket, a dispatcher for handlers, one lock.

mod auth;
mod close;
mod connect;
mod connection;
mod delivery;
mod dispatcher;
mod event;
mod farewell;
mod handlers;
mod input;
mod inside;
mod interrupt;
mod mailbox;
mod message;
mod options;
mod pending;
mod plan;
mod publish;
mod reader;
mod shared;
mod subscribe;

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

pub use auth::{AuthError, Authenticator};
pub use delivery::{Acknowledgement, Delivery};
pub use event::{ConnectionEvent, Direction, Inspected};
pub use farewell::{DisconnectOptions, Drained, Unsent};
pub use message::{Acknowledger, Message, PayloadReader};
pub use options::{Acknowledge, Builder};
#[cfg(feature = "capi")]
pub(crate) use publish::Room;
pub use shared::Status;
pub use subscribe::{Subscribe, Subscribed, Unsubscribed};

use crate::error::{Error, ErrorCode};
use crate::proto::{Counters, Granted};
use crate::transport::{Connector, Phase};
use handlers::HandlerTable;
use mailbox::{Chunks, Nothing};
use message::Origin;
use options::Options;
use shared::Shared;

/// An MQTT client.
///
/// A handle: clones share one connection and one session. Every method may be called from any
/// thread, also inside every handler. A method that waits says for how long, and is woken when the
/// connection ends.
///
/// When the last handle is dropped, what was accepted for sending is written (for at most a second),
/// then the connection is closed without DISCONNECT (the server has another second for its part), so
/// that it publishes the will; and a handler that runs is waited for. Over a
/// [`transport`](Builder::transport) of the program's own, of which no half can be closed, the server gets
/// DISCONNECT 0x04 instead, which publishes the will too; before MQTT 5.0 the second passes. Use
/// [`disconnect`](Self::disconnect) to say goodbye, and to wait for acknowledgements. A handler keeps
/// the client alive if it owns a handle: give it a [`WeakClient`], or use
/// [`Message::client`].
#[derive(Clone)]
pub struct Client {
    inner: Arc<ClientInner>,
}

/// A handle that does not keep its client alive: for what the client itself owns, such as a handler.
/// A handler that owns a [`Client`] keeps it, its threads and its connection for ever.
///
/// ```
/// # fn main() -> Result<(), mqttlink::Error> {
/// use mqttlink::{Client, Publish, QoS, Subscribe};
///
/// let client = Client::builder("mqtt://localhost").build()?;
/// let weak = client.downgrade();
/// let echo = Subscribe::new("ask", QoS::AtLeastOnce).handler(move |message| {
///     if let Some(client) = weak.upgrade() {
///         let answer = Publish::new("answer", message.payload());
///         let _ = client.publish(answer);
///     }
/// });
/// # drop(echo);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct WeakClient {
    inner: Weak<ClientInner>,
}

impl WeakClient {
    /// The client, if there is still a handle that keeps it.
    #[must_use]
    pub fn upgrade(&self) -> Option<Client> {
        self.inner.upgrade().map(Client::from_inner)
    }
}

impl fmt::Debug for WeakClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakClient").finish_non_exhaustive()
    }
}

/// Shared by all handles, and only by them: its end is the end of the client.
pub(crate) struct ClientInner {
    shared: Arc<Shared>,
}

impl Drop for ClientInner {
    fn drop(&mut self) {
        close::abandon_client(&self.shared);
    }
}

/// Counts since the client was made, and how much waits at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// What went over the wire.
    pub wire: Counters,
    /// Messages of QoS 1 and 2 that await the server's acknowledgement.
    pub in_flight: usize,
    /// Bytes in the outgoing buffer.
    pub queued_bytes: usize,
    /// Received messages that wait for a handler or for [`Client::recv`].
    pub waiting_messages: usize,
    /// Packets that [`Builder::on_packet`] was not shown because its handler did not keep up.
    pub missed_packets: u64,
}

impl Client {
    /// Begins to set up a client for a server: `mqtt://host`, `mqtts://host:port`,
    /// `mqtt://user:password@host`. The ports are 1883 and with TLS 8883; `tcp` and `ssl` are other
    /// names for the schemes. What is wrong with the URL is reported by [`Builder::build`].
    pub fn builder(url: &str) -> Builder {
        Builder::from_url(url)
    }

    /// Begins to set up a client for a server, by name or address and port, without TLS unless
    /// [`Builder::tls`] is called.
    pub fn builder_for(host: &str, port: u16) -> Builder {
        Builder::from_host(host, port)
    }

    /// Begins to set up a client for a broker in this process, which it reaches without a socket.
    ///
    /// ```
    /// use mqttlink::broker::Broker;
    /// use mqttlink::{Client, Publish};
    ///
    /// let broker = Broker::builder().start()?;
    /// let (client, _) = Client::builder_in_process(&broker.connector()).connect()?;
    /// client.publish(Publish::new("greeting", "hello"))?;
    /// # Ok::<(), mqttlink::Error>(())
    /// ```
    pub fn builder_in_process(connector: &Connector) -> Builder {
        Builder::from_connector(connector.clone())
    }

    /// Ends the client while others still have handles: their calls return.
    #[cfg(feature = "capi")]
    pub(crate) fn abandon(&self) {
        close::abandon_client(self.shared());
    }

    fn new(options: Options, handlers: Arc<HandlerTable>) -> Self {
        let shared = Arc::new(Shared::new(options, handlers));
        let inner = Arc::new(ClientInner { shared });
        // The cell is empty: nobody else has seen it.
        let _ = inner.shared.client.set(Arc::downgrade(&inner));
        Self { inner }
    }

    pub(crate) const fn from_inner(inner: Arc<ClientInner>) -> Self {
        Self { inner }
    }

    /// A handle that does not keep the client alive.
    #[must_use]
    pub fn downgrade(&self) -> WeakClient {
        WeakClient { inner: Arc::downgrade(&self.inner) }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    /// Connects, and says what the server granted. Blocks for at most
    /// [`connect_timeout`](Builder::connect_timeout); [`abort`](Self::abort) and
    /// [`disconnect`](Self::disconnect) from elsewhere wake it.
    ///
    /// Begins a new session unless [`clean_start`](Builder::clean_start) says otherwise. Messages of
    /// QoS 1 that an earlier connection left unacknowledged are then published anew.
    ///
    /// # Errors
    /// What failed, where, and what the server said. Nothing is left behind: no thread, no socket.
    pub fn connect(&self) -> Result<Arc<Granted>, Error> {
        connect::connect(self.shared(), false)
    }

    /// Connects again, to go on with the session: in MQTT 5.0 without a clean start, and with the
    /// client identifier that the server assigned. [`Granted::session_present`] says whether the
    /// server has kept it.
    ///
    /// If it has, messages in flight are sent again as the protocol demands. If not, QoS 1 messages
    /// are published anew; a QoS 2 message that may have arrived is given up, and its
    /// [`Delivery`] says so.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn reconnect(&self) -> Result<Arc<Granted>, Error> {
        connect::connect(self.shared(), true)
    }

    /// Has the next connection made with what this builder says: server, transport and TLS, client
    /// identifier, credentials, will and everything else that CONNECT carries, and the authenticator.
    /// Handlers, bounds and timeouts stay as they are. The session stays too, so that a message in
    /// flight survives a new password or another address of the same server. Does not block, but reads
    /// the files that the TLS options name.
    ///
    /// # Errors
    /// There is a connection, or one is being made. An option or a TLS item cannot be used.
    pub fn reconfigure(&self, builder: Builder) -> Result<(), Error> {
        plan::reconfigure(self.shared(), builder)
    }

    /// Ends the connection: waits until everything is sent and acknowledged, at most
    /// [`drain_timeout`](Builder::drain_timeout), sends DISCONNECT, and waits until both threads are
    /// gone. Says what was left. From the call on, nothing more is accepted.
    ///
    /// If not everything could be sent, the connection is cut without DISCONNECT.
    ///
    /// # Errors
    /// There is no connection.
    pub fn disconnect(&self) -> Result<Drained, Error> {
        self.disconnect_with(&DisconnectOptions::new())
    }

    /// [`disconnect`](Self::disconnect) with options.
    ///
    /// # Errors
    /// There is no connection, or the options cannot be expressed; then the connection stays.
    pub fn disconnect_with(&self, options: &DisconnectOptions) -> Result<Drained, Error> {
        close::disconnect(self.shared(), options)
    }

    /// Ends the connection at once, without DISCONNECT, so that the server publishes the will; or
    /// ends the attempt to make one. Waits until both threads are gone, which takes no time unless a
    /// [`transport`](Builder::transport) of the program's own does not return, once it is closed or from its
    /// close: after 5 s its threads are left behind, which the log says. Does nothing without a connection.
    pub fn abort(&self) {
        close::abort(self.shared());
    }

    /// Wakes every call that waits in this client, on whatever thread: to connect, for a message, for
    /// room, for an acknowledgement, for the rest of a drain. They fail with
    /// [`ErrorCode::Interrupted`]; an attempt to connect is given up, a connection stays as it is,
    /// unless it is left with half a payload of [`publish_reader`](Self::publish_reader) or half a
    /// [re-authentication](Self::re_authenticate): then it is ended. If no call waits, the next one
    /// that would wait fails instead, so that nobody who looks at a flag before waiting misses it.
    /// Does not block.
    pub fn interrupt(&self) {
        self.shared().interrupt();
    }

    /// Authenticates anew on the live connection (MQTT 5.0, section 4.12.1), with the authenticator
    /// that the client was built with. Other traffic goes on. Blocks for at most
    /// [`response_timeout`](Builder::response_timeout). If it fails once it has begun, the connection
    /// is ended.
    ///
    /// # Errors
    /// There is no connection or no authenticator, or another thread authenticates anew: nothing has
    /// begun. The authenticator gives up, the server refuses, or the time is up.
    pub fn re_authenticate(&self) -> Result<(), Error> {
        connect::re_authenticate(self.shared())
    }

    /// Where the client stands. Never blocks.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared().status()
    }

    /// Whether the server has accepted the connection and it is not being ended. Never blocks. A
    /// connection can be dead without anybody having noticed yet: see
    /// [`ping_timeout`](Builder::ping_timeout).
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.status() == Status::Connected
    }

    /// What the server granted when it last accepted a connection.
    #[must_use]
    pub fn granted(&self) -> Option<Arc<Granted>> {
        self.shared().lock().granted.clone()
    }

    /// Why the last connection ended, or the last attempt failed; `None` while connected, and if
    /// this side ended it.
    #[must_use]
    pub fn last_error(&self) -> Option<Error> {
        self.shared().lock().last_end.clone()
    }

    /// Counts, and how much waits. Does not wait for the network.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let shared = self.shared();
        let state = shared.lock();
        let wire = state.core.counters();
        let (in_flight, queued_bytes) = (state.core.in_flight(), state.core.queued_bytes());
        drop(state);
        Statistics {
            wire,
            in_flight,
            queued_bytes,
            waiting_messages: shared.work.len() + shared.inbox.len(),
            missed_packets: shared.missed_packets.load(Ordering::Relaxed),
        }
    }

    /// Waits for the next message that no handler takes. Blocks until there is one, or there is no
    /// connection any more. Several threads may wait; each message goes to one of them.
    ///
    /// A message whose payload comes [as a stream](Message::reader) comes before later ones: they
    /// wait until it is read or dropped. The thread that was given it waits only if another thread
    /// has begun to read it, or does so within a second.
    ///
    /// # Errors
    /// There is no connection, and no message is left from it. The payload of the last message that
    /// this thread was given is still to be read. In a handler, which hands messages on only when it has
    /// returned, and in an authenticator that has yet to make the connection: [`ErrorCode::WouldDeadlock`].
    pub fn recv(&self) -> Result<Message, Error> {
        self.take(None).map(Message::detached)
    }

    /// [`recv`](Self::recv) for at most `limit`. Zero does not wait.
    ///
    /// # Errors
    /// No message came in time, or as [`recv`](Self::recv).
    pub fn recv_timeout(&self, limit: Duration) -> Result<Message, Error> {
        self.take(Some(limit)).map(Message::detached)
    }

    /// A message that is there already. Does not wait.
    #[must_use]
    pub fn try_recv(&self) -> Option<Message> {
        self.recv_timeout(Duration::ZERO).ok()
    }

    /// The messages that no handler takes, one after the other, until there is no connection any
    /// more. Blocks as [`recv`](Self::recv), and as long as it takes until a payload that comes
    /// [as a stream](Message::reader) is read or its message dropped: whoever keeps it waits for
    /// himself.
    ///
    /// ```no_run
    /// # let client = mqttlink::Client::builder("mqtt://localhost").build()?;
    /// for message in client.messages() {
    ///     println!("{}: {:?}", message.topic(), message.text());
    /// }
    /// # Ok::<(), mqttlink::Error>(())
    /// ```
    pub fn messages(&self) -> impl Iterator<Item = Message> {
        std::iter::from_fn(|| {
            loop {
                match self.recv() {
                    Ok(message) => return Some(message),
                    Err(error) if error.code() == ErrorCode::InvalidState => {}
                    Err(_) => return None,
                }
            }
        })
    }

    /// The next message, still among those that arrived with it.
    pub(crate) fn take(&self, limit: Option<Duration>) -> Result<Message, Error> {
        let shared = self.shared();
        let begun = shared.begin_wait();
        let waits = limit != Some(Duration::ZERO);
        let interrupted = || waits && shared.is_interrupted(begun);
        // Whoever hands messages on would wait for this thread.
        let stuck = limit.is_none()
            && (shared.is_dispatcher() || shared.is_inside() || shared.is_connecting_here());
        let over = || interrupted() || stuck || shared.is_dry();
        let taken = shared.inbox.take_message(limit, over).map_err(|nothing| match nothing {
            Nothing::Over if interrupted() => shared.interrupted(),
            Nothing::Timeout => Error::timeout(Phase::Receive, limit.unwrap_or_default()),
            Nothing::Over if stuck && !shared.is_dry() => Error::new(ErrorCode::WouldDeadlock),
            Nothing::Over => shared.why_disconnected(),
            Nothing::Unfinished => Error::with_text(
                ErrorCode::InvalidState,
                "the payload of the last message is still to be read: read it, or drop the message",
            ),
        })?;
        let crate::proto::Incoming::Message(meta) = taken.incoming else {
            return Err(Error::new(ErrorCode::InvalidState));
        };
        let chunks = taken.stream.map(|id| Chunks::new(Arc::clone(&shared.inbox), id));
        let origin = Origin { shared: Arc::clone(shared), chunks };
        Ok(Message::new(taken.bytes, meta, origin))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.shared().options.plan.get().target.host.to_string())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
