//! A worker, which sends the events of some shards to Kafka, one transaction per batch.

use super::floor::Floors;
use super::hold::Holds;
use super::limit::Limit;
use super::options::{Options, RelayOrdering};
use super::pending::{EventId, Pending, Place};
use super::rows::Batch;
use super::send::{Refusal, Sent, send};
use super::state::RelayState;
use super::unsettled::Unsettled;
use crate::database::Pool;
use crate::error::OutboxError;
use rws_kafka_observe::causes::with_causes;
use rws_kafka_observe::text::printable;
use rws_kafka_observe::{OutboxHealth, OutboxOf};
use rws_kafka_producer::KafkaProducer;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long a worker runs while there are more events. It then returns, so that the relay can hand out other
/// shards and count the backlog.
const STINT: Duration = Duration::from_secs(5);

/// How long brokers may take to answer a ping.
const PING: Duration = Duration::from_secs(5);

/// The state that the workers of a relay share.
pub(super) struct Work {
    pub(super) producer: KafkaProducer,
    pub(super) pool: Pool,
    pub(super) options: Options,
    pub(super) state: Arc<RelayState>,
    pub(super) metrics: OutboxOf,
    pub(super) health: OutboxHealth,
    pub(super) floors: Floors,
    pub(super) holds: Holds,
    pub(super) unsettled: Unsettled,
    pub(super) limit: Limit,
    pub(super) stopping: watch::Receiver<bool>,
}

/// The result of a worker.
#[derive(Default)]
pub(super) struct Done {
    pub(super) shards: Vec<i16>,
    /// The shards that had nothing to send.
    pub(super) empty: Vec<i16>,
    pub(super) published: usize,
    /// The events that the brokers have acknowledged in this run, not earlier.
    pub(super) acknowledged: usize,
    pub(super) refused: usize,
    /// The error that ended it.
    pub(super) trouble: Option<OutboxError>,
}

impl Done {
    /// Returns `true` if running again with the same shards would do nothing, either.
    pub(super) fn is_idle(&self) -> bool {
        self.published == 0 && self.refused == 0
    }
}

/// The events of a batch.
struct Read {
    rows: Vec<Pending>,
    at: Instant,
    /// `true` if there may be more.
    is_full: bool,
    /// Claimed shards without an event to send, neither now nor when the held strands are free.
    empty: Vec<i16>,
}

impl Work {
    /// Publishes the events in `shards`, while batches are full and for at most [`STINT`].
    pub(super) async fn on(self: Arc<Self>, shards: Vec<i16>) -> Done {
        let mut done = Done {
            shards,
            ..Done::default()
        };
        done.trouble = self.batches(&mut done).await.err();
        done
    }

    async fn batches(&self, done: &mut Done) -> Result<(), OutboxError> {
        let mut client = self.pool.connect().await?;
        let schema = self.pool.schema();
        let begun = Instant::now();
        loop {
            self.settle_first(&mut client, done).await?;
            let batch = Batch::begin(&mut client, schema).await?;
            let read = self.read(&batch, &done.shards).await?;
            done.empty = read.empty;
            if read.rows.is_empty() {
                return Ok(());
            }
            self.metrics.batch(read.rows.len());
            let sending = Instant::now();
            let sent = send(&self.producer, &read.rows, &self.options).await;
            let waited = read.at.elapsed();
            for row in &sent.acknowledged {
                self.metrics.latency(row.age + waited);
            }
            let acknowledged: Vec<EventId> =
                sent.acknowledged.iter().map(|row| row.event_id()).collect();
            self.unsettled.acknowledged(acknowledged.iter().copied());
            self.hold(&sent, sending).await;
            if let Err(error) = self.settle(batch, &acknowledged, &sent).await {
                self.unsettled.failed(&done.shards);
                return Err(error);
            }
            self.settled(&done.shards, acknowledged.len());
            done.published += acknowledged.len();
            done.acknowledged += acknowledged.len();
            done.refused += sent.refused();
            if let Some(trouble) = sent.trouble {
                return Err(trouble);
            }
            if !read.is_full || begun.elapsed() >= STINT || *self.stopping.borrow() {
                return Ok(());
            }
        }
    }

    /// Deletes the events that Kafka has acknowledged and that are still in the table. Nothing else of their
    /// shards is sent before that, because these events would be sent again and again.
    async fn settle_first(
        &self,
        client: &mut deadpool_postgres::Client,
        done: &mut Done,
    ) -> Result<(), OutboxError> {
        let events = self.unsettled.of(&done.shards);
        if events.is_empty() {
            return Ok(());
        }
        // In a separate transaction: the next one must hold no transaction id while it waits for the brokers.
        let batch = Batch::begin(client, self.pool.schema()).await?;
        batch.bound_locks().await?;
        batch.delete(&events).await?;
        batch.commit().await?;
        self.settled(&done.shards, events.len());
        done.published += events.len();
        Ok(())
    }

