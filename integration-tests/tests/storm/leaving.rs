//! A worker that stops takes no time of those that stay, whatever it owns.

use crate::protocol::{Protocol, Weather};
use integration_tests::{eventually, unique, unique_topic};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rws_kafka_consumer::{ConsumerContext, ConsumerHandle, KafkaConsumer};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);
/// Far less than the session timeout, after which a member is gone in any case.
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
        assert!(handle.wait_ready(SOON), "{:?}", handle.status());
        handle
    };
    let workers = [start(), start()];
    eventually(SOON, || {
        workers.iter().all(|worker| !worker.status().rebalancing)
            && workers.iter().filter(|worker| owns(worker)).count() == 1
            && members(&kafka.bootstrap(), &group) == 2
    });
    let (owners, others): (Vec<_>, Vec<_>) = workers.into_iter().partition(owns);
    let report = others[0].stop();
    assert!(report.is_clean(), "{report:?}");
    eventually(AT_ONCE, || members(&kafka.bootstrap(), &group) == 1);
    let report = owners[0].stop();
    assert!(report.is_clean(), "{report:?}");
    eventually(AT_ONCE, || members(&kafka.bootstrap(), &group) == 0);
}

fn owns(worker: &ConsumerHandle) -> bool {
    !worker.status().assignment.is_empty()
}

/// How many members the broker counts.
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
