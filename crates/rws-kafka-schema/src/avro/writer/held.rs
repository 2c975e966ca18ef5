//! Holds a value until it is known as which type it is written.

use crate::avro::error::{Fail, Outcome};
use crate::avro::types::DEPTH;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use serde::{Serialize, Serializer};

/// A value as it was passed to serde.
pub(super) enum Held {
    Plain(Plain),
    Text(String),
    Bytes(Vec<u8>),
    Nothing,
    None,
    Some(Box<Held>),
    UnitStruct(&'static str),
    UnitVariant(Variant),
    Newtype(&'static str, Box<Held>),
    NewtypeVariant(Variant, Box<Held>),
    Items(ItemsOf, Vec<Held>),
    Map(Vec<(Held, Held)>),
    Struct(FieldsOf, Vec<(&'static str, Held)>),
}

#[derive(Clone, Copy)]
pub(super) struct Variant {
    name: &'static str,
    index: u32,
    variant: &'static str,
}

#[derive(Clone, Copy)]
pub(super) enum ItemsOf {
    Seq,
    Tuple,
    TupleStruct(&'static str),
    TupleVariant(Variant),
}

#[derive(Clone, Copy)]
pub(super) enum FieldsOf {
    Struct(&'static str),
    Variant(Variant),
}

/// Captures a value that nests at most `depth` levels.
#[derive(Clone, Copy)]
pub(super) struct Holder {
    depth: u32,
}

impl Holder {
    pub(super) fn new(depth: u32) -> Self {
        Self { depth }
    }

    fn hold<T: Serialize + ?Sized>(self, value: &T) -> Outcome<Held> {
        value.serialize(self)
    }

    fn deeper(self) -> Outcome<Self> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth }),
            None => Err(Fail::value(format!("nested deeper than {} levels", DEPTH))),
        }
    }

    pub(super) fn entries(self) -> Outcome<Entries> {
        Ok(Entries {
            holder: self.deeper()?,
            key: None,
            entries: Vec::new(),
        })
    }

    fn items(self, of: ItemsOf) -> Outcome<Items> {
        Ok(Items {
            holder: self.deeper()?,
            of,
            items: Vec::new(),
        })
    }

    fn fields(self, of: FieldsOf) -> Outcome<Fields> {
        Ok(Fields {
            holder: self.deeper()?,
            of,
            fields: Vec::new(),
        })
    }
}

macro_rules! plain {
    ($($method:ident: $variant:ident($ty:ty),)*) => {
        /// A value without memory of its own.
        #[derive(Clone, Copy)]
        pub(super) enum Plain {
            $($variant($ty),)*
        }

        impl Serialize for Plain {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                match *self {
                    $(Self::$variant(value) => to.$method(value),)*
                }
            }
        }

        impl Serializer for Holder {
            type Ok = Held;
            type Error = Fail;
            type SerializeSeq = Items;
            type SerializeTuple = Items;
            type SerializeTupleStruct = Items;
            type SerializeTupleVariant = Items;
            type SerializeMap = Entries;
            type SerializeStruct = Fields;
            type SerializeStructVariant = Fields;

            $(fn $method(self, value: $ty) -> Outcome<Held> {
                Ok(Held::Plain(Plain::$variant(value)))
            })*

            fn is_human_readable(&self) -> bool {
                false
            }

            fn serialize_str(self, value: &str) -> Outcome<Held> {
                Ok(Held::Text(value.to_owned()))
            }

            fn serialize_bytes(self, value: &[u8]) -> Outcome<Held> {
                Ok(Held::Bytes(value.to_vec()))
            }

            fn serialize_none(self) -> Outcome<Held> {
                Ok(Held::None)
            }

            fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Outcome<Held> {
                Ok(Held::Some(Box::new(self.deeper()?.hold(value)?)))
            }

            fn serialize_unit(self) -> Outcome<Held> {
                Ok(Held::Nothing)
            }

            fn serialize_unit_struct(self, name: &'static str) -> Outcome<Held> {
                Ok(Held::UnitStruct(name))
            }

            fn serialize_unit_variant(
                self,
                name: &'static str,
                index: u32,
                variant: &'static str,
            ) -> Outcome<Held> {
                Ok(Held::UnitVariant(Variant { name, index, variant }))
            }

            fn serialize_newtype_struct<T: Serialize + ?Sized>(
                self,
                name: &'static str,
                value: &T,
            ) -> Outcome<Held> {
                Ok(Held::Newtype(name, Box::new(self.deeper()?.hold(value)?)))
            }

            fn serialize_newtype_variant<T: Serialize + ?Sized>(
                self,
                name: &'static str,
                index: u32,
                variant: &'static str,
                value: &T,
            ) -> Outcome<Held> {
                let variant = Variant { name, index, variant };
                Ok(Held::NewtypeVariant(variant, Box::new(self.deeper()?.hold(value)?)))
            }

            fn serialize_seq(self, _: Option<usize>) -> Outcome<Items> {
                self.items(ItemsOf::Seq)
            }

            fn serialize_tuple(self, _: usize) -> Outcome<Items> {
                self.items(ItemsOf::Tuple)
            }

            fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Outcome<Items> {
                self.items(ItemsOf::TupleStruct(name))
            }

            fn serialize_tuple_variant(
                self,
                name: &'static str,
                index: u32,
                variant: &'static str,
                _: usize,
            ) -> Outcome<Items> {
                self.items(ItemsOf::TupleVariant(Variant { name, index, variant }))
            }

            fn serialize_map(self, _: Option<usize>) -> Outcome<Entries> {
                self.entries()
            }

            fn serialize_struct(self, name: &'static str, _: usize) -> Outcome<Fields> {
                self.fields(FieldsOf::Struct(name))
            }

            fn serialize_struct_variant(
                self,
                name: &'static str,
                index: u32,
                variant: &'static str,
                _: usize,
            ) -> Outcome<Fields> {
                self.fields(FieldsOf::Variant(Variant { name, index, variant }))
            }
        }
    };
}

plain! {
    serialize_bool: Bool(bool),
    serialize_i8: I8(i8),
    serialize_i16: I16(i16),
    serialize_i32: I32(i32),
    serialize_i64: I64(i64),
    serialize_i128: I128(i128),
    serialize_u8: U8(u8),
    serialize_u16: U16(u16),
    serialize_u32: U32(u32),
    serialize_u64: U64(u64),
    serialize_u128: U128(u128),
    serialize_f32: F32(f32),
    serialize_f64: F64(f64),
    serialize_char: Char(char),
}

impl Serialize for Held {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(plain) => plain.serialize(to),
            Self::Text(text) => to.serialize_str(text),
            Self::Bytes(bytes) => to.serialize_bytes(bytes),
            Self::Nothing => to.serialize_unit(),
            Self::None => to.serialize_none(),
            Self::Some(value) => to.serialize_some(&**value),
            Self::UnitStruct(name) => to.serialize_unit_struct(name),
            Self::UnitVariant(of) => to.serialize_unit_variant(of.name, of.index, of.variant),
            Self::Newtype(name, value) => to.serialize_newtype_struct(name, &**value),
            Self::NewtypeVariant(of, value) => {
                to.serialize_newtype_variant(of.name, of.index, of.variant, &**value)
            }
            Self::Items(of, items) => of.serialize(items, to),
            Self::Map(entries) => {
                let mut map = to.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
            Self::Struct(FieldsOf::Struct(name), fields) => {
                let mut all = to.serialize_struct(name, fields.len())?;
                for (name, value) in fields {
                    all.serialize_field(name, value)?;
                }
                all.end()
            }
            Self::Struct(FieldsOf::Variant(of), fields) => {
                let mut all =
                    to.serialize_struct_variant(of.name, of.index, of.variant, fields.len())?;
                for (name, value) in fields {
                    all.serialize_field(name, value)?;
                }
                all.end()
            }
        }
    }
}

