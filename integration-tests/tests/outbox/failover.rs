use crate::support::Scene;
use integration_tests::{Kafka, Postgres, TopicRecord, soon};
use rws_kafka::outbox::{Outbox, OutboxError, OutboxRelay, Pool, migrate};

const CONNECTIONS: usize = 8;
const EVENTS: usize = 47;

fn enqueue(pool: &Pool, topic: &str, event: &str) -> Result<(), OutboxError> {
    let mut connection = pool.get()?;
    let mut tx = connection.transaction()?;
    Outbox::new(&mut tx).enqueue(topic, event)?;
    tx.commit()
}

/// The first of two hosts becomes read-only and keeps its sockets open.
#[test]
fn connections_follow_the_server_that_takes_writes() {
    let first = Postgres::start();
    let scene = Scene::on(Kafka::shared(), &first, 1);
    let second = Postgres::shared();
    let url_of_second = second.create_database_as(&scene.url);
    migrate(&Pool::from_url(&url_of_second, None).expect("a valid URL")).expect("the tables");
    let pool = Pool::from_url(&first.or_on(&scene.url, second), None).expect("a valid URL");
    let relay = OutboxRelay::new(scene.producer(), &pool).start(20);
    // Idle connections to the first host.
    let used: Vec<_> = (0..CONNECTIONS).map(|_| pool.get()).collect();
    drop(used);
    enqueue(&pool, &scene.topic, "before").expect("the first takes writes");
    soon(|| relay.status().published == 1);

    scene.sql("ALTER SYSTEM SET default_transaction_read_only = on");
    scene.sql("SELECT pg_reload_conf()");
    soon(|| scene.sql("SHOW transaction_read_only") == "on");

    let mut failed = Vec::new();
    for event in 0..EVENTS {
        if let Err(error) = enqueue(&pool, &scene.topic, &event.to_string()) {
            assert!(error.is_retriable(), "{error:?}");
            failed.push(error);
        }
    }
    // Only connections that were open at that time get an error.
    assert!(failed.len() <= 1, "{failed:?}");
    let enqueued = EVENTS - failed.len();
    soon(|| relay.status().published == 1 + enqueued as u64);
    let left = second.psql(&url_of_second, "SELECT count(*) FROM rws_kafka.outbox");
    assert_eq!(left, "0");
    let found = scene.read();
    let mut texts: Vec<String> = found.iter().map(TopicRecord::payload_text).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), 1 + enqueued);
}
