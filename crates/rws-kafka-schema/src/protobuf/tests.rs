use super::*;
use crate::schema::{Resolved, Schema};
use proptest::prelude::*;
use prost::Message as _;
use prost_types::{DescriptorProto, FileDescriptorProto};
use std::collections::BTreeMap;
use std::error::Error;

const SHOP: &str = r#"
    // A comment with message Fake {}
    syntax = "proto3";
    package shop.v1; /* message Fake {} */
    import "google/protobuf/timestamp.proto";
    import public "shop/customer.proto";
    option java_package = "shop; } message Fake {";
    option (shop.meta) = { words: ["message Fake {}", 'it\'s'] inner { n: 1; } };

    enum State { option allow_alias = true; NEW = 0; OLD = 1 [deprecated = true]; }

    message Order {
      message Line { string sku = 1; message Price { int64 cents = 1; } }
      map<string, Line> lines_by_sku = 1;
      enum Kind { A = 0; reserved 2, 4 to 6; }
      oneof payment { string card = 2; .shop.v1.Cash cash = 3; }
      map <int32, .google.protobuf.Timestamp> times = 5;
      optional string message = 4 [json_name = "}", (shop.rule) = { a: { b: 1 } }];
      reserved 9, 11 to 12; reserved "x";
      message Address {}
      repeated shop.Customer customers = 7;
    };
    message Cash { int64 cents = 1; }
    service Orders { rpc Get (Order) returns (stream Cash) { option (a.b) = { get: "/}" }; } }
"#;

fn compiled(text: &str) -> File {
    File::new(&Resolved::alone(Schema::protobuf(text))).unwrap()
}

#[track_caller]
fn refused(text: &str) -> ProtobufError {
    File::new(&Resolved::alone(Schema::protobuf(text))).unwrap_err()
}

fn encoded(file: &FileDescriptorProto) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in file.encode_to_vec().chunks(3) {
        let three = [
            chunk[0],
            *chunk.get(1).unwrap_or(&0),
            *chunk.get(2).unwrap_or(&0),
        ];
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for digit in 0..=chunk.len() {
            text.push(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize] as char);
        }
    }
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// Returns the names and indexes of all messages of a descriptor, in the order in which clients visit them.
fn walked(file: &FileDescriptorProto) -> BTreeMap<String, Vec<i32>> {
    fn walk(
        prefix: &str,
        indexes: &[i32],
        messages: &[DescriptorProto],
        to: &mut BTreeMap<String, Vec<i32>>,
    ) {
        for (index, message) in messages.iter().enumerate() {
            let name = match prefix {
                "" => message.name().to_owned(),
                prefix => format!("{prefix}.{}", message.name()),
            };
            let indexes = [indexes, &[index as i32]].concat();
            walk(&name, &indexes, &message.nested_type, to);
            to.insert(name, indexes);
        }
    }
    let mut all = BTreeMap::new();
    walk(file.package(), &[], &file.message_type, &mut all);
    all
}

#[track_caller]
fn agree(file: &File, descriptor: &FileDescriptorProto) {
    let expected = walked(descriptor);
    for (place, (name, indexes)) in expected.iter().enumerate() {
        assert_eq!(file.indexes_of(name), Some(&indexes[..]), "{name}");
        assert_eq!(file.name_at(indexes), Some(name.as_str()));
        assert_eq!(file.glue_index_of(name), Some(place as u32), "{name}");
        assert_eq!(file.glue_name_at(place as u32), Some(name.as_str()));
        let prefix = file.confluent_prefix(name).unwrap();
        let bytes = [&prefix[..], b"rest"].concat();
        assert_eq!(file.confluent_rest(&prefix, name, &bytes), Ok(&b"rest"[..]));
        assert_eq!(file.confluent_rest(&[], name, &bytes), Ok(&b"rest"[..]));
    }
    assert_eq!(file.glue_name_at(expected.len() as u32), None);
}

