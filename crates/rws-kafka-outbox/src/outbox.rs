use crate::database::{
    AnyTransaction, AsyncTransaction, Schema, Transaction, answer, block_on, give_up, is_safe,
};
use crate::error::OutboxError;
use crate::event::Event;
use rws_kafka_producer::HeaderValue;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

/// The largest batch that brokers accept by default, rounded down, in bytes.
const MAX_EVENT_BYTES: usize = 1_000_000;

const INSERT: &str = "INSERT INTO rws_kafka.outbox \
    (shard, lane, message_id, topic, key, payload, header_names, header_values) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const INSERT_TYPES: [Type; 8] = [
    Type::INT2,
    Type::INT8,
    Type::UUID,
    Type::TEXT,
    Type::BYTEA,
    Type::BYTEA,
    Type::TEXT_ARRAY,
    Type::BYTEA_ARRAY,
];
const LOCK: &str = "SELECT pg_advisory_xact_lock($1)";

/// An outbox in a database transaction: events that are enqueued in it are published to Kafka if, and only
/// if, the transaction commits.
///
/// It takes the transaction itself, so passing a pool does not compile. On a blocking
/// [`Transaction`](crate::Transaction) its methods block. On a transaction of tokio-postgres or deadpool they
/// have the same names and are async. It does not implement `Drop`, so the transaction can be committed while
/// the outbox is still in scope.
///
/// Events of the same topic and key are published in the order in which they were enqueued, provided that the
/// transactions that enqueue them do not overlap. Transactions that update the same row before they enqueue
/// run one after another; for others, use `enqueue_ordered`.
///
/// ```no_run
/// use rws_kafka_outbox::{Outbox, Pool};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::from_env()?; // DATABASE_URL
/// let mut connection = pool.get()?;
/// let mut tx = connection.transaction()?;
/// tx.execute("INSERT INTO orders (id) VALUES (1)", &[])?;
/// Outbox::new(&mut tx).enqueue_keyed("orders.created", "order-1", r#"{"order_id": 1}"#)?;
/// tx.commit()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Outbox<'a, T> {
    tx: &'a T,
    schema: Schema,
    max_event_bytes: usize,
    /// What the user said about prepared statements.
    prepared: Option<bool>,
}

impl<'a, T: AnyTransaction> Outbox<'a, T> {
    /// Creates an outbox in `tx`. The tables are in the schema of the blocking transaction's pool; for an
    /// async transaction they are in `rws_kafka`, unless [`schema`](Self::schema) names another.
    pub fn new(tx: &'a mut T) -> Self {
        Self {
            schema: tx.default_schema(),
            prepared: tx.prepares(),
            tx,
            max_event_bytes: MAX_EVENT_BYTES,
        }
    }

