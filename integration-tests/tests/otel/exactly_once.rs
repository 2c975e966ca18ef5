use crate::recorder::{Span, record, span, spans};
use crate::support::*;
use integration_tests::{Kafka, close, soon, unique};
use rws_kafka::HandlerError;

/// Outputs that are sent after the handler has returned, and a dead letter in a transaction.
#[test]
fn what_a_transaction_sends_goes_out_in_the_trace_of_its_message() {
    record();
    let orders = topic();
    let invoices = format!("{orders}.invoices");
    let queue = format!("{orders}.dlq");
    for topic in [&invoices, &queue] {
        Kafka::shared().create_topic(topic, 1);
    }
    let producer = Kafka::shared().producer();
    producer.send(&orders, "good").unwrap();
    producer.send(&orders, "bad").unwrap();
    close(&producer);
    let group = unique("group");
    let worker = consumer(&orders, &group)
        .dead_letter_queue(&queue)
        .max_retries(0)
        .exactly_once(unique("worker"))
        .start({
            let invoices = invoices.clone();
            move |msg, out| match msg.payload_str()? {
                "good" => Ok(out.send(&invoices, "{}")?),
                _ => Err(HandlerError::new("not today")),
            }
        });
    soon(|| Kafka::shared().committed_offset(&group, &orders, 0) == Some(2));
    assert!(worker.stop().is_clean());
    let carried = [
        headers(&invoices, 1).remove(0),
        headers(&queue, 1).remove(0),
    ];
    let published = [&invoices, &queue].map(|topic| span(&format!("send {topic}")));
    let (sent, processed): (Vec<Span>, Vec<Span>) = (
        spans(&format!("send {orders}"), 2),
        spans(&format!("process {orders}"), 2),
    );
    for index in 0..2 {
        assert_eq!(processed[index].parent(), sent[index].id());
        assert_eq!(published[index].parent(), processed[index].id());
        let traceparent = values(&carried[index], "traceparent");
        assert_eq!(traceparent, [published[index].traceparent()]);
    }
}
