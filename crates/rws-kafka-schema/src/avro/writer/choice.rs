//! Which form a value takes: which branch of a union, and which symbol.

use super::record::{FieldsSer, RecordSer};
use super::serializer::Ser;
use crate::avro::error::{Fail, Outcome};
use crate::avro::types::{Native, Record, Type, TypeId};
use crate::avro::varint;
use serde::Serializer;
use std::fmt;
use std::sync::Arc;

impl<'a, 'w, 'o> Ser<'a, 'w, 'o> {
    #[cold]
    pub(super) fn misfit<T>(&self, found: impl fmt::Display) -> Outcome<T> {
        Err(Fail::value(format!(
            "found {found}; the schema has {}",
            self.described()
        )))
    }

    pub(super) fn described(&self) -> String {
        let Type::Union(branches) = self.ty else {
            return self.ty.to_string();
        };
        let branches: Vec<String> = branches
            .iter()
            .map(|id| self.types.get(*id).to_string())
            .collect();
        format!("a union of {}", branches.join(", "))
    }

    /// Goes into the branch of this index.
    pub(super) fn branch(self, index: usize, id: TypeId) -> Self {
        varint::write_length(index, self.out.to);
        let ty = self.types.get(id);
        Self { ty, ..self }
    }

    /// Goes into the branch of the lowest rank, the first of them; none has no rank.
    pub(super) fn choose(
        self,
        branches: &[TypeId],
        found: impl fmt::Display,
        rank: impl Fn(&Type) -> Option<u8>,
    ) -> Outcome<Self> {
        let best = branches
            .iter()
            .enumerate()
            .filter_map(|(index, id)| Some((rank(self.types.get(*id))?, index, *id)))
            .min_by_key(|(rank, ..)| *rank);
        match best {
            Some((_, index, id)) => Ok(self.branch(index, id)),
            None => self.misfit(found),
        }
    }

    pub(super) fn choose_if(
        self,
        branches: &[TypeId],
        found: impl fmt::Display,
        fits: impl Fn(&Type) -> bool,
    ) -> Outcome<Self> {
        self.choose(branches, found, |ty| fits(ty).then_some(0))
    }

    /// A whole number as a double or float, which must be that number: JSON writes 5 for 5.0.
    #[cold]
    fn whole(self, value: i64) -> Outcome<()> {
        let double = value as f64;
        let (is_same, allowed) = match self.ty {
            Type::Float => (
                f64::from(double as f32) as i128 == i128::from(value),
                "a float, whole numbers that it has, such as -16777216 to 16777216",
            ),
            _ => (
                double as i128 == i128::from(value),
                "a double, whole numbers that it has, such as -9007199254740992 to 9007199254740992",
            ),
        };
        if is_same {
            self.serialize_f64(double)
        } else {
            Err(Fail::range(value, allowed))
        }
    }

    /// `wide`: a type of more than 32 bits, which rather goes into a long of a union.
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

    /// A number that apache-avro keeps in a `fixed` of its own; else a long.
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

