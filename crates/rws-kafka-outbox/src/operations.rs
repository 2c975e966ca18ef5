use crate::database::{Pool, answer, block_on};
use crate::error::OutboxError;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

const LIST: &str = "SELECT message_id, topic, key, attempts, last_error, false FROM rws_kafka.outbox \
    WHERE attempts > 0 UNION ALL SELECT message_id, topic, key, attempts, last_error, true \
    FROM rws_kafka.parked ORDER BY 6, 1 LIMIT $1";
/// Its attempts stay above 0: the index of the failed ones finds it again.
const RETRY: &str = "UPDATE rws_kafka.outbox SET retry_at = NULL, attempts = 1 \
    WHERE attempts > 0 AND message_id = $1";
const UNPARK: &str = "WITH back AS (DELETE FROM rws_kafka.parked WHERE message_id = $1 RETURNING *) \
    INSERT INTO rws_kafka.outbox (shard, lane, message_id, topic, key, payload, header_names, \
    header_values, created_at) SELECT shard, lane, message_id, topic, key, payload, header_names, \
    header_values, created_at FROM back";
const DISCARD: &str = "DELETE FROM rws_kafka.outbox WHERE attempts > 0 AND message_id = $1";
const DISCARD_PARKED: &str = "DELETE FROM rws_kafka.parked WHERE message_id = $1";

/// Where an event is that Kafka has refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TroubledState {
    /// In the outbox, holding back the events of its key.
    Blocking,
    /// Put aside.
    Parked,
}

/// An event that Kafka has refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TroubledEvent {
    /// Its id, as in the header `rws-message-id`.
    pub message_id: Uuid,
    /// Its topic.
    pub topic: String,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// How often it was refused, counted from the last [`requeue`].
    pub attempts: u32,
    /// Why it was last.
    pub last_error: Option<String>,
    /// Where it is.
    pub state: TroubledState,
}

/// The events that Kafka has refused, at most `limit`; blocking.
///
/// # Errors
///
/// Those of the database; [`OutboxError::InAsyncTask`].
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

/// Has a refused event sent again at once; blocking. One that was parked comes after the events that
/// are in the outbox by now. False when no refused event has this id.
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

/// Deletes a refused event and lets the events of its key go on; blocking. One that a relay is sending
/// at this moment may still be published. False when no refused event has this id.
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
