//! Ending a connection.

use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use super::connection::End;
use super::farewell::{DisconnectOptions, Drained, Unsent};
use super::inside::Part;
use super::shared::{After, Attempt, CLOSE_LIMIT, Shared, State, Status};
use crate::clock::Deadline;
use crate::codec::ReasonCode;
use crate::error::{Error, ErrorCode};
use crate::proto::Disconnect;
use crate::threads::ThreadNumber;

/// The least time that DISCONNECT and the server's reaction to it are given, whatever the caller's
/// deadline.
const GOODBYE_MIN: Duration = Duration::from_millis(100);

/// How long dropping the last handle waits until what was accepted is written, and then until the
/// server has taken it.
const DROP_LIMIT: Duration = Duration::from_secs(1);

/// How long the threads of a connection have to find out by themselves that it is over, and how long after
/// its socket, or the program's stream, has been closed under their hands.
const GONE_LIMIT: Duration = Duration::from_secs(2);
const CUT_LIMIT: Duration = Duration::from_secs(3);

/// Closes a connection that was not accepted, and waits until it is gone.
pub(super) fn give_up(shared: &Shared, number: u64, error: &Error) {
    let mut state = shared.lock();
    if state.connection_number() != Some(number) {
        return;
    }
    let mut after = After::default();
    shared.closing(&mut state, End::Failed(error.clone()), Duration::ZERO, &mut after);
    shared.unlock(state, after);
    cut(shared, number);
    wait_until_gone(shared, number);
}

/// Closes the socket of a connection at once.
fn cut(shared: &Shared, number: u64) {
    let state = shared.lock();
    if state.connection_number() == Some(number) {
        shared.close(state);
    }
}

/// The reader takes the connection down, and waits for nothing but the writer, which waits for
/// nothing once the socket is closed. Where one of them runs the program's code, it is waiting for that.
///
/// A stream of the program's own may heed nothing, or not return from its own end: the threads are then
/// left to themselves.
fn wait_until_gone(shared: &Shared, number: u64) {
    if shared.is_doing(Part::Stream) {
        return;
    }
    if !is_gone_within(shared, number, GONE_LIMIT) {
        // Who was to close it may be the one who hangs.
        cut(shared, number);
        if !is_gone_within(shared, number, CUT_LIMIT) {
            leave_behind(shared, number);
            return;
        }
    }
    join_reader(shared, number);
}

/// Waits until a connection is gone, at most so long, and not again once that was in vain.
fn is_gone_within(shared: &Shared, number: u64, limit: Duration) -> bool {
    let deadline = Deadline::after(limit);
    let is_there = |state: &State| state.connection_number() == Some(number);
    let mut state = shared.lock();
    while is_there(&state) && !deadline.is_over() && !state.is_left_behind() {
        state = shared.sleep_changed(state, deadline);
    }
    !is_there(&state)
}

fn leave_behind(shared: &Shared, number: u64) {
    let mut state = shared.lock();
    let Some(connection) = &mut state.connection else { return };
    if connection.id != number || std::mem::replace(&mut connection.left_behind, true) {
        return;
    }
    drop(state);
    log::error!(
        "a connection was to be closed {CUT_LIMIT:?} ago, and a function of its stream has not returned: its \
         threads are left behind; have read and write return once the stream is closed, and close and free at once"
    );
}

impl State {
    /// Whether the threads of the connection that there is were waited for in vain.
    fn is_left_behind(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.left_behind)
    }
}

/// Ends the connection: drains, says goodbye, waits until everything is gone.
pub(super) fn disconnect(shared: &Shared, options: &DisconnectOptions) -> Result<Drained, Error> {
    let limit = options.drain.unwrap_or(shared.options.drain_timeout);
    let deadline = Deadline::after(limit);
    let state = shared.lock();
    match state.status {
        Status::Disconnected => return Err(Error::new(ErrorCode::NotConnected)),
        Status::Connecting => {
            drop(state);
            abort(shared);
            return Ok(drained(&mut shared.lock()));
        }
        Status::Connected | Status::Disconnecting => {}
    }
    let Some(number) = state.connection_number() else {
        return Err(Error::new(ErrorCode::NotConnected));
    };
    end(shared, state, number, options, deadline)
}

/// [`disconnect`] for this connection only.
pub(super) fn disconnect_connection(
    shared: &Shared,
    number: u64,
    options: &DisconnectOptions,
) -> Result<Drained, Error> {
    let deadline = Deadline::after(options.drain.unwrap_or(shared.options.drain_timeout));
    let state = shared.lock();
    if state.connection_number() != Some(number) {
        return Err(Error::new(ErrorCode::NotConnected));
    }
    end(shared, state, number, options, deadline)
}

