//! Stores orders and publishes them to Kafka.
//!
//! With a database, an order and its event are written in one transaction, and a relay publishes the event.
//! A message that is delivered twice is fulfilled once, because its mark and its effect are also written in
//! one transaction. Without a database, an order is published directly: it is lost if the process ends before
//! the broker has it.

use crate::orders::Order;
use crate::{TOPIC, with_causes};
use rws_kafka::dedup::{Claim, MessageDeduplicator};
use rws_kafka::outbox::{Outbox, OutboxError, OutboxRelay, Pool, RelayHandle, migrate};
use rws_kafka::{ConsumerContext, HandlerError, KafkaConfig, KafkaProducer};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use std::{io, thread};

/// The poll interval of the relay while no commit wakes it, in milliseconds.
const POLL_INTERVAL_MS: u64 = 500;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The time for which handled messages are remembered. The topics must not keep them for longer;
/// Kafka's default is 7 days.
const SEEN_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Any number that no other code locks in this database.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7310589912276645)";

/// The tables besides those of the library. Ids are text: an `u64` does not fit into a `bigint`.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS orders (order_id text PRIMARY KEY, body text NOT NULL);
    CREATE TABLE IF NOT EXISTS fulfilled (order_id text PRIMARY KEY, body text NOT NULL)";

/// The outcome of an order that was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    Accepted,
    /// Another order with this id exists.
    Conflict,
}

pub(crate) enum Store {
    Memory {
        producer: KafkaProducer,
        fulfilled: Mutex<HashMap<u64, Order>>,
    },
    Database {
        pool: Pool,
        dedup: MessageDeduplicator,
    },
}

impl Store {
    /// Opens the database of `DATABASE_URL` and creates its tables; without one, stores orders in memory.
    pub(crate) fn configured(producer: &KafkaProducer) -> Result<Self, OutboxError> {
        if std::env::var_os("DATABASE_URL").is_none() {
            tracing::warn!(
                "no database is configured (DATABASE_URL): orders are published directly and stored \
                 in memory"
            );
            return Ok(Self::Memory {
                producer: producer.clone(),
                fulfilled: Mutex::default(),
            });
        }
        let pool = Pool::from_env()?;
        migrate(&pool)?;
        let mut connection = pool.get()?;
        let tx = connection.transaction()?;
        // `IF NOT EXISTS` alone fails where two instances start at once.
        tx.execute(LOCK, &[])?;
        for table in TABLES.split(';') {
            tx.execute(table, &[])?;
        }
        tx.commit()?;
        tracing::info!("using the database of DATABASE_URL: orders go through its outbox");
        let dedup = MessageDeduplicator::from_db(pool.clone())?;
        Ok(Self::Database { pool, dedup })
    }

    /// Starts the relay, which publishes the events in the database.
    pub(crate) fn relay(
        &self,
        producer: KafkaProducer,
        kafka: &KafkaConfig,
    ) -> Option<RelayHandle> {
        let Self::Database { pool, .. } = self else {
            return None;
        };
        let relay = OutboxRelay::new(producer, pool).stall_timeout(kafka.readyz_lag_timeout());
        Some(relay.start(POLL_INTERVAL_MS))
    }

    /// Deletes old marks of handled messages, now and daily, on a thread that ends with the process. The
    /// database then rolls back an unfinished statement.
    pub(crate) fn purge_daily(&self) -> io::Result<()> {
        let Self::Database { dedup, .. } = self else {
            return Ok(());
        };
        let dedup = dedup.clone();
        let purge = move || loop {
            match dedup.purge(SEEN_FOR) {
                Ok(messages) => tracing::info!(messages, "deleted old marks of handled messages"),
                Err(error) => {
                    tracing::error!("could not delete old marks: {}", with_causes(&error))
                }
            }
            thread::sleep(DAY);
        };
        thread::Builder::new().name("purge".into()).spawn(purge)?;
        Ok(())
    }

    /// Stores an order, so that it is published.
    pub(crate) fn place(&self, order: Order) -> Result<Placed, HandlerError> {
        let (key, body) = (order.order_id.to_string(), order.to_json());
        match self {
            Self::Memory { producer, .. } => producer.send_keyed(TOPIC, key, body)?,
            Self::Database { pool, .. } => {
                let mut connection = pool.get()?;
                let mut tx = connection.transaction()?;
                let sql = "INSERT INTO orders VALUES ($1, $2) ON CONFLICT DO NOTHING";
                if tx.execute(sql, &[&key, &body])? == 0 {
                    return Ok(Placed::Conflict);
                }
                Outbox::new(&mut tx).enqueue_keyed(TOPIC, key, body)?;
                tx.commit()?;
            }
        }
        Ok(Placed::Accepted)
    }

    /// Fulfils the order of a message, unless it was fulfilled already.
    pub(crate) fn fulfil(&self, msg: &ConsumerContext, order: Order) -> Result<(), HandlerError> {
        match self {
            Self::Memory { fulfilled, .. } => {
                let mut fulfilled = fulfilled.lock().unwrap_or_else(PoisonError::into_inner);
                fulfilled.entry(order.order_id).or_insert(order);
            }
            Self::Database { dedup, .. } => {
                let claim = dedup.process_once(msg, |tx| {
                    tx.execute(
                        "INSERT INTO fulfilled VALUES ($1, $2) ON CONFLICT DO NOTHING",
                        &[&order.order_id.to_string(), &order.to_json()],
                    )?;
                    Ok(())
                })?;
                if claim == Claim::Duplicate {
                    tracing::info!(order.order_id, "this message was already handled");
                }
            }
        }
        Ok(())
    }

    /// Returns a fulfilled order, as JSON.
    pub(crate) fn fulfilled(&self, order_id: u64) -> Result<Option<String>, HandlerError> {
        match self {
            Self::Memory { fulfilled, .. } => {
                let fulfilled = fulfilled.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(fulfilled.get(&order_id).map(|order| order.to_json()))
            }
            Self::Database { pool, .. } => {
                let mut connection = pool.get()?;
                let tx = connection.transaction()?;
                let sql = "SELECT body FROM fulfilled WHERE order_id = $1";
                let rows = tx.query(sql, &[&order_id.to_string()])?;
                Ok(rows.first().map(|row| row.get(0)))
            }
        }
    }
}
