use integration_tests::{
    ClientRecord, Format, Kafka, PythonClient, Registry, RegistryOptions, Serde, unique_topic,
};
use serde_json::{Value, json};

const AVRO: &str = r#"{
    "type": "record", "name": "Order", "namespace": "shop", "fields": [
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "time", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "raw", "type": "bytes"},
        {"name": "weight", "type": "double"},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
        {"name": "labels", "type": {"type": "map", "values": "long"}},
        {"name": "payment", "type": ["null",
            {"type": "record", "name": "Card", "fields": [{"name": "number", "type": "string"}]},
            {"type": "record", "name": "Bank", "fields": [{"name": "number", "type": "string"}]}]}
    ]}"#;

const PROTOBUF: &str = r#"syntax = "proto3";
    package shop.v1;
    import "shop/money.proto";
    import "google/protobuf/timestamp.proto";
    message Other { string id = 1; }
    message Order {
        message Line { string item = 1; int64 count = 2; }
        string id = 1;
        repeated Line lines = 2;
        shop.v1.Money total = 3;
        google.protobuf.Timestamp at = 4;
        map<string, int32> labels = 5;
    }"#;
const MONEY: &str = r#"syntax = "proto3";
    package shop.v1;
    message Money { int64 cents = 1; }"#;

const JSON_SCHEMA: &str = r#"{"$schema": "http://json-schema.org/draft-07/schema#", "title": "Order",
    "type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}"#;

fn topic() -> String {
    let topic = unique_topic("python");
    Kafka::shared().create_topic(&topic, 2);
    topic
}

/// Writes, reads back, and returns the topic.
#[track_caller]
fn goes_round(write: &Serde, read: &Serde, values: &[Value]) -> String {
    let (kafka, topic) = (Kafka::shared(), topic());
    let python = PythonClient::of(Registry::shared());
    python.produce(kafka, &topic, write, values).unwrap();
    let found = python.consume(kafka, &topic, read, values.len()).unwrap();
    let sorted = |mut values: Vec<Value>| {
        values.sort_by_key(Value::to_string);
        values
    };
    assert_eq!(
        sorted(ClientRecord::values(&found)),
        sorted(values.to_vec())
    );
    topic
}

#[test]
fn avro_with_the_types_that_json_has_not() {
    let order = |payment: Value| {
        json!({
            "id": {"$uuid": "6f0d5a0e-2f3c-4c1b-9a57-0c1f6d3b9f10"},
            "total": {"$decimal": "-12.30"},
            "day": {"$date": "2024-02-29"},
            "at": {"$datetime": "2024-02-29T12:34:56.789000+00:00"},
            "time": {"$time": "12:34:56.789000"},
            "raw": {"$bytes": "AAH/"},
            "weight": {"$float": "-inf"},
            "state": "PAID",
            "labels": {"größe": 9_007_199_254_740_993_i64},
            "payment": payment,
        })
    };
    let bank = json!({"$branch": ["shop.Bank", {"number": "1"}]});
    let read = Serde::as_written(Format::Avro);
    let topic = goes_round(&Serde::avro(AVRO), &read, &[order(Value::Null)]);
    assert!(
        Registry::shared()
            .subjects()
            .contains(&format!("{topic}-value"))
    );

    // The branch is returned only to a reader that requests it.
    let topic = self::topic();
    let (kafka, python) = (Kafka::shared(), PythonClient::of(Registry::shared()));
    python
        .produce(kafka, &topic, &Serde::avro(AVRO), &[order(bank)])
        .unwrap();
    let found = python.consume(kafka, &topic, &read, 1).unwrap();
    assert_eq!(found[0].value["payment"], json!({"number": "1"}));
}

