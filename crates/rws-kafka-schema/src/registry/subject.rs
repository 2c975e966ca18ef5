use std::fmt;
use std::sync::Arc;

/// Which part of a record a schema is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The key.
    Key,
    /// The value.
    Value,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Key => "key",
            Self::Value => "value",
        })
    }
}

/// Where an encoded value goes: a topic, as key or as value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Destination<'a> {
    pub(crate) topic: &'a str,
    pub(crate) role: Role,
}

impl<'a> Destination<'a> {
    /// The keys of `topic`.
    pub fn key(topic: &'a str) -> Self {
        Self {
            topic,
            role: Role::Key,
        }
    }

    /// The values of `topic`.
    pub fn value(topic: &'a str) -> Self {
        Self {
            topic,
            role: Role::Value,
        }
    }

    /// The topic.
    pub fn topic(&self) -> &'a str {
        self.topic
    }

    /// Key or value.
    pub fn role(&self) -> Role {
        self.role
    }
}

/// Under which subject a schema is registered.
///
/// A record's name is its full name in Avro, the message's full name in Protobuf, and the `title` of a
/// JSON Schema. For that, the type must have a schema of its own or be declared, as
/// with [`with_avro_schema`](super::SchemaRegistry::with_avro_schema).
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum SubjectNameStrategy {
    /// `{topic}-key` and `{topic}-value`: all messages of a topic share a schema. With AWS Glue, where
    /// the word is schema name, `{topic}` for both.
    #[default]
    TopicName,
    /// The record's name: one schema for it in all topics.
    RecordName,
    /// `{topic}-` and the record's name: a topic may hold several types.
    TopicRecordName,
    /// What the function makes of destination and record name.
    Custom(Arc<SubjectName>),
}

/// Makes a subject of a destination and the record's name, where it is known.
pub type SubjectName = dyn Fn(Destination<'_>, Option<&str>) -> String + Send + Sync;

impl SubjectNameStrategy {
    /// What `name` makes of destination and record name.
    ///
    /// ```
    /// use rws_kafka_schema::registry::{Destination, SubjectNameStrategy};
    ///
    /// let strategy = SubjectNameStrategy::custom(|destination: Destination<'_>, _record: Option<&str>| {
    ///     format!("shop.{}-{}", destination.topic(), destination.role())
    /// });
    /// ```
    pub fn custom(
        name: impl Fn(Destination<'_>, Option<&str>) -> String + Send + Sync + 'static,
    ) -> Self {
        Self::Custom(Arc::new(name))
    }

    /// The subject; `None` where it takes a record's name and there is none.
    pub(crate) fn subject(
        &self,
        destination: Destination<'_>,
        record: Option<&str>,
        topic_subject: impl FnOnce(Destination<'_>) -> String,
    ) -> Option<String> {
        match self {
            Self::TopicName => Some(topic_subject(destination)),
            Self::RecordName => record.map(str::to_owned),
            Self::TopicRecordName => record.map(|record| format!("{}-{record}", destination.topic)),
            Self::Custom(name) => Some(name(destination, record)),
        }
    }
}

impl fmt::Debug for SubjectNameStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TopicName => "TopicName",
            Self::RecordName => "RecordName",
            Self::TopicRecordName => "TopicRecordName",
            Self::Custom(_) => "Custom",
        })
    }
}
