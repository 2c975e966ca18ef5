//! Whether a fetched message has headers, without parsing them.
//!
//! [`rd_kafka_message_headers`](rdkafka::bindings::rd_kafka_message_headers) allocates and initialises a reader
//! to find that their number is 0, which costs more than all the rest of a message. What it reads is in
//! librdkafka's own part of the message. This module reads the same there, for the versions of librdkafka
//! whose layout it knows.

use rdkafka::bindings::{rd_kafka_message_t, rd_kafka_version};
use std::ffi::{c_int, c_void};

/// The versions with this layout: `rd_kafka_msg_t` in `rdkafka_msg.h`. For others headers are parsed.
const KNOWN: [c_int; 1] = [0x020c_01ff];

/// The message is one to produce, which has other fields at the end.
const PRODUCED: c_int = 0x4_0000;

/// The start of librdkafka's `rd_kafka_msg_t`, for a fetched message.
#[repr(C)]
struct Layout {
    message: rd_kafka_message_t,
    link: [*mut c_void; 2],
    flags: c_int,
    timestamp_type: c_int,
    timestamp: i64,
    headers: *mut c_void,
    status: c_int,
    broker: i32,
    /// The headers as received: their number, as a varint, then the headers.
    length: i32,
    unparsed: *const u8,
}

pub(crate) fn is_known() -> bool {
    // SAFETY: a function without arguments or state.
    KNOWN.contains(&unsafe { rd_kafka_version() })
}

/// Returns `true` if the message, which librdkafka's consumer returned, certainly has no headers.
pub(crate) fn has_no_headers(message: &rd_kafka_message_t) -> bool {
    if !is_known() {
        return false;
    }
    let whole = std::ptr::from_ref(message).cast::<Layout>();
    // SAFETY: in the known versions, each message of a consumer is the first field of this struct.
    let whole = unsafe { &*whole };
    if whole.flags & PRODUCED != 0 || whole.length < 1 || whole.unparsed.is_null() {
        return whole.flags & PRODUCED == 0 && whole.length == 0;
    }
    // SAFETY: `length` bytes are there, at least one, and live as long as the message.
    unsafe { *whole.unparsed == 0 }
}
