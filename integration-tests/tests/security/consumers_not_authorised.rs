//! Consumers that lack a permission: readiness names it at once, and they continue once it is
//! granted.

use crate::support::{GUEST, secured, settings};
use integration_tests::{SOON, eventually, soon, throughout, unique, unique_topic};
use rws_kafka_config::KafkaConfigBuilder;
use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, ConsumerHandle, KafkaConsumer, Outputs};
use rws_kafka_observe::Observer;
use rws_kafka_producer::ProducerConfig;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn config(group: &str) -> KafkaConfigBuilder {
    settings(secured())
        .sasl_username(GUEST)
        .consumer_group(group)
}

struct Worker {
    observer: Observer,
    handle: ConsumerHandle,
    handled: Arc<AtomicUsize>,
}

impl Worker {
    fn start(topics: &[&str], group: &str, property: Option<(&str, &str)>) -> Self {
        let observer = Observer::new();
        let mut config = config(group);
        if let Some((name, value)) = property {
            config = config.property(name, value);
        }
        let config = ConsumerConfig::from(config.build().expect("valid settings"));
        let handled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&handled);
        let handle = KafkaConsumer::new(config.observer(observer.clone()))
            .and_then(|consumer| consumer.subscribe(topics.to_vec()))
            .expect("a consumer")
            .start(move |msg: ConsumerContext| {
                count.fetch_add(1, Ordering::Relaxed);
                msg.commit()
            });
        Self {
            observer,
            handle,
            handled,
        }
    }

    /// Waits for the cause, which then stays.
    #[track_caller]
    fn is_refused(&self, cause: &str) {
        eventually(2 * SOON, || {
            self.observer.readiness().cause() == Some(cause)
        });
        stays_refused(&self.observer, cause);
        let json = self.observer.readiness().to_json();
        let field = format!(r#""cause":"{}""#, cause.replace('"', "\\\""));
        assert!(json.contains(&field), "{json}");
        assert_eq!(self.handle.status().cause.as_deref(), Some(cause));
        let error = self.handle.status().last_error.expect("the log has it");
        assert!(error.to_string().contains(cause), "{error}");
    }

    #[track_caller]
    fn goes_on(&self, messages: usize) {
        let end = Instant::now() + 2 * SOON;
        while self.handled.load(Ordering::Relaxed) != messages {
            let status = self.handle.status();
            assert!(
                Instant::now() < end,
                "{}: {status:?}",
                self.observer.readiness().to_json()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        let ready = || self.observer.readiness().is_ready();
        let end = Instant::now() + 2 * SOON;
        while !ready() {
            let json = self.observer.readiness().to_json();
            assert!(Instant::now() < end, "{json}: {:?}", self.handle.status());
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(self.handle.status().cause, None);
        assert!(self.handle.stop().is_clean());
    }
}

#[track_caller]
fn stays_refused(observer: &Observer, cause: &str) {
    throughout(Duration::from_secs(3), || {
        let readiness = observer.readiness();
        assert!(!readiness.is_ready(), "{readiness:?}");
        assert_eq!(readiness.cause(), Some(cause), "{readiness:?}");
    });
}

fn topic_with_a_message() -> String {
    let topic = unique_topic("rights");
    secured().create_topic(&topic, 1);
    secured().kcat_with_input(&["-P", "-t", &topic], b"one\n");
    topic
}

#[test]
fn a_topic_that_may_be_described_and_not_be_read() {
    let (kafka, topic, group) = (secured(), topic_with_a_message(), unique("group"));
    let other = topic_with_a_message();
    kafka.allow_group(GUEST, &["Read"], &group);
    kafka.allow(GUEST, &["Describe"], &topic);
    kafka.allow(GUEST, &["Read"], &other);
    let worker = Worker::start(&[&topic, &other], &group, None);
    worker.is_refused(&format!("User:guest needs Read on topic {topic:?}"));
    soon(|| worker.handled.load(Ordering::Relaxed) == 1);
    kafka.allow(GUEST, &["Read"], &topic);
    worker.goes_on(2);
}

fn a_topic_that_may_not_be_seen(protocol: &str) {
    let (kafka, topic, group) = (secured(), topic_with_a_message(), unique("group"));
    kafka.allow_group(GUEST, &["Read"], &group);
    let worker = Worker::start(&[&topic], &group, Some(("group.protocol", protocol)));
    worker.is_refused(&format!("User:guest needs Read on topic {topic:?}"));
    kafka.allow(GUEST, &["Read"], &topic);
    worker.goes_on(1);
}

#[test]
fn a_topic_that_may_not_be_seen_classic() {
    a_topic_that_may_not_be_seen("classic");
}

#[test]
fn a_topic_that_may_not_be_seen_kip_848() {
    a_topic_that_may_not_be_seen("consumer");
}

#[test]
fn a_group_that_may_not_be_joined() {
    for protocol in ["classic", "consumer"] {
        let (kafka, topic, group) = (secured(), topic_with_a_message(), unique("group"));
        kafka.allow(GUEST, &["Read"], &topic);
        let worker = Worker::start(&[&topic], &group, Some(("group.protocol", protocol)));
        worker.is_refused(&format!("User:guest needs Read on group {group:?}"));
        kafka.allow_group(GUEST, &["Read"], &group);
        worker.goes_on(1);
    }
}

#[test]
fn a_transactional_id_that_may_not_be_used() {
    let (kafka, topic, group) = (secured(), topic_with_a_message(), unique("group"));
    let (sink, id) = (unique_topic("sink"), unique("transactions"));
    kafka.create_topic(&sink, 1);
    kafka.allow_group(GUEST, &["Read"], &group);
    kafka.allow(GUEST, &["Read"], &topic);
    kafka.allow(GUEST, &["Write"], &sink);
    let observer = Observer::new();
    let config = config(&group).build().expect("valid settings");
    let producer = ProducerConfig::from(config.clone()).observer(observer.clone());
    let to = sink.clone();
    let handle = KafkaConsumer::new(ConsumerConfig::from(config).observer(observer.clone()))
        .and_then(|consumer| consumer.subscribe([&topic]))
        .expect("a consumer")
        .exactly_once(&id)
        .producer(producer)
        .start(move |msg: ConsumerContext, out: &mut Outputs| {
            out.send(&to, msg.payload_str()?)?;
            Ok(())
        });
    let end = Instant::now() + SOON;
    let cause = format!("User:guest needs Write and Describe on transactional id {id:?}");
    while observer.readiness().cause() != Some(&cause) {
        let readiness = observer.readiness();
        assert!(
            !readiness.is_ready(),
            "before its first transaction: {readiness:?}"
        );
        assert!(Instant::now() < end, "{readiness:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    stays_refused(&observer, &cause);
    kafka.allow_transactional_id(GUEST, &["Write"], &id);
    soon(|| kafka.read(&sink).len() == 1);
    soon(|| observer.readiness().is_ready());
    assert_eq!(handle.status().cause, None);
    assert!(handle.stop().is_clean());
}
