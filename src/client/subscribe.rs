//! Subscribing and unsubscribing.

use std::fmt;
use std::sync::Arc;

use super::delivery::Ticket;
use super::event::Notification;
use super::handlers::{MessageHandler, Settlement};
use super::message::Message;
use super::pending::{Answer, Respond, Waiter};
use super::shared::{Shared, State};
use super::{Client, dispatcher};
use crate::clock::Deadline;
use crate::codec::{PropertyId, QoS, ReasonCode, SubscribeOptions};
use crate::error::{Error, ErrorCode};
use crate::proto::{
    FilterResult, Notice, Queued, RequestError, RequestOutcome, SubscribeRequest, Token,
    Unsubscribe,
};
use crate::transport::Phase;

/// Subscription identifiers that this client assigns by itself count down from here.
const OWN_IDS_FROM: u32 = 268_435_455;

/// What to subscribe to, and who takes the messages.
///
/// ```
/// use mqttlink::{QoS, Subscribe};
///
/// let one = Subscribe::new("house/+/temperature", QoS::AtLeastOnce);
/// let two = Subscribe::new("house/#", QoS::AtMostOnce)
///     .filter("garden/#", QoS::ExactlyOnce)
///     .handler(|message| println!("{}", message.topic()));
/// ```
#[must_use = "a subscription does nothing until it is requested"]
pub struct Subscribe {
    request: SubscribeRequest,
    handler: Option<MessageHandler>,
}

impl Subscribe {
    /// One filter with its options, which can be a mere [`QoS`].
    pub fn new(filter: impl Into<String>, options: impl Into<SubscribeOptions>) -> Self {
        Self { request: SubscribeRequest::new(filter, options), handler: None }
    }

    /// One more filter.
    pub fn filter(
        mut self,
        filter: impl Into<String>,
        options: impl Into<SubscribeOptions>,
    ) -> Self {
        self.request = self.request.filter(filter, options);
        self
    }

    /// Takes the messages that match one of the filters; the default handler and
    /// [`Client::recv`] do not get them then. It takes the place of the handler that a filter had
    /// before; without a new one, the old one stays. A message that matches several subscriptions goes to
    /// the handler of each. Runs on the dispatcher thread, as
    /// [`Builder::on_message`](super::Builder::on_message).
    pub fn handler(mut self, handler: impl FnMut(&Message) + Send + 'static) -> Self {
        self.handler = Some(Box::new(handler));
        self
    }

    /// A number, 1 to 268,435,455, that the server adds to the messages that match. MQTT 5.0 only.
    /// With a handler, one is assigned by itself if the server offers it.
    pub fn subscription_id(mut self, id: u32) -> Self {
        self.request = self.request.subscription_id(id);
        self
    }

    /// Adds a user property. MQTT 5.0 only.
    pub fn user_property(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.user_property(name, value);
        self
    }
}

impl fmt::Debug for Subscribe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribe")
            .field("request", &self.request)
            .field("has_handler", &self.handler.is_some())
            .finish()
    }
}

impl From<(&str, QoS)> for Subscribe {
    fn from((filter, qos): (&str, QoS)) -> Self {
        Self::new(filter, qos)
    }
}

/// The server's answer to a subscription: one result for each filter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "the server may have refused some of the filters"]
pub struct Subscribed {
    outcome: RequestOutcome,
}

impl Subscribed {
    /// For each filter, in order, the QoS that was granted, or why it was refused.
    pub fn results(&self) -> impl Iterator<Item = Result<QoS, ReasonCode>> {
        self.outcome.results.iter().map(|result| result.granted().ok_or(result.reason))
    }

    /// The results if the server has granted every filter.
    ///
    /// # Errors
    /// The first refusal.
    pub fn all(&self) -> Result<Vec<QoS>, Error> {
        check_all(&self.outcome, ErrorCode::SubscribeRefused)?;
        Ok(self.outcome.results.iter().filter_map(|result| result.granted()).collect())
    }

    /// The server's remark, in MQTT 5.0.
    #[must_use]
    pub fn reason_string(&self) -> Option<&str> {
        self.outcome.properties.reason_string()
    }

    /// The user properties of the answer, in order, in MQTT 5.0.
    pub fn user_properties(&self) -> impl Iterator<Item = (&str, &str)> {
        self.outcome.properties.user_properties()
    }
}

/// The server's answer to the end of a subscription: one result for each filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribed {
    outcome: RequestOutcome,
}

impl Unsubscribed {
    /// For each filter, in order, success, that there was no such subscription, or why it stays.
    /// Before MQTT 5.0 the server does not say, and it is success.
    pub fn results(&self) -> impl Iterator<Item = ReasonCode> {
        self.outcome.results.iter().map(|result| result.reason)
    }

