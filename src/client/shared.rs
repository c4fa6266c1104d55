//! What all threads of a client share: the one lock, and what is done under it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use super::connection::{Connection, End};
use super::delivery::{Outcome, outcome};
use super::event::Notification;
use super::farewell::Unsent;
use super::handlers::{HandlerChange, HandlerTable};
use super::input::Pool;
use super::interrupt::Interrupts;
use super::mailbox::{Entry, Mailbox};
use super::options::Options;
use super::pending::{Answer, Pending, Respond, Waiter};
use super::{Client, ClientInner};
use crate::clock;
use crate::error::{Error, ErrorCode};
use crate::proto::{
    AckOutcome, AckToken, AuthStep, ClientConnection, Event, Granted, ProtocolError, Time, Token,
};
use crate::threads::{Spawned, ThreadNumber};
use crate::transport::Cancel;

/// Where a client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Status {
    /// There is no connection.
    Disconnected = 0,
    /// A connection is being made.
    Connecting = 1,
    /// The server has accepted the connection.
    Connected = 2,
    /// The connection is being ended.
    Disconnecting = 3,
}

impl Status {
    const fn from_u8(number: u8) -> Self {
        match number {
            1 => Self::Connecting,
            2 => Self::Connected,
            3 => Self::Disconnecting,
            _ => Self::Disconnected,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disconnected => "disconnected",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Disconnecting => "disconnecting",
        })
    }
}

/// How long the end of a connection may take once it has begun: writing what is queued, and waiting
/// for the server to close.
pub(super) const CLOSE_LIMIT: Duration = Duration::from_secs(1);

pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) handlers: Arc<HandlerTable>,
    /// Messages for `recv`.
    pub(super) inbox: Arc<Mailbox>,
    /// Messages and notifications for the dispatcher.
    pub(super) work: Arc<Mailbox>,
    pub(super) pool: Arc<Pool>,
    pub(super) client: OnceLock<Weak<ClientInner>>,
    pub(super) dispatcher: Mutex<Option<Spawned>>,
    pub(super) dispatching: AtomicBool,
    pub(super) dispatcher_thread: OnceLock<ThreadNumber>,
    /// The last handle is gone.
    pub(super) abandoned: AtomicBool,
    pub(super) missed_packets: AtomicU64,
    own_subscriptions: AtomicU32,
    handler_keys: AtomicU64,
    ack_waiters: Arc<AtomicUsize>,
    pub(super) interrupts: Interrupts,
    status: AtomicU8,
    state: Mutex<State>,
    /// The writer thread sleeps here.
    writer: Condvar,
    /// Who waits for room to publish, or for the outgoing buffer to shrink, sleeps here.
    room: Condvar,
    /// Who connects or disconnects sleeps here.
    changed: Condvar,
}

/// Everything under the one lock.
pub(super) struct State {
    pub(super) core: ClientConnection,
    pub(super) pending: Pending,
    pub(super) status: Status,
    pub(super) connection: Option<Connection>,
    /// The thread that reads, or has read, the connection of this number.
    pub(super) reader: Option<(u64, Spawned)>,
    /// How many attempts to connect there were: each is the number of its connection.
    pub(super) connections: u64,
    pub(super) writer_asleep: bool,
    /// Until when it sleeps.
    pub(super) writer_until: Option<Time>,
    /// When something was last written.
    pub(super) last_write: Time,
    pub(super) room_waiters: usize,
    /// Nothing more is accepted: a disconnect is going on.
    pub(super) draining: bool,
    /// The attempt to connect that is going on.
    pub(super) attempt: Option<Attempt>,
    /// What the server granted when it last accepted a connection.
    pub(super) granted: Option<Arc<Granted>>,
    /// Why the last connection ended.
    pub(super) last_end: Option<Error>,
    /// Steps of an authentication, in order.
    pub(super) auth: Vec<Auth>,
    /// Messages of QoS 0 that were left in the buffers when the connection ended.
    pub(super) unsent: Vec<Unsent>,
    pub(super) assigned_client_id: Option<String>,
}

