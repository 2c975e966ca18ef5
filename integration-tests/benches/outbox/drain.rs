use crate::Stage;
use std::time::{Duration, Instant};

const EVENTS: usize = 200_000;
const ROUNDS: usize = 3;
const BATCH: i64 = 1000;

/// Drains a backlog: one relay with Kafka, and four threads that claim, read and delete without it.
pub(crate) fn compare() {
    println!("drain of {EVENTS} events, events/s");
    // The broker's JVM compiles its code in the first ones.
    for _ in 0..2 {
        relay_rate(EVENTS);
    }
    for _ in 0..ROUNDS {
        let bare = rate(EVENTS, &bare);
        let relay = relay_rate(EVENTS);
        let ratio = relay / bare;
        println!("  relay {relay:>8.0}   without Kafka {bare:>8.0}   ratio {ratio:.2}");
    }
}

/// Returns the events a second of one relay on a backlog of this many.
pub(crate) fn relay_rate(events: usize) -> f64 {
    rate(events, &|stage| relay(stage, events))
}

fn rate(events: usize, drain: &dyn Fn(&Stage)) -> f64 {
    let stage = Stage::new();
    stage.sql(&format!(
        "INSERT INTO rws_kafka.outbox (shard, lane, message_id, topic, key, payload) \
         SELECT (lane & 15)::int2, lane, gen_random_uuid(), '{}', key::text::bytea, \
         convert_to(repeat('x', 1024), 'UTF8') FROM (SELECT n % 10000 AS key, \
         hashtextextended((n % 10000)::text, 0) AS lane FROM generate_series(1, {events}) n) e",
        stage.topic
    ));
    stage.sql("VACUUM ANALYZE rws_kafka.outbox");
    stage.sql("CHECKPOINT");
    let begun = Instant::now();
    drain(&stage);
    events as f64 / begun.elapsed().as_secs_f64()
}

fn relay(stage: &Stage, events: usize) {
    let relay = stage.relay().start(500);
    integration_tests::eventually(Duration::from_secs(120), || {
        relay.status().published == events as u64
    });
    relay.stop();
    let report = relay.join();
    assert!(report.error.is_none(), "{report:?}");
}

fn bare(stage: &Stage) {
    std::thread::scope(|scope| {
        for first in 0..4_i32 {
            scope.spawn(move || while batch(stage, first) {});
        }
    });
}

/// Runs one transaction on the four shards from `4 * first`; returns `false` if nothing is left in
/// them.
fn batch(stage: &Stage, first: i32) -> bool {
    let mut connection = stage.pool.get().expect("a connection");
    let tx = connection.transaction().expect("a transaction");
    let claim = "SELECT pg_try_advisory_xact_lock(1, $1)";
    tx.query(claim, &[&first]).expect("a lock");
    let read = "SELECT o.* FROM generate_series($1 * 4, $1 * 4 + 3) s CROSS JOIN LATERAL \
                (SELECT * FROM rws_kafka.outbox WHERE shard = s ORDER BY id LIMIT $2) o";
    let rows = tx.query(read, &[&first, &(BATCH / 4)]).expect("rows");
    let shards: Vec<i16> = rows.iter().map(|row| row.get("shard")).collect();
    let ids: Vec<i64> = rows.iter().map(|row| row.get("id")).collect();
    let delete = "DELETE FROM rws_kafka.outbox o USING unnest($1::int2[], $2::int8[]) \
                  AS d(shard, id) WHERE o.shard = d.shard AND o.id = d.id";
    tx.execute(delete, &[&shards, &ids]).expect("a delete");
    tx.commit().expect("a commit");
    !rows.is_empty()
}
