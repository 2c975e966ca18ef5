use crate::support::Scene;
use integration_tests::{soon, unique};
use rws_kafka::dedup::{Claim, MessageDeduplicator};
use rws_kafka::outbox::{Outbox, OutboxError, Transaction};
use rws_kafka::{ConsumerConfig, HandlerError, KafkaConfig, KafkaConsumer, Observer};
use std::error::Error;
use std::sync::{Arc, Mutex};

const INSERT: &str = "INSERT INTO effects VALUES (1)";
const OTHER: &str = "INSERT INTO others VALUES (1)";

/// Returns a scene with a table that has a row 1 already, and with an empty one.
fn scene() -> Scene<'static> {
    let scene = Scene::new(1);
    scene.sql("CREATE TABLE effects (id int PRIMARY KEY); INSERT INTO effects VALUES (1)");
    scene.sql("CREATE TABLE others (id int)");
    scene
}

/// Handles one message until it succeeds, and returns the result of each attempt.
fn outcomes<F>(scene: &Scene<'static>, handler: F) -> Vec<Result<Claim, String>>
where
    F: Fn(&mut Transaction<'_>, usize) -> Result<(), HandlerError> + Send + Sync + 'static,
{
    let producer = scene.producer();
    let headers = [("rws-message-id", "one")];
    let sent = producer.send_with_headers(&scene.topic, "k", "v", headers);
    sent.expect("room in the queue");
    let config = KafkaConfig::builder()
        .brokers(scene.kafka.bootstrap())
        .consumer_group(unique("group"))
        .build()
        .expect("valid settings");
    let config = ConsumerConfig::from(config).observer(Observer::new());
    let dedup = MessageDeduplicator::from_db(&scene.pool).expect("a deduplicator");
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&outcomes);
    let (postgres, url) = (scene.postgres, scene.url.clone());
    let handle = KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([&scene.topic]))
        .expect("a consumer")
        .start(move |msg| {
            let times = told.lock().expect("no panic").len();
            let outcome = dedup.process_once(&msg, |tx| handler(tx, times));
            let claims = postgres.psql(&url, "SELECT count(*) FROM rws_kafka.seen");
            assert_eq!(claims, if outcome.is_ok() { "1" } else { "0" });
            let words = |error: &HandlerError| format!("{error:?}");
            let outcome_told = outcome.as_ref().map(|claim| *claim).map_err(words);
            told.lock().expect("no panic").push(outcome_told);
            outcome.map(drop)?;
            msg.commit()
        });
    let is_over = || matches!(outcomes.lock().expect("no panic").last(), Some(Ok(_)));
    soon(is_over);
    handle.stop();
    let _ = handle.join();
    outcomes.lock().expect("no panic").clone()
}

#[test]
fn a_handler_that_says_nothing_of_a_failed_statement_leaves_no_claim_and_has_it_again() {
    let scene = scene();
    let outcomes = outcomes(&scene, |tx, times| {
        tx.execute(OTHER, &[])?;
        if times == 0 {
            let refused = tx.execute(INSERT, &[]);
            assert!(refused.is_err());
        }
        Ok(())
    });
    assert_eq!(outcomes.len(), 2, "{outcomes:?}");
    let error = outcomes[0].as_ref().expect_err("nothing was committed");
    assert!(error.contains("25P02"), "{error}");
    assert_eq!(outcomes[1], Ok(Claim::First));
    assert_eq!(scene.sql("SELECT count(*) FROM others"), "1");
}

#[test]
fn what_is_rolled_back_to_a_savepoint_commits() {
    let scene = scene();
    let outcomes = outcomes(&scene, |tx, _| {
        tx.execute(OTHER, &[])?;
        tx.execute("SAVEPOINT one", &[])?;
        let refused = tx.execute(INSERT, &[]);
        assert!(refused.is_err());
        tx.execute("ROLLBACK TO SAVEPOINT one", &[])?;
        Ok(())
    });
    assert_eq!(outcomes, [Ok(Claim::First)]);
    assert_eq!(scene.sql("SELECT count(*) FROM others"), "1");
}

#[test]
fn an_event_is_not_lost_without_a_word_with_what_failed_beside_it() -> Result<(), Box<dyn Error>> {
    let scene = scene();
    let mut connection = scene.pool.get()?;
    let mut tx = connection.transaction()?;
    Outbox::new(&mut tx).enqueue(&scene.topic, "event")?;
    assert!(tx.query(INSERT, &[]).is_err());
    let error = tx.commit().expect_err("the event is not in the outbox");
    let OutboxError::Database { source, .. } = error else {
        panic!("{error:?}");
    };
    let code = source.code().map(|code| code.code());
    assert_eq!(code, Some("25P02"));
    assert_eq!(scene.backlog(), 0);
    // The connection remains usable.
    let mut tx = connection.transaction()?;
    Outbox::new(&mut tx).enqueue(&scene.topic, "event")?;
    tx.commit()?;
    assert_eq!(scene.backlog(), 1);
    Ok(())
}

#[test]
fn a_statement_on_a_table_of_ones_own_says_nothing_of_ours() -> Result<(), Box<dyn Error>> {
    let scene = scene();
    let mut connection = scene.pool.get()?;
    let tx = connection.transaction()?;
    let missing = tx.execute("UPDATE missing SET a = 1", &[]);
    let error = missing.expect_err("no such table");
    assert!(matches!(error, OutboxError::Database { .. }), "{error:?}");
    let cause = error.source().expect("a cause").to_string();
    assert!(
        !format!("{error}{cause}").contains("migrate"),
        "{error}: {cause}"
    );
    Ok(())
}