    pub(super) fn record(self, record: &'a Record) -> Outcome<RecordSer<'a, 'w, 'o>> {
        RecordSer::new(self.types, record, self.out)
    }

    /// The branch for the variant of an enum of Rust: the type of its name, else the one at its place,
    /// for which the null of an option does not count.
    pub(super) fn variant(
        self,
        index: u32,
        variant: &str,
        fits: impl Fn(&Type) -> bool,
    ) -> Outcome<Self> {
        let Type::Union(branches) = self.ty else {
            return self.misfit(format_args!("variant {variant}"));
        };
        let named = branches.iter().position(|id| {
            let ty = self.types.get(*id);
            ty.names().is_some_and(|names| names.short() == variant) && fits(ty)
        });
        let is_null = |id: &TypeId| matches!(self.types.get(*id), Type::Null);
        let nulls = branches.iter().take(index as usize + 1);
        let before = usize::from(self.some && nulls.filter(|id| is_null(id)).count() > 0);
        let at = named.unwrap_or(index as usize + before);
        match branches.get(at) {
            Some(id) if fits(self.types.get(*id)) => Ok(self.branch(at, *id)),
            _ => self.misfit(format_args!("variant {variant}")),
        }
    }

    /// A symbol, a null, or a record without fields.
    pub(super) fn unit_variant(self, index: u32, variant: &'static str) -> Outcome<()> {
        match self.ty {
            Type::Enum(symbols) => match symbol(&symbols.symbols, index as usize, variant) {
                Some(at) => {
                    varint::write_length(at, self.out.to);
                    Ok(())
                }
                None => self.misfit(format_args!("{variant}, none of the symbols")),
            },
            Type::String { .. } => self.serialize_str(variant),
            Type::Union(branches) => {
                let nothing = |ty: &Type| match ty {
                    Type::Null => true,
                    Type::Record(record) => record.fields.is_empty(),
                    _ => false,
                };
                let holds = |ty: &Type| match ty {
                    Type::Enum(symbols) => symbol(&symbols.symbols, 0, variant).is_some(),
                    _ => false,
                };
                let named = |ty: &Type| {
                    nothing(ty) && ty.names().is_some_and(|names| names.short() == variant)
                };
                let at_place = branches.get(index as usize).map(|id| self.types.get(*id));
                let any = |fits: &dyn Fn(&Type) -> bool| {
                    branches.iter().any(|id| fits(self.types.get(*id)))
                };
                if any(&named) || at_place.is_some_and(nothing) {
                    self.variant(index, variant, nothing).map(|_| ())
                } else if any(&holds) {
                    self.choose_if(branches, variant, holds)?
                        .serialize_str(variant)
                } else {
                    self.choose_if(branches, format_args!("variant {variant}"), |ty| {
                        matches!(ty, Type::String { .. })
                    })?
                    .serialize_str(variant)
                }
            }
            _ => self.misfit(format_args!("variant {variant}")),
        }
    }

    /// A record's fields by their places, the items of an array, or the one value.
    pub(super) fn tuple(self, length: usize) -> Outcome<FieldsSer<'a, 'w, 'o>> {
        match self.ty {
            Type::Record(record) if record.fields.len() == length => {
                FieldsSer::record(self.types, record, self.out)
            }
            Type::Array(_) | Type::Bytes(_) => {
                Ok(FieldsSer::Items(self.serialize_seq(Some(length))?))
            }
            Type::Fixed(fixed) if fixed.size == length => {
                Ok(FieldsSer::Items(self.serialize_seq(Some(length))?))
            }
            Type::Null if length == 0 => Ok(FieldsSer::Nothing),
            Type::Union(branches) => {
                let rank = |ty: &Type| match ty {
                    Type::Record(record) if record.fields.len() == length => Some(0),
                    Type::Fixed(fixed) if fixed.size == length => Some(1),
                    Type::Array(_) => Some(2),
                    Type::Bytes(_) => Some(3),
                    Type::Null if length == 0 => Some(4),
                    _ => None,
                };
                let fits = |id: &TypeId| rank(self.types.get(*id)).is_some();
                if length == 1 && !branches.iter().any(fits) {
                    return Ok(FieldsSer::One(Some(self)));
                }
                self.choose(branches, format_args!("a tuple of {length}"), rank)?
                    .tuple(length)
            }
            _ if length == 1 => Ok(FieldsSer::One(Some(self))),
            _ => self.misfit(format_args!("a tuple of {length}")),
        }
    }

    /// A tuple in the record of its name, if a union has it.
    pub(super) fn tuple_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Outcome<FieldsSer<'a, 'w, 'o>> {
        match self.ty {
            Type::Union(branches) => {
                let named = |ty: &Type| match ty {
                    Type::Record(record) => {
                        record.fields.len() == length && record.names.short() == name
                    }
                    _ => false,
                };
                if branches.iter().any(|id| named(self.types.get(*id))) {
                    self.choose_if(branches, name, named)?.tuple(length)
                } else {
                    self.tuple(length)
                }
            }
            _ => self.tuple(length),
        }
    }

    #[inline]
    pub(super) fn structure(self, name: &'static str) -> Outcome<RecordSer<'a, 'w, 'o>> {
        match self.ty {
            Type::Record(record) => self.record(record),
            Type::Union(branches) => {
                let records = branches
                    .iter()
                    .filter(|id| matches!(self.types.get(**id), Type::Record(_)))
                    .count();
                let rank = |ty: &Type| match ty {
                    Type::Record(record) if record.names.short() == name => Some(0),
                    // With several, which is meant would be a guess.
                    Type::Record(_) if records == 1 => Some(1),
                    _ => None,
                };
                self.choose(branches, format_args!("struct {name}"), rank)?
                    .structure(name)
            }
            _ => self.misfit(format_args!("struct {name}")),
        }
    }
}

/// The symbol of an enum: at its place mostly, else wherever it is.
pub(super) fn symbol(symbols: &[Arc<str>], index: usize, name: &str) -> Option<usize> {
    match symbols.get(index) {
        Some(symbol) if **symbol == *name => Some(index),
        _ => symbols.iter().position(|symbol| **symbol == *name),
    }
}
