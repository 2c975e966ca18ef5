use crate::lap::{Lap, Side, race};
use crate::payload::Payload;
use crate::peers::Peers;
use crate::raw::RawProducer;
use integration_tests::{Kafka, unique_topic};
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn compare(kafka: &Kafka, peers: &Peers, payload: &Payload, partitions: i32) {
    let Payload { name, messages, .. } = payload;
    let bootstrap = kafka.bootstrap();
    let mut sides = vec![
        Side::ours("send", send),
        Side::other("rdkafka ThreadedProducer", send_raw),
    ];
    sides.extend(peers.producing.iter().map(|peer| peer.side()));
    println!("\nproduce {messages} × {name}, {partitions} partitions, idempotent, acks=all");
    race(&sides, *messages, |side, messages| {
        let topic = unique_topic("race");
        kafka.create_topic(&topic, partitions);
        let time = (side.run)(&Lap {
            brokers: &bootstrap,
            topic: &topic,
            group: "",
            payload,
            messages,
        });
        let ends = (0..partitions).map(|partition| kafka.end_offset(&topic, partition));
        assert_eq!(ends.sum::<i64>(), messages as i64, "sent by {}", side.name);
        kafka.delete_topic(&topic);
        time
    });
}

fn send(lap: &Lap<'_>) -> Duration {
    let config = ProducerConfig::new(lap.brokers)
        .expect("settings")
        .observer(Observer::new())
        .max_block(PATIENCE);
    let producer = KafkaProducer::new(config).expect("a producer");
    let start = Instant::now();
    for number in 0..lap.messages {
        let sent = producer.send(lap.topic, lap.payload.of(number));
        sent.expect("a message sent");
    }
    assert!(producer.flush(PATIENCE).is_complete());
    start.elapsed()
}

fn send_raw(lap: &Lap<'_>) -> Duration {
    let producer = RawProducer::new(lap.brokers, None);
    let start = Instant::now();
    for number in 0..lap.messages {
        producer.send(lap.topic, lap.payload.of(number).as_bytes());
    }
    assert_eq!(producer.flush(), lap.messages);
    start.elapsed()
}