#[test]
fn messages_have_the_places_that_a_compiler_gives_them() {
    let file = compiled(SHOP);
    agree(&file, &protox_parse::parse("shop.proto", SHOP).unwrap());
    assert_eq!(
        file.indexes_of("shop.v1.Order.Line.Price"),
        Some(&[0, 0, 0][..])
    );
    assert_eq!(
        file.indexes_of("shop.v1.Order.LinesBySkuEntry"),
        Some(&[0, 1][..])
    );
    assert_eq!(file.indexes_of("shop.v1.Order.Address"), Some(&[0, 3][..]));
    assert_eq!(file.indexes_of("shop.v1.Cash"), Some(&[1][..]));
    assert_eq!(file.indexes_of("Cash"), None);
    assert_eq!(file.indexes_of("shop.v1.Fake"), None);
    assert_eq!(file.name_at(&[]), None);
    assert_eq!(file.name_at(&[0, 9]), None);
}

#[test]
fn groups_are_messages_where_they_stand() {
    let text = r#"
        message First {
          optional group Result = 1 [deprecated = true] { required string url = 1; message In {} }
          oneof one { group Chosen = 2 { optional int32 n = 1; } string other = 3; }
          message Last {}
          extensions 100 to max;
          extend First { repeated group Added = 101 { } }
        }
        extend First { optional group Outer = 102 { } }
        message Second { required First first = 1 [default = 3]; }
    "#;
    let file = compiled(text);
    agree(&file, &protox_parse::parse("groups.proto", text).unwrap());
    assert_eq!(file.indexes_of("First.Last"), Some(&[0, 2][..]));
    assert_eq!(file.indexes_of("Second"), Some(&[2][..]));
    let prefix = file.confluent_prefix("Second").unwrap();
    assert_eq!(
        file.confluent_rest(&prefix, "Second", &[2, 2, 7]),
        Ok(&[7][..])
    );
}

#[test]
fn editions_are_read() {
    let file = compiled(
        r#"edition = "2024";
        package later;
        option features.field_presence = IMPLICIT;
        export message Open {
          int32 count = 1 [default = 4, features.field_presence = EXPLICIT];
          local message Inside { Inside next = 1 [features.message_encoding = DELIMITED]; }
          local enum Hidden { ZERO = 0; }
          export.Thing thing = 2;
        }
        local enum Kind { NONE = 0; }
        message Next {}"#,
    );
    assert_eq!(file.indexes_of("later.Open.Inside"), Some(&[0, 0][..]));
    assert_eq!(file.indexes_of("later.Next"), Some(&[1][..]));
}

#[test]
fn keywords_can_be_names_of_fields_and_types() {
    let text = r#"syntax = "proto3"; message message {
        string group = 2; int32 oneof = 3; rpc.option.message message = 4; message map {} }"#;
    agree(
        &compiled(text),
        &protox_parse::parse("names.proto", text).unwrap(),
    );
    let file = compiled("message M { map map = 1; map.x y = 2; message map {} }");
    assert_eq!(file.indexes_of("M.map"), Some(&[0, 0][..]));
}

#[test]
fn a_descriptor_in_base64_is_read() {
    let descriptor = protox_parse::parse("shop.proto", SHOP).unwrap();
    let text = encoded(&descriptor);
    agree(&compiled(&text), &descriptor);
    agree(
        &compiled(&format!("\n{}\n", text.trim_end_matches('='))),
        &descriptor,
    );
    let error = refused("CgtvcmRlci5wcm90bxL/");
    assert!(matches!(error, ProtobufError::Descriptor { .. }), "{error}");
    let twice = FileDescriptorProto {
        message_type: vec![
            DescriptorProto {
                name: Some("M".into()),
                ..Default::default()
            };
            2
        ],
        ..Default::default()
    };
    let error = refused(&encoded(&twice));
    assert_eq!(
        error.to_string(),
        "the Protobuf schema's descriptor is invalid: M is declared twice"
    );
}

