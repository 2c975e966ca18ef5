use super::*;
use crate::{Delivery, KafkaProducer, ProducerConfig, ProducerError, Record};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Polls a future once.
fn look<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn payloads(records: &[SentRecord]) -> Vec<&str> {
    records.iter().map(SentRecord::payload_str).collect()
}

#[test]
fn each_way_to_send_comes_here_in_order() {
    let (producer, sent) = KafkaProducer::for_test();
    producer.send("a", "1").unwrap();
    producer.send_keyed("b", "key", "2").unwrap();
    let headers = [("name", Some("value")), ("null", None)];
    let with_headers = producer.send_with_headers("a", "key", "3", headers);
    with_headers.unwrap();
    let record = Record::to("a").partition(3).timestamp_ms(7);
    let at = producer.send_record_sync(record).unwrap();
    assert_eq!((at.partition, at.offset), (3, 0));
    let mut future = producer.send_async("a", "5");
    let Poll::Ready(Ok(Delivery { offset, .. })) = look(&mut future) else {
        panic!("it is acknowledged at once");
    };
    assert_eq!(offset, 2);

    let records = sent.records();
    assert_eq!(payloads(&records[..3]), ["1", "2", "3"]);
    assert_eq!(
        records
            .iter()
            .map(SentRecord::topic)
            .collect::<Vec<_>>()
            .concat(),
        "abaaa"
    );
    assert_eq!((records[0].key(), records[1].key_str()), (None, "key"));
    assert_eq!(records[2].header_str("name"), Some("value"));
    assert_eq!(records[2].header("null"), Some(None));
    let tombstone = &records[3];
    assert_eq!(
        (tombstone.payload(), tombstone.partition()),
        (None, Some(3))
    );
    assert_eq!(tombstone.timestamp_ms(), Some(7));
    assert_eq!(payloads(&sent.to("b")), ["2"]);
    assert_eq!(sent.take().len(), 5);
    assert!(sent.records().is_empty());
}

#[test]
fn what_a_broker_is_not_asked_for_is_refused_as_ever() {
    let (producer, sent) = KafkaProducer::for_test();
    let bad_name = producer.send("no topic", "");
    assert!(matches!(bad_name, Err(ProducerError::InvalidTopic(_))));
    let too_large = producer.send("a", vec![0; 1_000_000]);
    assert!(matches!(
        too_large,
        Err(ProducerError::MessageTooLarge { .. })
    ));
    assert!(producer.close(Duration::ZERO).is_complete());
    assert!(matches!(producer.send("a", ""), Err(ProducerError::Closed)));
    assert!(sent.records().is_empty());
}

#[test]
fn faults_are_the_errors_of_a_broker() {
    let sent = Sent::new();
    let told: Arc<Mutex<Vec<bool>>> = Arc::default();
    let config = ProducerConfig::from(config())
        .max_block(Duration::from_secs(77))
        .delivery_timeout(Duration::from_secs(99));
    let config = {
        let told = Arc::clone(&told);
        config.on_delivery(move |report| told.lock().unwrap().push(report.result.is_ok()))
    };
    let producer = sent.producer(config).unwrap();
    sent.fail_next(SendFault::QueueFull);
    sent.fail_next(SendFault::TimedOut);
    let Err(ProducerError::QueueFull { waited, .. }) = producer.send_sync("a", "") else {
        panic!("the queue is full");
    };
    assert_eq!(waited, Duration::from_secs(77));
    let Err(ProducerError::TimedOut { after, .. }) = producer.send_sync("a", "") else {
        panic!("there is no acknowledgement");
    };
    assert_eq!(after, Duration::from_secs(99));

    sent.fail_topic("b", SendFault::NotAuthorized);
    producer.send_sync("a", "").unwrap();
    let forbidden = producer.send_sync("b", "");
    assert!(matches!(forbidden, Err(ProducerError::NotAuthorized { topic }) if topic == "b"));
    // Without waiting, the callback gets the error.
    producer.send("b", "").unwrap();
    assert_eq!(*told.lock().unwrap(), [false, true, false, false]);

    sent.recover();
    producer.send_sync("b", "").unwrap();
    sent.fail_next(SendFault::Fatal);
    let failed = producer.send_sync("a", "").unwrap_err();
    assert!(
        matches!(failed, ProducerError::ClientFailed { .. }),
        "{failed}"
    );
    assert!(!failed.is_fatal() && failed.is_retriable(), "{failed}");
    // Like a real producer, it recovers.
    producer.send("a", "").unwrap();
    producer.ping(Duration::ZERO).unwrap();
    assert_eq!(sent.records().len(), 3);
}

