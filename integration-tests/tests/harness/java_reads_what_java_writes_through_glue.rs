use integration_tests::{
    ClientRecord, Glue, GlueCompression, JavaGlue, Kafka, Serde, unique, unique_topic,
};
use serde_json::{Value, json};

const AVRO: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "string"},
    {"name": "note", "type": ["null", "string"]}]}"#;
const JSON_SCHEMA: &str = r#"{"$schema": "http://json-schema.org/draft-07/schema#", "title": "Order",
    "type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}"#;
const PROTOBUF: &str = r#"syntax = "proto3";
package shop.v1;
message Zebra { string id = 1; }
message Order {
  message Line { string item = 1; int64 count = 2; }
  string id = 1;
  repeated Line lines = 2;
}
"#;

/// Returns the first bytes of the topic's first record.
fn header(kafka: &Kafka, topic: &str) -> Vec<u8> {
    kafka.kcat(&["-C", "-q", "-t", topic, "-o", "beginning", "-c", "1"])[..2].to_vec()
}

#[track_caller]
fn goes_round(serde: &Serde, values: &[Value]) {
    let (kafka, glue, registry) = (Kafka::shared(), Glue::shared(), unique("registry"));
    glue.create_registry(&registry);
    for (compression, first) in [
        (GlueCompression::None, [3, 0]),
        (GlueCompression::Zlib, [3, 5]),
    ] {
        let topic = unique_topic("glue");
        kafka.create_topic(&topic, 1);
        let java = JavaGlue::of(glue, &registry).compression(compression);
        java.produce(kafka, &topic, serde, values).unwrap();
        assert_eq!(header(kafka, &topic), first, "{compression:?}");
        let found = java.consume(kafka, &topic, serde, values.len()).unwrap();
        assert_eq!(ClientRecord::values(&found), values);
        assert_eq!(glue.versions(&registry, &topic).len(), 1);
    }
}

#[test]
fn avro() {
    let orders = [
        json!({"id": "größe", "note": null}),
        json!({"id": "b", "note": {"string": "x"}}),
    ];
    goes_round(&Serde::avro(AVRO), &orders);
}

#[test]
fn json_schema() {
    goes_round(&Serde::json(JSON_SCHEMA), &[json!({"id": "größe", "n": 1})]);
}

#[test]
fn protobuf() {
    let order = json!({"id": "größe", "lines": [{"item": "pen", "count": "9007199254740993"}]});
    goes_round(&Serde::protobuf(PROTOBUF, "shop.v1.Order"), &[order]);
    let line = json!({"item": "pen"});
    goes_round(&Serde::protobuf(PROTOBUF, "shop.v1.Order.Line"), &[line]);
}

#[test]
fn a_wrong_secret_is_refused() {
    let (kafka, glue, registry) = (Kafka::shared(), Glue::shared(), unique("registry"));
    glue.create_registry(&registry);
    let topic = unique_topic("glue");
    kafka.create_topic(&topic, 1);
    let java = JavaGlue::of(glue, &registry).credentials(glue.wrong_credentials());
    let order = [json!({"id": "a", "note": null})];
    let refused = java.produce(kafka, &topic, &Serde::avro(AVRO), &order);
    let error = refused.unwrap_err();
    assert!(error.contains("Status Code: 403"), "{error}");
    assert!(glue.versions(&registry, &topic).is_empty());
}
