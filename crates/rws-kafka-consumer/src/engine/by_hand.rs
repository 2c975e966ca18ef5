//! An engine that a test drives, in place of its threads and the broker.

use super::commits::CommitClient;
use super::lane::{Handler, Lane};
use super::shared::Engine;
use super::test_clock::TestClock;
use crate::error::ConsumerError;
use crate::handler::context::ConsumerContext;
use crate::handler::hooks::AssignedPartition;
use crate::partition::{Batch, BatchBuilder, Partition};
use crate::report::StopReport;
use crate::transport::Group;
use rws_kafka_dispatch::{Outcome, Timestamp, TopicPartition, cut};
use rws_kafka_observe::trace::TraceContext;
use rws_kafka_producer::{ProducerError, Transaction};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The same as that of the poll thread.
const BATCH_MESSAGES: usize = 256;

/// A message as a broker returns it.
pub(crate) struct Fetched<'a> {
    pub(crate) offset: i64,
    pub(crate) timestamp_ms: Option<i64>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) payload: Option<&'a [u8]>,
    pub(crate) headers: &'a [(String, Option<Vec<u8>>)],
}

/// The test, as the broker that offsets are committed to.
pub(crate) trait Broker: Send + Sync {
    /// The error with which it refuses commits, if it does.
    fn refuses(&self) -> Option<ConsumerError>;

    fn take(&self, offsets: &[(TopicPartition, i64)]);
}

/// A worker's engine that runs on the thread of its caller.
pub(crate) struct ByHand {
    engine: Arc<Engine>,
    handler: Arc<Handler>,
    clock: TestClock,
}

impl ByHand {
    /// Wraps an `engine` that uses `clock`.
    pub(crate) fn new(
        engine: Arc<Engine>,
        handler: Arc<Handler>,
        clock: TestClock,
        broker: Arc<dyn Broker>,
    ) -> Result<Self, ConsumerError> {
        let of = Arc::downgrade(&engine);
        let client = TestClient(broker);
        let round = move || match of.upgrade() {
            Some(engine) => engine.round_of_commits(&client),
            None => Ok(()),
        };
        engine.committer.without_thread(round);
        engine.begin_commits()?;
        Ok(Self {
            engine,
            handler,
            clock,
        })
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// How many messages of `partition` may be handed out; `None` if it is not assigned.
    pub(crate) fn room(&self, partition: &TopicPartition) -> Option<usize> {
        let engine = &self.engine;
        let state = engine.partition(partition.topic(), partition.partition())?;
        if !state.is_active() || engine.stop.is_asked() {
            return None;
        }
        let room = engine.room(&state, engine.share(&state));
        Some(room.map_or(0, |(messages, _)| messages.min(BATCH_MESSAGES)))
    }

    /// Adds consecutive messages of a partition.
    pub(crate) fn hand_out<'a>(
        &self,
        partition: &TopicPartition,
        messages: impl IntoIterator<Item = Fetched<'a>>,
    ) {
        let engine = &self.engine;
        let Some(state) = engine.partition(partition.topic(), partition.partition()) else {
            return;
        };
        let mut builder =
            BatchBuilder::new(Arc::clone(&state), 1, 0).fetched_at(engine.clock.now());
        messages
            .into_iter()
            .for_each(|message| message.push(&mut builder));
        engine.scheduler.add(cut(builder, engine.settings.ordering));
        engine.room(&state, engine.share(&state));
    }

    /// Lets a lane handle a run of messages. Returns `None` if there is none at this time, otherwise the time
    /// at which the message that it stopped at is tried again, if any.
    pub(crate) fn step(&self) -> Option<Option<Instant>> {
        let engine = &self.engine;
        let mut work = engine.scheduler.try_next()?;
        let mut lane = Lane::new(engine, self.handler.as_ref(), 0);
        let outcome = lane.work(&mut work);
        lane.stop();
        engine.scheduler.finish(work, outcome);
        let again = match outcome {
            Outcome::Later(at) => Some(at),
            _ => None,
        };
        // A commit may have been requested without a wait for it.
        engine.committer.serve_by_hand();
        Some(again)
    }

    /// Commits the offsets of finished messages.
    pub(crate) fn commit(&self) {
        self.engine.commit_now();
        self.engine.committer.serve_by_hand();
    }

