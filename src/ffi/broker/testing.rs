//! What tests need beside a broker: waiting, virtual time, faults.

#![allow(dead_code, reason = "the names are for C: only the header mentions all of them")]

use std::ffi::c_char;
use std::time::Duration;

use super::handle::{for_test, mqttlink_broker};
use super::wrong;
use crate::ffi::guard::{self, Failure};
use crate::ffi::numbers;
use crate::ffi::pointer::text;
use crate::ffi::status::mqttlink_status;
use crate::testing::{ConnectionFault, MessageFault, TestBroker};

/// What goes wrong on the connections of a client, counted from the moment its CONNECT has come.
#[repr(i32)]
pub enum mqttlink_connection_fault {
    /// CONNECT is answered with this reason: the number is a `mqttlink_reason` of 0x80 or more.
    MQTTLINK_FAULT_REFUSE = 0,
    /// Everything that the broker sends waits so many milliseconds.
    MQTTLINK_FAULT_DELAY_MS = 1,
    /// The connection is cut when the broker has sent so many bytes.
    MQTTLINK_FAULT_CUT_AFTER_SENDING = 2,
    /// The connection is cut when the broker has received so many bytes.
    MQTTLINK_FAULT_CUT_AFTER_RECEIVING = 3,
    /// Nothing is sent or received any more, but the connection stays open. The number has no meaning.
    MQTTLINK_FAULT_HALF_OPEN = 4,
    /// Every PINGREQ is left without an answer. The number has no meaning.
    MQTTLINK_FAULT_IGNORE_PINGS = 5,
    /// No write carries more than so many bytes; 1 or more.
    MQTTLINK_FAULT_SHORT_WRITES = 6,
}

/// What goes wrong with messages.
#[repr(i32)]
pub enum mqttlink_message_fault {
    /// They are accepted and then lost. The number has no meaning.
    MQTTLINK_FAULT_DROP_MESSAGES = 0,
    /// They are routed so many milliseconds later.
    MQTTLINK_FAULT_DELAY_MESSAGES_MS = 1,
}

fn connection_fault(fault: i32, number: u64) -> Result<ConnectionFault, Failure> {
    Ok(match fault {
        0 => {
            let reason = i32::try_from(number).ok().and_then(|number| numbers::reason(number).ok());
            let refusal = reason.filter(|reason| reason.code() >= 0x80);
            let wrong = || wrong("number", number, "a mqttlink_reason of 0x80 or more");
            ConnectionFault::Refuse(refusal.ok_or_else(wrong)?)
        }
        1 => ConnectionFault::Delay(Duration::from_millis(number)),
        2 => ConnectionFault::CutAfterSending(number),
        3 => ConnectionFault::CutAfterReceiving(number),
        4 => ConnectionFault::HalfOpen,
        5 => ConnectionFault::IgnorePings,
        6 => {
            let size = usize::try_from(number).ok().filter(|size| *size > 0);
            ConnectionFault::ShortWrites(size.ok_or_else(|| wrong("number", number, "1 or more"))?)
        }
        _ => return Err(wrong("fault", fault, "a mqttlink_connection_fault, 0 to 6")),
    })
}

fn message_fault(fault: i32, number: u64) -> Result<MessageFault, Failure> {
    match fault {
        0 => Ok(MessageFault::Drop),
        1 => Ok(MessageFault::Delay(Duration::from_millis(number))),
        _ => Err(wrong("fault", fault, "a mqttlink_message_fault, 0 or 1")),
    }
}

fn patient(broker: *const mqttlink_broker, timeout_ms: i64) -> Result<TestBroker, Failure> {
    let (broker, limit) = (for_test(broker)?, numbers::limit(timeout_ms)?);
    Ok(limit.map_or_else(|| broker.clone(), |limit| broker.patience(limit)))
}

/// Waits until a client with this identifier is connected, at most so many milliseconds;
/// `MQTTLINK_DEFAULT` is 5 s. It succeeds at once if it is connected already. Only in a broker for tests:
/// see `mqttlink_broker_options_new_for_test`; in others `MQTTLINK_ERROR_INVALID_STATE`.
///
/// `MQTTLINK_ERROR_TIMEOUT_RECEIVE` if it did not come in time; the text shows the last packets.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_wait_for_client(
    broker: *mut mqttlink_broker,
    client_id: *const c_char,
    timeout_ms: i64,
) -> mqttlink_status {
    guard::call(|| {
        let broker = patient(broker, timeout_ms)?;
        Ok(broker.wait_for_client(text(client_id, "client_id")?)?)
    })
}

/// Waits until no client with this identifier is connected; otherwise as
/// `mqttlink_broker_wait_for_client`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_wait_for_client_to_go(
    broker: *mut mqttlink_broker,
    client_id: *const c_char,
    timeout_ms: i64,
) -> mqttlink_status {
    guard::call(|| {
        let broker = patient(broker, timeout_ms)?;
        Ok(broker.wait_for_client_to_go(text(client_id, "client_id")?)?)
    })
}

/// Waits until a client is subscribed to exactly this filter; otherwise as
/// `mqttlink_broker_wait_for_client`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_wait_for_subscription(
    broker: *mut mqttlink_broker,
    client_id: *const c_char,
    filter: *const c_char,
    timeout_ms: i64,
) -> mqttlink_status {
    guard::call(|| {
        let broker = patient(broker, timeout_ms)?;
        let (client_id, filter) = (text(client_id, "client_id")?, text(filter, "filter")?);
        Ok(broker.wait_for_subscription(client_id, filter)?)
    })
}

/// Moves the time of a broker with virtual time on by so many milliseconds; every timer that falls into
/// them fires at its moment, in order. Only in a broker for tests.
///
/// `MQTTLINK_ERROR_INVALID_STATE` if the broker runs in real time: see
/// `mqttlink_broker_options_set_virtual_time`.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_advance(
    broker: *mut mqttlink_broker,
    milliseconds: u64,
) -> mqttlink_status {
    guard::call(|| Ok(for_test(broker)?.advance(Duration::from_millis(milliseconds))?))
}

/// Makes something go wrong on the connections of a client, from its next CONNECT on; "*" stands for every
/// client. `fault` is a `mqttlink_connection_fault`, which says what `number` means. Several faults add up.
/// Only in a broker for tests.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_break_connection(
    broker: *mut mqttlink_broker,
    client_id: *const c_char,
    fault: i32,
    number: u64,
) -> mqttlink_status {
    guard::call(|| {
        let broker = for_test(broker)?;
        let client_id = text(client_id, "client_id")?;
        broker.break_connection(client_id, connection_fault(fault, number)?);
        Ok(())
    })
}

/// Makes something go wrong with messages whose topic matches a filter. `fault` is a
/// `mqttlink_message_fault`, which says what `number` means. Only in a broker for tests.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_break_messages(
    broker: *mut mqttlink_broker,
    filter: *const c_char,
    fault: i32,
    number: u64,
) -> mqttlink_status {
    guard::call(|| {
        let broker = for_test(broker)?;
        broker.break_messages(text(filter, "filter")?, message_fault(fault, number)?);
        Ok(())
    })
}

/// Takes back all faults. Connections that have one keep it. Only in a broker for tests.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_repair(broker: *mut mqttlink_broker) -> mqttlink_status {
    guard::call(|| {
        for_test(broker)?.repair();
        Ok(())
    })
}
