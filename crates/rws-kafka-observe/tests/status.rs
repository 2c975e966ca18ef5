//! The status as plain data, and liveness.

use rws_kafka_observe::{
    BrokerState, ConsumerStatus, Observer, PartitionState, PartitionStatus, ProducerStatus, Source,
    WorkerState,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(3600);

struct Client;

impl Source<ProducerStatus> for Client {
    fn fill(&self, status: &mut ProducerStatus) {
        status.client = "my-service".to_owned();
        status.queued_messages = 3;
    }
}

impl Source<ConsumerStatus> for Client {
    fn fill(&self, status: &mut ConsumerStatus) {
        status.client = "my-service".to_owned();
        let mut partition = PartitionStatus::default();
        partition.topic = "orders".to_owned();
        partition.state = PartitionState::Full;
        status.partitions.push(partition);
    }
}

#[test]
fn each_part_is_asked_until_it_is_gone() {
    let observer = Observer::new();
    let client = Arc::new(Client);
    let producer = observer.register_producer();
    let consumer = observer.register_consumer("g", LONG);
    producer.told_by(&client);
    consumer.told_by(&client);
    producer.reachable();
    consumer.work(Some(7), 0);
    let status = observer.status();
    assert_eq!(status.producers[0].client, "my-service");
    assert_eq!(status.producers[0].broker, BrokerState::Ok);
    assert_eq!(status.producers[0].queued_messages, 3);
    assert_eq!(status.consumers[0].group, "g");
    assert_eq!(status.consumers[0].lag, Some(7));
    assert_eq!(
        status.consumers[0].partitions[0].state,
        PartitionState::Full
    );
    drop(client);
    let status = observer.status();
    assert_eq!(status.producers[0].queued_messages, 0);
    assert!(status.consumers[0].partitions.is_empty());
    producer.retired();
    drop(consumer);
    let status = observer.status();
    assert!(status.producers.is_empty() && status.consumers.is_empty());
}

#[test]
fn a_worker_tells_what_keeps_it_from_its_work() {
    let observer = Observer::new();
    let state = || observer.status().consumers[0].state;
    let consumer = observer.register_consumer("g", Duration::ZERO);
    assert_eq!(state(), WorkerState::Rebalancing);
    consumer.assigned();
    assert_eq!(state(), WorkerState::Ok);
    consumer.work(Some(1), 1);
    while state() != WorkerState::Stalled {
        std::thread::yield_now();
    }
    consumer.paused(true);
    assert_eq!(state(), WorkerState::Paused);
    consumer.failed();
    consumer.retired();
    assert_eq!(state(), WorkerState::Failed);
}

#[test]
fn dead_letters_outboxes_and_errors_are_told() {
    let observer = Observer::new();
    observer.metrics().consumed_from("quiet", "g");
    let consumed = observer.metrics().consumed_from("orders", "g");
    (0..3).for_each(|_| consumed.dead_lettered());
    let outbox = observer.metrics().outbox_of("public");
    outbox.published(5);
    outbox.backlog(4, Duration::from_secs(9));
    observer.note_error("consumer g", "it broke");
    let status = observer.status();
    assert_eq!(status.dead_letters.len(), 1);
    assert_eq!(status.dead_letters[0].topic, "orders");
    assert_eq!(status.dead_letters[0].count, 3);
    assert_eq!(status.outboxes.len(), 1);
    assert_eq!(status.outboxes[0].schema, "public");
    assert_eq!(status.outboxes[0].published, 5);
    assert_eq!(status.outboxes[0].backlog, Some(4));
    assert_eq!(status.outboxes[0].oldest_age_seconds, Some(9));
    assert_eq!(status.errors[0].message, "it broke");
}

#[test]
fn liveness_is_the_oldest_heartbeat_of_those_that_run() {
    let observer = Observer::new();
    assert_eq!(observer.liveness(), None);
    let age = || observer.liveness().unwrap();
    let begin = Instant::now();
    let hung = observer.register_consumer("g", LONG);
    let beating = observer.register_consumer("g", LONG);
    let some_time = Duration::from_millis(5);
    while age() < some_time {
        beating.heartbeat();
    }
    assert!(age() <= begin.elapsed());
    hung.failed();
    let before = Instant::now();
    beating.heartbeat();
    assert!(age() <= before.elapsed());
    beating.retired();
    assert_eq!(observer.liveness(), None);
}
