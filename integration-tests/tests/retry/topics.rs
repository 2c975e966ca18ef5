//! The creation of retry topics.

use crate::support::{Journal, Scene, as_told};
use integration_tests::{Kafka, SOON, SaslOptions, close, eventually, ready, soon, stop};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rws_kafka_config::{KafkaConfig, SaslMechanism, SecurityProtocol};
use rws_kafka_consumer::{ConsumerConfig, ConsumerHandle, HandlerError};
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig, Record};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Starts a broker that does not create topics automatically.
fn strict() -> Kafka {
    Kafka::start_with(&[("auto.create.topics.enable", "false")])
}

/// Returns how many partitions `topic` has; 0 where it does not exist.
fn partitions(scene: &Scene<'_>, topic: &str) -> usize {
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", scene.kafka.plain_bootstrap())
        .set("allow.auto.create.topics", "false")
        .create()
        .expect("a client");
    let metadata = client.fetch_metadata(Some(topic), SOON).expect("metadata");
    metadata.topics()[0].partitions().len()
}

/// Returns a producer that soon considers a topic missing.
fn hasty(scene: &Scene<'_>) -> KafkaProducer {
    let config = ProducerConfig::new(scene.kafka.bootstrap()).expect("valid settings");
    let config = config.property("topic.metadata.propagation.max.ms", "2000");
    KafkaProducer::new(config.observer(Observer::new())).expect("a producer")
}

fn last_error(handle: &ConsumerHandle) -> String {
    let error = handle.status().last_error;
    error.map_or_else(String::new, |error| error.to_string())
}

/// By default, librdkafka looks for new topics every five minutes: the worker does not depend on
/// it.
#[test]
fn they_are_created_and_read_soon_though_broker_and_topic_come_late() {
    let kafka = strict();
    let scene = Scene::without_topics(&kafka, 5);
    let journal = Journal::default();
    kafka.stop();
    let start = || {
        let config = scene.config();
        let config = config.property("topic.metadata.refresh.interval.ms", "300000");
        scene
            .consumer_of(config)
            .retry_topics([200, 400].map(Duration::from_millis))
            .dead_letter_queue("{topic}.dlq")
            .start(as_told(&journal))
    };
    // Both create them, and one is late.
    let handles = [start(), start()];
    kafka.restart();
    scene.kafka.create_topic(&scene.queue, 5);
    scene.kafka.create_topic(&scene.topic, 5);
    let retries = [200, 400].map(|delay| scene.retry(delay));
    soon(|| retries.iter().all(|retry| partitions(&scene, retry) == 5));
    scene.send((0..20).map(|it| format!("3-{it}")));
    soon(|| scene.records(&scene.queue) == 20);
    for handle in &handles {
        stop(handle);
    }
    assert_eq!(journal.len(), 60);
}

#[test]
fn without_them_what_is_put_off_waits_and_goes_on_once_they_are_there() {
    let kafka = strict();
    let scene = Scene::on(&kafka, 1);
    let journal = Journal::default();
    let retry = scene.retry(100);
    scene.send(["1", "0"]);
    let config = scene.config();
    let config = config.property("topic.metadata.refresh.interval.ms", "1000");
    let handle = scene
        .consumer_of(config)
        .retry_topics([Duration::from_millis(100)])
        .create_retry_topics(false)
        .dead_letter_queue("{topic}.dlq")
        .dead_letter_producer(hasty(&scene))
        .start(as_told(&journal));
    let expected = format!(
        "{}-0 offset 0 was not delivered to the retry topic {retry}",
        scene.topic
    );
    eventually(2 * SOON, || last_error(&handle) == expected);
    assert_eq!(partitions(&scene, &retry), 0);
    assert_eq!(
        (journal.len(), scene.is_committed(&scene.topic)),
        (1, false)
    );
    scene.kafka.create_topic(&retry, 1);
    eventually(2 * SOON, || {
        scene.is_committed(&scene.topic) && scene.records(&retry) == 1
    });
    eventually(2 * SOON, || scene.is_committed(&retry));
    stop(&handle);
    // The rebalance that brings the retry topic may have come first: it is handled again then.
    let given = journal.of("1");
    let last = given.last().expect("it was handled");
    assert_eq!((&last.topic, last.attempt), (&retry, 2), "{given:?}");
}

