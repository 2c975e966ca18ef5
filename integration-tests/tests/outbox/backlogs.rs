use crate::support::Scene;
use integration_tests::{SOON, eventually, metric, soon};
use rws_kafka::Observer;
use rws_kafka::outbox::{OutboxRelay, Pool};
use std::time::{Duration, Instant};

/// Fills `shards` of the outbox as `enqueue` would, in one statement.
fn fill(scene: &Scene<'_>, shards: &str, events: usize, bytes: usize) {
    scene.sql(&format!(
        "INSERT INTO rws_kafka.outbox (shard, lane, message_id, topic, key, payload) \
         SELECT s, s, gen_random_uuid(), '{}', s::text::bytea, \
         convert_to(repeat('x', {bytes}), 'UTF8') \
         FROM generate_series(1, {events}), unnest('{shards}'::int2[]) s",
        scene.topic
    ));
}

/// Small batches of few keys are slow: they take several seconds, without one that is not full.
#[test]
fn a_relay_with_a_long_backlog_is_ready_counts_it_and_lets_other_shards_have_their_turn() {
    const EVENTS: usize = 8000;
    let scene = Scene::new(1);
    let observer = Observer::new();
    fill(&scene, "{0,1,2,3}", EVENTS, 1);
    let relay = scene
        .relay()
        .workers(1)
        .batch_size(16)
        .stall_timeout(Duration::from_secs(3))
        .observer(observer.clone())
        .start(20);
    soon(|| relay.status().published > 0);
    fill(&scene, "{9}", 1, 1);
    let others = "SELECT count(*) FROM rws_kafka.outbox WHERE shard = 9";
    soon(|| scene.sql(others) == "0");
    assert!(scene.backlog() > 0, "the others go on");

    let backlog = "rws_kafka_outbox_backlog{schema=\"rws_kafka\"}";
    let counted = || metric(&observer, backlog);
    let first = counted().expect("counted before the first batch");
    let mut is_counted_again = false;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(9) && scene.backlog() > 0 {
        assert!(
            observer.readiness().is_ready(),
            "after {:?}",
            begun.elapsed()
        );
        is_counted_again |= counted() != Some(first);
    }
    assert!(is_counted_again, "within {:?}", begun.elapsed());
    relay.stop();
    assert!(relay.join().is_clean());
}

#[test]
fn large_events_are_published_in_small_batches() {
    let scene = Scene::new(1);
    let observer = Observer::new();
    fill(&scene, "{0,1,2,3,4,5,6,7}", 20, 900_000);
    let relay = scene.relay().workers(1).observer(observer.clone());
    let relay = relay.start(20);
    eventually(2 * SOON, || relay.status().published == 160);
    let of = |name: &str| {
        let series = format!("rws_kafka_outbox_batch_size_{name}{{schema=\"rws_kafka\"}}");
        metric(&observer, &series).expect("a value")
    };
    // The first has 64, those after it 24, three of a shard.
    let mean = of("sum") / of("count");
    assert!(mean < 64.0, "{mean} events a batch");
    relay.stop();
    assert!(relay.join().is_clean());
}

#[test]
fn a_relay_leaves_half_of_a_small_pool_to_others() {
    let scene = Scene::new(1);
    let small = scene.pool.as_async().clone();
    small.resize(4);
    fill(&scene, "{0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15}", 2000, 1);
    let relay = OutboxRelay::new(scene.producer(), Pool::from(small.clone()));
    let relay = relay.workers(16).batch_size(16).start(20);
    let mut most = 0;
    let mut looks = 0;
    eventually(2 * SOON, || {
        let claims = "SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' \
                      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        most = most.max(scene.sql(claims).parse().expect("a number"));
        looks += 1;
        most == 2 && looks > 20 || relay.status().published == 32_000
    });
    assert!((1..=2).contains(&most), "{most} batches at a time");
    relay.stop();
    assert!(relay.join().is_clean());
}
