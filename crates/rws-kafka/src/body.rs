use crate::message::header_value;
use rust_web_server::header::Header;
use rust_web_server::request::Request;
use rws_kafka_observe::causes;
use std::fmt;

/// Returns the bytes of a request's body, the same on every supported version of the server.
///
/// rust-web-server 17 reads an HTTP/1 request once, into a zero-filled buffer of
/// `RWS_CONFIG_REQUEST_ALLOCATION_SIZE_IN_BYTES` (default 10,000 bytes), and passes on the whole
/// buffer: zeros follow the body, and bytes that did not fit are lost. This function cuts the body at
/// its `Content-Length` and returns an error if it is incomplete, so that no truncated message reaches
/// Kafka. On version 18 it returns the body as it was sent. Only version 18 decodes chunked bodies.
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
/// [`BodyError::Incomplete`] if fewer bytes arrived than `Content-Length` announces, and
/// [`BodyError::InvalidLength`] if `Content-Length` is not a number. [`respond`](crate::respond)
/// answers them with 413 and 400.
pub fn body(request: &Request) -> Result<&[u8], BodyError> {
    let received = &request.body[..];
    let Some(length) = header_value(&request.headers, Header::_CONTENT_LENGTH) else {
        // Without a length, version 17 has no body and passes on only the buffer's zeros.
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

/// The error of [`body`]: a request has no usable body.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The server kept fewer bytes than the client announced.
    #[error("the request body has {expected} bytes, but the server kept only {received}")]
    Incomplete {
        /// The number of bytes in the request's `Content-Length`.
        expected: usize,
        /// The number of bytes that the server passed on.
        received: usize,
    },
    /// `Content-Length` is not a number of bytes.
    #[error("Content-Length is {found:?} and must be a number of bytes")]
    InvalidLength {
        /// The header's value.
        found: String,
    },
}

impl fmt::Debug for BodyError {
    /// Writes the error and its causes in the form in which `main` should print them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::debug(self, f)
    }
}
