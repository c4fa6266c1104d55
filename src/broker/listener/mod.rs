//! The broker's thread: sockets, timers, and the core that they drive.

mod command;
mod condition;
mod faulty;
mod last_word;
mod link;
mod reading;
mod worker;
mod writing;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Poll, Token};

pub(crate) use command::Clock;
pub(super) use command::{Command, Mailbox};
pub(super) use condition::{Answer, Waiter};
pub(super) use last_word::LastWord;
use link::{Link, SMALL_REST};
pub(super) use worker::{Authenticators, EventThread};

use super::builder::Bound;
use super::faults::Faults;
use super::hooks::{Decision, Peer};
use super::recorder::Recorder;
use super::{ConnectionId, Core};
use crate::codec::ReasonCode;
use crate::proto::{ServerConfig, Time};
use crate::threads::ThreadNumber;
use crate::transport::{Listener, Polled};

/// How many bytes one connection may supply before it is another one's turn.
const READ_SIZE: usize = 128 * 1024;

/// After how many messages of the program itself the clients are given what there is for them.
const PUBLISH_ROUND: usize = 256;

/// How many events are taken from the system at a time.
const EVENTS: usize = 1024;

/// How long the system is left alone after it had no socket for a client.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const WAKE: Token = Token(usize::MAX);

/// A connection is at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End;

/// Everything that the broker's thread owns.
pub(super) struct Poller {
    pub(super) core: Core,
    poll: Poll,
    listeners: Vec<Entrance>,
    links: Vec<Option<Box<Link>>>,
    /// Connections from which there may be something to read.
    to_read: VecDeque<ConnectionId>,
    /// Connections that are being closed, with their last moment.
    closing: VecDeque<(Time, ConnectionId)>,
    /// Connections whose output a fault holds back.
    held: Vec<ConnectionId>,
    accept_again: Option<Time>,
    scratch: Vec<u8>,
    commands: Vec<Command>,
    notices: Vec<ConnectionId>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) clock: Clock,
    faults: Arc<Faults>,
    recorder: Option<Arc<Recorder>>,
    authenticators: Option<Authenticators>,
    events: Option<EventThread>,
    conditions: Vec<Waiter>,
    last: Arc<LastWord>,
    closing_time: Duration,
    stop_by: Option<Time>,
    pub(super) now: Time,
}

/// Where clients come in, and what is offered to them there.
struct Entrance {
    listener: Listener,
    protocol: Option<Arc<ServerConfig>>,
}

/// Whoever waits for an answer is told that none comes, also when this thread panics.
impl Drop for Poller {
    fn drop(&mut self) {
        self.last.say(self.core.statistics(self.now));
        self.mailbox.stop();
    }
}

/// What a [`Poller`] is made of.
pub(super) struct Parts {
    pub(super) core: Core,
    pub(super) poll: Poll,
    pub(super) bound: Vec<Bound>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) clock: Clock,
    pub(super) faults: Arc<Faults>,
    pub(super) recorder: Option<Arc<Recorder>>,
    pub(super) authenticators: Option<Authenticators>,
    pub(super) events: Option<EventThread>,
    pub(super) last: Arc<LastWord>,
    pub(super) closing_time: Duration,
}

/// The token with which the mailbox wakes the poll.
pub(super) const fn wake_token() -> Token {
    WAKE
}

impl Poller {
    /// # Errors
    /// The system does not watch the listeners.
    pub(super) fn new(parts: Parts) -> io::Result<Self> {
        let mut listeners = Vec::with_capacity(parts.bound.len());
        for (index, Bound { mut listener, versions }) in parts.bound.into_iter().enumerate() {
            listener.register(parts.poll.registry(), Token(usize::MAX - 1 - index))?;
            let protocol = versions.map(|versions| parts.core.speaking(&versions));
            listeners.push(Entrance { listener, protocol });
        }
        Ok(Self {
            core: parts.core,
            poll: parts.poll,
            listeners,
            links: Vec::new(),
            to_read: VecDeque::new(),
            closing: VecDeque::new(),
            held: Vec::new(),
            accept_again: None,
            scratch: Vec::with_capacity(READ_SIZE + SMALL_REST),
            commands: Vec::new(),
            notices: Vec::new(),
            mailbox: parts.mailbox,
            now: parts.clock.now(),
            clock: parts.clock,
            faults: parts.faults,
            recorder: parts.recorder,
            authenticators: parts.authenticators,
            events: parts.events,
            conditions: Vec::new(),
            last: parts.last,
            closing_time: parts.closing_time,
            stop_by: None,
        })
    }