impl ItemsOf {
    fn serialize<S: Serializer>(self, items: &[Held], to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Seq => {
                let mut seq = to.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Self::Tuple => {
                let mut tuple = to.serialize_tuple(items.len())?;
                for item in items {
                    tuple.serialize_element(item)?;
                }
                tuple.end()
            }
            Self::TupleStruct(name) => {
                let mut tuple = to.serialize_tuple_struct(name, items.len())?;
                for item in items {
                    tuple.serialize_field(item)?;
                }
                tuple.end()
            }
            Self::TupleVariant(of) => {
                let mut tuple =
                    to.serialize_tuple_variant(of.name, of.index, of.variant, items.len())?;
                for item in items {
                    tuple.serialize_field(item)?;
                }
                tuple.end()
            }
        }
    }
}

pub(super) struct Items {
    holder: Holder,
    of: ItemsOf,
    items: Vec<Held>,
}

macro_rules! items {
    ($($name:ident: $put:ident;)*) => {$(
        impl $name for Items {
            type Ok = Held;
            type Error = Fail;

            fn $put<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome<()> {
                self.items.push(self.holder.hold(value)?);
                Ok(())
            }

            fn end(self) -> Outcome<Held> {
                Ok(Held::Items(self.of, self.items))
            }
        }
    )*};
}

items! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
}

pub(super) struct Fields {
    holder: Holder,
    of: FieldsOf,
    fields: Vec<(&'static str, Held)>,
}

macro_rules! fields {
    ($($name:ident)*) => {$(
        impl $name for Fields {
            type Ok = Held;
            type Error = Fail;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Outcome<()> {
                self.fields.push((name, self.holder.hold(value)?));
                Ok(())
            }

            fn end(self) -> Outcome<Held> {
                Ok(Held::Struct(self.of, self.fields))
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }

pub(super) struct Entries {
    holder: Holder,
    key: Option<Held>,
    pub(super) entries: Vec<(Held, Held)>,
}

impl SerializeMap for Entries {
    type Ok = Held;
    type Error = Fail;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Outcome<()> {
        self.key = Some(self.holder.hold(key)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome<()> {
        let key = self
            .key
            .take()
            .ok_or_else(|| Fail::value("a map whose value comes before its key"))?;
        self.entries.push((key, self.holder.hold(value)?));
        Ok(())
    }

    fn end(self) -> Outcome<Held> {
        Ok(Held::Map(self.entries))
    }
}
