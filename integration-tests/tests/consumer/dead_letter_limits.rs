//! Messages close to a topic's size limit, or with a timestamp that it refuses.

use crate::dead_letters::Poisoned;
use integration_tests::{Kafka, Scene, close, now_ms, soon, stop};
use rws_kafka_consumer::{ConsumerContext, HandlerError};
use rws_kafka_observe::Observer;
use rws_kafka_producer::{KafkaProducer, ProducerConfig, Record};

/// A queue with the broker's defaults deletes messages that are a week old, and refuses those an
/// hour ahead.
#[test]
fn a_letter_has_the_time_of_its_publishing_whatever_the_messages_own() {
    let settings = [
        ("message.timestamp.type", "CreateTime"),
        ("retention.ms", "-1"),
        ("message.timestamp.after.max.ms", "9223372036854775807"),
    ];
    let scene = Scene::with(Kafka::shared(), 1, &settings);
    scene.create_queue(1);
    let before = now_ms();
    let ten_days_old = before - 10 * 24 * 3600 * 1000;
    let far_ahead = before + 100 * 365 * 24 * 3600 * 1000;
    let times = [ten_days_old, far_ahead];
    let producer = scene.producer();
    for ms in times {
        let record = Record::to(&scene.topic).payload("poison").timestamp_ms(ms);
        producer.send_record(record).unwrap();
    }
    close(&producer);
    let handle = scene
        .consumer()
        .dead_letter_queue(&scene.queue)
        .start(|_: ConsumerContext| Err(HandlerError::new("no such order").permanent()));
    soon(|| scene.committed(0) == Some(2));
    stop(&handle);
    let letters = scene.letters();
    assert_eq!(letters.len(), 2);
    for (letter, ms) in letters.iter().zip(times) {
        let published = letter.timestamp_ms.expect("a timestamp");
        assert!((before..=now_ms()).contains(&published), "{published}");
        let original = letter.header_text("rws-dlq-original-timestamp");
        assert_eq!(original, ms.to_string());
    }
}

/// The default limit is 1,048,588 bytes for a batch of messages with its framing.
#[test]
fn a_message_close_to_the_size_limit_is_dead_lettered_with_fewer_headers() {
    let poisoned = Poisoned::on(Kafka::shared(), 1, 1);
    let scene = &poisoned.scene;
    let config = ProducerConfig::new(scene.kafka.bootstrap()).unwrap();
    let config = config.property("message.max.bytes", "2000000");
    let producer = KafkaProducer::new(config.observer(Observer::new())).unwrap();
    let sizes = [1_040_000, 1_047_800, 1_048_400, 1_048_510];
    for size in sizes {
        let payload = vec![b'x'; size];
        producer.send_sync(&scene.topic, payload).unwrap();
    }
    close(&producer);
    let reason = "no such order; ".repeat(60_000);
    let handle = poisoned
        .consumer()
        .max_retries(0)
        .start(move |_: ConsumerContext| Err(HandlerError::new(reason.clone())));
    soon(|| scene.committed(0) == Some(4));
    stop(&handle);

    let letters = poisoned.letters();
    let found = letters
        .iter()
        .map(|it| it.payload.as_ref().map_or(0, Vec::len));
    assert_eq!(found.collect::<Vec<_>>(), sizes);
    let counts: Vec<usize> = letters.iter().map(|it| it.headers.len()).collect();
    assert_eq!(counts, [8, 8, 1, 0]);
    let reasons = [0, 1].map(|letter: usize| letters[letter].header_text("rws-dlq-error-reason"));
    assert_eq!(reasons[0].len(), 1024);
    assert!(reasons[1].len() < 200, "{}", reasons[1]);
    assert!(reasons[1].contains("[shortened: "), "{}", reasons[1]);
    let origin = letters[2].header_text("rws-dlq-origin");
    let expected = format!("{}/0/2/", scene.topic);
    assert!(origin.starts_with(&expected), "{origin}");
}
