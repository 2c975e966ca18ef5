use std::fmt;
use std::sync::Arc;

/// The part of a record that a schema describes.
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

/// The destination of an encoded value: a topic, as key or as value.
///
/// ```
/// use rws_kafka_schema::registry::{Destination, Role};
///
/// let keys = Destination::key("orders.created");
/// assert_eq!(keys.topic(), "orders.created");
/// assert_eq!(keys.role(), Role::Key);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Destination<'a> {
    pub(crate) topic: &'a str,
    pub(crate) role: Role,
}

impl<'a> Destination<'a> {
    /// Returns the destination of the keys of `topic`.
    pub fn key(topic: &'a str) -> Self {
        Self {
            topic,
            role: Role::Key,
        }
    }

    /// Returns the destination of the values of `topic`.
    pub fn value(topic: &'a str) -> Self {
        Self {
            topic,
            role: Role::Value,
        }
    }

    /// Returns the topic.
    pub fn topic(&self) -> &'a str {
        self.topic
    }

    /// Returns whether this is the key or the value.
    pub fn role(&self) -> Role {
        self.role
    }
}

/// The strategy that names the subject of a schema.
///
/// A record's name is the full name in Avro, the message's full name in Protobuf, and the `title` in a JSON
/// Schema. Strategies that need it require a type that has its own schema, or one that is declared, such as
/// with [`with_avro_schema`](super::SchemaRegistry::with_avro_schema).
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum SubjectNameStrategy {
    /// `{topic}-key` and `{topic}-value`: all messages of a topic share a schema. With AWS Glue, whose
    /// subjects are schema names, it is `{topic}` for both.
    #[default]
    TopicName,
    /// The record's name: a record has one schema in all topics.
    RecordName,
    /// `{topic}-` and the record's name: a topic may contain several types.
    TopicRecordName,
    /// The name that a function returns; see [`custom`](Self::custom).
    Custom(Arc<SubjectName>),
}

/// A function that returns the subject for a destination and the record's name, if that is known.
pub type SubjectName = dyn Fn(Destination<'_>, Option<&str>) -> String + Send + Sync;

impl SubjectNameStrategy {
    /// Returns a strategy that calls `name` with the destination and the record's name, if that is known.
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

    /// Returns the subject, or `None` if it needs a record's name and there is none.
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
