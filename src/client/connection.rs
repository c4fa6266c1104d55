//! One connection's state, its writer thread, and the right to write.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;

use super::delivery::Progress;
use super::event::Direction;
use super::farewell::Unsent;
use super::handlers::contain;
use super::inside::Part;
use super::shared::{After, Shared, State};
use crate::clock;
use crate::codec::{QoS, Version};
use crate::error::{Error, ErrorCode};
use crate::proto::{OutBuffer, Time};
use crate::transport::{Closer, Wait, WriteHalf};

/// How much memory of an emptied outgoing buffer is kept, in bytes.
const KEPT_CAPACITY: usize = 64 * 1024;

/// A write that took longer had to wait until the peer took something.
const STALL: Duration = Duration::from_millis(10);

/// Packets that are queued within this time after a write are left to the writer thread.
const BURST_GAP: Duration = Duration::from_micros(30);

/// Why a connection ended.
pub(super) enum End {
    /// This side wanted it.
    Asked,
    Failed(Error),
    /// Nothing can be sent. What the server has said before it closed, and which is still to be
    /// read, is a better reason: DISCONNECT, or an alert of TLS.
    Broken(Error),
}

/// How long the last words of a server are waited for to which nothing can be sent.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What belongs to one connection, under the client's lock.
pub(super) struct Connection {
    pub(super) id: u64,
    /// What closes the socket, or the program's stream. Whoever closes it has taken it.
    pub(super) closer: Option<Arc<dyn Closer>>,
    /// Some thread closes it at the moment. The connection is not taken down before it has.
    pub(super) closing: bool,
    /// The thread on which the program's stream was closed.
    pub(super) helper: Option<JoinHandle<()>>,
    pub(super) progress: Arc<Progress>,
    /// The right to write. Whoever writes has taken it, and does not hold the lock meanwhile. The
    /// connection is not taken down before it is back.
    pub(super) pen: Option<Pen>,
    pub(super) writer: Option<JoinHandle<()>>,
    /// Why it ends; the first cause counts.
    pub(super) end: Option<End>,
    /// When the socket is closed even if not everything is written.
    pub(super) close_by: Option<Time>,
    /// Whether the server has been told that nothing follows.
    pub(super) finished: bool,
    /// Nothing can be written any more.
    pub(super) broken: bool,
    /// The sending half has something of its own to send.
    pub(super) flush_wanted: bool,
    /// Some thread authenticates anew.
    pub(super) re_authenticating: bool,
    /// The reader has ended, and so must the writer.
    pub(super) gone: bool,
    /// The reader was waited for in vain.
    pub(super) left_behind: bool,
    /// The attempt that made it has failed, and that has been told.
    pub(super) failed: bool,
    /// Nobody waits for what the reader brings. The reader looks at it without the lock.
    pub(super) stop: Arc<AtomicBool>,
}

/// The sending half, and what is on its way through it.
pub(super) struct Pen {
    /// `None` once the connection is taken down.
    half: Option<Box<dyn WriteHalf>>,
    buffer: OutBuffer,
    /// Bytes that the half has taken since the connection began, and bytes that it has sent.
    taken: u64,
    sent: u64,
    unflushed: bool,
    /// Whether the buffer has just been filled.
    fresh: bool,
}

impl Pen {
    pub(super) const fn new(half: Box<dyn WriteHalf>) -> Self {
        let buffer = OutBuffer::new();
        Self { half: Some(half), buffer, taken: 0, sent: 0, unflushed: false, fresh: false }
    }

    /// Nothing is written any more: what is left tells what was not sent.
    pub(super) const fn take_half(&mut self) -> Option<Box<dyn WriteHalf>> {
        self.half.take()
    }

    fn is_idle(&self) -> bool {
        self.buffer.is_empty() && !self.unflushed
    }

    /// One write, or [`io::ErrorKind::WouldBlock`].
    fn step(&mut self, wait: Wait) -> io::Result<()> {
        let half = self.half.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        if self.unflushed {
            half.flush(wait)?;
        } else {
            let taken = half.write(&self.buffer.slices(), wait)?;
            self.buffer.advance(taken);
            self.taken += u64::try_from(taken).unwrap_or_default();
        }
        self.unflushed = half.holds_back();
        if !self.unflushed {
            self.sent = self.taken;
        }
        Ok(())
    }
}

