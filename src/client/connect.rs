//! Making a connection, and authenticating.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, TryLockError};
use std::thread;
use std::time::Duration;

use super::auth::{AuthError, Authenticator};
use super::close::{disconnect_connection, give_up, join_reader};
use super::connection::{Connection, End, Pen, run_writer};
use super::delivery::Progress;
use super::dispatcher;
use super::event::{ConnectionEvent, Notification};
use super::farewell::DisconnectOptions;
use super::handlers::panic_text;
use super::inside::Part;
use super::reader::{run_reader, take_down};
use super::shared::{Attempt, Auth, Shared, State, Status};
use crate::clock::{self, Deadline};
use crate::codec::ReasonCode;
use crate::error::{Error, ErrorCode};
use crate::proto::{ConnectOptions, Granted};
use crate::threads::{self, ThreadNumber};
use crate::transport::{Cancel, Closer, Link, Phase, ReadHalf, WriteHalf, dial};

/// Connects; with `resume`, to go on with the session.
pub(super) fn connect(shared: &Arc<Shared>, resume: bool) -> Result<Arc<Granted>, Error> {
    if !shared.handlers.is_empty() {
        dispatcher::ensure(shared)?;
    }
    let deadline = Deadline::after(shared.options.connect_timeout);
    let begun = shared.begin_wait();
    if shared.is_interrupted(begun) {
        return Err(shared.interrupted());
    }
    let attempt = begin(shared, deadline)?;
    join_reader(shared, attempt.number);
    let result = try_connect(shared, resume, &attempt, deadline).map_err(|error| {
        let interrupted = attempt.cancel.is_cancelled() && shared.is_interrupted(begun);
        if interrupted { shared.interrupted() } else { error }
    });
    if let Err(error) = &result {
        failed(shared, attempt.number, error);
    }
    shared.wake_all();
    result
}

/// An attempt has failed. If the server had accepted it, the end of the connection has been told.
fn failed(shared: &Shared, number: u64, error: &Error) {
    log::warn!("no connection: {error}");
    join_reader(shared, number);
    let mut state = shared.lock();
    if state.attempt.take_if(|attempt| attempt.number == number).is_none() {
        return;
    }
    // Its threads may have been left behind.
    let rest = state.connection.as_mut().filter(|connection| connection.id == number);
    let left = rest.map(|connection| connection.failed = true);
    let status = left.map_or(Status::Disconnected, |()| Status::Disconnecting);
    shared.set_status(&mut state, status);
    state.last_end = Some(error.clone());
    state.pending.stir();
    drop(state);
    let event = ConnectionEvent::ConnectFailed(error.clone());
    shared.notify(Notification::Connection(event));
}

