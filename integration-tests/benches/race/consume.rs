use crate::lap::{Lap, Side, race};
use crate::ours;
use crate::payload::Payload;
use crate::peers::Peers;
use crate::raw::{self, RawProducer, SAME};
use integration_tests::{Kafka, unique, unique_topic};
use std::time::Duration;

/// What has librdkafka commit each message that `poll` returned.
const COMMITS: [(&str, &str); 2] = [
    ("enable.auto.commit", "true"),
    ("enable.auto.offset.store", "true"),
];

pub(crate) fn compare(kafka: &Kafka, peers: &Peers, payload: &Payload, partitions: i32) {
    let Payload { name, messages, .. } = payload;
    let bootstrap = kafka.bootstrap();
    let mut sides = vec![
        Side::ours("start", |lap| {
            ours::consume(lap.brokers, lap.topic, lap.group, lap.messages)
        }),
        Side::ours("start_batch", |lap| {
            ours::consume_batches(lap.brokers, lap.topic, lap.group, lap.messages)
        }),
        Side::other("rdkafka poll loop", raw),
    ];
    sides.extend(peers.consuming.iter().map(|peer| peer.side()));

    // One to warm up with, and one for all rounds.
    let topics = [messages / 10, *messages].map(|messages| {
        let topic = unique_topic("race");
        kafka.create_topic(&topic, partitions);
        fill(&bootstrap, &topic, payload, messages);
        (topic, messages)
    });
    println!("\nconsume {messages} × {name}, {partitions} partitions, each message committed");
    race(&sides, *messages, |side, messages| {
        let (topic, _) = topics
            .iter()
            .find(|(_, count)| *count == messages)
            .expect("a topic");
        let group = unique("race");
        let time = (side.run)(&Lap {
            brokers: &bootstrap,
            topic,
            group: &group,
            payload,
            messages,
        });
        let committed = kafka.committed_offsets(&group, topic, partitions);
        let committed: i64 = committed.into_iter().flatten().sum();
        assert_eq!(committed, messages as i64, "committed by {}", side.name);
        time
    });
    for (topic, _) in topics {
        kafka.delete_topic(&topic);
    }
}

fn raw(lap: &Lap<'_>) -> Duration {
    let properties = [&SAME[..], &COMMITS].concat();
    raw::consume(lap.brokers, lap.topic, lap.group, lap.messages, &properties)
}

fn fill(bootstrap: &str, topic: &str, payload: &Payload, messages: usize) {
    let producer = RawProducer::new(bootstrap, None);
    for number in 0..messages {
        producer.send(topic, payload.of(number).as_bytes());
    }
    assert_eq!(producer.flush(), messages);
}
