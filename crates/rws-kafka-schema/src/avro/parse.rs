//! Parses a schema's JSON to [`Types`].

use super::defaults::{self, Defaults};
use super::error::{AvroError, schema};
use super::types::{Decimal, Enum, Field, Fixed, Names, Native, Record, Type, TypeId, Types};
use crate::schema::Resolved;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

type Object = Map<String, Value>;

/// Parses a schema and everything that it refers to.
///
/// # Errors
///
/// [`AvroError::Schema`] if a text is not JSON (or nests deeper than 128 levels) or not a schema.
pub(super) fn parse(resolved: &Resolved) -> Result<Types, AvroError> {
    let mut parser = Parser::default();
    for dependency in &resolved.dependencies {
        parser
            .text(&dependency.text)
            .map_err(|error| within(error, &dependency.name))?;
    }
    let root = parser.text(resolved.schema.text())?;
    let mut types = Types {
        list: parser.list,
        root,
    };
    defaults::encode(&mut types, parser.defaults);
    Ok(types)
}

/// Adds to an error which other schema it is in.
fn within(error: AvroError, name: &str) -> AvroError {
    match error {
        AvroError::Schema { path, detail } => schema(
            path,
            format!("{detail} (in the schema {name:?}, which it refers to)"),
        ),
        other => other,
    }
}

#[derive(Default)]
struct Parser {
    list: Vec<Type>,
    names: HashMap<String, TypeId>,
    defaults: Defaults,
}

/// A place in the text, for errors and for names without a namespace.
#[derive(Clone, Copy)]
struct Place<'a> {
    namespace: &'a str,
    path: &'a str,
}

impl Place<'_> {
    fn error(self, detail: impl Into<String>) -> AvroError {
        schema(self.path, detail)
    }
}

impl Parser {
    fn text(&mut self, text: &str) -> Result<TypeId, AvroError> {
        let json: Value =
            serde_json::from_str(text).map_err(|error| schema("", format!("no JSON: {error}")))?;
        let place = Place {
            namespace: "",
            path: "",
        };
        self.any(&json, place)
    }

    fn any(&mut self, json: &Value, place: Place<'_>) -> Result<TypeId, AvroError> {
        match json {
            Value::String(name) => self.named(name, place),
            Value::Array(branches) => self.union(branches, place),
            Value::Object(object) => self.object(object, place),
            other => Err(place.error(format!(
                "found {other}; allowed: the name of a type, an object, an array"
            ))),
        }
    }

    fn add(&mut self, ty: Type, place: Place<'_>) -> Result<TypeId, AvroError> {
        let id = u32::try_from(self.list.len()).map_err(|_| place.error("too many types"))?;
        self.list.push(ty);
        Ok(TypeId(id))
    }

    fn named(&mut self, name: &str, place: Place<'_>) -> Result<TypeId, AvroError> {
        if let Some(primitive) = primitive(name) {
            return self.add(primitive, place);
        }
        let full = full_name(name, place.namespace);
        // A name without a namespace may also be one in no namespace.
        let id = self.names.get(&full).or_else(|| self.names.get(name));
        id.copied().ok_or_else(|| {
            place.error(format!(
                "no type {full:?} is defined here, before here, or in a schema referred to"
            ))
        })
    }

    fn object(&mut self, object: &Object, place: Place<'_>) -> Result<TypeId, AvroError> {
        match object.get("type") {
            Some(Value::String(kind)) => match kind.as_str() {
                "record" | "error" => self.record(object, place),
                "enum" => self.symbols(object, place),
                "fixed" => self.fixed(object, place),
                "array" => {
                    let items = self.inner(object, "items", place)?;
                    self.add(Type::Array(items), place)
                }
                "map" => {
                    let values = self.inner(object, "values", place)?;
                    self.add(Type::Map(values), place)
                }
                "bytes" => self.add(Type::Bytes(decimal(object)), place),
                "string" => {
                    let uuid = logical(object) == Some("uuid");
                    self.add(Type::String { uuid }, place)
                }
                name => self.named(name, place),
            },
            Some(inner) => self.any(inner, place),
            None => Err(place.error("an object without \"type\"")),
        }
    }