    /// Succeeds if no filter was refused. That there was no such subscription is not a refusal.
    ///
    /// # Errors
    /// The first refusal.
    pub fn all(&self) -> Result<(), Error> {
        check_all(&self.outcome, ErrorCode::UnsubscribeRefused)
    }

    /// The server's remark, in MQTT 5.0.
    #[must_use]
    pub fn reason_string(&self) -> Option<&str> {
        self.outcome.properties.reason_string()
    }

    /// The user properties of the answer, in order, in MQTT 5.0.
    pub fn user_properties(&self) -> impl Iterator<Item = (&str, &str)> {
        self.outcome.properties.user_properties()
    }
}

fn check_all(outcome: &RequestOutcome, code: ErrorCode) -> Result<(), Error> {
    match outcome.results.iter().find(|result| result.is_refused()) {
        None => Ok(()),
        Some(FilterResult { reason }) => {
            let (reason, properties) = (*reason, outcome.properties.clone());
            Err(Error::from_notice(code, Notice { reason, properties }))
        }
    }
}

impl Client {
    /// Subscribes, and waits for the server's answer, at most
    /// [`response_timeout`](super::Builder::response_timeout). The answer has one result for each
    /// filter: the server may grant less than was asked for, or refuse.
    ///
    /// ```no_run
    /// # use mqttlink::{Client, QoS, Subscribe};
    /// # let client = Client::builder("mqtt://localhost").build()?;
    /// client.subscribe(("house/#", QoS::AtLeastOnce))?.all()?;
    /// client.subscribe(Subscribe::new("garden/#", QoS::AtMostOnce).handler(|message| {
    ///     println!("{}", message.topic());
    /// }))?.all()?;
    /// # Ok::<(), mqttlink::Error>(())
    /// ```
    ///
    /// # Errors
    /// The request cannot be expressed, the server has said that it does not offer it, there is no
    /// connection, or the time is up.
    pub fn subscribe(&self, subscribe: impl Into<Subscribe>) -> Result<Subscribed, Error> {
        let shared = self.shared();
        let (request, settlement, key) = prepare(shared, subscribe.into())?;
        let result = ask(shared, settlement, |state, token| state.core.subscribe(&request, token));
        // An answer that comes too late finds the handler in its place.
        let may_come = [ErrorCode::TimeoutAck, ErrorCode::Interrupted];
        if result.as_ref().is_err_and(|error| !may_come.contains(&error.code())) {
            shared.handlers.withdraw(key);
        }
        Ok(Subscribed { outcome: result? })
    }

    /// Subscribes without waiting, and has `done` called with the server's answer on the dispatcher
    /// thread.
    ///
    /// `done` is called exactly once if this returns `Ok`, and not at all otherwise; unless the
    /// client is dropped first. There is no deadline: without an answer it is called when the
    /// connection ends.
    ///
    /// # Errors
    /// The request cannot be expressed, the server has said that it does not offer it, or there is no
    /// connection.
    pub fn subscribe_then(
        &self,
        subscribe: impl Into<Subscribe>,
        done: impl FnOnce(Result<Subscribed, Error>) + Send + 'static,
    ) -> Result<(), Error> {
        let shared = self.shared();
        let (request, settlement, key) = prepare(shared, subscribe.into())?;
        let handlers = Arc::clone(&shared.handlers);
        let put = |state: &mut State, token| state.core.subscribe(&request, token);
        ask_then(shared, settlement, put, move |answer| {
            if answer.is_err() {
                handlers.withdraw(key);
            }
            done(answer.map(|outcome| Subscribed { outcome }));
        })
        .inspect_err(|_| shared.handlers.withdraw(key))
    }

    /// Ends subscriptions, and waits for the server's answer, at most
    /// [`response_timeout`](super::Builder::response_timeout). Filters are given letter by letter as
    /// they were subscribed to. Their handlers are dropped in the place of the server's answer: what
    /// came before it still goes to them.
    ///
    /// # Errors
    /// As [`subscribe`](Self::subscribe).
    pub fn unsubscribe(&self, unsubscribe: impl Into<Unsubscribe>) -> Result<Unsubscribed, Error> {
        let request = unsubscribe.into();
        let shared = self.shared();
        let settlement = Settlement { key: None, filters: request.filters.clone(), keeps: false };
        let outcome =
            ask(shared, settlement, |state, token| state.core.unsubscribe(&request, token))?;
        Ok(Unsubscribed { outcome })
    }