/// An attempt to connect.
#[derive(Clone)]
pub(super) struct Attempt {
    pub(super) number: u64,
    pub(super) cancel: Cancel,
    /// Who makes it.
    pub(super) owner: ThreadNumber,
    /// Its result, which whoever made the attempt finds here whatever becomes of the connection.
    pub(super) granted: Arc<OnceLock<Arc<Granted>>>,
}

/// What the server wants next in an authentication.
pub(super) enum Auth {
    Continue(AuthStep),
    Done(AuthStep),
}

/// What follows from a change of the state once the lock is released.
#[derive(Default)]
#[must_use = "somebody waits for it"]
pub(super) struct After {
    published: Vec<(Waiter, Outcome)>,
    answered: Vec<(Respond, Answer)>,
    /// With each, before which of the messages of the same input it belongs.
    handler_changes: Vec<(usize, HandlerChange)>,
    notifications: Vec<Notification>,
    pong: Option<Duration>,
    wake_writer: bool,
    wake_room: bool,
    wake_changed: bool,
    /// The connection ends, and nobody waits for room in the mailboxes any more.
    wake_mailboxes: bool,
}

/// While it lives, a thread waits for an acknowledgement.
pub(super) struct ExpectAck<'a> {
    shared: &'a Shared,
}

impl Drop for ExpectAck<'_> {
    fn drop(&mut self) {
        self.shared.ack_waiters.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    pub(super) fn new(options: Options, handlers: Arc<HandlerTable>) -> Self {
        let ack_waiters = Arc::new(AtomicUsize::new(0));
        let mailbox = || Arc::new(Mailbox::new(options.bounds, Arc::clone(&ack_waiters)));
        let core = ClientConnection::new(options.config.clone());
        Self {
            inbox: mailbox(),
            work: mailbox(),
            options,
            handlers,
            pool: Arc::default(),
            client: OnceLock::new(),
            dispatcher: Mutex::new(None),
            dispatching: AtomicBool::new(false),
            dispatcher_thread: OnceLock::new(),
            abandoned: AtomicBool::new(false),
            missed_packets: AtomicU64::new(0),
            own_subscriptions: AtomicU32::new(0),
            handler_keys: AtomicU64::new(0),
            ack_waiters,
            interrupts: Interrupts::default(),
            status: AtomicU8::new(Status::Disconnected as u8),
            state: Mutex::new(State {
                core,
                pending: Pending::default(),
                status: Status::Disconnected,
                connection: None,
                reader: None,
                connections: 0,
                writer_asleep: false,
                writer_until: None,
                last_write: Time::ORIGIN,
                room_waiters: 0,
                draining: false,
                attempt: None,
                granted: None,
                last_end: None,
                auth: Vec::new(),
                unsent: Vec::new(),
                assigned_client_id: None,
            }),
            writer: Condvar::new(),
            room: Condvar::new(),
            changed: Condvar::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A name for a request that comes with a handler.
    pub(super) fn next_key(&self) -> u64 {
        self.handler_keys.fetch_add(1, Ordering::Relaxed)
    }

    /// The next subscription identifier, counting down from `first`.
    pub(super) fn next_subscription_id(&self, first: u32) -> u32 {
        first - self.own_subscriptions.fetch_add(1, Ordering::Relaxed) % (first / 2)
    }

    pub(super) const fn response_timeout(&self) -> Duration {
        self.options.response_timeout
    }

    pub(super) fn client(&self) -> Option<Client> {
        Some(Client::from_inner(self.client.get()?.upgrade()?))
    }

    /// Where the client stands. Takes no lock.
    pub(super) fn status(&self) -> Status {
        Status::from_u8(self.status.load(Ordering::SeqCst))
    }

    pub(super) fn set_status(&self, state: &mut State, status: Status) {
        state.status = status;
        self.status.store(status as u8, Ordering::SeqCst);
    }

    /// Whether as many completions wait for the dispatcher as may.
    pub(super) fn completions_wait(&self) -> bool {
        self.work.notifications() >= self.options.bounds.messages
    }

    /// The dispatcher has called one: there may be room for another.
    pub(super) fn completion_done(&self) {
        if self.work.notifications() + 1 >= self.options.bounds.messages {
            // With the lock, so that who has just found no room is asleep.
            let state = self.lock();
            let waiting = state.room_waiters > 0;
            drop(state);
            if waiting {
                self.room.notify_all();
            }
        }
    }

    /// Whether what this thread waits for waits for this thread: it is in a handler, and the answer comes
    /// behind more messages for handlers than may wait; or the connection waits for the program's code that
    /// runs here.
    pub(super) fn is_wedged(&self) -> bool {
        self.is_inside() || (self.is_dispatcher() && self.work.has_no_room())
    }

    /// Lets whoever waits look whether that still makes sense.
    pub(super) fn stir_waiters(&self) {
        let state = self.lock();
        state.pending.stir();
        drop(state);
        self.room.notify_all();
        self.changed.notify_all();
    }

    /// Why waiting makes no sense any more.
    pub(super) fn why_not_wait(&self) -> Error {
        if self.is_over() || !self.is_wedged() {
            return self.why_disconnected();
        }
        Error::new(ErrorCode::WouldDeadlock)
    }

    /// Whether this is the thread on which handlers run.
    pub(super) fn is_dispatcher(&self) -> bool {
        self.dispatcher_thread.get() == Some(&ThreadNumber::this())
    }

    /// Whether nothing will come from the server unless somebody connects.
    pub(super) fn is_over(&self) -> bool {
        self.status() == Status::Disconnected || self.abandoned.load(Ordering::SeqCst)
    }

    /// [`is_over`](Self::is_over), and nothing is on its way through the dispatcher either.
    pub(super) fn is_dry(&self) -> bool {
        // A handler that waits would wait for itself to hand messages on.
        self.is_over() && (self.is_dispatcher() || self.work.is_done())
    }

    /// Why there is no connection.
    pub(super) fn why_disconnected(&self) -> Error {
        self.lock().why_disconnected()
    }

    /// Marks that this thread waits for an acknowledgement. The reader must not stop before it, at
    /// messages that nobody takes meanwhile.
    pub(super) fn expect_ack(&self) -> ExpectAck<'_> {
        self.ack_waiters.fetch_add(1, Ordering::SeqCst);
        self.work.stir();
        self.inbox.stir();
        ExpectAck { shared: self }
    }

    /// Acknowledges a received message.
    pub(super) fn acknowledge(&self, token: AckToken, outcome: AckOutcome) {
        let mut state = self.lock();
        state.core.acknowledge(token, outcome);
        self.send_soon(state);
    }

    /// [`acknowledge`](Self::acknowledge) that leaves it to the caller to write, after some more.
    pub(super) fn acknowledge_later(&self, token: AckToken, outcome: AckOutcome) {
        self.lock().core.acknowledge(token, outcome);
    }

    /// Handles what the core reports. Called under the lock after every input to the core.
    pub(super) fn settle(&self, state: &mut State) -> After {
        let mut after = After::default();
        while let Some(event) = state.core.poll_event() {
            self.settle_one(state, event, &mut after);
        }
        after.wake_room |= state.room_waiters > 0;
        after.wake_changed |= state.draining;
        after
    }

    fn settle_one(&self, state: &mut State, event: Event, after: &mut After) {
        match event {
            Event::Published { token, outcome: result } => {
                let waiter = match state.pending.take(token) {
                    Some(Waiter::Publish(ticket)) => {
                        state.pending.recycle(ticket).map(Waiter::Publish)
                    }
                    waiter => waiter,
                };
                after.published.extend(waiter.map(|waiter| (waiter, outcome(result))));
            }
            Event::Answered { token, outcome, place } => {
                after.answer(state, token, Ok(*outcome), place);
            }
            Event::Unanswered { token } => {
                let error = state.why_disconnected();
                after.answer(state, token, Err(error), 0);
            }
            Event::Connected(granted) => {
                let granted = Arc::from(granted);
                self.connected(state, &granted, after);
            }
            Event::AuthContinue(step) => {
                state.auth.push(Auth::Continue(*step));
                after.wake_changed = true;
            }
            Event::AuthDone(step) => {
                state.auth.push(Auth::Done(*step));
                after.wake_changed = true;
            }
            Event::Refused(notice) => {
                let error = Error::from_notice(ErrorCode::Refused, *notice);
                self.closing(state, End::Failed(error), CLOSE_LIMIT, after);
            }
            Event::Disconnected(notice) => {
                let error = Error::from_notice(ErrorCode::ServerDisconnected, *notice);
                self.closing(state, End::Failed(error), CLOSE_LIMIT, after);
            }
            Event::Failed(error) => {
                // One who is dead is not waited for.
                let dead = matches!(error, ProtocolError::KeepAlive { .. });
                let limit = if dead { Duration::ZERO } else { CLOSE_LIMIT };
                let error = Error::from_protocol(error, state.core.version());
                self.closing(state, End::Failed(error), limit, after);
            }
            Event::Pong { round_trip } => {
                after.pong = Some(round_trip);
                // The writer sleeps until the answer is overdue.
                after.wake_writer |= std::mem::take(&mut state.writer_asleep);
            }
        }
    }

    fn connected(&self, state: &mut State, granted: &Arc<Granted>, after: &mut After) {
        self.set_status(state, Status::Connected);
        state.granted = Some(Arc::clone(granted));
        state.last_end = None;
        if let Some(attempt) = state.attempt.take() {
            let _ = attempt.granted.set(Arc::clone(granted));
        }
        state.assigned_client_id = Some(granted.client_id.clone());
        after.wake_changed = true;
        after.wake_writer |= std::mem::take(&mut state.writer_asleep);
        let event = super::ConnectionEvent::Connected(Arc::clone(granted));
        after.notifications.push(Notification::Connection(event));
    }

    /// The connection begins to end, and has `limit` to do so.
    pub(super) fn closing(&self, state: &mut State, end: End, limit: Duration, after: &mut After) {
        if state.status == Status::Connected {
            self.set_status(state, Status::Disconnecting);
        }
        if let Some(connection) = &mut state.connection {
            if matches!((&connection.end, &end), (None, _) | (Some(End::Broken(_)), End::Failed(_)))
            {
                connection.end = Some(end);
            }
            let by = clock::now() + limit;
            connection.close_by = Some(connection.close_by.map_or(by, |earlier| earlier.min(by)));
            // What has been read is in a mailbox; the reader does not wait for room there.
            connection.stop.store(true, Ordering::SeqCst);
            after.wake_mailboxes = true;
        }
        after.wake_changed = true;
        after.wake_writer |= std::mem::take(&mut state.writer_asleep);
    }

    /// Releases the lock. If there is something to write and the writer sleeps, it is woken.
    pub(super) fn unlock_quietly(&self, mut state: MutexGuard<'_, State>) {
        let wake_writer = state.take_sleeper();
        drop(state);
        if wake_writer {
            self.writer.notify_one();
        }
    }

    /// Releases the lock and does what follows from what was done under it. If there is something to
    /// write and the writer sleeps, it is woken.
    pub(super) fn unlock(&self, mut state: MutexGuard<'_, State>, mut after: After) {
        after.wake_writer |= state.take_sleeper();
        drop(state);
        self.finish(after);
    }

    fn finish(&self, after: After) {
        if after.wake_writer {
            self.writer.notify_one();
        }
        if after.wake_room {
            self.room.notify_all();
        }
        if after.wake_changed {
            self.changed.notify_all();
        }
        if after.wake_mailboxes {
            self.work.stir();
            self.inbox.stir();
        }
        if let Some(round_trip) = after.pong {
            log::debug!("PINGRESP after {round_trip:?}");
        }
        for (waiter, outcome) in after.published {
            match waiter {
                Waiter::Publish(ticket) => ticket.fill(outcome),
                Waiter::Call(call) => call(outcome),
                Waiter::Request(..) => {}
            }
        }
        for (respond, answer) in after.answered {
            respond.give(answer);
        }
        for notification in after.notifications {
            self.notify(notification);
        }
    }

    /// Hands a notification to the dispatcher, if there is one.
    pub(super) fn notify(&self, notification: Notification) {
        if self.dispatching.load(Ordering::SeqCst) {
            self.work.put(Entry::Notification(notification));
        }
    }

    /// Sleeps until the writer has something to do, at most until `until`.
    pub(super) fn sleep_writer<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        until: Option<Time>,
    ) -> MutexGuard<'a, State> {
        state.writer_asleep = true;
        state.writer_until = until;
        let mut state = match until {
            None => self.writer.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(until) => {
                let span = until.since(clock::now());
                self.writer.wait_timeout(state, span).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.writer_asleep = false;
        state
    }

    /// Sleeps until there may be room to publish.
    pub(super) fn sleep_room<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        deadline: clock::Deadline,
    ) -> MutexGuard<'a, State> {
        state.room_waiters += 1;
        let mut state = super::delivery::wait(&self.room, state, deadline);
        state.room_waiters -= 1;
        state
    }

    /// Sleeps until something about the connection may have changed.
    pub(super) fn sleep_changed<'a>(
        &self,
        state: MutexGuard<'a, State>,
        deadline: clock::Deadline,
    ) -> MutexGuard<'a, State> {
        super::delivery::wait(&self.changed, state, deadline)
    }

    /// Wakes everybody who waits for something of the connection.
    pub(super) fn wake_all(&self) {
        self.writer.notify_all();
        self.room.notify_all();
        self.changed.notify_all();
        self.work.stir();
        self.inbox.stir();
    }
}

