use crate::ours;
use crate::raw::{self, SAME};
use crate::report::Rates;
use integration_tests::{Kafka, unique};

pub(crate) fn compare(kafka: &Kafka, topics: &[String], bytes: usize, messages: usize) {
    let (mut ours, mut raw, mut defaults) = (Rates::default(), Rates::default(), Rates::default());
    let mut batches = Rates::default();
    let bootstrap = kafka.bootstrap();
    for (round, topic) in topics.iter().enumerate() {
        for turn in 0..4 {
            let group = unique("bench");
            match (round + turn) % 4 {
                3 => batches.add(
                    messages,
                    ours::consume_batches(&bootstrap, topic, &group, messages),
                ),
                0 => ours.add(messages, ours::consume(&bootstrap, topic, &group, messages)),
                1 => raw.add(
                    messages,
                    raw::consume(&bootstrap, topic, &group, messages, &SAME),
                ),
                _ => defaults.add(
                    messages,
                    raw::consume(&bootstrap, topic, &group, messages, &[]),
                ),
            }
        }
        kafka.delete_topic(topic);
    }
    println!("\nconsume {messages} × {bytes} B, one partition, a commit for each message");
    defaults.print("rdkafka poll loop, defaults", None);
    raw.print("rdkafka poll loop, same", None);
    ours.print("KafkaConsumer::start", Some(&raw));
    batches.print("KafkaConsumer::start_batch", Some(&ours));
}
