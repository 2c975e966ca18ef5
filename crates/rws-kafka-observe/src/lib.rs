//! Metrics, health and status of rws-kafka: the metric families, the readiness behind `/readyz`, and
//! the [`Status`] of all parts as plain data.
//!
//! An [`Observer`] collects them. Producers, consumers and relays report to the process-wide
//! [`Observer::global`] unless they are given another one. A service therefore needs no wiring, and a
//! test can read only its own numbers. This crate does not depend on a web server or on librdkafka: it
//! turns reports into a Prometheus page, a [`Readiness`] and a [`Status`].
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
//! The module [`trace`] continues a trace from a request to the messages that it causes.
//!
//! # Features
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `otel` | spans and trace contexts of OpenTelemetry, see [`trace`] | |

mod brokers;
pub mod causes;
mod consumed;
mod consumer_health;
mod contact;
mod declared;
mod durations;
mod errors;
mod family;
mod gathered;
mod health;
mod kinds;
mod lag;
mod live;
mod member;
mod metrics;
mod observer;
mod outbox;
mod outbox_health;
pub mod panics;
mod produced;
mod producer_health;
mod rate;
mod readiness;
mod reading;
mod recorder;
mod registry;
mod source;
mod status;
pub mod text;
mod topics;
pub mod trace;
mod untold;

pub use brokers::BrokersOf;
pub use consumed::ConsumedFrom;
pub use consumer_health::ConsumerHealth;
pub use declared::families;
pub use family::{Family, FamilyKind};
pub use lag::LagOf;
pub use member::MemberOf;
pub use metrics::Metrics;
pub use observer::Observer;
pub use outbox::OutboxOf;
pub use outbox_health::OutboxHealth;
pub use produced::ProducedTo;
pub use producer_health::ProducerHealth;
pub use rate::{LogRate, non_zero};
pub use readiness::{BrokerState, ConsumerState, OutboxState, Readiness};
pub use registry::RegistryRequests;
pub use source::Source;
pub use status::{
    BrokerStatus, ConsumerStatus, DeadLetterStatus, OutboxStatus, PartitionState, PartitionStatus,
    ProducerStatus, RecentError, Status, WorkerState,
};

// The example in the README, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
