/// The class of a handler's error; see [`classify_errors`](crate::KafkaConsumer::classify_errors).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorClass {
    /// A retry may succeed.
    Transient,
    /// A retry cannot succeed: the [`FailurePolicy`](crate::FailurePolicy) applies at once. With
    /// [`FailurePolicy::Retry`](crate::FailurePolicy::Retry) the message is retried nevertheless.
    Permanent,
    /// The message needs no handling: it is skipped, as with
    /// [`FailurePolicy::Skip`](crate::FailurePolicy::Skip).
    Ignorable,
    /// The worker must not continue: it stops, as with [`FailurePolicy::Stop`](crate::FailurePolicy::Stop).
    Fatal,
}
