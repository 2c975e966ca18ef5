//! Events with schemas. They are encoded when they are enqueued: what a registry or a schema has
//! against a value rolls back the transaction, and is not found out by the relay.

use crate::database::{AsyncTransaction, Transaction, handle};
use crate::error::OutboxError;
use crate::event::Event;
use crate::outbox::Outbox;
use rws_kafka_schema::SchemaError;
use rws_kafka_schema::registry::{Destination, SchemaRegistry};
use uuid::Uuid;

fn failed(topic: &str, source: SchemaError) -> OutboxError {
    OutboxError::Encode {
        topic: topic.to_owned(),
        source: Box::new(source),
    }
}

/// Encodes where a wait for the registry blocks no async task.
async fn off_the_task(
    encode: impl FnOnce() -> Result<Event, OutboxError> + Send + 'static,
) -> Result<Event, OutboxError> {
    let encoded = handle()?.spawn_blocking(encode).await;
    encoded.map_err(|panic| OutboxError::Thread {
        detail: panic.to_string(),
    })?
}

/// The methods of one format, for types with a schema of their own and for those without: they differ
/// in a bound, a name and words.
macro_rules! format_methods {
    (
        $feature:literal, $words:literal, $schema:literal, { $($bound:tt)+ }, $encode:ident,
        $value:ident, $key:ident, $enqueue:ident, $enqueue_keyed:ident
    ) => {
        #[cfg(feature = $feature)]
        impl Event {
            #[doc = concat!("The payload, in ", $words, ", framed for `registry`. Blocks where it must be asked.")]
            ///
            #[doc = $schema]
            ///
            /// # Errors
            ///
            /// [`OutboxError::Encode`], whose source tells what the registry or the schema has against
            /// the value.
            pub fn $value<V: $($bound)+>(
                self,
                value: &V,
                registry: &SchemaRegistry,
            ) -> Result<Self, OutboxError> {
                let encoded = registry.$encode(Destination::value(&self.topic), value);
                match encoded {
                    Ok(payload) => Ok(self.payload(payload)),
                    Err(source) => Err(failed(&self.topic, source)),
                }
            }

            #[doc = concat!("The key, in ", $words, ". Equal keys must be equal bytes to keep their order.")]
            ///
            #[doc = $schema]
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`", stringify!($value), "`](Self::", stringify!($value), ").")]
            pub fn $key<V: $($bound)+>(
                self,
                key: &V,
                registry: &SchemaRegistry,
            ) -> Result<Self, OutboxError> {
                let encoded = registry.$encode(Destination::key(&self.topic), key);
                match encoded {
                    Ok(key) => Ok(self.key(key)),
                    Err(source) => Err(failed(&self.topic, source)),
                }
            }
        }

        #[cfg(feature = $feature)]
        impl Outbox<'_, Transaction<'_>> {
            #[doc = concat!("Enqueues `value` in ", $words, ", framed for `registry`.")]
            ///
            #[doc = $schema]
            ///
            /// # Errors
            ///
            /// As [`enqueue`](Self::enqueue), and [`OutboxError::Encode`], whose source tells what the
            /// registry or the schema has against the value.
            pub fn $enqueue<V: $($bound)+>(
                &self,
                topic: &str,
                value: &V,
                registry: &SchemaRegistry,
            ) -> Result<Uuid, OutboxError> {
                self.enqueue_event(&Event::to(topic).$value(value, registry)?)
            }

            /// The same with a key.
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`", stringify!($enqueue), "`](Self::", stringify!($enqueue), ").")]
            pub fn $enqueue_keyed<V: $($bound)+>(
                &self,
                topic: &str,
                key: impl AsRef<[u8]>,
                value: &V,
                registry: &SchemaRegistry,
            ) -> Result<Uuid, OutboxError> {
                self.enqueue_event(&Event::to(topic).$value(value, registry)?.key(key))
            }
        }

        #[cfg(feature = $feature)]
        impl<T: AsyncTransaction> Outbox<'_, T> {
            #[doc = concat!("Enqueues `value` in ", $words, ", framed for `registry`. It is taken by value, for")]
            /// it is encoded on another thread, which may wait for the registry.
            ///
            #[doc = $schema]
            ///
            /// # Errors
            ///
            /// As [`enqueue`](Self::enqueue), and [`OutboxError::Encode`], whose source tells what the
            /// registry or the schema has against the value.
            pub async fn $enqueue<V: $($bound)+ + Send + 'static>(
                &self,
                topic: &str,
                value: V,
                registry: &SchemaRegistry,
            ) -> Result<Uuid, OutboxError> {
                let (event, registry) = (Event::to(topic), registry.clone());
                let event = off_the_task(move || event.$value(&value, &registry)).await?;
                self.enqueue_event(&event).await
            }

            /// The same with a key.
            ///
            /// # Errors
            ///
            #[doc = concat!("As [`", stringify!($enqueue), "`](Self::", stringify!($enqueue), ").")]
            pub async fn $enqueue_keyed<V: $($bound)+ + Send + 'static>(
                &self,
                topic: &str,
                key: impl AsRef<[u8]>,
                value: V,
                registry: &SchemaRegistry,
            ) -> Result<Uuid, OutboxError> {
                let (event, registry) = (Event::to(topic).key(key), registry.clone());
                let event = off_the_task(move || event.$value(&value, &registry)).await?;
                self.enqueue_event(&event).await
            }
        }
    };
}

