//! Compatibility with confluent-kafka for Python: each side reads what the other writes.

use crate::client;
use crate::desk::Desk;
use integration_tests::{
    ClientRecord, Format, PythonClient, Registry, SOON, Serde, unique, unique_topic,
};
use rws_kafka::schema::{AvroError, AvroMessage, Schema};
use rws_kafka::schema_registry::Destination;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

fn python() -> PythonClient {
    PythonClient::of(Registry::shared())
}

mod avro {
    use super::*;

    const SCHEMA: &str = r#"{
        "type": "record", "name": "Order", "namespace": "shop", "fields": [
            {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
            {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
            {"name": "day", "type": {"type": "int", "logicalType": "date"}},
            {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "at_micros", "type": {"type": "long", "logicalType": "timestamp-micros"}},
            {"name": "time", "type": {"type": "int", "logicalType": "time-millis"}},
            {"name": "raw", "type": "bytes"},
            {"name": "weight", "type": "double"},
            {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
            {"name": "labels", "type": {"type": "map", "values": "long"}},
            {"name": "lines", "type": {"type": "array", "items":
                {"type": "record", "name": "Line", "fields": [
                    {"name": "item", "type": "string"}, {"name": "count", "type": "int"}]}}},
            {"name": "note", "type": ["null", "string"]},
            {"name": "payment", "type": ["null",
                {"type": "record", "name": "Card", "fields": [{"name": "number", "type": "string"}]},
                {"type": "record", "name": "Bank", "fields": [{"name": "iban", "type": "string"}]}]}
        ]}"#;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Order {
        id: String,
        total: ByteBuf,
        day: i32,
        at: i64,
        at_micros: i64,
        time: i32,
        raw: ByteBuf,
        weight: f64,
        state: State,
        labels: HashMap<String, i64>,
        lines: Vec<Line>,
        note: Option<String>,
        payment: Option<Payment>,
    }

    impl AvroMessage for Order {
        fn avro_schema() -> Result<Schema, AvroError> {
            Ok(Schema::avro(SCHEMA))
        }
    }

    #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "UPPERCASE")]
    enum State {
        New,
        Paid,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Line {
        item: String,
        count: i32,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Payment {
        Card { number: String },
        Bank { iban: String },
    }

    fn order() -> Order {
        Order {
            id: "6f0d5a0e-2f3c-4c1b-9a57-0c1f6d3b9f10".to_owned(),
            // -12.30, as -1230 hundredths.
            total: ByteBuf::from((-1230_i16).to_be_bytes()),
            // 29 February 2024.
            day: 19_782,
            at: 1_709_210_096_789,
            at_micros: 1_709_210_096_789_123,
            time: 45_296_789,
            raw: ByteBuf::from([0, 1, 255]),
            weight: f64::NEG_INFINITY,
            state: State::Paid,
            labels: HashMap::from([("größe".to_owned(), 9_007_199_254_740_993)]),
            lines: vec![Line {
                item: "pen".to_owned(),
                count: -3,
            }],
            note: Some("é".to_owned()),
            payment: Some(Payment::Bank {
                iban: "DE1".to_owned(),
            }),
        }
    }

    /// Returns the same as Python gives it; `payment` is told apart only where it is written.
    fn in_python(payment: Value) -> Value {
        json!({
            "id": {"$uuid": "6f0d5a0e-2f3c-4c1b-9a57-0c1f6d3b9f10"},
            "total": {"$decimal": "-12.30"},
            "day": {"$date": "2024-02-29"},
            "at": {"$datetime": "2024-02-29T12:34:56.789000+00:00"},
            "at_micros": {"$datetime": "2024-02-29T12:34:56.789123+00:00"},
            "time": {"$time": "12:34:56.789000"},
            "raw": {"$bytes": "AAH/"},
            "weight": {"$float": "-inf"},
            "state": "PAID",
            "labels": {"größe": 9_007_199_254_740_993_i64},
            "lines": [{"item": "pen", "count": -3}],
            "note": "é",
            "payment": payment,
        })
    }

    #[test]
    fn what_python_writes_is_read() {
        let desk = Desk::new(client(Registry::shared()));
        let bank = json!({"$branch": ["shop.Bank", {"iban": "DE1"}]});
        let written = [in_python(bank), in_python(Value::Null)];
        python()
            .produce(desk.kafka, &desk.topic, &Serde::avro(SCHEMA), &written)
            .unwrap();
        let without = Order {
            payment: None,
            ..order()
        };
        // By the writer's schema, and by the type's own.
        let read = desk.read(2, |msg| Ok(msg.deserialize_avro_as_written::<Order>()?));
        assert_eq!(read, [order(), without.clone()]);
        let read = desk.read(2, |msg| Ok(msg.deserialize_avro::<Order>()?));
        assert_eq!(read, [order(), without]);
    }

    #[test]
    fn what_is_written_python_reads() {
        let registry = client(Registry::shared());
        let desk = Desk::new(registry.clone());
        let producer = desk.producer().with_registry(registry);
        producer.send_avro(&desk.topic, &order()).unwrap();
        assert!(producer.flush(SOON).is_complete());
        let found = python()
            .consume(desk.kafka, &desk.topic, &Serde::as_written(Format::Avro), 1)
            .unwrap();
        assert_eq!(
            ClientRecord::values(&found),
            [in_python(json!({"iban": "DE1"}))]
        );
    }

    #[test]
    fn references_and_typed_keys_go_both_ways() {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        struct Id {
            n: i64,
        }
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        struct Whole {
            first: Id,
            all: Vec<Id>,
        }
        let part = unique("part");
        let id = r#"{"type": "record", "name": "Id", "namespace": "shop", "fields": [{"name": "n", "type": "long"}]}"#;
        let whole = r#"{"type": "record", "name": "Whole", "namespace": "shop", "fields": [
            {"name": "first", "type": "shop.Id"},
            {"name": "all", "type": {"type": "array", "items": "Id"}}]}"#;
        Registry::shared().register(&part, "AVRO", id, &[]);
        let value = Serde::avro(whole).reference("shop.Id", &part, 1);
        let key = Serde::avro(id);
        let registry = client(Registry::shared())
            .with_avro_schema::<Id>(Schema::avro(id))
            .unwrap()
            .with_avro_schema::<Whole>(
                Schema::avro(whole)
                    .with_reference(rws_kafka::schema::Reference::new("shop.Id", &part, 1)),
            )
            .unwrap();
        let desk = Desk::new(registry.clone());
        let records = [(
            json!({"n": 7}),
            json!({"first": {"n": 1}, "all": [{"n": 2}]}),
        )];
        python()
            .produce_keyed(desk.kafka, &desk.topic, Some(&key), &value, &records)
            .unwrap();
        let producer = desk.producer().with_registry(registry);
        producer
            .record(&desk.topic)
            .avro_key_latest(&Id { n: 8 })
            .avro_latest(&Whole {
                first: Id { n: 3 },
                all: vec![],
            })
            .send_sync()
            .unwrap();
        let read = desk.read(2, |msg| {
            Ok((
                msg.deserialize_avro_key_as_written::<Id>()?.n,
                msg.deserialize_avro_as_written::<Whole>()?.first.n,
            ))
        });
        assert_eq!(read, [(7, 1), (8, 3)]);
        let found = python()
            .consume_keyed(
                desk.kafka,
                &desk.topic,
                Some(&key),
                &Serde::as_written(Format::Avro),
                2,
            )
            .unwrap();
        assert_eq!(found[1].key, json!({"n": 8}));
        assert_eq!(found[1].value, json!({"first": {"n": 3}, "all": []}));
    }
}

mod json_schema {
    use super::*;
    use std::error::Error;

