//! Chooses the form of a value: the branch of a union and the symbol of an enum.

use super::record::RecordSer;
use super::ser::Ser;
use super::tuple::FieldsSer;
use crate::avro::error::Outcome;
use crate::avro::types::{Record, Type, TypeId};
use crate::avro::varint;
use serde::Serializer;
use std::sync::Arc;

impl<'a, 'w, 'o> Ser<'a, 'w, 'o> {
    pub(super) fn record(self, record: &'a Record) -> Outcome<RecordSer<'a, 'w, 'o>> {
        RecordSer::new(self.types, record, self.out)
    }

    /// Chooses the branch for a variant of a Rust enum: the type with its name, or otherwise the one at its
    /// position, which does not count the null of an option.
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

    /// Writes a symbol, a null, or a record without fields.
    pub(super) fn unit_variant(self, index: u32, variant: &'static str) -> Outcome<()> {
        match self.ty {
            Type::Enum(symbols) => match symbol(&symbols.symbols, index as usize, variant) {
                Some(at) => {
                    varint::write_length(at, self.out.to);
                    Ok(())
                }
                None => self.misfit(format_args!("{variant}, not one of the symbols")),
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

    /// Writes a record's fields by position, the items of an array, or the single value.
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

    /// Writes a tuple to the record with its name, if a union has one.
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
                    // With several records, the choice would be a guess.
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

/// Returns the index of a symbol, which is usually `index`; otherwise searches for it.
pub(super) fn symbol(symbols: &[Arc<str>], index: usize, name: &str) -> Option<usize> {
    match symbols.get(index) {
        Some(symbol) if **symbol == *name => Some(index),
        _ => symbols.iter().position(|symbol| **symbol == *name),
    }
}
