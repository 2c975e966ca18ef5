use crate::avro::types::{Type, TypeId, Types, short};
use std::collections::HashMap;

/// Returns how close one type is to another, without what they contain: 0 is the same type.
pub(super) fn matches(from: &Type, to: &Type) -> Option<u8> {
    Some(match (from, to) {
        (Type::Null, Type::Null)
        | (Type::Boolean, Type::Boolean)
        | (Type::Int, Type::Int)
        | (Type::Long, Type::Long)
        | (Type::Float, Type::Float)
        | (Type::Double, Type::Double)
        | (Type::Bytes(_), Type::Bytes(_))
        | (Type::String { .. }, Type::String { .. })
        | (Type::Array(_), Type::Array(_))
        | (Type::Map(_), Type::Map(_)) => 0,
        (Type::Int, Type::Long)
        | (Type::Long | Type::Int, Type::Float)
        | (Type::Int | Type::Long | Type::Float, Type::Double)
        | (Type::Bytes(_), Type::String { .. })
        | (Type::String { .. }, Type::Bytes(_)) => 10,
        _ if from.kind() == to.kind() => return same_name(from, to),
        _ => return None,
    })
}

/// Returns how closely two records, enums or fixed match by name: by full name, by an alias of the reader,
/// or, as the specification allows, by the name without its namespace.
pub(super) fn same_name(from: &Type, to: &Type) -> Option<u8> {
    let (from, to) = (from.names()?, to.names()?);
    if from.full == to.full {
        Some(0)
    } else if to.aliases.contains(&from.full) {
        Some(1)
    } else if from.short() == to.short() {
        Some(2)
    } else {
        let alias = to.aliases.iter().any(|alias| short(alias) == from.short());
        alias.then_some(3)
    }
}

/// The branches of a union, indexed by name: each may be compared with each branch of another union, and
/// there can be thousands.
pub(super) struct Branches<'a> {
    /// By kind, name and closeness of the name.
    named: HashMap<(&'static str, &'a str, u8), usize>,
    /// Those without a name, which are few.
    plain: Vec<(usize, &'a Type)>,
}

impl<'a> Branches<'a> {
    pub(super) fn new(types: &'a Types, union: TypeId) -> Self {
        let mut branches = Self {
            named: HashMap::new(),
            plain: Vec::new(),
        };
        let Type::Union(ids) = types.get(union) else {
            return branches;
        };
        for (index, id) in ids.iter().enumerate() {
            let ty = types.get(*id);
            let Some(names) = ty.names() else {
                branches.plain.push((index, ty));
                continue;
            };
            let mut add = |name, rank| {
                branches
                    .named
                    .entry((ty.kind(), name, rank))
                    .or_insert(index);
            };
            add(names.full.as_str(), 0);
            add(names.short(), 2);
            for alias in &names.aliases {
                add(alias.as_str(), 1);
                add(short(alias), 3);
            }
        }
        branches
    }

    pub(super) fn null(&self) -> Option<usize> {
        let mut plain = self.plain.iter();
        plain.find_map(|(index, ty)| matches!(ty, Type::Null).then_some(*index))
    }

    /// Returns the branch that is closest to the written type, by the ranks of [`matches`].
    pub(super) fn choose(&self, from: &Type) -> Option<usize> {
        let Some(names) = from.names() else {
            let ranked = self
                .plain
                .iter()
                .filter_map(|(index, to)| Some((matches(from, to)?, *index)));
            return ranked.min().map(|(_, index)| index);
        };
        let keys = [
            (names.full.as_str(), 0),
            (names.full.as_str(), 1),
            (names.short(), 2),
            (names.short(), 3),
        ];
        keys.into_iter()
            .find_map(|(name, rank)| self.named.get(&(from.kind(), name, rank)).copied())
    }
}
