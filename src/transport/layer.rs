//! Byte engines between the socket and MQTT.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::link::{Closer, Link, ReadHalf, Wait, WriteHalf};

/// How many encoded bytes are read from below at a time.
const READ_SIZE: usize = 64 * 1024;

/// How many plain bytes are encoded for one write below.
const WRITE_SIZE: usize = 64 * 1024;

/// Turns plain bytes into encoded ones and back: TLS. It does no I/O, so a lock can be held while it
/// works; the threads do the I/O with the lock released.
pub(crate) trait Layer: Send {
    /// Encoded bytes have come from below.
    fn feed(&mut self, encoded: &[u8]);

    /// Nothing more comes from below.
    fn feed_end(&mut self);

    /// Appends decoded bytes to `plain`, within its capacity. `None`: more must be fed first.
    /// `Some(0)`: the end.
    fn read(&mut self, plain: &mut Vec<u8>) -> io::Result<Option<usize>>;

    /// Encodes all of `plain`.
    fn write(&mut self, plain: &[u8]) -> io::Result<()>;

    /// Says that nothing more will be written.
    fn finish(&mut self) -> io::Result<()>;

    /// Whether encoded bytes wait to be taken.
    fn has_output(&self) -> bool;

    /// Moves the encoded bytes into `encoded`, which is empty.
    fn take_output(&mut self, encoded: &mut Vec<u8>);
}

type Shared = Arc<Mutex<dyn Layer>>;

/// Puts a layer on a link.
pub(crate) fn stack(
    layer: impl Layer + 'static,
    read: Box<dyn ReadHalf>,
    write: Box<dyn WriteHalf>,
    closer: Arc<dyn Closer>,
    description: String,
) -> Link {
    let layer: Shared = Arc::new(Mutex::new(layer));
    Link {
        read: Box::new(LayeredRead {
            layer: Arc::clone(&layer),
            below: read,
            encoded: Vec::with_capacity(READ_SIZE),
            wants_flush: false,
            told: false,
        }),
        write: Box::new(LayeredWrite { layer, below: write, encoded: Vec::new(), written: 0 }),
        closer,
        description,
    }
}

fn lock(layer: &Shared) -> MutexGuard<'_, dyn Layer + 'static> {
    layer.lock().unwrap_or_else(PoisonError::into_inner)
}

struct LayeredRead {
    layer: Shared,
    below: Box<dyn ReadHalf>,
    encoded: Vec<u8>,
    wants_flush: bool,
    /// Whether the caller has been told since the last read below.
    told: bool,
}

impl ReadHalf for LayeredRead {
    fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        loop {
            {
                let mut layer = lock(&self.layer);
                let result = layer.read(buffer);
                self.wants_flush = layer.has_output();
                if let Some(count) = result? {
                    return Ok(count);
                }
            }
            if self.wants_flush && !self.told {
                // Let the caller see to it before this thread waits below.
                self.told = true;
                return Err(io::ErrorKind::Interrupted.into());
            }
            self.told = false;
            self.encoded.clear();
            let count = self.below.read(&mut self.encoded)?;
            let mut layer = lock(&self.layer);
            match count {
                0 => layer.feed_end(),
                _ => layer.feed(&self.encoded),
            }
        }
    }

    fn wants_flush(&self) -> bool {
        self.wants_flush
    }
}

struct LayeredWrite {
    layer: Shared,
    below: Box<dyn WriteHalf>,
    /// Encoded bytes on their way down; those before `written` are there.
    encoded: Vec<u8>,
    written: usize,
}

impl WriteHalf for LayeredWrite {
    fn write(&mut self, slices: &[&[u8]], _wait: Wait) -> io::Result<usize> {
        let mut count = 0;
        let mut layer = lock(&self.layer);
        for slice in slices {
            let part = slice.get(..WRITE_SIZE - count).unwrap_or(slice);
            layer.write(part)?;
            count += part.len();
            if count == WRITE_SIZE {
                break;
            }
        }
        Ok(count)
    }

    fn holds_back(&self) -> bool {
        self.written < self.encoded.len() || lock(&self.layer).has_output()
    }

    fn flush(&mut self, wait: Wait) -> io::Result<()> {
        if self.written == self.encoded.len() {
            self.encoded.clear();
            self.written = 0;
            lock(&self.layer).take_output(&mut self.encoded);
        }
        let rest = self.encoded.get(self.written..).unwrap_or_default();
        if !rest.is_empty() {
            self.written += self.below.write(&[rest], wait)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        lock(&self.layer).finish()?;
        while self.holds_back() {
            self.flush(Wait::Allowed)?;
        }
        self.below.finish()
    }
}
