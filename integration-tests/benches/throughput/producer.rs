use crate::raw::RawProducer;
use crate::report::{ROUNDS, Rates};
use integration_tests::{Kafka, unique_topic};
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig};
use std::time::{Duration, Instant};

/// Measures both, and returns the topics that were filled, one per round.
pub(crate) fn compare(kafka: &Kafka, bytes: usize, messages: usize) -> Vec<String> {
    let payload = vec![b'x'; bytes];
    let (mut ours, mut raw) = (Rates::default(), Rates::default());
    let mut topics = Vec::new();
    for round in 0..ROUNDS {
        let topic = unique_topic("bench-ours");
        kafka.create_topic(&topic, 1);
        let control = unique_topic("bench-raw");
        kafka.create_topic(&control, 1);
        // The order alternates too.
        for turn in 0..2 {
            if (round + turn) % 2 == 0 {
                ours.add(messages, send(kafka, &topic, &payload, messages));
            } else {
                raw.add(messages, send_raw(kafka, &control, &payload, messages));
            }
        }
        kafka.delete_topic(&control);
        topics.push(topic);
    }
    println!("\nproduce {messages} × {bytes} B, one partition, idempotent, acks=all");
    raw.print("rdkafka ThreadedProducer", None);
    ours.print("KafkaProducer::send", Some(&raw));
    topics
}

fn send(kafka: &Kafka, topic: &str, payload: &[u8], messages: usize) -> Duration {
    let config = ProducerConfig::new(kafka.bootstrap())
        .expect("settings")
        .observer(Observer::new())
        .max_block(Duration::from_secs(60));
    let producer = KafkaProducer::new(config).expect("a producer");
    producer
        .send_sync(topic, payload)
        .expect("a warm connection");
    let start = Instant::now();
    for _ in 1..messages {
        producer.send(topic, payload).expect("a message sent");
    }
    assert!(producer.flush(Duration::from_secs(60)).is_complete());
    start.elapsed()
}

fn send_raw(kafka: &Kafka, topic: &str, payload: &[u8], messages: usize) -> Duration {
    let producer = RawProducer::new(&kafka.bootstrap(), None);
    producer.send(topic, payload);
    producer.flush();
    let start = Instant::now();
    for _ in 1..messages {
        producer.send(topic, payload);
    }
    assert_eq!(producer.flush(), messages);
    start.elapsed()
}