#[test]
fn either_way_to_count_beside_maps_is_read() {
    let file = compiled(
        "message A { message B {} map<string, B> m = 1; message C {} map<string, B> n = 2; message D {} } message E {}",
    );
    let reads = |name: &str, bytes: &[u8]| {
        let prefix = file.confluent_prefix(name).unwrap();
        file.confluent_rest(&prefix, name, bytes).map(<[u8]>::len)
    };
    // As in the descriptor, without map entries, and with the fields moved to the front.
    for index in [2, 1, 3] {
        assert_eq!(reads("A.C", &[4, 0, index * 2, 9]), Ok(1), "{index}");
    }
    assert!(reads("A.C", &[4, 0, 0]).is_err());
    assert!(reads("A.C", &[4, 0, 8]).is_err());
    assert!(reads("A.C", &[4, 2, 4]).is_err());
    assert!(reads("A.C", &[0]).is_err());
    assert_eq!(reads("A", &[2, 0]), Ok(0));
    assert_eq!(
        reads("E", &[0, 1]),
        Err(ProtobufError::OtherMessage {
            asked: "E".into(),
            found: "A".into()
        })
    );
}

#[test]
fn glue_counts_nested_messages_sorted_by_their_full_names() {
    let file = compiled(
        "message B { message C {} message A { message D {} } } message B2 {} message A {}",
    );
    let names: Vec<_> = (0..6)
        .map(|index| file.glue_name_at(index).unwrap())
        .collect();
    assert_eq!(names, ["A", "B", "B.A", "B.A.D", "B.C", "B2"]);
    assert_eq!(*file.glue_prefix("B.C").unwrap(), [4]);
    assert_eq!(file.glue_rest(&[4], "B.C", &[4, 1]), Ok(&[1][..]));
    assert_eq!(file.glue_rest(&[4], "B.C", &[0x84, 0, 1]), Ok(&[1][..]));
    assert_eq!(
        file.glue_rest(&[4], "B.C", &[3, 1]),
        Err(ProtobufError::OtherMessage {
            asked: "B.C".into(),
            found: "B.A.D".into()
        })
    );
    assert_eq!(
        file.glue_rest(&[4], "B.C", &[6]),
        Err(ProtobufError::UnknownIndexes { indexes: vec![6] })
    );
    assert!(matches!(
        file.glue_rest(&[4], "B.C", &[]),
        Err(ProtobufError::Framing(_))
    ));
}

#[test]
fn errors_tell_what_was_found_and_what_is_allowed() {
    let file = compiled("package p; message A {} message B {}");
    assert_eq!(
        file.confluent_prefix("A").unwrap_err().to_string(),
        "the Protobuf schema has no message A; it has p.A, p.B"
    );
    assert_eq!(
        compiled("").glue_prefix("A").unwrap_err().to_string(),
        "the Protobuf schema has no message A; it has none"
    );
    let many: String = (10..30).map(|n| format!("message M{n} {{}}")).collect();
    let words = compiled(&many)
        .confluent_prefix("A")
        .unwrap_err()
        .to_string();
    assert!(words.ends_with("M24, M25 and 4 more"), "{words}");
    assert_eq!(
        file.confluent_rest(&[0], "p.A", &[2, 14])
            .unwrap_err()
            .to_string(),
        "the payload names the message at [7], but the Protobuf schema has none there"
    );
    let error = file.confluent_rest(&[0], "p.A", &[1]).unwrap_err();
    assert!(
        error
            .source()
            .unwrap()
            .to_string()
            .contains("is -1; allowed: 0 to 64")
    );
    assert_eq!(
        refused("syntax = 'proto3';\nmessage A {\n  string a = 1;\n").to_string(),
        "the Protobuf schema is invalid at line 4 column 1: found the end; allowed: a declaration"
    );
    assert_eq!(
        refused("{\"type\": \"record\"}").to_string(),
        "the Protobuf schema is invalid at line 1 column 1: found `{`; allowed: a declaration"
    );
}