    fn inner(&mut self, object: &Object, key: &str, place: Place<'_>) -> Result<TypeId, AvroError> {
        let json = object
            .get(key)
            .ok_or_else(|| place.error(format!("no {key:?}")))?;
        let path = format!("{}[]", place.path);
        self.any(
            json,
            Place {
                path: &path,
                ..place
            },
        )
    }

    fn union(&mut self, branches: &[Value], place: Place<'_>) -> Result<TypeId, AvroError> {
        let mut ids = Vec::with_capacity(branches.len());
        let mut seen = HashSet::new();
        for branch in branches {
            let id = self.any(branch, place)?;
            let ty = &self.list[id.0 as usize];
            if matches!(ty, Type::Union(_)) {
                return Err(place.error("a union directly within a union"));
            }
            if !seen.insert(ty.to_string()) {
                return Err(place.error(format!("a union with {ty} twice")));
            }
            ids.push(id);
        }
        if ids.is_empty() {
            return Err(place.error("a union without branches"));
        }
        self.add(Type::Union(ids.into()), place)
    }

    /// Registers the names of a record, enum or fixed, under which later types find it.
    fn names(&mut self, object: &Object, id: TypeId, place: Place<'_>) -> Result<Names, AvroError> {
        let name = text(object, "name")
            .filter(|name| !name.is_empty() && !name.ends_with('.'))
            .ok_or_else(|| place.error("a record, enum or fixed without \"name\""))?;
        let namespace = text(object, "namespace").unwrap_or(place.namespace);
        let full = full_name(name, namespace);
        if primitive(&full).is_some() {
            return Err(place.error(format!("{full:?} is a built-in type of Avro")));
        }
        if self.names.insert(full.clone(), id).is_some() {
            return Err(place.error(format!("{full:?} is defined twice")));
        }
        let aliases = strings(object, "aliases")
            .map(|alias| full_name(alias, namespace_of(&full)))
            .collect();
        Ok(Names { full, aliases })
    }

    fn record(&mut self, object: &Object, place: Place<'_>) -> Result<TypeId, AvroError> {
        // Fields may refer to their record, so it is registered first, as null.
        let id = self.add(Type::Null, place)?;
        let names = self.names(object, id, place)?;
        self.list[id.0 as usize] = Type::Record(Record {
            names: Names {
                full: names.full.clone(),
                aliases: Vec::new(),
            },
            fields: Vec::new(),
            empty: false,
            tuple: false,
            wraps: false,
        });
        let namespace = namespace_of(&names.full).to_owned();
        let path = match place.path {
            "" => names.full.clone(),
            path => path.to_owned(),
        };
        let inside = Place {
            namespace: &namespace,
            path: &path,
        };
        let Some(Value::Array(list)) = object.get("fields") else {
            return Err(inside.error("a record without an array \"fields\""));
        };
        let mut fields = Vec::with_capacity(list.len());
        for json in list {
            fields.push(self.field(json, id, fields.len(), inside)?);
        }
        let mut seen = HashSet::new();
        if let Some(twice) = fields.iter().find(|field| !seen.insert(&field.name)) {
            return Err(inside.error(format!("field {:?} occurs twice", twice.name)));
        }
        let attribute = |name| object.get(name) == Some(&Value::Bool(true));
        let empty = fields.iter().all(|field| self.is_empty(field.ty));
        self.list[id.0 as usize] = Type::Record(Record {
            names,
            empty,
            tuple: attribute("org.apache.avro.rust.tuple"),
            wraps: fields.len() == 1 && attribute("org.apache.avro.rust.union_of_records"),
            fields,
        });
        Ok(id)
    }

    fn is_empty(&self, id: TypeId) -> bool {
        match &self.list[id.0 as usize] {
            Type::Null => true,
            Type::Fixed(fixed) => fixed.size == 0,
            Type::Record(record) => record.empty,
            _ => false,
        }
    }