    /// Notes that so many acknowledged events were deleted: all of these shards.
    pub(super) fn settled(&self, shards: &[i16], events: usize) {
        self.unsettled.settled(shards);
        if events > 0 {
            self.health.progressed();
        }
        self.state.published.fetch_add(events as u64, Relaxed);
        self.metrics.published(events as u64);
    }

    /// Holds the strands that the brokers leave unanswered. If the brokers answer nobody, all strands wait,
    /// and none delays another.
    async fn hold(&self, sent: &Sent<'_>, begun: Instant) {
        let place = |row: &&Pending| row.place(self.options.ordering);
        self.holds.acknowledged(sent.acknowledged.iter().map(place));
        if sent.unanswered.is_empty() {
            return;
        }
        if !sent.acknowledged.is_empty() || self.brokers_answer().await {
            let events = sent.unanswered.iter();
            let events = events.map(|row| (place(row), row.topic()));
            self.holds.unanswered(events, begun);
        }
    }

    async fn brokers_answer(&self) -> bool {
        let producer = self.producer.clone();
        let asked = tokio::task::spawn_blocking(move || producer.ping(PING).is_ok());
        asked.await.unwrap_or(false)
    }

    async fn read(&self, batch: &Batch<'_>, shards: &[i16]) -> Result<Read, OutboxError> {
        if self.options.ordering == RelayOrdering::Unordered {
            let limit = self.limit.of_each(shards.len());
            let held = self.holds.held(shards);
            let ids: Vec<i64> = held.iter().map(|(_, id)| *id).collect();
            let rows = batch.any_rows(shards, limit, &ids).await?;
            return Ok(self.sized(Read::new(shards, rows, limit, &held)));
        }
        let claimed = batch.claim(shards).await?;
        for shard in shards {
            self.metrics.shard(*shard, claimed.contains(shard));
        }
        if claimed.is_empty() {
            return Ok(Read::nothing());
        }
        let limit = self.limit.of_each(claimed.len());
        let held = self.holds.held(&claimed);
        let mut strands = batch.held(&claimed).await?;
        strands.extend(held.iter().map(|(_, strand)| *strand));
        let (floors, settled) = (self.floors.floors(), self.floors.settled());
        let rows = batch.rows(&claimed, limit, &strands, &floors).await?;
        let events = rows.iter().map(|row| (row.shard, row.id));
        self.floors
            .read(&claimed, &settled, events, strands.is_empty());
        let read = self.sized(Read::new(&claimed, rows, limit, &held));
        // Only under load are there many rows below a floor.
        if read.is_full
            && let Some(ids) = self.floors.begin_look()
        {
            self.floors.looked(ids, batch.inserting().await?);
        }
        Ok(read)
    }

    /// Adapts the size of the next batches to this one.
    fn sized(&self, read: Read) -> Read {
        let bytes = read.rows.iter().map(Pending::size).sum();
        self.limit.read(read.rows.len(), bytes, read.is_full);
        read
    }

    /// Writes the outcome of a batch to the database.
    async fn settle(
        &self,
        batch: Batch<'_>,
        acknowledged: &[EventId],
        sent: &Sent<'_>,
    ) -> Result<(), OutboxError> {
        if !acknowledged.is_empty() {
            batch.delete(acknowledged).await?;
        }
        for (refusal, after) in &sent.delayed {
            let words = with_causes(&refusal.error);
            batch.retry(refusal.row, &words, *after).await?;
            log_refusal(refusal, &words);
        }
        for refusal in &sent.parked {
            let words = with_causes(&refusal.error);
            batch.park(refusal.row, &words).await?;
            log_refusal(refusal, &words);
        }
        batch.commit().await?;
        let (refused, parked) = (sent.refused() as u64, sent.parked.len() as u64);
        self.state.refused.fetch_add(refused, Relaxed);
        self.state.parked.fetch_add(parked, Relaxed);
        self.metrics.refused(refused);
        self.metrics.parked(parked);
        Ok(())
    }
}

fn log_refusal(refusal: &Refusal<'_>, words: &str) {
    tracing::warn!(
        topic = %printable(refusal.row.topic()),
        id = refusal.row.id,
        attempts = refusal.attempts,
        error = words,
        "Kafka refused an event"
    );
}

impl Read {
    /// Returns an empty read: other relays have all shards.
    fn nothing() -> Self {
        Self {
            rows: Vec::new(),
            at: Instant::now(),
            is_full: false,
            empty: Vec::new(),
        }
    }

    /// Creates it from at most `limit` rows of each of `shards`, without the strands in `held`.
    fn new(shards: &[i16], rows: Vec<Pending>, limit: usize, held: &[Place]) -> Self {
        let is_empty = |shard: &&i16| {
            !rows.iter().any(|row| row.shard == **shard)
                && !held.iter().any(|(held, _)| held == *shard)
        };
        Self {
            at: Instant::now(),
            is_full: rows.len() >= limit,
            empty: shards.iter().filter(is_empty).copied().collect(),
            rows,
        }
    }
}
