use std::sync::Weak;

/// A live client that is asked for its status when it is needed, so that it need not report each change.
///
/// `S` is the part of [`Status`](crate::Status) that it fills: a
/// [`ProducerStatus`](crate::ProducerStatus) or a [`ConsumerStatus`](crate::ConsumerStatus).
pub trait Source<S>: Send + Sync {
    /// Writes what the client knows to `status`, which already has the fields that its health knows.
    ///
    /// Threads of the web server call it, so it must not wait for a broker or a handler.
    fn fill(&self, status: &mut S);
}

/// The client to ask, as long as it exists.
pub(crate) type Asked<S> = Option<Weak<dyn Source<S>>>;
