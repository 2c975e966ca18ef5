use super::output::Output;
use super::ser::Ser;
use crate::avro::error::{Fail, Outcome};
use crate::avro::types::{Type, TypeId, Types};
use crate::avro::varint;
use serde::Serialize;
use serde::ser::SerializeSeq;

/// Writes the items of an array or the entries of a map, as one block.
pub(super) struct ItemsSer<'a, 'w, 'o> {
    types: &'a Types,
    item: &'a Type,
    out: &'w mut Output<'o>,
    /// The expected number of items, if the value states it.
    told: Option<usize>,
    count: usize,
    /// Where the block starts, including its count.
    start: usize,
    form: Form,
    /// Where the key of a map's entry starts.
    key: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// A count, the items, and a count of 0.
    Block,
    /// A length and the bytes.
    Bytes,
    /// Exactly this many bytes.
    Fixed(usize),
}

impl<'a, 'w, 'o> ItemsSer<'a, 'w, 'o> {
    pub(super) fn array(
        types: &'a Types,
        item: TypeId,
        out: &'w mut Output<'o>,
        told: Option<usize>,
    ) -> Outcome<Self> {
        Self::new(types, types.get(item), out, told, Form::Block)
    }

    /// Writes bytes that are passed as a sequence of numbers, as serde does for `Vec<u8>` and `[u8; N]`.
    pub(super) fn bytes(
        types: &'a Types,
        out: &'w mut Output<'o>,
        told: Option<usize>,
        size: Option<usize>,
    ) -> Outcome<Self> {
        let form = size.map_or(Form::Bytes, Form::Fixed);
        Self::new(types, &Type::Byte, out, told, form)
    }

    fn new(
        types: &'a Types,
        item: &'a Type,
        out: &'w mut Output<'o>,
        told: Option<usize>,
        form: Form,
    ) -> Outcome<Self> {
        out.enter()?;
        let start = out.to.len();
        match (form, told) {
            (Form::Block, Some(1..)) | (Form::Bytes, Some(_)) => {
                varint::write_length(told.unwrap_or(0), out.to);
            }
            _ => {}
        }
        Ok(Self {
            types,
            item,
            out,
            told,
            count: 0,
            start,
            form,
            key: start,
        })
    }

    #[inline]
    pub(super) fn put<T: ?Sized + Serialize>(&mut self, value: &T) -> Outcome<()> {
        value
            .serialize(Ser::new(self.types, self.item, self.out))
            .map_err(|fail| fail.in_item(self.count as u64))?;
        self.count += 1;
        Ok(())
    }

    pub(super) fn put_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Outcome<()> {
        self.key = self.out.to.len();
        key.serialize(Ser::new(
            self.types,
            &Type::String { uuid: false },
            self.out,
        ))
    }

    pub(super) fn put_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Outcome<()> {
        let end = self.out.to.len();
        value
            .serialize(Ser::new(self.types, self.item, self.out))
            .map_err(|fail| fail.in_field(&self.shown_key(end)))?;
        self.count += 1;
        Ok(())
    }

    /// Returns the key that was written last, without its length.
    #[cold]
    fn shown_key(&self, end: usize) -> String {
        let key = self.out.to.get(self.key..end).unwrap_or_default();
        let length = key.iter().take_while(|byte| **byte >= 0x80).count() + 1;
        String::from_utf8_lossy(key.get(length..).unwrap_or_default()).into_owned()
    }

    pub(super) fn finish(self) -> Outcome<()> {
        self.out.leave();
        let count = self.count;
        if let Form::Fixed(size) = self.form {
            return if count == size {
                Ok(())
            } else {
                Err(Fail::value(format!(
                    "found {count} bytes; the schema has a fixed of {size}"
                )))
            };
        }
        match self.told {
            Some(told) if told != count => {
                return Err(Fail::value(format!(
                    "announced {told} items, but has {count}"
                )));
            }
            Some(_) => {}
            None if count == 0 && self.form == Form::Block => {}
            None => {
                let mut head = Vec::with_capacity(10);
                varint::write_length(count, &mut head);
                self.out.to.splice(self.start..self.start, head);
            }
        }
        if self.form == Form::Block {
            self.out.to.push(0);
        }
        Ok(())
    }
}

impl SerializeSeq for ItemsSer<'_, '_, '_> {
    type Ok = ();
    type Error = Fail;

    #[inline]
    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Outcome<()> {
        self.put(value)
    }

    #[inline]
    fn end(self) -> Outcome<()> {
        self.finish()
    }
}
