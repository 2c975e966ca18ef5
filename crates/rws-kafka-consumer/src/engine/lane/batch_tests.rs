//! Runs lanes on batches, without a broker: what is retried, and what is committed.

use super::super::{Engine, Handler, Settings, lane};
use crate::error::ConsumerError;
use crate::failure::backoff::Backoff;
use crate::failure::breaker::CircuitBreaker;
use crate::failure::policy::{FailureHandling, FailurePolicy};
use crate::handler::context::ConsumerContext;
use crate::handler::error::{HandlerError, HandlerResult};
use crate::handler::hooks::{AssignedPartition, Hooks};
use crate::handler::message_batch::MessageBatch;
use crate::partition::BatchBuilder;
use crate::partition::Partition;
use parking_lot::Mutex;
use rws_kafka_client::Connection;
use rws_kafka_config::Properties;
use rws_kafka_dispatch::Clock;
use rws_kafka_dispatch::{Gathering, Ordering as MessageOrder, TopicPartition, cut};
use rws_kafka_observe::Observer;
use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(60);

/// A batch as the handler saw it: its offsets and highest attempt.
type Seen = (Vec<i64>, u32);

struct Bench {
    engine: Arc<Engine>,
    seen: Mutex<Vec<Seen>>,
}

fn settings(policy: FailurePolicy, lanes: usize, max_messages: usize) -> Settings {
    Settings {
        group: "group".to_owned(),
        client: "client".to_owned(),
        lanes,
        commit_interval: Duration::from_millis(1),
        drain_timeout: Duration::from_secs(30),
        max_in_flight: 1000,
        max_in_flight_bytes: 1 << 20,
        reads_from_start: true,
        ordering: MessageOrder::Partition,
        gathering: Some(Gathering {
            max_messages,
            max_bytes: 1 << 20,
            max_wait: Duration::from_millis(1),
        }),
        failure: FailureHandling {
            policy,
            max_retries: 2,
            backoff: Backoff::fixed(Duration::from_micros(300)),
            classify: None,
        },
        letter_backoff: Backoff::default(),
        ladder: None,
        breaker: None,
        hooks: Hooks::default(),
        observer: Observer::new(),
        #[cfg(feature = "registry")]
        registry: None,
    }
}

fn engine(settings: Settings, partitions: i32) -> Arc<Engine> {
    let observer = settings.observer.clone();
    let health = observer.register_consumer("group", Duration::from_secs(60));
    let connection = Connection::new(Properties::default());
    let engine = Arc::new(Engine::new(
        settings,
        Default::default(),
        connection,
        health,
        Clock::default(),
    ));
    let assigned = (0..partitions).map(|number| AssignedPartition {
        partition: TopicPartition::new("topic", number),
        committed: None,
    });
    engine.assign(assigned.collect());
    engine
}

fn feed(engine: &Engine, partition: &Arc<Partition>, offsets: std::ops::Range<i64>) {
    let mut builder = BatchBuilder::new(Arc::clone(partition), 50, 0);
    offsets.for_each(|offset| builder.push(offset, None, None, Some(b"x")));
    let ordering = engine.settings.ordering;
    engine.scheduler.add(cut(builder, ordering));
}

/// Handles offsets 0 to 10 of one partition as one batch, until the worker stops or all are finished. Returns
/// what the handler saw.
fn run(
    settings: Settings,
    handler: fn(&MessageBatch) -> HandlerResult,
) -> (Vec<Seen>, Arc<Engine>) {
    let bench = Arc::new(Bench {
        engine: engine(settings, 1),
        seen: Mutex::default(),
    });
    let engine = Arc::clone(&bench.engine);
    let partition = engine.partitions().remove(0);
    let seen = Arc::clone(&bench);
    let handler = Handler::Batches(Box::new(move |batch, _| {
        let offsets = batch.iter().map(ConsumerContext::offset).collect();
        seen.seen.lock().push((offsets, batch.attempt()));
        handler(batch)
    }));
    feed(&engine, &partition, 0..10);
    thread::scope(|scope| {
        scope.spawn(|| lane::run(&engine, &handler, 0));
        let end = Instant::now() + SOON;
        while partition.tracker().held() > 0 && !engine.stop.is_asked() {
            assert!(Instant::now() < end, "{:#?}", engine.status());
            thread::yield_now();
        }
        engine.scheduler.end();
    });
    drop(handler);
    let seen = std::mem::take(&mut *bench.seen.lock());
    (seen, engine)
}

fn skip() -> Settings {
    settings(FailurePolicy::Skip, 1, 10)
}

fn due(engine: &Engine) -> Option<i64> {
    engine.partitions()[0].tracker().to_commit()
}

fn all(attempt: u32) -> Seen {
    ((0..10).collect(), attempt)
}

fn value(engine: &Engine, name: &str) -> u64 {
    let page = engine.settings.observer.render();
    let series = format!("rws_kafka_{name}{{");
    let line = page.lines().find(|line| line.starts_with(&series));
    let value = line.and_then(|line| line.rsplit(' ').next());
    value.map_or(0, |value| value.parse().unwrap())
}

