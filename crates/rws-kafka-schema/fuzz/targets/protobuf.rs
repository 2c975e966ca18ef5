//! Reads the place of a message, and the message, as a consumer does.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rws_kafka_schema::fuzzing;
use std::collections::HashMap;

const SCHEMA: &str = "package shop; message Other {} message Tree { map<string, sint64> counts = 1; message Node {} }";

#[derive(Clone, PartialEq, prost::Message)]
struct Node {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    children: Vec<Node>,
    #[prost(map = "string, sint64", tag = "3")]
    counts: HashMap<String, i64>,
    #[prost(oneof = "Payment", tags = "4, 5")]
    payment: Option<Payment>,
    #[prost(double, repeated, tag = "6")]
    weights: Vec<f64>,
    #[prost(group, optional, boxed, tag = "7")]
    group: Option<Box<Node>>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Payment {
    #[prost(uint64, tag = "4")]
    Cents(u64),
    #[prost(bytes, tag = "5")]
    Token(Vec<u8>),
}

impl prost::Name for Node {
    const NAME: &'static str = "Node";
    const PACKAGE: &'static str = "shop";

    fn full_name() -> String {
        "shop.Tree.Node".into()
    }
}

fuzz_target!(|bytes: &[u8]| {
    fuzzing::protobuf_payload::<Node>(SCHEMA, bytes);
    fuzzing::protobuf_message::<Node>(bytes);
});
