//! Confluent's framing.
//!
//! A payload starts with a zero byte and the schema's id, as 4 big-endian bytes. With Protobuf, the place of
//! the message in its file follows: a count and that many indexes, one for each level of nesting, as zigzag
//! numbers of variable length. `[0]`, the first message, is written as the single byte 0.
//!
//! Newer clients can put the schema's GUID into a record header instead ([`VALUE_HEADER`], [`KEY_HEADER`]): a
//! byte 1 and the 16 bytes of the GUID. The payload then has no prefix, and with Protobuf the indexes follow
//! the GUID in the header.

use super::error::{FramingError, check_first_byte};
use super::varint::{Reader, write_signed};

/// The header that names the schema of a record's value by its GUID.
pub const VALUE_HEADER: &str = "__value_schema_id";
/// The header that names the schema of a record's key by its GUID.
pub const KEY_HEADER: &str = "__key_schema_id";

/// The first byte of a payload with an id.
const ID_FORMAT: u8 = 0;
/// The first byte of a header with a GUID.
const GUID_FORMAT: u8 = 1;
/// The length of format and id.
const PREFIX: usize = 5;
/// The maximum number of indexes: no message is nested deeper.
const MOST_INDEXES: i32 = 64;

/// Appends the start of a payload. The encoded value follows it.
///
/// ```
/// let mut payload = Vec::new();
/// rws_kafka_schema::wire::confluent::write_id(7, &mut payload);
/// assert_eq!(payload, [0, 0, 0, 0, 7]);
/// ```
pub fn write_id(id: u32, to: &mut Vec<u8>) {
    to.push(ID_FORMAT);
    to.extend(id.to_be_bytes());
}

/// Reads the schema's id at the start of a payload, and returns it with the bytes after it.
///
/// # Errors
///
/// [`FramingError`] with the position and value of the wrong byte.
pub fn read_id(payload: &[u8]) -> Result<(u32, &[u8]), FramingError> {
    let allowed = "0x00, a schema id follows";
    check_first_byte(payload, ID_FORMAT, "the format of a payload", allowed)?;
    let Some((prefix, rest)) = payload.split_first_chunk::<PREFIX>() else {
        return Err(FramingError::TooShort {
            what: "a payload with a schema id",
            needed: PREFIX,
            found: payload.len(),
        });
    };
    let [_, id @ ..] = *prefix;
    Ok((u32::from_be_bytes(id), rest))
}

/// Reads the GUID in a header, and returns it with the bytes after it: with Protobuf, the message's indexes.
///
/// # Errors
///
/// Those of [`read_id`].
pub fn read_guid(header: &[u8]) -> Result<([u8; 16], &[u8]), FramingError> {
    let allowed = "0x01, a GUID follows";
    check_first_byte(
        header,
        GUID_FORMAT,
        "the format of a schema header",
        allowed,
    )?;
    let Some((prefix, rest)) = header.split_first_chunk::<17>() else {
        return Err(FramingError::TooShort {
            what: "a header with a schema GUID",
            needed: 17,
            found: header.len(),
        });
    };
    let [_, guid @ ..] = *prefix;
    Ok((guid, rest))
}

/// Appends the place of a message in its Protobuf file: its index at each level of nesting.
///
/// ```
/// use rws_kafka_schema::wire::confluent::write_indexes;
///
/// let bytes = |indexes: &[i32]| {
///     let mut bytes = Vec::new();
///     write_indexes(indexes, &mut bytes);
///     bytes
/// };
/// assert_eq!(bytes(&[0]), [0]);
/// assert_eq!(bytes(&[1]), [2, 2]);
/// assert_eq!(bytes(&[0, 0]), [4, 0, 0]);
/// ```
pub fn write_indexes(indexes: &[i32], to: &mut Vec<u8>) {
    if indexes == [0] {
        return to.push(0);
    }
    write_signed(indexes.len() as i32, to);
    for index in indexes {
        write_signed(*index, to);
    }
}

/// Reads the indexes at the start of `bytes`, and returns them with the bytes after them. It reads both forms
/// of the first message: a single 0, and a count of 1 with a 0.
///
/// # Errors
///
/// Those of [`read_id`]; positions count from the start of `bytes`.
pub fn read_indexes(bytes: &[u8]) -> Result<(Vec<i32>, &[u8]), FramingError> {
    let mut reader = Reader::new(bytes, 0);
    let count = reader.signed("the count of message indexes")?;
    if count == 0 {
        return Ok((vec![0], reader.rest()));
    }
    if !(0..=MOST_INDEXES).contains(&count) {
        return Err(FramingError::Number {
            position: 0,
            what: "the count of message indexes",
            found: count.into(),
            allowed: format!("0 to {MOST_INDEXES}"),
        });
    }
    let mut indexes = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let position = reader.position();
        let index = reader.signed("a message index")?;
        if index < 0 {
            return Err(FramingError::Number {
                position,
                what: "a message index",
                found: index.into(),
                allowed: "0 or more".to_owned(),
            });
        }
        indexes.push(index);
    }
    Ok((indexes, reader.rest()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_is_four_bytes_behind_a_zero() {
        assert_eq!(read_id(b"\x00\x00\x00\x01\x02x"), Ok((258, &b"x"[..])));
        assert_eq!(read_id(&[0, 255, 255, 255, 255]), Ok((u32::MAX, &[][..])));
    }

    #[test]
    fn bad_framing_names_the_byte() {
        let error = read_id(b"{\"id\":1}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "byte 0, the format of a payload, is 0x7b; allowed: 0x00, a schema id follows"
        );
        let error = read_id(&[0, 0, 0]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a payload with a schema id needs 5 bytes; found 3"
        );
        assert!(read_guid(&[1; 16]).is_err());
        assert!(read_guid(&[0; 17]).is_err());
        assert_eq!(read_guid(&[1; 18]), Ok(([1; 16], &[1][..])));
    }

    #[test]
    fn the_first_message_has_two_forms() {
        assert_eq!(read_indexes(&[0, 9]), Ok((vec![0], &[9][..])));
        assert_eq!(read_indexes(&[2, 0, 9]), Ok((vec![0], &[9][..])));
    }

    #[test]
    fn impossible_indexes_are_refused() {
        for bytes in [
            &[][..],
            &[1],
            &[4, 2],
            &[2, 1],
            &[0xfe, 0xff, 0xff, 0xff, 0x0f],
        ] {
            assert!(read_indexes(bytes).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn indexes_that_are_written_are_read(
            indexes in proptest::collection::vec(0..i32::MAX, 1..8), rest: Vec<u8>
        ) {
            let mut bytes = Vec::new();
            write_indexes(&indexes, &mut bytes);
            bytes.extend(&rest);
            prop_assert_eq!(read_indexes(&bytes), Ok((indexes, &rest[..])));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = (read_id(&bytes), read_guid(&bytes), read_indexes(&bytes));
        }
    }
}
