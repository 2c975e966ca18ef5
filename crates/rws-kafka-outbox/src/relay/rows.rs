//! The relay's statements. All have explicit types, so they leave no prepared statement in a session that a
//! pooler would hand to another client.

use super::pending::{EventId, Pending};
use crate::database::{Schema, answer, answer_begin};
use crate::error::OutboxError;
use crate::strand::{PerShard, SHARDS};
use deadpool_postgres::Transaction;
use std::collections::HashSet;
use std::time::Duration;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, IsolationLevel, Row};
use uuid::Uuid;

type Param<'a> = (&'a (dyn ToSql + Sync), Type);

const HEADS: &str = "SELECT o.shard, o.id, o.attempts FROM unnest($1::int2[], $2::int8[]) \
    AS s(shard, floor) CROSS JOIN LATERAL (SELECT shard, id, attempts FROM rws_kafka.outbox \
    WHERE shard = s.shard AND id > s.floor ORDER BY id LIMIT 1) o";
/// A separate statement, because its snapshot is older than the locks that it takes. By default the server
/// notices after two hours that a relay's machine is unreachable; while these locks are held, it does after
/// 30 s. The server, and not only this relay, ends a DELETE that waits for another session's lock.
const CLAIM: &str = "WITH alive AS MATERIALIZED (SELECT set_config('tcp_keepalives_idle', '30', true), \
    set_config('tcp_keepalives_interval', '10', true), set_config('tcp_keepalives_count', '3', true), \
    set_config('lock_timeout', '5s', true)) \
    SELECT s FROM alive, unnest($1::int2[]) s \
    WHERE pg_try_advisory_xact_lock('rws_kafka.outbox'::regclass::oid::int4, s::int4)";
/// Read before the rows: only this transaction can mark a row as failed in between.
const HELD: &str = "SELECT DISTINCT lane FROM rws_kafka.outbox \
    WHERE attempts > 0 AND shard = ANY($1::int2[]) AND retry_at > now()";
const ROWS: &str = "SELECT r.* FROM unnest($1::int2[], $4::int8[]) AS s(shard, floor) \
    CROSS JOIN LATERAL (SELECT o.shard, o.id, o.lane, o.attempts, o.message_id, o.topic, o.key, \
    o.payload, o.header_names, o.header_values, \
    date_part('epoch', clock_timestamp() - o.created_at) FROM rws_kafka.outbox o \
    WHERE o.shard = s.shard AND o.id > s.floor AND NOT (o.lane = ANY($3::int8[])) \
    ORDER BY o.id LIMIT $2) r";
const ANY_ROWS: &str = "SELECT r.* FROM unnest($1::int2[]) AS s(shard) \
    CROSS JOIN LATERAL (SELECT o.shard, o.id, o.lane, o.attempts, o.message_id, o.topic, o.key, \
    o.payload, o.header_names, o.header_values, \
    date_part('epoch', clock_timestamp() - o.created_at) FROM rws_kafka.outbox o \
    WHERE o.shard = s.shard AND (o.retry_at IS NULL OR o.retry_at <= now()) \
    AND NOT (o.id = ANY($3::int8[])) \
    ORDER BY o.id LIMIT $2 FOR UPDATE SKIP LOCKED) r";
/// The transactions that insert. They take the lock before they get an id, and hold it until they have ended.
const INSERTING: &str = "SELECT virtualtransaction FROM pg_catalog.pg_locks \
    WHERE locktype = 'relation' AND relation = 'rws_kafka.outbox'::regclass \
    AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) \
    AND mode = 'RowExclusiveLock' AND pid IS DISTINCT FROM pg_backend_pid()";
/// The count stops at 100,000. The age is that of the oldest event among the first of each shard.
const BACKLOG: &str = "SELECT (SELECT count(*) FROM (SELECT FROM rws_kafka.outbox LIMIT 100000) n), \
    (SELECT coalesce(extract(epoch FROM clock_timestamp() - min(o.created_at)), 0)::float8 \
    FROM generate_series(0, $1::int4) s CROSS JOIN LATERAL (SELECT created_at FROM rws_kafka.outbox \
    WHERE shard = s::int2 ORDER BY id LIMIT 1) o)";
const LOCK_TIMEOUT: &str = "SELECT set_config('lock_timeout', '5s', true)";
const DELETE: &str = "DELETE FROM rws_kafka.outbox o \
    USING unnest($1::int2[], $2::int8[], $3::uuid[]) AS d(shard, id, message_id) \
    WHERE o.shard = d.shard AND o.id = d.id AND o.message_id = d.message_id";
