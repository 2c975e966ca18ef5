use std::sync::Weak;

/// A live client that is asked for what it does when someone looks, so that it need not tell of
/// each change.
///
/// `S` is the part of [`Status`](crate::Status) that it fills: a
/// [`ProducerStatus`](crate::ProducerStatus) or a [`ConsumerStatus`](crate::ConsumerStatus).
pub trait Source<S>: Send + Sync {
    /// Writes what it knows to `status`, which has what its health knows already.
    ///
    /// Called by threads of the web server: it must not wait for a broker or a handler.
    fn fill(&self, status: &mut S);
}

/// The client to ask, as long as it is there.
pub(crate) type Asked<S> = Option<Weak<dyn Source<S>>>;
