//! Tests that one version of a schema reads what another one wrote.

use super::*;
use serde::Deserialize;

/// The first version.
const V1: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "int"},
    {"name": "customer", "type": "string"},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
    {"name": "legacy", "type": {"type": "array", "items": "string"}}]}"#;

/// One field was added with a default, and one removed.
const V2: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "int"},
    {"name": "customer", "type": "string"},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
    {"name": "amount", "type": "float", "default": 1.5}]}"#;

/// The number was promoted, the order changed, and a symbol added, with a default for later ones.
const V3: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "customer", "type": "string"},
    {"name": "amount", "type": "double", "default": 1.5},
    {"name": "state", "type": {"type": "enum", "name": "State",
        "symbols": ["UNKNOWN", "NEW", "PAID", "SHIPPED"], "default": "UNKNOWN"}},
    {"name": "id", "type": "long"}]}"#;

/// The record and a field were renamed with aliases, and a symbol was removed.
const V4: &str = r#"{"type": "record", "name": "Purchase", "namespace": "shop.v4",
    "aliases": ["shop.Order"], "fields": [
    {"name": "buyer", "aliases": ["client", "customer"], "type": ["null", "string"], "default": null},
    {"name": "amount", "type": "double"},
    {"name": "state", "type": {"type": "enum", "name": "Status", "aliases": ["shop.State"],
        "symbols": ["NEW", "SHIPPED", "OTHER"], "default": "OTHER"}},
    {"name": "id", "type": "long"}]}"#;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct First {
    id: i32,
    customer: String,
    state: String,
    legacy: Vec<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Second {
    id: i32,
    customer: String,
    state: String,
    amount: f32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Third {
    id: i64,
    customer: String,
    state: String,
    amount: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Fourth {
    id: i64,
    buyer: Option<String>,
    state: String,
    amount: f64,
}

fn first() -> Vec<u8> {
    write(
        V1,
        &First {
            id: 7,
            customer: "Ada".to_owned(),
            state: "PAID".to_owned(),
            legacy: vec!["x".to_owned(), "y".to_owned()],
        },
    )
}

fn second() -> Vec<u8> {
    write(
        V2,
        &Second {
            id: 7,
            customer: "Ada".to_owned(),
            state: "PAID".to_owned(),
            amount: 0.25,
        },
    )
}

fn third(state: &str) -> Vec<u8> {
    write(
        V3,
        &Third {
            id: 7,
            customer: "Ada".to_owned(),
            state: state.to_owned(),
            amount: 0.25,
        },
    )
}

fn fourth(state: &str) -> Vec<u8> {
    write(
        V4,
        &Fourth {
            id: 7,
            buyer: Some("Ada".to_owned()),
            state: state.to_owned(),
            amount: 0.25,
        },
    )
}

#[test]
fn each_version_reads_itself() {
    assert_eq!(resolve::<First>(V1, V1, &first()).unwrap().legacy.len(), 2);
    assert_eq!(resolve::<Second>(V2, V2, &second()).unwrap().amount, 0.25);
    let value: Third = resolve(V3, V3, &third("SHIPPED")).unwrap();
    assert_eq!(value.state, "SHIPPED");
    let value: Fourth = resolve(V4, V4, &fourth("SHIPPED")).unwrap();
    assert_eq!(value.buyer.as_deref(), Some("Ada"));
}

#[test]
fn later_versions_read_earlier_ones() {
    let expected = Second {
        id: 7,
        customer: "Ada".to_owned(),
        state: "PAID".to_owned(),
        amount: 1.5,
    };
    assert_eq!(resolve(V1, V2, &first()), Ok(expected));

    let expected = |amount| Third {
        id: 7,
        customer: "Ada".to_owned(),
        state: "PAID".to_owned(),
        amount,
    };
    assert_eq!(resolve(V1, V3, &first()), Ok(expected(1.5)));
    assert_eq!(resolve(V2, V3, &second()), Ok(expected(0.25)));

    let expected = |state: &str| Fourth {
        id: 7,
        buyer: Some("Ada".to_owned()),
        state: state.to_owned(),
        amount: 0.25,
    };
    assert_eq!(resolve(V2, V4, &second()), Ok(expected("OTHER")));
    assert_eq!(resolve(V3, V4, &third("SHIPPED")), Ok(expected("SHIPPED")));
    assert_eq!(resolve(V3, V4, &third("PAID")), Ok(expected("OTHER")));
}

#[track_caller]
fn refused(writer: &str, reader: &str, bytes: &[u8], path: &str, words: &str) {
    let error = resolve::<serde::de::IgnoredAny>(writer, reader, bytes).unwrap_err();
    let AvroError::Unresolvable { path: found, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(found, path, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn versions_that_do_not_fit_are_refused_with_the_field() {
    let no_default = "is not in the writer's shop.Order, and has no default";
    refused(V2, V1, &second(), "legacy", no_default);
    refused(V1, V4, &first(), "amount", no_default);
    refused(V3, V1, &third("NEW"), "legacy", no_default);
    let kept = V1.replace(r#""string"}}]}"#, r#""string"}, "default": []}]}"#);
    assert_ne!(kept, V1);
    refused(
        V3,
        &kept,
        &third("NEW"),
        "id",
        "written as long, read as int",
    );
    refused(
        V3,
        V2,
        &third("NEW"),
        "amount",
        "written as double, read as float",
    );
    // Aliases belong to the reader: earlier versions do not know them.
    let renamed = "written as record shop.v4.Purchase, read as record shop.Order";
    refused(V4, V1, &fourth("NEW"), "", renamed);
    refused(V4, V2, &fourth("NEW"), "", renamed);
    refused(V4, V3, &fourth("NEW"), "", renamed);
}

#[test]
fn what_no_version_before_could_read_is_refused_whole() {
    // The error names the first field that does not fit.
    let error = Reader::new(&avro(V3), Some(&avro(V2))).unwrap_err();
    assert!(matches!(error, AvroError::Unresolvable { .. }), "{error}");
}

#[test]
fn a_symbol_without_a_place_is_refused_when_it_comes() {
    let more = V2.replace(
        r#""symbols": ["NEW", "PAID"]"#,
        r#""symbols": ["NEW", "PAID", "GONE"]"#,
    );
    let value = |state: &str| Second {
        id: 7,
        customer: "Ada".to_owned(),
        state: state.to_owned(),
        amount: 0.25,
    };
    let known = write(&more, &value("NEW"));
    assert_eq!(resolve(&more, V2, &known), Ok(value("NEW")));
    let unknown = write(&more, &value("GONE"));
    let error = resolve::<Second>(&more, V2, &unknown).unwrap_err();
    assert_eq!(
        error.to_string(),
        "values of the writer's schema cannot be read with the reader's schema in state: \
         symbol \"GONE\" is not in the reader's enum shop.State, which has no default"
    );
}

#[test]
fn numbers_are_promoted_and_text_and_bytes_exchanged() {
    let int = write(r#""int""#, &-3);
    assert_eq!(resolve(r#""int""#, r#""long""#, &int), Ok(-3_i64));
    assert_eq!(resolve(r#""int""#, r#""float""#, &int), Ok(-3.0_f32));
    assert_eq!(resolve(r#""int""#, r#""double""#, &int), Ok(-3.0_f64));
    let long = write(r#""long""#, &(1_i64 << 40));
    assert_eq!(
        resolve(r#""long""#, r#""float""#, &long),
        Ok(1_099_511_627_776.0_f32)
    );
    assert_eq!(
        resolve(r#""long""#, r#""double""#, &long),
        Ok(1_099_511_627_776.0_f64)
    );
    let float = write(r#""float""#, &0.5_f32);
    assert_eq!(resolve(r#""float""#, r#""double""#, &float), Ok(0.5_f64));
    let text = write(r#""string""#, "aß");
    let bytes: serde_bytes::ByteBuf = resolve(r#""string""#, r#""bytes""#, &text).unwrap();
    assert_eq!(bytes.as_slice(), "aß".as_bytes());
    assert_eq!(
        resolve(r#""bytes""#, r#""string""#, &text),
        Ok("aß".to_owned())
    );
    let error = resolve::<String>(r#""bytes""#, r#""string""#, &[2, 255]).unwrap_err();
    assert!(error.to_string().contains("not UTF-8"), "{error}");
}

#[test]
fn no_other_pair_of_primitives_resolves() {
    let all = [
        "null", "boolean", "int", "long", "float", "double", "bytes", "string",
    ];
    let allowed = [
        ("int", "long"),
        ("int", "float"),
        ("int", "double"),
        ("long", "float"),
        ("long", "double"),
        ("float", "double"),
        ("bytes", "string"),
        ("string", "bytes"),
    ];
    for writer in all {
        for reader in all {
            let (from, to) = (format!("{writer:?}"), format!("{reader:?}"));
            let result = Reader::new(&avro(&from), Some(&avro(&to)));
            let fits = writer == reader || allowed.contains(&(writer, reader));
            assert_eq!(result.is_ok(), fits, "{writer} as {reader}");
        }
    }
}

#[test]
fn unions_resolve_branch_by_branch() {
    let number = write(r#""int""#, &4);
    let optional = r#"["null", "long"]"#;
    assert_eq!(resolve(r#""int""#, optional, &number), Ok(Some(4_i64)));
    assert_eq!(resolve(optional, r#""long""#, &[2, 8]), Ok(4_i64));
    assert_eq!(
        resolve(r#"["null", "int"]"#, optional, &[2, 8]),
        Ok(Some(4_i64))
    );
    assert_eq!(
        resolve(r#"["int", "null"]"#, optional, &[2]),
        Ok(None::<i64>)
    );
    // The same type is preferred to one that it can be promoted to.
    let many = r#"["double", "long", "int"]"#;
    #[derive(Debug, PartialEq, Deserialize)]
    enum Many {
        Double(f64),
        Long(i64),
        Int(i32),
    }
    assert_eq!(resolve(r#""int""#, many, &number), Ok(Many::Int(4)));
    let promoted = r#"["double", "long"]"#;
    assert_eq!(
        resolve(r#""int""#, promoted, &number),
        Ok(Many::Double(4.0))
    );

    // Only null has no place.
    let error = resolve::<i64>(optional, r#""long""#, &[0]).unwrap_err();
    assert!(
        error.to_string().contains("written as null, read as long"),
        "{error}"
    );
    let error = Reader::new(&avro(r#"["null", "string"]"#), Some(&avro(r#""int""#))).unwrap_err();
    assert!(matches!(error, AvroError::Unresolvable { .. }));
}

#[test]
fn a_branch_that_does_not_fit_is_refused_with_its_field() {
    let writer = r#"{"type": "record", "name": "R", "fields": [
        {"name": "lines", "type": {"type": "array", "items": ["null",
            {"type": "record", "name": "Line", "fields": [{"name": "price", "type": "string"}]}]}}]}"#;
    let reader = writer.replace(r#""price", "type": "string""#, r#""price", "type": "long""#);
    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct R {
        lines: Vec<Option<Line>>,
    }
    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Line {
        price: i64,
    }
    let nothing: R = resolve(writer, &reader, &[2, 0, 0]).unwrap();
    assert_eq!(nothing.lines.len(), 1);
    let error = resolve::<R>(writer, &reader, &[2, 2, 2, b'1', 0]).unwrap_err();
    assert!(matches!(&error, AvroError::Unresolvable { path, .. } if path == "lines[].price"));
    assert!(
        error
            .to_string()
            .contains("written as string, read as long"),
        "{error}"
    );
}

#[test]
fn an_alias_goes_before_a_name_that_was_given_to_another_field() {
    // `a` was renamed to `b`, and a new `a` was added.
    let writer = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}"#;
    let reader = r#"{"type": "record", "name": "R", "fields": [
        {"name": "a", "type": "int", "default": 9},
        {"name": "b", "type": "long", "aliases": ["a"]}]}"#;
    #[derive(Debug, PartialEq, Deserialize)]
    struct R {
        a: i32,
        b: i64,
    }
    assert_eq!(resolve(writer, reader, &[8]), Ok(R { a: 9, b: 4 }));
    // A writer that already has `b` means `b`.
    let both = r#"{"type": "record", "name": "R", "fields": [
        {"name": "b", "type": "int"}, {"name": "a", "type": "int"}]}"#;
    assert_eq!(resolve(both, reader, &[2, 4]), Ok(R { a: 2, b: 1 }));
}

#[test]
fn fixed_arrays_and_maps_resolve_within() {
    let fixed = r#"{"type": "fixed", "name": "F", "size": 2}"#;
    let longer = r#"{"type": "fixed", "name": "F", "size": 3}"#;
    let renamed = r#"{"type": "fixed", "name": "G", "aliases": ["F"], "size": 2}"#;
    let other = r#"{"type": "fixed", "name": "G", "size": 2}"#;
    assert_eq!(resolve(fixed, renamed, &[1, 2]), Ok([1_u8, 2]));
    assert!(resolve::<[u8; 3]>(fixed, longer, &[1, 2]).is_err());
    assert!(resolve::<[u8; 2]>(fixed, other, &[1, 2]).is_err());
    let items = |ty: &str| format!(r#"{{"type": "array", "items": "{ty}"}}"#);
    let bytes = write(&items("int"), &[1, 2]);
    assert_eq!(
        resolve(&items("int"), &items("double"), &bytes),
        Ok(vec![1.0, 2.0])
    );
    assert!(resolve::<Vec<i32>>(&items("long"), &items("int"), &bytes).is_err());
    let values = |ty: &str| format!(r#"{{"type": "map", "values": "{ty}"}}"#);
    let map = std::collections::BTreeMap::from([("k".to_owned(), 2_i64)]);
    let bytes = write(&values("long"), &map);
    assert_eq!(resolve(&values("long"), &values("long"), &bytes), Ok(map));
    assert!(Reader::new(&avro(&values("long")), Some(&avro(&items("long")))).is_err());
}

#[test]
fn a_tuple_is_not_read_from_fields_in_another_order() {
    let writer = r#"{"type": "record", "name": "R", "fields": [
        {"name": "a", "type": "int"}, {"name": "b", "type": "int"}]}"#;
    let reader = r#"{"type": "record", "name": "R", "fields": [
        {"name": "b", "type": "int"}, {"name": "a", "type": "int"}]}"#;
    assert_eq!(resolve(writer, writer, &[2, 4]), Ok((1, 2)));
    let error = resolve::<(i32, i32)>(writer, reader, &[2, 4]).unwrap_err();
    assert!(error.to_string().contains("another order"), "{error}");
}

#[test]
fn defaults_of_all_types_are_filled_in() {
    let writer = r#"{"type": "record", "name": "R", "fields": []}"#;
    let reader = r#"{"type": "record", "name": "R", "fields": [
        {"name": "null", "type": "null", "default": null},
        {"name": "boolean", "type": "boolean", "default": true},
        {"name": "int", "type": "int", "default": -1},
        {"name": "long", "type": "long", "default": 9007199254740993},
        {"name": "float", "type": "float", "default": 0.1},
        {"name": "double", "type": "double", "default": 3},
        {"name": "bytes", "type": "bytes", "default": "\u0000\u00ff"},
        {"name": "string", "type": "string", "default": "\u00ff"},
        {"name": "fixed", "type": {"type": "fixed", "name": "F", "size": 2}, "default": "a\u0080"},
        {"name": "symbol", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}, "default": "B"},
        {"name": "array", "type": {"type": "array", "items": "int"}, "default": [1, 2]},
        {"name": "map", "type": {"type": "map", "values": "long"}, "default": {"k": 1}},
        {"name": "union", "type": ["null", "string"], "default": "s"},
        {"name": "inner", "type": {"type": "record", "name": "I", "fields": [
            {"name": "x", "type": "int", "default": 5}, {"name": "y", "type": "int"}]},
            "default": {"y": 6}}]}"#;
    #[derive(Debug, PartialEq, Deserialize)]
    struct R {
        null: (),
        boolean: bool,
        int: i32,
        long: i64,
        float: f32,
        double: f64,
        bytes: serde_bytes::ByteBuf,
        string: String,
        fixed: [u8; 2],
        symbol: String,
        array: Vec<u64>,
        map: std::collections::BTreeMap<String, i64>,
        union: Option<String>,
        inner: I,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct I {
        x: i32,
        y: i32,
    }
    let expected = R {
        null: (),
        boolean: true,
        int: -1,
        long: 9_007_199_254_740_993,
        float: 0.1,
        double: 3.0,
        bytes: serde_bytes::ByteBuf::from([0, 255]),
        string: "ÿ".to_owned(),
        fixed: [b'a', 0x80],
        symbol: "B".to_owned(),
        array: vec![1, 2],
        map: [("k".to_owned(), 1)].into(),
        union: Some("s".to_owned()),
        inner: I { x: 5, y: 6 },
    };
    assert_eq!(resolve(writer, reader, &[]), Ok(expected));
}

#[test]
fn a_wrong_default_is_refused_only_where_it_is_needed() {
    let reader = r#"{"type": "record", "name": "R", "fields": [
        {"name": "a", "type": "int", "default": "x"}]}"#;
    let with = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}"#;
    let without = r#"{"type": "record", "name": "R", "fields": []}"#;
    assert_eq!(resolve(with, reader, &[2]), Ok((1,)));
    let error = Reader::new(&avro(without), Some(&avro(reader))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid Avro schema in R.a: its default: found \"x\"; allowed: int"
    );
}
