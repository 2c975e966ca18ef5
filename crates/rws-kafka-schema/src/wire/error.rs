/// What is wrong with the bytes that tell a payload's schema.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FramingError {
    /// They end too early.
    #[error("{what} needs {needed} bytes; found {found}")]
    TooShort {
        /// What was read.
        what: &'static str,
        /// How many bytes that takes, at least.
        needed: usize,
        /// How many there are.
        found: usize,
    },

    /// A byte that tells the format is another one.
    #[error("byte {position}, {what}, is 0x{found:02x}; allowed: {allowed}")]
    Byte {
        /// Which byte, from 0.
        position: usize,
        /// What it tells.
        what: &'static str,
        /// What it is.
        found: u8,
        /// What it may be.
        allowed: &'static str,
    },

    /// A number is out of its range.
    #[error("{what}, at byte {position}, is {found}; allowed: {allowed}")]
    Number {
        /// Where it begins, from 0.
        position: usize,
        /// What it tells.
        what: &'static str,
        /// What it is.
        found: i64,
        /// What it may be.
        allowed: String,
    },

    /// A number takes more bytes than one can.
    #[error("the variable-length number at byte {position} does not end within 5 bytes")]
    Endless {
        /// Where it begins, from 0.
        position: usize,
    },

    /// What is compressed cannot be decompressed.
    #[cfg(feature = "glue")]
    #[error(transparent)]
    Compression(#[from] super::zlib::ZlibError),
}

/// An error where `bytes` begin with another byte; nothing where there are none.
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