const LEFT: &str = "SELECT count(*) FROM rws_kafka.outbox o \
    JOIN unnest($1::int2[], $2::int8[], $3::uuid[]) AS d(shard, id, message_id) \
    ON o.shard = d.shard AND o.id = d.id AND o.message_id = d.message_id";
const RETRY: &str = "UPDATE rws_kafka.outbox SET attempts = attempts + 1, last_error = $3, \
    retry_at = clock_timestamp() + $4 * interval '1 millisecond' WHERE shard = $1 AND id = $2";
const PARK: &str = "WITH gone AS (DELETE FROM rws_kafka.outbox WHERE shard = $1 AND id = $2 \
    RETURNING *) INSERT INTO rws_kafka.parked (id, shard, lane, message_id, topic, key, payload, \
    header_names, header_values, created_at, attempts, last_error) SELECT id, shard, lane, \
    message_id, topic, key, payload, header_names, header_values, created_at, attempts + 1, $3 \
    FROM gone";

/// The first event of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) shard: i16,
    pub(super) id: i64,
    /// `true` if Kafka has refused it.
    pub(super) is_refused: bool,
}

/// Returns the first event above its floor for each shard that has one.
pub(super) async fn heads(
    client: &Client,
    schema: &Schema,
    floors: &PerShard<i64>,
) -> Result<Vec<Head>, OutboxError> {
    let shards: Vec<i16> = (0..SHARDS).collect();
    let params: [Param<'_>; 2] = [
        (&shards, Type::INT2_ARRAY),
        (&floors.as_slice(), Type::INT8_ARRAY),
    ];
    let sql = schema.sql(HEADS);
    let rows = answer("look for events", schema, client.query_typed(&sql, &params)).await?;
    let head = |row: &Row| Head {
        shard: row.get(0),
        id: row.get(1),
        is_refused: row.get::<_, i32>(2) > 0,
    };
    Ok(rows.iter().map(head).collect())
}

/// Returns the number of events in the outbox, and the age of the oldest.
pub(super) async fn backlog(
    client: &Client,
    schema: &Schema,
) -> Result<(u64, Duration), OutboxError> {
    let last = i32::from(SHARDS - 1);
    let params: [Param<'_>; 1] = [(&last, Type::INT4)];
    let sql = schema.sql(BACKLOG);
    let rows = answer("count events", schema, client.query_typed(&sql, &params)).await?;
    let (count, age) = match rows.first() {
        Some(row) => (row.get::<_, i64>(0), row.get::<_, f64>(1)),
        None => (0, 0.0),
    };
    let age = Duration::try_from_secs_f64(age).unwrap_or_default();
    Ok((u64::try_from(count).unwrap_or(0), age))
}

/// The transaction of a batch.
pub(super) struct Batch<'a> {
    tx: Transaction<'a>,
    schema: &'a Schema,
}

impl<'a> Batch<'a> {
    pub(super) async fn begin(
        client: &'a mut deadpool_postgres::Client,
        schema: &'a Schema,
    ) -> Result<Self, OutboxError> {
        let start = client
            .build_transaction()
            // The rows need a newer snapshot than the claim, whatever the role's default.
            .isolation_level(IsolationLevel::ReadCommitted)
            // Events that cannot be deleted must not be sent. This fails on a standby, and works where only
            // the default is read-only.
            .read_only(false)
            .start();
        let tx = answer_begin("begin a batch", schema, start).await?;
        Ok(Self { tx, schema })
    }

