//! The thread that fetches messages and hands them out.

mod histories;
mod source;

use super::shared::Engine;
use crate::error::ConsumerError;
use crate::transport::{Consumer, Polled};
use rws_kafka_observe::causes::with_causes;
use rws_kafka_observe::{LogRate, non_zero};
use source::Source;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often each partition is read before the other duties of the thread.
const ROUNDS: usize = 16;
/// The maximum wait for something to do. A stop is noticed within it.
const IDLE: Duration = Duration::from_millis(50);

/// Fetches messages and hands them out, on the only thread that runs the consumer's callbacks.
pub(crate) struct Poller<'a> {
    engine: &'a Arc<Engine>,
    consumer: &'a Consumer,
    /// The assigned partitions, as of this epoch of the assignment.
    sources: Vec<Source<'a>>,
    epoch: Option<u64>,
    /// The partition that is read first in the next round.
    turn: usize,
    /// The earliest time of the next try to read committed offsets, after one that failed.
    next_rewind: Instant,
    errors: LogRate,
    left_out: LogRate,
}

impl<'a> Poller<'a> {
    pub(crate) fn new(engine: &'a Arc<Engine>, consumer: &'a Consumer) -> Self {
        Self {
            engine,
            consumer,
            sources: Vec::new(),
            epoch: None,
            turn: 0,
            next_rewind: Instant::now(),
            errors: LogRate::new(Duration::from_secs(5)),
            left_out: LogRate::new(Duration::from_secs(10)),
        }
    }

    /// Polls until a stop is requested, or the consumer has failed permanently.
    pub(crate) fn run(&mut self) -> Result<(), ConsumerError> {
        let engine = self.engine;
        let idle = IDLE.min(engine.settings.commit_interval);
        let events = self.consumer.listen(&engine.bell)?;
        while !engine.stop.is_asked() {
            engine.health.heartbeat();
            // At least once: librdkafka takes a member that does not poll for stuck.
            self.poll()?;
            while !events.is_empty() && !engine.stop.is_asked() {
                self.poll()?;
            }
            let mut has_read = false;
            for _ in 0..ROUNDS {
                if !self.read()? || !events.is_empty() {
                    break;
                }
                has_read = true;
            }
            self.rewind();
            self.begin_histories();
            engine.slots.look();
            if !has_read {
                engine.bell.wait(idle);
            }
        }
        Ok(())
    }

    fn poll(&mut self) -> Result<(), ConsumerError> {
        let said = self.consumer.poll();
        // At once: what a partition had before it was assigned again must not be taken for what it has now.
        self.follow_assignment();
        self.heed(said)
    }

    /// Closes the queues of partitions that are no longer assigned, and opens those of new ones.
    fn follow_assignment(&mut self) {
        let engine = self.engine;
        let Some((epoch, partitions)) = engine.partitions_unless(self.epoch) else {
            return;
        };
        self.epoch = Some(epoch);
        let assigned: HashSet<u64> = partitions.iter().map(|partition| partition.id).collect();
        // Before a queue of the same partition is opened: one of them is woken.
        self.sources
            .retain(|source| assigned.contains(&source.partition.id));
        let known: HashSet<u64> = self.sources.iter().map(|it| it.partition.id).collect();
        for partition in partitions {
            if !known.contains(&partition.id) {
                match Source::open(engine, self.consumer, partition) {
                    Ok(source) => self.sources.push(source),
                    Err(error) => engine.fail(error),
                }
            }
        }
        for source in &mut self.sources {
            source.share = engine.share(&source.partition);
        }
    }

    /// Hands out one batch of each partition that has messages and room. Returns `false` if none has.
    fn read(&mut self) -> Result<bool, ConsumerError> {
        let mut sources = std::mem::take(&mut self.sources);
        let turn = self.turn.min(sources.len());
        let (ahead, behind) = sources.split_at_mut(turn);
        let mut has_read = false;
        let result = behind.iter_mut().chain(ahead).try_for_each(|source| {
            has_read |= self.read_from(source)?;
            Ok(())
        });
        self.turn = (self.turn + 1) % sources.len().max(1);
        self.sources = sources;
        result.map(|()| has_read)
    }

    /// Acts on what librdkafka has said.
    fn heed(&self, said: Polled) -> Result<(), ConsumerError> {
        match said {
            Polled::Nothing => {}
            Polled::Refused(refusal) => self.engine.refused(refusal),
            Polled::Failed(error) => self.complain(error),
            Polled::Fatal(error) => return Err(error),
        }
        Ok(())
    }

    /// Logs an error from which librdkafka recovers by itself.
    fn complain(&self, error: ConsumerError) {
        if let Some(held_back) = self.errors.admit() {
            tracing::warn!(target: "rws_kafka", group = self.engine.group(), held_back = non_zero(held_back), "{}", with_causes(&error));
        }
        self.engine.note_error(error);
    }
}
