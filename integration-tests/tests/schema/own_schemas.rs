//! Types with their own schema, which is registered and used without any declaration.

use crate::client;
use apache_avro::AvroSchema;
use integration_tests::{Registry, unique};
use prost::Message;
use rws_kafka::schema::wire::confluent;
use rws_kafka::schema::{AvroError, AvroMessage, ProtobufError, ProtobufMessage, Schema};
use rws_kafka::schema::{JsonSchemaError, JsonSchemaMessage, SchemaError};
use rws_kafka::schema_registry::{
    Destination, RegistryError, SchemaId, SchemaRegistry, SubjectNameStrategy,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, AvroSchema, JsonSchema)]
struct Order {
    id: String,
    #[avro(default = "7")]
    #[serde(default)]
    count: i64,
}

fn order() -> Order {
    Order {
        id: "a".to_owned(),
        count: 3,
    }
}

/// The same before it had a count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OldOrder {
    id: String,
}

impl AvroMessage for OldOrder {
    fn avro_schema() -> Result<Schema, AvroError> {
        Ok(Schema::avro(
            r#"{"type": "record", "name": "Order", "fields": [{"name": "id", "type": "string"}]}"#,
        ))
    }
}

impl JsonSchemaMessage for OldOrder {
    fn json_message_schema() -> Result<Schema, JsonSchemaError> {
        Ok(Schema::json(
            r#"{"title": "OldOrder", "type": "object", "properties": {"id": {"maxLength": 2}}}"#,
        ))
    }
}

fn id_of(payload: &[u8]) -> SchemaId {
    SchemaId::Number(confluent::read_id(payload).unwrap().0)
}

/// Returns a schema's JSON as a value, because a registry may store it in another order.
fn json_of(schema: &Schema) -> serde_json::Value {
    serde_json::from_str(schema.text()).unwrap()
}

fn schema_of(registry: &SchemaRegistry, payload: &[u8]) -> Schema {
    registry.schema(id_of(payload)).unwrap()
}

#[test]
fn what_avro_derives_is_registered_under_each_strategys_subject() {
    let topic = unique("own");
    let registry = client(Registry::shared());
    let payload = registry
        .encode_avro(Destination::value(&topic), &order())
        .unwrap();
    let subject = format!("{topic}-value");
    assert_eq!(
        json_of(&registry.latest(&subject).unwrap().schema),
        json_of(&Order::avro_schema().unwrap())
    );
    assert_eq!(registry.decode_avro::<Order>(&payload).unwrap(), order());
    let by_record = registry.with_subject_name_strategy(SubjectNameStrategy::TopicRecordName);
    by_record
        .encode_avro(Destination::value(&topic), &order())
        .unwrap();
    assert_eq!(Registry::shared().versions(&format!("{topic}-Order")), [1]);
}

#[test]
fn a_type_is_read_as_its_own_schema_says_and_otherwise_as_it_was_written() {
    let registry = client(Registry::shared());
    let old = OldOrder { id: "a".to_owned() };
    let payload = registry
        .encode_avro(Destination::value(&unique("own")), &old)
        .unwrap();
    let read: Order = registry.decode_avro(&payload).unwrap();
    // The default of the type's schema, not serde's.
    assert_eq!(read.count, 7);
    let read: Order = registry.decode_avro_as_written(&payload).unwrap();
    assert_eq!(read.count, 0);
}

#[test]
fn a_declared_schema_wins_over_the_types_own() {
    let topic = unique("own");
    let declared = Schema::avro(
        r#"{"type": "record", "name": "Order", "fields": [
            {"name": "id", "type": "string"}, {"name": "count", "type": "long", "default": 9}]}"#,
    );
    let registry = client(Registry::shared())
        .with_avro_schema::<Order>(declared.clone())
        .unwrap();
    let payload = registry
        .encode_avro(Destination::value(&topic), &order())
        .unwrap();
    assert_eq!(json_of(&schema_of(&registry, &payload)), json_of(&declared));
    let old = registry
        .encode_avro(
            Destination::value(&unique("own")),
            &OldOrder { id: "a".to_owned() },
        )
        .unwrap();
    assert_eq!(registry.decode_avro::<Order>(&old).unwrap().count, 9);
    assert_eq!(
        registry
            .decode_avro_as_written::<Order>(&old)
            .unwrap()
            .count,
        9
    );
}

#[test]
fn a_types_own_schema_and_its_subjects_latest_do_not_mix() {
    let topic = unique("own");
    let (destination, subject) = (Destination::value(&topic), format!("{topic}-value"));
    let registry = client(Registry::shared());
    let none = registry
        .encode_avro_latest(destination, &order())
        .unwrap_err();
    assert!(matches!(none, SchemaError::NoSchema { .. }), "{none}");
    let own = registry.encode_avro(destination, &order()).unwrap();
    let later = Schema::avro(Order::avro_schema().unwrap().text().replace(":7", ":8"));
    let later = client(Registry::shared())
        .register(&subject, &later)
        .unwrap();
    for _ in 0..2 {
        let latest = registry.encode_avro_latest(destination, &order()).unwrap();
        assert_eq!(id_of(&latest), later);
        let again = registry.encode_avro(destination, &order()).unwrap();
        assert_eq!(id_of(&again), id_of(&own));
    }
    let latest = registry.with_use_latest(true);
    let latest = latest.encode_avro(destination, &order()).unwrap();
    assert_eq!(id_of(&latest), later);
}

