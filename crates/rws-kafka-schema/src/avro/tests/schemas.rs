//! Tests of what is a valid schema, and how its parts are named.

use super::*;
use crate::avro::full_name;
use serde::Deserialize;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Tree {
    value: i32,
    children: Vec<Tree>,
    next: Option<Box<Tree>>,
}

#[test]
fn a_schema_can_refer_to_itself() {
    let schema = r#"{"type": "record", "name": "Tree", "namespace": "a", "fields": [
        {"name": "value", "type": "int"},
        {"name": "children", "type": {"type": "array", "items": "Tree"}},
        {"name": "next", "type": ["null", "a.Tree"]}]}"#;
    let leaf = |value| Tree {
        value,
        children: Vec::new(),
        next: None,
    };
    round_trip(
        schema,
        &Tree {
            value: 1,
            children: vec![leaf(2), leaf(3)],
            next: Some(Box::new(leaf(4))),
        },
    );
}

#[test]
fn references_are_found_by_full_name_however_deep() {
    let address = r#"{"type": "record", "name": "Address", "namespace": "shop.people",
        "fields": [{"name": "street", "type": "string"}, {"name": "country",
            "type": {"type": "enum", "name": "Country", "symbols": ["DE", "NL"]}}]}"#;
    let customer = r#"{"type": "record", "name": "Customer", "namespace": "shop.people",
        "fields": [{"name": "home", "type": "Address"}, {"name": "work",
            "type": ["null", "shop.people.Address"]}]}"#;
    let order = r#"{"type": "record", "name": "shop.Order", "fields": [
        {"name": "customer", "type": "shop.people.Customer"},
        {"name": "to", "type": {"type": "map", "values": "shop.people.Country"}}]}"#;
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Address {
        street: String,
        country: String,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Customer {
        home: Address,
        work: Option<Address>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Order {
        customer: Customer,
        to: std::collections::BTreeMap<String, String>,
    }
    let address_of = |street: &str| Address {
        street: street.to_owned(),
        country: "NL".to_owned(),
    };
    let value = Order {
        customer: Customer {
            home: address_of("Dam"),
            work: Some(address_of("Rokin")),
        },
        to: [("a".to_owned(), "DE".to_owned())].into(),
    };
    let resolved = with_dependencies(
        order,
        &[
            ("shop.people.Address", address),
            ("shop.people.Customer", customer),
        ],
    );
    let mut bytes = Vec::new();
    Writer::new(&resolved)
        .unwrap()
        .encode(&value, &mut bytes)
        .unwrap();
    let alone = Reader::new(&resolved, None).unwrap();
    let both = Reader::new(&resolved, Some(&resolved)).unwrap();
    assert_eq!(alone.decode::<Order>(&bytes), Ok(value));
    assert_eq!(both.decode::<Order>(&bytes).unwrap().to.len(), 1);
    assert_eq!(full_name(&resolved).as_deref(), Some("shop.Order"));

    let error = Writer::new(&with_dependencies(order, &[])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid Avro schema in shop.Order.customer: no type \"shop.people.Customer\" is defined \
         here, before here, or in a schema referred to"
    );
    let broken = with_dependencies(order, &[("shop.people.Address", "{}")]);
    let error = Writer::new(&broken).unwrap_err().to_string();
    assert!(
        error.contains("(in the schema \"shop.people.Address\""),
        "{error}"
    );
}

#[test]
fn a_full_name_has_its_namespace() {
    let named = |text: &str| full_name(&avro(text));
    let fixed = |name: &str| format!(r#"{{"type": "fixed", "size": 1, {name}}}"#);
    assert_eq!(named(&fixed(r#""name": "A""#)).as_deref(), Some("A"));
    assert_eq!(
        named(&fixed(r#""name": "A", "namespace": "x.y""#)).as_deref(),
        Some("x.y.A")
    );
    // A name with dots contains its namespace.
    assert_eq!(
        named(&fixed(r#""name": "z.A", "namespace": "x.y""#)).as_deref(),
        Some("z.A")
    );
    assert_eq!(
        named(r#"{"type": "enum", "name": "E", "symbols": []}"#).as_deref(),
        Some("E")
    );
    assert_eq!(named(r#""string""#), None);
    assert_eq!(named(r#"["null", "int"]"#), None);
    assert_eq!(named("no schema"), None);
}

#[test]
fn names_without_a_namespace_take_the_one_around_them() {
    let schema = r#"{"type": "record", "name": "Outer", "namespace": "x", "fields": [
        {"name": "a", "type": {"type": "record", "name": "y.Inner", "fields": [
            {"name": "b", "type": {"type": "fixed", "name": "F", "size": 1}}]}},
        {"name": "c", "type": "y.F"}]}"#;
    assert!(Writer::new(&avro(schema)).is_ok());
    assert!(Writer::new(&avro(&schema.replace("y.F", "x.F"))).is_err());
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    for (text, words) in [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("1", "found 1; allowed"),
        ("null", "found null; allowed"),
        (r#""text""#, "no type \"text\""),
        ("[]", "a union without branches"),
        (r#"["int", "int"]"#, "a union with int twice"),
        (r#"["int", ["null"]]"#, "a union directly within a union"),
        (r#"{"name": "R"}"#, "an object without \"type\""),
        (r#"{"type": "record", "fields": []}"#, "without \"name\""),
        (r#"{"type": "record", "name": ""}"#, "without \"name\""),
        (
            r#"{"type": "record", "name": "R"}"#,
            "in R: a record without an array \"fields\"",
        ),
        (
            r#"{"type": "record", "name": "R", "fields": [1]}"#,
            "in R: field 0 is 1",
        ),
        (
            r#"{"type": "record", "name": "R", "fields": [{}]}"#,
            "field 0 without \"name\"",
        ),
        (
            r#"{"type": "record", "name": "R", "fields": [{"name": "a"}]}"#,
            "in R.a: a field without \"type\"",
        ),
        (
            r#"{"type": "record", "name": "R", "fields": [
                {"name": "a", "type": "int"}, {"name": "a", "type": "int"}]}"#,
            "in R: field \"a\" occurs twice",
        ),
        (
            r#"{"type": "record", "name": "R", "fields": [
                {"name": "a", "type": {"type": "fixed", "name": "R", "size": 1}}]}"#,
            "in R.a: \"R\" is defined twice",
        ),
        (
            r#"{"type": "fixed", "name": "F"}"#,
            "a whole number \"size\"",
        ),
        (
            r#"{"type": "fixed", "name": "F", "size": -1}"#,
            "a whole number \"size\"",
        ),
        (
            r#"{"type": "fixed", "name": "int", "size": 1}"#,
            "a built-in type of Avro",
        ),
        (
            r#"{"type": "enum", "name": "E"}"#,
            "an array of strings \"symbols\"",
        ),
        (
            r#"{"type": "enum", "name": "E", "symbols": [1]}"#,
            "an array of strings",
        ),
        (
            r#"{"type": "enum", "name": "E", "symbols": ["A", "A"]}"#,
            "\"A\" occurs twice",
        ),
        (
            r#"{"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}"#,
            "default \"B\" is not one of the symbols",
        ),
        (r#"{"type": "array"}"#, "no \"items\""),
        (
            r#"{"type": "map", "values": {}}"#,
            "an object without \"type\"",
        ),
    ] {
        let error = Writer::new(&avro(text)).unwrap_err();
        assert!(
            matches!(error, AvroError::Schema { .. }),
            "{text}: {error:?}"
        );
        assert!(error.to_string().contains(words), "{text}: {error}");
        assert!(Reader::new(&avro(text), None).is_err());
    }
}
