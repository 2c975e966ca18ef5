//! The subject and version with which a value is written.

use crate::client;
use crate::faulty::{Fault, Faulty};
use integration_tests::{Registry, SOON, unique};
use rws_kafka::schema::wire::confluent;
use rws_kafka::schema::{Schema, SchemaError};
use rws_kafka::schema_registry::{
    Destination, Encoded, RegistryError, SchemaId, SchemaRegistry, SubjectNameStrategy,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: String,
}

fn order() -> Order {
    Order { id: "a".to_owned() }
}

/// Returns a record of this name, with a field `id` and, where `more`, another that has a default.
fn schema(name: &str, more: bool) -> Schema {
    let note = r#", {"name": "note", "type": "string", "default": ""}"#;
    Schema::avro(format!(
        r#"{{"type": "record", "name": "{name}", "namespace": "shop", "fields": [
            {{"name": "id", "type": "string"}}{}]}}"#,
        if more { note } else { "" }
    ))
}

fn record_name() -> String {
    unique("Order").replace('-', "_")
}

fn id_of(payload: &[u8]) -> SchemaId {
    SchemaId::Number(confluent::read_id(payload).unwrap().0)
}

fn declared(registry: SchemaRegistry, schema: Schema) -> SchemaRegistry {
    registry.with_avro_schema::<Order>(schema).unwrap()
}

#[test]
fn each_strategy_has_its_subjects_for_values_and_keys() {
    let name = record_name();
    let topic = unique("topic");
    let custom = SubjectNameStrategy::custom(|destination, record| {
        format!(
            "{}.{:?}.{record:?}",
            destination.topic(),
            destination.role()
        )
    });
    for (strategy, value, key) in [
        (
            SubjectNameStrategy::TopicName,
            format!("{topic}-value"),
            format!("{topic}-key"),
        ),
        (
            SubjectNameStrategy::RecordName,
            format!("shop.{name}"),
            format!("shop.{name}"),
        ),
        (
            SubjectNameStrategy::TopicRecordName,
            format!("{topic}-shop.{name}"),
            format!("{topic}-shop.{name}"),
        ),
        (
            custom,
            format!("{topic}.Value.Some(\"shop.{name}\")"),
            format!("{topic}.Key.Some(\"shop.{name}\")"),
        ),
    ] {
        let registry = client(Registry::shared())
            .with_subject_name_strategy(strategy.clone())
            .with_key_subject_name_strategy(strategy);
        let registry = declared(registry, schema(&name, false));
        for (destination, subject) in [
            (Destination::value(&topic), &value),
            (Destination::key(&topic), &key),
        ] {
            let payload = registry.encode_avro_latest(destination, &order()).unwrap();
            assert_eq!(
                registry.latest(subject).unwrap().id,
                id_of(&payload),
                "{subject}"
            );
            assert_eq!(
                registry.decode_avro_as_written::<Order>(&payload).unwrap(),
                order()
            );
        }
    }
}

#[test]
fn a_records_name_is_known_of_declared_types_alone() {
    let registry =
        client(Registry::shared()).with_subject_name_strategy(SubjectNameStrategy::RecordName);
    let error = registry
        .encode_avro_latest(Destination::value("orders"), &order())
        .unwrap_err();
    assert!(
        matches!(error, SchemaError::NoRecordName { .. }),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .contains("RecordName needs a record's name for topic orders"),
        "{error}"
    );
}

#[test]
fn the_latest_version_is_used_where_that_is_asked_for() {
    let (name, topic) = (record_name(), unique("topic"));
    let destination = Destination::value(&topic);
    let old = declared(client(Registry::shared()), schema(&name, false));
    let payload = old.encode_avro_latest(destination, &order()).unwrap();
    let later = client(Registry::shared())
        .register(&format!("{topic}-value"), &schema(&name, true))
        .unwrap();
    assert_ne!(id_of(&payload), later);
    // Values are written with the declared schema, unless the latest version is requested.
    assert_eq!(
        id_of(&old.encode_avro_latest(destination, &order()).unwrap()),
        id_of(&payload)
    );
    let latest = old.clone().with_use_latest(true);
    assert_eq!(
        id_of(&latest.encode_avro_latest(destination, &order()).unwrap()),
        later
    );
}

#[test]
fn a_version_that_came_later_is_written_with_when_the_time_to_live_is_over() {
    let (name, topic) = (record_name(), unique("topic"));
    let (destination, subject) = (Destination::value(&topic), format!("{topic}-value"));
    let other = client(Registry::shared());
    let first = other.register(&subject, &schema(&name, false)).unwrap();
    let kept = client(Registry::shared());
    let renewed = client(Registry::shared()).with_latest_ttl(Duration::ZERO);
    for registry in [&kept, &renewed] {
        assert_eq!(
            id_of(&registry.encode_avro_latest(destination, &order()).unwrap()),
            first
        );
    }
    let second = other.register(&subject, &schema(&name, true)).unwrap();
    assert_eq!(
        id_of(&kept.encode_avro_latest(destination, &order()).unwrap()),
        first
    );
    assert_eq!(
        id_of(&renewed.encode_avro_latest(destination, &order()).unwrap()),
        second
    );
}

#[test]
fn nothing_is_registered_where_that_is_not_wanted() {
    let (name, topic) = (record_name(), unique("topic"));
    let destination = Destination::value(&topic);
    let registry = client(Registry::shared()).with_auto_register(false);
    let registry = declared(registry, schema(&name, false));
    let error = registry
        .encode_avro_latest(destination, &order())
        .unwrap_err();
    assert!(
        matches!(
            &error,
            SchemaError::Registry(RegistryError::UnknownSubject { .. })
        ),
        "{error:?}"
    );
    let id = client(Registry::shared())
        .register(&format!("{topic}-value"), &schema(&name, false))
        .unwrap();
    assert_eq!(
        id_of(&registry.encode_avro_latest(destination, &order()).unwrap()),
        id
    );
}

#[test]
fn schemas_that_say_the_same_are_one_where_they_are_normalized() {
    let (name, subject) = (record_name(), unique("subject"));
    let spaced = Schema::avro(schema(&name, false).text().replace(": ", " :  "));
    let registry = client(Registry::shared()).with_normalize(true);
    let id = registry.register(&subject, &schema(&name, false)).unwrap();
    assert_eq!(registry.register(&subject, &spaced).unwrap(), id);
    assert_eq!(Registry::shared().versions(&subject), [1]);
}

#[test]
fn a_schema_that_a_header_names_by_its_guid_is_read() {
    let guid = [0xab; 16];
    let server = Faulty::before(Registry::shared());
    let schema = schema("Order", false);
    server.on(
        "/schemas/guids/abababab-abab-abab-abab-abababababab",
        Fault::Answer {
            status: 200,
            headers: "content-type: application/json\r\n",
            body: json!({"schema": schema.text(), "guid": "abababab-abab-abab-abab-abababababab"})
                .to_string(),
        },
    );
    let registry = SchemaRegistry::confluent(server.url()).with_retries(0, SOON);
    let header = [&[1][..], &guid].concat();
    let encoded = Encoded::new(b"\x02a").header(Some(&header));
    assert_eq!(
        registry.decode_avro_as_written::<Order>(encoded).unwrap(),
        order()
    );
    let wrong = Encoded::new(b"\x02a").header(Some(&[2; 17]));
    let error = registry.decode_avro_as_written::<Order>(wrong).unwrap_err();
    assert!(matches!(error, SchemaError::Framing(_)), "{error:?}");
    assert_eq!(server.requests(), 1);
}
