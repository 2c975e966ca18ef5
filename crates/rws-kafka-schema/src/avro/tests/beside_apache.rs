//! Compares our bytes with apache-avro's, which others compare with Java's.

use super::*;
use apache_avro::AvroSchema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "a.b")]
struct Sample {
    boolean: bool,
    byte: u8,
    signed: i8,
    short: i16,
    unsigned: u16,
    int: i32,
    wide: u32,
    long: i64,
    float: f32,
    double: f64,
    letter: char,
    text: String,
    #[avro(with)]
    #[serde(with = "apache_avro::serde::bytes")]
    bytes: Vec<u8>,
    list: Vec<Inner>,
    map: HashMap<String, i64>,
    option: Option<Inner>,
    symbol: Symbol,
    choice: Choice,
    boxed: Box<Inner>,
    unsigned_long: u64,
    huge: i128,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, AvroSchema)]
struct Inner {
    x: i32,
    y: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, AvroSchema)]
enum Symbol {
    One,
    Two,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, AvroSchema)]
#[avro(repr = "union_of_records")]
enum Choice {
    Nothing,
    Number(i64),
    Pair(i32, String),
    Named { inner: Inner },
}

fn inner() -> impl Strategy<Value = Inner> {
    (any::<i32>(), any::<Option<String>>()).prop_map(|(x, y)| Inner { x, y })
}

fn choice() -> impl Strategy<Value = Choice> {
    prop_oneof![
        Just(Choice::Nothing),
        any::<i64>().prop_map(Choice::Number),
        any::<(i32, String)>().prop_map(|(a, b)| Choice::Pair(a, b)),
        inner().prop_map(|inner| Choice::Named { inner }),
    ]
}

fn sample() -> impl Strategy<Value = Sample> {
    let small = any::<(bool, u8, i8, i16, u16, i32, u32, i64)>();
    let rest = (
        -1e30_f32..1e30,
        -1e300_f64..1e300,
        any::<char>(),
        any::<String>(),
        any::<Vec<u8>>(),
    );
    let nested = (
        prop::collection::vec(inner(), 0..4),
        // One entry, because two maps may have different orders.
        prop::collection::hash_map(any::<String>(), any::<i64>(), 0..2),
        prop::option::of(inner()),
        prop_oneof![Just(Symbol::One), Just(Symbol::Two)],
        choice(),
        inner(),
        any::<u64>(),
        any::<i128>(),
    );
    (small, rest, nested).prop_map(|(small, rest, nested)| Sample {
        boolean: small.0,
        byte: small.1,
        signed: small.2,
        short: small.3,
        unsigned: small.4,
        int: small.5,
        wide: small.6,
        long: small.7,
        float: rest.0,
        double: rest.1,
        letter: rest.2,
        text: rest.3,
        bytes: rest.4,
        list: nested.0,
        map: nested.1,
        option: nested.2,
        symbol: nested.3,
        choice: nested.4,
        boxed: Box::new(nested.5),
        unsigned_long: nested.6,
        huge: nested.7,
    })
}

/// A schema whose types have no names yet.
#[derive(Debug, Clone)]
enum Shape {
    Leaf(&'static str),
    Symbols,
    Array(Box<Shape>),
    Map(Box<Shape>),
    Optional(Box<Shape>),
    Record(Vec<Shape>),
}

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["boolean", "int", "long", "double", "string"])
            .prop_map(Shape::Leaf),
        Just(Shape::Symbols),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_map(|shape| Shape::Array(Box::new(shape))),
            inner.clone().prop_map(|shape| Shape::Map(Box::new(shape))),
            inner.clone().prop_map(|shape| match shape {
                // Avro allows no union inside a union.
                Shape::Optional(_) => shape,
                shape => Shape::Optional(Box::new(shape)),
            }),
            prop::collection::vec(inner, 1..4).prop_map(Shape::Record),
        ]
    })
}

/// Makes a schema and a value for a shape from arbitrary bytes.
struct Maker {
    entropy: Vec<u8>,
    names: usize,
}

