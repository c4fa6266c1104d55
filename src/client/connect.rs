//! Making a connection, and ending it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::auth::{AuthError, Authenticator};
use super::connection::{Connection, End, Pen, run_writer};
use super::delivery::Progress;
use super::dispatcher;
use super::event::{ConnectionEvent, Notification};
use super::options::{DisconnectOptions, Drained, Unsent};
use super::reader::{run_reader, take_down};
use super::shared::{After, Auth, CLOSE_LIMIT, Shared, State, Status};
use crate::clock::{self, Deadline};
use crate::codec::ReasonCode;
use crate::error::{Error, ErrorCode};
use crate::proto::{AuthStep, ConnectOptions, Disconnect, Granted};
use crate::transport::{Cancel, Phase, ReadHalf, dial};

/// The least time that DISCONNECT and the server's reaction to it are given, whatever the caller's
/// deadline.
const GOODBYE_MIN: Duration = Duration::from_millis(100);

/// How long dropping the last handle waits until what was accepted is written.
const DROP_LIMIT: Duration = Duration::from_secs(1);

/// Connects; with `resume`, to go on with the session.
pub(super) fn connect(shared: &Arc<Shared>, resume: bool) -> Result<Arc<Granted>, Error> {
    if !shared.handlers.is_empty() {
        dispatcher::ensure(shared)?;
    }
    let deadline = Deadline::after(shared.options.connect_timeout);
    let cancel = Cancel::default();
    begin(shared, &cancel, deadline)?;
    join_reader(shared);
    let result = try_connect(shared, resume, &cancel, deadline);
    let mut state = shared.lock();
    state.cancel = None;
    if let Err(error) = &result {
        shared.set_status(&mut state, Status::Disconnected);
        state.last_end = Some(error.clone());
    }
    drop(state);
    shared.wake_all();
    if let Err(error) = &result {
        log::warn!("no connection: {error}");
        join_reader(shared);
        shared.lock().pending.stir();
        let event = ConnectionEvent::ConnectFailed(error.clone());
        shared.notify(Notification::Connection(event));
    }
    result
}

/// Claims the client for one attempt to connect. A connection that is just ending is waited for.
fn begin(shared: &Shared, cancel: &Cancel, deadline: Deadline) -> Result<(), Error> {
    let mut state = shared.lock();
    loop {
        match state.status {
            Status::Connecting => return Err(Error::new(ErrorCode::AlreadyConnecting)),
            Status::Connected => return Err(Error::new(ErrorCode::AlreadyConnected)),
            Status::Disconnecting if !deadline.is_over() => {
                state = shared.sleep_changed(state, deadline);
            }
            Status::Disconnecting => {
                let limit = shared.options.connect_timeout;
                return Err(Error::timeout(Phase::Tcp, limit));
            }
            Status::Disconnected => break,
        }
    }
    shared.set_status(&mut state, Status::Connecting);
    state.cancel = Some(cancel.clone());
    state.auth.clear();
    Ok(())
}

/// The reader of the last connection has said its last word; this waits until its thread is gone.
fn join_reader(shared: &Shared) {
    let reader = shared.lock().reader.take();
    if let Some(reader) = reader
        && reader.thread().id() != thread::current().id()
    {
        let _ = reader.join();
    }
}

fn try_connect(
    shared: &Arc<Shared>,
    resume: bool,
    cancel: &Cancel,
    deadline: Deadline,
) -> Result<Arc<Granted>, Error> {
    let limit = deadline.remaining().unwrap_or(Duration::MAX);
    let mut options = connect_options(shared, resume);
    with_authenticator(shared, |authenticator| {
        options.authentication_data = authenticator.start()?;
        Ok(())
    })?;
    let link = dial(&shared.options.target, limit, cancel)?;
    log::debug!("connected to {}", link.description);
    let read = open(shared, link.write, link.closer, &options, cancel)?;
    start_threads(shared, link.read, read)?;
    let result = handshake(shared, cancel, deadline);
    if let Err(error) = &result {
        give_up(shared, error);
    }
    result
}

