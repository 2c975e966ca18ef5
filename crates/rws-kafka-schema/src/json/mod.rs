//! JSON by serde.

mod cause;

pub use cause::Cause;
pub(crate) use cause::place;

use crate::error::SchemaError;
use rws_kafka_observe::text::printable;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What can travel as JSON: any type that serde can write and read.
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

/// `value` as compact JSON in UTF-8.
///
/// # Errors
///
/// [`SchemaError::JsonValue`] for what JSON has no form for, such as a map whose keys are no text.
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

/// The value that `payload` holds as JSON in UTF-8, with nothing but white space around it.
///
/// # Errors
///
/// [`SchemaError::JsonPayload`] tells line, column and path of what is wrong; it shows nothing of the
/// payload but what serde's words hold.
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

/// Escaped, for it holds keys of the payload. Empty for the whole value, which serde_path_to_error shows as a dot.
fn path_of(path: &serde_path_to_error::Path) -> String {
    if path.iter().next().is_none() {
        String::new()
    } else {
        printable(&path.to_string()).into_owned()
    }
}

#[cfg(test)]
mod tests;
