//! The running broker, as the rest of the program sees it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::builder::{Bound, BrokerBuilder};
use super::faults::Faults;
use super::hooks::ClientInfo;
use super::listener::{
    Answer, Authenticators, Clock, Command, EventThread, LastWord, Mailbox, Parts, Poller, Waiter,
    wake_token,
};
use super::local::LocalSubscription;
use super::recorder::Recorder;
use super::threads::{Thread, Threads};
use super::{BrokerStatistics, Core, SessionInfo};

use crate::clock::Deadline;
use crate::codec::{ReasonCode, SubscribeOptions};
use crate::error::{Error, ErrorCode};
use crate::proto::{Publication, Publish};
use crate::threads::{self, Missing};
use crate::transport::{Connector, Phase};

/// How long dropping the last handle waits until every client has been told.
const DROP_LIMIT: Duration = Duration::from_secs(1);

/// A running broker.
///
/// A handle: clones are handles of the same broker. When the last one is dropped the broker stops,
/// as with [`stop`](Self::stop) and a limit of a second. Many brokers can run in one process; they
/// share nothing.
///
/// One thread, `mqttlink-broker`, does all the work; threads for the hooks are there if there are
/// such hooks. See [`Broker::builder`] for how it is set up.
#[derive(Clone)]
pub struct Broker {
    inner: Arc<Inner>,
}

struct Inner {
    mailbox: Arc<Mailbox>,
    threads: Threads,
    addresses: Vec<SocketAddr>,
    clock: Clock,
    faults: Arc<Faults>,
    recorder: Option<Arc<Recorder>>,
    last: Arc<LastWord>,
}

impl Broker {
    /// Begins to set up a broker.
    pub fn builder() -> BrokerBuilder {
        BrokerBuilder::new()
    }

    pub(super) fn start(builder: BrokerBuilder, bound: Vec<Bound>) -> Result<Self, Error> {
        let local = |error| {
            let what = "the broker's thread or event queue could not be had";
            Error::from_io(ErrorCode::Resources, what, error)
        };
        let poll = mio::Poll::new().map_err(local)?;
        let waker = mio::Waker::new(poll.registry(), wake_token()).map_err(local)?;
        let mailbox = Arc::new(Mailbox::new(waker));
        let addresses = bound.iter().map(|one| one.listener.address()).collect();
        let mut threads = Vec::new();
        let limits = builder.core.limits.clone();
        let mut authenticators = None;
        if let Some(authenticator) = &builder.authenticator {
            let (count, max) = (builder.authentication_threads, limits.authentications.max(1));
            let (started, handles) =
                Authenticators::start(count, max, authenticator, &mailbox).map_err(local)?;
            authenticators = Some(started);
            threads.extend(handles);
        }
        let leave = Arc::new(AtomicBool::new(false));
        let last = Arc::new(LastWord::default());
        let mut events = None;
        if let Some(handler) = builder.on_event {
            let (started, handle) =
                EventThread::start(handler, Arc::clone(&leave), Arc::clone(&last))
                    .map_err(local)?;
            events = Some(started);
            threads.push(handle);
        }
        let now = builder.clock.now();
        let core = Core::with_faults(now, builder.core, Arc::clone(&builder.faults));
        let poller = Poller::new(Parts {
            core,
            poll,
            bound,
            mailbox: Arc::clone(&mailbox),
            clock: builder.clock.clone(),
            faults: Arc::clone(&builder.faults),
            recorder: builder.recorder.clone(),
            authenticators,
            events,
            last: Arc::clone(&last),
            closing_time: limits.closing,
        })
        .map_err(local)?;
        threads.push(Thread::start("mqttlink-broker", move || poller.run()).map_err(local)?);
        Ok(Self {
            inner: Arc::new(Inner {
                mailbox,
                threads: Threads::new(threads, leave),
                addresses,
                clock: builder.clock,
                faults: builder.faults,
                recorder: builder.recorder,
                last,
            }),
        })
    }