impl State {
    fn is_current(&self, id: u64) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.id == id && !connection.gone)
    }

    /// Whether there is something to write and nobody writes.
    pub(super) fn has_work(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| {
            let pending = |pen: &Pen| !pen.is_idle() || connection.flush_wanted;
            let free = connection.pen.as_ref().filter(|_| !connection.broken);
            free.is_some_and(|pen| pending(pen) || self.core.has_output())
        })
    }

    /// The pen, if there is something to write with it.
    fn take_pen(&mut self) -> Option<Pen> {
        if !self.has_work() {
            return None;
        }
        let connection = self.connection.as_mut()?;
        let mut pen = connection.pen.take()?;
        pen.unflushed |= std::mem::take(&mut connection.flush_wanted);
        if pen.buffer.is_empty() && !pen.unflushed {
            pen.buffer.clear(KEPT_CAPACITY);
            pen.fresh = self.core.poll_transmit(&mut pen.buffer);
        }
        Some(pen)
    }

    /// Whether everything that was queued is in the socket, from beginning to end.
    pub(super) fn is_written(&self) -> bool {
        self.core.queued_bytes() == 0
            && !self.core.awaits_payload()
            && self
                .connection
                .as_ref()
                .and_then(|connection| connection.pen.as_ref())
                .is_some_and(Pen::is_idle)
    }

    /// Whether the last byte has been written, and the server can be told that nothing follows.
    fn may_finish(&self) -> bool {
        let open = self
            .connection
            .as_ref()
            .is_some_and(|connection| !connection.finished && !connection.broken);
        open && self.core.is_closing() && self.is_written()
    }

    pub(super) fn next_timer(&self) -> Option<Time> {
        let close_by = self.connection.as_ref().and_then(|connection| connection.close_by);
        close_by.into_iter().chain(self.core.poll_timeout()).min()
    }

    /// Messages of QoS 0 that have not been written.
    pub(super) fn collect_unsent(&self) -> Vec<Unsent> {
        let version = self.core.version();
        let mut unsent = Vec::new();
        let mut keep = |publish: crate::codec::Publish<'_>| {
            if publish.qos == QoS::AtMostOnce {
                unsent.push(Unsent::from(publish));
            }
        };
        if let Some(pen) = self.connection.as_ref().and_then(|connection| connection.pen.as_ref()) {
            // What TLS has taken and not sent.
            let held = usize::try_from(pen.taken - pen.sent).unwrap_or(usize::MAX);
            pen.buffer.each_unwritten(version, held, &mut keep);
        }
        self.core.each_queued(&mut keep);
        unsent
    }
}

/// The writer thread: writes what is queued and keeps the timers.
pub(super) fn run_writer(shared: &Shared, id: u64) {
    let _writing = shared.does(Part::Stream);
    let mut state = shared.lock();
    while state.is_current(id) {
        let now = clock::now();
        if let Some(pen) = state.take_pen() {
            state = write(shared, state, pen, Wait::Allowed);
        } else if state.may_finish() {
            state = finish_sending(shared, state);
        } else if state.next_timer().is_some_and(|at| at <= now) {
            state = run_timers(shared, state, now);
        } else {
            let until = state.next_timer();
            state = shared.sleep_writer(state, until);
        }
    }
}

impl Shared {
    /// Writes what waits, as far as that goes without waiting, on the calling thread: one that is
    /// about to sleep saves the way through the writer thread.
    pub(super) fn write_now(&self) {
        let mut state = self.lock();
        if let Some(pen) = state.take_pen() {
            state = write(self, state, pen, Wait::Never);
        }
        self.unlock_quietly(state);
    }

    /// Releases the lock and sees to it that what waits is written: by this thread if nothing was
    /// written for a while, which is the shortest way; by the writer if much is being written, so
    /// that many packets leave in one write.
    pub(super) fn send_soon(&self, mut state: MutexGuard<'_, State>) {
        let idle = state.writer_asleep && state.has_work();
        let quiet = idle && clock::now().since(state.last_write) >= BURST_GAP;
        if let Some(pen) = if quiet { state.take_pen() } else { None } {
            self.unlock_quietly(write(self, state, pen, Wait::Never));
        } else {
            self.unlock_quietly(state);
        }
    }

    /// Closes the socket of the connection, or the program's stream, unless that has been done, and wakes
    /// everybody. The program's code runs on a thread of its own, because it may never return: it is for
    /// the reader to wait for it.
    pub(super) fn close(&self, mut state: MutexGuard<'_, State>) {
        let closer = state.connection.as_mut().and_then(|connection| {
            connection.broken = true;
            connection.stop.store(true, Ordering::SeqCst);
            let closer = connection.closer.take()?;
            connection.closing = true;
            Some((closer, connection.progress.shared.upgrade()?))
        });
        drop(state);
        if let Some((closer, own)) = closer {
            let helper = if closer.is_foreign() {
                // Where there is no thread to be had it is closed here, with what was to run there.
                let _closing = self.does(Part::Stream);
                let run = move || own.end_stream(closer);
                thread::Builder::new().name("mqttlink-close".into()).spawn(run).ok()
            } else {
                closer.close();
                drop(closer);
                None
            };
            if let Some(connection) = &mut self.lock().connection {
                connection.closing = false;
                connection.helper = helper;
            }
        }
        self.wake_all();
    }

