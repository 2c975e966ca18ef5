//! Tests with malicious payloads and schemas.

use super::*;
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(180);

fn long(value: i64) -> Vec<u8> {
    write(r#""long""#, &value)
}

const NULLS: &str = r#"{"type": "array", "items": "null"}"#;
const EMPTY_RECORDS: &str = r#"{"type": "array", "items":
    {"type": "record", "name": "E", "fields": [{"name": "n", "type": "null"},
        {"name": "f", "type": {"type": "fixed", "name": "F", "size": 0}}]}}"#;
const LIST: &str = r#"{"type": "record", "name": "List", "fields": [
    {"name": "next", "type": ["null", "List"]}]}"#;

/// Panics if it is told that there are more items than any payload here can contain.
#[derive(Debug)]
struct Hint;

/// The longest payload that is read as [`Hint`].
const LONGEST: usize = 200;

impl<'de> Deserialize<'de> for Hint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items;
        impl<'de> Visitor<'de> for Items {
            type Value = Hint;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("items")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Hint, A::Error> {
                let hint = items.size_hint();
                assert!(hint.is_some_and(|hint| hint <= LONGEST + 1024), "{hint:?}");
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Hint)
            }
        }
        deserializer.deserialize_seq(Items)
    }
}

#[test]
fn items_that_take_no_byte_are_bounded() {
    for schema in [NULLS, EMPTY_RECORDS] {
        for count in [1 << 60, i64::MAX, i64::MIN, -(1 << 60), 5000] {
            let mut bytes = long(count);
            if count < 0 {
                bytes.push(0);
            }
            bytes.push(0);
            let error = read::<Vec<IgnoredAny>>(schema, &bytes).unwrap_err();
            assert!(
                error.to_string().contains("items that take no bytes"),
                "{error}"
            );
            assert!(read::<IgnoredAny>(schema, &bytes).is_err() || count < 0);
            assert!(read::<Hint>(schema, &bytes).is_err());
        }
        // Many blocks are limited together.
        let blocks: Vec<u8> = [long(1000), long(1000), vec![0]].concat();
        assert!(read::<Vec<IgnoredAny>>(schema, &blocks).is_err());
        let few = [long(1000), vec![0]].concat();
        assert_eq!(read::<Vec<IgnoredAny>>(schema, &few).unwrap().len(), 1000);
    }
}