fn end<'a>(
    shared: &'a Shared,
    mut state: MutexGuard<'a, State>,
    number: u64,
    options: &DisconnectOptions,
    deadline: Deadline,
) -> Result<Drained, Error> {
    state.draining = true;
    state.unsent.clear();
    state = drain(shared, state, deadline);
    if state.connection_number() == Some(number) {
        say_goodbye(shared, state, options, deadline)?;
    } else {
        drop(state);
    }
    wait_until_gone(shared, number);
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
    let begun = shared.begin_wait();
    let _waiting = shared.expect_ack();
    shared.write_now();
    state = shared.lock();
    // Once the connection is gone nothing drains any more.
    while state.draining
        && state.status == Status::Connected
        && !is_done(&state)
        && !deadline.is_over()
        && !shared.is_wedged()
        && !shared.is_interrupted(begun)
    {
        state = shared.sleep_changed(state, deadline);
    }
    if shared.is_interrupted(begun) && !is_done(&state) {
        let _ = shared.interrupted();
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
    if state.status == Status::Connected && written {
        if silent {
            state.core.close();
        } else if let Err(error) = state.core.disconnect(&options.packet) {
            state.draining = false;
            return Err(error.into());
        }
        let left = deadline.remaining().unwrap_or(CLOSE_LIMIT);
        limit = left.clamp(GOODBYE_MIN, CLOSE_LIMIT);
    }
    let mut after = After::default();
    shared.closing(&mut state, End::Asked, limit, &mut after);
    let Some(connection) = &state.connection else { return Ok(()) };
    connection.stop.store(true, Ordering::SeqCst);
    let number = connection.id;
    shared.unlock(state, after);
    shared.work.stir();
    shared.inbox.stir();
    if limit.is_zero() {
        cut(shared, number);
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
    if let Some(Attempt { number, cancel, owner, .. }) = &state.attempt {
        let (number, cancel, owner) = (*number, cancel.clone(), *owner);
        drop(state);
        cancel.cancel();
        cut(shared, number);
        if owner == ThreadNumber::this() {
            // An authenticator ends its own attempt, which goes on when it returns.
            return;
        }
        // An authenticator that takes its time finds out when it returns.
        let deadline = Deadline::after(CLOSE_LIMIT);
        state = shared.lock();
        while state.attempt.as_ref().is_some_and(|attempt| attempt.number == number)
            && !deadline.is_over()
            && !shared.is_doing(Part::Stream)
        {
            state = shared.sleep_changed(state, deadline);
        }
        if state.connection_number() != Some(number) {
            return;
        }
    }
    let Some(number) = state.connection_number() else {
        let last = state.connections;
        drop(state);
        join_reader(shared, last);
        return;
    };
    drop(state);
    abort_connection(shared, number);
}

/// Ends this connection without a word, and leaves any other alone.
pub(super) fn abort_connection(shared: &Shared, number: u64) {
    let mut state = shared.lock();
    if state.connection_number() != Some(number) {
        return;
    }
    let mut after = After::default();
    shared.closing(&mut state, End::Asked, Duration::ZERO, &mut after);
    shared.unlock(state, after);
    cut(shared, number);
    wait_until_gone(shared, number);
}

/// The last handle is gone: what was accepted is written, then everything ends without a goodbye.
pub(super) fn abandon_client(shared: &Shared) {
    let deadline = Deadline::after(DROP_LIMIT);
    shared.write_now();
    let mut state = shared.lock();
    state.draining = true;
    while state.status == Status::Connected
        && !state.is_written()
        && !deadline.is_over()
        && !shared.is_inside()
    {
        state = shared.sleep_changed(state, deadline);
    }
    // A socket that is closed with unread input takes back what it has not sent.
    let graceful = state.status == Status::Connected && state.is_written();
    if graceful {
        say_no_more(&mut state);
        let mut after = After::default();
        shared.closing(&mut state, End::Asked, DROP_LIMIT, &mut after);
        if let Some(connection) = &state.connection {
            connection.stop.store(true, Ordering::SeqCst);
        }
        shared.unlock(state, after);
    } else {
        drop(state);
    }
    shared.abandoned.store(true, Ordering::SeqCst);
    shared.work.abandon();
    shared.inbox.abandon();
    let closing = shared.lock().connection_number();
    match closing {
        Some(number) if graceful => wait_until_gone(shared, number),
        _ => abort(shared),
    }
    shared.handlers.clear();
    let dispatcher = shared.dispatcher.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(dispatcher) = dispatcher
        && !dispatcher.is_this()
        // A handler may be waiting for the end of the connection.
        && !shared.is_doing(Part::Stream)
    {
        dispatcher.join();
    }
}

/// Nothing follows. Where the peer of a stream cannot be told by closing half of it, MQTT 5.0 has a DISCONNECT
/// that lets the server publish the will.
fn say_no_more(state: &mut State) {
    let closer = state.connection.as_ref().and_then(|connection| connection.closer.as_ref());
    let told = state.core.version().is_v5()
        && closer.is_some_and(|closer| closer.is_foreign())
        && state.core.disconnect(&Disconnect::new().with_will()).is_ok();
    if !told {
        state.core.close();
    }
}

impl Disconnect {
    /// The reason code that it carries.
    const fn reason_code(&self) -> ReasonCode {
        self.reason
    }
}

/// The readers of connections up to this one have said their last word; this waits until their
/// threads are gone, unless one is left behind.
pub(super) fn join_reader(shared: &Shared, number: u64) {
    let mut state = shared.lock();
    if state.is_left_behind() {
        return;
    }
    let reader = state.reader.take_if(|(of, _)| *of <= number);
    drop(state);
    if let Some((_, reader)) = reader
        && !reader.is_this()
    {
        reader.join();
    }
}
