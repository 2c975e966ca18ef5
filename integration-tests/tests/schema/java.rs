//! Compatibility with AWS's Java serializer for Glue: each side reads what the other writes.

use crate::desk::Desk;
use integration_tests::{
    ClientRecord, Glue, GlueCompression, JavaGlue, Registry, SOON, Serde, unique, unique_topic,
};
use rws_kafka::HandlerError;
use rws_kafka::schema::wire::glue::Compression;
use rws_kafka::schema::{AvroError, AvroMessage, Format, ProtobufError, ProtobufMessage, Schema};
use rws_kafka::schema_registry::{
    Destination, RegistryError, SchemaId, SchemaRegistry, SubjectNameStrategy,
};
use rws_kafka::{ConsumerContext, KafkaProducer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::OnceLock;

const AVRO: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
    {"name": "id", "type": "string"},
    {"name": "note", "type": ["null", "string"]}]}"#;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: String,
    note: Option<String>,
}

impl AvroMessage for Order {
    fn avro_schema() -> Result<Schema, AvroError> {
        Ok(Schema::avro(AVRO))
    }
}

fn order(note: Option<&str>) -> Order {
    Order {
        id: "größe".to_owned(),
        note: note.map(str::to_owned),
    }
}

/// Returns the registry of these tests, of which an account can have ten, and its name.
fn registry() -> (SchemaRegistry, String) {
    static NAME: OnceLock<String> = OnceLock::new();
    let glue = Glue::shared();
    let name = NAME.get_or_init(|| {
        let name = unique("registry");
        glue.create_registry(&name);
        name
    });
    let key = glue.credentials();
    let registry = SchemaRegistry::glue(glue.region())
        .with_endpoint(glue.endpoint())
        .with_credentials(&key.access_key_id, &key.secret_access_key)
        .registry_name(name);
    (registry, name.clone())
}

/// Writes with each client, not compressed and compressed, and has each read both. Returns how
/// many versions of the schema were registered each time.
#[track_caller]
fn goes_both_ways<T: Clone + std::fmt::Debug + PartialEq + Send + 'static>(
    serde: &Serde,
    declare: impl Fn(SchemaRegistry) -> SchemaRegistry,
    ours: &T,
    javas: &Value,
    send: impl Fn(&KafkaProducer, &SchemaRegistry, &str, &T),
    read: impl Fn(&ConsumerContext) -> Result<T, HandlerError> + Copy + Send + Sync + 'static,
) -> Vec<usize> {
    let mut versions = Vec::new();
    for (compression, javas_compression) in [
        (Compression::None, GlueCompression::None),
        (Compression::Zlib, GlueCompression::Zlib),
    ] {
        let (registry, name) = registry();
        let registry = declare(registry).with_compression(compression);
        let desk = Desk::on(unique_topic("glue"), registry.clone());
        let producer = desk.producer();
        send(&producer, &registry, &desk.topic, ours);
        assert!(producer.flush(SOON).is_complete());
        let java = JavaGlue::of(Glue::shared(), &name).compression(javas_compression);
        java.produce(desk.kafka, &desk.topic, serde, std::slice::from_ref(javas))
            .unwrap();
        assert_eq!(desk.read(2, read), [ours.clone(), ours.clone()]);
        let found = java.consume(desk.kafka, &desk.topic, serde, 2).unwrap();
        assert_eq!(ClientRecord::values(&found), [javas.clone(), javas.clone()]);
        versions.push(Glue::shared().versions(&name, &desk.topic).len());
    }
    versions
}

#[test]
fn avro_goes_both_ways() {
    for (note, javas) in [(None, Value::Null), (Some("x"), json!({"string": "x"}))] {
        let versions = goes_both_ways(
            &Serde::avro(AVRO),
            |registry| registry,
            &order(note),
            &json!({"id": "größe", "note": javas}),
            |producer, registry, topic, order| producer.send_avro(topic, order, registry).unwrap(),
            |msg| Ok(msg.deserialize_avro::<Order>()?),
        );
        // Both mean the same schema by the same text.
        assert_eq!(versions, [1, 1]);
    }
}

