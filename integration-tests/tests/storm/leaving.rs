//! A worker that stops leaves its group at once, whatever it owns. Otherwise the group would wait
//! for its session to expire, with every rebalance.

use crate::protocol::Weather;
use integration_tests::jobs::stormer::Protocol;
use integration_tests::{Kafka, SOON, ready, soon, stop, unique, unique_topic};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rws_kafka_consumer::{ConsumerContext, ConsumerHandle, KafkaConsumer};
use std::time::{Duration, Instant};

/// Much less than the session timeout, after which a member is removed in any case.
const AT_ONCE: Duration = Duration::from_secs(10);

#[test]
fn a_worker_without_partitions_leaves_an_eager_group() {
    leave_without_partitions(Protocol::Eager);
}

#[test]
fn a_worker_without_partitions_leaves_a_cooperative_group() {
    leave_without_partitions(Protocol::Cooperative);
}

fn leave_without_partitions(protocol: Protocol) {
    let weather = Weather::Stops;
    let kafka = weather.broker();
    let (topic, group) = (unique_topic("leaving"), unique("leaving"));
    kafka.create_topic(&topic, 1);
    let start = || {
        let config = protocol.config(&kafka.bootstrap(), &group, weather.session());
        let handle = KafkaConsumer::new(config)
            .and_then(|consumer| consumer.subscribe([&topic]))
            .expect("a valid consumer")
            .start(|msg: ConsumerContext| msg.commit());
        ready(&handle);
        handle
    };
    let workers = [start(), start()];
    soon(|| {
        workers.iter().all(|worker| !worker.status().rebalancing)
            && workers.iter().filter(|worker| owns(worker)).count() == 1
    });
    expect_members(kafka, &group, 2, "both have joined");
    let (owners, others): (Vec<_>, Vec<_>) = workers.into_iter().partition(owns);
    stop(&others[0]);
    expect_members(kafka, &group, 1, "the one without partitions has stopped");
    stop(&owners[0]);
    expect_members(kafka, &group, 0, "both have stopped");
}

fn owns(worker: &ConsumerHandle) -> bool {
    !worker.status().assignment.is_empty()
}

#[track_caller]
fn expect_members(kafka: &Kafka, group: &str, expected: usize, when: &str) {
    let end = Instant::now() + AT_ONCE;
    loop {
        let found = members(&kafka.bootstrap(), group);
        if found == expected {
            return;
        }
        assert!(
            Instant::now() < end,
            "{when}, and after {AT_ONCE:?} the broker counts {found} members of {group}"
        );
    }
}

/// Returns how many members the broker counts.
fn members(brokers: &str, group: &str) -> usize {
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .create()
        .expect("a client");
    let list = client
        .fetch_group_list(Some(group), SOON)
        .expect("the broker answers");
    let found = list.groups().iter().find(|known| known.name() == group);
    found.map_or(0, |known| known.members().len())
}
