//! Byte streams that the program makes itself.

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::cancel::Cancel;
use super::error::Phase;
use super::link::{Closer, Link, ReadHalf, Wait, WriteHalf};
use super::resolve::DialFailure;
use super::url::Host;
use crate::clock::Deadline;
use crate::threads::queue;

/// A connected byte stream of one's own: what carries the packets instead of a TCP socket.
///
/// One thread reads and others, one at a time, write; both may happen at once.
///
/// ```no_run
/// use mqttlink::{Client, Stream};
/// use std::net::{Shutdown, TcpStream};
///
/// let client = Client::builder("mqtt://localhost").transport(|host, port, limit| {
///     let socket = TcpStream::connect((host, port))?;
///     let (read, write) = (socket.try_clone()?, socket.try_clone()?);
///     Ok(Stream::new(read, write, move || drop(socket.shutdown(Shutdown::Both))))
/// });
/// ```
pub struct Stream {
    // First, so that it is closed before the rest is dropped.
    closer: OnceCloser,
    read: Box<dyn Read + Send>,
    write: Box<dyn Write + Send>,
}

impl Stream {
    /// Joins the two directions and what ends them.
    ///
    /// - `read` blocks until there are bytes; 0 is the end of the stream.
    /// - `write` takes some of the bytes. It should not block for longer than a quarter of a second
    ///   but fail with [`io::ErrorKind::WouldBlock`]: the timers of the connection, the keep alive
    ///   among them, run between two calls.
    /// - `close` is called exactly once, from any thread, while others may be in `read` and `write`;
    ///   they must then return soon, and so must `close` itself. Then all three are dropped.
    ///
    /// A panic in one of them is a failure of the stream: it ends the connection.
    ///
    /// Where one of them, or its drop, does not return, whoever ends the connection waits 5 s for it and leaves its
    /// thread behind, which the log says; until it returns the client cannot connect again.
    pub fn new(
        read: impl Read + Send + 'static,
        write: impl Write + Send + 'static,
        close: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let closer =
            OnceCloser { close: Own(Some(Box::new(close))), closed: AtomicBool::new(false) };
        Self { closer, read: Box::new(read), write: Box::new(write) }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream")
    }
}

type Connect = dyn Fn(&str, u16, Duration) -> io::Result<Stream> + Send + Sync;

/// Makes a [`Stream`] for each connection.
#[derive(Clone)]
pub(crate) struct Opener {
    connect: Arc<Connect>,
}

impl Opener {
    pub(crate) fn new(
        connect: impl Fn(&str, u16, Duration) -> io::Result<Stream> + Send + Sync + 'static,
    ) -> Self {
        Self { connect: Arc::new(connect) }
    }

    /// Connects on a thread of its own, so that the deadline holds whatever the program's code does.
    /// A stream that comes too late is closed.
    pub(super) fn dial(
        &self,
        host: &Host,
        deadline: Deadline,
        cancel: &Cancel,
    ) -> Result<Link, DialFailure> {
        let (answer, answers) = queue();
        let cancelled = answer.clone();
        let _watch = cancel
            .watch(move || {
                cancelled.send(None);
            })
            .map_err(|_| DialFailure::Cancelled(Phase::Tcp))?;
        let (connect, name, port) = (Arc::clone(&self.connect), host.name.clone(), host.port);
        let limit = deadline.remaining().unwrap_or(Duration::MAX);
        let run = move || {
            let made = catch_unwind(AssertUnwindSafe(|| connect(&name, port, limit)));
            // A stream that nobody takes any more ends here, on the thread that has made it.
            answer.send(Some(made.unwrap_or_else(|_| Err(panicked()))));
        };
        thread::Builder::new()
            .name("mqttlink-dial".into())
            .spawn(run)
            .map_err(|source| DialFailure::Local("a thread could not be started", source))?;
        let first = answers.receive(deadline);
        let is_late = first.is_err();
        // One that came at the last moment is taken all the same.
        let made = first.ok().flatten().or_else(|| answers.leave().into_iter().flatten().next());
        match made {
            Some(Ok(stream)) => Ok(link(stream)),
            Some(Err(error)) => Err(DialFailure::Custom(error)),
            None if is_late => Err(DialFailure::Timeout(Phase::Tcp)),
            None => Err(DialFailure::Cancelled(Phase::Tcp)),
        }
    }
}

fn link(stream: Stream) -> Link {
    Link {
        read: Box::new(CustomRead(Own(Some(stream.read)))),
        write: Box::new(CustomWrite(Own(Some(stream.write)))),
        closer: Arc::new(stream.closer),
        description: "the program's own transport".to_owned(),
    }
}

fn panicked() -> io::Error {
    io::Error::other("the transport panicked")
}

/// What the program gave. A panic of it ends here: the threads that use it have a connection to take down.
struct Own<T: ?Sized>(Option<Box<T>>);

impl<T: ?Sized> Own<T> {
    fn run<R>(&mut self, call: impl FnOnce(&mut T) -> io::Result<R>) -> io::Result<R> {
        let own = self.0.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        catch_unwind(AssertUnwindSafe(|| call(own))).unwrap_or_else(|_| Err(panicked()))
    }
}

impl<T: ?Sized> Drop for Own<T> {
    fn drop(&mut self) {
        let own = self.0.take();
        contain("drop", || drop(own));
    }
}

fn contain(what: &str, run: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(run)).is_err() {
        log::error!("the {what} of the program's own transport panicked");
    }
}

struct CustomRead(Own<dyn Read + Send>);

impl ReadHalf for CustomRead {
    fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let start = buffer.len();
        buffer.resize(buffer.capacity(), 0);
        let spare = buffer.get_mut(start..).unwrap_or_default();
        let result = loop {
            match self.0.run(|own| own.read(spare)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result.map(|count| count.min(spare.len())),
            }
        };
        buffer.truncate(start + result.as_ref().copied().unwrap_or(0));
        result
    }
}

struct CustomWrite(Own<dyn Write + Send>);

impl WriteHalf for CustomWrite {
    fn write(&mut self, slices: &[&[u8]], wait: Wait) -> io::Result<usize> {
        // Nobody knows whether this stream would block.
        if wait == Wait::Never {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let Some(first) = slices.iter().find(|slice| !slice.is_empty()) else { return Ok(0) };
        let count = match self.0.run(|own| own.write(first)) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => count.min(first.len()),
            Err(error) => return Err(patient(error)),
        };
        self.0.run(|own| own.flush()).map_err(patient)?;
        Ok(count)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.run(|own| own.flush())
    }
}

/// What a timeout of the stream means: the caller looks at its timers and tries again.
fn patient(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => io::ErrorKind::WouldBlock.into(),
        _ => error,
    }
}

struct OnceCloser {
    close: Own<dyn Fn() + Send + Sync>,
    closed: AtomicBool,
}

impl Closer for OnceCloser {
    fn close(&self) {
        if !self.closed.swap(true, Ordering::SeqCst)
            && let Some(close) = &self.close.0
        {
            contain("close", close);
        }
    }

    fn is_foreign(&self) -> bool {
        true
    }
}

impl Drop for OnceCloser {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Trap;

    impl Drop for Trap {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }

    #[test]
    fn a_stream_that_nobody_takes_may_panic_at_its_end() {
        let trap = Trap;
        drop(link(Stream::new(io::empty(), io::sink(), move || {
            let _held = &trap;
            panic!("closed");
        })));
    }
}