#[test]
fn what_a_handler_fails_comes_again_alone() {
    let (seen, engine) = run(skip(), |batch| {
        for msg in batch {
            if msg.offset() % 4 == 1 && msg.attempt() < 3 {
                batch.fail(msg, HandlerError::new("not yet"));
            }
        }
        batch.commit()
    });
    let again = |attempt| (vec![1, 5, 9], attempt);
    assert_eq!(seen, [all(1), again(2), again(3)]);
    assert_eq!(due(&engine), Some(10));
    assert_eq!(value(&engine, "messages_consumed_total"), 10);
    assert_eq!(value(&engine, "consumer_errors_total"), 6);
    assert_eq!(value(&engine, "consumer_retries_total"), 6);
    assert_eq!(value(&engine, "handler_duration_ms_count"), 3);
}

#[test]
fn each_message_has_its_own_count_of_failures() {
    let (seen, engine) = run(skip(), |batch| {
        for msg in batch {
            match (msg.offset(), msg.attempt()) {
                (2, _) => batch.fail(msg, HandlerError::new("never")),
                (7, 1) => batch.fail(msg, HandlerError::new("not yet")),
                (8, _) => batch.fail(msg, HandlerError::new("no such order").permanent()),
                _ => {}
            }
        }
        batch.commit()
    });
    let expected = [all(1), (vec![2, 7], 2), (vec![2], 3)];
    assert_eq!(seen, expected);
    assert_eq!(due(&engine), Some(10));
    assert_eq!(value(&engine, "messages_skipped_total"), 2);
}

#[test]
fn after_an_error_the_batch_comes_again_and_at_last_its_messages_one_by_one() {
    fn fails(batch: &MessageBatch) -> HandlerResult {
        if batch.iter().any(|msg| msg.offset() == 3) {
            return Err(HandlerError::new("constraint violated"));
        }
        batch.commit()
    }
    fn panics(batch: &MessageBatch) -> HandlerResult {
        assert!(batch.iter().all(|msg| msg.offset() != 3), "it is three");
        batch.commit()
    }
    for handler in [fails, panics] {
        let (seen, engine) = run(skip(), handler);
        let alone = (0..10).map(|offset| (vec![offset], 4));
        let expected: Vec<Seen> = [all(1), all(2), all(3)].into_iter().chain(alone).collect();
        assert_eq!(seen, expected);
        assert_eq!(due(&engine), Some(10));
        assert_eq!(value(&engine, "messages_consumed_total"), 9);
        assert_eq!(value(&engine, "messages_skipped_total"), 1);
        assert_eq!(value(&engine, "consumer_errors_total"), 31);
    }
}

#[test]
fn a_permanent_error_of_a_batch_is_looked_into_at_once() {
    let (seen, engine) = run(skip(), |batch| {
        match batch.iter().find(|msg| msg.offset() == 3) {
            Some(_) => Err(HandlerError::new("malformed").permanent()),
            None => batch.commit(),
        }
    });
    let alone = (0..10).map(|offset| (vec![offset], 2));
    let expected: Vec<Seen> = [all(1)].into_iter().chain(alone).collect();
    assert_eq!(seen, expected);
    assert_eq!(value(&engine, "messages_skipped_total"), 1);
}

#[test]
fn what_was_committed_up_to_does_not_come_again() {
    fn fails(batch: &MessageBatch) -> HandlerResult {
        for msg in batch {
            if msg.offset() == 6 && msg.attempt() < 3 {
                return Err(HandlerError::new("not yet"));
            }
            if msg.offset() == 1 && msg.attempt() == 1 {
                batch.fail(msg, HandlerError::new("not yet"));
            }
            batch.commit_up_to(msg)?;
        }
        Ok(())
    }
    fn panics(batch: &MessageBatch) -> HandlerResult {
        fails(batch).map_err(|error| panic!("{error}"))
    }
    for handler in [fails, panics] {
        let (seen, engine) = run(skip(), handler);
        let expected = [all(1), (vec![1, 6, 7, 8, 9], 2), (vec![6, 7, 8, 9], 3)];
        assert_eq!(seen, expected);
        assert_eq!(due(&engine), Some(10));
        assert_eq!(value(&engine, "messages_consumed_total"), 10);
    }
}

#[test]
fn a_message_of_another_batch_is_refused() {
    let (seen, engine) = run(skip(), |batch| {
        assert!(batch.get(batch.len()).is_none());
        if batch.attempt() == 1 {
            batch.fail(batch.len(), HandlerError::new("there is none"));
        }
        batch.commit()
    });
    assert_eq!(seen, [all(1), all(2)]);
    assert_eq!(due(&engine), Some(10));
}

#[test]
fn an_end_without_a_commit_triggers_none() {
    let (seen, engine) = run(skip(), |batch| match batch.get(4) {
        Some(msg) => msg.commit(),
        None => Ok(()),
    });
    assert_eq!((seen, due(&engine)), (vec![all(1)], Some(5)));
}

