//! A schema in the form that the codec uses: a list of all types, which refer to each other by index.
//! Recursive schemas need no special care, and deep ones no deep calls.

use super::error::AvroError;
use std::fmt;
use std::sync::Arc;

/// The maximum nesting of records, arrays and maps in a value. A value that can be written can also be read.
pub(super) const DEPTH: u32 = 128;

/// An index into the list of a [`Types`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TypeId(pub(super) u32);

#[derive(Debug)]
pub(super) struct Types {
    pub(super) list: Vec<Type>,
    pub(super) root: TypeId,
}

impl Types {
    pub(super) fn get(&self, id: TypeId) -> &Type {
        &self.list[id.0 as usize]
    }

    /// Returns `true` if a value of this type takes no bytes. All others take at least one.
    pub(super) fn is_empty(&self, id: TypeId) -> bool {
        match self.get(id) {
            Type::Null => true,
            Type::Fixed(fixed) => fixed.size == 0,
            Type::Record(record) => record.empty,
            _ => false,
        }
    }

    pub(super) fn full_name(&self) -> Option<&str> {
        self.get(self.root).names().map(|names| names.full.as_str())
    }
}

#[derive(Debug)]
pub(super) enum Type {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes(Option<Decimal>),
    String {
        uuid: bool,
    },
    Fixed(Fixed),
    Enum(Enum),
    Array(TypeId),
    Map(TypeId),
    Union(Box<[TypeId]>),
    Record(Record),
    /// One of the bytes that a value passes as numbers; it occurs in no schema.
    Byte,
}

impl Type {
    pub(super) fn names(&self) -> Option<&Names> {
        match self {
            Self::Fixed(fixed) => Some(&fixed.names),
            Self::Enum(symbols) => Some(&symbols.names),
            Self::Record(record) => Some(&record.names),
            _ => None,
        }
    }

    /// Returns Avro's name of the kind.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes(_) => "bytes",
            Self::String { .. } => "string",
            Self::Fixed(_) => "fixed",
            Self::Enum(_) => "enum",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Record(_) => "record",
            Self::Byte => "a byte",
        }
    }
}

/// Writes the kind, and the name if there is one: `record shop.Order`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self.names() {
            Some(names) => write!(f, " {}", names.full),
            None => Ok(()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) scale: u64,
}

#[derive(Debug)]
pub(super) struct Names {
    pub(super) full: String,
    /// The aliases, as full names.
    pub(super) aliases: Vec<String>,
}

impl Names {
    /// Returns the name without its namespace.
    pub(super) fn short(&self) -> &str {
        short(&self.full)
    }
}

pub(super) fn short(full: &str) -> &str {
    full.rsplit('.').next().unwrap_or(full)
}

#[derive(Debug)]
pub(super) struct Fixed {
    pub(super) names: Names,
    pub(super) size: usize,
    pub(super) decimal: Option<Decimal>,
    pub(super) native: Native,
}

/// The Rust numbers that apache-avro writes as a `fixed` of their own, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Native {
    None,
    U64,
    U128,
    I128,
}

#[derive(Debug)]
pub(super) struct Enum {
    pub(super) names: Names,
    pub(super) symbols: Vec<Arc<str>>,
    /// The index of the symbol that replaces unknown ones.
    pub(super) default: Option<u32>,
}

#[derive(Debug)]
pub(super) struct Record {
    pub(super) names: Names,
    pub(super) fields: Vec<Field>,
    /// The record takes no bytes.
    pub(super) empty: bool,
    /// apache-avro's attribute `org.apache.avro.rust.tuple`.
    pub(super) tuple: bool,
    /// apache-avro's attribute `org.apache.avro.rust.union_of_records`: its only field is the value.
    pub(super) wraps: bool,
}

impl Record {
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| &*field.name == name)
    }
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: Arc<str>,
    pub(super) aliases: Vec<String>,
    pub(super) ty: TypeId,
    /// The encoded default. A default that does not fit its type is an error only if it is needed.
    pub(super) default: Option<Result<Arc<[u8]>, AvroError>>,
}
