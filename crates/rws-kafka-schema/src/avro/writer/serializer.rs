use super::choice::symbol;
use super::items::ItemsSer;
use super::map::MapSer;
use super::record::RecordSer;
use super::records::RecordsSer;
use super::ser::Ser;
use super::tuple::FieldsSer;
use crate::avro::error::{Fail, Outcome};
use crate::avro::types::{Native, Type, TypeId};
use crate::avro::{uuid, varint};
use serde::{Serialize, Serializer};

impl<'a, 'w, 'o> Serializer for Ser<'a, 'w, 'o> {
    type Ok = ();
    type Error = Fail;
    type SerializeSeq = ItemsSer<'a, 'w, 'o>;
    type SerializeTuple = FieldsSer<'a, 'w, 'o>;
    type SerializeTupleStruct = FieldsSer<'a, 'w, 'o>;
    type SerializeTupleVariant = FieldsSer<'a, 'w, 'o>;
    type SerializeMap = MapSer<'a, 'w, 'o>;
    type SerializeStruct = RecordSer<'a, 'w, 'o>;
    type SerializeStructVariant = RecordSer<'a, 'w, 'o>;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Outcome<()> {
        match self.ty {
            Type::Boolean => {
                self.out.to.push(u8::from(value));
                Ok(())
            }
            Type::Union(branches) => self
                .choose_if(branches, "bool", |ty| matches!(ty, Type::Boolean))?
                .serialize_bool(value),
            _ => self.misfit("bool"),
        }
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Outcome<()> {
        self.int(value.into(), false, "i8")
    }

    #[inline]
    fn serialize_i16(self, value: i16) -> Outcome<()> {
        self.int(value.into(), false, "i16")
    }

    #[inline]
    fn serialize_i32(self, value: i32) -> Outcome<()> {
        self.int(value.into(), false, "i32")
    }

    #[inline]
    fn serialize_i64(self, value: i64) -> Outcome<()> {
        self.int(value, true, "i64")
    }

