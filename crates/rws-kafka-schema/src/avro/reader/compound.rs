//! Reads values that contain others.

use super::access::FieldsAccess;
use super::de::De;
use crate::avro::error::{Fail, Outcome};
use crate::avro::plan::{RecordStep, Step};
use serde::de::{DeserializeSeed, Visitor};

impl<'i, 'de> De<'i, 'de> {
    pub(super) fn fields(self, record: &'de RecordStep) -> Outcome<FieldsAccess<'i, 'de>> {
        FieldsAccess::new(record, self.input)
    }

    pub(super) fn record<V: Visitor<'de>>(
        self,
        record: &'de RecordStep,
        visitor: V,
    ) -> Outcome<V::Value> {
        let mut fields = self.fields(record)?;
        let value = visitor.visit_map(&mut fields)?;
        fields.finish()?;
        Ok(value)
    }

    /// Reads the record's values without their names.
    pub(super) fn tuple<V: Visitor<'de>>(
        self,
        record: &'de RecordStep,
        visitor: V,
    ) -> Outcome<V::Value> {
        if !record.in_order {
            return Err(Fail::mismatch(format!(
                "the writer's fields of record {} have another order, and a tuple has no \
                 field names to sort them by",
                record.name
            )));
        }
        let mut fields = self.fields(record)?;
        let value = visitor.visit_seq(&mut fields)?;
        fields.finish()?;
        Ok(value)
    }

    /// Reads a null, or a record without fields.
    pub(super) fn nothing(self) -> Outcome<()> {
        match self.step {
            Step::Null => Ok(()),
            Step::Record(record) if record.fields == 0 => self.fields(record)?.finish(),
            _ => self.misfit("a variant without content"),
        }
    }

    pub(super) fn one<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        visitor.visit_seq(One(Some(self)))
    }
}

/// A tuple with one element, which is written like the element itself.
struct One<'i, 'de>(Option<De<'i, 'de>>);

impl<'de> serde::de::SeqAccess<'de> for One<'_, 'de> {
    type Error = Fail;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Outcome<Option<S::Value>> {
        self.0.take().map(|de| seed.deserialize(de)).transpose()
    }
}
