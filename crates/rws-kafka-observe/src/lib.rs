//! What an operator sees of rws-kafka: metric families, and the health behind `/readyz`.
//!
//! An [`Observer`] collects both. Producers and consumers report to the process-wide
//! [`Observer::global`] unless they are given another one, so that a service needs no wiring and a
//! test can look at its own numbers only. This crate knows nothing of a web server and nothing of
//! librdkafka: it turns what it is told into a Prometheus page and a [`Readiness`].
//!
//! ```
//! use rws_kafka_observe::Observer;
//! use std::time::Duration;
//!
//! let observer = Observer::new();
//! let orders = observer.metrics().produced_to("orders.created");
//! orders.delivered(Duration::from_millis(7));
//! assert!(observer.render().contains(r#"rws_kafka_messages_produced_total{topic="orders.created"} 1"#));
//!
//! let producer = observer.register_producer();
//! assert!(!observer.readiness().is_ready(), "not ready until the broker has answered once");
//! producer.reachable();
//! assert_eq!(
//!     observer.readiness().to_json(),
//!     r#"{"status":"ok","kafka_producer":"ok","kafka_consumer_lag":null}"#,
//! );
//! ```
//!
//! The module [`trace`] is about the trace that a message belongs to.
//!
//! # Features
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `otel` | spans and trace contexts are OpenTelemetry's, see [`trace`] | |

mod health;
mod lock;
mod metrics;
mod observer;
mod outbox;
mod outbox_health;
mod rate;
mod readiness;
pub mod trace;

pub use health::{ConsumerHealth, ProducerHealth};
pub use metrics::{ConsumedFrom, LagOf, Metrics, ProducedTo};
pub use observer::Observer;
pub use outbox::OutboxOf;
pub use outbox_health::OutboxHealth;
pub use rate::LogRate;
pub use readiness::{BrokerState, ConsumerState, OutboxState, Readiness};
