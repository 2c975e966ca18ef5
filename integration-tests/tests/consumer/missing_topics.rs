//! Workers on topics that do not exist yet, on a broker that creates none by itself.

use integration_tests::{Journal, Kafka, soon, stop, unique, unique_topic};
use rws_kafka_config::{KafkaConfig, KafkaConfigBuilder};
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, ConsumerHandle, KafkaConsumer, Outputs};
use rws_kafka_observe::{ConsumerState, Observer};
use rws_kafka_producer::{ProducerConfig, Record};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The time within which a new topic is read.
const NOTICED: Duration = Duration::from_secs(20);

fn strict() -> &'static Kafka {
    static KAFKA: OnceLock<Kafka> = OnceLock::new();
    KAFKA.get_or_init(|| Kafka::start_with(&[("auto.create.topics.enable", "false")]))
}

fn config(
    observer: &Observer,
    change: impl FnOnce(KafkaConfigBuilder) -> KafkaConfigBuilder,
) -> ConsumerConfig {
    let config = KafkaConfig::builder()
        .brokers(strict().bootstrap())
        .consumer_group(unique("group"));
    let config = change(config).build().expect("valid settings");
    ConsumerConfig::from(config).observer(observer.clone())
}

fn missing(handle: &ConsumerHandle) -> Vec<String> {
    handle.status().missing_topics
}

fn body(observer: &Observer) -> String {
    observer.readiness().to_json()
}

/// Waits until the worker has handled what was sent to `topic` after its creation.
#[track_caller]
fn noticed(created: Instant, journal: &Journal, messages: usize) {
    soon(|| journal.of(0).len() == messages);
    let took = created.elapsed();
    assert!(took < NOTICED, "noticed after {took:?}");
}

fn send(topic: &str) {
    strict().kcat_with_input(&["-P", "-t", topic], b"one\n");
}

