use integration_tests::{Kafka, now_ms, unique, unique_topic};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
};

#[test]
fn every_commit_of_a_group_is_told_in_order() {
    let kafka = Kafka::start();
    let (topic, group) = (unique_topic("harness"), unique("group"));
    kafka.create_topic(&topic, 2);
    assert_eq!(kafka.commits_of(&group), []);

    let began_ms = now_ms();
    let wanted = [(0, 7), (1, 2), (0, 9), (0, 4)];
    for group in [&group, &unique("another")] {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", kafka.bootstrap())
            .set("group.id", group)
            .create()
            .unwrap();
        for (partition, offset) in wanted {
            let mut offsets = TopicPartitionList::new();
            offsets
                .add_partition_offset(&topic, partition, Offset::Offset(offset))
                .unwrap();
            consumer.commit(&offsets, CommitMode::Sync).unwrap();
        }
    }

    // Compare with the broker's own tool for its files.
    let files: Vec<_> = (0..5)
        .map(|p| {
            format!(
                "/var/lib/rws-kafka/data/__consumer_offsets-{p}/{:020}.log",
                0
            )
        })
        .collect();
    let arguments = ["--offsets-decoder", "--files", &files.join(",")];
    let dump = kafka.run_class("kafka.tools.DumpLogSegments", &arguments);
    let told: Vec<(i32, i64, i64)> = dump
        .stdout
        .lines()
        .filter_map(|line| line.split_once(" key: ")?.1.split_once(" payload: "))
        .map(|record| (json(record.0), json(record.1)))
        .filter(|(key, _)| key["data"]["group"] == group)
        .map(|(key, value)| {
            let (key, value) = (&key["data"], &value["data"]);
            assert_eq!(key["topic"], topic);
            (
                key["partition"].as_i64().unwrap() as i32,
                value["offset"].as_i64().unwrap(),
                value["commitTimestamp"].as_i64().unwrap(),
            )
        })
        .collect();

    let commits = kafka.commits_of(&group);
    assert!(commits.iter().all(|commit| commit.topic == topic));
    let found: Vec<_> = commits
        .iter()
        .map(|commit| (commit.partition, commit.offset, commit.committed_at_ms))
        .collect();
    assert_eq!(found, told, "{dump:?}");
    let offsets: Vec<_> = found.iter().map(|&(p, offset, _)| (p, offset)).collect();
    assert_eq!(offsets, wanted);
    // The container uses the host's clock.
    let now_ms = now_ms();
    for (_, _, at_ms) in found {
        assert!((began_ms..=now_ms).contains(&at_ms), "{at_ms}");
    }
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