    fn serialize_i128(self, value: i128) -> Outcome<()> {
        let long = i64::try_from(value).ok();
        self.native(Native::I128, value.to_le_bytes(), long, value, "i128")
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Outcome<()> {
        self.int(value.into(), false, "u8")
    }

    #[inline]
    fn serialize_u16(self, value: u16) -> Outcome<()> {
        self.int(value.into(), false, "u16")
    }

    #[inline]
    fn serialize_u32(self, value: u32) -> Outcome<()> {
        self.int(value.into(), true, "u32")
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Outcome<()> {
        match (self.ty, i64::try_from(value)) {
            (Type::Long, Ok(value)) => {
                varint::write(value, self.out.to);
                Ok(())
            }
            (_, long) => self.native(Native::U64, value.to_le_bytes(), long.ok(), value, "u64"),
        }
    }

    fn serialize_u128(self, value: u128) -> Outcome<()> {
        let long = i64::try_from(value).ok();
        self.native(Native::U128, value.to_le_bytes(), long, value, "u128")
    }

    fn serialize_f32(self, value: f32) -> Outcome<()> {
        match self.ty {
            Type::Float => self.out.to.extend_from_slice(&value.to_le_bytes()),
            Type::Double => self
                .out
                .to
                .extend_from_slice(&f64::from(value).to_le_bytes()),
            Type::Union(branches) => {
                let rank = |ty: &Type| match ty {
                    Type::Float => Some(0),
                    Type::Double => Some(1),
                    _ => None,
                };
                return self.choose(branches, "f32", rank)?.serialize_f32(value);
            }
            _ => return self.misfit("f32"),
        }
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Outcome<()> {
        match self.ty {
            Type::Double => {
                self.out.to.extend_from_slice(&value.to_le_bytes());
                Ok(())
            }
            // The nearest float, because JSON and most languages have one type for both.
            Type::Float => {
                let nearest = value as f32;
                if nearest.is_infinite() && value.is_finite() {
                    return Err(Fail::range(value, "a float, -3.4028235e38 to 3.4028235e38"));
                }
                self.out.to.extend_from_slice(&nearest.to_le_bytes());
                Ok(())
            }
            Type::Union(branches) => {
                let rank = |ty: &Type| match ty {
                    Type::Double => Some(0),
                    Type::Float => Some(1),
                    _ => None,
                };
                self.choose(branches, "f64", rank)?.serialize_f64(value)
            }
            _ => self.misfit("f64"),
        }
    }

    fn serialize_char(self, value: char) -> Outcome<()> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Outcome<()> {
        match self.ty {
            Type::String { .. } => self.out.bytes(value.as_bytes()),
            Type::Enum(symbols) => match symbol(&symbols.symbols, 0, value) {
                Some(index) => varint::write_length(index, self.out.to),
                None => return self.misfit(format_args!("{value:?}, not one of the symbols")),
            },
            Type::Union(branches) => {
                let rank = |ty: &Type| match ty {
                    Type::String { .. } => Some(0),
                    Type::Enum(symbols) => symbol(&symbols.symbols, 0, value).map(|_| 1),
                    _ => None,
                };
                return self.choose(branches, "str", rank)?.serialize_str(value);
            }
            _ => return self.misfit("str"),
        }
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Outcome<()> {
        match self.ty {
            Type::Bytes(_) => self.out.bytes(value),
            Type::Fixed(fixed) if fixed.size == value.len() => {
                self.out.to.extend_from_slice(value);
            }
            // A decimal in fewer bytes is the same number after sign extension.
            Type::Fixed(fixed) if fixed.decimal.is_some() && value.len() < fixed.size => {
                let negative = value.first().is_some_and(|byte| *byte >= 0x80);
                let sign = if negative { 0xff } else { 0 };
                let end = self.out.to.len() + fixed.size - value.len();
                self.out.to.resize(end, sign);
                self.out.to.extend_from_slice(value);
            }
            // The `uuid` crate passes bytes.
            Type::String { uuid: true } if value.len() == 16 => {
                self.out.bytes(uuid::text(value).as_bytes());
            }
            Type::Union(branches) => {
                let rank = |ty: &Type| match ty {
                    Type::Fixed(fixed) if fixed.size == value.len() => Some(0),
                    Type::Bytes(_) => Some(0),
                    Type::String { uuid: true } if value.len() == 16 => Some(1),
                    _ => None,
                };
                return self.choose(branches, "bytes", rank)?.serialize_bytes(value);
            }
            _ => return self.misfit(format_args!("{} bytes", value.len())),
        }
        Ok(())
    }

    fn serialize_none(self) -> Outcome<()> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Outcome<()> {
        let Type::Union(branches) = self.ty else {
            return value.serialize(self);
        };
        let is_null = |id: &TypeId| matches!(self.types.get(*id), Type::Null);
        match &**branches {
            [null, other] if is_null(null) => value.serialize(self.branch(1, *other)),
            [other, null] if is_null(null) => value.serialize(self.branch(0, *other)),
            _ => value.serialize(Self { some: true, ..self }),
        }
    }

    fn serialize_unit(self) -> Outcome<()> {
        match self.ty {
            Type::Null => Ok(()),
            Type::Union(branches) => self
                .choose_if(branches, "nothing", |ty| matches!(ty, Type::Null))?
                .serialize_unit(),
            _ => self.misfit("nothing"),
        }
    }

    fn serialize_unit_struct(self, name: &'static str) -> Outcome<()> {
        match self.ty {
            Type::Null => Ok(()),
            Type::Record(record) if record.fields.is_empty() => Ok(()),
            Type::Union(branches) => {
                let rank = |ty: &Type| match ty {
                    Type::Record(record) if record.fields.is_empty() => {
                        Some(u8::from(record.names.short() != name))
                    }
                    Type::Null => Some(2),
                    _ => None,
                };
                self.choose(branches, name, rank).map(|_| ())
            }
            _ => self.misfit(name),
        }
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Outcome<()> {
        self.unit_variant(index, variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        name: &'static str,
        value: &T,
    ) -> Outcome<()> {
        match self.ty {
            Type::Record(record) if record.fields.len() == 1 && record.names.short() == name => {
                let mut fields = FieldsSer::record(self.types, record, self.out)?;
                fields.put(value)?;
                fields.finish()
            }
            Type::Union(branches) => {
                let wraps = |ty: &Type| match ty {
                    Type::Record(record) => {
                        record.fields.len() == 1 && record.names.short() == name
                    }
                    _ => false,
                };
                if branches.iter().any(|id| wraps(self.types.get(*id))) {
                    self.choose_if(branches, name, wraps)?
                        .serialize_newtype_struct(name, value)
                } else {
                    value.serialize(self)
                }
            }
            _ => value.serialize(self),
        }
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Outcome<()> {
        let inside = self.variant(index, variant, |_| true)?;
        match inside.ty {
            Type::Record(record) if record.wraps && record.names.short() == variant => {
                let mut fields = FieldsSer::record(inside.types, record, inside.out)?;
                fields.put(value)?;
                fields.finish()
            }
            _ => value.serialize(inside),
        }
    }

    fn serialize_seq(self, length: Option<usize>) -> Outcome<ItemsSer<'a, 'w, 'o>> {
        match self.ty {
            Type::Array(items) => ItemsSer::array(self.types, *items, self.out, length),
            Type::Bytes(_) => ItemsSer::bytes(self.types, self.out, length, None),
            Type::Fixed(fixed) => ItemsSer::bytes(self.types, self.out, length, Some(fixed.size)),
            Type::Union(branches) => {
                let rank = |ty: &Type| match ty {
                    Type::Array(_) => Some(0),
                    Type::Bytes(_) => Some(1),
                    _ => None,
                };
                self.choose(branches, "a sequence", rank)?
                    .serialize_seq(length)
            }
            _ => self.misfit("a sequence"),
        }
    }

    fn serialize_tuple(self, length: usize) -> Outcome<FieldsSer<'a, 'w, 'o>> {
        self.tuple(length)
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Outcome<FieldsSer<'a, 'w, 'o>> {
        self.tuple_struct(name, length)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Outcome<FieldsSer<'a, 'w, 'o>> {
        let fits = |ty: &Type| match ty {
            Type::Record(record) => record.fields.len() == length,
            _ => false,
        };
        self.variant(index, variant, fits)?.tuple(length)
    }

    fn serialize_map(self, length: Option<usize>) -> Outcome<MapSer<'a, 'w, 'o>> {
        match self.ty {
            Type::Map(values) => Ok(MapSer::Map(ItemsSer::array(
                self.types, *values, self.out, length,
            )?)),
            // A struct with flattened fields.
            Type::Record(record) => Ok(MapSer::Record(self.record(record)?, String::new())),
            Type::Union(branches) => {
                let count = |fits: fn(&Type) -> bool| {
                    let types = branches.iter().map(|id| self.types.get(*id));
                    types.filter(|ty| fits(ty)).count()
                };
                if count(|ty| matches!(ty, Type::Record(_))) > 1
                    && count(|ty| matches!(ty, Type::Map(_))) == 0
                {
                    return Ok(MapSer::Records(RecordsSer::new(self, branches)?));
                }
                let rank = |ty: &Type| match ty {
                    Type::Map(_) => Some(0),
                    Type::Record(_) => Some(1),
                    _ => None,
                };
                self.choose(branches, "a map", rank)?.serialize_map(length)
            }
            _ => self.misfit("a map"),
        }
    }

    #[inline]
    fn serialize_struct(
        self,
        name: &'static str,
        _length: usize,
    ) -> Outcome<RecordSer<'a, 'w, 'o>> {
        self.structure(name)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Outcome<RecordSer<'a, 'w, 'o>> {
        let inside = self.variant(index, variant, |ty| matches!(ty, Type::Record(_)))?;
        match inside.ty {
            Type::Record(record) => inside.record(record),
            _ => inside.misfit(format_args!("variant {variant}")),
        }
    }
}
