use crate::avro::error::{AvroError, Fail, Outcome};
use crate::avro::plan::{Action, Plan, Step};
use crate::avro::types::DEPTH;

/// A payload may claim any number of items that take no bytes, such as nulls. This many are accepted, plus
/// one for each byte of the payload.
const EMPTY_ITEMS: u64 = 1024;

/// The unread rest of a payload.
pub(super) struct Input<'de> {
    pub(super) plan: &'de Plan,
    rest: &'de [u8],
    /// The length of the whole payload.
    length: usize,
    /// How many levels of nesting are left.
    depth: u32,
    /// How many items that take no bytes are left.
    empty_items: u64,
    /// The branch of the reader's union that the current value is, if it is one.
    branch: Option<u32>,
    /// The same without counting the null of an option.
    some: Option<u32>,
}

impl<'de> Input<'de> {
    pub(super) fn new(plan: &'de Plan, bytes: &'de [u8]) -> Self {
        Self {
            plan,
            rest: bytes,
            length: bytes.len(),
            depth: DEPTH,
            empty_items: EMPTY_ITEMS.saturating_add(bytes.len() as u64),
            branch: None,
            some: None,
        }
    }

    pub(super) fn position(&self) -> usize {
        self.length - self.rest.len()
    }

    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Returns an input for the value of a default, which has its own bytes.
    pub(super) fn within(&self, bytes: &'de [u8]) -> Self {
        Self {
            plan: self.plan,
            rest: bytes,
            length: bytes.len(),
            depth: self.depth,
            empty_items: EMPTY_ITEMS,
            branch: None,
            some: None,
        }
    }

    pub(super) fn branch(&self) -> Option<u32> {
        self.branch
    }

    #[inline]
    pub(super) fn enter_branch(&mut self, branch: Option<u32>, some: Option<u32>) {
        self.branch = branch;
        self.some = some;
    }

    #[inline]
    pub(super) fn enter_option(&mut self) {
        self.branch = self.some;
    }

    #[cold]
    pub(super) fn wrong(&self, detail: impl Into<String>) -> Fail {
        Fail::payload(self.position(), detail)
    }

    #[cold]
    fn ends(&self) -> Fail {
        Fail::new(AvroError::EndsEarly {
            path: String::new(),
            position: self.length,
        })
    }

    #[inline]
    pub(super) fn enter(&mut self) -> Outcome<()> {
        match self.depth.checked_sub(1) {
            Some(left) => self.depth = left,
            None => return Err(self.wrong(format!("nested deeper than {DEPTH} levels"))),
        }
        Ok(())
    }

    #[inline]
    pub(super) fn leave(&mut self) {
        self.depth += 1;
    }

