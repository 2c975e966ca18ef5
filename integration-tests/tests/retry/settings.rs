use rws_kafka_consumer::{ConsumerConfig, ConsumerContext, ConsumerError, KafkaConsumer};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn consumer(topics: &[&str]) -> KafkaConsumer {
    // None of these reaches the broker.
    let config = ConsumerConfig::new("localhost:1", "billing").expect("valid settings");
    KafkaConsumer::new(config)
        .and_then(|consumer| consumer.subscribe(topics.iter().copied()))
        .expect("a valid consumer")
}

#[track_caller]
fn refused(consumer: KafkaConsumer, setting: &str, problem: &str) {
    let refuse = |error: ConsumerError| {
        assert!(matches!(error, ConsumerError::Setting { .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.starts_with(setting) && text.contains(problem),
            "{text}"
        );
    };
    let plain = consumer
        .clone()
        .try_start(|msg: ConsumerContext| msg.commit());
    refuse(plain.expect_err("a wrong setting"));
    let exactly_once = consumer.exactly_once("id").try_start(|_, _| Ok(()));
    refuse(exactly_once.expect_err("a wrong setting"));
}

#[test]
fn wrong_settings_are_told_before_anything_starts() {
    let orders = || consumer(&["orders"]);
    let delays = [SECOND, 2 * SECOND];
    refused(
        orders().retry_topics([Duration::ZERO]),
        "retry_topics",
        "delay of 0ns; 1 ms to",
    );
    refused(
        orders()
            .retry_topics([10_000 * 3600 * SECOND / 1000])
            .retry_topics([Duration::MAX]),
        "retry_topics",
        "are allowed",
    );
    refused(
        consumer(&["orders", "^payments.*"]).retry_topics([SECOND]),
        "retry_topics",
        "\"^payments.*\" is a pattern",
    );
    let names = "retry_topic_names";
    refused(
        consumer(&["orders", "payments"])
            .retry_topics([SECOND])
            .retry_topic_names("retry"),
        names,
        "there are 2 topics: it must contain {topic}",
    );
    refused(
        orders()
            .retry_topics(delays)
            .retry_topic_names("{topic}-retry"),
        names,
        "there are 2 delays: it must contain {delay} or {attempt}",
    );
    refused(
        orders().retry_topics([SECOND, SECOND]),
        names,
        "results in \"orders-billing-retry-1000\" twice",
    );
    refused(
        orders()
            .retry_topics([SECOND])
            .retry_topic_names("{topic}/retry"),
        names,
        "contains '/'",
    );
    refused(
        consumer(&["orders", "orders.retry"])
            .retry_topics([SECOND])
            .retry_topic_names("{topic}.retry"),
        names,
        "results in \"orders.retry\", to which the worker also subscribes",
    );
    refused(
        orders()
            .retry_topics([SECOND])
            .retry_topic_names("{topic}.dlq")
            .dead_letter_queue("orders.dlq"),
        "dead_letter_queue",
        "is \"orders.dlq\", which is also a retry topic",
    );
    refused(
        orders().retry_topic_names("{topic}.retry"),
        names,
        "is set, but there are no retry_topics",
    );
    refused(
        orders().retry_topics([]).create_retry_topics(false),
        "create_retry_topics",
        "is set, but there are no retry_topics",
    );
}