/// Claims the client for one attempt to connect, and numbers it. A connection that is just ending is
/// waited for.
fn begin(shared: &Shared, deadline: Deadline) -> Result<Attempt, Error> {
    let mut state = shared.lock();
    loop {
        match state.status {
            Status::Connecting => return Err(Error::new(ErrorCode::AlreadyConnecting)),
            Status::Connected => return Err(Error::new(ErrorCode::AlreadyConnected)),
            // The end of the last connection waits for this thread.
            _ if shared.is_doing(Part::Stream) => return Err(Error::new(ErrorCode::WouldDeadlock)),
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
    state.connections += 1;
    let number = state.connections;
    let attempt = Attempt {
        number,
        cancel: Cancel::default(),
        owner: ThreadNumber::this(),
        granted: Arc::default(),
    };
    state.attempt = Some(attempt.clone());
    state.auth.clear();
    Ok(attempt)
}

fn try_connect(
    shared: &Arc<Shared>,
    resume: bool,
    attempt: &Attempt,
    deadline: Deadline,
) -> Result<Arc<Granted>, Error> {
    let limit = deadline.remaining().unwrap_or(Duration::MAX);
    let mut options = connect_options(shared, resume);
    with_authenticator(shared, |authenticator| {
        options.authentication_data = authenticator.start()?;
        Ok(())
    })?;
    let link = dial(&shared.options.plan.get().target, limit, &attempt.cancel)?;
    log::debug!("connected to {}", link.description);
    start(shared, link, &options, attempt)?;
    let result = handshake(shared, attempt, deadline);
    if let Err(error) = &result {
        give_up(shared, attempt.number, error);
    }
    result
}

/// What CONNECT says this time.
fn connect_options(shared: &Shared, resume: bool) -> ConnectOptions {
    let mut options = shared.options.plan.get().connect.clone();
    if resume {
        // Before MQTT 5.0 the same flag says how long the session lasts, which must not change.
        options.clean_start &= !options.version.is_v5();
        if let Some(id) = shared.lock().assigned_client_id.clone() {
            options.client_id = id;
        }
    }
    options
}

/// Enters the connection and starts its threads. If that fails the stream ends here.
fn start(
    shared: &Arc<Shared>,
    link: Link,
    options: &ConnectOptions,
    attempt: &Attempt,
) -> Result<(), Error> {
    let _ending = shared.does(Part::Stream);
    let Link { read, write, closer, .. } = link;
    let stop = open(shared, write, closer, options, attempt)?;
    start_threads(shared, read, (attempt.number, stop))
}

/// Enters the connection, with CONNECT as its first packet. Returns the flag that stops its reader.
fn open(
    shared: &Arc<Shared>,
    write: Box<dyn WriteHalf>,
    closer: Arc<dyn Closer>,
    options: &ConnectOptions,
    attempt: &Attempt,
) -> Result<Arc<AtomicBool>, Error> {
    let mut state = shared.lock();
    if attempt.cancel.is_cancelled() {
        return Err(Error::new(ErrorCode::Closed));
    }
    state.core.connect(clock::now(), options)?;
    let stop = Arc::new(AtomicBool::new(false));
    state.connection = Some(Connection {
        id: attempt.number,
        closer: Some(closer),
        closing: false,
        helper: None,
        progress: Arc::new(Progress::new(Arc::downgrade(shared))),
        pen: Some(Pen::new(write)),
        writer: None,
        end: None,
        close_by: None,
        finished: false,
        broken: false,
        flush_wanted: false,
        re_authenticating: false,
        gone: false,
        left_behind: false,
        failed: false,
        stop: Arc::clone(&stop),
    });
    Ok(stop)
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
    let reader = threads::spawn("mqttlink-reader", move || run_reader(&own, read, &stop));
    let reader = reader.map_err(|error| abandon(shared, failed(error)))?;
    shared.lock().reader = Some((id, reader));
    Ok(())
}

/// Takes down a connection that has no reader to do it.
fn abandon(shared: &Arc<Shared>, error: Error) -> Error {
    take_down(shared, error.clone(), None, None);
    error
}

/// Waits for CONNACK, and answers the server's challenges meanwhile.
fn handshake(
    shared: &Shared,
    attempt: &Attempt,
    deadline: Deadline,
) -> Result<Arc<Granted>, Error> {
    let granted = loop {
        let mut state = shared.lock();
        let step = loop {
            if let Some(granted) = attempt.granted.get() {
                break Err(Arc::clone(granted));
            }
            if attempt.cancel.is_cancelled() {
                return Err(Error::new(ErrorCode::Closed));
            }
            match &state.connection {
                Some(Connection { end: Some(End::Failed(error)), .. }) => {
                    return Err(advise(shared, error.clone()));
                }
                Some(connection) if connection.id == attempt.number => {}
                _ => return Err(advise(shared, state.why_disconnected())),
            }
            if let Some(step) = pop_auth(&mut state) {
                break Ok(step);
            }
            if deadline.is_over() {
                let error = Error::timeout(Phase::ConnAck, shared.options.connect_timeout);
                return Err(advise(shared, error));
            }
            state = shared.sleep_changed(state, deadline);
        };
        drop(state);
        match step {
            Ok(step) => answer(shared, attempt.number, &step)?,
            Err(granted) => break granted,
        }
    };
    with_authenticator(shared, |authenticator| {
        authenticator.finish(granted.authentication_data())
    })?;
    Ok(granted)
}

/// A server that ends the connection instead of answering, or does not answer at all, has commonly
/// been spoken to in the wrong way.
fn advise(shared: &Shared, error: Error) -> Error {
    let silent = matches!(
        error.code(),
        ErrorCode::ConnectionClosed
            | ErrorCode::ConnectionLost
            | ErrorCode::ProtocolViolation
            | ErrorCode::TimeoutConnAck
    );
    if !silent {
        return error;
    }
    let plan = shared.options.plan.get();
    let version = plan.connect.version;
    if plan.target.is_secure() {
        error.advise(&format!("before CONNACK: does the server speak MQTT {version}?"))
    } else {
        error.advise(&format!("before CONNACK: does the server speak MQTT {version}, without TLS?"))
    }
}

fn pop_auth(state: &mut State) -> Option<Auth> {
    if state.auth.is_empty() { None } else { Some(state.auth.remove(0)) }
}

/// Lets the authenticator answer one challenge, with the lock released.
fn answer(shared: &Shared, number: u64, step: &Auth) -> Result<(), Error> {
    let (Auth::Continue(step) | Auth::Done(step)) = step;
    let mut data = None;
    with_authenticator(shared, |authenticator| {
        data = authenticator.respond(step.data())?;
        Ok(())
    })?;
    let mut state = shared.lock();
    check_current(&state, number)?;
    state.core.authenticate(data.as_deref())?;
    shared.unlock_quietly(state);
    Ok(())
}

fn with_authenticator(
    shared: &Shared,
    call: impl FnOnce(&mut dyn Authenticator) -> Result<(), AuthError>,
) -> Result<(), Error> {
    let plan = shared.options.plan.get();
    let Some(authenticator) = &plan.authenticator else { return Ok(()) };
    let mut authenticator = match authenticator.try_lock() {
        Ok(authenticator) => authenticator,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => {
            let text = "the authenticator is at work on another exchange of this client";
            return Err(Error::with_text(ErrorCode::InvalidState, text));
        }
    };
    let answer = catch_unwind(AssertUnwindSafe(|| call(authenticator.as_mut())));
    let failed = |text: String| Err(Error::with_text(ErrorCode::AuthenticationFailed, text));
    match answer {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => failed(error.to_string()),
        Err(panic) => failed(format!("the authenticator panicked: {}", panic_text(&*panic))),
    }
}

/// Re-authenticates, and waits for the end of it. What has begun and fails ends the connection.
pub(super) fn re_authenticate(shared: &Shared) -> Result<(), Error> {
    if shared.options.plan.get().authenticator.is_none() {
        let text = "the client has no authenticator";
        return Err(Error::with_text(ErrorCode::InvalidState, text));
    }
    if shared.is_inside() {
        return Err(Error::new(ErrorCode::WouldDeadlock));
    }
    let deadline = Deadline::after(shared.options.response_timeout);
    let number = claim(shared)?;
    let data = match begin_exchange(shared) {
        Err(error) if error.code() == ErrorCode::InvalidState => {
            // The last exchange has not quite ended, and this one has not begun.
            release(shared, number);
            return Err(error);
        }
        data => data,
    };
    let result = data.and_then(|data| exchange(shared, number, data.as_deref(), deadline));
    match &result {
        Ok(()) => release(shared, number),
        Err(_) => refuse(shared, number),
    }
    result
}

/// Claims the connection for one re-authentication, and returns its number.
fn claim(shared: &Shared) -> Result<u64, Error> {
    let mut state = shared.lock();
    state.core.may_re_authenticate()?;
    let connection = state.connection.as_mut().ok_or(Error::new(ErrorCode::NotConnected))?;
    if std::mem::replace(&mut connection.re_authenticating, true) {
        let text = "a re-authentication is going on";
        return Err(Error::with_text(ErrorCode::InvalidState, text));
    }
    Ok(connection.id)
}

fn release(shared: &Shared, number: u64) {
    let mut state = shared.lock();
    if let Some(connection) = state.connection.as_mut().filter(|found| found.id == number) {
        connection.re_authenticating = false;
    }
}

fn begin_exchange(shared: &Shared) -> Result<Option<Vec<u8>>, Error> {
    let mut data = None;
    with_authenticator(shared, |authenticator| {
        data = authenticator.start()?;
        Ok(())
    })?;
    Ok(data)
}

/// The AUTH packets of one re-authentication, from the first to the last.
fn exchange(
    shared: &Shared,
    number: u64,
    data: Option<&[u8]>,
    deadline: Deadline,
) -> Result<(), Error> {
    let mut state = shared.lock();
    check_current(&state, number)?;
    state.core.re_authenticate(data)?;
    shared.unlock_quietly(state);
    let _waiting = shared.expect_ack();
    let begun = shared.begin_wait();
    loop {
        let step = next_step(shared, number, begun, deadline)?;
        match &step {
            Auth::Continue(_) => answer(shared, number, &step)?,
            Auth::Done(step) => {
                return with_authenticator(shared, |authenticator| {
                    authenticator.finish(step.data())
                });
            }
        }
    }
}

/// Either side that is not satisfied ends the connection [MQTT-4.12.1-2].
fn refuse(shared: &Shared, number: u64) {
    let reason = ReasonCode::BadAuthenticationMethod;
    let options = DisconnectOptions::new().reason(reason).drain(Duration::ZERO);
    let _ = disconnect_connection(shared, number, &options);
}

fn check_current(state: &State, number: u64) -> Result<(), Error> {
    if state.connection_number() == Some(number) { Ok(()) } else { Err(state.why_disconnected()) }
}

fn next_step(shared: &Shared, number: u64, begun: u64, deadline: Deadline) -> Result<Auth, Error> {
    let mut state = shared.lock();
    loop {
        check_current(&state, number)?;
        if let Some(step) = pop_auth(&mut state) {
            return Ok(step);
        }
        if state.status != Status::Connected {
            return Err(state.why_disconnected());
        }
        if shared.is_interrupted(begun) {
            return Err(shared.interrupted());
        }
        if deadline.is_over() {
            return Err(Error::timeout(Phase::Ack, shared.options.response_timeout));
        }
        state = shared.sleep_changed(state, deadline);
    }
}
