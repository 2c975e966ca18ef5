use crate::support::{Scene, id};
use integration_tests::{Kafka, Postgres, SOON, eventually_some, now_ms, soon, unique};
use rws_kafka::Observer;
use rws_kafka::outbox::{Outbox, OutboxRelay, Pool, RelayHandle};
use std::time::Duration;

const EVENTS: usize = 20;
const CANNOT_DELETE: &str = r#"{"status":"degraded","kafka_producer":null,"kafka_consumer_lag":null,"kafka_outbox":"cannot delete events"}"#;

fn enqueue(scene: &Scene<'_>) {
    let mut connection = scene.pool.get().expect("a connection");
    let mut tx = connection.transaction().expect("a transaction");
    let outbox = Outbox::new(&mut tx);
    for event in 0..EVENTS {
        let event = event.to_string();
        let enqueued = outbox.enqueue_keyed(&scene.topic, &event, &event);
        enqueued.expect("an event");
    }
    tx.commit().expect("a commit");
}

/// Returns a relay with a pool of its own, and what it reports to.
fn relay(scene: &Scene<'_>, url: &str) -> (RelayHandle, Observer) {
    let observer = Observer::new();
    let pool = Pool::from_url(url, None).expect("a valid URL");
    let relay = OutboxRelay::new(scene.producer(), pool)
        .observer(observer.clone())
        .start(20);
    (relay, observer)
}

/// Asserts that each event came once.
fn assert_each_came_once(scene: &Scene<'_>) {
    let found = scene.read();
    let mut ids: Vec<String> = found.iter().map(id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), found.len()), (EVENTS, EVENTS));
}

fn trouble(relay: &RelayHandle, words: &str) -> String {
    eventually_some(SOON, || {
        let trouble = relay.status().trouble?;
        trouble.contains(words).then_some(trouble)
    })
}

#[test]
fn a_database_that_is_read_only_by_default_settles_all_the_same() {
    let scene = Scene::new(1);
    enqueue(&scene);
    // As old as a topic's retention: the time of a record is the one at which it was published.
    scene.sql("UPDATE rws_kafka.outbox SET created_at = created_at - interval '10 days'");
    let begun = now_ms();
    let name = scene.sql("SELECT current_database()");
    scene.sql(&format!(
        "ALTER DATABASE {name} SET default_transaction_read_only = on"
    ));
    let (relay, observer) = relay(&scene, &scene.url);
    soon(|| relay.status().published == EVENTS as u64);
    assert_eq!(scene.backlog(), 0);
    assert_each_came_once(&scene);
    assert!(observer.readiness().is_ready());
    for record in scene.kafka.read(&scene.topic) {
        let timestamp = record.timestamp_ms.expect("a timestamp");
        assert!(timestamp >= begun - 60_000, "{timestamp}, from {begun} on");
    }
}

