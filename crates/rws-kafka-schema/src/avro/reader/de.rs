//! Reads values in the form that a visitor takes.

use super::input::Input;
use crate::avro::error::{Fail, Outcome};
use crate::avro::plan::{Number, Step, Text};
use crate::avro::types::Native;
use serde::de::{Deserializer, Visitor};
use std::fmt;

/// Reads one value. It is moved with each value, so it is two words long and stays in registers.
pub(super) struct De<'i, 'de> {
    pub(super) step: &'de Step,
    pub(super) input: &'i mut Input<'de>,
}

impl<'i, 'de> De<'i, 'de> {
    #[inline]
    pub(super) fn new(step: &'de Step, input: &'i mut Input<'de>) -> Self {
        input.enter_branch(None, None);
        Self { step, input }
    }

    /// If this is a union, reads its branch.
    #[inline(always)]
    pub(super) fn settled(mut self) -> Outcome<Self> {
        if let Step::Union(_) | Step::Branch { .. } | Step::Never(_) = self.step {
            self.settle()?;
        }
        Ok(self)
    }

    fn settle(&mut self) -> Outcome<()> {
        loop {
            match self.step {
                Step::Union(branches) => {
                    let index = self.input.index("branch", branches.len())?;
                    self.step = self.input.plan.get(branches[index]);
                }
                Step::Branch { index, some, value } => {
                    self.input.enter_branch(Some(*index), *some);
                    self.step = self.input.plan.get(*value);
                }
                Step::Never(error) => return Err(Fail::new(error.clone())),
                _ => return Ok(()),
            }
        }
    }

    #[cold]
    pub(super) fn misfit<T>(&self, wanted: impl fmt::Display) -> Outcome<T> {
        let found = match self.step {
            Step::Record(record) => format!("record {}", record.name),
            Step::Enum(symbols) => format!("enum {}", symbols.reader),
            Step::Null => "null".to_owned(),
            Step::Boolean => "a boolean".to_owned(),
            Step::Int(as_) | Step::Long(as_) | Step::Float(as_) => as_.word().to_owned(),
            Step::Double => "a double".to_owned(),
            Step::Bytes(as_) | Step::String(as_) => match as_ {
                Text::Bytes => "bytes".to_owned(),
                Text::String | Text::Uuid => "a string".to_owned(),
            },
            Step::Fixed { size, .. } => format!("a fixed of {size} bytes"),
            Step::Array { .. } => "an array".to_owned(),
            Step::Map(_) => "a map".to_owned(),
            Step::Union(_) | Step::Branch { .. } | Step::Never(_) => "a union".to_owned(),
        };
        Err(Fail::mismatch(format!("found {found}; expected {wanted}")))
    }

    /// Reads a whole number in the range of `N`.
    #[inline]
    pub(super) fn whole<N: TryFrom<i64>>(
        &mut self,
        wanted: &str,
        allowed: fn() -> String,
    ) -> Outcome<N> {
        let value = match self.step {
            Step::Long(Number::Long) => self.input.long()?,
            Step::Int(Number::Int | Number::Long) => self.input.int()?.into(),
            _ => return self.misfit(wanted),
        };
        N::try_from(value).map_err(|_| Fail::range(value, allowed()))
    }

    pub(super) fn any_number<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        match self.step {
            Step::Int(Number::Int) => visitor.visit_i32(self.input.int()?),
            Step::Int(Number::Long) => visitor.visit_i64(self.input.int()?.into()),
            // Rounded, as Avro promotes them.
            Step::Int(Number::Float) => visitor.visit_f32(self.input.int()? as f32),
            Step::Int(Number::Double) => visitor.visit_f64(self.input.int()?.into()),
            Step::Long(Number::Float) => visitor.visit_f32(self.input.long()? as f32),
            Step::Long(Number::Double) => visitor.visit_f64(self.input.long()? as f64),
            Step::Long(_) => visitor.visit_i64(self.input.long()?),
            Step::Float(Number::Double) => visitor.visit_f64(self.input.float()?.into()),
            Step::Float(_) => visitor.visit_f32(self.input.float()?),
            Step::Double => visitor.visit_f64(self.input.double()?),
            _ => self.misfit("a number"),
        }
    }

    pub(super) fn native<V: Visitor<'de>>(self, native: Native, visitor: V) -> Outcome<V::Value> {
        match native {
            Native::U64 => visitor.visit_u64(u64::from_le_bytes(self.input.array()?)),
            Native::U128 => visitor.visit_u128(u128::from_le_bytes(self.input.array()?)),
            Native::I128 => visitor.visit_i128(i128::from_le_bytes(self.input.array()?)),
            Native::None => self.deserialize_bytes(visitor),
        }
    }

    /// Reads what the payload has as text or bytes, as the reader's type.
    pub(super) fn text<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        match self.step {
            Step::String(Text::String | Text::Uuid) => {
                visitor.visit_borrowed_str(self.input.text()?)
            }
            Step::Bytes(Text::String | Text::Uuid) => {
                visitor.visit_borrowed_str(self.input.text()?)
            }
            _ => visitor.visit_borrowed_bytes(self.input.bytes()?),
        }
    }

    pub(super) fn symbol(&mut self) -> Outcome<&'de str> {
        let Step::Enum(symbols) = self.step else {
            return self.misfit("an enum");
        };
        let index = self.input.index("symbol", symbols.given.len())?;
        match &symbols.given[index] {
            Some(symbol) => Ok(symbol),
            None => Err(Fail::new(symbols.unknown(index))),
        }
    }

    /// Returns the same value, no longer as a branch of a union.
    pub(super) fn alone(self) -> Self {
        Self::new(self.step, self.input)
    }
}

impl Number {
    fn word(self) -> &'static str {
        match self {
            Self::Int => "an int",
            Self::Long => "a long",
            Self::Float => "a float",
            Self::Double => "a double",
        }
    }
}
