use crate::support::Scene;
use integration_tests::{Kafka, Postgres, soon, throughout};
use rws_kafka::Observer;
use rws_kafka::observe::OutboxState;
use rws_kafka::outbox::Outbox;
use std::time::Duration;

const STALLED: &str = r#"{"status":"degraded","kafka_producer":null,"kafka_consumer_lag":null,"kafka_outbox":"stalled"}"#;
const OK: &str = r#"{"status":"ok","kafka_producer":null,"kafka_consumer_lag":null}"#;

fn enqueue(scene: &Scene<'_>) {
    let mut connection = scene.pool.get().expect("a connection");
    let mut tx = connection.transaction().expect("a transaction");
    let outbox = Outbox::new(&mut tx);
    let event = outbox.enqueue_keyed(&scene.topic, "key", "event");
    event.expect("an event");
    tx.commit().expect("a commit");
}

/// Returns a relay that counts as stalled after a second, and what it reports to.
fn relay(scene: &Scene<'_>) -> (rws_kafka::outbox::RelayHandle, Observer) {
    let observer = Observer::new();
    let relay = scene
        .relay()
        .stall_timeout(Duration::from_secs(1))
        .observer(observer.clone())
        .start(20);
    (relay, observer)
}

#[test]
fn a_relay_without_its_database_is_not_ready_until_it_is_back() {
    let postgres = Postgres::start();
    let scene = Scene::on(Kafka::shared(), &postgres, 1);
    let (relay, observer) = relay(&scene);
    enqueue(&scene);
    soon(|| relay.status().published == 1);
    assert_eq!(observer.readiness().to_json(), OK);
    let backlog = || observer.render().contains("rws_kafka_outbox_backlog{");
    soon(backlog);
    postgres.kill();
    soon(|| observer.readiness().to_json() == STALLED);
    soon(|| !backlog());
    postgres.restart();
    soon(backlog);
    soon(|| observer.readiness().to_json() == OK);
    enqueue(&scene);
    soon(|| relay.status().published == 2);
    relay.stop();
    assert!(relay.join().is_clean());
    assert_eq!(observer.readiness().outbox(), None);
}

#[test]
fn a_relay_that_cannot_have_the_shards_is_not_ready_while_nobody_publishes() {
    let scene = Scene::new(1);
    let (relay, observer) = relay(&scene);
    // As if a relay's machine had failed while its session still exists.
    let mut connection = scene.pool.get().expect("a connection");
    let tx = connection.transaction().expect("a transaction");
    let locks = "SELECT pg_advisory_xact_lock('rws_kafka.outbox'::regclass::oid::int4, s) \
                 FROM generate_series(0, 15) s";
    tx.query(locks, &[]).expect("the locks");
    enqueue(&scene);
    soon(|| observer.readiness().to_json() == STALLED);
    assert_eq!(relay.status().published, 0);
    let owned = "rws_kafka_outbox_shard_owner{schema=\"rws_kafka\",shard=\"";
    let page = observer.render();
    let owner: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with(owned))
        .collect();
    assert!(owner.iter().all(|line| line.ends_with(" 0")), "{owner:?}");
    tx.rollback().expect("an end");
    soon(|| relay.status().published == 1);
    soon(|| observer.readiness().to_json() == OK);
    let page = observer.render();
    let mut owner = page.lines().filter(|line| line.starts_with(owned));
    assert!(owner.any(|line| line.ends_with(" 1")), "{page}");
}

#[test]
fn a_relay_without_tables_is_not_ready_until_they_are_there() {
    let postgres = Postgres::shared();
    let scene = Scene::on(Kafka::shared(), postgres, 1);
    scene.sql("DROP SCHEMA rws_kafka CASCADE");
    let (relay, observer) = relay(&scene);
    soon(|| observer.readiness().outbox() == Some(OutboxState::Stalled));
    let trouble = relay.status().trouble.expect("a reason");
    assert!(trouble.contains("call migrate()"), "{trouble}");
    rws_kafka::outbox::migrate(&scene.pool).expect("the tables");
    enqueue(&scene);
    soon(|| relay.status().published == 1);
    soon(|| observer.readiness().is_ready());
}

#[test]
fn a_relay_that_time_does_not_mend_is_not_ready_though_nobody_holds_its_handle() {
    let scene = Scene::new(1);
    scene.sql("INSERT INTO rws_kafka.version (version, oldest_beside) VALUES (3, 3)");
    let (relay, observer) = relay(&scene);
    drop(relay);
    soon(|| observer.readiness().to_json() == STALLED);
    // It has ended, and is not just waiting.
    let backlog = || observer.render().contains("rws_kafka_outbox_backlog{");
    soon(|| !backlog());
    throughout(Duration::from_secs(2), || {
        assert_eq!(observer.readiness().to_json(), STALLED);
    });
}

#[test]
fn a_stop_does_not_wait_for_a_database_that_does_not_answer() {
    let scene = Scene::new(1);
    let relay = scene.relay().start(20);
    let mut connection = scene.pool.get().expect("a connection");
    let tx = connection.transaction().expect("a transaction");
    tx.execute("LOCK TABLE rws_kafka.outbox", &[])
        .expect("a lock");
    let waiting = "SELECT count(*) FROM pg_stat_activity \
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    soon(|| scene.sql(waiting) != "0");
    // The deadline of a statement is 30 s.
    let report = relay.stop_within(Duration::from_secs(10));
    assert!(report.is_clean(), "{report:?}");
}
