use super::de::De;
use super::input::Input;
use crate::avro::error::{Fail, Outcome};
use crate::avro::plan::{Action, RecordStep, Step};
use serde::de::value::{BorrowedStrDeserializer, U32Deserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};

/// Returns the reader's fields of a record, in the writer's order.
pub(super) struct FieldsAccess<'i, 'de> {
    record: &'de RecordStep,
    input: &'i mut Input<'de>,
    /// The index of the next action.
    next: usize,
}

impl<'i, 'de> FieldsAccess<'i, 'de> {
    #[inline]
    pub(super) fn new(record: &'de RecordStep, input: &'i mut Input<'de>) -> Outcome<Self> {
        input.enter_record(record.empty)?;
        Ok(Self {
            record,
            input,
            next: 0,
        })
    }

    /// Skips to the next action that returns a value.
    #[inline]
    fn coming(&mut self) -> Outcome<Option<&'de Action>> {
        while let Some(action) = self.record.actions.get(self.next) {
            match action {
                Action::Skip(step) => self.input.skip(self.input.plan.get(*step))?,
                Action::Read { .. } | Action::Default { .. } => return Ok(Some(action)),
            }
            self.next += 1;
        }
        Ok(None)
    }

    #[inline]
    fn value<S: DeserializeSeed<'de>>(
        &mut self,
        action: &'de Action,
        seed: S,
    ) -> Outcome<S::Value> {
        self.next += 1;
        match action {
            Action::Read { name, step } => seed
                .deserialize(De::new(self.input.plan.get(*step), self.input))
                .map_err(|fail| fail.in_field(name)),
            Action::Default { name, step, bytes } => {
                let mut input = self.input.within(bytes);
                seed.deserialize(De::new(self.input.plan.get(*step), &mut input))
                    .map_err(|fail| fail.in_field(name))
            }
            Action::Skip(_) => Err(Fail::mismatch("a skipped field was requested")),
        }
    }

    /// Returns the value of the only field.
    pub(super) fn only<T>(mut self, read: impl FnOnce(De<'_, 'de>) -> Outcome<T>) -> Outcome<T> {
        let value = match self.coming()? {
            Some(Action::Read { name, step }) => {
                read(De::new(self.input.plan.get(*step), self.input))
                    .map_err(|fail| fail.in_field(name))?
            }
            Some(Action::Default { name, step, bytes }) => {
                let mut input = self.input.within(bytes);
                read(De::new(self.input.plan.get(*step), &mut input))
                    .map_err(|fail| fail.in_field(name))?
            }
            _ => return Err(Fail::mismatch("the record has no field")),
        };
        self.next += 1;
        self.finish()?;
        Ok(value)
    }

    #[inline]
    pub(super) fn finish(mut self) -> Outcome<()> {
        if self.coming()?.is_some() {
            return Err(Fail::mismatch(
                "the record has more fields than the type accepts",
            ));
        }
        self.input.leave();
        Ok(())
    }
}

impl<'de> MapAccess<'de> for FieldsAccess<'_, 'de> {
    type Error = Fail;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Outcome<Option<S::Value>> {
        match self.coming()? {
            Some(Action::Read { name, .. } | Action::Default { name, .. }) => seed
                .deserialize(BorrowedStrDeserializer::new(name))
                .map(Some),
            _ => Ok(None),
        }
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Outcome<S::Value> {
        // `next_key_seed` has already moved to this action.
        match self.record.actions.get(self.next) {
            Some(action) => self.value(action, seed),
            None => Err(Fail::mismatch("the record has no more fields")),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.record.fields)
    }
}

impl<'de> SeqAccess<'de> for FieldsAccess<'_, 'de> {
    type Error = Fail;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Outcome<Option<S::Value>> {
        match self.coming()? {
            Some(action) => self.value(action, seed).map(Some),
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.record.fields)
    }
}

/// Returns the items of an array or the entries of a map, block by block.
pub(super) struct ItemsAccess<'i, 'de> {
    item: &'de Step,
    /// The items take no bytes.
    empty: bool,
    input: &'i mut Input<'de>,
    /// How many items are left in the block.
    left: u64,
    ended: bool,
    /// How many items were read.
    count: u64,
    key: &'de str,
}

impl<'i, 'de> ItemsAccess<'i, 'de> {
    pub(super) fn new(item: &'de Step, empty: bool, input: &'i mut Input<'de>) -> Outcome<Self> {
        input.enter()?;
        let left = input.block(empty)?;
        Ok(Self {
            item,
            empty,
            input,
            left,
            ended: left == 0,
            count: 0,
            key: "",
        })
    }