    fn field(
        &mut self,
        json: &Value,
        record: TypeId,
        position: usize,
        place: Place<'_>,
    ) -> Result<Field, AvroError> {
        let Value::Object(object) = json else {
            return Err(place.error(format!("field {position} is {json}; allowed: an object")));
        };
        let name = text(object, "name")
            .filter(|name| !name.is_empty())
            .ok_or_else(|| place.error(format!("field {position} without \"name\"")))?;
        let path = format!("{}.{name}", place.path);
        let inside = Place {
            path: &path,
            ..place
        };
        let ty = match object.get("type") {
            // A field's logical type belongs inside its type; some schemas have it beside, where it is
            // ignored.
            Some(json) => self.any(json, inside)?,
            None => return Err(inside.error("a field without \"type\"")),
        };
        if let Some(default) = object.get("default") {
            self.defaults.insert((record, position), default.clone());
        }
        Ok(Field {
            name: name.into(),
            aliases: strings(object, "aliases").map(str::to_owned).collect(),
            ty,
            default: None,
        })
    }

    fn symbols(&mut self, object: &Object, place: Place<'_>) -> Result<TypeId, AvroError> {
        let id = self.add(Type::Null, place)?;
        let names = self.names(object, id, place)?;
        let symbols: Vec<Arc<str>> = strings(object, "symbols").map(Into::into).collect();
        let given = object.get("symbols").and_then(Value::as_array);
        if given.is_none_or(|given| given.len() != symbols.len()) {
            return Err(place.error("an enum without an array of strings \"symbols\""));
        }
        if u32::try_from(symbols.len()).is_err() {
            return Err(place.error("an enum with too many symbols"));
        }
        let mut seen = HashSet::new();
        if let Some(twice) = symbols.iter().find(|symbol| !seen.insert(*symbol)) {
            return Err(place.error(format!("symbol {twice:?} occurs twice")));
        }
        let default = match text(object, "default") {
            None => None,
            Some(default) => match symbols.iter().position(|symbol| &**symbol == default) {
                // Fits, because there are not more symbols than that.
                Some(position) => u32::try_from(position).ok(),
                None => {
                    return Err(
                        place.error(format!("default {default:?} is not one of the symbols"))
                    );
                }
            },
        };
        self.list[id.0 as usize] = Type::Enum(Enum {
            names,
            symbols,
            default,
        });
        Ok(id)
    }

    fn fixed(&mut self, object: &Object, place: Place<'_>) -> Result<TypeId, AvroError> {
        let id = self.add(Type::Null, place)?;
        let names = self.names(object, id, place)?;
        let size = object
            .get("size")
            .and_then(Value::as_u64)
            .and_then(|size| usize::try_from(size).ok())
            .ok_or_else(|| place.error("a fixed without a whole number \"size\""))?;
        let native = match (names.full.as_str(), size) {
            ("org.apache.avro.rust.u64", 8) => Native::U64,
            ("org.apache.avro.rust.u128", 16) => Native::U128,
            ("org.apache.avro.rust.i128", 16) => Native::I128,
            _ => Native::None,
        };
        self.list[id.0 as usize] = Type::Fixed(Fixed {
            names,
            size,
            decimal: decimal(object),
            native,
        });
        Ok(id)
    }
}

fn primitive(name: &str) -> Option<Type> {
    Some(match name {
        "null" => Type::Null,
        "boolean" => Type::Boolean,
        "int" => Type::Int,
        "long" => Type::Long,
        "float" => Type::Float,
        "double" => Type::Double,
        "bytes" => Type::Bytes(None),
        "string" => Type::String { uuid: false },
        _ => return None,
    })
}

fn full_name(name: &str, namespace: &str) -> String {
    match name.strip_prefix('.') {
        // Some schemas write a leading dot for "in no namespace".
        Some(bare) => bare.to_owned(),
        None if name.contains('.') || namespace.is_empty() => name.to_owned(),
        None => format!("{namespace}.{name}"),
    }
}

fn namespace_of(full: &str) -> &str {
    full.rsplit_once('.').map_or("", |(namespace, _)| namespace)
}

fn text<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

fn strings<'a>(object: &'a Object, key: &str) -> impl Iterator<Item = &'a str> {
    let list = object.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

fn logical(object: &Object) -> Option<&str> {
    text(object, "logicalType")
}

fn decimal(object: &Object) -> Option<Decimal> {
    (logical(object) == Some("decimal")).then(|| Decimal {
        scale: object.get("scale").and_then(Value::as_u64).unwrap_or(0),
    })
}
