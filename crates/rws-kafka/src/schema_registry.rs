//! Clients of schema registries: Confluent's API and AWS Glue.
//!
//! ```no_run
//! # #[cfg(feature = "avro")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use apache_avro::AvroSchema;
//! use rws_kafka::schema_registry::SchemaRegistry;
//! use rws_kafka::{ConsumerContext, KafkaConsumer, KafkaProducer};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, AvroSchema)]
//! struct OrderCreated {
//!     order_id: u64,
//!     amount_cents: u64,
//! }
//!
//! let registry = SchemaRegistry::confluent("https://schema-registry:8081")
//!     .with_basic_auth("user", "password");
//!
//! let producer = KafkaProducer::from_env()?;
//! let event = OrderCreated { order_id: 1, amount_cents: 9900 };
//! producer.with_registry(registry.clone())
//!     .send_avro("orders.created", &event)?;
//!
//! let consumer = KafkaConsumer::from_env()?.subscribe(["orders.created"])?;
//! consumer.with_registry(registry)
//!     .start(|msg: ConsumerContext| {
//!         let event: OrderCreated = msg.deserialize_avro()?;
//!         println!("order {} of {} cents", event.order_id, event.amount_cents);
//!         msg.commit()
//!     });
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "avro"))]
//! # fn main() {}
//! ```

#[cfg(feature = "glue")]
pub use rws_kafka_schema::registry::GlueCompatibility;
pub use rws_kafka_schema::registry::{
    Destination, Encoded, FromEnvError, OAuth, RegistryError, RegistryStats, RegistryTls, Role,
    SchemaId, SchemaRegistry, SubjectName, SubjectNameStrategy, Version,
};
