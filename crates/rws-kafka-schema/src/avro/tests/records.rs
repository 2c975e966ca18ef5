//! Tests of maps that are written to a union of several records.

use super::*;
use serde_json::{Value, json};

const PAYMENT: &str = r#"["null",
    {"type": "record", "name": "Card", "namespace": "shop", "fields": [
        {"name": "number", "type": "string"},
        {"name": "limit", "type": "float", "default": 0}]},
    {"type": "record", "name": "Bank", "namespace": "shop", "fields": [
        {"name": "iban", "type": "string"},
        {"name": "note", "type": ["null", "string"]}]},
    {"type": "record", "name": "Plan", "namespace": "shop", "fields": [
        {"name": "iban", "type": "string"},
        {"name": "parts", "type": {"type": "array", "items": "shop.Bank"}}]}]"#;

/// Returns the index of the branch in which `value` was written, and the value that is read back.
#[track_caller]
fn branch(schema: &str, value: &Value) -> (u8, Value) {
    let bytes = write(schema, value);
    (bytes[0] / 2, read(schema, &bytes).unwrap())
}

#[test]
fn the_record_is_chosen_by_its_fields() {
    for (index, value, read) in [
        (
            1,
            json!({"number": "1"}),
            json!({"number": "1", "limit": 0.0}),
        ),
        (
            1,
            json!({"limit": 5, "number": "1"}),
            json!({"number": "1", "limit": 5.0}),
        ),
        (
            2,
            json!({"iban": "DE1"}),
            json!({"iban": "DE1", "note": null}),
        ),
        (
            2,
            json!({"iban": "DE1", "note": "x"}),
            json!({"iban": "DE1", "note": "x"}),
        ),
        (
            3,
            json!({"parts": [{"iban": "DE2"}], "iban": "DE1"}),
            json!({"iban": "DE1", "parts": [{"iban": "DE2", "note": null}]}),
        ),
    ] {
        assert_eq!(branch(PAYMENT, &value), (index, read), "{value}");
    }
    assert_eq!(write(PAYMENT, &Value::Null), [0]);
}

#[test]
fn a_map_that_is_none_of_the_records_is_told_why() {
    assert_eq!(
        try_write(PAYMENT, &json!({"iban": 7}))
            .unwrap_err()
            .to_string(),
        "the value does not fit the Avro schema: found a map that fits none of the union's \
         records: shop.Card has no field iban; shop.Bank has string in field iban; shop.Plan \
         has string in field iban"
    );
    assert_eq!(
        try_write(PAYMENT, &json!({})).unwrap_err().to_string(),
        "the value does not fit the Avro schema: found a map that fits none of the union's \
         records: shop.Card needs a field number; shop.Bank needs a field iban; shop.Plan \
         needs a field iban"
    );
    assert_eq!(
        try_write(PAYMENT, &json!({"iban": "DE1", "parts": [{"iban": 7}]}))
            .unwrap_err()
            .to_string(),
        "the value does not fit the Avro schema in parts[0].iban: found u64; the schema has string \
         (as record shop.Plan, chosen from the union by its fields)"
    );
}

#[test]
fn records_of_the_same_fields_are_told_apart_by_what_is_in_them() {
    let schema = r#"[
        {"type": "record", "name": "Text", "fields": [{"name": "v", "type": "string"}]},
        {"type": "record", "name": "Number", "fields": [{"name": "v", "type": ["null", "double"]}]},
        {"type": "record", "name": "Flag", "fields": [{"name": "v", "type": "boolean"}]}]"#;
    for (index, value) in [
        (0, json!("a")),
        (1, json!(1.5)),
        (1, Value::Null),
        (2, json!(true)),
    ] {
        let map = json!({"v": value});
        assert_eq!(branch(schema, &map), (index, map.clone()));
    }
}

#[test]
fn what_is_flattened_keeps_its_types() {
    #[derive(Serialize)]
    enum Kind {
        Large,
    }
    #[derive(Serialize)]
    struct Size {
        kind: Kind,
        #[serde(with = "serde_bytes")]
        raw: Vec<u8>,
        pair: (i32, i64),
    }
    #[derive(Serialize)]
    struct Parcel {
        id: u64,
        #[serde(flatten)]
        size: Size,
    }
    const RECORD: &str = r#"{"type": "record", "name": "Parcel", "fields": [
        {"name": "id", "type": "long"},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["Small", "Large"]}},
        {"name": "raw", "type": "bytes"},
        {"name": "pair", "type": {"type": "array", "items": "long"}}]}"#;
    let union = format!(r#"[{{"type": "record", "name": "Other", "fields": []}}, {RECORD}]"#);
    let parcel = Parcel {
        id: 7,
        size: Size {
            kind: Kind::Large,
            raw: vec![0, 255],
            pair: (1, 2),
        },
    };
    let mut alone = vec![2];
    alone.extend(write(RECORD, &parcel));
    assert_eq!(write(&union, &parcel), alone);
}

#[test]
fn deep_maps_are_written_in_time_and_too_deep_ones_refused() {
    // Each level fits both records.
    let schema = r#"[{"type": "record", "name": "A", "fields": [
            {"name": "next", "type": ["null", "A", {"type": "record", "name": "B", "fields": [
                {"name": "next", "type": ["null", "A", "B"]}]}]}]}, "B"]"#;
    let nested = |depth| (0..depth).fold(Value::Null, |inner, _| json!({"next": inner}));
    assert_eq!(branch(schema, &nested(60)), (0, nested(60)));
    let error = try_write(schema, &nested(1_000)).unwrap_err();
    assert!(error.to_string().contains("nested deeper than"), "{error}");
}
