//! AWS Glue's framing.
//!
//! A payload starts with a byte for the version, a byte for the compression, and the 16 bytes of the schema
//! version's UUID. With Protobuf, the message's index follows: its place among the messages of the file
//! sorted by name, as an unsigned number of variable length. Compression covers everything after the UUID.

use super::error::{FramingError, check_first_byte};
use super::varint::{Reader, write_unsigned};

/// The only version of the framing.
const VERSION: u8 = 3;
const NO_COMPRESSION: u8 = 0;
const ZLIB: u8 = 5;
/// The length of version, compression and UUID.
const PREFIX: usize = 18;

/// The compression of a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// No compression.
    #[default]
    None,
    /// zlib ([RFC 1950](https://www.rfc-editor.org/rfc/rfc1950)).
    Zlib,
}

/// Appends the start of a payload. The value follows it, compressed as stated.
///
/// ```
/// use rws_kafka_schema::wire::glue::{Compression, write_header};
///
/// let mut payload = Vec::new();
/// write_header(Compression::Zlib, [0xab; 16], &mut payload);
/// assert_eq!(payload[..3], [3, 5, 0xab]);
/// ```
pub fn write_header(compression: Compression, schema_version: [u8; 16], to: &mut Vec<u8>) {
    to.push(VERSION);
    to.push(match compression {
        Compression::None => NO_COMPRESSION,
        Compression::Zlib => ZLIB,
    });
    to.extend(schema_version);
}

/// Reads the compression and the schema version's UUID, and returns them with the bytes after them.
///
/// # Errors
///
/// [`FramingError`] with the position and value of the wrong byte.
pub fn read_header(payload: &[u8]) -> Result<(Compression, [u8; 16], &[u8]), FramingError> {
    // Checked first, because it shows whether the payload is Glue's at all.
    check_first_byte(payload, VERSION, "the version of the format", "0x03")?;
    let Some((prefix, rest)) = payload.split_first_chunk::<PREFIX>() else {
        return Err(FramingError::TooShort {
            what: "a payload with a schema version",
            needed: PREFIX,
            found: payload.len(),
        });
    };
    let [_, compression, uuid @ ..] = *prefix;
    let compression = match compression {
        NO_COMPRESSION => Compression::None,
        ZLIB => Compression::Zlib,
        found => {
            return Err(FramingError::Byte {
                position: 1,
                what: "the compression",
                found,
                allowed: "0x00 for none, 0x05 for zlib",
            });
        }
    };
    Ok((compression, uuid, rest))
}

/// Appends the index of a Protobuf message.
pub fn write_index(index: u32, to: &mut Vec<u8>) {
    write_unsigned(index, to);
}

/// Reads the index at the start of `bytes`, and returns it with the bytes after it.
///
/// # Errors
///
/// Those of [`read_header`]; positions count from the start of `bytes`.
pub fn read_index(bytes: &[u8]) -> Result<(u32, &[u8]), FramingError> {
    let mut reader = Reader::new(bytes, 0);
    let index = reader.unsigned("the index of a message")?;
    Ok((index, reader.rest()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bad_framing_names_the_byte() {
        let mut payload = vec![3, 5];
        payload.extend([1; 16]);
        payload.push(9);
        assert_eq!(
            read_header(&payload),
            Ok((Compression::Zlib, [1; 16], &[9][..]))
        );
        payload[1] = 4;
        assert_eq!(
            read_header(&payload).unwrap_err().to_string(),
            "byte 1, the compression, is 0x04; allowed: 0x00 for none, 0x05 for zlib"
        );
        payload[0] = 0;
        assert_eq!(
            read_header(&payload).unwrap_err().to_string(),
            "byte 0, the version of the format, is 0x00; allowed: 0x03"
        );
        assert_eq!(
            read_header(&[3; 17]).unwrap_err().to_string(),
            "a payload with a schema version needs 18 bytes; found 17"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(uuid: [u8; 16], zlib: bool, index: u32, rest: Vec<u8>) {
            let compression = if zlib { Compression::Zlib } else { Compression::None };
            let mut payload = Vec::new();
            write_header(compression, uuid, &mut payload);
            write_index(index, &mut payload);
            payload.extend(&rest);
            let (read, version, follows) = read_header(&payload).unwrap();
            prop_assert_eq!((read, version), (compression, uuid));
            prop_assert_eq!(read_index(follows), Ok((index, &rest[..])));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = (read_header(&bytes), read_index(&bytes));
        }
    }
}