    /// The time until the next waiting message is due.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        let at = self.engine.scheduler.next_due()?;
        let due = self.clock.since_start(at);
        Some(due.saturating_sub(self.clock.elapsed()))
    }

    /// The time from the start of the clock until `at`.
    pub(crate) fn since_start(&self, at: Instant) -> Duration {
        self.clock.since_start(at)
    }

    pub(crate) fn assign(&self, partitions: Vec<AssignedPartition>) {
        self.engine.assign(partitions);
    }

    /// Revokes the partitions without waiting for anything that only the test can finish.
    pub(crate) fn revoke(&self, partitions: &[TopicPartition]) {
        self.engine.revoke_within(partitions, Duration::ZERO);
        self.engine.settle();
    }

    pub(crate) fn lose(&self, partitions: &[TopicPartition]) {
        self.engine.lose(partitions);
        self.engine.settle();
    }

    /// Returns the partitions to read again from their committed offsets, if a transaction is lost.
    pub(crate) fn rewind(&self) -> Vec<TopicPartition> {
        let engine = &self.engine;
        if !engine.rewinding.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        let partitions = engine.to_rewind();
        if engine
            .scheduler
            .wait_until_settled(&partitions, Instant::now())
            > 0
        {
            engine.ask_to_rewind();
            return Vec::new();
        }
        engine.renew(&partitions);
        let names = partitions.iter().map(|partition| partition.name.clone());
        names.collect()
    }

    /// Returns `true` if the worker has failed or was asked to stop.
    pub(crate) fn is_to_stop(&self) -> bool {
        self.engine.stop.is_asked()
    }

    pub(crate) fn stop(&self) -> StopReport {
        let engine = &self.engine;
        engine.stop.ask(Duration::ZERO);
        let mut report = engine.wind_down(None);
        // There is no group to leave.
        report.left_group = true;
        engine.health.retired();
        engine.stop.over(report.clone());
        // The test has the report, so the process's readiness must no longer depend on this worker.
        engine.health.told();
        report
    }

    /// A context for code that reads messages, without a handler.
    pub(crate) fn context(
        &self,
        partition: &TopicPartition,
        message: Fetched<'_>,
    ) -> Option<ConsumerContext> {
        let engine = &self.engine;
        let state = engine.partition(partition.topic(), partition.partition())?;
        let mut builder = BatchBuilder::new(state, 1, 0);
        message.push(&mut builder);
        let batch: Arc<Batch> = Arc::new(builder.build(Vec::new()));
        let trace = TraceContext::from_headers(batch.headers(0));
        Some(ConsumerContext::new(
            engine.clone(),
            &batch,
            0,
            0,
            trace.map(Arc::new),
        ))
    }
}

/// The number and size of the unfinished messages.
impl Fetched<'_> {
    fn push(&self, builder: &mut BatchBuilder) {
        let timestamp = self.timestamp_ms.map(Timestamp::Create);
        builder.push(self.offset, timestamp, self.key, self.payload);
        for (name, value) in self.headers {
            builder.push_header(name, value.as_deref());
        }
    }
}

/// The test in place of the group's client.
struct TestClient(Arc<dyn Broker>);

impl CommitClient for TestClient {
    type Group = TestGroup;

    fn commit(&self, offsets: &[(Arc<Partition>, i64)]) -> Result<(), ConsumerError> {
        if let Some(error) = self.0.refuses() {
            return Err(error);
        }
        self.0.take(&named(offsets));
        Ok(())
    }

    fn group(&self) -> Option<TestGroup> {
        match self.0.refuses() {
            // As for a member without a place in its group.
            Some(_) => None,
            None => Some(TestGroup(Arc::clone(&self.0))),
        }
    }
}

/// The test receives the offsets once their transaction is committed.
struct TestGroup(Arc<dyn Broker>);

impl Group for TestGroup {
    fn commit(
        self,
        transaction: Transaction,
        offsets: &[(Arc<Partition>, i64)],
    ) -> Result<(), ProducerError> {
        transaction.commit()?;
        self.0.take(&named(offsets));
        Ok(())
    }
}

fn named(offsets: &[(Arc<Partition>, i64)]) -> Vec<(TopicPartition, i64)> {
    let offsets = offsets.iter();
    offsets
        .map(|(partition, offset)| (partition.name.clone(), *offset))
        .collect()
}
