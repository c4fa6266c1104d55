//! What went over a test broker's connections.

use std::ffi::{CString, c_char, c_void};
use std::sync::OnceLock;

use super::handle::{for_test, mqttlink_broker};
use crate::ffi::guard::{self, Failure};
use crate::ffi::pointer::{c_text, free, given, optional, out};
use crate::ffi::status::mqttlink_status;
use crate::proto::Time;
use crate::testing::Recorded;

/// The last packets of all connections of a broker. Made by `mqttlink_broker_transcript`, freed by
/// `mqttlink_transcript_free`.
pub struct mqttlink_transcript {
    packets: Vec<Line>,
}

struct Line {
    recorded: Recorded,
    client_id: CString,
    text: OnceLock<CString>,
}

/// One packet of a transcript. The pointers live as long as the transcript.
#[repr(C)]
pub struct mqttlink_recorded {
    /// When, in microseconds on the broker's clock.
    pub at_us: u64,
    /// The client identifier; "" before CONNECT has come.
    pub client_id: *const c_char,
    /// Whether the client sent it; otherwise the broker did.
    pub from_client: bool,
    /// The protocol version of the connection: a `mqttlink_protocol`.
    pub version: i32,
    /// The packet, fixed header included. It may hold a password.
    pub bytes: *const c_void,
    /// How many bytes it has.
    pub len: usize,
    /// The same in one line, without payload, password and authentication data.
    pub text: *const c_char,
}

/// The last 10,000 packets of all connections, oldest first. Only in a broker for tests.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_broker_transcript(
    broker: *const mqttlink_broker,
    transcript: *mut *mut mqttlink_transcript,
) -> mqttlink_status {
    guard::call(|| {
        let broker = for_test(broker)?;
        let place = out(transcript, "transcript")?;
        let line = |recorded: Recorded| Line {
            client_id: c_text(&recorded.client_id),
            recorded,
            text: OnceLock::new(),
        };
        let packets = broker.transcript().into_iter().map(line).collect();
        place.put_new(mqttlink_transcript { packets });
        Ok(())
    })
}

/// How many packets the transcript has. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_transcript_count(transcript: *const mqttlink_transcript) -> usize {
    guard::or(0, || optional(transcript).map_or(0, |transcript| transcript.packets.len()))
}

/// Shows the packet at a place, from 0. `MQTTLINK_ERROR_NOT_FOUND` behind the last one.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_transcript_at(
    transcript: *const mqttlink_transcript,
    index: usize,
    packet: *mut mqttlink_recorded,
) -> mqttlink_status {
    guard::call(|| {
        let (transcript, place) = (given(transcript, "transcript")?, out(packet, "packet")?);
        let line = transcript.packets.get(index);
        let line = line.ok_or_else(|| Failure::plain(mqttlink_status::MQTTLINK_ERROR_NOT_FOUND))?;
        let recorded = &line.recorded;
        let at = recorded.at.since(Time::ORIGIN).as_micros();
        place.put(mqttlink_recorded {
            at_us: u64::try_from(at).unwrap_or(u64::MAX),
            client_id: line.client_id.as_ptr(),
            from_client: recorded.from_client,
            version: recorded.version.level().into(),
            bytes: recorded.bytes.as_ptr().cast(),
            len: recorded.bytes.len(),
            text: line.text.get_or_init(|| c_text(&recorded.to_string())).as_ptr(),
        });
        Ok(())
    })
}

/// Frees a transcript. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn mqttlink_transcript_free(transcript: *mut mqttlink_transcript) {
    guard::or((), || free(transcript));
}
