use super::items::ItemsSer;
use super::record::RecordSer;
use super::records::RecordsSer;
use crate::avro::error::{Fail, Outcome};
use serde::Serialize;
use serde::ser::SerializeMap;

/// Writes a map, or a value that is passed as one: a record, with the name of the next field, or one of
/// several records.
pub(super) enum MapSer<'a, 'w, 'o> {
    Map(ItemsSer<'a, 'w, 'o>),
    Record(RecordSer<'a, 'w, 'o>, String),
    Records(RecordsSer<'a, 'w, 'o>),
}

impl SerializeMap for MapSer<'_, '_, '_> {
    type Ok = ();
    type Error = Fail;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Outcome<()> {
        match self {
            Self::Map(items) => items.put_key(key),
            Self::Record(record, name) => {
                *name = record.name(key)?;
                Ok(())
            }
            Self::Records(records) => records.key(key),
        }
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Outcome<()> {
        match self {
            Self::Map(items) => items.put_value(value),
            Self::Record(record, name) => record.put(name, value),
            Self::Records(records) => records.value(value),
        }
    }

    fn end(self) -> Outcome<()> {
        match self {
            Self::Map(items) => items.finish(),
            Self::Record(record, _) => record.finish(),
            Self::Records(records) => records.finish(),
        }
    }
}
