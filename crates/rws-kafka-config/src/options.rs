use std::fmt;
use std::str::FromStr;

/// The security of the connections to the brokers: `security.protocol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SecurityProtocol {
    /// No encryption and no authentication.
    #[default]
    Plaintext,
    /// TLS, with a client certificate if one is set.
    Ssl,
    /// SASL authentication without encryption.
    SaslPlaintext,
    /// SASL authentication over TLS.
    SaslSsl,
}

impl SecurityProtocol {
    /// Returns `true` if clients authenticate with SASL.
    #[must_use]
    pub fn uses_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }

    /// Returns `true` if the connection is encrypted with TLS.
    #[must_use]
    pub fn uses_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }
}

/// The mechanism by which SASL clients authenticate: `sasl.mechanism`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SaslMechanism {
    /// User name and password in clear text ([RFC 4616]).
    ///
    /// [RFC 4616]: https://www.rfc-editor.org/rfc/rfc4616
    Plain,
    /// Salted challenge and response with SHA-256 ([RFC 7677]).
    ///
    /// [RFC 7677]: https://www.rfc-editor.org/rfc/rfc7677
    ScramSha256,
    /// Salted challenge and response with SHA-512.
    ScramSha512,
    /// OAuth 2 bearer tokens ([RFC 7628]), configured with `sasl.oauthbearer.*` under `[kafka.properties]`.
    ///
    /// [RFC 7628]: https://www.rfc-editor.org/rfc/rfc7628
    OAuthBearer,
}

/// The position at which a consumer group without a committed offset starts: `auto.offset.reset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OffsetReset {
    /// At the oldest message that the broker still has.
    #[default]
    Earliest,
    /// At messages that are published from now on.
    Latest,
}

/// The error of `from_str` for a text that is not one of the type's names.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("allowed: {allowed}")]
#[non_exhaustive]
pub struct UnknownName {
    allowed: &'static str,
}

impl fmt::Debug for UnknownName {
    /// Writes the allowed names, as `main` should print them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A type whose values have names.
pub(crate) trait Named: FromStr {
    /// All names, as an error message lists them.
    const ALLOWED: &'static str;
}

/// Joins names: `a`, `a or b`, `a, b or c`.
macro_rules! list {
    ($last:literal) => { $last };
    ($one:literal, $last:literal) => { concat!($one, " or ", $last) };
    ($first:literal, $($rest:literal),+) => { concat!($first, ", ", list!($($rest),+)) };
}

/// Implements `Display` with the name as Kafka spells it, and `FromStr` for the name in any case.
macro_rules! names {
    ($type:ty, $($variant:ident = $name:literal),+ $(,)?) => {
        impl $type {
            /// Returns the name as Kafka spells it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Named for $type {
            const ALLOWED: &'static str = list!($($name),+);
        }

        impl FromStr for $type {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                $(if text.eq_ignore_ascii_case($name) {
                    return Ok(Self::$variant);
                })+
                let allowed = Self::ALLOWED;
                Err(UnknownName { allowed })
            }
        }
    };
}

names! {
    SecurityProtocol,
    Plaintext = "PLAINTEXT",
    Ssl = "SSL",
    SaslPlaintext = "SASL_PLAINTEXT",
    SaslSsl = "SASL_SSL",
}

names! {
    SaslMechanism,
    Plain = "PLAIN",
    ScramSha256 = "SCRAM-SHA-256",
    ScramSha512 = "SCRAM-SHA-512",
    OAuthBearer = "OAUTHBEARER",
}

names! {
    OffsetReset,
    Earliest = "earliest",
    Latest = "latest",
}
