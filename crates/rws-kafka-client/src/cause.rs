use std::fmt;

/// Why the brokers are unreachable, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionCause {
    /// No broker of `brokers` accepts a connection.
    Unreachable {
        /// librdkafka's message.
        detail: String,
    },
    /// A host name in `brokers` does not resolve.
    UnknownHost {
        /// librdkafka's message.
        detail: String,
    },
    /// The broker refused the user name, password or token.
    Authentication {
        /// The broker's message.
        detail: String,
    },
    /// The broker's certificate is signed by a CA that is not in `ssl_ca_file`.
    UntrustedCertificate {
        /// OpenSSL's message.
        detail: String,
    },
    /// The broker's certificate is for another host than the one in `brokers`.
    HostNameMismatch {
        /// OpenSSL's message.
        detail: String,
    },
    /// TLS failed for another cause. For example, the listener has no TLS, or it requires a client
    /// certificate (`ssl_certificate_file`).
    Tls {
        /// librdkafka's or OpenSSL's message.
        detail: String,
    },
}

impl fmt::Display for ConnectionCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { detail } => write!(f, "no broker can be reached: {detail}"),
            Self::UnknownHost { detail } => {
                write!(f, "a host name in `brokers` does not resolve: {detail}")
            }
            Self::Authentication { detail } => write!(
                f,
                "the broker refused the credentials (see sasl_mechanism, sasl_username, \
                 sasl_password): {detail}"
            ),
            Self::UntrustedCertificate { detail } => write!(
                f,
                "the broker's certificate is not signed by a CA in ssl_ca_file: {detail}"
            ),
            Self::HostNameMismatch { detail } => write!(
                f,
                "the broker's certificate is not for the host name given in `brokers`: {detail}"
            ),
            Self::Tls { detail } => write!(f, "TLS to the broker failed: {detail}"),
        }
    }
}

impl ConnectionCause {
    /// Returns `true` if a certificate, a credential or a setting is wrong, and `false` if the brokers may
    /// just be unavailable.
    pub fn is_of_settings(&self) -> bool {
        match self {
            Self::Authentication { .. }
            | Self::UntrustedCertificate { .. }
            | Self::HostNameMismatch { .. }
            | Self::Tls { .. } => true,
            // The name of an unavailable broker may not resolve.
            Self::Unreachable { .. } | Self::UnknownHost { .. } => false,
        }
    }
}

/// The kinds of client error that concern the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionError {
    /// A connection was refused, closed or timed out.
    Transport,
    /// No broker is connected. The cause was reported before.
    AllDown,
    /// A host name did not resolve.
    Resolve,
    /// The broker refused the credentials.
    Authentication,
    /// TLS failed.
    Ssl,
}
