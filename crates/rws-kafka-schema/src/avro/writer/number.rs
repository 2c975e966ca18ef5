//! Writes numbers, also to wider types than their own.

use super::ser::Ser;
use crate::avro::error::{Fail, Outcome};
use crate::avro::types::{Native, Type};
use crate::avro::varint;
use serde::Serializer;

impl Ser<'_, '_, '_> {
    /// Writes a whole number to a double or float, which must represent it exactly: JSON writes 5 for 5.0.
    #[cold]
    fn whole(self, value: i64) -> Outcome<()> {
        let double = value as f64;
        let (is_same, allowed) = match self.ty {
            Type::Float => (
                f64::from(double as f32) as i128 == i128::from(value),
                "a float: whole numbers that it represents exactly, such as -16777216 to 16777216",
            ),
            _ => (
                double as i128 == i128::from(value),
                "a double: whole numbers that it represents exactly, such as -9007199254740992 to \
                 9007199254740992",
            ),
        };
        if is_same {
            self.serialize_f64(double)
        } else {
            Err(Fail::range(value, allowed))
        }
    }

    /// Writes a whole number. `wide` numbers have more than 32 bits and prefer the long of a union.
    #[inline]
    pub(super) fn int(self, value: i64, wide: bool, found: &str) -> Outcome<()> {
        match self.ty {
            Type::Long => varint::write(value, self.out.to),
            Type::Int => match i32::try_from(value) {
                Ok(_) => varint::write(value, self.out.to),
                Err(_) => return Err(Fail::range(value, "an int, -2147483648 to 2147483647")),
            },
            Type::Union(branches) => {
                let rank = |ty: &Type| match ty {
                    Type::Int => Some(u8::from(wide)),
                    Type::Long => Some(u8::from(!wide)),
                    Type::Double => Some(2),
                    Type::Float => Some(3),
                    _ => None,
                };
                return self.choose(branches, found, rank)?.int(value, wide, found);
            }
            Type::Byte => match u8::try_from(value) {
                Ok(byte) => self.out.to.push(byte),
                Err(_) => return Err(Fail::range(value, "a byte, 0 to 255")),
            },
            Type::Double | Type::Float => return self.whole(value),
            _ => return self.misfit(found),
        }
        Ok(())
    }

    /// Writes a number for which apache-avro has a `fixed` of its own; otherwise writes a long.
    pub(super) fn native<const N: usize>(
        self,
        native: Native,
        bytes: [u8; N],
        long: Option<i64>,
        shown: impl ToString,
        found: &str,
    ) -> Outcome<()> {
        match self.ty {
            Type::Fixed(fixed) if fixed.native == native => {
                self.out.to.extend_from_slice(&bytes);
                Ok(())
            }
            Type::Union(branches) => {
                let rank = |ty: &Type| match ty {
                    Type::Fixed(fixed) if fixed.native == native => Some(0),
                    Type::Long => Some(1),
                    Type::Int => Some(2),
                    Type::Double => Some(3),
                    Type::Float => Some(4),
                    _ => None,
                };
                self.choose(branches, found, rank)?
                    .native(native, bytes, long, shown, found)
            }
            Type::Long | Type::Int | Type::Double | Type::Float => match long {
                Some(value) => self.int(value, true, found),
                None => Err(Fail::range(
                    shown,
                    match self.ty {
                        Type::Int => "an int, -2147483648 to 2147483647",
                        Type::Double | Type::Float => "whole numbers of at most 63 bits",
                        _ => "a long, -9223372036854775808 to 9223372036854775807",
                    },
                )),
            },
            _ => self.misfit(found),
        }
    }
}
