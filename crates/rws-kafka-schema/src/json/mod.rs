//! JSON with serde.

mod cause;

pub use cause::Cause;
pub(crate) use cause::place;

use crate::error::SchemaError;
use rws_kafka_observe::text::printable;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type that can be sent as JSON: every type that serde can serialize and deserialize.
///
/// ```
/// use rws_kafka_schema::json::JsonMessage;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Ping {
///     number: u32,
/// }
///
/// fn round_trip<M: JsonMessage>(message: &M) -> Result<M, rws_kafka_schema::SchemaError> {
///     rws_kafka_schema::json::decode(&rws_kafka_schema::json::encode(message)?)
/// }
/// assert_eq!(round_trip(&Ping { number: 7 })?.number, 7);
/// # Ok::<(), rws_kafka_schema::SchemaError>(())
/// ```
pub trait JsonMessage: Serialize + DeserializeOwned {}

impl<T: Serialize + DeserializeOwned> JsonMessage for T {}

/// Returns `value` as compact JSON in UTF-8.
///
/// # Errors
///
/// [`SchemaError::JsonValue`] if JSON cannot represent the value, for example a map whose keys are not text.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, SchemaError> {
    let mut json = Vec::with_capacity(128);
    let mut serializer = serde_json::Serializer::new(&mut json);
    serde_path_to_error::serialize(value, &mut serializer).map_err(|error| {
        SchemaError::JsonValue {
            path: path_of(error.path()),
            source: Cause::new(error.into_inner()),
        }
    })?;
    Ok(json)
}

/// Decodes a payload that is one JSON value in UTF-8, with only white space around it.
///
/// # Errors
///
/// [`SchemaError::JsonPayload`] with line, column and path of what is wrong. It shows no part of the payload
/// except what serde's message contains.
pub fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, SchemaError> {
    let mut deserializer = serde_json::Deserializer::from_slice(payload);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = path_of(error.path());
        wrong(path, error.into_inner())
    })?;
    deserializer
        .end()
        .map_err(|error| wrong(String::new(), error))?;
    Ok(value)
}

fn wrong(path: String, source: serde_json::Error) -> SchemaError {
    SchemaError::JsonPayload {
        line: source.line(),
        column: source.column(),
        path,
        source: Cause::new(source),
    }
}

/// Returns the escaped path, which contains keys of the payload; empty for the whole value (serde shows a
/// dot).
fn path_of(path: &serde_path_to_error::Path) -> String {
    if path.iter().next().is_none() {
        String::new()
    } else {
        printable(&path.to_string()).into_owned()
    }
}

#[cfg(test)]
mod tests;