#[test]
fn json_schema_goes_both_ways() {
    const SCHEMA: &str = r#"{"$schema": "http://json-schema.org/draft-07/schema#", "title": "Order",
        "type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}"#;
    let order = json!({"id": "größe", "n": 1});
    goes_both_ways(
        &Serde::json(SCHEMA),
        |registry| registry.with_json_schema::<Value>(Schema::json(SCHEMA)),
        &order,
        &order,
        |producer, registry, topic, order| {
            producer
                .send_json_schema_latest(topic, order, registry)
                .unwrap();
        },
        |msg| Ok(msg.deserialize_json_schema::<Value>()?),
    );
}

mod protobuf {
    use super::*;

    const SCHEMA: &str = r#"syntax = "proto3";
package shop.v1;
message Zebra { string id = 1; }
message Order {
  message Line { string item = 1; int64 count = 2; }
  string id = 1;
  repeated Line lines = 2;
}
"#;

    #[derive(Clone, PartialEq, prost::Message)]
    struct Order {
        #[prost(string, tag = "1")]
        id: String,
        #[prost(message, repeated, tag = "2")]
        lines: Vec<Line>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Line {
        #[prost(string, tag = "1")]
        item: String,
        #[prost(int64, tag = "2")]
        count: i64,
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

    impl ProtobufMessage for Order {
        fn protobuf_schema() -> Result<Schema, ProtobufError> {
            Ok(Schema::protobuf(SCHEMA))
        }
    }

    impl ProtobufMessage for Line {
        fn protobuf_schema() -> Result<Schema, ProtobufError> {
            Ok(Schema::protobuf(SCHEMA))
        }
    }

    fn line() -> Line {
        Line {
            item: "pen".to_owned(),
            count: 9_007_199_254_740_993,
        }
    }

    #[test]
    fn messages_go_both_ways() {
        let versions = goes_both_ways(
            &Serde::protobuf(SCHEMA, "shop.v1.Order"),
            |registry| registry,
            &Order {
                id: "größe".to_owned(),
                lines: vec![line()],
            },
            &json!({"id": "größe", "lines": [{"item": "pen", "count": "9007199254740993"}]}),
            |producer, registry, topic, order| {
                producer.send_protobuf(topic, order, registry).unwrap();
            },
            |msg| Ok(msg.deserialize_protobuf::<Order>()?),
        );
        // Java registers the text as its own parser prints it.
        assert_eq!(versions, [2, 2]);
    }

    #[test]
    fn nested_messages_go_both_ways() {
        let versions = goes_both_ways(
            &Serde::protobuf(SCHEMA, "shop.v1.Order.Line"),
            |registry| registry,
            &line(),
            &json!({"item": "pen", "count": "9007199254740993"}),
            |producer, registry, topic, line| {
                producer.send_protobuf(topic, line, registry).unwrap();
            },
            |msg| Ok(msg.deserialize_protobuf::<Line>()?),
        );
        // Java registers the text as its own parser prints it.
        assert_eq!(versions, [2, 2]);
    }
}

#[test]
fn a_wrong_secret_is_refused_with_words_that_say_so() {
    let (registry, _) = registry();
    let wrong = Glue::shared().wrong_credentials();
    let registry = registry.with_credentials(&wrong.access_key_id, &wrong.secret_access_key);
    let error = registry
        .register("orders", &Schema::avro(AVRO))
        .unwrap_err();
    let RegistryError::Unauthorized { status, text, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*status, 403);
    assert!(text.contains("SignatureDoesNotMatch"), "{text}");
    assert!(error.is_transient());
    let shown = format!("{error} {error:?} {registry:?}");
    assert!(!shown.contains(&wrong.secret_access_key), "{shown}");
}

#[test]
fn each_format_is_registered_found_and_read_back() {
    let (registry, name) = registry();
    for schema in [
        Schema::avro(AVRO),
        Schema::json(r#"{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}"#),
        Schema::protobuf("syntax = \"proto3\";\nmessage Order {\n  string id = 1;\n}\n"),
    ] {
        let subject = unique("schema");
        let missing = registry.find(&subject, &schema).unwrap_err();
        assert!(
            matches!(missing, RegistryError::UnknownSubject { .. }),
            "{missing:?}"
        );
        let id = registry.register(&subject, &schema).unwrap();
        assert_eq!(registry.find(&subject, &schema).unwrap(), id);
        assert_eq!(registry.schema(id).unwrap().format(), schema.format());
        let latest = registry.latest(&subject).unwrap();
        assert_eq!((latest.id, latest.version), (id, 1));
        assert_eq!(Glue::shared().versions(&name, &subject).len(), 1);
    }
    let unknown = registry.schema(SchemaId::Glue([7; 16])).unwrap_err();
    assert!(
        matches!(unknown, RegistryError::UnknownId { .. }),
        "{unknown:?}"
    );
    registry.ping().unwrap();
}

#[test]
fn a_new_version_of_a_type_is_registered_beside_the_old_one() {
    let (registry, name) = registry();
    let topic = unique("orders");
    let later = AVRO.replace("\"note\"", "\"remark\"");
    let destination = Destination::value(&topic);
    let old = registry.clone();
    let payload = old.encode_avro(destination, &order(Some("x"))).unwrap();

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Later {
        id: String,
        remark: Option<String>,
    }
    let with_alias = later.replace(
        "{\"name\": \"remark\"",
        "{\"name\": \"remark\", \"aliases\": [\"note\"]",
    );
    let new = registry
        .with_avro_schema::<Later>(Schema::avro(with_alias))
        .unwrap();
    let read: Later = new.decode_avro_as_written(&payload).unwrap();
    assert_eq!(read.remark.as_deref(), Some("x"));
    new.encode_avro_latest(destination, &read).unwrap();
    assert_eq!(Glue::shared().versions(&name, &topic).len(), 2);
    // A client with the older version still reads it.
    let again: Order = old.decode_avro(&payload).unwrap();
    assert_eq!(again, order(Some("x")));
}

#[test]
fn a_payload_of_another_registry_is_told_by_its_first_byte() {
    let (glue, _) = registry();
    let confluent = crate::client(Registry::shared());
    let topic = unique("orders");
    let destination = Destination::value(&topic);
    let of_glue = glue.encode_avro(destination, &order(None)).unwrap();
    let of_confluent = confluent.encode_avro(destination, &order(None)).unwrap();
    for (registry, payload) in [(&glue, &of_confluent), (&confluent, &of_glue)] {
        let error = registry.decode_avro::<Order>(payload).unwrap_err();
        assert!(!error.is_transient());
        let words = format!("{error}: {}", std::error::Error::source(&error).unwrap());
        assert!(
            words.contains(&format!("is 0x{:02x}", payload[0])),
            "{words}"
        );
    }
}

#[test]
fn settings_of_another_kind_of_registry_are_refused() {
    let (registry, _) = registry();
    let error = registry.with_basic_auth("a", "b").ping().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the schema registry's with_basic_auth has no effect on AWS Glue; allowed: settings of \
         this kind of registry"
    );
    let error = crate::client(Registry::shared())
        .registry_name("x")
        .ping()
        .unwrap_err();
    assert!(
        matches!(
            error,
            RegistryError::Setting {
                setting: "registry_name",
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_schema_can_be_named_by_its_record() {
    let (registry, name) = registry();
    let registry = registry.with_subject_name_strategy(SubjectNameStrategy::RecordName);
    registry
        .encode_avro(Destination::value("any"), &order(None))
        .unwrap();
    assert_eq!(
        registry.latest("shop.Order").unwrap().schema.format(),
        Format::Avro
    );
    assert_eq!(Glue::shared().versions(&name, "shop.Order").len(), 1);
}
