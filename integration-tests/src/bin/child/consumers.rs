use std::{thread, time::Duration};

use integration_tests::jobs::{Place, Poison};
use rws_kafka::{ConsumerConfig, ConsumerContext, HandlerError, KafkaConsumer};

fn consumer(config: ConsumerConfig, topic: &str) -> KafkaConsumer {
    KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([topic]))
        .expect("a valid consumer")
}

pub(crate) fn print(place: &Place) {
    consumer(place.config(), &place.topic)
        .concurrency(3)
        .start(|msg: ConsumerContext| {
            println!("handled {} {}", msg.partition(), msg.offset());
            // So that it is killed with work left.
            thread::sleep(Duration::from_micros(300));
            msg.commit()
        })
        .join();
}

/// Each message takes a while, and every tenth is committed with those before it.
pub(crate) fn commit_within_batches(place: &Place, batch: usize, lanes: usize) {
    let config = place.config().commit_interval(Duration::from_millis(20));
    consumer(config, &place.topic)
        .concurrency(lanes)
        .batch_max_messages(batch)
        .start_batch(|batch| {
            for (index, msg) in batch.iter().enumerate() {
                thread::sleep(Duration::from_millis(1));
                println!("handled {} {}", msg.partition(), msg.offset());
                if index % 10 == 9 {
                    batch.commit_up_to(msg)?;
                }
            }
            batch.commit()
        })
        .join();
}

pub(crate) fn dead_letter(place: &Place, queue: &str, poison: Poison, commit_interval: Duration) {
    let config = place.config().commit_interval(commit_interval);
    consumer(config, &place.topic)
        .dead_letter_queue(queue)
        .start(move |msg: ConsumerContext| {
            if poison.is_at(msg.partition(), msg.offset()) {
                return Err(HandlerError::new("poison").permanent());
            }
            msg.commit()
        })
        .join();
}
