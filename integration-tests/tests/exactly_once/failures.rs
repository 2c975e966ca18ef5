use crate::support::Scene;
use integration_tests::jobs::copier::copy;
use integration_tests::{soon, stop};
use rws_kafka_consumer::{Backoff, ConsumerError, HandlerError};
use rws_kafka_producer::ProducerError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn what_a_failing_handler_sent_is_never_written_and_its_message_is_handled_again() {
    let scene = Scene::new(2);
    scene.fill(1000);
    let failures = Arc::new(AtomicUsize::new(0));
    let handle = {
        let (copy, failures) = (copy(&scene.sink), Arc::clone(&failures));
        let mut consumer = scene.exactly_once();
        consumer = consumer.max_messages(200);
        consumer.start(move |msg, out| {
            let (offset, attempt) = (msg.offset(), msg.attempt());
            copy(msg, out)?;
            if offset % 100 == 7 && attempt <= 2 {
                failures.fetch_add(1, Ordering::Relaxed);
                if attempt == 1 {
                    return Err(HandlerError::new("not yet"));
                }
                panic!("not yet, either");
            }
            Ok(())
        })
    };
    scene.wait_until_committed(1000, &handle);
    stop(&handle);
    assert!(failures.load(Ordering::Relaxed) >= 40);
    soon(|| scene.read(&scene.sink).concat().len() == 2000);
    scene.assert_each_once(1000);
    // It never reached the broker.
    assert_eq!(scene.read_all(&scene.sink).concat().len(), 2000);
}

#[test]
fn a_dead_letter_is_published_in_place_of_the_outputs_and_with_the_offset() {
    let scene = Scene::new(1);
    let queue = format!("{}.dlq", scene.topic);
    scene.kafka.create_topic(&queue, 1);
    scene.fill(300);
    let consumer = scene
        .consumer()
        .dead_letter_queue("{topic}.dlq")
        .max_retries(1)
        .retry_backoff(Backoff::fixed(Duration::from_millis(1)));
    let copy = copy(&scene.sink);
    let handle = consumer
        .exactly_once(&scene.id)
        .producer(scene.producer_config())
        .start(move |msg, out| {
            let fails = msg.offset() % 10 == 3;
            copy(msg, out)?;
            if fails {
                return Err(HandlerError::new("never"));
            }
            Ok(())
        });
    scene.wait_until_committed(300, &handle);
    stop(&handle);
    soon(|| scene.read(&queue).concat().len() == 30);
    let letters = scene.read(&queue).concat();
    let expected: Vec<String> = (0..30)
        .map(|number| (number * 10 + 3).to_string())
        .collect();
    let values: Vec<&str> = letters
        .iter()
        .filter_map(|letter| letter.split(' ').next_back())
        .collect();
    assert_eq!(values, expected);
    assert!(
        letters[0].starts_with("rws-dlq-original-topic,"),
        "{}",
        letters[0]
    );
    let results = scene.read(&scene.sink).concat();
    assert_eq!(results.len(), 270);
    assert!(results.iter().all(|value| !value.ends_with('3')));
}

#[test]
fn an_output_that_the_broker_refuses_stops_the_worker_and_leaves_nothing() {
    let scene = Scene::new(1);
    let small = format!("{}-small", scene.sink);
    let limit = [("max.message.bytes", "1000")];
    scene.kafka.create_topic_with(&small, 1, &limit);
    scene.fill(10);
    let sink = scene.sink.clone();
    let handle = scene.exactly_once().start(move |_, out| {
        out.send(&sink, "beside it")?;
        out.send(&small, "x".repeat(5000))?;
        Ok(())
    });
    let report = handle
        .join_timeout(integration_tests::SOON)
        .expect("its end");
    let Some(ConsumerError::OutputRefused(cause)) = &report.error else {
        panic!("{report:?}");
    };
    assert!(
        matches!(**cause, ProducerError::MessageTooLarge { .. }),
        "{cause:?}"
    );
    assert_eq!(scene.all_committed(), [0]);
    assert_eq!(scene.read(&scene.sink).concat(), [""; 0]);
}

#[test]
fn an_output_that_no_broker_would_take_is_an_error_of_its_handler() {
    let scene = Scene::new(1);
    scene.fill(3);
    let consumer = scene
        .consumer()
        .on_failure(rws_kafka_consumer::FailurePolicy::Stop);
    let handle = consumer
        .max_retries(0)
        .exactly_once(&scene.id)
        .producer(scene.producer_config())
        .start(|_, out| {
            let too_large = out.send("topic", vec![0; 2_000_000]).unwrap_err();
            assert!(matches!(too_large, ProducerError::MessageTooLarge { .. }));
            Ok(out.send("no topic", "x")?)
        });
    let report = handle
        .join_timeout(integration_tests::SOON)
        .expect("its end");
    let error = report.error.clone().expect("an error").to_string();
    assert!(
        error.contains("no topic") && error.contains("contains ' '"),
        "{error}"
    );
}
