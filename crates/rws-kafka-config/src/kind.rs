//! The kinds of values that settings have.

use std::path::PathBuf;

use secrecy::SecretString;

use crate::options::Named;
use crate::parse::{self, Invalid};

/// Defines which values a setting allows and how they are read.
pub(crate) struct Kind<T> {
    /// The allowed values in words, for the end of an error message.
    pub(crate) allowed: &'static str,
    pub(crate) shape: Shape,
    pub(crate) is_secret: bool,
    /// Parses a text, which is trimmed (unless it is a secret), not empty, and without NUL.
    pub(crate) parse: fn(&str) -> Result<T, Invalid>,
}

/// The TOML types that a setting allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    /// A string, or an array of strings.
    List,
    /// An integer, or a string that contains one.
    Integer,
    /// A boolean, or a string that contains one.
    Boolean,
}

pub(crate) const NAME: Kind<String> = Kind::text("any name", parse::text);

pub(crate) const REGION: Kind<String> =
    Kind::text("an AWS region, such as eu-central-1", parse::text);

pub(crate) const INSTANCE_ID: Kind<String> = Kind::text(
    "1 to 249 of the characters a-z A-Z 0-9 . _ -, and not `.` or `..`",
    parse::instance_id,
);

pub(crate) const BROKERS: Kind<String> = Kind {
    shape: Shape::List,
    ..Kind::text(
        "host:port pairs separated by commas (port 9092 if left out, IPv6 in brackets)",
        parse::brokers,
    )
};

pub(crate) const URLS: Kind<String> = Kind {
    shape: Shape::List,
    ..Kind::text(
        "http or https URLs without credentials, separated by commas",
        parse::urls,
    )
};

pub(crate) const PEM_FILE: Kind<PathBuf> = Kind::text("the path of a PEM file", parse::path);

pub(crate) const PASSWORD_FILE: Kind<PathBuf> =
    Kind::text("the path of a file that holds the password", parse::path);

pub(crate) const TOKEN_FILE: Kind<PathBuf> =
    Kind::text("the path of a file that holds the token", parse::path);

pub(crate) const SECRET: Kind<SecretString> = Kind {
    is_secret: true,
    ..Kind::text("any text", parse::secret)
};

pub(crate) const BOOLEAN: Kind<bool> = Kind {
    shape: Shape::Boolean,
    ..Kind::text("true or false", parse::boolean)
};

/// A setting whose values are the names of `T`.
pub(crate) const fn choice<T: Named>() -> Kind<T> {
    Kind::text(T::ALLOWED, parse::name)
}

/// Defines a duration in whole milliseconds, within bounds; see also [`Kind`].
macro_rules! millis {
    ($min:literal to $max:literal $(, $why:literal)?) => {
        $crate::kind::Kind {
            shape: $crate::kind::Shape::Integer,
            ..$crate::kind::Kind::text(
                concat!("whole milliseconds from ", $min, " to ", $max $(, ", ", $why)?),
                $crate::parse::millis::<$min, $max>,
            )
        }
    };
}

pub(crate) use millis;

impl<T> Kind<T> {
    pub(crate) const fn text(allowed: &'static str, parse: fn(&str) -> Result<T, Invalid>) -> Self {
        Self {
            allowed,
            shape: Shape::Text,
            is_secret: false,
            parse,
        }
    }
}