#[test]
fn what_is_held_has_no_outcome_until_the_test_gives_it_one() {
    let (producer, sent) = KafkaProducer::for_test();
    sent.hold();
    let mut first = producer.send_async("a", "1");
    producer.send("a", "2").unwrap();
    assert!(look(&mut first).is_pending());
    assert_eq!(payloads(&sent.held()), ["1", "2"]);
    assert!(sent.records().is_empty());
    // Neither call waits for the held messages.
    assert_eq!(producer.flush(Duration::from_secs(600)).undelivered, 2);
    let late = producer.send_sync("a", "3");
    assert!(matches!(late, Err(ProducerError::TimedOut { .. })));

    assert_eq!(sent.acknowledge(), 2);
    assert!(matches!(look(&mut first), Poll::Ready(Ok(_))));
    assert_eq!(payloads(&sent.records()), ["1", "2"]);
    let mut fourth = producer.send_async("a", "4");
    assert_eq!(sent.fail_held(SendFault::UnknownTopic), 1);
    let failed = look(&mut fourth);
    assert!(matches!(
        failed,
        Poll::Ready(Err(ProducerError::UnknownTopic { .. }))
    ));
    producer.send("a", "5").unwrap();
    assert_eq!(producer.close(Duration::from_secs(600)).undelivered, 1);
    assert!(sent.held().is_empty());
    assert_eq!(sent.release(), 0);
}

#[test]
fn a_send_in_on_delivery_meets_no_lock() {
    let sent = Sent::new();
    let again: Arc<Mutex<Option<KafkaProducer>>> = Arc::default();
    let config = {
        let again = Arc::clone(&again);
        ProducerConfig::from(config()).on_delivery(move |report| {
            let producer = again.lock().unwrap().take();
            if let Some(producer) = producer {
                producer.send("b", report.payload.unwrap()).unwrap();
            }
        })
    };
    let producer = sent.producer(config).unwrap();
    *again.lock().unwrap() = Some(producer.clone());
    producer.send("a", "x").unwrap();
    assert_eq!(payloads(&sent.records()), ["x", "x"]);
}

#[test]
fn a_transaction_is_here_once_it_is_committed() {
    let sent = Sent::new();
    let producer = sent.transactional(config(), "id").unwrap();
    let transaction = producer.begin().unwrap();
    transaction.send("a", "1").unwrap();
    assert!(sent.records().is_empty());
    transaction.commit().unwrap();
    let transaction = producer.begin().unwrap();
    transaction.send("a", "dropped").unwrap();
    drop(transaction);

    sent.abort_next_transaction();
    let transaction = producer.begin().unwrap();
    transaction.send("a", "aborted").unwrap();
    let error = transaction.commit().unwrap_err();
    assert!(error.must_abort() && error.is_retriable(), "{error}");

    let transaction = producer.begin().unwrap();
    sent.fail_next(SendFault::UnknownTopic);
    transaction.send("b", "").unwrap();
    let broken = transaction.send("a", "").unwrap_err();
    assert!(
        matches!(broken, ProducerError::TransactionBroken { .. }),
        "{broken}"
    );
    let Err(ProducerError::TransactionAborted { source, .. }) = transaction.commit() else {
        panic!("a message of it was not delivered");
    };
    assert!(matches!(
        source.as_deref(),
        Some(ProducerError::UnknownTopic { .. })
    ));

    let transaction = producer.begin().unwrap();
    transaction.send("a", "2").unwrap();
    transaction.commit().unwrap();
    assert_eq!(payloads(&sent.records()), ["1", "2"]);
}

