use crate::database::{AsyncTransaction, Pool, Schema, Transaction, answer, block_on};
use crate::error::OutboxError;
use crate::event::MESSAGE_ID_HEADER;
use rws_kafka_consumer::{ConsumerContext, HandlerError};
use std::collections::HashSet;
use std::fmt;
use std::time::Duration;
use tokio_postgres::types::{ToSql, Type};

/// The maximum size of a message's id and of a group's name, in bytes. Both are in one index entry.
const MAX_ID_BYTES: usize = 1024;
/// The number of rows that one statement of a purge deletes.
const PURGE_ROWS: i64 = 5_000;

const SEEN: &str = "SELECT 1 FROM rws_kafka.seen WHERE consumer_group = $1 AND message = $2";
const CLAIM: &str = "INSERT INTO rws_kafka.seen (consumer_group, message) \
    SELECT c.consumer_group, c.message FROM unnest($1::text[], $2::text[]) \
    AS c(consumer_group, message) ORDER BY 1, 2 ON CONFLICT DO NOTHING \
    RETURNING consumer_group, message";
const PURGE: &str = "DELETE FROM rws_kafka.seen s USING (SELECT consumer_group, message \
    FROM rws_kafka.seen WHERE seen_at < clock_timestamp() - $1 * interval '1 second' \
    ORDER BY seen_at LIMIT $2) o \
    WHERE s.consumer_group = o.consumer_group AND s.message = o.message";

/// The outcome of a claim: `First` if this delivery of the message is the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a message that was handled before must not be handled again"]
pub enum Claim {
    /// It is the first: handle the message, in the transaction of the claim.
    First,
    /// It is not: a committed transaction has already handled the message.
    Duplicate,
}

/// Records in the database which messages a consumer group has handled, so that no message takes effect
/// twice.
///
/// Use [`process_once`](Self::process_once) or [`claim`](Self::claim), which are safe under concurrency: they
/// write the mark in the same transaction as the effects, and a second delivery waits for that transaction.
///
/// ```no_run
/// use rws_kafka_consumer::{ConsumerContext, KafkaConsumer};
/// use rws_kafka_outbox::{MessageDeduplicator, Pool};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let dedup = MessageDeduplicator::from_db(Pool::from_env()?)?;
///
/// let worker = KafkaConsumer::from_env()?
///     .subscribe(["orders.created"])?
///     .start(move |msg: ConsumerContext| {
///         dedup.process_once(&msg, |tx| {
///             tx.execute("UPDATE totals SET orders = orders + 1", &[])?;
///             Ok(())
///         })?;
///         msg.commit()
///     });
/// # Ok(())
/// # }
/// ```
///
/// The separate calls [`is_duplicate`](Self::is_duplicate) and [`mark_seen`](Self::mark_seen) do not
/// guarantee this: two deliveries may be handled at the same time, and a crash after handling loses the mark.
///
/// A message is identified by its group and its header `rws-message-id`. The relay writes that header, and it
/// stays the same when an event is published twice. A message without the header is identified by topic,
/// partition and offset.
#[derive(Clone)]
pub struct MessageDeduplicator {
    pool: Pool,
}

impl MessageDeduplicator {
    /// Creates a deduplicator in the database of `pool`, which is a [`Pool`] or a pool of deadpool. Opens no
    /// connection.
    ///
    /// # Errors
    ///
    /// None at present.
    pub fn from_db(pool: impl Into<Pool>) -> Result<Self, OutboxError> {
        Ok(Self { pool: pool.into() })
    }

    /// Returns `true` if the message is marked as handled. Blocks. It is not safe under concurrency; see
    /// [`MessageDeduplicator`].
    ///
    /// # Errors
    ///
    /// [`OutboxError::InvalidId`] if the message's id is too long or contains NUL,
    /// [`OutboxError::NotMigrated`] and other errors of the database, and [`OutboxError::InAsyncTask`].
    pub fn is_duplicate(&self, msg: &ConsumerContext) -> Result<bool, OutboxError> {
        let identity = Identity::of(msg)?;
        let schema = self.pool.schema();
        let seen = block_on("MessageDeduplicator::is_duplicate", async {
            let client = self.pool.connect().await?;
            let sql = schema.sql(SEEN);
            let params: [(&(dyn ToSql + Sync), Type); 2] = [
                (&identity.group, Type::TEXT),
                (&identity.message, Type::TEXT),
            ];
            let rows = client.query_typed(&sql, &params);
            let rows = answer("look for a message", schema, rows).await?;
            Ok(!rows.is_empty())
        });
        self.pool.noting(seen)
    }

