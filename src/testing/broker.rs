//! A broker for tests.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::broker::{
    Broker, BrokerBuilder, ConnectionFault, LocalSubscription, MessageFault, Recorded,
};
use crate::client::Builder;
use crate::codec::topic;
use crate::error::{Error, ErrorCode};
use crate::proto::{Publication, Time};
use crate::{Client, broker};

/// How many packets the transcript keeps.
const TRANSCRIPT: usize = 10_000;

/// How many packets of the transcript an error shows.
const SHOWN: usize = 20;

/// How long to wait for what should happen at once, unless a test says otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sets up a [`TestBroker`].
#[derive(Debug)]
#[must_use = "nothing happens before `start`"]
pub struct TestBrokerBuilder {
    broker: BrokerBuilder,
    virtual_time: bool,
}

impl TestBrokerBuilder {
    /// Lets time stand still but for [`TestBroker::advance`], so that what takes hours in the
    /// broker (keep alive, expiry, will delay) takes no time in a test. Default: real time.
    pub const fn virtual_time(mut self) -> Self {
        self.virtual_time = true;
        self
    }

    /// Changes how the broker is set up: its hooks, its limits, its addresses.
    pub fn with(mut self, change: impl FnOnce(BrokerBuilder) -> BrokerBuilder) -> Self {
        self.broker = change(self.broker);
        self
    }

    /// Starts the broker.
    ///
    /// # Errors
    /// As [`BrokerBuilder::start`].
    pub fn start(self) -> Result<TestBroker, Error> {
        let mut builder = self.broker.recording(TRANSCRIPT);
        if self.virtual_time {
            builder = builder.at_virtual_time(Time::ORIGIN);
        }
        Ok(TestBroker { broker: builder.start()?, patience: PATIENCE })
    }
}

/// A broker on a free port of the loopback interface, with a transcript, faults on demand and calls
/// that wait for what a test waits for. Every wait ends after five seconds, or the time that
/// [`patience`](Self::patience) says, with an error that shows the last packets.
///
/// The client identifiers that it assigns are the same in every run.
#[derive(Debug, Clone)]
pub struct TestBroker {
    broker: Broker,
    patience: Duration,
}

impl TestBroker {
    /// Starts a broker.
    ///
    /// # Errors
    /// As [`BrokerBuilder::start`].
    pub fn start() -> Result<Self, Error> {
        Self::builder().start()
    }

    /// Begins to set up a broker.
    pub fn builder() -> TestBrokerBuilder {
        let broker = Broker::builder().listen("127.0.0.1:0").seed(1);
        TestBrokerBuilder { broker, virtual_time: false }
    }

    /// The broker itself.
    #[must_use]
    pub const fn broker(&self) -> &Broker {
        &self.broker
    }

    /// A handle of the same broker whose waits end after this time.
    pub fn patience(&self, patience: Duration) -> Self {
        Self { broker: self.broker.clone(), patience }
    }

