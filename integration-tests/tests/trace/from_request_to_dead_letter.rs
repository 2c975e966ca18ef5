use crate::support::*;
use integration_tests::{Kafka, close, soon};
use rust_web_server::app::App;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rust_web_server::test_client::TestClient;
use rws_kafka::trace::TraceContext;
use rws_kafka::{ConsumerContext, HandlerError, KafkaLayer};
use std::sync::{Arc, Mutex};

/// A request with a `traceparent`; its handler publishes; a worker publishes in turn, fails, is
/// given the message again, and dead-letters it.
#[test]
fn a_trace_goes_from_a_request_through_kafka_a_retry_and_a_dead_letter() {
    let orders = topic();
    let payments = format!("{orders}.payments");
    let queue = format!("{orders}.dlq");
    for topic in [&payments, &queue] {
        Kafka::shared().create_topic(topic, 1);
    }
    let producer = Kafka::shared().producer();
    let app = {
        let (producer, orders) = (producer.clone(), orders.clone());
        App::with_state(())
            .post("/orders", move |_request, _params, _connection, _state| {
                rws_kafka::respond(|| {
                    producer.send_keyed(&orders, "order-1", "{}")?;
                    let accepted = STATUS_CODE_REASON_PHRASE.n202_accepted;
                    Ok(Response::get_response(accepted, None, None))
                })
            })
            .wrap(KafkaLayer::new())
    };

    let answer = TestClient::new(app)
        .post("/orders")
        .header("Traceparent", TRACEPARENT)
        .header("tracestate", TRACESTATE)
        .send();

    assert_eq!(answer.status(), 202);
    assert_eq!(headers(&orders, 1), [carried()]);

    let seen: Arc<Mutex<Vec<_>>> = Arc::default();
    let handle = {
        let (seen, producer, payments) = (Arc::clone(&seen), producer.clone(), payments.clone());
        consumer(&orders)
            .dead_letter_queue(&queue)
            .max_retries(2)
            .retry_backoff_ms(1)
            .start(move |msg: ConsumerContext| {
                let current = TraceContext::current();
                assert_eq!(msg.trace_context(), current.as_ref());
                producer.send_sync(&payments, "{}")?;
                // Work that continues elsewhere takes the trace with it.
                let elsewhere = std::thread::spawn({
                    let (producer, payments) = (producer.clone(), payments.clone());
                    move || {
                        let _scope = msg.trace_context().map(TraceContext::enter);
                        producer.send(&payments, "{}")
                    }
                });
                elsewhere.join().expect("no panic")?;
                seen.lock().unwrap().push(current);
                Err(HandlerError::new("not today"))
            })
    };

    let letter = headers(&queue, 1).remove(0);
    soon(|| seen.lock().unwrap().len() == 3);
    assert_eq!(*seen.lock().unwrap(), vec![Some(context()); 3]);
    assert_eq!(letter[..2], carried());
    let reason = (
        "rws-dlq-error-reason".to_owned(),
        Some("not today".to_owned()),
    );
    assert!(letter.contains(&reason), "{letter:?}");
    assert!(handle.stop().is_clean());
    close(&producer);
    assert_eq!(headers(&payments, 6), vec![carried(); 6]);
}
