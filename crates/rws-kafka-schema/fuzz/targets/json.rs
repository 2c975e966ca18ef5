//! Decodes JSON as one type, and as any value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rws_kafka_schema::json;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    lines: Vec<Line>,
    note: Option<String>,
    inner: Option<Box<Order>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    price: i64,
    tags: BTreeMap<String, bool>,
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(order) = json::decode::<Order>(bytes) {
        let again = json::encode(&order).expect("what was read can be written");
        assert_eq!(json::decode::<Order>(&again).expect("and read"), order);
    }
    let _ = json::decode::<serde_json::Value>(bytes);
});
