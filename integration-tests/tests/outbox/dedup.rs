use crate::support::Scene;
use integration_tests::{SOON, eventually, soon, unique};
use rws_kafka::dedup::{Claim, MessageDeduplicator};
use rws_kafka::outbox::Pool;
use rws_kafka::{
    ConsumerConfig, ConsumerContext, ConsumerHandle, HandlerError, HandlerResult, KafkaConfig,
    KafkaConsumer, Observer,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

/// Each message is sent four times, to four partitions, and each consumer has one of them.
fn four_consumers<F>(scene: &Scene<'_>, group: &str, handler: F) -> Vec<ConsumerHandle>
where
    F: Fn(ConsumerContext) -> HandlerResult + Clone + Send + Sync + 'static,
{
    (0..4)
        .map(|_| {
            let config = KafkaConfig::builder()
                .brokers(scene.kafka.bootstrap())
                .consumer_group(group)
                .build()
                .expect("valid settings");
            let config = ConsumerConfig::from(config).observer(Observer::new());
            KafkaConsumer::new(config)
                .and_then(|consumer| consumer.subscribe([&scene.topic]))
                .expect("a consumer")
                .start(handler.clone())
        })
        .collect()
}

fn stop(workers: Vec<ConsumerHandle>) {
    for worker in &workers {
        worker.stop();
    }
    for worker in workers {
        let _ = worker.join();
    }
}

/// Sends `count` messages to each of four partitions, with ids that are the same in all.
fn send_four_times(scene: &Scene<'_>, count: usize) {
    let producer = scene.producer();
    for number in 0..count {
        let id = format!("message-{number}");
        for partition in 0..4 {
            let record = rws_kafka::producer::Record::to(&scene.topic)
                .partition(partition)
                .payload(&id)
                .header("rws-message-id", &id);
            producer.send_record(record).expect("room in the queue");
        }
    }
    assert!(producer.close(SOON).is_complete());
}

#[test]
fn a_thousand_messages_delivered_four_times_each_have_a_thousand_effects() {
    let scene = Scene::new(4);
    scene.sql("CREATE TABLE effects (message text)");
    send_four_times(&scene, 1000);
    let dedup = MessageDeduplicator::from_db(&scene.pool).expect("a deduplicator");
    let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let counted = Arc::clone(&counts);
    let workers = four_consumers(&scene, &unique("group"), move |msg| {
        let claim = dedup.process_once(&msg, |tx| {
            let insert = "INSERT INTO effects VALUES ($1)";
            tx.execute(insert, &[&msg.payload_str()?])?;
            Ok(())
        })?;
        counted[usize::from(claim == Claim::Duplicate)].fetch_add(1, Ordering::SeqCst);
        msg.commit()
    });
    let handled = || {
        counts
            .iter()
            .map(|c| c.load(Ordering::SeqCst))
            .sum::<usize>()
    };
    eventually(2 * SOON, || handled() >= 4000);
    stop(workers);
    let effects = scene.sql("SELECT count(*), count(DISTINCT message) FROM effects");
    assert_eq!(effects, "1000|1000");
}

/// The warning in the documentation is true: two deliveries that are handled at the same time are
/// both processed.
#[test]
fn the_two_calls_let_two_deliveries_at_one_time_through() {
    let scene = Scene::new(4);
    send_four_times(&scene, 1);
    let dedup = MessageDeduplicator::from_db(&scene.pool).expect("a deduplicator");
    let processed = Arc::new(AtomicUsize::new(0));
    let (count, together) = (Arc::clone(&processed), Arc::new(Barrier::new(4)));
    let group = unique("group");
    let workers = four_consumers_in_lanes(&scene, &group, move |msg| {
        let is_duplicate = dedup.is_duplicate(&msg)?;
        together.wait();
        if !is_duplicate {
            count.fetch_add(1, Ordering::SeqCst);
            dedup.mark_seen(&msg)?;
        }
        msg.commit()
    });
    soon(|| processed.load(Ordering::SeqCst) == 4);
    stop(vec![workers]);
}

/// One consumer with a lane for each partition: all four messages are in flight at once.
fn four_consumers_in_lanes<F>(scene: &Scene<'_>, group: &str, handler: F) -> ConsumerHandle
where
    F: Fn(ConsumerContext) -> HandlerResult + Clone + Send + Sync + 'static,
{
    let config = KafkaConfig::builder()
        .brokers(scene.kafka.bootstrap())
        .consumer_group(group)
        .build()
        .expect("valid settings");
    let config = ConsumerConfig::from(config).observer(Observer::new());
    KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([&scene.topic]))
        .expect("a consumer")
        .concurrency(4)
        .start(handler)
}

#[test]
fn a_handler_that_errs_has_its_claim_rolled_back() {
    let scene = Scene::new(4);
    send_four_times(&scene, 1);
    let dedup = MessageDeduplicator::from_db(&scene.pool).expect("a deduplicator");
    let (tries, firsts) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (tried, first) = (Arc::clone(&tries), Arc::clone(&firsts));
    let workers = four_consumers(&scene, &unique("group"), move |msg| {
        let claim = dedup.process_once(&msg, |_| match tried.fetch_add(1, Ordering::SeqCst) {
            0 => Err(HandlerError::new("once")),
            _ => Ok(()),
        })?;
        if claim == Claim::First {
            first.fetch_add(1, Ordering::SeqCst);
        }
        msg.commit()
    });
    soon(|| firsts.load(Ordering::SeqCst) == 1);
    stop(workers);
    assert_eq!(tries.load(Ordering::SeqCst), 2);
}

#[test]
fn what_is_older_than_the_retention_is_forgotten_and_nothing_else() {
    let scene = Scene::new(1);
    scene.sql(
        "INSERT INTO rws_kafka.seen (consumer_group, message, seen_at) SELECT 'g', n::text, \
         now() - interval '8 days' FROM generate_series(1, 12000) n",
    );
    scene.sql("INSERT INTO rws_kafka.seen (consumer_group, message) VALUES ('g', 'new')");
    let pool: &Pool = &scene.pool;
    let dedup = MessageDeduplicator::from_db(pool).expect("a deduplicator");
    let week = Duration::from_secs(7 * 24 * 3600);
    assert_eq!(dedup.purge(week).expect("a purge"), 12_000);
    assert_eq!(scene.sql("SELECT message FROM rws_kafka.seen"), "new");
}