    /// Returns `true` if there is another item.
    #[inline]
    fn has_next(&mut self) -> Outcome<bool> {
        if self.left == 0 && !self.ended {
            self.left = self.input.block(self.empty)?;
            self.ended = self.left == 0;
        }
        Ok(!self.ended)
    }

    #[inline]
    fn value<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Outcome<S::Value> {
        self.left = self.left.saturating_sub(1);
        self.count += 1;
        seed.deserialize(De::new(self.item, self.input))
    }

    pub(super) fn finish(mut self) -> Outcome<()> {
        if self.has_next()? {
            return Err(Fail::mismatch(format!(
                "more than the {} items that the type accepts",
                self.count
            )));
        }
        self.input.leave();
        Ok(())
    }

    /// Returns the items left in the block, which are never more than the payload can contain.
    fn hint(&self) -> Option<usize> {
        usize::try_from(self.left).ok()
    }
}

impl<'de> SeqAccess<'de> for ItemsAccess<'_, 'de> {
    type Error = Fail;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Outcome<Option<S::Value>> {
        if !self.has_next()? {
            return Ok(None);
        }
        match self.value(seed) {
            Ok(value) => Ok(Some(value)),
            Err(fail) => Err(fail.in_item(self.count - 1)),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

impl<'de> MapAccess<'de> for ItemsAccess<'_, 'de> {
    type Error = Fail;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Outcome<Option<S::Value>> {
        if !self.has_next()? {
            return Ok(None);
        }
        self.key = self.input.text()?;
        seed.deserialize(BorrowedStrDeserializer::new(self.key))
            .map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Outcome<S::Value> {
        self.value(seed).map_err(|fail| fail.in_field(self.key))
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

/// Returns bytes as a sequence of numbers.
pub(super) struct BytesAccess<'de> {
    bytes: std::slice::Iter<'de, u8>,
}

impl<'de> BytesAccess<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self {
            bytes: bytes.iter(),
        }
    }

    pub(super) fn finish(self) -> Outcome<()> {
        match self.bytes.len() {
            0 => Ok(()),
            left => Err(Fail::mismatch(format!(
                "{left} bytes more than the type accepts"
            ))),
        }
    }
}

impl<'de> SeqAccess<'de> for BytesAccess<'de> {
    type Error = Fail;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Outcome<Option<S::Value>> {
        match self.bytes.next() {
            Some(byte) => seed.deserialize((*byte).into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.bytes.len())
    }
}

/// A variant of a Rust enum, and its content.
pub(super) struct VariantAccess<'i, 'de> {
    variant: Variant<'de>,
    /// `None` for a symbol.
    value: Option<De<'i, 'de>>,
}

enum Variant<'de> {
    Name(&'de str),
    Index(u32),
}

impl<'i, 'de> VariantAccess<'i, 'de> {
    pub(super) fn unit(name: &'de str) -> Self {
        Self {
            variant: Variant::Name(name),
            value: None,
        }
    }

    pub(super) fn by_name(name: &'de str, value: De<'i, 'de>) -> Self {
        Self {
            variant: Variant::Name(name),
            value: Some(value),
        }
    }

    pub(super) fn by_index(index: u32, value: De<'i, 'de>) -> Self {
        Self {
            variant: Variant::Index(index),
            value: Some(value),
        }
    }

    fn held(self) -> Outcome<De<'i, 'de>> {
        self.value
            .ok_or_else(|| Fail::mismatch("found a symbol; expected a variant with content"))
    }
}

impl<'de> EnumAccess<'de> for VariantAccess<'_, 'de> {
    type Error = Fail;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Outcome<(S::Value, Self)> {
        let variant = match self.variant {
            Variant::Name(name) => seed.deserialize(BorrowedStrDeserializer::<Fail>::new(name)),
            Variant::Index(index) => seed.deserialize(U32Deserializer::<Fail>::new(index)),
        };
        Ok((variant?, self))
    }
}

impl<'de> serde::de::VariantAccess<'de> for VariantAccess<'_, 'de> {
    type Error = Fail;

    fn unit_variant(self) -> Outcome<()> {
        match self.value {
            None => Ok(()),
            Some(de) => de.nothing(),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Outcome<S::Value> {
        let de = self.held()?;
        match de.step {
            Step::Record(record) if record.wraps => {
                FieldsAccess::new(record, de.input)?.only(|de| seed.deserialize(de))
            }
            _ => seed.deserialize(de.alone()),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Outcome<V::Value> {
        self.held()?.alone().deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Outcome<V::Value> {
        self.held()?.alone().deserialize_struct("", fields, visitor)
    }
}
