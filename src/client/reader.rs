//! The reader thread of a connection, which also takes the connection down.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use bytes::Bytes;

use super::connection::{End, Pen};
use super::event::{ConnectionEvent, Direction, Notification, Packets};
use super::handlers::HandlerChange;
use super::input::Input;
use super::inside::Part;
use super::mailbox::{Batch, Entry, Mailbox, Put};
use super::options::Acknowledge;
use super::shared::{Shared, State, Status};
use crate::clock::{self, Deadline};
use crate::codec::Version;
use crate::error::{Error, ErrorCode, Stage};
use crate::proto::{AckOutcome, Incoming};
use crate::transport::ReadHalf;

/// Answers to the server may exceed the outgoing buffer's bound by this many bytes; then the reader
/// waits until the server takes some.
const ANSWERS_MAX: usize = 1024 * 1024;

/// Reads until the end of the connection, and takes it down.
pub(super) fn run_reader(shared: &Arc<Shared>, mut half: Box<dyn ReadHalf>, stop: &AtomicBool) {
    let _reading = shared.does(Part::Stream);
    let mut input = Input::new(Arc::clone(&shared.pool));
    let mut outlet = Outlet { shared, stream: None };
    let mut wanted = 0;
    let end = loop {
        match half.read(input.spare(wanted)) {
            Ok(0) => break Error::new(ErrorCode::ConnectionClosed),
            Ok(_) => wanted = take_in(shared, &mut input, &mut outlet, stop),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break lost(shared, error),
        }
        if half.wants_flush() {
            shared.request_flush();
        }
    };
    take_down(shared, end, outlet.stream, Some(half));
}

/// Where the reader puts messages.
struct Outlet<'a> {
    shared: &'a Shared,
    /// The mailbox of the payload that is coming in chunks: all of them go there, even if a
    /// dispatcher starts meanwhile.
    stream: Option<&'a Mailbox>,
}

impl<'a> Outlet<'a> {
    /// Puts messages in. Returns a mailbox that is full.
    fn put(&mut self, mut batch: Batch) -> Option<&'a Mailbox> {
        let mailbox = self.shared.mailbox();
        let mut full = None;
        if let Some(begun) = self.stream.filter(|begun| !std::ptr::eq(*begun, mailbox)) {
            let is_chunk = |incoming: &&Incoming| matches!(incoming, Incoming::Chunk { .. });
            let count = batch.incoming.iter().take_while(is_chunk).count();
            let bytes = Arc::clone(&batch.bytes);
            let incoming = batch.incoming.drain(..count).collect();
            full = self.put_into(begun, Batch { bytes, incoming });
        }
        self.put_into(mailbox, batch).or(full)
    }

    fn put_into(&mut self, mailbox: &'a Mailbox, batch: Batch) -> Option<&'a Mailbox> {
        let more = match batch.incoming.back()? {
            Incoming::Chunk { last, .. } => !last,
            Incoming::Message(message) => message.streamed_len().is_some(),
        };
        self.stream = more.then_some(mailbox);
        (mailbox.put(Entry::Batch(batch)) == Put::Full).then_some(mailbox)
    }
}

#[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "only TLS asks how far it was"))]
fn lost(shared: &Shared, error: io::Error) -> Error {
    #[cfg(feature = "tls")]
    {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<crate::TlsError>());
        if let Some(tls) = tls {
            let error = Error::from(tls.clone());
            // In TLS 1.3 the client learns only now that the server does not take its certificate.
            let negotiated = shared.status() != Status::Connecting;
            return if negotiated { error } else { error.with_code(ErrorCode::TlsHandshake) };
        }
    }
    Error::from_io(ErrorCode::ConnectionLost, "receiving failed", error)
}

/// Gives the input to the core and hands on what comes out. Returns the length of the packet with
/// whose beginning the input ends.
fn take_in(
    shared: &Shared,
    input: &mut Input,
    outlet: &mut Outlet<'_>,
    stop: &AtomicBool,
) -> usize {
    let now = clock::now();
    let mut incoming = shared.pool.take_list();
    let mut state = shared.lock();
    state.core.record_frames(shared.inspects());
    let used = state.core.handle_input(now, input.bytes());
    state.core.poll_incoming(&mut incoming);
    if shared.options.acknowledge == Acknowledge::OnReceipt {
        acknowledge_all(&mut state, &incoming);
    }
    let frames = state.core.poll_frames();
    let version = state.core.version();
    let wanted = state.core.wanted();
    let answers = state.core.has_output();
    let crowded = state.core.queued_bytes() > shared.answers_max();
    let mut after = shared.settle(&mut state);
    let changes = after.take_handler_changes();
    shared.unlock(state, after);
    if answers {
        shared.write_now();
    }
    if !frames.is_empty() {
        inspect(shared, input.bytes(), &frames, version);
    }
    if incoming.is_empty() && changes.is_empty() {
        input.skip(used);
        shared.pool.give_back_list(incoming.into());
    } else {
        let mut batch = Batch { bytes: input.take(used), incoming: incoming.into() };
        change_handlers(outlet, &mut batch, changes);
        deliver(outlet, batch, stop);
    }
    if crowded {
        wait_for_writer(shared, stop);
    }
    wanted
}

fn acknowledge_all(state: &mut State, incoming: &[Incoming]) {
    for incoming in incoming {
        if let Incoming::Message(message) = incoming
            && let Some(token) = message.ack()
        {
            state.core.acknowledge(token, AckOutcome::default());
        }
    }
}

