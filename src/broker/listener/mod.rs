//! The broker's thread: sockets, timers, and the core that they drive.

mod command;
mod link;
mod worker;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Poll, Token};

pub(crate) use command::Clock;
pub(super) use command::{Command, Mailbox};
use link::{Link, LinkFaults, SMALL_REST, Written};
pub(super) use worker::{Authenticators, EventThread};

use super::faults::Faults;
use super::hooks::Peer;
use super::recorder::Recorder;
use super::{ConnectionId, Core};
use crate::proto::Time;
use crate::transport::{Listener, Polled};

/// How many bytes one connection may supply before it is another one's turn.
const READ_SIZE: usize = 128 * 1024;

/// How many events are taken from the system at a time.
const EVENTS: usize = 1024;

/// How long the system is left alone after it had no socket for a client.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const WAKE: Token = Token(usize::MAX);

/// Somebody waits until this is true of the core.
pub(super) type Condition = Box<dyn FnMut(&Core) -> bool + Send>;

/// A connection is at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End;

/// Everything that the broker's thread owns.
pub(super) struct Poller {
    pub(super) core: Core,
    poll: Poll,
    listeners: Vec<Listener>,
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
    pub(super) conditions: Vec<(Condition, crossbeam_channel::Sender<()>)>,
    closing_time: Duration,
    stop_by: Option<Time>,
    pub(super) now: Time,
}

/// Whoever waits for an answer is told that none comes, also when this thread panics.
impl Drop for Poller {
    fn drop(&mut self) {
        self.mailbox.stop();
    }
}

/// What a [`Poller`] is made of.
pub(super) struct Parts {
    pub(super) core: Core,
    pub(super) poll: Poll,
    pub(super) listeners: Vec<Listener>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) clock: Clock,
    pub(super) faults: Arc<Faults>,
    pub(super) recorder: Option<Arc<Recorder>>,
    pub(super) authenticators: Option<Authenticators>,
    pub(super) events: Option<EventThread>,
    pub(super) closing_time: Duration,
}

/// The token with which the mailbox wakes the poll.
pub(super) const fn wake_token() -> Token {
    WAKE
}

impl Poller {
    /// # Errors
    /// The system does not watch the listeners.
    pub(super) fn new(mut parts: Parts) -> io::Result<Self> {
        for (index, listener) in parts.listeners.iter_mut().enumerate() {
            listener.register(parts.poll.registry(), Token(usize::MAX - 1 - index))?;
        }
        Ok(Self {
            core: parts.core,
            poll: parts.poll,
            listeners: parts.listeners,
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
            closing_time: parts.closing_time,
            stop_by: None,
        })
    }