#[test]
fn text_that_declares_nothing_sensible_is_refused() {
    for text in [
        "message",
        "message {",
        "message 1A {}",
        "message A",
        "message A {",
        "message A {}}",
        "message A { string a = 1 }",
        "message A { group }",
        "message A { optional group G = 1; }",
        "message A { map<a, b> }",
        "message A { map<a; b> c = 1; }",
        "enum E",
        "enum E { A = 0;",
        "package a package b;",
        "package a; package b;",
        "package a..b;",
        "/* ",
        "option a = \"b",
        "option a = 'b\n';",
        "string a = 1;",
        "message A { optional = 1; }",
        "service S { rpc (a }; ",
        "message A {} message A {}",
        "\u{e9}",
        "message A { option (a = 1; }",
        "AAAA",
        "A",
    ] {
        refused(text);
    }
}

#[test]
fn deep_and_wide_schemas_are_bounded() {
    let nested = |levels: usize| "message A {".repeat(levels) + &"}".repeat(levels);
    assert_eq!(
        compiled(&nested(64)).indexes_of(&["A"; 64].join(".")),
        Some(&[0; 64][..])
    );
    assert!(
        refused(&nested(65))
            .to_string()
            .contains("deeper than 64 levels")
    );
    refused(&"message A {".repeat(200_000));
    refused(&("option a = ".to_owned() + &"{".repeat(500_000)));
    compiled(&("message A { ".to_owned() + &"oneof a {".repeat(200_000) + &"}".repeat(200_001)));
    let long = "x".repeat(1025);
    for text in [format!("message {long} {{}}"), format!("package {long};")] {
        assert!(
            refused(&text)
                .to_string()
                .contains("longer than 1024 bytes")
        );
    }
    let mut deep = DescriptorProto {
        name: Some("A".into()),
        ..Default::default()
    };
    for _ in 0..90 {
        deep = DescriptorProto {
            nested_type: vec![deep],
            ..DescriptorProto {
                name: Some("A".into()),
                ..Default::default()
            }
        };
    }
    let file = FileDescriptorProto {
        message_type: vec![deep],
        ..Default::default()
    };
    assert!(
        refused(&encoded(&file))
            .to_string()
            .contains("deeper than 64 levels")
    );
}

#[derive(Clone, PartialEq, prost::Message)]
struct Node {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, boxed, tag = "2")]
    next: Option<Box<Node>>,
    #[prost(map = "string, sint64", tag = "3")]
    counts: std::collections::HashMap<String, i64>,
    #[prost(oneof = "Payment", tags = "4, 5")]
    payment: Option<Payment>,
    #[prost(double, repeated, tag = "6")]
    weights: Vec<f64>,
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

#[test]
fn a_payload_of_something_else_is_refused_in_prosts_words() {
    let error = decode::<Node>(&[0x0a, 0x05, b'x']).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the payload cannot be decoded as shop.Tree.Node"
    );
    assert!(
        error
            .source()
            .unwrap()
            .to_string()
            .contains("buffer underflow")
    );
    for payload in [
        &[0x0a, 0x01, 0xff][..],
        &[0x08, 0x01],
        &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0x07],
    ] {
        assert!(decode::<Node>(payload).is_err(), "{payload:?}");
    }
    assert_eq!(decode::<Node>(&[]), Ok(Node::default()));
    assert_eq!(decode::<Node>(&[0x78, 1]), Ok(Node::default()));
}

#[test]
fn deep_payloads_are_refused_and_no_stack_overflows() {
    let mut payload = Vec::new();
    for _ in 0..10_000 {
        let mut outer = vec![0x12];
        prost::encoding::encode_varint(payload.len() as u64, &mut outer);
        outer.append(&mut payload);
        payload = outer;
    }
    assert!(
        decode::<Node>(&payload)
            .unwrap_err()
            .source()
            .unwrap()
            .to_string()
            .contains("recursion")
    );
}

