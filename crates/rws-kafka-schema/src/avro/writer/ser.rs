//! Where a value is written.

use super::output::Output;
use crate::avro::error::{Fail, Outcome};
use crate::avro::types::{Type, TypeId, Types};
use crate::avro::varint;
use std::fmt;

/// Writes one value as one type.
pub(super) struct Ser<'a, 'w, 'o> {
    pub(super) types: &'a Types,
    pub(super) ty: &'a Type,
    pub(super) out: &'w mut Output<'o>,
    /// The value is inside an option whose union has several other branches.
    pub(super) some: bool,
}

impl<'a, 'w, 'o> Ser<'a, 'w, 'o> {
    #[inline]
    pub(super) fn new(types: &'a Types, ty: &'a Type, out: &'w mut Output<'o>) -> Self {
        Self {
            types,
            ty,
            out,
            some: false,
        }
    }

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

    /// Enters the branch with this index.
    pub(super) fn branch(self, index: usize, id: TypeId) -> Self {
        varint::write_length(index, self.out.to);
        let ty = self.types.get(id);
        Self { ty, ..self }
    }

    /// Enters the first branch with the lowest rank. Branches without a rank do not fit.
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
}
