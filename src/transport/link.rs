//! A connection's two directions, each owned by one thread, and the handle that ends both.

use std::io;
use std::sync::Arc;

/// A connected byte stream.
pub(crate) struct Link {
    pub(crate) read: Box<dyn ReadHalf>,
    pub(crate) write: Box<dyn WriteHalf>,
    pub(crate) closer: Arc<dyn Closer>,
    /// What the log calls it: addresses, TLS.
    pub(crate) description: String,
}

/// The receiving direction.
pub(crate) trait ReadHalf: Send {
    /// Waits for bytes and appends them to `buffer`, at most what fits into its capacity. 0 is the
    /// end of the stream. `buffer` must have spare capacity. [`io::ErrorKind::Interrupted`] says that
    /// [`wants_flush`](Self::wants_flush) is to be looked at before the next call.
    fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize>;

    /// Whether the last read left the other half something to send of its own, as TLS does when it
    /// answers a key update.
    fn wants_flush(&self) -> bool {
        false
    }
}

/// Whether a write may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Until some bytes are taken, or for [`STALL_TICK`].
    Allowed,
    /// Not at all.
    Never,
}

/// How long a write waits before it returns with [`io::ErrorKind::WouldBlock`], so that the caller
/// can look at its timers.
pub(crate) const STALL_TICK: std::time::Duration = std::time::Duration::from_millis(250);

/// The sending direction.
pub(crate) trait WriteHalf: Send {
    /// Takes some of the bytes and says how many. [`io::ErrorKind::WouldBlock`] if it took none for
    /// as long as `wait` allows. Not to be called while it [holds bytes back](Self::holds_back).
    fn write(&mut self, slices: &[&[u8]], wait: Wait) -> io::Result<usize>;

    /// Whether bytes that were taken have not been sent.
    fn holds_back(&self) -> bool {
        false
    }

    /// Sends some of what was held back. [`io::ErrorKind::WouldBlock`] if it sent nothing for as long
    /// as `wait` allows.
    fn flush(&mut self, wait: Wait) -> io::Result<()> {
        let _ = wait;
        Ok(())
    }

    /// Tells the peer that nothing follows. Receiving goes on.
    fn finish(&mut self) -> io::Result<()>;
}

/// Ends a link from any thread.
pub(crate) trait Closer: Send + Sync {
    /// Ends both directions; whoever waits in one of them returns. Doing it again does nothing.
    fn close(&self);

    /// Whether closing runs the program's code, which may take its time or never return.
    fn is_foreign(&self) -> bool {
        false
    }
}