#[test]
fn json_schema() {
    let orders = [
        json!({"id": "a", "n": 1.5}),
        json!({"id": "é", "none": null}),
    ];
    let serde = Serde::json(JSON_SCHEMA);
    goes_round(&serde, &serde, &orders);
    goes_round(&serde, &Serde::as_written(Format::Json), &orders);

    let python = PythonClient::of(Registry::shared());
    let refused = python.produce(Kafka::shared(), &topic(), &serde, &[json!({"id": 1})]);
    let error = refused.unwrap_err();
    assert!(error.contains("is not of type 'string'"), "{error}");
}

#[test]
fn protobuf_with_imports_and_nested_messages() {
    let import = |message| Serde::protobuf(PROTOBUF, message).import("shop/money.proto", MONEY);
    let order = json!({
        "id": "a",
        "lines": [{"item": "pen", "count": "9007199254740993"}],
        "total": {"cents": "1230"},
        "at": "2024-02-29T12:34:56.789Z",
        "labels": {"x": 1},
    });
    let serde = import("shop.v1.Order");
    goes_round(&serde, &serde, &[order]);
    let serde = import("shop.v1.Order.Line");
    goes_round(&serde, &serde, &[json!({"item": "pen"})]);
}

#[test]
fn references_typed_keys_and_tombstones() {
    let (kafka, registry, topic) = (Kafka::shared(), Registry::shared(), topic());
    let part = format!("{topic}-part");
    let id = r#"{"type": "record", "name": "Id", "fields": [{"name": "n", "type": "long"}]}"#;
    registry.register(&part, "AVRO", id, &[]);
    let whole = r#"{"type": "record", "name": "Whole", "fields": [{"name": "id", "type": "Id"}]}"#;
    let value = Serde::avro(whole).reference("Id", &part, 1);
    let key = Serde::json(JSON_SCHEMA);
    let written = [
        (json!({"id": "a"}), json!({"id": {"n": 1}})),
        (json!({"id": "b"}), Value::Null),
    ];
    let python = PythonClient::of(registry);
    python
        .produce_keyed(kafka, &topic, Some(&key), &value, &written)
        .unwrap();
    let read = Serde::as_written(Format::Avro);
    let found = python
        .consume_keyed(kafka, &topic, Some(&key), &read, 2)
        .unwrap();
    for record in written {
        let found = found.iter().find(|found| found.key == record.0).unwrap();
        assert_eq!(found.value, record.1);
    }
}

#[test]
fn what_does_not_come_is_an_error() {
    let (kafka, topic) = (Kafka::shared(), topic());
    kafka.kcat_with_input(&["-P", "-t", &topic], b"no frame\n");
    let python = PythonClient::of(Registry::shared());
    let read = Serde::as_written(Format::Avro);
    let error = python.consume(kafka, &topic, &read, 1).unwrap_err();
    assert!(error.contains("magic byte"), "{error}");
}

#[test]
fn every_way_to_log_in() {
    let kafka = Kafka::shared();
    let serde = Serde::json(JSON_SCHEMA);
    let order = [json!({"id": "a"})];
    let mutual = RegistryOptions::new()
        .require_client_certificates()
        .basic_auth("alice", "secret");
    let token = RegistryOptions::new().tls().bearer_token("abc");
    let password = &["basic.auth.user.info"] as &[_];
    let certificate = &["ssl.certificate.location", "ssl.key.location"];
    for (options, needs) in [
        (mutual, [password, certificate]),
        (token, [&["bearer.auth.token"], &["ssl.ca.location"]]),
    ] {
        let registry = Registry::start_with(options);
        let topic = topic();
        let python = PythonClient::of(&registry);
        python.produce(kafka, &topic, &serde, &order).unwrap();
        let found = python.consume(kafka, &topic, &serde, 1).unwrap();
        assert_eq!(ClientRecord::values(&found), order);
        for needed in needs {
            let client = PythonClient::of(&registry);
            let client = needed.iter().fold(client, |all, name| all.without(name));
            let refused = client.produce(kafka, &topic, &serde, &order);
            assert!(refused.is_err(), "not without {needed:?}");
        }
    }
}
