//! The headers of a message, with their names as bytes.

use crate::message::bytes;
use rdkafka::bindings::{
    rd_kafka_header_get_all, rd_kafka_headers_t, rd_kafka_message_headers, rd_kafka_message_t,
};
use rdkafka::types::RDKafkaRespErr;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};

/// Calls `take` with the name and the value of each header, in order. Returns `false` if the headers cannot
/// be read.
///
/// A name ends at its first NUL byte, as for librdkafka.
pub(crate) fn for_each<'a>(
    message: &'a rd_kafka_message_t,
    mut take: impl FnMut(&'a [u8], Option<&'a [u8]>),
) -> bool {
    let mut headers: *mut rd_kafka_headers_t = null_mut();
    // SAFETY: the message is alive. librdkafka parses its headers at the first call and keeps them with it.
    let result = unsafe { rd_kafka_message_headers(message, &mut headers) };
    match result {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => {}
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__NOENT => return true,
        _ => return false,
    }
    for index in 0.. {
        let mut name: *const c_char = null();
        let mut value: *const c_void = null();
        let mut length = 0;
        // SAFETY: the headers live as long as the message, and the three are written during the call.
        let result =
            unsafe { rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut length) };
        if result != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            break;
        }
        // SAFETY: librdkafka ends names with NUL, and they live as long as the message.
        let name = unsafe { CStr::from_ptr(name) };
        // SAFETY: librdkafka describes the value, which lives as long as the message.
        take(name.to_bytes(), unsafe { bytes(value, length) });
    }
    true
}
