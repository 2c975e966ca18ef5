use crate::engine::shared::Engine;
use crate::error::ConsumerError;
use crate::retry::Ladder;
use crate::transport::{NewTopic, Topics};
use rws_kafka_config::Properties;
use rws_kafka_observe::causes::with_causes;
use rws_kafka_observe::{LogRate, non_zero};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::Builder;
use std::time::Duration;

/// The pause before another try. It grows, because a permission may be missing.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// After this many failed checks in a row, messages are delayed to retry topics that may not exist.
const PATIENCE: u32 = 3;

/// The topics that a worker creates if they are missing.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// The topics that it reads, and its dead letter queues.
    pub(crate) topics: Vec<String>,
    pub(crate) partitions: i32,
    /// `true` to create its retry topics, too.
    pub(crate) has_retries: bool,
}

impl Wanted {
    pub(crate) fn is_empty(&self) -> bool {
        self.topics.is_empty() && !self.has_retries
    }
}

/// Creates missing topics in the background, because the broker, or the topics that retry topics belong to,
/// may become available later.
pub(crate) fn create_topics(engine: &Arc<Engine>, properties: Properties, wanted: Wanted) {
    let creator = Arc::clone(engine);
    let started = Builder::new()
        .name("rws-kafka-topics".to_owned())
        .spawn(move || {
            creator.guard("the thread that creates topics", || {
                run(&creator, &properties, &wanted)
            })
        });
    if let Err(error) = started {
        engine.fail(ConsumerError::Thread {
            detail: error.to_string(),
        });
    }
}