#[test]
fn a_worker_that_is_to_stop_is_stopped_by_the_message_at_fault() {
    let (seen, engine) = run(settings(FailurePolicy::Stop, 1, 10), |batch| {
        match batch.iter().find(|msg| msg.offset() == 2) {
            Some(_) => Err(HandlerError::new("never")),
            None => batch.commit(),
        }
    });
    let expected = [
        all(1),
        all(2),
        all(3),
        (vec![0], 4),
        (vec![1], 4),
        (vec![2], 4),
    ];
    assert_eq!(seen, expected);
    assert_eq!(due(&engine), Some(2));
    let error = engine.last_error();
    let is_it = matches!(
        &error,
        Some(ConsumerError::Failed {
            offset: 2,
            attempts: 4,
            ..
        })
    );
    assert!(is_it, "{error:?}");
}

#[test]
fn a_fuse_counts_messages() {
    let mut settings = skip();
    settings.breaker = Some(CircuitBreaker::consecutive(2));
    let (seen, engine) = run(settings, |batch| {
        for msg in batch {
            if (4..8).contains(&msg.offset()) {
                batch.fail(msg, HandlerError::new("malformed").permanent());
            }
        }
        batch.commit()
    });
    assert_eq!(seen, [all(1)]);
    // The first may be skipped, the second is one too many.
    assert_eq!(due(&engine), Some(5));
    let error = engine.last_error();
    let is_it = matches!(&error, Some(ConsumerError::CircuitOpen { offset: 5, .. }));
    assert!(is_it, "{error:?}");
}

/// Runs lanes, failures and the committer together: no commit passes an unfinished message, each message is
/// finished once, and no batch begins before the previous one of its partition is settled.
#[test]
fn no_commit_passes_what_failed_in_a_batch() {
    const PARTITIONS: i32 = 3;
    const MESSAGES: i64 = 2000;
    let engine = engine(settings(FailurePolicy::Skip, 4, 64), PARTITIONS);
    let partitions = engine.partitions();
    let done: Arc<Mutex<HashMap<(i32, i64), u32>>> = Arc::default();
    let handler = {
        let done = Arc::clone(&done);
        Handler::Batches(Box::new(move |batch, _| {
            let first = batch.get(0).unwrap().offset();
            {
                let done = done.lock();
                let settled = |offset| done.contains_key(&(batch.partition(), offset));
                let before = (first - 200).max(0)..first;
                assert!(before.into_iter().all(settled), "{batch:?}");
            }
            let mut ends = Vec::new();
            let whole = fastrand::u8(0..4);
            for msg in batch {
                let is_last = msg.attempt() == 3;
                if msg.offset() % 97 == 0 && msg.attempt() <= 3 {
                    batch.fail(msg, HandlerError::new("never"));
                    if is_last {
                        ends.push(msg.offset());
                    }
                } else if msg.offset() % 13 == 0 && msg.attempt() == 1 {
                    batch.fail(msg, HandlerError::new("not yet"));
                } else {
                    ends.push(msg.offset());
                }
            }
            let note = |offsets: &[i64]| {
                let mut done = done.lock();
                for offset in offsets {
                    *done.entry((batch.partition(), *offset)).or_default() += 1;
                }
            };
            if whole == 0 && batch.attempt() == 1 && batch.len() > 4 {
                let middle = batch.len() / 2;
                let last = batch.get(middle).unwrap().offset();
                ends.retain(|offset| *offset <= last);
                note(&ends);
                batch.commit_up_to(middle)?;
                return Err(HandlerError::new("half of it"));
            }
            note(&ends);
            batch.commit()
        }))
    };
    let end = MESSAGES;
    thread::scope(|scope| {
        for number in 0..4 {
            let (engine, handler) = (&engine, &handler);
            scope.spawn(move || lane::run(engine, handler, number));
        }
        scope.spawn(|| {
            let mut last: HashMap<TopicPartition, i64> = HashMap::new();
            engine.committer.run(
                engine.commit_tick(),
                || engine.due(),
                |offsets| {
                    let done = done.lock();
                    for (partition, offset) in offsets {
                        let before = last.insert(partition.name.clone(), *offset).unwrap_or(0);
                        assert!(before < *offset, "from {before} to {offset}");
                        let number = partition.name.partition();
                        for message in before..*offset {
                            let is_done = done.contains_key(&(number, message));
                            assert!(is_done, "{offset} passes {message} of {number}");
                        }
                    }
                    Ok(())
                },
            );
        });
        for start in (0..MESSAGES).step_by(50) {
            for partition in &partitions {
                feed(&engine, partition, start..start + 50);
            }
        }
        let deadline = Instant::now() + SOON;
        let is_all = |partition: &Arc<Partition>| partition.tracker().committed() == Some(end);
        while !partitions.iter().all(is_all) {
            assert!(Instant::now() < deadline, "{:#?}", engine.status());
            engine.committer.request();
            thread::yield_now();
        }
        engine.scheduler.end();
        engine.committer.stop();
    });
    let done = done.lock();
    assert_eq!(done.len() as i64, MESSAGES * i64::from(PARTITIONS));
    let twice: Vec<_> = done.iter().filter(|(_, ends)| **ends != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert_eq!(engine.in_flight(), 0);
}