    /// Locks those of `shards` that no other relay has locked, until the transaction ends.
    pub(super) async fn claim(&self, shards: &[i16]) -> Result<Vec<i16>, OutboxError> {
        let params: [Param<'_>; 1] = [(&shards, Type::INT2_ARRAY)];
        let rows = self.query("claim a shard", CLAIM, &params).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Returns the strands that wait for a failed event.
    pub(super) async fn held(&self, shards: &[i16]) -> Result<Vec<i64>, OutboxError> {
        let params: [Param<'_>; 1] = [(&shards, Type::INT2_ARRAY)];
        let rows = self.query("look for failed events", HELD, &params).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Returns at most `limit` events of each shard above its floor, in the order of their ids, without those
    /// of the strands in `held`.
    pub(super) async fn rows(
        &self,
        shards: &[i16],
        limit: usize,
        held: &[i64],
        floors: &PerShard<i64>,
    ) -> Result<Vec<Pending>, OutboxError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let floors: Vec<i64> = shards.iter().map(|shard| floors[*shard as usize]).collect();
        let params: [Param<'_>; 4] = [
            (&shards, Type::INT2_ARRAY),
            (&limit, Type::INT8),
            (&held, Type::INT8_ARRAY),
            (&floors, Type::INT8_ARRAY),
        ];
        let rows = self.query("read events", ROWS, &params).await?;
        let mut rows: Vec<Pending> = rows.into_iter().map(Pending::new).collect();
        // A join guarantees no order.
        rows.sort_unstable_by_key(|row| row.id);
        Ok(rows)
    }

    /// Returns at most `limit` events of each shard that no other relay has locked, without those in `held`.
    pub(super) async fn any_rows(
        &self,
        shards: &[i16],
        limit: usize,
        held: &[i64],
    ) -> Result<Vec<Pending>, OutboxError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let params: [Param<'_>; 3] = [
            (&shards, Type::INT2_ARRAY),
            (&limit, Type::INT8),
            (&held, Type::INT8_ARRAY),
        ];
        let rows = self.query("read events", ANY_ROWS, &params).await?;
        Ok(rows.into_iter().map(Pending::new).collect())
    }

    /// Returns the other transactions that have inserted or changed events.
    pub(super) async fn inserting(&self) -> Result<HashSet<String>, OutboxError> {
        let rows = self
            .query("list the transactions that insert", INSERTING, &[])
            .await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Limits the wait for a lock, for a transaction without a [`claim`](Self::claim).
    pub(super) async fn bound_locks(&self) -> Result<(), OutboxError> {
        let bounded = self.query("limit the wait for a lock", LOCK_TIMEOUT, &[]);
        bounded.await.map(drop)
    }

    /// Deletes events that Kafka has acknowledged. Returns an error if they still exist afterwards: a
    /// row-level security policy may silently hide them from a DELETE.
    pub(super) async fn delete(&self, sent: &[EventId]) -> Result<(), OutboxError> {
        let shards: Vec<i16> = sent.iter().map(|event| event.shard).collect();
        let ids: Vec<i64> = sent.iter().map(|event| event.id).collect();
        let message_ids: Vec<Uuid> = sent.iter().map(|event| event.message_id).collect();
        let params: [Param<'_>; 3] = [
            (&shards, Type::INT2_ARRAY),
            (&ids, Type::INT8_ARRAY),
            (&message_ids, Type::UUID_ARRAY),
        ];
        let deleted = self
            .execute("delete the sent events", DELETE, &params)
            .await?;
        if deleted >= sent.len() as u64 {
            return Ok(());
        }
        // Another relay may have deleted them.
        let found = self
            .query("check which events were deleted", LEFT, &params)
            .await?;
        match found.first().map_or(0, |row| row.get(0)) {
            0 => Ok(()),
            left => Err(OutboxError::NotDeleted {
                left,
                table: self.schema.sql("rws_kafka.outbox"),
            }),
        }
    }

    pub(super) async fn retry(
        &self,
        row: &Pending,
        error: &str,
        after: Duration,
    ) -> Result<(), OutboxError> {
        let after = after.as_secs_f64() * 1000.0;
        let params: [Param<'_>; 4] = [
            (&row.shard, Type::INT2),
            (&row.id, Type::INT8),
            (&error, Type::TEXT),
            (&after, Type::FLOAT8),
        ];
        let noted = self.execute("record a refusal", RETRY, &params);
        noted.await.map(drop)
    }

    pub(super) async fn park(&self, row: &Pending, error: &str) -> Result<(), OutboxError> {
        let params: [Param<'_>; 3] = [
            (&row.shard, Type::INT2),
            (&row.id, Type::INT8),
            (&error, Type::TEXT),
        ];
        let parked = self.execute("park an event", PARK, &params);
        parked.await.map(drop)
    }

    pub(super) async fn commit(self) -> Result<(), OutboxError> {
        answer("commit a batch", self.schema, self.tx.commit()).await
    }

    async fn query(
        &self,
        doing: &'static str,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, OutboxError> {
        let sql = self.schema.sql(sql);
        answer(doing, self.schema, self.tx.query_typed(&sql, params)).await
    }

    async fn execute(
        &self,
        doing: &'static str,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<u64, OutboxError> {
        let sql = self.schema.sql(sql);
        let done = self.tx.execute_typed(&sql, params);
        answer(doing, self.schema, done).await
    }
}
