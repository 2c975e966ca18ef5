use crate::support::Scene;
use integration_tests::{TopicRecord, soon};
use rws_kafka::outbox::{Event, Outbox, OutboxError};
use std::error::Error;
use tokio::runtime::Builder;

#[test]
fn async_code_enqueues_in_deadpools_transaction() -> Result<(), Box<dyn Error>> {
    let scene = Scene::new(1);
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut client = scene.pool.as_async().get().await?;
        let mut tx = client.transaction().await?;
        let outbox = Outbox::new(&mut tx);
        outbox.enqueue_keyed(&scene.topic, "k", "1").await?;
        outbox.enqueue(&scene.topic, "2").await?;
        tx.commit().await?;
        let blocking = scene.pool.get();
        assert!(matches!(blocking, Err(OutboxError::InAsyncTask { .. })));
        Ok::<_, Box<dyn Error>>(())
    })?;
    // Created on the runtime that ends here, and used by the relay afterwards.
    drop(runtime);
    let _relay = scene.relay().start(20);
    soon(|| scene.backlog() == 0);
    assert_eq!(scene.read().len(), 2);
    Ok(())
}

#[test]
fn ordered_enqueues_wait_for_each_other_and_do_not_deadlock() -> Result<(), OutboxError> {
    let scene = Scene::new(1);
    scene.sql("CREATE SEQUENCE turns");
    std::thread::scope(|scope| {
        let writers = [["a", "b"], ["b", "a"]].map(|keys| {
            let scene = &scene;
            scope.spawn(move || -> Result<(), OutboxError> {
                let mut connection = scene.pool.get()?;
                for _ in 0..200 {
                    let mut tx = connection.transaction()?;
                    let events = keys.map(|key| Event::to(&scene.topic).key(key).payload("locked"));
                    let outbox = Outbox::new(&mut tx);
                    outbox.enqueue_ordered(events)?;
                    // Numbered while both keys are locked, so that the order is that of the
                    // transactions.
                    let turn: i64 = tx.query("SELECT nextval('turns')", &[])?[0].get(0);
                    let outbox = Outbox::new(&mut tx);
                    for key in keys {
                        outbox.enqueue_keyed(&scene.topic, key, format!("{turn:05}"))?;
                    }
                    tx.commit()?;
                }
                Ok(())
            })
        });
        let mut writers = writers.into_iter();
        writers.try_for_each(|writer| writer.join().expect("no panic"))
    })?;
    let _relay = scene.relay().start(20);
    soon(|| scene.backlog() == 0);
    let found = scene.read();
    for key in ["a", "b"] {
        let of_key = found
            .iter()
            .filter(|read| read.key_text().as_deref() == Some(key));
        let turns: Vec<String> = of_key
            .map(TopicRecord::payload_text)
            .filter(|text| text != "locked")
            .collect();
        assert_eq!(turns.len(), 400);
        assert!(turns.is_sorted(), "{turns:?}");
    }
    Ok(())
}
