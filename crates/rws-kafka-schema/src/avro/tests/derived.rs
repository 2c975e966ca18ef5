//! Tests of the schemas that types derive.

use super::*;
use crate::avro::derived::derived;
use apache_avro::AvroSchema;
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "shop")]
struct Order {
    order_id: u64,
    user_id: u64,
    small: u8,
    smaller: i8,
    short: i16,
    counts: HashMap<String, u64>,
    maybe: Option<u64>,
    lines: Vec<Line>,
    #[serde(rename = "kind")]
    sort: Sort,
    letter: char,
    rate: f32,
    #[avro(with)]
    #[serde(with = "apache_avro::serde::bytes")]
    bytes: Vec<u8>,
    #[avro(with = apache_avro::serde::fixed::get_schema_in_ctxt::<4>)]
    #[serde(with = "apache_avro::serde::fixed")]
    hash: [u8; 4],
    #[avro(with = apache_avro::serde::array::get_schema_in_ctxt::<u16>)]
    #[serde(with = "apache_avro::serde::array")]
    pair: [u16; 2],
    plain: Vec<u8>,
    huge: u128,
    payment: Payment,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, AvroSchema)]
struct Line {
    price: u64,
    #[serde(alias = "amount")]
    count: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, AvroSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Sort {
    NewOne,
    Old,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, AvroSchema)]
#[avro(repr = "union_of_records")]
enum Payment {
    Cash,
    Cheque(u64),
    Card { number: String, limit: u64 },
    Both(u64, i32),
}

fn order() -> Order {
    Order {
        order_id: 1,
        user_id: i64::MAX as u64,
        small: 255,
        smaller: -128,
        short: -32768,
        counts: [("a".to_owned(), 3)].into(),
        maybe: Some(4),
        lines: vec![Line { price: 5, count: 6 }],
        sort: Sort::NewOne,
        letter: 'ß',
        rate: 0.5,
        bytes: vec![1, 2],
        hash: [3; 4],
        pair: [7, 8],
        plain: vec![9],
        huge: u128::MAX,
        payment: Payment::Card {
            number: "n".to_owned(),
            limit: 10,
        },
    }
}

#[test]
fn a_u64_is_a_long_wherever_it_is() {
    let schema = derived::<Order>().unwrap();
    let text = schema.text();
    assert!(!text.contains("rust.u64"), "{text}");
    assert!(!text.contains(r#""name":"u64""#), "{text}");
    assert!(
        text.contains(r#"{"name":"order_id","type":"long"}"#),
        "{text}"
    );
    assert!(
        text.contains(r#"{"name":"counts","type":{"type":"map","values":"long"}}"#),
        "{text}"
    );
    assert!(
        text.contains(r#""name":"maybe","type":["null","long"]}"#),
        "{text}"
    );
    assert!(text.contains("u128"), "{text}");
    assert_eq!(derived::<u64>().unwrap().text(), r#""long""#);
    assert_eq!(derived::<Order>().unwrap(), schema);
}

#[test]
fn a_type_travels_by_the_schema_that_it_derives() {
    let text = derived::<Order>().unwrap().text().to_owned();
    for payment in [
        Payment::Cash,
        Payment::Cheque(1),
        Payment::Both(2, 3),
        order().payment,
    ] {
        round_trip(&text, &Order { payment, ..order() });
    }
    let error = try_write(
        &text,
        &Order {
            lines: vec![
                Line { price: 1, count: 1 },
                Line {
                    price: u64::MAX,
                    count: 1,
                },
            ],
            ..order()
        },
    )
    .unwrap_err();
    assert!(matches!(&error, AvroError::Range { path, .. } if path == "lines[1].price"));
    let error = try_write(
        &text,
        &Order {
            payment: Payment::Cheque(u64::MAX),
            ..order()
        },
    )
    .unwrap_err();
    assert!(matches!(error, AvroError::Range { .. }), "{error}");
}

#[test]
fn the_schema_is_one_that_apache_avro_takes() {
    let text = derived::<Order>().unwrap();
    apache_avro::Schema::parse_str(text.text()).unwrap();
}

#[test]
fn a_recursive_type_travels() {
    #[derive(Debug, PartialEq, Serialize, Deserialize, AvroSchema)]
    struct Node {
        value: u64,
        next: Option<Box<Node>>,
    }
    let schema = derived::<Node>().unwrap();
    round_trip(
        schema.text(),
        &Node {
            value: 1,
            next: Some(Box::new(Node {
                value: 2,
                next: None,
            })),
        },
    );
}

#[test]
fn a_bare_union_travels() {
    #[derive(Debug, PartialEq, Serialize, Deserialize, AvroSchema)]
    #[avro(repr = "bare_union")]
    enum Event {
        Nothing,
        Number(u64),
        Text(String),
        Line(Line),
    }
    let schema = derived::<Event>().unwrap();
    for event in [
        Event::Nothing,
        Event::Number(1),
        Event::Text("t".to_owned()),
        Event::Line(Line { price: 1, count: 2 }),
    ] {
        round_trip(schema.text(), &event);
    }
}

#[test]
fn derived_aliases_and_defaults_let_a_type_evolve() {
    #[derive(Serialize, AvroSchema)]
    struct Old {
        amount: u32,
    }
    #[derive(Debug, PartialEq, Deserialize, AvroSchema)]
    #[avro(alias = "Old")]
    struct New {
        #[serde(alias = "amount")]
        count: u64,
        #[avro(default = "7")]
        added: u64,
        maybe: Option<u64>,
    }
    let (old, new) = (derived::<Old>().unwrap(), derived::<New>().unwrap());
    let bytes = write(old.text(), &Old { amount: 3 });
    let expected = New {
        count: 3,
        added: 7,
        maybe: None,
    };
    assert_eq!(resolve(old.text(), new.text(), &bytes), Ok(expected));
}
