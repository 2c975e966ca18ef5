//! The position at which reading begins in retry topics.

use super::complaints::described;
use super::context::{COMMITTED_TIMEOUT, Context};
use super::lists::{known_offsets, list, names};
use crate::error::ConsumerError;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};
use rws_kafka_config::Properties;
use rws_kafka_dispatch::TopicPartition;
use std::time::{Duration, Instant};

/// How long a rebalance may wait for the committed offsets: a broker ends a transaction without a producer
/// after about a minute.
const PATIENCE: Duration = Duration::from_secs(120);
/// The pause before the broker is asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// Returns `true` if a partition without a committed offset is read from its beginning.
pub(super) fn reads_from_start(properties: &Properties) -> bool {
    let reset = properties.get("auto.offset.reset").unwrap_or("largest");
    let at_start = ["earliest", "smallest", "beginning"];
    at_start.iter().any(|name| reset.eq_ignore_ascii_case(name))
}

/// Half of `max.poll.interval.ms`, after which a member that does not poll is expelled, or [`PATIENCE`] if
/// that is less.
pub(super) fn patience(properties: &Properties) -> Duration {
    let max_poll = properties.get("max.poll.interval.ms");
    let max_poll = max_poll.and_then(|value| value.parse().ok());
    max_poll.map_or(PATIENCE, |ms| PATIENCE.min(Duration::from_millis(ms) / 2))
}

impl Context {
    /// Makes retry topics without a committed offset begin at the start, even in a group that otherwise
    /// begins at the end: a message that the worker delayed a moment ago may be there.
    ///
    /// If the committed offsets are unavailable, the worker ends. From the start, all handled messages would
    /// be handled again; from the end, waiting messages would be lost.
    pub(super) fn begin_retries(
        &self,
        consumer: &BaseConsumer<Self>,
        assigned: &mut TopicPartitionList,
    ) {
        if self.reads_from_start {
            return;
        }
        let retries: Vec<TopicPartition> = names(assigned)
            .into_iter()
            .filter(|name| self.worker.is_retry(name.topic()))
            .collect();
        if retries.is_empty() {
            return;
        }
        let unknown = |error: &KafkaError| ConsumerError::Rebalance {
            detail: format!(
                "the committed offsets of the retry topics are unknown: {}",
                described(error)
            ),
        };
        let looked = insist(
            || {
                let answer = uncommitted(consumer, &retries);
                answer.inspect_err(|error| self.worker.note_error(unknown(error)))
            },
            || self.worker.is_to_stop(),
            |pause| self.worker.wait(pause),
            Instant::now() + self.patience,
        );
        match looked {
            Ok(uncommitted) => {
                for name in uncommitted {
                    let (topic, number) = (name.topic(), name.partition());
                    let set = assigned.set_partition_offset(topic, number, Offset::Beginning);
                    // It is in the list.
                    debug_assert!(set.is_ok());
                }
            }
            // A worker that stops reads no more.
            Err(_) if self.worker.is_to_stop() => {}
            Err(error) => self.worker.fail(unknown(&error)),
        }
    }
}

/// The partitions without a committed offset.
fn uncommitted(
    consumer: &BaseConsumer<Context>,
    partitions: &[TopicPartition],
) -> KafkaResult<Vec<TopicPartition>> {
    let answer = consumer.committed_offsets(list(partitions), COMMITTED_TIMEOUT)?;
    for element in answer.elements() {
        // For example an offset of a transaction that has not ended.
        element.error()?;
    }
    let committed = known_offsets(answer);
    let partitions = partitions.iter();
    let without = partitions.filter(|name| !committed.contains_key(name));
    Ok(without.cloned().collect())
}

/// Tries until it succeeds, until it is over, or until `deadline`.
fn insist<T, E>(
    mut attempt: impl FnMut() -> Result<T, E>,
    is_over: impl Fn() -> bool,
    sleep: impl Fn(Duration),
    deadline: Instant,
) -> Result<T, E> {
    loop {
        let result = attempt();
        if result.is_ok() || is_over() || Instant::now() >= deadline {
            return result;
        }
        sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn it_is_asked_again_until_there_is_an_answer_and_not_for_ever() {
        let later = Instant::now() + Duration::from_secs(3600);
        for (answered_at, over_at, deadline, expected) in [
            (1, 9, later, Ok(1)),
            (3, 9, later, Ok(3)),
            (9, 2, later, Err(2)),
            (9, 9, Instant::now(), Err(1)),
        ] {
            let asked = Cell::new(0);
            let attempt = || {
                asked.set(asked.get() + 1);
                match asked.get() == answered_at {
                    true => Ok(asked.get()),
                    false => Err(asked.get()),
                }
            };
            let result = insist(attempt, || asked.get() == over_at, |_| {}, deadline);
            assert_eq!(result, expected);
        }
    }

    #[test]
    fn no_look_outlasts_half_of_what_a_member_may_be_silent_for() {
        let mut properties = Properties::default();
        assert_eq!(patience(&properties), Duration::from_secs(120));
        properties.set("max.poll.interval.ms", "10000");
        assert_eq!(patience(&properties), Duration::from_secs(5));
    }
}