/// What CONNECT says this time.
fn connect_options(shared: &Shared, resume: bool) -> ConnectOptions {
    let mut options = shared.options.connect.clone();
    if resume {
        // Before MQTT 5.0 the same flag says how long the session lasts, which must not change.
        options.clean_start &= !options.version.is_v5();
        if let Some(id) = shared.lock().assigned_client_id.clone() {
            options.client_id = id;
        }
    }
    options
}

/// Enters the connection, with CONNECT as its first packet. Returns its number and the flag that
/// stops its reader.
fn open(
    shared: &Arc<Shared>,
    write: Box<dyn crate::transport::WriteHalf>,
    closer: Arc<dyn crate::transport::Closer>,
    options: &ConnectOptions,
    cancel: &Cancel,
) -> Result<(u64, Arc<AtomicBool>), Error> {
    let mut state = shared.lock();
    if cancel.is_cancelled() {
        return Err(Error::new(ErrorCode::Closed));
    }
    state.core.connect(clock::now(), options)?;
    state.connections += 1;
    let id = state.connections;
    let stop = Arc::new(AtomicBool::new(false));
    state.connection = Some(Connection {
        id,
        closer,
        progress: Arc::new(Progress::new(Arc::downgrade(shared))),
        pen: Some(Pen::new(write)),
        writer: None,
        end: None,
        close_by: None,
        finished: false,
        broken: false,
        flush_wanted: false,
        gone: false,
        stop: Arc::clone(&stop),
    });
    Ok((id, stop))
}

fn start_threads(
    shared: &Arc<Shared>,
    read: Box<dyn ReadHalf>,
    (id, stop): (u64, Arc<AtomicBool>),
) -> Result<(), Error> {
    let failed =
        |error| Error::from_io(ErrorCode::Resources, "a thread could not be started", error);
    let own = Arc::clone(shared);
    let writer =
        thread::Builder::new().name("mqttlink-writer".into()).spawn(move || run_writer(&own, id));
    let writer = writer.map_err(|error| abandon(shared, failed(error)))?;
    if let Some(connection) = &mut shared.lock().connection {
        connection.writer = Some(writer);
    }
    let own = Arc::clone(shared);
    let reader = thread::Builder::new()
        .name("mqttlink-reader".into())
        .spawn(move || run_reader(&own, read, &stop));
    let reader = reader.map_err(|error| abandon(shared, failed(error)))?;
    shared.lock().reader = Some(reader);
    Ok(())
}

/// Takes down a connection that has no reader to do it.
fn abandon(shared: &Arc<Shared>, error: Error) -> Error {
    take_down(shared, error.clone());
    error
}

/// Waits for CONNACK, and answers the server's challenges meanwhile.
fn handshake(shared: &Shared, cancel: &Cancel, deadline: Deadline) -> Result<Arc<Granted>, Error> {
    let granted = loop {
        let mut state = shared.lock();
        let step = loop {
            if state.status == Status::Connected
                && let Some(granted) = state.granted.clone()
            {
                break Err(granted);
            }
            if cancel.is_cancelled() {
                return Err(Error::new(ErrorCode::Closed));
            }
            match &state.connection {
                None => return Err(state.why_disconnected()),
                Some(Connection { end: Some(End::Failed(error)), .. }) => return Err(error.clone()),
                Some(_) => {}
            }
            if let Some(step) = pop_auth(&mut state) {
                break Ok(step);
            }
            if deadline.is_over() {
                return Err(Error::timeout(Phase::ConnAck, shared.options.connect_timeout));
            }
            state = shared.sleep_changed(state, deadline);
        };
        drop(state);
        match step {
            Ok(step) => answer(shared, &step)?,
            Err(granted) => break granted,
        }
    };
    with_authenticator(shared, |authenticator| {
        authenticator.finish(granted.authentication_data())
    })?;
    Ok(granted)
}

fn pop_auth(state: &mut State) -> Option<Auth> {
    if state.auth.is_empty() { None } else { Some(state.auth.remove(0)) }
}

/// Lets the authenticator answer one challenge, with the lock released.
fn answer(shared: &Shared, step: &Auth) -> Result<(), Error> {
    let (Auth::Continue(step) | Auth::Done(step)) = step;
    let mut data = None;
    with_authenticator(shared, |authenticator| {
        data = authenticator.respond(step.data())?;
        Ok(())
    })?;
    let mut state = shared.lock();
    state.core.authenticate(data.as_deref())?;
    shared.unlock_quietly(state);
    Ok(())
}