    /// Sets the schema with the tables.
    #[must_use]
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schema = schema;
        self
    }

    /// Sets the maximum size of an event in bytes, including its headers and 128 bytes of framing. Default
    /// 1,000,000, which is below the default of brokers. Set it to the producer's `max_message_bytes`.
    #[must_use]
    pub fn max_event_bytes(mut self, bytes: usize) -> Self {
        self.max_event_bytes = bytes;
        self
    }

    /// Prepares the statement once per connection of deadpool in any case, so that the database does not parse
    /// it again for each event. Without effect on a transaction of tokio-postgres, which keeps no statements.
    ///
    /// Without this, the outbox does so on the connections of a [`Pool`](crate::Pool) on which it has detected
    /// that it is safe; see [there](crate::Pool#prepared-statements).
    ///
    /// Do not use it behind PgBouncer in transaction mode before version 1.21, or with
    /// `max_prepared_statements` at 0.
    #[must_use]
    pub fn prepared(mut self) -> Self {
        self.prepared = Some(true);
        self
    }

    /// Sends the whole statement for each event, whatever was detected. Async code that removes the prepared
    /// statements of its connections, as `DISCARD ALL` does, needs this.
    #[must_use]
    pub fn unprepared(mut self) -> Self {
        self.prepared = Some(false);
        self
    }

    async fn insert(
        &self,
        tx: &tokio_postgres::Transaction<'_>,
        event: &Event,
    ) -> Result<Uuid, OutboxError> {
        let event = event.traced();
        event.check(self.max_event_bytes)?;
        let id = Uuid::now_v7();
        let strand = event.strand(id);
        let has_headers = !event.header_names.is_empty();
        let names = has_headers.then_some(&event.header_names);
        let values = has_headers.then_some(&event.header_values);
        let shard = strand.shard();
        let values: [&(dyn ToSql + Sync); 8] = [
            &shard,
            &strand.0,
            &id,
            &event.topic,
            &event.key,
            &event.payload,
            &names,
            &values,
        ];
        let sql = self.schema.sql(INSERT);
        let prepares = |kept: &_| self.prepared.unwrap_or_else(|| is_safe(kept));
        let inserted = async {
            match self.tx.cached().filter(|kept| prepares(kept)) {
                Some(kept) => {
                    let statement = kept.prepare_typed_cached(&sql, &INSERT_TYPES).await?;
                    let inserted = tx.execute(&statement, &values).await;
                    if let Err(error) = &inserted
                        && error.code() == Some(&SqlState::INVALID_SQL_STATEMENT_NAME)
                    {
                        // The user has removed it. The next transaction must not miss it again.
                        give_up(kept);
                    }
                    inserted
                }
                // With types, it takes one round trip and no prepared statement that a pooler could lose.
                None => {
                    let params: Vec<_> = values.into_iter().zip(INSERT_TYPES).collect();
                    tx.execute_typed(&sql, &params).await
                }
            }
        };
        answer("enqueue an event", &self.schema, inserted).await?;
        self.tx.has_events();
        Ok(id)
    }

    async fn insert_ordered(
        &self,
        tx: &tokio_postgres::Transaction<'_>,
        events: &[Event],
    ) -> Result<Vec<Uuid>, OutboxError> {
        for event in events {
            event.check(self.max_event_bytes)?;
        }
        let keyed = events.iter().filter(|event| event.key.is_some());
        let mut locks: Vec<i64> = keyed.map(|event| event.strand(Uuid::nil()).0).collect();
        // Sorted, so that two transactions with the same keys do not deadlock.
        locks.sort_unstable();
        locks.dedup();
        for lock in locks {
            let params: [(&(dyn ToSql + Sync), Type); 1] = [(&lock, Type::INT8)];
            answer(
                "wait for a key",
                &self.schema,
                tx.query_typed(LOCK, &params),
            )
            .await?;
        }
        let mut ids = Vec::with_capacity(events.len());
        for event in events {
            ids.push(self.insert(tx, event).await?);
        }
        Ok(ids)
    }
}

fn with_headers<N: AsRef<str>, V: HeaderValue>(
    event: Event,
    headers: impl IntoIterator<Item = (N, V)>,
) -> Event {
    headers.into_iter().fold(event, |event, (name, value)| {
        event.header(name.as_ref(), value)
    })
}

#[cfg(feature = "json")]
fn json<T: serde::Serialize + ?Sized>(topic: &str, value: &T) -> Result<Event, OutboxError> {
    let payload = rws_kafka_schema::json::encode(value).map_err(|source| OutboxError::Encode {
        topic: topic.to_owned(),
        source: Box::new(source),
    })?;
    Ok(Event::to(topic).payload(payload))
}

