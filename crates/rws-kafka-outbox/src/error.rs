use rws_kafka_config::ConfigError;
use rws_kafka_observe::causes;
use rws_kafka_producer::{InvalidTopic, ProducerError};
use std::fmt;
use std::time::Duration;

/// The error of the outbox, its relay and the deduplicator.
///
/// `Debug` prints the `Display` text followed by the causes.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// The Kafka settings are invalid.
    #[error("the Kafka settings are invalid")]
    Config(#[from] ConfigError),

    /// `DATABASE_URL` is not set.
    #[error("DATABASE_URL is not set; allowed: postgres://user:password@host:port/database")]
    NoDatabaseUrl,

    /// The database URL is invalid. The error does not contain it, because it may contain a password.
    #[error(
        "the database URL cannot be read; allowed: postgres://user:password@host:port/database, \
         with special characters of the password percent-encoded"
    )]
    InvalidDatabaseUrl,

    /// The database URL has a parameter that this crate does not support, or lacks one.
    #[error("the database URL {problem}")]
    DatabaseUrl {
        /// The problem. Contains no value of the URL.
        problem: String,
    },

    /// A pool made by `Pool::from` cannot be used for `NOTIFY`.
    #[error(
        "a pool made by Pool::from has no address of the database, and NOTIFY needs a connection \
         of its own: make the pool by Pool::from_url or Pool::from_env"
    )]
    CannotListen,

    /// The certificates for TLS to the database are unusable.
    #[error("TLS to the database cannot be set up: {detail}")]
    Tls {
        /// The problem.
        detail: String,
    },

    /// The schema's name is invalid.
    #[error("the schema name {found:?} is invalid; allowed: 1 to 63 of a-z 0-9 _, no digit first")]
    InvalidSchema {
        /// The name.
        found: String,
    },

    /// An option is outside its bounds.
    #[error("{option} is {found}; allowed: {allowed}")]
    InvalidOption {
        /// The option's name.
        option: &'static str,
        /// Its value.
        found: String,
        /// The allowed values.
        allowed: &'static str,
    },

    /// The topic's name is invalid.
    #[error(transparent)]
    InvalidTopic(#[from] InvalidTopic),

    /// A header's name contains a NUL byte.
    #[error("a header for topic {topic:?} is named {name:?}; a header name cannot contain NUL")]
    InvalidHeader {
        /// The topic.
        topic: String,
        /// The header's name.
        name: String,
    },

    /// The event is larger than [`Outbox::max_event_bytes`](crate::Outbox::max_event_bytes).
    #[error("an event of {size} bytes is too large for topic {topic:?}; allowed: {limit} bytes")]
    TooLarge {
        /// The topic.
        topic: String,
        /// The size of key, payload and headers, in bytes.
        size: usize,
        /// The maximum size, in bytes.
        limit: usize,
    },

    /// The message's id or the group's name cannot be a key of the table.
    #[error(
        "the {what} {found:?}… has {size} bytes, or contains NUL; allowed: {limit} without NUL"
    )]
    InvalidId {
        /// The kind of text: the message's id or the group's name.
        what: &'static str,
        /// Its first characters.
        found: String,
        /// Its size, in bytes.
        size: usize,
        /// The maximum size, in bytes.
        limit: usize,
    },

    /// The value could not be encoded as a payload.
    #[cfg(feature = "schema")]
    #[error("cannot encode the event for topic {topic:?}")]
    Encode {
        /// The topic.
        topic: String,
        /// The problem with the value.
        source: Box<rws_kafka_schema::SchemaError>,
    },

    /// A blocking call was made in an async task.
    #[error(
        "{call} blocks and was called in an async task: use the async form, or call it in \
         tokio::task::spawn_blocking"
    )]
    InAsyncTask {
        /// The call.
        call: &'static str,
    },

    /// The tables do not exist.
    #[error("the tables are missing in schema {schema}: call migrate(), or run its SQL")]
    NotMigrated {
        /// The schema.
        schema: String,
        /// The database's error, if a statement failed.
        source: Option<tokio_postgres::Error>,
    },

    /// The tables are of a newer version, which this library cannot work with.
    #[error(
        "the tables in schema {schema} have version {found}; this library supports up to {known} \
         and is too old to work with them"
    )]
    NewerTables {
        /// The schema.
        schema: String,
        /// The version of the tables.
        found: i32,
        /// The newest version that this library knows.
        known: i32,
    },

    /// The database role lacks a privilege.
    #[error("the database role may not {doing} in schema {schema}: grant it the privilege")]
    Denied {
        /// The operation that failed.
        doing: &'static str,
        /// The schema.
        schema: String,
        /// The database's error.
        source: tokio_postgres::Error,
    },

    /// The database role of a relay lacks privileges that it needs to delete the events that it has sent.
    #[error(
        "the database role {role:?} lacks {missing}; the relay sends nothing until it is granted"
    )]
    MissingPrivileges {
        /// The role.
        role: String,
        /// The privileges and their tables, for example `DELETE on "rws_kafka".outbox`.
        missing: String,
    },

    /// The server accepts no writes, for example after a failover. A [`Pool`](crate::Pool) that was created
    /// from a URL replaces such a connection.
    #[error(
        "cannot {doing} in a read-only transaction: the server is a standby, or its \
         default_transaction_read_only is on, or the transaction was begun READ ONLY"
    )]
    ReadOnly {
        /// The operation that failed.
        doing: &'static str,
        /// The database's error, if a statement failed.
        source: Option<tokio_postgres::Error>,
    },

    /// Events that Kafka has acknowledged could not be deleted, although no statement failed.
    #[error(
        "{left} events that Kafka has acknowledged are still in {table} after their DELETE: look for a \
         row-level security policy, a trigger or a rule on it"
    )]
    NotDeleted {
        /// The number of events.
        left: i64,
        /// The table.
        table: String,
    },

    /// There is no connection to the database.
    #[error("no connection to the database: cannot {doing}")]
    Unreachable {
        /// The operation that failed.
        doing: &'static str,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The database did not answer in time.
    #[error("the database did not {doing} within {after:?}")]
    TimedOut {
        /// The operation that failed.
        doing: &'static str,
        /// The deadline.
        after: Duration,
    },

    /// The database refused a statement for another cause.
    #[error("the database could not {doing}{}", in_code(.source))]
    Database {
        /// The operation that failed.
        doing: &'static str,
        /// The database's error.
        source: tokio_postgres::Error,
    },

    /// The relay's producer is closed, fenced or has failed permanently: the relay sends no events.
    #[error("the relay's producer cannot send any more")]
    Producer(#[source] ProducerError),

    /// Kafka did not acknowledge some events. The relay sends them again.
    #[error("Kafka did not acknowledge events; the relay sends them again")]
    Unacknowledged(#[source] ProducerError),

    /// The relay did not end within the timeout of a stop.
    #[error("the relay did not end within {after:?}")]
    StopTimedOut {
        /// The timeout.
        after: Duration,
    },

    /// A relay was stopped before all its batches were acknowledged
    /// ([`RelayReport::into_result`](crate::RelayReport::into_result)).
    #[error(
        "the relay stopped before Kafka had acknowledged all events of {batches} batches, which the \
         next relay sends again"
    )]
    Abandoned {
        /// The number of batches.
        batches: usize,
    },

    /// A thread could not be started.
    #[error("cannot start the threads of the outbox: {detail}")]
    Thread {
        /// The system's message.
        detail: String,
    },
}