fn with_authenticator(
    shared: &Shared,
    call: impl FnOnce(&mut dyn Authenticator) -> Result<(), AuthError>,
) -> Result<(), Error> {
    let Some(authenticator) = &shared.options.authenticator else { return Ok(()) };
    let mut authenticator = authenticator.lock().unwrap_or_else(PoisonError::into_inner);
    call(authenticator.as_mut())
        .map_err(|error| Error::with_text(ErrorCode::AuthenticationFailed, error.to_string()))
}

/// Re-authenticates, and waits for the end of it.
pub(super) fn re_authenticate(shared: &Shared) -> Result<(), Error> {
    let limit = shared.options.response_timeout;
    let deadline = Deadline::after(limit);
    if shared.options.authenticator.is_none() {
        let text = "the client has no authenticator";
        return Err(Error::with_text(ErrorCode::InvalidState, text));
    }
    let mut data = None;
    with_authenticator(shared, |authenticator| {
        data = authenticator.start()?;
        Ok(())
    })?;
    let mut state = shared.lock();
    state.core.re_authenticate(data.as_deref())?;
    shared.unlock_quietly(state);
    let _waiting = shared.expect_ack();
    loop {
        let step = next_step(shared, deadline, limit)?;
        match &step {
            Auth::Continue(_) => answer(shared, &step),
            Auth::Done(step) => return verified(shared, step),
        }
        .inspect_err(|_| refuse(shared))?;
    }
}

fn verified(shared: &Shared, step: &AuthStep) -> Result<(), Error> {
    with_authenticator(shared, |authenticator| authenticator.finish(step.data()))
        .inspect_err(|_| refuse(shared))
}

/// Either side that is not satisfied ends the connection [MQTT-4.12.1-2].
fn refuse(shared: &Shared) {
    let reason = ReasonCode::BadAuthenticationMethod;
    let options = DisconnectOptions::new().reason(reason).drain(Duration::ZERO);
    let _ = disconnect(shared, &options);
}

fn next_step(shared: &Shared, deadline: Deadline, limit: Duration) -> Result<Auth, Error> {
    let mut state = shared.lock();
    loop {
        if let Some(step) = pop_auth(&mut state) {
            return Ok(step);
        }
        if state.status != Status::Connected {
            return Err(state.why_disconnected());
        }
        if deadline.is_over() {
            return Err(Error::timeout(Phase::Ack, limit));
        }
        state = shared.sleep_changed(state, deadline);
    }
}

/// Closes a connection that was not accepted, and waits until it is gone.
fn give_up(shared: &Shared, error: &Error) {
    let mut state = shared.lock();
    let mut after = After::default();
    shared.closing(&mut state, End::Failed(error.clone()), Duration::ZERO, &mut after);
    shared.unlock(state, after);
    cut(shared);
    wait_until_gone(shared, shared.lock());
}

/// Closes the socket at once.
fn cut(shared: &Shared) {
    let mut state = shared.lock();
    let Some(connection) = &mut state.connection else { return };
    connection.broken = true;
    connection.stop.store(true, Ordering::SeqCst);
    let closer = Arc::clone(&connection.closer);
    drop(state);
    closer.close();
    shared.wake_all();
}

/// The reader takes the connection down, and waits for nothing but the writer, which waits for
/// nothing once the socket is closed.
fn wait_until_gone(shared: &Shared, mut state: MutexGuard<'_, State>) {
    while state.connection.is_some() {
        state = shared.sleep_changed(state, Deadline::after(CLOSE_LIMIT));
    }
    drop(state);
    join_reader(shared);
}

/// Ends the connection: drains, says goodbye, waits until everything is gone.
pub(super) fn disconnect(shared: &Shared, options: &DisconnectOptions) -> Result<Drained, Error> {
    let limit = options.drain.unwrap_or(shared.options.drain_timeout);
    let deadline = Deadline::after(limit);
    let mut state = shared.lock();
    match state.status {
        Status::Disconnected => return Err(Error::new(ErrorCode::NotConnected)),
        Status::Connecting => {
            drop(state);
            abort(shared);
            return Ok(drained(&mut shared.lock()));
        }
        Status::Connected | Status::Disconnecting => {}
    }
    state.draining = true;
    state.unsent.clear();
    state = drain(shared, state, deadline);
    say_goodbye(shared, state, options, deadline)?;
    wait_until_gone(shared, shared.lock());
    Ok(drained(&mut shared.lock()))
}

