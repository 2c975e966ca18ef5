use crate::database::{Pool, answer, block_on};
use crate::error::OutboxError;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

const LIST: &str = "SELECT message_id, topic, key, attempts, last_error, false FROM rws_kafka.outbox \
    WHERE attempts > 0 UNION ALL SELECT message_id, topic, key, attempts, last_error, true \
    FROM rws_kafka.parked ORDER BY 6, 1 LIMIT $1";
/// Leaves `attempts` above 0, so that the index of failed events still contains the event.
const RETRY: &str = "UPDATE rws_kafka.outbox SET retry_at = NULL, attempts = 1 \
    WHERE attempts > 0 AND message_id = $1";
const UNPARK: &str = "WITH back AS (DELETE FROM rws_kafka.parked WHERE message_id = $1 RETURNING *) \
    INSERT INTO rws_kafka.outbox (shard, lane, message_id, topic, key, payload, header_names, \
    header_values, created_at) SELECT shard, lane, message_id, topic, key, payload, header_names, \
    header_values, created_at FROM back";
const DISCARD: &str = "DELETE FROM rws_kafka.outbox WHERE attempts > 0 AND message_id = $1";
const DISCARD_PARKED: &str = "DELETE FROM rws_kafka.parked WHERE message_id = $1";

/// The place of a refused event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TroubledState {
    /// In the outbox, where it delays the events of its topic and key.
    Blocking,
    /// In the table of parked events.
    Parked,
}

/// An event that Kafka has refused; see [`list`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TroubledEvent {
    /// The event's id, as in its header `rws-message-id`.
    pub message_id: Uuid,
    /// The event's topic.
    pub topic: String,
    /// The event's key.
    pub key: Option<Vec<u8>>,
    /// The number of times that Kafka has refused it, counted from the last [`requeue`].
    pub attempts: u32,
    /// The error of the last refusal.
    pub last_error: Option<String>,
    /// The place of the event.
    pub state: TroubledState,
}

/// Returns at most `limit` events that Kafka has refused. Blocks.
///
/// ```no_run
/// use rws_kafka_outbox::{Pool, TroubledState};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::from_env()?;
/// for event in rws_kafka_outbox::list(&pool, 100)? {
///     println!("{} to {}: {:?}", event.message_id, event.topic, event.last_error);
///     if event.state == TroubledState::Parked {
///         rws_kafka_outbox::requeue(&pool, event.message_id)?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// The errors of the database, and [`OutboxError::InAsyncTask`].
pub fn list(pool: &Pool, limit: u32) -> Result<Vec<TroubledEvent>, OutboxError> {
    let limit = i64::from(limit);
    let rows = pool.noting(block_on("list", async {
        let client = pool.connect().await?;
        let params: [(&(dyn ToSql + Sync), Type); 1] = [(&limit, Type::INT8)];
        let sql = pool.schema().sql(LIST);
        let rows = client.query_typed(&sql, &params);
        answer("list refused events", pool.schema(), rows).await
    }))?;
    Ok(rows
        .iter()
        .map(|row| TroubledEvent {
            message_id: row.get(0),
            topic: row.get(1),
            key: row.get(2),
            attempts: u32::try_from(row.get::<_, i32>(3)).unwrap_or(0),
            last_error: row.get(4),
            state: if row.get(5) {
                TroubledState::Parked
            } else {
                TroubledState::Blocking
            },
        })
        .collect())
}

/// Sends a refused event again at once. Blocks.
///
/// A parked event is sent after the events that are in the outbox now. Returns `false` if no refused event
/// has this id.
///
/// # Errors
///
/// As [`list`].
pub fn requeue(pool: &Pool, message_id: Uuid) -> Result<bool, OutboxError> {
    change(
        "requeue",
        "requeue an event",
        pool,
        message_id,
        [RETRY, UNPARK],
    )
}

/// Deletes a refused event, so that the events of its key continue. Blocks.
///
/// An event that a relay is sending at this moment may still be published. Returns `false` if no refused
/// event has this id.
///
/// # Errors
///
/// As [`list`].
pub fn discard(pool: &Pool, message_id: Uuid) -> Result<bool, OutboxError> {
    let statements = [DISCARD, DISCARD_PARKED];
    change("discard", "discard an event", pool, message_id, statements)
}

fn change(
    call: &'static str,
    doing: &'static str,
    pool: &Pool,
    message_id: Uuid,
    statements: [&str; 2],
) -> Result<bool, OutboxError> {
    let changed = block_on(call, async {
        let client = pool.connect().await?;
        let params: [(&(dyn ToSql + Sync), Type); 1] = [(&message_id, Type::UUID)];
        let mut changed = 0;
        for sql in statements {
            let sql = pool.schema().sql(sql);
            let done = client.execute_typed(&sql, &params);
            changed += answer(doing, pool.schema(), done).await?;
        }
        if changed > 0 {
            pool.wake_relays();
        }
        Ok(changed > 0)
    });
    pool.noting(changed)
}
