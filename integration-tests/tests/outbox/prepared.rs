use crate::support::Scene;
use integration_tests::soon;
use rws_kafka::outbox::{Outbox, Schema, migrate};
use std::error::Error;
use tokio::runtime::Builder;

/// The events' statements that the session of a connection keeps.
const KEPT: &str = "SELECT count(*) FROM pg_prepared_statements \
    WHERE statement LIKE 'INSERT INTO %.outbox%'";

#[test]
fn a_blocking_outbox_prepares_once_for_a_connection() -> Result<(), Box<dyn Error>> {
    let scene = Scene::new(1);
    let schema = Schema::new("events_2")?;
    let plain = scene.pool.clone().with_schema(schema);
    migrate(&plain)?;
    let prepared = plain.clone().with_prepared_statements();
    for (pool, expected) in [(&plain, 0), (&prepared, 1)] {
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
    let relay = rws_kafka::outbox::OutboxRelay::new(scene.producer(), &prepared);
    let _relay = relay.start(20);
    soon(|| scene.read().len() == 12);
    Ok(())
}

#[test]
fn async_code_asks_for_it_and_a_failed_statement_is_no_end() -> Result<(), Box<dyn Error>> {
    let scene = Scene::new(1);
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
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
