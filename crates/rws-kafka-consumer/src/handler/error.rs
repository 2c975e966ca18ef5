use super::payload::PayloadError;
use crate::failure::class::ErrorClass;
use rws_kafka_observe::causes::{self, causes, with_causes};
use rws_kafka_observe::panics::{self, Panicked};
use std::any::type_name;
use std::error::Error;
use std::fmt;
use std::sync::OnceLock;

/// The result of a handler: `Ok` if the message is handled.
pub type HandlerResult = Result<(), HandlerError>;

/// The error of a handler that did not handle its message.
///
/// The `?` operator converts any error into it. The type does not implement [`Error`] itself, because that
/// conversion would then overlap with the identity conversion; [`source`](Self::source) returns the cause.
///
/// An error is transient, and the message is retried, unless it is [permanent](Self::permanent).
///
/// ```
/// use rws_kafka_consumer::{HandlerError, HandlerResult};
///
/// fn fulfil(text: &str) -> HandlerResult {
///     let id: u64 = text.parse()?;
///     if id == 0 {
///         return Err(HandlerError::new("order 0 does not exist").permanent());
///     }
///     Ok(())
/// }
/// assert_eq!(fulfil("x").unwrap_err().to_string(), "invalid digit found in string");
/// assert!(fulfil("0").unwrap_err().is_permanent());
/// ```
pub struct HandlerError {
    cause: Cause,
    kind: &'static str,
    permanent: bool,
    /// The text of `cause`, made when it is first needed.
    text: OnceLock<String>,
}

impl HandlerError {
    /// Creates an error with this message.
    pub fn new(text: impl Into<String>) -> Self {
        Self::of_kind(name_of::<Self>(), text.into())
    }

    /// Creates an error from a cause that does not implement [`Error`], such as a boxed error or
    /// `anyhow::Error`.
    pub fn from_boxed<E: Into<Box<dyn Error + Send + Sync>>>(cause: E) -> Self {
        Self::of_kind(name_of::<E>(), cause)
    }

    fn of_kind(kind: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let cause = cause.into();
        let permanent = is_permanent_by_itself(cause.as_ref());
        Self {
            cause: Cause(Some(cause)),
            kind,
            permanent,
            text: OnceLock::new(),
        }
    }

    pub(crate) fn panicked(panic: &Panicked) -> Self {
        Self::new(format!("the handler panicked: {panic}"))
    }

    /// Makes the error permanent: the message is not retried.
    #[must_use]
    pub fn permanent(mut self) -> Self {
        self.permanent = true;
        self
    }

    /// Returns `true` if the error is permanent.
    ///
    /// An error is permanent without a call of [`permanent`](Self::permanent) if a payload cannot be decoded
    /// or a value cannot be encoded, anywhere in its chain of causes.
    pub fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// Returns the class of the error: [`ErrorClass::Permanent`] if it is permanent, otherwise
    /// [`ErrorClass::Transient`].
    pub fn class(&self) -> ErrorClass {
        if self.permanent {
            ErrorClass::Permanent
        } else {
            ErrorClass::Transient
        }
    }

    /// Returns the type name of the cause, such as `core::num::error::ParseIntError`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The texts of the cause and of the causes behind it.
    pub(crate) fn chain(&self) -> Vec<String> {
        let chain = || causes(self.source()).map(ToString::to_string).collect();
        panics::catch(chain).unwrap_or_else(|_| vec![self.text().to_owned()])
    }

    /// The text of the cause and of the causes behind it. It is cached: each failure shows it several times,
    /// in a log line, a span, a header and a status.
    fn text(&self) -> &str {
        self.text.get_or_init(|| {
            panics::catch(|| with_causes(self.source())).unwrap_or_else(|panic| {
                format!("{} panicked when it was shown: {panic}", self.kind)
            })
        })
    }

    /// Returns the cause.
    pub fn source(&self) -> &(dyn Error + Send + Sync + 'static) {
        self.cause.get()
    }

