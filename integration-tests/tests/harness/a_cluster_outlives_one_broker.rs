use std::{
    collections::HashSet,
    process::Command,
    time::{Duration, Instant},
};

use integration_tests::{Cluster, eventually, unique, unique_topic};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::KafkaError,
    producer::{BaseProducer, BaseRecord, Producer},
    types::RDKafkaErrorCode,
};

const DEADLINE: Duration = Duration::from_secs(30);

/// Delivered to all in-sync replicas, and acknowledged.
fn publish(cluster: &Cluster, topic: &str, messages: &[&str]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap())
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .create()
        .unwrap();
    let before = cluster.end_offset(topic, 0);
    for message in messages {
        producer
            .send(BaseRecord::<str, str>::to(topic).payload(message))
            .map_err(|(error, _)| error)
            .unwrap();
    }
    producer.flush(DEADLINE).unwrap();
    let after = cluster.end_offset(topic, 0);
    assert_eq!(after - before, messages.len() as i64);
}

fn read(cluster: &Cluster, topic: &str, count: usize) -> Vec<String> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap())
        .set("group.id", unique("harness"))
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    assignment
        .add_partition_offset(topic, 0, Offset::Beginning)
        .unwrap();
    consumer.assign(&assignment).unwrap();
    let end = Instant::now() + DEADLINE;
    let mut found = Vec::new();
    while found.len() < count {
        assert!(Instant::now() < end, "{count} messages wanted: {found:?}");
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
            found.push(String::from_utf8(message.payload().unwrap().to_vec()).unwrap());
        }
    }
    found
}

fn commit(cluster: &Cluster, group: &str, topic: &str, offset: i64) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap())
        .set("group.id", group)
        .create()
        .unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets
        .add_partition_offset(topic, 0, Offset::Offset(offset))
        .unwrap();
    // The brokers may not agree yet on the coordinator. A broker that is not the coordinator says
    // so, and writes nothing.
    eventually(DEADLINE, || {
        match consumer.commit(&offsets, CommitMode::Sync) {
            Err(KafkaError::ConsumerCommit(
                RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::CoordinatorLoadInProgress,
            )) => false,
            committed => {
                committed.unwrap();
                true
            }
        }
    });
}

#[test]
fn messages_pass_while_a_leader_is_killed_and_after_it_is_back() {
    let cluster = Cluster::start();
    let topic = unique_topic("harness");
    cluster.create_topic(&topic, 1);
    publish(&cluster, &topic, &["before"]);

    let leader = cluster.leader_of(&topic, 0);
    cluster.broker(leader).kill();
    publish(&cluster, &topic, &["during", "it"]);
    assert_ne!(cluster.leader_of(&topic, 0), leader);
    assert_eq!(read(&cluster, &topic, 3), ["before", "during", "it"]);

    cluster.broker(leader).restart();
    cluster.wait_until_in_sync(&topic);
    publish(&cluster, &topic, &["after"]);
    let all = ["before", "during", "it", "after"];
    assert_eq!(read(&cluster, &topic, 4), all);

    // The broker that was down has the same records.
    let second = cluster.leader_of(&topic, 0);
    cluster.broker(second).stop();
    eventually(DEADLINE, || cluster.leader_of(&topic, 0) != second);
    assert_eq!(read(&cluster, &topic, 4), all);
}

#[test]
fn another_broker_coordinates_a_group_when_its_own_is_frozen() {
    let cluster = Cluster::start();
    let topic = unique_topic("harness");
    cluster.create_topic(&topic, 1);
    let group = unique("group");
    commit(&cluster, &group, &topic, 3);

    let coordinator = cluster.coordinator_of(&group);
    cluster.broker(coordinator).pause();
    eventually(DEADLINE, || cluster.coordinator_of(&group) != coordinator);
    assert_eq!(cluster.committed_offset(&group, &topic, 0), Some(3));
    commit(&cluster, &group, &topic, 5);
    cluster.broker(coordinator).unpause();
    commit(&cluster, &group, &topic, 4);
    let offsets: Vec<_> = cluster
        .commits_of(&group)
        .iter()
        .map(|c| c.offset)
        .collect();
    assert_eq!(offsets, [3, 5, 4]);

    let shown = format!("{cluster:?}");
    let network = shown.split_once("Network { name: \"").unwrap().1;
    let network = network.split('"').next().unwrap();
    assert_eq!(networks(network), 1);
    drop(cluster);
    assert_eq!(networks(network), 0);
}

fn networks(name: &str) -> usize {
    let output = Command::new("docker")
        .args([
            "network",
            "ls",
            "--quiet",
            "--filter",
            &format!("name={name}"),
        ])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().lines().count()
}

#[test]
fn everything_in_a_cluster_is_on_three_brokers() {
    let cluster = Cluster::shared();
    let (topic, group) = (unique_topic("harness"), unique("group"));
    cluster.create_topic(&topic, 3);
    commit(cluster, &group, &topic, 1);
    let leaders: HashSet<_> = (0..3).map(|p| cluster.leader_of(&topic, p)).collect();
    assert_eq!(leaders, HashSet::from([0, 1, 2]));

    // The tools also reach the others from inside a container.
    let broker = cluster.broker(0);
    for topic in [topic.as_str(), "__consumer_offsets"] {
        let description = broker.tool("kafka-topics", &["--describe", "--topic", topic]);
        assert!(
            description.contains("ReplicationFactor: 3"),
            "{description}"
        );
        assert!(
            description.contains("min.insync.replicas=2"),
            "{description}"
        );
    }
    let state = broker.tool(
        "kafka-consumer-groups",
        &["--describe", "--state", "--group", &group],
    );
    let coordinator = format!("({})", cluster.coordinator_of(&group) + 1);
    assert!(state.contains(&coordinator), "{coordinator}: {state}");
}
