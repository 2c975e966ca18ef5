//! The relay's loop: looks where there are events, and gives the shards to workers.

use super::Options;
use super::failure::{Fault, fault, with_causes};
use super::floor::Floors;
use super::handle::{RelayReport, RelayState};
use super::listen::listen;
use super::progress::Progress;
use super::rows::{Head, backlog, heads};
use super::work::{Done, Work};
use crate::database::{Pool, check};
use crate::error::OutboxError;
use crate::lane::SHARDS;
use rws_kafka_producer::KafkaProducer;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The first wait after the outbox was found empty, and the least time between two looks for the sake
/// of a commit.
const FIRST_WAIT: Duration = Duration::from_millis(5);

/// Between two counts of the backlog, in which all events are looked at, also those below the floors.
const COUNT_EVERY: Duration = Duration::from_secs(5);

pub(super) async fn run(
    producer: KafkaProducer,
    pool: Pool,
    options: Options,
    state: Arc<RelayState>,
    mut stopping: watch::Receiver<bool>,
) -> RelayReport {
    let metrics = options.observer.metrics().outbox_of(pool.schema().name());
    let health = options.observer.register_outbox(options.stall_timeout);
    if pool.listens().is_some() {
        tokio::spawn(listen(pool.clone(), stopping.clone()));
    }
    let mut commits = pool.commits();
    let mut relay = Relay {
        progress: Progress::new(health),
        workers: JoinSet::new(),
        busy: [false; SHARDS as usize],
        counted: None,
        looked: None,
        is_checked: false,
        error: None,
        work: Arc::new(Work {
            producer,
            pool,
            options,
            state,
            metrics,
            floors: Floors::new(),
            stopping: stopping.clone(),
        }),
    };
    let poll_interval = relay.work.options.poll_interval;
    let mut wait = FIRST_WAIT;
    while relay.error.is_none() && !*stopping.borrow() {
        if let Err(trouble) = relay.hand_out().await {
            relay.work.floors.forget();
            relay.work.metrics.unknown();
            relay.counted = None;
            relay.progress.unknown();
            relay.tell(Some(trouble));
        }
        // A stop is seen in the loop's condition.
        let finished = tokio::select! {
            finished = relay.workers.join_next(), if !relay.workers.is_empty() => finished,
            () = tokio::time::sleep(wait) => None,
            _ = commits.changed() => {
                tokio::time::sleep(relay.until_the_next_look()).await;
                wait = FIRST_WAIT;
                continue;
            }
            _ = stopping.changed() => None,
        };
        let published = match finished {
            Some(Ok(done)) => relay.finished(done),
            Some(Err(panic)) => {
                relay.error = Some(OutboxError::Thread {
                    detail: panic.to_string(),
                });
                0
            }
            None => 0,
        };
        wait = if published > 0 {
            FIRST_WAIT
        } else {
            (wait * 2).min(poll_interval)
        };
    }
    relay.end().await
}

struct Relay {
    work: Arc<Work>,
    progress: Progress,
    workers: JoinSet<Done>,
    busy: [bool; SHARDS as usize],
    /// When the backlog was last counted.
    counted: Option<Instant>,
    looked: Option<Instant>,
    /// Whether the tables were found to be of a version that fits.
    is_checked: bool,
    error: Option<OutboxError>,
}

impl Relay {
    /// Gives the shards with events in them, and with no worker yet, to the free workers.
    async fn hand_out(&mut self) -> Result<(), OutboxError> {
        let work = &self.work;
        let free = work.options.workers.saturating_sub(self.workers.len());
        if free == 0 || self.busy.iter().all(|busy| *busy) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let (pool, schema) = (&work.pool, work.pool.schema());
        let client = pool.connect().await?;
        if !self.is_checked {
            check(&client, schema).await?;
            self.is_checked = true;
        }
        let is_full = self.counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY);
        let floors = work.floors.floors();
        let heads = if is_full {
            let (events, oldest) = backlog(&client, schema).await?;
            work.metrics.backlog(events, oldest);
            self.counted = Some(Instant::now());
            let heads = heads(&client, schema, &[0; SHARDS as usize]).await?;
            let below = |head: &&Head| head.id <= floors[head.shard as usize];
            for head in heads.iter().filter(below) {
                work.floors.lower(head.shard);
            }
            heads
        } else {
            heads(&client, schema, &floors).await?
        };
        drop(client);
        self.progress.looked(&heads);
        let mut ready: Vec<i16> = heads.iter().map(|head| head.shard).collect();
        ready.retain(|shard| !self.busy[*shard as usize]);
        if ready.is_empty() {
            if self.workers.is_empty() {
                work.state.trouble(None);
            }
            return Ok(());
        }
        let share = ready.len().div_ceil(free);
        for shards in ready.chunks(share) {
            for shard in shards {
                self.busy[*shard as usize] = true;
            }
            let work = Arc::clone(work);
            let shards = shards.to_vec();
            self.workers.spawn(work.on(shards));
        }
        Ok(())
    }

    fn until_the_next_look(&self) -> Duration {
        let since = self.looked.map_or(FIRST_WAIT, |looked| looked.elapsed());
        FIRST_WAIT.saturating_sub(since)
    }

    fn finished(&mut self, done: Done) -> usize {
        for shard in &done.shards {
            self.busy[*shard as usize] = false;
        }
        if done.trouble.is_some() {
            self.work.floors.forget();
        }
        self.progress
            .worked(done.published, &done.shards, &done.empty);
        if done.trouble.is_some() || done.published > 0 {
            self.tell(done.trouble);
        }
        done.published
    }

    /// Notes the present trouble, and ends the relay for what time does not mend.
    fn tell(&mut self, trouble: Option<OutboxError>) {
        let is_new = self.work.state.trouble(trouble.as_ref());
        match trouble {
            Some(trouble) if ends(&trouble) => self.error = Some(trouble),
            Some(trouble) if is_new => {
                tracing::warn!(error = with_causes(&trouble), "the outbox relay waits");
            }
            _ => {}
        }
    }

    async fn end(mut self) -> RelayReport {
        let stop_timeout = self.work.options.stop_timeout;
        let drained = async {
            while let Some(done) = self.workers.join_next().await {
                if let Ok(done) = done {
                    self.finished(done);
                }
            }
        };
        // What is left then is in the count below.
        let _ = tokio::time::timeout(stop_timeout, drained).await;
        let abandoned_batches = self.workers.len();
        self.workers.abort_all();
        self.work.metrics.unknown();
        for shard in 0..SHARDS {
            self.work.metrics.shard(shard, false);
        }
        self.progress.ended(self.error.is_some());
        if let Some(error) = &self.error {
            tracing::error!(error = with_causes(error), "the outbox relay has ended");
        }
        RelayReport {
            published: self.work.state.published.load(Relaxed),
            abandoned_batches,
            error: self.error,
        }
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
