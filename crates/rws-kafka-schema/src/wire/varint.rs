use super::error::FramingError;

/// The most bytes of a 32-bit number.
const MOST: usize = 5;

/// Reads numbers of variable length, least significant 7 bits first, as in Protocol Buffers.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Returns the bytes after the numbers read so far.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    pub(super) fn unsigned(&mut self, what: &'static str) -> Result<u32, FramingError> {
        let start = self.position;
        let mut value = 0_u64;
        for (index, byte) in self.rest().iter().take(MOST).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.position += index + 1;
                return u32::try_from(value).map_err(|_| FramingError::Number {
                    position: start,
                    what,
                    found: value as i64,
                    allowed: format!("0 to {}", u32::MAX),
                });
            }
        }
        if self.rest().len() < MOST {
            return Err(FramingError::TooShort {
                what,
                needed: self.bytes.len() + 1,
                found: self.bytes.len(),
            });
        }
        Err(FramingError::Endless { position: start })
    }

    /// Reads a signed number in zigzag form: 0, -1, 1, -2, … are written as 0, 1, 2, 3, ….
    pub(super) fn signed(&mut self, what: &'static str) -> Result<i32, FramingError> {
        let zigzag = self.unsigned(what)?;
        Ok((zigzag >> 1) as i32 ^ -((zigzag & 1) as i32))
    }
}

pub(super) fn write_unsigned(mut value: u32, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

pub(super) fn write_signed(value: i32, to: &mut Vec<u8>) {
    write_unsigned(((value << 1) ^ (value >> 31)) as u32, to);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_that_do_not_end_are_refused() {
        let mut reader = Reader::new(b"ab\xff\xff", 2);
        assert_eq!(
            reader.unsigned("a number"),
            Err(FramingError::TooShort {
                what: "a number",
                needed: 5,
                found: 4
            })
        );
        let mut reader = Reader::new(&[0xff; 9], 1);
        let endless = Err(FramingError::Endless { position: 1 });
        assert_eq!(reader.unsigned("a number"), endless);
        let mut reader = Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x1f], 0);
        assert!(matches!(
            reader.unsigned("a number"),
            Err(FramingError::Number { .. })
        ));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(unsigned: u32, signed: i32) {
            let mut bytes = Vec::new();
            write_unsigned(unsigned, &mut bytes);
            write_signed(signed, &mut bytes);
            bytes.push(7);
            let mut reader = Reader::new(&bytes, 0);
            prop_assert_eq!(reader.unsigned("one"), Ok(unsigned));
            prop_assert_eq!(reader.signed("two"), Ok(signed));
            prop_assert_eq!(reader.rest(), &[7]);
        }
    }
}
