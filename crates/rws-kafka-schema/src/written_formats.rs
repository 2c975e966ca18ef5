//! The formats in which values are written: one table for the methods of every crate that writes.

/// Calls the macro `$methods` once for each way to write a value in a format: with the schema that a type
/// has itself, and without one.
///
/// Producers, outputs and the outbox have the same methods for each way, which differ in a bound, a name and
/// the words of their documentation. Each of these crates passes a macro with its own method bodies to this
/// one, so that a format is added only here. Internal to these crates, which need exactly this version.
#[doc(hidden)]
#[macro_export]
macro_rules! written_formats {
    ($methods:ident) => {
        $methods! {
            feature: "avro",
            words: "Avro",
            schema: "It is written with the type's own schema ([`AvroMessage`](rws_kafka_schema::avro::AvroMessage)). The first one for a topic registers the schema.",
            bound: { $crate::avro::AvroMessage + serde::Serialize },
            encode: encode_avro,
            value: avro,
            key: avro_key,
            send: send_avro,
            send_keyed: send_avro_keyed,
            enqueue: enqueue_avro,
            enqueue_keyed: enqueue_avro_keyed,
        }
        $methods! {
            feature: "avro",
            words: "Avro",
            schema: "For a type without a schema of its own: it is written with the latest version of its subject, or with the schema that is declared for the type ([`with_avro_schema`](rws_kafka_schema::registry::SchemaRegistry::with_avro_schema)).",
            bound: { serde::Serialize },
            encode: encode_avro_latest,
            value: avro_latest,
            key: avro_key_latest,
            send: send_avro_latest,
            send_keyed: send_avro_latest_keyed,
            enqueue: enqueue_avro_latest,
            enqueue_keyed: enqueue_avro_latest_keyed,
        }
        $methods! {
            feature: "protobuf",
            words: "Protobuf",
            schema: "It is written with the type's own schema ([`ProtobufMessage`](rws_kafka_schema::protobuf::ProtobufMessage)). The first one for a topic registers the schema.",
            bound: { $crate::protobuf::ProtobufMessage },
            encode: encode_protobuf,
            value: protobuf,
            key: protobuf_key,
            send: send_protobuf,
            send_keyed: send_protobuf_keyed,
            enqueue: enqueue_protobuf,
            enqueue_keyed: enqueue_protobuf_keyed,
        }
        $methods! {
            feature: "protobuf",
            words: "Protobuf",
            schema: "For a type without a schema of its own: it is written with the latest version of its subject, or with the schema that is declared for the type ([`with_protobuf`](rws_kafka_schema::registry::SchemaRegistry::with_protobuf)).",
            bound: { $crate::protobuf::Name },
            encode: encode_protobuf_latest,
            value: protobuf_latest,
            key: protobuf_key_latest,
            send: send_protobuf_latest,
            send_keyed: send_protobuf_latest_keyed,
            enqueue: enqueue_protobuf_latest,
            enqueue_keyed: enqueue_protobuf_latest_keyed,
        }
        $methods! {
            feature: "json-schema",
            words: "JSON, checked by its JSON Schema",
            schema: "It is written with the type's own schema ([`JsonSchemaMessage`](rws_kafka_schema::json_schema::JsonSchemaMessage)). The first one for a topic registers the schema.",
            bound: { $crate::json_schema::JsonSchemaMessage + serde::Serialize },
            encode: encode_json_schema,
            value: json_schema,
            key: json_schema_key,
            send: send_json_schema,
            send_keyed: send_json_schema_keyed,
            enqueue: enqueue_json_schema,
            enqueue_keyed: enqueue_json_schema_keyed,
        }
        $methods! {
            feature: "json-schema",
            words: "JSON, checked by its JSON Schema",
            schema: "For a type without a schema of its own: it is written with the latest version of its subject, or with the schema that is declared for the type ([`with_json_schema`](rws_kafka_schema::registry::SchemaRegistry::with_json_schema)).",
            bound: { serde::Serialize },
            encode: encode_json_schema_latest,
            value: json_schema_latest,
            key: json_schema_key_latest,
            send: send_json_schema_latest,
            send_keyed: send_json_schema_latest_keyed,
            enqueue: enqueue_json_schema_latest,
            enqueue_keyed: enqueue_json_schema_latest_keyed,
        }
    };
}
