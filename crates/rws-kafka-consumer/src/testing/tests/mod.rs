mod batches;
mod batches_in_transactions;
mod commits;
mod exactly_once;
mod failures;
mod logs;
mod lost_in_flight;
mod messages;
mod panics;
mod partitions;
mod retry_topics;
mod settings;
mod storm;

use super::*;
use crate::{ConsumerContext, HandlerError, HandlerResult, KafkaConsumer};
use parking_lot::Mutex;
use rws_kafka_observe::Observer;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn consumer(topics: &[&str]) -> KafkaConsumer {
    let config = crate::ConsumerConfig::from(config()).observer(Observer::new());
    let consumer = KafkaConsumer::new(config).unwrap();
    consumer.subscribe(topics.iter().copied()).unwrap()
}

/// A message for partition 0 of topic `a`.
fn give(worker: &mut TestWorker, payloads: &[&str]) {
    worker.give_all(
        payloads
            .iter()
            .map(|payload| TestMessage::new("a", *payload)),
    );
}

/// Fails as often as the number in the payload says, permanently if it is negative.
fn as_it_says(msg: &ConsumerContext) -> HandlerResult {
    let failures: i64 = msg.payload_str()?.parse()?;
    if failures < 0 {
        return Err(HandlerError::new("never").permanent());
    }
    if i64::from(msg.attempt()) <= failures {
        return Err(HandlerError::new(format!("attempt {}", msg.attempt())));
    }
    msg.commit()
}

fn handle_as_it_says(msg: ConsumerContext) -> HandlerResult {
    as_it_says(&msg)
}

/// The handled messages, as `partition@offset#attempt`, with their times.
fn handled(worker: &TestWorker) -> Vec<(u64, String)> {
    let events = worker.log().into_iter();
    let handled = events.filter_map(|(at, event)| match event {
        Event::Handled {
            partition,
            offset,
            attempt,
            ..
        } => Some((
            at.as_millis() as u64,
            format!("{partition}@{offset}#{attempt}"),
        )),
        _ => None,
    });
    handled.collect()
}

type Seen<T> = Arc<Mutex<Vec<T>>>;
