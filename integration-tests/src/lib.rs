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
//! A test without its broker or registry fails: every error in here panics with the request and
//! the response. Every wait has a deadline, everything can also be called from async tests, and no
//! container or network is left behind, however a test ends.
//!
//! `docker/build-images` builds the images; `scripts/test` does everything.

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
