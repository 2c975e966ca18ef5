use crate::recorder::{Span, TEST, record, span, spans};
use crate::support::*;
use integration_tests::{Kafka, close, unique};
use opentelemetry::trace::{SpanKind, Status};
use rust_web_server::app::App;
use rust_web_server::response::{Response, STATUS_CODE_REASON_PHRASE};
use rust_web_server::test_client::TestClient;
use rws_kafka::trace::TraceContext;
use rws_kafka::{ConsumerContext, HandlerError, KafkaLayer};
use std::sync::{Arc, Mutex};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A request of a trace; its handler publishes in a span of its own; a worker publishes in turn,
/// fails, is given the message again, and dead-letters it.
#[test]
fn the_spans_of_a_request_a_message_its_retry_and_its_dead_letter_are_one_tree() {
    record();
    let orders = topic();
    let payments = format!("{orders}.payments");
    let queue = format!("{orders}.dlq");
    for topic in [&payments, &queue] {
        Kafka::shared().create_topic(topic, 1);
    }
    let group = unique("group");
    let handler = unique("handler");
    let producer = Kafka::shared().producer();
    let app = {
        let (producer, orders, handler) = (producer.clone(), orders.clone(), handler.clone());
        App::with_state(())
            .post("/orders", move |_request, _params, _connection, _state| {
                let span = tracing::info_span!(target: TEST, "", otel.name = handler);
                let _entered = span.enter();
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
        .header("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01"))
        .header("tracestate", "one=1,other=2")
        .send();
    assert_eq!(answer.status(), 202);
    let contexts: Arc<Mutex<Vec<(TraceContext, TraceContext)>>> = Arc::default();
    let worker = {
        let (producer, payments) = (producer.clone(), payments.clone());
        let contexts = Arc::clone(&contexts);
        consumer(&orders, &group)
            .dead_letter_queue(&queue)
            .max_retries(1)
            .retry_backoff_ms(1)
            .start(move |msg: ConsumerContext| {
                let of_message = msg.trace_context().expect("a context").clone();
                let current = TraceContext::current().expect("a context");
                contexts.lock().unwrap().push((of_message, current));
                producer.send(&payments, "{}")?;
                Err(HandlerError::new("not today"))
            })
    };
    let carried = headers(&orders, 1).remove(0);
    let letter = headers(&queue, 1).remove(0);
    assert!(worker.stop().is_clean());
    close(&producer);

    let of_handler = span(&handler);
    let sent = span(&format!("send {orders}"));
    let processed: Vec<Span> = {
        let named = spans(&format!("process {orders}"), 3).into_iter();
        // The test reads it, too.
        let of_group = |span: &Span| {
            span.attribute("messaging.consumer.group.name") == Some(group.clone().into())
        };
        named.filter(of_group).collect()
    };
    let published = spans(&format!("send {payments}"), 2);
    let dead = span(&format!("send {queue}"));
    assert_eq!((processed.len(), published.len()), (2, 2));

    // One trace; each the child of what caused it.
    let all = [&of_handler, &sent, &dead].into_iter();
    for span in all.chain(&processed).chain(&published) {
        assert_eq!(span.trace_id(), TRACE, "{span:?}");
    }
    assert_eq!(of_handler.parent().to_string(), "00f067aa0ba902b7");
    assert_eq!(sent.parent(), of_handler.id());
    for (processed, published) in processed.iter().zip(&published) {
        assert_eq!(
            (processed.parent(), processed.links()),
            (sent.id(), vec![sent.id()])
        );
        assert_eq!(published.parent(), processed.id());
    }
    assert_eq!(dead.parent(), processed[1].id());

    // Each message carries the context of the span that sent it.
    assert_eq!(values(&carried, "traceparent"), [sent.traceparent()]);
    assert_eq!(values(&carried, "tracestate"), ["one=1,other=2"]);
    assert_eq!(values(&letter, "traceparent"), [dead.traceparent()]);
    assert_eq!(values(&letter, "tracestate"), ["one=1,other=2"]);
    for ((of_message, current), processed) in contexts.lock().unwrap().iter().zip(&processed) {
        assert_eq!(of_message.traceparent(), processed.traceparent());
        assert_eq!(current, of_message);
    }

    // The attributes of the spans.
    assert_eq!(sent.0.span_kind, SpanKind::Producer);
    assert_eq!(sent.0.status, Status::Unset);
    assert_eq!(
        sent.attributes(),
        attributes([
            ("messaging.destination.name", &orders),
            ("messaging.destination.partition.id", "0"),
            ("messaging.kafka.offset", "0"),
            ("messaging.message.body.size", "2"),
            ("messaging.operation.name", "send"),
            ("messaging.operation.type", "send"),
            ("messaging.system", "kafka"),
        ])
    );
    for (attempt, span) in (1..).zip(&processed) {
        assert_eq!(span.0.span_kind, SpanKind::Consumer);
        assert_eq!(span.0.status, Status::error("not today"));
        let error_type = span.attribute("error.type").expect("a type").to_string();
        assert_eq!(
            span.attributes(),
            attributes([
                ("error.type", &error_type),
                ("messaging.consumer.group.name", &group),
                ("messaging.destination.name", &orders),
                ("messaging.destination.partition.id", "0"),
                ("messaging.kafka.offset", "0"),
                ("messaging.message.body.size", "2"),
                ("messaging.operation.name", "process"),
                ("messaging.operation.type", "process"),
                ("messaging.system", "kafka"),
                ("rws_kafka.attempt", &attempt.to_string()),
            ])
        );
    }
}

fn attributes<const N: usize>(of: [(&str, &str); N]) -> Vec<(String, String)> {
    of.map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}