    /// Runs until it is told to stop, and every connection is closed or the time for that is over.
    pub(super) fn run(mut self) {
        let _ = self.mailbox.thread.set(std::thread::current().id());
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
            self.write_round();
            self.ask_and_tell();
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
            return stop;
        }
        let closing = self.closing.front().map(|(at, _)| *at);
        let held = self.held.iter().filter_map(|id| self.link(*id)?.faults.as_ref()?.held_until);
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
        while let Some(listener) = self.listeners.get(listener) {
            match listener.accept() {
                Ok((stream, address)) => {
                    let peer = Peer { address: Some(address), ..Peer::default() };
                    self.attach(stream, peer);
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

    fn attach(&mut self, mut stream: Polled, peer: Peer) {
        let Some(id) = self.core.open(self.now, peer) else { return };
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
        for command in commands.drain(..) {
            match command {
                Command::Publish(message) => self.core.publish_shared(self.now, message),
                Command::Attach(end) => self.attach(Polled::Memory(end), Peer::default()),
                Command::Decide { connection, decision, exchange } => {
                    if let Some(link) = self.link_mut(connection) {
                        link.exchange = exchange;
                    }
                    self.core.decide(self.now, connection, decision);
                }
                Command::Call(call) => call(self),
            }
        }
        (self.commands, self.notices) = (commands, notices);
    }

    /// One read from every connection that may have something.
    fn read_round(&mut self) {
        for _ in 0..self.to_read.len() {
            let Some(id) = self.to_read.pop_front() else { return };
            if let Some(link) = self.link_mut(id) {
                link.queued = false;
                if self.read(id) == Err(End) {
                    self.close(id);
                }
                self.enqueue(id);
            }
        }
    }

    /// One read; `Err` when the connection is at its end.
    fn read(&mut self, id: ConnectionId) -> Result<(), End> {
        let takes_input = self.core.takes_input(id);
        let Some(link) = self.link_mut(id) else { return Ok(()) };
        if !takes_input {
            // It is named when it takes input again.
            link.readable = false;
            return Ok(());
        }
        if std::mem::take(&mut link.resumed) && !link.rest.is_empty() {
            self.feed_rest(id);
            return Ok(());
        }
        // The beginning of a large packet has memory of its own, which is read into directly.
        let large = link.rest.len() > SMALL_REST;
        let mut buffer = if large {
            let mut rest = std::mem::take(&mut link.rest);
            rest.reserve(READ_SIZE);
            rest
        } else {
            let mut scratch = std::mem::take(&mut self.scratch);
            scratch.clear();
            if let Some(link) = self.link_mut(id) {
                scratch.extend_from_slice(&link.rest);
            }
            scratch
        };
        let result = self.read_into(id, &mut buffer);
        let used = result.as_ref().copied().unwrap_or_default();
        if large {
            buffer.drain(..used);
            if let Some(link) = self.link_mut(id) {
                link.rest = buffer;
            }
        } else {
            if let Some(link) = self.link_mut(id) {
                link.keep_rest(buffer.get(used..).unwrap_or_default());
            }
            self.scratch = buffer;
        }
        result.map(drop)
    }

    /// Says how many bytes of the buffer were used.
    fn read_into(&mut self, id: ConnectionId, buffer: &mut Vec<u8>) -> Result<usize, End> {
        let Some(link) = self.link_mut(id) else { return Ok(0) };
        let before = buffer.len();
        let mut count = match link.stream.read(buffer) {
            Ok(0) => return Err(End),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                link.readable = false;
                return Ok(0);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(0),
            Err(_) => return Err(End),
        };
        if link.finished {
            return Ok(buffer.len());
        }
        if buffer.len() < buffer.capacity() && matches!(link.stream, Polled::Tcp(_)) {
            // Less came than there was room for, so the next read would find nothing; the system
            // tells when there is more. The end is told once only.
            link.readable = link.ended;
        }
        if let Some(faults) = &mut link.faults {
            let allowed = faults.receive(count);
            if faults.half_open {
                return Ok(buffer.len());
            }
            if allowed < count {
                buffer.truncate(before + allowed);
                self.feed(id, buffer);
                return Err(End);
            }
            count = allowed;
        }
        Ok(if count > 0 { self.feed(id, buffer) } else { 0 })
    }

    /// Gives input to the core and says how much it used.
    fn feed(&mut self, id: ConnectionId, input: &[u8]) -> usize {
        if let Some(link) = self.link_mut(id)
            && !std::mem::replace(&mut link.introduced, true)
            && let Some(certificate) = link.stream.certificate()
        {
            self.core.set_certificate(id, certificate);
        }
        let used = self.core.handle_input(self.now, id, input);
        if let Some(recorder) = &self.recorder {
            recorder.received(&mut self.core, self.now, id, input);
        }
        if !self.faults.is_empty() {
            self.put_faults_in(id);
        }
        used
    }

    fn put_faults_in(&mut self, id: ConnectionId) {
        let Some(client) = self.core.client_id(id) else { return };
        let faults = self.faults.connection(client);
        if let Some(link) = self.link_mut(id)
            && link.faults.is_none()
            && !faults.is_empty()
        {
            link.faults = Some(Box::new(LinkFaults::new(&faults)));
        }
    }

    fn run_timers(&mut self) {
        if self.core.poll_timeout().is_some_and(|at| at <= self.now) {
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

    /// Writes to every connection that the core names.
    fn write_round(&mut self) {
        while let Some(id) = self.core.poll_ready() {
            if self.core.take_resumed(id)
                && let Some(link) = self.link_mut(id)
            {
                link.readable = true;
                link.resumed = true;
                self.enqueue(id);
            }
            self.write(id);
        }
    }

    /// Input is handled that waited until the core takes it again.
    fn feed_rest(&mut self, id: ConnectionId) {
        let Some(link) = self.link_mut(id) else { return };
        let mut rest = std::mem::take(&mut link.rest);
        let used = self.feed(id, &rest);
        if let Some(link) = self.link_mut(id) {
            rest.drain(..used);
            link.rest = rest;
        }
    }

    fn write(&mut self, id: ConnectionId) {
        let Some(mut link) = self.links.get_mut(id.0.index()).and_then(Option::take) else {
            return;
        };
        if link.id != id {
            if let Some(place) = self.links.get_mut(id.0.index()) {
                *place = Some(link);
            }
            return;
        }
        let result = if self.holds_back(&mut link) {
            Ok(Written::Blocked)
        } else {
            let (core, recorder, now) = (&mut self.core, &self.recorder, self.now);
            link.write(|out| {
                let taken = core.poll_transmit(id, out);
                if let (true, Some(recorder)) = (taken, recorder) {
                    recorder.sent(core, now, id, out);
                }
                taken
            })
        };
        self.core.unwritten(id, link.unwritten());
        if let Some(place) = self.links.get_mut(id.0.index()) {
            *place = Some(link);
        }
        match result {
            Ok(written) if self.core.is_closing(id) => self.finish(id, written),
            Ok(_) => {}
            Err(_) => self.close(id),
        }
    }

    /// Whether a fault makes the output wait.
    fn holds_back(&mut self, link: &mut Link) -> bool {
        let Some(faults) = link.faults.as_deref_mut().filter(|faults| !faults.delay.is_zero())
        else {
            return false;
        };
        match faults.held_until {
            Some(until) if until <= self.now => {
                faults.held_until = None;
                return false;
            }
            Some(_) => {}
            None => faults.held_until = Some(self.now + faults.delay),
        }
        self.held.push(link.id);
        true
    }

    /// The core is done with a connection: what is left is written, then the client is told that
    /// nothing follows, and has a little time to hang up itself. Closing with its input unread would
    /// make the system throw away what it has not received yet.
    fn finish(&mut self, id: ConnectionId, written: Written) {
        let (now, limit, stopping) = (self.now, self.closing_time, self.stop_by.is_some());
        let Some(link) = self.link_mut(id) else { return };
        if link.close_by.is_none() {
            link.close_by = Some(now + limit);
            self.closing.push_back((now + limit, id));
        }
        let Some(link) = self.link_mut(id) else { return };
        if written == Written::All && !link.finished {
            match link.finish() {
                Ok(false) => {}
                Ok(true) if !stopping => {}
                _ => self.close(id),
            }
        }
    }

    /// The end of a connection.
    fn close(&mut self, id: ConnectionId) {
        if self.link(id).is_some()
            && let Some(place) = self.links.get_mut(id.0.index())
        {
            *place = None;
        }
        self.core.handle_closed(self.now, id);
    }

    /// Questions go to the authenticators, events to the program.
    fn ask_and_tell(&mut self) {
        while let Some(mut question) = self.core.poll_question() {
            let exchange = match question.credentials {
                Some(_) => None,
                None => self.link_mut(question.connection).and_then(|link| link.exchange.take()),
            };
            if let Some(authenticators) = &self.authenticators {
                authenticators.ask(&mut question, exchange);
            }
        }
        if let Some(events) = &self.events {
            while let Some(event) = self.core.poll_event() {
                if !events.tell(event) {
                    self.core.drops().events += 1;
                }
            }
        }
    }

    fn check_conditions(&mut self) {
        let core = &self.core;
        self.conditions.retain_mut(|(condition, waiting)| {
            let holds = condition(core);
            if holds {
                // Whoever waited may have given up.
                let _ = waiting.send(());
            }
            !holds
        });
    }
}
