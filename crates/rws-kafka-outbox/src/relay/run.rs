use super::failure::{Fault, Verdict, fault, verdict, with_causes};
use super::handle::{RelayReport, RelayState};
use super::rows::{Batch, Pending, backlog, non_empty};
use super::send::{Sent, send};
use super::{Options, Ordering};
use crate::database::{Pool, answer, check};
use crate::error::OutboxError;
use crate::lane::SHARDS;
use rws_kafka_observe::OutboxOf;
use rws_kafka_producer::{KafkaProducer, ProducerError};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_postgres::IsolationLevel;

/// The first wait after the outbox was found empty.
const FIRST_WAIT: Duration = Duration::from_millis(5);

/// Between two counts of the backlog.
const COUNT_EVERY: Duration = Duration::from_secs(5);

pub(super) async fn run(
    producer: KafkaProducer,
    pool: Pool,
    options: Options,
    state: Arc<RelayState>,
    mut stopping: watch::Receiver<bool>,
) -> RelayReport {
    let metrics = options.observer.metrics().outbox_of(pool.schema().name());
    let relay = Arc::new(Relay {
        metrics,
        counted: Mutex::new(None),
        producer,
        pool,
        options,
        state,
        stopping: stopping.clone(),
        checked: Mutex::new(false),
    });
    let mut workers = JoinSet::new();
    let mut busy = [false; SHARDS as usize];
    let mut wait = FIRST_WAIT;
    let mut error = None;
    while error.is_none() && !*stopping.borrow() {
        match relay.hand_out(&mut workers, &mut busy).await {
            Ok(()) => {}
            Err(trouble) => relay.tell(Some(trouble), &mut error),
        }
        // A stop is seen in the loop's condition.
        let finished = tokio::select! {
            finished = workers.join_next(), if !workers.is_empty() => finished,
            () = tokio::time::sleep(wait) => None,
            _ = stopping.changed() => None,
        };
        let published = match finished {
            Some(Ok(done)) => relay.finished(done, &mut busy, &mut error),
            Some(Err(panic)) => {
                error = Some(OutboxError::Thread {
                    detail: panic.to_string(),
                });
                0
            }
            None => 0,
        };
        wait = if published > 0 {
            FIRST_WAIT
        } else {
            (wait * 2).min(relay.options.poll_interval)
        };
    }
    let drained = async {
        while let Some(done) = workers.join_next().await {
            if let Ok(done) = done {
                relay.finished(done, &mut busy, &mut error);
            }
        }
    };
    // What is left then is in the count below.
    let _ = tokio::time::timeout(relay.options.stop_timeout, drained).await;
    let abandoned_batches = workers.len();
    workers.abort_all();
    if let Some(error) = &error {
        tracing::error!(error = with_causes(error), "the outbox relay has ended");
    }
    RelayReport {
        published: relay.state.published.load(Relaxed),
        abandoned_batches,
        error,
    }
}

struct Relay {
    producer: KafkaProducer,
    pool: Pool,
    options: Options,
    state: Arc<RelayState>,
    stopping: watch::Receiver<bool>,
    metrics: OutboxOf,
    /// When the backlog was last counted.
    counted: Mutex<Option<Instant>>,
    /// Whether the tables were found to be of a version that fits.
    checked: Mutex<bool>,
}

/// What a worker did: its shards, the events published, and what stopped it.
struct Done {
    shards: Vec<i16>,
    published: usize,
    trouble: Option<OutboxError>,
}

impl Relay {
    /// Gives the shards with events in them, and with no worker yet, to the free workers.
    async fn hand_out(
        self: &Arc<Self>,
        workers: &mut JoinSet<Done>,
        busy: &mut [bool; SHARDS as usize],
    ) -> Result<(), OutboxError> {
        let free = self.options.workers.saturating_sub(workers.len());
        if free == 0 || busy.iter().all(|busy| *busy) {
            return Ok(());
        }
        let client = self.pool.connect().await?;
        if !*lock(&self.checked) {
            check(&client, self.pool.schema()).await?;
            *lock(&self.checked) = true;
        }
        let counted = *lock(&self.counted);
        if counted.is_none_or(|counted| counted.elapsed() >= COUNT_EVERY) {
            let (events, oldest) = backlog(&client, self.pool.schema()).await?;
            self.metrics.backlog(events, oldest);
            *lock(&self.counted) = Some(Instant::now());
        }
        let mut ready = non_empty(&client, self.pool.schema()).await?;
        drop(client);
        ready.retain(|shard| !busy[*shard as usize]);
        if ready.is_empty() {
            if workers.is_empty() {
                self.state.trouble(None);
            }
            return Ok(());
        }
        let share = ready.len().div_ceil(free);
        for shards in ready.chunks(share) {
            for shard in shards {
                busy[*shard as usize] = true;
            }
            let relay = Arc::clone(self);
            let shards = shards.to_vec();
            workers.spawn(async move {
                let mut published = 0;
                let trouble = relay.work(&shards, &mut published).await.err();
                Done {
                    shards,
                    published,
                    trouble,
                }
            });
        }
        Ok(())
    }