impl Maker {
    fn byte(&mut self) -> u8 {
        self.entropy.pop().unwrap_or(0)
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("N{}", self.names)
    }

    fn schema(&mut self, shape: &Shape) -> serde_json::Value {
        match shape {
            Shape::Leaf(name) => json!(name),
            Shape::Symbols => {
                json!({"type": "enum", "name": self.name(), "symbols": ["A", "B", "C"]})
            }
            Shape::Array(items) => json!({"type": "array", "items": self.schema(items)}),
            Shape::Map(values) => json!({"type": "map", "values": self.schema(values)}),
            Shape::Optional(inner) => json!(["null", self.schema(inner)]),
            Shape::Record(fields) => {
                let name = self.name();
                let fields: Vec<_> = fields
                    .iter()
                    .enumerate()
                    .map(
                        |(at, field)| json!({"name": format!("f{at}"), "type": self.schema(field)}),
                    )
                    .collect();
                json!({"type": "record", "name": name, "fields": fields})
            }
        }
    }

    fn value(&mut self, shape: &Shape) -> Value {
        let byte = self.byte();
        let number = i64::from(byte as i8) << (byte % 40);
        match shape {
            Shape::Leaf("boolean") => Value::Boolean(byte.is_multiple_of(2)),
            Shape::Leaf("int") => Value::Int(number as i32),
            Shape::Leaf("long") => Value::Long(number),
            Shape::Leaf("double") => Value::Double(number as f64 / 4.0),
            Shape::Leaf(_) => Value::String("ü".repeat(usize::from(byte % 70))),
            Shape::Symbols => {
                let index = u32::from(byte % 3);
                Value::Enum(index, ["A", "B", "C"][index as usize].to_owned())
            }
            Shape::Array(items) => Value::Array((0..byte % 4).map(|_| self.value(items)).collect()),
            Shape::Map(values) => Value::Map(
                (0..byte % 4)
                    .map(|key| (key.to_string(), self.value(values)))
                    .collect(),
            ),
            Shape::Optional(_) if byte.is_multiple_of(3) => Value::Union(0, Box::new(Value::Null)),
            Shape::Optional(inner) => Value::Union(1, Box::new(self.value(inner))),
            Shape::Record(fields) => Value::Record(
                fields
                    .iter()
                    .enumerate()
                    .map(|(at, field)| (format!("f{at}"), self.value(field)))
                    .collect(),
            ),
        }
    }
}

proptest! {
    #[test]
    fn values_have_the_same_bytes(sample in sample()) {
        let schema = Sample::get_schema();
        let text = serde_json::to_string(&schema).unwrap();
        let theirs = GenericDatumWriter::builder(&schema)
            .build()
            .unwrap()
            .write_ser_to_vec(&sample)
            .unwrap();
        prop_assert_eq!(&write(&text, &sample), &theirs);
        prop_assert_eq!(&read::<Sample>(&text, &theirs).unwrap(), &sample);
        prop_assert_eq!(&resolve::<Sample>(&text, &text, &theirs).unwrap(), &sample);
    }

    #[test]
    fn any_schema_is_read_alike(
        shape in shape(), entropy in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut maker = Maker { entropy, names: 0 };
        let text = maker.schema(&shape).to_string();
        let value = maker.value(&shape);
        let schema = apache_avro::Schema::parse_str(&text).unwrap();
        let bytes = GenericDatumWriter::builder(&schema)
            .build()
            .unwrap()
            .write_value_to_vec(value.clone())
            .unwrap();
        let expected = serde_json::Value::try_from(value).unwrap();
        prop_assert_eq!(&read::<serde_json::Value>(&text, &bytes).unwrap(), &expected);
        prop_assert!(read::<serde::de::IgnoredAny>(&text, &bytes).is_ok());
        // The reverse: apache-avro reads what we write.
        let written = write(&text, &expected);
        let theirs = GenericDatumReader::builder(&schema)
            .build()
            .unwrap()
            .read_value(&mut written.as_slice())
            .unwrap();
        prop_assert_eq!(serde_json::Value::try_from(theirs).unwrap(), expected);
    }
}