    /// Marks the message as handled. Marking it twice is not an error. Blocks.
    ///
    /// # Errors
    ///
    /// As [`is_duplicate`](Self::is_duplicate).
    pub fn mark_seen(&self, msg: &ConsumerContext) -> Result<(), OutboxError> {
        let identity = Identity::of(msg)?;
        let marked = block_on("MessageDeduplicator::mark_seen", async {
            let mut client = self.pool.connect().await?;
            let schema = self.pool.schema();
            let tx = answer("begin a transaction", schema, client.transaction()).await?;
            insert(&tx, schema, &[identity]).await?;
            answer("commit", schema, tx.commit()).await
        });
        self.pool.noting(marked)
    }

    /// Marks the message in `tx`, the transaction that contains its effects. Blocks while another transaction
    /// handles the same message, for up to 30 s.
    ///
    /// # Errors
    ///
    /// As [`is_duplicate`](Self::is_duplicate). After an error of the database the transaction can only be
    /// rolled back.
    pub fn claim(
        &self,
        tx: &mut Transaction<'_>,
        msg: &ConsumerContext,
    ) -> Result<Claim, OutboxError> {
        let claims = self.claim_all(tx, [msg])?;
        Ok(claims.first().copied().unwrap_or(Claim::Duplicate))
    }

    /// Marks several messages in one statement, as [`claim`](Self::claim), and returns a [`Claim`] for each,
    /// in order. If a message occurs twice, only its first occurrence is [`Claim::First`].
    ///
    /// # Errors
    ///
    /// As [`claim`](Self::claim).
    pub fn claim_all<'m>(
        &self,
        tx: &mut Transaction<'_>,
        messages: impl IntoIterator<Item = &'m ConsumerContext>,
    ) -> Result<Vec<Claim>, OutboxError> {
        let identities = identities(messages)?;
        let inserted = insert(tx.raw(), tx.schema(), &identities);
        tx.noting(block_on("MessageDeduplicator::claim", inserted))
    }

    /// Marks the message as [`claim`](Self::claim) does, for async code. The tables are in the schema of this
    /// deduplicator's pool.
    ///
    /// # Errors
    ///
    /// As [`claim`](Self::claim).
    pub async fn claim_async<T: AsyncTransaction>(
        &self,
        tx: &mut T,
        msg: &ConsumerContext,
    ) -> Result<Claim, OutboxError> {
        let identity = Identity::of(msg)?;
        let claims = insert(tx.as_tokio(), self.pool.schema(), &[identity]).await?;
        Ok(claims.first().copied().unwrap_or(Claim::Duplicate))
    }

    /// Handles the message once: begins a transaction, claims the message, calls `handler` if it is the first
    /// delivery, and commits. Blocks.
    ///
    /// If the handler returns an error, everything is rolled back, and the message can be delivered again.
    /// The same happens if a statement has failed and the handler ignores that.
    ///
    /// # Errors
    ///
    /// The errors of the handler, of [`claim`](Self::claim), and of [`Transaction::commit`].
    pub fn process_once<F>(&self, msg: &ConsumerContext, handler: F) -> Result<Claim, HandlerError>
    where
        F: FnOnce(&mut Transaction<'_>) -> Result<(), HandlerError>,
    {
        let mut connection = self.pool.get()?;
        let mut tx = connection.transaction()?;
        let claim = self.claim(&mut tx, msg)?;
        if claim == Claim::First {
            handler(&mut tx)?;
        }
        tx.commit()?;
        Ok(claim)
    }

    /// Deletes the marks that are older than `retention`, 5,000 per transaction, and returns how many there
    /// were. Blocks.
    ///
    /// A message that is delivered again after that is handled again, so `retention` must be longer than the
    /// topics' retention.
    ///
    /// ```no_run
    /// use rws_kafka_outbox::{MessageDeduplicator, Pool};
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let dedup = MessageDeduplicator::from_db(Pool::from_env()?)?;
    /// let purged = dedup.purge(Duration::from_secs(14 * 24 * 3600))?;
    /// println!("{purged} marks deleted");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of the database, and [`OutboxError::InAsyncTask`].
    pub fn purge(&self, retention: Duration) -> Result<u64, OutboxError> {
        let seconds = retention.as_secs_f64();
        let schema = self.pool.schema();
        let sql = schema.sql(PURGE);
        let mut purged = 0;
        loop {
            let gone = block_on("MessageDeduplicator::purge", async {
                let client = self.pool.connect().await?;
                let params: [(&(dyn ToSql + Sync), Type); 2] =
                    [(&seconds, Type::FLOAT8), (&PURGE_ROWS, Type::INT8)];
                let done = client.execute_typed(&sql, &params);
                answer("delete old marks", schema, done).await
            });
            let gone = self.pool.noting(gone)?;
            purged += gone;
            if gone == 0 {
                return Ok(purged);
            }
        }
    }
}

