//! Confluent's client for Python.

use std::{fs, path::Path};

use serde_json::{Map, Value, json};

use super::{ClientRecord, Serde, record, records, run_client};
use crate::{kafka::Brokers, registry::Registry};

const PROGRAM: &[&str] = &["python3", "/opt/clients/python/confluent_client.py"];

/// Confluent's client for Python with its serialisers, logged in at a registry.
///
/// Values are JSON. Where Avro has types that JSON has not, they are objects of one member:
/// `$bytes` and `$uuid`, `$decimal`, `$date`, `$time`, `$datetime`, `$float` for what is not a
/// finite number, and
/// `$branch` for a union's branch by name, see `docker/clients/python/avro_json.py`. A
/// Protobuf message is as Protobuf's JSON mapping has it, with the names in the schema.
#[derive(Debug)]
#[must_use = "a client does nothing until a method that writes or reads is called"]
pub struct PythonClient {
    registry: Map<String, Value>,
}

impl PythonClient {
    /// Creates a client with everything that the registry requires: password, token, authority,
    /// client certificate.
    ///
    /// # Panics
    ///
    /// Panics if a file of the registry's certificates cannot be read.
    pub fn of(registry: &Registry) -> Self {
        let mut client = Self {
            registry: Map::new(),
        }
        .property("url", &registry.url());
        if let Some((user, password)) = registry.login() {
            client = client.property("basic.auth.user.info", &format!("{user}:{password}"));
        }
        if let Some(token) = registry.bearer_token() {
            client = client
                .property("bearer.auth.credentials.source", "STATIC_TOKEN")
                .property("bearer.auth.token", token)
                // It insists on them.
                .property("bearer.auth.logical.cluster", "none")
                .property("bearer.auth.identity.pool.id", "none");
        }
        if registry.url().starts_with("https:") {
            let certificates = registry.certificates();
            client = client.property("ssl.ca.location", &text(certificates.ca_file()));
        }
        if registry.wants_client_certificates() {
            let (certificate, key) = registry.certificates().client("python");
            client = client
                .property("ssl.certificate.location", &text(&certificate))
                .property("ssl.key.location", &text(&key));
        }
        client
    }

    /// Sets a property of its registry's client; of a `ssl.….location` it is the file's text.
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.registry.insert(name.to_owned(), value.into());
        self
    }

    /// Takes away a property: how it logs in, for example.
    pub fn without(mut self, name: &str) -> Self {
        self.registry.remove(name);
        self
    }

    /// Writes records without keys, each acknowledged by the broker.
    ///
    /// # Errors
    ///
    /// What the client says, when it refuses or fails.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be run, or has not ended after 90 s.
    #[track_caller]
    pub fn produce(
        &self,
        brokers: &Brokers,
        topic: &str,
        value: &Serde,
        values: &[Value],
    ) -> Result<(), String> {
        let records = values.iter().map(|value| record(&Value::Null, value));
        self.send(brokers, topic, None, value, records.collect())
    }

    /// Writes records, each a key and a value, with typed keys or, without a `key`, text.
    ///
    /// # Errors
    ///
    /// What the client says, when it refuses or fails.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be run, or has not ended after 90 s.
    #[track_caller]
    pub fn produce_keyed(
        &self,
        brokers: &Brokers,
        topic: &str,
        key: Option<&Serde>,
        value: &Serde,
        records: &[(Value, Value)],
    ) -> Result<(), String> {
        let records = records.iter().map(|(key, value)| record(key, value));
        self.send(brokers, topic, key, value, records.collect())
    }

    /// Reads `count` records of a topic from its beginning, with keys that are text.
    ///
    /// # Errors
    ///
    /// What the client says when it cannot read one, or there are fewer after 20 s.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be run.
    #[track_caller]
    pub fn consume(
        &self,
        brokers: &Brokers,
        topic: &str,
        value: &Serde,
        count: usize,
    ) -> Result<Vec<ClientRecord>, String> {
        self.consume_keyed(brokers, topic, None, value, count)
    }

    /// Reads `count` records of a topic from its beginning, with typed keys.
    ///
    /// # Errors
    ///
    /// What the client says when it cannot read one, or there are fewer after 20 s.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be run.
    #[track_caller]
    pub fn consume_keyed(
        &self,
        brokers: &Brokers,
        topic: &str,
        key: Option<&Serde>,
        value: &Serde,
        count: usize,
    ) -> Result<Vec<ClientRecord>, String> {
        let mut what = self.specification(brokers, topic, key, value);
        what["count"] = json!(count);
        run_client(PROGRAM, "consume", &what).map(|output| records(&output))
    }

    #[track_caller]
    fn send(
        &self,
        brokers: &Brokers,
        topic: &str,
        key: Option<&Serde>,
        value: &Serde,
        records: Vec<Value>,
    ) -> Result<(), String> {
        let mut what = self.specification(brokers, topic, key, value);
        what["records"] = Value::Array(records);
        run_client(PROGRAM, "produce", &what).map(drop)
    }

    fn specification(
        &self,
        brokers: &Brokers,
        topic: &str,
        key: Option<&Serde>,
        value: &Serde,
    ) -> Value {
        json!({
            "bootstrap": brokers.plain_bootstrap(),
            "topic": topic,
            "registry": self.registry,
            "key": key.map(Serde::specification),
            "value": value.specification(),
        })
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
