/// The error of reading the bytes that name a payload's schema.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FramingError {
    /// There are too few bytes.
    #[error("{what} needs {needed} bytes; found {found}")]
    TooShort {
        /// What was to be read.
        what: &'static str,
        /// The number of bytes that it needs, at least.
        needed: usize,
        /// The number of bytes that there are.
        found: usize,
    },

    /// A byte that states the format has another value.
    #[error("byte {position}, {what}, is 0x{found:02x}; allowed: {allowed}")]
    Byte {
        /// The position of the byte, from 0.
        position: usize,
        /// What the byte states.
        what: &'static str,
        /// Its value.
        found: u8,
        /// The allowed value.
        allowed: &'static str,
    },

    /// A number is out of range.
    #[error("{what}, at byte {position}, is {found}; allowed: {allowed}")]
    Number {
        /// The position of its first byte, from 0.
        position: usize,
        /// What the number states.
        what: &'static str,
        /// Its value.
        found: i64,
        /// The allowed values.
        allowed: String,
    },

    /// A number of variable length has too many bytes.
    #[error("the variable-length number at byte {position} does not end within 5 bytes")]
    Endless {
        /// The position of its first byte, from 0.
        position: usize,
    },

    /// The payload cannot be decompressed.
    #[cfg(feature = "glue")]
    #[error(transparent)]
    Compression(#[from] super::zlib::ZlibError),
}

/// Returns an error if the first of `bytes` is not `expected`. Empty `bytes` are no error here.
pub(super) fn check_first_byte(
    bytes: &[u8],
    expected: u8,
    what: &'static str,
    allowed: &'static str,
) -> Result<(), FramingError> {
    match bytes.first() {
        Some(&found) if found != expected => Err(FramingError::Byte {
            position: 0,
            what,
            found,
            allowed,
        }),
        _ => Ok(()),
    }
}

impl std::fmt::Debug for FramingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        rws_kafka_observe::causes::debug(self, f)
    }
}
