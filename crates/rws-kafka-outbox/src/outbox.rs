use crate::database::{AnyTransaction, AsyncTransaction, Schema, Transaction, answer, block_on};
use crate::error::OutboxError;
use crate::event::Event;
use rws_kafka_producer::HeaderValue;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

/// What brokers take when nobody has configured them, in bytes.
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

/// Puts events into the outbox, in the transaction of the data that they tell of: they are published
/// if, and only if, it commits.
///
/// It takes the transaction itself, so that passing a pool does not compile. On a blocking
/// [`Transaction`](crate::Transaction) its methods block; on tokio-postgres' and deadpool's
/// transaction they are async and have the same names. It has no drop: the transaction can be
/// committed while it is still in scope.
///
/// Events of one topic and key are published in the order in which they were enqueued, provided that
/// the transactions that enqueue them follow one another: those that update the same row do, others
/// use `enqueue_ordered`.
#[derive(Debug)]
pub struct Outbox<'a, T> {
    tx: &'a T,
    schema: Schema,
    max_event_bytes: usize,
    prepared: bool,
}

impl<'a, T: AnyTransaction> Outbox<'a, T> {
    /// An outbox in `tx`. The tables are in the schema of a blocking transaction's pool, else in
    /// `rws_kafka`.
    pub fn new(tx: &'a mut T) -> Self {
        Self {
            schema: tx.default_schema(),
            prepared: tx.is_prepared(),
            tx,
            max_event_bytes: MAX_EVENT_BYTES,
        }
    }

    /// The schema with the tables.
    #[must_use]
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schema = schema;
        self
    }

    /// Most bytes of an event, its headers and 128 bytes of framing included: 1,000,000 by default,
    /// as brokers have. Set it as the producer's `max_message_bytes` is.
    #[must_use]
    pub fn max_event_bytes(mut self, bytes: usize) -> Self {
        self.max_event_bytes = bytes;
        self
    }

    /// Prepares the statement once for a connection of deadpool's, which spares the database to parse
    /// it for each event; without effect on tokio-postgres' own transaction, which keeps none.
    ///
    /// Not behind PgBouncer in transaction mode before 1.21, or with its `max_prepared_statements` at 0.
    #[must_use]
    pub fn prepared(mut self) -> Self {
        self.prepared = true;
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
        let inserted = async {
            match self.tx.cached().filter(|_| self.prepared) {
                Some(kept) => {
                    let statement = kept.prepare_typed_cached(&sql, &INSERT_TYPES).await?;
                    tx.execute(&statement, &values).await
                }
                // Typed, so that it is one round trip and leaves nothing for a pooler to lose.
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
        // Sorted: two transactions with the same keys never wait for each other.
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

/// For handlers and workers, whose threads may block.
impl Outbox<'_, Transaction<'_>> {
    /// Enqueues `payload` for `topic`; returns the id that it will carry.
    ///
    /// # Errors
    ///
    /// [`OutboxError::InvalidTopic`], [`OutboxError::TooLarge`] before the database is asked;
    /// [`OutboxError::NotMigrated`], [`OutboxError::Denied`], and others of the database, after which
    /// the transaction can only be rolled back; [`OutboxError::InAsyncTask`] in an async task.
    pub fn enqueue(&self, topic: &str, payload: impl AsRef<[u8]>) -> Result<Uuid, OutboxError> {
        self.enqueue_event(&Event::to(topic).payload(payload))
    }

    /// The same with a key: events of one topic and key are published in their order.
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

    /// The same with key and headers, which keep their order.
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

    /// The same for an [`Event`] in full.
    ///
    /// # Errors
    ///
    /// As [`enqueue_with_headers`](Self::enqueue_with_headers).
    pub fn enqueue_event(&self, event: &Event) -> Result<Uuid, OutboxError> {
        let inserted = self.insert(self.tx.raw(), event);
        self.tx.noting(block_on("Outbox::enqueue", inserted))
    }

    /// Enqueues events of keys whose transactions do not follow one another by themselves: it holds a
    /// lock on each key until the transaction ends. The keys are locked in one order, so that two
    /// calls with the same keys do not deadlock; a second call in one transaction may.
    ///
    /// # Errors
    ///
    /// As [`enqueue_with_headers`](Self::enqueue_with_headers); [`OutboxError::TimedOut`] when
    /// another transaction holds a key for 30 s.
    pub fn enqueue_ordered(
        &self,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<Vec<Uuid>, OutboxError> {
        let events: Vec<Event> = events.into_iter().collect();
        let inserted = self.insert_ordered(self.tx.raw(), &events);
        self.tx
            .noting(block_on("Outbox::enqueue_ordered", inserted))
    }

    /// Enqueues `value` as JSON.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue), and [`OutboxError::Encode`] for a value that JSON has no form
    /// for.
    #[cfg(feature = "json")]
    pub fn enqueue_typed<V: serde::Serialize + ?Sized>(
        &self,
        topic: &str,
        value: &V,
    ) -> Result<Uuid, OutboxError> {
        self.enqueue_event(&json(topic, value)?)
    }

    /// The same with a key.
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

/// For async code, on tokio-postgres' transaction or deadpool's.
impl<T: AsyncTransaction> Outbox<'_, T> {
    /// Enqueues `payload` for `topic`; returns the id that it will carry.
    ///
    /// # Errors
    ///
    /// [`OutboxError::InvalidTopic`], [`OutboxError::TooLarge`] before the database is asked;
    /// [`OutboxError::NotMigrated`], [`OutboxError::Denied`], and others of the database, after which
    /// the transaction can only be rolled back.
    pub async fn enqueue(
        &self,
        topic: &str,
        payload: impl AsRef<[u8]>,
    ) -> Result<Uuid, OutboxError> {
        self.enqueue_event(&Event::to(topic).payload(payload)).await
    }

    /// The same with a key: events of one topic and key are published in their order.
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

    /// The same with key and headers, which keep their order.
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

    /// The same for an [`Event`] in full.
    ///
    /// # Errors
    ///
    /// As [`enqueue_with_headers`](Self::enqueue_with_headers).
    pub async fn enqueue_event(&self, event: &Event) -> Result<Uuid, OutboxError> {
        self.insert(self.tx.as_tokio(), event).await
    }

    /// Enqueues events of keys whose transactions do not follow one another by themselves: it holds a
    /// lock on each key until the transaction ends. The keys are locked in one order, so that two
    /// calls with the same keys do not deadlock; a second call in one transaction may.
    ///
    /// # Errors
    ///
    /// As [`enqueue_with_headers`](Self::enqueue_with_headers); [`OutboxError::TimedOut`] when
    /// another transaction holds a key for 30 s.
    pub async fn enqueue_ordered(
        &self,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<Vec<Uuid>, OutboxError> {
        let events: Vec<Event> = events.into_iter().collect();
        self.insert_ordered(self.tx.as_tokio(), &events).await
    }

    /// Enqueues `value` as JSON.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue), and [`OutboxError::Encode`] for a value that JSON has no form
    /// for.
    #[cfg(feature = "json")]
    pub async fn enqueue_typed<V: serde::Serialize + ?Sized>(
        &self,
        topic: &str,
        value: &V,
    ) -> Result<Uuid, OutboxError> {
        let event = json(topic, value)?;
        self.enqueue_event(&event).await
    }

    /// The same with a key.
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
