//! The snippets of the roadmap's items 6 and 7, as they are written there.

use crate::support::Scene;
use integration_tests::jobs::Job;
use integration_tests::{soon, unique};
use rws_kafka::dedup::MessageDeduplicator;
use rws_kafka::outbox::{Event, Outbox, OutboxError, OutboxRelay};
use rws_kafka::{HandlerError, KafkaConfig, KafkaConsumer, KafkaProducer, Observer};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn an_event_is_published_if_and_only_if_its_transaction_commits() -> Result<(), OutboxError> {
    let scene = Scene::new(1);
    scene.sql("CREATE TABLE orders (id bigint)");
    let (producer, db_pool) = (scene.producer(), scene.pool.clone());
    let topic = scene.topic.as_str();

    let mut connection = db_pool.get()?;
    let mut tx = connection.transaction()?;
    tx.execute("INSERT INTO orders VALUES ($1)", &[&1_i64])?;
    let outbox = Outbox::new(&mut tx);
    outbox.enqueue(topic, r#"{"order_id": 1}"#)?;
    tx.commit()?;

    let mut tx = connection.transaction()?;
    Outbox::new(&mut tx).enqueue(topic, "rolled back")?;
    tx.rollback()?;
    let mut tx = connection.transaction()?;
    Outbox::new(&mut tx).enqueue(topic, "dropped")?;
    drop(tx);

    let relay = OutboxRelay::new(producer, db_pool);
    let handle = relay.start(500);
    soon(|| scene.backlog() == 0);
    handle.stop();
    let report = handle.join();
    assert!(
        report.error.is_none() && report.abandoned_batches == 0,
        "{report:?}"
    );
    assert_eq!(report.published, 1);

    let found = scene.read();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].payload_text(), r#"{"order_id": 1}"#);
    Ok(())
}

#[test]
fn the_snippet_runs_with_its_settings_in_the_environment() {
    let scene = Scene::new(1);
    let job = Job::PublishByOutbox {
        topic: scene.topic.clone(),
    };
    let program = job.program(env!("CARGO_BIN_EXE_child"));
    let mut service = program
        .env("RWS_CONFIG_KAFKA_BROKERS", scene.kafka.bootstrap())
        .env("DATABASE_URL", &scene.url)
        .start();
    let status = service.wait();
    assert!(status.success(), "{status}: {}", service.errors());
    let found = scene.read();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].payload_text(), r#"{"order_id": 1}"#);
}

#[test]
fn a_relay_without_its_settings_says_which() {
    let scene = Scene::new(1);
    // This process has no RWS_CONFIG_KAFKA_BROKERS.
    let refused = OutboxRelay::from_env(scene.producer(), &scene.pool);
    let error = refused.expect_err("no brokers are set");
    let source = error.source().expect("a cause").to_string();
    assert!(source.contains("brokers"), "{source}");
}

#[test]
fn keys_headers_and_tombstones_arrive_as_they_were_enqueued() -> Result<(), OutboxError> {
    let scene = Scene::new(1);
    let topic = scene.topic.as_str();
    let mut connection = scene.pool.get()?;
    let mut tx = connection.transaction()?;
    let outbox = Outbox::new(&mut tx);
    let id = outbox.enqueue_with_headers(topic, "k", "v", [("a", Some("1")), ("a", None)])?;
    outbox.enqueue_event(&Event::to(topic).key("gone"))?;
    outbox.enqueue_event(&Event::to(topic).payload(""))?;
    tx.commit()?;
    let relay = scene.relay().start(500);
    soon(|| scene.backlog() == 0);
    drop(relay);

    let found = scene.read();
    let of = |key: Option<&str>| {
        let mut found = found.iter();
        found
            .find(|read| read.key_text().as_deref() == key)
            .expect("a record")
    };
    let full = of(Some("k"));
    assert_eq!(full.payload_text(), "v");
    assert_eq!(full.headers[0], ("a".into(), Some(b"1".to_vec())));
    assert_eq!(full.headers[1], ("a".into(), None));
    assert_eq!(crate::support::id(full), id.to_string());
    assert_eq!(of(Some("gone")).payload, None);
    assert_eq!(of(None).payload_text(), "");
    Ok(())
}

#[test]
fn a_message_that_comes_twice_one_after_the_other_is_processed_once() {
    let scene = Scene::new(1);
    let producer: KafkaProducer = scene.producer();
    for _ in 0..2 {
        let headers = [("rws-message-id", "one")];
        let sent = producer.send_with_headers(&scene.topic, "k", "v", headers);
        sent.expect("room in the queue");
    }
    let (processed, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, ends) = (Arc::clone(&processed), Arc::clone(&done));
    let process = move |_: &str| -> Result<(), HandlerError> {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(())
    };
    let config = KafkaConfig::builder()
        .brokers(scene.kafka.bootstrap())
        .consumer_group(unique("group"))
        .build()
        .expect("valid settings");
    let config = rws_kafka::ConsumerConfig::from(config).observer(Observer::new());
    let consumer = KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([&scene.topic]))
        .expect("a consumer");
    let db_pool = scene.pool.clone();

    let dedup = MessageDeduplicator::from_db(db_pool).expect("a deduplicator");
    let handle = consumer.start(move |msg| {
        if dedup.is_duplicate(&msg)? {
            msg.commit()?;
            ends.fetch_add(1, Ordering::SeqCst);
            return Ok(());
        }
        process(msg.payload_str()?)?;
        dedup.mark_seen(&msg)?;
        msg.commit()
    });
    soon(|| done.load(Ordering::SeqCst) == 1);
    handle.stop();
    let _ = handle.join();
    assert_eq!(processed.load(Ordering::SeqCst), 1);
}
