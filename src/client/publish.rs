//! Publishing: waiting for room, not waiting, from a reader, with a callback.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::close::abort_connection;
use super::delivery::{Acknowledgement, Delivery, Outcome, Progress};
use super::event::Notification;
use super::inside::Part;
use super::pending::Waiter;
use super::shared::{Shared, State, Status};
use super::{Client, dispatcher};
use crate::clock::{self, Deadline};
use crate::codec::QoS;
use crate::error::{Error, ErrorCode};
use crate::proto::{Publish, Queued, RequestError, StreamId, Time, Token};
use crate::transport::Phase;

/// How much of a streamed payload is read and queued at a time.
const CHUNK: usize = 64 * 1024;

/// The token of a message whose outcome nobody waits for: no place in the table of waiters has it.
const NOBODY: Token = Token(u64::MAX);

impl Client {
    /// Publishes a message. If the outgoing buffer or the window of messages in flight is full, or
    /// the connection is just being made, it waits for room, at most
    /// [`publish_timeout`](super::Builder::publish_timeout). It does not wait for the outcome: the
    /// returned [`Delivery`] does. Messages of one thread leave in the order of its calls.
    ///
    /// A payload in a [`Bytes`] is kept, not copied, and let go on any thread and under the client's lock:
    /// what [`Bytes::from_owner`] was given must not wait or use the client when it is dropped.
    ///
    /// # Errors
    /// The message cannot be sent, or the server has said that it does not take such a message; the
    /// connection is not touched by it. There is no connection. No room in time.
    pub fn publish(&self, message: Publish<'_>) -> Result<Delivery, Error> {
        self.publish_timeout(message, self.shared().options.publish_timeout)
    }

    /// [`publish`](Self::publish) that waits at most `limit` for room.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn publish_timeout(
        &self,
        message: Publish<'_>,
        limit: Duration,
    ) -> Result<Delivery, Error> {
        publish(self.shared(), limit, |state| put(state, &message))
    }

    /// [`publish`](Self::publish) that never waits.
    ///
    /// # Errors
    /// As [`publish`](Self::publish); [`Error::is_full`] if there is no room.
    pub fn try_publish(&self, message: Publish<'_>) -> Result<Delivery, Error> {
        publish_now(self.shared(), |state| put(state, &message))
    }

    /// Publishes a message whose outcome nobody will ask for: [`publish`](Self::publish) without the
    /// handle.
    #[cfg(feature = "capi")]
    pub(crate) fn publish_unwatched(&self, message: &Publish<'_>, room: Room) -> Result<(), Error> {
        let shared = self.shared();
        let limit = match room {
            Room::Now => return publish_now(shared, |state| put_unwatched(state, message)),
            Room::Wait => shared.options.publish_timeout,
            Room::Within(limit) => limit,
        };
        publish(shared, limit, |state| put_unwatched(state, message))
    }

    /// Publishes a message and has `done` called with the outcome, on the dispatcher thread. Waits
    /// for room as [`publish`](Self::publish), also while as many calls of `done` are due as
    /// [`queue_max`](super::Builder::queue_max) lets messages wait.
    ///
    /// `done` is called exactly once if this returns `Ok`, and not at all otherwise; unless the
    /// client is dropped first.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub fn publish_then(
        &self,
        message: Publish<'_>,
        done: impl FnOnce(Result<Acknowledgement, Error>) + Send + 'static,
    ) -> Result<(), Error> {
        self.publish_then_timeout(message, self.shared().options.publish_timeout, done)
    }

    /// [`publish_then`](Self::publish_then) that waits at most `limit` for room. With a limit of zero it
    /// does not even write to the socket, so that it never blocks.
    ///
    /// # Errors
    /// As [`publish`](Self::publish); with a limit of zero [`Error::is_full`] if there is no room.
    pub fn publish_then_timeout(
        &self,
        message: Publish<'_>,
        limit: Duration,
        done: impl FnOnce(Result<Acknowledgement, Error>) + Send + 'static,
    ) -> Result<(), Error> {
        let shared = self.shared();
        dispatcher::ensure(shared)?;
        let weak = Arc::downgrade(shared);
        let mut call = Some(Box::new(move |outcome: Outcome| {
            if let Some(shared) = weak.upgrade() {
                shared.notify(Notification::Call(Box::new(move || done(outcome))));
            }
        }) as Box<dyn FnOnce(Outcome) + Send>);
        let mut put = |state: &mut State| {
            // On the dispatcher's own thread there is one at most for each message handled.
            if shared.completions_wait() && !shared.is_dispatcher() {
                let waiting = state.core.queued_bytes();
                return Err(RequestError::NoRoom { bytes: waiting }.into());
            }
            put_call(state, &message, &mut call)
        };
        if !limit.is_zero() {
            return publish(shared, limit, put);
        }
        let mut state = shared.lock();
        put(&mut state)?;
        shared.send_soon(state);
        Ok(())
    }

    /// Publishes a message whose payload of exactly `len` bytes is read from `source`, on the calling
    /// thread, a piece at a time; the payload of `message` is not used. Blocks until all of it has
    /// been handed to the connection, waiting for room as [`publish`](Self::publish) for each piece.
    /// Meanwhile everything else that this client sends waits behind it, PINGREQ included: a source
    /// that gives nothing for longer than the keep alive makes the server, or this client, end the
    /// connection, and one that itself waits for something this client sends gets
    /// [`ErrorCode::WouldDeadlock`].
    ///
    /// The payload is not kept. If the connection is lost before the acknowledgement, a message of
    /// QoS 1 or 2 cannot be sent again, and its [`Delivery`] says so.
    ///
    /// # Errors
    /// As [`publish`](Self::publish). If the source fails, ends early or panics, the message cannot
    /// be completed and the connection is ended.
    pub fn publish_reader(
        &self,
        message: Publish<'_>,
        len: usize,
        mut source: impl Read,
    ) -> Result<Delivery, Error> {
        let shared = self.shared();
        let limit = shared.options.publish_timeout;
        let (delivery, id, connection) =
            publish(shared, limit, |state| put_stream(state, &message, len))?;
        let stream = OpenStream { shared, id, connection };
        let mut left = len;
        while left > 0 {
            let giving = shared.does(Part::Payload);
            let chunk = read_chunk(&mut source, left)?;
            drop(giving);
            left -= chunk.len();
            let id = stream.id;
            publish(shared, limit, |state| Ok(state.core.publish_chunk(id, chunk.clone())?))?;
        }
        stream.complete();
        Ok(delivery)
    }
}

