use crate::message::header_value;
use rust_web_server::header::Header;
use rust_web_server::request::Request;
use rws_kafka_observe::causes;
use std::fmt;

/// The bytes of a request's body, the same on every supported version of the server.
///
/// rust-web-server 17 reads an HTTP/1 request once, into a buffer of
/// `RWS_CONFIG_REQUEST_ALLOCATION_SIZE_IN_BYTES` (10,000 bytes unless configured) filled with
/// zeros, and hands on all of it: the body is followed by zeros, and what did not fit is lost. This
/// cuts the body at its `Content-Length`, and refuses one that did not fit instead of letting half
/// an event reach Kafka. On version 18 it is the body as it came. A chunked body is decoded by
/// version 18 only.
///
/// ```
/// use rust_web_server::request::Request;
///
/// let request = Request::parse(b"POST /orders HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}\0\0\0")?;
/// assert_eq!(rws_kafka::body(&request).unwrap(), b"{}");
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
///
/// [`BodyError::Incomplete`] when fewer bytes arrived than `Content-Length` says, and
/// [`BodyError::InvalidLength`] when that is not a number. [`respond`](crate::respond) answers them
/// with 413 and 400.
pub fn body(request: &Request) -> Result<&[u8], BodyError> {
    let received = &request.body[..];
    let Some(length) = header_value(&request.headers, Header::_CONTENT_LENGTH) else {
        // Without a length there is no body on version 17, only the buffer's zeros.
        let is_padding = received.iter().all(|byte| *byte == 0);
        return Ok(if is_padding { &[] } else { received });
    };
    let expected = length
        .trim()
        .parse::<usize>()
        .map_err(|_| BodyError::InvalidLength {
            found: length.to_owned(),
        })?;
    received.get(..expected).ok_or(BodyError::Incomplete {
        expected,
        received: received.len(),
    })
}

/// Why a request has no usable body.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The server kept fewer bytes than the client announced.
    #[error("the request body has {expected} bytes and only {received} of them were kept")]
    Incomplete {
        /// Bytes, by the request's `Content-Length`.
        expected: usize,
        /// Bytes that the server handed on.
        received: usize,
    },
    /// `Content-Length` is not a number of bytes.
    #[error("Content-Length is {found:?} and must be a number of bytes")]
    InvalidLength {
        /// What it was.
        found: String,
    },
}

impl fmt::Debug for BodyError {
    /// Writes the error as `main` should print it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::debug(self, f)
    }
}
