//! AWS's serialisers for Glue's schema registry, for Java.

use serde_json::{Map, Value, json};

use super::{ClientRecord, Serde, records, run_client};
use crate::{
    glue::{AwsCredentials, Glue},
    kafka::Brokers,
};

const PROGRAM: &[&str] = &[
    "java",
    "-Xmx256m",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-cp",
    "/opt/clients/classes:/opt/clients/jars/*",
    "GlueClient",
];

/// How a message's bytes are packed after Glue's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlueCompression {
    /// Not at all.
    None,
    /// By zlib.
    Zlib,
}

/// AWS's own client for Java, logged in at Glue.
///
/// Values are JSON: of Avro by Avro's JSON encoding, of Protobuf by Protobuf's JSON mapping with
/// the names in the schema. It registers what it writes as the schema of the topic's name, unless
/// `schemaName` is set in the [`Serde`]'s configuration.
#[derive(Debug, Clone)]
#[must_use = "a client does nothing until a method that writes or reads is called"]
pub struct JavaGlue {
    endpoint: String,
    region: String,
    registry: String,
    credentials: AwsCredentials,
    compression: GlueCompression,
}

impl JavaGlue {
    /// Creates a client with Glue's credentials, for schemas in this registry of Glue, without
    /// compression.
    pub fn of(glue: &Glue, registry: &str) -> Self {
        Self {
            endpoint: glue.endpoint(),
            region: glue.region().to_owned(),
            registry: registry.to_owned(),
            credentials: glue.credentials().clone(),
            compression: GlueCompression::None,
        }
    }

    /// Sets other credentials.
    pub fn credentials(mut self, credentials: AwsCredentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Writes with this compression; any is read.
    pub fn compression(mut self, compression: GlueCompression) -> Self {
        self.compression = compression;
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
        let mut what = self.specification(brokers, topic, value);
        what["schema"] = json!(value.schema);
        what["message"] = json!(value.message);
        what["records"] = json!(values);
        run_client(PROGRAM, "produce", &what).map(drop)
    }

    /// Reads `count` records of a topic from its beginning, by the schemas they were written with.
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
        let mut what = self.specification(brokers, topic, value);
        what["count"] = json!(count);
        run_client(PROGRAM, "consume", &what).map(|output| records(&output))
    }

    fn specification(&self, brokers: &Brokers, topic: &str, value: &Serde) -> Value {
        let defaults = json!({
            "region": self.region,
            "endpoint": self.endpoint,
            "registry.name": self.registry,
            "dataFormat": value.format.name(),
            "avroRecordType": "GENERIC_RECORD",
            "protobufMessageType": "DYNAMIC_MESSAGE",
            "compression": match self.compression {
                GlueCompression::None => "NONE",
                GlueCompression::Zlib => "ZLIB",
            },
            "schemaAutoRegistrationEnabled": true,
            "schemaName": topic,
        });
        let mut config: Map<String, Value> = defaults.as_object().cloned().unwrap_or_default();
        config.extend(value.config.clone());
        json!({
            "bootstrap": brokers.plain_bootstrap(),
            "topic": topic,
            "accessKeyId": self.credentials.access_key_id,
            "secretAccessKey": self.credentials.secret_access_key,
            "config": config,
        })
    }
}
