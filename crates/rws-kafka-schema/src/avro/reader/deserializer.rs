use super::access::{BytesAccess, ItemsAccess, VariantAccess};
use super::de::De;
use crate::avro::error::{Fail, Outcome};
use crate::avro::plan::{Number, Step, Text};
use crate::avro::types::Native;
use crate::avro::uuid;
use serde::de::{Deserializer, Visitor};

macro_rules! whole {
    ($($method:ident, $visit:ident, $ty:ty;)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
            let mut settled = self.settled()?;
            let value = settled.whole::<$ty>(
                stringify!($ty),
                || format!("{} to {}", <$ty>::MIN, <$ty>::MAX),
            )?;
            visitor.$visit(value)
        }
    )*};
}

impl<'de> Deserializer<'de> for De<'_, 'de> {
    type Error = Fail;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        let mut settled = self.settled()?;
        match settled.step {
            Step::Null => visitor.visit_unit(),
            Step::Boolean => visitor.visit_bool(settled.input.boolean()?),
            Step::Int(_) | Step::Long(_) | Step::Float(_) | Step::Double => {
                settled.any_number(visitor)
            }
            Step::Bytes(_) | Step::String(_) => settled.text(visitor),
            Step::Fixed { native, .. } => settled.native(*native, visitor),
            Step::Enum(_) => {
                let symbol = settled.symbol()?;
                visitor.visit_borrowed_str(symbol)
            }
            Step::Array { .. } => settled.deserialize_seq(visitor),
            Step::Map(_) => settled.deserialize_map(visitor),
            Step::Record(record) if record.tuple => settled.tuple(record, visitor),
            Step::Record(record) => settled.record(record, visitor),
            Step::Union(_) | Step::Branch { .. } | Step::Never(_) => settled.misfit("a value"),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        let settled = self.settled()?;
        match settled.step {
            Step::Boolean => visitor.visit_bool(settled.input.boolean()?),
            _ => settled.misfit("bool"),
        }
    }

    whole! {
        deserialize_i8, visit_i8, i8;
        deserialize_i16, visit_i16, i16;
        deserialize_i32, visit_i32, i32;
        deserialize_i64, visit_i64, i64;
        deserialize_u8, visit_u8, u8;
        deserialize_u16, visit_u16, u16;
        deserialize_u32, visit_u32, u32;
    }