#[test]
fn a_relay_that_may_not_settle_sends_nothing_and_names_what_is_missing() {
    let scene = Scene::new(1);
    enqueue(&scene);
    let role = unique("relay").replace('-', "_");
    scene.sql(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA rws_kafka TO {role}; \
         GRANT SELECT ON ALL TABLES IN SCHEMA rws_kafka TO {role}"
    ));
    let (relay, observer) = relay(&scene, &scene.postgres.as_role(&scene.url, &role));
    for (missing, granted) in [
        (r#"DELETE on "rws_kafka".outbox, UPDATE on"#, "DELETE"),
        (
            r#"lacks UPDATE on "rws_kafka".outbox;"#,
            "UPDATE (attempts, last_error, retry_at)",
        ),
    ] {
        let trouble = trouble(&relay, missing);
        assert!(trouble.contains(&role), "{trouble}");
        soon(|| observer.readiness().to_json() == CANNOT_DELETE);
        scene.sql(&format!("GRANT {granted} ON rws_kafka.outbox TO {role}"));
    }
    soon(|| relay.status().published == EVENTS as u64);
    // If it had sent any before, they would have come twice.
    assert_each_came_once(&scene);
    soon(|| observer.readiness().is_ready());
    soon(|| relay.status().trouble.is_none());
    relay.stop();
    assert!(relay.join().is_clean());
    scene.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
fn what_cannot_be_deleted_is_sent_once_by_a_process() {
    for (fails, words) in [
        ("RAISE 'out of cheese'", "out of cheese"),
        // A DELETE that succeeds and does nothing.
        ("RETURN NULL", "row-level security"),
    ] {
        let scene = Scene::new(1);
        scene.sql(&format!(
            "CREATE SEQUENCE tries; CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM nextval('tries'); {fails}; END $$; \
             CREATE TRIGGER keep BEFORE DELETE ON rws_kafka.outbox FOR EACH ROW EXECUTE FUNCTION keep()"
        ));
        enqueue(&scene);
        let (relay, observer) = relay(&scene, &scene.url);
        trouble(&relay, words);
        // It tries to delete them again, and sends them no more.
        let tries = || scene.sql("SELECT last_value FROM tries");
        let many = 5 * EVENTS;
        soon(|| tries().parse::<usize>().expect("a number") > many);
        assert_eq!(relay.status().published, 0);
        assert_eq!(scene.backlog(), EVENTS as u64);
        if fails == "RETURN NULL" {
            soon(|| observer.readiness().to_json() == CANNOT_DELETE);
        }
        scene.sql("DROP TRIGGER keep ON rws_kafka.outbox");
        soon(|| scene.backlog() == 0);
        soon(|| relay.status().published == EVENTS as u64);
        assert_each_came_once(&scene);
        soon(|| relay.status().trouble.is_none());
        assert!(observer.readiness().is_ready());
    }
}

/// As after a commit whose response was lost: the relay does not know that the events were deleted.
#[test]
fn events_that_were_deleted_after_all_are_no_trouble() {
    let scene = Scene::new(1);
    scene.sql(
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$; \
         CREATE TRIGGER keep BEFORE DELETE ON rws_kafka.outbox FOR EACH ROW EXECUTE FUNCTION keep()",
    );
    enqueue(&scene);
    let observer = Observer::new();
    let relay = scene
        .relay()
        .stall_timeout(Duration::from_secs(1))
        .observer(observer.clone())
        .start(20);
    soon(|| observer.readiness().to_json() == CANNOT_DELETE);
    scene.sql("TRUNCATE rws_kafka.outbox");
    soon(|| relay.status().trouble.is_none());
    soon(|| observer.readiness().is_ready());
    assert_each_came_once(&scene);
}

#[test]
fn rows_that_an_operator_locks_are_sent_once() {
    let scene = Scene::new(1);
    enqueue(&scene);
    let mut connection = scene.pool.get().expect("a connection");
    let tx = connection.transaction().expect("a transaction");
    tx.query("SELECT FROM rws_kafka.outbox FOR UPDATE", &[])
        .expect("the locks");
    let (relay, _) = relay(&scene, &scene.url);
    trouble(&relay, "lock timeout");
    // Wait until each of its workers has failed once and tries again.
    let now = scene.sql("SELECT now()");
    let tries_again = format!(
        "SELECT bool_and(xact_start > '{now}') FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock'"
    );
    soon(|| scene.sql(&tries_again) == "t");
    tx.rollback().expect("an end");
    soon(|| scene.backlog() == 0);
    assert_each_came_once(&scene);
}

#[test]
fn a_standby_is_sent_nothing_of_until_it_is_promoted() {
    let postgres = Postgres::start();
    let scene = Scene::on(Kafka::shared(), &postgres, 1);
    enqueue(&scene);
    postgres.restart_as_standby();
    let (relay, observer) = relay(&scene, &scene.url);
    trouble(&relay, "the server is a standby");
    soon(|| observer.readiness().to_json() == CANNOT_DELETE);
    let refused = scene.pool.get().and_then(|mut connection| {
        let tx = connection.transaction()?;
        tx.execute("DELETE FROM rws_kafka.outbox", &[])
    });
    let refused = refused.expect_err("a standby accepts no writes");
    assert!(refused.is_retriable(), "{refused}");
    scene.sql("SELECT pg_promote()");
    soon(|| relay.status().published == EVENTS as u64);
    assert_each_came_once(&scene);
    soon(|| observer.readiness().is_ready());
    relay.stop();
    assert!(relay.stop_within(Duration::from_secs(10)).is_clean());
}
