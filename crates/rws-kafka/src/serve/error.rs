use rws_kafka_observe::causes;
use std::fmt;

/// The error of [`serve`](crate::serve), [`run`](crate::run) and [`Serve`](crate::Serve): the service
/// did not start.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address could not be bound: it is in use, does not belong to this machine, or needs privileges.
    #[error("cannot listen on {address}: {cause}")]
    Bind {
        /// `RWS_CONFIG_IP:RWS_CONFIG_PORT` as the server's configuration resolved them, or the address
        /// given to [`health_on`](crate::Serve::health_on).
        address: String,
        /// The message of the operating system.
        cause: String,
    },

    /// The configured number of threads is less than 1.
    #[error("RWS_CONFIG_THREAD_COUNT is {found} and must be at least 1")]
    ThreadCount {
        /// The configured number.
        found: i32,
    },

    /// The system refused the handler of SIGTERM and SIGINT.
    #[error("cannot handle SIGTERM and SIGINT: {cause}")]
    Signals {
        /// The message of the operating system.
        cause: String,
    },

    /// The system refused a thread, or a second handle on the socket.
    #[error("cannot start the server: {cause}")]
    Start {
        /// The message of the operating system.
        cause: String,
    },
}

impl fmt::Debug for ServeError {
    /// Writes the error and its causes in the form in which `main` should print them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::debug(self, f)
    }
}
