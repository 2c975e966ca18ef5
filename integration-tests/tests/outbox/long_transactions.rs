use crate::support::Scene;
use integration_tests::{SOON, TopicRecord, eventually, soon};
use rws_kafka::outbox::Outbox;

/// Fills the outbox as `enqueue` would, in one statement; 1,000 keys.
fn fill(scene: &Scene<'_>, events: usize) {
    scene.sql(&format!(
        "INSERT INTO rws_kafka.outbox (shard, lane, message_id, topic, key, payload) \
         SELECT (lane & 15)::int2, lane, gen_random_uuid(), '{}', key::text::bytea, 'x' \
         FROM (SELECT n % 1000 AS key, hashtextextended((n % 1000)::text, 0) AS lane \
         FROM generate_series(1, {events}) n) e",
        scene.topic
    ));
}

/// Deleted rows stay while an older snapshot may need them. A batch must not scan all rows that
/// were sent before it.
#[test]
fn what_was_sent_is_not_read_again_beside_a_long_transaction() {
    const EVENTS: usize = 100_000;
    let scene = Scene::new(4);
    fill(&scene, EVENTS);
    let mut connection = scene.pool.get().expect("a connection");
    let long = connection.transaction().expect("a transaction");
    long.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", &[])
        .expect("a level");
    long.query("SELECT count(*) FROM rws_kafka.outbox", &[])
        .expect("a snapshot");
    let read = || -> usize {
        let sql = "SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes \
                   WHERE indexrelname = 'outbox_pkey'";
        scene.sql(sql).parse().expect("a number")
    };
    let before = read();
    let relay = scene.relay().start(20);
    eventually(2 * SOON, || relay.status().published == EVENTS as u64);
    relay.stop();
    assert!(relay.join().is_clean());
    // A session reports its reads within a second, or when it ends.
    drop(relay_connections(&scene));
    soon(|| read() - before >= EVENTS);
    let read = read() - before;
    println!("{read} rows read for {EVENTS} events");
    // Each at its read and at its delete, and what was deleted in the last moments: 5 to 17 times.
    // Scanning all earlier rows would be more than 50 times.
    assert!(read < 30 * EVENTS, "{read} rows read for {EVENTS} events");
    long.rollback().expect("an end");
}

/// Ends the unused sessions of the pool.
fn relay_connections(scene: &Scene<'_>) -> String {
    scene.sql(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE datname = current_database() AND state = 'idle'",
    )
}

/// While the relay is in the middle of a backlog, with events of higher ids sent already.
#[test]
fn an_event_that_commits_late_under_load_goes_before_its_successor() {
    let scene = Scene::new(4);
    let topic = scene.topic.as_str();
    let relay = scene.relay().batch_size(200).start(20);
    for round in 0..5_u64 {
        let key = format!("late-{round}");
        let mut connection = scene.pool.get().expect("a connection");
        let mut late = connection.transaction().expect("a transaction");
        Outbox::new(&mut late)
            .enqueue_keyed(topic, &key, "1")
            .expect("an event");
        fill(&scene, 20_000);
        let sent = round * 20_002;
        soon(|| relay.status().published > sent + 10_000);
        late.commit().expect("a commit");
        let mut connection = scene.pool.get().expect("a connection");
        let mut next = connection.transaction().expect("a transaction");
        Outbox::new(&mut next)
            .enqueue_keyed(topic, &key, "2")
            .expect("an event");
        next.commit().expect("a commit");
        eventually(2 * SOON, || relay.status().published == sent + 20_002);
    }
    let found = scene.read();
    for round in 0..5 {
        let key = Some(format!("late-{round}"));
        let texts: Vec<String> = found
            .iter()
            .filter(|read| read.key_text() == key)
            .map(TopicRecord::payload_text)
            .collect();
        assert_eq!(texts, ["1", "2"], "round {round}");
    }
}
