//! Encodes the defaults of a schema's fields once.

use super::error::{AvroError, schema};
use super::types::{Type, TypeId, Types};
use super::varint;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The maximum work for all defaults of a schema together. Defaults can contain defaults of records, so a
/// text of a few kilobytes could cause any amount of work.
const WORK: usize = 1 << 20;
/// The maximum nesting of defaults.
const DEPTH: u32 = 64;

/// The defaults as the schema contains them, by the field's record and its position there.
pub(super) type Defaults = BTreeMap<(TypeId, usize), Value>;

/// Encodes the defaults and puts them into the fields of `types`.
pub(super) fn encode(types: &mut Types, defaults: Defaults) {
    let mut encoder = Encoder {
        types,
        defaults: &defaults,
        work: WORK,
    };
    let mut encoded = Vec::with_capacity(defaults.len());
    for (&(record, position), json) in &defaults {
        let Type::Record(fields) = encoder.types.get(record) else {
            continue;
        };
        let Some(field) = fields.fields.get(position) else {
            continue;
        };
        let mut bytes = Vec::new();
        let result = encoder.value(field.ty, json, DEPTH, &mut bytes);
        let result: Result<Arc<[u8]>, _> = result.map(|()| bytes.into()).map_err(|detail| {
            let path = format!("{}.{}", fields.names.full, field.name);
            schema(path, format!("its default: {detail}"))
        });
        encoded.push((record, position, result));
    }
    for (record, position, result) in encoded {
        put(types, record, position, result);
    }
}

fn put(types: &mut Types, record: TypeId, at: usize, default: Result<Arc<[u8]>, AvroError>) {
    if let Some(Type::Record(record)) = types.list.get_mut(record.0 as usize)
        && let Some(field) = record.fields.get_mut(at)
    {
        field.default = Some(default);
    }
}

struct Encoder<'a> {
    types: &'a Types,
    defaults: &'a Defaults,
    work: usize,
}

impl Encoder<'_> {
    fn spend(&mut self, bytes: usize) -> Result<(), String> {
        match self.work.checked_sub(bytes.saturating_add(1)) {
            Some(left) => self.work = left,
            None => return Err("the defaults of the schema are too large in total".to_owned()),
        }
        Ok(())
    }

    fn value(
        &mut self,
        id: TypeId,
        json: &Value,
        depth: u32,
        to: &mut Vec<u8>,
    ) -> Result<(), String> {
        let before = to.len();
        self.spend(0)?;
        let depth = depth
            .checked_sub(1)
            .ok_or_else(|| format!("nests deeper than {DEPTH} levels"))?;
        let types = self.types;
        let ty = types.get(id);
        match (ty, json) {
            (Type::Null, Value::Null) => {}
            (Type::Boolean, Value::Bool(value)) => to.push(u8::from(*value)),
            (Type::Int, Value::Number(number)) => match whole(number).map(i32::try_from) {
                Some(Ok(value)) => varint::write(i64::from(value), to),
                _ => return Err(misfit(ty, json)),
            },
            (Type::Long, Value::Number(number)) => match whole(number) {
                Some(value) => varint::write(value, to),
                None => return Err(misfit(ty, json)),
            },
            (Type::Float, _) => {
                // Rounded, like a literal.
                let value = number(json).ok_or_else(|| misfit(ty, json))? as f32;
                to.extend_from_slice(&value.to_le_bytes());
            }
            (Type::Double, _) => {
                let value = number(json).ok_or_else(|| misfit(ty, json))?;
                to.extend_from_slice(&value.to_le_bytes());
            }
            (Type::Bytes(_), Value::String(text)) => {
                let bytes = latin(text).ok_or_else(|| misfit(ty, json))?;
                varint::write_length(bytes.len(), to);
                to.extend_from_slice(&bytes);
            }
            (Type::Fixed(fixed), Value::String(text)) => {
                let bytes = latin(text).ok_or_else(|| misfit(ty, json))?;
                if bytes.len() != fixed.size {
                    return Err(format!(
                        "found {} bytes; allowed: {}",
                        bytes.len(),
                        fixed.size
                    ));
                }
                to.extend_from_slice(&bytes);
            }
            (Type::String { .. }, Value::String(text)) => {
                varint::write_length(text.len(), to);
                to.extend_from_slice(text.as_bytes());
            }
            (Type::Enum(symbols), Value::String(text)) => {
                let index = symbols.symbols.iter().position(|symbol| **symbol == **text);
                varint::write_length(index.ok_or_else(|| misfit(ty, json))?, to);
            }
            (Type::Array(items), Value::Array(list)) => {
                if !list.is_empty() {
                    varint::write_length(list.len(), to);
                }
                for item in list {
                    self.value(*items, item, depth, to)?;
                }
                to.push(0);
            }
            (Type::Map(values), Value::Object(entries)) => {
                if !entries.is_empty() {
                    varint::write_length(entries.len(), to);
                }
                for (key, value) in entries {
                    varint::write_length(key.len(), to);
                    to.extend_from_slice(key.as_bytes());
                    self.value(*values, value, depth, to)?;
                }
                to.push(0);
            }
            (Type::Record(_), Value::Object(entries)) => self.record(id, entries, depth, to)?,
            (Type::Union(branches), _) => return self.union(branches, json, depth, to),
            _ => return Err(misfit(ty, json)),
        }
        self.spend(to.len() - before)
    }

    fn record(
        &mut self,
        id: TypeId,
        entries: &serde_json::Map<String, Value>,
        depth: u32,
        to: &mut Vec<u8>,
    ) -> Result<(), String> {
        let types = self.types;
        let Type::Record(record) = types.get(id) else {
            return Ok(());
        };
        for (position, field) in record.fields.iter().enumerate() {
            let defaults = self.defaults;
            let json = entries
                .get(&*field.name)
                .or_else(|| defaults.get(&(id, position)))
                .ok_or_else(|| format!("lacks the field {:?}", field.name))?;
            self.value(field.ty, json, depth, to)?;
        }
        Ok(())
    }

    /// Encodes the default of a union, with the first branch that it fits. Older versions of Avro allow only
    /// the first branch.
    fn union(
        &mut self,
        branches: &[TypeId],
        json: &Value,
        depth: u32,
        to: &mut Vec<u8>,
    ) -> Result<(), String> {
        let start = to.len();
        for (index, branch) in branches.iter().enumerate() {
            varint::write_length(index, to);
            match self.value(*branch, json, depth, to) {
                Ok(()) => return Ok(()),
                Err(detail) if branches.len() == 1 => return Err(detail),
                Err(_) => to.truncate(start),
            }
        }
        Err(format!(
            "found {}; no branch of the union accepts it",
            kind(json)
        ))
    }
}

/// Returns a whole number, even if it is written as `1.0`.
fn whole(number: &serde_json::Number) -> Option<i64> {
    number.as_i64().or_else(|| {
        let value = number.as_f64()?;
        // Exact up to 2^53.
        (value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0).then_some(value as i64)
    })
}

/// Returns a number. Java writes numbers that JSON cannot represent as strings.
fn number(json: &Value) -> Option<f64> {
    match json {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" | "INF" => Some(f64::INFINITY),
            "-Infinity" | "-INF" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the bytes of a default's text, in which each character stands for one byte.
fn latin(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(c).ok()).collect()
}

fn misfit(ty: &Type, json: &Value) -> String {
    format!("found {}; allowed: {ty}", kind(json))
}

fn kind(json: &Value) -> String {
    match json {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string(),
    }
}
