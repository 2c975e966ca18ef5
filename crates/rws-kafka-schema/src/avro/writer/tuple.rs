use super::items::ItemsSer;
use super::output::Output;
use super::ser::Ser;
use crate::avro::error::{Fail, Outcome};
use crate::avro::types::{Record, Types};
use serde::Serialize;
use serde::ser::{SerializeTuple, SerializeTupleStruct, SerializeTupleVariant};

/// Writes a tuple: a record's fields by position, the items of an array, or the single value.
pub(super) enum FieldsSer<'a, 'w, 'o> {
    Record {
        types: &'a Types,
        record: &'a Record,
        out: &'w mut Output<'o>,
        next: usize,
    },
    Items(ItemsSer<'a, 'w, 'o>),
    One(Option<Ser<'a, 'w, 'o>>),
    Nothing,
}

impl<'a, 'w, 'o> FieldsSer<'a, 'w, 'o> {
    pub(super) fn record(
        types: &'a Types,
        record: &'a Record,
        out: &'w mut Output<'o>,
    ) -> Outcome<Self> {
        out.enter()?;
        Ok(Self::Record {
            types,
            record,
            out,
            next: 0,
        })
    }

    pub(super) fn put<T: ?Sized + Serialize>(&mut self, value: &T) -> Outcome<()> {
        match self {
            Self::Record {
                types,
                record,
                out,
                next,
            } => {
                let field = record.fields.get(*next).ok_or_else(too_many)?;
                *next += 1;
                value
                    .serialize(Ser::new(types, types.get(field.ty), out))
                    .map_err(|fail| fail.in_field(&field.name))
            }
            Self::Items(items) => items.put(value),
            Self::One(one) => value.serialize(one.take().ok_or_else(too_many)?),
            Self::Nothing => Err(too_many()),
        }
    }

    pub(super) fn finish(self) -> Outcome<()> {
        match self {
            Self::Record {
                record, out, next, ..
            } => {
                out.leave();
                match record.fields.get(next) {
                    None => Ok(()),
                    Some(field) => {
                        Err(Fail::value("the tuple ends before this field").in_field(&field.name))
                    }
                }
            }
            Self::Items(items) => items.finish(),
            Self::One(Some(_)) => Err(Fail::value("a tuple of length 1 without a value")),
            Self::One(None) | Self::Nothing => Ok(()),
        }
    }
}

#[cold]
fn too_many() -> Fail {
    Fail::value("a tuple with more values than its announced length")
}

macro_rules! tuple {
    ($($name:ident: $put:ident;)*) => {$(
        impl $name for FieldsSer<'_, '_, '_> {
            type Ok = ();
            type Error = Fail;

            fn $put<T: ?Sized + Serialize>(&mut self, value: &T) -> Outcome<()> {
                self.put(value)
            }

            fn end(self) -> Outcome<()> {
                self.finish()
            }
        }
    )*};
}

tuple! {
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
}
