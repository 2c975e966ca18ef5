use integration_tests::{Kafka, SOON, soon, unique, unique_topic};
use rws_kafka::trace::TraceContext;
use rws_kafka::{ConsumerConfig, KafkaConsumer, Observer};
use std::future::Future;

pub(crate) const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
pub(crate) const TRACESTATE: &str = "one=1,other=2";

pub(crate) fn context() -> TraceContext {
    TraceContext::parse(TRACEPARENT, Some(TRACESTATE)).expect("a valid context")
}

pub(crate) fn topic() -> String {
    let topic = unique_topic("trace");
    Kafka::shared().create_topic(&topic, 1);
    topic
}

/// Returns a consumer in its own group.
pub(crate) fn consumer(topic: &str) -> KafkaConsumer {
    let config = ConsumerConfig::new(Kafka::shared().bootstrap(), unique("group"));
    let config = config.expect("an address").observer(Observer::new());
    KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe([topic]))
        .expect("a consumer")
}

pub(crate) type Headers = Vec<(String, Option<String>)>;

/// Returns the headers of the first `count` messages of a topic's only partition.
#[track_caller]
pub(crate) fn headers(topic: &str, count: usize) -> Vec<Headers> {
    let kafka = Kafka::shared();
    soon(|| kafka.end_offset(topic, 0) >= count as i64);
    let messages = kafka.read_with_kcat(topic).into_iter();
    messages.map(|message| message.headers).collect()
}

/// Headers with values, as `headers` returns them.
pub(crate) fn pairs<const N: usize>(headers: [(&str, &str); N]) -> Headers {
    headers
        .map(|(name, value)| (name.to_owned(), Some(value.to_owned())))
        .into()
}

/// Returns what a message carries that belongs to `context()`, and nothing else.
pub(crate) fn carried() -> Headers {
    pairs([("traceparent", TRACEPARENT), ("tracestate", TRACESTATE)])
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(SOON, future).await.expect("in time") })
}
