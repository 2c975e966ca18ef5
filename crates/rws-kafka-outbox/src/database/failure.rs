use super::schema::Schema;
use crate::error::OutboxError;
use deadpool_postgres::PoolError;
use std::future::Future;
use std::time::Duration;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// The maximum time of one statement, or of opening a connection.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Awaits an answer of the database. An error says what was being done.
pub(crate) async fn answer<T>(
    doing: &'static str,
    schema: &Schema,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<T, OutboxError> {
    in_time(doing, future, |source| classify(doing, schema, source)).await
}

/// As [`answer`], for the begin of a transaction that is to write.
pub(crate) async fn answer_begin<T>(
    doing: &'static str,
    schema: &Schema,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<T, OutboxError> {
    in_time(doing, future, |source| match source.code() {
        // A standby refuses READ WRITE with this code.
        Some(&SqlState::FEATURE_NOT_SUPPORTED) => read_only(doing, source),
        _ => classify(doing, schema, source),
    })
    .await
}

/// As [`answer`], for a statement of the user: its missing tables and privileges are not ours.
pub(crate) async fn answer_user<T>(
    doing: &'static str,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<T, OutboxError> {
    in_time(doing, future, |source| plain(doing, source)).await
}

async fn in_time<T>(
    doing: &'static str,
    future: impl Future<Output = Result<T, Error>>,
    told: impl FnOnce(Error) -> OutboxError,
) -> Result<T, OutboxError> {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(outcome) => outcome.map_err(told),
        Err(_) => Err(timed_out(doing)),
    }
}

pub(crate) fn timed_out(doing: &'static str) -> OutboxError {
    OutboxError::TimedOut {
        doing,
        after: DEADLINE,
    }
}

pub(crate) fn classify(doing: &'static str, schema: &Schema, source: Error) -> OutboxError {
    let schema = schema.to_string();
    match source.code() {
        Some(&SqlState::UNDEFINED_TABLE | &SqlState::INVALID_SCHEMA_NAME) => {
            OutboxError::NotMigrated {
                schema,
                source: Some(source),
            }
        }
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => OutboxError::Denied {
            doing,
            schema,
            source,
        },
        _ => plain(doing, source),
    }
}

fn read_only(doing: &'static str, source: Error) -> OutboxError {
    OutboxError::ReadOnly {
        doing,
        source: Some(source),
    }
}

fn plain(doing: &'static str, source: Error) -> OutboxError {
    match source.code() {
        Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => read_only(doing, source),
        None if source.is_closed() => OutboxError::Unreachable {
            doing,
            source: source.into(),
        },
        _ => OutboxError::Database { doing, source },
    }
}

pub(crate) fn of_pool(error: PoolError) -> OutboxError {
    match error {
        PoolError::Timeout(_) => timed_out("provide a connection"),
        other => OutboxError::Unreachable {
            doing: "connect",
            source: other.into(),
        },
    }
}
