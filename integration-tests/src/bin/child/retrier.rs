use std::{thread, time::Duration};

use integration_tests::{
    jobs::{
        Pen,
        retrier::{DELAYS, Entry, Retrier, due_ms, fails},
    },
    now_ms,
};
use rws_kafka::{ConsumerConfig, ConsumerContext, HandlerError, KafkaConsumer, Observer};

pub(crate) fn run(retrier: &Retrier) {
    let pen = Pen::open(&retrier.journal);
    let place = &retrier.place;
    let config = ConsumerConfig::new(&place.brokers, &place.group)
        .expect("valid settings")
        .observer(Observer::new())
        // The next process replaces it at once.
        .property("group.instance.id", "worker");
    let (topic, generation) = (place.topic.clone(), retrier.generation);
    let report = KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([&place.topic]))
        .expect("a valid consumer")
        .concurrency(3)
        .retry_topics(DELAYS.map(Duration::from_millis))
        .retry_topic_names("{topic}.retry.{attempt}")
        .dead_letter_queue("{topic}.dlq")
        .start(move |msg: ConsumerContext| {
            let number: usize = msg.payload_str()?.parse()?;
            pen.note(Entry {
                generation,
                level: match msg.topic().strip_prefix(&*topic) {
                    Some("") => 0,
                    Some(retry) => retry.trim_start_matches(".retry.").parse()?,
                    None => panic!("unexpected topic {}", msg.topic()),
                },
                partition: msg.partition(),
                offset: msg.offset(),
                number,
                attempt: msg.attempt(),
                at_ms: now_ms(),
                due_ms: due_ms(&msg).unwrap_or(0),
            });
            // Takes some time, so that a kill interrupts some work.
            thread::sleep(Duration::from_micros(500));
            if msg.attempt() <= fails(number) {
                return Err(HandlerError::new("busy"));
            }
            msg.commit()
        })
        .join();
    panic!("the worker ended by itself: {report:?}");
}