fn run(engine: &Engine, properties: &Properties, wanted: &Wanted) {
    let topics = match Topics::new(properties) {
        Ok(topics) => topics,
        Err(error) => return engine.fail(error),
    };
    let refusals = LogRate::new(Duration::from_secs(60));
    let mut pause = FIRST_PAUSE;
    let mut has_created = false;
    let mut has_warned = false;
    let mut failed = 0;
    while !engine.stop.is_asked() {
        let found = look(engine, &topics, wanted, &mut has_warned);
        failed = if found.is_err() { failed + 1 } else { 0 };
        if matches!(found, Ok(Look::Complete | Look::Created | Look::Unseen(_)))
            || failed == PATIENCE
        {
            // The topics exist, or the broker reports the cause to the producer, too.
            engine.release_retries(|_| true);
        }
        match found {
            Ok(Look::Complete) => {
                if has_created {
                    engine.has_new_topics.store(true, Ordering::Release);
                }
                return;
            }
            // Until all brokers know them.
            Ok(Look::Created) => {
                has_created = true;
                pause = FIRST_PAUSE;
            }
            Ok(Look::Unseen(unseen)) => {
                // Another instance may have created it just now.
                has_created = true;
                if pause == LONGEST_PAUSE {
                    tell(engine, &refusals, unseen);
                }
            }
            Ok(Look::Early) => {}
            Err(error) => tell(engine, &refusals, error),
        }
        engine.stop.sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn tell(engine: &Engine, refusals: &LogRate, error: ConsumerError) {
    if let Some(held_back) = refusals.admit() {
        tracing::error!(
            target: "rws_kafka",
            group = engine.group(),
            held_back = non_zero(held_back),
            "{}; the worker tries again",
            with_causes(&error)
        );
    }
    engine.note_error(error);
}

fn unseen(topic: &NewTopic<'_>) -> ConsumerError {
    let (is_retry, topic) = (topic.delay.is_some(), topic.name.to_owned());
    let detail = "it exists, but is not among the topics that the user may describe; the user \
                  needs the permission Describe on it"
        .to_owned();
    match is_retry {
        true => ConsumerError::RetryTopicRefused { topic, detail },
        false => ConsumerError::TopicRefused { topic, detail },
    }
}

/// The state of the topics.
enum Look {
    /// All of them exist.
    Complete,
    /// Some were created just now.
    Created,
    /// This one exists, but is not visible to the user.
    Unseen(ConsumerError),
    /// No broker is available, or a topic that retry topics belong to does not exist.
    Early,
}

fn look(
    engine: &Engine,
    topics: &Topics,
    wanted: &Wanted,
    has_warned: &mut bool,
) -> Result<Look, ConsumerError> {
    let present = match topics.partitions() {
        Ok(present) => present,
        Err(detail) => return unanswered(engine, wanted, detail),
    };
    engine.release_retries(|topic| present.contains_key(topic));
    let mut missing = Vec::new();
    let names = wanted.topics.iter();
    missing.extend(
        names
            .filter(|name| !present.contains_key(*name))
            .map(|name| NewTopic {
                name,
                partitions: wanted.partitions,
                delay: None,
            }),
    );
    let mut is_early = false;
    let ladder = engine.settings.ladder.as_ref();
    if let Some(ladder) = ladder.filter(|_| wanted.has_retries) {
        is_early = missing_retries(engine, ladder, &present, has_warned, &mut missing);
    }
    let mut found = match is_early {
        true => Look::Early,
        false => Look::Complete,
    };
    for missing in &missing {
        let (topic, partitions) = (missing.name, missing.partitions);
        if topics.create(missing)? {
            tracing::info!(target: "rws_kafka", group = engine.group(), topic, partitions, "created a topic");
            found = Look::Created;
        } else if !matches!(found, Look::Created) {
            found = Look::Unseen(unseen(missing));
        }
    }
    Ok(found)
}

/// Returns `true` if a topic that retry topics belong to is missing itself.
fn missing_retries<'a>(
    engine: &Engine,
    ladder: &'a Ladder,
    present: &HashMap<String, i32>,
    has_warned: &mut bool,
    missing: &mut Vec<NewTopic<'a>>,
) -> bool {
    if !std::mem::replace(has_warned, true) {
        for topic in present.keys().filter(|topic| ladder.is_left_over(topic)) {
            tracing::warn!(
                target: "rws_kafka",
                group = engine.group(),
                topic,
                "no delay in the list belongs to this retry topic: messages waiting in it are no \
                 longer consumed; keep a delay in the list until the lag of its topic is 0"
            );
        }
    }
    let mut is_early = false;
    for (source, retries) in ladder.topics() {
        let retries = retries
            .iter()
            .filter(|name| !present.contains_key(&***name));
        match present.get(source) {
            Some(partitions) => missing.extend(retries.map(|name| NewTopic {
                name,
                partitions: *partitions,
                delay: Some(ladder.rung(name).map_or(Duration::ZERO, |rung| rung.delay)),
            })),
            None => is_early |= retries.count() > 0,
        }
    }
    is_early
}

/// If the consumer cannot connect either, it reports that itself.
fn unanswered(engine: &Engine, wanted: &Wanted, detail: String) -> Result<Look, ConsumerError> {
    if engine.connection.cause().is_some() {
        return Ok(Look::Early);
    }
    let silent = |without: &str| {
        format!(
            "no broker answers the client that checks whether it exists: {detail}; {without} \
             needs no such client"
        )
    };
    let ladder = engine.settings.ladder.as_ref();
    Err(match ladder.filter(|_| wanted.topics.is_empty()) {
        Some(ladder) => ConsumerError::RetryTopicRefused {
            topic: ladder.retries().collect::<Vec<_>>().join(", "),
            detail: silent("create_retry_topics(false)"),
        },
        None => ConsumerError::TopicRefused {
            topic: wanted.topics.join(", "),
            detail: silent("a worker without create_missing_topics"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Handler;
    use crate::settings::config::ConsumerConfig;
    use crate::{Backoff, KafkaConsumer};
    use rws_kafka_client::ConnectionError;
    use rws_kafka_dispatch::Clock;

    #[test]
    fn a_broker_that_answers_the_consumer_only_is_told_of() {
        let config = ConsumerConfig::new("localhost:1", "billing").unwrap();
        let consumer = KafkaConsumer::new(config).unwrap();
        let consumer = consumer.subscribe(["orders"]).unwrap();
        let consumer = consumer.retry_topics([Duration::from_secs(1)]);
        let handler = Handler::Each(Box::new(|msg, _| msg.commit()));
        let prepared = consumer.prepare(&handler, None).unwrap();
        let engine = consumer.engine_timed_by(Clock::default(), Backoff::default(), prepared);
        let wanted = Wanted {
            has_retries: true,
            ..Wanted::default()
        };
        let error = unanswered(&engine, &wanted, "timed out".to_owned());
        let words = error.err().unwrap().to_string();
        let expected = "cannot create the retry topic orders-billing-retry-1000: no broker \
                        answers the client that checks whether it exists: timed out";
        assert!(words.starts_with(expected), "{words}");

        let refused = ConnectionError::Transport;
        engine.connection.failed(refused, "connection refused");
        let look = unanswered(&engine, &wanted, String::new());
        assert!(matches!(look, Ok(Look::Early)));
    }
}
