//! The schemas that types derive.

use super::error::AvroError;
use super::error::schema;
use crate::schema::Schema;
use apache_avro::AvroSchema;
use serde_json::{Map, Value};

/// The name of a `u64` in apache-avro's schemas, which other languages do not know.
const NAME: &str = "org.apache.avro.rust.u64";

/// Returns the schema of `T`, in which a `u64` is a `long`. Larger values are refused when they are written.
///
/// # Errors
///
/// [`AvroError::Schema`] if the derived schema is not valid Avro.
pub(crate) fn derived<T: AvroSchema + ?Sized>() -> Result<Schema, AvroError> {
    let mut json = serde_json::to_value(T::get_schema())
        .map_err(|error| schema("", format!("the type's derived schema is invalid: {error}")))?;
    replace(&mut json);
    Ok(Schema::avro(json.to_string()))
}

/// Replaces the name in `json`. It recurses as deep as the type's schema is nested.
fn replace(json: &mut Value) {
    match json {
        Value::String(name) if name == NAME => *json = Value::from("long"),
        Value::Object(object) if is_u64(object) => *json = Value::from("long"),
        Value::Array(branches) => branches.iter_mut().for_each(replace),
        Value::Object(object) => {
            for key in ["type", "items", "values"] {
                if let Some(inner) = object.get_mut(key) {
                    replace(inner);
                }
            }
            if let Some(Value::Array(fields)) = object.get_mut("fields") {
                fields.iter_mut().for_each(replace);
            }
        }
        _ => {}
    }
}

fn is_u64(object: &Map<String, Value>) -> bool {
    let text = |key| object.get(key).and_then(Value::as_str);
    let name = match (text("namespace"), text("name")) {
        (Some(namespace), Some(name)) => format!("{namespace}.{name}"),
        (None, Some(name)) => name.to_owned(),
        (_, None) => return false,
    };
    text("type") == Some("fixed") && name == NAME
}