    #[inline]
    pub(super) fn take(&mut self, count: usize) -> Outcome<&'de [u8]> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.ends()),
        }
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        match self.rest.split_first_chunk() {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(*bytes)
            }
            None => Err(self.ends()),
        }
    }

    pub(super) fn boolean(&mut self) -> Outcome<bool> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(self.wrong(format!("a boolean of 0x{other:02x}; allowed: 0x00, 0x01"))),
        }
    }

    #[inline]
    pub(super) fn long(&mut self) -> Outcome<i64> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(zigzag(u64::from(*byte)))
            }
            _ => self.long_of_more(),
        }
    }

    fn long_of_more(&mut self) -> Outcome<i64> {
        let mut value = 0_u64;
        for (index, byte) in self.rest.iter().take(10).enumerate() {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && bits > 1 {
                return Err(self.wrong("a number of more than 64 bits"));
            }
            value |= bits << (7 * index);
            if *byte < 0x80 {
                self.take(index + 1)?;
                return Ok(zigzag(value));
            }
        }
        if self.left() < 10 {
            return Err(self.ends());
        }
        Err(self.wrong("a number that does not end within 10 bytes"))
    }

    #[inline]
    pub(super) fn int(&mut self) -> Outcome<i32> {
        let long = self.long()?;
        i32::try_from(long).map_err(|_| self.wrong(format!("an int of {long}")))
    }

    pub(super) fn float(&mut self) -> Outcome<f32> {
        self.array().map(f32::from_le_bytes)
    }

    pub(super) fn double(&mut self) -> Outcome<f64> {
        self.array().map(f64::from_le_bytes)
    }

    /// Reads bytes, which follow their length.
    #[inline]
    pub(super) fn bytes(&mut self) -> Outcome<&'de [u8]> {
        let length = self.long()?;
        match usize::try_from(length) {
            Ok(length) => self.take(length),
            Err(_) => Err(self.wrong(format!("a length of {length}"))),
        }
    }

    #[inline]
    pub(super) fn text(&mut self) -> Outcome<&'de str> {
        let bytes = self.bytes()?;
        str::from_utf8(bytes).map_err(|_| self.wrong("a string that is not UTF-8"))
    }

    /// Reads the index of a union's branch or an enum's symbol, which must be below `count`.
    #[inline]
    pub(super) fn index(&mut self, what: &str, count: usize) -> Outcome<usize> {
        let index = self.long()?;
        match usize::try_from(index) {
            Ok(index) if index < count => Ok(index),
            _ => Err(self.wrong(format!("{what} {index}; allowed: 0 to {}", count - 1))),
        }
    }

    /// Returns the number of items in the next block; 0 at the end. It is never more than the payload can
    /// contain.
    #[inline]
    pub(super) fn block(&mut self, empty: bool) -> Outcome<u64> {
        let count = self.long()?;
        if count == 0 {
            return Ok(0);
        }
        if count < 0 {
            // The block's length in bytes comes first, for readers that skip it.
            self.block_length()?;
        }
        self.spend(count.unsigned_abs(), empty)
    }

    fn block_length(&mut self) -> Outcome<usize> {
        let length = self.long()?;
        match usize::try_from(length) {
            Ok(length) if length <= self.left() => Ok(length),
            Ok(_) => Err(self.ends()),
            Err(_) => Err(self.wrong(format!("a block of {length} bytes"))),
        }
    }

    /// Enters a record. Records that take no bytes are counted, because they could contain each other in any
    /// number.
    #[inline]
    pub(super) fn enter_record(&mut self, empty: bool) -> Outcome<()> {
        if empty {
            self.spend(1, true)?;
        }
        self.enter()
    }

    fn spend(&mut self, count: u64, empty: bool) -> Outcome<u64> {
        if empty {
            match self.empty_items.checked_sub(count) {
                Some(left) => self.empty_items = left,
                None => {
                    return Err(self.wrong(format!(
                        "a block of {count} items that take no bytes; allowed: {}",
                        self.empty_items
                    )));
                }
            }
        } else if count > self.left() as u64 {
            return Err(self.ends());
        }
        Ok(count)
    }

    /// Skips a value.
    pub(super) fn skip(&mut self, step: &Step) -> Outcome<()> {
        match step {
            Step::Null => {}
            Step::Boolean => {
                self.boolean()?;
            }
            Step::Int(_) | Step::Long(_) => {
                self.long()?;
            }
            Step::Float(_) => {
                self.take(4)?;
            }
            Step::Double => {
                self.take(8)?;
            }
            Step::Bytes(_) | Step::String(_) => {
                self.bytes()?;
            }
            Step::Fixed { size, .. } => {
                self.take(*size)?;
            }
            Step::Enum(symbols) => {
                self.index("symbol", symbols.given.len())?;
            }
            Step::Array { items, empty } => {
                self.skip_blocks(self.plan.get(*items), *empty, false)?
            }
            Step::Map(values) => self.skip_blocks(self.plan.get(*values), false, true)?,
            Step::Union(branches) => {
                let index = self.index("branch", branches.len())?;
                self.skip(self.plan.get(branches[index]))?;
            }
            Step::Branch { value, .. } => self.skip(self.plan.get(*value))?,
            // Empty records can be nested many times without any content.
            Step::Record(record) if record.empty => {}
            Step::Record(record) => {
                self.enter()?;
                for action in &record.actions {
                    match action {
                        Action::Read { name, step } => self
                            .skip(self.plan.get(*step))
                            .map_err(|fail| fail.in_field(name))?,
                        Action::Skip(step) => self.skip(self.plan.get(*step))?,
                        Action::Default { .. } => {}
                    }
                }
                self.leave();
            }
            Step::Never(error) => return Err(Fail::new(error.clone())),
        }
        Ok(())
    }

    fn skip_blocks(&mut self, item: &Step, empty: bool, keys: bool) -> Outcome<()> {
        self.enter()?;
        loop {
            let count = self.long()?;
            if count == 0 {
                break;
            }
            if count < 0 {
                let length = self.block_length()?;
                self.take(length)?;
                continue;
            }
            for _ in 0..self.spend(count.unsigned_abs(), empty)? {
                if keys {
                    self.bytes()?;
                }
                self.skip(item)?;
            }
        }
        self.leave();
        Ok(())
    }
}

fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}