    fn finished(
        &self,
        done: Done,
        busy: &mut [bool; SHARDS as usize],
        error: &mut Option<OutboxError>,
    ) -> usize {
        for shard in &done.shards {
            busy[*shard as usize] = false;
        }
        if done.trouble.is_some() || done.published > 0 {
            self.tell(done.trouble, error);
        }
        done.published
    }

    /// Notes the present trouble, and ends the relay for what time does not mend.
    fn tell(&self, trouble: Option<OutboxError>, error: &mut Option<OutboxError>) {
        let is_new = self.state.trouble(trouble.as_ref());
        match trouble {
            Some(trouble) if ends(&trouble) => *error = Some(trouble),
            Some(trouble) if is_new => {
                tracing::warn!(error = with_causes(&trouble), "the outbox relay waits");
            }
            _ => {}
        }
    }

    /// Publishes what is in `shards`, as long as batches are full.
    async fn work(&self, shards: &[i16], published: &mut usize) -> Result<(), OutboxError> {
        let mut client = self.pool.connect().await?;
        let schema = self.pool.schema();
        loop {
            let start = client
                .build_transaction()
                // The claim's snapshot must not be the one of the rows, whatever the role's default.
                .isolation_level(IsolationLevel::ReadCommitted)
                .start();
            let tx = answer("begin a batch", schema, start).await?;
            let batch = Batch { tx, schema };
            let (rows, is_full) = self.read(&batch, shards).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let sent = send(&self.producer, &rows, self.options.ordering).await;
            let acknowledged = sent.acknowledged.len();
            let broken = self.settle(batch, sent).await?;
            *published += acknowledged;
            self.state.published.fetch_add(acknowledged as u64, Relaxed);
            self.metrics.published(acknowledged as u64);
            if let Some(error) = broken {
                return Err(OutboxError::Producer(error));
            }
            if !is_full || *self.stopping.borrow() {
                return Ok(());
            }
        }
    }

    /// The next events, and whether there may be more.
    async fn read(
        &self,
        batch: &Batch<'_>,
        shards: &[i16],
    ) -> Result<(Vec<Pending>, bool), OutboxError> {
        if self.options.ordering == Ordering::Unordered {
            let limit = self.options.batch_size.div_ceil(shards.len());
            let rows = batch.any_rows(shards, limit).await?;
            let is_full = rows.len() >= limit;
            return Ok((rows, is_full));
        }
        let shards = batch.claim(shards).await?;
        if shards.is_empty() {
            return Ok((Vec::new(), false));
        }
        let limit = self.options.batch_size.div_ceil(shards.len());
        let held = batch.held(&shards).await?;
        let rows = batch.rows(&shards, limit, &held).await?;
        let is_full = rows.len() >= limit;
        Ok((rows, is_full))
    }

    /// Writes down what came of a batch.
    async fn settle(
        &self,
        batch: Batch<'_>,
        sent: Sent<'_>,
    ) -> Result<Option<ProducerError>, OutboxError> {
        if !sent.acknowledged.is_empty() {
            batch.delete(&sent.acknowledged).await?;
        }
        let mut parked = 0;
        for (row, error) in &sent.refused {
            let options = &self.options;
            let attempts = row.attempts.saturating_add(1);
            let words = with_causes(error);
            match verdict(error, attempts, options.on_refusal, options.max_attempts) {
                Verdict::Park => {
                    batch.park(row, &words).await?;
                    parked += 1;
                }
                Verdict::RetryAfter(after) => batch.retry(row, &words, after).await?,
            }
            tracing::warn!(
                topic = row.topic(),
                id = row.id,
                attempts,
                error = words,
                "Kafka refused an event"
            );
        }
        batch.commit().await?;
        let refused = sent.refused.len() as u64;
        self.state.refused.fetch_add(refused, Relaxed);
        self.state.parked.fetch_add(parked, Relaxed);
        self.metrics.refused(refused);
        self.metrics.parked(parked);
        Ok(sent.broken)
    }
}

/// Whether time does not mend it.
fn ends(trouble: &OutboxError) -> bool {
    match trouble {
        OutboxError::Producer(cause) => fault(cause) == Fault::Producer,
        OutboxError::NewerTables { .. } => true,
        _ => false,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