#[test]
fn no_count_and_no_length_is_believed_beyond_the_payload() {
    let items = r#"{"type": "array", "items": "long"}"#;
    let values = r#"{"type": "map", "values": "null"}"#;
    for count in [1 << 60, i64::MAX, 100] {
        let bytes = [long(count), vec![2; 50]].concat();
        let ends = |error| matches!(error, AvroError::EndsEarly { .. });
        assert!(ends(read::<Hint>(items, &bytes).err().unwrap()));
        assert!(ends(read::<Vec<i64>>(items, &bytes).unwrap_err()));
        assert!(ends(read::<IgnoredAny>(items, &bytes).unwrap_err()));
        assert!(ends(
            read::<HashMap<String, ()>>(values, &bytes).unwrap_err()
        ));
        assert!(ends(read::<String>(r#""string""#, &bytes).unwrap_err()));
        assert!(ends(read::<IgnoredAny>(r#""bytes""#, &bytes).unwrap_err()));
    }
    for length in [-1, i64::MIN] {
        let bytes = [long(length), vec![2; 50]].concat();
        for schema in [r#""string""#, r#""bytes""#] {
            let error = read::<IgnoredAny>(schema, &bytes).unwrap_err();
            assert!(matches!(error, AvroError::Payload { .. }), "{error}");
        }
        // A block with a negative length, and one with a length beyond the payload.
        let bytes = [long(-1), long(length), vec![2; 50]].concat();
        assert!(read::<Vec<i64>>(items, &bytes).is_err());
        assert!(read::<IgnoredAny>(items, &bytes).is_err());
    }
    let bytes = [long(-1), long(i64::MAX), vec![2; 50]].concat();
    assert!(read::<IgnoredAny>(items, &bytes).is_err());
    let fixed = r#"{"type": "fixed", "name": "F", "size": 9223372036854775807}"#;
    assert!(read::<serde_bytes::ByteBuf>(fixed, &[0; 9]).is_err());
    assert!(read::<IgnoredAny>(fixed, &[0; 9]).is_err());
}

#[test]
fn numbers_of_too_many_bytes_are_refused() {
    let endless = [0xff; 20];
    assert!(read::<i64>(r#""long""#, &endless).is_err());
    // Only one bit of the tenth byte is used.
    let mut most = [0xff; 10];
    most[9] = 1;
    assert_eq!(read::<i64>(r#""long""#, &most), Ok(i64::MIN));
    most[9] = 2;
    assert!(read::<i64>(r#""long""#, &most).is_err());
    let error = read::<i32>(r#""int""#, &long(1 << 31)).unwrap_err();
    assert!(
        error.to_string().contains("an int of 2147483648"),
        "{error}"
    );
    assert!(read::<bool>(r#""boolean""#, &[2]).is_err());
    assert!(read::<IgnoredAny>(r#""boolean""#, &[2]).is_err());
    for branch in [2, -1, i64::MAX] {
        assert!(read::<IgnoredAny>(r#"["null", "int"]"#, &long(branch)).is_err());
    }
}

#[test]
fn deep_payloads_end_in_an_error_and_not_in_the_stack() {
    #[derive(Debug, Default, Serialize, Deserialize)]
    struct List {
        next: Option<Box<List>>,
    }
    let deep = [vec![2; 1_000_000], vec![0]].concat();
    let error = read::<List>(LIST, &deep).unwrap_err();
    assert!(
        error.to_string().contains("nested deeper than 128 levels"),
        "{error}"
    );
    assert!(read::<IgnoredAny>(LIST, &deep).is_err());
    assert!(read::<serde_json::Value>(LIST, &deep).is_err());
    let skipped = format!(
        r#"{{"type": "record", "name": "R", "fields": [{{"name": "list", "type": {LIST}}}]}}"#
    );
    let nothing = r#"{"type": "record", "name": "R", "fields": []}"#;
    assert!(resolve::<HashMap<String, ()>>(&skipped, nothing, &deep).is_err());

    // A list that can be written can also be read.
    let mut list = List::default();
    for _ in 0..127 {
        list = List {
            next: Some(Box::new(list)),
        };
    }
    let bytes = write(LIST, &list);
    assert!(read::<List>(LIST, &bytes).is_ok());
    let list = List {
        next: Some(Box::new(list)),
    };
    assert!(try_write(LIST, &list).is_err());
    assert!(read::<List>(LIST, &[vec![2], bytes].concat()).is_err());

    // A record that contains itself has no possible value.
    let endless = r#"{"type": "record", "name": "R", "fields": [{"name": "r", "type": "R"}]}"#;
    assert!(read::<IgnoredAny>(endless, &[]).is_err());
    assert!(read::<serde_json::Value>(endless, &[]).is_err());
}

/// Fails if `work` takes far longer than on the slowest machine. A time that grows with the square of the
/// input would be longer still.
#[track_caller]
fn soon<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    let took = start.elapsed();
    assert!(took < DEADLINE, "{took:?}");
    result
}

#[test]
fn records_of_nothing_within_each_other_take_no_time() {
    let mut schema = r#"[{"type": "record", "name": "R0", "fields": []}"#.to_owned();
    for level in 1..60 {
        let before = level - 1;
        write!(
            schema,
            r#", {{"type": "record", "name": "R{level}", "fields": [
                {{"name": "a", "type": "R{before}"}}, {{"name": "b", "type": "R{before}"}}]}}"#
        )
        .unwrap();
    }
    schema.push(']');
    let last = long(59);
    assert!(soon(|| read::<serde_json::Value>(&schema, &last)).is_err());
    assert!(soon(|| read::<IgnoredAny>(&schema, &last)).is_ok());
}

#[test]
fn schemas_that_nest_deep_end_in_an_error_and_not_in_the_stack() {
    for (open, close) in [
        ("[", "]"),
        (r#"{"type":"#, "}"),
        (r#"{"type":"array","items":"#, "}"),
        (r#"{"type":"map","values":"#, "}"),
    ] {
        let text = format!("{}\"int\"{}", open.repeat(100_000), close.repeat(100_000));
        assert!(Writer::new(&avro(&text)).is_err());
        let text = format!("{}\"int\"{}", open.repeat(100), close.repeat(100));
        let _ = Writer::new(&avro(&text));
    }
}

/// A union of records, each of which contains the one before.
fn chain(length: usize, name: &str, first: &str) -> String {
    let mut schema = format!(r#"[{{"type": "record", "name": "{name}0", "fields": {first}}}"#);
    for level in 1..length {
        let before = level - 1;
        write!(
            schema,
            r#",{{"type":"record","name":"{name}{level}","fields":[{{"name":"f","type":"{name}{before}"}}]}}"#
        )
        .unwrap();
    }
    schema.push(']');
    schema
}

#[test]
fn chains_of_records_need_no_stack() {
    let writer = chain(20_000, "R", r#"[{"name": "x", "type": "string"}]"#);
    let reader = chain(20_000, "R", r#"[{"name": "x", "type": "long"}]"#);
    soon(|| {
        assert!(Writer::new(&avro(&writer)).is_ok());
        assert!(Reader::new(&avro(&writer), None).is_ok());
        let reader = Reader::new(&avro(&writer), Some(&avro(&reader))).unwrap();
        assert!(reader.decode::<IgnoredAny>(&long(19_999)).is_err());
        let error = reader.decode::<IgnoredAny>(&[0, 2, b'x']).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("written as string, read as long"),
            "{error}"
        );
    });
}

#[test]
fn defaults_within_defaults_are_bounded() {
    let mut fields = r#"{"name": "f0", "default": {}, "type": {"type": "record", "name": "R0",
        "fields": [{"name": "x", "type": "string", "default": "0123456789"}]}}"#
        .to_owned();
    for level in 1..60 {
        let before = level - 1;
        write!(
            fields,
            r#", {{"name": "f{level}", "default": {{}}, "type":
                {{"type": "record", "name": "R{level}", "fields": [
                    {{"name": "a", "type": "R{before}", "default": {{}}}},
                    {{"name": "b", "type": "R{before}", "default": {{}}}}]}}}}"#
        )
        .unwrap();
    }
    let reader = format!(r#"{{"type": "record", "name": "R", "fields": [{fields}]}}"#);
    let writer = r#"{"type": "record", "name": "R", "fields": []}"#;
    soon(|| {
        let error = Reader::new(&avro(writer), Some(&avro(&reader))).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("its default: the defaults of the schema are too large"),
            "{error}"
        );
        // A wrong default is no error if none is needed.
        assert!(Reader::new(&avro(&reader), Some(&avro(&reader))).is_ok());
    });
    let itself = r#"{"type": "record", "name": "R", "fields": [
        {"name": "r", "type": "R", "default": {}}]}"#;
    assert!(Reader::new(&avro(writer), Some(&avro(itself))).is_err());
}

#[test]
fn wide_schemas_take_no_square_of_time() {
    let mut fields = String::new();
    for field in 0..20_000 {
        write!(
            fields,
            r#"{{"name": "f{field}", "aliases": ["g{field}"], "type": "int", "default": 1}},"#
        )
        .unwrap();
    }
    fields.pop();
    let reader = format!(r#"{{"type": "record", "name": "R", "fields": [{fields}]}}"#);
    let writer = reader.replace(r#""name": "f"#, r#""name": "g"#);
    let values: HashMap<String, i32> = soon(|| {
        Reader::new(&avro(&writer), Some(&avro(&reader)))
            .unwrap()
            .decode(&vec![2; 20_000])
            .unwrap()
    });
    assert_eq!(values.len(), 20_000);
}

/// All kinds of types, some of them recursive.
const ALL: &str = r#"{"type": "record", "name": "All", "fields": [
    {"name": "null", "type": "null"},
    {"name": "boolean", "type": "boolean"},
    {"name": "int", "type": "int"},
    {"name": "long", "type": "long"},
    {"name": "float", "type": "float"},
    {"name": "double", "type": "double"},
    {"name": "text", "type": "string"},
    {"name": "uuid", "type": ["null", {"type": "string", "logicalType": "uuid"}]},
    {"name": "symbol", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}},
    {"name": "array", "type": {"type": "array", "items": ["null", "All"]}},
    {"name": "map", "type": {"type": "map", "values": {"type": "array", "items": "null"}}},
    {"name": "bytes", "type": "bytes"},
    {"name": "fixed", "type": {"type": "fixed", "name": "F", "size": 2}}]}"#;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct All {
    null: (),
    boolean: bool,
    int: i32,
    long: u64,
    float: f32,
    double: f64,
    text: String,
    uuid: Option<uuid::Uuid>,
    symbol: E,
    array: Vec<Option<All>>,
    map: HashMap<String, Vec<()>>,
    bytes: serde_bytes::ByteBuf,
    fixed: [u8; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum E {
    A,
    B,
}

fn all() -> All {
    let inner = All {
        null: (),
        boolean: true,
        int: -70_000,
        long: 1 << 40,
        float: 0.5,
        double: -0.25,
        text: "text".to_owned(),
        uuid: Some(uuid::Uuid::max()),
        symbol: E::B,
        array: vec![None],
        map: HashMap::from([("key".to_owned(), vec![(); 3])]),
        bytes: serde_bytes::ByteBuf::from([1, 2, 3]),
        fixed: [4, 5],
    };
    All {
        array: vec![Some(inner.clone()), None],
        ..inner
    }
}

static ALL_BY_ITSELF: LazyLock<Reader> = LazyLock::new(|| Reader::new(&avro(ALL), None).unwrap());
static READERS: LazyLock<Vec<Reader>> = LazyLock::new(|| {
    let many = with_dependencies(r#"{"type": "array", "items": "All"}"#, &[("All", ALL)]);
    [
        avro(ALL),
        many,
        avro(NULLS),
        avro(EMPTY_RECORDS),
        avro(LIST),
    ]
    .iter()
    .map(|schema| Reader::new(schema, Some(schema)).unwrap())
    .collect()
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_payload_panics_or_claims_more_than_it_holds(
        payload in prop::collection::vec(any::<u8>(), 0..LONGEST),
    ) {
        for reader in READERS.iter() {
            let _ = reader.decode::<All>(&payload);
            let _ = reader.decode::<Vec<All>>(&payload);
            let _ = reader.decode::<IgnoredAny>(&payload);
            let _ = reader.decode::<serde_json::Value>(&payload);
            let _ = reader.decode::<Hint>(&payload);
        }
    }

    #[test]
    fn no_damage_to_a_payload_panics(
        position: prop::sample::Index, value: u8, cut: prop::sample::Index,
    ) {
        let mut payload = write(ALL, &all());
        let at = position.index(payload.len());
        payload[at] = value;
        let reader = &*ALL_BY_ITSELF;
        // A payload that is accepted can be written again with the same result.
        if let Ok(value) = reader.decode::<All>(&payload) {
            let again = reader.decode::<All>(&write(ALL, &value)).unwrap();
            prop_assert_eq!(format!("{again:?}").len(), format!("{value:?}").len());
        }
        let _ = reader.decode::<IgnoredAny>(&payload);
        payload.truncate(cut.index(payload.len()));
        let _ = reader.decode::<All>(&payload);
    }

    #[test]
    fn what_all_types_hold_travels(
        int: i32, long in 0..=i64::MAX as u64, double in -1e300..1e300, text: String,
        bytes: Vec<u8>, fixed: [u8; 2], uuid in any::<Option<u128>>(), depth in 0..4,
    ) {
        let mut value = All {
            int, long, double, text, fixed,
            bytes: serde_bytes::ByteBuf::from(bytes),
            uuid: uuid.map(uuid::Uuid::from_u128),
            ..all()
        };
        for _ in 0..depth {
            value = All { array: vec![Some(value.clone()), None, Some(value)], ..all() };
        }
        let bytes = write(ALL, &value);
        prop_assert_eq!(ALL_BY_ITSELF.decode::<All>(&bytes).unwrap(), value);
        for length in 0..bytes.len().min(300) {
            prop_assert!(ALL_BY_ITSELF.decode::<All>(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn no_schema_panics(
        text in r#"(\{|\}|\[|\]|"type":|"record"|"name":"R"|"fields":|"items":|"array"|"int"|"R"|"enum"|"symbols":|"default":|"fixed"|"size":|,|1){0,30}"#,
    ) {
        let _ = Writer::new(&avro(&text));
        let _ = Reader::new(&avro(&text), Some(&avro(ALL)));
        let _ = Reader::new(&avro(ALL), Some(&avro(&text)));
        let _ = crate::avro::full_name(&avro(&text));
    }
}

#[test]
fn a_value_of_all_types_travels() {
    round_trip(ALL, &all());
}