/// Waits until everything is sent and acknowledged.
fn drain<'a>(
    shared: &'a Shared,
    mut state: MutexGuard<'a, State>,
    deadline: Deadline,
) -> MutexGuard<'a, State> {
    let is_done = |state: &State| state.is_written() && state.core.in_flight() == 0;
    if is_done(&state) || deadline.is_over() {
        return state;
    }
    drop(state);
    let _waiting = shared.expect_ack();
    shared.write_now();
    state = shared.lock();
    while state.status == Status::Connected && !is_done(&state) && !deadline.is_over() {
        state = shared.sleep_changed(state, deadline);
    }
    state
}

/// Sends DISCONNECT if everything before it is written; otherwise the connection is cut, and what is
/// left in the buffers is what was not sent.
fn say_goodbye(
    shared: &Shared,
    mut state: MutexGuard<'_, State>,
    options: &DisconnectOptions,
    deadline: Deadline,
) -> Result<(), Error> {
    let written = state.is_written();
    // Before MQTT 5.0 the server publishes the will when it gets no DISCONNECT.
    let silent = !state.core.version().is_v5()
        && options.packet.reason_code() == ReasonCode::DisconnectWithWill;
    let mut limit = Duration::ZERO;
    if state.status == Status::Connected && written && !silent {
        if let Err(error) = state.core.disconnect(&options.packet) {
            state.draining = false;
            return Err(error.into());
        }
        let left = deadline.remaining().unwrap_or(CLOSE_LIMIT);
        limit = left.clamp(GOODBYE_MIN, CLOSE_LIMIT);
    }
    let mut after = After::default();
    shared.closing(&mut state, End::Asked, limit, &mut after);
    if let Some(connection) = &state.connection {
        connection.stop.store(true, Ordering::SeqCst);
    }
    shared.unlock(state, after);
    shared.work.stir();
    shared.inbox.stir();
    if limit.is_zero() {
        cut(shared);
    }
    Ok(())
}

fn drained(state: &mut State) -> Drained {
    let unacknowledged = state
        .core
        .unacknowledged()
        .into_iter()
        .filter_map(|(_, stored)| stored?.with_packet(|packet| Unsent::from(packet)));
    Drained { unacknowledged: unacknowledged.collect(), unsent: std::mem::take(&mut state.unsent) }
}

/// Ends the connection without a word, or the attempt to make one.
pub(super) fn abort(shared: &Shared) {
    let mut state = shared.lock();
    if let Some(cancel) = state.cancel.clone() {
        drop(state);
        cancel.cancel();
        cut(shared);
        state = shared.lock();
        while state.cancel.is_some() {
            state = shared.sleep_changed(state, Deadline::after(CLOSE_LIMIT));
        }
        return;
    }
    let mut after = After::default();
    shared.closing(&mut state, End::Asked, Duration::ZERO, &mut after);
    shared.unlock(state, after);
    cut(shared);
    wait_until_gone(shared, shared.lock());
}

/// The last handle is gone: what was accepted is written, then everything ends without a DISCONNECT.
pub(super) fn abandon_client(shared: &Shared) {
    let deadline = Deadline::after(DROP_LIMIT);
    shared.write_now();
    let mut state = shared.lock();
    state.draining = true;
    while state.status == Status::Connected && !state.is_written() && !deadline.is_over() {
        state = shared.sleep_changed(state, deadline);
    }
    drop(state);
    shared.abandoned.store(true, Ordering::SeqCst);
    shared.work.abandon();
    shared.inbox.abandon();
    abort(shared);
    shared.handlers.clear();
    let dispatcher = shared.dispatcher.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(dispatcher) = dispatcher
        && dispatcher.thread().id() != thread::current().id()
    {
        let _ = dispatcher.join();
    }
}

impl Disconnect {
    /// The reason code that it carries.
    const fn reason_code(&self) -> ReasonCode {
        self.reason
    }
}
