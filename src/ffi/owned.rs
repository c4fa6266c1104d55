//! The memory of a message that the program owns: one piece for the handle and, behind it, for the bytes of a
//! small message. A second piece for each message cost a tenth of the time of receiving it.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr;
use std::slice;

use bytes::Bytes;

use super::message::mqttlink_message;
use super::source::Source;

/// A handle with that many bytes behind it.
fn layout(behind: usize) -> Layout {
    let size = size_of::<mqttlink_message>() + behind;
    // What has been received is smaller than half of the address space.
    Layout::from_size_align(size, align_of::<mqttlink_message>()).unwrap_or(Layout::new::<()>())
}

/// A message for C, to be freed with [`free`].
pub(super) fn hand_out(source: Source) -> *mut mqttlink_message {
    let shared = match &source {
        Source::Owned(message) => message.bytes_to_copy(),
        _ => None,
    };
    let moves = shared.is_some();
    let (behind, from) = shared.map_or((0, ptr::null()), |bytes| (bytes.len(), bytes.as_ptr()));
    let layout = layout(behind);
    // SAFETY: a handle has a size.
    let memory = unsafe { alloc(layout) };
    if memory.is_null() {
        handle_alloc_error(layout);
    }
    let handle = memory.cast::<mqttlink_message>();
    // SAFETY: the memory goes on for `behind` bytes after the handle.
    let tail = unsafe { handle.add(1) }.cast::<u8>();
    if moves {
        // SAFETY: the bytes are there, held by the source, and the new memory is nowhere else.
        unsafe { ptr::copy_nonoverlapping(from, tail, behind) };
    }
    // SAFETY: they were copied there, and stay until the message is dropped, which `free` does before it
    // gives the memory back. Nothing in this room gives a part of it away that could live longer:
    // `Source::copied` copies.
    let own: &'static [u8] = unsafe { slice::from_raw_parts(tail, behind) };
    let mut message = mqttlink_message::new(source);
    if moves {
        message.keep(Bytes::from_static(own));
    }
    // SAFETY: the memory is aligned and large enough for a handle.
    unsafe { handle.write(message) };
    handle
}

/// Frees a message that [`hand_out`] made.
pub(super) fn free(handle: *mut mqttlink_message) {
    // SAFETY: by the contract it came from `hand_out` and was not freed.
    let behind = unsafe { &*handle }.behind();
    // SAFETY: as above; it is not used any more.
    unsafe { ptr::drop_in_place(handle) };
    // SAFETY: the memory has the layout with which `hand_out` got it.
    unsafe { dealloc(handle.cast(), layout(behind)) };
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;
    use std::slice;

    use super::*;
    use crate::broker::Draft;
    use crate::ffi::message::{
        mqttlink_message_copy, mqttlink_message_free, mqttlink_message_payload,
        mqttlink_message_read, mqttlink_message_topic,
    };
    use crate::proto::{IncomingMessage, Topic};
    use crate::{Message, Properties, QoS};

    /// A message with `before` bytes of others before it in memory.
    fn received(before: u32, topic: Option<&str>, payload: &[u8]) -> Message {
        let mut bytes = vec![b'?'; usize::try_from(before).unwrap()];
        bytes.extend_from_slice(topic.unwrap_or_default().as_bytes());
        let middle = u32::try_from(bytes.len()).unwrap();
        bytes.extend_from_slice(payload);
        let end = u32::try_from(bytes.len()).unwrap();
        bytes.extend_from_slice(b"???");
        let topic =
            topic.map_or(Topic::Alias("from an alias".into()), |_| Topic::Here(before..middle));
        let meta = IncomingMessage {
            topic,
            properties: middle..middle,
            payload: middle..end,
            streamed_len: None,
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            ack: None,
        };
        Message::loose(bytes, meta)
    }

    fn topic(message: *const mqttlink_message) -> String {
        // SAFETY: it lives as long as the message.
        let topic = unsafe { CStr::from_ptr(mqttlink_message_topic(message)) };
        topic.to_str().unwrap().to_owned()
    }

    fn payload(message: *const mqttlink_message) -> Vec<u8> {
        let mut len = 0;
        let payload = mqttlink_message_payload(message, &raw mut len);
        // SAFETY: that many bytes are there while the message lives.
        unsafe { slice::from_raw_parts(payload.cast::<u8>(), len) }.to_vec()
    }

    /// With Miri: `cargo +nightly miri test --features capi --lib ffi::owned`.
    #[test]
    fn a_message_has_its_bytes_behind_it_and_a_copy_outlives_it() {
        let long = vec![7; 10_000];
        for before in [0, 1, 40] {
            for named in [Some("a/topic"), None] {
                for content in [&b""[..], b"x", b"some bytes", &long] {
                    let first = hand_out(Source::Owned(received(before, named, content)));
                    let expected = named.unwrap_or("from an alias");
                    assert_eq!(
                        (topic(first).as_str(), payload(first).as_slice()),
                        (expected, content)
                    );
                    let mut part = [0_u8; 4];
                    let mut count = 0;
                    let data = (&raw mut part).cast();
                    mqttlink_message_read(first, data, part.len(), &raw mut count);
                    assert_eq!(part[..count], content[..count]);
                    let mut copy = ptr::null_mut();
                    mqttlink_message_copy(first, &raw mut copy);
                    mqttlink_message_free(first);
                    assert_eq!(
                        (topic(copy).as_str(), payload(copy).as_slice()),
                        (expected, content)
                    );
                    mqttlink_message_free(copy);
                }
            }
        }
    }

    #[test]
    fn a_message_of_a_broker_comes_and_goes() {
        let draft = Draft {
            topic: "a".into(),
            payload: vec![1, 2, 3].into(),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: Properties::new(),
        };
        let message = hand_out(Source::Draft(draft));
        assert_eq!((topic(message).as_str(), payload(message)), ("a", vec![1, 2, 3]));
        mqttlink_message_free(message);
    }
}