/// A payload of which the rest is to come. Half a message cannot be taken back: if the rest does not
/// come, whatever the reason, its connection ends.
struct OpenStream<'a> {
    shared: &'a Shared,
    id: StreamId,
    /// The number of its connection.
    connection: u64,
}

impl OpenStream<'_> {
    /// Nothing is missing.
    fn complete(self) {
        std::mem::forget(self);
    }
}

impl Drop for OpenStream<'_> {
    fn drop(&mut self) {
        abort_connection(self.shared, self.connection);
    }
}

fn read_chunk(source: &mut impl Read, left: usize) -> Result<Bytes, Error> {
    let mut chunk = Vec::with_capacity(left.min(CHUNK));
    let limit = u64::try_from(left.min(CHUNK)).unwrap_or(u64::MAX);
    let count = source.by_ref().take(limit).read_to_end(&mut chunk).map_err(|error| {
        Error::from_io(ErrorCode::PayloadSource, "the payload could not be read", error)
    })?;
    if count == 0 {
        let text = format!("the payload ended {left} bytes early");
        return Err(Error::with_text(ErrorCode::PayloadSource, text));
    }
    Ok(chunk.into())
}

/// How long a message waits for room.
#[cfg(feature = "capi")]
#[derive(Debug, Clone, Copy)]
pub(crate) enum Room {
    /// Not at all.
    Now,
    /// As long as the client's publish timeout.
    Wait,
    Within(Duration),
}

/// Tries `put` once.
fn publish_now<T>(
    shared: &Shared,
    put: impl FnOnce(&mut State) -> Result<T, RequestFailure>,
) -> Result<T, Error> {
    let mut state = shared.lock();
    let done = put(&mut state)?;
    shared.send_soon(state);
    Ok(done)
}

/// Tries `put` until it succeeds, fails for good, or the time is up.
fn publish<T>(
    shared: &Shared,
    limit: Duration,
    mut put: impl FnMut(&mut State) -> Result<T, RequestFailure>,
) -> Result<T, Error> {
    let mut state = shared.lock();
    let error = match put(&mut state) {
        Ok(done) => {
            shared.send_soon(state);
            return Ok(done);
        }
        Err(RequestFailure(error)) => error,
    };
    if !is_temporary(&error, state.status) {
        return Err(match error {
            RequestError::StreamClosed => interrupted(&state),
            error => error.into(),
        });
    }
    drop(state);
    let deadline = Deadline::after(limit);
    let begun = shared.begin_wait();
    let _waiting = shared.expect_ack();
    // What makes room comes back only for what has left.
    shared.write_now();
    let mut state = shared.lock();
    loop {
        match put(&mut state) {
            Ok(done) => {
                shared.unlock_quietly(state);
                return Ok(done);
            }
            Err(RequestFailure(error)) if !is_temporary(&error, state.status) => {
                return Err(match error {
                    RequestError::NotConnected => state.why_disconnected(),
                    RequestError::StreamClosed => interrupted(&state),
                    error => error.into(),
                });
            }
            Err(_) if shared.is_interrupted(begun) => return Err(shared.interrupted()),
            Err(_) if deadline.is_over() => return Err(Error::timeout(Phase::Room, limit)),
            Err(_)
                if shared.is_wedged() || (limit == Duration::MAX && state.is_attempted_here()) =>
            {
                return Err(Error::new(ErrorCode::WouldDeadlock));
            }
            Err(_) => state = shared.sleep_room(state, deadline),
        }
    }
}