    const SCHEMA: &str = r#"{"$schema": "http://json-schema.org/draft-07/schema#", "title": "Order",
        "type": "object", "required": ["id"], "properties": {
            "id": {"type": "string", "maxLength": 3},
            "lines": {"type": "array", "items": {"$ref": "line.json"}}}}"#;
    const LINE: &str = r#"{"$schema": "http://json-schema.org/draft-07/schema#", "title": "Line",
        "type": "object", "required": ["count"], "properties": {"count": {"type": "integer", "minimum": 1}}}"#;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Order {
        id: String,
        #[serde(default)]
        lines: Vec<BTreeMap<String, i64>>,
    }

    fn order(id: &str, count: i64) -> Order {
        Order {
            id: id.to_owned(),
            lines: vec![BTreeMap::from([("count".to_owned(), count)])],
        }
    }

    #[test]
    fn it_goes_both_ways_and_is_checked_both_ways() {
        let part = unique("line");
        Registry::shared().register(&part, "JSON", LINE, &[]);
        let serde = Serde::json(SCHEMA).reference("line.json", &part, 1);
        let registry = client(Registry::shared()).with_json_schema::<Order>(
            Schema::json(SCHEMA).with_reference(rws_kafka::schema::Reference::new(
                "line.json",
                &part,
                1,
            )),
        );
        let desk = Desk::new(registry.clone());
        let written = json!({"id": "a", "lines": [{"count": 2}]});
        python()
            .produce(
                desk.kafka,
                &desk.topic,
                &serde,
                std::slice::from_ref(&written),
            )
            .unwrap();
        let producer = desk.producer().with_registry(registry);
        producer
            .send_json_schema_latest(&desk.topic, &order("b", 1))
            .unwrap();
        assert!(producer.flush(SOON).is_complete());

        let read = desk.read(2, |msg| Ok(msg.deserialize_json_schema::<Order>()?));
        assert_eq!(read, [order("a", 2), order("b", 1)]);
        let found = python()
            .consume(desk.kafka, &desk.topic, &serde, 2)
            .unwrap();
        assert_eq!(
            ClientRecord::values(&found),
            [written, json!({"id": "b", "lines": [{"count": 1}]})]
        );

        let error = producer
            .send_json_schema_latest(&desk.topic, &order("b", 0))
            .unwrap_err();
        let words = with_sources(&error);
        assert!(words.contains("/lines/0/count"), "{words}");
        let error = producer
            .send_json_schema_latest(&desk.topic, &order("long", 1))
            .unwrap_err();
        let words = with_sources(&error);
        assert!(words.contains("/id"), "{words}");
    }

    fn with_sources(error: &dyn Error) -> String {
        let mut words = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            words = format!("{words}: {error}");
            source = error.source();
        }
        words
    }
}

