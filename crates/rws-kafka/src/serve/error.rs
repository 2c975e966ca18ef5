use rws_kafka_observe::causes;
use std::fmt;

/// Why a service did not start.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address could not be bound: it is in use, is not this machine's, or needs privileges.
    #[error("cannot listen on {address}: {cause}")]
    Bind {
        /// `RWS_CONFIG_IP:RWS_CONFIG_PORT`, as every layer of the server's configuration left them, or
        /// the address of [`health_on`](crate::Serve::health_on).
        address: String,
        /// The system's words.
        cause: String,
    },

    /// The server's thread pool cannot have this size.
    #[error("RWS_CONFIG_THREAD_COUNT is {found} and must be at least 1")]
    ThreadCount {
        /// What it was.
        found: i32,
    },

    /// The system refused the handler of SIGTERM and SIGINT.
    #[error("cannot handle SIGTERM and SIGINT: {cause}")]
    Signals {
        /// The system's words.
        cause: String,
    },

    /// The system refused a thread, or a second handle on the socket.
    #[error("cannot start the server: {cause}")]
    Start {
        /// The system's words.
        cause: String,
    },
}

impl fmt::Debug for ServeError {
    /// Writes the error as `main` should print it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::debug(self, f)
    }
}