#[test]
fn the_right_that_is_missing_is_told_and_may_come_later() {
    const USER: &str = "user";
    const GUEST: &str = "guest";
    let kafka = Kafka::start_sasl_ssl(
        SaslOptions::new()
            .user(USER, "password")
            .user(GUEST, "password")
            .authorizer([USER]),
    );
    let scene = Scene::on(&kafka, 2);
    kafka.allow(GUEST, &["Read", "Describe"], &scene.topic);
    // A user without any write permission gets no producer id.
    kafka.allow(GUEST, &["Write"], &scene.retry(100));
    kafka.allow_group(GUEST, &["Read"], &scene.group);
    let config = KafkaConfig::builder()
        .brokers(kafka.bootstrap())
        .security_protocol(SecurityProtocol::SaslSsl)
        .sasl_mechanism(SaslMechanism::ScramSha256)
        .sasl_username(GUEST)
        .sasl_password("password")
        .ssl_ca_file(kafka.certificates().ca_file())
        .consumer_group(&scene.group)
        .build()
        .expect("valid settings");
    let config = ConsumerConfig::from(config).observer(scene.observer.clone());
    let journal = Journal::default();
    let handle = scene
        .consumer_of(config)
        .retry_topics([Duration::from_millis(100)])
        .start(as_told(&journal));
    ready(&handle);
    let retry = scene.retry(100);
    let wanted = format!("cannot create the retry topic {retry}");
    // Others come in between: the topic cannot be read, either.
    soon(|| {
        let errors = scene.observer.status().errors;
        let mut words = errors.iter().map(|error| error.message.as_str());
        words.any(|it| {
            it.starts_with(&wanted) && it.contains("needs the permission Create on the topic")
        })
    });
    kafka.allow(GUEST, &["Create", "Read", "Describe"], &retry);
    soon(|| partitions(&scene, &retry) == 2);
    scene.send(["1"]);
    soon(|| scene.records(&retry) == 1 && scene.is_committed(&retry));
    stop(&handle);
    assert_eq!(journal.len(), 2);
}

/// The broker's own default is 1 MiB.
#[test]
fn what_could_be_read_can_be_put_off_however_large_it_is() {
    let scene = Scene::without_topics(Kafka::shared(), 1);
    let large = [("max.message.bytes", "4000000")];
    scene.kafka.create_topic_with(&scene.topic, 1, &large);
    let handled = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&handled);
    let handle = scene
        .consumer_of(scene.config())
        .retry_topics([Duration::from_millis(100)])
        .start(move |msg| {
            let payload = msg.payload().unwrap_or_default();
            let seen = (msg.topic().to_owned(), payload.len());
            notes.lock().unwrap().push(seen);
            match msg.attempt() {
                1 => Err(HandlerError::new("busy")),
                _ => msg.commit(),
            }
        });
    let config = ProducerConfig::new(scene.kafka.bootstrap()).expect("valid settings");
    let config = config.property("message.max.bytes", "4000000");
    let producer = KafkaProducer::new(config.observer(Observer::new())).expect("a producer");
    let payload = vec![7; 2_000_000];
    let record = Record::to(&scene.topic).payload(&payload);
    producer.send_record(record).expect("room in the queue");
    close(&producer);
    let retry = scene.retry(100);
    soon(|| scene.records(&retry) == 1 && scene.is_committed(&retry));
    stop(&handle);
    let expected = [&scene.topic, &retry].map(|topic| (topic.clone(), payload.len()));
    assert_eq!(*handled.lock().unwrap(), expected);
    let settings = Kafka::shared().tool("kafka-configs", &["--describe", "--topic", &retry]);
    for wanted in ["cleanup.policy=delete", "retention.ms=604800100"] {
        assert!(settings.contains(wanted), "{settings}");
    }
}

#[test]
fn what_the_consumer_is_told_of_the_connection_by_properties_holds_for_their_creation() {
    const USER: &str = "user";
    let kafka = Kafka::start_sasl_ssl(SaslOptions::new().user(USER, "password"));
    let scene = Scene::on(&kafka, 2);
    let ca = kafka.certificates().ca_file().display().to_string();
    let config = [
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", "SCRAM-SHA-256"),
        ("sasl.username", USER),
        ("sasl.password", "password"),
        ("ssl.ca.location", &ca),
    ];
    let config = config
        .into_iter()
        .fold(scene.config(), |config, (name, value)| {
            config.property(name, value)
        });
    let handle = scene
        .consumer_of(config)
        .retry_topics([Duration::from_millis(100)])
        .dead_letter_producer(scene.producer())
        .start(as_told(&Journal::default()));
    soon(|| partitions(&scene, &scene.retry(100)) == 2);
    stop(&handle);
}