impl fmt::Debug for MessageDeduplicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageDeduplicator")
            .field("pool", &self.pool)
            .finish()
    }
}

/// Inserts in the order of the keys, so that two batches do not deadlock.
async fn insert(
    tx: &tokio_postgres::Transaction<'_>,
    schema: &Schema,
    identities: &[Identity],
) -> Result<Vec<Claim>, OutboxError> {
    let groups: Vec<&str> = identities.iter().map(|id| id.group.as_str()).collect();
    let messages: Vec<&str> = identities.iter().map(|id| id.message.as_str()).collect();
    let params: [(&(dyn ToSql + Sync), Type); 2] =
        [(&groups, Type::TEXT_ARRAY), (&messages, Type::TEXT_ARRAY)];
    let sql = schema.sql(CLAIM);
    let rows = answer("claim a message", schema, tx.query_typed(&sql, &params)).await?;
    let mut first: HashSet<(&str, &str)> =
        rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    Ok(groups
        .into_iter()
        .zip(messages)
        .map(|identity| match first.remove(&identity) {
            true => Claim::First,
            false => Claim::Duplicate,
        })
        .collect())
}

/// The identity of a message.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    group: String,
    message: String,
}

impl Identity {
    fn of(msg: &ConsumerContext) -> Result<Self, OutboxError> {
        let id = msg.header(MESSAGE_ID_HEADER).flatten();
        let message = match id.map(std::str::from_utf8) {
            Some(Ok(id)) if !id.is_empty() => format!("id/{id}"),
            // No usable id. The original position stays the same when the message is read from a retry topic.
            _ => format!(
                "at/{}/{}/{}",
                msg.original_topic(),
                msg.original_partition(),
                msg.original_offset()
            ),
        };
        Self::new(msg.group(), message)
    }

    fn new(group: &str, message: String) -> Result<Self, OutboxError> {
        for (what, text) in [("group", group), ("message id", &message)] {
            if text.len() > MAX_ID_BYTES || text.contains('\0') {
                return Err(OutboxError::InvalidId {
                    what,
                    found: text.chars().take(40).collect(),
                    size: text.len(),
                    limit: MAX_ID_BYTES,
                });
            }
        }
        Ok(Self {
            group: group.to_owned(),
            message,
        })
    }
}

fn identities<'m>(
    messages: impl IntoIterator<Item = &'m ConsumerContext>,
) -> Result<Vec<Identity>, OutboxError> {
    messages.into_iter().map(Identity::of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_cannot_be_a_key_is_named() {
        let long = Identity::new("g", "x".repeat(1025))
            .unwrap_err()
            .to_string();
        assert!(
            long.contains("message id") && long.contains("1024"),
            "{long}"
        );
        assert!(Identity::new("g\0", "x".into()).is_err());
        assert!(Identity::new("g", "x".repeat(1024)).is_ok());
    }
}
