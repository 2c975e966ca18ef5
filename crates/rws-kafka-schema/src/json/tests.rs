use super::*;
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::error::Error;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    lines: Vec<Line>,
    note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Line {
    price: i64,
    tags: BTreeMap<String, bool>,
}

#[track_caller]
fn refused(payload: &[u8]) -> (usize, usize, String, String) {
    let error = decode::<Order>(payload).unwrap_err();
    let words = error.source().unwrap().to_string();
    match error {
        SchemaError::JsonPayload {
            line, column, path, ..
        } => (line, column, path, words),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_error_tells_line_column_and_path() {
    let payload =
        b"{\n \"id\": 1,\n \"lines\": [{\"price\": 1, \"tags\": {}},\n {\"price\": true}]\n}";
    let (line, column, path, words) = refused(payload);
    assert_eq!((line, column, path.as_str()), (4, 15, "lines[1].price"));
    assert!(
        words.contains("invalid type: boolean `true`, expected i64"),
        "{words}"
    );

    let (.., path, _) = refused(br#"{"id":1,"lines":[{"price":1,"tags":{"a b":1}}]}"#);
    assert_eq!(path, "lines[0].tags.a b");
    let (.., path, words) = refused(br#"{"id":1}"#);
    assert_eq!(path, "");
    assert!(words.contains("missing field `lines`"), "{words}");
}

#[test]
fn a_hostile_key_forges_no_line() {
    const KEY: &str = "a\\nERROR \\u001b[31mforged\\u202e";
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        #[allow(dead_code)]
        tags: BTreeMap<String, u32>,
    }

    let in_path = format!(r#"{{"tags": {{"{KEY}": "x"}}}}"#);
    let in_words = format!(r#"{{"{KEY}": 1}}"#);
    for payload in [in_path, in_words] {
        let error = decode::<Strict>(payload.as_bytes()).unwrap_err();
        let cause = error.source().unwrap();
        for shown in [
            error.to_string(),
            cause.to_string(),
            rws_kafka_observe::causes::with_causes(&error),
        ] {
            assert!(!shown.contains(['\n', '\u{1b}', '\u{202e}']), "{shown:?}");
        }
        let debug = format!("{error:?}").replace("\n\nCaused by:\n", "");
        assert!(!debug.contains(['\n', '\u{1b}', '\u{202e}']), "{debug:?}");
        let words = rws_kafka_observe::causes::with_causes(&error);
        assert!(
            words.contains(r"a\nERROR \u{1b}[31mforged\u{202e}"),
            "{words}"
        );
    }
}

#[test]
fn what_is_no_json_is_refused() {
    for payload in [
        &b""[..],
        b" ",
        b"{",
        b"null",
        b"{\"id\":1,\"lines\":[]} x",
        b"{\"id\":1,\"lines\":[]}{}",
        b"\xff",
        b"{\"id\":18446744073709551616,\"lines\":[]}",
        b"\x00\x00\x00\x00\x01{}",
    ] {
        refused(payload);
    }
}

#[test]
fn a_value_without_a_form_in_json_is_refused_with_its_place() {
    let value = HashMap::from([("outer", HashMap::from([((1, 2), 3)]))]);
    let error = encode(&value).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the value cannot be written as JSON, in outer"
    );
    assert_eq!(error.source().unwrap().to_string(), "key must be a string");
}

#[test]
fn deep_nesting_is_refused_and_no_stack_overflows() {
    let payload = "[".repeat(100_000);
    assert!(decode::<serde_json::Value>(payload.as_bytes()).is_err());
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        id: u64, price: i64, note: Option<String>,
        tags in proptest::collection::btree_map(".*", any::<bool>(), 0..4),
    ) {
        let order = Order { id, lines: vec![Line { price, tags }], note };
        let payload = encode(&order).unwrap();
        prop_assert_eq!(decode::<Order>(&payload).unwrap(), order);
    }

    #[test]
    fn no_bytes_panic(payload: Vec<u8>) {
        let _ = decode::<Order>(&payload);
    }

    #[test]
    fn no_key_forges_a_line(key in any::<String>()) {
        let payload = serde_json::to_vec(&BTreeMap::from([(key, "x")])).unwrap();
        let error = decode::<BTreeMap<String, u32>>(&payload).unwrap_err();
        let shown = format!("{error}: {}", error.source().unwrap());
        prop_assert!(!shown.chars().any(char::is_control), "{shown:?}");
        prop_assert!(shown.len() < 2 * 1024 + 200);
    }
}