mod protobuf {
    use super::*;

    const SCHEMA: &str = r#"syntax = "proto3";
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
}
"#;
    const MONEY: &str = r#"syntax = "proto3";
package shop.v1;
message Money { int64 cents = 1; }
"#;

    #[derive(Clone, PartialEq, prost::Message)]
    struct Order {
        #[prost(string, tag = "1")]
        id: String,
        #[prost(message, repeated, tag = "2")]
        lines: Vec<Line>,
        #[prost(message, optional, tag = "3")]
        total: Option<Money>,
        #[prost(message, optional, tag = "4")]
        at: Option<prost_types::Timestamp>,
        #[prost(map = "string, int32", tag = "5")]
        labels: HashMap<String, i32>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Line {
        #[prost(string, tag = "1")]
        item: String,
        #[prost(int64, tag = "2")]
        count: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Money {
        #[prost(int64, tag = "1")]
        cents: i64,
    }

    impl prost::Name for Order {
        const NAME: &'static str = "Order";
        const PACKAGE: &'static str = "shop.v1";
    }

    impl prost::Name for Line {
        const NAME: &'static str = "Line";
        const PACKAGE: &'static str = "shop.v1";

        fn full_name() -> String {
            "shop.v1.Order.Line".to_owned()
        }
    }

    fn order() -> Order {
        Order {
            id: "a".to_owned(),
            lines: vec![line()],
            total: Some(Money { cents: 1230 }),
            at: Some(prost_types::Timestamp {
                seconds: 1_709_210_096,
                nanos: 789_000_000,
            }),
            labels: HashMap::from([("x".to_owned(), 1)]),
        }
    }

    fn line() -> Line {
        Line {
            item: "pen".to_owned(),
            count: 9_007_199_254_740_993,
        }
    }

    fn in_python() -> Value {
        json!({
            "id": "a",
            "lines": [{"item": "pen", "count": "9007199254740993"}],
            "total": {"cents": "1230"},
            "at": "2024-02-29T12:34:56.789Z",
            "labels": {"x": 1},
        })
    }

    fn serde(message: &str, money: &str) -> Serde {
        let schema = SCHEMA.replace("shop/money.proto", money);
        Serde::protobuf(&schema, message).import(money, MONEY)
    }

    /// Returns a schema with its own import: an import's path is its subject, so each test needs
    /// another.
    fn schema(money: &str) -> Schema {
        Schema::protobuf(SCHEMA.replace("shop/money.proto", money))
            .with_import(money, Schema::protobuf(MONEY))
    }

    #[test]
    fn messages_that_nest_and_import_go_both_ways() {
        let money = format!("{}.proto", unique("money"));
        let registry = client(Registry::shared())
            .with_protobuf::<Order>(schema(&money))
            .with_protobuf::<Line>(schema(&money));
        let desk = Desk::new(registry.clone());
        let python_writes = serde("shop.v1.Order", &money);
        python()
            .produce(desk.kafka, &desk.topic, &python_writes, &[in_python()])
            .unwrap();
        let producer = desk.producer().with_registry(registry.clone());
        producer
            .send_protobuf_latest(&desk.topic, &order())
            .unwrap();
        assert!(producer.flush(SOON).is_complete());
        let read = desk.read(2, |msg| Ok(msg.deserialize_protobuf::<Order>()?));
        assert_eq!(read, [order(), order()]);
        let found = python()
            .consume(desk.kafka, &desk.topic, &python_writes, 2)
            .unwrap();
        assert_eq!(ClientRecord::values(&found), [in_python(), in_python()]);

        let lines = Desk::on(unique_topic("lines"), registry);
        let python_writes = serde("shop.v1.Order.Line", &money);
        let in_python = json!({"item": "pen", "count": "9007199254740993"});
        python()
            .produce(
                lines.kafka,
                &lines.topic,
                &python_writes,
                std::slice::from_ref(&in_python),
            )
            .unwrap();
        producer
            .send_protobuf_latest(&lines.topic, &line())
            .unwrap();
        assert!(producer.flush(SOON).is_complete());
        let read = lines.read(2, |msg| Ok(msg.deserialize_protobuf::<Line>()?));
        assert_eq!(read, [line(), line()]);
        let found = python()
            .consume(lines.kafka, &lines.topic, &python_writes, 2)
            .unwrap();
        assert_eq!(ClientRecord::values(&found), [in_python.clone(), in_python]);
    }

    #[test]
    fn another_message_than_the_one_asked_for_is_told() {
        let money = format!("{}.proto", unique("money"));
        let registry = client(Registry::shared()).with_protobuf::<Order>(schema(&money));
        let payload = registry
            .encode_protobuf_latest(Destination::value(&unique("t")), &order())
            .unwrap();
        let error = registry.decode_protobuf::<Line>(&payload).unwrap_err();
        let words = format!("{error}: {}", std::error::Error::source(&error).unwrap());
        assert!(
            words.contains("shop.v1.Order") && words.contains("shop.v1.Order.Line"),
            "{words}"
        );
    }
}
