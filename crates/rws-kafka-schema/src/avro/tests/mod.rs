mod attacks;
mod beside_apache;
mod derived;
mod evolution;
mod logical;
mod mapping;
mod records;
mod schemas;

use super::{AvroError, Reader, Writer};
use crate::schema::{Dependency, Resolved, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn avro(text: &str) -> Resolved {
    Resolved::alone(Schema::avro(text))
}

fn with_dependencies(text: &str, dependencies: &[(&str, &str)]) -> Resolved {
    Resolved {
        schema: Schema::avro(text),
        dependencies: dependencies
            .iter()
            .map(|(name, text)| Dependency {
                name: (*name).to_owned(),
                text: (*text).into(),
            })
            .collect(),
    }
}

#[track_caller]
fn write<T: Serialize + ?Sized>(schema: &str, value: &T) -> Vec<u8> {
    try_write(schema, value).unwrap()
}

fn try_write<T: Serialize + ?Sized>(schema: &str, value: &T) -> Result<Vec<u8>, AvroError> {
    let mut bytes = b"before".to_vec();
    let result = Writer::new(&avro(schema))
        .unwrap()
        .encode(value, &mut bytes);
    assert!(bytes.starts_with(b"before"));
    match result {
        Ok(()) => Ok(bytes.split_off(6)),
        Err(error) => {
            assert_eq!(bytes, b"before", "an error leaves nothing behind");
            Err(error)
        }
    }
}

fn read<T: DeserializeOwned>(schema: &str, bytes: &[u8]) -> Result<T, AvroError> {
    Reader::new(&avro(schema), None).unwrap().decode(bytes)
}

/// Reads with `reader` what `writer` wrote.
fn resolve<T: DeserializeOwned>(writer: &str, reader: &str, bytes: &[u8]) -> Result<T, AvroError> {
    Reader::new(&avro(writer), Some(&avro(reader)))?.decode(bytes)
}

/// Writes and reads a value with one schema, which is also used as the reader's schema.
#[track_caller]
fn round_trip<T>(schema: &str, value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let bytes = write(schema, value);
    assert_eq!(read::<T>(schema, &bytes).as_ref(), Ok(value), "{schema}");
    assert_eq!(
        resolve::<T>(schema, schema, &bytes).as_ref(),
        Ok(value),
        "{schema}"
    );
}
