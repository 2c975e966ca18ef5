//! Decodes Avro with pairs of a writer's and a reader's schema. The first byte chooses the pair.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rws_kafka_schema::fuzzing::Avro;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

const PRIMITIVES: &str = r#"{"type": "record", "name": "P", "fields": [
    {"name": "a", "type": "int"}, {"name": "b", "type": "string"}, {"name": "c", "type": "bytes"},
    {"name": "d", "type": ["null", "double"]}, {"name": "e", "type": "boolean"}]}"#;
const PROMOTED: &str = r#"{"type": "record", "name": "P", "fields": [
    {"name": "renamed", "aliases": ["a"], "type": "double"}, {"name": "b", "type": "bytes"},
    {"name": "f", "type": "long", "default": 3}]}"#;
const TREE: &str = r#"{"type": "record", "name": "Node", "fields": [
    {"name": "name", "type": "string"}, {"name": "children", "type": {"type": "array", "items": "Node"}},
    {"name": "next", "type": ["null", "Node"], "default": null}]}"#;
const MAPS: &str = r#"{"type": "map", "values": {"type": "array", "items": "null"}}"#;
const LOGICAL: &str = r#"{"type": "record", "name": "L", "fields": [
    {"name": "u", "type": {"type": "string", "logicalType": "uuid"}},
    {"name": "t", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "p", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}},
    {"name": "f", "type": {"type": "fixed", "name": "F", "size": 12}},
    {"name": "k", "type": {"type": "enum", "name": "K", "symbols": ["A", "B"], "default": "A"}}]}"#;

#[derive(Debug, Serialize, Deserialize)]
struct Node {
    name: String,
    children: Vec<Node>,
    next: Option<Box<Node>>,
}

static COMPILED: LazyLock<Vec<Avro>> = LazyLock::new(|| {
    vec![
        Avro::new(PRIMITIVES, None),
        Avro::new(PRIMITIVES, Some(PROMOTED)),
        Avro::new(TREE, None),
        Avro::new(MAPS, None),
        Avro::new(LOGICAL, None),
    ]
});

fuzz_target!(|bytes: &[u8]| {
    let Some((which, datum)) = bytes.split_first() else {
        return;
    };
    let which = usize::from(*which) % COMPILED.len();
    let avro = &COMPILED[which];
    avro.decode::<serde_json::Value>(datum);
    avro.decode::<serde::de::IgnoredAny>(datum);
    match which {
        2 => avro.round_trip::<Node>(datum),
        3 => avro.decode::<BTreeMap<String, Vec<()>>>(datum),
        _ => {}
    }
});
