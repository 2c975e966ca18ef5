use super::Engine;
use crate::error::ConsumerError;
use crate::transport::{RetryTopic, Topics};
use rws_kafka_config::Properties;
use rws_kafka_observe::LogRate;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::Builder;
use std::time::Duration;

/// The pause before another try; longer each time, as it may be a right that is missing.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Makes the retry topics that are missing, in the background: the broker may come later, and so may
/// the topics that they belong to.
pub(crate) fn create_retry_topics(engine: &Arc<Engine>, properties: Properties) {
    let creator = Arc::clone(engine);
    let started = Builder::new()
        .name("rws-kafka-topics".to_owned())
        .spawn(move || {
            creator.guard("the thread that creates topics", || {
                run(&creator, &properties)
            })
        });
    if let Err(error) = started {
        engine.fail(ConsumerError::Thread {
            detail: error.to_string(),
        });
    }
}

fn run(engine: &Engine, properties: &Properties) {
    let topics = match Topics::new(properties) {
        Ok(topics) => topics,
        Err(error) => return engine.fail(error),
    };
    let refusals = LogRate::new(Duration::from_secs(60));
    let mut pause = FIRST_PAUSE;
    let mut has_created = false;
    while !engine.stop.is_asked() {
        match look(engine, &topics) {
            Ok(Look::Complete) => {
                if has_created {
                    engine.has_new_topics.store(true, Ordering::Release);
                }
                return;
            }
            // Until all brokers have heard of them.
            Ok(Look::Created) => {
                has_created = true;
                pause = FIRST_PAUSE;
            }
            Ok(Look::Early) => {}
            Err(error) => {
                if let Some(held_back) = refusals.admit() {
                    tracing::error!(
                        target: "rws_kafka",
                        group = engine.group(),
                        held_back,
                        "{error}; it is tried again"
                    );
                }
                engine.note_error(error);
            }
        }
        engine.stop.sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// How it stands with the retry topics.
enum Look {
    /// They are all there.
    Complete,
    /// Some were made just now.
    Created,
    /// No broker is there, or not each of the topics that they belong to.
    Early,
}

fn look(engine: &Engine, topics: &Topics) -> Result<Look, ConsumerError> {
    let Some(ladder) = &engine.settings.ladder else {
        return Ok(Look::Complete);
    };
    let Some(present) = topics.partitions() else {
        return Ok(Look::Early);
    };
    let mut missing = Vec::new();
    let mut is_early = false;
    for (source, retries) in ladder.topics() {
        let retries = retries
            .iter()
            .filter(|name| !present.contains_key(&***name));
        match present.get(source) {
            Some(partitions) => missing.extend(retries.map(|name| RetryTopic {
                name,
                partitions: *partitions,
                delay: ladder.rung(name).map_or(Duration::ZERO, |rung| rung.delay),
            })),
            None => is_early |= retries.count() > 0,
        }
    }
    if !missing.is_empty() {
        topics.create(&missing)?;
        for RetryTopic {
            name: topic,
            partitions,
            ..
        } in missing
        {
            tracing::info!(target: "rws_kafka", group = engine.group(), topic, partitions, "created a retry topic");
        }
        return Ok(Look::Created);
    }
    Ok(match is_early {
        true => Look::Early,
        false => Look::Complete,
    })
}
