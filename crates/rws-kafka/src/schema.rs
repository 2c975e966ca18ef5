//! Typed messages: values that are serialized as JSON, Avro, Protobuf or checked against a JSON Schema.
//!
//! ```no_run
//! # #[cfg(feature = "json")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use rws_kafka::schema::JsonMessage;
//! use rws_kafka::{ConsumerContext, KafkaConsumer, KafkaProducer};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct OrderCreated {
//!     order_id: u64,
//!     user_id: u64,
//!     amount_cents: u64,
//! }
//!
//! let producer = KafkaProducer::from_env()?;
//! producer.send_typed("orders.created", &OrderCreated { order_id: 1, user_id: 42, amount_cents: 9900 })?;
//!
//! let consumer = KafkaConsumer::from_env()?.subscribe(["orders.created"])?;
//! consumer.start(|msg: ConsumerContext| {
//!     let event: OrderCreated = msg.deserialize_json()?;
//!     println!("order {} for user {}", event.order_id, event.user_id);
//!     msg.commit()
//! });
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "json"))]
//! # fn main() {}
//! ```

#[cfg(feature = "avro")]
pub use rws_kafka_schema::avro::{AvroError, AvroMessage};
#[cfg(feature = "json")]
pub use rws_kafka_schema::json::JsonMessage;
#[cfg(feature = "json-schema")]
pub use rws_kafka_schema::json_schema::{JsonSchemaError, JsonSchemaMessage};
#[cfg(feature = "protobuf")]
pub use rws_kafka_schema::protobuf::{Name as ProtobufName, ProtobufError, ProtobufMessage};
#[cfg(feature = "registry")]
pub use rws_kafka_schema::{Format, Reference, Schema, SchemaName};
pub use rws_kafka_schema::{SchemaError, wire};
