//! A byte stream inside the process: a blocking end for a client, a polled one for a server.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, IoSlice};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::link::{Closer, Link, ReadHalf, STALL_TICK, Wait, WriteHalf};

/// How many bytes may be on their way in each direction.
const CAPACITY: usize = 256 * 1024;

/// Where a client connects to inside the process: made by a broker, used in a client's builder.
#[derive(Clone)]
pub struct Connector {
    accept: Arc<dyn Fn(PolledEnd) -> io::Result<()> + Send + Sync>,
}

impl Connector {
    /// `accept` is called with the server's end of every connection; it must not wait.
    pub(crate) fn new(
        accept: impl Fn(PolledEnd) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { accept: Arc::new(accept) }
    }

    /// Connects.
    pub(crate) fn connect(&self) -> io::Result<Link> {
        let pipe = Arc::new(Pipe::default());
        (self.accept)(PolledEnd { pipe: Arc::clone(&pipe) })?;
        Ok(Link {
            read: Box::new(BlockingRead { pipe: Arc::clone(&pipe) }),
            write: Box::new(BlockingWrite { pipe: Arc::clone(&pipe) }),
            closer: Arc::new(PipeCloser { pipe }),
            description: "a pipe inside the process".to_owned(),
        })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

type Notify = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Pipe {
    state: Mutex<State>,
    /// The client's end waits here, in either direction.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    to_server: Direction,
    to_client: Direction,
    /// Tells the server that there is something for it.
    notify: Option<Notify>,
    /// The server waits for room.
    server_waits: bool,
}

#[derive(Default)]
struct Direction {
    bytes: VecDeque<u8>,
    /// The writer has said that nothing follows.
    ended: bool,
    /// Nobody reads any more.
    broken: bool,
}

impl Direction {
    fn take(&mut self, buffer: &mut Vec<u8>) -> usize {
        let count = self.bytes.len().min(buffer.capacity() - buffer.len());
        buffer.extend(self.bytes.drain(..count));
        count
    }

    const fn break_off(&mut self) {
        self.ended = true;
        self.broken = true;
    }

    fn put(&mut self, slices: &[&[u8]]) -> usize {
        let mut room = CAPACITY.saturating_sub(self.bytes.len());
        let before = room;
        for slice in slices {
            let part = slice.get(..room).unwrap_or(slice);
            self.bytes.extend(part);
            room -= part.len();
        }
        before - room
    }
}

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        limit: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        match limit {
            None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                let waited = self.changed.wait_timeout(state, limit);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    fn break_off(&self) {
        let mut state = self.lock();
        state.to_server.break_off();
        state.to_client.break_off();
        self.changed.notify_all();
        tell_server(state);
    }
}

/// Tells the server, with the lock released.
fn tell_server(state: MutexGuard<'_, State>) {
    let notify = state.notify.clone();
    drop(state);
    if let Some(notify) = notify {
        notify();
    }
}

struct BlockingRead {
    pipe: Arc<Pipe>,
}

impl ReadHalf for BlockingRead {
    fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let mut state = self.pipe.lock();
        loop {
            let count = state.to_client.take(buffer);
            if count > 0 {
                if std::mem::take(&mut state.server_waits) {
                    tell_server(state);
                }
                return Ok(count);
            }
            if state.to_client.ended {
                return Ok(0);
            }
            state = self.pipe.wait(state, None);
        }
    }
}

struct BlockingWrite {
    pipe: Arc<Pipe>,
}

impl WriteHalf for BlockingWrite {
    fn write(&mut self, slices: &[&[u8]], wait: Wait) -> io::Result<usize> {
        let mut state = self.pipe.lock();
        let mut patience = (wait == Wait::Allowed).then_some(STALL_TICK);
        loop {
            if state.to_server.broken || state.to_server.ended {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let was_empty = state.to_server.bytes.is_empty();
            let count = state.to_server.put(slices);
            if count > 0 {
                if was_empty {
                    tell_server(state);
                }
                return Ok(count);
            }
            let Some(limit) = patience.take() else {
                return Err(io::ErrorKind::WouldBlock.into());
            };
            state = self.pipe.wait(state, Some(limit));
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        let mut state = self.pipe.lock();
        state.to_server.ended = true;
        tell_server(state);
        Ok(())
    }
}

struct PipeCloser {
    pipe: Arc<Pipe>,
}

impl Closer for PipeCloser {
    fn close(&self) {
        self.pipe.break_off();
    }
}

/// The server's end. No call waits; dropping it breaks the connection.
pub(crate) struct PolledEnd {
    pipe: Arc<Pipe>,
}

impl PolledEnd {
    /// Calls `notify`, which must not wait, whenever there is something to read, or room to write
    /// after there was none; also at once.
    pub(crate) fn notify(&self, notify: impl Fn() + Send + Sync + 'static) {
        self.pipe.lock().notify = Some(Arc::new(notify));
        tell_server(self.pipe.lock());
    }

    /// Appends what has come to `buffer`, within its capacity. 0 is the end.
    pub(crate) fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let mut state = self.pipe.lock();
        let count = state.to_server.take(buffer);
        if count > 0 {
            self.pipe.changed.notify_all();
            return Ok(count);
        }
        if state.to_server.ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }

    /// Takes some of the bytes and says how many.
    pub(crate) fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.pipe.lock();
        if state.to_client.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let slices: Vec<&[u8]> = slices.iter().map(|slice| &**slice).collect();
        let count = state.to_client.put(&slices);
        if count == 0 {
            state.server_waits = true;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.pipe.changed.notify_all();
        Ok(count)
    }

    /// Says that nothing more will be written.
    pub(crate) fn finish(&mut self) {
        self.pipe.lock().to_client.ended = true;
        self.pipe.changed.notify_all();
    }
}

impl Drop for PolledEnd {
    fn drop(&mut self) {
        self.pipe.lock().notify = None;
        self.pipe.break_off();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn pair() -> (Link, PolledEnd) {
        let end = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&end);
        let connector = Connector::new(move |polled| {
            *slot.lock().unwrap() = Some(polled);
            Ok(())
        });
        let link = connector.connect().unwrap();
        let polled = end.lock().unwrap().take().unwrap();
        (link, polled)
    }