    /// The addresses on which the broker listens, with the ports that the system chose, in the order
    /// of the calls of [`listen`](BrokerBuilder::listen).
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.inner.addresses
    }

    /// The first address on which the broker listens.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.inner.addresses.first().copied()
    }

    /// Where clients in this process connect to, without a socket; for
    /// [`Client::builder_in_process`](crate::Client::builder_in_process).
    #[must_use]
    pub fn connector(&self) -> Connector {
        let mailbox = Arc::clone(&self.inner.mailbox);
        Connector::new(move |end| {
            mailbox
                .send(Command::Attach(end))
                .map_err(|_| std::io::Error::other("the broker has stopped"))
        })
    }

    /// Publishes a message in the program's own name, to clients and to subscriptions inside the
    /// process. It is not authorised and not intercepted. Waits only while 65,536 such messages wait
    /// to be routed.
    ///
    /// # Errors
    /// The message is not valid, or the broker has stopped.
    pub fn publish(&self, message: &Publish<'_>) -> Result<(), Error> {
        let message = Publication::from_request(self.inner.clock.now(), message)?;
        self.inner.mailbox.send(Command::Publish(Arc::new(message))).map_err(|_| stopped())
    }

    /// Subscribes the program itself. Messages wait in the subscription, at most 65,536; further ones
    /// are dropped and counted ([`Drops::local`](super::Drops::local)). The retained messages that match
    /// wait for room: the first 500 or so come before anything else, and none comes behind a newer
    /// message of its topic; where that one finds no room, it is dropped with it.
    ///
    /// ```
    /// use mqttlink::Publish;
    /// use mqttlink::broker::Broker;
    /// use std::time::Duration;
    ///
    /// let broker = Broker::builder().start()?;
    /// let readings = broker.subscribe("house/+/temperature")?;
    /// broker.publish(&Publish::new("house/attic/temperature", "21.5"))?;
    /// let reading = readings.recv(Duration::from_secs(10))?;
    /// assert_eq!((reading.topic(), reading.payload()), ("house/attic/temperature", &b"21.5"[..]));
    /// # Ok::<(), mqttlink::Error>(())
    /// ```
    ///
    /// # Errors
    /// The filter is not valid, or the broker has stopped.
    pub fn subscribe(&self, filter: &str) -> Result<LocalSubscription, Error> {
        let (queue, messages) = super::local::queue();
        let filter = filter.to_owned();
        let id = self.call(move |poller| {
            let sink = move |message: &Arc<Publication>| queue.put(message);
            poller.core.subscribe_local(poller.now, &filter, sink)
        })??;
        Ok(LocalSubscription::new(messages, id, Arc::clone(&self.inner.mailbox)))
    }

    /// A snapshot of what the broker has counted and what it holds.
    ///
    /// # Errors
    /// The broker has stopped.
    pub fn statistics(&self) -> Result<BrokerStatistics, Error> {
        self.call(|poller| poller.core.statistics(poller.now))
    }

    /// What the broker had counted when it stopped; `None` while it runs. Events that wait for a
    /// handler when [`stop`](Self::stop) gives up on it are in [`Drops::events`](super::Drops::events)
    /// once the handler returns. Does not wait.
    #[must_use]
    pub fn final_statistics(&self) -> Option<BrokerStatistics> {
        self.inner.last.get()
    }

    /// The clients that are connected.
    ///
    /// # Errors
    /// The broker has stopped.
    pub fn clients(&self) -> Result<Vec<Arc<ClientInfo>>, Error> {
        self.call(|poller| poller.core.clients().cloned().collect())
    }

    /// All sessions of clients, connected or not. Looking at 100,000 takes the broker's thread some
    /// tens of milliseconds.
    ///
    /// # Errors
    /// The broker has stopped.
    pub fn sessions(&self) -> Result<Vec<SessionInfo>, Error> {
        self.call(|poller| poller.core.sessions(poller.now).collect())
    }

    /// The session of a client, if there is one.
    ///
    /// # Errors
    /// The broker has stopped.
    pub fn session(&self, client_id: &str) -> Result<Option<SessionInfo>, Error> {
        let client_id = client_id.to_owned();
        self.call(move |poller| poller.core.session(poller.now, &client_id))
    }

    /// The filters to which a client is subscribed, with their options, in no order.
    ///
    /// # Errors
    /// The broker has stopped.
    pub fn subscriptions(&self, client_id: &str) -> Result<Vec<(String, SubscribeOptions)>, Error> {
        let client_id = client_id.to_owned();
        self.call(move |poller| {
            let all = poller.core.subscription_options_of(&client_id);
            all.map(|(filter, options)| (filter.to_owned(), options)).collect()
        })
    }

    /// Ends the session of a client: if it is connected, its connection is closed, in MQTT 5.0 with
    /// "administrative action"; its will is published (section 3.1.2.5: at the latest when the
    /// session ends); its subscriptions and what waits for it are gone, and messages of shared
    /// subscriptions go to other members. Says whether there was one. The client may connect again,
    /// and gets a new session.
    ///
    /// # Errors
    /// The broker has stopped.
    pub fn delete_session(&self, client_id: &str) -> Result<bool, Error> {
        let client_id = client_id.to_owned();
        self.call(move |poller| poller.core.delete_session(poller.now, &client_id))
    }

    /// Ends the connection of a client, in MQTT 5.0 with this reason. Says whether it was connected.
    ///
    /// # Errors
    /// The broker has stopped.
    pub fn disconnect(&self, client_id: &str, reason: ReasonCode) -> Result<bool, Error> {
        let client_id = client_id.to_owned();
        self.call(move |poller| poller.core.disconnect(poller.now, &client_id, reason))
    }

    /// Waits until something is true of the broker. `condition` is called on the broker's thread,
    /// now, whatever the limit, and whenever something has happened; it must not wait.
    ///
    /// # Errors
    /// It did not become true within `limit`, it panicked, or the broker has stopped.
    pub fn wait_until(
        &self,
        limit: Duration,
        condition: impl FnMut(&Core) -> bool + Send + 'static,
    ) -> Result<(), Error> {
        let (waiter, answer, abandoned) = Waiter::new(condition);
        self.call(move |poller| poller.wait_until(waiter))?;
        match answer.receive(Deadline::after(limit)) {
            Ok(Answer::Holds) => Ok(()),
            Ok(Answer::Panicked) => {
                Err(Error::with_text(ErrorCode::InvalidState, "the condition panicked"))
            }
            Err(Missing::Late) => {
                abandoned.store(true, Ordering::SeqCst);
                Err(Error::timeout(Phase::Receive, limit))
            }
            Err(Missing::Over) => Err(stopped()),
        }
    }

    /// Stops the broker: the addresses are free, clients are told ("server shutting down" in MQTT
    /// 5.0) and disconnected, wills are not published, all threads are joined. Clients that do not
    /// take what is left for them are given until `limit`, and so are hooks: a thread that is still
    /// in one a moment later is left to itself, and events that wait are left out. Returns at once if
    /// the broker has stopped already, and waits with a call that is stopping it; on one of the
    /// broker's own threads it does not wait.
    pub fn stop(&self, limit: Duration) {
        self.inner.stop(limit);
    }

    /// Moves a virtual clock; says whether it is one.
    pub(crate) fn advance(&self, span: Duration) -> Result<bool, Error> {
        self.call(move |poller| poller.advance(span))
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    pub(crate) fn recorder(&self) -> Option<&Recorder> {
        self.inner.recorder.as_deref()
    }

    /// Calls a function on the broker's thread and waits for what it returns.
    pub(super) fn call<T: Send + 'static>(
        &self,
        function: impl FnOnce(&mut Poller) -> T + Send + 'static,
    ) -> Result<T, Error> {
        if self.inner.mailbox.is_own_thread() {
            return Err(own_thread());
        }
        let (answer, received) = threads::queue();
        let call = move |poller: &mut Poller| {
            answer.send(function(poller));
        };
        self.inner.mailbox.send(Command::Call(Box::new(call))).map_err(|_| stopped())?;
        received.receive(Deadline::NEVER).map_err(|_| stopped())
    }
}

impl Inner {
    fn stop(&self, limit: Duration) {
        let stop = move |poller: &mut Poller| poller.stop(limit);
        // It may have stopped already.
        let _ = self.mailbox.send(Command::Call(Box::new(stop)));
        self.threads.end(limit);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop(DROP_LIMIT);
    }
}

/// Why a hook cannot wait.
pub(super) fn own_thread() -> Error {
    let text = "a hook that runs on the broker's thread cannot wait for that thread";
    Error::with_text(ErrorCode::InvalidState, text)
}

pub(super) fn stopped() -> Error {
    Error::new(ErrorCode::BrokerStopped)
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("addresses", &self.inner.addresses).finish_non_exhaustive()
    }
}