impl State {
    /// The number of the connection that there is.
    pub(super) fn connection_number(&self) -> Option<u64> {
        self.connection.as_ref().map(|connection| connection.id)
    }

    pub(super) fn why_disconnected(&self) -> Error {
        let ending = self.connection.as_ref().and_then(|connection| connection.end.as_ref());
        match (ending, &self.last_end) {
            (Some(End::Failed(error) | End::Broken(error)), _) | (None, Some(error)) => {
                error.clone()
            }
            _ => Error::new(ErrorCode::NotConnected),
        }
    }

    /// Whether the writer is to be woken: it sleeps, and there is something to write or a timer is
    /// due before it would look. The clock goes on while the machine sleeps, the writer's wait does
    /// not.
    fn take_sleeper(&mut self) -> bool {
        if !self.writer_asleep {
            return false;
        }
        let timer = self.next_timer();
        let late = timer.is_some_and(|at| {
            self.writer_until.is_none_or(|until| at < until) || at <= clock::now()
        });
        (late || self.has_work()) && std::mem::take(&mut self.writer_asleep)
    }
}

impl After {
    pub(super) fn waking_room(wake_room: bool) -> Self {
        Self { wake_room, ..Self::default() }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.published.extend(other.published);
        self.answered.extend(other.answered);
        self.handler_changes.extend(other.handler_changes);
        self.notifications.extend(other.notifications);
        self.pong = other.pong.or(self.pong);
        self.wake_mailboxes |= other.wake_mailboxes;
        self.wake_writer |= other.wake_writer;
        self.wake_room |= other.wake_room;
        self.wake_changed |= other.wake_changed;
    }

    fn answer(&mut self, state: &mut State, token: Token, answer: Answer, place: usize) {
        if let Some(Waiter::Request(respond, settlement)) = state.pending.take(token) {
            if let Ok(outcome) = &answer {
                self.handler_changes.push((place, settlement.with(outcome)));
            }
            self.answered.push((respond, answer));
        }
    }

    /// The changes of the handlers that the reader puts between the messages.
    pub(super) fn take_handler_changes(&mut self) -> Vec<(usize, HandlerChange)> {
        std::mem::take(&mut self.handler_changes)
    }
}