    /// The port on which it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.broker.address().map_or(0, |address| address.port())
    }

    /// Begins to set up a client of this broker, over a socket.
    pub fn client(&self, client_id: &str) -> Builder {
        Client::builder_for("127.0.0.1", self.port()).client_id(client_id)
    }

    /// Waits until a client with this identifier is connected.
    ///
    /// # Errors
    /// It did not connect in time, or the broker has stopped.
    pub fn wait_for_client(&self, client_id: &str) -> Result<(), Error> {
        let id = client_id.to_owned();
        self.wait(&format!("client {client_id:?} to be connected"), move |core| {
            core.clients().any(|client| *client.client_id == *id)
        })
    }

    /// Waits until no client with this identifier is connected.
    ///
    /// # Errors
    /// It stayed, or the broker has stopped.
    pub fn wait_for_client_to_go(&self, client_id: &str) -> Result<(), Error> {
        let id = client_id.to_owned();
        self.wait(&format!("client {client_id:?} to go"), move |core| {
            core.clients().all(|client| *client.client_id != *id)
        })
    }

    /// Waits until a client is subscribed to exactly this filter.
    ///
    /// # Errors
    /// It did not subscribe in time, or the broker has stopped.
    pub fn wait_for_subscription(&self, client_id: &str, filter: &str) -> Result<(), Error> {
        let (id, wanted) = (client_id.to_owned(), filter.to_owned());
        let what = format!("client {client_id:?} to be subscribed to {filter:?}");
        self.wait(&what, move |core| core.subscriptions_of(&id).any(|filter| filter == wanted))
    }

    fn wait(
        &self,
        what: &str,
        condition: impl FnMut(&broker::Core) -> bool + Send + 'static,
    ) -> Result<(), Error> {
        self.broker.wait_until(self.patience, condition).map_err(|error| {
            if error.is_timeout() { self.disappointed(what, self.patience) } else { error }
        })
    }

    /// Begins to wait for a message that matches the filter: one that is published from now on, or
    /// a retained one.
    ///
    /// # Errors
    /// The filter is not valid, or the broker has stopped.
    pub fn expect_publish(&self, filter: &str) -> Result<Expectation, Error> {
        let messages = self.broker.subscribe(filter)?;
        Ok(Expectation { messages, broker: self.clone(), filter: filter.to_owned() })
    }

    /// Moves the time of a broker with [virtual time](TestBrokerBuilder::virtual_time) on; every
    /// timer that falls into the span fires at its moment, in order.
    ///
    /// # Errors
    /// The broker runs in real time, or has stopped.
    pub fn advance(&self, span: Duration) -> Result<(), Error> {
        if self.broker.advance(span)? {
            return Ok(());
        }
        let text = "the broker runs in real time: set it up with virtual_time()";
        Err(Error::with_text(ErrorCode::InvalidState, text))
    }

    /// Makes something go wrong on the connections of a client, from its next CONNECT on; `*` stands
    /// for every client.
    pub fn break_connection(&self, client_id: &str, fault: ConnectionFault) {
        self.broker.faults().add_connection(client_id, fault);
    }

    /// Makes something go wrong with messages whose topic matches the filter.
    pub fn break_messages(&self, filter: &str, fault: MessageFault) {
        self.broker.faults().add_message(filter, fault);
    }

    /// Takes back all faults. Connections that have one keep it.
    pub fn repair(&self) {
        self.broker.faults().clear();
    }

    /// The last 10,000 packets of all connections, oldest first.
    #[must_use]
    pub fn transcript(&self) -> Vec<Recorded> {
        self.broker.recorder().map(|recorder| recorder.snapshot()).unwrap_or_default()
    }

    fn disappointed(&self, what: &str, limit: Duration) -> Error {
        let transcript = self.transcript();
        let skipped = transcript.len().saturating_sub(SHOWN);
        let mut text = format!("waited {limit:?} in vain for {what}; the last packets were:");
        for recorded in transcript.iter().skip(skipped) {
            text.push_str(&format!("\n{recorded}"));
        }
        Error::with_text(ErrorCode::TimeoutReceive, text)
    }
}

/// A message that a test waits for; made by [`TestBroker::expect_publish`].
pub struct Expectation {
    messages: LocalSubscription,
    broker: TestBroker,
    filter: String,
}

impl Expectation {
    /// Waits for the next message that matches.
    ///
    /// # Errors
    /// None came within `limit`, or the broker has stopped.
    pub fn within(&self, limit: Duration) -> Result<Arc<Publication>, Error> {
        let message = self.messages.recv(limit).map_err(|error| {
            let what = format!("a message to {:?}", self.filter);
            if error.is_timeout() { self.broker.disappointed(&what, limit) } else { error }
        })?;
        debug_assert!(topic::matches(crate::proto::pattern_of(&self.filter), message.topic()));
        Ok(message)
    }

    /// The next message that matches, if there is one.
    #[must_use]
    pub fn now(&self) -> Option<Arc<Publication>> {
        self.messages.try_recv()
    }
}

impl fmt::Debug for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expectation").field("filter", &self.filter).finish_non_exhaustive()
    }
}
