use crate::support::{SOON, config, eventually, metric, nowhere, outcome};
use rws_kafka_observe::{BrokerState, Observer};
use rws_kafka_producer::connection::ConnectionCause;
use rws_kafka_producer::{KafkaProducer, ProducerError};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A broker that takes connections and says nothing, for as long as it lives.
struct Silent(TcpListener);

impl Silent {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }
}

#[test]
fn it_is_no_error_of_the_constructor_but_of_readiness() {
    let observer = Observer::new();
    let config = config(&nowhere()).observer(observer.clone());
    let producer = KafkaProducer::new(config).unwrap();
    let readiness = observer.readiness();
    assert_eq!(readiness.producer(), Some(BrokerState::Unreachable));
    assert!(!readiness.is_ready());
    drop(producer);
    // Once the running probe has ended.
    eventually(|| observer.readiness().producer().is_none());
}

#[test]
fn an_unreachable_broker_is_the_cause() {
    let address = nowhere();
    let config = config(&address).delivery_timeout(Duration::from_secs(2));
    let producer = KafkaProducer::new(config).unwrap();
    let sent = producer.send_sync("topic", "x").unwrap_err();
    assert!(matches!(sent, ProducerError::TimedOut { .. }), "{sent:?}");
    let pinged = producer.ping(Duration::from_secs(1)).unwrap_err();
    assert!(
        matches!(pinged, ProducerError::Unreachable { .. }),
        "{pinged:?}"
    );
    for (error, begin) in [
        (sent, r#"no acknowledgement from topic "topic" within 2s; "#),
        (pinged, "no broker answered within 1s; "),
    ] {
        let cause = error.connection_cause();
        assert!(
            matches!(cause, Some(ConnectionCause::Unreachable { .. })),
            "{error:?}"
        );
        assert!(error.is_retriable());
        let text = error.to_string();
        let begin = format!("{begin}no broker can be reached: ");
        assert!(text.starts_with(&begin), "{text}");
        assert!(text.contains(&address), "{text}");
        assert!(text.contains("Connection refused"), "{text}");
    }
}

#[test]
fn an_unknown_host_is_the_cause() {
    let producer = KafkaProducer::new(config("no-such-host.invalid:9092")).unwrap();
    // A resolver may take its time.
    eventually(|| {
        let error = producer.ping(Duration::from_millis(500)).unwrap_err();
        let text = error.to_string();
        let is_told = error.connection_cause().is_some();
        if is_told {
            let cause = error.connection_cause();
            assert!(
                matches!(cause, Some(ConnectionCause::UnknownHost { .. })),
                "{error:?}"
            );
            let words = "a host name in `brokers` does not resolve: ";
            assert!(text.contains(words), "{text}");
            assert!(text.contains("no-such-host.invalid"), "{text}");
        }
        is_told
    });
}

#[test]
fn a_silent_broker_has_no_cause() {
    let broker = Silent::new();
    let config = config(&broker.address()).delivery_timeout(Duration::from_millis(300));
    let producer = KafkaProducer::new(config).unwrap();
    let error = producer.send_sync("topic", "x").unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"no acknowledgement from topic "topic" within 300ms"#
    );
    assert_eq!(error.connection_cause(), None);
}

#[test]
fn a_full_queue_tells_why_it_does_not_drain() {
    let config = config(&nowhere())
        .queue_messages(10)
        .max_block(Duration::from_secs(2));
    let producer = KafkaProducer::new(config).unwrap();
    for _ in 0..10 {
        producer.send("topic", "x").unwrap();
    }
    let future = producer.send_async("topic", "x");
    let sent = producer.send("topic", "x").unwrap_err();
    for error in [sent, outcome(future).unwrap_err()] {
        assert!(
            matches!(error, ProducerError::QueueFull { .. }),
            "{error:?}"
        );
        let cause = error.connection_cause();
        assert!(
            matches!(cause, Some(ConnectionCause::Unreachable { .. })),
            "{error:?}"
        );
        let text = error.to_string();
        let expected = "the producer's queue is full: no room for a message to \"topic\" within \
                        2s; no broker can be reached: ";
        assert!(text.starts_with(expected), "{text}");
    }
}