#[test]
fn nothing_is_registered_where_that_is_not_wanted() {
    let topic = unique("own");
    let registry = client(Registry::shared()).with_auto_register(false);
    let error = registry
        .encode_avro(Destination::value(&topic), &order())
        .unwrap_err();
    assert!(
        matches!(
            &error,
            SchemaError::Registry(RegistryError::UnknownSubject { .. })
        ),
        "{error:?}"
    );
}

#[test]
fn json_schemas_are_registered_and_checked_by_derived_and_by_hand() {
    let registry = client(Registry::shared());
    let topic = unique("own");
    let payload = registry
        .encode_json_schema(Destination::value(&topic), &order())
        .unwrap();
    let schema = schema_of(&registry, &payload);
    assert_eq!(
        json_of(&schema),
        json_of(&Order::json_message_schema().unwrap())
    );
    assert!(schema.text().contains("draft-07"), "{schema:?}");
    assert_eq!(
        registry.decode_json_schema::<Order>(&payload).unwrap(),
        order()
    );
    let long = OldOrder {
        id: "abc".to_owned(),
    };
    let error = registry
        .encode_json_schema(Destination::value(&unique("own")), &long)
        .unwrap_err();
    assert!(matches!(error, SchemaError::JsonSchema { .. }), "{error:?}");
}

#[derive(Clone, PartialEq, prost::Message)]
struct Parcel {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(message, optional, tag = "2")]
    weight: Option<Weight>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Weight {
    #[prost(int64, tag = "1")]
    grams: i64,
}

impl prost::Name for Parcel {
    const NAME: &'static str = "Parcel";
    const PACKAGE: &'static str = "shop.v1";
}

impl ProtobufMessage for Parcel {
    fn protobuf_schema() -> Result<Schema, ProtobufError> {
        Schema::protobuf_descriptors::<Self>(&descriptors())
    }
}

/// Returns what protoc writes for two files, of which one imports the other.
fn descriptors() -> Vec<u8> {
    use prost_types::field_descriptor_proto::{Label, Type};
    use prost_types::{
        DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
        SourceCodeInfo, source_code_info::Location,
    };

    let field = |name: &str, number, ty: Type, of: Option<&str>| FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some(ty.into()),
        type_name: of.map(str::to_owned),
        ..Default::default()
    };
    let message = |name: &str, field| DescriptorProto {
        name: Some(name.to_owned()),
        field,
        ..Default::default()
    };
    let file = |name: &str, imports: &[&str], message_type| FileDescriptorProto {
        name: Some(name.to_owned()),
        package: Some("shop.v1".to_owned()),
        dependency: imports.iter().map(|name| (*name).to_owned()).collect(),
        message_type,
        syntax: Some("proto3".to_owned()),
        source_code_info: Some(SourceCodeInfo {
            location: vec![Location {
                leading_comments: Some("a comment".repeat(100)),
                ..Default::default()
            }],
        }),
        ..Default::default()
    };
    let weight = message("Weight", vec![field("grams", 1, Type::Int64, None)]);
    let parcel = message(
        "Parcel",
        vec![
            field("id", 1, Type::String, None),
            field("weight", 2, Type::Message, Some(".shop.v1.Weight")),
        ],
    );
    // So that the message is not the first of its file.
    let first = message("First", Vec::new());
    let set = FileDescriptorSet {
        file: vec![
            file("own/weight.proto", &[], vec![weight]),
            file(
                "own/parcel.proto",
                &["own/weight.proto"],
                vec![first, parcel],
            ),
        ],
    };
    set.encode_to_vec()
}

#[test]
fn the_descriptors_of_a_protobuf_type_are_registered_with_their_imports() {
    let topic = unique("own");
    let registry = client(Registry::shared());
    let parcel = Parcel {
        id: "a".to_owned(),
        weight: Some(Weight { grams: 5 }),
    };
    let payload = registry
        .encode_protobuf(Destination::value(&topic), &parcel)
        .unwrap();
    // The second message of its file.
    assert_eq!(payload[5..7], [2, 2]);
    let schema = schema_of(&registry, &payload);
    assert_eq!(schema.references().len(), 1);
    assert_eq!(schema.references()[0].name(), "own/weight.proto");
    // Read by a client that knows only the registry's schema.
    let other = client(Registry::shared());
    assert_eq!(other.decode_protobuf::<Parcel>(&payload).unwrap(), parcel);
}
