use crate::support::Scene;
use deadpool_postgres::Manager;
use integration_tests::soon;
use rws_kafka::outbox::{Outbox, Pool, Schema, migrate};
use std::error::Error;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::NoTls;

/// The events' statements that the session of a connection keeps.
const KEPT: &str = "SELECT count(*) FROM pg_prepared_statements \
    WHERE statement LIKE 'INSERT INTO %.outbox%'";

fn runtime() -> Runtime {
    let runtime = Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime")
}

/// Enqueues an event in a transaction of a connection of `pool`, and returns how many statements it kept.
fn kept_by(pool: &Pool, topic: &str) -> Result<i64, Box<dyn Error>> {
    let mut connection = pool.get()?;
    let mut tx = connection.transaction()?;
    Outbox::new(&mut tx).enqueue(topic, "1")?;
    let kept = tx.query(KEPT, &[])?[0].get(0);
    tx.commit()?;
    Ok(kept)
}

#[test]
fn a_blocking_outbox_prepares_once_for_a_connection() -> Result<(), Box<dyn Error>> {
    let scene = Scene::new(1);
    let schema = Schema::new("events_2")?;
    let detected = scene.pool.clone().with_schema(schema);
    migrate(&detected)?;
    let never = Pool::from_url(&scene.url, None)?.with_schema(Schema::new("events_2")?);
    let never = never.without_prepared_statements();
    let always = detected.clone().with_prepared_statements();
    for (pool, expected) in [(&never, 0), (&detected, 1), (&always, 1)] {
        let mut connection = pool.get()?;
        for number in 0..3 {
            let mut tx = connection.transaction()?;
            let outbox = Outbox::new(&mut tx);
            outbox.enqueue_keyed(&scene.topic, "k", number.to_string())?;
            outbox.enqueue_with_headers(&scene.topic, "k", "with one", [("name", "value")])?;
            let kept: i64 = tx.query(KEPT, &[])?[0].get(0);
            assert_eq!(kept, expected, "in transaction {number}");
            tx.commit()?;
        }
    }
    let relay = rws_kafka::outbox::OutboxRelay::new(scene.producer(), &detected);
    let _relay = relay.start(20);
    soon(|| scene.read().len() == 18);
    Ok(())
}

#[test]
fn async_code_asks_for_it_and_a_failed_statement_is_no_end() -> Result<(), Box<dyn Error>> {
    let scene = Scene::new(1);
    runtime().block_on(async {
        let mut client = scene.pool.as_async().get().await?;
        for expected in [1_i64, 1] {
            let mut tx = client.transaction().await?;
            let outbox = Outbox::new(&mut tx).prepared();
            outbox.enqueue(&scene.topic, "1").await?;
            let kept: i64 = tx.query_one(KEPT, &[]).await?.get(0);
            assert_eq!(kept, expected);
            tx.commit().await?;
        }
        // An error of the database fails this transaction, but not the next one.
        let mut tx = client.transaction().await?;
        let text_with_nul = "k\0";
        let refused = tx.execute("SELECT $1::text", &[&text_with_nul]).await;
        assert!(refused.is_err());
        let outbox = Outbox::new(&mut tx).prepared();
        assert!(
            outbox
                .enqueue(&scene.topic, "of a failed transaction")
                .await
                .is_err()
        );
        tx.rollback().await?;
        let mut tx = client.transaction().await?;
        Outbox::new(&mut tx)
            .prepared()
            .enqueue(&scene.topic, "2")
            .await?;
        tx.commit().await?;
        Ok::<_, Box<dyn Error>>(())
    })?;
    let _relay = scene.relay().start(20);
    soon(|| scene.backlog() == 0);
    assert_eq!(scene.read().len(), 3);
    Ok(())
}

#[test]
fn async_code_on_a_direct_connection_need_not_ask() -> Result<(), Box<dyn Error>> {
    let scene = Scene::new(1);
    runtime().block_on(async {
        let mut client = scene.pool.as_async().get().await?;
        let mut tx = client.transaction().await?;
        let outbox = Outbox::new(&mut tx).unprepared();
        outbox.enqueue(&scene.topic, "1").await?;
        let kept: i64 = tx.query_one(KEPT, &[]).await?.get(0);
        assert_eq!(kept, 0);
        Outbox::new(&mut tx).enqueue(&scene.topic, "2").await?;
        let kept: i64 = tx.query_one(KEPT, &[]).await?.get(0);
        assert_eq!(kept, 1);
        tx.commit().await?;
        Ok(())
    })
}

#[test]
fn what_the_user_says_of_a_pooler_is_believed() -> Result<(), Box<dyn Error>> {
    let scene = Scene::new(1);
    let told = Pool::from_url(&format!("{}?pgbouncer=true", scene.url), None)?;
    assert_eq!(kept_by(&told, &scene.topic)?, 0);
    // The connections of a pool of the user's own are not examined.
    let manager = Manager::new(scene.url.parse()?, NoTls);
    let own = Pool::from(deadpool_postgres::Pool::builder(manager).build()?);
    assert_eq!(kept_by(&own, &scene.topic)?, 0);
    assert_eq!(kept_by(&own.with_prepared_statements(), &scene.topic)?, 1);
    Ok(())
}

#[test]
fn blocking_code_may_remove_all_prepared_statements() -> Result<(), Box<dyn Error>> {
    let scene = Scene::new(1);
    let always = Pool::from_url(&scene.url, None)?.with_prepared_statements();
    for pool in [&scene.pool, &always] {
        let mut connection = pool.get()?;
        for _ in 0..2 {
            let mut tx = connection.transaction()?;
            Outbox::new(&mut tx).enqueue(&scene.topic, "before")?;
            tx.execute("DEALLOCATE ALL", &[])?;
            Outbox::new(&mut tx).enqueue(&scene.topic, "after")?;
            tx.commit()?;
        }
    }
    assert_eq!(scene.backlog(), 8);
    Ok(())
}

/// What cannot be noticed beforehand: it is a single failure, and nothing of it is committed.
#[test]
fn async_code_that_discards_all_fails_once() -> Result<(), Box<dyn Error>> {
    let scene = Scene::new(1);
    runtime().block_on(async {
        let mut client = scene.pool.as_async().get().await?;
        for fails in [false, true, false, false] {
            let mut tx = client.transaction().await?;
            let enqueued = Outbox::new(&mut tx).enqueue(&scene.topic, "1").await;
            assert_eq!(enqueued.is_err(), fails, "{enqueued:?}");
            if fails {
                tx.rollback().await?;
            } else {
                tx.commit().await?;
            }
            client.batch_execute("DISCARD ALL").await?;
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    assert_eq!(scene.backlog(), 3);
    Ok(())
}
