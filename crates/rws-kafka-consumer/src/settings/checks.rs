//! Checks that the settings of a worker fit together before it starts. It also derives values from them: both
//! happen in one place.

use super::config::{OWNED, is_kip_848};
use super::consumer::{KafkaConsumer, is_pattern};
use super::exactly_once::Transactional;
use crate::engine::Handler;
use crate::error::ConsumerError;
use crate::failure::policy::{FailureHandling, FailurePolicy};
use crate::retry::Ladder;
use rws_kafka_config::Properties;
use rws_kafka_dispatch::{Gathering, Ordering};
use rws_kafka_observe::text::printable;
use rws_kafka_producer::check_topic_name;
use std::time::Duration;

/// librdkafka's default of `max.poll.interval.ms`.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(300);

/// More threads than this are a mistake in the settings.
pub(crate) const MAX_LANES: usize = 4096;

/// The checked values that a worker runs with.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) failure: FailureHandling,
    /// `Some` if there are retry topics.
    pub(crate) ladder: Option<Ladder>,
    /// `Some` if the handler takes batches.
    pub(crate) gathering: Option<Gathering>,
}

impl KafkaConsumer {
    /// Checks all settings and returns the values that follow from them.
    ///
    /// # Errors
    ///
    /// The first invalid setting or contradiction that is found.
    pub(crate) fn check(
        &self,
        properties: &Properties,
        handler: &Handler,
        transactional: Option<&Transactional>,
    ) -> Result<Checked, ConsumerError> {
        if self.topics.is_empty() {
            return Err(ConsumerError::NoTopics);
        }
        self.check_numbers()?;
        self.check_properties()?;
        let failure = self.check_failure_policy()?;
        self.check_dead_letter_queue()?;
        let ladder = self.check_retry_topics()?;
        check_group_protocol(properties)?;
        self.check_drain_timeout(properties)?;
        let gathering = self.check_batches(handler)?;
        if let Some(transactional) = transactional {
            self.check_exactly_once(properties, transactional)?;
        }
        Ok(Checked {
            failure,
            ladder,
            gathering,
        })
    }

    /// Refuses settings that exactly-once excludes.
    fn check_exactly_once(
        &self,
        properties: &Properties,
        transactional: &Transactional,
    ) -> Result<(), ConsumerError> {
        // The producer has checks of its own for the same setting; this message is more helpful.
        let is_empty = transactional.id.trim().is_empty();
        refuse(is_empty, "transactional.id", || {
            "is empty; each running instance needs its own id, which it keeps across restarts"
                .to_owned()
        })?;
        refuse(transactional.max_messages == 0, "max_messages", || {
            "is 0; at least 1 is needed".to_owned()
        })?;
        refuse(self.ordering != Ordering::Partition, "ordering", || {
            format!(
                "is {:?}, but a transaction commits a partition up to one offset, with the outputs \
                 of all messages before it: exactly-once needs Ordering::Partition",
                self.ordering
            )
        })?;
        let isolation = properties.get("isolation.level").unwrap_or_default();
        refuse(isolation == "read_uncommitted", "isolation.level", || {
            "is read_uncommitted: messages of aborted transactions would be handled, and offsets \
             read before their transaction has ended; remove the property"
                .to_owned()
        })?;
        refuse(
            self.dead_letter_producer.is_some(),
            "dead_letter_producer",
            || "is set, but dead letters are published in the transaction: remove it".to_owned(),
        )?;
        let (interval, timeout) = (
            self.config.commit_interval,
            transactional.producer.get_transaction_timeout(),
        );
        refuse(interval >= timeout / 2, "commit_interval", || {
            format!(
                "is {interval:?}, but a transaction is aborted after {timeout:?} \
                 (transaction_timeout), and its commit also takes time: it must be less than \
                 half of that"
            )
        })
    }

