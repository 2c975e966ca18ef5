//! Gives the fuzz targets access to internals. It exists only under `cfg(fuzzing)`.

#![allow(missing_docs)]

use crate::protobuf::{self, File};
use crate::schema::{Resolved, Schema};
use crate::{avro, json_schema, wire};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Decodes a message and, if that succeeds, encodes and decodes it again.
pub fn protobuf_message<M: prost::Name + Default + PartialEq>(bytes: &[u8]) {
    let Ok(message) = protobuf::decode::<M>(bytes) else {
        return;
    };
    let mut again = Vec::new();
    protobuf::encode(&message, &mut again);
    let message = protobuf::decode::<M>(&again).expect("what was written can be read");
    // Compare lengths, because some values (NaN) are not equal to themselves.
    let mut third = Vec::new();
    protobuf::encode(&message, &mut third);
    assert_eq!(again.len(), third.len());
}

/// Reads the place of an `M` in both framings, and the message after it.
pub fn protobuf_payload<M: prost::Name + Default>(schema: &str, bytes: &[u8]) {
    let file = compiled(schema).expect("the target's schema is valid");
    let name = M::full_name();
    let prefix = file.confluent_prefix(&name).expect("its message is there");
    if let Ok(rest) = file.confluent_rest(&prefix, &name, bytes) {
        let _ = protobuf::decode::<M>(rest);
    }
    if let Ok((indexes, _)) = wire::confluent::read_indexes(bytes) {
        let found = file
            .name_at(&indexes)
            .and_then(|name| file.indexes_of(name));
        assert!(found.is_none_or(|found| found == indexes));
    }
    let prefix = file.glue_prefix(&name).expect("its message is there");
    if let Ok(rest) = file.glue_rest(&prefix, &name, bytes) {
        let _ = protobuf::decode::<M>(rest);
    }
}

/// Compiles a schema and looks up all its messages.
pub fn protobuf_schema(text: &str) {
    let Ok(file) = compiled(text) else {
        return;
    };
    let mut index = 0;
    while let Some(name) = file.glue_name_at(index) {
        assert_eq!(file.glue_index_of(name), Some(index));
        let indexes = file.indexes_of(name).expect("a name has a place");
        assert_eq!(file.name_at(indexes), Some(name));
        let prefix = file.confluent_prefix(name).expect("a name has a place");
        assert_eq!(file.confluent_rest(&[], name, &prefix), Ok(&[][..]));
        index += 1;
    }
}

fn compiled(schema: &str) -> Result<File, protobuf::ProtobufError> {
    File::new(&Resolved::alone(Schema::protobuf(schema)))
}

#[derive(Debug)]
pub struct JsonSchema(json_schema::Validator);

impl JsonSchema {
    pub fn new(schema: &str) -> Self {
        let schema = Resolved::alone(Schema::json(schema));
        Self(json_schema::Validator::new(&schema).expect("the target's schema is valid"))
    }

    /// Decodes a value and, if it is valid, encodes it again.
    pub fn decode(&self, payload: &[u8]) {
        match self.0.decode::<serde_json::Value>(payload) {
            Ok(value) => {
                let mut again = Vec::new();
                let _ = self.0.encode(&value, &mut again);
            }
            Err(error) => assert!(error.to_string().len() < 16_384),
        }
    }
}

#[derive(Debug)]
pub struct Avro {
    reader: avro::Reader,
    writer: avro::Writer,
}

impl Avro {
    pub fn new(writer: &str, reader: Option<&str>) -> Self {
        let writer = Resolved::alone(Schema::avro(writer));
        let reader = reader.map(|reader| Resolved::alone(Schema::avro(reader)));
        Self {
            reader: avro::Reader::new(&writer, reader.as_ref())
                .expect("the target's schemas are valid"),
            writer: avro::Writer::new(&writer).expect("the target's schema is valid"),
        }
    }

    pub fn decode<T: DeserializeOwned>(&self, datum: &[u8]) {
        let _ = self.reader.decode::<T>(datum);
    }

    /// Decodes a value of the writer's schema and, if that succeeds, encodes and decodes it again.
    pub fn round_trip<T: Serialize + DeserializeOwned>(&self, datum: &[u8]) {
        let Ok(value) = self.reader.decode::<T>(datum) else {
            return;
        };
        let mut again = Vec::new();
        self.writer
            .encode(&value, &mut again)
            .expect("what was read can be written");
        self.reader
            .decode::<T>(&again)
            .expect("what was written can be read");
    }
}