impl OutboxError {
    /// Returns `true` if the same call, in a new transaction, may succeed later.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::ReadOnly { .. }
            | Self::Unacknowledged(_) => true,
            // Serialization failure, deadlock, shutdown and start of the server, a held lock.
            Self::Database { source, .. } => has_class(source, &["40", "53", "57", "08", "55P03"]),
            _ => false,
        }
    }

    /// Returns `true` for an error that other connections of the pool may get, too: after a failover, a
    /// shutdown, or when the server does not answer.
    pub(crate) fn is_of_server(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::ReadOnly { .. } => true,
            Self::Database { source, .. } => has_class(source, &["57P0", "08"]),
            _ => false,
        }
    }
}

fn has_class(error: &tokio_postgres::Error, classes: &[&str]) -> bool {
    let code = error.code().map(|code| code.code());
    code.is_some_and(|code| classes.iter().any(|class| code.starts_with(class)))
}

/// Returns the SQLSTATE of an error, which its own message omits.
fn in_code(error: &tokio_postgres::Error) -> String {
    let code = error.code();
    code.map_or_else(String::new, |code| format!(" (SQLSTATE {})", code.code()))
}

impl fmt::Debug for OutboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        causes::debug(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_reads_as_display_with_the_causes_below() {
        let source = ProducerError::TimedOut {
            topic: "orders".into(),
            after: Duration::from_secs(10),
            cause: None,
        };
        let error = OutboxError::Unacknowledged(source);
        let shown = format!("{error:?}");
        assert!(shown.starts_with(&error.to_string()), "{shown}");
        assert!(
            shown.contains("Caused by:\n    no acknowledgement from topic"),
            "{shown}"
        );
        assert!(error.is_retriable());
        assert_eq!(
            format!("{:?}", OutboxError::NoDatabaseUrl),
            OutboxError::NoDatabaseUrl.to_string()
        );
    }

    #[test]
    fn a_read_only_server_may_be_tried_again() {
        let error = OutboxError::ReadOnly {
            doing: "enqueue an event",
            source: None,
        };
        assert!(error.is_retriable() && error.is_of_server());
        let shown = error.to_string();
        assert!(shown.starts_with(
            "cannot enqueue an event in a read-only transaction: the server is a standby"
        ));
    }
}
