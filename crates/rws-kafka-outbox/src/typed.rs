//! Events with schemas. They are encoded when they are enqueued, so that an error of the registry or the
//! schema fails the transaction and not the relay.

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

/// Encodes on another thread, so that waiting for the registry does not block the async task.
async fn off_the_task(
    encode: impl FnOnce() -> Result<Event, OutboxError> + Send + 'static,
) -> Result<Event, OutboxError> {
    let encoded = handle()?.spawn_blocking(encode).await;
    encoded.map_err(|panic| OutboxError::Thread {
        detail: panic.to_string(),
    })?
}

/// Defines the methods of one format, for types with a schema of their own and for types without one. The two
/// differ only in a bound, the names and the texts.
macro_rules! format_methods {
    (
        feature: $feature:literal,
        words: $words:literal,
        schema: $schema:literal,
        bound: { $($bound:tt)+ },
        encode: $encode:ident,
        value: $value:ident,
        key: $key:ident,
        send: $_send:ident,
        send_keyed: $_send_keyed:ident,
        enqueue: $enqueue:ident,
        enqueue_keyed: $enqueue_keyed:ident,
    ) => {
        #[cfg(feature = $feature)]
        impl Event {
            #[doc = concat!("The payload, in ", $words, ", framed for `registry`. Blocks while it is asked.")]
            ///
            #[doc = $schema]
            ///
            /// # Errors
            ///
            /// [`OutboxError::Encode`], whose source is the error of the registry or the schema.
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
            /// As [`enqueue`](Self::enqueue), and [`OutboxError::Encode`], whose source is the error of the
            /// registry or the schema.
            pub fn $enqueue<V: $($bound)+>(
                &self,
                topic: &str,
                value: &V,
                registry: &SchemaRegistry,
            ) -> Result<Uuid, OutboxError> {
                self.enqueue_event(&Event::to(topic).$value(value, registry)?)
            }

            /// Does the same with a key.
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
            #[doc = concat!("Enqueues `value` in ", $words, ", framed for `registry`. It is taken by value,")]
            /// because it is encoded on another thread, which may block while the registry is asked.
            ///
            #[doc = $schema]
            ///
            /// # Errors
            ///
            /// As [`enqueue`](Self::enqueue), and [`OutboxError::Encode`], whose source is the error of the
            /// registry or the schema.
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

            /// Does the same with a key.
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

rws_kafka_schema::written_formats!(format_methods);
