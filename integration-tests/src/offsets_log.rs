//! What the broker writes to its offsets topic, as Kafka's `OffsetCommitKey.json` and
//! `OffsetCommitValue.json` lay it out.

/// The topic that holds every group's commits.
pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// One offset commit that a group made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The topic committed for.
    pub topic: String,
    /// The partition committed for.
    pub partition: i32,
    /// The offset of the next message to read.
    pub offset: i64,
    /// When the broker took it, in milliseconds since 1970.
    pub committed_at_ms: i64,
}

/// Decodes a record of the offsets topic: the group and its commit. `None` for the topic's other
/// records: of a group itself, of a newer kind, and those that delete.
///
/// # Errors
///
/// With what is wrong, when the bytes are not laid out so.
pub(crate) fn decode(
    key: &[u8],
    value: Option<&[u8]>,
) -> Result<Option<(String, Commit)>, &'static str> {
    const KEY_VERSIONS: std::ops::RangeInclusive<i16> = 0..=1;
    const VALUE_VERSIONS: std::ops::RangeInclusive<i16> = 0..=4;

    let mut key = Reader(key);
    if !KEY_VERSIONS.contains(&key.i16()?) {
        return Ok(None);
    }
    let (group, topic, partition) = (key.string()?, key.string()?, key.i32()?);
    key.end()?;

    let Some(value) = value else { return Ok(None) };
    let mut value = Reader(value);
    let version = value.i16()?;
    if !VALUE_VERSIONS.contains(&version) {
        return Err("its value has an unknown version");
    }
    let offset = value.i64()?;
    if version >= 3 {
        let _leader_epoch = value.i32()?;
    }
    let _metadata = match version {
        4.. => value.compact_string()?,
        _ => value.string()?,
    };
    let committed_at_ms = value.i64()?;
    match version {
        1 => {
            let _expires_at_ms = value.i64()?;
            value.end()?;
        }
        // Tagged fields, which may be of any kind, follow.
        4.. => {}
        _ => value.end()?,
    }
    let commit = Commit {
        topic,
        partition,
        offset,
        committed_at_ms,
    };
    Ok(Some((group, commit)))
}

/// The bytes still to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn i16(&mut self) -> Result<i16, &'static str> {
        self.array().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32, &'static str> {
        self.array().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64, &'static str> {
        self.array().map(i64::from_be_bytes)
    }

    fn string(&mut self) -> Result<String, &'static str> {
        let length = self.i16()?;
        self.text(usize::try_from(length).map_err(|_| "a string has a negative length")?)
    }

    /// Returns a compact string, as versions with tagged fields have it: its length plus one, as a
    /// varint.
    fn compact_string(&mut self) -> Result<String, &'static str> {
        let mut length = 0_usize;
        for shift in (0..35).step_by(7) {
            let [byte] = self.array()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return self.text(length.checked_sub(1).ok_or("a string is null")?);
            }
        }
        Err("a length has more than five bytes")
    }

    fn text(&mut self, length: usize) -> Result<String, &'static str> {
        let bytes = self.0.split_off(..length).ok_or("it ends too soon")?;
        String::from_utf8(bytes.to_vec()).map_err(|_| "a string is not UTF-8")
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or("it ends too soon")?;
        self.0 = rest;
        Ok(*bytes)
    }

    fn end(&self) -> Result<(), &'static str> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err("bytes follow its last field")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"\0\x01\0\x02g1\0\x06orders\0\0\0\x02";

    fn commit() -> Option<(String, Commit)> {
        let commit = Commit {
            topic: "orders".to_owned(),
            partition: 2,
            offset: 258,
            committed_at_ms: 1_700_000_000_000,
        };
        Some(("g1".to_owned(), commit))
    }

    #[test]
    fn each_version_of_a_commit_is_read() {
        const OFFSET: &[u8] = b"\0\0\0\0\0\0\x01\x02";
        const TIME: &[u8] = b"\0\0\x01\x8b\xcf\xe5\x68\x00";
        let values = [
            [b"\0\0", OFFSET, b"\0\x01m", TIME].concat(),
            [b"\0\x01", OFFSET, b"\0\x01m", TIME, TIME].concat(),
            [b"\0\x02", OFFSET, b"\0\0", TIME].concat(),
            [b"\0\x03", OFFSET, b"\xff\xff\xff\xff", b"\0\0", TIME].concat(),
            [b"\0\x04", OFFSET, b"\0\0\0\x07", b"\x02m", TIME, b"\0"].concat(),
        ];
        for value in &values {
            assert_eq!(decode(KEY, Some(value)), Ok(commit()), "{value:?}");
        }
        let mut old_key = KEY.to_vec();
        old_key[1] = 0;
        assert_eq!(decode(&old_key, Some(&values[0])), Ok(commit()));
    }

    #[test]
    fn a_long_compact_string_is_read() {
        let metadata = [b'm'; 200];
        let value = [
            b"\0\x04\0\0\0\0\0\0\x01\x02\0\0\0\x07",
            // 201
            &b"\xc9\x01"[..],
            &metadata,
            b"\0\0\x01\x8b\xcf\xe5\x68\x00\0",
        ]
        .concat();
        assert_eq!(decode(KEY, Some(&value)), Ok(commit()));
    }

    #[test]
    fn what_is_no_commit_is_passed_over() {
        assert_eq!(decode(b"\0\x02\0\x02g1", Some(b"\0\x03")), Ok(None));
        assert_eq!(decode(KEY, None), Ok(None));
    }

    #[test]
    fn bytes_of_another_layout_are_refused() {
        for length in 0..KEY.len() {
            assert!(decode(&KEY[..length], None).is_err(), "{length}");
        }
        assert!(decode(&[KEY, b"\0"].concat(), None).is_err());
        assert!(decode(KEY, Some(b"\0\x05\0\0")).is_err());
        assert!(decode(KEY, Some(b"\0\x00\0\0\0\0\0\0\x01\x02\xff\xff")).is_err());
    }
}
