//! Brokers, databases and schema registries in containers, and what tests need around them.
//!
//! ```no_run
//! use integration_tests::{Kafka, unique_topic};
//!
//! let kafka = Kafka::shared();
//! let topic = unique_topic("orders");
//! kafka.create_topic(&topic, 3);
//! kafka.kcat_with_input(&["-P", "-t", &topic], b"hello\n");
//! assert_eq!(kafka.kcat(&["-C", "-e", "-q", "-t", &topic]), b"hello\n");
//! ```
//!
//! A test that cannot have its broker or registry fails: whatever goes wrong in here
//! panics, with what was asked and what answered. Everything waits with a
//! deadline, may be called from an async test too, and leaves no container and
//! no network behind, however the test ends.
//!
//! The images are made by `docker/build-images`; `scripts/test` does all of it.

mod browser;
mod certificates;
mod child;
mod clients;
mod clock;
mod container;
mod endings;
mod gate;
mod glue;
mod http;
pub mod jobs;
mod journal;
mod kafka;
mod kcat;
mod metric;
mod names;
mod network;
mod offsets_log;
mod postgres;
mod program;
mod prometheus;
mod properties;
mod reaper;
mod registry;
mod runtime;
mod sasl;
mod scene;
mod wait;

pub use browser::Browser;
pub use certificates::Certificates;
pub use child::{Child, Program};
pub use clients::{
    ClientRecord, Format, GlueCompression, JavaGlue, PythonClient, Sample, Serde, parse_metrics,
};
pub use clock::now_ms;
pub use container::ToolOutput;
pub use endings::{close, ready, stop};
pub use gate::Gate;
pub use glue::{AwsCredentials, Glue};
pub use http::{HttpAnswer, HttpRequest};
pub use journal::{Given, Journal, JournalOf};
pub use kafka::{Brokers, Cluster, Kafka, TopicRecord};
pub use kcat::{KcatRecord, kcat, kcat_with_input};
pub use metric::metric;
pub use names::{unique, unique_topic};
pub use offsets_log::Commit;
pub use postgres::Postgres;
pub use prometheus::{Prometheus, promtool};
pub use registry::{Registry, RegistryOptions};
pub use sasl::SaslOptions;
pub use scene::Scene;
pub use wait::{SOON, eventually, eventually_some, soon, throughout};
