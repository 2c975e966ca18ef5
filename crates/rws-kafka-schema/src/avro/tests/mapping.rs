//! Tests of how serde's types are written and read.

use super::*;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    lines: Vec<Line>,
    note: Option<String>,
    tags: BTreeMap<String, bool>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Line {
    price: i32,
    rebate: f32,
}

const ORDER: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "long"},
    {"name": "lines", "type": {"type": "array", "items":
        {"type": "record", "name": "Line", "fields": [
            {"name": "price", "type": "int"}, {"name": "rebate", "type": "float"}]}}},
    {"name": "note", "type": ["null", "string"]},
    {"name": "tags", "type": {"type": "map", "values": "boolean"}}]}"#;

fn order() -> Order {
    Order {
        id: 5,
        lines: vec![
            Line {
                price: -1,
                rebate: 0.5,
            },
            Line {
                price: i32::MAX,
                rebate: -0.0,
            },
        ],
        note: Some("ä".to_owned()),
        tags: BTreeMap::from([("new".to_owned(), true)]),
    }
}

#[test]
fn a_record_is_written_as_the_specification_says() {
    let expected = [
        &[10_u8][..],
        &[
            4, 1, 0, 0, 0, 0x3f, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0x80, 0,
        ],
        &[2, 4, 0xc3, 0xa4],
        &[2, 6, b'n', b'e', b'w', 1, 0],
    ]
    .concat();
    assert_eq!(write(ORDER, &order()), expected);
    round_trip(ORDER, &order());
}

