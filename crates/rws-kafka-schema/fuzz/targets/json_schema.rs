//! Checks JSON against schemas of all drafts. The first byte chooses the schema.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rws_kafka_schema::fuzzing::JsonSchema;
use std::sync::LazyLock;

const SCHEMAS: [&str; 5] = [
    r##"{"type": "object", "required": ["id"], "additionalProperties": false, "properties": {
        "id": {"type": "integer", "minimum": 1, "multipleOf": 3},
        "inner": {"$ref": "#"}, "at": {"format": "date-time"}, "mail": {"format": "email"},
        "tags": {"items": {"pattern": "^(a+)+$"}, "uniqueItems": true, "maxItems": 3}}}"##,
    r##"{"$schema": "http://json-schema.org/draft-04/schema#", "anyOf": [
        {"type": "number", "maximum": 3, "exclusiveMaximum": true},
        {"type": "array", "items": {"$ref": "#"}}, {"enum": ["a", null, {"b": []}]}]}"##,
    r##"{"$schema": "http://json-schema.org/draft-06/schema#", "propertyNames": {"pattern": "^(?!x)(a|b)*$"},
        "contains": {"const": 1}, "patternProperties": {"^a": {"not": {"$ref": "#"}}}}"##,
    r##"{"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveAnchor": true,
        "properties": {"a": {"$recursiveRef": "#"}}, "unevaluatedProperties": false,
        "dependentRequired": {"a": ["b"]}}"##,
    r##"{"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [{"type": "string"}],
        "items": {"oneOf": [{"$ref": "#"}, {"type": "integer"}]}, "unevaluatedItems": false,
        "if": {"minLength": 2}, "then": {"contentEncoding": "base64"}}"##,
];

static COMPILED: LazyLock<Vec<JsonSchema>> =
    LazyLock::new(|| SCHEMAS.into_iter().map(JsonSchema::new).collect());

fuzz_target!(|bytes: &[u8]| {
    if let Some((which, payload)) = bytes.split_first() {
        COMPILED[usize::from(*which) % COMPILED.len()].decode(payload);
    }
});
