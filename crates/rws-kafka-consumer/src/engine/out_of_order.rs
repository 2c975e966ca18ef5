//! Runs lanes and a committer together, without a broker, and checks each commit.

use super::{Engine, Handler, Settings, lane};
use crate::failure::backoff::Backoff;
use crate::failure::policy::{FailureHandling, FailurePolicy};
use crate::handler::context::ConsumerContext;
use crate::handler::error::HandlerError;
use crate::handler::hooks::{AssignedPartition, Hooks};
use crate::handler::outputs::Outputs;
use crate::partition::{BatchBuilder, Partition};
use parking_lot::Mutex;
use rws_kafka_client::Connection;
use rws_kafka_config::Properties;
use rws_kafka_dispatch::Clock;
use rws_kafka_dispatch::{Ordering as MessageOrder, TopicPartition, cut};
use rws_kafka_observe::Observer;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const LANES: usize = 6;
const PARTITIONS: i32 = 3;
const MESSAGES: i64 = 1500;
const KEYS: i64 = 11;

fn engine(ordering: MessageOrder) -> Arc<Engine> {
    let observer = Observer::new();
    let health = observer.register_consumer("group", Duration::from_secs(60));
    let settings = Settings {
        group: "group".to_owned(),
        client: "client".to_owned(),
        lanes: LANES,
        commit_interval: Duration::from_millis(1),
        drain_timeout: Duration::from_secs(30),
        max_in_flight: 1000,
        max_in_flight_bytes: 1 << 20,
        reads_from_start: true,
        ordering,
        gathering: None,
        failure: FailureHandling {
            policy: FailurePolicy::Skip,
            max_retries: 5,
            backoff: Backoff::fixed(Duration::from_micros(200)).jitter(1.0),
            classify: None,
        },
        letter_backoff: Backoff::default(),
        ladder: None,
        breaker: None,
        hooks: Hooks::default(),
        observer,
        #[cfg(feature = "registry")]
        registry: None,
    };
    let connection = Connection::new(Properties::default());
    Arc::new(Engine::new(
        settings,
        Default::default(),
        connection,
        health,
        Clock::default(),
    ))
}

/// Every third offset holds no message, as in a compacted or transactional topic.
fn offset_of(number: i64) -> i64 {
    number + number / 2
}

fn key_of(number: i64) -> String {
    format!("key-{}", number * 7 % KEYS)
}

fn feed(engine: &Engine, partitions: &[Arc<Partition>]) {
    for start in (0..MESSAGES).step_by(50) {
        for partition in partitions {
            let mut builder = BatchBuilder::new(Arc::clone(partition), 50, 0);
            for number in start..start + 50 {
                let key = key_of(number);
                builder.push(offset_of(number), None, Some(key.as_bytes()), Some(b"x"));
            }
            let ordering = engine.settings.ordering;
            engine.scheduler.add(cut(builder, ordering));
        }
    }
}

/// Takes a random time, and fails some messages twice and others always.
fn handle(msg: &ConsumerContext) -> Result<(), HandlerError> {
    thread::sleep(Duration::from_micros(fastrand::u64(0..150)));
    if msg.offset() % 97 == 0 {
        return Err(HandlerError::new("never"));
    }
    if msg.offset() % 7 == 0 && msg.attempt() <= 2 {
        return Err(HandlerError::new("not yet"));
    }
    msg.commit()
}

fn run(ordering: MessageOrder) {
    let engine = engine(ordering);
    let name = |partition| TopicPartition::new("topic", partition);
    engine.assign(
        (0..PARTITIONS)
            .map(|number| AssignedPartition {
                partition: name(number),
                committed: None,
            })
            .collect(),
    );
    let partitions = engine.partitions();
    // The finished messages, by partition and offset.
    let done: Arc<Mutex<HashMap<(i32, i64), bool>>> = Arc::default();
    let order: Arc<Mutex<HashMap<(i32, String), i64>>> = Arc::default();
    let commits = AtomicU32::new(0);
    let handler = {
        let (done, order) = (Arc::clone(&done), Arc::clone(&order));
        let handler = move |msg: ConsumerContext, _: &mut Outputs| {
            let (partition, offset) = (msg.partition(), msg.offset());
            let result = handle(&msg);
            if ordering == MessageOrder::Key {
                let key = String::from_utf8(msg.key().unwrap().to_vec()).unwrap();
                let mut order = order.lock();
                let last = order.insert((partition, key), offset);
                assert!(
                    last.is_none_or(|last| last <= offset),
                    "{last:?} before {offset}"
                );
            }
            let gives_up = msg.attempt() == 6;
            if result.is_ok() || gives_up {
                done.lock().insert((partition, offset), true);
            }
            result
        };
        Handler::Each(Box::new(handler))
    };
    let committed_of = |partition: &Arc<Partition>| partition.tracker().committed();
    let end = offset_of(MESSAGES - 1) + 1;
    thread::scope(|scope| {
        for number in 0..LANES {
            let (engine, handler) = (&engine, &handler);
            scope.spawn(move || lane::run(engine, handler, number));
        }
        scope.spawn(|| {
            let mut last: HashMap<TopicPartition, i64> = HashMap::new();
            engine.committer.run(
                engine.commit_tick(),
                || engine.due(),
                |offsets| {
                    commits.fetch_add(1, Ordering::Relaxed);
                    let done = done.lock();
                    for (partition, offset) in offsets {
                        let before = last.insert(partition.name.clone(), *offset).unwrap_or(0);
                        assert!(before < *offset, "from {before} to {offset}");
                        let number = partition.name.partition();
                        let messages = (0..MESSAGES).map(offset_of);
                        for message in
                            messages.filter(|message| (before..*offset).contains(message))
                        {
                            let is_done = done.contains_key(&(number, message));
                            assert!(is_done, "{offset} passes {message} of {number}");
                        }
                    }
                    Ok(())
                },
            );
        });
        feed(&engine, &partitions);
        let deadline = Instant::now() + Duration::from_secs(60);
        while !partitions
            .iter()
            .all(|partition| committed_of(partition) == Some(end))
        {
            assert!(Instant::now() < deadline, "{:#?}", engine.status());
            engine.committer.request();
            thread::yield_now();
        }
        engine.scheduler.end();
        engine.committer.stop();
    });
    assert_eq!(done.lock().len() as i64, MESSAGES * i64::from(PARTITIONS));
    assert!(commits.into_inner() > 20);
}

#[test]
fn no_commit_passes_an_unfinished_message_when_keys_are_handled_side_by_side() {
    run(MessageOrder::Key);
}

#[test]
fn no_commit_passes_an_unfinished_message_when_nothing_is_in_order() {
    run(MessageOrder::None);
}

#[test]
fn no_commit_passes_an_unfinished_message_when_partitions_are_in_order() {
    run(MessageOrder::Partition);
}
