use crate::support::Scene;
use integration_tests::{Kafka, Postgres, SOON, eventually, soon, unique_topic};
use rws_kafka::outbox::{Outbox, RelayHandle};
use std::time::{Duration, Instant};

const POLL_INTERVAL: u64 = 500;

fn enqueue(scene: &Scene<'_>, topic: &str, key: &str) {
    let mut connection = scene.pool.get().expect("a connection");
    let mut tx = connection.transaction().expect("a transaction");
    let event = Outbox::new(&mut tx).enqueue_keyed(topic, key, "event");
    event.expect("an event");
    tx.commit().expect("a commit");
}

/// Returns the number of transactions in the scene's database so far. A session reports its own
/// within a second.
fn transactions(scene: &Scene<'_>) -> u64 {
    let sql = "SELECT xact_commit + xact_rollback FROM pg_stat_database \
               WHERE datname = current_database()";
    scene.sql(sql).parse().expect("a number")
}

/// Transactions a second of a relay that has nothing new to do.
fn rate(scene: &Scene<'_>) -> f64 {
    let (begun, before) = (Instant::now(), transactions(scene));
    // A rate needs a time.
    soon(|| begun.elapsed() > Duration::from_secs(4));
    (transactions(scene) - before) as f64 / begun.elapsed().as_secs_f64()
}

fn published_soon(scene: &Scene<'_>, relay: &RelayHandle, key: &str) {
    let before = relay.status().published;
    enqueue(scene, &scene.topic, key);
    let begun = Instant::now();
    soon(|| relay.status().published > before);
    // The poll interval, and what the broker takes to refuse the other one in the same batch.
    assert!(begun.elapsed() < Duration::from_secs(5), "{key}");
}

#[test]
fn a_blocked_key_costs_a_few_statements_a_second_and_no_other_key_a_wait() {
    let kafka = Kafka::start_with(&[("auto.create.topics.enable", "false")]);
    let scene = Scene::on(&kafka, Postgres::shared(), 1);
    let missing = unique_topic("missing");
    enqueue(&scene, &missing, "a");
    let relay = scene.relay().start(POLL_INTERVAL);
    // It is then tried after 8 s or more.
    eventually(3 * SOON, || relay.status().refused >= 4);
    let rate = rate(&scene);
    println!("{rate:.0} transactions/s with a blocked key");
    assert!(rate < 40.0, "{rate} transactions/s");
    for key in ["b", "c", "d"] {
        published_soon(&scene, &relay, key);
    }
    // The same key in another topic, and events without a notification.
    scene.sql(&format!(
        "INSERT INTO rws_kafka.outbox (shard, lane, message_id, topic, payload) \
         SELECT shard, lane + 16, gen_random_uuid(), '{}', 'x' FROM rws_kafka.outbox",
        scene.topic
    ));
    soon(|| relay.status().published == 4);
    assert_eq!(scene.backlog(), 1, "the one that is blocked");
    assert_eq!(relay.status().trouble, None);
    kafka.create_topic(&missing, 1);
    eventually(3 * SOON, || scene.backlog() == 0);
    assert_eq!(kafka.read(&missing).len(), 1);
}

#[test]
fn shards_that_are_held_elsewhere_cost_a_few_statements_a_second_and_are_taken_when_free() {
    let scene = Scene::new(1);
    let mut connection = scene.pool.get().expect("a connection");
    let tx = connection.transaction().expect("a transaction");
    let locks = "SELECT pg_advisory_xact_lock('rws_kafka.outbox'::regclass::oid::int4, s) \
                 FROM generate_series(0, 15) s";
    tx.query(locks, &[]).expect("the locks");
    let relay = scene.relay().start(POLL_INTERVAL);
    enqueue(&scene, &scene.topic, "a");
    let rate = rate(&scene);
    println!("{rate:.0} transactions/s without a shard");
    assert!(rate < 40.0, "{rate} transactions/s");
    tx.rollback().expect("an end");
    eventually(Duration::from_secs(10), || relay.status().published == 1);
}

#[test]
fn trouble_with_the_database_is_over_when_a_blocked_key_is_all_there_is() {
    let postgres = Postgres::start();
    let kafka = Kafka::start_with(&[("auto.create.topics.enable", "false")]);
    let scene = Scene::on(&kafka, &postgres, 1);
    enqueue(&scene, &unique_topic("missing"), "a");
    let relay = scene.relay().start(POLL_INTERVAL);
    soon(|| relay.status().refused >= 1);
    postgres.kill();
    soon(|| relay.status().trouble.is_some());
    postgres.restart();
    soon(|| relay.status().trouble.is_none());
    assert_eq!(relay.status().published, 0);
}