#[test]
fn whole_numbers_of_all_widths_are_ints_or_longs() {
    round_trip(r#""int""#, &i8::MIN);
    round_trip(r#""int""#, &u8::MAX);
    round_trip(r#""int""#, &i16::MIN);
    round_trip(r#""int""#, &u16::MAX);
    round_trip(r#""int""#, &i32::MIN);
    round_trip(r#""long""#, &u32::MAX);
    round_trip(r#""long""#, &i64::MIN);
    round_trip(r#""long""#, &i64::MAX);
    round_trip(r#""long""#, &u64::from(u32::MAX));
    round_trip(r#""long""#, &(i64::MAX as u64));
    round_trip(r#""long""#, &7_u8);
    round_trip(r#""int""#, &7_u64);
    round_trip(r#""long""#, &7_u128);
    round_trip(r#""long""#, &-7_i128);
    for value in [0, 63, 64, -64, -65, 8191, 8192, 1 << 34, i64::MAX, i64::MIN] {
        round_trip(r#""long""#, &value);
    }
}

#[test]
fn a_number_out_of_range_is_refused_with_its_field() {
    let mut order = order();
    order.id = i64::MAX as u64 + 1;
    let error = try_write(ORDER, &order).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the number 9223372036854775808 is out of range in id; \
         allowed: a long, -9223372036854775808 to 9223372036854775807"
    );
    assert!(matches!(
        try_write(r#""int""#, &(i64::from(i32::MAX) + 1)),
        Err(AvroError::Range { .. })
    ));
    assert!(matches!(
        try_write(r#"["null", "int"]"#, &Some(u32::MAX)),
        Err(AvroError::Range { .. })
    ));

    // The id is -1.
    let error = read::<Order>(ORDER, &[1, 0, 0, 0]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the number -1 is out of range in id; allowed: 0 to 18446744073709551615"
    );
    let lines = r#"{"type": "array", "items": "long"}"#;
    let error = read::<Vec<u8>>(lines, &write(lines, &[1_i64, 256])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the number 256 is out of range in [1]; allowed: 0 to 255"
    );
    assert!(read::<i32>(r#""long""#, &write(r#""long""#, &(1_i64 << 40))).is_err());
}

#[test]
fn numbers_become_floats_where_those_have_them() {
    round_trip(r#""float""#, &f32::MIN_POSITIVE);
    round_trip(r#""double""#, &f64::MAX);
    assert_eq!(
        read::<f64>(r#""double""#, &write(r#""double""#, &0.1_f32)),
        Ok(f64::from(0.1_f32))
    );
    assert_eq!(
        read::<f64>(r#""float""#, &write(r#""float""#, &0.5_f32)),
        Ok(0.5)
    );
    // JSON and most languages have one type for both, so the nearest float is written.
    assert_eq!(
        read::<f32>(r#""float""#, &write(r#""float""#, &0.1_f64)),
        Ok(0.1)
    );
    assert_eq!(
        write(r#"["long", "float"]"#, &0.5_f64),
        write(r#"["long", "float"]"#, &0.5_f32)
    );
    assert_eq!(
        read::<f32>(r#""float""#, &write(r#""float""#, &f64::NEG_INFINITY)),
        Ok(f32::NEG_INFINITY)
    );
    assert_eq!(
        try_write(r#""float""#, &1e39).unwrap_err().to_string(),
        "the number 1000000000000000000000000000000000000000 is out of range; \
         allowed: a float, -3.4028235e38 to 3.4028235e38"
    );
    assert!(read::<f32>(r#""double""#, &[0; 8]).is_err());
    // Whole numbers must not be rounded: JSON writes 5 for 5.0.
    for (schema, most) in [(r#""double""#, 1_i64 << 53), (r#""float""#, 1 << 24)] {
        assert_eq!(
            read::<f64>(schema, &write(schema, &-most)),
            Ok(-(most as f64))
        );
        assert_eq!(
            read::<f64>(schema, &write(schema, &(most as u64))),
            Ok(most as f64)
        );
        let error = try_write(schema, &(most + 1)).unwrap_err();
        assert!(matches!(error, AvroError::Range { .. }), "{error}");
    }
    assert_eq!(write(r#"["double", "int"]"#, &7), [2, 14]);
    assert!(read::<i64>(r#""double""#, &[0; 8]).is_err());
    let nan = read::<f64>(r#""double""#, &write(r#""double""#, &f64::NAN));
    assert!(nan.unwrap().is_nan());
}

#[test]
fn text_and_bytes_come_as_they_are_asked_for() {
    round_trip(r#""string""#, &"grüße".to_owned());
    round_trip(r#""string""#, &'ß');
    assert!(read::<char>(r#""string""#, &write(r#""string""#, "ab")).is_err());
    round_trip(r#""bytes""#, &serde_bytes::ByteBuf::from([0, 255]));
    // Without serde_bytes, serde passes numbers.
    round_trip(r#""bytes""#, &vec![0_u8, 128, 255]);
    round_trip(r#""bytes""#, &[0_u8, 128, 255]);
    round_trip(r#""bytes""#, &Vec::<u8>::new());
    assert_eq!(write(r#""bytes""#, &vec![1_u8, 2]), [4, 1, 2]);
    let fixed = r#"{"type": "fixed", "name": "Id", "size": 3}"#;
    round_trip(fixed, &[1_u8, 2, 3]);
    round_trip(fixed, &serde_bytes::ByteArray::new([1_u8, 2, 3]));
    assert_eq!(write(fixed, &[1_u8, 2, 255]), [1, 2, 255]);
    assert!(try_write(fixed, &[1_u8, 2]).is_err());
    assert!(try_write(fixed, &vec![1_u8, 2]).is_err());
    assert!(try_write(fixed, &serde_bytes::ByteBuf::from([1, 2])).is_err());
    assert!(read::<[u8; 4]>(fixed, &[1, 2, 3]).is_err());
    assert!(read::<[u8; 2]>(r#""bytes""#, &[6, 1, 2, 3]).is_err());
    let numbers = r#"{"type": "array", "items": "int"}"#;
    round_trip(numbers, &vec![1_u8, 255]);
    round_trip(numbers, &[1_u8, 255]);
    assert!(read::<[u8; 1]>(numbers, &write(numbers, &[1, 2])).is_err());
    assert!(read::<[u8; 3]>(numbers, &write(numbers, &[1, 2])).is_err());
}

#[test]
fn options_are_unions_with_null() {
    round_trip(r#"["null", "string"]"#, &Some("a".to_owned()));
    round_trip(r#"["string", "null"]"#, &Some("a".to_owned()));
    round_trip(r#"["string", "null"]"#, &None::<String>);
    round_trip(r#"["int", "null", "string"]"#, &None::<String>);
    round_trip(r#"["int", "null", "string"]"#, &Some("a".to_owned()));
    round_trip(
        r#"["null", {"type": "array", "items": "long"}]"#,
        &Some(vec![1_i64]),
    );
    // Without null in the schema, a value is written and `None` is refused.
    round_trip(r#""int""#, &Some(1));
    assert!(try_write(r#""int""#, &None::<i32>).is_err());
    round_trip(r#""null""#, &());
    round_trip(r#""null""#, &None::<i32>);
    // A plain value is written to the branch that is not null.
    assert_eq!(write(r#"["null", "long"]"#, &5_i64), [2, 10]);
    assert_eq!(read::<i64>(r#"["null", "long"]"#, &[2, 10]), Ok(5));
    assert!(read::<i64>(r#"["null", "long"]"#, &[0]).is_err());
}

#[test]
fn fields_are_found_by_name_and_filled_by_default() {
    #[derive(Serialize)]
    struct Other {
        b: i32,
        #[serde(skip_serializing_if = "Option::is_none")]
        d: Option<i32>,
        a: &'static str,
    }
    const SCHEMA: &str = r#"{"type": "record", "name": "R", "fields": [
        {"name": "a", "type": "string"},
        {"name": "b", "type": "int"},
        {"name": "c", "type": {"type": "map", "values": "bytes"}, "default": {"k": "\u00ff"}},
        {"name": "d", "type": ["null", "int"]}]}"#;
    let expected = [2, b'x', 14, 2, 2, b'k', 2, 255, 0, 0];
    let value = Other {
        b: 7,
        d: None,
        a: "x",
    };
    assert_eq!(write(SCHEMA, &value), expected);
    let map = BTreeMap::from([("a", "x")]);
    assert_eq!(
        try_write(SCHEMA, &map).unwrap_err().to_string(),
        "the value does not fit the Avro schema in b: \
         the value lacks this field, and the schema has no default for it"
    );
    let map = BTreeMap::from([("a", "x"), ("e", "y")]);
    assert_eq!(
        try_write(SCHEMA, &map).unwrap_err().to_string(),
        "the value does not fit the Avro schema in e: the schema's record R has no such field"
    );
}

#[test]
fn nested_records_out_of_order_are_sorted() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Inner {
        y: String,
        x: i64,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Outer {
        last: Vec<Inner>,
        first: Inner,
        middle: i32,
    }
    let schema = r#"{"type": "record", "name": "Outer", "fields": [
        {"name": "first", "type": {"type": "record", "name": "Inner", "fields": [
            {"name": "x", "type": "long"}, {"name": "y", "type": "string"}]}},
        {"name": "middle", "type": "int"},
        {"name": "last", "type": {"type": "array", "items": "Inner"}}]}"#;
    let inner = |x: i64| Inner {
        y: "y".repeat(x as usize),
        x,
    };
    let value = Outer {
        last: vec![inner(1), inner(2)],
        first: inner(3),
        middle: 4,
    };
    assert_eq!(
        write(schema, &value),
        [
            6, 6, b'y', b'y', b'y', 8, 4, 2, 2, b'y', 4, 4, b'y', b'y', 0
        ]
    );
    round_trip(schema, &value);
}

#[test]
fn errors_name_the_place_in_the_value() {
    let mut bytes = write(ORDER, &order());
    // The branch of `note`.
    bytes[17] = 8;
    assert_eq!(
        read::<Order>(ORDER, &bytes).unwrap_err().to_string(),
        "the payload does not match its schema, before byte 18 in note: branch 4; allowed: 0 to 1"
    );

    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Wrong {
        lines: Vec<WrongLine>,
    }
    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct WrongLine {
        price: String,
    }
    let bytes = write(ORDER, &order());
    assert_eq!(
        read::<Wrong>(ORDER, &bytes).unwrap_err().to_string(),
        "the payload does not fit the requested type in lines[0].price: \
         found an int; expected a string"
    );

    #[derive(Serialize)]
    struct Bad {
        id: u64,
        lines: [BTreeMap<&'static str, f64>; 2],
    }
    let line = |price| BTreeMap::from([("price", price)]);
    let bad = Bad {
        id: 1,
        lines: [line(1.0), line(2.0)],
    };
    assert_eq!(
        try_write(ORDER, &bad).unwrap_err().to_string(),
        "the value does not fit the Avro schema in lines[0].price: \
         found f64; the schema has int"
    );
    assert_eq!(
        try_write(
            r#"{"type": "map", "values": "int"}"#,
            &HashMap::from([("key", "x")])
        )
        .unwrap_err()
        .to_string(),
        "the value does not fit the Avro schema in key: found str; the schema has int"
    );
}

#[test]
fn a_payload_that_ends_early_or_late_is_refused() {
    let bytes = write(ORDER, &order());
    for length in 0..bytes.len() {
        let error = read::<Order>(ORDER, &bytes[..length]).unwrap_err();
        assert!(
            matches!(error, AvroError::EndsEarly { .. }),
            "{length}: {error}"
        );
    }
    let mut longer = bytes.clone();
    longer.extend([0, 0]);
    assert_eq!(
        read::<Order>(ORDER, &longer),
        Err(AvroError::LeftOver {
            position: bytes.len(),
            count: 2
        })
    );
    let error = read::<Order>(ORDER, &bytes[..bytes.len() - 2]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the payload ends at byte {}, before the end of the value in tags.new",
            bytes.len() - 2
        )
    );
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Colour {
    Red,
    #[serde(rename = "GREEN")]
    Green,
}

#[test]
fn unit_enums_are_symbols_by_name() {
    let schema = r#"{"type": "enum", "name": "Colour", "symbols": ["GREEN", "Red"]}"#;
    assert_eq!(write(schema, &Colour::Green), [0]);
    assert_eq!(write(schema, &Colour::Red), [2]);
    round_trip(schema, &Colour::Green);
    round_trip(schema, &"Red".to_owned());
    round_trip(r#""string""#, &Colour::Green);
    assert!(try_write(schema, "Blue").is_err());
    let optional = format!(r#"["null", {schema}]"#);
    round_trip(&optional, &Some(Colour::Red));
    round_trip(&optional, &None::<Colour>);
    let error = read::<Colour>(schema, &[4]).unwrap_err().to_string();
    assert!(error.contains("symbol 2; allowed: 0 to 1"), "{error}");
    let more = r#"{"type": "enum", "name": "Colour", "symbols": ["GREEN", "Blue"]}"#;
    let error = read::<Colour>(more, &[2]).unwrap_err().to_string();
    assert!(error.contains("unknown variant `Blue`"), "{error}");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Payment {
    None,
    Cash(u64),
    Card { number: String },
    Pair(i32, bool),
    Shade(Colour),
}

#[test]
fn enums_with_data_are_unions() {
    let schema = r#"["null", "long",
        {"type": "record", "name": "Card", "fields": [{"name": "number", "type": "string"}]},
        {"type": "record", "name": "Pair", "fields": [
            {"name": "0", "type": "int"}, {"name": "1", "type": "boolean"}]},
        {"type": "enum", "name": "Shades", "symbols": ["Red", "GREEN"]}]"#;
    for value in [
        Payment::None,
        Payment::Cash(9),
        Payment::Card {
            number: "1".to_owned(),
        },
        Payment::Pair(1, true),
        Payment::Shade(Colour::Green),
    ] {
        round_trip(schema, &value);
    }
    assert_eq!(write(schema, &Payment::Cash(1)), [2, 2]);
}

#[test]
fn enums_with_data_can_be_optional() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Amount {
        Number(i64),
        Text(String),
        Shade(Colour),
    }
    let colour = r#"{"type": "enum", "name": "C", "symbols": ["Red", "GREEN"]}"#;
    for schema in [
        format!(r#"["null", "long", "string", {colour}]"#),
        format!(r#"["long", "null", "string", {colour}]"#),
        format!(r#"["long", "string", {colour}, "null"]"#),
    ] {
        round_trip(&schema, &Some(Amount::Number(1)));
        round_trip(&schema, &Some(Amount::Text("t".to_owned())));
        round_trip(&schema, &Some(Amount::Shade(Colour::Red)));
        round_trip(&schema, &None::<Amount>);
    }
}

#[test]
fn variants_are_found_by_name_when_the_union_has_another_order() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Event {
        Opened { at: i64 },
        Closed { by: String },
        Lost,
    }
    let schema = r#"[
        {"type": "record", "name": "Closed", "fields": [{"name": "by", "type": "string"}]},
        {"type": "record", "name": "Lost", "fields": []},
        {"type": "record", "name": "Opened", "fields": [{"name": "at", "type": "long"}]}]"#;
    round_trip(schema, &Event::Opened { at: 1 });
    round_trip(schema, &Event::Closed { by: "x".to_owned() });
    round_trip(schema, &Event::Lost);
    assert_eq!(write(schema, &Event::Opened { at: 1 }), [4, 2]);
}

#[test]
fn untagged_and_tagged_enums_and_flattened_structs_work() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Any {
        Number(i64),
        Text(String),
        Line { price: i32, rebate: f32 },
    }
    let schema = r#"["null", "string", {"type": "record", "name": "L", "fields": [
        {"name": "price", "type": "int"}, {"name": "rebate", "type": "float"}]}, "long"]"#;
    round_trip(schema, &Any::Number(3));
    round_trip(schema, &Any::Text("t".to_owned()));
    round_trip(
        schema,
        &Any::Line {
            price: 1,
            rebate: 0.5,
        },
    );

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        A { x: i64 },
        B { y: String },
    }
    let schema = r#"{"type": "record", "name": "T", "fields": [
        {"name": "kind", "type": "string"},
        {"name": "x", "type": "long", "default": 0},
        {"name": "y", "type": "string", "default": ""}]}"#;
    round_trip(schema, &Tagged::A { x: 1 });
    round_trip(schema, &Tagged::B { y: "y".to_owned() });

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        id: u64,
        #[serde(flatten)]
        line: Line,
    }
    let schema = r#"{"type": "record", "name": "F", "fields": [
        {"name": "rebate", "type": "float"}, {"name": "price", "type": "int"},
        {"name": "id", "type": "long"}]}"#;
    round_trip(
        schema,
        &Flat {
            id: 1,
            line: Line {
                price: 2,
                rebate: 3.0,
            },
        },
    );
}

#[test]
fn newtypes_are_what_they_hold_or_records_of_their_name() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct OrderId(u64);
    round_trip(r#""long""#, &OrderId(4));
    round_trip(
        r#"{"type": "record", "name": "OrderId", "fields": [{"name": "value", "type": "long"}]}"#,
        &OrderId(4),
    );
    round_trip(r#"["null", "long"]"#, &Some(OrderId(4)));
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Unit;
    round_trip(r#""null""#, &Unit);
    round_trip(r#"{"type": "record", "name": "Unit", "fields": []}"#, &Unit);
    let pair = r#"{"type": "record", "name": "P", "fields": [
        {"name": "a", "type": "long"}, {"name": "b", "type": "string"}]}"#;
    round_trip(pair, &(1_i64, "b".to_owned()));
    round_trip(r#""string""#, &("b".to_owned(),));
    round_trip(r#"["null", "string"]"#, &("b".to_owned(),));
}

#[test]
fn fields_that_the_type_has_not_are_skipped() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Part {
        note: Option<String>,
    }
    assert_eq!(
        read::<Part>(ORDER, &write(ORDER, &order())).unwrap().note,
        order().note
    );
}

#[test]
fn a_sequence_of_unknown_length_is_counted() {
    struct Unknown;
    impl Serialize for Unknown {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq((0..200).filter(|number| number % 2 == 0))
        }
    }
    let schema = r#"{"type": "array", "items": "int"}"#;
    let expected: Vec<i32> = (0..100).map(|number| number * 2).collect();
    assert_eq!(read(schema, &write(schema, &Unknown)), Ok(expected));
}

#[test]
fn blocks_of_all_forms_are_read() {
    let schema = r#"{"type": "array", "items": "int"}"#;
    // Two items, then a block of -1 with its length in bytes, then the end.
    let bytes = [4, 2, 4, 1, 2, 6, 0];
    assert_eq!(read::<Vec<i32>>(schema, &bytes), Ok(vec![1, 2, 3]));
    let record = format!(
        r#"{{"type": "record", "name": "R", "fields": [
            {{"name": "skipped", "type": {schema}}}, {{"name": "kept", "type": "int"}}]}}"#
    );
    let bytes = [&bytes[..], &[14]].concat();
    let kept: BTreeMap<String, serde::de::IgnoredAny> = read(&record, &bytes).unwrap();
    assert_eq!(kept.len(), 2);
    #[derive(Debug, PartialEq, Deserialize)]
    struct Kept {
        kept: i32,
    }
    assert_eq!(read::<Kept>(&record, &bytes), Ok(Kept { kept: 7 }));
}
