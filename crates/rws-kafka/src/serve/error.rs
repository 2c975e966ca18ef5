/// Why a server did not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address could not be bound: it is in use, is not this machine's, or needs privileges.
    #[error("cannot listen on {address}: {cause}")]
    Bind {
        /// `RWS_CONFIG_IP:RWS_CONFIG_PORT`, as every layer of the server's configuration left them.
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

    /// The system refused a thread, or a second handle on the socket.
    #[error("cannot start the server: {cause}")]
    Start {
        /// The system's words.
        cause: String,
    },
}
