use super::output::Output;
use super::ser::Ser;
use crate::avro::error::{Fail, Outcome};
use crate::avro::types::{Field, Record, Type, Types};
use crate::avro::varint;
use serde::Serialize;
use serde::ser::{SerializeStruct, SerializeStructVariant};

/// Writes a record by its fields' names, in any order.
pub(super) struct RecordSer<'a, 'w, 'o> {
    types: &'a Types,
    record: &'a Record,
    out: &'w mut Output<'o>,
    /// How many fields were written in the schema's order.
    next: usize,
    /// After the first field in another order: where each further field was written.
    loose: Vec<Span>,
}

struct Span {
    field: usize,
    start: usize,
    end: usize,
}

impl<'a, 'w, 'o> RecordSer<'a, 'w, 'o> {
    pub(super) fn new(
        types: &'a Types,
        record: &'a Record,
        out: &'w mut Output<'o>,
    ) -> Outcome<Self> {
        out.enter()?;
        Ok(Self {
            types,
            record,
            out,
            next: 0,
            loose: Vec::new(),
        })
    }

    #[inline]
    pub(super) fn put<T: ?Sized + Serialize>(&mut self, name: &str, value: &T) -> Outcome<()> {
        match self.record.fields.get(self.next) {
            Some(field) if *field.name == *name && self.loose.is_empty() => {
                self.next += 1;
                self.write(field, value)
            }
            _ => self.put_loose(name, value),
        }
    }

    #[inline]
    fn write<T: ?Sized + Serialize>(&mut self, field: &Field, value: &T) -> Outcome<()> {
        let ty = self.types.get(field.ty);
        value
            .serialize(Ser::new(self.types, ty, self.out))
            .map_err(|fail| fail.in_field(&field.name))
    }

    #[cold]
    fn put_loose<T: ?Sized + Serialize>(&mut self, name: &str, value: &T) -> Outcome<()> {
        let record = self.record;
        let Some(at) = record.position(name) else {
            return Err(
                Fail::value(format!("the schema's {} has no such field", self.kind()))
                    .in_field(name),
            );
        };
        if at < self.next || self.loose.iter().any(|span| span.field == at) {
            return Err(Fail::value("the field is given twice").in_field(name));
        }
        let start = self.out.to.len();
        self.write(&record.fields[at], value)?;
        self.loose.push(Span {
            field: at,
            start,
            end: self.out.to.len(),
        });
        Ok(())
    }

    /// Returns the name of a field that is passed as the key of a map.
    pub(super) fn name<T: ?Sized + Serialize>(&mut self, key: &T) -> Outcome<String> {
        let mut bytes = Vec::new();
        let mut out = Output {
            to: &mut bytes,
            depth: self.out.depth,
        };
        key.serialize(Ser::new(
            self.types,
            &Type::String { uuid: false },
            &mut out,
        ))?;
        let length = bytes.iter().take_while(|byte| **byte >= 0x80).count() + 1;
        bytes.drain(..length.min(bytes.len()));
        String::from_utf8(bytes).map_err(|_| Fail::value("a field whose name is not text"))
    }

    fn kind(&self) -> String {
        format!("record {}", self.record.names.full)
    }

    #[inline]
    pub(super) fn finish(mut self) -> Outcome<()> {
        self.out.leave();
        if self.next == self.record.fields.len() {
            return Ok(());
        }
        self.complete()
    }

    /// Puts the fields in order, and adds defaults for those that the value lacks.
    fn complete(&mut self) -> Outcome<()> {
        let sorted_to = self
            .loose
            .first()
            .map_or(self.out.to.len(), |span| span.start);
        let mut by_field = vec![None; self.record.fields.len() - self.next];
        for span in &self.loose {
            by_field[span.field - self.next] = Some((span.start, span.end));
        }
        let mut rest = Vec::with_capacity(self.out.to.len() - sorted_to);
        for (field, span) in self.record.fields[self.next..].iter().zip(by_field) {
            match span {
                Some((start, end)) => rest.extend_from_slice(&self.out.to[start..end]),
                None => self.absent(field, &mut rest)?,
            }
        }
        self.out.to.truncate(sorted_to);
        self.out.to.extend_from_slice(&rest);
        Ok(())
    }

    /// Appends the field's default, or null if it has none.
    fn absent(&self, field: &Field, to: &mut Vec<u8>) -> Outcome<()> {
        match &field.default {
            Some(Ok(default)) => {
                to.extend_from_slice(default);
                return Ok(());
            }
            Some(Err(error)) => return Err(Fail::new(error.clone())),
            None => {}
        }
        match self.types.get(field.ty) {
            Type::Null => return Ok(()),
            Type::Union(branches) => {
                let null = branches
                    .iter()
                    .position(|id| matches!(self.types.get(*id), Type::Null));
                if let Some(index) = null {
                    varint::write_length(index, to);
                    return Ok(());
                }
            }
            _ => {}
        }
        let detail = "the value lacks this field, and the schema has no default for it";
        Err(Fail::value(detail).in_field(&field.name))
    }
}

impl SerializeStruct for RecordSer<'_, '_, '_> {
    type Ok = ();
    type Error = Fail;

    #[inline]
    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Outcome<()> {
        self.put(name, value)
    }

    #[inline]
    fn end(self) -> Outcome<()> {
        self.finish()
    }
}

impl SerializeStructVariant for RecordSer<'_, '_, '_> {
    type Ok = ();
    type Error = Fail;

    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Outcome<()> {
        self.put(name, value)
    }

    fn end(self) -> Outcome<()> {
        self.finish()
    }
}
