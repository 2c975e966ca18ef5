use crate::support::Scene;
use integration_tests::{Kafka, Postgres, SOON, eventually, eventually_some, soon};
use rws_kafka::outbox::{Outbox, OutboxRelay};
use rws_kafka::{KafkaProducer, Observer, ProducerConfig};
use std::time::Duration;

/// Messages that were not acknowledged in time.
fn timed_out(observer: &Observer) -> u64 {
    let page = observer.render();
    let errors = "rws_kafka_produce_errors_total{";
    let counts = page.lines().filter(|line| line.starts_with(errors));
    let counts = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    counts.sum()
}

/// The broker answers again just after the events have timed out.
#[test]
fn what_timed_out_is_sent_again_when_the_broker_answers() {
    let kafka = Kafka::start();
    let scene = Scene::on(&kafka, Postgres::shared(), 1);
    let observer = Observer::new();
    let config = ProducerConfig::new(kafka.bootstrap()).expect("valid settings");
    let config = config
        .delivery_timeout(Duration::from_secs(2))
        .observer(observer.clone());
    let producer = KafkaProducer::new(config).expect("a producer");
    let relay = OutboxRelay::new(producer, &scene.pool).start(20);
    let enqueue = |events: std::ops::Range<usize>| {
        let mut connection = scene.pool.get().expect("a connection");
        let mut tx = connection.transaction().expect("a transaction");
        let outbox = Outbox::new(&mut tx);
        for event in events {
            let event = event.to_string();
            let enqueued = outbox.enqueue_keyed(&scene.topic, &event, &event);
            enqueued.expect("an event");
        }
        tx.commit().expect("a commit");
    };
    enqueue(0..1);
    soon(|| relay.status().published == 1);

    kafka.pause();
    enqueue(1..40);
    // The broker does not answer.
    let trouble = eventually_some(SOON, || relay.status().trouble);
    assert!(trouble.contains("did not acknowledge events"), "{trouble}");
    assert!(!trouble.contains("cannot send any more"), "{trouble}");
    let before = timed_out(&observer);
    soon(|| timed_out(&observer) > before);
    kafka.unpause();
    // A held strand is skipped for a minute.
    eventually(SOON / 2, || scene.backlog() == 0);
    soon(|| relay.status().trouble.is_none());
}
