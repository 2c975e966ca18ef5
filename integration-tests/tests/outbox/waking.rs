use crate::support::Scene;
use integration_tests::{SOON, eventually, soon};
use rws_kafka::outbox::{Outbox, OutboxError, Pool};

/// So long that a relay publishes only when it is notified of a commit.
const AN_HOUR: u64 = 3_600_000;

fn enqueue(pool: &Pool, topic: &str) -> Result<(), OutboxError> {
    let mut connection = pool.get()?;
    let mut tx = connection.transaction()?;
    Outbox::new(&mut tx).enqueue(topic, "event")?;
    tx.commit()
}

/// Waits until the relay has polled, found nothing, and sleeps for an hour.
fn until_it_sleeps(scene: &Scene<'_>) {
    let idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                AND application_name = 'rws-kafka-outbox' AND state = 'idle' \
                AND clock_timestamp() - state_change < interval '1 s'";
    soon(|| scene.sql(idle) != "0");
    eventually(2 * SOON, || scene.sql(idle) == "0");
}

#[test]
fn a_commit_in_the_same_process_is_published_at_once() -> Result<(), OutboxError> {
    let scene = Scene::new(1);
    let relay = scene.relay().start(AN_HOUR);
    for published in 1..=3 {
        enqueue(&scene.pool, &scene.topic)?;
        soon(|| relay.status().published == published);
    }
    Ok(())
}

#[test]
fn async_code_tells_the_relay_of_its_commit() {
    let scene = Scene::new(1);
    let relay = scene.relay().start(AN_HOUR);
    enqueue(&scene.pool, &scene.topic).expect("an event");
    soon(|| relay.status().published == 1);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut client = scene.pool.as_async().get().await.expect("a connection");
        let mut tx = client.transaction().await.expect("a transaction");
        let outbox = Outbox::new(&mut tx);
        outbox.enqueue(&scene.topic, "event").await.expect("an id");
        tx.commit().await.expect("a commit");
    });
    scene.pool.wake_relays();
    soon(|| relay.status().published == 2);
}

#[test]
fn a_relay_elsewhere_hears_of_a_commit_also_after_its_connection_was_lost()
-> Result<(), OutboxError> {
    let scene = Scene::new(1);
    let elsewhere = || Pool::from_url(&scene.url, None)?.with_notify();
    let writer = elsewhere()?;
    let relay = rws_kafka::outbox::OutboxRelay::new(scene.producer(), elsewhere()?).start(AN_HOUR);
    let listening = "SELECT count(*) FROM pg_stat_activity \
                     WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    soon(|| scene.sql(listening) == "1");
    until_it_sleeps(&scene);
    enqueue(&writer, &scene.topic)?;
    soon(|| relay.status().published == 1);

    let ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    scene.sql(ended);
    soon(|| scene.sql(listening) == "0");
    // No relay is notified of this event: the relay polls when it listens again.
    enqueue(&writer, &scene.topic)?;
    soon(|| relay.status().published == 2);
    soon(|| scene.sql(listening) == "1");
    until_it_sleeps(&scene);
    enqueue(&writer, &scene.topic)?;
    soon(|| relay.status().published == 3);
    relay.stop();
    assert!(relay.join().is_clean());
    soon(|| scene.sql(listening) == "0");
    Ok(())
}

#[test]
fn a_pool_that_does_not_tell_its_database_cannot_notify() {
    let scene = Scene::new(1);
    let given = Pool::from(scene.pool.as_async().clone());
    let error = given.with_notify().expect_err("no way to connect");
    assert!(error.to_string().contains("Pool::from_url"), "{error}");
}
