use std::fmt;
use std::str::FromStr;

/// How the connection to the brokers is secured: `security.protocol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SecurityProtocol {
    /// Neither encryption nor authentication.
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
    /// Whether clients authenticate by SASL.
    #[must_use]
    pub fn uses_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }

    /// Whether the connection is encrypted by TLS.
    #[must_use]
    pub fn uses_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }
}

/// How SASL clients prove who they are: `sasl.mechanism`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SaslMechanism {
    /// User name and password as they are ([RFC 4616]).
    ///
    /// [RFC 4616]: https://www.rfc-editor.org/rfc/rfc4616
    Plain,
    /// Salted challenge and response with SHA-256 ([RFC 7677]).
    ///
    /// [RFC 7677]: https://www.rfc-editor.org/rfc/rfc7677
    ScramSha256,
    /// Salted challenge and response with SHA-512.
    ScramSha512,
    /// OAuth 2 bearer tokens ([RFC 7628]), configured by `sasl.oauthbearer.*`
    /// under `[kafka.properties]`.
    ///
    /// [RFC 7628]: https://www.rfc-editor.org/rfc/rfc7628
    OAuthBearer,
}

/// Where a consumer group without a committed offset starts:
/// `auto.offset.reset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OffsetReset {
    /// At the oldest message still kept.
    #[default]
    Earliest,
    /// At what is published from now on.
    Latest,
}

/// The text is none of the names that the type knows.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("allowed: {allowed}")]
#[non_exhaustive]
pub struct UnknownName {
    allowed: &'static str,
}

impl fmt::Debug for UnknownName {
    /// Writes what is allowed, as `main` prints an error that it returns.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A type whose values have names.
pub(crate) trait Named: FromStr {
    /// All names, as an error lists them.
    const ALLOWED: &'static str;
}

/// `a`, `a or b`, `a, b or c`.
macro_rules! list {
    ($last:literal) => { $last };
    ($one:literal, $last:literal) => { concat!($one, " or ", $last) };
    ($first:literal, $($rest:literal),+) => { concat!($first, ", ", list!($($rest),+)) };
}

/// `Display` writes the name as Kafka spells it, `FromStr` reads it in any
/// case.
macro_rules! names {
    ($type:ty, $($variant:ident = $name:literal),+ $(,)?) => {
        impl $type {
            /// The name as Kafka spells it.
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
