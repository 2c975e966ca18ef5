use super::*;
use crate::error::SchemaError;
use crate::schema::{Dependency, Schema};
use proptest::prelude::*;
use serde_json::json;
use std::error::Error;

const ORDER: &str = r##"{
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "shop.Order",
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "lines": {"type": "array", "items": {"$ref": "#/definitions/line"}},
        "note": {"type": ["string", "null"], "maxLength": 8}
    },
    "required": ["id", "lines"],
    "additionalProperties": false,
    "definitions": {
        "line": {
            "type": "object",
            "properties": {"sku": {"type": "string", "pattern": "^[A-Z]+$"}, "price": {"type": "number"}},
            "required": ["sku"]
        }
    }
}"##;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: i64,
    lines: Vec<Line>,
    note: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    sku: String,
    price: f64,
}

fn resolved(text: &str, dependencies: &[(&str, &str)]) -> Resolved {
    Resolved {
        schema: Schema::json(text),
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
fn validator(text: &str) -> Validator {
    Validator::new(&resolved(text, &[])).unwrap()
}

#[track_caller]
fn refused(text: &str) -> JsonSchemaError {
    Validator::new(&resolved(text, &[])).unwrap_err()
}

fn takes(validator: &Validator, value: Value) -> bool {
    validator
        .decode::<Value>(value.to_string().as_bytes())
        .is_ok()
}

fn order() -> Order {
    Order {
        id: 7,
        lines: vec![Line {
            sku: "ABC".into(),
            price: 0.1,
        }],
        note: None,
    }
}

#[test]
fn a_valid_value_is_written_after_what_is_there() {
    let mut payload = b"id:".to_vec();
    validator(ORDER).encode(&order(), &mut payload).unwrap();
    assert_eq!(
        payload,
        br#"id:{"id":7,"lines":[{"sku":"ABC","price":0.1}],"note":null}"#
    );
    assert_eq!(
        validator(ORDER).decode::<Order>(&payload[3..]).unwrap(),
        order()
    );
}

#[test]
fn what_is_not_as_the_schema_says_is_not_written() {
    let mut payload = b"before".to_vec();
    let wrong = Order {
        id: 0,
        lines: vec![Line {
            sku: "secret".into(),
            price: 1.0,
        }],
        note: Some("confidential".into()),
    };
    let error = validator(ORDER).encode(&wrong, &mut payload).unwrap_err();
    assert_eq!(payload, b"before");
    let ValueError::Schema(JsonSchemaError::Mismatch { violations, more }) = &error else {
        panic!("{error:?}");
    };
    let mut pointers: Vec<_> = violations.iter().map(|v| v.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/id", "/lines/0/sku", "/note"]);
    assert!(!more);
    let words = error.to_string();
    assert!(
        words.contains("the value is less than the minimum of 1 (at /id)"),
        "{words}"
    );
    assert!(
        !words.contains("secret") && !words.contains("confidential"),
        "{words}"
    );
}

#[test]
fn errors_are_few_and_short() {
    let lines: Vec<_> = (0..100).map(|_| json!({"sku": "a".repeat(1000)})).collect();
    let name = "n".repeat(100_000);
    let payload = json!({"id": 1, "lines": lines, (name): 1}).to_string();
    let error = validator(ORDER)
        .decode::<Value>(payload.as_bytes())
        .unwrap_err();
    assert!(
        matches!(&error, ValueError::Schema(JsonSchemaError::Mismatch { violations, more: true }) if violations.len() == 5)
    );
    assert!(error.to_string().len() < 5 * 800, "{error}");
    assert!(error.to_string().ends_with("; and more"));
}

#[test]
fn a_payload_is_validated_before_it_is_read() {
    let validator = validator(ORDER);
    let error = validator.decode::<Order>(br#"{"id":1}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the value violates the JSON Schema: \"lines\" is a required property"
    );
    let error = validator
        .decode::<Order>(br#"{"id":1,"lines":[{"sku":"A"}]}"#)
        .unwrap_err();
    let ValueError::Json(error) = error else {
        panic!("{error:?}");
    };
    assert!(matches!(&error, SchemaError::JsonPayload { path, .. } if path == "lines[0]"));
    for payload in [&b""[..], b"{", b"{} {}", b"\xff", b"\0\0\0\0\x01{}"] {
        let error = validator.decode::<Order>(payload).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the payload is not JSON of the requested type, at line 1"),
            "{error}"
        );
        assert!(error.source().is_some());
    }
}

#[test]
fn without_a_word_on_it_the_draft_is_7() {
    // Lists in `items` exist in all drafts before 2020-12; `dependentRequired` exists since 2019-09.
    let tuple = validator(r#"{"items": [{"type": "string"}], "dependentRequired": {"a": ["b"]}}"#);
    assert!(takes(&tuple, json!(["a"])));
    assert!(!takes(&tuple, json!([1])));
    assert!(takes(&tuple, json!({"a": 1})));
    assert!(takes(&validator("true"), json!(1)));
    assert!(!takes(&validator("false"), json!(1)));
}

#[test]
fn each_draft_is_read_as_it_says() {
    let draft4 = validator(
        r##"{"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 3, "exclusiveMaximum": true}"##,
    );
    assert!(!takes(&draft4, json!(3)) && takes(&draft4, json!(2)));
    let draft6 = validator(
        r##"{"$schema": "http://json-schema.org/draft-06/schema#", "exclusiveMaximum": 3, "if": {}, "then": false}"##,
    );
    assert!(!takes(&draft6, json!(3)) && takes(&draft6, json!(2)));
    let draft2019 = validator(
        r##"{"$schema": "https://json-schema.org/draft/2019-09/schema", "dependentRequired": {"a": ["b"]},
            "$recursiveAnchor": true, "properties": {"c": {"$recursiveRef": "#"}}}"##,
    );
    assert!(
        !takes(&draft2019, json!({"c": {"a": 1}})) && takes(&draft2019, json!({"c": {"b": 1}}))
    );
    let draft2020 = validator(
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "prefixItems": [{"type": "string"}], "items": false}"#,
    );
    assert!(!takes(&draft2020, json!(["a", 1])) && takes(&draft2020, json!(["a"])));
    let error = refused(r#"{"$schema": "http://example.org/own-schema"}"#);
    assert!(
        error.to_string().contains("http://example.org/own-schema"),
        "{error}"
    );
}

#[test]
fn references_are_found_by_the_uri_that_the_schema_says() {
    for (name, uri, id) in [
        ("customer.json", "customer.json", ""),
        ("./customer.json", "customer.json", ""),
        (
            "customer.json",
            "./customer.json#/definitions/self",
            r#""$id": "https://shop.example/order.json","#,
        ),
        (
            "https://shop.example/customer.json",
            "https://shop.example/customer.json",
            "",
        ),
        (
            "https://shop.example/customer.json",
            "customer.json",
            r#""$id": "https://shop.example/order.json","#,
        ),
        (
            "https://shop.example/customer.json#",
            "https://shop.example/customer.json#",
            "",
        ),
        ("urn:shop:customer", "urn:shop:customer", ""),
    ] {
        let main = format!(r#"{{{id} "properties": {{"by": {{"$ref": "{uri}"}}}}}}"#);
        let customer = r##"{"type": "object", "required": ["name"], "properties": {"name": {"$ref": "name.json"}},
            "definitions": {"self": {"$ref": "#"}}}"##;
        let names = [
            (name, customer),
            ("name.json", r#"{"type": "string"}"#),
            ("customer.json.x", "false"),
        ];
        let names: Vec<_> = if name.starts_with("urn:") {
            // A URN cannot be relative.
            vec![(
                name,
                r#"{"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}"#,
            )]
        } else {
            names.to_vec()
        };
        let validator = Validator::new(&resolved(&main, &names)).unwrap();
        assert!(
            takes(&validator, json!({"by": {"name": "a"}})),
            "{name} {uri}"
        );
        assert!(
            !takes(&validator, json!({"by": {"name": 1}})),
            "{name} {uri}"
        );
        assert!(!takes(&validator, json!({"by": {}})), "{name} {uri}");
    }
}

#[test]
fn a_reference_without_a_word_on_its_draft_is_of_draft_7() {
    let validator = Validator::new(&resolved(
        r#"{"$ref": "a.json"}"#,
        &[("a.json", r#"{"items": [{"type": "string"}]}"#)],
    ))
    .unwrap();
    assert!(!takes(&validator, json!([1])));
}

#[test]
fn what_is_not_referred_to_is_never_fetched() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let uri = format!("http://{}/remote.json", listener.local_addr().unwrap());
    for uri in [
        uri.as_str(),
        "https://shop.example/x.json",
        "file:///etc/passwd",
    ] {
        let error = refused(&format!(
            r#"{{"properties": {{"a": {{"$ref": "{uri}"}}}}}}"#
        ));
        assert_eq!(
            error.to_string(),
            format!("the JSON Schema refers to {uri}, which is not among its references")
        );
    }
    assert!(listener.accept().is_err());
    let error = Validator::new(&resolved(
        r#"{"$ref": "a.json"}"#,
        &[("a.json", r#"{"$ref": "b.json"}"#)],
    ));
    assert!(error.unwrap_err().to_string().contains("b.json"));
}

#[test]
fn a_schema_that_is_none_is_refused() {
    for (text, words) in [
        ("", "not JSON: EOF"),
        ("{", "not JSON: EOF"),
        (r#"{"type": "strange"}"#, "(at /type)"),
        (r#"{"minLength": -1}"#, "(at /minLength)"),
        (r#"{"pattern": "("}"#, "pattern"),
        (r##"{"$ref": "#/definitions/none"}"##, "/definitions/none"),
        ("[]", "is invalid"),
        ("3", "is invalid"),
    ] {
        let error = refused(text).to_string();
        assert!(
            error.starts_with("the JSON Schema is invalid: ") && error.contains(words),
            "{error}"
        );
        assert!(error.len() < 1000, "{error}");
    }
    let error = Validator::new(&resolved("{}", &[("a.json", "{")])).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the JSON Schema a.json is invalid: not JSON")
    );
}

#[test]
fn patterns_do_not_take_for_ever() {
    // Long enough to take forever if the time doubles with each letter.
    let text = format!("{}!", "a".repeat(200));
    for pattern in [
        "^(a+)+$",
        "^(a|a)*$",
        "(.*a){10}b",
        "^(?=(a+)+$)",
        r"^(a+)+\1$",
        r"(?<!b)(a+a+)+$",
    ] {
        let schema = json!({"pattern": pattern}).to_string();
        assert!(!takes(&validator(&schema), json!(text)), "{pattern}");
    }
    let ahead = validator(r#"{"pattern": "(?<!b)c"}"#);
    assert!(takes(&ahead, json!("a".repeat(4_000) + "c")));
    refused(&json!({"pattern": "((a{1000}){1000}){1000}"}).to_string());
}

#[test]
fn schemas_that_refer_to_themselves_end() {
    let deep = format!("{}1{}", "[".repeat(120), "]".repeat(120));
    for text in [
        r##"{"$ref": "#"}"##,
        r##"{"allOf": [{"$ref": "#"}]}"##,
        r##"{"items": {"$ref": "#"}}"##,
        r##"{"anyOf": [{"$ref": "#/definitions/a"}], "definitions": {"a": {"not": {"$ref": "#/definitions/b"}}, "b": {"$ref": "#/definitions/a"}}}"##,
    ] {
        if let Ok(validator) = Validator::new(&resolved(text, &[])) {
            let _ = validator.decode::<Value>(deep.as_bytes());
        }
    }
    let error = validator("{}")
        .decode::<Value>("[".repeat(100_000).as_bytes())
        .unwrap_err();
    assert!(matches!(error, ValueError::Json(_)));
    refused(&"{\"not\":".repeat(100_000));
}

#[test]
fn a_records_name_is_the_title() {
    let name = |text: &str| full_name(&resolved(text, &[]));
    assert_eq!(name(ORDER).as_deref(), Some("shop.Order"));
    for text in [
        "{}",
        "true",
        r#"{"title": ""}"#,
        r#"{"title": 1}"#,
        r#"{"title": null}"#,
        "{",
    ] {
        assert_eq!(name(text), None);
    }
}

fn line() -> impl Strategy<Value = Line> {
    ("[A-Z]{1,5}", -1e9..1e9).prop_map(|(sku, price)| Line { sku, price })
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        id in 1..i64::MAX, lines in proptest::collection::vec(line(), 0..4), note in proptest::option::of(".{0,8}"),
    ) {
        let validator = validator(ORDER);
        let order = Order { id, lines, note };
        let mut payload = Vec::new();
        validator.encode(&order, &mut payload).unwrap();
        prop_assert_eq!(validator.decode::<Order>(&payload).unwrap(), order);
    }

    #[test]
    fn no_bytes_panic(payload: Vec<u8>, text in "[\\[\\]{}:,\"a-z0-9$#/ ]{0,40}") {
        let validator = validator(ORDER);
        let _ = validator.decode::<Value>(&payload);
        let _ = validator.decode::<Value>(text.as_bytes());
        let _ = Validator::new(&resolved(&text, &[]));
    }
}
