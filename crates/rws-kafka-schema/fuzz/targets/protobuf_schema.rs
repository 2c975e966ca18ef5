//! Compiles the text of a schema, or a descriptor in base64.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rws_kafka_schema::fuzzing;

fuzz_target!(|text: &str| fuzzing::protobuf_schema(text));