/// Generates the body of a message: declarations of all kinds in any order, with names made unique by
/// `fresh`.
fn body(levels: u32) -> BoxedStrategy<Vec<Part>> {
    let leaf = prop_oneof![
        Just(Part::Field),
        Just(Part::Map),
        Just(Part::Enum),
        Just(Part::Oneof),
        Just(Part::Reserved),
    ];
    let part = if levels == 0 {
        leaf.boxed()
    } else {
        prop_oneof![
            3 => leaf,
            1 => body(levels - 1).prop_map(Part::Message),
            1 => body(levels - 1).prop_map(Part::Group),
        ]
        .boxed()
    };
    proptest::collection::vec(part, 0..6).boxed()
}

#[derive(Clone, Debug)]
enum Part {
    Field,
    Map,
    Enum,
    Oneof,
    Reserved,
    Message(Vec<Part>),
    Group(Vec<Part>),
}

fn written(parts: &[Part], fresh: &mut u32, to: &mut String) {
    for part in parts {
        *fresh += 1;
        let n = *fresh;
        match part {
            Part::Field => *to += &format!("optional string f{n} = {n} [default = \"}}\"];\n"),
            Part::Map => *to += &format!("map<string, int32> an_entry{n}_x = {n};"),
            Part::Enum => *to += &format!("enum E{n} {{ A{n} = 0; }} // message X {{\n"),
            Part::Oneof => *to += &format!("oneof o{n} {{ group G{n} = {n} {{ }} }}"),
            Part::Reserved => *to += "reserved 1000 to 2000;",
            Part::Message(inner) => {
                *to += &format!("message M{n} {{");
                written(inner, fresh, to);
                *to += "}";
            }
            Part::Group(inner) => {
                *to += &format!("repeated group G{n} = {n} {{");
                written(inner, fresh, to);
                *to += "}";
            }
        }
    }
}

fn node() -> impl Strategy<Value = Node> {
    let payment = prop_oneof![
        any::<u64>().prop_map(Payment::Cents),
        any::<Vec<u8>>().prop_map(Payment::Token),
    ];
    let plain = (
        ".*",
        proptest::collection::hash_map(".*", any::<i64>(), 0..3),
        proptest::option::of(payment),
        proptest::collection::vec(-1e9..1e9, 0..3),
    )
        .prop_map(|(name, counts, payment, weights)| Node {
            name,
            next: None,
            counts,
            payment,
            weights,
        });
    proptest::collection::vec(plain, 1..5).prop_map(|nodes| {
        let mut next = None;
        for mut node in nodes {
            node.next = next;
            next = Some(Box::new(node));
        }
        *next.unwrap()
    })
}

proptest! {
    #[test]
    fn any_file_has_the_places_that_a_compiler_gives(parts in body(4), package in "[a-z]{1,4}(\\.[a-z]{1,4}){0,2}") {
        let mut inside = String::new();
        written(&parts, &mut 0, &mut inside);
        let text = format!("package {package}; message First {{ {inside} }} message Second {{}}");
        let descriptor = protox_parse::parse("any.proto", &text).unwrap();
        agree(&compiled(&text), &descriptor);
        agree(&compiled(&encoded(&descriptor)), &descriptor);
    }

    #[test]
    fn a_message_that_is_written_is_read(node in node()) {
        let mut payload = b"before".to_vec();
        encode(&node, &mut payload);
        prop_assert_eq!(decode::<Node>(&payload[6..]), Ok(node));
    }

    #[test]
    fn no_text_and_no_bytes_panic(text in ".{0,60}", words in "(message|map|[ A-Za-z<>{}();.=\"'/*]){0,40}", payload: Vec<u8>) {
        for text in [text, words] {
            let _ = File::new(&Resolved::alone(Schema::protobuf(text)));
        }
        let _ = decode::<Node>(&payload);
        let file = compiled(SHOP);
        let _ = file.confluent_rest(&[2, 2], "shop.v1.Cash", &payload);
        let _ = file.glue_rest(&[9], "shop.v1.Cash", &payload);
    }
}