    /// Closes a stream, and lets it go: whoever does so last runs more of the program's code.
    pub(super) fn end_stream(&self, closer: Arc<dyn Closer>) {
        let _closing = self.does(Part::Stream);
        closer.close();
        drop(closer);
    }

    /// The sending half has something of its own to send.
    pub(super) fn request_flush(&self) {
        let mut state = self.lock();
        if let Some(connection) = &mut state.connection {
            connection.flush_wanted = true;
        }
        self.unlock_quietly(state);
    }
}

/// What is due: a ping, the end of patience with the peer, or with the end itself.
fn run_timers<'a>(
    shared: &'a Shared,
    mut state: MutexGuard<'a, State>,
    now: Time,
) -> MutexGuard<'a, State> {
    let mut overdue = false;
    if let Some(connection) = &mut state.connection {
        overdue = connection.close_by.take_if(|by| *by <= now).is_some();
        connection.broken |= overdue;
    }
    if state.core.poll_timeout().is_some_and(|at| at <= now) {
        state.core.handle_timeout(now);
    }
    let after = shared.settle(&mut state);
    shared.unlock(state, after);
    let state = shared.lock();
    if !overdue {
        return state;
    }
    shared.close(state);
    shared.lock()
}

/// Tells the server that nothing follows.
fn finish_sending<'a>(
    shared: &'a Shared,
    mut state: MutexGuard<'a, State>,
) -> MutexGuard<'a, State> {
    let Some(connection) = &mut state.connection else { return state };
    connection.finished = true;
    let Some(mut pen) = connection.pen.take() else { return state };
    drop(state);
    // The server may have closed first.
    let _ = pen.half.as_mut().map(|half| half.finish());
    let mut state = shared.lock();
    give_back(&mut state, pen);
    state
}

fn give_back(state: &mut State, pen: Pen) {
    if let Some(connection) = &mut state.connection {
        connection.pen = Some(pen);
    }
}

/// Writes with the lock released, and gives the pen back: when all is written, when it would have to
/// wait and may not, or when the connection is broken.
fn write<'a>(
    shared: &'a Shared,
    state: MutexGuard<'a, State>,
    mut pen: Pen,
    wait: Wait,
) -> MutexGuard<'a, State> {
    let progress = state.connection.as_ref().map(|connection| Arc::clone(&connection.progress));
    let version = state.core.version();
    let after = After::waking_room(state.room_waiters > 0);
    shared.unlock(state, after);
    if std::mem::take(&mut pen.fresh) && shared.inspects() {
        // The log is the user's code, and the pen must come back.
        contain("log", || inspect(shared, &pen.buffer, version));
    }
    loop {
        let began = clock::now();
        let result = pen.step(wait);
        if pen.is_idle() {
            // Payloads that have left go now, under no lock, and not with the next write.
            pen.buffer.clear(KEPT_CAPACITY);
        }
        let now = clock::now();
        if let (Ok(()), Some(progress)) = (&result, &progress) {
            progress.advance(pen.sent);
        }
        let mut state = shared.lock();
        let mut after = After::default();
        let mut blocked = false;
        match result {
            Ok(()) => {
                let waited = now.since(began) >= STALL;
                state.core.handle_transmitted(now, pen.sent, waited);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => blocked = true,
            Err(error) => {
                let error = Error::from_io(ErrorCode::ConnectionLost, "sending failed", error);
                shared.closing(&mut state, End::Broken(error), LAST_WORDS, &mut after);
                if let Some(connection) = &mut state.connection {
                    connection.broken = true;
                }
            }
        }
        let broken = state.connection.as_ref().is_none_or(|c| c.broken || c.gone);
        if pen.is_idle() || broken || (blocked && wait == Wait::Never) {
            state.last_write = now;
            give_back(&mut state, pen);
            after.merge(shared.settle(&mut state));
            shared.unlock(state, after);
            if broken {
                // Whoever takes the connection down waits for the pen.
                shared.wake_all();
            }
            return shared.lock();
        }
        if state.next_timer().is_some_and(|at| at <= now) {
            state = run_timers(shared, state, now);
        }
        drop(state);
    }
}

fn inspect(shared: &Shared, buffer: &OutBuffer, version: Version) {
    buffer.each_packet(version, 0, |packet, _| {
        shared.inspect(Direction::Sent, Bytes::copy_from_slice(packet), version);
    });
}