    #[inline]
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        let mut settled = self.settled()?;
        if let Step::Fixed {
            native: native @ Native::U64,
            ..
        } = settled.step
        {
            return settled.native(*native, visitor);
        }
        visitor.visit_u64(settled.whole("u64", || format!("{} to {}", u64::MIN, u64::MAX))?)
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        let mut settled = self.settled()?;
        if let Step::Fixed {
            native: native @ Native::I128,
            ..
        } = settled.step
        {
            return settled.native(*native, visitor);
        }
        visitor.visit_i128(settled.whole("i128", || format!("{} to {}", i128::MIN, i128::MAX))?)
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        let mut settled = self.settled()?;
        if let Step::Fixed {
            native: native @ Native::U128,
            ..
        } = settled.step
        {
            return settled.native(*native, visitor);
        }
        visitor.visit_u128(settled.whole("u128", || format!("{} to {}", u128::MIN, u128::MAX))?)
    }

    /// Does not read doubles, which would be rounded. Reads whole numbers as Avro promotes them.
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        let settled = self.settled()?;
        match settled.step {
            Step::Float(Number::Float) => visitor.visit_f32(settled.input.float()?),
            Step::Int(as_) | Step::Long(as_) if *as_ != Number::Double => {
                settled.any_number(visitor)
            }
            _ => settled.misfit("f32"),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        let settled = self.settled()?;
        match settled.step {
            Step::Double => visitor.visit_f64(settled.input.double()?),
            Step::Int(_) | Step::Long(_) | Step::Float(_) => settled.any_number(visitor),
            _ => settled.misfit("f64"),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        let mut settled = self.settled()?;
        match settled.step {
            Step::String(Text::String | Text::Uuid) | Step::Bytes(Text::String | Text::Uuid) => {
                visitor.visit_borrowed_str(settled.input.text()?)
            }
            Step::Enum(_) => visitor.visit_borrowed_str(settled.symbol()?),
            _ => settled.misfit("a string"),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        let settled = self.settled()?;
        match settled.step {
            Step::Bytes(Text::Bytes) | Step::String(Text::Bytes) => {
                visitor.visit_borrowed_bytes(settled.input.bytes()?)
            }
            Step::Fixed { size, .. } => visitor.visit_borrowed_bytes(settled.input.take(*size)?),
            // The `uuid` crate wants bytes.
            Step::String(Text::Uuid) | Step::Bytes(Text::Uuid) => {
                let text = settled.input.text()?;
                match uuid::bytes(text) {
                    Some(bytes) => visitor.visit_bytes(&bytes),
                    None => Err(settled.input.wrong(format!("{text:?} is not a UUID"))),
                }
            }
            _ => settled.misfit("bytes"),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        let settled = self.settled()?;
        match settled.step {
            Step::Null => visitor.visit_none(),
            _ => {
                settled.input.enter_option();
                visitor.visit_some(settled)
            }
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        let settled = self.settled()?;
        match settled.step {
            Step::Null => visitor.visit_unit(),
            _ => settled.misfit("nothing"),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Outcome<V::Value> {
        let settled = self.settled()?;
        match settled.step {
            Step::Null => visitor.visit_unit(),
            Step::Record(record) if record.fields == 0 => {
                settled.nothing()?;
                visitor.visit_unit()
            }
            _ => settled.misfit(name),
        }
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Outcome<V::Value> {
        let settled = self.settled()?;
        match settled.step {
            Step::Record(record) if record.fields == 1 && *record.name == *name => settled
                .fields(record)?
                .only(|de| visitor.visit_newtype_struct(de)),
            _ => visitor.visit_newtype_struct(settled),
        }
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        let settled = self.settled()?;
        match settled.step {
            Step::Array { items, empty } => {
                let item = settled.input.plan.get(*items);
                let mut items = ItemsAccess::new(item, *empty, settled.input)?;
                let value = visitor.visit_seq(&mut items)?;
                items.finish()?;
                Ok(value)
            }
            // serde's form of `Vec<u8>`.
            Step::Bytes(Text::Bytes) | Step::String(Text::Bytes) => {
                let mut bytes = BytesAccess::new(settled.input.bytes()?);
                let value = visitor.visit_seq(&mut bytes)?;
                bytes.finish()?;
                Ok(value)
            }
            Step::Fixed { size, .. } => {
                let mut bytes = BytesAccess::new(settled.input.take(*size)?);
                let value = visitor.visit_seq(&mut bytes)?;
                bytes.finish()?;
                Ok(value)
            }
            Step::Record(record) if record.tuple => settled.tuple(record, visitor),
            _ => settled.misfit("a sequence"),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Outcome<V::Value> {
        let settled = self.settled()?;
        match settled.step {
            Step::Record(record) if record.fields == length => settled.tuple(record, visitor),
            Step::Array { .. } | Step::Bytes(Text::Bytes) | Step::String(Text::Bytes) => {
                settled.deserialize_seq(visitor)
            }
            Step::Fixed { size, .. } if *size == length => settled.deserialize_seq(visitor),
            Step::Null if length == 0 => visitor.visit_unit(),
            _ if length == 1 => settled.one(visitor),
            _ => settled.misfit(format_args!("a tuple of {length}")),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        length: usize,
        visitor: V,
    ) -> Outcome<V::Value> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        let settled = self.settled()?;
        match settled.step {
            Step::Map(values) => {
                let value = settled.input.plan.get(*values);
                let mut entries = ItemsAccess::new(value, false, settled.input)?;
                let value = visitor.visit_map(&mut entries)?;
                entries.finish()?;
                Ok(value)
            }
            // A struct with flattened fields.
            Step::Record(record) => settled.record(record, visitor),
            _ => settled.misfit("a map"),
        }
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Outcome<V::Value> {
        let settled = self.settled()?;
        match settled.step {
            Step::Record(record) => settled.record(record, visitor),
            _ => settled.misfit(format_args!("struct {name}")),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Outcome<V::Value> {
        let mut settled = self.settled()?;
        match (settled.step, settled.input.branch()) {
            (Step::Enum(symbols), branch) => {
                // The symbol is either a variant itself, or inside the variant that contains this enum.
                if let Some(branch) = branch
                    && !symbols
                        .given
                        .iter()
                        .flatten()
                        .any(|symbol| variants.contains(&&**symbol))
                {
                    return visitor.visit_enum(VariantAccess::by_index(branch, settled));
                }
                let symbol = settled.symbol()?;
                visitor.visit_enum(VariantAccess::unit(symbol))
            }
            (Step::Record(record), Some(_)) if variants.contains(&&*record.name) => {
                visitor.visit_enum(VariantAccess::by_name(&record.name, settled))
            }
            (_, Some(branch)) => visitor.visit_enum(VariantAccess::by_index(branch, settled)),
            (Step::String(Text::String) | Step::Bytes(Text::String), None) => {
                let text = settled.input.text()?;
                visitor.visit_enum(VariantAccess::unit(text))
            }
            _ => settled.misfit(format_args!("enum {name}")),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        self.input.skip(self.step)?;
        visitor.visit_unit()
    }
}
