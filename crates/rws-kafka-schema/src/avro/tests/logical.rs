//! Tests that logical types are written as their underlying types, and can be read both ways.

use super::*;
use apache_avro::{Days, Decimal, Duration, Millis, Months};
use serde::Deserialize;

fn logical(ty: &str, logical: &str) -> String {
    format!(r#"{{"type": "{ty}", "logicalType": "{logical}"}}"#)
}

#[test]
fn dates_and_times_are_numbers() {
    round_trip(&logical("int", "date"), &19_000);
    round_trip(&logical("int", "time-millis"), &86_399_999);
    for name in [
        "time-micros",
        "timestamp-millis",
        "timestamp-micros",
        "timestamp-nanos",
        "local-timestamp-millis",
        "local-timestamp-micros",
        "local-timestamp-nanos",
        "of-no-meaning",
    ] {
        round_trip(&logical("long", name), &1_700_000_000_000_000_000_i64);
        round_trip(
            &format!(r#"["null", {}]"#, logical("long", name)),
            &Some(-1_i64),
        );
    }
}

#[test]
fn decimals_are_bytes_or_fixed() {
    let bytes = r#"{"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}"#;
    let fixed = r#"{"type": "fixed", "name": "D", "size": 4, "logicalType": "decimal",
        "precision": 9, "scale": 2}"#;
    let value = Decimal::from([0xff, 0x38]);
    assert_eq!(write(bytes, &value), [4, 0xff, 0x38]);
    // In four bytes, -200 is still -200.
    assert_eq!(write(fixed, &value), [0xff, 0xff, 0xff, 0x38]);
    assert_eq!(write(fixed, &Decimal::from([0x7f, 0, 0])), [0, 0x7f, 0, 0]);
    assert!(try_write(fixed, &Decimal::from([1, 2, 3, 4, 5])).is_err());
    round_trip(bytes, &value);
    round_trip(fixed, &Decimal::from([1, 2, 3, 4]));
    let other = bytes.replace("\"scale\": 2", "\"scale\": 3");
    let error = Reader::new(&avro(bytes), Some(&avro(&other))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "values of the writer's schema cannot be read with the reader's schema: \
         a decimal written with scale 2, read with scale 3"
    );
    let big = logical("bytes", "big-decimal");
    round_trip(&big, &serde_bytes::ByteBuf::from([4, 1, 0, 4]));
}

#[test]
fn uuids_are_text_or_bytes() {
    let uuid = uuid::Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
    let text = logical("string", "uuid");
    let bytes = logical("bytes", "uuid");
    let fixed = r#"{"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}"#;
    for schema in [&*text, &bytes, fixed] {
        round_trip(schema, &uuid);
        round_trip(&format!(r#"["null", {schema}]"#), &Some(uuid));
    }
    let written = write(&text, &uuid);
    assert_eq!(&written[1..], b"00112233-4455-6677-8899-aabbccddeeff");
    assert_eq!(read::<String>(&text, &written), Ok(uuid.to_string()));
    assert_eq!(write(&text, &uuid.to_string()), written);
    let error = read::<uuid::Uuid>(&text, &write(&text, "no")).unwrap_err();
    assert!(
        error.to_string().contains("\"no\" is not a UUID"),
        "{error}"
    );
    // Text that is not a UUID stays text.
    assert!(try_write(r#""string""#, &uuid).is_err());
}

#[test]
fn durations_are_fixed() {
    let schema = r#"{"type": "fixed", "name": "D", "size": 12, "logicalType": "duration"}"#;
    let value = Duration::new(Months::new(1), Days::new(2), Millis::new(3));
    assert_eq!(write(schema, &value), [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
    round_trip(schema, &value);
}

#[test]
fn all_of_them_in_a_record_evolve() {
    let writer = r#"{"type": "record", "name": "R", "fields": [
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}},
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}}]}"#;
    let reader = r#"{"type": "record", "name": "R", "fields": [
        {"name": "id", "type": "string"},
        {"name": "price", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}]},
        {"name": "at", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}]},
        {"name": "day", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "late", "type": {"type": "int", "logicalType": "time-millis"}, "default": 5}]}"#;
    #[derive(Serialize)]
    struct Written {
        day: i32,
        at: i64,
        price: Decimal,
        id: uuid::Uuid,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Read {
        id: String,
        price: Option<Decimal>,
        at: Option<i64>,
        day: i64,
        late: i32,
    }
    let bytes = write(
        writer,
        &Written {
            day: 1,
            at: 2,
            price: Decimal::from([3]),
            id: uuid::Uuid::nil(),
        },
    );
    let expected = Read {
        id: uuid::Uuid::nil().to_string(),
        price: Some(Decimal::from([3])),
        at: Some(2),
        day: 1,
        late: 5,
    };
    assert_eq!(resolve(writer, reader, &bytes), Ok(expected));
}