/// Hands on the changes of handlers, each in its place, with the messages before the last of them.
fn change_handlers(
    outlet: &mut Outlet<'_>,
    batch: &mut Batch,
    changes: Vec<(usize, HandlerChange)>,
) {
    let mut done = 0;
    for (place, change) in changes {
        let incoming: VecDeque<_> = batch.incoming.drain(..place.saturating_sub(done)).collect();
        done += incoming.len();
        outlet.put(Batch { bytes: Arc::clone(&batch.bytes), incoming });
        outlet.shared.notify(Notification::Handlers(change));
    }
}

/// Hands messages on. When nobody takes them, reading stops, so that the server has to wait.
fn deliver(outlet: &mut Outlet<'_>, batch: Batch, stop: &AtomicBool) {
    let Some(full) = outlet.put(batch) else { return };
    let shared = outlet.shared;
    let pause = |paused| {
        let mut state = shared.lock();
        state.core.handle_input_paused(clock::now(), paused);
        shared.unlock_quietly(state);
    };
    pause(true);
    shared.stir_waiters();
    full.wait_for_room(|| stop.load(Ordering::SeqCst));
    pause(false);
}

/// The server sends what must be answered and does not take the answers.
fn wait_for_writer(shared: &Shared, stop: &AtomicBool) {
    let mut state = shared.lock();
    while state.core.queued_bytes() > shared.answers_max()
        && !stop.load(Ordering::SeqCst)
        && !state.is_ending()
    {
        state = shared.sleep_room(state, Deadline::after(Duration::from_secs(1)));
    }
}

fn inspect(shared: &Shared, input: &[u8], frames: &[Range<usize>], version: Version) {
    for frame in frames {
        let bytes = input.get(frame.clone()).unwrap_or_default();
        shared.inspect(Direction::Received, Bytes::copy_from_slice(bytes), version);
    }
}

impl State {
    /// Whether the connection has begun to end.
    fn is_ending(&self) -> bool {
        self.connection.as_ref().is_none_or(|connection| connection.end.is_some())
    }
}

impl Shared {
    fn answers_max(&self) -> usize {
        self.options.config.out_buffer_max.saturating_add(ANSWERS_MAX)
    }

    /// Where messages go: to the dispatcher, if there is one.
    fn mailbox(&self) -> &Mailbox {
        if self.dispatching.load(Ordering::SeqCst) { &self.work } else { &self.inbox }
    }

    /// Whether packets are shown to a handler or to the log.
    pub(super) fn inspects(&self) -> bool {
        self.options.inspects || log::log_enabled!(log::Level::Trace)
    }

    /// Shows a packet to the log and to the handler; to the latter only if it keeps up.
    pub(super) fn inspect(&self, direction: Direction, bytes: Bytes, version: Version) {
        let packets = Packets { direction, bytes, version };
        if log::log_enabled!(log::Level::Trace) {
            packets.each(|packet| log::trace!("{packet}"));
        }
        if !self.options.inspects {
            return;
        }
        if self.work.is_crowded() {
            self.missed_packets.fetch_add(1, Ordering::Relaxed);
        } else {
            self.notify(Notification::Packets(packets));
        }
    }
}

/// The last act of a connection: its writers are waited for, its stream ends, its state is cleared, and
/// everybody told. All of the program's stream is gone before the connection is.
/// `stream` is the mailbox that has got part of a payload; `read` has been read to its end.
pub(super) fn take_down(
    shared: &Shared,
    end: Error,
    stream: Option<&Mailbox>,
    read: Option<Box<dyn ReadHalf>>,
) {
    let mut state = shared.lock();
    let Some(connection) = &mut state.connection else { return };
    connection.gone = true;
    connection.broken = true;
    let closer = connection.closer.take();
    let writer = connection.writer.take();
    drop(state);
    if let Some(closer) = closer {
        shared.end_stream(closer);
    }
    shared.wake_all();
    if let Some(writer) = writer {
        // A writer that panicked has written what it could.
        let _ = writer.join();
    }
    let mut state = shared.lock();
    while state.connection.as_ref().is_some_and(|found| found.pen.is_none() || found.closing) {
        // Another thread is in the middle of a write, which fails at once on a closed socket, or closes it.
        state = shared.sleep_changed(state, Deadline::NEVER);
    }
    let Some(connection) = &mut state.connection else { return };
    let write = connection.pen.as_mut().and_then(Pen::take_half);
    let helper = connection.helper.take();
    drop(state);
    if let Some(helper) = helper {
        let _ = helper.join();
    }
    let ending = shared.does(Part::Stream);
    drop((read, write));
    drop(ending);
    clear(shared, shared.lock(), end, stream);
}

fn clear(shared: &Shared, mut state: MutexGuard<'_, State>, end: Error, stream: Option<&Mailbox>) {
    if state.draining {
        state.unsent = state.collect_unsent();
    }
    let was_up = matches!(state.status, Status::Connected | Status::Disconnecting);
    let Some(connection) = state.connection.take() else { return };
    let error = match connection.end {
        Some(End::Asked) => None,
        Some(End::Failed(error)) => Some(error),
        // What the reader found says more than that nothing could be sent, unless it is the same.
        Some(End::Broken(error)) if end.stage() == Stage::Tcp => Some(error),
        Some(End::Broken(_)) | None => Some(end),
    };
    state.last_end.clone_from(&error);
    state.core.handle_disconnected(clock::now());
    let after = shared.settle(&mut state);
    state.draining = false;
    state.auth.clear();
    if was_up {
        shared.set_status(&mut state, Status::Disconnected);
    }
    shared.unlock(state, after);
    match &error {
        Some(error) => log::warn!("disconnected: {error}"),
        None => log::info!("disconnected"),
    }
    connection.progress.close();
    if let Some(mailbox) = stream {
        mailbox.put(Entry::Broken);
    }
    shared.lock().pending.stir();
    if was_up && !connection.failed {
        let event = ConnectionEvent::Disconnected(error);
        shared.notify(Notification::Connection(event));
    }
    shared.wake_all();
}