    #[test]
    fn bytes_go_both_ways_and_the_server_is_told() {
        let (mut link, mut end) = pair();
        let told = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&told);
        end.notify(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let mut buffer = Vec::with_capacity(16);
        assert_eq!(end.read(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(link.write.write(&[b"ab", b"c"], Wait::Never).unwrap(), 3);
        assert_eq!(told.load(Ordering::SeqCst), 2);
        assert_eq!((end.read(&mut buffer).unwrap(), buffer.as_slice()), (3, &b"abc"[..]));
        assert_eq!(end.write(&[IoSlice::new(b"xyz")]).unwrap(), 3);
        buffer.clear();
        assert_eq!((link.read.read(&mut buffer).unwrap(), buffer.as_slice()), (3, &b"xyz"[..]));
        link.closer.close();
        assert_eq!(end.read(&mut buffer).unwrap(), 0);
        assert!(end.write(&[IoSlice::new(b"x")]).is_err());
    }

    #[test]
    fn a_full_pipe_takes_more_when_the_other_side_has_read() {
        let (mut link, mut end) = pair();
        let bytes = vec![7; CAPACITY];
        assert_eq!(link.write.write(&[&bytes], Wait::Never).unwrap(), CAPACITY);
        let full = link.write.write(&[b"x"], Wait::Never).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        let mut buffer = Vec::with_capacity(10);
        assert_eq!(end.read(&mut buffer).unwrap(), 10);
        assert_eq!(link.write.write(&[b"x"], Wait::Never).unwrap(), 1);
        drop(end);
        assert_eq!(link.read.read(&mut Vec::with_capacity(1)).unwrap(), 0);
    }
}