    /// Refuses properties that the worker must set itself, under any of their names, as `KafkaConfig` does.
    fn check_properties(&self) -> Result<(), ConsumerError> {
        for (owned, needed) in OWNED {
            let mut set = Properties::default();
            for (name, value) in &self.config.explicit {
                set.set(name, value);
            }
            let other = set.get(owned).filter(|value| *value != needed);
            refuse(other.is_some(), owned, || {
                format!(
                    "is set to {:?} by a property, but the worker needs {needed:?}, because it \
                     commits an offset itself once its message is handled: remove the property",
                    printable(other.unwrap_or_default())
                )
            })?;
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), ConsumerError> {
        for (setting, number) in [
            ("concurrency", self.lanes),
            ("max_in_flight", self.config.max_in_flight),
            ("max_in_flight_bytes", self.config.max_in_flight_bytes),
        ] {
            refuse(number == 0, setting, || {
                "is 0; at least 1 is needed".to_owned()
            })?;
        }
        refuse(
            self.create_topics == Some(0),
            "create_missing_topics",
            || "is 0; a topic has at least 1 partition".to_owned(),
        )?;
        refuse(self.lanes > MAX_LANES, "concurrency", || {
            format!(
                "is {}, and each takes a thread; at most {MAX_LANES} are allowed",
                self.lanes
            )
        })
    }

    /// Checks the settings of batches: a handler of batches needs valid ones, a handler of single messages
    /// none.
    fn check_batches(&self, handler: &Handler) -> Result<Option<Gathering>, ConsumerError> {
        let set = self.batch;
        if !handler.takes_batches() {
            for (setting, is_set) in [
                ("batch_max_messages", set.max_messages.is_some()),
                ("batch_max_bytes", set.max_bytes.is_some()),
                ("batch_max_wait", set.max_wait.is_some()),
            ] {
                refuse(is_set, setting, || {
                    "is set, but the handler takes messages one by one: use start_batch".to_owned()
                })?;
            }
            return Ok(None);
        }
        refuse(self.ordering != Ordering::Partition, "ordering", || {
            format!(
                "is {:?}, but a batch contains consecutive messages of one partition: \
                 start_batch needs Ordering::Partition",
                self.ordering
            )
        })?;
        let gathering = set.gathering();
        let Gathering {
            max_messages,
            max_bytes,
            max_wait,
        } = gathering;
        for (setting, number) in [
            ("batch_max_messages", max_messages),
            ("batch_max_bytes", max_bytes),
        ] {
            refuse(number == 0, setting, || {
                "is 0; at least 1 is needed".to_owned()
            })?;
        }
        let stalled = self.config.kafka.readyz_lag_timeout();
        refuse(max_wait >= stalled, "batch_max_wait", || {
            format!(
                "is {max_wait:?}, but readiness reports a worker as stalled if it has messages \
                 and commits none for {stalled:?} (readyz_lag_timeout): it must be less than \
                 that"
            )
        })?;
        Ok(Some(gathering))
    }

    fn check_failure_policy(&self) -> Result<FailureHandling, ConsumerError> {
        let policy = self.policy();
        let has_queue = self.dead_letter_queue.is_some();
        refuse(
            has_queue && policy != FailurePolicy::DeadLetter,
            "on_failure",
            || {
                format!(
                    "is {policy:?}, but a dead_letter_queue is set, to which nothing would be \
                     published: remove one of them"
                )
            },
        )?;
        refuse(
            !has_queue && policy == FailurePolicy::DeadLetter,
            "on_failure",
            || "is DeadLetter, but no dead_letter_queue is set".to_owned(),
        )?;
        let has_no_last = policy == FailurePolicy::Retry
            && self.max_retries.is_some()
            && !self.has_retry_topics();
        refuse(has_no_last, "max_retries", || {
            "is set, but no policy applies after the last retry: set a dead_letter_queue, \
             on_failure(Skip) or on_failure(Stop)"
                .to_owned()
        })?;
        let gives_up = matches!(policy, FailurePolicy::DeadLetter | FailurePolicy::Skip);
        refuse(
            !gives_up && self.breaker.is_some(),
            "circuit_breaker",
            || {
                "is set, but no message is ever dead-lettered or skipped: set a \
                 dead_letter_queue or on_failure(Skip)"
                    .to_owned()
            },
        )?;
        Ok(self.failure_handling())
    }

    fn check_dead_letter_queue(&self) -> Result<(), ConsumerError> {
        let Some(queue) = &self.dead_letter_queue else {
            let needs = "is set, but no dead_letter_queue is set";
            refuse(
                self.dead_letter_producer.is_some() && !self.has_retry_topics(),
                "dead_letter_producer",
                || needs.to_owned(),
            )?;
            return refuse(
                self.dead_letter_headers.is_some(),
                "dead_letter_headers",
                || needs.to_owned(),
            );
        };
        for topic in &self.topics {
            let is_pattern = is_pattern(topic);
            let queue = queue.of(if is_pattern { "any" } else { topic });
            if let Err(error) = check_topic_name(&queue) {
                let hint = if queue.contains(['{', '}']) {
                    "; {topic} is the only placeholder"
                } else {
                    ""
                };
                return refuse(true, "dead_letter_queue", || format!("{error}{hint}"));
            }
            // The topics that a pattern matches are known only when they are assigned.
            let is_read = !is_pattern && self.topics.iter().any(|topic| *topic == *queue);
            refuse(is_read, "dead_letter_queue", || {
                format!(
                    "is {queue:?}, to which the worker also subscribes: it would read its own \
                     dead letters; choose another topic"
                )
            })?;
        }
        Ok(())
    }

    fn check_retry_topics(&self) -> Result<Option<Ladder>, ConsumerError> {
        let asked = &self.retry_topics;
        if !self.has_retry_topics() {
            for (setting, is_set) in [
                ("retry_topic_names", asked.names.is_some()),
                ("create_retry_topics", asked.create.is_some()),
            ] {
                refuse(is_set, setting, || {
                    "is set, but there are no retry_topics".to_owned()
                })?;
            }
            return Ok(None);
        }
        let ladder = self.ladder()?;
        let Some(queue) = &self.dead_letter_queue else {
            return Ok(Some(ladder));
        };
        for (topic, _) in ladder.topics() {
            let queue = queue.of(topic);
            refuse(ladder.is_retry(&queue), "dead_letter_queue", || {
                format!(
                    "is {queue:?}, which is also a retry topic: the worker would read its own \
                     dead letters; choose another topic"
                )
            })?;
        }
        Ok(Some(ladder))
    }

    /// The path of failed messages from topic to topic.
    pub(crate) fn ladder(&self) -> Result<Ladder, ConsumerError> {
        let group = self.config.kafka.consumer_group().unwrap_or_default();
        Ladder::new(&self.retry_topics, group, &self.topics)
    }

    fn check_drain_timeout(&self, properties: &Properties) -> Result<(), ConsumerError> {
        let max_poll = properties
            .get("max.poll.interval.ms")
            .and_then(|ms| ms.parse().ok())
            .map_or(MAX_POLL_INTERVAL, Duration::from_millis);
        let drain = self.config.drain_timeout;
        refuse(drain >= max_poll, "drain_timeout", || {
            format!(
                "is {drain:?}, but a rebalance continues without a member that takes longer than \
                 max.poll.interval.ms ({max_poll:?}): lower drain_timeout or raise \
                 max.poll.interval.ms"
            )
        })
    }
}

/// Refuses settings that belong to the other group protocol.
fn check_group_protocol(properties: &Properties) -> Result<(), ConsumerError> {
    let found = |setting: &str| properties.get(setting).unwrap_or_default().to_owned();
    if !is_kip_848(properties) {
        let setting = "group.remote.assignor";
        return refuse(properties.get(setting).is_some(), setting, || {
            format!(
                "is {:?}, but group.protocol is classic, where a member of the group assigns the \
                 partitions by partition.assignment.strategy: remove it, or set group.protocol \
                 to consumer",
                found(setting)
            )
        });
    }
    for (setting, instead) in [
        (
            "partition.assignment.strategy",
            "the broker assigns the partitions; choose its assignor with group.remote.assignor",
        ),
        (
            "session.timeout.ms",
            "the broker's group.consumer.session.timeout.ms applies; it is also set by \
             RWS_CONFIG_KAFKA_SESSION_TIMEOUT_MS, session_timeout_ms under [kafka] and \
             --kafka-session-timeout-ms=",
        ),
        (
            "heartbeat.interval.ms",
            "the broker's group.consumer.heartbeat.interval.ms applies",
        ),
        ("group.protocol.type", "it belongs to the classic protocol"),
    ] {
        refuse(properties.get(setting).is_some(), setting, || {
            format!(
                "is {:?}, but group.protocol is consumer (KIP-848): {instead}; remove it",
                found(setting)
            )
        })?;
    }
    Ok(())
}

fn refuse(
    wrong: bool,
    setting: &'static str,
    problem: impl FnOnce() -> String,
) -> Result<(), ConsumerError> {
    if !wrong {
        return Ok(());
    }
    Err(ConsumerError::Setting {
        setting,
        problem: problem(),
    })
}
