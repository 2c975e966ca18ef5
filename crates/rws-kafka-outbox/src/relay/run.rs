//! The relay's loop: finds the shards with events, and hands them to workers.

use super::failure::ends_relay;
use super::floor::Floors;
use super::hold::Holds;
use super::limit::Limit;
use super::listen::listen;
use super::options::Options;
use super::privileges;
use super::progress::Progress;
use super::report::RelayReport;
use super::rest::{FIRST_WAIT, Rests};
use super::rows::{Head, backlog, heads};
use super::state::{Activity, RelayState};
use super::unsettled::Unsettled;
use super::warnings::Warnings;
use super::work::{Done, Work};
use crate::database::{Pool, check};
use crate::error::OutboxError;
use crate::strand::{PerShard, SHARDS};
use rws_kafka_observe::OutboxHealth;
use rws_kafka_observe::causes::with_causes;
use rws_kafka_producer::KafkaProducer;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The time between two counts of the backlog, which also include events below the floors.
const COUNT_EVERY: Duration = Duration::from_secs(5);

pub(super) async fn run(
    producer: KafkaProducer,
    pool: Pool,
    options: Options,
    state: Arc<RelayState>,
    mut stopping: watch::Receiver<bool>,
    health: OutboxHealth,
) -> RelayReport {
    let metrics = options.observer.metrics().outbox_of(pool.schema().name());
    if let Some(origin) = pool.listens() {
        tokio::spawn(listen(pool.clone(), origin, stopping.clone()));
    }
    let mut commits = pool.commits();
    let poll_interval = options.poll_interval;
    let mut relay = Relay {
        progress: Progress::new(health.clone()),
        rests: Rests::new(poll_interval),
        workers: JoinSet::new(),
        busy: [false; SHARDS as usize],
        counted: None,
        looked: None,
        is_checked: false,
        is_broker_silent: false,
        warnings: Warnings::default(),
        is_warned: false,
        error: None,
        work: Arc::new(Work {
            producer,
            pool,
            limit: Limit::new(options.batch_size),
            options,
            state,
            metrics,
            health,
            floors: Floors::new(),
            holds: Holds::default(),
            unsettled: Unsettled::default(),
            stopping: stopping.clone(),
        }),
    };
    let mut wait = FIRST_WAIT;
    while relay.error.is_none() && !*stopping.borrow() {
        // A database that does not answer must not delay a stop.
        let looked = tokio::select! {
            looked = relay.hand_out() => looked,
            _ = stopping.wait_for(|stopping| *stopping) => break,
        };
        if let Err(trouble) = looked {
            relay.work.floors.forget();
            relay.work.metrics.unknown();
            relay.counted = None;
            relay.progress.unknown();
            relay.troubled(Activity::Looking, trouble);
        }
        let rest = relay.rests.first_end().unwrap_or(wait);
        // The loop's condition checks for a stop.
        let finished = tokio::select! {
            finished = relay.workers.join_next(), if !relay.workers.is_empty() => finished,
            () = tokio::time::sleep(wait.min(rest)) => None,
            _ = commits.changed() => {
                relay.rests.wake(&relay.busy);
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
    busy: PerShard<bool>,
    rests: Rests,
    /// When the backlog was last counted.
    counted: Option<Instant>,
    looked: Option<Instant>,
    /// `true` once the version of the tables has been checked.
    is_checked: bool,
    /// `true` if the last trouble of a worker was with the brokers.
    is_broker_silent: bool,
    warnings: Warnings,
    /// `true` if a trouble was logged and its end was not.
    is_warned: bool,
    error: Option<OutboxError>,
}

impl Relay {
    /// Hands the shards that have events, no worker and no pause to the free workers.
    async fn hand_out(&mut self) -> Result<(), OutboxError> {
        let work = &self.work;
        let free = work.options.workers.saturating_sub(self.workers.len());
        let is_full = self.counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY);
        // The backlog is counted even while all workers wait for the brokers.
        if !is_full && (free == 0 || self.busy.iter().all(|busy| *busy)) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let (pool, schema) = (&work.pool, work.pool.schema());
        let client = pool.connect().await?;
        if !self.is_checked {
            check(&client, schema).await?;
            self.is_checked = true;
        }
        if is_full {
            privileges::check(&client, schema, work.options.on_refusal).await?;
        }
        let floors = work.floors.floors();
        let heads = if is_full {
            let (events, oldest) = backlog(&client, schema).await?;
            work.metrics.backlog(events, oldest);
            self.counted = Some(Instant::now());
            let heads = heads(&client, schema, &[0; SHARDS as usize]).await?;
            // Events that a commit with an unknown outcome has deleted are in none of these shards.
            let is_empty = |shard: &i16| !heads.iter().any(|head| head.shard == *shard);
            let is_free = |shard: &i16| !self.busy[*shard as usize];
            let gone: Vec<i16> = (0..SHARDS).filter(is_empty).filter(is_free).collect();
            work.settled(&gone, work.unsettled.of(&gone).len());
            let below = |head: &&Head| head.id <= floors[head.shard as usize];
            for head in heads.iter().filter(below) {
                work.floors.lower(head.shard);
            }
            heads
        } else {
            heads(&client, schema, &floors).await?
        };
        drop(client);
        self.well(Activity::Looking);
        if heads.is_empty() && self.workers.is_empty() {
            self.well(Activity::Publishing);
        }
        self.progress.looked(&heads);
        let work = &self.work;
        let mut ready: Vec<i16> = heads.iter().map(|head| head.shard).collect();
        ready.retain(|shard| !self.busy[*shard as usize] && !self.rests.is_resting(*shard));
        if ready.is_empty() || free == 0 {
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
        self.rests.worked(&done.shards, done.is_idle());
        self.progress
            .worked(done.published, &done.shards, &done.empty);
        match done.trouble {
            Some(trouble) => {
                self.work.floors.forget();
                self.is_broker_silent = matches!(trouble, OutboxError::Unacknowledged(_));
                self.troubled(Activity::Publishing, trouble);
            }
            None if self.work.unsettled.has_failed() => {}
            // A worker that sent nothing does not know whether the brokers answer again.
            None if self.is_broker_silent
                && (done.acknowledged == 0 || !self.work.holds.is_empty()) => {}
            None => {
                self.is_broker_silent = false;
                self.well(Activity::Publishing);
            }
        }
        done.published
    }

    /// Notes the current trouble, and ends the relay if the error is permanent.
    fn troubled(&mut self, activity: Activity, trouble: OutboxError) {
        self.work.pool.heed(&trouble);
        self.work.state.troubled(activity, &trouble);
        self.report_deletes();
        if ends_relay(&trouble) {
            self.error = Some(trouble);
            return;
        }
        let words = with_causes(&trouble);
        if self.warnings.is_due(&words, Instant::now()) {
            tracing::warn!(error = words, "the outbox relay failed and tries again");
            self.is_warned = true;
        }
    }

    /// Notes that this activity has no trouble any more.
    fn well(&mut self, activity: Activity) {
        let had_trouble = self.work.state.well(activity);
        self.report_deletes();
        if had_trouble && std::mem::take(&mut self.is_warned) {
            tracing::info!("the outbox relay has recovered");
        }
    }

    /// Reports to readiness whether events can be deleted.
    fn report_deletes(&self) {
        let stall_timeout = self.work.options.stall_timeout;
        let failing = self.work.unsettled.failing_for();
        let is_stuck = failing.is_some_and(|time| time > stall_timeout);
        let cannot_delete = is_stuck || self.work.state.cannot_delete();
        self.work.health.cannot_delete(cannot_delete);
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
        // The workers that are left are counted below.
        let _ = tokio::time::timeout(stop_timeout, drained).await;
        let abandoned_batches = self.workers.len();
        self.workers.abort_all();
        self.work.metrics.unknown();
        for shard in 0..SHARDS {
            self.work.metrics.shard(shard, false);
        }
        RelayReport {
            published: self.work.state.published.load(Relaxed),
            abandoned_batches,
            error: self.error,
        }
    }
}
