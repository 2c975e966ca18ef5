use rws_kafka_config::ConfigError;
use rws_kafka_producer::{InvalidTopic, ProducerError};
use std::time::Duration;

/// Why the outbox, its relay or the deduplicator could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// The Kafka settings are wrong.
    #[error("the Kafka settings are wrong")]
    Config(#[from] ConfigError),

    /// `DATABASE_URL` is not set.
    #[error("DATABASE_URL is not set; allowed: postgres://user:password@host:port/database")]
    NoDatabaseUrl,

    /// The database's URL is not one. It is not shown: it may hold a password.
    #[error(
        "the database URL cannot be read; allowed: postgres://user:password@host:port/database, \
         with special characters of the password percent-encoded"
    )]
    InvalidDatabaseUrl,

    /// The database URL has something that this crate cannot do, or lacks something.
    #[error("the database URL {problem}")]
    DatabaseUrl {
        /// What that is; no value of the URL is in it.
        problem: String,
    },

    /// A pool that was given cannot be used for NOTIFY.
    #[error(
        "a pool made by Pool::from does not tell where its database is, and NOTIFY needs a \
         connection of its own; make it by Pool::from_url or Pool::from_env"
    )]
    CannotListen,

    /// The certificates for TLS to the database cannot be used.
    #[error("TLS to the database cannot be set up: {detail}")]
    Tls {
        /// What was found.
        detail: String,
    },

    /// The schema's name is not allowed.
    #[error("the schema name {found:?} is not allowed: 1 to 63 of a-z, 0-9 and _, no digit first")]
    InvalidSchema {
        /// The name.
        found: String,
    },

    /// An option is out of its bounds.
    #[error("{option} is {found}; allowed: {allowed}")]
    InvalidOption {
        /// The option's name.
        option: &'static str,
        /// What it was set to.
        found: String,
        /// What it may be.
        allowed: &'static str,
    },

    /// The topic's name is not one that Kafka takes.
    #[error(transparent)]
    InvalidTopic(#[from] InvalidTopic),

    /// A header's name holds a NUL byte.
    #[error("a header for topic {topic:?} is named {name:?}; a header name cannot hold NUL")]
    InvalidHeader {
        /// The topic.
        topic: String,
        /// The header's name.
        name: String,
    },

    /// The event is larger than a broker is sure to take.
    #[error("an event of {size} bytes is too large for topic {topic:?}: {limit} are allowed")]
    TooLarge {
        /// The topic.
        topic: String,
        /// Bytes of key, payload and headers.
        size: usize,
        /// Most bytes.
        limit: usize,
    },

    /// The message's id, or the group's name, cannot be a key of the table.
    #[error("the {what} {found:?}… has {size} bytes, or holds NUL; allowed: {limit} without NUL")]
    InvalidId {
        /// Whether it is the message's id or the group.
        what: &'static str,
        /// Its beginning.
        found: String,
        /// Its bytes.
        size: usize,
        /// Most bytes.
        limit: usize,
    },

    /// The value could not be made a payload.
    #[cfg(feature = "schema")]
    #[error("cannot encode the event for topic {topic:?}")]
    Encode {
        /// The topic.
        topic: String,
        /// What is wrong with the value.
        source: Box<rws_kafka_schema::SchemaError>,
    },

    /// A blocking call was made in an async task, whose thread it would block.
    #[error(
        "{call} blocks and was called in an async task: use the async form, or call it in \
         tokio::task::spawn_blocking"
    )]
    InAsyncTask {
        /// The call.
        call: &'static str,
    },

    /// The tables are missing.
    #[error("the tables are missing in schema {schema}: call migrate(), or run its SQL")]
    NotMigrated {
        /// The schema.
        schema: String,
        /// What the database said, where it was asked for a table.
        source: Option<tokio_postgres::Error>,
    },

    /// The tables are of a version that this one cannot work beside.
    #[error(
        "the tables in schema {schema} are of version {found}; this library knows up to {known} \
         and is too old to work beside it"
    )]
    NewerTables {
        /// The schema.
        schema: String,
        /// Their version.
        found: i32,
        /// The newest version known here.
        known: i32,
    },

    /// The database's role lacks a right.
    #[error("the database role may not {doing} in schema {schema}: grant it the right")]
    Denied {
        /// What was being done.
        doing: &'static str,
        /// The schema.
        schema: String,
        /// What the database said.
        source: tokio_postgres::Error,
    },

    /// There is no connection to the database.
    #[error("no connection to the database: cannot {doing}")]
    Unreachable {
        /// What was being done.
        doing: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The database did not answer in time.
    #[error("the database did not {doing} within {after:?}")]
    TimedOut {
        /// What was being done.
        doing: &'static str,
        /// The deadline.
        after: Duration,
    },

    /// The database refused for another reason.
    #[error("the database could not {doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        source: tokio_postgres::Error,
    },

    /// The relay's producer failed for good: make a new one.
    #[error("the relay's producer will not send again")]
    Producer(#[source] ProducerError),

    /// The relay did not end in the time that a stop had.
    #[error("the relay did not end within {after:?}")]
    StopTimedOut {
        /// The time that it had.
        after: Duration,
    },

    /// A relay was stopped while batches had not been acknowledged
    /// ([`RelayReport::into_result`](crate::RelayReport::into_result)).
    #[error(
        "the relay stopped before Kafka had acknowledged all events of {batches} batches, which the \
         next relay sends again"
    )]
    Abandoned {
        /// How many batches.
        batches: usize,
    },

    /// No thread could be started.
    #[error("cannot start the threads of the outbox: {detail}")]
    Thread {
        /// The system's words.
        detail: String,
    },
}

impl OutboxError {
    /// True when the same call, in a new transaction, may succeed later.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } => true,
            // Serialization failure, deadlock, shutdown and start of the server.
            Self::Database { source, .. } => source.code().is_some_and(|code| {
                matches!(&code.code()[..2], "40" | "53" | "57" | "08") || code.code() == "55P03"
            }),
            _ => false,
        }
    }
}