    /// Returns the cause as a `T`, or `None` if it has another type.
    pub fn downcast_ref<T: Error + 'static>(&self) -> Option<&T> {
        self.source().downcast_ref()
    }
}

/// The name of a type. For types of this crate it is the public path, which stays the same in headers and
/// traces when a file moves.
fn name_of<E>() -> &'static str {
    let name = type_name::<E>();
    let of_ours = name.strip_prefix("rws_kafka_consumer::");
    match of_ours.and_then(|path| path.rsplit("::").next()) {
        Some("HandlerError") => "rws_kafka_consumer::HandlerError",
        Some("PayloadError") => "rws_kafka_consumer::PayloadError",
        Some("ConsumerError") => "rws_kafka_consumer::ConsumerError",
        _ => name,
    }
}

/// A user's error. Its `Drop` may panic, which must not end the lane.
struct Cause(Option<Box<dyn Error + Send + Sync>>);

impl Cause {
    fn get(&self) -> &(dyn Error + Send + Sync + 'static) {
        // `None` only while it is dropped.
        self.0.as_deref().unwrap_or(&fmt::Error)
    }
}

impl Drop for Cause {
    fn drop(&mut self) {
        if let Some(cause) = self.0.take() {
            panics::discard(cause);
        }
    }
}

fn is_permanent_by_itself(cause: &(dyn Error + 'static)) -> bool {
    causes(cause).any(|cause| {
        let of_payload = cause.downcast_ref::<PayloadError>();
        of_payload.is_some_and(|error| !error.is_transient()) || schema_refuses(cause)
    })
}

#[cfg(feature = "schema")]
fn schema_refuses(cause: &(dyn Error + 'static)) -> bool {
    use rws_kafka_schema::SchemaError;
    // The errors of producers and of the outbox contain it boxed.
    let boxed = cause.downcast_ref::<Box<SchemaError>>().map(Box::as_ref);
    let error = cause.downcast_ref::<SchemaError>().or(boxed);
    error.is_some_and(|error| !error.is_transient())
}

#[cfg(not(feature = "schema"))]
fn schema_refuses(_: &(dyn Error + 'static)) -> bool {
    false
}

impl<E: Error + Send + Sync + 'static> From<E> for HandlerError {
    fn from(cause: E) -> Self {
        Self::from_boxed(cause)
    }
}

impl fmt::Display for HandlerError {
    /// Writes the cause and the causes behind it on one line of at most 1 KiB, without repetitions. Control
    /// characters are escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Debug for HandlerError {
    /// Writes the cause, and each cause behind it on a line of its own, as `main` prints them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::debug(self.source(), f)
    }
}

#[cfg(all(test, feature = "registry"))]
mod tests {
    use super::*;
    use rws_kafka_producer::ProducerError;
    use rws_kafka_schema::SchemaError;
    use rws_kafka_schema::registry::RegistryError;
    use std::io;

    fn encode(source: RegistryError) -> ProducerError {
        ProducerError::Encode {
            topic: "invoices".to_owned(),
            source: Box::new(source.into()),
        }
    }

    fn incompatible() -> RegistryError {
        RegistryError::Incompatible {
            url: String::new(),
            subject: "invoices-value".to_owned(),
            code: Some(409),
            text: String::new(),
        }
    }

    fn unreachable() -> RegistryError {
        RegistryError::Unreachable {
            url: String::new(),
            attempts: 4,
            detail: String::new(),
        }
    }

    #[test]
    fn a_value_that_cannot_be_encoded_is_permanent_wherever_it_is_in_the_chain() {
        for is_permanent in [
            |error| HandlerError::from(encode(error)).is_permanent(),
            |error| HandlerError::from(SchemaError::from(error)).is_permanent(),
            |error| HandlerError::from(io::Error::other(encode(error))).is_permanent(),
        ] as [fn(RegistryError) -> bool; 3]
        {
            assert!(is_permanent(incompatible()));
            assert!(!is_permanent(unreachable()));
        }
    }
}