    /// Runs until it is told to stop, and every connection is closed or the time for that is over.
    pub(super) fn run(mut self) {
        let _ = self.mailbox.thread.set(ThreadNumber::this());
        let mut events = Events::with_capacity(EVENTS);
        while !self.is_over() {
            self.wait(&mut events);
            self.now = self.clock.now();
            for event in &events {
                self.note(event);
            }
            self.run_commands();
            self.read_round();
            self.run_timers();
            self.ask();
            self.write_round();
            self.tell();
            self.check_conditions();
        }
    }

    /// Tells every client that the broker shuts down, and ends when they have been told, at the
    /// latest at `deadline`. The addresses are free at once.
    pub(super) fn stop(&mut self, limit: Duration) {
        self.listeners.clear();
        self.core.shut_down(self.now);
        // Whatever a test's clock says, this is real time.
        self.stop_by = Some(crate::clock::now() + limit);
        self.closing_time = self.closing_time.min(limit);
        let finished = self.links.iter().flatten().filter(|link| link.finished);
        for id in finished.map(|link| link.id).collect::<Vec<_>>() {
            self.close(id);
        }
    }

    /// Moves a virtual clock on, timer by timer; says whether it is one.
    pub(super) fn advance(&mut self, span: Duration) -> bool {
        if !self.clock.is_virtual() {
            return false;
        }
        let end = self.now + span;
        while let Some(at) = self.core.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.clock.set(self.now);
            self.core.handle_timeout(self.now);
        }
        self.now = end;
        self.clock.set(end);
        true
    }

    fn is_over(&self) -> bool {
        self.stop_by
            .is_some_and(|by| self.links.iter().all(Option::is_none) || by <= crate::clock::now())
    }

    fn wait(&mut self, events: &mut Events) {
        let idle = self.to_read.is_empty() && self.mailbox.fall_asleep();
        let timeout = if idle { self.patience() } else { Some(Duration::ZERO) };
        // An interrupted poll has no events, and neither has one that failed.
        if self.poll.poll(events, timeout).is_err() {
            events.clear();
        }
        self.mailbox.wake_up();
    }

    /// How long nothing is due.
    fn patience(&self) -> Option<Duration> {
        let stop = self.stop_by.map(|by| by.since(crate::clock::now()));
        if self.clock.is_virtual() {
            // What is due was done when the clock was moved; what was put off is not.
            let due = self.core.poll_timeout().filter(|at| *at <= self.now);
            return if due.is_some() { Some(Duration::ZERO) } else { stop };
        }
        let closing = self.closing.front().map(|(at, _)| *at);
        let held = self.held.iter().filter_map(|id| self.link(*id)?.faults.as_ref()?.next_late());
        let due = self.core.poll_timeout().into_iter().chain(closing).chain(self.accept_again);
        let due = due.chain(held).min().map(|at| at.since(self.clock.now()));
        stop.into_iter().chain(due).min()
    }

    fn link(&self, id: ConnectionId) -> Option<&Link> {
        let link = self.links.get(id.0.index())?.as_deref()?;
        (link.id == id).then_some(link)
    }

    fn link_mut(&mut self, id: ConnectionId) -> Option<&mut Link> {
        let link = self.links.get_mut(id.0.index())?.as_deref_mut()?;
        if link.id == id { Some(link) } else { None }
    }

    fn note(&mut self, event: &mio::event::Event) {
        let Token(number) = event.token();
        if event.token() == WAKE {
            return;
        }
        let listener = usize::MAX - 1 - number;
        if listener < self.listeners.len() {
            self.accept(listener);
            return;
        }
        let Some(link) = self.links.get_mut(number).and_then(Option::as_deref_mut) else { return };
        let id = link.id;
        if event.is_writable() {
            link.unblock();
        }
        link.ended |= event.is_read_closed() || event.is_error();
        link.readable |= event.is_readable() || link.ended;
        self.enqueue(id);
        if event.is_writable() {
            self.write(id);
        }
    }

    /// Puts a connection that may be read from into the queue.
    fn enqueue(&mut self, id: ConnectionId) {
        if let Some(link) = self.link_mut(id)
            && (link.readable || link.resumed)
            && !std::mem::replace(&mut link.queued, true)
        {
            self.to_read.push_back(id);
        }
    }

    fn accept(&mut self, listener: usize) {
        while let Some(entrance) = self.listeners.get(listener) {
            match entrance.listener.accept() {
                Ok((stream, address)) => {
                    let peer = Peer { address: Some(address), ..Peer::default() };
                    let protocol = entrance.protocol.clone();
                    self.attach(stream, peer, protocol);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    // Most often the process has no file descriptor left. The clients wait.
                    log::warn!("broker: a client could not be accepted: {error}");
                    self.accept_again = Some(self.now + ACCEPT_PAUSE);
                    return;
                }
            }
        }
    }

    fn attach(&mut self, mut stream: Polled, peer: Peer, protocol: Option<Arc<ServerConfig>>) {
        let id = match protocol {
            Some(protocol) => self.core.open_speaking(self.now, peer, protocol),
            None => self.core.open(self.now, peer),
        };
        let Some(id) = id else { return };
        if stream.register(self.poll.registry(), Token(id.0.index())).is_err() {
            return self.core.handle_closed(self.now, id);
        }
        let index = id.0.index();
        if self.links.len() <= index {
            self.links.resize_with(index + 1, || None);
        }
        if let Polled::Memory(end) = &stream {
            let mailbox = Arc::clone(&self.mailbox);
            end.notify(move || mailbox.notice(id));
        }
        if let Some(place) = self.links.get_mut(index) {
            *place = Some(Box::new(Link::new(id, stream)));
        }
        self.enqueue(id);
    }

    fn run_commands(&mut self) {
        let mut commands = std::mem::take(&mut self.commands);
        let mut notices = std::mem::take(&mut self.notices);
        self.mailbox.take(&mut commands, &mut notices);
        for id in notices.drain(..) {
            if let Some(link) = self.link_mut(id) {
                link.readable = true;
                link.unblock();
            }
            self.enqueue(id);
            self.write(id);
        }
        let mut published = 0;
        for command in commands.drain(..) {
            match command {
                Command::Publish(message) => {
                    self.core.publish_shared(self.now, message);
                    published += 1;
                    if published % PUBLISH_ROUND == 0 {
                        // A burst does not fill the queues of clients that take messages.
                        self.write_round();
                    }
                }
                Command::Attach(end) => self.attach(Polled::Memory(end), Peer::default(), None),
                Command::Decide { connection, decision, exchange } => {
                    if let Some(link) = self.link_mut(connection) {
                        link.exchange = exchange;
                        link.asking = None;
                    }
                    self.core.decide(self.now, connection, decision);
                }
                Command::Call(call) => call(self),
            }
        }
        (self.commands, self.notices) = (commands, notices);
    }

    fn run_timers(&mut self) {
        if self.core.poll_timeout().is_some_and(|at| at <= self.now) {
            // Answers do not wait for what they bring with them, retained messages above all.
            self.write_round();
            self.core.handle_timeout(self.now);
        }
        while let Some((at, id)) = self.closing.front().copied()
            && at <= self.now
        {
            self.closing.pop_front();
            if self.link(id).is_some_and(|link| link.close_by == Some(at)) {
                self.close(id);
            }
        }
        if self.accept_again.is_some_and(|at| at <= self.now) {
            self.accept_again = None;
            (0..self.listeners.len()).for_each(|listener| self.accept(listener));
        }
        for id in std::mem::take(&mut self.held) {
            self.write(id);
        }
    }

    /// Questions go to the authenticators; a client for which there is no room is refused.
    fn ask(&mut self) {
        while let Some(mut question) = self.core.poll_question() {
            let id = question.connection;
            let Some(link) = self.link_mut(id) else { continue };
            let asker = Arc::new(());
            let wanted = Arc::downgrade(&asker);
            link.asking = Some(asker);
            let exchange = link.exchange.take().filter(|_| question.credentials.is_none());
            let authenticators = self.authenticators.as_ref();
            if authenticators.is_some_and(|all| !all.ask(&mut question, exchange, wanted)) {
                self.core.drops().sessions += 1;
                self.core.decide(self.now, id, Decision::Refuse(ReasonCode::ServerBusy));
            }
        }
    }

    /// Events go to the program.
    fn tell(&mut self) {
        let Some(events) = &self.events else { return };
        while let Some(event) = self.core.poll_event() {
            if !events.tell(event) {
                self.core.drops().events += 1;
            }
        }
    }

    /// Looks at a condition, and again whenever something has happened.
    pub(super) fn wait_until(&mut self, mut waiter: Waiter) {
        if !waiter.is_served(&self.core) {
            self.conditions.push(waiter);
        }
    }

    fn check_conditions(&mut self) {
        let core = &self.core;
        self.conditions.retain_mut(|waiter| !waiter.is_served(core));
    }
}
