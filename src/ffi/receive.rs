//! Taking messages without a callback.

use std::time::Duration;

use super::guard;
use super::handle::{client, mqttlink_client};
use super::message::mqttlink_message;
use super::numbers::limit;
use super::owned::hand_out;
use super::pointer::out;
use super::source::Source;
use super::status::mqttlink_status;

/// Waits for the next message that no handler takes, for at most so many milliseconds; 0 does not wait,
/// `MQTTLINK_FOREVER` and `MQTTLINK_DEFAULT` wait until there is one or there is no connection any more.
/// Several threads may wait; each message goes to one of them. It is freed with
/// `mqttlink_message_free`, which acknowledges it. Inside a callback of the same client no message comes
/// before the callback returns: there, without a limit, `MQTTLINK_ERROR_WOULD_DEADLOCK`.
///
/// `MQTTLINK_ERROR_TIMEOUT_RECEIVE` if none came in time; why the connection ended if it has and no
/// message is left from it; `MQTTLINK_ERROR_INTERRUPTED`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_client_receive(
    client: *mut mqttlink_client,
    timeout_ms: i64,
    message: *mut *mut mqttlink_message,
) -> mqttlink_status {
    guard::call(|| {
        let client = self::client(client)?;
        let place = out(message, "message")?;
        let limit = limit(timeout_ms)?.filter(|limit| *limit != Duration::MAX);
        place.put(hand_out(Source::Owned(client.take(limit)?)));
        Ok(())
    })
}