/// For threads that may block, such as those of handlers and workers.
impl Outbox<'_, Transaction<'_>> {
    /// Enqueues `payload` for `topic` without a key, and returns the event's id.
    ///
    /// # Errors
    ///
    /// - [`OutboxError::InvalidTopic`] and [`OutboxError::TooLarge`], before the database is asked.
    /// - [`OutboxError::NotMigrated`], [`OutboxError::Denied`] and other errors of the database. After those
    ///   the transaction can only be rolled back.
    /// - [`OutboxError::InAsyncTask`] in an async task.
    pub fn enqueue(&self, topic: &str, payload: impl AsRef<[u8]>) -> Result<Uuid, OutboxError> {
        self.enqueue_event(&Event::to(topic).payload(payload))
    }

    /// Enqueues `payload` with a key. Events of the same topic and key are published in order.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue).
    pub fn enqueue_keyed(
        &self,
        topic: &str,
        key: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
    ) -> Result<Uuid, OutboxError> {
        self.enqueue_event(&Event::to(topic).key(key).payload(payload))
    }

    /// Enqueues `payload` with a key and headers. Headers keep their order.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue), and [`OutboxError::InvalidHeader`].
    pub fn enqueue_with_headers<N: AsRef<str>, V: HeaderValue>(
        &self,
        topic: &str,
        key: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Uuid, OutboxError> {
        let event = Event::to(topic).key(key).payload(payload);
        self.enqueue_event(&with_headers(event, headers))
    }

    /// Enqueues an [`Event`], which can also be a tombstone or have headers without a key.
    ///
    /// # Errors
    ///
    /// As [`enqueue_with_headers`](Self::enqueue_with_headers).
    pub fn enqueue_event(&self, event: &Event) -> Result<Uuid, OutboxError> {
        let inserted = self.insert(self.tx.raw(), event);
        self.tx.noting(block_on("Outbox::enqueue", inserted))
    }

    /// Enqueues events whose transactions may overlap: holds a lock on each key until the transaction ends,
    /// so that the events of a key are published in the order of the transactions.
    ///
    /// The keys are locked in a fixed order, so that two calls with the same keys do not deadlock. A second
    /// call in the same transaction may deadlock.
    ///
    /// ```no_run
    /// use rws_kafka_outbox::{Event, Outbox, Pool};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let pool = Pool::from_env()?;
    /// let mut connection = pool.get()?;
    /// let mut tx = connection.transaction()?;
    /// let events = [("account-1", "-10"), ("account-2", "10")]
    ///     .map(|(key, amount)| Event::to("bookings").key(key).payload(amount));
    /// Outbox::new(&mut tx).enqueue_ordered(events)?;
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`enqueue_with_headers`](Self::enqueue_with_headers), and [`OutboxError::TimedOut`] if another
    /// transaction holds a key for 30 s.
    pub fn enqueue_ordered(
        &self,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<Vec<Uuid>, OutboxError> {
        let events: Vec<Event> = events.into_iter().collect();
        let inserted = self.insert_ordered(self.tx.raw(), &events);
        self.tx
            .noting(block_on("Outbox::enqueue_ordered", inserted))
    }

    /// Enqueues `value` as JSON, without a key.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue), and [`OutboxError::Encode`] if `value` cannot be written as JSON.
    #[cfg(feature = "json")]
    pub fn enqueue_typed<V: serde::Serialize + ?Sized>(
        &self,
        topic: &str,
        value: &V,
    ) -> Result<Uuid, OutboxError> {
        self.enqueue_event(&json(topic, value)?)
    }

    /// Enqueues `value` as JSON, with a key.
    ///
    /// # Errors
    ///
    /// As [`enqueue_typed`](Self::enqueue_typed).
    #[cfg(feature = "json")]
    pub fn enqueue_typed_keyed<V: serde::Serialize + ?Sized>(
        &self,
        topic: &str,
        key: impl AsRef<[u8]>,
        value: &V,
    ) -> Result<Uuid, OutboxError> {
        self.enqueue_event(&json(topic, value)?.key(key))
    }
}

/// For async code, on a transaction of tokio-postgres or deadpool.
impl<T: AsyncTransaction> Outbox<'_, T> {
    /// Enqueues `payload` for `topic` without a key, and returns the event's id.
    ///
    /// ```no_run
    /// use rws_kafka_outbox::{Outbox, Pool};
    ///
    /// # async fn create_order(pool: Pool) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut client = pool.as_async().get().await?;
    /// let mut tx = client.transaction().await?;
    /// tx.execute("INSERT INTO orders (id) VALUES (1)", &[]).await?;
    /// Outbox::new(&mut tx).enqueue("orders.created", r#"{"order_id": 1}"#).await?;
    /// tx.commit().await?;
    /// pool.wake_relays();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`OutboxError::InvalidTopic`] and [`OutboxError::TooLarge`], before the database is asked.
    /// - [`OutboxError::NotMigrated`], [`OutboxError::Denied`] and other errors of the database. After those
    ///   the transaction can only be rolled back.
    pub async fn enqueue(
        &self,
        topic: &str,
        payload: impl AsRef<[u8]>,
    ) -> Result<Uuid, OutboxError> {
        self.enqueue_event(&Event::to(topic).payload(payload)).await
    }