    /// Ends subscriptions without waiting, and has `done` called with the server's answer, as
    /// [`subscribe_then`](Self::subscribe_then).
    ///
    /// # Errors
    /// As [`subscribe_then`](Self::subscribe_then).
    pub fn unsubscribe_then(
        &self,
        unsubscribe: impl Into<Unsubscribe>,
        done: impl FnOnce(Result<Unsubscribed, Error>) + Send + 'static,
    ) -> Result<(), Error> {
        let request = unsubscribe.into();
        let settlement = Settlement { key: None, filters: request.filters.clone(), keeps: false };
        let put = |state: &mut State, token| state.core.unsubscribe(&request, token);
        ask_then(self.shared(), settlement, put, move |answer| {
            done(answer.map(|outcome| Unsubscribed { outcome }));
        })
    }
}

/// Registers the handler before the request leaves: the server may send messages before its answer.
fn prepare(
    shared: &Arc<Shared>,
    subscribe: Subscribe,
) -> Result<(SubscribeRequest, Settlement, u64), Error> {
    let Subscribe { mut request, handler } = subscribe;
    let key = shared.next_key();
    let has_handler = handler.is_some();
    if let Some(handler) = handler {
        dispatcher::ensure(shared)?;
        let id = subscription_id(shared, &mut request)?;
        let filters = request.filters.iter().map(|(filter, _)| filter.as_str());
        shared.handlers.subscribe(key, filters, id, handler);
    }
    let filters = request.filters.iter().map(|(filter, _)| filter.clone()).collect();
    let settlement = Settlement { key: has_handler.then_some(key), filters, keeps: true };
    Ok((request, settlement, key))
}

/// The identifier with which the server marks the messages of this subscription, so that they find
/// their handler where subscriptions overlap.
fn subscription_id(shared: &Shared, request: &mut SubscribeRequest) -> Result<Option<u32>, Error> {
    let given = request.properties.number(PropertyId::SubscriptionIdentifier);
    let state = shared.lock();
    let offered = state.core.version().is_v5()
        && state.core.is_connected()
        && state.core.limits().subscription_id_available;
    drop(state);
    if given.is_some() || !offered {
        return Ok(given);
    }
    let id = shared.next_subscription_id(OWN_IDS_FROM);
    request.properties.set_u32(PropertyId::SubscriptionIdentifier, id)?;
    Ok(Some(id))
}

/// Sends a request and waits for its answer.
fn ask(
    shared: &Shared,
    settlement: Settlement,
    put: impl FnOnce(&mut State, Token) -> Result<Queued, RequestError>,
) -> Result<RequestOutcome, Error> {
    let limit = shared.options.response_timeout;
    let deadline = Deadline::after(limit);
    let ticket: Arc<Ticket<Answer>> = Ticket::new();
    request(shared, Respond::Ticket(Arc::clone(&ticket)), settlement, put)?;
    let begun = shared.begin_wait();
    let _waiting = shared.expect_ack();
    shared.write_now();
    let over = || shared.is_interrupted(begun) || shared.is_over() || shared.is_wedged();
    let why = || match shared.is_interrupted(begun) {
        true => shared.interrupted(),
        false => shared.why_not_wait(),
    };
    match ticket.wait(deadline, over, why)? {
        Some(answer) => answer,
        None => Err(Error::timeout(Phase::Ack, limit)),
    }
}

/// Sends a request, and has `done` called with its answer on the dispatcher thread.
fn ask_then(
    shared: &Arc<Shared>,
    settlement: Settlement,
    put: impl FnOnce(&mut State, Token) -> Result<Queued, RequestError>,
    done: impl FnOnce(Answer) + Send + 'static,
) -> Result<(), Error> {
    dispatcher::ensure(shared)?;
    let weak = Arc::downgrade(shared);
    let call = Box::new(move |answer: Answer| {
        if let Some(shared) = weak.upgrade() {
            shared.notify(Notification::Call(Box::new(move || done(answer))));
        }
    });
    request(shared, Respond::Call(call), settlement, put)?;
    shared.unlock_quietly(shared.lock());
    Ok(())
}

/// Queues a request.
fn request(
    shared: &Shared,
    respond: Respond,
    settlement: Settlement,
    put: impl FnOnce(&mut State, Token) -> Result<Queued, RequestError>,
) -> Result<(), Error> {
    let mut state = shared.lock();
    if state.draining {
        drop(state);
        return Err(Error::new(ErrorCode::NotConnected));
    }
    let token = state.pending.insert(Waiter::Request(respond, settlement));
    if let Err(error) = put(&mut state, token) {
        // It may own what comes back to this client when it is dropped.
        let refused = state.pending.take(token);
        drop(state);
        drop(refused);
        return Err(error.into());
    }
    Ok(())
}
