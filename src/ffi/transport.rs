//! Byte streams that the program supplies.

use std::ffi::{CString, c_char, c_void};
use std::io::{self, Read, Write};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use super::callback::{Hook, User, mqttlink_free_fn};
use super::guard::Failure;
use super::options::{mqttlink_options, set};
use super::publish::io_count;
use super::status::mqttlink_status;
use crate::{Builder, Stream};

/// Opens a stream to the server within so many milliseconds and puts it into `stream`. Returns 0 or the
/// operating system's error number. Called on a thread of its own; a stream that comes too late is
/// closed and freed.
pub type mqttlink_open_fn = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        host: *const c_char,
        port: u16,
        timeout_ms: i64,
        stream: *mut *mut c_void,
    ) -> i32,
>;

/// Waits for bytes and puts at most `size` of them into `data`. Returns how many, 0 at the end of the
/// stream, or a negative error number. Called on one thread.
pub type mqttlink_read_fn =
    Option<unsafe extern "C" fn(stream: *mut c_void, data: *mut c_void, size: usize) -> i64>;

/// Sends some of the bytes. Returns how many, or a negative error number; `-EAGAIN` if it could send
/// none for a quarter of a second, so that the timers of the connection can run. Called on one thread at
/// a time, while another one reads.
pub type mqttlink_write_fn =
    Option<unsafe extern "C" fn(stream: *mut c_void, data: *const c_void, size: usize) -> i64>;

/// Ends both directions; whoever reads or writes returns soon, and so does this function: it should not wait for
/// the peer. Called exactly once for each stream, while others may be in read and write; on the thread that reads
/// if the stream ended by itself, otherwise on a thread of its own.
///
/// A connection has ended when read, write, close and then `free_stream` have returned. Functions that end the
/// connection, fail to make one or free the client wait at most 5 seconds for that. Then the threads in them are
/// left behind, which the log says as an error: until they return the client stays in
/// `MQTTLINK_DISCONNECTING`, every `mqttlink_client_connect` of it fails with `MQTTLINK_ERROR_TIMEOUT_TCP`, and
/// everything that the functions use must live on.
pub type mqttlink_close_fn = Option<unsafe extern "C" fn(stream: *mut c_void)>;

type Open = unsafe extern "C" fn(*mut c_void, *const c_char, u16, i64, *mut *mut c_void) -> i32;

#[derive(Clone, Copy)]
struct Functions {
    open: Open,
    read: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> i64,
    write: unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> i64,
    close: unsafe extern "C" fn(*mut c_void),
}

/// Carries the packets over streams of the program's own, instead of TCP and TLS: another TLS library
/// with its keys in a security module, a tunnel, a serial line. The URL must not ask for TLS, which is
/// the stream's own affair; resolver and socket options are not used.
///
/// `open` is called for every connection with `user`; the other functions with the stream it made.
/// `free_stream`, which may be NULL, is called exactly once, after close, when nothing will use the stream any more.
///
/// Everything that the client sends and receives waits for these functions. They may call every function; of
/// those of the same client, calls that would wait for the connection fail with
/// `MQTTLINK_ERROR_WOULD_DEADLOCK`. `mqttlink_client_connect` fails in them, unless the stream came too late: with
/// `MQTTLINK_ERROR_WOULD_DEADLOCK` while the connection ends, with `MQTTLINK_ERROR_ALREADY_CONNECTED` before, which
/// after a loss is until the stream is freed, and with `MQTTLINK_ERROR_ALREADY_CONNECTING` while a connection is
/// being made. `mqttlink_client_disconnect`,
/// `mqttlink_client_abort` and `mqttlink_client_free` begin the end of the connection and do not wait for it,
/// nor for other callbacks that run.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_options_set_transport(
    options: *mut mqttlink_options,
    open: mqttlink_open_fn,
    read: mqttlink_read_fn,
    write: mqttlink_write_fn,
    close: mqttlink_close_fn,
    free_stream: mqttlink_free_fn,
    user: *mut c_void,
    free_user: mqttlink_free_fn,
) -> mqttlink_status {
    let hook = Hook::new(open, user, free_user);
    set(options, || {
        let null = |name| {
            move || Failure::new(mqttlink_status::MQTTLINK_ERROR_NULL, format!("{name} is NULL"))
        };
        let hook = Arc::new(hook.ok_or_else(null("open"))?);
        let functions = Functions {
            open: hook.function,
            read: read.ok_or_else(null("read"))?,
            write: write.ok_or_else(null("write"))?,
            close: close.ok_or_else(null("close"))?,
        };
        Ok(move |builder: Builder| {
            let hook = Arc::clone(&hook);
            builder.transport(move |host, port, limit| {
                functions.connect(&hook, free_stream, (host, port), limit)
            })
        })
    })
}

impl Functions {
    fn connect(
        self,
        hook: &Hook<Open>,
        free_stream: mqttlink_free_fn,
        (host, port): (&str, u16),
        limit: Duration,
    ) -> io::Result<Stream> {
        let name = CString::new(host)?;
        let milliseconds = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        let mut stream = ptr::null_mut();
        let place = &raw mut stream;
        // SAFETY: by the contract the function takes what it was registered with; name and place live
        // here.
        let code = unsafe { (self.open)(hook.pointer(), name.as_ptr(), port, milliseconds, place) };
        if code != 0 {
            return Err(io::Error::from_raw_os_error(code));
        }
        let own = Hook::new(Some(self), stream, free_stream);
        let own = own.ok_or_else(|| io::Error::other("no stream"))?;
        let (reader, writer, closer) = (own.clone(), own.clone(), own);
        Ok(Stream::new(Direction(reader), Direction(writer), move || {
            // SAFETY: by the contract the function takes its stream, which is freed with the last hook.
            unsafe { (closer.function.close)(closer.pointer()) };
        }))
    }
}

/// One direction of a stream.
struct Direction(Hook<Functions>);

impl Read for Direction {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (stream, data) = (self.0.pointer(), buffer.as_mut_ptr().cast());
        // SAFETY: by the contract the function takes its stream and fills at most the buffer.
        let count = unsafe { (self.0.function.read)(stream, data, buffer.len()) };
        io_count(count, buffer.len())
    }
}

impl Write for Direction {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (stream, data) = (self.0.pointer(), bytes.as_ptr().cast());
        // SAFETY: by the contract the function takes its stream and reads at most these bytes.
        let count = unsafe { (self.0.function.write)(stream, data, bytes.len()) };
        io_count(count, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const _: fn() = || {
    fn is_send<T: Send + Sync>() {}
    is_send::<User>();
};