#[test]
fn time_without_end_is_no_panic() {
    let config = config(&nowhere())
        .queue_messages(1)
        .max_block(Duration::MAX);
    let producer = KafkaProducer::new(config).unwrap();
    producer.send("topic", "x").unwrap();
    let future = producer.send_async("topic", "x");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| producer.send("topic", "x"));
        assert_eq!(producer.close(Duration::from_millis(100)).undelivered, 1);
        // Waiting calls find room or a closed producer.
        let _ = waiting.join().unwrap();
    });
    assert!(matches!(outcome(future), Err(ProducerError::Closed)));
}

#[test]
fn a_close_gives_up_what_is_left_and_tells_each_who_waits() {
    let broker = Silent::new();
    let observer = Observer::new();
    let config = config(&broker.address()).observer(observer.clone());
    let producer = KafkaProducer::new(config).unwrap();
    for _ in 0..100 {
        producer.send("topic", "x").unwrap();
    }
    let future = producer.send_async("topic", "x");
    assert_eq!(producer.flush(Duration::from_millis(50)).undelivered, 101);
    let started = Instant::now();
    let report = producer.close(Duration::from_millis(100));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(report.undelivered, 101);
    assert!(!report.is_complete());
    let error = outcome(future).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"the producer was closed before topic "topic" acknowledged the message"#
    );
    assert_eq!(
        metric(&observer, "rws_kafka_produce_errors_total", "topic"),
        101
    );
    assert_eq!(producer.close(SOON).undelivered, 0);
}

#[test]
fn the_drop_is_bounded_and_no_future_is_left_waiting() {
    for address in [
        nowhere(),
        Silent::new().address(),
        "no-such-host.invalid:9092".to_owned(),
    ] {
        let observer = Observer::new();
        let config = config(&address)
            .observer(observer.clone())
            .close_timeout(Duration::from_millis(100));
        let producer = KafkaProducer::new(config).unwrap();
        producer.send("topic", "x").unwrap();
        let future = producer.send_async("topic", "x");
        let started = Instant::now();
        drop(producer);
        assert!(started.elapsed() < Duration::from_secs(10), "{address}");
        let error = outcome(future).unwrap_err();
        assert!(
            matches!(error, ProducerError::Undelivered { .. }),
            "{error:?}"
        );
        assert_eq!(
            metric(&observer, "rws_kafka_produce_errors_total", "topic"),
            2
        );
    }
}

#[test]
fn on_delivery_may_drop_the_last_clone_and_finds_no_room_at_once() {
    let cell: Arc<Mutex<Option<KafkaProducer>>> = Arc::default();
    let errors: Arc<Mutex<Vec<ProducerError>>> = Arc::default();
    let (inside, told) = (Arc::clone(&cell), Arc::clone(&errors));
    let observer = Observer::new();
    let config = config(&nowhere())
        .observer(observer.clone())
        .queue_messages(10)
        .max_block(Duration::from_secs(300))
        .delivery_timeout(Duration::from_millis(500))
        .on_delivery(move |_| {
            if let Some(producer) = inside.lock().unwrap().take() {
                // Until there is no room; nothing makes room meanwhile.
                let error = (0..).find_map(|_| producer.send("topic", "again").err());
                told.lock().unwrap().extend(error);
            }
        });
    let producer = KafkaProducer::new(config).unwrap();
    for _ in 0..10 {
        producer.send("topic", "x").unwrap();
    }
    *cell.lock().unwrap() = Some(producer);
    eventually(|| observer.readiness().producer().is_none());
    let errors = errors.lock().unwrap();
    assert_eq!(errors.len(), 1);
    assert!(
        matches!(
            errors[0],
            ProducerError::QueueFull {
                waited: Duration::ZERO,
                ..
            }
        ),
        "{errors:?}"
    );
}
