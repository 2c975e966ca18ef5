use crate::support::Scene;
use integration_tests::{
    Kafka, Postgres, SOON, TopicRecord, eventually, eventually_some, soon, unique_topic,
};
use rws_kafka::Observer;
use rws_kafka::outbox::{OnRefusal, Outbox, OutboxError, TroubledState, discard, list, requeue};
use std::time::{Duration, Instant};

fn enqueue(scene: &Scene<'_>, events: &[(&str, &str, String)]) {
    let mut connection = scene.pool.get().expect("a connection");
    let mut tx = connection.transaction().expect("a transaction");
    let outbox = Outbox::new(&mut tx);
    for (topic, key, payload) in events {
        let enqueued = outbox.enqueue_keyed(topic, key, payload);
        enqueued.expect("an event");
    }
    tx.commit().expect("a commit");
}

fn texts(read: &[TopicRecord]) -> Vec<String> {
    let mut texts: Vec<String> = read.iter().map(TopicRecord::payload_text).collect();
    texts.sort_unstable();
    texts
}

/// Returns a topic that accepts up to 2,000 bytes per message.
fn narrow(scene: &Scene<'_>) -> String {
    let topic = unique_topic("narrow");
    scene
        .kafka
        .create_topic_with(&topic, 1, &[("max.message.bytes", "2000")]);
    topic
}

#[test]
fn a_refused_event_holds_back_its_key_and_no_other() {
    let scene = Scene::new(1);
    let topic = narrow(&scene);
    let large = "x".repeat(5000);
    enqueue(
        &scene,
        &[
            (&topic, "a", "a1".into()),
            (&topic, "a", large),
            (&topic, "a", "a3".into()),
            (&topic, "b", "b1".into()),
            (&scene.topic, "a", "other topic".into()),
        ],
    );
    let relay = scene.relay().start(20);
    // Compared as a whole: a3 must not be there.
    soon(|| scene.backlog() == 2 && relay.status().refused > 1);
    assert_eq!(texts(&scene.kafka.read(&topic)), ["a1", "b1"]);
    assert_eq!(texts(&scene.read()), ["other topic"]);

    let refused = list(&scene.pool, 10).expect("a list");
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].state, TroubledState::Blocking);
    let why = refused[0].last_error.as_deref().expect("a reason");
    assert!(why.contains("too large"), "{why}");

    assert!(requeue(&scene.pool, refused[0].message_id).expect("an answer"));
    let before = relay.status().refused;
    soon(|| relay.status().refused > before);
    assert_eq!(
        scene.backlog(),
        2,
        "requeued, refused again, and a3 still waits"
    );

    assert!(discard(&scene.pool, refused[0].message_id).expect("an answer"));
    assert!(!discard(&scene.pool, refused[0].message_id).expect("an answer"));
    soon(|| scene.backlog() == 0);
    assert_eq!(texts(&scene.kafka.read(&topic)), ["a1", "a3", "b1"]);
}

#[test]
fn a_poison_event_is_parked_where_that_is_asked_for_and_can_be_requeued() {
    let scene = Scene::new(1);
    let topic = narrow(&scene);
    enqueue(
        &scene,
        &[(&topic, "a", "x".repeat(5000)), (&topic, "a", "a2".into())],
    );
    let observer = Observer::new();
    let relay = scene.relay().on_refusal(OnRefusal::Park);
    let relay = relay.observer(observer.clone()).start(20);
    soon(|| scene.backlog() == 0);
    assert_eq!(texts(&scene.kafka.read(&topic)), ["a2"]);
    let parked = list(&scene.pool, 10).expect("a list");
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert_eq!(parked[0].state, TroubledState::Parked);
    soon(|| relay.status().parked == 1);
    // The backlog is counted every five seconds.
    for line in [
        "parked_total{schema=\"rws_kafka\"} 1",
        "published_total{schema=\"rws_kafka\"} 1",
        "backlog{schema=\"rws_kafka\"} 0",
        "publish_latency_ms_count{schema=\"rws_kafka\"} 1",
        "batch_size_sum{schema=\"rws_kafka\"} 3",
    ] {
        let line = format!("rws_kafka_outbox_{line}");
        soon(|| observer.render().contains(&line));
    }

    assert!(requeue(&scene.pool, parked[0].message_id).expect("an answer"));
    soon(|| relay.status().parked == 2);
    let again = list(&scene.pool, 10).expect("a list");
    assert_eq!(again[0].message_id, parked[0].message_id, "its id stays");
}

#[test]
fn a_topic_that_does_not_exist_holds_back_no_other() {
    let kafka = Kafka::start_with(&[("auto.create.topics.enable", "false")]);
    let scene = Scene::on(&kafka, Postgres::shared(), 1);
    let missing = unique_topic("missing");
    enqueue(
        &scene,
        &[
            (&missing, "a", "waits".into()),
            (&scene.topic, "a", "goes on".into()),
        ],
    );
    let relay = scene.relay().start(20);
    soon(|| scene.read().len() == 1);
    let error = eventually_some(SOON, || {
        let refused = list(&scene.pool, 1).expect("a list").pop()?;
        refused.last_error
    });
    assert!(error.contains("does not exist"), "{error}");
    // While it keeps being refused, others are published.
    enqueue(&scene, &[(&scene.topic, "b", "later".into())]);
    soon(|| scene.read().len() == 2);

    kafka.create_topic(&missing, 1);
    eventually(3 * SOON, || scene.backlog() == 0);
    assert_eq!(texts(&kafka.read(&missing)), ["waits"]);
    relay.stop();
    assert!(relay.join().error.is_none());
}

#[test]
fn an_oversized_payload_is_refused_at_enqueue() -> Result<(), OutboxError> {
    let scene = Scene::new(1);
    let mut connection = scene.pool.get()?;
    let mut tx = connection.transaction()?;
    let outbox = Outbox::new(&mut tx);
    let refused = outbox.enqueue(&scene.topic, vec![0; 1_000_000]);
    assert!(
        matches!(refused, Err(OutboxError::TooLarge { .. })),
        "{refused:?}"
    );
    // The database was not involved, so the transaction continues.
    outbox.enqueue(&scene.topic, vec![b'x'; 999_000])?;
    tx.commit()?;
    let _relay = scene.relay().start(20);
    soon(|| scene.backlog() == 0);
    assert_eq!(scene.read().len(), 1);
    Ok(())
}

#[test]
fn a_broker_that_is_down_costs_no_event_an_attempt() {
    let kafka = Kafka::start_for_kill();
    let scene = Scene::on(&kafka, Postgres::shared(), 1);
    let relay = scene.relay().start(20);
    enqueue(&scene, &[(&scene.topic, "a", "before".into())]);
    soon(|| scene.backlog() == 0);
    kafka.kill();
    let numbers: Vec<String> = (0..100).map(|number| format!("{number:03}")).collect();
    let events: Vec<_> = numbers
        .iter()
        .map(|number| (scene.topic.as_str(), "a", number.clone()))
        .collect();
    enqueue(&scene, &events);
    let begun = Instant::now();
    // This is the tested outage, not a wait for anything.
    eventually(2 * SOON, || begun.elapsed() > Duration::from_secs(60));
    assert_eq!(scene.backlog(), 100);
    kafka.restart();
    eventually(2 * SOON, || scene.backlog() == 0);
    assert_eq!(relay.status().refused, 0);
    let found = scene.read();
    let mut expected = vec!["before".to_owned()];
    expected.extend(numbers);
    let found: Vec<String> = found.iter().map(TopicRecord::payload_text).collect();
    assert_eq!(found, expected, "in order, each once");
}
