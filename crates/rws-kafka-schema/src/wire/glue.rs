//! AWS Glue's framing: a byte for the version, one for the compression, and the 16 bytes of the
//! schema version's UUID. With Protobuf, the message's index follows: its place among the messages of
//! the file, sorted by name, as a plain number of variable length. Compression takes in all that
//! follows the UUID.

use super::error::{FramingError, check_first_byte};
use super::varint::{Reader, write_unsigned};

/// The only version there is.
const VERSION: u8 = 3;
const NO_COMPRESSION: u8 = 0;
const ZLIB: u8 = 5;
/// Version, compression and UUID.
const PREFIX: usize = 18;

/// How the rest of a payload is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// zlib ([RFC 1950](https://www.rfc-editor.org/rfc/rfc1950)).
    Zlib,
}

/// Begins a payload: what follows is the value, compressed as it says.
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

/// Compression, the schema version's UUID, and what follows.
///
/// # Errors
///
/// [`FramingError`] names the byte that is wrong, and what it was.
pub fn read_header(payload: &[u8]) -> Result<(Compression, [u8; 16], &[u8]), FramingError> {
    // First of all, as it tells whose payload this is.
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

/// Writes the index of a Protobuf message.
pub fn write_index(index: u32, to: &mut Vec<u8>) {
    write_unsigned(index, to);
}

/// The index at the start of `bytes`, and what follows it.
///
/// # Errors
///
/// As [`read_header`]; positions are told from the start of `bytes`.
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