#[test]
#[should_panic(expected = "found [\n    a null=\"x\",\n    b-2 \"k\"=null n=\"v\",\n]")]
fn who_expects_one_message_is_shown_those_that_there_are() {
    let (producer, sent) = KafkaProducer::for_test();
    producer.send("a", "x").unwrap();
    let record = Record::to("b").key("k").header("n", "v").partition(2);
    producer.send_record(record).unwrap();
    sent.only();
}

#[cfg(feature = "json")]
#[test]
fn a_value_comes_as_its_json() {
    let (producer, sent) = KafkaProducer::for_test();
    producer.send_typed("a", &vec![1, 2]).unwrap();
    assert_eq!(sent.only().deserialize_json::<Vec<u8>>(), [1, 2]);
}

#[test]
fn a_callback_may_not_wait_for_its_own_producer() {
    let (audit, audited) = KafkaProducer::for_test();
    let producer = Arc::new(OnceLock::<KafkaProducer>::new());
    let said = Arc::new(Mutex::new(Vec::new()));
    let (own, notes) = (Arc::clone(&producer), Arc::clone(&said));
    let config = ProducerConfig::from(config()).on_delivery(move |_| {
        let other = audit.send_sync("audit", "delivered").map(drop);
        let own = own.get().expect("a producer").send_sync("a", "again");
        notes.lock().unwrap().extend([other, own.map(drop)]);
    });
    let _ = producer.set(Sent::new().producer(config).unwrap());
    producer.get().unwrap().send("a", "1").unwrap();
    let said = std::mem::take(&mut *said.lock().unwrap());
    assert!(
        matches!(&said[..], [Ok(()), Err(ProducerError::InCallback { .. })]),
        "{said:?}"
    );
    assert_eq!(payloads(&audited.records()), ["delivered"]);
}

#[test]
fn a_plain_producer_builds_records_part_by_part() {
    let (producer, sent) = KafkaProducer::for_test();
    let none = None::<String>;
    let delivery = producer
        .record("orders")
        .key("order-1")
        .payload("1")
        .header("version", "2")
        .header("null", &none)
        .header_opt("left out", none.as_deref())
        .header_opt("origin", Some("web"))
        .partition(3)
        .timestamp_ms(7)
        .send_sync()
        .unwrap();
    assert_eq!(delivery.partition, 3);
    let record = sent.only();
    assert_eq!((record.key_str(), record.payload_str()), ("order-1", "1"));
    assert_eq!(record.timestamp_ms(), Some(7));
    let headers: Vec<_> = record.headers().collect();
    assert_eq!(
        headers,
        [
            ("version", Some(&b"2"[..])),
            ("null", None),
            ("origin", Some(b"web"))
        ]
    );
    producer.record("orders").payload("2").send().unwrap();
    let mut future = producer.record("orders").send_async().unwrap();
    assert!(look(&mut future).is_ready());
    assert_eq!(sent.records().len(), 3);
}

#[cfg(feature = "json")]
#[test]
fn a_records_value_in_json_that_has_no_form_errs_when_it_is_sent() {
    let (producer, sent) = KafkaProducer::for_test();
    producer.record("orders").json(&[1, 2]).send().unwrap();
    assert_eq!(sent.only().payload_str(), "[1,2]");
    let none = std::collections::HashMap::from([((1, 2), 3)]);
    let error = producer.record("orders").json(&none).send().unwrap_err();
    assert!(matches!(error, ProducerError::Encode { .. }), "{error}");
    assert_eq!(sent.records().len(), 1);
}