format_methods!(
    "avro",
    "Avro",
    "It is written with the schema that the type has itself ([`AvroMessage`](rws_kafka_schema::avro::AvroMessage)): the first one for a topic registers it.",
    { rws_kafka_schema::avro::AvroMessage + serde::Serialize },
    encode_avro,
    avro,
    avro_key,
    enqueue_avro,
    enqueue_avro_keyed
);
format_methods!(
    "avro",
    "Avro",
    "For a type without a schema of its own: it is written with the latest version of its subject, or with the schema that is declared for the type ([`with_avro_schema`](rws_kafka_schema::registry::SchemaRegistry::with_avro_schema)).",
    { serde::Serialize },
    encode_avro_latest,
    avro_latest,
    avro_key_latest,
    enqueue_avro_latest,
    enqueue_avro_latest_keyed
);
format_methods!(
    "protobuf",
    "Protobuf",
    "It is written with the schema that the type has itself ([`ProtobufMessage`](rws_kafka_schema::protobuf::ProtobufMessage)): the first one for a topic registers it.",
    { rws_kafka_schema::protobuf::ProtobufMessage },
    encode_protobuf,
    protobuf,
    protobuf_key,
    enqueue_protobuf,
    enqueue_protobuf_keyed
);
format_methods!(
    "protobuf",
    "Protobuf",
    "For a type without a schema of its own: it is written with the latest version of its subject, or with the schema that is declared for the type ([`with_protobuf`](rws_kafka_schema::registry::SchemaRegistry::with_protobuf)).",
    { rws_kafka_schema::protobuf::Name },
    encode_protobuf_latest,
    protobuf_latest,
    protobuf_key_latest,
    enqueue_protobuf_latest,
    enqueue_protobuf_latest_keyed
);
format_methods!(
    "json-schema",
    "JSON, checked by its JSON Schema",
    "It is written with the schema that the type has itself ([`JsonSchemaMessage`](rws_kafka_schema::json_schema::JsonSchemaMessage)): the first one for a topic registers it.",
    { rws_kafka_schema::json_schema::JsonSchemaMessage + serde::Serialize },
    encode_json_schema,
    json_schema,
    json_schema_key,
    enqueue_json_schema,
    enqueue_json_schema_keyed
);
format_methods!(
    "json-schema",
    "JSON, checked by its JSON Schema",
    "For a type without a schema of its own: it is written with the latest version of its subject, or with the schema that is declared for the type ([`with_json_schema`](rws_kafka_schema::registry::SchemaRegistry::with_json_schema)).",
    { serde::Serialize },
    encode_json_schema_latest,
    json_schema_latest,
    json_schema_key_latest,
    enqueue_json_schema_latest,
    enqueue_json_schema_latest_keyed
);
