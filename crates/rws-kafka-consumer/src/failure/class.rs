/// What kind of error a handler met; see
/// [`classify_errors`](crate::KafkaConsumer::classify_errors).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorClass {
    /// A retry may help.
    Transient,
    /// No retry helps: the [`FailurePolicy`](crate::FailurePolicy) applies at once. Under
    /// [`FailurePolicy::Retry`](crate::FailurePolicy::Retry) it is retried all the same.
    Permanent,
    /// The message needs no handling: it is passed over, as with
    /// [`FailurePolicy::Skip`](crate::FailurePolicy::Skip).
    Ignorable,
    /// The worker must not go on: it stops, as with
    /// [`FailurePolicy::Stop`](crate::FailurePolicy::Stop).
    Fatal,
}