    /// Enqueues `payload` with a key. Events of the same topic and key are published in order.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue).
    pub async fn enqueue_keyed(
        &self,
        topic: &str,
        key: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
    ) -> Result<Uuid, OutboxError> {
        self.enqueue_event(&Event::to(topic).key(key).payload(payload))
            .await
    }

    /// Enqueues `payload` with a key and headers. Headers keep their order.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue), and [`OutboxError::InvalidHeader`].
    pub async fn enqueue_with_headers<N: AsRef<str>, V: HeaderValue>(
        &self,
        topic: &str,
        key: impl AsRef<[u8]>,
        payload: impl AsRef<[u8]>,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Uuid, OutboxError> {
        let event = Event::to(topic).key(key).payload(payload);
        let event = with_headers(event, headers);
        self.enqueue_event(&event).await
    }

    /// Enqueues an [`Event`], which can also be a tombstone or have headers without a key.
    ///
    /// # Errors
    ///
    /// As [`enqueue_with_headers`](Self::enqueue_with_headers).
    pub async fn enqueue_event(&self, event: &Event) -> Result<Uuid, OutboxError> {
        self.insert(self.tx.as_tokio(), event).await
    }

    /// Enqueues events whose transactions may overlap: holds a lock on each key until the transaction ends,
    /// so that the events of a key are published in the order of the transactions.
    ///
    /// The keys are locked in a fixed order, so that two calls with the same keys do not deadlock. A second
    /// call in the same transaction may deadlock.
    ///
    /// # Errors
    ///
    /// As [`enqueue_with_headers`](Self::enqueue_with_headers), and [`OutboxError::TimedOut`] if another
    /// transaction holds a key for 30 s.
    pub async fn enqueue_ordered(
        &self,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<Vec<Uuid>, OutboxError> {
        let events: Vec<Event> = events.into_iter().collect();
        self.insert_ordered(self.tx.as_tokio(), &events).await
    }

    /// Enqueues `value` as JSON, without a key.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue), and [`OutboxError::Encode`] if `value` cannot be written as JSON.
    #[cfg(feature = "json")]
    pub async fn enqueue_typed<V: serde::Serialize + ?Sized>(
        &self,
        topic: &str,
        value: &V,
    ) -> Result<Uuid, OutboxError> {
        let event = json(topic, value)?;
        self.enqueue_event(&event).await
    }

    /// Enqueues `value` as JSON, with a key.
    ///
    /// # Errors
    ///
    /// As [`enqueue_typed`](Self::enqueue_typed).
    #[cfg(feature = "json")]
    pub async fn enqueue_typed_keyed<V: serde::Serialize + ?Sized>(
        &self,
        topic: &str,
        key: impl AsRef<[u8]>,
        value: &V,
    ) -> Result<Uuid, OutboxError> {
        let event = json(topic, value)?.key(key);
        self.enqueue_event(&event).await
    }
}
