//! A server that follows a script, for C.

use std::ffi::{CString, c_char, c_void};
use std::io::ErrorKind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ffi::guard::{self, Failure};
use crate::ffi::numbers;
use crate::ffi::pointer::{bytes, c_text, free, given, optional, out};
use crate::ffi::status::mqttlink_status;
use crate::testing::{ScriptError, ScriptedConnection, ScriptedServer};

/// A listener on a free port of 127.0.0.1 whose connections say what a test says, byte by byte: for tests
/// of what a client does with exactly these bytes. Made by `mqttlink_script_start`, freed by
/// `mqttlink_script_free`.
pub struct mqttlink_script {
    server: ScriptedServer,
    /// One call accepts at a time.
    accepting: Mutex<()>,
}

/// One connection of a `mqttlink_script`. Made by `mqttlink_script_accept`, freed by
/// `mqttlink_script_connection_free`. Every call that waits ends after 5 s with
/// `MQTTLINK_ERROR_TIMEOUT_RECEIVE`. What came instead of what was expected is `MQTTLINK_ERROR_NOT_FOUND`;
/// what is no packet `MQTTLINK_ERROR_PROTOCOL_VIOLATION`; the end of the connection
/// `MQTTLINK_ERROR_CONNECTION_LOST`. The text says both what was expected and what came.
pub struct mqttlink_script_connection {
    inner: Mutex<Connection>,
}

struct Connection {
    connection: ScriptedConnection,
    /// The last packet.
    line: CString,
}

impl mqttlink_script_connection {
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<ScriptError> for Failure {
    fn from(error: ScriptError) -> Self {
        let status = match &error {
            ScriptError::Io { source, .. } => match source.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                    mqttlink_status::MQTTLINK_ERROR_TIMEOUT_RECEIVE
                }
                _ => mqttlink_status::MQTTLINK_ERROR_CONNECTION_LOST,
            },
            ScriptError::Unexpected { .. } => mqttlink_status::MQTTLINK_ERROR_NOT_FOUND,
            ScriptError::Decode(_) => mqttlink_status::MQTTLINK_ERROR_PROTOCOL_VIOLATION,
        };
        Self::new(status, error.to_string())
    }
}

/// Begins to listen. `MQTTLINK_ERROR_CONNECTION_LOST` if the system gives no port.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_script_start(script: *mut *mut mqttlink_script) -> mqttlink_status {
    guard::call(|| {
        let place = out(script, "script")?;
        place.put_new(mqttlink_script {
            server: ScriptedServer::start()?,
            accepting: Mutex::new(()),
        });
        Ok(())
    })
}

/// The port on which it listens. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_script_port(script: *const mqttlink_script) -> u16 {
    guard::or(0, || optional(script).map_or(0, |script| script.server.port()))
}

/// Waits for a client, at most so many milliseconds; `MQTTLINK_DEFAULT` is 5 s. `version`, a
/// `mqttlink_protocol`, is what the client speaks. `MQTTLINK_ERROR_TIMEOUT_RECEIVE` if none came.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_script_accept(
    script: *mut mqttlink_script,
    version: i32,
    timeout_ms: i64,
    connection: *mut *mut mqttlink_script_connection,
) -> mqttlink_status {
    guard::call(|| {
        let script = given(script, "script")?;
        let place = out(connection, "connection")?;
        let version = numbers::version(version)?;
        let limit = numbers::limit(timeout_ms)?.unwrap_or(Duration::from_secs(5));
        let turn = script.accepting.lock().unwrap_or_else(PoisonError::into_inner);
        let accepted = script.server.accept_within(version, limit);
        drop(turn);
        let inner = Mutex::new(Connection { connection: accepted?, line: CString::default() });
        place.put_new(mqttlink_script_connection { inner });
        Ok(())
    })
}

/// Sends exactly these bytes.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_script_connection_send(
    connection: *mut mqttlink_script_connection,
    data: *const c_void,
    len: usize,
) -> mqttlink_status {
    guard::call(|| {
        let connection = given(connection, "connection")?;
        Ok(connection.lock().connection.send(bytes(data, len, "data")?)?)
    })
}

/// Waits for as many bytes as these, which they must be.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_script_connection_expect(
    connection: *mut mqttlink_script_connection,
    data: *const c_void,
    len: usize,
) -> mqttlink_status {
    guard::call(|| {
        let connection = given(connection, "connection")?;
        Ok(connection.lock().connection.expect(bytes(data, len, "data")?)?)
    })
}

/// Waits for a packet, and shows it as one line of text that begins with its name, without payload, password
/// and authentication data. The line lives until the next call of this function with this connection.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_script_connection_expect_packet(
    connection: *mut mqttlink_script_connection,
    line: *mut *const c_char,
) -> mqttlink_status {
    guard::call(|| {
        let connection = given(connection, "connection")?;
        let place = out(line, "line")?;
        let mut inner = connection.lock();
        inner.line = c_text(&inner.connection.expect_packet()?);
        place.put(inner.line.as_ptr());
        Ok(())
    })
}

/// Waits until the client has closed the connection, without another byte.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_script_connection_expect_end(
    connection: *mut mqttlink_script_connection,
) -> mqttlink_status {
    guard::call(|| Ok(given(connection, "connection")?.lock().connection.expect_end()?))
}

/// Closes a connection. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_script_connection_free(connection: *mut mqttlink_script_connection) {
    guard::or((), || free(connection));
}

/// Ends the listener; its connections stay. No other thread may be in `mqttlink_script_accept`. NULL is
/// allowed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_script_free(script: *mut mqttlink_script) {
    guard::or((), || free(script));
}
