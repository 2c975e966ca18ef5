use crate::support::Scene;
use integration_tests::{Cluster, Postgres, SOON, TopicRecord, eventually, soon, unique_topic};
use rws_kafka::outbox::{Outbox, OutboxRelay, RelayHandle, RelayOrdering};
use rws_kafka::{KafkaProducer, Observer, ProducerConfig};
use std::time::Duration;

const KEYS: usize = 300;
const HEALTHY: usize = 50;

/// Two events of each key, in one transaction.
fn enqueue(scene: &Scene<'_>, topic: &str, keys: usize) {
    let mut connection = scene.pool.get().expect("a connection");
    let mut tx = connection.transaction().expect("a transaction");
    let outbox = Outbox::new(&mut tx);
    for event in ["1", "2"] {
        for key in 0..keys {
            let enqueued = outbox.enqueue_keyed(topic, key.to_string(), event);
            enqueued.expect("an event");
        }
    }
    tx.commit().expect("a commit");
}

/// Returns the events of a key, without those that came again.
fn of_key(read: &[TopicRecord], key: usize) -> Vec<String> {
    let key = Some(key.to_string());
    let of_key = read.iter().filter(|read| read.key_text() == key);
    let mut of_key: Vec<String> = of_key.map(TopicRecord::payload_text).collect();
    of_key.dedup();
    of_key
}

/// A relay with a topic that accepts nothing, and one that does.
struct Stage<'a> {
    ordering: RelayOrdering,
    scene: Scene<'a>,
    silent: String,
    observer: Observer,
    relay: RelayHandle,
}

impl<'a> Stage<'a> {
    fn new(cluster: &'a Cluster, ordering: RelayOrdering) -> Self {
        let scene = Scene::on(cluster, Postgres::shared(), 1);
        let silent = unique_topic("silent");
        cluster.create_topic_with(&silent, 1, &[("min.insync.replicas", "3")]);
        let config = ProducerConfig::new(cluster.bootstrap()).expect("valid settings");
        let config = config.delivery_timeout(Duration::from_secs(5));
        let producer = KafkaProducer::new(config.observer(Observer::new())).expect("a producer");
        let observer = Observer::new();
        let relay = OutboxRelay::new(producer, &scene.pool)
            .ordering(ordering)
            .batch_size(32)
            .stall_timeout(Duration::from_secs(5))
            .observer(observer.clone())
            .start(20);
        Self {
            ordering,
            scene,
            silent,
            observer,
            relay,
        }
    }

    fn trouble(&self) -> Option<String> {
        self.relay.status().trouble
    }

    fn assert_all_came(&self, topic: &str, keys: usize) {
        let found = self.scene.kafka.read(topic);
        for key in 0..keys {
            let mut of_key = of_key(&found, key);
            if self.ordering == RelayOrdering::Unordered {
                of_key.sort_unstable();
                of_key.dedup();
            }
            assert_eq!(of_key, ["1", "2"], "{:?}, key {key}", self.ordering);
        }
    }
}

/// One of three brokers stops: a topic that needs three replicas accepts nothing, all others do.
#[test]
fn a_partition_that_takes_nothing_holds_up_no_other() {
    let cluster = Cluster::start();
    let stages =
        [RelayOrdering::PerKey, RelayOrdering::Unordered].map(|order| Stage::new(&cluster, order));
    cluster.broker(2).stop();
    for stage in &stages {
        // More than all workers have in flight at a time.
        enqueue(&stage.scene, &stage.silent, KEYS);
    }
    for stage in &stages {
        soon(|| stage.trouble().is_some());
        enqueue(&stage.scene, &stage.scene.topic, HEALTHY);
    }
    for stage in &stages {
        let of_others = || stage.relay.status().published >= 2 * HEALTHY as u64;
        eventually(2 * SOON, of_others);
        stage.assert_all_came(&stage.scene.topic, HEALTHY);
        let trouble = stage.trouble().expect("it waits for the silent one");
        assert!(trouble.contains(&stage.silent), "{trouble}");
        assert_eq!(stage.scene.backlog(), 2 * KEYS as u64);
        // Events that cannot be published now still count as work.
        soon(|| !stage.observer.readiness().is_ready());
    }
    cluster.broker(2).restart();
    for stage in &stages {
        eventually(4 * SOON, || stage.scene.backlog() == 0);
        soon(|| stage.observer.readiness().is_ready());
        soon(|| stage.trouble().is_none());
        assert_eq!(stage.relay.status().refused, 0);
        stage.assert_all_came(&stage.silent, KEYS);
    }
    for stage in stages {
        stage.relay.stop();
        assert!(stage.relay.join().is_clean());
    }
}
