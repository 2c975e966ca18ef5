//! Writes a map to a union of several records: its fields determine which one.

use super::held::{Entries, Held, Holder, Plain};
use super::record::RecordSer;
use super::ser::Ser;
use crate::avro::error::{Fail, Outcome};
use crate::avro::types::{Record, Type, TypeId, Types};
use serde::Serialize;
use serde::ser::SerializeMap;

/// Collects the entries of the map until all of them are known.
pub(super) struct RecordsSer<'a, 'w, 'o> {
    to: Ser<'a, 'w, 'o>,
    branches: &'a [TypeId],
    entries: Entries,
}

/// Why a record does not fit.
type Misfit = String;

impl<'a, 'w, 'o> RecordsSer<'a, 'w, 'o> {
    pub(super) fn new(to: Ser<'a, 'w, 'o>, branches: &'a [TypeId]) -> Outcome<Self> {
        let entries = Holder::new(to.out.depth).entries()?;
        Ok(Self {
            to,
            branches,
            entries,
        })
    }

    pub(super) fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Outcome<()> {
        self.entries.serialize_key(key)
    }

    pub(super) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome<()> {
        self.entries.serialize_value(value)
    }

    pub(super) fn finish(self) -> Outcome<()> {
        let Self {
            to,
            branches,
            entries,
        } = self;
        let mut fields = Vec::with_capacity(entries.entries.len());
        for (key, value) in &entries.entries {
            match key {
                Held::Text(name) => fields.push((name.as_str(), value)),
                _ => {
                    return Err(Fail::value(
                        "a map whose keys are not text; the schema has a record",
                    ));
                }
            }
        }
        let (index, id, record) = chosen(to.types, branches, &fields)?;
        let Ser { types, out, .. } = to.branch(index, id);
        let write = || -> Outcome<()> {
            let mut record = RecordSer::new(types, record, out)?;
            for (name, value) in fields {
                record.put(name, value)?;
            }
            record.finish()
        };
        write().map_err(|fail| fail.of_branch(&record.names.full))
    }
}

/// Returns the record that has all of these fields and the fewest others.
fn chosen<'a>(
    types: &'a Types,
    branches: &[TypeId],
    fields: &[(&str, &Held)],
) -> Outcome<(usize, TypeId, &'a Record)> {
    let mut best: Option<(usize, (usize, TypeId, &Record))> = None;
    let mut misfits = Vec::new();
    for (index, id) in branches.iter().enumerate() {
        let Type::Record(record) = types.get(*id) else {
            continue;
        };
        match absent(types, record, fields) {
            Ok(absent) => {
                if best.is_none_or(|(least, _)| absent < least) {
                    best = Some((absent, (index, *id, record)));
                }
            }
            Err(misfit) => misfits.push(format!("{} {misfit}", record.names.full)),
        }
    }
    match best {
        Some((_, branch)) => Ok(branch),
        None => Err(Fail::value(format!(
            "found a map that fits none of the union's records: {}",
            misfits.join("; ")
        ))),
    }
}

/// Returns how many fields of `record` are not among `fields`, or why it does not fit.
fn absent(types: &Types, record: &Record, fields: &[(&str, &Held)]) -> Result<usize, Misfit> {
    let mut given = vec![false; record.fields.len()];
    for (name, value) in fields {
        let at = record
            .position(name)
            .ok_or_else(|| format!("has no field {name}"))?;
        given[at] = true;
        let ty = types.get(record.fields[at].ty);
        if !may_be(types, value, ty) {
            return Err(format!("has {ty} in field {name}"));
        }
    }
    let mut absent = 0;
    for (field, _) in record.fields.iter().zip(given).filter(|(_, given)| !given) {
        let is_null = |ty: &Type| matches!(ty, Type::Null);
        let is_optional = match types.get(field.ty) {
            Type::Union(branches) => branches.iter().any(|id| is_null(types.get(*id))),
            ty => is_null(ty),
        };
        if field.default.is_none() && !is_optional {
            return Err(format!("needs a field {}", field.name));
        }
        absent += 1;
    }
    Ok(absent)
}

/// Returns `false` if the form of `value` alone shows that it cannot be of this type.
fn may_be(types: &Types, value: &Held, ty: &Type) -> bool {
    if let Type::Union(branches) = ty {
        return branches
            .iter()
            .any(|id| may_be(types, value, types.get(*id)));
    }
    let is_number = matches!(
        ty,
        Type::Int | Type::Long | Type::Float | Type::Double | Type::Fixed(_) | Type::Byte
    );
    match value {
        Held::Plain(Plain::Bool(_)) => matches!(ty, Type::Boolean),
        Held::Plain(Plain::F32(_) | Plain::F64(_)) => matches!(ty, Type::Float | Type::Double),
        Held::Plain(Plain::Char(_)) | Held::Text(_) => {
            matches!(ty, Type::String { .. } | Type::Enum(_))
        }
        Held::Plain(_) => is_number,
        Held::Bytes(_) => matches!(ty, Type::Bytes(_) | Type::Fixed(_) | Type::String { .. }),
        Held::Nothing | Held::None => matches!(ty, Type::Null),
        Held::Map(_) | Held::Struct(..) => matches!(ty, Type::Map(_) | Type::Record(_)),
        Held::Items(..) => {
            matches!(
                ty,
                Type::Array(_) | Type::Bytes(_) | Type::Fixed(_) | Type::Record(_)
            )
        }
        Held::Some(value) => may_be(types, value, ty),
        Held::UnitStruct(_)
        | Held::UnitVariant(_)
        | Held::Newtype(..)
        | Held::NewtypeVariant(..) => true,
    }
}