/// Why the connection of a payload is gone. If there is another by now, nobody knows any more.
fn interrupted(state: &State) -> Error {
    match state.connection {
        None => state.why_disconnected(),
        Some(_) => RequestError::StreamClosed.into(),
    }
}

/// Whether waiting can help: there is no room yet, or no connection yet.
fn is_temporary(error: &RequestError, status: Status) -> bool {
    let connecting = status == Status::Connecting && *error == RequestError::NotConnected;
    error.is_temporary() || connecting
}

/// Why a message was not queued.
struct RequestFailure(RequestError);

impl From<RequestError> for RequestFailure {
    fn from(error: RequestError) -> Self {
        Self(error)
    }
}

impl From<RequestFailure> for Error {
    fn from(failure: RequestFailure) -> Self {
        failure.0.into()
    }
}

/// Nothing more is accepted while a disconnect goes on.
fn check_open(state: &State) -> Result<&Arc<Progress>, RequestFailure> {
    let connection = state.connection.as_ref().filter(|_| !state.draining);
    let progress = connection.map(|connection| &connection.progress);
    progress.ok_or(RequestFailure(RequestError::NotConnected))
}

/// The clock is read only for a message that may expire.
fn now_for(message: &Publish<'_>) -> Time {
    if message.has_properties() { clock::now() } else { Time::ORIGIN }
}

fn put(state: &mut State, message: &Publish<'_>) -> Result<Delivery, RequestFailure> {
    let queued = queue(state, message.quality(), |state, token| {
        Ok((state.core.publish(now_for(message), message, token)?, ()))
    });
    queued.map(|(delivery, ())| delivery)
}

#[cfg(feature = "capi")]
fn put_unwatched(state: &mut State, message: &Publish<'_>) -> Result<(), RequestFailure> {
    check_open(state)?;
    state.core.publish(now_for(message), message, NOBODY)?;
    Ok(())
}

/// Begins a payload, and says how it and its connection are named.
fn put_stream(
    state: &mut State,
    message: &Publish<'_>,
    len: usize,
) -> Result<(Delivery, StreamId, u64), RequestFailure> {
    let connection = state.connection_number().unwrap_or_default();
    let (delivery, id) = queue(state, message.quality(), |state, token| {
        state.core.publish_stream(now_for(message), message, len, token)
    })?;
    Ok((delivery, id, connection))
}

/// Enters who waits for the outcome, and returns with the handle what `publish` says beside it.
fn queue<T>(
    state: &mut State,
    qos: QoS,
    publish: impl FnOnce(&mut State, Token) -> Result<(Queued, T), RequestError>,
) -> Result<(Delivery, T), RequestFailure> {
    let progress = Arc::clone(check_open(state)?);
    if qos == QoS::AtMostOnce {
        let (queued, more) = publish(state, NOBODY)?;
        return Ok((Delivery::written(progress, queued.end), more));
    }
    let ticket = state.pending.ticket();
    let token = state.pending.insert(Waiter::Publish(Arc::clone(&ticket)));
    match publish(state, token) {
        Ok((_, more)) => Ok((Delivery::acknowledged(progress, ticket), more)),
        Err(error) => {
            state.pending.take(token);
            Err(error.into())
        }
    }
}

/// Queues a message, and takes the callback out of `call` if that succeeds.
fn put_call(
    state: &mut State,
    message: &Publish<'_>,
    call: &mut Option<Box<dyn FnOnce(Outcome) + Send>>,
) -> Result<(), RequestFailure> {
    let progress = Arc::clone(check_open(state)?);
    let now = now_for(message);
    if message.quality() == QoS::AtMostOnce {
        let queued = state.core.publish(now, message, NOBODY)?;
        if let Some(call) = call.take() {
            progress.watch(queued.end, call);
        }
        return Ok(());
    }
    let Some(waiter) = call.take() else { return Ok(()) };
    let token = state.pending.insert(Waiter::Call(waiter));
    if let Err(error) = state.core.publish(now, message, token) {
        if let Some(Waiter::Call(waiter)) = state.pending.take(token) {
            *call = Some(waiter);
        }
        return Err(error.into());
    }
    Ok(())
}