fn a_topic_that_is_missing_beside_one_that_is_not_and_two_that_are_missing(
    change: impl Fn(KafkaConfigBuilder) -> KafkaConfigBuilder,
) {
    let kafka = strict();
    let [there, late, later] = ["there", "late", "later"].map(unique_topic);
    kafka.create_topic(&there, 1);
    let both = [&there, &late].map(String::as_str);
    let none = [&late, &later].map(String::as_str);
    let workers = [both, none].map(|topics| {
        let observer = Observer::new();
        let journal = Journal::default();
        let notes = journal.clone();
        let handle = KafkaConsumer::new(config(&observer, &change))
            .and_then(|consumer| consumer.subscribe(topics))
            .expect("a consumer")
            .start(move |msg: ConsumerContext| {
                notes.note(&msg);
                msg.commit()
            });
        (observer, journal, handle)
    });
    let [(of_one, first, one), (of_two, second, two)] = &workers;

    soon(|| missing(one) == [late.clone()]);
    let mut names = vec![late.clone(), later.clone()];
    names.sort();
    soon(|| missing(two) == names);
    for observer in [of_one, of_two] {
        soon(|| body(observer).ends_with(r#""kafka_consumer":"missing topic"}"#));
        let readiness = observer.readiness();
        assert_eq!(readiness.consumer(), Some(ConsumerState::MissingTopic));
        assert!(!readiness.is_ready());
    }
    let error = two.status().last_error.expect("it says so").to_string();
    assert!(error.contains("UnknownTopicOrPartition"), "{error}");
    assert!(names.iter().all(|name| error.contains(name)), "{error}");
    let status = of_two.status();
    assert_eq!(status.consumers[0].missing_topics, names);
    // Existing topics are read meanwhile.
    send(&there);
    soon(|| first.of(0).len() == 1);

    kafka.create_topic(&late, 1);
    let created = Instant::now();
    send(&late);
    noticed(created, first, 2);
    noticed(created, second, 1);
    soon(|| of_one.readiness().is_ready());
    soon(|| missing(two) == [later.clone()]);

    kafka.create_topic(&later, 1);
    let created = Instant::now();
    send(&later);
    noticed(created, second, 2);
    soon(|| of_two.readiness().is_ready());
    stop(one);
    stop(two);
}

#[test]
fn missing_topics_are_named_and_found_once_they_are_there_classic() {
    a_topic_that_is_missing_beside_one_that_is_not_and_two_that_are_missing(|config| config);
}

#[test]
fn missing_topics_are_named_and_found_once_they_are_there_cooperative() {
    a_topic_that_is_missing_beside_one_that_is_not_and_two_that_are_missing(|config| {
        config.property("partition.assignment.strategy", "cooperative-sticky")
    });
}

#[test]
fn missing_topics_are_named_and_found_once_they_are_there_kip_848() {
    a_topic_that_is_missing_beside_one_that_is_not_and_two_that_are_missing(|config| {
        config.property("group.protocol", "consumer")
    });
}

#[test]
fn an_exactly_once_worker_names_its_missing_topic_and_finds_it() {
    let (late, sink) = (unique_topic("late"), unique_topic("sink"));
    let kafka = strict();
    kafka.create_topic(&sink, 1);
    let observer = Observer::new();
    let producer = ProducerConfig::new(kafka.bootstrap()).expect("valid settings");
    let to = sink.clone();
    let handle = KafkaConsumer::new(config(&observer, |config| config))
        .and_then(|consumer| consumer.subscribe([&late]))
        .expect("a consumer")
        .exactly_once(unique("transactions"))
        .producer(producer.observer(observer.clone()))
        .start(move |msg: ConsumerContext, out: &mut Outputs| {
            out.send_record(Record::to(&to).payload(msg.payload_str()?))?;
            Ok(())
        });
    soon(|| body(&observer).ends_with(r#""kafka_consumer":"missing topic"}"#));
    assert_eq!(missing(&handle), std::slice::from_ref(&late));
    kafka.create_topic(&late, 1);
    let created = Instant::now();
    send(&late);
    soon(|| kafka.read(&sink).len() == 1);
    assert!(created.elapsed() < NOTICED);
    soon(|| observer.readiness().is_ready());
    stop(&handle);
}

#[test]
fn a_topic_that_is_deleted_is_missing_until_it_is_there_again() {
    let kafka = strict();
    let topic = unique_topic("deleted");
    kafka.create_topic(&topic, 1);
    let observer = Observer::new();
    let handle = KafkaConsumer::new(config(&observer, |config| config))
        .and_then(|consumer| consumer.subscribe([&topic]))
        .expect("a consumer")
        .start(|msg: ConsumerContext| msg.commit());
    soon(|| observer.readiness().is_ready());
    kafka.delete_topic(&topic);
    soon(|| missing(&handle) == [topic.clone()]);
    soon(|| body(&observer).contains(r#""kafka_consumer":"missing topic""#));
    kafka.create_topic(&topic, 1);
    soon(|| observer.readiness().is_ready());
    stop(&handle);
}

#[test]
fn a_worker_that_is_asked_to_creates_what_is_missing_and_leaves_the_rest() {
    let kafka = strict();
    let [there, late] = ["there", "late"].map(unique_topic);
    kafka.create_topic(&there, 1);
    let observer = Observer::new();
    let journal = Journal::default();
    let notes = journal.clone();
    let handle = KafkaConsumer::new(config(&observer, |config| config))
        .and_then(|consumer| consumer.subscribe([&there, &late]))
        .expect("a consumer")
        .dead_letter_queue("{topic}.dlq")
        .create_missing_topics(3)
        .start(move |msg: ConsumerContext| {
            notes.note(&msg);
            msg.commit()
        });
    soon(|| observer.readiness().is_ready() && handle.status().assignment.len() == 4);
    for (topic, partitions) in [
        (there.clone(), 1),
        (late.clone(), 3),
        (format!("{there}.dlq"), 3),
        (format!("{late}.dlq"), 3),
    ] {
        assert_eq!(kafka.end_offset(&topic, partitions - 1), 0, "{topic}");
    }
    assert!(missing(&handle).is_empty());
    send(&there);
    soon(|| journal.of(0).len() == 1);
    stop(&handle);
    let refused = KafkaConsumer::new(config(&observer, |config| config))
        .and_then(|consumer| consumer.subscribe([&there]))
        .expect("a consumer")
        .create_missing_topics(0)
        .try_start(|msg: ConsumerContext| msg.commit());
    let error = refused.expect_err("no partitions").to_string();
    assert_eq!(
        error,
        "create_missing_topics is 0; a topic has at least 1 partition"
    );
}
