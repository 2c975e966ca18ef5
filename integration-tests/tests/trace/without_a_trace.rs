//! Messages without a trace, or with an invalid one.

use crate::support::*;
use integration_tests::{Kafka, close, soon};
use rws_kafka::trace::TraceContext;
use rws_kafka::{ConsumerContext, HandlerError};
use std::sync::{Arc, Mutex};

#[test]
fn a_message_that_belongs_to_no_trace_carries_no_header() {
    let topic = topic();
    let producer = Kafka::shared().producer();
    drop(context().enter());
    producer.send(&topic, "1").unwrap();
    close(&producer);
    assert_eq!(headers(&topic, 1), [Headers::new()]);
}

#[test]
fn what_is_not_valid_is_ignored_and_a_trace_ends_with_its_message() {
    let topic = topic();
    let queue = format!("{topic}.dlq");
    let published = format!("{topic}.published");
    for topic in [&queue, &published] {
        Kafka::shared().create_topic(topic, 1);
    }
    let traceparents = [
        TRACEPARENT,
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "",
    ];
    let producer = Kafka::shared().producer();
    for traceparent in traceparents {
        let headers = [("traceparent", traceparent), ("tracestate", TRACESTATE)];
        let sent = producer.send_with_headers(&topic, "key", "payload", headers);
        sent.unwrap();
    }
    let seen: Arc<Mutex<Vec<_>>> = Arc::default();
    let handle = {
        let (seen, producer, published) = (Arc::clone(&seen), producer.clone(), published.clone());
        let consumer = consumer(&topic).dead_letter_queue(&queue).max_retries(0);
        consumer.start(move |msg: ConsumerContext| {
            let contexts = (msg.trace_context().cloned(), TraceContext::current());
            seen.lock().unwrap().push(contexts);
            producer.send(&published, "payload")?;
            Err(HandlerError::new("to the queue with it"))
        })
    };
    let letters = headers(&queue, traceparents.len());
    assert!(handle.stop().is_clean());
    close(&producer);
    let mut expected = vec![(None, None); traceparents.len()];
    expected[0] = (Some(context()), Some(context()));
    assert_eq!(*seen.lock().unwrap(), expected);
    let mut expected = vec![Headers::new(); traceparents.len()];
    expected[0] = carried();
    assert_eq!(headers(&published, traceparents.len()), expected);
    for (letter, traceparent) in letters.iter().zip(traceparents) {
        let came = pairs([("traceparent", traceparent), ("tracestate", TRACESTATE)]);
        assert_eq!(letter[..2], came, "as it came");
        assert!(letter[2].0.starts_with("rws-dlq-"), "{letter:?}");
    }
}

#[test]
fn a_panic_in_a_handler_ends_its_trace() {
    let topic = topic();
    let producer = Kafka::shared().producer();
    {
        let _scope = context().enter();
        producer.send(&topic, "panic").unwrap();
    }
    producer.send(&topic, "calm").unwrap();
    close(&producer);
    let seen: Arc<Mutex<Vec<_>>> = Arc::default();
    let handle = {
        let seen = Arc::clone(&seen);
        let consumer = consumer(&topic).on_failure(rws_kafka::FailurePolicy::Skip);
        consumer.max_retries(0).start(move |msg: ConsumerContext| {
            seen.lock().unwrap().push(TraceContext::current());
            assert!(msg.payload_str()? == "calm", "as requested");
            msg.commit()
        })
    };
    soon(|| seen.lock().unwrap().len() == 2);
    assert!(handle.stop().is_clean());
    assert_eq!(*seen.lock().unwrap(), [Some(context()), None]);
}
